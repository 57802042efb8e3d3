// RUN: onnxc-opt %s --plan-memory --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// @plan computes a size as @main does: from the content of an input, through a small buffer that a loop fills.
// CHECK-LABEL: func.func @main
// CHECK:       cf.assert %{{.*}}, "the inputs give other sizes than when the run was planned"
// CHECK:       memref.view %{{.*}}[%{{.*}}][%{{.*}}] : memref<?xi8> to memref<?xf32>
// CHECK-LABEL: func.func @plan(
// CHECK:       %[[SHAPE:.*]] = memref.alloca() {{.*}} : memref<2xi64>
// CHECK:       linalg.generic {{.*}} outs(%[[SHAPE]] : memref<2xi64>)
// CHECK:       %[[N:.*]] = memref.load %[[SHAPE]]
#id = affine_map<(d0) -> (d0)>
func.func @main(%shape: memref<2xi64>, %out: memref<?xf32>) -> index attributes {onnxc.inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  %twice = memref.alloc() : memref<2xi64>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%shape : memref<2xi64>) outs(%twice : memref<2xi64>) {
  ^bb0(%x: i64, %y: i64):
    %sum = arith.addi %x, %x : i64
    linalg.yield %sum : i64
  }
  %loaded = memref.load %twice[%c0] : memref<2xi64>
  %size = arith.index_cast %loaded : i64 to index
  %buffer = memref.alloc(%size) : memref<?xf32>
  linalg.fill ins(%one : f32) outs(%buffer : memref<?xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%buffer : memref<?xf32>) outs(%out : memref<?xf32>) {
  ^bb0(%x: f32, %y: f32):
    linalg.yield %x : f32
  }
  return %size : index
}

// -----

// Checks move to where sizes are known first.
// CHECK-LABEL: func.func @main

// CHECK:       cf.assert %{{.*}}, "Tile: a negative number"
// CHECK:       memref.store
// CHECK-LABEL: func.func @plan(
// CHECK:       cf.assert %{{.*}}, "Tile: a negative number"
func.func @main(%n: memref<index>, %out: memref<1xf32>) attributes {onnxc.inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  memref.store %one, %out[%c0] : memref<1xf32>
  %size = memref.load %n[] : memref<index>
  %holds = arith.cmpi sge, %size, %c0 : index
  cf.assert %holds, "Tile: a negative number"
  return
}

// -----

// What is computed from much is not computed twice: such a size is the run's, and so is the memory.
// CHECK-LABEL: func.func @main
// CHECK:       %[[OUT:.*]] = memref.alloc(%[[SIZE:.*]]) {{.*}}onnxc.kept
// CHECK:       memref.alloc(%[[SIZE]]) : memref<?xi64>
// CHECK:       rt.set_output 0, %[[OUT]]
// CHECK-LABEL: func.func @plan
// CHECK:       %[[UNKNOWN:.*]] = arith.constant -1 : index
// CHECK:       return %{{.*}}, %[[UNKNOWN]]
func.func @main(%x: memref<4096xi64>, %out: memref<?xi64>) -> index attributes {onnxc.inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %copy = memref.alloc() : memref<4096xi64>
  memref.copy %x, %copy : memref<4096xi64> to memref<4096xi64>
  %loaded = memref.load %copy[%c0] : memref<4096xi64>
  %size = arith.index_cast %loaded : i64 to index
  %buffer = memref.alloc(%size) : memref<?xi64>
  linalg.fill ins(%loaded : i64) outs(%buffer : memref<?xi64>)
  memref.copy %buffer, %out : memref<?xi64> to memref<?xi64>
  return %size : index
}

// -----

// Scratch memory of tasks whose size the run knows: a part of one buffer for each that can be under way.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: memref<?xf32>, %{{.*}}: memref<8xf32>, %[[WORKSPACE:.*]]: memref<?xi8>
// CHECK:       cf.assert %{{.*}}, "more memory is needed than there can be"
// CHECK:       %[[N:.*]] = memref.dim %[[X]]
// CHECK:       %[[ALL:.*]] = memref.view %[[WORKSPACE]][%{{.*}}][%[[N]]] : memref<?xi8> to memref<8x?x256xi8>
// CHECK:       scf.forall (%[[TASK:.*]]) in (8)
// CHECK:         %[[FLAT:.*]] = memref.collapse_shape %[[ALL]] {{\[\[}}0, 1, 2]]
// CHECK:         %[[SLOT:.*]] = kernel.slot %[[TASK]] of %{{.*}}
// CHECK:         %[[AT:.*]] = affine.apply #{{.*}}(%[[SLOT]])[%[[N]]]
// CHECK:         memref.view %[[FLAT]][%[[AT]]][%[[N]]] : memref<?xi8> to memref<64x?xf32>
func.func @main(%x: memref<?xf32>, %out: memref<8xf32>) attributes {onnxc.inputs = 1 : i64} {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  scf.forall (%task) in (8) {
    %n = memref.dim %x, %c0 : memref<?xf32>
    %scratch = memref.alloc(%n) : memref<64x?xf32>
    linalg.fill ins(%one : f32) outs(%scratch : memref<64x?xf32>)
    %value = memref.load %scratch[%task, %c0] : memref<64x?xf32>
    memref.store %value, %out[%task] : memref<8xf32>
  }
  return
}
