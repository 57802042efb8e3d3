//===- lib/Driver/Progress.h -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Says on standard error what a compilation is at, so that a long one does not look hung.
#pragma once

#include "onnxc/Compiler.h"
#include <condition_variable>
#include <mutex>
#include <thread>

namespace onnxc {

/// On a terminal the phase stands in one line that is written over. Elsewhere nothing is said before two seconds have
/// passed; from then on every phase has a line, and a long one another line now and then.
class Progress {
public:
  Progress(ProgressKind kind, std::string model);
  ~Progress();
  Progress(const Progress &) = delete;

  void enter(const std::string &phase);
  /// How far the phase is, in words; said when something is said of it.
  void note(const std::string &words);

private:
  void watch();
  void say(const char *what);

  ProgressKind kind;
  std::string model, phase, words;
  std::chrono::steady_clock::time_point start;
  bool speaks = false, isDone = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::thread watcher;
};

} // namespace onnxc
