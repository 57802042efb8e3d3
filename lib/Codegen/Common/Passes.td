//===- lib/Codegen/Common/Passes.td ---------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ONNXC_CODEGEN_COMMON_PASSES_TD
#define ONNXC_CODEGEN_COMMON_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandMath : Pass<"expand-math"> {
  let summary = "Writes elementary functions as plain arithmetic";
  let description = [{
    On scalars and vectors of f16, bf16, f32 and f64. What remains of the math dialect has an instruction on every target
    (sqrt, fma, floor, ...). Errors: at most 5 ulp in f32 for log, tanh and erf, 2.4 for asin, 1.2 for acos, 1 for the others.

    ```mlir
    %y = math.sin %x : f32
    ==>
    %k = math.roundeven ...   // x = k pi/2 + r, and a polynomial in r
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::LLVM::LLVMDialect", "mlir::math::MathDialect", "mlir::vector::VectorDialect"];
}

def RoundQuotients : Pass<"round-quotients"> {
  let summary = "Rounded quotients by a number are multiplied where that gives the same integers";
  let description = [{
    On scalars and vectors of f32, for targets with a fused multiply-add.

    ```mlir
    %q = arith.divf %x, %s : f32
    %r = math.roundeven %q : f32          // then a zero point, and clamped
    %i = arith.fptosi %r : f32 to i32
    ==>
    %e = arith.mulf %x, %rest : f32       // %x is clamped
    %q = math.fma %x, %reciprocal, %e : f32
    %r = arith.addf %q, %shift : f32
    %i = arith.bitcast %r : f32 to i32    // and the zero point
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::math::MathDialect"];
  let statistics = [Statistic<"rewritten", "rewritten", "quotients that became products">];
}

def BoolsAsBytes : Pass<"bools-as-bytes"> {
  let summary = "Loads and stores bytes where a bool is meant";
  let description = [{
    ```mlir
    %x = llvm.load %p : !llvm.ptr -> i1
    ==>
    %byte = llvm.load %p : !llvm.ptr -> i8
    %x = llvm.icmp "ne" %byte, %zero : i8
    ```
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect"];
}

def LowerExpandShape : Pass<"lower-expand-shape"> {
  let summary = "Writes memref.expand_shape as strides where several sizes of one group are unknown";
  let description = [{
    ```mlir
    %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%m, %n, 8] : memref<?x8xf32> into memref<?x?x8xf32>
    ==>
    %base, %offset, %sizes:2, %strides:2 = memref.extract_strided_metadata %x
    %y = memref.reinterpret_cast %base to offset: [0], sizes: [%m, %n, 8], strides: [%n * 8, 8, 1]
    ```
  }];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::memref::MemRefDialect"];
  let statistics = [Statistic<"lowered", "lowered", "expand_shape operations that became strides">];
}

def LowerLoops : Pass<"lower-loops"> {
  let summary = "Loops and branches of scf become branches between blocks";
  let description = [{
    ```mlir
    scf.if %c { ... }
    ==>
    cf.cond_br %c, ^then, ^rest
    ```
  }];
  let dependentDialects = ["mlir::cf::ControlFlowDialect"];
  let statistics = [Statistic<"lowered", "lowered", "operations that became branches">];
}

#endif // ONNXC_CODEGEN_COMMON_PASSES_TD
