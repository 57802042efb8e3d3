//===- dialects/onnx/ops/Quantization.td ----------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Between real numbers and small integers: real = (integer - zero point) * scale. Scale and zero point hold for the whole
// tensor, for an index of an axis, or for a block of indices of it.
include "dialects/onnx/Onnx.td"

def Onnx_QuantizeLinearOp : Onnx_Op<"QuantizeLinear", 28, [TakesBits]> {
  let summary = "saturate(round(x / scale) + zero point)";
  let arguments = (ins Onnx_Tensor:$x, Onnx_Tensor:$y_scale, Onnx_OptionalTensor:$y_zero_point,
                   DefaultValuedAttr<SI64Attr, "1">:$axis, DefaultValuedAttr<SI64Attr, "0">:$block_size,
                   DefaultValuedAttr<SI64Attr, "0">:$output_dtype, DefaultValuedAttr<SI64Attr, "0">:$precision,
                   DefaultValuedAttr<SI64Attr, "1">:$saturate);
  let results = (outs Onnx_Tensor:$y);
}

def Onnx_DequantizeLinearOp : Onnx_Op<"DequantizeLinear", 28, [TakesBits]> {
  let summary = "(x - zero point) * scale";
  let arguments = (ins Onnx_Tensor:$x, Onnx_Tensor:$x_scale, Onnx_OptionalTensor:$x_zero_point,
                   DefaultValuedAttr<SI64Attr, "1">:$axis, DefaultValuedAttr<SI64Attr, "0">:$block_size,
                   DefaultValuedAttr<SI64Attr, "0">:$output_dtype);
  let results = (outs Onnx_Tensor:$y);
}
