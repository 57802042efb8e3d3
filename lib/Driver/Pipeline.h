//===- lib/Driver/Pipeline.h -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The phases of the compiler as lists of passes, and what they need from outside.
#pragma once
#include "lib/Codegen/CPU/MemoryPlan.h"
#include "lib/Emit/CollectWeights.h"
#include "lib/Optimize/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Target/TargetMachine.h"

namespace onnxc {

struct PipelineOptions {
  int optLevel = 3;
  bool winograd = true;                 ///< 3x3 convolutions with fewer multiplications
  bool debugInfo = false;               ///< locations that are places in files become line tables
  int64_t maxScratchOnStack = 32 << 10; ///< bytes: a buffer of a task up to this size is on the stack of its thread
  bool checkpoints = true;              ///< the caller can end a run early
  const llvm::TargetMachine *machine = nullptr;
  Evaluator evaluator;        ///< computes constants; none: they are computed at run time
  MemoryPlan *plan = nullptr; ///< filled, if wanted
  CollectedWeights *weights = nullptr;
};

/// onnx dialect to onnx dialect.
void addOptimizePasses(mlir::OpPassManager &passes, const PipelineOptions &options);
/// onnx dialect to linalg on tensors.
void addLowerPasses(mlir::OpPassManager &passes, const PipelineOptions &options);
/// linalg on tensors to the llvm dialect.
void addCodegenPasses(mlir::OpPassManager &passes, const PipelineOptions &options);

/// The passes that -O0 goes without: each can be left out alone.
std::vector<std::string> getOptionalPasses(const PipelineOptions &options);

/// Every dialect that the pipeline goes through, with the interfaces that its passes need.
void registerDialects(mlir::DialectRegistry &registry);

/// Runs our own code on this machine (fold-constants), for a model of this many bytes.
Evaluator createEvaluator(uint64_t fileBytes);

} // namespace onnxc
