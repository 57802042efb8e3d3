//===- dialects/onnx/ops/Features.td --------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that prepare rows of features for a model.
include "dialects/onnx/Onnx.td"

def Onnx_ArrayFeatureExtractorOp : Onnx_MlOp<"ArrayFeatureExtractor", 1> {
  let summary = "Elements of the last dimension by index";
  let arguments = (ins Onnx_AnyTensor:$X, Onnx_Int64Tensor:$Y);
  let results = (outs Onnx_AnyTensor:$Z);
}

def Onnx_BinarizerOp : Onnx_MlOp<"Binarizer", 1> {
  let summary = "1 where an element is above a threshold, 0 elsewhere";
  let arguments = (ins Onnx_Tensor:$X, DefaultValuedAttr<F32Attr, "0.0">:$threshold);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_FeatureVectorizerOp : Onnx_MlOp<"FeatureVectorizer", 1> {
  let summary = "The rows of all inputs, joined";
  let arguments = (ins Variadic<Onnx_Tensor>:$X, OptionalAttr<DenseI64ArrayAttr>:$inputdimensions);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_ImputerOp : Onnx_MlOp<"Imputer", 1> {
  let summary = "Other values, one for each feature, in the place of one that stands for a missing value";
  let arguments = (ins Onnx_Tensor:$X, OptionalAttr<DenseF32ArrayAttr>:$imputed_value_floats,
                       OptionalAttr<DenseI64ArrayAttr>:$imputed_value_int64s,
                       DefaultValuedAttr<F32Attr, "0.0">:$replaced_value_float,
                       DefaultValuedAttr<SI64Attr, "0">:$replaced_value_int64);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_NormalizerOp : Onnx_MlOp<"Normalizer", 1> {
  let summary = "Every row divided by its largest element, the sum of its magnitudes, or its length";
  let arguments = (ins Onnx_Tensor:$X, DefaultValuedAttr<StrAttr, "\"MAX\"">:$norm);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_ScalerOp : Onnx_MlOp<"Scaler", 1> {
  let summary = "(x - offset) * scale, for each feature";
  let arguments = (ins Onnx_Tensor:$X, OptionalAttr<DenseF32ArrayAttr>:$offset, OptionalAttr<DenseF32ArrayAttr>:$scale);
  let results = (outs Onnx_Tensor:$Y);
}
