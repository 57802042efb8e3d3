//===- lib/Codegen/CPU/TransposeRows.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "mlir/IR/Builders.h"

namespace onnxc::cpu {

/// The columns of the matrix whose rows are `rows`: as many vectors as a vector has elements, a power of two.
llvm::SmallVector<mlir::Value> transposeRows(mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> rows);

} // namespace onnxc::cpu
