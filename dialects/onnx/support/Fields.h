//===- dialects/onnx/support/Fields.h ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors over one iteration space, of which each depends on some dimensions only: data on all, a mean on those that
// were not averaged, a scale on the channels. Reductions and normalisations become a few lines, without reshapes
// between.
#pragma once

#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/Scalar.h"

namespace onnxc::onnx {

/// Dimension i of `tensor` runs along dimension dims[i] of the iteration space; dims is sorted.
struct Field {
  Lowered tensor;
  llvm::SmallVector<int64_t> dims;

  explicit operator bool() const { return static_cast<bool>(tensor); }
};

class Fields {
public:
  using Formula = llvm::function_ref<Scalar(llvm::ArrayRef<Scalar>)>;
  using Step = llvm::function_ref<Scalar(Scalar sum, llvm::ArrayRef<Scalar> elements)>;

  Fields(LoweringBuilder &b, llvm::ArrayRef<AffineExpr> space) : b(b), space(space) {}

  /// A tensor of the whole space, or along some of its dimensions. A size of 1 where the space has another repeats,
  /// also one that only the run knows to be 1.
  Field all(Lowered tensor) const;
  Field along(Lowered tensor, llvm::ArrayRef<int64_t> dims) const;

  /// formula(elements) at every point of the dimensions that an input depends on, in an element type of the onnx
  /// dialect. 16-bit floats are computed in f32. Absent inputs are left out: their Scalars are null.
  Field map(llvm::ArrayRef<Field> inputs, mlir::Type element, Formula formula) const;

  /// Goes through `axes` with sum = step(sum, elements) from a start value (a number of the type of `sum`). The result
  /// has element type `element` and depends on the inputs' other dimensions.
  Field reduce(llvm::ArrayRef<Field> inputs, llvm::ArrayRef<int64_t> axes, mlir::Type element,
               llvm::function_ref<Scalar(Scalar like)> start, Step step) const;
  Field sum(llvm::ArrayRef<Field> inputs, llvm::ArrayRef<int64_t> axes, mlir::Type element, Formula summand) const;

  /// Number of points along `axes`, as a scalar of a signless type.
  mlir::Value count(llvm::ArrayRef<int64_t> axes, mlir::Type type) const;

private:
  mlir::AffineMap mapOf(const Field &field, llvm::ArrayRef<int64_t> loops) const;

  LoweringBuilder &b;
  Dims space;
};

} // namespace onnxc::onnx
