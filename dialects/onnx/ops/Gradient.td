//===- dialects/onnx/ops/Gradient.td --------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gradient of ai.onnx.preview.training has no operation of its own: Gradient.cpp makes the derivatives of others.
include "dialects/onnx/Onnx.td"
