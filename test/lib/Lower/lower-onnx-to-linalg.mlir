// RUN: onnxc-opt %s --lower-onnx-to-linalg | FileCheck %s

// Unsigned types become signless, encodings go, symbols are sizes of arguments.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[A:.*]]: tensor<?x3xf32>) -> tensor<2xi8>
// CHECK: tensor.dim %[[A]], %c0
// CHECK: arith.constant dense<[1, -1]> : tensor<2xi8>
func.func @main(%a: tensor<?x3xf32, affine_map<()[s0] -> (s0, 3)>>) -> tensor<2xui8> attributes {onnx.symbols = ["n"]} {
  %0 = onnx.Constant dense<[1, 255]> : tensor<2xui8> : tensor<2xui8>
  return %0 : tensor<2xui8>
}
