//===- lib/Emit/Link.h -------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From object files in memory and the weights to the file that the user gets, without any tool from outside.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace onnxc {

/// The weights: pieces that follow each other in memory, each on a 64-byte boundary. Nothing is copied.
struct WeightsBlob {
  struct Piece {
    uint64_t offset;
    llvm::ArrayRef<char> bytes;
  };
  std::vector<Piece> pieces; ///< in the order of their offsets, without overlap
  uint64_t size = 0;
  /// xxHash64 (seed 0) of all `size` bytes, gaps being zero.
  uint64_t hash() const;
  /// Writes all of it to a stream.
  void write(llvm::raw_ostream &stream) const;
};

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
