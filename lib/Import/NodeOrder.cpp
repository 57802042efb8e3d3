//===- lib/Import/NodeOrder.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The nodes of a graph in an order in which each comes after what it depends on.
#include "lib/Import/Domains.h"
#include "lib/Import/Importer.h"
#include "llvm/ADT/SetVector.h"
#include <queue>

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::AttributeProto;
using proto::GraphProto;
using proto::NodeProto;
using proto::ValueInfoProto;

static void collectOuterNames(const GraphProto &graph, llvm::SetVector<StringRef> &names);

/// Adds the names that a node reads: its inputs, and what graphs in its attributes take from around them.
static void collectReads(const NodeProto &node, llvm::SetVector<StringRef> &names) {
  for (const std::string &input : node.input())
    names.insert(input);
  // What is differentiated, and by what, is named in attributes.
  bool isGradient = node.op_type() == "Gradient" && node.domain() == "ai.onnx.preview.training";
  for (const AttributeProto &attribute : node.attribute()) {
    if (isGradient && attribute.has_s())
      names.insert(attribute.s());
    for (const std::string &name : attribute.strings())
      if (isGradient)
        names.insert(name);
    if (node.op_type() == "If") // there it must be the name of a value outside, see buildBody
      for (const ValueInfoProto &input : attribute.g().input())
        names.insert(input.name());
    if (attribute.has_g())
      collectOuterNames(attribute.g(), names);
    for (const GraphProto &inner : attribute.graphs())
      collectOuterNames(inner, names);
  }
}

static void collectOuterNames(const GraphProto &graph, llvm::SetVector<StringRef> &names) {
  llvm::SetVector<StringRef> reads;
  DenseSet<StringRef> own;
  for (const NodeProto &node : graph.node()) {
    collectReads(node, reads);
    for (const std::string &output : node.output())
      own.insert(output);
  }
  for (const ValueInfoProto &input : graph.input())
    own.insert(input.name());
  for (const auto &tensor : graph.initializer())
    own.insert(tensor.name());
  for (const ValueInfoProto &output : graph.output())
    reads.insert(output.name());
  for (StringRef name : reads)
    if (!own.contains(name))
      names.insert(name);
}

static bool isConstant(const NodeProto &node) {
  return node.op_type() == "Constant" && normalizeDomain(node.domain()).empty();
}

Importer::Order Importer::order(const Nodes &nodes, ArrayRef<StringRef> outputs, Scope &scope) {
  // That of a function is the same in every call.
  const proto::FunctionProto *function = scope.outer ? nullptr : scope.function;
  if (auto known = orders.find(function); function && known != orders.end())
    return known->second;
  Reads reads(nodes.size());
  llvm::StringMap<unsigned> producer;
  for (auto [index, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.output()) {
      if (output.empty())
        continue;
      auto [it, isNew] = producer.try_emplace(output, index);
      if (!scope.values.count(output) && !scope.hasInitializer(output) && isNew)
        continue;
      // A Constant is an initializer in the clothes of a node: of two with one name the later counts.
      bool wasConstant =
          isNew ? scope.hasInitializer(output) && !scope.values.count(output) : isConstant(nodes[it->second]);
      if (!isConstant(node) || !wasConstant) {
        problem(output, !isNew                         ? "two nodes write this value"
                        : scope.hasInitializer(output) ? "a node writes what is also an initializer"
                                                       : "a node writes what is also an input");
        continue;
      }
      emitWarning(locate(output)) << "two constants have this name; assumed: the later of two constants";
      scope.initializers.erase(output);
      scope.sparseInitializers.erase(output);
      it->second = index;
    }

  std::vector<SmallVector<unsigned, 2>> users(nodes.size());
  std::vector<unsigned> pending(nodes.size()); // how many distinct producers a node still waits for
  std::vector<bool> isNeeded(nodes.size());
  SmallVector<unsigned> work;
  auto need = [&](StringRef name) -> std::optional<unsigned> {
    auto it = producer.find(name);
    if (it == producer.end())
      return std::nullopt;
    if (!isNeeded[it->second]) {
      isNeeded[it->second] = true;
      work.push_back(it->second);
    }
    return it->second;
  };
  for (StringRef output : outputs)
    need(output);
  while (!work.empty()) {
    unsigned index = work.pop_back_val();
    llvm::SetVector<StringRef> names;
    collectReads(nodes[index], names);
    reads[index].assign(names.begin(), names.end());
    for (StringRef name : names)
      if (auto from = need(name)) {
        users[*from].push_back(index);
        ++pending[index];
      }
  }

  std::vector<unsigned> ordered;
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<unsigned>> ready;
  for (unsigned i = 0, n = nodes.size(); i < n; ++i)
    if (isNeeded[i] && pending[i] == 0)
      ready.push(i);
  while (!ready.empty()) {
    unsigned index = ready.top();
    ready.pop();
    pending[index] = ~0u; // done
    ordered.push_back(index);
    for (unsigned user : users[index])
      if (--pending[user] == 0)
        ready.push(user);
  }
  bool hasCycle = false;
  for (unsigned i = 0, n = nodes.size(); i < n; ++i) {
    if (!isNeeded[i] || pending[i] == ~0u)
      continue;
    hasCycle = true;
    StringRef name = nodes[i].output_size() ? StringRef(nodes[i].output(0)) : StringRef(nodes[i].name());
    problem(name, "the graph has a cycle: nodes depend on their own results");
    for (const std::string &output : nodes[i].output())
      scope.values.try_emplace(output, Value());
  }
  if (function && !hasCycle) // whose values would be missing
    orders[function] = {ordered, reads};
  return {std::move(ordered), std::move(reads)};
}

void Importer::build(const Nodes &nodes, ArrayRef<StringRef> outputs, Scope &scope) {
  auto [remaining, reads] = order(nodes, outputs, scope);
  for (size_t next = 0; next < remaining.size() && !hasTooManyNodes;) {
    unsigned index = remaining[next++];
    buildNode(nodes[index], index, scope);
    if (makesRankOfRun(nodes[index], scope)) {
      remaining = buildInBranches(nodes, reads, index, ArrayRef(remaining).drop_front(next), outputs, scope);
      next = 0;
    }
  }
}
