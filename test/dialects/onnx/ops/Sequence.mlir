// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// Sizes in which the tensors differ are symbols of the one that is taken out.
// CHECK-LABEL: func @at(
// CHECK: %[[S:.*]] = rt.call "onnxc_sequence_make" ins({{.*}} : tensor<2xi64>, tensor<2x3xf32>, tensor<4x3xf32>) -> i64
// CHECK: %[[Y:.*]] = rt.call "onnxc_sequence_at" ins(%[[S]], {{.*}} : i64, tensor<i64>) -> tensor<?x3xf32>
// CHECK: return %[[Y]]
#n = affine_map<()[s0] -> (s0, 3)>
func.func @at(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>, %p: tensor<i64>) -> tensor<?x3xf32, #n> attributes {onnx.symbols = [""]} {
  %s = onnx.SequenceConstruct %a, %b : (tensor<2x3xf32>, tensor<4x3xf32>) -> !onnx.sequence<tensor<?x3xf32>>
  %y = onnx.SequenceAt %s, %p : (!onnx.sequence<tensor<?x3xf32>>, tensor<i64>) -> tensor<?x3xf32, #n>
  return %y : tensor<?x3xf32, #n>
}

// -----

// The first tensor of an empty sequence decides the rank. An output has memory of its own where there are inputs to share.
// CHECK-LABEL: func @grow(
// CHECK: %[[S:.*]] = rt.call "onnxc_sequence_make" {{.*}} -> i64
// CHECK: rt.call "onnxc_sequence_append" ins(%[[S]], {{.*}}) -> i64
// CHECK: %[[L:.*]] = rt.call "onnxc_sequence_append" ins(%arg1, {{.*}}) -> i64
// CHECK: rt.call "onnxc_value_copy" ins(%[[L]] : i64) -> i64
func.func @grow(%x: tensor<2x3xf32>, %l: !onnx.sequence<tensor<*xf32>>) -> (!onnx.sequence<tensor<2x3xf32>>, !onnx.sequence<tensor<*xf32>>) {
  %e = onnx.SequenceEmpty : () -> !onnx.sequence<tensor<*xf32>, empty>
  %none = onnx.None : none
  %s = onnx.SequenceInsert %e, %x, %none : (!onnx.sequence<tensor<*xf32>, empty>, tensor<2x3xf32>, none) -> !onnx.sequence<tensor<2x3xf32>>
  %m = onnx.SequenceInsert %l, %x, %none : (!onnx.sequence<tensor<*xf32>>, tensor<2x3xf32>, none) -> !onnx.sequence<tensor<*xf32>>
  return %s, %m : !onnx.sequence<tensor<2x3xf32>>, !onnx.sequence<tensor<*xf32>>
}

// -----

// CHECK-LABEL: func @length(
// CHECK: %[[B:.*]] = tensor.dim
// CHECK-NEXT: arith.index_cast %[[B]]
// CHECK-NOT: rt.call
#b = affine_map<()[s0] -> (s0, 4)>
func.func @length(%x: tensor<?x4xf32, #b>) -> tensor<i64> attributes {onnx.symbols = ["b"]} {
  %none = onnx.None : none
  %s = onnx.SplitToSequence %x, %none {keepdims = 0 : si64} : (tensor<?x4xf32, #b>, none) -> !onnx.sequence<tensor<4xf32>>
  %l = onnx.SequenceLength %s : (!onnx.sequence<tensor<4xf32>>) -> tensor<i64>
  return %l : tensor<i64>
}

// -----

// CHECK-LABEL: func @optional(
// CHECK: rt.call "onnxc_optional_has" ins(%arg0 : i64) outs({{.*}} : tensor<i1>)
// CHECK: rt.call "onnxc_optional_get" ins(%arg0 : i64) -> i64
func.func @optional(%x: !onnx.optional<!onnx.sequence<tensor<4xf32>>>) -> (tensor<i1>, !onnx.sequence<tensor<4xf32>>) {
  %h = onnx.OptionalHasElement %x : (!onnx.optional<!onnx.sequence<tensor<4xf32>>>) -> tensor<i1>
  %y = onnx.OptionalGetElement %x : (!onnx.optional<!onnx.sequence<tensor<4xf32>>>) -> !onnx.sequence<tensor<4xf32>>
  return %h, %y : tensor<i1>, !onnx.sequence<tensor<4xf32>>
}

// -----

func.func @unknown_rank(%s: !onnx.sequence<tensor<*xf32>>) -> tensor<f32> {
  // expected-error @+1 {{the rank of the tensors inside is not known}}
  %y = onnx.ConcatFromSequence %s {axis = 0 : si64} : (!onnx.sequence<tensor<*xf32>>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

func.func @other_type(%s: !onnx.sequence<tensor<*xf32>>, %x: tensor<2xi32>) -> !onnx.sequence<tensor<*xf32>> {
  %none = onnx.None : none
  // expected-error @+1 {{inserts a tensor of another element type than the sequence's}}
  %y = onnx.SequenceInsert %s, %x, %none : (!onnx.sequence<tensor<*xf32>>, tensor<2xi32>, none) -> !onnx.sequence<tensor<*xf32>>
  return %y : !onnx.sequence<tensor<*xf32>>
}
