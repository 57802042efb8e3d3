//===- dialects/onnx/ops/LinearModels.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LinearClassifier and LinearRegressor: a matrix product with constant coefficients, and what becomes of the scores.
#include "dialects/onnx/ops/LinearModels.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Scores.h"

using namespace mlir;
using namespace onnxc::onnx;

/// How many of the coefficients are those of one target. Where X has fewer features than there are coefficients for,
/// rows are as long as X has features, and what is left over means nothing: as in onnxruntime.
static int64_t getRowLength(ArrayRef<AffineExpr> dims, ArrayRef<float> coefficients, int64_t targets) {
  return getConstant(dims[1]).value_or(coefficients.size() / targets);
}

/// Checks that there are `targets` rows of coefficients for the features of X, which has the sizes `dims`.
static LogicalResult checkCoefficients(Operation *op, ArrayRef<AffineExpr> dims, ArrayRef<float> coefficients,
                                       ArrayRef<float> intercepts, int64_t targets) {
  int64_t count = coefficients.size();
  auto features = getConstant(dims[1]);
  if (targets < 1 || count == 0 || (!features && count % targets != 0))
    return op->emitOpError("has ") << count << " coefficients for " << targets << " targets";
  if (!intercepts.empty() && static_cast<int64_t>(intercepts.size()) != targets)
    return op->emitOpError("has ") << intercepts.size() << " intercepts for " << targets << " targets";
  if (features && *features > count / targets)
    return op->emitOpError("X has ") << *features << " features; there are coefficients for " << count / targets;
  if (features && *features * targets != count)
    emitWarning(op->getLoc()) << "there are " << count << " coefficients for " << targets << " times " << *features
                              << " features of X; assumed: the first " << *features * targets << " coefficients";
  return success();
}

/// rows * coefficients^T + intercepts.
static Lowered getScores(LoweringBuilder &b, Lowered rows, ArrayRef<float> coefficients, ArrayRef<float> intercepts,
                         int64_t targets) {
  int64_t features = getRowLength(rows.dims(), coefficients, targets);
  coefficients = coefficients.take_front(targets * features);
  AffineExpr row, target, feature;
  bindDims(b.getContext(), row, target, feature);
  rows = takeFeatures(b, rows, features);
  auto map = [&](AffineExpr x, AffineExpr y) { return AffineMap::get(3, 0, {x, y}, b.getContext()); };
  Lowered weights = makeFloats(b, {targets, features}, coefficients, rows.element());
  Dims dims{rows.dims()[0], makeDim(b.getContext(), targets)};
  Lowered scores =
      contract(b, rows, map(row, feature), weights, map(target, feature), dims, map(row, target), rows.element());
  if (intercepts.empty())
    return scores;
  Fields fields(b, dims);
  Field shift = fields.along(makeFloats(b, targets, intercepts, rows.element()), 1);
  return fields.map({fields.all(scores), shift}, rows.element(), [](ArrayRef<Scalar> e) { return e[0] + e[1]; }).tensor;
}

template <typename OpT> static ArrayRef<float> getIntercepts(OpT op) {
  return op.getIntercepts().value_or(ArrayRef<float>());
}

//===- LinearClassifier -------------------------------------------------------------===//

/// One set of coefficients for each class, or a single one that tells two classes apart.
static int64_t countTargets(LinearClassifierOp op, const Labels &labels, AffineExpr features) {
  if (size_t intercepts = getIntercepts(op).size())
    return intercepts;
  int64_t number = getConstant(features).value_or(0), coefficients = op.getCoefficients().size();
  return number && coefficients == number ? 1 : labels.size();
}

LogicalResult LinearClassifierOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = getRowDims(*this, getX());
  auto labels = Labels::get(*this, getClasslabelsInts(), getClasslabelsStrings());
  if (failed(dims) || failed(labels) || failed(onnxc::onnx::getPostTransform(*this, getPostTransform())))
    return failure();
  int64_t targets = countTargets(*this, *labels, (*dims)[1]);
  if (failed(checkCoefficients(*this, *dims, getCoefficients(), ::getIntercepts(*this), targets)))
    return failure();
  int64_t classes = labels->size();
  if (targets != classes && targets != 1)
    return emitOpError("has coefficients for ") << targets << " classes, but labels for " << classes;
  types.push_back(makeTensor((*dims)[0], labels->elementType(getContext())));
  AffineExpr scores = makeDim(getContext(), targets == 1 && classes == 2 ? 2 : targets);
  types.push_back(makeTensor({(*dims)[0], scores}, Float32Type::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> LinearClassifierOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered rows = getRows(b, *this, operands);
  Labels labels = *Labels::get(*this, getClasslabelsInts(), getClasslabelsStrings());
  auto transform = *onnxc::onnx::getPostTransform(*this, getPostTransform());
  int64_t targets = countTargets(*this, labels, rows.dims()[1]);
  Lowered raw = getScores(b, rows, getCoefficients(), ::getIntercepts(*this), targets), scores, winner;
  if (targets > 1) {
    winner = findLargest(b, raw);
    scores = transformScores(b, raw, transform);
  } else {
    winner = findAbove(b, raw, 0);
    scores = labels.size() == 2 ? scoreTwoClasses(b, raw, /*isSigned=*/false, transform)
                                : transformScores(b, raw, transform);
    labels = labels.forOneScore();
  }
  return SmallVector<Value>{labels.choose(b, winner), convert(b, scores, b.getF32Type()).value};
}

//===- LinearRegressor --------------------------------------------------------------===//

LogicalResult LinearRegressorOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = getRowDims(*this, getX());
  if (failed(dims) || failed(onnxc::onnx::getPostTransform(*this, getPostTransform())) ||
      failed(checkCoefficients(*this, *dims, getCoefficients().value_or(ArrayRef<float>()), ::getIntercepts(*this),
                               getTargets())))
    return failure();
  types.push_back(makeTensor({(*dims)[0], makeDim(getContext(), getTargets())}, Float32Type::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> LinearRegressorOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered scores = getScores(b, getRows(b, *this, operands), *getCoefficients(), ::getIntercepts(*this), getTargets());
  scores = transformScores(b, scores, *onnxc::onnx::getPostTransform(*this, getPostTransform()));
  return SmallVector<Value>{convert(b, scores, b.getF32Type()).value};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/LinearModels.cpp.inc"

void onnxc::onnx::registerLinearModelsOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/LinearModels.cpp.inc"
      >();
}
