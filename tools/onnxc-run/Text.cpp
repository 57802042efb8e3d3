//===- tools/onnxc-run/Text.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors as text. See Text.h.
//===-------------------------------------------------------------------------------===//
#include "Text.h"
#include "Numbers.h"
#include "lib/Emit/HiddenCharacters.h"
#include "onnxc/runtime.h"

#include <cstring>

namespace {

std::string shapeText(const onnxc_value &tensor) {
  std::string text = onnxc_type_name(tensor.type) + std::string("[");
  for (int64_t i = 0; i < tensor.count; ++i)
    text += (i ? "," : "") + std::to_string(tensor.dims[i]);
  return text + "]";
}

/// "float32[2,3]": false where it is none, or of another type.
bool parseShape(const std::string &line, int32_t type, std::vector<int64_t> &dims) {
  std::string start = onnxc_type_name(type) + std::string("[");
  if (line.compare(0, start.size(), start) != 0 || line.back() != ']')
    return false;
  dims.clear();
  for (const char *at = line.c_str() + start.size(); *at != ']';) {
    char *end;
    dims.push_back(strtoll(at, &end, 10));
    if (end == at || (*end != ',' && *end != ']') || dims.back() < 0)
      return false;
    at = end + (*end == ',');
  }
  return true;
}

/// Gives the one dimension that isn't known the size that fits; an error where none does.
std::string complete(std::vector<int64_t> &dims, uint64_t count) {
  uint64_t known = 1;
  int64_t *unknown = nullptr;
  for (int64_t &dim : dims) {
    if (dim < 0 && unknown)
      return "several dimensions aren't known: begin with a line like '# float32[2,3]'";
    if (dim < 0)
      unknown = &dim;
    else if (__builtin_mul_overflow(known, uint64_t(dim), &known))
      return "the dims overflow";
  }
  if (unknown && known && count % known == 0)
    *unknown = int64_t(count / known), known = count;
  if (known != count || (unknown && *unknown < 0))
    return "it has " + std::to_string(count) + " elements, " + std::to_string(known) + " are expected";
  return {};
}

bool isBetween(char c) { return strchr(" \t\r\n,;[]", c) != nullptr; }

std::string quote(const char *text) {
  std::string quoted = "\"";
  for (; *text; ++text) {
    if (*text == '"' || *text == '\\')
      quoted += '\\';
    quoted += *text == '\n' ? ' ' : *text;
  }
  return quoted + "\"";
}

std::string elementText(const onnxc_value &tensor, uint64_t i) {
  return tensor.type == ONNXC_STRING ? quote(static_cast<const char *const *>(tensor.data)[i])
                                     : numberText(tensor.type, tensor.data, i);
}

/// Dimension `axis` and those after it, of the element number `first`.
void print(const onnxc_value &tensor, int64_t axis, uint64_t first, bool all, std::string &text) {
  enum { Edge = 3 };
  if (axis == tensor.count) {
    text += visible(elementText(tensor, first));
    return;
  }
  uint64_t stride = 1;
  for (int64_t d = axis + 1; d < tensor.count; ++d)
    stride *= uint64_t(tensor.dims[d]);
  int64_t size = tensor.dims[axis];
  bool isRow = axis + 1 == tensor.count;
  std::string between = isRow ? ", " : ",\n" + std::string(size_t(axis) + 1, ' ');
  text += "[";
  for (int64_t i = 0; i < size; ++i) {
    text += i ? between : "";
    if (!all && size > 4 * Edge && i == Edge) {
      text += "...";
      i = size - Edge - 1;
      continue;
    }
    print(tensor, axis + 1, first + uint64_t(i) * stride, all, text);
  }
  text += "]";
}

} // namespace

std::string parseText(const void *bytes, uint64_t size, int32_t type, std::vector<int64_t> dims, Tensor &tensor) {
  std::string_view rest(static_cast<const char *>(bytes), size);
  if (rest.find('\0') != rest.npos)
    return "it is no text";
  while (!rest.empty() && rest.front() == '#') {
    std::string line(rest.substr(1, rest.find('\n') == rest.npos ? rest.npos : rest.find('\n') - 1));
    rest.remove_prefix(std::min(line.size() + 2, rest.size()));
    line.erase(0, line.find_first_not_of(" \t"));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    std::vector<int64_t> said;
    if (!line.empty() && line.back() == ']' && line.find('[') != line.npos) {
      if (!parseShape(line, type, said))
        return "it begins with '" + line + "', the model expects " + onnxc_type_name(type);
      dims = said;
    }
  }
  std::vector<std::string_view> words;
  if (type == ONNXC_STRING) {
    while (!rest.empty()) {
      size_t length = std::min(rest.find('\n'), rest.size());
      words.push_back(rest.substr(0, length));
      rest.remove_prefix(std::min(length + 1, rest.size()));
    }
  } else {
    for (size_t i = 0; i < rest.size();) {
      size_t end = i;
      while (end < rest.size() && !isBetween(rest[end]))
        ++end;
      if (end > i)
        words.push_back(rest.substr(i, end - i));
      i = end + 1;
    }
  }
  std::string error = complete(dims, words.size());
  if (!error.empty())
    return error;
  tensor.type = type;
  tensor.dims = std::move(dims);
  if (type == ONNXC_STRING)
    return setStrings(tensor, words) ? std::string() : "out of memory";
  if (!allocate(tensor))
    return "out of memory";
  for (uint64_t i = 0; i < words.size(); ++i)
    if (std::string word(words[i]); !setNumber(type, tensor.memory.get(), i, word.c_str()))
      return "element " + std::to_string(i) + ", '" + word.substr(0, 40) + "', is no " + onnxc_type_name(type) +
             " that has a text";
  return {};
}

std::string formatText(const onnxc_value &tensor) {
  std::string text = "# " + shapeText(tensor) + "\n";
  uint64_t count = 1, row = tensor.count ? uint64_t(tensor.dims[tensor.count - 1]) : 1;
  for (int64_t d = 0; d < tensor.count; ++d)
    count *= uint64_t(tensor.dims[d]);
  for (uint64_t i = 0; i < count; ++i) {
    if (tensor.type == ONNXC_STRING)
      text += static_cast<const char *const *>(tensor.data)[i] + std::string("\n");
    else
      text += numberText(tensor.type, tensor.data, i) + ((i + 1) % row == 0 ? "\n" : " ");
  }
  return text;
}

std::string printText(const onnxc_value &value, bool all) {
  std::string text;
  switch (value.kind) {
  case ONNXC_KIND_TENSOR:
    for (int64_t d = 0; d < value.count; ++d)
      if (value.dims[d] == 0) // however many rows have nothing in them
        return "[]";
    print(value, 0, 0, all, text);
    return text;
  case ONNXC_KIND_SEQUENCE:
    for (int64_t i = 0; i < value.count; ++i)
      text += (i ? "\n" : "") + std::string("item ") + std::to_string(i) + ": " + printText(value.items[i], all);
    return text.empty() ? "no items" : text;
  case ONNXC_KIND_MAP:
    return printText(value.items[0], all) + " -> " + printText(value.items[1], all);
  }
  return "nothing";
}

std::string visible(const std::string &text) {
  std::string out;
  char escaped[16];
  for (size_t i = 0, length = 0; i < text.size(); i += length) {
    auto byte = [&](size_t k) { return i + k < text.size() ? uint8_t(text[i + k]) : 0u; };
    length = byte(0) < 0x80 ? 1 : byte(0) >> 5 == 6 ? 2 : byte(0) >> 4 == 14 ? 3 : byte(0) >> 3 == 30 ? 4 : 0;
    uint32_t c = length == 1 ? byte(0) : byte(0) & (0x7f >> length);
    bool isText = length > 0;
    for (size_t k = 1; k < length; ++k) {
      isText &= byte(k) >> 6 == 2;
      c = c << 6 | (byte(k) & 0x3f);
    }
    const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; // of this length
    isText = isText && c >= least[length] && c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000);
    length = isText ? length : 1;
    if (isText && !onnxc::isHidden(c)) {
      out.append(text, i, length);
      continue;
    }
    if (c == '\n' || c == '\r' || c == '\t')
      snprintf(escaped, sizeof(escaped), "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else
      snprintf(escaped, sizeof(escaped), isText && c >= 0x80 ? "\\u{%x}" : "\\x%02x", isText ? c : byte(0));
    out += escaped;
  }
  return out;
}
