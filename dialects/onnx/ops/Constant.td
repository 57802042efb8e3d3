//===- dialects/onnx/ops/Constant.td --------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values that need no computation: constants, and the absent optional value.
include "dialects/onnx/Onnx.td"

def Onnx_ConstantOp : Onnx_Op<"Constant", 25, [TakesBits, ConstantLike]> {
  let summary = "A constant tensor";
  let description = "Every form of the attribute (value, value_float, value_ints, sparse_value, ...) is imported as `value`.";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Onnx_AnyTensor:$output);
  let hasFolder = 1;
  let assemblyFormat = "attr-dict $value `:` type($output)";
}

def Onnx_NoneOp : Onnx_Op<"None", 0, [ConstantLike]> {
  let summary = "An optional input that is absent";
  let arguments = (ins);
  let results = (outs NoneType:$none);
  let hasFolder = 1;
  let assemblyFormat = "attr-dict `:` type($none)";
}
