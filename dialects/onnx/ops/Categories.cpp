//===- dialects/onnx/ops/Categories.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LabelEncoder, CategoryMapper and OneHotEncoder: elements are searched among the sorted keys, numbers by a few
// compares without a branch, strings by runtime/library/labels.c.
#include "dialects/onnx/ops/Categories.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scores.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace onnxc::onnx;

//===- Keys -------------------------------------------------------------------------===//

/// The elements of a constant of integers.
static std::vector<int64_t> readIntegers(ElementsAttr elements) {
  ArrayRef<char> bytes = getRawElements(elements);
  Type type = elements.getElementType();
  size_t width = type.getIntOrFloatBitWidth() / 8, count = elements.getNumElements();
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < count; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + (elements.isSplat() ? 0 : i * width), width);
    numbers.push_back(type.isUnsignedInteger() ? bits : llvm::SignExtend64(bits, 8 * width));
  }
  return numbers;
}

namespace {
/// Keys in ascending order, each once.
struct Keys {
  std::vector<int64_t> integers;
  std::vector<double> floats;
  std::vector<std::string> strings;
  /// Which of the given keys each is: of equal ones the last. Then that of NaN, if there is one.
  std::vector<int64_t> order;
  bool hasNan = false;

  explicit Keys(ElementsAttr elements);
  int64_t size() const { return order.size() - hasNan; }
  /// For every element of `x` its place in `order`, or the size of `order`. An i64 tensor.
  Lowered find(LoweringBuilder &b, Lowered x) const;

private:
  template <typename T> void sort(std::vector<T> &list);
  Scalar search(Scalar x, Value table) const;
};
} // namespace

template <typename T> void Keys::sort(std::vector<T> &list) {
  llvm::stable_sort(order, [&](int64_t a, int64_t b) { return list[a] < list[b]; });
  std::vector<T> sorted;
  std::vector<int64_t> kept;
  for (int64_t i : order) {
    if (!sorted.empty() && sorted.back() == list[i]) {
      kept.back() = i;
      continue;
    }
    sorted.push_back(list[i]);
    kept.push_back(i);
  }
  list = std::move(sorted);
  order = std::move(kept);
}

Keys::Keys(ElementsAttr elements) {
  int64_t count = elements.getNumElements(), nan = 0;
  if (count > 0 && isa<FloatType>(elements.getElementType())) {
    floats = getNumbers(elements).value_or(std::vector<double>(count));
    if (floats.size() == 1) // a splat
      floats.resize(count, floats.front());
    for (int64_t i = 0; i < count; ++i) {
      if (!std::isnan(floats[i]))
        order.push_back(i);
      else
        hasNan = true, nan = i;
    }
    sort(floats);
    if (hasNan)
      order.push_back(nan);
    return;
  }
  order.resize(count);
  std::iota(order.begin(), order.end(), 0);
  if (auto texts = dyn_cast<DenseStringElementsAttr>(elements)) {
    for (StringRef text : texts.getValues<StringRef>())
      strings.push_back(text.str());
    sort(strings);
  } else if (count > 0) {
    integers = readIntegers(elements);
    sort(integers);
  }
}

/// Halves what is left of the table until one key is, which the element is or not.
Scalar Keys::search(Scalar x, Value table) const {
  ImplicitLocOpBuilder &b = x.builder();
  IndexMath math{b};
  Value place = math.constant(0);
  auto keyAt = [&](Value at) { return x.with(tensor::ExtractOp::create(b, table, at)); };
  for (int64_t left = size(); left > 1; left -= left / 2) {
    Value middle = math.add(place, math.constant(left / 2));
    place = math.select(keyAt(middle) <= x, middle, place);
  }
  place = math.select(keyAt(place) == x, place, math.constant(order.size()));
  return Scalar(b, arith::IndexCastOp::create(b, b.getI64Type(), place));
}

Lowered Keys::find(LoweringBuilder &b, Lowered x) const {
  RankedTensorType type = withElementType(x.type, b.getI64Type());
  if (isa<StringType>(x.element())) {
    SmallVector<StringRef> texts(strings.begin(), strings.end());
    RankedTensorType keys = makeTensor(size(), x.element());
    return {b.call("onnxc_find_strings", {x.value, b.strings(keys, texts)}, {x.type, keys}, type, {})[0], type};
  }
  Value table;
  RankedTensorType keys = makeTensor(size(), x.element());
  if (isa<FloatType>(x.element())) {
    table = arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(b.loweredType(keys), floats)));
  } else {
    size_t width = x.element().getIntOrFloatBitWidth() / 8;
    std::vector<char> bytes;
    for (int64_t key : integers)
      bytes.insert(bytes.end(), reinterpret_cast<char *>(&key), reinterpret_cast<char *>(&key) + width);
    table = arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(b.loweredType(keys), bytes)));
  }
  Fields fields(b, x.dims());
  int64_t none = order.size();
  return fields
      .map(fields.all(x), b.getI64Type(),
           [&](ArrayRef<Scalar> e) {
             Scalar x = e[0];
             Value missing = arith::ConstantOp::create(x.builder(), b.getI64IntegerAttr(none));
             Scalar place = size() ? search(x, table) : Scalar(x.builder(), missing);
             return hasNan ? select(x != x, static_cast<double>(size()), place) : place;
           })
      .tensor;
}

/// The element of a lowered table at every place.
static Value choose(LoweringBuilder &b, Lowered places, Value table, Type result) {
  return b.elementwise(result, places.value, TypeRange{places.type},
                       [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                         Value at = arith::IndexCastOp::create(body, body.getIndexType(), args[0]);
                         return tensor::ExtractOp::create(body, table, at);
                       });
}

//===- LabelEncoder -----------------------------------------------------------------===//

LogicalResult LabelEncoderOp::inferTypes(SmallVectorImpl<Type> &types) {
  ElementsAttr keys = getKeysTensor(), values = getValuesTensor(), otherwise = getDefaultTensor();
  Type element = getElementTypeOrSelf(getX()), value = values.getElementType();
  auto isAllowed = [](Type type) {
    return type.isF32() || type.isF64() || isa<StringType>(type) ||
           (type.isInteger() && type.getIntOrFloatBitWidth() % 8 == 0);
  };
  if (!isAllowed(element) || !isAllowed(value))
    return emitOpError("maps float32, float64, integers and strings, not ")
           << getElementTypeName(isAllowed(element) ? value : element);
  if (keys.getElementType() != element)
    return emitOpError("the keys are ") << getElementTypeName(keys.getElementType()) << ", but X holds "
                                        << getElementTypeName(element);
  if (keys.getNumElements() != values.getNumElements())
    return emitOpError("has ") << keys.getNumElements() << " keys and " << values.getNumElements() << " values";
  if (otherwise.getElementType() != value || otherwise.getNumElements() != 1)
    return emitOpError("the default must be one value of ") << getElementTypeName(value);
  types.push_back(withElementType(getX().getType(), value));
  return success();
}

FailureOr<SmallVector<Value>> LabelEncoderOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Keys keys(getKeysTensor());
  Lowered places = keys.find(b, getLowered(*this, operands, 0));
  // The values in the order of the keys, then the default.
  ElementsAttr values = getValuesTensor(), otherwise = getDefaultTensor();
  RankedTensorType type = makeTensor(static_cast<int64_t>(keys.order.size() + 1), values.getElementType());
  Value table;
  if (auto texts = dyn_cast<DenseStringElementsAttr>(values)) {
    SmallVector<StringRef> all(texts.getValues<StringRef>()), sorted;
    for (int64_t i : keys.order)
      sorted.push_back(all[i]);
    sorted.push_back(*cast<DenseStringElementsAttr>(otherwise).getValues<StringRef>().begin());
    table = b.strings(type, sorted);
  } else {
    ArrayRef<char> from = getRawElements(values), last = getRawElements(otherwise);
    size_t width = type.getElementTypeBitWidth() / 8;
    std::vector<char> bytes;
    for (int64_t i : keys.order) {
      const char *value = from.data() + (values.isSplat() ? 0 : i * width);
      bytes.insert(bytes.end(), value, value + width);
    }
    bytes.insert(bytes.end(), last.begin(), last.begin() + width);
    table = arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(b.loweredType(type), bytes)));
  }
  return SmallVector<Value>{choose(b, places, table, getY().getType())};
}

//===- OneHotEncoder ----------------------------------------------------------------===//

static FailureOr<Labels> getCategories(OneHotEncoderOp op) {
  auto labels = Labels::get(op, op.getCatsInt64s(), op.getCatsStrings());
  Type element = getElementTypeOrSelf(op.getX());
  if (succeeded(labels) && labels->strings.empty() == isa<StringType>(element))
    return op.emitOpError("the categories are ") << getElementTypeName(labels->elementType(op.getContext()))
                                                 << ", but X holds " << getElementTypeName(element);
  return labels;
}

LogicalResult OneHotEncoderOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto categories = getCategories(*this);
  if (failed(categories))
    return failure();
  Type element = getElementTypeOrSelf(getX());
  if (!isa<StringType>(element) && !element.isF32() && !element.isF64() && !element.isSignlessInteger(32) &&
      !element.isSignlessInteger(64))
    return emitOpError("takes float32, float64, int32, int64 or strings, not ") << getElementTypeName(element);
  Dims dims = getDims(getX());
  dims.push_back(makeDim(getContext(), categories->size()));
  types.push_back(makeTensor(dims, Float32Type::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> OneHotEncoderOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Labels labels = *getCategories(*this);
  Lowered x = getLowered(*this, operands, 0);
  auto keyType = makeTensor(static_cast<int64_t>(labels.size()), labels.elementType(getContext()));
  SmallVector<StringRef> texts(labels.strings.begin(), labels.strings.end());
  Keys keys(labels.strings.empty() ? ElementsAttr(DenseElementsAttr::get(keyType, ArrayRef<int64_t>(labels.integers)))
                                   : ElementsAttr(DenseStringElementsAttr::get(keyType, texts)));
  if (labels.strings.empty() && !x.element().isSignlessInteger(64)) {
    Fields fields(b, x.dims());
    x = fields.map(fields.all(x), b.getI64Type(), [&](ArrayRef<Scalar> e) { return convert(e[0], b.getI64Type()); })
            .tensor;
  }
  Lowered places = keys.find(b, x);
  Fields fields(b, x.dims());
  int64_t none = keys.order.size();
  if (getZeros() == 0) {
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
    Field last = fields.reduce(
        fields.all(places), axes, b.getI64Type(), [](Scalar like) { return like.number(0); },
        [](Scalar a, ArrayRef<Scalar> e) { return max(a, e[0]); });
    Value worst = tensor::ExtractOp::create(b, last.tensor.value, ValueRange{});
    Value holds = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, worst, b.constantInt(b.getI64Type(), none));
    cf::AssertOp::create(b, holds, "OneHotEncoder: an element has no category");
  }
  std::vector<int64_t> columns(keys.order);
  columns.push_back(-1);
  Lowered column{choose(b, places, makeIntegers(b, ArrayRef<int64_t>(columns)), places.type), places.type};
  int64_t rank = x.rank();
  ArrayRef<AffineExpr> loops = b.getMultiDimIdentityMap(rank + 1).getResults();
  AffineMap outer = AffineMap::get(rank + 1, 0, loops.drop_back(), b.getContext());
  return SmallVector<Value>{
      b.elementwise(getY().getType(), column.value, outer, [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
        Value here = arith::IndexCastOp::create(body, body.getI64Type(), linalg::IndexOp::create(body, rank));
        return convert(Scalar(body, args[0]) == Scalar(body, here), body.getF32Type());
      })};
}

//===- Importing --------------------------------------------------------------------===//

static ElementsAttr makeStrings(OpBuilder &b, ArrayRef<StringRef> texts) {
  auto type = RankedTensorType::get(static_cast<int64_t>(texts.size()), StringType::get(b.getContext()));
  return DenseStringElementsAttr::get(type, texts);
}
static ElementsAttr makeIntegers(OpBuilder &b, ArrayRef<int64_t> numbers) {
  return DenseElementsAttr::get(RankedTensorType::get(static_cast<int64_t>(numbers.size()), b.getI64Type()), numbers);
}

/// A list, a number or a string of the attribute `name` as a tensor; null when it is something else.
static ElementsAttr toTensor(ImplicitLocOpBuilder &b, StringRef name, Attribute value) {
  if (auto tensor = dyn_cast_or_null<ElementsAttr>(value))
    return isa<DenseArrayAttr>(value) ? ElementsAttr() : tensor;
  if (auto list = dyn_cast_or_null<ArrayAttr>(value)) {
    SmallVector<StringRef> texts(list.getAsValueRange<StringAttr>());
    return texts.size() == list.size() ? makeStrings(b, texts) : ElementsAttr();
  }
  if (auto text = dyn_cast_or_null<StringAttr>(value))
    return makeStrings(b, StringRef(encodeZeroBytes(b.getLoc(), name, text.getValue())));
  if (auto number = dyn_cast_or_null<IntegerAttr>(value))
    return makeIntegers(b, number.getValue().getSExtValue());
  if (auto number = dyn_cast_or_null<FloatAttr>(value))
    return DenseElementsAttr::get(RankedTensorType::get(1, b.getF32Type()), number.getValue());
  return {};
}

/// The list attribute, or the tensor, that a node has of those called `prefix`: exactly one.
static FailureOr<ElementsAttr> takeOne(NodeForm &node, StringRef prefix) {
  ElementsAttr found;
  for (StringRef kind : {"_floats", "_int64s", "_strings", "_tensor"}) {
    Attribute value = node.take((prefix + kind).str());
    if (!value)
      continue;
    ElementsAttr tensor;
    if (auto list = dyn_cast<DenseI64ArrayAttr>(value))
      tensor = makeIntegers(node.b, list);
    else if (auto list = dyn_cast<DenseF32ArrayAttr>(value))
      tensor = DenseElementsAttr::get(RankedTensorType::get(list.size(), node.b.getF32Type()), list.asArrayRef());
    else
      tensor = toTensor(node.b, (prefix + kind).str(), value);
    if (!tensor)
      return node.error() << "the attribute '" << prefix << kind << "' has another type than the operator's";
    if (tensor.getNumElements() == 0 && kind != "_tensor") // as good as absent
      continue;
    if (found)
      return node.error() << "more than one of the attributes " << prefix << "_* is given";
    found = tensor;
  }
  if (!found)
    return node.error() << "needs one of the attributes " << prefix << "_*";
  return found;
}

static LogicalResult setTensors(NodeForm &node, ElementsAttr keys, ElementsAttr values, ElementsAttr otherwise) {
  node.attributes.set("keys_tensor", keys);
  node.attributes.set("values_tensor", values);
  node.attributes.set("default_tensor", otherwise);
  return success();
}

/// What stands for elements that are no key: the attribute for values of this type, or the specification's default.
static FailureOr<ElementsAttr> takeDefault(NodeForm &node, Type value) {
  Attribute tensor = node.take("default_tensor"), text = node.take("default_string"),
            integer = node.take("default_int64"), number = node.take("default_float");
  ElementsAttr found;
  if (tensor)
    found = toTensor(node.b, "default_tensor", tensor);
  else if (isa<StringType>(value))
    found = text ? toTensor(node.b, "default_string", text) : makeStrings(node.b, StringRef("_Unused"));
  else if (value.isSignlessInteger(64))
    found = integer ? toTensor(node.b, "default_int64", integer) : makeIntegers(node.b, -1);
  else if (value.isF32() && number)
    found = toTensor(node.b, "default_float", number);
  else
    found = DenseElementsAttr::get(RankedTensorType::get(1, value), isa<FloatType>(value)
                                                                        ? Attribute(node.b.getFloatAttr(value, -0.0))
                                                                        : Attribute(node.b.getIntegerAttr(value, -1)));
  if (!found)
    return node.error() << "the default has another type than the operator's";
  return found;
}

/// Two lists that belong together and a default for each direction; the input's type tells which is meant.
static LogicalResult setBothWays(NodeForm &node, ElementsAttr strings, ElementsAttr integers) {
  bool fromStrings = !node.operands.empty() && isa<StringType>(getElementTypeOrSelf(node.operands[0].getType()));
  ElementsAttr keys = fromStrings ? strings : integers, values = fromStrings ? integers : strings;
  auto otherwise = takeDefault(node, values.getElementType());
  if (failed(otherwise))
    return failure();
  return setTensors(node, keys, values, *otherwise);
}

/// Version 1 numbers a list of strings. The others name keys and values by type, or as tensors.
static LogicalResult normalizeLabelEncoder(NodeForm &node) {
  if (node.opset < 2) {
    auto classes = dyn_cast_or_null<ArrayAttr>(node.take("classes_strings"));
    ElementsAttr strings = toTensor(node.b, "classes_strings", classes);
    if (!strings)
      return node.error() << "needs classes_strings";
    SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq<int64_t>(0, classes.size()));
    return setBothWays(node, strings, makeIntegers(node.b, numbers));
  }
  auto keys = takeOne(node, "keys"), values = takeOne(node, "values");
  if (failed(keys) || failed(values))
    return failure();
  if (!(*values).getElementType().isIntOrFloat() && !isa<StringType>((*values).getElementType()))
    return node.error() << "the values have a type that is not supported";
  auto otherwise = takeDefault(node, (*values).getElementType());
  if (failed(otherwise))
    return failure();
  return setTensors(node, *keys, *values, *otherwise);
}

/// A LabelEncoder between strings and integers.
static LogicalResult rewriteCategoryMapper(NodeForm &node) {
  auto integers = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("cats_int64s"));
  ElementsAttr strings = toTensor(node.b, "cats_strings", dyn_cast_or_null<ArrayAttr>(node.take("cats_strings")));
  if (!integers || !strings)
    return node.error() << "needs cats_int64s and cats_strings";
  node.name = "LabelEncoder";
  return setBothWays(node, strings, makeIntegers(node.b, integers));
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Categories.cpp.inc"

void onnxc::onnx::registerCategoriesOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Categories.cpp.inc"
      >();
  constexpr int64_t always = std::numeric_limits<int64_t>::max();
  dialect.addUpgrade("LabelEncoder", always, normalizeLabelEncoder, "ai.onnx.ml");
  dialect.addUpgrade("CategoryMapper", always, rewriteCategoryMapper, "ai.onnx.ml");
}
