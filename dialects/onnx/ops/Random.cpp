//===- dialects/onnx/ops/Random.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random numbers: every element is a function of the random words that support/Random.h gives it.
#include "dialects/onnx/ops/Random.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Random.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::onnx;

static bool isFloat(Type type) { return type.isF16() || type.isBF16() || type.isF32() || type.isF64(); }

/// The type with the number `dtype`, or of the elements of `like` where there is none.
static FailureOr<Type> getResultElement(Operation *op, std::optional<int64_t> dtype, Value like,
                                        llvm::function_ref<bool(Type)> isAllowed) {
  Type element = dtype ? getElementType(op->getContext(), *dtype) : getElementTypeOrSelf(like.getType());
  if (element && isAllowed(element))
    return element;
  return op->emitOpError("can't draw numbers of type ")
         << (dtype ? getElementTypeName(*dtype) : getElementTypeName(element)) << "; the attribute dtype says which";
}

//===- RandomNormal and RandomUniform -----------------------------------------------===//

template <typename OpT> static LogicalResult inferShaped(OpT op, SmallVectorImpl<Type> &types) {
  auto element = getResultElement(op, op.getDtype(), {}, isFloat);
  if (failed(element))
    return failure();
  Dims dims;
  for (int64_t size : op.getShape()) {
    if (size < 0)
      return op.emitOpError("shape has the negative size ") << size;
    dims.push_back(makeDim(op.getContext(), size));
  }
  types.push_back(makeTensor(dims, *element));
  return success();
}

template <typename OpT> static LogicalResult inferLike(OpT op, SmallVectorImpl<Type> &types) {
  auto element = getResultElement(op, op.getDtype(), op.getInput(), isFloat);
  if (failed(element))
    return failure();
  types.push_back(withElementType(op.getInput().getType(), *element));
  return success();
}

LogicalResult RandomNormalOp::inferTypes(SmallVectorImpl<Type> &types) { return inferShaped(*this, types); }
LogicalResult RandomNormalLikeOp::inferTypes(SmallVectorImpl<Type> &types) { return inferLike(*this, types); }
LogicalResult RandomUniformOp::inferTypes(SmallVectorImpl<Type> &types) { return inferShaped(*this, types); }
LogicalResult RandomUniformLikeOp::inferTypes(SmallVectorImpl<Type> &types) { return inferLike(*this, types); }

/// Box and Muller: the length of a vector of two normal numbers, times the cosine of its angle.
template <typename OpT> static SmallVector<Value> lowerNormal(OpT op, LoweringBuilder &b) {
  Type element = getElementTypeOrSelf(op.getOutput()), wide = accumulatorType(element);
  double mean = op.getMean().convertToDouble(), scale = op.getScale().convertToDouble();
  return {draw(b, op.getOutput().getType(), keyOf(op.getSeed()), [&](ArrayRef<Scalar> words) {
    Scalar length = sqrt(log(1 - toUniform(words.take_front(2), wide)) * -2); // the logarithm of (0, 1]
    Scalar angle = toUniform(words.take_back(2), wide) * (2 * llvm::numbers::pi);
    return convert(length * cos(angle) * scale + mean, element);
  })};
}

/// Rounding may give `high` itself, as it does in numpy.
template <typename OpT> static SmallVector<Value> lowerUniform(OpT op, LoweringBuilder &b) {
  Type element = getElementTypeOrSelf(op.getOutput()), wide = accumulatorType(element);
  double low = op.getLow().convertToDouble(), high = op.getHigh().convertToDouble();
  return {draw(b, op.getOutput().getType(), keyOf(op.getSeed()),
               [&](ArrayRef<Scalar> words) { return convert(toUniform(words, wide) * (high - low) + low, element); })};
}

FailureOr<SmallVector<Value>> RandomNormalOp::lowerToLinalg(LoweringBuilder &b, ValueRange) {
  return lowerNormal(*this, b);
}
FailureOr<SmallVector<Value>> RandomNormalLikeOp::lowerToLinalg(LoweringBuilder &b, ValueRange) {
  return lowerNormal(*this, b);
}
FailureOr<SmallVector<Value>> RandomUniformOp::lowerToLinalg(LoweringBuilder &b, ValueRange) {
  return lowerUniform(*this, b);
}
FailureOr<SmallVector<Value>> RandomUniformLikeOp::lowerToLinalg(LoweringBuilder &b, ValueRange) {
  return lowerUniform(*this, b);
}

//===- Bernoulli --------------------------------------------------------------------===//

LogicalResult BernoulliOp::inferTypes(SmallVectorImpl<Type> &types) {
  Type probability = getElementTypeOrSelf(getInput());
  if (!isFloat(probability))
    return emitOpError("probabilities must be floating-point numbers, not ") << getElementTypeName(probability);
  auto element = getResultElement(*this, getDtype(), getInput(), [](Type type) {
    return isFloat(type) || type.isInteger(1) || (type.isInteger() && type.getIntOrFloatBitWidth() >= 8);
  });
  if (failed(element))
    return failure();
  types.push_back(withElementType(getInput().getType(), *element));
  return success();
}

/// The function body in the specification compares the other way round, which gives 1 with the probability 1 - p: there
/// the text and the reference implementation hold.
FailureOr<SmallVector<Value>> BernoulliOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  RankedTensorType type = withElementType(input.type, accumulatorType(input.element()));
  Value uniform =
      draw(b, type, keyOf(getSeed()), [&](ArrayRef<Scalar> words) { return toUniform(words, type.getElementType()); });
  Fields fields(b, input.dims());
  Field result = fields.map({fields.all({uniform, type}), fields.all(input)}, getElementTypeOrSelf(getOutput()),
                            [](ArrayRef<Scalar> e) { return e[0] < e[1]; });
  return SmallVector<Value>{result.tensor.value};
}

//===- Multinomial ------------------------------------------------------------------===//

LogicalResult MultinomialOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getInput());
  Type input = getElementTypeOrSelf(getInput());
  if (!isFloat(input))
    return emitOpError("takes floating-point numbers, not ") << getElementTypeName(input);
  if (dims.size() != 2)
    return emitOpError("input must have the dimensions batch and class, but has rank ") << dims.size();
  if (getConstant(dims[1]) == 0)
    return emitOpError("there is no class to draw");
  if (getSampleSize() < 0)
    return emitOpError("sample_size ") << getSampleSize() << " is negative";
  auto element = getResultElement(*this, getDtype(), {},
                                  [](Type type) { return type.isSignlessInteger(32) || type.isSignlessInteger(64); });
  if (failed(element))
    return failure();
  types.push_back(makeTensor({dims[0], makeDim(getContext(), getSampleSize())}, *element));
  return success();
}

/// The first class up to which the probabilities add up to more than a uniform number: as many come before it as add up
/// to that number at most. In f64, and with the sum of all taken from the same sums, so that there always is one.
FailureOr<SmallVector<Value>> MultinomialOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  AffineExpr batch = input.dims()[0], classes = input.dims()[1], samples = getDims(getOutput())[1];
  b.requireNonNegative(classes - 1, "Multinomial: there is no class to draw");
  Type f64 = b.getF64Type();
  Fields fields(b, {batch, samples, classes});
  Field x = fields.along(input, {0, 2});
  auto greatest = [&](Field field) {
    return fields.reduce(
        field, 2, f64, [](Scalar like) { return like.lowest(); },
        [&](Scalar a, ArrayRef<Scalar> e) { return max(a, convert(e[0], f64)); });
  };
  Field weights = fields.map({x, greatest(x)}, f64, [&](ArrayRef<Scalar> e) { return exp(convert(e[0], f64) - e[1]); });
  Value axis = ConstantOp::create(b, RankedTensorType::get({}, b.getI64Type()),
                                  DenseElementsAttr::get(RankedTensorType::get({}, b.getI64Type()), int64_t(1)));
  auto cumulative = make<CumSumOp>(b, {b.lift(weights.tensor.value, weights.tensor.type), axis});
  if (!cumulative)
    return failure();
  Field sums = fields.along({b.lower(cumulative->getResult(0)), weights.tensor.type}, {0, 2});
  RankedTensorType drawn = makeTensor({batch, samples}, f64);
  Value uniform = draw(b, drawn, keyOf(getSeed()), [&](ArrayRef<Scalar> words) { return toUniform(words, f64); });
  Field wanted = fields.map({fields.along({uniform, drawn}, {0, 1}), greatest(sums)}, f64,
                            [](ArrayRef<Scalar> e) { return e[0] * e[1]; });
  Type element = getElementTypeOrSelf(getOutput());
  Field result =
      fields.sum({sums, wanted}, 2, element, [&](ArrayRef<Scalar> e) { return convert(e[0] <= e[1], element); });
  return SmallVector<Value>{result.tensor.value};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Random.cpp.inc"

void onnxc::onnx::registerRandomOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Random.cpp.inc"
      >();
  for (StringRef name :
       {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"})
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), giveSeed);
}
