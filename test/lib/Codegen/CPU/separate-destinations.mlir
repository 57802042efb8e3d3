// RUN: onnxc-opt %s --separate-destinations --split-input-file | FileCheck %s

// Two sums that start from the same zeros get zeros of their own.
// CHECK-LABEL: func.func @two_sums
// CHECK-COUNT-2: linalg.fill
// CHECK-NOT: linalg.fill
func.func @two_sums(%x: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %a = linalg.reduce {arith.addf} ins(%x : tensor<4x8xf32>) outs(%z : tensor<4xf32>) dimensions = [1]
  %b = linalg.reduce {arith.maximumf} ins(%x : tensor<4x8xf32>) outs(%z : tensor<4xf32>) dimensions = [1]
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// -----

// What is only read stays one tensor.
// CHECK-LABEL: func.func @read_only
// CHECK-COUNT-1: linalg.fill
// CHECK-NOT: linalg.fill
func.func @read_only() -> (tensor<2xf32>, tensor<4xf32>) {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %z = linalg.fill ins(%one : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %s = tensor.extract_slice %z[0] [2] [1] : tensor<4xf32> to tensor<2xf32>
  return %s, %z : tensor<2xf32>, tensor<4xf32>
}

// -----

// A loop that overwrites a tensor from outside in every step gets a new one in every step.
// CHECK-LABEL: func.func @loop
// CHECK: scf.for
// CHECK: linalg.fill
// CHECK: linalg.reduce
func.func @loop(%x: tensor<8xf32>, %n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %zero) -> f32 {
    %s = linalg.reduce {arith.addf} ins(%x : tensor<8xf32>) outs(%z : tensor<f32>) dimensions = [0]
    %v = tensor.extract %s[] : tensor<f32>
    %t = arith.addf %a, %v : f32
    scf.yield %t : f32
  }
  return %r : f32
}

// -----

// What was computed before a branch is copied into what both branches write to: it may be larger than that.
// CHECK-LABEL: func.func @before
// CHECK: %[[ALL:.*]] = linalg.generic
// CHECK: scf.if
// CHECK:   linalg.copy ins(%[[ALL]] :
// CHECK:   tensor.insert_slice
#id = affine_map<(d0) -> (d0)>
func.func @before(%n: index, %m: index, %c: i1) -> tensor<?xf32> {
  %one = arith.constant 1.0 : f32
  %room = tensor.empty(%m) : tensor<?xf32>
  %all = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%room : tensor<?xf32>) {
  ^bb0(%x: f32):
    linalg.yield %one : f32
  } -> tensor<?xf32>
  %size = arith.select %c, %m, %n : index
  %both = tensor.empty(%size) : tensor<?xf32>
  %result = scf.if %c -> tensor<?xf32> {
    %0 = tensor.insert_slice %all into %both[0] [%size] [1] : tensor<?xf32> into tensor<?xf32>
    scf.yield %0 : tensor<?xf32>
  } else {
    scf.yield %both : tensor<?xf32>
  }
  return %result : tensor<?xf32>
}
