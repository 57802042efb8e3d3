//===- lib/Import/Nodes.cpp --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One node: its operands, its operation by way of the upgrades, and its results against what the model says of them.
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/Branches.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "lib/Import/Domains.h"
#include "lib/Import/Importer.h"
#include "lib/Import/NearMiss.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::FunctionProto;
using proto::NodeProto;
using proto::TypeProto;

/// "Conv (ai.onnx, opset 11)".
std::string Importer::describe(const NodeProto &node, const Scope &scope) const {
  StringRef domain = normalizeDomain(node.domain());
  std::string text = node.op_type() + " (" + showDomain(domain).str();
  if (auto it = scope.opsets.find(domain); it != scope.opsets.end())
    text += ", opset " + std::to_string(it->second);
  return text + ")";
}

/// "conv1 (float32, float32)": the node and the types it works on.
static std::string describePlace(StringRef name, ArrayRef<Value> operands) {
  auto types = llvm::map_to_vector(operands, [](Value operand) -> std::string {
    auto tensor = operand ? dyn_cast<RankedTensorType>(operand.getType()) : RankedTensorType();
    if (tensor)
      return getElementTypeName(tensor.getElementType());
    if (operand && isa<SequenceType, OptionalType, MapType>(operand.getType()))
      return isa<SequenceType>(operand.getType()) ? "sequence" : isa<MapType>(operand.getType()) ? "map" : "optional";
    return operand ? "none" : "unknown";
  });
  return (name + " (" + llvm::join(types, ", ") + ")").str();
}

Value Importer::none() {
  if (!noneValue) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.front());
    noneValue = NoneOp::create(b, b.getNoneType());
    if (!lastConstant)
      lastConstant = noneValue.getDefiningOp();
  }
  return noneValue;
}

/// Constants stand at the start of the function, in the order of their first use.
Value Importer::makeConstant(ElementsAttr elements, Location where) {
  OpBuilder::InsertionGuard guard(b);
  if (lastConstant)
    b.setInsertionPointAfter(lastConstant);
  else
    b.setInsertionPointToStart(&function.front());
  auto constant = ConstantOp::create(static_cast<OpBuilder &>(b), where, elements.getType(), elements);
  lastConstant = constant;
  return constant;
}

FailureOr<Value> Importer::lookup(StringRef name, Scope &innermost) {
  for (Scope *scope = &innermost; scope; scope = scope->outer) {
    auto it = scope->values.find(name);
    if (it != scope->values.end())
      return it->second;
    auto dense = scope->initializers.lookup(name);
    auto sparse = scope->sparseInitializers.lookup(name);
    if (!dense && !sparse)
      continue;
    Location where = locate(name);
    Value &value = scope->values[name]; // stays null after an error, which is reported once
    ElementsAttr elements;
    std::string text;
    {
      ErrorCollector errors(&context);
      elements = dense ? tensors.read(*dense, name, where) : tensors.read(*sparse, name, where);
      text = errors.take();
    }
    if (!elements)
      return emitError(where) << "initializer '" << name << "': " << text;
    return value = makeConstant(elements, where);
  }
  if (innermost.function)
    return emitError(locate(name)) << "'" << name << "' is not defined in the function";
  return emitError(locate(name)) << "'" << name
                                 << "' is neither an input, nor an initializer, nor the output of a node";
}

void Importer::buildNode(const NodeProto &node, size_t index, Scope &scope) {
  if (hasTooManyNodes)
    return;
  std::string name = scope.prefix;
  if (!node.name().empty())
    name += node.name();
  else
    name += node.op_type() + "#" + std::to_string(index) + "->" + (node.output_size() ? node.output(0) : "");
  nodeCount += 1 + name.size() / kBytesOfNode;
  hasTooManyNodes = nodeCount > options.maxNodes;
  if (hasTooManyNodes)
    return problem(graph.name(), "the model has more than " + Twine(options.maxNodes) +
                                     " nodes once functions are inlined, counting names and lists of " +
                                     Twine(kBytesOfNode) + " bytes as one");
  b.setLoc(locate(name));
  SmallVector<Value> operands, results;
  LogicalResult built = failure();
  std::string text;
  {
    ErrorCollector errors(&context);
    // Trailing absent inputs are no inputs.
    int inputs = node.input_size();
    while (inputs > 0 && node.input(inputs - 1).empty())
      --inputs;
    for (int i = 0; i < inputs; ++i) {
      auto operand = node.input(i).empty() ? FailureOr<Value>(none()) : lookup(node.input(i), scope);
      operands.push_back(succeeded(operand) ? *operand : Value());
    }
    if (const FunctionProto *callee = findFunction(node))
      built = buildCall(node, *callee, operands, scope, results);
    else
      built = buildOperation(node, operands, scope, results);
    text = errors.take();
  }
  auto nodeProblem = [&](const Twine &what) {
    problems.add(b.getLoc(), describe(node, scope) + ": " + what.str(), describePlace(name, operands));
  };
  if (!text.empty())
    nodeProblem(text);
  unbuilt += failed(built);
  for (int i = 0, n = node.output_size(); i < n; ++i) {
    if (node.output(i).empty())
      continue;
    Value result = succeeded(built) && i < static_cast<int>(results.size()) ? results[i] : Value();
    if (succeeded(built) && i >= static_cast<int>(results.size()))
      nodeProblem("it has no output " + Twine(i));
    if (result && failed(checkResult(result, node.output(i), scope)))
      result = {};
    scope.values.try_emplace(node.output(i), result);
  }
}

/// "; did you mean 'Relu'?", or "; Relu is an operator of ai.onnx".
std::string Importer::suggestOperator(StringRef domain, StringRef type) {
  SmallVector<StringRef> own;
  std::string elsewhere;
  auto see = [&](StringRef otherDomain, StringRef name) {
    if (otherDomain == domain)
      own.push_back(name);
    else if (name == type && elsewhere.empty())
      elsewhere = ("; " + type + " is an operator of " + showDomain(otherDomain)).str();
  };
  for (const Domain &other : kDomains)
    for (RegisteredOperationName op : context.getRegisteredOperationsByDialect("onnx"))
      if (StringRef name = op.getStringRef(); name.consume_front(other.prefix) && !name.contains('.'))
        see(other.name, name);
  context.getLoadedDialect<OnnxDialect>()->forEachUpgrade(
      [&](StringRef otherDomain, StringRef name, int64_t) { see(otherDomain, name); });
  return elsewhere.empty() ? suggest(type, own) : elsewhere;
}

/// An attribute that the operator does not have means nothing, unless somebody meant another one by it. `op` is what
/// the node becomes; none where an upgrade has made it, and has asked for all that it knows.
LogicalResult Importer::dropUnknownAttributes(NodeForm &form, StringRef type, std::optional<RegisteredOperationName> op,
                                              ArrayRef<StringRef> bodyNames) {
  SmallVector<StringRef> known(bodyNames), operands, unknown;
  if (op) {
    for (StringAttr name : op->getAttributeNames())
      known.push_back(name.getValue());
    op->getInterface<OnnxOpInterface>()->getArgumentNames().split(operands, ' ');
  } else {
    for (const auto &entry : form.known)
      known.push_back(entry.getKey());
    llvm::sort(known); // a map has no order
  }
  for (NamedAttribute attribute : form.attributes)
    if (!llvm::is_contained(known, attribute.getName()))
      unknown.push_back(attribute.getName());
  for (const auto &entry : form.graphs)
    if (!llvm::is_contained(known, entry.first()))
      unknown.push_back(entry.first());
  for (StringRef name : unknown) {
    if (llvm::is_contained(operands, name))
      return emitError(b.getLoc()) << "the operator has no attribute '" << name
                                   << "': it is an input since a newer opset";
    if (std::string meant = suggest(name, known); !meant.empty())
      return emitError(b.getLoc()) << "the operator has no attribute '" << name << "'" << meant;
    emitWarning(b.getLoc()) << type << " has no attribute '" << name << "'; assumed: '" << name << "' means nothing";
    form.attributes.erase(name);
  }
  return success();
}

/// The version of a domain that the node `type` is written for.
FailureOr<int64_t> Importer::getOpset(StringRef domain, StringRef type, Scope &scope) {
  auto imported = scope.opsets.find(domain);
  if (imported != scope.opsets.end())
    return imported->second;
  // Tools that put their own operators into a model forget the import of their domain. onnxruntime takes the newest.
  const Domain *known = findDomain(domain);
  int64_t newest = known ? known->newest : 1;
  if (!known && context.getLoadedDialect<OnnxDialect>()->getUpgrades(domain, type, newest).empty())
    return emitError(b.getLoc()) << "no opset of the domain " << showDomain(domain) << " is imported"
                                 << suggestOperator(domain, type);
  emitWarning(loc) << "no opset of the domain " << showDomain(domain) << " is imported; assumed: version " << newest
                   << " of " << showDomain(domain);
  return newest;
}

LogicalResult Importer::buildOperation(const NodeProto &node, ArrayRef<Value> operands, Scope &scope,
                                       SmallVectorImpl<Value> &results) {
  StringRef domain = normalizeDomain(node.domain());
  auto version = getOpset(domain, node.op_type(), scope);
  if (failed(version))
    return failure();
  int64_t opset = *version;
  auto upgrades = context.getLoadedDialect<OnnxDialect>()->getUpgrades(domain, node.op_type(), opset);
  auto findOp = [&](StringRef opDomain, StringRef name) -> std::optional<RegisteredOperationName> {
    const Domain *known = findDomain(opDomain);
    if (!known || name.contains('.')) // which would name another domain's operator
      return std::nullopt;
    auto info = RegisteredOperationName::lookup((known->prefix + name).str(), &context);
    auto *interface = info ? info->getInterface<OnnxOpInterface>() : nullptr;
    return interface && interface->getSinceVersion() > 0 ? info : std::nullopt;
  };
  if (upgrades.empty() && !findOp(domain, node.op_type()))
    return emitError(b.getLoc()) << "the operator is not implemented" << suggestOperator(domain, node.op_type());
  NodeForm form{b, domain.str(), node.op_type(), opset, {}, {}, static_cast<size_t>(node.output_size()), {}, {}, 0, {},
                {}};
  for (auto [i, name] : llvm::enumerate(node.output()))
    if (name.empty())
      form.unnamed.insert(i);
  form.lookup = [&](StringRef name) { return lookup(name, scope); };
  llvm::StringMap<Body> bodies;
  if (failed(convertAttributes(node, scope, form.attributes, bodies)))
    return failure();
  if (llvm::is_contained(operands, Value()))
    return failure(); // for a reason that was reported already
  form.operands.assign(operands.begin(), operands.end());
  for (const auto &entry : bodies)
    form.graphs[entry.first()] = describeGraph(entry.second, entry.first());
  for (OnnxDialect::Upgrade upgrade : upgrades) {
    if (failed(upgrade(form)))
      return failure();
    if (form.results) {
      if (failed(dropUnknownAttributes(form, node.op_type(), std::nullopt, {})))
        return failure();
      nodeCount += form.madeCount;
      results.assign(form.results->begin(), form.results->end());
      return success();
    }
  }
  auto info = findOp(form.domain, form.name);
  if (!info)
    return emitError(b.getLoc()) << "the operator is not implemented";

  Arity arity = info->getInterface<OnnxOpInterface>()->getArity();
  if (form.operands.size() > arity.operands && !arity.variadicOperands)
    return emitError(b.getLoc()) << "the node has " << form.operands.size() << " inputs; the operator takes at most "
                                 << arity.operands;
  while (form.operands.size() < arity.operands)
    form.operands.push_back(none());
  if (form.resultCount > arity.results && !arity.variadicResults)
    return emitError(b.getLoc()) << "the node has " << form.resultCount << " outputs; the operator has at most "
                                 << arity.results;
  // The bodies, in the order that the operator has them.
  auto *bodyInterface = info->getInterface<OnnxBodyInterface>();
  ArrayRef<StringRef> names = bodyInterface ? bodyInterface->getBodyNames() : ArrayRef<StringRef>();
  if (failed(dropUnknownAttributes(form, node.op_type(), info, names)))
    return failure();
  for (StringRef name : names)
    if (!bodies.count(name))
      return emitError(b.getLoc()) << "the attribute '" << name << "' is missing";
  auto chosen = bodyInterface ? bodyInterface->chooseBody(form.operands) : std::nullopt;
  if (!chosen && info->getStringRef() == IfOp::getOperationName())
    chosen = impliedBranch(b.getInsertionBlock(), form.operands[0]);
  for (unsigned branch = 0; branch < 2 && takesAnyBranch && info->getStringRef() == IfOp::getOperationName();
       ++branch) {
    Problems found;
    std::swap(problems, found);
    auto values = buildBody(bodies.lookup(names[branch]), names[branch], {});
    std::swap(problems, found);
    if (succeeded(values)) {
      results.assign(values->begin(), values->end());
      return success();
    }
    if (branch == 1)
      return failure();
  }
  if (chosen) {
    Location place = b.getLoc();
    auto values = buildBody(bodies.lookup(names[*chosen]), names[*chosen], {});
    b.setLoc(place);
    if (failed(values))
      return failure();
    results.assign(values->begin(), values->end());
    return success();
  }
  if (info->getStringRef() == LoopOp::getOperationName()) {
    auto values = buildLoop(form.operands, bodies.lookup(names[0]), /*peeled=*/0);
    if (failed(values))
      return failure();
    results = std::move(*values);
    return success();
  }
  size_t resultCount = std::max<size_t>(form.resultCount, arity.results);
  if (bodyInterface)
    resultCount = bodyInterface->countResults(bodies.lookup(names[0]).graph->output_size(), form.operands.size());
  auto fill = [&](Operation *op) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    Location place = b.getLoc();
    for (auto [i, name] : llvm::enumerate(names)) {
      auto arguments = cast<OnnxBodyInterface>(op).getBodyArguments();
      if (failed(arguments) || failed(fillBody(bodies.lookup(name), name, op->getRegion(i), *arguments)))
        return failure();
      b.setLoc(place);
    }
    return success();
  };
  Operation *op =
      makeOp(b, info->getStringRef(), form.operands, form.attributes.getAttrs(), resultCount, names.size(), fill);
  if (!op)
    return failure();
  results.assign(op->result_begin(), op->result_end());
  return success();
}

/// What inference found against what the model says of the value, and against the limits.
LogicalResult Importer::checkResult(Value result, StringRef name, const Scope &scope) {
  if (isa<NoneType>(result.getType())) {
    problem(name, "the operator does not compute this output");
    return failure();
  }
  auto type = dyn_cast<RankedTensorType>(result.getType());
  if (!type)
    return success();
  if (!isBounded(getDims(type), options.maxElements)) {
    problem(name, "the value would have more than " + Twine(options.maxElements) + " elements");
    return failure();
  }
  auto it = declared.find(name);
  if (!scope.isMain() || it == declared.end() || !it->second->has_tensor_type())
    return success();
  int64_t wanted = it->second->tensor_type().elem_type();
  if (wanted && getElementType(&context, wanted) != type.getElementType()) {
    problem(name, "the model declares elements of " + getElementTypeName(wanted) + ", but they are " +
                      getElementTypeName(type.getElementType()));
    return failure();
  }
  checkDeclaredShape(type, name, it->second->tensor_type());
  nameSymbols(result, *it->second);
  return success();
}

/// What exporters declare of values inside of a model often is that of another model, of other sizes.
void Importer::checkDeclaredShape(RankedTensorType type, StringRef name, const TypeProto::Tensor &declared) {
  if (!declared.has_shape())
    return;
  bool fits = declared.shape().dim_size() == type.getRank();
  for (int axis = 0; fits && axis < type.getRank(); ++axis) {
    const auto &dim = declared.shape().dim(axis);
    fits = !dim.has_dim_value() || dim.dim_value() < 0 || type.isDynamicDim(axis) ||
           dim.dim_value() == type.getDimSize(axis);
  }
  if (!fits)
    emitWarning(locate(name))
        << "the model declares another shape than the value has; assumed: shapes as the operators give them";
}

/// Sizes that only the run shows get the names that the model gives them.
void Importer::nameSymbols(Value value, const TypeProto &type) {
  const auto &shape = type.tensor_type().shape();
  Dims dims = getDims(value);
  if (shape.dim_size() != static_cast<int>(dims.size()))
    return;
  auto present = function->getAttrOfType<ArrayAttr>("onnx.symbols");
  SmallVector<Attribute> names; // with the new ones, if there are any
  for (auto [dim, info] : llvm::zip_equal(dims, shape.dim())) {
    auto symbol = dyn_cast<AffineSymbolExpr>(dim);
    StringRef name = givenName(info);
    if (!symbol || name.empty() || !cast<StringAttr>(present[symbol.getPosition()]).empty())
      continue;
    // A name that an input's dimension has already would claim that both are equal.
    if (!symbols.try_emplace(name, symbol.getPosition()).second)
      continue;
    if (names.empty())
      names.assign(present.begin(), present.end());
    names[symbol.getPosition()] = b.getStringAttr(name);
  }
  if (!names.empty())
    function->setAttr("onnx.symbols", b.getArrayAttr(names));
}
