//===- lib/Codegen/CPU/TransposeRows.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A square matrix transposed in registers: interleaved inside lanes of 128 bits, where every target has an instruction
// for it, then whole lanes.
#include "lib/Codegen/CPU/TransposeRows.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

/// Takes turns between pieces of `a` and `b`, `piece` elements long, of the first or the second half of every lane.
static Value interleave(OpBuilder &b, Location loc, Value x, Value y, int64_t piece, int64_t lane, bool second) {
  int64_t count = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> mask;
  for (int64_t base = second ? lane / 2 : 0; base < count; base += lane)
    for (int64_t from = base; from < base + lane / 2; from += piece)
      for (int64_t side : {int64_t{0}, count})
        llvm::append_range(mask, llvm::seq(side + from, side + from + piece));
  return vector::ShuffleOp::create(b, loc, x, y, mask);
}

/// Transposes the square matrices that the `lane`s of the rows hold side by side, of elements `unit` wide.
static SmallVector<Value> transposeLanes(OpBuilder &b, Location loc, SmallVector<Value> rows, int64_t unit,
                                         int64_t lane) {
  int64_t count = rows.size();
  for (int64_t step = 1; step < count; step *= 2) {
    SmallVector<Value> next;
    for (int64_t group = 0; group < count; group += 2 * step)
      for (int64_t j = group; j < group + step; ++j)
        for (bool second : {false, true})
          next.push_back(interleave(b, loc, rows[j], rows[j + step], step * unit, lane, second));
    rows = next;
  }
  return rows;
}

SmallVector<Value> onnxc::cpu::transposeRows(OpBuilder &b, Location loc, ArrayRef<Value> rows) {
  auto type = cast<VectorType>(rows.front().getType());
  int64_t size = rows.size(), lane = std::min<int64_t>(size, 128 / type.getElementTypeBitWidth());
  SmallVector<Value> inLanes, result(size);
  for (int64_t group = 0; group < size; group += lane)
    llvm::append_range(inLanes, transposeLanes(b, loc, llvm::to_vector(rows.slice(group, lane)), 1, lane));
  for (int64_t column = 0; column < lane; ++column) {
    SmallVector<Value> blocks;
    for (int64_t group = 0; group < size; group += lane)
      blocks.push_back(inLanes[group + column]);
    for (auto [block, row] : llvm::enumerate(transposeLanes(b, loc, blocks, lane, size)))
      result[block * lane + column] = row;
  }
  return result;
}
