//===- dialects/onnx/support/PackedTexts.h -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Several sequences one behind the other in a tensor, each with a history: what is where, by operations that an upgrade
// makes.
#pragma once

#include "dialects/onnx/OnnxOp.h"

namespace onnxc::onnx {

/// Texts of tokens [tokens, ...]. Text i begins at element i of a list, which ends with the number of tokens. In front
/// of each stands a history of `past` tokens: place p of a text is token p - past, or of the history. All int64.
struct PackedTexts {
  NodeForm &node;
  mlir::Value past;                  ///< a scalar, which may be the run's
  mlir::Value count;                 ///< of texts [1]
  mlir::Value begins, ends, lengths; ///< of each text [texts]
  mlir::Value text, place;           ///< of each token [tokens]

  /// Null values after an error.
  PackedTexts(NodeForm &node, mlir::Value starts, mlir::Value tokens, mlir::Value past);

  /// What is at place `p` of text `text`, of tensors that broadcast: elements of `tokens` [tokens, ...] and of
  /// `history` [texts, past, ...], which may be absent if past is known to be 0. Places out of range give anything.
  mlir::Value fetch(mlir::Value tokens, mlir::Value history, mlir::Value text, mlir::Value p) const;

  mlir::Value number(int64_t n) const;
  mlir::Value add(mlir::Value a, mlir::Value b) const;
  mlir::Value sub(mlir::Value a, mlir::Value b) const;
  /// The numbers of all texts [texts].
  mlir::Value texts() const;
  /// The places of the last `past` elements of each text [texts, past].
  mlir::Value lastPlaces() const;
  /// Whether slot s of each text, of `capacity`, counts: s < min(counts, length) [texts, capacity].
  mlir::Value captured(mlir::Value counts, int64_t capacity) const;
};

} // namespace onnxc::onnx
