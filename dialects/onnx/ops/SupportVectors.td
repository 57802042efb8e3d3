//===- dialects/onnx/ops/SupportVectors.td --------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Support vector machines.
include "dialects/onnx/Onnx.td"

defvar Onnx_Machine = (ins Onnx_Tensor:$X, OptionalAttr<DenseF32ArrayAttr>:$coefficients,
                           OptionalAttr<DenseF32ArrayAttr>:$kernel_params,
                           DefaultValuedAttr<StrAttr, "\"LINEAR\"">:$kernel_type,
                           DefaultValuedAttr<StrAttr, "\"NONE\"">:$post_transform,
                           OptionalAttr<DenseF32ArrayAttr>:$rho, OptionalAttr<DenseF32ArrayAttr>:$support_vectors);

def Onnx_SVMClassifierOp : Onnx_MlOp<"SVMClassifier", 1> {
  let summary = "The class that wins most comparisons of two, and their scores or the classes' probabilities";
  let arguments = !con(Onnx_Machine, (ins OptionalAttr<DenseI64ArrayAttr>:$classlabels_ints,
                                          OptionalAttr<StrArrayAttr>:$classlabels_strings,
                                          OptionalAttr<DenseF32ArrayAttr>:$prob_a,
                                          OptionalAttr<DenseF32ArrayAttr>:$prob_b,
                                          OptionalAttr<DenseI64ArrayAttr>:$vectors_per_class));
  let results = (outs Onnx_AnyTensor:$Y, Onnx_Tensor:$Z);
}

def Onnx_SVMRegressorOp : Onnx_MlOp<"SVMRegressor", 1> {
  let summary = "A weighted sum of kernels of a row and the support vectors, or whether it is positive";
  let arguments = !con(Onnx_Machine, (ins DefaultValuedAttr<SI64Attr, "0">:$n_supports,
                                          DefaultValuedAttr<SI64Attr, "0">:$one_class));
  let results = (outs Onnx_Tensor:$Y);
}
