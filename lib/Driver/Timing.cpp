//===- lib/Driver/Timing.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the passes of a phase took. See Timing.h.
#include "lib/Driver/Timing.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/Process.h"
#include <chrono>

using namespace mlir;
using namespace onnxc;

double onnxc::getProcessorSeconds() {
  llvm::sys::TimePoint<> now;
  std::chrono::nanoseconds user, system;
  llvm::sys::Process::GetTimeUsage(now, user, system);
  return std::chrono::duration<double>(user + system).count();
}

/// Those that only hold other passes; their time is that of what they hold.
static bool isAdaptor(Pass *pass) { return pass->getArgument().empty(); }

void PassTimes::runBeforePass(Pass *pass, Operation *) {
  if (isAdaptor(pass))
    return;
  auto [at, isNew] = indices.try_emplace(pass, entries.size());
  if (isNew)
    entries.push_back({pass->getArgument().str()});
  entries[at->second].start = getProcessorSeconds();
}

void PassTimes::runAfterPass(Pass *pass, Operation *) {
  if (isAdaptor(pass))
    return;
  Entry &entry = entries[indices.lookup(pass)];
  entry.seconds += getProcessorSeconds() - entry.start;
}
