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

// -----

func.func @winograd_border(%a: memref<1x14x14x32xf32>, %f: memref<16x2x32x16xf32>, %s: memref<4x100000xf32>, %c: memref<1x14x14x32xf32>) {
  // expected-error @below {{needs an input whose height and width are 2 larger}}
  kernel.winograd 2 ins(%a, %f : memref<1x14x14x32xf32>, memref<16x2x32x16xf32>) scratch(%s : memref<4x100000xf32>)
    outs(%c : memref<1x14x14x32xf32>) {maps = []}
  return
}

// -----

func.func @winograd_filter(%w: memref<2x3x3x32x16xf32>, %f: memref<9x2x32x16xf32>) {
  // expected-error @below {{makes a static 16xPxCxV or 36xPxCxV of Px3x3xCxV}}
  kernel.winograd_filter ins(%w : memref<2x3x3x32x16xf32>) outs(%f : memref<9x2x32x16xf32>)
  return
}

// -----

func.func @words(%a: memref<1x24x32xf32>, %b: memref<32x24x4x16xi32>, %c: memref<1x512xf32>) {
  // expected-error @below {{rhs has 4 words for a block of 32 numbers of 4 bits}}
  kernel.contract "mnkk" ins(%a, %b : memref<1x24x32xf32>, memref<32x24x4x16xi32>) outs(%c : memref<1x512xf32>)
    {bits = 4 : i64, maps = [affine_map<(m, n, k, i) -> (m, k, i)>, affine_map<(m, n, k, i) -> (m, n)>]}
  return
}

// -----

func.func @sizes(%a: memref<7x34xi8>, %b: memref<32x9x16xi32>, %c: memref<7x512xi32>) {
  // expected-error @below {{sizes [34] do not fit rhs}}
  kernel.contract "mnk" ins(%a, %b : memref<7x34xi8>, memref<32x9x16xi32>) outs(%c : memref<7x512xi32>)
    {sizes = array<i64: 34>, maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (m, n)>]}
  return
}

// -----

func.func @depthwise(%a: memref<1x3x3x16xf32>, %f: memref<3x3x16xi8>, %c: memref<1x1x1x16xf32>) {
  // expected-error @below {{multiplies f32, or i8 with i8 or i16, not 'f32' with 'i8'}}
  kernel.depthwise ins(%a, %f : memref<1x3x3x16xf32>, memref<3x3x16xi8>) outs(%c : memref<1x1x1x16xf32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, maps = []}
  return
}
