// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// The whole chain is in the expressions: what is left is one view.
// CHECK-LABEL: func @shape_chain(
// CHECK-NEXT: arith.constant
// CHECK-NEXT: arith.constant
// CHECK-NEXT: %[[B:.*]] = tensor.dim
// CHECK-NEXT: %[[S:.*]] = tensor.dim
// CHECK-NEXT: tensor.expand_shape %{{.*}} {{\[\[}}0], [1], [2, 3]] output_shape [%[[B]], %[[S]], 12, 64]
#bs = affine_map<()[s0, s1] -> (s0, s1, 768)>
#out = affine_map<()[s0, s1] -> (s0, s1, 12, 64)>
func.func @shape_chain(%x: tensor<?x?x768xf32, #bs>) -> tensor<?x?x12x64xf32, #out> attributes {onnx.symbols = ["batch", "seq"]} {
  %start = onnx.Shape %x {start = 0 : si64, end = 2 : si64} : (tensor<?x?x768xf32, #bs>) -> tensor<2xi64>
  %heads = onnx.Constant dense<12> : tensor<i64> : tensor<i64>
  %axes = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %h = onnx.Unsqueeze %heads, %axes : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %rest = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %shape = onnx.Concat %start, %h, %rest {axis = 0 : si64} : (tensor<2xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xi64>
  %0 = onnx.Reshape %x, %shape : (tensor<?x?x768xf32, #bs>, tensor<4xi64>) -> tensor<?x?x12x64xf32, #out>
  return %0 : tensor<?x?x12x64xf32, #out>
}

// -----

// A shape that only run time knows.
// CHECK-LABEL: func @reshape_runtime(
// CHECK: tensor.extract
// CHECK: cf.assert %{{.*}}, "Reshape: the number of elements differs"
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0, 1]] {{.*}} : tensor<?xf32> into tensor<?x?xf32>
#two = affine_map<()[s0, s1] -> (s0, s1)>
func.func @reshape_runtime(%x: tensor<4x6xf32>, %shape: tensor<2xi64>) -> tensor<?x?xf32, #two> attributes {onnx.symbols = ["", ""]} {
  %0 = onnx.Reshape %x, %shape : (tensor<4x6xf32>, tensor<2xi64>) -> tensor<?x?xf32, #two>
  return %0 : tensor<?x?xf32, #two>
}

// -----

// Repetition is in the maps, not in index arithmetic.
// CHECK: #[[MAP:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: func @tile(
// CHECK: linalg.generic {indexing_maps = [#[[MAP]]
// CHECK: tensor.collapse_shape {{.*}} : tensor<3x2x5xf32> into tensor<6x5xf32>
func.func @tile(%x: tensor<2x5xf32>) -> tensor<6x5xf32> {
  %repeats = onnx.Constant dense<[3, 1]> : tensor<2xi64> : tensor<2xi64>
  %0 = onnx.Tile %x, %repeats : (tensor<2x5xf32>, tensor<2xi64>) -> tensor<6x5xf32>
  return %0 : tensor<6x5xf32>
}

// -----

// CHECK-LABEL: func @range(
// CHECK: arith.constant dense<[3, 5, 7]> : tensor<3xi64>
func.func @range() -> tensor<3xi64> {
  %start = onnx.Constant dense<3> : tensor<i64> : tensor<i64>
  %limit = onnx.Constant dense<8> : tensor<i64> : tensor<i64>
  %delta = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %0 = onnx.Range %start, %limit, %delta : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<3xi64>
  return %0 : tensor<3xi64>
}

// -----

// A shape that is data may hold anything.
// CHECK-LABEL: func @reshape_to_data(
// CHECK: cf.assert %{{.*}}, "a size is negative"
// CHECK: arith.cmpf olt
// CHECK: cf.assert %{{.*}}, "Reshape: the number of elements differs"
// CHECK: tensor.expand_shape
func.func @reshape_to_data(%x: tensor<24xf32>, %shape: tensor<2xi64>) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>> attributes {onnx.symbols = ["", ""]} {
  %0 = onnx.Reshape %x, %shape : (tensor<24xf32>, tensor<2xi64>) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
  return %0 : tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
}

// -----

// CHECK-LABEL: func @squeeze_axes(
// CHECK: cf.assert %{{.*}}, "an axis is out of range for rank 3"
// CHECK: cf.assert %{{.*}}, "Squeeze: a dropped dimension is not of size 1"
// CHECK: tensor.collapse_shape
func.func @squeeze_axes(%x: tensor<1x4x6xf32>, %axes: tensor<1xi64>) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>> attributes {onnx.symbols = ["", ""]} {
  %0 = onnx.Squeeze %x, %axes : (tensor<1x4x6xf32>, tensor<1xi64>) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
  return %0 : tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
}

// -----

// CHECK-LABEL: func @unsqueeze_axes(
// CHECK: cf.assert %{{.*}}, "an axis is out of range for rank 2"
// CHECK: tensor.expand_shape
func.func @unsqueeze_axes(%x: tensor<4xf32>, %axes: tensor<1xi64>) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>> attributes {onnx.symbols = ["", ""]} {
  %0 = onnx.Unsqueeze %x, %axes : (tensor<4xf32>, tensor<1xi64>) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
  return %0 : tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
}

// -----

func.func @reshape_count(%x: tensor<4x6xf32>) -> tensor<5x5xf32> {
  %shape = onnx.Constant dense<5> : tensor<2xi64> : tensor<2xi64>
  // expected-error @+1 {{can't reshape 24 elements into 25}}
  %0 = onnx.Reshape %x, %shape : (tensor<4x6xf32>, tensor<2xi64>) -> tensor<5x5xf32>
  return %0 : tensor<5x5xf32>
}

// -----

func.func @squeeze_size(%x: tensor<4x6xf32>) -> tensor<6xf32> {
  %axes = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  // expected-error @+1 {{can't drop dimension 0, which has size 4}}
  %0 = onnx.Squeeze %x, %axes : (tensor<4x6xf32>, tensor<1xi64>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}
