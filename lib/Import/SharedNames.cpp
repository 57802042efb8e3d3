//===- lib/Import/SharedNames.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One name for different sizes: some exporters give it. Where an output contradicts it, the dimensions of that name are
// let differ, but for those that the model broadcasts with each other.
#include "dialects/onnx/support/Values.h"
#include "lib/Import/Importer.h"

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::ModelProto;
using proto::ValueInfoProto;

llvm::StringMap<std::string> Importer::findContradictions() {
  llvm::StringMap<std::string> found;
  for (auto [output, type] : llvm::zip(graph.output(), function.getResultTypes())) {
    const auto &shape = output.type().tensor_type().shape();
    if (!isa<RankedTensorType>(type) || shape.dim_size() != static_cast<int>(getDims(type).size()))
      continue;
    for (auto [dim, info] : llvm::zip_equal(getDims(type), shape.dim())) {
      // A size that only the run knows may well be the one of that name.
      auto symbol = symbols.find(givenName(info));
      if (symbol != symbols.end() && !isa<AffineSymbolExpr>(dim))
        found.try_emplace(symbol->first(), output.name());
    }
  }
  return found;
}

OtherSymbols Importer::joinWhatMeets() {
  // Symbols of one name, each with the one that it is joined with.
  DenseMap<AffineExpr, AffineExpr> joined;
  auto rootOf = [&](AffineExpr symbol) {
    while (joined.contains(symbol) && joined[symbol] != symbol)
      symbol = joined[symbol];
    return symbol;
  };
  llvm::StringMap<SmallVector<std::pair<std::string, AffineExpr>>> places; // by the name that the model gives
  DenseMap<AffineExpr, StringRef> names;
  for (const ValueInfoProto &input : graph.input())
    for (int axis = 0; axis < input.type().tensor_type().shape().dim_size(); ++axis) {
      auto other = otherSymbols.find(placeOf(input.name(), axis));
      auto symbol = symbols.find(other == otherSymbols.end() ? dimName(input, axis) : other->second);
      if (symbol == symbols.end())
        continue;
      AffineExpr expr = getAffineSymbolExpr(symbol->second, &context);
      auto &entry = *places.try_emplace(dimName(input, axis)).first;
      entry.second.emplace_back(placeOf(input.name(), axis), expr);
      names.try_emplace(expr, entry.first());
      joined.try_emplace(expr, expr);
    }
  auto meet = [&](AffineExpr a, AffineExpr b) {
    auto x = names.find(a), y = names.find(b);
    if (x != names.end() && y != names.end() && x->second == y->second)
      joined[rootOf(a)] = rootOf(b);
  };
  function.walk([&](Operation *op) {
    if (!op->hasTrait<Broadcasts>())
      return;
    SmallVector<Dims> shapes;
    for (Type type : op->getOperandTypes())
      if (isa<RankedTensorType>(type)) {
        shapes.push_back(getDims(type));
        for (const Dims &before : ArrayRef(shapes).drop_back())
          for (auto [a, z] : llvm::zip(llvm::reverse(before), llvm::reverse(shapes.back())))
            meet(a, z);
      }
  });
  OtherSymbols result;
  for (const auto &entry : places) {
    AffineExpr first = rootOf(entry.second.front().second);
    DenseMap<AffineExpr, std::string> called{{first, entry.first().str()}};
    for (const auto &[place, symbol] : entry.second) {
      auto name = called.try_emplace(rootOf(symbol), place).first;
      if (name->second != entry.first())
        result[place] = name->second;
    }
  }
  return result;
}

OwningOpRef<ModuleOp> onnxc::buildWithOtherSymbols(const ModelProto &model, TensorReader &tensors, MLIRContext &context,
                                                   Location loc, const ImportOptions &options,
                                                   const llvm::StringMap<std::string> &contradictions) {
  OtherSymbols others;
  llvm::StringSet<> seen;
  for (const ValueInfoProto &input : model.graph().input())
    for (int axis = 0; axis < input.type().tensor_type().shape().dim_size(); ++axis)
      if (std::string name = dimName(input, axis); contradictions.contains(name) && !seen.insert(name).second)
        others[placeOf(input.name(), axis)] = placeOf(input.name(), axis);
  if (others.empty())
    return {};
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  Importer apart(model, tensors, context, loc, options, others);
  OwningOpRef<ModuleOp> module = apart.run(nullptr);
  if (!module)
    return {};
  others = apart.joinWhatMeets();
  return others.empty() ? OwningOpRef<ModuleOp>()
                        : Importer(model, tensors, context, loc, options, others).run(nullptr);
}
