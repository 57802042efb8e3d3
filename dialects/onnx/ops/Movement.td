//===- dialects/onnx/ops/Movement.td --------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that move elements to places that only their position decides.
include "dialects/onnx/Onnx.td"

def Onnx_TransposeOp : Onnx_Op<"Transpose", 25, [TakesBits], ["propagateData"]> {
  let summary = "Permutes the dimensions (reverses them by default)";
  let arguments = (ins Onnx_AnyTensor:$data, OptionalAttr<DenseI64ArrayAttr>:$perm);
  let results = (outs Onnx_AnyTensor:$transposed);
}

def Onnx_ConcatOp : Onnx_Op<"Concat", 13, [TakesBits], ["propagateData"]> {
  let summary = "Puts tensors one after the other along an axis";
  let arguments = (ins Variadic<Onnx_AnyTensor>:$inputs, SI64Attr:$axis);
  let results = (outs Onnx_AnyTensor:$concat_result);
}

def Onnx_SplitOp : Onnx_Op<"Split", 18, [TakesBits]> {
  let summary = "Cuts a tensor along an axis, into the given sizes or evenly";
  let arguments = (ins Onnx_AnyTensor:$input, Onnx_OptionalInt64Tensor:$split, DefaultValuedAttr<SI64Attr, "0">:$axis,
                   OptionalAttr<SI64Attr>:$num_outputs);
  let results = (outs Variadic<Onnx_AnyTensor>:$outputs);
}

def Onnx_SliceOp : Onnx_Op<"Slice", 13, [TakesBits], ["propagateData"]> {
  let summary = "Elements start, start + step, ... before end of each of the given axes";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_IndexTensor:$starts, Onnx_IndexTensor:$ends,
                   Onnx_OptionalIndexTensor:$axes, Onnx_OptionalIndexTensor:$steps);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_PadOp : Onnx_Op<"Pad", 25, [TakesBits], ["propagateData"]> {
  let summary = "Adds elements before and after along each axis; negative pads crop";
  let arguments = (ins Onnx_AnyTensor:$data, Onnx_Int64Tensor:$pads, Onnx_OptionalAnyTensor:$constant_value,
                   Onnx_OptionalIndexTensor:$axes, DefaultValuedAttr<StrAttr, "\"constant\"">:$mode);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_CenterCropPadOp : Onnx_Op<"CenterCropPad", 18, [TakesBits]> {
  let summary = "Crops or zero-pads each axis around its centre to a given size";
  let arguments = (ins Onnx_AnyTensor:$input_data, Onnx_IndexTensor:$shape, OptionalAttr<DenseI64ArrayAttr>:$axes);
  let results = (outs Onnx_AnyTensor:$output_data);
}

def Onnx_DepthToSpaceOp : Onnx_Op<"DepthToSpace", 28, [TakesBits]> {
  let summary = "Turns channels into blocks of pixels";
  let arguments = (ins Onnx_AnyTensor:$input, SI64Attr:$blocksize, DefaultValuedAttr<StrAttr, "\"DCR\"">:$mode);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_SpaceToDepthOp : Onnx_Op<"SpaceToDepth", 28, [TakesBits]> {
  let summary = "Turns blocks of pixels into channels";
  let arguments = (ins Onnx_AnyTensor:$input, SI64Attr:$blocksize, DefaultValuedAttr<StrAttr, "\"DCR\"">:$mode);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_ReverseSequenceOp : Onnx_Op<"ReverseSequence", 28, [TakesBits]> {
  let summary = "Reverses the first sequence_lens[b] time steps of each batch";
  let arguments = (ins Onnx_AnyTensor:$input, Onnx_Int64Tensor:$sequence_lens,
                   DefaultValuedAttr<SI64Attr, "1">:$batch_axis, DefaultValuedAttr<SI64Attr, "0">:$time_axis);
  let results = (outs Onnx_AnyTensor:$Y);
}

def Onnx_TriluOp : Onnx_Op<"Trilu", 14, [TakesBits]> {
  let summary = "Keeps the upper or lower triangle of matrices and zeroes the rest";
  let arguments = (ins Onnx_AnyTensor:$input, Onnx_OptionalInt64Tensor:$k, DefaultValuedAttr<SI64Attr, "1">:$upper);
  let results = (outs Onnx_AnyTensor:$output);
}
