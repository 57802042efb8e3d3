//===- lib/Codegen/CPU/EmitDepthwise.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Emits kernel.depthwise: a tile is a few neighbouring pixels of one vector of channels; the filter stays in registers
// while the tile walks along the row.
#include "lib/Codegen/CPU/KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::kernel;

namespace {
class DepthwiseEmitter {
public:
  DepthwiseEmitter(Emitter &e, DepthwiseOp op, ValueRange operands, unsigned lanes)
      : e(e), op(op), lhs(operands[0]), filter(operands[1]), init(operands.back()),
        extras(operands.drop_front(2).drop_back()), lanes(lanes), vector(VectorType::get({lanes}, e.getF32Type())) {
    // Tasks are groups of rows; work on a row is a few thousand multiply-adds in small models, millions in big ones.
    rows = e.mul(e.size(init, 0), e.size(init, 1));
    constexpr int64_t wanted = 32, leastWork = 100'000;
    Index rowWork = e.mul(e.mul(e.size(init, 2), e.size(init, 3)), e.mul(e.size(filter, 0), e.size(filter, 1)));
    Index one = e.index(1);
    Index least = e.ceilDiv(e.index(leastWork), e.max(rowWork, one));
    rowsPerTask = e.max(least, e.ceilDiv(rows, e.index(wanted)));
  }

  Index countTasks() { return e.ceilDiv(rows, rowsPerTask); }

  void emitTask(Value task) {
    MLIRContext *context = e.getContext();
    in = e.access(lhs, AffineMap::getMultiDimIdentityMap(4, context));
    weights = e.access(filter, AffineMap::getMultiDimIdentityMap(3, context));
    out = e.access(init, AffineMap::getMultiDimIdentityMap(4, context));
    for (auto [i, extra] : llvm::enumerate(extras))
      others.push_back(e.access(extra, op.getExtraMap(i)));
    Index row0 = e.mul(task, rowsPerTask), row1 = e.min(e.add(row0, rowsPerTask), rows);
    Index channels = e.size(init, 3);
    e.loop(e.index(0), channels, lanes, [&](Index channel) {
      Value mask = e.tailMask(channel, channels, lanes);
      loadFilter(channel, mask);
      e.loop(row0, row1, 1, [&](Index row) { emitRow(row, channel, mask); });
    });
  }

private:
  int64_t filterSize(unsigned d) const { return cast<MemRefType>(filter.getType()).getDimSize(d); }

  void loadFilter(Index channel, Value mask) {
    taps.clear();
    for (int64_t r = 0; r < filterSize(0); ++r)
      for (int64_t s = 0; s < filterSize(1); ++s)
        taps.push_back(e.loadVector(weights.flat,
                                    e.add(e.add(e.mul(weights.strides[0], r), e.mul(weights.strides[1], s)), channel),
                                    vector, mask));
  }

  void emitRow(Index row, Index channel, Value mask) {
    Index height = e.size(init, 1), width = e.size(init, 2);
    Index n = e.div(row, height), h = e.rem(row, height);
    Index inAt = e.add(e.add(e.mul(in.strides[0], n), e.mul(in.strides[1], e.mul(h, op.getStrides()[0]))), channel);
    auto at = [&](Access &access) {
      return e.add(e.add(e.mul(access.strides[0], n), e.mul(access.strides[1], h)), e.mul(access.strides[3], channel));
    };
    Index outAt = at(out);
    SmallVector<Index> othersAt;
    for (Access &other : others)
      othersAt.push_back(at(other));

    auto known = getConstantIntValue(width);
    int64_t most = 8;
    if (known)
      most = llvm::divideCeil(*known, llvm::divideCeil(*known, most)); // 14 pixels are twice seven
    auto tile = [&](Index w, int64_t pixels) {
      SmallVector<Index> at;
      for (auto [other, base] : llvm::zip(others, othersAt))
        at.push_back(e.add(base, e.mul(other.strides[2], w)));
      emitTile(e.add(inAt, e.mul(in.strides[2], e.mul(w, op.getStrides()[1]))), e.add(outAt, e.mul(out.strides[2], w)),
               at, pixels, mask);
    };
    Index main = e.mul(e.div(width, e.index(most)), most);
    e.loop(e.index(0), main, most, [&](Index w) { tile(w, most); });
    if (known) {
      if (*known % most)
        tile(main, *known % most);
    } else {
      e.loop(main, width, 1, [&](Index w) { tile(w, 1); });
    }
  }

  void emitTile(Index inAt, Index outAt, ArrayRef<Index> othersAt, int64_t pixels, Value mask) {
    int64_t stride = op.getStrides()[1], dilation = op.getDilations()[1];
    SmallVector<Value> sums(pixels);
    for (int64_t r = 0; r < filterSize(0); ++r) {
      Index line = e.add(inAt, e.mul(in.strides[1], r * op.getDilations()[0]));
      int64_t last = (pixels - 1) * stride + (filterSize(1) - 1) * dilation;
      // Each pixel of the input is loaded once and goes to every output that it reaches.
      for (int64_t x = 0; x <= last; ++x) {
        Value pixel;
        for (int64_t p = 0; p < pixels; ++p) {
          int64_t reach = x - p * stride;
          if (reach < 0 || reach % dilation != 0 || reach / dilation >= filterSize(1))
            continue;
          if (!pixel)
            pixel = e.loadVector(in.flat, e.add(line, e.mul(in.strides[2], x)), vector, mask);
          Value tap = taps[r * filterSize(1) + reach / dilation];
          sums[p] = sums[p] ? vector::FMAOp::create(e, pixel, tap, sums[p]).getResult()
                            : arith::MulFOp::create(e, pixel, tap).getResult();
        }
      }
    }
    for (int64_t p = 0; p < pixels; ++p) {
      SmallVector<Value> arguments = {sums[p]};
      for (auto [other, at] : llvm::zip(others, othersAt)) {
        Index index = e.add(at, e.mul(other.strides[2], p));
        arguments.push_back(isConstantIntValue(other.strides[3], 0) ? e.splat(e.loadScalar(other.flat, index), lanes)
                                                                    : e.loadVector(other.flat, index, vector, mask));
      }
      e.storeVector(e.applyEpilogue(op.getEpilogue(), arguments), out.flat, e.add(outAt, e.mul(out.strides[2], p)),
                    mask);
    }
  }

  Emitter &e;
  DepthwiseOp op;
  Value lhs, filter, init;
  ValueRange extras;
  int64_t lanes;
  VectorType vector;
  Index rows, rowsPerTask;
  Access in, weights, out;
  SmallVector<Access> others;
  SmallVector<Value> taps;
};
} // namespace

Index onnxc::kernel::countDepthwiseTasks(Emitter &e, DepthwiseOp op, ValueRange operands, unsigned lanes) {
  return DepthwiseEmitter(e, op, operands, lanes).countTasks();
}

void onnxc::kernel::emitDepthwiseTask(Emitter &e, DepthwiseOp op, ValueRange operands, Value task, unsigned lanes) {
  DepthwiseEmitter(e, op, operands, lanes).emitTask(task);
}
