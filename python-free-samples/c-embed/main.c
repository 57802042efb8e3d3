/* c-embed: a neural network inside a C program. mnist.h and mnist.o come from onnxc; nothing else is needed, not even a
 * runtime library. ./build.sh compiles the model and this file, and runs it.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "mnist.h"

#include <stdio.h>
#include <stdlib.h>

enum { Side = 28 };

/* A handwritten number, at half the size. */
static const char *const digit[Side / 2] = {
    "              ", "              ", "    ######    ", "   ########   ", "   ##    ##   ",
    "         ##   ", "        ##    ", "       ##     ", "      ##      ", "     ##       ",
    "    ########  ", "    ########  ", "              ", "              ",
};

int main(void) {
  /* The header knows the sizes of the model's inputs, outputs and workspace; all memory is ours, and there from the
   * start. */
  static _Alignas(64) char workspace[MNIST_WORKSPACE_SIZE];
  static float pixels[MNIST_INPUT3_SIZE];
  float scores[MNIST_PLUS214_OUTPUT_0_SIZE];
  for (int y = 0; y < Side; ++y)
    for (int x = 0; x < Side; ++x)
      pixels[y * Side + x] = digit[y / 2][x / 2] == '#' ? 255.0f : 0.0f;

  const char *error;
  if (mnist_run(pixels, scores, workspace, NULL, &error) != ONNXC_OK) {
    fprintf(stderr, "c-embed: %s\n", error);
    return EXIT_FAILURE;
  }

  int best = 0;
  for (int i = 1; i < MNIST_PLUS214_OUTPUT_0_SIZE; ++i)
    if (scores[i] > scores[best])
      best = i;
  for (int y = 0; y < Side / 2; ++y)
    puts(digit[y]);
  printf("This is a %d.\n", best);
  return EXIT_SUCCESS;
}
