/*===- runtime/library/time-warping.c ----------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * DynamicTimeWarping (com.microsoft): the cheapest path through a matrix of costs from its first to its last element.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/library.h"

enum { Done = 0, NoMemory = -1 };

/* Where the path to an element came from. */
enum { Diagonal, Above, Left };

/* in: [rows, columns] or [1, rows, columns] of float. out: [2, steps], the row and the column of every step. */
int32_t onnxc_warp_time(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const float *costs = in[0]->data;
  int64_t rows = in[0]->dims[in[0]->count - 2], columns = in[0]->dims[in[0]->count - 1];
  uint64_t cells, bytes;
  if (__builtin_mul_overflow((uint64_t)rows, (uint64_t)columns, &cells) ||
      __builtin_mul_overflow((uint64_t)rows + 1, 2 * sizeof(float), &bytes))
    return NoMemory;
  /* of the paths to the elements of a column, and of the one before; row 0 is outside */
  float *total = onnxc_heap_allocate(heap, bytes);
  unsigned char *from = onnxc_heap_allocate(heap, cells);
  if (!total || !from)
    return NoMemory;
  float *before = total + rows + 1;
  for (int64_t i = 0; i <= rows; ++i)
    before[i] = i == 0 ? 0 : __builtin_inff();
  for (int64_t j = 0; j < columns; ++j) {
    total[0] = __builtin_inff();
    for (int64_t i = 0; i < rows; ++i) {
      float diagonal = before[i], above = total[i], left = before[i + 1];
      int way = diagonal < above && diagonal < left ? Diagonal : above < diagonal && above < left ? Above : Left;
      total[i + 1] = (way == Diagonal ? diagonal : way == Above ? above : left) + costs[i * columns + j];
      from[i * columns + j] = (unsigned char)way;
    }
    float *other = before;
    before = total;
    total = other;
  }
  for (int pass = 0; pass < 2; ++pass) { /* counts the steps, then writes them from the end */
    int64_t steps = 0, i = rows - 1, j = columns - 1;
    int32_t *path = pass ? out[0].data : 0;
    int64_t length = pass ? out[0].dims[1] : 0;
    while (i >= 0 && j >= 0) {
      ++steps;
      if (pass) {
        path[length - steps] = (int32_t)i;
        path[2 * length - steps] = (int32_t)j;
      }
      int way = from[i * columns + j];
      i -= way != Left;
      j -= way != Above;
    }
    int64_t dims[2] = {2, steps};
    if (!pass && !onnxc_make_tensor(heap, &out[0], dims))
      return NoMemory;
  }
  return Done;
}
