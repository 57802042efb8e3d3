/*===- runtime/library/vp8.c -------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * WebP with loss: a key frame of VP8 (RFC 6386), to the bit what libwebp gives.
 *
 * All macroblocks are predicted from the ones above and left of them and corrected, then their edges are smoothed, then
 * the colours are brought to the size of the image. Numbers of sections are those of RFC 6386.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/vp8-tables.h"
#include "runtime/library/webp.h"

enum { MostPartitions = 8, Segments = 4 };
/* Modes of prediction: of whole macroblocks the first four, of their 4x4 blocks all. */
enum { DcMode, TrueMotion, Vertical, Horizontal, LeftDown, RightDown, VerticalRight, VerticalLeft, HorizontalDown };
enum { HorizontalUp = HorizontalDown + 1 };
/* Kinds of blocks of coefficients: luma without its DC, those DCs, chroma, luma. */
enum { LumaRest, LumaDc, Chroma, Luma };

/* Section 7: a number is narrowed down, bit after bit by the probability that it is 0. */
typedef struct Bits {
  const uint8_t *at, *end;
  uint64_t value;
  uint32_t range;
  int count; /* bits of `value` beyond the 8 that are compared */
  int isShort;
} Bits;

/* Samples of a component in whole macroblocks; in the row and column before them what the first ones are predicted
 * from. */
typedef struct Plane {
  uint8_t *at;
  int64_t stride;
} Plane;

/* Whether the blocks along an edge of a macroblock have coefficients: 4 of luma, 2 and 2 of chroma, the DCs. */
typedef struct Edge {
  uint8_t has[9], modes[4];
} Edge;

typedef struct Segment {
  int quantizer, filterLevel;
  int steps[4][2]; /* by kind, of DC and others */
} Segment;

typedef struct Smoothing {
  uint8_t level, hasInner;
} Smoothing;

typedef struct Vp8 {
  const onnxc_webp_frame *frame;
  int64_t wide, high; /* in macroblocks */
  Plane planes[3];
  Bits header, partitions[MostPartitions];
  int partitionCount;
  int hasSegments, hasSegmentMap, segmentsAreAbsolute;
  uint8_t segmentProbabilities[3];
  Segment segments[Segments];
  int isSimpleFilter, filterLevel, sharpness, hasFilterDeltas, filterDeltaIntra, filterDeltaBlocks;
  int hasSkips, skipProbability;
  uint8_t probabilities[4][8][3][11];
  Edge *above, left;
  Smoothing *smoothing; /* of each macroblock */
} Vp8;

/*===- Bits ---------------------------------------------------------------------------===*/

static void startBits(Bits *b, const uint8_t *at, uint64_t size) {
  *b = (Bits){.at = at, .end = at + size, .range = 255, .count = -8};
}

/* One byte more than there is may be asked for; it is 0, as in libwebp. */
static void readByte(Bits *b) {
  if (b->at < b->end) {
    b->value = b->value << 8 | *b->at++;
    b->count += 8;
  } else if (!b->isShort) {
    b->value <<= 8;
    b->count += 8;
    b->isShort = 1;
  } else {
    b->count = 0;
  }
}

/* A bit that is 0 in `probability` of 256 cases. */
static int takeBit(Bits *b, uint32_t probability) {
  if (b->count < 0)
    readByte(b);
  uint32_t split = 1 + ((b->range - 1) * probability >> 8);
  uint64_t limit = (uint64_t)split << b->count;
  int bit = b->value >= limit;
  if (bit) {
    b->range -= split;
    b->value -= limit;
  } else {
    b->range = split;
  }
  int shift = __builtin_clz(b->range) - 24;
  b->range <<= shift;
  b->count -= shift;
  return bit;
}

static int takeFlag(Bits *b) { return takeBit(b, 128); }

static int takeNumber(Bits *b, int count) {
  int number = 0;
  while (count--)
    number = 2 * number + takeFlag(b);
  return number;
}

static int takeSigned(Bits *b, int count) {
  int number = takeNumber(b, count);
  return takeFlag(b) ? -number : number;
}

/* One that may be missing. */
static int takeOptional(Bits *b, int count) { return takeFlag(b) ? takeSigned(b, count) : 0; }

/* Through a tree (section 8.1): of a node the next, or from 0 down the negative of a leaf. */
static int takeTree(Bits *b, const int8_t *tree, const uint8_t *probabilities) {
  int at = 0;
  do
    at = tree[at + takeBit(b, probabilities[at >> 1])];
  while (at > 0);
  return -at;
}

/*===- Header -------------------------------------------------------------------------===*/

static int clampTo(int x, int most) { return x < 0 ? 0 : x > most ? most : x; }

/* Section 9.3. */
static void readSegments(Vp8 *v) {
  Bits *b = &v->header;
  v->hasSegments = takeFlag(b);
  v->segmentsAreAbsolute = 1;
  if (!v->hasSegments)
    return;
  v->hasSegmentMap = takeFlag(b);
  if (takeFlag(b)) {
    v->segmentsAreAbsolute = takeFlag(b);
    for (int i = 0; i < Segments; ++i)
      v->segments[i].quantizer = takeOptional(b, 7);
    for (int i = 0; i < Segments; ++i)
      v->segments[i].filterLevel = takeOptional(b, 6);
  }
  if (v->hasSegmentMap)
    for (int i = 0; i < 3; ++i)
      v->segmentProbabilities[i] = (uint8_t)(takeFlag(b) ? takeNumber(b, 8) : 255);
}

/* Section 9.6: the levels, and how they are changed for kinds of macroblocks, of which a key frame has two. */
static void readFilter(Vp8 *v) {
  Bits *b = &v->header;
  v->isSimpleFilter = takeFlag(b);
  v->filterLevel = takeNumber(b, 6);
  v->sharpness = takeNumber(b, 3);
  v->hasFilterDeltas = takeFlag(b);
  if (v->hasFilterDeltas && takeFlag(b))
    for (int i = 0; i < 8; ++i) {
      int delta = takeOptional(b, 6);
      if (i == 0)
        v->filterDeltaIntra = delta;
      else if (i == 4)
        v->filterDeltaBlocks = delta;
    }
}

/* Section 9.5: the sizes of all partitions but the last, then the partitions. */
static int readPartitions(Vp8 *v, const uint8_t *at, uint64_t size) {
  v->partitionCount = 1 << takeNumber(&v->header, 2);
  uint64_t last = (uint64_t)v->partitionCount - 1;
  if (size < 3 * last)
    return 0;
  const uint8_t *sizes = at;
  at += 3 * last;
  size -= 3 * last;
  for (uint64_t i = 0; i <= last; ++i) {
    uint64_t bytes = i < last ? onnxc_read_le16(sizes + 3 * i) | (uint64_t)sizes[3 * i + 2] << 16 : size;
    if (bytes > size)
      bytes = size;
    startBits(&v->partitions[i], at, bytes);
    at += bytes;
    size -= bytes;
  }
  return v->partitions[last].at < v->partitions[last].end;
}

/* Sections 9.6 and 14.1. */
static void readQuantization(Vp8 *v) {
  Bits *b = &v->header;
  int base = takeNumber(b, 7), lumaDc = takeOptional(b, 4), dcsDc = takeOptional(b, 4), dcsAc = takeOptional(b, 4);
  int chromaDc = takeOptional(b, 4), chromaAc = takeOptional(b, 4);
  for (int i = 0; i < Segments; ++i) {
    Segment *segment = &v->segments[i];
    int q = v->hasSegments ? segment->quantizer + (v->segmentsAreAbsolute ? 0 : base) : base;
    int (*steps)[2] = segment->steps;
    steps[Luma][0] = steps[LumaRest][0] = dcSteps[clampTo(q + lumaDc, 127)];
    steps[Luma][1] = steps[LumaRest][1] = acSteps[clampTo(q, 127)];
    steps[LumaDc][0] = dcSteps[clampTo(q + dcsDc, 127)] * 2;
    steps[LumaDc][1] = acSteps[clampTo(q + dcsAc, 127)] * 155 / 100;
    if (steps[LumaDc][1] < 8)
      steps[LumaDc][1] = 8;
    steps[Chroma][0] = dcSteps[clampTo(q + chromaDc, 117)];
    steps[Chroma][1] = acSteps[clampTo(q + chromaAc, 127)];
  }
}

static int readHeader(Vp8 *v) {
  const uint8_t *data = v->frame->data + ONNXC_VP8_HEADER;
  uint64_t size = v->frame->size - ONNXC_VP8_HEADER;
  uint64_t first = (onnxc_read_le16(v->frame->data) | (uint64_t)v->frame->data[2] << 16) >> 5;
  if (first > size)
    return 0;
  Bits *b = &v->header;
  startBits(b, data, first);
  takeNumber(b, 2); /* colour space and clamping: nothing hangs on them */
  readSegments(v);
  readFilter(v);
  if (b->isShort || !readPartitions(v, data + first, size - first))
    return 0;
  readQuantization(v);
  takeFlag(b); /* whether the probabilities hold for the next frame, too */
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 8; ++j)
      for (int k = 0; k < 3; ++k)
        for (int l = 0; l < 11; ++l)
          v->probabilities[i][j][k][l] =
              (uint8_t)(takeBit(b, updateProbabilities[i][j][k][l]) ? takeNumber(b, 8)
                                                                    : defaultProbabilities[i][j][k][l]);
  v->hasSkips = takeFlag(b);
  if (v->hasSkips)
    v->skipProbability = takeNumber(b, 8);
  return 1;
}

/*===- Coefficients: section 13 -------------------------------------------------------===*/

/* A coefficient of which is known that it isn't 0 or 1. */
static int takeLarge(Bits *b, const uint8_t *p) {
  static const uint8_t extra[6][12] = {{159},
                                       {165, 145},
                                       {173, 148, 140},
                                       {176, 155, 140, 135},
                                       {180, 157, 141, 134, 130},
                                       {254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129}};
  static const uint8_t base[6] = {5, 7, 11, 19, 35, 67};
  if (!takeBit(b, p[3])) {
    if (!takeBit(b, p[4]))
      return 2;
    return 3 + takeBit(b, p[5]);
  }
  int category;
  if (!takeBit(b, p[6])) {
    category = takeBit(b, p[7]);
  } else {
    int high = takeBit(b, p[8]);
    category = 2 + 2 * high + takeBit(b, p[9 + high]);
  }
  int value = 0;
  for (int i = 0; extra[category][i]; ++i)
    value = 2 * value + takeBit(b, extra[category][i]);
  return base[category] + value;
}

/* The coefficients of a block, multiplied by their steps, from the one at `at` on. Returns the place behind the last
 * one that is coded. `around`: how many of the blocks above and left have any. */
static int takeBlock(Bits *b, const uint8_t (*probabilities)[3][11], int around, const int *steps, int at,
                     int16_t *block) {
  static const uint8_t bands[16] = {0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7};
  static const uint8_t zigzag[16] = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};
  const uint8_t *p = probabilities[bands[at]][around];
  while (takeBit(b, p[0])) {
    while (!takeBit(b, p[1])) { /* after a 0 there is no end */
      if (++at == 16)
        return 16;
      p = probabilities[bands[at]][0];
    }
    int value = takeBit(b, p[2]) ? takeLarge(b, p) : 1, size = value > 1 ? 2 : 1;
    block[zigzag[at]] = (int16_t)((takeFlag(b) ? -value : value) * steps[at > 0]);
    if (++at == 16)
      return 16;
    p = probabilities[bands[at]][size];
  }
  return at;
}

/* Section 14.3: the DCs of the 16 luma blocks, by a Walsh-Hadamard transform. */
static void transformDcs(const int16_t *in, int16_t (*blocks)[16]) {
  int middle[16];
  for (int i = 0; i < 4; ++i) {
    int a = in[i] + in[12 + i], b = in[4 + i] + in[8 + i], c = in[4 + i] - in[8 + i], d = in[i] - in[12 + i];
    middle[i] = a + b;
    middle[4 + i] = d + c;
    middle[8 + i] = a - b;
    middle[12 + i] = d - c;
  }
  for (int i = 0; i < 16; i += 4) {
    const int *m = middle + i;
    int a = m[0] + m[3] + 3, b = m[1] + m[2], c = m[1] - m[2], d = m[0] - m[3] + 3;
    blocks[i][0] = (int16_t)((a + b) >> 3);
    blocks[i + 1][0] = (int16_t)((d + c) >> 3);
    blocks[i + 2][0] = (int16_t)((a - b) >> 3);
    blocks[i + 3][0] = (int16_t)((d - c) >> 3);
  }
}

/* Of a macroblock: 16 blocks of luma, 4 and 4 of chroma. Returns whether any has something. */
static int takeCoefficients(Vp8 *v, Bits *b, const Segment *segment, Edge *above, int isBlocks, int16_t (*blocks)[16]) {
  Edge *left = &v->left;
  int any = 0, kind = isBlocks ? Luma : LumaRest;
  if (!isBlocks) {
    int16_t dcs[16] = {0};
    int end = takeBlock(b, v->probabilities[LumaDc], above->has[8] + left->has[8], segment->steps[LumaDc], 0, dcs);
    above->has[8] = left->has[8] = end > 0;
    transformDcs(dcs, blocks);
  }
  for (int i = 0; i < 24; ++i) {
    int isChroma = i >= 16, place = isChroma ? 4 + (i - 16) / 4 * 2 : 0, wide = isChroma ? 2 : 4;
    int first = kind == LumaRest && !isChroma, k = isChroma ? Chroma : kind;
    uint8_t *up = &above->has[place + i % wide], *beside = &left->has[place + i / wide % wide];
    int end = takeBlock(b, v->probabilities[k], *up + *beside, segment->steps[k], first, blocks[i]);
    *up = *beside = end > first;
    any |= end > 1 || blocks[i][0] != 0;
  }
  return any;
}

/*===- Prediction: section 12 ---------------------------------------------------------===*/

/* A pixel of a 4x4 block. `e`: the edge, of which e[0] is the corner, from e[1] on to the right, from e[-1] on down. */
static int predictPixel(int mode, const uint8_t *e, int x, int y) {
  int i; /* the pixel of the edge on which a mean of three is centered */
  switch (mode) {
  case DcMode: {
    int sum = 4;
    for (int k = 1; k <= 4; ++k)
      sum += e[k] + e[-k];
    return sum >> 3;
  }
  case TrueMotion:
    return onnxc_image_clamp(e[-1 - y] + e[1 + x] - e[0]);
  case Vertical:
    i = x + 1;
    break;
  case Horizontal:
    i = -y - 1;
    break;
  case LeftDown:
    i = x + y + 2;
    break;
  case RightDown:
    i = x - y;
    break;
  case VerticalRight: /* between two pixels in every other row */
    i = 2 * x - y;
    if (i >= 0 && i % 2 == 0)
      return (e[i / 2] + e[i / 2 + 1] + 1) >> 1;
    i = i >= 0 ? (i + 1) / 2 : i + 1;
    break;
  case HorizontalDown:
    i = 2 * y - x;
    if (i >= 0 && i % 2 == 0)
      return (e[-i / 2] + e[-i / 2 - 1] + 1) >> 1;
    i = i >= 0 ? -(i + 1) / 2 : -1 - i;
    break;
  case VerticalLeft: /* with two pixels that don't follow the rule */
    i = x + y / 2 + 1;
    if (x == 3 && y >= 2)
      i = 4 + y;
    else if (y % 2 == 0)
      return (e[i] + e[i + 1] + 1) >> 1;
    else
      ++i;
    break;
  default: /* HorizontalUp */
    i = x + 2 * y;
    if (i >= 6)
      return e[-4];
    if (i % 2 == 0)
      return (e[-i / 2 - 1] + e[-i / 2 - 2] + 1) >> 1;
    i = -(i + 3) / 2;
  }
  return (e[i - 1] + 2 * e[i] + e[i + 1] + 2) >> 2;
}

/* The 4x4 block at `to`. `right`: the four pixels right of those above it. */
static void predictBlock(uint8_t *to, int64_t stride, int mode, const uint8_t *right) {
  uint8_t around[15], *e = around + 5;
  for (int i = 0; i < 5; ++i)
    e[i] = to[i - 1 - stride];
  for (int i = 0; i < 4; ++i) {
    e[5 + i] = right[i];
    e[-1 - i] = to[i * stride - 1];
  }
  e[9] = e[8];
  e[-5] = e[-4];
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 4; ++x)
      to[y * stride + x] = (uint8_t)predictPixel(mode, e, x, y);
}

/* A whole component of a macroblock; the mean only of edges that lie in the image. */
static void predictWhole(uint8_t *to, int64_t stride, int size, int mode, int hasLeft, int hasAbove) {
  const uint8_t *above = to - stride;
  int mean = 128;
  if (hasLeft || hasAbove) {
    int sum = 0, count = size * (hasLeft + hasAbove);
    for (int i = 0; i < size; ++i)
      sum += (hasAbove ? above[i] : 0) + (hasLeft ? to[i * stride - 1] : 0);
    mean = (sum + count / 2) / count;
  }
  for (int y = 0; y < size; ++y, to += stride) {
    int left = to[-1];
    for (int x = 0; x < size; ++x)
      to[x] = (uint8_t)(mode == DcMode       ? mean
                        : mode == TrueMotion ? onnxc_image_clamp(left + above[x] - above[-1])
                        : mode == Vertical   ? above[x]
                                             : left);
  }
}

/* Section 14.4: a DCT of four values that lie `step` apart, with sqrt(2) times sine and cosine of pi / 8 in 16 bits. */
static void transform(int64_t *x, int step) {
  int64_t a = x[0] + x[2 * step], b = x[0] - x[2 * step], p = x[step], q = x[3 * step];
  int64_t c = (p * 35468 >> 16) - (q + (q * 20091 >> 16)), d = p + (p * 20091 >> 16) + (q * 35468 >> 16);
  x[0] = a + d;
  x[step] = b + c;
  x[2 * step] = b - c;
  x[3 * step] = a - d;
}

/* A block, transformed and added to its prediction. */
static void addBlock(const int16_t *block, uint8_t *to, int64_t stride) {
  int64_t values[16];
  for (int i = 0; i < 16; ++i)
    values[i] = block[i];
  for (int i = 0; i < 4; ++i)
    transform(values + i, 4);
  for (int y = 0; y < 4; ++y, to += stride) {
    transform(values + 4 * y, 1);
    for (int x = 0; x < 4; ++x)
      to[x] = (uint8_t)onnxc_image_clamp(to[x] + ((values[4 * y + x] + 4) >> 3));
  }
}

/*===- Macroblocks --------------------------------------------------------------------===*/

/* The modes of the 4x4 blocks, section 11.5: each depends on those above and left. */
static void takeBlockModes(Vp8 *v, Edge *above, uint8_t *modes) {
  static const int8_t tree[18] = {-DcMode,   2,  -TrueMotion,   4,  -Vertical,       6,
                                  8,         12, -Horizontal,   10, -RightDown,      -VerticalRight,
                                  -LeftDown, 14, -VerticalLeft, 16, -HorizontalDown, -HorizontalUp};
  for (int i = 0; i < 16; ++i) {
    uint8_t *up = &above->modes[i % 4], *beside = &v->left.modes[i / 4];
    modes[i] = *up = *beside = (uint8_t)takeTree(&v->header, tree, blockModeProbabilities[*up][*beside]);
  }
}

/* Section 9.6: how strongly edges are smoothed. */
static int filterLevelOf(const Vp8 *v, const Segment *segment, int isBlocks) {
  int level = v->filterLevel;
  if (v->hasSegments)
    level = segment->filterLevel + (v->segmentsAreAbsolute ? 0 : level);
  if (v->hasFilterDeltas)
    level += v->filterDeltaIntra + (isBlocks ? v->filterDeltaBlocks : 0);
  return clampTo(level, 63);
}

static void decodeMacroblock(Vp8 *v, int64_t x, int64_t y) {
  Bits *h = &v->header, *b = &v->partitions[y & (v->partitionCount - 1)];
  Edge *above = &v->above[x], *left = &v->left;
  const Segment *segment = v->segments;
  if (v->hasSegmentMap)
    segment += takeBit(h, v->segmentProbabilities[0]) ? 2 + takeBit(h, v->segmentProbabilities[2])
                                                      : takeBit(h, v->segmentProbabilities[1]);
  int isSkipped = v->hasSkips && takeBit(h, (uint32_t)v->skipProbability);
  int isBlocks = !takeBit(h, 145), mode = DcMode;
  uint8_t modes[16];
  if (isBlocks) {
    takeBlockModes(v, above, modes);
  } else {
    mode = takeBit(h, 156) ? (takeBit(h, 128) ? TrueMotion : Horizontal) : takeBit(h, 163) ? Vertical : DcMode;
    for (int i = 0; i < 4; ++i)
      above->modes[i] = left->modes[i] = (uint8_t)mode;
  }
  int chromaMode = !takeBit(h, 142) ? DcMode : !takeBit(h, 114) ? Vertical : takeBit(h, 183) ? TrueMotion : Horizontal;

  int16_t blocks[24][16] = {{0}};
  int hasSome = 0;
  if (isSkipped)
    for (int i = 0; i < (isBlocks ? 8 : 9); ++i)
      above->has[i] = left->has[i] = 0;
  else
    hasSome = takeCoefficients(v, b, segment, above, isBlocks, blocks);
  v->smoothing[y * v->wide + x] =
      (Smoothing){(uint8_t)filterLevelOf(v, segment, isBlocks), (uint8_t)(isBlocks || hasSome)};

  const Plane *luma = &v->planes[0];
  uint8_t *to = luma->at + 16 * (y * luma->stride + x), right[4];
  if (isBlocks) {
    /* Right of the macroblock above, for the blocks in the rows below, too: section 12.3, and libwebp at the end of a
     * row. */
    for (int i = 0; i < 4; ++i)
      right[i] = y == 0 ? 127 : to[(x + 1 < v->wide ? 16 + i : 15) - luma->stride];
  } else {
    predictWhole(to, luma->stride, 16, mode, x > 0, y > 0);
  }
  for (int i = 0; i < 16; ++i) {
    uint8_t *block = to + i / 4 * 4 * luma->stride + i % 4 * 4;
    if (isBlocks)
      predictBlock(block, luma->stride, modes[i], i % 4 == 3 ? right : block + 4 - luma->stride);
    if (hasSome)
      addBlock(blocks[i], block, luma->stride);
  }
  for (int c = 1; c < 3; ++c) {
    const Plane *plane = &v->planes[c];
    to = plane->at + 8 * (y * plane->stride + x);
    predictWhole(to, plane->stride, 8, chromaMode, x > 0, y > 0);
    for (int i = 0; hasSome && i < 4; ++i)
      addBlock(blocks[12 + 4 * c + i], to + i / 2 * 4 * plane->stride + i % 2 * 4, plane->stride);
  }
}

static int decodeMacroblocks(Vp8 *v) {
  for (int64_t x = 0; x < v->wide; ++x)
    v->above[x] = (Edge){{0}, {0}};
  for (int64_t y = 0; y < v->high; ++y) {
    v->left = (Edge){{0}, {0}};
    for (int64_t x = 0; x < v->wide; ++x) {
      decodeMacroblock(v, x, y);
      if (v->header.isShort || v->partitions[y & (v->partitionCount - 1)].isShort)
        return 0;
    }
  }
  return 1;
}

/*===- Smoothing of edges: section 15 -------------------------------------------------===*/

/* How strongly: limits of the steps at the edge and beside it, and from which step beside it on only the two pixels
 * next to it are changed. */
typedef struct Limits {
  int edge, inner, high;
} Limits;

static int distance(int a, int b) { return a < b ? b - a : a - b; }
static int clampSigned(int x) { return x < -128 ? -128 : x > 127 ? 127 : x; }
static void change(uint8_t *pixel, int by) { *pixel = (uint8_t)onnxc_image_clamp(*pixel + by); }

/* The pixels next to an edge, `step` apart, of which p[0] is the first behind it. */
static void smoothPixels(uint8_t *p, int64_t step, const Limits *limits, int isSimple, int isMacroblock) {
  int p1 = p[-2 * step], p0 = p[-step], q0 = p[0], q1 = p[step];
  if (4 * distance(p0, q0) + distance(p1, q1) > 2 * limits->edge + 1)
    return;
  int isHigh = isSimple;
  if (!isSimple) {
    for (int i = -4; i < 3; ++i)
      if (i != -1 && distance(p[i * step], p[(i + 1) * step]) > limits->inner)
        return;
    isHigh = distance(p1, p0) > limits->high || distance(q1, q0) > limits->high;
  }
  int a = clampSigned(3 * (q0 - p0) + (isHigh || isMacroblock ? clampSigned(p1 - q1) : 0));
  if (isMacroblock && !isHigh) {
    for (int i = 0, weight = 27; i < 3; ++i, weight -= 9) {
      int by = (weight * a + 63) >> 7;
      change(p - (i + 1) * step, by);
      change(p + i * step, -by);
    }
    return;
  }
  int behind = clampSigned(a + 4) >> 3, before = clampSigned(a + 3) >> 3;
  change(p - step, before);
  change(p, -behind);
  if (!isHigh) {
    change(p - 2 * step, (behind + 1) >> 1);
    change(p + step, -((behind + 1) >> 1));
  }
}

/* The edges of a macroblock of `size` pixels that lie `step` apart, `along` from pixel to pixel. */
static void smoothEdges(const Vp8 *v, uint8_t *to, int size, int64_t step, int64_t along, const Limits *limits,
                        int hasOuter, int hasInner) {
  Limits outer = {limits->edge + 4, limits->inner, limits->high};
  for (int at = hasOuter ? 0 : 4; at < (hasInner ? size : 4); at += 4)
    for (int i = 0; i < size; ++i)
      smoothPixels(to + at * step + i * along, step, at ? limits : &outer, v->isSimpleFilter, at == 0);
}

static void smoothMacroblock(const Vp8 *v, int64_t x, int64_t y) {
  Smoothing smoothing = v->smoothing[y * v->wide + x];
  int level = smoothing.level, inner = level;
  if (level == 0)
    return;
  if (v->sharpness) {
    inner >>= v->sharpness > 4 ? 2 : 1;
    if (inner > 9 - v->sharpness)
      inner = 9 - v->sharpness;
  }
  if (inner < 1)
    inner = 1;
  Limits limits = {2 * level + inner, inner, level >= 40 ? 2 : level >= 15 ? 1 : 0};
  for (int vertical = 0; vertical < 2; ++vertical)
    for (int c = 0; c < (v->isSimpleFilter ? 1 : 3); ++c) {
      int size = c ? 8 : 16;
      int64_t stride = v->planes[c].stride;
      smoothEdges(v, v->planes[c].at + size * (y * stride + x), size, vertical ? stride : 1, vertical ? 1 : stride,
                  &limits, vertical ? y > 0 : x > 0, smoothing.hasInner);
    }
}

/*===- Colours ------------------------------------------------------------------------===*/

/* Of a component of half the size: 9/16 of the nearest sample, 3/16 of the next ones in the row and in the column, 1/16
 * of that across. */
static int upsample(const Plane *plane, int64_t width, int64_t height, int64_t x, int64_t y) {
  int64_t nearX = x / 2, nearY = y / 2, farX = nearX + (x % 2 ? 1 : -1), farY = nearY + (y % 2 ? 1 : -1);
  farX = farX < 0 ? 0 : farX >= width ? width - 1 : farX;
  farY = farY < 0 ? 0 : farY >= height ? height - 1 : farY;
  const uint8_t *near = plane->at + nearY * plane->stride, *far = plane->at + farY * plane->stride;
  return (9 * near[nearX] + 3 * near[farX] + 3 * far[nearX] + far[farX] + 8) >> 4;
}

/* ITU-R BT.601 with samples from 16 on, in 14 bits, as in libwebp. */
static void putPixels(const Vp8 *v) {
  const onnxc_webp_frame *frame = v->frame;
  int64_t width = (frame->width + 1) / 2, height = (frame->height + 1) / 2;
  for (int64_t row = 0; row < frame->height; ++row)
    for (int64_t x = 0; x < frame->width; ++x) {
      int y = v->planes[0].at[row * v->planes[0].stride + x] * 19077 >> 8;
      int cb = upsample(&v->planes[1], width, height, x, row), cr = upsample(&v->planes[2], width, height, x, row);
      int r = y + (cr * 26149 >> 8) - 14234, g = y - (cb * 6419 >> 8) - (cr * 13320 >> 8) + 8708,
          b = y + (cb * 33050 >> 8) - 17685;
      onnxc_image_put(frame->image, frame->left + x, frame->top + row, onnxc_image_clamp(r >> 6),
                      onnxc_image_clamp(g >> 6), onnxc_image_clamp(b >> 6));
    }
}

/* A plane of macroblocks of `size`; before its first row is 127, before its first column 129: section 12.2. */
static int makePlane(Vp8 *v, Plane *plane, int64_t size) {
  plane->stride = v->wide * size + 1;
  int64_t rows = v->high * size + 1;
  uint8_t *all = onnxc_heap_allocate(v->frame->image->heap, (uint64_t)(plane->stride * rows));
  if (!all)
    return 0;
  for (int64_t i = 0; i < plane->stride; ++i)
    all[i] = 127;
  for (int64_t i = 1; i < rows; ++i)
    all[i * plane->stride] = 129;
  plane->at = all + plane->stride + 1;
  return 1;
}

int onnxc_decode_vp8(const onnxc_webp_frame *frame) {
  onnxc_heap *heap = frame->image->heap;
  Vp8 *v = onnxc_heap_allocate(heap, sizeof(Vp8));
  if (!v)
    return ONNXC_IMAGE_MEMORY;
  *v = (Vp8){.frame = frame, .wide = (frame->width + 15) / 16, .high = (frame->height + 15) / 16};
  if (!readHeader(v))
    return ONNXC_IMAGE_DAMAGED;
  v->above = onnxc_heap_allocate(heap, (uint64_t)v->wide * sizeof(*v->above));
  v->smoothing = onnxc_heap_allocate(heap, (uint64_t)(v->wide * v->high) * sizeof(*v->smoothing));
  if (!v->above || !v->smoothing)
    return ONNXC_IMAGE_MEMORY;
  for (int c = 0; c < 3; ++c)
    if (!makePlane(v, &v->planes[c], c ? 8 : 16))
      return ONNXC_IMAGE_MEMORY;
  if (!decodeMacroblocks(v))
    return ONNXC_IMAGE_DAMAGED;
  if (v->filterLevel)
    for (int64_t y = 0; y < v->high; ++y)
      for (int64_t x = 0; x < v->wide; ++x)
        smoothMacroblock(v, x, y);
  putPixels(v);
  return 0;
}
