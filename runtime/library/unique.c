/*===- runtime/library/unique.c ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Unique (ai.onnx, since version 11): a stable merge sort puts equal items side by side, the first of them in front.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/library.h"
#include "runtime/library/sort.h"

enum { Done = 0, NoMemory = -1 };

/* The items: slices [before, i, after] of a tensor [before, count, after]. */
typedef struct Items {
  const char *data;
  int32_t type;
  uint64_t size; /* bytes of an element */
  int64_t before, count, after;
} Items;

#define COMPARE(x, y) (((x) > (y)) - ((x) < (y)))

/* NaN is after all numbers. */
static int compareFloat(double x, double y) {
  if (x != x || y != y)
    return (x != x) - (y != y);
  return COMPARE(x, y);
}

/* A float of 16 bits as an integer of the same order; `infinity` is the bits of its infinity. */
static int32_t order16(uint16_t bits, uint16_t infinity) {
  int32_t magnitude = bits & 0x7fff;
  return magnitude > infinity ? INT32_MAX : bits & 0x8000 ? -magnitude : magnitude;
}

static int compareText(const char *x, const char *y) {
  while (*x && *x == *y)
    ++x, ++y;
  return COMPARE((unsigned char)*x, (unsigned char)*y);
}

static int compareElement(int32_t type, const char *x, const char *y) {
#define AS(T) COMPARE(*(const T *)x, *(const T *)y)
  switch (type) {
  case ONNXC_FLOAT:
    return compareFloat(*(const float *)x, *(const float *)y);
  case ONNXC_DOUBLE:
    return compareFloat(*(const double *)x, *(const double *)y);
  case ONNXC_COMPLEX64: {
    int real = compareFloat(*(const float *)x, *(const float *)y);
    return real ? real : compareFloat(((const float *)x)[1], ((const float *)y)[1]);
  }
  case ONNXC_COMPLEX128: {
    int real = compareFloat(*(const double *)x, *(const double *)y);
    return real ? real : compareFloat(((const double *)x)[1], ((const double *)y)[1]);
  }
  case ONNXC_FLOAT16:
  case ONNXC_BFLOAT16: {
    uint16_t infinity = type == ONNXC_FLOAT16 ? 0x7c00 : 0x7f80;
    int32_t a = order16(*(const uint16_t *)x, infinity), b = order16(*(const uint16_t *)y, infinity);
    return COMPARE(a, b);
  }
  case ONNXC_STRING:
    return compareText(*(const char *const *)x, *(const char *const *)y);
  case ONNXC_INT8:
    return AS(int8_t);
  case ONNXC_INT16:
    return AS(int16_t);
  case ONNXC_INT32:
    return AS(int32_t);
  case ONNXC_INT64:
    return AS(int64_t);
  case ONNXC_UINT16:
    return AS(uint16_t);
  case ONNXC_UINT32:
    return AS(uint32_t);
  case ONNXC_UINT64:
    return AS(uint64_t);
  default: /* uint8, bool */
    return AS(uint8_t);
  }
#undef AS
}

static int compare(const Items *items, int64_t i, int64_t j) {
  for (int64_t b = 0; b < items->before; ++b)
    for (int64_t a = 0; a < items->after; ++a) {
      const char *x = items->data + ((b * items->count + i) * items->after + a) * items->size;
      const char *y = items->data + ((b * items->count + j) * items->after + a) * items->size;
      int order = compareElement(items->type, x, y);
      if (order)
        return order;
    }
  return 0;
}

static int comesBefore(const void *items, int64_t i, int64_t j) { return compare(items, i, j) < 0; }

/* in: a tensor; [axis, sorted], axis -1 for the elements of the flat tensor. out: the distinct items, where each was
 * first, which of them every one of the input is, how often each is there. */
int32_t onnxc_unique(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  int64_t axis = *(const int64_t *)in[1]->data, isSorted = ((const int64_t *)in[1]->data)[1];
  Items items = {in[0]->data, in[0]->type, onnxc_element_size(in[0]->type), 1, 1, 1};
  for (int64_t i = 0; i < in[0]->count; ++i)
    *(axis < 0 || i == axis ? &items.count : i < axis ? &items.before : &items.after) *= in[0]->dims[i];
  if (!items.after)
    items.before = 0; /* items of nothing, of which each is in any number of pieces */
  uint64_t bytes = 0;
  if (__builtin_mul_overflow((uint64_t)items.count, 8, &bytes))
    return NoMemory;
  int64_t *order = onnxc_heap_allocate(heap, bytes), *other = onnxc_heap_allocate(heap, bytes);
  int64_t *first = onnxc_heap_allocate(heap, bytes), *counts = onnxc_heap_allocate(heap, bytes);
  if (!order || !other || !first || !counts || !onnxc_make_tensor(heap, &out[2], &items.count))
    return NoMemory;
  int64_t *inverse = out[2].data;
  /* groups in sorted order */
  for (int64_t i = 0; i < items.count; ++i)
    order[i] = i;
  int64_t *sorted = onnxc_sort(order, other, items.count, comesBefore, &items), groups = 0;
  for (int64_t i = 0; i < items.count; ++i) {
    if (i == 0 || compare(&items, sorted[i - 1], sorted[i]) != 0) {
      first[groups] = sorted[i];
      counts[groups++] = 0;
    }
    ++counts[groups - 1];
    inverse[sorted[i]] = groups - 1;
  }
  /* place[g]: where group g goes */
  int64_t *place = sorted == order ? other : order;
  if (isSorted) {
    for (int64_t g = 0; g < groups; ++g)
      place[g] = g;
  } else {
    for (int64_t i = 0, next = 0; i < items.count; ++i)
      if (first[inverse[i]] == i)
        place[inverse[i]] = next++;
  }
  for (int64_t i = 0; i < items.count; ++i)
    inverse[i] = place[inverse[i]];

  int64_t dims[64], rank = axis < 0 ? 1 : in[0]->count;
  for (int64_t i = 0; i < rank; ++i)
    dims[i] = axis < 0 || i == axis ? groups : in[0]->dims[i];
  if (!onnxc_make_tensor(heap, &out[0], dims) || !onnxc_make_tensor(heap, &out[1], &groups) ||
      !onnxc_make_tensor(heap, &out[3], &groups))
    return NoMemory;
  for (int64_t g = 0; g < groups; ++g) {
    ((int64_t *)out[1].data)[place[g]] = first[g];
    ((int64_t *)out[3].data)[place[g]] = counts[g];
    for (int64_t b = 0; b < items.before; ++b) {
      const char *from = items.data + (b * items.count + first[g]) * items.after * items.size;
      char *to = (char *)out[0].data + (b * groups + place[g]) * items.after * items.size;
      for (uint64_t i = 0, n = items.after * items.size; i < n; ++i)
        to[i] = from[i];
    }
  }
  return Done;
}
