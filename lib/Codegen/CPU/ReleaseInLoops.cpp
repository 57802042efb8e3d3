//===- lib/Codegen/CPU/ReleaseInLoops.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory that a loop takes at run time is given back in the same round, or when the next round has replaced it: else a
// loop would need memory for every round at once.
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SetVector.h"

namespace onnxc {
#define GEN_PASS_DEF_RELEASEINLOOPS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

/// Whether `buffer`, of `block` or an argument of it, is in what the block hands on, `exempt` aside.
static bool isHandedOn(Value buffer, Block *block, OpOperand *exempt = nullptr) {
  llvm::SetVector<Value> aliases;
  aliases.insert(buffer);
  for (size_t i = 0; i < aliases.size(); ++i)
    for (OpOperand &use : aliases[i].getUses()) {
      Operation *user = use.getOwner();
      if (user == block->getTerminator()) {
        if (&use != exempt)
          return true;
        continue;
      }
      if (isa<scf::YieldOp, scf::ConditionOp>(user))
        user = user->getParentOp();
      for (Value result : user->getResults())
        if (isa<BaseMemRefType>(result.getType()))
          aliases.insert(result);
      if (isa<LoopLikeOpInterface>(user))
        for (Region &region : user->getRegions())
          for (BlockArgument argument : region.getArguments())
            if (isa<BaseMemRefType>(argument.getType()))
              aliases.insert(argument);
    }
  return false;
}

/// Whether `next` is an allocation of `loop`, or the buffer `old` as it was.
static bool isNewOr(Value next, Value old, Operation *loop) {
  if (next == old)
    return true;
  Operation *op = next.getDefiningOp();
  if (!op || !loop->isProperAncestor(op))
    return false;
  if (auto branches = dyn_cast<scf::IfOp>(op)) {
    unsigned i = cast<OpResult>(next).getResultNumber();
    return isNewOr(branches.thenYield().getOperand(i), old, loop) &&
           isNewOr(branches.elseYield().getOperand(i), old, loop);
  }
  if (auto cast = dyn_cast<memref::CastOp>(op))
    return isNewOr(cast.getSource(), old, loop);
  return isa<memref::AllocOp>(op);
}

namespace {
struct ReleaseInLoops : onnxc::impl::ReleaseInLoopsBase<ReleaseInLoops> {
  void runOnOperation() override {
    SmallVector<memref::AllocOp> nested;
    getOperation().walk([&](memref::AllocOp alloc) {
      if (alloc->getParentOfType<LoopLikeOpInterface>())
        nested.push_back(alloc);
    });
    for (memref::AllocOp alloc : nested) {
      Block *block = alloc->getBlock();
      if (isHandedOn(alloc, block))
        continue;
      OpBuilder b(block->getTerminator());
      memref::DeallocOp::create(b, alloc.getLoc(), alloc);
      ++released;
    }
    if (!nested.empty())
      getOperation().walk([&](scf::WhileOp loop) { releaseReplaced(loop); });
  }

private:
  /// What the loop carries in a buffer that it has allocated itself, other than the one that it began with, goes when
  /// there is another.
  void releaseReplaced(scf::WhileOp loop) {
    scf::YieldOp yield = loop.getYieldOp();
    scf::ConditionOp condition = loop.getConditionOp();
    for (OpOperand &operand : yield->getOpOperands()) {
      Value next = operand.get();
      if (!isa<MemRefType>(next.getType()))
        continue;
      unsigned k = operand.getOperandNumber();
      auto place = llvm::find(condition.getArgs(), Value(loop.getBeforeArguments()[k]));
      if (place == condition.getArgs().end() || !loop.getBeforeArguments()[k].hasOneUse())
        continue;
      Value old = loop.getAfterArguments()[std::distance(condition.getArgs().begin(), place)];
      if (!isNewOr(next, old, loop) || next == old || isHandedOn(old, loop.getAfterBody(), &operand))
        continue;
      ImplicitLocOpBuilder b(loop.getLoc(), yield);
      auto differs = [&](Value x, Value y) -> Value {
        return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, memref::ExtractAlignedPointerAsIndexOp::create(b, x),
                                     memref::ExtractAlignedPointerAsIndexOp::create(b, y));
      };
      Value isDead = arith::AndIOp::create(b, differs(old, next), differs(old, loop.getInits()[k]));
      auto branch = scf::IfOp::create(b, isDead, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
      memref::DeallocOp::create(b, old);
      ++released;
    }
  }
};
} // namespace
