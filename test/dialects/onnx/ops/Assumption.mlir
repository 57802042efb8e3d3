// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// There are as many repeats as dimensions: the run checks it before it reads them.
// CHECK-LABEL: func @tile(
// CHECK: cf.assert %{{.*}}, "Tile: repeats must have shape [2]"
// CHECK: tensor.extract %arg1
// CHECK: linalg.generic
#x = affine_map<()[s0, s1] -> (s0, s1)>
#k = affine_map<()[s0, s1, s2] -> (s2)>
#y = affine_map<()[s0, s1, s2, s3, s4] -> (s3, s4)>
func.func @tile(%x: tensor<?x?xf32, #x>, %repeats: tensor<?xi64, #k>) -> tensor<?x?xf32, #y> attributes {onnx.symbols = ["a", "b", "k", "", ""]} {
  %0 = onnx.Tile %x, %repeats : (tensor<?x?xf32, #x>, tensor<?xi64, #k>) -> tensor<?x?xf32, #y>
  return %0 : tensor<?x?xf32, #y>
}

// -----

func.func @known(%x: tensor<2x3xf32>, %repeats: tensor<3xi64>) -> tensor<2x3xf32> {
  // expected-error @+1 {{repeats must have shape [2], not [3]}}
  %0 = onnx.Tile %x, %repeats : (tensor<2x3xf32>, tensor<3xi64>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func @lengths(
// CHECK: rt.check_range {{.*}}"lengths must fit"
func.func @lengths(%x: tensor<4xi32>, %most: tensor<1xi64>) -> tensor<4xi32> {
  %0 = onnx.AssumeInRange %x, %most {least = 1 : si64, message = "lengths must fit"} : (tensor<4xi32>, tensor<1xi64>) -> tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

func.func @several(%x: tensor<4xi32>, %most: tensor<2xi64>) -> tensor<4xi32> {
  // expected-error @+1 {{most must have one element}}
  %0 = onnx.AssumeInRange %x, %most {least = 1 : si64, message = "lengths must fit"} : (tensor<4xi32>, tensor<2xi64>) -> tensor<4xi32>
  return %0 : tensor<4xi32>
}
