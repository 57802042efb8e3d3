//===- lib/Driver/Timing.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How long the passes of a phase took. See Timing.h.
#include "lib/Driver/Timing.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace onnxc;
using Clock = std::chrono::steady_clock;

/// Those that only hold other passes; their time is that of what they hold.
static bool isAdaptor(Pass *pass) { return pass->getArgument().empty(); }

void PassTimes::runBeforePass(Pass *pass, Operation *) {
  if (isAdaptor(pass))
    return;
  auto [at, isNew] = indices.try_emplace(pass, entries.size());
  if (isNew)
    entries.push_back({pass->getArgument().str(), 0, {}});
  entries[at->second].start = Clock::now();
}

void PassTimes::runAfterPass(Pass *pass, Operation *) {
  if (isAdaptor(pass))
    return;
  Entry &entry = entries[indices.lookup(pass)];
  entry.seconds += std::chrono::duration<double>(Clock::now() - entry.start).count();
}
