// RUN: onnxc-opt %s --infer-shapes --fold-constants | FileCheck %s

// Shape arithmetic is known, in numbers and in symbols.
// CHECK-LABEL: func.func @main
// CHECK-DAG: onnx.Constant dense<[8, 6]>
// CHECK-DAG: onnx.Constant dense<[-4, -3]>
// CHECK-DAG: onnx.Constant dense<[false, true]>
// CHECK-DAG: onnx.Constant dense<[8, 7]>
func.func @main() {
  %0 = onnx.Constant dense<[4, 3]> : tensor<2xi64> : tensor<2xi64>
  %1 = onnx.Constant dense<2> : tensor<i64> : tensor<i64>
  %2 = onnx.Mul %0, %1 : (tensor<2xi64>, tensor<i64>) -> tensor<2xi64>
  %3 = onnx.Constant dense<-2> : tensor<1xi64> : tensor<1xi64>
  %4 = onnx.Div %2, %3 : (tensor<2xi64>, tensor<1xi64>) -> tensor<2xi64>
  %5 = onnx.Constant dense<-3> : tensor<i64> : tensor<i64>
  %6 = onnx.Equal %4, %5 : (tensor<2xi64>, tensor<i64>) -> tensor<2xi1>
  %7 = onnx.Constant dense<7> : tensor<i64> : tensor<i64>
  %8 = onnx.Where %6, %7, %2 : (tensor<2xi1>, tensor<i64>, tensor<2xi64>) -> tensor<2xi64>
  return
}
