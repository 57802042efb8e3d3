//===- lib/Codegen/CPU/EmitDepthwise.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Emits kernel.depthwise: a tile is a few neighbouring pixels of one vector of channels; the filter stays in registers
// while the tile walks along the row. Of bytes, where the target has vpdpbusd, a step takes four rows of the filter.
#include "lib/Codegen/CPU/KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::kernel;

namespace {
class DepthwiseEmitter {
public:
  DepthwiseEmitter(Emitter &e, DepthwiseOp op, ValueRange operands, unsigned lanes, bool hasDot)
      : e(e), op(op), lhs(operands[0]), filter(operands[1]), init(operands.back()),
        extras(operands.drop_front(2).drop_back()), lanes(lanes), isBytes(elementOf(lhs).isInteger(8)),
        vector(VectorType::get({lanes}, isBytes ? Type(e.getI32Type()) : e.getF32Type())) {
    if (hasDot && isBytes && elementOf(filter).isInteger(8) && filterSize(0) > 1)
      rowsPerStep = 4;
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
      loadConstantExtras(channel, mask);
      unsigned extra;
      start = isBytes ? getStart(op.getEpilogue(), extra) : nullptr;
      if (start && !constants[extra])
        start = nullptr;
      if (start)
        first = first ? arith::AddIOp::create(e, first, constants[extra]).getResult() : constants[extra];
      e.loop(row0, row1, 1, [&](Index row) { emitRow(row, channel, mask); });
    });
  }

private:
  int64_t filterSize(unsigned d) const { return cast<MemRefType>(filter.getType()).getDimSize(d); }
  static Type elementOf(Value memref) { return cast<MemRefType>(memref.getType()).getElementType(); }
  VectorType lanesOf(Value memref) const { return VectorType::get({lanes}, elementOf(memref)); }

  /// What `load` gives for the rows from `r` on that one step takes, as an operand of accumulate().
  Value loadStep(int64_t r, llvm::function_ref<Value(int64_t)> load) {
    if (rowsPerStep == 1) {
      Value loaded = load(r);
      return loaded.getType() == vector ? loaded : arith::ExtSIOp::create(e, vector, loaded).getResult();
    }
    // The bytes of each channel side by side, the first row's lowest.
    auto pair = [&](int64_t first) -> Value {
      auto bytes = VectorType::get({lanes}, e.getI8Type());
      auto row = [&](int64_t r) { return r < filterSize(0) ? load(r) : e.zero(bytes); };
      Value joined = vector::InterleaveOp::create(e, row(first), row(first + 1));
      return vector::BitCastOp::create(e, VectorType::get({lanes}, e.getI16Type()), joined);
    };
    Value joined = vector::InterleaveOp::create(e, pair(r), pair(r + 2));
    return vector::BitCastOp::create(e, VectorType::get({4 * lanes}, e.getI8Type()), joined);
  }

  /// sum + pixel * tap; sum may be null.
  Value accumulate(Value sum, Value pixel, Value tap) {
    if (rowsPerStep > 1) {
      StringRef name = lanes == 16 ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256";
      return LLVM::CallIntrinsicOp::create(e, vector, e.getStringAttr(name), {sum ? sum : e.zero(vector), pixel, tap})
          .getResults();
    }
    if (isBytes) {
      Value product = arith::MulIOp::create(e, pixel, tap);
      return sum ? arith::AddIOp::create(e, sum, product).getResult() : product;
    }
    return sum ? vector::FMAOp::create(e, pixel, tap, sum).getResult()
               : arith::MulFOp::create(e, pixel, tap).getResult();
  }

  /// 128 in every byte.
  Value bias() {
    auto bytes = VectorType::get({4 * lanes}, e.getI8Type());
    return arith::ConstantOp::create(e, DenseElementsAttr::get(bytes, e.getI8IntegerAttr(-128)));
  }

  void loadFilter(Index channel, Value mask) {
    taps.clear();
    first = Value();
    for (int64_t r = 0; r < filterSize(0); r += rowsPerStep)
      for (int64_t s = 0; s < filterSize(1); ++s)
        taps.push_back(loadStep(r, [&](int64_t r) {
          Index at = e.add(e.add(e.mul(weights.strides[0], r), e.mul(weights.strides[1], s)), channel);
          return e.loadVector(weights.flat, at, lanesOf(filter), mask);
        }));
    if (rowsPerStep == 1)
      return;
    // Signed bytes are multiplied as unsigned ones, which are 128 more.
    for (Value tap : taps)
      first = accumulate(first, bias(), tap);
    first = arith::SubIOp::create(e, e.zero(vector), first);
  }

  /// Extra operands that are the same for all pixels.
  void loadConstantExtras(Index channel, Value mask) {
    constants.assign(extras.size(), Value());
    for (auto [other, constant] : llvm::zip(others, constants))
      if (llvm::all_of(ArrayRef(other.strides).take_front(3),
                       [](Index stride) { return isConstantIntValue(stride, 0); }))
        constant = loadExtra(other, e.mul(other.strides[3], channel), mask);
  }

  Value loadExtra(const Access &other, Index at, Value mask) {
    return isConstantIntValue(other.strides[3], 0) ? e.splat(e.loadScalar(other.flat, at), lanes)
                                                   : e.loadVector(other.flat, at, lanesOf(other.flat), mask);
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
    SmallVector<Value> sums(pixels, first);
    for (int64_t r = 0; r < filterSize(0); r += rowsPerStep) {
      int64_t last = (pixels - 1) * stride + (filterSize(1) - 1) * dilation;
      // Each pixel of the input is loaded once and goes to every output that it reaches.
      for (int64_t x = 0; x <= last; ++x) {
        Value pixel;
        for (int64_t p = 0; p < pixels; ++p) {
          int64_t reach = x - p * stride;
          if (reach < 0 || reach % dilation != 0 || reach / dilation >= filterSize(1))
            continue;
          if (!pixel) {
            pixel = loadStep(r, [&](int64_t r) {
              Index line = e.add(inAt, e.mul(in.strides[1], r * op.getDilations()[0]));
              return e.loadVector(in.flat, e.add(line, e.mul(in.strides[2], x)), lanesOf(lhs), mask);
            });
            if (rowsPerStep > 1)
              pixel = arith::XOrIOp::create(e, pixel, bias());
          }
          sums[p] = accumulate(sums[p], pixel, taps[r / rowsPerStep * filterSize(1) + reach / dilation]);
        }
      }
    }
    for (int64_t p = 0; p < pixels; ++p) {
      SmallVector<Value> arguments = {sums[p]};
      for (auto [other, at, constant] : llvm::zip(others, othersAt, constants))
        arguments.push_back(constant ? constant : loadExtra(other, e.add(at, e.mul(other.strides[2], p)), mask));
      e.storeVector(e.applyEpilogue(op.getEpilogue(), arguments, start), out.flat,
                    e.add(outAt, e.mul(out.strides[2], p)), mask);
    }
  }

  Emitter &e;
  DepthwiseOp op;
  Value lhs, filter, init;
  ValueRange extras;
  int64_t lanes, rowsPerStep = 1; ///< of the filter
  bool isBytes;
  VectorType vector; ///< of sums
  Index rows, rowsPerTask;
  Access in, weights, out;
  SmallVector<Access> others;
  SmallVector<Value> taps, constants;
  Value first;      ///< what sums start from, or null
  Operation *start; ///< the part of the epilogue that is in `first`, or null
};
} // namespace

Index onnxc::kernel::countDepthwiseTasks(Emitter &e, DepthwiseOp op, ValueRange operands, unsigned lanes, bool dot) {
  return DepthwiseEmitter(e, op, operands, lanes, dot).countTasks();
}

void onnxc::kernel::emitDepthwiseTask(Emitter &e, DepthwiseOp op, ValueRange operands, Value task, unsigned lanes,
                                      bool dot) {
  DepthwiseEmitter(e, op, operands, lanes, dot).emitTask(task);
}
