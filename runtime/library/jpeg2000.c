/*===- runtime/library/jpeg2000.c --------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * JPEG 2000 (ITU-T T.800, ISO/IEC 15444-1): files and bare streams; tile by tile from the stream to colours.
 *
 * Reversible streams give to the bit what OpenJPEG and Pillow give, others but for the last bit of a sample.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/jpeg2000.h"

enum { Unknown = 0, Cmyk = 12, Srgb = 16, Gray = 17, Sycc = 18 }; /* as the file numbers them */

typedef struct Part {
  const uint8_t *at, *end; /* behind SOT */
  uint32_t next;           /* of its tile, + 1 */
} Part;

typedef struct Jpeg2000 {
  onnxc_image *image;
  const uint8_t *at, *end; /* the stream */
  /* Of the file. */
  int64_t colors;
  const uint8_t *palette; /* of bytes */
  int paletteEntries, paletteColumns;
  /* Of the main header. */
  onnxc_j2k_rectangle area, tileArea; /* of the grid; tileArea: of the first tile */
  int64_t tilesWide, tilesHigh;
  onnxc_j2k_component components[ONNXC_J2K_MOST_COMPONENTS];
  onnxc_j2k_tile tile; /* as the main header says for all */
  Part *parts;
  uint32_t *firstParts; /* of each tile, + 1 */
  /* Room for the decoding of tiles. */
  onnxc_j2k_tile *now;
  onnxc_j2k_coefficients *coefficients;
  uint8_t *packets, *block;
  onnxc_j2k_sample *line;
} Jpeg2000;

/*===- Markers: annex A ---------------------------------------------------------------===*/

/* A segment of the header; what is taken beyond its end is 0, and an error. */
typedef struct Segment {
  const uint8_t *at, *end;
  int isShort;
} Segment;

static uint32_t take8(Segment *s) {
  if (s->at == s->end) {
    s->isShort = 1;
    return 0;
  }
  return *s->at++;
}
static uint32_t take16(Segment *s) {
  uint32_t high = take8(s);
  return high << 8 | take8(s);
}
static uint32_t take32(Segment *s) {
  uint32_t high = take16(s);
  return high << 16 | take16(s);
}

static int readSize(Jpeg2000 *j, Segment *s) {
  uint32_t capabilities = take16(s);
  int64_t values[8];
  for (int i = 0; i < 8; ++i)
    values[i] = take32(s);
  int count = (int)take16(s);
  if (s->isShort || count == 0)
    return ONNXC_IMAGE_DAMAGED;
  if (capabilities & 0x4000 || count > ONNXC_J2K_MOST_COMPONENTS) /* high throughput: part 15 */
    return ONNXC_IMAGE_UNSUPPORTED;
  int64_t tileWidth = values[4], tileHeight = values[5];
  j->area = (onnxc_j2k_rectangle){values[2], values[3], values[0], values[1]};
  j->tileArea = (onnxc_j2k_rectangle){values[6], values[7], values[6] + tileWidth, values[7] + tileHeight};
  if (j->area.x0 >= j->area.x1 || j->area.y0 >= j->area.y1 || j->tileArea.x0 > j->area.x0 ||
      j->tileArea.y0 > j->area.y0 || j->tileArea.x1 <= j->area.x0 || j->tileArea.y1 <= j->area.y0)
    return ONNXC_IMAGE_DAMAGED;
  j->tilesWide = onnxc_j2k_divide_up(j->area.x1 - j->tileArea.x0, tileWidth);
  j->tilesHigh = onnxc_j2k_divide_up(j->area.y1 - j->tileArea.y0, tileHeight);
  uint64_t size = j->image->size, samples = 0, tiles;
  /* Each tile has a header of 14 bytes. Blank areas take hardly any, so how many samples for a byte is a choice. */
  enum { MostSamples = 1 << 17 };
  if (__builtin_mul_overflow((uint64_t)j->tilesWide, (uint64_t)j->tilesHigh, &tiles) || tiles > 65535 ||
      14 * tiles > size)
    return ONNXC_IMAGE_DAMAGED;
  uint64_t pixels = (uint64_t)(j->area.x1 - j->area.x0) * (uint64_t)(j->area.y1 - j->area.y0);
  for (int c = 0; c < count; ++c) {
    uint32_t depth = take8(s);
    onnxc_j2k_component *component = &j->components[c];
    *component = (onnxc_j2k_component){1 + (int)(depth & 127), (int)(depth >> 7), take8(s), take8(s)};
    if (component->dx == 0 || component->dy == 0)
      return ONNXC_IMAGE_DAMAGED;
    if (component->depth > 16)
      return ONNXC_IMAGE_UNSUPPORTED;
    samples += pixels / (uint64_t)(component->dx * component->dy) + 1;
  }
  if (pixels / MostSamples > size || samples / MostSamples > size)
    return ONNXC_IMAGE_UNSUPPORTED;
  j->tile.count = count;
  return s->isShort ? ONNXC_IMAGE_DAMAGED : 0;
}

/* SPcod and SPcoc. */
static int readCoding(Segment *s, onnxc_j2k_coding *coding, int hasPrecincts) {
  coding->levels = (int)take8(s);
  coding->widthBits = (int)take8(s) + 2;
  coding->heightBits = (int)take8(s) + 2;
  coding->style = (int)take8(s);
  coding->isReversible = (int)take8(s);
  if (coding->levels > ONNXC_J2K_MOST_LEVELS || coding->widthBits > 10 || coding->heightBits > 10 ||
      coding->widthBits + coding->heightBits > 12 || coding->isReversible > 1)
    return ONNXC_IMAGE_DAMAGED;
  if (coding->style & 0xC0) /* high throughput: part 15 */
    return ONNXC_IMAGE_UNSUPPORTED;
  for (int i = 0; i <= coding->levels; ++i)
    coding->precincts[i] = hasPrecincts ? (uint8_t)take8(s) : 0xFF;
  return s->isShort ? ONNXC_IMAGE_DAMAGED : 0;
}

static void copyCoding(onnxc_j2k_coding *to, const onnxc_j2k_coding *from) {
  onnxc_j2k_coding all = *to;
  *to = *from;
  /* The rest is not said by this marker. */
  to->quantization = all.quantization;
  to->guardBits = all.guardBits;
  to->regionShift = all.regionShift;
  __builtin_memcpy(to->steps, all.steps, sizeof(all.steps));
  to->isOwn = all.isOwn;
  to->hasOwnSteps = all.hasOwnSteps;
}

static int readDefaults(onnxc_j2k_tile *t, Segment *s) { /* COD */
  int style = (int)take8(s), order = (int)take8(s);
  t->hasStartMarks = style >> 1 & 1;
  t->hasEndMarks = style >> 2 & 1;
  t->order = order;
  t->layers = take16(s);
  t->mixesColors = (int)take8(s);
  onnxc_j2k_coding coding = {0};
  int status = readCoding(s, &coding, style & 1);
  if (status || order > 4 || t->layers == 0 || t->mixesColors > 1)
    return status ? status : ONNXC_IMAGE_DAMAGED;
  for (int c = 0; c < t->count; ++c)
    if (!t->planes[c].coding.isOwn)
      copyCoding(&t->planes[c].coding, &coding);
  return 0;
}

static int readComponentCoding(onnxc_j2k_tile *t, Segment *s) { /* COC */
  uint32_t c = take8(s), style = take8(s);
  onnxc_j2k_coding coding = {0};
  int status = readCoding(s, &coding, (int)style & 1);
  if (status || c >= (uint32_t)t->count)
    return status ? status : ONNXC_IMAGE_DAMAGED;
  copyCoding(&t->planes[c].coding, &coding);
  t->planes[c].coding.isOwn = 1;
  return 0;
}

/* QCD and QCC: of all components, or of one. */
static int readSteps(onnxc_j2k_tile *t, Segment *s, int isOne) {
  uint32_t only = isOne ? take8(s) : 0, style = take8(s);
  onnxc_j2k_coding read = {.quantization = (int)style & 31, .guardBits = (int)style >> 5};
  if (only >= (uint32_t)t->count || read.quantization > 2)
    return ONNXC_IMAGE_DAMAGED;
  int most = sizeof(read.steps) / sizeof(read.steps[0]);
  for (int i = 0; i < most && s->at < s->end; ++i)
    read.steps[i] = (uint16_t)(read.quantization ? take16(s) : take8(s) >> 3 << 11);
  for (int c = 0; c < t->count; ++c) {
    onnxc_j2k_coding *coding = &t->planes[c].coding;
    if (isOne ? (uint32_t)c != only : coding->hasOwnSteps)
      continue;
    coding->quantization = read.quantization;
    coding->guardBits = read.guardBits;
    __builtin_memcpy(coding->steps, read.steps, sizeof(read.steps));
    coding->hasOwnSteps = isOne;
  }
  return s->isShort ? ONNXC_IMAGE_DAMAGED : 0;
}

static int readRegion(onnxc_j2k_tile *t, Segment *s) { /* RGN */
  uint32_t c = take8(s), style = take8(s), shift = take8(s);
  if (s->isShort || c >= (uint32_t)t->count || style || shift > 30)
    return ONNXC_IMAGE_DAMAGED;
  t->planes[c].coding.regionShift = (int)shift;
  return 0;
}

static int readProgressions(onnxc_j2k_tile *t, Segment *s, int isMain) { /* POC */
  if (!isMain && !t->hasOwnProgressions)                                 /* those of the main header hold no longer */
    t->progressionCount = 0;
  t->hasOwnProgressions = !isMain;
  while (s->at < s->end) {
    onnxc_j2k_progression p = {.firstResolution = (int)take8(s), .firstComponent = (int)take8(s)};
    p.endLayer = take16(s);
    p.endResolution = (int)take8(s);
    p.endComponent = (int)take8(s);
    p.order = (int)take8(s);
    if (p.endComponent == 0 || p.endComponent > t->count) /* 0: 256 */
      p.endComponent = t->count;
    if (s->isShort || p.order > 4)
      return ONNXC_IMAGE_DAMAGED;
    if (t->progressionCount == ONNXC_J2K_MOST_PROGRESSIONS)
      return ONNXC_IMAGE_UNSUPPORTED;
    t->progressions[t->progressionCount++] = p;
  }
  return 0;
}

/* Segments up to the marker `last`, which is passed over. */
static int readSegments(Jpeg2000 *j, onnxc_j2k_tile *t, const uint8_t **at, const uint8_t *end, uint32_t last) {
  for (;;) {
    if (end - *at < 2)
      return ONNXC_IMAGE_DAMAGED;
    uint32_t marker = onnxc_read_be16(*at);
    *at += 2;
    if (marker == last)
      return 0;
    if (marker < 0xFF00 || end - *at < 2)
      return ONNXC_IMAGE_DAMAGED;
    uint32_t size = onnxc_read_be16(*at);
    if (size < 2 || size > (uint64_t)(end - *at))
      return ONNXC_IMAGE_DAMAGED;
    Segment s = {*at + 2, *at + size, 0};
    *at += size;
    int status = 0, isMain = last == 0xFF90;
    if (marker == 0xFF51)
      status = isMain && !j->tile.count ? readSize(j, &s) : ONNXC_IMAGE_DAMAGED;
    else if (!j->tile.count)
      return ONNXC_IMAGE_DAMAGED; /* the size comes first */
    else if (marker == 0xFF52)
      status = readDefaults(t, &s);
    else if (marker == 0xFF53)
      status = readComponentCoding(t, &s);
    else if (marker == 0xFF5C || marker == 0xFF5D)
      status = readSteps(t, &s, marker == 0xFF5D);
    else if (marker == 0xFF5E)
      status = readRegion(t, &s);
    else if (marker == 0xFF5F)
      status = readProgressions(t, &s, isMain);
    else if (marker == 0xFF50 || marker == 0xFF60 || marker == 0xFF61) /* CAP; PPM, PPT: headers of packets apart */
      return ONNXC_IMAGE_UNSUPPORTED;
    if (status)
      return status;
  }
}

/*===- Parts of tiles -----------------------------------------------------------------===*/

/* The part at `*at`, behind the marker SOT, and over it. */
static int nextPart(const Jpeg2000 *j, const uint8_t **at, Part *part, uint32_t *tile) {
  const uint8_t *start = *at - 2;
  if (j->end - *at < 10 || onnxc_read_be16(*at) != 10)
    return 0;
  *tile = onnxc_read_be16(*at + 2);
  uint32_t size = onnxc_read_be32(*at + 4);
  if (size == 0) { /* all that is left but EOC */
    part->end = j->end;
    if (j->end - *at >= 12 && onnxc_read_be16(j->end - 2) == 0xFFD9)
      part->end -= 2;
  } else if (size < 12 || size > (uint64_t)(j->end - start)) {
    return 0;
  } else {
    part->end = start + size;
  }
  part->at = *at + 10;
  part->next = 0;
  *at = part->end;
  return *tile < (uint64_t)(j->tilesWide * j->tilesHigh);
}

/* Lists the parts of each tile: they can come in any order. */
static int findParts(Jpeg2000 *j, const uint8_t *first) {
  uint64_t tiles = (uint64_t)(j->tilesWide * j->tilesHigh);
  j->firstParts = onnxc_heap_allocate(j->image->heap, tiles * 2 * sizeof(uint32_t));
  if (!j->firstParts)
    return ONNXC_IMAGE_MEMORY;
  uint32_t *lastParts = j->firstParts + tiles, tile;
  for (uint64_t i = 0; i < 2 * tiles; ++i)
    j->firstParts[i] = 0;
  for (int isCounted = 0; isCounted < 2; ++isCounted) {
    const uint8_t *at = first;
    uint32_t count = 0;
    for (;;) {
      Part part;
      if (!nextPart(j, &at, &part, &tile))
        return ONNXC_IMAGE_DAMAGED;
      if (isCounted) {
        j->parts[count] = part;
        uint32_t *link = lastParts[tile] ? &j->parts[lastParts[tile] - 1].next : &j->firstParts[tile];
        *link = lastParts[tile] = count + 1;
      }
      ++count;
      if (j->end - at < 2 || onnxc_read_be16(at) != 0xFF90) /* EOC, or nothing */
        break;
      at += 2;
    }
    if (!isCounted && !(j->parts = onnxc_heap_allocate(j->image->heap, count * sizeof(Part))))
      return ONNXC_IMAGE_MEMORY;
  }
  return 0;
}

/*===- Samples ------------------------------------------------------------------------===*/

static int decodeBlocks(Jpeg2000 *j, onnxc_j2k_plane *plane, const onnxc_j2k_band *band, const onnxc_j2k_block *blocks,
                        int64_t count) {
  int64_t stride = plane->area.x1 - plane->area.x0;
  for (const onnxc_j2k_block *block = blocks; block < blocks + count; ++block) {
    if (!block->first)
      continue;
    if (!onnxc_j2k_decode_block(block, &plane->coding, band->orientation, j->block, j->coefficients))
      return ONNXC_IMAGE_UNSUPPORTED;
    const int32_t *value = j->coefficients->values;
    for (int64_t y = block->area.y0; y < block->area.y1; ++y) {
      int64_t at = (band->y + y - band->area.y0) * stride + band->x - band->area.x0;
      for (int64_t x = block->area.x0; x < block->area.x1; ++x, ++value)
        if (plane->coding.isReversible)
          plane->samples[at + x].integer = *value / 2;
        else
          plane->samples[at + x].real = (float)*value * (0.5f * band->step);
    }
  }
  return 0;
}

static int decodePlane(Jpeg2000 *j, onnxc_j2k_plane *plane) {
  uint64_t count = (uint64_t)((plane->area.x1 - plane->area.x0) * (plane->area.y1 - plane->area.y0));
  if (count > plane->room) {
    plane->samples = onnxc_heap_allocate(j->image->heap, count * sizeof(*plane->samples));
    if (!plane->samples)
      return ONNXC_IMAGE_MEMORY;
    plane->room = count;
  }
  for (uint64_t i = 0; i < count; ++i)
    plane->samples[i] = (onnxc_j2k_sample){0}; /* of a float, too */
  for (int i = 0; i <= plane->coding.levels; ++i) {
    onnxc_j2k_resolution *r = &plane->resolutions[i];
    for (int64_t k = 0; k < r->precinctsWide * r->precinctsHigh; ++k)
      for (int b = 0; r->precincts[k] && b < r->bandCount; ++b) {
        int status = decodeBlocks(j, plane, &r->bands[b], r->precincts[k]->bands[b].blocks,
                                  r->precincts[k]->bands[b].wide * r->precincts[k]->bands[b].high);
        if (status)
          return status;
      }
  }
  onnxc_j2k_undo_wavelet(plane, j->line);
  return 0;
}

/* Three components become red, green and blue (annex G), where they have the same size. */
static int unmixColors(const onnxc_j2k_tile *t) {
  const onnxc_j2k_plane *p = t->planes;
  if (!t->mixesColors || t->count < 3)
    return 0;
  int64_t width = p->area.x1 - p->area.x0, height = p->area.y1 - p->area.y0;
  for (int c = 1; c < 3; ++c) {
    if (p[c].coding.isReversible != p->coding.isReversible)
      return ONNXC_IMAGE_DAMAGED;
    if (p[c].area.x1 - p[c].area.x0 != width || p[c].area.y1 - p[c].area.y0 != height)
      return 0;
  }
  for (int64_t i = 0; i < width * height; ++i)
    if (p->coding.isReversible) {
      int64_t y = p[0].samples[i].integer, u = p[1].samples[i].integer, v = p[2].samples[i].integer;
      int64_t green = y - ((u + v) >> 2);
      p[0].samples[i].integer = (int32_t)(v + green);
      p[1].samples[i].integer = (int32_t)green;
      p[2].samples[i].integer = (int32_t)(u + green);
    } else {
      float y = p[0].samples[i].real, u = p[1].samples[i].real, v = p[2].samples[i].real;
      p[0].samples[i].real = y + v * 1.402f;
      p[1].samples[i].real = y - u * 0.34413f - v * 0.71414f;
      p[2].samples[i].real = y + u * 1.772f;
    }
  return 0;
}

/* To the nearest integer, halves to the even one; what is far out of the range of samples to an end of it. */
static int32_t roundFloat(float x) {
  const float limit = 1 << 20, shift = 3 << 22; /* there floats are integers */
  if (!(x > -limit))
    return -(1 << 20);
  if (x > limit)
    return 1 << 20;
  return (int32_t)((x + shift) - shift);
}

/* The sample for a place of the grid, without sign. */
static int sampleAt(const onnxc_j2k_tile *t, int c, int64_t x, int64_t y) {
  const onnxc_j2k_plane *plane = &t->planes[c];
  int64_t width = plane->area.x1 - plane->area.x0, height = plane->area.y1 - plane->area.y0;
  if (width == 0 || height == 0)
    return 0;
  int64_t column = x / t->components[c].dx - plane->area.x0, row = y / t->components[c].dy - plane->area.y0;
  column = column < 0 ? 0 : column >= width ? width - 1 : column;
  row = row < 0 ? 0 : row >= height ? height - 1 : row;
  int64_t at = row * width + column, depth = t->components[c].depth;
  int64_t value = plane->coding.isReversible ? plane->samples[at].integer : roundFloat(plane->samples[at].real);
  value += INT64_C(1) << (depth - 1);
  int64_t most = (INT64_C(1) << depth) - 1;
  return (int)(value < 0 ? 0 : value > most ? most : value);
}

/* To 8 bits as Pillow does it, but that what is rounded up over the end stays at it. */
static int scale(int value, int depth) {
  if (depth <= 8)
    return value << (8 - depth);
  value = (value + (1 << (depth - 9))) >> (depth - 8);
  return value > 255 ? 255 : value;
}

static void putPixel(const Jpeg2000 *j, const onnxc_j2k_tile *t, int64_t x, int64_t y) {
  int v[ONNXC_J2K_MOST_COMPONENTS], raw = 0;
  for (int c = 0; c < t->count; ++c) {
    int sample = sampleAt(t, c, x, y);
    raw = c == 0 ? sample : raw;
    v[c] = scale(sample, t->components[c].depth);
  }
  if (t->count < 3) {
    v[1] = v[2] = v[0];
    if (j->palette && raw < j->paletteEntries)
      for (int c = 0; c < 3; ++c)
        v[c] = j->palette[raw * j->paletteColumns + c];
  } else if (j->colors == Sycc) { /* the products with 6 bits after the point, as in Pillow */
    int64_t cb = v[1] - 128, cr = v[2] - 128, half = 1 << 15, one = 1 << 16;
    int luma = v[0];
    v[0] = onnxc_image_clamp(luma + ((int)((cr * 5880414 + half) / one) >> 6));
    v[1] = onnxc_image_clamp(luma + ((int)((half - cb * 1443426) / one + (half - cr * 2995318) / one) >> 6));
    v[2] = onnxc_image_clamp(luma + ((int)((cb * 7432305 + half) / one) >> 6));
  } else if (j->colors == Cmyk && t->count == 4) {
    for (int c = 0; c < 3; ++c)
      v[c] = onnxc_image_clamp(255 - v[3] - onnxc_image_multiply(v[c], 255 - v[3]));
  }
  onnxc_image_put(j->image, x - j->area.x0, y - j->area.y0, v[0], v[1], v[2]);
}

static int decodeTile(Jpeg2000 *j, uint32_t index) {
  onnxc_j2k_tile *t = j->now;
  *t = j->tile;
  int64_t width = j->tileArea.x1 - j->tileArea.x0, height = j->tileArea.y1 - j->tileArea.y0;
  int64_t x = j->tileArea.x0 + index % j->tilesWide * width, y = j->tileArea.y0 + index / j->tilesWide * height;
  t->area = (onnxc_j2k_rectangle){x > j->area.x0 ? x : j->area.x0, y > j->area.y0 ? y : j->area.y0,
                                  x + width < j->area.x1 ? x + width : j->area.x1,
                                  y + height < j->area.y1 ? y + height : j->area.y1};
  for (int c = 0; c < t->count; ++c) /* what the tile says of all components holds for those, too */
    t->planes[c].coding.isOwn = t->planes[c].coding.hasOwnSteps = 0;
  uint64_t size = 0;
  if (!j->firstParts[index])
    return ONNXC_IMAGE_DAMAGED;
  for (uint32_t i = j->firstParts[index]; i; i = j->parts[i - 1].next) {
    const uint8_t *at = j->parts[i - 1].at, *end = j->parts[i - 1].end;
    int status = readSegments(j, t, &at, end, 0xFF93); /* SOD */
    if (status)
      return status;
    __builtin_memcpy(j->packets + size, at, (uint64_t)(end - at));
    size += (uint64_t)(end - at);
  }
  int status = onnxc_j2k_make_tile(t);
  if (!status)
    status = onnxc_j2k_read_packets(t, j->packets, size);
  for (int c = 0; !status && c < t->count; ++c)
    status = decodePlane(j, &t->planes[c]);
  if (!status)
    status = unmixColors(t);
  if (status)
    return status;
  for (y = t->area.y0; y < t->area.y1; ++y)
    for (x = t->area.x0; x < t->area.x1; ++x)
      putPixel(j, t, x, y);
  /* What is left of the memory is for the next tile. */
  j->tile.small = t->small;
  j->tile.smallLeft = t->smallLeft;
  j->tile.idle = t->idle;
  for (int c = 0; c < t->count; ++c) {
    j->tile.planes[c].samples = t->planes[c].samples;
    j->tile.planes[c].room = t->planes[c].room;
  }
  return 0;
}

/*===- The file: annex I --------------------------------------------------------------===*/

/* The box at `*at`, and over it: its type, and what is in it. */
static int nextBox(const uint8_t **at, const uint8_t *end, uint32_t *type, Segment *box) {
  if (end - *at < 8)
    return 0;
  uint64_t size = onnxc_read_be32(*at), header = 8;
  *type = onnxc_read_be32(*at + 4);
  if (size == 1) {
    if (end - *at < 16)
      return 0;
    size = (uint64_t)onnxc_read_be32(*at + 8) << 32 | onnxc_read_be32(*at + 12);
    header = 16;
  } else if (size == 0) {
    size = (uint64_t)(end - *at);
  }
  if (size < header || size > (uint64_t)(end - *at))
    return 0;
  *box = (Segment){*at + header, *at + size, 0};
  *at += size;
  return 1;
}

/* Of the header those boxes that say what the components are. */
static void readHeaderBox(Jpeg2000 *j, const Segment *header) {
  enum { Colr = 0x636F6C72, Pclr = 0x70636C72 };
  const uint8_t *at = header->at;
  uint32_t type;
  Segment box;
  int hasColors = 0;
  while (nextBox(&at, header->end, &type, &box))
    if (type == Colr && !hasColors) { /* the first one counts; a profile says nothing here */
      hasColors = 1;
      uint32_t method = take8(&box);
      take16(&box);
      j->colors = method == 1 ? take32(&box) : Unknown;
    } else if (type == Pclr) {
      int entries = (int)take16(&box), columns = (int)take8(&box), isBytes = columns >= 3;
      for (int i = 0; i < columns; ++i)
        isBytes &= take8(&box) == 7;
      if (isBytes && box.end - box.at >= entries * columns) {
        j->palette = box.at;
        j->paletteEntries = entries;
        j->paletteColumns = columns;
      }
    }
}

static int findStream(Jpeg2000 *j) {
  enum { Jp2h = 0x6A703268, Jp2c = 0x6A703263 };
  const uint8_t *at = j->image->data, *end = at + j->image->size;
  j->at = at;
  j->end = end;
  if (at[0] == 0xFF)
    return 1;
  uint32_t type;
  Segment box;
  while (nextBox(&at, end, &type, &box))
    if (type == Jp2h) {
      readHeaderBox(j, &box);
    } else if (type == Jp2c) {
      j->at = box.at;
      j->end = box.end;
      return 1;
    }
  return 0;
}

int onnxc_decode_jpeg2000(onnxc_image *image) {
  onnxc_heap *heap = image->heap;
  Jpeg2000 *j = onnxc_heap_allocate(heap, sizeof(*j));
  if (!j)
    return ONNXC_IMAGE_MEMORY;
  for (uint64_t i = 0; i < sizeof(*j); ++i)
    ((char *)j)[i] = 0;
  j->image = image;
  if (!findStream(j) || j->end - j->at < 4 || onnxc_read_be32(j->at) != 0xFF4FFF51) /* SOC, SIZ */
    return ONNXC_IMAGE_DAMAGED;
  const uint8_t *at = j->at + 2;
  j->tile.heap = heap;
  j->tile.components = j->components;
  int status = readSegments(j, &j->tile, &at, j->end, 0xFF90); /* SOT */
  if (status)
    return status;
  if (!j->tile.layers)
    return ONNXC_IMAGE_DAMAGED;
  status = findParts(j, at);
  if (status)
    return status;
  int64_t width = j->area.x1 - j->area.x0, height = j->area.y1 - j->area.y0;
  status = onnxc_image_begin(image, (uint64_t)width, (uint64_t)height);
  if (status)
    return status;
  /* Guess what the file doesn't say, as Pillow does. */
  const onnxc_j2k_component *c = j->components;
  int isFull = c->dx == 1 && c->dy == 1;
  if (j->colors != Sycc && j->colors != Srgb && j->colors != Cmyk && j->tile.count >= 3)
    j->colors = isFull && (c[1].dx != 1 || c[1].dy != 1 || c[2].dx != 1 || c[2].dy != 1) ? Sycc : Srgb;
  int64_t rows = height < ONNXC_J2K_LINES ? height : ONNXC_J2K_LINES;
  int64_t columns = width < ONNXC_J2K_LINES ? width : ONNXC_J2K_LINES;
  uint64_t line = (uint64_t)(width * rows > height * columns ? width * rows : height * columns);
  j->now = onnxc_heap_allocate(heap, sizeof(*j->now));
  j->coefficients = onnxc_heap_allocate(heap, sizeof(*j->coefficients));
  j->packets = onnxc_heap_allocate(heap, image->size);
  j->block = onnxc_heap_allocate(heap, image->size);
  j->line = onnxc_heap_allocate(heap, line * sizeof(*j->line));
  if (!j->now || !j->coefficients || !j->packets || !j->block || !j->line)
    return ONNXC_IMAGE_MEMORY;
  for (uint32_t i = 0; i < (uint64_t)(j->tilesWide * j->tilesHigh); ++i) {
    status = decodeTile(j, i);
    if (status)
      return status;
  }
  return 0;
}
