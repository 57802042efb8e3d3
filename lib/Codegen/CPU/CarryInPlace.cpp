//===- lib/Codegen/CPU/CarryInPlace.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a loop carries from one step to the next stays in one buffer: an update writes over the old value where it may,
// and is copied there where it may not.
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/TensorQueries.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace onnxc {
#define GEN_PASS_DEF_CARRYINPLACE
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

/// Whether `value` lies in the buffer of `carried`: it is that tensor with some of its elements overwritten.
static bool isUpdateOf(Value value, BlockArgument carried) {
  while (value && value != carried) {
    auto result = dyn_cast<OpResult>(value);
    if (auto branches = result ? dyn_cast<scf::IfOp>(result.getOwner()) : scf::IfOp())
      return isUpdateOf(branches.thenYield().getOperand(result.getResultNumber()), carried) &&
             isUpdateOf(branches.elseYield().getOperand(result.getResultNumber()), carried);
    value = result ? onnxc::cpu::getOverwritten(result) : Value();
  }
  return value == carried;
}

/// Lets the operation that computes `next` write over the old value. Possible when it starts from nothing, reads each
/// old element for the new one in its place only, and nothing reads the old value later.
static bool writeOver(OpResult next, BlockArgument carried) {
  auto generic = dyn_cast<linalg::GenericOp>(next.getOwner());
  if (!generic || generic->getBlock() != carried.getOwner() || generic.getNumReductionLoops() != 0)
    return false;
  OpOperand *init = generic.getTiedOpOperand(next);
  if (generic.payloadUsesValueFromOperand(init) || !init->get().getDefiningOp<tensor::EmptyOp>())
    return false;
  for (OpOperand &use : carried.getUses()) {
    if (use.getOwner() == generic) {
      if (!generic.isDpsInput(&use) || generic.getMatchingIndexingMap(&use) != generic.getMatchingIndexingMap(init))
        return false;
      continue;
    }
    Operation *reader = carried.getOwner()->findAncestorOpInBlock(*use.getOwner());
    if (!reader->isBeforeInBlock(generic))
      return false;
  }
  init->set(carried);
  return true;
}

namespace {
struct CarryInPlace : onnxc::impl::CarryInPlaceBase<CarryInPlace> {
  void runOnOperation() override {
    getOperation().walk([&](scf::ForOp loop) {
      auto yield = cast<scf::YieldOp>(loop.getBody()->getTerminator());
      for (auto [carried, operand] : llvm::zip_equal(loop.getRegionIterArgs(), yield->getOpOperands()))
        keep(carried, operand);
    });
    getOperation().walk([&](scf::WhileOp loop) {
      for (OpOperand &operand : loop.getYieldOp()->getOpOperands())
        if (BlockArgument carried = onnxc::cpu::getCarried(loop, operand.getOperandNumber()))
          keep(carried, operand);
    });
  }

private:
  /// The yield's `operand` is what takes the place of `carried`.
  void keep(BlockArgument carried, OpOperand &operand) {
    Value next = operand.get();
    if (!isa<RankedTensorType>(next.getType()) || isUpdateOf(next, carried) || onnxc::cpu::isRenewed(next))
      return;
    if (auto result = dyn_cast<OpResult>(next); result && writeOver(result, carried))
      return;
    OpBuilder b(operand.getOwner());
    operand.set(linalg::CopyOp::create(b, next.getLoc(), next, carried).getResult(0));
    ++copies;
  }
};
} // namespace
