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
  mlir::Type element; ///< what is seen of the elements: those of `source`, or f32 where they are f16 or bf16
  int64_t offset = 0;
  llvm::SmallVector<int64_t> shape, strides;

  mlir::Type stored() const { return source.getElementType(); }
  int64_t position(llvm::ArrayRef<int64_t> indices) const {
    int64_t sum = offset;
    for (auto [index, stride] : llvm::zip_equal(indices, strides))
      sum += index * stride;
    return sum;
  }

  static std::optional<ConstantView> of(mlir::Attribute attribute);
  static std::optional<ConstantView> of(mlir::Value value);
  /// The view as a constant: its source under another type where that says it all, else a kernel.view.
  mlir::ElementsAttr asAttribute() const;
};

/// Whether the bytes of this constant are made by `makeBytes`, since they are nowhere yet.
bool isMade(mlir::Attribute constant);
/// Writes them.
void makeBytes(mlir::ElementsAttr constant, llvm::MutableArrayRef<char> to);

/// Whether every number is one of f16.
bool fitsHalf(const ConstantView &view);
/// A number of the view, which is one of f32.
float getFloat(const ConstantView &view, llvm::ArrayRef<int64_t> indices);

} // namespace onnxc
