/*===- runtime/library/map.c -------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Maps become tensors, and rows of tensors maps.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/labels.h"

enum { Done = 0, NoMemory = -1, NegativeKey = 1 };

static int64_t entryCount(const onnxc_value *map) { return map->items[0].dims[0]; }

static void setZero(int32_t type, void *data, int64_t i) {
  if (type == ONNXC_STRING)
    ((const char **)data)[i] = "";
  else if (onnxc_element_size(type) == 8) /* of an integer and a double */
    ((int64_t *)data)[i] = 0;
  else
    ((int32_t *)data)[i] = 0;
}

static void copyElement(int32_t type, void *to, int64_t i, const void *from, int64_t j) {
  if (onnxc_element_size(type) == 8)
    ((uint64_t *)to)[i] = ((const uint64_t *)from)[j];
  else
    ((uint32_t *)to)[i] = ((const uint32_t *)from)[j];
}

/* in: [rows, n] of float32; keys [n]. out: a sequence of a map for each row. */
int32_t onnxc_zip_map(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  int64_t rows = in[0]->dims[0], count = in[1]->dims[0];
  uint64_t bytes = 0;
  if (__builtin_mul_overflow((uint64_t)rows, sizeof(onnxc_value) * 3, &bytes))
    return NoMemory;
  onnxc_value *sequence = onnxc_heap_keep(heap, sizeof(onnxc_value)), *maps = onnxc_heap_keep(heap, bytes);
  int64_t *dims = onnxc_heap_keep(heap, sizeof(int64_t));
  uint64_t *keys = onnxc_heap_keep(heap, count * sizeof(uint64_t));
  float *values = onnxc_heap_keep(heap, rows * count * sizeof(float));
  if (!sequence || !maps || !dims || !keys || !values)
    return NoMemory;
  *dims = count;
  for (int64_t i = 0; i < count; ++i)
    copyElement(in[1]->type, keys, i, in[1]->data, i);
  for (int64_t i = 0; i < rows * count; ++i)
    values[i] = ((const float *)in[0]->data)[i];
  onnxc_value *items = maps + rows;
  for (int64_t i = 0; i < rows; ++i, items += 2) {
    items[0] = (onnxc_value){ONNXC_KIND_TENSOR, in[1]->type, 1, dims, keys, NULL};
    items[1] = (onnxc_value){ONNXC_KIND_TENSOR, ONNXC_FLOAT, 1, dims, values + i * count, NULL};
    maps[i] = (onnxc_value){ONNXC_KIND_MAP, ONNXC_FLOAT, 2, NULL, NULL, items};
  }
  *sequence = (onnxc_value){ONNXC_KIND_SEQUENCE, ONNXC_FLOAT, rows, NULL, NULL, maps};
  out->data = sequence;
  return Done;
}

/* in: a map; sorted keys [n]; their places [n]. out: [1, n], in which an entry's value stands at the places of its key,
 * and zero elsewhere. Keys may be there several times. */
int32_t onnxc_map_lookup(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const onnxc_value *keys = &in[0]->items[0], *values = &in[0]->items[1];
  const int64_t *places = in[2]->data;
  int64_t count = in[1]->dims[0];
  for (int64_t i = 0; i < count; ++i)
    setZero(out->type, out->data, i);
  for (int64_t i = 0, size = entryCount(in[0]); i < size; ++i) {
    int64_t at = 0;
    if (keys->type == ONNXC_STRING) {
      const char *const *sorted = in[1]->data, *key = ((const char *const *)keys->data)[i];
      for (at = onnxc_first_not_below(sorted, count, key); at < count && !onnxc_compare_strings(sorted[at], key); ++at)
        copyElement(out->type, out->data, places[at], values->data, i);
    } else {
      const int64_t *sorted = in[1]->data, key = ((const int64_t *)keys->data)[i];
      int64_t end = count;
      while (at < end) {
        int64_t middle = at + (end - at) / 2;
        if (sorted[middle] < key)
          at = middle + 1;
        else
          end = middle;
      }
      for (; at < count && sorted[at] == key; ++at)
        copyElement(out->type, out->data, places[at], values->data, i);
    }
  }
  return Done;
}

/* Sorts the numbers of entries by their keys, in place: a heap whose root is the largest. */
static void sortByKey(const int64_t *keys, int64_t *order, int64_t count) {
  for (int64_t next = count / 2, end = count; end > 1;) {
    int64_t moved, hole;
    if (next > 0) {
      hole = --next;
      moved = order[hole];
    } else {
      hole = 0;
      moved = order[--end];
      order[end] = order[0];
    }
    for (int64_t child; (child = 2 * hole + 1) < end; hole = child) {
      if (child + 1 < end && keys[order[child]] < keys[order[child + 1]])
        ++child;
      if (keys[order[child]] <= keys[moved])
        break;
      order[hole] = order[child];
    }
    order[hole] = moved;
  }
}

/* in: a map from int64. out: [1, entries], its values by ascending keys. */
int32_t onnxc_map_values(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  int64_t dims[2] = {1, entryCount(in[0])};
  int64_t *order = onnxc_heap_allocate(heap, dims[1] * sizeof(int64_t));
  if (!order || !onnxc_make_tensor(heap, out, dims))
    return NoMemory;
  for (int64_t i = 0; i < dims[1]; ++i)
    order[i] = i;
  sortByKey(in[0]->items[0].data, order, dims[1]);
  for (int64_t i = 0; i < dims[1]; ++i)
    copyElement(out->type, out->data, i, in[0]->items[1].data, order[i]);
  return Done;
}

/* in: a map from int64; what stands where nothing else does. out: [1, n], the value of key i at i. */
int32_t onnxc_map_scatter(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const int64_t *keys = in[0]->items[0].data, count = out->dims[1];
  for (int64_t i = 0; i < count; ++i)
    copyElement(out->type, out->data, i, in[1]->data, 0);
  for (int64_t i = 0, size = entryCount(in[0]); i < size; ++i) {
    if (keys[i] < 0)
      return NegativeKey;
    if (keys[i] < count)
      copyElement(out->type, out->data, keys[i], in[0]->items[1].data, i);
  }
  return Done;
}
