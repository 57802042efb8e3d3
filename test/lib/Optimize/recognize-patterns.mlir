// RUN: onnxc-opt %s --recognize-patterns | FileCheck %s

// CHECK-LABEL: func @erf(
// CHECK-NEXT: %[[G:.*]] = onnx.Gelu %arg0 :
// CHECK-NEXT: return %[[G]]
func.func @erf(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r = onnx.Constant dense<1.41421354> : tensor<f32> : tensor<f32>
  %1 = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %h = onnx.Constant dense<0.5> : tensor<1xf32> : tensor<1xf32>
  %a = onnx.Div %x, %r : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = onnx.Erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = onnx.Add %b, %1 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = onnx.Mul %x, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = onnx.Mul %d, %h : (tensor<4x8xf32>, tensor<1xf32>) -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}

// The argument is itself a product: it is not taken apart.
// CHECK-LABEL: func @product(
// CHECK: %[[X:.*]] = onnx.Mul
// CHECK-NEXT: %[[G:.*]] = onnx.Gelu %[[X]]
// CHECK-NEXT: return %[[G]]
func.func @product(%y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %x = onnx.Mul %y, %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %r = onnx.Constant dense<0.707106769> : tensor<f32> : tensor<f32>
  %1 = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %h = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %a = onnx.Mul %x, %r : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = onnx.Erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = onnx.Add %1, %b : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %d = onnx.Mul %h, %c : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = onnx.Mul %x, %d : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}

// CHECK-LABEL: func @tanh(
// CHECK-NEXT: onnx.Gelu %arg0 {approximate = "tanh"}
func.func @tanh(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %3 = onnx.Constant dense<3.0> : tensor<f32> : tensor<f32>
  %k = onnx.Constant dense<0.044715> : tensor<f32> : tensor<f32>
  %s = onnx.Constant dense<0.797884583> : tensor<f32> : tensor<f32>
  %1 = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %h = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %a = onnx.Pow %x, %3 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = onnx.Mul %a, %k : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %c = onnx.Add %x, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %d = onnx.Mul %c, %s : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %e = onnx.Tanh %d : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %f = onnx.Add %e, %1 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %g = onnx.Mul %x, %h : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %i = onnx.Mul %g, %f : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %i : tensor<4x8xf32>
}

// CHECK-LABEL: func @factored(
// CHECK-NEXT: onnx.Gelu %arg0 {approximate = "tanh"}
func.func @factored(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %k = onnx.Constant dense<0.044715> : tensor<f32> : tensor<f32>
  %s = onnx.Constant dense<0.797884583> : tensor<f32> : tensor<f32>
  %1 = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %h = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %a = onnx.Mul %x, %k : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = onnx.Mul %a, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = onnx.Add %b, %1 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = onnx.Mul %x, %s : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %e = onnx.Mul %d, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %f = onnx.Tanh %e : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %g = onnx.Add %1, %f : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %i = onnx.Mul %x, %g : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %j = onnx.Mul %i, %h : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %j : tensor<4x8xf32>
}

// CHECK-LABEL: func @swish(
// CHECK-NEXT: onnx.Swish %arg0 {alpha = 1.702000e+00 : f32}
func.func @swish(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %k = onnx.Constant dense<1.702> : tensor<f32> : tensor<f32>
  %a = onnx.Mul %x, %k : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = onnx.Sigmoid %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = onnx.Mul %x, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %c : tensor<4x8xf32>
}

// CHECK-LABEL: func @mish(
// CHECK-NEXT: onnx.Mish %arg0
func.func @mish(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %1 = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %a = onnx.Exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = onnx.Add %a, %1 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %c = onnx.Log %b : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %d = onnx.Tanh %c : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = onnx.Mul %x, %d : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}

// CHECK-LABEL: func @hardSwish(
// CHECK-NEXT: onnx.HardSwish %arg0
func.func @hardSwish(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = onnx.Constant dense<0.0> : tensor<f32> : tensor<f32>
  %3 = onnx.Constant dense<3.0> : tensor<f32> : tensor<f32>
  %6 = onnx.Constant dense<6.0> : tensor<f32> : tensor<f32>
  %a = onnx.Add %x, %3 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = onnx.Clip %a, %0, %6 : (tensor<4x8xf32>, tensor<f32>, tensor<f32>) -> tensor<4x8xf32>
  %c = onnx.Mul %x, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %d = onnx.Div %c, %6 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %d : tensor<4x8xf32>
}

// Another factor: nothing that has a name.
// CHECK-LABEL: func @none(
// CHECK: onnx.Erf
// CHECK-NOT: onnx.Gelu
func.func @none(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r = onnx.Constant dense<1.5> : tensor<f32> : tensor<f32>
  %1 = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %h = onnx.Constant dense<0.5> : tensor<f32> : tensor<f32>
  %a = onnx.Div %x, %r : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = onnx.Erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = onnx.Add %b, %1 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = onnx.Mul %x, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = onnx.Mul %d, %h : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}
