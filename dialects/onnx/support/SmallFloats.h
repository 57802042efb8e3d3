//===- dialects/onnx/support/SmallFloats.h -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Floats of 8, 6 and 4 bits between memory, where they are a byte, and f32, in which everything is calculated.
#pragma once

#include "dialects/onnx/support/Scalar.h"
#include "mlir/IR/BuiltinTypes.h"

namespace onnxc::onnx {

/// How Cast makes a small float of a number.
struct SmallFloatRounding {
  /// What is beyond the largest number becomes it, otherwise infinity or NaN, as far as the type has them.
  bool saturate = true;
  /// float8e8m0, which has powers of two only: to the next greater one ("up"), the next smaller one ("down"), or the
  /// nearer one ("nearest"). All others round to the nearest number, ties to the even one.
  llvm::StringRef mode = "up";
};

/// The number (f32) that the byte `stored` is in the type `format`.
Scalar decodeSmallFloat(Scalar stored, mlir::FloatType format);
/// The byte for the number x, an integer or a float.
Scalar encodeSmallFloat(Scalar x, mlir::FloatType format, SmallFloatRounding rounding = {});

/// The number that an element of a lowered tensor is whose type in the onnx dialect is `element`: floats of less than
/// 32 bits in f32.
Scalar load(mlir::ImplicitLocOpBuilder &b, mlir::Value stored, mlir::Type element);
/// The number x as such an element.
Scalar store(Scalar x, mlir::Type element, SmallFloatRounding rounding = {});

} // namespace onnxc::onnx
