/*===- runtime/library/jpeg2000-blocks.c -------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * JPEG 2000: the coefficients of a code block, bit plane by bit plane (annexes C and D of ITU-T T.800).
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/jpeg2000.h"

/*===- The arithmetic decoder: annex C ------------------------------------------------===*/

enum { RunContext = 17, UniformContext = 18, Contexts = 19 };

typedef struct State {
  uint16_t estimate; /* the probability of the less probable symbol */
  uint8_t next, nextLess, swaps;
} State;

static const State states[47] = {/* table C.2 */
                                 {0x5601, 1, 1, 1},   {0x3401, 2, 6, 0},   {0x1801, 3, 9, 0},   {0x0AC1, 4, 12, 0},
                                 {0x0521, 5, 29, 0},  {0x0221, 38, 33, 0}, {0x5601, 7, 6, 1},   {0x5401, 8, 14, 0},
                                 {0x4801, 9, 14, 0},  {0x3801, 10, 14, 0}, {0x3001, 11, 17, 0}, {0x2401, 12, 18, 0},
                                 {0x1C01, 13, 20, 0}, {0x1601, 29, 21, 0}, {0x5601, 15, 14, 1}, {0x5401, 16, 14, 0},
                                 {0x5101, 17, 15, 0}, {0x4801, 18, 16, 0}, {0x3801, 19, 17, 0}, {0x3401, 20, 18, 0},
                                 {0x3001, 21, 19, 0}, {0x2801, 22, 19, 0}, {0x2401, 23, 20, 0}, {0x2201, 24, 21, 0},
                                 {0x1C01, 25, 22, 0}, {0x1801, 26, 23, 0}, {0x1601, 27, 24, 0}, {0x1401, 28, 25, 0},
                                 {0x1201, 29, 26, 0}, {0x1101, 30, 27, 0}, {0x0AC1, 31, 28, 0}, {0x09C1, 32, 29, 0},
                                 {0x08A1, 33, 30, 0}, {0x0521, 34, 31, 0}, {0x0441, 35, 32, 0}, {0x02A1, 36, 33, 0},
                                 {0x0221, 37, 34, 0}, {0x0141, 38, 35, 0}, {0x0111, 39, 36, 0}, {0x0085, 40, 37, 0},
                                 {0x0049, 41, 38, 0}, {0x0025, 42, 39, 0}, {0x0015, 43, 40, 0}, {0x0009, 44, 41, 0},
                                 {0x0005, 45, 42, 0}, {0x0001, 45, 43, 0}, {0x5601, 46, 46, 0}};

typedef struct Decoder {
  const uint8_t *at, *end;
  uint32_t value, range;
  int count, isRaw;
  uint8_t context[Contexts], symbol[Contexts]; /* the state, and the more probable symbol */
} Decoder;

/* Behind the end there are only ones. */
static uint32_t byteAt(const Decoder *d, int offset) { return d->end - d->at > offset ? d->at[offset] : 0xFF; }

static void readByte(Decoder *d) {
  if (byteAt(d, 0) == 0xFF && byteAt(d, 1) > 0x8F) { /* a marker: the end */
    d->value += 0xFF00;
    d->count = 8;
    return;
  }
  int isStuffed = byteAt(d, 0) == 0xFF;
  if (d->at < d->end)
    ++d->at;
  d->value += byteAt(d, 0) << (isStuffed ? 9 : 8);
  d->count = isStuffed ? 7 : 8;
}

static void startSegment(Decoder *d, const uint8_t *data, uint64_t size, int isRaw) {
  d->at = data;
  d->end = data + size;
  d->isRaw = isRaw;
  d->value = 0;
  d->count = 0;
  if (isRaw)
    return;
  d->value = byteAt(d, 0) << 16;
  readByte(d);
  d->value <<= 7;
  d->count -= 7;
  d->range = 0x8000;
}

static void resetContexts(Decoder *d) {
  for (int i = 0; i < Contexts; ++i)
    d->context[i] = d->symbol[i] = 0;
  d->context[0] = 4;
  d->context[RunContext] = 3;
  d->context[UniformContext] = 46;
}

static int takeSymbol(Decoder *d, int context) {
  const State *state = &states[d->context[context]];
  int symbol = d->symbol[context], isLess;
  d->range -= state->estimate;
  if (d->value >> 16 < state->estimate) {
    isLess = d->range >= state->estimate; /* the smaller part is that of the less probable symbol */
    d->range = state->estimate;
  } else {
    d->value -= (uint32_t)state->estimate << 16;
    if (d->range & 0x8000)
      return symbol;
    isLess = d->range < state->estimate;
  }
  d->context[context] = isLess ? state->nextLess : state->next;
  d->symbol[context] ^= (uint8_t)(isLess && state->swaps);
  do {
    if (d->count == 0)
      readByte(d);
    d->range <<= 1;
    d->value <<= 1;
    --d->count;
  } while (!(d->range & 0x8000));
  return symbol ^ isLess;
}

/* A bit of a segment that is no arithmetic code; after a byte of ones there are seven. */
static int takeRawBit(Decoder *d) {
  if (d->count == 0) {
    int isStuffed = d->value == 0xFF;
    d->value = byteAt(d, 0);
    d->count = isStuffed && d->value <= 0x8F ? 7 : 8;
    if (d->at < d->end && !(isStuffed && d->value > 0x8F))
      ++d->at;
    else
      d->value = 0xFF;
  }
  return (int)(d->value >> --d->count & 1);
}

/*===- Passes over a bit plane: annex D -----------------------------------------------===*/

enum { Significant = 1, Negative = 2, Visited = 4, Refined = 8 };

typedef struct Block {
  Decoder decoder;
  int width, height, stride, orientation, isCausal;
  int32_t *values; /* magnitudes */
  uint8_t *flags;  /* with a border, of the first coefficient */
} Block;

/* How many neighbours in the row, in the column and across are significant. */
typedef struct Neighbours {
  int row, column, across;
} Neighbours;

/* `hidesBelow`: the row below counts as 0. */
static Neighbours countNeighbours(const uint8_t *f, int stride, int hidesBelow) {
  const uint8_t *up = f - stride, *down = f + stride;
  Neighbours n = {(f[-1] & 1) + (f[1] & 1), up[0] & 1, (up[-1] & 1) + (up[1] & 1)};
  if (!hidesBelow) {
    n.column += down[0] & 1;
    n.across += (down[-1] & 1) + (down[1] & 1);
  }
  return n;
}

/* Table D.1. */
static int significanceContext(Neighbours n, int orientation) {
  if (orientation == 3) {
    int beside = n.row + n.column;
    beside = beside > 2 ? 2 : beside;
    return n.across >= 3 ? 8 : n.across == 2 ? 6 + (beside > 0) : 3 * n.across + beside;
  }
  int along = orientation == 1 ? n.column : n.row, other = orientation == 1 ? n.row : n.column;
  if (along == 2)
    return 8;
  if (along == 1)
    return other ? 7 : n.across ? 6 : 5;
  return other ? 2 + other : n.across > 2 ? 2 : n.across;
}

/* What two neighbours say about the sign: -1, 0 or 1. */
static int signOf(int a, int b) {
  int sum = (a & Significant ? a & Negative ? -1 : 1 : 0) + (b & Significant ? b & Negative ? -1 : 1 : 0);
  return sum > 0 ? 1 : sum < 0 ? -1 : 0;
}

/* Table D.3. */
static int takeSign(Block *b, const uint8_t *f, int hidesBelow) {
  if (b->decoder.isRaw)
    return takeRawBit(&b->decoder);
  int across = signOf(f[-1], f[1]), down = signOf(f[-b->stride], hidesBelow ? 0 : f[b->stride]);
  int isInverse = across < 0 || (across == 0 && down < 0);
  if (isInverse)
    across = -across, down = -down;
  return takeSymbol(&b->decoder, across ? 12 + down : 9 + down) ^ isInverse;
}

static void becomeSignificant(Block *b, int at, uint8_t *f, int plane, int hidesBelow) {
  *f |= (uint8_t)(takeSign(b, f, hidesBelow) ? Significant | Negative : Significant);
  b->values[at] = 3 << plane; /* the middle of what is known */
}

/* Those that aren't significant, but have neighbours that are. */
static void significancePass(Block *b, int plane) {
  Decoder *d = &b->decoder;
  for (int top = 0; top < b->height; top += 4)
    for (int x = 0; x < b->width; ++x)
      for (int y = top; y < top + 4 && y < b->height; ++y) {
        uint8_t *f = b->flags + y * b->stride + x;
        int hidesBelow = b->isCausal && y == top + 3;
        if (*f & Significant)
          continue;
        Neighbours n = countNeighbours(f, b->stride, hidesBelow);
        if (n.row + n.column + n.across == 0)
          continue;
        if (d->isRaw ? takeRawBit(d) : takeSymbol(d, significanceContext(n, b->orientation)))
          becomeSignificant(b, y * b->width + x, f, plane, hidesBelow);
        *f |= Visited;
      }
}

/* Another bit of those that are significant since a plane before. */
static void refinementPass(Block *b, int plane) {
  Decoder *d = &b->decoder;
  for (int top = 0; top < b->height; top += 4)
    for (int x = 0; x < b->width; ++x)
      for (int y = top; y < top + 4 && y < b->height; ++y) {
        uint8_t *f = b->flags + y * b->stride + x;
        if ((*f & (Significant | Visited)) != Significant)
          continue;
        int bit;
        if (d->isRaw) {
          bit = takeRawBit(d);
        } else {
          int context = 16;
          if (!(*f & Refined)) {
            Neighbours n = countNeighbours(f, b->stride, b->isCausal && y == top + 3);
            context = n.row + n.column + n.across ? 15 : 14;
          }
          bit = takeSymbol(d, context);
        }
        b->values[y * b->width + x] += bit ? 1 << plane : -(1 << plane);
        *f |= Refined;
      }
}

/* All others; four in a column without neighbours together. */
static void cleanupPass(Block *b, int plane, int hasMark) {
  Decoder *d = &b->decoder;
  for (int top = 0; top < b->height; top += 4)
    for (int x = 0; x < b->width; ++x) {
      int y = top, isFound = 0;
      if (top + 4 <= b->height) {
        int any = 0;
        for (int i = 0; i < 4; ++i) {
          const uint8_t *f = b->flags + (top + i) * b->stride + x;
          Neighbours n = countNeighbours(f, b->stride, b->isCausal && i == 3);
          any |= (*f & (Significant | Visited)) | n.row | n.column | n.across;
        }
        if (!any) {
          if (!takeSymbol(d, RunContext))
            continue;
          y += 2 * takeSymbol(d, UniformContext);
          y += takeSymbol(d, UniformContext);
          isFound = 1;
        }
      }
      for (; y < top + 4 && y < b->height; ++y) {
        uint8_t *f = b->flags + y * b->stride + x;
        int hidesBelow = b->isCausal && y == top + 3;
        if (!(*f & (Significant | Visited)) &&
            (isFound || takeSymbol(d, significanceContext(countNeighbours(f, b->stride, hidesBelow), b->orientation))))
          becomeSignificant(b, y * b->width + x, f, plane, hidesBelow);
        isFound = 0;
      }
    }
  for (int y = 0; y < b->height; ++y)
    for (int x = 0; x < b->width; ++x)
      b->flags[y * b->stride + x] &= (uint8_t)~Visited;
  for (int i = 0; hasMark && i < 4; ++i)
    takeSymbol(d, UniformContext);
}

int onnxc_j2k_decode_block(const onnxc_j2k_block *block, const onnxc_j2k_coding *coding, int orientation, uint8_t *data,
                           onnxc_j2k_coefficients *to) {
  Block b = {.width = (int)(block->area.x1 - block->area.x0),
             .height = (int)(block->area.y1 - block->area.y0),
             .orientation = orientation,
             .isCausal = (coding->style & ONNXC_J2K_CAUSAL) != 0,
             .values = to->values};
  b.stride = b.width + 2;
  b.flags = to->flags + b.stride + 1;
  for (int i = 0; i < b.width * b.height; ++i)
    to->values[i] = 0;
  for (int i = 0; i < b.stride * (b.height + 2); ++i)
    to->flags[i] = 0;
  int planes = block->planes + coding->regionShift, pass = 2; /* the first plane has only the last pass */
  if (planes > 30)
    return 0;
  resetContexts(&b.decoder);
  int plane = planes - 1;
  for (const onnxc_j2k_piece *piece = block->first; piece;) {
    uint64_t size = 0;
    int passes = 0;
    do {
      __builtin_memcpy(data + size, piece->data, piece->size);
      size += piece->size;
      passes += piece->passes;
      piece = piece->next;
    } while (piece && !piece->isStart);
    int isRaw = coding->style & ONNXC_J2K_BYPASS && pass < 2 && plane < planes - 4;
    startSegment(&b.decoder, data, size, isRaw);
    for (; passes && plane >= 0; --passes) {
      if (pass == 0)
        significancePass(&b, plane);
      else if (pass == 1)
        refinementPass(&b, plane);
      else
        cleanupPass(&b, plane, coding->style & ONNXC_J2K_SYMBOLS);
      if (coding->style & ONNXC_J2K_RESET)
        resetContexts(&b.decoder);
      if (++pass == 3)
        pass = 0, --plane;
    }
  }
  /* What is nearer to the region of interest was shifted above all else (annex H). */
  for (int y = 0; y < b.height; ++y)
    for (int x = 0; x < b.width; ++x) {
      int32_t *value = &to->values[y * b.width + x];
      if (coding->regionShift && *value >> coding->regionShift)
        *value >>= coding->regionShift;
      if (b.flags[y * b.stride + x] & Negative)
        *value = -*value;
    }
  return 1;
}
