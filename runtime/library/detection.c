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

/* Whether intersection over union is above the threshold. */
static int overlap(const Box *a, const Box *b, float threshold) {
  float top = a->top > b->top ? a->top : b->top, bottom = a->bottom < b->bottom ? a->bottom : b->bottom;
  float left = a->left > b->left ? a->left : b->left, right = a->right < b->right ? a->right : b->right;
  if (!(bottom > top && right > left) || !(a->area > 0 && b->area > 0))
    return 0;
  float both = (bottom - top) * (right - left);
  return both / (a->area + b->area - both) > threshold;
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
  if (most > 0) {
    uint64_t bytes = (uint64_t)n * 8; /* n elements of 16 bytes are in memory, so this and the next fit */
    Box *boxes = onnxc_heap_allocate(heap, (uint64_t)n * sizeof(Box)),
        *kept = onnxc_heap_allocate(heap, (uint64_t)n * sizeof(Box));
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
          for (int64_t k = 0; k < keptCount && isFree; ++k)
            isFree = !overlap(&kept[k], box, threshold);
          if (!isFree)
            continue;
          kept[keptCount++] = *box;
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
