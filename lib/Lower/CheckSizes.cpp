//===- lib/Lower/CheckSizes.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where dimensions of several operands share a loop, they have one size. What sizes of inputs leave open is checked
// when the model runs: a program may give the two sides of a product, or data and scales, sizes that do not fit.
#include "lib/Lower/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace onnxc {
#define GEN_PASS_DEF_CHECKSIZES
#include "lib/Lower/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
/// A number, an index, or dimension `dim` of a tensor about which no more is known.
struct Size {
  std::optional<int64_t> number;
  Value value;
  int64_t dim = -1;

  bool operator==(const Size &other) const {
    return number == other.number && value == other.value && dim == other.dim;
  }
  explicit operator bool() const { return number || value; }

  Value materialize(ImplicitLocOpBuilder &b) const {
    if (number)
      return arith::ConstantIndexOp::create(b, *number);
    return dim < 0 ? value : tensor::DimOp::create(b, value, dim).getResult();
  }
};

Size sizeOf(Value tensor, int64_t dim);

/// The size that an index is, if it is one of a tensor.
Size resolve(OpFoldResult index) {
  if (auto number = getConstantIntValue(index))
    return {number, {}};
  Value value = cast<Value>(index);
  auto size = value.getDefiningOp<tensor::DimOp>();
  auto dim = size ? size.getConstantIndex() : std::nullopt;
  return dim ? sizeOf(size.getSource(), *dim) : Size{std::nullopt, value};
}

/// The tensor that this one is, overwritten in parts or seen as another type: it has the same sizes. Null where it is
/// new.
Value getSameSized(Value tensor) {
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    return loop ? loop.getTiedLoopInit(argument)->get() : Value();
  }
  auto result = cast<OpResult>(tensor);
  Operation *op = result.getOwner();
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return loop.getInitArgs()[result.getResultNumber()];
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return insert.getDest();
  if (auto cast = dyn_cast<tensor::CastOp>(op); cast && isa<RankedTensorType>(cast.getSource().getType()))
    return cast.getSource();
  auto destination = dyn_cast<DestinationStyleOpInterface>(op);
  return destination && result.getResultNumber() < destination.getNumDpsInits()
             ? destination.getTiedOpOperand(result)->get()
             : Value();
}

/// Dimension `dim` of a tensor, from what the tensor was made with.
Size sizeOf(Value tensor, int64_t dim) {
  auto isNumber = [&] { return !cast<RankedTensorType>(tensor.getType()).isDynamicDim(dim); };
  for (Value same = tensor; same && !isNumber(); same = getSameSized(tensor))
    tensor = same;
  if (isNumber())
    return {cast<RankedTensorType>(tensor.getType()).getDimSize(dim), {}};
  Size unknown{std::nullopt, tensor, dim};
  Operation *op = tensor.getDefiningOp();
  if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(op))
    return resolve(empty.getMixedSizes()[dim]);
  if (auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(op))
    return resolve(expand.getMixedOutputShape()[dim]);
  if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    for (auto [i, size] : llvm::enumerate(slice.getMixedSizes()))
      if (!dropped[i] && dim-- == 0)
        return resolve(size);
  }
  if (auto collapse = dyn_cast_or_null<tensor::CollapseShapeOp>(op)) {
    SmallVector<Size> others;
    SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices(); // a temporary would be gone
    for (int64_t i : groups[dim])
      if (Size size = sizeOf(collapse.getSrc(), i); size.number != 1)
        others.push_back(size);
    if (others.size() == 1)
      return others.front();
  }
  return unknown;
}

struct CheckSizes : onnxc::impl::CheckSizesBase<CheckSizes> {
  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.hasPureTensorSemantics() && !op->getParentOfType<scf::ForallOp>())
        ops.push_back(op);
    });
    for (linalg::LinalgOp op : ops)
      check(op);
    // A cast to a number says that a size is that.
    SmallVector<tensor::CastOp> casts;
    getOperation().walk([&](tensor::CastOp cast) {
      if (isa<RankedTensorType>(cast.getSource().getType()) && !cast->getParentOfType<scf::ForallOp>())
        casts.push_back(cast);
    });
    for (tensor::CastOp cast : casts) {
      ImplicitLocOpBuilder b(cast.getLoc(), cast);
      auto type = llvm::cast<RankedTensorType>(cast.getType());
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        if (!type.isDynamicDim(dim))
          require(b, {type.getDimSize(dim), {}}, sizeOf(cast.getSource(), dim));
    }
  }

private:
  void check(linalg::LinalgOp op) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    SmallVector<Size> loops(op.getNumLoops());
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()))
        continue;
      for (auto [dim, expr] : llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults())) {
        auto loop = dyn_cast<AffineDimExpr>(expr);
        if (!loop)
          continue;
        Size size = sizeOf(operand.get(), dim), &known = loops[loop.getPosition()];
        if (!known)
          known = size;
        require(b, known, size);
      }
    }
  }

  void require(ImplicitLocOpBuilder &b, const Size &known, const Size &size) {
    if (known == size || (known.number && size.number))
      return;
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, known.materialize(b), size.materialize(b));
    cf::AssertOp::create(b, fits, "the operands' sizes do not fit together");
    ++checked;
  }
};
} // namespace
