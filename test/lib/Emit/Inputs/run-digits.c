/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Runs a model of handwritten digits twice through its header, and prints the second status. */
#include "digits.h"
#include <stdio.h>

static _Alignas(64) char workspace[DIGITS_WORKSPACE_SIZE];

int main(void) {
  static float image[DIGITS_INPUT3_SIZE], scores[DIGITS_PLUS214_OUTPUT_0_SIZE];
  const char *error = "fine";
  onnxc_status status = ONNXC_OK;
  for (int i = 0; i < 2; ++i)
    status = digits_run(image, scores, workspace, NULL, &error);
  printf("status %d: %s\n", (int)status, error);
  return status != ONNXC_OK;
}
