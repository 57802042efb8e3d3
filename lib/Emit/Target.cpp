//===- lib/Emit/Target.cpp ---------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The processor to compile for, and LLVM's optimiser and code generator set up for it. See Target.h.
#include "lib/Emit/Target.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include <mutex>

using namespace llvm;

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
  });
}

Expected<onnxc::TargetSpec> onnxc::resolveTarget(StringRef target, StringRef cpu) {
  Triple host(sys::getProcessTriple());
  Triple triple = host;
  if (target == "x86-64" || target == "x86_64" || target == "amd64")
    triple = Triple("x86_64-unknown-linux-gnu");
  else if (target == "aarch64" || target == "arm64")
    triple = Triple("aarch64-unknown-linux-gnu");
  else if (!target.empty())
    triple = Triple(Triple::normalize(target));
  bool known = triple.getArch() == Triple::x86_64 || triple.getArch() == Triple::aarch64;
  if (!known || !triple.isOSBinFormatELF())
    return createStringError("can't compile for '" + target.str() +
                             "': the targets are x86-64 and aarch64 (Linux, ELF)");

  bool native = cpu == "native" || (cpu.empty() && triple.getArch() == host.getArch());
  if (native && triple.getArch() != host.getArch())
    return createStringError("-mcpu=native needs this machine's own target, " + host.getArchName());
  TargetSpec spec{triple.str(), cpu.str(), ""};
  if (native) {
    spec.cpu = sys::getHostCPUName();
    // A virtual machine may hide what its processor's name promises: the list of features has the last word.
    for (const auto &feature : sys::getHostCPUFeatures())
      spec.features +=
          (spec.features.empty() ? "" : ",") + std::string(feature.second ? "+" : "-") + feature.first().str();
  } else if (cpu.empty()) {
    spec.cpu = triple.getArch() == Triple::x86_64 ? "x86-64-v3" : "generic";
  }
  return spec;
}

Expected<std::unique_ptr<TargetMachine>> onnxc::createTargetMachine(const TargetSpec &spec, int optLevel) {
  initializeTargets();
  Triple triple(spec.triple);
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError(error);
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Standard;
  options.FunctionSections = options.DataSections = true;
  auto level = static_cast<CodeGenOptLevel>(std::clamp(optLevel, 0, 3));
  std::unique_ptr<TargetMachine> machine(
      target->createTargetMachine(triple, spec.cpu, spec.features, options, Reloc::PIC_, std::nullopt, level));
  if (!machine->getMCSubtargetInfo()->isCPUStringValid(spec.cpu))
    return createStringError("-mcpu=" + spec.cpu + " is not a processor of " + triple.getArchName());
  return machine;
}

static const StringLiteral kKnownFeatures[] = {
#define ONNXC_X86_FEATURE(name, ...) name,
#define ONNXC_AARCH64_FEATURE(name, ...) name,
#include "onnxc/features.def"
#undef ONNXC_X86_FEATURE
#undef ONNXC_AARCH64_FEATURE
};

std::string onnxc::getRequiredFeatures(const TargetMachine &machine) {
  const MCSubtargetInfo &info = *machine.getMCSubtargetInfo();
  std::string list;
  for (const SubtargetFeatureKV &feature : info.getAllProcessorFeatures())
    if (info.getFeatureBits().test(feature.Value) && is_contained(kKnownFeatures, StringRef(feature.Key)))
      list += (list.empty() ? "" : ",") + std::string(feature.Key);
  return list;
}

onnxc::VectorRegisters onnxc::getVectorRegisters(const TargetMachine &machine) {
  if (machine.getTargetTriple().getArch() != Triple::x86_64)
    return {4, 32, false, true, true}; // NEON
  const MCSubtargetInfo &info = *machine.getMCSubtargetInfo();
  bool half = info.checkFeatures("+f16c"), fma = info.checkFeatures("+fma");
  if (info.checkFeatures("+avx512f"))
    return {16, 32, info.checkFeatures("+avx512vnni"), half, fma};
  return info.checkFeatures("+avx") ? VectorRegisters{8, 16, info.checkFeatures("+avxvnni"), half, fma}
                                    : VectorRegisters{4, 16, false, half, fma};
}

void onnxc::setTarget(Module &module, TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  module.setPICLevel(PICLevel::BigPIC);
  bool wide = getVectorRegisters(machine).lanes == 16;
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.addFnAttr(Attribute::NoUnwind);
    if (wide) { // LLVM prefers half-wide vectors on many processors; dense floating point loops want all
      function.addFnAttr("prefer-vector-width", "512");
      function.addFnAttr("min-legal-vector-width", "512");
    }
  }
}

/// Beyond this many instructions a function is one that runs a graph of thousands of small nodes, each once: to unroll
/// its loops costs minutes and gains nothing.
static constexpr unsigned kLargeFunction = 20'000;

void onnxc::optimize(Module &module, TargetMachine &machine, int optLevel) {
  for (Function &function : module)
    if (function.getInstructionCount() > kLargeFunction)
      function.addFnAttr(Attribute::OptimizeForSize);
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = optLevel > 1;
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager graph;
  ModuleAnalysisManager modules;
  PassBuilder builder(&machine, tuning);
  TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions(); // there is no C library to call
  functions.registerPass([&] { return TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  static const OptimizationLevel levels[] = {OptimizationLevel::O0, OptimizationLevel::O1, OptimizationLevel::O2,
                                             OptimizationLevel::O3};
  OptimizationLevel level = levels[std::clamp(optLevel, 0, 3)];
  ModulePassManager passes = level == OptimizationLevel::O0 ? builder.buildO0DefaultPipeline(level)
                                                            : builder.buildPerModuleDefaultPipeline(level);
  passes.run(module, modules);
}

static Expected<SmallVector<char, 0>> emit(Module &module, TargetMachine &machine, CodeGenFileType type) {
  SmallVector<char, 0> bytes;
  raw_svector_ostream stream(bytes);
  legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return createStringError("LLVM can't write this kind of file for " + machine.getTargetTriple().str());
  passes.run(module);
  return bytes;
}

Expected<SmallVector<char, 0>> onnxc::compileModule(Module &module, TargetMachine &machine, int optLevel,
                                                    CodeGenFileType type) {
  optimize(module, machine, optLevel);
  return emit(module, machine, type);
}

// Bitcode of runtime/support, made by clang when onnxc is built.
static const unsigned char kSupportX86[] = {
#include "lib/Emit/support-x86_64.inc"
};
static const unsigned char kSupportAArch64[] = {
#include "lib/Emit/support-aarch64.inc"
};

/// Adds the names that an object wants from elsewhere; false when there was no new one.
static Expected<bool> addUndefined(ArrayRef<char> object, StringSet<> &names) {
  auto file = object::ObjectFile::createObjectFile(MemoryBufferRef(StringRef(object.data(), object.size()), "model"));
  if (!file)
    return file.takeError();
  size_t before = names.size();
  for (const object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (flags && name && (*flags & object::SymbolRef::SF_Undefined))
      names.insert(*name);
    consumeError(flags.takeError());
    consumeError(name.takeError());
  }
  return names.size() != before;
}

Expected<SmallVector<char, 0>> onnxc::emitSupport(ArrayRef<SmallVector<char, 0>> objects, TargetMachine &machine) {
  StringSet<> wanted;
  Expected<bool> any = false;
  for (const auto &object : objects) {
    auto added = addUndefined(object, wanted);
    if (!added)
      return added.takeError();
    *any |= *added;
  }
  bool isX86 = machine.getTargetTriple().getArch() == Triple::x86_64;
  ArrayRef<unsigned char> bitcode =
      isX86 ? ArrayRef<unsigned char>(kSupportX86) : ArrayRef<unsigned char>(kSupportAArch64);
  SmallVector<char, 0> emitted;
  // Compiling a function may show that it needs another one: a copy of a struct that becomes a call of memcpy.
  while (*any) {
    LLVMContext context;
    auto module = parseBitcodeFile(MemoryBufferRef(toStringRef(bitcode), "support"), context);
    if (!module)
      return module.takeError();
    bool isWanted = false;
    for (Function &function : **module) {
      isWanted |= !function.isDeclaration() && wanted.contains(function.getName());
      // Clang wrote what it compiled for.
      function.removeFnAttr("target-cpu");
      function.removeFnAttr("target-features");
      function.removeFnAttr("tune-cpu");
    }
    if (!isWanted)
      break;
    // A support function may call another one by name, when the target has no instruction for what it does.
    internalizeModule(**module, [&](const GlobalValue &value) { return wanted.contains(value.getName()); });
    ModuleAnalysisManager analyses;
    PassBuilder builder;
    builder.registerModuleAnalyses(analyses);
    GlobalDCEPass().run(**module, analyses);
    setTarget(**module, machine);
    auto made = emit(**module, machine, CodeGenFileType::ObjectFile);
    if (!made)
      return made.takeError();
    emitted = std::move(*made);
    any = addUndefined(emitted, wanted);
    if (!any)
      return any.takeError();
  }
  return emitted;
}
