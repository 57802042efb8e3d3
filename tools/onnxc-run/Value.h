//===- tools/onnxc-run/Value.h -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What goes into a model or comes out of it, of whatever type, and the files of ONNX test data that hold such values.
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_VALUE_H
#define ONNXC_RUN_VALUE_H

#include "Tensor.h"
#include "onnxc/runtime.h"

#include <deque>

/// A value and its memory. Tensors are values, too. It can't be moved: `root` points into it.
struct Value {
  Value() = default;
  Value(const Value &) = delete;
  Value &operator=(const Value &) = delete;

  onnxc_value root{};

  /// Takes a tensor over; the result is a view of it.
  onnxc_value add(Tensor tensor);
  /// Room for that many items of a sequence, or 2 of a map.
  onnxc_value *addItems(size_t count);

private:
  std::deque<Tensor> tensors;
  std::deque<std::vector<onnxc_value>> items;
};

/// Whether an input or output of this type is a tensor, or something that is made of tensors.
bool isTensor(int32_t type);
/// Of a map's keys.
int32_t keyType(int32_t type);

/// Reads a TensorProto, SequenceProto, OptionalProto or MapProto, whichever holds values of the type, which has the
/// flags of onnxc_value_info. Element types are those of the file. Returns an empty string, or what is wrong with the
/// bytes.
std::string parseValue(const void *bytes, uint64_t size, int32_t type, Value &value);

/// The same from a file. The error names it.
std::string readValue(const std::string &path, int32_t type, Value &value);

/// Writes such a file. Returns an empty string, or the error; then the file may be there in part.
std::string writeValue(const std::string &path, const char *name, int32_t type, const onnxc_value &value);

/// Sets an input to a value, which must live on. Returns an empty string, or the error.
std::string setInput(const onnxc_model *model, onnxc_session *session, uint64_t index, const Value &value);

/// An output after a run: a view of the session's memory.
onnxc_value getOutput(const onnxc_model *model, const onnxc_session *session, uint64_t index);

#endif
