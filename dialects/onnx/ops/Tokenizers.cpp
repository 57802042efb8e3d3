//===- dialects/onnx/ops/Tokenizers.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tokenizers: calls of runtime/library/wordpiece.c with tables that are made of the vocabularies here. What they
// compute: https://github.com/microsoft/onnxruntime-extensions, docs/custom_ops.md, and version 0.15 of the package.
#include "dialects/onnx/ops/Tokenizers.h"
#include "dialects/onnx/support/Lexicon.h"
#include "dialects/onnx/support/Text.h"
#include "dialects/onnx/support/Upgrade.h"
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
