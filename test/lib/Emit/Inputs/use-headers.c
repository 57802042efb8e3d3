/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Compiled as C and as C++: all headers in one program. Two of their models are linked; the others are just looked at.
 */
#include "clash.h"
#include "demo.h"
#include "fixed.h"
#include "hostile.h"
#include "kinds.h"
#include "scratch.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(void *self, size_t alignment, size_t size) {
  ++*(int *)self;
  return aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
}

static void release(void *self, void *memory, size_t size) {
  (void)size;
  --*(int *)self;
  free(memory);
}

/* Strings and values in, and what the run allocates out; then all of it goes back. */
static int useKinds(void) {
  const char *words[2] = {"abcd", "ab"};
  float items[2] = {1, 2}, score = 0.5f;
  int64_t one = 1, two = 2, sizes[1];
  int blocks = 0;
  onnxc_allocator allocator = {&blocks, allocate, release};
  onnxc_value item = {ONNXC_KIND_TENSOR, ONNXC_FLOAT, 1, &two, items, NULL};
  onnxc_value bag = {ONNXC_KIND_SEQUENCE, ONNXC_FLOAT, 1, NULL, NULL, &item};
  onnxc_value least = {ONNXC_KIND_NONE, ONNXC_INT64, 0, NULL, NULL, NULL};
  onnxc_value pair[2] = {{ONNXC_KIND_TENSOR, ONNXC_STRING, 1, NULL, NULL, NULL},
                         {ONNXC_KIND_TENSOR, ONNXC_FLOAT, 1, NULL, NULL, NULL}};
  onnxc_value scores = {ONNXC_KIND_MAP, ONNXC_FLOAT, 2, NULL, NULL, NULL};
  const char *const *chosen, *error = NULL;
  const onnxc_value *grown, *last, *ratings;
  void *kept;
  kinds_dims dims;
  uint64_t size;
  pair[0].dims = pair[1].dims = &one;
  pair[0].data = words;
  pair[1].data = &score;
  scores.items = pair;
  if (kinds_plan(2, NULL, &dims, &size) != ONNXC_OK || dims.chosen[0] != -1 || size != 0)
    return 1;
  if (kinds_run(2, words, &bag, &least, &scores, &chosen, sizes, &grown, &last, &ratings, NULL, 0, NULL, &kept, NULL,
                &error) != ONNXC_ERROR_ARGUMENT ||
      strcmp(error, "the allocator is missing") != 0 || chosen || kept)
    return 2;
  if (kinds_run(2, words, &bag, &least, &scores, &chosen, sizes, &grown, &last, &ratings, NULL, 0, &allocator, &kept,
                NULL, &error) != ONNXC_OK)
    return 3;
  if (sizes[0] != 1 || strcmp(chosen[0], "abcd") != 0 || grown->count != 2 || last->dims[0] != 2 ||
      ((float *)ratings->items[0].items[1].data)[0] != 0.5f || blocks == 0)
    return 4;
  kinds_release(&allocator, kept);
  kinds_release(&allocator, NULL);
  return blocks;
}

int main(void) {
  float x[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, y[12], picked[DEMO_PICKED_SIZE], workspace[12];
  int64_t row = -1;
  const char *error = NULL;
  uint64_t size;
  demo_dims dims;
  if (sizeof(workspace) != demo_workspace_size(3, NULL))
    return 1;
  if (demo_plan(7, NULL, &dims, &size) != ONNXC_OK || dims.y[0] != 7 || dims.y[1] != 4 || size != 112)
    return 2;
  if (demo_workspace_size(-1, NULL) != UINT64_MAX)
    return 7;
  if (demo_run(3, x, &row, y, picked, workspace, sizeof(workspace), NULL, &error) != ONNXC_OK || error)
    return 3;
  if (y[5] != 10.5f || picked[3] != y[11])
    return 4;
  if (demo_run(3, x, &row, y, picked, workspace, 8, NULL, &error) != ONNXC_ERROR_ARGUMENT ||
      !strstr(error, "workspace"))
    return 5;
  row = 3;
  if (demo_run(3, x, &row, y, picked, workspace, sizeof(workspace), NULL, &error) != ONNXC_ERROR_RUN)
    return 6;
  if (useKinds() != 0)
    return 10 + useKinds();
  return strcmp(error, "node 'pick' (Gather): index out of range") != 0;
}
