// RUN: onnxc-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @views
func.func @views() -> (tensor<3x2xf32>, tensor<1x3x16xf32>) {
  // CHECK: #kernel.view<dense<{{.*}}> : tensor<2x3xf16>, offset 0, strides [1, 3]> : tensor<3x2xf32>
  %0 = arith.constant #kernel.view<dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf16>, offset 0, strides [1, 3]> : tensor<3x2xf32>
  // CHECK: #kernel.packed<numbers [dense<{{.*}}> : tensor<3x2xf32>], #{{.*}}, sizes [2, 3], batch 0, lanes 16> : tensor<1x3x16xf32>
  %1 = arith.constant #kernel.packed<numbers [dense<1.0> : tensor<3x2xf32>], affine_map<(d0, d1) -> (d1, d0)>, sizes [2, 3], batch 0, lanes 16> : tensor<1x3x16xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<1x3x16xf32>
}

// -----

// Numbers of few bits, as they are and as real ones.
// CHECK-LABEL: func.func @bits
func.func @bits() -> (tensor<8xi8>, tensor<2x2xf32>) {
  // CHECK: #kernel.view<dense<[33, 67, 101, -121]> : tensor<4xi8>, offset 0, strides [1], bits 4> : tensor<8xi8>
  %0 = arith.constant #kernel.view<dense<[33, 67, 101, 135]> : tensor<4xi8>, offset 0, strides [1], bits 4> : tensor<8xi8>
  // CHECK: #kernel.view<dense<{{.*}}> : tensor<4xi8>, offset 0, strides [2, 1], bits 8> : tensor<2x2xf32>
  %1 = arith.constant #kernel.view<dense<[33, 67, 101, 135]> : tensor<4xi8>, offset 0, strides [2, 1], bits 8> : tensor<2x2xf32>
  return %0, %1 : tensor<8xi8>, tensor<2x2xf32>
}

// -----

func.func @few_bits_behind() {
  // expected-error@+1 {{a view ends behind its source}}
  %0 = arith.constant #kernel.view<dense<[33, 67]> : tensor<2xi8>, offset 1, strides [1], bits 4> : tensor<4xi8>
  return
}

// -----

func.func @odd_bits() {
  // expected-error@+1 {{a view takes 2, 4 or 8 bits of bytes}}
  %0 = arith.constant #kernel.view<dense<[33, 67]> : tensor<2xi8>, offset 0, strides [1], bits 3> : tensor<4xi8>
  return
}

// -----

func.func @behind() {
  // expected-error@+1 {{a view ends behind its source}}
  %0 = arith.constant #kernel.view<dense<[1.0, 2.0]> : tensor<2xf32>, offset 1, strides [1]> : tensor<2xf32>
  return
}

// -----

func.func @before() {
  // expected-error@+1 {{a view ends behind its source}}
  %0 = arith.constant #kernel.view<dense<[1.0, 2.0]> : tensor<2xf32>, offset 0, strides [-1]> : tensor<2xf32>
  return
}

// -----

func.func @overflow() {
  // expected-error@+1 {{a view ends behind its source}}
  %0 = arith.constant #kernel.view<dense<[1.0, 2.0]> : tensor<2xf32>, offset 0, strides [9223372036854775807]> : tensor<3xf32>
  return
}

// -----

func.func @narrowed() {
  // expected-error@+1 {{a view does not make 'f16' of 'f32'}}
  %0 = arith.constant #kernel.view<dense<[1.0, 2.0]> : tensor<2xf32>, offset 0, strides [1]> : tensor<2xf16>
  return
}

// -----

func.func @sizes() {
  // expected-error@+1 {{the sizes of packed weights are not those of their source}}
  %0 = arith.constant #kernel.packed<numbers [dense<1.0> : tensor<3x2xf32>], affine_map<(d0, d1) -> (d1, d0)>, sizes [2, 4], batch 0, lanes 16> : tensor<1x4x16xf32>
  return
}

// -----

func.func @shape() {
  // expected-error@+1 {{packed weights are of another shape than}}
  %0 = arith.constant #kernel.packed<numbers [dense<1.0> : tensor<3x2xf32>], affine_map<(d0, d1) -> (d1, d0)>, sizes [2, 3], batch 0, lanes 16> : tensor<1x3x8xf32>
  return
}

// -----

func.func @blocks() {
  // expected-error@+1 {{packed blocks have words of 2, 4 or 8 bits a number}}
  %0 = arith.constant #kernel.packed<blocks [dense<1> : tensor<4x1x32xi8>, dense<1.0> : tensor<4x1xf32>], affine_map<(d0, d1, d2) -> (d0, d1, d2)>, sizes [4, 1, 32], batch 0, lanes 8> : tensor<1x1x2x8xi32>
  return
}
