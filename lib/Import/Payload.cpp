//===- lib/Import/Payload.cpp ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rewrites a serialized model without its big raw_data. See Payload.h.
#include "lib/Import/Payload.h"
#include <cstdint>
#include <optional>

using llvm::StringRef;

/// A raw_data from this size on is left in the file.
static constexpr uint64_t kMinPayload = 1024;
/// Messages nested deeper than this are not looked into; protobuf rejects them anyway.
static constexpr unsigned kMaxDepth = 100;

namespace {
enum class Message { Other, Model, Function, Graph, Node, Attribute, Sparse, Tensor };
enum WireType { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };
constexpr uint32_t kRawData = 9, kPayloadOffset = 536870910, kPayloadLength = 536870911;

/// What field `number` of a message holds, as far as it leads to tensors. The numbers are those of onnx.proto.
Message fieldMessage(Message message, uint32_t number) {
  switch (message) {
  case Message::Model:
    return number == 7 ? Message::Graph : number == 25 ? Message::Function : Message::Other;
  case Message::Function:
    return number == 7 ? Message::Node : Message::Other;
  case Message::Graph:
    return number == 1    ? Message::Node
           : number == 5  ? Message::Tensor
           : number == 15 ? Message::Sparse
                          : Message::Other;
  case Message::Node:
    return number == 5 ? Message::Attribute : Message::Other;
  case Message::Attribute:
    return number == 5 || number == 10    ? Message::Tensor
           : number == 6 || number == 11  ? Message::Graph
           : number == 22 || number == 23 ? Message::Sparse
                                          : Message::Other;
  case Message::Sparse:
    return number == 1 || number == 2 ? Message::Tensor : Message::Other;
  case Message::Tensor:
  case Message::Other:
    return Message::Other;
  }
  return Message::Other;
}

void writeVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

std::optional<uint64_t> readVarint(StringRef &in) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 10 && i < in.size(); ++i) {
    uint8_t byte = in[i];
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) {
      in = in.drop_front(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

class Rewriter {
public:
  explicit Rewriter(StringRef model) : model(model) {}

  /// Appends the rewritten model to `out`; gives the number of bytes behind it that are left out.
  size_t rewriteModel(std::string &out) {
    StringRef in = model;
    for (bool hasGraph = false; !in.empty();) {
      StringRef field = in;
      if (!rewriteField(in, Message::Model, 0, out)) {
        if (hasGraph && !isModelField(field))
          return field.size();
        out += field; // damaged
        return 0;
      }
      hasGraph |= isModelField(field) && readVarint(field) == uint64_t(7 << 3 | Bytes);
    }
    return 0;
  }

  /// Appends the rewritten message to `out`.
  void rewrite(StringRef in, Message message, unsigned depth, std::string &out) {
    while (!in.empty()) {
      StringRef field = in;
      if (!rewriteField(in, message, depth, out)) {
        out += field; // damaged
        return;
      }
    }
  }

private:
  /// Whether a field of ModelProto begins here, with the wire type that it has.
  static bool isModelField(StringRef in) {
    auto tag = readVarint(in);
    if (!tag)
      return false;
    switch (*tag >> 3) {
    case 1: // ir_version, model_version
    case 5:
      return (*tag & 7) == Varint;
    case 2: // producer_name, producer_version, domain, doc_string, graph, opset_import, metadata_props, training_info,
    case 3: // functions, configuration
    case 4:
    case 6:
    case 7:
    case 8:
    case 14:
    case 20:
    case 25:
    case 26:
      return (*tag & 7) == Bytes;
    default:
      return false;
    }
  }

  bool rewriteField(StringRef &in, Message message, unsigned depth, std::string &out) {
    StringRef start = in;
    auto tag = readVarint(in);
    if (!tag || *tag > UINT32_MAX || *tag >> 3 == 0)
      return false;
    uint32_t number = *tag >> 3;
    uint64_t length = 0;
    switch (*tag & 7) {
    case Varint:
      if (!readVarint(in))
        return false;
      break;
    case Fixed64:
      length = 8;
      break;
    case Fixed32:
      length = 4;
      break;
    case Bytes:
      if (auto size = readVarint(in))
        length = *size;
      else
        return false;
      break;
    default: // groups: no ONNX message has them
      return false;
    }
    if (length > in.size())
      return false;
    StringRef content = in.take_front(length);
    in = in.drop_front(length);

    if (message == Message::Tensor && (number == kPayloadOffset || number == kPayloadLength))
      return true; // ours alone
    if (message == Message::Tensor && number == kRawData && (*tag & 7) == Bytes && length >= kMinPayload) {
      writeVarint(out, uint64_t(kPayloadOffset) << 3 | Varint);
      writeVarint(out, content.data() - model.data());
      writeVarint(out, uint64_t(kPayloadLength) << 3 | Varint);
      writeVarint(out, length);
      return true;
    }
    Message inner = (*tag & 7) == Bytes && depth < kMaxDepth ? fieldMessage(message, number) : Message::Other;
    if (inner == Message::Other) {
      out.append(start.data(), start.size() - in.size());
      return true;
    }
    std::string rewritten;
    rewrite(content, inner, depth + 1, rewritten);
    writeVarint(out, *tag);
    writeVarint(out, rewritten.size());
    out += rewritten;
    return true;
  }

  StringRef model;
};
} // namespace

std::string onnxc::detachPayloads(StringRef model, size_t &trailing) {
  std::string out;
  trailing = Rewriter(model).rewriteModel(out);
  return out;
}
