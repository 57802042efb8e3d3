//===- dialects/onnx/support/Indices.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks of numbers that are data: indices, classes, lengths.
#pragma once

#include "dialects/onnx/support/Lowering.h"

namespace onnxc::onnx {

/// Stops the run with `message` where a number of `tensor` (lowered integers) lies outside of [least, most], which are
/// index values; least is at most most. `number` gives the i64 that counts for an element.
void requireInRange(LoweringBuilder &b, mlir::Value tensor, mlir::Value least, mlir::Value most,
                    const llvm::Twine &message, ElementBody number = {});

} // namespace onnxc::onnx
