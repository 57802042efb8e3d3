// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @transpose(
// CHECK: linalg.transpose ins({{.*}} : tensor<?x8x12x64xf32>) outs({{.*}} : tensor<?x12x8x64xf32>) permutation = [0, 2, 1, 3]
func.func @transpose(%x: tensor<?x8x12x64xf32, affine_map<()[s0] -> (s0, 8, 12, 64)>>) -> tensor<?x12x8x64xf32, affine_map<()[s0] -> (s0, 12, 8, 64)>> attributes {onnx.symbols = ["n"]} {
  %0 = onnx.Transpose %x {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x8x12x64xf32, affine_map<()[s0] -> (s0, 8, 12, 64)>>) -> tensor<?x12x8x64xf32, affine_map<()[s0] -> (s0, 12, 8, 64)>>
  return %0 : tensor<?x12x8x64xf32, affine_map<()[s0] -> (s0, 12, 8, 64)>>
}

// CHECK-LABEL: func.func @transpose_complex
// CHECK-SAME: tensor<2x3xi64>
// CHECK: linalg.transpose
func.func @transpose_complex(%x: tensor<2x3xcomplex<f32>>) -> tensor<3x2xcomplex<f32>> {
  %0 = onnx.Transpose %x : (tensor<2x3xcomplex<f32>>) -> tensor<3x2xcomplex<f32>>
  return %0 : tensor<3x2xcomplex<f32>>
}

// -----

// CHECK-LABEL: func @concat_nothing(
// CHECK-NOT: tensor.insert_slice
func.func @concat_nothing(%x: tensor<0x4xf32>) -> tensor<0x8xf32> {
  %0 = onnx.Concat %x, %x {axis = 1 : si64} : (tensor<0x4xf32>, tensor<0x4xf32>) -> tensor<0x8xf32>
  return %0 : tensor<0x8xf32>
}

// -----

// CHECK-LABEL: func @concat(
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0] [%[[N:.*]], 4] [1, 1]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[%[[N]], 0] [3, 4] [1, 1] : tensor<3x4xf32> into tensor<?x4xf32>
#past = affine_map<()[s0] -> (s0, 4)>
#all = affine_map<()[s0] -> (s0 + 3, 4)>
func.func @concat(%past: tensor<?x4xf32, #past>, %now: tensor<3x4xf32>) -> tensor<?x4xf32, #all> attributes {onnx.symbols = ["past"]} {
  %0 = onnx.Concat %past, %now {axis = -2 : si64} : (tensor<?x4xf32, #past>, tensor<3x4xf32>) -> tensor<?x4xf32, #all>
  return %0 : tensor<?x4xf32, #all>
}

// -----

// The causal mask of a decoder: as many rows as the sequence has, at most those of the mask.
// CHECK-LABEL: func @slice_symbolic(
// CHECK: %[[S:.*]] = tensor.dim
// CHECK: %[[OVER:.*]] = arith.maxsi
// CHECK-NOT: cf.assert
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [%{{.*}}, 1024] [1, 1] : tensor<1024x1024xi1> to tensor<?x1024xi1>
#seq = affine_map<()[s0] -> (s0)>
#rows = affine_map<()[s0, s1] -> (s0 - s1, 1024)>
func.func @slice_symbolic(%ids: tensor<?xi64, #seq>, %mask: tensor<1024x1024xi1>) -> tensor<?x1024xi1, #rows>
    attributes {onnx.symbols = ["seq", ""], onnx.clamped = {s1 = affine_map<()[s0] -> (s0 - 1024)>}} {
  %none = onnx.None : none
  %zero = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %end = onnx.Shape %ids : (tensor<?xi64, #seq>) -> tensor<1xi64>
  %0 = onnx.Slice %mask, %zero, %end, %zero, %none : (tensor<1024x1024xi1>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<?x1024xi1, #rows>
  return %0 : tensor<?x1024xi1, #rows>
}

// -----

// What is added to the rows of a table has as many, or the run ends: both are read at the same places.
// CHECK-LABEL: func @slice_of_table(
// CHECK: cf.assert %{{.*}}, "the operands' sizes do not broadcast"
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x8xf32>)
// CHECK-NOT: tensor.extract %
// CHECK: return
#x = affine_map<()[s0] -> (s0, 8)>
#cut = affine_map<()[s0, s1] -> (s0 - s1, 8)>
func.func @slice_of_table(%x: tensor<?x8xf32, #x>, %table: tensor<512x8xf32>) -> tensor<?x8xf32, #x>
    attributes {onnx.symbols = ["seq", ""], onnx.clamped = {s1 = affine_map<()[s0] -> (s0 - 512)>}} {
  %none = onnx.None : none
  %zero = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %end = onnx.Shape %x {end = 1 : si64} : (tensor<?x8xf32, #x>) -> tensor<1xi64>
  %0 = onnx.Slice %table, %zero, %end, %zero, %none : (tensor<512x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<?x8xf32, #cut>
  %1 = onnx.Add %x, %0 : (tensor<?x8xf32, #x>, tensor<?x8xf32, #cut>) -> tensor<?x8xf32, #x>
  return %1 : tensor<?x8xf32, #x>
}

// -----

// CHECK-LABEL: func @slice_backwards(
// CHECK: linalg.generic
// CHECK: tensor.extract {{.*}} : tensor<7xf32>
func.func @slice_backwards(%x: tensor<7xf32>) -> tensor<4xf32> {
  %start = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %end = onnx.Constant dense<-9223372036854775808> : tensor<1xi64> : tensor<1xi64>
  %axes = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %steps = onnx.Constant dense<-2> : tensor<1xi64> : tensor<1xi64>
  %0 = onnx.Slice %x, %start, %end, %axes, %steps : (tensor<7xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// CHECK-LABEL: func @slice_runtime(
// CHECK: arith.minsi
// CHECK: tensor.extract_slice %{{.*}}[%{{.*}}] [%{{.*}}] [1] : tensor<7xf32> to tensor<?xf32>
func.func @slice_runtime(%x: tensor<7xf32>, %start: tensor<1xi64>, %end: tensor<1xi64>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> attributes {onnx.symbols = [""]} {
  %none = onnx.None : none
  %0 = onnx.Slice %x, %start, %end, %none, %none : (tensor<7xf32>, tensor<1xi64>, tensor<1xi64>, none, none) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  return %0 : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}

// -----

// CHECK-LABEL: func @split(
// CHECK: tensor.extract_slice %{{.*}}[0] [3] [1]
// CHECK: tensor.extract_slice %{{.*}}[3] [3] [1]
// CHECK: tensor.extract_slice %{{.*}}[6] [1] [1]
func.func @split(%x: tensor<7xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<1xf32>) {
  %none = onnx.None : none
  %0:3 = onnx.Split %x, %none {num_outputs = 3 : si64} : (tensor<7xf32>, none) -> (tensor<3xf32>, tensor<3xf32>, tensor<1xf32>)
  return %0#0, %0#1, %0#2 : tensor<3xf32>, tensor<3xf32>, tensor<1xf32>
}

// -----

// CHECK-LABEL: func @pad_and_crop(
// CHECK: tensor.extract_slice %{{.*}}[1, 0] [3, 5] [1, 1]
// CHECK: tensor.pad %{{.*}} low[0, 2] high[0, 3]
func.func @pad_and_crop(%x: tensor<4x5xf32>) -> tensor<3x10xf32> {
  %none = onnx.None : none
  %pads = onnx.Constant dense<[-1, 2, 0, 3]> : tensor<4xi64> : tensor<4xi64>
  %0 = onnx.Pad %x, %pads, %none, %none : (tensor<4x5xf32>, tensor<4xi64>, none, none) -> tensor<3x10xf32>
  return %0 : tensor<3x10xf32>
}

// -----

// Pads smaller than the size need no division.
// CHECK-LABEL: func @pad_reflect(
// CHECK-NOT: arith.rem
// CHECK: linalg.generic
func.func @pad_reflect(%x: tensor<4x5xf32>) -> tensor<4x9xf32> {
  %none = onnx.None : none
  %pads = onnx.Constant dense<[0, 2, 0, 2]> : tensor<4xi64> : tensor<4xi64>
  %0 = onnx.Pad %x, %pads, %none, %none {mode = "reflect"} : (tensor<4x5xf32>, tensor<4xi64>, none, none) -> tensor<4x9xf32>
  return %0 : tensor<4x9xf32>
}

// -----

// CHECK-LABEL: func @depth_to_space(
// CHECK: tensor.expand_shape
// CHECK: linalg.transpose
// CHECK: tensor.collapse_shape {{.*}} : tensor<1x2x3x2x3x2xf32> into tensor<1x2x6x6xf32>
func.func @depth_to_space(%x: tensor<1x8x3x3xf32>) -> tensor<1x2x6x6xf32> {
  %0 = onnx.DepthToSpace %x {blocksize = 2 : si64} : (tensor<1x8x3x3xf32>) -> tensor<1x2x6x6xf32>
  return %0 : tensor<1x2x6x6xf32>
}

// -----

// Without steps the parts are in order whatever the axes are.
// CHECK-LABEL: func @slice_axes(
// CHECK: cf.assert %{{.*}}, "an axis is out of range for rank 2"
// CHECK: tensor.extract_slice %{{.*}}[%{{.*}}, %{{.*}}] [%{{.*}}, %{{.*}}] [1, 1]
func.func @slice_axes(%x: tensor<4x5xf32>, %starts: tensor<1xi64>, %ends: tensor<1xi64>, %axes: tensor<1xi64>) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>> attributes {onnx.symbols = ["", ""]} {
  %none = onnx.None : none
  %0 = onnx.Slice %x, %starts, %ends, %axes, %none : (tensor<4x5xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, none) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
  return %0 : tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
}

// -----

// CHECK-LABEL: func @pad_axes(
// CHECK: cf.assert %{{.*}}, "Pad: pads beyond all memory"
// CHECK: tensor.pad
func.func @pad_axes(%x: tensor<4x5xf32>, %pads: tensor<2xi64>, %axes: tensor<1xi64>) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>> attributes {onnx.symbols = ["", ""]} {
  %none = onnx.None : none
  %0 = onnx.Pad %x, %pads, %none, %axes : (tensor<4x5xf32>, tensor<2xi64>, none, tensor<1xi64>) -> tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
  return %0 : tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
}

// -----

func.func @concat_sizes(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) -> tensor<4x3xf32> {
  // expected-error @+1 {{input 1 has size 4 in dimension 1, others have 3}}
  %0 = onnx.Concat %x, %y {axis = 0 : si64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

func.func @split_sum(%x: tensor<7xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %sizes = onnx.Constant dense<3> : tensor<2xi64> : tensor<2xi64>
  // expected-error @+1 {{the parts sum up to 6, not 7}}
  %0:2 = onnx.Split %x, %sizes : (tensor<7xf32>, tensor<2xi64>) -> (tensor<3xf32>, tensor<3xf32>)
  return %0#0, %0#1 : tensor<3xf32>, tensor<3xf32>
}

// -----

func.func @bad_permutation(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  // expected-error @+1 {{perm is not a permutation of 2 dimensions}}
  %0 = onnx.Transpose %x {perm = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

// Nothing of a symbolic size is too small for these: the first is empty, the second at most an element from the end, the
// third clamped by the run.
// CHECK-LABEL: func @slice_any_size(
// CHECK-NOT: cf.assert
// CHECK: arith.minsi
// CHECK: return
#n = affine_map<()[s0] -> (s0)>
#half = affine_map<()[s0] -> ((s0 - 1) ceildiv 2)>
#clamped = affine_map<()[s0, s1] -> (s1)>
func.func @slice_any_size(%x: tensor<?xf32, #n>) -> (tensor<0xf32>, tensor<?xf32, #half>, tensor<?xf32, #clamped>) attributes {onnx.symbols = ["n", ""]} {
  %none = onnx.None : none
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64> : tensor<1xi64>
  %back = onnx.Constant dense<-3> : tensor<1xi64> : tensor<1xi64>
  %far = onnx.Constant dense<9223372036854775807> : tensor<1xi64> : tensor<1xi64>
  %0 = onnx.Slice %x, %two, %one, %none, %none : (tensor<?xf32, #n>, tensor<1xi64>, tensor<1xi64>, none, none) -> tensor<0xf32>
  %1 = onnx.Slice %x, %one, %far, %none, %two : (tensor<?xf32, #n>, tensor<1xi64>, tensor<1xi64>, none, tensor<1xi64>) -> tensor<?xf32, #half>
  %2 = onnx.Slice %x, %back, %two, %none, %none : (tensor<?xf32, #n>, tensor<1xi64>, tensor<1xi64>, none, none) -> tensor<?xf32, #clamped>
  return %0, %1, %2 : tensor<0xf32>, tensor<?xf32, #half>, tensor<?xf32, #clamped>
}

// -----

// What is left of a symbolic size is never negative, and the same for both: nothing broadcasts.
// CHECK-LABEL: func @slice_clamped(
// CHECK: %[[LESS:.*]] = arith.addi %{{.*}}, %c-1
// CHECK: %[[SIZE:.*]] = arith.maxsi %[[LESS]], %c0
// CHECK: tensor.extract_slice %arg0[1] [%[[SIZE]]] [1]
// CHECK-NOT: cf.assert
// CHECK: return
#n = affine_map<()[s0] -> (s0)>
#less = affine_map<()[s0, s1] -> (s1)>
func.func @slice_clamped(%x: tensor<?xf32, #n>) -> tensor<?xf32, #less>
    attributes {onnx.symbols = ["n", ""], onnx.clamped = {s1 = affine_map<()[s0] -> (s0 - 1)>}} {
  %none = onnx.None : none
  %zero = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %back = onnx.Constant dense<-1> : tensor<1xi64> : tensor<1xi64>
  %far = onnx.Constant dense<9223372036854775807> : tensor<1xi64> : tensor<1xi64>
  %0 = onnx.Slice %x, %one, %far, %none, %none : (tensor<?xf32, #n>, tensor<1xi64>, tensor<1xi64>, none, none) -> tensor<?xf32, #less>
  %1 = onnx.Slice %x, %zero, %back, %none, %none : (tensor<?xf32, #n>, tensor<1xi64>, tensor<1xi64>, none, none) -> tensor<?xf32, #less>
  %2 = onnx.Sub %0, %1 : (tensor<?xf32, #less>, tensor<?xf32, #less>) -> tensor<?xf32, #less>
  return %2 : tensor<?xf32, #less>
}

// -----

// The same elements lie at the same places of n of them and of min(n, 4), if they fit together at all.
// CHECK-LABEL: func @slice_meets_whole(
// CHECK: cf.assert %{{.*}}, "the operands' sizes do not broadcast"
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<?xf32>, tensor<?xf32>)
// CHECK-NOT: tensor.extract
// CHECK: return
#whole = affine_map<()[s0] -> (s0)>
func.func @slice_meets_whole(%x: tensor<?xf32, #whole>) -> tensor<?xf32, #whole> attributes {onnx.symbols = ["n"]} {
  %none = onnx.None : none
  %zero = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  %four = onnx.Constant dense<4> : tensor<1xi64> : tensor<1xi64>
  %0 = onnx.Slice %x, %zero, %four, %none, %none : (tensor<?xf32, #whole>, tensor<1xi64>, tensor<1xi64>, none, none) -> tensor<?xf32, #whole>
  %1 = onnx.Add %x, %0 : (tensor<?xf32, #whole>, tensor<?xf32, #whole>) -> tensor<?xf32, #whole>
  return %1 : tensor<?xf32, #whole>
}
