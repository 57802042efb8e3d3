// RUN: onnxc-opt %s --lower-onnx-to-linalg | FileCheck %s

// A bias is read along its dimension; no broadcast is materialised.
// CHECK: #[[BIAS:.*]] = affine_map<(d0, d1, d2) -> (d1, 0)>
// CHECK-LABEL: func.func @bias
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[BIAS]], #{{.*}}]
// CHECK: arith.addf
func.func @bias(%x: tensor<2x3x4xf32>, %b: tensor<3x1xf32>) -> tensor<2x3x4xf32> {
  %0 = onnx.Add %x, %b : (tensor<2x3x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// Signedness is the type's.
// CHECK-LABEL: func.func @unsigned
// CHECK-SAME: tensor<4xi8>
// CHECK: arith.maxui
// CHECK: arith.maxsi
func.func @unsigned(%x: tensor<4xui8>, %y: tensor<4xi8>) -> (tensor<4xui8>, tensor<4xi8>) {
  %0 = onnx.Max %x, %x : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  %1 = onnx.Max %y, %y : (tensor<4xi8>, tensor<4xi8>) -> tensor<4xi8>
  return %0, %1 : tensor<4xui8>, tensor<4xi8>
}

// 16-bit floats are computed in f32.
// CHECK-LABEL: func.func @half
// CHECK: arith.extf {{.*}} : f16 to f32
// CHECK: math.exp {{.*}} : f32
// CHECK: arith.truncf {{.*}} : f32 to f16
func.func @half(%x: tensor<4xf16>) -> tensor<4xf16> {
  %0 = onnx.Sigmoid %x : (tensor<4xf16>) -> tensor<4xf16>
  return %0 : tensor<4xf16>
}

// CHECK-LABEL: func.func @clip_above
// CHECK: arith.cmpf ogt
// CHECK-NOT: arith.cmpf
func.func @clip_above(%x: tensor<4xf32>, %max: tensor<f32>) -> tensor<4xf32> {
  %none = onnx.None : none
  %0 = onnx.Clip %x, %none, %max : (tensor<4xf32>, none, tensor<f32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A zero divisor must not trap.
// CHECK-LABEL: func.func @div
// CHECK: arith.cmpi eq
// CHECK: arith.select
// CHECK: arith.divui
func.func @div(%x: tensor<4xui32>, %y: tensor<4xui32>) -> tensor<4xui32> {
  %0 = onnx.Div %x, %y : (tensor<4xui32>, tensor<4xui32>) -> tensor<4xui32>
  return %0 : tensor<4xui32>
}

// In training a hash of the position decides; in inference, known only at run time here, nothing is dropped.
// CHECK-LABEL: func.func @dropout
// CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
// CHECK: arith.muli %{{.*}} : i64
// CHECK: arith.cmpf oge
// CHECK: arith.mulf
func.func @dropout(%x: tensor<4xf32>, %ratio: tensor<f32>, %training: tensor<i1>) -> (tensor<4xf32>, tensor<4xi1>) {
  %0:2 = onnx.Dropout %x, %ratio, %training {seed = 1 : si64} : (tensor<4xf32>, tensor<f32>, tensor<i1>) -> (tensor<4xf32>, tensor<4xi1>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<4xi1>
}

// Which of two sizes is 1 only the run tells; that neither is, and they differ, ends it.
// CHECK-LABEL: func.func @broadcast_unknown
// CHECK: arith.select
// CHECK: cf.assert %{{.*}}, "the operands' sizes do not broadcast"
// CHECK: cf.assert %{{.*}}, "the operands' sizes do not broadcast"
// CHECK: linalg.generic
func.func @broadcast_unknown(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>, %y: tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>)
    -> tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>> {
  %0 = onnx.Add %x, %y : (tensor<?xf32, affine_map<()[s0] -> (s0)>>, tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) -> tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>
  return %0 : tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>
}

// A conversion to 4 bits keeps the lowest ones, and extends them by their sign.
// CHECK-LABEL: func.func @cast_int4
// CHECK: arith.trunci
// CHECK: arith.shli
// CHECK: arith.shrsi
// CHECK: return {{.*}} : tensor<4xi8>
func.func @cast_int4(%x: tensor<4xi32>) -> tensor<4xi4> {
  %0 = onnx.Cast %x {to = 22 : si64} : (tensor<4xi32>) -> tensor<4xi4>
  return %0 : tensor<4xi4>
}

// CHECK-LABEL: func.func @swiglu
// CHECK: math.exp
// CHECK-COUNT-2: arith.mulf
func.func @swiglu(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %0 = onnx.SwiGLU %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @bits_of_half
// CHECK: arith.bitcast {{.*}} : f16 to i16
func.func @bits_of_half(%x: tensor<4xf16>) -> tensor<4xui16> {
  %0 = onnx.BitCast %x {to = 4 : si64} : (tensor<4xf16>) -> tensor<4xui16>
  return %0 : tensor<4xui16>
}

// CHECK-LABEL: func.func @bits_of_bool
// CHECK: arith.extui {{.*}} : i1 to i8
func.func @bits_of_bool(%x: tensor<4xi1>) -> tensor<4xi8> {
  %0 = onnx.BitCast %x {to = 3 : si64} : (tensor<4xi1>) -> tensor<4xi8>
  return %0 : tensor<4xi8>
}

// CHECK-LABEL: func.func @cast_to_float8
// CHECK-SAME: -> tensor<4xi8>
// CHECK: arith.bitcast %{{.*}} : f32 to i32
// CHECK: arith.trunci %{{.*}} : i32 to i8
func.func @cast_to_float8(%x: tensor<4xf16>) -> tensor<4xf8E5M2> {
  %0 = onnx.Cast %x {to = 19 : si64} : (tensor<4xf16>) -> tensor<4xf8E5M2>
  return %0 : tensor<4xf8E5M2>
}
