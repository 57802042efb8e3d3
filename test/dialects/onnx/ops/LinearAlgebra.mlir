// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// A loop over the matrices, which are brought to triangular form in one place.
// CHECK-LABEL: func.func @det
// CHECK: tensor.empty() : tensor<4x4xf32>
// CHECK: scf.for {{.*}} -> (tensor<3xf32>, tensor<4x4xf32>)
// CHECK: math.absf
// CHECK: arith.divf
func.func @det(%x: tensor<3x4x4xf32>) -> tensor<3xf32> {
  %0 = onnx.Det %x : (tensor<3x4x4xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @square(%x: tensor<3x4x5xf32>) -> tensor<3xf32> {
  // expected-error @+1 {{takes square matrices, not of 4 rows and 5 columns}}
  %0 = onnx.Det %x : (tensor<3x4x5xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
