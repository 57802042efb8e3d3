// RUN: onnxc-opt %s -split-input-file -infer-shapes -lower-onnx-to-linalg -canonicalize | FileCheck %s

// Both branches write to one tensor, whose size is known before.
// CHECK-LABEL: func.func @branches
// CHECK: %[[SIZE:.*]] = arith.select
// CHECK: tensor.empty(%[[SIZE]])
// CHECK: scf.if
// CHECK: tensor.insert_slice
// CHECK: } else {
func.func @branches(%c: tensor<i1>, %x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0, s1] -> (s1)>> attributes {onnx.symbols = ["n", ""]} {
  %0 = onnx.If %c {
    %1 = onnx.Relu %x : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
    onnx.Yield %1 : tensor<?xf32, affine_map<()[s0] -> (s0)>>
  }, {
    %1 = onnx.Concat %x, %x {axis = 0 : si64} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>, tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, affine_map<()[s0] -> (s0 * 2)>>
    onnx.Yield %1 : tensor<?xf32, affine_map<()[s0] -> (s0 * 2)>>
  } : (tensor<i1>) -> tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>
  return %0 : tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>
}

// -----

// CHECK-LABEL: func.func @known_condition
// CHECK-NOT: scf.if
// CHECK: math.tanh
func.func @known_condition(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = onnx.Constant dense<false> : tensor<i1> : tensor<i1>
  %0 = onnx.If %c {
    onnx.Yield %x : tensor<4xf32>
  }, {
    %1 = onnx.Tanh %x : (tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %1 : tensor<4xf32>
  } : (tensor<i1>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// The number of rounds is all there is: a for loop, and a scan output with a place for every round.
// CHECK-LABEL: func.func @counted
// CHECK: %[[OUT:.*]] = tensor.empty() : tensor<3x4xf32>
// CHECK: scf.for %[[I:.*]] = %c0 to %c3 step %c1 iter_args(%{{.*}} = %arg0, %[[S:.*]] = %[[OUT]])
// CHECK: tensor.insert_slice %{{.*}} into %[[S]][%[[I]], 0] [1, 4] [1, 1]
func.func @counted(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  %m = onnx.Constant dense<3> : tensor<i64> : tensor<i64>
  %none = onnx.None : none
  %0:2 = onnx.Loop %m, %none, %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<4xf32>):
    %1 = onnx.Tanh %a : (tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %c, %1, %1 : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  } : (tensor<i64>, none, tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<3x4xf32>
}

// -----

// What grows is handed over in a tensor of its own.
// CHECK-LABEL: func.func @growing
// CHECK: scf.while
// CHECK: %[[NEXT:.*]] = bufferization.alloc_tensor() copy(%{{.*}}) : tensor<?xf32>
// CHECK: scf.yield %[[NEXT]]
func.func @growing(%m: tensor<i64>, %x: tensor<4xf32>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> attributes {onnx.symbols = [""]} {
  %none = onnx.None : none
  %0 = onnx.Loop %m, %none, %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<4xf32>):
    %1 = onnx.Concat %a, %x {axis = 0 : si64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
    onnx.Yield %c, %1 : tensor<i1>, tensor<8xf32>
  } : (tensor<i64>, none, tensor<4xf32>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  return %0 : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}

// -----

// CHECK-LABEL: func.func @backwards
// CHECK: scf.for %[[I:.*]] = %c0 to %c5
// CHECK: %[[J:.*]] = arith.subi %c4, %[[I]]
// CHECK: tensor.extract_slice %arg1[0, %[[J]]] [2, 1] [1, 1] : tensor<2x5xf32> to tensor<2xf32>
func.func @backwards(%h: tensor<2xf32>, %x: tensor<2x5xf32>) -> tensor<2xf32> {
  %0 = onnx.Scan %h, %x {
  ^bb0(%a: tensor<2xf32>, %e: tensor<2xf32>):
    %1 = onnx.Sub %a, %e : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %1 : tensor<2xf32>
  } {num_scan_inputs = 1 : si64, scan_input_axes = array<i64: -1>, scan_input_directions = array<i64: 1>} : (tensor<2xf32>, tensor<2x5xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// In the first round the size is 1: that chooses no branch, for it is another one in the next.
// CHECK-LABEL: func.func @if_on_growing
// CHECK: scf.while
// CHECK: arith.cmpi eq
// CHECK: scf.if
func.func @if_on_growing(%m: tensor<i64>, %x: tensor<1xf32>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>> attributes {onnx.symbols = [""]} {
  %none = onnx.None : none
  %one = onnx.Constant dense<1> : tensor<1xi64> : tensor<1xi64>
  %0 = onnx.Loop %m, %none, %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<1xf32>):
    %size = onnx.Shape %a : (tensor<1xf32>) -> tensor<1xi64>
    %is = onnx.Equal %size, %one : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi1>
    %y = onnx.If %is {
      %n = onnx.Neg %x : (tensor<1xf32>) -> tensor<1xf32>
      onnx.Yield %n : tensor<1xf32>
    }, {
      onnx.Yield %x : tensor<1xf32>
    } : (tensor<1xi1>) -> tensor<1xf32>
    %1 = onnx.Concat %a, %y {axis = 0 : si64} : (tensor<1xf32>, tensor<1xf32>) -> tensor<2xf32>
    onnx.Yield %c, %1 : tensor<i1>, tensor<2xf32>
  } : (tensor<i64>, none, tensor<1xf32>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
  return %0 : tensor<?xf32, affine_map<()[s0] -> (s0)>>
}
