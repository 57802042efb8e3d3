//===- tools/onnxc-run/Text.h ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors as text, for people: numbers between white space, commas or brackets, strings a line each.
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_TEXT_H
#define ONNXC_RUN_TEXT_H

#include "Tensor.h"

/// Reads a tensor of this type. A first line "# float32[2,3]" says its shape; else that is `dims`, of which one may be
/// -1 and follows from the number of elements. Returns an empty string, or what is wrong with the bytes.
std::string parseText(const void *bytes, uint64_t size, int32_t type, std::vector<int64_t> dims, Tensor &tensor);

/// The text of a tensor, which parseText reads: a line for each row.
std::string formatText(const onnxc_value &tensor);

/// Any value for the terminal, in brackets; of long rows the first and last three elements unless `all`.
std::string printText(const onnxc_value &value, bool all);

/// Text of a model as one line for a terminal: control characters and bytes that are no UTF-8 as "\x1b".
std::string visible(const std::string &text);

#endif
