//===- dialects/rt/EmptyParts.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parts of tensors that turn out to have no element. MLIR's verifiers want the first element of a part inside of the
// whole, and where a size is the number 0 no place is: what reads or writes such a part goes away, and so do loops over
// it.
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

/// Whether a size is known to be 0, by the type or by what a cast hides.
static bool isEmpty(Value value) {
  if (llvm::is_contained(cast<ShapedType>(value.getType()).getShape(), 0))
    return true;
  Operation *op = value.getDefiningOp();
  return isa_and_nonnull<tensor::CastOp, memref::CastOp>(op) &&
         isa<RankedTensorType, MemRefType>(op->getOperandTypes()[0]) && isEmpty(op->getOperand(0));
}

static LogicalResult dropExtract(tensor::ExtractSliceOp op, PatternRewriter &rewriter) {
  if (!isEmpty(op.getSource()) && !isEmpty(op.getResult()))
    return failure();
  SmallVector<Value> sizes;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  int64_t d = 0;
  for (auto [i, size] : llvm::enumerate(op.getMixedSizes()))
    if (!dropped[i] && op.getType().isDynamicDim(d++))
      sizes.push_back(getValueOrCreateConstantIndexOp(rewriter, op.getLoc(), size));
  rewriter.replaceOpWithNewOp<tensor::EmptyOp>(op, op.getType(), sizes);
  return success();
}

static LogicalResult dropInsert(tensor::InsertSliceOp op, PatternRewriter &rewriter) {
  if (!isEmpty(op.getSource()) && !isEmpty(op.getDest()))
    return failure();
  rewriter.replaceOp(op, op.getDest());
  return success();
}

/// A view with the same sizes from the start of the whole: it reads and writes nothing either.
static LogicalResult moveView(memref::SubViewOp op, PatternRewriter &rewriter) {
  if (!isEmpty(op.getSource()))
    return failure();
  auto [strides, offset] = op.getType().getStridesAndOffset();
  auto value = [&](int64_t number, int64_t ofDynamic) -> OpFoldResult {
    if (!ShapedType::isDynamic(number))
      return rewriter.getIndexAttr(number);
    return arith::ConstantIndexOp::create(rewriter, op.getLoc(), ofDynamic).getResult();
  };
  SmallVector<OpFoldResult> sizes, steps;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (auto [i, size] : llvm::enumerate(op.getMixedSizes()))
    if (!dropped[i])
      sizes.push_back(op.getType().isDynamicDim(sizes.size())
                          ? OpFoldResult(getValueOrCreateConstantIndexOp(rewriter, op.getLoc(), size))
                          : OpFoldResult(rewriter.getIndexAttr(op.getType().getDimSize(sizes.size()))));
  for (int64_t stride : strides)
    steps.push_back(value(stride, 1));
  rewriter.replaceOpWithNewOp<memref::ReinterpretCastOp>(op, op.getType(), op.getSource(), value(offset, 0), sizes,
                                                         steps);
  return success();
}

namespace {
/// Loops without a round leave what they start from.
struct DropLoops : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::LinalgOp op, PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics() || !llvm::is_contained(op.getStaticLoopRanges(), 0))
      return failure();
    rewriter.replaceOp(op, op.getDpsInits());
    return success();
  }
};
} // namespace

void onnxc::rt::populateEmptyPartPatterns(RewritePatternSet &patterns) {
  patterns.add(dropExtract).add(dropInsert).add(moveView).add<DropLoops>(patterns.getContext());
}
