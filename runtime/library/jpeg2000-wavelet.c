/*===- runtime/library/jpeg2000-wavelet.c ------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * JPEG 2000: the inverse wavelet transforms, by lifting (annex F of ITU-T T.800).
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/jpeg2000.h"

/* A row, or several columns beside each other: `length` places of `width` samples. Places of even coordinates hold what
 * is low, the others what is high. */
typedef struct Line {
  int64_t length;
  int width, isOdd; /* the first coordinate */
} Line;

/* Beyond the ends samples are mirrored. */
static int64_t mirror(const Line *line, int64_t i) {
  return i < 0 ? -i : i >= line->length ? 2 * (line->length - 1) - i : i;
}

/* Equations F-5 and F-6. Sums wrap around, for streams that are damaged. */
static void lift53(const Line *line, onnxc_j2k_sample *x) {
  for (int step = 0; step < 2; ++step)
    for (int64_t i = step ^ line->isOdd; i < line->length; i += 2) {
      const onnxc_j2k_sample *before = x + mirror(line, i - 1) * line->width;
      const onnxc_j2k_sample *after = x + mirror(line, i + 1) * line->width;
      onnxc_j2k_sample *at = x + i * line->width;
      for (int k = 0; k < line->width; ++k) {
        int64_t sum = (int64_t)before[k].integer + after[k].integer;
        at[k].integer = (int32_t)(at[k].integer + (step ? sum >> 1 : -((sum + 2) >> 2)));
      }
    }
}

/* Equation F-7. */
static void lift97(const Line *line, onnxc_j2k_sample *x) {
  static const float factors[4] = {-0.443506852f, -0.882911075f, 0.052980118f, 1.586134342f};
  const float low = 1.230174105f, high = 1.625732422f / 2; /* as OpenJPEG has it; 1 / low is 0.812893066 */
  for (int64_t i = 0; i < line->length; ++i)
    for (int k = 0; k < line->width; ++k)
      x[i * line->width + k].real *= (i & 1) == line->isOdd ? low : high;
  for (int step = 0; step < 4; ++step)
    for (int64_t i = (step & 1) ^ line->isOdd; i < line->length; i += 2) {
      const onnxc_j2k_sample *before = x + mirror(line, i - 1) * line->width;
      const onnxc_j2k_sample *after = x + mirror(line, i + 1) * line->width;
      onnxc_j2k_sample *at = x + i * line->width;
      for (int k = 0; k < line->width; ++k)
        at[k].real += (before[k].real + after[k].real) * factors[step];
    }
}

/* Along one axis: `count` lines, `across` samples apart, of `length` places, `stride` apart, first those that are low;
 * from then on in the order of their coordinates. */
static void undoAxis(onnxc_j2k_plane *plane, onnxc_j2k_sample *line, int64_t from, int64_t length, int64_t stride,
                     int64_t count, int64_t across) {
  onnxc_j2k_sample *samples = plane->samples;
  int isReversible = plane->coding.isReversible, isOdd = (int)(from & 1);
  int64_t lows = (length + !isOdd) / 2;
  for (int64_t first = 0; first < count; first += ONNXC_J2K_LINES) {
    int width = (int)(count - first < ONNXC_J2K_LINES ? count - first : ONNXC_J2K_LINES);
    Line shape = {length, width, isOdd};
    for (int64_t i = 0; i < length; ++i) {
      int64_t place = i < lows ? 2 * i + isOdd : 2 * (i - lows) + !isOdd;
      for (int k = 0; k < width; ++k)
        line[place * width + k] = samples[i * stride + (first + k) * across];
    }
    if (length > 1 && isReversible)
      lift53(&shape, line);
    else if (length > 1)
      lift97(&shape, line);
    else if (isOdd) /* a single one that is high is twice as large */
      for (int k = 0; k < width; ++k) {
        if (isReversible)
          line[k].integer /= 2;
        else
          line[k].real *= 0.5f;
      }
    for (int64_t i = 0; i < length; ++i)
      for (int k = 0; k < width; ++k)
        samples[i * stride + (first + k) * across] = line[i * width + k];
  }
}

void onnxc_j2k_undo_wavelet(onnxc_j2k_plane *plane, onnxc_j2k_sample *line) {
  int64_t stride = plane->area.x1 - plane->area.x0;
  for (int i = 1; i <= plane->coding.levels; ++i) {
    onnxc_j2k_rectangle area = plane->resolutions[i].area;
    int64_t width = area.x1 - area.x0, height = area.y1 - area.y0;
    undoAxis(plane, line, area.x0, width, 1, height, stride);
    undoAxis(plane, line, area.y0, height, stride, width, 1);
  }
}
