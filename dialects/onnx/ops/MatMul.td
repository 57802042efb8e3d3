//===- dialects/onnx/ops/MatMul.td ----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Matrix products and other sums of products.
include "dialects/onnx/Onnx.td"

def Onnx_MatMulOp : Onnx_Op<"MatMul", 13> {
  let summary = "Matrix product with numpy.matmul's rules";
  let arguments = (ins Onnx_Tensor:$A, Onnx_Tensor:$B);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_GemmOp : Onnx_Op<"Gemm", 13> {
  let summary = "alpha * A' * B' + beta * C";
  let arguments = (ins Onnx_Tensor:$A, Onnx_Tensor:$B, Onnx_OptionalTensor:$C,
                   DefaultValuedAttr<F32Attr, "1.0">:$alpha, DefaultValuedAttr<F32Attr, "1.0">:$beta,
                   DefaultValuedAttr<SI64Attr, "0">:$transA, DefaultValuedAttr<SI64Attr, "0">:$transB);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_MatMulIntegerOp : Onnx_Op<"MatMulInteger", 10> {
  let summary = "Matrix product of 8-bit integers, less their zero points, in 32 bits";
  let arguments = (ins Onnx_Tensor:$A, Onnx_Tensor:$B, Onnx_OptionalTensor:$a_zero_point,
                   Onnx_OptionalTensor:$b_zero_point);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_EinsumOp : Onnx_Op<"Einsum", 28> {
  let summary = "Sums of products, as an equation over the operands' subscripts says";
  let arguments = (ins Variadic<Onnx_Tensor>:$Inputs, StrAttr:$equation);
  let results = (outs Onnx_Tensor:$Output);
}
