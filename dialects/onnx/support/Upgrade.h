//===- dialects/onnx/support/Upgrade.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the upgrades of older operator versions have in common from family to family.
#pragma once

#include "dialects/onnx/OnnxDialect.h"

namespace onnxc::onnx {

/// Before version 6 a node could name inputs whose memory it might reuse.
llvm::LogicalResult dropConsumedInputs(NodeForm &node);

/// Takes an attribute away that holds one integer; `otherwise` where the node has none.
int64_t takeInt(NodeForm &node, llvm::StringRef name, int64_t otherwise);
void setInt(NodeForm &node, llvm::StringRef name, int64_t value);
/// Gives an attribute the default that it had in an older version.
void setDefault(NodeForm &node, llvm::StringRef name, mlir::Attribute value);

/// An attribute became operand `i`: integers (one or a list) a vector of int64, a float a scalar of the first operand's
/// element type. Where it is absent, so is the operand.
llvm::LogicalResult attributeToOperand(NodeForm &node, llvm::StringRef name, unsigned i);

/// The type of operand `i`, or failure after an error: for upgrades that look at it.
llvm::FailureOr<mlir::RankedTensorType> getOperandType(NodeForm &node, unsigned i);

// Other operations that an upgrade makes: null after an error, or when an operand is null.
mlir::Value unsqueeze(NodeForm &node, mlir::Value value, llvm::ArrayRef<int64_t> axes);
mlir::Value reshape(NodeForm &node, mlir::Value value, llvm::ArrayRef<int64_t> sizes);
mlir::Value reshapeLike(NodeForm &node, mlir::Value value, mlir::Value model);

} // namespace onnxc::onnx
