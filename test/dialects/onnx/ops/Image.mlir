// RUN: onnxc-opt %s --infer-shapes -lower-onnx-to-linalg -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @gray
// CHECK: %[[FORMAT:.*]] = arith.constant dense<2> : tensor<1xi64>
// CHECK: rt.call "onnxc_decode_image" ins(%{{.*}}, %[[FORMAT]] : tensor<100xi8>, tensor<1xi64>) -> tensor<?x?x1xi8>
func.func @gray(%x: tensor<100xui8>) -> tensor<?x?x1xui8, affine_map<()[s0, s1] -> (s0, s1, 1)>> attributes {onnx.symbols = ["", ""]} {
  %0 = onnx.ImageDecoder %x {pixel_format = "Grayscale"} : (tensor<100xui8>)
      -> tensor<?x?x1xui8, affine_map<()[s0, s1] -> (s0, s1, 1)>>
  return %0 : tensor<?x?x1xui8, affine_map<()[s0, s1] -> (s0, s1, 1)>>
}

// -----

func.func @format(%x: tensor<100xui8>) -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>> attributes {onnx.symbols = ["", ""]} {
  // expected-error @+1 {{pixel_format is "RGB", "BGR" or "Grayscale", not "HSV"}}
  %0 = onnx.ImageDecoder %x {pixel_format = "HSV"} : (tensor<100xui8>)
      -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
  return %0 : tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
}

// -----

func.func @matrix(%x: tensor<10x10xui8>) -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>> attributes {onnx.symbols = ["", ""]} {
  // expected-error @+1 {{takes a stream of rank 1, not 2}}
  %0 = onnx.ImageDecoder %x : (tensor<10x10xui8>) -> tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
  return %0 : tensor<?x?x3xui8, affine_map<()[s0, s1] -> (s0, s1, 3)>>
}
