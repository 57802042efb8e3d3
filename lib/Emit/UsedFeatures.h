//===- lib/Emit/UsedFeatures.h -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which instruction sets machine code really uses: less than the name of a processor promises, so that a model runs on
// every processor that has what is in it.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace onnxc {

/// One row of onnxc/features.def.
struct KnownFeature {
  llvm::StringRef name;
  unsigned leaf, subleaf, reg, bit; ///< x86: where CPUID has it
  uint64_t state;                   ///< x86: what XCR0 must have
  llvm::StringRef instead;          ///< the best -mcpu without it; empty: every processor of the architecture has it
};

/// The rows of an architecture, in the order of the file: what says most of a processor comes first.
llvm::ArrayRef<KnownFeature> getKnownFeatures(const llvm::TargetMachine &machine);

/// Those of the machine's features that the code in these object files has instructions of, in the order of
/// features.def.
llvm::Expected<std::vector<KnownFeature>> getUsedFeatures(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects,
                                                          const llvm::TargetMachine &machine);

/// All that code for this machine may use.
std::vector<KnownFeature> getUsableFeatures(const llvm::TargetMachine &machine);

} // namespace onnxc
