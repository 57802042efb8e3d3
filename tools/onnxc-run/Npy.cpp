//===- tools/onnxc-run/Npy.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NumPy's files of one array: a Python dictionary as text, then the elements. See Npy.h.
//===-------------------------------------------------------------------------------===//
#include "Npy.h"
#include "onnxc/runtime.h"

#include <algorithm>
#include <cstring>

namespace {

const char Magic[] = "\x93NUMPY";

struct NpyType {
  const char *descr;
  int32_t type;
};
/// Of several rows for a type the first is written.
const NpyType Types[] = {
    {"<f4", ONNXC_FLOAT},     {"|u1", ONNXC_UINT8},       {"|i1", ONNXC_INT8},     {"<u2", ONNXC_UINT16},
    {"<i2", ONNXC_INT16},     {"<i4", ONNXC_INT32},       {"<i8", ONNXC_INT64},    {"|b1", ONNXC_BOOL},
    {"<f2", ONNXC_FLOAT16},   {"<f8", ONNXC_DOUBLE},      {"<u4", ONNXC_UINT32},   {"<u8", ONNXC_UINT64},
    {"<c8", ONNXC_COMPLEX64}, {"<c16", ONNXC_COMPLEX128}, {"|V2", ONNXC_BFLOAT16}, {"<V2", ONNXC_BFLOAT16}};

/// Types that are a byte each and that NumPy does not have.
bool isByte(int32_t type) {
  return onnxc_type_size(type) == 1 && type != ONNXC_BOOL && type != ONNXC_UINT8 && type != ONNXC_INT8;
}

/// The text between `key`: and the next comma or bracket at its level; empty where there is none.
std::string valueOf(const std::string &header, const std::string &key) {
  size_t at = header.find("'" + key + "'");
  at = at == header.npos ? at : header.find(':', at);
  at = at == header.npos ? at : header.find_first_not_of(' ', at + 1);
  if (at == header.npos)
    return {};
  size_t end = header[at] == '(' ? header.find(')', at) + 1 : header.find_first_of(",}", at);
  if (end == header.npos || end <= at)
    return {};
  std::string value = header.substr(at, end - at);
  value.erase(value.find_last_not_of(' ') + 1);
  return value;
}

bool parseDims(const std::string &text, std::vector<int64_t> &dims) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')')
    return false;
  for (const char *at = text.c_str() + 1; *at != ')';) {
    char *end;
    dims.push_back(strtoll(at, &end, 10));
    if (end == at || dims.back() < 0 || dims.size() > 64)
      return false;
    while (*end == ' ' || *end == ',')
      ++end;
    at = end;
  }
  return true;
}

void appendUtf8(std::string &text, uint32_t c) {
  if (c < 0x80) {
    text += char(c);
  } else if (c < 0x800) {
    text += char(0xc0 | c >> 6);
    text += char(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    text += char(0xe0 | c >> 12);
    text += char(0x80 | (c >> 6 & 0x3f));
    text += char(0x80 | (c & 0x3f));
  } else {
    text += char(0xf0 | (c >> 18 & 7));
    text += char(0x80 | (c >> 12 & 0x3f));
    text += char(0x80 | (c >> 6 & 0x3f));
    text += char(0x80 | (c & 0x3f));
  }
}

/// "<U5" is five UTF-32 characters, "|S5" five bytes, filled up with zeros.
std::string parseStrings(const std::string &descr, const uint8_t *data, uint64_t size, uint64_t count, Tensor &tensor) {
  bool isWide = descr[1] == 'U';
  char *end;
  uint64_t length = strtoull(descr.c_str() + 2, &end, 10), width = isWide ? 4 : 1, all;
  if (*end || __builtin_mul_overflow(length * width, count, &all) || length > size || all > size)
    return "the file is shorter than its header says";
  std::vector<std::string> texts(count);
  for (uint64_t i = 0; i < count; ++i)
    for (uint64_t c = 0; c < length; ++c) {
      uint32_t code = 0;
      memcpy(&code, data + (i * length + c) * width, width);
      if (code && isWide)
        appendUtf8(texts[i], code);
      else if (code)
        texts[i] += char(code);
    }
  tensor.type = ONNXC_STRING;
  return setStrings(tensor, {texts.begin(), texts.end()}) ? std::string() : "out of memory";
}

/// Copies elements of `width` bytes from Fortran's order, in which the first index is the fastest.
void copyTransposed(const uint8_t *from, const std::vector<int64_t> &dims, size_t width, uint64_t count, uint8_t *to) {
  std::vector<uint64_t> strides(dims.size()), index(dims.size());
  uint64_t stride = 1, at = 0;
  for (size_t d = 0; d < dims.size(); ++d)
    strides[d] = stride, stride *= uint64_t(dims[d]);
  for (uint64_t i = 0; i < count; ++i) {
    memcpy(to + i * width, from + at * width, width);
    for (size_t d = dims.size(); d-- > 0;) {
      at += strides[d];
      if (++index[d] < uint64_t(dims[d]))
        break;
      at -= strides[d] * index[d];
      index[d] = 0;
    }
  }
}

} // namespace

std::string parseNpy(const void *bytes, uint64_t size, int32_t wanted, Tensor &tensor) {
  const uint8_t *data = static_cast<const uint8_t *>(bytes);
  if (size < 10 || memcmp(data, Magic, 6) != 0)
    return "not a .npy file";
  bool isLong = data[6] >= 2; // versions 2 and 3 have four bytes for the length of the header
  uint64_t start = isLong ? 12 : 10, length = data[8] | uint64_t(data[9]) << 8;
  if (isLong && size >= 12)
    length |= uint64_t(data[10]) << 16 | uint64_t(data[11]) << 24;
  if (start > size || length > size - start)
    return "the file is shorter than its header says";
  std::string header(reinterpret_cast<const char *>(data) + start, length);
  data += start + length;
  size -= start + length;
  std::string descr = valueOf(header, "descr"), order = valueOf(header, "fortran_order");
  if (!parseDims(valueOf(header, "shape"), tensor.dims) || descr.size() < 3 || (order != "True" && order != "False"))
    return "its header is none of NumPy's";
  if (descr.front() != '\'' || descr.back() != '\'')
    return "it has records; one array of numbers is expected";
  descr = descr.substr(1, descr.size() - 2);
  bool isFortran = order == "True" && tensor.dims.size() > 1;
  uint64_t count = 1, wantedBytes;
  for (int64_t dim : tensor.dims)
    if (__builtin_mul_overflow(count, uint64_t(dim), &count))
      return "its shape overflows 64 bits";
  if (descr.size() > 2 && (descr[1] == 'U' || descr[1] == 'S') && descr[0] != '>') {
    if (isFortran)
      return "its strings are in Fortran's order: save numpy.ascontiguousarray(x)";
    return parseStrings(descr, data, size, count, tensor);
  }
  if (descr == "|O")
    return "it has Python objects: save x.astype(str), or numbers";
  if (descr[0] == '>')
    return "it is big-endian: save x.astype(x.dtype.newbyteorder('<'))";
  auto *known = std::find_if(std::begin(Types), std::end(Types), [&](auto &row) { return descr == row.descr; });
  if (descr == "|V1" && isByte(wanted))
    tensor.type = wanted;
  else if (known == std::end(Types))
    return "elements of the type '" + descr + "' are not supported";
  else
    tensor.type = isByte(wanted) && (known->type == ONNXC_UINT8 || known->type == ONNXC_INT8) ? wanted : known->type;
  if (!allocate(tensor))
    return "out of memory";
  wantedBytes = tensor.size;
  if (wantedBytes > size)
    return "the file is shorter than its header says";
  if (isFortran)
    copyTransposed(data, tensor.dims, onnxc_type_size(tensor.type), count, static_cast<uint8_t *>(tensor.memory.get()));
  else
    memcpy(tensor.memory.get(), data, wantedBytes);
  if (tensor.type == ONNXC_BOOL)
    for (uint64_t i = 0; i < count; ++i)
      static_cast<uint8_t *>(tensor.memory.get())[i] = static_cast<uint8_t *>(tensor.memory.get())[i] != 0;
  return {};
}

std::string writeNpy(const std::string &path, const onnxc_value &tensor) {
  uint64_t count = 1;
  for (int64_t d = 0; d < tensor.count; ++d)
    count *= uint64_t(tensor.dims[d]);
  std::string descr, strings;
  const void *data = tensor.data;
  uint64_t size = count * onnxc_type_size(tensor.type);
  if (tensor.type == ONNXC_STRING) { // as bytes, which NumPy decodes: x.astype(str)
    size_t longest = 1;
    for (uint64_t i = 0; i < count; ++i)
      longest = std::max(longest, strlen(static_cast<const char *const *>(data)[i]));
    for (uint64_t i = 0; i < count; ++i) {
      std::string text = static_cast<const char *const *>(data)[i];
      text.resize(longest);
      strings += text;
    }
    descr = "|S" + std::to_string(longest);
    data = strings.data();
    size = strings.size();
  } else {
    bool isSigned = tensor.type == ONNXC_INT4 || tensor.type == ONNXC_INT2;
    auto *known = std::find_if(std::begin(Types), std::end(Types), [&](auto &row) { return tensor.type == row.type; });
    descr = known != std::end(Types) ? known->descr : isSigned ? "|i1" : "|u1";
  }
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (int64_t d = 0; d < tensor.count; ++d)
    header += std::to_string(tensor.dims[d]) + (tensor.count == 1 || d + 1 < tensor.count ? "," : "");
  header += "), }";
  header += std::string(63 - (10 + header.size()) % 64, ' ') + "\n"; // elements begin at a multiple of 64
  std::string head = std::string(Magic, 6) + '\1' + '\0' + char(header.size() & 0xff) + char(header.size() >> 8);
  return writeFile(path, head + header, data, size);
}
