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
  auto op = make<BertTokenizerOp>(node.b, node.operand(0), node.attributes.getAttrs(), 4);
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
