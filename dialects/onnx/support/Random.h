//===- dialects/onnx/support/Random.h ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random numbers that follow from a seed and a position alone: the same in every order and with every number of
// threads.
#pragma once

#include "dialects/onnx/support/Scalar.h"
#include <array>
#include <optional>

namespace onnxc::onnx {

/// The seed of a node: what it says itself or, so that no two nodes draw the same numbers, a hash of its name. There is
/// no source of real randomness: every run draws the same numbers.
uint64_t seedOf(mlir::Operation *op, std::optional<int64_t> given);

/// Four independent 32-bit words for every `position` (an i64): Philox 4x32-10 (Salmon et al., Parallel random numbers:
/// as easy as 1, 2, 3; 2011) of that counter with the seed as the key.
std::array<Scalar, 4> randomWords(uint64_t seed, Scalar position);

/// A random word as a number of type f32 in [0, 1), a multiple of 2^-24.
Scalar toUniform(Scalar word);

} // namespace onnxc::onnx
