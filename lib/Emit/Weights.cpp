//===- lib/Emit/Weights.cpp --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One tensor at a time: see Weights.h.
#include "lib/Emit/Weights.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;
using namespace onnxc;

static constexpr uint64_t kAlignment = 64;
/// Of a large tensor, so many bytes are written between two words of how far the file is.
static constexpr size_t kStep = 64 << 20;

namespace {
/// The bytes of a tensor as long as they are looked at.
class Content {
public:
  explicit Content(const WeightsSource &source) : bytes(source.bytes) {
    if (!source.fill)
      return;
    made.reset(new char[source.size]);
    source.fill({made.get(), source.size});
    bytes = {made.get(), source.size};
  }
  ArrayRef<char> operator*() const { return bytes; }

private:
  std::unique_ptr<char[]> made;
  ArrayRef<char> bytes;
};
} // namespace

uint64_t WeightsBlob::add(WeightsSource source) {
  Content content(source);
  auto &candidates = byContent[xxh3_64bits(toStringRef(*content))];
  for (size_t i : candidates)
    if (pieces[i].source.size == source.size && *Content(pieces[i].source) == *content)
      return pieces[i].offset;
  static const char zeros[kAlignment] = {};
  uint64_t offset = alignTo(end, kAlignment);
  onnxc_hash_update(&hasher, zeros, offset - end);
  onnxc_hash_update(&hasher, (*content).data(), source.size);
  end = offset + source.size;
  candidates.push_back(pieces.size());
  pieces.push_back({offset, std::move(source)});
  if (onAdded)
    onAdded(end);
  return offset;
}

void WeightsBlob::write(raw_ostream &stream) const {
  uint64_t position = 0;
  for (const Piece &piece : pieces) {
    stream.write_zeros(piece.offset - position);
    position = piece.offset;
    Content content(piece.source);
    for (StringRef rest = toStringRef(*content); !rest.empty(); rest = rest.drop_front(std::min(kStep, rest.size()))) {
      stream << rest.take_front(kStep);
      position += std::min(kStep, rest.size());
      if (onWritten)
        onWritten(position);
    }
  }
}

void WeightsBlob::copyTo(MutableArrayRef<char> memory) const {
  for (const auto &[offset, source] : pieces)
    if (MutableArrayRef<char> to = memory.slice(offset, source.size); source.fill)
      source.fill(to);
    else
      llvm::copy(source.bytes, to.begin());
}
