//===- test/fuzz/onnxc-fuzz.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles models that somebody damaged or made to harm, each in a process of its own: hand-made ones, models of every
// operator with random types, shapes and attributes, and mutants of good models and of the dialect's text; the same for
// the same numbers. Each
// must be compiled, or be refused with a diagnostic that names the file: no crash, no sanitizer report, no hang, no
// file left.
#include "dialects/onnx/OnnxDialect.h"
#include "lib/Driver/Pipeline.h"
#include "lib/Import/TextParser.h"
#include "onnxc/Compiler.h"
#include "test/fuzz/Bombs.h"
#include "test/fuzz/Mutate.h"
#include "test/fuzz/Operators.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
using namespace onnxc;
namespace cl = llvm::cl;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static cl::list<std::string> seedPaths(cl::Positional, cl::desc("[models, or folders with models]"));
static cl::opt<std::string> handMade("hand-made",
                                     cl::desc("file of hostile models in text, each after a line '#--- NAME'"));
static cl::opt<unsigned> modelCount("count", cl::init(0), cl::desc("number of random models"));
static cl::opt<unsigned> firstModel("first", cl::init(0), cl::desc("number of the first random model"));
static cl::opt<unsigned> bombCount("bombs", cl::init(0), cl::desc("number of small models that ask for much"));
static cl::opt<std::string> only("only", cl::desc("only models whose name contains this"));
static cl::opt<std::string> folder("folder", cl::init("fuzz.tmp"),
                                   cl::desc("where to work; models that fail stay in it"));
static cl::opt<unsigned> jobs("jobs", cl::init(1), cl::desc("processes at a time"));
static cl::opt<double> maxSeconds("max-seconds", cl::init(10), cl::desc("longest processor time for one model"));
static cl::opt<unsigned> maxMemory("max-memory", cl::init(2048), cl::desc("largest resident memory of one, in MiB"));
static cl::opt<unsigned> maxOutput("max-output", cl::init(100),
                                   cl::desc("largest library of one, in MiB beyond the model file"));
static cl::opt<bool> verbose("verbose", cl::desc("tell of every model what became of it"));

namespace {
struct Case {
  std::string name, bytes, extension;
};

struct Running {
  pid_t process;
  std::string name, folder, model, log;
  std::chrono::steady_clock::time_point start;
  const char *killedFor = nullptr;
};
} // namespace

// ---- The models ----------------------------------------------------------------------------------------------------

static std::string read(const std::string &file) {
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

static void write(const std::string &file, StringRef bytes) {
  std::error_code error;
  llvm::raw_fd_ostream out(file, error);
  out << bytes;
}

/// Models too big or too strange to be written down as text.
static void addMadeModels(std::vector<Case> &cases) {
  auto binary = [&](const char *name, std::string bytes) { cases.push_back({name, std::move(bytes), ".onnx"}); };
  binary("empty", "");
  binary("length-2gib", "\x3a\xff\xff\xff\xff\x07");
  binary("length-negative", "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  binary("endless-varint", std::string(1000, '\xff'));
  binary("groups", std::string(1 << 20, '\x0b'));
  auto begin = [](proto::ModelProto &model) {
    model.set_ir_version(10);
    model.add_opset_import()->set_version(17);
    model.mutable_graph()->add_output()->set_name("y");
  };
  auto node = [](auto &owner, const char *type, const std::string &in, const std::string &out) {
    auto &made = *owner.add_node();
    made.set_op_type(type);
    if (!in.empty())
      made.add_input(in);
    made.add_output(out);
    return &made;
  };
  for (int depth : {20, 90, 5000}) { // graphs in graphs: protobuf's own limit is 100 messages
    std::string inner;
    for (int i = 0; i < depth; ++i) {
      proto::ModelProto wrapper;
      auto *made = node(*wrapper.mutable_graph(), "If", "", "y");
      auto *attribute = made->add_attribute();
      attribute->set_name("then_branch");
      attribute->set_type(proto::AttributeProto::GRAPH);
      if (i < 100)
        attribute->mutable_g()->ParseFromString(inner);
      inner = wrapper.graph().SerializeAsString();
    }
    proto::ModelProto model;
    model.mutable_graph()->ParseFromString(inner);
    begin(model);
    binary(depth == 20 ? "subgraphs-20" : depth == 90 ? "subgraphs-90" : "subgraphs-5000", model.SerializeAsString());
  }
  { // 2^40 nodes once inlined
    proto::ModelProto model;
    begin(model);
    node(*model.mutable_graph(), "F0", "", "y")->set_domain("d");
    model.add_opset_import()->set_domain("d");
    model.mutable_opset_import(1)->set_version(1);
    for (int i = 0; i < 40; ++i) {
      auto &f = *model.add_functions();
      f.set_domain("d");
      f.set_name("F" + std::to_string(i));
      f.add_output("y");
      auto callee = "F" + std::to_string(i + 1);
      node(f, callee.c_str(), "", "a")->set_domain("d");
      node(f, callee.c_str(), "", "b")->set_domain("d");
      auto *sum = node(f, "Add", "a", "y");
      sum->add_input("b");
    }
    auto &leaf = *model.add_functions();
    leaf.set_domain("d");
    leaf.set_name("F40");
    leaf.add_output("y");
    auto *attribute = node(leaf, "Constant", "", "y")->add_attribute();
    attribute->set_name("value_float");
    attribute->set_type(proto::AttributeProto::FLOAT);
    attribute->set_f(1);
    binary("functions-bomb", model.SerializeAsString());
  }
  for (bool isWide : {false, true}) { // a long chain, and a node with many inputs
    proto::ModelProto model;
    begin(model);
    auto &graph = *model.mutable_graph();
    auto &input = *graph.add_input();
    input.set_name("x0");
    input.mutable_type()->mutable_tensor_type()->set_elem_type(1);
    input.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(2);
    if (isWide) {
      auto *sum = node(graph, "Max", "", "y");
      for (int i = 0; i < 500; ++i)
        sum->add_input("x0");
    } else {
      for (int i = 0; i < 300; ++i)
        node(graph, "Neg", "x" + std::to_string(i), i == 299 ? "y" : "x" + std::to_string(i + 1));
    }
    binary(isWide ? "many-inputs" : "chain", model.SerializeAsString());
  }
  { // a name of 1 MiB, and one that is not UTF-8
    proto::ModelProto model;
    begin(model);
    auto *made = node(*model.mutable_graph(), "\xff\xfe\x80", "\xc3\x28", "y");
    made->set_name(std::string(1 << 20, '\xf5'));
    binary("names", model.SerializeAsString());
  }
}

static void addHandMade(std::vector<Case> &cases) {
  std::string text = read(handMade);
  if (text.empty()) {
    llvm::errs() << "can't read " << handMade << "\n";
    exit(2);
  }
  SmallVector<StringRef> parts;
  StringRef(text).split(parts, "#--- ");
  for (StringRef part : llvm::drop_begin(parts)) {
    auto [line, body] = part.split('\n');
    StringRef name = line.trim();
    cases.push_back({name.str(), body.str(), name.ends_with(".mlir") ? ".mlir" : ".onnxtxt"});
  }
}

/// Who waits for something uses no processor time: that many times the longest time is too long, too.
static constexpr double kMaxWait = 6;
/// A larger model takes long, and its mutants find nothing else.
static constexpr uint64_t kMaxSeed = 64 << 10;

/// The files below `root` that are models, in the order of their names.
static std::vector<std::string> findSeeds(const std::string &root) {
  if (!fs::is_directory(root))
    return {root};
  std::vector<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator it(root, error), end; it != end && !error; it.increment(error)) {
    StringRef extension = path::extension(it->path());
    uint64_t size = 0;
    if ((extension == ".onnx" || extension == ".onnxtxt" || extension == ".mlir") && !fs::file_size(it->path(), size) &&
        size < kMaxSeed)
      found.push_back(it->path());
  }
  llvm::sort(found);
  return found;
}

static std::optional<fuzz::Seed> readSeed(const std::string &file) {
  fuzz::Seed seed{file, "", read(file)};
  if (!StringRef(file).ends_with(".onnxtxt"))
    return seed;
  seed.text = seed.binary;
  MLIRContext context(MLIRContext::Threading::DISABLED);
  proto::ModelProto model;
  if (failed(parseText(seed.text, file, context, model)))
    return std::nullopt;
  seed.binary = model.SerializeAsString();
  return seed;
}

/// One function of a file in the onnx dialect, damaged, as @main.
static std::string makeDump(const std::string &file, fuzz::Random &random) {
  std::string text = read(file);
  SmallVector<StringRef> functions;
  StringRef(text).split(functions, "func.func @");
  if (functions.size() < 2)
    return text;
  StringRef function = functions[1 + fuzz::pick(random, functions.size() - 1)];
  return fuzz::mutateDump("func.func @main" + function.drop_while([](char c) { return c != '('; }).str(), random);
}

// ---- One process ---------------------------------------------------------------------------------------------------

static Running start(const Case &test, unsigned slot) {
  Running run;
  run.name = test.name;
  run.folder = folder + "/" + std::to_string(slot);
  run.model = "model" + test.extension;
  run.log = folder + "/" + std::to_string(slot) + ".log";
  fs::remove_directories(run.folder);
  fs::create_directories(run.folder);
  write(run.folder + "/" + run.model, test.bytes);
  run.start = std::chrono::steady_clock::now();
  llvm::outs().flush();
  run.process = fork();
  if (run.process)
    return run;
  int log = open(run.log.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  dup2(log, 1);
  dup2(log, 2);
  if (chdir(run.folder.c_str()))
    _exit(99);
  setenv("TMPDIR", ".", 1); // what is left of temporary files is seen, too
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  rlimit seconds{static_cast<rlim_t>(maxSeconds), static_cast<rlim_t>(maxSeconds)}; // a busy machine changes nothing
  setrlimit(RLIMIT_CPU, &seconds);
  CompileOptions options;
  options.output = "model.so";
  options.optLevel = llvm::hash_value(test.name) % 4 ? 3 : 0;
  CompileResult result = compile(run.model, options);
  llvm::errs() << result.diagnostics;
  llvm::errs().flush();
  _exit(result.status == CompileStatus::Ok ? 0 : 1);
}

static uint64_t residentMiB(pid_t process) {
  FILE *file = fopen(("/proc/" + std::to_string(process) + "/statm").c_str(), "r");
  unsigned long size = 0, resident = 0;
  if (file) {
    if (fscanf(file, "%lu %lu", &size, &resident) != 2)
      resident = 0;
    fclose(file);
  }
  return resident * sysconf(_SC_PAGESIZE) >> 20;
}

/// What is wrong with how the compiler ended, if anything.
static std::string judge(const Running &run, int status) {
  std::string text = read(run.log);
  if (run.killedFor)
    return run.killedFor;
  llvm::Regex report("(SUMMARY: .*|runtime error: .*|Assertion .*|LLVM ERROR.*|UNREACHABLE.*)");
  SmallVector<StringRef> match;
  if (report.match(text, &match))
    return match[1].split('\n').first.str();
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
    return "took too long";
  if (WIFSIGNALED(status))
    return "killed by signal " + std::to_string(WTERMSIG(status));
  llvm::StringSet<> files;
  std::error_code error;
  for (fs::directory_iterator it(run.folder, error), end; it != end && !error; it.increment(error))
    files.insert(path::filename(it->path()));
  if (WEXITSTATUS(status) > 1)
    return "exit status " + std::to_string(WEXITSTATUS(status));
  uint64_t in = 0, out = 0;
  if (!fs::file_size(run.folder + "/" + run.model, in) && !fs::file_size(run.folder + "/model.so", out) &&
      out > in + (uint64_t(maxOutput) << 20))
    return "the library has " + std::to_string(out) + " bytes";
  if (WEXITSTATUS(status) == 0)
    return files.size() == 3 && files.contains("model.so") && files.contains("model.h") ? ""
                                                                                        : "wrong files after success";
  if (files.size() != 1)
    return "files are left after an error";
  if (text.find(run.model + ":") == std::string::npos)
    return "refused without a diagnostic that names the file";
  if (text.find("error: ") == std::string::npos)
    return "refused without an error";
  if (StringRef(run.model).ends_with(".mlir"))
    return "";
  // Words of our own phases are for us: the user has a model.
  llvm::Regex inner(
      "(internal error.*|failed to legalize.*|'(linalg|tensor|memref|arith|scf|llvm|vector|affine|cf|func|"
      "kernel|bufferization)\\.[a-z_.]*' op.*)");
  if (inner.match(text, &match))
    return match[1].split('\n').first.str();
  return "";
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "compiles hostile models\n");
  if (std::error_code error = fs::create_directories(folder)) {
    llvm::errs() << folder << ": " << error.message() << "\n";
    return 2;
  }
  std::vector<Case> cases;
  if (!handMade.empty()) {
    addHandMade(cases);
    addMadeModels(cases);
  }
  std::vector<std::string> seeds;
  for (const std::string &seed : seedPaths)
    llvm::append_range(seeds, findSeeds(seed));
  std::vector<fuzz::Operator> operators;
  {
    MLIRContext context(MLIRContext::Threading::DISABLED);
    context.loadDialect<onnx::OnnxDialect>();
    operators = fuzz::describeOperators(context);
  }
  for (unsigned i = firstModel; i < firstModel + modelCount; ++i) {
    fuzz::Random random(i);
    random.discard(8);
    size_t turn = i / 2;
    if (i % 2 || seeds.empty()) {
      const fuzz::Operator &op = operators[turn % operators.size()];
      proto::ModelProto model = fuzz::makeModel(operators, turn % operators.size(), random);
      if (random() % 8 == 0)
        fuzz::mutateModel(model, random);
      cases.push_back({std::to_string(i) + "-" + op.name, model.SerializeAsString(), ".onnx"});
      continue;
    }
    // 7919 is a prime: neighbours get seeds far from each other.
    const std::string &file = seeds[turn * 7919 % seeds.size()];
    std::string name =
        std::to_string(i) + "-" + path::filename(path::parent_path(file)).str() + "-" + path::stem(file).str();
    if (path::extension(file) == ".mlir") {
      cases.push_back({name, makeDump(file, random), ".mlir"});
      continue;
    }
    if (auto seed = readSeed(file)) {
      bool isText = false;
      uint64_t number = random() & ~uint64_t(3);
      if (i % 8 == 0) // damage to the meaning finds more than damage to the bytes
        number += 2 + random() % 2;
      std::string bytes = fuzz::mutate(*seed, number, isText);
      cases.push_back({name, bytes, isText ? ".onnxtxt" : ".onnx"});
    }
  }
  for (unsigned i = firstModel; i < firstModel + bombCount; ++i) {
    std::string name, bytes = fuzz::makeBomb(i, name);
    cases.push_back({std::to_string(i) + "-" + name, std::move(bytes), ".onnxtxt"});
  }
  if (!only.empty())
    llvm::erase_if(cases, [](const Case &test) { return test.name.find(only) == std::string::npos; });

  unsigned compiled = 0, refused = 0, failures = 0;
  std::vector<std::optional<Running>> running(std::max(1u, jobs.getValue()));
  size_t next = 0, alive = 0;
  while (next < cases.size() || alive) {
    for (auto [slot, run] : llvm::enumerate(running)) {
      if (!run && next < cases.size()) {
        run = start(cases[next++], slot);
        ++alive;
      }
      if (!run)
        continue;
      int status = 0;
      if (waitpid(run->process, &status, WNOHANG) == 0) {
        double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - run->start).count();
        if (!run->killedFor)
          run->killedFor = seconds > kMaxWait * maxSeconds         ? "took too long"
                           : residentMiB(run->process) > maxMemory ? "took too much memory"
                                                                   : nullptr;
        if (run->killedFor)
          kill(run->process, SIGKILL);
        continue;
      }
      std::string wrong = judge(*run, status);
      if (wrong.empty())
        (WEXITSTATUS(status) == 0 ? compiled : refused)++;
      if (verbose && wrong.empty())
        llvm::outs() << run->name << ": " << (WEXITSTATUS(status) ? "refused: " + read(run->log) : "compiled\n");
      if (!wrong.empty()) {
        ++failures;
        std::string kept = folder + "/failed-" + run->name;
        fs::remove_directories(kept);
        fs::rename(run->folder, kept);
        fs::rename(run->log, kept + ".log");
        llvm::outs() << run->name << ": " << wrong << "\n";
      }
      run.reset();
      --alive;
    }
    usleep(2000);
  }
  for (size_t slot = 0; slot < running.size(); ++slot) {
    fs::remove_directories(folder + "/" + std::to_string(slot));
    fs::remove(folder + "/" + std::to_string(slot) + ".log");
  }
  llvm::outs() << cases.size() << " models: " << compiled << " compiled, " << refused << " refused, " << failures
               << " failures\n";
  return failures ? 1 : 0;
}
