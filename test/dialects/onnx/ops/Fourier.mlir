// RUN: onnxc-opt %s --infer-shapes --lower-onnx-to-linalg --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Tables of the roots of unity, then sums in f64. Real numbers have no second part to read.
// CHECK-LABEL: func @real(
// CHECK-NOT: cf.assert
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<10xf64>)
// CHECK: math.cos
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<10xf64>)
// CHECK: math.sin
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x6x2xf32>)
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (f64, index)
// CHECK-COUNT-1: tensor.extract %arg0
// CHECK-NOT: tensor.extract %arg0
func.func @real(%x: tensor<2x10x1xf32>) -> tensor<2x6x2xf32> {
  %n = onnx.None : none
  %0 = onnx.DFT %x, %n, %n {onesided = 1 : si64} : (tensor<2x10x1xf32>, none, none) -> tensor<2x6x2xf32>
  return %0 : tensor<2x6x2xf32>
}

// -----

// CHECK-LABEL: func @axis(
// CHECK: cf.assert {{.*}} "DFT: axis is out of range"
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x10x2xf32>)
func.func @axis(%x: tensor<2x10x2xf32>, %axis: tensor<i64>) -> tensor<2x10x2xf32> {
  %n = onnx.None : none
  %0 = onnx.DFT %x, %n, %axis {inverse = 1 : si64} : (tensor<2x10x2xf32>, none, tensor<i64>) -> tensor<2x10x2xf32>
  return %0 : tensor<2x10x2xf32>
}

// -----

func.func @parts(%x: tensor<2x10x3xf32>) -> tensor<2x10x2xf32> {
  %n = onnx.None : none
  // expected-error @+1 {{the last dimension must be known to be 1 or 2}}
  %0 = onnx.DFT %x, %n, %n : (tensor<2x10x3xf32>, none, none) -> tensor<2x10x2xf32>
  return %0 : tensor<2x10x2xf32>
}
