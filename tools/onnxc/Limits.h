//===- tools/onnxc/Limits.h --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a compilation may take at most, whatever the model: for servers that compile what others send.
#pragma once

#include <cstdint>
#include <string>

struct Limits {
  uint64_t seconds = 0; ///< of the clock; 0: any
  uint64_t memory = 0;  ///< bytes of memory that is not a file's; 0: any
  uint64_t output = 0;  ///< bytes of a file that is written; 0: any

  /// Sets them for this process, and what it does when a signal ends it: temporary files go, and a diagnostic names
  /// `model`. Returns what the system refuses, or "".
  std::string enforce(const std::string &model) const;
};
