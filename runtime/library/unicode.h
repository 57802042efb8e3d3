/*===- runtime/library/unicode.h ---------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * UTF-8, and the case of letters: Unicode's simple mappings, one letter for one letter.
 *===--------------------------------------------------------------------------------===
 *
 * For compiled models and, so that what is prepared for them is the same, the compiler: C11 and C++.
 */
#ifndef ONNXC_LIBRARY_UNICODE_H
#define ONNXC_LIBRARY_UNICODE_H

#include <stddef.h>
#include <stdint.h>

/* Decodes a letter of zero-terminated text (not at its end) and returns its length. A byte that isn't part of UTF-8
 * becomes 0x110000 plus the byte: nothing else does, and it is encoded as the byte. */
static inline int onnxc_decode(const char *text, uint32_t *letter) {
  const unsigned char *bytes = (const unsigned char *)text;
  uint32_t first = bytes[0];
  int length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  *letter = length == 1 ? first : first & (0x7Fu >> length);
  for (int i = 1; i < length; ++i) {
    if ((bytes[i] & 0xC0) != 0x80) {
      length = 0;
      break;
    }
    *letter = *letter << 6 | (bytes[i] & 0x3F);
  }
  /* Longer than needed, a surrogate, or beyond Unicode. */
  if (length == 0 || (length == 3 && (*letter < 0x800 || (*letter >> 11) == 0x1B)) ||
      (length == 4 && (*letter < 0x10000 || *letter > 0x10FFFF))) {
    *letter = 0x110000 + first;
    return 1;
  }
  return length;
}

/* Writes up to 4 bytes and returns how many. */
static inline int onnxc_encode(uint32_t letter, char *bytes) {
  if (letter < 0x80 || letter >= 0x110000) {
    bytes[0] = (char)letter;
    return 1;
  }
  int length = letter < 0x800 ? 2 : letter < 0x10000 ? 3 : 4;
  for (int i = length - 1; i > 0; --i, letter >>= 6)
    bytes[i] = (char)(0x80 | (letter & 0x3F));
  bytes[0] = (char)((0xF00 >> length) | letter);
  return length;
}

/* Every step-th letter from first to last moves by delta. */
typedef struct onnxc_case_range {
  uint32_t first, last;
  int32_t step, delta;
} onnxc_case_range;

#include "runtime/library/unicode-case.h"

enum { ONNXC_SAME = 0, ONNXC_LOWER = 1, ONNXC_UPPER = 2 };

/* `dotlessI`: of Turkish and Azeri, where I and i are letters of two pairs. */
static inline uint32_t onnxc_change_case(uint32_t letter, int64_t change, int64_t dotlessI) {
  if (change == ONNXC_SAME)
    return letter;
  int isLower = change == ONNXC_LOWER;
  if (dotlessI && letter == (isLower ? 'I' : 'i'))
    return isLower ? 0x131 : 0x130;
  if (letter < 0x80) {
    uint32_t from = isLower ? 'A' : 'a';
    return letter - from < 26 ? letter ^ 0x20 : letter;
  }
  const onnxc_case_range *ranges = isLower ? onnxc_lower_ranges : onnxc_upper_ranges;
  size_t low = 0,
         high = isLower ? sizeof onnxc_lower_ranges / sizeof *ranges : sizeof onnxc_upper_ranges / sizeof *ranges;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (letter > ranges[middle].last)
      low = middle + 1;
    else if (letter < ranges[middle].first)
      high = middle;
    else
      return (letter - ranges[middle].first) % (uint32_t)ranges[middle].step ? letter
                                                                             : letter + (uint32_t)ranges[middle].delta;
  }
  return letter;
}

#endif
