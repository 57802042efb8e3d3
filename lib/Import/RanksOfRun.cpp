//===- lib/Import/RanksOfRun.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ranks that the run decides: what depends on the result of an If whose branches give different ranks is built in each
// branch, up to where ranks are the same again (docs/decisions/0010).
#include "dialects/onnx/support/Branches.h"
#include "dialects/onnx/support/Values.h"
#include "lib/Import/Importer.h"
#include "llvm/ADT/SetVector.h"
#include <set>

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::NodeProto;

/// Nodes are built once for every combination of ranks that the run may choose: each If can double them.
static constexpr size_t kMaxPlaces = 64;

/// A place where nodes are built: a block with its names, or the branches of an If at its end, where they are built
/// once for each. So ranks that only the run knows are known where nodes use them.
struct onnxc::Branch {
  Block *block = nullptr;
  Scope scope;
  IfOp split; ///< the If at the end of the block; null: the block itself is the place
  std::unique_ptr<Branch> parts[2];
  std::string misfit; ///< what keeps nodes from being built here, where they can be built elsewhere

  bool isPlace() const { return !split && misfit.empty(); }
};

bool onnxc::makesRankOfRun(const NodeProto &node, const Scope &scope) {
  return llvm::any_of(node.output(), [&](const std::string &name) {
    Value value = scope.values.lookup(name);
    return value && hasRankOfRun(value);
  });
}

static void forEachPlace(Branch &branch, llvm::function_ref<void(Branch &)> f) {
  if (branch.isPlace())
    f(branch);
  for (auto &part : branch.parts)
    if (part)
      forEachPlace(*part, f);
}

/// The value of a name that is known to be there; null after an error.
static Value valueAt(const Branch &place, StringRef name) {
  for (const Scope *scope = &place.scope; scope; scope = scope->outer)
    if (auto it = scope->values.find(name); it != scope->values.end())
      return it->second;
  return {};
}

/// Whether the value of a name has no type that one operation could use wherever it is made.
static bool differs(Branch &root, StringRef name) {
  Type common;
  bool result = false;
  forEachPlace(root, [&](Branch &place) {
    Value value = valueAt(place, name);
    auto tensor = value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
    if (!tensor)
      return;
    auto before = dyn_cast_if_present<RankedTensorType>(common);
    result |= before && (before.getRank() != tensor.getRank() || before.getElementType() != tensor.getElementType());
    common = tensor;
  });
  return result;
}

/// Makes the branches of `op`, which goes to the end of the block, the places that `branch` stands for. `names` are
/// those of its results.
void Importer::openBranches(Branch &branch, IfOp op, ArrayRef<std::pair<StringRef, unsigned>> names) {
  op->moveBefore(b.getInsertionBlock(), b.getInsertionPoint());
  branch.split = op;
  for (unsigned i : {0, 1}) {
    branch.parts[i] = std::make_unique<Branch>();
    Branch &part = *branch.parts[i];
    part.block = &op->getRegion(i).front();
    part.scope.extend(branch.scope);
    if (getOnlyBranch(op) == 1 - i) {
      part.misfit = getMisfit(op).str();
      continue;
    }
    Operation *yield = part.block->getTerminator();
    SmallVector<std::pair<StringRef, unsigned>> inner;
    IfOp again;
    for (auto [name, number] : names) {
      Value value = yield->getOperand(number);
      auto from = hasRankOfRun(value) ? value.getDefiningOp<IfOp>() : IfOp();
      part.scope.values[name] = value;
      if (from && (!again || again == from)) {
        again = from;
        inner.push_back({name, cast<OpResult>(value).getResultNumber()});
      }
    }
    if (again && llvm::all_of(again->getUsers(), [&](Operation *user) { return user == yield; })) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(yield);
      openBranches(part, again, inner);
    }
  }
}

/// Builds a node in every place. Where it can be built in some only, what the others compute fits no run.
void Importer::buildInPlaces(const NodeProto &node, unsigned index, Branch &root) {
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Branch *> places, failures;
  forEachPlace(root, [&](Branch &place) { places.push_back(&place); });
  size_t placeCount = places.size();
  Problems first;
  for (Branch *place : places) {
    Problems found;
    std::swap(problems, found);
    b.setInsertionPoint(place->block->getTerminator());
    buildNode(node, index, place->scope);
    std::swap(problems, found);
    if (!found.empty()) {
      place->misfit = found.first();
      if (failures.empty())
        first = std::move(found);
      failures.push_back(place);
      continue;
    }
    IfOp again;
    SmallVector<std::pair<StringRef, unsigned>> names;
    for (const std::string &name : node.output()) {
      Value value = place->scope.values.lookup(name);
      auto from = value && hasRankOfRun(value) ? value.getDefiningOp<IfOp>() : IfOp();
      if (from && from->use_empty() && (!again || again == from)) {
        again = from;
        names.push_back({name, cast<OpResult>(value).getResultNumber()});
      }
    }
    if (!again)
      continue;
    if (++placeCount > kMaxPlaces) {
      for (auto [name, number] : names)
        place->scope.values[name] = {};
      problem(names[0].first, "the run decides the ranks of too many values: more than " + Twine(kMaxPlaces) +
                                  " combinations are not supported; give the sizes that decide them with --dim");
      continue;
    }
    openBranches(*place, again, names);
  }
  if (failures.size() < places.size())
    return;
  problems.add(std::move(first));
  for (Branch *place : failures)
    place->misfit.clear();
}

/// After node `origin` has made values whose rank only the run knows: builds the nodes of `rest` that depend on these
/// values in each branch of the If that makes them, and those that don't before it. Gives the nodes that come after it,
/// in order: their operands have one rank again.
std::vector<unsigned> Importer::buildInBranches(const Nodes &nodes, const Reads &reads, unsigned origin,
                                                ArrayRef<unsigned> rest, ArrayRef<StringRef> outputs, Scope &scope) {
  OpBuilder::InsertionGuard guard(b);
  Branch root;
  root.scope.extend(scope);
  IfOp op;
  SmallVector<std::pair<StringRef, unsigned>> made;
  llvm::SetVector<StringRef> inside; // names that have a value in each place
  for (const std::string &name : nodes[origin].output())
    if (Value value = scope.values.lookup(name))
      if (auto from = value.getDefiningOp<IfOp>(); from && from->use_empty() && (!op || op == from)) {
        op = from;
        made.push_back({name, cast<OpResult>(value).getResultNumber()});
        inside.insert(name);
      }
  if (!op)
    return rest;
  openBranches(root, op, made);

  std::set<unsigned> after;         // nodes after the If
  llvm::StringMap<unsigned> makers; // of what these make
  std::function<void(unsigned)> buildInside = [&](unsigned index) {
    for (StringRef name : reads[index])
      if (auto maker = makers.find(name); maker != makers.end() && after.erase(maker->second))
        buildInside(maker->second);
    buildInPlaces(nodes[index], index, root);
    for (const std::string &name : nodes[index].output())
      if (!name.empty())
        inside.insert(name);
  };
  auto needsPlaces = [&](unsigned index) {
    return llvm::any_of(reads[index], [&](StringRef name) { return inside.contains(name) && differs(root, name); });
  };
  for (unsigned index : rest) {
    const NodeProto &node = nodes[index];
    if (needsPlaces(index)) {
      buildInside(index);
      // An If among what it needed may have made other ranks.
      for (auto it = after.begin(); it != after.end();)
        if (unsigned other = *it; needsPlaces(other)) {
          after.erase(it);
          buildInside(other);
          it = after.begin();
        } else {
          ++it;
        }
      continue;
    }
    bool depends =
        llvm::any_of(reads[index], [&](StringRef name) { return inside.contains(name) || makers.count(name); });
    if (!depends) {
      b.setInsertionPoint(op);
      buildNode(node, index, scope);
      if (!makesRankOfRun(node, scope))
        continue;
      // That, too, comes after the If, unless what is in its branches needs it.
      for (const std::string &name : node.output()) {
        Operation *maker = scope.values.lookup(name) ? scope.values.lookup(name).getDefiningOp() : nullptr;
        scope.values.erase(name);
        if (maker && isa<IfOp>(maker) && maker->use_empty() &&
            llvm::none_of(node.output(), [&](const std::string &other) {
              return scope.values.lookup(other) && scope.values.lookup(other).getDefiningOp() == maker;
            }))
          maker->erase();
      }
    }
    for (const std::string &name : node.output())
      makers[name] = index;
    after.insert(index);
  }

  std::vector<unsigned> remaining;
  DenseSet<StringRef> needed(outputs.begin(), outputs.end());
  for (unsigned index : rest)
    if (after.count(index)) {
      remaining.push_back(index);
      needed.insert(reads[index].begin(), reads[index].end());
    }
  SmallVector<StringRef> names;
  for (StringRef name : inside)
    if (needed.contains(name))
      names.push_back(name);
  std::string text;
  {
    ErrorCollector errors(&context);
    auto values = closeBranches(root, names);
    text = errors.take();
    for (StringRef name : inside)
      scope.values[name] = {};
    for (auto [i, name] : llvm::enumerate(names))
      if (succeeded(values) && succeeded(checkResult((*values)[i], name, scope)))
        scope.values[name] = (*values)[i];
  }
  if (!text.empty())
    problems.add(locate(names.empty() ? StringRef() : names[0]), "If: " + text, nodes[origin].name());
  return remaining;
}

/// Ends `branch`: its values of these names become the results of its If. Failure was reported.
FailureOr<SmallVector<Value>> Importer::closeBranches(Branch &branch, ArrayRef<StringRef> names) {
  bool failed = false;
  for (auto &part : branch.parts) {
    SmallVector<Value> values;
    if (part->split) {
      auto inner = closeBranches(*part, names);
      failed |= mlir::failed(inner);
      if (succeeded(inner))
        values = std::move(*inner);
    } else if (part->misfit.empty()) {
      for (StringRef name : names)
        values.push_back(valueAt(*part, name));
      failed |= llvm::is_contained(values, Value());
    }
    if (failed)
      return failure();
    Operation *yield = part->block->getTerminator();
    yield->setOperands(values);
    if (!part->misfit.empty())
      while (&part->block->front() != yield)
        std::prev(yield->getIterator())->erase();
  }
  for (unsigned i : {0, 1})
    if (!branch.parts[i]->misfit.empty()) {
      setOnlyBranch(branch.split, 1 - i, branch.parts[i]->misfit);
      branch.misfit = branch.parts[0]->misfit.empty() || branch.parts[1]->misfit.empty() ? "" : branch.parts[i]->misfit;
    }
  if (!branch.misfit.empty()) { // for the If around this one
    branch.split->erase();
    branch.split = {};
    return SmallVector<Value>();
  }
  branch.split = remake(branch.split);
  if (!branch.split)
    return failure();
  return SmallVector<Value>(branch.split->getResults());
}

/// The same If with what its branches yield now. Null after an error, which was reported.
IfOp Importer::remake(IfOp op) {
  b.setInsertionPoint(op);
  b.setLoc(op.getLoc());
  size_t count = 0;
  for (Region &region : op->getRegions())
    count = std::max<size_t>(count, region.front().getTerminator()->getNumOperands());
  auto fill = [&](Operation *made) {
    for (auto [to, from] : llvm::zip_equal(made->getRegions(), op->getRegions()))
      to.takeBody(from);
    return success();
  };
  auto made =
      cast_or_null<IfOp>(makeOp(b, IfOp::getOperationName(), op->getOperands(), op->getAttrs(), count, 2, fill));
  if (!made)
    return {};
  for (auto [before, now] : llvm::zip(op->getResults(), made->getResults()))
    before.replaceAllUsesWith(now);
  op->erase();
  b.setInsertionPointAfter(made);
  return made;
}

Value Importer::addRank(Value value) {
  OpBuilder::InsertionGuard guard(b);
  auto op = value.getDefiningOp<IfOp>();
  unsigned number = cast<OpResult>(value).getResultNumber();
  for (Region &region : op->getRegions()) {
    Operation *yield = region.front().getTerminator();
    if (yield->getNumOperands() == 0) // the end of the run
      continue;
    Value rank;
    if (hasRankOfRun(yield->getOperand(number))) {
      rank = addRank(yield->getOperand(number));
    } else {
      int64_t known = cast<RankedTensorType>(yield->getOperand(number).getType()).getRank();
      rank = makeConstant(DenseElementsAttr::get(RankedTensorType::get({}, b.getI64Type()), known), op.getLoc());
    }
    yield->insertOperands(yield->getNumOperands(), rank);
  }
  return remake(op)->getResults().back();
}
