/*===- test/runtime/Inputs/ledger.h ------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * An allocator that counts bytes, and fails when it has been asked often enough.
 *===--------------------------------------------------------------------------------===*/
#include <stdint.h>
#include <stdlib.h>

typedef struct Ledger {
  int left; /* allocations that may still succeed */
  int64_t bytes;
} Ledger;

static inline void *allocateCounted(void *self, size_t alignment, size_t size) {
  Ledger *ledger = self;
  if (ledger->left-- <= 0)
    return NULL;
  ledger->bytes += (int64_t)size;
  return aligned_alloc(alignment < 8 ? 8 : alignment, (size + 63) & ~(size_t)63);
}

static inline void releaseCounted(void *self, void *memory, size_t size) {
  ((Ledger *)self)->bytes -= (int64_t)size;
  free(memory);
}
