//===- dialects/onnx/ops/Pooling.td ---------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions over windows of the spatial dimensions, or over all of them.
include "dialects/onnx/Onnx.td"

class Onnx_PoolOp<string name, int since, dag more = (ins)> : Onnx_Op<name, since> {
  let arguments = !con((ins Onnx_Tensor:$X, DefaultValuedAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                            DefaultValuedAttr<SI64Attr, "0">:$ceil_mode, OptionalAttr<DenseI64ArrayAttr>:$dilations,
                            DenseI64ArrayAttr:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
                            OptionalAttr<DenseI64ArrayAttr>:$strides), more);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_MaxPoolOp : Onnx_PoolOp<"MaxPool", 22, (ins DefaultValuedAttr<SI64Attr, "0">:$storage_order)> {
  let summary = "Largest element of every window, and where it is";
  let results = (outs Onnx_Tensor:$Y, Onnx_OptionalTensor:$Indices);
}

def Onnx_AveragePoolOp : Onnx_PoolOp<"AveragePool", 22, (ins DefaultValuedAttr<SI64Attr, "0">:$count_include_pad)> {
  let summary = "Mean of every window";
}

def Onnx_LpPoolOp : Onnx_PoolOp<"LpPool", 22, (ins DefaultValuedAttr<SI64Attr, "2">:$p)> {
  let summary = "p-norm of every window";
}

def Onnx_MaxpoolWithMaskOp : Onnx_MsOp<"MaxpoolWithMask", 1> {
  let summary = "Largest element of every window before the first masked one of each row";
  let arguments = (ins Onnx_Tensor:$X, RankedTensorOf<[I32]>:$M, DefaultValuedAttr<StrAttr, "\"NOTSET\"">:$auto_pad,
                       DenseI64ArrayAttr:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
                       DefaultValuedAttr<SI64Attr, "0">:$storage_order, OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs Onnx_Tensor:$Y);
}

class Onnx_GlobalPoolOp<string name, dag more = (ins)> : Onnx_Op<name, 22> {
  let arguments = !con((ins Onnx_Tensor:$X), more);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_GlobalAveragePoolOp : Onnx_GlobalPoolOp<"GlobalAveragePool"> {
  let summary = "Mean over the spatial dimensions";
}
def Onnx_GlobalMaxPoolOp : Onnx_GlobalPoolOp<"GlobalMaxPool"> {
  let summary = "Largest element over the spatial dimensions";
}
def Onnx_GlobalLpPoolOp : Onnx_GlobalPoolOp<"GlobalLpPool", (ins DefaultValuedAttr<SI64Attr, "2">:$p)> {
  let summary = "p-norm over the spatial dimensions";
}

def Onnx_Col2ImOp : Onnx_Op<"Col2Im", 18, [TakesComplex]> {
  let summary = "Adds the blocks that windows have cut out of an image where they came from";
  let arguments = (ins Onnx_Tensor:$input, Onnx_Int64Tensor:$image_shape, Onnx_Int64Tensor:$block_shape,
                       OptionalAttr<DenseI64ArrayAttr>:$dilations, OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs Onnx_Tensor:$output);
}

def Onnx_MaxUnpoolOp : Onnx_Op<"MaxUnpool", 22> {
  let summary = "Puts the elements that MaxPool has taken back to their places, among zeros";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Int64Tensor:$I, Onnx_OptionalInt64Tensor:$output_shape,
                       DenseI64ArrayAttr:$kernel_shape, OptionalAttr<DenseI64ArrayAttr>:$pads,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs Onnx_Tensor:$output);
}
