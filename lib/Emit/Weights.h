//===- lib/Emit/Weights.h ----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The weights of a compiled model, on their way from the model file to the library one after the other.
#pragma once

#include "runtime/src/hash.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace onnxc {

/// Where the bytes of one tensor come from: they are somewhere already, or `fill` makes them whenever they are wanted,
/// always the same ones. Memory for them is there only meanwhile.
struct WeightsSource {
  uint64_t size = 0;
  llvm::ArrayRef<char> bytes; ///< `size` of them, unless there is a `fill`
  std::function<void(llvm::MutableArrayRef<char>)> fill;
};

/// Tensors that follow each other in memory, each on a 64-byte boundary, equal ones once. Whatever lies in another
/// order in the model is made twice: to be compared and hashed, and to be written.
class WeightsBlob {
public:
  WeightsBlob() { onnxc_hash_start(&hasher); }

  /// The place of this tensor.
  uint64_t add(WeightsSource source);
  uint64_t size() const { return end; }
  /// xxHash64 (seed 0) of all bytes, gaps being zero.
  uint64_t hash() const { return onnxc_hash_finish(&hasher); }
  void write(llvm::raw_ostream &stream) const;
  void copyTo(llvm::MutableArrayRef<char> memory) const;

  /// Called with the bytes that have been added so far, and with those that have been written.
  std::function<void(uint64_t added)> onAdded;
  std::function<void(uint64_t written)> onWritten;

private:
  struct Piece {
    uint64_t offset;
    WeightsSource source;
  };
  std::vector<Piece> pieces;                                        ///< in the order of their offsets, without overlap
  llvm::DenseMap<uint64_t, llvm::SmallVector<size_t, 1>> byContent; ///< pieces by another hash
  uint64_t end = 0;
  onnxc_hasher hasher;
};

} // namespace onnxc
