//===- tools/onnxc-run/Tensor.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// TensorProto, with every way to hold its elements. Nothing in a file is believed before it has been compared with its
// size.
//===-------------------------------------------------------------------------------===//
#include "Tensor.h"
#include "Wire.h"
#include "onnxc/runtime.h"

#include <algorithm>
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

/// Which typed field holds the elements of this type, when they aren't raw; 0 for types that we don't read.
uint64_t typedField(int32_t type) {
  switch (type) {
  case ONNXC_FLOAT:
  case ONNXC_COMPLEX64: // real and imaginary part by turns
    return FloatData;
  case ONNXC_DOUBLE:
  case ONNXC_COMPLEX128:
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
  case ONNXC_FLOAT4E2M1:
  case ONNXC_FLOAT6E2M3: // an element each, unlike in raw data
  case ONNXC_FLOAT6E3M2:
  case ONNXC_FLOAT8E4M3FN:
  case ONNXC_FLOAT8E4M3FNUZ:
  case ONNXC_FLOAT8E5M2:
  case ONNXC_FLOAT8E5M2FNUZ:
  case ONNXC_FLOAT8E8M0:
    return Int32Data;
  }
  return 0;
}

/// How many numbers of a typed field an element is.
unsigned partCount(int32_t type) { return type == ONNXC_COMPLEX64 || type == ONNXC_COMPLEX128 ? 2 : 1; }

/// Bits of an element of which several share a byte of a TensorProto, a sequence of bits of which the first is the
/// lowest of the first byte; 8 for others.
unsigned packedWidth(int32_t type) {
  switch (type) {
  case ONNXC_INT2:
  case ONNXC_UINT2:
    return 2;
  case ONNXC_INT4:
  case ONNXC_UINT4:
  case ONNXC_FLOAT4E2M1:
    return 4;
  case ONNXC_FLOAT6E2M3:
  case ONNXC_FLOAT6E3M2:
    return 6;
  }
  return 8;
}

/// Bytes of `count` elements of so many bits.
uint64_t packedSize(uint64_t count, unsigned width) { return count / 8 * width + (count % 8 * width + 7) / 8; }

/// Gives each of `count` elements its own byte, extended by its sign or zero.
void unpack(uint8_t *bytes, uint64_t count, int32_t type) {
  unsigned width = packedWidth(type);
  bool isSigned = type == ONNXC_INT4 || type == ONNXC_INT2;
  for (uint64_t i = count; i-- > 0;) { // backwards: an element's place is not before that of its bits
    uint64_t at = i / 8 * width + i % 8 * width / 8;
    unsigned both = bytes[at] | (at + 1 < count ? unsigned(bytes[at + 1]) << 8 : 0); // 6 bits may be in two bytes
    unsigned bits = both >> (i % 8 * width % 8) & ((1u << width) - 1);
    bytes[i] = uint8_t(isSigned && bits >> (width - 1) ? bits | ~0u << width : bits);
  }
}

std::string pack(const void *data, uint64_t count, int32_t type) {
  unsigned width = packedWidth(type);
  std::string packed(packedSize(count, width), 0);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t at = i / 8 * width + i % 8 * width / 8;
    unsigned bits = (static_cast<const uint8_t *>(data)[i] & ((1u << width) - 1)) << (i % 8 * width % 8);
    packed[at] |= char(bits);
    if (bits >> 8)
      packed[at + 1] |= char(bits >> 8);
  }
  return packed;
}

/// Appends the elements of one occurrence of a typed field, packed or single, at `count`. False when there are more
/// than the dims allow.
bool appendTyped(Reader source, unsigned wire, const Tensor &tensor, uint64_t capacity, uint64_t &count) {
  size_t size = onnxc_type_size(tensor.type) / partCount(tensor.type);
  bool isFloat = typedField(tensor.type) == FloatData, isDouble = typedField(tensor.type) == DoubleData;
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

std::string parseStrings(Reader message, Tensor &tensor) {
  std::vector<std::string_view> strings;
  uint64_t field, count;
  unsigned wire;
  for (Reader content{}; message.next(field, wire, content);)
    if (field == StringData && wire == Bytes)
      strings.emplace_back(reinterpret_cast<const char *>(content.at), content.left());
  if (!elementCount(tensor.dims, count))
    return "negative or far too big dims";
  if (count != strings.size())
    return "the dims say " + std::to_string(count) + " elements, the data has " + std::to_string(strings.size());
  return setStrings(tensor, strings) ? std::string() : "out of memory";
}

/// All of a TensorProto but its `size` raw bytes, which follow.
std::string serializeHead(const char *name, int32_t type, const int64_t *dims, int64_t rank, uint64_t size) {
  std::string head;
  for (int64_t i = 0; i < rank; ++i) // unpacked, as in proto2: what everybody else writes
    appendNumber(head, Dims, uint64_t(dims[i]));
  appendNumber(head, DataType, uint64_t(type));
  if (*name)
    appendBytes(head, Name, name);
  appendLength(head, RawData, size);
  return head;
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

bool setStrings(Tensor &tensor, const std::vector<std::string_view> &strings) {
  uint64_t bytes = strings.size() * sizeof(char *) + 1;
  for (std::string_view text : strings)
    bytes += text.size() + size_t(std::count(text.begin(), text.end(), '\0')) + 1;
  tensor.size = strings.size() * sizeof(char *);
  tensor.memory.reset(aligned_alloc(64, (bytes + 63) & ~uint64_t(63)));
  auto **pointers = static_cast<const char **>(tensor.memory.get());
  if (!pointers)
    return false;
  char *at = reinterpret_cast<char *>(pointers + strings.size());
  for (size_t i = 0; i < strings.size(); ++i) {
    pointers[i] = at;
    for (char c : strings[i])
      if (c)
        *at++ = c;
      else
        *at++ = kZeroByte[0], *at++ = kZeroByte[1];
    *at++ = 0;
  }
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
  if (tensor.type == ONNXC_STRING && location == 0)
    return parseStrings(all, tensor);
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
  unsigned width = packedWidth(tensor.type);
  bool packs = width != 8 && (hasRaw || width != 6);
  uint64_t stored = packs ? packedSize(count, width) : count, parts = stored * partCount(tensor.type);
  if (hasRaw ? raw.left() % elementSize || raw.left() / elementSize != stored : parts > typedBytes)
    return "the dims say " + std::to_string(count) + " elements, the data has another number";
  if (!allocate(tensor))
    return "out of memory";
  if (hasRaw) {
    memcpy(tensor.memory.get(), raw.at, raw.left());
  } else {
    uint64_t filled = 0;
    for (message = all; message.next(field, wire, content);)
      if (field == typed && !appendTyped(content, wire, tensor, parts, filled))
        return "malformed data, or more than the dims say";
    if (filled != parts)
      return "the dims say " + std::to_string(count) + " elements, the data has " + std::to_string(filled);
  }
  if (packs) {
    unpack(static_cast<uint8_t *>(tensor.memory.get()), count, tensor.type);
  } else if (width != 8) {
    for (uint64_t i = 0; i < count; ++i)
      static_cast<uint8_t *>(tensor.memory.get())[i] &= uint8_t((1u << width) - 1);
  }
  if (tensor.type == ONNXC_BOOL) { // models rely on 0 and 1
    auto *values = static_cast<uint8_t *>(tensor.memory.get());
    for (uint64_t i = 0; i < count; ++i)
      values[i] = values[i] != 0;
  }
  return {};
}

std::string readFile(const std::string &path, const std::function<std::string(const void *, uint64_t)> &parse) {
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return fileError("open", path);
  struct stat info;
  std::string error;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    error = "'" + path + "' is not a file";
  } else if (info.st_size == 0) {
    error = parse("", 0);
  } else {
    void *bytes = mmap(nullptr, size_t(info.st_size), PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) {
      error = fileError("map", path);
    } else {
      error = parse(bytes, uint64_t(info.st_size));
      munmap(bytes, size_t(info.st_size));
    }
  }
  close(file);
  if (!error.empty() && error.find(path) == std::string::npos)
    error = "'" + path + "': " + error;
  return error;
}

std::string readTensor(const std::string &path, Tensor &tensor) {
  return readFile(path, [&](const void *bytes, uint64_t size) { return parseTensor(bytes, size, tensor); });
}

void adoptType(onnxc_value &tensor, int32_t type) {
  if (tensor.type == ONNXC_UINT16 && type == ONNXC_BFLOAT16)
    tensor.type = type;
}

std::string serializeTensor(const char *name, int32_t type, const int64_t *dims, int64_t rank, const void *data,
                            uint64_t size) {
  if (type == ONNXC_STRING) {
    std::string proto;
    for (int64_t i = 0; i < rank; ++i)
      appendNumber(proto, Dims, uint64_t(dims[i]));
    appendNumber(proto, DataType, uint64_t(type));
    for (uint64_t i = 0; i < size / sizeof(char *); ++i)
      appendText(proto, StringData, static_cast<const char *const *>(data)[i]);
    if (*name)
      appendBytes(proto, Name, name);
    return proto;
  }
  std::string packed =
      packedWidth(type) == 8 ? std::string(static_cast<const char *>(data), data ? size : 0) : pack(data, size, type);
  return serializeHead(name, type, dims, rank, packed.size()) + packed;
}

std::string writeTensor(const std::string &path, const char *name, int32_t type, const int64_t *dims, int32_t rank,
                        const void *data, uint64_t size) {
  if (type == ONNXC_STRING || packedWidth(type) != 8)
    return writeFile(path, serializeTensor(name, type, dims, rank, data, size));
  return writeFile(path, serializeHead(name, type, dims, rank, size), data, size); // a big one isn't copied
}

std::string writeFile(const std::string &path, std::string head, const void *data, uint64_t size) {
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
