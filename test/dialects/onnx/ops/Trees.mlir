// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// A task for every block of rows; the walks down all trees of a group go on together, with as many steps as the deepest
// tree has, and no branch.
// CHECK-LABEL: func @regressor(
// CHECK: scf.forall
// CHECK: scf.for {{.*}} -> (tensor<?x1xf32>)
// CHECK: arith.cmpf ugt
// CHECK-NOT: scf.if
// CHECK: arith.cmpf ugt
// CHECK-NOT: scf.if
// CHECK: tensor.insert
// CHECK: tensor.insert
// CHECK: tensor.parallel_insert_slice
func.func @regressor(%x: tensor<?x2xf32, affine_map<()[s0] -> (s0, 2)>>) -> tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>> {
  %0 = onnx.ml.TreeEnsembleRegressor %x {n_targets = 1 : si64,
    nodes_treeids = array<i64: 0, 0, 0, 1, 1, 1>, nodes_nodeids = array<i64: 0, 1, 2, 0, 1, 2>,
    nodes_featureids = array<i64: 0, 0, 0, 1, 0, 0>, nodes_values = array<f32: 0.5, 0.0, 0.0, 0.5, 0.0, 0.0>,
    nodes_modes = ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LT", "LEAF", "LEAF"],
    nodes_truenodeids = array<i64: 1, 0, 0, 1, 0, 0>, nodes_falsenodeids = array<i64: 2, 0, 0, 2, 0, 0>,
    target_treeids = array<i64: 0, 0, 1, 1>, target_nodeids = array<i64: 1, 2, 1, 2>, target_ids = array<i64: 0, 0, 0, 0>,
    target_weights = array<f32: 1.0, 2.0, 3.0, 4.0>} : (tensor<?x2xf32, affine_map<()[s0] -> (s0, 2)>>) -> tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>
  return %0 : tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>
}

// -----

// x < t is x <= the number below t; x > t is x <= t with the children exchanged; NaN goes where each node says.
// CHECK-LABEL: func @comparisons(
// CHECK-DAG: %[[BELOW:.*]] = arith.constant 0.99999999999999988 : f64
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1.000000e+00 : f64
// CHECK-DAG: dense<[2, 3, 3, 2, 2, 2, 3, 3]> : tensor<8xi32>
// CHECK: arith.cmpf ugt, %{{.*}}, %[[BELOW]]
// CHECK: arith.cmpf ugt, %{{.*}}, %[[ONE]]
// CHECK: arith.cmpf uno
func.func @comparisons(%x: tensor<4x1xf64>) -> tensor<4x1xf64> {
  %0 = onnx.ml.TreeEnsemble %x {n_targets = 1 : si64, tree_roots = array<i64: 0, 1>, nodes_featureids = array<i64: 0, 0>,
    nodes_splits = dense<1.0> : tensor<2xf64>, nodes_modes = dense<[1, 3]> : tensor<2xui8>,
    nodes_trueleafs = array<i64: 1, 1>, nodes_falseleafs = array<i64: 1, 1>, nodes_truenodeids = array<i64: 0, 0>,
    nodes_falsenodeids = array<i64: 1, 1>, leaf_targetids = array<i64: 0, 0>,
    leaf_weights = dense<[1.0, 2.0]> : tensor<2xf64>} : (tensor<4x1xf64>) -> tensor<4x1xf64>
  return %0 : tensor<4x1xf64>
}

// -----

// Eight trees at a time, then the rest; as many steps as the deepest tree of a group has.
// CHECK-LABEL: func @groups(
// CHECK: scf.for {{.*}} = %c0 to %c2
// CHECK:   scf.for {{.*}} = %c0 to %c4
// CHECK:     scf.for {{.*}} = %c0 to %c2
// CHECK-COUNT-8: arith.cmpf ugt
// CHECK-NOT: arith.cmpf
// CHECK: scf.for {{.*}} = %c0 to %c4
// CHECK:   scf.for {{.*}} = %c0 to %c2
// CHECK: arith.cmpf ugt
// CHECK-NOT: arith.cmpf
// CHECK: return
func.func @groups(%x: tensor<4x1xf32>) -> tensor<4x1xf32> {
  %0 = onnx.ml.TreeEnsemble %x {n_targets = 1 : si64, tree_roots = array<i64: 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>,
    nodes_featureids = array<i64: 0, 0>, nodes_splits = dense<[1.0, 2.0]> : tensor<2xf32>,
    nodes_modes = dense<0> : tensor<2xui8>, nodes_trueleafs = array<i64: 1, 1>, nodes_falseleafs = array<i64: 0, 1>,
    nodes_truenodeids = array<i64: 0, 1>, nodes_falsenodeids = array<i64: 1, 2>, leaf_targetids = array<i64: 0, 0, 0>,
    leaf_weights = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : (tensor<4x1xf32>) -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}

// -----

func.func @features(%x: tensor<4x1xf32>) -> tensor<4x1xf32> {
  // expected-error @+1 {{X has 1 features; the trees look at 4}}
  %0 = onnx.ml.TreeEnsemble %x {n_targets = 1 : si64, tree_roots = array<i64: 0>, nodes_featureids = array<i64: 3>,
    nodes_splits = dense<1.0> : tensor<1xf32>, nodes_modes = dense<1> : tensor<1xui8>, nodes_trueleafs = array<i64: 1>,
    nodes_falseleafs = array<i64: 1>, nodes_truenodeids = array<i64: 0>, nodes_falsenodeids = array<i64: 1>,
    leaf_targetids = array<i64: 0, 0>, leaf_weights = dense<[1.0, 2.0]> : tensor<2xf32>} : (tensor<4x1xf32>) -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}

// -----

func.func @cycle(%x: tensor<4x1xf32>) -> tensor<4x1xf32> {
  // expected-error @+1 {{the nodes of a tree lead back to themselves}}
  %0 = onnx.ml.TreeEnsemble %x {n_targets = 1 : si64, tree_roots = array<i64: 0>, nodes_featureids = array<i64: 0>,
    nodes_splits = dense<1.0> : tensor<1xf32>, nodes_modes = dense<1> : tensor<1xui8>, nodes_trueleafs = array<i64: 0>,
    nodes_falseleafs = array<i64: 1>, nodes_truenodeids = array<i64: 0>, nodes_falsenodeids = array<i64: 0>,
    leaf_targetids = array<i64: 0>, leaf_weights = dense<1.0> : tensor<1xf32>} : (tensor<4x1xf32>) -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}

// -----

func.func @members(%x: tensor<4x1xf32>) -> tensor<4x1xf32> {
  // expected-error @+1 {{membership_values has 0 sets that end with NaN; there are 1 nodes with mode 6}}
  %0 = onnx.ml.TreeEnsemble %x {n_targets = 1 : si64, tree_roots = array<i64: 0>, nodes_featureids = array<i64: 0>,
    nodes_splits = dense<1.0> : tensor<1xf32>, nodes_modes = dense<6> : tensor<1xui8>, nodes_trueleafs = array<i64: 1>,
    nodes_falseleafs = array<i64: 1>, nodes_truenodeids = array<i64: 0>, nodes_falsenodeids = array<i64: 0>,
    leaf_targetids = array<i64: 0>, leaf_weights = dense<1.0> : tensor<1xf32>} : (tensor<4x1xf32>) -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}
