//===- lib/Codegen/CPU/InsertCheckpoints.cpp ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Places where a run may end early: before each parallel loop, and in the rounds of serial loops that may take long.
//
// A checkpoint is a call of a dozen instructions, so it must not be in loops that are themselves not much more. A loop
// whose round has the work of a thousand operations has one in each round, as has a loop that goes on until a condition
// holds. Another loop that is in no loop is cut into pieces of 2^20 rounds.
#include "dialects/rt/RtDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace onnxc {
#define GEN_PASS_DEF_INSERTCHECKPOINTS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

/// Rounds of a loop that only the run knows.
static constexpr double kUnknownRounds = 16;
/// Operations in a round that a checkpoint is small beside.
static constexpr double kLongRound = 1000;
static constexpr int64_t kPiece = 1 << 20;

static std::optional<int64_t> countRounds(scf::ForOp loop) {
  auto rounds = loop.getStaticTripCount();
  return rounds ? std::optional<int64_t>(rounds->getLimitedValue(INT64_MAX)) : std::nullopt;
}

static double countOperations(Region &region) {
  double sum = 0;
  for (Operation &op : region.getOps()) {
    double inside = 1;
    for (Region &nested : op.getRegions())
      inside += countOperations(nested);
    if (auto loop = dyn_cast<scf::ForOp>(op))
      inside *= countRounds(loop).value_or(kUnknownRounds);
    else if (isa<scf::WhileOp>(op))
      inside *= kUnknownRounds;
    sum += inside;
  }
  return sum;
}

namespace {
struct InsertCheckpoints : onnxc::impl::InsertCheckpointsBase<InsertCheckpoints> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.getName() == "onnxc_run" || function.getName() == "onnxc_main")
        insert(function);
  }

private:
  void insert(func::FuncOp function) {
    SmallVector<func::CallOp> parallel;
    SmallVector<scf::WhileOp> whiles;
    SmallVector<scf::ForOp> loops, outermost;
    function.walk([&](Operation *op) {
      if (auto call = dyn_cast<func::CallOp>(op); call && call.getCallee() == "onnxc_parallel")
        parallel.push_back(call);
      else if (auto loop = dyn_cast<scf::WhileOp>(op))
        whiles.push_back(loop);
      else if (auto loop = dyn_cast<scf::ForOp>(op)) {
        if (countOperations(loop.getRegion()) >= kLongRound)
          loops.push_back(loop);
        else if (loop->getParentOp() == function && countRounds(loop).value_or(INT64_MAX) > kPiece)
          outermost.push_back(loop);
      }
    });
    for (func::CallOp call : parallel)
      add(call);
    for (scf::WhileOp loop : whiles)
      addToRound(loop.getAfterBody());
    for (scf::ForOp loop : loops)
      addToRound(loop.getBody());
    for (scf::ForOp loop : outermost)
      cut(loop);
  }

  void add(Operation *before) {
    OpBuilder b(before);
    onnxc::rt::CheckpointOp::create(b, before->getLoc());
    ++checkpoints;
  }

  void addToRound(Block *body) {
    if (body->getOps<onnxc::rt::CheckpointOp>().empty())
      add(&body->front());
  }

  /// for (i = from; i < to; i += step) becomes
  /// for (j = from; j < to; j += piece) { checkpoint; for (i = j; i < j + min(to - j, piece); i += step) }.
  void cut(scf::ForOp loop) {
    ImplicitLocOpBuilder b(loop.getLoc(), loop);
    Type type = loop.getInductionVar().getType();
    Value count = arith::ConstantOp::create(b, type, b.getIntegerAttr(type, kPiece));
    Value piece = arith::MulIOp::create(b, loop.getStep(), count);
    auto pieces = scf::ForOp::create(b, loop.getLowerBound(), loop.getUpperBound(), piece, loop.getInitArgs());
    loop.replaceAllUsesWith(pieces);
    loop->moveBefore(pieces.getBody(), pieces.getBody()->begin());
    b.setInsertionPoint(loop);
    Value from = pieces.getInductionVar();
    Value rest = arith::SubIOp::create(b, pieces.getUpperBound(), from);
    Value to = arith::AddIOp::create(b, from, arith::MinSIOp::create(b, rest, piece));
    loop.setLowerBound(from);
    loop.setUpperBound(to);
    loop.getInitArgsMutable().assign(pieces.getRegionIterArgs());
    if (loop.getNumResults() > 0) {
      b.setInsertionPointToEnd(pieces.getBody());
      scf::YieldOp::create(b, loop.getResults());
    }
    addToRound(pieces.getBody());
  }
};
} // namespace
