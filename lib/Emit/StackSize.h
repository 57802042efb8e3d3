//===- lib/Emit/StackSize.h --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How much stack a model needs, for threads that have little: found in its object files.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <vector>

namespace onnxc {

/// The most bytes of stack that a call of any function in these files takes, with all that it may call in them, by the
/// sizes in their .stack_sizes sections; nothing where there is no bound: a function calls itself, or has arrays of a
/// size that only the run knows.
llvm::Expected<std::optional<uint64_t>> boundStack(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects);

/// Removes the .stack_sizes sections, which nobody needs later.
llvm::Error dropStackSizes(std::vector<llvm::SmallVector<char, 0>> &objects);

} // namespace onnxc
