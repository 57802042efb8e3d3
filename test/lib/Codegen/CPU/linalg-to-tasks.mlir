// RUN: onnxc-opt %s --linalg-to-tasks --split-input-file | FileCheck %s

// A long sum is a sum of sums; its innermost loop runs along the row, not across four rows.
// CHECK-LABEL: func.func @long_rows
// CHECK: %[[BLOCK:.*]] = arith.constant 4096 : index
// CHECK: scf.for {{.*}} step %[[BLOCK]] iter_args
// CHECK: scf.for {{.*}} iter_args
// CHECK: memref.store
func.func @long_rows(%x: memref<4x1843200xf32>, %m: memref<4xf32>, %y: memref<4xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x, %m : memref<4x1843200xf32>, memref<4xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %d = arith.subf %a, %b : f32
    %q = arith.mulf %d, %d : f32
    %t = arith.addf %sum, %q : f32
    linalg.yield %t : f32
  }
  return
}
