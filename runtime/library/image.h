/*===- runtime/library/image.h -----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * What the decoders of image formats share: the stream, and the pixels that they fill.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_IMAGE_H
#define ONNXC_LIBRARY_IMAGE_H

#include "runtime/library/image-formats.h"
#include "runtime/library/library.h"

/* What a decoder returns: 0, a failure of image-formats.h, or one of these. */
enum { ONNXC_IMAGE_MEMORY = -1, ONNXC_IMAGE_DAMAGED = -2 };

typedef struct onnxc_image {
  onnxc_heap *heap;
  onnxc_value *out;
  const uint8_t *data; /* the stream, as untrusted as can be */
  uint64_t size;
  int64_t format; /* of the pixels: ONNXC_IMAGE_RGB, ... */
  int64_t width, height;
  uint8_t *pixels; /* after onnxc_image_begin; all 0 */
} onnxc_image;

/* The size is known: makes the pixels. A decoder has checked that the stream is long enough for it, as far as its
 * format allows: a short stream must not take gigabytes. */
int onnxc_image_begin(onnxc_image *image, uint64_t width, uint64_t height);

/* A pixel of the image. */
static inline void onnxc_image_put(onnxc_image *image, int64_t x, int64_t y, int r, int g, int b) {
  int64_t at = y * image->width + x;
  if (image->format == ONNXC_IMAGE_GRAYSCALE) { /* ITU-R BT.601 in 16 bits, as in the reference */
    image->pixels[at] = (uint8_t)((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16);
    return;
  }
  uint8_t *pixel = image->pixels + at * 3;
  int isRgb = image->format == ONNXC_IMAGE_RGB;
  pixel[0] = (uint8_t)(isRgb ? r : b);
  pixel[1] = (uint8_t)g;
  pixel[2] = (uint8_t)(isRgb ? b : r);
}

static inline int onnxc_image_clamp(int64_t x) { return x < 0 ? 0 : x > 255 ? 255 : (int)x; }

/* The product of two fractions of 255, rounded. */
static inline int onnxc_image_multiply(int a, int b) {
  int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/* Unsigned integers of the stream, whatever the alignment. */
static inline uint32_t onnxc_read_le16(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8; }
static inline uint32_t onnxc_read_be16(const uint8_t *at) { return at[1] | (uint32_t)at[0] << 8; }
static inline uint32_t onnxc_read_le32(const uint8_t *at) {
  return onnxc_read_le16(at) | onnxc_read_le16(at + 2) << 16;
}
static inline uint32_t onnxc_read_be32(const uint8_t *at) {
  return onnxc_read_be16(at + 2) | onnxc_read_be16(at) << 16;
}

/* For the next `bits` bits of a stream the code that they begin with: its length above `shift`, its symbol below. The
 * canonical prefix code has counts[length] codes of each length, for `symbols` in order. Where it says nothing,
 * `lookup` stays as it is. */
static inline void onnxc_fill_lookup(uint16_t *lookup, int bits, int shift, const uint16_t *counts,
                                     const uint16_t *symbols) {
  int number = 0, index = 0;
  for (int length = 1; length <= bits; ++length, number *= 2)
    for (int i = 0; i < counts[length]; ++i, ++number, ++index) {
      int reversed = 0; /* the first bit of a code is the lowest in the stream */
      for (int bit = 0; bit < length; ++bit)
        reversed |= (number >> bit & 1) << (length - 1 - bit);
      for (int at = reversed; at < 1 << bits; at += 1 << length)
        lookup[at] = (uint16_t)(length << shift | symbols[index]);
    }
}

/* Decompresses a zlib stream (RFC 1950, 1951) of exactly `count` bytes; what follows them is not looked at. 0 when the
 * stream is damaged or short. */
int onnxc_inflate(const uint8_t *data, uint64_t size, uint8_t *out, uint64_t count);
/* No stream becomes longer than by this factor. */
enum { ONNXC_INFLATE_MOST = 1032 };

int onnxc_decode_pnm(onnxc_image *image);
int onnxc_decode_bmp(onnxc_image *image);
int onnxc_decode_png(onnxc_image *image);
int onnxc_decode_jpeg(onnxc_image *image);
int onnxc_decode_tiff(onnxc_image *image);
int onnxc_decode_webp(onnxc_image *image);
int onnxc_decode_jpeg2000(onnxc_image *image);

#endif
