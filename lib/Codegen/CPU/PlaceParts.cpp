//===- lib/Codegen/CPU/PlaceParts.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parts of a buffer are computed in their places: no copies.
#include "dialects/kernel/KernelDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/Views.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace onnxc {
#define GEN_PASS_DEF_PLACEPARTS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using onnxc::kernel::AssembleOp;

namespace {
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

/// Collects `op` and what it needs of what stands behind `place` in its block, in an order in which it can go before
/// it. False where that is more than arithmetic, views and the making of a buffer.
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
    // An output is there once its sizes are known, which the function returns.
    if (isArgument && !cast<MemRefType>(buffer.getType()).hasStaticShape() &&
        !llvm::all_of(op->getBlock()->getTerminator()->getOperands(), isThere))
      return false;
    SmallVector<OpFoldResult> sizes = alloc.getMixedSizes(), steps(sizes.size(), Builder(op).getIndexAttr(1));
    MemRefType type =
        memref::SubViewOp::inferResultType(cast<MemRefType>(op.getInit().getType()), offsets, sizes, steps);
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
