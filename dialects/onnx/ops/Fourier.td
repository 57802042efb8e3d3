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

def Onnx_STFTOp : Onnx_Op<"STFT", 17> {
  let summary = "Discrete Fourier transforms of overlapping frames of a signal, each weighted by a window";
  let arguments = (ins Onnx_Tensor:$signal, Onnx_IndexTensor:$frame_step, Onnx_OptionalTensor:$window,
                       Onnx_OptionalIndexTensor:$frame_length, DefaultValuedAttr<SI64Attr, "1">:$onesided);
  let results = (outs Onnx_Tensor:$output);
}
