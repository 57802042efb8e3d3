//===- dialects/onnx/ops/Fourier.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Signals and their spectra. A transform adds up every product of an element and a root of unity, in f64: n * n steps.
#include "dialects/onnx/ops/Fourier.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::onnx;

//===- DFT ------------------------------------------------------------------------------===//

static bool isGiven(Value value) { return isa<RankedTensorType>(value.getType()); }

/// The dimension that is transformed; nothing where only the run tells.
static FailureOr<std::optional<int64_t>> getAxis(DFTOp op) {
  int64_t rank = cast<RankedTensorType>(op.getInput().getType()).getRank(), axis = rank - 2;
  if (isGiven(op.getAxis())) {
    auto known = getConstantInts(op.getAxis());
    if (!known)
      return std::optional<int64_t>();
    if (known->size() != 1)
      return op.emitOpError("axis must be a scalar");
    auto normal = normalizeAxis(op, known->front(), rank);
    if (failed(normal))
      return failure();
    axis = *normal;
  }
  if (axis == rank - 1)
    return op.emitOpError("the last dimension holds real and imaginary parts and can't be transformed");
  return std::optional<int64_t>(axis);
}

LogicalResult DFTOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getInput());
  Type element = getElementTypeOrSelf(getInput());
  if (!isa<FloatType>(element) || dims.size() < 2)
    return emitOpError("input must hold floats, with a dimension of real and imaginary parts at the end");
  if (auto parts = getConstant(dims.back()); parts && *parts != 1 && *parts != 2)
    return emitOpError("the last dimension must be 1 or 2: real numbers or complex ones");
  if (failed(assumeLength(*this, 1, 1, "dft_length")) || failed(assumeLength(*this, 2, 1, "axis")))
    return failure();
  auto axis = ::getAxis(*this);
  if (failed(axis))
    return failure();
  bool isInverse = getInverse() != 0, isOneSided = getOnesided() != 0;
  auto length = isGiven(getDftLength()) ? getShapeData(getDftLength()) : std::nullopt;
  if (length)
    if (auto number = getConstant(length->front()); number && *number < 1)
      return emitOpError("dft_length ") << *number << " is not positive";
  for (size_t i = 0; i + 1 < dims.size(); ++i) {
    if (*axis && **axis != static_cast<int64_t>(i))
      continue;
    AffineExpr n = dims[i];
    if (isGiven(getDftLength()))
      n = length && *axis ? length->front() : AffineExpr();
    else if (isOneSided && isInverse)
      n = (n - 1) * 2;
    if (n && *axis && getConstant(n).value_or(1) < 1)
      return emitOpError("dimension ") << i << " has no element to transform";
    if (n && isOneSided && !isInverse)
      n = n.floorDiv(2) + 1;
    bool keepsSizes = !isOneSided && !isGiven(getDftLength());
    dims[i] = n && (*axis || keepsSizes) ? n : freshSymbol(*this, 0, i);
  }
  dims.back() = makeDim(getContext(), isInverse && isOneSided ? 1 : 2);
  types.push_back(makeTensor(dims, element));
  return success();
}

FailureOr<SmallVector<Value>> DFTOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto known = ::getAxis(*this);
  if (failed(known))
    return failure();
  Lowered x = getLowered(*this, operands, 0);
  int64_t rank = x.rank();
  if (AffineExpr parts = x.dims().back(); !getConstant(parts)) { // real numbers get imaginary parts of 0
    for (AffineExpr expr : {parts - 1, 2 - parts})
      b.requireNonNegative(expr, "DFT: the last dimension is not 1 or 2: real numbers or complex ones");
    SmallVector<OpFoldResult> low(rank, b.getIndexAttr(0)), high = low;
    high.back() = b.materialize(simplify(2 - parts));
    Dims dims = x.dims();
    dims.back() = makeDim(getContext(), 2);
    x = pad(b, x, low, high, dims, b.constant(LoweringBuilder::loweredType(x.type).getElementType(), 0));
  }
  Dims from = x.dims(), to = getDims(getOutput());
  bool isInverse = getInverse() != 0, isOneSided = getOnesided() != 0, isComplex = getConstant(from.back()) == 2;
  bool isReal = isInverse && isOneSided;
  IndexMath math{b};
  auto require = [&](arith::CmpIPredicate predicate, Value l, Value r, const Twine &message) {
    cf::AssertOp::create(b, arith::CmpIOp::create(b, predicate, l, r), ("DFT: " + message).str());
  };
  Value axis;
  if (!*known) {
    axis = b.element(getAxis(), operands[2], 0);
    axis = math.select(math.less(axis, 0), math.add(axis, b.index(rank)), axis);
    require(arith::CmpIPredicate::ult, axis, b.index(rank - 1), "axis is out of range");
  }
  auto isAxis = [&](ImplicitLocOpBuilder &at, int64_t i) { return IndexMath{at}.equal(axis, i); };
  Value size = b.materializeIndex(from[known->value_or(0)]);
  if (axis)
    for (int64_t i = 1; i + 1 < rank; ++i)
      size = math.select(isAxis(b, i), b.materializeIndex(from[i]), size);
  // n points of the signal; of the spectrum there may be one half.
  Value length = isGiven(getDftLength()) ? b.element(getDftLength(), operands[1], 0)
                 : isReal                ? math.mul(math.sub(size, b.index(1)), b.index(2))
                                         : size;
  if (!getConstantIntValue(length) || *getConstantIntValue(length) < 1)
    require(arith::CmpIPredicate::sgt, length, b.index(0), "the length of the transform is not positive");
  Value half = math.add(arith::DivUIOp::create(b, length, b.index(2)), b.index(1));
  Value wanted = isOneSided && !isInverse ? half : length, terms = math.least(size, isReal ? half : length);
  for (int64_t i = 0; i + 1 < rank; ++i) {
    if (*known && i != **known)
      continue;
    Value expected = axis ? math.select(isAxis(b, i), wanted, b.materializeIndex(from[i])) : wanted;
    b.bindFresh(to[i], [&] { return expected; });
    // The model may have declared another size.
    require(arith::CmpIPredicate::eq, b.materializeIndex(to[i]), expected, "the result has another size");
  }

  // Cosine and sine of 2 pi j / n, j < n.
  Type f64 = b.getF64Type(), element = x.element();
  auto toFloat = [&](ImplicitLocOpBuilder &at, Value index) {
    return convert(Scalar(at, arith::IndexCastOp::create(at, at.getI64Type(), index)), f64);
  };
  SmallVector<Value> roots;
  auto rootsType = getConstantIntValue(length);
  RankedTensorType tableType = RankedTensorType::get({rootsType.value_or(ShapedType::kDynamic)}, f64);
  for (bool isSine : {false, true}) {
    Value empty = tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>{getAsOpFoldResult(length)}, f64);
    auto table = linalg::GenericOp::create(
        b, TypeRange{tableType}, ValueRange{}, ValueRange{empty}, ArrayRef<AffineMap>{b.getMultiDimIdentityMap(1)},
        ArrayRef<utils::IteratorType>{utils::IteratorType::parallel}, [&](OpBuilder &nested, Location loc, ValueRange) {
          ImplicitLocOpBuilder body(loc, nested);
          Scalar angle =
              toFloat(body, linalg::IndexOp::create(body, 0)) * (2 * llvm::numbers::pi) / toFloat(body, length);
          linalg::YieldOp::create(body, Value(isSine ? sin(angle) : cos(angle)));
        });
    roots.push_back(table.getResult(0));
  }

  auto transform = [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    IndexMath math{body};
    Value place = at[known->value_or(0)];
    if (axis)
      for (int64_t i = 1; i + 1 < rank; ++i)
        place = math.select(isAxis(body, i), at[i], place);
    Value isImaginary = math.equal(at.back(), 1);
    Scalar zero(body, arith::ConstantOp::create(body, body.getF64FloatAttr(0)));
    // Carries the sum and place * k mod n, which says the root.
    auto add = [&](ImplicitLocOpBuilder &inner, ValueRange k, ValueRange carried) -> SmallVector<Value> {
      IndexMath math{inner};
      SmallVector<Value> entry(at);
      for (int64_t i = 0; i + 1 < rank; ++i)
        if (axis)
          entry[i] = math.select(isAxis(inner, i), k[0], at[i]);
        else if (i == **known)
          entry[i] = k[0];
      auto part = [&](int64_t i) {
        entry.back() = math.constant(i);
        return convert(Scalar(inner, tensor::ExtractOp::create(inner, x.value, entry)), f64);
      };
      Scalar cosine(inner, tensor::ExtractOp::create(inner, roots[0], carried[1]));
      Scalar sine(inner, tensor::ExtractOp::create(inner, roots[1], carried[1]));
      if (!isInverse)
        sine = -sine;
      Scalar chosen(inner, isImaginary), real = part(0), term = real * select(chosen, sine, cosine);
      if (isComplex) {
        Scalar imaginary = part(1);
        term = term + select(chosen, imaginary * cosine, -(imaginary * sine));
      }
      if (isReal) { // what is beyond the half mirrors all but the first term, and the middle one
        Value twice = math.add(k[0], k[0]);
        Value isSingle = arith::OrIOp::create(inner, math.equal(k[0], 0),
                                              arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, twice, length));
        term = select(Scalar(inner, isSingle), term, term * 2);
      }
      Value next = math.add(carried[1], place), wrapped = math.sub(next, length);
      Value isPast = arith::CmpIOp::create(inner, arith::CmpIPredicate::uge, next, length);
      return {Scalar(inner, carried[0]) + term, math.select(isPast, wrapped, next)};
    };
    Scalar sum(body, makeLoops(body, terms, {zero, math.constant(0)}, add)[0]);
    if (isInverse)
      sum = sum / toFloat(body, length);
    return convert(sum, element);
  };
  return SmallVector<Value>{b.generate(getOutput().getType(), transform)};
}

/// Before version 20 the axis was an attribute, with another default.
static LogicalResult upgradeDFT(NodeForm &node) {
  int64_t axis = takeInt(node, "axis", 1);
  node.setOperand(2, node.scalar(axis, node.b.getI64Type()));
  return success();
}

//===- STFT -----------------------------------------------------------------------------===//

/// The size of a frame: that of the window, or what frame_length says, or all of the signal.
static AffineExpr getFrameSize(STFTOp op) {
  if (isGiven(op.getWindow()))
    return getDims(op.getWindow())[0];
  if (!isGiven(op.getFrameLength()))
    return getDims(op.getSignal())[1];
  auto data = getShapeData(op.getFrameLength());
  return data ? data->front() : AffineExpr();
}

LogicalResult STFTOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims signal = getDims(getSignal());
  Type element = getElementTypeOrSelf(getSignal());
  if (!isa<FloatType>(element) || signal.size() != 3)
    return emitOpError("signal must hold floats, with the dimensions batch, length and real and imaginary parts");
  if (auto parts = getConstant(signal[2]); parts && *parts != 1 && *parts != 2)
    return emitOpError("the last dimension must be 1 or 2: real numbers or complex ones");
  if (failed(assumeLength(*this, 1, 1, "frame_step")) || failed(assumeLength(*this, 3, 1, "frame_length")))
    return failure();
  if (auto window = dyn_cast<RankedTensorType>(getWindow().getType());
      window && (window.getRank() != 1 || window.getElementType() != element))
    return emitOpError("window must be a vector of the signal's type");
  AffineExpr length = getFrameSize(*this);
  if (!length)
    return emitOpError("frame_length must be known where there is no window");
  auto given = isGiven(getFrameLength()) ? getConstantInts(getFrameLength()) : std::nullopt;
  auto size = getConstant(length), available = getConstant(signal[1]);
  if (given && size && given->front() != *size) // "the length of the window must equal frame_length"
    return emitOpError("frame_length is ") << given->front() << ", but the window has " << *size << " elements";
  if (size && *size < 1)
    return emitOpError("frames have no elements");
  if (size && available && *size > *available)
    return emitOpError("the signal has ") << *available << " elements, less than a frame, which has " << *size;
  AffineExpr frames;
  if (auto step = getConstantInts(getFrameStep())) {
    if (step->front() < 1)
      return emitOpError("frame_step ") << step->front() << " is not positive";
    frames = (signal[1] - length).floorDiv(step->front()) + 1;
  } else {
    frames = freshSymbol(*this, 0, 1);
  }
  AffineExpr frequencies = getOnesided() ? length.floorDiv(2) + 1 : length;
  types.push_back(makeTensor({signal[0], frames, frequencies, makeDim(getContext(), 2)}, element));
  return success();
}

FailureOr<SmallVector<Value>> STFTOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered signal = getLowered(*this, operands, 0), window = getLowered(*this, operands, 2);
  AffineExpr length = getFrameSize(*this), frames = getDims(getOutput())[1];
  b.requireNonNegative(length - 1, "STFT: frames have no elements");
  b.requireNonNegative(signal.dims()[1] - length, "STFT: the signal is shorter than a frame");
  IndexMath math{b};
  auto require = [&](arith::CmpIPredicate predicate, Value l, Value r, StringRef message) {
    cf::AssertOp::create(b, arith::CmpIOp::create(b, predicate, l, r), message);
  };
  if (window && operands[3])
    require(arith::CmpIPredicate::eq, b.element(getFrameLength(), operands[3], 0), b.materializeIndex(length),
            "STFT: the window has another length than the frames");
  Value step = b.element(getFrameStep(), operands[1], 0);
  if (!getConstantIntValue(step)) {
    require(arith::CmpIPredicate::sgt, step, b.index(0), "STFT: frame_step is not positive");
    Value later = arith::DivUIOp::create(b, b.materializeIndex(signal.dims()[1] - length), step);
    Value count = math.add(later, b.index(1));
    b.bindFresh(frames, [&] { return count; });
    require(arith::CmpIPredicate::eq, b.materializeIndex(frames), count, "STFT: the result has another size");
  }
  Type element = signal.element(), wide = accumulatorType(element);
  RankedTensorType type = makeTensor({signal.dims()[0], frames, length, signal.dims()[2]}, wide);
  Value weighted = b.generate(type, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    IndexMath math{body};
    Value place = math.add(math.mul(at[1], step), at[2]);
    auto read = [&](Value tensor, ValueRange at) {
      return convert(Scalar(body, tensor::ExtractOp::create(body, tensor, at)), wide);
    };
    Scalar x = read(signal.value, {at[0], place, at[3]});
    return window ? x * read(window.value, at[2]) : x;
  });
  RankedTensorType scalar = RankedTensorType::get({}, b.getI64Type());
  Value axis = ConstantOp::create(b, scalar, DenseElementsAttr::get(scalar, int64_t(2)));
  auto transform = make<DFTOp>(b, {b.lift(weighted, type), NoneOp::create(b, b.getNoneType()), axis},
                               b.getNamedAttr("onesided", getOnesidedAttr()));
  if (!transform)
    return failure();
  Value spectra = transform.getOutput();
  return SmallVector<Value>{convert(b, {b.lower(spectra), cast<RankedTensorType>(spectra.getType())}, element).value};
}

/// A signal of real numbers needs a last dimension of 1, which is easily forgotten.
static LogicalResult addParts(NodeForm &node) {
  Value signal = node.operand(0);
  auto type = signal ? dyn_cast<RankedTensorType>(signal.getType()) : RankedTensorType();
  if (!type || type.getRank() != 2)
    return success();
  emitWarning(node.b.getLoc()) << "the signal lacks the last dimension (1 for real, 2 for complex numbers); assumed: "
                               << "the signal is of real numbers";
  node.operands[0] = unsqueeze(node, signal, 2);
  return success(node.operands[0]);
}

/// Without a window, a length that only the run tells becomes that of one.
static LogicalResult addWindow(NodeForm &node) {
  Value length = node.operand(3);
  if (!node.operand(0) || node.operand(2) || !length || getShapeData(length))
    return success();
  Type element = getElementTypeOrSelf(node.operand(0));
  if (!isa<FloatType>(element))
    return success(); // which is reported by the operation
  length = reshape(node, build<CastOp>(node, length, intAttr(node, "to", getOnnxType(node.b.getI64Type()))), 1);
  auto one = RankedTensorType::get({1}, element);
  auto ones = DenseElementsAttr::get(one, Attribute(node.b.getFloatAttr(element, 1)));
  Value window = build<ConstantOfShapeOp>(node, length, node.b.getNamedAttr("value", ones));
  if (!window)
    return failure();
  node.setOperand(2, window);
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Fourier.cpp.inc"

void onnxc::onnx::registerFourierOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Fourier.cpp.inc"
      >();
  dialect.addUpgrade("DFT", 20, upgradeDFT);
  for (auto upgrade : {addParts, addWindow})
    dialect.addUpgrade("STFT", /*below=*/std::numeric_limits<int64_t>::max(), upgrade);
}
