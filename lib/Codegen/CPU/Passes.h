//===- lib/Codegen/CPU/Passes.h ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes from linalg on tensors to the llvm dialect. lib/Driver/Pipeline.cpp says their order.
#pragma once
#include "lib/Codegen/CPU/Constants.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace onnxc {
/// What scf and cf call the annotation that a branch of the llvm dialect has as `loop_annotation`.
inline constexpr llvm::StringLiteral kLoopAnnotation = "llvm.loop_annotation";
/// Of a loop over rows that are copied as they are: to LLVM, a short row looks as if several were better done at once.
inline constexpr llvm::StringLiteral kOverRows = "onnxc.over_rows";

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc
