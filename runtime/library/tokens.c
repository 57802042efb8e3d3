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

/* At every so many bytes of a text a search leaves what it has learned, so that others need not go over the same bytes:
 * whatever the expression, a text takes time in proportion to its length. */
#ifndef ONNXC_MARK_STEP /* a test makes it short */
#define ONNXC_MARK_STEP 256
#endif
enum { MarkStep = ONNXC_MARK_STEP };

typedef struct {
  const onnxc_regex_finder *finders, *end; /* from the first to behind the last */
  int64_t marks, leastLetters, isSeparator;
} Rules;

static const onnxc_regex_finder *nextFinder(const onnxc_regex_finder *finder) {
  return (const onnxc_regex_finder *)((const int32_t *)finder + finder->size);
}

/* A text while it is searched. */
typedef struct {
  onnxc_heap *heap;
  const char *begin;
  int64_t *letters; /* before each mark */
  /* Of the finder: by state and mark, where a match ends last that goes on there: 1 + the place, 1 for nowhere, or 0
   * where no search has been yet. Rows of states that no search has met there are NULL. */
  uint64_t **ends;
  uint64_t markCount;     /* of a row */
  int32_t *met, metCount; /* states that have rows which are in use */
  int32_t *passed;        /* the states of a search at the marks that it has passed */
} Search;

static int openSearch(onnxc_heap *heap, Search *s, uint64_t longest, int64_t mostStates) {
  s->heap = heap;
  s->markCount = longest / MarkStep + 1;
  s->metCount = 0;
  s->letters = onnxc_heap_allocate(heap, s->markCount * sizeof(int64_t));
  s->passed = onnxc_heap_allocate(heap, s->markCount * sizeof(int32_t));
  s->ends = onnxc_heap_allocate(heap, (uint64_t)mostStates * sizeof(uint64_t *));
  s->met = onnxc_heap_allocate(heap, (uint64_t)mostStates * sizeof(int32_t));
  for (int64_t i = 0; s->ends && i < mostStates; ++i)
    s->ends[i] = NULL;
  return s->letters && s->passed && s->ends && s->met;
}

/* Of another text, or with another finder. */
static void forget(Search *s) {
  while (s->metCount) {
    uint64_t *row = s->ends[s->met[--s->metCount]];
    for (uint64_t i = 0; i <= s->markCount; ++i)
      row[i] = 0;
  }
}

/* What is known of the state at a mark. The row ends with whether it is in use. */
static uint64_t *endAt(Search *s, int32_t state, uint64_t mark) {
  uint64_t *row = s->ends[state];
  if (!row) {
    if (!(row = onnxc_heap_allocate(s->heap, (s->markCount + 1) * sizeof(uint64_t))))
      return NULL;
    for (uint64_t i = 0; i <= s->markCount; ++i)
      row[i] = 0;
    s->ends[state] = row;
  }
  if (!row[s->markCount]) {
    row[s->markCount] = 1;
    s->met[s->metCount++] = state;
  }
  return row + mark;
}

/* The first match in the text from `from` on, of those that begin there the longest: where it begins, and where it ends
 * in `last`. NULL if there is none, or no memory. */
static const char *findMatch(Search *s, const onnxc_regex_finder *finder, Piece text, const char *from,
                             const char **last) {
  const int32_t *states = (const int32_t *)(finder + 1);
  for (; from <= text.end; ++from) {
    if (from < text.end && ((unsigned char)*from & 0xC0) == 0x80) /* within a letter */
      continue;
    int before = from == text.begin ? ONNXC_REGEX_NOTHING : onnxc_regex_look((unsigned char)from[-1]);
    const char *found = NULL;
    uint64_t firstMark = ((uint64_t)(from - s->begin) + MarkStep - 1) / MarkStep, passed = 0;
    const char *mark = s->begin + firstMark * MarkStep;
    int32_t state = finder->starts[before];
    for (const char *at = from; state; ++at) {
      if (at == mark && at < text.end) { /* another piece may begin at the end */
        uint64_t *end = endAt(s, state, firstMark + passed);
        if (!end)
          return NULL;
        if (*end) {
          found = *end > 1 ? s->begin + (*end - 2) : found;
          break;
        }
        s->passed[passed++] = state;
        mark += MarkStep;
      }
      const int32_t *row = states + (int64_t)state * (finder->width + 4);
      if (row[finder->width + (at == text.end ? ONNXC_REGEX_NOTHING : onnxc_regex_look((unsigned char)*at))])
        found = at;
      state = at == text.end ? 0 : row[finder->classes[(unsigned char)*at]];
    }
    for (uint64_t i = 0; i < passed; ++i) {
      const char *place = s->begin + (firstMark + i) * MarkStep;
      *endAt(s, s->passed[i], firstMark + i) = found && found >= place ? (uint64_t)(found - s->begin) + 2 : 1;
    }
    if (found) {
      *last = found;
      return from;
    }
  }
  return NULL;
}

/* Before a place of the text. */
static int64_t lettersBefore(const Search *s, const char *place) {
  uint64_t mark = (uint64_t)(place - s->begin) / MarkStep;
  int64_t count = s->letters[mark];
  for (const char *at = s->begin + mark * MarkStep; at < place; ++at)
    count += ((unsigned char)*at & 0xC0) != 0x80;
  return count;
}

/* Appends the piece, unless it is too short. */
static void keep(const Rules *rules, const Search *s, const char *begin, const char *end, Piece *pieces,
                 int64_t *count) {
  Piece piece = {begin, end};
  if (begin < end && lettersBefore(s, end) - lettersBefore(s, begin) >= rules->leastLetters)
    pieces[(*count)++] = piece;
}

/* The matches in the text, or what is between them. A match that isn't kept, or is empty, still takes up a letter. */
static void takeApart(const Rules *rules, Search *s, const onnxc_regex_finder *finder, Piece text, Piece *pieces,
                      int64_t *count) {
  const char *from = text.begin, *begin, *end;
  while ((begin = findMatch(s, finder, text, from, &end))) {
    int64_t before = *count;
    if (rules->isSeparator)
      keep(rules, s, from, begin, pieces, count);
    else
      keep(rules, s, begin, end, pieces, count);
    int isUsed = rules->isSeparator ? end > begin : *count > before;
    from = isUsed ? end : nextLetter(begin);
  }
  if (rules->isSeparator)
    keep(rules, s, from, text.end, pieces, count);
}

/* The number of tokens of the text, which are in pieces[0]. Both have room for all its letters. */
static int64_t tokenize(const Rules *rules, Search *s, const char *text, Piece *pieces[2]) {
  Piece whole = {text, text + onnxc_text_length(text)};
  int64_t count = 0, letters = 0;
  s->begin = text;
  for (uint64_t i = 0; text + i <= whole.end; ++i) {
    if (i % MarkStep == 0)
      s->letters[i / MarkStep] = letters;
    letters += ((unsigned char)text[i] & 0xC0) != 0x80;
  }
  if (rules->finders == rules->end)
    for (const char *at = text, *next; *at; at = next)
      keep(rules, s, at, next = nextLetter(at), pieces[0], &count);
  else
    pieces[0][count++] = whole;
  for (const onnxc_regex_finder *finder = rules->finders; finder < rules->end; finder = nextFinder(finder)) {
    int64_t made = 0;
    forget(s);
    for (int64_t i = 0; i < count; ++i)
      takeApart(rules, s, finder, pieces[0][i], pieces[1], &made);
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
  int64_t n = onnxc_element_count(in[0]), most = 0, mostStates = 1;
  for (const onnxc_regex_finder *finder = rules.finders; finder < rules.end; finder = nextFinder(finder)) {
    int64_t states = (finder->size - (int64_t)(sizeof *finder / sizeof(int32_t))) / (finder->width + 4);
    mostStates = states > mostStates ? states : mostStates;
  }
  Search search;
  uint64_t longest = 1;
  for (int64_t i = 0; i < n; ++i) {
    uint64_t length = onnxc_text_length(x[i]);
    longest = length > longest ? length : longest;
  }
  Piece *pieces[2] = {onnxc_heap_allocate(heap, longest * sizeof(Piece)),
                      onnxc_heap_allocate(heap, longest * sizeof(Piece))};
  int64_t *dims = onnxc_heap_allocate(heap, (uint64_t)out->count * sizeof(int64_t));
  if (!pieces[0] || !pieces[1] || !dims || !openSearch(heap, &search, longest, mostStates))
    return OutOfMemory;
  for (int64_t i = 0; i < n; ++i) {
    int64_t count = tokenize(&rules, &search, x[i], pieces);
    most = count > most ? count : most;
  }
  for (int64_t i = 0; i < in[0]->count; ++i)
    dims[i] = in[0]->dims[i];
  dims[in[0]->count] = most ? most + rules.marks : 0; /* where no text has a token, there are no marks either */
  if (!onnxc_make_tensor(heap, out, dims))
    return OutOfMemory;
  const char **y = out->data;
  for (int64_t i = 0; i < n && most; ++i) {
    int64_t count = tokenize(&rules, &search, x[i], pieces);
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
