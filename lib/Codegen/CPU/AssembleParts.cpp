//===- lib/Codegen/CPU/AssembleParts.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What consists of parts is assembled by one operation, and parts are computed where they are wanted: no copies.
#include "dialects/kernel/KernelDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/Views.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace onnxc {
#define GEN_PASS_DEF_ASSEMBLEPARTS
#define GEN_PASS_DEF_PLACEPARTS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using onnxc::kernel::AssembleOp;

/// An insertion of a whole part, of the same rank, without steps.
static bool isPlain(tensor::InsertSliceOp insert) {
  return insert.getSourceType().getRank() == insert.getType().getRank() &&
         llvm::all_of(insert.getMixedStrides(), [](OpFoldResult stride) { return isConstantIntValue(stride, 1); });
}

/// The insertion whose result `insert` writes to, when nothing else does.
static tensor::InsertSliceOp before(tensor::InsertSliceOp insert) {
  auto previous = insert.getDest().getDefiningOp<tensor::InsertSliceOp>();
  bool fits = previous && previous->hasOneUse() && previous->getBlock() == insert->getBlock() && isPlain(previous);
  return fits ? previous : tensor::InsertSliceOp();
}

namespace {
/// How many of the first insertions are of slices that together are one tensor, and are put together as they were in it:
/// a Split before the Concat. At least 1.
size_t countOfOne(MutableArrayRef<tensor::InsertSliceOp> inserts) {
  auto sliceOf = [](tensor::InsertSliceOp insert) {
    auto slice = insert.getSource().getDefiningOp<tensor::ExtractSliceOp>();
    bool isPlain = slice && slice.getSourceType().hasStaticShape() && slice.getType().hasStaticShape() &&
                   slice.getType().getRank() == slice.getSourceType().getRank() && slice.getOffsets().empty() &&
                   llvm::all_of(slice.getStaticStrides(), [](int64_t stride) { return stride == 1; });
    return isPlain ? slice : tensor::ExtractSliceOp();
  };
  auto first = sliceOf(inserts.front());
  if (!first || llvm::any_of(first.getStaticOffsets(), [](int64_t offset) { return offset != 0; }))
    return 1;
  ArrayRef<int64_t> whole = first.getSourceType().getShape();
  SmallVector<int64_t> covered(first.getType().getShape());
  ArrayRef<int64_t> start = inserts.front().getStaticOffsets();
  for (size_t count = 1;; ++count) {
    if (ArrayRef(covered) == whole)
      return count;
    auto next = count < inserts.size() ? sliceOf(inserts[count]) : tensor::ExtractSliceOp();
    if (!next || next.getSource() != first.getSource())
      return 1;
    std::optional<unsigned> along; // the dimension in which it goes on
    for (auto [dim, size] : llvm::enumerate(next.getType().getShape())) {
      int64_t offset = next.getStaticOffsets()[dim], target = inserts[count].getStaticOffsets()[dim];
      if (ShapedType::isDynamic(target) || ShapedType::isDynamic(start[dim]) || target - start[dim] != offset)
        return 1;
      if (offset == covered[dim] && offset != 0 && !along)
        along = dim;
      else if (offset != 0 || size != covered[dim])
        return 1;
    }
    if (!along)
      return 1;
    covered[*along] += next.getType().getDimSize(*along);
  }
}

struct AssembleParts : onnxc::impl::AssemblePartsBase<AssembleParts> {
  void runOnOperation() override {
    SmallVector<tensor::InsertSliceOp> last;
    getOperation().walk([&](tensor::InsertSliceOp insert) {
      auto next = insert->hasOneUse() ? dyn_cast<tensor::InsertSliceOp>(*insert->user_begin()) : nullptr;
      bool continues = next && isPlain(next) && before(next) == insert;
      if (isPlain(insert) && !continues)
        last.push_back(insert);
    });
    llvm::for_each(last, [&](tensor::InsertSliceOp insert) { assemble(insert); });
  }

  void assemble(tensor::InsertSliceOp last) {
    SmallVector<tensor::InsertSliceOp> inserts;
    for (tensor::InsertSliceOp insert = last; insert; insert = before(insert))
      inserts.push_back(insert);
    std::reverse(inserts.begin(), inserts.end());
    auto empty = inserts.front().getDest().getDefiningOp<tensor::EmptyOp>();
    if (!empty || inserts.size() < 2)
      return;
    OpBuilder b(last);
    SmallVector<Value> parts;
    SmallVector<OpFoldResult> offsets;
    for (MutableArrayRef<tensor::InsertSliceOp> rest(inserts); !rest.empty();) {
      llvm::append_range(offsets, rest.front().getMixedOffsets());
      size_t count = countOfOne(rest);
      Value source = rest.front().getSource();
      parts.push_back(count > 1 ? source.getDefiningOp<tensor::ExtractSliceOp>().getSource() : source);
      rest = rest.drop_front(count);
    }
    SmallVector<int64_t> known;
    SmallVector<Value> dynamic;
    dispatchIndexOpFoldResults(offsets, dynamic, known);
    Value whole = b.clone(*empty)->getResult(0);
    auto assemble = AssembleOp::create(b, last.getLoc(), last->getResultTypes(), parts, dynamic, whole, known);
    last.replaceAllUsesWith(assemble.getResult(0));
    for (tensor::InsertSliceOp insert : llvm::reverse(inserts))
      insert.erase();
    if (empty.use_empty())
      empty.erase();
    ++assembled;
  }
};

/// What is done with a buffer, directly or through views, on both sides of an operation in its block.
struct Uses {
  bool readAfter = false, writtenAfter = false, usedBefore = false;
  bool known = true; ///< and not handed on to where nobody looks

  Uses(Value buffer, AssembleOp op) { add(buffer, op); }

private:
  void add(Value buffer, AssembleOp op) {
    for (Operation *user : buffer.getUsers()) {
      // A border is not where the parts are.
      if (user == op || isa<memref::DimOp, memref::DeallocOp, onnxc::kernel::FillBorderOp>(user))
        continue;
      if (isa<ViewLikeOpInterface>(user)) {
        add(user->getResult(0), op);
        continue;
      }
      Operation *here = op->getBlock()->findAncestorOpInBlock(*user);
      auto effects = dyn_cast<MemoryEffectOpInterface>(user);
      if (!here || !effects || llvm::any_of(user->getResultTypes(), llvm::IsaPred<MemRefType>)) {
        known = false;
        continue;
      }
      if (here->isBeforeInBlock(op)) {
        usedBefore = true;
        continue;
      }
      SmallVector<MemoryEffects::EffectInstance> list;
      effects.getEffectsOnValue(buffer, list);
      known &= !list.empty();
      for (const MemoryEffects::EffectInstance &effect : list)
        (isa<MemoryEffects::Read>(effect.getEffect()) ? readAfter : writtenAfter) = true;
    }
  }
};

/// Whether a buffer, and the views into it, can have another type: those who use it take any layout with neighbours
/// along the last dimension.
bool canRetype(Value buffer, MemRefType type) {
  return llvm::all_of(buffer.getUsers(), [&](Operation *user) {
    if (isa<ViewLikeOpInterface>(user)) {
      MemRefType view = onnxc::cpu::inferViewType(user, type);
      return view && canRetype(user->getResult(0), view);
    }
    return isa<DestinationStyleOpInterface, memref::CopyOp, memref::DimOp, memref::LoadOp, memref::StoreOp,
               memref::DeallocOp>(user);
  });
}

void retype(Value buffer, MemRefType type) {
  buffer.setType(type);
  for (Operation *user : buffer.getUsers())
    if (isa<ViewLikeOpInterface>(user))
      retype(user->getResult(0), onnxc::cpu::inferViewType(user, type));
}

/// Collects `op` and what it needs of what stands behind `place` in its block, in an order in which it can go before it.
/// False where that is more than arithmetic, views and the making of a buffer.
bool collectBehind(Operation *op, Operation *place, llvm::SetVector<Operation *> &behind) {
  if (op->getBlock() != place->getBlock() || op->isBeforeInBlock(place) || behind.contains(op))
    return true;
  if (!isa<memref::AllocOp>(op) && (!isPure(op) || op->getNumRegions()))
    return false;
  for (Value operand : op->getOperands())
    if (Operation *needed = operand.getDefiningOp(); needed && !collectBehind(needed, place, behind))
      return false;
  behind.insert(op);
  return true;
}

struct PlaceParts : onnxc::impl::PlacePartsBase<PlaceParts> {
  void runOnOperation() override {
    SmallVector<AssembleOp> all;
    getOperation().walk([&](AssembleOp op) { all.push_back(op); });
    for (AssembleOp op : all) {
      Uses whole(getBuffer(op.getInit()), op);
      for (unsigned i = 0; i < op.getParts().size(); ++i)
        if (place(op, i, whole))
          ++placed;
        else
          copy(op, i), ++copied;
      op.erase();
    }
  }

private:
  static Value getBuffer(Value view) {
    while (auto op = view.getDefiningOp<ViewLikeOpInterface>())
      view = op.getViewSource();
    return view;
  }

  static Value makePlace(OpBuilder &b, AssembleOp op, unsigned i, ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> steps(sizes.size(), b.getIndexAttr(1));
    return memref::SubViewOp::create(b, op.getLoc(), op.getInit(), op.getOffsetsOf(i), sizes, steps);
  }

  static void copy(AssembleOp op, unsigned i) {
    OpBuilder b(op);
    Value part = op.getParts()[i];
    memref::CopyOp::create(b, op.getLoc(), part, makePlace(b, op, i, memref::getMixedSizes(b, op.getLoc(), part)));
  }

  /// Makes part `i` a view into the whole, if nobody can tell the difference.
  static bool place(AssembleOp op, unsigned i, const Uses &whole) {
    auto alloc = op.getParts()[i].getDefiningOp<memref::AllocOp>();
    if (!alloc || alloc->getBlock() != op->getBlock() || llvm::count(op.getParts(), alloc.getResult()) != 1 ||
        !whole.known || whole.usedBefore)
      return false;
    Uses part(alloc, op);
    if (!part.known || part.writtenAfter || (part.readAfter && whole.writtenAfter))
      return false;
    // Where the part is made, there must be the whole, and what tells the place in it.
    Value buffer = getBuffer(op.getInit());
    bool isArgument = isa<BlockArgument>(buffer) && isa<func::FuncOp>(op->getParentOp());
    if (!isArgument && (!buffer.getDefiningOp<memref::AllocOp>() || buffer.getParentBlock() != op->getBlock()))
      return false;
    SmallVector<OpFoldResult> offsets = op.getOffsetsOf(i);
    llvm::SetVector<Operation *> behind;
    auto isThere = [&](Value value) {
      Operation *op = value.getDefiningOp();
      return !op || collectBehind(op, alloc, behind);
    };
    if (!isThere(op.getInit()) || !llvm::all_of(offsets, [&](OpFoldResult offset) {
          auto value = dyn_cast<Value>(offset);
          return !value || isThere(value);
        }))
      return false;
    SmallVector<OpFoldResult> sizes = alloc.getMixedSizes(), steps(sizes.size(), Builder(op).getIndexAttr(1));
    MemRefType type = memref::SubViewOp::inferResultType(cast<MemRefType>(op.getInit().getType()), offsets, sizes, steps);
    if (!type.isLastDimUnitStride() || !canRetype(alloc, type))
      return false;
    for (Operation *op : behind)
      op->moveBefore(alloc);
    OpBuilder b(alloc);
    Value view = makePlace(b, op, i, sizes);
    alloc.getResult().replaceAllUsesWith(view);
    alloc.erase();
    retype(view, type);
    return true;
  }
};
} // namespace
