/*===- runtime/library/processor.c -------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Before a model's first instruction that not every processor has: whether this one has it. For any x86-64.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/processor.h"

#if defined(__x86_64__)
static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4]) {
  __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(subleaf));
}

/* Index of the first one that this processor lacks, or -1. */
static int32_t findMissing(const onnxc_requirement *requirements, int32_t count) {
  uint32_t r[4], asked[2] = {0, 0};
  uint64_t state = 0;
  cpuid(1, 0, r);
  if (r[2] >> 27 & 1) { /* OSXSAVE: XCR0 says which registers the operating system saves */
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    state = (uint64_t)high << 32 | low;
  }
  for (int32_t i = 0; i < count; ++i) {
    const onnxc_requirement *want = &requirements[i];
    if (i == 0 || want->leaf != asked[0] || want->subleaf != asked[1]) { /* a hypervisor takes a while to answer */
      cpuid(want->leaf & 0x80000000u, 0, r);
      if (r[0] < want->leaf)
        return i;
      cpuid(want->leaf, want->subleaf, r);
      asked[0] = want->leaf, asked[1] = want->subleaf;
    }
    if (!(r[want->reg] >> want->bit & 1) || (state & want->state) != want->state)
      return i;
  }
  return -1;
}

int32_t onnxc_checked_plan(onnxc_call *call, const onnxc_requirements *requirements) {
  if (!__atomic_load_n(requirements->met, __ATOMIC_RELAXED)) {
    int32_t missing = findMissing(requirements->list, requirements->count);
    if (missing >= 0) {
      call->error_site = requirements->first_site + missing;
      return ONNXC_ERROR_UNSUPPORTED;
    }
    __atomic_store_n(requirements->met, 1, __ATOMIC_RELAXED);
  }
  return requirements->plan(call);
}
#endif
