//===- lib/Codegen/CPU/Constants.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors in another shape or order. See Constants.h.
#include "lib/Codegen/CPU/Constants.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace {
/// Copies a strided view into consecutive elements.
struct Gather {
  ArrayRef<int64_t> sizes, strides; // in elements, outermost first

  template <typename T> void run(const T *from, T *to) const { copy(0, from, to); }

private:
  template <typename T> T *copy(size_t dim, const T *from, T *to) const {
    if (dim == sizes.size()) {
      *to = *from;
      return to + 1;
    }
    // Where the innermost loop strides, a block of 16 of the loop around it shares the cache lines that it reads.
    if (dim + 2 == sizes.size() && strides[dim] < strides[dim + 1]) {
      int64_t rows = sizes[dim], columns = sizes[dim + 1];
      for (int64_t block = 0; block < rows; block += 16)
        for (int64_t j = 0; j < columns; ++j)
          for (int64_t i = block, end = std::min(rows, block + 16); i < end; ++i)
            to[i * columns + j] = from[i * strides[dim] + j * strides[dim + 1]];
      return to + rows * columns;
    }
    for (int64_t i = 0; i < sizes[dim]; ++i)
      to = copy(dim + 1, from + i * strides[dim], to);
    return to;
  }
};

ArrayRef<char> getBytes(ElementsAttr elements) {
  if (auto dense = dyn_cast<DenseElementsAttr>(elements))
    return dense.isSplat() ? ArrayRef<char>() : dense.getRawData();
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      return blob->getData();
  return {};
}
} // namespace

ElementsAttr onnxc::cpu::reshapeElements(ElementsAttr elements, RankedTensorType type) {
  if (!type.hasStaticShape())
    return {};
  if (auto dense = dyn_cast<DenseElementsAttr>(elements))
    return dense.reshape(type);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return {};
}

ElementsAttr onnxc::cpu::transposeElements(ElementsAttr elements, ArrayRef<int64_t> perm) {
  auto type = cast<RankedTensorType>(elements.getShapedType());
  SmallVector<int64_t> strides(type.getRank(), 1);
  for (int64_t i = type.getRank() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * type.getDimSize(i + 1);
  SmallVector<int64_t> newSizes, newStrides;
  for (int64_t dim : perm) {
    newSizes.push_back(type.getDimSize(dim));
    newStrides.push_back(strides[dim]);
  }
  auto newType = RankedTensorType::get(newSizes, type.getElementType());
  if (elements.isSplat() || type.getNumElements() <= 1)
    return reshapeElements(elements, newType);
  Type element = type.getElementType();
  if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8 != 0)
    return {};
  size_t width = element.getIntOrFloatBitWidth() / 8;
  ArrayRef<char> bytes = getBytes(elements);
  if (bytes.size() != type.getNumElements() * width)
    return {};
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(bytes.size(), 64);
  char *to = blob.getMutableData().data();
  Gather gather{newSizes, newStrides};
  switch (width) {
  case 1:
    gather.run(bytes.data(), to);
    break;
  case 2:
    gather.run(reinterpret_cast<const uint16_t *>(bytes.data()), reinterpret_cast<uint16_t *>(to));
    break;
  case 4:
    gather.run(reinterpret_cast<const uint32_t *>(bytes.data()), reinterpret_cast<uint32_t *>(to));
    break;
  case 8:
    gather.run(reinterpret_cast<const uint64_t *>(bytes.data()), reinterpret_cast<uint64_t *>(to));
    break;
  default:
    return {};
  }
  if (isa<DenseElementsAttr>(elements))
    return DenseElementsAttr::getFromRawBuffer(newType, blob.getData());
  StringRef name = cast<DenseResourceElementsAttr>(elements).getRawHandle().getKey();
  return DenseResourceElementsAttr::get(newType, name, std::move(blob));
}
