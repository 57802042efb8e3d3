/*===- runtime/library/jpeg2000.h --------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * What the stages of decoding JPEG 2000 (ITU-T T.800, ISO/IEC 15444-1) share.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_JPEG2000_H
#define ONNXC_LIBRARY_JPEG2000_H

#include "runtime/library/image.h"

enum { ONNXC_J2K_MOST_COMPONENTS = 4, ONNXC_J2K_MOST_LEVELS = 32, ONNXC_J2K_MOST_PROGRESSIONS = 32 };

/* Styles of code blocks (table A.19). */
enum {
  ONNXC_J2K_BYPASS = 1,    /* the lower bits as they are */
  ONNXC_J2K_RESET = 2,     /* contexts start anew in each pass */
  ONNXC_J2K_TERMINATE = 4, /* each pass is a segment */
  ONNXC_J2K_CAUSAL = 8,    /* contexts don't look at the next four rows */
  ONNXC_J2K_SYMBOLS = 32   /* a mark follows each bit plane */
};

/* How a component is coded. */
typedef struct onnxc_j2k_coding {
  int levels, widthBits, heightBits, style, isReversible; /* of code blocks: the bits of their size */
  uint8_t precincts[ONNXC_J2K_MOST_LEVELS + 1];           /* bits of their width | of their height << 4 */
  int quantization, guardBits, regionShift;
  uint16_t steps[3 * ONNXC_J2K_MOST_LEVELS + 1]; /* of each band: exponent << 11 | mantissa */
  int isOwn, hasOwnSteps;                        /* said of this component alone */
} onnxc_j2k_coding;

typedef struct onnxc_j2k_component {
  int depth, isSigned;
  int64_t dx, dy; /* of the grid to a sample */
} onnxc_j2k_component;

/* A change of the order of packets (POC), or the only one: components, resolutions and layers without their ends. */
typedef struct onnxc_j2k_progression {
  int order, firstComponent, endComponent, firstResolution, endResolution;
  uint32_t endLayer;
} onnxc_j2k_progression;

typedef struct onnxc_j2k_rectangle {
  int64_t x0, y0, x1, y1;
} onnxc_j2k_rectangle;

/* A piece of the stream that belongs to a block, with the passes that it adds. */
typedef struct onnxc_j2k_piece {
  struct onnxc_j2k_piece *next;
  const uint8_t *data;
  uint32_t size;
  int passes, isStart; /* of a segment */
} onnxc_j2k_piece;

typedef struct onnxc_j2k_block {
  onnxc_j2k_rectangle area; /* of the band */
  int planes;               /* bit planes that aren't all 0; -1: in no packet so far */
  int lengthBits, passes, segmentPasses, segmentMost;
  onnxc_j2k_piece *first, *last, *now; /* now: the first one in the packet that is read */
} onnxc_j2k_block;

/* A node of a tag tree (B.10.2): what all values below it are at least, and whether that is the least of them. */
typedef struct onnxc_j2k_tag {
  int32_t low, isKnown;
} onnxc_j2k_tag;

typedef struct onnxc_j2k_precinct {
  uint32_t layers; /* that have been read */
  struct {
    int64_t wide, high; /* blocks */
    onnxc_j2k_block *blocks;
    onnxc_j2k_tag *inclusion, *zeroPlanes;
  } bands[3];
} onnxc_j2k_precinct;

typedef struct onnxc_j2k_band {
  onnxc_j2k_rectangle area;
  int64_t x, y;    /* in the samples of the component */
  int orientation; /* 1: high across, 2: high down, 3: both */
  int planes;
  float step;
} onnxc_j2k_band;

typedef struct onnxc_j2k_resolution {
  onnxc_j2k_rectangle area;
  int64_t precinctsWide, precinctsHigh;
  onnxc_j2k_precinct **precincts;
  int bandCount;
  onnxc_j2k_band bands[3];
} onnxc_j2k_resolution;

/* An integer where a component is reversible, else a float. */
typedef union onnxc_j2k_sample {
  int32_t integer;
  float real;
} onnxc_j2k_sample;

/* A component of a tile. */
typedef struct onnxc_j2k_plane {
  onnxc_j2k_coding coding;
  onnxc_j2k_rectangle area;
  onnxc_j2k_resolution resolutions[ONNXC_J2K_MOST_LEVELS + 1];
  onnxc_j2k_sample *samples;
  uint64_t room; /* for samples */
} onnxc_j2k_plane;

typedef struct onnxc_j2k_tile {
  onnxc_heap *heap;
  char *small; /* memory for little things */
  uint64_t smallLeft;
  int count;
  onnxc_j2k_rectangle area;
  const onnxc_j2k_component *components;
  onnxc_j2k_plane planes[ONNXC_J2K_MOST_COMPONENTS];
  int hasStartMarks, hasEndMarks, mixesColors, order;
  uint32_t layers;
  onnxc_j2k_progression progressions[ONNXC_J2K_MOST_PROGRESSIONS]; /* changes of the order */
  int progressionCount, hasOwnProgressions;
  uint64_t idle; /* looks at what has no packet */
} onnxc_j2k_tile;

/* Divides the tile into bands and precincts; then takes its packets. 0, or a failure. */
int onnxc_j2k_make_tile(onnxc_j2k_tile *tile);
int onnxc_j2k_read_packets(onnxc_j2k_tile *tile, const uint8_t *data, uint64_t size);

/* Room for the decoding of a block, and what comes out: the values, twice as large, so that halves have a place. */
enum { ONNXC_J2K_BLOCK = 4096, ONNXC_J2K_BLOCK_BORDERED = (1024 + 2) * (4 + 2) };
typedef struct onnxc_j2k_coefficients {
  int32_t values[ONNXC_J2K_BLOCK];
  uint8_t flags[ONNXC_J2K_BLOCK_BORDERED];
} onnxc_j2k_coefficients;

/* `data`: room for the pieces of the block. 0 when it has more planes than there are bits. */
int onnxc_j2k_decode_block(const onnxc_j2k_block *block, const onnxc_j2k_coding *coding, int orientation, uint8_t *data,
                           onnxc_j2k_coefficients *to);

/* Puts the bands together, from resolution to resolution. `line`: room for so many rows or columns. */
enum { ONNXC_J2K_LINES = 16 };
void onnxc_j2k_undo_wavelet(onnxc_j2k_plane *plane, onnxc_j2k_sample *line);

static inline int64_t onnxc_j2k_divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t onnxc_j2k_shift_up(int64_t a, int bits) { return (a + ((INT64_C(1) << bits) - 1)) >> bits; }

#endif
