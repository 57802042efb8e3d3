/*===- runtime/library/regex.h -----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The automata of regular expressions: what the compiler (dialects/onnx/support/Regex.cpp) makes and regex.c runs.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_REGEX_H
#define ONNXC_LIBRARY_REGEX_H

#include <stdint.h>

/* An instruction of the nondeterministic automaton, which works on the bytes of UTF-8. It starts at 0. Of two ways
 * `next` comes first, where that matters. */
typedef struct onnxc_regex_step {
  int32_t op;
  int32_t a, b;
  int32_t next;
} onnxc_regex_step;

enum {
  ONNXC_REGEX_MATCH,  /* here a text may end */
  ONNXC_REGEX_BYTE,   /* a byte from a to b */
  ONNXC_REGEX_SPLIT,  /* goes on at `next` and at a */
  ONNXC_REGEX_ASSERT, /* goes on where what a says (below) holds */
  ONNXC_REGEX_SAVE,   /* keeps the place as number a: 2 k and 2 k + 1 are begin and end of group k */
};

/* A deterministic automaton that finds matches within texts. Its states follow: for each its next state by class of
 * byte, then, for each kind of byte that may be ahead (below), whether a match may end there. State 0 matches nothing.
 */
typedef struct onnxc_regex_finder {
  int32_t size;      /* of all in int32_t: then comes the next one */
  int32_t width;     /* number of classes */
  int32_t starts[4]; /* the state where it starts, by the kind of byte before */
  int32_t classes[256];
} onnxc_regex_finder;

enum {
  ONNXC_REGEX_TEXT_BEGINS,
  ONNXC_REGEX_TEXT_ENDS,
  ONNXC_REGEX_LINE_BEGINS,
  ONNXC_REGEX_LINE_ENDS,
  ONNXC_REGEX_WORD_EDGE,
  ONNXC_REGEX_NO_WORD_EDGE,
};

/* What such a condition sees of a byte beside it. The byte beyond either end is 0. */
enum { ONNXC_REGEX_NOTHING, ONNXC_REGEX_NEWLINE, ONNXC_REGEX_WORD, ONNXC_REGEX_OTHER };

static inline int onnxc_regex_look(unsigned char byte) {
  if (byte == 0)
    return ONNXC_REGEX_NOTHING;
  if (byte == '\n')
    return ONNXC_REGEX_NEWLINE;
  int isWord =
      (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_';
  return isWord ? ONNXC_REGEX_WORD : ONNXC_REGEX_OTHER;
}

static inline int onnxc_regex_holds(int32_t condition, int before, int after) {
  switch (condition) {
  case ONNXC_REGEX_TEXT_BEGINS:
    return before == ONNXC_REGEX_NOTHING;
  case ONNXC_REGEX_TEXT_ENDS:
    return after == ONNXC_REGEX_NOTHING;
  case ONNXC_REGEX_LINE_BEGINS:
    return before == ONNXC_REGEX_NOTHING || before == ONNXC_REGEX_NEWLINE;
  case ONNXC_REGEX_LINE_ENDS:
    return after == ONNXC_REGEX_NOTHING || after == ONNXC_REGEX_NEWLINE;
  case ONNXC_REGEX_WORD_EDGE:
    return (before == ONNXC_REGEX_WORD) != (after == ONNXC_REGEX_WORD);
  default:
    return (before == ONNXC_REGEX_WORD) == (after == ONNXC_REGEX_WORD);
  }
}

#endif
