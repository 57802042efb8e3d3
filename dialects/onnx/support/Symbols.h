//===- dialects/onnx/support/Symbols.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What keeps the sizes of a model, which may be made to harm, within bounds: how long their expressions become, and how
// many symbols a function has.
#pragma once

#include "dialects/onnx/support/Dims.h"

namespace onnxc::onnx {

/// As many symbols as a function has at most.
constexpr unsigned kMaxSymbols = 1 << 13;
/// Whether the function that `op` is in has that many.
bool hasAllSymbols(mlir::Operation *op);

/// The size itself, or a symbol that stands for it (`getClamped`) where it has become a long expression. So whatever
/// walks expressions takes no time to speak of, and in sizes that are made of sizes nothing is written out twice.
AffineExpr shorten(mlir::Operation *op, AffineExpr size);

} // namespace onnxc::onnx
