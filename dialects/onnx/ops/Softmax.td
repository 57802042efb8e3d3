//===- dialects/onnx/ops/Softmax.td ---------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Softmax and its relatives: every line along an axis becomes weights that add up to 1.
include "dialects/onnx/Onnx.td"

class Onnx_SoftmaxLike<string name> : Onnx_Op<name, 13> {
  let arguments = (ins Onnx_Tensor:$input, DefaultValuedAttr<SI64Attr, "-1">:$axis);
  let results = (outs Onnx_Tensor:$output);
}

def Onnx_SoftmaxOp : Onnx_SoftmaxLike<"Softmax"> { let summary = "exp(x) / sum(exp(x))"; }
def Onnx_LogSoftmaxOp : Onnx_SoftmaxLike<"LogSoftmax"> { let summary = "log(softmax(x))"; }
def Onnx_HardmaxOp : Onnx_SoftmaxLike<"Hardmax"> { let summary = "1 at the first largest element, 0 elsewhere"; }
