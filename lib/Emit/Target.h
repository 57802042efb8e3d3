//===- lib/Emit/Target.h -----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The processor to compile for, and LLVM's optimiser and code generator set up for it.
#pragma once

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>

namespace llvm {
class Function;
class Module;
class TargetMachine;
} // namespace llvm

namespace onnxc {

struct TargetSpec {
  std::string triple;
  std::string cpu;
  std::string features;  ///< "+avx2,-amx-tile": what the name of the cpu does not say
  bool isNative = false; ///< this machine's own processor
};

/// `target` is a triple, x86-64 or aarch64, or empty for this machine; `cpu` is LLVM's name, "native", or empty for
/// this machine's own processor where there is no `target`, else the baseline of the architecture. `attributes` is a
/// list like "+avx512vnni,-avx512f" of features that the processor has or lacks besides.
llvm::Expected<TargetSpec> resolveTarget(llvm::StringRef target, llvm::StringRef cpu, llvm::StringRef attributes = "");

/// A machine for position independent code.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(const TargetSpec &spec, int optLevel);

/// One line for the user when code got this machine's processor because nobody said which, and other machines of the
/// architecture may lack what it uses; else empty. `uses`: names of features, what says most first.
std::string describeBinding(llvm::StringRef file, const TargetSpec &spec, llvm::ArrayRef<llvm::StringRef> uses);

/// Makes a function run on every processor of the architecture.
void setBaseline(llvm::Function &function, const llvm::TargetMachine &machine);

/// What a processor has for kernels: vector registers, which they are tiled for, and instructions that they look out
/// for.
struct VectorUnit {
  unsigned lanes = 4; ///< float32 elements of a register
  unsigned registers = 16;
  bool hasByteProducts = false; ///< x86: vpdpbusd adds four products of bytes to each 32 bits
  bool hasHalves = false;       ///< converts between float16 and float32
  bool hasFma = false;          ///< multiplies and adds without rounding in between
};
VectorUnit getVectorUnit(const llvm::TargetMachine &machine);

/// Gives every function the processor, and vectors as wide as its registers.
void setTarget(llvm::Module &module, llvm::TargetMachine &machine);

/// On functions that compute a task of a kernel, with vectors already where they are wanted.
inline constexpr llvm::StringLiteral kKernelAttribute = "onnxc-kernel";

/// LLVM's standard pipeline of a level (0 to 3); a few of its passes for kernels.
void optimize(llvm::Module &module, llvm::TargetMachine &machine, int optLevel);

/// Optimises the module, and makes an object or assembly file of it, in memory.
llvm::Expected<llvm::SmallVector<char, 0>> compileModule(llvm::Module &module, llvm::TargetMachine &machine,
                                                         int optLevel, llvm::CodeGenFileType type);

/// An object with those functions of runtime/support that `objects` call; empty when they call none. `recurses`: set
/// where one of them calls itself.
llvm::Expected<llvm::SmallVector<char, 0>> emitSupport(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects,
                                                       llvm::TargetMachine &machine, bool *recurses = nullptr);

} // namespace onnxc
