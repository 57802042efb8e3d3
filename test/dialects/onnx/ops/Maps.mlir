// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @zip(
// CHECK: rt.call "onnxc_zip_map"
// CHECK: return {{.*}} : i64
func.func @zip(%x: tensor<3x2xf32>) -> !onnx.sequence<!onnx.map<i64, f32>> {
  %0 = onnx.ml.ZipMap %x {classlabels_int64s = array<i64: 7, 5>} : (tensor<3x2xf32>) -> !onnx.sequence<!onnx.map<i64, f32>>
  return %0 : !onnx.sequence<!onnx.map<i64, f32>>
}

// -----

// The vocabulary is sorted; the places say where each key's value goes.
// CHECK-LABEL: func @vectorize(
// CHECK-DAG: dense<[-3, 5, 9]> : tensor<3xi64>
// CHECK-DAG: dense<[2, 0, 1]> : tensor<3xi64>
// CHECK: rt.call "onnxc_map_lookup"{{.*}} -> tensor<1x3xf64>
func.func @vectorize(%x: !onnx.map<i64, f64>) -> tensor<1x3xf64> {
  %0 = onnx.ml.DictVectorizer %x {int64_vocabulary = array<i64: 5, 9, -3>} : (!onnx.map<i64, f64>) -> tensor<1x3xf64>
  return %0 : tensor<1x3xf64>
}

// -----

func.func @same(%x: tensor<3x2xf32>) -> !onnx.sequence<!onnx.map<i64, f32>> {
  // expected-error @+1 {{two labels are the same}}
  %0 = onnx.ml.ZipMap %x {classlabels_int64s = array<i64: 7, 7>} : (tensor<3x2xf32>) -> !onnx.sequence<!onnx.map<i64, f32>>
  return %0 : !onnx.sequence<!onnx.map<i64, f32>>
}

// -----

func.func @form(%x: !onnx.map<i64, f32>) -> tensor<1x3xf32> {
  // expected-error @+1 {{max_map is 0, expected the length of the result}}
  %0 = onnx.ml.CastMap %x {map_form = "SPARSE", max_map = 0 : si64} : (!onnx.map<i64, f32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}
