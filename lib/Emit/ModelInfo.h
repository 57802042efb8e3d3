//===- lib/Emit/ModelInfo.h --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a compiled model says of itself: the content of its table (onnxc_model in runtime/include/onnxc/abi.h) and of
// its C header.
#pragma once
#include "lib/Emit/Header.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"

namespace onnxc {

/// What the header says, and what only the table says.
struct ModelInfo : HeaderModel {
  std::string features; ///< of the processor
  uint64_t weightsHash = 0;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> errorSites;

  std::string entryName() const { return prefix + "_model"; }
  std::string weightsName() const { return prefix + "_weights"; }
};

/// Reads names, types and dimensions off @main in the onnx dialect.
ModelInfo describeModel(mlir::ModuleOp module);

/// Adds the table and PREFIX_model, which returns it, to the module that has onnxc_plan and onnxc_run; with
/// `sharedEntry` also under the name onnxc_model_entry.
void addModelTable(llvm::Module &module, const ModelInfo &info, bool sharedEntry);

} // namespace onnxc
