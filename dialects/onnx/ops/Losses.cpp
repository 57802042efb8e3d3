//===- dialects/onnx/ops/Losses.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Losses of classifiers. Sums over the batch are in f32 for 16-bit floats.
#include "dialects/onnx/ops/Losses.h"
#include "dialects/onnx/ops/Softmax.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Indices.h"
#include "dialects/onnx/support/Loops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

static bool differ(AffineExpr a, AffineExpr b) {
  auto x = getConstant(a), y = getConstant(b);
  return x && y && *x != *y;
}

/// Scores [N, C, D1, ...], classes [N, D1, ...], weights [C]; the loss has the shape of the classes, or is a scalar.
static FailureOr<Type> inferLoss(Operation *op, Value scores, Value classes, Value weights, StringRef reduction) {
  Type element = getElementTypeOrSelf(scores.getType());
  if (!isa<FloatType>(element))
    return op->emitOpError("takes floating-point numbers, not ") << getElementTypeName(element);
  Dims dims = getDims(scores), of = getDims(classes);
  if (dims.size() < 2 || of.size() != dims.size() - 1)
    return op->emitOpError("takes scores of rank 2 or more and classes of a rank one less, not ranks ")
           << dims.size() << " and " << of.size();
  if (getConstant(dims[1]) == 0)
    return op->emitOpError("takes scores of one class or more");
  for (size_t i = 0; i < of.size(); ++i)
    if (differ(of[i], dims[i ? i + 1 : 0]))
      return op->emitOpError("the classes do not have the shape of the scores without dimension 1");
  if (!isa<NoneType>(weights.getType())) {
    Dims size = getDims(weights);
    if (size.size() != 1 || differ(size[0], dims[1]))
      return op->emitOpError("takes one weight for each class");
    if (getElementTypeOrSelf(weights.getType()) != element)
      return op->emitOpError("scores and weights have different element types");
  }
  if (!llvm::is_contained({"none", "sum", "mean"}, reduction))
    return op->emitOpError("reduction \"") << reduction << "\" is not none, sum or mean";
  return Type(makeTensor(reduction == "none" ? ArrayRef<AffineExpr>(of) : ArrayRef<AffineExpr>(), element));
}

//===- NegativeLogLikelihoodLoss ----------------------------------------------------===//

LogicalResult NegativeLogLikelihoodLossOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto type = inferLoss(*this, getInput(), getTarget(), getWeight(), getReduction());
  if (failed(type))
    return failure();
  types.push_back(*type);
  return success();
}

FailureOr<SmallVector<Value>> NegativeLogLikelihoodLossOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0), target = getLowered(*this, operands, 1),
          weight = getLowered(*this, operands, 2);
  Dims dims = input.dims(), space = target.dims();
  for (size_t i = 0; i < space.size(); ++i)
    b.requireEqual(space[i], dims[i ? i + 1 : 0],
                   "NegativeLogLikelihoodLoss: the classes do not have the shape of the scores without dimension 1");
  if (weight)
    b.requireEqual(weight.dims()[0], dims[1], "NegativeLogLikelihoodLoss: takes one weight for each class");
  b.requireNonNegative(dims[1] - 1, "NegativeLogLikelihoodLoss: takes scores of one class or more");
  Value classes = b.materializeIndex(dims[1]);
  // "In range of [0, C)", or ignore_index. onnxruntime counts negative ones from the end, as its GatherElements does.
  IndexMath math{b};
  requireInRange(b, target.value, math.sub(b.index(0), classes), math.sub(classes, b.index(1)),
                 "NegativeLogLikelihoodLoss: class out of range", [&](ImplicitLocOpBuilder &body, ValueRange args) {
                   Scalar wanted = convert(Scalar(body, args[0]), body.getI64Type());
                   auto ignored = getIgnoreIndex();
                   return ignored ? select(wanted == wanted.with(b.constantInt(b.getI64Type(), *ignored)), 0, wanted)
                                  : wanted;
                 });
  auto place = [&](Scalar wanted) -> Value {
    ImplicitLocOpBuilder &body = wanted.builder();
    return LoweringBuilder::wrapIndex(body, arith::IndexCastOp::create(body, body.getIndexType(), wanted), classes);
  };
  auto unlessIgnored = [&](Scalar wanted, Scalar x) {
    auto ignored = getIgnoreIndex();
    return ignored ? select(wanted == wanted.with(arith::ConstantIntOp::create(wanted.builder(), wanted.type(),
                                                                               static_cast<int64_t>(*ignored))),
                            0, x)
                   : x;
  };
  Fields fields(b, space);
  Field at = fields.all(target);
  Type element = input.element(), accumulator = accumulatorType(element);
  bool isWhole = getReduction() == "none";
  auto weightOf = [&](Scalar wanted) {
    ImplicitLocOpBuilder &body = wanted.builder();
    return widen(Scalar(body, tensor::ExtractOp::create(body, weight.value, place(wanted))));
  };
  Field losses = fields.map(at, isWhole ? element : accumulator, [&](ArrayRef<Scalar> e) {
    ImplicitLocOpBuilder &body = e[0].builder();
    SmallVector<Value> from;
    for (int64_t i = 0; i < target.rank(); ++i)
      from.push_back(linalg::IndexOp::create(body, i));
    from.insert(from.begin() + 1, place(e[0]));
    Scalar loss = -widen(Scalar(body, tensor::ExtractOp::create(body, input.value, from)));
    return unlessIgnored(e[0], weight ? loss * weightOf(e[0]) : loss);
  });
  if (isWhole)
    return SmallVector<Value>{losses.tensor.value};
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, target.rank()));
  auto itself = [](ArrayRef<Scalar> e) { return e[0]; };
  Field sum = fields.sum(losses, axes, accumulator, itself);
  if (getReduction() == "sum")
    return SmallVector<Value>{fields.map(sum, element, itself).tensor.value};
  if (!weight && !getIgnoreIndex()) {
    Value count = fields.count(axes, accumulator);
    Field mean = fields.map(sum, element, [&](ArrayRef<Scalar> e) { return e[0] / e[0].with(count); });
    return SmallVector<Value>{mean.tensor.value};
  }
  // The mean counts what was summed, each with its weight.
  Field weights = fields.map(at, accumulator, [&](ArrayRef<Scalar> e) {
    Scalar one(e[0].builder(), arith::ConstantOp::create(e[0].builder(), b.getFloatAttr(accumulator, 1)));
    return unlessIgnored(e[0], weight ? weightOf(e[0]) : one);
  });
  Field mean = fields.map({sum, fields.sum(weights, axes, accumulator, itself)}, element,
                          [](ArrayRef<Scalar> e) { return e[0] / e[1]; });
  return SmallVector<Value>{mean.tensor.value};
}

//===- SoftmaxCrossEntropyLoss ------------------------------------------------------===//

LogicalResult SoftmaxCrossEntropyLossOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto type = inferLoss(*this, getScores(), getLabels(), getWeights(), getReduction());
  if (failed(type))
    return failure();
  types.push_back(*type);
  types.push_back(getScores().getType());
  return success();
}

FailureOr<SmallVector<Value>> SoftmaxCrossEntropyLossOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto logs = make<LogSoftmaxOp>(b, b.lift(operands[0], getScores().getType()),
                                 b.getNamedAttr("axis", b.getIntegerAttr(b.getIntegerType(64, true), 1)));
  Value weights = operands[2] ? b.lift(operands[2], getWeights().getType()) : getWeights();
  // The attributes of both operators have the same names.
  auto loss = logs
                  ? make<NegativeLogLikelihoodLossOp>(
                        b, {logs.getOutput(), b.lift(operands[1], getLabels().getType()), weights}, (*this)->getAttrs())
                  : NegativeLogLikelihoodLossOp();
  if (!loss)
    return failure();
  return SmallVector<Value>{b.lower(loss.getLoss()), b.lower(logs.getOutput())};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Losses.cpp.inc"

void onnxc::onnx::registerLossesOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Losses.cpp.inc"
      >();
}
