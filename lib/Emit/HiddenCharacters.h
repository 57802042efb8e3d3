//===- lib/Emit/HiddenCharacters.h -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Characters of a model's names that must not reach a terminal or a source file as they are: they show text as
// something else than it is.
#pragma once

#include <cstdint>

namespace onnxc {

/// Control characters (Cc), line and paragraph separators (Zl, Zp), and the marks, embeddings, overrides and isolates
/// of the bidirectional algorithm (UAX #9, table 4).
inline bool isHidden(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

} // namespace onnxc
