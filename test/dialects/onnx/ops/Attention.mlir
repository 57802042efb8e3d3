// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Two contractions, no transpose; without a mask nothing is looked for.
// CHECK-DAG: #[[Q:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d4)>
// CHECK-DAG: #[[K:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3, d4)>
// CHECK-LABEL: func.func @plain(
// CHECK-NOT: linalg.transpose
// CHECK: linalg.generic {indexing_maps = [#[[Q]], #[[K]], {{.*}}]
// CHECK-NOT: arith.select
// CHECK: math.exp
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
func.func @plain(%q: tensor<?x12x?x64xf32, affine_map<()[s0, s1] -> (s0, 12, s1, 64)>>,
                 %k: tensor<?x12x?x64xf32, affine_map<()[s0, s1, s2] -> (s0, 12, s2, 64)>>,
                 %v: tensor<?x12x?x32xf32, affine_map<()[s0, s1, s2] -> (s0, 12, s2, 32)>>)
    -> tensor<?x12x?x32xf32, affine_map<()[s0, s1] -> (s0, 12, s1, 32)>> {
  %none = onnx.None : none
  %0:4 = onnx.Attention %q, %k, %v, %none, %none, %none, %none
      : (tensor<?x12x?x64xf32, affine_map<()[s0, s1] -> (s0, 12, s1, 64)>>, tensor<?x12x?x64xf32, affine_map<()[s0, s1, s2] -> (s0, 12, s2, 64)>>,
         tensor<?x12x?x32xf32, affine_map<()[s0, s1, s2] -> (s0, 12, s2, 32)>>, none, none, none, none)
      -> (tensor<?x12x?x32xf32, affine_map<()[s0, s1] -> (s0, 12, s1, 32)>>, tensor<f32>, tensor<f32>, tensor<f32>)
  return %0#0 : tensor<?x12x?x32xf32, affine_map<()[s0, s1] -> (s0, 12, s1, 32)>>
}

// -----

// Heads side by side, four of queries for each of keys: a dimension of the contraction, and no copy.
// CHECK-LABEL: func.func @packed(
// CHECK: tensor.expand_shape {{.*}} into tensor<2x5x3x4x8xf32>
// CHECK-NOT: linalg.transpose
// CHECK: linalg.generic {{.*}} ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction"]} ins({{.*}} : tensor<2x5x3x4x8xf32>, tensor<2x7x3x8xf32>)
// CHECK: linalg.generic {{.*}} ins({{.*}}, tensor<2x7x3x16xf32>) outs({{.*}} : tensor<2x5x3x4x16xf32>)
func.func @packed(%q: tensor<2x5x96xf32>, %k: tensor<2x7x24xf32>, %v: tensor<2x7x48xf32>) -> tensor<2x5x192xf32> {
  %none = onnx.None : none
  %0:4 = onnx.Attention %q, %k, %v, %none, %none, %none, %none {q_num_heads = 12 : si64, kv_num_heads = 3 : si64}
      : (tensor<2x5x96xf32>, tensor<2x7x24xf32>, tensor<2x7x48xf32>, none, none, none, none)
      -> (tensor<2x5x192xf32>, tensor<f32>, tensor<f32>, tensor<f32>)
  return %0#0 : tensor<2x5x192xf32>
}

// -----

// A mask that is too short is padded; a row without a key gives zeros.
// CHECK-LABEL: func.func @masked(
// CHECK: tensor.pad {{.*}} high[0, 4]
// CHECK: linalg.index 2
// CHECK: arith.cmpi sle
// CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
// CHECK: math.exp
func.func @masked(%q: tensor<1x2x5x8xf32>, %k: tensor<1x2x7x8xf32>, %v: tensor<1x2x7x8xf32>, %m: tensor<5x3xi1>) -> tensor<1x2x5x8xf32> {
  %none = onnx.None : none
  %0:4 = onnx.Attention %q, %k, %v, %m, %none, %none, %none {is_causal = 1 : si64}
      : (tensor<1x2x5x8xf32>, tensor<1x2x7x8xf32>, tensor<1x2x7x8xf32>, tensor<5x3xi1>, none, none, none)
      -> (tensor<1x2x5x8xf32>, tensor<f32>, tensor<f32>, tensor<f32>)
  return %0#0 : tensor<1x2x5x8xf32>
}

// -----

// The past comes first; the results' lengths are sums.
// CHECK-LABEL: func.func @past(
// CHECK: tensor.insert_slice
// CHECK: tensor.insert_slice
// CHECK: return {{.*}} : tensor<1x2x1x8xf32>, tensor<1x2x?x8xf32>
func.func @past(%q: tensor<1x2x1x8xf32>, %k: tensor<1x2x1x8xf32>, %v: tensor<1x2x1x8xf32>,
                %pk: tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0, 8)>>, %pv: tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0, 8)>>)
    -> (tensor<1x2x1x8xf32>, tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0 + 1, 8)>>) {
  %none = onnx.None : none
  %0:4 = onnx.Attention %q, %k, %v, %none, %pk, %pv, %none
      : (tensor<1x2x1x8xf32>, tensor<1x2x1x8xf32>, tensor<1x2x1x8xf32>, none, tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0, 8)>>,
         tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0, 8)>>, none)
      -> (tensor<1x2x1x8xf32>, tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0 + 1, 8)>>, tensor<f32>, tensor<f32>)
  return %0#0, %0#1 : tensor<1x2x1x8xf32>, tensor<1x2x?x8xf32, affine_map<()[s0] -> (1, 2, s0 + 1, 8)>>
}

// -----

// Halves of a head are turned, the rest of it stays.
// CHECK-LABEL: func.func @rotary(
// CHECK: tensor.expand_shape {{.*}} into tensor<2x3x5x2x2xf32>
// CHECK: arith.subf
// CHECK: arith.addf
// CHECK-COUNT-3: tensor.insert_slice
func.func @rotary(%x: tensor<2x3x5x6xf32>, %c: tensor<50x2xf32>, %s: tensor<50x2xf32>, %p: tensor<2x5xi64>) -> tensor<2x3x5x6xf32> {
  %0 = onnx.RotaryEmbedding %x, %c, %s, %p {rotary_embedding_dim = 4 : si64}
      : (tensor<2x3x5x6xf32>, tensor<50x2xf32>, tensor<50x2xf32>, tensor<2x5xi64>) -> tensor<2x3x5x6xf32>
  return %0 : tensor<2x3x5x6xf32>
}

// -----

func.func @heads(%q: tensor<2x5x96xf32>, %k: tensor<2x7x24xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{q_num_heads and kv_num_heads must be positive when Q, K and V have rank 3}}
  %0:4 = onnx.Attention %q, %k, %k, %none, %none, %none, %none
      : (tensor<2x5x96xf32>, tensor<2x7x24xf32>, tensor<2x7x24xf32>, none, none, none, none) -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @groups(%q: tensor<1x5x2x8xf32>, %k: tensor<1x2x2x8xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{5 heads of Q are no multiple of 2 heads of K}}
  %0:4 = onnx.Attention %q, %k, %k, %none, %none, %none, %none
      : (tensor<1x5x2x8xf32>, tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>, none, none, none, none) -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @mask_sizes(%q: tensor<1x2x2x8xf32>, %m: tensor<3x2xf32>) {
  %none = onnx.None : none
  // expected-error @+1 {{attn_mask has size 3 in dimension 0, expected 2}}
  %0:4 = onnx.Attention %q, %q, %q, %m, %none, %none, %none
      : (tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>, tensor<3x2xf32>, none, none, none) -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

// The past says less of its sizes than the keys do.
// CHECK-LABEL: func.func @past_of_any_heads(
// CHECK: cf.assert %{{.*}}, "Attention: the sizes of the operands do not fit"
// CHECK: tensor.cast %{{.*}} : tensor<1x?x?x8xf32> to tensor<1x2x?x8xf32>
func.func @past_of_any_heads(%q: tensor<1x2x2x8xf32>, %past: tensor<1x?x?x8xf32, affine_map<()[s0, s1] -> (1, s0, s1, 8)>>)
    -> tensor<1x2x2x8xf32> attributes {onnx.symbols = ["heads", "past"]} {
  %none = onnx.None : none
  %0:4 = onnx.Attention %q, %q, %q, %none, %past, %past, %none
      : (tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>, none, tensor<1x?x?x8xf32, affine_map<()[s0, s1] -> (1, s0, s1, 8)>>,
         tensor<1x?x?x8xf32, affine_map<()[s0, s1] -> (1, s0, s1, 8)>>, none) -> (tensor<1x2x2x8xf32>, tensor<f32>, tensor<f32>, tensor<f32>)
  return %0#0 : tensor<1x2x2x8xf32>
}
