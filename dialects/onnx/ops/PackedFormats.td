//===- dialects/onnx/ops/PackedFormats.td ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights in the formats of GGML have no operations of their own: PackedFormats.cpp takes them apart on import.
include "dialects/onnx/Onnx.td"
