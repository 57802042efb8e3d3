//===- dialects/onnx/ops/Retired.td ---------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that ONNX has given up have no operations of their own: Retired.cpp says what they are made of.
include "dialects/onnx/Onnx.td"
