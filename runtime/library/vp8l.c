/*===- runtime/library/vp8l.c ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * WebP without loss (RFC 9649, section 3): entropy-coded pixels, and the transforms that are undone after them.
 *
 * A pixel is a number 0xAARRGGBB. The images that steer the transforms and choose the codes are coded as it is.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/webp.h"

enum { Lookup = 8, MostLength = 15, Literals = 256, Lengths = 24, Distances = 40, MostCacheBits = 11 };
enum { MostSymbols = Literals + Lengths + (1 << MostCacheBits) };
enum {
  Green,
  Red,
  Blue,
  Alpha,
  Distance,
  Codes
}; /* what a code is for; that of green has lengths and the cache, too */
enum { Prediction, CrossColor, SubtractGreen, ColorIndexing, TransformKinds };

/* A canonical prefix code: how many codes of each length, and their symbols in order. For the bits that come next, the
 * short code that they begin with: length << 12 | symbol. A single symbol takes no bits. */
typedef struct Code {
  uint16_t counts[MostLength + 1], lookup[1 << Lookup], *symbols;
  int isSingle;
} Code;

typedef struct Group {
  Code codes[Codes];
} Group;

typedef struct Transform {
  int kind, bits;  /* of the size of its blocks, or those that pixels are packed into: 8 >> bits for each */
  int64_t width;   /* before it */
  uint32_t *image; /* one pixel for each block, or the colours */
} Transform;

typedef struct Vp8l {
  onnxc_heap *heap;
  const uint8_t *at, *end;
  uint64_t bits; /* read ahead, the lowest bit first */
  int count;     /* of them */
  int isShort;   /* more bits were taken than there are */
} Vp8l;

/*===- Bits and codes -----------------------------------------------------------------===*/

static void readAhead(Vp8l *v) {
  for (; v->count <= 56 && v->at != v->end; v->count += 8)
    v->bits |= (uint64_t)*v->at++ << v->count;
}

static void dropBits(Vp8l *v, int count) {
  if (count > v->count) {
    v->isShort = 1;
    count = v->count;
  }
  v->bits = count < 64 ? v->bits >> count : 0;
  v->count -= count;
}

static uint32_t takeBits(Vp8l *v, int count) {
  readAhead(v);
  uint32_t bits = (uint32_t)(v->bits & ((UINT64_C(1) << count) - 1));
  dropBits(v, count);
  return bits;
}

/* 0 when the lengths make no code in which every sequence of bits stands for something. `symbols`: room for them. */
static int makeCode(Code *code, const uint8_t *lengths, int count, uint16_t *symbols) {
  int places[MostLength + 2] = {0}, left = 1, used = 0;
  *code = (Code){.symbols = symbols};
  for (int i = 0; i < count; ++i)
    ++code->counts[lengths[i]];
  code->counts[0] = 0;
  for (int length = 1; length <= MostLength; ++length) {
    left = 2 * left - code->counts[length];
    if (left < 0)
      return 0;
    places[length + 1] = used += code->counts[length];
  }
  for (int i = 0; i < count; ++i)
    if (lengths[i])
      symbols[places[lengths[i]]++] = (uint16_t)i;
  code->isSingle = used == 1;
  if (code->isSingle)
    return 1;
  if (left)
    return 0;
  onnxc_fill_lookup(code->lookup, Lookup, 12, code->counts, symbols);
  return 1;
}

/* Codes of a length are numbered one after the other, from twice the end of those that are one shorter. */
static int takeSymbol(Vp8l *v, const Code *code) {
  if (code->isSingle)
    return code->symbols[0];
  readAhead(v);
  int entry = code->lookup[v->bits & ((1 << Lookup) - 1)];
  if (entry) {
    dropBits(v, entry >> 12);
    return entry & 0xFFF;
  }
  int number = 0, first = 0, index = 0;
  for (int length = 1; length <= MostLength; ++length) {
    number |= (int)(v->bits >> (length - 1) & 1);
    int count = code->counts[length];
    if (number - first < count) {
      dropBits(v, length);
      return code->symbols[index + number - first];
    }
    index += count;
    first = 2 * (first + count);
    number *= 2;
  }
  return 0; /* the code has no gaps */
}

/* A length or distance of a reference: its symbol says how many bits follow. */
static uint32_t takeSize(Vp8l *v, int symbol) {
  if (symbol < 4)
    return (uint32_t)symbol + 1;
  int extra = (symbol - 2) >> 1;
  return ((2u + (symbol & 1)) << extra) + takeBits(v, extra) + 1;
}

/* The lengths of a code, themselves coded. */
static int readLengths(Vp8l *v, uint8_t *lengths, int count) {
  static const uint8_t order[19] = {17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  uint8_t own[19] = {0};
  uint16_t symbols[19];
  Code code;
  int ownCount = 4 + (int)takeBits(v, 4);
  for (int i = 0; i < ownCount; ++i)
    own[order[i]] = (uint8_t)takeBits(v, 3);
  if (!makeCode(&code, own, 19, symbols))
    return 0;
  int left = count;
  if (takeBits(v, 1)) {
    int bits = 2 + 2 * (int)takeBits(v, 3);
    left = 2 + (int)takeBits(v, bits);
    if (left > count)
      return 0;
  }
  for (int i = 0, previous = 8; i < count && left; --left) {
    int symbol = takeSymbol(v, &code);
    if (symbol < 16) {
      lengths[i++] = (uint8_t)symbol;
      previous = symbol ? symbol : previous;
      continue;
    }
    int repeat = symbol == 16   ? 3 + (int)takeBits(v, 2)
                 : symbol == 17 ? 3 + (int)takeBits(v, 3)
                                : 11 + (int)takeBits(v, 7);
    if (repeat > count - i)
      return 0;
    while (repeat--)
      lengths[i++] = (uint8_t)(symbol == 16 ? previous : 0);
  }
  return 1;
}

static int readCode(Vp8l *v, Code *code, int count, uint16_t *symbols) {
  uint8_t lengths[MostSymbols] = {0};
  if (takeBits(v, 1)) { /* one or two symbols */
    int isTwo = (int)takeBits(v, 1), isLong = (int)takeBits(v, 1);
    lengths[takeBits(v, isLong ? 8 : 1)] = 1;
    if (isTwo)
      lengths[takeBits(v, 8)] = 1;
  } else if (!readLengths(v, lengths, count)) {
    return 0;
  }
  return !v->isShort && makeCode(code, lengths, count, symbols);
}

/* As many groups as the image that chooses them asks for. NULL: see the status. */
static Group *readGroups(Vp8l *v, uint32_t count, int cacheBits, int *status) {
  *status = ONNXC_IMAGE_DAMAGED; /* a code takes four bits at least */
  if ((uint64_t)count * Codes * 4 > 8 * (uint64_t)(v->end - v->at) + (uint64_t)v->count)
    return NULL;
  const int counts[Codes] = {Literals + Lengths + (cacheBits ? 1 << cacheBits : 0), Literals, Literals, Literals,
                             Distances};
  uint64_t total = 0;
  for (int i = 0; i < Codes; ++i)
    total += (uint64_t)counts[i];
  Group *groups = onnxc_heap_allocate(v->heap, count * sizeof(Group));
  uint16_t *symbols = onnxc_heap_allocate(v->heap, count * total * sizeof(uint16_t));
  if (!groups || !symbols) {
    *status = ONNXC_IMAGE_MEMORY;
    return NULL;
  }
  for (uint32_t i = 0; i < count; ++i)
    for (int k = 0; k < Codes; symbols += counts[k++])
      if (!readCode(v, &groups[i].codes[k], counts[k], symbols))
        return NULL;
  *status = 0;
  return groups;
}

/*===- Pixels -------------------------------------------------------------------------===*/

static int64_t blocksOf(int64_t pixels, int bits) { return (pixels + (1 << bits) - 1) >> bits; }

/* From the code of a distance: short ones stand for pixels around this one, nearer ones before farther ones. */
static int64_t distanceOf(uint32_t code, int64_t width) {
  /* rows up << 4 | 8 - columns to the right */
  static const uint8_t near[120] = {
      0x18, 0x07, 0x17, 0x19, 0x28, 0x06, 0x27, 0x29, 0x16, 0x1A, 0x26, 0x2A, 0x38, 0x05, 0x37, 0x39, 0x15, 0x1B,
      0x36, 0x3A, 0x25, 0x2B, 0x48, 0x04, 0x47, 0x49, 0x14, 0x1C, 0x35, 0x3B, 0x46, 0x4A, 0x24, 0x2C, 0x58, 0x45,
      0x4B, 0x34, 0x3C, 0x03, 0x57, 0x59, 0x13, 0x1D, 0x56, 0x5A, 0x23, 0x2D, 0x44, 0x4C, 0x55, 0x5B, 0x33, 0x3D,
      0x68, 0x02, 0x67, 0x69, 0x12, 0x1E, 0x66, 0x6A, 0x22, 0x2E, 0x54, 0x5C, 0x43, 0x4D, 0x65, 0x6B, 0x32, 0x3E,
      0x78, 0x01, 0x77, 0x79, 0x53, 0x5D, 0x11, 0x1F, 0x64, 0x6C, 0x42, 0x4E, 0x76, 0x7A, 0x21, 0x2F, 0x75, 0x7B,
      0x31, 0x3F, 0x63, 0x6D, 0x52, 0x5E, 0x00, 0x74, 0x7C, 0x41, 0x4F, 0x10, 0x20, 0x62, 0x6E, 0x30, 0x73, 0x7D,
      0x51, 0x5F, 0x40, 0x72, 0x7E, 0x61, 0x6F, 0x50, 0x71, 0x7F, 0x60, 0x70};
  if (code > 120)
    return (int64_t)code - 120;
  int64_t distance = (near[code - 1] >> 4) * width + 8 - (near[code - 1] & 15);
  return distance < 1 ? 1 : distance;
}

static int readImage(Vp8l *v, int64_t width, int64_t height, uint32_t **pixels);

/* The pixels after the transforms. `isMain`: of the image, which may have a group of codes for each block. */
static int readPixels(Vp8l *v, int64_t width, int64_t height, int isMain, uint32_t *pixels) {
  int cacheBits = takeBits(v, 1) ? (int)takeBits(v, 4) : -1, blockBits = 0;
  if (cacheBits == 0 || cacheBits > MostCacheBits)
    return ONNXC_IMAGE_DAMAGED;
  cacheBits = cacheBits < 0 ? 0 : cacheBits;
  uint32_t groupCount = 1, *choices = NULL;
  if (isMain && takeBits(v, 1)) {
    blockBits = 2 + (int)takeBits(v, 3);
    int64_t blocks = blocksOf(width, blockBits) * blocksOf(height, blockBits);
    int status = readImage(v, blocksOf(width, blockBits), blocksOf(height, blockBits), &choices);
    if (status)
      return status;
    for (int64_t i = 0; i < blocks; ++i) {
      choices[i] = choices[i] >> 8 & 0xFFFF;
      groupCount = choices[i] >= groupCount ? choices[i] + 1 : groupCount;
    }
  }
  int status;
  const Group *groups = readGroups(v, groupCount, cacheBits, &status);
  if (!groups)
    return status;
  uint32_t cache[1 << MostCacheBits];
  for (int i = 0; i < 1 << MostCacheBits; ++i)
    cache[i] = 0;
  for (int64_t at = 0, total = width * height, cached = 0; at < total;) {
    int64_t block = choices ? (at / width >> blockBits) * blocksOf(width, blockBits) + (at % width >> blockBits) : 0;
    const Code *codes = groups[choices ? choices[block] : 0].codes;
    int symbol = takeSymbol(v, &codes[Green]);
    if (symbol < Literals) {
      uint32_t red = (uint32_t)takeSymbol(v, &codes[Red]), blue = (uint32_t)takeSymbol(v, &codes[Blue]);
      pixels[at++] = (uint32_t)takeSymbol(v, &codes[Alpha]) << 24 | red << 16 | (uint32_t)symbol << 8 | blue;
    } else if (symbol < Literals + Lengths) {
      int64_t length = takeSize(v, symbol - Literals);
      int64_t distance = distanceOf(takeSize(v, takeSymbol(v, &codes[Distance])), width);
      if (distance > at || length > total - at)
        return ONNXC_IMAGE_DAMAGED;
      for (; length; --length, ++at)
        pixels[at] = pixels[at - distance];
    } else {
      pixels[at++] = cache[symbol - Literals - Lengths];
    }
    if (v->isShort)
      return ONNXC_IMAGE_DAMAGED;
    for (; cacheBits && cached < at; ++cached)
      cache[0x1E35A7BDu * pixels[cached] >> (32 - cacheBits)] = pixels[cached];
  }
  return 0;
}

/* An image that belongs to a transform, or that chooses codes. */
static int readImage(Vp8l *v, int64_t width, int64_t height, uint32_t **pixels) {
  *pixels = onnxc_heap_allocate(v->heap, (uint64_t)(width * height) * sizeof(**pixels));
  return *pixels ? readPixels(v, width, height, 0, *pixels) : ONNXC_IMAGE_MEMORY;
}

/*===- Transforms ---------------------------------------------------------------------===*/

/* Of each channel. */
static uint32_t add(uint32_t a, uint32_t b) {
  return (((a & 0xFF00FF00) + (b & 0xFF00FF00)) & 0xFF00FF00) | (((a & 0x00FF00FF) + (b & 0x00FF00FF)) & 0x00FF00FF);
}
static uint32_t mean(uint32_t a, uint32_t b) { return (a & b) + (((a ^ b) & 0xFEFEFEFE) >> 1); }
static int channel(uint32_t pixel, int shift) { return (int)(pixel >> shift & 255); }

/* Whichever of `top` and `left` is nearer to left + top - corner. */
static uint32_t nearest(uint32_t left, uint32_t top, uint32_t corner) {
  int difference = 0;
  for (int shift = 0; shift < 32; shift += 8) {
    int toTop = channel(left, shift) - channel(corner, shift), toLeft = channel(top, shift) - channel(corner, shift);
    difference += (toTop < 0 ? -toTop : toTop) - (toLeft < 0 ? -toLeft : toLeft);
  }
  return difference <= 0 ? top : left;
}

/* a + (b - c), or half of that difference. */
static uint32_t extend(uint32_t a, uint32_t b, uint32_t c, int divisor) {
  uint32_t sum = 0;
  for (int shift = 0; shift < 32; shift += 8)
    sum |= (uint32_t)onnxc_image_clamp(channel(a, shift) + (channel(b, shift) - channel(c, shift)) / divisor) << shift;
  return sum;
}

/* `above`: the pixel above; before it the corner, behind it the next one (of the last column: the first of this row).
 */
static uint32_t predict(uint32_t mode, uint32_t left, const uint32_t *above) {
  uint32_t corner = above[-1], top = above[0], right = above[1];
  switch (mode) {
  case 1:
    return left;
  case 2:
    return top;
  case 3:
    return right;
  case 4:
    return corner;
  case 5:
    return mean(mean(left, right), top);
  case 6:
    return mean(left, corner);
  case 7:
    return mean(left, top);
  case 8:
    return mean(corner, top);
  case 9:
    return mean(top, right);
  case 10:
    return mean(mean(left, corner), mean(top, right));
  case 11:
    return nearest(left, top, corner);
  case 12:
    return extend(left, top, corner, 1);
  case 13:
    return extend(mean(left, top), mean(left, top), corner, 2);
  default:
    return 0xFF000000;
  }
}

static void undoPrediction(const Transform *t, int64_t height, uint32_t *pixels) {
  int64_t width = t->width;
  for (int64_t y = 0; y < height; ++y) {
    const uint32_t *modes = t->image + (y >> t->bits) * blocksOf(width, t->bits);
    for (int64_t x = 0; x < width; ++x, ++pixels) {
      uint32_t guess = y == 0   ? x == 0 ? 0xFF000000 : pixels[-1]
                       : x == 0 ? pixels[-width]
                                : predict(modes[x >> t->bits] >> 8 & 15, pixels[-1], pixels - width);
      *pixels = add(*pixels, guess);
    }
  }
}

/* A part of one channel that was subtracted from another: both signed, 3.5 bits. */
static uint32_t part(uint32_t factor, uint32_t value) { return (uint32_t)((int8_t)factor * (int8_t)value >> 5); }

static void undoCrossColor(const Transform *t, int64_t height, uint32_t *pixels) {
  for (int64_t y = 0; y < height; ++y) {
    const uint32_t *factors = t->image + (y >> t->bits) * blocksOf(t->width, t->bits);
    for (int64_t x = 0; x < t->width; ++x, ++pixels) {
      uint32_t factor = factors[x >> t->bits], green = *pixels >> 8;
      uint32_t red = (*pixels >> 16) + part(factor, green);
      uint32_t blue = *pixels + part(factor >> 8, green) + part(factor >> 16, red);
      *pixels = (*pixels & 0xFF00FF00) | (red & 255) << 16 | (blue & 255);
    }
  }
}

static void undoSubtractGreen(const Transform *t, int64_t height, uint32_t *pixels) {
  for (int64_t i = 0; i < t->width * height; ++i) {
    uint32_t green = pixels[i] >> 8 & 255;
    pixels[i] = add(pixels[i], green << 16 | green);
  }
}

/* From the last pixel to the first: a row becomes longer where it lies. */
static void undoColorIndexing(const Transform *t, int64_t height, uint32_t *pixels) {
  int64_t packed = blocksOf(t->width, t->bits);
  int width = 8 >> t->bits;
  for (int64_t y = height; y--;)
    for (int64_t x = t->width; x--;) {
      int shift = 8 + (int)(x & ((1 << t->bits) - 1)) * width;
      pixels[y * t->width + x] = t->image[pixels[y * packed + (x >> t->bits)] >> shift & ((1u << width) - 1)];
    }
}

/* Its width becomes that of the pixels that are packed. */
static int readTransform(Vp8l *v, Transform *t, int64_t *width, int64_t height) {
  t->width = *width;
  if (t->kind == Prediction || t->kind == CrossColor) {
    t->bits = 2 + (int)takeBits(v, 3);
    return readImage(v, blocksOf(*width, t->bits), blocksOf(height, t->bits), &t->image);
  }
  if (t->kind == SubtractGreen)
    return 0;
  int colors = 1 + (int)takeBits(v, 8);
  uint32_t *read;
  int status = readImage(v, colors, 1, &read);
  if (status)
    return status;
  t->image = onnxc_heap_allocate(v->heap, 256 * sizeof(*t->image));
  if (!t->image)
    return ONNXC_IMAGE_MEMORY;
  for (int i = 0; i < 256; ++i) /* a colour is a difference to the one before it; those that are missing are 0 */
    t->image[i] = i >= colors ? 0 : i ? add(read[i], t->image[i - 1]) : read[0];
  t->bits = colors > 16 ? 0 : colors > 4 ? 1 : colors > 2 ? 2 : 3;
  *width = blocksOf(*width, t->bits);
  return 0;
}

int onnxc_decode_vp8l(const onnxc_webp_frame *frame) {
  onnxc_image *image = frame->image;
  Vp8l stream = {.heap = image->heap, .at = frame->data + ONNXC_VP8L_HEADER, .end = frame->data + frame->size};
  Vp8l *v = &stream;
  Transform transforms[TransformKinds];
  int count = 0, seen = 0;
  int64_t width = frame->width, height = frame->height;
  while (takeBits(v, 1)) {
    Transform *t = &transforms[count];
    int kind = (int)takeBits(v, 2);
    if (v->isShort || seen >> kind & 1) /* each once */
      return ONNXC_IMAGE_DAMAGED;
    seen |= 1 << kind;
    ++count;
    *t = (Transform){.kind = kind};
    int status = readTransform(v, t, &width, height);
    if (status)
      return status;
  }
  uint32_t *pixels = onnxc_heap_allocate(image->heap, (uint64_t)(frame->width * height) * sizeof(*pixels));
  if (!pixels)
    return ONNXC_IMAGE_MEMORY;
  int status = readPixels(v, width, height, 1, pixels);
  if (status)
    return status;
  while (count) {
    const Transform *t = &transforms[--count];
    (t->kind == Prediction      ? undoPrediction
     : t->kind == CrossColor    ? undoCrossColor
     : t->kind == SubtractGreen ? undoSubtractGreen
                                : undoColorIndexing)(t, height, pixels);
  }
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < frame->width; ++x, ++pixels)
      onnxc_image_put(image, frame->left + x, frame->top + y, channel(*pixels, 16), channel(*pixels, 8),
                      channel(*pixels, 0));
  return 0;
}
