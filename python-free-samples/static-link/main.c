/* static-link: one file that runs on any Linux of its processor, for containers without anything else. The model and
 * the runtime (here: its thread pool, and its check of the processor) are archives; ./build.sh links all with -static.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "mnist.h"
#include "onnxc/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { Side = 28, Runs = 1000 };

static double seconds(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(void) {
  /* A model that was compiled for a newer processor says so, instead of stopping with an illegal instruction. */
  onnxc_error problem;
  if (onnxc_check(mnist_model(), &problem) != ONNXC_OK)
    return fprintf(stderr, "static-link: %s\n", problem.text), EXIT_FAILURE;

  static float pixels[MNIST_INPUT3_SIZE]; /* a "1": one vertical stroke */
  for (int y = 4; y < 24; ++y)
    for (int x = 12; x < 16; ++x)
      pixels[y * Side + x] = 255;

  onnxc_pool *pool = onnxc_pool_create(0);
  uint64_t size = mnist_workspace_size(pool);
  void *workspace = aligned_alloc(64, (size + 63) / 64 * 64 + 64);
  if (!pool || !workspace)
    return fputs("static-link: no threads or no memory\n", stderr), EXIT_FAILURE;

  float scores[MNIST_PLUS214_OUTPUT_0_SIZE];
  double start = seconds();
  for (int run = 0; run < Runs; ++run) {
    const char *error;
    if (mnist_run(pixels, scores, workspace, pool, &error) != ONNXC_OK)
      return fprintf(stderr, "static-link: %s\n", error), EXIT_FAILURE;
  }
  double each = (seconds() - start) / Runs;

  int best = 0;
  for (int i = 1; i < MNIST_PLUS214_OUTPUT_0_SIZE; ++i)
    if (scores[i] > scores[best])
      best = i;
  printf("This is a %d.\n%.1f microseconds on %d threads.\n", best, each * 1e6, (int)pool->threads);
  free(workspace);
  onnxc_pool_destroy(pool);
  return EXIT_SUCCESS;
}
