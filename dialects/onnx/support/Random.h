//===- dialects/onnx/support/Random.h ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random numbers that follow from a seed and a position alone: the same in every order and with every number of
// threads.
#pragma once

#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/support/Lowering.h"
#include "dialects/onnx/support/Scalar.h"
#include <array>

namespace onnxc::onnx {

/// Gives a node without a seed one that its name decides, so that no two nodes draw the same numbers. A compiled model
/// has no source of real randomness: every run draws the same numbers.
llvm::LogicalResult giveSeed(NodeForm &node);

/// The key that a seed makes, an attribute that giveSeed has set: two seeds that differ draw different numbers.
uint64_t keyOf(std::optional<llvm::APFloat> seed);

/// Four independent 32-bit words for every `position` (an i64): Philox 4x32-10 (Salmon et al., Parallel random numbers:
/// as easy as 1, 2, 3; 2011) of that counter with the key.
std::array<Scalar, 4> randomWords(uint64_t key, Scalar position);

/// result[i...] = body(words), with four random words of its own for every element.
mlir::Value draw(LoweringBuilder &b, mlir::Type resultType, uint64_t key,
                 llvm::function_ref<Scalar(llvm::ArrayRef<Scalar> words)> body);

/// Two random words as a number of a float type in [0, 1): a multiple of 2^-53 in f64, of 2^-24 in f32.
Scalar toUniform(llvm::ArrayRef<Scalar> words, mlir::Type type);

} // namespace onnxc::onnx
