//===- lib/Codegen/CPU/AssembleParts.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What consists of parts is assembled by one operation.
#include "dialects/kernel/KernelDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace onnxc {
#define GEN_PASS_DEF_ASSEMBLEPARTS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using onnxc::kernel::AssembleOp;

/// An insertion of a whole part, of the same rank, without steps.
static bool isPlain(tensor::InsertSliceOp insert) {
  return insert.getSourceType().getRank() == insert.getType().getRank() &&
         llvm::all_of(insert.getMixedStrides(), [](OpFoldResult stride) { return isConstantIntValue(stride, 1); });
}

/// The insertion whose result `insert` writes to, when nothing else does.
static tensor::InsertSliceOp before(tensor::InsertSliceOp insert) {
  auto previous = insert.getDest().getDefiningOp<tensor::InsertSliceOp>();
  bool fits = previous && previous->hasOneUse() && previous->getBlock() == insert->getBlock() && isPlain(previous);
  return fits ? previous : tensor::InsertSliceOp();
}

namespace {
/// How many of the first insertions are of slices that together are one tensor, and are put together as they were in
/// it: a Split before the Concat. At least 1.
size_t countOfOne(MutableArrayRef<tensor::InsertSliceOp> inserts) {
  auto sliceOf = [](tensor::InsertSliceOp insert) {
    auto slice = insert.getSource().getDefiningOp<tensor::ExtractSliceOp>();
    bool isPlain = slice && slice.getSourceType().hasStaticShape() && slice.getType().hasStaticShape() &&
                   slice.getType().getRank() == slice.getSourceType().getRank() && slice.getOffsets().empty() &&
                   llvm::all_of(slice.getStaticStrides(), [](int64_t stride) { return stride == 1; });
    return isPlain ? slice : tensor::ExtractSliceOp();
  };
  auto first = sliceOf(inserts.front());
  if (!first || llvm::any_of(first.getStaticOffsets(), [](int64_t offset) { return offset != 0; }))
    return 1;
  ArrayRef<int64_t> whole = first.getSourceType().getShape();
  SmallVector<int64_t> covered(first.getType().getShape());
  ArrayRef<int64_t> start = inserts.front().getStaticOffsets();
  for (size_t count = 1;; ++count) {
    if (ArrayRef(covered) == whole)
      return count;
    auto next = count < inserts.size() ? sliceOf(inserts[count]) : tensor::ExtractSliceOp();
    if (!next || next.getSource() != first.getSource())
      return 1;
    std::optional<unsigned> along; // the dimension in which it goes on
    for (auto [dim, size] : llvm::enumerate(next.getType().getShape())) {
      int64_t offset = next.getStaticOffsets()[dim], target = inserts[count].getStaticOffsets()[dim];
      if (ShapedType::isDynamic(target) || ShapedType::isDynamic(start[dim]) || target - start[dim] != offset)
        return 1;
      if (offset == covered[dim] && offset != 0 && !along)
        along = dim;
      else if (offset != 0 || size != covered[dim])
        return 1;
    }
    if (!along)
      return 1;
    covered[*along] += next.getType().getDimSize(*along);
  }
}

struct AssembleParts : onnxc::impl::AssemblePartsBase<AssembleParts> {
  void runOnOperation() override {
    SmallVector<tensor::InsertSliceOp> last;
    getOperation().walk([&](tensor::InsertSliceOp insert) {
      auto next = insert->hasOneUse() ? dyn_cast<tensor::InsertSliceOp>(*insert->user_begin()) : nullptr;
      bool continues = next && isPlain(next) && before(next) == insert;
      if (isPlain(insert) && !continues)
        last.push_back(insert);
    });
    llvm::for_each(last, [&](tensor::InsertSliceOp insert) { assemble(insert); });
  }

  void assemble(tensor::InsertSliceOp last) {
    SmallVector<tensor::InsertSliceOp> inserts;
    for (tensor::InsertSliceOp insert = last; insert; insert = before(insert))
      inserts.push_back(insert);
    std::reverse(inserts.begin(), inserts.end());
    auto empty = inserts.front().getDest().getDefiningOp<tensor::EmptyOp>();
    if (!empty || inserts.size() < 2)
      return;
    OpBuilder b(last);
    SmallVector<Value> parts;
    SmallVector<OpFoldResult> offsets;
    for (MutableArrayRef<tensor::InsertSliceOp> rest(inserts); !rest.empty();) {
      llvm::append_range(offsets, rest.front().getMixedOffsets());
      size_t count = countOfOne(rest);
      Value source = rest.front().getSource();
      parts.push_back(count > 1 ? source.getDefiningOp<tensor::ExtractSliceOp>().getSource() : source);
      rest = rest.drop_front(count);
    }
    SmallVector<int64_t> known;
    SmallVector<Value> dynamic;
    dispatchIndexOpFoldResults(offsets, dynamic, known);
    Value whole = b.clone(*empty)->getResult(0);
    auto assemble = AssembleOp::create(b, last.getLoc(), last->getResultTypes(), parts, dynamic, whole, known);
    last.replaceAllUsesWith(assemble.getResult(0));
    for (tensor::InsertSliceOp insert : llvm::reverse(inserts))
      insert.erase();
    if (empty.use_empty())
      empty.erase();
    ++assembled;
  }
};
} // namespace
