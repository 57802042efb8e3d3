/*===- runtime/library/bpe.c -------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Byte pair encoding, as GPT-2, CLIP and RoBERTa have it: words, their bytes, and pairs of these that become one, the
 * pair that the list has first before others.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/lexicon.h"
#include "runtime/library/unicode.h"

/* What a function returns without memory: the run ends with ONNXC_ERROR_MEMORY. */
enum { OutOfMemory = -1 };

typedef struct {
  int32_t first, second, merged, rank;
} Merge;

typedef struct {
  onnxc_lexicon vocabulary; /* bytes of tokens; of CLIP the last ones of a word have </w> behind */
  onnxc_lexicon specials;   /* which are tokens wherever they stand, the longest first */
  const Merge *merges;      /* by first and second */
  int64_t mergeCount;
  const int32_t *letters, *numbers; /* ranges */
  int64_t letterCount, numberCount;
  int64_t isClip, bos, eos;
} Tokenizer;

static const char kWordEnd[] = "</w>";

/*===- Words -------------------------------------------------------------------------===*/

static int isSpace(uint32_t letter) {
  return (letter >= 9 && letter <= 13) || (letter >= 28 && letter <= 32) || letter == 0x85 || letter == 0xA0 ||
         letter == 0x1680 || (letter >= 0x2000 && letter <= 0x200A) || letter == 0x2028 || letter == 0x2029 ||
         letter == 0x202F || letter == 0x205F || letter == 0x3000;
}

static int isIn(uint32_t letter, const int32_t *ranges, int64_t count) {
  int64_t low = 0, high = count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (letter > (uint32_t)ranges[2 * middle + 1])
      low = middle + 1;
    else if (letter < (uint32_t)ranges[2 * middle])
      high = middle;
    else
      return 1;
  }
  return 0;
}

enum { Space, Letter, Number, Other };

static int classOf(const Tokenizer *t, uint32_t letter) {
  if (isSpace(letter))
    return Space;
  if (isIn(letter, t->letters, t->letterCount))
    return Letter;
  return isIn(letter, t->numbers, t->numberCount) ? Number : Other;
}

/* Where the word ends that begins at `at`: GPT-2's expression
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static int64_t wordEnd(const Tokenizer *t, const uint32_t *x, int64_t at, int64_t end) {
  uint32_t next = at + 1 < end ? x[at + 1] : 0, after = at + 2 < end ? x[at + 2] : 0;
  if (x[at] == '\'') {
    if (next == 's' || next == 't' || next == 'm' || next == 'd')
      return at + 2;
    if ((next == 'r' && after == 'e') || (next == 'v' && after == 'e') || (next == 'l' && after == 'l'))
      return at + 3;
  }
  int64_t from = x[at] == ' ' && at + 1 < end && !isSpace(next) ? at + 1 : at, to = from;
  int kind = classOf(t, x[from]);
  while (to < end && classOf(t, x[to]) == kind)
    ++to;
  /* Of white space before a word the last stays. */
  return kind == Space && to < end && to - from > 1 ? to - 1 : to;
}

/*===- Pairs -------------------------------------------------------------------------===*/

static const Merge *findMerge(const Tokenizer *t, int64_t first, int64_t second) {
  int64_t low = 0, high = t->mergeCount;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    const Merge *merge = &t->merges[middle];
    if (merge->first == first && merge->second == second)
      return merge;
    if (merge->first < first || (merge->first == first && merge->second < second))
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* A pair that can be merged: which one comes first, and where. */
typedef struct {
  int32_t rank, merged;
  int64_t at, first, second; /* the tokens that it is made of: others may be there by now */
} Pair;

/* The tokens of a word while they are merged: each with its neighbours, and the pairs in a heap. */
typedef struct {
  int64_t *next, *before, *places; /* places: where a round has merged */
  Pair *pairs;                     /* no more than one for each token at first, and two for each merge */
  int64_t pairCount, capacity;
} Room;

static int makeRoom(onnxc_heap *heap, Room *room, int64_t count) {
  if (count <= room->capacity)
    return 1;
  room->capacity = 2 * count;
  uint64_t bytes = (uint64_t)room->capacity * sizeof(int64_t);
  room->next = onnxc_heap_allocate(heap, bytes);
  room->before = onnxc_heap_allocate(heap, bytes);
  room->places = onnxc_heap_allocate(heap, bytes);
  room->pairs = onnxc_heap_allocate(heap, 3 * (uint64_t)room->capacity * sizeof(Pair));
  return room->next && room->before && room->places && room->pairs;
}

static int comesFirst(const Pair *a, const Pair *b) {
  return a->rank < b->rank || (a->rank == b->rank && a->at < b->at);
}

static void push(Room *room, Pair pair) {
  int64_t i = room->pairCount++;
  for (; i > 0 && comesFirst(&pair, &room->pairs[(i - 1) / 2]); i = (i - 1) / 2)
    room->pairs[i] = room->pairs[(i - 1) / 2];
  room->pairs[i] = pair;
}

static Pair pop(Room *room) {
  Pair top = room->pairs[0], last = room->pairs[--room->pairCount];
  int64_t i = 0, child;
  for (; (child = 2 * i + 1) < room->pairCount; i = child) {
    if (child + 1 < room->pairCount && comesFirst(&room->pairs[child + 1], &room->pairs[child]))
      ++child;
    if (!comesFirst(&room->pairs[child], &last))
      break;
    room->pairs[i] = room->pairs[child];
  }
  if (room->pairCount)
    room->pairs[i] = last;
  return top;
}

static void pushAt(const Tokenizer *t, Room *room, const int64_t *ids, int64_t at) {
  int64_t second = at < 0 ? -1 : room->next[at];
  const Merge *merge = second < 0 ? NULL : findMerge(t, ids[at], ids[second]);
  if (merge)
    push(room, (Pair){merge->rank, merge->merged, at, ids[at], ids[second]});
}

/* Merges in place, adds up sizes, and returns how many are left. A round merges one pair wherever it
 * stands, the first before others; what this makes takes part in the next one. */
static int64_t mergePairs(const Tokenizer *t, Room *room, int64_t *ids, int64_t *sizes, int64_t count) {
  room->pairCount = 0;
  for (int64_t i = 0; i < count; ++i) {
    room->next[i] = i + 1 < count ? i + 1 : -1;
    room->before[i] = i - 1;
  }
  for (int64_t i = 0; i < count; ++i)
    pushAt(t, room, ids, i);
  enum { Gone = -2 };
  while (room->pairCount) {
    int32_t rank = room->pairs[0].rank;
    int64_t merged = 0, *places = room->places;
    while (room->pairCount && room->pairs[0].rank == rank) {
      Pair pair = pop(room);
      int64_t second = room->next[pair.at];
      int isAgain = merged > 0 && places[merged - 1] == pair.at; /* it was put there from both sides */
      if (second < 0 || isAgain || ids[pair.at] != pair.first || ids[second] != pair.second)
        continue;
      ids[pair.at] = pair.merged;
      room->next[pair.at] = room->next[second];
      if (room->next[second] >= 0)
        room->before[room->next[second]] = pair.at;
      room->next[second] = Gone;
      places[merged++] = pair.at;
    }
    for (int64_t i = 0; i < merged; ++i) {
      pushAt(t, room, ids, room->before[places[i]]);
      pushAt(t, room, ids, places[i]);
    }
  }
  int64_t left = 0;
  for (int64_t i = 0; i >= 0; i = room->next[i]) {
    int64_t size = 0, end = room->next[i] < 0 ? count : room->next[i];
    for (int64_t k = i; k < end; ++k)
      size += sizes[k];
    ids[left] = ids[i];
    sizes[left++] = size;
  }
  return left;
}

/* The tokens of a word, and their sizes: of a whole word its bytes, else of the letters that GPT-2 writes for bytes, of
 * which those that are no ASCII take two, and of </w>. The bytes of the word have room for kWordEnd behind them. */
static int64_t encodeWord(const Tokenizer *t, Room *room, char *bytes, uint64_t length, int64_t *ids, int64_t *sizes) {
  uint64_t mark = t->isClip ? sizeof kWordEnd - 1 : 0;
  if (t->isClip) {
    uint64_t kept = 0;
    for (uint64_t i = 0; i < length; ++i)
      if (bytes[i] != ' ')
        bytes[kept++] = bytes[i];
    length = kept;
    onnxc_text_copy(bytes + length, kWordEnd, mark);
  }
  if (length == 0)
    return 0;
  sizes[0] = (int64_t)length;
  if ((ids[0] = onnxc_lexicon_find(&t->vocabulary, bytes, length + mark)) >= 0)
    return 1;
  for (uint64_t i = 0; i < length; ++i) {
    uint64_t more = i + 1 == length ? mark : 0;
    ids[i] = onnxc_lexicon_find(&t->vocabulary, bytes + i, 1 + more);
    sizes[i] = (int64_t)more + (bytes[i] > ' ' && bytes[i] < 127 ? 1 : 2);
  }
  return mergePairs(t, room, ids, sizes, (int64_t)length);
}

/*===- Texts -------------------------------------------------------------------------===*/

/* CLIP's cleaning: of white space in a row the first stays, none stays around and no line breaks, and letters are
 * small. */
static int64_t clean(uint32_t *to, const uint32_t *from, int64_t count) {
  int64_t first = 0, kept = 0;
  while (first < count && isSpace(from[first]))
    ++first;
  while (count > first && isSpace(from[count - 1]))
    --count;
  for (int64_t i = first; i < count; ++i) {
    uint32_t letter = from[i];
    if ((isSpace(letter) && isSpace(from[i - 1])) || letter == '\n' || letter == '\r')
      continue;
    if (letter == 0x130) { /* whose small letter is two */
      to[kept++] = 'i';
      to[kept++] = 0x307;
    } else {
      to[kept++] = onnxc_change_case(letter, ONNXC_LOWER, 0);
    }
  }
  return kept;
}

/* The number of the special token that begins here, or -1, and how many letters it has. */
static int64_t findSpecial(const Tokenizer *t, const uint32_t *x, int64_t left, int64_t *letters) {
  for (int64_t i = 0; i < t->specials.count; ++i) {
    uint64_t length, at = 0;
    const char *token = onnxc_lexicon_at(&t->specials, i, &length);
    for (*letters = 0; at < length && *letters < left; ++*letters) {
      char bytes[4];
      uint64_t size = (uint64_t)onnxc_encode(x[*letters], bytes), same = 0;
      while (same < size && at + same < length && bytes[same] == token[at + same])
        ++same;
      if (same < size)
        break;
      at += size;
    }
    if (at == length)
      return t->specials.rows[i].number;
  }
  return -1;
}

/* A token, and where it is in the text. */
typedef struct {
  int64_t id, begin, end;
} Token;

/* The tokens of a text, and how many there are; -1 without memory. Their places are those of the package, which adds up
 * sizes: of the text that CLIP has cleaned, without the space in front of a word. But for CLIP each token of a word
 * with a space is one less than its size. Tokens that begin and end a text are nowhere. */
static int64_t encodeText(onnxc_heap *heap, const Tokenizer *t, const char *text, Token **tokens) {
  uint64_t length = onnxc_text_length(text);
  uint32_t *letters = onnxc_heap_allocate(heap, (length + 1) * sizeof(uint32_t));
  uint32_t *cleaned = onnxc_heap_allocate(heap, (2 * length + 1) * sizeof(uint32_t));
  char *bytes = onnxc_heap_allocate(heap, 4 * length + sizeof kWordEnd);
  int64_t *ids = onnxc_heap_allocate(heap, (4 * length + 1) * sizeof(int64_t));
  int64_t *sizes = onnxc_heap_allocate(heap, (4 * length + 1) * sizeof(int64_t));
  *tokens = onnxc_heap_allocate(heap, (4 * length + 2) * sizeof(Token));
  Room room = {0};
  if (!letters || !cleaned || !bytes || !ids || !sizes || !*tokens)
    return -1;
  int64_t n = 0, count = 0, offset = 0;
  while (*text)
    text += onnxc_decode(text, &letters[n++]);
  if (t->isClip) {
    n = clean(cleaned, letters, n);
    letters = cleaned;
  }
  if (t->bos >= 0)
    (*tokens)[count++] = (Token){t->bos, 0, 0};
  for (int64_t at = 0; at < n;) {
    /* A word ends where a special token begins. */
    int64_t size = 0, special = -1, end = at;
    while (end < n && (special = findSpecial(t, letters + end, n - end, &size)) < 0)
      ++end;
    while (at < end) {
      uint64_t used = 0;
      int hasSpace = letters[at] == ' ';
      for (int64_t to = wordEnd(t, letters, at, end); at < to; ++at)
        used += (uint64_t)onnxc_encode(letters[at], bytes + used);
      if (!makeRoom(heap, &room, (int64_t)used))
        return -1;
      offset += hasSpace;
      for (int64_t i = 0, made = encodeWord(t, &room, bytes, used, ids, sizes); i < made; ++i) {
        int64_t end = offset + sizes[i] - (hasSpace && !t->isClip);
        (*tokens)[count++] = (Token){ids[i], offset, end};
        offset = end;
      }
    }
    if (special >= 0) {
      int64_t end = offset;
      for (int64_t to = at + size; at < to; ++at)
        end += onnxc_encode(letters[at], bytes);
      (*tokens)[count++] = (Token){special, offset, end};
      offset = end;
    }
  }
  if (t->eos >= 0)
    (*tokens)[count++] = (Token){t->eos, 0, 0};
  return count;
}

/* In: texts, the vocabulary (two inputs), special tokens (two inputs), merges, ranges of letters and of numbers, the
 * numbers {CLIP, the tokens that begin and end a text or -1, what fills a row, the length of rows or -1}. Out: tokens
 * [..., longest], 1 where there are some, and where their bytes begin and end [..., longest, 2]. */
int32_t onnxc_byte_pairs(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data;
  const int64_t *numbers = in[8]->data;
  Tokenizer t = {.vocabulary = onnxc_lexicon_open(in[1], in[2]),
                 .specials = onnxc_lexicon_open(in[3], in[4]),
                 .merges = in[5]->data,
                 .mergeCount = in[5]->dims[0] / 4,
                 .letters = in[6]->data,
                 .numbers = in[7]->data,
                 .letterCount = in[6]->dims[0] / 2,
                 .numberCount = in[7]->dims[0] / 2,
                 .isClip = numbers[0],
                 .bos = numbers[1],
                 .eos = numbers[2]};
  int64_t n = onnxc_element_count(in[0]), longest = 0;
  Token **rows = onnxc_heap_allocate(heap, (uint64_t)(n + 1) * sizeof(Token *));
  int64_t *counts = onnxc_heap_allocate(heap, (uint64_t)(n + 1) * sizeof(int64_t));
  int64_t *dims = onnxc_heap_allocate(heap, (uint64_t)out[2].count * sizeof(int64_t));
  if (!rows || !counts || !dims)
    return OutOfMemory;
  for (int64_t i = 0; i < n; ++i) {
    if ((counts[i] = encodeText(heap, &t, x[i], &rows[i])) < 0)
      return OutOfMemory;
    longest = counts[i] > longest ? counts[i] : longest;
  }
  longest = numbers[4] < 0 ? longest : numbers[4];
  for (int64_t i = 0; i < in[0]->count; ++i)
    dims[i] = in[0]->dims[i];
  dims[in[0]->count] = longest;
  dims[in[0]->count + 1] = 2;
  if (!onnxc_make_tensor(heap, &out[0], dims) || !onnxc_make_tensor(heap, &out[1], dims) ||
      !onnxc_make_tensor(heap, &out[2], dims))
    return OutOfMemory;
  int64_t *ids = out[0].data, *mask = out[1].data, *offsets = out[2].data;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < longest; ++k) {
      int isThere = k < counts[i];
      /* A byte that the vocabulary lacks is this number, as in the package. */
      *ids++ = !isThere ? numbers[3] : rows[i][k].id < 0 ? UINT32_MAX : rows[i][k].id;
      *mask++ = isThere;
      *offsets++ = isThere ? rows[i][k].begin : 0;
      *offsets++ = isThere ? rows[i][k].end : 0;
    }
  return 0;
}

/*===- Back to text ------------------------------------------------------------------===*/

/* What the list of tokens says of one, in bits. */
enum { Special = 1, Left = 2, Unreadable = 4 };

static uint64_t append(char *to, uint64_t at, const char *bytes, uint64_t length) {
  if (to)
    onnxc_text_copy(to + at, bytes, length);
  return at + length;
}

static int isText(const char *text) {
  uint32_t letter = 0;
  while (*text && letter < 0x110000)
    text += onnxc_decode(text, &letter);
  return letter < 0x110000;
}

/* In: numbers [..., n], the tokens by their numbers (two inputs), what stands for others, the numbers {whether special
 * tokens have spaces around, whether others are left out, whether the result must be UTF-8 and not empty}. Out: the
 * bytes of the tokens of each row. */
int32_t onnxc_token_text(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const int64_t *ids = in[0]->data, *numbers = in[4]->data;
  onnxc_lexicon tokens = onnxc_lexicon_open(in[1], in[2]);
  const char *unknown = *(const char *const *)in[3]->data, **y = out->data;
  int64_t columns = in[0]->dims[in[0]->count - 1];
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i, ids += columns) {
    char *text = NULL;
    for (int pass = 0; pass < 2; ++pass) { /* the first counts bytes */
      uint64_t at = 0;
      int wasSpecial = 0;
      for (int64_t k = 0; k < columns; ++k) {
        int isKnown = ids[k] >= 0 && ids[k] < tokens.count;
        int32_t kind = isKnown ? tokens.rows[ids[k]].number : 0;
        uint64_t length = 0;
        const char *token = isKnown ? onnxc_lexicon_at(&tokens, ids[k], &length) : unknown;
        if (kind & Unreadable)
          return 1;
        if (!isKnown)
          length = numbers[1] ? 0 : onnxc_text_length(unknown);
        int isSpecial = (kind & Special) != 0;
        if (!(kind & Left) && (isKnown || !numbers[1])) {
          if (numbers[0] && isSpecial && k > 0 && !wasSpecial)
            at = append(text, at, " ", 1);
          at = append(text, at, token, length);
          if (numbers[0] && isSpecial && k + 1 < columns)
            at = append(text, at, " ", 1);
        }
        if (isKnown || !numbers[1])
          wasSpecial = isSpecial;
      }
      if (text)
        text[at] = 0;
      else if (!(text = onnxc_heap_keep(heap, at + 1)))
        return OutOfMemory;
    }
    if (numbers[2] && (!*text || !isText(text)))
      return 2;
    y[i] = text;
  }
  return 0;
}

/* In: texts, the tokens (two inputs). Out: at each place the longest token, rows filled with 0. */
int32_t onnxc_longest_tokens(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data;
  onnxc_lexicon tokens = onnxc_lexicon_open(in[1], in[2]);
  int64_t n = onnxc_element_count(in[0]), most = 0, longest = 0;
  int64_t **rows = onnxc_heap_allocate(heap, (uint64_t)(n + 1) * sizeof(int64_t *));
  int64_t *counts = onnxc_heap_allocate(heap, (uint64_t)(n + 1) * sizeof(int64_t));
  int64_t *dims = onnxc_heap_allocate(heap, (uint64_t)out->count * sizeof(int64_t));
  if (!rows || !counts || !dims)
    return OutOfMemory;
  for (int64_t i = 0; i < tokens.count; ++i) {
    uint64_t length;
    onnxc_lexicon_at(&tokens, i, &length);
    longest = (int64_t)length > longest ? (int64_t)length : longest;
  }
  for (int64_t i = 0; i < n; ++i) {
    int64_t left = (int64_t)onnxc_text_length(x[i]);
    if (!(rows[i] = onnxc_heap_allocate(heap, (uint64_t)(left + 1) * sizeof(int64_t))))
      return OutOfMemory;
    counts[i] = 0;
    for (const char *at = x[i]; left > 0;) {
      int64_t length = longest < left ? longest : left, found = -1;
      while (length > 0 && (found = onnxc_lexicon_find(&tokens, at, (uint64_t)length)) < 0)
        --length;
      if (found < 0)
        return 1;
      rows[i][counts[i]++] = found;
      at += length;
      left -= length;
    }
    most = counts[i] > most ? counts[i] : most;
  }
  for (int64_t i = 0; i < in[0]->count; ++i)
    dims[i] = in[0]->dims[i];
  dims[in[0]->count] = most;
  if (!onnxc_make_tensor(heap, out, dims))
    return OutOfMemory;
  int64_t *y = out->data;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < most; ++k)
      *y++ = k < counts[i] ? rows[i][k] : 0;
  return 0;
}
