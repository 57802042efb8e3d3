// RUN: onnxc-opt %s --release-in-loops | FileCheck %s

// What a round has allocated is given back before the next one.
// CHECK-LABEL: func.func @main
// CHECK: scf.while
// CHECK: %[[BUFFER:.*]] = memref.alloc
// CHECK: memref.dealloc %[[BUFFER]]
// CHECK-NEXT: scf.yield
func.func @main(%n: index, %x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.while (%i = %c0) : (index) -> index {
    %more = arith.cmpi slt, %i, %n : index
    scf.condition(%more) %i : index
  } do {
  ^bb0(%i: index):
    %buffer = memref.alloc(%n) : memref<?xf32>
    memref.copy %x, %buffer : memref<?xf32> to memref<?xf32>
    memref.copy %buffer, %x : memref<?xf32> to memref<?xf32>
    %next = arith.addi %i, %c1 : index
    scf.yield %next : index
  }
  return
}
