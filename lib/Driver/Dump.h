//===- lib/Driver/Dump.h -----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dumps: the module after a phase as a file that somebody looks at, changes, and compiles again.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"

namespace onnxc {

/// The phases after which onnxc can go on from a dump: --emit=onnx and --emit=linalg.
enum class DumpPhase { Onnx, Linalg };

/// Whether the file `path` is taken for a dump: .mlir, or .mlirbc (MLIR's bytecode).
bool isDump(llvm::StringRef path);

/// Reads the dump `path`, which anybody may have written, checks it and finds the phase it is of. Null after errors,
/// which were reported.
mlir::OwningOpRef<mlir::ModuleOp> readDump(llvm::StringRef path, mlir::MLIRContext &context, DumpPhase &phase);

/// Writes the module with its locations: to the file `path` with all weights in `path`.weights, so that it compiles
/// again; to standard output, "-", without the weights, for looking.
llvm::Error writeDump(mlir::ModuleOp module, llvm::StringRef path);

} // namespace onnxc
