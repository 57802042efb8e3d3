//===- tools/onnxc-run/Tensor.h ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A tensor in memory, and its reading from and writing to the TensorProto files of ONNX test data.
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_TENSOR_H
#define ONNXC_RUN_TENSOR_H

#include "onnxc/abi.h"
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct FreeMemory {
  void operator()(void *memory) const { free(memory); }
};

struct Tensor {
  std::string name;
  int32_t type = 0; // onnxc_type
  std::vector<int64_t> dims;
  uint64_t size = 0;                        // bytes
  std::unique_ptr<void, FreeMemory> memory; // 64-byte aligned, never null once allocated; strings follow their pointers
};

/// Sets `size` from type and dims and gets zeroed memory. False when the size overflows, or there is no memory for it.
bool allocate(Tensor &tensor);

/// Makes it one of strings, which are copied; their number must fit the dims. False when there is no memory.
bool setStrings(Tensor &tensor, const std::vector<std::string_view> &strings);

/// Reads a TensorProto. Returns an empty string, or what is wrong with the bytes (without the file's name).
std::string parseTensor(const void *bytes, uint64_t size, Tensor &tensor);

/// The same from a file. The error names it.
std::string readTensor(const std::string &path, Tensor &tensor);

/// What `parse` says of the bytes of a file, or why there are none. The error names the file.
std::string readFile(const std::string &path, const std::function<std::string(const void *, uint64_t)> &parse);

/// Data sets of ONNX 1.14 to 1.17 have bfloat16 as uint16: such a tensor is taken as bits where a model has bfloat16.
void adoptType(onnxc_value &tensor, int32_t type);

/// The bytes of a TensorProto with raw data, or with strings: `size` is that of the elements in memory.
std::string serializeTensor(const char *name, int32_t type, const int64_t *dims, int64_t rank, const void *data,
                            uint64_t size);

/// The same to a file. Returns an empty string, or the error; then the file may be there in part.
std::string writeTensor(const std::string &path, const char *name, int32_t type, const int64_t *dims, int32_t rank,
                        const void *data, uint64_t size);

/// Writes `head`, then `data`.
std::string writeFile(const std::string &path, std::string head, const void *data = nullptr, uint64_t size = 0);

#endif
