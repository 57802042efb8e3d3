//===- dialects/onnx/ops/Nchwc.td -----------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The domain com.microsoft.nchwc has no operations of its own: Nchwc.cpp says what its operators are.
include "dialects/onnx/Onnx.td"
