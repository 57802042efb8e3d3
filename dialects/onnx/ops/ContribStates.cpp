//===- dialects/onnx/ops/ContribStates.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layers of language models that carry a state from step to step, or that say where a step is (domain com.microsoft):
// causal convolutions, linear attention, an LSTM with attention, rotary embeddings of several positions, and the
// routing of experts. Import makes them of operators of ai.onnx. What they mean: ContribOperators.md and the kernels of
// onnxruntime.
#include "dialects/onnx/ops/ContribStates.h"
#include "dialects/onnx/ops/Attention.h"
#include "dialects/onnx/ops/ControlFlow.h"
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Recurrent.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/ops/Softmax.h"
#include "dialects/onnx/ops/Sorting.h"
#include "dialects/onnx/support/MakeLoop.h"
#include "dialects/onnx/support/PackedTexts.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

static Value wide(NodeForm &node, Value x) { return castTo(node, x, node.b.getF32Type()); }
static Value number(NodeForm &node, double value) { return node.scalar(value, node.b.getF32Type()); }

static Value permute(NodeForm &node, Value x, ArrayRef<int64_t> order) {
  return build<TransposeOp>(node, x, intsAttr(node, "perm", order));
}

static Value join(NodeForm &node, ArrayRef<Value> parts, int64_t axis) {
  return build<ConcatOp>(node, parts, intAttr(node, "axis", axis));
}

static StringRef takeText(NodeForm &node, StringRef name, StringRef otherwise) {
  auto text = dyn_cast_or_null<StringAttr>(node.take(name));
  return text ? text.getValue() : otherwise;
}

/// Attributes that only kernels of other devices have.
static LogicalResult refuse(NodeForm &node, ArrayRef<std::pair<StringRef, int64_t>> defaults) {
  for (auto [name, value] : defaults)
    if (int64_t given = takeInt(node, name, value); given != value)
      return node.error() << name << " " << given << " is not supported: it must be " << value;
  return success();
}

//===- Causal convolutions ----------------------------------------------------------------===//

namespace {
/// A filter [channels, 1, kernel], and what comes after it.
struct CausalFilter {
  Value weight, bias;            ///< bias may be absent
  std::optional<int64_t> kernel; ///< where it is known
  int64_t dilation;
  bool isSilu;

  static FailureOr<CausalFilter> take(NodeForm &node, Value weight, Value bias) {
    StringRef activation = takeText(node, "activation", "none");
    if (activation != "none" && activation != "silu" && activation != "swish")
      return node.error() << "activation is \"none\", \"silu\" or \"swish\", not \"" << activation << '"';
    auto kernel = getDims(weight).size() == 3 ? getConstant(getDims(weight)[2]) : 0;
    int64_t dilation = takeInt(node, "dilation", 1), known = kernel.value_or(1);
    constexpr int64_t most = 1 << 16; // of the places that a filter reaches back
    if (known < 1 || dilation < 1 || known > most || dilation > most / known)
      return node.error() << "weight must be [channels, 1, kernel] with a positive kernel, and dilation positive";
    return CausalFilter{weight, bias, kernel, dilation, activation != "none"};
  }
  /// How many places it reaches back: int64 [1].
  Value reach(NodeForm &node) const {
    if (kernel)
      return node.constant((*kernel - 1) * dilation);
    Value before = build<SubOp>(node, {dimensionOf(node, weight, 2), node.constant(1)});
    return build<MulOp>(node, {before, node.constant(dilation)});
  }
  Value activate(NodeForm &node, Value y) const { return isSilu ? build<SwishOp>(node, y) : y; }
};
} // namespace

/// [batch, channels, length], or with the channels last, in as many dimensions as they have.
static LogicalResult expandCausalConv(NodeForm &node) {
  auto type = getOperandType(node, 0);
  if (failed(type) || failed(requireOperands(node, 2)) ||
      failed(refuse(node, {{"ndim", 1},
                           {"state_window", 0},
                           {"state_update_capacity", 0},
                           {"input_channel_offset", 0},
                           {"input_channels", 0},
                           {"state_length", 0},
                           {"state_channels_last", -1}})))
    return failure();
  if (node.resultCount > 2)
    return node.error() << "state_update is not supported as a result";
  bool isLast = takeInt(node, "channels_last", 0) != 0;
  auto filter = CausalFilter::take(node, node.operand(1), node.operand(2));
  if (failed(filter))
    return failure();
  if (type->getRank() < 3 || (!isLast && type->getRank() != 3))
    return node.error() << "input must be [batch, channels, length], it has rank " << type->getRank();
  Value given = node.operand(0), past = node.operand(3), reach = filter->reach(node);
  auto count = getConstant(getDims(filter->weight)[0]);
  Value channels = count    ? node.constant(*count)
                   : isLast ? dimensionOf(node, filter->weight, 0)
                            : dimensionOf(node, given, 1);
  auto toFront = [&](Value x) {
    if (!isLast || !x)
      return x;
    Value shape = join(node, {build<ShapeOp>(node, x, intAttr(node, "end", 2)), channels}, 0);
    return permute(node, build<ReshapeOp>(node, {x, shape}), {0, 2, 1});
  };
  Value x = toFront(given);
  if (past) {
    past = toFront(past);
  } else {
    Value shape = join(node, {dimensionOf(node, x, 0), channels, reach}, 0);
    past = build<ExpandOp>(node, {node.scalar(0, type->getElementType()), shape});
  }
  Value all = join(node, {past, x}, 2);
  Value y;
  if (count && filter->kernel) {
    y = build<ConvOp>(node, {all, filter->weight, orAbsent(node, filter->bias)},
                      {intAttr(node, "group", *count), intsAttr(node, "dilations", {filter->dilation})});
  } else { // by its definition: there is no group of a convolution to name
    Value size = dimensionOf(node, filter->weight, 2);
    Value taps = build<MulOp>(node, {countTo(node, size), node.constant(filter->dilation)});
    Value places = build<AddOp>(node, {unsqueeze(node, countTo(node, dimensionOf(node, x, 2)), 1), taps});
    Value weight = build<ReshapeOp>(node, {filter->weight, join(node, {channels, node.constant(1), size}, 0)});
    Value terms = build<MulOp>(node, {build<GatherOp>(node, {all, places}, intAttr(node, "axis", 2)), weight});
    y = build<ReduceSumOp>(node, {terms, node.constant(3)}, intAttr(node, "keepdims", 0));
    if (filter->bias) {
      Value bias = build<ReshapeOp>(node, {filter->bias, join(node, {channels, node.constant(1)}, 0)});
      y = build<AddOp>(node, {y, bias});
    }
  }
  Value state = slice(node, all, 2, build<SubOp>(node, {dimensionOf(node, all, 2), reach}));
  auto toBack = [&](Value z) {
    if (!isLast || !z)
      return z;
    Value shape = join(node,
                       {build<ShapeOp>(node, permute(node, z, {0, 2, 1}), intAttr(node, "end", 2)),
                        build<ShapeOp>(node, given, intAttr(node, "start", 2))},
                       0);
    return build<ReshapeOp>(node, {permute(node, z, {0, 2, 1}), shape});
  };
  return finish(node, {toBack(filter->activate(node, y)), toBack(state)});
}

/// The same for several sequences one behind the other: [tokens, channels].
static LogicalResult expandVarlenCausalConv(NodeForm &node) {
  if (!node.operand(0) || !node.operand(1) || !node.operand(2) || !node.operand(4))
    return node.error() << "input, weight, cumulative_sequence_length and initial_state must be given";
  if (node.operand(6) || node.operand(7))
    return node.error() << "kernel_delta and previous_mask are not supported";
  node.take("delta_offset");
  node.take("group_size");
  Value x = node.operand(0), state = node.operand(4);
  int64_t capacity = takeInt(node, "state_update_capacity", 0);
  constexpr int64_t most = 1 << 12; // slots are written out
  if (capacity < 0 || capacity > most || (capacity > 0) != static_cast<bool>(node.operand(5)))
    return node.error() << "capture_count must be given where state_update_capacity is positive, and only there";
  auto filter = CausalFilter::take(node, node.operand(1), node.operand(3));
  if (failed(filter))
    return failure();
  if (getDims(x).size() != 2 || getDims(state).size() != 3 || getDims(node.operand(2)).size() != 1)
    return node.error() << "input must be [tokens, channels], initial_state [batch, channels, length]";
  Value past = reshape(node, filter->reach(node), {});
  PackedTexts texts(node, node.operand(2), x, past);
  if (!texts.place)
    return failure();
  Type type = getElementTypeOrSelf(x);
  // Its length is that of the filter's reach: the run checks it.
  Value stateShape = join(node, {dimensionOf(node, state, 0), dimensionOf(node, x, 1), filter->reach(node)}, 0);
  state = build<ReshapeOp>(node, {state, stateShape}, intAttr(node, "allowzero", 1));
  if (!state)
    return failure();
  Value history = permute(node, state, {0, 2, 1}), taps = wide(node, permute(node, filter->weight, {2, 1, 0}));
  Value sum = filter->bias ? wide(node, filter->bias) : Value();
  if (!filter->kernel) { // all taps at once: [tokens, kernel, channels]
    taps = build<SqueezeOp>(node, {taps, node.constant({1})});
    Value back = texts.sub(past, build<MulOp>(node, {countTo(node, dimensionOf(node, taps, 0)),
                                                     node.scalar(filter->dilation, node.b.getI64Type())}));
    Value p = texts.sub(unsqueeze(node, texts.place, 1), back);
    Value terms = build<MulOp>(node, {wide(node, texts.fetch(x, history, unsqueeze(node, texts.text, 1), p)), taps});
    Value all = build<ReduceSumOp>(node, {terms, node.constant({1})}, intAttr(node, "keepdims", 0));
    sum = sum ? build<AddOp>(node, {sum, all}) : all;
  }
  for (int64_t k = 0, count = filter->kernel.value_or(0); k < count; ++k) {
    Value p = texts.sub(texts.place, texts.number((count - 1 - k) * filter->dilation));
    Value tap =
        build<SqueezeOp>(node, {slice(node, taps, 0, node.constant({k}), node.constant({k + 1})), node.constant({0})});
    Value term = build<MulOp>(node, {wide(node, texts.fetch(x, history, texts.text, p)), tap});
    sum = sum ? build<AddOp>(node, {sum, term}) : term;
  }
  Value rows = unsqueeze(node, texts.texts(), 1);
  bool hasPast = filter->kernel.value_or(2) > 1;
  Value last = hasPast ? permute(node, texts.fetch(x, history, rows, texts.lastPlaces()), {0, 2, 1}) : state;
  SmallVector<Value> results{castTo(node, filter->activate(node, sum), type), last};
  if (capacity > 0) {
    Value slots = texts.add(past, node.constant(llvm::to_vector(llvm::seq<int64_t>(0, capacity))));
    Value inputs = texts.fetch(x, history, rows, unsqueeze(node, slots, 0));
    Value isKept = unsqueeze(node, texts.captured(node.operand(5), capacity), 2);
    results.push_back(build<WhereOp>(node, {isKept, inputs, node.scalar(0, type)}));
  }
  return finish(node, results);
}

//===- Linear attention --------------------------------------------------------------------===//

/// Heads in the last dimension, each as often in a row as makes `wanted` of them.
static Value repeatHeads(NodeForm &node, Value x, int64_t heads, int64_t wanted) {
  int64_t times = wanted / heads;
  if (times == 1 || !x)
    return x;
  Value split = unsqueeze(node, splitLast(node, x, {heads, -1}), 3);
  Value many = build<ExpandOp>(node, {split, node.constant({1, 1, 1, times, 1})});
  Value shape = join(node, {build<ShapeOp>(node, x, intAttr(node, "end", 2)), node.constant({-1})}, 0);
  return build<ReshapeOp>(node, {many, shape});
}

namespace {
/// The operands of LinearAttention of ai.onnx, [batch, time, heads * size] each. Here queries and keys may have fewer
/// heads than values, which then share them.
struct LinearOperands {
  Value query, key, value, past, decay, beta; ///< the last three may be absent
  int64_t queryHeads, keyHeads, valueHeads;
  StringRef rule;
  double scale;
  int64_t chunk;

  FailureOr<SmallVector<Value>> attend(NodeForm &node) const {
    int64_t queries = queryHeads, keys = keyHeads;
    if (queries < 1 || keys < 1 || valueHeads < 1 || valueHeads % keys != 0 ||
        (queries % valueHeads != 0 && valueHeads % queries != 0))
      return node.error() << "queries, keys and values have " << queries << ", " << keys << " and " << valueHeads
                          << " heads, which don't fit";
    bool isInverse = queries < valueHeads;
    Value q = isInverse ? repeatHeads(node, query, queries, valueHeads) : query;
    Value k = repeatHeads(node, key, keys, valueHeads);
    Value operands[] = {q,
                        k,
                        value,
                        orAbsent(node, past),
                        orAbsent(node, rule.starts_with("gated") ? decay : Value()),
                        orAbsent(node, rule.ends_with("delta") ? beta : Value())};
    if (llvm::is_contained(operands, Value()))
      return failure();
    auto op = make<LinearAttentionOp>(node.b, operands,
                                      {intAttr(node, "q_num_heads", isInverse ? valueHeads : queries),
                                       intAttr(node, "kv_num_heads", valueHeads), floatAttr(node, "scale", scale),
                                       intAttr(node, "chunk_size", chunk),
                                       node.b.getNamedAttr("update_rule", node.b.getStringAttr(rule))},
                                      2);
    if (!op)
      return failure();
    return SmallVector<Value>(op->getResults());
  }

  /// How the first `count` steps change the state S of every head, S' = decay * S + key * delta: all decays, then all
  /// keys, then all deltas [batch, ...]. Steps that are not there repeat the last one.
  FailureOr<Value> listChanges(NodeForm &node, int64_t count) const {
    SmallVector<Value> decays, keys, deltas;
    LinearOperands step = *this;
    Value last = build<SubOp>(node, {dimensionOf(node, key, 1), node.constant({1})});
    for (int64_t i = 0; i < count; ++i) {
      Value index = build<MinOp>(node, {node.constant({i}), last});
      auto take = [&](Value x) -> Value {
        return x ? build<GatherOp>(node, {x, index}, intAttr(node, "axis", 1)) : Value();
      };
      step.key = take(key), step.value = take(value), step.decay = take(decay), step.beta = take(beta);
      step.query = step.key, step.queryHeads = keyHeads;
      Value delta = step.value;
      if (rule.ends_with("delta")) {
        // A step that only decays the state and asks it for the key tells what is known of it.
        LinearOperands ask = step;
        ask.rule = rule.starts_with("gated") ? "gated" : "linear";
        ask.scale = 1;
        ask.value = build<SubOp>(node, {step.value, step.value});
        auto known = ask.attend(node);
        if (failed(known))
          return failure();
        delta = build<SubOp>(node, {delta, reshapeLike(node, (*known)[0], delta)});
        Value split = splitLast(node, delta, {valueHeads, -1});
        delta = reshapeLike(node, build<MulOp>(node, {split, unsqueeze(node, step.beta, -1)}), delta);
      }
      auto next = step.attend(node);
      if (failed(next))
        return failure();
      step.past = (*next)[1];
      Value ones = build<ExpandOp>(
          node, {number(node, 1), join(node, {dimensionOf(node, key, 0), node.constant({1, valueHeads})}, 0)});
      decays.push_back(rule.starts_with("gated") ? build<ExpOp>(node, step.decay) : ones);
      keys.push_back(step.key);
      deltas.push_back(delta);
    }
    SmallVector<Value> lists;
    for (ArrayRef<Value> list : {ArrayRef(decays), ArrayRef(keys), ArrayRef(deltas)}) {
      Value shape = join(node, {dimensionOf(node, key, 0), node.constant({-1})}, 0);
      lists.push_back(build<ReshapeOp>(node, {join(node, list, 1), shape}));
    }
    Value all = join(node, lists, 1);
    if (!all)
      return failure();
    return all;
  }
};
} // namespace

static LogicalResult expandLinearAttention(NodeForm &node) {
  if (failed(requireOperands(node, 3)) || failed(refuse(node, {{"state_window", 0}})))
    return failure();
  LinearOperands operands{node.operand(0),
                          node.operand(1),
                          node.operand(2),
                          node.operand(3),
                          node.operand(4),
                          node.operand(5),
                          takeInt(node, "q_num_heads", 0),
                          0,
                          takeInt(node, "kv_num_heads", 0),
                          takeText(node, "update_rule", "gated_delta"),
                          takeFloat(node, "scale", 0),
                          takeInt(node, "chunk_size", 64)};
  for (unsigned i = 0; i < 3; ++i)
    if (getDims(node.operand(i)).size() != 3)
      return node.error() << "query, key and value must be [batch, time, heads * size]";
  constexpr int64_t most = 1 << 20;
  if (operands.queryHeads < 1 || operands.valueHeads < 1 || operands.queryHeads > most || operands.valueHeads > most)
    return node.error() << "q_num_heads and kv_num_heads must be positive, and at most " << most;
  auto queries = getConstant(getDims(operands.query)[2]), keys = getConstant(getDims(operands.key)[2]);
  if (queries && keys) {
    if (*queries < 1 || *keys < 1 || *queries % operands.queryHeads != 0 ||
        *keys % (*queries / operands.queryHeads) != 0)
      return node.error() << "query and key have " << *queries << " and " << *keys << " columns, which don't fit "
                          << operands.queryHeads << " heads of queries";
    operands.keyHeads = *keys / (*queries / operands.queryHeads);
  } else { // the run sees how many heads of keys there are, and repeats them
    Value size = build<DivOp>(node, {dimensionOf(node, operands.query, 2), node.constant(operands.queryHeads)});
    Value heads = build<DivOp>(node, {dimensionOf(node, operands.key, 2), size}), ones = node.constant({1, 1, 1});
    Value times = build<DivOp>(node, {node.constant(operands.valueHeads), heads});
    Value front = build<ShapeOp>(node, operands.key, intAttr(node, "end", 2));
    Value split = build<ReshapeOp>(node, {operands.key, join(node, {front, heads, node.constant(1), size}, 0)});
    Value many = build<ExpandOp>(node, {split, join(node, {ones, times, node.constant(1)}, 0)});
    Value width = build<MulOp>(node, {size, node.constant(operands.valueHeads)});
    operands.key = build<ReshapeOp>(node, {many, join(node, {front, width}, 0)});
    operands.keyHeads = operands.valueHeads;
    if (!operands.key)
      return failure();
  }
  auto results = operands.attend(node);
  return succeeded(results) ? finish(node, *results) : failure();
}

/// Tokens [tokens, heads, size], or [batch, time, heads, size]. Sequences of different lengths are laid side by side,
/// with steps behind the shorter ones that change no state: keys and values are 0, and so is the logarithm of the
/// decay.
static LogicalResult expandGatedDeltaNet(NodeForm &node) {
  if (!node.operand(0))
    return node.error() << "query must be given";
  Value query = node.operand(0), key = node.operand(1), value = node.operand(2), starts = node.operand(3);
  Value decay = node.operand(4), beta = node.operand(5), past = node.operand(6);
  Type type = getElementTypeOrSelf(query);
  int64_t capacity = takeInt(node, "state_update_capacity", 0);
  constexpr int64_t mostSteps = 64; // those whose changes of the state are a result are written out
  if (capacity < 0 || capacity > mostSteps || (capacity > 0) != static_cast<bool>(node.operand(9)) ||
      (node.resultCount > 2 && capacity == 0))
    return node.error() << "state_update_capacity must be 0 to " << mostSteps
                        << ", and capture_count be given where it is positive";
  StringRef rule = takeText(node, "update_rule", "gated_delta"), gate = takeText(node, "gate_activation", "none");
  StringRef betaGate = takeText(node, "beta_activation", "none");
  bool normalizes = takeInt(node, "qk_l2_norm", 0) != 0;
  double bound = takeFloat(node, "gate_lower_bound", -5);
  if (!llvm::is_contained({"none", "softplus", "sigmoid", "kda"}, gate) ||
      !llvm::is_contained({"none", "sigmoid"}, betaGate))
    return node.error() << "gate_activation \"" << gate << "\" and beta_activation \"" << betaGate
                        << "\" must be none, softplus, sigmoid or kda, and none or sigmoid";
  if (!key != !value || (!key && !past) || (!starts && !past))
    return node.error() << "key and value must be given together, and initial_state where they are not or without "
                           "cu_seqlens";
  auto size = [&](Value x, int64_t fromEnd) {
    Dims dims = getDims(x);
    return static_cast<int64_t>(dims.size()) < fromEnd ? 0 : getConstant(dims[dims.size() - fromEnd]).value_or(0);
  };
  int64_t heads, valueHeads, keySize, valueSize, rank = getDims(query).size();
  if (key) {
    heads = size(query, 2), keySize = size(query, 1), valueHeads = size(value, 2), valueSize = size(value, 1);
  } else { // one behind the other, as many as the state says
    valueHeads = size(past, 3), valueSize = size(past, 2), keySize = size(past, 1);
    heads = keySize < 1 ? 0 : (size(query, 1) - valueHeads * valueSize) / (2 * keySize);
    ++rank;
  }
  if (heads < 1 || valueHeads < 1 || keySize < 1 || valueSize < 1 || (rank != 3 && rank != 4) || (starts && rank != 3))
    return node.error() << "query, key and value must be [tokens, heads, size] or, without cu_seqlens, "
                           "[batch, time, heads, size], with known heads and sizes";
  int64_t queries = heads * keySize, values = valueHeads * valueSize, features = rank - 2; // the axis of heads * size
  auto part = [&](int64_t from, int64_t to) {
    return slice(node, query, features, node.constant({from}), node.constant({to}));
  };
  // All of them as [tokens, width] or [batch, time, width] in f32.
  auto flat = [&](Value x, int64_t width) -> Value {
    if (!x)
      return {};
    Value shape = join(node, {build<ShapeOp>(node, x, intAttr(node, "end", features)), node.constant({width})}, 0);
    return build<ReshapeOp>(node, {wide(node, x), shape});
  };
  Value q = key ? flat(query, queries) : wide(node, part(0, queries));
  Value k = key ? flat(key, queries) : wide(node, part(queries, 2 * queries));
  Value v = key ? flat(value, values) : wide(node, part(2 * queries, 2 * queries + values));
  if (normalizes) {
    auto normalize = [&](Value x) {
      Value split = splitLast(node, x, {heads, keySize});
      Value squares = build<ReduceSumOp>(node, {build<MulOp>(node, {split, split}), node.constant({-1})});
      Value root = build<SqrtOp>(node, build<AddOp>(node, {squares, number(node, 1e-12)}));
      return reshapeLike(node, build<DivOp>(node, {split, root}), x);
    };
    q = normalize(q);
    k = normalize(k);
  }
  // The gates; per-head ones are [..., valueHeads], those of each key's element [..., valueHeads, keySize].
  if (rule.starts_with("gated")) {
    if (!decay)
      return node.error() << "update_rule " << rule << " needs decay";
    bool isPerKey = static_cast<int64_t>(getDims(decay).size()) == rank;
    Value g = wide(node, decay), aLog = node.operand(7), shift = node.operand(8);
    if (gate != "none" && !aLog)
      return node.error() << "gate_activation " << gate << " needs a_log";
    auto perHead = [&](Value x) { // [valueHeads], or one for each element of a key
      return isPerKey ? reshape(node, x, {valueHeads, -1}) : x;
    };
    if (gate != "none") {
      Value factor = build<ExpOp>(node, perHead(wide(node, aLog)));
      if (shift)
        g = build<AddOp>(node, {g, perHead(wide(node, shift))});
      if (gate == "softplus")
        g = build<NegOp>(node, build<MulOp>(node, {factor, build<SoftplusOp>(node, g)}));
      else
        g = build<MulOp>(node, {build<SigmoidOp>(node, build<MulOp>(node, {factor, g})), number(node, bound)});
    }
    decay = isPerKey ? flat(g, valueHeads * keySize) : g;
  }
  if (rule.ends_with("delta")) {
    if (!beta)
      return node.error() << "update_rule " << rule << " needs beta";
    beta = wide(node, beta);
    if (betaGate == "sigmoid")
      beta = build<SigmoidOp>(node, beta);
  }
  // [batch, time, width]
  std::optional<PackedTexts> texts;
  Value isToken;
  if (starts) {
    texts.emplace(node, starts, q, node.scalar(0, node.b.getI64Type()));
    if (!texts->place)
      return failure();
    Value longest = build<ReduceMaxOp>(node, {texts->lengths, node.constant({0})});
    Value steps = build<RangeOp>(node, {texts->number(0), reshape(node, longest, {}), texts->number(1)});
    steps = unsqueeze(node, steps, 0);
    Value rows = unsqueeze(node, texts->texts(), 1);
    isToken = unsqueeze(node, build<LessOp>(node, {steps, unsqueeze(node, texts->lengths, 1)}), 2);
    for (Value *x : {&q, &k, &v, &decay, &beta})
      if (*x)
        *x = build<WhereOp>(node, {isToken, texts->fetch(*x, {}, rows, steps), number(node, 0)});
  } else if (rank == 3) {
    Value batch = dimensionOf(node, past, 0);
    Value steps = build<DivOp>(node, {dimensionOf(node, query, 0), batch});
    for (Value *x : {&q, &k, &v, &decay, &beta})
      if (*x)
        *x = build<ReshapeOp>(node, {*x, join(node, {batch, steps, dimensionOf(node, *x, 1)}, 0)});
  }
  Value state = past ? permute(node, past, {0, 1, 3, 2}) : Value();
  LinearOperands operands{q,
                          k,
                          v,
                          state,
                          decay,
                          beta,
                          heads,
                          heads,
                          valueHeads,
                          rule,
                          takeFloat(node, "scale", 0),
                          takeInt(node, "chunk_size", 64)};
  Value updates = absent(node);
  if (capacity > 0 && node.resultCount > 2) {
    auto changes = operands.listChanges(node, capacity);
    if (failed(changes))
      return failure();
    updates = *changes;
    if (Value active = node.operand(10)) {
      Value isOn = build<NotOp>(node, build<EqualOp>(node, {active, node.scalar(0, node.b.getI32Type())}));
      updates = build<WhereOp>(node, {isOn, updates, number(node, 0)});
    }
  }
  auto results = operands.attend(node);
  if (failed(results))
    return failure();
  Value y = (*results)[0];
  if (texts) { // back to one behind the other: token t of text b
    Value steps = dimensionOf(node, y, 1);
    Value index = texts->add(build<MulOp>(node, {texts->text, steps}), texts->place);
    Value shape = join(node, {node.constant({-1}), dimensionOf(node, y, 2)}, 0);
    y = build<GatherOp>(node, {build<ReshapeOp>(node, {y, shape}), index});
  }
  Value shape = join(
      node, {build<ShapeOp>(node, query, intAttr(node, "end", features)), node.constant({valueHeads, valueSize})}, 0);
  y = castTo(node, build<ReshapeOp>(node, {y, shape}), type);
  return finish(node, {y, permute(node, (*results)[1], {0, 1, 3, 2}), updates});
}

//===- AttnLSTM -----------------------------------------------------------------------------===//

/// How many numbers of activation_alpha and activation_beta an activation takes.
static std::pair<size_t, size_t> countParameters(StringRef activation) {
  auto is = [&](StringRef name) { return activation.equals_insensitive(name); };
  if (is("Affine") || is("ScaledTanh") || is("HardSigmoid"))
    return {1, 1};
  return {is("LeakyRelu") || is("ThresholdedRelu") || is("Elu"), 0};
}

namespace {
/// One direction of it. An LSTM whose input at each step is that of the node and what the attention gave at the step
/// before, 0 at first; the attention (Bahdanau's) is asked for with the hidden state.
struct AttentionLstm {
  NodeForm &node;
  bool isReverse;
  Value x, lengths;             ///< [time, batch, input]; [batch] or absent
  Value w, r, b, p;             ///< of one direction, as LSTM has them; b and p may be absent
  Value h, c;                   ///< [1, batch, hidden]
  Value queryWeights, v;        ///< [hidden, attention], [attention]
  Value memory, keys, isMemory; ///< [batch, steps, depth], [batch, steps, attention], [batch, steps] or absent
  Value layer;                  ///< [hidden + depth, size], may be absent
  SmallVector<NamedAttribute> attributes;

  /// What the attention gives for hidden states [batch, hidden].
  Value attend(Value hidden) const {
    Value query = unsqueeze(node, build<MatMulOp>(node, {hidden, queryWeights}), 1);
    Value energy = build<TanhOp>(node, build<AddOp>(node, {keys, query}));
    Value scores =
        build<ReduceSumOp>(node, {build<MulOp>(node, {energy, v}), node.constant({2})}, intAttr(node, "keepdims", 0));
    if (isMemory)
      scores = build<WhereOp>(
          node, {isMemory, scores, node.scalar(-std::numeric_limits<double>::infinity(), getElementTypeOrSelf(x))});
    Value weights = unsqueeze(node, build<SoftmaxOp>(node, scores, intAttr(node, "axis", -1)), 1);
    Value context = build<SqueezeOp>(node, {build<MatMulOp>(node, {weights, memory}), node.constant({1})});
    return layer ? build<MatMulOp>(node, {join(node, {hidden, context}, -1), layer}) : context;
  }

  Value reverse(Value sequence) const {
    if (!isReverse || !sequence)
      return sequence;
    return build<ReverseSequenceOp>(node, {sequence, castTo(node, lengths, node.b.getI64Type())},
                                    {intAttr(node, "time_axis", 0), intAttr(node, "batch_axis", 1)});
  }

  /// Y [time, batch, hidden], Y_h and Y_c [1, batch, hidden].
  FailureOr<SmallVector<Value>> run() const {
    Type type = getElementTypeOrSelf(x), i64 = node.b.getI64Type();
    Value inputs = reverse(x), width = dimensionOf(node, layer ? layer : memory, -1);
    Value shape = join(node, {dimensionOf(node, x, 1), width}, 0);
    Value attention = build<ExpandOp>(node, {node.scalar(0, type), shape});
    Value stops = castTo(node, lengths, i64), zero = node.scalar(0, type), goesOn = node.scalar(1, node.b.getI1Type());
    auto step = [&](Value number, ValueRange carried) -> FailureOr<SmallVector<Value>> {
      Value in = build<GatherOp>(node, {inputs, number}, intAttr(node, "axis", 0));
      in = unsqueeze(node, join(node, {in, carried[2]}, -1), 0);
      if (!in)
        return failure();
      auto cell =
          make<LSTMOp>(node.b, {in, w, r, orAbsent(node, b), absent(node), carried[0], carried[1], orAbsent(node, p)},
                       attributes, 3);
      if (!cell)
        return failure();
      Value hidden = build<SqueezeOp>(node, {cell->getResult(1), node.constant({0})});
      // A sequence that has ended keeps its state, and gives 0.
      Value isOn = unsqueeze(node, build<LessOp>(node, {number, stops}), 1);
      auto choose = [&](Value now, Value otherwise) { return build<WhereOp>(node, {isOn, now, otherwise}); };
      return SmallVector<Value>{goesOn, reshapeLike(node, choose(cell->getResult(1), carried[0]), carried[0]),
                                reshapeLike(node, choose(cell->getResult(2), carried[1]), carried[1]),
                                reshapeLike(node, attend(hidden), carried[2]), choose(hidden, zero)};
    };
    Value rounds = reshape(node, dimensionOf(node, x, 0), {});
    auto results = makeLoop(node, rounds, goesOn, {h, c, attention}, /*varying=*/{}, 1, step);
    if (failed(results))
      return failure();
    return SmallVector<Value>{reverse((*results)[3]), (*results)[0], (*results)[1]};
  }
};
} // namespace

static LogicalResult expandAttnLstm(NodeForm &node) {
  for (unsigned i : {0, 1, 2, 8, 9, 10, 11})
    if (!node.operand(i))
      return node.error() << "input " << i << " must be given";
  StringRef direction = takeText(node, "direction", "forward");
  int64_t directions = direction == "bidirectional" ? 2 : 1;
  if (direction != "forward" && direction != "reverse" && directions == 1)
    return node.error() << "direction is \"forward\", \"reverse\" or \"bidirectional\", not \"" << direction << '"';
  Value x = node.operand(0), memory = node.operand(11);
  const unsigned ranks[] = {3, 3, 3, 2, 1, 3, 3, 2, 3, 3, 2, 3, 1, 3};
  for (auto [i, rank] : llvm::enumerate(ranks))
    if (Value value = node.operand(i); value && getDims(value).size() != rank)
      return node.error() << "input " << i << " has rank " << getDims(value).size() << ", expected " << rank;
  Type type = getElementTypeOrSelf(x), i64 = node.b.getI64Type();
  auto hidden = getConstant(getDims(node.operand(2))[2]);
  auto names = dyn_cast_or_null<ArrayAttr>(node.take("activations"));
  auto alphas = dyn_cast_or_null<DenseF32ArrayAttr>(node.take("activation_alpha"));
  auto betas = dyn_cast_or_null<DenseF32ArrayAttr>(node.take("activation_beta"));
  if (names && static_cast<int64_t>(names.size()) != 3 * directions)
    return node.error() << "activations must be three for each direction";
  if (hidden) // R says it
    setInt(node, "hidden_size", *hidden);
  SmallVector<NamedAttribute> common = takeThoseOf<LSTMOp>(node);

  Value lengths = node.operand(4);
  if (!lengths)
    lengths = build<ExpandOp>(node, {dimensionOf(node, x, 0), dimensionOf(node, x, 1)});
  Value isMemory;
  if (Value given = node.operand(12)) {
    Value steps = reshape(node, dimensionOf(node, memory, 1), {});
    Value places = build<RangeOp>(node, {node.scalar(0, i64), steps, node.scalar(1, i64)});
    isMemory = build<LessOp>(node, {unsqueeze(node, places, 0), unsqueeze(node, castTo(node, given, i64), 1)});
  }
  size_t alpha = 0, beta = 0;
  SmallVector<SmallVector<Value>> results(3);
  for (int64_t d = 0; d < directions; ++d) {
    auto own = [&](unsigned i) { // of this direction
      Value value = node.operand(i);
      return value && directions > 1 ? slice(node, value, 0, node.constant({d}), node.constant({d + 1})) : value;
    };
    auto flat = [&](unsigned i) -> Value {
      return node.operand(i) ? build<SqueezeOp>(node, {own(i), node.constant({0})}) : Value();
    };
    auto state = [&](unsigned i) -> Value {
      if (node.operand(i))
        return own(i);
      Value shape = join(node, {node.constant({1}), dimensionOf(node, x, 1), dimensionOf(node, node.operand(2), 2)}, 0);
      return build<ExpandOp>(node, {node.scalar(0, type), shape});
    };
    SmallVector<NamedAttribute> attributes(common);
    if (names) {
      ArrayRef<Attribute> mine = names.getValue().slice(3 * d, 3);
      SmallVector<float> a, z;
      auto takeUp = [](DenseF32ArrayAttr list, size_t count, size_t &at, SmallVector<float> &to) {
        for (; count && list && at < static_cast<size_t>(list.size()); --count)
          to.push_back(list[at++]);
      };
      for (Attribute name : mine) {
        auto [alphaCount, betaCount] = countParameters(cast<StringAttr>(name));
        takeUp(alphas, alphaCount, alpha, a);
        takeUp(betas, betaCount, beta, z);
      }
      attributes.push_back(node.b.getNamedAttr("activations", node.b.getArrayAttr(mine)));
      if (!a.empty())
        attributes.push_back(node.b.getNamedAttr("activation_alpha", node.b.getDenseF32ArrayAttr(a)));
      if (!z.empty())
        attributes.push_back(node.b.getNamedAttr("activation_beta", node.b.getDenseF32ArrayAttr(z)));
    }
    AttentionLstm lstm{node,      direction == "reverse" || d == 1,
                       x,         lengths,
                       own(1),    own(2),
                       own(3),    own(7),
                       state(5),  state(6),
                       flat(8),   flat(10),
                       memory,    build<MatMulOp>(node, {memory, flat(9)}),
                       isMemory,  flat(13),
                       attributes};
    if (!lstm.keys || !lstm.lengths)
      return failure();
    auto made = lstm.run();
    if (failed(made))
      return failure();
    for (auto [list, value] : llvm::zip_equal(results, *made))
      list.push_back(value);
  }
  for (Value &y : results[0])
    y = unsqueeze(node, y, 1);
  return finish(node, {join(node, results[0], 1), join(node, results[1], 0), join(node, results[2], 0)});
}

//===- MRotaryEmbedding --------------------------------------------------------------------===//

/// RotaryEmbedding whose angles come from three positions, of time, height and width: mrope_section says how many of
/// the columns of the cache belong to each, in that order (layout 0), or columns 0, 3, 6 ..., 1, 4 ... and 2, 5 ...
/// with all that is left over to the first (layout 1).
static LogicalResult expandMRotaryEmbedding(NodeForm &node) {
  if (failed(requireOperands(node, 4)))
    return failure();
  auto sections = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("mrope_section"));
  int64_t layout = takeInt(node, "mrope_layout", 0), heads = takeInt(node, "num_heads", 0);
  int64_t turned = takeInt(node, "rotary_embedding_dim", 0), isInterleaved = takeInt(node, "interleaved", 0);
  node.take("is_packed_batching"); // how kernels walk through memory
  if (takeFloat(node, "scale", 1) != 1)
    return node.error() << "a scale is not supported";
  Value x = node.operand(0), ids = node.operand(1);
  Dims dims = getDims(x), cache = getDims(node.operand(2));
  if ((dims.size() != 3 && dims.size() != 4) || cache.size() != 2)
    return node.error() << "input must have rank 3 or 4, and cos_cache rank 2";
  auto columns = getConstant(cache[1]);
  if (!columns && sections) { // as many as there are angles; the run checks it
    columns = 0;
    for (int64_t size : sections.asArrayRef())
      columns = *columns + std::clamp<int64_t>(size, 0, 1 << 20);
  }
  if (!columns || *columns < 1)
    return node.error() << "mrope_section must be given, and cos_cache have columns";
  if (turned != 0 && turned != 2 * *columns)
    return node.error() << "rotary_embedding_dim is " << turned << ", but cos_cache turns " << 2 * *columns;
  int64_t sum = 0;
  if (sections)
    for (int64_t size : sections.asArrayRef())
      sum = size < 0 || size > *columns ? -1 : sum < 0 ? sum : sum + size;
  if (!sections || sections.size() != 3 || sum != *columns || (layout != 0 && layout != 1))
    return node.error() << "mrope_section must be three sizes that add up to the " << *columns
                        << " columns of cos_cache, and mrope_layout 0 or 1";
  if (dims.size() == 3 && heads == 0) {
    auto hidden = getConstant(dims[2]);
    if (!hidden || *hidden % (2 * *columns) != 0)
      return node.error() << "num_heads must be given, or follow from the sizes of input and cos_cache";
    heads = *hidden / (2 * *columns);
  }
  if (getDims(ids).size() != 3 || getConstant(getDims(ids)[0]).value_or(3) != 3)
    return node.error() << "position_ids must be [3, batch, time]";
  // The position that every column belongs to.
  SmallVector<int64_t> owners;
  for (int64_t column = 0; column < *columns; ++column) {
    int64_t owner = 0;
    if (layout == 0)
      owner = column < sections[0] ? 0 : column < sections[0] + sections[1] ? 1 : 2;
    else if (int64_t i = column % 3; i > 0 && column < 3 * sections[i])
      owner = i;
    owners.push_back(owner);
  }
  Value owner = node.constant(owners);
  auto angles = [&](Value table) {
    Value result;
    for (int64_t i = 0; i < 3; ++i) {
      Value position =
          build<SqueezeOp>(node, {slice(node, ids, 0, node.constant({i}), node.constant({i + 1})), node.constant({0})});
      Value rows = build<GatherOp>(node, {table, position}); // [batch, time, columns]
      Value isOwner = build<EqualOp>(node, {owner, node.scalar(i, node.b.getI64Type())});
      result = result ? build<WhereOp>(node, {isOwner, rows, result}) : rows;
    }
    return result;
  };
  SmallVector<NamedAttribute> attributes{intAttr(node, "interleaved", isInterleaved != 0),
                                         intAttr(node, "rotary_embedding_dim", 2 * *columns)};
  if (dims.size() == 3)
    attributes.push_back(intAttr(node, "num_heads", heads));
  return finish(node, build<RotaryEmbeddingOp>(
                          node, {x, angles(node.operand(2)), angles(node.operand(3)), absent(node)}, attributes));
}

//===- MoEGroupRouter -----------------------------------------------------------------------===//

/// s = sigmoid(logits) chooses experts by s + bias: the groups whose best experts add up to the most, and in these the
/// best. They get log(s), all others the sentinel.
static LogicalResult expandMoEGroupRouter(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Value logits = node.operand(0), bias = wide(node, node.operand(1));
  if (node.operand(2))
    return node.error() << "projection_weight is not supported";
  Type type = getElementTypeOrSelf(logits);
  int64_t groups = takeInt(node, "n_group", 1), chosenGroups = takeInt(node, "topk_group", 1);
  int64_t best = takeInt(node, "group_topk", 2), chosen = takeInt(node, "top_k", 0);
  double sentinel = takeFloat(node, "router_sentinel", -10000);
  Dims dims = getDims(logits);
  auto experts = dims.empty() ? std::nullopt : getConstant(dims.back());
  if (!experts || *experts < 1 || groups < 1 || *experts % groups != 0 || chosenGroups < 1 || chosenGroups > groups ||
      best < 1 || chosen < 1 || chosen > *experts / groups * chosenGroups)
    return node.error()
           << "the experts must be known when the model is compiled, n_group divide them, topk_group be at "
              "most n_group, group_topk positive, and top_k at most the experts of as many groups";
  int64_t size = *experts / groups;
  Value flat = reshape(node, wide(node, logits), {-1, *experts});
  Value s = build<SigmoidOp>(node, flat), scores = build<AddOp>(node, {s, bias});
  SmallVector<Value> results;
  auto top = [&](Value x, int64_t k) -> TopKOp {
    return x ? make<TopKOp>(node.b, {x, node.constant({k})}, {}, 2) : TopKOp();
  };
  // 1 where the indices [tokens, k] say, of `count`.
  auto mark = [&](Value indices, int64_t count) {
    Value all = build<ConcatOp>(node, {dimensionOf(node, flat, 0), node.constant({count})}, intAttr(node, "axis", 0));
    Value zeros = build<ExpandOp>(node, {number(node, 0), all});
    Value ones = build<ExpandOp>(node, {number(node, 1), build<ShapeOp>(node, indices)});
    Value marks = build<ScatterElementsOp>(node, {zeros, indices, ones}, intAttr(node, "axis", 1));
    return build<GreaterOp>(node, {marks, number(node, 0)});
  };
  Value eligible = scores;
  if (chosenGroups < groups) {
    Value grouped = reshape(node, scores, {-1, groups, size});
    TopKOp members = top(grouped, std::min(best, size));
    if (!members)
      return failure();
    Value sums = build<ReduceSumOp>(node, {members->getResult(0), node.constant({2})}, intAttr(node, "keepdims", 0));
    TopKOp winners = top(sums, chosenGroups);
    if (!winners)
      return failure();
    Value isIn = unsqueeze(node, mark(winners->getResult(1), groups), 2);
    Value none = number(node, -std::numeric_limits<double>::infinity());
    eligible = reshape(node, build<WhereOp>(node, {isIn, grouped, none}), {-1, *experts});
  }
  TopKOp selected = top(eligible, chosen);
  if (!selected)
    return failure();
  Value logs = build<LogOp>(node, build<ClipOp>(node, {s, number(node, 1e-20), absent(node)}));
  Value probabilities = build<WhereOp>(node, {mark(selected->getResult(1), *experts), logs, number(node, sentinel)});
  return finish(node, {castTo(node, probabilities, type), scores, s});
}

void onnxc::onnx::registerContribStatesOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "com.microsoft");
  };
  add("AttnLSTM", expandAttnLstm);
  add("CausalConvWithState", expandCausalConv);
  add("GatedDeltaNet", expandGatedDeltaNet);
  add("LinearAttention", expandLinearAttention);
  add("MoEGroupRouter", expandMoEGroupRouter);
  add("MRotaryEmbedding", expandMRotaryEmbedding);
  add("VarlenCausalConvWithState", expandVarlenCausalConv);
}
