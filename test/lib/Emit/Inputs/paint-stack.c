/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Runs a model on a thread with a stack of known content, and looks how far down it was written to. */
#define _GNU_SOURCE
#include "digits.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { StackSize = 1 << 20, Paint = 0xa5 };
static _Alignas(64) char workspace[DIGITS_WORKSPACE_SIZE + 1];
static float image[DIGITS_INPUT3_SIZE], scores[DIGITS_PLUS214_OUTPUT_0_SIZE];
static char *start; /* where the stack was when the model was called */

static void *run(void *context) {
  int32_t *status = context;
  char here;
  start = &here;
  *status = digits_run(image, scores, workspace, NULL, NULL);
  return NULL;
}

int main(void) {
  char *stack = aligned_alloc(4096, StackSize);
  int32_t status = -1;
  pthread_attr_t attributes;
  pthread_t thread;
  memset(stack, Paint, StackSize);
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, StackSize);
  if (pthread_create(&thread, &attributes, run, &status) || pthread_join(thread, NULL) || status != ONNXC_OK)
    return 1;
  const char *lowest = stack;
  while (lowest < start && *lowest == (char)Paint)
    ++lowest;
  /* digits_run itself is a function of the program: what it adds is small. */
  long used = start - lowest, own = 1024;
  printf("%ld bytes of %d: %s%s\n", used, DIGITS_STACK_SIZE, used <= DIGITS_STACK_SIZE + own ? "enough" : "too much",
         DIGITS_STACK_SIZE <= 4096 ? ", below 4096" : "");
  return used > DIGITS_STACK_SIZE + own || used < 64;
}
