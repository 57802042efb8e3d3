//===- lib/Emit/ModelInfo.h --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a compiled model says of itself: the content of its table (onnxc_model in runtime/include/onnxc/abi.h) and of
// its C header.
#pragma once
#include "lib/Emit/Header.h"
#include "lib/Emit/UsedFeatures.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"

namespace onnxc {

/// What the header says, and what only the table says.
struct ModelInfo : HeaderModel {
  std::vector<KnownFeature> features; ///< that the processor must have
  bool checksProcessor = false;       ///< plan() looks whether it has them
  uint64_t weightsHash = 0;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> errorSites;
  std::string producer, options; ///< who compiled it, and how
  uint64_t sourceHash = 0;       ///< xxHash64 of the model file

  std::string entryName() const { return prefix + "_model"; }
  std::string weightsName() const { return prefix + "_weights"; }
};

/// Reads names, types and dimensions off @main in the onnx dialect, or lowered with the attribute kOnnxType.
ModelInfo describeModel(mlir::ModuleOp module);

/// Adds the table and PREFIX_model, which returns it, to a module; with `sharedEntry` also under the name
/// onnxc_model_entry. The module has onnxc_plan, onnxc_run and maybe onnxc_release, or gets declarations of them.
void addModelTable(llvm::Module &module, const ModelInfo &info, bool sharedEntry, llvm::TargetMachine &machine);

/// The functions of a model that its table has.
inline constexpr llvm::StringLiteral kTableFunctions[] = {"onnxc_plan", "onnxc_run", "onnxc_release"};

} // namespace onnxc
