// RUN: onnxc-opt %s --fuse-rows --canonicalize --cse --fuse-contractions --canonicalize --cse --split-input-file | FileCheck %s

#element = affine_map<(h, i, j) -> (h, i, j)>
#row = affine_map<(h, i, j) -> (h, i)>

// A task has some blocks of 50 rows of a head, a divisor of 150, whose scores are in one buffer.
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[Q:.*]]: tensor<6x150x8xf32>, %[[K:.*]]: tensor<6x10x8x16xf32>
// CHECK: scf.forall (%[[H:.*]], %[[TASK:.*]]) in (6, 3)
// CHECK: scf.for
// CHECK: tensor.empty() : tensor<1x50x150xf32>
// CHECK-DAG: tensor.extract_slice %[[Q]][%[[H]], %{{.*}}, 0] [1, 50, 8]
// CHECK-DAG: tensor.extract_slice %[[K]][%[[H]], 0, 0, 0] [1, 10, 8, 16]
// CHECK: %[[S:.*]] = kernel.contract "bmnk" {{.*}} epilogue
// CHECK: arith.mulf
// CHECK: linalg.generic {{.*}} ins(%[[S]] :
// CHECK: arith.maximumf
// CHECK: %[[E:.*]] = linalg.generic {{.*}} ins(%[[S]], {{.*}} outs(%[[S]] :
// CHECK: math.exp
// CHECK: kernel.contract "bmnk" ins(%[[E]],
// CHECK: tensor.insert_slice
// CHECK: tensor.parallel_insert_slice
// CHECK-NOT: kernel.contract
func.func @attention(%q: tensor<6x150x8xf32>, %k: tensor<6x10x8x16xf32>, %v: tensor<6x1x150x16xf32>) -> tensor<6x150x8xf32> {
  %lowest = arith.constant 0xFF800000 : f32
  %es = tensor.empty() : tensor<6x150x150xf32>
  %s = kernel.contract "bmnk" ins(%q, %k : tensor<6x150x8xf32>, tensor<6x10x8x16xf32>) outs(%es : tensor<6x150x150xf32>) epilogue {
  ^bb0(%sum: f32):
    %scale = arith.constant 0.5 : f32
    %0 = arith.mulf %sum, %scale : f32
    kernel.yield %0 : f32
  } {maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]} -> tensor<6x150x150xf32>
  %em = tensor.empty() : tensor<6x150xf32>
  %fm = linalg.fill ins(%lowest : f32) outs(%em : tensor<6x150xf32>) -> tensor<6x150xf32>
  %m = linalg.generic {indexing_maps = [#element, #row], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%s : tensor<6x150x150xf32>) outs(%fm : tensor<6x150xf32>) {
  ^bb0(%x: f32, %a: f32):
    %0 = arith.maximumf %a, %x : f32
    linalg.yield %0 : f32
  } -> tensor<6x150xf32>
  %ep = tensor.empty() : tensor<6x150x150xf32>
  %p = linalg.generic {indexing_maps = [#element, #row, #element], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%s, %m : tensor<6x150x150xf32>, tensor<6x150xf32>) outs(%ep : tensor<6x150x150xf32>) {
  ^bb0(%x: f32, %a: f32, %out: f32):
    %0 = arith.subf %x, %a : f32
    %1 = math.exp %0 : f32
    linalg.yield %1 : f32
  } -> tensor<6x150x150xf32>
  %eo = tensor.empty() : tensor<6x150x8xf32>
  %o = kernel.contract "bmnk" ins(%p, %v : tensor<6x150x150xf32>, tensor<6x1x150x16xf32>) outs(%eo : tensor<6x150x8xf32>)
      {maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]} -> tensor<6x150x8xf32>
  return %o : tensor<6x150x8xf32>
}

// -----

// Any number of keys; the mask is two tensors, which doesn't make a product of the softmax's reductions.
#element = affine_map<(h, i, j) -> (h, i, j)>
#row = affine_map<(h, i, j) -> (h, i)>
#key = affine_map<(h, i, j) -> (j)>
// CHECK-LABEL: func.func @symbolic(
// CHECK-SAME: %[[N:[a-z0-9]*]]: index
// CHECK: scf.forall (%{{.*}}, %{{.*}}) in (6, %{{.*}})
// CHECK: tensor.empty(%[[N]]) : tensor<1x64x?xf32>
// CHECK: kernel.contract "bmnk"
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: kernel.contract "bmnk"
// CHECK-NOT: kernel.contract
func.func @symbolic(%n: index, %q: tensor<6x?x8xf32>, %k: tensor<6x?x8x16xf32>, %v: tensor<6x1x?x16xf32>, %a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<6x?x8xf32> {
  %lowest = arith.constant 0xFF800000 : f32
  %es = tensor.empty(%n, %n) : tensor<6x?x?xf32>
  %s = kernel.contract "bmnk" ins(%q, %k : tensor<6x?x8xf32>, tensor<6x?x8x16xf32>) outs(%es : tensor<6x?x?xf32>)
      {maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]} -> tensor<6x?x?xf32>
  %em = tensor.empty(%n) : tensor<6x?xf32>
  %fm = linalg.fill ins(%lowest : f32) outs(%em : tensor<6x?xf32>) -> tensor<6x?xf32>
  %m = linalg.generic {indexing_maps = [#element, #key, #key, #row], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%s, %a, %b : tensor<6x?x?xf32>, tensor<?xf32>, tensor<?xf32>) outs(%fm : tensor<6x?xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32, %old: f32):
    %0 = arith.addf %x, %y : f32
    %1 = arith.addf %0, %z : f32
    %2 = arith.maximumf %old, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<6x?xf32>
  %ep = tensor.empty(%n, %n) : tensor<6x?x?xf32>
  %p = linalg.generic {indexing_maps = [#element, #key, #key, #row, #element], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%s, %a, %b, %m : tensor<6x?x?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<6x?xf32>) outs(%ep : tensor<6x?x?xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32, %w: f32, %out: f32):
    %0 = arith.addf %x, %y : f32
    %1 = arith.addf %0, %z : f32
    %2 = arith.subf %1, %w : f32
    %3 = math.exp %2 : f32
    linalg.yield %3 : f32
  } -> tensor<6x?x?xf32>
  %eo = tensor.empty(%n) : tensor<6x?x8xf32>
  %o = kernel.contract "bmnk" ins(%p, %v : tensor<6x?x?xf32>, tensor<6x1x?x16xf32>) outs(%eo : tensor<6x?x8xf32>)
      {maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]} -> tensor<6x?x8xf32>
  return %o : tensor<6x?x8xf32>
}
