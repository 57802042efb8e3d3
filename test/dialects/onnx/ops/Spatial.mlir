// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Places are computed once for all channels; every element lies between four.
// CHECK-LABEL: func @linear(
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x5x6xf32>)
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x5x6xf32>)
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x4x5x6xf32>)
// CHECK-COUNT-4: tensor.extract %arg0
// CHECK-NOT: tensor.extract %arg0
func.func @linear(%x: tensor<2x4x8x8xf32>, %grid: tensor<2x5x6x2xf32>) -> tensor<2x4x5x6xf32> {
  %0 = onnx.GridSample %x, %grid : (tensor<2x4x8x8xf32>, tensor<2x5x6x2xf32>) -> tensor<2x4x5x6xf32>
  return %0 : tensor<2x4x5x6xf32>
}

// -----

// Elements are passed on as they are, whatever their type.
// CHECK-LABEL: func @nearest(
// CHECK: math.roundeven
// CHECK: tensor.extract %arg0{{.*}} : tensor<1x1x4x4x4xi8>
// CHECK-NOT: tensor.extract
// CHECK-NOT: uitofp
func.func @nearest(%x: tensor<1x1x4x4x4xui8>, %grid: tensor<1x2x2x2x3xf32>) -> tensor<1x1x2x2x2xui8> {
  %0 = onnx.GridSample %x, %grid {mode = "nearest", padding_mode = "border"} : (tensor<1x1x4x4x4xui8>, tensor<1x2x2x2x3xf32>) -> tensor<1x1x2x2x2xui8>
  return %0 : tensor<1x1x2x2x2xui8>
}

// -----

// CHECK-LABEL: func @symbolic(
// CHECK: cf.assert {{.*}} "GridSample: X and grid have different batch sizes"
// CHECK: cf.assert {{.*}} "GridSample: a dimension of X has no element to sample"
func.func @symbolic(%x: tensor<?x4x?x8xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 8)>>, %grid: tensor<1x5x6x2xf32>) -> tensor<1x4x5x6xf32> {
  %0 = onnx.GridSample %x, %grid {padding_mode = "reflection"} : (tensor<?x4x?x8xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 8)>>, tensor<1x5x6x2xf32>) -> tensor<1x4x5x6xf32>
  return %0 : tensor<1x4x5x6xf32>
}

// -----

func.func @places(%x: tensor<1x4x8x8xf32>, %grid: tensor<1x5x6x3xf32>) -> tensor<1x4x5x6xf32> {
  // expected-error @+1 {{grid holds places of 3 numbers, expected 2}}
  %0 = onnx.GridSample %x, %grid : (tensor<1x4x8x8xf32>, tensor<1x5x6x3xf32>) -> tensor<1x4x5x6xf32>
  return %0 : tensor<1x4x5x6xf32>
}

// -----

func.func @mode(%x: tensor<1x4x8x8xf32>, %grid: tensor<1x5x6x2xf32>) -> tensor<1x4x5x6xf32> {
  // expected-error @+1 {{mode "bilinear" is not nearest, linear or cubic}}
  %0 = onnx.GridSample %x, %grid {mode = "bilinear"} : (tensor<1x4x8x8xf32>, tensor<1x5x6x2xf32>) -> tensor<1x4x5x6xf32>
  return %0 : tensor<1x4x5x6xf32>
}

// -----

// The run tells the size; there must be a matrix for every batch.
// CHECK-LABEL: func @affine(
// CHECK: cf.assert {{.*}} "AffineGrid: theta has no matrix for every batch"
// CHECK: cf.assert {{.*}} "a size is negative"
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x?x?x2xf32>)
// CHECK-COUNT-3: tensor.extract %arg0
func.func @affine(%theta: tensor<2x2x3xf32>, %size: tensor<4xi64>) -> tensor<2x?x?x2xf32, affine_map<()[s0, s1] -> (2, s0, s1, 2)>> {
  %0 = onnx.AffineGrid %theta, %size : (tensor<2x2x3xf32>, tensor<4xi64>) -> tensor<2x?x?x2xf32, affine_map<()[s0, s1] -> (2, s0, s1, 2)>>
  return %0 : tensor<2x?x?x2xf32, affine_map<()[s0, s1] -> (2, s0, s1, 2)>>
}

// -----

func.func @matrices(%theta: tensor<2x3x4xf32>, %size: tensor<4xi64>) -> tensor<2x1x1x2xf32> {
  // expected-error @+1 {{theta must hold matrices of 2 x 3 floats}}
  %0 = onnx.AffineGrid %theta, %size : (tensor<2x3x4xf32>, tensor<4xi64>) -> tensor<2x1x1x2xf32>
  return %0 : tensor<2x1x1x2xf32>
}

// -----

// The size of a region says how many samples a bin has. An index of the batch stays in it.
// CHECK-LABEL: func @align(
// CHECK: cf.assert {{.*}} "RoiAlign: batch_indices has no number for every region"
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<?x4x5x6xf32>)
// CHECK: math.ceil
// CHECK: tensor.extract %arg2
// CHECK: scf.for
// CHECK: scf.for
// CHECK-COUNT-4: tensor.extract %arg0
func.func @align(%x: tensor<2x4x8x8xf32>, %rois: tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>, %batch: tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>) -> tensor<?x4x5x6xf32, affine_map<()[s0] -> (s0, 4, 5, 6)>> {
  %0 = onnx.RoiAlign %x, %rois, %batch {output_height = 5 : si64, output_width = 6 : si64} : (tensor<2x4x8x8xf32>, tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>, tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>) -> tensor<?x4x5x6xf32, affine_map<()[s0] -> (s0, 4, 5, 6)>>
  return %0 : tensor<?x4x5x6xf32, affine_map<()[s0] -> (s0, 4, 5, 6)>>
}

// -----

func.func @regions(%x: tensor<2x4x8x8xf32>, %rois: tensor<3x5xf32>, %batch: tensor<3xi64>) -> tensor<3x4x1x1xf32> {
  // expected-error @+1 {{rois must hold 4 coordinates for each region}}
  %0 = onnx.RoiAlign %x, %rois, %batch : (tensor<2x4x8x8xf32>, tensor<3x5xf32>, tensor<3xi64>) -> tensor<3x4x1x1xf32>
  return %0 : tensor<3x4x1x1xf32>
}

// -----

// What the windows read is gathered first; a matrix product follows.
// CHECK-LABEL: func @deform(
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<1x4x9x6x6xf32>)
// CHECK-COUNT-2: tensor.extract %arg2
// CHECK-COUNT-4: tensor.extract %arg0
// CHECK: tensor.extract %arg3
// CHECK: linalg.{{.*}} outs({{.*}} : tensor<{{.*}}8x36xf32>)
func.func @deform(%x: tensor<1x4x8x8xf32>, %w: tensor<8x4x3x3xf32>, %offset: tensor<1x18x6x6xf32>, %mask: tensor<1x9x6x6xf32>) -> tensor<1x8x6x6xf32> {
  %n = onnx.None : none
  %0 = onnx.DeformConv %x, %w, %offset, %n, %mask : (tensor<1x4x8x8xf32>, tensor<8x4x3x3xf32>, tensor<1x18x6x6xf32>, none, tensor<1x9x6x6xf32>) -> tensor<1x8x6x6xf32>
  return %0 : tensor<1x8x6x6xf32>
}

// -----

func.func @offset(%x: tensor<1x4x8x8xf32>, %w: tensor<8x4x3x3xf32>, %offset: tensor<1x9x6x6xf32>) -> tensor<1x8x6x6xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{dimension 1 of offset has size 9, expected 18}}
  %0 = onnx.DeformConv %x, %w, %offset, %n, %n : (tensor<1x4x8x8xf32>, tensor<8x4x3x3xf32>, tensor<1x9x6x6xf32>, none, none) -> tensor<1x8x6x6xf32>
  return %0 : tensor<1x8x6x6xf32>
}

// -----

// Two loops over the elements of a bin, which is cut off at the edges.
// CHECK-LABEL: func @roi_pool(
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<7x3x2x2xf32>)
// CHECK: math.ceil
// CHECK: scf.for
// CHECK: scf.for {{.*}} -> (f32)
// CHECK: arith.maximumf
func.func @roi_pool(%x: tensor<1x3x8x8xf32>, %rois: tensor<7x5xf32>) -> tensor<7x3x2x2xf32> {
  %0 = onnx.MaxRoiPool %x, %rois {pooled_shape = array<i64: 2, 2>} : (tensor<1x3x8x8xf32>, tensor<7x5xf32>) -> tensor<7x3x2x2xf32>
  return %0 : tensor<7x3x2x2xf32>
}
