// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Where not even one window fits, what it lacks is added to the padding.
// CHECK-LABEL: func @max(
// CHECK: %[[MORE:.*]] = arith.maxsi
// CHECK: %[[PADDED:.*]] = tensor.pad %{{.*}} low[0, 0, 1, 1] high[0, 0, %{{.*}}, 1]
// CHECK: linalg.pooling_nchw_max {dilations = dense<1> {{.*}}, strides = dense<2> {{.*}}} ins(%[[PADDED]], {{.*}} : tensor<1x4x?x10xf32>, tensor<3x3xf32>)
// CHECK-SAME: -> tensor<1x4x?x4xf32>
func.func @max(%x: tensor<1x4x?x8xf32, affine_map<()[s0] -> (1, 4, s0, 8)>>) -> tensor<1x4x?x4xf32, affine_map<()[s0, s1] -> (1, 4, s1 floordiv 2 + 1, 4)>>
    attributes {onnx.symbols = ["h", ""], onnx.clamped = {s1 = affine_map<()[s0] -> (s0 - 1)>}} {
  %0, %1 = onnx.MaxPool %x {kernel_shape = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x4x?x8xf32, affine_map<()[s0] -> (1, 4, s0, 8)>>) -> (tensor<1x4x?x4xf32, affine_map<()[s0, s1] -> (1, 4, s1 floordiv 2 + 1, 4)>>, none)
  return %0 : tensor<1x4x?x4xf32, affine_map<()[s0, s1] -> (1, 4, s1 floordiv 2 + 1, 4)>>
}

// -----

// Values and their places are found together.
// CHECK-LABEL: func @indices(
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<1x1x2x2xi8>, tensor<1x1x2x2xi64>)
// CHECK: arith.cmpi ugt
func.func @indices(%x: tensor<1x1x4x4xui8>) -> tensor<1x1x2x2xi64> {
  %0, %1 = onnx.MaxPool %x {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x1x4x4xui8>) -> (tensor<1x1x2x2xui8>, tensor<1x1x2x2xi64>)
  return %1 : tensor<1x1x2x2xi64>
}

// -----

// The padding does not count: the divisors are known.
// CHECK-LABEL: func @average(
// CHECK: arith.constant dense<{{\[\[}}4.000000e+00, 6.000000e+00, 4.000000e+00], [6.000000e+00, 9.000000e+00, 6.000000e+00], [4.000000e+00, 6.000000e+00, 4.000000e+00]]>
// CHECK: linalg.pooling_nchw_sum
// CHECK: arith.divf
func.func @average(%x: tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32> {
  %0 = onnx.AveragePool %x {kernel_shape = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32>
  return %0 : tensor<1x4x3x3xf32>
}

// -----

// CHECK-LABEL: func @global(
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction", "reduction"]
// CHECK: tensor.expand_shape {{.*}} : tensor<?x4xf32> into tensor<?x4x1x1xf32>
func.func @global(%x: tensor<?x4x7x7xf32, affine_map<()[s0] -> (s0, 4, 7, 7)>>) -> tensor<?x4x1x1xf32, affine_map<()[s0] -> (s0, 4, 1, 1)>> {
  %0 = onnx.GlobalAveragePool %x : (tensor<?x4x7x7xf32, affine_map<()[s0] -> (s0, 4, 7, 7)>>) -> tensor<?x4x1x1xf32, affine_map<()[s0] -> (s0, 4, 1, 1)>>
  return %0 : tensor<?x4x1x1xf32, affine_map<()[s0] -> (s0, 4, 1, 1)>>
}

// -----

func.func @kernel(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  // expected-error @+1 {{kernel_shape has 1 elements, expected 2}}
  %0 = onnx.AveragePool %x {kernel_shape = array<i64: 3>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  return %0 : tensor<1x4x8x8xf32>
}

// -----

// Every element of the image adds up what blocks hold of it.
// CHECK-LABEL: func @col2im(
// CHECK-NOT: cf.assert
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins({{.*}} : tensor<1x5xf32>) outs({{.*}} : tensor<1x2x5x5xf32>)
// CHECK: tensor.extract %arg0
func.func @col2im(%x: tensor<1x10x5xf32>) -> tensor<1x2x5x5xf32> {
  %image = onnx.Constant dense<5> : tensor<2xi64> : tensor<2xi64>
  %block = onnx.Constant dense<[1, 5]> : tensor<2xi64> : tensor<2xi64>
  %0 = onnx.Col2Im %x, %image, %block : (tensor<1x10x5xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<1x2x5x5xf32>
  return %0 : tensor<1x2x5x5xf32>
}

// -----

func.func @blocks(%x: tensor<1x9x5xf32>, %image: tensor<2xi64>) -> tensor<1x2x5x5xf32> {
  %block = onnx.Constant dense<[1, 5]> : tensor<2xi64> : tensor<2xi64>
  // expected-error @+1 {{blocks of 5 elements do not divide the 9 of dimension 1}}
  %0 = onnx.Col2Im %x, %image, %block : (tensor<1x9x5xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<1x2x5x5xf32>
  return %0 : tensor<1x2x5x5xf32>
}

// -----

// An index outside of what was pooled writes nothing.
// CHECK-LABEL: func @unpool(
// CHECK: linalg.fill {{.*}} -> tensor<1x1x4x4xf32>
// CHECK: scf.for
// CHECK: arith.remui
// CHECK: arith.cmpi ult
// CHECK: tensor.insert
func.func @unpool(%x: tensor<1x1x2x2xf32>, %i: tensor<1x1x2x2xi64>) -> tensor<1x1x4x4xf32> {
  %n = onnx.None : none
  %0 = onnx.MaxUnpool %x, %i, %n {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xi64>, none) -> tensor<1x1x4x4xf32>
  return %0 : tensor<1x1x4x4xf32>
}

// -----

func.func @places(%x: tensor<1x1x2x2xf32>, %i: tensor<1x1x2x3xi64>) -> tensor<1x1x4x4xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{X and I have different shapes}}
  %0 = onnx.MaxUnpool %x, %i, %n {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x1x2x2xf32>, tensor<1x1x2x3xi64>, none) -> tensor<1x1x4x4xf32>
  return %0 : tensor<1x1x4x4xf32>
}
