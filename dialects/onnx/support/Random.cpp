//===- dialects/onnx/support/Random.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random numbers from a seed and a position. See Random.h.
#include "dialects/onnx/support/Random.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace onnxc::onnx;

LogicalResult onnxc::onnx::giveSeed(NodeForm &node) {
  if (node.get("seed"))
    return success();
  std::string name;
  llvm::raw_string_ostream(name) << node.b.getLoc();
  uint64_t hash = llvm::xxh3_64bits(name);
  if (node.name == "Dropout") // whose seed is an integer
    node.attributes.set("seed", node.b.getIntegerAttr(node.b.getIntegerType(64, /*isSigned=*/true), hash));
  else // as many bits as the attribute holds exactly
    node.attributes.set("seed", node.b.getF32FloatAttr(static_cast<float>(hash >> 40)));
  return success();
}

uint64_t onnxc::onnx::keyOf(std::optional<APFloat> seed) { return seed ? seed->bitcastToAPInt().getZExtValue() : 0; }

std::array<Scalar, 4> onnxc::onnx::randomWords(uint64_t key, Scalar position) {
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
  uint32_t k0 = key, k1 = key >> 32;
  for (int round = 0; round < 10; ++round) {
    Value x = multiply(c[0], 0xD2511F53), y = multiply(c[2], 0xCD9E8D57);
    c = {high(y) ^ c[1] ^ word(k0), low(y), high(x) ^ c[3] ^ word(k1), low(x)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

Value onnxc::onnx::draw(LoweringBuilder &b, Type resultType, uint64_t key,
                        llvm::function_ref<Scalar(ArrayRef<Scalar>)> body) {
  SmallVector<Value> sizes =
      llvm::map_to_vector(getDims(resultType), [&](AffineExpr dim) { return b.materializeIndex(dim); });
  return b.generate(resultType, [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
    Value position = arith::ConstantIndexOp::create(nested, 0);
    for (auto [i, size] : llvm::zip_equal(at, sizes))
      position = arith::AddIOp::create(nested, arith::MulIOp::create(nested, position, size), i);
    position = arith::IndexCastOp::create(nested, nested.getI64Type(), position);
    return body(randomWords(key, Scalar(nested, position)));
  });
}

Scalar onnxc::onnx::toUniform(ArrayRef<Scalar> words, Type type) {
  // The upper bits of a word, as many as the type holds exactly; in f64 those of two words.
  auto upper = [&](Scalar word, int bits) {
    ImplicitLocOpBuilder &b = word.builder();
    Value shifted = arith::ShRUIOp::create(b, word, word.number(32 - bits));
    return Scalar(b, arith::UIToFPOp::create(b, type, shifted));
  };
  if (type.isF64())
    return (upper(words[0], 27) * 0x1p26 + upper(words[1], 26)) * 0x1p-53;
  return upper(words[0], 24) * 0x1p-24;
}
