//===- dialects/onnx/support/Loops.h -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sequential loops and index arithmetic for lowerings that linalg has no form for.
#pragma once

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/ValueRange.h"

namespace onnxc::onnx {

/// Arithmetic on values of index type.
struct IndexMath {
  mlir::ImplicitLocOpBuilder &b;
  mlir::Value constant(int64_t n) const;
  mlir::Value add(mlir::Value x, mlir::Value y) const;
  mlir::Value sub(mlir::Value x, mlir::Value y) const;
  mlir::Value mul(mlir::Value x, mlir::Value y) const;
  mlir::Value least(mlir::Value x, mlir::Value y) const;
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y) const;
  mlir::Value equal(mlir::Value x, int64_t y) const;
  mlir::Value less(mlir::Value x, int64_t y) const;
};

/// body(b, indices, carried) gives the values that the next round carries.
using LoopBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ImplicitLocOpBuilder &b,
                                                                   mlir::ValueRange indices, mlir::ValueRange carried)>;

/// Nested loops from 0 to `ends`, the last one innermost; gives what they carry in the end.
llvm::SmallVector<mlir::Value> makeLoops(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange ends, mlir::ValueRange carried,
                                         LoopBody body);

} // namespace onnxc::onnx
