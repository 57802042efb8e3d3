// RUN: onnxc-opt %s --infer-shapes | FileCheck %s

// A size that has become known: the results behind it, and what the function returns.
// CHECK-LABEL: func.func @refined
// CHECK-SAME: -> tensor<8xf32>
// CHECK: onnx.Relu %{{.*}} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: onnx.Concat {{.*}} -> tensor<8xf32>
func.func @refined(%x: tensor<4xf32>) -> tensor<?xf32, affine_map<()[s0] -> (s0 * 2)>> attributes {onnx.symbols = ["n"]} {
  %0 = onnx.Relu %x : (tensor<4xf32>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  %1 = onnx.Concat %0, %0 {axis = 0 : si64} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>, tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0 * 2)>>
  return %1 : tensor<?xf32, affine_map<()[s0] -> (s0 * 2)>>
}

// The branch that alone runs comes to stand in the place of its If.
// CHECK-LABEL: func.func @chosen
// CHECK-NOT: onnx.If
// CHECK: onnx.Neg
// CHECK-NOT: onnx.Abs
func.func @chosen(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = onnx.Constant dense<false> : tensor<i1> : tensor<i1>
  %0 = "onnx.If"(%c) ({
    %1 = onnx.Abs %x : (tensor<4xf32>) -> tensor<4xf32>
    "onnx.Yield"(%1) : (tensor<4xf32>) -> ()
  }, {
    %1 = onnx.Neg %x : (tensor<4xf32>) -> tensor<4xf32>
    "onnx.Yield"(%1) : (tensor<4xf32>) -> ()
  }) : (tensor<i1>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
