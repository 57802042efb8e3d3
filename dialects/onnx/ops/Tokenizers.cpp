//===- dialects/onnx/ops/Tokenizers.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tokenizers: calls of runtime/library/wordpiece.c and bpe.c with tables that are made of the vocabularies here. What
// they compute: https://github.com/microsoft/onnxruntime-extensions, docs/custom_ops.md, and version 0.15 of the
// package.
#include "dialects/onnx/ops/Tokenizers.h"
#include "dialects/onnx/support/Lexicon.h"
#include "dialects/onnx/support/Regex.h"
#include "dialects/onnx/support/Text.h"
#include "dialects/onnx/support/Upgrade.h"
#include "runtime/library/unicode.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace onnxc::onnx;

using Vocabulary = std::map<std::string, int32_t>;

static Type int64(Operation *op) { return IntegerType::get(op->getContext(), 64); }
static Type stringType(Operation *op) { return StringType::get(op->getContext()); }

//===- BERT ---------------------------------------------------------------------------------===//

LogicalResult BasicTokenizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(makeTensor({freshSymbol(*this, 0, 0)}, stringType(*this)));
  return success();
}

FailureOr<SmallVector<Value>> BasicTokenizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  SmallVector<Value> inputs{operands[0]};
  SmallVector<Type> types{getText().getType()};
  addNumbers(b,
             {getDoLowerCase() != 0, getTokenizeChineseChars() != 0, getStripAccents() != 0,
              getTokenizePunctuation() != 0, getRemoveControlChars() != 0},
             inputs, types);
  return b.call("onnxc_basic_tokens", inputs, types, {}, getTokens().getType(), {"takes one text"});
}

/// A line for each token; its number is how many lines that are not empty come before it.
static Vocabulary readLines(StringRef lines) {
  Vocabulary vocabulary;
  int32_t number = 0;
  for (StringRef line : splitAtAny(lines, "\r\n"))
    vocabulary[line.str()] = number++;
  return vocabulary;
}

static LogicalResult requireTokens(Operation *op, const Vocabulary &vocabulary, ArrayRef<StringRef> tokens) {
  for (StringRef token : tokens)
    if (!vocabulary.count(token.str()))
      return op->emitOpError("the vocabulary has no token '") << token << "'";
  return success();
}

LogicalResult BertTokenizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  Vocabulary vocabulary = readLines(getVocabFile());
  if (failed(requireTokens(*this, vocabulary,
                           {getUnkToken(), getSepToken(), getPadToken(), getClsToken(), getMaskToken()})) ||
      failed(checkText(*this, "suffix_indicator", getSuffixIndicator())))
    return failure();
  AffineExpr count = freshSymbol(*this, 0, 0);
  types.assign(3, makeTensor({count}, int64(*this)));
  types.push_back(makeTensor({count, makeDim(getContext(), 2)}, int64(*this)));
  return success();
}

FailureOr<SmallVector<Value>> BertTokenizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Vocabulary vocabulary = readLines(getVocabFile());
  auto number = [&](StringRef token) { return vocabulary[token.str()]; };
  SmallVector<Value> inputs{operands[0]};
  SmallVector<Type> types{getText().getType()};
  addLexicon(b, vocabulary, inputs, types);
  addText(b, getSuffixIndicator(), inputs, types);
  int64_t most = static_cast<int64_t>(getMaxLength()) > 2 ? static_cast<int64_t>(getMaxLength()) - 2 : 0;
  addNumbers(b,
             {number(getUnkToken()), number(getClsToken()), number(getSepToken()), getDoBasicTokenize() != 0,
              getDoLowerCase() != 0, getTokenizeChineseChars() != 0, getStripAccents() != 0, most},
             inputs, types);
  return b.call("onnxc_bert_tokens", inputs, types, {}, getResultTypes(), {"takes one text or two"});
}

/// The same, as rows of a batch of one, and with the results in another order.
static LogicalResult expandHfBertTokenizer(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  auto op = make<BertTokenizerOp>(node.b, node.operand(0), takeThoseOf<BertTokenizerOp>(node), 4);
  if (!op)
    return failure();
  return finish(node, {unsqueeze(node, op.getInputIds(), {0}), unsqueeze(node, op.getAttentionMask(), {0}),
                       unsqueeze(node, op.getTokenTypeIds(), {0})});
}

LogicalResult BertTokenizerDecoderOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkText(*this, "unk_token", getUnkToken())) || failed(checkText(*this, "vocab_file", getVocabFile())))
    return failure();
  bool hasRanges = getUseIndices() != 0;
  auto ranges = dyn_cast<RankedTensorType>(getPosition().getType());
  if (hasRanges && (!ranges || ranges.getRank() != 2 || (!ranges.isDynamicDim(1) && ranges.getDimSize(1) != 2)))
    return emitOpError("with use_indices needs positions of shape [n, 2]");
  types.push_back(makeTensor({hasRanges ? getDims(ranges)[0] : makeDim(getContext(), 1)}, stringType(*this)));
  return success();
}

FailureOr<SmallVector<Value>> BertTokenizerDecoderOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  if (getUseIndices())
    b.requireEqual(getDims(getPosition())[1], makeDim(getContext(), 2), "BertTokenizerDecoder: a range is two numbers");
  SmallVector<StringRef> lines = splitAtAny(getVocabFile(), "\n");
  // Of the separator and the padding, the one that comes last in the vocabulary is special, as in the package.
  StringRef separator;
  for (StringRef line : lines)
    if (line == getSepToken() || line == getPadToken())
      separator = line;
  std::vector<LexiconEntry> tokens;
  for (StringRef line : lines) {
    bool isSpecial = line == separator || line == getClsToken() || line == getMaskToken();
    bool isSuffix = line.consume_front(getSuffixIndicator());
    tokens.push_back({line.str(), (isSuffix ? 1 : 0) + (isSpecial && getSkipSpecialTokens() ? 2 : 0)});
  }
  SmallVector<Value> inputs{operands[0]};
  SmallVector<Type> types{getIds().getType()};
  if (operands[1]) {
    inputs.push_back(operands[1]);
    types.push_back(getPosition().getType());
  } else {
    addNumbers(b, {0, 0}, inputs, types);
  }
  addLexicon(b, tokens, inputs, types);
  addText(b, getUnkToken(), inputs, types);
  addNumbers(b, {getUseIndices() != 0, getCleanUpTokenizationSpaces() != 0}, inputs, types);
  return b.call("onnxc_bert_text", inputs, types, {}, getStr().getType(), {"a range is out of bounds"});
}

/// A vocabulary as JSON: {"token": number, ...}. Reports what is wrong with it.
static FailureOr<Vocabulary> readJson(Operation *op, StringRef name, StringRef source) {
  auto json = llvm::json::parse(source);
  auto problem = [&](const Twine &what) { return op->emitOpError() << name << ": " << what; };
  if (!json)
    return problem("it is not JSON: " + llvm::toString(json.takeError()));
  const llvm::json::Object *object = json->getAsObject();
  if (!object)
    return problem("it is not an object of tokens and numbers");
  Vocabulary vocabulary;
  for (const auto &[token, value] : *object) {
    auto number = value.getAsInteger();
    if (!number || *number < 0 || *number > std::numeric_limits<int32_t>::max())
      return problem("the number of '" + StringRef(token) + "' is none that a token can have");
    vocabulary[token.str()] = static_cast<int32_t>(*number);
  }
  return vocabulary;
}

LogicalResult WordpieceTokenizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(readJson(*this, "vocab", getVocab())) ||
      failed(checkText(*this, "suffix_indicator or unknown_token", {getSuffixIndicator(), getUnknownToken()})))
    return failure();
  AffineExpr rows = freshSymbol(*this, 2, 0);
  types.push_back(makeTensor({freshSymbol(*this, 0, 0)}, stringType(*this)));
  types.push_back(makeTensor({freshSymbol(*this, 1, 0)}, int64(*this)));
  types.append(2, makeTensor({rows}, int64(*this)));
  return success();
}

FailureOr<SmallVector<Value>> WordpieceTokenizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto vocabulary = readJson(*this, "vocab", getVocab());
  SmallVector<Value> inputs{operands[0]};
  SmallVector<Type> types{getText().getType()};
  addLexicon(b, *vocabulary, inputs, types);
  addText(b, getSuffixIndicator(), inputs, types);
  addText(b, getUnknownToken(), inputs, types);
  if (operands[1]) {
    inputs.push_back(operands[1]);
    types.push_back(getRowIndices().getType());
  } else {
    addNumbers(b, {}, inputs, types);
  }
  addNumbers(b, static_cast<int64_t>(getMaxInputCharsPerWord()), inputs, types);
  return b.call("onnxc_word_pieces", inputs, types, {}, getResultTypes());
}

//===- Byte pairs ---------------------------------------------------------------------------===//

namespace {
/// The tokens that a kind of model has besides its vocabulary; empty: none.
struct BytePairKind {
  StringRef unknown, begin, end, padding;
  bool isClip = false;
  ArrayRef<StringRef> models; ///< the values of model_name that mean the same
};

/// What is known of a tokenizer: see runtime/library/bpe.c.
struct BytePairs {
  Vocabulary vocabulary; ///< as the attribute spells it
  std::vector<std::array<int32_t, 4>> merges;
  std::vector<LexiconEntry> specials;
  int64_t begin = -1, end = -1, padding = 0;
};
} // namespace

static constexpr StringRef kGpt2Models[] = {"", "GPT2", "CodeGen"}, kClipModels[] = {"", "CLIP"},
                           kRobertaModels[] = {"", "Roberta"};

static BytePairKind kindOf(Operation *op) {
  if (isa<CLIPTokenizerOp>(op))
    return {"<|endoftext|>", "<|startoftext|>", "<|endoftext|>", "<|endoftext|>", true, kClipModels};
  if (isa<RobertaTokenizerOp>(op))
    return {"<unk>", "<s>", "</s>", "<pad>", false, kRobertaModels};
  return {"<|endoftext|>", "", "", "", false, kGpt2Models};
}

/// The byte that a letter of a vocabulary stands for: bytes that can't be seen have letters from 256 on.
static std::optional<char> byteOf(uint32_t letter) {
  auto isSeen = [](uint32_t byte) { return (byte > 32 && byte < 127) || (byte > 160 && byte < 256 && byte != 173); };
  if (isSeen(letter))
    return static_cast<char>(letter);
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte)
    if (!isSeen(byte) && next++ == letter)
      return static_cast<char>(byte);
  return std::nullopt;
}

/// The bytes that a token stands for; none where it can't be one of a text.
static std::optional<std::string> bytesOf(const std::string &token) {
  std::string bytes;
  for (const char *at = token.c_str(), *end = at + token.size(); at < end;) {
    uint32_t letter;
    at += onnxc_decode(at, &letter);
    auto byte = byteOf(letter);
    if (!byte)
      return std::nullopt;
    bytes += *byte;
  }
  return bytes;
}

template <typename OpT> static FailureOr<BytePairs> readBytePairs(OpT op) {
  BytePairKind kind = kindOf(op);
  if (!llvm::is_contained(kind.models, op.getModelName()))
    return op.emitOpError("the model_name '") << op.getModelName() << "' is not supported";
  if (op.getPaddingLength() != -1 && (op.getPaddingLength() < 1 || op.getPaddingLength() > INT32_MAX))
    return op.emitOpError("padding_length is -1 or positive, not ") << op.getPaddingLength();
  BytePairs pairs;
  auto vocabulary = readJson(op, "vocab", op.getVocab());
  if (failed(vocabulary))
    return failure();
  pairs.vocabulary = *vocabulary;
  // Special tokens that the vocabulary lacks get the next numbers.
  auto numberOf = [&](StringRef token) -> int64_t {
    if (token.empty())
      return -1;
    int32_t number = pairs.vocabulary.try_emplace(token.str(), pairs.vocabulary.size()).first->second;
    if (llvm::none_of(pairs.specials, [&](const LexiconEntry &special) { return token == special.first; }))
      pairs.specials.push_back({token.str(), number});
    return number;
  };
  numberOf(kind.unknown);
  pairs.begin = numberOf(kind.begin);
  pairs.end = numberOf(kind.end);
  pairs.padding = std::max<int64_t>(numberOf(kind.padding), 0);
  for (StringRef line : splitAtAny(op.getAddedToken(), "\r\n")) {
    auto [token, text] = line.rsplit('=');
    int32_t number;
    if (token.empty() || text.getAsInteger(10, number) || number < 0)
      return op.emitOpError("added_token: the line '") << line << "' is not a token, = and its number";
    pairs.specials.push_back({token.str(), number});
  }
  llvm::stable_sort(pairs.specials,
                    [](const LexiconEntry &a, const LexiconEntry &b) { return a.first.size() > b.first.size(); });
  std::map<std::pair<int32_t, int32_t>, std::pair<int32_t, int32_t>> merges;
  int32_t rank = 0;
  auto find = [&](const std::string &token) {
    auto it = pairs.vocabulary.find(token);
    return it == pairs.vocabulary.end() ? -1 : it->second;
  };
  for (StringRef line : splitAtAny(op.getMerges(), "\r\n")) {
    if (rank == 0 && line.starts_with("#"))
      continue;
    auto [first, second] = line.split(' ');
    if (second.empty())
      return op.emitOpError("merges: the line '") << line << "' is not two tokens";
    int32_t a = find(first.str()), b = find(second.str());
    if (a >= 0 && b >= 0)
      merges[{a, b}] = {find((first + second).str()), rank};
    ++rank;
  }
  for (auto [tokens, merged] : merges)
    pairs.merges.push_back({tokens.first, tokens.second, merged.first, merged.second});
  return pairs;
}

template <typename OpT> static LogicalResult inferBytePairs(OpT op, SmallVectorImpl<Type> &types) {
  if (failed(readBytePairs(op)))
    return failure();
  Dims dims = getDims(op.getInputText());
  int64_t length = op.getPaddingLength();
  dims.push_back(length > 0 ? makeDim(op.getContext(), length) : freshSymbol(op, 0, dims.size()));
  types.assign(2, makeTensor(dims, int64(op)));
  dims.push_back(makeDim(op.getContext(), 2));
  types.push_back(makeTensor(dims, int64(op)));
  return success();
}

template <typename OpT> static SmallVector<Value> lowerBytePairs(OpT op, LoweringBuilder &b, ValueRange operands) {
  auto pairs = readBytePairs(op);
  std::map<std::string, int32_t> tokens;
  for (const auto &[token, number] : pairs->vocabulary)
    if (auto bytes = bytesOf(token))
      tokens[*bytes] = number;
  SmallVector<int32_t> merges;
  for (const auto &merge : pairs->merges)
    merges.append(merge.begin(), merge.end());
  SmallVector<Value> inputs(operands);
  SmallVector<Type> types(op->getOperandTypes());
  addLexicon(b, tokens, inputs, types);
  addLexicon(b, pairs->specials, inputs, types);
  addTable(b, merges, inputs, types);
  for (StringRef name : {"L", "N"}) {
    SmallVector<int32_t> ranges;
    for (auto [first, last] : onnxc::getUnicodeRanges(name))
      ranges.append({static_cast<int32_t>(first), static_cast<int32_t>(last)});
    addTable(b, ranges, inputs, types);
  }
  addNumbers(b,
             {kindOf(op).isClip, pairs->begin, pairs->end, pairs->padding, static_cast<int64_t>(op.getPaddingLength())},
             inputs, types);
  return b.call("onnxc_byte_pairs", inputs, types, {}, op->getResultTypes());
}

LogicalResult GPT2TokenizerOp::inferTypes(SmallVectorImpl<Type> &types) { return inferBytePairs(*this, types); }
FailureOr<SmallVector<Value>> GPT2TokenizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerBytePairs(*this, b, operands);
}
LogicalResult CLIPTokenizerOp::inferTypes(SmallVectorImpl<Type> &types) { return inferBytePairs(*this, types); }
FailureOr<SmallVector<Value>> CLIPTokenizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerBytePairs(*this, b, operands);
}
LogicalResult RobertaTokenizerOp::inferTypes(SmallVectorImpl<Type> &types) { return inferBytePairs(*this, types); }
FailureOr<SmallVector<Value>> RobertaTokenizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerBytePairs(*this, b, operands);
}

/// Lines of a number, a tab and a text.
static FailureOr<std::map<int64_t, std::string>> readNumbered(Operation *op, StringRef name, StringRef lines) {
  std::map<int64_t, std::string> texts;
  for (StringRef line : splitAtAny(lines, "\n")) {
    auto [number, text] = line.split('\t');
    int64_t key;
    if (number.getAsInteger(10, key) || key < 0 || key > (1 << 24))
      return op->emitOpError() << name << ": the line '" << line
                               << "' does not begin with a number that a token can have";
    texts.try_emplace(key, text.str());
  }
  return texts;
}

/// The tokens by their numbers, with the bits of runtime/library/bpe.c.
static FailureOr<std::vector<LexiconEntry>> readTokens(BpeDecoderOp op) {
  auto decoder = readNumbered(op, "byte_decoder", op.getByteDecoder());
  auto added = readNumbered(op, "added_tokens", op.getAddedTokens());
  auto specials = readNumbered(op, "all_special_ids", op.getAllSpecialIds());
  if (failed(decoder) || failed(added) || failed(specials))
    return failure();
  std::map<uint32_t, char> bytes;
  for (const auto &[letter, byte] : *decoder) {
    int64_t number;
    if (StringRef(byte).getAsInteger(10, number) || number < 0 || number > 255)
      return op.emitOpError("byte_decoder: '") << byte << "' is no byte";
    bytes[static_cast<uint32_t>(letter)] = static_cast<char>(number);
  }
  constexpr int32_t special = 1, left = 2, unreadable = 4, missing = 8;
  SmallVector<StringRef> lines;
  op.getIdVocab().split(lines, '\n');
  if (!lines.empty() && lines.back().empty())
    lines.pop_back();
  std::vector<LexiconEntry> tokens;
  for (StringRef line : lines) {
    LexiconEntry entry{"", 0};
    std::string text = line.str();
    for (const char *at = text.c_str(); *at;) {
      uint32_t letter;
      at += onnxc_decode(at, &letter);
      auto byte = bytes.find(letter);
      if (byte == bytes.end())
        entry.second |= unreadable;
      else
        entry.first += byte->second;
    }
    tokens.push_back(entry);
  }
  for (const auto &[number, text] : *added) {
    if (number >= static_cast<int64_t>(tokens.size()))
      tokens.resize(number + 1, LexiconEntry{"", missing});
    tokens[number] = {text, 0};
  }
  for (const auto &[number, text] : *specials)
    if (number < static_cast<int64_t>(tokens.size()))
      tokens[number].second |= special | (op.getSkipSpecialTokens() ? left : 0);
  for (LexiconEntry &token : tokens)
    if (token.second & missing) // a number between, which is as unknown as one beyond
      token = {op.getSkipSpecialTokens() ? "" : op.getUnkToken().str(), token.second & (special | left)};
  return tokens;
}

/// The sizes of ids without the last, of a vector 1.
static LogicalResult inferTokenText(Operation *op, Value ids, SmallVectorImpl<Type> &types) {
  Dims dims = getDims(ids);
  if (dims.empty())
    return op->emitOpError("takes rows of numbers");
  dims.pop_back();
  if (dims.empty())
    dims.push_back(makeDim(op->getContext(), 1));
  types.push_back(makeTensor(dims, stringType(op)));
  return success();
}

static SmallVector<Value> callTokenText(Operation *op, LoweringBuilder &b, ValueRange operands,
                                        ArrayRef<LexiconEntry> tokens, StringRef unknown, ArrayRef<int64_t> numbers) {
  SmallVector<Value> inputs(operands);
  SmallVector<Type> types(op->getOperandTypes());
  addLexicon(b, tokens, inputs, types);
  addText(b, unknown, inputs, types);
  addNumbers(b, numbers, inputs, types);
  return b.call("onnxc_token_text", inputs, types, op->getResult(0).getType(), {},
                {"a token has letters that are no bytes", "the tokens are no text in UTF-8"});
}

LogicalResult BpeDecoderOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(readTokens(*this)) || failed(checkText(*this, "unk_token", getUnkToken())))
    return failure();
  return inferTokenText(*this, getIds(), types);
}

FailureOr<SmallVector<Value>> BpeDecoderOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return callTokenText(*this, b, operands, *readTokens(*this), getUnkToken(),
                       {getWhitespaceToken() != 0, getSkipSpecialTokens() != 0, false});
}

/// A text as Python writes it, 'a' or b'\xe4'; nothing where it is none.
static std::optional<std::string> unquote(StringRef source) {
  source.consume_front("b");
  if (source.size() < 2 || (source[0] != '\'' && source[0] != '"') || source.back() != source[0])
    return std::nullopt;
  source = source.drop_front().drop_back();
  std::string text;
  while (!source.empty()) {
    if (!source.consume_front("\\")) {
      text += source.front();
      source = source.drop_front();
      continue;
    }
    if (source.empty())
      return std::nullopt;
    char kind = source.front();
    source = source.drop_front();
    size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    uint32_t number;
    if (digits) {
      if (source.size() < digits || source.take_front(digits).getAsInteger(16, number) || number > 0x10FFFF)
        return std::nullopt;
      char bytes[4];
      if (kind == 'x')
        text += static_cast<char>(number);
      else
        text.append(bytes, onnxc_encode(number, bytes));
      source = source.drop_front(digits);
      continue;
    }
    size_t known = StringRef("ntrfvba\\'\"").find(kind);
    if (known == StringRef::npos)
      return std::nullopt;
    text += "\n\t\r\f\v\b\a\\'\""[known];
  }
  return text;
}

/// Lines of a number, a quoted token and its length in bytes.
static FailureOr<std::map<std::string, int32_t>> readTrie(Operation *op, StringRef vocabulary) {
  std::map<std::string, int32_t> tokens;
  for (StringRef line : splitAtAny(vocabulary, "\n")) {
    auto [first, rest] = line.rtrim('\r').split(' ');
    auto [quoted, last] = rest.rsplit(' ');
    int32_t number;
    size_t length;
    auto token = unquote(quoted);
    if (first.getAsInteger(10, number) || number < 1 || number > (1 << 24) || last.getAsInteger(10, length) || !token ||
        token->size() != length)
      return op->emitOpError("vocab: the line '") << line << "' is not a number, a quoted token and its length";
    tokens[*token] = number;
  }
  return tokens;
}

LogicalResult TrieTokenizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(readTrie(*this, getVocab())))
    return failure();
  Dims dims = getDims(getStr());
  dims.push_back(freshSymbol(*this, 0, dims.size()));
  types.push_back(makeTensor(dims, int64(*this)));
  return success();
}

FailureOr<SmallVector<Value>> TrieTokenizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  SmallVector<Value> inputs(operands);
  SmallVector<Type> types((*this)->getOperandTypes());
  addLexicon(b, *readTrie(*this, getVocab()), inputs, types);
  return b.call("onnxc_longest_tokens", inputs, types, {}, getResult().getType(),
                {"the vocabulary has no token that the text goes on with"});
}

LogicalResult TrieDetokenizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(readTrie(*this, getVocab())))
    return failure();
  return inferTokenText(*this, getIds(), types);
}

FailureOr<SmallVector<Value>> TrieDetokenizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto trie = readTrie(*this, getVocab());
  std::vector<LexiconEntry> tokens;
  for (const auto &[token, number] : *trie) {
    if (number >= static_cast<int64_t>(tokens.size()))
      tokens.resize(number + 1);
    tokens[number] = {token, 0};
  }
  return callTokenText(*this, b, operands, tokens, "", {false, false, true});
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Tokenizers.cpp.inc"

void onnxc::onnx::registerTokenizersOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Tokenizers.cpp.inc"
      >();
  for (StringRef domain : {"ai.onnx.contrib", "com.microsoft.extensions"})
    dialect.addUpgrade("HfBertTokenizer", std::numeric_limits<int64_t>::max(), expandHfBertTokenizer, domain);
}
