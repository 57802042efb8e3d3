// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Keys are sorted, of equal ones the last counts; two compares find one of three, a third tells whether it is.
// CHECK-LABEL: func @integers(
// CHECK-DAG: dense<[-2, 5, 9]> : tensor<3xi64>
// CHECK-DAG: dense<[3.000000e+00, 4.000000e+00, 2.000000e+00, -1.000000e+00]> : tensor<4xf32>
// CHECK: arith.cmpi sge, %{{.*}}, %c5_i64
// CHECK: arith.cmpi sle
// CHECK: arith.cmpi eq
func.func @integers(%x: tensor<8xi64>) -> tensor<8xf32> {
  %0 = onnx.ml.LabelEncoder %x {keys_tensor = dense<[5, 9, -2, 5]> : tensor<4xi64>, default_tensor = dense<-1.0> : tensor<1xf32>,
    values_tensor = dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>} : (tensor<8xi64>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// CHECK-LABEL: func @strings(
// CHECK: rt.text "a\00b\00"
// CHECK: rt.call "onnxc_find_strings"
func.func @strings(%x: tensor<8x!onnx.string>) -> tensor<8x2xf32> {
  %0 = onnx.ml.OneHotEncoder %x {cats_strings = ["b", "a"]} : (tensor<8x!onnx.string>) -> tensor<8x2xf32>
  return %0 : tensor<8x2xf32>
}

// -----

// CHECK-LABEL: func @scalar(
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<i64>) outs(%{{.*}} : tensor<2xf32>)
func.func @scalar(%x: tensor<i64>) -> tensor<2xf32> {
  %0 = onnx.ml.OneHotEncoder %x {cats_int64s = array<i64: 1, 0>} : (tensor<i64>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// CHECK-LABEL: func @strict(
// CHECK: cf.assert {{.*}} "OneHotEncoder: an element has no category"
func.func @strict(%x: tensor<8xi64>) -> tensor<8x2xf32> {
  %0 = onnx.ml.OneHotEncoder %x {cats_int64s = array<i64: 1, 2>, zeros = 0 : si64} : (tensor<8xi64>) -> tensor<8x2xf32>
  return %0 : tensor<8x2xf32>
}

// -----

func.func @keys(%x: tensor<8xi64>) -> tensor<8xf32> {
  // expected-error @+1 {{the keys are float32, but X holds int64}}
  %0 = onnx.ml.LabelEncoder %x {keys_tensor = dense<1.0> : tensor<1xf32>, default_tensor = dense<-1.0> : tensor<1xf32>,
    values_tensor = dense<1.0> : tensor<1xf32>} : (tensor<8xi64>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
