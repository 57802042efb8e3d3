/*===- runtime/library/suffix.c ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * BifurcationDetector (com.microsoft): which predicted tokens to take, and where the end of the text stands in its
 * source.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/library.h"

/* The failures, as the operator lists them. */
enum { Done = 0, NoMemory = -1, BadIndex = 1, BadLength = 2 };

/* Where `count` items lie in `source` from `from` on; -1 if nowhere. */
static int64_t find(const int64_t *source, int64_t length, int64_t from, const int64_t *items, int64_t count) {
  for (; from <= length - count; ++from) {
    int64_t same = 0;
    while (same < count && source[from + same] == items[same])
      ++same;
    if (same == count)
      return from;
  }
  return -1;
}

/* in: source, present tokens, [index in the source of what is predicted], [min, max] of the suffix; and the predicted
 * tokens, where there are any. out: where the suffix is; the present tokens and those predicted ones that agree with
 * the source, with the first that does not. */
int32_t onnxc_detect_bifurcation(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const int64_t *source = in[0]->data, *present = in[1]->data, *sizes = in[3]->data;
  int64_t length = in[0]->dims[0], count = in[1]->dims[0], taken = 0, hasPredicted = sizes[2];
  const int64_t *predicted = hasPredicted ? in[4]->data : 0;
  if (hasPredicted) {
    if (onnxc_element_count(in[2]) < 1)
      return BadIndex;
    int64_t from = *(const int64_t *)in[2]->data;
    if (from < 0 || from > length)
      return BadIndex;
    if (in[4]->dims[0] != length + 1 - from)
      return BadLength;
    while (taken < length - from && predicted[taken] == source[from + taken])
      ++taken;
    ++taken;
  }
  int64_t total = count + taken;
  if (!onnxc_make_tensor(heap, &out[1], &total))
    return NoMemory;
  int64_t *tokens = out[1].data;
  for (int64_t i = 0; i < total; ++i)
    tokens[i] = i < count ? present[i] : predicted[i - count];

  /* Behind the suffix in the source: of the longest suffix that is there, if it is there once. */
  int64_t index = -1;
  for (int64_t n = sizes[0]; n <= sizes[1] && n <= total; ++n) {
    const int64_t *suffix = tokens + total - n;
    int64_t place = find(source, length, 0, suffix, n);
    if (place < 0)
      break;
    index = place + n;
    if (index >= length)
      break;
    if (find(source, length, place + 1, suffix, n) >= 0)
      index = -1;
  }
  int64_t *indices = out[0].data;
  for (int64_t i = 0, n = onnxc_element_count(&out[0]); i < n; ++i)
    indices[i] = index;
  return Done;
}
