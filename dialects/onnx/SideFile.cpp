//===- dialects/onnx/SideFile.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The weights of a printed module, in a file beside it. MLIR's own form is hexadecimal digits in the text: twice the
// size, and read digit by digit.
#include "dialects/onnx/SideFile.h"
#include "dialects/onnx/OnnxDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <set>

using namespace mlir;
using namespace onnxc::onnx;

/// Weights begin at multiples of it, as in memory.
static constexpr uint64_t kAlignment = 64;
/// What memory that was read or mapped is aligned to at least.
static constexpr uint64_t kMappedAlignment = 16;

void onnxc::onnx::writeSideFile(ModuleOp module, StringRef file, raw_ostream &weights, raw_ostream &text) {
  llvm::SetVector<const DialectResourceBlobManager::BlobEntry *> entries;
  AttrTypeWalker walker;
  walker.addWalk([&](DenseResourceElementsAttr elements) {
    if (elements.getRawHandle().getBlob())
      entries.insert(elements.getRawHandle().getResource());
  });
  module->walk([&](Operation *op) { walker.walk(op->getAttrDictionary()); });
  if (entries.empty())
    return;
  text << "{-#\n  dialect_resources: {\n    onnx: {";
  uint64_t offset = 0;
  const char *separator = "\n";
  for (const DialectResourceBlobManager::BlobEntry *entry : entries) {
    ArrayRef<char> bytes = entry->getBlob()->getData();
    weights.write_zeros(llvm::alignTo(offset, kAlignment) - offset);
    offset = llvm::alignTo(offset, kAlignment);
    weights << llvm::toStringRef(bytes);
    text << separator << "      \"";
    llvm::printEscapedString(entry->getKey(), text);
    text << "\": \"" << offset << " " << bytes.size() << " ";
    llvm::printEscapedString(file, text);
    text << "\"";
    separator = ",\n";
    offset += bytes.size();
  }
  text << "\n    }\n  }\n#-}\n";
}

namespace {
class SideFileReader : public OpAsmDialectInterface {
public:
  using OpAsmDialectInterface::OpAsmDialectInterface;

  /// An entry's key is all there is to know of it: the resource itself is the builtin dialect's.
  FailureOr<AsmDialectResourceHandle> declareResource(StringRef key) const override {
    return AsmDialectResourceHandle(const_cast<std::string *>(&*keys.insert(key.str()).first),
                                    TypeID::get<SideFileReader>(), getDialect());
  }
  std::string getResourceKey(const AsmDialectResourceHandle &handle) const override {
    return *static_cast<const std::string *>(handle.getResource());
  }

  LogicalResult parseResource(AsmParsedResourceEntry &entry) const override {
    FailureOr<std::string> text = entry.parseAsString();
    if (failed(text))
      return failure();
    uint64_t offset, size;
    StringRef rest(*text);
    if (rest.consumeInteger(10, offset) || !rest.consume_front(" ") || rest.consumeInteger(10, size) ||
        !rest.consume_front(" ") || offset % kAlignment)
      return entry.emitError() << "'" << *text << "' is not \"OFFSET SIZE FILE\", with an offset that is a multiple of "
                               << kAlignment;
    std::shared_ptr<llvm::MemoryBuffer> file = map(entry, rest);
    if (!file)
      return failure();
    if (offset > file->getBufferSize() || size > file->getBufferSize() - offset)
      return entry.emitError() << "'" << rest << "' has " << file->getBufferSize() << " bytes; it ends before byte "
                               << offset << " + " << size;
    auto &manager = getDialect()
                        ->getContext()
                        ->getOrLoadDialect<BuiltinDialect>()
                        ->getRegisteredInterface<ResourceBlobManagerDialectInterface>()
                        ->getBlobManager();
    auto *known = manager.lookup(entry.getKey());
    if (!known || known->getBlob()) // nothing refers to it, or it is there already
      return success();
    ArrayRef<char> bytes(file->getBufferStart() + offset, size);
    manager.update(
        entry.getKey(),
        AsmResourceBlob(bytes, kMappedAlignment, [file](void *, size_t, size_t) {}, /*dataIsMutable=*/false));
    return success();
  }

private:
  /// The file of this name beside the text that is being read.
  std::shared_ptr<llvm::MemoryBuffer> map(AsmParsedResourceEntry &entry, StringRef name) const {
    if (name.empty() || llvm::sys::path::filename(name) != name) { // a dump reads nothing but what lies beside it
      entry.emitError() << "'" << name << "' is not the name of a file beside this one";
      return nullptr;
    }
    InFlightDiagnostic place = entry.emitError(); // the only way to ask for it
    SmallString<128> path;
    if (auto loc = dyn_cast<FileLineColLoc>(place.getUnderlyingDiagnostic()->getLocation()))
      path = llvm::sys::path::parent_path(loc.getFilename().getValue());
    place.abandon();
    llvm::sys::path::append(path, name);
    if (std::shared_ptr<llvm::MemoryBuffer> known = lastPath == path ? last.lock() : nullptr)
      return known;
    auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!file) {
      entry.emitError() << "can't read the weights, '" << path << "': " << file.getError().message();
      return nullptr;
    }
    std::shared_ptr<llvm::MemoryBuffer> mapped = std::move(*file);
    last = mapped;
    lastPath = std::string(path);
    return mapped;
  }

  mutable std::set<std::string> keys;             ///< their addresses stay
  mutable std::weak_ptr<llvm::MemoryBuffer> last; ///< every entry of a dump names the same
  mutable std::string lastPath;
};
} // namespace

void onnxc::onnx::addSideFileReader(OnnxDialect &dialect) { dialect.addInterface<SideFileReader>(); }
