// RUN: onnxc-opt %s --outline-parallel --canonicalize --split-input-file | FileCheck %s

// Where a pool has no more threads than there are slots, a task's slot is the number of its thread.
// CHECK-LABEL: func.func @main(
// CHECK-SAME:    %[[X:.*]]: memref<4x8xf32>, %[[POOL:.*]]: !llvm.ptr
// CHECK:         %[[THREADS:.*]] = scf.if
// CHECK:         arith.cmpi ule, %[[THREADS]], %c4
// CHECK:         call @onnxc_parallel(%[[POOL]], %[[THREADS]], %c4
// CHECK:       func.func private @task_0(
// CHECK-SAME:    %[[HAS_ALL:[^ ]*]]: i1, %[[TASK:.*]]: index, %[[WORKER:.*]]: i32)
// CHECK:         %[[INDEX:.*]] = arith.index_cast %[[WORKER]]
// CHECK:         %[[SLOT:.*]] = arith.select %[[HAS_ALL]], %[[INDEX]], %[[TASK]]
// CHECK:         memref.store %{{.*}}, %{{.*}}[%[[SLOT]],
func.func @main(%x: memref<4x8xf32>) {
  %one = arith.constant 1.0 : f32
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  scf.forall (%task) in (4) {
    %slot = kernel.slot %task of %c4
    memref.store %one, %x[%slot, %c0] : memref<4x8xf32>
  }
  return
}

// -----

// One task at a time has the slot of its number.
// CHECK-LABEL: func.func @main(
// CHECK:         scf.for %[[TASK:.*]] = %c0 to %c4
// CHECK:           memref.store %{{.*}}, %{{.*}}[%[[TASK]],
func.func @main(%x: memref<4x8xf32>) {
  %one = arith.constant 1.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %task = %c0 to %c4 step %c1 {
    %slot = kernel.slot %task of %c4
    memref.store %one, %x[%slot, %c0] : memref<4x8xf32>
  }
  return
}
