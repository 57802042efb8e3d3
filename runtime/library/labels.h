/*===- runtime/library/labels.h ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Sorted lists of strings.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_LABELS_H
#define ONNXC_LIBRARY_LABELS_H

#include "runtime/library/library.h"

/* Below, at or above 0, as the bytes are ordered. */
static inline int onnxc_compare_strings(const char *a, const char *b) {
  while (*a && *a == *b)
    ++a, ++b;
  return (unsigned char)*a - (unsigned char)*b;
}

/* The first of `count` sorted keys that is not below the string. */
static inline int64_t onnxc_first_not_below(const char *const *keys, int64_t count, const char *string) {
  int64_t low = 0;
  while (low < count) {
    int64_t middle = low + (count - low) / 2;
    if (onnxc_compare_strings(keys[middle], string) < 0)
      low = middle + 1;
    else
      count = middle;
  }
  return low;
}

#endif
