/*===- runtime/src/hash.c ----------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * xxHash64 with seed 0: tells a model's weights file from another one at memory speed.
 *===--------------------------------------------------------------------------------===*/
#include "internal.h"

#include <string.h>

static const uint64_t P1 = 0x9E3779B185EBCA87u, P2 = 0xC2B2AE3D27D4EB4Fu, P3 = 0x165667B19E3779F9u,
                      P4 = 0x85EBCA77C2B2AE63u, P5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

/* Models are little-endian, as all our targets are. */
static uint64_t load64(const unsigned char *p) {
  uint64_t x;
  memcpy(&x, p, sizeof(x));
  return x;
}

static uint32_t load32(const unsigned char *p) {
  uint32_t x;
  memcpy(&x, p, sizeof(x));
  return x;
}

static uint64_t mix(uint64_t lane, uint64_t word) { return rotate(lane + word * P2, 31) * P1; }

uint64_t onnxc_hash(const void *data, uint64_t size) {
  const unsigned char *p = data, *end = p + size;
  uint64_t h = P5;
  if (size >= 32) {
    uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1;
    for (; end - p >= 32; p += 32) {
      a = mix(a, load64(p));
      b = mix(b, load64(p + 8));
      c = mix(c, load64(p + 16));
      d = mix(d, load64(p + 24));
    }
    h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    h = (h ^ mix(0, a)) * P1 + P4;
    h = (h ^ mix(0, b)) * P1 + P4;
    h = (h ^ mix(0, c)) * P1 + P4;
    h = (h ^ mix(0, d)) * P1 + P4;
  }
  h += size;
  for (; end - p >= 8; p += 8)
    h = rotate(h ^ mix(0, load64(p)), 27) * P1 + P4;
  for (; end - p >= 4; p += 4)
    h = rotate(h ^ load32(p) * P1, 23) * P2 + P3;
  for (; p < end; ++p)
    h = rotate(h ^ *p * P5, 11) * P1;
  h = (h ^ h >> 33) * P2;
  h = (h ^ h >> 29) * P3;
  return h ^ h >> 32;
}
