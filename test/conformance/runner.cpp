//===- test/conformance/runner.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles and runs ONNX test cases in process and compares with their recorded outputs. Cases are spread over a few
// worker processes, so that a crash or a hang costs one case; a worker compiles thousands of models in its life.
//
// A case passes when number, type and shape of the outputs are exactly right and every value is within
// |got - expected| <= atol + rtol * |expected| (NaN equals NaN, infinities by sign): the official runner's rule.
#include "onnxc/Compiler.h"
#include "onnxc/runtime.h"
#include "tools/onnxc-run/Compare.h"
#include "tools/onnxc-run/Value.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <csignal>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cl = llvm::cl;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;
using llvm::StringRef;

static cl::list<std::string> folders(cl::Positional, cl::desc("<folder>..."), cl::OneOrMore);
static cl::opt<std::string> filter("filter", cl::desc("Only cases whose path contains this"));
static cl::opt<unsigned> jobs("jobs", cl::desc("Worker processes"), cl::init(2));
static cl::opt<unsigned> limit("limit", cl::desc("Seconds for one case"), cl::init(120));
static cl::opt<int> level("O", cl::Prefix, cl::desc("Optimisation level of the compiler"), cl::init(3));
static cl::opt<int> threads("run-threads", cl::desc("Threads of a run"), cl::init(1));
static cl::opt<std::string> tolerances("tolerances", cl::desc("Table of exceptions: name, set, rtol, atol, ..."));
static cl::opt<bool> guard("guard",
                           cl::desc("Put workspaces, outputs and what runs allocate before untouchable pages"));
static cl::opt<bool> listSkipped("list-skipped", cl::desc("Print skipped cases and why"));
static cl::opt<bool> listPassed("list-passed", cl::desc("Print the cases that pass"));
static cl::opt<bool> knowsAttributes("known-attributes",
                                     cl::desc("A case fails where onnxc does not know an attribute"));
static cl::opt<int> minPassed("min-passed", cl::desc("Succeed when at least this many cases pass, whatever else fails"),
                              cl::init(0));

// ---- Cases ---------------------------------------------------------------------------------------------------------

namespace {
struct Tolerance {
  double rtol = 1e-3, atol = 1e-7;
  bool values = true;          ///< false: compare shape and type only
  std::vector<unsigned> loose; ///< outputs whose values are random or unstable
};
struct Verdict {
  char state; ///< p(ass) f(ail) s(kip)
  std::string reason;
};
} // namespace

/// "case" or "case/data set" to its tolerance.
static llvm::StringMap<Tolerance> table;

/// Reads a table with a header line; columns are found by name.
static bool readTolerances(StringRef file) {
  auto buffer = llvm::MemoryBuffer::getFile(file);
  if (!buffer)
    return false;
  llvm::SmallVector<StringRef> lines, head, row;
  (*buffer)->getBuffer().split(lines, '\n', -1, false);
  lines.front().split(head, '\t');
  for (StringRef line : llvm::ArrayRef(lines).drop_front()) {
    row.clear();
    line.split(row, '\t');
    std::map<StringRef, StringRef> cell;
    for (auto [name, value] : llvm::zip(head, row))
      cell[name] = value;
    Tolerance t;
    for (StringRef column : {"rtol", "tolerance_rtol"})
      (void)cell[column].getAsDouble(t.rtol);
    for (StringRef column : {"atol", "tolerance_atol"})
      (void)cell[column].getAsDouble(t.atol);
    llvm::SmallVector<StringRef> outputs;
    for (StringRef column : {"random_outputs", "unstable_outputs"})
      cell[column].split(outputs, ',', -1, false);
    for (StringRef output : outputs)
      if (unsigned n; !output.getAsInteger(10, n))
        t.loose.push_back(n);
    t.values = cell["check"] != "shape" && (cell["nondeterministic"] != "yes" || !t.loose.empty());
    StringRef name = cell.count("case") ? cell["case"] : cell["name"];
    table[cell["set"].empty() ? name.str() : (name + "/" + cell["set"]).str()] = t;
  }
  return true;
}

static Tolerance getTolerance(StringRef name, StringRef set) {
  if (auto it = table.find((name + "/" + set).str()); it != table.end())
    return it->second;
  if (auto it = table.find(name); it != table.end())
    return it->second;
  return {};
}

/// Folders below `root` that hold a model.onnx and a data set, sorted.
static void collect(StringRef root, std::vector<std::string> &cases) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(root, error), end; it != end && !error; it.increment(error)) {
    StringRef file = it->path();
    if (path::filename(file) != "model.onnx" || (!filter.empty() && !file.contains(filter)))
      continue;
    if (fs::is_directory(path::parent_path(file) + "/test_data_set_0"))
      cases.push_back(path::parent_path(file).str());
  }
  llvm::sort(cases);
}

// ---- One case, in a worker -----------------------------------------------------------------------------------------

/// With --guard, memory ends where a page begins that can't be touched, starts less than a page after another, and is
/// full of NaN: what is read there before it is written shows in the results.
struct Guarded {
  static constexpr size_t Page = 4096;
  size_t usable, all;
  explicit Guarded(size_t size) : usable((size + Page - 1) / Page * Page), all(usable + 2 * Page) {}

  static size_t place(size_t alignment, size_t size) { return (size + alignment - 1) / alignment * alignment; }
};

static void *allocateGuarded(size_t alignment, size_t size) {
  size_t placed = Guarded::place(alignment, size);
  Guarded guarded(placed);
  void *block = mmap(nullptr, guarded.all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED)
    return nullptr;
  char *start = static_cast<char *>(block) + Guarded::Page;
  if (guarded.usable && mprotect(start, guarded.usable, PROT_READ | PROT_WRITE))
    return nullptr;
  memset(start, 0xff, guarded.usable);
  return start + guarded.usable - placed;
}

static void releaseGuarded(void *memory, size_t size) {
  // The place at the end is less than a page from what was asked for: the block follows from the address.
  auto address = reinterpret_cast<uintptr_t>(memory);
  size_t offset = address % Guarded::Page;
  Guarded guarded(offset + size);
  munmap(reinterpret_cast<void *>(address - offset - Guarded::Page), guarded.all);
}

/// Counts the bytes that a library, its sessions and its runs hold.
static void *allocateCounted(void *self, size_t alignment, size_t size) {
  void *memory = nullptr;
  if (guard)
    memory = allocateGuarded(alignment, size);
  else if (posix_memalign(&memory, std::max(alignment, sizeof(void *)), size ? size : 1))
    return nullptr;
  if (memory)
    *static_cast<int64_t *>(self) += size;
  return memory;
}

static void releaseCounted(void *self, void *memory, size_t size) {
  *static_cast<int64_t *>(self) -= size;
  guard ? releaseGuarded(memory, size) : free(memory);
}

static Verdict runDataSet(const std::string &folder, StringRef name, onnxc_library *library, onnxc_pool *pool) {
  const onnxc_model &model = *onnxc_library_model(library);
  onnxc_error error;
  onnxc_session *session = nullptr;
  if (onnxc_session_create(library, pool, &session, &error))
    return {'f', error.text};
  std::deque<Value> inputs(model.input_count);
  Verdict verdict{'p', ""};
  for (uint64_t i = 0; i < model.input_count && verdict.state == 'p'; ++i) {
    int32_t type = model.inputs[i].type;
    if (std::string why = readValue(folder + "/input_" + std::to_string(i) + ".pb", type, inputs[i]); !why.empty())
      verdict = {'s', why};
    else if (adoptType(inputs[i].root, type); isTensor(type) && inputs[i].root.type != type)
      verdict = {'f', std::string("input type is ") + onnxc_type_name(type)};
    else if (std::string why = setInput(&model, session, i, inputs[i]); !why.empty())
      verdict = {'f', why};
  }
  if (verdict.state == 'p' && (onnxc_plan(session, &error) || onnxc_run(session, &error)))
    verdict = {'f', error.text};
  if (verdict.state == 'p' && model.release && onnxc_run(session, &error)) // without what the first run allocated
    verdict = {'f', std::string("second run: ") + error.text};
  for (uint64_t i = 0; i < model.output_count && verdict.state == 'p'; ++i) {
    Value want;
    std::string file = folder + "/output_" + std::to_string(i) + ".pb";
    if (!fs::exists(file))
      continue;
    if (std::string why = readValue(file, model.outputs[i].type, want); !why.empty()) {
      verdict = {'s', why};
      break;
    }
    Tolerance tolerance = getTolerance(name, path::filename(folder));
    if (ONNXC_ELEMENT_TYPE(model.outputs[i].type) == ONNXC_BFLOAT16)
      tolerance.rtol = std::max(tolerance.rtol, 1.0 / 64);
    if (!tolerance.values || llvm::is_contained(tolerance.loose, i)) // type and shape still count
      tolerance.rtol = 0, tolerance.atol = std::numeric_limits<double>::infinity();
    adoptType(want.root, model.outputs[i].type);
    std::string why = compare(want.root, getOutput(&model, session, i), tolerance.rtol, tolerance.atol).difference;
    if (!why.empty())
      verdict = {'f', path::filename(folder).str() + " " + model.outputs[i].name + ": " + why};
  }
  onnxc_session_destroy(session);
  return verdict;
}

static Verdict runCase(const std::string &folder, const std::string &library, onnxc_pool *pool) {
  onnxc::CompileOptions options;
  options.output = library;
  options.optLevel = level;
  onnxc::CompileResult compiled = onnxc::compile(folder + "/model.onnx", options);
  if (compiled.status != onnxc::CompileStatus::Ok) {
    StringRef first = compiled.diagnostics; // the first error, behind warnings
    while (!first.split('\n').first.contains(": error: ") && first.contains('\n'))
      first = first.split('\n').second;
    first = first.split('\n').first;
    return {compiled.status == onnxc::CompileStatus::Unsupported ? 's' : 'f', "compile: " + first.str()};
  }
  for (StringRef line : llvm::split(StringRef(compiled.diagnostics), '\n'))
    if (knowsAttributes && line.contains("has no attribute"))
      return {'f', "compile: " + line.str()};
  onnxc_error error;
  onnxc_library *opened = nullptr;
  int64_t held = 0;
  onnxc_allocator allocator{&held, allocateCounted, releaseCounted};
  onnxc_options counted{&allocator, nullptr, 0};
  if (onnxc_open(library.c_str(), &counted, &opened, &error))
    return {'f', error.text};
  Verdict verdict{'p', ""};
  for (unsigned n = 0; verdict.state == 'p'; ++n) {
    std::string data = folder + "/test_data_set_" + std::to_string(n);
    if (!fs::is_directory(data))
      break;
    verdict = runDataSet(data, path::filename(folder), opened, pool);
  }
  onnxc_close(opened);
  if (held != 0)
    verdict = {'f', verdict.reason + " (" + std::to_string(held) + " bytes have not been given back)"};
  fs::remove(library);
  return verdict;
}

// ---- Workers -------------------------------------------------------------------------------------------------------

namespace {
struct Worker {
  pid_t pid = -1;
  int toChild = -1, fromChild = -1;
  int running = -1; ///< index of the case
  time_t since = 0;
  std::string answer;
};
} // namespace

[[noreturn]] static void work(int in, int out, const std::vector<std::string> &cases) {
  llvm::SmallString<128> folder;
  fs::createUniqueDirectory("onnxc-conformance", folder);
  onnxc_pool *pool = threads > 1 ? onnxc_pool_create(threads) : nullptr;
  int n;
  while (::read(in, &n, sizeof n) == sizeof n) {
    Verdict verdict = runCase(cases[n], (folder + "/m.so").str(), pool);
    std::replace(verdict.reason.begin(), verdict.reason.end(), '\n', ' ');
    std::string line = verdict.state + verdict.reason.substr(0, 400) + "\n";
    if (::write(out, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      break;
  }
  fs::remove_directories(folder);
  _exit(0);
}

static void start(std::vector<Worker> &workers, Worker &worker, const std::vector<std::string> &cases) {
  int down[2], up[2];
  if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC))
    llvm::report_fatal_error("no pipe");
  llvm::outs().flush();
  pid_t pid = fork();
  if (pid == 0) {
    close(down[1]);
    close(up[0]);
    for (Worker &other : workers) // an end of a pipe that this process holds would keep the other from seeing it closed
      if (other.pid > 0)
        close(other.toChild), close(other.fromChild);
    work(down[0], up[1], cases);
  }
  worker.pid = pid;
  close(down[0]);
  close(up[1]);
  worker.toChild = down[1];
  worker.fromChild = up[0];
}

static int stop(Worker &worker) {
  close(worker.toChild);
  close(worker.fromChild);
  int status = 0;
  waitpid(worker.pid, &status, 0);
  worker.pid = -1;
  return status;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(
      argc, argv,
      "Compiles and runs ONNX test cases and compares with their recorded outputs.\n\n"
      "A case is a folder with model.onnx and test_data_set_N/{input,output}_K.pb. Cases with an "
      "operator or a type\nthat onnxc says it does not support are skipped and counted.\n");
  signal(SIGPIPE, SIG_IGN);
  if (!tolerances.empty() && !readTolerances(tolerances)) {
    llvm::errs() << "can't read " << tolerances << "\n";
    return 2;
  }
  std::vector<std::string> cases;
  for (const std::string &folder : folders)
    collect(folder, cases);
  std::vector<Verdict> verdicts(cases.size(), Verdict{'f', "not run"});

  std::vector<Worker> workers(std::max(1u, unsigned(jobs)));
  size_t next = 0, done = 0;
  bool isTerminal = llvm::errs().is_displayed();
  auto finish = [&](Worker &worker, Verdict verdict) {
    verdicts[worker.running] = std::move(verdict);
    worker.running = -1;
    worker.answer.clear();
    ++done;
    if (isTerminal)
      llvm::errs() << "\r" << done << "/" << cases.size() << " ";
  };
  while (done < cases.size()) {
    std::vector<pollfd> fds;
    for (Worker &worker : workers) {
      if (worker.running < 0 && next < cases.size()) {
        if (worker.pid < 0)
          start(workers, worker, cases);
        worker.running = next++;
        worker.since = time(nullptr);
        if (write(worker.toChild, &worker.running, sizeof worker.running) < 0)
          llvm::report_fatal_error("a worker is gone");
      }
      fds.push_back({worker.running >= 0 ? worker.fromChild : -1, POLLIN, 0});
    }
    poll(fds.data(), fds.size(), 1000);
    for (auto [worker, fd] : llvm::zip_equal(workers, fds)) {
      if (worker.running < 0)
        continue;
      if (fd.revents) {
        char buffer[512];
        ssize_t size = read(worker.fromChild, buffer, sizeof buffer);
        if (size <= 0) {
          int status = stop(worker);
          finish(worker, {'f', WIFSIGNALED(status) ? std::string("crash: ") + strsignal(WTERMSIG(status))
                                                   : "ended with status " + std::to_string(WEXITSTATUS(status))});
          continue;
        }
        worker.answer.append(buffer, size);
        if (worker.answer.back() == '\n')
          finish(worker, {worker.answer[0], worker.answer.substr(1, worker.answer.size() - 2)});
      } else if (time(nullptr) - worker.since > limit) {
        kill(worker.pid, SIGKILL);
        stop(worker);
        finish(worker, {'f', "more than " + std::to_string(limit) + " s"});
      }
    }
  }
  for (Worker &worker : workers)
    if (worker.pid >= 0)
      stop(worker);
  if (isTerminal)
    llvm::errs() << "\r";

  int passed = 0, failed = 0, skipped = 0;
  for (auto [name, verdict] : llvm::zip_equal(cases, verdicts)) {
    StringRef kind = path::filename(path::parent_path(name));
    (verdict.state == 'p' ? passed : verdict.state == 'f' ? failed : skipped) += 1;
    if (verdict.state == 'f' || (verdict.state == 's' && listSkipped) || (verdict.state == 'p' && listPassed))
      llvm::outs() << (verdict.state == 'f'   ? "FAIL "
                       : verdict.state == 's' ? "SKIP "
                                              : "PASS ")
                   << kind << "/" << path::filename(name) << (verdict.reason.empty() ? "" : ": ") << verdict.reason
                   << "\n";
  }
  llvm::outs() << passed << " passed, " << failed << " failed, " << skipped << " skipped\n";
  if (passed < minPassed)
    llvm::errs() << "fewer than " << minPassed << " cases passed\n";
  return minPassed > 0 ? passed < minPassed : failed > 0;
}
