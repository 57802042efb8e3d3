//===- dialects/onnx/support/PackedBits.cpp ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers taken out of bytes. See PackedBits.h.
#include "dialects/onnx/support/PackedBits.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

/// [..., n, m] as [..., n * m], whatever is known of the sizes before.
static Value mergeLast(NodeForm &node, Value value) {
  if (!value)
    return {};
  Value shape = build<ConcatOp>(node, {build<ShapeOp>(node, value, intAttr(node, "end", -2)), node.constant({-1})},
                                intAttr(node, "axis", 0));
  return build<ReshapeOp>(node, {value, shape});
}

Value onnxc::onnx::spreadBits(NodeForm &node, Value bytes, int64_t bits, bool isHighFirst) {
  if (bits == 8 || !bytes)
    return bytes;
  Type byte = node.b.getIntegerType(8, /*isSigned=*/false);
  SmallVector<int64_t> shifts;
  for (int64_t shift = 0; shift < 8; shift += bits)
    shifts.push_back(isHighFirst ? 8 - bits - shift : shift);
  Value numbers = build<BitShiftOp>(node, {unsqueeze(node, bytes, -1), castTo(node, node.constant(shifts), byte)},
                                    node.b.getNamedAttr("direction", node.b.getStringAttr("RIGHT")));
  return mergeLast(node, build<BitwiseAndOp>(node, {numbers, node.scalar((1 << bits) - 1, byte)}));
}

Value onnxc::onnx::bitsAs(NodeForm &node, Value bytes, Type type) {
  int64_t count = getElementBytes(type);
  Type word = node.b.getIntegerType(count * 8, /*isSigned=*/false);
  SmallVector<int64_t> shifts;
  for (int64_t i = 0; i < count; ++i)
    shifts.push_back(8 * i);
  Value words = castTo(node, splitLast(node, bytes, {-1, count}), word);
  words = build<BitShiftOp>(node, {words, castTo(node, node.constant(shifts), word)},
                            node.b.getNamedAttr("direction", node.b.getStringAttr("LEFT")));
  Value sum;
  for (int64_t i = 0; i < count; ++i) {
    Value part = slice(node, words, -1, node.constant({i}), node.constant({i + 1}));
    sum = sum ? build<BitwiseOrOp>(node, {sum, part}) : part;
  }
  return build<BitCastOp>(node, mergeLast(node, sum), intAttr(node, "to", getOnnxType(type)));
}

Value onnxc::onnx::floats(NodeForm &node, ArrayRef<float> values) {
  auto type = makeTensor(ArrayRef<int64_t>{static_cast<int64_t>(values.size())}, node.b.getF32Type());
  return build<ConstantOp>(node, {}, node.b.getNamedAttr("value", DenseElementsAttr::get(type, values)));
}
