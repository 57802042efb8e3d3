//===- dialects/onnx/ops/QuantSchemes.td ----------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Quantisers of training tools have no operations of their own: QuantSchemes.cpp says what they are made of.
include "dialects/onnx/Onnx.td"
