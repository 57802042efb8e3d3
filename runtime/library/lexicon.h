/*===- runtime/library/lexicon.h ---------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Lists of texts in one piece of memory, as the compiler (dialects/onnx/support/Lexicon.cpp) lays them out: the bytes
 * of one text after the other, and for each where it begins and a number. Sorted ones are searched.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_LEXICON_H
#define ONNXC_LIBRARY_LEXICON_H

#include "runtime/library/text.h"

typedef struct onnxc_lexicon_row {
  int32_t begin, number;
} onnxc_lexicon_row;

typedef struct onnxc_lexicon {
  const char *bytes;
  const onnxc_lexicon_row *rows; /* and one more, which begins where the last text ends */
  int64_t count;
} onnxc_lexicon;

/* From two inputs of a function: the bytes, the rows. */
static inline onnxc_lexicon onnxc_lexicon_open(const onnxc_value *bytes, const onnxc_value *rows) {
  onnxc_lexicon lexicon = {(const char *)bytes->data, (const onnxc_lexicon_row *)rows->data, rows->dims[0] / 2 - 1};
  return lexicon;
}

/* Text `i`, and how many bytes it has. */
static inline const char *onnxc_lexicon_at(const onnxc_lexicon *lexicon, int64_t i, uint64_t *length) {
  *length = (uint64_t)(lexicon->rows[i + 1].begin - lexicon->rows[i].begin);
  return lexicon->bytes + lexicon->rows[i].begin;
}

/* The number of the text, or -1. */
static inline int64_t onnxc_lexicon_find(const onnxc_lexicon *lexicon, const char *text, uint64_t length) {
  int64_t low = 0, high = lexicon->count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    uint64_t other, same = 0;
    const char *word = onnxc_lexicon_at(lexicon, middle, &other);
    while (same < length && same < other && word[same] == text[same])
      ++same;
    if (same == length && same == other)
      return lexicon->rows[middle].number;
    if (same == other || (same < length && (unsigned char)word[same] < (unsigned char)text[same]))
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

#endif
