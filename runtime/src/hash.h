/*===- runtime/src/hash.h ----------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * xxHash64 with seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): tells a model's weights file
 * from another one. The compiler hashes pieces as it lays them out, the runtime the whole file.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_RUNTIME_HASH_H
#define ONNXC_RUNTIME_HASH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct onnxc_hasher {
  uint64_t lanes[4];
  uint64_t total;         /* bytes so far */
  unsigned char tail[32]; /* the last total % 32 of them */
} onnxc_hasher;

void onnxc_hash_start(onnxc_hasher *hasher);
void onnxc_hash_update(onnxc_hasher *hasher, const void *data, uint64_t size);
uint64_t onnxc_hash_finish(const onnxc_hasher *hasher);

/* All of it at once. */
uint64_t onnxc_hash(const void *data, uint64_t size);

#ifdef __cplusplus
}
#endif
#endif
