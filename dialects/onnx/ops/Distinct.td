//===- dialects/onnx/ops/Distinct.td --------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is different in a tensor.
include "dialects/onnx/Onnx.td"

def Onnx_UniqueOp : Onnx_Op<"Unique", 28, [TakesBits]> {
  let summary = "The elements, or the slices along an axis, that differ from each other";
  let description = [{
    Also where each was first, which of them every one of the input is, and how often. Sorted: ascending, slices by their
    first element that differs, NaN after all numbers (and equal to NaN), complex numbers by real part first.
  }];
  let arguments = (ins Onnx_AnyTensor:$X, OptionalAttr<SI64Attr>:$axis, DefaultValuedAttr<SI64Attr, "1">:$sorted);
  let results = (outs Onnx_AnyTensor:$Y, Onnx_Tensor:$indices, Onnx_Tensor:$inverse_indices, Onnx_Tensor:$counts);
}
