//===- dialects/onnx/ops/Image.td -----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Images: ImageDecoder. What it computes is in runtime/library/image.c.
include "dialects/onnx/Onnx.td"

def Onnx_ImageDecoderOp : Onnx_Op<"ImageDecoder", 20> {
  let summary = "The pixels of an image file: height x width x channels";
  let arguments = (ins RankedTensorOf<[UI8]>:$encoded_stream,
                       DefaultValuedAttr<StrAttr, "\"RGB\"">:$pixel_format);
  let results = (outs Onnx_Tensor:$image);
}
