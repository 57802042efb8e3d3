/*===- runtime/src/hash.c ----------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * xxHash64 at memory speed. See hash.h.
 *===--------------------------------------------------------------------------------===*/
#include "hash.h"

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

void onnxc_hash_start(onnxc_hasher *hasher) {
  hasher->lanes[0] = P1 + P2;
  hasher->lanes[1] = P2;
  hasher->lanes[2] = 0;
  hasher->lanes[3] = 0 - P1;
  hasher->total = 0;
}

/* Whole stripes of 32 bytes. Returns where they end. */
static const unsigned char *hashStripes(uint64_t lanes[4], const unsigned char *p, const unsigned char *end) {
  uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
  for (; end - p >= 32; p += 32) {
    a = mix(a, load64(p));
    b = mix(b, load64(p + 8));
    c = mix(c, load64(p + 16));
    d = mix(d, load64(p + 24));
  }
  lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
  return p;
}

void onnxc_hash_update(onnxc_hasher *hasher, const void *data, uint64_t size) {
  if (size == 0)
    return;
  const unsigned char *p = data, *end = p + size;
  uint64_t held = hasher->total % 32;
  hasher->total += size;
  if (held) {
    uint64_t missing = 32 - held, n = size < missing ? size : missing;
    memcpy(hasher->tail + held, p, n);
    p += n;
    if (n < missing)
      return;
    hashStripes(hasher->lanes, hasher->tail, hasher->tail + 32);
  }
  p = hashStripes(hasher->lanes, p, end);
  memcpy(hasher->tail, p, (size_t)(end - p));
}

uint64_t onnxc_hash_finish(const onnxc_hasher *hasher) {
  const uint64_t *lanes = hasher->lanes;
  uint64_t h = P5;
  if (hasher->total >= 32) {
    h = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (int i = 0; i < 4; ++i)
      h = (h ^ mix(0, lanes[i])) * P1 + P4;
  }
  h += hasher->total;
  const unsigned char *p = hasher->tail, *end = p + hasher->total % 32;
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

uint64_t onnxc_hash(const void *data, uint64_t size) {
  onnxc_hasher hasher;
  onnxc_hash_start(&hasher);
  onnxc_hash_update(&hasher, data, size);
  return onnxc_hash_finish(&hasher);
}
