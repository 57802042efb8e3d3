//===- lib/Codegen/CPU/ExpandReshapes.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// memref.expand_shape becomes a reinterpretation of the same memory. MLIR's own expand-strided-metadata does the rest of
// the views, but takes no group with two sizes that are known at run time only (a batch and a sequence length).
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace onnxc {
#define GEN_PASS_DEF_EXPANDRESHAPES
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
struct ExpandReshapes : onnxc::impl::ExpandReshapesBase<ExpandReshapes> {
  void runOnOperation() override {
    getOperation().walk([&](memref::ExpandShapeOp op) {
      OpBuilder b(op);
      Location loc = op.getLoc();
      auto source = memref::ExtractStridedMetadataOp::create(b, loc, op.getSrc());
      SmallVector<OpFoldResult> sizes = op.getMixedOutputShape(), strides(sizes.size()),
                                outer = source.getConstifiedMixedStrides();
      AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
      for (auto [group, stride] : llvm::zip_equal(op.getReassociationIndices(), outer))
        for (int64_t dim : llvm::reverse(group)) {
          strides[dim] = stride;
          stride = affine::makeComposedFoldedAffineApply(b, loc, s0 * s1, {stride, sizes[dim]});
        }
      Value view = memref::ReinterpretCastOp::create(b, loc, op.getResultType(), source.getBaseBuffer(),
                                                     source.getConstifiedMixedOffset(), sizes, strides);
      op.replaceAllUsesWith(view);
      op.erase();
    });
  }
};
} // namespace
