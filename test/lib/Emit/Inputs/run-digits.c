/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Runs a model of handwritten digits twice through its header, the second time with a pool of seven workers in the
 * memory that was measured without one, and prints the second status. */
#include "digits.h"
#include <stdio.h>
#include <string.h>

static _Alignas(64) char workspace[DIGITS_WORKSPACE_SIZE];

static void parallelFor(void *self, int64_t n, onnxc_body body, void *context) {
  (void)self;
  for (int64_t i = n; i-- > 0;)
    body(context, i, (int32_t)(i % 7));
}

int main(void) {
  static float image[DIGITS_INPUT3_SIZE], scores[2][DIGITS_PLUS214_OUTPUT_0_SIZE];
  const char *error = "fine";
  const onnxc_pool pool = {NULL, parallelFor, 7, 0};
  onnxc_status status = ONNXC_OK;
  for (int i = 0; i < DIGITS_INPUT3_SIZE; ++i)
    image[i] = (float)(i * 37 % 255);
  for (int i = 0; i < 2; ++i)
    status = digits_run(image, scores[i], workspace, i ? &pool : NULL, &error);
  if (status == ONNXC_OK &&
      (memcmp(scores[0], scores[1], sizeof(scores[0])) != 0 || digits_workspace_size(&pool) != DIGITS_WORKSPACE_SIZE))
    error = "a pool makes a difference";
  printf("status %d: %s\n", (int)status, error);
  return status != ONNXC_OK;
}
