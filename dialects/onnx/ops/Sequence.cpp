//===- dialects/onnx/ops/Sequence.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sequences of tensors, and optional values. What is known of a sequence when the model is imported needs none:
// exporters write a Split as SplitToSequence and SequenceAt, and a Concat as SequenceConstruct and ConcatFromSequence.
// Where only the run tells, the functions of runtime/library/sequence.c do the work.
#include "dialects/onnx/ops/Sequence.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Values.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "onnxc/abi.h"
#include <numeric>

using namespace mlir;
using namespace onnxc::onnx;

/// A sequence of more tensors is built by the run: every step of building it would be an operation with as many
/// operands.
static constexpr size_t kMaxKnown = 64;

static bool isAbsent(Value value) { return isa<NoneType>(value.getType()); }
static int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }
static Type elementTypeOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

/// The type of the tensors in a sequence, or failure after an error.
static FailureOr<TensorType> getTensorIn(Operation *op, Value sequence) {
  auto tensor = dyn_cast<TensorType>(cast<SequenceType>(sequence.getType()).getElementType());
  if (!tensor)
    return op->emitOpError("takes a sequence of tensors");
  return tensor;
}

static LogicalResult checkPosition(Operation *op, Value position) {
  auto type = dyn_cast<RankedTensorType>(position.getType());
  if (type && (type.getRank() > 1 || (type.hasStaticShape() && type.getNumElements() != 1)))
    return op->emitOpError("position must be one number");
  return success();
}

//===- Known when the model is imported ------------------------------------------------===//

/// The tensors of a sequence whose number is known.
static std::optional<SmallVector<Value>> getKnownItems(Value sequence) {
  if (sequence.getDefiningOp<SequenceEmptyOp>())
    return SmallVector<Value>{};
  if (auto construct = sequence.getDefiningOp<SequenceConstructOp>())
    return SmallVector<Value>(construct.getInputs());
  return std::nullopt;
}

/// Whether types are what they will be. In the body of a loop sizes may turn out to change from round to round.
static bool areTypesFinal(NodeForm &node) { return isa<func::FuncOp>(node.b.getInsertionBlock()->getParentOp()); }

/// The known number that operand `i` of the node is, `otherwise` where it is absent: counted from the front, and below
/// `end`. Nothing when it is out of range: then it is an error of the run, if that comes here.
static std::optional<int64_t> getKnownPosition(NodeForm &node, unsigned i, int64_t otherwise, int64_t count,
                                               int64_t end) {
  int64_t position = otherwise;
  if (Value operand = node.operand(i)) {
    auto numbers = areTypesFinal(node) || operand.getDefiningOp<ConstantOp>() ? getConstantInts(operand) : std::nullopt;
    if (!numbers || numbers->size() != 1)
      return std::nullopt;
    position = numbers->front();
  }
  if (position < -count || position >= end)
    return std::nullopt;
  return position < 0 ? position + count : position;
}

static LogicalResult setResult(NodeForm &node, Operation *op) {
  if (!op)
    return failure();
  node.results = {op->getResult(0)};
  return success();
}

/// A sequence of these tensors, in the place of `old`.
static LogicalResult setItems(NodeForm &node, ArrayRef<Value> items, Value old) {
  if (!items.empty())
    return setResult(node, make<SequenceConstructOp>(node.b, items));
  auto tensor = cast<TensorType>(cast<SequenceType>(old.getType()).getElementType());
  Attribute dtype =
      IntegerAttr::get(node.b.getIntegerType(64, /*isSigned=*/true), getOnnxType(tensor.getElementType()));
  return setResult(node, make<SequenceEmptyOp>(node.b, {}, node.b.getNamedAttr("dtype", dtype)));
}

static LogicalResult knowInsert(NodeForm &node) {
  Value sequence = node.operand(0), tensor = node.operand(1);
  auto items = sequence && tensor && node.attributes.empty() ? getKnownItems(sequence) : std::nullopt;
  if (!items || items->size() >= kMaxKnown || !isa<RankedTensorType>(tensor.getType()) ||
      getElementTypeOrSelf(cast<SequenceType>(sequence.getType()).getElementType()) != elementTypeOf(tensor))
    return success();
  int64_t count = items->size();
  auto position = getKnownPosition(node, 2, count, count, count + 1);
  if (!position)
    return success();
  items->insert(items->begin() + *position, tensor);
  return setItems(node, *items, sequence);
}

static LogicalResult knowErase(NodeForm &node) {
  Value sequence = node.operand(0);
  auto items = sequence && node.attributes.empty() ? getKnownItems(sequence) : std::nullopt;
  int64_t count = items ? items->size() : 0;
  auto position = getKnownPosition(node, 1, -1, count, count);
  if (!items || !position)
    return success();
  items->erase(items->begin() + *position);
  return setItems(node, *items, sequence);
}

/// A part of a tensor that was split: Slice, and Squeeze where the parts are without the axis.
static LogicalResult makePart(NodeForm &node, SplitToSequenceOp split, int64_t start, int64_t end) {
  auto number = [&](int64_t value) { return node.constant(value); };
  Operation *part =
      make<SliceOp>(node.b, {split.getInput(), number(start), number(end), number(split.getAxis()), number(1)});
  if (part && isAbsent(split.getSplit()) && !split.getKeepdims())
    part = make<SqueezeOp>(node.b, {part->getResult(0), number(split.getAxis())});
  return setResult(node, part);
}

/// The same where the sizes say where the part lies.
static LogicalResult knowPart(NodeForm &node, SplitToSequenceOp op) {
  int64_t rank = rankOf(op.getInput()), axis = op.getAxis() < 0 ? op.getAxis() + rank : op.getAxis();
  auto size = getConstant(getDims(op.getInput())[axis]);
  std::optional<SmallVector<int64_t>> split =
      isAbsent(op.getSplit()) ? SmallVector<int64_t>{1} : getConstantInts(op.getSplit());
  if (!areTypesFinal(node) || !size || !split)
    return success();
  bool isVector = !isAbsent(op.getSplit()) && rankOf(op.getSplit()) == 1;
  if (!isVector && split->front() <= 0)
    return success();
  int64_t part = isVector ? 0 : split->front(), count = isVector ? split->size() : llvm::divideCeil(*size, part);
  auto position = getKnownPosition(node, 1, 0, count, count);
  if (!position)
    return success();
  if (!isVector)
    return makePart(node, op, *position * part, std::min(*size, *position * part + part));
  int64_t start =
      std::accumulate(split->begin(), split->begin() + *position, int64_t(0)); // inference has added them up
  return makePart(node, op, start, start + (*split)[*position]);
}

static LogicalResult knowAt(NodeForm &node) {
  if (!node.operand(0) || !node.operand(1) || !node.attributes.empty())
    return success();
  if (auto split = node.operand(0).getDefiningOp<SplitToSequenceOp>())
    return knowPart(node, split);
  auto items = getKnownItems(node.operand(0));
  int64_t count = items ? items->size() : 0;
  if (auto position = getKnownPosition(node, 1, 0, count, count))
    node.results = {(*items)[*position]};
  return success();
}

static LogicalResult knowConcat(NodeForm &node) {
  auto items = node.operand(0) ? getKnownItems(node.operand(0)) : std::nullopt;
  auto axis = dyn_cast_or_null<IntegerAttr>(node.get("axis"));
  if (!items || items->empty() || !axis)
    return success();
  if (auto isNew = dyn_cast_or_null<IntegerAttr>(node.get("new_axis")); isNew && !isNew.getValue().isZero())
    for (Value &item : *items) {
      auto unsqueezed = make<UnsqueezeOp>(node.b, {item, node.constant(axis.getValue().getSExtValue())});
      if (!unsqueezed)
        return failure();
      item = unsqueezed.getResult();
    }
  return setResult(node, make<ConcatOp>(node.b, *items, node.b.getNamedAttr("axis", axis)));
}

/// Tensors and sequences are their own elements.
static LogicalResult knowElement(NodeForm &node) {
  Value value = node.operand(0);
  if (!value || node.operands.size() != 1 || !node.attributes.empty())
    return success();
  if (auto optional = value.getDefiningOp<OptionalOp>(); optional && !isAbsent(optional.getInput()))
    node.results = {optional.getInput()};
  else if (!isa<OptionalType>(value.getType()))
    node.results = {value};
  return success();
}

//===- Sequences -----------------------------------------------------------------------===//

LogicalResult SequenceEmptyOp::inferTypes(SmallVectorImpl<Type> &types) {
  Type element = getElementType(getContext(), getDtype().value_or(1));
  if (!element)
    return emitOpError("dtype ") << getElementTypeName(*getDtype()) << " is not supported";
  types.push_back(SequenceType::get(getContext(), UnrankedTensorType::get(element), /*isEmpty=*/true));
  return success();
}

LogicalResult SequenceConstructOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (getInputs().empty())
    return emitOpError("has no inputs");
  Type item = getItemType(getInputs()[0].getType());
  for (Value input : getInputs())
    if (!(item = join(item, getItemType(input.getType()))))
      return emitOpError("inputs have different element types");
  types.push_back(SequenceType::get(getContext(), item));
  return success();
}

LogicalResult SequenceInsertOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto items = getTensorIn(*this, getInputSequence());
  if (failed(items) || failed(checkPosition(*this, getPosition())))
    return failure();
  auto single = SequenceType::get(getContext(), getItemType(getTensor().getType()));
  Type joined = join(getInputSequence().getType(), single);
  if (!joined)
    return emitOpError("inserts a tensor of another element type than the sequence's");
  types.push_back(joined);
  return success();
}

LogicalResult SequenceEraseOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(getTensorIn(*this, getInputSequence())) || failed(checkPosition(*this, getPosition())))
    return failure();
  types.push_back(getInputSequence().getType());
  return success();
}

LogicalResult SequenceAtOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto items = getTensorIn(*this, getInputSequence());
  if (failed(items) || failed(checkPosition(*this, getPosition())))
    return failure();
  if (cast<SequenceType>(getInputSequence().getType()).getIsEmpty())
    return emitOpError("the sequence is always empty");
  auto type = getTypeOfItem(*this, *items);
  if (failed(type))
    return failure();
  types.push_back(*type);
  return success();
}

LogicalResult SequenceLengthOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(getTensorIn(*this, getInputSequence())))
    return failure();
  types.push_back(RankedTensorType::get({}, IntegerType::get(getContext(), 64)));
  return success();
}

std::optional<Dims> SequenceLengthOp::propagateData() {
  if (auto items = getKnownItems(getInputSequence()))
    return Dims{makeDim(getContext(), items->size())};
  auto split = getInputSequence().getDefiningOp<SplitToSequenceOp>();
  if (!split)
    return std::nullopt;
  int64_t rank = rankOf(split.getInput());
  AffineExpr whole = getDims(split.getInput())[split.getAxis() < 0 ? split.getAxis() + rank : split.getAxis()];
  if (isAbsent(split.getSplit()))
    return Dims{whole};
  if (rankOf(split.getSplit()) == 1)
    return getDims(split.getSplit());
  auto part = getConstantInts(split.getSplit());
  return part && part->front() > 0 ? std::optional(Dims{whole.ceilDiv(part->front())}) : std::nullopt;
}

LogicalResult SplitToSequenceOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getInput());
  auto axis = normalizeAxis(*this, getAxis(), dims.size());
  if (failed(axis))
    return failure();
  SmallVector<int64_t> sizes(cast<RankedTensorType>(getInput().getType()).getShape());
  auto whole = getConstant(dims[*axis]);
  if (isAbsent(getSplit())) {
    if (getKeepdims())
      sizes[*axis] = 1;
    else
      sizes.erase(sizes.begin() + *axis);
  } else {
    if (rankOf(getSplit()) > 1)
      return emitOpError("split must be a number or a vector");
    sizes[*axis] = ShapedType::kDynamic;
    if (auto parts = getConstantInts(getSplit())) {
      bool isVector = rankOf(getSplit()) == 1;
      int64_t sum = 0;
      for (int64_t part : *parts)
        if (part < 0 || (!isVector && part == 0) || llvm::AddOverflow(sum, part, sum))
          return emitOpError("split has the size ") << part;
      if (isVector && whole && sum != *whole)
        return emitOpError("the parts sum up to ") << sum << ", not " << *whole;
      if (isVector ? !parts->empty() && llvm::all_equal(*parts) : whole && *whole % parts->front() == 0)
        sizes[*axis] = parts->front();
    }
  }
  types.push_back(SequenceType::get(getContext(), RankedTensorType::get(sizes, elementTypeOf(getInput()))));
  return success();
}

LogicalResult ConcatFromSequenceOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto items = getTensorIn(*this, getInputSequence());
  if (failed(items))
    return failure();
  if (getNewAxis() != 0 && getNewAxis() != 1)
    return emitOpError("new_axis is ") << getNewAxis() << ", not 0 or 1";
  if (cast<SequenceType>(getInputSequence().getType()).getIsEmpty())
    return emitOpError("the sequence is always empty");
  if (!items->hasRank())
    return getTypeOfItem(*this, *items);
  SmallVector<int64_t> sizes(items->getShape());
  auto axis = normalizeAxis(*this, getAxis(), sizes.size() + getNewAxis());
  if (failed(axis))
    return failure();
  if (getNewAxis())
    sizes.insert(sizes.begin() + *axis, ShapedType::kDynamic);
  else
    sizes[*axis] = ShapedType::kDynamic;
  types.push_back(*getTypeOfItem(*this, RankedTensorType::get(sizes, items->getElementType())));
  return success();
}

static constexpr StringLiteral kOutOfRange = "position is out of range";
static constexpr StringLiteral kOtherShape = "the tensor has another shape than the model's types say";

/// The position as C reads it: one number. `otherwise` where it is absent.
static Value lowerPosition(LoweringBuilder &b, Value position, Value lowered, int64_t otherwise, Type &type) {
  if (isAbsent(position)) {
    type = RankedTensorType::get({1}, b.getI64Type());
    return b.numbers({otherwise});
  }
  type = position.getType();
  b.requireEqual(product(b.getContext(), getDims(position)), makeDim(b.getContext(), 1), "position must be one number");
  return lowered;
}

static Type numbersType(LoweringBuilder &b, int64_t count) { return RankedTensorType::get({count}, b.getI64Type()); }

FailureOr<SmallVector<Value>> SequenceEmptyOp::lowerToLinalg(LoweringBuilder &b, ValueRange) {
  int64_t type = getOnnxType(cast<TensorType>(cast<SequenceType>(getType()).getElementType()).getElementType());
  return b.call("onnxc_sequence_make", b.numbers({type, 0}), numbersType(b, 2), {}, getType());
}

FailureOr<SmallVector<Value>> SequenceConstructOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int64_t type = getOnnxType(elementTypeOf(getInputs()[0])), count = getInputs().size();
  SmallVector<Value> inputs{b.numbers({type, count})};
  SmallVector<Type> types{numbersType(b, 2)};
  llvm::append_range(inputs, operands);
  llvm::append_range(types, getInputs().getTypes());
  return b.call("onnxc_sequence_make", inputs, types, {}, getType());
}

FailureOr<SmallVector<Value>> SequenceInsertOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  SmallVector<Value> inputs{operands[0], operands[1]};
  SmallVector<Type> types{getInputSequence().getType(), getTensor().getType()};
  if (isAbsent(getPosition()))
    return b.call("onnxc_sequence_append", inputs, types, {}, getType());
  types.emplace_back();
  inputs.push_back(lowerPosition(b, getPosition(), operands[2], 0, types.back()));
  return b.call("onnxc_sequence_insert", inputs, types, {}, getType(), kOutOfRange);
}

FailureOr<SmallVector<Value>> SequenceEraseOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Type type;
  Value position = lowerPosition(b, getPosition(), operands[1], -1, type);
  return b.call("onnxc_sequence_erase", {operands[0], position}, {getInputSequence().getType(), type}, {}, getType(),
                kOutOfRange);
}

FailureOr<SmallVector<Value>> SequenceAtOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Type type;
  Value position = lowerPosition(b, getPosition(), operands[1], 0, type);
  return b.call("onnxc_sequence_at", {operands[0], position}, {getInputSequence().getType(), type}, {}, getType(),
                {kOutOfRange, kOtherShape});
}

FailureOr<SmallVector<Value>> SequenceLengthOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return b.call("onnxc_sequence_length", operands, getInputSequence().getType(), getType(), {});
}

FailureOr<SmallVector<Value>> SplitToSequenceOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int64_t rank = rankOf(getInput()), axis = getAxis() < 0 ? getAxis() + rank : getAxis();
  bool isSingle = isAbsent(getSplit());
  Type splitType = isSingle ? RankedTensorType::get({}, b.getI64Type()) : getSplit().getType();
  Value split = isSingle ? b.fromShapeData(splitType, makeDim(getContext(), 1)) : operands[1];
  return b.call("onnxc_sequence_split", {operands[0], split, b.numbers({axis, isSingle && !getKeepdims()})},
                {getInput().getType(), splitType, numbersType(b, 2)}, {}, getType(),
                {"split has a size that is negative, or 0 for all parts", "the parts do not sum up to the whole"});
}

FailureOr<SmallVector<Value>> ConcatFromSequenceOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int64_t rank = cast<RankedTensorType>(getType()).getRank(), axis = getAxis() < 0 ? getAxis() + rank : getAxis();
  return b.call("onnxc_sequence_concat", {operands[0], b.numbers({axis, getNewAxis()})},
                {getInputSequence().getType(), numbersType(b, 2)}, {}, getType(),
                {"the sequence is empty", "the tensors differ in another dimension than the axis", kOtherShape});
}

//===- Optional values -----------------------------------------------------------------===//

LogicalResult OptionalOp::inferTypes(SmallVectorImpl<Type> &types) {
  Type element = isAbsent(getInput()) ? Type() : getItemType(getInput().getType());
  if (getType() && element && !join(*getType(), element))
    return emitOpError("type is not that of the input");
  if (!element && !getType())
    return emitOpError("needs an input or a type");
  element = element ? element : *getType();
  if (!isa<TensorType, SequenceType>(element))
    return emitOpError("takes a tensor or a sequence");
  types.push_back(OptionalType::get(getContext(), element));
  return success();
}

LogicalResult OptionalHasElementOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(RankedTensorType::get({}, IntegerType::get(getContext(), 1)));
  return success();
}

std::optional<Dims> OptionalHasElementOp::propagateData() {
  auto answer = [&](bool has) { return Dims{makeDim(getContext(), has)}; };
  if (auto optional = getInput().getDefiningOp<OptionalOp>())
    return answer(!isAbsent(optional.getInput()));
  if (isa<OptionalType>(getInput().getType()))
    return std::nullopt;
  return answer(!isAbsent(getInput()));
}

LogicalResult OptionalGetElementOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto optional = dyn_cast<OptionalType>(getInput().getType());
  if (!optional) {
    types.push_back(getInput().getType());
    return success();
  }
  auto type = getTypeOfItem(*this, optional.getElementType());
  if (failed(type))
    return failure();
  types.push_back(*type);
  return success();
}

FailureOr<SmallVector<Value>> OptionalOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Type result = getOutput().getType();
  if (isAbsent(getInput())) {
    int64_t type = ONNXC_ELEMENT_TYPE(getValueType(result));
    return b.call("onnxc_optional_none", b.numbers({type}), numbersType(b, 1), {}, result);
  }
  if (isa<SequenceType>(getInput().getType())) // the same
    return SmallVector<Value>{operands[0]};
  return b.call("onnxc_optional_tensor", operands[0], getInput().getType(), {}, result);
}

FailureOr<SmallVector<Value>> OptionalHasElementOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return b.call("onnxc_optional_has", operands[0], getInput().getType(), getType(), {});
}

FailureOr<SmallVector<Value>> OptionalGetElementOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  if (!isa<OptionalType>(getInput().getType()))
    return SmallVector<Value>{operands[0]};
  StringRef function = isa<RankedTensorType>(getType()) ? "onnxc_optional_get_tensor" : "onnxc_optional_get";
  return b.call(function, operands[0], getInput().getType(), {}, getType(),
                {"the optional value has no element", kOtherShape});
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Sequence.cpp.inc"

void onnxc::onnx::registerSequenceOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Sequence.cpp.inc"
      >();
  constexpr int64_t any = std::numeric_limits<int64_t>::max();
  dialect.addUpgrade("SequenceInsert", any, knowInsert);
  dialect.addUpgrade("SequenceErase", any, knowErase);
  dialect.addUpgrade("SequenceAt", any, knowAt);
  dialect.addUpgrade("ConcatFromSequence", any, knowConcat);
  dialect.addUpgrade("OptionalGetElement", any, knowElement);
}
