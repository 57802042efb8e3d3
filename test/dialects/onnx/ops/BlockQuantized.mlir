// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Zero points are packed, too; the last block of a row is not full.
// CHECK-LABEL: func.func @matmul_nbits(
// CHECK: tensor.extract_slice {{.*}} : tensor<6x4xf32> to tensor<6x3xf32>
// CHECK: -> tensor<6x3x8x2xf32>
// CHECK: tensor.extract_slice {{.*}} : tensor<6x48xf32> to tensor<6x40xf32>
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
func.func @matmul_nbits(%x: tensor<2x40xf32>, %w: tensor<6x3x8xui8>, %s: tensor<6x3xf32>, %z: tensor<6x2xui8>) -> tensor<2x6xf32> {
  %none = onnx.None : none
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %z, %none, %none {K = 40 : si64, N = 6 : si64, block_size = 16 : si64} : (tensor<2x40xf32>, tensor<6x3x8xui8>, tensor<6x3xf32>, tensor<6x2xui8>, none, none) -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}

// -----

// Of a big matrix some rows become real numbers at a time.
// CHECK-LABEL: func.func @many_rows(
// CHECK: linalg.transpose {{.*}} permutation = [0, 1, 3, 2]
// CHECK: scf.for
// CHECK: -> tensor<64x128x2x16xf32>
// CHECK: tensor.insert_slice {{.*}} : tensor<2x64xf32> into tensor<2x200xf32>
// CHECK: tensor.insert_slice {{.*}} : tensor<2x8xf32> into tensor<2x200xf32>
func.func @many_rows(%x: tensor<2x4096xf32>, %w: tensor<200x128x16xui8>, %s: tensor<200x128xf32>) -> tensor<2x200xf32> {
  %none = onnx.None : none
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 4096 : si64, N = 200 : si64, block_size = 32 : si64} : (tensor<2x4096xf32>, tensor<200x128x16xui8>, tensor<200x128xf32>, none, none, none) -> tensor<2x200xf32>
  return %0 : tensor<2x200xf32>
}

// -----

// Constant numbers stay numbers of a contraction, less their middle.
// CHECK-LABEL: func.func @constant_weights(
// CHECK: %[[NUMBERS:.*]] = arith.constant dense{{.*}} : tensor<6x1x16xi8>
// CHECK: tensor.pad
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[NUMBERS]], %{{.*}} : tensor<2x1x16xf32>, tensor<6x1x16xi8>, tensor<6x1xf32>)
func.func @constant_weights(%x: tensor<2x10xf32>) -> tensor<2x6xf32> {
  %none = onnx.None : none
  %w = onnx.Constant dense<18> : tensor<6x1x8xui8> : tensor<6x1x8xui8>
  %s = onnx.Constant dense<0.5> : tensor<6x1xf32> : tensor<6x1xf32>
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 10 : si64, N = 6 : si64, block_size = 16 : si64} : (tensor<2x10xf32>, tensor<6x1x8xui8>, tensor<6x1xf32>, none, none, none) -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}

// -----

func.func @wrong_blocks(%x: tensor<2x40xf32>, %w: tensor<6x2x8xui8>, %s: tensor<6x3xf32>) -> tensor<2x6xf32> {
  %none = onnx.None : none
  // expected-error @below {{B must have the sizes 6x3x8}}
  %0 = onnx.ms.MatMulNBits %x, %w, %s, %none, %none, %none {K = 40 : si64, N = 6 : si64, block_size = 16 : si64} : (tensor<2x40xf32>, tensor<6x2x8xui8>, tensor<6x3xf32>, none, none, none) -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}
