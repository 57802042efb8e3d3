//===- dialects/onnx/ops/Trees.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ensembles of decision trees. Every comparison becomes `x <= threshold`, and a walk down a tree has as many steps as
// the tree is deep: leaves lead to themselves. So a step is a few loads and no branch, and while one walk waits for its
// loads the processor goes on with those down other trees. A task takes a block of rows through one group of trees
// after the other.
#include "dialects/onnx/ops/Trees.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Scores.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>
#include <map>

using namespace mlir;
using namespace onnxc::onnx;

//===- Forests ----------------------------------------------------------------------===//

namespace {
/// In the order of the specification's numbers for nodes_modes.
enum class Mode { LessEqual, Less, GreaterEqual, Greater, Equal, NotEqual, Member };
enum class Aggregate { Average, Sum, Min, Max };

/// x <= threshold leads to `left`, otherwise to `right`; NaN to one of them. A child is a split or ~leaf.
struct Split {
  int64_t feature;
  double threshold; ///< NaN: nothing is below
  bool nanIsLeft;
  int64_t left, right;
};
struct Vote {
  int64_t target;
  double weight;
};

struct Forest {
  std::vector<Split> splits;
  std::vector<SmallVector<Vote, 1>> leaves;
  std::vector<int64_t> roots, depths; ///< of every tree

  /// The features that a row must have.
  int64_t countFeatures() const {
    int64_t count = 0;
    for (const Split &split : splits)
      count = std::max(count, split.feature + 1);
    return count;
  }
};

/// A node as the operators give it.
struct NodeSpec {
  Mode mode;
  int64_t feature;
  double value; ///< of the element type of the thresholds
  bool missingIsTrue;
  int64_t ifTrue, ifFalse; ///< as in Split
};

class ForestBuilder {
public:
  /// For rows that are compared in f64 or f32.
  ForestBuilder(Operation *op, bool isDouble) : op(op), isDouble(isDouble) {}

  Forest forest;

  /// The splits are numbered as the nodes are; splits that a comparison needs beyond one follow them all.
  LogicalResult addNodes(ArrayRef<NodeSpec> nodes, ArrayRef<std::vector<double>> members) {
    forest.splits.resize(nodes.size());
    size_t nextMembers = 0;
    for (auto [i, node] : llvm::enumerate(nodes)) {
      if (node.feature < 0 || node.feature > std::numeric_limits<int32_t>::max())
        return op->emitOpError("node ") << i << " has feature " << node.feature;
      std::vector<double> one{node.value};
      set(i, node, node.mode == Mode::Member ? ArrayRef<double>(members[nextMembers++]) : ArrayRef<double>(one));
    }
    return success();
  }

  /// Checks that the nodes are trees (or share what is below them), finds the depths, and leaves out what no tree has.
  LogicalResult finish();

private:
  /// The largest number of the type that is not above `t`, and the largest that is below; NaN if there is none.
  double notAbove(double t) const {
    if (isDouble || std::isnan(t))
      return t;
    float rounded = static_cast<float>(t);
    return rounded > t ? std::nextafter(rounded, -HUGE_VALF) : rounded;
  }
  double below(double t) const {
    double first = notAbove(t);
    if (first < t || std::isnan(t))
      return first;
    if (std::isinf(t) && t < 0)
      return std::nan("");
    return isDouble ? std::nextafter(t, -HUGE_VAL) : std::nextafter(static_cast<float>(t), -HUGE_VALF);
  }

  int64_t add(const NodeSpec &node, ArrayRef<double> values) {
    forest.splits.emplace_back();
    int64_t i = forest.splits.size() - 1;
    set(i, node, values);
    return i;
  }

  /// Makes split `i` be the comparison of `node` with sorted `values` (of which all but Member have one).
  void set(int64_t i, const NodeSpec &node, ArrayRef<double> values) {
    int64_t yes = node.ifTrue, no = node.ifFalse;
    bool missing = node.missingIsTrue;
    auto split = [&](double threshold, bool nanIsLeft, int64_t left, int64_t right) {
      forest.splits[i] = {node.feature, threshold, nanIsLeft, left, right};
    };
    if (yes == no) // a tree of one leaf
      return split(std::nan(""), true, yes, no);
    double t = values.empty() ? std::nan("") : values.front();
    if (std::isnan(t)) // compares false
      return node.mode == Mode::NotEqual ? split(t, true, missing ? yes : no, yes) : split(t, missing, yes, no);
    switch (node.mode) {
    case Mode::LessEqual:
      return split(notAbove(t), missing, yes, no);
    case Mode::Less:
      return split(below(t), missing, yes, no);
    case Mode::GreaterEqual:
      return split(below(t), !missing, no, yes);
    case Mode::Greater:
      return split(notAbove(t), !missing, no, yes);
    case Mode::NotEqual: {
      int64_t inner = addSplit({node.feature, below(t), false, yes, no});
      return split(notAbove(t), !missing, inner, yes);
    }
    case Mode::Equal: {
      int64_t inner = addSplit({node.feature, below(t), false, no, yes});
      return split(notAbove(t), missing, inner, no);
    }
    case Mode::Member: {
      NodeSpec part = node;
      if (values.size() == 1) {
        part.mode = Mode::Equal;
        return set(i, part, values);
      }
      size_t half = values.size() / 2;
      int64_t left = add(part, values.take_front(half)), right = add(part, values.drop_front(half));
      return split(notAbove(values[half - 1]), missing, left, right);
    }
    }
  }
  int64_t addSplit(Split split) {
    forest.splits.push_back(split);
    return forest.splits.size() - 1;
  }

  Operation *op;
  bool isDouble;
};
} // namespace

LogicalResult ForestBuilder::finish() {
  enum : int64_t { New = -1, Open = -2 };
  std::vector<int64_t> height(forest.splits.size(), New), number(forest.splits.size()), order;
  for (int64_t root : forest.roots) {
    SmallVector<std::pair<int64_t, int>> path; // a split, and how many of its children were looked at
    auto enter = [&](int64_t child) -> LogicalResult {
      if (child < 0 || height[child] >= 0)
        return success();
      if (height[child] == Open)
        return op->emitOpError("the nodes of a tree lead back to themselves");
      height[child] = Open;
      number[child] = order.size();
      order.push_back(child);
      path.push_back({child, 0});
      return success();
    };
    auto heightOf = [&](int64_t child) { return child < 0 ? 0 : height[child]; };
    if (failed(enter(root)))
      return failure();
    while (!path.empty()) {
      auto &[i, seen] = path.back();
      const Split &split = forest.splits[i];
      if (seen == 2) {
        // A split of which both ways are the same is none.
        height[i] =
            split.left == split.right && split.left < 0 ? 0 : 1 + std::max(heightOf(split.left), heightOf(split.right));
        path.pop_back();
      } else if (failed(enter(seen++ == 0 ? split.left : split.right))) {
        return failure();
      }
    }
    forest.depths.push_back(heightOf(root));
  }
  auto skip = [&](int64_t child) { return child >= 0 && height[child] == 0 ? forest.splits[child].left : child; };
  std::vector<Split> splits;
  std::vector<SmallVector<Vote, 1>> leaves;
  llvm::DenseMap<int64_t, int64_t> leafNumber;
  std::vector<int64_t> kept(forest.splits.size());
  for (int64_t i : order)
    if (height[i] > 0) {
      kept[i] = splits.size();
      splits.push_back(forest.splits[i]);
    }
  auto rename = [&](int64_t child) -> int64_t {
    child = skip(child);
    if (child >= 0)
      return kept[child];
    auto [it, isNew] = leafNumber.try_emplace(~child, leaves.size());
    if (isNew)
      leaves.push_back(forest.leaves[~child]);
    return ~it->second;
  };
  for (Split &split : splits)
    split.left = rename(split.left), split.right = rename(split.right);
  for (int64_t &root : forest.roots)
    root = rename(root);
  forest.splits = std::move(splits);
  forest.leaves = std::move(leaves);
  if (forest.splits.size() + forest.leaves.size() > std::numeric_limits<int32_t>::max() / 2)
    return op->emitOpError("has too many nodes");
  return success();
}

//===- Lowering ---------------------------------------------------------------------===//

static Value makeNumbers(LoweringBuilder &b, Type element, ArrayRef<double> numbers) {
  RankedTensorType type = makeTensor(static_cast<int64_t>(numbers.size()), element);
  return arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(type, numbers)));
}

namespace {
/// The forest as tables, one entry for each node; the splits come first, then the leaves.
class Walker {
public:
  Walker(LoweringBuilder &b, const Forest &forest, Type element) : splitCount(forest.splits.size()) {
    std::vector<int32_t> featureTable, childTable, nanTable;
    std::vector<double> thresholdTable;
    auto node = [&](int64_t child) { return static_cast<int32_t>(child < 0 ? splitCount + ~child : child); };
    bool anyLeft = false, anyRight = false;
    for (const Split &split : forest.splits) {
      featureTable.push_back(split.feature);
      thresholdTable.push_back(split.threshold);
      childTable.push_back(node(split.left));
      childTable.push_back(node(split.right));
      nanTable.push_back(split.nanIsLeft);
      anyLeft |= split.nanIsLeft, anyRight |= !split.nanIsLeft;
    }
    for (size_t i = 0; i < forest.leaves.size(); ++i) {
      featureTable.push_back(0);
      thresholdTable.push_back(0);
      childTable.insert(childTable.end(), 2, splitCount + i);
      nanTable.push_back(0);
    }
    features = makeIntegers(b, featureTable);
    thresholds = makeNumbers(b, element, thresholdTable);
    children = makeIntegers(b, childTable);
    someNanIsLeft = anyLeft;
    if (anyLeft && anyRight)
      nans = makeIntegers(b, nanTable);
    std::vector<int32_t> rootTable, depthTable;
    for (int64_t root : forest.roots)
      rootTable.push_back(node(root));
    for (size_t tree = 0; tree < forest.depths.size(); tree += kTogether) {
      auto group = ArrayRef(forest.depths).drop_front(tree).take_front(kTogether);
      depthTable.push_back(*llvm::max_element(group));
    }
    roots = makeIntegers(b, rootTable);
    depths = makeIntegers(b, depthTable);
  }

  /// Trees that are walked down together.
  static constexpr int64_t kTogether = 8;

  /// The numbers of the leaves that row `row` of `x` reaches in the first `count` trees of group `group`.
  SmallVector<Value> walk(ImplicitLocOpBuilder &b, Value x, Value row, Value group, int64_t count) const {
    IndexMath math{b};
    SmallVector<Value> nodes;
    for (int64_t i = 0; i < count; ++i)
      nodes.push_back(readIndex(b, roots, math.add(math.mul(group, math.constant(kTogether)), math.constant(i))));
    nodes =
        makeLoops(b, readIndex(b, depths, group), nodes, [&](ImplicitLocOpBuilder &b, ValueRange, ValueRange nodes) {
          return llvm::map_to_vector(nodes, [&](Value node) { return step(b, x, row, node); });
        });
    for (Value &node : nodes)
      node = math.sub(node, math.constant(splitCount));
    return nodes;
  }

private:
  /// Where `node` leads to.
  Value step(ImplicitLocOpBuilder &b, Value x, Value row, Value node) const {
    Value number = tensor::ExtractOp::create(b, x, ValueRange{row, readIndex(b, features, node)});
    Value threshold = tensor::ExtractOp::create(b, thresholds, node);
    // NaN goes right with the numbers above; a threshold of NaN sends everything there.
    Scalar isRight(b, arith::CmpFOp::create(b, arith::CmpFPredicate::UGT, number, threshold));
    if (someNanIsLeft) {
      Scalar isNan(b, arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, number, number));
      if (nans)
        isNan = isNan & (Scalar(b, tensor::ExtractOp::create(b, nans, node)) != 0);
      isRight = isRight & ~isNan;
    }
    IndexMath math{b};
    Value side = arith::IndexCastUIOp::create(b, b.getIndexType(), isRight);
    return readIndex(b, children, math.add(math.add(node, node), side));
  }

  int64_t splitCount;
  Value features, thresholds, children, roots;
  Value depths; ///< of the deepest tree of every group
  bool someNanIsLeft;
  Value nans; ///< whether a node's is, where not all are
};

/// The votes of all leaves in a row.
class Votes {
public:
  Votes(LoweringBuilder &b, const Forest &forest, Type element) {
    std::vector<int32_t> beginTable{0}, targetTable;
    std::vector<double> weightTable;
    for (const auto &votes : forest.leaves) {
      for (const Vote &vote : votes) {
        targetTable.push_back(vote.target);
        weightTable.push_back(vote.weight);
      }
      beginTable.push_back(targetTable.size());
    }
    isEmpty = targetTable.empty();
    if (isEmpty)
      return;
    weights = makeNumbers(b, element, weightTable);
    size_t count = forest.leaves.front().size();
    if (llvm::all_of(forest.leaves, [&](const auto &votes) { return votes.size() == count; }))
      each = count;
    else
      begins = makeIntegers(b, beginTable);
    bool isInOrder = !begins;
    for (auto [i, target] : llvm::enumerate(targetTable))
      isInOrder &= target == static_cast<int32_t>(i % count);
    if (!isInOrder)
      targets = makeIntegers(b, targetTable);
  }

  bool isEmpty = false;

  /// Adds the votes of `leaf` to row `row` of `scores`.
  Value count(ImplicitLocOpBuilder &b, Value leaf, Value row, Value scores, Aggregate aggregate) const {
    IndexMath math{b};
    Value begin = begins ? readIndex(b, begins, leaf) : math.mul(leaf, math.constant(each));
    Value size = begins ? math.sub(readIndex(b, begins, math.add(leaf, math.constant(1))), begin) : math.constant(each);
    return makeLoops(b, size, scores, [&](ImplicitLocOpBuilder &vote, ValueRange i, ValueRange carried) {
      Value at = IndexMath{vote}.add(begin, i[0]);
      SmallVector<Value> place{row, targets ? readIndex(vote, targets, at) : i[0]};
      Scalar weight(vote, tensor::ExtractOp::create(vote, weights, at));
      Scalar score(vote, tensor::ExtractOp::create(vote, carried[0], place));
      Scalar next;
      if (aggregate == Aggregate::Min)
        next = select(weight > score, score, weight); // also where there is no score yet: NaN
      else if (aggregate == Aggregate::Max)
        next = select(weight < score, score, weight);
      else
        next = score + weight;
      return SmallVector<Value>{tensor::InsertOp::create(vote, next, carried[0], place)};
    })[0];
  }

private:
  Value begins, weights;
  Value targets; ///< null: every leaf votes for target 0, 1, ... in turn
  int64_t each = 0;
};
} // namespace

/// Enough steps of walks for a task, and rows that stay in the cache. Where few rows are enough steps, some more keep
/// the nodes of a group of trees there.
static constexpr int64_t kTaskSteps = 32 << 10, kMinRows = 8, kMaxRows = 256;

/// The aggregated votes for every row of `x` and target.
static Lowered runForest(LoweringBuilder &b, const Forest &forest, Lowered x, int64_t targets, Aggregate aggregate) {
  AffineExpr rows = x.dims()[0], needed = b.getAffineConstantExpr(forest.countFeatures());
  b.requireNonNegative(x.dims()[1] - needed, "X has fewer features than the trees look at");
  RankedTensorType type = makeTensor({rows, makeDim(b.getContext(), targets)}, x.element());
  bool isExtreme = aggregate == Aggregate::Min || aggregate == Aggregate::Max;
  double start = isExtreme ? std::nan("") : 0;
  Lowered scores{Value(), type};
  Votes votes(b, forest, x.element());
  if (forest.roots.empty() || votes.isEmpty) {
    scores.value = b.filled(type, b.constant(x.element(), 0));
    return scores;
  }
  Walker walker(b, forest, x.element());
  int64_t steps = 1;
  for (int64_t depth : forest.depths)
    if (llvm::AddOverflow(steps, depth + 1, steps))
      steps = kTaskSteps;
  int64_t block = std::clamp<int64_t>(kTaskSteps / steps, kMinRows, kMaxRows);
  auto task = scf::ForallOp::create(b, ArrayRef<OpFoldResult>{b.materialize(rows.ceilDiv(block))},
                                    ValueRange{b.empty(type)}, std::nullopt);
  ImplicitLocOpBuilder inside(b.getLoc(), OpBuilder::atBlockBegin(task.getBody()));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(task.getBody());
    IndexMath math{b};
    Value first = math.mul(task.getInductionVar(0), math.constant(block));
    Value count = math.least(math.sub(b.materializeIndex(rows), first), math.constant(block));
    SmallVector<OpFoldResult> offsets{first, b.getIndexAttr(0)}, sizes{count, b.getIndexAttr(targets)},
        strides(2, b.getIndexAttr(1));
    Value part = tensor::ExtractSliceOp::create(b, task.getRegionOutArgs()[0], offsets, sizes, strides);
    part = linalg::FillOp::create(b, b.constant(x.element(), start), part).getResult(0);
    auto vote = [&](ImplicitLocOpBuilder &b, Value group, int64_t trees, ValueRange carried) {
      return makeLoops(b, count, carried, [&](ImplicitLocOpBuilder &b, ValueRange row, ValueRange carried) {
        Value scores = carried[0];
        for (Value leaf : walker.walk(b, x.value, IndexMath{b}.add(first, row[0]), group, trees))
          scores = votes.count(b, leaf, row[0], scores, aggregate);
        return SmallVector<Value>{scores};
      });
    };
    int64_t groups = forest.roots.size() / Walker::kTogether, rest = forest.roots.size() % Walker::kTogether;
    if (groups)
      part = makeLoops(b, b.index(groups), part, [&](ImplicitLocOpBuilder &b, ValueRange group, ValueRange carried) {
        return vote(b, group[0], Walker::kTogether, carried);
      })[0];
    if (rest)
      part = vote(b, b.index(groups), rest, part)[0];
    b.setInsertionPointToStart(task.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, part, task.getRegionOutArgs()[0], offsets, sizes, strides);
  }
  scores.value = task.getResult(0);
  if (aggregate == Aggregate::Sum)
    return scores;
  // A target without any vote has the score 0, as in onnxruntime.
  double trees = forest.roots.size();
  return Fields(b, scores.dims())
      .map(Fields(b, scores.dims()).all(scores), x.element(),
           [&](ArrayRef<Scalar> e) { return isExtreme ? select(e[0] != e[0], 0, e[0]) : e[0] / trees; })
      .tensor;
}

/// Adds a number for every target.
static Lowered addBase(LoweringBuilder &b, Lowered scores, ArrayRef<double> base) {
  if (base.empty())
    return scores;
  Fields fields(b, scores.dims());
  Lowered numbers{makeNumbers(b, scores.element(), base),
                  makeTensor(static_cast<int64_t>(base.size()), scores.element())};
  return fields
      .map({fields.all(scores), fields.along(numbers, 1)}, scores.element(),
           [](ArrayRef<Scalar> e) { return e[0] + e[1]; })
      .tensor;
}

/// Reports an input that has fewer features than the trees look at.
static LogicalResult checkFeatures(Operation *op, const Forest &forest, AffineExpr features) {
  auto number = getConstant(features);
  if (number && *number < forest.countFeatures())
    return op->emitOpError("X has ") << *number << " features; the trees look at " << forest.countFeatures();
  return success();
}

//===- TreeEnsemble -----------------------------------------------------------------===//

/// The elements of a vector of floats; of other kinds, or with another length than `size`, an error.
static FailureOr<std::vector<double>> readFloats(Operation *op, ElementsAttr elements, StringRef name) {
  auto numbers = getNumbers(elements);
  int64_t count = elements.getNumElements();
  if (count == 0)
    return std::vector<double>();
  if (!numbers)
    return op->emitOpError(name) << " must hold floats";
  if (numbers->size() == 1)
    numbers->resize(count, numbers->front());
  return *numbers;
}

template <typename OpT> static Type inputElement(OpT op) { return getElementTypeOrSelf(op.getX().getType()); }

static FailureOr<Forest> buildForest(TreeEnsembleOp op, int64_t targets) {
  auto splits = readFloats(op, op.getNodesSplits(), "nodes_splits");
  auto weights = readFloats(op, op.getLeafWeights(), "leaf_weights");
  if (failed(splits) || failed(weights))
    return failure();
  size_t nodeCount = op.getNodesFeatureids().size(), leafCount = op.getLeafTargetids().size();
  ElementsAttr modes = op.getNodesModes();
  ArrayRef<char> modeBytes = getRawElements(modes);
  if (!modes.getElementType().isUnsignedInteger(8))
    return op.emitOpError("nodes_modes must hold uint8");
  auto missing = op.getNodesMissingValueTracksTrue();
  if (missing && missing->empty())
    missing.reset();
  std::pair<StringRef, size_t> lengths[] = {{"nodes_splits", splits->size()},
                                            {"nodes_modes", modes.getNumElements()},
                                            {"nodes_trueleafs", op.getNodesTrueleafs().size()},
                                            {"nodes_falseleafs", op.getNodesFalseleafs().size()},
                                            {"nodes_truenodeids", op.getNodesTruenodeids().size()},
                                            {"nodes_falsenodeids", op.getNodesFalsenodeids().size()},
                                            {"nodes_missing_value_tracks_true", missing ? missing->size() : nodeCount}};
  for (auto [name, length] : lengths)
    if (length != nodeCount)
      return op.emitOpError(name) << " has " << length << " entries, nodes_featureids " << nodeCount;
  if (weights->size() != leafCount)
    return op.emitOpError("leaf_weights has ") << weights->size() << " entries, leaf_targetids " << leafCount;

  ForestBuilder builder(op, inputElement(op).isF64());
  for (auto [target, weight] : llvm::zip_equal(op.getLeafTargetids(), *weights)) {
    if (target < 0 || target >= targets)
      return op.emitOpError("a leaf has target ") << target << "; there are " << targets;
    builder.forest.leaves.push_back({Vote{target, weight}});
  }
  std::vector<NodeSpec> nodes;
  size_t memberNodes = 0;
  for (size_t i = 0; i < nodeCount; ++i) {
    auto child = [&](ArrayRef<int64_t> ids, ArrayRef<int64_t> leafs) -> FailureOr<int64_t> {
      int64_t id = ids[i], count = leafs[i] ? leafCount : nodeCount;
      if (id < 0 || id >= count)
        return op.emitOpError("node ") << i << " leads to " << (leafs[i] ? "leaf " : "node ") << id << "; there are "
                                       << count;
      return leafs[i] ? ~id : id;
    };
    auto ifTrue = child(op.getNodesTruenodeids(), op.getNodesTrueleafs());
    auto ifFalse = child(op.getNodesFalsenodeids(), op.getNodesFalseleafs());
    if (failed(ifTrue) || failed(ifFalse))
      return failure();
    auto mode = static_cast<uint8_t>(modeBytes[modeBytes.size() == 1 ? 0 : i]);
    if (mode > static_cast<uint8_t>(Mode::Member))
      return op.emitOpError("node ") << i << " has mode " << static_cast<int>(mode) << ", expected 0 to 6";
    memberNodes += static_cast<Mode>(mode) == Mode::Member;
    // NaN differs from everything, whatever the node says of it: as onnxruntime and the specification's reference have
    // it (the latter for this operator alone).
    bool missingIsTrue = (missing && (*missing)[i] != 0) || static_cast<Mode>(mode) == Mode::NotEqual;
    nodes.push_back(
        {static_cast<Mode>(mode), op.getNodesFeatureids()[i], (*splits)[i], missingIsTrue, *ifTrue, *ifFalse});
  }
  // Sets one after the other, each with a NaN at its end.
  std::vector<std::vector<double>> members;
  if (auto elements = op.getMembershipValues()) {
    auto values = readFloats(op, *elements, "membership_values");
    if (failed(values))
      return failure();
    std::vector<double> set;
    for (double value : *values) {
      if (!std::isnan(value)) {
        set.push_back(value);
        continue;
      }
      llvm::sort(set);
      set.erase(llvm::unique(set), set.end());
      members.push_back(std::exchange(set, {}));
    }
  }
  if (members.size() != memberNodes)
    return op.emitOpError("membership_values has ")
           << members.size() << " sets that end with NaN; there are " << memberNodes << " nodes with mode 6";
  for (int64_t root : op.getTreeRoots()) {
    if (root < 0 || root >= static_cast<int64_t>(nodeCount))
      return op.emitOpError("a tree has root ") << root << "; there are " << nodeCount << " nodes";
    builder.forest.roots.push_back(root);
  }
  if (failed(builder.addNodes(nodes, members)) || failed(builder.finish()))
    return failure();
  return std::move(builder.forest);
}

template <typename OpT> static FailureOr<int64_t> getTargets(OpT op) {
  int64_t targets = op.getNTargets().value_or(0);
  if (targets < 1 || targets > std::numeric_limits<int32_t>::max())
    return op.emitOpError("n_targets is ") << targets << ", expected the number of targets";
  return targets;
}

LogicalResult TreeEnsembleOp::inferTypes(SmallVectorImpl<Type> &types) {
  Type element = inputElement(*this);
  if (!isa<FloatType>(element))
    return emitOpError("takes floating-point numbers, not ") << getElementTypeName(element);
  auto dims = getRowDims(*this, getX());
  auto targets = getTargets(*this);
  if (failed(dims) || failed(targets) || failed(onnxc::onnx::getPostTransform(*this, getPostTransform())))
    return failure();
  if (getAggregateFunction() < 0 || getAggregateFunction() > 3)
    return emitOpError("aggregate_function ") << getAggregateFunction() << " is not 0 to 3";
  auto forest = buildForest(*this, *targets);
  if (failed(forest) || failed(checkFeatures(*this, *forest, (*dims)[1])))
    return failure();
  types.push_back(makeTensor({(*dims)[0], makeDim(getContext(), *targets)}, element));
  return success();
}

FailureOr<SmallVector<Value>> TreeEnsembleOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int64_t targets = *getTargets(*this);
  auto forest = buildForest(*this, targets);
  Lowered x = getRows(b, *this, operands);
  Lowered scores = runForest(b, *forest, x, targets, static_cast<Aggregate>(getAggregateFunction()));
  // onnxruntime and the specification's reference leave a single score; "indicates the transform to apply to the score"
  // (TreeEnsemble-5) does not, and those who ask for Logistic want what their trees were trained with.
  scores = transformScores(b, scores, *onnxc::onnx::getPostTransform(*this, getPostTransform()), /*alsoSingle=*/true);
  return SmallVector<Value>{convert(b, scores, inputElement(*this)).value};
}

//===- TreeEnsembleClassifier and TreeEnsembleRegressor -----------------------------===//

namespace {
/// A list that may be given as floats, or as a tensor of doubles.
struct FloatList {
  StringRef name;
  std::vector<double> numbers;
  bool isDouble = false;
};
} // namespace

static FailureOr<FloatList> readList(Operation *op, StringRef name, std::optional<ArrayRef<float>> floats,
                                     std::optional<ElementsAttr> tensor) {
  FloatList list{name, {}};
  if (floats && !floats->empty()) {
    list.numbers.assign(floats->begin(), floats->end());
  } else if (tensor) {
    auto numbers = readFloats(op, *tensor, (name + "_as_tensor").str());
    if (failed(numbers))
      return failure();
    list.numbers = *numbers;
    list.isDouble = tensor->getElementType().isF64();
  }
  return list;
}

namespace {
/// The votes of the leaves as these two operators give them.
struct NamedVotes {
  ArrayRef<int64_t> trees, nodes, targets;
  FloatList weights;
};
} // namespace

/// What of both operators is the same: the forest, but for the votes' targets.
template <typename OpT> static FailureOr<Forest> buildNamedForest(OpT op, const NamedVotes &votes, int64_t targets) {
  auto list = [](std::optional<ArrayRef<int64_t>> given) { return given.value_or(ArrayRef<int64_t>()); };
  auto values = readList(op, "nodes_values", op.getNodesValues(), op.getNodesValuesAsTensor());
  if (failed(values))
    return failure();
  ArrayRef<int64_t> treeIds = list(op.getNodesTreeids()), nodeIds = list(op.getNodesNodeids()),
                    featureIds = list(op.getNodesFeatureids()), trueIds = list(op.getNodesTruenodeids()),
                    falseIds = list(op.getNodesFalsenodeids()), missing = list(op.getNodesMissingValueTracksTrue());
  ArrayRef<Attribute> modes;
  if (auto given = op.getNodesModes())
    modes = given->getValue();
  size_t count = modes.size();
  std::pair<StringRef, size_t> lengths[] = {
      {"nodes_treeids", treeIds.size()},
      {"nodes_nodeids", nodeIds.size()},
      {"nodes_featureids", featureIds.size()},
      {"nodes_truenodeids", trueIds.size()},
      {"nodes_falsenodeids", falseIds.size()},
      {"nodes_values", values->numbers.size()},
      {"nodes_missing_value_tracks_true", missing.empty() ? count : missing.size()}};
  for (auto [name, length] : lengths)
    if (length != count)
      return op.emitOpError(name) << " has " << length << " entries, nodes_modes " << count;
  size_t voteCount = votes.targets.size();
  if (votes.trees.size() != voteCount || votes.nodes.size() != voteCount || votes.weights.numbers.size() != voteCount)
    return op.emitOpError("the lists of the leaves' votes have different lengths: ")
           << votes.trees.size() << ", " << votes.nodes.size() << ", " << voteCount << " and "
           << votes.weights.numbers.size();

  // A node is a split or ~leaf.
  std::map<std::pair<int64_t, int64_t>, int64_t> known;
  SmallVector<int64_t> ids;
  int64_t splitCount = 0, leafCount = 0;
  for (auto [i, mode] : llvm::enumerate(modes)) {
    bool isLeaf = cast<StringAttr>(mode).getValue() == "LEAF";
    ids.push_back(isLeaf ? ~leafCount++ : splitCount++);
    if (!known.try_emplace({treeIds[i], nodeIds[i]}, ids.back()).second)
      return op.emitOpError("node ") << nodeIds[i] << " of tree " << treeIds[i] << " is there twice";
  }
  Type element = inputElement(op);
  ForestBuilder builder(op, element.isF64());
  builder.forest.leaves.resize(leafCount);
  std::vector<NodeSpec> nodes;
  std::map<int64_t, bool> hasRoot;
  for (auto [i, attribute] : llvm::enumerate(modes)) {
    if (hasRoot.try_emplace(treeIds[i], true).second) // a tree's first node
      builder.forest.roots.push_back(ids[i]);
    if (ids[i] < 0)
      continue;
    StringRef name = cast<StringAttr>(attribute).getValue();
    auto mode = llvm::StringSwitch<std::optional<Mode>>(name)
                    .Case("BRANCH_LEQ", Mode::LessEqual)
                    .Case("BRANCH_LT", Mode::Less)
                    .Case("BRANCH_GTE", Mode::GreaterEqual)
                    .Case("BRANCH_GT", Mode::Greater)
                    .Case("BRANCH_EQ", Mode::Equal)
                    .Case("BRANCH_NEQ", Mode::NotEqual)
                    .Default(std::nullopt);
    if (!mode)
      return op.emitOpError("node ") << nodeIds[i] << " of tree " << treeIds[i] << " has the unknown mode \"" << name
                                     << "\"";
    auto ifTrue = known.find({treeIds[i], trueIds[i]}), ifFalse = known.find({treeIds[i], falseIds[i]});
    if (ifTrue == known.end() || ifFalse == known.end())
      return op.emitOpError("node ") << nodeIds[i] << " of tree " << treeIds[i] << " leads to node "
                                     << (ifTrue == known.end() ? trueIds[i] : falseIds[i]) << ", which is not there";
    nodes.push_back({*mode, featureIds[i], values->numbers[i], !missing.empty() && missing[i] != 0, ifTrue->second,
                     ifFalse->second});
  }
  for (size_t i = 0; i < voteCount; ++i) {
    auto node = known.find({votes.trees[i], votes.nodes[i]});
    if (node == known.end())
      return op.emitOpError("node ") << votes.nodes[i] << " of tree " << votes.trees[i] << " votes, but is not there";
    if (votes.targets[i] < 0 || votes.targets[i] >= targets)
      return op.emitOpError("a leaf votes for ") << votes.targets[i] << "; there are " << targets;
    if (node->second < 0) // nobody stops at other nodes
      builder.forest.leaves[~node->second].push_back({votes.targets[i], votes.weights.numbers[i]});
  }
  if (failed(builder.addNodes(nodes, {})) || failed(builder.finish()))
    return failure();
  return std::move(builder.forest);
}

static NamedVotes makeVotes(std::optional<ArrayRef<int64_t>> trees, std::optional<ArrayRef<int64_t>> nodes,
                            std::optional<ArrayRef<int64_t>> targets, FloatList weights) {
  ArrayRef<int64_t> none;
  return {trees.value_or(none), nodes.value_or(none), targets.value_or(none), std::move(weights)};
}

namespace {
/// A classifier as it is computed.
struct Classifier {
  Forest forest;
  Labels labels;
  std::vector<double> base;
  int64_t scores;           ///< per row
  bool isSigned = false;    ///< some weight is negative
  bool hasOneClass = false; ///< of two, all votes are for one
  PostTransform transform;

  static FailureOr<Classifier> get(TreeEnsembleClassifierOp op);
};
} // namespace

FailureOr<Classifier> Classifier::get(TreeEnsembleClassifierOp op) {
  Classifier c;
  auto labels = Labels::get(op, op.getClasslabelsInt64s(), op.getClasslabelsStrings());
  auto transform = onnxc::onnx::getPostTransform(op, op.getPostTransform());
  auto weights = readList(op, "class_weights", op.getClassWeights(), op.getClassWeightsAsTensor());
  auto base = readList(op, "base_values", op.getBaseValues(), op.getBaseValuesAsTensor());
  if (failed(labels) || failed(transform) || failed(weights) || failed(base))
    return failure();
  c.labels = *labels;
  c.transform = *transform;
  c.base = base->numbers;
  int64_t classes = c.labels.size();
  c.isSigned = llvm::any_of(weights->numbers, [](double weight) { return weight < 0; });
  NamedVotes votes = makeVotes(op.getClassTreeids(), op.getClassNodeids(), op.getClassIds(), std::move(*weights));
  auto forest = buildNamedForest(op, votes, classes);
  if (failed(forest))
    return failure();
  c.forest = std::move(*forest);
  c.hasOneClass = classes == 2 && !votes.targets.empty() && llvm::all_equal(votes.targets);
  // Exporters write classifiers of two classes with the score of one of them, of which the other's follows.
  c.scores = c.hasOneClass && votes.targets.front() == 0 ? 1 : classes;
  if (c.scores == 1 && c.base.size() == 2)
    c.base.pop_back();
  if (!c.base.empty() && static_cast<int64_t>(c.base.size()) != c.scores)
    return op.emitOpError("base_values has ") << c.base.size() << " entries; there are " << classes << " classes";
  return c;
}

LogicalResult TreeEnsembleClassifierOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = getRowDims(*this, getX());
  if (failed(dims))
    return failure();
  auto classifier = Classifier::get(*this);
  if (failed(classifier) || failed(checkFeatures(*this, classifier->forest, (*dims)[1])))
    return failure();
  types.push_back(makeTensor((*dims)[0], classifier->labels.elementType(getContext())));
  AffineExpr classes = makeDim(getContext(), classifier->labels.size());
  types.push_back(makeTensor({(*dims)[0], classes}, Float32Type::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> TreeEnsembleClassifierOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto c = Classifier::get(*this);
  Lowered raw = runForest(b, c->forest, getRows(b, *this, operands), c->scores, Aggregate::Sum);
  raw = addBase(b, raw, c->base);
  // How a label and two scores come from one is onnxruntime's convention, which the exporters rely on: votes without a
  // sign are shares of 1.
  double threshold = c->hasOneClass && !c->isSigned ? 0.5 : 0;
  Labels labels = c->labels;
  Lowered winner, scores;
  if (c->scores == 1) {
    winner = findAbove(b, raw, threshold);
    labels = labels.forOneScore();
    scores =
        c->hasOneClass ? scoreTwoClasses(b, raw, c->isSigned, c->transform) : transformScores(b, raw, c->transform);
  } else {
    winner = findLargest(b, raw);
    scores = transformScores(b, raw, c->transform);
    if (c->hasOneClass) {
      SmallVector<OpFoldResult> second{b.getIndexAttr(0), b.getIndexAttr(1)};
      AffineExpr one = makeDim(getContext(), 1);
      winner = findAbove(b, slice(b, raw, second, {raw.dims()[0], one}, {raw.dims()[0], one}), threshold);
    }
  }
  return SmallVector<Value>{labels.choose(b, winner), convert(b, scores, b.getF32Type()).value};
}

namespace {
struct Regressor {
  Forest forest;
  std::vector<double> base;
  int64_t targets;
  Aggregate aggregate;
  PostTransform transform;

  static FailureOr<Regressor> get(TreeEnsembleRegressorOp op);
};
} // namespace

FailureOr<Regressor> Regressor::get(TreeEnsembleRegressorOp op) {
  auto targets = getTargets(op);
  auto transform = onnxc::onnx::getPostTransform(op, op.getPostTransform());
  auto weights = readList(op, "target_weights", op.getTargetWeights(), op.getTargetWeightsAsTensor());
  auto base = readList(op, "base_values", op.getBaseValues(), op.getBaseValuesAsTensor());
  if (failed(targets) || failed(transform) || failed(weights) || failed(base))
    return failure();
  if (!base->numbers.empty() && static_cast<int64_t>(base->numbers.size()) != *targets)
    return op.emitOpError("base_values has ")
           << base->numbers.size() << " entries; there are " << *targets << " targets";
  auto aggregate = llvm::StringSwitch<std::optional<Aggregate>>(op.getAggregateFunction())
                       .Case("AVERAGE", Aggregate::Average)
                       .Case("SUM", Aggregate::Sum)
                       .Case("MIN", Aggregate::Min)
                       .Case("MAX", Aggregate::Max)
                       .Default(std::nullopt);
  if (!aggregate)
    return op.emitOpError("aggregate_function \"") << op.getAggregateFunction() << "\" is not AVERAGE, SUM, MIN or MAX";
  auto forest = buildNamedForest(
      op, makeVotes(op.getTargetTreeids(), op.getTargetNodeids(), op.getTargetIds(), std::move(*weights)), *targets);
  if (failed(forest))
    return failure();
  return Regressor{std::move(*forest), base->numbers, *targets, *aggregate, *transform};
}

LogicalResult TreeEnsembleRegressorOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = getRowDims(*this, getX());
  if (failed(dims))
    return failure();
  auto regressor = Regressor::get(*this);
  if (failed(regressor) || failed(checkFeatures(*this, regressor->forest, (*dims)[1])))
    return failure();
  types.push_back(makeTensor({(*dims)[0], makeDim(getContext(), regressor->targets)}, Float32Type::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> TreeEnsembleRegressorOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto r = Regressor::get(*this);
  Lowered scores = runForest(b, r->forest, getRows(b, *this, operands), r->targets, r->aggregate);
  scores = transformScores(b, addBase(b, scores, r->base), r->transform);
  return SmallVector<Value>{convert(b, scores, b.getF32Type()).value};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Trees.cpp.inc"

void onnxc::onnx::registerTreesOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Trees.cpp.inc"
      >();
}
