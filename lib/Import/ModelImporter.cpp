//===- lib/Import/ModelImporter.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Imports a model: its versions, functions and outputs, and the order in which its parts are built.
#include "lib/Import/ModelImporter.h"
#include "dialects/onnx/support/Branches.h"
#include "dialects/onnx/support/Symbols.h"
#include "lib/Import/ChannelBlock.h"
#include "lib/Import/Domains.h"
#include "lib/Import/Importer.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::ModelProto;
using proto::NodeProto;
using proto::ValueInfoProto;

static constexpr int64_t kMaxIrVersion = 14;

OwningOpRef<ModuleOp> Importer::run(bool *isUnsupported) {
  Scope scope;
  if (failed(checkVersions()) || failed(readOpsets(model.opset_import(), scope, loc)))
    return {};
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToStart(module->getBody());
  function = func::FuncOp::create(b, "main", b.getFunctionType({}, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  (*module)->setAttr("onnx.model_name", b.getStringAttr(graph.name()));
  if (model.metadata_props_size()) {
    NamedAttrList metadata;
    for (const auto &entry : model.metadata_props())
      if (!entry.key().empty())
        metadata.set(entry.key(), b.getStringAttr(entry.value()));
    (*module)->setAttr("onnx.metadata", metadata.getDictionary(&context));
  }

  chooseChannelBlock(*module);

  collectFunctions();
  for (const ValueInfoProto &info : graph.value_info())
    declared[info.name()] = &info.type();
  for (const ValueInfoProto &info : graph.output())
    declared[info.name()] = &info.type();
  collectInitializers(graph, scope);
  addInputs(scope);
  if (symbolNames.size() >= kMaxSymbols) {
    emitError(loc) << "the inputs have " << symbolNames.size() << " different symbolic dimensions; less than "
                   << kMaxSymbols << " are supported: --dim NAME=N makes one a number";
    return {};
  }
  checkOverrides();

  SmallVector<StringRef> outputs;
  for (const ValueInfoProto &output : graph.output())
    outputs.push_back(output.name());
  outputs.append(options.keptValues.begin(), options.keptValues.end());
  build(graph.node(), outputs, scope);
  addOutputs(scope);
  checkUses();
  if (!problems.empty()) {
    problems.report(loc);
    if (isUnsupported)
      *isUnsupported = problems.areLimitations();
    return {};
  }
  if (failed(verify(*module)))
    return {};
  return module;
}

void Importer::chooseChannelBlock(ModuleOp module) {
  ChannelBlock block = findChannelBlock(model);
  if (!block.size)
    return;
  if (!block.isCertain && !options.channelBlock)
    emitWarning(loc) << "the filters of com.microsoft.nchwc may be in blocks of 8 or 16 channels; assumed: blocks of "
                     << block.size
                     << ", as onnxruntime saves them on processors with AVX-512: --channel-block 8 says that they are "
                        "from another one";
  module->setAttr("onnx.channel_block", b.getI64IntegerAttr(options.channelBlock ? options.channelBlock : block.size));
}

LogicalResult Importer::checkVersions() {
  int64_t version = model.ir_version();
  if (version < 0 || version > kMaxIrVersion)
    return emitError(loc) << "the model has IR version " << version << "; up to " << kMaxIrVersion << " are supported";
  // Versions 1 and 2 had no imports, and attributes without a type. "All ModelProtos MUST have at least one entry"
  // since.
  bool imports = model.opset_import_size();
  if (!imports && version >= 3)
    return emitError(loc) << "the model imports no opset: it doesn't say which versions of the operators it means";
  if (version < 3)
    emitWarning(loc) << "the model has IR version " << version
                     << ", of before onnx 1.0; assumed: " << (imports ? "what version 3 means" : "opset 1 of ai.onnx");
  if (graph.output_size() == 0)
    return emitError(loc) << "the model's graph has no outputs";
  return success();
}

LogicalResult Importer::readOpsets(const google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto> &imports,
                                   Scope &scope, Location where) {
  if (imports.empty() && scope.isMain())
    scope.opsets[""] = 1;
  for (const auto &import : imports) {
    StringRef domain = normalizeDomain(import.domain());
    const Domain *known = findDomain(domain);
    int64_t maxOpset = known ? known->maxOpset : std::numeric_limits<int64_t>::max();
    if (import.version() < 1 || import.version() > maxOpset)
      return emitError(where) << "opset " << import.version() << " of " << showDomain(domain)
                              << " is not supported: 1 to " << maxOpset << " are";
    scope.opsets[domain] = import.version();
  }
  return success();
}

/// Inner values that become outputs, in the order of the nodes that make them.
std::vector<std::string> Importer::listKept(const Scope &scope) {
  auto isThere = [&](StringRef name) {
    Value value = scope.values.lookup(name);
    return value && !isa<NoneType>(value.getType());
  };
  std::vector<std::string> kept;
  for (const std::string &name : options.keptValues)
    if (isThere(name))
      kept.push_back(name);
    else
      problems.add(loc, "--output: no node of the main graph makes a value called '" + name + "'", "");
  if (options.keepsValues)
    for (const NodeProto &node : graph.node())
      llvm::copy_if(node.output(), std::back_inserter(kept), isThere);
  return kept;
}

void Importer::addOutputs(Scope &scope) {
  SmallVector<Value> results;
  SmallVector<Attribute> attributes;
  llvm::StringSet<> seen;
  for (const ValueInfoProto &output : graph.output()) {
    if (!seen.insert(output.name()).second)
      emitWarning(locate(output.name()))
          << "the output is listed twice; assumed: both places of an output get its value";
    FailureOr<Value> value = [&]() -> FailureOr<Value> {
      ErrorCollector errors(&context);
      auto found = lookup(output.name(), scope);
      std::string text = errors.take();
      if (!text.empty())
        problem(output.name(), "output of the graph: " + text);
      return found;
    }();
    if (failed(value) || !*value)
      continue;
    if (isa<NoneType>((*value).getType())) {
      problem(output.name(), "the output of the graph is an absent value");
      continue;
    }
    results.push_back(*value);
    attributes.push_back(b.getDictionaryAttr(b.getNamedAttr("onnx.name", b.getStringAttr(output.name()))));
  }
  for (const std::string &name : listKept(scope))
    if (seen.insert(name).second) {
      results.push_back(scope.values.lookup(name));
      attributes.push_back(b.getDictionaryAttr(b.getNamedAttr("onnx.name", b.getStringAttr(name))));
    }
  auto ret = func::ReturnOp::create(b, results);
  // Ranks that the run decides are results, too, after all others.
  for (unsigned i = 0; i < results.size(); ++i)
    if (hasRankOfRun(ret.getOperand(i))) {
      Value rank = addRank(ret.getOperand(i));
      ret->insertOperands(ret.getNumOperands(), rank);
      attributes.push_back(b.getDictionaryAttr(b.getNamedAttr("onnx.rank_of", b.getI64IntegerAttr(i))));
    }
  function.setType(b.getFunctionType(function.getArgumentTypes(), ret->getOperandTypes()));
  function.setAllResultAttrs(attributes);
}

/// What can be said of nodes only when all is there that uses their results.
void Importer::checkUses() {
  function.walk([&](OnnxBodyInterface op) {
    ErrorCollector errors(&context);
    if (succeeded(op.checkUses()))
      return;
    StringRef type = op->getName().stripDialect();
    auto name = dyn_cast<NameLoc>(op.getLoc());
    problem(name ? name.getName().getValue() : type, type + ": " + errors.take());
  });
}

OwningOpRef<ModuleOp> onnxc::buildModule(const ModelProto &model, TensorReader &tensors, MLIRContext &context,
                                         Location loc, const ImportOptions &options, bool *isUnsupported,
                                         size_t *unbuilt) {
  context.loadDialect<OnnxDialect, func::FuncDialect>();
  Importer importer(model, tensors, context, loc, options);
  OwningOpRef<ModuleOp> module = importer.run(isUnsupported);
  if (unbuilt)
    *unbuilt = importer.getUnbuilt();
  auto contradictions = module ? importer.findContradictions() : llvm::StringMap<std::string>();
  if (contradictions.empty())
    return module;
  OwningOpRef<ModuleOp> other = buildWithOtherSymbols(model, tensors, context, loc, options, contradictions);
  if (!other)
    return module;
  for (const auto &entry : contradictions)
    emitWarning(NameLoc::get(StringAttr::get(&context, entry.second)))
        << "the model calls the size of this output '" << entry.first()
        << "', as that of inputs, but it is another; assumed: inputs' dimensions of that name may differ";
  return other;
}
