//===- dialects/onnx/ops/Spatial.td ---------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sampling of a tensor at places that other tensors hold: grids, and AffineGrid that makes them, or regions of interest.
include "dialects/onnx/Onnx.td"

def Onnx_GridSampleOp : Onnx_Op<"GridSample", 22, [TakesComplex]> {
  let summary = "Elements, or what lies between them, at the places that a grid holds";
  let arguments = (ins Onnx_AnyTensor:$X, Onnx_Tensor:$grid, DefaultValuedAttr<SI64Attr, "0">:$align_corners,
                       DefaultValuedAttr<StrAttr, "\"linear\"">:$mode,
                       DefaultValuedAttr<StrAttr, "\"zeros\"">:$padding_mode);
  let results = (outs Onnx_AnyTensor:$Y);
}

def Onnx_AffineGridOp : Onnx_Op<"AffineGrid", 20> {
  let summary = "The places of a grid of the given size, moved by an affine map for every batch";
  let arguments = (ins Onnx_Tensor:$theta, Onnx_Int64Tensor:$size, DefaultValuedAttr<SI64Attr, "0">:$align_corners);
  let results = (outs Onnx_Tensor:$grid);
}

def Onnx_MaxRoiPoolOp : Onnx_Op<"MaxRoiPool", 22> {
  let summary = "The largest element of every bin of regions of interest whose corners are elements";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$rois, DenseI64ArrayAttr:$pooled_shape,
                       DefaultValuedAttr<F32Attr, "1.0">:$spatial_scale);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_RoiAlignOp : Onnx_Op<"RoiAlign", 22> {
  let summary = "Regions of interest, pooled to one size";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$rois, Onnx_Int64Tensor:$batch_indices,
                       DefaultValuedAttr<StrAttr, "\"half_pixel\"">:$coordinate_transformation_mode,
                       DefaultValuedAttr<StrAttr, "\"avg\"">:$mode, DefaultValuedAttr<SI64Attr, "1">:$output_height,
                       DefaultValuedAttr<SI64Attr, "1">:$output_width, DefaultValuedAttr<SI64Attr, "0">:$sampling_ratio,
                       DefaultValuedAttr<F32Attr, "1.0">:$spatial_scale);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_CropAndResizeOp : Onnx_MsOp<"CropAndResize", 1> {
  let summary = "Boxes of images, resized to one size";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$rois, RankedTensorOf<[I32]>:$batch_indices,
                       RankedTensorOf<[I32]>:$crop_size, DefaultValuedAttr<F32Attr, "0.0">:$extrapolation_value,
                       DefaultValuedAttr<StrAttr, "\"bilinear\"">:$mode);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_DeformConvOp : Onnx_Op<"DeformConv", 22> {
  let summary = "Convolution whose windows read at places moved by offsets of run time";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$W, Onnx_Tensor:$offset, Onnx_OptionalTensor:$B,
                       Onnx_OptionalTensor:$mask, OptionalAttr<DenseI64ArrayAttr>:$dilations,
                       DefaultValuedAttr<SI64Attr, "1">:$group, OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
                       DefaultValuedAttr<SI64Attr, "1">:$offset_group, OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs Onnx_Tensor:$Y);
}
