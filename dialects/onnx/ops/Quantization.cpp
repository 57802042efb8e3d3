//===- dialects/onnx/ops/Quantization.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// QuantizeLinear and DequantizeLinear: one operation per element, with a scale and a zero point that depend on where
// the element is. Older versions are the newest one with fewer attributes and types.
#include "dialects/onnx/ops/Quantization.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/SmallFloats.h"
#include "dialects/onnx/support/Upgrade.h"
#include "dialects/onnx/support/ZeroPoint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

//===- Granularity ------------------------------------------------------------------===//

namespace {
/// Which elements share a scale: all of them, those at an index of `axis`, or those of a block of indices (and of one
/// index of every other axis).
struct Granularity {
  enum Kind { Tensor, Axis, Block } kind;
  int64_t axis = 0, block = 0;
};
} // namespace

static bool hasOneElement(Type type) {
  return llvm::all_of(getDims(type), [](AffineExpr size) { return getConstant(size) == 1; });
}

/// How `parameter` (a scale or a zero point, called `name`) belongs to `x`.
template <typename OpT> static FailureOr<Granularity> getGranularity(OpT op, Value parameter, StringRef name) {
  Dims x = getDims(op.getX()), sizes = getDims(parameter);
  int64_t rank = x.size(), block = op.getBlockSize();
  if (hasOneElement(parameter.getType()))
    return Granularity{Granularity::Tensor};
  if (block < 0)
    return op.emitOpError("block_size ") << block << " is negative";
  bool isBlocked = block > 0;
  // "Per-axis: the scale must be a 1-D tensor", "blocked: the scale's shape is identical to the input's shape, except
  // for one dimension".
  int64_t wanted = isBlocked ? rank : 1;
  if (static_cast<int64_t>(sizes.size()) != wanted)
    return op.emitOpError(name) << " has rank " << sizes.size() << ", expected " << wanted
                                << (isBlocked ? " for blocks of " : " for one value per index of the axis");
  // Without such an axis a number that only run time tells can only be 1.
  if (!isBlocked && (op.getAxis() >= rank || op.getAxis() < -rank) && !getConstant(sizes[0]))
    return Granularity{Granularity::Tensor};
  auto axis = normalizeAxis(op, op.getAxis(), rank);
  if (failed(axis))
    return failure();
  for (int64_t i = 0; i < static_cast<int64_t>(sizes.size()); ++i) {
    int64_t at = isBlocked ? i : *axis;
    AffineExpr expected = isBlocked && at == *axis ? x[at].ceilDiv(block) : x[at];
    auto size = getConstant(sizes[i]), needed = getConstant(expected);
    if (size && needed && *size != *needed)
      return op.emitOpError(name) << " has size " << *size << " in dimension " << i << ", expected " << *needed;
  }
  return Granularity{isBlocked ? Granularity::Block : Granularity::Axis, *axis, block};
}

/// The element of `parameter` that belongs to each element of a loop nest over `x`.
namespace {
class Parameter {
public:
  Parameter() = default;
  template <typename OpT>
  Parameter(OpT op, LoweringBuilder &b, Value onnxValue, Value lowered, Granularity granularity, StringRef name)
      : value{lowered, cast<RankedTensorType>(onnxValue.getType())}, granularity(granularity) {
    int64_t rank = getDims(op.getX()).size();
    auto message = [&] { return (op->getName().stripDialect() + ": " + name + " does not fit x").str(); };
    if (granularity.kind == Granularity::Tensor) {
      for (AffineExpr size : value.dims())
        b.requireEqual(size, makeDim(b.getContext(), 1), message());
      value = reshape(b, value, {});
      map = AffineMap::get(rank, 0, b.getContext());
      return;
    }
    Dims x = getDims(op.getX());
    if (granularity.kind == Granularity::Axis) {
      value = spread(b, value, x[granularity.axis], message());
      map = AffineMap::get(rank, 0, b.getAffineDimExpr(granularity.axis));
      return;
    }
    for (int64_t i = 0; i < rank; ++i)
      b.requireEqual(value.dims()[i], i == granularity.axis ? x[i].ceilDiv(granularity.block) : x[i], message());
  }

  explicit operator bool() const { return static_cast<bool>(value); }
  /// Whether a loop reads it as an operand; the elements of blocks are looked up by index.
  bool isOperand() const { return value && granularity.kind != Granularity::Block; }

  Scalar get(ImplicitLocOpBuilder &b, ValueRange args, unsigned &next) const {
    if (isOperand())
      return load(b, args[next++], value.element());
    SmallVector<Value> at;
    for (int64_t i = 0; i < value.rank(); ++i) {
      at.push_back(linalg::IndexOp::create(b, i));
      if (i == granularity.axis)
        at.back() = arith::DivUIOp::create(b, at.back(), arith::ConstantIndexOp::create(b, granularity.block));
    }
    return load(b, tensor::ExtractOp::create(b, value.value, at), value.element());
  }

  Lowered value;
  AffineMap map;

private:
  Granularity granularity{Granularity::Tensor};
};
} // namespace

/// formula(x, scale, zero point or null) for each element of x.
template <typename OpT>
static FailureOr<SmallVector<Value>> lowerElements(OpT op, LoweringBuilder &b, ValueRange operands,
                                                   llvm::function_ref<Scalar(Scalar, Scalar, Scalar)> formula) {
  Parameter parameters[2];
  for (unsigned i : {0, 1}) {
    StringRef name = i == 0 ? "scale" : "zero point";
    if (!operands[1 + i])
      continue;
    auto granularity = getGranularity(op, op->getOperand(1 + i), name);
    if (failed(granularity))
      return failure();
    parameters[i] = Parameter(op, b, op->getOperand(1 + i), operands[1 + i], *granularity, name);
  }
  SmallVector<Value> inputs{operands[0]};
  SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(getDims(op.getX()).size())};
  for (const Parameter &parameter : parameters)
    if (parameter.isOperand()) {
      inputs.push_back(parameter.value.value);
      maps.push_back(parameter.map);
    }
  Type element = getElementTypeOrSelf(op.getX());
  return SmallVector<Value>{
      b.elementwise(op.getY().getType(), inputs, maps, [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
        unsigned next = 1;
        Scalar scale = parameters[0].get(nested, args, next);
        Scalar zero = parameters[1] ? parameters[1].get(nested, args, next) : Scalar();
        return formula(load(nested, args[0], element), scale, zero);
      })};
}

/// The element type that an attribute with ONNX's number asks for.
template <typename OpT> static FailureOr<Type> typeNumbered(OpT op, int64_t number, StringRef attribute) {
  if (Type type = getElementType(op.getContext(), number))
    return type;
  return op.emitOpError(attribute) << " " << getElementTypeName(number) << " is not supported yet";
}

/// Float types that can be calculated with, as opposed to small ones.
static bool isRealType(Type type) { return isa<FloatType>(type) && !isSmallFloat(type); }

/// What real numbers are quantised to: integers of at most `maxWidth` bits, and small floats but the one that scales
/// are.
static bool isQuantizedType(Type type, unsigned maxWidth) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() > 1 && integer.getWidth() <= maxWidth;
  return isSmallFloat(type) && !isa<Float8E8M0FNUType>(type);
}

static bool isScaleType(Type type) { return isRealType(type) || isa<Float8E8M0FNUType>(type); }

/// x rounded to the float type `to`, for arithmetic in at least f32.
static Scalar roundTo(Scalar x, Type to) { return widen(convert(x, to)); }

//===- QuantizeLinear ---------------------------------------------------------------===//

/// The type in which x is divided by the scale: that of the scale, unless `precision` says otherwise.
static FailureOr<Type> divisionType(QuantizeLinearOp op) {
  if (op.getPrecision() == 0) {
    Type scale = getElementTypeOrSelf(op.getYScale());
    return isRealType(scale) ? scale : Type(Float32Type::get(op.getContext()));
  }
  auto type = typeNumbered(op, op.getPrecision(), "precision");
  if (succeeded(type) && !isRealType(*type))
    return op.emitOpError("precision must be a floating-point type, not ") << getElementTypeName(*type);
  return type;
}

LogicalResult QuantizeLinearOp::inferTypes(SmallVectorImpl<Type> &types) {
  bool hasZero = isa<RankedTensorType>(getYZeroPoint().getType());
  Type element = hasZero ? getElementTypeOrSelf(getYZeroPoint()) : Type();
  if (getOutputDtype() != 0) {
    auto wanted = typeNumbered(*this, getOutputDtype(), "output_dtype");
    if (failed(wanted))
      return failure();
    // "If both output_dtype and y_zero_point are specified, output_dtype must be T3."
    if (hasZero && element != *wanted)
      return emitOpError("output_dtype is ")
             << getElementTypeName(*wanted) << ", but the zero point is " << getElementTypeName(element);
    element = *wanted;
  }
  if (!element)
    element = IntegerType::get(getContext(), 8, IntegerType::Unsigned);
  if (!isQuantizedType(element, /*maxWidth=*/16))
    return emitOpError("can't quantize to ") << getElementTypeName(element);
  Type x = getElementTypeOrSelf(getX()), scale = getElementTypeOrSelf(getYScale());
  if (!isRealType(x) && !x.isSignlessInteger(32))
    return emitOpError("takes floating-point numbers or int32, not ") << getElementTypeName(x);
  if (!isScaleType(scale) && !scale.isSignlessInteger(32))
    return emitOpError("y_scale must be floating-point numbers or int32, not ") << getElementTypeName(scale);
  if (failed(divisionType(*this)) || failed(getGranularity(*this, getYScale(), "y_scale")) ||
      (hasZero && failed(getGranularity(*this, getYZeroPoint(), "y_zero_point"))))
    return failure();
  types.push_back(withElementType(getX().getType(), element));
  return success();
}

FailureOr<SmallVector<Value>> QuantizeLinearOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto precision = divisionType(*this);
  if (failed(precision))
    return failure();
  Type quantized = getElementTypeOrSelf(getY());
  auto divide = [&](Scalar x, Scalar scale) {
    return roundTo(roundTo(x, *precision) / roundTo(scale, *precision), *precision);
  };
  if (isSmallFloat(quantized))
    return lowerElements(*this, b, operands, [&](Scalar x, Scalar scale, Scalar zero) {
      Scalar y = divide(x, scale);
      return store(zero ? y + convert(zero, y.type()) : y, quantized, {getSaturate() != 0});
    });
  auto element = cast<IntegerType>(quantized);
  double low = element.isUnsigned() ? 0 : -std::ldexp(1.0, element.getWidth() - 1);
  double high = low + std::ldexp(1.0, element.getWidth()) - 1;
  Type stored = LoweringBuilder::loweredType(getY().getType()).getElementType();
  return lowerElements(*this, b, operands, [&](Scalar x, Scalar scale, Scalar zero) {
    // Integers of 16 bits and sums of two are exact in f32, so that clamping comes before the conversion, which no
    // number is out of range for then. Comparisons are such that NaN becomes the lowest number.
    Scalar y = roundeven(divide(x, scale));
    if (zero)
      y = y + convert(zero, y.type());
    y = select(y > low, y, low);
    y = select(y < high, y, high);
    return convert(y, stored, element.isUnsigned());
  });
}

//===- DequantizeLinear -------------------------------------------------------------===//

LogicalResult DequantizeLinearOp::inferTypes(SmallVectorImpl<Type> &types) {
  Type x = getElementTypeOrSelf(getX()), element = getElementTypeOrSelf(getXScale());
  if (!isQuantizedType(x, /*maxWidth=*/32))
    return emitOpError("can't dequantize ") << getElementTypeName(x);
  bool hasZero = isa<RankedTensorType>(getXZeroPoint().getType());
  if (hasZero && getElementTypeOrSelf(getXZeroPoint()) != x) // "x_zero_point and x must have the same type"
    return emitOpError("x is ") << getElementTypeName(x) << ", but the zero point is "
                                << getElementTypeName(getElementTypeOrSelf(getXZeroPoint()));
  if (getOutputDtype() != 0) {
    auto wanted = typeNumbered(*this, getOutputDtype(), "output_dtype");
    if (failed(wanted))
      return failure();
    element = *wanted;
  }
  if (!isScaleType(getElementTypeOrSelf(getXScale())))
    return emitOpError("x_scale must be floating-point numbers, not ")
           << getElementTypeName(getElementTypeOrSelf(getXScale()));
  if (!isRealType(element)) // "if output_dtype is not supplied then the output type is the same as x_scale"
    return emitOpError("can't dequantize to ") << getElementTypeName(element) << "; output_dtype says to what";
  if (failed(getGranularity(*this, getXScale(), "x_scale")) ||
      (hasZero && failed(getGranularity(*this, getXZeroPoint(), "x_zero_point"))))
    return failure();
  types.push_back(withElementType(getX().getType(), element));
  return success();
}

FailureOr<SmallVector<Value>> DequantizeLinearOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Type element = getElementTypeOrSelf(getY()), wide = accumulatorType(element);
  return lowerElements(*this, b, operands, [&](Scalar x, Scalar scale, Scalar zero) {
    Scalar difference = x.isFloat() ? x : convert(x, b.getI32Type());
    if (zero)
      difference = difference - convert(zero, difference.type());
    return convert(convert(difference, wide) * convert(scale, wide), element);
  });
}

//===- Operators on quantised numbers -----------------------------------------------===//

// They are rewritten on import: the operator on real numbers between DequantizeLinear and QuantizeLinear, which is the
// form that most models have. Real numbers are f32 there, whatever the type of the scales.

static NamedAttribute intAttribute(OpBuilder &b, StringRef name, int64_t value) {
  return b.getNamedAttr(name, b.getIntegerAttr(b.getIntegerType(64, /*isSigned=*/true), value));
}

/// The only result of the operation with these operands; null after an error.
template <typename OpT>
static Value build(ImplicitLocOpBuilder &b, ValueRange operands, ArrayRef<NamedAttribute> attributes = {}) {
  auto op = make<OpT>(b, operands, attributes);
  return op ? Value(op->getResult(0)) : Value();
}

static Value orNone(ImplicitLocOpBuilder &b, Value value) {
  return value ? value : Value(NoneOp::create(b, b.getNoneType()));
}

/// Operand `i` of the node as real numbers; its scale and zero point are the next two operands. Null after an error.
static Value dequantize(NodeForm &node, unsigned i, int64_t axis) {
  ImplicitLocOpBuilder &b = node.b;
  Value x = node.operand(i), scale = node.operand(i + 1), zero = node.operand(i + 2);
  int64_t f32 = getOnnxType(b.getF32Type());
  if (getDims(scale).size() <= 1 || hasOneElement(scale.getType()))
    return build<DequantizeLinearOp>(b, {x, scale, orNone(b, zero)},
                                     {intAttribute(b, "axis", axis), intAttribute(b, "output_dtype", f32)});
  // One scale for each row or column of each matrix: what broadcasting does.
  auto cast = [&](Value value) { return build<CastOp>(b, value, intAttribute(b, "to", f32)); };
  x = cast(x);
  if (zero)
    x = build<SubOp>(b, {x, cast(zero)});
  return x ? build<MulOp>(b, {x, cast(scale)}) : Value();
}

static LogicalResult quantize(NodeForm &node, Value y, unsigned scale) {
  ImplicitLocOpBuilder &b = node.b;
  NamedAttribute precision = intAttribute(b, "precision", getOnnxType(b.getF32Type()));
  Value result = build<QuantizeLinearOp>(b, {y, node.operand(scale), orNone(b, node.operand(scale + 1))}, precision);
  if (!result)
    return failure();
  node.results = SmallVector<Value>{result};
  return success();
}

static LogicalResult expandQLinearConv(NodeForm &node) {
  if (failed(requireOperands(node, 8)))
    return failure();
  ImplicitLocOpBuilder &b = node.b;
  Value x = dequantize(node, 0, 1), w = dequantize(node, 3, 0);
  if (!x || !w)
    return failure();
  Value bias = orNone(b, Value());
  if (Value given = node.operand(8)) { // "quantized using scale = x_scale * w_scale and zero_point = 0"
    Value scale = build<MulOp>(b, {node.operand(1), node.operand(4)});
    bias = scale ? build<DequantizeLinearOp>(b, {given, scale, bias}, intAttribute(b, "axis", 0)) : Value();
  }
  Operation *conv = bias ? makeOp(b, ConvOp::getOperationName(), {x, w, bias}, takeThoseOf<ConvOp>(node), 1) : nullptr;
  return conv ? quantize(node, conv->getResult(0), 6) : failure();
}

static LogicalResult expandQLinearMatMul(NodeForm &node) {
  if (failed(requireOperands(node, 8)))
    return failure();
  auto rankOf = [&](unsigned i) { return static_cast<int64_t>(getDims(node.operand(i)).size()); };
  Value lhs = dequantize(node, 0, std::max<int64_t>(rankOf(0) - 2, 0)), rhs = dequantize(node, 3, rankOf(3) - 1);
  if (!lhs || !rhs)
    return failure();
  Value product = build<MatMulOp>(node.b, {lhs, rhs});
  return product ? quantize(node, product, 6) : failure();
}

/// Scale and zero point such that 0 to 255 are the range of x and 0.
static LogicalResult expandDynamicQuantizeLinear(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  ImplicitLocOpBuilder &b = node.b;
  Value x = node.operand(0), none = orNone(b, Value());
  Type element = getElementTypeOrSelf(x);
  if (!isa<FloatType>(element))
    return node.error() << "x must be floating-point numbers, not " << getElementTypeName(element);
  NamedAttribute drop = intAttribute(b, "keepdims", 0);
  Value zero = node.scalar(0, element);
  Value high = build<MaxOp>(b, {build<ReduceMaxOp>(b, {x, none}, drop), zero});
  Value low = build<MinOp>(b, {build<ReduceMinOp>(b, {x, none}, drop), zero});
  Value scale = build<DivOp>(b, {build<SubOp>(b, {high, low}), node.scalar(255, element)});
  // The zero point is what 0 - low becomes: rounded and clamped like everything else.
  Value zeroPoint = build<QuantizeLinearOp>(b, {build<NegOp>(b, low), scale, none});
  node.results = SmallVector<Value>{build<QuantizeLinearOp>(b, {x, scale, zeroPoint}), scale, zeroPoint};
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Quantization.cpp.inc"

void onnxc::onnx::registerQuantizationOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Quantization.cpp.inc"
      >();
  constexpr int64_t kAlways = std::numeric_limits<int64_t>::max();
  dialect.addUpgrade("DynamicQuantizeLinear", kAlways, expandDynamicQuantizeLinear);
  dialect.addUpgrade("QLinearConv", kAlways, expandQLinearConv);
  dialect.addUpgrade("QLinearMatMul", kAlways, expandQLinearMatMul);
}
