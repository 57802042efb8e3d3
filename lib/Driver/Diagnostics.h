//===- lib/Driver/Diagnostics.h ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Diagnostics in the words of somebody who has a model, not an IR.
#pragma once
#include "mlir/IR/Diagnostics.h"
#include <string>

namespace onnxc {

/// Appends a diagnostic and its notes as lines "model.onnx: error: node 'x' (Conv): group 3 does not divide ...".
void appendDiagnostic(std::string &text, const std::string &path, mlir::Diagnostic &diagnostic);

} // namespace onnxc
