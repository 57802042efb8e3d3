// RUN: onnxc-opt %s --select-kernels --split-input-file | FileCheck %s

// A matrix product with constant weights takes in the reshape, the bias and the activation behind it.
// CHECK-LABEL: func.func @dense
// CHECK:       %[[PACKED:.*]] = arith.constant #kernel.packed<{{.*}}> : tensor<3x64x16xf32>
// CHECK:       kernel.contract "mmnk" ins(%{{.*}}, %[[PACKED]] : tensor<?x37x64xf32>, tensor<3x64x16xf32>)
// CHECK-SAME:    extras(%{{.*}} : tensor<40xf32>) epilogue
// CHECK:         arith.addf
// CHECK:         arith.maximumf
// CHECK-NOT:   linalg
func.func @dense(%a: tensor<?x37x64xf32>, %bias: tensor<40xf32>) -> tensor<?x37x40xf32> {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  %w = arith.constant dense<0.5> : tensor<64x40xf32>
  %b = tensor.dim %a, %c0 : tensor<?x37x64xf32>
  %flat = tensor.collapse_shape %a [[0, 1], [2]] : tensor<?x37x64xf32> into tensor<?x64xf32>
  %rows = tensor.dim %flat, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%rows) : tensor<?x40xf32>
  %fill = linalg.fill ins(%z : f32) outs(%e : tensor<?x40xf32>) -> tensor<?x40xf32>
  %m = linalg.matmul ins(%flat, %w : tensor<?x64xf32>, tensor<64x40xf32>) outs(%fill : tensor<?x40xf32>) -> tensor<?x40xf32>
  %x = tensor.expand_shape %m [[0, 1], [2]] output_shape [%b, 37, 40] : tensor<?x40xf32> into tensor<?x37x40xf32>
  %e2 = tensor.empty(%b) : tensor<?x37x40xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (c)>, affine_map<(a, b, c) -> (a, b, c)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %bias : tensor<?x37x40xf32>, tensor<40xf32>) outs(%e2 : tensor<?x37x40xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %1 = arith.addf %p, %q : f32
    %2 = arith.maximumf %1, %z : f32
    linalg.yield %2 : f32
  } -> tensor<?x37x40xf32>
  return %r : tensor<?x37x40xf32>
}

// -----

// Heads of attention: both transposes go into the maps, the right side is packed at run time.
// CHECK-LABEL: func.func @scores
// CHECK-NOT:   linalg.transpose
// CHECK:       %[[PACKED:.*]] = kernel.pack ins(%{{.*}} : tensor<?x?x12x64xf32>) outs(%{{.*}} : tensor<?x12x?x64x16xf32>)
// CHECK:       kernel.contract "bbmnk" ins(%{{.*}}, %[[PACKED]] : tensor<?x?x12x64xf32>, tensor<?x12x?x64x16xf32>)
func.func @scores(%q: tensor<?x?x12x64xf32>, %k: tensor<?x?x12x64xf32>) -> tensor<?x12x?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %z = arith.constant 0.0 : f32
  %b = tensor.dim %q, %c0 : tensor<?x?x12x64xf32>
  %s = tensor.dim %q, %c1 : tensor<?x?x12x64xf32>
  %t = tensor.dim %k, %c1 : tensor<?x?x12x64xf32>
  %eq = tensor.empty(%b, %s) : tensor<?x12x?x64xf32>
  %qt = linalg.transpose ins(%q : tensor<?x?x12x64xf32>) outs(%eq : tensor<?x12x?x64xf32>) permutation = [0, 2, 1, 3]
  %ek = tensor.empty(%b, %t) : tensor<?x12x64x?xf32>
  %kt = linalg.transpose ins(%k : tensor<?x?x12x64xf32>) outs(%ek : tensor<?x12x64x?xf32>) permutation = [0, 2, 3, 1]
  %e = tensor.empty(%b, %s, %t) : tensor<?x12x?x?xf32>
  %fill = linalg.fill ins(%z : f32) outs(%e : tensor<?x12x?x?xf32>) -> tensor<?x12x?x?xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(b, h, m, n, k) -> (b, h, m, k)>, affine_map<(b, h, m, n, k) -> (b, h, k, n)>,
                                        affine_map<(b, h, m, n, k) -> (b, h, m, n)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%qt, %kt : tensor<?x12x?x64xf32>, tensor<?x12x64x?xf32>) outs(%fill : tensor<?x12x?x?xf32>) {
  ^bb0(%p: f32, %w: f32, %o: f32):
    %1 = arith.mulf %p, %w : f32
    %2 = arith.addf %o, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<?x12x?x?xf32>
  return %m : tensor<?x12x?x?xf32>
}

// -----

// The buffer with a zero border exists before the first convolution, which can write into it.
// CHECK-LABEL: func.func @padded
// CHECK:       %[[BORDER:.*]] = kernel.fill_border
// CHECK:       %[[FIRST:.*]] = kernel.contract "mmmnkkk"
// CHECK:       %[[PADDED:.*]] = tensor.insert_slice %[[FIRST]] into %[[BORDER]]
// CHECK:       kernel.contract "mmmnkkk" ins(%[[PADDED]]
func.func @padded(%img: tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32> {
  %z = arith.constant 0.0 : f32
  %w1 = arith.constant dense<0.5> : tensor<1x1x4x4xf32>
  %e1 = tensor.empty() : tensor<1x8x8x4xf32>
  %f1 = linalg.fill ins(%z : f32) outs(%e1 : tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  %conv1 = linalg.conv_2d_nhwc_hwcf ins(%img, %w1 : tensor<1x8x8x4xf32>, tensor<1x1x4x4xf32>) outs(%f1 : tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  %pad = tensor.pad %conv1 low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%i: index, %j: index, %l: index, %m: index):
    tensor.yield %z : f32
  } : tensor<1x8x8x4xf32> to tensor<1x10x10x4xf32>
  %w2 = arith.constant dense<0.5> : tensor<3x3x4x4xf32>
  %e2 = tensor.empty() : tensor<1x8x8x4xf32>
  %f2 = linalg.fill ins(%z : f32) outs(%e2 : tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  %conv2 = linalg.conv_2d_nhwc_hwcf ins(%pad, %w2 : tensor<1x10x10x4xf32>, tensor<3x3x4x4xf32>) outs(%f2 : tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  return %conv2 : tensor<1x8x8x4xf32>
}

// -----

// Enough tiles of a 3x3 convolution: its transform, with what follows taken in, and memory for each task. Where an
// image has few tiles, tasks transform the weights as well. Tiles are of 4 x 4 where that is much less work.
// CHECK-LABEL: func.func @winograd(
// CHECK-NOT:   kernel.winograd_filter
// CHECK:       kernel.winograd 2 ins(%{{.*}}, %{{.*}} : tensor<?x16x15x32xf32>, tensor<3x3x3x32x16xf32>)
// CHECK-SAME:    scratch(%{{.*}} : tensor<{{.*}}xf32>) outs(%{{.*}} : tensor<?x14x13x40xf32>) epilogue {
// CHECK:         arith.maximumf
// CHECK-LABEL: func.func @winograd_big(
// CHECK:       %[[FILTER:.*]] = kernel.winograd_filter ins(%{{.*}} : tensor<3x3x3x32x16xf32>) outs(%{{.*}} : tensor<36x3x32x16xf32>)
// CHECK:       kernel.winograd 4 ins(%{{.*}}, %[[FILTER]] : tensor<1x52x50x32xf32>, tensor<36x3x32x16xf32>)
func.func @winograd(%img: tensor<?x16x15x32xf32>) -> tensor<?x14x13x40xf32> {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  %w = arith.constant dense<0.5> : tensor<3x3x32x40xf32>
  %n = tensor.dim %img, %c0 : tensor<?x16x15x32xf32>
  %e = tensor.empty(%n) : tensor<?x14x13x40xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<?x14x13x40xf32>) -> tensor<?x14x13x40xf32>
  %conv = linalg.conv_2d_nhwc_hwcf ins(%img, %w : tensor<?x16x15x32xf32>, tensor<3x3x32x40xf32>) outs(%f : tensor<?x14x13x40xf32>) -> tensor<?x14x13x40xf32>
  %relu = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
                          iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%conv : tensor<?x14x13x40xf32>) outs(%e : tensor<?x14x13x40xf32>) {
  ^bb0(%v: f32, %o: f32):
    %1 = arith.maximumf %v, %z : f32
    linalg.yield %1 : f32
  } -> tensor<?x14x13x40xf32>
  return %relu : tensor<?x14x13x40xf32>
}
func.func @winograd_big(%img: tensor<1x52x50x32xf32>) -> tensor<1x50x48x40xf32> {
  %z = arith.constant 0.0 : f32
  %w = arith.constant dense<0.5> : tensor<3x3x32x40xf32>
  %e = tensor.empty() : tensor<1x50x48x40xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x50x48x40xf32>) -> tensor<1x50x48x40xf32>
  %conv = linalg.conv_2d_nhwc_hwcf ins(%img, %w : tensor<1x52x50x32xf32>, tensor<3x3x32x40xf32>) outs(%f : tensor<1x50x48x40xf32>) -> tensor<1x50x48x40xf32>
  return %conv : tensor<1x50x48x40xf32>
}

// -----

// Weights of few bits in blocks are packed as they are, with their scales behind them: two words of 4 bits, one scale.
// CHECK-LABEL: func.func @blocks
// CHECK:       %[[PACKED:.*]] = arith.constant #kernel.packed<{{.*}}> : tensor<2x3x3x16xi32>
// CHECK:       kernel.contract "mnkk" ins(%{{.*}}, %[[PACKED]] : tensor<?x3x16xf32>, tensor<2x3x3x16xi32>)
// CHECK-SAME:    bits = 4 : i64
func.func @blocks(%a: tensor<?x3x16xf32>, %init: tensor<?x20xf32>) -> tensor<?x20xf32> {
  %z = arith.constant 0.0 : f32
  %w = arith.constant dense<-7> : tensor<20x3x16xi8>
  %s = arith.constant dense<0.5> : tensor<20x3xf32>
  %fill = linalg.fill ins(%z : f32) outs(%init : tensor<?x20xf32>) -> tensor<?x20xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k, i) -> (m, k, i)>, affine_map<(m, n, k, i) -> (n, k, i)>,
                                        affine_map<(m, n, k, i) -> (n, k)>, affine_map<(m, n, k, i) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%a, %w, %s : tensor<?x3x16xf32>, tensor<20x3x16xi8>, tensor<20x3xf32>) outs(%fill : tensor<?x20xf32>) {
  ^bb0(%x: f32, %number: i8, %scale: f32, %sum: f32):
    %1 = arith.sitofp %number : i8 to f32
    %2 = arith.mulf %1, %scale : f32
    %3 = arith.mulf %x, %2 : f32
    %4 = arith.addf %sum, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<?x20xf32>
  return %r : tensor<?x20xf32>
}

// -----

// A product of bytes with constant ones stays one, and what becomes of its sums joins it: 3 words of 4 bytes, and a sum.
// CHECK-LABEL: func.func @bytes
// CHECK:       %[[PACKED:.*]] = arith.constant #kernel.packed<{{.*}}> : tensor<2x4x16xi32>
// CHECK:       kernel.contract "mnk" ins(%{{.*}}, %[[PACKED]] : tensor<?x10xi8>, tensor<2x4x16xi32>) outs(%{{.*}} : tensor<?x20xf32>)
// CHECK:         arith.sitofp
// CHECK:       sizes = array<i64: 10>, unsigned_lhs
func.func @bytes(%a: tensor<?x10xi8>, %init: tensor<?x20xi32>, %e: tensor<?x20xf32>) -> tensor<?x20xf32> {
  %z = arith.constant 0 : i32
  %w = arith.constant dense<-7> : tensor<10x20xi8>
  %fill = linalg.fill ins(%z : i32) outs(%init : tensor<?x20xi32>) -> tensor<?x20xi32>
  %p = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %w : tensor<?x10xi8>, tensor<10x20xi8>) outs(%fill : tensor<?x20xi32>) {
  ^bb0(%x: i8, %y: i8, %sum: i32):
    %1 = arith.extui %x : i8 to i32
    %2 = arith.extsi %y : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<?x20xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%p : tensor<?x20xi32>) outs(%e : tensor<?x20xf32>) {
  ^bb0(%x: i32, %o: f32):
    %1 = arith.sitofp %x : i32 to f32
    linalg.yield %1 : f32
  } -> tensor<?x20xf32>
  return %r : tensor<?x20xf32>
}

// -----

// A depthwise convolution of bytes, and what becomes of its sums, with a scale for each channel that is made for images.
// CHECK-LABEL: func.func @depthwise_bytes
// CHECK:       %[[SCALE:.*]] = tensor.collapse_shape %{{.*}} {{\[}}[0, 1, 2]] : tensor<20x1x1xf32> into tensor<20xf32>
// CHECK:       kernel.depthwise ins(%{{.*}}, %{{.*}} : tensor<1x8x8x20xi8>, tensor<3x3x20xi16>) outs(%{{.*}} : tensor<1x6x6x20xf32>)
// CHECK-SAME:    extras(%[[SCALE]] : tensor<20xf32>) epilogue
// CHECK:         arith.mulf
// CHECK-NOT:   linalg.generic
func.func @depthwise_bytes(%a: tensor<1x8x8x20xi8>, %scale: tensor<20x1x1xf32>) -> tensor<1x6x6x20xf32> {
  %z = arith.constant 0 : i32
  %w = arith.constant dense<-200> : tensor<3x3x20xi16>
  %i = tensor.empty() : tensor<1x6x6x20xi32>
  %e = tensor.empty() : tensor<1x6x6x20xf32>
  %fill = linalg.fill ins(%z : i32) outs(%i : tensor<1x6x6x20xi32>) -> tensor<1x6x6x20xi32>
  %p = linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>}
      ins(%a, %w : tensor<1x8x8x20xi8>, tensor<3x3x20xi16>) outs(%fill : tensor<1x6x6x20xi32>) -> tensor<1x6x6x20xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(n, h, w, c) -> (n, h, w, c)>, affine_map<(n, h, w, c) -> (c, 0, 0)>,
                                        affine_map<(n, h, w, c) -> (n, h, w, c)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%p, %scale : tensor<1x6x6x20xi32>, tensor<20x1x1xf32>) outs(%e : tensor<1x6x6x20xf32>) {
  ^bb0(%x: i32, %s: f32, %o: f32):
    %1 = arith.sitofp %x : i32 to f32
    %2 = arith.mulf %1, %s : f32
    linalg.yield %2 : f32
  } -> tensor<1x6x6x20xf32>
  return %r : tensor<1x6x6x20xf32>
}
