//===- lib/Lower/Passes.td ------------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ONNXC_LOWER_PASSES_TD
#define ONNXC_LOWER_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerOnnxToLinalg : Pass<"lower-onnx-to-linalg", "mlir::func::FuncOp"> {
  let summary = "Lets every onnx operation lower itself to linalg on tensors";
  let description = [{
    Types become signless and lose their encodings; symbolic dimensions become `tensor.dim` of arguments.

    ```mlir
    %0 = onnx.Relu %x : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<?xf32, ...>
    ==>
    %d = tensor.dim %x, %c0 : tensor<?xf32>
    %e = tensor.empty(%d) : tensor<?xf32>
    %0 = linalg.generic ... ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>)
    ```
  }];
  let statistics = [Statistic<"lowered", "operations", "onnx operations lowered">];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
                           "mlir::bufferization::BufferizationDialect",
                           "mlir::cf::ControlFlowDialect", "mlir::linalg::LinalgDialect", "mlir::math::MathDialect",
                           "mlir::scf::SCFDialect", "mlir::tensor::TensorDialect", "::onnxc::kernel::KernelDialect",
                           "::onnxc::rt::RtDialect"];
}

def CheckSizes : Pass<"check-sizes", "mlir::func::FuncOp"> {
  let summary = "Checks that dimensions which share a loop have one size";
  let description = [{
    Sizes with different names may be the same or not: the program chooses. Equal ones are seen by what tensors are made
    with, and need no check.

    ```mlir
    func.func @main(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) {
      %0 = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%zero : tensor<?x?xf32>)
    ==>
      %columns = tensor.dim %a, %c1
      %rows = tensor.dim %b, %c0
      %fits = arith.cmpi eq, %columns, %rows
      cf.assert %fits, "the operands' sizes do not fit together"
      %0 = linalg.matmul ...
    ```
  }];
  let statistics = [Statistic<"checked", "checks", "sizes that the run compares">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::cf::ControlFlowDialect", "mlir::tensor::TensorDialect"];
}

#endif // ONNXC_LOWER_PASSES_TD
