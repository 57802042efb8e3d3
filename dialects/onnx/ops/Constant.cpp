//===- dialects/onnx/ops/Constant.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values that need no computation: constants, and the absent optional value.
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Forgive.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace onnxc::onnx;

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }
OpFoldResult NoneOp::fold(FoldAdaptor) { return UnitAttr::get(getContext()); }

LogicalResult ConstantOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(getValue().getShapedType());
  return success();
}

LogicalResult NoneOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(NoneType::get(getContext()));
  return success();
}

FailureOr<SmallVector<Value>> ConstantOp::lowerToLinalg(LoweringBuilder &b, ValueRange) {
  if (auto text = dyn_cast<DenseStringElementsAttr>(getValue())) {
    SmallVector<StringRef> values(text.getValues<StringRef>());
    return SmallVector<Value>{b.strings(cast<RankedTensorType>(text.getType()), values)};
  }
  ElementsAttr value = reinterpret(getValue(), LoweringBuilder::loweredType(getValue().getShapedType()));
  if (!value)
    return emitOpError("the value is of a kind that can't be compiled");
  return SmallVector<Value>{arith::ConstantOp::create(b, cast<TypedAttr>(value))};
}

FailureOr<SmallVector<Value>> NoneOp::lowerToLinalg(LoweringBuilder &, ValueRange) {
  return SmallVector<Value>{Value()};
}

static Attribute makeStrings(RankedTensorType type, ArrayRef<StringRef> values) {
  return DenseStringElementsAttr::get(type, values);
}

/// Every form of Constant's attribute becomes `value`.
static LogicalResult normalizeConstant(NodeForm &node) {
  OpBuilder &b = node.b;
  auto isForm = [](NamedAttribute attribute) {
    StringRef name = attribute.getName();
    return name.starts_with("value") || name == "sparse_value";
  };
  size_t forms = llvm::count_if(node.attributes, isForm);
  if (forms != 1)
    return node.error() << "Constant needs exactly one attribute, not " << forms;
  NamedAttribute attribute = *llvm::find_if(node.attributes, isForm);
  StringRef form = attribute.getName();
  auto vector = [](size_t size, Type element) { return RankedTensorType::get(static_cast<int64_t>(size), element); };
  Attribute value;
  if (form == "value" || form == "sparse_value") {
    value = dyn_cast<ElementsAttr>(attribute.getValue());
  } else if (auto number = dyn_cast<FloatAttr>(attribute.getValue()); number && form == "value_float") {
    value = DenseElementsAttr::get(RankedTensorType::get({}, b.getF32Type()), number.getValue());
  } else if (auto number = dyn_cast<IntegerAttr>(attribute.getValue()); number && form == "value_int") {
    value = DenseElementsAttr::get(RankedTensorType::get({}, b.getI64Type()), number.getValue());
  } else if (auto list = dyn_cast<DenseF32ArrayAttr>(attribute.getValue()); list && form == "value_floats") {
    value = DenseElementsAttr::get(vector(list.size(), b.getF32Type()), list.asArrayRef());
  } else if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute.getValue()); list && form == "value_ints") {
    value = DenseElementsAttr::get(vector(list.size(), b.getI64Type()), list.asArrayRef());
  } else if (auto text = dyn_cast<StringAttr>(attribute.getValue()); text && form == "value_string") {
    std::string encoded = encodeZeroBytes(node.b.getLoc(), form, text.getValue());
    value = makeStrings(RankedTensorType::get({}, StringType::get(b.getContext())), StringRef(encoded));
  } else if (auto list = dyn_cast<ArrayAttr>(attribute.getValue()); list && form == "value_strings") {
    SmallVector<StringRef> texts(list.getAsValueRange<StringAttr>());
    value = makeStrings(vector(texts.size(), StringType::get(b.getContext())), texts);
  }
  if (!value)
    return node.error() << "the attribute '" << form << "' is not one of Constant, or of another type";
  node.attributes.erase(form);
  node.attributes.set("value", value);
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Constant.cpp.inc"

void onnxc::onnx::registerConstantOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Constant.cpp.inc"
      >();
  dialect.addUpgrade("Constant", std::numeric_limits<int64_t>::max(), normalizeConstant); // of any version
}
