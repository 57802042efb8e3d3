// RUN: onnxc-opt %s --canonicalize --split-input-file | FileCheck %s

// Where a size is 0, no place is inside. (The canonicalizer has the patterns of dialects that are there.)
// CHECK-LABEL: func @insert(
// CHECK-NOT: insert_slice
func.func @insert(%x: tensor<?x?xf32>, %y: tensor<?x0xf32>, %m: index, %n: index) -> tensor<?x?xf32> {
  rt.text ""
  %0 = tensor.cast %y : tensor<?x0xf32> to tensor<?x?xf32>
  %1 = tensor.insert_slice %x into %0[0, 0] [%m, %n] [1, 1] : tensor<?x?xf32> into tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func @extract(
// CHECK: tensor.empty(%{{.*}}, %{{.*}}) : tensor<?x?xf32>
func.func @extract(%y: tensor<?x0xf32>, %m: index, %n: index) -> tensor<?x?xf32> {
  rt.text ""
  %0 = tensor.cast %y : tensor<?x0xf32> to tensor<?x?xf32>
  %1 = tensor.extract_slice %0[0, 0] [%m, %n] [1, 1] : tensor<?x?xf32> to tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func @view(
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [%{{.*}}, %{{.*}}]
func.func @view(%y: memref<?x0xf32>, %m: index, %n: index) -> memref<?x?xf32, strided<[?, 1]>> {
  rt.text ""
  %0 = memref.cast %y : memref<?x0xf32> to memref<?x?xf32>
  %1 = memref.subview %0[0, 0] [%m, %n] [1, 1] : memref<?x?xf32> to memref<?x?xf32, strided<[?, 1]>>
  return %1 : memref<?x?xf32, strided<[?, 1]>>
}
