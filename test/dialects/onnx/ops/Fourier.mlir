// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Tables of the roots of unity, then sums in f64. Real numbers have no second part to read.
// CHECK-LABEL: func @real(
// CHECK-NOT: cf.assert
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<10xf64>)
// CHECK: math.cos
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<10xf64>)
// CHECK: math.sin
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x6x2xf32>)
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (f64, index)
// CHECK-COUNT-1: tensor.extract %arg0
// CHECK-NOT: tensor.extract %arg0
func.func @real(%x: tensor<2x10x1xf32>) -> tensor<2x6x2xf32> {
  %n = onnx.None : none
  %0 = onnx.DFT %x, %n, %n {onesided = 1 : si64} : (tensor<2x10x1xf32>, none, none) -> tensor<2x6x2xf32>
  return %0 : tensor<2x6x2xf32>
}

// -----

// CHECK-LABEL: func @axis(
// CHECK: cf.assert {{.*}} "DFT: axis is out of range"
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x10x2xf32>)
func.func @axis(%x: tensor<2x10x2xf32>, %axis: tensor<i64>) -> tensor<2x10x2xf32> {
  %n = onnx.None : none
  %0 = onnx.DFT %x, %n, %axis {inverse = 1 : si64} : (tensor<2x10x2xf32>, none, tensor<i64>) -> tensor<2x10x2xf32>
  return %0 : tensor<2x10x2xf32>
}

// -----

func.func @parts(%x: tensor<2x10x3xf32>) -> tensor<2x10x2xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{the last dimension must be 1 or 2}}
  %0 = onnx.DFT %x, %n, %n : (tensor<2x10x3xf32>, none, none) -> tensor<2x10x2xf32>
  return %0 : tensor<2x10x2xf32>
}

// -----

// Frames of 4 elements, 2 apart, weighted; then the transform of each.
// CHECK-LABEL: func @frames(
// CHECK: cf.assert {{.*}} "STFT: the signal is shorter than a frame"
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<1x?x4x1xf32>)
// CHECK: arith.mulf
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<1x?x3x2xf32>)
func.func @frames(%x: tensor<1x?x1xf32, affine_map<()[s0] -> (1, s0, 1)>>, %w: tensor<4xf32>)
    -> tensor<1x?x3x2xf32, affine_map<()[s0] -> (1, (s0 - 4) floordiv 2 + 1, 3, 2)>> attributes {onnx.symbols = ["n"]} {
  %n = onnx.None : none
  %step = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %0 = onnx.STFT %x, %step, %w, %n : (tensor<1x?x1xf32, affine_map<()[s0] -> (1, s0, 1)>>, tensor<i64>, tensor<4xf32>, none)
      -> tensor<1x?x3x2xf32, affine_map<()[s0] -> (1, (s0 - 4) floordiv 2 + 1, 3, 2)>>
  return %0 : tensor<1x?x3x2xf32, affine_map<()[s0] -> (1, (s0 - 4) floordiv 2 + 1, 3, 2)>>
}

// -----

func.func @window(%x: tensor<1x8x1xf32>, %w: tensor<4xf32>) -> tensor<1x3x3x2xf32> {
  %step = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %length = onnx.Constant dense<5> : tensor<i64> : tensor<i64>
  // expected-error @+1 {{frame_length is 5, but the window has 4 elements}}
  %0 = onnx.STFT %x, %step, %w, %length : (tensor<1x8x1xf32>, tensor<i64>, tensor<4xf32>, tensor<i64>) -> tensor<1x3x3x2xf32>
  return %0 : tensor<1x3x3x2xf32>
}
