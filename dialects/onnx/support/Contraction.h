//===- dialects/onnx/support/Contraction.h -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of products in lowerings: matrix products and what they need around them (accumulator types, padding, constant
// weights rearranged at compile time).
#pragma once

#include "dialects/onnx/support/Lowering.h"
#include "mlir/IR/AffineMap.h"

namespace onnxc::onnx {

/// A lowered value and the onnx type that it has come from: sizes as expressions, element type with signedness.
struct Lowered {
  mlir::Value value;
  mlir::RankedTensorType type;

  explicit operator bool() const { return static_cast<bool>(value); }
  Dims dims() const { return getDims(type); }
  int64_t rank() const { return type.getRank(); }
  mlir::Type element() const { return type.getElementType(); }
};

/// `operands[i]` of `op` in both forms; null where it is absent.
Lowered getLowered(mlir::Operation *op, mlir::ValueRange operands, unsigned i);

/// What sums of products of `element` accumulate in: f32 for the 16-bit floats.
mlir::Type accumulatorType(mlir::Type element);

/// A scalar of onnx element type `from` as `to`: floats are extended or rounded, integers extended as signed or
/// unsigned or truncated.
mlir::Value convertScalar(mlir::ImplicitLocOpBuilder &b, mlir::Value scalar, mlir::Type from, mlir::Type to);
/// Every element converted; `value` itself when the types are the same.
Lowered convert(LoweringBuilder &b, Lowered value, mlir::Type element);

Lowered reshape(LoweringBuilder &b, Lowered value, llvm::ArrayRef<AffineExpr> dims);
Lowered transpose(LoweringBuilder &b, Lowered value, llvm::ArrayRef<int64_t> permutation);

/// `value` with low[i] and high[i] elements of `scalar` around dimension i; `dims` are the sizes of the result.
Lowered pad(LoweringBuilder &b, Lowered value, llvm::ArrayRef<mlir::OpFoldResult> low,
            llvm::ArrayRef<mlir::OpFoldResult> high, llvm::ArrayRef<AffineExpr> dims, mlir::Value scalar);

/// The part of `value` from `offsets` on, of sizes `dims`, which may leave out dimensions of size 1. Parts of constants
/// are constants.
Lowered slice(LoweringBuilder &b, Lowered value, llvm::ArrayRef<mlir::OpFoldResult> offsets,
              llvm::ArrayRef<AffineExpr> sizes, llvm::ArrayRef<AffineExpr> dims);

/// result[resultMap] += lhs[lhsMap] * rhs[rhsMap] from zero, in element type `accumulator`: a linalg.generic whose
/// dimensions are parallel where the result has them, reductions elsewhere.
Lowered contract(LoweringBuilder &b, Lowered lhs, mlir::AffineMap lhsMap, Lowered rhs, mlir::AffineMap rhsMap,
                 llvm::ArrayRef<AffineExpr> dims, mlir::AffineMap resultMap, mlir::Type accumulator);

/// numpy.matmul of operands of rank >= 2, whose product has the sizes `dims`, in element type `accumulator`.
Lowered matmul(LoweringBuilder &b, Lowered lhs, Lowered rhs, llvm::ArrayRef<AffineExpr> dims, mlir::Type accumulator);

/// A constant `source` rearranged into `result` sizes: in row-major order over `sizes` (as many elements), the element
/// at i... is that of `source` at position index(i...) of its own row-major order, or zero where index gives none. Null
/// when `source` is no constant.
Lowered rearrangeConstant(LoweringBuilder &b, Lowered source, llvm::ArrayRef<int64_t> sizes,
                          llvm::ArrayRef<int64_t> result,
                          llvm::function_ref<std::optional<int64_t>(llvm::ArrayRef<int64_t>)> index);

} // namespace onnxc::onnx
