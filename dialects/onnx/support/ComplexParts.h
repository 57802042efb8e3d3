//===- dialects/onnx/support/ComplexParts.h ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Complex numbers, which are integers of their bits once lowered, as two floats: the real part is the lower half.
#pragma once

#include "dialects/onnx/support/Lowering.h"
#include "dialects/onnx/support/Scalar.h"
#include "mlir/IR/BuiltinTypes.h"

namespace onnxc::onnx {

struct ComplexParts {
  Scalar real, imaginary;
};

ComplexParts splitComplex(mlir::ImplicitLocOpBuilder &b, mlir::Value stored, mlir::ComplexType type);
mlir::Value joinComplex(ComplexParts parts);

/// Lowers an operation that is linear in its complex operands: one of the same kind for the real parts and one for the
/// imaginary ones.
llvm::FailureOr<llvm::SmallVector<mlir::Value>> lowerByParts(mlir::Operation *op, LoweringBuilder &b,
                                                             mlir::ValueRange operands);

} // namespace onnxc::onnx
