// RUN: onnxc-opt %s --lower-checks --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: module attributes {onnxc.error_sites = ["node 'pick' (Gather): index out of range"]}
// CHECK-LABEL: func.func @onnxc_run
// CHECK:       cf.cond_br %arg1
// CHECK:       llvm.getelementptr %arg0[4]
// CHECK:       llvm.store
// CHECK:       return %c7_i32
func.func @onnxc_run(%call: !llvm.ptr, %holds: i1) -> i32 {
  %ok = arith.constant 0 : i32
  cf.assert %holds, "Gather: index out of range" loc("pick")
  return %ok : i32
}

// -----

func.func private @task_0(%holds: i1) {
  // expected-error @+1 {{a check inside of a parallel loop has no way to report}}
  cf.assert %holds, "never"
  return
}

// -----

// CHECK: module attributes {onnxc.error_sites = ["node 'pick' (Gather): index out of range on axis 0"]}
// CHECK-LABEL: func.func @onnxc_run
// CHECK-DAG:   %[[ABOVE:.*]] = arith.cmpi sge, %arg1, %arg2
// CHECK-DAG:   %[[BELOW:.*]] = arith.cmpi sle, %arg1, %arg3
// CHECK:       %[[INSIDE:.*]] = arith.andi %[[ABOVE]], %[[BELOW]]
// CHECK:       cf.cond_br %[[INSIDE]]
func.func @onnxc_run(%call: !llvm.ptr, %index: i64, %least: i64, %most: i64) -> i32 {
  %ok = arith.constant 0 : i32
  rt.check_range %index in [%least, %most], "Gather: index out of range on axis 0" loc("pick")
  return %ok : i32
}
