//===- dialects/onnx/ops/ControlFlow.td -----------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators with bodies: If, Loop and Scan. A body is a region that sees the values around it.
include "dialects/onnx/Onnx.td"

def Onnx_YieldOp : Op<Onnx_Dialect, "Yield", [Pure, Terminator]> {
  let summary = "The outputs of a body";
  let arguments = (ins Variadic<AnyType>:$values);
  let builders = [OpBuilder<(ins), "(void)$_state;">];
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

class Onnx_BodyOp<string name, int since, list<string> implements = []>
    : Onnx_Op<name, since, [DeclareOpInterfaceMethods<OnnxBodyInterface, implements>,
                            SingleBlockImplicitTerminator<"YieldOp">, TakesBits]> {
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = "operands regions attr-dict `:` functional-type(operands, results)";
}

def Onnx_IfOp : Onnx_BodyOp<"If", 25, ["chooseBody", "checkUses"]> {
  let summary = "The results of one of two bodies";
  let description = [{
    Where the sizes of a result differ between the branches, they are fresh symbols. Where ranks differ, the result has
    the higher one, and the other branch's dimensions of size 1 before its own (support/Branches.h): only what hands it on may
    use it. `onnx.only_branch` is the branch whose results fit what follows, where the other's do not, which is empty then,
    and `onnx.misfit` says why.}];
  let arguments = (ins Onnx_Tensor:$cond);
  let regions = (region SizedRegion<1>:$then_branch, SizedRegion<1>:$else_branch);
}

def Onnx_LoopOp : Onnx_BodyOp<"Loop", 25> {
  let summary = "A body over and over, with values that one round hands to the next";
  let description = [{
    The arguments of the body are the number of the round, the condition and the carried values; it yields the condition,
    the carried values and a slice of every scan output. `onnx.varying` lists the sizes of carried values that change from
    round to round, as (number of the value, dimension, symbol that the size is inside).}];
  let arguments = (ins Onnx_OptionalTensor:$M, Onnx_OptionalTensor:$cond, Variadic<Onnx_Value>:$v_initial);
  let regions = (region SizedRegion<1>:$body);
}

class Onnx_ScanOpBase<string name, int since, dag inputs, dag attributes> : Onnx_BodyOp<name, since> {
  let arguments = !con(inputs, (ins Variadic<Onnx_AnyTensor>:$initial_state_and_scan_inputs, SI64Attr:$num_scan_inputs),
                       attributes);
  let regions = (region SizedRegion<1>:$body);
}

def Onnx_ScanOp : Onnx_ScanOpBase<"Scan", 25, (ins),
    (ins OptionalAttr<DenseI64ArrayAttr>:$scan_input_axes, OptionalAttr<DenseI64ArrayAttr>:$scan_input_directions,
         OptionalAttr<DenseI64ArrayAttr>:$scan_output_axes, OptionalAttr<DenseI64ArrayAttr>:$scan_output_directions)> {
  let summary = "A body for every slice of the scan inputs";
  let description = "States are what Loop calls carried values (`onnx.varying`).";
}

def Onnx_BatchScanOp : Onnx_ScanOpBase<"BatchScan", 8, (ins Onnx_OptionalTensor:$sequence_lens),
                                       (ins OptionalAttr<DenseI64ArrayAttr>:$directions)> {
  let summary = "Scan as it was in version 8: for every element of a batch, for every step of its sequence";
  let description = [{
    Operands and results have the batch before everything else and scan inputs and outputs the sequence next. Scan outputs
    are zero beyond the length of a sequence.}];
}
