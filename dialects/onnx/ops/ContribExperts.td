//===- dialects/onnx/ops/ContribExperts.td --------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mixtures of experts have no operations of their own: ContribExperts.cpp says what they are made of.
include "dialects/onnx/Onnx.td"
