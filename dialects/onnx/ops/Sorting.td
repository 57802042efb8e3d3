//===- dialects/onnx/ops/Sorting.td ---------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that put elements in order.
include "dialects/onnx/Onnx.td"

def Onnx_TopKOp : Onnx_Op<"TopK", 24> {
  let summary = "The k largest or smallest elements along an axis, and where they are";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Int64Tensor:$K, DefaultValuedAttr<SI64Attr, "-1">:$axis,
                       DefaultValuedAttr<SI64Attr, "1">:$largest, DefaultValuedAttr<SI64Attr, "1">:$sorted);
  let results = (outs Onnx_Tensor:$Values, Onnx_Tensor:$Indices);
}
