//===- lib/Codegen/CPU/PackWeights.h -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors as strided views of their bytes, and new constants made from them without going through the IR.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <optional>

namespace onnxc {

/// A constant f32 tensor behind transposes and reshapes: element (i...) is data[offset + sum of i * stride].
struct ConstantView {
  mlir::ElementsAttr attribute; ///< owns the data
  const float *data;
  int64_t offset = 0;
  llvm::SmallVector<int64_t> shape, strides;

  static std::optional<ConstantView> of(mlir::Value value);
};

/// Packs view[map(b, n, k)] to [b..., ceil(n / lanes), k..., lanes], zeros past the last n. `sizes` are those of (b, n,
/// k).
mlir::ElementsAttr packConstant(const ConstantView &view, mlir::AffineMap map, llvm::ArrayRef<int64_t> sizes,
                                unsigned batchDims, int64_t lanes);

/// The view's elements in row-major order.
mlir::ElementsAttr materialise(const ConstantView &view);

/// Gives the memory of a constant back that nothing refers to any more.
void release(mlir::ElementsAttr attribute);

} // namespace onnxc
