//===- dialects/onnx/ops/Trees.td -----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ensembles of decision trees.
include "dialects/onnx/Onnx.td"

def Onnx_TreeEnsembleOp : Onnx_MlOp<"TreeEnsemble", 5> {
  let summary = "What the leaves that a row reaches say of each target, aggregated over the trees";
  let arguments = (ins Onnx_Tensor:$X, DefaultValuedAttr<SI64Attr, "1">:$aggregate_function,
                       DenseI64ArrayAttr:$leaf_targetids, ElementsAttr:$leaf_weights,
                       OptionalAttr<ElementsAttr>:$membership_values, OptionalAttr<SI64Attr>:$n_targets,
                       DenseI64ArrayAttr:$nodes_falseleafs, DenseI64ArrayAttr:$nodes_falsenodeids,
                       DenseI64ArrayAttr:$nodes_featureids, OptionalAttr<ElementsAttr>:$nodes_hitrates,
                       OptionalAttr<DenseI64ArrayAttr>:$nodes_missing_value_tracks_true, ElementsAttr:$nodes_modes,
                       ElementsAttr:$nodes_splits, DenseI64ArrayAttr:$nodes_trueleafs,
                       DenseI64ArrayAttr:$nodes_truenodeids, DefaultValuedAttr<SI64Attr, "0">:$post_transform,
                       DenseI64ArrayAttr:$tree_roots);
  let results = (outs Onnx_Tensor:$Y);
}

// The two older operators list interior nodes and leaves together, and name them by tree and node. They are not rewritten
// to the one above: their leaves may vote for any number of targets.
defvar Onnx_NamedNodes = (ins OptionalAttr<DenseF32ArrayAttr>:$base_values,
                              OptionalAttr<ElementsAttr>:$base_values_as_tensor,
                              OptionalAttr<DenseI64ArrayAttr>:$nodes_falsenodeids,
                              OptionalAttr<DenseI64ArrayAttr>:$nodes_featureids,
                              OptionalAttr<DenseF32ArrayAttr>:$nodes_hitrates,
                              OptionalAttr<ElementsAttr>:$nodes_hitrates_as_tensor,
                              OptionalAttr<DenseI64ArrayAttr>:$nodes_missing_value_tracks_true,
                              OptionalAttr<StrArrayAttr>:$nodes_modes, OptionalAttr<DenseI64ArrayAttr>:$nodes_nodeids,
                              OptionalAttr<DenseI64ArrayAttr>:$nodes_treeids,
                              OptionalAttr<DenseI64ArrayAttr>:$nodes_truenodeids,
                              OptionalAttr<DenseF32ArrayAttr>:$nodes_values,
                              OptionalAttr<ElementsAttr>:$nodes_values_as_tensor,
                              DefaultValuedAttr<StrAttr, "\"NONE\"">:$post_transform);

def Onnx_TreeEnsembleClassifierOp : Onnx_MlOp<"TreeEnsembleClassifier", 5> {
  let summary = "The class that the leaves vote for, and the score of every class";
  let arguments = !con((ins Onnx_Tensor:$X), Onnx_NamedNodes,
                       (ins OptionalAttr<DenseI64ArrayAttr>:$class_ids, OptionalAttr<DenseI64ArrayAttr>:$class_nodeids,
                            OptionalAttr<DenseI64ArrayAttr>:$class_treeids,
                            OptionalAttr<DenseF32ArrayAttr>:$class_weights,
                            OptionalAttr<ElementsAttr>:$class_weights_as_tensor,
                            OptionalAttr<DenseI64ArrayAttr>:$classlabels_int64s,
                            OptionalAttr<StrArrayAttr>:$classlabels_strings));
  let results = (outs Onnx_AnyTensor:$Y, Onnx_Tensor:$Z);
}

def Onnx_TreeEnsembleRegressorOp : Onnx_MlOp<"TreeEnsembleRegressor", 5> {
  let summary = "What the leaves that a row reaches say of each target, aggregated over the trees";
  let arguments = !con((ins Onnx_Tensor:$X), Onnx_NamedNodes,
                       (ins DefaultValuedAttr<StrAttr, "\"SUM\"">:$aggregate_function,
                            OptionalAttr<SI64Attr>:$n_targets, OptionalAttr<DenseI64ArrayAttr>:$target_ids,
                            OptionalAttr<DenseI64ArrayAttr>:$target_nodeids,
                            OptionalAttr<DenseI64ArrayAttr>:$target_treeids,
                            OptionalAttr<DenseF32ArrayAttr>:$target_weights,
                            OptionalAttr<ElementsAttr>:$target_weights_as_tensor));
  let results = (outs Onnx_Tensor:$Y);
}
