//===- test/fuzz/Mutate.cpp --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Damages models: their bytes, or their meaning. See Mutate.h.
#include "Mutate.h"
#include <cctype>
#include <cstring>
#include <limits>

using namespace onnxc;
using fuzz::choose;
using fuzz::nastyInteger;
using fuzz::pick;
using fuzz::Random;

int64_t fuzz::nastyInteger(Random &random) {
  return choose<int64_t>(random, {0,
                                  1,
                                  -1,
                                  2,
                                  3,
                                  -2,
                                  7,
                                  63,
                                  64,
                                  65,
                                  255,
                                  1 << 16,
                                  INT32_MAX,
                                  INT32_MIN,
                                  INT64_C(1) << 32,
                                  INT64_C(1) << 40,
                                  INT64_C(1) << 62,
                                  INT64_MAX,
                                  INT64_MIN,
                                  INT64_MIN + 1});
}

/// Damage that knows nothing of the format: it tests the reader.
static void mutateBytes(std::string &bytes, Random &random) {
  if (bytes.empty())
    return;
  size_t at = pick(random, bytes.size()), length = 1 + pick(random, std::min<size_t>(bytes.size() - at, 64));
  switch (pick(random, 7)) {
  case 0:
    return bytes.resize(at); // cut off
  case 1:
    bytes[at] ^= 1 << pick(random, 8);
    return;
  case 2:
    bytes[at] = static_cast<char>(random());
    return;
  case 3:
    bytes.erase(at, length);
    return;
  case 4:
    bytes.insert(pick(random, bytes.size()), bytes.substr(at, length));
    return;
  case 5: // a length of 2 GiB, or the longest varint
    bytes.replace(at, 1,
                  choose<std::string>(random, {std::string("\x80\x80\x80\x80\x08"), "\xff\xff\xff\xff\x0f",
                                               "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}));
    return;
  default: // many groups or messages in each other
    bytes.insert(
        at, std::string(choose<size_t>(random, {10, 1000, 100000}), choose<char>(random, {'\x0b', '\x3a', '\x80'})));
  }
}

static void mutateTensor(proto::TensorProto &tensor, Random &random) {
  switch (pick(random, 8)) {
  case 0:
    tensor.add_dims(nastyInteger(random));
    return;
  case 1:
    if (tensor.dims_size())
      tensor.set_dims(pick(random, tensor.dims_size()), nastyInteger(random));
    return;
  case 2:
    tensor.set_data_type(
        choose(random, {0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 21, 22, 23, 28, 29, -1, INT32_MAX}));
    return;
  case 3:
    tensor.mutable_raw_data()->resize(pick(random, 4096));
    return;
  case 4: {
    tensor.set_data_location(proto::TensorProto::EXTERNAL);
    auto add = [&](const char *key, std::string value) {
      auto *entry = tensor.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    };
    add("location", choose<std::string>(random, {"", ".", "/etc/passwd", "../model.onnx", "a/../../b", "/dev/zero",
                                                 "weights.bin", std::string("a\0b", 3), std::string(5000, 'a')}));
    add("offset", choose<std::string>(random, {"0", "-1", "18446744073709551615", "9223372036854775807", "x", ""}));
    add("length", choose<std::string>(random, {"0", "-1", "18446744073709551615", "99999999999999999999999", "4"}));
    return;
  }
  case 5:
    tensor.set_payload_offset(random());
    tensor.set_payload_length(nastyInteger(random));
    return;
  case 6:
    for (size_t i = 0, n = pick(random, 100); i < n; ++i) {
      tensor.add_int64_data(nastyInteger(random));
      tensor.add_int32_data(static_cast<int32_t>(random()));
      tensor.add_float_data(static_cast<float>(nastyInteger(random)));
    }
    return;
  default:
    if (tensor.data_type() == proto::TensorProto::INT64 && tensor.raw_data().size() >= 8) {
      int64_t value = nastyInteger(random);
      std::memcpy(tensor.mutable_raw_data()->data(), &value, 8);
    } else if (tensor.int64_data_size()) {
      tensor.set_int64_data(pick(random, tensor.int64_data_size()), nastyInteger(random));
    }
  }
}

static void mutateAttribute(proto::AttributeProto &attribute, Random &random) {
  switch (pick(random, 7)) {
  case 0:
    attribute.set_type(choose(random, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1}));
    return;
  case 1:
    attribute.set_i(nastyInteger(random));
    return;
  case 2:
    if (attribute.ints_size())
      attribute.set_ints(pick(random, attribute.ints_size()), nastyInteger(random));
    return;
  case 3:
    attribute.add_ints(nastyInteger(random));
    return;
  case 4:
    attribute.set_ref_attr_name(choose<std::string>(random, {"", "x", "alpha"}));
    return;
  case 5:
    attribute.set_f(choose(
        random, {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(), 1e38f}));
    return;
  default:
    if (attribute.has_t())
      mutateTensor(*attribute.mutable_t(), random);
    else
      attribute.set_s(choose<std::string>(random, {"", "SAME_UPPER", "none", std::string(3, '\0')}));
  }
}

static void mutateNode(proto::NodeProto &node, const proto::GraphProto *graph, Random &random) {
  // Any name of the graph: makes cycles, wrong ranks, wrong types.
  auto anyName = [&]() -> std::string {
    if (!graph || graph->node().empty())
      return "x";
    const auto &other = graph->node(pick(random, graph->node_size()));
    const auto &names = random() % 2 || other.output().empty() ? other.input() : other.output();
    return names.empty() ? "" : names[pick(random, names.size())];
  };
  switch (pick(random, 9)) {
  case 0:
    if (node.input_size())
      node.set_input(pick(random, node.input_size()), anyName());
    return;
  case 1:
    node.add_input(anyName());
    return;
  case 2:
    if (node.input_size())
      node.mutable_input()->RemoveLast();
    return;
  case 3:
    node.add_output(choose<std::string>(random, {anyName(), "new", ""}));
    return;
  case 4:
    if (node.output_size())
      node.set_output(pick(random, node.output_size()), anyName());
    return;
  case 5:
    node.set_op_type(graph && graph->node_size() ? graph->node(pick(random, graph->node_size())).op_type() : "None");
    return;
  case 6:
    if (node.attribute_size())
      node.mutable_attribute()->DeleteSubrange(pick(random, node.attribute_size()), 1);
    return;
  case 7:
    if (node.input_size())
      node.set_input(pick(random, node.input_size()), "");
    return;
  default:
    if (node.attribute_size())
      mutateAttribute(*node.mutable_attribute(pick(random, node.attribute_size())), random);
  }
}

static void mutateValue(proto::ValueInfoProto &value, Random &random) {
  auto &tensor = *value.mutable_type()->mutable_tensor_type();
  auto &shape = *tensor.mutable_shape();
  switch (pick(random, 6)) {
  case 0:
    tensor.set_elem_type(choose(random, {0, 1, 2, 6, 7, 8, 9, 10, 16, 17, 22, 99, -1}));
    return;
  case 1:
    if (shape.dim_size())
      shape.mutable_dim(pick(random, shape.dim_size()))->set_dim_value(nastyInteger(random));
    return;
  case 2:
    if (shape.dim_size())
      shape.mutable_dim(pick(random, shape.dim_size()))
          ->set_dim_param(choose<std::string>(random, {"N", "M", "", "1"}));
    return;
  case 3:
    shape.add_dim()->set_dim_value(nastyInteger(random));
    return;
  case 4:
    if (shape.dim_size())
      shape.mutable_dim()->RemoveLast();
    return;
  default:
    tensor.clear_shape();
  }
}

/// Damage to the meaning: the file is fine, the model is not.
void fuzz::mutateModel(proto::ModelProto &model, Random &random) {
  auto &graph = *model.mutable_graph();
  switch (pick(random, 10)) {
  case 0:
    if (model.opset_import_size())
      model.mutable_opset_import(0)->set_version(
          choose<int64_t>(random, {0, 1, 5, 6, 7, 9, 10, 11, 12, 13, 18, 28, 29, -1, INT64_MAX}));
    return;
  case 1:
    model.set_ir_version(nastyInteger(random));
    return;
  case 2:
    if (graph.initializer_size()) {
      auto *tensor = graph.mutable_initializer(pick(random, graph.initializer_size()));
      mutateTensor(*tensor, random);
    }
    return;
  case 3:
    if (graph.input_size())
      mutateValue(*graph.mutable_input(pick(random, graph.input_size())), random);
    return;
  case 4:
    if (graph.output_size())
      mutateValue(*graph.mutable_output(pick(random, graph.output_size())), random);
    return;
  case 5: {
    if (!graph.node_size())
      return;
    auto copy = graph.node(pick(random, graph.node_size()));
    *graph.add_node() = copy; // duplicate names
    return;
  }
  case 6:
    if (model.functions_size()) {
      auto &function = *model.mutable_functions(pick(random, model.functions_size()));
      if (function.node_size())
        mutateNode(*function.mutable_node(pick(random, function.node_size())), &graph, random);
      if (random() % 4 == 0 && function.node_size()) { // calls itself, or another one
        function.mutable_node(0)->set_op_type(model.functions(pick(random, model.functions_size())).name());
        function.mutable_node(0)->set_domain(function.domain());
      }
      return;
    }
    [[fallthrough]];
  default:
    if (graph.node_size())
      mutateNode(*graph.mutable_node(pick(random, graph.node_size())), &graph, random);
  }
}

std::string fuzz::mutate(const Seed &seed, uint64_t number, bool &isText) {
  Random random(number);
  random.discard(8);
  isText = number % 4 == 3 && !seed.text.empty();
  std::string bytes = isText ? seed.text : seed.binary;
  if (number % 4 < 2) {
    proto::ModelProto model;
    if (model.ParseFromString(seed.binary))
      for (size_t i = 0, n = 1 + pick(random, 3); i < n; ++i)
        mutateModel(model, random);
    bytes = model.SerializeAsString();
  } else {
    for (size_t i = 0, n = 1 + pick(random, 3); i < n; ++i)
      mutateBytes(bytes, random);
  }
  return bytes;
}

/// The words of the text that the predicate takes the characters of: where they begin, and how long they are.
template <typename Predicate>
static std::vector<std::pair<size_t, size_t>> findWords(const std::string &text, Predicate belongs) {
  std::vector<std::pair<size_t, size_t>> words;
  for (size_t i = 0; i < text.size(); ++i)
    if (belongs(text[i])) {
      size_t begin = i;
      while (i < text.size() && belongs(text[i]))
        ++i;
      words.push_back({begin, i - begin});
    }
  return words;
}

std::string fuzz::mutateDump(std::string text, Random &random) {
  auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
  auto isWord = [](char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '%'; };
  for (size_t i = 0, n = 1 + pick(random, 3); i < n; ++i) {
    auto words = findWords(text, isWord), numbers = findWords(text, isDigit);
    if (words.empty() || numbers.empty())
      return text;
    auto [begin, length] = words[pick(random, words.size())];
    auto [from, taken] = words[pick(random, words.size())];
    auto [digits, count] = numbers[pick(random, numbers.size())];
    switch (pick(random, 7)) {
    case 0:
      mutateBytes(text, random);
      break;
    case 1:
      text.replace(digits, count, std::to_string(nastyInteger(random)));
      break;
    case 2: // one word in the place of another
      text.replace(begin, length, text.substr(from, taken));
      break;
    case 3:
      text.erase(begin, length);
      break;
    case 4: // another kind of elements, of value or of size
      text.replace(begin, length,
                   choose<std::string>(random, {"f32", "i64", "i1", "f16", "index", "ui8", "i7", "none", "?", "*xf32",
                                                "!onnx.string", "!onnx.sequence<tensor<?xf32>>", "memref<4xf32>",
                                                "complex<f32>", "vector<4xf32>"}));
      break;
    case 5: // an operation of another phase
      text.replace(begin, length,
                   choose<std::string>(random, {"tensor.empty", "onnx.If", "onnx.None", "onnx.Yield", "arith.constant",
                                                "func.return", "onnx.Loop", "return"}));
      break;
    default: { // a line again, or not at all
      size_t start = text.rfind('\n', begin), end = text.find('\n', begin);
      if (start == std::string::npos || end == std::string::npos)
        break;
      std::string line = text.substr(start, end - start);
      if (random() % 2)
        text.insert(start, line);
      else
        text.erase(start, line.size());
    }
    }
  }
  return text;
}
