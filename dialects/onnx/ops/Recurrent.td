//===- dialects/onnx/ops/Recurrent.td -------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recurrent layers: RNN, GRU and LSTM (also with integers for weights), and attention whose state has a fixed size.
include "dialects/onnx/Onnx.td"

class Onnx_RecurrentOp<string name, dag inputs, dag attributes> : Onnx_Op<name, 22> {
  let arguments = !con((ins Onnx_Tensor:$X, Onnx_Tensor:$W, Onnx_Tensor:$R, Onnx_OptionalTensor:$B,
                            Onnx_OptionalTensor:$sequence_lens, Onnx_OptionalTensor:$initial_h), inputs,
                       (ins OptionalAttr<DenseF32ArrayAttr>:$activation_alpha,
                            OptionalAttr<DenseF32ArrayAttr>:$activation_beta, OptionalAttr<StrArrayAttr>:$activations,
                            OptionalAttr<F32Attr>:$clip, DefaultValuedAttr<StrAttr, "\"forward\"">:$direction,
                            OptionalAttr<SI64Attr>:$hidden_size, DefaultValuedAttr<SI64Attr, "0">:$layout),
                       attributes);
  let results = (outs Onnx_OptionalTensor:$Y, Onnx_OptionalTensor:$Y_h);
}

def Onnx_RNNOp : Onnx_RecurrentOp<"RNN", (ins), (ins)> {
  let summary = "Simple recurrent layer";
}

def Onnx_GRUOp : Onnx_RecurrentOp<"GRU", (ins), (ins DefaultValuedAttr<SI64Attr, "0">:$linear_before_reset)> {
  let summary = "Gated recurrent unit";
}

def Onnx_LSTMOp : Onnx_RecurrentOp<"LSTM", (ins Onnx_OptionalTensor:$initial_c, Onnx_OptionalTensor:$P),
                                   (ins DefaultValuedAttr<SI64Attr, "0">:$input_forget)> {
  let summary = "Long short-term memory";
  let results = (outs Onnx_OptionalTensor:$Y, Onnx_OptionalTensor:$Y_h, Onnx_OptionalTensor:$Y_c);
}

def Onnx_DynamicQuantizeLSTMOp : Onnx_MsOp<"DynamicQuantizeLSTM", 1> {
  let summary = "LSTM with integers of 8 bits for weights, which rounds what it multiplies with them to 8 bits, too";
  let description = [{W and R have their dimensions the other way round: [directions, inputs, gates * hidden_size].}];
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$W, Onnx_Tensor:$R, Onnx_OptionalTensor:$B,
                       Onnx_OptionalTensor:$sequence_lens, Onnx_OptionalTensor:$initial_h,
                       Onnx_OptionalTensor:$initial_c, Onnx_OptionalTensor:$P, Onnx_Tensor:$W_scale,
                       Onnx_Tensor:$W_zero_point, Onnx_Tensor:$R_scale, Onnx_Tensor:$R_zero_point,
                       OptionalAttr<DenseF32ArrayAttr>:$activation_alpha,
                       OptionalAttr<DenseF32ArrayAttr>:$activation_beta, OptionalAttr<StrArrayAttr>:$activations,
                       OptionalAttr<F32Attr>:$clip, DefaultValuedAttr<StrAttr, "\"forward\"">:$direction,
                       OptionalAttr<SI64Attr>:$hidden_size, DefaultValuedAttr<SI64Attr, "0">:$input_forget);
  let results = (outs Onnx_OptionalTensor:$Y, Onnx_OptionalTensor:$Y_h, Onnx_OptionalTensor:$Y_c);
}

def Onnx_LinearAttentionOp : Onnx_Op<"LinearAttention", 27> {
  let summary = "Attention through a matrix for each head, to which every step adds its key and value";
  let description = [{chunk_size is a hint without effect on the result; the steps go one by one.}];
  let arguments = (ins Onnx_Tensor:$query, Onnx_Tensor:$key, Onnx_Tensor:$value, Onnx_OptionalTensor:$past_state,
                       Onnx_OptionalTensor:$decay, Onnx_OptionalTensor:$beta,
                       DefaultValuedAttr<SI64Attr, "64">:$chunk_size, SI64Attr:$kv_num_heads, SI64Attr:$q_num_heads,
                       DefaultValuedAttr<F32Attr, "0.0">:$scale,
                       DefaultValuedAttr<StrAttr, "\"gated_delta\"">:$update_rule);
  let results = (outs Onnx_Tensor:$output, Onnx_Tensor:$present_state);
}
