/*===- runtime/library/ngrams.c ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Counts the n-grams of a pool in sequences of integers or strings (TfIdfVectorizer).
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/text.h"

/* What a function returns without memory: the run ends with ONNXC_ERROR_MEMORY. */
enum { OutOfMemory = -1 };

/* The rank of element i of `x` in the sorted list of tokens, or -1. */
static int64_t findToken(const onnxc_value *x, int64_t i, const onnxc_value *tokens) {
  int64_t low = 0, high = tokens->dims[0];
  while (low < high) {
    int64_t middle = low + (high - low) / 2, order;
    if (x->type == ONNXC_STRING) {
      order = onnxc_text_compare(((const char *const *)x->data)[i], ((const char *const *)tokens->data)[middle]);
    } else {
      int64_t number = x->type == ONNXC_INT32 ? ((const int32_t *)x->data)[i] : ((const int64_t *)x->data)[i];
      int64_t token = ((const int64_t *)tokens->data)[middle];
      order = (number > token) - (number < token);
    }
    if (order == 0)
      return middle;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return -1;
}

/* A row of the sorted table of edges: with this token, this node goes on to `next`; `column` is where the n-gram that
 * ends there is counted, or -1. */
typedef struct Edge {
  int64_t node, token, next, column;
} Edge;

static const Edge *findEdge(const Edge *edges, int64_t count, int64_t node, int64_t token) {
  int64_t low = 0, high = count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    const Edge *edge = &edges[middle];
    if (edge->node == node && edge->token == token)
      return edge;
    if (edge->node < node || (edge->node == node && edge->token < token))
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

typedef struct Grams {
  const Edge *edges;
  int64_t edgeCount, least, most, skips;
} Grams;

/* Counts in a row of `size` tokens. Of an n-gram, the tokens are 1, 2, ... skips + 1 places apart. */
static void countRow(const Grams *grams, const int64_t *row, int64_t size, int64_t *counts) {
  int64_t least = grams->least;
  for (int64_t distance = 1; distance - 1 <= grams->skips && distance <= size; ++distance) {
    for (int64_t start = 0; start < size; ++start) {
      int64_t node = 0;
      for (int64_t length = 1, at = start; length <= grams->most && at < size; ++length, at += distance) {
        const Edge *edge = row[at] < 0 ? NULL : findEdge(grams->edges, grams->edgeCount, node, row[at]);
        if (!edge)
          break;
        if (length >= least && edge->column >= 0)
          ++counts[edge->column];
        node = edge->next;
      }
    }
    /* 1-grams have nothing between their tokens, and are counted once. */
    if (least == 1 && ++least > grams->most)
      break;
  }
}

/* In: the sequences, the sorted tokens of the pool, the edges, the weights of the columns, the numbers {length of the
 * shortest and longest n-grams, skips, whether only presence counts}. */
int32_t onnxc_count_ngrams(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const onnxc_value *x = in[0];
  const int64_t *numbers = in[4]->data;
  const float *weights = in[3]->data;
  Grams grams = {in[2]->data, in[2]->dims[0] / 4, numbers[0], numbers[1], numbers[2]};
  int64_t columns = in[3]->dims[0];
  int64_t rows = x->count == 2 ? x->dims[0] : 1;
  int64_t size = x->count == 0 ? 1 : x->dims[x->count - 1];
  int64_t *row = onnxc_heap_allocate(heap, (uint64_t)size * sizeof(int64_t));
  int64_t *counts = onnxc_heap_allocate(heap, (uint64_t)columns * sizeof(int64_t));
  if (!row || !counts)
    return OutOfMemory;
  float *y = out->data;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < size; ++i)
      row[i] = findToken(x, r * size + i, in[1]);
    for (int64_t i = 0; i < columns; ++i)
      counts[i] = 0;
    countRow(&grams, row, size, counts);
    for (int64_t i = 0; i < columns; ++i, ++y)
      *y = numbers[3] ? (counts[i] ? weights[i] : 0) : weights[i] * (float)counts[i];
  }
  return 0;
}
