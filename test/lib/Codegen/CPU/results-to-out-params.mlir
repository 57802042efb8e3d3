// RUN: onnxc-opt %s --results-to-out-params --canonicalize --split-input-file | FileCheck %s

// A size of an output comes from where the tensor came into being, not from the loop that may write to the output.
// CHECK-LABEL: func.func @main(
// CHECK: %[[N:.*]] = memref.dim %arg0
// CHECK: scf.while
// CHECK: return %[[N]] : index
func.func @main(%x: tensor<?xf32>, %more: tensor<i1>) -> tensor<3x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %empty = tensor.empty(%n) : tensor<3x?xf32>
  %start = tensor.cast %empty : tensor<3x?xf32> to tensor<?x?xf32>
  %rows:2 = scf.while (%a = %start, %i = %c0) : (tensor<?x?xf32>, index) -> (tensor<?x?xf32>, index) {
    %goes = tensor.extract %more[] : tensor<i1>
    scf.condition(%goes) %a, %i : tensor<?x?xf32>, index
  } do {
  ^bb0(%a: tensor<?x?xf32>, %i: index):
    %row = tensor.insert_slice %x into %a[%i, 0] [1, %n] [1, 1] : tensor<?xf32> into tensor<?x?xf32>
    %next = arith.addi %i, %c1 : index
    scf.yield %row, %next : tensor<?x?xf32>, index
  }
  %out = tensor.cast %rows#0 : tensor<?x?xf32> to tensor<3x?xf32>
  return %out : tensor<3x?xf32>
}

// -----

// One of two tensors is copied: what makes them can't write to the output before it is known which size that has.
// CHECK-LABEL: func.func @chosen(
// CHECK: arith.select
// CHECK: memref.copy %{{.*}}, %arg3
func.func @chosen(%x: tensor<?xf32>, %y: tensor<?xf32>, %first: tensor<i1>) -> tensor<?xf32> {
  %c = tensor.extract %first[] : tensor<i1>
  %out = arith.select %c, %x, %y : tensor<?xf32>
  return %out : tensor<?xf32>
}

// -----

// A loop that makes its tensor anew, though it may reshape it, has other sizes after it.
// CHECK-LABEL: func.func @grows(
// CHECK: %[[LAST:.*]]:2 = scf.while
// CHECK: %[[N:.*]] = tensor.dim %[[LAST]]#0
// CHECK: return %[[N]] : index
func.func @grows(%more: tensor<i1>) -> tensor<?x1xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %empty = tensor.empty() : tensor<0x1xf32>
  %start = tensor.cast %empty : tensor<0x1xf32> to tensor<?x1xf32>
  %last:2 = scf.while (%a = %start, %i = %c0) : (tensor<?x1xf32>, index) -> (tensor<?x1xf32>, index) {
    %goes = tensor.extract %more[] : tensor<i1>
    scf.condition(%goes) %a, %i : tensor<?x1xf32>, index
  } do {
  ^bb0(%a: tensor<?x1xf32>, %i: index):
    %next = arith.addi %i, %c1 : index
    %new = bufferization.alloc_tensor(%next) : tensor<?xf32>
    %column = tensor.expand_shape %new [[0, 1]] output_shape [%next, 1] : tensor<?xf32> into tensor<?x1xf32>
    scf.yield %column, %next : tensor<?x1xf32>, index
  }
  return %last#0 : tensor<?x1xf32>
}
