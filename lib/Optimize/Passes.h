//===- lib/Optimize/Passes.h -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes on the onnx dialect.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Pass/Pass.h"

namespace onnxc {

/// What folding constants may take in all that it does for one model. It grows with the file: a small one can't ask for
/// much.
struct FoldBudget {
  explicit FoldBudget(uint64_t fileBytes);
  uint64_t work;   ///< operations on numbers
  uint64_t memory; ///< bytes of all results of one evaluation
  uint64_t kept;   ///< bytes of the constants that come to be, beyond those that they replace
};

/// What became of a module whose @main has no arguments.
struct Evaluation {
  llvm::SmallVector<mlir::ElementsAttr> values; ///< of the results, in order; none where it is too much work
  llvm::SmallVector<uint64_t> work;             ///< by the line that the location of an operation is
};

/// Computes constants.
struct Evaluator {
  /// Computes such a module, unless that is more work than allowed. Failure is silent.
  std::function<llvm::FailureOr<Evaluation>(mlir::ModuleOp, uint64_t allowedWork)> evaluate;
  std::shared_ptr<FoldBudget> budget; ///< what is left for it
};

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Optimize/Passes.h.inc"

/// `fold-constants` that computes what it can't fold itself with `evaluator`, if that can do anything. With
/// `dequantize`, dequantised weights are folded, too.
std::unique_ptr<mlir::Pass> createFoldConstants(Evaluator evaluator, bool dequantize);

} // namespace onnxc
