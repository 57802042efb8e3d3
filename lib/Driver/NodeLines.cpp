//===- lib/Driver/NodeLines.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Line numbers for debuggers and profilers. Passes keep the location of what they replace, and LLVM makes line tables
// of what has a file and a line, so nothing after this needs to know.
#include "lib/Driver/NodeLines.h"
#include "dialects/onnx/support/Dims.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace onnxc;

/// The node's name in a location, if there is one.
static StringAttr findName(Location loc) {
  StringAttr found;
  loc->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part))
      found = name.getName();
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}

static void describe(llvm::raw_ostream &os, Operation *op) {
  auto list = [&](TypeRange types) {
    llvm::interleaveComma(types, os, [&](Type type) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      os << (tensor ? onnx::withoutEncoding(tensor) : type);
    });
  };
  os << op->getName().stripDialect() << " (";
  list(op->getOperandTypes());
  os << ") -> ";
  list(op->getResultTypes());
}

std::string onnxc::numberNodes(ModuleOp module, StringRef file) {
  MLIRContext *context = module.getContext();
  llvm::MapVector<StringAttr, Operation *> nodes; // by name, with the operation that tells most of it
  module->walk<WalkOrder::PreOrder>([&](Operation *op) {
    StringAttr name = findName(op->getLoc());
    if (!name || op == module)
      return;
    Operation *&node = nodes[name];
    if (!node || node->hasTrait<OpTrait::ConstantLike>()) // operands that were made for the node come before it
      node = op;
  });
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::DenseMap<StringAttr, unsigned> lines;
  StringAttr model = findName(module.getLoc());
  os << (model ? model.getValue() : "the model") << "\n";
  lines[model] = 1;
  for (auto [name, op] : nodes)
    if (lines.try_emplace(name, lines.size() + 1).second) {
      llvm::printEscapedString(name.getValue(), os);
      os << ": ";
      describe(os, op);
      os << "\n";
    }
  module->walk([&](Operation *op) {
    if (StringAttr name = findName(op->getLoc()))
      op->setLoc(NameLoc::get(name, FileLineColLoc::get(context, file, lines.lookup(name), 1)));
  });
  return text;
}
