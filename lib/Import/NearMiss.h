//===- lib/Import/NearMiss.h -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What somebody meant who wrote a name that does not exist.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace onnxc {

/// The one of `names` that `wrong` is most likely a slip of: one letter wrong, missing, too many, or two swapped, in a
/// short name; two in one of 5 letters, three in one of 10. Capitals and underscores don't count. Empty when there is
/// none.
llvm::StringRef findNearMiss(llvm::StringRef wrong, llvm::ArrayRef<llvm::StringRef> names);

/// "; did you mean 'Relu'?", or "".
std::string suggest(llvm::StringRef wrong, llvm::ArrayRef<llvm::StringRef> names);

} // namespace onnxc
