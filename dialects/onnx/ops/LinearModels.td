//===- dialects/onnx/ops/LinearModels.td ----------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Classifiers and regressors of which the scores are weighted sums of features.
include "dialects/onnx/Onnx.td"

def Onnx_LinearClassifierOp : Onnx_MlOp<"LinearClassifier", 1> {
  let summary = "The class with the largest weighted sum of a row's features, and the scores of all classes";
  let arguments = (ins Onnx_Tensor:$X, OptionalAttr<DenseI64ArrayAttr>:$classlabels_ints,
                       OptionalAttr<StrArrayAttr>:$classlabels_strings, DenseF32ArrayAttr:$coefficients,
                       OptionalAttr<DenseF32ArrayAttr>:$intercepts, DefaultValuedAttr<SI64Attr, "0">:$multi_class,
                       DefaultValuedAttr<StrAttr, "\"NONE\"">:$post_transform);
  let results = (outs Onnx_AnyTensor:$Y, Onnx_Tensor:$Z);
}

def Onnx_LinearRegressorOp : Onnx_MlOp<"LinearRegressor", 1> {
  let summary = "Weighted sums of a row's features, one for each target";
  let arguments = (ins Onnx_Tensor:$X, OptionalAttr<DenseF32ArrayAttr>:$coefficients,
                       OptionalAttr<DenseF32ArrayAttr>:$intercepts,
                       DefaultValuedAttr<StrAttr, "\"NONE\"">:$post_transform,
                       DefaultValuedAttr<SI64Attr, "1">:$targets);
  let results = (outs Onnx_Tensor:$Y);
}
