/*===- runtime/library/tokens.c ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Texts taken apart by regular expressions, as onnxruntime's Tokenizer does it.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/regex.h"
#include "runtime/library/text.h"

/* What a function returns without memory: the run ends with ONNXC_ERROR_MEMORY. */
enum { OutOfMemory = -1 };

typedef struct {
  const char *begin, *end;
} Piece;

/* Where the letter ends; at the end of a text one further, as if the zero were a letter. */
static const char *nextLetter(const char *at) {
  if (*at++)
    while (((unsigned char)*at & 0xC0) == 0x80)
      ++at;
  return at;
}

static int64_t countLetters(Piece piece) {
  int64_t count = 0;
  for (; piece.begin < piece.end; ++piece.begin)
    count += ((unsigned char)*piece.begin & 0xC0) != 0x80;
  return count;
}

typedef struct {
  const onnxc_regex_finder *finders, *end; /* from the first to behind the last */
  int64_t marks, leastLetters, isSeparator;
} Rules;

/* Appends the piece, unless it is too short. */
static void keep(const Rules *rules, const char *begin, const char *end, Piece *pieces, int64_t *count) {
  Piece piece = {begin, end};
  if (begin < end && countLetters(piece) >= rules->leastLetters)
    pieces[(*count)++] = piece;
}

/* The matches in the text, or what is between them. A match that isn't kept, or is empty, still takes up a letter. */
static void takeApart(const Rules *rules, const onnxc_regex_finder *finder, Piece text, Piece *pieces, int64_t *count) {
  const char *from = text.begin, *begin, *end;
  while ((begin = onnxc_regex_find(finder, text.begin, text.end, from, &end))) {
    int64_t before = *count;
    if (rules->isSeparator)
      keep(rules, from, begin, pieces, count);
    else
      keep(rules, begin, end, pieces, count);
    int isUsed = rules->isSeparator ? end > begin : *count > before;
    from = isUsed ? end : nextLetter(begin);
  }
  if (rules->isSeparator)
    keep(rules, from, text.end, pieces, count);
}

/* The number of tokens of the text, which are in pieces[0]. Both have room for all its letters. */
static int64_t tokenize(const Rules *rules, const char *text, Piece *pieces[2]) {
  Piece whole = {text, text + onnxc_text_length(text)};
  int64_t count = 0;
  if (rules->finders == rules->end)
    for (const char *at = text, *next; *at; at = next)
      keep(rules, at, next = nextLetter(at), pieces[0], &count);
  else
    pieces[0][count++] = whole;
  for (const onnxc_regex_finder *finder = rules->finders; finder < rules->end;
       finder = (const onnxc_regex_finder *)((const int32_t *)finder + finder->size)) {
    int64_t made = 0;
    for (int64_t i = 0; i < count; ++i)
      takeApart(rules, finder, pieces[0][i], pieces[1], &made);
    Piece *other = pieces[0];
    pieces[0] = pieces[1];
    pieces[1] = other;
    count = made;
  }
  return count;
}

/* In: text, finders, what fills a list, the numbers {whether marks are around the tokens, of how many letters a token
 * is at least, whether the finders find what separates tokens}. */
int32_t onnxc_text_tokenize(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data, *padding = *(const char *const *)in[2]->data;
  const int32_t *finders = in[1]->data;
  const int64_t *numbers = in[3]->data;
  Rules rules = {(const onnxc_regex_finder *)finders, (const onnxc_regex_finder *)(finders + in[1]->dims[0]),
                 numbers[0] ? 2 : 0, numbers[1], numbers[2]};
  int64_t n = onnxc_element_count(in[0]), most = 0;
  uint64_t longest = 1;
  for (int64_t i = 0; i < n; ++i) {
    uint64_t length = onnxc_text_length(x[i]);
    longest = length > longest ? length : longest;
  }
  Piece *pieces[2] = {onnxc_heap_allocate(heap, longest * sizeof(Piece)),
                      onnxc_heap_allocate(heap, longest * sizeof(Piece))};
  int64_t *dims = onnxc_heap_allocate(heap, (uint64_t)out->count * sizeof(int64_t));
  if (!pieces[0] || !pieces[1] || !dims)
    return OutOfMemory;
  for (int64_t i = 0; i < n; ++i) {
    int64_t count = tokenize(&rules, x[i], pieces);
    most = count > most ? count : most;
  }
  for (int64_t i = 0; i < in[0]->count; ++i)
    dims[i] = in[0]->dims[i];
  dims[in[0]->count] = most ? most + rules.marks : 0; /* where no text has a token, there are no marks either */
  if (!onnxc_make_tensor(heap, out, dims))
    return OutOfMemory;
  const char **y = out->data;
  for (int64_t i = 0; i < n && most; ++i) {
    int64_t count = tokenize(&rules, x[i], pieces);
    if (rules.marks)
      *y++ = "\x02";
    for (int64_t k = 0; k < count; ++k) {
      Piece piece = pieces[0][k];
      if (!(*y++ = onnxc_text_make(heap, piece.begin, (uint64_t)(piece.end - piece.begin))))
        return OutOfMemory;
    }
    if (rules.marks)
      *y++ = "\x03";
    for (int64_t k = count; k < most; ++k)
      *y++ = padding;
  }
  return 0;
}
