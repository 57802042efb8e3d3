// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Kernels are computed once for all rows and vectors, then weighted.
// CHECK-LABEL: func @rbf(
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: math.exp
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
func.func @rbf(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  %0 = onnx.ml.SVMRegressor %x {coefficients = array<f32: 1.0, 2.0>, kernel_params = array<f32: 0.5, 0.0, 0.0>, kernel_type = "RBF",
    n_supports = 2 : si64, rho = array<f32: 0.5>, support_vectors = array<f32: 1.0, 2.0, 3.0, 4.0>} : (tensor<3x2xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// -----

func.func @pairs(%x: tensor<3x2xf32>) -> (tensor<3xi64>, tensor<3x3xf32>) {
  // expected-error @+1 {{rho has 2 entries for 3 pairs of classes}}
  %0:2 = onnx.ml.SVMClassifier %x {classlabels_ints = array<i64: 0, 1, 2>, coefficients = array<f32: 1.0, 2.0, 3.0, 4.0, 5.0, 6.0>,
    rho = array<f32: 0.5, 0.5>, support_vectors = array<f32: 1.0, 2.0, 3.0, 4.0, 5.0, 6.0>,
    vectors_per_class = array<i64: 1, 1, 1>} : (tensor<3x2xf32>) -> (tensor<3xi64>, tensor<3x3xf32>)
  return %0#0, %0#1 : tensor<3xi64>, tensor<3x3xf32>
}

// -----

func.func @kernel(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  // expected-error @+1 {{kernel_type "COSINE" is not LINEAR, POLY, RBF or SIGMOID}}
  %0 = onnx.ml.SVMRegressor %x {coefficients = array<f32: 1.0, 2.0>, kernel_type = "COSINE", rho = array<f32: 0.5>} : (tensor<3x2xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}
