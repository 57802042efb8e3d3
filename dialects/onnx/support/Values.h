//===- dialects/onnx/support/Values.h ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Types of sequences and optionals: what fits in, and what comes out.
#pragma once

#include "dialects/onnx/support/Dims.h"

namespace onnxc::onnx {

/// The type of a value as an item of a sequence or the element of an optional: of a tensor, sizes that aren't numbers
/// are
/// `?` without an expression.
mlir::Type getItemType(mlir::Type type);

/// The narrowest type that values of both types fit, for items, sequences and optionals. Null when there is none.
mlir::Type join(mlir::Type a, mlir::Type b);

/// The tensor type of an item that becomes result `result` of `op`; the result itself where it isn't a tensor. Failure
/// after an error at `op` when its rank is unknown.
llvm::FailureOr<mlir::Type> getTypeOfItem(mlir::Operation *op, mlir::Type item, unsigned result = 0);

} // namespace onnxc::onnx
