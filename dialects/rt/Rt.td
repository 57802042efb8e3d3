//===- dialects/rt/Rt.td --------------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rt dialect: calls of the C functions of runtime/library, which are linked into a model that needs them.
#ifndef RT_TD
#define RT_TD

include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Rt_Dialect : Dialect {
  let name = "rt";
  let cppNamespace = "::onnxc::rt";
  let summary = "What is known at run time only: sizes, sequences, text";
  let description = [{
    A handle (i64) is the address of an `onnxc_value` (runtime/include/onnxc/abi.h): a sequence, an optional, a map, or a
    tensor whose shape changes. What it points to never changes. An element of a string tensor is an i64, too: the
    address of zero-terminated UTF-8 that never changes either.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect"];
  let hasCanonicalizer = 1; // of views into what has no element
}

def Rt_Shaped : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef]>;
def Rt_Value : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef, I64]>;

def Rt_CallOp : Op<Rt_Dialect, "call", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<BufferizableOpInterface,
        ["bufferizesToMemoryRead", "bufferizesToMemoryWrite", "bufferizesToAllocation", "getAliasingValues", "isWritable",
         "bufferize"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Calls a function of runtime/library";
  let description = [{
    The function has the signature `onnxc_function` of runtime/library/library.h. `inputs` are tensors and handles; it
    overwrites `outs`, tensors whose sizes are known before the call. Results are first the tensors of `outs`, then tensors
    whose memory and dynamic sizes the function chooses, and handles. `types` are the ONNX element types of inputs, outs
    and further results, in this order (0 for a handle). Where the function returns k > 0 the run ends with
    `failures[k - 1]`. One that is `heapless` allocates nothing and can't fail: it may be in tasks and plans, too.

    ```mlir
    %n = rt.call "onnxc_nonzero" ins(%x : tensor<?xi8>) -> tensor<1x?xi64> {failures = [], types = array<i32: 9, 7>}
    ```
  }];
  let arguments = (ins StrAttr:$callee, Variadic<Rt_Value>:$inputs, Variadic<Rt_Shaped>:$outs, StrArrayAttr:$failures,
                       DenseI32ArrayAttr:$types, UnitAttr:$heapless);
  let results = (outs Variadic<Rt_Value>:$results);
  let assemblyFormat = [{
    $callee (`ins` `(` $inputs^ `:` type($inputs) `)`)? (`outs` `(` $outs^ `:` type($outs) `)`)?
    (`->` type($results)^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Rt_TextOp : Op<Rt_Dialect, "text", [Pure]> {
  let summary = "The address of zero-terminated strings, one after the other";
  let arguments = (ins StrAttr:$value);
  let results = (outs I64:$address);
  let assemblyFormat = "$value attr-dict";
}

def Rt_SetOutputOp : Op<Rt_Dialect, "set_output"> {
  let summary = "Hands the memory of an output to the caller";
  let arguments = (ins AnyStridedMemRef:$value, I64Attr:$index);
  let assemblyFormat = "$index `,` $value attr-dict `:` type($value)";
}

def Rt_CheckRangeOp : Op<Rt_Dialect, "check_range", [MemoryEffects<[MemWrite]>]> {
  let summary = "Ends the run unless a number is in [least, most]";
  let description = [{
    As `cf.assert` does, for a number that is data: it is no check of sizes, which the plan makes as far as it can.

    ```mlir
    rt.check_range %index in [%least, %most], "Gather: index out of range on axis 0"
    ```
  }];
  let arguments = (ins I64:$value, I64:$least, I64:$most, StrAttr:$message);
  let assemblyFormat = "$value `in` `[` $least `,` $most `]` `,` $message attr-dict";
}

def Rt_PositionOp : Op<Rt_Dialect, "position", [NoMemoryEffect]> {
  let summary = "The position that an index means, in the loops of an operator";
  let description = [{
    A negative index counts from the end. One that is out of range gives a position inside, and the run ends where the
    loops do: they have no branch, so they stay vectors. A plan does without the check.

    ```mlir
    %position = rt.position %index of %size, "Gather: index out of range on axis 0" : i64
    ```
  }];
  let arguments = (ins AnyTypeOf<[I32, I64]>:$index, Index:$size, StrAttr:$message);
  let results = (outs Index:$position);
  let assemblyFormat = "$index `of` $size `,` $message attr-dict `:` type($index)";
}

def Rt_CheckpointOp : Op<Rt_Dialect, "checkpoint"> {
  let summary = "Ends the run where the caller wants it to end (onnxc_call.cancel, onnxc_call.deadline)";
  let assemblyFormat = "attr-dict";
}

#endif // RT_TD
