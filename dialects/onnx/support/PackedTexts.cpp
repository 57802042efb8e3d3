//===- dialects/onnx/support/PackedTexts.cpp ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Several sequences one behind the other in a tensor. See PackedTexts.h.
#include "dialects/onnx/support/PackedTexts.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

PackedTexts::PackedTexts(NodeForm &node, Value starts, Value tokens, Value past) : node(node), past(past) {
  Type i64 = node.b.getI64Type();
  starts = castTo(node, starts, i64);
  begins = slice(node, starts, 0, node.constant({0}), node.constant({-1}));
  ends = slice(node, starts, 0, node.constant({1}));
  lengths = sub(ends, begins);
  count = dimensionOf(node, begins, 0);
  Value index = countTo(node, dimensionOf(node, tokens, 0));
  Value isBehind = build<GreaterOrEqualOp>(node, {unsqueeze(node, index, 1), unsqueeze(node, ends, 0)});
  text = build<ReduceSumOp>(node, {castTo(node, isBehind, i64), node.constant({1})}, intAttr(node, "keepdims", 0));
  place = sub(add(index, past), build<GatherOp>(node, {begins, text}));
}

Value PackedTexts::number(int64_t n) const { return node.scalar(static_cast<double>(n), node.b.getI64Type()); }
Value PackedTexts::add(Value a, Value b) const { return build<AddOp>(node, {a, b}); }
Value PackedTexts::sub(Value a, Value b) const { return build<SubOp>(node, {a, b}); }
Value PackedTexts::texts() const { return countTo(node, count); }

Value PackedTexts::lastPlaces() const { return add(unsqueeze(node, lengths, 1), countTo(node, past)); }

Value PackedTexts::captured(Value counts, int64_t capacity) const {
  Value slots = node.constant(llvm::to_vector(llvm::seq<int64_t>(0, capacity)));
  Value kept = build<MinOp>(node, {castTo(node, counts, node.b.getI64Type()), lengths});
  return build<LessOp>(node, {slots, unsqueeze(node, kept, 1)});
}

Value PackedTexts::fetch(Value tokens, Value history, Value text, Value p) const {
  // (places behind a text's end are asked for nowhere that counts)
  Value index = build<MaxOp>(node, {sub(p, past), number(0)});
  index = add(build<GatherOp>(node, {begins, text}), index);
  index = build<MinOp>(node, {index, sub(dimensionOf(node, tokens, 0), node.constant({1}))});
  Value now = build<GatherOp>(node, {tokens, index});
  auto known = past ? getConstantInts(past) : std::nullopt;
  if (!now || (known && known->front() == 0))
    return now;
  auto join = [&](ArrayRef<Value> parts, int64_t axis) {
    return build<ConcatOp>(node, parts, intAttr(node, "axis", axis));
  };
  Value rest = build<ShapeOp>(node, history, intAttr(node, "start", 2)), rows = past;
  if (!known) { // there may be none: a row that nobody asks for
    Value none = node.scalar(0, getElementTypeOrSelf(history));
    Value shape = join({dimensionOf(node, history, 0), node.constant({1}), rest}, 0);
    history = join({history, build<ExpandOp>(node, {none, shape})}, 1);
    rows = add(past, number(1));
  }
  Value place = build<ClipOp>(node, {p, number(0), sub(rows, number(1))});
  Value row = add(build<MulOp>(node, {text, rows}), place), shape = join({node.constant({-1}), rest}, 0);
  Value old = build<GatherOp>(node, {build<ReshapeOp>(node, {history, shape}), row});
  Value isNow = build<GreaterOrEqualOp>(node, {p, past});
  for (size_t more = getDims(tokens).size(); more > 1; --more)
    isNow = unsqueeze(node, isNow, -1);
  return build<WhereOp>(node, {isNow, now, old});
}
