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
class Module;
class TargetMachine;
} // namespace llvm

namespace onnxc {

struct TargetSpec {
  std::string triple;
  std::string cpu;
  std::string features; ///< "+avx2,-amx-tile": what the name of the cpu does not say
};

/// `target` is a triple, x86-64 or aarch64, or empty for this machine; `cpu` is LLVM's name, "native", or empty for
/// this machine's own processor, respectively the baseline of another architecture.
llvm::Expected<TargetSpec> resolveTarget(llvm::StringRef target, llvm::StringRef cpu);

/// A machine for position independent code.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(const TargetSpec &spec, int optLevel);

/// The instruction sets that code for this machine may use, as the runtime knows them (onnxc/features.def).
std::string getRequiredFeatures(const llvm::TargetMachine &machine);

/// The vector registers that kernels are tiled for.
struct VectorRegisters {
  unsigned lanes; ///< float32 elements of one
  unsigned count;
  bool dot;  ///< x86: vpdpbusd adds four products of bytes to each 32 bits
  bool half; ///< converts between float16 and float32
  bool fma;  ///< multiplies and adds without rounding in between
};
VectorRegisters getVectorRegisters(const llvm::TargetMachine &machine);

/// Gives every function the processor, and vectors as wide as its registers.
void setTarget(llvm::Module &module, llvm::TargetMachine &machine);

/// LLVM's standard pipeline of a level (0 to 3).
void optimize(llvm::Module &module, llvm::TargetMachine &machine, int optLevel);

/// Optimises the module, and makes an object or assembly file of it, in memory.
llvm::Expected<llvm::SmallVector<char, 0>> compileModule(llvm::Module &module, llvm::TargetMachine &machine,
                                                         int optLevel, llvm::CodeGenFileType type);

/// An object with those functions of runtime/support that `objects` call; empty when they call none.
llvm::Expected<llvm::SmallVector<char, 0>> emitSupport(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects,
                                                       llvm::TargetMachine &machine);

} // namespace onnxc
