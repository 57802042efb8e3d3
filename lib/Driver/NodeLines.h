//===- lib/Driver/NodeLines.h ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Line numbers for debuggers and profilers: a model has none, so its nodes are listed, one a line.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace onnxc {

/// Gives every operation of the module, in the onnx dialect or lowered, a place in `file` besides its node's name: the
/// line of its node. Returns the text of that file; its first line stands for the model as a whole.
std::string numberNodes(mlir::ModuleOp module, llvm::StringRef file);

} // namespace onnxc
