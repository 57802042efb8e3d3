//===- dialects/onnx/ops/BlockQuantized.td --------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights of 2, 4 or 8 bits with a scale for each block of a row (domain com.microsoft). It is an operation, and not taken
// apart on import, so that the weights stay as small as they are in the model.
include "dialects/onnx/Onnx.td"

def Onnx_Bytes : RankedTensorOf<[UI8]>;
def Onnx_OptionalInt32Tensor : AnyTypeOf<[RankedTensorOf<[I32]>, NoneType]>;

def Onnx_MatMulNBitsOp : Onnx_MsOp<"MatMulNBits", 1> {
  let summary = "A times the transpose of B, whose rows are blocks of packed bits";
  let arguments = (ins Onnx_Tensor:$A, Onnx_Bytes:$B, Onnx_Tensor:$scales, Onnx_OptionalTensor:$zero_points,
                   Onnx_OptionalInt32Tensor:$g_idx, Onnx_OptionalTensor:$bias, SI64Attr:$K, SI64Attr:$N,
                   DefaultValuedAttr<SI64Attr, "0">:$accuracy_level, DefaultValuedAttr<SI64Attr, "4">:$bits,
                   SI64Attr:$block_size, DefaultValuedAttr<SI64Attr, "0">:$weight_prepacked);
  let results = (outs Onnx_Tensor:$Y);
}
