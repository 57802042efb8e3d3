//===- lib/Codegen/CPU/PackWeights.h -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How constant right sides are packed. Nothing is, before it is written: the IR says what is to be made.
#pragma once

#include "dialects/kernel/Weights.h"

namespace onnxc {

/// Packs view[map(b, n, k)] to [b..., ceil(n / lanes), k..., lanes], zeros past the last n. `sizes` are those of (b, n,
/// k). Many numbers that all are ones of bf16, or with `half` of f16, become such.
mlir::ElementsAttr packConstant(const ConstantView &view, mlir::AffineMap map, llvm::ArrayRef<int64_t> sizes,
                                unsigned batchDims, int64_t lanes, bool half);

/// Numbers (i8, [columns, blocks, block]) less zeros (f32, [columns, blocks]; may be absent) times scales (as zeros
/// are) as the right side of a kernel.contract with as few `bits` as the numbers need.
mlir::ElementsAttr packBlocks(const ConstantView &numbers, const ConstantView &scales, const ConstantView *zeros,
                              int64_t lanes, int64_t &bits);

/// The same of i8 elements, as four of the last k in an i32, and a sum behind those of a column:
/// [b..., ceil(n / lanes), words, lanes].
mlir::ElementsAttr packBytes(const ConstantView &view, mlir::AffineMap map, llvm::ArrayRef<int64_t> sizes,
                             unsigned batchDims, int64_t lanes);

} // namespace onnxc
