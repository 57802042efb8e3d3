/*===- runtime/library/png.c -------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * PNG: every colour type, depth and filter, interlaced or not.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/image.h"

enum { Gray = 0, Rgb = 2, Indexed = 3, GrayAlpha = 4, RgbAlpha = 6 };

typedef struct Png {
  uint32_t width, height;
  int depth, type, isInterlaced;
  const uint8_t *palette;
  uint32_t entries;
  uint8_t *compressed; /* all IDAT chunks */
  uint64_t size;
} Png;

/* The checksum of a chunk (CRC-32), over its type and data. */
static uint32_t checksum(const uint8_t *data, uint64_t size) {
  uint32_t crc = ~0u;
  for (uint64_t i = 0; i < size; ++i) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

static int readHeader(Png *png, const uint8_t *at) {
  png->width = onnxc_read_be32(at);
  png->height = onnxc_read_be32(at + 4);
  png->depth = at[8];
  png->type = at[9];
  png->isInterlaced = at[12];
  int depth = png->depth;
  int isKnown = png->type == Gray      ? depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16
                : png->type == Indexed ? depth == 1 || depth == 2 || depth == 4 || depth == 8
                : png->type == Rgb || png->type == GrayAlpha || png->type == RgbAlpha ? depth == 8 || depth == 16
                                                                                      : 0;
  return isKnown && png->width && png->height && png->width <= INT32_MAX && png->height <= INT32_MAX && at[10] == 0 &&
         at[11] == 0 && png->isInterlaced <= 1;
}

/* Checksums of the pixels' chunks are not looked at: what is wrong in them the code of the compressed stream mostly
 * shows, and readers show what they have got. */
static int readChunks(onnxc_image *image, Png *png) {
  int hasHeader = 0;
  for (uint64_t at = 8; image->size - at >= 12;) {
    const uint8_t *chunk = image->data + at;
    uint32_t size = onnxc_read_be32(chunk), type = onnxc_read_be32(chunk + 4);
    if (type == 0x49454E44) /* IEND */
      break;
    int isData = type == 0x49444154;                               /* IDAT */
    if (isData && png->compressed && size > image->size - at - 12) /* the last chunk may have lost its end */
      size = (uint32_t)(image->size - at - 12);
    if (size > image->size - at - 12)
      return ONNXC_IMAGE_DAMAGED;
    int isHeader = type == 0x49484452, isPalette = type == 0x504C5445; /* IHDR, PLTE */
    if ((isHeader || isPalette) && checksum(chunk + 4, (uint64_t)size + 4) != onnxc_read_be32(chunk + 8 + size))
      return ONNXC_IMAGE_DAMAGED;
    if (hasHeader == isHeader) /* first and once */
      return ONNXC_IMAGE_DAMAGED;
    if (isHeader) {
      if (size != 13 || !readHeader(png, chunk + 8))
        return ONNXC_IMAGE_DAMAGED;
      hasHeader = 1;
    } else if (isPalette) {
      png->palette = chunk + 8;
      png->entries = size / 3;
    } else if (isData) {
      if (!png->compressed && !(png->compressed = onnxc_heap_allocate(image->heap, image->size)))
        return ONNXC_IMAGE_MEMORY;
      __builtin_memcpy(png->compressed + png->size, chunk + 8, size);
      png->size += size;
    }
    at += 12 + (uint64_t)size;
  }
  return png->compressed ? 0 : ONNXC_IMAGE_DAMAGED;
}

/* Undoes the filter of a row: `row[-1]` is its number, `above` NULL in the first row. `step`: bytes to the pixel
 * before. */
static int unfilter(uint8_t *row, const uint8_t *above, uint64_t size, uint64_t step) {
  int filter = row[-1];
  if (filter > 4)
    return 0;
  for (uint64_t i = 0; i < size; ++i) {
    int a = i >= step ? row[i - step] : 0, b = above ? above[i] : 0, c = above && i >= step ? above[i - step] : 0;
    int guess = 0;
    if (filter == 1) {
      guess = a;
    } else if (filter == 2) {
      guess = b;
    } else if (filter == 3) {
      guess = (a + b) / 2;
    } else if (filter == 4) { /* Paeth: the one of the three that is nearest to a + b - c */
      int toA = b > c ? b - c : c - b, toB = a > c ? a - c : c - a, toC = a + b - 2 * c;
      toC = toC < 0 ? -toC : toC;
      guess = toA <= toB && toA <= toC ? a : toB <= toC ? b : c;
    }
    row[i] = (uint8_t)(row[i] + guess);
  }
  return 1;
}

static void putPixel(onnxc_image *image, const Png *png, int64_t x, int64_t y, const uint8_t *row, uint64_t i) {
  int depth = png->depth, channels = png->type == Rgb ? 3 : png->type == RgbAlpha ? 4 : png->type == GrayAlpha ? 2 : 1;
  if (channels > 1) { /* of 16 bits the upper ones */
    const uint8_t *from = row + i * (uint64_t)(channels * depth / 8);
    int step = depth / 8, isGray = channels == 2;
    onnxc_image_put(image, x, y, from[0], from[isGray ? 0 : step], from[isGray ? 0 : 2 * step]);
    return;
  }
  uint32_t sample = depth == 16 ? row[2 * i] : row[i * depth / 8] >> (8 - depth - i * depth % 8) & ((1u << depth) - 1);
  if (png->type == Gray) {
    int gray = (int)(depth < 8 ? sample * 255 / ((1u << depth) - 1) : sample);
    onnxc_image_put(image, x, y, gray, gray, gray);
  } else if (sample < png->entries) { /* else black */
    const uint8_t *color = png->palette + 3 * sample;
    onnxc_image_put(image, x, y, color[0], color[1], color[2]);
  }
}

int onnxc_decode_png(onnxc_image *image) {
  /* The passes of an interlaced image (Adam7): where they start, and their steps. The last one is that of one that
   * isn't. */
  static const uint8_t passes[8][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                       {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}, {0, 0, 1, 1}};
  Png png = {0};
  int status = readChunks(image, &png);
  if (status)
    return status;
  if (png.type == Indexed && !png.palette)
    return ONNXC_IMAGE_DAMAGED;
  int channels = png.type == Rgb ? 3 : png.type == RgbAlpha ? 4 : png.type == GrayAlpha ? 2 : 1;
  uint64_t bits = (uint64_t)(channels * png.depth), step = (bits + 7) / 8, total = 0;
  int first = png.isInterlaced ? 0 : 7, last = png.isInterlaced ? 7 : 8;
  uint64_t widths[8], heights[8], rows[8];
  for (int p = first; p < last; ++p) {
    const uint8_t *pass = passes[p];
    widths[p] = png.width > pass[0] ? (png.width - pass[0] + pass[2] - 1) / pass[2] : 0;
    heights[p] = png.height > pass[1] ? (png.height - pass[1] + pass[3] - 1) / pass[3] : 0;
    rows[p] = (widths[p] * bits + 7) / 8 + 1;
    if (!widths[p])
      heights[p] = 0;
    uint64_t bytes;
    if (__builtin_mul_overflow(rows[p], heights[p], &bytes) || __builtin_add_overflow(total, bytes, &total))
      return ONNXC_IMAGE_DAMAGED;
  }
  if (total / ONNXC_INFLATE_MOST > png.size)
    return ONNXC_IMAGE_DAMAGED;
  uint8_t *filtered = onnxc_heap_allocate(image->heap, total);
  if (!filtered)
    return ONNXC_IMAGE_MEMORY;
  if (!onnxc_inflate(png.compressed, png.size, filtered, total))
    return ONNXC_IMAGE_DAMAGED;
  status = onnxc_image_begin(image, png.width, png.height);
  if (status)
    return status;
  for (int p = first; p < last; ++p)
    for (uint64_t y = 0; y < heights[p]; ++y, filtered += rows[p]) {
      if (!unfilter(filtered + 1, y ? filtered + 1 - rows[p] : NULL, rows[p] - 1, step))
        return ONNXC_IMAGE_DAMAGED;
      for (uint64_t x = 0; x < widths[p]; ++x)
        putPixel(image, &png, (int64_t)(passes[p][0] + x * passes[p][2]), (int64_t)(passes[p][1] + y * passes[p][3]),
                 filtered + 1, x);
    }
  return 0;
}
