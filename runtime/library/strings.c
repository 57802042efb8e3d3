/*===- runtime/library/strings.c ---------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The operators on text of onnxruntime-extensions: change, measure, join, split and look up strings, and rows of
 * different lengths.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/lexicon.h"
#include "runtime/library/unicode.h"

/* What a function returns without memory: the run ends with ONNXC_ERROR_MEMORY. */
enum { OutOfMemory = -1 };

/*===- One string from one -----------------------------------------------------------===*/

/* Of ASCII alone. */
static int isSpace(char byte) { return byte == ' ' || (byte >= 9 && byte <= 13); }

/* Without white space around; white space alone stays. */
static const char *strip(onnxc_heap *heap, const char *text) {
  const char *begin = text;
  while (isSpace(*begin))
    ++begin;
  if (!*begin)
    return text;
  uint64_t length = onnxc_text_length(begin);
  while (isSpace(begin[length - 1]))
    --length;
  return begin[length] || begin > text ? onnxc_text_make(heap, begin, length) : text;
}

/* Small letters of ASCII and Latin-1, or capital letters of ASCII. */
static const char *changeCase(onnxc_heap *heap, const char *text, int isUpper) {
  uint64_t length = onnxc_text_length(text);
  char *changed = onnxc_heap_keep(heap, length + 1);
  if (!changed)
    return NULL;
  for (uint64_t i = 0; i <= length; ++i) {
    unsigned char byte = (unsigned char)text[i], before = i ? (unsigned char)text[i - 1] : 0;
    if (isUpper)
      byte -= byte >= 'a' && byte <= 'z' ? 32 : 0;
    else if ((byte >= 'A' && byte <= 'Z') || (before == 0xC3 && byte >= 0x80 && byte <= 0x9E && byte != 0x97))
      byte += 32;
    changed[i] = (char)byte;
  }
  return changed;
}

/* In: texts, the number of the change: 0 strips, 1 makes letters small, 2 capital. */
int32_t onnxc_string_change(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data, **y = out->data;
  int64_t kind = *(const int64_t *)in[1]->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i)
    if (!(y[i] = kind == 0 ? strip(heap, x[i]) : changeCase(heap, x[i], kind == 2)))
      return OutOfMemory;
  return 0;
}

/* In: texts. Out: how many letters each has. */
int32_t onnxc_string_length(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const char *const *x = in[0]->data;
  int64_t *y = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    y[i] = 0;
    uint32_t letter;
    for (const char *at = x[i]; *at; ++y[i])
      at += onnxc_decode(at, &letter);
  }
  return 0;
}

/* In: texts, list of keys (two inputs) that are sorted and numbered, list of what they become (two inputs). A text that
 * is no key stays. */
int32_t onnxc_string_map(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data, **y = out->data;
  onnxc_lexicon keys = onnxc_lexicon_open(in[1], in[2]), values = onnxc_lexicon_open(in[3], in[4]);
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    int64_t found = onnxc_lexicon_find(&keys, x[i], onnxc_text_length(x[i]));
    uint64_t length;
    const char *value = found < 0 ? NULL : onnxc_lexicon_at(&values, found, &length);
    if (!(y[i] = value ? onnxc_text_make(heap, value, length) : x[i]))
      return OutOfMemory;
  }
  return 0;
}

/*===- Hashes ------------------------------------------------------------------------===*/

static uint64_t read64(const char *bytes, int count) {
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i)
    value = value << 8 | (unsigned char)bytes[i];
  return value;
}

/* MurmurHash64A (Austin Appleby). What is not in eights of bytes comes last; with `always` it is mixed in even where
 * there is nothing left. */
static uint64_t murmur(const char *bytes, uint64_t length, uint64_t seed, int always) {
  const uint64_t m = 0xC6A4A7935BD1E995u;
  uint64_t hash = seed ^ (length * m);
  for (; length >= 8; bytes += 8, length -= 8) {
    uint64_t k = read64(bytes, 8) * m;
    hash = (hash ^ ((k ^ k >> 47) * m)) * m;
  }
  if (length || always)
    hash = (hash ^ read64(bytes, (int)length)) * m;
  hash = (hash ^ hash >> 47) * m;
  return hash ^ hash >> 47;
}

/* In: texts, how many buckets there are, the number 1 for the hash that the package calls fast: it is that of
 * std::string in GNU's library, 0 for TensorFlow's. */
int32_t onnxc_string_hash(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const char *const *x = in[0]->data;
  int64_t *y = out->data, isFast = *(const int64_t *)in[2]->data;
  if (onnxc_element_count(in[1]) != 1 || *(const int64_t *)in[1]->data < 1)
    return 1;
  uint64_t buckets = *(const uint64_t *)in[1]->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    uint64_t length = onnxc_text_length(x[i]);
    y[i] = (int64_t)(murmur(x[i], length, isFast ? 0xC70F6907u : 0xDECAFCAFFEu, !isFast) % buckets);
  }
  return 0;
}

/*===- Join and split ----------------------------------------------------------------===*/

/* In: texts, what is put between, an axis. Out: the texts along the axis joined. */
int32_t onnxc_string_join(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data, **y = out->data;
  if (onnxc_element_count(in[1]) != 1)
    return 1;
  const char *between = *(const char *const *)in[1]->data;
  int64_t axis = *(const int64_t *)in[2]->data, columns = in[0]->dims[axis], inner = 1;
  for (int64_t i = axis + 1; i < in[0]->count; ++i)
    inner *= in[0]->dims[i];
  uint64_t gap = onnxc_text_length(between);
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    const char *const *first = x + i / inner * columns * inner + i % inner;
    uint64_t length = 0;
    for (int64_t k = 0; k < columns; ++k)
      length += onnxc_text_length(first[k * inner]) + (k ? gap : 0);
    char *joined = onnxc_heap_keep(heap, length + 1), *to = joined;
    if (!joined)
      return OutOfMemory;
    for (int64_t k = 0; k < columns; ++k) {
      if (k) {
        onnxc_text_copy(to, between, gap);
        to += gap;
      }
      length = onnxc_text_length(first[k * inner]);
      onnxc_text_copy(to, first[k * inner], length);
      to += length;
    }
    *to = 0;
    y[i] = joined;
  }
  return 0;
}

/* In: texts [n], the separators (bytes; without any, every byte ends a part), whether empty parts are left out. Out:
 * the number n and the most parts of a text; row and column of each part; the parts. */
int32_t onnxc_string_parts(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data;
  if (onnxc_element_count(in[1]) != 1 || onnxc_element_count(in[2]) != 1)
    return 1;
  const char *separators = *(const char *const *)in[1]->data;
  int skips = *(const unsigned char *)in[2]->data != 0;
  int64_t n = in[0]->dims[0], most = 0, total = 0, *place = NULL;
  const char **parts = NULL;
  unsigned char separates[256] = {0};
  for (const char *at = separators; *at; ++at)
    separates[(unsigned char)*at] = 1;
  for (int pass = 0; pass < 2; ++pass) { /* which first counts */
    for (int64_t row = 0; row < n; ++row) {
      int64_t column = 0;
      const char *from = x[row];
      if (!*from)
        continue;
      for (const char *at = from;; ++at) {
        int isEnd = !*at, splits = *separators ? separates[(unsigned char)*at] : at > from;
        if (!isEnd && !splits)
          continue;
        if (*separators ? at > from || !skips : at > from) {
          if (parts) {
            *place++ = row;
            *place++ = column;
            if (!(*parts++ = onnxc_text_make(heap, from, (uint64_t)(at - from))))
              return OutOfMemory;
          } else {
            ++total;
          }
          ++column;
        }
        if (isEnd)
          break;
        from = *separators ? at + 1 : at;
      }
      most = column > most ? column : most;
    }
    if (pass == 0) {
      int64_t pairs[2] = {total, 2};
      if (!onnxc_make_tensor(heap, &out[1], pairs) || !onnxc_make_tensor(heap, &out[2], &total))
        return OutOfMemory;
      place = out[1].data;
      parts = out[2].data;
    }
  }
  int64_t *shape = out[0].data;
  shape[0] = n;
  shape[1] = most;
  return 0;
}

/*===- Vectors of numbers ------------------------------------------------------------===*/

/* In: texts, keys (two inputs), rows of numbers [keys + 1, width], of which the last is for all other texts. */
int32_t onnxc_string_to_vector(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const char *const *x = in[0]->data;
  onnxc_lexicon keys = onnxc_lexicon_open(in[1], in[2]);
  const int64_t *rows = in[3]->data;
  int64_t *y = out->data, width = out->dims[out->count - 1];
  for (int64_t i = 0, n = onnxc_element_count(in[0]); i < n; ++i) {
    int64_t found = onnxc_lexicon_find(&keys, x[i], onnxc_text_length(x[i]));
    const int64_t *row = rows + (found < 0 ? keys.count : found) * width;
    for (int64_t k = 0; k < width; ++k)
      *y++ = row[k];
  }
  return 0;
}

/* In: numbers [..., width], sorted rows of numbers, the texts of these rows and, last, that of all others (two inputs),
 * the width. */
int32_t onnxc_vector_to_string(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const int64_t *x = in[0]->data, *rows = in[1]->data, width = *(const int64_t *)in[4]->data;
  onnxc_lexicon texts = onnxc_lexicon_open(in[2], in[3]);
  const char **y = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i, x += width) {
    int64_t low = 0, high = texts.count - 1, found = texts.count - 1;
    while (low < high) {
      int64_t middle = low + (high - low) / 2, k = 0;
      const int64_t *row = rows + middle * width;
      while (k < width && row[k] == x[k])
        ++k;
      if (k == width) {
        found = middle;
        break;
      }
      if (row[k] < x[k])
        low = middle + 1;
      else
        high = middle;
    }
    uint64_t length;
    const char *text = onnxc_lexicon_at(&texts, found, &length);
    if (!(y[i] = onnxc_text_make(heap, text, length)))
      return OutOfMemory;
  }
  return 0;
}

/*===- Rows of different lengths -----------------------------------------------------===*/

/* Whether the places where rows begin, and the last ends, are in order and within `count` items; and the longest row.
 */
static int checkRows(const int64_t *begins, int64_t rows, int64_t count, int64_t *longest) {
  *longest = 0;
  for (int64_t i = 0; i < rows; ++i) {
    if (begins[i] < 0 || begins[i + 1] < begins[i] || begins[i + 1] > count)
      return 0;
    int64_t length = begins[i + 1] - begins[i];
    *longest = length > *longest ? length : *longest;
  }
  return 1;
}

/* In: where rows begin [n + 1]. Out: n and the longest row; row and column of each item. */
int32_t onnxc_ragged_places(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const int64_t *begins = in[0]->data;
  int64_t rows = in[0]->dims[0] - 1, *shape = out[0].data;
  if (rows < 0 || !checkRows(begins, rows, INT32_MAX, &shape[1]) || begins[0] != 0)
    return 1;
  shape[0] = rows;
  int64_t dims[2] = {begins[rows], 2};
  if (!onnxc_make_tensor(heap, &out[1], dims))
    return OutOfMemory;
  int64_t *places = out[1].data;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = 0; k < begins[i + 1] - begins[i]; ++k) {
      *places++ = i;
      *places++ = k;
    }
  return 0;
}

/* In: items (numbers or texts: 8 bytes), where rows begin [n + 1], what fills rows. Out: [n, longest]. */
int32_t onnxc_ragged_rows(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const int64_t *begins = in[1]->data;
  const uint64_t *items = in[0]->data;
  int64_t rows = in[1]->dims[0] - 1, longest;
  if (rows < 0 || onnxc_element_count(in[2]) < 1 || !checkRows(begins, rows, onnxc_element_count(in[0]), &longest))
    return 1;
  int64_t dims[2] = {rows, longest};
  if (!onnxc_make_tensor(heap, out, dims))
    return OutOfMemory;
  uint64_t *y = out->data, filling = *(const uint64_t *)in[2]->data;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = 0; k < longest; ++k)
      *y++ = begins[i] + k < begins[i + 1] ? items[begins[i] + k] : filling;
  return 0;
}

/* In: numbers. Out: begin and end of each run of the same number but 0; the numbers. */
int32_t onnxc_find_segments(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const int64_t *x = in[0]->data;
  int64_t n = onnxc_element_count(in[0]), count = 0;
  for (int64_t i = 0; i < n; ++i)
    count += x[i] != 0 && (i == 0 || x[i] != x[i - 1]);
  int64_t dims[2] = {count, 2};
  if (!onnxc_make_tensor(heap, &out[0], dims) || !onnxc_make_tensor(heap, &out[1], &count))
    return OutOfMemory;
  int64_t *ranges = out[0].data, *values = out[1].data;
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] == 0)
      continue;
    if (i == 0 || x[i] != x[i - 1]) {
      *ranges++ = i;
      *values++ = x[i];
    }
    if (i + 1 == n || x[i + 1] != x[i])
      *ranges++ = i + 1;
  }
  return 0;
}
