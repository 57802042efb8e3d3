// RUN: rm -rf %t && mkdir -p %t/external
// RUN: %cc %strict -shared -fPIC -fvisibility=hidden %demo -o %t/demo.so
// RUN: %cc %strict -shared -fPIC -fvisibility=hidden -DDEMO_EXTERNAL_WEIGHTS %demo -o %t/external/demo.so
// RUN: %cc %strict -shared -fPIC -fvisibility=hidden -DDEMO_FEATURES='"+time-travel"' %demo -o %t/unknown.so
// RUN: %cc %strict -shared -fPIC -fvisibility=hidden -DDEMO_FEATURES='"+sse2,-avx512f,+tbm,+fma4"' %demo -o %t/lacking.so
// RUN: %cc %strict -shared -fPIC -fvisibility=hidden -DDEMO_FEATURES='"fma4,amx-complex"' %demo -o %t/lacking-wide.so
// RUN: %cc %strict -shared -fPIC -fvisibility=hidden -Ddemo_version='"demo, second edition"' %demo -o %t/second.so
// RUN: %cc %strict -c -Ddemo_model=first_model -Donnxc_model_entry=first_entry %demo -o %t/first.o
// RUN: %cc %strict -c -Ddemo_model=second_model -Donnxc_model_entry=second_entry %demo -o %t/second.o
// RUN: %cc %strict -fsanitize=address,undefined %s %t/first.o %t/second.o %runtime -o %t/model && %t/model %t
// RUN: %cc %strict -fsanitize=thread -DONLY_CONCURRENCY %s %t/first.o %t/second.o %runtime -o %t/tsan && %t/tsan %t
//
// Opening, checking, planning and running models, all with the hand-written one.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Inputs/expect.h"
#include "Inputs/ledger.h"
#include "src/internal.h"

#include <pthread.h>

const onnxc_model *first_model(void);
const onnxc_model *second_model(void);

static const char *folder;
static onnxc_error error;

static const char *in(const char *name) {
  static char paths[16][4096];
  static int next;
  char *path = paths[next++ % 16];
  snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
  return path;
}

static void expectRun(onnxc_library *library, const onnxc_pool *pool, int64_t n) {
  onnxc_error problem; /* called from several threads */
  onnxc_session *session;
  float *x = malloc((size_t)(n * 4) * sizeof(float));
  int64_t row = n - 1;
  for (int64_t i = 0; i < n * 4; ++i)
    x[i] = (float)i;
  EXPECT(onnxc_session_create(library, pool, &session, &problem) == ONNXC_OK);
  EXPECT(onnxc_set_input(session, 0, x, (int64_t[]){n, 4}, 2, &problem) == ONNXC_OK);
  EXPECT(onnxc_set_input(session, 1, &row, NULL, 0, &problem) == ONNXC_OK);
  EXPECT(onnxc_run(session, &problem) == ONNXC_OK);
  onnxc_tensor y = onnxc_output(session, 0), picked = onnxc_output(session, 1);
  EXPECT(y.dims[0] == n && y.dims[1] == 4 && picked.dims[0] == 4);
  EXPECT(onnxc_workspace_size(session) == (uint64_t)n * 16);
  EXPECT((uintptr_t)y.data % 64 == 0);
  for (int64_t i = 0; i < n * 4; ++i)
    EXPECT(((float *)y.data)[i] == (float)(i % 4 + 1) * x[i] + 0.5f);
  for (int j = 0; j < 4; ++j)
    EXPECT(((float *)picked.data)[j] == ((float *)y.data)[row * 4 + j]);
  onnxc_session_destroy(session);
  free(x);
}

typedef struct Job {
  onnxc_library *library;
  onnxc_pool *pool;
} Job;

static void *runMany(void *context) {
  Job *job = context;
  for (int64_t n = 1; n < 200; ++n)
    expectRun(job->library, job->pool, n);
  return NULL;
}

/* Two models, six threads, one pool. */
static void concurrency(void) {
  onnxc_library *libraries[2];
  onnxc_pool *pool = onnxc_pool_create(3);
  EXPECT(onnxc_open(in("demo.so"), NULL, &libraries[0], &error) == ONNXC_OK);
  EXPECT(onnxc_open_linked(second_model(), NULL, &libraries[1], &error) == ONNXC_OK);
  pthread_t threads[6];
  Job jobs[6];
  for (int i = 0; i < 6; ++i) {
    jobs[i] = (Job){libraries[i % 2], i < 4 ? pool : NULL};
    pthread_create(&threads[i], NULL, runMany, &jobs[i]);
  }
  for (int i = 0; i < 6; ++i)
    pthread_join(threads[i], NULL);
  onnxc_close(libraries[0]);
  onnxc_close(libraries[1]);
  onnxc_pool_destroy(pool);
}

#ifndef ONLY_CONCURRENCY
static void copyFile(const char *from, const char *to, long limit) {
  FILE *source = fopen(from, "rb"), *target = fopen(to, "wb");
  for (int c; source && target && limit-- && (c = fgetc(source)) != EOF;)
    fputc(c, target);
  fclose(source);
  fclose(target);
}

static void writeWeights(const char *path, size_t size, float first) {
  float weights[9] = {first, 2, 3, 4, 0.5f, 0.5f, 0.5f, 0.5f};
  FILE *file = fopen(path, "wb");
  fwrite(weights, 1, size, file);
  fclose(file);
}

static void expectOpenFails(const char *path, const onnxc_options *options, onnxc_status status, const char *text) {
  onnxc_library *library = (onnxc_library *)&error; /* must be overwritten */
  EXPECT(onnxc_open(path, options, &library, &error) == status);
  EXPECT(library == NULL);
  EXPECT_TEXT(error.text, text);
}

static void opening(void) {
  onnxc_library *library;
  EXPECT(onnxc_open(in("demo.so"), NULL, &library, &error) == ONNXC_OK);
  const onnxc_model *model = onnxc_library_model(library);
  EXPECT(!strcmp(model->name, "demo") && model->input_count == 2 && model->output_count == 2);
  EXPECT(onnxc_find_input(model, "row") == 1 && onnxc_find_output(model, "y") == 0 &&
         onnxc_find_symbol(model, "n") == 0);
  EXPECT(onnxc_find_input(model, "nobody") == -1);
  char text[64];
  EXPECT(onnxc_describe(model, &model->inputs[0], NULL, text, sizeof(text)) == 12 && !strcmp(text, "float32[n,4]"));
  EXPECT(onnxc_describe(model, &model->inputs[0], (int64_t[]){7, 4}, text, 8) == 12 && !strcmp(text, "float32"));
  EXPECT(onnxc_describe(model, &model->inputs[1], NULL, NULL, 0) == 7);
  expectRun(library, NULL, 5);
  onnxc_close(library);
  onnxc_close(NULL);

  expectOpenFails(in("absent.so"), NULL, ONNXC_ERROR_FILE, "can't open");
  expectOpenFails(folder, NULL, ONNXC_ERROR_FILE, "is not a file");
  expectOpenFails(in("first.o"), NULL, ONNXC_ERROR_FILE, "is not a shared library");
  expectOpenFails(NULL, NULL, ONNXC_ERROR_ARGUMENT, "no path");
  writeWeights(in("text.so"), 20, 1);
  expectOpenFails(in("text.so"), NULL, ONNXC_ERROR_FILE, "is not a compiled model");
  copyFile(in("demo.so"), in("truncated.so"), 4096);
  expectOpenFails(in("truncated.so"), NULL, ONNXC_ERROR_FILE, "is truncated");
  copyFile(in("demo.so"), in("foreign.so"), -1);
  FILE *file = fopen(in("foreign.so"), "r+b");
  fseek(file, 18, SEEK_SET);
  fputc(243, file); /* RISC-V */
  fclose(file);
  expectOpenFails(in("foreign.so"), NULL, ONNXC_ERROR_UNSUPPORTED, "is compiled for RISC-V");
  expectOpenFails(in("unknown.so"), NULL, ONNXC_ERROR_UNSUPPORTED, "'time-travel', which this runtime does not know");
#if defined(__x86_64__)
  expectOpenFails(
      in("lacking.so"), NULL, ONNXC_ERROR_UNSUPPORTED,
      "lacking.so' was compiled for a processor with fma4, which this one lacks: compile it with -mcpu=x86-64-v2");
  expectOpenFails(in("lacking-wide.so"), NULL, ONNXC_ERROR_UNSUPPORTED,
                  "a processor with AMX (amx-complex), which this one lacks: compile it with -mcpu=x86-64-v3");
#endif
}

/* A file that is replaced while the old one is open. */
static void replacing(void) {
  onnxc_library *libraries[4];
  static const char *const names[] = {"demo", "demo, second edition", "demo, second edition", "demo"};
  const char *path = in("replaced.so"), *next = in("next.so");
  for (int i = 0; i < 4; ++i) {
    if (i != 2) { /* the third time it is the same file again */
      copyFile(in(i == 1 ? "second.so" : "demo.so"), next, -1);
      EXPECT(rename(next, path) == 0);
    }
    EXPECT(onnxc_open(path, NULL, &libraries[i], &error) == ONNXC_OK);
  }
  for (int i = 0; i < 4; ++i)
    EXPECT(!strcmp(onnxc_library_model(libraries[i])->name, names[i]));
  EXPECT(onnxc_library_model(libraries[1]) == onnxc_library_model(libraries[2])); /* loaded once */
  EXPECT(onnxc_library_model(libraries[0]) != onnxc_library_model(libraries[3]));
  for (int i = 0; i < 4; ++i) {
    expectRun(libraries[i], NULL, 3);
    onnxc_close(libraries[i]);
  }
}

static void versions(void) {
  onnxc_model model = *first_model();
  EXPECT(onnxc_check(&model, &error) == ONNXC_OK);
  model.struct_size = sizeof(model) + 8; /* a later compiler, the same version: fields at the end */
  EXPECT(onnxc_check(&model, &error) == ONNXC_OK);
  model.struct_size = offsetof(onnxc_model, release); /* an earlier one, that could not allocate */
  EXPECT(onnxc_check(&model, &error) == ONNXC_OK);
  model.struct_size -= 8;
  EXPECT(onnxc_check(&model, &error) == ONNXC_ERROR_UNSUPPORTED);
  model.struct_size = sizeof(model);
  model.abi_version = 99;
  EXPECT(onnxc_check(&model, &error) == ONNXC_ERROR_UNSUPPORTED);
  EXPECT_TEXT(error.text, "version 99");
  EXPECT(onnxc_check(NULL, NULL) == ONNXC_ERROR_ARGUMENT);
}

static void externalWeights(void) {
  onnxc_library *library;
  const char *path = in("external/demo.so");
  expectOpenFails(path, NULL, ONNXC_ERROR_FILE, "demo.weights', the weights of model 'demo': No such file");
  writeWeights(in("external/demo.weights"), 28, 1);
  expectOpenFails(path, NULL, ONNXC_ERROR_FILE, "28 bytes, expected 32");
  writeWeights(in("external/demo.weights"), 32, 9);
  expectOpenFails(path, NULL, ONNXC_ERROR_FILE, "its content differs");
  EXPECT(onnxc_open(path, &(onnxc_options){.skip_weights_hash = 1}, &library, &error) == ONNXC_OK);
  onnxc_close(library);
  writeWeights(in("external/demo.weights"), 32, 1);
  EXPECT(onnxc_open(path, NULL, &library, &error) == ONNXC_OK);
  expectRun(library, NULL, 3);
  onnxc_close(library);
  writeWeights(in("elsewhere"), 32, 1);
  char elsewhere[4096];
  snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", folder);
  EXPECT(onnxc_open(path, &(onnxc_options){.weights_path = elsewhere}, &library, &error) == ONNXC_OK);
  EXPECT(((const float *)onnxc_library_weights(library))[3] == 4);
  onnxc_close(library);
}

static void hashing(void) {
  EXPECT(onnxc_hash("", 0) == 0xef46db3751d8e999u);
  EXPECT(onnxc_hash("abc", 3) == 0x44bc2cf5ad770999u);
  const char *sentence = "Nobody inspects the spammish repetition";
  EXPECT(onnxc_hash(sentence, strlen(sentence)) == 0xfbcea83c8a378bf1u);
  for (size_t piece = 1; piece <= strlen(sentence); ++piece) { /* in pieces, as the compiler hashes */
    onnxc_hasher hasher;
    onnxc_hash_start(&hasher);
    for (size_t at = 0; at < strlen(sentence); at += piece) {
      size_t left = strlen(sentence) - at;
      onnxc_hash_update(&hasher, sentence + at, left < piece ? left : piece);
    }
    EXPECT(onnxc_hash_finish(&hasher) == 0xfbcea83c8a378bf1u);
  }
}

/* A model of two inputs that share a symbol, to see what the checks say of it. */
static int32_t planNothing(onnxc_call *call) {
  call->workspace_size = 0;
  return ONNXC_OK;
}

static void shapes(void) {
  static const int64_t dimsA[] = {ONNXC_DIM_SYMBOL(0), 3}, dimsB[] = {ONNXC_DIM_SYMBOL(1), ONNXC_DIM_SYMBOL(0)};
  static const onnxc_value_info infos[] = {{"a", ONNXC_FLOAT, 2, dimsA}, {"b", ONNXC_INT8, 2, dimsB}};
  static const char *const names[] = {"batch", ""};
  onnxc_model model = {
      .name = "two", .input_count = 2, .inputs = infos, .symbol_count = 2, .symbols = names, .plan = planNothing};
  int64_t a[] = {2, 3}, b[] = {7, 2};
  onnxc_tensor inputs[] = {{NULL, a}, {NULL, b}};
  onnxc_call call = {.struct_size = sizeof(call), .inputs = inputs};
  EXPECT(onnxc_call_plan(&model, &call, &error) == ONNXC_OK);
  b[1] = 5;
  EXPECT(onnxc_call_plan(&model, &call, &error) == ONNXC_ERROR_SHAPE);
  EXPECT_TEXT(error.text, "input 'b': dimension 1 ('batch') is 5, but it is 2 in dimension 0 of input 'a'");
  b[1] = 2, a[1] = 4;
  EXPECT(onnxc_call_plan(&model, &call, &error) == ONNXC_ERROR_SHAPE);
  EXPECT_TEXT(error.text, "input 'a': dimension 1 is 4, the model was compiled for 3");
  a[1] = 3, b[0] = -1;
  EXPECT(onnxc_call_plan(&model, &call, &error) == ONNXC_ERROR_SHAPE);
  EXPECT_TEXT(error.text, "input 'b': dimension 0 is negative (-1)");
  b[0] = INT64_MAX;
  EXPECT(onnxc_call_plan(&model, &call, &error) == ONNXC_ERROR_SHAPE);
  EXPECT_TEXT(error.text, "input 'b' is too big");
  b[0] = 7;
  static const uint64_t second[] = {1};
  model.plan_input_count = 1, model.plan_inputs = second;
  EXPECT(onnxc_call_plan(&model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "input 'b' has no data, and sizes depend on it");
  inputs[1].data = b;
  EXPECT(onnxc_call_plan(&model, &call, &error) == ONNXC_OK);
  inputs[1].dims = NULL;
  EXPECT(onnxc_call_plan(&model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "input 'b' has no dims");
  call.struct_size = 8;
  EXPECT(onnxc_call_plan(&model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  char text[64];
  onnxc_describe(&model, &infos[1], NULL, text, sizeof(text));
  EXPECT(!strcmp(text, "int8[symbol 1,batch]"));
  EXPECT(onnxc_byte_size(ONNXC_DOUBLE, 3, (int64_t[]){INT64_MAX, 2, 0}) == 0);
  EXPECT(onnxc_byte_size(ONNXC_DOUBLE, 0, NULL) == 8);
}

/* What a session holds is that of its biggest run, until it is trimmed. */
static void trimming(void) {
  Ledger ledger = {1 << 20, 0};
  onnxc_allocator allocator = {&ledger, allocateCounted, releaseCounted};
  onnxc_library *library;
  onnxc_session *session;
  static float x[4000];
  int64_t row = 0;
  EXPECT(onnxc_open_linked(first_model(), &(onnxc_options){.allocator = &allocator}, &library, &error) == ONNXC_OK);
  EXPECT(onnxc_session_create(library, NULL, &session, &error) == ONNXC_OK);
  EXPECT(onnxc_set_input(session, 1, &row, NULL, 0, &error) == ONNXC_OK);
  int64_t empty = ledger.bytes, small = 0, sizes[] = {2, 1000, 2};
  for (int i = 0; i < 3; ++i) {
    EXPECT(onnxc_set_input(session, 0, x, (int64_t[]){sizes[i], 4}, 2, &error) == ONNXC_OK);
    EXPECT(onnxc_run(session, &error) == ONNXC_OK);
    small = i ? small : ledger.bytes;
  }
  EXPECT(ledger.bytes > small + 1000);
  onnxc_session_trim(session);
  EXPECT(ledger.bytes == empty && onnxc_output(session, 0).dims);
  EXPECT(onnxc_run(session, &error) == ONNXC_OK && ledger.bytes == small);
  onnxc_session_destroy(session);
  onnxc_close(library);
}

static int64_t ticks;
static int64_t tick(void) { return ++ticks; }

/* What ends a run early, through a session and without. */
static void stopping(void) {
  onnxc_library *library;
  onnxc_session *session;
  float x[4] = {1, 2, 3, 4}, y[4], picked[4], workspace[4];
  int64_t row = 0, xDims[] = {1, 4}, yDims[2], pickedDims[1];
  EXPECT(onnxc_open(in("demo.so"), NULL, &library, &error) == ONNXC_OK);
  EXPECT(onnxc_session_create(library, NULL, &session, &error) == ONNXC_OK);
  EXPECT(onnxc_set_input(session, 0, x, xDims, 2, &error) == ONNXC_OK);
  EXPECT(onnxc_set_input(session, 1, &row, NULL, 0, &error) == ONNXC_OK);
  onnxc_cancel(session, 1);
  EXPECT(onnxc_run(session, &error) == ONNXC_ERROR_CANCELLED);
  EXPECT_TEXT(error.text, "the run of model 'demo' was cancelled");
  onnxc_cancel(session, 0);
  EXPECT(onnxc_run(session, &error) == ONNXC_OK);
  onnxc_set_time_limit(session, 1);
  EXPECT(onnxc_run(session, &error) == ONNXC_ERROR_DEADLINE);
  EXPECT_TEXT(error.text, "the model 'demo' has not been done by its deadline");
  onnxc_set_time_limit(session, INT64_MAX);
  EXPECT(onnxc_run(session, &error) == ONNXC_OK);
  onnxc_set_time_limit(session, 0);
  EXPECT(onnxc_run(session, &error) == ONNXC_OK);
  onnxc_session_destroy(session);

  const onnxc_model *model = onnxc_library_model(library);
  onnxc_tensor inputs[] = {{x, xDims}, {&row, NULL}}, outputs[] = {{y, yDims}, {picked, pickedDims}};
  int32_t cancel = 0;
  onnxc_call call = {.struct_size = sizeof(call),
                     .inputs = inputs,
                     .outputs = outputs,
                     .workspace = workspace,
                     .weights = model->weights,
                     .cancel = &cancel,
                     .clock = tick,
                     .deadline = 3};
  EXPECT(onnxc_call_plan(model, &call, &error) == ONNXC_OK && ticks == 0);
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_OK && ticks == 1);
  cancel = 1;
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_ERROR_CANCELLED);
  call.struct_size = offsetof(onnxc_call, cancel); /* an older caller: what follows isn't there */
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_OK);
  call.struct_size = sizeof(call), cancel = 0;
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_OK);
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_ERROR_DEADLINE && ticks == 3);
  onnxc_close(library);
}

/* A call that lacks something is an error, not the end of the program. */
static void missing(void) {
  float x[12] = {0}, y[12], picked[4];
  int64_t row = 1, xDims[] = {3, 4}, yDims[2], pickedDims[1];
  static _Alignas(64) char workspace[4096];
  const onnxc_model *model = first_model();
  onnxc_tensor inputs[] = {{x, xDims}, {&row, NULL}}, outputs[] = {{y, yDims}, {picked, pickedDims}};
  onnxc_call call = {.struct_size = sizeof(call),
                     .inputs = inputs,
                     .outputs = outputs,
                     .workspace = workspace,
                     .weights = model->weights};
  EXPECT(onnxc_call_plan(model, &call, &error) == ONNXC_OK);
  EXPECT(onnxc_call_run(NULL, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT(onnxc_call_run(model, NULL, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "no model or no call");
  call.inputs = NULL;
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "onnxc_call has no inputs");
  call.inputs = inputs, call.outputs = NULL;
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "onnxc_call has no outputs");
  call.outputs = outputs, inputs[0].data = NULL;
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "input 'x' has no data");
  inputs[0].data = x, inputs[0].dims = NULL;
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "input 'x' has no dims");
  inputs[0].dims = xDims, outputs[0].dims = NULL;
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "has no room for dims");
  outputs[0].dims = yDims, outputs[0].data = NULL;
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "has no memory");
  outputs[0].data = y, call.struct_size = 8;
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_ERROR_ARGUMENT);
  call.struct_size = sizeof(call);
  EXPECT(onnxc_call_run(model, &call, &error) == ONNXC_OK);
}

static void runErrors(void) {
  onnxc_library *library;
  onnxc_session *session;
  float x[12] = {0}, y[12];
  int64_t row = 3;
  EXPECT(onnxc_open_linked(first_model(), NULL, &library, &error) == ONNXC_OK);
  EXPECT(onnxc_session_create(library, NULL, &session, &error) == ONNXC_OK);
  EXPECT(onnxc_run(session, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "input 'x' is not set");
  EXPECT(onnxc_set_input(session, 0, x, (int64_t[]){12}, 1, &error) == ONNXC_ERROR_SHAPE);
  EXPECT_TEXT(error.text, "input 'x' has 1 dimensions, the model expects float32[n,4]");
  EXPECT(onnxc_set_input(session, 2, x, NULL, 0, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT(onnxc_set_input(session, 0, x, (int64_t[]){3, 4}, 2, &error) == ONNXC_OK);
  EXPECT(onnxc_set_input(session, 1, NULL, NULL, 0, &error) == ONNXC_OK);
  EXPECT(onnxc_run(session, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "input 'row' has no data");
  EXPECT(onnxc_set_input(session, 1, &row, NULL, 0, &error) == ONNXC_OK);
  EXPECT(onnxc_run(session, &error) == ONNXC_ERROR_RUN);
  EXPECT_TEXT(error.text, "node 'pick' (Gather): index out of range");
  row = -1;
  EXPECT(onnxc_run(session, &error) == ONNXC_OK);
  EXPECT(onnxc_set_output(session, 0, y, 40, &error) == ONNXC_OK);
  EXPECT(onnxc_run(session, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "output 'y' needs 48 bytes, its memory has 40");
  EXPECT(onnxc_set_output(session, 0, y, 48, &error) == ONNXC_OK);
  EXPECT(onnxc_run(session, &error) == ONNXC_OK);
  EXPECT(y[11] == 0.5f && onnxc_output(session, 0).data == y);
  EXPECT(onnxc_output(session, 2).data == NULL);
  /* Other sizes, up and down, and none at all. */
  EXPECT(onnxc_set_output(session, 0, NULL, 0, &error) == ONNXC_OK);
  EXPECT(onnxc_set_input(session, 0, x, (int64_t[]){2, 4}, 2, &error) == ONNXC_OK);
  EXPECT(onnxc_run(session, &error) == ONNXC_OK && onnxc_output(session, 0).dims[0] == 2);
  EXPECT(onnxc_set_input(session, 0, NULL, (int64_t[]){0, 4}, 2, &error) == ONNXC_OK);
  EXPECT(onnxc_run(session, &error) == ONNXC_ERROR_RUN);
  onnxc_session_destroy(session);
  onnxc_session_destroy(NULL);
  onnxc_close(library);
}

/* Every allocation fails once; nothing is lost. */
static void allocators(void) {
  for (int budget = 0, finished = 0; !finished; ++budget) {
    Ledger ledger = {budget, 0};
    onnxc_allocator allocator = {&ledger, allocateCounted, releaseCounted};
    onnxc_library *library = NULL;
    onnxc_session *session = NULL;
    float x[8] = {0};
    int64_t row = 0;
    onnxc_status status = onnxc_open(in("demo.so"), &(onnxc_options){.allocator = &allocator}, &library, &error);
    if (!status)
      status = onnxc_session_create(library, NULL, &session, &error);
    if (!status) {
      onnxc_set_input(session, 0, x, (int64_t[]){2, 4}, 2, &error);
      onnxc_set_input(session, 1, &row, NULL, 0, &error);
      status = onnxc_run(session, &error);
    }
    finished = status == ONNXC_OK;
    EXPECT(finished || status == ONNXC_ERROR_MEMORY);
    EXPECT(!finished || budget == 5); /* library, session, workspace, two outputs */
    onnxc_session_destroy(session);
    onnxc_close(library);
    EXPECT(ledger.bytes == 0);
    if (budget > 20)
      break;
  }
}
#endif

int main(int argc, char **argv) {
  folder = argc > 1 ? argv[1] : ".";
#ifndef ONLY_CONCURRENCY
  opening();
  replacing();
  versions();
  externalWeights();
  hashing();
  shapes();
  runErrors();
  stopping();
  missing();
  trimming();
  allocators();
#endif
  concurrency();
  return failures != 0;
}
