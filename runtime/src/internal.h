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
onnxc_status onnxc_fail(onnxc_error *error, onnxc_status status, const char *format, ...);

/* onnxc_check of a model that messages call by its file; NULL: by its own name. */
onnxc_status onnxc_check_file(const onnxc_model *model, const char *file, onnxc_error *error);

/* Bytes of a tensor, or -1 when they don't fit into 63 bits. A tensor without dims (rank 0) has one element. */
int64_t onnxc_byte_size(int32_t type, int32_t rank, const int64_t *dims);

/* Whether the type is one of tensors, rather than sequences, optionals or maps of them. */
static inline int onnxc_is_tensor(int32_t type) { return !(type & (ONNXC_SEQUENCE | ONNXC_OPTIONAL | ONNXC_MAP)); }

/* The element type of a map's keys. */
static inline int32_t onnxc_key_type(int32_t type) { return ONNXC_ELEMENT_TYPE(type >> 16); }

/* Whether run() allocates this output: nobody knows how much memory it needs before. */
int onnxc_is_allocated(const onnxc_value_info *output);

/* Whether the table is that of a model that allocates: `release` came later than the first tables. */
static inline int onnxc_has_release(const onnxc_model *model) {
  return ONNXC_HAS(onnxc_model, model, release) && model->release;
}

/* How many outputs have a rank that only the run knows: `rank_output_count` came later, too. */
static inline uint64_t onnxc_rank_output_count(const onnxc_model *model) {
  return model->struct_size >= offsetof(onnxc_model, rank_outputs) + sizeof(model->rank_outputs)
             ? model->rank_output_count
             : 0;
}

/* Checks everything that a model will read of an input whose dims have been checked, other than the numbers in it. */
onnxc_status onnxc_check_data(const onnxc_value_info *info, const onnxc_tensor *input, onnxc_error *error);

extern const onnxc_allocator onnxc_default_allocator;

#endif
