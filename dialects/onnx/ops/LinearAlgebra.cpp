//===- dialects/onnx/ops/LinearAlgebra.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Determinants and inverses, by Gaussian elimination.
#include "dialects/onnx/ops/LinearAlgebra.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

/// Checks that the last two dimensions of X are square matrices of floats.
template <typename OpT> static LogicalResult checkSquare(OpT op) {
  Dims dims = getDims(op.getX());
  Type element = getElementTypeOrSelf(op.getX().getType());
  if (!isa<FloatType>(element))
    return op.emitOpError("takes floating-point numbers, not ") << getElementTypeName(element);
  if (dims.size() < 2)
    return op.emitOpError("takes matrices, not data of rank ") << dims.size();
  auto n = getConstant(dims.pop_back_val()), m = getConstant(dims.pop_back_val());
  if (m && n && *m != *n)
    return op.emitOpError("takes square matrices, not of ") << *m << " rows and " << *n << " columns";
  return success();
}

LogicalResult DetOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkSquare(*this)))
    return failure();
  types.push_back(makeTensor(ArrayRef(getDims(getX())).drop_back(2), getElementTypeOrSelf(getX().getType())));
  return success();
}

LogicalResult InverseOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(getX().getType());
  return checkSquare(*this);
}

namespace {
/// A matrix that a loop carries.
struct Matrix {
  ImplicitLocOpBuilder &b;
  Value tensor;

  Scalar get(Value row, Value column) const {
    return Scalar(b, tensor::ExtractOp::create(b, tensor, ValueRange{row, column}));
  }
  void set(Value row, Value column, Scalar x) {
    tensor = tensor::InsertOp::create(b, x, tensor, ValueRange{row, column});
  }
};
} // namespace

/// The row of the largest element of column k in or below row k, and the matrix of `columns` columns with that row and
/// row k swapped.
static std::pair<Value, Value> choosePivot(ImplicitLocOpBuilder &b, Value matrix, Value k, Value size, Value columns) {
  IndexMath math{b};
  Value largest = makeLoops(b, math.sub(size, k), {k, abs(Matrix{b, matrix}.get(k, k))},
                            [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange best) -> SmallVector<Value> {
                              Value row = IndexMath{body}.add(k, at[0]);
                              Scalar x = abs(Matrix{body, matrix}.get(row, k)), present(body, best[1]);
                              Scalar isLarger = x > present;
                              return {IndexMath{body}.select(isLarger, row, best[0]), select(isLarger, x, present)};
                            })[0];
  matrix = makeLoops(b, columns, matrix,
                     [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange carried) -> SmallVector<Value> {
                       Matrix m{body, carried[0]};
                       Scalar here = m.get(k, at[0]), there = m.get(largest, at[0]);
                       m.set(k, at[0], there);
                       m.set(largest, at[0], here);
                       return {m.tensor};
                     })[0];
  return {largest, matrix};
}

/// One step of Gaussian elimination: the rows below row k lose their multiple of the pivot's row. Gives the pivot,
/// negated if rows were swapped for it, and the matrix.
static std::pair<Scalar, Value> eliminate(ImplicitLocOpBuilder &b, Value matrix, Value k, Value size) {
  IndexMath math{b};
  Value rows = math.sub(size, k), largest;
  std::tie(largest, matrix) = choosePivot(b, matrix, k, size, size);
  Scalar pivot = Matrix{b, matrix}.get(k, k);
  Value next = math.add(k, math.constant(1));
  matrix = makeLoops(b, math.sub(rows, math.constant(1)), matrix,
                     [&](ImplicitLocOpBuilder &body, ValueRange i, ValueRange carried) -> SmallVector<Value> {
                       Value row = IndexMath{body}.add(next, i[0]);
                       Scalar x = Matrix{body, carried[0]}.get(row, k), divisor(body, pivot);
                       // Below a pivot of 0 there are only zeros.
                       Scalar factor = select(divisor == 0, 0, x / divisor);
                       return makeLoops(
                           body, rows, carried,
                           [&](ImplicitLocOpBuilder &inner, ValueRange j, ValueRange values) -> SmallVector<Value> {
                             Matrix m{inner, values[0]};
                             Value column = IndexMath{inner}.add(k, j[0]);
                             m.set(row, column, m.get(row, column) - m.get(k, column) * Scalar(inner, factor));
                             return {m.tensor};
                           });
                     })[0];
  Scalar isInPlace(b, arith::CmpIOp::create(b, arith::CmpIPredicate::eq, largest, k));
  return {select(isInPlace, pivot, -pivot), matrix};
}

FailureOr<SmallVector<Value>> DetOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  Dims batch = input.dims();
  AffineExpr columns = batch.pop_back_val(), rows = batch.pop_back_val();
  b.requireEqual(rows, columns, "Det: takes square matrices");
  Value size = b.materializeIndex(rows);
  Type element = input.element(), type = accumulatorType(element);
  SmallVector<Value> ends;
  for (AffineExpr dim : batch)
    ends.push_back(b.materializeIndex(dim));
  Value space = b.empty(makeTensor({rows, rows}, type)), one = b.constant(type, 1);
  // The determinant is the product of the pivots.
  auto body = [&](ImplicitLocOpBuilder &outer, ValueRange at, ValueRange carried) -> SmallVector<Value> {
    auto copy = [&](ImplicitLocOpBuilder &inner, ValueRange ij, ValueRange values) -> SmallVector<Value> {
      SmallVector<Value> from(at);
      llvm::append_range(from, ij);
      Matrix m{inner, values[0]};
      m.set(ij[0], ij[1], widen(Scalar(inner, tensor::ExtractOp::create(inner, input.value, from))));
      return {m.tensor};
    };
    Value matrix = makeLoops(outer, {size, size}, carried[1], copy)[0];
    auto step = [&](ImplicitLocOpBuilder &inner, ValueRange k, ValueRange values) -> SmallVector<Value> {
      auto [pivot, rest] = eliminate(inner, values[1], k[0], size);
      return {Scalar(inner, values[0]) * pivot, rest};
    };
    auto results = makeLoops(outer, size, {one, matrix}, step);
    Scalar determinant = convert(Scalar(outer, results[0]), element);
    return {tensor::InsertOp::create(outer, determinant, carried[0], at), results[1]};
  };
  return SmallVector<Value>{makeLoops(b, ends, {b.empty(getType()), space}, body)[0]};
}

/// One step of Gauss and Jordan: row k, divided by its pivot, is taken from all others until column k is zero there.
static Value eliminateAll(ImplicitLocOpBuilder &b, Value matrix, Value k, Value size, Value columns) {
  matrix = choosePivot(b, matrix, k, size, columns).second;
  Scalar pivot = Matrix{b, matrix}.get(k, k);
  auto divide = [&](ImplicitLocOpBuilder &body, ValueRange j, ValueRange carried) -> SmallVector<Value> {
    Matrix m{body, carried[0]};
    m.set(k, j[0], m.get(k, j[0]) / Scalar(body, pivot));
    return {m.tensor};
  };
  matrix = makeLoops(b, columns, matrix, divide)[0];
  auto subtract = [&](ImplicitLocOpBuilder &body, ValueRange i, ValueRange carried) -> SmallVector<Value> {
    Scalar isPivots(body, arith::CmpIOp::create(body, arith::CmpIPredicate::eq, i[0], k));
    Scalar factor = select(isPivots, 0, Matrix{body, carried[0]}.get(i[0], k));
    return makeLoops(body, columns, carried,
                     [&](ImplicitLocOpBuilder &inner, ValueRange j, ValueRange values) -> SmallVector<Value> {
                       Matrix m{inner, values[0]};
                       m.set(i[0], j[0], m.get(i[0], j[0]) - m.get(k, j[0]) * Scalar(inner, factor));
                       return {m.tensor};
                     });
  };
  return makeLoops(b, size, matrix, subtract)[0];
}

/// What makes the left half of [X, 1] the identity makes its right half the inverse. A singular matrix gives infinities
/// or NaN.
FailureOr<SmallVector<Value>> InverseOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  Dims batch = input.dims();
  AffineExpr columns = batch.pop_back_val(), rows = batch.pop_back_val();
  b.requireEqual(rows, columns, "Inverse: takes square matrices");
  Value size = b.materializeIndex(rows), width = b.materializeIndex(rows * 2);
  Type element = input.element(), type = accumulatorType(element);
  SmallVector<Value> ends;
  for (AffineExpr dim : batch)
    ends.push_back(b.materializeIndex(dim));
  auto body = [&](ImplicitLocOpBuilder &outer, ValueRange at, ValueRange carried) -> SmallVector<Value> {
    auto entry = [&](ValueRange ij) {
      SmallVector<Value> indices(at);
      llvm::append_range(indices, ij);
      return indices;
    };
    auto fill = [&](ImplicitLocOpBuilder &inner, ValueRange ij, ValueRange values) -> SmallVector<Value> {
      Matrix m{inner, values[0]};
      m.set(ij[0], ij[1], widen(Scalar(inner, tensor::ExtractOp::create(inner, input.value, entry(ij)))));
      Scalar isDiagonal(inner, arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, ij[0], ij[1]));
      Scalar one(inner, arith::ConstantOp::create(inner, inner.getFloatAttr(type, 1)));
      m.set(ij[0], IndexMath{inner}.add(size, ij[1]), select(isDiagonal, one, 0));
      return {m.tensor};
    };
    Value matrix = makeLoops(outer, {size, size}, carried[1], fill)[0];
    matrix = makeLoops(outer, size, matrix,
                       [&](ImplicitLocOpBuilder &inner, ValueRange k, ValueRange values) -> SmallVector<Value> {
                         return {eliminateAll(inner, values[0], k[0], size, width)};
                       })[0];
    auto copy = [&](ImplicitLocOpBuilder &inner, ValueRange ij, ValueRange values) -> SmallVector<Value> {
      Scalar x = convert(Matrix{inner, matrix}.get(ij[0], IndexMath{inner}.add(size, ij[1])), element);
      return {tensor::InsertOp::create(inner, x, values[0], entry(ij))};
    };
    return {makeLoops(outer, {size, size}, carried[0], copy)[0], matrix};
  };
  Value space = b.empty(makeTensor({rows, rows * 2}, type));
  return SmallVector<Value>{makeLoops(b, ends, {b.empty(getType()), space}, body)[0]};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/LinearAlgebra.cpp.inc"

void onnxc::onnx::registerLinearAlgebraOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/LinearAlgebra.cpp.inc"
      >();
}
