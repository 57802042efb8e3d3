//===- dialects/onnx/ops/Text.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators on text: calls of runtime/library/text.c, ngrams.c, regex.c and tokens.c, with tables that are made here.
#include "dialects/onnx/ops/Text.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Lexicon.h"
#include "dialects/onnx/support/Regex.h"
#include "dialects/onnx/support/Text.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "runtime/library/unicode.h"
#include <map>

using namespace mlir;
using namespace onnxc::onnx;

static Type int64(Operation *op) { return IntegerType::get(op->getContext(), 64); }

static RankedTensorType vectorOf(Type element, size_t size) {
  return makeTensor(ArrayRef<int64_t>{static_cast<int64_t>(size)}, element);
}

//===- StringConcat -----------------------------------------------------------------===//

LogicalResult StringConcatOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = broadcast(*this, {getDims(getX()), getDims(getY())});
  if (failed(dims))
    return failure();
  types.push_back(makeTensor(*dims, StringType::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> StringConcatOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Type type = getZ().getType();
  b.bindBroadcast(getDims(type), {getDims(getX()), getDims(getY())});
  Value x = broadcastTo(b, operands[0], getX().getType(), type);
  Value y = broadcastTo(b, operands[1], getY().getType(), type);
  return b.call("onnxc_text_concat", {x, y}, {type, type}, type, {});
}

//===- StringSplit ------------------------------------------------------------------===//

LogicalResult StringSplitOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkText(*this, "delimiter", getDelimiter())))
    return failure();
  Dims dims = getDims(getX());
  types.push_back(nullptr);
  types.push_back(makeTensor(dims, int64(*this)));
  dims.push_back(freshSymbol(*this, 0, dims.size()));
  types[0] = makeTensor(dims, StringType::get(getContext()));
  return success();
}

FailureOr<SmallVector<Value>> StringSplitOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Type text = StringType::get(getContext());
  RankedTensorType delimiterType = vectorOf(text, 1);
  // "Splits as many as possible" where it is left out. So does the reference where it is negative.
  Value most = b.numbers(getMaxsplit().value_or(-1));
  SmallVector<Value> results =
      b.call("onnxc_text_split", {operands[0], b.strings(delimiterType, getDelimiter()), most},
             {getX().getType(), delimiterType, vectorOf(b.getI64Type(), 1)}, getZ().getType(), getY().getType());
  return SmallVector<Value>{results[1], results[0]};
}

//===- StringNormalizer -------------------------------------------------------------===//

LogicalResult StringNormalizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getX());
  // "This operator only accepts [C]- and [1, C]-tensor."
  auto rows = dims.size() == 2 ? getConstant(dims[0]) : std::optional<int64_t>(1);
  if (dims.empty() || dims.size() > 2 || (rows && *rows != 1))
    return emitOpError("takes tensors of shape [C] or [1, C]");
  if (StringRef action = getCaseChangeAction(); action != "NONE" && action != "LOWER" && action != "UPPER")
    return emitOpError("case_change_action is \"NONE\", \"LOWER\" or \"UPPER\", not \"") << action << '"';
  bool drops = getStopwords() && !getStopwords()->empty();
  if (drops &&
      failed(checkText(*this, "stopwords", SmallVector<StringRef>(getStopwords()->getAsValueRange<StringAttr>()))))
    return failure();
  // What is empty becomes one empty string.
  if (auto size = getConstant(dims.back()); drops || !size || *size == 0)
    dims.back() = freshSymbol(*this, 0, dims.size() - 1);
  if (dims.size() == 2)
    dims[0] = makeDim(getContext(), 1);
  types.push_back(makeTensor(dims, StringType::get(getContext())));
  return success();
}

/// The case of letters depends on the language in two alphabets only: those with a dotless i.
static bool hasDotlessI(std::optional<StringRef> locale) {
  StringRef language = locale ? locale->take_while(llvm::isAlpha) : StringRef();
  return language.equals_insensitive("tr") || language.equals_insensitive("az");
}

/// `text` as unicode.h changes it; what is not UTF-8 stays.
static std::string changeCase(StringRef text, int change, bool dotless) {
  std::string changed;
  const std::string terminated = text.str();
  for (const char *at = terminated.c_str(); *at;) {
    uint32_t letter;
    at += onnxc_decode(at, &letter);
    char bytes[4];
    changed.append(bytes, onnxc_encode(onnxc_change_case(letter, change, dotless), bytes));
  }
  return changed;
}

FailureOr<SmallVector<Value>> StringNormalizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getX());
  if (dims.size() == 2)
    b.requireEqual(dims[0], makeDim(getContext(), 1), "StringNormalizer: the first size is not 1");
  int change = llvm::StringSwitch<int>(getCaseChangeAction())
                   .Case("LOWER", ONNXC_LOWER)
                   .Case("UPPER", ONNXC_UPPER)
                   .Default(ONNXC_SAME);
  // Words that are compared without their case are compared in the one that the result has, small letters by default.
  int compared = getIsCaseSensitive() ? ONNXC_SAME : change == ONNXC_UPPER ? ONNXC_UPPER : ONNXC_LOWER;
  bool dotless = hasDotlessI(getLocale());
  std::vector<std::string> words;
  if (getStopwords())
    for (StringRef word : getStopwords()->getAsValueRange<StringAttr>())
      words.push_back(changeCase(word, compared, dotless));
  llvm::sort(words);
  words.erase(llvm::unique(words), words.end());
  SmallVector<StringRef> refs(words.begin(), words.end());
  RankedTensorType wordsType = vectorOf(StringType::get(getContext()), words.size());
  Type numbersType = vectorOf(b.getI64Type(), 3);
  return b.call("onnxc_text_normalize",
                {operands[0], b.strings(wordsType, refs), b.numbers({change, compared, dotless})},
                {getX().getType(), wordsType, numbersType}, {}, getY().getType());
}

static Value makeTable(LoweringBuilder &b, ArrayRef<int32_t> numbers) {
  auto type = RankedTensorType::get(static_cast<int64_t>(numbers.size()), b.getI32Type());
  auto bytes = ArrayRef(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(int32_t));
  return arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(type, bytes)));
}

//===- RegexFullMatch ---------------------------------------------------------------===//

LogicalResult RegexFullMatchOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (!getPattern())
    return emitOpError("needs a pattern");
  if (failed(checkText(*this, "pattern", *getPattern())))
    return failure();
  types.push_back(withElementType(getX().getType(), IntegerType::get(getContext(), 1)));
  return success();
}

FailureOr<SmallVector<Value>> RegexFullMatchOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  std::string problem;
  auto tables = compileRegex(*getPattern(), problem);
  if (!tables)
    return emitOpError("pattern: ") << problem;
  auto table = [&](ArrayRef<int32_t> numbers) { return makeTable(b, numbers); };
  Type i32 = b.getI32Type(), x = getX().getType(), y = getY().getType();
  if (!tables->transitions.empty())
    return b.call("onnxc_regex_run_table", {operands[0], table(tables->classes), table(tables->transitions)},
                  {x, vectorOf(i32, tables->classes.size()), vectorOf(i32, tables->transitions.size())}, y, {});
  return b.call("onnxc_regex_run_program", {operands[0], table(tables->program)},
                {x, vectorOf(i32, tables->program.size())}, y, {});
}

//===- Tokenizer (com.microsoft) --------------------------------------------------------===//

/// Regular expressions: of tokens, or of what separates them. Without any, every letter is a token.
static SmallVector<StringRef> getExpressions(TokenizerOp op) {
  if (!op.getSeparators())
    return op.getTokenexp() == "." ? SmallVector<StringRef>() : SmallVector<StringRef>{op.getTokenexp().value_or("")};
  SmallVector<StringRef> separators(op.getSeparators()->getAsValueRange<StringAttr>());
  return separators.size() == 1 && separators[0].empty() ? SmallVector<StringRef>() : separators;
}

LogicalResult TokenizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getX());
  if (dims.empty() || dims.size() > 2)
    return emitOpError("takes tensors of shape [C] or [N, C]");
  if (getMincharnum() < 1)
    return emitOpError("mincharnum must be positive");
  if (getSeparators() ? getSeparators()->empty() : getTokenexp().value_or("").empty())
    return emitOpError("needs separators or a tokenexp");
  SmallVector<StringRef> expressions = getExpressions(*this);
  if (expressions.empty() && getMincharnum() > 1)
    return emitOpError("mincharnum is ") << getMincharnum() << ", and every letter is a token";
  if (failed(checkText(*this, getSeparators() ? "separators" : "tokenexp", expressions)) ||
      failed(checkText(*this, "pad_value", getPadValue())))
    return failure();
  dims.push_back(freshSymbol(*this, 0, dims.size()));
  types.push_back(makeTensor(dims, StringType::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> TokenizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  std::vector<int32_t> finders;
  for (StringRef expression : getExpressions(*this)) {
    std::string problem;
    std::vector<int32_t> finder = compileRegexFinder(expression, problem);
    if (finder.empty())
      return emitOpError("regular expression \"") << expression << "\": " << problem;
    llvm::append_range(finders, finder);
  }
  RankedTensorType padType = vectorOf(StringType::get(getContext()), 1);
  Value numbers = b.numbers({getMark() != 0, getMincharnum(), getSeparators().has_value()});
  return b.call("onnxc_text_tokenize", {operands[0], makeTable(b, finders), b.strings(padType, getPadValue()), numbers},
                {getX().getType(), vectorOf(b.getI32Type(), finders.size()), padType, vectorOf(b.getI64Type(), 3)}, {},
                getY().getType());
}

//===- TfIdfVectorizer --------------------------------------------------------------===//

LogicalResult TfIdfVectorizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  bool isTextual = isText(getX().getType());
  auto strings = getPoolStrings();
  auto numbers = getPoolInt64s();
  size_t stringCount = strings ? strings->size() : 0, numberCount = numbers ? numbers->size() : 0;
  // "Only one of pool_strings and pool_int64s can be set." Some exporters write the other one as an empty list.
  if ((stringCount != 0) == (numberCount != 0))
    return emitOpError("needs either pool_strings or pool_int64s");
  if (isTextual != (stringCount != 0))
    return emitOpError("the pool and the input are of different types");
  if (isTextual &&
      failed(checkText(*this, "pool_strings", SmallVector<StringRef>(strings->getAsValueRange<StringAttr>()))))
    return failure();
  if (getMode() != "TF" && getMode() != "IDF" && getMode() != "TFIDF")
    return emitOpError("mode is \"TF\", \"IDF\" or \"TFIDF\", not \"") << getMode() << '"';
  if (getMinGramLength() < 1 || getMaxGramLength() < getMinGramLength() || getMaxSkipCount() < 0)
    return emitOpError("needs 1 <= min_gram_length <= max_gram_length and max_skip_count >= 0");
  int64_t total = stringCount + numberCount, grams = 0;
  ArrayRef<int64_t> starts = getNgramCounts();
  for (auto [i, start] : llvm::enumerate(starts)) {
    int64_t end = i + 1 < starts.size() ? starts[i + 1] : total, length = i + 1;
    if (start < 0 || end < start || end > total)
      return emitOpError("ngram_counts are not in order, or beyond the pool");
    if ((end - start) % length != 0)
      return emitOpError("the pool has ") << end - start << " items for n-grams of length " << length;
    grams += (end - start) / length;
  }
  ArrayRef<int64_t> places = getNgramIndexes();
  if (grams > static_cast<int64_t>(places.size()) || places.empty())
    return emitOpError("ngram_indexes has ") << places.size() << " items for " << grams << " n-grams";
  if (*llvm::min_element(places) < 0 || *llvm::max_element(places) >= std::numeric_limits<int32_t>::max())
    return emitOpError("an item of ngram_indexes is out of range");
  int64_t width = *llvm::max_element(places) + 1;
  if (auto weights = getWeights(); weights && !weights->empty() && static_cast<int64_t>(weights->size()) < width)
    return emitOpError("has ") << weights->size() << " weights for " << width << " columns";
  Dims dims = getDims(getX());
  if (dims.size() > 2)
    return emitOpError("takes tensors of rank 1 or 2");
  // A scalar is a sequence of one, as in the reference.
  Dims result = dims.size() == 2 ? Dims{dims[0]} : Dims{};
  result.push_back(makeDim(getContext(), width));
  types.push_back(makeTensor(result, Float32Type::get(getContext())));
  return success();
}

namespace {
/// The n-grams of the pool as a tree: from a node (0 is the root) an edge for each token that goes on; a node that ends
/// an n-gram has its column.
struct GramTree {
  std::map<std::pair<int64_t, int64_t>, int64_t> edges; ///< (node, token) -> node
  SmallVector<int64_t> columns{-1};

  void add(ArrayRef<int64_t> tokens, int64_t column) {
    int64_t node = 0;
    for (int64_t token : tokens) {
      auto [edge, isNew] = edges.try_emplace({node, token}, columns.size());
      if (isNew)
        columns.push_back(-1);
      node = edge->second;
    }
    columns[node] = column; // of n-grams that are the same, the last counts
  }
};
} // namespace

/// Tokens become their rank in the sorted list of the pool's, the tree a sorted list of edges: rows (node, token, next
/// node, its column).
FailureOr<SmallVector<Value>> TfIdfVectorizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  bool isTextual = isText(getX().getType());
  SmallVector<int64_t> pool;
  Value tokens;
  RankedTensorType tokensType;
  auto rank = [&](auto items) {
    auto sorted = items;
    llvm::sort(sorted);
    sorted.erase(llvm::unique(sorted), sorted.end());
    for (auto item : items)
      pool.push_back(llvm::lower_bound(sorted, item) - sorted.begin());
    return sorted;
  };
  if (isTextual) {
    auto sorted = rank(SmallVector<StringRef>(getPoolStrings()->getAsValueRange<StringAttr>()));
    tokensType = vectorOf(StringType::get(getContext()), sorted.size());
    tokens = b.strings(tokensType, sorted);
  } else {
    auto sorted = rank(SmallVector<int64_t>(*getPoolInt64s()));
    tokensType = vectorOf(b.getI64Type(), sorted.size());
    tokens = b.numbers(sorted);
  }
  GramTree tree;
  ArrayRef<int64_t> starts = getNgramCounts(), places = getNgramIndexes();
  size_t gram = 0;
  for (auto [i, start] : llvm::enumerate(starts)) {
    int64_t end = i + 1 < starts.size() ? starts[i + 1] : pool.size(), length = i + 1;
    bool isUsed = length >= getMinGramLength() && length <= getMaxGramLength();
    for (int64_t at = start; at < end; at += length, ++gram)
      if (isUsed)
        tree.add(ArrayRef(pool).slice(at, length), places[gram]);
  }
  SmallVector<int64_t> edges;
  for (auto [from, to] : tree.edges)
    edges.append({from.first, from.second, to, tree.columns[to]});
  // By column, not by n-gram: so do the reference and others, whatever the text of the specification says.
  int64_t width = cast<RankedTensorType>(getY().getType()).getShape().back();
  std::vector<float> weights(width, 1.0f);
  if (auto given = getWeights(); given && !given->empty() && getMode() != "TF")
    std::copy_n(given->begin(), width, weights.begin());
  auto weightsType = RankedTensorType::get(width, b.getF32Type());
  auto bytes = ArrayRef(reinterpret_cast<const char *>(weights.data()), weights.size() * sizeof(float));
  Value weightsTable = arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(weightsType, bytes)));
  Value numbers = b.numbers({static_cast<int64_t>(getMinGramLength()), static_cast<int64_t>(getMaxGramLength()),
                             static_cast<int64_t>(getMaxSkipCount()), getMode() == "IDF"});
  Type i64 = b.getI64Type();
  return b.call("onnxc_count_ngrams", {operands[0], tokens, b.numbers(edges), weightsTable, numbers},
                {getX().getType(), tokensType, vectorOf(i64, edges.size()), weightsType, vectorOf(i64, 4)},
                getY().getType(), {});
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Text.cpp.inc"

void onnxc::onnx::registerTextOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Text.cpp.inc"
      >();
}
