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

// -----

// Nine tasks that differ in where their buffers begin and in a number share one function, which is told both.
// CHECK-LABEL: func.func @main(
// CHECK-COUNT-9: call @onnxc_parallel
// CHECK:       func.func private @task_0(
// CHECK-SAME:    %[[BASE:[^ ]*]]: memref<f32> {llvm.noalias}, %[[OFFSET:[^ ]*]]: index, %[[VALUE:[^ ]*]]: f32, %[[TASK:[^ ]*]]: index
// CHECK:         memref.store %[[VALUE]]
// CHECK-NOT:   @task_1
func.func @main(%x: memref<64xf32>) {
  %p0 = memref.subview %x[0] [4] [1] : memref<64xf32> to memref<4xf32, strided<[1], offset: 0>>
  %v0 = arith.constant 1.0 : f32
  scf.forall (%i) in (4) { memref.store %v0, %p0[%i] : memref<4xf32, strided<[1], offset: 0>> }
  %p1 = memref.subview %x[4] [4] [1] : memref<64xf32> to memref<4xf32, strided<[1], offset: 4>>
  %v1 = arith.constant 2.0 : f32
  scf.forall (%i) in (4) { memref.store %v1, %p1[%i] : memref<4xf32, strided<[1], offset: 4>> }
  %p2 = memref.subview %x[8] [4] [1] : memref<64xf32> to memref<4xf32, strided<[1], offset: 8>>
  %v2 = arith.constant 3.0 : f32
  scf.forall (%i) in (4) { memref.store %v2, %p2[%i] : memref<4xf32, strided<[1], offset: 8>> }
  %p3 = memref.subview %x[12] [4] [1] : memref<64xf32> to memref<4xf32, strided<[1], offset: 12>>
  %v3 = arith.constant 4.0 : f32
  scf.forall (%i) in (4) { memref.store %v3, %p3[%i] : memref<4xf32, strided<[1], offset: 12>> }
  %p4 = memref.subview %x[16] [4] [1] : memref<64xf32> to memref<4xf32, strided<[1], offset: 16>>
  %v4 = arith.constant 5.0 : f32
  scf.forall (%i) in (4) { memref.store %v4, %p4[%i] : memref<4xf32, strided<[1], offset: 16>> }
  %p5 = memref.subview %x[20] [4] [1] : memref<64xf32> to memref<4xf32, strided<[1], offset: 20>>
  %v5 = arith.constant 6.0 : f32
  scf.forall (%i) in (4) { memref.store %v5, %p5[%i] : memref<4xf32, strided<[1], offset: 20>> }
  %p6 = memref.subview %x[24] [4] [1] : memref<64xf32> to memref<4xf32, strided<[1], offset: 24>>
  %v6 = arith.constant 7.0 : f32
  scf.forall (%i) in (4) { memref.store %v6, %p6[%i] : memref<4xf32, strided<[1], offset: 24>> }
  %p7 = memref.subview %x[28] [4] [1] : memref<64xf32> to memref<4xf32, strided<[1], offset: 28>>
  %v7 = arith.constant 8.0 : f32
  scf.forall (%i) in (4) { memref.store %v7, %p7[%i] : memref<4xf32, strided<[1], offset: 28>> }
  %p8 = memref.subview %x[32] [4] [1] : memref<64xf32> to memref<4xf32, strided<[1], offset: 32>>
  %v8 = arith.constant 9.0 : f32
  scf.forall (%i) in (4) { memref.store %v8, %p8[%i] : memref<4xf32, strided<[1], offset: 32>> }
  return
}

// -----

// Two that differ in a number only have a function each: LLVM makes better code with numbers that it knows.
// CHECK-LABEL: func.func @main(
// CHECK:       func.func private @task_0(
// CHECK:         arith.constant 1.0
// CHECK:       func.func private @task_1(
// CHECK:         arith.constant 2.0
func.func @main(%x: memref<64xf32>) {
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  scf.forall (%i) in (4) { memref.store %one, %x[%i] : memref<64xf32> }
  scf.forall (%i) in (4) { memref.store %two, %x[%i] : memref<64xf32> }
  return
}
