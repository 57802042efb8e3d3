//===- lib/Codegen/CPU/ContractBytes.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// kernel.contract of bytes: a step takes four of the reduction, by vpdpbusd where the target has it, else in pairs of
// 16 bits.
#include "lib/Codegen/CPU/ContractEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::kernel;

/// What the sums of signed bytes start from where they are multiplied as unsigned ones, which are 128 more: -128 times
/// the sum of their column of rhs.
Value ContractEmitter::firstSum(Index rhsAt) {
  int64_t words = cast<MemRefType>(rhs.getType()).getDimSize(op.count('b') + 1) - 1;
  Value sums = e.loadVector(rhsFlat, e.add(rhsAt, words * lanes), vector);
  Value factor = arith::ConstantOp::create(e, DenseElementsAttr::get(vector, e.getI32IntegerAttr(-128)));
  return arith::MulIOp::create(e, sums, factor);
}

/// `count` bytes of lhs in an i32, the first one lowest, in every lane.
Value ContractEmitter::loadWord(Index at, int64_t count) {
  Index stride = reduced.back().lhs;
  Value word;
  if (count == 4 && isConstantIntValue(stride, 1)) {
    Value bytes = e.loadVector(lhsFlat, at, VectorType::get({4}, e.getI8Type()));
    Value one = vector::BitCastOp::create(e, VectorType::get({1}, e.getI32Type()), bytes);
    word = vector::ExtractOp::create(e, one, 0);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      Value byte = e.loadScalar(lhsFlat, e.add(at, e.mul(stride, i)));
      byte = arith::ExtUIOp::create(e, e.getI32Type(), byte);
      if (i == 0) {
        word = byte;
        continue;
      }
      Value shift = arith::ConstantIntOp::create(e, e.getI32Type(), 8 * i);
      word = arith::OrIOp::create(e, word, arith::ShLIOp::create(e, byte, shift));
    }
  }
  if (dot && !op.getUnsignedLhs()) {
    Value signs = arith::ConstantIntOp::create(e, e.getI32Type(), 0x80808080);
    word = arith::XOrIOp::create(e, word, signs);
  }
  return e.splat(word, lanes);
}

/// Every second byte, in 16 bits.
Value ContractEmitter::splitBytes(Value words, bool isUnsigned, bool odd) {
  auto i16 = VectorType::get({2 * lanes}, e.getI16Type());
  Value pairs = vector::BitCastOp::create(e, i16, words);
  Value eight = arith::ConstantOp::create(e, DenseElementsAttr::get(i16, e.getI16IntegerAttr(8)));
  if (odd)
    return isUnsigned ? arith::ShRUIOp::create(e, pairs, eight).getResult()
                      : arith::ShRSIOp::create(e, pairs, eight).getResult();
  if (!isUnsigned)
    return arith::ShRSIOp::create(e, arith::ShLIOp::create(e, pairs, eight), eight);
  Value low = arith::ConstantOp::create(e, DenseElementsAttr::get(i16, e.getI16IntegerAttr(255)));
  return arith::AndIOp::create(e, pairs, low);
}

/// As `reduce`, of bytes.
SmallVector<Value> ContractEmitter::reduceBytes(unsigned level, Index lhsAt, Index rhsAt, int64_t rows, int64_t vectors,
                                                ValueRange sums) {
  const Dim &dim = reduced[level], &tiled = rowDims.back();
  if (level + 1 < reduced.size())
    return e.loop(e.index(0), dim.size, 1, sums, [&](Index k, ValueRange carried) {
      return reduceBytes(level + 1, e.add(lhsAt, e.mul(dim.lhs, k)), e.add(rhsAt, e.mul(dim.rhs, k)), rows, vectors,
                         carried);
    });

  auto bytes = VectorType::get({4 * lanes}, e.getI8Type());
  auto products = VectorType::get({2 * lanes}, e.getI32Type());
  auto step = [&](Index word, int64_t count, ValueRange carried) {
    SmallVector<Value> next(carried);
    SmallVector<SmallVector<Value>> columns(vectors);
    for (int64_t v = 0; v < vectors; ++v) {
      Value words = e.loadVector(rhsFlat, e.add(e.add(rhsAt, e.mul(dim.rhs, word)), e.mul(column.rhs, v)), vector);
      if (dot)
        columns[v] = {vector::BitCastOp::create(e, bytes, words)};
      else
        columns[v] = {splitBytes(words, false, false), splitBytes(words, false, true)};
    }
    for (int64_t row = 0; row < rows; ++row) {
      Value words = loadWord(e.add(e.add(lhsAt, e.mul(dim.lhs, e.mul(word, 4))), e.mul(tiled.lhs, row)), count);
      if (dot) {
        StringRef name = lanes == 16 ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256";
        Value elements = vector::BitCastOp::create(e, bytes, words);
        for (int64_t v = 0; v < vectors; ++v) {
          Value &sum = next[row * vectors + v];
          sum = LLVM::CallIntrinsicOp::create(e, vector, e.getStringAttr(name), {sum, elements, columns[v][0]})
                    .getResults();
        }
        continue;
      }
      for (bool odd : {false, true}) {
        Value elements = arith::ExtSIOp::create(e, products, splitBytes(words, op.getUnsignedLhs(), odd));
        for (int64_t v = 0; v < vectors; ++v) { // LLVM knows instructions for this
          Value &sum = next[row * vectors + v];
          Value product =
              arith::MulIOp::create(e, elements, arith::ExtSIOp::create(e, products, columns[v][odd]).getResult());
          auto halves = vector::DeinterleaveOp::create(e, product);
          sum = arith::AddIOp::create(e, sum, arith::AddIOp::create(e, halves.getRes1(), halves.getRes2()));
        }
      }
    }
    return next;
  };
  int64_t size = *getConstantIntValue(dim.size), words = size / 4, unroll = rows * vectors >= 16 ? 2 : 4;
  auto steps = [&](Index first, int64_t count, ValueRange carried) {
    SmallVector<Value> next(carried);
    for (int64_t u = 0; u < count; ++u)
      next = step(e.add(first, u), 4, next);
    return next;
  };
  int64_t main = words / unroll * unroll;
  SmallVector<Value> result = e.loop(e.index(0), e.index(main), unroll, sums,
                                     [&](Index word, ValueRange carried) { return steps(word, unroll, carried); });
  result = steps(e.index(main), words - main, result);
  return size % 4 == 0 ? result : step(e.index(words), size % 4, result);
}
