// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @scaler(
// CHECK: arith.subf
// CHECK: arith.mulf
func.func @scaler(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %0 = onnx.ml.Scaler %x {offset = array<f32: 1.0, 2.0>, scale = array<f32: 0.5>} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

// Elements that are NaN are replaced where NaN stands for what is missing.
// CHECK-LABEL: func @imputer(
// CHECK: arith.cmpf une, %[[X:.*]], %[[X]] : f64
// CHECK: arith.select
func.func @imputer(%x: tensor<3x2xf64>) -> tensor<3x2xf64> {
  %0 = onnx.ml.Imputer %x {imputed_value_floats = array<f32: 1.0, 2.0>, replaced_value_float = 0x7FC00000 : f32} : (tensor<3x2xf64>) -> tensor<3x2xf64>
  return %0 : tensor<3x2xf64>
}

// -----

// CHECK-LABEL: func @symbolic(
// CHECK: cf.assert {{.*}} "FeatureVectorizer: the inputs have different numbers of rows"
// CHECK: tensor<?x7xf32>
func.func @symbolic(%x: tensor<?x4xi64, affine_map<()[s0] -> (s0, 4)>>, %y: tensor<?x4xi64, affine_map<()[s0, s1] -> (s1, 4)>>) -> tensor<?x7xf32, affine_map<()[s0] -> (s0, 7)>> {
  %0 = onnx.ml.FeatureVectorizer %x, %y {inputdimensions = array<i64: 4, 3>} : (tensor<?x4xi64, affine_map<()[s0] -> (s0, 4)>>, tensor<?x4xi64, affine_map<()[s0, s1] -> (s1, 4)>>) -> tensor<?x7xf32, affine_map<()[s0] -> (s0, 7)>>
  return %0 : tensor<?x7xf32, affine_map<()[s0] -> (s0, 7)>>
}

// -----

func.func @norm(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  // expected-error @+1 {{norm "L3" is not MAX, L1 or L2}}
  %0 = onnx.ml.Normalizer %x {norm = "L3"} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

func.func @offsets(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  // expected-error @+1 {{offset has 3 entries; X has 2 features}}
  %0 = onnx.ml.Scaler %x {offset = array<f32: 1.0, 2.0, 3.0>} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}
