/*===- runtime/library/inflate.c ---------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Decompression of zlib streams, for PNG and TIFF.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/image.h"

typedef struct Stream {
  const uint8_t *at, *end;
  uint64_t bits; /* read ahead, the lowest bit first */
  int count;     /* of them */
  int isShort;   /* more bits were taken than there are */
  uint8_t *out;
  uint64_t written, wanted;
} Stream;

static void readAhead(Stream *s, int count) {
  for (; s->count < count && s->at != s->end; s->count += 8)
    s->bits |= (uint64_t)*s->at++ << s->count;
}

static uint32_t takeBits(Stream *s, int count) {
  readAhead(s, count);
  if (s->count < count) {
    s->isShort = 1;
    s->count = count;
  }
  uint32_t bits = (uint32_t)(s->bits & ((UINT64_C(1) << count) - 1));
  s->bits >>= count;
  s->count -= count;
  return bits;
}

enum { Lookup = 9 };

/* A canonical prefix code: how many codes of each length, and their symbols in order. For the bits that come next, the
 * short code that they begin with: length << 9 | symbol, or 0. */
typedef struct Code {
  uint16_t counts[16], symbols[288], lookup[1 << Lookup];
} Code;

/* 0 when the lengths make no code: more codes than there are bits for, or, as in zlib, fewer. But `mayBeOne` of a
 * single bit, or none; what has no code is an error then. */
static int makeCode(Code *code, const uint8_t *lengths, int count, int mayBeOne) {
  uint16_t places[16];
  int left = 1, longest = 0;
  for (int i = 0; i < 16; ++i)
    code->counts[i] = 0;
  for (int i = 0; i < count; ++i)
    ++code->counts[lengths[i]];
  code->counts[0] = 0;
  places[0] = places[1] = 0;
  for (int i = 1; i < 16; ++i) {
    left = 2 * left - code->counts[i];
    if (left < 0)
      return 0;
    longest = code->counts[i] ? i : longest;
    if (i < 15)
      places[i + 1] = (uint16_t)(places[i] + code->counts[i]);
  }
  if (left > 0 && longest > (mayBeOne ? 1 : 0))
    return 0;
  for (int i = 0; i < count; ++i)
    if (lengths[i])
      code->symbols[places[lengths[i]]++] = (uint16_t)i;
  for (int i = 0; i < 1 << Lookup; ++i)
    code->lookup[i] = 0;
  onnxc_fill_lookup(code->lookup, Lookup, 9, code->counts, code->symbols);
  return 1;
}

/* The next symbol; -1 when no code matches. Codes of a length are numbered one after the other, from twice the end of
 * those that are one shorter. */
static int takeSymbol(Stream *s, const Code *code) {
  readAhead(s, 48);
  int entry = code->lookup[s->bits & ((1 << Lookup) - 1)];
  if (entry && entry >> 9 <= s->count) {
    s->bits >>= entry >> 9;
    s->count -= entry >> 9;
    return entry & 511;
  }
  int number = 0, first = 0, index = 0;
  for (int length = 1; length < 16; ++length) {
    number |= (int)takeBits(s, 1);
    int count = code->counts[length];
    if (number - first < count)
      return code->symbols[index + number - first];
    index += count;
    first = 2 * (first + count);
    number *= 2;
  }
  return -1;
}

/* Symbols from 257 on stand for lengths, those of the other code for distances: a base, and bits that are added. */
static const uint16_t lengthBase[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t lengthBits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                     2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t distanceBase[] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                        33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                        1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};

static int inflateBlock(Stream *s, const Code *literals, const Code *distances) {
  for (;;) {
    int symbol = takeSymbol(s, literals);
    if (symbol < 0 || symbol > 285 || s->isShort)
      return 0;
    if (symbol == 256)
      return 1;
    if (symbol < 256) {
      if (s->written == s->wanted)
        return 0;
      s->out[s->written++] = (uint8_t)symbol;
      continue;
    }
    uint32_t length = lengthBase[symbol - 257] + takeBits(s, lengthBits[symbol - 257]);
    symbol = takeSymbol(s, distances);
    if (symbol < 0 || symbol > 29)
      return 0;
    uint64_t distance = distanceBase[symbol] + takeBits(s, symbol < 2 ? 0 : symbol / 2 - 1);
    if (distance > s->written || s->isShort)
      return 0;
    if (length > s->wanted - s->written)
      length = (uint32_t)(s->wanted - s->written);
    for (; length; --length, ++s->written)
      s->out[s->written] = s->out[s->written - distance];
  }
}

static int readCodes(Stream *s, Code *literals, Code *distances) {
  static const uint8_t order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  uint8_t lengths[320] = {0};
  int literalCount = (int)takeBits(s, 5) + 257, distanceCount = (int)takeBits(s, 5) + 1,
      count = (int)takeBits(s, 4) + 4;
  if (literalCount > 286 || distanceCount > 30)
    return 0;
  for (int i = 0; i < count; ++i)
    lengths[order[i]] = (uint8_t)takeBits(s, 3);
  if (!makeCode(literals, lengths, 19, 0)) /* first the code of the lengths */
    return 0;
  for (int i = 0, all = literalCount + distanceCount; i < all;) {
    int symbol = takeSymbol(s, literals), repeat = 1, value = symbol;
    if (symbol < 0 || (symbol == 16 && i == 0) || s->isShort)
      return 0;
    if (symbol > 15) {
      value = symbol == 16 ? lengths[i - 1] : 0;
      repeat = symbol == 16   ? 3 + (int)takeBits(s, 2)
               : symbol == 17 ? 3 + (int)takeBits(s, 3)
                              : 11 + (int)takeBits(s, 7);
    }
    if (repeat > all - i)
      return 0;
    while (repeat--)
      lengths[i++] = (uint8_t)value;
  }
  return lengths[256] && makeCode(literals, lengths, literalCount, 1) &&
         makeCode(distances, lengths + literalCount, distanceCount, 1);
}

static int storedBlock(Stream *s) {
  takeBits(s, s->count % 8);
  uint32_t length = takeBits(s, 16), complement = takeBits(s, 16);
  if (length != (complement ^ 0xFFFF))
    return 0;
  for (; length && s->written < s->wanted; --length) {
    uint32_t byte = takeBits(s, 8);
    if (s->isShort)
      return 0;
    s->out[s->written++] = (uint8_t)byte;
  }
  return !s->isShort;
}

int onnxc_inflate(const uint8_t *data, uint64_t size, uint8_t *out, uint64_t count) {
  if (size < 2 || (data[0] & 15) != 8 || onnxc_read_be16(data) % 31 != 0 || (data[1] & 32))
    return 0;
  Stream s = {.at = data + 2, .end = data + size, .out = out, .wanted = count};
  Code literals, distances;
  for (int isLast = 0; !isLast && s.written < count;) {
    isLast = (int)takeBits(&s, 1);
    int done;
    switch (takeBits(&s, 2)) {
    case 0:
      done = storedBlock(&s);
      break;
    case 1: {
      uint8_t lengths[288];
      for (int i = 0; i < 288; ++i)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
      makeCode(&literals, lengths, 288, 0);
      for (int i = 0; i < 32; ++i) /* of which two mean nothing */
        lengths[i] = 5;
      makeCode(&distances, lengths, 32, 0);
      done = inflateBlock(&s, &literals, &distances);
      break;
    }
    case 2:
      done = readCodes(&s, &literals, &distances) && inflateBlock(&s, &literals, &distances);
      break;
    default:
      done = 0;
    }
    /* What a block has beyond that isn't wanted. */
    if (!done && s.written < count)
      return 0;
  }
  return s.written == count;
}
