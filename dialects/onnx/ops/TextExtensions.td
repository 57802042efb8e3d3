//===- dialects/onnx/ops/TextExtensions.td --------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators on text of onnxruntime-extensions that ai.onnx does not have. What they compute is in runtime/library.
include "dialects/onnx/Onnx.td"

class ChangesText<string name, string what> : Onnx_ExtOp<name> {
  let summary = what;
  let arguments = (ins Onnx_TextTensor:$input);
  let results = (outs Onnx_AnyTensor:$output);
}
def Onnx_StringStripOp : ChangesText<"StringStrip", "Each text without white space around it">;
def Onnx_StringLowerOp : ChangesText<"StringLower", "Each text with small letters of ASCII and Latin-1">;
def Onnx_StringUpperOp : ChangesText<"StringUpper", "Each text with capital letters of ASCII">;

def Onnx_StringLengthOp : Onnx_ExtOp<"StringLength"> {
  let summary = "How many letters each text has";
  let arguments = (ins Onnx_TextTensor:$input);
  let results = (outs Onnx_Tensor:$output);
}

class HashesText<string name, string what> : Onnx_ExtOp<name> {
  let summary = what;
  let arguments = (ins Onnx_TextTensor:$input, Onnx_Int64Tensor:$num_buckets);
  let results = (outs Onnx_Tensor:$output);
}
def Onnx_StringToHashBucketOp : HashesText<"StringToHashBucket", "A number for each text: MurmurHash64A with the seed of TensorFlow">;
def Onnx_StringToHashBucketFastOp : HashesText<"StringToHashBucketFast", "A number for each text: the hash of std::string in GNU's library">;

def Onnx_StringJoinOp : Onnx_ExtOp<"StringJoin"> {
  let summary = "The texts along an axis in one, with another between them";
  let arguments = (ins Onnx_TextTensor:$input, Onnx_TextTensor:$separator, Onnx_Int64Tensor:$axis);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_ExtStringSplitOp : Onnx_ExtOp<"StringSplit"> {
  let summary = "The parts of each text between separators: their rows and columns, the parts, and how many of both there are";
  let arguments = (ins Onnx_TextTensor:$input, Onnx_TextTensor:$separators, Onnx_Tensor:$skip_empty);
  let results = (outs Onnx_Tensor:$indices, Onnx_AnyTensor:$values, Onnx_Tensor:$shape);
}

def Onnx_StringMappingOp : Onnx_ExtOp<"StringMapping"> {
  let summary = "What a table has for each text, else the text";
  let arguments = (ins Onnx_TextTensor:$input, StrAttr:$map);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_StringToVectorOp : Onnx_ExtOp<"StringToVector"> {
  let summary = "The numbers that a table has for each text";
  let arguments = (ins Onnx_TextTensor:$text, StrAttr:$map, StrAttr:$unk);
  let results = (outs Onnx_Tensor:$token_ids);
}

def Onnx_VectorToStringOp : Onnx_ExtOp<"VectorToString"> {
  let summary = "The text that a table has for each row of numbers";
  let arguments = (ins Onnx_Int64Tensor:$token_ids, StrAttr:$map, StrAttr:$unk);
  let results = (outs Onnx_AnyTensor:$text);
}

def Onnx_RaggedTensorToSparseOp : Onnx_ExtOp<"RaggedTensorToSparse"> {
  let summary = "Row and column of each item of rows of different lengths, and how many of both there are";
  let arguments = (ins Onnx_Int64Tensor:$splits);
  let results = (outs Onnx_Tensor:$indices, Onnx_Tensor:$shape);
}

def Onnx_RaggedTensorToDenseOp : Onnx_ExtOp<"RaggedTensorToDense"> {
  let summary = "Rows of different lengths as a matrix: the second input's items, filled with the third, begin as the fourth says";
  let arguments = (ins Onnx_Int64Tensor:$shape, Onnx_Int64Tensor:$values, Onnx_Int64Tensor:$missing,
                       Onnx_Int64Tensor:$splits, DefaultValuedAttr<SI64Attr, "-1">:$missing_value);
  let results = (outs Onnx_Tensor:$output);
}

def Onnx_StringRaggedTensorToDenseOp : Onnx_ExtOp<"StringRaggedTensorToDense"> {
  let summary = "Rows of different lengths as a matrix: the second input's texts, filled with empty ones, begin as the third says";
  let arguments = (ins Onnx_Int64Tensor:$shape, Onnx_TextTensor:$values, Onnx_Int64Tensor:$splits,
                       Onnx_TextTensor:$rows);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_SegmentExtractionOp : Onnx_ExtOp<"SegmentExtraction"> {
  let summary = "Where runs of the same number but 0 begin and end, and the numbers";
  let arguments = (ins Onnx_Int64Tensor:$input);
  let results = (outs Onnx_Tensor:$position, Onnx_Tensor:$value);
}

// What the pattern and the replacement are, import has read from constant inputs.
def Onnx_StringRegexReplaceOp : Onnx_ExtOp<"StringRegexReplace"> {
  let summary = "The texts with matches of a regular expression replaced";
  let arguments = (ins Onnx_TextTensor:$text, DefaultValuedAttr<SI64Attr, "1">:$global_replace, StrAttr:$pattern,
                       StrAttr:$rewrite);
  let results = (outs Onnx_AnyTensor:$output);
}

def Onnx_StringRegexSplitWithOffsetsOp : Onnx_ExtOp<"StringRegexSplitWithOffsets"> {
  let summary = "The parts of texts between matches of a regular expression, and where they begin and end";
  let arguments = (ins Onnx_TextTensor:$text, StrAttr:$delim_regex_pattern, StrAttr:$keep_delim_regex_pattern);
  let results = (outs Onnx_AnyTensor:$tokens, Onnx_Tensor:$begins, Onnx_Tensor:$ends, Onnx_Tensor:$rows);
}
