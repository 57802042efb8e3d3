//===- dialects/onnx/support/Upgrade.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the upgrades of older operator versions have in common. See Upgrade.h.
#include "dialects/onnx/support/Upgrade.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"

using namespace mlir;
using namespace onnxc::onnx;

LogicalResult onnxc::onnx::dropConsumedInputs(NodeForm &node) {
  node.take("consumed_inputs");
  return success();
}

int64_t onnxc::onnx::takeInt(NodeForm &node, StringRef name, int64_t otherwise) {
  auto number = dyn_cast_or_null<IntegerAttr>(node.take(name));
  return number ? number.getValue().getSExtValue() : otherwise;
}

void onnxc::onnx::setInt(NodeForm &node, StringRef name, int64_t value) {
  node.attributes.set(name, IntegerAttr::get(node.b.getIntegerType(64, /*isSigned=*/true), value));
}

void onnxc::onnx::setDefault(NodeForm &node, StringRef name, Attribute value) {
  if (!node.get(name))
    node.attributes.set(name, value);
}

SmallVector<NamedAttribute> onnxc::onnx::takeThoseOf(NodeForm &node, StringRef operation) {
  SmallVector<NamedAttribute> taken;
  for (StringAttr name : RegisteredOperationName::lookup(operation, node.b.getContext())->getAttributeNames())
    if (Attribute attribute = node.take(name))
      taken.push_back({name, attribute});
  return taken;
}

LogicalResult onnxc::onnx::attributeToOperand(NodeForm &node, StringRef name, unsigned i) {
  Attribute value = node.take(name);
  if (!value)
    return success();
  if (auto list = dyn_cast<DenseI64ArrayAttr>(value)) {
    node.setOperand(i, node.constant(list));
  } else if (auto number = dyn_cast<IntegerAttr>(value)) {
    node.setOperand(i, node.constant(number.getValue().getSExtValue()));
  } else if (auto number = dyn_cast<FloatAttr>(value)) {
    auto type = getOperandType(node, 0);
    if (failed(type))
      return failure();
    node.setOperand(i, node.scalar(number.getValueAsDouble(), type->getElementType()));
  } else {
    return node.error() << "the attribute '" << name << "' has another type than the operator's";
  }
  return success();
}

FailureOr<RankedTensorType> onnxc::onnx::getOperandType(NodeForm &node, unsigned i) {
  Value operand = node.operand(i);
  auto type = operand ? dyn_cast<RankedTensorType>(operand.getType()) : RankedTensorType();
  if (!type)
    return node.error() << "input " << i << " must be a tensor";
  return type;
}

NamedAttribute onnxc::onnx::intAttr(NodeForm &node, StringRef name, int64_t value) {
  return node.b.getNamedAttr(name, IntegerAttr::get(node.b.getIntegerType(64, /*isSigned=*/true), value));
}

NamedAttribute onnxc::onnx::intsAttr(NodeForm &node, StringRef name, ArrayRef<int64_t> values) {
  return node.b.getNamedAttr(name, node.b.getDenseI64ArrayAttr(values));
}

NamedAttribute onnxc::onnx::floatAttr(NodeForm &node, StringRef name, double value) {
  return node.b.getNamedAttr(name, node.b.getF32FloatAttr(value));
}

double onnxc::onnx::takeFloat(NodeForm &node, StringRef name, double otherwise) {
  auto number = dyn_cast_or_null<FloatAttr>(node.take(name));
  return number ? number.getValueAsDouble() : otherwise;
}

Value onnxc::onnx::absent(NodeForm &node) { return NoneOp::create(node.b, node.b.getNoneType()); }

Value onnxc::onnx::orAbsent(NodeForm &node, Value value) { return value ? value : absent(node); }

LogicalResult onnxc::onnx::requireOperands(NodeForm &node, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    if (!node.operand(i))
      return node.error() << "input " << i << " must be given";
  return success();
}

LogicalResult onnxc::onnx::finish(NodeForm &node, ArrayRef<Value> values) {
  if (llvm::is_contained(values, Value()))
    return failure();
  node.results = llvm::to_vector(values);
  return success();
}

Value onnxc::onnx::unsqueeze(NodeForm &node, Value value, ArrayRef<int64_t> axes) {
  if (!value || axes.empty())
    return value;
  auto op = make<UnsqueezeOp>(node.b, {value, node.constant(axes)});
  return op ? op.getResult() : Value();
}

Value onnxc::onnx::reshape(NodeForm &node, Value value, ArrayRef<int64_t> sizes) {
  auto op = value ? make<ReshapeOp>(node.b, {value, node.constant(sizes)}) : ReshapeOp();
  return op ? op.getResult() : Value();
}

Value onnxc::onnx::reshapeLike(NodeForm &node, Value value, Value model) {
  auto shape = value ? make<ShapeOp>(node.b, model) : ShapeOp();
  Attribute zeros = IntegerAttr::get(node.b.getIntegerType(64, /*isSigned=*/true), 1); // sizes of 0 are meant
  auto op = shape ? make<ReshapeOp>(node.b, {value, shape}, node.b.getNamedAttr("allowzero", zeros)) : ReshapeOp();
  return op ? op.getResult() : Value();
}

Value onnxc::onnx::splitLast(NodeForm &node, Value value, ArrayRef<int64_t> sizes) {
  if (!value)
    return {};
  Value before = build<ShapeOp>(node, value, intAttr(node, "end", -1));
  return build<ReshapeOp>(node,
                          {value, build<ConcatOp>(node, {before, node.constant(sizes)}, intAttr(node, "axis", 0))});
}

Value onnxc::onnx::transposeLast(NodeForm &node, Value value) {
  if (!value)
    return {};
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, getDims(value).size()));
  if (order.size() < 2)
    return value;
  std::swap(order.back(), order[order.size() - 2]);
  return build<TransposeOp>(node, value, intsAttr(node, "perm", order));
}

Value onnxc::onnx::castTo(NodeForm &node, Value value, Type elementType) {
  if (!value || getElementTypeOrSelf(value) == elementType)
    return value;
  return build<CastOp>(node, value, intAttr(node, "to", getOnnxType(elementType)));
}

Value onnxc::onnx::dimensionOf(NodeForm &node, Value value, int64_t axis) {
  if (!value)
    return {};
  int64_t rank = getDims(value).size(), start = axis < 0 ? axis + rank : axis;
  return build<ShapeOp>(node, value, {intAttr(node, "start", start), intAttr(node, "end", start + 1)});
}

Value onnxc::onnx::slice(NodeForm &node, Value value, int64_t axis, Value from, Value to) {
  if (!to)
    to = node.constant(std::numeric_limits<int64_t>::max());
  return build<SliceOp>(node, {value, from, to, node.constant(axis), absent(node)});
}

Value onnxc::onnx::countTo(NodeForm &node, Value count) {
  Type i64 = node.b.getI64Type();
  return build<RangeOp>(node, {node.scalar(0, i64), reshape(node, count, {}), node.scalar(1, i64)});
}

/// Builds the node; `form.known` has the operator's attributes then.
static FailureOr<SmallVector<Value>> buildForm(NodeForm &form) {
  if (llvm::is_contained(form.operands, Value()))
    return failure();
  auto *dialect = form.b.getContext()->getLoadedDialect<OnnxDialect>();
  for (OnnxDialect::Upgrade upgrade : dialect->getUpgrades("", form.name, form.opset)) {
    if (failed(upgrade(form)))
      return failure();
    if (form.results)
      return *form.results;
  }
  std::string operation = "onnx." + form.name;
  Operation *op = makeOp(form.b, operation, form.operands, takeThoseOf(form, operation), form.resultCount);
  if (!op)
    return failure();
  return SmallVector<Value>(op->getResults());
}

static NodeForm standardForm(NodeForm &node, StringRef name, int64_t opset, ArrayRef<Value> operands,
                             ArrayRef<NamedAttribute> attributes, size_t results) {
  return {node.b, "", name.str(), opset, llvm::to_vector(operands), attributes, results, {}, {}, 0, {}, {}};
}

FailureOr<SmallVector<Value>> onnxc::onnx::expand(NodeForm &node, StringRef name, int64_t opset,
                                                  ArrayRef<Value> operands, ArrayRef<NamedAttribute> attributes,
                                                  size_t results) {
  NodeForm form = standardForm(node, name, opset, operands, attributes, results);
  return buildForm(form);
}

FailureOr<SmallVector<Value>> onnxc::onnx::expandWithAttributes(NodeForm &node, StringRef name, int64_t opset,
                                                                ArrayRef<Value> operands, size_t results) {
  NodeForm form = standardForm(node, name, opset, operands, node.attributes.getAttrs(), results);
  auto made = buildForm(form);
  for (const auto &entry : form.known)
    node.take(entry.getKey());
  return made;
}
