//===- lib/Optimize/Passes.td ---------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ONNXC_OPTIMIZE_PASSES_TD
#define ONNXC_OPTIMIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def InferShapes : Pass<"infer-shapes", "mlir::func::FuncOp"> {
  let summary = "Infers the type of every result again, in order";
  let description = [{
    Import infers every node as it builds it; this is for after changes: a symbolic size that became a number, an
    operand whose content became known. A branch that alone runs comes to stand in the place of its If.

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
    Results that are much larger than what they are made of stay computed (an Expand to gigabytes), and so do those that
    are too much work: both are counted for the whole model, and more is allowed to a larger file. Dequantised weights
    stay so until the end of the optimisation, since their integer form says more.

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

def RecognizePatterns : Pass<"recognize-patterns", "mlir::func::FuncOp"> {
  let summary = "Makes one operator of the formulas that exporters write for it";
  let description = [{
    Gelu (with erf, with tanh), Swish, Softplus, Mish, HardSwish, LayerNormalization and RMSNormalization. Constants
    should be folded and common subexpressions be gone before.

    ```mlir
    %0 = onnx.Sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
    %1 = onnx.Mul %x, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ==>
    %1 = onnx.Swish %x {alpha = 1.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let statistics = [Statistic<"recognized", "patterns", "formulas that became one operator">];
}

def FoldBatchNormalization : Pass<"fold-batch-normalization", "mlir::func::FuncOp"> {
  let summary = "Makes scales and shifts per channel part of the weights before them";
  let description = [{
    A BatchNormalization, or a Mul, Div, Add or Sub with a constant per channel, after a Conv, ConvTranspose or Gemm with
    constant weights that nothing else reads. Weights are computed in double precision and rounded once.

    ```mlir
    %0 = onnx.Conv %x, %w, %none {...}
    %1 = onnx.BatchNormalization %0, %scale, %bias, %mean, %variance {...}
    ==>
    %1 = onnx.Conv %x, %newW, %newB {...}
    ```
  }];
  let statistics = [Statistic<"folded", "folded", "operations that became part of weights">];
}

def MultiplyQuantized : Pass<"multiply-quantized", "mlir::func::FuncOp"> {
  let summary = "Makes products of dequantised matrices products of integers";
  let description = [{
    MatMul, Gemm and Conv of dequantised bytes, where the right side is constant: a product of bytes, whose sums are
    scaled.

    ```mlir
    %a = onnx.DequantizeLinear %x, %sx, %zx
    %b = onnx.DequantizeLinear %w, %sw, %zw
    %0 = onnx.MatMul %a, %b
    ==>
    %p = onnx.MatMulInteger %x, %w, %zx, %zw
    %r = onnx.Cast %p {to = 1}
    %s = onnx.Mul %sx, %sw
    %0 = onnx.Mul %r, %s
    ```
  }];
  let statistics = [Statistic<"multiplied", "products", "products that became those of integers">];
}

#endif // ONNXC_OPTIMIZE_PASSES_TD
