//===- lib/Codegen/CPU/MemoryPlan.h ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What plan-memory decided, for people: onnxc --print-memory-plan.
#pragma once
#include "mlir/Pass/Pass.h"
#include <string>
#include <vector>

namespace onnxc {

struct MemoryPlan {
  struct Buffer {
    std::string name;            ///< of the node that writes it first
    int64_t first = 0, last = 0; ///< lifetime, in steps of the program
    int64_t units = 0, offset = 0;
  };
  struct Group {
    std::string unit; ///< "bytes", or what the units are multiplied with at run time: "x[0] * x[1]"
    int64_t total = 0;
    std::vector<Buffer> buffers;
    int64_t largestLiveSet() const;
  };
  std::vector<Group> groups;
  std::vector<unsigned> readInputs; ///< inputs of whose content sizes depend

  std::vector<std::pair<unsigned, unsigned>> runSizes; ///< output, dimension: those that only run() knows

  void print(llvm::raw_ostream &os) const;
};

/// plan-memory that also fills `report`, and puts buffers of a task on its stack up to `maxScratchOnStack` bytes.
std::unique_ptr<mlir::Pass> createPlanMemory(MemoryPlan *report, int64_t maxScratchOnStack);

} // namespace onnxc
