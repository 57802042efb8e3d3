// RUN: onnxc-opt %s --fuse-elementwise --split-input-file | FileCheck %s

// Bias, activation and residual become one operation behind the product, in its shape: the reshapes move below.
// CHECK-LABEL: func.func @epilogue
// CHECK: %[[P:.*]] = linalg.matmul
// CHECK: %[[G:.*]] = linalg.generic {{.*}} ins(%[[P]], %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8xf32>, tensor<?x8xf32>)
// CHECK-NOT: linalg.generic
// CHECK: linalg.matmul ins(%[[G]]
func.func @epilogue(%x: tensor<?x4xf32>, %r: tensor<2x?x8xf32>, %w: tensor<4x8xf32>, %bias: tensor<8xf32>, %m: index,
                    %s: index, %v: tensor<8x4xf32>) -> tensor<?x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%m) : tensor<?x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  %p = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x8xf32>) outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  %p3 = tensor.expand_shape %p [[0, 1], [2]] output_shape [2, %s, 8] : tensor<?x8xf32> into tensor<2x?x8xf32>
  %e3 = tensor.empty(%s) : tensor<2x?x8xf32>
  %b = linalg.generic {indexing_maps = [affine_map<(b, s, n) -> (b, s, n)>, affine_map<(b, s, n) -> (n)>, affine_map<(b, s, n) -> (b, s, n)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%p3, %bias : tensor<2x?x8xf32>, tensor<8xf32>) outs(%e3 : tensor<2x?x8xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %t = arith.addf %i, %j : f32
    linalg.yield %t : f32
  } -> tensor<2x?x8xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e3 : tensor<2x?x8xf32>) -> tensor<2x?x8xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(b, s, n) -> (b, s, n)>, affine_map<(b, s, n) -> (b, s, n)>, affine_map<(b, s, n) -> (b, s, n)>, affine_map<(b, s, n) -> (b, s, n)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%b, %r, %zeros : tensor<2x?x8xf32>, tensor<2x?x8xf32>, tensor<2x?x8xf32>) outs(%e3 : tensor<2x?x8xf32>) {
  ^bb0(%i: f32, %j: f32, %k: f32, %o: f32):
    %t = arith.addf %i, %j : f32
    %u = arith.maximumf %t, %k : f32
    linalg.yield %u : f32
  } -> tensor<2x?x8xf32>
  %c2 = tensor.collapse_shape %c [[0, 1], [2]] : tensor<2x?x8xf32> into tensor<?x8xf32>
  %e4 = tensor.empty(%m) : tensor<?x4xf32>
  %f4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %q = linalg.matmul ins(%c2, %v : tensor<?x8xf32>, tensor<8x4xf32>) outs(%f4 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %q : tensor<?x4xf32>
}

// -----

#id = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (m)>

// x - mean is computed by both of its readers, exp(x - max) only once; the row's root stays with the row.
// CHECK-LABEL: func.func @rows
// CHECK: linalg.generic {{.*}} ins(%arg0, %arg1
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.subf
// CHECK-NEXT: math.exp
// CHECK: linalg.generic {{.*}} ["parallel", "reduction"]
// CHECK: linalg.generic {{.*}} ["parallel"]
// CHECK: math.sqrt
// CHECK: linalg.generic {{.*}} ["parallel", "parallel"]
// CHECK-NOT: math.sqrt
func.func @rows(%x: tensor<4x8xf32>, %mean: tensor<4xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %r = tensor.empty() : tensor<4xf32>
  %d = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %mean : tensor<4x8xf32>, tensor<4xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %t = arith.subf %i, %j : f32
    linalg.yield %t : f32
  } -> tensor<4x8xf32>
  %p = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%d : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%i: f32, %o: f32):
    %t = math.exp %i : f32
    linalg.yield %t : f32
  } -> tensor<4x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%r : tensor<4xf32>) -> tensor<4xf32>
  %s = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%p : tensor<4x8xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%i: f32, %o: f32):
    %t = arith.addf %i, %o : f32
    linalg.yield %t : f32
  } -> tensor<4xf32>
  %s2 = tensor.expand_shape %s [[0, 1]] output_shape [4, 1] : tensor<4xf32> into tensor<4x1xf32>
  %r2 = tensor.empty() : tensor<4x1xf32>
  %root = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%s2 : tensor<4x1xf32>) outs(%r2 : tensor<4x1xf32>) {
  ^bb0(%i: f32, %o: f32):
    %t = math.sqrt %i : f32
    linalg.yield %t : f32
  } -> tensor<4x1xf32>
  %n = linalg.generic {indexing_maps = [#id, affine_map<(m, n) -> (m, 0)>, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%p, %root, %d : tensor<4x8xf32>, tensor<4x1xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%i: f32, %j: f32, %k: f32, %o: f32):
    %t = arith.mulf %i, %j : f32
    %u = arith.addf %t, %k : f32
    linalg.yield %u : f32
  } -> tensor<4x8xf32>
  return %n : tensor<4x8xf32>
}

// -----

#id = affine_map<(i) -> (i)>

// In one loop nothing is rounded before its end, but by a Cast.
// CHECK-LABEL: func.func @wide
// CHECK: linalg.generic
// CHECK: %[[SUM:.*]] = arith.addf
// CHECK-NEXT: %[[PRODUCT:.*]] = arith.mulf %[[SUM]]
// CHECK-NEXT: %[[ROUNDED:.*]] = arith.truncf %[[PRODUCT]]
// CHECK-NEXT: linalg.yield %[[ROUNDED]]
func.func @wide(%x: tensor<8xf16>) -> tensor<8xf16> {
  %e = tensor.empty() : tensor<8xf16>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf16>) outs(%e : tensor<8xf16>) {
  ^bb0(%a: f16, %out: f16):
    %w = arith.extf %a : f16 to f32
    %s = arith.addf %w, %w : f32
    %r = arith.truncf %s : f32 to f16
    linalg.yield %r : f16
  } -> tensor<8xf16>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%0 : tensor<8xf16>) outs(%e : tensor<8xf16>) {
  ^bb0(%a: f16, %out: f16):
    %w = arith.extf %a : f16 to f32
    %p = arith.mulf %w, %w : f32
    %r = arith.truncf %p : f32 to f16
    linalg.yield %r : f16
  } -> tensor<8xf16>
  return %1 : tensor<8xf16>
}

// -----

#id = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func @cast
// CHECK: arith.truncf
// CHECK: arith.extf
func.func @cast(%x: tensor<8xf32>) -> tensor<8xf32> {
  %h = tensor.empty() : tensor<8xf16>
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%h : tensor<8xf16>) {
  ^bb0(%a: f32, %out: f16):
    %r = arith.truncf %a : f32 to f16
    linalg.yield %r : f16
  } -> tensor<8xf16>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%0 : tensor<8xf16>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f16, %out: f32):
    %w = arith.extf %a : f16 to f32
    linalg.yield %w : f32
  } -> tensor<8xf32>
  return %1 : tensor<8xf32>
}
