//===- lib/Import/Domains.h --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The domains of operators that the dialect knows, and what they are called.
#pragma once

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include <limits>

namespace onnxc {

/// A domain whose operators the dialect has under their own names, behind `prefix`: ai.onnx.ml's Scaler is
/// onnx.ml.Scaler.
struct Domain {
  const char *name, *prefix;
  int64_t newest;   ///< version that the dialect and its upgrades know
  int64_t maxOpset; ///< that is accepted
};
inline constexpr Domain kDomains[] = {
    {"", "onnx.", 28, 28},
    {"ai.onnx.ml", "onnx.ml.", 5, 5},
    {"com.microsoft", "onnx.ms.", 1, std::numeric_limits<int64_t>::max()},
    {"ai.onnx.contrib", "onnx.ext.", 1, std::numeric_limits<int64_t>::max()},
    {"com.microsoft.extensions", "onnx.ext.", 1, std::numeric_limits<int64_t>::max()}};

inline const Domain *findDomain(llvm::StringRef name) {
  auto it = llvm::find_if(kDomains, [&](const Domain &domain) { return name == domain.name; });
  return it == std::end(kDomains) ? nullptr : it;
}

/// "ai.onnx" is the long name of the default domain.
inline llvm::StringRef normalizeDomain(llvm::StringRef domain) { return domain == "ai.onnx" ? "" : domain; }
inline llvm::StringRef showDomain(llvm::StringRef domain) { return domain.empty() ? "ai.onnx" : domain; }

} // namespace onnxc
