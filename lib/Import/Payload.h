//===- lib/Import/Payload.h --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Keeps weights out of protobuf's hands: its reader would copy every byte of them.
#pragma once

#include "llvm/ADT/StringRef.h"
#include <string>

namespace onnxc {

/// The serialized ModelProto without its big raw_data: such a tensor has payload_offset and payload_length instead, the
/// place of the bytes in `model`. Damaged parts are copied as they are, for protobuf to reject; but what follows a
/// whole model and is no part of one is left out. `trailing` is the number of its bytes.
std::string detachPayloads(llvm::StringRef model, size_t &trailing);

} // namespace onnxc
