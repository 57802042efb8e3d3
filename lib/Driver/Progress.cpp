//===- lib/Driver/Progress.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Says on standard error what a compilation is at. See Progress.h.
#include "lib/Driver/Progress.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace onnxc;
using Clock = std::chrono::steady_clock;

/// What takes less than the first is not worth a line; the second is between lines of one phase.
static constexpr std::chrono::seconds kPatience(2), kInterval(15);

Progress::Progress(ProgressKind kind, std::string model) : kind(kind), model(std::move(model)), start(Clock::now()) {
  if (kind == ProgressKind::Lines)
    watcher = std::thread([this] { watch(); });
}

Progress::~Progress() {
  if (kind == ProgressKind::Terminal)
    llvm::errs() << "\r\033[K";
  {
    std::lock_guard<std::mutex> lock(mutex);
    isDone = true;
  }
  changed.notify_one();
  if (watcher.joinable())
    watcher.join();
}

void Progress::say(const char *what) {
  double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  llvm::errs() << model << ": " << llvm::format("%.0f s: ", seconds) << phase << words << what << "\n";
}

void Progress::enter(const std::string &name) {
  std::lock_guard<std::mutex> lock(mutex);
  phase = name;
  words.clear();
  if (kind == ProgressKind::Terminal)
    llvm::errs() << "\r\033[K" << model << ": " << phase << "\r";
  if (speaks)
    say("");
}

void Progress::note(const std::string &said) {
  std::lock_guard<std::mutex> lock(mutex);
  words = ", " + said;
  if (kind == ProgressKind::Terminal)
    llvm::errs() << "\r\033[K" << model << ": " << phase << words << "\r";
}

void Progress::watch() {
  std::unique_lock<std::mutex> lock(mutex);
  while (!changed.wait_for(lock, speaks ? kInterval : kPatience, [this] { return isDone; })) {
    say(speaks ? ", still" : "");
    speaks = true;
  }
}
