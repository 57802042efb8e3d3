/* The runtime library: opens compiled models, checks what a caller hands to them, and runs them on threads.
 *
 * A program that knows its model at compile time needs none of it: the generated PREFIX.h calls the model directly.
 * This library is for programs that open any model by file name, or want checked arguments, error texts or a thread
 * pool.
 *
 *   onnxc_error error;
 *   onnxc_library *library;
 *   onnxc_session *session;
 *   if (onnxc_open("model.so", NULL, &library, &error) || onnxc_session_create(library, NULL, &session, &error))
 *     return fprintf(stderr, "%s\n", error.text), 1;
 *   onnxc_set_input(session, 0, pixels, (int64_t[]){1, 3, 224, 224}, 4, &error) ||
 *       onnxc_plan(session, &error) || onnxc_run(session, &error);
 *   const float *scores = onnxc_output(session, 0).data;
 *
 * There is no global state. A library may be used by any number of threads at once, a session by one at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef ONNXC_RUNTIME_H
#define ONNXC_RUNTIME_H

#include "onnxc/abi.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__) /* what libonnxc_runtime.so shows; all else in it is hidden */
#pragma GCC visibility push(default)
#endif

/* Where a function says what went wrong, in one line of English without a final newline. Every function that takes one
 * accepts NULL, and writes it only when it returns something other than ONNXC_OK. */
typedef struct onnxc_error {
  char text[512];
} onnxc_error;

/* What to do differently when opening; a NULL pointer means all of it zero. */
typedef struct onnxc_options {
  const onnxc_allocator *allocator; /* of the library and its sessions; must be usable from every thread that uses the
                                       library. NULL: the C library's. Copied, `self` must outlive the library */
  const char *weights_path;         /* NULL: the model's own weights_file in the model's folder */
  int skip_weights_hash;            /* 1: don't read the whole weights file to compare its hash, only its size */
} onnxc_options;

/* ---- Models ---- */

typedef struct onnxc_library onnxc_library;

/* Opens a compiled model by file name (a path without '/' is one in the current folder). Checks that the file is a
 * shared library for this machine, the version of its binary interface, that the processor has the features it was
 * compiled for, and that its weights file, if it has one, is the right one. Nothing is copied: weights are mapped. */
onnxc_status onnxc_open(const char *path, const onnxc_options *options, onnxc_library **library, onnxc_error *error);

/* The same for a model that is linked into the program: onnxc_open_linked(PREFIX_model(), ...). A weights file is
 * looked for in the current folder unless options say where. */
onnxc_status onnxc_open_linked(const onnxc_model *model, const onnxc_options *options, onnxc_library **library,
                               onnxc_error *error);

/* Closes a library (NULL is fine). Its sessions must be destroyed before. */
void onnxc_close(onnxc_library *library);

/* The model's own description: names, types and dims of inputs and outputs, symbols, target, metadata. */
const onnxc_model *onnxc_library_model(const onnxc_library *library);

/* Where the weights are in memory: what belongs into onnxc_call.weights. */
const void *onnxc_library_weights(const onnxc_library *library);

/* Whether this program and processor can use the model: ABI version, struct size, processor features. onnxc_open does
 * this; it is here for programs that call a linked model through its PREFIX.h alone. */
onnxc_status onnxc_check(const onnxc_model *model, onnxc_error *error);

/* Index of the input, output or symbol of that name, or -1. */
int64_t onnxc_find_input(const onnxc_model *model, const char *name);
int64_t onnxc_find_output(const onnxc_model *model, const char *name);
int64_t onnxc_find_symbol(const onnxc_model *model, const char *name);

/* The bytes of one element and the usual name ("float32"); 0 and "unknown" for other numbers. Of what isn't a tensor:
 * 0 and "sequence", "optional" or "map". */
size_t onnxc_type_size(int32_t type);
const char *onnxc_type_name(int32_t type);

/* Writes "float32[batch,3,224,224]" or "sequence of float32[...]" or "map int64 -> float32" for an input or output;
 * `dims` (may be NULL) replace what is not fixed. Returns the length without the final zero that the whole text has, as
 * snprintf does. */
int onnxc_describe(const onnxc_model *model, const onnxc_value_info *value, const int64_t *dims, char *text,
                   size_t size);

/* ---- Sessions: one for everything that runs at the same time ---- */

typedef struct onnxc_session onnxc_session;

/* Makes room for one inference at a time. `pool` (NULL: the calling thread does everything) must outlive the session.
 */
onnxc_status onnxc_session_create(onnxc_library *library, const onnxc_pool *pool, onnxc_session **session,
                                  onnxc_error *error);
void onnxc_session_destroy(onnxc_session *session);

/* Gives the memory back that the session holds for workspace and outputs, which only grows: after one input that was
 * much bigger than the others. What onnxc_output has shown is gone; the next run gets what it needs. */
void onnxc_session_trim(onnxc_session *session);

/* Sets an input's memory and shape. The data is not copied; it is read by onnxc_run, and by onnxc_plan where sizes
 * depend on it (onnxc_model.plan_inputs). Changing only the data (the same dims, or dims NULL) needs no new onnxc_plan:
 * where sizes may have changed with it, onnxc_run plans again. Where the model's type isn't a tensor, `data` is a
 * `const onnxc_value *`, `dims` NULL and `rank` 0; onnxc_run checks the whole value before the model sees it. */
onnxc_status onnxc_set_input(onnxc_session *session, uint64_t index, const void *data, const int64_t *dims,
                             int32_t rank, onnxc_error *error);

/* Lets onnxc_run write an output to the caller's memory of `size` bytes, instead of the session's. NULL: the session's
 * again. Not for outputs whose size only the run knows (see onnxc_tensor): that is an error. */
onnxc_status onnxc_set_output(onnxc_session *session, uint64_t index, void *data, uint64_t size, onnxc_error *error);

/* Checks the inputs' dims (an error names the input and the dimension), computes the outputs' dims, and gets memory for
 * the workspace and for outputs that the caller has not provided. Inputs of onnxc_model.plan_inputs must have data. */
onnxc_status onnxc_plan(onnxc_session *session, onnxc_error *error);

/* Computes the outputs. Plans before if that is due; in a model whose sizes depend on values it always is. */
onnxc_status onnxc_run(onnxc_session *session, onnxc_error *error);

/* Ends the run that is under way as soon as the model looks (ONNXC_ERROR_CANCELLED), and those that begin later, until
 * it is called with 0. The one function of a session that any thread may call while another one runs it. */
void onnxc_cancel(onnxc_session *session, int cancelled);

/* Lets every later onnxc_run of the session take that long: one that isn't done by then ends with ONNXC_ERROR_DEADLINE
 * as soon as the model looks. 0: no limit. */
void onnxc_set_time_limit(onnxc_session *session, int64_t nanoseconds);

/* Lets models that decode images take as many pixels as this: one with more ends the run. 0: as many as onnxc_call
 * says. */
void onnxc_set_pixel_limit(onnxc_session *session, uint64_t pixels);

/* Dims (after onnxc_plan) and data (after onnxc_run) of an output. Where only the run knows the size (see
 * onnxc_tensor), dims are -1 before it, and the data lasts until the session's next onnxc_plan or onnxc_run. */
onnxc_tensor onnxc_output(const onnxc_session *session, uint64_t index);

/* How many dims an output has: its onnxc_value_info.rank, or fewer after a run where only the run knows
 * (onnxc_model.rank_outputs); onnxc_output's dims are then these. */
int32_t onnxc_output_rank(const onnxc_session *session, uint64_t index);

/* Bytes of scratch memory that the last onnxc_plan asked for. */
uint64_t onnxc_workspace_size(const onnxc_session *session);

/* ---- The same, unwrapped, for programs that bring all memory themselves ---- */

/* Checks call->inputs[].dims against the model and that model->plan_inputs have data, then calls its plan(). Reads and
 * writes nothing else. */
onnxc_status onnxc_call_plan(const onnxc_model *model, onnxc_call *call, onnxc_error *error);
/* Checks that nothing is NULL that run() needs, then calls it. The error text names the node that failed. */
onnxc_status onnxc_call_run(const onnxc_model *model, onnxc_call *call, onnxc_error *error);

/* ---- Threads ---- */

/* A pool of `threads` threads, the calling one included; 0: as many as this process may use processors. Waiting threads
 * spin for some microseconds, then sleep. Several sessions may share one pool: while it is busy with one of them, the
 * others work on their own thread, as do nested calls. NULL when the threads can't be had. */
onnxc_pool *onnxc_pool_create(int32_t threads);
void onnxc_pool_destroy(onnxc_pool *pool);

/* How many loops have found such a pool busy with another session's, and so were computed by one thread. */
uint64_t onnxc_pool_busy_count(const onnxc_pool *pool);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
