//===- lib/Emit/Header.h -----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The typed C header of one compiled model: a self-contained file for programs that know the model when they are
// compiled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace onnxc {

struct HeaderValue {
  std::string name;          ///< as in the ONNX file: any text
  int32_t type;              ///< as in onnxc_value_info: onnxc_type, ONNXC_SEQUENCE, ...
  std::vector<int64_t> dims; ///< as there: sizes, ONNXC_DIM_SYMBOL(k), ONNXC_DIM_COMPUTED, ONNXC_DIM_RUN
};

struct HeaderModel {
  std::string prefix;    ///< a C identifier; the entry function is PREFIX_model
  std::string modelName; ///< for the comment
  std::string target;    ///< for the comment
  std::vector<HeaderValue> inputs, outputs;
  std::vector<unsigned> planInputs;  ///< inputs whose data plan() reads, ascending
  std::vector<unsigned> rankOutputs; ///< outputs whose rank run() tells, ascending
  std::vector<std::string> symbols;
  std::optional<uint64_t> workspaceSize; ///< bytes without a pool, when it does not depend on symbols
  std::optional<uint64_t> stackSize;     ///< bytes that plan and run need at most, when they have a bound
  bool allocates = false;                ///< run() needs an allocator, even if no output does
  std::string weightsFile;               ///< empty: embedded
  uint64_t weightsSize = 0;
};

/// "float32[batch,3,?]": the type of an input or output; `symbols` are names of the symbolic dimensions.
std::string describeType(const HeaderValue &value, const std::vector<std::string> &symbols);

/// The whole text of PREFIX.h. Names that are no C identifiers, or equal, or reserved are changed so that they are none
/// of these; the comments have the real ones.
std::string generateHeader(const HeaderModel &model);

/// Any text as a C identifier, for a prefix: "ResNet-50 (v1.5)" becomes "ResNet_50_v1_5", and "" `fallback`.
std::string toIdentifier(const std::string &text, const std::string &fallback);

} // namespace onnxc
