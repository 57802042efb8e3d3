//===- dialects/onnx/ops/Image.td -----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Images: ImageDecoder, and what onnxruntime-extensions has. What they compute is in runtime/library/image.c and
// encode-image.c.
include "dialects/onnx/Onnx.td"

def Onnx_ImageDecoderOp : Onnx_Op<"ImageDecoder", 20> {
  let summary = "The pixels of an image file: height x width x channels";
  let arguments = (ins RankedTensorOf<[UI8]>:$encoded_stream,
                       DefaultValuedAttr<StrAttr, "\"RGB\"">:$pixel_format);
  let results = (outs Onnx_Tensor:$image);
}

def Onnx_DecodeImageOp : Onnx_ExtOp<"DecodeImage"> {
  let summary = "The pixels of an image file: height x width x channels";
  let arguments = (ins RankedTensorOf<[UI8]>:$encoded_stream, DefaultValuedAttr<StrAttr, "\"bgr\"">:$color_space);
  let results = (outs Onnx_Tensor:$image);
}

def Onnx_EncodeImageOp : Onnx_ExtOp<"EncodeImage"> {
  let summary = "Pixels as the bytes of a JPEG or PNG file";
  let arguments = (ins RankedTensorOf<[UI8]>:$image, DefaultValuedAttr<StrAttr, "\"bgr\"">:$color_space,
                       StrAttr:$format);
  let results = (outs Onnx_Tensor:$encoded_stream);
}
