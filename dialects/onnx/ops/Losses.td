//===- dialects/onnx/ops/Losses.td ----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Losses: how far scores of classes (dimension 1) are from the classes that are right.
include "dialects/onnx/Onnx.td"

def Onnx_NegativeLogLikelihoodLossOp : Onnx_Op<"NegativeLogLikelihoodLoss", 22> {
  let summary = "The negated log-probability of the right class, times the weight of that class";
  let arguments = (ins Onnx_Tensor:$input, Onnx_IndexTensor:$target, Onnx_OptionalTensor:$weight,
                       OptionalAttr<SI64Attr>:$ignore_index, DefaultValuedAttr<StrAttr, "\"mean\"">:$reduction);
  let results = (outs Onnx_Tensor:$loss);
}

def Onnx_SoftmaxCrossEntropyLossOp : Onnx_Op<"SoftmaxCrossEntropyLoss", 13> {
  let summary = "The same of scores, which softmax makes probabilities";
  let arguments = (ins Onnx_Tensor:$scores, Onnx_IndexTensor:$labels, Onnx_OptionalTensor:$weights,
                       OptionalAttr<SI64Attr>:$ignore_index, DefaultValuedAttr<StrAttr, "\"mean\"">:$reduction);
  let results = (outs Onnx_Tensor:$output, Onnx_Tensor:$log_prob);
}
