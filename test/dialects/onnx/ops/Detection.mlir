// RUN: onnxc-opt %s -lower-onnx-to-linalg -split-input-file -verify-diagnostics | FileCheck %s

// An absent operand is an empty tensor; the function decides how many boxes there are.
// CHECK-LABEL: func.func @nms
// CHECK: rt.call "onnxc_non_max_suppression" ins({{.*}}tensor<1x6x4xf32>, tensor<1x1x6xf32>, tensor<1xi64>, tensor<0xf32>, tensor<0xf32>, tensor<1xi64>) -> tensor<?x3xi64>
func.func @nms(%boxes: tensor<1x6x4xf32>, %scores: tensor<1x1x6xf32>, %most: tensor<1xi64>)
    -> tensor<?x3xi64, affine_map<()[s0] -> (s0, 3)>> attributes {onnx.symbols = [""]} {
  %none = onnx.None : none
  %0 = onnx.NonMaxSuppression %boxes, %scores, %most, %none, %none
      : (tensor<1x6x4xf32>, tensor<1x1x6xf32>, tensor<1xi64>, none, none) -> tensor<?x3xi64, affine_map<()[s0] -> (s0, 3)>>
  return %0 : tensor<?x3xi64, affine_map<()[s0] -> (s0, 3)>>
}
