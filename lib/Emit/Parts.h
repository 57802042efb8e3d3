//===- lib/Emit/Parts.h ------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From LLVM IR to machine code, on all processors.
#pragma once

#include "lib/Emit/Target.h"
#include <vector>

namespace onnxc {

/// Optimises `module` for `machine`, which is that of `target`, and makes object files of it: several of a large one,
/// side by side. How many does not depend on the machine that onnxc runs on.
llvm::Expected<std::vector<llvm::SmallVector<char, 0>>> compileParts(std::unique_ptr<llvm::Module> module,
                                                                     llvm::TargetMachine &machine,
                                                                     const TargetSpec &target, int optLevel);

} // namespace onnxc
