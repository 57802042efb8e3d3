//===- dialects/onnx/support/Branches.h --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is known of the branches of an If: which one runs, and whether their results have one rank.
#pragma once

#include "dialects/onnx/ops/ControlFlow.h"

namespace onnxc::onnx {

/// Whether only the run knows the rank of `value`: the branches of the If that makes it give different ones. The type
/// of such a value has the highest rank; what the run gives are the last dimensions, and those before them are 1.
bool hasRankOfRun(mlir::Value value);

/// The branch (0: then) that an If with this condition takes in `block`, where what is around the block tells: a branch
/// of an If with the same condition.
std::optional<unsigned> impliedBranch(mlir::Block *block, mlir::Value condition);

/// What follows fits the results of one branch only, and the other is empty: a run that asks for that ends with the
/// message `misfit`.
void setOnlyBranch(IfOp op, unsigned branch, llvm::StringRef misfit);
std::optional<unsigned> getOnlyBranch(IfOp op);
llvm::StringRef getMisfit(IfOp op);

/// The branch whose condition is known when the model is compiled.
std::optional<unsigned> knownBranch(mlir::Value condition);

} // namespace onnxc::onnx
