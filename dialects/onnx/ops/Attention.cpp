//===- dialects/onnx/ops/Attention.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention and RotaryEmbedding. Attention is two contractions with a softmax between them; how the heads lie in memory
// only shows in the contractions' maps, so that no operand is transposed or repeated for its sake.
#include "dialects/onnx/ops/Attention.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/ops/Softmax.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Two sizes that must be the same, as far as it is known now; `what` names them.
static LogicalResult checkSame(Operation *op, AffineExpr a, AffineExpr b, StringRef what) {
  auto x = getConstant(a), y = getConstant(b);
  if (x && y && *x != *y)
    return op->emitOpError(what) << " differ: " << *x << " and " << *y;
  return success();
}

static LogicalResult checkFloat(Operation *op, Value value, StringRef name) {
  Type element = getElementTypeOrSelf(value);
  if (!isa<FloatType>(element))
    return op->emitOpError(name) << " must be floating-point numbers, not " << getElementTypeName(element);
  return success();
}

/// Splits the last size into `heads` and what remains.
static FailureOr<AffineExpr> headSize(Operation *op, AffineExpr hidden, int64_t heads, StringRef name) {
  auto size = getConstant(hidden);
  if (size && *size % heads != 0)
    return op->emitOpError(name) << " has " << *size << " columns, which " << heads << " heads do not divide";
  return floorDiv(hidden, makeDim(op->getContext(), heads));
}

static Lowered concatenate(LoweringBuilder &b, ArrayRef<Lowered> parts, int64_t axis) {
  if (parts.size() == 1)
    return parts[0];
  SmallVector<Value> lifted;
  for (const Lowered &part : parts)
    lifted.push_back(b.lift(part.value, part.type));
  auto attribute = b.getNamedAttr("axis", b.getIntegerAttr(b.getIntegerType(64, /*isSigned=*/true), axis));
  auto op = make<ConcatOp>(b, lifted, attribute);
  assert(op && "the parts fit");
  Value result = op.getConcatResult();
  return {b.lower(result), cast<RankedTensorType>(result.getType())};
}

//===- Attention --------------------------------------------------------------------===//

namespace {
/// All sizes of an attention. Query heads are `group` for each head of keys and values.
struct AttentionGeometry {
  bool packed; ///< [batch, length, heads * size] instead of [batch, heads, length, size]
  AffineExpr batch, queryHeads, heads, queries, fresh, past, keys, size, valueSize, group;

  static FailureOr<AttentionGeometry> get(AttentionOp op);
};
} // namespace

static bool isPresent(Value value) { return isa<RankedTensorType>(value.getType()); }

FailureOr<AttentionGeometry> AttentionGeometry::get(AttentionOp op) {
  AttentionGeometry g;
  Dims q = getDims(op.getQ()), k = getDims(op.getK()), v = getDims(op.getV());
  if ((q.size() != 3 && q.size() != 4) || k.size() != q.size() || v.size() != q.size())
    return op.emitOpError("Q, K and V must all have rank 3 or all have rank 4, they have ")
           << q.size() << ", " << k.size() << " and " << v.size();
  g.packed = q.size() == 3;
  AffineExpr valueHeads;
  g.batch = q[0];
  if (g.packed) {
    int64_t queryHeads = op.getQNumHeads().value_or(0), heads = op.getKvNumHeads().value_or(0);
    if (queryHeads < 1 || heads < 1)
      return op.emitOpError("q_num_heads and kv_num_heads must be positive when Q, K and V have rank 3");
    auto size = headSize(op, q[2], queryHeads, "Q"), keySize = headSize(op, k[2], heads, "K"),
         valueSize = headSize(op, v[2], heads, "V");
    if (failed(size) || failed(keySize) || failed(valueSize) ||
        failed(checkSame(op, *size, *keySize, "head sizes of Q and K")))
      return failure();
    g.queryHeads = makeDim(op.getContext(), queryHeads);
    g.heads = valueHeads = makeDim(op.getContext(), heads);
    g.queries = q[1], g.fresh = k[1], g.size = *size, g.valueSize = *valueSize;
  } else {
    g.queryHeads = q[1], g.heads = k[1], valueHeads = v[1];
    g.queries = q[2], g.fresh = k[2], g.size = q[3], g.valueSize = v[3];
    if (failed(checkSame(op, q[3], k[3], "head sizes of Q and K")))
      return failure();
  }
  if (failed(checkSame(op, q[0], k[0], "batch sizes of Q and K")) ||
      failed(checkSame(op, q[0], v[0], "batch sizes of Q and V")) ||
      failed(checkSame(op, g.heads, valueHeads, "numbers of heads of K and V")) ||
      failed(checkSame(op, g.fresh, v[g.packed ? 1 : 2], "sequence lengths of K and V")))
    return failure();
  auto many = getConstant(g.queryHeads), few = getConstant(g.heads);
  if (many && few && *many != *few && (*few == 0 || *many % *few != 0))
    return op.emitOpError() << *many << " heads of Q are no multiple of " << *few << " heads of K";
  g.group = floorDiv(g.queryHeads, g.heads);
  g.past = makeDim(op.getContext(), 0);
  bool hasPast = isPresent(op.getPastKey());
  if (hasPast != isPresent(op.getPastValue()))
    return op.emitOpError("past_key and past_value must be given together");
  if (hasPast) {
    Dims key = getDims(op.getPastKey()), value = getDims(op.getPastValue());
    if (key.size() != 4 || value.size() != 4)
      return op.emitOpError("past_key and past_value must have rank 4, they have ")
             << key.size() << " and " << value.size();
    if (failed(checkSame(op, key[0], g.batch, "batch sizes of past_key and Q")) ||
        failed(checkSame(op, value[0], g.batch, "batch sizes of past_value and Q")) ||
        failed(checkSame(op, key[1], g.heads, "numbers of heads of past_key and K")) ||
        failed(checkSame(op, value[1], g.heads, "numbers of heads of past_value and V")) ||
        failed(checkSame(op, key[2], value[2], "sequence lengths of past_key and past_value")) ||
        failed(checkSame(op, key[3], g.size, "head sizes of past_key and K")) ||
        failed(checkSame(op, value[3], g.valueSize, "head sizes of past_value and V")))
      return failure();
    g.past = key[2];
  }
  g.keys = g.past + g.fresh;
  return g;
}

LogicalResult AttentionOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto g = AttentionGeometry::get(*this);
  if (failed(g) || failed(checkFloat(*this, getQ(), "Q")) || failed(checkFloat(*this, getV(), "V")))
    return failure();
  Type element = getElementTypeOrSelf(getQ()), valueElement = getElementTypeOrSelf(getV());
  if (getElementTypeOrSelf(getK()) != element)
    return emitOpError("Q and K have different element types");
  if (isPresent(getPastKey()) &&
      (getElementTypeOrSelf(getPastKey()) != element || getElementTypeOrSelf(getPastValue()) != valueElement))
    return emitOpError("past_key and past_value must have the element types of K and V");
  if (isPresent(getAttnMask())) {
    Dims mask = getDims(getAttnMask());
    if (mask.empty() || mask.size() > 4)
      return emitOpError("attn_mask has rank ") << mask.size() << ", expected 1 to 4";
    // "broadcastable to (batch_size, q_num_heads, q_sequence_length, total_sequence_length) ... The last dimension can
    // also be shorter."
    Dims full{g->batch, g->queryHeads, g->queries, g->keys};
    for (size_t i = 0; i < mask.size(); ++i) {
      auto size = getConstant(mask[i]), wanted = getConstant(full[full.size() - mask.size() + i]);
      bool isLast = i + 1 == mask.size();
      if (size && wanted && (isLast ? *size > *wanted : *size != 1 && *size != *wanted))
        return emitOpError("attn_mask has size ") << *size << " in dimension " << i << ", expected " << *wanted;
    }
  }
  if (isPresent(getNonpadKvSeqlen())) {
    // "This should not be used together with past_key and past_value"
    if (isPresent(getPastKey()))
      return emitOpError("nonpad_kv_seqlen can't be used together with past_key and past_value");
    Dims lengths = getDims(getNonpadKvSeqlen());
    if (lengths.size() != 1)
      return emitOpError("nonpad_kv_seqlen must have rank 1");
    if (failed(checkSame(*this, lengths[0], g->batch, "sizes of nonpad_kv_seqlen and the batch")))
      return failure();
  }
  if (getLeftWindowSize() < -1 || getRightWindowSize() < -1)
    return emitOpError("window sizes must be -1 or more");
  if (getQkMatmulOutputMode() < 0 || getQkMatmulOutputMode() > 3)
    return emitOpError("qk_matmul_output_mode ") << getQkMatmulOutputMode() << " is not one of 0 to 3";
  if (auto precision = getSoftmaxPrecision())
    if (Type type = getElementType(getContext(), *precision); !type || !isa<FloatType>(type))
      return emitOpError("softmax_precision ") << getElementTypeName(*precision) << " is not a floating-point type";
  if (g->packed)
    types.push_back(makeTensor({g->batch, g->queries, g->queryHeads * g->valueSize}, element));
  else
    types.push_back(makeTensor({g->batch, g->queryHeads, g->queries, g->valueSize}, element));
  types.push_back(makeTensor({g->batch, g->heads, g->keys, g->size}, element));
  types.push_back(makeTensor({g->batch, g->heads, g->keys, g->valueSize}, valueElement));
  types.push_back(makeTensor({g->batch, g->queryHeads, g->queries, g->keys}, element));
  return success();
}

namespace {
/// A tensor whose dimensions have letters: b(atch), h(ead of keys), g(roup: query head of a head), q(uery), k(ey),
/// d (element of a query or key), v (element of a value).
struct Lettered {
  Lowered tensor;
  StringRef letters;
};

class AttentionLowering {
public:
  AttentionLowering(AttentionOp op, LoweringBuilder &b, ValueRange operands, AttentionGeometry g)
      : op(op), b(b), operands(operands), g(g), element(getElementTypeOrSelf(op.getQ())),
        accumulator(accumulatorType(element)) {}

  SmallVector<Value> run();

private:
  Lowered operand(unsigned i) { return getLowered(op, operands, i); }
  void requireSizes();
  Lettered splitHeads(Lowered value, StringRef letters);
  Lowered withSizes(Lowered value, ArrayRef<AffineExpr> dims);
  Lettered join(Lowered past, Lettered fresh, StringRef letters);
  Lowered contract(Lettered lhs, Lettered rhs, StringRef result);
  Lowered mask(Lowered scores);
  Lowered softmax(Lowered scores, bool isMasked);

  AffineExpr sizeOf(char letter) const {
    switch (letter) {
    case 'b':
      return g.batch;
    case 'h':
      return g.heads;
    case 'g':
      return g.group;
    case 'q':
      return g.queries;
    case 'k':
      return g.keys;
    case 'd':
      return g.size;
    default:
      return g.valueSize;
    }
  }
  Dims sizesOf(StringRef letters) const {
    return Dims(llvm::map_range(letters, [&](char letter) { return sizeOf(letter); }));
  }
  /// A map from scores, or what has their sizes, to a new tensor.
  template <typename Formula> Lowered map(Lowered x, Formula formula) {
    return {b.elementwise(x.type, x.value, TypeRange{x.type},
                          [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
                            return formula(Scalar(nested, args[0]));
                          }),
            x.type};
  }

  AttentionOp op;
  LoweringBuilder &b;
  ValueRange operands;
  AttentionGeometry g;
  Type element, accumulator;
};
} // namespace

/// What inference had to take for granted: the loops walk one operand's sizes and read the others.
void AttentionLowering::requireSizes() {
  unsigned length = g.packed ? 1 : 2;
  auto same = [&](unsigned i, unsigned dim, AffineExpr size) {
    if (operands[i])
      b.requireEqual(operand(i).dims()[dim], size, "Attention: the sizes of the operands do not fit");
  };
  b.requireEqual(g.group * g.heads, g.queryHeads, "Attention: the heads of Q are no multiple of the heads of K");
  for (unsigned i : {1, 2, 4, 5, 6})
    same(i, 0, g.batch);
  same(2, length, g.fresh);
  if (g.packed) {
    b.requireEqual(operand(0).dims()[2], g.queryHeads * g.size, "Attention: the sizes of the operands do not fit");
    same(1, 2, g.heads * g.size);
    same(2, 2, g.heads * g.valueSize);
  } else {
    same(2, 1, g.heads);
    same(1, 3, g.size);
  }
  for (unsigned i : {4, 5}) {
    same(i, 1, g.heads);
    same(i, 2, g.past);
    same(i, 3, i == 4 ? g.size : g.valueSize);
  }
}

/// `value`, of which `requireSizes` has made sure that these are its sizes: its own type may know less.
Lowered AttentionLowering::withSizes(Lowered value, ArrayRef<AffineExpr> dims) {
  RankedTensorType type = makeTensor(dims, value.element());
  if (type == value.type)
    return value;
  return {b.createOrFold<tensor::CastOp>(b.loweredType(type), value.value), type};
}

/// `value` with a dimension for each letter; `letters` are those of [batch, heads, length, size].
Lettered AttentionLowering::splitHeads(Lowered value, StringRef letters) {
  return {letters.size() == static_cast<size_t>(value.rank()) ? value : reshape(b, value, sizesOf(letters)), letters};
}

Lowered AttentionLowering::contract(Lettered lhs, Lettered rhs, StringRef result) {
  // The result's loops first, then those that are summed over.
  std::string loops = result.str();
  for (char letter : lhs.letters)
    if (!StringRef(loops).contains(letter))
      loops += letter;
  auto map = [&](StringRef letters) {
    SmallVector<AffineExpr> exprs;
    for (char letter : letters)
      exprs.push_back(b.getAffineDimExpr(loops.find(letter)));
    return AffineMap::get(loops.size(), 0, exprs, b.getContext());
  };
  return onnxc::onnx::contract(b, convert(b, lhs.tensor, accumulator), map(lhs.letters),
                               convert(b, rhs.tensor, accumulator), map(rhs.letters), sizesOf(result), map(result),
                               accumulator);
}

/// Scores with -inf where a key must not be seen, and with a mask of numbers added.
Lowered AttentionLowering::mask(Lowered scores) {
  SmallVector<Value> inputs{scores.value};
  SmallVector<Type> types{scores.type};
  Lowered mask = operand(3), lengths = operand(6);
  if (mask) {
    // Numbers of any type are added; integers have no -inf.
    if (!isa<FloatType>(mask.element()) && !mask.element().isInteger(1))
      mask = convert(b, mask, scores.element());
    // A mask that knows fewer keys hides the others.
    Dims dims = mask.dims();
    AffineExpr missing = simplify(g.keys - dims.back());
    if (getConstant(missing) != 0) {
      b.requireNonNegative(missing, "Attention: attn_mask is longer than the sequence of keys");
      SmallVector<OpFoldResult> low(dims.size(), b.getIndexAttr(0)), high = low;
      dims.back() = g.keys;
      high.back() = b.materialize(missing);
      mask = pad(b, mask, low, high, dims, b.constant(mask.element(), mask.element().isInteger(1) ? 0 : -kInfinity));
    }
    inputs.push_back(mask.value);
    types.push_back(mask.type);
  }
  if (lengths) {
    AffineExpr one = b.getAffineConstantExpr(1);
    lengths = reshape(b, lengths, {g.batch, one, one, one});
    inputs.push_back(lengths.value);
    types.push_back(lengths.type);
  }
  constexpr int64_t kUnreachable = int64_t(1) << 40;
  int64_t left = std::min<int64_t>(op.getLeftWindowSize(), kUnreachable),
          right = std::min<int64_t>(op.getRightWindowSize(), kUnreachable);
  if (op.getIsCausal() != 0) // no key behind the query
    right = 0;
  bool hasWindow = left >= 0 || right >= 0;
  // Number of keys before the first query: that of the past, or of the valid keys that are not queries.
  Value before = hasWindow
                     ? arith::IndexCastOp::create(b, b.getI64Type(), b.materializeIndex(lengths ? -g.queries : g.past))
                     : Value();
  auto body = [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
    Scalar score(nested, args[0]), allowed;
    unsigned next = 1;
    auto restrict = [&](Scalar condition) { allowed = allowed ? allowed & condition : condition; };
    if (mask) {
      Scalar bias(nested, args[next++]);
      if (bias.isBool()) {
        restrict(bias);
      } else { // also where the score is infinite or no number, -inf hides it
        bias = convert(bias, score.type());
        score = score + bias;
        restrict(bias != -kInfinity);
      }
    }
    auto place = [&](int64_t dim) {
      Value index = linalg::IndexOp::create(nested, dim);
      return Scalar(nested, arith::IndexCastOp::create(nested, nested.getI64Type(), index));
    };
    Scalar length = lengths ? Scalar(nested, args[next++]) : Scalar();
    if (length)
      restrict(place(3) < length);
    if (hasWindow) {
      // Queries and keys at their places in the whole sequence.
      Scalar query = place(2) + Scalar(nested, before), key = place(3);
      if (length)
        query = query + length;
      if (left >= 0)
        restrict(key >= query - static_cast<double>(left));
      if (right >= 0)
        restrict(key <= query + static_cast<double>(right));
    }
    return allowed ? select(allowed, score, -kInfinity) : score;
  };
  return {b.elementwise(scores.type, inputs, types, body), scores.type};
}

/// Along the last dimension. A query without a key to look at, all of whose scores are -inf, gets zeros.
Lowered AttentionLowering::softmax(Lowered scores, bool isMasked) {
  Type precision = element;
  if (auto wanted = op.getSoftmaxPrecision())
    precision = getElementType(op.getContext(), *wanted);
  Type type = accumulatorType(precision);
  bool rounds = precision != type && op.getSoftmaxPrecision();
  auto prepare = [&](Scalar x) { return rounds ? widen(convert(x, precision)) : convert(x, type); };
  Fields fields(b, scores.dims());
  Field x = fields.all(scores);
  Field largest = fields.reduce(
      x, 3, type, [](Scalar like) { return like.lowest(); },
      [&](Scalar a, ArrayRef<Scalar> e) { return max(a, prepare(e[0])); });
  Field powers = fields.map({x, largest}, type, [&](ArrayRef<Scalar> e) {
    Scalar most = isMasked ? select(e[1] == -kInfinity, 0, e[1]) : e[1];
    return exp(prepare(e[0]) - most);
  });
  Field sum = fields.sum(powers, 3, type, [](ArrayRef<Scalar> e) { return e[0]; });
  return fields
      .map({powers, sum}, accumulator,
           [&](ArrayRef<Scalar> e) {
             Scalar p = divideByShared(e[0], isMasked ? select(e[1] == 0, 1, e[1]) : e[1]);
             return rounds ? convert(p, precision) : p;
           })
      .tensor;
}

/// The keys or values of the past followed by the new ones, in the order `letters`; the new ones as they are without a
/// past.
Lettered AttentionLowering::join(Lowered past, Lettered fresh, StringRef letters) {
  if (!past)
    return fresh;
  if (g.packed)
    fresh.tensor = transpose(b, fresh.tensor, {0, 2, 1, 3});
  return {concatenate(b, {past, fresh.tensor}, 2), letters};
}

SmallVector<Value> AttentionLowering::run() {
  requireSizes();
  bool grouped = getConstant(g.group) != 1;
  auto pick = [&](StringRef plain, StringRef withGroup) { return grouped ? withGroup : plain; };
  Lettered q = splitHeads(operand(0), g.packed ? pick("bqhd", "bqhgd") : pick("bhqd", "bhgqd"));
  // New keys have their own length.
  auto split = [&](Lowered value, StringRef letters, AffineExpr size) -> Lettered {
    if (g.packed)
      value = reshape(b, withSizes(value, {g.batch, g.fresh, g.heads * size}), {g.batch, g.fresh, g.heads, size});
    else
      value = withSizes(value, {g.batch, g.heads, g.fresh, size});
    return {value, letters};
  };
  Lettered k = split(operand(1), g.packed ? "bkhd" : "bhkd", g.size);
  Lettered v = split(operand(2), g.packed ? "bkhv" : "bhkv", g.valueSize);
  auto past = [&](unsigned i, AffineExpr size) -> Lowered {
    return operands[i] ? withSizes(operand(i), {g.batch, g.heads, g.past, size}) : Lowered();
  };
  k = join(past(4, g.size), k, "bhkd");
  v = join(past(5, g.valueSize), v, "bhkv");

  StringRef scoreLetters = pick("bhqk", "bhgqk");
  Dims full{g.batch, g.queryHeads, g.queries, g.keys};
  Lowered scores = reshape(b, contract(q, k, scoreLetters), full);
  float scale = 0;
  if (op.getScale())
    scale = op.getScale()->convertToFloat();
  Value scaleValue; // 1 / sqrt(head size), unless it is given
  if (auto size = getConstant(g.size); op.getScale() || size)
    scaleValue = b.constant(accumulator, op.getScale() ? scale : 1 / std::sqrt(static_cast<double>(*size)));
  else
    scaleValue = 1 / sqrt(convert(Scalar(b, arith::IndexCastOp::create(b, b.getI64Type(), b.materializeIndex(g.size))),
                                  accumulator));
  scores = map(scores, [&](Scalar x) { return x * x.with(scaleValue); });
  Lowered stages[4] = {scores};
  if (double cap = Number(op.getSoftcap()).n; cap > 0)
    scores = map(scores, [&](Scalar x) { return tanh(x / cap) * cap; });
  stages[1] = scores;
  bool isMasked =
      operands[3] || operands[6] || op.getIsCausal() || op.getLeftWindowSize() >= 0 || op.getRightWindowSize() >= 0;
  if (isMasked)
    scores = mask(scores);
  stages[2] = scores;
  Lowered weights = stages[3] = softmax(scores, isMasked);
  weights = grouped ? reshape(b, weights, sizesOf(scoreLetters)) : weights;
  StringRef resultLetters = g.packed ? pick("bqhv", "bqhgv") : pick("bhqv", "bhgqv");
  Lowered y = contract({weights, scoreLetters}, v, resultLetters);
  y = convert(b, reshape(b, y, getDims(op.getY())), element);

  SmallVector<Value> results{y.value, Value(), Value(), Value()};
  auto present = [&](Lettered value, bool hasPast) {
    return g.packed && !hasPast ? transpose(b, value.tensor, {0, 2, 1, 3}).value : value.tensor.value;
  };
  if (!op.getPresentKey().use_empty())
    results[1] = present(k, static_cast<bool>(operands[4]));
  if (!op.getPresentValue().use_empty())
    results[2] = present(v, static_cast<bool>(operands[5]));
  if (!op.getQkMatmulOutput().use_empty())
    results[3] = convert(b, stages[op.getQkMatmulOutputMode()], element).value;
  return results;
}

FailureOr<SmallVector<Value>> AttentionOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto geometry = AttentionGeometry::get(*this);
  if (failed(geometry))
    return failure();
  return AttentionLowering(*this, b, operands, *geometry).run();
}

//===- RotaryEmbedding --------------------------------------------------------------===//

namespace {
struct RotaryGeometry {
  bool packed; ///< [batch, length, heads * size] instead of [batch, heads, length, size]
  AffineExpr batch, heads, length, size;
  AffineExpr half; ///< number of pairs that are turned

  static FailureOr<RotaryGeometry> get(RotaryEmbeddingOp op);
};
} // namespace

FailureOr<RotaryGeometry> RotaryGeometry::get(RotaryEmbeddingOp op) {
  RotaryGeometry g;
  Dims x = getDims(op.getX()), cosine = getDims(op.getCosCache()), sine = getDims(op.getSinCache());
  if (x.size() != 3 && x.size() != 4)
    return op.emitOpError("X must have rank 3 or 4, it has ") << x.size();
  g.packed = x.size() == 3;
  g.batch = x[0];
  if (g.packed) {
    int64_t heads = op.getNumHeads().value_or(0);
    if (heads < 1)
      return op.emitOpError("num_heads must be positive when X has rank 3");
    auto size = headSize(op, x[2], heads, "X");
    if (failed(size))
      return failure();
    g.heads = makeDim(op.getContext(), heads), g.length = x[1], g.size = *size;
  } else {
    g.heads = x[1], g.length = x[2], g.size = x[3];
  }
  bool hasIds = isPresent(op.getPositionIds());
  size_t rank = hasIds ? 2 : 3;
  if (cosine.size() != rank || sine.size() != rank)
    return op.emitOpError("cos_cache and sin_cache must have rank ")
           << rank << (hasIds ? " with position_ids" : " without position_ids") << ", they have " << cosine.size()
           << " and " << sine.size();
  for (auto [a, b] : llvm::zip_equal(cosine, sine))
    if (failed(checkSame(op, a, b, "sizes of cos_cache and sin_cache")))
      return failure();
  auto size = getConstant(g.size);
  int64_t turned = op.getRotaryEmbeddingDim();
  if (turned == 0 && size)
    turned = *size;
  if (turned < 0 || turned % 2 != 0 || (size && turned > *size))
    return op.emitOpError() << turned << " elements of a head can't be turned in pairs";
  // All of a head, whose size is for the run to see, or what the angles are for.
  g.half = turned != 0 || size          ? makeDim(op.getContext(), turned / 2)
           : getConstant(cosine.back()) ? cosine.back()
                                        : floorDiv(g.size, makeDim(op.getContext(), 2));
  if (failed(checkSame(op, cosine.back(), g.half, "the last size of cos_cache and the number of pairs")))
    return failure();
  if (hasIds) {
    Dims ids = getDims(op.getPositionIds());
    if (ids.size() != 2)
      return op.emitOpError("position_ids must have rank 2, it has ") << ids.size();
    cosine = {ids[0], ids[1], cosine.back()};
  }
  for (unsigned i : {0, 1})
    if (getConstant(cosine[i]) != 1 &&
        failed(checkSame(op, cosine[i], i == 0 ? g.batch : g.length, "sizes of the angles and of X")))
      return failure();
  return g;
}

LogicalResult RotaryEmbeddingOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkFloat(*this, getX(), "X")) || failed(RotaryGeometry::get(*this)))
    return failure();
  Type element = getElementTypeOrSelf(getX());
  if (getElementTypeOrSelf(getCosCache()) != element || getElementTypeOrSelf(getSinCache()) != element)
    return emitOpError("X, cos_cache and sin_cache have different element types");
  types.push_back(getX().getType());
  return success();
}

FailureOr<SmallVector<Value>> RotaryEmbeddingOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto geometry = RotaryGeometry::get(*this);
  if (failed(geometry))
    return failure();
  RotaryGeometry &g = *geometry;
  AffineExpr half = g.half, one = b.getAffineConstantExpr(1), two = one + one;
  Lowered x = getLowered(*this, operands, 0);
  Dims heads = g.packed ? Dims{g.batch, g.length, g.heads, g.size} : Dims{g.batch, g.heads, g.length, g.size};
  if (g.packed)
    x = reshape(b, x, heads);
  AffineExpr rest = simplify(g.size - half * 2);
  b.requireNonNegative(rest, "RotaryEmbedding: the heads are smaller than what is turned");
  if (getRotaryEmbeddingDim() == 0)
    b.requireEqual(half * 2, g.size, "RotaryEmbedding: the elements of a head can't be turned in pairs");

  // Angles for each batch and position.
  SmallVector<int64_t> along = g.packed ? SmallVector<int64_t>{0, 1, 3} : SmallVector<int64_t>{0, 2, 3};
  Dims space(heads);
  space.back() = half;
  Fields fields(b, space);
  auto angles = [&](unsigned i) {
    Lowered cache = getLowered(*this, operands, i);
    if (operands[3]) {
      Lowered ids = getLowered(*this, operands, 3);
      auto gather = make<GatherOp>(b, {b.lift(cache.value, cache.type), b.lift(ids.value, ids.type)});
      assert(gather && "rows of a matrix");
      Value rows = gather.getOutput();
      cache = {b.lower(rows), cast<RankedTensorType>(rows.getType())};
    }
    Dims wanted{g.batch, g.length, half};
    for (auto [size, expected] : llvm::zip_equal(cache.dims(), wanted))
      if (getConstant(size) != 1 || expected == half)
        b.requireEqual(size, expected, "RotaryEmbedding: the angles do not fit X");
    return fields.along(cache, along);
  };
  Field cosine = angles(1), sine = angles(2);

  // The first and the second element of every pair.
  bool interleaved = getInterleaved() != 0;
  Lowered pairs;
  SmallVector<OpFoldResult> zeros(4, b.getIndexAttr(0));
  Dims turnedDims(heads);
  turnedDims.back() = half * 2;
  Lowered turned = rest == b.getAffineConstantExpr(0) ? x : slice(b, x, zeros, turnedDims, turnedDims);
  Dims pairDims(ArrayRef(heads).drop_back());
  pairDims.append(interleaved ? Dims{half, two} : Dims{two, half});
  pairs = reshape(b, turned, pairDims);
  unsigned pairAxis = interleaved ? 4 : 3;
  auto part = [&](int64_t which) {
    SmallVector<OpFoldResult> offsets(5, b.getIndexAttr(0));
    offsets[pairAxis] = b.getIndexAttr(which);
    Dims sizes(pairDims);
    sizes[pairAxis] = one;
    return fields.all(slice(b, pairs, offsets, sizes, space));
  };
  Field first = part(0), second = part(1);
  Field real = fields.map({first, second, cosine, sine}, x.element(),
                          [](ArrayRef<Scalar> e) { return e[2] * e[0] - e[3] * e[1]; });
  Field imaginary = fields.map({first, second, cosine, sine}, x.element(),
                               [](ArrayRef<Scalar> e) { return e[3] * e[0] + e[2] * e[1]; });

  SmallVector<Lowered> parts;
  if (interleaved) {
    Dims single(space);
    single.push_back(one);
    Lowered both = concatenate(b, {reshape(b, real.tensor, single), reshape(b, imaginary.tensor, single)}, 4);
    parts.push_back(reshape(b, both, turnedDims));
  } else {
    parts = {real.tensor, imaginary.tensor};
  }
  if (rest != b.getAffineConstantExpr(0)) {
    SmallVector<OpFoldResult> offsets(zeros);
    offsets.back() = b.materialize(half * 2);
    Dims restDims(heads);
    restDims.back() = rest;
    parts.push_back(slice(b, x, offsets, restDims, restDims));
  }
  Lowered y = concatenate(b, parts, 3);
  return SmallVector<Value>{reshape(b, y, getDims(getY())).value};
}

//===- FlexAttention --------------------------------------------------------------------===//

/// Heads of keys or values [batch, heads, length, size], repeated so that there are as many as in `queries`.
static Value repeatHeads(NodeForm &node, Value value, Value queries) {
  if (getDims(value)[1] == getDims(queries)[1])
    return value;
  auto sizes = [&](Value of, int64_t first, int64_t end) {
    return build<ShapeOp>(node, of, {intAttr(node, "start", first), intAttr(node, "end", end)});
  };
  auto join = [&](ArrayRef<Value> parts) { return build<ConcatOp>(node, parts, intAttr(node, "axis", 0)); };
  Value heads = sizes(value, 1, 2), batch = sizes(value, 0, 1), rest = sizes(value, 2, 4),
        wanted = sizes(queries, 1, 2);
  Value repeated = build<ExpandOp>(
      node, {unsqueeze(node, value, 2), join({batch, heads, build<DivOp>(node, {wanted, heads}), rest})});
  return build<ReshapeOp>(node, {repeated, join({batch, wanted, rest})});
}

/// Attention with graphs between its steps. Without any it is Attention; with some it is what the specification's
/// function body says, and the graphs are part of it.
static LogicalResult expandFlexAttention(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  Value q = node.operand(0), k = node.operand(1), v = node.operand(2);
  Type element = getElementTypeOrSelf(q);
  for (Value value : {q, k, v})
    if (getDims(value).size() != 4 || !isa<FloatType>(getElementTypeOrSelf(value)))
      return node.error() << "Q, K and V must hold floating-point numbers and have rank 4";
  int64_t inDefault = getOnnxType(element.isF64() ? element : node.b.getF32Type());
  NamedAttribute precision = intAttr(node, "softmax_precision", takeInt(node, "softmax_precision", inDefault));
  auto scale = dyn_cast_or_null<FloatAttr>(node.take("scale"));
  const NodeGraph *scoreGraph = node.graph("score_mod"), *weightGraph = node.graph("prob_mod");
  if (!scoreGraph && !weightGraph) {
    SmallVector<NamedAttribute> attributes{precision};
    if (scale)
      attributes.push_back(node.b.getNamedAttr("scale", scale));
    Value none = absent(node);
    return finish(node, build<AttentionOp>(node, {q, k, v, none, none, none, none}, attributes));
  }
  auto many = getConstant(getDims(q)[1]), few = getConstant(getDims(k)[1]);
  if (many && few && (*few == 0 || *many % *few != 0))
    return node.error() << *many << " heads of Q are no multiple of " << *few << " heads of K";
  auto cast = [&](Value value, int64_t to) { return build<CastOp>(node, value, intAttr(node, "to", to)); };
  int64_t f32 = getOnnxType(node.b.getF32Type()), wide = llvm::cast<IntegerAttr>(precision.getValue()).getSInt();
  // The factor is the same on both sides, so that no product is larger than it need be.
  Value factor;
  if (scale)
    factor = node.scalar(scale.getValueAsDouble(), node.b.getF32Type());
  else
    factor =
        build<ReciprocalOp>(node, build<SqrtOp>(node, cast(build<ShapeOp>(node, q, intAttr(node, "start", 3)), f32)));
  factor = cast(build<SqrtOp>(node, factor), getOnnxType(element));
  k = build<TransposeOp>(node, build<MulOp>(node, {repeatHeads(node, k, q), factor}),
                         intsAttr(node, "perm", {0, 1, 3, 2}));
  Value score = cast(build<MatMulOp>(node, {build<MulOp>(node, {q, factor}), k}), wide);
  auto modify = [&](StringRef name, const NodeGraph *graph, Value value) -> Value {
    if (!graph || !value)
      return value;
    auto results = (*graph)(value);
    if (failed(results))
      return {};
    if (results->size() != 1 || !results->front() ||
        getElementTypeOrSelf(results->front()) != getElementTypeOrSelf(value) ||
        getDims(results->front()).size() != 4) {
      node.error() << name << " must give one tensor like its input";
      return {};
    }
    return results->front();
  };
  score = modify("score_mod", scoreGraph, score);
  Value weights = modify("prob_mod", weightGraph, build<SoftmaxOp>(node, score, intAttr(node, "axis", 3)));
  return finish(node, build<MatMulOp>(node, {cast(weights, getOnnxType(element)), repeatHeads(node, v, q)}));
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Attention.cpp.inc"

void onnxc::onnx::registerAttentionOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Attention.cpp.inc"
      >();
  dialect.addUpgrade("FlexAttention", /*below=*/std::numeric_limits<int64_t>::max(), expandFlexAttention,
                     "ai.onnx.preview");
}
