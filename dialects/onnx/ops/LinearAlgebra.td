//===- dialects/onnx/ops/LinearAlgebra.td ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What linear algebra asks of a square matrix.
include "dialects/onnx/Onnx.td"

def Onnx_DetOp : Onnx_Op<"Det", 22> {
  let summary = "Determinant of every matrix in the last two dimensions";
  let arguments = (ins Onnx_Tensor:$X);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_InverseOp : Onnx_MsOp<"Inverse", 1> {
  let summary = "Inverse of every matrix in the last two dimensions";
  let arguments = (ins Onnx_Tensor:$X);
  let results = (outs Onnx_Tensor:$Y);
}
