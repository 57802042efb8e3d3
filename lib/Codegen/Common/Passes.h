//===- lib/Codegen/Common/Passes.h -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Code generation passes that any target can use.
#pragma once
#include "mlir/Pass/Pass.h"

namespace onnxc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lib/Codegen/Common/Passes.h.inc"
} // namespace onnxc
