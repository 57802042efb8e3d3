// RUN: onnxc-opt %s --multiply-quantized --canonicalize | FileCheck %s

// A Gemm of dequantised matrices: the bytes are multiplied, their sums scaled.
// CHECK-LABEL: func @gemm(
// CHECK: onnx.Transpose %{{.*}} : (tensor<3x4xi8>) -> tensor<4x3xi8>
// CHECK: %[[SUM:.*]] = onnx.MatMulInteger %arg0, %{{.*}}, %{{.*}}, %{{.*}} : {{.*}} -> tensor<2x3xi32>
// CHECK: onnx.Cast %[[SUM]]
// CHECK: onnx.Mul
// CHECK: onnx.Add
// CHECK-NOT: onnx.Gemm
func.func @gemm(%x: tensor<2x4xui8>, %bias: tensor<3xf32>) -> tensor<2x3xf32> {
  %none = onnx.None : none
  %s = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = onnx.Constant dense<128> : tensor<ui8> : tensor<ui8>
  %w = onnx.Constant dense<3> : tensor<3x4xi8> : tensor<3x4xi8>
  %sw = onnx.Constant dense<[0.5, 0.25, 0.125]> : tensor<3xf32> : tensor<3xf32>
  %0 = onnx.DequantizeLinear %x, %s, %z : (tensor<2x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x4xf32>
  %1 = onnx.DequantizeLinear %w, %sw, %none {axis = 0 : si64} : (tensor<3x4xi8>, tensor<3xf32>, none) -> tensor<3x4xf32>
  %2 = onnx.Gemm %0, %1, %bias {transB = 1 : si64} : (tensor<2x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// One scale for each row of the right side is no scale of the sum.
// CHECK-LABEL: func @rows(
// CHECK: onnx.MatMul %
func.func @rows(%x: tensor<2x4xui8>) -> tensor<2x3xf32> {
  %none = onnx.None : none
  %s = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %w = onnx.Constant dense<3> : tensor<4x3xi8> : tensor<4x3xi8>
  %sw = onnx.Constant dense<0.5> : tensor<4xf32> : tensor<4xf32>
  %0 = onnx.DequantizeLinear %x, %s, %none : (tensor<2x4xui8>, tensor<f32>, none) -> tensor<2x4xf32>
  %1 = onnx.DequantizeLinear %w, %sw, %none {axis = 0 : si64} : (tensor<4x3xi8>, tensor<4xf32>, none) -> tensor<4x3xf32>
  %2 = onnx.MatMul %0, %1 : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// What stands around the image is its zero point.
// CHECK-LABEL: func @conv(
// CHECK: %[[SUM:.*]] = onnx.ConvInteger %arg0, %{{.*}}, %{{.*}}, %{{.*}} {pads = array<i64: 1, 1, 1, 1>} : {{.*}} -> tensor<1x2x5x5xi32>
// CHECK: onnx.Cast %[[SUM]]
// CHECK: onnx.Unsqueeze
// CHECK-NOT: onnx.Conv %
func.func @conv(%x: tensor<1x3x5x5xui8>) -> tensor<1x2x5x5xf32> {
  %none = onnx.None : none
  %s = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = onnx.Constant dense<128> : tensor<ui8> : tensor<ui8>
  %w = onnx.Constant dense<3> : tensor<2x3x3x3xi8> : tensor<2x3x3x3xi8>
  %sw = onnx.Constant dense<[0.5, 0.25]> : tensor<2xf32> : tensor<2xf32>
  %0 = onnx.DequantizeLinear %x, %s, %z : (tensor<1x3x5x5xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x3x5x5xf32>
  %1 = onnx.DequantizeLinear %w, %sw, %none {axis = 0 : si64} : (tensor<2x3x3x3xi8>, tensor<2xf32>, none) -> tensor<2x3x3x3xf32>
  %2 = onnx.Conv %0, %1, %none {pads = array<i64: 1, 1, 1, 1>} : (tensor<1x3x5x5xf32>, tensor<2x3x3x3xf32>, none) -> tensor<1x2x5x5xf32>
  return %2 : tensor<1x2x5x5xf32>
}

// So are channels each with weights of their own, whatever their zero points; groups of several are not.
// CHECK-LABEL: func @depthwise(
// CHECK: %[[SUM:.*]] = onnx.ConvInteger %arg0, {{.*}} {group = 4 : si64} : {{.*}} -> tensor<1x4x3x3xi32>
// CHECK: onnx.Conv %{{.*}} {group = 2 : si64}
func.func @depthwise(%x: tensor<1x4x5x5xui8>) -> (tensor<1x4x3x3xf32>, tensor<1x4x3x3xf32>) {
  %none = onnx.None : none
  %s = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = onnx.Constant dense<7> : tensor<ui8> : tensor<ui8>
  %w = onnx.Constant dense<3> : tensor<4x1x3x3xui8> : tensor<4x1x3x3xui8>
  %v = onnx.Constant dense<3> : tensor<4x2x3x3xi8> : tensor<4x2x3x3xi8>
  %0 = onnx.DequantizeLinear %x, %s, %z : (tensor<1x4x5x5xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x5x5xf32>
  %1 = onnx.DequantizeLinear %w, %s, %z : (tensor<4x1x3x3xui8>, tensor<f32>, tensor<ui8>) -> tensor<4x1x3x3xf32>
  %2 = onnx.DequantizeLinear %v, %s, %none : (tensor<4x2x3x3xi8>, tensor<f32>, none) -> tensor<4x2x3x3xf32>
  %3 = onnx.Conv %0, %1, %none {group = 4 : si64} : (tensor<1x4x5x5xf32>, tensor<4x1x3x3xf32>, none) -> tensor<1x4x3x3xf32>
  %4 = onnx.Conv %0, %2, %none {group = 2 : si64} : (tensor<1x4x5x5xf32>, tensor<4x2x3x3xf32>, none) -> tensor<1x4x3x3xf32>
  return %3, %4 : tensor<1x4x3x3xf32>, tensor<1x4x3x3xf32>
}
