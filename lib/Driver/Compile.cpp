//===- lib/Driver/Compile.cpp ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One model in, files out: runs the phases and stops where the wanted kind of output is reached.
#include "lib/Driver/Diagnostics.h"
#include "lib/Driver/Dump.h"
#include "lib/Driver/NodeLines.h"
#include "lib/Driver/Pipeline.h"
#include "lib/Driver/Progress.h"
#include "lib/Driver/Timing.h"
#include "lib/Emit/CutFunctions.h"
#include "lib/Emit/Link.h"
#include "lib/Emit/ModelInfo.h"
#include "lib/Emit/Parts.h"
#include "lib/Emit/StackSize.h"
#include "lib/Import/Import.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "onnxc/Compiler.h"
#include "onnxc/abi.h"
#include "runtime/src/hash.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include <chrono>

using namespace mlir;
using namespace onnxc;

/// Bytes of stack that the check of the processor before plan() takes, generously.
static constexpr uint64_t kTableStack = 256;

static EmitKind kindFromName(StringRef output) {
  return llvm::StringSwitch<EmitKind>(llvm::sys::path::extension(output))
      .Case(".so", EmitKind::SharedLibrary)
      .Case(".o", EmitKind::Object)
      .Case(".a", EmitKind::Archive)
      .Case(".mlir", EmitKind::OnnxDialect)
      .Case(".ll", EmitKind::LLVMIR)
      .Case(".s", EmitKind::Assembly)
      .Default(EmitKind::Auto);
}

/// Seconds from which a pass has a line in --timing.
static constexpr double kLeastShown = 0.001;

/// Inputs that a summary shows, and outputs.
static constexpr size_t kMaxListed = 8;

static std::string formatSize(uint64_t bytes) {
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
  double size = bytes;
  unsigned unit = 0;
  for (; size >= 1024 && unit + 1 < std::size(units); ++unit)
    size /= 1024;
  return llvm::formatv(unit ? "{0:F1} {1}" : "{0:F0} {1}", size, units[unit]).str();
}

namespace {
class Compilation {
public:
  Compilation(const std::string &path, const CompileOptions &options, CompileResult &result)
      : path(path), options(options), result(result), log(path), progress(options.progress, path),
        context(registry(), MLIRContext::Threading::DISABLED), handler(&context, [this](Diagnostic &diagnostic) {
          log.add(diagnostic);
          return success();
        }) {
    context.printOpOnDiagnostic(false); // the user has a model, not an IR
    weights.blob.onAdded = [this](uint64_t bytes) { noteBytes(bytes, formatSize(bytes) + " of weights prepared"); };
    weights.blob.onWritten = [this](uint64_t bytes) {
      noteBytes(bytes, formatSize(bytes) + " of " + formatSize(weights.blob.size()) + " of weights written");
    };
  }

  void run() {
    LogicalResult outcome = compile();
    bool strict = options.warnings && options.warningsAreErrors;
    if (failed(outcome) && result.status == CompileStatus::Ok)
      result.status = CompileStatus::Failed;
    result.warnings = options.warnings ? log.countWarnings() : 0;
    result.diagnostics = log.text({options.warnings, strict, /*tellsAssumptions=*/succeeded(outcome)});
  }

private:
  LogicalResult compile() {
    kind = options.emit == EmitKind::Auto ? kindFromName(options.output) : options.emit;
    if (kind == EmitKind::Auto)
      return error("can't tell from the name '" + options.output +
                   "' what to write: use .so, .o, .a, .mlir, .ll or .s");
    if (options.output == "-" && isLibrary())
      return error("a library can't go to standard output: give it a name with -o");
    if (options.output != "-") // found out before the work, not after it
      if (StringRef folder = llvm::sys::path::parent_path(options.output);
          !folder.empty() && !llvm::sys::fs::is_directory(folder))
        return error("can't write " + options.output + ": there is no folder " + folder.str());
    auto resolved = resolveTarget(options.target, options.cpu, options.attributes);
    if (!resolved)
      return error(llvm::toString(resolved.takeError()));
    target = *resolved;
    auto created = createTargetMachine(target, llvmLevel());
    if (!created)
      return error(llvm::toString(created.takeError()));
    machine = std::move(*created);
    if (options.verbose) {
      llvm::errs() << path << ": for " << target.triple << ", processor " << target.cpu << ", with";
      for (const KnownFeature &feature : getUsableFeatures(*machine))
        llvm::errs() << " " << feature.name;
      llvm::errs() << "\n";
    }

    if (failed(phase("import", [&] { return import(); })))
      return failure();
    PipelineOptions pipeline;
    pipeline.optLevel = options.optLevel;
    pipeline.winograd = options.winograd;
    pipeline.debugInfo = options.debugInfo;
    if (options.maxStack) // several of them, and the frames of functions: the sum is looked at in the end
      pipeline.maxScratchOnStack = std::min<int64_t>(pipeline.maxScratchOnStack, options.maxStack / 8);
    pipeline.machine = machine.get();
    pipeline.evaluator = createEvaluator(fileBytes);
    pipeline.weights = &weights;
    pipeline.plan = &plan;
    if (failed(disablePasses(pipeline)))
      return failure();
    if (options.debugInfo)
      nodes = numberNodes(*module, absolute(nodesFile()));
    if (dumpPhase == DumpPhase::Onnx) {
      if (failed(phase("optimize", [&] { return runPasses(addOptimizePasses, pipeline); })))
        return failure();
      if (kind == EmitKind::OnnxDialect)
        return writeModule();
    } else if (kind == EmitKind::OnnxDialect) {
      return error("this dump is of a later phase, linalg on tensors: there is no way back to the onnx dialect");
    }
    info = describeModel(*module);
    if (dumpPhase == DumpPhase::Onnx && failed(phase("lower", [&] { return runPasses(addLowerPasses, pipeline); })))
      return failure();
    if (kind == EmitKind::Linalg)
      return writeModule();
    if (failed(phase("codegen", [&] { return runPasses(addCodegenPasses, pipeline); })))
      return failure();
    if (options.printMemoryPlan)
      plan.print(llvm::outs());
    if (kind == EmitKind::LLVMDialect)
      return writeModule();
    return emit();
  }

  static DialectRegistry registry() {
    DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  /// The plain reference leaves out our optimisations, not LLVM's.
  int llvmLevel() const { return std::max(options.optLevel, 1); }

  LogicalResult error(const std::string &message) {
    log.addError(message);
    return failure();
  }

  LogicalResult check(llvm::Error problem) { return problem ? error(llvm::toString(std::move(problem))) : success(); }

  /// Runs a phase, and says how long it took when that's wanted.
  LogicalResult phase(StringRef name, llvm::function_ref<LogicalResult()> body) {
    progress.enter(name.str());
    auto start = std::chrono::steady_clock::now();
    double processor = getProcessorSeconds();
    LogicalResult outcome = body();
    if (options.timing) {
      std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      llvm::errs() << llvm::format("%9.3f s, %.3f s of processors  ", seconds.count(),
                                   getProcessorSeconds() - processor)
                   << name << "\n";
      for (const PassTimes::Entry &pass : passTimes)
        if (pass.seconds >= kLeastShown)
          llvm::errs() << llvm::format("%13.3f s  ", pass.seconds) << pass.pass << "\n";
      passTimes.clear();
    }
    bool isTooOdd = options.warnings && options.warningsAreErrors && log.countWarnings();
    return isTooOdd ? failure() : outcome;
  }

  /// Says it where something has been done since it was said last.
  void noteBytes(uint64_t bytes, const std::string &words) {
    constexpr uint64_t step = 64 << 20;
    if (bytes / step != std::exchange(notedSteps, bytes / step))
      progress.note(words);
  }

  LogicalResult import() {
    if (isDump(path)) {
      if (!options.dims.empty() || !options.inputShapes.empty())
        return error("--dim and --input-shape are for ONNX files: in a dump they have had their effect");
      if (!options.keptValues.empty() || options.keepValues)
        return error(
            "--keep-values and --output are for ONNX files: in a dump, add values to those that @main returns");
      module = readDump(path, context, dumpPhase);
      for (const std::string &file : {path, path + ".weights"}) {
        uint64_t size = 0;
        if (!llvm::sys::fs::file_size(file, size))
          fileBytes += size;
      }
    } else {
      ImportOptions import;
      for (const auto &[name, size] : options.dims)
        import.dims[name] = size;
      import.keptValues = options.keptValues;
      import.keepsValues = options.keepValues;
      import.channelBlock = options.channelBlock;
      for (const auto &[name, shape] : options.inputShapes)
        import.inputShapes[name].assign(shape.begin(), shape.end());
      bool unsupported = false;
      module = importModel(path, context, import, &unsupported, &fileBytes);
      if (unsupported)
        result.status = CompileStatus::Unsupported;
    }
    return success(static_cast<bool>(module));
  }

  /// The options that the code depends on, as the command line has them.
  std::string describeOptions() const {
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "-O" << options.optLevel << " -target=" << target.triple << " -mcpu=" << target.cpu;
    if (!options.attributes.empty())
      os << " -mattr=" << options.attributes;
    for (const auto &[name, size] : options.dims)
      os << " --dim " << name << "=" << size;
    for (const auto &[name, shape] : options.inputShapes) {
      os << " --input-shape " << name << "=";
      llvm::interleave(shape, os, [&](int64_t size) { size < 0 ? os << "?" : os << size; }, "x");
    }
    if (!options.winograd)
      os << " --no-winograd";
    if (options.externalWeights)
      os << " --weights=external";
    if (options.channelBlock)
      os << " --channel-block=" << options.channelBlock;
    if (options.maxStack)
      os << " --max-stack=" << options.maxStack;
    for (const std::string &pass : options.disabledPasses)
      os << " --disable-pass=" << pass;
    if (options.debugInfo)
      os << " -g";
    return text;
  }

  /// xxHash64 of a file; 0 where there is none (standard input, say).
  static uint64_t hashFile(StringRef path) {
    auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    return file ? onnxc_hash((*file)->getBufferStart(), (*file)->getBufferSize()) : 0;
  }

  /// The optimisations that are not wanted are passed over where they stand in the pipeline.
  LogicalResult disablePasses(const PipelineOptions &pipeline) {
    if (options.disabledPasses.empty())
      return success();
    std::vector<std::string> optional = getOptionalPasses(pipeline);
    for (const std::string &name : options.disabledPasses)
      if (!llvm::is_contained(optional, name))
        return error("--disable-pass: '" + name + "' is not one of " + llvm::join(optional, ", "));
    context.registerActionHandler([this](llvm::function_ref<void()> run, const tracing::Action &action) {
      auto *execution = dyn_cast<PassExecutionAction>(&action);
      if (!execution || !llvm::is_contained(options.disabledPasses, execution->getPass().getArgument()))
        run();
    });
    return success();
  }

  /// Where -g lists the nodes.
  std::string nodesFile() const { return options.output + ".nodes"; }

  static std::string absolute(StringRef file) {
    SmallString<128> path(file);
    (void)llvm::sys::fs::make_absolute(path);
    return path.str().str();
  }

  LogicalResult runPasses(void (*add)(OpPassManager &, const PipelineOptions &), const PipelineOptions &pipeline) {
    PassManager passes(&context);
#ifdef NDEBUG
    passes.enableVerifier(false);
#endif
    add(passes, pipeline);
    if (options.timing)
      passes.addInstrumentation(std::make_unique<PassTimes>(passTimes));
    return passes.run(*module);
  }

  LogicalResult writeModule() {
    if (failed(check(writeDump(*module, options.output))))
      return failure();
    summarize();
    return success();
  }

  LogicalResult write(llvm::function_ref<void(raw_ostream &)> body) {
    if (options.output == "-") {
      body(llvm::outs());
      return success();
    }
    if (failed(check(writeFile(options.output, body))))
      return failure();
    summarize();
    return success();
  }

  LogicalResult emit() {
    info.prefix = options.prefix.empty() ? toIdentifier(modelName().str(), "model") : options.prefix;
    if (StringRef(info.prefix).starts_with_insensitive("onnxc")) { // names of the interface itself
      if (!options.prefix.empty())
        return error("--prefix " + options.prefix + ": names that begin with onnxc are those of the interface");
      info.prefix = "model_" + info.prefix;
    }
    info.target = target.triple;
    info.producer = "onnxc " ONNXC_VERSION " (LLVM " LLVM_VERSION_STRING ")";
    info.options = describeOptions();
    info.sourceHash = hashFile(path);
    info.weightsSize = weights.blob.size();
    info.weightsHash = weights.blob.hash();
    if (options.externalWeights && weights.blob.size())
      info.weightsFile = llvm::sys::path::filename(options.output).str() + ".weights";

    if (llvm::all_of(plan.groups, [](const MemoryPlan::Group &group) { return group.unit.empty(); }))
      info.workspaceSize = plan.groups.empty() ? 0 : plan.groups.front().total;

    info.planInputs = plan.readInputs;
    for (auto [output, dim] : plan.runSizes)
      info.outputs[output].dims[dim] = ONNXC_DIM_RUN;
    if (auto sites = (*module)->getAttrOfType<ArrayAttr>("onnxc.error_sites"))
      for (StringRef site : sites.getAsValueRange<StringAttr>())
        info.errorSites.push_back(escapeText(site));

    llvm::LLVMContext llvmContext;
    auto code = translateModuleToLLVMIR(*module, llvmContext, info.prefix);
    module = {}; // its memory is worth more now
    if (!code)
      return error("internal error: the llvm dialect can't be translated");
    info.allocates = code->getFunction("onnxc_release") != nullptr;
    bool isText = kind == EmitKind::LLVMIR || kind == EmitKind::Assembly;
    if (isText) { // all in one; nobody knows yet what the code will use
      info.features = getUsableFeatures(*machine);
      addModelTable(*code, info, /*sharedEntry=*/false, *machine);
    }
    auto exports = getExports();
    llvm::internalizeModule(*code, [&](const llvm::GlobalValue &value) {
      return isText ? llvm::is_contained(exports, value.getName())
                    : llvm::is_contained(kTableFunctions, value.getName());
    });
    if (!isText)
      for (StringRef name : kTableFunctions) // the table refers to them from an object of its own
        if (llvm::Function *function = code->getFunction(name))
          function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    setTarget(*code, *machine);
    cutFunctions(*code);
    if (isText)
      return emitText(*code);
    LinkInput input;
    if (failed(phase("LLVM", [&] { return emitObjects(std::move(code), input); })) ||
        failed(phase("link", [&] { return link(input); })))
      return failure();
    summarize();
    return success();
  }

  LogicalResult emitText(llvm::Module &code) {
    return phase("LLVM", [&] {
      if (kind == EmitKind::LLVMIR) {
        optimize(code, *machine, llvmLevel());
        return write([&](raw_ostream &os) { os << code; });
      }
      auto assembly = compileModule(code, *machine, llvmLevel(), llvm::CodeGenFileType::AssemblyFile);
      if (!assembly)
        return check(assembly.takeError());
      return write([&](raw_ostream &os) { os << llvm::toStringRef(*assembly); });
    });
  }

  LogicalResult emitObjects(std::unique_ptr<llvm::Module> code, LinkInput &input) {
    auto objects = compileParts(std::move(code), *machine, target, llvmLevel());
    if (!objects)
      return check(objects.takeError());
    input.objects = std::move(*objects);
    if (failed(addSupport(input.objects, input)))
      return failure();
    if (failed(measureStack(input)))
      return failure();
    auto features = getUsedFeatures(input.objects, *machine);
    if (!features)
      return check(features.takeError());
    info.features = std::move(*features);
    info.checksProcessor = machine->getTargetTriple().getArch() == llvm::Triple::x86_64;
    return emitTable(input);
  }

  LogicalResult measureStack(LinkInput &input) {
    auto bound = boundStack(input.objects);
    if (!bound)
      return check(bound.takeError());
    if (*bound && !recurses)
      info.stackSize = llvm::alignTo(**bound + kTableStack, 64);
    if (options.maxStack && !info.stackSize)
      return error("--max-stack=" + std::to_string(options.maxStack) +
                   ": no bound is known of the stack that this model needs, since a function in it calls itself");
    if (options.maxStack && *info.stackSize > options.maxStack)
      return error("the model needs " + std::to_string(*info.stackSize) + " bytes of stack, and --max-stack allows " +
                   std::to_string(options.maxStack));
    return success();
  }

  /// The table is for every processor, and comes last: it says what the code before it uses.
  LogicalResult emitTable(LinkInput &input) {
    llvm::LLVMContext llvmContext;
    llvm::Module table("table", llvmContext);
    addModelTable(table, info, /*sharedEntry=*/kind == EmitKind::SharedLibrary, *machine);
    auto object = compileModule(table, *machine, llvmLevel(), llvm::CodeGenFileType::ObjectFile);
    if (!object)
      return check(object.takeError());
    std::vector<SmallVector<char, 0>> objects;
    objects.push_back(std::move(*object));
    if (failed(addSupport(objects, input)))
      return failure();
    input.objects.push_back(std::move(objects.front()));
    return check(dropStackSizes(input.objects));
  }

  /// Adds what `objects` call of runtime/support and runtime/library.
  LogicalResult addSupport(ArrayRef<SmallVector<char, 0>> objects, LinkInput &input) {
    auto support = emitSupport(objects, *machine, &recurses);
    if (!support)
      return check(support.takeError());
    if (!support->empty())
      input.objects.push_back(std::move(*support));
    return success();
  }

  /// The symbols that stay visible.
  std::vector<std::string> getExports() {
    std::vector<std::string> exports = {info.entryName()};
    if (kind == EmitKind::SharedLibrary)
      exports.push_back("onnxc_model_entry");
    return exports;
  }

  LogicalResult link(LinkInput &input) {
    input.triple = target.triple;
    input.keepsSymbols = options.symbols || options.debugInfo;
    input.exports = getExports();
    if (info.weightsSize && info.weightsFile.empty()) {
      input.weights = &weights.blob;
      input.weightsSymbol = info.weightsName();
    }
    if (!info.weightsFile.empty())
      if (failed(check(writeFile(options.output + ".weights", [&](raw_ostream &os) { weights.blob.write(os); }))))
        return failure();
    auto writeLibrary = kind == EmitKind::SharedLibrary ? writeSharedLibrary
                        : kind == EmitKind::Archive     ? writeArchive
                                                        : writeObject;
    if (failed(check(writeLibrary(options.output, input))))
      return failure();
    auto names = llvm::map_to_vector(info.features, [](const KnownFeature &feature) { return feature.name; });
    result.binding = describeBinding(llvm::sys::path::filename(options.output), target, names);
    if (options.debugInfo && failed(check(writeFile(nodesFile(), [&](raw_ostream &os) { os << nodes; }))))
      return failure();
    if (!options.writeHeader)
      return success();
    SmallString<128> header(options.header);
    if (header.empty()) {
      header = llvm::sys::path::parent_path(options.output);
      llvm::sys::path::append(header, modelName() + ".h");
    }
    headerPath = header.str().str();
    return check(writeFile(header, [&](raw_ostream &os) { os << generateHeader(info); }));
  }

  /// What the model is called in symbols and for its header: libdigits.a has the model digits.
  StringRef modelName() const {
    StringRef name = llvm::sys::path::stem(options.output);
    if (name.size() > 3 && (kind == EmitKind::SharedLibrary || kind == EmitKind::Archive))
      name.consume_front("lib");
    return name;
  }

  bool isLibrary() const {
    return kind == EmitKind::SharedLibrary || kind == EmitKind::Archive || kind == EmitKind::Object;
  }

  /// Says what was written, for which processor, with which inputs and outputs.
  void summarize() {
    if (options.output == "-")
      return;
    llvm::raw_string_ostream os(result.summary);
    auto file = [&](StringRef name) {
      uint64_t size = 0;
      (void)llvm::sys::fs::file_size(name, size);
      os << escapeText(name) << ": " << formatSize(size);
    };
    file(options.output);
    if (kind == EmitKind::OnnxDialect || kind == EmitKind::Linalg || kind == EmitKind::LLVMDialect) {
      if (std::string weightsFile = options.output + ".weights"; llvm::sys::fs::exists(weightsFile))
        os << ", and its weights in " << escapeText(weightsFile);
      os << "\n";
      return;
    }
    if (isLibrary() && weights.blob.size())
      os << (info.weightsFile.empty() ? " (" : " and ") << formatSize(weights.blob.size()) << " of weights"
         << (info.weightsFile.empty() ? ")" : " in " + escapeText(info.weightsFile));
    os << " for " << llvm::Triple(target.triple).getArchName() << ", processor " << target.cpu
       << (target.isNative ? " (this machine's)" : "");
    if (!headerPath.empty())
      os << "; C header " << escapeText(headerPath);
    if (options.debugInfo && isLibrary())
      os << "; its lines are nodes, in " << escapeText(nodesFile());
    os << "\n";
    auto list = [&](StringRef what, ArrayRef<HeaderValue> values) {
      for (const HeaderValue &value : values.take_front(kMaxListed))
        os << "  " << what << escapeText(value.name) << ": " << escapeText(describeType(value, info.symbols)) << "\n";
      if (values.size() > kMaxListed)
        os << "  " << what << "and " << values.size() - kMaxListed << " more\n";
    };
    list("input  ", info.inputs);
    list("output ", info.outputs);
  }

  std::string path;
  const CompileOptions &options;
  CompileResult &result;
  DiagnosticLog log;
  Progress progress;
  MLIRContext context;
  ScopedDiagnosticHandler handler;
  EmitKind kind = EmitKind::Auto;
  DumpPhase dumpPhase = DumpPhase::Onnx; ///< which one the module is of at first
  TargetSpec target;
  std::unique_ptr<llvm::TargetMachine> machine;
  OwningOpRef<ModuleOp> module;
  uint64_t fileBytes = 0; ///< of the model, with its external data
  CollectedWeights weights;
  MemoryPlan plan;
  ModelInfo info;
  std::vector<PassTimes::Entry> passTimes; ///< of the phase at hand
  std::string nodes;                       ///< what -g lists of them
  std::string headerPath;                  ///< where it was written, if it was
  uint64_t notedSteps = 0;                 ///< of bytes of weights
  bool recurses = false;                   ///< a function of the model calls itself
};
} // namespace

CompileResult onnxc::compile(const std::string &path, const CompileOptions &options) {
  CompileResult result;
  Compilation(path, options, result).run();
  return result;
}
