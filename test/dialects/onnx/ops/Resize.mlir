// RUN: onnxc-opt %s -lower-onnx-to-linalg -canonicalize | FileCheck %s

// One gather, by a table for each dimension that changes.
// CHECK-LABEL: func.func @nearest
// CHECK-DAG: %[[H:.*]] = arith.constant dense<[0, 0, 1, 1]> : tensor<4xi32>
// CHECK-DAG: %[[W:.*]] = arith.constant dense<[0, 0, 1, 1, 2, 2]> : tensor<6xi32>
// CHECK: linalg.generic
// CHECK: tensor.extract %arg0[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] : tensor<1x8x2x3xf32>
func.func @nearest(%x: tensor<1x8x2x3xf32>) -> tensor<1x8x4x6xf32> {
  %none = onnx.None : none
  %scales = onnx.Constant dense<[1.0, 1.0, 2.0, 2.0]> : tensor<4xf32> : tensor<4xf32>
  %0 = onnx.Resize %x, %none, %scales, %none {coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"}
      : (tensor<1x8x2x3xf32>, none, tensor<4xf32>, none) -> tensor<1x8x4x6xf32>
  return %0 : tensor<1x8x4x6xf32>
}

// Dimension by dimension, the last one first where the tensor grows; two tables of weights.
// CHECK-LABEL: func.func @linear
// CHECK-DAG: arith.constant dense<[2.500000e-01, 7.500000e-01, 2.500000e-01, 7.500000e-01]> : tensor<4xf32>
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<1x8x2x4xf32>)
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<1x8x4x4xf32>)
func.func @linear(%x: tensor<1x8x2x2xf32>) -> tensor<1x8x4x4xf32> {
  %none = onnx.None : none
  %sizes = onnx.Constant dense<[4, 4]> : tensor<2xi64> : tensor<2xi64>
  %0 = onnx.Resize %x, %none, %none, %sizes {axes = array<i64: 2, 3>, mode = "linear"}
      : (tensor<1x8x2x2xf32>, none, none, tensor<2xi64>) -> tensor<1x8x4x4xf32>
  return %0 : tensor<1x8x4x4xf32>
}

// Many taps are one more loop.
// CHECK-LABEL: func.func @antialias
// CHECK: linalg.generic {{.*}}"reduction"{{.*}} ins({{.*}} : tensor<8xf32>) outs({{.*}} : tensor<1x4xf32>)
func.func @antialias(%x: tensor<1x16xf32>) -> tensor<1x4xf32> {
  %none = onnx.None : none
  %sizes = onnx.Constant dense<[1, 4]> : tensor<2xi64> : tensor<2xi64>
  %0 = onnx.Resize %x, %none, %none, %sizes {antialias = 1 : si64, mode = "linear"}
      : (tensor<1x16xf32>, none, none, tensor<2xi64>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}

// Sizes that are symbols make the tables at run time.
// CHECK-LABEL: func.func @symbolic
// CHECK: %[[TABLE:.*]] = linalg.generic {{.*}} outs({{.*}} : tensor<?xi32>)
// CHECK: tensor.extract %[[TABLE]]
func.func @symbolic(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0 * 2)>>
    attributes {onnx.symbols = ["N"]} {
  %none = onnx.None : none
  %scales = onnx.Constant dense<2.0> : tensor<1xf32> : tensor<1xf32>
  %0 = onnx.Resize %x, %none, %scales, %none {coordinate_transformation_mode = "asymmetric"}
      : (tensor<?xf32, affine_map<()[s0] -> (s0)>>, none, tensor<1xf32>, none)
      -> tensor<?xf32, affine_map<()[s0] -> (s0 * 2)>>
  return %0 : tensor<?xf32, affine_map<()[s0] -> (s0 * 2)>>
}
