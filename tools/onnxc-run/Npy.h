//===- tools/onnxc-run/Npy.h -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NumPy's files of one array: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_NPY_H
#define ONNXC_RUN_NPY_H

#include "Tensor.h"

/// Reads an array, in C's order of elements or Fortran's. `wanted` decides where NumPy has no type of its own: bytes
/// may be small floats or integers of less than 8 bits, two of them a bfloat16. Returns an empty string, or what is
/// wrong with the bytes.
std::string parseNpy(const void *bytes, uint64_t size, int32_t wanted, Tensor &tensor);

/// Writes one. Returns an empty string, or the error; then the file may be there in part.
std::string writeNpy(const std::string &path, const onnxc_value &tensor);

#endif
