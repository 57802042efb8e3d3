//===- lib/Emit/CutFunctions.h -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Long functions become several, since much of what LLVM does takes more than linear time in the size of a function.
#pragma once

namespace llvm {
class Module;
}

namespace onnxc {

/// Moves stretches of every long function of `module` into functions of their own, which it calls one after the other.
/// What a function does and the order in which it does it stay as they are. For IR that is not optimised yet; a
/// function that returns in many places should do so from few blocks, and one whose blocks are not in the order of the
/// program stays whole.
void cutFunctions(llvm::Module &module);

} // namespace onnxc
