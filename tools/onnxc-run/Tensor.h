//===- tools/onnxc-run/Tensor.h ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A tensor in memory, and its reading from and writing to the TensorProto files of ONNX test data.
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_TENSOR_H
#define ONNXC_RUN_TENSOR_H

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

struct FreeMemory {
  void operator()(void *memory) const { free(memory); }
};

struct Tensor {
  std::string name;
  int32_t type = 0; // onnxc_type
  std::vector<int64_t> dims;
  uint64_t size = 0;                        // bytes
  std::unique_ptr<void, FreeMemory> memory; // 64-byte aligned, never null once allocated
};

/// Sets `size` from type and dims and gets zeroed memory. False when the size overflows, or there is no memory for it.
bool allocate(Tensor &tensor);

/// Reads a TensorProto. Returns an empty string, or what is wrong with the bytes (without the file's name).
std::string parseTensor(const void *bytes, uint64_t size, Tensor &tensor);

/// The same from a file. The error names it.
std::string readTensor(const std::string &path, Tensor &tensor);

/// Writes a TensorProto with raw data. Returns an empty string, or the error; then the file may be there in part.
std::string writeTensor(const std::string &path, const char *name, int32_t type, const int64_t *dims, int32_t rank,
                        const void *data, uint64_t size);

#endif
