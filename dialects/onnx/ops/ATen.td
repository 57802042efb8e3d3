//===- dialects/onnx/ops/ATen.td ------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PyTorch's own operators in ONNX files have no operations of their own: ATen.cpp says what they are made of.
include "dialects/onnx/Onnx.td"
