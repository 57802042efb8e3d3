//===- dialects/onnx/support/Forgive.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What exporters write a little wrong. See Forgive.h.
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

LogicalResult onnxc::onnx::makeVector(NodeForm &node, unsigned i, StringRef name) {
  Value operand = node.operand(i);
  auto type = operand ? dyn_cast<RankedTensorType>(operand.getType()) : RankedTensorType();
  if (!type || type.getRank() != 0)
    return success();
  emitWarning(node.b.getLoc()) << name << " is a scalar; assumed: " << name << " is a vector of one element";
  auto constant = operand.getDefiningOp<ConstantOp>();
  if (auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr()) {
    auto vector = RankedTensorType::get({1}, type.getElementType());
    node.operands[i] = ConstantOp::create(node.b, vector, elements.reshape(vector));
  } else {
    node.operands[i] = unsqueeze(node, operand, 0);
  }
  return success(node.operands[i]);
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
