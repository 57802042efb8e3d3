//===- dialects/onnx/support/Upgrade.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the upgrades of older operator versions have in common from family to family.
#pragma once

#include "dialects/onnx/OnnxOp.h"

namespace onnxc::onnx {

/// Before version 6 a node could name inputs whose memory it might reuse.
llvm::LogicalResult dropConsumedInputs(NodeForm &node);

/// Takes an attribute away that holds one integer; `otherwise` where the node has none.
int64_t takeInt(NodeForm &node, llvm::StringRef name, int64_t otherwise);
void setInt(NodeForm &node, llvm::StringRef name, int64_t value);
/// Gives an attribute the default that it had in an older version.
void setDefault(NodeForm &node, llvm::StringRef name, mlir::Attribute value);

/// Takes away those attributes that an operator of the dialect has, for one that is made of it.
llvm::SmallVector<mlir::NamedAttribute> takeThoseOf(NodeForm &node, llvm::StringRef operation);
template <typename OpT> llvm::SmallVector<mlir::NamedAttribute> takeThoseOf(NodeForm &node) {
  return takeThoseOf(node, OpT::getOperationName());
}

/// An attribute became operand `i`: integers (one or a list) a vector of int64, a float a scalar of the first operand's
/// element type. Where it is absent, so is the operand.
llvm::LogicalResult attributeToOperand(NodeForm &node, llvm::StringRef name, unsigned i);

/// The type of operand `i`, or failure after an error: for upgrades that look at it.
llvm::FailureOr<mlir::RankedTensorType> getOperandType(NodeForm &node, unsigned i);

/// The attributes of operations that an upgrade makes.
mlir::NamedAttribute intAttr(NodeForm &node, llvm::StringRef name, int64_t value);
mlir::NamedAttribute intsAttr(NodeForm &node, llvm::StringRef name, llvm::ArrayRef<int64_t> values);
mlir::NamedAttribute floatAttr(NodeForm &node, llvm::StringRef name, double value);
/// Takes an attribute away that holds one float; `otherwise` where the node has none.
double takeFloat(NodeForm &node, llvm::StringRef name, double otherwise);

/// An absent operand, and the operand where absent is one of the ways that it can be.
mlir::Value absent(NodeForm &node);
mlir::Value orAbsent(NodeForm &node, mlir::Value value);
/// Reports the first of the inputs from 0 to `count` that is absent.
llvm::LogicalResult requireOperands(NodeForm &node, unsigned count);
/// Makes `values` the results of the node; failure when one is null.
llvm::LogicalResult finish(NodeForm &node, llvm::ArrayRef<mlir::Value> values);

// Other operations that an upgrade makes: null after an error, or when an operand is null.

/// The first result of the operation.
template <typename OpT>
mlir::Value build(NodeForm &node, llvm::ArrayRef<mlir::Value> operands,
                  llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
  if (llvm::is_contained(operands, mlir::Value()))
    return {};
  auto op = make<OpT>(node.b, operands, attributes, OpT::getArity().results);
  return op ? mlir::Value(op->getResult(0)) : mlir::Value();
}
mlir::Value unsqueeze(NodeForm &node, mlir::Value value, llvm::ArrayRef<int64_t> axes);
mlir::Value reshape(NodeForm &node, mlir::Value value, llvm::ArrayRef<int64_t> sizes);
mlir::Value reshapeLike(NodeForm &node, mlir::Value value, mlir::Value model);
/// The last dimension as several, of which one may be -1.
mlir::Value splitLast(NodeForm &node, mlir::Value value, llvm::ArrayRef<int64_t> sizes);
/// The two last dimensions swapped; a vector stays one.
mlir::Value transposeLast(NodeForm &node, mlir::Value value);
/// As Cast has it.
mlir::Value castTo(NodeForm &node, mlir::Value value, mlir::Type elementType);
/// The size of dimension `axis`, which may count from the end: an int64 tensor [1].
mlir::Value dimensionOf(NodeForm &node, mlir::Value value, int64_t axis);
/// Elements from `from` up to `to` (all that follow where it is null) along `axis`: int64 tensors [1], negative ones
/// count from the end.
mlir::Value slice(NodeForm &node, mlir::Value value, int64_t axis, mlir::Value from, mlir::Value to = {});
/// The numbers 0, 1, ... before `count`, a tensor of one int64.
mlir::Value countTo(NodeForm &node, mlir::Value count);

/// The results of another operator of ai.onnx, as a node of version `opset` has them: one that is itself rewritten, or
/// has changed since.
llvm::FailureOr<llvm::SmallVector<mlir::Value>> expand(NodeForm &node, llvm::StringRef name, int64_t opset,
                                                       llvm::ArrayRef<mlir::Value> operands,
                                                       llvm::ArrayRef<mlir::NamedAttribute> attributes,
                                                       size_t results = 1);
/// The same with the attributes of the node that are left.
llvm::FailureOr<llvm::SmallVector<mlir::Value>> expandWithAttributes(NodeForm &node, llvm::StringRef name,
                                                                     int64_t opset,
                                                                     llvm::ArrayRef<mlir::Value> operands,
                                                                     size_t results = 1);

} // namespace onnxc::onnx
