//===- lib/Codegen/Common/LowerLoops.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops and branches of scf become branches between blocks, the last one of a block first. MLIR's own pass has the same
// patterns, but begins at the front: each loop moves all that comes after it, and thousands of loops take minutes.
#include "lib/Codegen/Common/Passes.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Rewrite/FrozenRewritePatternSet.h"
#include "mlir/Rewrite/PatternApplicator.h"

namespace onnxc {
#define GEN_PASS_DEF_LOWERLOOPS
#include "lib/Codegen/Common/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
struct LowerLoops : onnxc::impl::LowerLoopsBase<LowerLoops> {
  void runOnOperation() override {
    SmallVector<Operation *> found;
    getOperation()->walk<WalkOrder::PreOrder, ReverseIterator>([&](Operation *op) {
      if (isa<scf::SCFDialect>(op->getDialect()) && !op->hasTrait<OpTrait::IsTerminator>())
        found.push_back(op);
    });
    RewritePatternSet patterns(&getContext());
    populateSCFToControlFlowConversionPatterns(patterns);
    FrozenRewritePatternSet frozen(std::move(patterns));
    PatternApplicator applicator(frozen);
    applicator.applyDefaultCostModel();
    PatternRewriter rewriter(&getContext());
    for (Operation *op : found) {
      rewriter.setInsertionPoint(op);
      if (failed(applicator.matchAndRewrite(op, rewriter))) {
        op->emitError("internal error: no branches for this");
        return signalPassFailure();
      }
    }
    lowered += found.size();
  }
};
} // namespace
