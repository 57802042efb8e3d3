//===- dialects/onnx/ops/TextExtensions.cpp ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators on text of onnxruntime-extensions: calls of runtime/library/strings.c and regex-groups.c with tables that
// are made here, or made of operators of ai.onnx on import. What they compute:
// https://github.com/microsoft/onnxruntime-extensions, docs/custom_ops.md, and version 0.15 of the package.
#include "dialects/onnx/ops/TextExtensions.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/ops/Text.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Lexicon.h"
#include "dialects/onnx/support/Regex.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

static Type int64(Operation *op) { return IntegerType::get(op->getContext(), 64); }
static Type stringType(Operation *op) { return StringType::get(op->getContext()); }

//===- One element from one -------------------------------------------------------------------===//

/// A call of a function with numbers behind its operands, whose result is like the first operand.
static SmallVector<Value> callEach(Operation *op, LoweringBuilder &b, StringRef function, ValueRange operands,
                                   ArrayRef<int64_t> numbers, ArrayRef<StringRef> failures = {}) {
  SmallVector<Value> inputs(operands);
  SmallVector<Type> types(op->getOperandTypes());
  if (!numbers.empty())
    addNumbers(b, numbers, inputs, types);
  return b.call(function, inputs, types, op->getResult(0).getType(), {}, failures);
}

LogicalResult StringStripOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(getInput().getType());
  return success();
}
FailureOr<SmallVector<Value>> StringStripOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return callEach(*this, b, "onnxc_string_change", operands, 0);
}

LogicalResult StringLowerOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(getInput().getType());
  return success();
}
FailureOr<SmallVector<Value>> StringLowerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return callEach(*this, b, "onnxc_string_change", operands, 1);
}

LogicalResult StringUpperOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(getInput().getType());
  return success();
}
FailureOr<SmallVector<Value>> StringUpperOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return callEach(*this, b, "onnxc_string_change", operands, 2);
}

LogicalResult StringLengthOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(withElementType(getInput().getType(), int64(*this)));
  return success();
}
FailureOr<SmallVector<Value>> StringLengthOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return callEach(*this, b, "onnxc_string_length", operands, {});
}

static constexpr StringRef kBuckets = "the number of buckets must be one positive number";

LogicalResult StringToHashBucketOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(withElementType(getInput().getType(), int64(*this)));
  return success();
}
FailureOr<SmallVector<Value>> StringToHashBucketOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return callEach(*this, b, "onnxc_string_hash", operands, 0, kBuckets);
}

LogicalResult StringToHashBucketFastOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(withElementType(getInput().getType(), int64(*this)));
  return success();
}
FailureOr<SmallVector<Value>> StringToHashBucketFastOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return callEach(*this, b, "onnxc_string_hash", operands, 1, kBuckets);
}

//===- Join and split ---------------------------------------------------------------------------===//

static FailureOr<int64_t> getJoinAxis(StringJoinOp op) {
  auto numbers = requireConstantInts(op, op.getAxis(), "axis");
  if (failed(numbers))
    return failure();
  int64_t rank = getDims(op.getInput()).size();
  if (numbers->size() != 1 || rank == 0)
    return op.emitOpError("takes one axis, of a tensor that has some");
  return normalizeAxis(op, numbers->front(), rank);
}

LogicalResult StringJoinOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto axis = getJoinAxis(*this);
  if (failed(axis))
    return failure();
  Dims dims = getDims(getInput());
  dims.erase(dims.begin() + *axis);
  if (dims.empty()) // of a vector a vector
    dims.push_back(makeDim(getContext(), 1));
  types.push_back(makeTensor(dims, stringType(*this)));
  return success();
}

FailureOr<SmallVector<Value>> StringJoinOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  SmallVector<Value> inputs{operands[0], operands[1]};
  SmallVector<Type> types{getInput().getType(), getSeparator().getType()};
  addNumbers(b, *getJoinAxis(*this), inputs, types);
  return b.call("onnxc_string_join", inputs, types, getOutput().getType(), {}, {"the separator must be one text"});
}

LogicalResult ExtStringSplitOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (getDims(getInput()).size() != 1)
    return emitOpError("takes a vector of texts");
  if (!getElementTypeOrSelf(getSkipEmpty()).isInteger(1))
    return emitOpError("skip_empty must be a truth value");
  AffineExpr count = freshSymbol(*this, 0, 0);
  types.push_back(makeTensor({count, makeDim(getContext(), 2)}, int64(*this)));
  types.push_back(makeTensor({count}, stringType(*this)));
  types.push_back(makeTensor(ArrayRef<int64_t>{2}, int64(*this)));
  return success();
}

FailureOr<SmallVector<Value>> ExtStringSplitOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  SmallVector<Value> results =
      b.call("onnxc_string_parts", operands, (*this)->getOperandTypes(), getShape().getType(),
             {getIndices().getType(), getValues().getType()}, {"separators and skip_empty must be one each"});
  return SmallVector<Value>{results[1], results[2], results[0]};
}

//===- Tables -----------------------------------------------------------------------------------===//

/// The lines "key<tab>value" of a table; the last one of a key counts.
static FailureOr<std::map<std::string, std::string>> readTable(Operation *op, StringRef map) {
  std::map<std::string, std::string> table;
  for (StringRef line : splitAtAny(map, "\n")) {
    SmallVector<StringRef> parts = splitAtAny(line, "\t");
    if (parts.size() != 2)
      return op->emitOpError("map: the line '") << line << "' is not a key, a tab and a value";
    table[parts[0].str()] = parts[1].str();
  }
  return table;
}

/// Numbers between blanks.
static FailureOr<SmallVector<int64_t>> readNumbers(Operation *op, StringRef text) {
  SmallVector<int64_t> numbers;
  for (StringRef part : splitAtAny(text, " ")) {
    int64_t number;
    if (part.getAsInteger(10, number))
      return op->emitOpError() << "'" << part << "' is no number";
    numbers.push_back(number);
  }
  return numbers;
}

LogicalResult StringMappingOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(readTable(*this, getMap())))
    return failure();
  types.push_back(getInput().getType());
  return success();
}

FailureOr<SmallVector<Value>> StringMappingOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto table = readTable(*this, getMap());
  std::vector<LexiconEntry> keys, values;
  for (const auto &[key, value] : *table) {
    keys.push_back({key, static_cast<int32_t>(keys.size())});
    values.push_back({value, 0});
  }
  SmallVector<Value> inputs(operands);
  SmallVector<Type> types((*this)->getOperandTypes());
  addLexicon(b, keys, inputs, types);
  addLexicon(b, values, inputs, types);
  return b.call("onnxc_string_map", inputs, types, getOutput().getType(), {});
}

namespace {
/// Texts and rows of numbers, all of the same length; `other` is for what the table does not have.
struct VectorTable {
  SmallVector<std::string> texts;
  SmallVector<SmallVector<int64_t>> rows;
  int64_t width = 0;
};
} // namespace

static FailureOr<VectorTable> readVectors(Operation *op, StringRef map) {
  auto table = readTable(op, map);
  if (failed(table))
    return failure();
  VectorTable vectors;
  for (const auto &[text, numbers] : *table) {
    auto row = readNumbers(op, numbers);
    if (failed(row))
      return failure();
    if (row->empty() || (vectors.width && static_cast<int64_t>(row->size()) != vectors.width))
      return op->emitOpError("map: '") << text << "' has " << row->size() << " numbers, others " << vectors.width;
    vectors.width = row->size();
    vectors.texts.push_back(text);
    vectors.rows.push_back(*row);
  }
  if (vectors.texts.empty())
    return op->emitOpError("map is empty");
  return vectors;
}

LogicalResult StringToVectorOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto vectors = readVectors(*this, getMap());
  if (failed(vectors))
    return failure();
  auto other = readNumbers(*this, getUnk());
  if (failed(other))
    return failure();
  if (static_cast<int64_t>(other->size()) != vectors->width)
    return emitOpError("unk has ") << other->size() << " numbers, the table's rows " << vectors->width;
  Dims dims = getDims(getText());
  dims.push_back(makeDim(getContext(), vectors->width));
  types.push_back(makeTensor(dims, int64(*this)));
  return success();
}

FailureOr<SmallVector<Value>> StringToVectorOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto vectors = readVectors(*this, getMap());
  auto other = readNumbers(*this, getUnk());
  std::vector<LexiconEntry> keys;
  SmallVector<int64_t> numbers;
  for (auto [text, row] : llvm::zip_equal(vectors->texts, vectors->rows)) {
    keys.push_back({text, static_cast<int32_t>(keys.size())});
    llvm::append_range(numbers, row);
  }
  llvm::append_range(numbers, *other);
  SmallVector<Value> inputs(operands);
  SmallVector<Type> types((*this)->getOperandTypes());
  addLexicon(b, keys, inputs, types);
  addNumbers(b, numbers, inputs, types);
  return b.call("onnxc_string_to_vector", inputs, types, getTokenIds().getType(), {});
}

LogicalResult VectorToStringOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto vectors = readVectors(*this, getMap());
  if (failed(vectors))
    return failure();
  Dims dims = getDims(getTokenIds());
  if (vectors->width > 1 || dims.size() > 1) {
    auto size = dims.empty() ? std::optional<int64_t>(1) : getConstant(dims.back());
    if (size && *size != vectors->width)
      return emitOpError("takes rows of ") << vectors->width << " numbers, not " << *size;
    dims.pop_back();
  }
  types.push_back(makeTensor(dims, stringType(*this)));
  return success();
}

FailureOr<SmallVector<Value>> VectorToStringOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto vectors = readVectors(*this, getMap());
  Dims dims = getDims(getTokenIds());
  if (vectors->width > 1 || dims.size() > 1)
    b.requireEqual(dims.back(), makeDim(getContext(), vectors->width), "VectorToString: rows have another length");
  std::map<SmallVector<int64_t>, std::string> sorted;
  for (auto [text, row] : llvm::zip_equal(vectors->texts, vectors->rows))
    sorted[row] = text;
  std::vector<LexiconEntry> texts;
  SmallVector<int64_t> numbers;
  for (const auto &[row, text] : sorted) {
    llvm::append_range(numbers, row);
    texts.push_back({text, 0});
  }
  texts.push_back({getUnk().str(), 0});
  SmallVector<Value> inputs(operands);
  SmallVector<Type> types((*this)->getOperandTypes());
  addNumbers(b, numbers, inputs, types);
  addLexicon(b, texts, inputs, types);
  addNumbers(b, vectors->width, inputs, types);
  return b.call("onnxc_vector_to_string", inputs, types, getResult().getType(), {});
}

//===- Rows of different lengths ----------------------------------------------------------------===//

static constexpr StringRef kRows = "the rows' beginnings are not in order, or beyond the items";

static LogicalResult requireVectors(Operation *op) {
  for (Value operand : op->getOperands())
    if (getDims(operand).size() != 1)
      return op->emitOpError("takes vectors");
  return success();
}

LogicalResult RaggedTensorToSparseOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(requireVectors(*this)))
    return failure();
  types.push_back(makeTensor({freshSymbol(*this, 0, 0), makeDim(getContext(), 2)}, int64(*this)));
  types.push_back(makeTensor(ArrayRef<int64_t>{2}, int64(*this)));
  return success();
}

FailureOr<SmallVector<Value>> RaggedTensorToSparseOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  SmallVector<Value> results = b.call("onnxc_ragged_places", operands, (*this)->getOperandTypes(), getShape().getType(),
                                      getIndices().getType(), kRows);
  return SmallVector<Value>{results[1], results[0]};
}

LogicalResult RaggedTensorToDenseOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(requireVectors(*this)))
    return failure();
  types.push_back(makeTensor({freshSymbol(*this, 0, 0), freshSymbol(*this, 0, 1)}, int64(*this)));
  return success();
}

FailureOr<SmallVector<Value>> RaggedTensorToDenseOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return b.call("onnxc_ragged_rows", {operands[1], operands[3], operands[2]},
                {getValues().getType(), getSplits().getType(), getMissing().getType()}, {}, getOutput().getType(),
                kRows);
}

LogicalResult StringRaggedTensorToDenseOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(requireVectors(*this)))
    return failure();
  types.push_back(makeTensor({freshSymbol(*this, 0, 0), freshSymbol(*this, 0, 1)}, stringType(*this)));
  return success();
}

FailureOr<SmallVector<Value>> StringRaggedTensorToDenseOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  SmallVector<Value> inputs{operands[1], operands[2]};
  SmallVector<Type> types{getValues().getType(), getSplits().getType()};
  addText(b, "", inputs, types);
  return b.call("onnxc_ragged_rows", inputs, types, {}, getOutput().getType(), kRows);
}

LogicalResult SegmentExtractionOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getInput());
  if (dims.empty() || dims.size() > 2)
    return emitOpError("takes a tensor of shape [n] or [1, n]");
  AffineExpr count = freshSymbol(*this, 0, 0);
  types.push_back(makeTensor({count, makeDim(getContext(), 2)}, int64(*this)));
  types.push_back(makeTensor({count}, int64(*this)));
  return success();
}

FailureOr<SmallVector<Value>> SegmentExtractionOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getInput());
  if (dims.size() == 2)
    b.requireEqual(dims[0], makeDim(getContext(), 1), "SegmentExtraction: the first size is not 1");
  return b.call("onnxc_find_segments", operands, (*this)->getOperandTypes(), {}, (*this)->getResultTypes());
}

//===- Regular expressions ------------------------------------------------------------------------===//

static FailureOr<std::vector<int32_t>> compileGroups(Operation *op, StringRef pattern, int &groups) {
  std::string problem;
  std::vector<int32_t> program = onnxc::compileRegexGroups(pattern, groups, problem);
  if (program.empty())
    return op->emitOpError("regular expression \"") << pattern << "\": " << problem;
  return program;
}

LogicalResult StringRegexReplaceOp::inferTypes(SmallVectorImpl<Type> &types) {
  int groups = 0;
  if (getPattern().empty())
    return emitOpError("the pattern must not be empty");
  if (failed(compileGroups(*this, getPattern(), groups)) || failed(checkText(*this, "rewrite", getRewrite())))
    return failure();
  for (StringRef rest = getRewrite(); !rest.empty(); rest = rest.drop_front()) {
    if (rest.front() != '\\')
      continue;
    rest = rest.drop_front();
    if (rest.empty() || (rest.front() != '\\' && !llvm::isDigit(rest.front())))
      return emitOpError("rewrite: after a backslash there must be the number of a group, or a backslash");
  }
  types.push_back(getText().getType());
  return success();
}

FailureOr<SmallVector<Value>> StringRegexReplaceOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int groups = 0;
  auto program = compileGroups(*this, getPattern(), groups);
  // With a group that there isn't nothing is replaced, as in RE2.
  for (size_t i = 0; i + 1 < getRewrite().size(); ++i)
    if (getRewrite()[i] == '\\') {
      ++i;
      if (llvm::isDigit(getRewrite()[i]) && getRewrite()[i] - '0' > groups)
        return SmallVector<Value>{operands[0]};
    }
  SmallVector<Value> inputs(operands);
  SmallVector<Type> types((*this)->getOperandTypes());
  addTable(b, *program, inputs, types);
  addText(b, getRewrite(), inputs, types);
  addNumbers(b, {groups, getGlobalReplace() != 0}, inputs, types);
  return b.call("onnxc_regex_replace", inputs, types, getOutput().getType(), {});
}

LogicalResult StringRegexSplitWithOffsetsOp::inferTypes(SmallVectorImpl<Type> &types) {
  int groups = 0;
  if (getDelimRegexPattern().empty())
    return emitOpError("the pattern must not be empty");
  if (getDims(getText()).size() != 1)
    return emitOpError("takes a vector of texts");
  if (failed(compileGroups(*this, getDelimRegexPattern(), groups)) ||
      failed(compileGroups(*this, getKeepDelimRegexPattern(), groups)))
    return failure();
  AffineExpr count = freshSymbol(*this, 0, 0);
  types.push_back(makeTensor({count}, stringType(*this)));
  types.append(2, makeTensor({count}, int64(*this)));
  types.push_back(makeTensor({getDims(getText())[0] + 1}, int64(*this)));
  return success();
}

FailureOr<SmallVector<Value>> StringRegexSplitWithOffsetsOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int groups = 0, keptGroups = 0;
  auto program = compileGroups(*this, getDelimRegexPattern(), groups);
  if (groups == 0) { // without a group nothing separates, as in the package: an expression that matches nothing
    program = compileGroups(*this, "([^\\x00-\\x{10FFFF}])", groups);
  }
  // What is kept must match as a whole.
  auto kept = compileGroups(*this, ("\\A(?:" + getKeepDelimRegexPattern() + ")\\z").str(), keptGroups);
  if (failed(program) || failed(kept))
    return failure();
  SmallVector<Value> inputs(operands);
  SmallVector<Type> types((*this)->getOperandTypes());
  addTable(b, *program, inputs, types);
  addTable(b, *kept, inputs, types);
  addNumbers(b, {groups, keptGroups, !getKeepDelimRegexPattern().empty()}, inputs, types);
  SmallVector<Value> results = b.call("onnxc_regex_split", inputs, types, getRows().getType(),
                                      {getTokens().getType(), getBegins().getType(), getEnds().getType()});
  return SmallVector<Value>{results[1], results[2], results[3], results[0]};
}

/// The text that input `i` is, a constant of one or, where it may be, of none; failure after an error.
static FailureOr<std::string> takeConstantText(NodeForm &node, unsigned i, bool mayBeEmpty) {
  auto elements = dyn_cast_or_null<DenseStringElementsAttr>(node.operand(i) ? getConstantElements(node.operand(i))
                                                                            : ElementsAttr());
  if (!elements)
    return node.error() << "input " << i << " must be a text that is known when the model is compiled";
  if (elements.getNumElements() == 0 && mayBeEmpty)
    return std::string();
  if (elements.getNumElements() != 1)
    return node.error() << "input " << i << " must be one text";
  return elements.getValues<StringRef>()[0].str();
}

static LogicalResult expandRegexReplace(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  auto pattern = takeConstantText(node, 1, false), rewrite = takeConstantText(node, 2, false);
  if (failed(pattern) || failed(rewrite))
    return failure();
  NamedAttribute replacesAll = intAttr(node, "global_replace", takeInt(node, "global_replace", 1));
  return finish(
      node, build<StringRegexReplaceOp>(node, node.operand(0),
                                        {replacesAll, node.b.getNamedAttr("pattern", node.b.getStringAttr(*pattern)),
                                         node.b.getNamedAttr("rewrite", node.b.getStringAttr(*rewrite))}));
}

static LogicalResult expandRegexSplit(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  auto pattern = takeConstantText(node, 1, false);
  auto kept = node.operand(2) ? takeConstantText(node, 2, true) : FailureOr<std::string>(std::string());
  if (failed(pattern) || failed(kept))
    return failure();
  auto op = make<StringRegexSplitWithOffsetsOp>(
      node.b, node.operand(0),
      {node.b.getNamedAttr("delim_regex_pattern", node.b.getStringAttr(*pattern)),
       node.b.getNamedAttr("keep_delim_regex_pattern", node.b.getStringAttr(*kept))},
      4);
  return op ? finish(node, SmallVector<Value>(op->getResults())) : failure();
}

//===- Made of others -----------------------------------------------------------------------------===//

/// Operators that ai.onnx has under the same name, for text, too.
template <typename OpT> static LogicalResult expandStandard(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  return finish(node, build<OpT>(node, {node.operand(0), node.operand(1)}));
}

/// The texts where the mask is true.
static LogicalResult expandMaskedFill(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  return finish(node, build<CompressOp>(node, {node.operand(0), node.operand(1)}));
}

/// The negative part and the positive part.
static LogicalResult expandNegPos(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  Value x = node.operand(0), zero = node.scalar(0, getElementTypeOrSelf(x));
  return finish(node, {build<MinOp>(node, {x, zero}), build<MaxOp>(node, {x, zero})});
}

/// Rows added up by the numbers beside them, which begin with 0 or more and do not fall: as many sums as the last says.
static LogicalResult expandSegmentSum(NodeForm &node) {
  if (failed(requireOperands(node, 2)) || failed(getOperandType(node, 0)))
    return failure();
  Value data = node.operand(0), ids = node.operand(1);
  Type type = getElementTypeOrSelf(data), i64 = node.b.getI64Type();
  if (getDims(ids).size() != 1 || getDims(data).empty())
    return node.error() << "SegmentSum takes rows and a vector of numbers";
  Value last = build<GatherOp>(node, {ids, node.constant(-1)});
  Value sizes = build<ShapeOp>(node, data, intAttr(node, "start", 1));
  Value shape =
      build<ConcatOp>(node, {build<AddOp>(node, {last, node.scalar(1, i64)}), sizes}, intAttr(node, "axis", 0));
  Value zeros = build<ExpandOp>(node, {node.scalar(0, type), shape});
  return finish(node, build<ScatterNDOp>(node, {zeros, unsqueeze(node, ids, {1}), data},
                                         node.b.getNamedAttr("reduction", node.b.getStringAttr("add"))));
}

/// An operator of com.microsoft has the same meaning.
static LogicalResult renameMicrosoft(NodeForm &node) {
  node.domain = "com.microsoft";
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/TextExtensions.cpp.inc"

void onnxc::onnx::registerTextExtensionsOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/TextExtensions.cpp.inc"
      >();
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    for (StringRef domain : {"ai.onnx.contrib", "com.microsoft.extensions"})
      dialect.addUpgrade(name, std::numeric_limits<int64_t>::max(), upgrade, domain);
  };
  add("StringConcat", expandStandard<StringConcatOp>);
  add("StringEqual", expandStandard<EqualOp>);
  add("MaskedFill", expandMaskedFill);
  add("Inverse", renameMicrosoft);
  add("NegPos", expandNegPos);
  add("SegmentSum", expandSegmentSum);
  add("StringRegexReplace", expandRegexReplace);
  add("StringRegexSplitWithOffsets", expandRegexSplit);
}
