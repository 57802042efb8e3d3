// RUN: onnxc-opt %s --lower-expand-shape --split-input-file | FileCheck %s
// RUN: onnxc-opt %s --lower-expand-shape --expand-strided-metadata --split-input-file | FileCheck %s --check-prefix=ALL

// CHECK-LABEL: func.func @two_unknown_sizes
// CHECK: %[[STRIDE:.*]] = affine.apply #{{.*}}()[%arg2]
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [%arg1, %arg2, 8], strides: [%[[STRIDE]], 8, 1]
// ALL-NOT: memref.expand_shape
func.func @two_unknown_sizes(%x: memref<?x8xf32>, %m: index, %n: index, %i: index) -> f32 {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%m, %n, 8] : memref<?x8xf32> into memref<?x?x8xf32>
  %e = memref.load %y[%i, %i, %i] : memref<?x?x8xf32>
  return %e : f32
}

// -----

// CHECK-LABEL: func.func @strided
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [4], sizes: [%arg1, %arg2], strides: [%{{.*}}, %{{.*}}]
func.func @strided(%x: memref<?xf32, strided<[?], offset: 4>>, %m: index, %n: index) -> memref<?x?xf32, strided<[?, ?], offset: 4>> {
  %y = memref.expand_shape %x [[0, 1]] output_shape [%m, %n] : memref<?xf32, strided<[?], offset: 4>> into memref<?x?xf32, strided<[?, ?], offset: 4>>
  return %y : memref<?x?xf32, strided<[?, ?], offset: 4>>
}

// -----

// One unknown size follows from the source: MLIR's own lowering takes it.
// CHECK-LABEL: func.func @one_unknown_size
// CHECK: memref.expand_shape
func.func @one_unknown_size(%x: memref<?xf32>, %m: index) -> memref<?x4xf32> {
  %y = memref.expand_shape %x [[0, 1]] output_shape [%m, 4] : memref<?xf32> into memref<?x4xf32>
  return %y : memref<?x4xf32>
}
