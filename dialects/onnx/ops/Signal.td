//===- dialects/onnx/ops/Signal.td ----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Signal processing: windows, and the filters that make a mel spectrogram.
include "dialects/onnx/Onnx.td"

class SI64<string default> : DefaultValuedAttr<SI64Attr, default>;

class Onnx_WindowOp<string name> : Onnx_Op<name, 17> {
  let arguments = (ins Onnx_IndexTensor:$size, SI64<"1">:$output_datatype, SI64<"1">:$periodic);
  let results = (outs Onnx_Tensor:$output);
}

def Onnx_HannWindowOp : Onnx_WindowOp<"HannWindow"> { let summary = "1/2 - 1/2 cos(2 pi n / N)"; }
def Onnx_HammingWindowOp : Onnx_WindowOp<"HammingWindow"> { let summary = "25/46 - 21/46 cos(2 pi n / N)"; }
def Onnx_BlackmanWindowOp : Onnx_WindowOp<"BlackmanWindow"> {
  let summary = "0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)";
}

def Onnx_MelWeightMatrixOp : Onnx_Op<"MelWeightMatrix", 17> {
  let summary = "What each bin of a spectrum adds to triangular filters that are equally far apart on the mel scale";
  let arguments = (ins Onnx_IndexTensor:$num_mel_bins, Onnx_IndexTensor:$dft_length, Onnx_IndexTensor:$sample_rate,
                       Onnx_Tensor:$lower_edge_hertz, Onnx_Tensor:$upper_edge_hertz, SI64<"1">:$output_datatype);
  let results = (outs Onnx_Tensor:$output);
}
