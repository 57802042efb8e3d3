//===- lib/Codegen/CPU/FuseElementwise.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes one loop nest of elementwise operations that follow each other, and moves reshapes out of their way.
//
// Three rules keep fusion from doing harm: what follows a convolution or matrix product stays one operation behind it,
// to become its epilogue; nothing expensive is computed more than once; and a value with several users is only computed
// by each of them where that reads no more memory than the value itself.
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/TensorQueries.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace onnxc {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using onnxc::cpu::estimateBytes;
using onnxc::cpu::isContraction;
using onnxc::cpu::isHeavy;

namespace {
bool readsHeavy(linalg::GenericOp op) {
  return llvm::any_of(op.getDpsInputs(), [](Value input) { return isHeavy(input.getDefiningOp()); });
}

/// A few instructions per element that need no division, call or table.
bool isCheap(linalg::GenericOp op) {
  unsigned count = 0;
  for (Operation &nested : op.getBody()->without_terminator()) {
    if (isa<tensor::ExtractOp, arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemFOp, arith::RemSIOp,
            arith::RemUIOp, arith::FloorDivSIOp, arith::CeilDivSIOp>(nested) ||
        nested.getNumRegions() != 0)
      return false;
    if (isa<math::MathDialect>(nested.getDialect()) &&
        !isa<math::AbsFOp, math::AbsIOp, math::FloorOp, math::CeilOp, math::FmaOp, math::CopySignOp>(nested))
      return false;
    ++count;
  }
  return count <= 6;
}

/// Operations in the body of a fused loop, one of math counting as ten: past this many, a trip through memory is not
/// what takes the time, and the time to compile would grow with the square of a chain's length.
static constexpr unsigned kLargestBody = 400;

unsigned sizeOfBody(linalg::GenericOp op) {
  unsigned size = 0;
  for (Operation &nested : *op.getBody())
    size += isa<math::MathDialect>(nested.getDialect()) ? 10 : 1;
  return size;
}

/// Whether the consumer meets each element of the operand once.
bool readsOnce(OpOperand *operand) {
  auto consumer = cast<linalg::GenericOp>(operand->getOwner());
  AffineMap map = consumer.getMatchingIndexingMap(operand);
  SmallVector<int64_t> ranges = consumer.getStaticLoopRanges();
  for (auto [loop, range] : llvm::enumerate(ranges))
    if (range != 1 && !map.isFunctionOfDim(loop))
      return false;
  return true;
}

/// Whether computing the producer again reads no more than its result.
bool readsLittle(linalg::GenericOp producer) {
  double read = 0;
  for (Value input : producer.getDpsInputs())
    if (isa<RankedTensorType>(input.getType()))
      read += estimateBytes(input);
  return read <= 1.25 * estimateBytes(producer.getResult(0));
}

bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer || producer->getNumResults() != 1 || producer->getBlock() != consumer->getBlock() ||
      !linalg::areElementwiseOpsFusable(operand))
    return false;
  if (isContraction(consumer)) // stays recognisable
    return false;
  if (producer.getNumDpsInputs() + consumer.getNumDpsInputs() > 12)
    return false;
  if (sizeOfBody(producer) + sizeOfBody(consumer) > kLargestBody)
    return false;
  // Read twice, it would be fused once and kept for the other time; equal operands become one first.
  if (llvm::count(consumer->getOperands(), operand->get()) != 1)
    return false;
  bool once = readsOnce(operand);
  if (!once && !isCheap(producer))
    return false;
  if (readsHeavy(producer) &&
      (!once || consumer.getNumReductionLoops() != 0 || !consumer.getMatchingIndexingMap(operand).isPermutation()))
    return false;
  if (llvm::all_of(producer->getUsers(), [&](Operation *user) { return user == consumer; }))
    return true;
  // Several users: only where the value then vanishes altogether.
  if (!isCheap(producer) || readsHeavy(producer) || !readsLittle(producer))
    return false;
  return llvm::all_of(producer->getUses(), [](OpOperand &use) {
    auto user = dyn_cast<linalg::GenericOp>(use.getOwner());
    return user && user->getBlock() == use.get().getParentBlock() && user.isDpsInput(&use) &&
           linalg::areElementwiseOpsFusable(&use) && !isContraction(user);
  });
}

/// Fuses a producer that has more users into each of them.
struct FuseCopies : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp consumer, PatternRewriter &rewriter) const override {
    for (OpOperand &operand : consumer->getOpOperands()) {
      if (!shouldFuse(&operand) || operand.get().hasOneUse())
        continue;
      Operation *copy = rewriter.clone(*operand.get().getDefiningOp());
      Value original = operand.get();
      rewriter.modifyOpInPlace(consumer, [&] {
        for (OpOperand &same : consumer->getOpOperands())
          if (same.get() == original)
            same.set(copy->getResult(0));
      });
      return success();
    }
    return failure();
  }
};

/// A reshape that only adds dimensions of size 1, read at 0 there, needs not be.
struct ReadBeforeUnitDims : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    for (OpOperand *input : op.getDpsInputOperands()) {
      auto expand = input->get().getDefiningOp<tensor::ExpandShapeOp>();
      if (!expand)
        continue;
      AffineMap &map = maps[input->getOperandNumber()];
      SmallVector<AffineExpr> kept;
      bool matches = true;
      for (const ReassociationIndices &group : expand.getReassociationIndices()) {
        // All but one dimension must be read at 0.
        SmallVector<AffineExpr> read;
        for (int64_t dim : group)
          if (!(expand.getResultType().getDimSize(dim) == 1 && isa<AffineConstantExpr>(map.getResult(dim))))
            read.push_back(map.getResult(dim));
        if (read.size() > 1)
          matches = false;
        kept.push_back(read.empty() ? rewriter.getAffineConstantExpr(0) : read.front());
      }
      if (!matches || expand.getSrcType().getRank() == 0)
        continue;
      map = AffineMap::get(map.getNumDims(), 0, kept, rewriter.getContext());
      rewriter.modifyOpInPlace(op, [&] {
        input->set(expand.getSrc());
        op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      });
      return success();
    }
    return failure();
  }
};

/// Whether this is a step of a softmax or the like that begins at a kernel's result: reads something made from a result
/// that others read, too.
bool continuesRows(linalg::GenericOp op) {
  return llvm::any_of(op.getDpsInputs(), [](Value input) {
    auto producer = input.getDefiningOp<linalg::GenericOp>();
    return producer && llvm::any_of(producer.getDpsInputs(), [](Value from) {
             return isHeavy(from.getDefiningOp()) && !llvm::all_equal(from.getUsers());
           });
  });
}

/// Whether reshapes must not come between this operation and a kernel beside it, or the function's results.
bool isPinned(linalg::GenericOp op) {
  return readsHeavy(op) || isContraction(op) || continuesRows(op) ||
         llvm::any_of(op->getUsers(), [](Operation *user) { return user->hasTrait<OpTrait::IsTerminator>(); });
}

struct FuseElementwise : onnxc::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    unsigned before = countGenerics();
    allowWide();
    fuse(/*moveReshapes=*/false);
    dropUnitDims();
    fuse(/*moveReshapes=*/true);
    keepWide();
    fused += before - std::min(before, countGenerics());
  }

private:
  /// 16-bit floats are computed in 32 bits. Within one loop, what one operation computes need not be rounded for the
  /// next (docs/decisions/0009). What a body rounds without having computed it is a Cast: that is wanted.
  void allowWide() {
    getOperation().walk([&](linalg::GenericOp op) {
      for (Value result : op.getBody()->getTerminator()->getOperands())
        if (auto round = result.getDefiningOp<arith::TruncFOp>(); round && !isa<BlockArgument>(round.getIn()))
          round.setFastmath(arith::FastMathFlags::contract);
    });
  }

  void keepWide() {
    getOperation().walk([&](arith::ExtFOp widen) {
      auto round = widen.getIn().getDefiningOp<arith::TruncFOp>();
      if (!round || round->getBlock() != widen->getBlock() || round.getIn().getType() != widen.getType() ||
          round.getFastmath() != arith::FastMathFlags::contract)
        return;
      widen.replaceAllUsesWith(round.getIn());
      widen.erase();
      if (round.use_empty())
        round.erase();
    });
    getOperation().walk([](arith::TruncFOp round) { round.setFastmath(arith::FastMathFlags::none); });
  }

  unsigned countGenerics() {
    unsigned count = 0;
    getOperation().walk([&](linalg::GenericOp) { ++count; });
    return count;
  }

  void fuse(bool moveReshapes) {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    linalg::populateElementwiseOpsFusionPatterns(
        patterns, [](OpOperand *operand) { return shouldFuse(operand) && llvm::all_equal(operand->get().getUsers()); });
    patterns.add<FuseCopies, ReadBeforeUnitDims>(context);
    linalg::populateInlineConstantOperandsPatterns(patterns);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, context);
    linalg::FillOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::EmptyOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExtractSliceOp::getCanonicalizationPatterns(patterns, context);
    tensor::CastOp::getCanonicalizationPatterns(patterns, context);
    tensor::DimOp::getCanonicalizationPatterns(patterns, context);
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    context->getLoadedDialect<linalg::LinalgDialect>()->getCanonicalizationPatterns(patterns);
    if (moveReshapes) {
      // Elementwise operations move to where the tensor has fewer dimensions, to the kernel that made it.
      linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns, [](OpOperand *operand) {
        auto reader = dyn_cast<linalg::GenericOp>(operand->getOwner());
        return reader && !isPinned(reader);
      });
      // Grouped convolutions have a dimension more than what follows them.
      linalg::populateFoldReshapeOpsByExpansionPatterns(patterns, [](OpOperand *operand) {
        auto collapse = operand->get().getDefiningOp<tensor::CollapseShapeOp>();
        return collapse && isHeavy(collapse.getSrc().getDefiningOp()) && isa<linalg::GenericOp>(operand->getOwner());
      });
    }
    // A bound on rewrites keeps a pair of patterns that undo each other from running on; what is left is still correct.
    GreedyRewriteConfig config;
    config.setMaxIterations(8).setRegionSimplificationLevel(GreedySimplifyRegionLevel::Normal);
    (void)applyPatternsGreedily(getOperation(), std::move(patterns), config);
  }

  void dropUnitDims() {
    SmallVector<linalg::GenericOp> generics;
    getOperation().walk([&](linalg::GenericOp op) {
      if (op.hasPureTensorSemantics() && !isPinned(op))
        generics.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    linalg::ControlDropUnitDims options;
    for (linalg::GenericOp op : generics) {
      rewriter.setInsertionPoint(op);
      auto result = linalg::dropUnitDims(rewriter, op, options);
      if (succeeded(result))
        rewriter.replaceOp(op, result->replacements);
    }
  }
};
} // namespace
