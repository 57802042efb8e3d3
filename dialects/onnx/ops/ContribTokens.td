//===- dialects/onnx/ops/ContribTokens.td ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tokens of language models, their n-grams and hashes, and how sequences lie next to each other (domain com.microsoft).
include "dialects/onnx/Onnx.td"

def Onnx_NGramRepeatBlockOp : Onnx_MsOp<"NGramRepeatBlock", 1> {
  let summary = "Scores in which tokens that would repeat an n-gram have none";
  let arguments = (ins Onnx_Int64Tensor:$input_ids, Onnx_Tensor:$scores, SI64Attr:$ngram_size);
  let results = (outs Onnx_Tensor:$scores_out);
}

def Onnx_BifurcationDetectorOp : Onnx_MsOp<"BifurcationDetector", 1> {
  let summary = "Tokens up to where predicted ones leave the source, and where their last n-gram stands in it";
  let arguments = (ins Onnx_Int64Tensor:$src_tokens, Onnx_Int64Tensor:$cur_tokens,
                       Onnx_Int64Tensor:$prev_suffix_match_idx, Onnx_OptionalInt64Tensor:$pred_tokens,
                       DefaultValuedAttr<SI64Attr, "3">:$max_ngram_size, DefaultValuedAttr<SI64Attr, "1">:$min_ngram_size);
  let results = (outs Onnx_Tensor:$tokens, Onnx_Tensor:$suffix_match_idx);
}

def Onnx_MurmurHash3Op : Onnx_MsOp<"MurmurHash3", 1> {
  let summary = "A hash of 32 bits of every element";
  let arguments = (ins Onnx_AnyTensor:$X, DefaultValuedAttr<SI64Attr, "1">:$positive,
                       DefaultValuedAttr<SI64Attr, "0">:$seed);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_DynamicTimeWarpingOp : Onnx_MsOp<"DynamicTimeWarping", 1> {
  let summary = "The cheapest path through a matrix of costs";
  let arguments = (ins RankedTensorOf<[F32]>:$input);
  let results = (outs Onnx_Tensor:$output);
}
