//===- dialects/onnx/support/Weights.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Large constants in lowerings: their bytes stay where they are, and so do the operations that only move elements.
#pragma once

#include "dialects/kernel/Weights.h"
#include "dialects/onnx/support/Contraction.h"

namespace onnxc::onnx {

/// What a lowered value shows of a large constant (kLargeConstant); nothing for any other value.
std::optional<ConstantView> getLargeConstant(mlir::Value value);

/// A constant that shows this, as one of `type`. A small one has bytes of its own, where passes can look at them.
Lowered makeConstant(LoweringBuilder &b, const ConstantView &view, mlir::RankedTensorType type);

/// The bytes along the last dimension of a view, which lie beside each other, as `count` unsigned numbers of `bits`
/// bits, those in the low bits first, less 2^(bits - 1).
ConstantView asNumbers(ConstantView bytes, int64_t bits, int64_t count);
/// Unsigned bytes as signed ones, 128 less.
ConstantView asSigned(ConstantView bytes);

} // namespace onnxc::onnx
