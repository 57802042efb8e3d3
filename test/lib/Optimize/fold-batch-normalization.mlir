// RUN: onnxc-opt %s --fold-batch-normalization --canonicalize | FileCheck %s

// (w * x + b) * m + a = (w * m) * x + (b * m + a), per channel.
// CHECK-LABEL: func @conv(
// CHECK-DAG: %[[W:.*]] = onnx.Constant dense<{{.*}}4.000000e+00{{.*}}9.000000e+00{{.*}}> : tensor<2x1x1x1xf32>
// CHECK-DAG: %[[B:.*]] = onnx.Constant dense<[1.200000e+01, 2.300000e+01]> : tensor<2xf32>
// CHECK: %[[Y:.*]] = onnx.Conv %arg0, %[[W]], %[[B]]
// CHECK-NEXT: return %[[Y]]
func.func @conv(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = onnx.Constant dense<[[[[2.0]]], [[[3.0]]]]> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  %b = onnx.Constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  %m = onnx.Constant dense<[[[2.0]], [[3.0]]]> : tensor<2x1x1xf32> : tensor<2x1x1xf32>
  %a = onnx.Constant dense<[[[[10.0]], [[20.0]]]]> : tensor<1x2x1x1xf32> : tensor<1x2x1x1xf32>
  %0 = onnx.Conv %x, %w, %b : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = onnx.Mul %0, %m : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %2 = onnx.Add %a, %1 : (tensor<1x2x1x1xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}

// The features of a transposed convolution are in the second dimension, group by group.
// CHECK-LABEL: func @transposed(
// CHECK-DAG: onnx.Constant dense<{{\[\[\[}}1.000000e+00, 1.000000e+00]], {{\[\[}}2.000000e+00, 2.000000e+00]]]> : tensor<2x1x2xf32>
// CHECK: onnx.ConvTranspose
// CHECK-NEXT: return
func.func @transposed(%x: tensor<1x2x4xf32>) -> tensor<1x2x5xf32> {
  %w = onnx.Constant dense<1.0> : tensor<2x1x2xf32> : tensor<2x1x2xf32>
  %m = onnx.Constant dense<[[1.0], [2.0]]> : tensor<2x1xf32> : tensor<2x1xf32>
  %n = onnx.None : none
  %0 = onnx.ConvTranspose %x, %w, %n {group = 2 : si64} : (tensor<1x2x4xf32>, tensor<2x1x2xf32>, none) -> tensor<1x2x5xf32>
  %1 = onnx.Mul %0, %m : (tensor<1x2x5xf32>, tensor<2x1xf32>) -> tensor<1x2x5xf32>
  return %1 : tensor<1x2x5xf32>
}

// Someone else reads the product, or the weights are not known.
// CHECK-LABEL: func @kept(
// CHECK: onnx.Conv
// CHECK: onnx.Mul
// CHECK: onnx.Gemm
// CHECK: onnx.Mul
func.func @kept(%x: tensor<1x1x4x4xf32>, %a: tensor<3x5xf32>, %v: tensor<5x2xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>, tensor<3x2xf32>) {
  %w = onnx.Constant dense<2.0> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  %m = onnx.Constant dense<2.0> : tensor<f32> : tensor<f32>
  %n = onnx.None : none
  %0 = onnx.Conv %x, %w, %n : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, none) -> tensor<1x2x4x4xf32>
  %1 = onnx.Mul %0, %m : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %2 = onnx.Gemm %a, %v, %n : (tensor<3x5xf32>, tensor<5x2xf32>, none) -> tensor<3x2xf32>
  %3 = onnx.Mul %2, %m : (tensor<3x2xf32>, tensor<f32>) -> tensor<3x2xf32>
  return %0, %1, %3 : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>, tensor<3x2xf32>
}
