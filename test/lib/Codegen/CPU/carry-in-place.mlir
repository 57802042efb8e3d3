// RUN: onnxc-opt %s --carry-in-place --split-input-file | FileCheck %s

#id = affine_map<(i) -> (i)>

// The new state is written over the old one.
// CHECK-LABEL: func.func @update
// CHECK: scf.for {{.*}} iter_args(%[[H:.*]] = %arg1)
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[H]] : {{.*}}) outs(%[[H]] : tensor<4xf32>)
// CHECK-NOT: linalg.copy
func.func @update(%x: tensor<4xf32>, %h0: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%h = %h0) -> tensor<4xf32> {
    %e = tensor.empty() : tensor<4xf32>
    %new = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
        ins(%x, %h : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %t = arith.addf %a, %b : f32
      linalg.yield %t : f32
    } -> tensor<4xf32>
    scf.yield %new : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

#id = affine_map<(i) -> (i)>
#back = affine_map<(i) -> (3 - i)>

// Read in another order, the old state must be whole until the new one is.
// CHECK-LABEL: func.func @reversed
// CHECK: scf.for {{.*}} iter_args(%[[H:.*]] = %arg0)
// CHECK: %[[NEW:.*]] = linalg.generic
// CHECK: linalg.copy ins(%[[NEW]] : {{.*}}) outs(%[[H]]
func.func @reversed(%h0: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%h = %h0) -> tensor<4xf32> {
    %e = tensor.empty() : tensor<4xf32>
    %new = linalg.generic {indexing_maps = [#back, #id], iterator_types = ["parallel"]}
        ins(%h : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%a: f32, %o: f32):
      linalg.yield %a : f32
    } -> tensor<4xf32>
    scf.yield %new : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}
