//===- lib/Codegen/CPU/FoldViews.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes constants of large ones that are transposed or widened, without making their bytes.
#include "dialects/kernel/Weights.h"
#include "lib/Codegen/CPU/Constants.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace onnxc {
#define GEN_PASS_DEF_FOLDVIEWS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc;

namespace {
struct FoldViews : onnxc::impl::FoldViewsBase<FoldViews> {
  using FoldViewsBase::FoldViewsBase;

  void runOnOperation() override {
    cpu::MadeBytes room(getOperation());
    // Reshapes and slices stay: they take no time, and several of one constant share its bytes.
    getOperation().walk([&](linalg::LinalgOp op) {
      if (!isa<linalg::TransposeOp, linalg::GenericOp>(op) || op->getNumResults() != 1)
        return;
      Value result = op->getResult(0);
      auto view = ConstantView::of(result);
      int64_t bytes = view ? cpu::countBytes(cast<RankedTensorType>(result.getType())) : 0;
      if (!view || bytes < leastBytes)
        return;
      ElementsAttr constant = view->asAttribute();
      if (!room.take(constant))
        return;
      OpBuilder b(op);
      result.replaceAllUsesWith(arith::ConstantOp::create(b, op.getLoc(), cast<TypedAttr>(constant)));
      op.erase();
      ++folded;
    });
  }
};
} // namespace
