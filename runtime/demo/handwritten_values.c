/*===- runtime/demo/handwritten_values.c -------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The rest of the binary interface: values that aren't tensors, strings, and outputs that only the run knows the size
 *of.
 *===--------------------------------------------------------------------------------===
 *
 *   inputs    words: string[n]                         bag: sequence of float32[...]
 *             least: optional int64[...]               scores: map string -> float32
 *   outputs   chosen: string[?] = the words of at least `least` (or 3) bytes; a negative number is an error
 *             grown: sequence of float32[...] = bag, then the scalar n
 *             last: optional float32[...] = the last item of bag, if there is one
 *             ratings: sequence of map string -> float32 = of each chosen word that has a score
 *
 *   cc -std=c11 -O2 -I runtime/include -shared -fPIC -fvisibility=hidden runtime/demo/handwritten_values.c -o values.so
 */
#include "onnxc/abi.h"

enum { SiteLeast }; /* an index into errorSites */

/* Everything that outputs are made of hangs on call->kept, so that release() needs to know nothing of them. */
typedef struct Block {
  struct Block *next;
  size_t size;
  _Alignas(64) char memory[];
} Block;

static void *keep(onnxc_call *call, size_t size) {
  size += sizeof(Block);
  Block *block = call->allocator->allocate(call->allocator->self, _Alignof(Block), size);
  if (!block)
    return NULL;
  block->next = call->kept;
  block->size = size;
  call->kept = block;
  return block->memory;
}

static void release(onnxc_call *call) {
  for (Block *block = call->kept, *next; block; block = next) {
    next = block->next;
    call->allocator->release(call->allocator->self, block, block->size);
  }
  call->kept = NULL;
}

static int isEqual(const char *a, const char *b) {
  for (; *a && *a == *b; ++a, ++b)
    ;
  return *a == *b;
}

static int64_t length(const char *text) {
  int64_t n = 0;
  while (text[n])
    ++n;
  return n;
}

/* A new tensor of `size` bytes; `rank` is 0 or 1. NULL in `data` says that there is no memory. */
static onnxc_value tensor(onnxc_call *call, int32_t type, int64_t rank, int64_t dim, size_t size) {
  int64_t *dims = keep(call, sizeof(int64_t));
  if (dims)
    *dims = dim;
  return (onnxc_value){ONNXC_KIND_TENSOR, type, rank, dims, dims ? keep(call, size) : NULL, NULL};
}

static int32_t plan(onnxc_call *call) {
  call->outputs[0].dims[0] = -1; /* run() will know */
  call->workspace_size = 0;
  return ONNXC_OK;
}

static int32_t fail(onnxc_call *call, int32_t status, int32_t site) {
  release(call);
  call->error_site = site;
  return status;
}

static int32_t run(onnxc_call *call) {
  int64_t n = call->inputs[0].dims[0], count = 0, rated = 0;
  const char *const *words = call->inputs[0].data;
  const onnxc_value *bag = call->inputs[1].data, *least = call->inputs[2].data, *scores = call->inputs[3].data;
  int64_t bytes = least->kind == ONNXC_KIND_NONE ? 3 : *(const int64_t *)least->data;

  const char **chosen = keep(call, (size_t)n * sizeof(char *));
  onnxc_value *sequences = keep(call, 2 * sizeof(onnxc_value)), *last = keep(call, sizeof(onnxc_value));
  onnxc_value *grown = keep(call, (size_t)(bag->count + 1) * sizeof(onnxc_value));
  onnxc_value *ratings = keep(call, (size_t)n * sizeof(onnxc_value));
  if (!chosen || !sequences || !last || !grown || !ratings)
    return fail(call, ONNXC_ERROR_MEMORY, -1);
  if (bytes < 0)
    return fail(call, ONNXC_ERROR_RUN, SiteLeast);

  /* What comes from an input is copied: the caller may change that before it looks at the outputs. */
  for (int64_t i = 0; i < n; ++i)
    if (length(words[i]) >= bytes) {
      int64_t size = length(words[i]) + 1;
      char *copy = keep(call, (size_t)size);
      if (!copy)
        return fail(call, ONNXC_ERROR_MEMORY, -1);
      for (int64_t j = 0; j < size; ++j)
        copy[j] = words[i][j];
      chosen[count++] = copy;
    }
  for (int64_t i = 0; i < bag->count; ++i) {
    const onnxc_value *from = &bag->items[i];
    int64_t elements = 1, *dims = keep(call, (size_t)from->count * sizeof(int64_t));
    for (int64_t d = 0; dims && d < from->count; ++d)
      elements *= dims[d] = from->dims[d];
    float *data = dims ? keep(call, (size_t)elements * sizeof(float)) : NULL;
    if (!data)
      return fail(call, ONNXC_ERROR_MEMORY, -1);
    for (int64_t j = 0; j < elements; ++j)
      data[j] = ((const float *)from->data)[j];
    grown[i] = (onnxc_value){ONNXC_KIND_TENSOR, ONNXC_FLOAT, from->count, dims, data, NULL};
  }
  grown[bag->count] = tensor(call, ONNXC_FLOAT, 0, 0, sizeof(float));
  if (!grown[bag->count].data)
    return fail(call, ONNXC_ERROR_MEMORY, -1);
  *(float *)grown[bag->count].data = (float)n;
  *last = bag->count ? grown[bag->count - 1] : (onnxc_value){ONNXC_KIND_NONE, ONNXC_FLOAT, 0, NULL, NULL, NULL};

  for (int64_t i = 0; i < count; ++i) {
    const onnxc_value *keys = &scores->items[0], *values = &scores->items[1];
    int64_t at = 0;
    while (at < keys->dims[0] && !isEqual(((const char *const *)keys->data)[at], chosen[i]))
      ++at;
    if (at == keys->dims[0])
      continue;
    onnxc_value *entry = keep(call, 2 * sizeof(onnxc_value));
    if (!entry)
      return fail(call, ONNXC_ERROR_MEMORY, -1);
    entry[0] = tensor(call, ONNXC_STRING, 1, 1, sizeof(char *));
    entry[1] = tensor(call, ONNXC_FLOAT, 1, 1, sizeof(float));
    if (!entry[0].data || !entry[1].data)
      return fail(call, ONNXC_ERROR_MEMORY, -1);
    *(const char **)entry[0].data = chosen[i];
    *(float *)entry[1].data = ((const float *)values->data)[at];
    ratings[rated++] = (onnxc_value){ONNXC_KIND_MAP, ONNXC_FLOAT, 2, NULL, NULL, entry};
  }
  sequences[0] = (onnxc_value){ONNXC_KIND_SEQUENCE, ONNXC_FLOAT, bag->count + 1, NULL, NULL, grown};
  sequences[1] = (onnxc_value){ONNXC_KIND_SEQUENCE, ONNXC_FLOAT, rated, NULL, NULL, ratings};
  call->outputs[0].data = chosen;
  call->outputs[0].dims[0] = count;
  call->outputs[1].data = &sequences[0];
  call->outputs[2].data = last;
  call->outputs[3].data = &sequences[1];
  return ONNXC_OK;
}

static const int64_t wordsDims[] = {ONNXC_DIM_SYMBOL(0)}, chosenDims[] = {ONNXC_DIM_RUN};
static const onnxc_value_info inputs[] = {
    {"words", ONNXC_STRING, 1, wordsDims},
    {"bag", ONNXC_SEQUENCE | ONNXC_FLOAT, 0, 0},
    {"least", ONNXC_OPTIONAL | ONNXC_INT64, 0, 0},
    {"scores", ONNXC_MAP | ONNXC_MAP_KEY(ONNXC_STRING) | ONNXC_FLOAT, 0, 0},
};
static const onnxc_value_info outputs[] = {
    {"chosen", ONNXC_STRING, 1, chosenDims},
    {"grown", ONNXC_SEQUENCE | ONNXC_FLOAT, 0, 0},
    {"last", ONNXC_OPTIONAL | ONNXC_FLOAT, 0, 0},
    {"ratings", ONNXC_SEQUENCE | ONNXC_MAP | ONNXC_MAP_KEY(ONNXC_STRING) | ONNXC_FLOAT, 0, 0},
};
static const char *const symbols[] = {"n"};
static const char *const errorSites[] = {[SiteLeast] = "node 'choose' (Compress): the length is negative"};

static const onnxc_model model = {
    .abi_version = ONNXC_ABI_VERSION,
    .struct_size = sizeof(onnxc_model),
    .name = "values",
    .target = "any",
    .features = "",
    .input_count = 4,
    .inputs = inputs,
    .output_count = 4,
    .outputs = outputs,
    .symbol_count = 1,
    .symbols = symbols,
    .error_site_count = 1,
    .error_sites = errorSites,
    .plan = plan,
    .run = run,
    .release = release,
};

__attribute__((visibility("default"))) const onnxc_model *values_model(void) { return &model; }
__attribute__((visibility("default"))) const onnxc_model *onnxc_model_entry(void) { return &model; }
