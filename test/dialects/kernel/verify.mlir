// RUN: onnxc-opt %s --split-input-file --verify-diagnostics

func.func @columns_apart(%a: memref<4x8xf32>, %b: memref<1x8x16xf32>, %c: memref<4x4xf32>) {
  // expected-error @below {{of outs must end with the column dimension}}
  kernel.contract "mnk" ins(%a, %b : memref<4x8xf32>, memref<1x8x16xf32>) outs(%c : memref<4x4xf32>)
    {maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, m)>]}
  return
}

// -----

func.func @epilogue(%a: memref<4x8xf32>, %b: memref<1x8x16xf32>, %c: memref<4x4xf32>) {
  // expected-error @below {{epilogue must take the element and one of each extra operand}}
  kernel.contract "mnk" ins(%a, %b : memref<4x8xf32>, memref<1x8x16xf32>) outs(%c : memref<4x4xf32>) extras(%c : memref<4x4xf32>) epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } {maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (m, n)>, affine_map<(m, n, k) -> (m, n)>]}
  return
}

// -----

func.func @roles(%a: memref<4x8xf32>, %b: memref<1x8x16xf32>, %c: memref<4x4xf32>) {
  // expected-error @below {{dims must be b*m*nk*, not "nmk"}}
  kernel.contract "nmk" ins(%a, %b : memref<4x8xf32>, memref<1x8x16xf32>) outs(%c : memref<4x4xf32>)
    {maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (m, n)>]}
  return
}
