//===- dialects/onnx/ops/ControlFlow.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators with bodies: If, Loop and Scan. Bodies are inferred with the types that the operands have; what a loop
// carries has the type that it keeps, with a symbol where a size changes from round to round.
#include "dialects/onnx/ops/ControlFlow.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Sequence.h"
#include "dialects/onnx/support/Branches.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/MakeLoop.h"
#include "dialects/onnx/support/Values.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace onnxc::onnx;

static constexpr StringLiteral kVarying = "onnx.varying";
static constexpr StringLiteral kData = "onnx.data";

// ---- Types ---------------------------------------------------------------------------------------------------------

static bool isAbsent(Value value) { return isa<NoneType>(value.getType()); }

static Block &bodyOf(Operation *op, unsigned region = 0) { return op->getRegion(region).front(); }
static OperandRange yieldsOf(Operation *op, unsigned region = 0) {
  return bodyOf(op, region).getTerminator()->getOperands();
}

/// The symbols that types and known contents outside of the bodies of `op` have. A body has others for sizes that come
/// into being in it, and they mean nothing outside.
static DenseSet<unsigned> outerSymbols(Operation *op) {
  llvm::SetVector<Value> values(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), values);
  DenseSet<unsigned> symbols;
  auto add = [&](AffineExpr expr) { walkSymbols(op, expr, [&](unsigned symbol) { symbols.insert(symbol); }); };
  for (Value value : values) {
    if (isa<RankedTensorType>(value.getType()))
      llvm::for_each(getDims(value), add);
    if (auto data = getShapeData(value))
      llvm::for_each(*data, add);
  }
  return symbols;
}

static bool isOver(Operation *op, AffineExpr dim, const DenseSet<unsigned> &symbols) {
  bool holds = true;
  walkSymbols(op, dim, [&](unsigned symbol) { holds &= symbols.contains(symbol); });
  return holds;
}

static LogicalResult checkYields(Operation *op, ValueRange yields) {
  for (auto [i, value] : llvm::enumerate(yields))
    if (isAbsent(value))
      return op->emitOpError("output ") << i << " of a body is absent";
  return success();
}

/// A condition or a number of rounds: one element of this type, whatever its rank.
static LogicalResult checkScalar(Operation *op, Value value, unsigned width, StringRef name) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.getElementType().isSignlessInteger(width))
    return op->emitOpError(name) << " must be a tensor of " << (width == 1 ? "bool" : "int64");
  if (type.hasStaticShape() && type.getNumElements() != 1)
    return op->emitOpError(name) << " must have one element, not " << type.getNumElements();
  return success();
}

namespace {
/// The values that a loop carries: `arguments[first + i]` of its body, made by `yields[first + i]`, at first
/// `types[i]`.
struct Carried {
  Operation *op;
  unsigned firstArgument, firstYield;
  SmallVector<Type> types;

  /// Infers the body until the carried values have types that hold in every round, and yields them.
  LogicalResult infer() {
    Block &body = bodyOf(op);
    SmallVector<Type> kinds = types; // of what isn't a tensor
    // What a sequence gets that starts empty, its argument may say.
    for (auto [i, type] : llvm::enumerate(kinds))
      if (auto sequence = dyn_cast<SequenceType>(type); sequence && sequence.getIsEmpty())
        if (Type joined = join(type, body.getArgument(firstArgument + i).getType()))
          type = joined;
    for (;;) {
      auto varying = getVarying();
      for (auto [i, type] : llvm::enumerate(kinds)) {
        if (isa<RankedTensorType>(type)) {
          Dims dims = getDims(type);
          for (auto &[place, symbol] : varying)
            if (place.first == i)
              dims[place.second] = symbol;
          body.getArgument(firstArgument + i).setType(makeTensor(dims, getElementTypeOrSelf(type)));
        } else {
          body.getArgument(firstArgument + i).setType(type);
        }
      }
      if (failed(inferTypes(body)) || failed(checkYields(op, yieldsOf(op))))
        return failure();
      bool changed = false;
      for (unsigned i = 0; i < types.size(); ++i) {
        Type before = body.getArgument(firstArgument + i).getType(), after = yieldsOf(op)[firstYield + i].getType();
        if (!isa<RankedTensorType>(before) || !isa<RankedTensorType>(after)) {
          if (isa<OptionalType>(before) && isa<SequenceType>(after)) // a handle in both forms
            after = OptionalType::get(op->getContext(), after);
          kinds[i] = isa<RankedTensorType>(before) || isa<RankedTensorType>(after) ? Type() : join(before, after);
          if (!kinds[i])
            return op->emitOpError("carried value ") << i << " is of type " << before << " before a round and of type "
                                                     << after << " after it; that is not supported";
          changed |= kinds[i] != before;
          continue;
        }
        if (getElementTypeOrSelf(before) != getElementTypeOrSelf(after))
          return op->emitOpError("carried value ")
                 << i << " has elements of " << getElementTypeOrSelf(before) << " before a round and of "
                 << getElementTypeOrSelf(after) << " after it";
        Dims from = getDims(before), to = getDims(after);
        if (from.size() != to.size())
          return op->emitOpError("carried value ")
                 << i << " has " << from.size() << " dimensions before a round and " << to.size()
                 << " after it; ranks that change are not supported: give the initial value the rank that it gets";
        for (unsigned d = 0; d < from.size(); ++d)
          if (from[d] != to[d] && !varying.contains({i, d})) {
            varying[{i, d}] = newSymbol(op);
            changed = true;
          }
      }
      if (!changed)
        return success();
      setVarying(varying);
      forget(body);
    }
  }

  using Varying = llvm::MapVector<std::pair<unsigned, unsigned>, AffineExpr>;
  Varying getVarying() const {
    Varying varying;
    auto list = op->getAttrOfType<DenseI64ArrayAttr>(kVarying);
    for (size_t k = 0; list && k + 2 < static_cast<size_t>(list.size()); k += 3)
      if (list[k] >= 0 && list[k] < static_cast<int64_t>(types.size()) && isa<RankedTensorType>(types[list[k]]) &&
          list[k + 1] >= 0 && list[k + 1] < cast<RankedTensorType>(types[list[k]]).getRank() && list[k + 2] >= 0)
        varying[{list[k], list[k + 1]}] = getAffineSymbolExpr(list[k + 2], op->getContext());
    return varying;
  }

  bool isVarying(unsigned i) const {
    return llvm::any_of(getVarying(), [&](auto &entry) { return entry.first.first == i; });
  }

  bool isAnyVarying() const { return !getVarying().empty(); }

private:
  void setVarying(const Varying &varying) {
    SmallVector<int64_t> list;
    for (auto [place, symbol] : varying)
      llvm::append_values(list, place.first, place.second, cast<AffineSymbolExpr>(symbol).getPosition());
    op->setAttr(kVarying, DenseI64ArrayAttr::get(op->getContext(), list));
  }

  /// What was inferred from types that do not hold.
  static void forget(Block &body) {
    body.walk([](Operation *op) {
      if (!isa<OnnxOpInterface>(op))
        return;
      op->removeAttr(kData);
      for (Value result : op->getResults())
        result.setType(RankedTensorType::get({}, Float32Type::get(op->getContext())));
    });
  }
};
} // namespace

/// The types of the carried values after the loop, `results` onwards.
static void addFinalTypes(const Carried &carried, SmallVectorImpl<Type> &types) {
  auto varying = carried.getVarying();
  for (auto [i, type] : llvm::enumerate(carried.types)) {
    if (!isa<RankedTensorType>(type)) {
      Type kind = bodyOf(carried.op).getArgument(carried.firstArgument + i).getType();
      auto optional = dyn_cast<OptionalType>(kind);
      bool isThere = isa<SequenceType>(yieldsOf(carried.op)[carried.firstYield + i].getType());
      types.push_back(optional && isThere ? optional.getElementType() : kind);
      continue;
    }
    Dims dims = getDims(type);
    for (auto &entry : varying)
      if (entry.first.first == i)
        dims[entry.first.second] = freshSymbol(carried.op, types.size(), entry.first.second);
    types.push_back(makeTensor(dims, getElementTypeOrSelf(type)));
  }
}

/// A scan output: slices of type `slice`, stacked along `axis`.
static Type stackedType(Operation *op, unsigned result, Type slice, int64_t axis, AffineExpr count,
                        const DenseSet<unsigned> &outer) {
  Dims dims;
  for (AffineExpr dim : getDims(slice)) {
    unsigned position = dims.size() + (static_cast<int64_t>(dims.size()) >= axis);
    dims.push_back(isOver(op, dim, outer) ? dim : freshSymbol(op, result, position));
  }
  dims.insert(dims.begin() + axis, count);
  return makeTensor(dims, cast<RankedTensorType>(slice).getElementType());
}

// ---- Lowering ------------------------------------------------------------------------------------------------------

static Value castTo(LoweringBuilder &b, Value value, Type type) {
  return value.getType() == type ? value : tensor::CastOp::create(b, type, value).getResult();
}

/// The only element of a tensor.
static Value scalarOf(LoweringBuilder &b, Value tensor, Type onnxType, StringRef message) {
  b.requireEqual(product(b.getContext(), getDims(onnxType)), makeDim(b.getContext(), 1), message);
  auto type = cast<RankedTensorType>(tensor.getType());
  return tensor::ExtractOp::create(b, tensor, SmallVector<Value>(type.getRank(), b.index(0)));
}

/// A copy, where the value is a slice of another tensor: bufferisation wants the same strides of all branches, and
/// doesn't see in time that a part has others.
static Value ownMemory(LoweringBuilder &b, Value value) {
  for (Value from = value; Operation *op = from.getDefiningOp(); from = op->getOperand(0)) {
    if (isa<tensor::ExtractSliceOp>(op))
      return bufferization::AllocTensorOp::create(b, cast<RankedTensorType>(value.getType()), ValueRange{}, value);
    if (!isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op))
      break;
  }
  return value;
}

/// What a round hands to the next: where sizes change, it is a tensor of its own, which says that its memory can't be
/// that of the old value.
static Value handOver(LoweringBuilder &b, const Carried &carried, unsigned i, Value value) {
  value = castTo(b, value, b.loweredValueType(bodyOf(carried.op).getArgument(carried.firstArgument + i).getType()));
  if (!carried.isVarying(i))
    return value;
  return bufferization::AllocTensorOp::create(b, cast<RankedTensorType>(value.getType()), ValueRange{}, value);
}

namespace {
/// A scan output while the loop runs: a tensor that it carries, into which every round puts a slice.
class ScanOutput {
public:
  /// `count` is the number of rounds; null where it isn't known before. `slice` is the onnx type of what a round
  /// yields.
  ScanOutput(LoweringBuilder &b, Type result, Type slice, int64_t axis, Value count, const DenseSet<unsigned> &outer)
      : slice(slice), resultType(b.loweredType(result)), axis(axis) {
    Dims dims = getDims(slice);
    Operation *here = b.getInsertionBlock()->getParentOp();
    grows = !count || !llvm::all_of(dims, [&](AffineExpr dim) { return isOver(here, dim, outer); });
    SmallVector<OpFoldResult> sizes = llvm::map_to_vector(dims, [&](AffineExpr dim) {
      return isOver(here, dim, outer) ? b.materialize(dim) : OpFoldResult(b.getIndexAttr(0));
    });
    sizes.insert(sizes.begin() + axis, grows ? OpFoldResult(b.index(0)) : OpFoldResult(count));
    Type element = resultType.getElementType();
    SmallVector<int64_t> shape(cast<RankedTensorType>(slice).getShape());
    shape.insert(shape.begin() + axis, ShapedType::kDynamic);
    type = RankedTensorType::get(shape, element);
    initial = castTo(b, tensor::EmptyOp::create(b, sizes, element), type);
  }

  Value getInitial() const { return initial; }
  bool isGrowing() const { return grows; }

  /// `stack` with `value` at `position`. A stack that grows doubles its room when it is full.
  Value insert(LoweringBuilder &b, Value stack, Value value, Value position) const {
    SmallVector<OpFoldResult> sizes;
    for (int64_t i = 0, n = cast<RankedTensorType>(value.getType()).getRank(); i < n; ++i)
      sizes.push_back(tensor::getMixedSize(b, b.getLoc(), value, i));
    if (grows)
      stack = makeRoom(b, stack, sizes, position);
    if (isEmpty())
      return stack;
    SmallVector<OpFoldResult> offsets(sizes.size() + 1, b.getIndexAttr(0)), ones(sizes.size() + 1, b.getIndexAttr(1));
    offsets[axis] = position;
    sizes.insert(sizes.begin() + axis, b.getIndexAttr(1));
    return tensor::InsertSliceOp::create(b, value, stack, offsets, sizes, ones);
  }

  /// The result after `count` rounds.
  Value finish(LoweringBuilder &b, Value stack, Value count) const {
    if (!grows)
      return castTo(b, stack, resultType);
    SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)), ones(type.getRank(), b.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), stack);
    sizes[axis] = count;
    if (isEmpty())
      return castTo(b, tensor::EmptyOp::create(b, sizes, type.getElementType()), resultType);
    return castTo(b, tensor::ExtractSliceOp::create(b, stack, offsets, sizes, ones), resultType);
  }

private:
  /// Whether no slice has an element, which slices of tensors must not be without.
  bool isEmpty() const { return llvm::is_contained(type.getShape(), 0); }

  Value makeRoom(LoweringBuilder &b, Value stack, ArrayRef<OpFoldResult> sizes, Value position) const {
    IndexMath math{b};
    Value room = tensor::DimOp::create(b, stack, axis);
    Value isFull = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, position, room);
    auto grow = scf::IfOp::create(b, type, isFull, /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(grow.thenBlock());
      Value more = arith::MaxSIOp::create(b, math.add(room, room), math.constant(8));
      more = arith::MaxSIOp::create(b, more, math.add(position, math.constant(1))); // the last one may come first
      SmallVector<Value> dynamic;
      for (int64_t d = 0; d < type.getRank(); ++d)
        if (d == axis)
          dynamic.push_back(more);
        else if (type.isDynamicDim(d))
          dynamic.push_back(cast<Value>(sizes[d - (d > axis)]));
      Value bigger = bufferization::AllocTensorOp::create(b, type, dynamic);
      SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)), ones(type.getRank(), b.getIndexAttr(1));
      // At first there is nothing, not even sizes.
      SmallVector<OpFoldResult> old = tensor::getMixedSizes(b, b.getLoc(), stack);
      if (!isEmpty())
        bigger = tensor::InsertSliceOp::create(b, stack, bigger, offsets, old, ones);
      scf::YieldOp::create(b, bigger);
      b.setInsertionPointToStart(grow.elseBlock());
      scf::YieldOp::create(b, stack);
    }
    stack = grow.getResult(0);
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (d != axis && type.isDynamicDim(d)) {
        Value holds = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, tensor::DimOp::create(b, stack, d),
                                            cast<Value>(sizes[d - (d > axis)]));
        cf::AssertOp::create(b, holds, "the sizes of a scan output change from round to round");
      }
    return stack;
  }

  Type slice;
  RankedTensorType resultType, type;
  int64_t axis;
  bool grows;
  Value initial;
};
} // namespace

namespace {
/// What a round gives: whether another one follows (null: as before), and what it gets.
struct Round {
  Value goesOn;
  SmallVector<Value> next;
};
struct LoopResults {
  Value rounds;
  SmallVector<Value> values;
};
} // namespace

/// Rounds as long as there are fewer than `limit` (null: no limit) and the condition, at first `start`, holds.
/// `mayVary`: values may have other sizes after a round, which is more than scf.for allows.
static FailureOr<LoopResults>
emitLoop(LoweringBuilder &b, Value start, Value limit, bool isCounted, bool mayVary, ValueRange initial,
         function_ref<FailureOr<Round>(Value number, Value condition, ValueRange values)> emitRound) {
  IndexMath math{b};
  OpBuilder::InsertionGuard guard(b);
  if (isCounted && limit && !mayVary) {
    auto loop = scf::ForOp::create(b, math.constant(0), limit, math.constant(1), initial);
    b.setInsertionPointToStart(loop.getBody());
    auto round = emitRound(loop.getInductionVar(), start, loop.getRegionIterArgs());
    if (failed(round))
      return failure();
    if (!initial.empty())
      scf::YieldOp::create(b, round->next);
    return LoopResults{limit, SmallVector<Value>(loop.getResults())};
  }
  // What may turn out to be unused comes last: bufferisation matches the arguments of both regions by position.
  SmallVector<Value> all(initial);
  llvm::append_values(all, math.constant(0), start);
  size_t n = initial.size();
  SmallVector<Type> types(ValueRange(all).getTypes());
  SmallVector<Location> places(types.size(), b.getLoc());
  auto loop = scf::WhileOp::create(b, types, all);
  Block *before = b.createBlock(&loop.getBefore(), {}, types, places);
  Value number = before->getArgument(n), holds = before->getArgument(n + 1);
  if (limit)
    holds = arith::AndIOp::create(b, holds, arith::CmpIOp::create(b, arith::CmpIPredicate::slt, number, limit));
  scf::ConditionOp::create(b, holds, before->getArguments());
  Block *after = b.createBlock(&loop.getAfter(), {}, types, places);
  number = after->getArgument(n), holds = after->getArgument(n + 1);
  auto round = emitRound(number, holds, after->getArguments().take_front(n));
  if (failed(round))
    return failure();
  SmallVector<Value> next = round->next;
  llvm::append_values(next, math.add(number, math.constant(1)), round->goesOn ? round->goesOn : holds);
  scf::YieldOp::create(b, next);
  return LoopResults{loop.getResult(n), SmallVector<Value>(loop.getResults().take_front(n))};
}

// ---- If ------------------------------------------------------------------------------------------------------------

ArrayRef<StringRef> IfOp::getBodyNames() {
  static constexpr StringRef names[] = {"then_branch", "else_branch"};
  return names;
}
size_t IfOp::countResults(size_t yielded, size_t) { return yielded; }
FailureOr<SmallVector<Type>> IfOp::getBodyArguments() { return SmallVector<Type>(); }

/// Whether what is known of `value` holds in every round of the loops around it: not where it comes from what they
/// carry, whose sizes may turn out to change.
static bool holdsInEveryRound(Value value) {
  constexpr unsigned mostSteps = 1000; // beyond, it is not known
  auto isInLoop = [](Block *block) {
    for (Operation *op = block->getParentOp(); op; op = op->getParentOp())
      if (isa<LoopOp, ScanOp, BatchScanOp>(op))
        return true;
    return false;
  };
  llvm::SetVector<Value> sources;
  sources.insert(value);
  for (unsigned i = 0; i < sources.size(); ++i) {
    Value source = sources[i];
    if (!isInLoop(source.getParentBlock()))
      continue;
    Operation *op = source.getDefiningOp();
    if (i == mostSteps || !op || op->getNumRegions() != 0)
      return false;
    sources.insert(op->operand_begin(), op->operand_end());
  }
  return true;
}

std::optional<unsigned> IfOp::chooseBody(ValueRange operands) {
  if (operands.size() != 1 || !holdsInEveryRound(operands[0]))
    return std::nullopt;
  return knownBranch(operands[0]);
}

/// The sizes, with dimensions of size 1 before them up to the rank. Broadcasting does the same.
static Dims lift(MLIRContext *context, Dims dims, size_t rank) {
  if (dims.size() < rank)
    dims.insert(dims.begin(), rank - dims.size(), makeDim(context, 1));
  return dims;
}

/// The branch that every run takes that does not end in an error.
static std::optional<unsigned> branchThatRuns(IfOp op) {
  auto only = getOnlyBranch(op);
  return only ? only : knownBranch(op.getCond());
}

LogicalResult IfOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkScalar(*this, getCond(), 1, "the condition")))
    return failure();
  for (unsigned branch : {0, 1}) {
    if (bodyOf(*this, branch).getNumArguments() != 0)
      return emitOpError("a branch has no arguments");
    if (failed(onnx::inferTypes(bodyOf(*this, branch))) || failed(checkYields(*this, yieldsOf(*this, branch))))
      return failure();
  }
  ValueRange whenTrue = yieldsOf(*this, 0), whenFalse = yieldsOf(*this, 1);
  auto taken = branchThatRuns(*this);
  for (unsigned branch : {0, 1})
    if ((!taken || branch == *taken) && yieldsOf(*this, branch).size() != getNumResults())
      return emitOpError("one branch has ") << whenTrue.size() << " outputs, the other " << whenFalse.size();
  DenseSet<unsigned> outer = outerSymbols(*this);
  if (taken) {
    for (auto [i, value] : llvm::enumerate(*taken == 0 ? whenTrue : whenFalse)) {
      if (!isa<RankedTensorType>(value.getType())) {
        types.push_back(value.getType());
        continue;
      }
      Dims dims = getDims(value);
      for (auto [d, size] : llvm::enumerate(dims))
        if (!isOver(*this, size, outer))
          size = freshSymbol(*this, i, d);
      types.push_back(makeTensor(dims, getElementTypeOrSelf(value)));
    }
    return success();
  }
  for (auto [i, a, b] : llvm::enumerate(whenTrue, whenFalse)) {
    if (!isa<RankedTensorType>(a.getType()) || !isa<RankedTensorType>(b.getType())) {
      Type type = isa<RankedTensorType>(a.getType()) || isa<RankedTensorType>(b.getType())
                      ? Type()
                      : join(a.getType(), b.getType());
      if (!type)
        return emitOpError("output ") << i << " is of different types in the branches";
      types.push_back(type);
      continue;
    }
    Type element = getElementTypeOrSelf(a);
    if (element != getElementTypeOrSelf(b))
      return emitOpError("output ") << i << " is of " << element << " in one branch and of " << getElementTypeOrSelf(b)
                                    << " in the other";
    Dims dims = lift(getContext(), getDims(a), getDims(b).size()), other = lift(getContext(), getDims(b), dims.size());
    for (auto [d, size] : llvm::enumerate(dims))
      if (!isOver(*this, size, outer) || size != other[d])
        size = freshSymbol(*this, i, d);
    types.push_back(makeTensor(dims, element));
  }
  return success();
}

LogicalResult IfOp::checkUses() {
  for (OpResult result : getResults()) {
    if (!hasRankOfRun(result))
      continue;
    for (OpOperand &use : result.getUses()) {
      Operation *user = use.getOwner(), *parent = user->getParentOp();
      bool isCondition = isa<LoopOp>(parent) && use.getOperandNumber() == 0; // one element, whatever its rank
      if (user->hasTrait<OpTrait::IsTerminator>() && (isa<IfOp, func::FuncOp>(parent) || isCondition))
        continue;
      return emitOpError("output ") << result.getResultNumber()
                                    << " has another number of dimensions in each branch, and "
                                    << "a loop depends on it; that is not supported where only the run knows the "
                                       "condition: reshape it to one rank in the branches";
    }
  }
  return success();
}

/// The tensor with dimensions of size 1 before its own, up to the rank of `type`.
static Value liftTo(LoweringBuilder &b, Value value, Type type) {
  auto from = dyn_cast<RankedTensorType>(value.getType()), to = dyn_cast<RankedTensorType>(type);
  if (!from || !to || from.getRank() == to.getRank())
    return value;
  int64_t more = to.getRank() - from.getRank();
  SmallVector<OpFoldResult> sizes(more, b.getIndexAttr(1));
  llvm::append_range(sizes, tensor::getMixedSizes(b, b.getLoc(), value));
  SmallVector<int64_t> shape(more, 1);
  llvm::append_range(shape, from.getShape());
  SmallVector<ReassociationIndices> groups(from.getRank());
  for (int64_t d = 0; d < to.getRank() && !groups.empty(); ++d)
    groups[std::max<int64_t>(d - more, 0)].push_back(d);
  return tensor::ExpandShapeOp::create(b, RankedTensorType::get(shape, to.getElementType()), value, groups, sizes);
}

FailureOr<SmallVector<Value>> IfOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Value condition = scalarOf(b, operands[0], getCond().getType(), "If: the condition is not one element");
  if (auto only = getOnlyBranch(*this)) {
    Value holds = *only == 0 ? condition : arith::XOrIOp::create(b, condition, b.constantInt(b.getI1Type(), 1));
    cf::AssertOp::create(b, holds, ("If: " + getMisfit(*this)).str());
    return b.emitBody(bodyOf(*this, *only), {});
  }
  if (auto known = knownBranch(getCond()))
    return b.emitBody(bodyOf(*this, *known), {});
  SmallVector<Type> types;
  for (Type type : getResultTypes())
    types.push_back(b.loweredValueType(type));
  // Sizes that are known before say so; the others come out of the branches beside the tensors.
  DenseSet<unsigned> outer = outerSymbols(*this);
  SmallVector<std::pair<unsigned, unsigned>> yielded;
  SmallVector<Value> destinations(getNumResults());
  for (unsigned i = 0; i < getNumResults(); ++i) {
    if (!isa<RankedTensorType>(getResult(i).getType()))
      continue;
    size_t before = yielded.size();
    Dims dims = getDims(getResult(i)), whenTrue = lift(getContext(), getDims(yieldsOf(*this, 0)[i]), dims.size()),
         whenFalse = lift(getContext(), getDims(yieldsOf(*this, 1)[i]), dims.size());
    for (auto [d, dim] : llvm::enumerate(dims)) {
      auto symbol = dyn_cast<AffineSymbolExpr>(dim);
      if (!symbol || b.isBound(symbol.getPosition()))
        continue;
      if (isOver(*this, whenTrue[d], outer) && isOver(*this, whenFalse[d], outer))
        b.bindSymbol(symbol.getPosition(), arith::SelectOp::create(b, condition, b.materializeIndex(whenTrue[d]),
                                                                   b.materializeIndex(whenFalse[d])));
      else
        yielded.push_back({i, d});
    }
    // Both branches write to one tensor, which says what sizes the result has.
    if (yielded.size() == before && !cast<RankedTensorType>(types[i]).hasStaticShape())
      destinations[i] = b.empty(getResult(i).getType());
  }
  types.append(yielded.size(), b.getIndexType());
  auto branches = scf::IfOp::create(b, types, condition, /*withElseRegion=*/true);
  for (unsigned branch : {0, 1}) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch == 0 ? branches.thenBlock() : branches.elseBlock());
    auto values = b.emitBody(bodyOf(*this, branch), {});
    if (failed(values))
      return failure();
    for (auto [value, type, destination] : llvm::zip(*values, types, destinations)) {
      value = castTo(b, liftTo(b, value, type), type);
      if (!destination) {
        value = ownMemory(b, value);
        continue;
      }
      if (llvm::is_contained(cast<RankedTensorType>(type).getShape(), 0)) { // there is nothing to insert
        value = destination;
        continue;
      }
      int64_t rank = cast<RankedTensorType>(type).getRank();
      SmallVector<OpFoldResult> zeros(rank, b.getIndexAttr(0)), ones(rank, b.getIndexAttr(1));
      value = tensor::InsertSliceOp::create(b, value, destination, zeros,
                                            tensor::getMixedSizes(b, b.getLoc(), destination), ones);
    }
    for (auto [i, d] : yielded)
      values->push_back(tensor::DimOp::create(b, (*values)[i], d));
    scf::YieldOp::create(b, *values);
  }
  ResultRange results = branches.getResults();
  for (auto [place, size] : llvm::zip_equal(yielded, results.drop_front(getNumResults())))
    b.bindSymbol(cast<AffineSymbolExpr>(getDims(getResult(place.first))[place.second]).getPosition(), size);
  return SmallVector<Value>(results.take_front(getNumResults()));
}

// ---- Loop ----------------------------------------------------------------------------------------------------------

ArrayRef<StringRef> LoopOp::getBodyNames() {
  static constexpr StringRef names[] = {"body"};
  return names;
}
size_t LoopOp::countResults(size_t yielded, size_t) { return yielded == 0 ? 0 : yielded - 1; }

FailureOr<SmallVector<Type>> LoopOp::getBodyArguments() {
  if (!isAbsent(getM()) && failed(checkScalar(*this, getM(), 64, "the number of rounds")))
    return failure();
  if (!isAbsent(getCond()) && failed(checkScalar(*this, getCond(), 1, "the condition")))
    return failure();
  MLIRContext *context = getContext();
  SmallVector<Type> types{RankedTensorType::get({}, IntegerType::get(context, 64)),
                          RankedTensorType::get({}, IntegerType::get(context, 1))};
  llvm::append_range(types, getVInitial().getTypes());
  return types;
}

static Carried carriedBy(LoopOp op) {
  Carried carried{op, 2, 1, {}};
  for (Type type : op.getVInitial().getTypes())
    carried.types.push_back(type);
  return carried;
}

/// Whether only the number of rounds ends the loop: the condition stays what it is.
static bool isCounted(LoopOp op) {
  Value next = yieldsOf(op)[0];
  while (auto identity = next.getDefiningOp<IdentityOp>())
    next = identity.getX();
  if (next == bodyOf(op).getArgument(1))
    return true;
  auto known = getConstantInts(next);
  return known && known->size() == 1 && known->front() != 0;
}

LogicalResult LoopOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto arguments = getBodyArguments();
  if (failed(arguments))
    return failure();
  Block &body = bodyOf(*this);
  if (body.getNumArguments() != arguments->size())
    return emitOpError("the body has ") << body.getNumArguments() << " inputs, not " << arguments->size();
  size_t carriedCount = getVInitial().size();
  if (yieldsOf(*this).size() < 1 + carriedCount || getNumResults() != yieldsOf(*this).size() - 1)
    return emitOpError("the body has ") << yieldsOf(*this).size() << " outputs, which is too few";
  body.getArgument(0).setType((*arguments)[0]);
  body.getArgument(1).setType((*arguments)[1]);
  Carried carried = carriedBy(*this);
  if (failed(carried.infer()) ||
      failed(checkScalar(*this, yieldsOf(*this)[0], 1, "the condition that the body yields")))
    return failure();

  addFinalTypes(carried, types);
  auto start = isAbsent(getCond()) ? std::optional(SmallVector<int64_t>{1}) : getConstantInts(getCond());
  auto rounds = isAbsent(getM()) ? std::nullopt : getShapeData(getM());
  AffineExpr count;
  if (start && start->size() == 1 && start->front() == 0)
    count = makeDim(getContext(), 0);
  else if (start && rounds && rounds->size() == 1 && isCounted(*this))
    if (AffineExpr number = rounds->front(); getConstant(number) || isNonNegative(number))
      count = getConstant(number) ? makeDim(getContext(), std::max<int64_t>(*getConstant(number), 0)) : number;
  DenseSet<unsigned> outer = outerSymbols(*this);
  for (Value slice : yieldsOf(*this).drop_front(1 + carriedCount))
    if (!isa<RankedTensorType>(slice.getType()))
      return emitOpError("a scan output must be made of tensors");
    else
      types.push_back(stackedType(*this, types.size(), slice.getType(), 0,
                                  count ? count : freshSymbol(*this, types.size(), 0), outer));
  return success();
}

FailureOr<SmallVector<Value>> LoopOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Carried carried = carriedBy(*this);
  DenseSet<unsigned> outer = outerSymbols(*this);
  unsigned states = carried.types.size();
  bool counted = isCounted(*this);
  Block &body = bodyOf(*this);
  IndexMath math{b};
  Value start, limit;
  if (operands[1])
    start = scalarOf(b, operands[1], getCond().getType(), "Loop: the condition is not one element");
  if (operands[0]) {
    Value number = scalarOf(b, operands[0], getM().getType(), "Loop: the number of rounds is not one element");
    limit = arith::MaxSIOp::create(b, arith::IndexCastOp::create(b, b.getIndexType(), number), math.constant(0));
  }
  if (!start)
    start = b.constantInt(b.getI1Type(), 1);
  if (counted && limit) // the condition is checked once
    limit = math.select(start, limit, math.constant(0));

  SmallVector<Type> yieldTypes(yieldsOf(*this).getTypes());
  SmallVector<Value> initial;
  for (unsigned i = 0; i < states; ++i)
    initial.push_back(castTo(b, operands[2 + i], b.loweredValueType(body.getArgument(2 + i).getType())));
  SmallVector<ScanOutput> outputs;
  for (unsigned i = states; i < getNumResults(); ++i) {
    outputs.emplace_back(b, getResult(i).getType(), yieldTypes[1 + i], 0, counted ? limit : Value(), outer);
    initial.push_back(outputs.back().getInitial());
  }

  bool mayVary = carried.isAnyVarying() || llvm::any_of(outputs, [](const ScanOutput &o) { return o.isGrowing(); });
  auto loop =
      emitLoop(b, start, limit, counted, mayVary, initial,
               [&](Value number, Value condition, ValueRange values) -> FailureOr<Round> {
                 Value count = arith::IndexCastOp::create(b, b.getI64Type(), number);
                 SmallVector<Value> arguments{
                     tensor::FromElementsOp::create(b, RankedTensorType::get({}, b.getI64Type()), count),
                     tensor::FromElementsOp::create(b, RankedTensorType::get({}, b.getI1Type()), condition)};
                 llvm::append_range(arguments, values.take_front(states));
                 auto yielded = b.emitBody(body, arguments);
                 if (failed(yielded))
                   return failure();
                 Round round;
                 if (!counted)
                   round.goesOn =
                       scalarOf(b, yielded->front(), yieldTypes[0], "Loop: the condition is not one element");
                 for (unsigned i = 0; i < states; ++i)
                   round.next.push_back(handOver(b, carried, i, (*yielded)[1 + i]));
                 for (auto [i, output] : llvm::enumerate(outputs))
                   round.next.push_back(output.insert(b, values[states + i], (*yielded)[1 + states + i], number));
                 return round;
               });
  if (failed(loop))
    return failure();
  SmallVector<Value> &finals = loop->values;
  for (unsigned i = 0; i < states; ++i) {
    Type type = getResult(i).getType(), kind = body.getArgument(2 + i).getType();
    if (isa<OptionalType>(kind) && isa<SequenceType>(type)) // without a round it is what it was
      finals[i] = b.call("onnxc_optional_get", finals[i], kind, {}, type, {"the optional value has no element"})[0];
    finals[i] = castTo(b, finals[i], b.loweredValueType(type));
  }
  for (auto [i, output] : llvm::enumerate(outputs))
    finals[states + i] = output.finish(b, finals[states + i], loop->rounds);
  return finals;
}

// ---- Scan ----------------------------------------------------------------------------------------------------------

namespace {
/// What Scan of any version does. Dimension `lead` (1 with a batch) and those after it are what the body sees, besides
/// the axis of the steps.
struct ScanForm {
  Operation *op;
  unsigned lead; ///< 1: operands have a batch in front
  OperandRange operands;
  unsigned inputCount, stateCount;
  SmallVector<int64_t> inputAxes, outputAxes; ///< without the batch
  SmallVector<bool> inputsBackwards, outputsBackwards;

  RankedTensorType inputType(unsigned i) const { return cast<RankedTensorType>(operands[stateCount + i].getType()); }
  AffineExpr steps(unsigned i) const { return getDims(inputType(i))[lead + inputAxes[i]]; }
  /// The sequence's length: a number if one input says it.
  AffineExpr steps() const {
    for (unsigned i = 0; i < inputCount; ++i)
      if (getConstant(steps(i)))
        return steps(i);
    return steps(0);
  }
  RankedTensorType stateType(unsigned i) const {
    auto type = cast<RankedTensorType>(operands[i].getType());
    return makeTensor(ArrayRef(getDims(type)).drop_front(lead), type.getElementType());
  }
  RankedTensorType sliceType(unsigned i) const {
    Dims dims = getDims(inputType(i));
    dims.erase(dims.begin() + lead + inputAxes[i]);
    return makeTensor(ArrayRef(dims).drop_front(lead), inputType(i).getElementType());
  }
  Carried carried() const {
    Carried carried{op, 0, 0, {}};
    for (unsigned i = 0; i < stateCount; ++i)
      carried.types.push_back(stateType(i));
    return carried;
  }

  static FailureOr<ScanForm> of(ScanOp op);
  static FailureOr<ScanForm> of(BatchScanOp op);
  static FailureOr<ScanForm> make(Operation *op, unsigned lead, OperandRange operands, int64_t inputCount);
  LogicalResult setDirections(std::optional<ArrayRef<int64_t>> directions, SmallVectorImpl<bool> &backwards,
                              size_t count, StringRef name);
  LogicalResult checkOutputs(std::optional<ArrayRef<int64_t>> axes);
  FailureOr<SmallVector<Type>> getBodyArguments() const;
  LogicalResult inferTypes(SmallVectorImpl<Type> &types, std::optional<ArrayRef<int64_t>> axes);
};
} // namespace

FailureOr<ScanForm> ScanForm::make(Operation *op, unsigned lead, OperandRange operands, int64_t inputCount) {
  if (inputCount < 1 || inputCount > static_cast<int64_t>(operands.size()))
    return op->emitOpError("num_scan_inputs is ") << inputCount << ", but there are " << operands.size() << " inputs";
  ScanForm form{
      op, lead, operands, static_cast<unsigned>(inputCount), static_cast<unsigned>(operands.size() - inputCount), {},
      {}, {},   {}};
  for (auto [i, operand] : llvm::enumerate(operands)) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      return op->emitOpError("input ") << i << " is absent";
    if (type.getRank() < lead + (i >= form.stateCount))
      return op->emitOpError("input ") << i << " has only " << type.getRank() << " dimensions";
  }
  form.inputAxes.assign(inputCount, 0);
  return form;
}

LogicalResult ScanForm::setDirections(std::optional<ArrayRef<int64_t>> directions, SmallVectorImpl<bool> &backwards,
                                      size_t count, StringRef name) {
  backwards.assign(count, false);
  if (!directions)
    return success();
  if (directions->size() != count)
    return op->emitOpError(name) << " has " << directions->size() << " elements, not " << count;
  for (auto [i, direction] : llvm::enumerate(*directions)) {
    if (direction != 0 && direction != 1)
      return op->emitOpError(name) << " are 0 or 1, not " << direction;
    backwards[i] = direction == 1;
  }
  return success();
}

FailureOr<ScanForm> ScanForm::of(ScanOp op) {
  auto form = make(op, 0, op.getInitialStateAndScanInputs(), op.getNumScanInputs());
  if (failed(form))
    return failure();
  if (auto axes = op.getScanInputAxes()) {
    if (axes->size() != form->inputCount)
      return op.emitOpError("scan_input_axes has ") << axes->size() << " elements, not " << form->inputCount;
    for (auto [i, axis] : llvm::enumerate(*axes)) {
      auto normal = normalizeAxis(op, axis, form->inputType(i).getRank());
      if (failed(normal))
        return failure();
      form->inputAxes[i] = *normal;
    }
  }
  size_t outputs = op.getNumResults() - std::min<size_t>(form->stateCount, op.getNumResults());
  if (failed(form->setDirections(op.getScanInputDirections(), form->inputsBackwards, form->inputCount,
                                 "scan_input_directions")) ||
      failed(
          form->setDirections(op.getScanOutputDirections(), form->outputsBackwards, outputs, "scan_output_directions")))
    return failure();
  return form;
}

FailureOr<ScanForm> ScanForm::of(BatchScanOp op) {
  auto form = make(op, 1, op.getInitialStateAndScanInputs(), op.getNumScanInputs());
  if (failed(form) ||
      failed(form->setDirections(op.getDirections(), form->inputsBackwards, form->inputCount, "directions")))
    return failure();
  form->outputsBackwards.assign(op.getNumResults(), false);
  return form;
}

FailureOr<SmallVector<Type>> ScanForm::getBodyArguments() const {
  SmallVector<Type> types;
  for (unsigned i = 0; i < stateCount; ++i)
    types.push_back(stateType(i));
  for (unsigned i = 0; i < inputCount; ++i) {
    types.push_back(sliceType(i));
    auto a = getConstant(steps(i)), b = getConstant(steps());
    if (a && b && *a != *b)
      return op->emitOpError("scan inputs have ") << *a << " and " << *b << " steps";
  }
  return types;
}

/// Finds outputAxes; the body has been inferred.
LogicalResult ScanForm::checkOutputs(std::optional<ArrayRef<int64_t>> axes) {
  OperandRange slices = yieldsOf(op).drop_front(stateCount);
  outputAxes.assign(slices.size(), 0);
  if (!axes)
    return success();
  if (axes->size() != slices.size())
    return op->emitOpError("scan_output_axes has ") << axes->size() << " elements, not " << slices.size();
  for (auto [i, axis] : llvm::enumerate(*axes)) {
    auto normal = normalizeAxis(op, axis, cast<RankedTensorType>(slices[i].getType()).getRank() + 1);
    if (failed(normal))
      return failure();
    outputAxes[i] = *normal;
  }
  return success();
}

LogicalResult ScanForm::inferTypes(SmallVectorImpl<Type> &types, std::optional<ArrayRef<int64_t>> axes) {
  auto arguments = getBodyArguments();
  if (failed(arguments))
    return failure();
  Block &body = bodyOf(op);
  if (body.getNumArguments() != arguments->size())
    return op->emitOpError("the body has ") << body.getNumArguments() << " inputs, not " << arguments->size();
  if (yieldsOf(op).size() < stateCount || yieldsOf(op).size() != op->getNumResults())
    return op->emitOpError("the body has ") << yieldsOf(op).size() << " outputs, which is too few";
  for (auto [argument, type] : llvm::zip_equal(body.getArguments(), *arguments))
    argument.setType(type);
  Carried states = carried();
  for (Value value : yieldsOf(op))
    if (!isa<RankedTensorType>(value.getType()))
      return op->emitOpError("a body must yield tensors");
  if (failed(states.infer()) || failed(checkOutputs(axes)))
    return failure();
  DenseSet<unsigned> outer = outerSymbols(op);
  if (lead == 0) {
    addFinalTypes(states, types);
    for (auto [i, slice] : llvm::enumerate(yieldsOf(op).drop_front(stateCount)))
      types.push_back(stackedType(op, types.size(), slice.getType(), outputAxes[i], steps(), outer));
    return success();
  }
  // Every element of the batch has results of the same sizes.
  AffineExpr batch = getDims(inputType(0))[0];
  for (auto [i, value] : llvm::enumerate(yieldsOf(op))) {
    Dims dims = getDims(value);
    if (!llvm::all_of(dims, [&](AffineExpr dim) { return isOver(op, dim, outer); }))
      return op->emitOpError("output ") << i
                                        << " of the body has a size that is found in the body; that is not supported";
    if (i >= stateCount)
      dims.insert(dims.begin(), steps());
    dims.insert(dims.begin(), batch);
    types.push_back(makeTensor(dims, getElementTypeOrSelf(value)));
  }
  return success();
}

/// Emits the loop over `count` steps: `part` gives scan input i at a step, `insert` puts a slice into output i at a
/// step. Gives the final states and the outputs.
static FailureOr<SmallVector<Value>> emitSteps(LoweringBuilder &b, const ScanForm &form, Value count, bool mayVary,
                                               ValueRange states, ValueRange outputs,
                                               function_ref<Value(unsigned, Value)> part,
                                               function_ref<Value(unsigned, Value, Value, Value)> insert) {
  IndexMath math{b};
  Carried carried = form.carried();
  SmallVector<Value> initial;
  for (unsigned i = 0; i < form.stateCount; ++i)
    initial.push_back(castTo(b, states[i], b.loweredType(bodyOf(form.op).getArgument(i).getType())));
  llvm::append_range(initial, outputs);
  Value always = b.constantInt(b.getI1Type(), 1), last = math.sub(count, math.constant(1));
  auto loop = emitLoop(b, always, count, /*isCounted=*/true, mayVary || carried.isAnyVarying(), initial,
                       [&](Value step, Value, ValueRange values) -> FailureOr<Round> {
                         auto place = [&](bool isBackwards) { return isBackwards ? math.sub(last, step) : step; };
                         SmallVector<Value> arguments(values.take_front(form.stateCount));
                         for (unsigned i = 0; i < form.inputCount; ++i)
                           arguments.push_back(part(i, place(form.inputsBackwards[i])));
                         auto yielded = b.emitBody(bodyOf(form.op), arguments);
                         if (failed(yielded))
                           return failure();
                         Round round;
                         for (unsigned i = 0; i < form.stateCount; ++i)
                           round.next.push_back(handOver(b, carried, i, (*yielded)[i]));
                         for (unsigned i = 0, n = outputs.size(); i < n; ++i)
                           round.next.push_back(insert(i, values[form.stateCount + i], (*yielded)[form.stateCount + i],
                                                       place(form.outputsBackwards[i])));
                         return round;
                       });
  if (failed(loop))
    return failure();
  return std::move(loop->values);
}

/// The number of steps, after a check that all inputs have it.
static Value countSteps(LoweringBuilder &b, const ScanForm &form) {
  for (unsigned i = 0; i < form.inputCount; ++i)
    b.requireEqual(form.steps(i), form.steps(), "Scan: the scan inputs have different numbers of steps");
  return b.materializeIndex(form.steps());
}

ArrayRef<StringRef> ScanOp::getBodyNames() { return LoopOp::getBodyNames(); }
size_t ScanOp::countResults(size_t yielded, size_t) { return yielded; }

FailureOr<SmallVector<Type>> ScanOp::getBodyArguments() {
  auto form = ScanForm::of(*this);
  if (failed(form))
    return failure();
  return form->getBodyArguments();
}

LogicalResult ScanOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto form = ScanForm::of(*this);
  return failed(form) ? failure() : form->inferTypes(types, getScanOutputAxes());
}

FailureOr<SmallVector<Value>> ScanOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  ScanForm form = *ScanForm::of(*this);
  if (failed(form.checkOutputs(getScanOutputAxes())))
    return failure();
  DenseSet<unsigned> outer = outerSymbols(*this);
  Value count = countSteps(b, form);
  SmallVector<ScanOutput> outputs;
  SmallVector<Value> stacks;
  for (unsigned i = form.stateCount; i < getNumResults(); ++i) {
    unsigned output = i - form.stateCount;
    outputs.emplace_back(b, getResult(i).getType(), yieldsOf(*this)[i].getType(), form.outputAxes[output], count,
                         outer);
    stacks.push_back(outputs.back().getInitial());
  }
  auto part = [&](unsigned i, Value step) -> Value {
    Lowered input{operands[form.stateCount + i], form.inputType(i)};
    SmallVector<OpFoldResult> offsets(input.rank(), b.getIndexAttr(0));
    Dims sizes = input.dims();
    offsets[form.inputAxes[i]] = step;
    sizes[form.inputAxes[i]] = makeDim(b.getContext(), 1);
    return slice(b, input, offsets, sizes, getDims(form.sliceType(i))).value;
  };
  auto insert = [&](unsigned i, Value stack, Value value, Value step) {
    return outputs[i].insert(b, stack, value, step);
  };
  bool mayVary = llvm::any_of(outputs, [](const ScanOutput &output) { return output.isGrowing(); });
  auto results = emitSteps(b, form, count, mayVary, operands.take_front(form.stateCount), stacks, part, insert);
  if (failed(results))
    return failure();
  for (unsigned i = 0; i < getNumResults(); ++i)
    (*results)[i] = i < form.stateCount ? castTo(b, (*results)[i], b.loweredType(getResult(i).getType()))
                                        : outputs[i - form.stateCount].finish(b, (*results)[i], count);
  return results;
}

ArrayRef<StringRef> BatchScanOp::getBodyNames() { return LoopOp::getBodyNames(); }
size_t BatchScanOp::countResults(size_t yielded, size_t) { return yielded; }

FailureOr<SmallVector<Type>> BatchScanOp::getBodyArguments() {
  auto form = ScanForm::of(*this);
  if (failed(form))
    return failure();
  return form->getBodyArguments();
}

LogicalResult BatchScanOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto form = ScanForm::of(*this);
  if (failed(form))
    return failure();
  if (auto lengths = dyn_cast<RankedTensorType>(getSequenceLens().getType());
      lengths && (lengths.getRank() != 1 || !lengths.getElementType().isSignlessInteger(64)))
    return emitOpError("sequence_lens must be a vector of int64");
  return form->inferTypes(types, std::nullopt);
}

FailureOr<SmallVector<Value>> BatchScanOp::lowerToLinalg(LoweringBuilder &b, ValueRange all) {
  ScanForm form = *ScanForm::of(*this);
  Value lengths = all[0];
  ValueRange operands = all.drop_front();
  MLIRContext *context = b.getContext();
  AffineExpr batch = getDims(form.inputType(0))[0], one = makeDim(context, 1);
  for (Value operand : form.operands)
    b.requireEqual(getDims(operand)[0], batch, "Scan: the inputs have different batch sizes");
  if (lengths)
    b.requireEqual(getDims(getSequenceLens())[0], batch, "Scan: sequence_lens has another size than the batch");
  Value steps = countSteps(b, form), batchSize = b.materializeIndex(batch);
  SmallVector<Value> initial;
  for (Type type : getResultTypes())
    initial.push_back(b.filled(type, b.constant(b.loweredType(type).getElementType(), 0)));

  // operands[i] at an element of the batch, and at a step where it has steps.
  auto part = [&](unsigned i, Value element, Value step) -> Value {
    Lowered operand{operands[i], cast<RankedTensorType>(form.operands[i].getType())};
    SmallVector<OpFoldResult> offsets(operand.rank(), b.getIndexAttr(0));
    Dims sizes = operand.dims();
    offsets[0] = element;
    sizes[0] = one;
    if (step) {
      offsets[1] = step;
      sizes[1] = one;
    }
    return slice(b, operand, offsets, sizes, ArrayRef(operand.dims()).drop_front(step ? 2 : 1)).value;
  };
  auto put = [&](Value whole, Value value, ArrayRef<Value> place) -> Value {
    int64_t rank = cast<RankedTensorType>(whole.getType()).getRank();
    SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0)), ones(rank, b.getIndexAttr(1)),
        sizes = tensor::getMixedSizes(b, b.getLoc(), whole);
    for (auto [d, at] : llvm::enumerate(place)) {
      offsets[d] = at;
      sizes[d] = b.getIndexAttr(1);
    }
    return tensor::InsertSliceOp::create(b, value, whole, offsets, sizes, ones);
  };
  IndexMath math{b};
  auto loop = scf::ForOp::create(b, math.constant(0), batchSize, math.constant(1), initial);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value element = loop.getInductionVar(), count = steps;
  if (lengths) {
    Value length = tensor::ExtractOp::create(b, lengths, element);
    count = math.least(arith::IndexCastOp::create(b, b.getIndexType(), length), steps);
    count = arith::MaxSIOp::create(b, count, math.constant(0));
  }
  SmallVector<Value> states;
  for (unsigned i = 0; i < form.stateCount; ++i)
    states.push_back(part(i, element, {}));
  auto results = emitSteps(
      b, form, count, /*mayVary=*/false, states, loop.getRegionIterArgs().drop_front(form.stateCount),
      [&](unsigned i, Value step) { return part(form.stateCount + i, element, step); },
      [&](unsigned, Value whole, Value value, Value step) { return put(whole, value, {element, step}); });
  if (failed(results))
    return failure();
  for (unsigned i = 0; i < form.stateCount; ++i)
    (*results)[i] = put(loop.getRegionIterArg(i), (*results)[i], element);
  scf::YieldOp::create(b, *results);
  return SmallVector<Value>(loop.getResults());
}

// ---- Older versions ------------------------------------------------------------------------------------------------

/// Version 8 of Scan had a batch before everything, and lengths.
static LogicalResult upgradeScan8(NodeForm &node) {
  if (node.operands.empty())
    return node.error() << "Scan needs inputs";
  node.name = "BatchScan";
  return success();
}

FailureOr<SmallVector<Value>>
onnxc::onnx::makeLoop(NodeForm &node, Value rounds, Value condition, ArrayRef<Value> initial,
                      ArrayRef<std::pair<unsigned, unsigned>> varying, size_t scanOutputs,
                      function_ref<FailureOr<SmallVector<Value>>(Value number, ValueRange)> body) {
  if (!rounds || !condition || llvm::is_contained(initial, Value()))
    return failure();
  ImplicitLocOpBuilder &b = node.b;
  SmallVector<Value> operands{rounds, condition};
  llvm::append_range(operands, initial);
  auto fill = [&](Operation *loop) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    // What is built in the body must not take the sizes of the first round for those of all.
    SmallVector<Type> types{RankedTensorType::get({}, b.getI64Type()), RankedTensorType::get({}, b.getI1Type())};
    llvm::append_range(types, ValueRange(initial).getTypes());
    SmallVector<int64_t> list;
    for (auto [i, d] : varying) {
      Dims dims = getDims(types[2 + i]);
      dims[d] = newSymbol(loop);
      types[2 + i] = makeTensor(dims, getElementTypeOrSelf(types[2 + i]));
      llvm::append_values(list, i, d, cast<AffineSymbolExpr>(dims[d]).getPosition());
    }
    if (!list.empty())
      loop->setAttr(kVarying, b.getDenseI64ArrayAttr(list));
    Block *block = b.createBlock(&loop->getRegion(0), {}, types, SmallVector<Location>(types.size(), b.getLoc()));
    auto yielded = body(block->getArgument(0), block->getArguments().drop_front(2));
    if (failed(yielded) || llvm::is_contained(*yielded, Value()))
      return failure();
    YieldOp::create(b, *yielded);
    return success();
  };
  Operation *loop =
      makeOp(b, LoopOp::getOperationName(), operands, {}, initial.size() + scanOutputs, /*bodies=*/1, fill);
  if (!loop)
    return failure();
  return SmallVector<Value>(loop->getResults());
}

/// SequenceMap is a Loop over the items of sequences, whose outputs it puts into sequences that it carries.
static LogicalResult expandSequenceMap(NodeForm &node) {
  const NodeGraph *graph = node.graph("body");
  if (!graph)
    return node.error() << "the attribute 'body' is missing";
  if (node.operands.empty() || !isa<SequenceType>(node.operands[0].getType()))
    return node.error() << "the first input must be a sequence";
  ImplicitLocOpBuilder &b = node.b;
  auto length = make<SequenceLengthOp>(b, node.operands[0]);
  if (!length)
    return failure();
  Value none = NoneOp::create(b, b.getNoneType());
  auto fill = [&](Operation *loop) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    Location place = b.getLoc();
    SmallVector<Type> arguments{RankedTensorType::get({}, b.getI64Type()), RankedTensorType::get({}, b.getI1Type())};
    Block *body = b.createBlock(&loop->getRegion(0), {}, arguments, {place, place});
    SmallVector<Value> items;
    for (Value operand : node.operands) {
      if (isa<SequenceType>(operand.getType())) {
        auto item = make<SequenceAtOp>(b, {operand, body->getArgument(0)});
        if (!item)
          return failure();
        operand = item.getTensor();
      }
      items.push_back(operand);
    }
    auto outputs = (*graph)(items);
    if (failed(outputs))
      return failure();
    SmallVector<Value> yielded{body->getArgument(1)};
    for (Value output : *outputs) {
      if (!isa<RankedTensorType>(output.getType()))
        return node.error() << "the outputs of the body must be tensors";
      Attribute dtype =
          b.getIntegerAttr(b.getIntegerType(64, /*isSigned=*/true), getOnnxType(getElementTypeOrSelf(output)));
      OpBuilder::InsertPoint inside = b.saveInsertionPoint();
      b.setInsertionPoint(loop);
      Value empty = make<SequenceEmptyOp>(b, {}, b.getNamedAttr("dtype", dtype)).getOutput();
      b.restoreInsertionPoint(inside);
      loop->insertOperands(loop->getNumOperands(), empty);
      auto insert = make<SequenceInsertOp>(b, {body->addArgument(empty.getType(), place), output, none});
      if (!insert)
        return failure();
      yielded.push_back(insert.getOutputSequence());
    }
    YieldOp::create(b, yielded);
    return success();
  };
  Operation *loop =
      makeOp(b, LoopOp::getOperationName(), {length.getLength(), none}, {}, node.resultCount, /*bodies=*/1, fill);
  if (!loop)
    return failure();
  node.results = SmallVector<Value>(loop->getResults());
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/ControlFlow.cpp.inc"

void onnxc::onnx::registerControlFlowOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/ControlFlow.cpp.inc"
      >();
  dialect.addUpgrade("Scan", /*below=*/9, upgradeScan8);
  dialect.addUpgrade("SequenceMap", std::numeric_limits<int64_t>::max(), expandSequenceMap); // of any version
}
