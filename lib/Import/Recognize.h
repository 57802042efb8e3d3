//===- lib/Import/Recognize.h ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a file is that is no ONNX model, and what to do about it.
#pragma once

#include "llvm/ADT/StringRef.h"
#include <string>

namespace onnxc {

/// "this is a Git LFS pointer, ...: run 'git lfs pull' ...", for a file whose first bytes say that it is something
/// else. Empty for everything that may be a model, in text or binary.
std::string recognizeFile(llvm::StringRef bytes);

/// For a model in ONNX's text syntax that has the name of a binary one.
bool isModelText(llvm::StringRef bytes);

/// The same for what reads as an ONNX model, but has no graph: files of other protobuf messages.
std::string recognizeProtobuf(llvm::StringRef bytes, llvm::StringRef path);

/// For a folder in the place of a model: which file of it may be meant.
std::string recognizeFolder(llvm::StringRef path);

} // namespace onnxc
