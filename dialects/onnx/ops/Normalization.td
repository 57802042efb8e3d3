//===- dialects/onnx/ops/Normalization.td ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Normalisations: the data shifted and scaled by statistics of itself, or by statistics learned before.
include "dialects/onnx/Onnx.td"

class F32<string default> : DefaultValuedAttr<F32Attr, default>;
class SI64<string default> : DefaultValuedAttr<SI64Attr, default>;

def Onnx_BatchNormalizationOp : Onnx_Op<"BatchNormalization", 15> {
  let summary = "Per channel, by the given mean and variance; in training by those of the batch";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$scale, Onnx_Tensor:$B, Onnx_Tensor:$input_mean,
                       Onnx_Tensor:$input_var, F32<"1e-5">:$epsilon, F32<"0.9">:$momentum, SI64<"0">:$training_mode);
  let results = (outs Onnx_Tensor:$Y, Onnx_Tensor:$running_mean, Onnx_Tensor:$running_var);
}

def Onnx_InstanceNormalizationOp : Onnx_Op<"InstanceNormalization", 22> {
  let summary = "Per channel of every instance";
  let arguments = (ins Onnx_Tensor:$input, Onnx_Tensor:$scale, Onnx_Tensor:$B, F32<"1e-5">:$epsilon);
  let results = (outs Onnx_Tensor:$output);
}

def Onnx_GroupNormalizationOp : Onnx_Op<"GroupNormalization", 21> {
  let summary = "Per group of channels of every instance";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$scale, Onnx_Tensor:$bias, F32<"1e-5">:$epsilon,
                       SI64Attr:$num_groups, SI64<"1">:$stash_type);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_LayerNormalizationOp : Onnx_Op<"LayerNormalization", 17> {
  let summary = "Over the dimensions from `axis` on";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$Scale, Onnx_OptionalTensor:$B, SI64<"-1">:$axis,
                       F32<"1e-5">:$epsilon, SI64<"1">:$stash_type);
  let results = (outs Onnx_Tensor:$Y, Onnx_Tensor:$Mean, Onnx_Tensor:$InvStdDev);
}

def Onnx_RMSNormalizationOp : Onnx_Op<"RMSNormalization", 23> {
  let summary = "By the root of the mean square over the dimensions from `axis` on";
  let arguments = (ins Onnx_Tensor:$X, Onnx_Tensor:$scale, SI64<"-1">:$axis, F32<"1e-5">:$epsilon,
                       SI64<"1">:$stash_type);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_LpNormalizationOp : Onnx_Op<"LpNormalization", 22> {
  let summary = "By the p-norm (p is 1 or 2) along an axis";
  let arguments = (ins Onnx_Tensor:$input, SI64<"-1">:$axis, SI64<"2">:$p);
  let results = (outs Onnx_Tensor:$output);
}

def Onnx_LRNOp : Onnx_Op<"LRN", 13> {
  let summary = "By the squares of neighbouring channels";
  let arguments = (ins Onnx_Tensor:$X, F32<"0.0001">:$alpha, F32<"0.75">:$beta, F32<"1.0">:$bias, SI64Attr:$size);
  let results = (outs Onnx_Tensor:$Y);
}

def Onnx_MeanVarianceNormalizationOp : Onnx_Op<"MeanVarianceNormalization", 13> {
  let summary = "(x - mean) / standard deviation over `axes`";
  let arguments = (ins Onnx_Tensor:$X, DefaultValuedAttr<DenseI64ArrayAttr, "{0, 2, 3}">:$axes);
  let results = (outs Onnx_Tensor:$Y);
}
