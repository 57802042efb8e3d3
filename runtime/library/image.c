/*===- runtime/library/image.c -----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * ImageDecoder: tells the format of an image from its first bytes, and has it decoded.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/image.h"

static int startsWith(const onnxc_image *image, uint64_t at, const char *bytes, uint64_t count) {
  if (image->size < at + count)
    return 0;
  for (uint64_t i = 0; i < count; ++i)
    if (image->data[at + i] != (uint8_t)bytes[i])
      return 0;
  return 1;
}

/* Pixels that any stream may ask for, and beyond them for each of its bytes, where the program does not say: some
 * formats need no bits for pixels that are all the same, but memory and time are for the pixels. */
enum { FreePixels = 1 << 26, PixelsOfByte = 512 };

int onnxc_image_begin(onnxc_image *image, uint64_t width, uint64_t height) {
  if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
    return ONNXC_IMAGE_DAMAGED;
  uint64_t pixels = width * height, most = onnxc_heap_most_pixels(image->heap);
  if (most ? pixels > most : pixels > FreePixels && pixels / PixelsOfByte > image->size)
    return ONNXC_IMAGE_LARGE;
  int64_t dims[] = {(int64_t)height, (int64_t)width, image->format == ONNXC_IMAGE_GRAYSCALE ? 1 : 3};
  for (int i = 0; i < 3; ++i)
    if (image->out->dims[i] >= 0 && image->out->dims[i] != dims[i])
      return ONNXC_IMAGE_OTHER_SIZE;
  if (!onnxc_make_tensor(image->heap, image->out, dims))
    return ONNXC_IMAGE_MEMORY;
  image->width = dims[1];
  image->height = dims[0];
  image->pixels = image->out->data;
  for (int64_t i = 0, n = onnxc_element_count(image->out); i < n; ++i)
    image->pixels[i] = 0;
  return 0;
}

static int decode(onnxc_image *image) {
  if (startsWith(image, 0, "\xFF\xD8\xFF", 3))
    return onnxc_decode_jpeg(image);
  if (startsWith(image, 0, "\x89PNG\r\n\x1A\n", 8))
    return onnxc_decode_png(image);
  if (startsWith(image, 0, "BM", 2))
    return onnxc_decode_bmp(image);
  if (startsWith(image, 0, "II*\0", 4) || startsWith(image, 0, "MM\0*", 4))
    return onnxc_decode_tiff(image);
  if (startsWith(image, 0, "II+\0", 4) || startsWith(image, 0, "MM\0+", 4)) /* TIFF of more than 4 GiB */
    return ONNXC_IMAGE_UNSUPPORTED;
  if (startsWith(image, 0, "RIFF", 4) && startsWith(image, 8, "WEBP", 4))
    return onnxc_decode_webp(image);
  if (startsWith(image, 0, "\0\0\0\x0CjP  \r\n\x87\n", 12) || startsWith(image, 0, "\xFF\x4F\xFF\x51", 4))
    return onnxc_decode_jpeg2000(image);
  if (image->size > 2 && image->data[0] == 'P' && image->data[1] >= '1' && image->data[1] <= '7')
    return onnxc_decode_pnm(image);
  return ONNXC_IMAGE_DAMAGED;
}

static int32_t decodeAll(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out, int mustBeSound) {
  onnxc_image image = {.heap = heap,
                       .out = out,
                       .data = in[0]->data,
                       .size = (uint64_t)in[0]->dims[0],
                       .format = *(const int64_t *)in[1]->data};
  int64_t expected[] = {out->dims[0], out->dims[1], out->dims[2]};
  int status = decode(&image);
  if (status != ONNXC_IMAGE_DAMAGED)
    return status;
  if (mustBeSound)
    return ONNXC_IMAGE_BROKEN;
  /* "If it can't decode for any reason (e.g. corrupted encoded stream, invalid format), it will return an empty
   * matrix." */
  int64_t empty[] = {0, 0, image.format == ONNXC_IMAGE_GRAYSCALE ? 1 : 3};
  for (int i = 0; i < 3; ++i)
    out->dims[i] = expected[i];
  return onnxc_make_tensor(heap, out, empty) ? 0 : ONNXC_IMAGE_OTHER_SIZE;
}

/* In: the stream, the format of the pixels. Out: [height, width, channels]. Channels are those of the format of the
 * pixels: a gray image has three that are the same as RGB, a channel of opacity is left out. */
int32_t onnxc_decode_image(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  return decodeAll(heap, in, out, 0);
}

/* The same, but a damaged stream ends the run. */
int32_t onnxc_decode_sound_image(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  return decodeAll(heap, in, out, 1);
}
