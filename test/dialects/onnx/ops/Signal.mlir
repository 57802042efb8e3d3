// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// A symmetric window ends where it began: its period is one less than its size.
// CHECK-LABEL: func.func @hann
// CHECK: arith.constant 9.000000e+00 : f32
// CHECK: math.cos
func.func @hann() -> tensor<10xf32> {
  %n = onnx.Constant dense<10> : tensor<i32> : tensor<i32>
  %0 = onnx.HannWindow %n {periodic = 0 : si64} : (tensor<i32>) -> tensor<10xf32>
  return %0 : tensor<10xf32>
}

// -----

// A size that only the run tells.
// CHECK-LABEL: func.func @blackman
// CHECK: tensor.extract %arg0
// CHECK: cf.assert
// CHECK-COUNT-2: math.cos {{.*}} : f64
func.func @blackman(%n: tensor<i64>) -> tensor<?xf64, affine_map<()[s0] -> (s0)>> attributes {onnx.symbols = [""]} {
  %0 = onnx.BlackmanWindow %n {output_datatype = 11 : si64} : (tensor<i64>) -> tensor<?xf64, affine_map<()[s0] -> (s0)>>
  return %0 : tensor<?xf64, affine_map<()[s0] -> (s0)>>
}

// -----

// CHECK-LABEL: func.func @hamming
// CHECK: math.cos
func.func @hamming() -> tensor<10xf32> {
  %n = onnx.Constant dense<10> : tensor<i64> : tensor<i64>
  %0 = onnx.HammingWindow %n : (tensor<i64>) -> tensor<10xf32>
  return %0 : tensor<10xf32>
}

// -----

// Edges of the filters first, then the triangles between them.
// CHECK-LABEL: func.func @mel
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<10xf64>)
// CHECK: math.floor
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<9x8xf32>)
func.func @mel(%rate: tensor<i32>, %low: tensor<f32>, %high: tensor<f32>) -> tensor<9x8xf32> {
  %bins = onnx.Constant dense<8> : tensor<i32> : tensor<i32>
  %length = onnx.Constant dense<16> : tensor<i32> : tensor<i32>
  %0 = onnx.MelWeightMatrix %bins, %length, %rate, %low, %high
      : (tensor<i32>, tensor<i32>, tensor<i32>, tensor<f32>, tensor<f32>) -> tensor<9x8xf32>
  return %0 : tensor<9x8xf32>
}

// -----

func.func @negative() -> tensor<?xf32> {
  %n = onnx.Constant dense<-1> : tensor<i64> : tensor<i64>
  // expected-error @+1 {{a size of -1 is negative}}
  %0 = onnx.HannWindow %n : (tensor<i64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
