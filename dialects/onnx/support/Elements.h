//===- dialects/onnx/support/Elements.h --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors, whether dense (small) or dense_resource (big, bytes outside the IR).
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"

namespace onnxc::onnx {

/// A constant of so many bytes isn't copied to transpose or widen it: what packs weights reads through the operation.
inline constexpr size_t kLargeConstant = 1 << 20;

/// The same bytes under another type with as many elements of the same width. Null for other kinds of attributes.
mlir::ElementsAttr reinterpret(mlir::ElementsAttr elements, mlir::RankedTensorType type);

/// The value of a constant, as onnx.Constant or lowered; null when `value` is none.
mlir::ElementsAttr getConstantElements(mlir::Value value);

/// The bytes of the elements in row-major order; of a splat (see isSplat) those of one. Empty for other kinds.
llvm::ArrayRef<char> getRawElements(mlir::ElementsAttr elements);

/// The elements of a constant of floats as numbers (of a splat the one); nothing for other kinds.
std::optional<std::vector<double>> getNumbers(mlir::ElementsAttr elements);
/// A constant of these numbers, rounded to the float type of the elements.
mlir::ElementsAttr makeElements(mlir::RankedTensorType type, llvm::ArrayRef<double> numbers);

/// A constant with these bytes: `dense` when it is small, a resource otherwise.
mlir::ElementsAttr makeElements(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes);

/// The numbers of a small constant tensor of integers or floats (≤ 64 elements), if `value` is one.
std::optional<llvm::SmallVector<double>> getConstantFloats(mlir::Value value);

} // namespace onnxc::onnx
