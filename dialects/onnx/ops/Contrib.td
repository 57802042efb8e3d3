//===- dialects/onnx/ops/Contrib.td ---------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The domain com.microsoft has no operations of its own: Contrib.cpp says what its operators are made of.
include "dialects/onnx/Onnx.td"
