//===- dialects/onnx/ops/Convolution.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions over one, two or three spatial dimensions.
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Weights.h"
#include "dialects/onnx/support/Window.h"
#include "dialects/onnx/support/ZeroPoint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;
using onnxc::ConstantView;

/// Checks what Conv and ConvTranspose have in common; gives the spatial sizes of the weights.
template <typename OpT> static FailureOr<Dims> verifyOperands(OpT op, int64_t channelsOfX) {
  auto x = cast<RankedTensorType>(op.getX().getType()), w = cast<RankedTensorType>(op.getW().getType());
  if (x.getRank() < 3)
    return op.emitOpError("X has rank ") << x.getRank() << ", expected a batch, channels and spatial dimensions";
  if (x.getRank() > 5)
    return op.emitOpError("has ") << x.getRank() - 2 << " spatial dimensions, at most 3 can be compiled";
  if (w.getRank() != x.getRank())
    return op.emitOpError("W has rank ") << w.getRank() << ", X has rank " << x.getRank();
  if (!std::is_same_v<OpT, ConvIntegerOp> && x.getElementType() != w.getElementType())
    return op.emitOpError("X and W have different element types");
  if (llvm::is_contained(w.getShape().drop_front(2), 0))
    return op.emitOpError("the spatial sizes of W must be positive");
  int64_t group = op.getGroup();
  if (group < 1)
    return op.emitOpError("group ") << group << " is not positive";
  // X[1] == channels, and group divides channels and feature maps.
  int64_t channels = x.getDimSize(1);
  if (!ShapedType::isDynamic(channels) && !ShapedType::isDynamic(channelsOfX) && channels != channelsOfX)
    return op.emitOpError("X has ") << channels << " channels, the weights are for " << channelsOfX;
  for (int64_t size : {channels, w.getDimSize(0)})
    if (!ShapedType::isDynamic(size) && size % group != 0)
      return op.emitOpError("group ") << group << " does not divide " << size << " channels";
  return Dims(ArrayRef(getDims(w)).drop_front(2));
}

/// What one operand or attribute says of the sizes of another holds for it where it is symbolic: the channels of X are
/// those of W, the kernel is `kernel_shape`, B has an element for each feature map. `inX` and `inW` are the dimensions
/// of channels in W as they are in one group.
template <typename OpT> static LogicalResult assumeOperands(OpT op, unsigned channelsInW, bool perGroup) {
  auto x = cast<RankedTensorType>(op.getX().getType()), w = cast<RankedTensorType>(op.getW().getType());
  int64_t group = op.getGroup(), scale = perGroup ? group : 1;
  SmallVector<int64_t> xSizes(x.getRank(), -1), wSizes(w.getRank(), -1);
  int64_t channels = x.getDimSize(1), inW = w.getDimSize(channelsInW);
  if (!ShapedType::isDynamic(inW))
    xSizes[1] = inW * scale;
  else if (!ShapedType::isDynamic(channels) && channels % scale == 0)
    wSizes[channelsInW] = channels / scale;
  if (auto kernel = op.getKernelShape(); kernel && static_cast<int64_t>(kernel->size()) == w.getRank() - 2)
    llvm::copy(*kernel, wSizes.begin() + 2);
  if (failed(assumeSizes(op, 0, xSizes, "X")) || failed(assumeSizes(op, 1, wSizes, "W")))
    return failure();
  if constexpr (!std::is_same_v<OpT, ConvIntegerOp>)
    if (auto features = getConstant(getDims(op.getW())[1 - channelsInW] * (perGroup ? 1 : group)))
      return assumeSizes(op, 2, *features, "B");
  return success();
}

/// What `verifyOperands` checks of numbers.
template <typename OpT>
static void requireOperands(OpT op, LoweringBuilder &b, AffineExpr channelsOfX, AffineExpr features) {
  MLIRContext *context = op.getContext();
  AffineExpr group = makeDim(context, op.getGroup()), channels = getDims(op.getX())[1], first = getDims(op.getW())[0];
  std::string name = op->getName().stripDialect().str();
  b.requireEqual(channels, channelsOfX, name + ": X has another number of channels than the weights are for");
  for (AffineExpr size : {channels, first})
    b.requireEqual(floorDiv(size, group) * group, size, name + ": group does not divide the channels");
  if constexpr (!std::is_same_v<OpT, ConvIntegerOp>)
    if (isa<RankedTensorType>(op.getB().getType()))
      b.requireEqual(getDims(op.getB())[0], features, name + ": B has not one element for each feature map");
}

/// B has one element for each feature map.
template <typename OpT> static LogicalResult verifyBias(OpT op, AffineExpr features) {
  auto type = dyn_cast<RankedTensorType>(op.getB().getType());
  if (!type)
    return success();
  if (type.getRank() != 1)
    return op.emitOpError("B has rank ") << type.getRank() << ", expected 1";
  auto size = getConstant(getDims(type)[0]), expected = getConstant(features);
  if (size && expected && *size != *expected)
    return op.emitOpError("B has ") << *size << " elements, expected one for each of the " << *expected
                                    << " feature maps";
  return success();
}

template <typename OpT> static WindowAttributes getAttributes(OpT op) {
  return {op.getAutoPad(), op.getKernelShape(), op.getStrides(), op.getDilations(), op.getPads()};
}

/// One tensor dimension split into `group` equal parts, which divide it: [..., C, ...] -> [..., G, C / G, ...].
static Lowered splitGroups(LoweringBuilder &b, Lowered value, unsigned at, int64_t group) {
  Dims dims = value.dims();
  dims[at] = floorDiv(dims[at], makeDim(b.getContext(), group));
  dims.insert(dims.begin() + at, makeDim(b.getContext(), group));
  return reshape(b, value, dims);
}

/// The same with a dimension of size 1 in front of the spatial ones.
static Lowered addUnitAxis(LoweringBuilder &b, Lowered value) {
  Dims dims = value.dims();
  dims.insert(dims.begin() + 2, makeDim(b.getContext(), 1));
  return reshape(b, value, dims);
}

/// Convolution of [N, C, H, W] with [C, 1, h, w] channel by channel, accumulated in `accumulator`, of their type.
static Lowered convolveChannels(LoweringBuilder &b, Lowered x, Lowered w, Window window, Type accumulator) {
  Dims result{x.dims()[0], w.dims()[0]}, filter = w.dims();
  llvm::append_range(result, window.outputDims());
  filter.erase(filter.begin() + 1);
  x = window.pad(b, x, b.constant(x.element(), 0));
  RankedTensorType type = makeTensor(result, accumulator);
  Value init = b.filled(type, b.constant(accumulator, 0));
  auto op = linalg::DepthwiseConv2DNchwChwOp::create(b, TypeRange{init.getType()},
                                                     ValueRange{x.value, reshape(b, w, filter).value}, ValueRange{init},
                                                     window.strides(b), window.dilations(b));
  return {op.getResult(0), type};
}

/// Convolution of [N, C, spatial] with [M, C / group, spatial], accumulated in `accumulator`.
static Lowered convolve(LoweringBuilder &b, Lowered x, Lowered w, int64_t group, Window window, Type accumulator) {
  MLIRContext *context = b.getContext();
  if (isa<FloatType>(accumulator)) {
    x = convert(b, x, accumulator);
    w = convert(b, w, accumulator);
  }
  Dims result{x.dims()[0], w.dims()[0]};
  llvm::append_range(result, window.outputDims());
  if (window.axes.size() == 1) { // as two-dimensional with height 1
    x = addUnitAxis(b, x);
    w = addUnitAxis(b, w);
    Lowered y = convolve(b, x, w, group, window.withUnitAxis(context), accumulator);
    return reshape(b, y, result);
  }
  bool is2D = window.axes.size() == 2, grouped = group > 1;
  if (grouped && is2D && x.dims()[1] == makeDim(context, group) && w.dims()[0] == x.dims()[1])
    return convolveChannels(b, x, w, window, accumulator);
  Dims dims = result;
  if (grouped) {
    x = splitGroups(b, x, 1, group);
    w = splitGroups(b, w, 0, group);
    dims = {result[0], w.dims()[0], w.dims()[1]};
    llvm::append_range(dims, window.outputDims());
  }
  x = window.pad(b, x, b.constant(x.element(), 0));
  RankedTensorType type = makeTensor(dims, accumulator);
  auto create = [&](auto named, Lowered w) -> Lowered {
    using ConvT = decltype(named);
    Value init = b.filled(type, b.constant(accumulator, 0));
    auto op = ConvT::create(b, TypeRange{init.getType()}, ValueRange{x.value, w.value}, ValueRange{init},
                            window.strides(b), window.dilations(b));
    return {op->getResult(0), type};
  };
  if (!grouped)
    return is2D ? create(linalg::Conv2DNchwFchwOp(), w) : create(linalg::Conv3DNcdhwFcdhwOp(), w);
  if (is2D)
    return reshape(b, create(linalg::Conv2DNgchwGfchwOp(), w), result);

  // y[n, g, f, o...] += x[n, g, c, o * stride + k * dilation...] * w[g, f, c, k...]: there is no named form.
  unsigned n = window.axes.size(), loops = 4 + 2 * n;
  auto d = [&](unsigned i) { return b.getAffineDimExpr(i); };
  unsigned c = 3 + n;
  SmallVector<AffineExpr> xs{d(0), d(1), d(c)}, ws{d(1), d(2), d(c)}, ys{d(0), d(1), d(2)};
  for (auto [i, axis] : llvm::enumerate(window.axes)) {
    AffineExpr o = d(3 + i), k = d(c + 1 + i);
    xs.push_back(o * axis.stride + k * axis.dilation);
    ws.push_back(k);
    ys.push_back(o);
  }
  Lowered y = contract(b, x, AffineMap::get(loops, 0, xs, context), w, AffineMap::get(loops, 0, ws, context), dims,
                       AffineMap::get(loops, 0, ys, context), accumulator);
  return reshape(b, y, result);
}

/// y + bias per channel, converted to the element type of the result.
static Value finish(LoweringBuilder &b, Lowered y, Lowered bias, Type resultType) {
  Type element = cast<RankedTensorType>(resultType).getElementType();
  if (!bias)
    return convert(b, y, element).value;
  AffineMap identity = b.getMultiDimIdentityMap(y.rank());
  AffineMap channel = AffineMap::get(y.rank(), 0, b.getAffineDimExpr(1), b.getContext());
  return b.elementwise(resultType, ValueRange{y.value, bias.value}, ArrayRef<AffineMap>{identity, channel},
                       [&](ImplicitLocOpBuilder &b, ValueRange args) {
                         Value addend = convertScalar(b, args[1], bias.element(), y.element());
                         return convertScalar(b, arith::AddFOp::create(b, args[0], addend), y.element(), element);
                       });
}

//===-- Conv, ConvInteger

template <typename OpT> static FailureOr<Window> getWindow(OpT op) {
  auto w = cast<RankedTensorType>(op.getW().getType());
  int64_t perGroup = w.getRank() > 1 ? w.getDimSize(1) : ShapedType::kDynamic;
  int64_t channels = ShapedType::kDynamic;
  if (!ShapedType::isDynamic(perGroup) && llvm::MulOverflow<int64_t>(perGroup, op.getGroup(), channels))
    return op.emitOpError("group ") << op.getGroup() << " is too large";
  auto kernel = verifyOperands(op, channels);
  if (failed(kernel))
    return failure();
  if constexpr (std::is_same_v<OpT, ConvOp>)
    if (failed(verifyBias(op, getDims(w)[0])))
      return failure();
  return Window::get(op, ArrayRef(getDims(op.getX())).drop_front(2), *kernel, getAttributes(op));
}

LogicalResult ConvOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(getWindow(*this)) || failed(assumeOperands(*this, /*channelsInW=*/1, /*perGroup=*/true)))
    return failure();
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  Dims dims{getDims(getX())[0], getDims(getW())[0]};
  llvm::append_range(dims, window->outputDims());
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getX())));
  return success();
}

FailureOr<SmallVector<Value>> ConvOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  Lowered x = getLowered(*this, operands, 0), w = getLowered(*this, operands, 1), bias = getLowered(*this, operands, 2);
  requireOperands(*this, b, w.dims()[1] * getGroup(), w.dims()[0]);
  Lowered y = convolve(b, x, w, getGroup(), *window, accumulatorType(x.element()));
  return SmallVector<Value>{finish(b, y, bias, getY().getType())};
}

LogicalResult ConvIntegerOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(getWindow(*this)) || failed(assumeOperands(*this, /*channelsInW=*/1, /*perGroup=*/true)))
    return failure();
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  auto check = [&](Value operand, Value zero, AffineExpr parts, StringRef name) -> LogicalResult {
    auto element = dyn_cast<IntegerType>(getElementTypeOrSelf(operand));
    if (!element || element.getWidth() != 8)
      return emitOpError(name) << " must be int8 or uint8, not " << getElementTypeName(getElementTypeOrSelf(operand));
    auto type = dyn_cast<RankedTensorType>(zero.getType());
    if (!type)
      return success();
    if (type.getElementType() != element)
      return emitOpError(name) << " and its zero point have different element types";
    auto size = type.getRank() == 1 ? getConstant(getDims(type)[0]) : std::nullopt, wanted = getConstant(parts);
    if (type.getRank() > 1 || (size && wanted && *size != 1 && *size != *wanted))
      return emitOpError("the zero point of ")
             << name << " must be a scalar" << (wanted == 1 ? "" : ", or have one element for each feature map");
    return success();
  };
  AffineExpr one = makeDim(getContext(), 1);
  if (failed(check(getX(), getXZeroPoint(), one, "X")) ||
      failed(check(getW(), getWZeroPoint(), getDims(getW())[0], "W")) ||
      failed(assumeLength(*this, 2, 1, "x_zero_point")))
    return failure();
  Dims dims{getDims(getX())[0], getDims(getW())[0]};
  llvm::append_range(dims, window->outputDims());
  types.push_back(makeTensor(dims, IntegerType::get(getContext(), 32)));
  return success();
}

/// A two-dimensional convolution of bytes that stay bytes, with constant weights:
///   sum (x - zx) w = sum x w - zx sum w, where zx stands around x.
/// Either the weights' zero points are in the middle of their range, or every group is one channel: its few weights may
/// have 16 bits. Null where it isn't one.
static Lowered convolveBytes(LoweringBuilder &b, Lowered x, Lowered w, Lowered xZero, Lowered wZero, int64_t group,
                             Window window) {
  auto view = ConstantView::of(w.value);
  ElementsAttr zeroElements = wZero ? getConstantElements(wZero.value) : ElementsAttr();
  if (window.axes.size() != 2 || !view || (wZero && !zeroElements) || view->count() == 0)
    return {};
  int64_t features = view->shape[0], depth = view->count() / features;
  bool depthwise = group > 1 && x.dims()[1] == makeDim(b.getContext(), group) && features == group;
  if (group != 1 && !depthwise)
    return {};
  // Unsigned numbers become signed ones, 128 less.
  auto isSigned = [](Lowered value) { return !value.element().isUnsignedInteger(); };
  auto toSigned = [](char byte, bool isSigned) { return static_cast<int8_t>(isSigned ? byte : byte ^ 0x80); };
  ArrayRef<char> zeros = wZero ? getRawElements(zeroElements) : ArrayRef<char>("", 1);
  if (zeros.size() != 1 && zeros.size() != static_cast<size_t>(features))
    return {};
  if (!isSigned(w))
    view = asSigned(*view);
  std::vector<int32_t> sums(features, 0);
  bool fits = true;
  auto forEachNumber = [&](auto body) { // less its zero point
    int64_t i = 0;
    view->forEachPosition([&](int64_t position) {
      int64_t feature = i / depth;
      body(i++, feature, view->byteAt(position) - toSigned(zeros[zeros.size() == 1 ? 0 : feature], isSigned(w)));
    });
  };
  forEachNumber([&](int64_t, int64_t feature, int number) {
    sums[feature] += number;
    fits &= llvm::isInt<8>(number);
  });
  if (!fits && !depthwise)
    return {};
  Type i8 = b.getIntegerType(8), i32 = b.getI32Type();
  auto copy = [&](RankedTensorType type, auto &numbers) -> Value {
    ArrayRef<char> raw(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(numbers[0]));
    return arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(type, raw)));
  };
  auto subtractZeros = [&](auto number) -> Lowered {
    std::vector<decltype(number)> numbers(features * depth);
    forEachNumber([&](int64_t i, int64_t, int difference) { numbers[i] = difference; });
    RankedTensorType type = withElementType(w.type, b.getIntegerType(8 * sizeof(number)));
    return {copy(type, numbers), type};
  };
  if (llvm::all_of(zeros, [&](char zero) { return toSigned(zero, isSigned(w)) == 0; }))
    w = makeConstant(b, *view, withElementType(w.type, i8));
  else
    w = fits ? subtractZeros(int8_t()) : subtractZeros(int16_t());

  auto flip = [&](ImplicitLocOpBuilder &body, Value value) -> Value {
    return arith::XOrIOp::create(body, value, arith::ConstantIntOp::create(body, i8, -128));
  };
  Value zero = xZero ? Value(tensor::ExtractOp::create(b, reshape(b, xZero, {}).value, ValueRange()))
                     : Value(b.constantInt(i8, 0));
  bool xIsSigned = isSigned(x);
  if (!xIsSigned) {
    zero = flip(b, zero);
    RankedTensorType type = withElementType(x.type, i8);
    x = {b.elementwise(type, x.value, TypeRange{type},
                       [&](ImplicitLocOpBuilder &body, ValueRange args) { return flip(body, args[0]); }),
         type};
  }
  Dims dims{x.dims()[0], w.dims()[0]};
  llvm::append_range(dims, window.outputDims());
  x = window.pad(b, x, zero);
  RankedTensorType type = makeTensor(dims, i32);
  Value init = b.filled(type, b.constantInt(i32, 0)), y;
  if (depthwise) {
    Dims filter = w.dims();
    filter.erase(filter.begin() + 1);
    y = linalg::DepthwiseConv2DNchwChwOp::create(b, TypeRange{init.getType()},
                                                 ValueRange{x.value, reshape(b, w, filter).value}, ValueRange{init},
                                                 window.strides(b), window.dilations(b))
            .getResult(0);
  } else {
    y = linalg::Conv2DNchwFchwOp::create(b, TypeRange{init.getType()}, ValueRange{x.value, w.value}, ValueRange{init},
                                         window.strides(b), window.dilations(b))
            .getResult(0);
  }
  RankedTensorType sumsType = RankedTensorType::get(features, i32);
  AffineMap identity = b.getMultiDimIdentityMap(4), feature = AffineMap::get(4, 0, b.getAffineDimExpr(1));
  // A zero point that is known becomes a number for each feature map.
  ElementsAttr xZeroElements = xZero ? getConstantElements(xZero.value) : ElementsAttr();
  if (ArrayRef<char> raw = xZeroElements ? getRawElements(xZeroElements) : ArrayRef<char>(); raw.size() == 1) {
    for (int32_t &sum : sums)
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum) * static_cast<uint32_t>(-toSigned(raw[0], xIsSigned)));
    Value addends = copy(sumsType, sums);
    y = b.elementwise(type, {y, addends}, {identity, feature},
                      [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                        return arith::AddIOp::create(body, args[0], args[1]);
                      });
    return {y, type};
  }
  Value perFeature = copy(sumsType, sums);
  Value one = tensor::FromElementsOp::create(b, RankedTensorType::get({}, i8), zero);
  y = b.elementwise(type, {y, perFeature, one}, {identity, feature, AffineMap::get(4, 0, b.getContext())},
                    [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                      Value wide = arith::ExtSIOp::create(body, i32, args[2]);
                      return arith::SubIOp::create(body, args[0], arith::MulIOp::create(body, wide, args[1]));
                    });
  return {y, type};
}

FailureOr<SmallVector<Value>> ConvIntegerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  if (Lowered y = convolveBytes(b, getLowered(*this, operands, 0), getLowered(*this, operands, 1),
                                getLowered(*this, operands, 2), getLowered(*this, operands, 3), getGroup(), *window))
    return SmallVector<Value>{y.value};
  Dims weights = getDims(getW());
  requireOperands(*this, b, weights[1] * getGroup(), weights[0]);
  // What is padded stands for zero, too: after the subtraction.
  Lowered x = subtractZeroPoint(b, getLowered(*this, operands, 0), getLowered(*this, operands, 2), 1);
  Lowered w = subtractZeroPoint(b, getLowered(*this, operands, 1), getLowered(*this, operands, 3), 0);
  return SmallVector<Value>{convolve(b, x, w, getGroup(), *window, b.getI32Type()).value};
}

//===-- CausalConvWithState

/// The sizes that an operand has where it is given.
static Dims causalDims(CausalConvWithStateOp op, unsigned operand) {
  Dims x = getDims(op.getInput()), w = getDims(op.getWeight());
  AffineExpr one = makeDim(op.getContext(), 1), channels = getConstant(w[0]) ? w[0] : x[1];
  const Dims dims[] = {{x[0], channels, x[2]}, {channels, one, w[2]}, {channels}, {x[0], channels, simplify(w[2] - 1)}};
  return dims[operand];
}

LogicalResult CausalConvWithStateOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (!llvm::is_contained({"none", "silu", "swish"}, getActivation()))
    return emitOpError("activation \"") << getActivation() << "\" is not none, silu or swish";
  auto x = cast<RankedTensorType>(getInput().getType()), w = cast<RankedTensorType>(getWeight().getType());
  if (x.getRank() != 3 || w.getRank() != 3 || !isa<FloatType>(x.getElementType()))
    return emitOpError("input and weight must hold floats: [batch, channels, length] and [channels, 1, kernel]");
  if (w.getDimSize(2) == 0)
    return emitOpError("weight has no element: it must be [channels, 1, kernel]");
  // A kernel that weight doesn't say follows from the state.
  if (auto past = dyn_cast<RankedTensorType>(getPastState().getType());
      w.isDynamicDim(2) && past && past.getRank() == 3 && !past.isDynamicDim(2))
    if (failed(assumeSizes(*this, 1, {-1, 1, past.getDimSize(2) + 1}, "weight")))
      return failure();
  const StringRef names[] = {"input", "weight", "bias", "past_state"};
  for (auto [i, name] : llvm::enumerate(names)) {
    auto type = dyn_cast<RankedTensorType>(getOperand(i).getType());
    if (!type)
      continue;
    if (type.getElementType() != x.getElementType())
      return emitOpError(name) << " has another element type than input";
    auto sizes = llvm::map_to_vector(causalDims(*this, i), [](AffineExpr d) { return getConstant(d).value_or(-1); });
    if (failed(assumeSizes(*this, i, sizes, name)))
      return failure();
  }
  types.push_back(makeTensor(causalDims(*this, 0), x.getElementType()));
  types.push_back(makeTensor(causalDims(*this, 3), x.getElementType()));
  return success();
}

FailureOr<SmallVector<Value>> CausalConvWithStateOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims result = getDims(getOutput()), state = getDims(getPresentState());
  // With the sizes that belong together in the same words.
  auto as = [&](Lowered value, ArrayRef<AffineExpr> dims) -> Lowered {
    RankedTensorType type = makeTensor(dims, value.element());
    return {b.createOrFold<tensor::CastOp>(b.loweredType(type), value.value), type};
  };
  auto get = [&](unsigned i) -> Lowered {
    Lowered value = getLowered(*this, operands, i);
    if (!value)
      return value;
    Dims wanted = causalDims(*this, i);
    for (auto [dim, size] : llvm::zip_equal(value.dims(), wanted))
      b.requireEqual(dim, size, "CausalConvWithState: input, weight, bias and past_state don't fit together");
    return as(value, wanted);
  };
  Lowered x = get(0), w = get(1), bias = get(2), past = get(3);
  b.requireNonNegative(state[2], "CausalConvWithState: weight has no element");
  Type element = x.element(), accumulator = accumulatorType(element);
  OpFoldResult zero = b.getIndexAttr(0);
  Dims dims{result[0], result[1], simplify(result[2] + state[2])};
  if (past) {
    auto axis = b.getNamedAttr("axis", b.getIntegerAttr(b.getIntegerType(64, /*isSigned=*/true), 2));
    auto whole = make<ConcatOp>(b, {b.lift(past.value, past.type), b.lift(x.value, x.type)}, axis);
    if (!whole)
      return failure();
    Value joined = whole.getConcatResult();
    x = as({b.lower(joined), cast<RankedTensorType>(joined.getType())}, dims);
  } else {
    x = pad(b, x, {zero, zero, b.materialize(state[2])}, {zero, zero, zero}, dims, b.constant(element, 0));
  }
  auto window = Window::get(*this, dims[2], simplify(state[2] + 1), {});
  if (failed(window))
    return failure();
  Lowered y =
      convolveChannels(b, addUnitAxis(b, convert(b, x, accumulator)), addUnitAxis(b, convert(b, w, accumulator)),
                       window->withUnitAxis(getContext()), accumulator);
  Value output = finish(b, reshape(b, y, result), bias, getOutput().getType());
  if (getActivation() != "none")
    output = b.elementwise(getOutput().getType(), output, getOutput().getType(),
                           [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                             Scalar x = widen(Scalar(body, args[0]));
                             return convert(x / (1 + exp(-x)), element);
                           });
  Value present = getConstant(state[2]) == 0 ? b.empty(getPresentState().getType())
                                             : slice(b, x, {zero, zero, b.materialize(result[2])}, state, state).value;
  return SmallVector<Value>{output, present};
}

//===-- ConvTranspose

namespace {
/// One spatial axis: result[o] = sum of x[i] * w[k] over o + padBegin = i * stride + k * dilation.
struct TransposeAxis {
  AffineExpr input, output;
  int64_t kernel, stride, dilation, padBegin;
  // As a sum of products for each of the `stride` phases of the result, without a product with a hole between inputs:
  // position o + padBegin = q * stride + r takes x[q - j] * w[r + j * stride], j < taps. A dilated kernel counts with
  // its holes, unless the stride is 1: then the taps are `step` inputs apart.
  int64_t taps, step;
  // The result, behind `crop` elements that nobody asked for, is positions q' and phases r': o + crop = q' * stride +
  // r'. There r = (r' + lead) mod stride, and q = q' + floor((r' + lead) / stride), lead being padBegin - crop. Where
  // that is q' + firstInput + shift * r' for all r', nothing needs to be cropped.
  int64_t crop, lead, firstInput, shift;
  AffineExpr positions; ///< number of q'

  void choosePhases() {
    bool isEven = padBegin % stride == 0;
    shift = stride == 2 && !isEven;
    crop = isEven || shift ? 0 : padBegin % stride;
    lead = padBegin - crop;
    firstInput = lead / stride;
  }
  /// Where tap `tap`, counted from the first input, of phase r' is in the kernel; nothing where it is a hole, or
  /// beyond.
  std::optional<int64_t> place(int64_t phase, int64_t tap) const {
    int64_t at = (phase + lead) % stride + (taps - 1 - tap) * stride;
    int64_t holes = stride == 1 ? 1 : dilation;
    if (at % holes != 0 || at / holes >= kernel)
      return std::nullopt;
    return at / holes;
  }
};
/// The same where the sizes of the weights, or those of the input that `output_shape` is for, are for the run to see:
/// the padding in front is `begin`, or follows from the `total`.
struct AnyTransposeAxis {
  AffineExpr input, output, kernel;
  int64_t stride, dilation;
  AffineExpr begin, total;
  bool isUpper;
};
struct TransposeGeometry {
  SmallVector<TransposeAxis, 3> axes;
  SmallVector<AnyTransposeAxis, 3> anyAxes; ///< instead of `axes`
  Dims outputDims;

  static FailureOr<TransposeGeometry> get(ConvTransposeOp op);
};
} // namespace

FailureOr<TransposeGeometry> TransposeGeometry::get(ConvTransposeOp op) {
  auto w = cast<RankedTensorType>(op.getW().getType());
  auto kernel = verifyOperands(op, w.getRank() > 0 ? w.getDimSize(0) : ShapedType::kDynamic);
  if (failed(kernel) || failed(verifyBias(op, getDims(w)[1] * op.getGroup())))
    return failure();
  // The attributes mean what they mean for a convolution; sizes are checked below.
  Dims x = getDims(op.getX()), spatial(ArrayRef(x).drop_front(2));
  WindowAttributes attributes = getAttributes(op);
  attributes.ceilMode = false;
  bool same = attributes.autoPad.starts_with("SAME");
  Dims unbounded = llvm::map_to_vector(spatial, [](AffineExpr e) { return makeDim(e.getContext(), 1 << 30); });
  auto window = Window::get(op, unbounded, *kernel, attributes);
  if (failed(window))
    return failure();
  size_t n = spatial.size();
  auto outputPadding = op.getOutputPadding().value_or(ArrayRef<int64_t>());
  auto outputShape = op.getOutputShape().value_or(ArrayRef<int64_t>());
  if (!outputPadding.empty() && outputPadding.size() != n)
    return op.emitOpError("output_padding has ") << outputPadding.size() << " elements, expected " << n;
  if (outputShape.size() == n + 2) // some exporters write batch and channels too
    outputShape = outputShape.drop_front(2);
  if (!outputShape.empty() && outputShape.size() != n)
    return op.emitOpError("output_shape has ") << outputShape.size() << " elements, expected " << n;
  bool isAny = !w.hasStaticShape() ||
               (!outputShape.empty() && llvm::any_of(spatial, [](AffineExpr size) { return !getConstant(size); }));
  // Phases and taps that a kernel is rearranged into: a file's numbers must not ask for more than memory can hold.
  constexpr int64_t kMaxTaps = 1 << 24;
  int64_t allTaps = 1;
  TransposeGeometry geometry;
  for (size_t i = 0; i < n; ++i) {
    const WindowAxis &in = window->axes[i];
    int64_t extra = outputPadding.empty() ? 0 : outputPadding[i];
    if (extra < 0 || extra >= std::max(in.stride, in.dilation))
      return op.emitOpError("output_padding ")
             << extra << " is not less than the stride or the dilation in spatial axis " << i;
    if (isAny) {
      AffineExpr full = (spatial[i] - 1) * in.stride + in.span() + extra;
      AffineExpr output = !outputShape.empty() ? makeDim(op.getContext(), outputShape[i])
                          : same               ? spatial[i] * in.stride
                                               : full - (in.padBegin + in.padEnd);
      if (auto size = getConstant(output); size && *size < 1)
        return op.emitOpError("the padding leaves no output in spatial axis ") << i;
      bool follows = !outputShape.empty() || same;
      geometry.anyAxes.push_back({spatial[i], output, in.kernelSize, in.stride, in.dilation,
                                  follows ? AffineExpr() : makeDim(op.getContext(), in.padBegin),
                                  follows ? simplify(full - output) : AffineExpr(),
                                  attributes.autoPad == "SAME_UPPER"});
      geometry.outputDims.push_back(simplify(output));
      continue;
    }
    TransposeAxis axis{spatial[i], AffineExpr(), in.kernel(), in.stride, in.dilation, in.padBegin, 0, 0, 0, 0, 0, 0,
                       {}};
    // Without padding: every input makes `extent` outputs, `stride` apart.
    AffineExpr full = (spatial[i] - 1) * in.stride + (in.extent() + extra);
    if (!outputShape.empty() || same) {
      axis.output = !outputShape.empty() ? makeDim(op.getContext(), outputShape[i]) : spatial[i] * in.stride;
      auto total = getConstant(simplify(full - axis.output));
      if (!total)
        return op.emitOpError("output_shape needs a known input size in spatial axis ") << i;
      // total_padding = stride * (input - 1) + output_padding + extent - output_shape, halved with the odd one behind
      // for SAME_UPPER and in front otherwise. Less than none: the last outputs get no input.
      int64_t padding = std::max<int64_t>(*total, 0);
      axis.padBegin = attributes.autoPad == "SAME_UPPER" ? padding / 2 : padding - padding / 2;
      axis.choosePhases();
      axis.positions = !outputShape.empty() ? (axis.output + axis.crop).ceilDiv(in.stride)
                                            : spatial[i] + llvm::divideCeil(axis.crop, in.stride);
    } else {
      axis.choosePhases();
      axis.output = full - (in.padBegin + in.padEnd);
      axis.positions =
          spatial[i] + (llvm::divideCeilSigned(in.extent() + extra - in.padEnd - axis.lead, in.stride) - 1);
    }
    if (auto size = getConstant(axis.output); size && *size < 1)
      return op.emitOpError("the padding leaves no output in spatial axis ") << i;
    axis.step = axis.stride == 1 ? axis.dilation : 1;
    int64_t kernelSize = axis.stride == 1 ? axis.kernel : in.extent();
    axis.taps = llvm::divideCeil(kernelSize, axis.stride);
    if (llvm::MulOverflow(allTaps, axis.stride, allTaps) || llvm::MulOverflow(allTaps, axis.taps, allTaps) ||
        allTaps > kMaxTaps)
      return op.emitOpError("stride ") << axis.stride << " and kernel size " << kernelSize << " in spatial axis " << i
                                       << " are too large to be compiled";
    geometry.axes.push_back(axis);
    geometry.outputDims.push_back(axis.output);
  }
  return geometry;
}

LogicalResult ConvTransposeOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(TransposeGeometry::get(*this)) || failed(assumeOperands(*this, /*channelsInW=*/0, /*perGroup=*/false)))
    return failure();
  auto geometry = TransposeGeometry::get(*this);
  if (failed(geometry))
    return failure();
  Dims dims{getDims(getX())[0], getDims(getW())[1] * getGroup()};
  llvm::append_range(dims, geometry->outputDims);
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getX())));
  return success();
}

/// Such a view of the weights as makePhaseWeights makes, where there are no holes: then places are multiples of phases
/// and taps.
static std::optional<ConstantView> viewPhases(ConstantView view, const TransposeGeometry &geometry,
                                              ArrayRef<int64_t> sizes, int64_t group, bool depthwise) {
  SmallVector<int64_t> strides, taps;
  for (auto [a, axis] : llvm::enumerate(geometry.axes)) {
    auto first = axis.place(0, 0), nextPhase = axis.place(std::min<int64_t>(1, axis.stride - 1), 0),
         nextTap = axis.place(0, std::min<int64_t>(1, axis.taps - 1));
    if (!first || !nextPhase || !nextTap)
      return std::nullopt;
    int64_t perPhase = *nextPhase - *first, perTap = *nextTap - *first, stride = view.strides[2 + a];
    for (int64_t phase = 0; phase < axis.stride; ++phase)
      for (int64_t tap = 0; tap < axis.taps; ++tap)
        if (axis.place(phase, tap) != *first + phase * perPhase + tap * perTap)
          return std::nullopt;
    view.offset += *first * stride;
    strides.push_back(perPhase * stride);
    taps.push_back(perTap * stride);
  }
  llvm::append_range(strides, taps);
  int64_t perChannel = view.strides[0];
  if (!depthwise) {
    strides.insert(strides.begin(), view.shape[0] / group * perChannel);
    strides.push_back(perChannel);
  }
  strides.push_back(depthwise ? perChannel : view.strides[1]);
  view.shape.assign(sizes.begin(), sizes.end());
  view.strides.assign(strides.begin(), strides.end());
  return view;
}

/// The weights of all phases: [group, phases..., taps..., C / group, M / group] from [C, M / group, kernel...];
/// [phases..., taps..., group] where every group has one channel.
static Lowered makePhaseWeights(ConvTransposeOp op, LoweringBuilder &b, Lowered w, const TransposeGeometry &geometry,
                                bool depthwise) {
  int64_t group = op.getGroup(), n = geometry.axes.size();
  ArrayRef<int64_t> shape = w.type.getShape();
  int64_t channels = shape[0] / group, features = shape[1], first = depthwise ? 0 : 1;
  SmallVector<int64_t> sizes;
  if (!depthwise)
    sizes.push_back(group);
  for (const TransposeAxis &axis : geometry.axes)
    sizes.push_back(axis.stride);
  for (const TransposeAxis &axis : geometry.axes)
    sizes.push_back(axis.taps);
  if (depthwise)
    sizes.push_back(group);
  else
    sizes.append({channels, features});
  if (auto view = getLargeConstant(w.value))
    if (auto phases = viewPhases(*view, geometry, sizes, group, depthwise))
      return makeConstant(b, *phases, makeTensor(sizes, w.element()));
  auto position = [&](ArrayRef<int64_t> i) -> std::optional<int64_t> {
    int64_t flat = depthwise ? i.back() : (i[0] * channels + i[1 + 2 * n]) * features + i.back();
    for (int64_t a = 0; a < n; ++a) {
      auto at = geometry.axes[a].place(i[first + a], i[first + n + a]);
      if (!at)
        return std::nullopt;
      flat = flat * geometry.axes[a].kernel + *at;
    }
    return flat;
  };
  if (Lowered result = rearrangeConstant(b, w, sizes, sizes, position))
    return result;
  // Computed at run time, by a table of places for every axis: -1 where there is none.
  RankedTensorType type = makeTensor(sizes, w.element());
  SmallVector<int64_t> places;
  int64_t longest = 0;
  for (const TransposeAxis &axis : geometry.axes)
    longest = std::max(longest, axis.stride * axis.taps);
  for (const TransposeAxis &axis : geometry.axes)
    for (int64_t i = 0; i < longest; ++i)
      places.push_back(axis.place(i % axis.stride, std::min(i / axis.stride, axis.taps - 1)).value_or(-1));
  auto tableType = RankedTensorType::get({n, longest}, b.getIndexType());
  Value table = arith::ConstantOp::create(b, DenseElementsAttr::get(tableType, ArrayRef<int64_t>(places)));
  Value value = b.generate(type, [&](ImplicitLocOpBuilder &b, ValueRange i) -> Value {
    auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
    SmallVector<Value> at{i.back(), index(0)};
    if (!depthwise)
      at = {arith::AddIOp::create(b, arith::MulIOp::create(b, i[0], index(channels)), i[1 + 2 * n]), i.back()};
    Value inside = arith::ConstantOp::create(b, b.getBoolAttr(true));
    for (int64_t a = 0; a < n; ++a) {
      Value tap = arith::MulIOp::create(b, i[first + n + a], index(geometry.axes[a].stride));
      Value entry = arith::AddIOp::create(b, tap, i[first + a]);
      Value found = tensor::ExtractOp::create(b, table, ValueRange{index(a), entry});
      Value here = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, found, index(0));
      inside = arith::AndIOp::create(b, inside, here);
      at.push_back(arith::MaxSIOp::create(b, found, index(0)));
    }
    Value element = tensor::ExtractOp::create(b, w.value, at);
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element.getType()));
    return arith::SelectOp::create(b, inside, element, zero);
  });
  return {value, type};
}

/// `x` with as many elements before and after spatial axis i as the taps of its positions read; those that none reads
/// are left out.
static Lowered fitInput(LoweringBuilder &b, Lowered x, const TransposeGeometry &geometry) {
  SmallVector<OpFoldResult> low(2, b.getIndexAttr(0)), high = low, offsets = low;
  Dims kept(ArrayRef(x.dims()).take_front(2)), padded = kept;
  for (const TransposeAxis &axis : geometry.axes) {
    int64_t reach = (axis.taps - 1) * axis.step, before = reach - axis.firstInput;
    AffineExpr read = axis.positions + (reach + axis.shift * (axis.stride - 1));
    AffineExpr behind = simplify(read - axis.input - before);
    int64_t skipped = std::max<int64_t>(-before, 0);
    auto number = getConstant(behind);
    AffineExpr size = axis.input - skipped;
    if (number && *number < 0)
      size = simplify(size + *number);
    offsets.push_back(b.getIndexAttr(skipped));
    kept.push_back(size);
    low.push_back(b.getIndexAttr(std::max<int64_t>(before, 0)));
    high.push_back(number ? OpFoldResult(b.getIndexAttr(std::max<int64_t>(*number, 0))) : b.materialize(behind));
    padded.push_back(read);
  }
  if (kept != x.dims())
    x = slice(b, x, offsets, kept, kept);
  return pad(b, x, low, high, padded, b.constant(x.element(), 0));
}

/// [N, C, spatial...] to [N, spatial..., C], and back. The codegen drops such a transpose where the neighbours have the
/// channels last, too.
static SmallVector<int64_t> channelsLast(int64_t spatial) {
  SmallVector<int64_t> permutation{0};
  for (int64_t i = 0; i < spatial; ++i)
    permutation.push_back(2 + i);
  permutation.push_back(1);
  return permutation;
}
static SmallVector<int64_t> channelsFirst(int64_t spatial) {
  SmallVector<int64_t> permutation{0, spatial + 1};
  for (int64_t i = 0; i < spatial; ++i)
    permutation.push_back(1 + i);
  return permutation;
}

/// By its definition, for sizes that only the run knows:
///   y[n, f, o...] = sum over c, k... of x[n, c, i...] * w[c, f, k...] where i * stride = o + begin - k * dilation
static Lowered convolveTransposed(LoweringBuilder &b, Lowered x, Lowered w, int64_t group,
                                  const TransposeGeometry &geometry, Dims dims, Type accumulator) {
  IndexMath math{b};
  Value channels = b.materializeIndex(floorDiv(x.dims()[1], makeDim(b.getContext(), group)));
  Value features = b.materializeIndex(w.dims()[1]);
  SmallVector<Value> ends, inputs, begins;
  for (auto [i, axis] : llvm::enumerate(geometry.anyAxes)) {
    b.requireNonNegative(axis.output - 1, "the padding leaves no output in spatial axis " + Twine(i));
    b.requireNonNegative(axis.kernel - 1, "the kernel has no element along spatial axis " + Twine(i));
    inputs.push_back(b.materializeIndex(axis.input));
    channels = math.select(math.equal(inputs.back(), 0), math.constant(0), channels); // there is nothing to read
    ends.push_back(b.materializeIndex(axis.kernel));
    if (axis.begin) {
      begins.push_back(b.materializeIndex(axis.begin));
      continue;
    }
    // The odd element of the padding is behind for SAME_UPPER, and in front otherwise.
    Value total = arith::MaxSIOp::create(b, b.materializeIndex(axis.total), b.index(0));
    Value half = arith::DivUIOp::create(b, total, b.index(2));
    begins.push_back(axis.isUpper ? half : math.sub(total, half));
  }
  ends.insert(ends.begin(), channels);
  RankedTensorType type = makeTensor(dims, accumulator);
  x = convert(b, x, accumulator), w = convert(b, w, accumulator);
  Value zero = b.constant(accumulator, 0);
  Value value = b.generate(type, [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
    Value perGroup = arith::MaxUIOp::create(nested, features, arith::ConstantIndexOp::create(nested, 1));
    Value first = arith::MulIOp::create(nested, arith::DivUIOp::create(nested, at[1], perGroup), channels);
    Value feature = arith::RemUIOp::create(nested, at[1], perGroup);
    return makeLoops(nested, ends, zero, [&](ImplicitLocOpBuilder &body, ValueRange i, ValueRange carried) {
      IndexMath math{body};
      Value channel = math.add(first, i[0]), isThere = arith::ConstantOp::create(body, body.getBoolAttr(true));
      SmallVector<Value> from{at[0], channel}, place{channel, feature};
      for (auto [n, axis] : llvm::enumerate(geometry.anyAxes)) {
        Value offset = math.sub(math.add(at[2 + n], begins[n]), math.mul(i[1 + n], math.constant(axis.dilation)));
        Value position = arith::FloorDivSIOp::create(body, offset, math.constant(axis.stride));
        Value isEven = math.equal(math.sub(offset, math.mul(position, math.constant(axis.stride))), 0);
        // Unsigned: what is negative is large.
        Value isInside = arith::CmpIOp::create(body, arith::CmpIPredicate::ult, position, inputs[n]);
        Value reads = arith::AndIOp::create(body, isEven, isInside);
        isThere = arith::AndIOp::create(body, isThere, reads);
        from.push_back(math.select(reads, position, math.constant(0)));
        place.push_back(i[1 + n]);
      }
      Value a = tensor::ExtractOp::create(body, x.value, from), f = tensor::ExtractOp::create(body, w.value, place);
      Value product = arith::MulFOp::create(body, a, f);
      product = arith::SelectOp::create(body, isThere, product, zero);
      return SmallVector<Value>{arith::AddFOp::create(body, carried[0], product)};
    })[0];
  });
  return {value, type};
}

FailureOr<SmallVector<Value>> ConvTransposeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto geometry = TransposeGeometry::get(*this);
  if (failed(geometry))
    return failure();
  Lowered x = getLowered(*this, operands, 0), w = getLowered(*this, operands, 1), bias = getLowered(*this, operands, 2);
  MLIRContext *context = b.getContext();
  requireOperands(*this, b, w.dims()[0], w.dims()[1] * getGroup());
  if (!geometry->anyAxes.empty()) {
    Lowered y = convolveTransposed(b, x, w, getGroup(), *geometry, getDims(getY()), accumulatorType(x.element()));
    return SmallVector<Value>{finish(b, y, bias, getY().getType())};
  }
  int64_t n = geometry->axes.size(), group = getGroup();
  int64_t channels = w.type.getDimSize(0) / group, features = w.type.getDimSize(1);
  bool depthwise = group > 1 && channels == 1 && features == 1, grouped = group > 1 && !depthwise;

  // y[N, q0, r0, q1, r1, ..., group, M] += x[N, q0 + shift0 * r0 + step0 * t0, ..., group, C] * w[group, r..., t..., C,
  // M], without the group where there is one, and without C and M where the group is the channel.
  x = transpose(b, fitInput(b, x, *geometry), channelsLast(n));
  Lowered weights = makePhaseWeights(*this, b, w, *geometry, depthwise);
  if (grouped) {
    Dims split(ArrayRef(x.dims()).drop_back());
    split.append({makeDim(context, group), makeDim(context, channels)});
    x = reshape(b, x, split);
  } else if (!depthwise) {
    weights = reshape(b, weights, ArrayRef(weights.dims()).drop_front());
  }

  unsigned loops = 1 + 2 * n + (grouped ? 1 : 0) + 1 + n + (depthwise ? 0 : 1);
  auto d = [&](unsigned i) { return b.getAffineDimExpr(i); };
  unsigned g = 1 + 2 * n, m = g + (grouped ? 1 : 0), t = m + 1, c = t + n;
  SmallVector<AffineExpr> xs{d(0)}, ws, ys{d(0)};
  if (grouped)
    ws.push_back(d(g));
  for (int64_t i = 0; i < n; ++i)
    ws.push_back(d(2 + 2 * i));
  Dims phaseDims{x.dims()[0]}, joined = phaseDims;
  for (auto [i, axis] : llvm::enumerate(geometry->axes)) {
    AffineExpr q = d(1 + 2 * i), r = d(2 + 2 * i);
    xs.push_back(q + r * axis.shift + d(t + i) * axis.step);
    ws.push_back(d(t + i));
    ys.append({q, r});
    phaseDims.append({axis.positions, makeDim(context, axis.stride)});
    joined.push_back(axis.positions * axis.stride);
  }
  if (grouped) {
    xs.push_back(d(g));
    ys.push_back(d(g));
    phaseDims.push_back(makeDim(context, group));
  }
  xs.push_back(depthwise ? d(m) : d(c));
  if (!depthwise)
    ws.push_back(d(c));
  ws.push_back(d(m));
  ys.push_back(d(m));
  phaseDims.push_back(makeDim(context, depthwise ? group : features));
  joined.push_back(makeDim(context, group * features));
  Lowered y = contract(b, x, AffineMap::get(loops, 0, xs, context), weights, AffineMap::get(loops, 0, ws, context),
                       phaseDims, AffineMap::get(loops, 0, ys, context), accumulatorType(x.element()));

  // Positions and phases are the result's elements in order.
  y = transpose(b, reshape(b, y, joined), channelsFirst(n));
  bool crops = llvm::any_of(geometry->axes, [](const TransposeAxis &axis) {
    return axis.crop != 0 || getDifference(axis.positions * axis.stride, axis.output) != 0;
  });
  if (!crops)
    return SmallVector<Value>{finish(b, y, bias, getY().getType())};
  // Before elements are left out, so that the bias is added where the sum is.
  y = {finish(b, y, bias, withElementType(y.type, getElementTypeOrSelf(getY()))),
       withElementType(y.type, getElementTypeOrSelf(getY()))};
  SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0));
  for (const TransposeAxis &axis : geometry->axes)
    offsets.push_back(b.getIndexAttr(axis.crop));
  return SmallVector<Value>{slice(b, y, offsets, getDims(getY()), getDims(getY())).value};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Convolution.cpp.inc"

void onnxc::onnx::registerConvolutionOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Convolution.cpp.inc"
      >();
}
