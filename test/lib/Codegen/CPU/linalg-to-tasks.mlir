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

// -----

// Tiles of 4 x 4 are transposed in registers; the last one of each dimension ends with it. A bias along the rows of the
// result is a vector, one along its columns a scalar.
// CHECK-LABEL: func.func @transpose
// CHECK-COUNT-4: vector.load {{.*}} : memref<7x6xf32>, vector<4xf32>
// CHECK-COUNT-8: vector.shuffle
// CHECK: vector.load {{.*}} : memref<7xf32>, vector<4xf32>
// CHECK: memref.load {{.*}} : memref<6xf32>
// CHECK: vector.store {{.*}} : memref<6x7xf32>, vector<4xf32>
// CHECK-NOT: memref.store
// CHECK: return
func.func @transpose(%x: memref<7x6xf32>, %row: memref<7xf32>, %column: memref<6xf32>, %y: memref<6x7xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i)>,
                                   affine_map<(i, j) -> (i, j)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%x, %row, %column : memref<7x6xf32>, memref<7xf32>, memref<6xf32>) outs(%y : memref<6x7xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
    %s = arith.addf %a, %b : f32
    %t = arith.addf %s, %c : f32
    linalg.yield %t : f32
  }
  return
}

// -----

// Sizes that only the run knows may be too small for a tile.
// CHECK-LABEL: func.func @transpose_dynamic
// CHECK: scf.if
// CHECK: vector.store
// CHECK: else
// CHECK: memref.store
func.func @transpose_dynamic(%x: memref<?x64xf32>, %y: memref<64x?xf32>) {
  linalg.transpose ins(%x : memref<?x64xf32>) outs(%y : memref<64x?xf32>) permutation = [1, 0]
  return
}

// -----

// A dimension of size 1 hides no other from the tasks.
// CHECK-LABEL: func.func @unit_dimension
// CHECK: scf.forall
func.func @unit_dimension(%x: memref<1x500000xf32>, %y: memref<1x500000xf32>) {
  linalg.copy ins(%x : memref<1x500000xf32>) outs(%y : memref<1x500000xf32>)
  return
}

// -----

// Each task keeps the worst index that it meets, and tells it where that is out of range. The check follows the tasks.
// CHECK-LABEL: func.func @main
// CHECK: scf.forall
// CHECK: arith.maxui
// CHECK: scf.if
// CHECK: memref.atomic_rmw maxu
// CHECK: rt.check_range %{{.*}} in[%{{.*}}, %{{.*}}], "Gather: index out of range on axis 0"
func.func @main(%t: memref<30000xf32>, %at: memref<100000xi64>, %y: memref<100000xf32>) {
  %n = arith.constant 30000 : index
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%at : memref<100000xi64>) outs(%y : memref<100000xf32>) {
  ^bb0(%i: i64, %out: f32):
    %p = rt.position %i of %n, "Gather: index out of range on axis 0" : i64
    %v = memref.load %t[%p] : memref<30000xf32>
    linalg.yield %v : f32
  }
  return
}

// -----

// Rows are checked once each, before the loop that copies one.
// CHECK-LABEL: func.func @rows
// CHECK: scf.for
// CHECK: arith.maxui
// CHECK: scf.for
// CHECK-NEXT: memref.load %arg0
// CHECK: onnxc.over_rows
func.func @rows(%t: memref<100x16xf32>, %at: memref<50xi32>, %y: memref<50x16xf32>) {
  %n = arith.constant 100 : index
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%at : memref<50xi32>) outs(%y : memref<50x16xf32>) {
  ^bb0(%i: i32, %out: f32):
    %p = rt.position %i of %n, "Gather: index out of range on axis 0" : i32
    %j = linalg.index 1 : index
    %v = memref.load %t[%p, %j] : memref<100x16xf32>
    linalg.yield %v : f32
  }
  return
}

// -----

// A plan reads from inside of the tensor, and leaves it to the run to complain.
// CHECK-LABEL: func.func @plan
// CHECK: arith.minui
// CHECK-NOT: rt.check_range
func.func @plan(%t: memref<4xi64>, %at: memref<3xi64>, %y: memref<3xi64>) {
  %n = arith.constant 4 : index
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%at : memref<3xi64>) outs(%y : memref<3xi64>) {
  ^bb0(%i: i64, %out: i64):
    %p = rt.position %i of %n, "Gather: index out of range on axis 0" : i64
    %v = memref.load %t[%p] : memref<4xi64>
    linalg.yield %v : i64
  }
  return
}
