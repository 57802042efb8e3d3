/*===- runtime/library/bmp.c -------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Windows and OS/2 bitmaps of 1 to 32 bits, also run-length encoded.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/image.h"

/* The bits of a mask as a channel of 0 to 255. */
static int channel(uint32_t pixel, uint32_t mask) {
  if (!mask)
    return 0;
  int shift = __builtin_ctz(mask);
  return (int)((uint64_t)((pixel & mask) >> shift) * 255 / (mask >> shift));
}

/* Palette indices of a run-length encoded image, a byte each, rows from the bottom; what no run covers is 0. */
static int decodeRuns(const uint8_t *at, const uint8_t *end, int bits, uint8_t *indices, int64_t width,
                      int64_t height) {
  int64_t x = 0, y = 0;
  while (end - at >= 2) {
    int count = at[0], value = at[1];
    at += 2;
    if (count == 0 && value == 0) { /* end of the row */
      x = 0;
      ++y;
    } else if (count == 0 && value == 1) { /* of the image */
      return 1;
    } else if (count == 0 && value == 2) { /* a step */
      if (end - at < 2)
        return 0;
      x += *at++;
      y += *at++;
    } else {
      int isRun = count != 0, length = isRun ? count : value, used = isRun ? 0 : (length * bits + 15) / 16 * 2;
      if (end - at < used)
        return 0;
      for (int i = 0; i < length; ++i, ++x) {
        int byte = isRun ? value : at[bits == 8 ? i : i / 2];
        if (x < width && y < height)
          indices[y * width + x] = (uint8_t)(bits == 8 ? byte : i % 2 ? byte & 15 : byte >> 4);
      }
      at += used;
    }
  }
  return 0;
}

int onnxc_decode_bmp(onnxc_image *image) {
  const uint8_t *data = image->data, *header = data + 14;
  if (image->size < 14 + 12)
    return ONNXC_IMAGE_DAMAGED;
  uint64_t start = onnxc_read_le32(data + 10), headerSize = onnxc_read_le32(header);
  int isOld = headerSize == 12;
  if ((!isOld && headerSize < 40) || headerSize > image->size - 14 || start > image->size)
    return ONNXC_IMAGE_DAMAGED;
  int64_t width = isOld ? (int32_t)onnxc_read_le16(header + 4) : (int32_t)onnxc_read_le32(header + 4);
  int64_t height = isOld ? (int32_t)onnxc_read_le16(header + 6) : (int32_t)onnxc_read_le32(header + 8);
  int isTopDown = height < 0;
  height = isTopDown ? -height : height;
  int bits = onnxc_read_le16(header + (isOld ? 10 : 14));
  uint32_t compression = isOld ? 0 : onnxc_read_le32(header + 16);
  if (width <= 0 || height == 0)
    return ONNXC_IMAGE_DAMAGED;
  int isIndexed = bits == 1 || bits == 4 || bits == 8, isDirect = bits == 16 || bits == 24 || bits == 32;
  int isRuns = (compression == 1 && bits == 8) || (compression == 2 && bits == 4);
  int hasMasks = compression == 3 && (bits == 16 || bits == 32);
  if ((!isIndexed && !isDirect) || (compression != 0 && !isRuns && !hasMasks))
    return ONNXC_IMAGE_UNSUPPORTED;

  uint32_t masks[3] = {0xFF0000, 0xFF00, 0xFF};
  if (bits == 16)
    masks[0] = 0x7C00, masks[1] = 0x3E0, masks[2] = 0x1F;
  uint64_t after = 14 + headerSize; /* what follows the header: masks, if it has no room for them, and the palette */
  if (hasMasks) {
    if (image->size < 14 + 40 + 12)
      return ONNXC_IMAGE_DAMAGED;
    for (int i = 0; i < 3; ++i)
      masks[i] = onnxc_read_le32(header + 40 + 4 * i);
  }
  uint32_t entryBytes = isOld ? 3 : 4, entries = isOld ? 0 : onnxc_read_le32(header + 32);
  if (isIndexed && (entries == 0 || entries > 1u << bits))
    entries = 1u << bits;
  if (isIndexed && (uint64_t)entries * entryBytes > image->size - after)
    entries = (uint32_t)((image->size - after) / entryBytes);

  const uint8_t *pixels = data + start;
  uint64_t row = ((uint64_t)width * bits + 31) / 32 * 4, left = image->size - start, area = (uint64_t)width * height;
  if (isRuns) {
    /* Runs may leave out pixels; but a file whose every byte stands for more than 255 of them is none. */
    if (area / 255 > image->size)
      return ONNXC_IMAGE_DAMAGED;
    uint8_t *indices = onnxc_heap_allocate(image->heap, area);
    if (!indices)
      return ONNXC_IMAGE_MEMORY;
    for (uint64_t i = 0; i < area; ++i)
      indices[i] = 0;
    if (!decodeRuns(pixels, data + image->size, bits, indices, width, height))
      return ONNXC_IMAGE_DAMAGED;
    pixels = indices;
    row = (uint64_t)width;
    bits = 8;
  } else if (row > left / (uint64_t)height) {
    return ONNXC_IMAGE_DAMAGED;
  }
  int status = onnxc_image_begin(image, (uint64_t)width, (uint64_t)height);
  if (status)
    return status;
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t *from = pixels + row * (uint64_t)y;
    int64_t to = isTopDown ? y : height - 1 - y;
    for (int64_t x = 0; x < width; ++x) {
      uint32_t pixel = bits == 16   ? onnxc_read_le16(from + 2 * x)
                       : bits == 24 ? onnxc_read_le16(from + 3 * x) | (uint32_t)from[3 * x + 2] << 16
                       : bits == 32 ? onnxc_read_le32(from + 4 * x)
                                    : from[x * bits / 8] >> (8 - bits - x * bits % 8) & ((1u << bits) - 1);
      if (!isIndexed) {
        onnxc_image_put(image, x, to, channel(pixel, masks[0]), channel(pixel, masks[1]), channel(pixel, masks[2]));
      } else if (pixel < entries) { /* else black */
        const uint8_t *color = data + after + pixel * entryBytes;
        onnxc_image_put(image, x, to, color[2], color[1], color[0]);
      }
    }
  }
  return 0;
}
