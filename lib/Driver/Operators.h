//===- lib/Driver/Operators.h ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What operators onnxc has: their versions and element types, as the dialect itself answers. For --list-ops.
#pragma once

#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace onnxc {

struct OperatorInfo {
  struct Input {
    std::string name;
    bool isOptional = false, isVariadic = false;
    std::vector<std::string> types; ///< element types that it may have
  };
  std::string domain, name, summary;
  int64_t newest = 0; ///< version of the form that is compiled; 0 when the import makes other operators of it
  std::vector<int64_t> upgradedBelow; ///< forms before these versions are rewritten on import, oldest first
  std::vector<Input> inputs;
  bool hasTypes = false; ///< false when the types of its inputs depend on too much to be tried out

  /// Whether a node of this version of the operator can be imported.
  bool handles(int64_t version) const {
    return version <= newest || (newest == 0 && !upgradedBelow.empty() && version < upgradedBelow.back());
  }
};

/// All operators, by domain and name.
std::vector<OperatorInfo> listOperators();

enum class OperatorFormat { Text, Json, Markdown };
void printOperators(llvm::raw_ostream &os, OperatorFormat format);

} // namespace onnxc
