// RUN: onnxc-opt %s --check-sizes --split-input-file | FileCheck %s

// The two sides of a product have a size in common, which the program chooses twice.
// CHECK-LABEL: func.func @product
// CHECK-DAG: %[[COLUMNS:.*]] = tensor.dim %arg0, %{{.*}}
// CHECK-DAG: %[[ROWS:.*]] = tensor.dim %arg1, %{{.*}}
// CHECK: %[[FITS:.*]] = arith.cmpi eq, %[[COLUMNS]], %[[ROWS]]
// CHECK: cf.assert %[[FITS]], "the operands' sizes do not fit together"
// CHECK-NOT: cf.assert
func.func @product(%a: tensor<4x?xf32>, %b: tensor<?x3xf32>, %c: tensor<4x3xf32>) -> tensor<4x3xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<4x?xf32>, tensor<?x3xf32>) outs(%c : tensor<4x3xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

#id = affine_map<(i) -> (i)>

// What is made with the size of another has it, through views and loops, too.
// CHECK-LABEL: func.func @same
// CHECK-NOT: cf.assert
func.func @same(%x: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%d) : tensor<?xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%h = %e) -> tensor<?xf32> {
    %s = tensor.extract_slice %h[0] [%d] [1] : tensor<?xf32> to tensor<?xf32>
    %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<?xf32>) outs(%s : tensor<?xf32>) {
    ^bb0(%a: f32, %out: f32):
      linalg.yield %a : f32
    } -> tensor<?xf32>
    scf.yield %0 : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}

// -----

// CHECK-LABEL: func.func @number
// CHECK: %[[SIZE:.*]] = tensor.dim %arg0
// CHECK: arith.cmpi eq, %c4{{.*}}, %[[SIZE]]
// CHECK: cf.assert
func.func @number(%x: tensor<?xf32>) -> tensor<4xf32> {
  %0 = tensor.cast %x : tensor<?xf32> to tensor<4xf32>
  return %0 : tensor<4xf32>
}
