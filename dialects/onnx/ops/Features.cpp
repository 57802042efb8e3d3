//===- dialects/onnx/ops/Features.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that prepare rows of features for a model.
#include "dialects/onnx/ops/Features.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scores.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

static Type elementOf(Value value) { return getElementTypeOrSelf(value.getType()); }

/// Reports an element type that these operators don't take.
static LogicalResult checkNumbers(Operation *op, Value x) {
  Type element = elementOf(x);
  if (!element.isF32() && !element.isF64() && !element.isSignlessInteger(32) && !element.isSignlessInteger(64))
    return op->emitOpError("takes float32, float64, int32 or int64, not ") << getElementTypeName(element);
  return success();
}

/// Reports a number of parameters that is neither 1 nor that of the features, the last dimension of `x`.
static LogicalResult checkPerFeature(Operation *op, Value x, int64_t count, StringRef name) {
  Dims dims = getDims(x);
  if (count > 1 && dims.empty())
    return op->emitOpError("X is a scalar, but ") << name << " has " << count << " entries";
  auto features = count > 1 ? getConstant(dims.back()) : std::nullopt;
  if (features && *features != count)
    return op->emitOpError(name) << " has " << count << " entries; X has " << *features << " features";
  return success();
}

/// Stops the run where there are not as many features as parameters.
static void requireFeatures(LoweringBuilder &b, Lowered x, int64_t count) {
  if (count > 1)
    b.requireEqual(x.dims().back(), makeDim(b.getContext(), count), "X has another number of features than the node");
}

/// Parameters, one for all features or one for each, along the last of the dimensions of `x`.
static Field alongFeatures(LoweringBuilder &b, const Fields &fields, Lowered x, ArrayRef<float> numbers, Type element) {
  int64_t count = numbers.size();
  requireFeatures(b, x, count);
  if (count == 1)
    return fields.along(reshape(b, makeFloats(b, 1, numbers, element), {}), {});
  return fields.along(makeFloats(b, count, numbers, element), x.rank() - 1);
}

//===- ArrayFeatureExtractor --------------------------------------------------------===//

LogicalResult ArrayFeatureExtractorOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getX());
  if (dims.empty())
    return emitOpError("X is a scalar, which has no dimension to index");
  if (getConstant(dims.back()) == 0)
    return emitOpError("indexes a dimension of size 0");
  // A vector is one row, and the result of it a matrix: as in onnxruntime.
  if (dims.size() == 1)
    dims.insert(dims.begin(), makeDim(getContext(), 1));
  dims.back() = product(getContext(), getDims(getY()));
  types.push_back(makeTensor(dims, elementOf(getX())));
  return success();
}

FailureOr<SmallVector<Value>> ArrayFeatureExtractorOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered y = getLowered(*this, operands, 1);
  y = reshape(b, y, product(getContext(), y.dims()));
  auto axis = b.getNamedAttr("axis", IntegerAttr::get(b.getIntegerType(64, /*isSigned=*/true), -1));
  auto gather = make<GatherOp>(b, {getX(), b.lift(y.value, y.type)}, axis);
  if (!gather)
    return failure();
  Lowered taken{b.lower(gather.getOutput()), cast<RankedTensorType>(gather.getOutput().getType())};
  return SmallVector<Value>{reshape(b, taken, getDims(getZ())).value};
}

//===- Binarizer --------------------------------------------------------------------===//

LogicalResult BinarizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(getX().getType());
  return checkNumbers(*this, getX());
}

FailureOr<SmallVector<Value>> BinarizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0);
  double threshold = getThreshold().convertToDouble();
  Fields fields(b, x.dims());
  Field result = fields.map(fields.all(x), x.element(), [&](ArrayRef<Scalar> e) {
    Scalar number = e[0].isFloat() ? e[0] : convert(e[0], b.getF64Type());
    return convert(number > threshold, x.element());
  });
  return SmallVector<Value>{result.tensor.value};
}

//===- FeatureVectorizer ------------------------------------------------------------===//

/// The rows of X and the features in each. More dimensions than two are taken together, as in onnxruntime.
static FailureOr<Dims> getFlatRowDims(Operation *op, Value x) {
  Dims dims = getDims(x);
  if (dims.size() <= 2)
    return getRowDims(op, x);
  return Dims{dims[0], product(op->getContext(), ArrayRef(dims).drop_front())};
}

LogicalResult FeatureVectorizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto given = getInputdimensions();
  if (getX().empty())
    return emitOpError("has no inputs");
  if (given && given->size() != getX().size())
    return emitOpError("inputdimensions has ") << given->size() << " entries for " << getX().size() << " inputs";
  AffineExpr rows, features = makeDim(getContext(), 0);
  for (auto [i, x] : llvm::enumerate(getX())) {
    auto dims = getFlatRowDims(*this, x);
    if (failed(checkNumbers(*this, x)) || failed(dims))
      return failure();
    if (size_t rank = getDims(x).size(); rank > 2)
      emitWarning() << "input " << i << " has rank " << rank << "; assumed: all dimensions from 1 on are features";
    if (given && (*given)[i] < 0)
      return emitOpError("inputdimensions has the entry ") << (*given)[i];
    auto first = rows ? getConstant(rows) : std::nullopt, here = getConstant((*dims)[0]);
    if (first && here && *first != *here)
      return emitOpError("input ") << i << " has " << *here << " rows, expected " << *first;
    if (!rows || (here && !first))
      rows = (*dims)[0];
    features = features + (given ? makeDim(getContext(), (*given)[i]) : (*dims)[1]);
  }
  types.push_back(makeTensor({rows, simplify(features)}, Float32Type::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> FeatureVectorizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto given = getInputdimensions();
  auto type = cast<RankedTensorType>(getY().getType());
  AffineExpr rows = getDims(type)[0], zero = makeDim(getContext(), 0);
  Value result = b.empty(type);
  AffineExpr place = zero;
  for (size_t i = 0; i < operands.size(); ++i) {
    Lowered x = getLowered(*this, operands, i);
    x = convert(b, reshape(b, x, *getFlatRowDims(*this, getX()[i])), b.getF32Type());
    b.requireEqual(x.dims()[0], rows, "FeatureVectorizer: the inputs have different numbers of rows");
    // As many features as the node says: more are cut off, missing ones are 0.
    AffineExpr count = given ? makeDim(getContext(), (*given)[i]) : x.dims()[1];
    Value size = b.materializeIndex(x.dims()[1]);
    auto part = makeTensor({rows, count}, b.getF32Type());
    Value taken = b.generate(part, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
      Value isThere = arith::CmpIOp::create(body, arith::CmpIPredicate::slt, at[1], size);
      IndexMath math{body};
      Value last = arith::MaxSIOp::create(body, math.sub(size, math.constant(1)), math.constant(0));
      Scalar number(body, tensor::ExtractOp::create(body, x.value, ValueRange{at[0], math.least(at[1], last)}));
      return select(Scalar(body, isThere), number, 0);
    });
    if (getConstant(x.dims()[1]) == 0) // nothing to read
      taken = b.filled(part, b.constant(b.getF32Type(), 0));
    SmallVector<OpFoldResult> offsets{b.getIndexAttr(0), b.materialize(simplify(place))},
        sizes = b.materialize({rows, count}), strides(2, b.getIndexAttr(1));
    result = tensor::InsertSliceOp::create(b, taken, result, offsets, sizes, strides);
    place = place + count;
  }
  return SmallVector<Value>{result};
}

//===- Imputer ----------------------------------------------------------------------===//

/// How many of `count` values take the place of missing ones: one for each feature, or where their number is another
/// the first for all, as in onnxruntime.
static int64_t countImputed(ImputerOp op, int64_t count) {
  Dims dims = getDims(op.getX());
  auto features = dims.empty() ? 1 : getConstant(dims.back());
  return features && *features != count ? 1 : count;
}

LogicalResult ImputerOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkNumbers(*this, getX())))
    return failure();
  bool isFloat = isa<FloatType>(elementOf(getX()));
  auto floats = getImputedValueFloats();
  auto integers = getImputedValueInt64s();
  int64_t count = isFloat ? (floats ? floats->size() : 0) : (integers ? integers->size() : 0);
  StringRef name = isFloat ? "imputed_value_floats" : "imputed_value_int64s";
  if (count == 0)
    return emitOpError("needs ") << name;
  types.push_back(getX().getType());
  if (count != countImputed(*this, count))
    emitWarning() << name << " has " << count << " entries, which is not the number of features of X; assumed: the "
                  << "first of them for all features";
  return success();
}

FailureOr<SmallVector<Value>> ImputerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0);
  Fields fields(b, x.dims());
  Field values;
  if (isa<FloatType>(x.element())) {
    ArrayRef<float> floats = *getImputedValueFloats();
    values = alongFeatures(b, fields, x, floats.take_front(countImputed(*this, floats.size())), x.element());
  } else {
    ArrayRef<int64_t> integers = *getImputedValueInt64s();
    int64_t count = countImputed(*this, integers.size());
    integers = integers.take_front(count);
    requireFeatures(b, x, count);
    Lowered numbers{makeIntegers(b, integers), makeTensor(count, b.getI64Type())};
    numbers = convert(b, numbers, x.element());
    values = count == 1 ? fields.along(reshape(b, numbers, {}), {}) : fields.along(numbers, x.rank() - 1);
  }
  // Compared as the wider of the element's type and the attribute's.
  double replacedFloat = getReplacedValueFloat().convertToDouble();
  Field result = fields.map({fields.all(x), values}, x.element(), [&](ArrayRef<Scalar> e) {
    if (!e[0].isFloat()) {
      Scalar wide = convert(e[0], b.getI64Type());
      Value replaced = arith::ConstantOp::create(wide.builder(), b.getI64IntegerAttr(getReplacedValueInt64()));
      return select(wide == wide.with(replaced), e[1], e[0]);
    }
    return select(std::isnan(replacedFloat) ? e[0] != e[0] : e[0] == replacedFloat, e[1], e[0]);
  });
  return SmallVector<Value>{result.tensor.value};
}

//===- Normalizer -------------------------------------------------------------------===//

LogicalResult NormalizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (!llvm::is_contained({"MAX", "L1", "L2"}, getNorm()))
    return emitOpError("norm \"") << getNorm() << "\" is not MAX, L1 or L2";
  if (failed(checkNumbers(*this, getX())) || failed(getRowDims(*this, getX())))
    return failure();
  types.push_back(withElementType(getX().getType(), Float32Type::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> NormalizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getRows(b, *this, operands);
  Fields fields(b, x.dims());
  Field rows = fields.all(x), divisor;
  // The largest element itself, as the formula has it, not its magnitude.
  if (getNorm() == "MAX")
    divisor = fields.reduce(
        rows, 1, x.element(), [](Scalar like) { return like.lowest(); },
        [](Scalar a, ArrayRef<Scalar> e) { return max(a, e[0]); });
  else
    divisor = fields.sum(rows, 1, x.element(),
                         [&](ArrayRef<Scalar> e) { return getNorm() == "L1" ? abs(e[0]) : e[0] * e[0]; });
  Field result = fields.map({rows, divisor}, b.getF32Type(), [&](ArrayRef<Scalar> e) {
    Scalar by = getNorm() == "L2" ? sqrt(e[1]) : e[1];
    return select(by == 0, e[0], e[0] / by);
  });
  return SmallVector<Value>{reshape(b, result.tensor, getDims(getY())).value};
}

//===- Scaler -----------------------------------------------------------------------===//

LogicalResult ScalerOp::inferTypes(SmallVectorImpl<Type> &types) {
  int64_t offsets = getOffset() ? getOffset()->size() : 0, scales = getScale() ? getScale()->size() : 0;
  if (failed(checkNumbers(*this, getX())) || failed(checkPerFeature(*this, getX(), offsets, "offset")) ||
      failed(checkPerFeature(*this, getX(), scales, "scale")))
    return failure();
  types.push_back(withElementType(getX().getType(), Float32Type::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> ScalerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0);
  x = convert(b, x, getScoreType(x.element()));
  Fields fields(b, x.dims());
  Field result = fields.all(x);
  auto apply = [&](std::optional<ArrayRef<float>> numbers, Scalar (*f)(Scalar, Scalar)) {
    if (numbers && !numbers->empty())
      result = fields.map({result, alongFeatures(b, fields, x, *numbers, x.element())}, x.element(),
                          [&](ArrayRef<Scalar> e) { return f(e[0], e[1]); });
  };
  apply(getOffset(), [](Scalar a, Scalar b) { return a - b; });
  apply(getScale(), [](Scalar a, Scalar b) { return a * b; });
  return SmallVector<Value>{convert(b, result.tensor, b.getF32Type()).value};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Features.cpp.inc"

void onnxc::onnx::registerFeaturesOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Features.cpp.inc"
      >();
}
