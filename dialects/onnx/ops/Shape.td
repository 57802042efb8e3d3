//===- dialects/onnx/ops/Shape.td -----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shapes as values, and operators that give the same elements another shape or repeat them.
include "dialects/onnx/Onnx.td"

def Onnx_ShapeOp : Onnx_Op<"Shape", 25, [TakesBits], ["propagateData"]> {
  let summary = "The sizes of dimensions [start, end) of a tensor";
  let arguments = (ins Onnx_AnyTensor:$data, DefaultValuedAttr<SI64Attr, "0">:$start, OptionalAttr<SI64Attr>:$end);
  let results = (outs Onnx_AnyTensor:$shape);
}

def Onnx_SizeOp : Onnx_Op<"Size", 25, [TakesBits], ["propagateData"]> {
  let summary = "The number of elements of a tensor";
  let arguments = (ins Onnx_AnyTensor:$data);
  let results = (outs Onnx_AnyTensor:$size);
}

def Onnx_ReshapeOp : Onnx_Op<"Reshape", 25, [TakesBits], ["propagateData"]> {
  let summary = "The same elements under another shape; -1 is what is left, 0 copies a size";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_Int64Tensor:$shape, DefaultValuedAttr<SI64Attr, "0">:$allowzero);
  let results = (outs Onnx_AnyTensor:$reshaped);
}

def Onnx_FlattenOp : Onnx_Op<"Flatten", 25, [TakesBits], ["propagateData"]> {
  let summary = "Rank 2: the dimensions before `axis`, and those from it on";
  let arguments = (ins Onnx_AnyTensor:$input, DefaultValuedAttr<SI64Attr, "1">:$axis);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_SqueezeOp : Onnx_Op<"Squeeze", 25, [TakesBits], ["propagateData"]> {
  let summary = "Drops dimensions of size 1";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_OptionalInt64Tensor:$axes);
  let results = (outs Onnx_AnyTensor:$squeezed);
}

def Onnx_UnsqueezeOp : Onnx_Op<"Unsqueeze", 25, [TakesBits], ["propagateData"]> {
  let summary = "Inserts dimensions of size 1";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_Int64Tensor:$axes);
  let results = (outs Onnx_AnyTensor:$expanded);
}

def Onnx_ExpandOp : Onnx_Op<"Expand", 13, [TakesBits], ["propagateData"]> {
  let summary = "Broadcasts a tensor and a shape against each other";
  let arguments = (ins Onnx_AnyTensor:$input, Onnx_Int64Tensor:$shape);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_TileOp : Onnx_Op<"Tile", 13, [TakesBits], ["propagateData"]> {
  let summary = "Repeats a tensor along each dimension";
  let arguments = (ins Onnx_AnyTensor:$input, Onnx_Int64Tensor:$repeats);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_RangeOp : Onnx_Op<"Range", 27, [], ["propagateData"]> {
  let summary = "start, start + delta, ... before limit";
  let arguments = (ins Onnx_Tensor:$start, Onnx_Tensor:$limit, Onnx_Tensor:$delta,
                   DefaultValuedAttr<SI64Attr, "1">:$stash_type);
  let results = (outs Onnx_Tensor:$output);
}

def Onnx_ConstantOfShapeOp : Onnx_Op<"ConstantOfShape", 25, [TakesBits], ["propagateData"]> {
  let summary = "A tensor of the given shape full of one value (float32 0 by default)";
  let arguments = (ins Onnx_Int64Tensor:$input, OptionalAttr<ElementsAttr>:$value);
  let results = (outs Onnx_Tensor:$output);
}
