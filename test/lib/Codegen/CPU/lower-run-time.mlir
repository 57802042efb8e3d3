// RUN: onnxc-opt %s --lower-run-time | FileCheck %s

// Memory that could not be planned comes from the run's heap, which @main gets as one more argument; there may be none.
// CHECK-LABEL: func.func @main
// CHECK-SAME: !llvm.ptr
// CHECK: %[[MEMORY:.*]] = call @onnxc_heap_buffer
// CHECK: cf.assert %{{.*}}, "out of memory"
// CHECK-NOT: memref.alloc(
func.func @main(%n: index, %out: memref<1xf32>, %workspace: memref<?xi8>) {
  %c0 = arith.constant 0 : index
  %0 = memref.alloc(%n) : memref<?xf32>
  %1 = memref.load %0[%c0] : memref<?xf32>
  memref.store %1, %out[%c0] : memref<1xf32>
  return
}
