//===- dialects/kernel/Weights.h ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors as strided views of bytes that stay where they are, and what is made of them when it is written.
#pragma once

#include "dialects/kernel/KernelDialect.h"
#include <optional>

namespace onnxc {

/// A constant tensor behind transposes, reshapes, slices and widenings: element (i...) is at offset + sum of i *
/// stride, in elements.
struct ConstantView {
  mlir::ElementsAttr source; ///< owns the data
  const char *data;
  mlir::Type element; ///< what is seen of the elements: those of `source`, or f32 where they are others
  int64_t offset = 0;
  llvm::SmallVector<int64_t> shape, strides;
  int64_t bits = 0; ///< where an element is a number of so few bits, less 2^(bits - 1); else 0

  mlir::Type stored() const { return source.getElementType(); }
  int64_t count() const { return mlir::ShapedType::getNumElements(shape); }
  /// The element of i8 at a position.
  int8_t byteAt(int64_t position) const {
    if (bits == 0)
      return static_cast<int8_t>(data[position]);
    int64_t perByte = 8 / bits, part = position % perByte;
    auto byte = static_cast<uint8_t>(data[position / perByte]);
    return static_cast<int8_t>((byte >> (part * bits) & ((1 << bits) - 1)) - (1 << (bits - 1)));
  }
  int64_t position(llvm::ArrayRef<int64_t> indices) const {
    int64_t sum = offset;
    for (auto [index, stride] : llvm::zip_equal(indices, strides))
      sum += index * stride;
    return sum;
  }

  /// Calls `body` with the position of each element, the last index varying fastest.
  template <typename Body> void forEachPosition(Body body) const {
    llvm::SmallVector<int64_t> indices(shape.size(), 0);
    int64_t at = offset;
    for (int64_t left = count(); left > 0; --left) {
      body(at);
      for (size_t i = shape.size(); i-- > 0;) {
        at += strides[i];
        if (++indices[i] < shape[i])
          break;
        at -= shape[i] * strides[i];
        indices[i] = 0;
      }
    }
  }

  static std::optional<ConstantView> of(mlir::Attribute attribute);
  static std::optional<ConstantView> of(mlir::Value value);
  /// Dimension i of the result is dimension permutation[i].
  ConstantView transpose(llvm::ArrayRef<int64_t> permutation) const;
  /// The same elements in the same order with these sizes, if they are as many and their places allow it.
  std::optional<ConstantView> reshape(llvm::ArrayRef<int64_t> sizes) const;
  ConstantView slice(llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<int64_t> sizes,
                     llvm::ArrayRef<int64_t> steps) const;
  /// The view as a constant: its source under another type where that says it all, else a kernel.view.
  mlir::ElementsAttr asAttribute() const;
};

/// Whether the bytes of this constant are made by `makeBytes`, since they are nowhere yet.
bool isMade(mlir::Attribute constant);
/// Writes them.
void makeBytes(mlir::ElementsAttr constant, llvm::MutableArrayRef<char> to);

/// The type of 16 bits that holds every number exactly: the one they are stored as, or f16 (where `half` allows it) or
/// bf16. Null where neither does.
mlir::Type findShortType(const ConstantView &view, bool half);
/// The number at a position of a view of f32.
float getFloat(const ConstantView &view, int64_t position);

} // namespace onnxc
