/*===- runtime/library/jpeg.c ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * JPEG (ITU-T T.81) of 8 bits with Huffman codes: baseline, extended and progressive; to the bit what libjpeg gives.
 *
 * The coefficients of all scans are collected, then each block is transformed, then components are brought to the size
 * of the image, and their colours to RGB.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/image.h"

enum { Lookup = 9, MostScans = 100 };

typedef struct Huffman {
  int isSet;
  uint8_t symbols[256];
  int32_t last[18];             /* the last code of a length, -1: none */
  int32_t offset[17];           /* from a code of a length to its symbol's index */
  uint16_t lookup[1 << Lookup]; /* of short codes: length << 8 | symbol */
} Huffman;

typedef struct Component {
  int id, h, v, table;
  int64_t width, height;          /* samples that count */
  int64_t blocksWide, blocksHigh; /* in memory: whole MCUs */
  int64_t usedWide, usedHigh;     /* blocks of a scan of this component alone */
  int16_t (*blocks)[64];          /* coefficients in natural order */
  uint8_t *samples;               /* blocksWide * 8 wide */
  int dcTable, acTable, lastDc;   /* of the scan */
  int isSeen, hasQuantization;
  uint16_t quantization[64]; /* as it was when the component's first scan began */
} Component;

typedef struct Jpeg {
  onnxc_image *image;
  uint64_t at;
  int hasFrame, isProgressive, count, mostH, mostV;
  int64_t width, height, mcusWide, mcusHigh;
  Component components[4];
  Huffman dc[4], ac[4];
  uint16_t quantization[4][64];
  int hasQuantization[4];
  int restartInterval;
  int hasJfif, adobe; /* -1, or the transform of Adobe's marker */
  /* Of the scan. */
  uint32_t bits;
  int bitCount, isDamaged;
  int first, last, high, low; /* coefficients, and their bits */
  uint32_t endRun;            /* blocks that have nothing more in this scan */
} Jpeg;

static const uint8_t naturalOrder[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                         12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                         35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                         58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/*===- Bits ---------------------------------------------------------------------------===*/

/* Makes at least `count` <= 16 bits ready. At a marker zeros follow, as in libjpeg; the end of the stream is an error.
 */
static void needBits(Jpeg *j, int count) {
  const onnxc_image *image = j->image;
  while (j->bitCount < count) {
    uint32_t byte = 0;
    if (j->at >= image->size) {
      j->isDamaged = 1;
    } else if (image->data[j->at] != 0xFF) {
      byte = image->data[j->at++];
    } else if (j->at + 1 < image->size && image->data[j->at + 1] == 0) {
      byte = 0xFF;
      j->at += 2;
    } else if (j->at + 1 >= image->size) {
      j->isDamaged = 1;
    }
    j->bits = j->bits << 8 | byte;
    j->bitCount += 8;
  }
}

static int takeBits(Jpeg *j, int count) {
  if (count == 0)
    return 0;
  needBits(j, count);
  j->bitCount -= count;
  return (int)(j->bits >> j->bitCount & ((1u << count) - 1));
}

/* A number of `count` bits, of which those that start with 0 are negative. */
static int takeNumber(Jpeg *j, int count) {
  int bits = takeBits(j, count);
  return count && bits < 1 << (count - 1) ? bits - (1 << count) + 1 : bits;
}

static int takeSymbol(Jpeg *j, const Huffman *table) {
  needBits(j, 16);
  int code = (int)(j->bits >> (j->bitCount - 16) & 0xFFFF), entry = table->lookup[code >> (16 - Lookup)];
  if (entry) {
    j->bitCount -= entry >> 8;
    return entry & 255;
  }
  for (int length = Lookup + 1; length <= 16; ++length) {
    int prefix = code >> (16 - length);
    if (prefix <= table->last[length]) {
      j->bitCount -= length;
      return table->symbols[(prefix + table->offset[length]) & 255];
    }
  }
  j->isDamaged = 1;
  return 0;
}

/*===- Blocks -------------------------------------------------------------------------===*/

static void decodeDc(Jpeg *j, Component *c, int16_t *block) {
  int size = takeSymbol(j, &j->dc[c->dcTable]);
  if (size > 15) {
    j->isDamaged = 1;
    return;
  }
  c->lastDc = (int16_t)(c->lastDc + takeNumber(j, size));
  block[0] = (int16_t)((uint32_t)c->lastDc << j->low);
}

static void decodeAcFirst(Jpeg *j, const Huffman *table, int16_t *block) {
  if (j->endRun) {
    --j->endRun;
    return;
  }
  for (int k = j->first ? j->first : 1; k <= j->last && !j->isDamaged; ++k) {
    int symbol = takeSymbol(j, table), run = symbol >> 4, size = symbol & 15;
    if (size == 0 && run != 15) {
      /* Progressive: a run of blocks. Sequential: the end of this one, whatever the run. */
      j->endRun = j->isProgressive ? (1u << run) + (uint32_t)takeBits(j, run) - 1 : 0;
      return;
    }
    k += run;
    if (k > j->last) {
      j->isDamaged |= size != 0;
      return;
    }
    if (size)
      block[naturalOrder[k]] = (int16_t)((uint32_t)takeNumber(j, size) << j->low);
  }
}

/* One more bit of a coefficient that isn't 0 yet. */
static void refine(Jpeg *j, int16_t *coefficient) {
  int bit = 1 << j->low;
  if (takeBits(j, 1) && !(*coefficient & bit))
    *coefficient = (int16_t)(*coefficient + (*coefficient < 0 ? -bit : bit));
}

static void decodeAcRefine(Jpeg *j, const Huffman *table, int16_t *block) {
  int k = j->first;
  if (!j->endRun)
    for (; k <= j->last && !j->isDamaged; ++k) {
      int symbol = takeSymbol(j, table), run = symbol >> 4, size = symbol & 15, value = 0;
      if (size == 0 && run != 15) {
        j->endRun = (1u << run) + (uint32_t)takeBits(j, run);
        break;
      }
      if (size)
        value = takeBits(j, 1) ? 1 << j->low : -(1 << j->low);
      /* Past so many that stay 0, refining the others. */
      for (; k <= j->last; ++k) {
        int16_t *coefficient = &block[naturalOrder[k]];
        if (*coefficient)
          refine(j, coefficient);
        else if (run-- == 0)
          break;
      }
      if (value && k <= j->last)
        block[naturalOrder[k]] = (int16_t)value;
    }
  if (j->endRun) {
    for (; k <= j->last; ++k)
      if (block[naturalOrder[k]])
        refine(j, &block[naturalOrder[k]]);
    --j->endRun;
  }
}

static void decodeBlock(Jpeg *j, Component *c, int64_t x, int64_t y) {
  int16_t *block = c->blocks[y * c->blocksWide + x];
  if (!j->isProgressive) {
    decodeDc(j, c, block);
    decodeAcFirst(j, &j->ac[c->acTable], block);
  } else if (j->first == 0) {
    if (j->high == 0)
      decodeDc(j, c, block);
    else if (takeBits(j, 1))
      block[0] = (int16_t)(block[0] | 1 << j->low);
  } else if (j->high == 0) {
    decodeAcFirst(j, &j->ac[c->acTable], block);
  } else {
    decodeAcRefine(j, &j->ac[c->acTable], block);
  }
}

/*===- Scan ---------------------------------------------------------------------------===*/

static void startInterval(Jpeg *j) {
  j->bits = 0;
  j->bitCount = 0;
  j->endRun = 0;
  for (int i = 0; i < j->count; ++i)
    j->components[i].lastDc = 0;
}

/* Over the marker between two intervals. */
static void restart(Jpeg *j) {
  const onnxc_image *image = j->image;
  while (j->at + 1 < image->size && image->data[j->at] == 0xFF && image->data[j->at + 1] == 0xFF)
    ++j->at;
  if (j->at + 1 < image->size && image->data[j->at] == 0xFF && (image->data[j->at + 1] & 0xF8) == 0xD0)
    j->at += 2;
  else
    j->isDamaged = 1;
  startInterval(j);
}

static int decodeScan(Jpeg *j, const uint8_t *segment, uint32_t size) {
  int count = size ? segment[0] : 0;
  Component *components[4];
  if (!j->hasFrame || count < 1 || count > 4 || size != 4 + 2 * (uint32_t)count)
    return ONNXC_IMAGE_DAMAGED;
  const uint8_t *rest = segment + 1 + 2 * count;
  j->first = rest[0];
  j->last = rest[1];
  j->high = rest[2] >> 4;
  j->low = rest[2] & 15;
  if (!j->isProgressive) /* other values are told to be ignored */
    j->first = 0, j->last = 63, j->high = 0, j->low = 0;
  int isDc = j->first == 0;
  if (j->last > 63 || j->low > 13 || j->high > 13 || (j->high && j->high != j->low + 1) ||
      (j->isProgressive && (isDc ? j->last != 0 : j->last < j->first || count > 1)))
    return ONNXC_IMAGE_DAMAGED;
  int blocksOfMcu = 0;
  for (int i = 0; i < count; ++i) {
    int id = segment[1 + 2 * i], tables = segment[2 + 2 * i];
    Component *c = NULL;
    for (int k = 0; k < j->count; ++k)
      if (j->components[k].id == id)
        c = &j->components[k];
    for (int k = 0; k < i; ++k)
      if (components[k] == c)
        c = NULL;
    if (!c)
      return ONNXC_IMAGE_DAMAGED;
    c->dcTable = tables >> 4;
    c->acTable = tables & 15;
    if (c->dcTable > 3 || c->acTable > 3 || (isDc && j->high == 0 && !j->dc[c->dcTable].isSet) ||
        (j->last > 0 && !j->ac[c->acTable].isSet))
      return ONNXC_IMAGE_DAMAGED;
    if (!isDc && !c->isSeen)
      return ONNXC_IMAGE_DAMAGED;
    c->isSeen = 1;
    if (!c->hasQuantization) {
      if (!j->hasQuantization[c->table])
        return ONNXC_IMAGE_DAMAGED;
      __builtin_memcpy(c->quantization, j->quantization[c->table], sizeof(c->quantization));
      c->hasQuantization = 1;
    }
    components[i] = c;
    blocksOfMcu += c->h * c->v;
  }
  if (count > 1 && blocksOfMcu > 10)
    return ONNXC_IMAGE_DAMAGED;

  startInterval(j);
  int64_t wide = count == 1 ? components[0]->usedWide : j->mcusWide;
  int64_t high = count == 1 ? components[0]->usedHigh : j->mcusHigh;
  for (int64_t i = 0; i < wide * high; ++i) {
    if (j->restartInterval && i && i % j->restartInterval == 0)
      restart(j);
    int64_t x = i % wide, y = i / wide;
    if (count == 1)
      decodeBlock(j, components[0], x, y);
    else
      for (int k = 0; k < count; ++k)
        for (int v = 0; v < components[k]->v; ++v)
          for (int h = 0; h < components[k]->h; ++h)
            decodeBlock(j, components[k], x * components[k]->h + h, y * components[k]->v + v);
    if (j->isDamaged)
      return ONNXC_IMAGE_DAMAGED;
  }
  return 0;
}

/*===- Tables and frame ---------------------------------------------------------------===*/

static int readHuffman(Jpeg *j, const uint8_t *at, uint32_t size) {
  while (size) {
    uint32_t total = 0;
    if (size < 17 || (at[0] & 15) > 3 || at[0] >> 4 > 1)
      return ONNXC_IMAGE_DAMAGED;
    Huffman *table = at[0] >> 4 ? &j->ac[at[0] & 15] : &j->dc[at[0] & 15];
    for (int i = 1; i <= 16; ++i)
      total += at[i];
    if (total > 256 || size < 17 + total)
      return ONNXC_IMAGE_DAMAGED;
    for (uint32_t i = 0; i < total; ++i)
      table->symbols[i] = at[17 + i];
    for (int i = 0; i < 1 << Lookup; ++i)
      table->lookup[i] = 0;
    int32_t code = 0, index = 0;
    for (int length = 1; length <= 16; ++length, code <<= 1) {
      table->offset[length] = index - code;
      for (int i = 0; i < at[length]; ++i, ++code, ++index) {
        if (code >= 1 << length)
          return ONNXC_IMAGE_DAMAGED;
        for (int fill = 0; length <= Lookup && fill < 1 << (Lookup - length); ++fill)
          table->lookup[code << (Lookup - length) | fill] = (uint16_t)(length << 8 | table->symbols[index]);
      }
      table->last[length] = at[length] ? code - 1 : -1;
    }
    table->isSet = 1;
    at += 17 + total;
    size -= 17 + total;
  }
  return 0;
}

static int readQuantization(Jpeg *j, const uint8_t *at, uint32_t size) {
  while (size) {
    int is16 = at[0] >> 4, index = at[0] & 15;
    uint32_t bytes = is16 ? 129 : 65;
    if (is16 > 1 || index > 3 || size < bytes)
      return ONNXC_IMAGE_DAMAGED;
    for (int i = 0; i < 64; ++i)
      j->quantization[index][naturalOrder[i]] = (uint16_t)(is16 ? onnxc_read_be16(at + 1 + 2 * i) : at[1 + i]);
    j->hasQuantization[index] = 1;
    at += bytes;
    size -= bytes;
  }
  return 0;
}

static int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int readFrame(Jpeg *j, const uint8_t *at, uint32_t size) {
  if (j->hasFrame || size < 6 || size != 6 + 3 * (uint32_t)at[5])
    return ONNXC_IMAGE_DAMAGED;
  j->height = onnxc_read_be16(at + 1);
  j->width = onnxc_read_be16(at + 3);
  j->count = at[5];
  if (at[0] != 8 || j->height == 0 || j->count == 2 || j->count > 4) /* a height of 0 comes later, in its own marker */
    return ONNXC_IMAGE_UNSUPPORTED;
  if (j->width == 0 || j->count == 0)
    return ONNXC_IMAGE_DAMAGED;
  j->mostH = j->mostV = 1;
  for (int i = 0; i < j->count; ++i) {
    Component *c = &j->components[i];
    c->id = at[6 + 3 * i];
    c->h = at[7 + 3 * i] >> 4;
    c->v = at[7 + 3 * i] & 15;
    c->table = at[8 + 3 * i];
    if (c->h < 1 || c->h > 4 || c->v < 1 || c->v > 4 || c->table > 3)
      return ONNXC_IMAGE_DAMAGED;
    j->mostH = c->h > j->mostH ? c->h : j->mostH;
    j->mostV = c->v > j->mostV ? c->v : j->mostV;
  }
  j->mcusWide = divideUp(j->width, 8 * j->mostH);
  j->mcusHigh = divideUp(j->height, 8 * j->mostV);
  for (int i = 0; i < j->count; ++i) {
    Component *c = &j->components[i];
    if (j->mostH % c->h || j->mostV % c->v)
      return ONNXC_IMAGE_UNSUPPORTED;
    c->width = divideUp(j->width * c->h, j->mostH);
    c->height = divideUp(j->height * c->v, j->mostV);
    c->usedWide = divideUp(c->width, 8);
    c->usedHigh = divideUp(c->height, 8);
    c->blocksWide = j->mcusWide * c->h;
    c->blocksHigh = j->mcusHigh * c->v;
    /* Each block of an image takes a bit at least. */
    if ((uint64_t)(c->usedWide * c->usedHigh) / 8 > j->image->size)
      return ONNXC_IMAGE_DAMAGED;
    uint64_t blocks = (uint64_t)(c->blocksWide * c->blocksHigh);
    c->blocks = onnxc_heap_allocate(j->image->heap, blocks * sizeof(*c->blocks));
    if (!c->blocks)
      return ONNXC_IMAGE_MEMORY;
    for (uint64_t k = 0; k < blocks; ++k)
      for (int l = 0; l < 64; ++l)
        c->blocks[k][l] = 0;
  }
  j->hasFrame = 1;
  return 0;
}

/* All segments to the end of the image. */
static int readSegments(Jpeg *j) {
  const onnxc_image *image = j->image;
  int scans = 0;
  j->at = 2;
  for (;;) {
    /* What is no marker is skipped: bits that are left over, too. */
    while (j->at + 1 < image->size &&
           (image->data[j->at] != 0xFF || image->data[j->at + 1] == 0 || image->data[j->at + 1] == 0xFF))
      ++j->at;
    if (j->at + 1 >= image->size)
      return ONNXC_IMAGE_DAMAGED;
    int marker = image->data[j->at + 1];
    j->at += 2;
    if (marker == 0xD9) /* EOI */
      return 0;
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) /* without data */
      continue;
    if (image->size - j->at < 2 || onnxc_read_be16(image->data + j->at) < 2 ||
        onnxc_read_be16(image->data + j->at) > image->size - j->at)
      return ONNXC_IMAGE_DAMAGED;
    const uint8_t *segment = image->data + j->at + 2;
    uint32_t size = onnxc_read_be16(image->data + j->at) - 2;
    j->at += 2 + size;
    int status = 0;
    switch (marker) {
    case 0xC0: /* SOF0: baseline */
    case 0xC1: /* SOF1: extended */
    case 0xC2: /* SOF2: progressive */
      j->isProgressive = marker == 0xC2;
      status = readFrame(j, segment, size);
      break;
    case 0xC4: /* DHT */
      status = readHuffman(j, segment, size);
      break;
    case 0xDB: /* DQT */
      status = readQuantization(j, segment, size);
      break;
    case 0xDD: /* DRI */
      if (size != 2)
        return ONNXC_IMAGE_DAMAGED;
      j->restartInterval = (int)onnxc_read_be16(segment);
      break;
    case 0xDA: /* SOS */
      /* Each takes time for the whole image, however short it is. */
      if (++scans > MostScans)
        return ONNXC_IMAGE_UNSUPPORTED;
      status = decodeScan(j, segment, size);
      break;
    case 0xE0: /* APP0 */
      j->hasJfif |= size >= 5 && segment[0] == 'J' && segment[1] == 'F' && segment[2] == 'I' && segment[3] == 'F';
      break;
    case 0xEE: /* APP14 */
      if (size >= 12 && segment[0] == 'A' && segment[1] == 'd' && segment[2] == 'o' && segment[3] == 'b' &&
          segment[4] == 'e')
        j->adobe = segment[11];
      break;
    default:
      if (marker >= 0xC3 && marker <= 0xCF) /* lossless, hierarchical, arithmetic codes */
        return ONNXC_IMAGE_UNSUPPORTED;
    }
    if (status)
      return status;
  }
}

/*===- Inverse transform --------------------------------------------------------------===*/

/* The DCT of Loeffler, Ligtenberg and Moschytz in integers, with 13 bits after the point: libjpeg's "islow". In eight
 * values that lie `step` apart, out so rounded that `shift` bits go. */
static void transform(int64_t *in, int step, int shift) {
  int64_t x0 = in[0], x1 = in[step], x2 = in[2 * step], x3 = in[3 * step];
  int64_t x4 = in[4 * step], x5 = in[5 * step], x6 = in[6 * step], x7 = in[7 * step];
  int64_t z = (x2 + x6) * 4433; /* sqrt(2) * cos(6 pi / 16) */
  int64_t even2 = z - x6 * 15137, even3 = z + x2 * 6270;
  int64_t sum = (x0 + x4) * 8192, difference = (x0 - x4) * 8192;
  int64_t even[4] = {sum + even3, difference + even2, difference - even2, sum - even3};
  int64_t z5 = (x7 + x3 + x5 + x1) * 9633;
  int64_t z1 = (x7 + x1) * -7373, z2 = (x5 + x3) * -20995, z3 = (x7 + x3) * -16069 + z5, z4 = (x5 + x1) * -3196 + z5;
  int64_t odd[4] = {x1 * 12299 + z1 + z4, x3 * 25172 + z2 + z3, x5 * 16819 + z2 + z4, x7 * 2446 + z1 + z3};
  for (int i = 0; i < 4; ++i) {
    in[i * step] = (even[i] + odd[i] + (INT64_C(1) << (shift - 1))) >> shift;
    in[(7 - i) * step] = (even[i] - odd[i] + (INT64_C(1) << (shift - 1))) >> shift;
  }
}

static void transformBlock(const int16_t *block, const uint16_t *quantization, uint8_t *to, int64_t stride) {
  int64_t values[64];
  for (int i = 0; i < 64; ++i)
    values[i] = (int64_t)block[i] * quantization[i];
  for (int i = 0; i < 8; ++i)
    transform(values + i, 8, 13 - 2);
  for (int i = 0; i < 8; ++i)
    transform(values + 8 * i, 1, 13 + 2 + 3);
  for (int i = 0; i < 64; ++i)
    to[i / 8 * stride + i % 8] = (uint8_t)onnxc_image_clamp(values[i] + 128);
}

/*===- Size and colours ---------------------------------------------------------------===*/

/* Row `y` of the image of a component, `width` samples. Between two samples lie others at 1/4 and 3/4 of the way;
 * halves are rounded down and up in turn. Components smaller than by half, or of one or two columns, are just repeated.
 */
static void upsampleRow(const Jpeg *j, const Component *c, int64_t y, uint8_t *row) {
  int64_t stride = c->blocksWide * 8, h = j->mostH / c->h, v = j->mostV / c->v, n = c->width;
  const uint8_t *near = c->samples + y / v * stride, *far = near;
  int isFancyWide = h == 2 && v <= 2 && n > 2;
  if (v == 2 && (h == 1 || isFancyWide)) {
    int64_t other = y / 2 + (y % 2 ? 1 : -1);
    other = other < 0 ? 0 : other >= c->height ? c->height - 1 : other;
    far = c->samples + other * stride;
  }
  if (h == 1 && v == 2) {
    for (int64_t x = 0; x < j->width; ++x)
      row[x] = (uint8_t)((near[x] * 3 + far[x] + (y % 2 ? 2 : 1)) >> 2);
  } else if (isFancyWide) {
    int bits = v == 2 ? 4 : 2, down = v == 2 ? 8 : 1, up = v == 2 ? 7 : 2; /* what is added before the shift */
    for (int64_t x = 0; x < j->width; ++x) {
      int64_t at = x / 2, next = x % 2 ? at + 1 : at - 1;
      int own = v == 2 ? near[at] * 3 + far[at] : near[at];
      int beside = next < 0 || next >= n ? own : v == 2 ? near[next] * 3 + far[next] : near[next];
      row[x] = (uint8_t)((own * 3 + beside + (x % 2 ? up : down)) >> bits);
    }
  } else {
    for (int64_t x = 0; x < j->width; ++x)
      row[x] = near[x / h];
  }
}

enum { GrayColor, RgbColor, YccColor, CmykColor, YcckColor };

/* As libjpeg guesses it from markers and the names of the components. */
static int colorsOf(const Jpeg *j) {
  const Component *c = j->components;
  if (j->count == 1)
    return GrayColor;
  if (j->count == 4)
    return j->adobe > 0 ? YcckColor : CmykColor;
  if (j->hasJfif)
    return YccColor;
  if (j->adobe >= 0)
    return j->adobe == 0 ? RgbColor : YccColor;
  return c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' ? RgbColor : YccColor;
}

static void putPixel(onnxc_image *image, int colors, int64_t x, int64_t y, int a, int b, int c, int d) {
  if (colors == YccColor || colors == YcckColor) {
    int cb = b - 128, cr = c - 128, luma = a, half = 1 << 15;
    a = onnxc_image_clamp(luma + ((91881 * cr + half) >> 16));
    b = onnxc_image_clamp(luma + ((-22554 * cb - 46802 * cr + half) >> 16));
    c = onnxc_image_clamp(luma + ((116130 * cb + half) >> 16));
  }
  if (colors == YcckColor)
    a = 255 - a, b = 255 - b, c = 255 - c;
  if (colors == CmykColor ||
      colors == YcckColor) { /* inks, inverted as Adobe writes them; so `d` is what is left of white */
    a = d - onnxc_image_multiply(255 - a, d);
    b = d - onnxc_image_multiply(255 - b, d);
    c = d - onnxc_image_multiply(255 - c, d);
  }
  onnxc_image_put(image, x, y, a, b, c);
}

int onnxc_decode_jpeg(onnxc_image *image) {
  Jpeg *j = onnxc_heap_allocate(image->heap, sizeof(Jpeg));
  if (!j)
    return ONNXC_IMAGE_MEMORY;
  for (uint64_t i = 0; i < sizeof(Jpeg); ++i)
    ((char *)j)[i] = 0;
  j->image = image;
  j->adobe = -1;
  int status = readSegments(j);
  if (status)
    return status;
  for (int i = 0; i < j->count; ++i) {
    Component *c = &j->components[i];
    int64_t stride = c->blocksWide * 8;
    if (!c->isSeen)
      return ONNXC_IMAGE_DAMAGED;
    c->samples = onnxc_heap_allocate(image->heap, (uint64_t)(stride * c->blocksHigh * 8));
    if (!c->samples)
      return ONNXC_IMAGE_MEMORY;
    for (int64_t y = 0; y < c->blocksHigh; ++y)
      for (int64_t x = 0; x < c->blocksWide; ++x)
        transformBlock(c->blocks[y * c->blocksWide + x], c->quantization, c->samples + y * 8 * stride + x * 8, stride);
  }
  if (!j->hasFrame)
    return ONNXC_IMAGE_DAMAGED;
  status = onnxc_image_begin(image, (uint64_t)j->width, (uint64_t)j->height);
  if (status)
    return status;
  uint8_t *rows = onnxc_heap_allocate(image->heap, (uint64_t)j->width * 4);
  if (!rows)
    return ONNXC_IMAGE_MEMORY;
  int colors = colorsOf(j);
  for (int64_t y = 0; y < j->height; ++y) {
    for (int i = 0; i < j->count; ++i)
      upsampleRow(j, &j->components[i], y, rows + i * j->width);
    for (int64_t x = 0; x < j->width; ++x) {
      const uint8_t *at = rows + x;
      if (colors == GrayColor)
        onnxc_image_put(image, x, y, at[0], at[0], at[0]);
      else
        putPixel(image, colors, x, y, at[0], at[j->width], at[2 * j->width], j->count == 4 ? at[3 * j->width] : 0);
    }
  }
  return 0;
}
