// RUN: onnxc-opt %s --layout-nhwc --split-input-file | FileCheck %s

// Between two convolutions, through bias and padding, nothing is transposed; the edges are, and weights are folded.
// CHECK-LABEL: func.func @convs
// CHECK-NOT: linalg.transpose
// CHECK: %[[X:.*]] = linalg.transpose ins(%arg0 : tensor<1x3x8x6xf32>) outs({{.*}} : tensor<1x8x6x3xf32>) permutation = [0, 2, 3, 1]
// CHECK: linalg.conv_2d_nhwc_hwcf {{.*}} ins({{.*}}, {{.*}} : tensor<1x10x8x3xf32>, tensor<3x3x3x4xf32>)
// CHECK-NOT: linalg.transpose
// CHECK: linalg.conv_2d_nhwc_hwcf {{.*}} ins({{.*}}, {{.*}} : tensor<1x10x8x4xf32>, tensor<3x3x4x4xf32>)
// CHECK: linalg.transpose ins({{.*}}) outs({{.*}} : tensor<1x4x8x6xf32>) permutation = [0, 3, 1, 2]
func.func @convs(%x: tensor<1x3x8x6xf32>) -> tensor<1x4x8x6xf32> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense_resource<w> : tensor<4x3x3x3xf32>
  %v = arith.constant dense<1.0> : tensor<4x4x3x3xf32>
  %bias = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x3x8x6xf32> to tensor<1x3x10x8xf32>
  %e = tensor.empty() : tensor<1x4x8x6xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x4x8x6xf32>) -> tensor<1x4x8x6xf32>
  %c = linalg.conv_2d_nchw_fchw {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%p, %w : tensor<1x3x10x8xf32>, tensor<4x3x3x3xf32>) outs(%f : tensor<1x4x8x6xf32>) -> tensor<1x4x8x6xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>,
                                        affine_map<(n, c, h, w) -> (n, c, h, w)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c, %bias : tensor<1x4x8x6xf32>, tensor<4xf32>) outs(%e : tensor<1x4x8x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<1x4x8x6xf32>
  %q = tensor.pad %r low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x4x8x6xf32> to tensor<1x4x10x8xf32>
  %d = linalg.conv_2d_nchw_fchw {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%q, %v : tensor<1x4x10x8xf32>, tensor<4x4x3x3xf32>) outs(%f : tensor<1x4x8x6xf32>) -> tensor<1x4x8x6xf32>
  return %d : tensor<1x4x8x6xf32>
}
{-#
  dialect_resources: { builtin: { w: "0x04000000000000000000803f0000004000004040000080400000a0400000c0400000e0400000004100001041000020410000304100004041000050410000604100007041000080410000884100009041000098410000a0410000a8410000b0410000b8410000c0410000c8410000d0410000d8410000e0410000e8410000f0410000f841000000420000044200000842000010420000144200001842000020420000244200002842000030420000344200003842000040420000444200004842000050420000544200005842000060420000644200006842000070420000744200007842000080420000824200008442000088420000894200008a4200008c4200008e42000090420000924200009442000096420000984200009a4200009c4200009e420000a0420000a2420000a4420000a6420000a8420000aa420000ac420000ae420000b0420000b2420000b4420000b6420000b8420000ba420000bc420000be420000c0420000c2420000c4420000c6420000c8420000ca420000cc420000ce420000d0420000d2420000d4420000d6420000d842" } }
#-}

// -----

// Global average pooling keeps channels last; its result is a reshape away from the classifier.
// CHECK-LABEL: func.func @pool
// CHECK: linalg.pooling_nhwc_max
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction", "reduction", "parallel"]
// CHECK-NOT: linalg.transpose
// CHECK: return
func.func @pool(%x: tensor<?x8x8x1xf32>, %n: index) -> tensor<?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %t0 = tensor.empty(%n) : tensor<?x1x8x8xf32>
  %t = linalg.transpose ins(%x : tensor<?x8x8x1xf32>) outs(%t0 : tensor<?x1x8x8xf32>) permutation = [0, 3, 1, 2]
  %w = arith.constant dense<1.0> : tensor<8x1x1x1xf32>
  %ce = tensor.empty(%n) : tensor<?x8x8x8xf32>
  %cf = linalg.fill ins(%zero : f32) outs(%ce : tensor<?x8x8x8xf32>) -> tensor<?x8x8x8xf32>
  %c = linalg.conv_2d_nchw_fchw ins(%t, %w : tensor<?x1x8x8xf32>, tensor<8x1x1x1xf32>) outs(%cf : tensor<?x8x8x8xf32>) -> tensor<?x8x8x8xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %pe = tensor.empty(%n) : tensor<?x8x4x4xf32>
  %pf = linalg.fill ins(%zero : f32) outs(%pe : tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32>
  %p = linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%c, %window : tensor<?x8x8x8xf32>, tensor<2x2xf32>) outs(%pf : tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32>
  %ge = tensor.empty(%n) : tensor<?x8xf32>
  %gf = linalg.fill ins(%zero : f32) outs(%ge : tensor<?x8xf32>) -> tensor<?x8xf32>
  %g = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c)>],
                       iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%p : tensor<?x8x4x4xf32>) outs(%gf : tensor<?x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<?x8xf32>
  %four = tensor.expand_shape %g [[0], [1, 2, 3]] output_shape [%n, 8, 1, 1] : tensor<?x8xf32> into tensor<?x8x1x1xf32>
  %e4 = tensor.empty(%n) : tensor<?x8x1x1xf32>
  %f4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<?x8x1x1xf32>) -> tensor<?x8x1x1xf32>
  %v = arith.constant dense<1.0> : tensor<8x8x1x1xf32>
  %d = linalg.conv_2d_nchw_fchw ins(%four, %v : tensor<?x8x1x1xf32>, tensor<8x8x1x1xf32>) outs(%f4 : tensor<?x8x1x1xf32>) -> tensor<?x8x1x1xf32>
  %flat = tensor.collapse_shape %d [[0], [1, 2, 3]] : tensor<?x8x1x1xf32> into tensor<?x8xf32>
  return %flat : tensor<?x8xf32>
}

// -----

// A channel shuffle between grouped convolutions is one transpose of the split channels.
// CHECK-LABEL: func.func @shuffle
// CHECK: linalg.conv_2d_nhwgc_gfhwc
// CHECK: linalg.transpose {{.*}} permutation = [0, 1, 2, 4, 3]
// CHECK-NOT: linalg.transpose
// CHECK: linalg.depthwise_conv_2d_nhwc_hwc
// CHECK: linalg.transpose {{.*}} permutation = [0, 3, 1, 2]
func.func @shuffle(%x: tensor<1x2x1x4x4xf32>, %w: tensor<2x3x1x1x1xf32>) -> tensor<1x6x4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x2x3x4x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x2x3x4x4xf32>) -> tensor<1x2x3x4x4xf32>
  %c = linalg.conv_2d_ngchw_gfchw ins(%x, %w : tensor<1x2x1x4x4xf32>, tensor<2x3x1x1x1xf32>) outs(%f : tensor<1x2x3x4x4xf32>) -> tensor<1x2x3x4x4xf32>
  %te = tensor.empty() : tensor<1x3x2x4x4xf32>
  %t = linalg.transpose ins(%c : tensor<1x2x3x4x4xf32>) outs(%te : tensor<1x3x2x4x4xf32>) permutation = [0, 2, 1, 3, 4]
  %s = tensor.collapse_shape %t [[0], [1, 2], [3], [4]] : tensor<1x3x2x4x4xf32> into tensor<1x6x4x4xf32>
  %k = arith.constant dense<1.0> : tensor<6x1x1xf32>
  %de = tensor.empty() : tensor<1x6x4x4xf32>
  %df = linalg.fill ins(%zero : f32) outs(%de : tensor<1x6x4x4xf32>) -> tensor<1x6x4x4xf32>
  %d = linalg.depthwise_conv_2d_nchw_chw ins(%s, %k : tensor<1x6x4x4xf32>, tensor<6x1x1xf32>) outs(%df : tensor<1x6x4x4xf32>) -> tensor<1x6x4x4xf32>
  return %d : tensor<1x6x4x4xf32>
}

// -----

// Concatenation, splitting and a resize that reads by index work on channels last.
// CHECK-LABEL: func.func @movement
// CHECK: linalg.depthwise_conv_2d_nhwc_hwc
// CHECK-NOT: linalg.transpose
// CHECK: tensor.extract %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %[[C:.*]]] : tensor<1x4x4x2xf32>
// CHECK: tensor.insert_slice {{.*}}[0, 0, 0, 2] [1, 8, 8, 2]
// CHECK: tensor.extract_slice {{.*}}[0, 0, 0, 1] [1, 8, 8, 2]
// CHECK: linalg.depthwise_conv_2d_nhwc_hwc
func.func @movement(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x8x8xf32> {
  %zero = arith.constant 0.0 : f32
  %two = arith.constant 2 : index
  %k = arith.constant dense<1.0> : tensor<2x1x1xf32>
  %pe = tensor.empty() : tensor<1x2x4x4xf32>
  %pf = linalg.fill ins(%zero : f32) outs(%pe : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = linalg.depthwise_conv_2d_nchw_chw ins(%x, %k : tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) outs(%pf : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %re = tensor.empty() : tensor<1x2x8x8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%re : tensor<1x2x8x8xf32>) {
  ^bb0(%o: f32):
    %n = linalg.index 0 : index
    %c = linalg.index 1 : index
    %h = linalg.index 2 : index
    %w = linalg.index 3 : index
    %y = arith.divui %h, %two : index
    %z = arith.divui %w, %two : index
    %v = tensor.extract %p[%n, %c, %y, %z] : tensor<1x2x4x4xf32>
    linalg.yield %v : f32
  } -> tensor<1x2x8x8xf32>
  %ce = tensor.empty() : tensor<1x4x8x8xf32>
  %c0 = tensor.insert_slice %r into %ce[0, 0, 0, 0] [1, 2, 8, 8] [1, 1, 1, 1] : tensor<1x2x8x8xf32> into tensor<1x4x8x8xf32>
  %c1 = tensor.insert_slice %r into %c0[0, 2, 0, 0] [1, 2, 8, 8] [1, 1, 1, 1] : tensor<1x2x8x8xf32> into tensor<1x4x8x8xf32>
  %s = tensor.extract_slice %c1[0, 1, 0, 0] [1, 2, 8, 8] [1, 1, 1, 1] : tensor<1x4x8x8xf32> to tensor<1x2x8x8xf32>
  %qf = linalg.fill ins(%zero : f32) outs(%re : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %q = linalg.depthwise_conv_2d_nchw_chw ins(%s, %k : tensor<1x2x8x8xf32>, tensor<2x1x1xf32>) outs(%qf : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  return %q : tensor<1x2x8x8xf32>
}

// -----

// A pooling has no layout of its own: alone it stays in that of its operand.
// CHECK-LABEL: func.func @pooling_alone
// CHECK-NOT: linalg.transpose
// CHECK: linalg.pooling_nchw_max
// CHECK-NOT: linalg.transpose
// CHECK: return
func.func @pooling_alone(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %lowest = arith.constant 0xFF800000 : f32
  %window = tensor.empty() : tensor<2x2xf32>
  %e = tensor.empty() : tensor<1x2x2x2xf32>
  %f = linalg.fill ins(%lowest : f32) outs(%e : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %p = linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>} ins(%x, %window : tensor<1x2x4x4xf32>, tensor<2x2xf32>) outs(%f : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  return %p : tensor<1x2x2x2xf32>
}
