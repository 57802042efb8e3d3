//===- dialects/onnx/ops/Maps.td ------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that take or make maps.
include "dialects/onnx/Onnx.td"

def Onnx_CastMapOp : Onnx_MlOp<"CastMap", 1> {
  let summary = "The values of a map in a row, by ascending keys or each at the index that its key is";
  let description = "Importing adds a Cast where `cast_to` is not the type of the values.";
  let arguments = (ins Onnx_Map:$X, DefaultValuedAttr<StrAttr, "\"TO_FLOAT\"">:$cast_to,
                       DefaultValuedAttr<StrAttr, "\"DENSE\"">:$map_form, DefaultValuedAttr<SI64Attr, "1">:$max_map);
  let results = (outs Onnx_AnyTensor:$Y);
}

def Onnx_DictVectorizerOp : Onnx_MlOp<"DictVectorizer", 1> {
  let summary = "The values of a map in a row, in the order of a vocabulary of keys";
  let arguments = (ins Onnx_Map:$X, OptionalAttr<DenseI64ArrayAttr>:$int64_vocabulary,
                       OptionalAttr<StrArrayAttr>:$string_vocabulary);
  let results = (outs Onnx_AnyTensor:$Y);
}

def Onnx_ZipMapOp : Onnx_MlOp<"ZipMap", 1> {
  let summary = "A map from labels to numbers for each row";
  let arguments = (ins Onnx_AnyTensor:$X, OptionalAttr<DenseI64ArrayAttr>:$classlabels_int64s,
                       OptionalAttr<StrArrayAttr>:$classlabels_strings);
  let results = (outs Onnx_Value:$Z);
}
