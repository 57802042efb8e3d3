// RUN: onnxc-opt %s --lower-loops | FileCheck %s

// CHECK-LABEL: func.func @sum
// CHECK: cf.br ^[[HEAD:bb[0-9]+]]
// CHECK: cf.cond_br %{{.*}}, ^{{bb[0-9]+}}, ^{{bb[0-9]+}}
// CHECK: arith.addf
// CHECK: cf.br ^[[HEAD]]
// CHECK-NOT: scf.
func.func @sum(%x: memref<?xf32>, %n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %zero) -> f32 {
    %1 = memref.load %x[%i] : memref<?xf32>
    %2 = arith.addf %sum, %1 : f32
    scf.yield %2 : f32
  }
  return %0 : f32
}

// CHECK-LABEL: func.func @choose
// CHECK: cf.cond_br %{{.*}}, ^[[THEN:bb[0-9]+]], ^{{bb[0-9]+}}
// CHECK: ^[[THEN]]:
func.func @choose(%c: i1, %x: memref<f32>) {
  scf.if %c {
    %0 = arith.constant 1.0 : f32
    memref.store %0, %x[] : memref<f32>
  }
  return
}
