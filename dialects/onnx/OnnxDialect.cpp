//===- dialects/onnx/OnnxDialect.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registers the families, and holds what does not depend on any operator: upgrades by name, inference of one operation.
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/SideFile.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Symbols.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace onnxc::onnx;

#include "dialects/onnx/OnnxDialect.cpp.inc"
#include "dialects/onnx/OnnxOpInterface.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/onnx/OnnxTypes.cpp.inc"

namespace onnxc::onnx {
#define FAMILY(NAME) void register##NAME##Ops(OnnxDialect &);
#include "dialects/onnx/Families.inc"
#undef FAMILY
} // namespace onnxc::onnx

void OnnxDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/onnx/OnnxTypes.cpp.inc"
      >();
#define FAMILY(NAME) register##NAME##Ops(*this);
#include "dialects/onnx/Families.inc"
#undef FAMILY
  addSideFileReader(*this);
}

Type SequenceType::parse(AsmParser &parser) {
  Type elementType;
  if (parser.parseLess() || parser.parseType(elementType))
    return {};
  bool isEmpty = succeeded(parser.parseOptionalComma());
  if ((isEmpty && parser.parseKeyword("empty")) || parser.parseGreater())
    return {};
  return get(parser.getContext(), elementType, isEmpty);
}

void SequenceType::print(AsmPrinter &printer) const {
  printer << '<' << getElementType() << (getIsEmpty() ? ", empty>" : ">");
}

static std::string upgradeKey(StringRef domain, StringRef name) { return (domain + "::" + name).str(); }

void OnnxDialect::addUpgrade(StringRef name, int64_t below, Upgrade upgrade, StringRef domain) {
  auto &rules = upgrades[upgradeKey(domain, name)];
  rules.push_back({below, upgrade});
  llvm::sort(rules, [](const UpgradeRule &a, const UpgradeRule &b) { return a.below < b.below; });
}

SmallVector<OnnxDialect::Upgrade> OnnxDialect::getUpgrades(StringRef domain, StringRef name, int64_t opset) const {
  SmallVector<Upgrade> found;
  auto it = upgrades.find(upgradeKey(domain, name));
  if (it != upgrades.end())
    for (const UpgradeRule &rule : it->second)
      if (opset < rule.below)
        found.push_back(rule.upgrade);
  return found;
}

void OnnxDialect::forEachUpgrade(function_ref<void(StringRef, StringRef, int64_t)> f) const {
  for (const auto &entry : upgrades)
    for (const UpgradeRule &rule : entry.second) {
      auto [domain, name] = entry.first().rsplit("::");
      f(domain, name, rule.below);
    }
}

Value NodeForm::operand(size_t i) const {
  return i < operands.size() && !isa<NoneType>(operands[i].getType()) ? operands[i] : Value();
}

void NodeForm::setOperand(size_t i, Value value) {
  while (operands.size() <= i)
    operands.push_back(NoneOp::create(b, b.getNoneType()));
  operands[i] = value;
}

Value NodeForm::constant(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, b.getI64Type());
  return ConstantOp::create(b, type, DenseElementsAttr::get(type, values));
}

Value NodeForm::scalar(double value, Type type) {
  auto tensor = RankedTensorType::get({}, type);
  if (auto floatType = dyn_cast<FloatType>(type))
    return ConstantOp::create(b, tensor, DenseElementsAttr::get(tensor, Attribute(b.getFloatAttr(floatType, value))));
  if (auto complex = dyn_cast<ComplexType>(type)) {
    auto part = cast<FloatType>(complex.getElementType());
    std::complex<APFloat> number{b.getFloatAttr(part, value).getValue(), APFloat::getZero(part.getFloatSemantics())};
    return ConstantOp::create(b, tensor, DenseElementsAttr::get(tensor, number));
  }
  // A model's attribute may be any number: one that no int64 is becomes the nearest that is, NaN 0.
  llvm::APSInt integer(64, /*isUnsigned=*/false);
  bool isExact;
  llvm::APFloat(value).convertToInteger(integer, llvm::APFloat::rmTowardZero, &isExact);
  unsigned width = type.getIntOrFloatBitWidth();
  return ConstantOp::create(
      b, tensor, DenseElementsAttr::get(tensor, Attribute(b.getIntegerAttr(type, integer.sextOrTrunc(width)))));
}

Attribute NodeForm::get(StringRef name) {
  known.insert(name);
  return attributes.get(name);
}

Attribute NodeForm::take(StringRef name) {
  known.insert(name);
  return attributes.erase(name);
}

void NodeForm::ignore(std::initializer_list<StringRef> names) {
  for (StringRef name : names)
    take(name);
}

const NodeGraph *NodeForm::graph(StringRef name) {
  known.insert(name);
  auto it = graphs.find(name);
  return it == graphs.end() ? nullptr : &it->second;
}

/// More dimensions than numpy has, and any model.
static constexpr size_t kMaxRank = 64;

/// What sizes that a model names must be for the phases after this one to calculate with them.
static LogicalResult checkSizes(Operation *op, Type type) {
  if (!isa<RankedTensorType>(type))
    return success();
  Dims dims = getDims(type);
  if (dims.size() > kMaxRank)
    return op->emitOpError("the result would have ")
           << dims.size() << " dimensions; at most " << kMaxRank << " are supported";
  int64_t count = 1;
  for (AffineExpr dim : dims) {
    auto size = getConstant(dim);
    if (!size)
      continue;
    if (*size < 0)
      return op->emitOpError("the result would have the negative size ") << *size;
    // An empty tensor's other sizes count, too: strides are products of them. 2^8 is for bytes of elements.
    if (llvm::MulOverflow(count, std::max<int64_t>(*size, 1), count) || count >> 55)
      return op->emitOpError("the result has too many elements: their number does not fit 64 bits");
  }
  return success();
}

/// Whether the operator can do with elements of this type what it does.
static LogicalResult checkElements(Operation *op, Type type) {
  Type element = getElementTypeOrSelf(type);
  if (isa<NoneType>(element) || !isStoredAsBits(element) || op->hasTrait<TakesBits>() ||
      (isa<ComplexType>(element) && op->hasTrait<TakesComplex>()))
    return success();
  return op->emitOpError("does not take ") << getElementTypeName(element);
}

/// The type with no size that is a large expression.
static Type shortenSizes(Operation *op, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.getEncoding())
    return type;
  Dims dims = getDims(tensor);
  bool changed = false;
  for (AffineExpr &dim : dims) {
    AffineExpr size = shorten(op, dim);
    changed |= size != dim;
    dim = size;
  }
  return changed ? makeTensor(dims, tensor.getElementType()) : type;
}

LogicalResult onnxc::onnx::inferTypes(Operation *op) {
  auto onnxOp = cast<OnnxOpInterface>(op);
  SmallVector<Type> types;
  for (Type type : op->getOperandTypes())
    if (failed(checkElements(op, type)))
      return failure();
  if (failed(onnxOp.inferTypes(types)))
    return failure();
  for (Type type : types)
    if (failed(checkElements(op, type)) || failed(checkSizes(op, type)))
      return failure();
  if (types.size() != op->getNumResults()) // in a file that somebody wrote by hand
    return op->emitOpError("has ") << op->getNumResults() << " results, where there are " << types.size();
  for (auto [result, type] : llvm::zip_equal(op->getResults(), types))
    result.setType(shortenSizes(op, type));
  if (hasAllSymbols(op))
    return op->emitOpError("comes after ") << kMaxSymbols << " sizes that only the run knows: no more are supported";
  if (auto data = onnxOp.propagateData())
    setShapeData(op, *data);
  return success();
}

/// Puts what is in `body` in the place of `op`; gives the first of it, or what follows.
static Block::iterator inlineBody(Operation *op, Block &body) {
  Operation *yield = body.getTerminator();
  op->replaceAllUsesWith(yield->getOperands());
  yield->erase();
  Block::iterator after = std::next(op->getIterator());
  Block::iterator first = body.empty() ? after : body.begin();
  op->getBlock()->getOperations().splice(op->getIterator(), body.getOperations());
  op->erase();
  return first;
}

LogicalResult onnxc::onnx::inferTypes(Block &block) {
  for (auto it = block.begin(); it != block.end();) {
    Operation *op = &*it;
    auto withBodies = dyn_cast<OnnxBodyInterface>(op);
    auto chosen = withBodies ? withBodies.chooseBody(op->getOperands()) : std::nullopt;
    // A branch without results is one that ends the run.
    if (chosen && op->getRegion(*chosen).front().getTerminator()->getNumOperands() == op->getNumResults()) {
      it = inlineBody(op, op->getRegion(*chosen).front());
      continue;
    }
    if (isa<OnnxOpInterface>(op) && failed(inferTypes(op)))
      return failure();
    ++it;
  }
  return success();
}

Operation *onnxc::onnx::makeOp(ImplicitLocOpBuilder &b, StringRef name, ValueRange operands,
                               ArrayRef<NamedAttribute> attributes, unsigned results) {
  return makeOp(b, name, operands, attributes, results, 0, [](Operation *) { return success(); });
}

Operation *onnxc::onnx::makeOp(ImplicitLocOpBuilder &b, StringRef name, ValueRange operands,
                               ArrayRef<NamedAttribute> attributes, unsigned results, unsigned bodies,
                               function_ref<LogicalResult(Operation *)> fill) {
  OperationState state(b.getLoc(), name);
  assert(state.name.isRegistered() && "an operator of the onnx dialect");
  // A property of the wrong kind would silently be dropped later.
  NamedAttrList list(attributes);
  auto info = *state.name.getRegisteredInfo();
  if (failed(info.verifyInherentAttrs(list, [&] { return emitError(b.getLoc()) << "'" << name << "' op "; })))
    return nullptr;
  info.populateDefaultAttrs(list);
  state.addOperands(operands);
  state.addAttributes(list);
  // Results are tensors of a type to be found: inference may rely on operands and attributes that passed verification.
  state.addTypes(SmallVector<Type>(results, RankedTensorType::get({}, b.getF32Type())));
  for (unsigned i = 0; i < bodies; ++i)
    state.addRegion();
  Operation *op = b.create(state);
  if (failed(fill(op)) || failed(info.verifyInvariants(op)) || failed(inferTypes(op)) ||
      failed(info.verifyInvariants(op))) {
    op->erase();
    return nullptr;
  }
  return op;
}
