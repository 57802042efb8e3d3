/*===- runtime/library/jpeg2000-packets.c ------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * JPEG 2000: how a tile is divided, and the packets that bring its pieces (annex B of ITU-T T.800).
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/jpeg2000.h"

/* Memory that is all 0. */
static void *take(onnxc_j2k_tile *t, uint64_t size) {
  enum { Chunk = 1 << 16 };
  size = size ? (size + 15) & ~UINT64_C(15) : 16;
  if (size > t->smallLeft) {
    uint64_t bytes = size > Chunk / 4 ? size : Chunk;
    char *chunk = onnxc_heap_allocate(t->heap, bytes);
    if (!chunk)
      return NULL;
    for (uint64_t i = 0; i < bytes; ++i)
      chunk[i] = 0;
    if (bytes == size)
      return chunk;
    t->small = chunk;
    t->smallLeft = bytes;
  }
  void *taken = t->small;
  t->small += size;
  t->smallLeft -= size;
  return taken;
}

/*===- Division of a tile -------------------------------------------------------------===*/

static int isEmpty(onnxc_j2k_rectangle a) { return a.x1 <= a.x0 || a.y1 <= a.y0; }

static onnxc_j2k_rectangle shrink(onnxc_j2k_rectangle a, int bits) {
  return (onnxc_j2k_rectangle){onnxc_j2k_shift_up(a.x0, bits), onnxc_j2k_shift_up(a.y0, bits),
                               onnxc_j2k_shift_up(a.x1, bits), onnxc_j2k_shift_up(a.y1, bits)};
}

static onnxc_j2k_rectangle intersect(onnxc_j2k_rectangle a, onnxc_j2k_rectangle b) {
  return (onnxc_j2k_rectangle){a.x0 > b.x0 ? a.x0 : b.x0, a.y0 > b.y0 ? a.y0 : b.y0, a.x1 < b.x1 ? a.x1 : b.x1,
                               a.y1 < b.y1 ? a.y1 : b.y1};
}

static float powerOfTwo(int exponent) {
  float power = 1;
  for (; exponent > 0; --exponent)
    power *= 2;
  for (; exponent < 0; ++exponent)
    power *= 0.5f;
  return power;
}

/* The bands of a resolution: the coarsest has one, each other the three that make it out of the one before. */
static void makeBands(onnxc_j2k_plane *plane, int index, int depth) {
  const onnxc_j2k_coding *coding = &plane->coding;
  onnxc_j2k_resolution *resolution = &plane->resolutions[index];
  int level = coding->levels - (index ? index - 1 : 0); /* how often it is halved: equation B-15 */
  resolution->bandCount = index ? 3 : 1;
  for (int i = 0; i < resolution->bandCount; ++i) {
    onnxc_j2k_band *band = &resolution->bands[i];
    band->orientation = index ? i + 1 : 0;
    band->x = band->y = 0;
    int64_t halfX = 0, halfY = 0;
    if (band->orientation & 1) {
      halfX = INT64_C(1) << (level - 1);
      band->x = plane->resolutions[index - 1].area.x1 - plane->resolutions[index - 1].area.x0;
    }
    if (band->orientation & 2) {
      halfY = INT64_C(1) << (level - 1);
      band->y = plane->resolutions[index - 1].area.y1 - plane->resolutions[index - 1].area.y0;
    }
    onnxc_j2k_rectangle a = plane->area;
    band->area = shrink((onnxc_j2k_rectangle){a.x0 - halfX, a.y0 - halfY, a.x1 - halfX, a.y1 - halfY}, level);
    /* Equations E-2 to E-5; of derived steps only the first is there. */
    int isDerived = coding->quantization == 1, step = coding->steps[isDerived || !index ? 0 : 3 * index - 2 + i];
    int exponent = (step >> 11) - (isDerived && index ? index - 1 : 0);
    exponent = exponent < 0 ? 0 : exponent;
    int gain = band->orientation == 3 ? 2 : band->orientation ? 1 : 0;
    band->planes = coding->guardBits + exponent - 1;
    band->step = (1 + (float)(step & 0x7FF) / 2048) * powerOfTwo(depth + gain - exponent);
  }
}

int onnxc_j2k_make_tile(onnxc_j2k_tile *t) {
  for (int c = 0; c < t->count; ++c) {
    onnxc_j2k_plane *plane = &t->planes[c];
    int levels = plane->coding.levels;
    int64_t dx = t->components[c].dx, dy = t->components[c].dy;
    plane->area = (onnxc_j2k_rectangle){onnxc_j2k_divide_up(t->area.x0, dx), onnxc_j2k_divide_up(t->area.y0, dy),
                                        onnxc_j2k_divide_up(t->area.x1, dx), onnxc_j2k_divide_up(t->area.y1, dy)};
    for (int i = 0; i <= levels; ++i) {
      onnxc_j2k_resolution *r = &plane->resolutions[i];
      int wide = plane->coding.precincts[i] & 15, high = plane->coding.precincts[i] >> 4;
      if (i && (!wide || !high))
        return ONNXC_IMAGE_DAMAGED;
      r->area = shrink(plane->area, levels - i);
      r->precinctsWide = isEmpty(r->area) ? 0 : onnxc_j2k_shift_up(r->area.x1, wide) - (r->area.x0 >> wide);
      r->precinctsHigh = isEmpty(r->area) ? 0 : onnxc_j2k_shift_up(r->area.y1, high) - (r->area.y0 >> high);
      r->precincts = take(t, (uint64_t)(r->precinctsWide * r->precinctsHigh) * sizeof(*r->precincts));
      if (!r->precincts)
        return ONNXC_IMAGE_MEMORY;
      makeBands(plane, i, t->components[c].depth);
    }
  }
  return 0;
}

/* A tree over wide x high leaves has one node for four of the level below. */
static uint64_t treeSize(int64_t wide, int64_t high) {
  uint64_t size = (uint64_t)(wide * high);
  while (wide > 1 || high > 1) {
    wide = (wide + 1) / 2;
    high = (high + 1) / 2;
    size += (uint64_t)(wide * high);
  }
  return size;
}

/* Made when its first packet comes: a tile can have more precincts than packets. */
static onnxc_j2k_precinct *precinctAt(onnxc_j2k_tile *t, int component, int index, int64_t number) {
  const onnxc_j2k_coding *coding = &t->planes[component].coding;
  onnxc_j2k_resolution *r = &t->planes[component].resolutions[index];
  if (r->precincts[number])
    return r->precincts[number];
  onnxc_j2k_precinct *precinct = take(t, sizeof(*precinct));
  if (!precinct)
    return NULL;
  int wide = coding->precincts[index] & 15, high = coding->precincts[index] >> 4;
  int64_t x = (r->area.x0 >> wide) + number % r->precinctsWide, y = (r->area.y0 >> high) + number / r->precinctsWide;
  if (index) /* in the bands */
    --wide, --high;
  onnxc_j2k_rectangle area = {x << wide, y << high, (x + 1) << wide, (y + 1) << high};
  int blockWide = coding->widthBits < wide ? coding->widthBits : wide;
  int blockHigh = coding->heightBits < high ? coding->heightBits : high;
  for (int i = 0; i < r->bandCount; ++i) {
    onnxc_j2k_rectangle part = intersect(area, r->bands[i].area);
    if (isEmpty(part))
      continue;
    int64_t firstX = part.x0 >> blockWide, firstY = part.y0 >> blockHigh;
    int64_t blocksWide = onnxc_j2k_shift_up(part.x1, blockWide) - firstX;
    int64_t blocksHigh = onnxc_j2k_shift_up(part.y1, blockHigh) - firstY;
    precinct->bands[i].wide = blocksWide;
    precinct->bands[i].high = blocksHigh;
    onnxc_j2k_block *blocks = take(t, (uint64_t)(blocksWide * blocksHigh) * sizeof(*blocks));
    precinct->bands[i].blocks = blocks;
    precinct->bands[i].inclusion = take(t, treeSize(blocksWide, blocksHigh) * sizeof(onnxc_j2k_tag));
    precinct->bands[i].zeroPlanes = take(t, treeSize(blocksWide, blocksHigh) * sizeof(onnxc_j2k_tag));
    if (!blocks || !precinct->bands[i].inclusion || !precinct->bands[i].zeroPlanes)
      return NULL;
    for (int64_t k = 0; k < blocksWide * blocksHigh; ++k) {
      int64_t left = (firstX + k % blocksWide) << blockWide, top = (firstY + k / blocksWide) << blockHigh;
      blocks[k].area = intersect(
          part, (onnxc_j2k_rectangle){left, top, left + (INT64_C(1) << blockWide), top + (INT64_C(1) << blockHigh)});
      blocks[k].planes = -1;
      blocks[k].lengthBits = 3;
    }
  }
  return r->precincts[number] = precinct;
}

/*===- Headers of packets: B.10 -------------------------------------------------------===*/

typedef struct Bits {
  const uint8_t *at, *end;
  uint32_t byte;
  int left, isShort;
} Bits;

/* After a byte of ones there are seven. */
static int takeBit(Bits *b) {
  if (b->left == 0) {
    if (b->at == b->end) {
      b->isShort = 1;
      return 0;
    }
    b->left = b->byte == 0xFF ? 7 : 8;
    b->byte = *b->at++;
  }
  return (int)(b->byte >> --b->left & 1);
}

static uint32_t takeBits(Bits *b, int count) {
  uint32_t bits = 0;
  while (count--)
    bits = bits << 1 | (uint32_t)takeBit(b);
  return bits;
}

/* Whether the value of a leaf is below `limit`. A node has the least value of those below it. */
static int isBelow(Bits *b, onnxc_j2k_tag *tree, int64_t wide, int64_t high, int64_t x, int64_t y, int32_t limit) {
  onnxc_j2k_tag *path[32];
  int depth = 0;
  for (;; ++depth) {
    path[depth] = tree + y * wide + x;
    if (wide == 1 && high == 1)
      break;
    tree += wide * high;
    wide = (wide + 1) / 2;
    high = (high + 1) / 2;
    x /= 2;
    y /= 2;
  }
  int32_t low = 0;
  for (; depth >= 0; --depth) {
    onnxc_j2k_tag *tag = path[depth];
    low = tag->low > low ? tag->low : low;
    while (low < limit && !tag->isKnown && !b->isShort) {
      if (takeBit(b))
        tag->isKnown = 1;
      else
        ++low;
    }
    tag->low = low;
  }
  return path[0]->isKnown && low < limit;
}

/* Table B.4. */
static int takePasses(Bits *b) {
  if (!takeBit(b))
    return 1;
  if (!takeBit(b))
    return 2;
  uint32_t bits = takeBits(b, 2);
  if (bits < 3)
    return 3 + (int)bits;
  bits = takeBits(b, 5);
  if (bits < 31)
    return 6 + (int)bits;
  return 37 + (int)takeBits(b, 7);
}

/* Of how many passes a segment is at most. */
static int segmentMost(int style, int isFirst, int previousMost) {
  if (style & ONNXC_J2K_TERMINATE)
    return 1;
  if (style & ONNXC_J2K_BYPASS) /* four planes, then in turn two passes of plain bits and one of code */
    return isFirst ? 10 : previousMost == 2 ? 1 : 2;
  return INT32_MAX;
}

/* The pieces of a block in this packet; their data come later. */
static int takePieces(onnxc_j2k_tile *t, Bits *b, onnxc_j2k_block *block, int style, int passes) {
  while (takeBit(b))
    if (++block->lengthBits > 32)
      return ONNXC_IMAGE_DAMAGED;
  while (passes && !b->isShort) {
    int isStart = !block->passes || block->segmentPasses == block->segmentMost;
    if (isStart) {
      block->segmentMost = segmentMost(style, !block->passes, block->segmentMost);
      block->segmentPasses = 0;
    }
    int now = block->segmentMost - block->segmentPasses, bits = block->lengthBits;
    now = passes < now ? passes : now;
    for (int k = now; k > 1; k >>= 1)
      ++bits;
    if (bits > 32)
      return ONNXC_IMAGE_DAMAGED;
    onnxc_j2k_piece *piece = take(t, sizeof(*piece));
    if (!piece)
      return ONNXC_IMAGE_MEMORY;
    *piece = (onnxc_j2k_piece){NULL, NULL, takeBits(b, bits), now, isStart};
    if (block->last)
      block->last->next = piece;
    else
      block->first = piece;
    block->last = piece;
    if (!block->now)
      block->now = piece;
    block->segmentPasses += now;
    block->passes += now;
    passes -= now;
  }
  return 0;
}

/* Takes the next packet of a precinct; `*at` moves behind it. */
static int readPacket(onnxc_j2k_tile *t, int component, int index, int64_t number, const uint8_t **at,
                      const uint8_t *end) {
  const onnxc_j2k_coding *coding = &t->planes[component].coding;
  onnxc_j2k_resolution *r = &t->planes[component].resolutions[index];
  onnxc_j2k_precinct *precinct = precinctAt(t, component, index, number);
  if (!precinct)
    return ONNXC_IMAGE_MEMORY;
  if (t->hasStartMarks && end - *at >= 6 && onnxc_read_be16(*at) == 0xFF91) /* SOP */
    *at += 6;
  Bits b = {.at = *at, .end = end};
  int32_t layer = (int32_t)precinct->layers++;
  int isFilled = takeBit(&b);
  for (int i = 0; isFilled && i < r->bandCount; ++i) {
    int64_t wide = precinct->bands[i].wide, high = precinct->bands[i].high;
    for (int64_t k = 0; k < wide * high && !b.isShort; ++k) {
      onnxc_j2k_block *block = &precinct->bands[i].blocks[k];
      int64_t x = k % wide, y = k / wide;
      block->now = NULL;
      int isIn =
          block->planes >= 0 ? takeBit(&b) : isBelow(&b, precinct->bands[i].inclusion, wide, high, x, y, layer + 1);
      if (!isIn)
        continue;
      if (block->planes < 0) {
        int zeros = 0;
        while (!b.isShort && !isBelow(&b, precinct->bands[i].zeroPlanes, wide, high, x, y, zeros + 1))
          ++zeros;
        block->planes = r->bands[i].planes - zeros;
        if (block->planes < 0)
          return ONNXC_IMAGE_DAMAGED;
      }
      int status = takePieces(t, &b, block, coding->style, takePasses(&b));
      if (status)
        return status;
    }
  }
  if (b.byte == 0xFF && b.at < b.end) /* a stuffed bit */
    ++b.at;
  *at = b.at;
  if (b.isShort)
    return ONNXC_IMAGE_DAMAGED;
  if (t->hasEndMarks && end - *at >= 2 && onnxc_read_be16(*at) == 0xFF92) /* EPH */
    *at += 2;
  for (int i = 0; isFilled && i < r->bandCount; ++i)
    for (int64_t k = 0; k < precinct->bands[i].wide * precinct->bands[i].high; ++k)
      for (onnxc_j2k_piece *piece = precinct->bands[i].blocks[k].now; piece; piece = piece->next) {
        if (piece->size > (uint64_t)(end - *at))
          return ONNXC_IMAGE_DAMAGED;
        piece->data = *at;
        *at += piece->size;
      }
  return 0;
}

/*===- The order of packets: B.12 -----------------------------------------------------===*/

typedef struct Reader {
  onnxc_j2k_tile *tile;
  const uint8_t *at, *end;
  const onnxc_j2k_progression *progression;
  int status;
} Reader;

/* Looks at so many things without a packet: 0 when there is no end to it. */
static int passOver(Reader *r, int count) {
  enum { MostIdle = 1 << 26 };
  r->tile->idle += (uint64_t)count;
  if (r->tile->idle > MostIdle)
    r->status = ONNXC_IMAGE_UNSUPPORTED;
  return r->status == 0;
}

/* The packet of a layer, if it is the next one of its precinct. 0 when there is nothing more to do. */
static int visit(Reader *r, int component, int resolution, int64_t number, uint32_t layer) {
  if (r->at == r->end)
    return 0;
  const onnxc_j2k_precinct *precinct = r->tile->planes[component].resolutions[resolution].precincts[number];
  if ((precinct ? precinct->layers : 0) != layer) /* where the order changes, some have been */
    return passOver(r, 1);
  r->status = readPacket(r->tile, component, resolution, number, &r->at, r->end);
  return r->status == 0;
}

/* Components can have fewer resolutions than the progression. */
static int endResolution(const Reader *r, int component) {
  int levels = r->tile->planes[component].coding.levels, end = r->progression->endResolution;
  return end < levels + 1 ? end : levels + 1;
}

/* All precincts of a resolution, for a layer. */
static int visitResolution(Reader *r, int resolution, uint32_t layer) {
  for (int c = r->progression->firstComponent; c < r->progression->endComponent; ++c) {
    if (resolution >= endResolution(r, c))
      continue;
    const onnxc_j2k_resolution *area = &r->tile->planes[c].resolutions[resolution];
    for (int64_t k = 0; k < area->precinctsWide * area->precinctsHigh; ++k)
      if (!visit(r, c, resolution, k, layer))
        return 0;
  }
  return passOver(r, 1);
}

/* Along one axis of the grid: where the precincts of a resolution are. */
typedef struct Axis {
  int64_t step, first, start; /* from one to the next, the first one's number, where the tile begins */
  int64_t sample;             /* of the grid */
  int bits, isSplit;          /* the first one begins before the tile */
} Axis;

static Axis axisOf(const onnxc_j2k_tile *t, int component, int resolution, int isDown) {
  const onnxc_j2k_plane *plane = &t->planes[component];
  const onnxc_j2k_rectangle *area = &plane->resolutions[resolution].area;
  int precinct = plane->coding.precincts[resolution], levels = plane->coding.levels - resolution;
  int64_t d = isDown ? t->components[component].dy : t->components[component].dx, from = isDown ? area->y0 : area->x0;
  Axis axis = {.bits = isDown ? precinct >> 4 : precinct & 15, .start = isDown ? t->area.y0 : t->area.x0};
  axis.sample = d << levels;
  axis.step = axis.sample << axis.bits;
  axis.first = from >> axis.bits;
  axis.isSplit = (from & ((INT64_C(1) << axis.bits) - 1)) != 0;
  return axis;
}

/* The number of the precinct that begins at a place of the grid, or -1. */
static int64_t precinctFrom(const Axis *axis, int64_t place) {
  if (place % axis->step && !(place == axis->start && axis->isSplit))
    return -1;
  return (onnxc_j2k_divide_up(place, axis->sample) >> axis->bits) - axis->first;
}

/* Where the next precinct of any of them begins behind a place of the grid. */
static int64_t nextPlace(const Reader *r, int c0, int c1, int r0, int r1, int isDown, int64_t place) {
  int64_t next = INT64_MAX;
  for (int c = c0; c < c1; ++c)
    for (int i = r0; i < r1 && i < endResolution(r, c); ++i) {
      int64_t step = axisOf(r->tile, c, i, isDown).step, after = (place / step + 1) * step;
      next = after < next ? after : next;
    }
  return next;
}

/* By place: all layers of the precincts that begin at each. */
static int visitPlaces(Reader *r, int c0, int c1, int r0, int r1) {
  onnxc_j2k_tile *t = r->tile;
  for (int64_t y = t->area.y0; y < t->area.y1; y = nextPlace(r, c0, c1, r0, r1, 1, y))
    for (int64_t x = t->area.x0; x < t->area.x1; x = nextPlace(r, c0, c1, r0, r1, 0, x)) {
      if (!passOver(r, (c1 - c0) * (r1 - r0)))
        return 0;
      for (int c = c0; c < c1; ++c)
        for (int i = r0; i < r1 && i < endResolution(r, c); ++i) {
          const onnxc_j2k_resolution *resolution = &t->planes[c].resolutions[i];
          Axis across = axisOf(t, c, i, 0), down = axisOf(t, c, i, 1);
          int64_t column = precinctFrom(&across, x), row = precinctFrom(&down, y);
          if (column < 0 || row < 0 || column >= resolution->precinctsWide || row >= resolution->precinctsHigh)
            continue;
          int64_t number = row * resolution->precinctsWide + column;
          const onnxc_j2k_precinct *precinct = resolution->precincts[number];
          for (uint32_t layer = precinct ? precinct->layers : 0; layer < r->progression->endLayer; ++layer)
            if (!visit(r, c, i, number, layer))
              return 0;
        }
    }
  return 1;
}

static void visitAll(Reader *r) {
  const onnxc_j2k_progression *p = r->progression;
  int c0 = p->firstComponent, c1 = p->endComponent, r0 = p->firstResolution, r1 = 0;
  for (int c = c0; c < c1; ++c)
    r1 = endResolution(r, c) > r1 ? endResolution(r, c) : r1;
  switch (p->order) {
  case 0: /* layer, resolution, component, place */
    for (uint32_t layer = 0; layer < p->endLayer; ++layer)
      for (int i = r0; i < r1; ++i)
        if (!visitResolution(r, i, layer))
          return;
    break;
  case 1: /* resolution, layer, component, place */
    for (int i = r0; i < r1; ++i)
      for (uint32_t layer = 0; layer < p->endLayer; ++layer)
        if (!visitResolution(r, i, layer))
          return;
    break;
  case 2: /* resolution, place, component, layer */
    for (int i = r0; i < r1; ++i)
      if (!visitPlaces(r, c0, c1, i, i + 1))
        return;
    break;
  case 3: /* place, component, resolution, layer */
    visitPlaces(r, c0, c1, r0, r1);
    break;
  default: /* component, place, resolution, layer */
    for (int c = c0; c < c1; ++c)
      if (!visitPlaces(r, c, c + 1, r0, r1))
        return;
  }
}

int onnxc_j2k_read_packets(onnxc_j2k_tile *t, const uint8_t *data, uint64_t size) {
  const onnxc_j2k_progression all = {t->order, 0, t->count, 0, ONNXC_J2K_MOST_LEVELS + 1, t->layers};
  Reader reader = {.tile = t, .at = data, .end = data + size, .progression = &all};
  if (!t->progressionCount)
    visitAll(&reader);
  for (int i = 0; i < t->progressionCount && reader.status == 0; ++i) {
    onnxc_j2k_progression progression = t->progressions[i];
    if (progression.endComponent > t->count)
      progression.endComponent = t->count;
    if (progression.endLayer > t->layers)
      progression.endLayer = t->layers;
    reader.progression = &progression;
    visitAll(&reader);
  }
  return reader.status;
}
