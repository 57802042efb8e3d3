//===- dialects/kernel/Kernel.td ------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel dialect: the few operations that decide a model's speed, each emitted by hand for a target.
#ifndef KERNEL_TD
#define KERNEL_TD

include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::onnxc::kernel";
  let summary = "Compute kernels with packed weights and fused epilogues, on tensors and on memrefs";
  let description = [{
    Every operation is in destination-passing style: it overwrites its `outs` operand and reads nothing from it, nor from its
    `scratch` where it has one. It exists on tensors (with results) and on memrefs (without).

    An epilogue says what becomes of a finished element before it is stored: its block takes the element and one element
    of each extra operand, and yields the result element. An empty region stores the element as it is.

    Weights are constants that say how their bytes are made of those of the model: the bytes are there only while they
    are written, one tensor after the other (dialects/kernel/Weights.h).
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::memref::MemRefDialect"];
}

class Kernel_Constant<string name, string mnemonicName> : AttrDef<Kernel_Dialect, name, [ElementsAttrInterface]> {
  let mnemonic = mnemonicName;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Kernel_ViewAttr : Kernel_Constant<"View", "view"> {
  let summary = "Elements of another constant in another order, or as f32 where they are f16, bf16 or few bits";
  let description = [{
    Element (i...) is the one of `source`, in row-major order, at `offset` + sum of i * stride. With `bits` other than 0
    (2, 4 or 8), what counts as elements of `source` are the unsigned numbers of that many bits in its bytes, those in the
    low bits first, less 2^(bits - 1).
  }];
  let parameters = (ins AttributeSelfTypeParameter<"", "::mlir::ShapedType">:$type, "::mlir::ElementsAttr":$source,
                    "int64_t":$offset, ArrayRefParameter<"int64_t">:$strides, "int64_t":$bits);
  let builders = [AttrBuilderWithInferredContext<
      (ins "::mlir::ShapedType":$type, "::mlir::ElementsAttr":$source, "int64_t":$offset,
           "::llvm::ArrayRef<int64_t>":$strides, "int64_t":$bits),
      "return $_get(type.getContext(), type, source, offset, strides, bits);">];
}

def Kernel_PackedAttr : Kernel_Constant<"Packed", "packed"> {
  let summary = "The right side of a kernel.contract, packed as its description says";
  let description = [{
    `sources` are constants of which there can be views: the right side, and for blocks their scales and zeros, if any.
    Its dimensions are those that `map` gives of (b, n, k), whose sizes are `sizes`, `batchDims` of them b.
  }];
  let parameters = (ins AttributeSelfTypeParameter<"", "::mlir::ShapedType">:$type, "::onnxc::kernel::Packing":$packing,
                    ArrayRefParameter<"::mlir::ElementsAttr">:$sources, "::mlir::AffineMap":$map,
                    ArrayRefParameter<"int64_t">:$sizes, "int64_t":$batchDims, "int64_t":$lanes);
  let builders = [AttrBuilderWithInferredContext<
      (ins "::mlir::ShapedType":$type, "::onnxc::kernel::Packing":$packing,
           "::llvm::ArrayRef<::mlir::ElementsAttr>":$sources, "::mlir::AffineMap":$map,
           "::llvm::ArrayRef<int64_t>":$sizes, "int64_t":$batchDims, "int64_t":$lanes),
      "return $_get(type.getContext(), type, packing, sources, map, sizes, batchDims, lanes);">];
}

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, !listconcat(traits, [
          DeclareOpInterfaceMethods<BufferizableOpInterface,
              ["bufferizesToMemoryRead", "bufferizesToMemoryWrite", "getAliasingValues", "bufferize"]>,
          DeclareOpInterfaceMethods<DestinationStyleOpInterface>,
          DeclareOpInterfaceMethods<MemoryEffectsOpInterface>])> {
  let hasVerifier = 1;
}

def Kernel_Shaped : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef]>;

def Kernel_ContractOp : Kernel_Op<"contract", [IsolatedFromAbove]> {
  let summary = "Sum of products over a packed right side: matrix products and convolutions";
  let description = [{
    `outs[b, m, n] = epilogue(sum over k of lhs[...] * rhs[b, n, k], extras[...])`

    `dims` names the iteration dimensions in order: `b` (batch: in all three), `m` (rows: in lhs and outs), one `n`
    (columns, contiguous in outs) and `k` (reduced). `maps` are the indexing maps of lhs, outs and every extra operand over
    these dimensions. The map of lhs is linear, so a convolution is a contraction whose lhs is read at
    `d1 * stride + d4 * dilation`.

    `rhs` is packed as `[b..., ceil(N / V), k..., V]` with V lanes: panels that a register tile streams through. Its elements are
    f32, or f16 where all of them can be.

    With `bits`, elements of rhs are `(number - zero) * scale`, where a number has so many bits and a scale (and zero, if
    there are any) belongs to a block of numbers. There are two `k`, the blocks of a column and the numbers of a block,
    and rhs is `[ceil(N / V), blocks, words, V]` of i32: each word holds 32 / bits numbers, the first one lowest; the last
    word of a block is its scale, or the last two are its scale and zero, as the bits of an f32.

    With `sizes`, those of every `k`, lhs is i8 (signed, or `unsigned_lhs`), and so are the elements of rhs (signed); sums
    are i32. rhs is `[b..., ceil(N / V), words, V]` of i32: each word holds four elements of the last `k`, the first one
    lowest, with zeros past the last; behind the words of a column is their sum.

    ```mlir
    kernel.contract "mnk" ins(%a, %packed : tensor<197x768xf32>, tensor<48x768x16xf32>) outs(%c : tensor<197x768xf32>)
      extras(%bias : tensor<768xf32>) epilogue {
      ^bb0(%sum: f32, %b: f32):
        %0 = arith.addf %sum, %b : f32
        kernel.yield %0 : f32
    } {maps = [...]} -> tensor<197x768xf32>
    ```
  }];
  let arguments = (ins Kernel_Shaped:$lhs, Kernel_Shaped:$rhs, Variadic<Kernel_Shaped>:$extras, Kernel_Shaped:$init,
                       StrAttr:$dims, AffineMapArrayAttr:$maps, OptionalAttr<I64Attr>:$bits,
                       OptionalAttr<DenseI64ArrayAttr>:$sizes, UnitAttr:$unsigned_lhs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region MaxSizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    $dims `ins` `(` $lhs `,` $rhs `:` type($lhs) `,` type($rhs) `)` `outs` `(` $init `:` type($init) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)? (`epilogue` $epilogue^)? attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    unsigned count(char role) { return getDims().count(role); }
    ::mlir::AffineMap getLhsMap() { return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[0]).getValue(); }
    ::mlir::AffineMap getInitMap() { return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[1]).getValue(); }
    ::mlir::AffineMap getExtraMap(unsigned i) { return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[2 + i]).getValue(); }
    unsigned getColumnDim() { return getDims().find('n'); }
  }];
}

def Kernel_DepthwiseOp : Kernel_Op<"depthwise", [IsolatedFromAbove]> {
  let summary = "Depthwise 2-D convolution, channels innermost";
  let description = [{
    `outs[n, h, w, c] = epilogue(sum over r, s of lhs[n, h * sh + r * dh, w * sw + s * dw, c] * filter[r, s, c], extras[...])`

    `maps` are the indexing maps of the extra operands over (n, h, w, c). Elements are f32; or those of lhs are i8, those of
    filter i8 or i16, and sums i32.
  }];
  let arguments = (ins Kernel_Shaped:$lhs, Kernel_Shaped:$filter, Variadic<Kernel_Shaped>:$extras, Kernel_Shaped:$init,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, AffineMapArrayAttr:$maps);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region MaxSizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `ins` `(` $lhs `,` $filter `:` type($lhs) `,` type($filter) `)` `outs` `(` $init `:` type($init) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)? (`epilogue` $epilogue^)? attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::AffineMap getExtraMap(unsigned i) { return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[i]).getValue(); }
  }];
}

def Kernel_WinogradFilterOp : Kernel_Op<"winograd_filter"> {
  let summary = "The transformed weights of kernel.winograd";
  let description = [{
    `outs[x, n / V, c, n % V] = G * source[n / V, :, :, c, n % V] * G'`: 16 or 36 values x, for tiles of 2 or 4 outputs, for
    the 3 x 3 weights of every pair of channels, both sides packed as for `kernel.contract`.
  }];
  let arguments = (ins Kernel_Shaped:$source, Kernel_Shaped:$init);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $source `:` type($source) `)` `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

def Kernel_WinogradOp : Kernel_Op<"winograd", [IsolatedFromAbove]> {
  let summary = "A 3x3 convolution of stride 1 with fewer multiplications than its definition has";
  let description = [{
    `outs[n, h, w, k] = epilogue(sum over r, s, c of lhs[n, h + r, w + s, c] * weight[r, s, c, k], extras[...])` by F(m x m,
    3 x 3) of Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2015): m (`tile`) is 2, which takes 4
    multiplications for every 9, or 4, which takes 9 for every 36. A tile of m + 2 by m + 2 pixels of every channel is
    transformed, multiplied by the transformed weights, summed over the channels, and transformed back to m by m pixels.

    `filter` holds the weights that kernel.winograd_filter has transformed; or, where an image has few tiles, the 3 x 3
    weights as they are, packed as for `kernel.contract`. The numbers of channels are static. `scratch` holds what
    a task transforms and sums, a row of it for each slot (`kernel.slot`).
    `maps` are the indexing maps of the extra operands over (n, h, w, k).
  }];
  let arguments = (ins Kernel_Shaped:$lhs, Kernel_Shaped:$filter, Variadic<Kernel_Shaped>:$extras, Kernel_Shaped:$scratch,
                       Kernel_Shaped:$init, I64Attr:$tile, AffineMapArrayAttr:$maps);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region MaxSizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    $tile `ins` `(` $lhs `,` $filter `:` type($lhs) `,` type($filter) `)` `scratch` `(` $scratch `:` type($scratch) `)`
    `outs` `(` $init `:` type($init) `)` (`extras` `(` $extras^ `:` type($extras) `)`)? (`epilogue` $epilogue^)? attr-dict
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::AffineMap getExtraMap(unsigned i) { return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[i]).getValue(); }
  }];
}

def Kernel_PackOp : Kernel_Op<"pack"> {
  let summary = "Packs the right side of a contraction at run time";
  let description = [{
    `outs[b, n / V, k, n % V] = source[map(b, n, k)]`, with zeros past the last n. `map` is a projected permutation.
  }];
  let arguments = (ins Kernel_Shaped:$source, Kernel_Shaped:$init, I64Attr:$batchDims, AffineMapAttr:$map);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $source `:` type($source) `)` `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

def Kernel_FillBorderOp : Kernel_Op<"fill_border"> {
  let summary = "Fills the border of a buffer, the inside of which another operation writes";
  let description = [{
    `value` goes to every element of the border. Element i of a dimension belongs to the border when `i < low` or `i >= size - high`. The inside of the result is
    undefined until it is inserted, so that the operation which computes it can write it there directly.
  }];
  let arguments = (ins Kernel_Shaped:$init, TypedAttrInterface:$value, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $value `outs` `(` $init `:` type($init) `)` `low` $low `high` $high attr-dict (`->` type($results)^)?
  }];
}

def Kernel_AssembleOp : Kernel_Op<"assemble", [AttrSizedOperandSegments]> {
  let summary = "A tensor made of parts that do not overlap: Concat";
  let description = [{
    Part i is at the offsets `offsets[i * rank] ... offsets[(i + 1) * rank - 1]`. The parts cover the whole.

    One operation for all parts, and not one insertion for each: what looks at pairs of writes to a tensor takes a time
    that grows with the cube of their number.
  }];
  let arguments = (ins Variadic<Kernel_Shaped>:$parts, Variadic<Index>:$offsets, Kernel_Shaped:$init,
                       DenseI64ArrayAttr:$static_offsets);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `parts` `(` $parts `:` type($parts) `)` `at` custom<DynamicIndexList>($offsets, $static_offsets)
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    /// Where part `i` begins, in every dimension.
    ::llvm::SmallVector<::mlir::OpFoldResult> getOffsetsOf(unsigned i);
  }];
}

def Kernel_SlotOp : Op<Kernel_Dialect, "slot", [Pure, SameOperandsAndResultType]> {
  let summary = "Which of `count` pieces of scratch memory a task may use";
  let description = [{
    Tasks that run at the same time have different slots. `task` is below `count` and differs from task to task. Where there
    are as many slots as threads, each thread has its own and finds in it what its caches already hold.
  }];
  let arguments = (ins Index:$task, Index:$count);
  let results = (outs Index:$slot);
  let assemblyFormat = "$task `of` $count attr-dict";
}

def Kernel_YieldOp : Op<Kernel_Dialect, "yield", [Pure, ReturnLike, Terminator]> {
  let summary = "The result element of an epilogue";
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // KERNEL_TD
