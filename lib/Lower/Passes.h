//===- lib/Lower/Passes.h ----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace onnxc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Lower/Passes.h.inc"
} // namespace onnxc
