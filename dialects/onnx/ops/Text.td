//===- dialects/onnx/ops/Text.td ------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators on text. What they compute is in runtime/library; here is what the compiler knows and prepares.
include "dialects/onnx/Onnx.td"

def Onnx_StringConcatOp : Onnx_Op<"StringConcat", 20> {
  let summary = "Joins two strings at each place";
  let arguments = (ins Onnx_TextTensor:$X, Onnx_TextTensor:$Y);
  let results = (outs Onnx_AnyTensor:$Z);
}

def Onnx_StringSplitOp : Onnx_Op<"StringSplit", 20> {
  let summary = "The parts of each string, on a new last axis that is as long as the longest list, and how many they are";
  let arguments = (ins Onnx_TextTensor:$X, OptionalAttr<SI64Attr>:$maxsplit,
                       DefaultValuedAttr<StrAttr, "\"\"">:$delimiter);
  let results = (outs Onnx_AnyTensor:$Y, Onnx_Tensor:$Z);
}

def Onnx_StringNormalizerOp : Onnx_Op<"StringNormalizer", 10> {
  let summary = "Drops the strings that are stop words, and changes the case of the others";
  let arguments = (ins Onnx_TextTensor:$X, OptionalAttr<StrArrayAttr>:$stopwords, OptionalAttr<StrAttr>:$locale,
                       DefaultValuedAttr<SI64Attr, "0">:$is_case_sensitive,
                       DefaultValuedAttr<StrAttr, "\"NONE\"">:$case_change_action);
  let results = (outs Onnx_AnyTensor:$Y);
}

def Onnx_RegexFullMatchOp : Onnx_Op<"RegexFullMatch", 20> {
  let summary = "Whether a regular expression matches the whole of each string";
  let arguments = (ins Onnx_TextTensor:$X, OptionalAttr<StrAttr>:$pattern);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_TokenizerOp : Onnx_MsOp<"Tokenizer", 1> {
  let summary = "The tokens of each string, on a new last axis that is as long as the longest list";
  let arguments = (ins Onnx_TextTensor:$X, SI64Attr:$mark, SI64Attr:$mincharnum, StrAttr:$pad_value,
                       OptionalAttr<StrArrayAttr>:$separators, OptionalAttr<StrAttr>:$tokenexp);
  let results = (outs Onnx_AnyTensor:$Y);
}

def Onnx_TfIdfVectorizerOp : Onnx_Op<"TfIdfVectorizer", 9> {
  let summary = "Counts the n-grams of a pool in a sequence of integers or strings";
  let arguments = (ins AnyTypeOf<[Onnx_IndexTensor, Onnx_TextTensor]>:$X, SI64Attr:$max_gram_length,
                       SI64Attr:$max_skip_count, SI64Attr:$min_gram_length, StrAttr:$mode,
                       DenseI64ArrayAttr:$ngram_counts, DenseI64ArrayAttr:$ngram_indexes,
                       OptionalAttr<DenseI64ArrayAttr>:$pool_int64s, OptionalAttr<StrArrayAttr>:$pool_strings,
                       OptionalAttr<DenseF32ArrayAttr>:$weights);
  let results = (outs Onnx_Tensor:$Y);
}
