//===- dialects/onnx/support/Forgive.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What exporters write a little wrong in operators of several families, set right with a warning.
#pragma once

#include "dialects/onnx/OnnxDialect.h"

namespace onnxc::onnx {

/// For operands that the operator takes as vectors (axes, repeats, a shape): a scalar becomes a vector of one element.
/// `names` are what the specification calls the operator's operands.
llvm::LogicalResult makeVectors(NodeForm &node, llvm::ArrayRef<unsigned> operands,
                                llvm::ArrayRef<llvm::StringRef> names);

/// The upgrade, for every version, that does so for these operands of an operator.
template <typename OpT, unsigned... operands> llvm::LogicalResult makeVectors(NodeForm &node) {
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(OpT::argumentNames).split(names, ' ');
  return makeVectors(node, {operands...}, names);
}
inline constexpr int64_t kAnyVersion = std::numeric_limits<int64_t>::max();

/// Text as compiled models hold it, which ends at the first zero byte: one inside of it becomes the two bytes C0 80, as
/// in Java's modified UTF-8, which UTF-8 has no use for.
std::string encodeZeroBytes(llvm::StringRef text);
/// A string of the attribute `name` at `where`, with a warning where it has a zero byte.
std::string encodeZeroBytes(mlir::Location where, llvm::StringRef name, llvm::StringRef text);

} // namespace onnxc::onnx
