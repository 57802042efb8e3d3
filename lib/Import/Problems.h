//===- lib/Import/Problems.h -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What keeps a model from being compiled, collected over the whole model and reported at once.
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <string>
#include <vector>

namespace onnxc {

class Problems {
public:
  /// `what` is wrong ("GridSample (ai.onnx, opset 16): not implemented") at the node or value called `where`.
  /// The same `what` is reported once, with all its places. `where` may be empty: then it is the model that `what` is
  /// about, or the command line.
  void add(mlir::Location loc, std::string what, llvm::StringRef where);
  /// All of `others`.
  void add(const Problems &others);
  /// What is wrong first.
  llvm::StringRef first() const { return groups.front().what; }
  bool empty() const { return groups.empty(); }
  /// Whether the model is in order, and it is only onnxc that lacks something. By convention such a message, and no
  /// other, says "not implemented" or "not supported".
  bool areLimitations() const;
  /// One error with a note per kind of problem.
  void report(mlir::Location model) const;

private:
  struct Group {
    mlir::Location first;
    std::string what;
    size_t count = 0;
    llvm::SmallVector<std::string, 4> names; // of the first few places
  };
  std::vector<Group> groups;
  llvm::StringMap<size_t> indices; ///< of groups, by `what`
  size_t dropped = 0;
};

/// Collects the errors that are reported while it lives, instead of showing them.
class ErrorCollector {
public:
  explicit ErrorCollector(mlir::MLIRContext *context);
  /// The messages, without the prefix that names the operation.
  std::string take();

private:
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace onnxc
