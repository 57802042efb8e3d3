/*===- runtime/library/detection.c -------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * NonMaxSuppression (ai.onnx, since version 10): picks boxes by score, without those that overlap with a better one.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/library.h"
#include "runtime/library/sort.h"

enum { Done = 0, NoMemory = -1, Misfit = 1 };

typedef struct Box {
  float top, left, bottom, right, area;
} Box;

/* Corners may be any two opposite ones; or center x, center y, width, height. */
static Box makeBox(const float *from, int isCenter) {
  float a[4] = {from[0], from[1], from[2], from[3]};
  if (isCenter) {
    float halfWidth = a[2] / 2, halfHeight = a[3] / 2, x = a[0], y = a[1];
    a[0] = y - halfHeight, a[1] = x - halfWidth, a[2] = y + halfHeight, a[3] = x + halfWidth;
  }
  Box box = {a[0] < a[2] ? a[0] : a[2], a[1] < a[3] ? a[1] : a[3], a[0] < a[2] ? a[2] : a[0], a[1] < a[3] ? a[3] : a[1],
             0};
  box.area = (box.bottom - box.top) * (box.right - box.left);
  return box;
}

/* Boxes that were picked, `Lanes` at a time, so that one is compared with that many at once. */
enum { Lanes = 16 };
typedef float Floats __attribute__((vector_size(4 * Lanes)));
typedef int32_t Masks __attribute__((vector_size(4 * Lanes))); /* of comparisons: -1 or 0 */
typedef struct Boxes {
  Floats top, left, bottom, right, area;
} Boxes;

static Floats choose(Masks which, Floats a, Floats b) { return (Floats)((which & (Masks)a) | (~which & (Masks)b)); }

/* Whether intersection over union of `b` with any of them is above the threshold; lanes without a box have no area. */
static int overlap(const Boxes *a, const Box *b, float threshold) {
  Floats zero = {0}, bTop = zero + b->top, bLeft = zero + b->left, bBottom = zero + b->bottom, bRight = zero + b->right;
  Floats top = choose(a->top > bTop, a->top, bTop), bottom = choose(a->bottom < bBottom, a->bottom, bBottom);
  Floats left = choose(a->left > bLeft, a->left, bLeft), right = choose(a->right < bRight, a->right, bRight);
  Masks meet = (bottom > top) & (right > left) & (a->area > zero);
  if (!(b->area > 0) || !__builtin_reduce_or(meet))
    return 0;
  Floats both = (bottom - top) * (right - left);
  return __builtin_reduce_or(meet & (both / (a->area + b->area - both) > threshold)) != 0;
}

static void keep(Boxes *kept, int64_t count, const Box *box) {
  Boxes *last = kept + count / Lanes;
  int64_t lane = count % Lanes;
  if (lane == 0)
    *last = (Boxes){{0}, {0}, {0}, {0}, {0}};
  last->top[lane] = box->top, last->left[lane] = box->left, last->bottom[lane] = box->bottom;
  last->right[lane] = box->right, last->area[lane] = box->area;
}

static int scoresMore(const void *scores, int64_t i, int64_t j) {
  return ((const float *)scores)[i] > ((const float *)scores)[j];
}

typedef struct Picked {
  int64_t *triples;
  int64_t count, room;
} Picked;

static int add(onnxc_heap *heap, Picked *picked, int64_t batch, int64_t class, int64_t box) {
  if (picked->count == picked->room) {
    int64_t room = picked->room ? picked->room * 2 : 256;
    int64_t *bigger = onnxc_heap_allocate(heap, (uint64_t)room * 24);
    if (!bigger)
      return 0;
    for (int64_t i = 0; i < picked->count * 3; ++i)
      bigger[i] = picked->triples[i];
    picked->triples = bigger;
    picked->room = room;
  }
  int64_t *triple = picked->triples + 3 * picked->count++;
  triple[0] = batch, triple[1] = class, triple[2] = box;
  return 1;
}

/* in: boxes [batches, n, 4]; scores [batches, classes, n]; the most boxes of a class, the threshold of intersection
 * over union, that of the score (each may be empty); whether boxes are given by their center. out: [picked, 3]. */
int32_t onnxc_non_max_suppression(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  int64_t batches = in[0]->dims[0], n = in[0]->dims[1], classes = in[1]->dims[1];
  if (in[1]->dims[0] != batches || in[1]->dims[2] != n || in[0]->dims[2] != 4)
    return Misfit;
  int64_t most = onnxc_element_count(in[2]) ? *(const int64_t *)in[2]->data : 0;
  float threshold = onnxc_element_count(in[3]) ? *(const float *)in[3]->data : 0;
  int hasLeast = onnxc_element_count(in[4]) != 0, isCenter = *(const int64_t *)in[5]->data != 0;
  float least = hasLeast ? *(const float *)in[4]->data : 0;
  Picked picked = {0};
  if (most > 0 && n > 0) {
    uint64_t bytes = (uint64_t)n * 8; /* n elements of 16 bytes are in memory, so this and the next fit */
    Box *boxes = onnxc_heap_allocate(heap, (uint64_t)n * sizeof(Box));
    Boxes *kept = onnxc_heap_allocate(heap, ((uint64_t)n / Lanes + 1) * sizeof(Boxes));
    int64_t *items = onnxc_heap_allocate(heap, bytes), *other = onnxc_heap_allocate(heap, bytes);
    if (!boxes || !kept || !items || !other)
      return NoMemory;
    for (int64_t batch = 0; batch < batches; ++batch) {
      for (int64_t i = 0; i < n; ++i)
        boxes[i] = makeBox((const float *)in[0]->data + (batch * n + i) * 4, isCenter);
      for (int64_t class = 0; class < classes; ++class) {
        const float *scores = (const float *)in[1]->data + (batch * classes + class) * n;
        int64_t candidates = 0, keptCount = 0;
        for (int64_t i = 0; i < n; ++i)
          if (!hasLeast || scores[i] > least)
            items[candidates++] = i;
        int64_t *sorted = onnxc_sort(items, other, candidates, scoresMore, scores);
        for (int64_t i = 0; i < candidates && keptCount < most; ++i) {
          const Box *box = &boxes[sorted[i]];
          int isFree = 1;
          for (int64_t k = 0; k * Lanes < keptCount && isFree; ++k)
            isFree = !overlap(&kept[k], box, threshold);
          if (!isFree)
            continue;
          keep(kept, keptCount++, box);
          if (!add(heap, &picked, batch, class, sorted[i]))
            return NoMemory;
        }
      }
    }
  }
  int64_t dims[2] = {picked.count, 3};
  if (!onnxc_make_tensor(heap, out, dims))
    return NoMemory;
  for (int64_t i = 0; i < picked.count * 3; ++i)
    ((int64_t *)out->data)[i] = picked.triples[i];
  return Done;
}
