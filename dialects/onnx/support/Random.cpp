//===- dialects/onnx/support/Random.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random numbers from a seed and a position. See Random.h.
#include "dialects/onnx/support/Random.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Operation.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace onnxc::onnx;

uint64_t onnxc::onnx::seedOf(Operation *op, std::optional<int64_t> given) {
  if (given)
    return *given;
  std::string name;
  llvm::raw_string_ostream(name) << op->getLoc();
  return llvm::xxh3_64bits(name);
}

std::array<Scalar, 4> onnxc::onnx::randomWords(uint64_t seed, Scalar position) {
  ImplicitLocOpBuilder &b = position.builder();
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  auto word = [&](uint32_t n) { return Scalar(b, arith::ConstantOp::create(b, b.getI32IntegerAttr(n)), true); };
  auto low = [&](Value x) { return Scalar(b, arith::TruncIOp::create(b, i32, x), true); };
  auto high = [&](Value x) {
    Value width = arith::ConstantOp::create(b, b.getI64IntegerAttr(32));
    return low(arith::ShRUIOp::create(b, x, width));
  };
  auto multiply = [&](Scalar x, uint32_t factor) -> Value {
    Value wide = arith::ExtUIOp::create(b, i64, x);
    return arith::MulIOp::create(b, wide, arith::ConstantOp::create(b, b.getI64IntegerAttr(factor)));
  };
  std::array<Scalar, 4> c{low(position), high(position), word(0), word(0)};
  uint32_t k0 = seed, k1 = seed >> 32;
  for (int round = 0; round < 10; ++round) {
    Value x = multiply(c[0], 0xD2511F53), y = multiply(c[2], 0xCD9E8D57);
    c = {high(y) ^ c[1] ^ word(k0), low(y), high(x) ^ c[3] ^ word(k1), low(x)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

Scalar onnxc::onnx::toUniform(Scalar word) {
  ImplicitLocOpBuilder &b = word.builder();
  Value bits = arith::ShRUIOp::create(b, word, word.number(8)); // as many as f32 holds exactly
  return Scalar(b, arith::UIToFPOp::create(b, b.getF32Type(), bits)) * 0x1p-24;
}
