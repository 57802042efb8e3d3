//===- dialects/onnx/ops/Detection.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NonMaxSuppression: runtime/library/detection.c, since only the run knows how many boxes are picked.
#include "dialects/onnx/ops/Detection.h"

using namespace mlir;
using namespace onnxc::onnx;

static bool isOneFloat(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return !type || (type.getElementType().isF32() && type.getRank() <= 1 &&
                   (!type.hasStaticShape() || type.getNumElements() == 1));
}

LogicalResult NonMaxSuppressionOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims boxes = getDims(getBoxes()), scores = getDims(getScores());
  for (Value tensor : {getBoxes(), getScores()})
    if (auto type = cast<RankedTensorType>(tensor.getType()); type.getRank() != 3 || !type.getElementType().isF32())
      return emitOpError("boxes and scores must be float32 with 3 dimensions, not ") << type;
  auto differ = [](AffineExpr a, AffineExpr b) { return getDifference(a, b).value_or(0) != 0; };
  if (getConstant(boxes[2]).value_or(4) != 4 || differ(boxes[0], scores[0]) || differ(boxes[1], scores[2]))
    return emitOpError("boxes [batches, boxes, 4] and scores [batches, classes, boxes] do not fit together: ")
           << getBoxes().getType() << " and " << getScores().getType();
  if (!isOneFloat(getIouThreshold()) || !isOneFloat(getScoreThreshold()))
    return emitOpError("iou_threshold and score_threshold must be one float32 each");
  if (auto most = dyn_cast<RankedTensorType>(getMaxOutputBoxesPerClass().getType());
      most && (most.getRank() > 1 || (most.hasStaticShape() && most.getNumElements() != 1)))
    return emitOpError("max_output_boxes_per_class must be one number");
  types.push_back(makeTensor({freshSymbol(*this, 0, 0), makeDim(getContext(), 3)}, IntegerType::get(getContext(), 64)));
  return success();
}

FailureOr<SmallVector<Value>> NonMaxSuppressionOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto none = makeTensor(ArrayRef<int64_t>{0}, b.getF32Type());
  SmallVector<Value> inputs{operands[0], operands[1]};
  SmallVector<Type> types{getBoxes().getType(), getScores().getType()};
  for (unsigned i = 2; i < 5; ++i) { // an empty tensor for an absent operand
    inputs.push_back(operands[i] ? operands[i] : b.empty(none));
    types.push_back(operands[i] ? getOperand(i).getType() : none);
  }
  inputs.push_back(b.numbers(getCenterPointBox()));
  types.push_back(inputs.back().getType());
  return b.call("onnxc_non_max_suppression", inputs, types, {}, getType(),
                {"NonMaxSuppression: boxes and scores do not fit together"});
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Detection.cpp.inc"

void onnxc::onnx::registerDetectionOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Detection.cpp.inc"
      >();
}
