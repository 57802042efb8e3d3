//===- dialects/onnx/ops/ContribAttention.td ------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The domain com.microsoft has no operations of its own: ContribAttention.cpp says what its kinds of attention are.
include "dialects/onnx/Onnx.td"
