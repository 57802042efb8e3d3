//===- test/fuzz/Bombs.h -----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small models that ask for much: valid as far as they can be, the same for the same number.
#pragma once

#include "test/fuzz/Mutate.h"

namespace fuzz {

/// A model in ONNX's text syntax, and what it tries in `name`: nesting, folding, sizes, functions or names.
std::string makeBomb(uint64_t number, std::string &name);

} // namespace fuzz
