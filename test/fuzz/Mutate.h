//===- test/fuzz/Mutate.h ----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Damages models, the same way for the same number.
#pragma once

#include "onnx.pb.h"
#include <initializer_list>
#include <random>
#include <string>

namespace fuzz {

using Random = std::mt19937_64;

inline size_t pick(Random &random, size_t limit) { return limit ? random() % limit : 0; }

template <typename T> T choose(Random &random, std::initializer_list<T> values) {
  return values.begin()[pick(random, values.size())];
}

/// A number that breaks arithmetic on sizes.
int64_t nastyInteger(Random &random);

/// Damage to the meaning: the file is fine, the model is not.
void mutateModel(onnxc::proto::ModelProto &model, Random &random);

struct Seed {
  std::string path, text, binary; ///< text may be missing
};

/// Of every four mutants two are damaged models, one is a damaged binary file and one a damaged text, if there is one.
std::string mutate(const Seed &seed, uint64_t number, bool &isText);

/// The text of a module with its tokens damaged.
std::string mutateDump(std::string text, Random &random);

} // namespace fuzz
