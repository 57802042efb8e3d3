//===- lib/Import/Import.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opens a model, parses it, and hands it to the importer.
#include "lib/Import/Import.h"
#include "lib/Import/ModelImporter.h"
#include "lib/Import/Payload.h"
#include "lib/Import/TextParser.h"
#include "onnx.pb.h"
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
                                         bool *isUnsupported) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file) {
    emitError(NameLoc::get(StringAttr::get(&context, path))) << "can't read the model: " << file.getError().message();
    return {};
  }
  return importModel(std::move(*file), path, context, options, isUnsupported);
}

static LogicalResult parseBinary(StringRef bytes, Location loc, proto::ModelProto &model) {
  std::string serialized = detachPayloads(bytes);
  if (serialized.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    return emitError(loc) << "the model has more than 2 GiB besides its raw tensor data";
  if (!model.ParseFromArray(serialized.data(), static_cast<int>(serialized.size())))
    return emitError(loc) << "not a valid ONNX model: its protobuf data are damaged, cut off or nested too deep";
  return success();
}

OwningOpRef<ModuleOp> onnxc::importModel(std::unique_ptr<llvm::MemoryBuffer> buffer, StringRef path,
                                         MLIRContext &context, const ImportOptions &options, bool *isUnsupported) {
  std::shared_ptr<llvm::MemoryBuffer> file = std::move(buffer);
  Location loc = NameLoc::get(StringAttr::get(&context, path));
  proto::ModelProto model;
  if (path.ends_with(".onnxtxt")) {
    if (failed(parseText(file->getBuffer(), path, context, model)))
      return {};
  } else if (failed(parseBinary(file->getBuffer(), loc, model))) {
    return {};
  }
  TensorReader tensors(std::move(file), llvm::sys::path::parent_path(path), context, options);
  if (isUnsupported)
    *isUnsupported = false;
  return buildModule(model, tensors, context, loc, options, isUnsupported);
}
