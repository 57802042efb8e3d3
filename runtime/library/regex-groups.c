/*===- runtime/library/regex-groups.c ----------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Finds matches of regular expressions with their groups, and replaces or splits at them, as RE2 does it: of the
 * matches that begin first the one that a backtracking search would find, in time linear in the text.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/regex.h"
#include "runtime/library/text.h"

/* What a function returns without memory: the run ends with ONNXC_ERROR_MEMORY. */
enum { OutOfMemory = -1 };

/* Where a search is: steps that wait for a byte, the one that is tried first first, each with the places that it has
 * kept. */
typedef struct {
  int64_t count;
  int32_t *steps;
  const char **places; /* `width` for each */
} Ways;

/* What is still to be followed: a step, or a place to set back. */
typedef struct {
  int32_t step, place;
  const char *before;
} Todo;

typedef struct {
  const onnxc_regex_step *steps;
  int64_t count, width; /* steps; kept places: two for the match and for each group */
  Ways ways[2];
  const char **now, **found;
  int64_t *seen, time;
  Todo *todo;
  const char *begin, *end; /* of the text */
  /* At every so many bytes of the text a search that has gone on in vain leaves from which steps: later ones need not
   * go there, and the text takes time in proportion to its length. NULL before the first. */
  onnxc_heap *heap;
  const char *origin, *last; /* of all of the text, and its end */
  uint64_t *vain;
} Search;

#ifndef ONNXC_MARK_STEP /* a test makes it short */
#define ONNXC_MARK_STEP 64
#endif
enum { MarkStep = ONNXC_MARK_STEP };

static int openSearch(onnxc_heap *heap, Search *s, const onnxc_value *program, int64_t groups) {
  s->steps = program->data;
  s->count = program->dims[0] / 4;
  s->width = 2 * groups + 2;
  s->time = 0;
  s->heap = heap;
  uint64_t count = (uint64_t)s->count, width = (uint64_t)s->width * sizeof(char *);
  for (int i = 0; i < 2; ++i) {
    s->ways[i].steps = onnxc_heap_allocate(heap, count * sizeof(int32_t));
    s->ways[i].places = onnxc_heap_allocate(heap, count * width);
    if (!s->ways[i].steps || !s->ways[i].places)
      return 0;
  }
  s->now = onnxc_heap_allocate(heap, width);
  s->found = onnxc_heap_allocate(heap, width);
  s->seen = onnxc_heap_allocate(heap, count * sizeof(int64_t));
  s->todo = onnxc_heap_allocate(heap, (2 * count + 2) * sizeof(Todo));
  for (int64_t i = 0; s->seen && i < s->count; ++i)
    s->seen[i] = 0;
  return s->now && s->found && s->seen && s->todo;
}

static int lookAt(const Search *s, const char *at) {
  return at >= s->begin && at < s->end ? onnxc_regex_look((unsigned char)*at) : ONNXC_REGEX_NOTHING;
}

/* The bit that says so of a step at a place with a mark. */
static uint64_t *vainAt(const Search *s, int32_t step, const char *at, uint64_t *bit) {
  uint64_t index = (uint64_t)(at - s->origin) / MarkStep * (uint64_t)s->count + (uint64_t)step;
  *bit = UINT64_C(1) << index % 64;
  return s->vain + index / 64;
}

static int hasMark(const Search *s, const char *at) { return (uint64_t)(at - s->origin) % MarkStep == 0; }

static int isVain(const Search *s, int32_t step, const char *at) {
  uint64_t bit;
  return s->vain && hasMark(s, at) && s->steps[step].op == ONNXC_REGEX_BYTE && (*vainAt(s, step, at, &bit) & bit) != 0;
}

/* Follows a step to all that wait for a byte or match, with the places in `now`. */
static void follow(Search *s, Ways *ways, int32_t first, const char *at) {
  int64_t left = 0;
  Todo start = {first, -1, NULL};
  s->todo[left++] = start;
  while (left) {
    Todo todo = s->todo[--left];
    if (todo.place >= 0) {
      s->now[todo.place] = todo.before;
      continue;
    }
    if (s->seen[todo.step] == s->time)
      continue;
    s->seen[todo.step] = s->time;
    const onnxc_regex_step *step = &s->steps[todo.step];
    Todo next = {step->next, -1, NULL}, other = {step->a, -1, NULL};
    switch (step->op) {
    case ONNXC_REGEX_SPLIT:
      s->todo[left++] = other;
      s->todo[left++] = next;
      break;
    case ONNXC_REGEX_SAVE: {
      Todo back = {0, step->a, s->now[step->a]};
      s->todo[left++] = back;
      s->now[step->a] = at;
      s->todo[left++] = next;
      break;
    }
    case ONNXC_REGEX_ASSERT:
      if (onnxc_regex_holds(step->a, lookAt(s, at - 1), lookAt(s, at)))
        s->todo[left++] = next;
      break;
    default:
      if (isVain(s, todo.step, at))
        break;
      ways->steps[ways->count] = todo.step;
      for (int64_t i = 0; i < s->width; ++i)
        ways->places[ways->count * s->width + i] = s->now[i];
      ++ways->count;
    }
  }
}

/* The first match from `from` on, whose places are in `found` then; and where the search ended. With `marksFrom` what
 * is tried behind that place is known to be in vain, and is marked. */
static int search(Search *s, const char *from, const char *marksFrom, const char **ended) {
  Ways *here = &s->ways[0], *next = &s->ways[1];
  int isFound = 0;
  here->count = 0;
  ++s->time;
  for (const char *at = from;; ++at) {
    int isInside = at < s->end && ((unsigned char)*at & 0xC0) == 0x80; /* within a letter none begins */
    if (!isFound && !isInside) {
      for (int64_t i = 0; i < s->width; ++i)
        s->now[i] = NULL;
      s->now[0] = at;
      follow(s, here, 0, at);
    }
    next->count = 0;
    ++s->time;
    for (int64_t k = 0; marksFrom && at > marksFrom && hasMark(s, at) && k < here->count; ++k) {
      uint64_t bit;
      *vainAt(s, here->steps[k], at, &bit) |= bit;
    }
    for (int64_t k = 0; k < here->count; ++k) {
      const onnxc_regex_step *step = &s->steps[here->steps[k]];
      const char **places = here->places + k * s->width;
      if (step->op == ONNXC_REGEX_MATCH) { /* what comes after it would be tried later */
        for (int64_t i = 0; i < s->width; ++i)
          s->found[i] = places[i];
        s->found[1] = at;
        isFound = 1;
        break;
      }
      if (at < s->end && (unsigned char)*at >= step->a && (unsigned char)*at <= step->b) {
        for (int64_t i = 0; i < s->width; ++i)
          s->now[i] = places[i];
        follow(s, next, step->next, at + 1);
      }
    }
    Ways *swap = here;
    here = next;
    next = swap;
    if (at == s->end || (isFound && here->count == 0)) {
      *ended = at;
      return isFound;
    }
  }
}

static int findMatch(Search *s, const char *from) {
  const char *ended;
  int isFound = search(s, from, NULL, &ended);
  if (!isFound || ended - s->found[1] <= MarkStep)
    return isFound;
  if (!s->vain) {
    uint64_t words = ((uint64_t)(s->last - s->origin) / MarkStep + 1) * (uint64_t)s->count / 64 + 1;
    s->vain = onnxc_heap_allocate(s->heap, words * sizeof(uint64_t));
    if (!s->vain)
      return 0;
    for (uint64_t i = 0; i < words; ++i)
      s->vain[i] = 0;
  }
  return search(s, from, s->found[1], &ended);
}

/* A piece of the text that has been opened. */
static void setText(Search *s, const char *begin, const char *end) {
  s->begin = begin;
  s->end = end;
}

static void openText(Search *s, const char *begin, const char *end) {
  s->origin = begin;
  s->last = end;
  s->vain = NULL;
  setText(s, begin, end);
}

static uint64_t append(char *to, uint64_t at, const char *bytes, const char *end) {
  uint64_t length = (uint64_t)(end - bytes);
  if (to)
    onnxc_text_copy(to + at, bytes, length);
  return at + length;
}

/* Appends what a match becomes: \0 to \9 are groups, \\ is a backslash. */
static uint64_t rewrite(const Search *s, char *to, uint64_t at, const char *how) {
  for (; *how; ++how) {
    if (*how != '\\') {
      at = append(to, at, how, how + 1);
      continue;
    }
    ++how;
    if (*how == '\\') {
      at = append(to, at, how, how + 1);
      continue;
    }
    int64_t group = *how - '0';
    if (s->found[2 * group] && s->found[2 * group + 1])
      at = append(to, at, s->found[2 * group], s->found[2 * group + 1]);
  }
  return at;
}

static const char *letterEnd(const char *at, const char *end) {
  do
    ++at;
  while (at < end && ((unsigned char)*at & 0xC0) == 0x80);
  return at;
}

/* In: texts, the automaton, what matches become, the numbers {groups, whether all matches are replaced}. */
int32_t onnxc_regex_replace(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data, *how = *(const char *const *)in[2]->data, **y = out->data;
  const int64_t *numbers = in[3]->data;
  Search s;
  if (!openSearch(heap, &s, in[1], numbers[0]))
    return OutOfMemory;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    const char *end = x[i] + onnxc_text_length(x[i]);
    openText(&s, x[i], end);
    char *text = NULL;
    for (int pass = 0; pass < 2; ++pass) { /* the first counts bytes */
      uint64_t size = 0;
      const char *at = x[i], *last = NULL;
      while (at <= end && findMatch(&s, at)) {
        size = append(text, size, at, s.found[0]);
        at = s.found[0];
        if (at == last && s.found[1] == at) { /* an empty match where the last one ended is none */
          const char *next = at < end ? letterEnd(at, end) : at + 1;
          if (at < end)
            size = append(text, size, at, next);
          at = next;
          continue;
        }
        size = rewrite(&s, text, size, how);
        at = last = s.found[1];
        if (!numbers[1])
          break;
      }
      if (at < end)
        size = append(text, size, at, end);
      if (text)
        text[size] = 0;
      else if (!(text = onnxc_heap_keep(heap, size + 1)))
        return OutOfMemory;
    }
    y[i] = text;
  }
  return 0;
}

/* In: texts, the automaton of what separates, whose first group is looked at, that of what is kept of it, the numbers
 * {groups of both, whether something is kept}. Out: where the parts of each text begin, and their number; the parts,
 * where they begin and end in their text. */
int32_t onnxc_regex_split(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data;
  const int64_t *numbers = in[3]->data;
  Search s, kept;
  if (!openSearch(heap, &s, in[1], numbers[0]) || !openSearch(heap, &kept, in[2], numbers[1]))
    return OutOfMemory;
  int64_t n = in[0]->dims[0], *rows = out[0].data, *begins = NULL, *ends = NULL, total = 0;
  const char **parts = NULL;
  for (int pass = 0; pass < 2; ++pass) { /* the first counts parts */
    int64_t count = 0;
    for (int64_t i = 0; i < n; ++i) {
      rows[i] = count;
      const char *end = x[i] + onnxc_text_length(x[i]), *last = x[i], *at = x[i];
      openText(&s, x[i], end);
      for (int isLast = 0; !isLast;) {
        const char *pieces[2][2] = {{last, end}, {NULL, NULL}};
        setText(&s, at, end);
        isLast = !findMatch(&s, at);
        if (!isLast) {
          const char *from = s.found[2] ? s.found[2] : s.found[0], *to = s.found[2] ? s.found[3] : s.found[0];
          if (s.found[1] == at) { /* nothing that could be taken away */
            if (at == end)
              isLast = 1;
            else
              at = letterEnd(at, end);
            if (!isLast)
              continue;
          } else {
            pieces[0][1] = from;
            openText(&kept, from, to);
            if (numbers[2] && findMatch(&kept, from)) {
              pieces[1][0] = from;
              pieces[1][1] = to;
            }
            at = last = s.found[1];
          }
        }
        for (int k = 0; k < 2; ++k) {
          const char *from = pieces[k][0], *to = pieces[k][1];
          if (!from || (k == 0 && to <= from))
            continue;
          if (parts) {
            begins[count] = from - x[i];
            ends[count] = to - x[i];
            if (!(parts[count] = onnxc_text_make(heap, from, (uint64_t)(to - from))))
              return OutOfMemory;
          }
          ++count;
        }
      }
    }
    rows[n] = total = count;
    if (pass == 0) {
      for (int k = 1; k < 4; ++k)
        if (!onnxc_make_tensor(heap, &out[k], &total))
          return OutOfMemory;
      parts = out[1].data;
      begins = out[2].data;
      ends = out[3].data;
    }
  }
  return 0;
}
