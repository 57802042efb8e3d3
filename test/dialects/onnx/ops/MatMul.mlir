// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Batches on the left of a matrix are more rows.
// CHECK-LABEL: func @matrix(
// CHECK: tensor.collapse_shape {{.*}} : tensor<?x?x64xf32> into tensor<?x64xf32>
// CHECK: linalg.matmul ins({{.*}} : tensor<?x64xf32>, tensor<64x256xf32>)
// CHECK: tensor.expand_shape {{.*}} into tensor<?x?x256xf32>
func.func @matrix(%x: tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>, %w: tensor<64x256xf32>) -> tensor<?x?x256xf32, affine_map<()[s0, s1] -> (s0, s1, 256)>> {
  %0 = onnx.MatMul %x, %w : (tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>, tensor<64x256xf32>) -> tensor<?x?x256xf32, affine_map<()[s0, s1] -> (s0, s1, 256)>>
  return %0 : tensor<?x?x256xf32, affine_map<()[s0, s1] -> (s0, s1, 256)>>
}

// -----

// Batches broadcast in the maps, the 16-bit floats accumulate in f32.
// CHECK: #[[LEFT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (0, d1, d2, d4)>
// CHECK-LABEL: func @batches(
// CHECK: linalg.generic {indexing_maps = [#[[LEFT]], {{.*}}} ins({{.*}} : tensor<1x12x7x64xf32>, tensor<?x12x64x9xf32>) outs({{.*}} : tensor<?x12x7x9xf32>)
// CHECK: arith.truncf
func.func @batches(%x: tensor<1x12x7x64xf16>, %y: tensor<?x12x64x9xf16, affine_map<()[s0] -> (s0, 12, 64, 9)>>) -> tensor<?x12x7x9xf16, affine_map<()[s0] -> (s0, 12, 7, 9)>> {
  %0 = onnx.MatMul %x, %y : (tensor<1x12x7x64xf16>, tensor<?x12x64x9xf16, affine_map<()[s0] -> (s0, 12, 64, 9)>>) -> tensor<?x12x7x9xf16, affine_map<()[s0] -> (s0, 12, 7, 9)>>
  return %0 : tensor<?x12x7x9xf16, affine_map<()[s0] -> (s0, 12, 7, 9)>>
}

// -----

// CHECK: #[[RIGHT:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: func @gemm(
// CHECK: linalg.generic {indexing_maps = [{{.*}}, #[[RIGHT]], {{.*}}], iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]}
func.func @gemm(%a: tensor<3x5xf32>, %b: tensor<4x5xf32>, %c: tensor<4xf32>) -> tensor<3x4xf32> {
  %0 = onnx.Gemm %a, %b, %c {transB = 1 : si64, beta = 0.5 : f32} : (tensor<3x5xf32>, tensor<4x5xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @inner(%a: tensor<3x5xf32>, %b: tensor<4x5xf32>) -> tensor<3x5xf32> {
  // expected-error @+1 {{A has 5 columns, B has 4 rows}}
  %0 = onnx.MatMul %a, %b : (tensor<3x5xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// -----

func.func @addend(%a: tensor<3x5xf32>, %b: tensor<5x4xf32>, %c: tensor<3xf32>) -> tensor<3x4xf32> {
  // expected-error @+1 {{C with size 3 does not broadcast to 4}}
  %0 = onnx.Gemm %a, %b, %c : (tensor<3x5xf32>, tensor<5x4xf32>, tensor<3xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// A contraction with the batch first. What one operand alone has is summed up before.
// CHECK-LABEL: func.func @einsum
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "reduction"]{{.*}} ins(%arg0
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "reduction"]
// CHECK: arith.mulf
func.func @einsum(%a: tensor<2x3x4x6xf32>, %b: tensor<1x4x5xf32>) -> tensor<2x5x3xf32> {
  %0 = onnx.Einsum %a, %b {equation = "...ijs, ...jk -> ...ki"}
      : (tensor<2x3x4x6xf32>, tensor<1x4x5xf32>) -> tensor<2x5x3xf32>
  return %0 : tensor<2x5x3xf32>
}

// -----

// Without an arrow, what occurs twice is summed over.
// CHECK-LABEL: func.func @trace
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction"]
func.func @trace(%a: tensor<3x3xf32>) -> tensor<f32> {
  %0 = onnx.Einsum %a {equation = "ii"} : (tensor<3x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @subscripts(%a: tensor<3x5xf32>, %b: tensor<4x5xf32>) -> tensor<3x5xf32> {
  // expected-error @+1 {{sizes 5 and 4 of the same subscript differ}}
  %0 = onnx.Einsum %a, %b {equation = "ij,jk->ik"} : (tensor<3x5xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// -----

func.func @term(%a: tensor<3x5xf32>) -> tensor<3x5xf32> {
  // expected-error @+1 {{unexpected "-" in a term of the equation}}
  %0 = onnx.Einsum %a {equation = "i-->ij"} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// -----

// CHECK-LABEL: func.func @inner_product
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction"]
// CHECK: arith.mulf
func.func @inner_product(%a: tensor<5xf64>, %b: tensor<5xf64>) -> tensor<f64> {
  %0 = onnx.Einsum %a, %b {equation = "i,i"} : (tensor<5xf64>, tensor<5xf64>) -> tensor<f64>
  return %0 : tensor<f64>
}

// -----

// Products of 16-bit floats are those of f32: constants are converted here.
// CHECK-LABEL: func.func @half_weights(
// CHECK: arith.constant dense{{.*}} : tensor<3x4xf32>
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: linalg.matmul ins(%{{.*}} : tensor<2x3xf32>, tensor<3x4xf32>)
// CHECK: arith.truncf %{{.*}} : f32 to f16
func.func @half_weights(%x: tensor<2x3xf16>) -> tensor<2x4xf16> {
  %w = onnx.Constant dense<0.5> : tensor<3x4xf16> : tensor<3x4xf16>
  %0 = onnx.MatMul %x, %w : (tensor<2x3xf16>, tensor<3x4xf16>) -> tensor<2x4xf16>
  return %0 : tensor<2x4xf16>
}
