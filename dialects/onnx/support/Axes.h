//===- dialects/onnx/support/Axes.h ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Axes that are values of the run. How many there are is known, so the ranks of results are.
#pragma once

#include "dialects/onnx/support/Lowering.h"

namespace onnxc::onnx {

/// Every element of `axes` (a lowered vector of known length) as an index counted from the front. One that is out of
/// range for `rank` ends the run.
llvm::SmallVector<mlir::Value> readAxes(LoweringBuilder &b, mlir::Value axes, int64_t rank);

/// The value of `values` that stands where `axes` has `axis`, else `otherwise`.
mlir::Value chooseByAxis(LoweringBuilder &b, llvm::ArrayRef<mlir::Value> axes, int64_t axis,
                         llvm::ArrayRef<mlir::Value> values, mlir::Value otherwise);

/// For each of `rank` dimensions whether `axes` has it, as an i1.
llvm::SmallVector<mlir::Value> findNamed(LoweringBuilder &b, llvm::ArrayRef<mlir::Value> axes, int64_t rank);

} // namespace onnxc::onnx
