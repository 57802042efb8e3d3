//===- lib/Codegen/CPU/FuseContractions.cpp ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention, block of rows by block of rows: a contraction, the loop over rows that follows it (softmax) and the
// contraction which reads that one become one loop, in which what is between the two never leaves the cache.
//
// The idea of FlashAttention (Dao et al., 2022) without its running maximum: whole rows fit.
#include "dialects/kernel/KernelDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace onnxc {
#define GEN_PASS_DEF_FUSECONTRACTIONS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using onnxc::kernel::ContractOp;

/// Tasks that keep every thread busy to the end. Each has a buffer of its own.
static constexpr int64_t kWantedTasks = 32;
/// With fewer there would be threads without any.
static constexpr int64_t kFewestTasks = 8;

namespace {
/// Which part of a dimension a block covers.
struct Part {
  OpFoldResult offset, size;
};

/// The parts of the dimensions of a contraction; those that are missing are taken whole.
using Parts = DenseMap<unsigned, Part>;

/// For every dimension of a tensor the one of the tensor that it was reshaped from, or will be; the others have size 1.
using Kept = SmallVector<int64_t>;

std::optional<Kept> getKept(ArrayRef<ReassociationIndices> groups, ArrayRef<int64_t> shape) {
  Kept kept;
  for (const ReassociationIndices &group : groups) {
    int64_t dim = group.front();
    for (int64_t other : ArrayRef(group).drop_front())
      if (shape[other] != 1) {
        if (shape[dim] != 1)
          return std::nullopt;
        dim = other;
      }
    kept.push_back(dim);
  }
  return kept;
}

/// What the values among `values` are under `mapping`.
SmallVector<OpFoldResult> mapAll(ArrayRef<OpFoldResult> values, const IRMapping &mapping) {
  return llvm::map_to_vector(values, [&](OpFoldResult value) {
    auto dynamic = dyn_cast<Value>(value);
    return dynamic ? OpFoldResult(mapping.lookupOrDefault(dynamic)) : value;
  });
}

class Sandwich {
public:
  explicit Sandwich(scf::ForallOp loop) : loop(loop), b(loop.getLoc(), loop) {}

  /// Whether `loop` lies between two contractions that can join it.
  bool match() {
    return loop.getNumResults() == 1 && loop.isNormalized() && matchSecond() && matchFirst() && matchBlocks() &&
           hasTasks() && mapDims(first.getInitMap(), firstKept, firstRows) &&
           mapDims(second.getLhsMap(), secondKept, secondRows) && isPlain(first) && isPlain(second);
  }

  void emit();

private:
  bool matchFirst();
  bool matchSecond();
  bool matchBlocks();
  bool hasTasks();
  static bool mapDims(AffineMap map, const Kept &kept, SmallVector<unsigned> &rows);
  static bool isPlain(ContractOp op);

  Parts partsOf(ArrayRef<unsigned> rows, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) const;
  Value slice(Value tensor, AffineMap map, const Parts &parts);
  SmallVector<Value> inputsOf(ContractOp op, Value lhs, const Parts &parts);
  Value contract(ContractOp like, ValueRange inputs, Value init, AffineMap lhsMap);
  Value emitFirst(const IRMapping &mapping);
  Value emitBlock(Value acc, Value block, Value firstBlock, ArrayRef<Value> ivs);
  OpFoldResult apply(AffineExpr expr, ArrayRef<OpFoldResult> operands) {
    return affine::makeComposedFoldedAffineApply(b, b.getLoc(), expr, operands);
  }

  scf::ForallOp loop;
  ImplicitLocOpBuilder b;
  ContractOp first, second;
  Operation *collapse = nullptr, *expand = nullptr; ///< unit dimensions dropped before the loop, added after it
  Kept firstKept, secondKept;
  SmallVector<unsigned> firstRows, secondRows; ///< the dimension of the contraction for each of the loop's tensors
  tensor::ParallelInsertSliceOp insert;
  llvm::SmallPtrSet<Operation *, 4> slices; ///< of the contraction's result and of the loop's, all in the same place
  int64_t blockedDim = -1, blockedIv = -1, blockSize = 0;
};

bool Sandwich::matchSecond() {
  Value result = loop.getResult(0);
  if (!result.hasOneUse())
    return false;
  secondKept = llvm::to_vector(llvm::seq<int64_t>(0, cast<RankedTensorType>(result.getType()).getRank()));
  if (auto reshape = dyn_cast<tensor::ExpandShapeOp>(*result.user_begin())) {
    auto kept = getKept(reshape.getReassociationIndices(), reshape.getResultType().getShape());
    if (!kept || !reshape.getResult().hasOneUse())
      return false;
    secondKept = *kept, expand = reshape, result = reshape.getResult();
  }
  second = dyn_cast<ContractOp>(*result.user_begin());
  return second && second.getLhs() == result && second->getBlock() == loop->getBlock() &&
         second.getInit().getDefiningOp<tensor::EmptyOp>();
}

bool Sandwich::matchFirst() {
  auto inserts = loop.getTerminator().getYieldingOps();
  insert = cast<tensor::ParallelInsertSliceOp>(*inserts.begin());
  Value source;
  auto isHere = [&](tensor::ExtractSliceOp slice) {
    return slice.getMixedOffsets() == insert.getMixedOffsets() && slice.getMixedSizes() == insert.getMixedSizes() &&
           slice.getType() == insert.getSourceType();
  };
  loop.getBody()->walk([&](tensor::ExtractSliceOp slice) {
    Value from = slice.getSource();
    if (auto reshape = from.getDefiningOp<tensor::CollapseShapeOp>())
      from = reshape.getSrc();
    if (from.getDefiningOp<ContractOp>() && isHere(slice))
      source = slice.getSource();
  });
  if (!source)
    return false;
  firstKept = llvm::to_vector(llvm::seq<int64_t>(0, cast<RankedTensorType>(source.getType()).getRank()));
  Value whole = source;
  if (auto reshape = source.getDefiningOp<tensor::CollapseShapeOp>()) {
    auto kept = getKept(reshape.getReassociationIndices(), reshape.getSrcType().getShape());
    if (!kept || !reshape.getSrc().hasOneUse())
      return false;
    firstKept = *kept, collapse = reshape, whole = reshape.getSrc();
  }
  first = whole.getDefiningOp<ContractOp>();
  if (first->getBlock() != loop->getBlock() || !first.getInit().getDefiningOp<tensor::EmptyOp>())
    return false;
  SmallVector<Operation *> users(source.getUsers());
  llvm::append_range(users, loop.getRegionOutArgs()[0].getUsers());
  for (Operation *user : users) {
    auto slice = dyn_cast<tensor::ExtractSliceOp>(user);
    if (user == insert)
      continue;
    if (!slice || !isHere(slice) || slice->getBlock() != loop.getBody())
      return false;
    slices.insert(slice);
  }
  return true;
}

/// One dimension is cut into blocks, of the others before the last the loop takes one element, and the last is whole.
bool Sandwich::matchBlocks() {
  auto type = cast<RankedTensorType>(loop.getResult(0).getType());
  int64_t rank = type.getRank();
  auto empty = loop.getOutputs()[0].getDefiningOp<tensor::EmptyOp>();
  if (!empty)
    return false;
  SmallVector<OpFoldResult> sizes = empty.getMixedSizes();
  for (int64_t dim = 0; dim < rank; ++dim) {
    OpFoldResult offset = insert.getMixedOffsets()[dim], size = insert.getMixedSizes()[dim];
    if (getConstantIntValue(offset) == 0 && isEqualConstantIntOrValue(size, sizes[dim]))
      continue; // whole
    if (dim + 1 == rank)
      return false;
    auto iv = dyn_cast<BlockArgument>(dyn_cast<Value>(offset));
    if (iv && iv.getOwner() == loop.getBody() && getConstantIntValue(size) == 1)
      continue;
    auto apply = cast<Value>(offset).getDefiningOp<affine::AffineApplyOp>();
    if (!apply || blockedDim >= 0 || apply.getMapOperands().size() != 1)
      return false;
    auto scaled = dyn_cast<AffineBinaryOpExpr>(apply.getAffineMap().getResult(0));
    iv = dyn_cast<BlockArgument>(apply.getMapOperands()[0]);
    if (!scaled || scaled.getKind() != AffineExprKind::Mul || !isa<AffineConstantExpr>(scaled.getRHS()) || !iv ||
        iv.getOwner() != loop.getBody())
      return false;
    blockedDim = dim, blockedIv = iv.getArgNumber();
    blockSize = cast<AffineConstantExpr>(scaled.getRHS()).getValue();
  }
  return blockedDim >= 0;
}

/// Whether there is work for several threads. Rows of one product may be few, or one; by itself it is shared out along
/// its columns, too.
bool Sandwich::hasTasks() {
  int64_t tasks = 1;
  for (OpFoldResult count : loop.getMixedUpperBound())
    tasks *= getConstantIntValue(count).value_or(1);
  return second.count('b') > 0 || tasks >= kFewestTasks;
}

bool Sandwich::mapDims(AffineMap map, const Kept &kept, SmallVector<unsigned> &rows) {
  for (int64_t position : kept) {
    auto dim = dyn_cast<AffineDimExpr>(map.getResult(position));
    if (!dim)
      return false;
    rows.push_back(dim.getPosition());
  }
  return true;
}

/// Every operand is read along dimensions, not along sums of them, and rhs has its elements as they are.
bool Sandwich::isPlain(ContractOp op) {
  return !op.getBits() && !op.getSizes() &&
         llvm::all_of(op.getMaps().getAsValueRange<AffineMapAttr>(),
                      [](AffineMap map) { return map.isProjectedPermutation(/*allowZeroInResults=*/true); });
}

Parts Sandwich::partsOf(ArrayRef<unsigned> rows, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) const {
  Parts parts;
  for (auto [dim, row] : llvm::enumerate(rows))
    if (dim + 1 < rows.size())
      parts[row] = {offsets[dim], sizes[dim]};
  return parts;
}

/// The part of an operand that a block reads.
Value Sandwich::slice(Value tensor, AffineMap map, const Parts &parts) {
  SmallVector<OpFoldResult> offsets, sizes = tensor::getMixedSizes(b, b.getLoc(), tensor);
  bool isWhole = true;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    offsets.push_back(b.getIndexAttr(0));
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (auto part = dim ? parts.find(dim.getPosition()) : parts.end(); part != parts.end()) {
      offsets.back() = part->second.offset, sizes[i] = part->second.size;
      isWhole = false;
    }
  }
  if (isWhole)
    return tensor;
  SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, tensor, offsets, sizes, strides);
}

/// The operands of `op` for a block: `lhs`, rhs, extras.
SmallVector<Value> Sandwich::inputsOf(ContractOp op, Value lhs, const Parts &parts) {
  // rhs is [batch..., panels, reduced..., lanes].
  auto rhsType = cast<RankedTensorType>(op.getRhs().getType());
  SmallVector<AffineExpr> packed(rhsType.getRank(), b.getAffineConstantExpr(0));
  for (unsigned dim = 0; dim < op.count('b'); ++dim)
    packed[dim] = b.getAffineDimExpr(dim);
  SmallVector<Value> inputs{lhs,
                            slice(op.getRhs(), AffineMap::get(op.getDims().size(), 0, packed, b.getContext()), parts)};
  for (auto [i, extra] : llvm::enumerate(op.getExtras()))
    inputs.push_back(slice(extra, op.getExtraMap(i), parts));
  return inputs;
}

Value Sandwich::contract(ContractOp like, ValueRange inputs, Value init, AffineMap lhsMap) {
  SmallVector<Attribute> maps(like.getMaps().getValue());
  maps[0] = AffineMapAttr::get(lhsMap);
  auto made =
      ContractOp::create(b, like.getLoc(), TypeRange(init.getType()), inputs[0], inputs[1], inputs.drop_front(2), init,
                         like.getDimsAttr(), b.getArrayAttr(maps), nullptr, nullptr, nullptr);
  b.cloneRegionBefore(like.getEpilogue(), made.getEpilogue(), made.getEpilogue().end());
  return made.getResult(0);
}

/// The first contraction for the block where the insertion of the original loop is.
Value Sandwich::emitFirst(const IRMapping &mapping) {
  SmallVector<OpFoldResult> offsets = mapAll(insert.getMixedOffsets(), mapping),
                            sizes = mapAll(insert.getMixedSizes(), mapping);
  // The buffer holds a whole block; the last one may be shorter.
  auto type = cast<RankedTensorType>(first.getInit().getType());
  SmallVector<OpFoldResult> full, shorter, zeros(type.getRank(), b.getIndexAttr(0)),
      ones(type.getRank(), b.getIndexAttr(1));
  full.assign(type.getRank(), b.getIndexAttr(1));
  shorter = full;
  for (auto [dim, position] : llvm::enumerate(firstKept)) {
    bool isBlocked = static_cast<int64_t>(dim) == blockedDim;
    full[position] = isBlocked ? OpFoldResult(b.getIndexAttr(blockSize)) : sizes[dim];
    shorter[position] = sizes[dim];
  }
  Value block = tensor::EmptyOp::create(b, full, type.getElementType());
  if (full != shorter)
    block = tensor::ExtractSliceOp::create(b, block, zeros, shorter, ones);
  Parts parts = partsOf(firstRows, offsets, sizes);
  Value lhs = slice(first.getLhs(), first.getLhsMap(), parts);
  Value result = contract(first, inputsOf(first, lhs, parts), block, first.getLhsMap());
  if (collapse)
    result = tensor::CollapseShapeOp::create(b, insert.getSourceType(), result,
                                             cast<tensor::CollapseShapeOp>(collapse).getReassociationIndices());
  return result;
}

/// One block of rows: its results go into `acc`, which begins with the block number `firstBlock`.
Value Sandwich::emitBlock(Value acc, Value block, Value firstBlock, ArrayRef<Value> ivs) {
  IRMapping mapping;
  mapping.map(loop.getInductionVars(), ivs);
  mapping.map(loop.getInductionVars()[blockedIv], block);
  Value between;
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (!slices.contains(&op)) {
      b.clone(op, mapping);
      continue;
    }
    if (!between)
      between = emitFirst(mapping);
    mapping.map(op.getResult(0), between);
  }
  SmallVector<OpFoldResult> offsets = mapAll(insert.getMixedOffsets(), mapping),
                            sizes = mapAll(insert.getMixedSizes(), mapping);
  Parts parts = partsOf(secondRows, offsets, sizes);
  SmallVector<Value> inputs = inputsOf(second, mapping.lookup(insert.getSource()), parts);
  // The block has no dimensions of size 1 that the whole was given.
  SmallVector<AffineExpr> lhs =
      llvm::map_to_vector(secondKept, [&](int64_t position) { return second.getLhsMap().getResult(position); });
  AffineMap lhsMap = AffineMap::get(second.getDims().size(), 0, lhs, b.getContext());
  // In the accumulator the rows of this task alone.
  for (auto [dim, row] : llvm::enumerate(secondRows)) {
    if (static_cast<int64_t>(dim) == blockedDim)
      parts[row].offset =
          apply((b.getAffineDimExpr(0) - b.getAffineDimExpr(1)) * blockSize, ArrayRef<OpFoldResult>{block, firstBlock});
    else if (dim + 1 < secondRows.size())
      parts[row].offset = b.getIndexAttr(0);
  }
  Value place = slice(acc, second.getInitMap(), parts);
  Value result = contract(second, inputs, place, lhsMap);
  auto where = place.getDefiningOp<tensor::ExtractSliceOp>();
  return tensor::InsertSliceOp::create(b, result, acc, where.getMixedOffsets(), where.getMixedSizes(),
                                       where.getMixedStrides());
}

void Sandwich::emit() {
  b.setInsertionPoint(second);
  // As many tasks as are useful, each with some blocks, since each has a buffer for what is between.
  SmallVector<OpFoldResult> counts = loop.getMixedUpperBound();
  int64_t others = 1;
  for (auto [i, count] : llvm::enumerate(counts))
    if (static_cast<int64_t>(i) != blockedIv)
      others *= std::max<int64_t>(getConstantIntValue(count).value_or(1), 1);
  OpFoldResult blocks = counts[blockedIv];
  AffineExpr d0 = b.getAffineDimExpr(0), s0 = b.getAffineSymbolExpr(0);
  // At least one, also where there are no blocks: the plan divides by it.
  AffineExpr share = s0.ceilDiv(llvm::divideCeil(kWantedTasks, others));
  OpFoldResult perTask = affine::makeComposedFoldedAffineMax(
      b, b.getLoc(), AffineMap::get(0, 1, {share, b.getAffineConstantExpr(1)}, b.getContext()), {blocks});
  counts[blockedIv] = apply(d0.ceilDiv(s0), {blocks, perTask});

  auto tasks = scf::ForallOp::create(b, counts, second.getInit(), std::nullopt);
  b.setInsertionPointToStart(tasks.getBody());
  SmallVector<Value> ivs(tasks.getInductionVars());
  OpFoldResult from = apply(d0 * s0, {ivs[blockedIv], perTask});
  auto least = [&](AffineExpr x, AffineExpr y, ArrayRef<OpFoldResult> operands) {
    return affine::makeComposedFoldedAffineMin(b, b.getLoc(), AffineMap::get(1, 1, {x, y}, b.getContext()), operands);
  };
  OpFoldResult to = least(d0, s0, {apply(d0 + s0, {from, perTask}), blocks});
  // The rows of the task in the result.
  OpFoldResult rowCount = tensor::getMixedSize(b, b.getLoc(), loop.getOutputs()[0], blockedDim);
  OpFoldResult rowFrom = apply(d0 * blockSize, {from});
  OpFoldResult rowTo = least(d0 * blockSize, s0, {to, rowCount});
  Parts parts;
  for (auto [dim, row] : llvm::enumerate(secondRows)) {
    if (static_cast<int64_t>(dim) == blockedDim)
      parts[row] = {rowFrom, apply(d0 - s0, {rowTo, rowFrom})};
    else if (auto iv = dyn_cast<Value>(insert.getMixedOffsets()[dim]); iv && dim + 1 < secondRows.size())
      parts[row] = {ivs[cast<BlockArgument>(iv).getArgNumber()], b.getIndexAttr(1)};
  }
  Value mine = slice(tasks.getRegionOutArgs()[0], second.getInitMap(), parts);
  auto where = mine.getDefiningOp<tensor::ExtractSliceOp>();
  auto index = [&](OpFoldResult value) { return getValueOrCreateConstantIndexOp(b, b.getLoc(), value); };
  auto inner = scf::ForOp::create(b, index(from), index(to), index(b.getIndexAttr(1)), mine);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(inner.getBody());
    Value next = emitBlock(inner.getRegionIterArg(0), inner.getInductionVar(), index(from), ivs);
    scf::YieldOp::create(b, next);
  }
  b.setInsertionPointToStart(tasks.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(b, inner.getResult(0), tasks.getRegionOutArgs()[0], where.getMixedOffsets(),
                                        where.getMixedSizes(), where.getMixedStrides());
  second.getResult(0).replaceAllUsesWith(tasks.getResult(0));
  second.erase();
  if (expand)
    expand->erase();
  loop.erase();
  if (collapse)
    collapse->erase();
  first.erase();
}

struct FuseContractions : onnxc::impl::FuseContractionsBase<FuseContractions> {
  void runOnOperation() override {
    SmallVector<scf::ForallOp> loops;
    getOperation().walk([&](scf::ForallOp loop) { loops.push_back(loop); });
    for (scf::ForallOp loop : loops)
      if (Sandwich sandwich(loop); sandwich.match()) {
        sandwich.emit();
        ++fused;
      }
  }
};
} // namespace
