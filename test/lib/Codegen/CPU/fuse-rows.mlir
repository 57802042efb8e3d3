// RUN: onnxc-opt %s --fuse-rows --cse --split-input-file | FileCheck %s

#id = affine_map<(h, m, n) -> (h, m, n)>
#row = affine_map<(h, m, n) -> (h, m)>

// Softmax: one loop over blocks of rows; what exp writes lies where the result will be.
// CHECK-LABEL: func.func @softmax
// CHECK: scf.forall {{.*}} in (12, 13) shared_outs(%[[OUT:.*]] = %{{.*}}) -> (tensor<12x197x?xf32>)
// CHECK: %[[SLICE:.*]] = tensor.extract_slice %[[OUT]]
// CHECK: %[[EXP:.*]] = linalg.generic {{.*}} outs(%[[SLICE]] : tensor<1x?x?xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[EXP]], {{.*}} outs(%[[EXP]] : tensor<1x?x?xf32>)
// CHECK: tensor.parallel_insert_slice
func.func @softmax(%x: tensor<12x197x?xf32>, %n: index) -> tensor<12x197x?xf32> {
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<12x197x?xf32>
  %r = tensor.empty() : tensor<12x197xf32>
  %m0 = linalg.fill ins(%low : f32) outs(%r : tensor<12x197xf32>) -> tensor<12x197xf32>
  %m = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<12x197x?xf32>) outs(%m0 : tensor<12x197xf32>) {
  ^bb0(%i: f32, %o: f32):
    %t = arith.maximumf %i, %o : f32
    linalg.yield %t : f32
  } -> tensor<12x197xf32>
  %p = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %m : tensor<12x197x?xf32>, tensor<12x197xf32>) outs(%e : tensor<12x197x?xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %t = arith.subf %i, %j : f32
    %u = math.exp %t : f32
    linalg.yield %u : f32
  } -> tensor<12x197x?xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%r : tensor<12x197xf32>) -> tensor<12x197xf32>
  %s = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%p : tensor<12x197x?xf32>) outs(%s0 : tensor<12x197xf32>) {
  ^bb0(%i: f32, %o: f32):
    %t = arith.addf %i, %o : f32
    linalg.yield %t : f32
  } -> tensor<12x197xf32>
  %d = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%p, %s : tensor<12x197x?xf32>, tensor<12x197xf32>) outs(%e : tensor<12x197x?xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %t = arith.divf %i, %j : f32
    linalg.yield %t : f32
  } -> tensor<12x197x?xf32>
  return %d : tensor<12x197x?xf32>
}

// -----

// The rows lie side by side: blocks of 64 of them, all channels; the sum that precedes is computed within, too.
// CHECK-LABEL: func.func @channels
// CHECK: scf.forall {{.*}} in (2, %{{.*}}) shared_outs({{.*}}) -> (tensor<2x16x?xf32>, tensor<2x16x?xf32>)
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<1x16x?xf32>)
// CHECK: tensor.empty() : tensor<1x256xf32>
// CHECK: linalg.generic {{.*}} ["parallel", "parallel", "reduction"]
// CHECK: tensor.parallel_insert_slice {{.*}} [1, 16, %{{.*}}]
func.func @channels(%x: tensor<2x16x?xf32>, %y: tensor<2x16x?xf32>, %n: index) -> (tensor<2x16x?xf32>, tensor<2x16x?xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<2x16x?xf32>
  %r = tensor.empty(%n) : tensor<2x?xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(b, c, n) -> (b, c, n)>, affine_map<(b, c, n) -> (b, c, n)>, affine_map<(b, c, n) -> (b, c, n)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %y : tensor<2x16x?xf32>, tensor<2x16x?xf32>) outs(%e : tensor<2x16x?xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %t = arith.addf %i, %j : f32
    linalg.yield %t : f32
  } -> tensor<2x16x?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%r : tensor<2x?xf32>) -> tensor<2x?xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(b, n, c) -> (b, c, n)>, affine_map<(b, n, c) -> (b, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a : tensor<2x16x?xf32>) outs(%f : tensor<2x?xf32>) {
  ^bb0(%i: f32, %o: f32):
    %q = arith.mulf %i, %i : f32
    %t = arith.addf %q, %o : f32
    linalg.yield %t : f32
  } -> tensor<2x?xf32>
  %d = linalg.generic {indexing_maps = [affine_map<(b, c, n) -> (b, c, n)>, affine_map<(b, c, n) -> (b, n)>, affine_map<(b, c, n) -> (b, c, n)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a, %s : tensor<2x16x?xf32>, tensor<2x?xf32>) outs(%e : tensor<2x16x?xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %q = math.rsqrt %j : f32
    %t = arith.mulf %i, %q : f32
    linalg.yield %t : f32
  } -> tensor<2x16x?xf32>
  return %a, %d : tensor<2x16x?xf32>, tensor<2x16x?xf32>
}
