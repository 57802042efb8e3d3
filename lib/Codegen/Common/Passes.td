//===- lib/Codegen/Common/Passes.td ---------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ONNXC_CODEGEN_COMMON_PASSES_TD
#define ONNXC_CODEGEN_COMMON_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandMath : Pass<"expand-math"> {
  let summary = "Writes elementary functions as plain arithmetic";
  let description = [{
    On scalars and vectors of f16, bf16, f32 and f64. What remains of the math dialect has an instruction on every target
    (sqrt, fma, floor, ...). Errors: at most 5 ulp in f32 for exp, log, tanh and erf, at most 1 ulp for the others.

    ```mlir
    %y = math.sin %x : f32
    ==>
    %k = math.roundeven ...   // x = k pi/2 + r, and a polynomial in r
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::math::MathDialect", "mlir::vector::VectorDialect"];
}

#endif // ONNXC_CODEGEN_COMMON_PASSES_TD
