//===- dialects/onnx/ops/ContribGates.td ----------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The domain com.microsoft has no operations for these: ContribGates.cpp says what its gates and streams are made of.
include "dialects/onnx/Onnx.td"
