/*===- test/fuzz/targets/target.h --------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * What the fuzz targets share: functions of the run-time library called as a compiled model calls them, in memory that
 * is bounded and whose every piece ends where it ends.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_FUZZ_TARGET_H
#define ONNXC_FUZZ_TARGET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "runtime/library/library.h"

/* One input of the fuzzer: a function that calls those of the library with this heap. What it has made is gone after
 * it. */
void fuzzInHeap(void (*body)(onnxc_heap *heap, const uint8_t *data, size_t size), const uint8_t *data, size_t size);

/* A tensor; the value points to `dims`. Of one that the function makes, they are -1. */
static inline onnxc_value fuzzTensor(int32_t type, int64_t rank, int64_t *dims, const void *data) {
  onnxc_value value = {ONNXC_KIND_TENSOR, type, rank, dims, (void *)data, NULL};
  return value;
}

/* Takes bytes up to the next `end`, or all there are, as text of its own; a zero ends it, too. */
char *fuzzText(onnxc_heap *heap, const uint8_t **data, size_t *size, char end);

/* The condition holds for every input. */
#define FUZZ_EXPECT(condition)                                                                                         \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                         \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

#ifdef __cplusplus
}
#endif
#endif
