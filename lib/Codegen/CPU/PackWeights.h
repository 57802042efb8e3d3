//===- lib/Codegen/CPU/PackWeights.h -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors as strided views of their bytes, and new constants made from them without going through the IR.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <optional>

namespace onnxc {

/// A constant tensor behind transposes and reshapes: element (i...) is at offset + sum of i * stride, in elements.
struct ConstantView {
  mlir::ElementsAttr attribute; ///< owns the data
  const char *data;
  int64_t offset = 0;
  llvm::SmallVector<int64_t> shape, strides;

  mlir::Type element() const { return attribute.getElementType(); }
  template <typename T> T at(llvm::ArrayRef<int64_t> indices) const {
    int64_t position = offset;
    for (auto [index, stride] : llvm::zip_equal(indices, strides))
      position += index * stride;
    return reinterpret_cast<const T *>(data)[position];
  }

  static std::optional<ConstantView> of(mlir::Value value);
};

/// Packs view[map(b, n, k)] to [b..., ceil(n / lanes), k..., lanes], zeros past the last n. `sizes` are those of (b, n,
/// k). With `asHalf`, many numbers that all are ones of f16 become such.
mlir::ElementsAttr packConstant(const ConstantView &view, mlir::AffineMap map, llvm::ArrayRef<int64_t> sizes,
                                unsigned batchDims, int64_t lanes, bool asHalf);

/// Numbers (i8, [columns, blocks, block]) less zeros (f32, [columns, blocks]; may be absent) times scales (as zeros
/// are) as the right side of a kernel.contract with as few `bits` as the numbers need.
mlir::ElementsAttr packBlocks(const ConstantView &numbers, const ConstantView &scales, const ConstantView *zeros,
                              int64_t lanes, int64_t &bits);

/// The same of i8 elements, as four of the last k in an i32, and a sum behind those of a column:
/// [b..., ceil(n / lanes), words, lanes].
mlir::ElementsAttr packBytes(const ConstantView &view, mlir::AffineMap map, llvm::ArrayRef<int64_t> sizes,
                             unsigned batchDims, int64_t lanes);

/// The view's elements in row-major order.
mlir::ElementsAttr materialise(const ConstantView &view);

/// Gives the memory of a constant back that nothing refers to any more.
void release(mlir::ElementsAttr attribute);

} // namespace onnxc
