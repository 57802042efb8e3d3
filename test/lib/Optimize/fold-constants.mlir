// RUN: onnxc-opt %s --fold-constants | FileCheck %s

// Shape arithmetic whose result is known becomes a constant; what depends on values stays.
// CHECK-LABEL: func.func @shape
// CHECK: onnx.Constant dense<[4, 3]> : tensor<2xi64>
// CHECK-NOT: onnx.Shape
// CHECK: onnx.Relu
func.func @shape(%x: tensor<4x3xf32>) -> (tensor<2xi64>, tensor<4x3xf32>) {
  %0 = onnx.Shape %x {onnx.data = affine_map<() -> (4, 3)>} : (tensor<4x3xf32>) -> tensor<2xi64>
  %1 = onnx.Relu %x : (tensor<4x3xf32>) -> tensor<4x3xf32>
  return %0, %1 : tensor<2xi64>, tensor<4x3xf32>
}
