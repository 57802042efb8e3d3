//===- dialects/onnx/support/PackedBits.h ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers that lie in the bytes of a tensor, taken out of them by operations that an upgrade makes.
#pragma once

#include "dialects/onnx/OnnxOp.h"

namespace onnxc::onnx {

/// Bytes [..., n] as the numbers of `bits` bits in them [..., n * 8 / bits], those in the low bits first.
mlir::Value spreadBits(NodeForm &node, mlir::Value bytes, int64_t bits, bool isHighFirst = false);

/// Bytes [..., n] as little-endian numbers of `type` (16 or 32 bits) [..., n / its bytes].
mlir::Value bitsAs(NodeForm &node, mlir::Value bytes, mlir::Type type);

/// A constant [values.size()] of f32.
mlir::Value floats(NodeForm &node, llvm::ArrayRef<float> values);

} // namespace onnxc::onnx
