// RUN: onnxc-opt %s --lower-entry | FileCheck %s

// Both functions take the call: @onnxc_plan stores sizes to it, @onnxc_run loads addresses from it.
// CHECK-DAG: func.func @onnxc_run(%{{.*}}: !llvm.ptr) -> i32
// CHECK-DAG: func.func @onnxc_plan(%{{.*}}: !llvm.ptr) -> i32
// CHECK-NOT: func.func @main
func.func @main(%x: memref<4xf32>, %out: memref<4xf32>, %workspace: memref<?xi8>, %pool: !llvm.ptr) attributes {onnxc.inputs = 1 : i64} {
  memref.copy %x, %out : memref<4xf32> to memref<4xf32>
  return
}
func.func @plan(%x: memref<4xf32>) -> index {
  %0 = arith.constant 0 : index
  return %0 : index
}
