//===- dialects/onnx/support/MakeLoop.h --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A Loop that an upgrade makes; ops/ControlFlow.cpp defines it.
#pragma once

#include "dialects/onnx/OnnxOp.h"

namespace onnxc::onnx {

/// The results of a Loop. `body` gives, for the number of a round and what it carries, the condition and what the next
/// round carries, then what scan outputs are made of. `varying` are (carried value, dimension) whose size may change.
llvm::FailureOr<llvm::SmallVector<mlir::Value>> makeLoop(
    NodeForm &node, mlir::Value rounds, mlir::Value condition, llvm::ArrayRef<mlir::Value> initial,
    llvm::ArrayRef<std::pair<unsigned, unsigned>> varying, size_t scanOutputs,
    llvm::function_ref<llvm::FailureOr<llvm::SmallVector<mlir::Value>>(mlir::Value number, mlir::ValueRange)> body);

} // namespace onnxc::onnx
