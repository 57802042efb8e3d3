//===- dialects/onnx/support/Lexicon.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lists of texts as tables. See Lexicon.h.
#include "dialects/onnx/support/Lexicon.h"
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/support/Elements.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace onnxc::onnx;

template <typename T>
static void addItems(LoweringBuilder &b, Type element, ArrayRef<T> items, SmallVectorImpl<Value> &values,
                     SmallVectorImpl<Type> &types) {
  auto type = RankedTensorType::get(static_cast<int64_t>(items.size()), element);
  auto bytes = ArrayRef(reinterpret_cast<const char *>(items.data()), items.size() * sizeof(T));
  values.push_back(arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(type, bytes))));
  types.push_back(type);
}

void onnxc::onnx::addLexicon(LoweringBuilder &b, ArrayRef<LexiconEntry> entries, SmallVectorImpl<Value> &values,
                             SmallVectorImpl<Type> &types) {
  std::vector<char> bytes;
  std::vector<int32_t> rows;
  for (const auto &[text, number] : entries) {
    rows.insert(rows.end(), {static_cast<int32_t>(bytes.size()), number});
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  rows.insert(rows.end(), {static_cast<int32_t>(bytes.size()), -1});
  bytes.push_back(0); // a table is never empty
  addItems<char>(b, b.getI8Type(), bytes, values, types);
  addItems<int32_t>(b, b.getI32Type(), rows, values, types);
}

void onnxc::onnx::addLexicon(LoweringBuilder &b, const std::map<std::string, int32_t> &entries,
                             SmallVectorImpl<Value> &values, SmallVectorImpl<Type> &types) {
  std::vector<LexiconEntry> list(entries.begin(), entries.end());
  addLexicon(b, list, values, types);
}

void onnxc::onnx::addTable(LoweringBuilder &b, ArrayRef<int32_t> numbers, SmallVectorImpl<Value> &values,
                           SmallVectorImpl<Type> &types) {
  addItems(b, b.getI32Type(), numbers, values, types);
}

void onnxc::onnx::addText(LoweringBuilder &b, StringRef text, SmallVectorImpl<Value> &values,
                          SmallVectorImpl<Type> &types) {
  auto type = makeTensor(ArrayRef<int64_t>{1}, StringType::get(b.getContext()));
  values.push_back(b.strings(type, text));
  types.push_back(type);
}

void onnxc::onnx::addNumbers(LoweringBuilder &b, ArrayRef<int64_t> numbers, SmallVectorImpl<Value> &values,
                             SmallVectorImpl<Type> &types) {
  values.push_back(b.numbers(numbers));
  types.push_back(values.back().getType());
}

SmallVector<StringRef> onnxc::onnx::splitAtAny(StringRef text, StringRef letters) {
  SmallVector<StringRef> parts;
  while (!text.empty()) {
    size_t end = text.find_first_of(letters);
    if (end != 0)
      parts.push_back(text.take_front(end));
    text = end == StringRef::npos ? StringRef() : text.drop_front(end + 1);
  }
  return parts;
}

LogicalResult onnxc::onnx::checkText(Operation *op, StringRef name, ArrayRef<StringRef> texts) {
  for (StringRef text : texts)
    if (text.contains('\0'))
      return op->emitOpError() << name << " contains a zero byte: that can't be compiled";
  return success();
}
