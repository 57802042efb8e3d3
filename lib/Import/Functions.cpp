//===- lib/Import/Functions.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The functions that a model brings along: a call is replaced by the nodes of the body.
#include "lib/Import/Domains.h"
#include "lib/Import/Importer.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::AttributeProto;
using proto::FunctionProto;
using proto::NodeProto;

static std::string functionKey(StringRef domain, StringRef name, StringRef overload) {
  return llvm::join_items(StringRef("\0", 1), normalizeDomain(domain), name, overload);
}

void Importer::collectFunctions() {
  for (const FunctionProto &f : model.functions())
    if (!functions.try_emplace(functionKey(f.domain(), f.name(), f.overload()), &f).second)
      problem(f.name(), "function " + f.name() + " of domain " + showDomain(f.domain()) + " is defined twice");
}

const FunctionProto *Importer::findFunction(const NodeProto &node) const {
  return functions.lookup(functionKey(node.domain(), node.op_type(), node.overload()));
}

LogicalResult Importer::buildCall(const NodeProto &node, const FunctionProto &callee, ArrayRef<Value> operands,
                                  Scope &scope, SmallVectorImpl<Value> &results) {
  for (const Scope *outer = &scope; outer; outer = outer->caller)
    if (outer->function == &callee)
      return emitError(b.getLoc()) << "the function calls itself";
  if (static_cast<int>(operands.size()) > callee.input_size())
    return emitError(b.getLoc()) << "the node has " << operands.size() << " inputs; the function takes "
                                 << callee.input_size();
  nodeCount += (callee.input_size() + callee.output_size() + callee.attribute_proto_size() +
                callee.opset_import_size() + scope.opsets.size()) /
               16;
  Scope body;
  body.caller = &scope;
  body.function = &callee;
  if (failed(enter(body, scope, "")) || failed(readOpsets(callee.opset_import(), body, b.getLoc())))
    return failure();
  for (auto &entry : scope.opsets) // a body without its own imports means the model's
    body.opsets.try_emplace(entry.first(), entry.second);

  NamedAttrList arguments;
  if (failed(convertAttributes(node, scope, arguments, body.bodies)))
    return failure();
  for (NamedAttribute argument : arguments)
    body.arguments[argument.getName()] = argument.getValue();
  for (const AttributeProto &byDefault : callee.attribute_proto())
    if (!body.arguments.count(byDefault.name()) && !body.bodies.count(byDefault.name())) {
      auto converted = convertAttribute(byDefault, scope);
      if (failed(converted))
        return failure();
      body.arguments[byDefault.name()] = *converted;
    }
  for (int i = 0; i < callee.input_size(); ++i)
    body.values[callee.input(i)] = i < static_cast<int>(operands.size()) ? operands[i] : none();

  Location call = b.getLoc();
  SmallVector<StringRef> outputs(callee.output().begin(), callee.output().end());
  build(callee.node(), outputs, body);
  b.setLoc(call);
  for (StringRef output : outputs) {
    auto value = lookup(output, body);
    results.push_back(succeeded(value) ? *value : Value());
  }
  return success();
}
