//===- dialects/onnx/ops/LinearAlgebra.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Determinants.
#include "dialects/onnx/ops/LinearAlgebra.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

LogicalResult DetOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getX());
  Type element = getElementTypeOrSelf(getX().getType());
  if (!isa<FloatType>(element))
    return emitOpError("takes floating-point numbers, not ") << getElementTypeName(element);
  if (dims.size() < 2)
    return emitOpError("takes matrices, not data of rank ") << dims.size();
  AffineExpr columns = dims.pop_back_val(), rows = dims.pop_back_val();
  if (auto m = getConstant(rows), n = getConstant(columns); m && n && *m != *n)
    return emitOpError("takes square matrices, not of ") << *m << " rows and " << *n << " columns";
  types.push_back(makeTensor(dims, element));
  return success();
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

/// One step of Gaussian elimination: the largest element of column k in or below row k becomes the pivot, and the rows
/// below lose their multiple of its row. Gives the pivot, negated if rows were swapped for it, and the matrix.
static std::pair<Scalar, Value> eliminate(ImplicitLocOpBuilder &b, Value matrix, Value k, Value size) {
  IndexMath math{b};
  Value rows = math.sub(size, k);
  Value largest = makeLoops(b, rows, {k, abs(Matrix{b, matrix}.get(k, k))},
                            [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange best) -> SmallVector<Value> {
                              Value row = IndexMath{body}.add(k, at[0]);
                              Scalar x = abs(Matrix{body, matrix}.get(row, k)), present(body, best[1]);
                              Scalar isLarger = x > present;
                              return {IndexMath{body}.select(isLarger, row, best[0]), select(isLarger, x, present)};
                            })[0];
  matrix = makeLoops(b, size, matrix,
                     [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange carried) -> SmallVector<Value> {
                       Matrix m{body, carried[0]};
                       Scalar here = m.get(k, at[0]), there = m.get(largest, at[0]);
                       m.set(k, at[0], there);
                       m.set(largest, at[0], here);
                       return {m.tensor};
                     })[0];
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

#define GET_OP_CLASSES
#include "dialects/onnx/ops/LinearAlgebra.cpp.inc"

void onnxc::onnx::registerLinearAlgebraOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/LinearAlgebra.cpp.inc"
      >();
}
