// RUN: onnxc-opt %s --insert-checkpoints | FileCheck %s
// RUN: onnxc-opt %s --insert-checkpoints --convert-scf-to-cf --lower-checks | FileCheck %s --check-prefix=LOWER

func.func private @onnxc_parallel(i64)
func.func private @use(index)

// Before a parallel loop, in the rounds of a loop that nobody counts, and in those of one that has much to do.
// CHECK-LABEL: func.func @onnxc_run
// CHECK:         rt.checkpoint
// CHECK-NEXT:    call @onnxc_parallel
// CHECK:         do {
// CHECK:         rt.checkpoint
// CHECK:         scf.for %{{.*}} = %c0 to %c1000
// LOWER-LABEL: func.func @onnxc_run
// LOWER:         %[[S:.*]] = llvm.call @onnxc_stop(%arg0)
// LOWER:         cf.cond_br %{{.*}} weights([2147483647, 1]), ^[[GO:.*]], ^[[STOP:.*]]
// LOWER-NEXT:  ^[[STOP]]:
// LOWER-NEXT:    return %[[S]] : i32
func.func @onnxc_run(%call: !llvm.ptr, %n: i64, %m: index) -> i32 {
  %ok = arith.constant 0 : i32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c1000 = arith.constant 1000 : index
  call @onnxc_parallel(%n) : (i64) -> ()
  scf.while (%i = %c0) : (index) -> index {
    %more = arith.cmpi slt, %i, %m : index
    scf.condition(%more) %i : index
  } do {
  ^bb0(%i: index):
    %next = arith.addi %i, %c1 : index
    scf.yield %next : index
  }
  scf.for %i = %c0 to %c1000 step %c1 {
    func.call @use(%i) : (index) -> ()
  }
  return %ok : i32
}

func.func @onnxc_main(%call: !llvm.ptr, %heap: !llvm.ptr, %m: index) -> i32 {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
