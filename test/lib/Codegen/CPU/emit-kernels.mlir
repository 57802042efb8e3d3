// RUN: onnxc-opt %s --emit-kernels --canonicalize | FileCheck %s
// RUN: onnxc-opt %s --emit-kernels="dot=true" --canonicalize | FileCheck %s --check-prefix=DOT

// Equal kernels share one function; a task is a call.
// CHECK-LABEL: func.func @two
// CHECK:       scf.forall
// CHECK:         call @contract_0
// CHECK:       scf.forall
// CHECK:         call @contract_0
// CHECK-LABEL: func.func private @contract_0
// CHECK:         vector.fma
#lhs = affine_map<(m, n, k) -> (m, k)>
#out = affine_map<(m, n, k) -> (m, n)>
func.func @two(%a: memref<197x768xf32>, %b: memref<48x768x16xf32>, %c: memref<197x768xf32>, %d: memref<197x768xf32>) {
  kernel.contract "mnk" ins(%a, %b : memref<197x768xf32>, memref<48x768x16xf32>) outs(%c : memref<197x768xf32>) {maps = [#lhs, #out]}
  kernel.contract "mnk" ins(%c, %b : memref<197x768xf32>, memref<48x768x16xf32>) outs(%d : memref<197x768xf32>) {maps = [#lhs, #out]}
  return
}

// Numbers of 4 bits are looked up in a register of AVX-512; a sum of a block is scaled once.
// CHECK-LABEL: func.func private @contract_1
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"
// CHECK:         vector.fma
func.func @numbers(%a: memref<1x24x32xf32>, %b: memref<32x24x5x16xi32>, %c: memref<1x512xf32>) {
  kernel.contract "mnkk" ins(%a, %b : memref<1x24x32xf32>, memref<32x24x5x16xi32>) outs(%c : memref<1x512xf32>)
    {bits = 4 : i64, maps = [affine_map<(m, n, k, i) -> (m, k, i)>, affine_map<(m, n, k, i) -> (m, n)>]}
  return
}

// Without an instruction for dot products of bytes, products of 16 bits are added in pairs; with it four at once.
// CHECK-LABEL: func.func private @contract_2
// CHECK:         vector.deinterleave
// DOT-LABEL:   func.func private @contract_2
// DOT:           arith.xori
// DOT:           llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
func.func @bytes(%a: memref<7x34xi8>, %b: memref<32x10x16xi32>, %c: memref<7x512xi32>) {
  kernel.contract "mnk" ins(%a, %b : memref<7x34xi8>, memref<32x10x16xi32>) outs(%c : memref<7x512xi32>)
    {sizes = array<i64: 34>, maps = [#lhs, #out]}
  return
}

// The same of a depthwise convolution: three rows of the filter are one step.
// CHECK-LABEL: func.func private @depthwise_3
// CHECK:         arith.extsi
// CHECK:         arith.muli
// DOT-LABEL:   func.func private @depthwise_3
// DOT:           vector.interleave
// DOT-COUNT-6:   llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
func.func @depthwise(%a: memref<1x3x3x16xi8>, %f: memref<3x3x16xi8>, %c: memref<1x1x1x16xi32>) {
  kernel.depthwise ins(%a, %f : memref<1x3x3x16xi8>, memref<3x3x16xi8>) outs(%c : memref<1x1x1x16xi32>)
    {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, maps = []}
  return
}

// One lane of a last vector of bytes is stored as a scalar.
// CHECK-LABEL: func.func private @depthwise_4
// CHECK:         memref.store
func.func @lane(%a: memref<1x1x1x17xf32>, %f: memref<1x1x17xf32>, %c: memref<1x1x1x17xi8>) {
  kernel.depthwise ins(%a, %f : memref<1x1x1x17xf32>, memref<1x1x17xf32>) outs(%c : memref<1x1x1x17xi8>) epilogue {
  ^bb0(%x: f32):
    %0 = arith.fptosi %x : f32 to i32
    %1 = arith.trunci %0 : i32 to i8
    kernel.yield %1 : i8
  } {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, maps = []}
  return
}

// Weights that are transformed before are taken as they come, also where tasks would do it; those that are not are
// transformed in the task, which fetches the next ones meanwhile.
// CHECK-LABEL: func.func private @winograd_{{[0-9]+}}({{.*}}memref<16x2x32x16xf32>
// CHECK-NOT:     memref.prefetch
// CHECK-LABEL: func.func private @winograd_{{[0-9]+}}({{.*}}memref<2x3x3x32x16xf32>
// CHECK:         memref.prefetch
func.func @winograd(%a: memref<1x16x16x32xf32>, %t: memref<16x2x32x16xf32>, %w: memref<2x3x3x32x16xf32>,
                    %s: memref<8x100000xf32>, %c: memref<1x14x14x32xf32>) {
  kernel.winograd 2 ins(%a, %t : memref<1x16x16x32xf32>, memref<16x2x32x16xf32>) scratch(%s : memref<8x100000xf32>)
    outs(%c : memref<1x14x14x32xf32>) {maps = []}
  kernel.winograd 2 ins(%a, %w : memref<1x16x16x32xf32>, memref<2x3x3x32x16xf32>) scratch(%s : memref<8x100000xf32>)
    outs(%c : memref<1x14x14x32xf32>) {maps = []}
  return
}
