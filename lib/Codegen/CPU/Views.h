//===- lib/Codegen/CPU/Views.h -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Types of views into buffers, for passes that give a buffer another layout.
#pragma once

#include "mlir/IR/BuiltinTypes.h"

namespace onnxc::cpu {

/// The type for what a function is to take of such buffers wherever they begin: the steps of a sequence and the inputs
/// of a Concat differ in nothing else.
mlir::MemRefType hideOffset(mlir::MemRefType type);

/// The type of the view that `op` makes when what it is made of has type `source`. Null where `op` makes no view, or
/// can make none of that type.
mlir::MemRefType inferViewType(mlir::Operation *op, mlir::MemRefType source);

} // namespace onnxc::cpu
