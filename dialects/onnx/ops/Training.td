//===- dialects/onnx/ops/Training.td --------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The domain ai.onnx.preview.training has no operations of its own: Training.cpp says what its operators are made of.
include "dialects/onnx/Onnx.td"
