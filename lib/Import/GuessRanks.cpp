//===- lib/Import/GuessRanks.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What rank an operator takes is a rule of the operator, so the operators are asked: the model is imported with every
// rank in turn, each time into a context of its own that is thrown away. The rank is the one with which most nodes can
// be built, and among those the one that contradicts the fewest shapes that the model declares. See GuessRanks.h.
#include "lib/Import/GuessRanks.h"
#include "lib/Import/ModelImporter.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "onnx.pb.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace onnxc;

/// No model of our collections has an input with more.
static constexpr unsigned kMaxRank = 6;
/// Nodes that may be imported for trials: some seconds. A trial of nothing at all takes as long as some.
static constexpr uint64_t kMaxTrialNodes = 400000, kTrialNodes = 150;

namespace {
/// How many nodes could not be built, and how many declarations are contradicted: the less the better.
using Score = std::pair<size_t, size_t>;

class Guesser {
public:
  Guesser(const proto::ModelProto &model, std::shared_ptr<llvm::MemoryBuffer> file, StringRef folder, Location loc,
          ImportOptions &options)
      : model(model), file(std::move(file)), folder(folder), loc(loc), options(options) {
    nodesLeft = kMaxTrialNodes;
    nodes = kTrialNodes + model.graph().node_size() + model.graph().input_size();
    for (const auto &f : model.functions())
      nodes += f.node_size();
  }

  void run() {
    SmallVector<std::string> unknown = findUnknown();
    // What is sure of one input may decide another one. A node that depends on an unknown input is not built.
    for (bool changed = true; changed && !unknown.empty();) {
      changed = false;
      for (std::string &input : unknown)
        if (auto ranks = getBestRanks(input); ranks.size() == 1) {
          assume(input, ranks.front());
          input.clear();
          changed = true;
        }
      llvm::erase(unknown, "");
    }
    // Nodes that combine inputs tell more once all have a rank: at first any, then one after the other the best.
    auto original = options.inputShapes;
    for (const std::string &input : unknown)
      options.inputShapes[input].assign(2, -1);
    llvm::StringMap<unsigned> found;
    for (int round = 0; round < 3 && !unknown.empty(); ++round) {
      bool changed = false;
      for (const std::string &input : unknown) {
        auto ranks = getBestRanks(input);
        size_t rank = options.inputShapes[input].size();
        if (!llvm::is_contained(ranks, rank) && !ranks.empty()) {
          // Of several the first one that is no vector: a batch of something.
          auto usual = llvm::find_if(ranks, [](unsigned rank) { return rank >= 2; });
          rank = usual == ranks.end() ? ranks.back() : *usual;
          changed = true;
        }
        options.inputShapes[input].assign(rank, -1);
        // Where all are right the uses tell nothing.
        found.erase(input);
        if (!ranks.empty() && ranks.size() <= kMaxRank)
          found[input] = rank;
      }
      if (!changed)
        break;
    }
    options.inputShapes = std::move(original);
    for (const std::string &input : unknown)
      if (auto it = found.find(input); it != found.end())
        assume(input, it->second);
  }

private:
  SmallVector<std::string> findUnknown() {
    llvm::StringSet<> initializers;
    for (const auto &tensor : model.graph().initializer())
      initializers.insert(tensor.name());
    for (const auto &tensor : model.graph().sparse_initializer())
      initializers.insert(tensor.values().name());
    SmallVector<std::string> unknown;
    for (const auto &input : model.graph().input())
      if (input.type().has_tensor_type() && !input.type().tensor_type().has_shape() && !input.name().empty() &&
          !initializers.contains(input.name()) && !options.inputShapes.count(input.name()))
        unknown.push_back(input.name());
    return unknown;
  }

  /// The ranks that bring the best score: none where there is no time left to find out.
  SmallVector<unsigned> getBestRanks(StringRef input) {
    SmallVector<unsigned> best;
    Score least;
    for (unsigned rank = 0; rank <= kMaxRank; ++rank) {
      if (nodes > nodesLeft)
        return {};
      nodesLeft -= nodes;
      Score score = attempt(input, rank);
      if (!best.empty() && score > least)
        continue;
      if (best.empty() || score < least)
        best.clear();
      best.push_back(rank);
      least = score;
    }
    return best;
  }

  Score attempt(StringRef input, unsigned rank) {
    MLIRContext context(MLIRContext::Threading::DISABLED);
    size_t unbuilt = 0, warnings = 0;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      warnings += diagnostic.getSeverity() == DiagnosticSeverity::Warning;
      return success();
    });
    ImportOptions trial = options;
    trial.maxNodes = std::min(trial.maxNodes, 8 * nodes); // functions and bodies may be many more
    trial.inputShapes[input].assign(rank, -1);
    TensorReader tensors(file, folder, context, trial);
    buildModule(model, tensors, context, UnknownLoc::get(&context), trial, /*isUnsupported=*/nullptr, &unbuilt);
    return {unbuilt, warnings};
  }

  void assume(StringRef input, unsigned rank) {
    options.inputShapes[input].assign(rank, -1);
    std::string shape;
    for (unsigned i = 0; i < rank; ++i)
      shape += i ? "x?" : "?";
    emitWarning(NameLoc::get(StringAttr::get(loc.getContext(), input)))
        << "the model doesn't say how many dimensions the input has; assumed: --input-shape \"" << input << "=" << shape
        << "\", from its uses";
  }

  const proto::ModelProto &model;
  std::shared_ptr<llvm::MemoryBuffer> file;
  StringRef folder;
  Location loc;
  ImportOptions &options;
  uint64_t nodes = 0, nodesLeft = 0;
};
} // namespace

void onnxc::guessRanks(const proto::ModelProto &model, std::shared_ptr<llvm::MemoryBuffer> file, StringRef folder,
                       Location loc, ImportOptions &options) {
  Guesser(model, std::move(file), folder, loc, options).run();
}
