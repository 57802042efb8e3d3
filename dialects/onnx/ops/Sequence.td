//===- dialects/onnx/ops/Sequence.td --------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sequences of tensors, and optional values.
include "dialects/onnx/Onnx.td"

def Onnx_MaybeAbsentValue : AnyTypeOf<[Onnx_Value, NoneType]>;

def Onnx_SequenceEmptyOp : Onnx_Op<"SequenceEmpty", 11, [TakesBits]> {
  let summary = "A sequence without tensors, of the given element type (float32 by default)";
  let arguments = (ins OptionalAttr<SI64Attr>:$dtype);
  let results = (outs Onnx_Value:$output);
}

def Onnx_SequenceConstructOp : Onnx_Op<"SequenceConstruct", 11, [TakesBits]> {
  let summary = "A sequence of the given tensors";
  let arguments = (ins Variadic<Onnx_AnyTensor>:$inputs);
  let results = (outs Onnx_Value:$output_sequence);
}

def Onnx_SequenceInsertOp : Onnx_Op<"SequenceInsert", 11, [TakesBits]> {
  let summary = "A sequence with one more tensor, at the end by default";
  let arguments = (ins Onnx_Sequence:$input_sequence, Onnx_AnyTensor:$tensor, Onnx_OptionalIndexTensor:$position);
  let results = (outs Onnx_Value:$output_sequence);
}

def Onnx_SequenceEraseOp : Onnx_Op<"SequenceErase", 11, [TakesBits]> {
  let summary = "A sequence without one of its tensors, the last by default";
  let arguments = (ins Onnx_Sequence:$input_sequence, Onnx_OptionalIndexTensor:$position);
  let results = (outs Onnx_Value:$output_sequence);
}

def Onnx_SequenceAtOp : Onnx_Op<"SequenceAt", 11, [TakesBits]> {
  let summary = "A tensor of a sequence";
  let arguments = (ins Onnx_Sequence:$input_sequence, Onnx_IndexTensor:$position);
  let results = (outs Onnx_Value:$tensor);
}

def Onnx_SequenceLengthOp : Onnx_Op<"SequenceLength", 11, [TakesBits], ["propagateData"]> {
  let summary = "The number of tensors in a sequence";
  let arguments = (ins Onnx_Sequence:$input_sequence);
  let results = (outs Onnx_AnyTensor:$length);
}

def Onnx_SplitToSequenceOp : Onnx_Op<"SplitToSequence", 24, [TakesBits]> {
  let summary = "Cuts a tensor along an axis: into parts of these sizes, or of this size, or of size 1";
  let arguments = (ins Onnx_AnyTensor:$input, Onnx_OptionalIndexTensor:$split, DefaultValuedAttr<SI64Attr, "0">:$axis,
                   DefaultValuedAttr<SI64Attr, "1">:$keepdims);
  let results = (outs Onnx_Value:$output_sequence);
}

def Onnx_ConcatFromSequenceOp : Onnx_Op<"ConcatFromSequence", 11, [TakesBits]> {
  let summary = "The tensors of a sequence one after the other along an axis, that is there or new";
  let arguments = (ins Onnx_Sequence:$input_sequence, SI64Attr:$axis, DefaultValuedAttr<SI64Attr, "0">:$new_axis);
  let results = (outs Onnx_Value:$concat_result);
}

def Onnx_OptionalOp : Onnx_Op<"Optional", 28, [TakesBits]> {
  let summary = "An optional value with the given element, or one of the given type without";
  let arguments = (ins Onnx_MaybeAbsentValue:$input, OptionalAttr<TypeAttr>:$type);
  let results = (outs Onnx_Value:$output);
}

def Onnx_OptionalHasElementOp : Onnx_Op<"OptionalHasElement", 28, [TakesBits], ["propagateData"]> {
  let summary = "Whether an optional value has an element; true of any other value, false of none";
  let arguments = (ins Onnx_MaybeAbsentValue:$input);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_OptionalGetElementOp : Onnx_Op<"OptionalGetElement", 28, [TakesBits]> {
  let summary = "The element of an optional value; any other value itself";
  let arguments = (ins Onnx_Value:$input);
  let results = (outs Onnx_Value:$output);
}
