//===- dialects/onnx/SideFile.h ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The weights of a printed module: a file beside it, and the text that says which bytes of it are whose.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace onnxc::onnx {

class OnnxDialect;

/// Writes the content of every dense_resource of `module` to `weights`, each on a 64-byte boundary, and to `text` what
/// belongs at the end of the printed module: a resource section of the onnx dialect, in which every entry is
/// "OFFSET SIZE FILE", `file` being the name of the written file. Whatever loads the dialect reads it (onnxc,
/// onnxc-opt).
void writeSideFile(mlir::ModuleOp module, llvm::StringRef file, llvm::raw_ostream &weights, llvm::raw_ostream &text);

/// Makes the dialect read such sections. The bytes stay in the mapped file.
void addSideFileReader(OnnxDialect &dialect);

} // namespace onnxc::onnx
