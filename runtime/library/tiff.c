/*===- runtime/library/tiff.c ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The first image of a TIFF file: gray, palette and RGB, in strips or tiles; plain, PackBits, LZW or deflate.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/image.h"

/* Tags of fields; names that follow each other without a number are numbered so, too. */
enum {
  Width = 256,
  Height,
  Bits,
  Compression,
  Photometric = 262,
  FillOrder = 266,
  StripOffsets = 273,
  Orientation,
  Samples = 277,
  RowsPerStrip,
  StripSizes,
  Planar = 284,
  Predictor = 317,
  ColorMap = 320,
  TileWidth = 322,
  TileHeight,
  TileOffsets,
  TileSizes,
  SampleFormat = 339
};
enum { WhiteIsZero, BlackIsZero, Rgb, Palette };
enum { Plain = 1, Lzw = 5, Deflate = 8, OldDeflate = 32946, PackBits = 32773 };

typedef struct Tiff {
  onnxc_image *image;
  int isBig; /* the bytes of numbers */
  uint64_t directory;
  uint32_t entries;
} Tiff;

static uint32_t read16(const Tiff *t, const uint8_t *at) {
  return t->isBig ? onnxc_read_be16(at) : onnxc_read_le16(at);
}
static uint32_t read32(const Tiff *t, const uint8_t *at) {
  return t->isBig ? onnxc_read_be32(at) : onnxc_read_le32(at);
}

/* The values of a field: where they are, of `width` bytes each, and how many; none where it is missing or isn't
 * integers. */
typedef struct Field {
  const uint8_t *at;
  uint32_t width, count;
} Field;

static Field find(const Tiff *t, uint32_t tag) {
  Field field = {NULL, 0, 0};
  for (uint32_t i = 0; i < t->entries; ++i) {
    const uint8_t *entry = t->image->data + t->directory + 2 + 12 * (uint64_t)i;
    if (read16(t, entry) != tag)
      continue;
    uint32_t type = read16(t, entry + 2), width = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
    uint32_t count = read32(t, entry + 4);
    uint64_t bytes = (uint64_t)width * count, offset = read32(t, entry + 8);
    if (bytes == 0 || (bytes > 4 && (offset > t->image->size || bytes > t->image->size - offset)))
      return field;
    field = (Field){bytes > 4 ? t->image->data + offset : entry + 8, width, count};
    return field;
  }
  return field;
}

static uint32_t valueOf(const Tiff *t, const Field *field, uint32_t i) {
  const uint8_t *at = field->at + (uint64_t)i * field->width;
  return field->width == 1 ? *at : field->width == 2 ? read16(t, at) : read32(t, at);
}

static uint32_t number(const Tiff *t, uint32_t tag, uint32_t otherwise) {
  Field field = find(t, tag);
  return field.count ? valueOf(t, &field, 0) : otherwise;
}

/*===- Compression --------------------------------------------------------------------===*/

static int unpackBits(const uint8_t *at, uint64_t size, uint8_t *out, uint64_t count) {
  while (count && size) {
    int code = (int8_t)*at++;
    uint64_t length = code < 0 ? (uint64_t)(1 - code) : (uint64_t)code + 1, used = code < 0 ? 1 : length;
    --size;
    if (code == -128)
      continue;
    if (used > size)
      return 0;
    length = length < count ? length : count;
    for (uint64_t i = 0; i < length; ++i)
      out[i] = at[code < 0 ? 0 : i];
    out += length;
    count -= length;
    at += used;
    size -= used;
  }
  return count == 0;
}

/* Codes of 9 to 12 bits, the highest bit first; a code is as wide as the next entry of the table needs, one entry
 * earlier than necessary. An entry is a piece of what has been written: the text of the code before it and one byte
 * more. */
static int unpackLzw(const uint8_t *data, uint64_t size, uint8_t *out, uint64_t count) {
  enum { Clear = 256, End = 257, First = 258, Most = 4096 };
  uint64_t starts[Most], written = 0, at = 0, previous = 0;
  uint32_t lengths[Most], bits = 0, previousLength = 0;
  int have = 0, next = First, width = 9;
  while (written < count) {
    for (; have < width; have += 8) {
      if (at == size)
        return 0;
      bits = bits << 8 | data[at++];
    }
    have -= width;
    int code = (int)(bits >> have & ((1u << width) - 1));
    if (code == End)
      return 0;
    if (code == Clear) {
      next = First;
      width = 9;
      previousLength = 0;
      continue;
    }
    if (previousLength && next < Most) {
      starts[next] = previous;
      lengths[next] = previousLength + 1; /* its last byte is the next that is written */
      ++next;
    }
    if (code >= next || (code > 255 && !previousLength))
      return 0;
    uint64_t start = written;
    uint32_t length = code < 256 ? 1 : lengths[code];
    for (uint32_t i = 0; i < length && written < count; ++i, ++written)
      out[written] = code < 256 ? (uint8_t)code : out[starts[code] + i];
    previous = start;
    previousLength = length;
    if (next + 1 >= 1 << width && width < 12) /* one is about to be made from this code */
      ++width;
  }
  return 1;
}

static int unpack(uint32_t compression, const uint8_t *data, uint64_t size, uint8_t *out, uint64_t count) {
  switch (compression) {
  case PackBits:
    return unpackBits(data, size, out, count);
  case Lzw:
    return unpackLzw(data, size, out, count);
  default:
    return onnxc_inflate(data, size, out, count);
  }
}

/* How much longer than its stream an image can be. */
static uint64_t mostOf(uint32_t compression) {
  return compression == Plain ? 1 : compression == PackBits ? 128 : compression == Lzw ? 4096 : ONNXC_INFLATE_MOST;
}

/*===- Pixels -------------------------------------------------------------------------===*/

/* Each sample of a row is the difference to the one before it. */
static void undoPredictor(const Tiff *t, uint8_t *row, uint64_t samples, uint32_t step, uint32_t bits) {
  for (uint64_t i = step; i < samples; ++i)
    if (bits == 8) {
      row[i] = (uint8_t)(row[i] + row[i - step]);
    } else {
      uint32_t sum = read16(t, row + 2 * i) + read16(t, row + 2 * (i - step));
      row[2 * i + t->isBig] = (uint8_t)sum;
      row[2 * i + !t->isBig] = (uint8_t)(sum >> 8);
    }
}

/* Of 16 bits the upper ones. */
static uint32_t sampleOf(const Tiff *t, const uint8_t *row, uint64_t i, uint32_t bits) {
  if (bits == 16)
    return row[2 * i + !t->isBig];
  return row[i * bits / 8] >> (8 - bits - i * bits % 8) & ((1u << bits) - 1);
}

int onnxc_decode_tiff(onnxc_image *image) {
  Tiff tiff = {.image = image, .isBig = image->data[0] == 'M'};
  const Tiff *t = &tiff;
  if (image->size < 8)
    return ONNXC_IMAGE_DAMAGED;
  tiff.directory = read32(t, image->data + 4);
  if (tiff.directory > image->size || image->size - tiff.directory < 2)
    return ONNXC_IMAGE_DAMAGED;
  tiff.entries = read16(t, image->data + tiff.directory);
  if (12 * (uint64_t)tiff.entries > image->size - tiff.directory - 2)
    return ONNXC_IMAGE_DAMAGED;

  uint64_t width = number(t, Width, 0), height = number(t, Height, 0);
  uint32_t samples = number(t, Samples, 1), bits = number(t, Bits, 1),
           photometric = number(t, Photometric, BlackIsZero);
  uint32_t compression = number(t, Compression, Plain), predictor = number(t, Predictor, 1),
           planar = number(t, Planar, 1);
  Field allBits = find(t, Bits), colors = find(t, ColorMap);
  for (uint32_t i = 0; i < allBits.count; ++i)
    if (valueOf(t, &allBits, i) != bits)
      return ONNXC_IMAGE_UNSUPPORTED;
  if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX || samples == 0)
    return ONNXC_IMAGE_DAMAGED;
  int isKnown = (bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16) && samples <= 16 &&
                photometric <= Palette &&
                (compression == Plain || compression == Lzw || compression == Deflate || compression == OldDeflate ||
                 compression == PackBits) &&
                (predictor == 1 || (predictor == 2 && bits >= 8)) && (planar == 1 || planar == 2) &&
                number(t, FillOrder, 1) == 1 && number(t, SampleFormat, 1) == 1 && number(t, Orientation, 1) == 1;
  if (!isKnown || (photometric == Palette && bits == 16))
    return ONNXC_IMAGE_UNSUPPORTED;
  if ((photometric == Rgb && samples < 3) || (photometric == Palette && colors.count < 3u << bits))
    return ONNXC_IMAGE_DAMAGED;

  /* A strip is a tile as wide as the image, the last one lower. */
  int isTiled = find(t, TileOffsets).count != 0;
  Field offsets = find(t, isTiled ? TileOffsets : StripOffsets), sizes = find(t, isTiled ? TileSizes : StripSizes);
  uint64_t tileWidth = isTiled ? number(t, TileWidth, 0) : width;
  uint64_t tileHeight = isTiled ? number(t, TileHeight, 0) : number(t, RowsPerStrip, UINT32_MAX);
  if (!isTiled && tileHeight > height)
    tileHeight = height;
  if (tileWidth == 0 || tileHeight == 0 || tileWidth > INT32_MAX || tileHeight > INT32_MAX)
    return ONNXC_IMAGE_DAMAGED;
  uint32_t together = planar == 1 ? samples : 1; /* samples of a pixel that lie in a tile */
  uint64_t across = (width + tileWidth - 1) / tileWidth, down = (height + tileHeight - 1) / tileHeight;
  uint64_t row = (tileWidth * together * bits + 7) / 8, planes = samples / together;
  uint64_t used = photometric == Rgb && planar == 2 ? 3 : 1; /* planes that are looked at */
  uint64_t tiles, tileBytes, total;
  if (__builtin_mul_overflow(across, down, &tiles) || tiles > UINT32_MAX / 16 || offsets.count < tiles * planes ||
      (sizes.count < tiles * planes && compression != Plain))
    return ONNXC_IMAGE_DAMAGED;
  /* Tiles share no bytes, else a short file could ask for any amount of work. */
  if (__builtin_mul_overflow(row, tileHeight, &tileBytes) ||
      __builtin_mul_overflow(used * row, isTiled ? tiles * tileHeight : height, &total) ||
      total / mostOf(compression) > image->size)
    return ONNXC_IMAGE_DAMAGED;
  uint8_t *unpacked = onnxc_heap_allocate(image->heap, used * tileBytes);
  if (!unpacked)
    return ONNXC_IMAGE_MEMORY;
  int status = onnxc_image_begin(image, width, height);
  if (status)
    return status;
  /* From a sample to the next of its pixel: that of the next plane, or the one behind it. */
  uint64_t toPlane = used > 1 ? tileBytes : 0;
  uint32_t toSample = used > 1 ? 0 : 1, most = (1u << (bits > 8 ? 8 : bits)) - 1;
  for (uint64_t tile = 0; tile < tiles; ++tile) {
    uint64_t top = tile / across * tileHeight, left = tile % across * tileWidth;
    uint64_t rows = !isTiled && height - top < tileHeight ? height - top : tileHeight, bytes = rows * row;
    for (uint64_t plane = 0; plane < used; ++plane) {
      uint8_t *to = unpacked + plane * tileBytes;
      uint32_t index = (uint32_t)(plane * tiles + tile);
      uint64_t offset = valueOf(t, &offsets, index), size = sizes.count > index ? valueOf(t, &sizes, index) : bytes;
      if (offset > image->size || size > image->size - offset || (compression == Plain && size < bytes))
        return ONNXC_IMAGE_DAMAGED;
      if (compression == Plain)
        __builtin_memcpy(to, image->data + offset, bytes);
      else if (!unpack(compression, image->data + offset, size, to, bytes))
        return ONNXC_IMAGE_DAMAGED;
      for (uint64_t y = 0; predictor == 2 && y < rows; ++y)
        undoPredictor(t, to + y * row, tileWidth * together, together, bits);
    }
    for (uint64_t y = 0; y < rows && top + y < height; ++y)
      for (uint64_t x = 0; x < tileWidth && left + x < width; ++x) {
        const uint8_t *from = unpacked + y * row;
        uint32_t sample = sampleOf(t, from, x * together, bits);
        int pixel[3];
        for (uint32_t c = 0; c < 3; ++c)
          if (photometric == Palette) /* of 16 bits, whatever the type of the field */
            pixel[c] = (int)(valueOf(t, &colors, (c << bits) + sample) >> 8 & 0xFF);
          else if (photometric == Rgb)
            pixel[c] = (int)(sampleOf(t, from + c * toPlane, x * together + c * toSample, bits) * 255 / most);
          else
            pixel[c] = (int)((photometric == WhiteIsZero ? most - sample : sample) * 255 / most);
        onnxc_image_put(image, (int64_t)(left + x), (int64_t)(top + y), pixel[0], pixel[1], pixel[2]);
      }
  }
  return 0;
}
