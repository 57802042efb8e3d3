// RUN: onnxc-opt %s --pass-pipeline='builtin.module(func.func(fork-loops))' | FileCheck %s

// The two directions of a recurrent layer: each has a state of its own and writes a part of the output of its own.
// CHECK-LABEL: func @directions
//      CHECK: memref.alloc() : memref<8xf32>
//      CHECK: memref.alloc() : memref<8xf32>
//      CHECK: scf.forall (%[[I:.+]]) in (2)
//      CHECK:   %[[FIRST:.+]] = arith.cmpi eq, %[[I]], %{{.+}}
//      CHECK:   scf.if %[[FIRST]] {
// CHECK-NEXT:     scf.for
//      CHECK:   } else {
// CHECK-NEXT:     scf.for
//      CHECK: linalg.fill
func.func @directions(%x: memref<16x8xf32>, %y: memref<16x2x8xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %h = memref.alloc() : memref<8xf32>
  linalg.fill ins(%zero : f32) outs(%h : memref<8xf32>)
  scf.for %t = %c0 to %n step %c1 {
    %row = memref.subview %x[%t, 0] [1, 8] [1, 1] : memref<16x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    %sum = memref.alloc() : memref<8xf32>
    linalg.add ins(%row, %h : memref<8xf32, strided<[1], offset: ?>>, memref<8xf32>) outs(%sum : memref<8xf32>)
    memref.copy %sum, %h : memref<8xf32> to memref<8xf32>
    %out = memref.subview %y[%t, 0, 0] [1, 1, 8] [1, 1, 1] : memref<16x2x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    memref.copy %h, %out : memref<8xf32> to memref<8xf32, strided<[1], offset: ?>>
  }
  %g = memref.alloc() : memref<8xf32>
  linalg.fill ins(%zero : f32) outs(%g : memref<8xf32>)
  scf.for %t = %c0 to %n step %c1 {
    %row = memref.subview %x[%t, 0] [1, 8] [1, 1] : memref<16x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    linalg.add ins(%row, %g : memref<8xf32, strided<[1], offset: ?>>, memref<8xf32>) outs(%g : memref<8xf32>)
    %out = memref.subview %y[%t, 1, 0] [1, 1, 8] [1, 1, 1] : memref<16x2x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    memref.copy %g, %out : memref<8xf32> to memref<8xf32, strided<[1], offset: ?>>
  }
  linalg.fill ins(%zero : f32) outs(%x : memref<16x8xf32>)
  return
}

// The second reads what the first writes.
// CHECK-LABEL: func @chain
//   CHECK-NOT: scf.forall
func.func @chain(%x: memref<16xf32>, %y: memref<16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %t = %c0 to %n step %c1 {
    %v = memref.load %x[%t] : memref<16xf32>
    memref.store %v, %y[%t] : memref<16xf32>
  }
  scf.for %t = %c0 to %n step %c1 {
    %v = memref.load %y[%t] : memref<16xf32>
    memref.store %v, %x[%t] : memref<16xf32>
  }
  return
}

// What is between two loops would come before the first, whose result it reads.
// CHECK-LABEL: func @between
//   CHECK-NOT: scf.forall
func.func @between(%x: memref<16xf32>, %y: memref<16xf32>, %z: memref<16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  scf.for %t = %c0 to %n step %c1 {
    memref.store %zero, %x[%t] : memref<16xf32>
  }
  memref.copy %x, %z : memref<16xf32> to memref<16xf32>
  scf.for %t = %c0 to %n step %c1 {
    memref.store %zero, %y[%t] : memref<16xf32>
  }
  return
}
