// RUN: onnxc-opt %s -lower-onnx-to-linalg -split-input-file -verify-diagnostics | FileCheck %s

// A heap of the first k elements, which the others are compared with one by one; then it is taken apart from its root.
// CHECK-LABEL: func.func @top3
// CHECK: scf.for {{.*}} -> (tensor<6xf32>, tensor<6xi64>)
// CHECK: tensor.expand_shape {{.*}} : tensor<6xf32> into tensor<2x3xf32>
func.func @top3(%x: tensor<2x10xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>) {
  %k = onnx.Constant dense<3> : tensor<1xi64> : tensor<1xi64>
  %0, %1 = onnx.TopK %x, %k : (tensor<2x10xf32>, tensor<1xi64>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return %0, %1 : tensor<2x3xf32>, tensor<2x3xi64>
}
