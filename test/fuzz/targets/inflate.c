/*===- test/fuzz/targets/inflate.c -------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Decompression of any bytes to any size: never more than fits, and the same as zlib's.
 *===--------------------------------------------------------------------------------===*/
#include "target.h"

#include "runtime/library/image.h"
#include <zlib.h>

static void inflateAll(onnxc_heap *heap, const uint8_t *data, size_t size) {
  if (size < 2)
    return;
  uint64_t count = onnxc_read_le16(data);
  uint8_t *ours = onnxc_heap_allocate(heap, count), *theirs = onnxc_heap_allocate(heap, count);
  memset(ours, 0, count);
  int isSound = onnxc_inflate(data + 2, size - 2, ours, count);
  z_stream z = {
      .next_in = (uint8_t *)data + 2, .avail_in = (uInt)(size - 2), .next_out = theirs, .avail_out = (uInt)count};
  FUZZ_EXPECT(inflateInit(&z) == Z_OK);
  inflate(&z, Z_SYNC_FLUSH);
  uint64_t made = count - z.avail_out;
  inflateEnd(&z);
  /* Neither checks what comes after the last byte that is wanted. */
  FUZZ_EXPECT(!isSound || (made == count && memcmp(ours, theirs, count) == 0));
  FUZZ_EXPECT(isSound || made < count || count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzzInHeap(inflateAll, data, size);
  return 0;
}
