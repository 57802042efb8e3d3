// RUN: onnxc-opt %s -split-input-file -infer-shapes -verify-diagnostics

func.func @rank_grows(%m: tensor<i64>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %none = onnx.None : none
  %axes = onnx.Constant dense<0> : tensor<1xi64> : tensor<1xi64>
  // expected-error @+1 {{carried value 0 has 1 dimensions before a round and 2 after it}}
  %0 = onnx.Loop %m, %none, %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<4xf32>):
    %1 = onnx.Unsqueeze %a, %axes : (tensor<4xf32>, tensor<1xi64>) -> tensor<1x4xf32>
    onnx.Yield %c, %1 : tensor<i1>, tensor<1x4xf32>
  } : (tensor<i64>, none, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @few_outputs(%m: tensor<i64>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %none = onnx.None : none
  // expected-error @+1 {{the body has 1 outputs, which is too few}}
  %0 = onnx.Loop %m, %none, %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<4xf32>):
    onnx.Yield %c : tensor<i1>
  } : (tensor<i64>, none, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @steps(%x: tensor<4xf32>, %y: tensor<5xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{scan inputs have 5 and 4 steps}}
  %0 = onnx.Scan %x, %y {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    onnx.Yield %a : tensor<f32>
  } {num_scan_inputs = 2 : si64} : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
