//===- dialects/onnx/OnnxDialect.h -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dialect class, and the node form that upgrades of older operator versions work on.
#pragma once

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace onnxc::onnx {

/// A graph in an attribute of a node.
struct NodeGraph {
  /// Builds its nodes in the place of the node, with these inputs, and gives its outputs.
  std::function<llvm::FailureOr<llvm::SmallVector<mlir::Value>>(mlir::ValueRange)> build;
  /// Names and types that it declares of its inputs, sizes that aren't numbers as `?` without an expression; a null
  /// type where it declares none.
  llvm::SmallVector<std::pair<std::string, mlir::Type>> inputs;
  size_t outputCount = 0;

  explicit operator bool() const { return static_cast<bool>(build); }
  llvm::FailureOr<llvm::SmallVector<mlir::Value>> operator()(mlir::ValueRange arguments) const {
    return build(arguments);
  }
};

/// A node on its way into the dialect: an upgrade changes it in place until it has the operator's newest form.
/// Operands that an upgrade needs (a former attribute, say) are made with `b`.
struct NodeForm {
  mlir::ImplicitLocOpBuilder &b;
  std::string domain;                      ///< "" is ai.onnx
  std::string name;                        ///< operator
  int64_t opset;                           ///< version of the domain that the node was written for
  llvm::SmallVector<mlir::Value> operands; ///< absent ones are onnx.None
  mlir::NamedAttrList attributes;          ///< by ONNX name: i64, f32, string, dense i64/f32 arrays, elements, ...
  size_t resultCount;
  llvm::StringMap<NodeGraph> graphs; ///< those among the attributes, by name
  /// The value that a name has in the node's graph, for attributes that are names. Failure was reported; null, too.
  std::function<llvm::FailureOr<mlir::Value>(llvm::StringRef)> lookup;
  /// How many operations an upgrade has made, where that is not bounded: they count as nodes of the model.
  uint64_t madeCount = 0;
  /// Set when the upgrade has made the whole node itself: these are its results, and nothing else is built.
  std::optional<llvm::SmallVector<mlir::Value>> results;
  llvm::SmallDenseSet<size_t, 4> unnamed; ///< results before the last that have no name, so that nobody reads them
  /// The attributes, graphs among them, that an upgrade has asked for, there or not. Of a node that an upgrade makes by
  /// itself these are all that the operator has: others mean nothing (lib/Import/Nodes.cpp).
  llvm::StringSet<> known = {};

  bool isRead(size_t result) const { return result < resultCount && !unnamed.contains(result); }
  /// The operand, or null when the node has fewer or the operand is absent.
  mlir::Value operand(size_t i) const;
  /// Makes operand `i` be `value`, filling with onnx.None up to there.
  void setOperand(size_t i, mlir::Value value);
  /// A constant of shape [values.size()], or a scalar of element type `type`.
  mlir::Value constant(llvm::ArrayRef<int64_t> values);
  mlir::Value scalar(double value, mlir::Type type);
  /// Attribute `name` (null when the node has none); `take` takes it away.
  mlir::Attribute get(llvm::StringRef name);
  mlir::Attribute take(llvm::StringRef name);
  /// Takes those away that change nothing here.
  void ignore(std::initializer_list<llvm::StringRef> names);
  /// The attribute that is a graph; null when the node has none.
  const NodeGraph *graph(llvm::StringRef name);
  /// A diagnostic at the node.
  mlir::InFlightDiagnostic error() const { return mlir::emitError(b.getLoc()); }
};

} // namespace onnxc::onnx

#include "dialects/onnx/OnnxDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/onnx/OnnxTypes.h.inc"
