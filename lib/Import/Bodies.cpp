//===- lib/Import/Bodies.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Graphs in attributes: the bodies of If, Loop and Scan.
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/Branches.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Values.h"
#include "lib/Import/Importer.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::GraphProto;
using proto::TypeProto;
using proto::ValueInfoProto;

void Scope::extend(Scope &around) {
  outer = &around;
  opsets = around.opsets;
  arguments = around.arguments;
  bodies = around.bodies;
  prefix = around.prefix;
  caller = around.caller;
  function = around.function;
  depth = around.depth;
  loopDepth = around.loopDepth;
}

/// `inner` becomes the scope of what the present node, in `outer`, contains or calls.
LogicalResult Importer::enter(Scope &inner, const Scope &outer, StringRef name) {
  if (outer.depth >= options.maxDepth)
    return emitError(b.getLoc()) << "functions and bodies are nested more than " << options.maxDepth << " deep";
  inner.depth = outer.depth + 1;
  inner.loopDepth = outer.loopDepth + (name == "body/"); // of Loop, Scan and SequenceMap
  if (inner.loopDepth > options.maxLoopDepth)
    return emitError(b.getLoc()) << "loops are nested more than " << options.maxLoopDepth << " deep";
  inner.prefix = cast<NameLoc>(b.getLoc()).getName().str() + "/" + name.str();
  if (inner.prefix.size() > 1024) // names must not grow without bound
    inner.prefix = "...";
  return success();
}

FailureOr<SmallVector<Value>> Importer::buildBody(Body body, StringRef name, ValueRange arguments,
                                                  SmallVectorImpl<Value> *partly) {
  const GraphProto &graph = *body.graph;
  Scope scope;
  scope.extend(*body.scope);
  if (failed(enter(scope, *body.scope, (name + "/").str())))
    return failure();
  collectInitializers(graph, scope);
  size_t count = 0;
  for (const ValueInfoProto &input : graph.input()) {
    if (scope.hasInitializer(input.name()))
      continue;
    // Some exporters list what a branch takes from outside as inputs, too.
    if (count == arguments.size()) {
      if (failed(lookup(input.name(), *body.scope)))
        return failure();
      continue;
    }
    if (!scope.values.try_emplace(input.name(), arguments[count++]).second)
      return emitError(b.getLoc()) << "two inputs of '" << name << "' are called '" << input.name() << "'";
  }
  if (count != arguments.size()) {
    auto hidden = llvm::find_if(graph.input(), [&](auto &input) { return scope.hasInitializer(input.name()); });
    InFlightDiagnostic error = emitError(b.getLoc()) << "'" << name << "' has " << count
                                                     << " inputs where the operator gives " << arguments.size();
    if (hidden != graph.input().end())
      error << ": its input '" << hidden->name() << "' is also an initializer of it, and so takes no value";
    return error;
  }
  SmallVector<StringRef> outputs;
  for (const ValueInfoProto &output : graph.output())
    outputs.push_back(output.name());
  outputs.append(options.keptValues.begin(), options.keptValues.end());
  build(graph.node(), outputs, scope);
  SmallVector<Value> values;
  for (StringRef output : outputs) {
    auto value = lookup(output, scope);
    values.push_back(succeeded(value) ? *value : Value());
  }
  if (partly)
    partly->assign(values.begin(), values.end());
  if (llvm::is_contained(values, Value()))
    return failure(); // which was reported
  return values;
}

/// A graph as an upgrade of its node sees it.
NodeGraph Importer::describeGraph(Body body, StringRef name) {
  NodeGraph graph;
  graph.build = [this, body, name = name.str()](ValueRange arguments) {
    Location place = b.getLoc();
    auto values = buildBody(body, name, arguments);
    b.setLoc(place);
    return values;
  };
  llvm::StringSet<> defaults;
  for (const auto &tensor : body.graph->initializer())
    defaults.insert(tensor.name());
  ErrorCollector errors(&context); // what is declared badly counts as not declared
  for (const ValueInfoProto &input : body.graph->input())
    if (!defaults.contains(input.name()))
      graph.inputs.push_back({input.name(), input.has_type() ? convertType(input.type()) : Type()});
  graph.outputCount = body.graph->output_size();
  (void)errors.take();
  return graph;
}

/// A body is built once, unless it gets a sequence that starts empty and needs to know of what kind its items are: that
/// may show only in what the body itself puts into it. Then it is built again with that. What was learned so is kept:
/// the body around it may be built again for the same reason, and would double the work with every level.
LogicalResult Importer::fillBody(Body body, StringRef name, Region &region, TypeRange arguments) {
  Location place = b.getLoc();
  SmallVector<Type> types(arguments);
  // What a sequence gets that starts empty, the body's declaration may tell before the body is built.
  llvm::StringSet<> defaults;
  for (const auto &tensor : body.graph->initializer())
    defaults.insert(tensor.name());
  unsigned next = 0;
  for (const ValueInfoProto &input : body.graph->input()) {
    if (next == types.size())
      break;
    if (defaults.contains(input.name()))
      continue;
    Type &type = types[next++];
    auto sequence = dyn_cast<SequenceType>(type);
    const TypeProto &item = input.type().sequence_type().elem_type();
    if (sequence && sequence.getIsEmpty() && item.tensor_type().has_shape() &&
        getElementType(&context, item.tensor_type().elem_type()))
      if (Type joined = onnx::join(type, convertType(input.type(), 0)))
        type = joined;
  }
  auto isEmptySequence = [](Type type) {
    auto sequence = dyn_cast<SequenceType>(type);
    return sequence && sequence.getIsEmpty();
  };
  const SmallVector<Type> given = types;
  bool startsEmpty = llvm::any_of(types, isEmptySequence), isRemembered = false;
  if (auto known = items.find(body.graph); startsEmpty && known != items.end() && known->second.size() == types.size())
    for (auto [type, item] : llvm::zip_equal(types, known->second))
      if (item && isEmptySequence(type)) {
        type = item;
        isRemembered = true;
      }
  Problems before;
  std::swap(problems, before);
  SmallVector<Value> made;
  auto attempt = [&] {
    Block *block = b.createBlock(&region, {}, types, SmallVector<Location>(types.size(), place));
    auto values = buildBody(body, name, block->getArguments(), &made);
    b.setLoc(place);
    return values;
  };
  auto values = attempt();
  // Else the body itself tells, by what it puts into the sequence: it is built again with that.
  auto learn = [&] {
    bool learned = false;
    for (unsigned i = 1; i < made.size() && i + 1 < types.size(); ++i) {
      auto empty = dyn_cast<SequenceType>(types[i + 1]);
      auto filled = made[i] ? dyn_cast<SequenceType>(made[i].getType()) : SequenceType();
      if (!empty || !empty.getIsEmpty() || !filled || filled.getIsEmpty())
        continue;
      types[i + 1] = filled;
      learned = true;
    }
    return learned;
  };
  // What was built so far goes, but it counts.
  auto startAgain = [&]() -> LogicalResult {
    if (hasTooManyNodes)
      return failure();
    region.front().erase();
    problems = {};
    return success();
  };
  if (failed(values) && isRemembered) { // elsewhere it may get other items
    items.erase(body.graph);
    types = given;
    if (succeeded(startAgain()))
      values = attempt();
  }
  if (failed(values) && startsEmpty) {
    Problems found = problems;
    bool learned = learn();
    if (!learned && succeeded(startAgain())) {
      llvm::SaveAndRestore guessing(takesAnyBranch, true);
      (void)attempt();
      learned = learn();
    }
    if (learned && succeeded(startAgain())) {
      SmallVector<Type> &known = items[body.graph];
      known.assign(types.size(), Type());
      for (auto [item, before, now] : llvm::zip_equal(known, given, types))
        if (before != now)
          item = now;
      values = attempt();
    } else {
      problems = std::move(found);
    }
  }
  before.add(problems);
  problems = std::move(before);
  if (succeeded(values))
    YieldOp::create(b, *values);
  return success(succeeded(values));
}

/// A Loop. Where a carried value has another rank after the first round than before it, that round stands before the
/// Loop, in a branch that runs where there is one: then the Loop hands on what it gets. `peeled` rounds stand there
/// already.
FailureOr<SmallVector<Value>> Importer::buildLoop(ArrayRef<Value> operands, Body body, unsigned peeled) {
  constexpr StringLiteral name = "body";
  constexpr unsigned mostPeeled = 4;
  Location place = b.getLoc();
  auto scalar = [&](int64_t value, unsigned width) -> Value {
    Type element = b.getIntegerType(width);
    return makeConstant(DenseElementsAttr::get(RankedTensorType::get({}, element), b.getIntegerAttr(element, value)),
                        place);
  };
  std::vector<const void *> types;
  for (Value operand : operands) {
    auto tensor = dyn_cast<RankedTensorType>(operand.getType());
    types.push_back((tensor ? withoutEncoding(tensor) : operand.getType()).getAsOpaquePointer());
  }
  auto form = std::pair(body.graph, std::move(types));
  bool changesRank = false;
  auto fill = [&](Operation *op) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    auto arguments = cast<OnnxBodyInterface>(op).getBodyArguments();
    Region &region = op->getRegion(0);
    if (failed(arguments) || failed(fillBody(body, name, region, *arguments)))
      return failure();
    Block &block = region.front();
    if (peeled) {
      b.setInsertionPointToStart(&block);
      auto number = make<AddOp>(b, {block.getArgument(0), scalar(peeled, 64)});
      block.getArgument(0).replaceAllUsesExcept(number, number);
    }
    for (auto [before, after] :
         llvm::zip(block.getArguments().drop_front(2), block.getTerminator()->getOperands().drop_front(1))) {
      auto from = dyn_cast<RankedTensorType>(before.getType()), to = dyn_cast<RankedTensorType>(after.getType());
      changesRank |= from && to && (from.getRank() != to.getRank() || hasRankOfRun(after));
    }
    return success(!changesRank || peeled == mostPeeled);
  };
  size_t resultCount = LoopOp::countResults(body.graph->output_size(), operands.size());
  // A loop around this one may be built again, and with every level twice the work would be done.
  if (peeled == mostPeeled || !rankChangers.count(form)) {
    if (Operation *op = makeOp(b, LoopOp::getOperationName(), operands, {}, resultCount, 1, fill))
      return SmallVector<Value>(op->getResults());
    b.setLoc(place);
    if (!changesRank || peeled == mostPeeled)
      return failure();
    rankChangers.insert(std::move(form));
  }

  bool isLimited = !isa<NoneType>(operands[0].getType()), hasCondition = !isa<NoneType>(operands[1].getType());
  Value enters = hasCondition ? operands[1] : scalar(1, 1);
  if (isLimited) {
    auto another = make<GreaterOp>(b, {operands[0], scalar(0, 64)});
    auto both = another ? make<AndOp>(b, {enters, another.getResult()}) : AndOp();
    if (!both)
      return failure();
    enters = both.getResult();
  }
  size_t states = operands.size() - 2;
  SmallVector<Value> slices;
  auto buildRound = [&]() -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> arguments{scalar(peeled, 64), scalar(1, 1)};
    llvm::append_range(arguments, operands.drop_front(2));
    auto made = buildBody(body, name, arguments);
    b.setLoc(place);
    if (failed(made))
      return failure();
    slices.assign(made->begin() + 1 + states, made->end());
    SmallVector<Value> next{none(), made->front()};
    if (isLimited) {
      auto fewer = make<SubOp>(b, {operands[0], scalar(1, 64)});
      if (!fewer)
        return failure();
      next[0] = fewer.getResult();
    }
    next.append(made->begin() + 1, made->begin() + 1 + states);
    auto rest = buildLoop(next, body, peeled + 1);
    if (failed(rest))
      return failure();
    for (auto [slice, stack] : llvm::zip_equal(slices, MutableArrayRef(*rest).drop_front(states))) {
      auto first = make<UnsqueezeOp>(b, {slice, scalar(0, 64)});
      auto whole = first ? make<ConcatOp>(b, {first.getResult(), stack},
                                          b.getNamedAttr("axis", b.getIntegerAttr(b.getIntegerType(64, true), 0)))
                         : ConcatOp();
      if (!whole)
        return failure();
      stack = whole.getResult();
    }
    return rest;
  };
  auto buildNothing = [&]() -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> values(operands.drop_front(2));
    for (Value slice : slices) {
      auto type = cast<RankedTensorType>(slice.getType());
      SmallVector<int64_t> sizes{0};
      for (AffineExpr dim : getDims(type))
        sizes.push_back(getConstant(dim).value_or(0));
      values.push_back(makeConstant(
          DenseElementsAttr::get(RankedTensorType::get(sizes, type.getElementType()), ArrayRef<Attribute>()), place));
    }
    return values;
  };
  if (auto known = knownBranch(enters); known == 0u)
    return buildRound();
  auto fillBranches = [&](Operation *op) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    for (unsigned branch : {0, 1}) {
      b.createBlock(&op->getRegion(branch));
      auto values = branch == 0 ? buildRound() : buildNothing();
      b.setLoc(place);
      if (failed(values))
        return failure();
      YieldOp::create(b, *values);
    }
    return success();
  };
  Operation *op = makeOp(b, IfOp::getOperationName(), enters, {}, resultCount, 2, fillBranches);
  b.setLoc(place);
  if (!op)
    return failure();
  return SmallVector<Value>(op->getResults());
}
