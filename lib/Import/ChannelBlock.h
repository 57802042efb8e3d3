//===- lib/Import/ChannelBlock.h ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How many channels are in a block of the blocked tensors that a model of onnxruntime's optimiser has.
#pragma once

#include <cstdint>

namespace onnxc::proto {
class ModelProto;
}

namespace onnxc {

struct ChannelBlock {
  int64_t size = 0; ///< 8 or 16; 0: the model has no such tensors
  bool isCertain = true;
};

/// The file does not say it: it is 16 on processors with AVX-512, and 8 on others. Filters have whole blocks of output
/// channels, and of input channels unless these are fewer than a block, so their sizes often leave one answer.
ChannelBlock findChannelBlock(const proto::ModelProto &model);

} // namespace onnxc
