//===- include/onnxc/Compiler.h ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The compiler as a library: one ONNX model in, files out. The tool onnxc is this with a command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace onnxc {

/// What to write. The kind of a file follows from its name where not given: .so, .o, .a, .h, .mlir, .ll, .s.
enum class EmitKind { Auto, OnnxDialect, Linalg, LLVMDialect, LLVMIR, Assembly, Object, Archive, SharedLibrary };

/// How much a compilation says on standard error while it goes on.
enum class ProgressKind {
  None,
  Lines,    ///< what it is at, once it has taken two seconds
  Terminal, ///< the phase, in one line that is written over
};

enum class CompileStatus {
  Ok,
  Unsupported, ///< the model is fine, but has operators or types that onnxc can't compile; all are listed
  Failed,      ///< the model is wrong, or a file can't be read or written
};

struct CompileOptions {
  std::string output; ///< path; "-" is standard output (for text)
  EmitKind emit = EmitKind::Auto;
  std::string header; ///< path of the C header; empty: beside a .so, .o or .a, with its stem
  bool writeHeader = true;
  std::string prefix;           ///< of the model's symbols; empty: from the output's name
  std::string target;           ///< triple or architecture; empty: this machine's
  std::string cpu;              ///< LLVM's name; empty: this machine's where `target` is empty, else the baseline
  std::string attributes;       ///< "+avx512vnni,-avx512f": features that the processor has or lacks besides
  int optLevel = 3;             ///< 0: the unoptimised reference
  bool winograd = true;         ///< 3x3 convolutions with 4 multiplications for 9
  uint64_t maxStack = 0;        ///< bytes of stack that a call may take; 0: as is best for speed
  bool externalWeights = false; ///< weights in a file beside the model
  bool debugInfo = false;       ///< line numbers of nodes, which `output`.nodes lists; implies `symbols`
  bool symbols = false;         ///< a shared library keeps the names of its functions
  bool keepValues = false;      ///< every value that nodes make becomes an output
  bool printMemoryPlan = false; ///< to standard output
  bool timing = false;          ///< time of every phase and its passes, to standard error
  bool verbose = false;         ///< what it is compiled for, to standard error
  bool warnings = true;         ///< about models that are wrong in ways that can be made good
  bool warningsAreErrors = false;
  ProgressKind progress = ProgressKind::None;
  int64_t channelBlock = 0;                          ///< of models that onnxruntime has optimised: 8, 16; 0: find out
  std::vector<std::string> keptValues;               ///< values that become outputs besides
  std::vector<std::string> disabledPasses;           ///< optimisations to go without
  std::vector<std::pair<std::string, int64_t>> dims; ///< symbolic dimension = size
  std::vector<std::pair<std::string, std::vector<int64_t>>> inputShapes; ///< input = shape (-1: keep symbolic)
};

struct CompileResult {
  CompileStatus status = CompileStatus::Ok;
  std::string binding;     ///< one line, where the code needs what this machine's processor has and others may lack
  std::string diagnostics; ///< one problem a line, "model.onnx: error: node 'x' (Conv): ..."; warnings, too
  size_t warnings = 0;     ///< kinds of them among the diagnostics
  std::string summary;     ///< after success, unless standard output was written: files, processor, inputs, outputs
};

/// Compiles the model at `path` (.onnx, .onnxtxt, or a dump: .mlir of --emit=onnx or --emit=linalg). Writes nothing
/// unless it succeeds. May be called any number of times, from any thread.
CompileResult compile(const std::string &path, const CompileOptions &options);

} // namespace onnxc
