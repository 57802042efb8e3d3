//===- lib/Codegen/Common/LowerExpandShape.cpp -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes memref.expand_shape as the strides that it means. MLIR's expand-strided-metadata does that, too, but takes
// only one unknown size in what one dimension becomes.
#include "lib/Codegen/Common/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace onnxc {
#define GEN_PASS_DEF_LOWEREXPANDSHAPE
#include "lib/Codegen/Common/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

/// Whether one dimension of the source becomes several of unknown size.
static bool isAmbiguous(memref::ExpandShapeOp op) {
  return llvm::any_of(op.getReassociationIndices(), [&](const ReassociationIndices &group) {
    return llvm::count_if(group, [&](int64_t dim) { return op.getResultType().isDynamicDim(dim); }) > 1;
  });
}

static void lower(memref::ExpandShapeOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto source = memref::ExtractStridedMetadataOp::create(b, op.getSrc());
  SmallVector<OpFoldResult> sizes = op.getMixedOutputShape(), strides(sizes.size());
  SmallVector<OpFoldResult> from = source.getConstifiedMixedStrides();
  AffineExpr product = b.getAffineSymbolExpr(0) * b.getAffineSymbolExpr(1);
  for (auto [group, stride] : llvm::zip_equal(op.getReassociationIndices(), from))
    // The innermost dimension has the stride of the source, each other one what the one inside of it covers.
    for (int64_t dim : llvm::reverse(group)) {
      strides[dim] = stride;
      stride = affine::makeComposedFoldedAffineApply(b, b.getLoc(), product, {stride, sizes[dim]});
    }
  // Strides that the type has as numbers must be numbers here, too, and the other way round.
  auto [typeStrides, typeOffset] = op.getResultType().getStridesAndOffset();
  auto agree = [&](OpFoldResult value, int64_t number) -> OpFoldResult {
    return ShapedType::isDynamic(number) ? value : OpFoldResult(b.getIndexAttr(number));
  };
  for (auto [stride, number] : llvm::zip_equal(strides, typeStrides))
    stride = agree(stride, number);
  OpFoldResult offset = agree(source.getConstifiedMixedOffset(), typeOffset);
  Value view = memref::ReinterpretCastOp::create(b, op.getResultType(), source.getBaseBuffer(), offset, sizes, strides);
  op.replaceAllUsesWith(view);
  op.erase();
}

namespace {
struct LowerExpandShape : onnxc::impl::LowerExpandShapeBase<LowerExpandShape> {
  void runOnOperation() override {
    SmallVector<memref::ExpandShapeOp> found;
    getOperation()->walk([&](memref::ExpandShapeOp op) {
      if (isAmbiguous(op))
        found.push_back(op);
    });
    for (memref::ExpandShapeOp op : found)
      lower(op);
    lowered += found.size();
  }
};
} // namespace
