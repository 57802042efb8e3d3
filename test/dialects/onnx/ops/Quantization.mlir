// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Rounded to even, then the zero point, then clamped, then converted.
// CHECK-LABEL: func.func @quantize(
// CHECK: arith.divf
// CHECK: math.roundeven
// CHECK: arith.addf
// CHECK-COUNT-2: arith.select
// CHECK: arith.fptosi
func.func @quantize(%x: tensor<4x3xf32>, %s: tensor<f32>, %z: tensor<ui8>) -> tensor<4x3xui8> {
  %0 = onnx.QuantizeLinear %x, %s, %z : (tensor<4x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x3xui8>
  return %0 : tensor<4x3xui8>
}

// -----

// 4 bits are clamped to their own range, and stored as a byte. The quotient has the precision of the scale.
// CHECK-LABEL: func.func @quantize_int4(
// CHECK-DAG: arith.constant -8.0
// CHECK-DAG: arith.constant 7.0
// CHECK: arith.truncf {{.*}} : f32 to f16
// CHECK: -> tensor<4x3xi8>
func.func @quantize_int4(%x: tensor<4x3xf16>, %s: tensor<f16>) -> tensor<4x3xi4> {
  %none = onnx.None : none
  %0 = onnx.QuantizeLinear %x, %s, %none {output_dtype = 22 : si64} : (tensor<4x3xf16>, tensor<f16>, none) -> tensor<4x3xi4>
  return %0 : tensor<4x3xi4>
}

// -----

// One scale for each index of an axis.
// CHECK: #[[AXIS:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @dequantize_axis(
// CHECK: linalg.generic {indexing_maps = [{{.*}}, #[[AXIS]], #[[AXIS]], {{.*}}]
// CHECK: arith.extsi
// CHECK: arith.subi
// CHECK: arith.sitofp
// CHECK: arith.mulf
func.func @dequantize_axis(%x: tensor<4x3xi8>, %s: tensor<3xf32>, %z: tensor<3xi8>) -> tensor<4x3xf32> {
  %0 = onnx.DequantizeLinear %x, %s, %z : (tensor<4x3xi8>, tensor<3xf32>, tensor<3xi8>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

// One scale for each two rows, the last one for the one that is left.
// CHECK-LABEL: func.func @dequantize_blocks(
// CHECK: linalg.index 0
// CHECK: arith.divui
// CHECK: tensor.extract %{{.*}} : tensor<3x4xf32>
func.func @dequantize_blocks(%x: tensor<5x4xi8>, %s: tensor<3x4xf32>) -> tensor<5x4xf32> {
  %none = onnx.None : none
  %0 = onnx.DequantizeLinear %x, %s, %none {axis = 0 : si64, block_size = 2 : si64} : (tensor<5x4xi8>, tensor<3x4xf32>, none) -> tensor<5x4xf32>
  return %0 : tensor<5x4xf32>
}

// -----

// A number of scales that only the run tells is checked there.
// CHECK-LABEL: func.func @dequantize_symbolic(
// CHECK: cf.assert %{{.*}}, "DequantizeLinear: scale does not fit x"
func.func @dequantize_symbolic(%x: tensor<4x3xi8>, %s: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<4x3xf32> {
  %none = onnx.None : none
  %0 = onnx.DequantizeLinear %x, %s, %none : (tensor<4x3xi8>, tensor<?xf32, affine_map<()[s0] -> (s0)>>, none) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

func.func @zero_point_type(%x: tensor<4x3xi8>, %s: tensor<f32>, %z: tensor<ui8>) {
  // expected-error @+1 {{x is int8, but the zero point is uint8}}
  %0 = onnx.DequantizeLinear %x, %s, %z : (tensor<4x3xi8>, tensor<f32>, tensor<ui8>) -> tensor<4x3xf32>
  return
}

// -----

func.func @scales(%x: tensor<4x3xi8>, %s: tensor<4xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{x_scale has size 4 in dimension 0, expected 3}}
  %0 = onnx.DequantizeLinear %x, %s, %none : (tensor<4x3xi8>, tensor<4xf32>, none) -> tensor<4x3xf32>
  return
}

// -----

func.func @powers_of_two(%x: tensor<4x3xf32>, %s: tensor<f32>) {
  %none = onnx.None : none
  // expected-error @+1 {{can't quantize to float8e8m0}}
  %0 = onnx.QuantizeLinear %x, %s, %none {output_dtype = 24 : si64} : (tensor<4x3xf32>, tensor<f32>, none) -> tensor<4x3xui8>
  return
}
