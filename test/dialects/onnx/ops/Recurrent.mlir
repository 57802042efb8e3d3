// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// One product with W for all time steps; in the loop one with R and the cell, which updates both states in place.
// CHECK-LABEL: func @lstm(
// CHECK: linalg.matmul ins({{.*}} : tensor<?x3xf32>, tensor<3x32xf32>)
// CHECK: scf.for {{.*}} iter_args(%[[H:.*]] = {{.*}}, %[[C:.*]] = {{.*}}, {{.*}}) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<?x1x2x8xf32>)
// CHECK: linalg.matmul ins(%[[H]], {{.*}} : tensor<2x8xf32>, tensor<8x32xf32>)
// CHECK: linalg.generic {{.*}} outs(%[[H]], %[[C]] : tensor<2x8xf32>, tensor<2x8xf32>)
func.func @lstm(%x: tensor<?x2x3xf32, affine_map<()[s0] -> (s0, 2, 3)>>) -> tensor<?x1x2x8xf32, affine_map<()[s0] -> (s0, 1, 2, 8)>> {
  %w = onnx.Constant dense<1.0> : tensor<1x32x3xf32> : tensor<1x32x3xf32>
  %r = onnx.Constant dense<1.0> : tensor<1x32x8xf32> : tensor<1x32x8xf32>
  %n = onnx.None : none
  %y, %h, %c = onnx.LSTM %x, %w, %r, %n, %n, %n, %n, %n : (tensor<?x2x3xf32, affine_map<()[s0] -> (s0, 2, 3)>>, tensor<1x32x3xf32>, tensor<1x32x8xf32>, none, none, none, none, none) -> (tensor<?x1x2x8xf32, affine_map<()[s0] -> (s0, 1, 2, 8)>>, none, none)
  return %y : tensor<?x1x2x8xf32, affine_map<()[s0] -> (s0, 1, 2, 8)>>
}

// -----

// Both directions share the product with W.
// CHECK-LABEL: func @gru(
// CHECK: linalg.matmul ins({{.*}} : tensor<14x3xf32>, tensor<3x48xf32>)
// CHECK: scf.for
// CHECK: scf.for
// CHECK: tensor.insert_slice
// CHECK: return {{.*}} : tensor<2x2x8xf32>
func.func @gru(%x: tensor<7x2x3xf32>, %l: tensor<2xi32>) -> tensor<2x2x8xf32> {
  %w = onnx.Constant dense<1.0> : tensor<2x24x3xf32> : tensor<2x24x3xf32>
  %r = onnx.Constant dense<1.0> : tensor<2x24x8xf32> : tensor<2x24x8xf32>
  %n = onnx.None : none
  %y, %h = onnx.GRU %x, %w, %r, %n, %l, %n {direction = "bidirectional"} : (tensor<7x2x3xf32>, tensor<2x24x3xf32>, tensor<2x24x8xf32>, none, tensor<2xi32>, none) -> (tensor<7x2x2x8xf32>, tensor<2x2x8xf32>)
  return %h : tensor<2x2x8xf32>
}

// -----

// A layer without a state has nothing to compute.
// CHECK-LABEL: func @no_state(
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: return
func.func @no_state(%x: tensor<7x2x3xf32>, %w: tensor<1x0x3xf32>, %r: tensor<1x0x0xf32>) -> tensor<7x1x2x0xf32> {
  %n = onnx.None : none
  %y, %h = onnx.GRU %x, %w, %r, %n, %n, %n : (tensor<7x2x3xf32>, tensor<1x0x3xf32>, tensor<1x0x0xf32>, none, none, none) -> (tensor<7x1x2x0xf32>, none)
  return %y : tensor<7x1x2x0xf32>
}

// -----

func.func @hidden(%x: tensor<7x2x3xf32>, %w: tensor<1x8x3xf32>, %r: tensor<1x8x8xf32>, %b: tensor<1x8xf32>) -> tensor<7x1x2x8xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{B has type 'tensor<1x8xf32>', expected the sizes 'tensor<1x16xf32>'}}
  %y, %h = onnx.RNN %x, %w, %r, %b, %n, %n : (tensor<7x2x3xf32>, tensor<1x8x3xf32>, tensor<1x8x8xf32>, tensor<1x8xf32>, none, none) -> (tensor<7x1x2x8xf32>, none)
  return %y : tensor<7x1x2x8xf32>
}

// -----

func.func @activation(%x: tensor<7x2x3xf32>, %w: tensor<1x8x3xf32>, %r: tensor<1x8x8xf32>) -> tensor<7x1x2x8xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{activation "Swish" is unknown}}
  %y, %h = onnx.RNN %x, %w, %r, %n, %n, %n {activations = ["Swish"]} : (tensor<7x2x3xf32>, tensor<1x8x3xf32>, tensor<1x8x8xf32>, none, none, none) -> (tensor<7x1x2x8xf32>, none)
  return %y : tensor<7x1x2x8xf32>
}

// -----

// The state is rounded to 8 bits by what is in it, in every step.
// CHECK-LABEL: func @quantized_lstm(
// CHECK: scf.for {{.*}} -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<?x1x2x8xf32>)
// CHECK: arith.maximumf
// CHECK: arith.minimumf
// CHECK: math.roundeven {{.*}} : f32
// CHECK: arith.sitofp {{.*}} : i32 to f32
func.func @quantized_lstm(%x: tensor<?x2x3xf32, affine_map<()[s0] -> (s0, 2, 3)>>, %w: tensor<1x3x32xi8>, %r: tensor<1x8x32xi8>, %s: tensor<1xf32>, %z: tensor<1xi8>) -> tensor<?x1x2x8xf32, affine_map<()[s0] -> (s0, 1, 2, 8)>> {
  %n = onnx.None : none
  %y, %h, %c = onnx.ms.DynamicQuantizeLSTM %x, %w, %r, %n, %n, %n, %n, %n, %s, %z, %s, %z {hidden_size = 8 : si64} : (tensor<?x2x3xf32, affine_map<()[s0] -> (s0, 2, 3)>>, tensor<1x3x32xi8>, tensor<1x8x32xi8>, none, none, none, none, none, tensor<1xf32>, tensor<1xi8>, tensor<1xf32>, tensor<1xi8>) -> (tensor<?x1x2x8xf32, affine_map<()[s0] -> (s0, 1, 2, 8)>>, none, none)
  return %y : tensor<?x1x2x8xf32, affine_map<()[s0] -> (s0, 1, 2, 8)>>
}

// -----

func.func @quantized_lstm_scale(%x: tensor<7x2x3xf32>, %w: tensor<1x3x32xi8>, %r: tensor<1x8x32xi8>, %s: tensor<1x8xf32>, %z: tensor<1xi8>) -> tensor<7x1x2x8xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{scale of W must have shape [1, 32], not [1, 8]}}
  %y, %h, %c = onnx.ms.DynamicQuantizeLSTM %x, %w, %r, %n, %n, %n, %n, %n, %s, %z, %s, %z : (tensor<7x2x3xf32>, tensor<1x3x32xi8>, tensor<1x8x32xi8>, none, none, none, none, none, tensor<1x8xf32>, tensor<1xi8>, tensor<1x8xf32>, tensor<1xi8>) -> (tensor<7x1x2x8xf32>, none, none)
  return %y : tensor<7x1x2x8xf32>
}

// -----

// CHECK-LABEL: func @linear_attention(
// CHECK: math.exp
// CHECK: scf.for {{.*}} -> (tensor<2x2x4x8xf32>, tensor<2x?x2x2x8xf32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "reduction"]
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]
// CHECK: tensor.insert_slice
func.func @linear_attention(%q: tensor<2x?x16xf32, affine_map<()[s0] -> (2, s0, 16)>>, %k: tensor<2x?x8xf32, affine_map<()[s0] -> (2, s0, 8)>>, %v: tensor<2x?x16xf32, affine_map<()[s0] -> (2, s0, 16)>>, %decay: tensor<2x?x2xf32, affine_map<()[s0] -> (2, s0, 2)>>, %beta: tensor<2x?x1xf32, affine_map<()[s0] -> (2, s0, 1)>>) -> tensor<2x?x32xf32, affine_map<()[s0] -> (2, s0, 32)>> {
  %n = onnx.None : none
  %0, %1 = onnx.LinearAttention %q, %k, %v, %n, %decay, %beta {kv_num_heads = 2 : si64, q_num_heads = 4 : si64} : (tensor<2x?x16xf32, affine_map<()[s0] -> (2, s0, 16)>>, tensor<2x?x8xf32, affine_map<()[s0] -> (2, s0, 8)>>, tensor<2x?x16xf32, affine_map<()[s0] -> (2, s0, 16)>>, none, tensor<2x?x2xf32, affine_map<()[s0] -> (2, s0, 2)>>, tensor<2x?x1xf32, affine_map<()[s0] -> (2, s0, 1)>>) -> (tensor<2x?x32xf32, affine_map<()[s0] -> (2, s0, 32)>>, tensor<2x2x4x8xf32>)
  return %0 : tensor<2x?x32xf32, affine_map<()[s0] -> (2, s0, 32)>>
}

// -----

func.func @linear_attention_rule(%q: tensor<2x3x16xf32>) -> tensor<2x3x16xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{update_rule delta needs beta}}
  %0, %1 = onnx.LinearAttention %q, %q, %q, %n, %n, %n {kv_num_heads = 2 : si64, q_num_heads = 2 : si64, update_rule = "delta"} : (tensor<2x3x16xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>, none, none, none) -> (tensor<2x3x16xf32>, tensor<2x2x8x8xf32>)
  return %0 : tensor<2x3x16xf32>
}
