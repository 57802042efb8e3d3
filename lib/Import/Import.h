//===- lib/Import/Import.h ---------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From an ONNX file, binary or text, to the onnx dialect (docs/Architecture.md says what the result looks like).
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

namespace onnxc {

struct ImportOptions {
  /// Symbolic dimensions that become numbers. A dimension without a name is called "<input>_<axis>".
  llvm::StringMap<int64_t> dims;
  /// Shapes of inputs; -1 leaves a dimension as the model has it.
  llvm::StringMap<llvm::SmallVector<int64_t>> inputShapes;

  /// Channels in a block of the tensors of com.microsoft.nchwc; 0: what the filters say, or 16.
  int64_t channelBlock = 0;

  /// Values that become outputs after the graph's own, and whether all do that nodes of the main graph make.
  std::vector<std::string> keptValues;
  bool keepsValues = false;

  // Limits against models that are made to exhaust memory or time. Real models stay far below.
  uint64_t maxNodes = 1 << 18;            ///< after functions are inlined
  unsigned maxDepth = 64;                 ///< functions that call functions, bodies in bodies
  unsigned maxLoopDepth = 16;             ///< loops in loops: bufferisation doubles its work with each
  int64_t maxElements = int64_t(1) << 40; ///< of one tensor
  uint64_t maxSparseBytes = 1 << 26;      ///< of all sparse constants once they are dense, and
  uint64_t maxSparseGrowth = 32;          ///< this many times the model's bytes
  uint64_t maxOverlap = 4;                ///< times that external data may be part of different tensors

  /// Reads the value of --dim ("batch=4") or of --input-shape ("image=1x3x224x224", "image=?x3x224x224"). False when it
  /// is malformed.
  bool parseDim(llvm::StringRef text);
  bool parseInputShape(llvm::StringRef text);
};

/// Reads the model file `path`: ONNX's text syntax when its name ends in .onnxtxt, else protobuf. Null after errors,
/// which were reported to the context's diagnostic handler. Weights may refer to the mapped file, which stays mapped
/// as long as the context refers to it. `isUnsupported` is set when nothing is wrong with the model except that onnxc
/// lacks operators or types of it. `fileBytes` gets the size of the model with its external data.
mlir::OwningOpRef<mlir::ModuleOp> importModel(llvm::StringRef path, mlir::MLIRContext &context,
                                              const ImportOptions &options = {}, bool *isUnsupported = nullptr,
                                              uint64_t *fileBytes = nullptr);

/// The same for a model in memory. `path` is its name in diagnostics; external data are looked for in its folder.
mlir::OwningOpRef<mlir::ModuleOp> importModel(std::unique_ptr<llvm::MemoryBuffer> model, llvm::StringRef path,
                                              mlir::MLIRContext &context, const ImportOptions &options = {},
                                              bool *isUnsupported = nullptr, uint64_t *fileBytes = nullptr);

} // namespace onnxc
