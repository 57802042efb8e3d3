/*===- runtime/library/stop.c ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Whether a run shall end early: generated code asks before every parallel loop, and now and then in others.
 *===--------------------------------------------------------------------------------===*/
#include "onnxc/abi.h"

/* For generated code: ONNXC_OK, or what the run ends with. */
int32_t onnxc_stop(const onnxc_call *call) {
  if (!ONNXC_HAS(onnxc_call, call, deadline))
    return ONNXC_OK;
  if (call->cancel && __atomic_load_n(call->cancel, __ATOMIC_RELAXED))
    return ONNXC_ERROR_CANCELLED;
  if (call->clock && call->clock() >= call->deadline)
    return ONNXC_ERROR_DEADLINE;
  return ONNXC_OK;
}
