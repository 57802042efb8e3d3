//===- dialects/onnx/support/Scores.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What classifiers and regressors have in common. See Scores.h.
#include "dialects/onnx/support/Scores.h"
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Loops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

FailureOr<Dims> onnxc::onnx::getRowDims(Operation *op, Value x) {
  Type element = getElementTypeOrSelf(x);
  if (!isa<FloatType>(element) && !element.isSignlessInteger(32) && !element.isSignlessInteger(64))
    return op->emitOpError("takes floats, int32 or int64, not ") << getElementTypeName(element);
  Dims dims = getDims(x);
  if (dims.size() == 1)
    dims.insert(dims.begin(), makeDim(op->getContext(), 1));
  if (dims.size() != 2)
    return op->emitOpError("X has rank ") << dims.size() << ", expected rows of features";
  return dims;
}

Type onnxc::onnx::getScoreType(Type element) {
  return element.isF64() ? element : Float32Type::get(element.getContext());
}

Lowered onnxc::onnx::getRows(LoweringBuilder &b, Operation *op, ValueRange operands) {
  Lowered x = getLowered(op, operands, 0);
  return convert(b, reshape(b, x, *getRowDims(op, op->getOperand(0))), getScoreType(x.element()));
}

Lowered onnxc::onnx::takeFeatures(LoweringBuilder &b, Lowered rows, int64_t features) {
  Dims dims{rows.dims()[0], makeDim(b.getContext(), features)};
  b.requireEqual(rows.dims()[1], dims[1], "X has another number of features than the model");
  return slice(b, rows, {b.getIndexAttr(0), b.getIndexAttr(0)}, dims, dims);
}

Lowered onnxc::onnx::makeFloats(LoweringBuilder &b, ArrayRef<int64_t> sizes, ArrayRef<float> numbers, Type element) {
  RankedTensorType type = makeTensor(sizes, element);
  std::vector<double> wide(numbers.begin(), numbers.end());
  return {arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(type, wide))), type};
}

template <typename T> static Value makeVector(LoweringBuilder &b, ArrayRef<T> numbers) {
  ArrayRef<char> bytes(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(T));
  RankedTensorType type = makeTensor(static_cast<int64_t>(numbers.size()), b.getIntegerType(8 * sizeof(T)));
  return arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(type, bytes)));
}

Value onnxc::onnx::makeIntegers(LoweringBuilder &b, ArrayRef<int32_t> numbers) { return makeVector(b, numbers); }
Value onnxc::onnx::makeIntegers(LoweringBuilder &b, ArrayRef<int64_t> numbers) { return makeVector(b, numbers); }

Value onnxc::onnx::readIndex(ImplicitLocOpBuilder &b, Value table, Value at) {
  return arith::IndexCastOp::create(b, b.getIndexType(), tensor::ExtractOp::create(b, table, at));
}

// ---- Transforms
// ------------------------------------------------------------------------------------------------------

FailureOr<PostTransform> onnxc::onnx::getPostTransform(Operation *op, StringRef name) {
  auto transform = llvm::StringSwitch<std::optional<PostTransform>>(name)
                       .Case("NONE", PostTransform::None)
                       .Case("SOFTMAX", PostTransform::Softmax)
                       .Case("LOGISTIC", PostTransform::Logistic)
                       .Case("SOFTMAX_ZERO", PostTransform::SoftmaxZero)
                       .Case("PROBIT", PostTransform::Probit)
                       .Default(std::nullopt);
  if (!transform)
    return op->emitOpError("post_transform \"") << name << "\" is not NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT";
  return *transform;
}

FailureOr<PostTransform> onnxc::onnx::getPostTransform(Operation *op, int64_t number) {
  if (number < 0 || number > static_cast<int64_t>(PostTransform::Probit))
    return op->emitOpError("post_transform ") << number << " is not 0 to 4";
  return static_cast<PostTransform>(number);
}

/// 1 / (1 + exp(-x)), without overflow.
static Scalar logistic(Scalar x) {
  Scalar y = 1 / (exp(-abs(x)) + 1);
  return select(x < 0, 1 - y, y);
}

/// The inverse of the distribution function of the standard normal distribution, as onnxruntime has it: with Winitzki's
/// approximation of the inverse error function.
static Scalar probit(Scalar p) {
  constexpr double a = 0.147, pi = 3.14159;
  Scalar x = p * 2 - 1, l = log1p(x) + log1p(-x);
  Scalar v = l * 0.5 + 2 / (pi * a), w = l * (-1 / a);
  Scalar root = sqrt(w / (sqrt(v * v + w) + v)); // of sqrt(v^2 + w) - v, which cancels
  return select(x < 0, -root, root) * 1.41421356;
}

Lowered onnxc::onnx::transformScores(LoweringBuilder &b, Lowered scores, PostTransform transform, bool alsoSingle) {
  bool isForSingle = transform == PostTransform::Probit || (transform == PostTransform::Logistic && alsoSingle);
  if (transform == PostTransform::None || (getConstant(scores.dims()[1]) == 1 && !isForSingle))
    return scores;
  Fields fields(b, scores.dims());
  Type element = scores.element();
  Field x = fields.all(scores);
  if (transform == PostTransform::Logistic)
    return fields.map(x, element, [](ArrayRef<Scalar> e) { return logistic(e[0]); }).tensor;
  if (transform == PostTransform::Probit)
    return fields.map(x, element, [](ArrayRef<Scalar> e) { return probit(e[0]); }).tensor;
  Field largest = fields.reduce(
      x, 1, element, [](Scalar like) { return like.lowest(); },
      [](Scalar a, ArrayRef<Scalar> e) { return max(a, e[0]); });
  // SOFTMAX_ZERO leaves zeros what they are: exp(0) would be a share for those that got no vote.
  auto isZero = [&](Scalar score) { return abs(score) <= 1e-7f; };
  bool keepsZeros = transform == PostTransform::SoftmaxZero;
  Field powers = fields.map({x, largest}, element, [&](ArrayRef<Scalar> e) {
    Scalar power = exp(e[0] - e[1]);
    return keepsZeros ? select(isZero(e[0]), e[0] * exp(-e[1]), power) : power;
  });
  Field sum = fields.sum({powers, x}, 1, element,
                         [&](ArrayRef<Scalar> e) { return keepsZeros ? select(isZero(e[1]), 0, e[0]) : e[0]; });
  return fields
      .map({powers, sum}, element,
           [&](ArrayRef<Scalar> e) {
             return keepsZeros ? select(e[1] == 0, 0.5, e[0] / e[1]) : e[0] / e[1]; // all zero: as the reference
           })
      .tensor;
}

Lowered onnxc::onnx::scoreTwoClasses(LoweringBuilder &b, Lowered score, bool isSigned, PostTransform transform) {
  bool isChanged = transform == PostTransform::Logistic || transform == PostTransform::Probit;
  isSigned |= transform == PostTransform::Logistic;
  RankedTensorType type = makeTensor({score.dims()[0], makeDim(b.getContext(), 2)}, score.element());
  AffineMap single = AffineMap::get(2, 0, {b.getAffineDimExpr(0), b.getAffineConstantExpr(0)}, b.getContext());
  Value both = b.elementwise(type, score.value, single, [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
    Scalar s(body, args[0]), place(body, linalg::IndexOp::create(body, 1));
    Value isFirst = IndexMath{body}.equal(place, 0);
    return select(Scalar(body, isFirst), isSigned ? -s : 1 - s, s);
  });
  return isChanged ? transformScores(b, {both, type}, transform) : Lowered{both, type};
}

// ---- Labels
// ----------------------------------------------------------------------------------------------------------

Lowered onnxc::onnx::findLargest(LoweringBuilder &b, Lowered scores) {
  Dims dims = scores.dims();
  RankedTensorType type = makeTensor(dims[0], b.getI64Type());
  Value classes = b.materializeIndex(dims[1]);
  Value largest = b.generate(type, [&](ImplicitLocOpBuilder &body, ValueRange row) -> Value {
    Value first = IndexMath{body}.constant(0);
    SmallVector<Value> start{tensor::ExtractOp::create(body, scores.value, ValueRange{row[0], first}), first};
    auto found = makeLoops(body, classes, start, [&](ImplicitLocOpBuilder &inner, ValueRange at, ValueRange best) {
      Value score = tensor::ExtractOp::create(inner, scores.value, ValueRange{row[0], at[0]});
      Value isLarger = Scalar(inner, score) > Scalar(inner, best[0]);
      IndexMath math{inner};
      return SmallVector<Value>{math.select(isLarger, score, best[0]), math.select(isLarger, at[0], best[1])};
    });
    return arith::IndexCastOp::create(body, body.getI64Type(), found[1]);
  });
  return {largest, type};
}

Lowered onnxc::onnx::findAbove(LoweringBuilder &b, Lowered score, double threshold) {
  RankedTensorType type = makeTensor(score.dims()[0], b.getI64Type());
  AffineMap single = AffineMap::get(1, 0, {b.getAffineDimExpr(0), b.getAffineConstantExpr(0)}, b.getContext());
  return {b.elementwise(type, score.value, single,
                        [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                          return convert(Scalar(body, args[0]) > threshold, body.getI64Type());
                        }),
          type};
}

FailureOr<Labels> Labels::get(Operation *op, std::optional<ArrayRef<int64_t>> integers,
                              std::optional<ArrayAttr> strings) {
  bool hasIntegers = integers && !integers->empty(), hasStrings = strings && !strings->empty();
  if (hasIntegers == hasStrings)
    return op->emitOpError("needs labels of the classes that are either integers or strings");
  Labels labels;
  if (hasIntegers)
    labels.integers.assign(integers->begin(), integers->end());
  else
    for (StringRef label : strings->getAsValueRange<StringAttr>()) {
      if (label.contains('\0'))
        return op->emitOpError("a string contains a zero byte: that can't be compiled");
      labels.strings.push_back(label.str());
    }
  return labels;
}

Type Labels::elementType(MLIRContext *context) const {
  return strings.empty() ? Type(IntegerType::get(context, 64)) : Type(StringType::get(context));
}

Labels Labels::forOneScore() const {
  if (size() == 2)
    return *this;
  return strings.empty() ? Labels{{0, 1}, {}} : Labels{{}, {"0", "1"}};
}

SmallVector<int64_t> Labels::sort() {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, size()));
  auto apply = [&](auto &list) {
    llvm::stable_sort(order, [&](int64_t a, int64_t b) { return list[a] < list[b]; });
    list = llvm::map_to_vector(order, [&](int64_t i) { return list[i]; });
  };
  if (strings.empty())
    apply(integers);
  else
    apply(strings);
  return order;
}

bool Labels::hasDuplicates() const {
  return std::adjacent_find(integers.begin(), integers.end()) != integers.end() ||
         std::adjacent_find(strings.begin(), strings.end()) != strings.end();
}

Value Labels::makeTable(LoweringBuilder &b) const {
  if (strings.empty())
    return makeIntegers(b, integers);
  SmallVector<StringRef> texts(strings.begin(), strings.end());
  return b.strings(makeTensor(static_cast<int64_t>(size()), elementType(b.getContext())), texts);
}

Value Labels::choose(LoweringBuilder &b, Lowered positions) const {
  Value table = makeTable(b);
  return b.elementwise(withElementType(positions.type, elementType(b.getContext())), positions.value,
                       TypeRange{positions.type}, [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                         Value at = arith::IndexCastOp::create(body, body.getIndexType(), args[0]);
                         return tensor::ExtractOp::create(body, table, at);
                       });
}
