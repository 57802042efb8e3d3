//===- lib/Optimize/Passes.h -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes on the onnx dialect.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Pass/Pass.h"

namespace onnxc {

/// Computes a module whose @main has no arguments: the values of its results, in order. Failure is silent.
using Evaluator = std::function<llvm::FailureOr<llvm::SmallVector<mlir::ElementsAttr>>(mlir::ModuleOp)>;

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Optimize/Passes.h.inc"

/// `fold-constants` that computes what it can't fold itself with `evaluate`. With `dequantize`, dequantised weights
/// are folded, too.
std::unique_ptr<mlir::Pass> createFoldConstants(Evaluator evaluate, bool dequantize);

} // namespace onnxc
