/*===- runtime/library/processor.h -------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * What a model needs of the processor, as lib/Emit/ModelTable.cpp writes it for the check in processor.c.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_PROCESSOR_H
#define ONNXC_LIBRARY_PROCESSOR_H

#include "onnxc/abi.h"

/* A row of onnxc/features.def. */
typedef struct onnxc_requirement {
  uint32_t leaf, subleaf, reg, bit; /* of CPUID; reg: 0 to 3 for EAX to EDX */
  uint64_t state;                   /* bits of XCR0 */
} onnxc_requirement;

typedef struct onnxc_requirements {
  int32_t (*plan)(onnxc_call *call); /* of the model; may be called once all is there */
  const onnxc_requirement *list;
  int32_t count;
  int32_t first_site; /* error_sites[first_site + i] says that requirement i is missing */
  unsigned char *met; /* 1 after the first check: the only memory of a model that is written to */
} onnxc_requirements;

/* plan() with a check before it. Compiled for any processor of the architecture. */
int32_t onnxc_checked_plan(onnxc_call *call, const onnxc_requirements *requirements);

#endif
