//===- lib/Codegen/CPU/Constants.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors in another shape or order. See Constants.h.
#include "lib/Codegen/CPU/Constants.h"
#include "dialects/kernel/Weights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc;

int64_t onnxc::cpu::countBytes(RankedTensorType type) {
  return type.getNumElements() * (type.getElementTypeBitWidth() / 8);
}

cpu::MadeBytes::MadeBytes(Operation *root) {
  constexpr uint64_t freeBytes = 8 << 20, mostGrowth = 4;
  uint64_t bytes = 0;
  DenseSet<const char *> counted; // several constants may show one
  root->walk([&](arith::ConstantOp op) {
    if (auto view = ConstantView::of(op.getValue()); view && counted.insert(view->data).second)
      bytes = llvm::SaturatingAdd<uint64_t>(bytes, countBytes(cast<RankedTensorType>(view->source.getShapedType())));
  });
  left = llvm::SaturatingMultiplyAdd(bytes, mostGrowth, freeBytes);
}

bool cpu::MadeBytes::hasRoomFor(RankedTensorType type) const { return static_cast<uint64_t>(countBytes(type)) <= left; }

bool cpu::MadeBytes::take(ElementsAttr made) {
  if (known.contains(made))
    return true;
  auto type = cast<RankedTensorType>(made.getShapedType());
  if (!hasRoomFor(type))
    return false;
  known.insert(made);
  left -= countBytes(type);
  return true;
}

ElementsAttr onnxc::cpu::reshapeElements(ElementsAttr elements, RankedTensorType type) {
  if (!type.hasStaticShape())
    return {};
  if (auto dense = dyn_cast<DenseElementsAttr>(elements))
    return dense.reshape(type);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  auto view = ConstantView::of(elements);
  auto reshaped = view ? view->reshape(type.getShape()) : std::nullopt;
  return reshaped ? reshaped->asAttribute() : ElementsAttr();
}

ElementsAttr onnxc::cpu::transposeElements(ElementsAttr elements, ArrayRef<int64_t> perm) {
  auto from = cast<RankedTensorType>(elements.getShapedType());
  if (elements.isSplat() || from.getNumElements() <= 1)
    return reshapeElements(
        elements, RankedTensorType::get(llvm::map_to_vector(perm, [&](int64_t dim) { return from.getDimSize(dim); }),
                                        from.getElementType()));
  auto view = ConstantView::of(elements);
  if (!view)
    return {};
  ElementsAttr result = view->transpose(perm).asAttribute();
  auto type = cast<RankedTensorType>(result.getShapedType());
  int64_t bytes = countBytes(type);
  if (!isMade(result) || bytes >= kLargeBytes)
    return result;
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(bytes, 64);
  makeBytes(result, blob.getMutableData());
  if (isa<DenseElementsAttr>(elements))
    return DenseElementsAttr::getFromRawBuffer(type, blob.getData());
  auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
  return DenseResourceElementsAttr::get(type, resource ? resource.getRawHandle().getKey() : "constant",
                                        std::move(blob));
}
