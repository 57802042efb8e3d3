//===- tools/onnxc-run/Tensor.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Protobuf's wire format is small: for one message of known fields a bounded reader is shorter than a library's setup.
//===-------------------------------------------------------------------------------===//
#include "Tensor.h"
#include "onnxc/runtime.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

/// Field numbers of TensorProto.
enum Field {
  Dims = 1,
  DataType = 2,
  FloatData = 4,
  Int32Data = 5,
  StringData = 6,
  Int64Data = 7,
  Name = 8,
  RawData = 9,
  DoubleData = 10,
  Uint64Data = 11,
  DataLocation = 14
};
enum WireType { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

/// A cursor over a message. Reading past the end, or anything else that is no protobuf, makes it fail for good.
struct Reader {
  const uint8_t *at, *end;
  bool failed = false;

  uint64_t left() const { return uint64_t(end - at); }
  bool done() const { return failed || at == end; }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70 && at != end; shift += 7) {
      uint8_t byte = *at++;
      if (shift < 64)
        value |= uint64_t(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        return value;
    }
    failed = true;
    return 0;
  }

  Reader bytes(uint64_t size) {
    if (failed || size > left()) {
      failed = true;
      return {end, end};
    }
    at += size;
    return {at - size, at};
  }

  template <typename T> T fixed() {
    T value{};
    Reader source = bytes(sizeof(T));
    if (!failed)
      memcpy(&value, source.at, sizeof(T));
    return value;
  }

  /// The next field's number and wire type, and its content when that has a length.
  bool next(uint64_t &field, unsigned &wire, Reader &content) {
    if (done())
      return false;
    uint64_t key = varint();
    field = key >> 3;
    wire = key & 7;
    content = {end, end};
    if (wire == Varint) {
      const uint8_t *begin = at;
      varint();
      content = {begin, at};
    } else if (wire == Bytes) {
      content = bytes(varint());
    } else if (wire == Fixed32 || wire == Fixed64) {
      content = bytes(wire == Fixed32 ? 4 : 8);
    } else {
      failed = true; // groups have never been part of ONNX
    }
    failed |= field == 0;
    return !failed;
  }
};

/// Which typed field holds the elements of this type, when they aren't raw; 0 for types that we don't read.
uint64_t typedField(int32_t type) {
  switch (type) {
  case ONNXC_FLOAT:
    return FloatData;
  case ONNXC_DOUBLE:
    return DoubleData;
  case ONNXC_INT64:
    return Int64Data;
  case ONNXC_UINT32:
  case ONNXC_UINT64:
    return Uint64Data;
  case ONNXC_INT8:
  case ONNXC_UINT8:
  case ONNXC_INT16:
  case ONNXC_UINT16:
  case ONNXC_INT32:
  case ONNXC_BOOL:
  case ONNXC_FLOAT16:  // as their bits
  case ONNXC_BFLOAT16: // as their bits
  case ONNXC_INT4:     // bytes that several elements share, as in raw data
  case ONNXC_UINT4:
  case ONNXC_INT2:
  case ONNXC_UINT2:
    return Int32Data;
  }
  return 0;
}

/// Bits of an element of which several share a byte of a TensorProto, the first one in the lowest bits; 8 for others.
unsigned packedWidth(int32_t type) {
  return type == ONNXC_INT4 || type == ONNXC_UINT4 ? 4 : type == ONNXC_INT2 || type == ONNXC_UINT2 ? 2 : 8;
}

/// Gives each of `count` elements its own byte, extended by its sign or zero.
void unpack(uint8_t *bytes, uint64_t count, int32_t type) {
  unsigned width = packedWidth(type), perByte = 8 / width;
  bool isSigned = type == ONNXC_INT4 || type == ONNXC_INT2;
  for (uint64_t i = count; i-- > 0;) { // backwards: an element's place is not before that of its bits
    unsigned bits = bytes[i / perByte] >> (i % perByte * width) & ((1u << width) - 1);
    bytes[i] = uint8_t(isSigned && bits >> (width - 1) ? bits | ~0u << width : bits);
  }
}

std::string pack(const void *data, uint64_t count, int32_t type) {
  unsigned width = packedWidth(type), perByte = 8 / width;
  std::string packed((count + perByte - 1) / perByte, 0);
  for (uint64_t i = 0; i < count; ++i)
    packed[i / perByte] |= char((static_cast<const uint8_t *>(data)[i] & ((1u << width) - 1)) << (i % perByte * width));
  return packed;
}

/// Appends the elements of one occurrence of a typed field, packed or single, at `count`. False when there are more
/// than the dims allow.
bool appendTyped(Reader source, unsigned wire, const Tensor &tensor, uint64_t capacity, uint64_t &count) {
  size_t size = onnxc_type_size(tensor.type);
  bool isFloat = tensor.type == ONNXC_FLOAT, isDouble = tensor.type == ONNXC_DOUBLE;
  if (wire != Bytes && wire != unsigned(isFloat ? Fixed32 : isDouble ? Fixed64 : Varint))
    return false;
  while (!source.done()) {
    uint64_t bits = isFloat ? source.fixed<uint32_t>() : isDouble ? source.fixed<uint64_t>() : source.varint();
    if (source.failed || count == capacity)
      return false;
    memcpy(static_cast<char *>(tensor.memory.get()) + count++ * size, &bits, size); // little-endian: the low bytes
  }
  return true;
}

/// True with the number of elements; false when it doesn't fit into 63 bits, or a dim is negative.
bool elementCount(const std::vector<int64_t> &dims, uint64_t &count) {
  int64_t product = 1;
  bool fits = true;
  for (int64_t dim : dims) {
    if (dim < 0)
      return false;
    fits &= !__builtin_mul_overflow(product, dim, &product);
    if (dim == 0) { // makes the others harmless, but not negative ones
      for (int64_t other : dims)
        if (other < 0)
          return false;
      count = 0;
      return true;
    }
  }
  count = uint64_t(product);
  return fits;
}

void appendVarint(std::string &to, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    to += char(value | 0x80);
  to += char(value);
}

std::string fileError(const char *what, const std::string &path) {
  return std::string("can't ") + what + " '" + path + "': " + strerror(errno);
}

} // namespace

bool allocate(Tensor &tensor) {
  uint64_t count;
  if (!elementCount(tensor.dims, count) || __builtin_mul_overflow(count, onnxc_type_size(tensor.type), &tensor.size) ||
      tensor.size > uint64_t(INT64_MAX) - 64)
    return false;
  uint64_t padded = (tensor.size + 64) & ~uint64_t(63);
  tensor.memory.reset(aligned_alloc(64, padded));
  if (!tensor.memory)
    return false;
  memset(tensor.memory.get(), 0, tensor.size);
  return true;
}

std::string parseTensor(const void *bytes, uint64_t size, Tensor &tensor) {
  tensor = Tensor();
  Reader all{static_cast<const uint8_t *>(bytes), static_cast<const uint8_t *>(bytes) + size};
  Reader message = all, content{}, raw{};
  uint64_t field, location = 0;
  unsigned wire;
  uint64_t typedBytes = 0;
  bool hasRaw = false;
  while (message.next(field, wire, content)) {
    if (field == Dims && (wire == Varint || wire == Bytes)) {
      while (!content.done())
        tensor.dims.push_back(int64_t(content.varint()));
      message.failed |= content.failed;
    } else if (field == DataType && wire == Varint) {
      uint64_t type = content.varint();
      tensor.type = type > 1000 ? 1000 : int32_t(type);
    } else if (field == Name && wire == Bytes) {
      tensor.name.assign(reinterpret_cast<const char *>(content.at), content.left());
    } else if (field == RawData && wire == Bytes) {
      raw = content;
      hasRaw = true;
    } else if (field == DataLocation && wire == Varint) {
      location = content.varint();
    } else if (field >= FloatData && field <= Uint64Data) {
      typedBytes += content.left();
    }
  }
  if (message.failed)
    return "not a TensorProto, or truncated";
  uint64_t typed = typedField(tensor.type), count;
  if (!typed)
    return std::string("element type ") + onnxc_type_name(tensor.type) + " (" + std::to_string(tensor.type) +
           ") is not supported";
  if (location != 0)
    return "the data is in an external file, which is not supported here";
  if (!elementCount(tensor.dims, count))
    return "negative or far too big dims";
  // Sizes are compared with the bytes that are really there before any memory is asked for.
  size_t elementSize = onnxc_type_size(tensor.type);
  unsigned perByte = 8 / packedWidth(tensor.type);
  uint64_t stored = count / perByte + (count % perByte != 0);
  if (hasRaw ? raw.left() % elementSize || raw.left() / elementSize != stored : stored > typedBytes)
    return "the dims say " + std::to_string(count) + " elements, the data has another number";
  if (!allocate(tensor))
    return "out of memory";
  if (hasRaw) {
    memcpy(tensor.memory.get(), raw.at, raw.left());
  } else {
    uint64_t filled = 0;
    for (message = all; message.next(field, wire, content);)
      if (field == typed && !appendTyped(content, wire, tensor, stored, filled))
        return "malformed data, or more than the dims say";
    if (filled != stored)
      return "the dims say " + std::to_string(count) + " elements, the data has " + std::to_string(filled);
  }
  if (perByte != 1)
    unpack(static_cast<uint8_t *>(tensor.memory.get()), count, tensor.type);
  if (tensor.type == ONNXC_BOOL) { // models rely on 0 and 1
    auto *values = static_cast<uint8_t *>(tensor.memory.get());
    for (uint64_t i = 0; i < count; ++i)
      values[i] = values[i] != 0;
  }
  return {};
}

std::string readTensor(const std::string &path, Tensor &tensor) {
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return fileError("open", path);
  struct stat info;
  std::string error;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    error = "'" + path + "' is not a file";
  } else if (info.st_size == 0) {
    error = parseTensor("", 0, tensor);
  } else {
    void *bytes = mmap(nullptr, size_t(info.st_size), PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) {
      error = fileError("map", path);
    } else {
      error = parseTensor(bytes, uint64_t(info.st_size), tensor);
      munmap(bytes, size_t(info.st_size));
    }
  }
  close(file);
  if (!error.empty() && error.find(path) == std::string::npos)
    error = "'" + path + "': " + error;
  return error;
}

std::string writeTensor(const std::string &path, const char *name, int32_t type, const int64_t *dims, int32_t rank,
                        const void *data, uint64_t size) {
  std::string head, packed;
  if (packedWidth(type) != 8) {
    packed = pack(data, size, type);
    data = packed.data();
    size = packed.size();
  }
  for (int32_t i = 0; i < rank; ++i) { // unpacked, as in proto2: what everybody else writes
    appendVarint(head, Dims << 3 | Varint);
    appendVarint(head, uint64_t(dims[i]));
  }
  appendVarint(head, DataType << 3 | Varint);
  appendVarint(head, uint64_t(type));
  appendVarint(head, Name << 3 | Bytes);
  appendVarint(head, strlen(name));
  head += name;
  appendVarint(head, RawData << 3 | Bytes);
  appendVarint(head, size);
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0)
    return fileError("write", path);
  iovec parts[] = {{&head[0], head.size()}, {const_cast<void *>(data), size}};
  for (int part = 0; part < 2;) {
    if (parts[part].iov_len == 0) {
      ++part;
      continue;
    }
    ssize_t written = writev(file, parts + part, 2 - part);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      std::string error = fileError("write", path);
      close(file);
      return error;
    }
    for (int i = part; i < 2 && written > 0; ++i) {
      size_t step = size_t(written) < parts[i].iov_len ? size_t(written) : parts[i].iov_len;
      parts[i].iov_base = static_cast<char *>(parts[i].iov_base) + step;
      parts[i].iov_len -= step;
      written -= ssize_t(step);
    }
  }
  return close(file) == 0 ? std::string() : fileError("write", path);
}
