/*===- runtime/library/wordpiece.c -------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The tokenizer of BERT, forth and back: words, and the longest pieces of them that a vocabulary has. What is a space,
 * a mark and so on is as in onnxruntime-extensions (base/string_utils.cc), not as in Unicode.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/lexicon.h"
#include "runtime/library/unicode.h"

/* What a function returns without memory: the run ends with ONNXC_ERROR_MEMORY. */
enum { OutOfMemory = -1 };

/*===- Letters -----------------------------------------------------------------------===*/

typedef struct {
  uint32_t first, last;
} Range;

static int isIn(uint32_t letter, const Range *ranges, unsigned long count) {
  for (unsigned long i = 0; i < count; ++i)
    if (letter >= ranges[i].first && letter <= ranges[i].last)
      return 1;
  return 0;
}
#define IS_IN(LETTER, RANGES) isIn(LETTER, RANGES, sizeof RANGES / sizeof *RANGES)

static int isIdeograph(uint32_t letter) {
  static const Range ranges[] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
                                 {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0x2F800, 0x2FA1F}};
  return IS_IN(letter, ranges);
}

static int isSpace(uint32_t letter) {
  static const Range ranges[] = {{9, 10},          {13, 13},         {32, 32},         {0xA0, 0xA0},
                                 {0x2000, 0x200A}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
  return IS_IN(letter, ranges);
}

static int isMark(uint32_t letter) {
  static const Range ranges[] = {
      {33, 47},         {58, 64},         {91, 96},         {123, 126},       {0xA1, 0xA1},     {0xA7, 0xA7},
      {0xAB, 0xAB},     {0xB6, 0xB7},     {0xBB, 0xBB},     {0xBF, 0xBF},     {0x37E, 0x37E},   {0x387, 0x387},
      {0x2010, 0x2027}, {0x2030, 0x2043}, {0x2045, 0x2051}, {0x2053, 0x205E}, {0x3001, 0x3003}, {0x3008, 0x3011},
      {0x3014, 0x301F}, {0x3030, 0x3030}, {0x303D, 0x303D}};
  return IS_IN(letter, ranges);
}

static int isControl(uint32_t letter) {
  static const Range ranges[] = {{0, 8},
                                 {11, 12},
                                 {14, 31},
                                 {0x80, 0x9F},
                                 {0xAD, 0xAD},
                                 {0x378, 0x379},
                                 {0x380, 0x383},
                                 {0x38B, 0x38B},
                                 {0x38D, 0x38D},
                                 {0x3A2, 0x3A2},
                                 {0x200B, 0x200F},
                                 {0x202A, 0x202E},
                                 {0x2060, 0x206E},
                                 {0x2E9A, 0x2E9A},
                                 {0x2EF4, 0x2EFE},
                                 {0x9FFD, 0x9FFE},
                                 {0xFA6E, 0xFA6F},
                                 {0xFADA, 0xFAFE},
                                 {0x2A6DE, 0x2A6DE},
                                 {0x2B735, 0x2B73E},
                                 {0x2B81E, 0x2B81F},
                                 {0x2CEA2, 0x2CEAE},
                                 {0x2FA1E, 0x2FA1E}};
  return IS_IN(letter, ranges);
}

/* Of the letters from U+00C0 to U+00FF. */
static uint32_t withoutAccent(uint32_t letter) {
  static const char plain[] = "AAAAAA\0CEEEEIIII\0NOOOOO\0\0UUUUY\0\0aaaaaa\0ceeeeiiii\0nooooo\0\0uuuuy\0y";
  uint32_t found = letter >= 0xC0 && letter <= 0xFF ? (unsigned char)plain[letter - 0xC0] : 0;
  return found ? found : letter;
}

static uint32_t toLower(uint32_t letter) {
  return (letter >= 'A' && letter <= 'Z') || (letter >= 0xC0 && letter <= 0xDE && letter != 0xD7) ? letter + 32
                                                                                                  : letter;
}

/*===- Words -------------------------------------------------------------------------===*/

/* The words of a text: the bytes of their letters, where each letter begins, and where each word ends. */
typedef struct {
  char *bytes;
  uint64_t *begins; /* one more than letters */
  uint64_t *ends;   /* numbers of letters */
  uint64_t letters, count;
} Words;

/* What is done with letters, as the compiler lists it. */
typedef struct {
  int64_t lower, ideographs, accents, marks, controls;
} Rules;

static int makeWords(onnxc_heap *heap, Words *words, const char *text) {
  uint64_t length = onnxc_text_length(text);
  words->bytes = onnxc_heap_allocate(heap, length + 4);
  words->begins = onnxc_heap_allocate(heap, (length + 1) * sizeof(uint64_t));
  words->ends = onnxc_heap_allocate(heap, (length + 1) * sizeof(uint64_t));
  words->letters = words->count = 0;
  if (!words->bytes || !words->begins || !words->ends)
    return 0;
  words->begins[0] = 0;
  return 1;
}

static void addLetter(Words *words, uint32_t letter) {
  uint64_t at = words->begins[words->letters];
  words->begins[++words->letters] = at + (uint64_t)onnxc_encode(letter, words->bytes + at);
}

static uint64_t wordBegin(const Words *words, uint64_t word) { return word ? words->ends[word - 1] : 0; }

static void endWord(Words *words) {
  if (words->letters > wordBegin(words, words->count))
    words->ends[words->count++] = words->letters;
}

/* At white space; ideographs and, where it is asked for, marks are words of their own. No letter becomes longer. */
static int splitWords(onnxc_heap *heap, const Rules *rules, const char *text, Words *words) {
  if (!makeWords(heap, words, text))
    return 0;
  while (*text) {
    uint32_t letter;
    text += onnxc_decode(text, &letter);
    if (rules->accents)
      letter = withoutAccent(letter);
    if (rules->lower)
      letter = toLower(letter);
    int isAlone = (rules->ideographs && isIdeograph(letter));
    if (!isAlone && rules->accents && letter >= 0x300 && letter <= 0x36F)
      continue;
    isAlone |= rules->marks && isMark(letter);
    if (isAlone || isSpace(letter))
      endWord(words);
    if (isAlone || (!isSpace(letter) && !(rules->controls && isControl(letter))))
      addLetter(words, letter);
    if (isAlone)
      endWord(words);
  }
  endWord(words);
  return 1;
}

/* At single spaces: one that follows another, or is the first, is a letter. */
static int splitAtSpaces(onnxc_heap *heap, const char *text, Words *words) {
  if (!makeWords(heap, words, text))
    return 0;
  while (*text) {
    uint32_t letter;
    text += onnxc_decode(text, &letter);
    if (letter == ' ' && words->letters > wordBegin(words, words->count))
      endWord(words);
    else
      addLetter(words, letter);
  }
  endWord(words);
  return 1;
}

/* In: a text, the numbers {lower, ideographs, accents, marks, controls}. */
int32_t onnxc_basic_tokens(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const int64_t *numbers = in[1]->data;
  Rules rules = {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
  if (onnxc_element_count(in[0]) != 1)
    return 1;
  Words words;
  if (!splitWords(heap, &rules, *(const char *const *)in[0]->data, &words))
    return OutOfMemory;
  int64_t dims = (int64_t)words.count;
  if (!onnxc_make_tensor(heap, out, &dims))
    return OutOfMemory;
  const char **y = out->data;
  for (uint64_t i = 0; i < words.count; ++i) {
    uint64_t from = words.begins[wordBegin(&words, i)], to = words.begins[words.ends[i]];
    if (!(y[i] = onnxc_text_make(heap, words.bytes + from, to - from)))
      return OutOfMemory;
  }
  return 0;
}

/*===- Pieces ------------------------------------------------------------------------===*/

/* Pieces that have been found: of each its number, -1 for a word or a rest that the vocabulary does not have, and where
 * its bytes are, without the suffix's sign. */
typedef struct {
  int64_t number;
  const char *bytes;
  uint64_t length;
  int isSuffix, endsWord;
} Piece;

typedef struct {
  onnxc_lexicon vocabulary;
  const char *sign; /* before a piece that doesn't begin a word */
  uint64_t signLength;
  uint64_t longest; /* bytes of a text of the vocabulary */
  uint64_t most;    /* letters of a word that is looked at */
  char *scratch;    /* room for the sign and the longest text */
} Pieces;

static int openPieces(onnxc_heap *heap, Pieces *pieces, const onnxc_value *const *in, int64_t most) {
  pieces->vocabulary = onnxc_lexicon_open(in[0], in[1]);
  pieces->sign = *(const char *const *)in[2]->data;
  pieces->signLength = onnxc_text_length(pieces->sign);
  pieces->longest = 0;
  pieces->most = most < 0 ? 0 : (uint64_t)most;
  for (int64_t i = 0; i < pieces->vocabulary.count; ++i) {
    uint64_t length;
    onnxc_lexicon_at(&pieces->vocabulary, i, &length);
    pieces->longest = length > pieces->longest ? length : pieces->longest;
  }
  pieces->scratch = onnxc_heap_allocate(heap, pieces->signLength + pieces->longest + 1);
  return pieces->scratch != NULL;
}

/* The longest piece at each place of a word, appended to `found`, which has room for one per letter. A place without
 * one ends the word. */
static uint64_t cutWord(const Pieces *pieces, const Words *words, uint64_t word, Piece *found, uint64_t count) {
  uint64_t from = wordBegin(words, word), end = words->ends[word];
  Piece unknown = {-1, "", 0, 0, 1};
  if (end - from > pieces->most) {
    found[count++] = unknown;
    return count;
  }
  for (uint64_t at = from, next; at < end; at = next) {
    uint64_t sign = at > from ? pieces->signLength : 0, begin = words->begins[at];
    onnxc_text_copy(pieces->scratch, pieces->sign, sign);
    int64_t number = -1;
    next = end - at > pieces->longest ? at + pieces->longest : end; /* a letter has a byte at least */
    for (; next > at; --next) {
      uint64_t length = words->begins[next] - begin;
      if (sign + length > pieces->longest)
        continue;
      onnxc_text_copy(pieces->scratch + sign, words->bytes + begin, length);
      if ((number = onnxc_lexicon_find(&pieces->vocabulary, pieces->scratch, sign + length)) >= 0)
        break;
    }
    if (number < 0) {
      unknown.isSuffix = at > from;
      found[count++] = unknown;
      return count;
    }
    Piece piece = {number, words->bytes + begin, words->begins[next] - begin, at > from, next == end};
    found[count++] = piece;
  }
  return count;
}

/* Ranges of bytes as the package counts them: with one byte between words, whatever is there, and one for what is
 * unknown. The list of each text has an empty range before and behind; together they are cut to `size`. */
static void writeRanges(int64_t *ranges, int64_t size, Piece *const *found, const uint64_t *counts, int64_t n) {
  int64_t k = 0;
  for (int64_t i = 0; i < n; ++i) {
    int64_t at = 0;
    ++k;
    for (uint64_t j = 0; j < counts[i] && k < size; ++j, ++k) {
      const Piece *piece = &found[i][j];
      at += piece->number < 0 && piece->isSuffix;
      ranges[2 * k] = at;
      ranges[2 * k + 1] = at += piece->number < 0 ? 1 : (int64_t)piece->length;
      at += piece->endsWord;
    }
    ++k;
  }
}

/* In: one text or two, the vocabulary (two inputs), the sign of suffixes, the numbers {unknown, first, separator,
 * whether words are split at more than spaces, lower, ideographs, accents, how many numbers of a single text at most}.
 * Out: the numbers; which text they are of; ones; the range of bytes of each. */
int32_t onnxc_bert_tokens(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *texts = in[0]->data;
  const int64_t *numbers = in[4]->data;
  Rules rules = {numbers[4], numbers[5], numbers[6], 1, 1};
  int64_t n = onnxc_element_count(in[0]);
  if (n != 1 && n != 2)
    return 1;
  Pieces pieces;
  if (!openPieces(heap, &pieces, in + 1, 100))
    return OutOfMemory;
  Piece *found[2];
  uint64_t counts[2] = {0, 0};
  for (int64_t i = 0; i < n; ++i) {
    Words words;
    if (!(numbers[3] ? splitWords(heap, &rules, texts[i], &words) : splitAtSpaces(heap, texts[i], &words)) ||
        !(found[i] = onnxc_heap_allocate(heap, (words.letters + 1) * sizeof(Piece))))
      return OutOfMemory;
    for (uint64_t word = 0; word < words.count; ++word)
      counts[i] = cutWord(&pieces, &words, word, found[i], counts[i]);
  }
  uint64_t all[2] = {counts[0], counts[1]};
  if (n == 1 && numbers[7] > 0 && counts[0] > (uint64_t)numbers[7])
    counts[0] = (uint64_t)numbers[7];
  int64_t size = 1 + n + (int64_t)(counts[0] + counts[1]), pairs[2] = {size, 2};
  for (int i = 0; i < 3; ++i)
    if (!onnxc_make_tensor(heap, &out[i], &size))
      return OutOfMemory;
  if (!onnxc_make_tensor(heap, &out[3], pairs))
    return OutOfMemory;
  int64_t *ids = out[0].data, *types = out[1].data, *mask = out[2].data, *ranges = out[3].data;
  *ids++ = numbers[1];
  *types++ = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (uint64_t k = 0; k < counts[i]; ++k, *types++ = i)
      *ids++ = found[i][k].number < 0 ? numbers[0] : found[i][k].number;
    *ids++ = numbers[2];
    *types++ = i;
  }
  for (int64_t i = 0; i < size; ++i) {
    mask[i] = 1;
    ranges[2 * i] = ranges[2 * i + 1] = 0;
  }
  if (numbers[3]) /* else there are none */
    writeRanges(ranges, size, found, all, n);
  return 0;
}

/* In: texts, the vocabulary (two inputs), the sign of suffixes, what stands for an unknown word, where rows of texts
 * begin (none: each text is a row), the numbers {letters of a word at most}. Out: pieces; where the pieces of a row
 * begin and, in the end, how many there are; the same without that; where they end. */
int32_t onnxc_word_pieces(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *texts = in[0]->data, *unknown = *(const char *const *)in[4]->data;
  const int64_t *starts = in[5]->data, *numbers = in[6]->data;
  int64_t n = onnxc_element_count(in[0]), given = onnxc_element_count(in[5]), rows = 0, row = 0;
  Pieces pieces;
  if (!openPieces(heap, &pieces, in + 1, numbers[0]))
    return OutOfMemory;
  Piece **found = onnxc_heap_allocate(heap, (uint64_t)(n + 1) * sizeof(Piece *));
  uint64_t *counts = onnxc_heap_allocate(heap, (uint64_t)(n + 1) * sizeof(uint64_t));
  int64_t *begins = onnxc_heap_allocate(heap, (uint64_t)(n + 1) * sizeof(int64_t)), total = 0;
  if (!found || !counts || !begins)
    return OutOfMemory;
  for (int64_t i = 0; i < n; ++i) {
    if (!given || (row < given && starts[row] == i)) {
      begins[rows++] = total;
      ++row;
    }
    Words words;
    if (!makeWords(heap, &words, texts[i]))
      return OutOfMemory;
    for (const char *at = texts[i]; *at;) {
      uint32_t letter;
      at += onnxc_decode(at, &letter);
      if (letter == ' ')
        endWord(&words);
      else
        addLetter(&words, letter);
    }
    endWord(&words);
    if (!(found[i] = onnxc_heap_allocate(heap, (words.letters + 1) * sizeof(Piece))))
      return OutOfMemory;
    counts[i] = 0;
    for (uint64_t word = 0; word < words.count; ++word)
      counts[i] = cutWord(&pieces, &words, word, found[i], counts[i]);
    total += (int64_t)counts[i];
  }
  begins[rows] = total;
  int64_t more = rows + 1;
  if (!onnxc_make_tensor(heap, &out[0], &total) || !onnxc_make_tensor(heap, &out[1], &more) ||
      !onnxc_make_tensor(heap, &out[2], &rows) || !onnxc_make_tensor(heap, &out[3], &rows))
    return OutOfMemory;
  const char **tokens = out[0].data;
  for (int64_t i = 0; i < n; ++i)
    for (uint64_t k = 0; k < counts[i]; ++k) {
      const Piece *piece = &found[i][k];
      uint64_t sign = piece->isSuffix ? pieces.signLength : 0;
      if (piece->number < 0) {
        *tokens++ = unknown;
        continue;
      }
      char *token = onnxc_heap_keep(heap, sign + piece->length + 1);
      if (!token)
        return OutOfMemory;
      onnxc_text_copy(token, pieces.sign, sign);
      onnxc_text_copy(token + sign, piece->bytes, piece->length);
      token[sign + piece->length] = 0;
      *tokens++ = token;
    }
  int64_t *all = out[1].data, *from = out[2].data, *to = out[3].data;
  for (int64_t i = 0; i < rows; ++i) {
    all[i] = from[i] = begins[i];
    to[i] = begins[i + 1];
  }
  all[rows] = total;
  return 0;
}

/*===- Back to text ------------------------------------------------------------------===*/

static int isAnyOf(uint32_t letter, const char *letters) {
  for (; *letters; ++letters)
    if (letter == (unsigned char)*letters)
      return 1;
  return 0;
}

static uint32_t firstLetter(const char *bytes, uint64_t length) {
  char copy[5] = {0, 0, 0, 0, 0};
  uint32_t letter = 0;
  onnxc_text_copy(copy, bytes, length < 4 ? length : 4);
  if (copy[0])
    onnxc_decode(copy, &letter);
  return letter;
}

static uint32_t lastLetter(const char *bytes, uint64_t length) {
  uint64_t at = length ? length - 1 : 0;
  while (at && ((unsigned char)bytes[at] & 0xC0) == 0x80)
    --at;
  return firstLetter(bytes + at, length - at);
}

/* Whether two tokens stand together: beside marks as English sets them. */
static int needsNoSpace(uint32_t before, uint32_t after) {
  return isAnyOf(after, "!.?,~:}]>)") || isAnyOf(before, "{[<($") || isAnyOf(before, "-'\"/@\\") ||
         isAnyOf(after, "-'\"/@\\") || (before > 128 && isMark(before)) || (after > 128 && isMark(after));
}

/* Appends, or with `to` NULL only counts. */
static uint64_t append(char *to, uint64_t at, const char *bytes, uint64_t length) {
  if (to)
    onnxc_text_copy(to + at, bytes, length);
  return at + length;
}

/* In: numbers, ranges of them [n, 2], the list of tokens in the order of their numbers (two inputs; with 1 as a number
 * of the list those that are suffixes, without their sign, and with 2 those that are left out), what stands for an
 * unknown number, the numbers {whether there are ranges, whether spaces at marks go}. */
int32_t onnxc_bert_text(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const int64_t *ids = in[0]->data, *ranges = in[1]->data, *numbers = in[5]->data;
  onnxc_lexicon tokens = onnxc_lexicon_open(in[2], in[3]);
  const char *unknown = *(const char *const *)in[4]->data;
  int64_t size = onnxc_element_count(in[0]), whole[2] = {0, size};
  int64_t n = numbers[0] ? onnxc_element_count(in[1]) / 2 : 1;
  if (!numbers[0])
    ranges = whole;
  if (!onnxc_make_tensor(heap, out, &n))
    return OutOfMemory;
  const char **y = out->data;
  for (int64_t i = 0; i < n; ++i) {
    int64_t from = ranges[2 * i], to = ranges[2 * i + 1];
    if (from < 0 || to < from || to > size)
      return 1;
    char *text = NULL;
    for (int pass = 0; pass < 2; ++pass) {
      uint64_t at = 0;
      int64_t before = -1;
      for (int64_t k = from; k < to; ++k) {
        uint64_t length;
        if (ids[k] < 0 || ids[k] >= tokens.count) {
          at = at ? append(text, at, " ", 1) : 0;
          at = append(text, at, unknown, onnxc_text_length(unknown));
          continue;
        }
        int32_t kind = tokens.rows[ids[k]].number;
        const char *token = onnxc_lexicon_at(&tokens, ids[k], &length);
        if ((kind & 2) || (at == 0 && (kind & 1)))
          continue;
        int isJoined = at == 0 || (kind & 1);
        if (!isJoined && numbers[1]) {
          uint64_t other;
          const char *last = before < 0 ? NULL : onnxc_lexicon_at(&tokens, before, &other);
          isJoined = !last || needsNoSpace(lastLetter(last, other), firstLetter(token, length));
        }
        if (!isJoined)
          at = append(text, at, " ", 1);
        at = append(text, at, token, length);
        before = ids[k];
      }
      if (text)
        text[at] = 0;
      else if (!(text = onnxc_heap_keep(heap, at + 1)))
        return OutOfMemory;
    }
    y[i] = text;
  }
  return 0;
}
