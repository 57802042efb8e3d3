//===- dialects/onnx/ops/Attention.td -------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scaled dot product attention, and the rotation of queries and keys that tells it positions.
include "dialects/onnx/Onnx.td"

def Onnx_AttentionOp : Onnx_Op<"Attention", 25> {
  let summary = "softmax(scale * Q K' + bias) V, for every head";
  let arguments = (ins Onnx_Tensor:$Q, Onnx_Tensor:$K, Onnx_Tensor:$V, Onnx_OptionalTensor:$attn_mask,
                   Onnx_OptionalTensor:$past_key, Onnx_OptionalTensor:$past_value,
                   Onnx_OptionalInt64Tensor:$nonpad_kv_seqlen, DefaultValuedAttr<SI64Attr, "0">:$is_causal,
                   OptionalAttr<SI64Attr>:$kv_num_heads, DefaultValuedAttr<SI64Attr, "-1">:$left_window_size,
                   OptionalAttr<SI64Attr>:$q_num_heads, DefaultValuedAttr<SI64Attr, "0">:$qk_matmul_output_mode,
                   DefaultValuedAttr<SI64Attr, "-1">:$right_window_size, OptionalAttr<F32Attr>:$scale,
                   DefaultValuedAttr<F32Attr, "0.0">:$softcap, OptionalAttr<SI64Attr>:$softmax_precision);
  let results = (outs Onnx_Tensor:$Y, Onnx_Tensor:$present_key, Onnx_Tensor:$present_value,
                 Onnx_Tensor:$qk_matmul_output);
}

def Onnx_RotaryEmbeddingOp : Onnx_Op<"RotaryEmbedding", 23> {
  let summary = "Turns pairs of elements of each head by the angle of the position";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$cos_cache, Onnx_Tensor:$sin_cache,
                   Onnx_OptionalInt64Tensor:$position_ids, DefaultValuedAttr<SI64Attr, "0">:$interleaved,
                   OptionalAttr<SI64Attr>:$num_heads, DefaultValuedAttr<SI64Attr, "0">:$rotary_embedding_dim);
  let results = (outs Onnx_Tensor:$Y);
}
