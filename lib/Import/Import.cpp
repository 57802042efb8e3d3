//===- lib/Import/Import.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opens a model, parses it, and hands it to the importer.
#include "lib/Import/Import.h"
#include "lib/Import/GuessRanks.h"
#include "lib/Import/ModelImporter.h"
#include "lib/Import/Payload.h"
#include "lib/Import/Recognize.h"
#include "lib/Import/TextParser.h"
#include "onnx.pb.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace onnxc;

bool ImportOptions::parseDim(StringRef text) {
  auto [name, number] = text.rsplit('=');
  int64_t value;
  if (name.empty() || number.getAsInteger(10, value) || value < 0)
    return false;
  dims[name] = value;
  return true;
}

bool ImportOptions::parseInputShape(StringRef text) {
  auto [name, list] = text.rsplit('=');
  if (name.empty() || name.size() == text.size())
    return false;
  SmallVector<int64_t> shape;
  while (!list.empty()) {
    auto [item, rest] = list.split('x');
    int64_t value = -1;
    if (item != "?" && (item.getAsInteger(10, value) || value < 0))
      return false;
    if (list.size() != item.size() && rest.empty()) // a trailing x
      return false;
    shape.push_back(value);
    list = rest;
  }
  inputShapes[name] = shape;
  return true;
}

OwningOpRef<ModuleOp> onnxc::importModel(StringRef path, MLIRContext &context, const ImportOptions &options,
                                         bool *isUnsupported, uint64_t *fileBytes) {
  if (llvm::sys::fs::is_directory(path)) {
    emitError(NameLoc::get(StringAttr::get(&context, path))) << recognizeFolder(path);
    return {};
  }
  // A device may have no end, and what comes out of a pipe comes once.
  if (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path)) {
    emitError(NameLoc::get(StringAttr::get(&context, path))) << "this is no regular file: write the model to one";
    return {};
  }
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file) {
    emitError(NameLoc::get(StringAttr::get(&context, path))) << "can't read the model: " << file.getError().message();
    return {};
  }
  return importModel(std::move(*file), path, context, options, isUnsupported, fileBytes);
}

static LogicalResult parseBinary(StringRef bytes, StringRef path, Location loc, proto::ModelProto &model) {
  if (isModelText(bytes))
    return emitError(loc) << "this is a model in ONNX's text syntax: give it a name that ends in .onnxtxt";
  auto hint = [&] {
    std::string sentence = recognizeProtobuf(bytes, path);
    return sentence.empty() ? sentence : ": " + sentence;
  };
  size_t trailing = 0;
  std::string serialized = detachPayloads(bytes, trailing);
  if (serialized.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    return emitError(loc) << "the model has more than 2 GiB besides its raw tensor data";
  if (!model.ParseFromArray(serialized.data(), static_cast<int>(serialized.size())))
    return emitError(loc) << "not a valid ONNX model: its protobuf data are damaged, cut off or nested too deep"
                          << hint();
  if (!model.has_graph())
    return emitError(loc) << "not an ONNX model: it has no graph" << hint();
  if (trailing)
    emitWarning(loc) << trailing
                     << " bytes follow the model in its file; assumed: what follows the model is no part of it";
  return success();
}

/// What a model declares as sparse is dense for a program that uses the compiled one.
static void makeDense(proto::GraphProto &graph, MLIRContext &context) {
  for (auto *values : {graph.mutable_input(), graph.mutable_output(), graph.mutable_value_info()})
    for (proto::ValueInfoProto &value : *values) {
      if (!value.type().has_sparse_tensor_type())
        continue;
      emitWarning(NameLoc::get(StringAttr::get(&context, value.name())))
          << "declared as a sparse tensor; assumed: sparse tensors are dense";
      proto::TypeProto::SparseTensor sparse = value.type().sparse_tensor_type();
      auto *dense = value.mutable_type()->mutable_tensor_type();
      dense->set_elem_type(sparse.elem_type());
      if (sparse.has_shape())
        *dense->mutable_shape() = sparse.shape();
    }
}

OwningOpRef<ModuleOp> onnxc::importModel(std::unique_ptr<llvm::MemoryBuffer> buffer, StringRef path,
                                         MLIRContext &context, const ImportOptions &options, bool *isUnsupported,
                                         uint64_t *fileBytes) {
  std::shared_ptr<llvm::MemoryBuffer> file = std::move(buffer);
  Location loc = NameLoc::get(StringAttr::get(&context, path));
  proto::ModelProto model;
  if (std::string sentence = recognizeFile(file->getBuffer()); !sentence.empty()) {
    emitError(loc) << sentence;
    return {};
  }
  if (path.ends_with(".onnxtxt")) {
    if (failed(parseText(file->getBuffer(), path, context, model)))
      return {};
  } else if (failed(parseBinary(file->getBuffer(), path, loc, model))) {
    return {};
  }
  makeDense(*model.mutable_graph(), context);
  StringRef folder = llvm::sys::path::parent_path(path);
  ImportOptions complete = options;
  guessRanks(model, file, folder, loc, complete);
  TensorReader tensors(std::move(file), folder, context, complete);
  if (isUnsupported)
    *isUnsupported = false;
  OwningOpRef<ModuleOp> module = buildModule(model, tensors, context, loc, complete, isUnsupported);
  if (fileBytes)
    *fileBytes = tensors.getFileBytes();
  return module;
}
