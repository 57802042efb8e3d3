/*===- test/fuzz/targets/image.c ---------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * ImageDecoder on any bytes. FORMAT: the decoder that gets them, whatever they begin with; without it the first bytes
 * decide.
 *===--------------------------------------------------------------------------------===*/
#include "target.h"

#include "runtime/library/image.h"

int32_t onnxc_decode_image(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out);

static void decode(onnxc_heap *heap, const uint8_t *data, size_t size) {
  /* The last byte says how the pixels are wanted: a seed is a file with any one byte more. */
  int64_t format = size ? data[--size] % 3 : 0, count = (int64_t)size, one = 1;
  int64_t dims[3] = {-1, -1, format == ONNXC_IMAGE_GRAYSCALE ? 1 : 3};
  onnxc_value out = fuzzTensor(ONNXC_UINT8, 3, dims, NULL);
#ifdef FORMAT
  (void)count, (void)one;
  if (size < 12) /* as many bytes as tell the format have been looked at */
    return;
  onnxc_image image = {.heap = heap, .out = &out, .data = data, .size = size, .format = format};
  int32_t status = FORMAT(&image);
#else
  onnxc_value bytes = fuzzTensor(ONNXC_UINT8, 1, &count, data), number = fuzzTensor(ONNXC_INT64, 1, &one, &format);
  const onnxc_value *in[] = {&bytes, &number};
  int32_t status = onnxc_decode_image(heap, in, &out);
#endif
  FUZZ_EXPECT(status >= ONNXC_IMAGE_DAMAGED && status <= ONNXC_IMAGE_LARGE);
  uint32_t sum = 0; /* every pixel is there, and set */
  for (int64_t i = 0, n = status == 0 ? dims[0] * dims[1] * dims[2] : 0; i < n; ++i)
    sum += ((const uint8_t *)out.data)[i];
  __asm__ volatile("" ::"r"(sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzzInHeap(decode, data, size);
  return 0;
}
