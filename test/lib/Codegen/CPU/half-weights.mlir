// RUN: onnxc-opt %s --select-kernels=half=true --split-input-file | FileCheck %s

// Numbers that f16 has, down to its smallest, stay such in the file.
// CHECK-LABEL: func.func @half
// CHECK:       %[[PACKED:.*]] = arith.constant #kernel.packed<{{.*}}> : tensor<8x128x16xf16>
// CHECK:       kernel.contract "mnk" ins(%{{.*}}, %[[PACKED]] : tensor<?x128xf32>, tensor<8x128x16xf16>)
func.func @half(%a: tensor<?x128xf32>, %init: tensor<?x128xf32>) -> tensor<?x128xf32> {
  %z = arith.constant 0.0 : f32
  %w = arith.constant dense<5.9604644775390625e-08> : tensor<128x128xf32>
  %fill = linalg.fill ins(%z : f32) outs(%init : tensor<?x128xf32>) -> tensor<?x128xf32>
  %r = linalg.matmul ins(%a, %w : tensor<?x128xf32>, tensor<128x128xf32>) outs(%fill : tensor<?x128xf32>) -> tensor<?x128xf32>
  return %r : tensor<?x128xf32>
}

// -----

// CHECK-LABEL: func.func @single
// CHECK:       kernel.contract "mnk" ins(%{{.*}}, %{{.*}} : tensor<?x128xf32>, tensor<8x128x16xf32>)
func.func @single(%a: tensor<?x128xf32>, %init: tensor<?x128xf32>) -> tensor<?x128xf32> {
  %z = arith.constant 0.0 : f32
  %w = arith.constant dense<1.0009765625e-07> : tensor<128x128xf32>
  %fill = linalg.fill ins(%z : f32) outs(%init : tensor<?x128xf32>) -> tensor<?x128xf32>
  %r = linalg.matmul ins(%a, %w : tensor<?x128xf32>, tensor<128x128xf32>) outs(%fill : tensor<?x128xf32>) -> tensor<?x128xf32>
  return %r : tensor<?x128xf32>
}

// -----

// The range of bf16 is larger.
// CHECK-LABEL: func.func @brain
// CHECK:       kernel.contract "mnk" ins(%{{.*}}, %{{.*}} : tensor<?x128xf32>, tensor<8x128x16xbf16>)
func.func @brain(%a: tensor<?x128xf32>, %init: tensor<?x128xf32>) -> tensor<?x128xf32> {
  %z = arith.constant 0.0 : f32
  %w = arith.constant dense<7.8886090522101181e-31> : tensor<128x128xf32>
  %fill = linalg.fill ins(%z : f32) outs(%init : tensor<?x128xf32>) -> tensor<?x128xf32>
  %r = linalg.matmul ins(%a, %w : tensor<?x128xf32>, tensor<128x128xf32>) outs(%fill : tensor<?x128xf32>) -> tensor<?x128xf32>
  return %r : tensor<?x128xf32>
}
