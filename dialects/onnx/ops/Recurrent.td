//===- dialects/onnx/ops/Recurrent.td -------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recurrent layers: RNN, GRU and LSTM.
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
