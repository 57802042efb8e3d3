/*===- runtime/library/regex.c -----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Matches whole texts with a regular expression that the compiler has made tables of, one look at each byte.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/regex.h"
#include "runtime/library/library.h"

/* What a function returns without memory: the run ends with ONNXC_ERROR_MEMORY. */
enum { OutOfMemory = -1 };

/* In: text, the class of each byte, for each state and class the next state. */
int32_t onnxc_regex_run_table(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const char *const *x = in[0]->data;
  const int32_t *classes = in[1]->data, *transitions = in[2]->data;
  int32_t width = 0; /* number of classes */
  for (int byte = 0; byte < 256; ++byte)
    width = classes[byte] >= width ? classes[byte] + 1 : width;
  unsigned char *y = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    int32_t state = 1;
    const unsigned char *at = (const unsigned char *)x[i];
    for (; *at && state; ++at)
      state = transitions[state * width + classes[*at]];
    y[i] = state && transitions[state * width];
  }
  return 0;
}

/* In: text, instructions. All the ways through the automaton are gone at the same time. */
int32_t onnxc_regex_run_program(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const char *const *x = in[0]->data;
  const onnxc_regex_step *steps = in[1]->data;
  uint64_t count = (uint64_t)in[1]->dims[0] / 4;
  /* Where the ways are; of each instruction, at which byte it was last reached, and last made the next one. Each pushes
   * two others at most. */
  int32_t *stack = onnxc_heap_allocate(heap, count * 4 * sizeof(int32_t));
  int32_t *next = onnxc_heap_allocate(heap, count * sizeof(int32_t));
  int64_t *reached = onnxc_heap_allocate(heap, count * 2 * sizeof(int64_t)), *queued = reached + count, time = 0;
  if (!stack || !next || !reached)
    return OutOfMemory;
  for (uint64_t k = 0; k < 2 * count; ++k)
    reached[k] = 0;
  unsigned char *y = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    uint64_t size = 1;
    next[0] = 0;
    y[i] = 0;
    int before = ONNXC_REGEX_NOTHING;
    for (const unsigned char *at = (const unsigned char *)x[i]; size; ++at) {
      ++time;
      int after = onnxc_regex_look(*at);
      uint64_t left = 0;
      for (uint64_t k = 0; k < size; ++k)
        stack[left++] = next[k];
      size = 0;
      while (left) {
        int32_t index = stack[--left];
        const onnxc_regex_step *step = &steps[index];
        if (reached[index] == time)
          continue;
        reached[index] = time;
        switch (step->op) {
        case ONNXC_REGEX_MATCH:
          y[i] |= *at == 0;
          break;
        case ONNXC_REGEX_BYTE:
          if (*at >= step->a && *at <= step->b && queued[step->next] != time) {
            queued[step->next] = time;
            next[size++] = step->next;
          }
          break;
        case ONNXC_REGEX_SPLIT:
          stack[left++] = step->a;
          stack[left++] = step->next;
          break;
        default:
          if (onnxc_regex_holds(step->a, before, after))
            stack[left++] = step->next;
        }
      }
      if (!*at)
        break;
      before = after;
    }
  }
  return 0;
}
