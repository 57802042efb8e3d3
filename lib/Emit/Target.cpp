//===- lib/Emit/Target.cpp ---------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The processor to compile for, and LLVM's optimiser and code generator set up for it. See Target.h.
#include "lib/Emit/Target.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
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
    LLVMInitializeX86Disassembler();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
    LLVMInitializeAArch64Disassembler();
  });
}

static const char *getBaseline(const Triple &triple) {
  return triple.getArch() == Triple::x86_64 ? "x86-64-v3" : "generic";
}

static Expected<const Target *> findTarget(const Triple &triple) {
  initializeTargets();
  std::string error;
  if (const Target *target = TargetRegistry::lookupTarget(triple, error))
    return target;
  return createStringError(error);
}

static std::string nameOf(const Triple &triple) {
  return triple.getArch() == Triple::x86_64 ? "x86-64" : triple.getArchName().str();
}

/// Asked of a subtarget without a processor: LLVM itself reports a name that it doesn't know, in words of its own.
static Error checkNames(const Triple &triple, StringRef cpu, StringRef attributes) {
  auto describe = [](const Triple &triple) -> Expected<std::unique_ptr<MCSubtargetInfo>> {
    auto target = findTarget(triple);
    if (!target)
      return target.takeError();
    return std::unique_ptr<MCSubtargetInfo>((*target)->createMCSubtargetInfo(triple, "", ""));
  };
  auto info = describe(triple);
  if (!info)
    return info.takeError();
  if (!(*info)->isCPUStringValid(cpu)) {
    for (const char *other : {"x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"}) {
      auto theirs = describe(Triple(other));
      if (!theirs)
        return theirs.takeError();
      if ((*theirs)->isCPUStringValid(cpu))
        return createStringError("-mcpu=" + cpu.str() + " is a processor of " + nameOf(Triple(other)) + ", not of " +
                                 nameOf(triple) + ": add -target=" + nameOf(Triple(other)));
    }
    return createStringError("-mcpu=" + cpu.str() + " is not a processor of " + nameOf(triple) +
                             " that LLVM knows; -mcpu=native is this machine's, -mcpu=" + getBaseline(triple) +
                             " fits nearly all");
  }
  SmallVector<StringRef> words;
  attributes.split(words, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef word : words) {
    if (!word.starts_with("+") && !word.starts_with("-"))
      return createStringError("-mattr=" + attributes.str() + ": write +" + word.str() + " or -" + word.str());
    if (llvm::none_of((*info)->getAllProcessorFeatures(),
                      [&](const SubtargetFeatureKV &known) { return word.drop_front() == known.Key; }))
      return createStringError("-mattr=" + word.str() + " is not a feature of " + nameOf(triple) + " that LLVM knows");
  }
  return Error::success();
}

Expected<onnxc::TargetSpec> onnxc::resolveTarget(StringRef target, StringRef cpu, StringRef attributes) {
  Triple host(sys::getProcessTriple());
  Triple triple = host;
  std::string lower = target.lower(); // CMake has AMD64 and ARM64
  if (lower == "x86-64" || lower == "x86_64" || lower == "amd64" || lower == "x64")
    triple = Triple("x86_64-unknown-linux-gnu");
  else if (lower == "aarch64" || lower == "arm64")
    triple = Triple("aarch64-unknown-linux-gnu");
  else if (!target.empty())
    triple = Triple(Triple::normalize(lower));
  bool known = triple.getArch() == Triple::x86_64 || triple.getArch() == Triple::aarch64;
  if (!known || !triple.isOSBinFormatELF())
    return createStringError("can't compile for '" + target.str() +
                             "': the targets are x86-64 and aarch64 (Linux, ELF)");

  bool native = cpu == "native" || (cpu.empty() && target.empty());
  if (native && triple.getArch() != host.getArch())
    return createStringError("-mcpu=native needs this machine's own target, " + nameOf(host));
  TargetSpec spec{triple.str(), cpu.str(), "", native};
  auto addFeature = [&](const Twine &feature) {
    spec.features += ((spec.features.empty() ? "" : ",") + feature).str();
  };
  if (native) {
    spec.cpu = sys::getHostCPUName();
    // A virtual machine may hide what its processor's name promises: the list of features has the last word.
    for (const auto &feature : sys::getHostCPUFeatures())
      addFeature(Twine(feature.second ? "+" : "-") + feature.first());
  } else if (cpu.empty()) {
    spec.cpu = getBaseline(triple);
  }
  if (Error problem = checkNames(triple, spec.cpu, attributes))
    return problem;
  if (!attributes.empty())
    addFeature(attributes);
  return spec;
}

/// LLVM 22's stack-slot-coloring puts two spilled values that live at the same time into one slot:
/// test/lib/Emit/stack-slots shows wrong numbers. Each gets a slot of its own; a frame is some hundred bytes larger.
/// There is no other way to say so.
static void keepSpillsApart() {
  auto option = cl::getRegisteredOptions().find("no-stack-slot-sharing");
  if (option != cl::getRegisteredOptions().end())
    static_cast<cl::opt<bool> *>(option->second)->setValue(true);
}

Expected<std::unique_ptr<TargetMachine>> onnxc::createTargetMachine(const TargetSpec &spec, int optLevel) {
  Triple triple(spec.triple);
  auto target = findTarget(triple);
  if (!target)
    return target.takeError();
  static std::once_flag once;
  std::call_once(once, keepSpillsApart);
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Standard;
  options.FunctionSections = options.DataSections = true;
  options.EmitStackSizeSection = true; // for boundStack
  auto level = static_cast<CodeGenOptLevel>(std::clamp(optLevel, 0, 3));
  return std::unique_ptr<TargetMachine>(
      (*target)->createTargetMachine(triple, spec.cpu, spec.features, options, Reloc::PIC_, std::nullopt, level));
}

std::string onnxc::describeBinding(StringRef file, const TargetSpec &spec, ArrayRef<StringRef> uses) {
  if (!spec.isNative || uses.empty())
    return "";
  Triple triple(spec.triple);
  auto target = findTarget(triple);
  if (!target) {
    consumeError(target.takeError());
    return "";
  }
  std::unique_ptr<MCSubtargetInfo> baseline((*target)->createMCSubtargetInfo(triple, getBaseline(triple), ""));
  for (StringRef feature : uses) {
    if (baseline->checkFeatures(("+" + feature).str()))
      continue;
    std::string what = feature.starts_with("avx512") ? ("AVX-512 (" + feature + ")").str() : feature.str();
    return (file + " needs " + what + " as this machine's processor has it; for nearly any " + nameOf(triple) +
            ": -target=" + nameOf(triple))
        .str();
  }
  return "";
}

void onnxc::setBaseline(Function &function, const TargetMachine &machine) {
  bool isX86 = machine.getTargetTriple().getArch() == Triple::x86_64;
  function.addFnAttr("target-cpu", isX86 ? "x86-64" : "generic");
  function.addFnAttr("target-features", isX86 ? "+sse2" : "+neon");
}

onnxc::VectorUnit onnxc::getVectorUnit(const TargetMachine &machine) {
  VectorUnit unit;
  if (machine.getTargetTriple().getArch() != Triple::x86_64) { // NEON
    unit.registers = 32;
    unit.hasHalves = unit.hasFma = true;
    return unit;
  }
  const MCSubtargetInfo &info = *machine.getMCSubtargetInfo();
  unit.hasHalves = info.checkFeatures("+f16c");
  unit.hasFma = info.checkFeatures("+fma");
  if (info.checkFeatures("+avx512f")) {
    unit.lanes = 16;
    unit.registers = 32;
    unit.hasByteProducts = info.checkFeatures("+avx512vnni");
  } else if (info.checkFeatures("+avx")) {
    unit.lanes = 8;
    unit.hasByteProducts = info.checkFeatures("+avxvnni");
  }
  return unit;
}

void onnxc::setTarget(Module &module, TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  if (module.getPICLevel() != PICLevel::BigPIC) // it may have come with the code that was linked in
    module.setPICLevel(PICLevel::BigPIC);
  bool wide = getVectorUnit(machine).lanes == 16;
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

/// Beyond this many instructions a function takes LLVM's quickest way to machine code: some of the others grow with the
/// square.
static constexpr unsigned kHugeFunction = 40'000;

/// Kernels are written as they are to be: vectors, registers and unrolled steps are chosen when they are emitted. What
/// is left is to simplify addresses and to move what does not change out of loops, for which these passes, once each,
/// do what LLVM's usual ones do, in less than half of the time.
static constexpr const char *kKernelPasses =
    "sroa,early-cse<memssa>,simplifycfg,instcombine<max-iterations=1;no-verify-fixpoint>,"
    "loop-mssa(loop-rotate,licm),simplifycfg,instcombine<max-iterations=1;no-verify-fixpoint>,"
    "loop(indvars,loop-deletion,loop-unroll-full),gvn,simplifycfg";

/// Whether a function is not for the usual passes.
static bool isExempt(const Function &function) {
  return function.hasFnAttribute(onnxc::kKernelAttribute) || function.hasFnAttribute(Attribute::OptimizeNone);
}

void onnxc::optimize(Module &module, TargetMachine &machine, int optLevel) {
  for (Function &function : module)
    if (function.getInstructionCount() > kHugeFunction && !function.hasFnAttribute(onnxc::kKernelAttribute)) {
      function.removeFnAttr(Attribute::OptimizeForSize); // one excludes the other
      function.addFnAttr(Attribute::OptimizeNone);
      function.addFnAttr(Attribute::NoInline);
    }
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = optLevel > 1;
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager graph;
  ModuleAnalysisManager modules;
  PassInstrumentationCallbacks callbacks;
  PassBuilder builder(&machine, tuning, std::nullopt, &callbacks);
  TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions(); // there is no C library to call
  functions.registerPass([&] { return TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);

  FunctionPassManager forKernels;
  cantFail(builder.parsePassPipeline(forKernels, kKernelPasses));
  for (Function &function : module)
    if (!function.isDeclaration() && function.hasFnAttribute(onnxc::kKernelAttribute))
      forKernels.run(function, functions);

  callbacks.registerShouldRunOptionalPassCallback([](StringRef, Any unit) {
    if (auto *function = any_cast<const Function *>(&unit))
      return !isExempt(**function);
    if (auto *loop = any_cast<const Loop *>(&unit))
      return !isExempt(*(*loop)->getHeader()->getParent());
    return true;
  });
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

/// Whether a function calls itself: then it has no bound of its stack.
static bool isRecursive(const Function &function) {
  for (const Instruction &instruction : instructions(function))
    if (auto *call = dyn_cast<CallBase>(&instruction); call && call->getCalledFunction() == &function)
      return true;
  return false;
}

Expected<SmallVector<char, 0>> onnxc::emitSupport(ArrayRef<SmallVector<char, 0>> objects, TargetMachine &machine,
                                                  bool *recurses) {
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
    if (Function *check = (*module)->getFunction("onnxc_checked_plan"))
      setBaseline(*check, machine);
    if (recurses && any_of(**module, isRecursive))
      *recurses = true;
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
