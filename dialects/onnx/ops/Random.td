//===- dialects/onnx/ops/Random.td ----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random numbers. What a node draws follows from its seed and the place of the element alone, in every run, on every
// machine and with every number of threads; import gives nodes without a seed one that follows from their name.
include "dialects/onnx/Onnx.td"

class Onnx_RandomOp<string name, dag operands, dag attributes, list<Trait> traits = []> : Onnx_Op<name, 22, traits> {
  let arguments = !con(operands, attributes, (ins OptionalAttr<F32Attr>:$seed));
  let results = (outs Onnx_Tensor:$output);
}

// Of the input the shape counts, and the type where there is no dtype: TakesBits.
defvar like = (ins Onnx_AnyTensor:$input, OptionalAttr<SI64Attr>:$dtype);
defvar shaped = (ins DenseI64ArrayAttr:$shape, DefaultValuedAttr<SI64Attr, "1">:$dtype);
defvar normal = (ins DefaultValuedAttr<F32Attr, "0.0">:$mean, DefaultValuedAttr<F32Attr, "1.0">:$scale);
defvar uniform = (ins DefaultValuedAttr<F32Attr, "0.0">:$low, DefaultValuedAttr<F32Attr, "1.0">:$high);

def Onnx_RandomNormalOp : Onnx_RandomOp<"RandomNormal", shaped, normal>;
def Onnx_RandomNormalLikeOp : Onnx_RandomOp<"RandomNormalLike", like, normal, [TakesBits]>;
def Onnx_RandomUniformOp : Onnx_RandomOp<"RandomUniform", shaped, uniform>;
def Onnx_RandomUniformLikeOp : Onnx_RandomOp<"RandomUniformLike", like, uniform, [TakesBits]>;

def Onnx_BernoulliOp : Onnx_RandomOp<"Bernoulli", (ins Onnx_Tensor:$input), (ins OptionalAttr<SI64Attr>:$dtype)> {
  let summary = "1 with the probability that the input says, else 0";
}

def Onnx_MultinomialOp : Onnx_RandomOp<"Multinomial", (ins Onnx_Tensor:$input),
                                       (ins DefaultValuedAttr<SI64Attr, "6">:$dtype,
                                            DefaultValuedAttr<SI64Attr, "1">:$sample_size)> {
  let summary = "Classes, drawn with the probabilities whose logarithms (but for a constant) a row of the input holds";
}
