/*===- runtime/library/sort.h ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * A stable merge sort of numbers of items.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_SORT_H
#define ONNXC_LIBRARY_SORT_H

#include <stdint.h>

/* Merges runs of 1, 2, 4, ... of `count` items, by turns into `other` and back; the result is the one of both that was
 * written last. An item goes before one that stood in front of it only where comesBefore(context, item, that one). */
static inline int64_t *onnxc_sort(int64_t *items, int64_t *other, int64_t count,
                                  int (*comesBefore)(const void *, int64_t, int64_t), const void *context) {
  for (int64_t run = 1; run < count; run *= 2) {
    for (int64_t start = 0; start < count; start += 2 * run) {
      int64_t middle = start + run < count ? start + run : count;
      int64_t end = start + 2 * run < count ? start + 2 * run : count;
      for (int64_t i = start, j = middle, k = start; k < end; ++k)
        other[k] = i < middle && (j == end || !comesBefore(context, items[j], items[i])) ? items[i++] : items[j++];
    }
    int64_t *swap = items;
    items = other;
    other = swap;
  }
  return items;
}

#endif
