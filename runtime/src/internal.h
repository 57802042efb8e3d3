/*===- runtime/src/internal.h ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * What the source files of the runtime share and programs don't see.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_RUNTIME_INTERNAL_H
#define ONNXC_RUNTIME_INTERNAL_H

#include "hash.h"
#include "onnxc/runtime.h"

struct onnxc_library {
  const onnxc_model *model;
  const void *weights;
  onnxc_allocator allocator;
  void *handle;       /* of dlopen, or NULL */
  void *mapping;      /* of the weights file, or NULL */
  size_t mapped_size; /* bytes */
};

/* Writes the text, if there is room for one, and returns `status`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
onnxc_status
onnxc_fail(onnxc_error *error, onnxc_status status, const char *format, ...);

/* Bytes of a tensor, or -1 when they don't fit into 63 bits. A tensor without dims (rank 0) has one element. */
int64_t onnxc_byte_size(int32_t type, int32_t rank, const int64_t *dims);

extern const onnxc_allocator onnxc_default_allocator;

#endif
