//===- dialects/onnx/ops/Generation.td ------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Searches for the tokens that come next have no operations of their own: Generation.cpp says what they are made of.
include "dialects/onnx/Onnx.td"
