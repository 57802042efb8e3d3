//===- lib/Optimize/Passes.td ---------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ONNXC_OPTIMIZE_PASSES_TD
#define ONNXC_OPTIMIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def InferShapes : Pass<"infer-shapes", "mlir::func::FuncOp"> {
  let summary = "Infers the type of every result again, in order";
  let description = [{
    Import infers every node as it builds it; this is for after changes: a symbolic size that became a number, an
    operand whose content became known.

    ```mlir
    %0 = onnx.Relu %x : (tensor<4xf32>) -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
    ==>
    %0 = onnx.Relu %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let statistics = [Statistic<"refined", "types", "result types that changed">];
}

def FoldConstants : Pass<"fold-constants", "mlir::func::FuncOp"> {
  let summary = "Replaces what depends on constants only by constants";
  let description = [{
    Shape arithmetic with a known result becomes a small constant. What remains is cut out of the function and, where
    the compiler runs with an evaluator, compiled for this machine and run once: no operator needs a folding rule.
    Results that are much larger than what they are made of stay computed (an Expand to gigabytes), and so do dequantised
    weights until the end of the optimisation, since their integer form says more.

    ```mlir
    %s = onnx.Shape %x : (tensor<4x3xf32>) -> tensor<2xi64>   {onnx.data = affine_map<() -> (4, 3)>}
    ==>
    %s = onnx.Constant dense<[4, 3]> : tensor<2xi64>
    ```
  }];
  let options = [Option<"dequantize", "dequantize", "bool", /*default=*/"false", "fold DequantizeLinear, too">];
  let statistics = [Statistic<"folded", "folded", "operations replaced by constants">,
                    Statistic<"evaluated", "evaluated", "of these, by running compiled code">];
}

#endif // ONNXC_OPTIMIZE_PASSES_TD
