// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// One score for two classes: what is missing to 1 is the other's.
// CHECK-LABEL: func @two(
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<3xi64>)
// CHECK: arith.subf %cst{{.*}}, %in
func.func @two(%x: tensor<3x4xf32>) -> (tensor<3xi64>, tensor<3x2xf32>) {
  %0:2 = onnx.ml.LinearClassifier %x {classlabels_ints = array<i64: 5, 7>, coefficients = array<f32: 1.0, 2.0, 3.0, 4.0>,
    intercepts = array<f32: 0.5>} : (tensor<3x4xf32>) -> (tensor<3xi64>, tensor<3x2xf32>)
  return %0#0, %0#1 : tensor<3xi64>, tensor<3x2xf32>
}

// -----

func.func @coefficients(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  // expected-error @+1 {{X has 4 features; there are coefficients for 3}}
  %0 = onnx.ml.LinearRegressor %x {targets = 2 : si64, coefficients = array<f32: 1.0, 2.0, 3.0, 4.0, 5.0, 6.0>} : (tensor<3x4xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

func.func @labels(%x: tensor<3x4xf32>) -> (tensor<3xi64>, tensor<3x2xf32>) {
  // expected-error @+1 {{needs labels of the classes that are either integers or strings}}
  %0:2 = onnx.ml.LinearClassifier %x {coefficients = array<f32: 1.0, 2.0, 3.0, 4.0>} : (tensor<3x4xf32>) -> (tensor<3xi64>, tensor<3x2xf32>)
  return %0#0, %0#1 : tensor<3xi64>, tensor<3x2xf32>
}
