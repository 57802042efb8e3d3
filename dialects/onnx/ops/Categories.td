//===- dialects/onnx/ops/Categories.td ------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that look elements up among keys.
include "dialects/onnx/Onnx.td"

def Onnx_LabelEncoderOp : Onnx_MlOp<"LabelEncoder", 4> {
  let summary = "For each element the value that belongs to the key which it is";
  let description = "Keys, values and the default are imported as tensors, whichever attributes the node has.";
  let arguments = (ins Onnx_AnyTensor:$X, ElementsAttr:$default_tensor, ElementsAttr:$keys_tensor,
                       ElementsAttr:$values_tensor);
  let results = (outs Onnx_AnyTensor:$Y);
}

def Onnx_OneHotEncoderOp : Onnx_MlOp<"OneHotEncoder", 1> {
  let summary = "For each element a 1 at the place of its category, among zeros";
  let arguments = (ins Onnx_AnyTensor:$X, OptionalAttr<DenseI64ArrayAttr>:$cats_int64s,
                       OptionalAttr<StrArrayAttr>:$cats_strings, DefaultValuedAttr<SI64Attr, "1">:$zeros);
  let results = (outs Onnx_AnyTensor:$Y);
}
