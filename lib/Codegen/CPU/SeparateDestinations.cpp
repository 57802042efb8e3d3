//===- lib/Codegen/CPU/SeparateDestinations.cpp ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Undoes what common subexpression elimination does to destinations: two operations that start from the same zeros
// would share a buffer, which bufferisation then has to copy. Zeros are made again instead, right where they are
// wanted.
#include "dialects/kernel/KernelDialect.h"
#include "dialects/rt/RtDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/TensorQueries.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace onnxc {
#define GEN_PASS_DEF_SEPARATEDESTINATIONS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
/// What `op` makes its result from, if the result holds nothing that has been computed: no content, or one number.
std::optional<Value> blankSource(Operation *op) {
  if (isa<tensor::EmptyOp>(op))
    return Value();
  if (auto fill = dyn_cast<linalg::FillOp>(op); fill && fill.hasPureTensorSemantics())
    return fill.getOutputs()[0];
  if (auto border = dyn_cast<onnxc::kernel::FillBorderOp>(op))
    return border.getInit();
  if (isa<tensor::ExtractSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op))
    return op->getOperand(0);
  return std::nullopt;
}

bool isBlank(Operation *op) {
  if (!op || op->getNumResults() != 1)
    return false;
  auto source = blankSource(op);
  return source && (!*source || isBlank(source->getDefiningOp()));
}

/// Whether the use writes to the value, or makes a blank of it that is written to, not only read.
bool isDestination(OpOperand &use) {
  Operation *user = use.getOwner();
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(user))
    return destination.isDpsInit(&use);
  if (isa<tensor::InsertSliceOp, tensor::ParallelInsertSliceOp>(user))
    return use.getOperandNumber() == 1;
  if (auto call = dyn_cast<onnxc::rt::CallOp>(user))
    return use.getOperandNumber() >= call.getInputs().size();
  if (isa<scf::YieldOp>(user))
    return true;
  if (isBlank(user))
    return llvm::any_of(user->getUses(), isDestination);
  return isa<LoopLikeOpInterface>(user);
}

/// Where to make `blank` again for `use`: in front of the user, or of what computes the part that it writes, which can
/// then be computed in place.
Operation *placeFor(Operation *blank, OpOperand &use) {
  Operation *user = use.getOwner();
  auto insert = dyn_cast<tensor::InsertSliceOp>(user);
  Operation *part = insert ? insert.getSource().getDefiningOp() : nullptr;
  bool movable = part && part->getBlock() == user->getBlock() && blank->getBlock() == user->getBlock() &&
                 blank->isBeforeInBlock(part);
  return movable ? part : user;
}

/// Whether the uses are in the branches of one operation, and at most one in each: then the tensor is its result.
bool sharedByBranches(Operation *op) {
  Operation *branches = op->use_empty() ? nullptr : op->use_begin()->getOwner()->getParentOp();
  if (!isa_and_nonnull<scf::IfOp>(branches) || branches->getBlock() != op->getBlock())
    return false;
  llvm::SmallDenseSet<Region *> regions;
  return llvm::all_of(op->getUses(), [&](OpOperand &use) {
    return use.getOwner()->getParentOp() == branches && regions.insert(use.getOwner()->getParentRegion()).second;
  });
}

/// Whether what a branch inserts was computed before it, at least in part: then it can't be computed in the place where
/// it is wanted, which has the sizes that it has only when the branch is taken.
bool isFromBefore(tensor::InsertSliceOp insert) {
  auto branches = insert->getParentOfType<scf::IfOp>();
  if (!branches || branches->isAncestor(insert.getDest().getParentRegion()->getParentOp()))
    return false;
  Value value = insert.getSource();
  while (branches->isAncestor(value.getParentRegion()->getParentOp())) {
    auto result = dyn_cast<OpResult>(value);
    Value overwritten = result ? onnxc::cpu::getOverwritten(result) : Value();
    if (!overwritten && result &&
        isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(result.getOwner()))
      overwritten = result.getOwner()->getOperand(0);
    if (!overwritten)
      return false;
    value = overwritten;
  }
  return !isBlank(value.getDefiningOp());
}

/// Copies the part instead.
void copyPart(tensor::InsertSliceOp insert) {
  OpBuilder b(insert);
  Value place =
      tensor::ExtractSliceOp::create(b, insert.getLoc(), insert.getSourceType(), insert.getDest(),
                                     insert.getMixedOffsets(), insert.getMixedSizes(), insert.getMixedStrides());
  auto copy = linalg::CopyOp::create(b, insert.getLoc(), insert.getSource(), place);
  insert.getSourceMutable().assign(copy.getResult(0));
}

struct SeparateDestinations : onnxc::impl::SeparateDestinationsBase<SeparateDestinations> {
  void runOnOperation() override {
    SmallVector<tensor::InsertSliceOp> fromBefore;
    getOperation().walk([&](tensor::InsertSliceOp insert) {
      if (isFromBefore(insert))
        fromBefore.push_back(insert);
    });
    llvm::for_each(fromBefore, copyPart);
    SmallVector<Operation *> blanks;
    getOperation().walk([&](Operation *op) {
      if (isBlank(op))
        blanks.push_back(op);
    });
    // Users before what they use: a copy of a fill is one more use of the tensor below it.
    for (Operation *op : llvm::reverse(blanks)) {
      SmallVector<OpOperand *> destinations;
      for (OpOperand &use : op->getUses())
        if (isDestination(use))
          destinations.push_back(&use);
      bool alone = op->hasOneUse();
      for (OpOperand *use : destinations) {
        // Branches write to one tensor: only one of them does.
        if (sharedByBranches(op))
          break;
        // One use may keep the original; in a loop, the first iteration must not spoil it for the next.
        if (alone && use->getOwner()->getParentRegion() == op->getParentRegion())
          break;
        OpBuilder b(placeFor(op, *use));
        use->set(b.clone(*op)->getResult(0));
        ++copies;
      }
      if (op->use_empty())
        op->erase();
    }
  }
};
} // namespace
