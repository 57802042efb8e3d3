//===- lib/Import/Tensors.cpp ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the tensors of a model. Nothing here trusts a length, an offset or a path of the file.
#include "lib/Import/Tensors.h"
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Forgive.h"
#include "lib/Import/Recognize.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "onnx.pb.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace onnxc;
using proto::SparseTensorProto;
using proto::TensorProto;

static_assert(llvm::endianness::native == llvm::endianness::little, "ONNX stores tensors little-endian");

/// Up to here a tensor is a `dense` attribute: readable in the IR, and visible to shape inference.
static constexpr size_t kMaxDense = 1024;
static constexpr int64_t kMaxRank = 64;
/// External data may overlap to this extent, whatever the size of the files.
static constexpr uint64_t kFreeOverlap = 1 << 24;

/// Several elements of this type share a byte in the file, but not in our attributes.
static bool isPacked(Type type) { return !type.isInteger(1) && onnx::getElementBits(type) < 8; }

LogicalResult TensorReader::makeType(ArrayRef<int64_t> dims, int64_t onnxType, RankedTensorType &type, uint64_t &size,
                                     Location loc) {
  Type element = onnx::getElementType(&context, onnxType);
  if (!element)
    return emitError(loc) << "tensors of " << onnx::getElementTypeName(onnxType) << " are not supported";
  if (static_cast<int64_t>(dims.size()) > kMaxRank)
    return emitError(loc) << "the tensor has " << dims.size() << " dimensions; at most " << kMaxRank
                          << " are supported";
  int64_t count = 1;
  for (int64_t dim : dims) {
    if (dim < 0)
      return emitError(loc) << "the tensor has a dimension of size " << dim;
    if (llvm::MulOverflow(count, dim, count) || count > options.maxElements)
      return emitError(loc) << "the tensor has more than " << options.maxElements << " elements";
  }
  type = RankedTensorType::get(dims, element);
  size = count * onnx::getElementBytes(element); // both are bounded
  return success();
}

/// Stores `values` as elements of type To. float16 and bfloat16 come as their bits.
template <typename To, typename Field> static void store(const Field &values, SmallVectorImpl<char> &storage) {
  storage.resize_for_overwrite(values.size() * sizeof(To));
  char *out = storage.data();
  for (auto value : values) {
    To element = static_cast<To>(value);
    std::memcpy(out, &element, sizeof(To));
    out += sizeof(To);
  }
}

/// The typed field that ONNX prescribes for the tensor's element type.
static void readTyped(const TensorProto &tensor, SmallVectorImpl<char> &storage) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
  case TensorProto::COMPLEX64: // real and imaginary part by turns
    return store<float>(tensor.float_data(), storage);
  case TensorProto::DOUBLE:
  case TensorProto::COMPLEX128:
    return store<double>(tensor.double_data(), storage);
  case TensorProto::INT64:
    return store<int64_t>(tensor.int64_data(), storage);
  case TensorProto::UINT64:
    return store<uint64_t>(tensor.uint64_data(), storage);
  case TensorProto::UINT32:
    return store<uint32_t>(tensor.uint64_data(), storage);
  case TensorProto::INT32:
    return store<int32_t>(tensor.int32_data(), storage);
  case TensorProto::INT16:
  case TensorProto::UINT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return store<uint16_t>(tensor.int32_data(), storage);
  default: // int8, uint8, bool, floats of 8 and 6 bits; bytes of what has 4 and 2 bits
    return store<uint8_t>(tensor.int32_data(), storage);
  }
}

/// Gives each of `count` elements its own byte, extended by its sign or zero. The file is a sequence of bits, the first
/// one the lowest of the first byte; 6 of them may be in two bytes.
static SmallVector<char, 0> unpack(ArrayRef<char> packed, uint64_t count, Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  SmallVector<char, 0> bytes(count);
  for (auto [i, byte] : llvm::enumerate(bytes)) {
    uint64_t at = i * width / 8;
    unsigned two = static_cast<uint8_t>(packed[at]);
    if (at + 1 < packed.size())
      two |= static_cast<uint8_t>(packed[at + 1]) << 8;
    unsigned bits = two >> (i * width % 8) & ((1u << width) - 1);
    bool isNegative = type.isSignlessInteger() && bits >> (width - 1);
    byte = static_cast<char>(isNegative ? bits | ~0u << width : bits);
  }
  return bytes;
}

LogicalResult TensorReader::readBytes(const TensorProto &tensor, Bytes &bytes, Location loc) {
  uint64_t size = 0;
  SmallVector<int64_t> dims(tensor.dims().begin(), tensor.dims().end());
  if (failed(makeType(dims, tensor.data_type(), bytes.type, size, loc)))
    return failure();
  Type element = bytes.type.getElementType();
  uint64_t count = size;
  bool isOutside = tensor.data_location() == TensorProto::EXTERNAL;
  bool isTyped = !isOutside && !tensor.has_payload_offset() && !tensor.has_raw_data();
  // "For FLOAT6E2M3 and FLOAT6E3M2, each int32_data entry stores one"
  bool packs = isPacked(element) && !(isTyped && element.getIntOrFloatBitWidth() == 6);
  if (packs)
    size = llvm::divideCeil(count * element.getIntOrFloatBitWidth(), 8);
  if (tensor.has_segment()) // of which nothing says where the others are
    emitWarning(loc) << "the tensor says that it is a segment of one; assumed: a tensor that is a segment is all of it";
  if (isOutside) {
    if (failed(readExternal(tensor, size, bytes, loc)))
      return failure();
  } else if (tensor.has_payload_offset()) {
    StringRef file = model ? model->getBuffer() : StringRef();
    uint64_t offset = tensor.payload_offset(), length = tensor.payload_length();
    if (offset > file.size() || length > file.size() - offset)
      return emitError(loc) << "the tensor's data are outside of the file";
    bytes.data = ArrayRef<char>(file.data() + offset, length);
    bytes.owner = model;
  } else if (tensor.has_raw_data()) {
    bytes.data = ArrayRef<char>(tensor.raw_data().data(), tensor.raw_data().size());
  } else {
    readTyped(tensor, bytes.storage);
    if (isPacked(element) && !packs)
      for (char &byte : bytes.storage)
        byte &= (1 << element.getIntOrFloatBitWidth()) - 1;
    bytes.data = bytes.storage;
  }
  if (bytes.data.size() > size && !dims.empty() && count) {
    emitWarning(loc) << "the tensor holds " << bytes.data.size() << " bytes, more than its shape and type ("
                     << bytes.type << ") need; assumed: the first " << size << " bytes";
    bytes.data = bytes.data.take_front(size);
  }
  if (bytes.data.size() != size)
    return emitError(loc) << "the tensor holds " << bytes.data.size() << " bytes, but its shape and type ("
                          << bytes.type << ") need " << size;
  if (packs) {
    bytes.storage = unpack(bytes.data, count, element);
    bytes.data = bytes.storage;
    bytes.owner = nullptr;
  }
  return success();
}

/// The file `location`, which must be inside of the model's folder, also once links are resolved.
std::shared_ptr<llvm::MemoryBuffer> TensorReader::open(StringRef location, Location loc) {
  namespace path = llvm::sys::path;
  auto known = files.find(location);
  if (known != files.end())
    return known->second;
  auto fail = [&](const Twine &why) {
    emitError(loc) << "the external data file '" << location << "' " << why;
    return nullptr;
  };
  if (location.empty() || location.contains('\0') || path::is_absolute(location) ||
      llvm::is_contained(llvm::make_range(path::begin(location), path::end(location)), ".."))
    return fail("is refused: it must be named relative to the model, without '..'");
  llvm::SmallString<256> wanted(folder.empty() ? "." : folder), base, real;
  if (std::error_code error = llvm::sys::fs::real_path(wanted, base))
    return fail("can't be looked for: " + error.message());
  path::append(wanted, location);
  if (std::error_code error = llvm::sys::fs::real_path(wanted, real))
    return fail("can't be opened: " + error.message() + ". It holds weights: copy it into the folder of the model");
  if (!base.ends_with("/"))
    base += "/";
  if (!real.starts_with(base))
    return fail("is refused: it leads out of the model's folder");
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(real, status))
    return fail("can't be read: " + error.message());
  if (!llvm::sys::fs::is_regular_file(status)) // a pipe or a device would block, or never end
    return fail("is not a regular file");
  if (status.getLinkCount() > 1) // which resolves to no other path
    return fail("is refused: it has another name, a hard link, which may be outside of the model's folder. Copy it");
  auto file = llvm::MemoryBuffer::getFile(real, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return fail("can't be read: " + file.getError().message());
  fileBytes += (*file)->getBufferSize();
  return files[location] = std::move(*file);
}

LogicalResult TensorReader::readExternal(const TensorProto &tensor, uint64_t size, Bytes &bytes, Location loc) {
  std::string location;
  uint64_t offset = 0, length = size;
  for (const auto &entry : tensor.external_data()) {
    uint64_t *number = entry.key() == "offset" ? &offset : entry.key() == "length" ? &length : nullptr;
    if (entry.key() == "location")
      location = entry.value();
    else if (number && StringRef(entry.value()).getAsInteger(10, *number))
      return emitError(loc) << "'" << entry.value() << "' is no " << entry.key() << " of external data";
  }
  std::shared_ptr<llvm::MemoryBuffer> file = open(location, loc);
  if (!file)
    return failure();
  if (offset > file->getBufferSize() || length > file->getBufferSize() - offset) {
    std::string what = recognizeFile(file->getBuffer()); // which raw numbers may look like, too, where they are enough
    return emitError(loc) << "the external data file '" << location << "' has " << file->getBufferSize()
                          << " bytes; the tensor wants " << length << " from byte " << offset << " on"
                          << (what.empty() ? "" : ": " + what);
  }
  bytes.data = ArrayRef<char>(file->getBufferStart() + offset, length);
  // Several may be the same bytes, but not all of them ever other parts of the same.
  if (ranges.insert({bytes.data.data(), length}).second)
    externalBytes += length;
  if (uint64_t most = llvm::SaturatingMultiplyAdd<uint64_t>(fileBytes, options.maxOverlap, kFreeOverlap);
      externalBytes > most)
    return emitError(loc) << "the model's tensors take more than " << most << " bytes of external data files that have "
                          << fileBytes << ": they overlap";
  bytes.owner = std::move(file);
  return success();
}

ElementsAttr TensorReader::makeElements(Bytes &bytes, StringRef name) {
  RankedTensorType type = bytes.type;
  Type element = type.getElementType();
  ArrayRef<char> data = bytes.data;
  if (data.empty())
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  if (element.isInteger(1)) { // any non-zero byte is true
    auto bits = llvm::map_to_vector(data, [](char byte) { return byte != 0; });
    return DenseElementsAttr::get(type, ArrayRef<bool>(bits));
  }
  // Equal elements are stored once. memcmp stops at the first difference, so this costs nothing on real weights.
  size_t width = onnx::getElementBytes(element);
  if (std::memcmp(data.data(), data.data() + width, data.size() - width) == 0)
    return DenseElementsAttr::getFromRawBuffer(type, data.take_front(width));
  if (data.size() <= kMaxDense)
    return DenseElementsAttr::getFromRawBuffer(type, data);
  auto isAligned = [&] { return reinterpret_cast<uintptr_t>(data.data()) % width == 0; };
  if (bytes.owner && isAligned()) {
    AsmResourceBlob blob(data, width, [owner = bytes.owner](void *, size_t, size_t) {}, /*dataIsMutable=*/false);
    return DenseResourceElementsAttr::get(type, name, std::move(blob));
  }
  return DenseResourceElementsAttr::get(type, name, HeapAsmResourceBlob::allocateAndCopyWithAlign(data, 64));
}

ElementsAttr TensorReader::readStrings(const TensorProto &tensor, Location loc) {
  RankedTensorType type;
  uint64_t size = 0;
  SmallVector<int64_t> dims(tensor.dims().begin(), tensor.dims().end());
  if (failed(makeType(dims, tensor.data_type(), type, size, loc)))
    return {};
  SmallVector<std::string, 0> texts;
  for (const std::string &text : tensor.string_data())
    texts.push_back(onnx::encodeZeroBytes(text));
  SmallVector<StringRef> values(texts.begin(), texts.end());
  int64_t count = type.getNumElements();
  if (static_cast<int64_t>(values.size()) > count && count && !dims.empty()) {
    emitWarning(loc) << "the tensor has " << values.size() << " strings, more than its shape wants; assumed: the first "
                     << count;
    values.truncate(count);
  }
  if (static_cast<int64_t>(values.size()) != count) {
    emitError(loc) << "the tensor has " << values.size() << " strings; its shape wants " << type.getNumElements();
    return {};
  }
  if (llvm::any_of(tensor.string_data(), [](StringRef text) { return text.contains('\0'); }))
    emitWarning(loc) << "a string contains a zero byte; assumed: zero bytes in text are the bytes C0 80";
  return DenseStringElementsAttr::get(type, values);
}

ElementsAttr TensorReader::read(const TensorProto &tensor, StringRef name, Location loc) {
  ElementsAttr &elements = known[&tensor];
  return elements ? elements : elements = readDense(tensor, name, loc);
}

ElementsAttr TensorReader::read(const SparseTensorProto &sparse, StringRef name, Location loc) {
  ElementsAttr &elements = known[&sparse];
  return elements ? elements : elements = readSparse(sparse, name, loc);
}

ElementsAttr TensorReader::readDense(const TensorProto &tensor, StringRef name, Location loc) {
  if (tensor.data_type() == TensorProto::STRING)
    return readStrings(tensor, loc);
  Bytes bytes;
  if (failed(readBytes(tensor, bytes, loc)))
    return {};
  return makeElements(bytes, name);
}

ElementsAttr TensorReader::readSparse(const SparseTensorProto &sparse, StringRef name, Location loc) {
  Bytes values, indices, dense;
  uint64_t size = 0;
  SmallVector<int64_t> dims(sparse.dims().begin(), sparse.dims().end());
  if (failed(readBytes(sparse.values(), values, loc)) || failed(readBytes(sparse.indices(), indices, loc)) ||
      failed(makeType(dims, sparse.values().data_type(), dense.type, size, loc)))
    return {};
  int64_t rank = dims.size(), count = values.type.getRank() == 1 ? values.type.getDimSize(0) : -1;
  // Indices into the flattened tensor, or one index per dimension.
  bool flat = indices.type.getShape() == ArrayRef<int64_t>{count};
  if (count < 0 || !indices.type.getElementType().isSignlessInteger(64) ||
      !(flat || indices.type.getShape() == ArrayRef<int64_t>{count, rank})) {
    emitError(loc) << "a sparse tensor needs values [n] and int64 indices [n] or [n, rank], not " << values.type
                   << " and " << indices.type;
    return {};
  }
  uint64_t most = llvm::SaturatingMultiplyAdd(fileBytes, options.maxSparseGrowth, options.maxSparseBytes);
  sparseBytes = llvm::SaturatingAdd(sparseBytes, size);
  if (sparseBytes > most) {
    emitError(loc) << "the model's sparse tensors take more than " << most
                   << " bytes once they are dense: no more are supported in a model of this size";
    return {};
  }
  dense.storage.assign(size, 0);
  uint64_t width = onnx::getElementBytes(values.type.getElementType());
  for (int64_t i = 0; i < count; ++i) {
    uint64_t position = 0;
    for (int64_t k = 0, n = flat ? 1 : rank; k < n; ++k) {
      int64_t index = llvm::support::endian::read64le(indices.data.data() + 8 * (i * n + k));
      int64_t limit = flat ? static_cast<int64_t>(size / width) : dims[k];
      if (index < 0 || index >= limit) {
        emitError(loc) << "index " << index << " of the sparse tensor is out of range";
        return {};
      }
      position = flat ? index : position * dims[k] + index;
    }
    std::memcpy(dense.storage.data() + position * width, values.data.data() + i * width, width);
  }
  dense.data = dense.storage;
  return makeElements(dense, name);
}
