/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Runs a model on a thread with a stack of known content, and looks how far down it was written to. */
#define _GNU_SOURCE
#ifdef FAILS
#include "pick.h"
#else
#include "digits.h"
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { StackSize = 1 << 20, Paint = 0xa5 };
#ifdef FAILS /* a call that ends with an error in its last element */
enum { Expected = ONNXC_ERROR_RUN, Bound = PICK_STACK_SIZE };
static _Alignas(64) char workspace[PICK_WORKSPACE_SIZE + 1];
static float table[PICK_T_SIZE], picked[PICK_Y_SIZE];
static int64_t places[PICK_AT_SIZE];
static const char *reason;
#else
enum { Expected = ONNXC_OK, Bound = DIGITS_STACK_SIZE };
static _Alignas(64) char workspace[DIGITS_WORKSPACE_SIZE + 1];
static float image[DIGITS_INPUT3_SIZE], scores[DIGITS_PLUS214_OUTPUT_0_SIZE];
#endif
static char *start; /* where the stack was when the model was called */

static void *run(void *context) {
  int32_t *status = context;
  char here;
  start = &here;
#ifdef FAILS
  places[PICK_AT_SIZE - 1] = PICK_T_SIZE;
  *status = pick_run(table, places, picked, workspace, NULL, &reason);
#else
  *status = digits_run(image, scores, workspace, NULL, NULL);
#endif
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
  if (pthread_create(&thread, &attributes, run, &status) || pthread_join(thread, NULL) || status != Expected)
    return 1;
  const char *lowest = stack;
  while (lowest < start && *lowest == (char)Paint)
    ++lowest;
#ifdef FAILS
  puts(reason);
#endif
  /* PREFIX_run itself is a function of the program: what it adds is small. */
  long used = start - lowest, own = 1024;
  printf("%ld bytes of %d: %s%s\n", used, Bound, used <= Bound + own ? "enough" : "too much",
         Bound <= 4096 ? ", below 4096" : "");
  return used > Bound + own || used < 64;
}
