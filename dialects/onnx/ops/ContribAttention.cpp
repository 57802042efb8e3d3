//===- dialects/onnx/ops/ContribAttention.cpp --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention as the domain com.microsoft has it: Attention of ai.onnx with the projection before it, other masks, and
// keys and values of the past in one tensor.
#include "dialects/onnx/ops/ContribAttention.h"
#include "dialects/onnx/ops/Assumption.h"
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

/// A tensor cut into three along its last dimension, of `sizes`, int64 [3]. Nothing after an error.
static std::optional<SmallVector<Value>> cut(NodeForm &node, Value value, Value sizes) {
  auto op = value && sizes ? make<SplitOp>(node.b, {value, sizes}, intAttr(node, "axis", -1), 3) : SplitOp();
  if (!op)
    return std::nullopt;
  return SmallVector<Value>(op->getResults());
}

/// The same with queries, keys and values in it, as many heads of each: equally large ones.
static std::optional<SmallVector<Value>> cutHeads(NodeForm &node, Value value, ArrayRef<int64_t> heads) {
  int64_t all = heads[0] + heads[1] + heads[2];
  if (auto size = getConstant(getDims(value).back())) {
    if (*size % all != 0) {
      node.error() << "query has " << *size << " columns, which the heads of queries, keys and values do not divide";
      return std::nullopt;
    }
    int64_t each = *size / all;
    return cut(node, value, node.constant({heads[0] * each, heads[1] * each, heads[2] * each}));
  }
  Value each = build<DivOp>(node, {dimensionOf(node, value, -1), node.constant(all)});
  return cut(node, value, build<MulOp>(node, {each, node.constant(heads)}));
}

/// Attention of what one product made of the input: queries, keys and values beside each other, or those of `sizes`.
/// Keys and values of the past are one tensor.
static LogicalResult attendProjected(NodeForm &node, Value projected, Value mask, Value past, Value bias) {
  if (takeInt(node, "do_rotary", 0) || takeInt(node, "past_present_share_buffer", 0))
    return node.error() << "rotation, and a past that shares its buffer, are not supported";
  node.take("rotary_embedding_dim");
  if (!projected)
    return failure();
  if (getDims(projected).size() != 3)
    return node.error() << "input must have rank 3, and weights rank 2";
  auto sizes = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("qkv_hidden_sizes"));
  if (sizes && sizes.size() != 3)
    return node.error() << "qkv_hidden_sizes must be three sizes";
  auto parts = sizes ? cut(node, projected, node.constant(sizes.asArrayRef())) : cutHeads(node, projected, {1, 1, 1});
  if (!parts)
    return failure();
  AttentionParts attention{(*parts)[0], (*parts)[1], (*parts)[2], mask, bias, {}, {}, {}};
  auto heads = dyn_cast_or_null<IntegerAttr>(node.get("num_heads"));
  if (!heads || heads.getSInt() < 1)
    return node.error() << "num_heads must be positive";
  if (past) {
    // The heads and their sizes may be known, whatever is known of the past.
    auto select = [&](int64_t i) {
      Value part = build<GatherOp>(node, {past, node.scalar(i, node.b.getI64Type())});
      auto size = getConstant(getDims((*parts)[1 + i])[2]);
      return size ? reshape(node, part, {0, heads.getSInt(), -1, *size / heads.getSInt()})
                  : reshape(node, part, {0, heads.getSInt(), 0, -1});
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
  auto heads = dyn_cast_or_null<IntegerAttr>(node.get("num_heads"));
  if (!heads || heads.getSInt() < 1)
    return node.error() << "num_heads must be positive";
  Value parts[] = {node.operand(0), node.operand(1), node.operand(2)};
  size_t rank = getDims(parts[1]).size();
  if (rank != getDims(parts[2]).size() || (rank != 3 && rank != 4))
    return node.error() << "key and value must have the same rank, 3 or 4";
  if (Value bias = node.operand(kBiases)) {
    SmallVector<Value> sizes;
    for (Value part : parts) {
      Value size = dimensionOf(node, part, -1);
      sizes.push_back(getDims(part).size() == 3 ? size : build<MulOp>(node, {size, node.constant(heads.getSInt())}));
    }
    auto biases = cut(node, bias, build<ConcatOp>(node, sizes, intAttr(node, "axis", 0)));
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
    auto parts = cutHeads(node, query, {1, 1, 1});
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

/// Turns pairs of elements of each head. The caches say how many; where there are no `heads` they say the size of a
/// head, too.
static Value rotate(NodeForm &node, Value x, Value cosine, Value sine, Value ids, int64_t heads, bool isInterleaved) {
  if (!x || !cosine || !sine || !ids)
    return {};
  if (getDims(cosine).size() != 2) {
    node.error() << "cos_cache must have rank 2";
    return {};
  }
  auto pairs = getConstant(getDims(cosine)[1]);
  bool isPacked = getDims(x).size() == 3;
  SmallVector<NamedAttribute> attributes{intAttr(node, "interleaved", isInterleaved)};
  if (pairs && (heads || !isPacked)) {
    attributes.push_back(intAttr(node, "rotary_embedding_dim", 2 * *pairs));
    if (heads)
      attributes.push_back(intAttr(node, "num_heads", heads));
    return build<RotaryEmbeddingOp>(node, {x, cosine, sine, ids}, attributes);
  }
  // The run sees how many elements that are: the front of each head [batch, heads, length, size] is turned as a whole.
  Value width = build<MulOp>(node, {dimensionOf(node, cosine, 1), node.constant({2})}), wide = x;
  auto join = [&](ArrayRef<Value> parts, int64_t axis) {
    return build<ConcatOp>(node, parts, intAttr(node, "axis", axis));
  };
  if (isPacked) {
    Value last = heads ? node.constant({heads, -1}) : join({node.constant({-1}), width}, 0);
    Value shape = join({build<ShapeOp>(node, x, intAttr(node, "end", 2)), last}, 0);
    wide = build<TransposeOp>(node, build<ReshapeOp>(node, {x, shape}), intsAttr(node, "perm", {0, 2, 1, 3}));
  }
  Value front = slice(node, wide, 3, node.constant({0}), width);
  front = build<RotaryEmbeddingOp>(node, {front, cosine, sine, ids}, attributes);
  Value all = join({front, slice(node, wide, 3, width)}, 3);
  if (!isPacked || !all)
    return all;
  return reshapeLike(node, build<TransposeOp>(node, all, intsAttr(node, "perm", {0, 2, 1, 3})), x);
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
    if (hidden && columns && (*columns < 1 || *hidden % (2 * *columns) != 0))
      return node.error() << "num_heads must be given, or follow from the sizes of input and cos_cache";
    heads = hidden && columns ? *hidden / (2 * *columns) : 0; // else the run sees them
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

/// How a cache has its elements: as they are, or as signed numbers of 8 or 4 bits that a scale multiplies, one for all
/// or one for each element of a head. Those of 4 bits are plus 8, two to a byte, the first one in the low bits.
struct CacheFormat {
  Value scale; ///< absent: as they are
  int64_t bits;

  static FailureOr<CacheFormat> take(NodeForm &node, StringRef name, int64_t bits, Value past, Value scale,
                                     int64_t heads) {
    auto kind = dyn_cast_or_null<StringAttr>(node.take(name));
    if (!kind || kind.getValue() == "NONE")
      return CacheFormat{{}, 0};
    if (kind.getValue() != "PER_TENSOR" && kind.getValue() != "PER_CHANNEL")
      return node.error() << name << " must be NONE, PER_TENSOR or PER_CHANNEL, not " << kind.getValue();
    if (!scale || !past)
      return node.error() << name << " needs a past and a scale";
    Type element = getElementTypeOrSelf(past);
    bits = bits == 0 ? 8 : bits;
    if (!(bits == 8 && element.isSignlessInteger(8)) && !(bits == 4 && element.isUnsignedInteger(8)))
      return node.error() << "a cache of " << getElementTypeName(element) << " with kv_cache_bit_width " << bits
                          << " is not supported: 8 bits are int8, 4 bits are uint8";
    bool isOne = kind.getValue() == "PER_TENSOR";
    return CacheFormat{isOne ? reshape(node, scale, {}) : reshape(node, scale, {1, heads, 1, -1}), bits};
  }

  /// [batch, heads, length, size] as the cache has it.
  Value store(NodeForm &node, Value part) const {
    if (!scale)
      return part;
    Type real = getElementTypeOrSelf(scale), byte = node.b.getIntegerType(8, /*isSigned=*/false);
    double half = bits == 8 ? 128 : 8;
    part = build<RoundOp>(node, build<DivOp>(node, {castTo(node, part, real), scale}));
    part = build<ClipOp>(node, {part, node.scalar(-half, real), node.scalar(half - 1, real)});
    if (bits == 8)
      return castTo(node, part, node.b.getIntegerType(8));
    part = castTo(node, build<AddOp>(node, {part, node.scalar(half, real)}), byte);
    Value pairs = reshape(node, part, {0, 0, 0, -1, 2});
    auto take = [&](int64_t i) {
      return build<GatherOp>(node, {pairs, node.scalar(i, node.b.getI64Type())}, intAttr(node, "axis", 4));
    };
    return build<AddOp>(node, {take(0), build<MulOp>(node, {take(1), node.scalar(16, byte)})});
  }

  /// What the cache has, as numbers.
  Value load(NodeForm &node, Value whole) const {
    if (!scale || !whole)
      return whole;
    Type real = getElementTypeOrSelf(scale), byte = getElementTypeOrSelf(whole);
    if (bits == 4) {
      Value low = build<BitwiseAndOp>(node, {whole, node.scalar(15, byte)});
      Value high = build<BitShiftOp>(node, {whole, node.scalar(4, byte)},
                                     node.b.getNamedAttr("direction", node.b.getStringAttr("RIGHT")));
      Value pairs =
          build<ConcatOp>(node, {unsqueeze(node, low, 4), unsqueeze(node, high, 4)}, intAttr(node, "axis", 4));
      whole = build<SubOp>(node, {castTo(node, reshape(node, pairs, {0, 0, 0, -1}), real), node.scalar(8, real)});
    }
    return build<MulOp>(node, {castTo(node, whole, real), scale});
  }
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

/// Of each sentence the `rows` [batch, count] of dimension 2.
static Value gatherRows(NodeForm &node, Value value, Value rows) {
  auto swap = [&](Value x) { return build<TransposeOp>(node, x, intsAttr(node, "perm", {0, 2, 1, 3})); };
  return swap(build<GatherNDOp>(node, {swap(value), unsqueeze(node, rows, 2)}, intAttr(node, "batch_dims", 1)));
}

/// `numbers`, int64, of which the run checks that they are at least `least` and at most `most` [1].
static Value assumeInRange(NodeForm &node, Value numbers, int64_t least, Value most, const Twine &message) {
  return build<AssumeInRangeOp>(
      node, {numbers, most},
      {intAttr(node, "least", least), node.b.getNamedAttr("message", node.b.getStringAttr(message))});
}

/// A decoder's attention: new keys and values go behind those that each sentence of the batch has, into a buffer as
/// long as the longest, or as the past's if that is longer. Then it is Attention with the lengths of the sentences.
/// ContribOperators.md says how many of the new ones count (query_seqlens), and what a cache keeps that holds the last
/// ones alone (sliding_window_cache).
static LogicalResult expandGroupQueryAttention(NodeForm &node) {
  Value query = node.operand(kQuery), key = node.operand(kKey), value = node.operand(kValue);
  Value past[] = {node.operand(kPastKey), node.operand(kPastValue)}, fresh = node.operand(kQueryLengths);
  for (unsigned i : {kQuery, kLastPlace, kTotal})
    if (!node.operand(i))
      return node.error() << "input " << i << " must be given";
  if (getDims(query).size() != 3)
    return node.error() << "query must have the dimensions batch, sequence and hidden";
  if (!past[0] != !past[1] || !key != !value)
    return node.error() << "keys and values must be given together";
  for (Value old : past)
    if (old && getDims(old).size() != 4)
      return node.error() << "past_key and past_value must have rank 4";
  int64_t heads = takeInt(node, "num_heads", 0), keyHeads = takeInt(node, "kv_num_heads", 0);
  if (heads < 1 || keyHeads < 1 || heads % keyHeads != 0 || heads > (1 << 20))
    return node.error() << "num_heads must be a multiple of kv_num_heads, and both positive";
  bool isRotated = takeInt(node, "do_rotary", 0) != 0, isInterleaved = takeInt(node, "rotary_interleaved", 0) != 0;
  bool isSmooth = takeInt(node, "smooth_softmax", 0) > 0, isCausal = takeInt(node, "causal", 1) != 0;
  bool isSliding = takeInt(node, "sliding_window_cache", 0) != 0;
  int64_t window = takeInt(node, "local_window_size", -1);
  double scale = takeFloat(node, "scale", 0), cap = takeFloat(node, "softcap", 0);
  double epsilon = takeFloat(node, "qk_norm_epsilon", 1e-6f);
  double queryEpsilon = takeFloat(node, "q_norm_epsilon", epsilon),
         keyEpsilon = takeFloat(node, "k_norm_epsilon", epsilon);
  int64_t bits = takeInt(node, "kv_cache_bit_width", 0), scoreOutput = takeInt(node, "qk_output", 0);
  auto keyFormat = CacheFormat::take(node, "k_quant_type", bits, past[0], node.operand(kKeyScale), keyHeads),
       valueFormat = CacheFormat::take(node, "v_quant_type", bits, past[1], node.operand(kValueScale), keyHeads);
  if (failed(keyFormat) || failed(valueFormat))
    return failure();
  const CacheFormat formats[] = {*keyFormat, *valueFormat};
  if (scoreOutput < 0 || scoreOutput > 2 || (node.resultCount > 3 && scoreOutput == 0))
    return node.error() << "qk_output must be 1 or 2 where scores are a result";
  if (fresh && (!isCausal || !past[0]))
    return node.error() << "query_seqlens needs past_key and past_value, and causal 1";
  if (isSliding && (!isCausal || !past[0] || window < 1))
    return node.error()
           << "sliding_window_cache needs past_key and past_value, a positive local_window_size, and causal 1";
  if (isSliding && node.resultCount > 3)
    return node.error() << "scores are not supported as a result where sliding_window_cache is 1";

  if (!key) { // all in one
    auto parts = cutHeads(node, query, {heads, keyHeads, keyHeads});
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
  auto number = [&](int64_t n) { return node.scalar(n, i64); };
  auto add = [&](Value a, Value b) { return build<AddOp>(node, {a, b}); };
  auto sub = [&](Value a, Value b) { return build<SubOp>(node, {a, b}); };
  Value length = dimensionOf(node, query, 1), total = reshape(node, asInt64(node, node.operand(kTotal)), {1});
  Value last = reshape(node, asInt64(node, node.operand(kLastPlace)), {-1}), zero = node.constant(0);
  if (fresh || isSliding)
    last = assumeInRange(node, last, 0, sub(total, number(1)),
                         "GroupQueryAttention: seqlens_k must be from 0 to below total_sequence_length");
  Value all = add(last, number(1)), isPrompt = build<EqualOp>(node, {total, length}), start;
  if (fresh) {
    fresh = assumeInRange(node, reshape(node, asInt64(node, fresh), {-1}), 0, length,
                          "GroupQueryAttention: query_seqlens must be from 0 to the length of query");
    start = sub(all, fresh);
  } else {
    start = past[0] ? build<WhereOp>(node, {isPrompt, zero, sub(all, length)}) : build<MulOp>(node, {all, zero});
  }
  if (isRotated) {
    // "When processing the first prompt the kernel uses only the first element" of position_ids; query_seqlens don't
    // say what a prompt is.
    Value count = countTo(node, length), ids = node.operand(kPositions);
    if (ids && !fresh) {
      Value first = build<GatherOp>(node, {reshape(node, ids, {-1}), zero});
      ids = build<WhereOp>(node, {isPrompt, add(first, count), ids});
    } else if (!ids) {
      ids = add(unsqueeze(node, start, 1), count);
    }
    if (!node.operand(kCosine) || !node.operand(kSine))
      return node.error() << "a rotation needs cos_cache and sin_cache";
    query = rotate(node, query, node.operand(kCosine), node.operand(kSine), ids, heads, isInterleaved);
    key = rotate(node, key, node.operand(kCosine), node.operand(kSine), ids, keyHeads, isInterleaved);
    if (!query || !key)
      return failure();
  }

  // A sliding cache of C rows keeps the last L(T) = T - G * floor(max(T - W, 0) / G) of T keys, with G = C - W + 1 for
  // a window of W. New ones go behind the old ones of before; from them and what follows the cache is cut. The places
  // of rows are then less than the places of keys by as many as were gone before.
  Value gone, size = past[0] ? dimensionOf(node, past[0], 2) : Value(), bias = node.operand(kBias);
  auto goneOf = [&](Value count) {
    Value groups = sub(size, number(window - 1));
    return build<MulOp>(node,
                        {build<DivOp>(node, {build<MaxOp>(node, {sub(count, number(window)), zero}), groups}), groups});
  };
  if (isSliding) {
    size = assumeInRange(node, size, window, node.constant(std::numeric_limits<int32_t>::max()),
                         "GroupQueryAttention: past_key must have room for local_window_size");
    gone = goneOf(start);
    start = sub(start, gone);
  }
  Value parts[] = {spreadHeads(node, key, keyHeads), spreadHeads(node, value, keyHeads)}, wholes[2], presents[2];
  for (auto [old, part, whole, present, format] : llvm::zip_equal(past, parts, wholes, presents, formats)) {
    present = whole = format.store(node, part);
    if (!old)
      continue;
    Value more = isSliding ? length : sub(build<MaxOp>(node, {size, total}), size);
    Value pads = build<ConcatOp>(node, {zero, more}, intAttr(node, "axis", 0));
    Value longer = build<PadOp>(node, {old, pads, absent(node), node.constant(2)});
    present = whole = build<TensorScatterOp>(node, {longer, whole, start});
    if (!isSliding)
      continue;
    Value rows = add(unsqueeze(node, sub(goneOf(all), gone), 1), countTo(node, size));
    rows = build<MinOp>(node, {rows, sub(dimensionOf(node, longer, 2), number(1))});
    present = gatherRows(node, whole, rows);
  }
  if (isSliding && bias) { // has a column for each key that there ever was
    if (getDims(bias).size() != 4)
      return node.error() << "attention_bias must have rank 4";
    Value ones = node.constant({1, 1, 1});
    Value shape = build<ConcatOp>(node, {dimensionOf(node, query, 0), ones}, intAttr(node, "axis", 0));
    Value columns = add(unsqueeze(node, gone, 1), countTo(node, add(size, length)));
    columns = build<MinOp>(node, {columns, sub(total, number(1))});
    bias = transposeLast(node, build<ExpandOp>(node, {bias, shape}));
    bias = transposeLast(node, gatherRows(node, bias, columns));
    if (!bias)
      return failure();
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
  // What a scale multiplies is of its type.
  Type element = getElementTypeOrSelf(query), inner = element;
  for (const CacheFormat &format : formats)
    if (format.scale)
      inner = getElementTypeOrSelf(format.scale);
  // Of the keys behind a sentence, no query of it sees any where it sees none behind itself.
  Value lengths = isCausal ? add(start, length) : all, none = absent(node);
  SmallVector<Value> operands{castTo(node, spreadHeads(node, query, heads), inner),
                              castTo(node, formats[0].load(node, wholes[0]), inner),
                              castTo(node, formats[1].load(node, wholes[1]), inner),
                              bias ? castTo(node, bias, inner) : none,
                              none,
                              none,
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
      sum = sub(sum, castTo(node, reshape(node, sink, {-1, 1, 1}), inner));
    y = sum ? build<MulOp>(node, {y, build<SigmoidOp>(node, sum)}) : Value();
  }
  SmallVector<Value> results{packHeads(node, castTo(node, y, element)), presents[0], presents[1]};
  if (node.resultCount > 3) { // of the keys of all sentences together; 0 where they are hidden
    Value scores = op.getQkMatmulOutput();
    Value isHidden = build<EqualOp>(node, {scores, node.scalar(-std::numeric_limits<double>::infinity(), inner)});
    scores = build<WhereOp>(node, {isHidden, node.scalar(0, inner), scores});
    results.push_back(slice(node, castTo(node, scores, element), 3, zero, total));
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
  auto heads = dyn_cast_or_null<IntegerAttr>(node.get("num_heads"));
  if (block < 1 || block > INT32_MAX || !heads || heads.getSInt() < 1 || heads.getSInt() > (1 << 20))
    return node.error() << "sparse_block_size and num_heads must be positive";
  if (getDims(query).size() != 3 || getDims(past).size() != 4 || getDims(node.operand(5)).size() != 2 ||
      getDims(node.operand(6)).size() != 2)
    return node.error() << "query must have rank 3, past_key rank 4, and the indices of blocks rank 2";
  auto element = dyn_cast<FloatType>(getElementTypeOrSelf(query));
  if (!element)
    return node.error() << "query must be floating-point numbers";
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
  // Keys of other blocks have the lowest score there is: where all have it, they count alike.
  double lowest = APFloat::getLargest(element.getFloatSemantics(), /*Negative=*/true).convertToDouble();
  mask = castTo(node, mask, node.b.getI1Type());
  mask = build<WhereOp>(node, {mask, node.scalar(0, element), node.scalar(lowest, element)});
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
