// RUN: onnxc-opt %s --allow-unregistered-dialect --keep-outer-loops | FileCheck %s
// RUN: onnxc-opt %s --allow-unregistered-dialect --keep-outer-loops --convert-scf-to-cf --convert-cf-to-llvm --apply-loop-annotations | FileCheck %s --check-prefix=LLVM

// CHECK-LABEL: func.func @nest
// CHECK: scf.for
// CHECK: scf.for
// CHECK: }{{$}}
// CHECK: } {llvm.loop_annotation = #{{.*}}}
// LLVM: llvm.br {{.*}} {loop_annotation = #{{.*}}}
// LLVM-NOT: loop_annotation
func.func @nest(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    scf.for %j = %c0 to %n step %c1 {
      "test.use"(%i, %j) : (index, index) -> ()
    }
  }
  return
}
