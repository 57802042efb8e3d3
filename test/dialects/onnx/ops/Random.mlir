// RUN: onnxc-opt %s -infer-shapes -lower-onnx-to-linalg -split-input-file -verify-diagnostics | FileCheck %s

// Ten rounds of Philox with the bits of the seed as the key.
// CHECK-LABEL: func.func @uniform
// CHECK-COUNT-10: arith.constant 3528531795 : i64
// CHECK: arith.uitofp
func.func @uniform() -> tensor<3xf32> {
  %0 = onnx.RandomUniform {shape = array<i64: 3>, seed = 1.0 : f32} : () -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// The input's elements don't matter.
// CHECK-LABEL: func.func @complex
// CHECK: arith.uitofp
func.func @complex(%x: tensor<4xcomplex<f32>>) -> tensor<4xf32> {
  %0 = onnx.RandomUniformLike %x {dtype = 1 : si64, seed = 1.0 : f32} : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @type(%x: tensor<4xi32>) -> tensor<4xf32> {
  // expected-error @+1 {{can't draw numbers of type int32; the attribute dtype says which}}
  %0 = onnx.RandomNormalLike %x {seed = 1.0 : f32} : (tensor<4xi32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
