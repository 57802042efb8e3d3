// RUN: onnxc-opt %s -lower-onnx-to-linalg -split-input-file -verify-diagnostics | FileCheck %s

#vector = affine_map<()[s0] -> (s0)>

// CHECK-LABEL: func.func @concat
// CHECK: rt.call "onnxc_text_concat" ins(%{{.*}}, %{{.*}} : tensor<2x3xi64>, tensor<2x3xi64>) outs(%{{.*}} : tensor<2x3xi64>)
func.func @concat(%x: tensor<2x1x!onnx.string>, %y: tensor<3x!onnx.string>) -> tensor<2x3x!onnx.string> {
  %0 = onnx.StringConcat %x, %y : (tensor<2x1x!onnx.string>, tensor<3x!onnx.string>) -> tensor<2x3x!onnx.string>
  return %0 : tensor<2x3x!onnx.string>
}

// Numbers go through a double, and know what they are rounded to: 11 bits, the last of them 2^-24 at least.
// CHECK-LABEL: func.func @parse
// CHECK: arith.constant dense<[11, -24, 0]> : tensor<3xi64>
// CHECK: rt.call "onnxc_text_to_float" {{.*}} {failures = ["Cast: a string is no number"]
// CHECK: arith.truncf {{.*}} : f64 to f16
func.func @parse(%x: tensor<3x!onnx.string>) -> tensor<3xf16> {
  %0 = onnx.Cast %x {to = 10 : si64} : (tensor<3x!onnx.string>) -> tensor<3xf16>
  return %0 : tensor<3xf16>
}

// What becomes a power of two is read as a float32 and rounded up once.
// CHECK-LABEL: func.func @parse_power
// CHECK: arith.constant dense<[24, -149, 0]> : tensor<3xi64>
func.func @parse_power(%x: tensor<3x!onnx.string>) -> tensor<3xf8E8M0FNU> {
  %0 = onnx.Cast %x {to = 24 : si64} : (tensor<3x!onnx.string>) -> tensor<3xf8E8M0FNU>
  return %0 : tensor<3xf8E8M0FNU>
}

// An element that no input fills is an empty string, not address 0.
// CHECK-LABEL: func.func @pad
// CHECK: %[[EMPTY:.*]] = rt.text "\00"
// CHECK: tensor.pad
// CHECK: tensor.yield %[[EMPTY]]
func.func @pad(%x: tensor<3x!onnx.string>) -> tensor<5x!onnx.string> {
  %pads = onnx.Constant dense<1> : tensor<2xi64> : tensor<2xi64>
  %none = onnx.None : none
  %0 = onnx.Pad %x, %pads, %none, %none : (tensor<3x!onnx.string>, tensor<2xi64>, none, none) -> tensor<5x!onnx.string>
  return %0 : tensor<5x!onnx.string>
}

// Three states (nothing, before and after the a) and five classes of bytes (the end, those before a, a, b, those after).
// CHECK-LABEL: func.func @regex
// CHECK: arith.constant dense<[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 2, 0]> : tensor<15xi32>
// CHECK: rt.call "onnxc_regex_run_table"
func.func @regex(%x: tensor<3x!onnx.string>) -> tensor<3xi1> {
  %0 = onnx.RegexFullMatch %x {pattern = "ab*"} : (tensor<3x!onnx.string>) -> tensor<3xi1>
  return %0 : tensor<3xi1>
}

// A deterministic automaton would have 2^41 states.
// CHECK-LABEL: func.func @program
// CHECK: rt.call "onnxc_regex_run_program"
func.func @program(%x: tensor<3x!onnx.string>) -> tensor<3xi1> {
  %0 = onnx.RegexFullMatch %x {pattern = "(a|b)*a(a|b){40}"} : (tensor<3x!onnx.string>) -> tensor<3xi1>
  return %0 : tensor<3xi1>
}

// -----

func.func @unclosed(%x: tensor<3x!onnx.string>) -> tensor<3xi1> {
  // expected-error @+1 {{pattern: at byte 3: missing )}}
  %0 = onnx.RegexFullMatch %x {pattern = "(ab"} : (tensor<3x!onnx.string>) -> tensor<3xi1>
  return %0 : tensor<3xi1>
}

// -----

func.func @hostile(%x: tensor<3x!onnx.string>) -> tensor<3xi1> {
  // expected-error @+1 {{repeated more than 1000 times}}
  %0 = onnx.RegexFullMatch %x {pattern = "((a{1000}){1000}){1000}"} : (tensor<3x!onnx.string>) -> tensor<3xi1>
  return %0 : tensor<3xi1>
}

// -----

func.func @numbers(%x: tensor<3x!onnx.string>) -> tensor<3x!onnx.string> {
  // expected-error @+1 {{operand #0 must be tensor of numbers or truth values}}
  %0 = onnx.Abs %x : (tensor<3x!onnx.string>) -> tensor<3x!onnx.string>
  return %0 : tensor<3x!onnx.string>
}
