//===- lib/Import/ChannelBlock.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the filters of com.microsoft.nchwc say of the blocks of channels. See ChannelBlock.h.
#include "lib/Import/ChannelBlock.h"
#include "onnx.pb.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

using namespace onnxc;
using proto::GraphProto;
using proto::NodeProto;

namespace {
struct Search {
  bool hasBlocks = false, canBe8 = true, canBe16 = true;

  static bool fits(const proto::TensorProto &filter, int64_t block) {
    int64_t inputs = filter.dims(1);
    return filter.dims(0) % block == 0 && (inputs < block || inputs % block == 0);
  }
  void visit(const GraphProto &graph, unsigned depth) {
    llvm::StringMap<const proto::TensorProto *> initializers;
    for (const proto::TensorProto &tensor : graph.initializer())
      initializers[tensor.name()] = &tensor;
    for (const NodeProto &node : graph.node()) {
      constexpr unsigned mostDepth = 64; // deeper ones are refused
      for (const proto::AttributeProto &attribute : node.attribute())
        if (attribute.has_g() && depth < mostDepth)
          visit(attribute.g(), depth + 1);
      if (node.domain() != "com.microsoft.nchwc")
        continue;
      hasBlocks = true;
      const proto::TensorProto *filter =
          node.op_type() == "Conv" && node.input_size() > 1 ? initializers.lookup(node.input(1)) : nullptr;
      if (!filter || filter->dims_size() != 4)
        continue;
      canBe8 &= fits(*filter, 8);
      canBe16 &= fits(*filter, 16);
    }
  }
};
} // namespace

ChannelBlock onnxc::findChannelBlock(const proto::ModelProto &model) {
  Search search;
  search.visit(model.graph(), 0);
  if (!search.hasBlocks)
    return {};
  return {search.canBe16 ? 16 : 8, search.canBe8 != search.canBe16};
}
