//===- lib/Codegen/CPU/FuseRows.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Computes softmax, normalisations and everything else that reduces rows and uses the result in the same rows, block of
// rows by block of rows, so that what is between two operations stays in the nearest cache.
//
// A group is a set of linalg.generic operations around a reduction. The parallel loops of the reduction are the rows of
// the group; every member has each row as a parallel loop of its own, and runs over its other loops, the columns, as a
// whole. The group becomes one scf.forall over blocks of rows, with the members on slices inside.
#include "dialects/kernel/KernelDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/TensorQueries.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace onnxc {
#define GEN_PASS_DEF_FUSEROWS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc;
using onnxc::cpu::estimateBytes;
using onnxc::cpu::isContraction;

/// What a block of rows may take of the nearest cache, and a buffer of it on the stack.
static constexpr int64_t kBlockBytes = 16 << 10;
/// The same where contractions join the group, whose tiles want many rows: of the second-level cache.
static constexpr int64_t kContractedBytes = 192 << 10;
static constexpr int64_t kMinContracted = 8, kMaxContracted = 64;
/// Beyond this, a block would not stay in a cache, and nothing is gained.
static constexpr int64_t kMaxBlockBytes = 512 << 10;

namespace {
constexpr int64_t kColumn = -1;

/// For every dimension of a tensor, or loop of an operation: which row of the group it is, or kColumn.
using Roles = SmallVector<int64_t, 6>;

class Group {
public:
  explicit Group(linalg::GenericOp seed) : block(seed->getBlock()) {
    Roles loops(seed.getNumLoops(), kColumn);
    for (auto [i, type] : llvm::enumerate(seed.getIteratorTypesArray()))
      if (linalg::isParallelIterator(type))
        loops[i] = numRows++;
    insert(seed, loops);
  }

  /// Takes in what it can reach. False when that isn't worth anything.
  bool grow() {
    if (numRows == 0)
      return false;
    for (bool changed = true; changed;) {
      changed = false;
      for (auto [op, loops] : SmallVector<std::pair<Operation *, Roles>>(members.begin(), members.end()))
        for (Operation *next : neighbours(op))
          changed |= tryInsert(next);
    }
    unsigned overColumns =
        llvm::count_if(members, [](auto &member) { return llvm::is_contained(member.second, kColumn); });
    return overColumns >= 2 && chooseBlock();
  }

  bool contains(Operation *op) const { return members.contains(op); }
  size_t size() const { return members.size(); }
  /// Makes the loop. False, and nothing done, when what is between two members would not stay in a cache.
  bool emit();

private:
  //===- Which operations belong to it
  //-----------------------------------------------------------------------------===//

  SmallVector<Operation *> neighbours(Operation *op) {
    SmallVector<Operation *> result;
    for (Operation *user : op->getUsers())
      result.push_back(user);
    for (Value operand : cast<linalg::GenericOp>(op).getDpsInputs())
      if (Operation *producer = operand.getDefiningOp())
        result.push_back(producer);
    return result;
  }

  bool tryInsert(Operation *candidate) {
    auto op = dyn_cast<linalg::GenericOp>(candidate);
    if (!op || members.contains(op) || op->getBlock() != block || !op.hasPureTensorSemantics() || isContraction(op) ||
        !llvm::all_of(op.getIndexingMapsArray(), hasSimpleResults))
      return false;
    auto loops = rolesOfLoops(op);
    if (!loops)
      return false;
    for (auto [role, type] : llvm::zip_equal(*loops, op.getIteratorTypesArray()))
      if (role != kColumn && !linalg::isParallelIterator(type))
        return false;
    members.insert({op, *loops});
    if (isConvex() && readsMembersAsOperands(op))
      return true;
    members.erase(op);
    return false;
  }

  static bool hasSimpleResults(AffineMap map) {
    return llvm::all_of(map.getResults(), [](AffineExpr expr) {
      return isa<AffineDimExpr>(expr) ||
             (isa<AffineConstantExpr>(expr) && cast<AffineConstantExpr>(expr).getValue() == 0);
    });
  }

  void insert(linalg::GenericOp op, const Roles &loops) { members.insert({op, loops}); }

  /// What the dimensions of a tensor are when an operation with these loops meets it by `map`.
  static Roles rolesOfDims(AffineMap map, const Roles &loops) {
    return llvm::map_to_vector<6>(map.getResults(), [&](AffineExpr expr) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      return dim ? loops[dim.getPosition()] : kColumn;
    });
  }

  /// What an operation's loops are, from the members that it reads or that read it. None when they don't agree, or when
  /// a row isn't a loop.
  std::optional<Roles> rolesOfLoops(linalg::GenericOp op) {
    Roles loops(op.getNumLoops(), kColumn);
    auto learn = [&](AffineMap map, const Roles &dims) {
      for (auto [expr, role] : llvm::zip_equal(map.getResults(), dims)) {
        if (role == kColumn)
          continue;
        auto dim = dyn_cast<AffineDimExpr>(expr);
        if (!dim || (loops[dim.getPosition()] != kColumn && loops[dim.getPosition()] != role))
          return false;
        loops[dim.getPosition()] = role;
      }
      return true;
    };
    for (OpOperand *input : op.getDpsInputOperands())
      if (auto producer = input->get().getDefiningOp<linalg::GenericOp>(); producer && contains(producer))
        if (!learn(op.getMatchingIndexingMap(input),
                   rolesOfDims(producer.getIndexingMapMatchingResult(cast<OpResult>(input->get())), members[producer])))
          return std::nullopt;
    for (OpResult result : op->getResults())
      for (OpOperand &use : result.getUses())
        if (auto user = dyn_cast<linalg::GenericOp>(use.getOwner()); user && contains(user) && user.isDpsInput(&use))
          if (!learn(op.getIndexingMapMatchingResult(result),
                     rolesOfDims(user.getMatchingIndexingMap(&use), members[user])))
            return std::nullopt;
    for (int64_t row = 0; row < numRows; ++row)
      if (llvm::count(loops, row) != 1)
        return std::nullopt;
    // Now every reader must find its rows where this operation has them.
    for (OpResult result : op->getResults())
      for (OpOperand &use : result.getUses())
        if (auto user = dyn_cast<linalg::GenericOp>(use.getOwner()); user && contains(user))
          if (!user.isDpsInput(&use) || rolesOfDims(user.getMatchingIndexingMap(&use), members[user]) !=
                                            rolesOfDims(op.getIndexingMapMatchingResult(result), loops))
            return std::nullopt;
    for (OpOperand *input : op.getDpsInputOperands())
      if (auto producer = input->get().getDefiningOp<linalg::GenericOp>(); producer && contains(producer))
        if (rolesOfDims(op.getMatchingIndexingMap(input), loops) !=
            rolesOfDims(producer.getIndexingMapMatchingResult(cast<OpResult>(input->get())), members[producer]))
          return std::nullopt;
    return loops;
  }

  Operation *last() {
    Operation *result = members.begin()->first;
    for (auto &member : members)
      if (result->isBeforeInBlock(member.first))
        result = member.first;
    return result;
  }

  /// Everything else that uses a member comes after the last member, where the loop will be.
  bool isConvex() {
    Operation *end = last();
    for (auto &member : members)
      for (Operation *user : member.first->getUsers()) {
        Operation *here = block->findAncestorOpInBlock(*user);
        if (!here || (!contains(here) && here->isBeforeInBlock(end)))
          return false;
      }
    return true;
  }

  /// Not by index from a body, nor as a destination.
  bool readsMembersAsOperands(linalg::GenericOp added) {
    for (auto &member : members) {
      auto op = cast<linalg::GenericOp>(member.first);
      for (Value init : op.getDpsInits())
        if (Operation *def = init.getDefiningOp(); def && contains(def))
          return false;
      bool captures = false;
      op.getBody()->walk([&](Operation *nested) {
        for (Value operand : nested->getOperands())
          if (Operation *def = operand.getDefiningOp())
            captures |= contains(def);
      });
      if (captures)
        return false;
    }
    return true;
  }

  //===- Blocks
  //----------------------------------------------------------------------------------------------------===//

  /// Chooses the row that is cut into blocks, of which size; the other rows are taken one by one.
  bool chooseBlock() {
    // The biggest tensor decides.
    double most = 0;
    Roles dims;
    ArrayRef<int64_t> shape;
    for (auto &[op, loops] : members)
      for (OpOperand &operand : op->getOpOperands()) {
        auto type = dyn_cast<RankedTensorType>(operand.get().getType());
        if (!type)
          continue;
        Roles roles = rolesOfDims(cast<linalg::GenericOp>(op).getMatchingIndexingMap(&operand), loops);
        if (estimateBytes(operand.get()) > most && llvm::is_contained(roles, kColumn)) {
          most = estimateBytes(operand.get());
          dims = roles, shape = type.getShape();
        }
      }
    if (dims.empty())
      return false;
    // Bytes of one row of it, all its columns.
    double rowBytes = most;
    for (auto [role, size] : llvm::zip_equal(dims, shape)) {
      if (role == kColumn) {
        if (ShapedType::isDynamic(
                size)) // more than estimateBytes assumes: a block too big costs more than one too small
          rowBytes *= 8;
        continue;
      }
      blocked = role; // of rows, the innermost
      blockedSize = size;
      rowBytes /= ShapedType::isDynamic(size) ? 32 : std::max<int64_t>(size, 1);
    }
    size_t inner = dims.size() - 1;
    while (inner > 0 && shape[inner] == 1)
      --inner;
    // Where elements of different rows are neighbours, a block is as wide as a few vectors at least.
    bool interleaved = dims[inner] != kColumn;
    bool joins = joinsContractions();
    int64_t fitting = std::max<int64_t>((joins ? kContractedBytes : kBlockBytes) / std::max(rowBytes, 1.0), 1);
    if (joins)
      fitting = std::clamp<int64_t>(fitting, kMinContracted, kMaxContracted);
    blockSize = interleaved ? std::clamp<int64_t>(fitting, 32, 256) : std::min<int64_t>(fitting, 4096);
    if (rowBytes * blockSize > kMaxBlockBytes)
      return false;
    if (!ShapedType::isDynamic(blockedSize)) {
      blockSize = std::min(blockSize, std::max<int64_t>(blockedSize, 1));
      // A divisor spares the shorter last block.
      for (int64_t size = blockSize; size * 2 > blockSize; --size)
        if (blockedSize % size == 0) {
          blockSize = size;
          break;
        }
    }
    return true;
  }

  /// Whether the group lies between two contractions, which fuse-contractions will bring into its loop.
  bool joinsContractions() {
    bool reads = false, isRead = false;
    for (auto &[op, loops] : members) {
      for (Value input : cast<linalg::GenericOp>(op).getDpsInputs()) {
        if (auto reshape = input.getDefiningOp<tensor::CollapseShapeOp>())
          input = reshape.getSrc();
        reads |= input.getDefiningOp<kernel::ContractOp>() != nullptr;
      }
      for (Operation *user : op->getUsers()) {
        if (auto reshape = dyn_cast<tensor::ExpandShapeOp>(user); reshape && reshape.getResult().hasOneUse())
          user = *reshape->user_begin();
        auto contract = dyn_cast<kernel::ContractOp>(user);
        isRead |= contract && contract.getLhs() == user->getOperand(0);
      }
    }
    return reads && isRead;
  }

  Block *block;
  int64_t numRows = 0;
  llvm::MapVector<Operation *, Roles> members;
  int64_t blocked = 0, blockedSize = 0, blockSize = 1;

  friend class Emitter;
};

/// Makes the loop of a group.
class Emitter {
public:
  Emitter(Group &group) : group(group), b(group.last()->getLoc(), group.last()) {
    for (auto &member : group.members)
      order.push_back(cast<linalg::GenericOp>(member.first));
    llvm::sort(order, [](Operation *x, Operation *y) { return x->isBeforeInBlock(y); });
  }

  bool run() {
    findSizes();
    if (!chooseDestinations())
      return false;
    SmallVector<OpFoldResult> counts(rowSizes);
    counts[group.blocked] = divideUp(rowSizes[group.blocked]);
    auto loop = scf::ForallOp::create(b, counts, outs, std::nullopt);
    b.setInsertionPointToStart(loop.getBody());
    enterBlock(loop);
    for (linalg::GenericOp op : order)
      emit(op);
    b.setInsertionPointToStart(loop.getTerminator().getBody());
    for (auto [value, argument] : llvm::zip_equal(outValues, loop.getRegionOutArgs())) {
      auto [offsets, sizes] = sliceOf(value);
      SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
      tensor::ParallelInsertSliceOp::create(b, local[value], argument, offsets, sizes, strides);
    }
    for (auto [value, result] : llvm::zip_equal(outValues, loop.getResults()))
      value.replaceUsesWithIf(result, [&](OpOperand &use) { return !group.contains(use.getOwner()); });
    for (linalg::GenericOp op : llvm::reverse(order))
      op->erase();
    return true;
  }

private:
  void findSizes() {
    rowSizes.assign(group.numRows, OpFoldResult());
    // From operands that exist before the loop.
    for (linalg::GenericOp op : order)
      for (OpOperand &operand : op->getOpOperands()) {
        Operation *def = operand.get().getDefiningOp();
        if (!isa<RankedTensorType>(operand.get().getType()) || (def && group.contains(def)))
          continue;
        for (auto [dim, role] : llvm::enumerate(dimsOf(op, operand)))
          if (role != kColumn && !rowSizes[role])
            rowSizes[role] = tensor::getMixedSize(b, b.getLoc(), operand.get(), dim);
      }
  }

  Roles dimsOf(linalg::GenericOp op, OpOperand &operand) {
    return Group::rolesOfDims(op.getMatchingIndexingMap(&operand), group.members[op]);
  }
  Roles dimsOf(OpResult result) {
    auto op = cast<linalg::GenericOp>(result.getOwner());
    return Group::rolesOfDims(op.getIndexingMapMatchingResult(result), group.members[op]);
  }

  static bool isUsedOutside(Value value, Group &group) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) { return !group.contains(user); });
  }

  /// Results that others use are slices of the whole. The rest lies where one of those will be, or on the stack. From
  /// the last operation to the first, so that a chain of elementwise operations works in one place.
  bool chooseDestinations() {
    for (linalg::GenericOp op : llvm::reverse(order))
      for (OpResult result : op->getResults())
        if (!isUsedOutside(result, group) && !findHost(result) && !localShape(result))
          return false;
    for (linalg::GenericOp op : order)
      for (OpResult result : op->getResults())
        if (isUsedOutside(result, group)) {
          outValues.push_back(result);
          outs.push_back(wholeDestination(result));
        }
    return true;
  }

  /// A result that others use, or that has a host itself, can be computed in the place of an operand of the same kind
  /// that is not needed any more: then the operand is put there from the beginning.
  bool findHost(OpResult guest) {
    for (OpOperand &use : guest.getUses()) {
      auto reader = cast<linalg::GenericOp>(use.getOwner());
      if (!llvm::all_of(guest.getUsers(),
                        [&](Operation *user) { return user == reader || user->isBeforeInBlock(reader); }))
        continue;
      for (OpResult host : reader->getResults())
        if (host.getType() == guest.getType() && (isUsedOutside(host, group) || hosts.contains(host)) &&
            reader.getNumReductionLoops() == 0 && !guests.contains(host) &&
            !reader.payloadUsesValueFromOperand(reader.getTiedOpOperand(host)) &&
            reader.getMatchingIndexingMap(&use) == reader.getIndexingMapMatchingResult(host) &&
            reader.getMatchingIndexingMap(&use).isPermutation()) {
          guests[host] = guest;
          hosts[guest] = host;
          return true;
        }
    }
    return false;
  }

  /// Sizes of a buffer for a block of a result, if they are numbers and small ones.
  std::optional<SmallVector<int64_t>> localShape(OpResult result) {
    auto type = cast<RankedTensorType>(result.getType());
    SmallVector<int64_t> shape;
    int64_t bytes = type.getElementType().isIntOrFloat() ? (type.getElementTypeBitWidth() + 7) / 8 : 8;
    for (auto [role, size] : llvm::zip_equal(dimsOf(result), type.getShape())) {
      shape.push_back(role == kColumn ? size : role == group.blocked ? group.blockSize : 1);
      if (ShapedType::isDynamic(shape.back()))
        return std::nullopt;
      bytes *= shape.back();
    }
    if (bytes > kBlockBytes)
      return std::nullopt;
    return shape;
  }

  Value wholeDestination(OpResult result) {
    auto op = cast<linalg::GenericOp>(result.getOwner());
    Value init = op.getTiedOpOperand(result)->get();
    if (auto fill = init.getDefiningOp<linalg::FillOp>())
      init = fill.getOutputs()[0];
    if (auto empty = init.getDefiningOp<tensor::EmptyOp>()) // a fresh one: sharing would look like a conflict
      return tensor::EmptyOp::create(b, empty.getMixedSizes(), empty.getType().getElementType());
    return init;
  }

  OpFoldResult divideUp(OpFoldResult size) {
    AffineExpr s0 = b.getAffineSymbolExpr(0);
    return affine::makeComposedFoldedAffineApply(b, b.getLoc(), s0.ceilDiv(group.blockSize), {size});
  }

  void enterBlock(scf::ForallOp loop) {
    SmallVector<Value> ivs = loop.getInductionVars();
    for (int64_t row = 0; row < group.numRows; ++row) {
      rowOffsets.push_back(ivs[row]);
      blockSizes.push_back(b.getIndexAttr(1));
    }
    AffineExpr d0 = b.getAffineDimExpr(0), s0 = b.getAffineSymbolExpr(0);
    OpFoldResult offset =
        affine::makeComposedFoldedAffineApply(b, b.getLoc(), d0 * group.blockSize, {ivs[group.blocked]});
    rowOffsets[group.blocked] = offset;
    auto number = getConstantIntValue(rowSizes[group.blocked]);
    if (number && *number % group.blockSize == 0)
      blockSizes[group.blocked] = b.getIndexAttr(group.blockSize);
    else
      blockSizes[group.blocked] = affine::makeComposedFoldedAffineMin(
          b, b.getLoc(), AffineMap::get(1, 1, {s0 - d0, b.getAffineConstantExpr(group.blockSize)}, b.getContext()),
          {offset, rowSizes[group.blocked]});
    for (auto [value, argument] : llvm::zip_equal(outValues, loop.getRegionOutArgs()))
      destination[value] = argument;
  }

  /// Where the current block of a tensor is. `whole` has its sizes.
  std::pair<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>> sliceOf(Value whole, const Roles &dims) {
    SmallVector<OpFoldResult> offsets, sizes;
    for (auto [dim, role] : llvm::enumerate(dims)) {
      offsets.push_back(role == kColumn ? OpFoldResult(b.getIndexAttr(0)) : rowOffsets[role]);
      sizes.push_back(role == kColumn ? tensor::getMixedSize(b, b.getLoc(), whole, dim) : blockSizes[role]);
    }
    return {offsets, sizes};
  }
  std::pair<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>> sliceOf(OpResult value) {
    return insertedSlices[value];
  }

  /// What the loop starts from where it has `whole`: its sizes are known outside of the loop.
  static Value initOf(Value whole) {
    auto argument = cast<BlockArgument>(whole);
    return cast<scf::ForallOp>(argument.getOwner()->getParentOp()).getTiedOpOperand(argument)->get();
  }

  Value extract(Value whole, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
    return tensor::ExtractSliceOp::create(b, whole, offsets, sizes, strides);
  }

  Value operandOf(linalg::GenericOp op, OpOperand &operand) {
    Value value = operand.get();
    if (!isa<RankedTensorType>(value.getType()))
      return value;
    if (Value here = local.lookup(value))
      return here;
    Roles dims = dimsOf(op, operand);
    if (llvm::all_of(dims, [](int64_t role) { return role == kColumn; }))
      return value;
    auto [offsets, sizes] = sliceOf(value, dims);
    return extract(value, offsets, sizes);
  }

  Value destinationOf(linalg::GenericOp op, OpResult result) {
    OpOperand &init = *op.getTiedOpOperand(result);
    Value made;
    OpResult place = result;
    for (auto host = hosts.find(place); host != hosts.end(); host = hosts.find(place))
      place = host->second;
    if (auto guest = guests.find(result); guest != guests.end()) {
      made = local[guest->second];
    } else if (Value whole = destination.lookup(place)) {
      auto slice = sliceOf(initOf(whole), dimsOf(place));
      insertedSlices[place] = slice;
      made = extract(whole, slice.first, slice.second);
    } else if (Value dead = deadOperand(op, result)) {
      made = dead;
    } else {
      auto type = cast<RankedTensorType>(result.getType());
      auto shape = *localShape(result);
      made = tensor::EmptyOp::create(b, shape, type.getElementType());
      SmallVector<OpFoldResult> offsets, sizes;
      bool all = true;
      for (auto [role, size] : llvm::zip_equal(dimsOf(result), shape)) {
        offsets.push_back(b.getIndexAttr(0));
        sizes.push_back(role == kColumn ? OpFoldResult(b.getIndexAttr(size)) : blockSizes[role]);
        all &= getConstantIntValue(sizes.back()) == size;
      }
      if (!all)
        made = extract(made, offsets, sizes);
    }
    if (!op.payloadUsesValueFromOperand(&init))
      return made;
    if (auto fill = init.get().getDefiningOp<linalg::FillOp>())
      return linalg::FillOp::create(b, fill.getInputs()[0], made).getResult(0);
    // The destination of the whole is the initial value itself.
    return destination.contains(result) ? made : linalg::CopyOp::create(b, operandOf(op, init), made).getResult(0);
  }

  /// A buffer of the same kind that only this operation still reads, element by element.
  Value deadOperand(linalg::GenericOp op, OpResult result) {
    if (op.getNumReductionLoops() != 0 || op.payloadUsesValueFromOperand(op.getTiedOpOperand(result)))
      return {};
    for (OpOperand *input : op.getDpsInputOperands()) {
      auto made = dyn_cast<OpResult>(input->get());
      if (!made || !local.contains(made) || destination.contains(made) || hosts.contains(made) ||
          made.getType() != result.getType() ||
          op.getMatchingIndexingMap(input) != op.getIndexingMapMatchingResult(result) || reused.contains(made))
        continue;
      if (llvm::all_of(made.getUsers(), [&](Operation *user) { return user == op || done.contains(user); })) {
        reused.insert(made);
        return local[made];
      }
    }
    return {};
  }

  void emit(linalg::GenericOp op) {
    SmallVector<Value> operands;
    for (OpOperand *input : op.getDpsInputOperands())
      operands.push_back(operandOf(op, *input));
    SmallVector<Value> inits;
    for (OpResult result : op->getResults())
      inits.push_back(destinationOf(op, result));
    operands.append(inits);
    b.setLoc(op.getLoc());
    auto made = cast<linalg::GenericOp>(clone(b, op.getOperation(), ValueRange(inits).getTypes(), operands));
    SmallVector<OpFoldResult> loopOffsets;
    for (int64_t role : group.members[op])
      loopOffsets.push_back(role == kColumn ? OpFoldResult(b.getIndexAttr(0)) : rowOffsets[role]);
    linalg::offsetIndices(b, made, loopOffsets);
    for (auto [result, here] : llvm::zip_equal(op->getResults(), made->getResults()))
      local[result] = here;
    done.insert(op);
    b.setInsertionPointAfter(made);
  }

  Group &group;
  ImplicitLocOpBuilder b;
  SmallVector<linalg::GenericOp> order;
  SmallVector<OpResult> outValues;
  SmallVector<Value> outs;
  SmallVector<OpFoldResult> rowSizes, rowOffsets, blockSizes;
  DenseMap<Value, Value> local, destination;
  DenseMap<Value, std::pair<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>>> insertedSlices;
  DenseMap<Value, OpResult> guests, hosts;
  llvm::DenseSet<Value> reused;
  llvm::DenseSet<Operation *> done;
};

bool Group::emit() { return Emitter(*this).run(); }

struct FuseRows : onnxc::impl::FuseRowsBase<FuseRows> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> reductions;
    getOperation().walk([&](linalg::GenericOp op) {
      if (op.hasPureTensorSemantics() && op.getNumReductionLoops() != 0 && !isContraction(op) &&
          !op->getParentOfType<scf::ForallOp>() && llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) {
            return map.isProjectedPermutation(/*allowZeroInResults=*/true);
          }))
        reductions.push_back(op);
    });
    llvm::DenseSet<Operation *> taken;
    for (linalg::GenericOp op : reductions) {
      if (taken.contains(op))
        continue;
      Group group(op);
      if (!group.grow())
        continue;
      SmallVector<Operation *> members(
          llvm::make_filter_range(reductions, [&](Operation *other) { return group.contains(other); }));
      size_t size = group.size();
      if (!group.emit())
        continue;
      taken.insert(members.begin(), members.end());
      fused += size;
    }
  }
};
} // namespace
