/*===- test/fuzz/targets/encode.c --------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * EncodeImage on any pixels: our decoders read the file, and of PNG the same pixels.
 *===--------------------------------------------------------------------------------===*/
#include "target.h"

#include "runtime/library/image-formats.h"

int32_t onnxc_encode_image(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out);
int32_t onnxc_decode_image(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out);

static void encode(onnxc_heap *heap, const uint8_t *data, size_t size) {
  if (size < 2)
    return;
  int64_t width = 1 + (data[0] >> 2), rest = (int64_t)size - 2, numbers[2] = {data[1] & 1, data[1] >> 1 & 1}, two = 2;
  int64_t height = rest / (3 * width), dims[3] = {height, width, 3}, count = -1, one = 1;
  if (height == 0)
    return;
  uint8_t *pixels = onnxc_heap_allocate(heap, (uint64_t)(3 * width * height));
  memcpy(pixels, data + 2, (size_t)(3 * width * height));
  onnxc_value image = fuzzTensor(ONNXC_UINT8, 3, dims, pixels), how = fuzzTensor(ONNXC_INT64, 1, &two, numbers);
  onnxc_value file = fuzzTensor(ONNXC_UINT8, 1, &count, NULL);
  const onnxc_value *in[] = {&image, &how};
  FUZZ_EXPECT(onnxc_encode_image(heap, in, &file) == 0);

  int64_t decoded[3] = {-1, -1, 3};
  onnxc_value order = fuzzTensor(ONNXC_INT64, 1, &one, &numbers[1]), out = fuzzTensor(ONNXC_UINT8, 3, decoded, NULL);
  const onnxc_value *back[] = {&file, &order};
  FUZZ_EXPECT(onnxc_decode_image(heap, back, &out) == 0 && decoded[0] == height && decoded[1] == width);
  FUZZ_EXPECT(!numbers[0] || memcmp(out.data, pixels, (size_t)(3 * width * height)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzzInHeap(encode, data, size);
  return 0;
}
