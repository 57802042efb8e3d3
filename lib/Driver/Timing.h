//===- lib/Driver/Timing.h ---------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the passes of a phase took.
#pragma once

#include "mlir/Pass/PassInstrumentation.h"
#include <string>
#include <vector>

namespace onnxc {

/// Processor seconds of this process so far, by all its threads.
double getProcessorSeconds();

/// Processor seconds per pass, in the order in which they first ran. What a pass runs inside (the functions of a
/// module) counts together.
class PassTimes : public mlir::PassInstrumentation {
public:
  struct Entry {
    std::string pass;
    double seconds = 0, start = 0;
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
