/* two-models: several models in one program. Each has its own prefix, and shares no symbol and no state with the
 * others: here a convolutional network finds scores for two pictures, on two threads, and a second model, of any batch
 * size, turns all of them into probabilities. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "digits.h"
#include "softmax.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { Side = 28, Classes = 10, Pictures = 2 };

typedef struct Job {
  float pixels[DIGITS_INPUT3_SIZE];
  float *scores;
  onnxc_status status;
} Job;

static void *aligned(uint64_t size) { return aligned_alloc(64, (size + 63) / 64 * 64 + 64); }

/* The model is constant data: any number of threads may run it, each with its own workspace. */
static void *classify(void *argument) {
  Job *job = argument;
  void *workspace = aligned(digits_workspace_size(NULL));
  job->status = workspace ? digits_run(job->pixels, job->scores, workspace, NULL, NULL) : ONNXC_ERROR_MEMORY;
  free(workspace);
  return NULL;
}

static void draw(float *pixels, int left, int top, int width, int height) {
  for (int y = top; y < top + height; ++y)
    for (int x = left; x < left + width; ++x)
      pixels[y * Side + x] = 1;
}

int main(void) {
  static Job jobs[Pictures];
  float scores[Pictures * Classes], probabilities[Pictures * Classes];
  draw(jobs[0].pixels, 12, 4, 4, 20);                                    /* a one */
  draw(jobs[1].pixels, 8, 5, 12, 3), draw(jobs[1].pixels, 8, 20, 12, 3); /* a zero, rather angular */
  draw(jobs[1].pixels, 7, 6, 3, 16), draw(jobs[1].pixels, 18, 6, 3, 16);

  pthread_t threads[Pictures];
  for (int i = 0; i < Pictures; ++i) {
    jobs[i].scores = scores + i * Classes;
    if (pthread_create(&threads[i], NULL, classify, &jobs[i]) != 0)
      return fputs("two-models: no thread\n", stderr), EXIT_FAILURE;
  }
  for (int i = 0; i < Pictures; ++i)
    pthread_join(threads[i], NULL);

  uint64_t size = softmax_workspace_size(Pictures, NULL);
  void *workspace = aligned(size);
  if (!workspace || jobs[0].status || jobs[1].status ||
      softmax_run(Pictures, scores, probabilities, workspace, size, NULL, NULL) != ONNXC_OK)
    return fputs("two-models: a model failed\n", stderr), EXIT_FAILURE;
  free(workspace);

  for (int i = 0; i < Pictures; ++i) {
    int best = 0;
    for (int k = 1; k < Classes; ++k)
      if (probabilities[i * Classes + k] > probabilities[i * Classes + best])
        best = k;
    printf("Picture %d is a %d (%.1f %%).\n", i + 1, best, 100 * (double)probabilities[i * Classes + best]);
  }
  return EXIT_SUCCESS;
}
