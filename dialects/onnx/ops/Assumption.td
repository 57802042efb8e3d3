//===- dialects/onnx/ops/Assumption.td ------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an operator takes for granted of its operands because it could do nothing with others, and the run checks.
include "dialects/onnx/Onnx.td"

def Onnx_AssumeOp : Onnx_Op<"Assume", 0, [TakesBits], ["propagateData"]> {
  let summary = "The operand, with sizes that the run checks";
  let description = [{
    No operator of ONNX: inference puts it in front of one to which a symbolic size can only be a number (`assumeSizes`).
    `sizes` has -1 for a dimension of any size; `message` is what the run fails with.
  }];
  let arguments = (ins Onnx_AnyTensor:$input, DenseI64ArrayAttr:$sizes, StrAttr:$message);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_AssumeInRangeOp : Onnx_Op<"AssumeInRange", 0> {
  let summary = "Integers that the run checks to be from least to most";
  let description = [{
    No operator of ONNX: the import of others puts it in front of lengths that are data. `most` has one element; `message`
    is what the run fails with.
  }];
  let arguments = (ins Onnx_Tensor:$input, Onnx_Int64Tensor:$most, SI64Attr:$least, StrAttr:$message);
  let results = (outs Onnx_Tensor:$output);
}
