/*===- runtime/library/text.c ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Strings: compare, join, split, and bring into a normal form.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/text.h"
#include "runtime/library/unicode.h"

/* What a function returns without memory: the run ends with ONNXC_ERROR_MEMORY. */
enum { OutOfMemory = -1 };

int32_t onnxc_text_equal(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const char *const *x = in[0]->data, *const *y = in[1]->data;
  unsigned char *equal = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i)
    equal[i] = x[i] == y[i] || onnxc_text_compare(x[i], y[i]) == 0;
  return 0;
}

int32_t onnxc_text_concat(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data, *const *y = in[1]->data;
  const char **z = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    if (!*x[i] || !*y[i]) {
      z[i] = *x[i] ? x[i] : y[i];
      continue;
    }
    uint64_t first = onnxc_text_length(x[i]), second = onnxc_text_length(y[i]);
    char *joined = onnxc_heap_keep(heap, first + second + 1);
    if (!joined)
      return OutOfMemory;
    onnxc_text_copy(joined, x[i], first);
    onnxc_text_copy(joined + first, y[i], second + 1);
    z[i] = joined;
  }
  return 0;
}

/*===- Split -------------------------------------------------------------------------===*/

/* The length of the white space letter here, else 0. The letters are those that the reference splits at: white space
 * of Unicode, and the four separators of ASCII. */
static int spaceLength(const char *text) {
  uint32_t letter;
  int length = onnxc_decode(text, &letter);
  int isSpace = (letter >= 9 && letter <= 13) || (letter >= 28 && letter <= 32) || letter == 0x85 || letter == 0xA0 ||
                letter == 0x1680 || (letter >= 0x2000 && letter <= 0x200A) || letter == 0x2028 || letter == 0x2029 ||
                letter == 0x202F || letter == 0x205F || letter == 0x3000;
  return isSpace ? length : 0;
}

static const char *skipSpace(const char *text) {
  for (int length; *text && (length = spaceLength(text)); text += length)
    ;
  return text;
}

/* Calls for the parts of a text: where the next one begins (NULL: there is none), and its end. */
typedef struct Parts {
  const char *at; /* NULL after the last part */
  const char *delimiter;
  uint64_t delimiterLength;
  int64_t left; /* splits that may still be made; below 0: any number */
} Parts;

static const char *nextPart(Parts *parts, const char **end) {
  const char *begin = parts->at;
  if (!begin)
    return NULL;
  if (parts->delimiterLength == 0) {
    begin = skipSpace(begin);
    if (!*begin)
      return NULL;
  }
  const char *last = begin;
  if (parts->left == 0) { /* all the rest */
    parts->at = NULL;
    *end = begin + onnxc_text_length(begin);
    return begin;
  }
  --parts->left;
  if (parts->delimiterLength == 0) {
    uint32_t letter;
    while (*last && !spaceLength(last))
      last += onnxc_decode(last, &letter);
    parts->at = last;
  } else {
    parts->at = NULL;
    for (; *last; ++last) {
      uint64_t same = 0;
      while (same < parts->delimiterLength && last[same] == parts->delimiter[same])
        ++same;
      if (same == parts->delimiterLength) {
        parts->at = last + same;
        break;
      }
    }
  }
  *end = last;
  return begin;
}

/* In: text, the delimiter (empty: white space), how many splits at most. Out: how many parts; the parts. */
int32_t onnxc_text_split(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data;
  const char *delimiter = *(const char *const *)in[1]->data;
  Parts start = {NULL, delimiter, onnxc_text_length(delimiter), *(const int64_t *)in[2]->data};
  int64_t *counts = out[0].data, most = 0, n = onnxc_element_count(in[0]);
  const char *end;
  for (int64_t i = 0; i < n; ++i) {
    Parts parts = start;
    parts.at = x[i];
    counts[i] = 0;
    while (nextPart(&parts, &end))
      ++counts[i];
    most = counts[i] > most ? counts[i] : most;
  }
  int64_t *dims = onnxc_heap_allocate(heap, (uint64_t)out[1].count * sizeof(int64_t));
  if (!dims)
    return OutOfMemory;
  for (int64_t i = 0; i < in[0]->count; ++i)
    dims[i] = in[0]->dims[i];
  dims[in[0]->count] = most;
  if (!onnxc_make_tensor(heap, &out[1], dims))
    return OutOfMemory;
  const char **y = out[1].data;
  for (int64_t i = 0; i < n; ++i) {
    Parts parts = start;
    parts.at = x[i];
    const char *part;
    for (int64_t k = 0; k < most; ++k)
      if (!(part = k < counts[i] ? nextPart(&parts, &end) : ""))
        return OutOfMemory;
      else if (!(*y++ = k < counts[i] ? onnxc_text_make(heap, part, (uint64_t)(end - part)) : ""))
        return OutOfMemory;
  }
  return 0;
}

/*===- Normal form -------------------------------------------------------------------===*/

/* Compares `word` with the letters of `text` after their change of case. */
static int compareChanged(const char *text, const char *word, int64_t change, int64_t dotlessI) {
  if (change == ONNXC_SAME)
    return onnxc_text_compare(text, word);
  while (*text) {
    uint32_t letter;
    char bytes[4];
    text += onnxc_decode(text, &letter);
    int length = onnxc_encode(onnxc_change_case(letter, change, dotlessI), bytes);
    for (int i = 0; i < length; ++i, ++word)
      if (bytes[i] != *word)
        return (unsigned char)bytes[i] - (unsigned char)*word;
  }
  return *word ? -1 : 0;
}

/* Whether the sorted list of words, which are in the compared case already, has the text. */
static int isWord(const char *text, const char *const *words, int64_t count, int64_t change, int64_t dotlessI) {
  int64_t low = 0, high = count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    int order = compareChanged(text, words[middle], change, dotlessI);
    if (order == 0)
      return 1;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return 0;
}

static const char *changeCase(onnxc_heap *heap, const char *text, int64_t change, int64_t dotlessI) {
  if (change == ONNXC_SAME || !*text)
    return text;
  uint64_t length = 0;
  uint32_t letter;
  char bytes[4];
  for (const char *at = text; *at;) {
    at += onnxc_decode(at, &letter);
    length += (uint64_t)onnxc_encode(onnxc_change_case(letter, change, dotlessI), bytes);
  }
  char *changed = onnxc_heap_keep(heap, length + 1), *to = changed;
  if (!changed)
    return NULL;
  while (*text) {
    text += onnxc_decode(text, &letter);
    int size = onnxc_encode(onnxc_change_case(letter, change, dotlessI), bytes);
    onnxc_text_copy(to, bytes, (uint64_t)size);
    to += size;
  }
  *to = 0;
  return changed;
}

/* In: text, sorted stop words, the numbers {change of case, in which case words are compared, dotless i}. */
int32_t onnxc_text_normalize(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data, *const *words = in[1]->data;
  const int64_t *numbers = in[2]->data;
  int64_t n = onnxc_element_count(in[0]), kept = 0;
  const char **texts = onnxc_heap_allocate(heap, (uint64_t)n * sizeof(char *));
  if (!texts)
    return OutOfMemory;
  for (int64_t i = 0; i < n; ++i)
    if (!isWord(x[i], words, in[1]->dims[0], numbers[1], numbers[2]) &&
        !(texts[kept++] = changeCase(heap, x[i], numbers[0], numbers[2])))
      return OutOfMemory;
  int64_t dims[2] = {1, 1};
  dims[out->count - 1] = kept ? kept : 1;
  if (!onnxc_make_tensor(heap, out, dims))
    return OutOfMemory;
  const char **y = out->data;
  y[0] = "";
  for (int64_t i = 0; i < kept; ++i)
    y[i] = texts[i];
  return 0;
}
