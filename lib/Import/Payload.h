//===- lib/Import/Payload.h --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Keeps weights out of protobuf's hands: its reader would copy every byte of them.
#pragma once

#include "llvm/ADT/StringRef.h"
#include <string>

namespace onnxc {

/// The serialized ModelProto without its big raw_data: such a tensor has payload_offset and payload_length instead, the
/// place of the bytes in `model`. Damaged parts are copied as they are, for protobuf to reject.
std::string detachPayloads(llvm::StringRef model);

} // namespace onnxc
