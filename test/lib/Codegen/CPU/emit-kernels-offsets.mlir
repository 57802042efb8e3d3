// RUN: onnxc-opt %s --emit-kernels --canonicalize | FileCheck %s

// Kernels whose operands begin elsewhere are equal.
// CHECK-LABEL: func.func @steps
// CHECK:         call @contract_0
// CHECK:         memref.cast %{{.*}} : memref<?x16xf32, strided<[960, 1], offset: 16>> to memref<?x16xf32, strided<[960, 1], offset: ?>>
// CHECK:         call @contract_0
// CHECK-COUNT-1: func.func private
// CHECK-NOT:   func.func private
#lhs = affine_map<(m, n, k) -> (m, k)>
#out = affine_map<(m, n, k) -> (m, n)>
func.func @steps(%a: memref<?x16xf32, strided<[960, 1]>>, %b: memref<?x16xf32, strided<[960, 1], offset: 16>>,
                 %w: memref<1x16x16xf32>, %c: memref<?x16xf32>) {
  kernel.contract "mnk" ins(%a, %w : memref<?x16xf32, strided<[960, 1]>>, memref<1x16x16xf32>)
    outs(%c : memref<?x16xf32>) {maps = [#lhs, #out]}
  kernel.contract "mnk" ins(%b, %w : memref<?x16xf32, strided<[960, 1], offset: 16>>, memref<1x16x16xf32>)
    outs(%c : memref<?x16xf32>) {maps = [#lhs, #out]}
  return
}
