//===- dialects/onnx/ops/ContribStates.td ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The domain com.microsoft has no operations for these: ContribStates.cpp says what operators with a state are made of.
include "dialects/onnx/Onnx.td"
