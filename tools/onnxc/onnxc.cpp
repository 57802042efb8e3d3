//===- tools/onnxc/onnxc.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The compiler's command line: include/onnxc/Compiler.h with options. An option is one row of a table.
#include "lib/Driver/Operators.h"
#include "onnxc/Compiler.h"
#include "tools/onnxc/Limits.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;
using namespace onnxc;

static const char kExamples[] = R"(onnxc: compiles an ONNX model to native code that needs nothing else

  onnxc model.onnx                          model.so, a library for this machine, and model.h beside it
  onnxc model.onnx -o model.o               to link into a program; model.a likewise
  onnxc model.onnx --dim batch=8 -o m.so    with a symbolic dimension made a number
  onnxc model.onnx -target=aarch64 -o m.so  for another machine
  onnxc model.onnx --emit=linalg -o -       to look inside

)";

static int fail(const Twine &message) {
  errs() << "onnxc: error: " << message << "\n";
  return 1;
}

// ---- Near misses ---------------------------------------------------------------------------------------------------

/// " (did you mean emit?)" when one of `known` is close to `word`: a third of its letters may be wrong. Else "".
static std::string didYouMean(StringRef word, ArrayRef<StringRef> known, StringRef dashes = "") {
  StringRef best;
  unsigned least = std::max<unsigned>(1, word.size() / 3) + 1;
  for (StringRef candidate : known)
    if (unsigned distance = word.edit_distance_insensitive(candidate); distance < least) {
      least = distance;
      best = candidate;
    }
  return best.empty() ? "" : (" (did you mean " + dashes + best + "?)").str();
}

/// What other compilers call it.
static const std::pair<StringRef, StringRef> kOtherNames[] = {{"march", "mcpu"},
                                                              {"mtune", "mcpu"},
                                                              {"Os", "O2"},
                                                              {"Oz", "O2"},
                                                              {"O", "O3"},
                                                              {"Ofast", "O3"},
                                                              {"output-file", "o"},
                                                              {"shape", "input-shape"},
                                                              {"silent", "quiet"},
                                                              {"batch", "dim"},
                                                              {"S", "emit=asm"},
                                                              {"c", "emit=obj"},
                                                              {"emit-llvm", "emit=llvmir"}};

// ---- The options ---------------------------------------------------------------------------------------------------

namespace {
enum class Takes { Nothing, Value, MaybeValue };

struct Option {
  std::vector<StringRef> names; ///< without dashes; "o" or "dim"
  const char *form;             ///< as the help shows it; null: with the option above
  const char *help;             ///< lines
  Takes takes;
  /// What the option does, given the name that was used and its value; the text of an error, or "".
  std::function<std::string(StringRef name, StringRef value)> apply;
};

class CommandLine {
public:
  CommandLine() { addOptions(); }

  /// Reads the arguments. False after an error, which was said; also once an option has done what it is for.
  bool parse(ArrayRef<const char *> words);
  void finish();

  CompileOptions options;
  Limits limits;
  std::string input;
  bool isQuiet = false;
  int status = 1; ///< of the program, when parse() says false

private:
  void addOptions();
  void add(std::vector<StringRef> names, const char *form, const char *help, Takes takes,
           std::function<std::string(StringRef, StringRef)> apply) {
    table.push_back({std::move(names), form, help, takes, std::move(apply)});
  }
  /// Options that only set something.
  void flag(std::vector<StringRef> names, const char *form, const char *help, std::function<void()> set) {
    add(std::move(names), form, help, Takes::Nothing, [set = std::move(set)](StringRef, StringRef) {
      set();
      return "";
    });
  }
  void text(std::vector<StringRef> names, const char *form, const char *help, std::string &to) {
    add(std::move(names), form, help, Takes::Value, [&to](StringRef, StringRef value) {
      to = value.str();
      return "";
    });
  }
  void limit(StringRef name, const char *form, const char *help, uint64_t &to, const char *unit) {
    add({name}, form, help, Takes::Value, [&to, name, unit](StringRef, StringRef value) -> std::string {
      bool isWrong = value.getAsInteger(10, to) || to == 0;
      return isWrong ? ("--" + name + "=" + value + " is not a number of " + unit).str() : "";
    });
  }
  void printHelp() const;
  bool reject(const Twine &message) {
    status = fail(message);
    return false;
  }
  std::string unknown(StringRef word) const;

  std::vector<Option> table;
  bool isDone = false; ///< by --help and its like
};
} // namespace

static const std::pair<StringRef, EmitKind> kKinds[] = {
    {"onnx", EmitKind::OnnxDialect}, {"linalg", EmitKind::Linalg},   {"llvm", EmitKind::LLVMDialect},
    {"llvmir", EmitKind::LLVMIR},    {"ll", EmitKind::LLVMIR},       {"asm", EmitKind::Assembly},
    {"obj", EmitKind::Object},       {"archive", EmitKind::Archive}, {"shared", EmitKind::SharedLibrary}};

static std::string parseKind(StringRef value, EmitKind &kind) {
  SmallVector<StringRef> names;
  for (auto [name, known] : kKinds) {
    names.push_back(name);
    if (name == value) {
      kind = known;
      return "";
    }
  }
  return ("--emit=" + value + " is none of onnx, linalg, llvm, llvmir, asm, obj, archive and shared" +
          didYouMean(value, names))
      .str();
}

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

void CommandLine::addOptions() {
  text({"o"}, "-o FILE", "what to write; the ending says what: .so .o .a .mlir .ll .s (\"-\": standard output)",
       options.output);
  add({"emit"}, "--emit=KIND", "onnx | linalg | llvm (dialect) | llvmir | asm | obj | archive | shared", Takes::Value,
      [this](StringRef, StringRef value) { return parseKind(value, options.emit); });
  add({"O0", "O1", "O2", "O3"}, "-O0 -O1 -O2 -O3",
      "how much to optimise (-O3); -O0 is the plain reference: operators as they are\n"
      "defined, without our optimisations; -O1 and -O2 have those, and less of LLVM's",
      Takes::Nothing, [this](StringRef name, StringRef) {
        options.optLevel = name.back() - '0';
        return "";
      });
  text({"target"}, "-target=TARGET", "x86-64, aarch64 or a triple (this machine)", options.target);
  text({"mcpu"}, "-mcpu=CPU",
       "LLVM's name of a processor, or native (native without -target; with it one that\n"
       "fits nearly all: x86-64-v3, generic)",
       options.cpu);
  add({"mattr"}, "-mattr=+A,-B", "features that the processor has or lacks besides, by LLVM's names; may be repeated",
      Takes::Value, [this](StringRef, StringRef value) {
        options.attributes += (options.attributes.empty() ? "" : ",") + value.str();
        return "";
      });
  add({"dim"}, "--dim NAME=N", "gives a symbolic dimension a size; may be repeated", Takes::Value,
      [this](StringRef, StringRef value) -> std::string {
        auto [name, number] = value.rsplit('=');
        int64_t size;
        if (name.empty() || number.getAsInteger(10, size) || size < 0)
          return ("--dim " + value + " is not NAME=N").str();
        options.dims.push_back({name.str(), size});
        return "";
      });
  add({"input-shape"}, "--input-shape NAME=1x3x224x224",
      "gives an input a shape; ? keeps a dimension symbolic; may be repeated", Takes::Value,
      [this](StringRef, StringRef value) -> std::string {
        auto [name, shapeText] = value.rsplit('=');
        std::vector<int64_t> shape;
        if (name.empty() || !parseShape(shapeText, shape))
          return ("--input-shape " + value + " is not NAME=1x3x224x224").str();
        options.inputShapes.push_back({name.str(), shape});
        return "";
      });
  add({"channel-block"}, "--channel-block N",
      "how many channels are in a block, 8 or 16, where a model that onnxruntime has optimised\n"
      "and saved leaves it open",
      Takes::Value, [this](StringRef, StringRef value) -> std::string {
        if (value != "8" && value != "16")
          return ("--channel-block " + value + " is not 8 or 16").str();
        options.channelBlock = value == "8" ? 8 : 16;
        return "";
      });
  add({"prefix"}, "--prefix NAME", "of the model's symbols: NAME_model() returns the model (the output's name)",
      Takes::Value, [this](StringRef, StringRef value) -> std::string {
        options.prefix = value.str();
        if (value.empty() || isDigit(value[0]) || !all_of(value, [](char c) { return isAlnum(c) || c == '_'; }))
          return ("--prefix " + value + " is not a C identifier").str();
        return "";
      });
  add({"weights"}, "--weights=external", "weights in a file beside the output", Takes::Value,
      [this](StringRef, StringRef value) -> std::string {
        options.externalWeights = value == "external";
        if (value != "external" && value != "embedded")
          return ("--weights is external or embedded, not " + value + didYouMean(value, {"external", "embedded"}))
              .str();
        return "";
      });
  text({"header"}, "--header FILE", "where to write the C header; --no-header: don't", options.header);
  flag({"no-header"}, nullptr, nullptr, [this] { options.writeHeader = false; });
  add({"max-stack"}, "--max-stack=BYTES", "of stack that a call may take; more than that is an error", Takes::Value,
      [this](StringRef, StringRef value) -> std::string {
        if (value.getAsInteger(10, options.maxStack) || options.maxStack == 0)
          return ("--max-stack=" + value + " is not a number of bytes").str();
        return "";
      });
  limit("limit-time", "--limit-time=SECONDS",
        "ends a compilation that takes longer, whatever the model; for servers, as are:", limits.seconds, "seconds");
  limit("limit-memory", "--limit-memory=BYTES", "of memory, beside the model's files, which are mapped", limits.memory,
        "bytes");
  limit("limit-output", "--limit-output=BYTES", "of each file that is written", limits.output, "bytes");
  flag({"no-winograd"}, "--no-winograd",
       "3x3 convolutions by their definition: slower, but an infinity or NaN reaches no other output",
       [this] { options.winograd = false; });
  flag({"keep-values"}, "--keep-values",
       "every value that a node of the main graph makes becomes an output, in their order",
       [this] { options.keepValues = true; });
  add({"output"}, "--output NAME", "this value becomes an output, after the model's own; may be repeated", Takes::Value,
      [this](StringRef, StringRef value) {
        options.keptValues.push_back(value.str());
        return "";
      });
  flag({"g"}, "-g", "line numbers for debuggers and profilers: lines of a list of the nodes, FILE.nodes",
       [this] { options.debugInfo = true; });
  flag({"no-strip"}, "--no-strip", "a shared library keeps the names of its functions",
       [this] { options.symbols = true; });
  add({"disable-pass"}, "--disable-pass=NAME",
      "goes without an optimisation, to find the one at fault; may be repeated", Takes::Value,
      [this](StringRef, StringRef value) {
        options.disabledPasses.push_back(value.str());
        return "";
      });
  flag({"Werror"}, "-Werror", "refuses what a warning is given for; --no-warnings: doesn't tell",
       [this] { options.warningsAreErrors = true; });
  flag({"no-warnings"}, nullptr, nullptr, [this] { options.warnings = false; });
  flag({"q", "quiet"}, "-q, --quiet", "says nothing but warnings and errors", [this] { isQuiet = true; });
  flag({"v", "verbose"}, "-v, --verbose", "what it is compiled for, and the time of every phase",
       [this] { options.verbose = options.timing = true; });
  flag({"timing"}, "--timing", "time of every phase; processor time of its passes", [this] { options.timing = true; });
  flag({"print-memory-plan"}, "--print-memory-plan", "buffers of the workspace and when they live",
       [this] { options.printMemoryPlan = true; });
  add({"list-ops"}, "--list-ops", "the operators with their versions and types; --list-ops=json, --list-ops=markdown",
      Takes::MaybeValue, [this](StringRef, StringRef value) -> std::string {
        if (!value.empty() && value != "text" && value != "json" && value != "markdown")
          return ("--list-ops is text, json or markdown, not " + value +
                  didYouMean(value, {"text", "json", "markdown"}))
              .str();
        printOperators(outs(), value == "json"       ? OperatorFormat::Json
                               : value == "markdown" ? OperatorFormat::Markdown
                                                     : OperatorFormat::Text);
        isDone = true;
        return "";
      });
  flag({"version"}, "--version, --help", "", [this] {
    outs() << "onnxc " ONNXC_VERSION " (LLVM " LLVM_VERSION_STRING ", " << sys::getDefaultTargetTriple() << ", "
           << sys::getHostCPUName() << ")\n";
    isDone = true;
  });
  flag({"help", "h"}, nullptr, nullptr, [this] {
    printHelp();
    isDone = true;
  });
}

void CommandLine::printHelp() const {
  constexpr unsigned indent = 22; // of the explanations
  outs() << kExamples;
  for (const Option &option : table) {
    if (!option.form)
      continue;
    outs() << "  " << left_justify(option.form, indent - 2);
    if (StringRef(option.form).size() + 2 >= indent)
      (outs() << "\n").indent(indent);
    SmallVector<StringRef> lines;
    StringRef(option.help).split(lines, '\n');
    outs() << lines.front() << "\n";
    for (StringRef line : drop_begin(lines))
      outs().indent(indent) << line << "\n";
  }
  outs() << "\nOf an option that is given twice the last counts, but for those that may be repeated.\n"
            "Try it: onnxc model.onnx && onnxc-run model.so --repeat 10\n";
}

std::string CommandLine::unknown(StringRef word) const {
  StringRef name = word.ltrim('-').split('=').first;
  SmallVector<StringRef> names;
  for (const Option &option : table)
    append_range(names, option.names);
  std::string hint = didYouMean(name, names, word.starts_with("--") ? "--" : "-");
  for (auto [other, ours] : kOtherNames)
    if (name == other)
      hint = (" (did you mean " + StringRef(ours.size() > 4 ? "--" : "-") + ours + "?)").str();
  return ("unknown option " + word + hint + "; --help lists them").str();
}

bool CommandLine::parse(ArrayRef<const char *> words) {
  for (size_t i = 0; i < words.size(); ++i) {
    StringRef word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      if (!input.empty())
        return reject("two models, " + input + " and " + word + ": one at a time");
      input = word.str();
      continue;
    }
    // Each may be written "--name value", "--name=value" and "-name=value".
    auto [name, value] = word.ltrim('-').split('=');
    bool hasValue = name.size() != word.ltrim('-').size();
    auto option = find_if(table, [&, name = name](const Option &option) { return is_contained(option.names, name); });
    if (option == table.end())
      return reject(unknown(word));
    if (option->takes == Takes::Nothing && hasValue)
      return reject(word.split('=').first + " takes no value");
    if (option->takes == Takes::Value && !hasValue) {
      if (++i == words.size())
        return reject(word + " needs a value");
      value = words[i];
    }
    std::string error = option->apply(name, value);
    if (!error.empty())
      return reject(error);
    if (isDone) {
      status = 0;
      return false;
    }
  }
  if (input.empty())
    return reject("no model given. Try: onnxc model.onnx -o model.so (--help says more)");
  return true;
}

/// What follows from several options.
void CommandLine::finish() {
  auto is = [this](std::initializer_list<EmitKind> kinds) { return is_contained(kinds, options.emit); };
  if (options.output.empty()) {
    bool isText =
        is({EmitKind::OnnxDialect, EmitKind::Linalg, EmitKind::LLVMDialect, EmitKind::LLVMIR, EmitKind::Assembly});
    StringRef ending = is({EmitKind::Object}) ? ".o" : is({EmitKind::Archive}) ? ".a" : ".so";
    options.output = isText ? "-" : (sys::path::stem(input) + ending).str();
  }
  if (isQuiet || options.timing)
    options.progress = ProgressKind::None;
  else
    options.progress = sys::Process::StandardErrIsDisplayed() ? ProgressKind::Terminal : ProgressKind::Lines;
}

int main(int argc, char **argv) {
  CommandLine line;
  if (!line.parse(ArrayRef(argv, argc).drop_front()))
    return line.status;
  line.finish();
  if (std::string problem = line.limits.enforce(line.input); !problem.empty())
    return fail(problem);
  CompileResult result = compile(line.input, line.options);
  errs() << result.diagnostics;
  if (!line.isQuiet) {
    errs() << result.summary;
    if (!result.binding.empty())
      errs() << "note: " << result.binding << "\n";
  }
  return result.status == CompileStatus::Ok ? 0 : 1;
}
