// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// Run-time indices count from the end when negative; those out of range end the run, and never leave the table.
// CHECK-LABEL: func @embedding(
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel"]} ins({{.*}} : tensor<?x?xi64>)
// CHECK: rt.position %{{.*}} of %c100, "Gather: index out of range on axis 0" : i64
// CHECK: tensor.extract {{.*}} : tensor<100x16xf32>
#ids = affine_map<()[s0, s1] -> (s0, s1)>
#out = affine_map<()[s0, s1] -> (s0, s1, 16)>
func.func @embedding(%table: tensor<100x16xf32>, %ids: tensor<?x?xi64, #ids>) -> tensor<?x?x16xf32, #out> attributes {onnx.symbols = ["batch", "seq"]} {
  %0 = onnx.Gather %table, %ids : (tensor<100x16xf32>, tensor<?x?xi64, #ids>) -> tensor<?x?x16xf32, #out>
  return %0 : tensor<?x?x16xf32, #out>
}

// -----

// CHECK-LABEL: func @gather_slice(
// CHECK: tensor.extract_slice %{{.*}}[0, 6, 0] [2, 1, 4] [1, 1, 1] : tensor<2x7x4xf32> to tensor<2x4xf32>
func.func @gather_slice(%x: tensor<2x7x4xf32>) -> tensor<2x4xf32> {
  %last = onnx.Constant dense<-1> : tensor<i64> : tensor<i64>
  %0 = onnx.Gather %x, %last {axis = 1 : si64} : (tensor<2x7x4xf32>, tensor<i64>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

// CHECK-LABEL: func @gather_nd(
// CHECK: linalg.generic
// CHECK-COUNT-3: tensor.extract
func.func @gather_nd(%x: tensor<4x5x6xf32>, %at: tensor<3x2xi64>) -> tensor<3x6xf32> {
  %0 = onnx.GatherND %x, %at : (tensor<4x5x6xf32>, tensor<3x2xi64>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// -----

// A row at a time.
// CHECK-LABEL: func @scatter_nd(
// CHECK: scf.for
// CHECK: linalg.generic
// CHECK: arith.addf
// CHECK: tensor.insert_slice {{.*}} : tensor<6xf32> into tensor<4x6xf32>
func.func @scatter_nd(%x: tensor<4x6xf32>, %at: tensor<3x1xi64>, %new: tensor<3x6xf32>) -> tensor<4x6xf32> {
  %0 = onnx.ScatterND %x, %at, %new {reduction = "add"} : (tensor<4x6xf32>, tensor<3x1xi64>, tensor<3x6xf32>) -> tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}

// -----

func.func @index_range(%x: tensor<7x4xf32>) -> tensor<4xf32> {
  %at = onnx.Constant dense<7> : tensor<i64> : tensor<i64>
  // expected-error @+1 {{index 7 is out of range for size 7}}
  %0 = onnx.Gather %x, %at : (tensor<7x4xf32>, tensor<i64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @tuple_length(%x: tensor<4x5xf32>, %at: tensor<3x3xi64>) -> tensor<3xf32> {
  // expected-error @+1 {{index tuples of 3 and 0 batch dimensions do not fit data of rank 2}}
  %0 = onnx.GatherND %x, %at : (tensor<4x5xf32>, tensor<3x3xi64>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// A position in a ring is a remainder.
// CHECK-LABEL: func.func @ring
// CHECK: scf.for
// CHECK: arith.remsi
// CHECK: tensor.insert
func.func @ring(%cache: tensor<2x8x4xf32>, %new: tensor<2x3x4xf32>, %at: tensor<2xi64>) -> tensor<2x8x4xf32> {
  %0 = onnx.TensorScatter %cache, %new, %at {mode = "circular"}
      : (tensor<2x8x4xf32>, tensor<2x3x4xf32>, tensor<2xi64>) -> tensor<2x8x4xf32>
  return %0 : tensor<2x8x4xf32>
}

// -----

func.func @full(%cache: tensor<2x8x4xf32>, %new: tensor<2x9x4xf32>, %at: tensor<2xi64>) -> tensor<2x8x4xf32> {
  // expected-error @+1 {{update does not fit into past_cache}}
  %0 = onnx.TensorScatter %cache, %new, %at
      : (tensor<2x8x4xf32>, tensor<2x9x4xf32>, tensor<2xi64>) -> tensor<2x8x4xf32>
  return %0 : tensor<2x8x4xf32>
}

// -----

// What is selected is counted first: the number is a size.
// CHECK-LABEL: func.func @compress
// CHECK: scf.for {{.*}} -> (index) {
// CHECK: scf.for {{.*}} -> (index, tensor<1x4xi64>)
// CHECK: tensor.extract {{.*}} : tensor<1x4xi64>
// CHECK: tensor.extract %arg0
func.func @compress(%x: tensor<3x5xf32>, %c: tensor<4xi1>) -> tensor<3x?xf32, affine_map<()[s0] -> (3, s0)>> attributes {onnx.symbols = [""]} {
  %0 = onnx.Compress %x, %c {axis = 1 : si64}
      : (tensor<3x5xf32>, tensor<4xi1>) -> tensor<3x?xf32, affine_map<()[s0] -> (3, s0)>>
  return %0 : tensor<3x?xf32, affine_map<()[s0] -> (3, s0)>>
}

// -----

// CHECK-LABEL: func.func @compress_known
// CHECK: arith.constant dense<{{.}}[1, 3]]> : tensor<1x2xi64>
// CHECK-NOT: scf.for
func.func @compress_known(%x: tensor<2x2xf32>) -> tensor<2xf32> {
  %c = onnx.Constant dense<[false, true, false, true, true]> : tensor<5xi1> : tensor<5xi1>
  %0 = onnx.Compress %x, %c : (tensor<2x2xf32>, tensor<5xi1>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// A row and a column for each element that is not 0.
// CHECK-LABEL: func.func @nonzero
// CHECK: arith.cmpf une
// CHECK-COUNT-2: tensor.insert {{.*}} into {{.*}} : tensor<2x15xi64>
func.func @nonzero(%x: tensor<3x5xf32>) -> tensor<2x?xi64, affine_map<()[s0] -> (2, s0)>> attributes {onnx.symbols = [""]} {
  %0 = onnx.NonZero %x : (tensor<3x5xf32>) -> tensor<2x?xi64, affine_map<()[s0] -> (2, s0)>>
  return %0 : tensor<2x?xi64, affine_map<()[s0] -> (2, s0)>>
}
