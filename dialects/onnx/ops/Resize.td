//===- dialects/onnx/ops/Resize.td ----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sampling of a tensor at other places than its own: Resize.
include "dialects/onnx/Onnx.td"

def Onnx_ResizeOp : Onnx_Op<"Resize", 19, [TakesComplex]> {
  let summary = "Enlarges or shrinks dimensions, by the nearest element or by interpolation";
  let description = [{
    What older versions did otherwise are two more values of attributes: the nearest_mode "simple" of version 10 rounds down
    where the dimension grows and up where it shrinks; the coordinate_transformation_mode "tf_half_pixel_for_nn" of
    version 11 is half_pixel without the 0.5 that it takes off in the end.
  }];
  let arguments = (ins Onnx_AnyTensor:$X, Onnx_OptionalTensor:$roi, Onnx_OptionalTensor:$scales,
                       Onnx_OptionalInt64Tensor:$sizes, DefaultValuedAttr<SI64Attr, "0">:$antialias,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DefaultValuedAttr<StrAttr, "\"half_pixel\"">:$coordinate_transformation_mode,
                       DefaultValuedAttr<F32Attr, "-0.75">:$cubic_coeff_a,
                       DefaultValuedAttr<SI64Attr, "0">:$exclude_outside,
                       DefaultValuedAttr<F32Attr, "0.0">:$extrapolation_value,
                       DefaultValuedAttr<StrAttr, "\"stretch\"">:$keep_aspect_ratio_policy,
                       DefaultValuedAttr<StrAttr, "\"nearest\"">:$mode,
                       DefaultValuedAttr<StrAttr, "\"round_prefer_floor\"">:$nearest_mode);
  let results = (outs Onnx_AnyTensor:$Y);
}
