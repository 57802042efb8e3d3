/*===- runtime/library/murmur.c ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * MurmurHash3 (com.microsoft): the hash MurmurHash3_x86_32 of Austin Appleby, of numbers or texts.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/text.h"

static uint32_t rotate(uint32_t x, int count) { return x << count | x >> (32 - count); }

static uint32_t scramble(uint32_t block) { return rotate(block * 0xcc9e2d51u, 15) * 0x1b873593u; }

static uint32_t hashBytes(const unsigned char *bytes, uint64_t length, uint32_t hash) {
  uint64_t whole = length / 4 * 4;
  for (uint64_t i = 0; i < whole; i += 4) {
    uint32_t block =
        bytes[i] | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24;
    hash = rotate(hash ^ scramble(block), 13) * 5 + 0xe6546b64u;
  }
  uint32_t rest = 0;
  for (uint64_t i = length; i > whole; --i)
    rest = rest << 8 | bytes[i - 1];
  hash ^= scramble(rest) ^ (uint32_t)length;
  hash = (hash ^ hash >> 16) * 0x85ebca6bu;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
  return hash ^ hash >> 16;
}

/* in: a tensor; [seed]. out: the hash of each element, in 32 bits. */
int32_t onnxc_murmur_hash(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  uint32_t seed = (uint32_t)*(const int64_t *)in[1]->data, *hashes = out[0].data;
  uint64_t size = onnxc_element_size(in[0]->type);
  for (int64_t i = 0, n = onnxc_element_count(in[0]); i < n; ++i) {
    const char *element = (const char *)in[0]->data + i * size;
    if (in[0]->type == ONNXC_STRING) {
      const char *text = *(const char *const *)element;
      hashes[i] = hashBytes((const unsigned char *)text, onnxc_text_length(text), seed);
    } else {
      hashes[i] = hashBytes((const unsigned char *)element, size, seed);
    }
  }
  return 0;
}
