/*===- test/fuzz/targets/heap.c ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The heap of a compiled model, but for small pieces that share memory: here the sanitizer sees where each one ends.
 *===--------------------------------------------------------------------------------===*/
#include "target.h"

#define onnxc_heap_keep keepAmongOthers
#include "runtime/library/heap.c"
#undef onnxc_heap_keep

void *onnxc_heap_keep(onnxc_heap *heap, uint64_t size) { return allocate(heap, &heap->kept, size ? size : 1); }

enum { MostBytes = 1 << 28, MostPixels = 1 << 20 };
static uint64_t used;

static void *allocateBounded(void *self, size_t alignment, size_t size) {
  (void)self;
  void *memory;
  if (size > MostBytes - used || posix_memalign(&memory, alignment, size) != 0)
    return NULL;
  used += size;
  memset(memory, 0xA5, size); /* as in a model, nothing says that it is 0 */
  return memory;
}

static void releaseBounded(void *self, void *memory, size_t size) {
  (void)self;
  used -= size;
  free(memory);
}

static struct {
  void (*run)(onnxc_heap *heap, const uint8_t *data, size_t size);
  const uint8_t *data;
  size_t size;
} current;

static int32_t runCurrent(onnxc_call *call, onnxc_heap *heap) {
  (void)call;
  current.run(heap, current.data, current.size);
  return ONNXC_OK;
}

void fuzzInHeap(void (*body)(onnxc_heap *heap, const uint8_t *data, size_t size), const uint8_t *data, size_t size) {
  const onnxc_allocator allocator = {NULL, allocateBounded, releaseBounded};
  onnxc_call call = {.struct_size = sizeof call, .allocator = &allocator, .most_pixels = MostPixels};
  current.run = body;
  current.data = data;
  current.size = size;
  FUZZ_EXPECT(onnxc_heap_run(&call, runCurrent) == ONNXC_OK);
  onnxc_heap_release(&call);
  FUZZ_EXPECT(used == 0);
}

char *fuzzText(onnxc_heap *heap, const uint8_t **data, size_t *size, char end) {
  size_t length = 0;
  while (length < *size && (*data)[length] && (*data)[length] != (uint8_t)end)
    ++length;
  char *text = onnxc_heap_allocate(heap, length + 1);
  if (!text)
    exit(0); /* no input is that long */
  memcpy(text, *data, length);
  text[length] = 0;
  length += length < *size;
  *data += length;
  *size -= length;
  return text;
}
