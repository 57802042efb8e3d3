/*===- runtime/library/library.h ---------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * C functions that a compiled model calls for what generated loops are no good at: text, sequences, results whose size
 * shows only while they are computed.
 *===--------------------------------------------------------------------------------===
 *
 * Compiled as bitcode together with runtime/support; a model gets those that it calls, and nothing else. They call
 * nothing outside of themselves. A function that the compiler calls (rt.call of dialects/rt) has the type
 * onnxc_function:
 *
 *   in[k]    the inputs: tensors, and values of other kinds. Read only; what is in them never changes.
 *   out[k]   first the tensors that the caller has the memory for: kind, type, dims and data are set, the function
 * writes the data. Then those that the function makes: kind and type are set, `count` and `dims` say what is expected
 *            (-1: any size), and onnxc_make_tensor or onnxc_make_value gives them memory.
 *   result   0, or the number of the failure as rt.call lists them, from 1 on. Sizes and values are as untrusted as the
 *            model's inputs.
 */
#ifndef ONNXC_LIBRARY_H
#define ONNXC_LIBRARY_H

#include "onnxc/abi.h"
#include <stddef.h>
#include <stdint.h>

/* The memory of one run. */
typedef struct onnxc_heap onnxc_heap;
typedef int32_t onnxc_function(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out);

/* Memory until the end of the run, 64-byte aligned. NULL when there is none; the run then ends with
 * ONNXC_ERROR_MEMORY, whatever else the function returns. */
void *onnxc_heap_allocate(onnxc_heap *heap, uint64_t size);
/* Memory as long as that of the outputs, 16-byte aligned: for what sequences and strings are made of. */
void *onnxc_heap_keep(onnxc_heap *heap, uint64_t size);
/* The `count` items with room for `more` behind them that is nobody else's: where they lie, if the room there is free,
 * so that a sequence grows by one after the other without being copied each time. */
onnxc_value *onnxc_heap_append(onnxc_heap *heap, const onnxc_value *items, int64_t count, int64_t more);

/* onnxc_call.most_pixels. */
uint64_t onnxc_heap_most_pixels(const onnxc_heap *heap);

/* Gives out[k] of kind ONNXC_KIND_TENSOR its memory and these dims, as many as its count says. 0 when the dims aren't
 * those that are expected or there is no memory. */
int onnxc_make_tensor(onnxc_heap *heap, onnxc_value *out, const int64_t *dims);

/* Bytes of an element; 8 for a string. */
uint64_t onnxc_element_size(int32_t type);
/* Number of elements. */
int64_t onnxc_element_count(const onnxc_value *tensor);

#endif
