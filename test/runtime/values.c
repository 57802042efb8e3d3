// RUN: %cc %strict -fsanitize=address,undefined %s %values %runtime -o %t && %t
//
// Sequences, optionals, maps, strings and outputs that the run allocates, with the hand-written model that has them
// all. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Inputs/expect.h"
#include "Inputs/ledger.h"
#include "src/internal.h"

const onnxc_model *values_model(void);

static onnxc_error error;

/* The inputs of the model: good ones, that each test spoils in its own way. */
static int64_t n = 3, two[] = {2}, square[] = {2, 2}, limit = 4;
static const char *words[] = {"tree", "a", "forest"}, *names[] = {"forest", "tree"};
static float line[] = {1, 2}, table[] = {3, 4, 5, 6}, points[] = {0.5f, 0.25f};
static onnxc_value items[2], bag, least, pair[2], scores;

static void resetInputs(void) {
  items[0] = (onnxc_value){ONNXC_KIND_TENSOR, ONNXC_FLOAT, 1, two, line, NULL};
  items[1] = (onnxc_value){ONNXC_KIND_TENSOR, ONNXC_FLOAT, 2, square, table, NULL};
  bag = (onnxc_value){ONNXC_KIND_SEQUENCE, ONNXC_FLOAT, 2, NULL, NULL, items};
  least = (onnxc_value){ONNXC_KIND_TENSOR, ONNXC_INT64, 0, NULL, &limit, NULL};
  pair[0] = (onnxc_value){ONNXC_KIND_TENSOR, ONNXC_STRING, 1, two, names, NULL};
  pair[1] = (onnxc_value){ONNXC_KIND_TENSOR, ONNXC_FLOAT, 1, two, points, NULL};
  scores = (onnxc_value){ONNXC_KIND_MAP, ONNXC_FLOAT, 2, NULL, NULL, pair};
  limit = 4, words[1] = "a", names[1] = "tree", two[0] = 2, square[0] = 2;
}

static onnxc_status setInputs(onnxc_session *session) {
  resetInputs();
  onnxc_status status = onnxc_set_input(session, 0, words, &n, 1, &error);
  status = status ? status : onnxc_set_input(session, 1, &bag, NULL, 0, &error);
  status = status ? status : onnxc_set_input(session, 2, &least, NULL, 0, &error);
  return status ? status : onnxc_set_input(session, 3, &scores, NULL, 0, &error);
}

static void expectOutputs(const onnxc_session *session) {
  onnxc_tensor chosen = onnxc_output(session, 0);
  const onnxc_value *grown = onnxc_output(session, 1).data, *last = onnxc_output(session, 2).data,
                    *ratings = onnxc_output(session, 3).data;
  EXPECT(chosen.dims[0] == 2 && !strcmp(((char **)chosen.data)[0], "tree") &&
         !strcmp(((char **)chosen.data)[1], "forest"));
  EXPECT(grown->kind == ONNXC_KIND_SEQUENCE && grown->count == 3 && grown->items[1].dims[1] == 2);
  EXPECT(((float *)grown->items[1].data)[3] == 6 && grown->items[2].count == 0 && *(float *)grown->items[2].data == 3);
  EXPECT(last->kind == ONNXC_KIND_TENSOR && last->count == 2);
  EXPECT(ratings->count == 2 && ratings->items[1].kind == ONNXC_KIND_MAP);
  EXPECT(!strcmp(((char **)ratings->items[1].items[0].data)[0], "forest"));
  EXPECT(((float *)ratings->items[1].items[1].data)[0] == 0.5f);
}

static void describing(void) {
  const onnxc_model *model = values_model();
  static const char *const want[] = {"string[?]", "sequence of float32[...]", "optional float32[...]",
                                     "sequence of map string -> float32"};
  char text[64];
  for (int i = 0; i < 4; ++i) {
    int64_t unknown = -1;
    int length = onnxc_describe(model, &model->outputs[i], i % 2 ? NULL : &unknown, text, sizeof(text));
    EXPECT(!strcmp(text, want[i]) && length == (int)strlen(want[i]));
  }
  onnxc_describe(model, &model->inputs[3], NULL, text, sizeof(text));
  EXPECT(!strcmp(text, "map string -> float32"));
  onnxc_value_info both = {"", ONNXC_OPTIONAL | ONNXC_SEQUENCE | ONNXC_INT8, 0, NULL};
  onnxc_describe(model, &both, NULL, text, sizeof(text));
  EXPECT(!strcmp(text, "optional sequence of int8[...]") && !strcmp(onnxc_type_name(both.type), "optional"));
  EXPECT(onnxc_type_size(ONNXC_STRING) == sizeof(char *) && onnxc_type_size(both.type) == 0);
}

static void running(void) {
  onnxc_library *library;
  onnxc_session *session;
  EXPECT(onnxc_open_linked(values_model(), NULL, &library, &error) == ONNXC_OK);
  EXPECT(onnxc_session_create(library, NULL, &session, &error) == ONNXC_OK);
  EXPECT(onnxc_set_input(session, 1, &bag, two, 1, &error) == ONNXC_ERROR_SHAPE);
  EXPECT_TEXT(error.text, "input 'bag' has 1 dimensions, the model expects sequence of float32[...]");
  EXPECT(setInputs(session) == ONNXC_OK);
  EXPECT(onnxc_plan(session, &error) == ONNXC_OK);
  EXPECT(onnxc_output(session, 0).dims[0] == -1 && !onnxc_output(session, 0).data);
  for (int i = 0; i < 3; ++i) { /* each gives back the memory of the one before */
    EXPECT(onnxc_run(session, &error) == ONNXC_OK);
    expectOutputs(session);
  }
  EXPECT(onnxc_set_output(session, 0, words, sizeof(words), &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "output 'chosen' can't be written to the caller's memory: its size is only known after");
  EXPECT(onnxc_set_output(session, 0, NULL, 0, &error) == ONNXC_OK);
  least.kind = ONNXC_KIND_NONE, bag.count = 0, bag.items = NULL; /* 3 bytes; and an empty sequence */
  EXPECT(onnxc_run(session, &error) == ONNXC_OK);
  EXPECT(((onnxc_value *)onnxc_output(session, 2).data)->kind == ONNXC_KIND_NONE);
  least.kind = ONNXC_KIND_TENSOR, limit = -1;
  EXPECT(onnxc_run(session, &error) == ONNXC_ERROR_RUN);
  EXPECT_TEXT(error.text, "node 'choose' (Compress): the length is negative");
  EXPECT(!onnxc_output(session, 0).data && !onnxc_output(session, 3).data);
  onnxc_session_destroy(session);
  onnxc_close(library);
}

/* Whatever is wrong with a value is an error before the model runs. */
static void badInputs(void) {
  onnxc_library *library;
  onnxc_session *session;
  EXPECT(onnxc_open_linked(values_model(), NULL, &library, &error) == ONNXC_OK);
  EXPECT(onnxc_session_create(library, NULL, &session, &error) == ONNXC_OK);
#define REFUSED(change, want, part)                                                                                    \
  do {                                                                                                                 \
    EXPECT(setInputs(session) == ONNXC_OK);                                                                            \
    change;                                                                                                            \
    EXPECT(onnxc_run(session, &error) == want);                                                                        \
    EXPECT_TEXT(error.text, part);                                                                                     \
  } while (0)
  REFUSED(words[1] = NULL, ONNXC_ERROR_ARGUMENT, "input 'words': the tensor: string 1 is NULL");
  REFUSED(onnxc_set_input(session, 1, NULL, NULL, 0, NULL), ONNXC_ERROR_ARGUMENT, "input 'bag' has no data");
  REFUSED(bag.kind = ONNXC_KIND_TENSOR, ONNXC_ERROR_TYPE, "input 'bag': the value is a tensor, expected a sequence");
  REFUSED(bag.kind = ONNXC_KIND_NONE, ONNXC_ERROR_TYPE, "the value is nothing, expected a sequence");
  REFUSED(bag.kind = 77, ONNXC_ERROR_TYPE, "the value is of an unknown kind");
  REFUSED(bag.type = ONNXC_INT8, ONNXC_ERROR_TYPE, "the sequence is of int8, expected float32");
  REFUSED(bag.count = -1, ONNXC_ERROR_SHAPE, "the sequence has -1 items");
  REFUSED(bag.items = NULL, ONNXC_ERROR_ARGUMENT, "the sequence has no items");
  REFUSED(items[1] = bag, ONNXC_ERROR_TYPE, "item 1 is a sequence, expected a tensor");
  REFUSED(items[1].type = ONNXC_INT32, ONNXC_ERROR_TYPE, "item 1 is of int32, expected float32");
  REFUSED(items[1].data = NULL, ONNXC_ERROR_ARGUMENT, "item 1 has no data");
  REFUSED(items[1].dims = NULL, ONNXC_ERROR_ARGUMENT, "item 1 has no dims");
  REFUSED(items[1].count = INT64_MAX, ONNXC_ERROR_SHAPE, "item 1 has 9223372036854775807 dimensions");
  REFUSED(square[0] = -2, ONNXC_ERROR_SHAPE, "item 1: dimension 0 is negative (-2)");
  REFUSED(square[0] = INT64_MAX, ONNXC_ERROR_SHAPE, "item 1 is too big");
  REFUSED(least = scores, ONNXC_ERROR_TYPE, "input 'least': the value is a map, expected a tensor");
  REFUSED(scores.kind = ONNXC_KIND_NONE, ONNXC_ERROR_TYPE, "input 'scores': the value is nothing, expected a map");
  REFUSED(scores.count = 1, ONNXC_ERROR_SHAPE, "the value has 1 items, expected 2: keys and values");
  REFUSED(pair[0].type = ONNXC_INT64, ONNXC_ERROR_TYPE, "the tensor of keys of the value is of int64, expected string");
  REFUSED(names[1] = NULL, ONNXC_ERROR_ARGUMENT, "the tensor of keys of the value: string 1 is NULL");
  REFUSED(pair[1].count = 0, ONNXC_ERROR_SHAPE, "the tensor of values of the value has 0 dimensions, expected 1");
  REFUSED(pair[1].dims = square; square[0] = 1; pair[1].count = 1, ONNXC_ERROR_SHAPE, "has 2 keys and 1 values");
  onnxc_session_destroy(session);
  onnxc_close(library);
}

/* Without a session: the caller's allocator, and its duty to release. */
static void unwrapped(void) {
  onnxc_model older = *values_model();
  int64_t dims = 0;
  resetInputs();
  onnxc_tensor inputs[] = {{words, &n}, {&bag, NULL}, {&least, NULL}, {&scores, NULL}};
  onnxc_tensor outputs[4] = {{NULL, &dims}};
  onnxc_call call = {.struct_size = offsetof(onnxc_call, allocator), .inputs = inputs, .outputs = outputs};
  EXPECT(onnxc_call_plan(&older, &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "onnxc_call.struct_size is 56, expected 72");
  older.struct_size = offsetof(onnxc_model, release);
  EXPECT(onnxc_call_plan(&older, &call, &error) == ONNXC_OK);
  call.struct_size = sizeof(call);
  EXPECT(onnxc_call_plan(values_model(), &call, &error) == ONNXC_OK);
  EXPECT(onnxc_call_run(values_model(), &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "the model 'values' needs onnxc_call.allocator");
  call.allocator = &onnxc_default_allocator;
  EXPECT(onnxc_call_run(values_model(), &call, &error) == ONNXC_OK && dims == 2);
  EXPECT(onnxc_call_run(values_model(), &call, &error) == ONNXC_ERROR_ARGUMENT);
  EXPECT_TEXT(error.text, "must be released before it runs again");
  values_model()->release(&call);
  EXPECT(!call.kept);
}

/* Every allocation fails once; nothing is lost, in the model's run neither. */
static void allocators(void) {
  int budget = 0;
  for (onnxc_status status = ONNXC_ERROR_MEMORY; status != ONNXC_OK && budget < 100; ++budget) {
    Ledger ledger = {budget, 0};
    onnxc_allocator allocator = {&ledger, allocateCounted, releaseCounted};
    onnxc_library *library = NULL;
    onnxc_session *session = NULL;
    status = onnxc_open_linked(values_model(), &(onnxc_options){.allocator = &allocator}, &library, &error);
    status = status ? status : onnxc_session_create(library, NULL, &session, &error);
    int64_t before = ledger.bytes;
    status = status ? status : setInputs(session);
    status = status ? status : onnxc_run(session, &error);
    EXPECT(status == ONNXC_OK || status == ONNXC_ERROR_MEMORY);
    EXPECT((ledger.bytes == before) == (status != ONNXC_OK));
    onnxc_session_destroy(session);
    onnxc_close(library);
    EXPECT(ledger.bytes == 0);
  }
  EXPECT_TEXT(error.text, "the model 'values' ran out of memory");
  EXPECT(budget > 10 && budget < 100);
}

int main(void) {
  describing();
  running();
  badInputs();
  unwrapped();
  allocators();
  return failures != 0;
}
