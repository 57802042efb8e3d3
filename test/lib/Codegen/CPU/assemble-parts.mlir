// RUN: onnxc-opt %s --assemble-parts --split-input-file | FileCheck %s

// Insertions that fill a tensor become one operation.
// CHECK-LABEL: func.func @concat
// CHECK-SAME:    %[[A:.*]]: tensor<2x4xf32>, %[[B:.*]]: tensor<?x4xf32>, %[[N:.*]]: index
// CHECK:         kernel.assemble parts(%[[A]], %[[B]] : {{.*}}) at [0, 0, 2, 0] outs(%{{.*}} : tensor<?x4xf32>)
// CHECK-NOT:     insert_slice
func.func @concat(%a: tensor<2x4xf32>, %b: tensor<?x4xf32>, %n: index, %all: index) -> tensor<?x4xf32> {
  %e = tensor.empty(%all) : tensor<?x4xf32>
  %1 = tensor.insert_slice %a into %e[0, 0] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<?x4xf32>
  %2 = tensor.insert_slice %b into %1[2, 0] [%n, 4] [1, 1] : tensor<?x4xf32> into tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// -----

// The halves of a Split side by side are the whole again.
// CHECK-LABEL: func.func @split
// CHECK-SAME:    %[[X:.*]]: tensor<2x8xf32>, %[[Y:.*]]: tensor<2x3xf32>
// CHECK:         kernel.assemble parts(%[[X]], %[[Y]] : tensor<2x8xf32>, tensor<2x3xf32>) at [0, 0, 0, 8]
func.func @split(%x: tensor<2x8xf32>, %y: tensor<2x3xf32>) -> tensor<2x11xf32> {
  %l = tensor.extract_slice %x[0, 0] [2, 5] [1, 1] : tensor<2x8xf32> to tensor<2x5xf32>
  %r = tensor.extract_slice %x[0, 5] [2, 3] [1, 1] : tensor<2x8xf32> to tensor<2x3xf32>
  %e = tensor.empty() : tensor<2x11xf32>
  %1 = tensor.insert_slice %l into %e[0, 0] [2, 5] [1, 1] : tensor<2x5xf32> into tensor<2x11xf32>
  %2 = tensor.insert_slice %r into %1[0, 5] [2, 3] [1, 1] : tensor<2x3xf32> into tensor<2x11xf32>
  %3 = tensor.insert_slice %y into %2[0, 8] [2, 3] [1, 1] : tensor<2x3xf32> into tensor<2x11xf32>
  return %3 : tensor<2x11xf32>
}

// -----

// In the other order they are not, and what is in between is seen by somebody.
// CHECK-LABEL: func.func @swapped
// CHECK:         %[[L:.*]] = tensor.extract_slice %{{.*}}[0, 0]
// CHECK:         %[[R:.*]] = tensor.extract_slice %{{.*}}[0, 4]
// CHECK:         kernel.assemble parts(%[[R]], %[[L]]
func.func @swapped(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %l = tensor.extract_slice %x[0, 0] [2, 4] [1, 1] : tensor<2x8xf32> to tensor<2x4xf32>
  %r = tensor.extract_slice %x[0, 4] [2, 4] [1, 1] : tensor<2x8xf32> to tensor<2x4xf32>
  %e = tensor.empty() : tensor<2x8xf32>
  %1 = tensor.insert_slice %r into %e[0, 0] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<2x8xf32>
  %2 = tensor.insert_slice %l into %1[0, 4] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<2x8xf32>
  return %2 : tensor<2x8xf32>
}

// -----

// What has content before is updated, not assembled.
// CHECK-LABEL: func.func @update
// CHECK-COUNT-2: tensor.insert_slice
func.func @update(%x: tensor<8xf32>, %a: tensor<2xf32>) -> tensor<8xf32> {
  %1 = tensor.insert_slice %a into %x[0] [2] [1] : tensor<2xf32> into tensor<8xf32>
  %2 = tensor.insert_slice %a into %1[4] [2] [1] : tensor<2xf32> into tensor<8xf32>
  return %2 : tensor<8xf32>
}
