//===- lib/Codegen/CPU/RegisterTile.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The innermost loop of every product of f32: sums of a tile of rows and vectors of columns that stay in registers.
#include "lib/Codegen/CPU/KernelEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::kernel;

Balanced::Balanced(int64_t size, int64_t most)
    : pieces(llvm::divideCeil(size, most)), shorter(size / pieces), longer(size % pieces) {}

/// Besides sums and columns, some registers are for what the epilogue needs of every tile: where all are taken, LLVM
/// keeps the sums in memory.
bool RegisterTile::fits(int64_t rows, int64_t vectors, unsigned registers) {
  return rows * vectors + vectors + registers / 8 <= registers;
}

SmallVector<Value> RegisterTile::accumulate(Emitter &e, Index leftAt, Index rightAt, ValueRange sums) const {
  auto step = [&](Index leftK, Index rightK, ValueRange carried) {
    SmallVector<Value> next(carried), columns;
    for (int64_t v = 0; v < vectors; ++v)
      columns.push_back(e.loadSingle(right, e.add(rightK, e.mul(rightVector, v)), vector));
    for (int64_t row = 0; row < rows; ++row) {
      Value element = e.splat(e.loadScalar(left, e.add(leftK, e.mul(leftRow, row))), vector.getDimSize(0));
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = next[row * vectors + v];
        sum = vector::FMAOp::create(e, element, columns[v], sum);
      }
    }
    return next;
  };
  auto steps = [&](Index k, int64_t count, ValueRange carried) {
    Index leftK = e.add(leftAt, e.mul(leftStep, k)), rightK = e.add(rightAt, e.mul(rightStep, k));
    SmallVector<Value> next(carried);
    for (int64_t u = 0; u < count; ++u)
      next = step(e.add(leftK, e.mul(leftStep, u)), e.add(rightK, e.mul(rightStep, u)), next);
    return next;
  };
  auto known = getConstantIntValue(depth);
  int64_t unroll = rows * vectors >= 16 ? 2 : 4;
  if (known && *known <= 4)
    return steps(e.index(0), *known, sums);
  Index main = e.mul(e.div(depth, e.index(unroll)), unroll);
  SmallVector<Value> result =
      e.loop(e.index(0), main, unroll, sums, [&](Index k, ValueRange carried) { return steps(k, unroll, carried); });
  if (known)
    return steps(main, *known % unroll, result);
  return e.loop(main, depth, 1, result, [&](Index k, ValueRange carried) { return steps(k, 1, carried); });
}
