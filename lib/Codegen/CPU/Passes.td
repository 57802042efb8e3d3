//===- lib/Codegen/CPU/Passes.td ------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ONNXC_CODEGEN_CPU_PASSES_TD
#define ONNXC_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldViews : Pass<"fold-views", "mlir::func::FuncOp"> {
  let summary = "Makes constants of large ones that are transposed or widened";
  let description = [{
    Nothing is computed: the new constant says what its bytes are made of, and they are while they are written.

    ```mlir
    %t = linalg.transpose ins(%w : tensor<32000x2048xf32>) outs(%e) permutation = [1, 0]
    ==>
    %t = arith.constant #kernel.view<dense_resource<w> : tensor<32000x2048xf32>, offset 0, strides [1, 2048]>
    ```
  }];
  let options = [Option<"leastBytes", "least-bytes", "int64_t", "::onnxc::cpu::kLargeBytes", "Smaller constants are left alone">];
  let statistics = [Statistic<"folded", "folded", "operations that became constants">];
  let dependentDialects = ["mlir::arith::ArithDialect", "onnxc::kernel::KernelDialect"];
}

def LayoutNhwc : Pass<"layout-nhwc", "mlir::func::FuncOp"> {
  let summary = "Chooses the order of dimensions in memory, channels last for convolutions and pooling";
  let description = [{
    Every tensor value gets a layout, a permutation of its dimensions. Convolutions and pooling want channels last; what
    isn't understood wants the order of its type; elementwise operations, reductions, slices, pads, reshapes and
    transposes pass layouts on and go where fewest bytes have to be moved. Only where a use wants another layout than the
    value has does a `linalg.transpose` remain; constants are transposed in the compiler.

    ```mlir
    %c = linalg.conv_2d_nchw_fchw ins(%x, %w) outs(%zero)
    %r = linalg.generic {relu} ins(%c : tensor<1x64x56x56xf32>)
    %d = linalg.conv_2d_nchw_fchw ins(%r, %v) outs(%zero)
    ==>
    %c = linalg.conv_2d_nhwc_hwcf ins(%x', %w') outs(%zero')
    %r = linalg.generic {relu} ins(%c : tensor<1x56x56x64xf32>)
    %d = linalg.conv_2d_nhwc_hwcf ins(%r, %v') outs(%zero')
    ```
  }];
  let statistics = [Statistic<"transposes", "transposes", "transposes that remain">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect",
                           "onnxc::kernel::KernelDialect"];
}

def FuseElementwise : Pass<"fuse-elementwise", "mlir::func::FuncOp"> {
  let summary = "Makes one loop nest of elementwise operations that follow each other";
  let description = [{
    What follows a convolution or matrix product stays one operation behind it, its later epilogue. Nothing expensive is
    computed twice. Constants and fills go into the bodies, dimensions of size 1 go away, and reshapes move out of the
    way: elementwise operations end up in the shape that the matrix product before them has. 16-bit floats stay 32 bits
    wide from the beginning of a body to its end.

    ```mlir
    %0 = linalg.generic ins(%conv, %bias) {addf}
    %1 = linalg.generic ins(%0, %zeros) {maximumf}
    ==>
    %1 = linalg.generic ins(%conv, %bias) {addf, maximumf %cst}
    ```
  }];
  let statistics = [Statistic<"fused", "fused", "operations that went into another one">];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect"];
}

def FuseRows : Pass<"fuse-rows", "mlir::func::FuncOp"> {
  let summary = "Computes reductions and what uses them in the same rows block of rows by block of rows";
  let description = [{
    Softmax, normalisations and the like become one parallel loop over blocks of rows that stay in the nearest cache;
    small buffers inside take what only the group uses.

    ```mlir
    %m = linalg.generic {max} ins(%x : tensor<12x197x197xf32>) -> tensor<12x197xf32>
    %e = linalg.generic {exp(x - m)} ins(%x, %m)
    %s = linalg.generic {sum} ins(%e)
    %r = linalg.generic {e / s} ins(%e, %s)
    ==>
    %r = scf.forall (%i, %j) in (12, 10) shared_outs(%o) {
      ... the same on tensor<1x20x197xf32>
    }
    ```
  }];
  let statistics = [Statistic<"fused", "fused", "operations that went into a loop over rows">];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::linalg::LinalgDialect", "mlir::scf::SCFDialect",
                           "mlir::tensor::TensorDialect"];
}

def FuseContractions : Pass<"fuse-contractions", "mlir::func::FuncOp"> {
  let summary = "Computes attention block of rows by block of rows";
  let description = [{
    A contraction whose result only a loop over blocks of rows reads, and the contraction that alone reads the loop's, go
    into the loop. A task has several blocks, one after the other, and one buffer for what is between.

    ```mlir
    %s = kernel.contract ins(%q, %k) -> tensor<6x1500x1500xf32>
    %p = scf.forall (%h, %i) in (6, 47) { softmax of 32 rows of %s }
    %o = kernel.contract ins(%p, %v) -> tensor<6x1500x64xf32>
    ==>
    %o = scf.forall (%h, %task) in (6, 6) {
      scf.for %i = ... { %s = kernel.contract ... -> tensor<1x32x1500xf32>, softmax, kernel.contract }
    }
    ```
  }];
  let statistics = [Statistic<"fused", "fused", "pairs of contractions with what is between them">];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::arith::ArithDialect", "mlir::scf::SCFDialect",
                           "mlir::tensor::TensorDialect"];
}

def SelectKernels : Pass<"select-kernels", "mlir::ModuleOp"> {
  let summary = "Turns matrix products and convolutions, with what follows them, into kernels with packed weights";
  let description = [{
    Transposes of operands and results go into the maps; elementwise consumers become the epilogue; a constant right side is
    packed here, anything else by `kernel.pack` at run time.

    ```mlir
    %0 = linalg.matmul ins(%a, %weights : tensor<197x768xf32>, tensor<768x768xf32>) outs(%zero) -> tensor<197x768xf32>
    %1 = linalg.generic ... ins(%0, %bias) { arith.addf }
    ==>
    %1 = kernel.contract "mnk" ins(%a, %packed : tensor<197x768xf32>, tensor<48x768x16xf32>) outs(%empty)
           extras(%bias) epilogue { arith.addf } -> tensor<197x768xf32>
    ```
  }];
  let options = [Option<"lanes", "lanes", "unsigned", "16", "float32 lanes of a vector register">,
                 Option<"winograd", "winograd", "bool", "true", "3x3 convolutions with fewer multiplications">,
                 Option<"half", "half", "bool", "false", "weights that f16 can hold are kept as such">];
  let statistics = [Statistic<"selected", "kernels", "operations turned into kernels">,
                    Statistic<"fused", "epilogues", "elementwise operations fused into kernels">,
                    Statistic<"packed", "weights", "constants packed">];
  let dependentDialects = ["::onnxc::kernel::KernelDialect", "mlir::tensor::TensorDialect",
                           "mlir::linalg::LinalgDialect", "mlir::affine::AffineDialect"];
}

def EmitKernels : Pass<"emit-kernels", "mlir::ModuleOp"> {
  let summary = "Emits kernels on buffers as loops over register tiles";
  let description = [{
    A kernel becomes an `scf.forall` over tasks; equal kernels share one private function that computes a task.

    ```mlir
    kernel.contract "mnk" ins(%a, %b : memref<197x768xf32>, memref<48x768x16xf32>) outs(%c : memref<197x768xf32>)
    ==>
    scf.forall (%task) in (24) {
      func.call @contract_0(%task, %a, %b, %c) : (index, memref<197x768xf32>, ...) -> ()
    }
    ```
  }];
  let options = [Option<"lanes", "lanes", "unsigned", "16", "float32 lanes of a vector register">,
                 Option<"registers", "registers", "unsigned", "32", "vector registers of the target">,
                 Option<"dot", "dot", "bool", "false", "the target has the x86 instruction vpdpbusd">];
  let statistics = [Statistic<"functions", "functions", "kernel functions emitted">,
                    Statistic<"calls", "calls", "kernels replaced by calls">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::func::FuncDialect", "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "mlir::vector::VectorDialect", "mlir::math::MathDialect",
                           "mlir::LLVM::LLVMDialect"];
}

def SkipEmptyLoops : Pass<"skip-empty-loops", "mlir::func::FuncOp"> {
  let summary = "Runs no round of a loop that only makes tensors without an element";
  let description = [{
    Sizes are the caller's: 2^40 rows of no column, 2^40 steps of a recurrent layer for no batch.

    ```mlir
    %r = scf.for %t = %c0 to %steps step %c1 iter_args(%h = %h0) -> tensor<?x4xf32>
    ==>
    %none = arith.cmpi eq, %batch, %c0
    %end = arith.select %none, %c0, %steps
    %r = scf.for %t = %c0 to %end step %c1 iter_args(%h = %h0) -> tensor<?x4xf32>
    ```
  }];
  let statistics = [Statistic<"guarded", "guarded", "loops that look at what they make first">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::tensor::TensorDialect"];
}

def ResultsToOutParams : Pass<"results-to-out-params", "mlir::func::FuncOp"> {
  let summary = "Makes the caller supply the memory of the inputs and the results";
  let description = [{
    Inputs and results become memref arguments; a result is materialised in its argument, so that bufferisation computes
    it in place where it can and copies it otherwise. What the function still returns are the sizes of the results that
    aren't numbers, for `plan-memory`.

    ```mlir
    func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> { ... return %y : tensor<?xf32> }
    ==>
    func.func @main(%x: memref<?xf32>, %out: memref<?xf32>) -> index {
      ...
      bufferization.materialize_in_destination %y in restrict writable %out
      return %dim : index
    }
    ```
  }];
  let dependentDialects = ["mlir::bufferization::BufferizationDialect", "mlir::memref::MemRefDialect",
                           "mlir::tensor::TensorDialect", "mlir::linalg::LinalgDialect"];
}

def AssembleParts : Pass<"assemble-parts", "mlir::func::FuncOp"> {
  let summary = "Makes one operation of the insertions that fill a tensor";
  let description = [{
    ```mlir
    %1 = tensor.insert_slice %a into %empty[0, 0] [2, 4] [1, 1]
    %2 = tensor.insert_slice %b into %1[2, 0] [3, 4] [1, 1]
    ==>
    %2 = kernel.assemble parts(%a, %b) at [0, 0, 2, 0] outs(%empty)
    ```
  }];
  let dependentDialects = ["kernel::KernelDialect"];
  let statistics = [Statistic<"assembled", "assembled", "tensors assembled">];
}

def PlaceParts : Pass<"place-parts", "mlir::func::FuncOp"> {
  let summary = "Computes parts of a buffer in their places";
  let description = [{
    Where that is not possible (a part is an input, or is in two places) it is copied.

    ```mlir
    %part = memref.alloc()
    linalg.generic ... outs(%part)
    %whole = memref.alloc()
    kernel.assemble parts(%part, %x) at [0, 0, 2, 0] outs(%whole)
    ==>
    %whole = memref.alloc()
    %part = memref.subview %whole[0, 0] ...
    linalg.generic ... outs(%part)
    %place = memref.subview %whole[2, 0] ...
    memref.copy %x, %place
    ```
  }];
  let dependentDialects = ["mlir::memref::MemRefDialect"];
  let statistics = [Statistic<"placed", "placed", "parts computed in place">,
                    Statistic<"copied", "copied", "parts copied">];
}

def SeparateDestinations : Pass<"separate-destinations", "mlir::func::FuncOp"> {
  let summary = "Gives every operation that overwrites an empty or filled tensor one of its own";
  let description = [{
    Common subexpression elimination makes one of equal fills; bufferisation would then copy.

    ```mlir
    %z = linalg.fill ins(%zero) outs(%empty)
    %a = linalg.generic ... outs(%z)
    %b = linalg.generic ... outs(%z)
    ==>
    %z0 = linalg.fill ins(%zero) outs(%empty0)
    %a = linalg.generic ... outs(%z0)
    %z1 = linalg.fill ins(%zero) outs(%empty1)
    %b = linalg.generic ... outs(%z1)
    ```

    What was computed before a branch is copied to where the branch wants it, not computed there: the place has the sizes
    for it only if the branch is taken.
  }];
  let statistics = [Statistic<"copies", "copies", "empty or filled tensors made again">];
}

def CarryInPlace : Pass<"carry-in-place", "mlir::func::FuncOp"> {
  let summary = "Keeps every tensor that a loop carries in one buffer";
  let description = [{
    ```mlir
    scf.for ... iter_args(%h = %h0) {
      %new = linalg.generic ins(%x, %h) outs(%empty)
      scf.yield %new
    ==>
    scf.for ... iter_args(%h = %h0) {
      %new = linalg.generic ins(%x, %h) outs(%h)
      scf.yield %new
    ```
  }];
  let statistics = [Statistic<"copies", "copies", "carried tensors that are copied in each step">];
  let dependentDialects = ["mlir::linalg::LinalgDialect"];
}

def ForkLoops : Pass<"fork-loops", "mlir::func::FuncOp"> {
  let summary = "Runs loops that don't depend on one another side by side";
  let description = [{
    Such as the two directions of a recurrent layer, whose rounds have too little work to share out.

    ```mlir
    scf.for %t = ... { ... memref.copy %h, %y[%t, 0, ...] }
    scf.for %t = ... { ... memref.copy %g, %y[%s, 1, ...] }
    ==>
    scf.forall (%i) in (2) {
      %first = arith.cmpi eq, %i, %c0
      scf.if %first { scf.for %t = ... } else { scf.for %t = ... }
    }
    ```
  }];
  let statistics = [Statistic<"forked", "forked", "loops that run beside another">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::scf::SCFDialect"];
}

def PlanMemory : Pass<"plan-memory", "mlir::ModuleOp"> {
  let summary = "Puts every buffer into one workspace that the caller supplies";
  let description = [{
    Buffers whose lifetimes do not overlap share memory. Those with static sizes are packed at compile time; so are those
    whose sizes have the same symbolic factor (a batch size), in units of that factor. @plan computes the size of the
    workspace and the sizes of the results that aren't numbers: from the sizes of the inputs and, where sizes depend on
    values, from the content of some. What is small on the way to a size is computed there, too, on the stack. Checks
    (`cf.assert`) that can be made there are.

    A buffer whose size only the run knows stays `memref.alloc`, and so does the memory of an output of such a size:
    `rt.set_output` hands it over.

    ```mlir
    func.func @main(%x: memref<?xf32>, %out: memref<?xf32>) -> index {
      %a = memref.alloc(%n) : memref<?xf32>
    ==>
    func.func @main(%x: memref<?xf32>, %out: memref<?xf32>, %workspace: memref<?xi8>) {
      %a = memref.view %workspace[%offset][%n] : memref<?xi8> to memref<?xf32>
    func.func @plan(%x: memref<?xf32>) -> (index, index)
    ```
  }];
  let statistics = [Statistic<"placed", "placed", "buffers placed in the workspace">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::cf::ControlFlowDialect", "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "::onnxc::kernel::KernelDialect", "::onnxc::rt::RtDialect"];
}

def ReleaseInLoops : Pass<"release-in-loops", "mlir::func::FuncOp"> {
  let summary = "Gives memory that a loop has allocated back before the next round, or when that has replaced it";
  let description = [{
    ```mlir
    scf.while ... do {
      %0 = memref.alloc(%n) : memref<?xf32>
      scf.yield %i
    ==>
    scf.while ... do {
      %0 = memref.alloc(%n) : memref<?xf32>
      memref.dealloc %0
      scf.yield %i
    ```
  }];
  let statistics = [Statistic<"released", "released", "places where memory is given back">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect"];
}

def LinalgToTasks : Pass<"linalg-to-tasks", "mlir::func::FuncOp"> {
  let summary = "Lowers linalg on memrefs to parallel tasks of a useful size and loops that vectorise";
  let description = [{
    The outer parallel dimensions become one `scf.forall` over tasks; the innermost loop runs along the dimension in
    which most operands are contiguous. A reduction along it accumulates in a register.

    ```mlir
    linalg.generic {iterator_types = ["parallel", "parallel"]} ins(%a : memref<64x1024xf32>) outs(%b : memref<64x1024xf32>)
    ==>
    scf.forall (%task) in (4) {
      scf.for %i = %begin to %end step %c1 { %x = memref.load %a1[%i] ... memref.store %y, %b1[%i] }
    }
    ```
  }];
  let options = [Option<"lanes", "lanes", "unsigned", "16", "float32 lanes of a vector register">];
  let dependentDialects = ["mlir::affine::AffineDialect", "mlir::arith::ArithDialect", "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "mlir::vector::VectorDialect", "onnxc::rt::RtDialect"];
}

def OutlineParallel : Pass<"outline-parallel", "mlir::ModuleOp"> {
  let summary = "Makes every scf.forall a function that the caller's thread pool runs";
  let description = [{
    What the body uses goes through a struct on the stack. `onnxc_parallel` runs the tasks: on the
    pool, or in a loop when there is none.

    ```mlir
    scf.forall (%i) in (%n) { "use"(%m, %i) }
    ==>
    llvm.store %m', %context
    call @onnxc_parallel(%pool, %n, @main_task_0_entry, %context)
    ```
  }];
  let statistics = [Statistic<"tasks", "tasks", "parallel loops outlined">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::memref::MemRefDialect", "mlir::LLVM::LLVMDialect",
                           "mlir::scf::SCFDialect"];
}

def InsertCheckpoints : Pass<"insert-checkpoints", "mlir::ModuleOp"> {
  let summary = "Lets a run end early: before parallel loops, and in the rounds of long ones";
  let description = [{
    Loops of many small rounds are cut into pieces of 2^20.

    ```mlir
    call @onnxc_parallel(...)
    scf.while ... do { ... }
    ==>
    rt.checkpoint
    call @onnxc_parallel(...)
    scf.while ... do { rt.checkpoint ... }
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::scf::SCFDialect", "onnxc::rt::RtDialect"];
  let statistics = [Statistic<"checkpoints", "checkpoints", "places where a run may end">];
}

def KeepOuterLoops : Pass<"keep-outer-loops", "mlir::ModuleOp"> {
  let summary = "Keeps LLVM from unrolling loops that contain loops";
  let description = [{
    ```mlir
    scf.for { scf.for { ... } }
    ==>
    scf.for { scf.for { ... } } {llvm.loop_annotation = #llvm.loop_annotation<unroll = <disable = true>>}
    ```
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect"];
}

def ApplyLoopAnnotations : Pass<"apply-loop-annotations", "mlir::ModuleOp"> {
  let summary = "Gives annotations of loops to the branches that MLIR translates them from";
  let description = [{
    ```mlir
    llvm.br ^latch {llvm.loop_annotation = #a}
    ==>
    llvm.br ^latch {loop_annotation = #a}
    ```
  }];
}

def LowerRunTime : Pass<"lower-run-time", "mlir::ModuleOp"> {
  let summary = "Allocations that could not be planned, and the rt dialect, become calls of runtime/library";
  let description = [{
    @main gets the heap of the run as one more argument, where there is anything to do.

    ```mlir
    %0 = memref.alloc(%n) : memref<?xf32>
    ==>
    %p = func.call @onnxc_heap_buffer(%heap, %kept, %c4, %c1, %dims)
    cf.assert %notNull, "out of memory"
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::cf::ControlFlowDialect", "mlir::LLVM::LLVMDialect",
                           "mlir::memref::MemRefDialect"];
}

def LowerEntry : Pass<"lower-entry", "mlir::ModuleOp"> {
  let summary = "Gives @main and @plan the signature of runtime/include/onnxc/abi.h";
  let description = [{
    Both take an `onnxc_call *`, from which arguments are loaded and to which @plan stores. Constants become views into
    the weights of the call; the byte offset of each `memref.global` is its attribute `onnxc.offset`.

    ```mlir
    func.func @main(%x: memref<4xf32>, %out: memref<4xf32>, %workspace: memref<?xi8>, %pool: !llvm.ptr)
    ==>
    func.func @onnxc_run(%call: !llvm.ptr) -> i32
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::memref::MemRefDialect", "mlir::LLVM::LLVMDialect"];
}

def LowerChecks : Pass<"lower-checks", "mlir::ModuleOp"> {
  let summary = "A check that does not hold ends the call with an error status";
  let description = [{
    `error_site` of the call says which one: an index into the attribute `onnxc.error_sites` of the module.

    ```mlir
    cf.assert %holds, "Gather: index out of range"
    ==>
    cf.cond_br %holds, ^rest, ^fail
    ^fail:
      llvm.store %site, %call[4]
      return %c7_i32
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::cf::ControlFlowDialect", "mlir::LLVM::LLVMDialect"];
}

#endif // ONNXC_CODEGEN_CPU_PASSES_TD
