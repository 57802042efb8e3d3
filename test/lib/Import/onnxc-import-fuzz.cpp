//===- test/lib/Import/onnxc-import-fuzz.cpp ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Feeds the importer models that somebody damaged: mutants of good ones, the same in every run. Whatever it is given,
// the importer must return a valid module or report an error, in bounded time.
#include "lib/Import/Import.h"
#include "lib/Import/TextParser.h"
#include "mlir/IR/Verifier.h"
#include "test/fuzz/Mutate.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

using namespace mlir;
using namespace onnxc;
namespace cl = llvm::cl;

static cl::list<std::string> seedPaths(cl::Positional, cl::OneOrMore, cl::desc("seed models"));
static cl::opt<unsigned> mutantCount("mutants", cl::init(0), cl::desc("number of mutants of every seed"));
static cl::opt<unsigned> firstMutant("first", cl::init(0), cl::desc("number of the first mutant"));
static cl::opt<std::string> writeTo("write", cl::desc("write the mutants into this folder instead of importing them"));
static cl::opt<std::string> toBinary("to-binary", cl::desc("write the only seed, a text, as protobuf to this file"));
static cl::opt<double> maxSeconds("max-seconds", cl::init(10), cl::desc("longest time for one mutant"));
static cl::opt<bool> trace("trace", cl::desc("name every mutant before it is imported"));
static cl::opt<bool> print("print", cl::desc("print the imported seeds"));

static void write(const std::string &path, const std::string &bytes) {
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  out << bytes;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "imports models and damaged copies of them\n");
  unsigned imported = 0, rejected = 0;
  bool ok = true;
  for (const std::string &path : seedPaths) {
    auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!file) {
      llvm::errs() << path << ": " << file.getError().message() << "\n";
      return 2;
    }
    fuzz::Seed seed{path, "", (*file)->getBuffer().str()};
    if (llvm::StringRef(path).ends_with(".onnxtxt")) {
      seed.text = seed.binary;
      MLIRContext context(MLIRContext::Threading::DISABLED);
      proto::ModelProto model;
      if (failed(parseText(seed.text, path, context, model)))
        return 2;
      seed.binary = model.SerializeAsString();
    }
    if (!toBinary.empty())
      write(toBinary, seed.binary);
    if (!mutantCount) { // just import
      MLIRContext context(MLIRContext::Threading::DISABLED);
      llvm::SourceMgr sources;
      SourceMgrDiagnosticHandler handler(sources, &context, llvm::errs());
      OwningOpRef<ModuleOp> module = importModel(path, context);
      ok &= !!module;
      if (module && print)
        module->print(llvm::outs(), OpPrintingFlags().elideLargeResourceString(16).elideLargeElementsAttrs(64));
      continue;
    }
    std::unique_ptr<MLIRContext> context;
    for (unsigned i = firstMutant; i < firstMutant + mutantCount; ++i) {
      bool isText;
      std::string bytes = fuzz::mutate(seed, i, isText);
      std::string mutantPath = (path + "." + llvm::Twine(i) + (isText ? ".onnxtxt" : ".onnx")).str();
      if (!writeTo.empty()) {
        write(writeTo + "/" + llvm::sys::path::filename(mutantPath).str(), bytes);
        continue;
      }
      if (!context || i % 100 == 0) // attributes live as long as their context
        context = std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
      unsigned errors = 0;
      ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
        errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
        return success();
      });
      auto start = std::chrono::steady_clock::now();
      if (trace) // who is it that crashes?
        llvm::errs() << mutantPath << "\n";
      OwningOpRef<ModuleOp> module = importModel(llvm::MemoryBuffer::getMemBufferCopy(bytes), mutantPath, *context);
      double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      (module ? imported : rejected)++;
      const char *wrong = seconds > maxSeconds                ? "took too long"
                          : !module && !errors                ? "was rejected without a diagnostic"
                          : module && failed(verify(*module)) ? "was imported as an invalid module"
                                                              : nullptr;
      if (wrong) {
        llvm::errs() << path << ": mutant " << i << " " << wrong << "\n";
        ok = false;
      }
    }
  }
  if (mutantCount)
    llvm::outs() << imported << " mutants imported, " << rejected << " rejected\n";
  return ok ? 0 : 1;
}
