//===- lib/Codegen/CPU/ForkLoops.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops whose rounds follow one another, such as the two directions of a recurrent layer, run side by side when neither
// writes what another one touches. Only loops with little work in a round: more work is shared out inside of it.
#include "dialects/kernel/KernelDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

namespace onnxc {
#define GEN_PASS_DEF_FORKLOOPS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

/// Multiplications in a round that several threads would gain nothing from: some ten microseconds.
static constexpr double kLittleWork = 2e6;

namespace {
/// What an operation reads or writes: a buffer, or `window` of it.
struct Access {
  Value buffer;
  memref::SubViewOp window; ///< null: all of it
  bool writes;
};
using Accesses = SmallVector<Access>;

/// The buffer that `value` is a view of, in `access`. False when that isn't known.
bool trace(Value value, Access &access) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>()) {
    access.window = dyn_cast<memref::SubViewOp>(view.getOperation());
    value = view.getViewSource();
  }
  access.buffer = value;
  auto argument = dyn_cast<BlockArgument>(value);
  return argument ? isa<func::FuncOp>(argument.getOwner()->getParentOp())
                  : isa<memref::AllocOp, memref::GetGlobalOp>(value.getDefiningOp());
}

/// Adds what `op` and the operations inside of it touch. False when that isn't known.
bool collect(Operation *op, Accesses &accesses) {
  auto visit = [&](Operation *inside) {
    auto interface = dyn_cast<MemoryEffectOpInterface>(inside);
    if (!interface)
      return inside->hasTrait<OpTrait::HasRecursiveMemoryEffects>() ? WalkResult::advance() : WalkResult::interrupt();
    SmallVector<MemoryEffects::EffectInstance> effects;
    interface.getEffects(effects);
    for (const MemoryEffects::EffectInstance &effect : effects) {
      if (isa<MemoryEffects::Allocate>(effect.getEffect()))
        continue;
      Access access{{}, {}, !isa<MemoryEffects::Read>(effect.getEffect())};
      if (!effect.getValue() || !trace(effect.getValue(), access))
        return WalkResult::interrupt();
      accesses.push_back(access);
    }
    return WalkResult::advance();
  };
  return !op->walk(visit).wasInterrupted();
}

/// Whether the two have no element in common, to be seen from a dimension along which both are in known places.
bool areApart(memref::SubViewOp a, memref::SubViewOp b) {
  if (!a || !b)
    return false;
  for (auto [fromA, sizeA, stepA, fromB, sizeB, stepB] :
       llvm::zip_equal(a.getStaticOffsets(), a.getStaticSizes(), a.getStaticStrides(), b.getStaticOffsets(),
                       b.getStaticSizes(), b.getStaticStrides())) {
    bool isKnown = llvm::none_of(ArrayRef<int64_t>{fromA, sizeA, stepA, fromB, sizeB, stepB}, ShapedType::isDynamic);
    if (isKnown && stepA == 1 && stepB == 1 && (fromA + sizeA <= fromB || fromB + sizeB <= fromA))
      return true;
  }
  return false;
}

bool areIndependent(const Accesses &some, const Accesses &others) {
  return llvm::none_of(some, [&](const Access &a) {
    return llvm::any_of(others, [&](const Access &b) {
      return a.buffer == b.buffer && (a.writes || b.writes) && !areApart(a.window, b.window);
    });
  });
}

/// Multiplications of a round; sizes that only the run knows count as 1.
double workOf(scf::ForOp loop) {
  auto product = [](ArrayRef<int64_t> sizes) {
    double result = 1;
    for (int64_t size : sizes)
      result *= ShapedType::isDynamic(size) ? 1 : size;
    return result;
  };
  double work = 0;
  loop.getBody()->walk([&](Operation *op) {
    if (auto contract = dyn_cast<onnxc::kernel::ContractOp>(op))
      work += product(cast<ShapedType>(contract.getRhs().getType()).getShape()) *
              product(cast<ShapedType>(contract.getInit().getType()).getShape().drop_back());
    else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
      work += product(linalgOp.getStaticLoopRanges());
  });
  return work;
}

/// Brings the buffers of a round out of the loop. False when the loop isn't one that could run beside another.
bool prepare(scf::ForOp loop) {
  if (loop.getNumResults() != 0 || workOf(loop) > kLittleWork)
    return false;
  moveLoopInvariantCode(loop);
  SmallVector<memref::AllocOp> allocs;
  WalkResult result = loop.getBody()->walk([&](Operation *op) {
    bool makesBuffer =
        llvm::any_of(op->getResultTypes(), llvm::IsaPred<BaseMemRefType>) && !isa<ViewLikeOpInterface>(op);
    if (auto alloc = dyn_cast<memref::AllocOp>(op);
        alloc && llvm::all_of(op->getOperands(), [&](Value size) { return loop.isDefinedOutsideOfLoop(size); }))
      allocs.push_back(alloc);
    else if (makesBuffer || isa<scf::ForallOp>(op))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return false;
  for (memref::AllocOp alloc : allocs)
    alloc->moveBefore(loop);
  return true;
}

/// Loops that run side by side, and all that they touch.
struct Group {
  SmallVector<scf::ForOp> loops;
  Accesses accesses;

  void fork() {
    ImplicitLocOpBuilder b(loops[0].getLoc(), loops.back());
    auto forall =
        scf::ForallOp::create(b, ArrayRef<OpFoldResult>(b.getIndexAttr(loops.size())), ValueRange(), std::nullopt);
    b.setInsertionPointToStart(forall.getBody());
    for (auto [i, loop] : llvm::enumerate(loops)) {
      if (i + 1 == loops.size()) {
        loop->moveBefore(b.getInsertionBlock(), b.getInsertionPoint());
        break;
      }
      Value mine = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, forall.getInductionVar(0),
                                         arith::ConstantIndexOp::create(b, i));
      auto branches = scf::IfOp::create(b, mine, /*withElseRegion=*/true);
      loop->moveBefore(branches.thenYield());
      b.setInsertionPoint(branches.elseYield());
    }
  }
};

struct ForkLoops : onnxc::impl::ForkLoopsBase<ForkLoops> {
  void runOnOperation() override {
    Group group;
    auto finish = [&] {
      if (group.loops.size() > 1) {
        forked += group.loops.size();
        group.fork();
      }
      group = {};
    };
    for (Operation &op : llvm::make_early_inc_range(getOperation().front())) {
      auto loop = dyn_cast<scf::ForOp>(op);
      if (!loop && group.loops.empty())
        continue;
      // Between two loops of a group is only what may as well come before both.
      Accesses accesses;
      bool isKnown = (!loop || prepare(loop)) && collect(&op, accesses);
      if (!isKnown || !areIndependent(group.accesses, accesses))
        finish();
      if (!loop || !isKnown)
        continue;
      group.loops.push_back(loop);
      llvm::append_range(group.accesses, accesses);
    }
    finish();
  }
};
} // namespace
