//===- lib/Driver/Timing.h ---------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How long the passes of a phase took.
#pragma once

#include "mlir/Pass/PassInstrumentation.h"
#include <chrono>
#include <string>
#include <vector>

namespace onnxc {

/// Seconds per pass, in the order in which they first ran. What a pass runs inside (the functions of a module) counts
/// together.
class PassTimes : public mlir::PassInstrumentation {
public:
  struct Entry {
    std::string pass;
    double seconds = 0;
    std::chrono::steady_clock::time_point start;
  };
  explicit PassTimes(std::vector<Entry> &entries) : entries(entries) {}

  void runBeforePass(mlir::Pass *pass, mlir::Operation *) override;
  void runAfterPass(mlir::Pass *pass, mlir::Operation *) override;
  void runAfterPassFailed(mlir::Pass *pass, mlir::Operation *op) override { runAfterPass(pass, op); }

private:
  std::vector<Entry> &entries;
  llvm::DenseMap<mlir::Pass *, size_t> indices;
};

} // namespace onnxc
