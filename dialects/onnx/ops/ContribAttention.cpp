//===- dialects/onnx/ops/ContribAttention.cpp --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention as the domain com.microsoft has it: Attention of ai.onnx with the projection before it, other masks, and
// keys and values of the past in one tensor.
#include "dialects/onnx/ops/ContribAttention.h"
#include "dialects/onnx/ops/Attention.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

namespace {
/// What an attention works on. Queries, keys and values are [batch, length, heads * size].
struct AttentionParts {
  Value q, k, v;
  Value mask;                 ///< which keys count, in one of several forms; or absent
  Value bias;                 ///< added to the scores; or absent
  Value pastKeys, pastValues; ///< [batch, heads, length, size]; or absent
};
} // namespace

/// Which keys count, as a bool that broadcasts to [batch, heads, queries, keys]; `total` is the number of keys.
static Value readMask(NodeForm &node, Value mask, Value q, Value total) {
  Dims dims = getDims(mask);
  Type element = getElementTypeOrSelf(mask);
  auto isSet = [&](ArrayRef<int64_t> axes) {
    return unsqueeze(node, build<GreaterOp>(node, {mask, node.scalar(0, element)}), axes);
  };
  if (dims.size() == 2) // of each sentence
    return isSet({1, 2});
  if (dims.size() == 3) // and of each query
    return isSet({1});
  AffineExpr batch = getDims(q)[0];
  bool hasStarts = dims.size() == 1 && getDifference(dims[0], batch * 2) == 0 && getDifference(dims[0], batch) != 0;
  auto size = dims.size() == 1 ? getConstant(dims[0]) : std::nullopt;
  if (dims.size() != 1 || (size && getConstant(batch) && *size != *getConstant(batch) && !hasStarts)) {
    node.error() << "a mask of this shape is not supported";
    return {};
  }
  // How many keys each sentence has; or where they end and where they start.
  Type i64 = node.b.getI64Type();
  Value scalar = build<SqueezeOp>(node, {total, node.constant(0)});
  Value places = build<RangeOp>(node, {node.scalar(0, i64), scalar, node.scalar(1, i64)});
  mask = build<CastOp>(node, mask, intAttr(node, "to", getOnnxType(i64)));
  auto part = [&](int64_t i) {
    return build<GatherOp>(node, {reshape(node, mask, {hasStarts ? 2 : 1, -1}), node.scalar(i, i64)});
  };
  Value isValid = build<LessOp>(node, {places, unsqueeze(node, part(0), {1, 2, 3})});
  if (hasStarts)
    isValid =
        build<AndOp>(node, {isValid, build<GreaterOrEqualOp>(node, {places, unsqueeze(node, part(1), {1, 2, 3})})});
  return isValid;
}

/// The results of Attention: the output, all keys and all values. Takes the attributes that say how.
static FailureOr<AttentionOp> attend(NodeForm &node, AttentionParts parts) {
  int64_t heads = takeInt(node, "num_heads", 0);
  double scale = takeFloat(node, "scale", 0), filter = takeFloat(node, "mask_filter_value", -10000);
  if (!parts.q || !parts.k || !parts.v)
    return failure();
  SmallVector<NamedAttribute> attributes{intAttr(node, "q_num_heads", heads), intAttr(node, "kv_num_heads", heads),
                                         intAttr(node, "is_causal", takeInt(node, "unidirectional", 0) != 0)};
  if (scale != 0)
    attributes.push_back(floatAttr(node, "scale", scale));
  Value bias = parts.bias;
  if (parts.mask) {
    // Keys that don't count are not left out: they get a score so low that others win, but they have it all alone where
    // there are no others.
    Type element = getElementTypeOrSelf(parts.q);
    auto one = [&](int64_t axis, Value of) {
      return build<ShapeOp>(node, of, {intAttr(node, "start", axis), intAttr(node, "end", axis + 1)});
    };
    Value total = one(1, parts.k);
    if (parts.pastKeys)
      total = build<AddOp>(node, {total, one(2, parts.pastKeys)});
    Value masked = build<WhereOp>(
        node, {readMask(node, parts.mask, parts.q, total), node.scalar(0, element), node.scalar(filter, element)});
    bias = bias ? build<AddOp>(node, {bias, masked}) : masked;
    if (!bias)
      return failure();
  }
  for (NamedAttribute attribute : node.attributes)
    return node.error() << "the attribute '" << attribute.getName().getValue() << "' is not supported";
  SmallVector<Value> operands{parts.q,
                              parts.k,
                              parts.v,
                              orAbsent(node, bias),
                              orAbsent(node, parts.pastKeys),
                              orAbsent(node, parts.pastValues),
                              absent(node)};
  auto op = make<AttentionOp>(node.b, operands, attributes, AttentionOp::getArity().results);
  if (!op)
    return failure();
  return op;
}

/// A tensor cut along its last dimension. Nothing after an error.
static std::optional<SmallVector<Value>> cut(NodeForm &node, Value value, ArrayRef<int64_t> sizes) {
  auto op =
      value ? make<SplitOp>(node.b, {value, node.constant(sizes)}, intAttr(node, "axis", -1), sizes.size()) : SplitOp();
  if (!op)
    return std::nullopt;
  return SmallVector<Value>(op->getResults());
}

/// One product makes queries, keys and values of the input. Keys and values of the past are one tensor.
static LogicalResult expandAttention(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  if (takeInt(node, "do_rotary", 0) || takeInt(node, "past_present_share_buffer", 0) || node.operand(6))
    return node.error() << "rotation, and a past that shares its buffer, are not supported";
  node.take("rotary_embedding_dim");
  Value input = node.operand(0), weights = node.operand(1), bias = node.operand(2), past = node.operand(4);
  auto columns = getDims(weights).size() == 2 ? getConstant(getDims(weights)[1]) : std::nullopt;
  if (getDims(input).size() != 3 || !columns)
    return node.error() << "input must have rank 3, and weights rank 2 and a known number of columns";
  SmallVector<int64_t> sizes(3, *columns / 3);
  if (auto given = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("qkv_hidden_sizes")))
    sizes.assign(given.asArrayRef().begin(), given.asArrayRef().end());
  if (sizes.size() != 3)
    return node.error() << "qkv_hidden_sizes must be three sizes";
  Value projected = build<MatMulOp>(node, {input, weights});
  auto parts = cut(node, bias ? build<AddOp>(node, {projected, bias}) : projected, sizes);
  if (!parts)
    return failure();
  AttentionParts attention{(*parts)[0], (*parts)[1], (*parts)[2], node.operand(3), node.operand(5), {}, {}};
  auto heads = dyn_cast_or_null<IntegerAttr>(node.attributes.get("num_heads"));
  if (!heads || heads.getSInt() < 1)
    return node.error() << "num_heads must be positive";
  if (past) {
    // The heads and their sizes are known, whatever is known of the past.
    auto select = [&](int64_t i) {
      Value part = build<GatherOp>(node, {past, node.scalar(i, node.b.getI64Type())});
      return reshape(node, part, {0, heads.getSInt(), -1, sizes[1 + i] / heads.getSInt()});
    };
    attention.pastKeys = select(0);
    attention.pastValues = select(1);
    if (!attention.pastKeys || !attention.pastValues)
      return failure();
  }
  auto op = attend(node, attention);
  if (failed(op))
    return failure();
  SmallVector<Value> results{op->getY()};
  if (node.resultCount > 1) {
    Value keys = unsqueeze(node, op->getPresentKey(), 0), values = unsqueeze(node, op->getPresentValue(), 0);
    results.push_back(build<ConcatOp>(node, {keys, values}, intAttr(node, "axis", 0)));
  }
  return finish(node, results);
}

/// Keys or values whose heads come before their length, as those of queries.
static Value packHeads(NodeForm &node, Value value) {
  if (!value || getDims(value).size() != 4)
    return value;
  return reshape(node, build<TransposeOp>(node, value, intsAttr(node, "perm", {0, 2, 1, 3})), {0, 0, -1});
}

static LogicalResult expandMultiHeadAttention(NodeForm &node) {
  if (!node.operand(0) || !node.operand(1) || !node.operand(2) || getDims(node.operand(0)).size() != 3)
    return node.error() << "query, key and value must be given, each as a tensor of its own";
  if (node.operand(8) || node.operand(9) || node.resultCount > 3)
    return node.error() << "a past that shares its buffer, and scores as a result, are not supported";
  Value parts[] = {node.operand(0), packHeads(node, node.operand(1)), packHeads(node, node.operand(2))};
  if (Value bias = node.operand(3)) {
    SmallVector<int64_t> sizes;
    for (Value part : parts) {
      auto size = part && getDims(part).size() == 3 ? getConstant(getDims(part)[2]) : std::nullopt;
      if (!size)
        return node.error() << "the sizes of query, key and value must be known where there is a bias";
      sizes.push_back(*size);
    }
    auto biases = cut(node, bias, sizes);
    if (!biases)
      return failure();
    for (auto [part, bias] : llvm::zip_equal(parts, *biases))
      part = build<AddOp>(node, {part, bias});
  }
  auto op =
      attend(node, {parts[0], parts[1], parts[2], node.operand(4), node.operand(5), node.operand(6), node.operand(7)});
  if (failed(op))
    return failure();
  return finish(node, {op->getY(), op->getPresentKey(), op->getPresentValue()});
}

void onnxc::onnx::registerContribAttentionOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "com.microsoft");
  };
  add("Attention", expandAttention);
  add("MultiHeadAttention", expandMultiHeadAttention);
}
