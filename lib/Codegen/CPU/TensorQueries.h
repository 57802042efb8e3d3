//===- lib/Codegen/CPU/TensorQueries.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What passes ask of an operation on tensors: what kind of loops it is, by structure and not by name, and whose memory
// its result takes.
#pragma once

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace onnxc::cpu {

/// A reduction over products of elements that different loops select: a matrix product in any disguise.
bool isContraction(mlir::linalg::LinalgOp op);

/// A contraction or a convolution: what becomes a kernel with an epilogue.
bool isHeavy(mlir::Operation *op);

/// The tensor that the operation which makes `result` writes over to make it, or whose place a loop carries it in. Null
/// when it makes a tensor of its own.
mlir::Value getOverwritten(mlir::OpResult result);

/// Whether `value` is, in some branch at least, a tensor with memory of its own, whatever it takes the place of: what a
/// loop hands to its next round where sizes change.
bool isRenewed(mlir::Value value);

/// What the body of a `while` sees of the tensor that its yield's operand `k` replaces; null when it sees nothing.
mlir::BlockArgument getCarried(mlir::scf::WhileOp loop, unsigned k);

/// Size of a tensor for comparison; a symbolic dimension counts as a medium one.
double estimateBytes(mlir::Value tensor);

} // namespace onnxc::cpu
