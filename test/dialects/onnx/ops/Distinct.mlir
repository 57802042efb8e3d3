// RUN: onnxc-opt %s -lower-onnx-to-linalg | FileCheck %s

// CHECK-LABEL: func.func @rows
// CHECK: %[[SETTINGS:.*]] = arith.constant dense<[1, 0]> : tensor<2xi64>
// CHECK: rt.call "onnxc_unique" ins(%{{.*}}, %[[SETTINGS]] : tensor<2x5xf32>, tensor<2xi64>) -> tensor<2x?xf32>, tensor<?xi64>, tensor<5xi64>, tensor<?xi64>
func.func @rows(%x: tensor<2x5xf32>) -> tensor<?xi64, affine_map<()[s0] -> (s0)>> attributes {onnx.symbols = [""]} {
  %0:4 = onnx.Unique %x {axis = -1 : si64, sorted = 0 : si64} : (tensor<2x5xf32>)
      -> (tensor<2x?xf32, affine_map<()[s0] -> (2, s0)>>, tensor<?xi64, affine_map<()[s0] -> (s0)>>, tensor<5xi64>,
          tensor<?xi64, affine_map<()[s0] -> (s0)>>)
  return %0#1 : tensor<?xi64, affine_map<()[s0] -> (s0)>>
}
