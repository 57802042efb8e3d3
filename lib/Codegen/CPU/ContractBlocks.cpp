//===- lib/Codegen/CPU/ContractBlocks.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// kernel.contract with a right side of numbers of few bits, in blocks with a scale each: they become real ones in
// registers.
#include "lib/Codegen/CPU/ContractEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::kernel;

/// The numbers that are part `part` of every word, as real ones.
Value ContractEmitter::unpack(Value words, int64_t part) {
  auto i32 = cast<VectorType>(words.getType());
  auto all = [&](int64_t value) {
    return arith::ConstantOp::create(e, DenseElementsAttr::get(i32, e.getI32IntegerAttr(value))).getResult();
  };
  if (lanes == 16 && bits <= 4) {
    // AVX-512 looks up the last four bits of each word in a register.
    SmallVector<float> table;
    for (int64_t i = 0; i < 16; ++i)
      table.push_back(llvm::SignExtend64(i, bits));
    Value numbers = arith::ConstantOp::create(e, DenseElementsAttr::get(vector, ArrayRef<float>(table)));
    Value index = part == 0 ? words : arith::ShRUIOp::create(e, words, all(part * bits)).getResult();
    return LLVM::CallIntrinsicOp::create(e, vector, e.getStringAttr("llvm.x86.avx512.permvar.sf.512"),
                                         ValueRange{numbers, index})
        .getResults();
  }
  int64_t above = 32 - (part + 1) * bits;
  Value high = above == 0 ? words : arith::ShLIOp::create(e, words, all(above)).getResult();
  return arith::SIToFPOp::create(e, vector, arith::ShRSIOp::create(e, high, all(32 - bits)));
}

/// The loops over blocks, and over the words of a block.
SmallVector<Value> ContractEmitter::reduceBlocks(Index lhsAt, Index rhsAt, int64_t rows, int64_t vectors,
                                                 ValueRange sums) {
  const Dim &blocks = reduced[0], &inner = reduced[1], &tiled = rowDims.back();
  int64_t words = getWords(), perWord = 32 / bits;
  auto i32 = VectorType::get({lanes}, e.getI32Type());
  return e.loop(e.index(0), blocks.size, 1, sums, [&](Index k, ValueRange carried) {
    Index lhsBlock = e.add(lhsAt, e.mul(blocks.lhs, k)), rhsBlock = e.add(rhsAt, e.mul(blocks.rhs, k));
    auto load = [&](Index word, int64_t v) {
      return e.loadVector(rhsFlat, e.add(e.add(rhsBlock, e.mul(inner.rhs, word)), e.mul(column.rhs, v)), i32);
    };
    SmallVector<Value> scales, zeros;
    for (int64_t v = 0; v < vectors; ++v) {
      scales.push_back(arith::BitcastOp::create(e, vector, load(e.index(words), v)));
      if (hasZeros())
        zeros.push_back(arith::BitcastOp::create(e, vector, load(e.index(words + 1), v)));
    }
    SmallVector<Value> inits(carried);
    if (scalesSums(rows))
      inits.assign(vectors, e.zero(vector));
    SmallVector<Value> result = e.loop(e.index(0), e.index(words), 1, inits, [&](Index word, ValueRange carried) {
      SmallVector<Value> next(carried), packed;
      for (int64_t v = 0; v < vectors; ++v)
        packed.push_back(load(word, v));
      for (int64_t part = 0; part < perWord; ++part) {
        Index lhsK = e.add(lhsBlock, e.mul(inner.lhs, e.add(e.mul(word, perWord), part)));
        SmallVector<Value> elements;
        for (int64_t row = 0; row < rows; ++row)
          elements.push_back(e.splat(e.loadScalar(lhsFlat, e.add(lhsK, e.mul(tiled.lhs, row))), lanes));
        for (int64_t v = 0; v < vectors; ++v) {
          Value numbers = unpack(packed[v], part);
          if (hasZeros())
            numbers = arith::SubFOp::create(e, numbers, zeros[v]);
          if (!scalesSums(rows))
            numbers = arith::MulFOp::create(e, numbers, scales[v]);
          for (int64_t row = 0; row < rows; ++row) {
            Value &sum = next[row * vectors + v];
            sum = vector::FMAOp::create(e, elements[row], numbers, sum);
          }
        }
      }
      return next;
    });
    if (scalesSums(rows))
      for (int64_t v = 0; v < vectors; ++v)
        result[v] = vector::FMAOp::create(e, result[v], scales[v], carried[v]);
    return result;
  });
}
