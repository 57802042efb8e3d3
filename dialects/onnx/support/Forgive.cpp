//===- dialects/onnx/support/Forgive.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What exporters write a little wrong. See Forgive.h.
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

static LogicalResult makeVector(NodeForm &node, unsigned i, Type element) {
  auto vector = RankedTensorType::get({1}, element);
  auto constant = node.operands[i].getDefiningOp<ConstantOp>();
  if (auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr())
    node.operands[i] = ConstantOp::create(node.b, vector, elements.reshape(vector));
  else
    node.operands[i] = unsqueeze(node, node.operands[i], 0);
  return success(node.operands[i]);
}

LogicalResult onnxc::onnx::makeVectors(NodeForm &node, ArrayRef<unsigned> operands, ArrayRef<StringRef> names) {
  std::string scalars;
  for (unsigned i : operands) {
    Value operand = node.operand(i);
    auto type = operand ? dyn_cast<RankedTensorType>(operand.getType()) : RankedTensorType();
    if (!type || type.getRank() != 0)
      continue;
    scalars += (scalars.empty() ? "" : ", ") + names[i].str();
    if (failed(makeVector(node, i, type.getElementType())))
      return failure();
  }
  if (!scalars.empty())
    emitWarning(node.b.getLoc()) << "a scalar where a vector is meant: " << scalars
                                 << "; assumed: vectors of one element for " << scalars << " of " << node.name;
  return success();
}

std::string onnxc::onnx::encodeZeroBytes(StringRef text) {
  std::string encoded;
  for (char c : text)
    if (c)
      encoded += c;
    else
      encoded += "\xc0\x80";
  return encoded;
}

std::string onnxc::onnx::encodeZeroBytes(Location where, StringRef name, StringRef text) {
  if (text.contains('\0'))
    emitWarning(where) << "a string of '" << name
                       << "' contains a zero byte; assumed: zero bytes in text are the bytes C0 80";
  return encodeZeroBytes(text);
}
