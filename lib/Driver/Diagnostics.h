//===- lib/Driver/Diagnostics.h ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Diagnostics in the words of somebody who has a model, not an IR.
#pragma once
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include <string>
#include <vector>

namespace onnxc {

/// The text on one line that a terminal shows as it is: control characters, what changes the direction of writing, and
/// bytes that aren't UTF-8 become escapes (\n, \u{202e}, \x9f). Names in a model may be anything.
std::string escapeText(llvm::StringRef text);

/// What was reported while a model was compiled: lines "model.onnx: error: node 'x' (Conv): group 3 does not ...".
///
/// A warning is "what is wrong; assumed: what it is taken for". Inference is repeated, and
/// exporters repeat themselves: the same warning of the same node counts once, that of several nodes is one line with
/// all their names.
class DiagnosticLog {
public:
  explicit DiagnosticLog(std::string path) : path(std::move(path)) {}

  void add(mlir::Diagnostic &diagnostic);
  void addError(llvm::StringRef message);
  /// How many kinds of warnings there are.
  size_t countWarnings() const { return warningKinds.size() + droppedKinds.size(); }

  struct Style {
    bool showsWarnings = true, warningsAreErrors = false;
    bool tellsAssumptions = false; ///< in a last line: what the warnings say it was taken for
  };
  std::string text(Style style) const;

private:
  struct Entry {
    std::string place; ///< "model.onnx", or with line and column
    mlir::DiagnosticSeverity severity = mlir::DiagnosticSeverity::Error;
    std::string node, type, message;         ///< the first two may be empty
    llvm::SmallVector<std::string, 4> names; ///< of the first few nodes with this warning
    llvm::DenseSet<uint64_t> nodes;          ///< hashes of the names of all
  };
  Entry makeEntry(mlir::Diagnostic &diagnostic) const;
  void addWarning(Entry entry);

  std::string path;
  std::vector<Entry> entries;
  llvm::StringMap<size_t> warningKinds;  ///< index of the entry
  llvm::DenseSet<uint64_t> droppedKinds; ///< hashes of warnings of which there are too many
};

} // namespace onnxc
