//===- tools/onnxc/onnxc.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The compiler's command line: include/onnxc/Compiler.h with options.
#include "lib/Driver/Operators.h"
#include "onnxc/Compiler.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;
using namespace onnxc;

static const char kHelp[] = R"(onnxc: compiles an ONNX model to native code that needs nothing else

  onnxc model.onnx -o model.so              a library for this machine, and model.h beside it
  onnxc model.onnx -o model.o               to link into a program; model.a likewise
  onnxc model.onnx --dim batch=8 -o m.so    with a symbolic dimension made a number
  onnxc model.onnx -target=aarch64 -o m.so  for another machine
  onnxc model.onnx --emit=linalg -o -       to look inside

  -o FILE             what to write; the ending says what: .so .o .a .mlir .ll .s ("-": standard output)
  --emit=KIND         onnx | linalg | llvm (dialect) | llvmir | asm | obj | archive | shared
  -O0 -O1 -O2 -O3     how much to optimise (-O3); -O0 is the plain reference
  -target=TARGET      x86-64, aarch64 or a triple (this machine)
  -mcpu=CPU           LLVM's name of a processor, or native (native without -target; with it one that fits nearly all:
                      x86-64-v3, generic)
  -mattr=+A,-B        features that the processor has or lacks besides, by LLVM's names
  --dim NAME=N        gives a symbolic dimension a size; may be repeated
  --input-shape NAME=1x3x224x224
                      gives an input a shape; ? keeps a dimension symbolic
  --prefix NAME       of the model's symbols: NAME_model() returns the model (the output's name)
  --weights=external  weights in a file beside the output
  --header FILE       where to write the C header; --no-header: don't
  --no-winograd       3x3 convolutions by their definition: slower, but an infinity or NaN reaches no other output
  -Werror             refuses what a warning is given for; --no-warnings: doesn't tell
  --print-memory-plan buffers of the workspace and when they live
  --timing            time of every phase
  --list-ops          the operators with their versions and types; --list-ops=json, --list-ops=markdown
  --version, --help

Try it: onnxc model.onnx -o model.so && onnxc-run model.so --repeat 10
)";

static int fail(const Twine &message) {
  errs() << "onnxc: error: " << message << "\n";
  return 1;
}

namespace {
/// Reads options in the forms "--name value", "--name=value" and "-name=value".
class Arguments {
public:
  Arguments(int argc, char **argv) : words(argv + 1, argv + argc) {}
  bool next() {
    if (position == words.size())
      return false;
    word = words[position++];
    return true;
  }
  StringRef get() const { return word; }
  bool isOption() const { return word.size() > 1 && word[0] == '-'; }
  bool flag(StringRef name) const { return isOption() && word.ltrim('-') == name; }
  bool value(StringRef name, StringRef &out) {
    if (!isOption())
      return false;
    StringRef rest = word.ltrim('-');
    if (rest == name) {
      missing = position == words.size();
      out = missing ? StringRef() : StringRef(words[position++]);
      return true;
    }
    if (rest.consume_front(name) && rest.consume_front("=")) {
      out = rest;
      return true;
    }
    return false;
  }
  bool missing = false;

private:
  std::vector<std::string> words;
  size_t position = 0;
  StringRef word;
};
} // namespace

static bool parseShape(StringRef text, std::vector<int64_t> &shape) {
  SmallVector<StringRef> parts;
  if (!text.empty())
    text.split(parts, 'x');
  for (StringRef part : parts) {
    int64_t size;
    if (part == "?")
      shape.push_back(-1);
    else if (part.getAsInteger(10, size) || size < 0)
      return false;
    else
      shape.push_back(size);
  }
  return true;
}

int main(int argc, char **argv) {
  CompileOptions options;
  std::string input;
  Arguments arguments(argc, argv);
  while (arguments.next()) {
    StringRef value;
    if (arguments.flag("help") || arguments.flag("h")) {
      outs() << kHelp;
      return 0;
    }
    if (arguments.flag("list-ops") || arguments.flag("list-ops=json") || arguments.flag("list-ops=markdown")) {
      StringRef format = arguments.get().split('=').second;
      printOperators(outs(), format == "json"       ? OperatorFormat::Json
                             : format == "markdown" ? OperatorFormat::Markdown
                                                    : OperatorFormat::Text);
      return 0;
    }
    if (arguments.flag("version")) {
      outs() << "onnxc " ONNXC_VERSION " (LLVM " LLVM_VERSION_STRING ", " << sys::getDefaultTargetTriple() << ", "
             << sys::getHostCPUName() << ")\n";
      return 0;
    }
    if (arguments.value("o", value)) {
      options.output = value.str();
    } else if (arguments.value("emit", value)) {
      options.emit = StringSwitch<EmitKind>(value)
                         .Case("onnx", EmitKind::OnnxDialect)
                         .Case("linalg", EmitKind::Linalg)
                         .Case("llvm", EmitKind::LLVMDialect)
                         .Cases({"llvmir", "ll"}, EmitKind::LLVMIR)
                         .Case("asm", EmitKind::Assembly)
                         .Case("obj", EmitKind::Object)
                         .Case("archive", EmitKind::Archive)
                         .Case("shared", EmitKind::SharedLibrary)
                         .Default(EmitKind::Auto);
      if (options.emit == EmitKind::Auto)
        return fail("--emit=" + value + " is none of onnx, linalg, llvm, llvmir, asm, obj, archive and shared");
    } else if (arguments.value("target", value)) {
      options.target = value.str();
    } else if (arguments.value("mcpu", value)) {
      options.cpu = value.str();
    } else if (arguments.value("mattr", value)) {
      options.attributes += (options.attributes.empty() ? "" : ",") + value.str();
    } else if (arguments.value("prefix", value)) {
      options.prefix = value.str();
      if (value.empty() || isDigit(value[0]) || !all_of(value, [](char c) { return isAlnum(c) || c == '_'; }))
        return fail("--prefix " + value + " is not a C identifier");
    } else if (arguments.value("header", value)) {
      options.header = value.str();
    } else if (arguments.flag("no-header")) {
      options.writeHeader = false;
    } else if (arguments.value("weights", value)) {
      if (value != "external" && value != "embedded")
        return fail("--weights is external or embedded, not " + value);
      options.externalWeights = value == "external";
    } else if (arguments.value("dim", value)) {
      auto [name, number] = value.rsplit('=');
      int64_t size;
      if (name.empty() || number.getAsInteger(10, size) || size < 0)
        return fail("--dim " + value + " is not NAME=N");
      options.dims.push_back({name.str(), size});
    } else if (arguments.value("input-shape", value)) {
      auto [name, text] = value.rsplit('=');
      std::vector<int64_t> shape;
      if (name.empty() || !parseShape(text, shape))
        return fail("--input-shape " + value + " is not NAME=1x3x224x224");
      options.inputShapes.push_back({name.str(), shape});
    } else if (arguments.flag("Werror")) {
      options.warningsAreErrors = true;
    } else if (arguments.flag("no-warnings")) {
      options.warnings = false;
    } else if (arguments.flag("no-winograd")) {
      options.winograd = false;
    } else if (arguments.flag("print-memory-plan")) {
      options.printMemoryPlan = true;
    } else if (arguments.flag("timing")) {
      options.timing = true;
    } else if (arguments.flag("O0") || arguments.flag("O1") || arguments.flag("O2") || arguments.flag("O3")) {
      options.optLevel = arguments.get().back() - '0';
    } else if (arguments.isOption()) {
      return fail("unknown option " + arguments.get() + "; --help lists them");
    } else if (input.empty()) {
      input = arguments.get().str();
    } else {
      return fail("two models, " + input + " and " + arguments.get() + ": one at a time");
    }
    if (arguments.missing)
      return fail(arguments.get() + " needs a value");
  }
  if (input.empty())
    return fail("no model given. Try: onnxc model.onnx -o model.so (--help says more)");
  if (options.output.empty()) {
    bool isText = options.emit == EmitKind::OnnxDialect || options.emit == EmitKind::Linalg ||
                  options.emit == EmitKind::LLVMDialect || options.emit == EmitKind::LLVMIR ||
                  options.emit == EmitKind::Assembly;
    if (isText)
      options.output = "-";
    else
      options.output = (sys::path::stem(input) + (options.emit == EmitKind::Object    ? ".o"
                                                  : options.emit == EmitKind::Archive ? ".a"
                                                                                      : ".so"))
                           .str();
  }
  options.progress = sys::Process::StandardErrIsDisplayed() && !options.timing;

  CompileResult result = compile(input, options);
  if (options.progress)
    errs() << "\r\033[K";
  errs() << result.diagnostics;
  if (!result.binding.empty())
    errs() << "note: " << result.binding << "\n";
  return result.status == CompileStatus::Ok ? 0 : 1;
}
