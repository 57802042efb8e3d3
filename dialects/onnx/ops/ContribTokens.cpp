//===- dialects/onnx/ops/ContribTokens.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tokens of language models, their n-grams and hashes, and how sequences lie next to each other (domain com.microsoft).
// What the operators mean: ContribOperators.md and the kernels of onnxruntime.
#include "dialects/onnx/ops/ContribTokens.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/PackedTexts.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Text.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

//===- NGramRepeatBlock ---------------------------------------------------------------===//

LogicalResult NGramRepeatBlockOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims ids = getDims(getInputIds()), scores = getDims(getScores());
  if (ids.size() != 2 || scores.size() != 2 || !isa<FloatType>(getElementTypeOrSelf(getScores())))
    return emitOpError("input_ids must be [batch, length], and scores floats [batch, vocabulary]");
  if (auto a = getConstant(ids[0]), b = getConstant(scores[0]); a && b && *a != *b)
    return emitOpError("input_ids has batch size ") << *a << ", scores " << *b;
  if (getNgramSize() < 1)
    return emitOpError("ngram_size ") << getNgramSize() << " is not positive";
  types.push_back(getScores().getType());
  return success();
}

/// A token is banned where the n - 1 tokens before it are those that the text ends with.
FailureOr<SmallVector<Value>> NGramRepeatBlockOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getInputIds()), scores = getDims(getScores());
  b.requireEqual(dims[0], scores[0], "NGramRepeatBlock: input_ids and scores have different batch sizes");
  Value ids = operands[0], length = b.materializeIndex(dims[1]), words = b.materializeIndex(scores[1]);
  Value before = b.index(getNgramSize() - 1);
  Value places = arith::MaxSIOp::create(b, arith::SubIOp::create(b, length, before), b.index(0));
  auto type = cast<FloatType>(getElementTypeOrSelf(getScores()));
  auto visit = [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange carried) -> SmallVector<Value> {
    Value isTrue = arith::ConstantOp::create(body, body.getBoolAttr(true));
    Value isSame = makeLoops(
        body, before, isTrue, [&](ImplicitLocOpBuilder &inner, ValueRange j, ValueRange so) -> SmallVector<Value> {
          IndexMath math{inner};
          Value here[] = {at[0], math.add(at[1], j[0])}, last[] = {at[0], math.add(math.sub(length, before), j[0])};
          Value equal =
              arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, tensor::ExtractOp::create(inner, ids, here),
                                    tensor::ExtractOp::create(inner, ids, last));
          return {arith::AndIOp::create(inner, so[0], equal)};
        })[0];
    IndexMath math{body};
    Value next[] = {at[0], math.add(at[1], before)};
    Value token = arith::IndexCastOp::create(body, body.getIndexType(), tensor::ExtractOp::create(body, ids, next));
    // One unsigned comparison says 0 <= token < words.
    Value isWord = arith::CmpIOp::create(body, arith::CmpIPredicate::ult, token, words);
    Value differs = arith::XOrIOp::create(body, isSame, isTrue);
    cf::AssertOp::create(body, arith::OrIOp::create(body, isWord, differs),
                         "NGramRepeatBlock: a token is not in the vocabulary");
    Value banned = arith::AndIOp::create(body, isSame, isWord);
    Value entry[] = {at[0], math.select(banned, token, math.constant(0))};
    Value none = arith::ConstantOp::create(
        body, body.getFloatAttr(type, llvm::APFloat::getInf(type.getFloatSemantics(), /*Negative=*/true)));
    Value score = tensor::ExtractOp::create(body, carried[0], entry);
    score = arith::SelectOp::create(body, banned, none, score);
    return {tensor::InsertOp::create(body, score, carried[0], entry)};
  };
  // Without a vocabulary there is nothing to ban.
  Value some = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, words, b.index(0));
  places = arith::SelectOp::create(b, some, places, b.index(0));
  return SmallVector<Value>{makeLoops(b, {b.materializeIndex(dims[0]), places}, operands[1], visit)[0]};
}

//===- BifurcationDetector --------------------------------------------------------------===//

LogicalResult BifurcationDetectorOp::inferTypes(SmallVectorImpl<Type> &types) {
  for (Value tokens : {Value(getSrcTokens()), Value(getCurTokens()), Value(getPredTokens())})
    if (auto type = dyn_cast<RankedTensorType>(tokens.getType()); type && type.getRank() != 1)
      return emitOpError("takes lists of tokens, not tensors of rank ") << type.getRank();
  if (getMinNgramSize() < 1 || getMaxNgramSize() < getMinNgramSize())
    return emitOpError("needs 1 <= min_ngram_size <= max_ngram_size");
  AffineExpr count = isa<NoneType>(getPredTokens().getType()) ? getDims(getCurTokens())[0] : freshSymbol(*this, 0, 0);
  types.push_back(makeTensor({count}, IntegerType::get(getContext(), 64)));
  types.push_back(getPrevSuffixMatchIdx().getType());
  return success();
}

FailureOr<SmallVector<Value>> BifurcationDetectorOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  bool hasPredicted = static_cast<bool>(operands[3]);
  Value sizes = b.numbers({getMinNgramSize(), getMaxNgramSize(), hasPredicted});
  SmallVector<Value> inputs{operands[0], operands[1], operands[2], sizes};
  SmallVector<Type> types{getSrcTokens().getType(), getCurTokens().getType(), getPrevSuffixMatchIdx().getType(),
                          sizes.getType()};
  if (hasPredicted) {
    inputs.push_back(operands[3]);
    types.push_back(getPredTokens().getType());
  }
  SmallVector<Value> results = b.call(
      "onnxc_detect_bifurcation", inputs, types, getSuffixMatchIdx().getType(), getTokens().getType(),
      {"BifurcationDetector: prev_suffix_match_idx is no index of src_tokens",
       "BifurcationDetector: pred_tokens is not one longer than what src_tokens has from prev_suffix_match_idx on"});
  return SmallVector<Value>{results[1], results[0]};
}

//===- MurmurHash3 ------------------------------------------------------------------------===//

LogicalResult MurmurHash3Op::inferTypes(SmallVectorImpl<Type> &types) {
  Type element = getElementTypeOrSelf(getX());
  if (!isa<StringType>(element) && getElementBits(element) != 32 && getElementBits(element) != 64)
    return emitOpError("takes numbers of 32 or 64 bits, or strings, not ") << getElementTypeName(element);
  auto sign = getPositive() ? IntegerType::Unsigned : IntegerType::Signless;
  types.push_back(withElementType(getX().getType(), IntegerType::get(getContext(), 32, sign)));
  return success();
}

FailureOr<SmallVector<Value>> MurmurHash3Op::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Value seed = b.numbers(getSeed());
  return b.call("onnxc_murmur_hash", {operands[0], seed}, {getX().getType(), seed.getType()}, getType(), {});
}

//===- DynamicTimeWarping -----------------------------------------------------------------===//

LogicalResult DynamicTimeWarpingOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getInput());
  if (dims.size() != 2 && (dims.size() != 3 || getConstant(dims[0]).value_or(1) != 1))
    return emitOpError("takes a matrix, or a batch of one");
  types.push_back(makeTensor({makeDim(getContext(), 2), freshSymbol(*this, 0, 1)}, IntegerType::get(getContext(), 32)));
  return success();
}

FailureOr<SmallVector<Value>> DynamicTimeWarpingOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getInput());
  if (dims.size() == 3)
    b.requireEqual(dims[0], makeDim(getContext(), 1), "DynamicTimeWarping: takes a batch of one");
  return b.call("onnxc_warp_time", operands, getInput().getType(), {}, getType());
}

//===- Hashes of n-grams ------------------------------------------------------------------===//

namespace {
/// What the n-gram operators have in common. Their tokens are a history of max_ngram_size - 1 of them, followed by the
/// input: place 0 is the first of the history.
struct NGrams {
  int64_t longest, heads; ///< of an n-gram; hashes for each length
  Type type;
  Value fill;  ///< stands for tokens before the first, and beyond a boundary: [1] or []
  bool resets; ///< at the end-of-text token

  static FailureOr<NGrams> take(NodeForm &node, Value eos) {
    auto type = getOperandType(node, 0);
    if (failed(type) || failed(requireOperands(node, 3)))
      return failure();
    NGrams grams{takeInt(node, "max_ngram_size", 0), takeInt(node, "n_head_per_ngram", 0), type->getElementType(), eos,
                 takeInt(node, "reset_on_eos", 0) != 0 && eos};
    int64_t pad = takeInt(node, "pad_id", 0);
    constexpr int64_t most = 1 << 12; // every place of an n-gram is written out
    if (grams.longest < 2 || grams.longest > most || grams.heads < 1 || grams.heads > most)
      return node.error() << "max_ngram_size must be 2 to " << most << ", n_head_per_ngram 1 to " << most;
    if (grams.type.isInteger(32) && !llvm::isInt<32>(pad))
      return node.error() << "pad_id " << pad << " is no int32, which the tokens are";
    if (!eos)
      grams.fill = castTo(node, node.constant({pad}), grams.type);
    return grams;
  }
  int64_t past() const { return longest - 1; }

  /// The hashes on a new last dimension: of n-grams of 2 tokens, of 3, and so on. tokens[k] is the token k places
  /// before each; boundaries[k] (absent, or one for each k > 0) whether the text begins anew behind it.
  Value hash(NodeForm &node, ArrayRef<Value> tokens, ArrayRef<Value> boundaries, Value offsets) const {
    Value multipliers = node.operand(1), sizes = node.operand(2);
    auto part = [&](Value of, int64_t from, int64_t to) {
      return slice(node, of, 0, node.constant({from}), node.constant({to}));
    };
    Value mix, isBeyond;
    SmallVector<Value> hashes;
    for (int64_t k = 0; k < longest; ++k) {
      Value token = tokens[k];
      if (k > 0 && !boundaries.empty()) {
        isBeyond = k == 1 ? boundaries[k] : build<OrOp>(node, {isBeyond, boundaries[k]});
        token = build<WhereOp>(node, {isBeyond, fill, token});
      }
      Value product = build<MulOp>(node, {token, part(multipliers, k, k + 1)});
      mix = k == 0 ? product : build<BitwiseXorOp>(node, {mix, product});
      if (k > 0)
        hashes.push_back(build<ModOp>(node, {unsqueeze(node, mix, -1), part(sizes, (k - 1) * heads, k * heads)}));
    }
    Value all = build<ConcatOp>(node, hashes, intAttr(node, "axis", -1));
    return offsets ? build<AddOp>(node, {all, offsets}) : all;
  }
};
} // namespace

static Value differs(NodeForm &node, Value a, Value b) { return build<NotOp>(node, build<EqualOp>(node, {a, b})); }

/// Tokens [batch, length].
static LogicalResult expandNGramHashMapping(NodeForm &node) {
  auto grams = NGrams::take(node, node.operand(5));
  if (failed(grams))
    return failure();
  Value ids = node.operand(0), history = node.operand(3), segments = node.operand(6);
  int64_t past = grams->past();
  if (getDims(ids).size() != 2)
    return node.error() << "input_ids must be [batch, length]";
  Value shape = build<ConcatOp>(node, {dimensionOf(node, ids, 0), node.constant({past})}, intAttr(node, "axis", 0));
  if (!history)
    history = build<ExpandOp>(node, {grams->fill, shape});
  Value all = build<ConcatOp>(node, {history, ids}, intAttr(node, "axis", 1));
  auto before = [&](Value of, int64_t k) {
    return slice(node, of, 1, node.constant({past - k}), k == 0 ? Value() : node.constant({-k}));
  };
  Value boundaries;
  if (grams->resets)
    boundaries = build<EqualOp>(node, {all, grams->fill});
  if (segments) {
    // Behind a token whose successor is in another segment; the last has none. The history is not looked at.
    Value one = node.constant({1}), last = node.constant({-1});
    Value next = build<ConcatOp>(node, {slice(node, segments, 1, one), slice(node, segments, 1, last)},
                                 intAttr(node, "axis", 1));
    Value none = build<ExpandOp>(node, {node.scalar(0, node.b.getI1Type()), shape});
    Value changes = build<ConcatOp>(node, {none, differs(node, segments, next)}, intAttr(node, "axis", 1));
    boundaries = boundaries ? build<OrOp>(node, {boundaries, changes}) : changes;
  }
  SmallVector<Value> tokens, ends;
  for (int64_t k = 0; k < grams->longest; ++k) {
    tokens.push_back(before(all, k));
    if (boundaries)
      ends.push_back(before(boundaries, k));
  }
  Value hashes = grams->hash(node, tokens, ends, node.operand(4));
  return finish(node, {hashes, slice(node, all, 1, node.constant({-past}))});
}

/// Tokens of several texts in a row: text i begins at cumulative_sequence_length[i].
static LogicalResult expandVarlenNGramHashMapping(NodeForm &node) {
  auto grams = NGrams::take(node, node.operand(6));
  if (failed(grams))
    return failure();
  Value ids = node.operand(0), starts = node.operand(3), history = node.operand(4), segments = node.operand(7);
  int64_t capacity = takeInt(node, "state_update_capacity", 0);
  constexpr int64_t most = 1 << 12; // slots are written out
  if (!starts || getDims(ids).size() != 1 || getDims(starts).size() != 1)
    return node.error() << "input_ids and cumulative_sequence_length must be lists";
  if (capacity < 0 || capacity > most || (capacity > 0) != static_cast<bool>(node.operand(9)))
    return node.error() << "capture_count must be given where state_update_capacity is positive, and only there";
  PackedTexts texts(node, starts, ids, node.scalar(grams->past(), node.b.getI64Type()));
  if (!texts.place)
    return failure();
  auto historyOf = [&](Value given, Value otherwise) {
    Value shape = build<ConcatOp>(node, {texts.count, node.constant({grams->past()})}, intAttr(node, "axis", 0));
    return given ? given : build<ExpandOp>(node, {otherwise, shape});
  };
  history = historyOf(history, grams->fill);
  Value oldSegments;
  if (segments) // without any, those of the first token
    oldSegments = historyOf(node.operand(8), unsqueeze(node, build<GatherOp>(node, {segments, texts.begins}), 1));
  SmallVector<Value> tokens, boundaries;
  Value successor;
  for (int64_t k = 0; k < grams->longest; ++k) {
    Value p = texts.sub(texts.place, texts.number(k));
    tokens.push_back(texts.fetch(ids, history, texts.text, p));
    Value segment = segments ? texts.fetch(segments, oldSegments, texts.text, p) : Value();
    Value boundary = grams->resets ? build<EqualOp>(node, {tokens.back(), grams->fill}) : Value();
    if (segments && k > 0) {
      Value changes = differs(node, segment, successor);
      boundary = boundary ? build<OrOp>(node, {boundary, changes}) : changes;
    }
    successor = segment;
    if (grams->resets || segments)
      boundaries.push_back(boundary);
  }
  // The last tokens of each text [texts, past], as the history of the next call.
  Value rows = unsqueeze(node, texts.texts(), 1), last = texts.lastPlaces();
  SmallVector<Value> results{grams->hash(node, tokens, boundaries, node.operand(5)),
                             texts.fetch(ids, history, rows, last),
                             segments ? texts.fetch(segments, oldSegments, rows, last) : absent(node)};
  if (capacity > 0) {
    // The same after each of the first `capture_count` tokens [texts, capacity, past]; nothing but fill for others.
    Value slots = node.constant(llvm::to_vector(llvm::seq<int64_t>(1, capacity + 1)));
    Value columns = node.constant(llvm::to_vector(llvm::seq<int64_t>(0, grams->past())));
    Value after = texts.add(unsqueeze(node, slots, 1), columns);
    Value state = texts.fetch(ids, history, unsqueeze(node, rows, 2), unsqueeze(node, after, 0));
    Value isKept = unsqueeze(node, texts.captured(node.operand(9), capacity), 2);
    results.push_back(build<WhereOp>(node, {isKept, state, grams->fill}));
  }
  return finish(node, results);
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/ContribTokens.cpp.inc"

void onnxc::onnx::registerContribTokensOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/ContribTokens.cpp.inc"
      >();
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "com.microsoft");
  };
  add("NGramHashMapping", expandNGramHashMapping);
  add("VarlenNGramHashMapping", expandVarlenNGramHashMapping);
}
