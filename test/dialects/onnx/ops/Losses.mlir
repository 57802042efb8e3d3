// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// The mean divides by the sum of the weights that were taken.
// CHECK-LABEL: func.func @nll
// CHECK: tensor.extract %arg0
// CHECK: tensor.extract %arg2
// CHECK: iterator_types = ["reduction"]
// CHECK: iterator_types = ["reduction"]
// CHECK: arith.divf
func.func @nll(%x: tensor<3x5xf32>, %t: tensor<3xi64>, %w: tensor<5xf32>) -> tensor<f32> {
  %0 = onnx.NegativeLogLikelihoodLoss %x, %t, %w {ignore_index = -1 : si64}
      : (tensor<3x5xf32>, tensor<3xi64>, tensor<5xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// CHECK-LABEL: func.func @cross_entropy
// CHECK: math.log
// CHECK: tensor.extract
// CHECK: return %{{.*}}, %{{.*}} : tensor<3x2xf32>, tensor<3x5x2xf32>
func.func @cross_entropy(%x: tensor<3x5x2xf32>, %t: tensor<3x2xi32>) -> (tensor<3x2xf32>, tensor<3x5x2xf32>) {
  %none = onnx.None : none
  %0, %1 = onnx.SoftmaxCrossEntropyLoss %x, %t, %none {reduction = "none"}
      : (tensor<3x5x2xf32>, tensor<3x2xi32>, none) -> (tensor<3x2xf32>, tensor<3x5x2xf32>)
  return %0, %1 : tensor<3x2xf32>, tensor<3x5x2xf32>
}

// -----

func.func @shape(%x: tensor<3x5xf32>, %t: tensor<4xi64>) -> tensor<f32> {
  %none = onnx.None : none
  // expected-error @below {{the classes do not have the shape of the scores without dimension 1}}
  %0 = onnx.NegativeLogLikelihoodLoss %x, %t, %none : (tensor<3x5xf32>, tensor<4xi64>, none) -> tensor<f32>
  return %0 : tensor<f32>
}
