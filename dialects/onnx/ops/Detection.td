//===- dialects/onnx/ops/Detection.td -------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What follows a network that detects objects.
include "dialects/onnx/Onnx.td"

def Onnx_NonMaxSuppressionOp : Onnx_Op<"NonMaxSuppression", 11> {
  let summary = "Picks boxes by score, without those that overlap with a better one";
  let description = [{
    boxes [batches, boxes, 4], scores [batches, classes, boxes]; the result is [picked, 3]: batch, class, box. Within a
    batch and class the best come first; equal scores in the order of the boxes.
  }];
  let arguments = (ins Onnx_Tensor:$boxes, Onnx_Tensor:$scores, Onnx_OptionalInt64Tensor:$max_output_boxes_per_class,
                       Onnx_OptionalTensor:$iou_threshold, Onnx_OptionalTensor:$score_threshold,
                       DefaultValuedAttr<SI64Attr, "0">:$center_point_box);
  let results = (outs Onnx_Tensor:$selected_indices);
}
