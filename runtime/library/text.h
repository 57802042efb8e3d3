/*===- runtime/library/text.h ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Zero-terminated strings without a C library.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_TEXT_H
#define ONNXC_LIBRARY_TEXT_H

#include "runtime/library/library.h"

static inline uint64_t onnxc_text_length(const char *text) {
  uint64_t length = 0;
  while (text[length])
    ++length;
  return length;
}

/* Below, at or above 0, as bytes are ordered: that is the order of the letters, too. */
static inline int onnxc_text_compare(const char *a, const char *b) {
  while (*a && *a == *b)
    ++a, ++b;
  return (unsigned char)*a - (unsigned char)*b;
}

static inline void onnxc_text_copy(char *to, const char *from, uint64_t length) {
  for (uint64_t i = 0; i < length; ++i)
    to[i] = from[i];
}

/* A copy of the bytes, as an element of a tensor; NULL without memory. */
static inline const char *onnxc_text_make(onnxc_heap *heap, const char *bytes, uint64_t length) {
  if (length == 0)
    return "";
  char *text = (char *)onnxc_heap_keep(heap, length + 1);
  if (text) {
    onnxc_text_copy(text, bytes, length);
    text[length] = 0;
  }
  return text;
}

#endif
