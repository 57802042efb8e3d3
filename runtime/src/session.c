/*===- runtime/src/session.c -------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * One inference at a time: holds the dims, the workspace and the outputs between calls.
 *===--------------------------------------------------------------------------------===*/
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#include "internal.h"

#include <string.h>
#include <time.h>

enum { Alignment = 64 };

/* Memory that only grows, so that a session which sees the same shapes again allocates nothing. */
typedef struct Buffer {
  void *data;
  uint64_t size;
} Buffer;

typedef struct Output {
  Buffer own;
  void *lent; /* the caller's memory, or NULL */
  uint64_t lentSize;
} Output;

struct onnxc_session {
  const onnxc_model *model;
  onnxc_allocator allocator;
  onnxc_call call;
  int32_t cancelled; /* atomic: call.cancel points here */
  int64_t limit;     /* nanoseconds that a run may take, or 0 */
  Buffer workspace;
  Output *outputs;
  onnxc_tensor *inputs; /* call.inputs, writable */
  uint8_t *isSet;       /* per input: onnxc_set_input has been called */
  int planned;
  int hasRun;  /* since it was planned, without an error */
  size_t size; /* of the block that holds this struct and all its arrays */
};

/* Places `count` elements of `size` bytes at the end of a block of `*used` bytes, all of 8-byte alignment. */
static size_t place(size_t *used, uint64_t count, size_t size) {
  size_t at = *used;
  *used = (at + count * size + 7) & ~(size_t)7;
  return at;
}

onnxc_status onnxc_session_create(onnxc_library *library, const onnxc_pool *pool, onnxc_session **result,
                                  onnxc_error *error) {
  if (!library || !result)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "no library or no place for the result");
  *result = NULL;
  const onnxc_model *model = library->model;
  uint64_t dimCount = 0;
  for (uint64_t i = 0; i < model->input_count; ++i)
    dimCount += (uint64_t)model->inputs[i].rank;
  for (uint64_t i = 0; i < model->output_count; ++i)
    dimCount += (uint64_t)model->outputs[i].rank;

  size_t used = sizeof(onnxc_session);
  size_t inputs = place(&used, model->input_count, sizeof(onnxc_tensor));
  size_t outputs = place(&used, model->output_count, sizeof(onnxc_tensor));
  size_t memories = place(&used, model->output_count, sizeof(Output));
  size_t dims = place(&used, dimCount, sizeof(int64_t));
  size_t ranks = place(&used, onnxc_rank_output_count(model), sizeof(int64_t));
  size_t isSet = place(&used, model->input_count, 1);
  char *block = library->allocator.allocate(library->allocator.self, Alignment, used);
  if (!block)
    return onnxc_fail(error, ONNXC_ERROR_MEMORY, "out of memory");
  memset(block, 0, used);

  onnxc_session *session = (onnxc_session *)block;
  session->model = model;
  session->allocator = library->allocator;
  session->size = used;
  session->inputs = (onnxc_tensor *)(block + inputs);
  session->outputs = (Output *)(block + memories);
  session->isSet = (uint8_t *)(block + isSet);
  session->call.struct_size = sizeof(onnxc_call);
  session->call.error_site = -1;
  session->call.inputs = session->inputs;
  session->call.outputs = (onnxc_tensor *)(block + outputs);
  session->call.weights = library->weights;
  session->call.pool = pool;
  session->call.allocator = &session->allocator;
  session->call.ranks = (int64_t *)(block + ranks);
  session->call.cancel = &session->cancelled;
  int64_t *next = (int64_t *)(block + dims);
  for (uint64_t i = 0; i < model->input_count; next += model->inputs[i++].rank)
    session->inputs[i].dims = next;
  for (uint64_t i = 0; i < model->output_count; next += model->outputs[i++].rank)
    session->call.outputs[i].dims = next;
  *result = session;
  return ONNXC_OK;
}

static void release(onnxc_session *session, Buffer *buffer) {
  if (buffer->data)
    session->allocator.release(session->allocator.self, buffer->data, buffer->size);
  buffer->data = NULL;
  buffer->size = 0;
}

static int grow(onnxc_session *session, Buffer *buffer, uint64_t size) {
  if (size <= buffer->size)
    return 1;
  release(session, buffer);
  buffer->data = session->allocator.allocate(session->allocator.self, Alignment, size);
  buffer->size = buffer->data ? size : 0;
  return buffer->data != NULL;
}

/* Gives back what the last run has allocated, before other sizes or values take its place. */
static void releaseOutputs(onnxc_session *session) {
  if (!onnxc_has_release(session->model))
    return;
  if (session->call.kept)
    session->model->release(&session->call);
  session->call.kept = NULL;
  for (uint64_t i = 0; i < session->model->output_count; ++i)
    if (onnxc_is_allocated(&session->model->outputs[i]))
      session->call.outputs[i].data = NULL;
}

void onnxc_session_destroy(onnxc_session *session) {
  if (!session)
    return;
  onnxc_session_trim(session);
  onnxc_allocator allocator = session->allocator;
  allocator.release(allocator.self, session, session->size);
}

void onnxc_session_trim(onnxc_session *session) {
  releaseOutputs(session);
  release(session, &session->workspace);
  for (uint64_t i = 0; i < session->model->output_count; ++i) {
    release(session, &session->outputs[i].own);
    session->call.outputs[i].data = session->outputs[i].lent;
  }
  session->planned = 0;
}

onnxc_status onnxc_set_input(onnxc_session *session, uint64_t index, const void *data, const int64_t *dims,
                             int32_t rank, onnxc_error *error) {
  if (index >= session->model->input_count)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "there is no input %llu: model '%s' has %llu",
                      (unsigned long long)index, session->model->name, (unsigned long long)session->model->input_count);
  const onnxc_value_info *info = &session->model->inputs[index];
  onnxc_tensor *input = &session->inputs[index];
  if (dims || !session->isSet[index]) {
    if (rank != info->rank) {
      char want[256];
      onnxc_describe(session->model, info, NULL, want, sizeof(want));
      return onnxc_fail(error, ONNXC_ERROR_SHAPE, "input '%s' has %d dimensions, the model expects %s", info->name,
                        (int)rank, want);
    }
    if (rank && !dims)
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "input '%s' has no dims", info->name);
    size_t size = (size_t)rank * sizeof(int64_t);
    if (size && (!session->isSet[index] || memcmp(input->dims, dims, size) != 0)) {
      memcpy(input->dims, dims, size);
      session->planned = 0;
    }
    session->isSet[index] = 1;
  }
  input->data = (void *)(uintptr_t)data; /* the table has one tensor type for both; models only read their inputs */
  return ONNXC_OK;
}

onnxc_status onnxc_set_output(onnxc_session *session, uint64_t index, void *data, uint64_t size, onnxc_error *error) {
  if (index >= session->model->output_count)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "there is no output %llu: model '%s' has %llu",
                      (unsigned long long)index, session->model->name,
                      (unsigned long long)session->model->output_count);
  if (data && onnxc_is_allocated(&session->model->outputs[index]))
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT,
                      "output '%s' can't be written to the caller's memory: its size is only known after the run",
                      session->model->outputs[index].name);
  session->outputs[index].lent = data;
  session->outputs[index].lentSize = data ? size : 0;
  session->planned = 0;
  return ONNXC_OK;
}

onnxc_status onnxc_plan(onnxc_session *session, onnxc_error *error) {
  const onnxc_model *model = session->model;
  session->planned = session->hasRun = 0;
  for (uint64_t i = 0; i < model->input_count; ++i)
    if (!session->isSet[i])
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "input '%s' is not set", model->inputs[i].name);
  releaseOutputs(session);
  session->call.workspace_size = 0;
  onnxc_status status = onnxc_call_plan(model, &session->call, error);
  if (status != ONNXC_OK)
    return status;
  if (!grow(session, &session->workspace, session->call.workspace_size))
    return onnxc_fail(error, ONNXC_ERROR_MEMORY, "no memory for a workspace of %llu bytes",
                      (unsigned long long)session->call.workspace_size);
  session->call.workspace = session->workspace.data;
  for (uint64_t i = 0; i < model->output_count; ++i) {
    onnxc_tensor *tensor = &session->call.outputs[i];
    Output *output = &session->outputs[i];
    if (onnxc_is_allocated(&model->outputs[i]))
      continue;
    uint64_t size = (uint64_t)onnxc_byte_size(model->outputs[i].type, model->outputs[i].rank, tensor->dims);
    if (output->lent && size > output->lentSize)
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "output '%s' needs %llu bytes, its memory has %llu",
                        model->outputs[i].name, (unsigned long long)size, (unsigned long long)output->lentSize);
    if (!output->lent && !grow(session, &output->own, size))
      return onnxc_fail(error, ONNXC_ERROR_MEMORY, "no memory for output '%s' of %llu bytes", model->outputs[i].name,
                        (unsigned long long)size);
    tensor->data = output->lent ? output->lent : output->own.data;
  }
  session->planned = 1;
  return ONNXC_OK;
}

void onnxc_cancel(onnxc_session *session, int cancelled) {
  __atomic_store_n(&session->cancelled, cancelled != 0, __ATOMIC_RELAXED);
}

void onnxc_set_time_limit(onnxc_session *session, int64_t nanoseconds) {
  session->limit = nanoseconds > 0 ? nanoseconds : 0;
}

void onnxc_set_pixel_limit(onnxc_session *session, uint64_t pixels) { session->call.most_pixels = pixels; }

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

onnxc_status onnxc_run(onnxc_session *session, onnxc_error *error) {
  session->call.clock = session->limit ? now : NULL;
  if (session->limit && __builtin_add_overflow(now(), session->limit, &session->call.deadline))
    session->call.deadline = INT64_MAX;
  if (!session->planned || session->model->plan_input_count) { /* data may have changed in place, and sizes with it */
    onnxc_status status = onnxc_plan(session, error);
    if (status != ONNXC_OK)
      return status;
  }
  releaseOutputs(session);
  onnxc_status status = onnxc_call_run(session->model, &session->call, error);
  session->hasRun = status == ONNXC_OK;
  if (status != ONNXC_OK)
    releaseOutputs(session); /* nothing is kept, and nobody shall look at what there was */
  return status;
}

onnxc_tensor onnxc_output(const onnxc_session *session, uint64_t index) {
  if (index >= session->model->output_count)
    return (onnxc_tensor){NULL, NULL};
  onnxc_tensor output = session->call.outputs[index];
  output.dims += session->model->outputs[index].rank - onnxc_output_rank(session, index);
  return output;
}

int32_t onnxc_output_rank(const onnxc_session *session, uint64_t index) {
  const onnxc_model *model = session->model;
  if (index >= model->output_count)
    return 0;
  for (uint64_t i = 0; session->hasRun && i < onnxc_rank_output_count(model); ++i)
    if (model->rank_outputs[i] == index)
      return (int32_t)session->call.ranks[i];
  return model->outputs[index].rank;
}

uint64_t onnxc_workspace_size(const onnxc_session *session) { return session->call.workspace_size; }
