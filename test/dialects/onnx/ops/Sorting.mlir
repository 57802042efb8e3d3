// RUN: onnxc-opt %s -lower-onnx-to-linalg -split-input-file -verify-diagnostics | FileCheck %s

// Few lines: one call of the library, on the flat tensor. It needs no memory of the run's own.
// CHECK-LABEL: func.func @top3
// CHECK: %[[SETTINGS:.*]] = tensor.from_elements {{.*}} : tensor<4xi64>
// CHECK: rt.call "onnxc_top_k_32" ins(%{{.*}}, %[[SETTINGS]] : tensor<20xf32>, tensor<4xi64>) outs({{.*}} : tensor<6xf32>, tensor<6xi64>)
// CHECK-SAME: heapless
// CHECK: tensor.expand_shape {{.*}} : tensor<6xf32> into tensor<2x3xf32>
func.func @top3(%x: tensor<2x10xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>) {
  %k = onnx.Constant dense<3> : tensor<1xi64> : tensor<1xi64>
  %0, %1 = onnx.TopK %x, %k : (tensor<2x10xf32>, tensor<1xi64>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return %0, %1 : tensor<2x3xf32>, tensor<2x3xi64>
}

// -----

// Many lines: in tasks.
// CHECK-LABEL: func.func @rows
// CHECK: scf.forall
// CHECK: rt.call "onnxc_top_k_8" ins({{.*}} : tensor<?xi8>, tensor<4xi64>) outs({{.*}} : tensor<?xi8>, tensor<?xi64>)
// CHECK: tensor.parallel_insert_slice
func.func @rows(%x: tensor<512x300xui8>) -> (tensor<512x5xui8>, tensor<512x5xi64>) {
  %k = onnx.Constant dense<5> : tensor<1xi64> : tensor<1xi64>
  %0, %1 = onnx.TopK %x, %k : (tensor<512x300xui8>, tensor<1xi64>) -> (tensor<512x5xui8>, tensor<512x5xi64>)
  return %0, %1 : tensor<512x5xui8>, tensor<512x5xi64>
}
