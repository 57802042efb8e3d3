// RUN: onnxc-opt %s --bools-as-bytes | FileCheck %s

// CHECK-LABEL: llvm.func @negate
// CHECK: %[[BYTE:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK: %[[BOOL:.*]] = llvm.icmp "ne" %[[BYTE]], %{{.*}} : i8
// CHECK: %[[RESULT:.*]] = llvm.xor %[[BOOL]]
// CHECK: %[[WIDE:.*]] = llvm.zext %[[RESULT]] : i1 to i8
// CHECK: llvm.store %[[WIDE]], %{{.*}} : i8, !llvm.ptr
llvm.func @negate(%p: !llvm.ptr) {
  %true = llvm.mlir.constant(true) : i1
  %x = llvm.load %p : !llvm.ptr -> i1
  %y = llvm.xor %x, %true : i1
  llvm.store %y, %p : i1, !llvm.ptr
  llvm.return
}
