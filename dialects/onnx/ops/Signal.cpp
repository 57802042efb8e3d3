//===- dialects/onnx/ops/Signal.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Signal processing. Sizes are operands: mostly constants, else the run tells.
#include "dialects/onnx/ops/Signal.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Scalar.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

static LogicalResult checkScalars(Operation *op) {
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    if (failed(assumeLength(op, i, 1, "every operand")))
      return failure();
  return success();
}

/// The type that `output_datatype` names: a number. Null after an error.
static Type getOutputType(Operation *op, int64_t datatype) {
  Type type = getElementType(op->getContext(), datatype);
  if (!type || type.getIntOrFloatBitWidth() < 8) {
    op->emitOpError("can't make elements of type ") << getElementTypeName(datatype);
    return {};
  }
  return type;
}

/// The size that a scalar operand says, or a fresh symbol for dimension `dim` of the result. Null after an error.
static AffineExpr sizeOf(
    Operation *op, Value scalar, unsigned dim,
    llvm::function_ref<AffineExpr(AffineExpr)> make = [](AffineExpr n) { return n; }) {
  auto data = getShapeData(scalar);
  if (!data)
    return freshSymbol(op, 0, dim);
  if (auto number = getConstant(data->front()); number && *number < 0) {
    op->emitOpError("a size of ") << *number << " is negative";
    return {};
  }
  return simplify(make(data->front()));
}

static Scalar asFloat(ImplicitLocOpBuilder &b, Value index, Type type) {
  return convert(Scalar(b, arith::IndexCastOp::create(b, b.getI64Type(), index)), type);
}

//===- Windows ----------------------------------------------------------------------===//

template <typename OpT> static LogicalResult inferWindow(OpT op, SmallVectorImpl<Type> &types) {
  Type element = getOutputType(op, op.getOutputDatatype());
  if (!element || failed(checkScalars(op)))
    return failure();
  AffineExpr size = sizeOf(op, op.getSize(), 0);
  if (!size)
    return failure();
  types.push_back(makeTensor(size, element));
  return success();
}

/// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N) for n = 0, 1, ...; N is the size, or one less for a symmetric window.
template <typename OpT>
static FailureOr<SmallVector<Value>> lowerWindow(OpT op, LoweringBuilder &b, ValueRange operands, double a0, double a1,
                                                 double a2) {
  AffineExpr dim = getDims(op.getOutput())[0];
  b.bindFresh(dim, [&] { return b.element(op.getSize(), operands[0], 0); });
  b.requireNonNegative(dim, "the size of the window is negative");
  Type element = getElementTypeOrSelf(op.getType()), type = element.isF64() ? element : b.getF32Type();
  Scalar period = asFloat(b, b.materializeIndex(dim), type);
  if (!op.getPeriodic())
    period = period - 1;
  return SmallVector<Value>{b.generate(op.getType(), [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    Scalar angle = asFloat(body, at[0], type) * (2 * M_PI) / Scalar(body, period);
    Scalar y = a0 - cos(angle) * a1;
    if (a2 != 0)
      y = y + cos(angle * 2) * a2;
    return convert(y, LoweringBuilder::loweredType(op.getType()).getElementType(), element.isUnsignedInteger());
  })};
}

LogicalResult HannWindowOp::inferTypes(SmallVectorImpl<Type> &types) { return inferWindow(*this, types); }
LogicalResult HammingWindowOp::inferTypes(SmallVectorImpl<Type> &types) { return inferWindow(*this, types); }
LogicalResult BlackmanWindowOp::inferTypes(SmallVectorImpl<Type> &types) { return inferWindow(*this, types); }

FailureOr<SmallVector<Value>> HannWindowOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerWindow(*this, b, operands, 0.5, 0.5, 0);
}

FailureOr<SmallVector<Value>> HammingWindowOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerWindow(*this, b, operands, 25.0 / 46, 21.0 / 46, 0);
}

FailureOr<SmallVector<Value>> BlackmanWindowOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerWindow(*this, b, operands, 0.42, 0.5, 0.08);
}

//===- MelWeightMatrix --------------------------------------------------------------===//

LogicalResult MelWeightMatrixOp::inferTypes(SmallVectorImpl<Type> &types) {
  Type element = getOutputType(*this, getOutputDatatype());
  if (!element || failed(checkScalars(*this)))
    return failure();
  for (Value edge : {getLowerEdgeHertz(), getUpperEdgeHertz()})
    if (Type type = getElementTypeOrSelf(edge.getType()); !isa<FloatType>(type))
      return emitOpError("edges are floating-point numbers, not ") << getElementTypeName(type);
  AffineExpr bins = sizeOf(*this, getDftLength(), 0, [](AffineExpr length) { return length.floorDiv(2) + 1; });
  AffineExpr filters = sizeOf(*this, getNumMelBins(), 1);
  if (!bins || !filters)
    return failure();
  types.push_back(makeTensor({bins, filters}, element));
  return success();
}

FailureOr<SmallVector<Value>> MelWeightMatrixOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getOutput());
  Value length = b.element(getDftLength(), operands[1], 0);
  b.bindFresh(dims[0], [&]() -> Value {
    Value half = arith::FloorDivSIOp::create(b, length, b.index(2));
    return arith::AddIOp::create(b, half, b.index(1));
  });
  b.bindFresh(dims[1], [&] { return b.element(getNumMelBins(), operands[0], 0); });
  for (AffineExpr dim : dims)
    b.requireNonNegative(dim, "MelWeightMatrix: negative size");

  // Filter i rises from edge i to edge i + 1 and falls to edge i + 2; edges are whole bins, found in f64. A frequency
  // of f Hz is 2595 log10(1 + f / 700) mel.
  Type f64 = b.getF64Type();
  auto mel = [&](Value lowered) {
    SmallVector<Value> zeros(cast<RankedTensorType>(lowered.getType()).getRank(), b.index(0));
    Scalar hertz = convert(Scalar(b, tensor::ExtractOp::create(b, lowered, zeros)), f64);
    return log1p(hertz / 700) * (2595 / std::log(10));
  };
  Scalar low = mel(operands[3]), high = mel(operands[4]);
  Scalar step = (high - low) / (asFloat(b, b.materializeIndex(dims[1]), f64) + 2);
  Scalar perHertz = (asFloat(b, length, f64) + 1) / asFloat(b, b.element(getSampleRate(), operands[2], 0), f64);
  auto edgesType = makeTensor(simplify(dims[1] + 2), f64);
  Value edges = b.generate(edgesType, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    Scalar here = asFloat(body, at[0], f64) * Scalar(body, step) + Scalar(body, low);
    Scalar hertz = (exp(here * (std::log(10) / 2595)) - 1) * 700;
    return floor(hertz * Scalar(body, perHertz));
  });
  Type element = getElementTypeOrSelf(getType());
  return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    auto edge = [&](int64_t i) {
      Value place = arith::AddIOp::create(body, at[1], arith::ConstantIndexOp::create(body, i));
      return Scalar(body, tensor::ExtractOp::create(body, edges, place));
    };
    Scalar bin = asFloat(body, at[0], f64), left = edge(0), centre = edge(1), right = edge(2);
    Scalar isRising = (bin >= left) & (bin <= centre), isFalling = (bin >= centre) & (bin < right);
    // A rise of no width is 1 at the centre.
    Scalar rise = select(left == centre, 1, (bin - left) / (centre - left));
    Scalar y = select(isFalling, (right - bin) / (right - centre), select(isRising, rise, 0));
    return convert(y, LoweringBuilder::loweredType(getType()).getElementType(), element.isUnsignedInteger());
  })};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Signal.cpp.inc"

void onnxc::onnx::registerSignalOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Signal.cpp.inc"
      >();
}
