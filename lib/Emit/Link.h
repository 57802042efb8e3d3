//===- lib/Emit/Link.h -------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From object files in memory and the weights to the file that the user gets, without any tool from outside.
#pragma once

#include "lib/Emit/Weights.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace onnxc {

struct LinkInput {
  std::vector<llvm::SmallVector<char, 0>> objects; ///< ELF relocatable files of the target
  const WeightsBlob *weights = nullptr;            ///< embedded under `weightsSymbol`; null: none
  std::string weightsSymbol;
  std::vector<std::string> exports; ///< symbols that stay visible
  std::string triple;
  bool keepsSymbols = false; ///< a shared library has names of functions, and what debuggers read
};

/// Whether temporary files go when a signal ends the program. For programs that leave signals to LLVM.
extern bool removesFilesOnSignals;

/// Each writes a file next to `path` and renames it at the end: `path` is whole or not there.
llvm::Error writeSharedLibrary(llvm::StringRef path, const LinkInput &input);
llvm::Error writeObject(llvm::StringRef path, const LinkInput &input);
llvm::Error writeArchive(llvm::StringRef path, const LinkInput &input);
llvm::Error writeFile(llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write);

} // namespace onnxc
