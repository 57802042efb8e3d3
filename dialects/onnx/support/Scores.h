//===- dialects/onnx/support/Scores.h ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the classifiers and regressors of ai.onnx.ml have in common: rows of features come in; rows of scores, and the
// label of each row, go out.
#pragma once

#include "dialects/onnx/support/Contraction.h"

namespace onnxc::onnx {

/// The sizes [N, F] of an input; a vector is one row. Reports other ranks and types.
llvm::FailureOr<Dims> getRowDims(mlir::Operation *op, mlir::Value x);
/// Scores of numbers of this type are computed in f64 or f32: f64 for f64.
mlir::Type getScoreType(mlir::Type element);
/// Operand 0, as [N, F] in its score type.
Lowered getRows(LoweringBuilder &b, mlir::Operation *op, mlir::ValueRange operands);
/// The same with the number of features that the model is for, which stops the run where X has another.
Lowered takeFeatures(LoweringBuilder &b, Lowered rows, int64_t features);
/// A constant of this shape.
Lowered makeFloats(LoweringBuilder &b, llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<float> numbers,
                   mlir::Type element);

/// A constant vector, and one of its elements as an index.
mlir::Value makeIntegers(LoweringBuilder &b, llvm::ArrayRef<int32_t> numbers);
mlir::Value makeIntegers(LoweringBuilder &b, llvm::ArrayRef<int64_t> numbers);
mlir::Value readIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value table, mlir::Value at);

enum class PostTransform { None, Softmax, Logistic, SoftmaxZero, Probit };

llvm::FailureOr<PostTransform> getPostTransform(mlir::Operation *op, llvm::StringRef name);
/// The same for a number, in the order of the enumeration.
llvm::FailureOr<PostTransform> getPostTransform(mlir::Operation *op, int64_t number);

/// `scores` [N, E] transformed row by row. Nothing but Probit is done to a single score, as in onnxruntime, and where
/// `alsoSingle` Logistic, as the specification has it.
Lowered transformScores(LoweringBuilder &b, Lowered scores, PostTransform transform, bool alsoSingle = false);

/// Scores [N, 2] of two classes where the model has one, s [N, 1], for the second: that of the first is 1 - s or, where
/// `isSigned`, -s, as onnxruntime has it. There Logistic makes shares of 1 of both, and nothing but Probit changes
/// others.
Lowered scoreTwoClasses(LoweringBuilder &b, Lowered score, bool isSigned, PostTransform transform);

/// The position of the first largest score of every row, [N] of i64.
Lowered findLargest(LoweringBuilder &b, Lowered scores);
/// For scores [N, 1]: 1 where they are above `threshold`, else 0.
Lowered findAbove(LoweringBuilder &b, Lowered score, double threshold);

/// Labels of classes, or keys: integers or strings.
struct Labels {
  llvm::SmallVector<int64_t> integers;
  llvm::SmallVector<std::string> strings;

  /// Reports at `op` when not exactly one of them is given, or a string is none that a model can have.
  static llvm::FailureOr<Labels> get(mlir::Operation *op, std::optional<llvm::ArrayRef<int64_t>> integers,
                                     std::optional<mlir::ArrayAttr> strings);
  size_t size() const { return integers.size() + strings.size(); }
  mlir::Type elementType(mlir::MLIRContext *context) const;
  /// For a single score: the two labels if there are two, otherwise 0 and 1.
  Labels forOneScore() const;
  /// Puts them in ascending order (strings by their bytes, equal ones as they were); says where each was.
  llvm::SmallVector<int64_t> sort();
  /// Whether two sorted ones are the same.
  bool hasDuplicates() const;
  /// All of them, lowered, [size].
  mlir::Value makeTable(LoweringBuilder &b) const;
  /// The labels at positions [N].
  mlir::Value choose(LoweringBuilder &b, Lowered positions) const;
};

} // namespace onnxc::onnx
