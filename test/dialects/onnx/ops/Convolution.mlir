// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @conv(
// CHECK: %[[PADDED:.*]] = tensor.pad {{.*}} low[0, 0, 1, 1] high[0, 0, 1, 1]
// CHECK: linalg.conv_2d_nchw_fchw {dilations = dense<1> {{.*}}, strides = dense<2> {{.*}}} ins(%[[PADDED]], {{.*}} outs({{.*}} : tensor<?x8x?x16xf32>)
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<?x8x?x16xf32>)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.addf
func.func @conv(%x: tensor<?x3x?x32xf32, affine_map<()[s0, s1] -> (s0, 3, s1, 32)>>, %w: tensor<8x3x3x3xf32>,
                %b: tensor<8xf32>) -> tensor<?x8x?x16xf32, affine_map<()[s0, s1] -> (s0, 8, (s1 - 1) floordiv 2 + 1, 16)>> {
  %0 = onnx.Conv %x, %w, %b {pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<?x3x?x32xf32, affine_map<()[s0, s1] -> (s0, 3, s1, 32)>>, tensor<8x3x3x3xf32>, tensor<8xf32>) -> tensor<?x8x?x16xf32, affine_map<()[s0, s1] -> (s0, 8, (s1 - 1) floordiv 2 + 1, 16)>>
  return %0 : tensor<?x8x?x16xf32, affine_map<()[s0, s1] -> (s0, 8, (s1 - 1) floordiv 2 + 1, 16)>>
}

// -----

// CHECK-LABEL: func @depthwise(
// CHECK: linalg.depthwise_conv_2d_nchw_chw {{.*}} ins({{.*}} : tensor<1x8x10x10xf32>, tensor<8x3x3xf32>) outs({{.*}} : tensor<1x8x8x8xf32>)
// CHECK: arith.truncf
func.func @depthwise(%x: tensor<1x8x10x10xf16>, %w: tensor<8x1x3x3xf16>) -> tensor<1x8x8x8xf16> {
  %n = onnx.None : none
  %0 = onnx.Conv %x, %w, %n {group = 8 : si64} : (tensor<1x8x10x10xf16>, tensor<8x1x3x3xf16>, none) -> tensor<1x8x8x8xf16>
  return %0 : tensor<1x8x8x8xf16>
}

// -----

// One dimension is two with height 1; SAME padding of a symbolic size is computed at run time.
// CHECK-LABEL: func @same(
// CHECK: arith.maxsi
// CHECK: linalg.conv_2d_ngchw_gfchw {{.*}} ins({{.*}} : tensor<1x2x1x1x?xf32>, tensor<2x4x1x1x3xf32>)
func.func @same(%x: tensor<1x2x?xf32, affine_map<()[s0] -> (1, 2, s0)>>, %w: tensor<8x1x3xf32>) -> tensor<1x8x?xf32, affine_map<()[s0] -> (1, 8, s0 ceildiv 2)>> {
  %n = onnx.None : none
  %0 = onnx.Conv %x, %w, %n {auto_pad = "SAME_UPPER", group = 2 : si64, strides = array<i64: 2>} : (tensor<1x2x?xf32, affine_map<()[s0] -> (1, 2, s0)>>, tensor<8x1x3xf32>, none) -> tensor<1x8x?xf32, affine_map<()[s0] -> (1, 8, s0 ceildiv 2)>>
  return %0 : tensor<1x8x?xf32, affine_map<()[s0] -> (1, 8, s0 ceildiv 2)>>
}

// -----

// Without overlap a transposed convolution is a matrix product that writes 2x2 pixels at a time, channels last.
// CHECK: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, d1 + d6, d3 + d7, d8)>
// CHECK-LABEL: func @upsample(
// CHECK: %[[W:.*]] = arith.constant {{.*}} : tensor<2x2x1x1x4x6xf32>
// CHECK: linalg.generic {indexing_maps = [#[[X]], {{.*}}} ins({{.*}}, %[[W]] : {{.*}}) outs({{.*}} : tensor<1x8x2x8x2x6xf32>)
// CHECK: tensor.collapse_shape {{.*}} into tensor<1x16x16x6xf32>
// CHECK: return {{.*}} : tensor<1x6x16x16xf32>
func.func @upsample(%x: tensor<1x4x8x8xf32>) -> tensor<1x6x16x16xf32> {
  %w = onnx.Constant dense<1.0> : tensor<4x6x2x2xf32> : tensor<4x6x2x2xf32>
  %n = onnx.None : none
  %0 = onnx.ConvTranspose %x, %w, %n {strides = array<i64: 2, 2>} : (tensor<1x4x8x8xf32>, tensor<4x6x2x2xf32>, none) -> tensor<1x6x16x16xf32>
  return %0 : tensor<1x6x16x16xf32>
}

// -----

// With overlap, each of the four phases of stride 2 is a 2x2 convolution. The second phase begins one input later, so that
// the odd padding leaves nothing to crop.
// CHECK: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, d1 + d2 + d6, d3 + d4 + d7, d8)>
// CHECK-LABEL: func @overlap(
// CHECK: tensor.pad {{.*}} low[0, 0, 1, 1] high[0, 0, 1, 1]
// CHECK: linalg.generic {indexing_maps = [#[[X]], {{.*}}} ins({{.*}} : tensor<1x?x10x4xf32>, tensor<2x2x2x2x4x6xf32>)
// CHECK-NOT: tensor.extract_slice
func.func @overlap(%x: tensor<1x4x?x8xf32, affine_map<()[s0] -> (1, 4, s0, 8)>>) -> tensor<1x6x?x16xf32, affine_map<()[s0] -> (1, 6, s0 * 2, 16)>> {
  %w = onnx.Constant dense<1.0> : tensor<4x6x4x4xf32> : tensor<4x6x4x4xf32>
  %n = onnx.None : none
  %0 = onnx.ConvTranspose %x, %w, %n {pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x4x?x8xf32, affine_map<()[s0] -> (1, 4, s0, 8)>>, tensor<4x6x4x4xf32>, none) -> tensor<1x6x?x16xf32, affine_map<()[s0] -> (1, 6, s0 * 2, 16)>>
  return %0 : tensor<1x6x?x16xf32, affine_map<()[s0] -> (1, 6, s0 * 2, 16)>>
}

// -----

// Where the phases can't be shifted in step, the first outputs are computed and left out.
// CHECK-LABEL: func @crop(
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<1x9x4x5xf32>)
// CHECK: tensor.extract_slice {{.*}}[0, 0, 1] [1, 5, 34] [1, 1, 1]
func.func @crop(%x: tensor<1x4x8xf32>) -> tensor<1x5x34xf32> {
  %w = onnx.Constant dense<1.0> : tensor<4x5x8xf32> : tensor<4x5x8xf32>
  %n = onnx.None : none
  %0 = onnx.ConvTranspose %x, %w, %n {pads = array<i64: 1, 1>, strides = array<i64: 4>} : (tensor<1x4x8xf32>, tensor<4x5x8xf32>, none) -> tensor<1x5x34xf32>
  return %0 : tensor<1x5x34xf32>
}

// -----

func.func @channels(%x: tensor<1x4x8x8xf32>, %w: tensor<8x3x3x3xf32>) -> tensor<1x8x6x6xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{X has 4 channels, the weights are for 3}}
  %0 = onnx.Conv %x, %w, %n : (tensor<1x4x8x8xf32>, tensor<8x3x3x3xf32>, none) -> tensor<1x8x6x6xf32>
  return %0 : tensor<1x8x6x6xf32>
}

// -----

func.func @tooSmall(%x: tensor<1x3x2x8xf32>, %w: tensor<8x3x5x3xf32>) -> tensor<1x8x1x6xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{the window covers 5 elements, but spatial axis 0 has only 4 with its padding}}
  %0 = onnx.Conv %x, %w, %n {pads = array<i64: 1, 0, 1, 0>} : (tensor<1x3x2x8xf32>, tensor<8x3x5x3xf32>, none) -> tensor<1x8x1x6xf32>
  return %0 : tensor<1x8x1x6xf32>
}

// -----

func.func @outputPadding(%x: tensor<1x4x8x8xf32>, %w: tensor<4x6x2x2xf32>) -> tensor<1x6x16x16xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{output_padding 2 is not less than the stride or the dilation in spatial axis 1}}
  %0 = onnx.ConvTranspose %x, %w, %n {strides = array<i64: 2, 2>, output_padding = array<i64: 1, 2>} : (tensor<1x4x8x8xf32>, tensor<4x6x2x2xf32>, none) -> tensor<1x6x16x16xf32>
  return %0 : tensor<1x6x16x16xf32>
}

// -----

// Integers minus their zero points, summed in 32 bits; the border stands for zero.
// CHECK-LABEL: func @integers(
// CHECK: arith.subi {{.*}} : i32
// CHECK: tensor.pad
// CHECK: linalg.conv_2d_nchw_fchw {{.*}} : tensor<1x4x10x10xi32>, tensor<6x4x3x3xi32>) outs({{.*}} : tensor<1x6x8x8xi32>)
func.func @integers(%x: tensor<1x4x8x8xui8>, %w: tensor<6x4x3x3xi8>, %zx: tensor<ui8>, %zw: tensor<6xi8>) -> tensor<1x6x8x8xi32> {
  %0 = onnx.ConvInteger %x, %w, %zx, %zw {pads = array<i64: 1, 1, 1, 1>} : (tensor<1x4x8x8xui8>, tensor<6x4x3x3xi8>, tensor<ui8>, tensor<6xi8>) -> tensor<1x6x8x8xi32>
  return %0 : tensor<1x6x8x8xi32>
}

// -----

// Bytes with constant weights stay bytes, the border is the zero point; the weights of a channel may have 9 bits.
// CHECK-LABEL: func @depthwiseIntegers(
// CHECK-DAG: arith.constant dense<-197> : tensor<4x3x3xi16>
// CHECK-DAG: arith.constant dense<-1773> : tensor<4xi32>
// CHECK: tensor.pad
// CHECK: linalg.depthwise_conv_2d_nchw_chw {{.*}} : tensor<1x4x10x10xi8>, tensor<4x3x3xi16>) outs({{.*}} : tensor<1x4x8x8xi32>)
// CHECK: arith.subi
func.func @depthwiseIntegers(%x: tensor<1x4x8x8xui8>, %zx: tensor<ui8>) -> tensor<1x4x8x8xi32> {
  %w = onnx.Constant dense<3> : tensor<4x1x3x3xui8> : tensor<4x1x3x3xui8>
  %zw = onnx.Constant dense<200> : tensor<ui8> : tensor<ui8>
  %0 = onnx.ConvInteger %x, %w, %zx, %zw {group = 4 : si64, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x4x8x8xui8>, tensor<4x1x3x3xui8>, tensor<ui8>, tensor<ui8>) -> tensor<1x4x8x8xi32>
  return %0 : tensor<1x4x8x8xi32>
}

// -----

// A zero point that is known is multiplied now: 128 - 7, by 9 weights of 3, less.
// CHECK-LABEL: func @knownZero(
// CHECK: arith.constant dense<3267> : tensor<4xi32>
// CHECK: linalg.depthwise_conv_2d_nchw_chw {{.*}} : tensor<1x4x10x10xi8>, tensor<4x3x3xi8>)
// CHECK: arith.addi
// CHECK-NOT: arith.muli
func.func @knownZero(%x: tensor<1x4x8x8xui8>) -> tensor<1x4x8x8xi32> {
  %none = onnx.None : none
  %w = onnx.Constant dense<3> : tensor<4x1x3x3xi8> : tensor<4x1x3x3xi8>
  %zx = onnx.Constant dense<7> : tensor<ui8> : tensor<ui8>
  %0 = onnx.ConvInteger %x, %w, %zx, %none {group = 4 : si64, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x4x8x8xui8>, tensor<4x1x3x3xi8>, tensor<ui8>, none) -> tensor<1x4x8x8xi32>
  return %0 : tensor<1x4x8x8xi32>
}

// -----

func.func @zeroPoints(%x: tensor<1x4x8x8xui8>, %w: tensor<6x4x3x3xi8>, %zx: tensor<2xui8>) -> tensor<1x6x6x6xi32> {
  %n = onnx.None : none
  // expected-error @+1 {{the zero point of X must be a scalar}}
  %0 = onnx.ConvInteger %x, %w, %zx, %n : (tensor<1x4x8x8xui8>, tensor<6x4x3x3xi8>, tensor<2xui8>, none) -> tensor<1x6x6x6xi32>
  return %0 : tensor<1x6x6x6xi32>
}

// -----

// The state stands in front of the input; the next one is the end of both.
// CHECK-LABEL: func @causal(
// CHECK: tensor.insert_slice %arg2 into {{.*}}[0, 0, 0] [2, 4, 3]
// CHECK: %[[WHOLE:.*]] = tensor.insert_slice %arg0 into {{.*}}[0, 0, 3]
// CHECK: linalg.depthwise_conv_2d_nchw_chw
// CHECK: math.exp
// CHECK: tensor.extract_slice %[[WHOLE]]{{.*}} : tensor<2x4x?xf32> to tensor<2x4x3xf32>
func.func @causal(%x: tensor<2x4x?xf32, affine_map<()[s0] -> (2, 4, s0)>>, %w: tensor<4x1x4xf32>, %past: tensor<2x4x3xf32>) -> (tensor<2x4x?xf32, affine_map<()[s0] -> (2, 4, s0)>>, tensor<2x4x3xf32>) {
  %n = onnx.None : none
  %0, %1 = onnx.CausalConvWithState %x, %w, %n, %past {activation = "silu"} : (tensor<2x4x?xf32, affine_map<()[s0] -> (2, 4, s0)>>, tensor<4x1x4xf32>, none, tensor<2x4x3xf32>) -> (tensor<2x4x?xf32, affine_map<()[s0] -> (2, 4, s0)>>, tensor<2x4x3xf32>)
  return %0, %1 : tensor<2x4x?xf32, affine_map<()[s0] -> (2, 4, s0)>>, tensor<2x4x3xf32>
}

// -----

func.func @past(%x: tensor<2x4x8xf32>, %w: tensor<4x1x4xf32>, %past: tensor<2x4x4xf32>) -> tensor<2x4x8xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{past_state must have shape [2, 4, 3], not [2, 4, 4]}}
  %0, %1 = onnx.CausalConvWithState %x, %w, %n, %past : (tensor<2x4x8xf32>, tensor<4x1x4xf32>, none, tensor<2x4x4xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x3xf32>)
  return %0 : tensor<2x4x8xf32>
}
