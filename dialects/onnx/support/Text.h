//===- dialects/onnx/support/Text.h ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What operators of other families do with tensors of strings: compare them, and convert numbers.
#pragma once

#include "dialects/onnx/support/Lowering.h"

namespace onnxc::onnx {

bool isText(mlir::Type tensorType);

/// What an operator puts where no element of its input goes: 0, or the empty string.
mlir::Value emptyElement(LoweringBuilder &b, mlir::Type tensorType);

/// `lowered` repeated to the sizes of `resultType`, with the element type that it has.
mlir::Value broadcastTo(LoweringBuilder &b, mlir::Value lowered, mlir::Type onnxType, mlir::Type resultType);

/// Where two tensors of strings, broadcast to `resultType`, are the same.
mlir::Value equalText(LoweringBuilder &b, mlir::ValueRange operands, mlir::TypeRange types, mlir::Type resultType);

/// A Cast of which one side is text. `attributes` are those of Cast, for the steps between numbers.
llvm::FailureOr<mlir::Value> castText(LoweringBuilder &b, mlir::Value lowered, mlir::Type from, mlir::Type to,
                                      llvm::ArrayRef<mlir::NamedAttribute> attributes);

} // namespace onnxc::onnx
