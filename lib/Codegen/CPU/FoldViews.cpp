//===- lib/Codegen/CPU/FoldViews.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes constants of large ones that are transposed or widened, without making their bytes.
#include "dialects/kernel/Weights.h"
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
/// Bytes that views may take, whatever the constants do, and beyond them as many times theirs: a file of few bytes may
/// have many transposes of one constant.
constexpr int64_t kFreeBytes = 64 << 20, kMaxGrowth = 4;

struct FoldViews : onnxc::impl::FoldViewsBase<FoldViews> {
  using FoldViewsBase::FoldViewsBase;

  void runOnOperation() override {
    int64_t left = kFreeBytes;
    DenseSet<Attribute> known;
    getOperation().walk([&](arith::ConstantOp op) {
      auto view = ConstantView::of(op.getValue());
      if (view && known.insert(op.getValue()).second)
        left = llvm::SaturatingMultiplyAdd<uint64_t>(cpu::countBytes(cast<RankedTensorType>(op.getType())), kMaxGrowth,
                                                     left);
    });
    // Reshapes and slices stay: they take no time, and several of one constant share its bytes.
    getOperation().walk([&](linalg::LinalgOp op) {
      if (!isa<linalg::TransposeOp, linalg::GenericOp>(op) || op->getNumResults() != 1)
        return;
      Value result = op->getResult(0);
      auto view = ConstantView::of(result);
      int64_t bytes = view ? cpu::countBytes(cast<RankedTensorType>(result.getType())) : 0;
      if (!view || bytes < leastBytes || bytes > left)
        return;
      left -= bytes;
      OpBuilder b(op);
      result.replaceAllUsesWith(arith::ConstantOp::create(b, op.getLoc(), cast<TypedAttr>(view->asAttribute())));
      op.erase();
      ++folded;
    });
  }
};
} // namespace
