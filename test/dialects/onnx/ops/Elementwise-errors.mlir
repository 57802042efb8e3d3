// RUN: onnxc-opt %s --infer-shapes -split-input-file -verify-diagnostics

func.func @types(%x: tensor<4xf32>, %y: tensor<4xi32>) {
  // expected-error @+1 {{operands have different element types, float32 and int32}}
  %0 = onnx.Add %x, %y : (tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  return
}

// -----

func.func @kind(%x: tensor<4xi32>) {
  // expected-error @+1 {{takes floating-point numbers, not int32}}
  %0 = onnx.Exp %x : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

func.func @shapes(%x: tensor<4x3xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{operands do not broadcast: sizes 3 and 2 meet in dimension 1}}
  %0 = onnx.Mul %x, %y : (tensor<4x3xf32>, tensor<2xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @cast(%x: tensor<4xf32>) {
  // expected-error @+1 {{conversion to element type 99 can't be compiled}}
  %0 = onnx.Cast %x {to = 99 : si64} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @cast_complex(%x: tensor<4xf32>) {
  // expected-error @+1 {{does not take complex64}}
  %0 = onnx.Cast %x {to = 14 : si64} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @stored_as_bits(%x: tensor<4xf8E4M3FN>) {
  // expected-error @+1 {{does not take float8e4m3fn}}
  %0 = onnx.Add %x, %x : (tensor<4xf8E4M3FN>, tensor<4xf8E4M3FN>) -> tensor<4xf32>
  return
}

// -----

func.func @where(%c: tensor<4xf32>, %x: tensor<4xf32>) {
  // expected-error @+1 {{the condition is bool, not float32}}
  %0 = onnx.Where %c, %x, %x : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @bits(%x: tensor<4xf32>) {
  // expected-error @below {{the bits of float32 are not as many as those of float64}}
  %0 = onnx.BitCast %x {to = 11 : si64} : (tensor<4xf32>) -> tensor<4xf64>
  return
}

// -----

func.func @gate(%x: tensor<4xf32>, %y: tensor<1xf32>) {
  // expected-error @below {{A and B have different shapes}}
  %0 = onnx.SwiGLU %x, %y : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  return
}
