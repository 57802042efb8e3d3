/*===- runtime/library/heap.c ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Memory that only the run knows the size of: from the caller's allocator, and back to it on every way out.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/library.h"

/* In front of every piece. 64 bytes, so that what follows is as aligned as it is. */
typedef struct Block {
  struct Block *next, **link; /* what points to this one */
  uint64_t size;              /* with this header */
  char unused[40];
} Block;
_Static_assert(sizeof(Block) == 64, "alignment");

struct onnxc_heap {
  onnxc_call *call;
  Block *temporary, *kept;
  char *small; /* the rest of the last block of small pieces */
  uint64_t smallLeft;
  int outOfMemory;
  /* Arrays that have grown, and how far. */
  struct {
    onnxc_value *items;
    int64_t used, capacity;
  } grown[4];
  unsigned oldest; /* of them */
};

static void *allocate(onnxc_heap *heap, Block **list, uint64_t size) {
  const onnxc_allocator *allocator = heap->call->allocator;
  Block *block = size > (UINT64_C(1) << 47) ? NULL : allocator->allocate(allocator->self, 64, size + sizeof(Block));
  if (!block) {
    heap->outOfMemory = 1;
    return NULL;
  }
  block->next = *list;
  block->link = list;
  block->size = size + sizeof(Block);
  if (block->next)
    block->next->link = &block->next;
  *list = block;
  return block + 1;
}

static void release(onnxc_call *call, Block *block) {
  while (block) {
    Block *next = block->next;
    call->allocator->release(call->allocator->self, block, block->size);
    block = next;
  }
}

uint64_t onnxc_heap_most_pixels(const onnxc_heap *heap) {
  return ONNXC_HAS(onnxc_call, heap->call, most_pixels) ? heap->call->most_pixels : 0;
}

void *onnxc_heap_allocate(onnxc_heap *heap, uint64_t size) { return allocate(heap, &heap->temporary, size); }

void *onnxc_heap_keep(onnxc_heap *heap, uint64_t size) {
  enum { Chunk = 8192 };
  size = ((size ? size : 1) + 15) & ~(uint64_t)15;
  if (size > Chunk / 4)
    return allocate(heap, &heap->kept, size);
  if (size > heap->smallLeft) {
    char *chunk = allocate(heap, &heap->kept, Chunk);
    if (!chunk)
      return NULL;
    heap->small = chunk;
    heap->smallLeft = Chunk;
  }
  void *piece = heap->small;
  heap->small += size;
  heap->smallLeft -= size;
  return piece;
}

onnxc_value *onnxc_heap_append(onnxc_heap *heap, const onnxc_value *items, int64_t count, int64_t more) {
  for (unsigned i = 0; items && i < 4; ++i)
    if (heap->grown[i].items == items && heap->grown[i].used == count && more <= heap->grown[i].capacity - count) {
      heap->grown[i].used += more;
      return heap->grown[i].items;
    }
  int64_t most = (INT64_C(1) << 47) / sizeof(onnxc_value);
  int64_t wanted = more > most - count ? most : count + more; /* of which there is none, too */
  int64_t capacity = items ? 2 * wanted : wanted;
  onnxc_value *grown = onnxc_heap_keep(heap, capacity * sizeof(onnxc_value));
  if (!grown)
    return NULL;
  if (count)
    __builtin_memcpy(grown, items, count * sizeof(onnxc_value));
  unsigned place = heap->oldest++ % 4;
  heap->grown[place].items = grown;
  heap->grown[place].used = wanted;
  heap->grown[place].capacity = capacity;
  return grown;
}

/* Bytes of a tensor; UINT64_MAX where a size is negative or the product has no meaning. */
static uint64_t byteSize(uint64_t bytes, int64_t rank, const int64_t *dims) {
  for (int64_t i = 0; i < rank; ++i)
    if (dims[i] < 0 || __builtin_mul_overflow(bytes, (uint64_t)dims[i], &bytes))
      return UINT64_MAX;
  return bytes;
}

/* For generated code: the buffer of a tensor, or NULL. */
void *onnxc_heap_buffer(onnxc_heap *heap, int32_t keep, uint64_t elementBytes, int64_t rank, const int64_t *dims) {
  return allocate(heap, keep ? &heap->kept : &heap->temporary, byteSize(elementBytes, rank, dims));
}

/* For generated code: gives a buffer that isn't kept back before the end of the run. */
void onnxc_heap_free(onnxc_heap *heap, void *data) {
  Block *block = (Block *)data - 1;
  *block->link = block->next;
  if (block->next)
    block->next->link = block->link;
  heap->call->allocator->release(heap->call->allocator->self, block, block->size);
}

/* For generated code: output `index` of the call is this tensor. */
void onnxc_heap_output(onnxc_heap *heap, int64_t index, void *data, int64_t rank, const int64_t *dims) {
  onnxc_tensor *output = &heap->call->outputs[index];
  output->data = data;
  for (int64_t i = 0; i < rank; ++i)
    output->dims[i] = dims[i];
}

/* What run() of a model is that allocates: `body` with a heap around it. */
int32_t onnxc_heap_run(onnxc_call *call, int32_t (*body)(onnxc_call *, onnxc_heap *)) {
  if (!ONNXC_HAS(onnxc_call, call, kept) || !call->allocator)
    return ONNXC_ERROR_ARGUMENT;
  onnxc_heap heap = {0};
  heap.call = call;
  call->kept = NULL;
  int32_t status = body(call, &heap);
  release(call, heap.temporary);
  if (status != ONNXC_OK) {
    release(call, heap.kept);
    if (!heap.outOfMemory)
      return status;
    call->error_site = -1;
    return ONNXC_ERROR_MEMORY;
  }
  call->kept = heap.kept;
  return ONNXC_OK;
}

/* release() of such a model. */
void onnxc_heap_release(onnxc_call *call) {
  release(call, call->kept);
  call->kept = NULL;
}

uint64_t onnxc_element_size(int32_t type) {
  switch (type) {
  case ONNXC_FLOAT:
  case ONNXC_INT32:
  case ONNXC_UINT32:
    return 4;
  case ONNXC_DOUBLE:
  case ONNXC_INT64:
  case ONNXC_UINT64:
  case ONNXC_STRING:
  case ONNXC_COMPLEX64:
    return 8;
  case ONNXC_COMPLEX128:
    return 16;
  case ONNXC_FLOAT16:
  case ONNXC_BFLOAT16:
  case ONNXC_INT16:
  case ONNXC_UINT16:
    return 2;
  default:
    return 1;
  }
}

int64_t onnxc_element_count(const onnxc_value *tensor) {
  int64_t count = 1;
  for (int64_t i = 0; i < tensor->count; ++i)
    count *= tensor->dims[i];
  return count;
}

int onnxc_make_tensor(onnxc_heap *heap, onnxc_value *out, const int64_t *dims) {
  for (int64_t i = 0; i < out->count; ++i) {
    if (out->dims[i] >= 0 && out->dims[i] != dims[i])
      return 0;
    out->dims[i] = dims[i];
  }
  out->data = allocate(heap, &heap->temporary, byteSize(onnxc_element_size(out->type), out->count, dims));
  return out->data != NULL;
}
