/*===- runtime/library/sequence.c --------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Sequences of tensors, and optional values. Nothing in them ever changes, so sequences share their tensors, and what
 * is taken out of one is the tensor itself.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/library.h"

enum { Done = 0, NoMemory = -1 };

/*===- Values --------------------------------------------------------------------------===*/

static int64_t number(const onnxc_value *tensor, int64_t i) {
  return tensor->type == ONNXC_INT32 ? ((const int32_t *)tensor->data)[i] : ((const int64_t *)tensor->data)[i];
}

static void *keepCopy(onnxc_heap *heap, const void *from, uint64_t size) {
  void *to = onnxc_heap_keep(heap, size);
  if (to)
    __builtin_memcpy(to, from, size);
  return to;
}

/* Makes `to` a tensor of these sizes that lasts. Its elements are not set. */
static int keepTensor(onnxc_heap *heap, onnxc_value *to, int32_t type, int64_t rank, const int64_t *dims) {
  *to = (onnxc_value){ONNXC_KIND_TENSOR, type, rank, NULL, NULL, NULL};
  to->dims = keepCopy(heap, dims, rank * sizeof(int64_t));
  if (!to->dims)
    return 0;
  to->data = onnxc_heap_keep(heap, onnxc_element_count(to) * onnxc_element_size(type));
  return to->data != NULL;
}

static int keepTensorCopy(onnxc_heap *heap, onnxc_value *to, const onnxc_value *from) {
  if (!keepTensor(heap, to, from->type, from->count, from->dims))
    return 0;
  __builtin_memcpy(to->data, from->data, onnxc_element_count(from) * onnxc_element_size(from->type));
  return 1;
}

/* Result `out` is this handle. */
static int32_t give(onnxc_value *out, const onnxc_value *value) {
  out->data = (void *)value;
  return value ? Done : NoMemory;
}

static int32_t giveSequence(onnxc_heap *heap, onnxc_value *out, int32_t type, int64_t count, onnxc_value *items) {
  onnxc_value sequence = {ONNXC_KIND_SEQUENCE, type, count, NULL, NULL, items};
  return give(out, items || !count ? keepCopy(heap, &sequence, sizeof(sequence)) : NULL);
}

/* Result `out` is this tensor, if it has the expected shape. */
static int giveTensor(onnxc_value *out, const onnxc_value *tensor) {
  if (tensor->count != out->count)
    return 0;
  for (int64_t i = 0; i < out->count; ++i) {
    if (out->dims[i] >= 0 && out->dims[i] != tensor->dims[i])
      return 0;
    out->dims[i] = tensor->dims[i];
  }
  out->data = tensor->data;
  return 1;
}

static int copyTree(onnxc_heap *heap, onnxc_value *to, const onnxc_value *from) {
  if (from->kind == ONNXC_KIND_TENSOR) {
    if (!keepTensorCopy(heap, to, from))
      return 0;
    if (from->type != ONNXC_STRING)
      return 1;
    const char **strings = to->data;
    for (int64_t i = 0, n = onnxc_element_count(to); i < n; ++i) {
      uint64_t length = 0;
      while (strings[i][length])
        ++length;
      strings[i] = keepCopy(heap, strings[i], length + 1);
      if (!strings[i])
        return 0;
    }
    return 1;
  }
  *to = *from;
  if (from->kind == ONNXC_KIND_NONE)
    return 1;
  to->items = onnxc_heap_keep(heap, from->count * sizeof(onnxc_value));
  if (!to->items)
    return 0;
  for (int64_t i = 0; i < from->count; ++i)
    if (!copyTree(heap, &to->items[i], &from->items[i]))
      return 0;
  return 1;
}

/* in: a value. out: the same, in memory of its own: outputs don't lie in what the caller gave as inputs. */
int32_t onnxc_value_copy(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  onnxc_value *value = onnxc_heap_keep(heap, sizeof(onnxc_value));
  return give(out, value && copyTree(heap, value, in[0]) ? value : NULL);
}

/*===- Sequences -----------------------------------------------------------------------===*/

/* The index that `position` is among `count`, counted from the back where it is negative. -1 when there is none. */
static int64_t find(int64_t position, int64_t count) {
  return position < -count || position >= count ? -1 : position < 0 ? position + count : position;
}

/* in: [element type, count], then the tensors. out: the sequence. */
int32_t onnxc_sequence_make(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  int64_t count = number(in[0], 1);
  onnxc_value *items = onnxc_heap_append(heap, NULL, 0, count);
  for (int64_t i = 0; items && i < count; ++i)
    if (!keepTensorCopy(heap, &items[i], in[1 + i]))
      return NoMemory;
  return giveSequence(heap, out, (int32_t)number(in[0], 0), count, items);
}

/* in: a sequence and a tensor. out: the sequence with the tensor at its end. */
int32_t onnxc_sequence_append(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  int64_t count = in[0]->count;
  onnxc_value *items = onnxc_heap_append(heap, in[0]->items, count, 1);
  if (!items || !keepTensorCopy(heap, &items[count], in[1]))
    return NoMemory;
  return giveSequence(heap, out, in[1]->type, count + 1, items);
}

/* in: a sequence, a tensor, a position. out: the sequence with the tensor there. 1: no such position. */
int32_t onnxc_sequence_insert(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  int64_t count = in[0]->count, position = number(in[2], 0);
  if (position == count)
    return onnxc_sequence_append(heap, in, out);
  position = find(position, count);
  if (position < 0)
    return 1;
  onnxc_value *items = onnxc_heap_keep(heap, (count + 1) * sizeof(onnxc_value));
  if (!items || !keepTensorCopy(heap, &items[position], in[1]))
    return NoMemory;
  __builtin_memcpy(items, in[0]->items, position * sizeof(onnxc_value));
  __builtin_memcpy(items + position + 1, in[0]->items + position, (count - position) * sizeof(onnxc_value));
  return giveSequence(heap, out, in[1]->type, count + 1, items);
}

/* in: a sequence, a position. out: the sequence without the tensor there. 1: no such position. */
int32_t onnxc_sequence_erase(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  int64_t count = in[0]->count, position = find(number(in[1], 0), count);
  onnxc_value *items = in[0]->items;
  if (position < 0)
    return 1;
  if (position == 0) { /* what is left lies there already */
    ++items;
  } else if (position < count - 1) {
    items = onnxc_heap_keep(heap, (count - 1) * sizeof(onnxc_value));
    if (!items)
      return NoMemory;
    __builtin_memcpy(items, in[0]->items, position * sizeof(onnxc_value));
    __builtin_memcpy(items + position, in[0]->items + position + 1, (count - 1 - position) * sizeof(onnxc_value));
  }
  return giveSequence(heap, out, in[0]->type, count - 1, items);
}

/* in: a sequence, a position. out: the tensor there. 1: no such position. 2: the tensor has another shape. */
int32_t onnxc_sequence_at(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  int64_t position = find(number(in[1], 0), in[0]->count);
  if (position < 0)
    return 1;
  return giveTensor(out, &in[0]->items[position]) ? Done : 2;
}

/* in: a sequence. out: a scalar that has its memory, the length. */
int32_t onnxc_sequence_length(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  *(int64_t *)out->data = in[0]->count;
  return Done;
}

/* Elements before `axis`, and bytes of one step along it. */
static int64_t countOuter(const onnxc_value *tensor, int64_t axis) {
  int64_t count = 1;
  for (int64_t i = 0; i < axis; ++i)
    count *= tensor->dims[i];
  return count;
}
static uint64_t countInner(const onnxc_value *tensor, int64_t axis) {
  uint64_t bytes = onnxc_element_size(tensor->type);
  for (int64_t i = axis; i < tensor->count; ++i)
    bytes *= tensor->dims[i];
  return bytes;
}

/* in: a tensor, the sizes of the parts (scalar: of each part, the last may be smaller), [axis, whether parts are
 * without the axis]. out: the sequence of the parts. 1: a size that none can be. 2: they don't sum up to the whole. */
int32_t onnxc_sequence_split(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  enum { MostDims = 64 };
  const onnxc_value *tensor = in[0], *split = in[1];
  int64_t axis = number(in[2], 0), drop = number(in[2], 1), whole = tensor->dims[axis], parts = 0;
  int isVector = split->count == 1;
  if (isVector) {
    int64_t left = whole;
    parts = split->dims[0];
    for (int64_t i = 0; i < parts; ++i) {
      int64_t size = number(split, i);
      if (size < 0)
        return 1;
      if (size > left)
        return 2;
      left -= size;
    }
    if (left)
      return 2;
  } else {
    int64_t size = number(split, 0);
    if (size <= 0)
      return 1;
    parts = whole / size + (whole % size != 0);
  }
  onnxc_value *items = onnxc_heap_append(heap, NULL, 0, parts);
  if (!items)
    return NoMemory;
  int64_t dims[MostDims], outer = countOuter(tensor, axis), start = 0;
  uint64_t step = countInner(tensor, axis + 1);
  if (!step)
    outer = 0; /* any number of rows of nothing */
  for (int64_t i = 0; i < parts; ++i) {
    int64_t size = number(split, isVector ? i : 0);
    size = size < whole - start ? size : whole - start;
    for (int64_t d = 0, at = 0; d < tensor->count; ++d)
      if (d != axis || !drop)
        dims[at++] = d == axis ? size : tensor->dims[d];
    if (!keepTensor(heap, &items[i], tensor->type, tensor->count - drop, dims))
      return NoMemory;
    for (int64_t row = 0; row < outer; ++row)
      __builtin_memcpy((char *)items[i].data + row * size * step,
                       (const char *)tensor->data + (row * whole + start) * step, size * step);
    start += size;
  }
  return giveSequence(heap, out, tensor->type, parts, items);
}

/* in: a sequence, [axis of the result, whether it is new]. out: the tensors behind each other along it. 1: there are
 * none. 2: their shapes don't fit. 3: the result has another shape than expected. */
int32_t onnxc_sequence_concat(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  enum { MostDims = 64 };
  int64_t axis = number(in[1], 0), isNew = number(in[1], 1), count = in[0]->count, rank = out->count - isNew;
  const onnxc_value *items = in[0]->items;
  if (count == 0)
    return 1;
  int64_t dims[MostDims], whole = isNew ? count : 0;
  for (int64_t n = 0; n < count; ++n) {
    if (items[n].count != rank)
      return n ? 2 : 3;
    for (int64_t i = 0; i < rank; ++i)
      if ((isNew || i != axis) && items[n].dims[i] != items[0].dims[i])
        return 2;
    if (!isNew && __builtin_add_overflow(whole, items[n].dims[axis], &whole))
      return 2;
  }
  for (int64_t i = 0, at = 0; i < out->count; ++i) {
    dims[i] = i == axis ? whole : items[0].dims[at];
    at += !isNew || i != axis;
  }
  if (!onnxc_make_tensor(heap, out, dims))
    return 3;
  uint64_t row = countInner(out, axis);
  int64_t outer = row ? countOuter(out, axis) : 0; /* any number of rows of nothing */
  char *to = out->data;
  for (int64_t n = 0; n < count; ++n) {
    uint64_t part = countInner(&items[n], axis); /* with a new axis: one step along it */
    for (int64_t i = 0; i < outer; ++i)
      __builtin_memcpy(to + i * row, (const char *)items[n].data + i * part, part);
    to += part;
  }
  return Done;
}

/*===- Optional values: none, or the tensor or sequence itself -------------------------===*/

/* in: [element type]. out: an optional value without an element. */
int32_t onnxc_optional_none(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  onnxc_value none = {ONNXC_KIND_NONE, (int32_t)number(in[0], 0), 0, NULL, NULL, NULL};
  return give(out, keepCopy(heap, &none, sizeof(none)));
}

/* in: a tensor. out: an optional value with it. */
int32_t onnxc_optional_tensor(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  onnxc_value *value = onnxc_heap_keep(heap, sizeof(onnxc_value));
  return give(out, value && keepTensorCopy(heap, value, in[0]) ? value : NULL);
}

/* in: an optional value. out: a bool that has its memory, whether there is an element. */
int32_t onnxc_optional_has(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  *(uint8_t *)out->data = in[0]->kind != ONNXC_KIND_NONE;
  return Done;
}

/* in: an optional value. out: its element, a sequence. 1: there is none. */
int32_t onnxc_optional_get(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  return in[0]->kind == ONNXC_KIND_NONE ? 1 : give(out, in[0]);
}

/* in: an optional value. out: its element, a tensor. 1: there is none. 2: it has another shape. */
int32_t onnxc_optional_get_tensor(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  return in[0]->kind == ONNXC_KIND_NONE ? 1 : giveTensor(out, in[0]) ? Done : 2;
}
