/*===- runtime/demo/handwritten_module.c -------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * What onnxc writes, written by hand: the shortest model of tensors with every part of the interface that they use.
 *===--------------------------------------------------------------------------------===
 *
 *   inputs    x: float32[n,4]   row: int64[]
 *   outputs   y: float32[n,4] = a * x + b        picked: float32[4] = y[row]
 *
 * `n` is a symbolic dimension, `a` and `b` are weights, `a * x` goes through the workspace (a compiler would fuse it),
 *the loop over rows runs on the caller's threads, and a row that does not exist is an error that names its node.
 *
 *   cc -std=c11 -O2 -I runtime/include -shared -fPIC -fvisibility=hidden runtime/demo/handwritten_module.c -o demo.so
 *   onnxc-run demo.so --dim n=3
 */
#include "onnxc/abi.h"

enum { Columns = 4 };
enum { SiteGather }; /* indices into errorSites */

typedef struct Weights {
  float a[Columns], b[Columns];
} Weights;
#ifndef DEMO_EXTERNAL_WEIGHTS
static const Weights weights = {{1, 2, 3, 4}, {0.5f, 0.5f, 0.5f, 0.5f}};
#endif

/* plan() sees dims only. It writes the outputs' dims and how much workspace run() will want. */
static int32_t plan(onnxc_call *call) {
  int64_t n = call->inputs[0].dims[0];
  call->outputs[0].dims[0] = n;
  call->outputs[0].dims[1] = Columns;
  call->outputs[1].dims[0] = Columns;
  call->workspace_size = (uint64_t)n * Columns * sizeof(float);
  return ONNXC_OK;
}

/* A loop body for the pool: everything it needs is reached through `context`. */
static void scaleRow(void *context, int64_t i, int32_t worker) {
  const onnxc_call *call = context;
  const Weights *w = call->weights;
  const float *x = (const float *)call->inputs[0].data + i * Columns;
  float *scaled = (float *)call->workspace + i * Columns;
  float *y = (float *)call->outputs[0].data + i * Columns;
  (void)worker;
  for (int j = 0; j < Columns; ++j)
    scaled[j] = w->a[j] * x[j];
  for (int j = 0; j < Columns; ++j)
    y[j] = scaled[j] + w->b[j];
}

/* What run() looks at from time to time: the caller may not want the outputs any more. An older caller can't say so. */
static int32_t stop(const onnxc_call *call) {
  if (!ONNXC_HAS(onnxc_call, call, deadline))
    return ONNXC_OK;
  if (call->cancel && __atomic_load_n(call->cancel, __ATOMIC_RELAXED))
    return ONNXC_ERROR_CANCELLED;
  return call->clock && call->clock() >= call->deadline ? ONNXC_ERROR_DEADLINE : ONNXC_OK;
}

static int32_t run(onnxc_call *call) {
  int64_t n = call->inputs[0].dims[0];
  int32_t status = stop(call);
  if (status != ONNXC_OK)
    return status;
  if (call->pool)
    call->pool->parallel_for(call->pool->self, n, scaleRow, call);
  else
    for (int64_t i = 0; i < n; ++i)
      scaleRow(call, i, 0);

  int64_t row = *(const int64_t *)call->inputs[1].data;
  if (row < -n || row >= n) {
    call->error_site = SiteGather;
    return ONNXC_ERROR_RUN;
  }
  const float *y = (const float *)call->outputs[0].data + (row < 0 ? row + n : row) * Columns;
  for (int j = 0; j < Columns; ++j)
    ((float *)call->outputs[1].data)[j] = y[j];
  return ONNXC_OK;
}

/* The tables. A dimension is a size, a symbol, or computed. Inputs and outputs are in the order of the ONNX graph. */
static const int64_t rowsDims[] = {ONNXC_DIM_SYMBOL(0), Columns};
static const int64_t pickedDims[] = {Columns};
static const onnxc_value_info inputs[] = {{"x", ONNXC_FLOAT, 2, rowsDims}, {"row", ONNXC_INT64, 0, 0}};
static const onnxc_value_info outputs[] = {{"y", ONNXC_FLOAT, 2, rowsDims}, {"picked", ONNXC_FLOAT, 1, pickedDims}};
static const char *const symbols[] = {"n"};
static const char *const errorSites[] = {[SiteGather] = "node 'pick' (Gather): index out of range"};
static const char *const metadata[] = {"author", "a person"};

static const onnxc_model model = {
    .abi_version = ONNXC_ABI_VERSION,
    .struct_size = sizeof(onnxc_model),
#ifdef demo_version /* another version of the file */
    .name = demo_version,
#else
    .name = "demo",
#endif
    .target = "any",
#ifdef DEMO_FEATURES /* "+avx2,+fma" */
    .features = DEMO_FEATURES,
#else
    .features = "",
#endif
    .input_count = 2,
    .inputs = inputs,
    .output_count = 2,
    .outputs = outputs,
    .symbol_count = 1,
    .symbols = symbols,
#ifdef DEMO_EXTERNAL_WEIGHTS /* demo.weights: the 32 bytes of `weights`, above */
    .weights_file = "demo.weights",
#else
    .weights = &weights,
#endif
    .weights_size = sizeof(Weights),
    .weights_hash = 0x10105a9797299555u,
    .error_site_count = 1,
    .error_sites = errorSites,
    .metadata_count = 1,
    .metadata = metadata,
    .plan = plan,
    .run = run,
    .plan_input_count = 0, /* no size depends on `row` */
    .producer = "a person",
    .options = "",
};

/* The only symbols that leave the model. In a program with several models each has its own prefix. */
__attribute__((visibility("default"))) const onnxc_model *demo_model(void) { return &model; }
__attribute__((visibility("default"))) const onnxc_model *onnxc_model_entry(void) { return &model; }
