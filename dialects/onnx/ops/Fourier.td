//===- dialects/onnx/ops/Fourier.td ----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Signals and their spectra.
include "dialects/onnx/Onnx.td"

def Onnx_DFTOp : Onnx_Op<"DFT", 20> {
  let summary = "Discrete Fourier transform along one dimension";
  let arguments = (ins Onnx_Tensor:$input, Onnx_OptionalIndexTensor:$dft_length, Onnx_OptionalInt64Tensor:$axis,
                       DefaultValuedAttr<SI64Attr, "0">:$inverse, DefaultValuedAttr<SI64Attr, "0">:$onesided);
  let results = (outs Onnx_Tensor:$output);
}
