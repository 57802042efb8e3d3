//===- dialects/onnx/ops/Convolution.td -----------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions over one, two or three spatial dimensions.
include "dialects/onnx/Onnx.td"

class Onnx_ConvolutionOp<string name, int since, dag more = (ins)> : Onnx_Op<name, since> {
  let arguments = !con((ins Onnx_Tensor:$X, Onnx_Tensor:$W, Onnx_OptionalTensor:$B,
                            DefaultValuedAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                            OptionalAttr<DenseI64ArrayAttr>:$dilations, DefaultValuedAttr<SI64Attr, "1">:$group,
                            OptionalAttr<DenseI64ArrayAttr>:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
                            OptionalAttr<DenseI64ArrayAttr>:$strides), more);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_ConvOp : Onnx_ConvolutionOp<"Conv", 22> {
  let summary = "Convolution";
}

def Onnx_ConvTransposeOp : Onnx_ConvolutionOp<"ConvTranspose", 22,
    (ins OptionalAttr<DenseI64ArrayAttr>:$output_padding, OptionalAttr<DenseI64ArrayAttr>:$output_shape)> {
  let summary = "Transposed convolution: the gradient of a convolution with respect to its input";
}

def Onnx_ConvIntegerOp : Onnx_Op<"ConvInteger", 10> {
  let summary = "Convolution of 8-bit integers minus their zero points, in 32 bits";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$W, Onnx_OptionalTensor:$x_zero_point,
                   Onnx_OptionalTensor:$w_zero_point, DefaultValuedAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                   OptionalAttr<DenseI64ArrayAttr>:$dilations, DefaultValuedAttr<SI64Attr, "1">:$group,
                   OptionalAttr<DenseI64ArrayAttr>:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
                   OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_CausalConvWithStateOp : Onnx_Op<"CausalConvWithState", 27> {
  let summary = "Convolution of every channel over what came before, which the state carries from run to run";
  let arguments = (ins Onnx_Tensor:$input, Onnx_Tensor:$weight, Onnx_OptionalTensor:$bias,
                       Onnx_OptionalTensor:$past_state, DefaultValuedAttr<StrAttr, "\"none\"">:$activation);
  let results = (outs Onnx_Tensor:$output, Onnx_Tensor:$present_state);
}
