//===- dialects/onnx/ops/Indexing.td --------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that read from, or write to, places that an operand names.
include "dialects/onnx/Onnx.td"

def Onnx_GatherOp : Onnx_Op<"Gather", 13, [TakesBits], ["propagateData"]> {
  let summary = "Takes entries of an axis by index";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_IndexTensor:$indices, DefaultValuedAttr<SI64Attr, "0">:$axis);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_GatherElementsOp : Onnx_Op<"GatherElements", 13, [TakesBits]> {
  let summary = "Takes one element for each index, which replaces its own position on the axis";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_IndexTensor:$indices, DefaultValuedAttr<SI64Attr, "0">:$axis);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_GatherNDOp : Onnx_Op<"GatherND", 13, [TakesBits]> {
  let summary = "Takes elements or slices by index tuples";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_Int64Tensor:$indices, DefaultValuedAttr<SI64Attr, "0">:$batch_dims);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_CompressOp : Onnx_Op<"Compress", 28, [TakesBits]> {
  let summary = "The entries of an axis, or the elements, that a condition selects";
  let arguments = (ins Onnx_AnyTensor:$input, RankedTensorOf<[I1]>:$condition, OptionalAttr<SI64Attr>:$axis);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_NonZeroOp : Onnx_Op<"NonZero", 13, [TakesBits]> {
  let summary = "The indices of the elements that are not 0: a column for each";
  let arguments = (ins Onnx_AnyTensor:$X);
  let results = (outs Onnx_AnyTensor:$Y);
}

def Onnx_ScatterElementsOp : Onnx_Op<"ScatterElements", 18, [TakesBits]> {
  let summary = "A copy with one element overwritten, or combined, for each index";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_IndexTensor:$indices, Onnx_AnyTensor:$updates,
                   DefaultValuedAttr<SI64Attr, "0">:$axis, DefaultValuedAttr<StrAttr, "\"none\"">:$reduction);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_ScatterNDOp : Onnx_Op<"ScatterND", 18, [TakesBits]> {
  let summary = "A copy with elements or slices overwritten, or combined, by index tuples";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_Int64Tensor:$indices, Onnx_AnyTensor:$updates,
                   DefaultValuedAttr<StrAttr, "\"none\"">:$reduction);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_TensorScatterOp : Onnx_Op<"TensorScatter", 24, [TakesBits]> {
  let summary = "A copy of a cache with new entries from each batch's position on";
  let arguments = (ins Onnx_AnyTensor:$past_cache, Onnx_AnyTensor:$update, Onnx_OptionalInt64Tensor:$write_indices,
                       DefaultValuedAttr<StrAttr, "\"linear\"">:$mode, DefaultValuedAttr<SI64Attr, "-2">:$axis);
  let results = (outs Onnx_AnyTensor:$present_cache);
}

def Onnx_OneHotOp : Onnx_Op<"OneHot", 28, [TakesBits]> {
  let summary = "values[1] where the position on the new axis is the index, values[0] elsewhere";
  let arguments = (ins Onnx_Tensor:$indices, Onnx_Tensor:$depth, Onnx_AnyTensor:$values,
                   DefaultValuedAttr<SI64Attr, "-1">:$axis);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_EyeLikeOp : Onnx_Op<"EyeLike", 22> {
  let summary = "A matrix with ones on diagonal k and zeros elsewhere";
  let arguments = (ins Onnx_Tensor:$input, OptionalAttr<SI64Attr>:$dtype, DefaultValuedAttr<SI64Attr, "0">:$k);
  let results = (outs Onnx_Tensor:$output);
}
