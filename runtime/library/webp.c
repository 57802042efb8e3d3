/*===- runtime/library/webp.c ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * WebP (RFC 9649): the container, down to the frame; of an animation the first one, on black.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/webp.h"

typedef struct Chunk {
  uint32_t type;
  const uint8_t *data;
  uint64_t size;
} Chunk;

enum { Vp8 = 0x20385056, Vp8l = 0x4C385056, Vp8x = 0x58385056, Anmf = 0x464D4E41 }; /* as little-endian numbers */

static uint32_t read24(const uint8_t *at) { return onnxc_read_le16(at) | (uint32_t)at[2] << 16; }

/* The chunk at `*at`, and over it; 0 when there is no whole one. */
static int nextChunk(const uint8_t **at, const uint8_t *end, Chunk *chunk) {
  if (end - *at < 8)
    return 0;
  *chunk = (Chunk){onnxc_read_le32(*at), *at + 8, onnxc_read_le32(*at + 4)};
  uint64_t left = (uint64_t)(end - chunk->data);
  if (chunk->size > left)
    return 0;
  *at = chunk->data + chunk->size + (chunk->size & 1 && chunk->size < left); /* padded to an even size */
  return 1;
}

/* The next of these chunks; others (opacity, colour profile, metadata) are passed over. */
static int findChunk(const uint8_t **at, const uint8_t *end, Chunk *chunk, uint32_t type, uint32_t otherType) {
  while (nextChunk(at, end, chunk))
    if (chunk->type == type || chunk->type == otherType)
      return 1;
  return 0;
}

static int readFrameHeader(const Chunk *chunk, onnxc_webp_frame *frame) {
  const uint8_t *data = frame->data = chunk->data;
  frame->size = chunk->size;
  if (chunk->type == Vp8) { /* a key frame that is shown: RFC 6386, section 9.1 */
    if (chunk->size < ONNXC_VP8_HEADER || (data[0] & 1) || (data[0] >> 1 & 7) > 3 || !(data[0] & 16) ||
        read24(data + 3) != 0x2A019D)
      return 0;
    frame->width = onnxc_read_le16(data + 6) & 0x3FFF;
    frame->height = onnxc_read_le16(data + 8) & 0x3FFF;
    return 1;
  }
  if (chunk->size < ONNXC_VP8L_HEADER || data[0] != 0x2F || data[4] >> 5) /* signature, version */
    return 0;
  uint32_t bits = onnxc_read_le32(data + 1);
  frame->width = 1 + (bits & 0x3FFF);
  frame->height = 1 + (bits >> 14 & 0x3FFF);
  return 1;
}

int onnxc_decode_webp(onnxc_image *image) {
  const uint8_t *at = image->data + 12, *end = image->data + image->size;
  uint64_t said = 8 + (uint64_t)onnxc_read_le32(image->data + 4);
  if (said < image->size)
    end = image->data + (said > 12 ? said : 12);
  onnxc_webp_frame frame = {.image = image};
  Chunk chunk;
  if (!nextChunk(&at, end, &chunk))
    return ONNXC_IMAGE_DAMAGED;
  int isExtended = chunk.type == Vp8x, isAnimated = 0;
  int64_t width = 0, height = 0;
  if (isExtended) {
    if (chunk.size < 10)
      return ONNXC_IMAGE_DAMAGED;
    isAnimated = chunk.data[0] >> 1 & 1;
    width = 1 + read24(chunk.data + 4);
    height = 1 + read24(chunk.data + 7);
    if (isAnimated) {
      if (!findChunk(&at, end, &chunk, Anmf, Anmf) || chunk.size < 16)
        return ONNXC_IMAGE_DAMAGED;
      frame.left = 2 * (int64_t)read24(chunk.data);
      frame.top = 2 * (int64_t)read24(chunk.data + 3);
      at = chunk.data + 16;
      end = chunk.data + chunk.size;
    }
    if (!findChunk(&at, end, &chunk, Vp8, Vp8l))
      return ONNXC_IMAGE_DAMAGED;
  }
  if ((chunk.type != Vp8 && chunk.type != Vp8l) || !readFrameHeader(&chunk, &frame))
    return ONNXC_IMAGE_DAMAGED;
  if (!isExtended)
    width = frame.width, height = frame.height;
  if (isAnimated ? frame.left + frame.width > width || frame.top + frame.height > height
                 : frame.width != width || frame.height != height)
    return ONNXC_IMAGE_DAMAGED;
  if (width > 1 << 14 || height > 1 << 14) /* no frame fills that */
    return ONNXC_IMAGE_UNSUPPORTED;
  /* A macroblock, 16x16 pixels, takes more than a bit. (Without loss, areas of one colour may take none.) */
  if (chunk.type == Vp8 && (uint64_t)(frame.width * frame.height) / (256 * 8) > frame.size)
    return ONNXC_IMAGE_DAMAGED;
  int status = onnxc_image_begin(image, (uint64_t)width, (uint64_t)height);
  if (status)
    return status;
  return chunk.type == Vp8 ? onnxc_decode_vp8(&frame) : onnxc_decode_vp8l(&frame);
}
