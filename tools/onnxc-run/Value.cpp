//===- tools/onnxc-run/Value.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// SequenceProto, OptionalProto and MapProto: a file does not say which of them it is, the model's type does.
//===-------------------------------------------------------------------------------===//
#include "Value.h"
#include "Wire.h"

#include <set>

namespace {

/// Field numbers. A SequenceProto and an OptionalProto use the same ones for the same things.
enum Field {
  Name = 1,
  ElementKind = 2,
  TensorValue = 3,
  SparseValue = 4,
  SequenceValue = 5,
  MapValue = 6,
  OptionalValue = 7,
  MapKeyType = 2,
  MapKeys = 3,
  MapStringKeys = 4,
  MapValues = 5,
};
/// What `ElementKind` says.
enum ProtoKind { TensorKind = 1, SequenceKind = 3, MapKind = 4 };

std::string inItem(size_t i, const std::string &error) {
  return error.empty() ? error : "item " + std::to_string(i) + ": " + error;
}

std::string parseOneTensor(Reader message, Value &value, onnxc_value &to) {
  Tensor tensor;
  std::string error = parseTensor(message.at, message.left(), tensor);
  to = value.add(std::move(tensor));
  return error;
}

/// The parts of a SequenceProto or OptionalProto, all of one kind.
std::string parseParts(Reader message, const char *what, uint64_t wanted, std::vector<Reader> &parts) {
  uint64_t field;
  unsigned wire;
  for (Reader content{}; message.next(field, wire, content);) {
    if (field < Name || field > OptionalValue)
      continue;
    if (wire != (field == ElementKind ? Varint : Bytes))
      return std::string("not a ") + what;
    if (field == wanted)
      parts.push_back(content);
    else if (field != Name && field != ElementKind)
      return std::string("the ") + what + " holds another kind of values than the model's type says";
  }
  return message.failed ? std::string("not a ") + what + ", or truncated" : std::string();
}

/// Copies tensors of one element each into a tensor of all of them.
std::string gather(const std::vector<Tensor> &scalars, int32_t type, Tensor &all) {
  all.type = scalars.empty() ? type : scalars[0].type;
  all.dims = {int64_t(scalars.size())};
  size_t size = onnxc_type_size(all.type);
  for (size_t i = 0; i < scalars.size(); ++i)
    if (scalars[i].type != all.type || scalars[i].size != size)
      return "value " + std::to_string(i) + " is not one element of " + onnxc_type_name(all.type);
  if (all.type == ONNXC_STRING) {
    std::vector<std::string_view> strings;
    for (const Tensor &scalar : scalars)
      strings.push_back(*static_cast<const char *const *>(scalar.memory.get()));
    return setStrings(all, strings) ? std::string() : "out of memory";
  }
  if (!allocate(all))
    return "out of memory";
  for (size_t i = 0; i < scalars.size(); ++i)
    memcpy(static_cast<char *>(all.memory.get()) + i * size, scalars[i].memory.get(), size);
  return {};
}

/// Keys are stored as int64, whatever integers they are.
std::string setIntegerKeys(const std::vector<int64_t> &keys, Tensor &tensor) {
  size_t size = onnxc_type_size(tensor.type);
  bool isSigned = tensor.type == ONNXC_INT8 || tensor.type == ONNXC_INT16 || tensor.type == ONNXC_INT32;
  if (!allocate(tensor))
    return "out of memory";
  for (size_t i = 0; i < keys.size(); ++i) {
    int64_t high = size == 8 ? 0 : keys[i] >> (8 * size - isSigned);
    if (high != 0 && !(isSigned && high == -1))
      return "key " + std::to_string(keys[i]) + " is no " + onnxc_type_name(tensor.type);
    memcpy(static_cast<char *>(tensor.memory.get()) + i * size, &keys[i], size); // little-endian: the low bytes
  }
  return {};
}

std::string parseMap(Reader message, int32_t type, Value &value, onnxc_value &to) {
  std::vector<int64_t> numbers;
  std::vector<std::string_view> texts;
  std::vector<Reader> parts;
  Tensor keys, values;
  uint64_t field;
  unsigned wire;
  keys.type = keyType(type);
  for (Reader content{}; message.next(field, wire, content);) {
    if (field == MapKeyType && wire == Varint) {
      uint64_t stored = content.varint();
      keys.type = stored > 1000 ? 1000 : int32_t(stored);
    } else if (field == MapKeys && (wire == Varint || wire == Bytes)) {
      while (!content.done())
        numbers.push_back(int64_t(content.varint()));
      message.failed |= content.failed;
    } else if (field == MapStringKeys && wire == Bytes) {
      texts.emplace_back(reinterpret_cast<const char *>(content.at), content.left());
    } else if (field == MapValues && wire == Bytes) {
      std::string error = parseParts(content, "SequenceProto", TensorValue, parts);
      if (!error.empty())
        return error;
    } else if (field <= MapValues && !(field == Name && wire == Bytes)) {
      return "not a MapProto";
    }
  }
  if (message.failed)
    return "not a MapProto, or truncated";

  bool isText = keys.type == ONNXC_STRING;
  bool isInteger =
      (keys.type >= ONNXC_UINT8 && keys.type <= ONNXC_INT64) || keys.type == ONNXC_UINT32 || keys.type == ONNXC_UINT64;
  size_t count = isText ? texts.size() : numbers.size();
  if (!isText && !isInteger)
    return std::string("a map can't have keys of ") + onnxc_type_name(keys.type);
  Tensor single; // some tools write the values as one tensor, and not as one for each
  bool isSingle = parts.size() == 1 && count != 1 && parseTensor(parts[0].at, parts[0].left(), single).empty() &&
                  single.type == ONNXC_ELEMENT_TYPE(type) && single.dims == std::vector<int64_t>{int64_t(count)};
  if (numbers.size() + texts.size() != count || (parts.size() != count && !isSingle))
    return "the map has " + std::to_string(count) + " keys of " + onnxc_type_name(keys.type) + " and " +
           std::to_string(parts.size()) + " values";
  if (std::set(numbers.begin(), numbers.end()).size() + std::set(texts.begin(), texts.end()).size() != count)
    return "several entries of the map have the same key";
  std::vector<Tensor> scalars(isSingle ? 0 : count);
  for (size_t i = 0; i < scalars.size(); ++i) {
    std::string error = parseTensor(parts[i].at, parts[i].left(), scalars[i]);
    if (!error.empty())
      return "value " + std::to_string(i) + ": " + error;
  }
  std::string error;
  if (isSingle)
    values = std::move(single);
  else
    error = gather(scalars, ONNXC_ELEMENT_TYPE(type), values);
  keys.dims = {int64_t(count)};
  if (error.empty())
    error = isText ? setStrings(keys, texts) ? "" : "out of memory" : setIntegerKeys(numbers, keys);
  if (!error.empty())
    return error;
  onnxc_value *items = value.addItems(2);
  items[0] = value.add(std::move(keys));
  items[1] = value.add(std::move(values));
  to = {ONNXC_KIND_MAP, items[1].type, 2, nullptr, nullptr, items};
  return {};
}

std::string parseSequence(Reader message, int32_t type, Value &value, onnxc_value &to) {
  bool ofMaps = type & ONNXC_MAP;
  std::vector<Reader> parts;
  std::string error = parseParts(message, "SequenceProto", ofMaps ? MapValue : TensorValue, parts);
  if (!error.empty())
    return error;
  onnxc_value *items = value.addItems(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    error = ofMaps ? parseMap(parts[i], type, value, items[i]) : parseOneTensor(parts[i], value, items[i]);
    if (!error.empty())
      return inItem(i, error);
  }
  to = {ONNXC_KIND_SEQUENCE,
        parts.empty() ? ONNXC_ELEMENT_TYPE(type) : items[0].type,
        int64_t(parts.size()),
        nullptr,
        nullptr,
        items};
  return {};
}

std::string parseOptional(Reader message, int32_t type, Value &value, onnxc_value &to) {
  std::vector<Reader> parts;
  uint64_t wanted = type & ONNXC_SEQUENCE ? SequenceValue : type & ONNXC_MAP ? MapValue : TensorValue;
  std::string error = parseParts(message, "OptionalProto", wanted, parts);
  if (!error.empty())
    return error;
  to = {ONNXC_KIND_NONE, ONNXC_ELEMENT_TYPE(type), 0, nullptr, nullptr, nullptr};
  if (parts.empty())
    return {};
  if (parts.size() > 1)
    return "the OptionalProto has several values";
  return wanted == SequenceValue ? parseSequence(parts[0], type, value, to)
         : wanted == MapValue    ? parseMap(parts[0], type, value, to)
                                 : parseOneTensor(parts[0], value, to);
}

// ---- Writing
// ---------------------------------------------------------------------------------------------------------

uint64_t byteSize(const onnxc_value &tensor) {
  uint64_t size = onnxc_type_size(tensor.type);
  for (int64_t d = 0; d < tensor.count; ++d)
    size *= uint64_t(tensor.dims[d]);
  return size;
}

std::string serialize(const onnxc_value &tensor) {
  return serializeTensor("", tensor.type, tensor.dims, tensor.count, tensor.data, byteSize(tensor));
}

std::string serializeMap(const onnxc_value &map) {
  const onnxc_value &keys = map.items[0], &values = map.items[1];
  std::string proto, sequence;
  appendNumber(proto, MapKeyType, uint64_t(keys.type));
  appendNumber(sequence, ElementKind, TensorKind);
  size_t keySize = onnxc_type_size(keys.type), valueSize = onnxc_type_size(values.type);
  bool isSigned = keys.type == ONNXC_INT8 || keys.type == ONNXC_INT16 || keys.type == ONNXC_INT32;
  for (int64_t i = 0; i < keys.dims[0]; ++i) {
    if (keys.type == ONNXC_STRING) {
      appendText(proto, MapStringKeys, static_cast<const char *const *>(keys.data)[i]);
    } else {
      int64_t key = 0;
      memcpy(&key, static_cast<const char *>(keys.data) + size_t(i) * keySize, keySize);
      unsigned unused = unsigned(64 - 8 * keySize);
      appendNumber(proto, MapKeys, isSigned ? uint64_t(int64_t(uint64_t(key) << unused) >> unused) : uint64_t(key));
    }
    const char *element = static_cast<const char *>(values.data) + size_t(i) * valueSize;
    appendBytes(sequence, TensorValue, serializeTensor("", values.type, nullptr, 0, element, valueSize));
  }
  appendBytes(proto, MapValues, sequence);
  return proto;
}

std::string serializeSequence(const onnxc_value &value, int32_t type) {
  bool ofMaps = type & ONNXC_MAP;
  std::string proto;
  appendNumber(proto, ElementKind, ofMaps ? MapKind : TensorKind);
  for (int64_t i = 0; i < value.count; ++i)
    appendBytes(proto, ofMaps ? MapValue : TensorValue,
                ofMaps ? serializeMap(value.items[i]) : serialize(value.items[i]));
  return proto;
}

std::string serializeOptional(const onnxc_value &value, int32_t type) {
  std::string proto;
  if (value.kind == ONNXC_KIND_NONE)
    appendNumber(proto, ElementKind, 0);
  else if (type & ONNXC_SEQUENCE)
    appendNumber(proto, ElementKind, SequenceKind), appendBytes(proto, SequenceValue, serializeSequence(value, type));
  else if (type & ONNXC_MAP)
    appendNumber(proto, ElementKind, MapKind), appendBytes(proto, MapValue, serializeMap(value));
  else
    appendNumber(proto, ElementKind, TensorKind), appendBytes(proto, TensorValue, serialize(value));
  return proto;
}

} // namespace

onnxc_value Value::add(Tensor tensor) {
  Tensor &t = tensors.emplace_back(std::move(tensor));
  return {ONNXC_KIND_TENSOR, t.type, int64_t(t.dims.size()), t.dims.data(), t.memory.get(), nullptr};
}

onnxc_value *Value::addItems(size_t count) { return items.emplace_back(count).data(); }

bool isTensor(int32_t type) { return !(type & (ONNXC_SEQUENCE | ONNXC_OPTIONAL | ONNXC_MAP)); }

int32_t keyType(int32_t type) { return ONNXC_ELEMENT_TYPE(type >> 16); }

std::string parseValue(const void *bytes, uint64_t size, int32_t type, Value &value) {
  Reader message{static_cast<const uint8_t *>(bytes), static_cast<const uint8_t *>(bytes) + size};
  return type & ONNXC_OPTIONAL   ? parseOptional(message, type, value, value.root)
         : type & ONNXC_SEQUENCE ? parseSequence(message, type, value, value.root)
         : type & ONNXC_MAP      ? parseMap(message, type, value, value.root)
                                 : parseOneTensor(message, value, value.root);
}

std::string readValue(const std::string &path, int32_t type, Value &value) {
  return readFile(path, [&](const void *bytes, uint64_t size) { return parseValue(bytes, size, type, value); });
}

std::string writeValue(const std::string &path, const char *name, int32_t type, const onnxc_value &value) {
  if (isTensor(type))
    return writeTensor(path, name, type, value.dims, int32_t(value.count), value.data, byteSize(value));
  std::string head; // all three begin with a name
  appendBytes(head, Name, name);
  return writeFile(path, head + (type & ONNXC_OPTIONAL   ? serializeOptional(value, type)
                                 : type & ONNXC_SEQUENCE ? serializeSequence(value, type)
                                                         : serializeMap(value)));
}

std::string setInput(const onnxc_model *model, onnxc_session *session, uint64_t index, const Value &value) {
  const onnxc_value &root = value.root;
  onnxc_error error;
  onnxc_status status = isTensor(model->inputs[index].type)
                            ? onnxc_set_input(session, index, root.data, root.dims, int32_t(root.count), &error)
                            : onnxc_set_input(session, index, &root, nullptr, 0, &error);
  return status == ONNXC_OK ? std::string() : error.text;
}

onnxc_value getOutput(const onnxc_model *model, const onnxc_session *session, uint64_t index) {
  const onnxc_value_info &info = model->outputs[index];
  onnxc_tensor output = onnxc_output(session, index);
  if (isTensor(info.type))
    return {ONNXC_KIND_TENSOR, info.type, onnxc_output_rank(session, index), output.dims, output.data, nullptr};
  return output.data ? *static_cast<const onnxc_value *>(output.data) : onnxc_value{};
}
