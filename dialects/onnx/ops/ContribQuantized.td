//===- dialects/onnx/ops/ContribQuantized.td ------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The domain com.microsoft has no operations of its own: ContribQuantized.cpp says what those on quantised numbers are.
include "dialects/onnx/Onnx.td"
