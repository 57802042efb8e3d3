// RUN: onnxc-opt %s --skip-empty-loops --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @steps
// CHECK: %[[NONE:.*]] = arith.cmpi eq, %{{.*}}, %c0
// CHECK: %[[END:.*]] = arith.select %[[NONE]], %c0, %arg1
// CHECK: scf.for %{{.*}} to %[[END]]
func.func @steps(%h0: tensor<?x4xf32>, %steps: index) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %steps step %c1 iter_args(%h = %h0) -> tensor<?x4xf32> {
    %new = linalg.abs ins(%h : tensor<?x4xf32>) outs(%h : tensor<?x4xf32>) -> tensor<?x4xf32>
    scf.yield %new : tensor<?x4xf32>
  }
  return %r : tensor<?x4xf32>
}

// -----

// A number beside it has another value after every round.
// CHECK-LABEL: func.func @counts
// CHECK-NOT: arith.select
func.func @counts(%h0: tensor<?x4xf32>, %steps: index) -> index {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %i = %c0 to %steps step %c1 iter_args(%h = %h0, %n = %c0) -> (tensor<?x4xf32>, index) {
    %next = arith.addi %n, %i : index
    scf.yield %h, %next : tensor<?x4xf32>, index
  }
  return %r#1 : index
}

// -----

// CHECK-LABEL: func.func @rows
// CHECK: %[[ROWS:.*]] = arith.select %{{.*}}, %c0{{.*}}, %arg1
// CHECK: scf.forall (%{{.*}}) in (%[[ROWS]])
func.func @rows(%out: tensor<?x?xf32>, %rows: index) -> tensor<?x?xf32> {
  %c1 = arith.constant 1 : index
  %columns = tensor.dim %out, %c1 : tensor<?x?xf32>
  %r = scf.forall (%i) in (%rows) shared_outs(%o = %out) -> tensor<?x?xf32> {
    %row = tensor.extract_slice %o[%i, 0] [1, %columns] [1, 1] : tensor<?x?xf32> to tensor<1x?xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %row into %o[%i, 0] [1, %columns] [1, 1] : tensor<1x?xf32> into tensor<?x?xf32>
    }
  }
  return %r : tensor<?x?xf32>
}
