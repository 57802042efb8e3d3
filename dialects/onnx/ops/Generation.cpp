//===- dialects/onnx/ops/Generation.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators of com.microsoft that let a decoder write: its scores of all words choose the next one, which goes back
// into it, until an end is found. Import makes a Loop of them, around the graphs that they hold. The first word comes
// before the loop: the decoder reads the prompt there, in the loop one word at a time. What they mean: onnxruntime's
// contrib_ops/cpu/transformers.
#include "dialects/onnx/ops/Generation.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/ops/Softmax.h"
#include "dialects/onnx/ops/Sorting.h"
#include "dialects/onnx/support/Dims.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/MakeLoop.h"
#include "dialects/onnx/support/Upgrade.h"
#include <cfloat>

using namespace mlir;
using namespace onnxc::onnx;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

namespace {
enum class Method { Greedy, Sampling, Beams };

/// What `model_type` says of the graphs.
enum Model { kGpt, kT5, kWhisper };

/// Where the operands of the operators are.
struct Places {
  static constexpr unsigned kNone = ~0u;
  unsigned maxLength = 1, minLength = 2, beams = kNone, returned = kNone, lengthPenalty = kNone, repetition = 3,
           words = 4, firstWords = 5, mask = 6, presence = kNone, seed = kNone, beginning = kNone, processor = kNone,
           forced = kNone, temperature = kNone;
};
constexpr Places kGreedyPlaces;
constexpr Places kSamplingPlaces{.presence = 7, .seed = 8};
constexpr Places kBeamPlaces{.beams = 3,
                             .returned = 4,
                             .lengthPenalty = 5,
                             .repetition = 6,
                             .words = 7,
                             .firstWords = 8,
                             .mask = 9,
                             .beginning = 10,
                             .processor = 11};
constexpr Places kWhisperPlaces = [] {
  Places places = kBeamPlaces;
  places.forced = 13, places.temperature = 14;
  return places;
}();

/// What a search knows when `length` words are there: a list of values, so that a loop can carry it.
struct State {
  Value length;     ///< scalar
  Value sequences;  ///< [rows, room]: words, then zeros
  Value isDone;     ///< [batch]
  Value generator;  ///< of random numbers; of Sampling
  Value beamScores; ///< [rows]: the logarithm of the probability of all words; this and the others of beam searches
  /// The best sequences that have found an end, best first: [batch, beams] with lengths of 0 where there is none, and
  /// [batch, beams, room].
  Value endedScores, endedLengths, endedSequences;

  SmallVector<Value *> all() {
    return {&length, &sequences, &isDone, &generator, &beamScores, &endedScores, &endedLengths, &endedSequences};
  }
  SmallVector<Value> pack() {
    SmallVector<Value> values;
    for (Value *value : all())
      if (*value)
        values.push_back(*value);
    return values;
  }
  /// Takes what `pack` gave off the front of `values`.
  void unpack(ValueRange &values) {
    for (Value *value : all())
      if (*value) {
        *value = values.front();
        values = values.drop_front();
      }
  }
};

/// The words that were chosen, [rows], and of which row each is the next one (null: of its own).
struct Choice {
  Value tokens, rows;
};

/// Rows are sentences of the batch, or of every sentence `width` beams.
class Search {
public:
  Search(NodeForm &node, Method method, const Places &places)
      : node(node), method(method), i32(node.b.getI32Type()), i64(node.b.getI64Type()), f32(node.b.getF32Type()),
        places(places) {}

  LogicalResult run();

private:
  // Short names for what is used a lot.
  template <typename OpT> Value op(ArrayRef<Value> operands, ArrayRef<NamedAttribute> attributes = {}) {
    return build<OpT>(node, operands, attributes);
  }
  Value integer(int64_t n) { return node.scalar(n, i64); }
  Value number(double x) { return node.scalar(x, f32); }
  Value join(ArrayRef<Value> parts, int64_t axis = 0) { return op<ConcatOp>(parts, intAttr(node, "axis", axis)); }
  Value gather(Value data, Value indices, int64_t axis = 0) {
    return op<GatherOp>({data, indices}, intAttr(node, "axis", axis));
  }
  Value vector(Value scalar) { return ::reshape(node, scalar, {1}); }
  Value cut(Value value, Value end, int64_t axis) {
    return op<SliceOp>({value, node.constant(0), vector(end), node.constant(axis), absent(node)});
  }
  Value shaped(Value value, ArrayRef<Value> sizes) { return op<ReshapeOp>({value, join(sizes)}); }
  Value spread(Value value, ArrayRef<Value> sizes) { return op<ExpandOp>({value, join(sizes)}); }
  Value choose(Value condition, Value a, Value b) { return op<WhereOp>({condition, a, b}); }
  Value shapeBehind(Value value) { return op<ShapeOp>(value, intAttr(node, "start", 1)); }
  /// [batch, ...] as [rows, ...], each for all beams of a sentence.
  Value repeat(Value value) {
    if (!width || !value)
      return value;
    Value rest = shapeBehind(value);
    return shaped(spread(unsqueeze(node, value, 1), {batch, width, rest}), {rows, rest});
  }

  LogicalResult takeSettings();
  LogicalResult takeWhisperSettings();
  LogicalResult start(Value ids);
  Value takeLast(Value logits);
  Value process(Value scores, const State &state, bool isFirst);
  Value mark(Value scores, Value tokens, Value counts);
  Value obeyTimes(Value scores, const State &state);
  Value force(Value scores, const State &state);
  FailureOr<Choice> next(Value logits, State &state, bool isFirst);
  Choice nextBeams(Value scores, State &state);
  Value sample(Value scores, State &state);
  void keepEnded(State &state, Value scores, Value lengths, Value sequences);
  Value allDone(const State &state);
  LogicalResult finishSearch(State &state);
  LogicalResult runDecoderOnly();
  LogicalResult runEncoderDecoder();
  FailureOr<SmallVector<Value>> loop(State &state, Value goesOn, ArrayRef<Value> feeds,
                                     ArrayRef<std::pair<unsigned, unsigned>> varying,
                                     function_ref<FailureOr<SmallVector<Value>>(State &, ValueRange feeds)> round);
  FailureOr<const NodeGraph *> graph(StringRef name);
  FailureOr<SmallVector<Value>> call(const NodeGraph &graph, ArrayRef<Value> arguments);
  FailureOr<bool> isShared(const NodeGraph &decoder, size_t from);
  void addShared(SmallVector<Value> &arguments, const NodeGraph &decoder, size_t from, Value pastLength);
  Value giveRoom(Value cache);
  /// Whether one of `bits` [n, m] is true: [n, 1].
  Value any(Value bits) {
    Value most = op<ReduceMaxOp>({castTo(node, bits, i32), node.constant(1)}, intAttr(node, "keepdims", 1));
    return op<GreaterOp>({most, node.scalar(0, i32)});
  }
  /// A word after all others of each row.
  Value column(Value tokens) { return unsqueeze(node, tokens, 1); }
  /// The rows of a cache that the next words follow.
  Value follow(Value cache, const Choice &choice, int64_t axis) {
    return choice.rows ? gather(cache, choice.rows, axis) : cache;
  }

  NodeForm &node;
  Method method;
  Type i32, i64, f32;
  Places places;

  int64_t model = kGpt, end = 0, pad = 0, firstToken = -1, vocabulary = -1, gram = 0, keptTokens = 0;
  bool stopsEarly = false, isCustom = false;
  double presencePenalty = 0, topShare = 0, filterValue = 0;
  /// Words that mean something to Whisper: times are those from `firstTime` on.
  int64_t firstTime = -1, noTimes = -1, languageModel = -1, translate = -1, transcribe = -1, noSpeech = -1;
  Value ids, room, minLength, returned, lengthPenalty, repetition, allowedWords, allowedFirst, presence, temperature;
  Value processor;               ///< where it is 1, times have rules
  Value forced;                  ///< [rows, n]: the first words that are chosen, negative where any may be
  Value noSpeechShares;          ///< [batch]: the probability of `noSpeech` as the first word
  Value batch, width, rows;      ///< vectors of one; `width` is null without beams
  Value columns;                 ///< the places of words, [room]
  Value beams, firstRows;        ///< [beams], and [batch, 1]: the row of each sentence's first beam
  SmallVector<Value> stepScores; ///< [batch, beams, vocabulary] of each round, where they are a result
  bool hasStepScores = false;
  State initial;
};
} // namespace

//===- Settings -------------------------------------------------------------------------===//

LogicalResult Search::takeSettings() {
  end = takeInt(node, "eos_token_id", -1), pad = takeInt(node, "pad_token_id", -1);
  firstToken = takeInt(node, "decoder_start_token_id", -1);
  vocabulary = takeInt(node, "vocab_size", -1), gram = takeInt(node, "no_repeat_ngram_size", 0);
  if (end < 0 || pad < 0 || end > INT32_MAX || pad > INT32_MAX || firstToken > INT32_MAX)
    return node.error() << "eos_token_id and pad_token_id must be words";
  if (gram < 0 || gram > INT32_MAX)
    return node.error() << "no_repeat_ngram_size must not be negative";
  if (method == Method::Beams)
    stopsEarly = takeInt(node, "early_stopping", 0) == 1;
  double divisor = 1;
  if (method == Method::Sampling) {
    isCustom = takeInt(node, "custom", 0) != 0;
    filterValue = takeFloat(node, "filter_value", -1e20f);
    keptTokens = takeInt(node, "min_tokens_to_keep", 0);
    presencePenalty = takeFloat(node, "presence_penalty", 0);
    divisor = takeFloat(node, "temperature", 1);
    topShare = takeFloat(node, "top_p", 0);
  }
  ids = node.operand(0);
  auto scalarOf = [&](unsigned i, Type element) {
    Value value = node.operand(i);
    return value ? ::reshape(node, castTo(node, value, element), {}) : Value();
  };
  Value length = scalarOf(places.maxLength, i64);
  if (!ids || !length)
    return node.error() << "input_ids and max_length must be given";
  room = vector(length);
  minLength = scalarOf(places.minLength, i64);
  repetition = scalarOf(places.repetition, f32);
  allowedWords = node.operand(places.words), allowedFirst = node.operand(places.firstWords);
  if ((allowedWords && getDims(allowedWords).size() != 1) || (allowedFirst && getDims(allowedFirst).size() != 2))
    return node.error()
           << "vocab_mask must be a vector, and prefix_vocab_mask have the dimensions batch and vocabulary";
  presence = node.operand(places.presence);
  if (divisor > 0 && divisor != 1)
    temperature = number(divisor);
  else if (Value given = scalarOf(places.temperature, f32)) // what is not positive changes nothing
    temperature = choose(op<GreaterOp>({given, number(0)}), given, number(1));
  if (model == kWhisper && failed(takeWhisperSettings()))
    return failure();
  batch = rows = dimensionOf(node, ids, 0);
  if (method != Method::Beams)
    return success(batch != nullptr);
  Value one = integer(1), count = scalarOf(places.beams, i64);
  beams = countTo(node, vector(count ? count : one));
  width = dimensionOf(node, beams, 0);
  rows = op<MulOp>({batch, width});
  returned = scalarOf(places.returned, i64);
  returned = countTo(node, vector(returned ? returned : one));
  lengthPenalty = scalarOf(places.lengthPenalty, f32);
  firstRows = unsqueeze(node, op<MulOp>({countTo(node, batch), width}), 1);
  return success(returned && firstRows);
}

/// What WhisperBeamSearch has besides, and what BeamSearch leaves to Whisper.
LogicalResult Search::takeWhisperSettings() {
  bool hasCrossScores = false;
  if (places.forced != Places::kNone) {
    firstTime = takeInt(node, "beginning_timestamp_token_id", -1);
    noTimes = takeInt(node, "no_timestamps_token_id", -1);
    languageModel = takeInt(node, "start_of_lm_token_id", -1);
    translate = takeInt(node, "translate_token_id", -1), transcribe = takeInt(node, "transcribe_token_id", -1);
    noSpeech = takeInt(node, "no_speech_token_id", -1);
    hasCrossScores = takeInt(node, "decoder_output_cross_qk", 0) != 0;
    forced = node.operand(places.forced);
  }
  if (hasCrossScores || node.isRead(3))
    return node.error() << "the scores of cross attention (decoder_output_cross_qk, the output cross_qk) are not "
                           "supported; leave them out";
  if (node.isRead(4) && (noSpeech < 0 || noSpeech > INT32_MAX))
    return node.error() << "no_speech_token_id must be a word where its probability is an output";
  if (forced && getDims(forced).size() != 2)
    return node.error() << "extra_decoding_ids must have the dimensions batch and sequence";
  processor = node.operand(places.processor);
  if (!processor || getConstantInts(processor) == SmallVector<int64_t>{0}) {
    processor = {};
    return success();
  }
  if (firstTime < 1 || firstTime > INT32_MAX)
    return node.error() << "logits_processor, where it is not always 0, needs a beginning_timestamp_token_id above 0, "
                           "which WhisperBeamSearch has";
  processor = op<EqualOp>({::reshape(node, castTo(node, processor, i64), {}), integer(1)});
  return success(processor != nullptr);
}

FailureOr<const NodeGraph *> Search::graph(StringRef name) {
  const NodeGraph *graph = node.graph(name);
  if (!graph)
    return node.error() << "the attribute '" << name << "' is missing";
  if (graph->outputCount < 2)
    return node.error() << "'" << name << "' must have scores of words and caches as outputs";
  return graph;
}

/// What the graph gives: scores and caches.
FailureOr<SmallVector<Value>> Search::call(const NodeGraph &graph, ArrayRef<Value> arguments) {
  if (llvm::is_contained(arguments, Value()))
    return failure();
  auto outputs = graph(arguments);
  if (failed(outputs))
    return failure();
  for (auto [i, output] : llvm::enumerate(*outputs))
    if (!isa<RankedTensorType>(output.getType()) || !isa<FloatType>(getElementTypeOrSelf(output)))
      return node.error() << "output " << i << " of the encoder or the decoder must be a tensor of floats";
  return outputs;
}

/// The state with the words `ids` [rows, length] in it.
LogicalResult Search::start(Value ids) {
  Value length = dimensionOf(node, ids, 1);
  columns = countTo(node, room);
  room = dimensionOf(node, columns, 0);
  Value rest = op<SubOp>({room, length});
  initial.length = ::reshape(node, length, {});
  initial.sequences = join({ids, spread(node.scalar(0, i32), {rows, rest})}, 1);
  initial.sequences = shaped(initial.sequences, {rows, room});
  initial.isDone = spread(node.scalar(0, node.b.getI1Type()), batch);
  if (forced) // behind them, any word may be
    forced = repeat(join({forced, spread(node.scalar(-1, i32), {batch, room})}, 1));
  if (method == Method::Sampling) {
    // Zero is no state of the generator.
    Value seed = node.operand(places.seed);
    seed = ::reshape(node, seed ? castTo(node, castTo(node, seed, node.b.getIntegerType(32, false)), i64) : integer(0),
                     {});
    seed = op<ModOp>({seed, integer(INT32_MAX)});
    initial.generator = choose(op<EqualOp>({seed, integer(0)}), integer(1), seed);
  }
  if (method == Method::Beams) {
    // At first all beams are the same: only one counts.
    Value scores = choose(op<EqualOp>({beams, integer(0)}), number(0), number(-1e9));
    initial.beamScores = shaped(spread(scores, {batch, width}), rows);
    initial.endedScores = spread(number(-kInfinity), {batch, width});
    initial.endedLengths = spread(integer(0), {batch, width});
    initial.endedSequences = spread(node.scalar(0, i32), {batch, width, room});
  }
  return success(!llvm::is_contained(initial.pack(), Value()) && initial.sequences && initial.isDone);
}

//===- Scores ---------------------------------------------------------------------------===//

/// Which words of `scores` [rows, vocabulary] are among `tokens` [rows, n], of those that `counts` [rows or 1, n]
/// names.
Value Search::mark(Value scores, Value tokens, Value counts) {
  Value size = dimensionOf(node, scores, 1), least = node.scalar(0, i64);
  tokens = castTo(node, tokens, i64);
  Value isWord = op<AndOp>({op<GreaterOrEqualOp>({tokens, least}), op<LessOp>({tokens, size})});
  Value updates = castTo(node, op<AndOp>({isWord, counts}), i32);
  Value none = op<ExpandOp>({node.scalar(0, i32), op<ShapeOp>(scores)});
  Value marks =
      op<ScatterElementsOp>({none, choose(isWord, tokens, least), updates},
                            {intAttr(node, "axis", 1), node.b.getNamedAttr("reduction", node.b.getStringAttr("max"))});
  return op<GreaterOp>({marks, node.scalar(0, i32)});
}

/// Whisper's rules for times. They come in pairs, the end of one text and the begin of the next, and do not go back;
/// the first is one of the first 51. Where all times together are likelier than every other word, the word is a time.
Value Search::obeyTimes(Value scores, const State &state) {
  auto size = getConstant(getDims(scores)[1]);
  if (!size || firstTime >= *size) {
    node.error() << "beginning_timestamp_token_id is " << firstTime << ", which must be below the number of words";
    return {};
  }
  Value words = countTo(node, node.constant(*size)), first = integer(firstTime), lowest = number(-FLT_MAX);
  Value sequences = castTo(node, state.sequences, i64), last = op<SubOp>({state.length, integer(1)});
  auto all = [&](Value a, Value b) { return op<AndOp>({a, b}); };
  auto either = [&](Value a, Value b) { return op<OrOp>({a, b}); };
  auto none = [&](Value a) { return op<NotOp>(a); };
  auto oneOf = [&](ArrayRef<int64_t> tokens) { // of the words
    return ::reshape(node, any(op<EqualOp>({column(words), node.constant(tokens)})), {-1});
  };
  // Of each row [rows, 1]: whether its last word is a time; whether there is one before; whether the last but one is,
  // or none is there to be.
  Value isTime = all(op<GreaterOrEqualOp>({sequences, first}), op<LessOp>({columns, state.length}));
  Value isLast = any(all(isTime, op<EqualOp>({columns, last})));
  Value isBefore = any(all(isTime, op<LessOp>({columns, last})));
  Value isPair = either(none(isBefore), any(all(isTime, op<EqualOp>({columns, op<SubOp>({last, integer(1)})}))));
  Value isBegin = all(isLast, isPair), isEnd = all(isLast, none(isPair));

  Value place = op<ReduceMaxOp>({choose(isTime, columns, integer(-1)), node.constant(1)}, intAttr(node, "keepdims", 1));
  Value time = op<GatherElementsOp>({sequences, op<MaxOp>({place, integer(0)})}, intAttr(node, "axis", 1));
  Value least = choose(isEnd, time, op<AddOp>({time, integer(1)})); // the end and the next begin may be the same
  least = choose(op<LessOp>({place, integer(0)}), integer(0), least);

  Value isTimeWord = op<GreaterOrEqualOp>({words, first});
  Value isTooLate = all(none(isBefore), op<GreaterOp>({words, integer(firstTime + 50)}));
  Value isOut = all(isTimeWord, either(isBegin, either(op<LessOp>({words, least}), isTooLate)));
  isOut = either(isOut, all(isEnd, op<LessOp>({words, integer(end)})));
  isOut =
      either(isOut, either(oneOf({noTimes, languageModel}), all(isBefore, oneOf({firstToken, translate, transcribe}))));
  scores = choose(isOut, lowest, scores);

  Value axis = node.constant(1), times = slice(node, scores, 1, node.constant(firstTime));
  times = op<ReduceLogSumExpOp>({times, axis}, intAttr(node, "keepdims", 1));
  Value most = op<ReduceMaxOp>({cut(scores, first, 1), axis}, intAttr(node, "keepdims", 1));
  return choose(all(op<GreaterOp>({times, most}), none(isTimeWord)), lowest, scores);
}

/// Of the words that a row is forced to choose, the next one has the probability 1.
Value Search::force(Value scores, const State &state) {
  Value size = dimensionOf(node, scores, 1), words = countTo(node, size);
  Value next = column(castTo(node, gather(forced, op<SubOp>({state.length, initial.length}), 1), i64));
  Value isForced = op<AndOp>({op<GreaterOrEqualOp>({next, integer(0)}), op<LessOp>({next, size})});
  return choose(isForced, choose(op<EqualOp>({words, next}), number(0), number(-FLT_MAX)), scores);
}

/// The scores [rows, vocabulary] as the settings change them.
Value Search::process(Value scores, const State &state, bool isFirst) {
  Value lowest = number(-FLT_MAX), isThere = op<LessOp>({columns, state.length});
  if (repetition) {
    Value changed =
        choose(op<LessOp>({scores, number(0)}), op<MulOp>({scores, repetition}), op<DivOp>({scores, repetition}));
    scores = choose(mark(scores, state.sequences, isThere), changed, scores);
  }
  if (gram > 0) {
    // No row of `gram` words comes twice: the last gram - 1 are compared with all before them.
    auto window = [&](Value starts, int64_t size) { // [rows, starts, size]
      Value places = op<AddOp>({unsqueeze(node, starts, 1), countTo(node, node.constant(size))});
      Value last = op<SubOp>({room, node.constant(1)});
      places = op<MinOp>({op<MaxOp>({places, node.constant(0)}), last});
      return gather(state.sequences, places, 1);
    };
    Value lastStart = op<SubOp>({state.length, integer(gram - 1)});
    Value same = op<EqualOp>({window(columns, gram - 1), window(vector(lastStart), gram - 1)});
    same = op<ReduceMinOp>({castTo(node, same, i32), node.constant(2)}, intAttr(node, "keepdims", 0));
    Value isBefore = op<LessOp>({columns, lastStart});
    Value counts = op<AndOp>({op<GreaterOp>({same, node.scalar(0, i32)}), isBefore});
    Value follower = op<MinOp>({op<AddOp>({columns, integer(gram - 1)}), op<SubOp>({room, node.constant(1)})});
    if (gram == 1)
      counts = spread(isBefore, {rows, room});
    scores = choose(mark(scores, gather(state.sequences, follower, 1), counts), lowest, scores);
  }
  if (allowedWords)
    scores = choose(op<EqualOp>({allowedWords, node.scalar(0, getElementTypeOrSelf(allowedWords))}), lowest, scores);
  if (allowedFirst && isFirst)
    scores =
        choose(op<EqualOp>({repeat(allowedFirst), node.scalar(0, getElementTypeOrSelf(allowedFirst))}), lowest, scores);
  if (minLength) {
    Value isEnd = op<EqualOp>({countTo(node, dimensionOf(node, scores, 1)), integer(end)});
    scores = choose(op<AndOp>({op<LessOp>({state.length, minLength}), isEnd}), lowest, scores);
  }
  if (temperature)
    scores = op<DivOp>({scores, temperature});
  if (presence && presencePenalty != 0)
    scores = op<SubOp>({scores, op<MulOp>({castTo(node, presence, f32), number(presencePenalty)})});
  if (processor && scores)
    scores = choose(processor, obeyTimes(scores, state), scores);
  return forced ? force(scores, state) : scores;
}

//===- Choices --------------------------------------------------------------------------===//

/// Of `logits` [rows or batch, n, vocabulary] those of the last of n words.
Value Search::takeLast(Value logits) {
  if (!logits)
    return {};
  if (getDims(logits).size() != 3) {
    node.error() << "the first output of the decoder must be scores with the dimensions batch, sequence and vocabulary";
    return {};
  }
  Value scores = castTo(node, gather(logits, integer(-1), 1), f32);
  return vocabulary > 0 ? cut(scores, integer(vocabulary), 1) : scores;
}

/// Chooses the next words by `logits`, and puts them into `state`.
FailureOr<Choice> Search::next(Value logits, State &state, bool isFirst) {
  Value scores = takeLast(logits);
  if (!scores)
    return failure();
  Choice choice;
  if (method == Method::Beams) {
    scores = op<LogSoftmaxOp>(scores, intAttr(node, "axis", -1));
    scores = process(shaped(scores, {rows, shapeBehind(scores)}), state, isFirst);
    choice = nextBeams(op<AddOp>({scores, unsqueeze(node, state.beamScores, 1)}), state);
    state.sequences = gather(state.sequences, choice.rows);
  } else {
    scores = process(scores, state, isFirst);
    choice.tokens = method == Method::Sampling
                        ? sample(scores, state)
                        : op<ArgMaxOp>(scores, {intAttr(node, "axis", 1), intAttr(node, "keepdims", 0)});
    choice.tokens = castTo(node, choice.tokens, i32);
    // Behind its end a sentence has padding.
    state.isDone = op<OrOp>({state.isDone, op<EqualOp>({choice.tokens, node.scalar(end, i32)})});
    choice.tokens = choose(state.isDone, node.scalar(pad, i32), choice.tokens);
  }
  state.sequences = choose(op<EqualOp>({columns, state.length}), column(choice.tokens), state.sequences);
  state.length = op<AddOp>({state.length, integer(1)});
  if (!choice.tokens || llvm::is_contained(state.pack(), Value()) || !state.sequences || !state.length)
    return failure();
  return choice;
}

/// Merges the best of what has ended: of equal scores those that were first.
void Search::keepEnded(State &state, Value scores, Value lengths, Value sequences) {
  auto best = make<TopKOp>(node.b, {join({state.endedScores, scores}, 1), width}, intAttr(node, "axis", 1), 2);
  Value places = best ? ::unsqueeze(node, best.getIndices(), 2) : Value();
  auto pick = [&](Value &kept, Value added) {
    kept = op<GatherNDOp>({join({kept, added}, 1), places}, intAttr(node, "batch_dims", 1));
  };
  state.endedScores = best ? Value(best.getValues()) : Value();
  pick(state.endedLengths, lengths);
  pick(state.endedSequences, sequences);
}

/// `scores` [rows, vocabulary] are those of the whole sequences. Of the best words of all beams of a sentence, twice as
/// many as there are beams, those that end sequences are taken out, if they are among the better half, and the best
/// others are the next beams'.
Choice Search::nextBeams(Value scores, State &state) {
  if (hasStepScores)
    stepScores.push_back(shaped(scores, {batch, width, shapeBehind(scores)}));
  Value words = dimensionOf(node, scores, 1), count = op<MulOp>({width, node.constant(2)});
  Value flat = shaped(scores, {batch, op<MulOp>({width, words})});
  auto best = flat && count ? make<TopKOp>(node.b, {flat, count}, intAttr(node, "axis", 1), 2) : TopKOp();
  if (!best)
    return {};
  Value bestScores = best.getValues(), beam = op<DivOp>({best.getIndices(), words});
  Value token = op<SubOp>({best.getIndices(), op<MulOp>({beam, words})});
  Value isEnd = op<EqualOp>({token, integer(end)}), isDone = unsqueeze(node, state.isDone, 1);

  auto penalised = [&](Value sum) { // by the length of the sequence, to the power of the penalty
    Value length = castTo(node, state.length, f32);
    return op<DivOp>({sum, lengthPenalty ? op<PowOp>({length, lengthPenalty}) : length});
  };
  auto better = [&](Value value) { return cut(value, width, 1); };
  Value ends = op<AndOp>({better(isEnd), op<NotOp>(isDone)});
  keepEnded(state, choose(ends, penalised(better(bestScores)), number(-kInfinity)),
            choose(ends, state.length, integer(0)), gather(state.sequences, op<AddOp>({better(beam), firstRows})));

  // The places of the words that go on, in order: those of ends are not counted.
  Value order = op<SubOp>({count, countTo(node, count)});
  auto going = make<TopKOp>(node.b, {choose(isEnd, integer(0), order), width}, intAttr(node, "axis", 1), 2);
  if (!going)
    return {};
  auto pick = [&](Value of, Value otherwise) {
    Value picked = op<GatherElementsOp>({of, going.getIndices()}, intAttr(node, "axis", 1));
    return shaped(choose(isDone, otherwise, picked), rows);
  };
  state.beamScores = pick(bestScores, number(0));
  Choice choice;
  choice.tokens = pick(castTo(node, token, i32), node.scalar(pad, i32));
  choice.rows = pick(op<AddOp>({beam, firstRows}), integer(0));

  // A sentence is done when as many sequences have ended as there are beams, and none of the others can become better.
  Value counted = castTo(node, op<GreaterOp>({state.endedLengths, integer(0)}), i32);
  auto least = [&](Value of) { return op<ReduceMinOp>({of, node.constant(1)}, intAttr(node, "keepdims", 0)); };
  Value done = op<GreaterOp>({least(counted), node.scalar(0, i32)});
  if (!stopsEarly) {
    // onnxruntime compares with the best of as many scores from another place on: it takes as many for each sentence
    // as there are beams, where there are twice as many.
    Value all = ::reshape(node, bestScores, {-1});
    Value most = op<ReduceMaxOp>({gather(all, op<AddOp>({firstRows, countTo(node, count)})), node.constant(1)},
                                 intAttr(node, "keepdims", 0));
    done = op<AndOp>({done, op<GreaterOrEqualOp>({least(state.endedScores), penalised(most)})});
  }
  state.isDone = op<OrOp>({state.isDone, done});
  return choice;
}

Value Search::allDone(const State &state) {
  Value least = op<ReduceMinOp>({castTo(node, state.isDone, i32), node.constant(0)}, intAttr(node, "keepdims", 0));
  return op<GreaterOp>({least, node.scalar(0, i32)});
}

/// Draws words of the fewest that have the share `top_p` of the probability together. The others, whose scores become
/// `filter_value`, are found in ascending order: those whose sum does not reach 1 - top_p; `custom` means in descending
/// order: those before which the sum exceeds top_p.
Value Search::sample(Value scores, State &state) {
  Value words = dimensionOf(node, scores, 1), places = countTo(node, words);
  auto sorted =
      words ? make<TopKOp>(node.b, {scores, words}, {intAttr(node, "axis", 1), intAttr(node, "largest", isCustom)}, 2)
            : TopKOp();
  if (!sorted)
    return {};
  Value shares = op<SoftmaxOp>(sorted.getValues(), intAttr(node, "axis", 1));
  shares = op<CumSumOp>({shares, node.scalar(1, i32)}, intAttr(node, "exclusive", isCustom));
  Value isOut = isCustom ? op<GreaterOp>({shares, number(topShare)})
                         : op<LessOrEqualOp>({shares, number(static_cast<float>(1 - static_cast<float>(topShare)))});
  if (!isCustom) { // the last ones stay, unless they are the first
    Value last = op<SubOp>({words, integer(keptTokens)});
    isOut = op<AndOp>({isOut, op<LessOp>({places, op<MaxOp>({last, integer(1)})})});
  }
  Value filtered = choose(isOut, number(filterValue), sorted.getValues());
  scores = op<ScatterElementsOp>({scores, sorted.getIndices(), filtered}, intAttr(node, "axis", 1));

  // Each sentence draws two numbers of x -> 16807 x mod (2^31 - 1) less one: the digits of its fraction, the lower
  // first.
  Type f64 = node.b.getF64Type();
  constexpr int64_t modulus = INT32_MAX;
  auto draw = [&](Value x) { return op<ModOp>({op<MulOp>({x, integer(16807)}), integer(modulus)}); };
  auto digit = [&](Value x) { return castTo(node, op<SubOp>({x, integer(1)}), f64); };
  Value base = node.scalar(modulus - 1, f64);
  auto drawn = makeLoop(node, ::reshape(node, batch, {}), node.scalar(1, node.b.getI1Type()), state.generator, {}, 1,
                        [&](Value, ValueRange carried) -> FailureOr<SmallVector<Value>> {
                          Value low = draw(carried[0]), high = draw(low);
                          Value sum = op<AddOp>({digit(low), op<MulOp>({digit(high), base})});
                          return SmallVector<Value>{node.scalar(1, node.b.getI1Type()), high,
                                                    op<DivOp>({sum, op<MulOp>({base, base})})};
                        });
  if (failed(drawn))
    return {};
  state.generator = (*drawn)[0];
  // The first word up to which the powers add up to more than that part of all.
  Value wide = castTo(node, scores, f64);
  Value powers = op<ExpOp>(op<SubOp>({wide, op<ReduceMaxOp>({wide, node.constant(1)})}));
  Value sums = op<CumSumOp>({powers, node.scalar(1, i32)}), all = gather(sums, node.constant(-1), 1);
  Value wanted = op<MulOp>({column(shaped((*drawn)[1], batch)), all});
  Value before = castTo(node, op<LessOrEqualOp>({sums, wanted}), i32);
  return op<ReduceSumOp>({before, node.constant(1)}, intAttr(node, "keepdims", 0));
}

//===- The loop -------------------------------------------------------------------------===//

/// Goes on from `state` until there is no room, or all is done. `feeds` are what the rounds hand to each other besides
/// it, `varying` those of them whose sizes change.
FailureOr<SmallVector<Value>>
Search::loop(State &state, Value goesOn, ArrayRef<Value> feeds, ArrayRef<std::pair<unsigned, unsigned>> varying,
             function_ref<FailureOr<SmallVector<Value>>(State &, ValueRange feeds)> round) {
  SmallVector<Value> carried = state.pack();
  unsigned stateCount = carried.size();
  llvm::append_range(carried, feeds);
  SmallVector<std::pair<unsigned, unsigned>> changing;
  for (auto [i, d] : varying)
    changing.push_back({stateCount + i, d});
  Value rounds = op<SubOp>({::reshape(node, room, {}), state.length});
  size_t before = stepScores.size();
  auto results = makeLoop(node, rounds, goesOn, carried, changing, hasStepScores,
                          [&](Value, ValueRange values) -> FailureOr<SmallVector<Value>> {
                            State inner = state;
                            inner.unpack(values);
                            auto next = round(inner, values);
                            if (failed(next))
                              return failure();
                            SmallVector<Value> yielded{op<NotOp>(allDone(inner))};
                            llvm::append_range(yielded, inner.pack());
                            llvm::append_range(yielded, *next);
                            llvm::append_range(yielded, ArrayRef(stepScores).drop_front(before));
                            return yielded;
                          });
  if (failed(results))
    return failure();
  ValueRange left = *results;
  state.unpack(left);
  stepScores.resize(before);
  if (hasStepScores) {
    SmallVector<Value> parts;
    for (Value first : stepScores)
      parts.push_back(unsqueeze(node, first, 0));
    parts.push_back(results->back());
    stepScores.assign(1, join(parts));
  }
  return SmallVector<Value>(left.take_front(feeds.size()));
}

LogicalResult Search::finishSearch(State &state) {
  Value none = node.scalar(pad, i32);
  if (method != Method::Beams)
    return finish(node, choose(op<LessOp>({columns, state.length}), state.sequences, none));
  // What has found no end counts as it is.
  Value scores = shaped(state.beamScores, {batch, width}), length = castTo(node, state.length, f32);
  scores = op<DivOp>({scores, lengthPenalty ? op<PowOp>({length, lengthPenalty}) : length});
  Value isDone = unsqueeze(node, state.isDone, 1);
  keepEnded(state, choose(isDone, number(-kInfinity), scores),
            spread(choose(isDone, integer(0), state.length), {batch, width}),
            shaped(state.sequences, {batch, width, room}));
  auto best = [&](Value value) { return gather(value, returned, 1); };
  Value isThere = op<LessOp>({columns, unsqueeze(node, best(state.endedLengths), 2)});
  SmallVector<Value> results{choose(isThere, best(state.endedSequences), none)};
  results.push_back(best(state.endedScores));
  results.resize(5, absent(node));
  results[4] = orAbsent(node, noSpeechShares);
  if (hasStepScores) {
    // Rounds that were not needed have no scores.
    Value all = stepScores.front(), made = dimensionOf(node, all, 0);
    Value wanted = op<SubOp>({room, ::reshape(node, initial.length, {1})});
    Value missing = op<MaxOp>({op<SubOp>({wanted, made}), node.constant(0)});
    Value rest = spread(number(0), {missing, shapeBehind(all)});
    all = join({all, rest});
    results[2] = shaped(all, {wanted, shapeBehind(all)});
  }
  results.truncate(std::min(node.resultCount, results.size()));
  return finish(node, results);
}

static Value firstOf(const FailureOr<SmallVector<Value>> &values) {
  return succeeded(values) ? values->front() : Value();
}

//===- Decoders -------------------------------------------------------------------------===//

/// Whether the caches of a decoder share a buffer with those of the next round. Then what the buffers hold stands
/// behind them, as inputs from `from` on: how many words, and where the beams have them.
FailureOr<bool> Search::isShared(const NodeGraph &decoder, size_t from) {
  static constexpr StringLiteral kNames[] = {"past_sequence_length", "beam_width", "cache_indirection"};
  size_t count = decoder.inputs.size() - from;
  bool fits = count == 0 || count == 1 || (count == 3 && width);
  for (size_t i = 0; fits && i < count; ++i)
    fits = decoder.inputs[from + i].first == kNames[i];
  if (!fits)
    return node.error() << "behind its caches a decoder may have past_sequence_length as an input, and with beams also "
                           "beam_width and cache_indirection; this one has '"
                        << decoder.inputs[from].first << "'";
  return count > 0;
}

/// Adds what the buffers hold. A beam's own row has all its words: rows are put into order after each round.
void Search::addShared(SmallVector<Value> &arguments, const NodeGraph &decoder, size_t from, Value pastLength) {
  size_t count = decoder.inputs.size() - from;
  if (count > 0)
    arguments.push_back(vector(castTo(node, pastLength, i32)));
  if (count > 1) {
    arguments.push_back(castTo(node, width, i32));
    arguments.push_back(spread(column(castTo(node, beams, i32)), {batch, width, room}));
  }
}

/// A cache [rows, heads, length, size] in a buffer that has room for all words.
Value Search::giveRoom(Value cache) {
  if (!cache)
    return {};
  auto sizes = [&](Value length) {
    Value shape = op<ShapeOp>(cache);
    return SmallVector<Value>{slice(node, shape, 0, node.constant(0), node.constant(2)), length,
                              slice(node, shape, 0, node.constant(3))};
  };
  Value rest = op<SubOp>({room, dimensionOf(node, cache, 2)});
  return shaped(join({cache, spread(node.scalar(0, getElementTypeOrSelf(cache)), sizes(rest))}, 2), sizes(room));
}

/// A cache as the graph declares it, with `rows` in dimension `axis` and place for `length` words, which are not there.
static Value emptyCache(NodeForm &node, const NodeGraph &graph, unsigned i, int64_t axis, Value rows, Value length) {
  auto type = dyn_cast_or_null<RankedTensorType>(graph.inputs[i].second);
  if (!type || type.getRank() != axis + 4 || !isa<FloatType>(type.getElementType())) {
    node.error() << "input '" << graph.inputs[i].first << "' of the decoder must be declared as floats of rank "
                 << axis + 4;
    return {};
  }
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    bool isFree = d == axis || d == axis + 2;
    if (!isFree && type.isDynamicDim(d)) {
      node.error() << "size " << d << " of input '" << graph.inputs[i].first
                   << "' of the decoder must be declared as a number";
      return {};
    }
    sizes.push_back(d == axis ? rows : d == axis + 2 ? length : node.constant(type.getDimSize(d)));
  }
  Value shape = build<ConcatOp>(node, sizes, intAttr(node, "axis", 0));
  return shape ? build<ExpandOp>(node, {node.scalar(0, type.getElementType()), shape}) : Value();
}

/// GPT-2: words, positions, the mask of all words so far, and for each layer keys and values [2, rows, heads, length,
/// size] as one cache.
LogicalResult Search::runDecoderOnly() {
  auto decoder = graph("decoder");
  if (failed(decoder))
    return failure();
  const NodeGraph *initialGraph = node.graph("init_decoder");
  const NodeGraph &each = **decoder, &first = initialGraph ? *initialGraph : each;
  size_t caches = each.outputCount - 1, behind = 3 + caches;
  if (each.inputs.size() < behind || first.inputs.size() < behind || first.outputCount != each.outputCount)
    return node.error() << "a decoder must have words, positions, a mask and the caches that it gives as inputs";
  auto shares = isShared(each, behind), firstShares = isShared(first, behind);
  if (failed(shares) || failed(firstShares))
    return failure();
  if (*shares != *firstShares)
    return node.error() << "the caches of 'init_decoder' and of 'decoder' must share buffers both, or none of them";
  if (getDims(ids).size() != 2 || failed(start(repeat(ids))))
    return node.error() << "input_ids must have the dimensions batch and sequence";
  // Padding has no position and, unless a mask is given, is not seen.
  Value isWord = castTo(node, op<NotOp>(op<EqualOp>({ids, node.scalar(pad, i32)})), i32);
  Value mask = node.operand(places.mask);
  mask = mask ? castTo(node, mask, i32) : isWord;
  Value ranks = op<SubOp>({op<CumSumOp>({isWord, node.scalar(1, i32)}), node.scalar(1, i32)});
  Value positions = choose(op<EqualOp>({isWord, node.scalar(0, i32)}), isWord, ranks);
  Value position = op<ReduceSumOp>({isWord, node.constant(1)}, intAttr(node, "keepdims", 1));

  SmallVector<Value> arguments{repeat(ids), repeat(positions), repeat(mask)};
  for (size_t i = 0; i < caches; ++i)
    arguments.push_back(emptyCache(node, first, 3 + i, 1, rows, *shares ? room : node.constant(0)));
  addShared(arguments, first, behind, integer(0));
  if (llvm::is_contained(arguments, Value()))
    return failure();
  auto outputs = call(first, arguments);
  State state = initial;
  auto choice = next(firstOf(outputs), state, /*isFirst=*/true);
  if (failed(choice))
    return failure();
  Value more = spread(node.scalar(1, i32), {rows, node.constant(1)});
  auto feed = [&](const Choice &choice, Value position, Value mask, ArrayRef<Value> presents) {
    SmallVector<Value> feeds{column(choice.tokens), position, join({mask, more}, 1)};
    for (Value present : presents)
      feeds.push_back(follow(present, choice, 1));
    return feeds;
  };
  SmallVector<Value> feeds = feed(*choice, repeat(position), arguments[2], ArrayRef(*outputs).drop_front());
  SmallVector<std::pair<unsigned, unsigned>> varying{{2, 1}};
  for (unsigned i = 0; i < caches && !*shares; ++i)
    varying.push_back({3 + i, 3});
  auto left = loop(state, op<NotOp>(allDone(state)), feeds, varying,
                   [&](State &state, ValueRange feeds) -> FailureOr<SmallVector<Value>> {
                     SmallVector<Value> arguments(feeds);
                     addShared(arguments, each, behind, op<SubOp>({state.length, integer(1)}));
                     auto outputs = call(each, arguments);
                     auto choice = next(firstOf(outputs), state, /*isFirst=*/false);
                     if (failed(choice))
                       return failure();
                     return feed(*choice, op<AddOp>({feeds[1], node.scalar(1, i32)}), feeds[2],
                                 ArrayRef(*outputs).drop_front());
                   });
  return failed(left) ? failure() : finishSearch(state);
}

/// T5: an encoder reads the words and gives, for each layer, keys and values [batch, heads, length, size] for the
/// decoder to look at; the decoder has others of its own words. The encoder may give the scores of the first word,
/// too; then it has looked at the decoder's first ones. Whisper: that one always does, and reads features, not words.
LogicalResult Search::runEncoderDecoder() {
  auto encoderOrNone = graph("encoder"), decoderOrNone = graph("decoder");
  if (failed(encoderOrNone) || failed(decoderOrNone))
    return failure();
  const NodeGraph &encoder = **encoderOrNone, &decoder = **decoderOrNone;
  bool hears = model == kWhisper, isFirstInEncoder = hears || encoder.inputs.size() == 3;
  size_t own = decoder.outputCount - 1; // caches of its own words
  size_t firstCache = 1;                // behind the words and what the encoder has read and made of it
  while (firstCache < decoder.inputs.size() && StringRef(decoder.inputs[firstCache].first).starts_with("encoder_"))
    ++firstCache;
  size_t behind = firstCache + 2 * own;
  if (encoder.inputs.size() != (hears || !isFirstInEncoder ? 2 : 3))
    return node.error() << (hears
                                ? "the encoder must have features and the decoder's first words as inputs"
                                : "the encoder must have words, a mask and perhaps the decoder's first one as inputs");
  if (encoder.outputCount != (isFirstInEncoder ? 2 + 2 * own : own) || decoder.inputs.size() < behind)
    return node.error() << "the caches of the encoder and the decoder do not fit";
  auto shares = isShared(decoder, behind);
  if (failed(shares))
    return failure();
  if (getDims(ids).size() != (hears ? 3 : 2))
    return node.error() << "input_ids must have the dimensions batch"
                        << (hears ? ", features and sequence" : " and sequence");
  Value begin = hears ? node.operand(places.beginning) : Value();
  if (!begin && firstToken < 0)
    return node.error() << "decoder_start_token_id must be given" << (hears ? ", or decoder_input_ids" : "");
  if (!begin)
    begin = spread(node.scalar(firstToken, i32), {batch, node.constant(1)});
  if (begin && getDims(begin).size() != 2)
    return node.error() << "decoder_input_ids must have the dimensions batch and sequence";
  auto type = dyn_cast_or_null<RankedTensorType>(decoder.inputs[0].second);
  bool takesAll = !type || type.getRank() != 2 || type.getDimSize(1) != 1; // words so far, not the last one alone

  SmallVector<Value> arguments{ids};
  Value mask;
  if (!hears) { // padding in front is not seen; features have none, and a mask of them means nothing
    mask = node.operand(places.mask);
    if (!mask) {
      Value isWord = castTo(node, op<NotOp>(op<EqualOp>({ids, node.scalar(pad, i32)})), i32);
      mask = op<GreaterOp>({op<CumSumOp>({isWord, node.scalar(1, i32)}), node.scalar(0, i32)});
    }
    mask = castTo(node, mask, i32);
    arguments.push_back(mask);
  }
  if (isFirstInEncoder)
    arguments.push_back(begin);
  if (failed(start(repeat(begin))))
    return failure();
  auto encoded = call(encoder, arguments);
  if (failed(encoded))
    return failure();

  State state = initial;
  Value goesOn = node.scalar(1, node.b.getI1Type());
  ArrayRef<Value> outputs = *encoded;
  SmallVector<Value> caches, fixed, across;
  for (auto &input : ArrayRef(decoder.inputs).slice(1, firstCache - 1)) {
    StringRef name = input.first;
    Value value;
    if (name == "encoder_attention_mask")
      value = mask;
    else if (name == "encoder_input_ids")
      value = ids;
    else if (name == "encoder_hidden_states" && isFirstInEncoder)
      value = outputs[1];
    if (!value)
      return node.error() << "the decoder takes what the encoder does not give: " << name;
    fixed.push_back(repeat(value));
  }
  if (hears && node.isRead(4))
    noSpeechShares = gather(op<SoftmaxOp>(takeLast(outputs[0]), intAttr(node, "axis", -1)), integer(noSpeech), 1);
  Value words = repeat(begin);
  if (isFirstInEncoder) {
    auto choice = next(repeat(outputs[0]), state, /*isFirst=*/true);
    if (failed(choice))
      return failure();
    for (Value cache : outputs.slice(2, own)) {
      cache = follow(repeat(cache), *choice, 0);
      caches.push_back(*shares ? giveRoom(cache) : cache);
    }
    outputs = outputs.drop_front(2 + own);
    words = column(choice->tokens);
  }
  for (Value cache : outputs)
    across.push_back(repeat(cache));
  auto advance = [&](Value words, ArrayRef<Value> caches, State &state, bool isFirst) -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> arguments{takesAll ? cut(state.sequences, state.length, 1) : words};
    llvm::append_range(arguments, fixed);
    llvm::append_range(arguments, caches);
    llvm::append_range(arguments, across);
    addShared(arguments, decoder, behind, op<SubOp>({state.length, integer(1)}));
    auto outputs = call(decoder, arguments);
    auto choice = next(firstOf(outputs), state, isFirst);
    if (failed(choice))
      return failure();
    SmallVector<Value> feeds{column(choice->tokens)};
    for (Value cache : ArrayRef(*outputs).drop_front())
      feeds.push_back(follow(cache, *choice, 0));
    return feeds;
  };
  SmallVector<Value> feeds{words};
  if (isFirstInEncoder) {
    llvm::append_range(feeds, caches);
  } else {
    for (size_t i = 0; i < own; ++i)
      caches.push_back(emptyCache(node, decoder, firstCache + i, 0, rows, *shares ? room : node.constant(0)));
    auto made = advance(words, caches, state, /*isFirst=*/true);
    if (failed(made))
      return failure();
    feeds = *made;
    goesOn = op<NotOp>(allDone(state));
  }
  SmallVector<std::pair<unsigned, unsigned>> varying;
  for (unsigned i = 0; i < own && !*shares; ++i)
    varying.push_back({1 + i, 2});
  auto left = loop(state, goesOn, feeds, varying, [&](State &state, ValueRange feeds) {
    return advance(feeds[0], SmallVector<Value>(feeds.drop_front()), state, /*isFirst=*/false);
  });
  return failed(left) ? failure() : finishSearch(state);
}

LogicalResult Search::run() {
  for (auto [i, operand] : llvm::enumerate(node.operands)) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!isa<NoneType>(operand.getType()) && (!type || !type.getElementType().isIntOrFloat()))
      return node.error() << "input " << i << " must be a tensor of numbers";
  }
  bool isForWhisper = places.forced != Places::kNone;
  model = takeInt(node, "model_type", isForWhisper ? kWhisper : kGpt);
  if (failed(takeSettings()))
    return failure();
  hasStepScores = method == Method::Beams && node.isRead(2);
  if (model == kGpt && !isForWhisper)
    return runDecoderOnly();
  if (method == Method::Beams && (model == kWhisper || (model == kT5 && !isForWhisper)))
    return runEncoderDecoder();
  return node.error() << "model_type " << model << " is not one of " << node.name;
}

static LogicalResult expandGreedySearch(NodeForm &node) { return Search(node, Method::Greedy, kGreedyPlaces).run(); }
static LogicalResult expandSampling(NodeForm &node) { return Search(node, Method::Sampling, kSamplingPlaces).run(); }
static LogicalResult expandBeamSearch(NodeForm &node) { return Search(node, Method::Beams, kBeamPlaces).run(); }
static LogicalResult expandWhisperBeamSearch(NodeForm &node) {
  return Search(node, Method::Beams, kWhisperPlaces).run();
}

void onnxc::onnx::registerGenerationOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "com.microsoft");
  };
  add("GreedySearch", expandGreedySearch);
  add("Sampling", expandSampling);
  add("BeamSearch", expandBeamSearch);
  add("WhisperBeamSearch", expandWhisperBeamSearch);
}
