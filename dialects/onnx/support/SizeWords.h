//===- dialects/onnx/support/SizeWords.h -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a check of sizes wants, in the words of whoever gives the sizes: names of dimensions and inputs, and limits.
#pragma once

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Operation.h"

namespace onnxc::onnx {

/// "; 'seq' (dimension 1 of input 'ids') must be at most 512" for expr >= 0, with the symbols of the function that `op`
/// is in. Empty where that is not about one size of an input, or not a limit.
std::string wantsNonNegative(mlir::Operation *op, mlir::AffineExpr expr);
/// The same for a = b: the size must be a number, or be another one.
std::string wantsEqual(mlir::Operation *op, mlir::AffineExpr a, mlir::AffineExpr b);

} // namespace onnxc::onnx
