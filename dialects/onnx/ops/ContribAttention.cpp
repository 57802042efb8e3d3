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
#include "dialects/onnx/ops/Normalization.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

namespace {
/// What an attention works on. Queries, keys and values are [batch, length, heads * size]; keys and values may also be
/// [batch, heads, length, size].
struct AttentionParts {
  Value q, k, v;
  Value mask;                 ///< which keys count, in one of several forms; or absent
  Value bias;                 ///< added to the scores; or absent
  Value pastKeys, pastValues; ///< [batch, heads, length, size]; or absent
  Value lengths;              ///< [batch], where there are keys that are no queries and no past is given; or absent
};

/// What attention gives: the output [batch, length, heads * size], all keys and values, and the scores before softmax.
struct AttentionResults {
  Value y, keys, values, scores;
};
} // namespace

static Value asInt64(NodeForm &node, Value value) { return castTo(node, value, node.b.getI64Type()); }

/// [batch, length, heads * size] as [batch, heads, length, size].
static Value spreadHeads(NodeForm &node, Value value, int64_t heads) {
  value = reshape(node, value, {0, 0, heads, -1});
  return value ? build<TransposeOp>(node, value, intsAttr(node, "perm", {0, 2, 1, 3})) : Value();
}

/// The inverse, of what has its heads before its length.
static Value packHeads(NodeForm &node, Value value) {
  if (!value || getDims(value).size() != 4)
    return value;
  return reshape(node, build<TransposeOp>(node, value, intsAttr(node, "perm", {0, 2, 1, 3})), {0, 0, -1});
}

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
  if (dims.size() == 1 && getDifference(dims[0], batch * 3 + 2) == 0) { // then where they start together: not needed
    mask = slice(node, mask, 0, node.constant(0), dimensionOf(node, q, 0));
    dims = getDims(mask);
  }
  auto size = dims.size() == 1 ? getConstant(dims[0]) : std::nullopt;
  if (dims.size() != 1 || (size && getConstant(batch) && *size != *getConstant(batch) && !hasStarts)) {
    node.error() << "a mask of this shape is not supported";
    return {};
  }
  // How many keys each sentence has; or where they end and where they start.
  Type i64 = node.b.getI64Type();
  Value places = countTo(node, total);
  mask = asInt64(node, mask);
  auto part = [&](int64_t i) {
    return build<GatherOp>(node, {reshape(node, mask, {hasStarts ? 2 : 1, -1}), node.scalar(i, i64)});
  };
  Value isValid = build<LessOp>(node, {places, unsqueeze(node, part(0), {1, 2, 3})});
  if (hasStarts)
    isValid =
        build<AndOp>(node, {isValid, build<GreaterOrEqualOp>(node, {places, unsqueeze(node, part(1), {1, 2, 3})})});
  return isValid;
}

/// Attention of `parts`. Takes the attributes that say how.
static FailureOr<AttentionResults> attend(NodeForm &node, AttentionParts parts) {
  int64_t heads = takeInt(node, "num_heads", 0);
  double scale = takeFloat(node, "scale", 0), filter = takeFloat(node, "mask_filter_value", -10000);
  bool isCausal = takeInt(node, "unidirectional", 0) != 0;
  if (!parts.q || !parts.k || !parts.v)
    return failure();
  bool isPacked = getDims(parts.k).size() == 3;
  if (heads < 1)
    return node.error() << "num_heads must be positive";
  SmallVector<NamedAttribute> attributes{intAttr(node, "is_causal", isCausal),
                                         intAttr(node, "qk_matmul_output_mode", 2)}; // with what is hidden
  if (isPacked)
    attributes.append({intAttr(node, "q_num_heads", heads), intAttr(node, "kv_num_heads", heads)});
  else
    parts.q = spreadHeads(node, parts.q, heads);
  if (scale != 0)
    attributes.push_back(floatAttr(node, "scale", scale));
  Value bias = parts.bias;
  if (parts.mask) {
    // Keys that don't count are not left out: they get a score so low that others win, but they have it all alone where
    // there are no others.
    Type element = getElementTypeOrSelf(parts.q);
    Value total = dimensionOf(node, parts.k, isPacked ? 1 : 2);
    if (parts.pastKeys)
      total = build<AddOp>(node, {total, dimensionOf(node, parts.pastKeys, 2)});
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
                              orAbsent(node, isCausal ? parts.lengths : Value())};
  if (llvm::is_contained(operands, Value()))
    return failure();
  auto op = make<AttentionOp>(node.b, operands, attributes, AttentionOp::getArity().results);
  if (!op)
    return failure();
  return AttentionResults{packHeads(node, op.getY()), op.getPresentKey(), op.getPresentValue(), op.getQkMatmulOutput()};
}

/// A tensor cut along its last dimension. Nothing after an error.
static std::optional<SmallVector<Value>> cut(NodeForm &node, Value value, ArrayRef<int64_t> sizes) {
  auto op =
      value ? make<SplitOp>(node.b, {value, node.constant(sizes)}, intAttr(node, "axis", -1), sizes.size()) : SplitOp();
  if (!op)
    return std::nullopt;
  return SmallVector<Value>(op->getResults());
}

/// Attention of what one product made of the input: queries, keys and values beside each other, or those of `sizes`.
/// Keys and values of the past are one tensor.
static LogicalResult attendProjected(NodeForm &node, Value projected, Value mask, Value past, Value bias) {
  if (takeInt(node, "do_rotary", 0) || takeInt(node, "past_present_share_buffer", 0))
    return node.error() << "rotation, and a past that shares its buffer, are not supported";
  node.take("rotary_embedding_dim");
  if (!projected)
    return failure();
  Dims dims = getDims(projected);
  auto columns = dims.size() == 3 ? getConstant(dims[2]) : std::nullopt;
  if (!columns)
    return node.error() << "input must have rank 3, and weights rank 2 and a known number of columns";
  SmallVector<int64_t> sizes(3, *columns / 3);
  if (auto given = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("qkv_hidden_sizes")))
    sizes.assign(given.asArrayRef().begin(), given.asArrayRef().end());
  if (sizes.size() != 3)
    return node.error() << "qkv_hidden_sizes must be three sizes";
  auto parts = cut(node, projected, sizes);
  if (!parts)
    return failure();
  AttentionParts attention{(*parts)[0], (*parts)[1], (*parts)[2], mask, bias, {}, {}, {}};
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
  auto attended = attend(node, attention);
  if (failed(attended))
    return failure();
  SmallVector<Value> results{attended->y};
  if (node.resultCount > 1) {
    Value keys = unsqueeze(node, attended->keys, 0), values = unsqueeze(node, attended->values, 0);
    results.push_back(build<ConcatOp>(node, {keys, values}, intAttr(node, "axis", 0)));
  }
  return finish(node, results);
}

static LogicalResult expandAttention(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Value projected = build<MatMulOp>(node, {node.operand(0), node.operand(1)});
  if (Value bias = node.operand(2))
    projected = build<AddOp>(node, {projected, bias});
  return attendProjected(node, projected, node.operand(3), node.operand(4), node.operand(5));
}

/// The same of integers: the product of them has the scale that is the product of their scales.
static LogicalResult expandQAttention(NodeForm &node) {
  if (failed(requireOperands(node, 5)))
    return failure();
  Value product = build<MatMulIntegerOp>(
      node, {node.operand(0), node.operand(1), orAbsent(node, node.operand(6)), orAbsent(node, node.operand(7))});
  Value scale = build<MulOp>(node, {node.operand(3), node.operand(4)});
  if (!product || !scale)
    return failure();
  Value real = build<CastOp>(node, product, intAttr(node, "to", getOnnxType(getElementTypeOrSelf(scale))));
  real = build<AddOp>(node, {build<MulOp>(node, {real, scale}), node.operand(2)});
  return attendProjected(node, real, node.operand(5), node.operand(8), {});
}

/// Queries, keys and values, or the latter two, may be one tensor [batch, length, heads, 3 or 2, size].
static LogicalResult takePacked(NodeForm &node) {
  unsigned from = node.operand(1) ? 1 : 0;
  if (node.operand(2) || getDims(node.operand(from)).size() != 5)
    return success();
  Value packed = node.operand(from);
  auto count = getConstant(getDims(packed)[3]);
  if (count != 3 - from)
    return node.error() << "dimension 3 of input " << from << " must have the size " << 3 - from;
  for (unsigned i = from; i < 3; ++i) {
    Value part = build<GatherOp>(node, {packed, node.scalar(i - from, node.b.getI64Type())}, intAttr(node, "axis", 3));
    part = reshape(node, part, {0, 0, -1});
    if (!part)
      return failure();
    node.setOperand(i, part);
  }
  return success();
}

/// Keys or values of the past in a buffer that has room for the new ones: [batch, heads, room, size], of which the
/// first `count` are there. Puts the new ones behind them, for `present`; gives all that are then there.
static Value fillBuffer(NodeForm &node, Value past, Value fresh, int64_t heads, Value count, Value beams,
                        Value &present) {
  if (!past || !fresh || getDims(past).size() != 4 || getDims(fresh).size() != 3) {
    node.error() << "a past that shares its buffer must have rank 4, and what is new rank 3";
    return {};
  }
  Value batch = dimensionOf(node, fresh, 0), starts = build<ExpandOp>(node, {count, batch});
  Value total = build<AddOp>(node, {count, dimensionOf(node, fresh, 1)});
  present = starts ? build<TensorScatterOp>(node, {past, spreadHeads(node, fresh, heads), starts}) : Value();
  Value all = build<SliceOp>(node, {present, node.constant(0), total, node.constant(2), node.constant(1)});
  if (!beams || !all)
    return all;
  // A beam goes on from what others have found: beams[sentence, beam, place] is which of the sentence's beams has the
  // key of this place. New ones are the beam's own.
  Dims sizes = getDims(beams);
  if (sizes.size() != 3) {
    node.error() << "cache_indirection must have the dimensions batch, beams and length";
    return {};
  }
  Value width = dimensionOf(node, beams, 1), places = countTo(node, total),
        own = unsqueeze(node, countTo(node, batch), 1);
  Value first = build<MulOp>(node, {build<DivOp>(node, {own, width}), width}); // the sentence's first beam
  Value shape = build<ConcatOp>(node, {batch, dimensionOf(node, beams, 2)}, intAttr(node, "axis", 0));
  Value other = build<ReshapeOp>(node, {asInt64(node, beams), shape});
  other = build<SliceOp>(node, {other, node.constant(0), total, node.constant(1), node.constant(1)});
  other = build<AddOp>(node, {other, first});
  Value rows = build<WhereOp>(node, {build<LessOp>(node, {places, count}), other, own});
  places = build<ExpandOp>(node, {places, build<ShapeOp>(node, rows)});
  Value indices =
      build<ConcatOp>(node, {unsqueeze(node, rows, 2), unsqueeze(node, places, 2)}, intAttr(node, "axis", 2));
  auto swap = [&](Value value) { return build<TransposeOp>(node, value, intsAttr(node, "perm", {0, 2, 1, 3})); };
  all = swap(all);
  return all ? swap(build<GatherNDOp>(node, {all, indices})) : Value();
}

/// The operands by their places.
enum HeadsInput { kBiases = 3, kPadding, kScoreBias, kPastKeys, kPastValues, kPastLength, kBeams };

static LogicalResult expandMultiHeadAttention(NodeForm &node) {
  if (failed(requireOperands(node, 1)) || failed(takePacked(node)))
    return failure();
  if (!node.operand(1) || !node.operand(2) || getDims(node.operand(0)).size() != 3)
    return node.error() << "query, key and value must be given, each of rank 3 or several in one of rank 5";
  auto heads = dyn_cast_or_null<IntegerAttr>(node.attributes.get("num_heads"));
  if (!heads || heads.getSInt() < 1)
    return node.error() << "num_heads must be positive";
  Value parts[] = {node.operand(0), node.operand(1), node.operand(2)};
  if (getDims(parts[1]).size() != getDims(parts[2]).size())
    return node.error() << "key and value must have the same rank";
  if (Value bias = node.operand(kBiases)) {
    SmallVector<int64_t> sizes;
    for (Value part : parts) {
      Dims dims = getDims(part);
      auto size = dims.size() == 3 ? getConstant(dims[2]) : dims.size() == 4 ? getConstant(dims[3]) : std::nullopt;
      if (!size)
        return node.error() << "the sizes of query, key and value must be known where there is a bias";
      sizes.push_back(dims.size() == 3 ? *size : *size * heads.getSInt());
    }
    auto biases = cut(node, bias, sizes);
    if (!biases)
      return failure();
    for (auto [part, bias] : llvm::zip_equal(parts, *biases))
      if (getDims(part).size() == 3) // others are from a cache and have theirs
        part = build<AddOp>(node, {part, bias});
  }
  AttentionParts attention{parts[0],
                           parts[1],
                           parts[2],
                           node.operand(kPadding),
                           node.operand(kScoreBias),
                           node.operand(kPastKeys),
                           node.operand(kPastValues),
                           {}};
  Value presents[2];
  if (Value count = node.operand(kPastLength)) {
    count = reshape(node, asInt64(node, count), {1});
    Value pasts[] = {attention.pastKeys, attention.pastValues}, alls[2];
    for (int i = 0; i < 2; ++i)
      alls[i] = fillBuffer(node, pasts[i], parts[1 + i], heads.getSInt(), count, node.operand(kBeams), presents[i]);
    attention.k = alls[0], attention.v = alls[1];
    attention.pastKeys = attention.pastValues = {};
    Value total = alls[0] ? dimensionOf(node, alls[0], 2) : Value();
    attention.lengths = total ? build<ExpandOp>(node, {total, dimensionOf(node, parts[0], 0)}) : Value();
    if (!attention.lengths)
      return failure();
  }
  auto attended = attend(node, attention);
  if (failed(attended))
    return failure();
  // What is hidden has the lowest score there is, rather than an infinite one.
  Value scores = attended->scores;
  if (node.resultCount > 3) {
    Type element = getElementTypeOrSelf(scores);
    auto lowest = APFloat::getLargest(cast<FloatType>(element).getFloatSemantics(), /*Negative=*/true);
    scores = build<MaxOp>(node, {scores, node.scalar(lowest.convertToDouble(), element)});
  }
  return finish(node, {attended->y, presents[0] ? presents[0] : attended->keys,
                       presents[1] ? presents[1] : attended->values, scores});
}

/// One step of a decoder: MultiHeadAttention with its operands in another order. Keys and values of another sequence
/// come from a cache; those of its own go into one.
static LogicalResult expandDecoderMaskedMultiHeadAttention(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  Value query = node.operand(0), key = node.operand(1), value = node.operand(2);
  if (getDims(query).size() != 3)
    return node.error() << "query must have the dimensions batch, sequence and hidden";
  if (!key && !value) { // all in one
    auto size = getConstant(getDims(query)[2]);
    if (!size || *size % 3 != 0)
      return node.error() << "query must have a known size that queries, keys and values divide";
    auto parts = cut(node, query, {*size / 3, *size / 3, *size / 3});
    if (!parts)
      return failure();
    query = (*parts)[0], key = (*parts)[1], value = (*parts)[2];
  }
  bool isShared = takeInt(node, "past_present_share_buffer", 0) != 0, hasScores = takeInt(node, "output_qk", 0) != 0;
  if (node.resultCount > 3 && !hasScores)
    return node.error() << "output_qk must be 1 where scores are a result";
  if (node.operand(5) && isShared && !node.operand(7))
    return node.error() << "a past that shares its buffer needs past_sequence_length";
  Value operands[] = {query,
                      key,
                      value,
                      node.operand(10),
                      node.operand(3),
                      node.operand(4),
                      node.operand(5),
                      node.operand(6),
                      isShared ? node.operand(7) : Value(),
                      node.operand(9)};
  node.operands.clear();
  for (Value operand : operands)
    node.operands.push_back(orAbsent(node, operand));
  return expandMultiHeadAttention(node);
}

//===- Rotation -------------------------------------------------------------------------===//

/// Turns pairs of elements of each head. The caches say how many; without `heads` they say the size of a head, too.
static Value rotate(NodeForm &node, Value x, Value cosine, Value sine, Value ids, int64_t heads, bool isInterleaved) {
  if (!x || !cosine || !sine || !ids)
    return {};
  auto pairs = getDims(cosine).size() == 2 ? getConstant(getDims(cosine)[1]) : std::nullopt;
  if (!pairs) {
    node.error() << "cos_cache must have rank 2 and a known number of columns";
    return {};
  }
  SmallVector<NamedAttribute> attributes{intAttr(node, "interleaved", isInterleaved),
                                         intAttr(node, "rotary_embedding_dim", 2 * *pairs)};
  if (heads)
    attributes.push_back(intAttr(node, "num_heads", heads));
  return build<RotaryEmbeddingOp>(node, {x, cosine, sine, ids}, attributes);
}

static LogicalResult expandRotaryEmbedding(NodeForm &node) {
  if (failed(requireOperands(node, 4)))
    return failure();
  Value x = node.operand(0), ids = asInt64(node, node.operand(1)), cosine = node.operand(2);
  int64_t heads = takeInt(node, "num_heads", 0), turned = takeInt(node, "rotary_embedding_dim", 0);
  bool isInterleaved = takeInt(node, "interleaved", 0) != 0;
  node.take("is_packed_batching"); // how kernels walk through memory
  if (takeFloat(node, "scale", 1) != 1)
    return node.error() << "a scale is not supported";
  Dims dims = getDims(x);
  if (dims.size() != 3 && dims.size() != 4)
    return node.error() << "input must have rank 3 or 4, it has " << dims.size();
  auto columns = getDims(cosine).size() == 2 ? getConstant(getDims(cosine)[1]) : std::nullopt;
  if (turned != 0 && columns && turned != 2 * *columns)
    return node.error() << "rotary_embedding_dim is " << turned << ", but cos_cache turns " << 2 * *columns;
  bool isPacked = dims.size() == 3;
  if (isPacked && heads == 0) {
    auto hidden = getConstant(dims[2]);
    if (!hidden || !columns || *columns < 1 || *hidden % (2 * *columns) != 0)
      return node.error() << "num_heads must be given, or follow from the sizes of input and cos_cache";
    heads = *hidden / (2 * *columns);
  }
  // One position is that of the first element; the others follow it.
  if (ids && getDims(ids).size() < 2)
    ids = unsqueeze(node, build<AddOp>(node, {ids, countTo(node, dimensionOf(node, x, isPacked ? 1 : 2))}), 0);
  return finish(node, rotate(node, x, cosine, node.operand(3), ids, isPacked ? heads : 0, isInterleaved));
}

//===- GroupQueryAttention --------------------------------------------------------------===//

namespace {
/// The inputs of GroupQueryAttention by their places.
enum QueryGroupInput {
  kQuery,
  kKey,
  kValue,
  kPastKey,
  kPastValue,
  kLastPlace,
  kTotal,
  kCosine,
  kSine,
  kPositions,
  kBias,
  kSink,
  kKeyScale,
  kValueScale,
  kQueryNorm,
  kKeyNorm,
  kQueryLengths
};
} // namespace

/// Each head on its own divided by its root mean square.
static Value normalizeHeads(NodeForm &node, Value value, int64_t heads, Value weight, double epsilon) {
  if (!weight)
    return value;
  value = reshape(node, value, {0, 0, heads, -1});
  value = value ? build<RMSNormalizationOp>(node, {value, weight}, floatAttr(node, "epsilon", epsilon)) : Value();
  return reshape(node, value, {0, 0, -1});
}

/// A decoder's attention: new keys and values go behind those that each sentence of the batch has, into a buffer as
/// long as the longest, or as the past's if that is longer. Then it is Attention with the lengths of the sentences.
static LogicalResult expandGroupQueryAttention(NodeForm &node) {
  Value query = node.operand(kQuery), key = node.operand(kKey), value = node.operand(kValue);
  Value past[] = {node.operand(kPastKey), node.operand(kPastValue)};
  for (unsigned i : {kQuery, kLastPlace, kTotal})
    if (!node.operand(i))
      return node.error() << "input " << i << " must be given";
  if (getDims(query).size() != 3)
    return node.error() << "query must have the dimensions batch, sequence and hidden";
  if (!past[0] != !past[1] || !key != !value)
    return node.error() << "keys and values must be given together";
  if (node.operand(kQueryLengths))
    return node.error() << "lengths of queries are not supported";
  int64_t heads = takeInt(node, "num_heads", 0), keyHeads = takeInt(node, "kv_num_heads", 0);
  if (heads < 1 || keyHeads < 1 || heads % keyHeads != 0 || heads > (1 << 20))
    return node.error() << "num_heads must be a multiple of kv_num_heads, and both positive";
  bool isRotated = takeInt(node, "do_rotary", 0) != 0, isInterleaved = takeInt(node, "rotary_interleaved", 0) != 0;
  bool isSmooth = takeInt(node, "smooth_softmax", 0) > 0, isCausal = takeInt(node, "causal", 1) != 0;
  int64_t window = takeInt(node, "local_window_size", -1);
  double scale = takeFloat(node, "scale", 0), cap = takeFloat(node, "softcap", 0);
  double epsilon = takeFloat(node, "qk_norm_epsilon", 1e-6f);
  double queryEpsilon = takeFloat(node, "q_norm_epsilon", epsilon),
         keyEpsilon = takeFloat(node, "k_norm_epsilon", epsilon);
  // Caches may hold signed bytes, with a scale for all or for each column of a head.
  int64_t cacheBits = takeInt(node, "kv_cache_bit_width", 0), scoreOutput = takeInt(node, "qk_output", 0);
  Value scales[] = {node.operand(kKeyScale), node.operand(kValueScale)};
  constexpr StringRef quantNames[] = {"k_quant_type", "v_quant_type"};
  for (auto [name, cacheScale] : llvm::zip_equal(quantNames, scales)) {
    auto type = dyn_cast_or_null<StringAttr>(node.take(name));
    if (!type || type.getValue() == "NONE") {
      cacheScale = {};
      continue;
    }
    if (cacheBits != 8 && cacheBits != 0)
      return node.error() << "caches of " << cacheBits << " bits are not supported";
    if (!cacheScale || !past[0])
      return node.error() << name << " needs a past and a scale";
    cacheScale = type.getValue() == "PER_TENSOR" ? reshape(node, cacheScale, {})
                                                 : reshape(node, cacheScale, {1, keyHeads, 1, -1});
  }
  if (takeInt(node, "sliding_window_cache", 0) != 0)
    return node.error() << "sliding_window_cache is not supported";
  if (scoreOutput < 0 || scoreOutput > 2 || (node.resultCount > 3 && scoreOutput == 0))
    return node.error() << "qk_output must be 1 or 2 where scores are a result";
  for (NamedAttribute attribute : node.attributes)
    return node.error() << "the operator has no attribute '" << attribute.getName().getValue() << "'";

  if (!key) { // all in one
    auto hidden = getConstant(getDims(query)[2]);
    if (!hidden || *hidden % (heads + 2 * keyHeads) != 0)
      return node.error() << "query must have a known size that the heads of queries, keys and values divide";
    int64_t size = *hidden / (heads + 2 * keyHeads);
    auto parts = cut(node, query, {heads * size, keyHeads * size, keyHeads * size});
    if (!parts)
      return failure();
    query = (*parts)[0], key = (*parts)[1], value = (*parts)[2];
  }
  query = normalizeHeads(node, query, heads, node.operand(kQueryNorm), queryEpsilon);
  key = normalizeHeads(node, key, keyHeads, node.operand(kKeyNorm), keyEpsilon);
  if (!query || !key)
    return failure();

  // Where the first new key of each sentence belongs: behind its last one, but at 0 where all there is is new.
  // seqlens_k are lengths less one, those of a shorter sentence don't count what fills it up.
  Type i64 = node.b.getI64Type();
  Value length = dimensionOf(node, query, 1), total = reshape(node, asInt64(node, node.operand(kTotal)), {1});
  Value last = reshape(node, asInt64(node, node.operand(kLastPlace)), {-1});
  Value start = build<SubOp>(node, {build<AddOp>(node, {last, node.scalar(1, i64)}), length});
  Value zero = node.constant(0);
  Value isPrompt = build<EqualOp>(node, {total, length});
  start = past[0] ? build<WhereOp>(node, {isPrompt, zero, start}) : build<MulOp>(node, {start, zero});
  if (isRotated) {
    // "When processing the first prompt the kernel uses only the first element" of position_ids.
    Value count = countTo(node, length), ids = node.operand(kPositions);
    if (ids) {
      Value first = build<GatherOp>(node, {reshape(node, ids, {-1}), node.constant(0)});
      ids = build<WhereOp>(node, {isPrompt, build<AddOp>(node, {first, count}), ids});
    } else {
      ids = build<AddOp>(node, {unsqueeze(node, start, 1), count});
    }
    if (!node.operand(kCosine) || !node.operand(kSine))
      return node.error() << "a rotation needs cos_cache and sin_cache";
    query = rotate(node, query, node.operand(kCosine), node.operand(kSine), ids, heads, isInterleaved);
    key = rotate(node, key, node.operand(kCosine), node.operand(kSine), ids, keyHeads, isInterleaved);
  }

  Value fresh[] = {spreadHeads(node, key, keyHeads), spreadHeads(node, value, keyHeads)}, present[2];
  for (auto [old, part, whole, cacheScale] : llvm::zip_equal(past, fresh, present, scales)) {
    if (cacheScale) {
      Type element = getElementTypeOrSelf(part);
      part = build<RoundOp>(node, build<DivOp>(node, {part, cacheScale}));
      part = build<ClipOp>(node, {part, node.scalar(-128, element), node.scalar(127, element)});
      part = castTo(node, part, node.b.getIntegerType(8));
    }
    whole = part;
    if (!old || !part)
      continue;
    if (getDims(old).size() != 4)
      return node.error() << "past_key and past_value must have rank 4";
    Value size = dimensionOf(node, old, 2);
    Value missing = build<SubOp>(node, {build<MaxOp>(node, {size, total}), size});
    Value pads = build<ConcatOp>(node, {zero, missing}, intAttr(node, "axis", 0));
    Value longer = build<PadOp>(node, {old, pads, absent(node), node.constant(2)});
    whole = build<TensorScatterOp>(node, {longer, part, start});
  }

  Value sink = node.operand(kSink);
  SmallVector<NamedAttribute> attributes{intAttr(node, "is_causal", isCausal), floatAttr(node, "softcap", cap)};
  if (scale != 0)
    attributes.push_back(floatAttr(node, "scale", scale));
  if (window > 0)
    attributes.push_back(intAttr(node, "left_window_size", window - 1));
  if (sink || isSmooth || scoreOutput == 1) // scores with what is hidden
    attributes.push_back(intAttr(node, "qk_matmul_output_mode", 2));
  else if (scoreOutput == 2)
    attributes.push_back(intAttr(node, "qk_matmul_output_mode", 3));
  if (scoreOutput == 2 && (sink || isSmooth))
    return node.error() << "shares of keys beside a sink are not supported as a result";
  Value keys[] = {present[0], present[1]};
  for (auto [whole, cacheScale] : llvm::zip_equal(keys, scales))
    if (cacheScale)
      whole = build<MulOp>(node, {castTo(node, whole, getElementTypeOrSelf(query)), cacheScale});
  // Of the keys behind a sentence, no query of it sees any where it sees none behind itself.
  Value lengths = build<AddOp>(node, isCausal ? SmallVector<Value>{start, length}
                                              : SmallVector<Value>{last, node.scalar(1, i64)}),
        none = absent(node);
  SmallVector<Value> operands{
      spreadHeads(node, query, heads), keys[0], keys[1], orAbsent(node, node.operand(kBias)), none, none,
      orAbsent(node, lengths)};
  if (llvm::is_contained(operands, Value()) || !lengths)
    return failure();
  auto op = make<AttentionOp>(node.b, operands, attributes, AttentionOp::getArity().results);
  if (!op)
    return failure();
  Value y = op.getY();
  if (sink || isSmooth) {
    // A score that no key has takes its part of the whole: with s = ln(sum of exp(scores)), what is left for the keys
    // is exp(s) / (exp(s) + exp(sink)), the logistic function of s - sink.
    Value sum = build<ReduceLogSumExpOp>(node, {op.getQkMatmulOutput(), node.constant(-1)});
    if (sink)
      sum = build<SubOp>(node, {sum, reshape(node, sink, {-1, 1, 1})});
    y = sum ? build<MulOp>(node, {y, build<SigmoidOp>(node, sum)}) : Value();
  }
  SmallVector<Value> results{packHeads(node, y), present[0], present[1]};
  if (node.resultCount > 3) { // of the keys of all sentences together; 0 where they are hidden
    Value scores = op.getQkMatmulOutput();
    Type element = getElementTypeOrSelf(scores);
    Value isHidden = build<EqualOp>(node, {scores, node.scalar(-std::numeric_limits<double>::infinity(), element)});
    scores = build<WhereOp>(node, {isHidden, node.scalar(0, element), scores});
    results.push_back(slice(node, scores, 3, node.constant(0), total));
  }
  return finish(node, results);
}

/// A decoder's attention to blocks of keys: for each layout of blocks, the columns of every row [layouts, rows + 1] and
/// [layouts, columns] as in a compressed sparse matrix; heads take layouts in turn.
static LogicalResult expandSparseAttention(NodeForm &node) {
  Value query = node.operand(0), past = node.operand(3);
  for (unsigned i : {0, 3, 4, 5, 6, 7, 8})
    if (!node.operand(i))
      return node.error() << "input " << i << " must be given";
  int64_t block = takeInt(node, "sparse_block_size", 0);
  auto heads = dyn_cast_or_null<IntegerAttr>(node.attributes.get("num_heads"));
  if (block < 1 || block > INT32_MAX || !heads || heads.getSInt() < 1 || heads.getSInt() > (1 << 20))
    return node.error() << "sparse_block_size and num_heads must be positive";
  if (getDims(query).size() != 3 || getDims(past).size() != 4 || getDims(node.operand(5)).size() != 2 ||
      getDims(node.operand(6)).size() != 2)
    return node.error() << "query must have rank 3, past_key rank 4, and the indices of blocks rank 2";
  Type i64 = node.b.getI64Type(), i32 = node.b.getI32Type();
  auto number = [&](int64_t n) { return node.scalar(n, i64); };
  auto add = [&](Value a, Value b) { return build<AddOp>(node, {a, b}); };
  Value starts = asInt64(node, node.operand(5)), columns = asInt64(node, node.operand(6));
  Value rows = build<SubOp>(node, {dimensionOf(node, starts, 1), node.constant(1)});
  // The row of the j-th column: how many rows end before it. Those behind the last row go to a place of their own.
  Value places = countTo(node, dimensionOf(node, columns, 1));
  Value ends = unsqueeze(node, slice(node, starts, 1, node.constant(1)), 2);
  Value row = build<ReduceSumOp>(node, {asInt64(node, build<LessOrEqualOp>(node, {ends, places})), node.constant(1)},
                                 intAttr(node, "keepdims", 0));
  Value all = build<MulOp>(node, {rows, rows});
  Value isThere = build<AndOp>(node, {build<LessOp>(node, {row, rows}), build<LessOp>(node, {columns, rows})});
  Value at = build<WhereOp>(node, {isThere, add(build<MulOp>(node, {row, rows}), columns), all});
  auto join = [&](ArrayRef<Value> parts) { return build<ConcatOp>(node, parts, intAttr(node, "axis", 0)); };
  Value layouts = dimensionOf(node, starts, 0);
  Value none = build<ExpandOp>(node, {node.scalar(0, i32), join({layouts, add(all, node.constant(1))})});
  Value ones = build<ExpandOp>(node, {node.scalar(1, i32), build<ShapeOp>(node, at)});
  Value dense = build<ScatterElementsOp>(node, {none, at, ones}, intAttr(node, "axis", 1));
  dense = build<ReshapeOp>(node, {slice(node, dense, 1, node.constant(0), all), join({layouts, rows, rows})});

  // The blocks of queries and keys at their places in the whole sequence.
  Value length = dimensionOf(node, query, 1), total = reshape(node, asInt64(node, node.operand(7)), {1});
  Value lengths = reshape(node, asInt64(node, node.operand(8)), {-1});
  Value start = build<WhereOp>(
      node, {build<EqualOp>(node, {total, length}), node.constant(0), build<SubOp>(node, {lengths, length})});
  Value last = build<SubOp>(node, {rows, node.constant(1)});
  auto blockOf = [&](Value place) {
    place = build<DivOp>(node, {build<MaxOp>(node, {place, node.constant(0)}), number(block)});
    return build<MinOp>(node, {place, last});
  };
  auto gather = [&](Value data, Value indices, int64_t axis) {
    return build<GatherOp>(node, {data, indices}, intAttr(node, "axis", axis));
  };
  Value queries = blockOf(add(unsqueeze(node, start, 1), countTo(node, length))), keys;
  keys = blockOf(countTo(node, build<MaxOp>(node, {dimensionOf(node, past, 2), total})));
  Value mask = gather(gather(dense, queries, 1), keys, 3); // [layouts, batch, queries, keys]
  Value layout = build<ModOp>(node, {countTo(node, node.constant(heads.getSInt())), layouts});
  mask = gather(build<TransposeOp>(node, mask, intsAttr(node, "perm", {1, 0, 2, 3})), layout, 1);
  mask = castTo(node, mask, node.b.getI1Type());
  lengths = build<SubOp>(node, {lengths, number(1)});
  if (!mask || !lengths)
    return failure();
  SmallVector<Value> operands{query,
                              orAbsent(node, node.operand(1)),
                              orAbsent(node, node.operand(2)),
                              past,
                              node.operand(4),
                              lengths,
                              node.operand(7),
                              orAbsent(node, node.operand(9)),
                              orAbsent(node, node.operand(10)),
                              absent(node),
                              mask};
  node.operands = operands;
  return expandGroupQueryAttention(node);
}

void onnxc::onnx::registerContribAttentionOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "com.microsoft");
  };
  add("Attention", expandAttention);
  add("DecoderMaskedMultiHeadAttention", expandDecoderMaskedMultiHeadAttention);
  add("GroupQueryAttention", expandGroupQueryAttention);
  add("MultiHeadAttention", expandMultiHeadAttention);
  add("QAttention", expandQAttention);
  add("RotaryEmbedding", expandRotaryEmbedding);
  add("SparseAttention", expandSparseAttention);
}
