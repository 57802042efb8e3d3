/*===- runtime/library/encode-image.c ----------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * EncodeImage: pixels as a PNG or JPEG file.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/image.h"

/* The pixels, and the file as it grows. */
typedef struct {
  onnxc_heap *heap;
  const uint8_t *pixels;
  int64_t width, height;
  int isBgr;
  uint8_t *bytes;
  uint64_t size, room;
  uint32_t bits; /* that are not yet a byte */
  int bitCount;
  int isFull; /* there was no memory */
} Encoder;

static void put(Encoder *e, int byte) {
  if (e->size == e->room) {
    uint64_t room = e->room * 2 + 4096;
    uint8_t *larger = onnxc_heap_allocate(e->heap, room);
    if (!larger) {
      e->isFull = 1;
      return;
    }
    for (uint64_t i = 0; i < e->size; ++i)
      larger[i] = e->bytes[i];
    e->bytes = larger;
    e->room = room;
  }
  e->bytes[e->size++] = (uint8_t)byte;
}

static void putAll(Encoder *e, const char *bytes, int count) {
  for (int i = 0; i < count; ++i)
    put(e, (uint8_t)bytes[i]);
}

static void put16(Encoder *e, uint32_t value) {
  put(e, value >> 8 & 255);
  put(e, value & 255);
}

static void put32(Encoder *e, uint32_t value) {
  put16(e, value >> 16);
  put16(e, value & 0xFFFF);
}

/* Red, green and blue of a pixel. */
static void readPixel(const Encoder *e, int64_t x, int64_t y, uint8_t *rgb) {
  const uint8_t *pixel = e->pixels + (y * e->width + x) * 3;
  for (int i = 0; i < 3; ++i)
    rgb[i] = pixel[e->isBgr ? 2 - i : i];
}

/*===- PNG ---------------------------------------------------------------------------===*/
/* ISO/IEC 15948; the compression is RFC 1950 and 1951 with the fixed codes. */

static void putChunkEnd(Encoder *e, uint64_t begin) {
  uint32_t length = (uint32_t)(e->size - begin - 8), crc = ~0u;
  for (int i = 0; i < 4 && !e->isFull; ++i)
    e->bytes[begin + (uint64_t)i] = (uint8_t)(length >> (24 - 8 * i));
  for (uint64_t i = begin + 4; i < e->size; ++i) {
    crc ^= e->bytes[i];
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  put32(e, ~crc);
}

static uint64_t putChunkBegin(Encoder *e, const char *type) {
  uint64_t begin = e->size;
  put32(e, 0); /* the length, later */
  putAll(e, type, 4);
  return begin;
}

/* The lowest bit first. */
static void putBits(Encoder *e, uint32_t bits, int count) {
  for (int i = 0; i < count; ++i) {
    e->bits |= (bits >> i & 1) << e->bitCount;
    if (++e->bitCount == 8) {
      put(e, (int)e->bits);
      e->bits = 0;
      e->bitCount = 0;
    }
  }
}

/* A code's highest bit comes first. */
static void putCode(Encoder *e, uint32_t code, int count) {
  for (int i = count - 1; i >= 0; --i)
    putBits(e, code >> i & 1, 1);
}

static void putSymbol(Encoder *e, int symbol) {
  if (symbol < 144)
    putCode(e, (uint32_t)(0x30 + symbol), 8);
  else if (symbol < 256)
    putCode(e, (uint32_t)(0x190 + symbol - 144), 9);
  else if (symbol < 280)
    putCode(e, (uint32_t)(symbol - 256), 7);
  else
    putCode(e, (uint32_t)(0xC0 + symbol - 280), 8);
}

/* A copy of 3 to 258 bytes from up to 32768 before. The ranges of lengths and distances double in size every four and
 * every two symbols. */
static void putCopy(Encoder *e, uint32_t length, uint32_t distance) {
  uint32_t symbol = length - 3, extra = 0;
  if (length == 258) {
    putSymbol(e, 285);
  } else {
    while (symbol >= 8u << extra)
      ++extra;
    putSymbol(e, (int)(257 + 4 * extra + (symbol >> extra)));
    putBits(e, symbol & ((1u << extra) - 1), (int)extra);
  }
  symbol = distance - 1;
  extra = 0;
  while (symbol >= 4u << extra)
    ++extra;
  putCode(e, 2 * extra + (symbol >> extra), 5);
  putBits(e, symbol & ((1u << extra) - 1), (int)extra);
}

enum { Slots = 1 << 13 };

/* Copies are of where the same three bytes were last. */
static int putCompressed(Encoder *e, const uint8_t *data, uint64_t size) {
  uint64_t *last = onnxc_heap_allocate(e->heap, Slots * sizeof(uint64_t));
  if (!last)
    return 0;
  for (int i = 0; i < Slots; ++i)
    last[i] = UINT64_MAX;
  put16(e, 0x7801);
  putBits(e, 3, 3); /* the last block, fixed codes */
  for (uint64_t at = 0; at < size;) {
    uint64_t from = UINT64_MAX, length = 0, left = size - at;
    if (left >= 3) {
      uint32_t key = (data[at] | (uint32_t)data[at + 1] << 8 | (uint32_t)data[at + 2] << 16) * 0x9E3779B1u >> 19;
      from = last[key];
      last[key] = at;
    }
    if (from != UINT64_MAX && at - from <= 32768)
      while (length < 258 && length < left && data[from + length] == data[at + length])
        ++length;
    if (length < 3) {
      putSymbol(e, data[at++]);
      continue;
    }
    putCopy(e, (uint32_t)length, (uint32_t)(at - from));
    at += length;
  }
  putSymbol(e, 256);
  if (e->bitCount)
    putBits(e, 0, 8 - e->bitCount);
  uint32_t a = 1, b = 0;
  for (uint64_t i = 0; i < size; ++i) {
    a = (a + data[i]) % 65521;
    b = (b + a) % 65521;
  }
  put32(e, b << 16 | a);
  return 1;
}

/* Each row says with a byte that its bytes are differences from the pixel before. */
static int encodePng(Encoder *e) {
  uint64_t stride = (uint64_t)e->width * 3 + 1, size = stride * (uint64_t)e->height;
  if (e->width > INT32_MAX || e->height > INT32_MAX || size > UINT32_MAX / 2)
    return 1;
  uint8_t *rows = onnxc_heap_allocate(e->heap, size);
  if (!rows)
    return ONNXC_IMAGE_MEMORY;
  for (int64_t y = 0; y < e->height; ++y) {
    uint8_t *row = rows + (uint64_t)y * stride, before[3] = {0, 0, 0}, rgb[3];
    *row++ = 1;
    for (int64_t x = 0; x < e->width; ++x) {
      readPixel(e, x, y, rgb);
      for (int i = 0; i < 3; ++i) {
        *row++ = (uint8_t)(rgb[i] - before[i]);
        before[i] = rgb[i];
      }
    }
  }
  putAll(e, "\x89PNG\r\n\x1A\n", 8);
  uint64_t chunk = putChunkBegin(e, "IHDR");
  put32(e, (uint32_t)e->width);
  put32(e, (uint32_t)e->height);
  putAll(e, "\x08\x02\0\0\0", 5); /* 8 bits, colours, the only compression and filters, not interlaced */
  putChunkEnd(e, chunk);
  chunk = putChunkBegin(e, "IDAT");
  if (!putCompressed(e, rows, size))
    return ONNXC_IMAGE_MEMORY;
  putChunkEnd(e, chunk);
  putChunkEnd(e, putChunkBegin(e, "IEND"));
  return 0;
}

/*===- JPEG --------------------------------------------------------------------------===*/
/* ITU-T T.81, baseline, with the tables of its annex K. All arithmetic is that of the Independent JPEG Group's library
 * in its slow, exact mode with quality 95, so that the bytes are the same, too. */

static const uint8_t kZigzag[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/* Table K.1 and K.2. */
static const uint8_t kSteps[2][64] = {
    {16, 11,  10,  16, 24, 40, 51, 61, 12,  12,  14,  19,  26, 58, 60, 55,  14,  13,  16,  24, 40, 57,
     69, 56,  14,  17, 22, 29, 51, 87, 80,  62,  18,  22,  37, 56, 68, 109, 103, 77,  24,  35, 55, 64,
     81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,  112, 100, 103, 99},
    {17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
     99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
     99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99}};

/* Table K.3 to K.6: how many codes of each length, then their symbols. */
static const char kCodes[4][16 + 162 + 1] = {
    "\0\1\5\1\1\1\1\1\1\0\0\0\0\0\0\0\0\1\2\3\4\5\6\7\10\11\12\13",
    "\0\3\1\1\1\1\1\1\1\1\1\0\0\0\0\0\0\1\2\3\4\5\6\7\10\11\12\13",
    "\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d"
    "\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\x08\x23\x42\xb1\xc1"
    "\x15\x52\xd1\xf0\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28\x29\x2a\x34\x35\x36\x37\x38\x39"
    "\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75"
    "\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7"
    "\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8"
    "\xd9\xda\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa",
    "\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77"
    "\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\x91\xa1\xb1\xc1\x09"
    "\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26\x27\x28\x29\x2a\x35\x36\x37\x38"
    "\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74"
    "\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5"
    "\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6"
    "\xd7\xd8\xd9\xda\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa"};

typedef struct {
  uint16_t code[256];
  uint8_t length[256];
} Codes;

/* Codes of a length follow each other, and the next length goes on with twice the next code. */
static int makeCodes(Codes *codes, const char *table) {
  int symbols = 0;
  uint32_t code = 0;
  for (int length = 1; length <= 16; ++length, code *= 2)
    for (int i = 0; i < table[length - 1]; ++i, ++code, ++symbols) {
      uint8_t symbol = (uint8_t)table[16 + symbols];
      codes->code[symbol] = (uint16_t)code;
      codes->length[symbol] = (uint8_t)length;
    }
  return symbols;
}

/* The highest bit first; a byte of ones is followed by a zero. */
static void putHuffman(Encoder *e, uint32_t bits, int count) {
  for (int i = count - 1; i >= 0; --i) {
    e->bits = e->bits << 1 | (bits >> i & 1);
    if (++e->bitCount == 8) {
      put(e, (int)(e->bits & 255));
      if ((e->bits & 255) == 255)
        put(e, 0);
      e->bits = 0;
      e->bitCount = 0;
    }
  }
}

static int bitsOf(int value) {
  int count = 0;
  for (value = value < 0 ? -value : value; value; value >>= 1)
    ++count;
  return count;
}

/* A code for how many bits the value has, with the zeros before it, then these bits: of negative values less one. */
static void putValue(Encoder *e, const Codes *codes, int zeros, int value) {
  int count = bitsOf(value), symbol = zeros << 4 | count;
  putHuffman(e, codes->code[symbol], codes->length[symbol]);
  putHuffman(e, (uint32_t)(value < 0 ? value - 1 : value), count);
}

static void putBlock(Encoder *e, const Codes *dc, const Codes *ac, const int *block, int *before) {
  putValue(e, dc, 0, block[0] - *before);
  *before = block[0];
  int zeros = 0;
  for (int i = 1; i < 64; ++i) {
    int value = block[kZigzag[i]];
    if (value == 0) {
      ++zeros;
      continue;
    }
    for (; zeros > 15; zeros -= 16)
      putHuffman(e, ac->code[0xF0], ac->length[0xF0]);
    putValue(e, ac, zeros, value);
    zeros = 0;
  }
  if (zeros)
    putHuffman(e, ac->code[0], ac->length[0]);
}

static int shifted(int64_t x, int by) { return (int)((x + ((int64_t)1 << (by - 1))) >> by); }

/* Eight values, `step` apart: Loeffler, Ligtenberg and Moschytz' transform in 13 bits of fraction. The first pass keeps
 * two bits more, the second drops them. */
static void transform(int *d, int step, int isFirst) {
  int64_t s0 = d[0] + d[7 * step], s1 = d[step] + d[6 * step], s2 = d[2 * step] + d[5 * step],
          s3 = d[3 * step] + d[4 * step];
  int64_t t0 = d[3 * step] - d[4 * step], t1 = d[2 * step] - d[5 * step], t2 = d[step] - d[6 * step],
          t3 = d[0] - d[7 * step];
  int64_t even = s0 + s3, odd = s1 + s2, p = s0 - s3, q = s1 - s2;
  int by = isFirst ? 11 : 15;
  d[0] = isFirst ? (int)(even + odd) * 4 : shifted(even + odd, 2);
  d[4 * step] = isFirst ? (int)(even - odd) * 4 : shifted(even - odd, 2);
  int64_t turn = (p + q) * 4433;
  d[2 * step] = shifted(turn + p * 6270, by);
  d[6 * step] = shifted(turn - q * 15137, by);
  int64_t z5 = (t0 + t2 + t1 + t3) * 9633;
  int64_t z1 = (t0 + t3) * -7373, z2 = (t1 + t2) * -20995, z3 = (t0 + t2) * -16069 + z5, z4 = (t1 + t3) * -3196 + z5;
  d[7 * step] = shifted(t0 * 2446 + z1 + z3, by);
  d[5 * step] = shifted(t1 * 16819 + z2 + z4, by);
  d[3 * step] = shifted(t2 * 25172 + z2 + z3, by);
  d[step] = shifted(t3 * 12299 + z1 + z4, by);
}

/* Of sixteen values the eight lowest: what is left of them at half the resolution. The numbers are sqrt(2) cos(k pi /
 * 32) and sums of these. */
#define FIX(X) ((int64_t)((X) * 8192 + 0.5))
static void halve(const int *x, int step, int *y, int by, int isFirst) {
  int64_t s[8], d[8], p[4], q[4];
  for (int i = 0; i < 8; ++i) {
    s[i] = x[i * step] + x[(15 - i) * step];
    d[i] = x[i * step] - x[(15 - i) * step];
  }
  for (int i = 0; i < 4; ++i) {
    p[i] = s[i] + s[7 - i];
    q[i] = s[i] - s[7 - i];
  }
  int64_t sum = p[0] + p[1] + p[2] + p[3];
  y[0] = isFirst ? (int)sum * 4 : shifted(sum, 4);
  y[4] = shifted((p[0] - p[3]) * FIX(1.306562965) + (p[1] - p[2]) * 4433, by);
  int64_t turn = (q[3] - q[1]) * FIX(0.275899379) + (q[0] - q[2]) * FIX(1.387039845);
  y[2] = shifted(turn + q[1] * FIX(1.451774982) + q[2] * FIX(2.172734804), by);
  y[6] = shifted(turn - q[0] * FIX(0.211164243) - q[3] * FIX(1.061594338), by);
  int64_t a = (d[0] + d[1]) * FIX(1.353318001) + (d[6] - d[7]) * FIX(0.410524528);
  int64_t b = (d[0] + d[2]) * FIX(1.247225013) + (d[5] + d[7]) * FIX(0.666655658);
  int64_t c = (d[0] + d[3]) * FIX(1.093201867) + (d[4] - d[7]) * FIX(0.897167586);
  int64_t e = (d[1] + d[2]) * FIX(0.138617169) + (d[6] - d[5]) * FIX(1.407403738);
  int64_t f = -(d[1] + d[3]) * FIX(0.666655658) - (d[4] + d[6]) * FIX(1.247225013);
  int64_t g = -(d[2] + d[3]) * FIX(1.353318001) + (d[5] - d[4]) * FIX(0.410524528);
  y[1] = shifted(a + b + c - d[0] * FIX(2.286341144) + d[7] * FIX(0.779653625), by);
  y[3] = shifted(a + e + f + d[1] * FIX(0.071888074) - d[6] * FIX(1.663905119), by);
  y[5] = shifted(b + e + g - d[2] * FIX(1.125726048) + d[5] * FIX(1.227391138), by);
  y[7] = shifted(c + f + g + d[3] * FIX(1.065388962) + d[4] * FIX(2.167985692), by);
}

/* One of brightness and the two colours, in 16 bits of fraction. The pixels at the edges are repeated. */
static int component(const Encoder *e, int which, int64_t x, int64_t y) {
  uint8_t rgb[3];
  readPixel(e, x < e->width ? x : e->width - 1, y < e->height ? y : e->height - 1, rgb);
  int r = rgb[0], g = rgb[1], b = rgb[2];
  if (which == 0)
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
  int colour = which == 1 ? -11059 * r - 21709 * g + 32768 * b : 32768 * r - 27439 * g - 5329 * b;
  return (colour + (128 << 16) + 32767) >> 16;
}

/* The block at these pixels, 8 by 8 of brightness or 16 by 16 of a colour, transformed and divided by the steps. */
static void readBlock(const Encoder *e, int which, int64_t left, int64_t top, const uint8_t *steps, int *block) {
  int samples[16 * 16], rows[16 * 8], size = which ? 16 : 8;
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x)
      samples[y * size + x] = component(e, which, left + x, top + y) - 128;
  if (which == 0) {
    for (int i = 0; i < 8; ++i)
      transform(samples + i * 8, 1, 1);
    for (int i = 0; i < 8; ++i)
      transform(samples + i, 8, 0);
  } else {
    for (int i = 0; i < 16; ++i)
      halve(samples + i * 16, 1, rows + i * 8, 11, 1);
    for (int i = 0; i < 8; ++i) {
      int column[8];
      halve(rows + i, 8, column, 17, 0);
      for (int k = 0; k < 8; ++k)
        samples[k * 8 + i] = column[k];
    }
  }
  for (int i = 0; i < 64; ++i) { /* the transform is eight times too large */
    int step = steps[i] * 8, value = samples[i] < 0 ? -samples[i] : samples[i];
    value = (value + step / 2) / step;
    block[i] = samples[i] < 0 ? -value : value;
  }
}

static int encodeJpeg(Encoder *e) {
  if (e->width > 65500 || e->height > 65500)
    return 1;
  uint8_t steps[2][64];
  Codes *codes = onnxc_heap_allocate(e->heap, 4 * sizeof(Codes));
  if (!codes)
    return ONNXC_IMAGE_MEMORY;
  putAll(e, "\xFF\xD8\xFF\xE0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", 20);
  for (int table = 0; table < 2; ++table) {
    putAll(e, "\xFF\xDB\0\x43", 4);
    put(e, table);
    for (int i = 0; i < 64; ++i) {
      int step = (kSteps[table][i] * 10 + 50) / 100; /* quality 95 */
      steps[table][i] = (uint8_t)(step < 1 ? 1 : step);
    }
    for (int i = 0; i < 64; ++i)
      put(e, steps[table][kZigzag[i]]);
  }
  putAll(e, "\xFF\xC0\0\x11\x08", 5);
  put16(e, (uint32_t)e->height);
  put16(e, (uint32_t)e->width);
  putAll(e, "\3\1\x22\0\2\x11\1\3\x11\1", 10);
  for (int i = 0; i < 4; ++i) { /* brightness and colour: of each the first and the other numbers */
    int which = (i & 1) * 2 + i / 2, symbols = makeCodes(&codes[which], kCodes[which]);
    putAll(e, "\xFF\xC4", 2);
    put16(e, (uint32_t)(symbols + 19));
    put(e, (i & 1) << 4 | i / 2);
    putAll(e, kCodes[which], symbols + 16);
  }
  putAll(e, "\xFF\xDA\0\x0C\3\1\0\2\x11\3\x11\0\x3F\0", 14);
  int before[3] = {0, 0, 0}, block[64];
  e->bits = 0;
  e->bitCount = 0;
  for (int64_t y = 0; y < e->height; y += 16)
    for (int64_t x = 0; x < e->width; x += 16) {
      for (int i = 0; i < 4; ++i) { /* four blocks of brightness; one that isn't there is like the one before it */
        int64_t left = x + i % 2 * 8, top = y + i / 2 * 8;
        if (left < e->width && top < e->height) {
          readBlock(e, 0, left, top, steps[0], block);
        } else {
          block[0] = before[0];
          for (int k = 1; k < 64; ++k)
            block[k] = 0;
        }
        putBlock(e, &codes[0], &codes[2], block, &before[0]);
      }
      for (int i = 1; i < 3; ++i) {
        readBlock(e, i, x, y, steps[1], block);
        putBlock(e, &codes[1], &codes[3], block, &before[i]);
      }
    }
  putHuffman(e, 0x7F, e->bitCount ? 8 - e->bitCount : 0);
  putAll(e, "\xFF\xD9", 2);
  return 0;
}

/* In: pixels [height, width, 3], the numbers {format: 0 is JPEG, 1 PNG; of the pixels}. Out: the bytes of the file. */
int32_t onnxc_encode_image(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const int64_t *numbers = in[1]->data;
  Encoder e = {.heap = heap,
               .pixels = in[0]->data,
               .width = in[0]->dims[1],
               .height = in[0]->dims[0],
               .isBgr = numbers[1] == ONNXC_IMAGE_BGR};
  if (e.width < 1 || e.height < 1)
    return 1;
  int status = numbers[0] ? encodePng(&e) : encodeJpeg(&e);
  if (status)
    return status;
  int64_t size = (int64_t)e.size;
  if (e.isFull || !onnxc_make_tensor(heap, out, &size))
    return ONNXC_IMAGE_MEMORY;
  uint8_t *bytes = out->data;
  for (int64_t i = 0; i < size; ++i)
    bytes[i] = e.bytes[i];
  return 0;
}
