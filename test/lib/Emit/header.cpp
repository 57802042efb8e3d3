// RUN: %cxx %include -std=c++17 -fno-exceptions -Wall -Wextra -fsanitize=address,undefined %s %source/lib/Emit/Header.cpp -o %t.generate
// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %t.generate demo > demo.h && FileCheck %s < demo.h
// RUN: %t.generate fixed > fixed.h && FileCheck %s --check-prefix=FIXED < fixed.h
// RUN: %t.generate hostile > hostile.h && FileCheck %s --check-prefix=HOSTILE < hostile.h
// RUN: %t.generate clash > clash.h && FileCheck %s --check-prefix=CLASH < clash.h
// RUN: %t.generate values > values.h && FileCheck %s --check-prefix=VALUES < values.h
// RUN: %t.generate kinds > kinds.h && FileCheck %s --check-prefix=KINDS < kinds.h
// RUN: %t.generate scratch > scratch.h && FileCheck %s --check-prefix=SCRATCH < scratch.h
//
// All of them work together, from C and from C++; they contain what they need. Two are used, with real models.
// RUN: %cc -std=c11 %strict -DPROGRAM=1 -I . -c -x c %S/Inputs/use-headers.c -o c.o
// RUN: %cxx -std=c++11 %strict -DPROGRAM=1 -I . -c -x c++ %S/Inputs/use-headers.c -o cxx.o
// RUN: %cc -std=c11 %include -c %demo -o module.o
// RUN: %cc -std=c11 %include -Dvalues_model=kinds_model -Donnxc_model_entry=kinds_entry -c %values -o kinds.o
// RUN: %cc c.o module.o kinds.o -o c && ./c
// RUN: %cxx cxx.o module.o kinds.o -o cxx && ./cxx
//
// The typed C header of a model.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lib/Emit/Header.h"
#include "onnxc/abi.h"
//
// Headers of two compilers go together in one order, and there is no model for 32 bits.
// RUN: sed 's/ONNXC_ABI_REVISION [0-9]*/ONNXC_ABI_REVISION 1/; s/REVISION < [0-9]*/REVISION < 1/' demo.h > older.h
// RUN: cat demo.h older.h > right.c && %cc -std=c11 -fsyntax-only right.c
// RUN: cat older.h fixed.h > wrong.c && not %cc -std=c11 -fsyntax-only wrong.c 2>&1 | FileCheck %s --check-prefix=ORDER
// ORDER: error: "a header of an older onnxc came before this one: include this one first,
// RUN: not %cc -m32 -ffreestanding -std=c11 -fsyntax-only -x c demo.h 2>&1 | FileCheck %s --check-prefix=BITS
// BITS: error: "compiled models have 64-bit pointers

#include <cstdio>
#include <cstring>

// CHECK: /* demo, compiled by onnxc for any.
// CHECK: input  x: float32[n,4]
// CHECK: output y: float32[n,4]
// CHECK: static inline onnxc_status demo_plan(int64_t n, const onnxc_pool *pool, demo_dims *dims, uint64_t *workspace_size) {
// CHECK: static inline uint64_t demo_workspace_size(int64_t n, const onnxc_pool *pool) {
// CHECK: static inline onnxc_status demo_run(int64_t n, const float *x, const int64_t *row, float *y, float *picked, void *workspace, uint64_t workspace_size, const onnxc_pool *pool, const char **error) {
static onnxc::HeaderModel demo() {
  onnxc::HeaderModel model;
  model.prefix = model.modelName = "demo";
  model.target = "any";
  model.inputs = {{"x", ONNXC_FLOAT, {ONNXC_DIM_SYMBOL(0), 4}}, {"row", ONNXC_INT64, {}}};
  model.outputs = {{"y", ONNXC_FLOAT, {ONNXC_DIM_SYMBOL(0), 4}}, {"picked", ONNXC_FLOAT, {4}}};
  model.symbols = {"n"};
  return model;
}

// FIXED: #define FIXED_INPUT_SIZE 150528
// FIXED: #define FIXED_LOGITS_SIZE 1000
// FIXED: #define FIXED_WORKSPACE_SIZE 4096
// FIXED: fixed_run(const float *input, float *logits, void *workspace, const onnxc_pool *pool, const char **error) {
static onnxc::HeaderModel fixed() {
  onnxc::HeaderModel model;
  model.prefix = "fixed";
  model.modelName = "resnet";
  model.target = "x86_64-unknown-linux-gnu";
  model.inputs = {{"input", ONNXC_FLOAT, {1, 3, 224, 224}}};
  model.outputs = {{"logits", ONNXC_FLOAT, {1, 1000}}};
  model.workspaceSize = 4096;
  return model;
}

// Names that are no identifiers, equal after cleaning, keywords, used by the generated code, or end a comment.
// HOSTILE: /* _/ int main(void) {} /_, compiled by onnxc
// HOSTILE: input  a_b: float32[batch,?]   (in ONNX: "a/b")
// HOSTILE: input  A_B_2:
// HOSTILE: input  a_b_dims:
// HOSTILE: input  for_:
// HOSTILE: input  input_4: bool[]   (in ONNX: "")
// HOSTILE: output n0: uint8[?]   (in ONNX: "0")
// HOSTILE: hostile_run(int64_t batch, int64_t dim_1, int64_t a_b_dim1_, const float *a_b, const uint16_t *A_B_2, const double *a_b_dims, const int8_t *for_, const bool *input_4, const int32_t *workspace_, uint8_t *n0, void *workspace, uint64_t workspace_size, const void *weights, const onnxc_pool *pool, const char **error) {
static onnxc::HeaderModel hostile() {
  onnxc::HeaderModel model;
  model.prefix = "hostile";
  model.modelName = "*/ int main(void) {} /*";
  model.target = "aarch64";
  model.symbols = {"batch", "", "unused"};
  model.inputs = {{"a/b", ONNXC_FLOAT, {ONNXC_DIM_SYMBOL(0), ONNXC_DIM_COMPUTED}},
                  {"A:B", ONNXC_FLOAT16, {ONNXC_DIM_SYMBOL(1)}},
                  {"a_b_dims", ONNXC_DOUBLE, {2, 3}},
                  {"for", ONNXC_INT8, {ONNXC_DIM_SYMBOL(0)}},
                  {"", ONNXC_BOOL, {}},
                  {"workspace", ONNXC_INT32, {0}}};
  model.outputs = {{"0", ONNXC_UINT8, {ONNXC_DIM_SYMBOL(2)}}};
  model.weightsFile = "hostile.weights";
  model.weightsSize = 123;
  return model;
}

// Names that would hide something of the header, or that read as something else.
// CLASH: input  x_gnp: float32[ONNXC_OK_,INT64_MAX_,int64_t_]   (in ONNX: "x<U+202E>gnp_")
// CLASH: input  clash_run_: float32[n]   (in ONNX: "clash_run")
// CLASH: output WORKSPACE_2: float32[2]
// CLASH: #define CLASH_WORKSPACE_2_SIZE 2
// CLASH: clash_plan(int64_t ONNXC_OK_, int64_t INT64_MAX_, int64_t int64_t_, int64_t n, const onnxc_pool *pool,
static onnxc::HeaderModel clash() {
  onnxc::HeaderModel model;
  model.prefix = model.modelName = "clash";
  model.target = "any";
  model.symbols = {"ONNXC_OK", "INT64_MAX", "int64_t", "n"};
  model.inputs = {{"x\u202egnp\xff", ONNXC_FLOAT, {ONNXC_DIM_SYMBOL(0), ONNXC_DIM_SYMBOL(1), ONNXC_DIM_SYMBOL(2)}},
                  {"clash_run", ONNXC_FLOAT, {ONNXC_DIM_SYMBOL(3)}}};
  model.outputs = {{"WORKSPACE", ONNXC_FLOAT, {2}}};
  return model;
}

// Sizes depend on the data of `shape`, so that planning takes it.
// VALUES: static inline onnxc_status values_plan(int64_t n, const int64_t *shape, const onnxc_pool *pool, values_dims *dims, uint64_t *workspace_size) {
// VALUES: inputs[1].data = (void *)(uintptr_t)shape;
// VALUES: return values_plan(n, shape, pool, &dims, &workspace_size)
// VALUES: values_run(int64_t n, const float *x, const int64_t *shape, float *y, void *workspace, uint64_t workspace_size, const onnxc_pool *pool, const char **error) {
static onnxc::HeaderModel values() {
  onnxc::HeaderModel model;
  model.prefix = model.modelName = "values";
  model.target = "any";
  model.symbols = {"n"};
  model.inputs = {{"x", ONNXC_FLOAT, {ONNXC_DIM_SYMBOL(0)}}, {"shape", ONNXC_INT64, {2}}};
  model.outputs = {{"y", ONNXC_FLOAT, {ONNXC_DIM_COMPUTED, ONNXC_DIM_COMPUTED}}};
  model.planInputs = {1};
  return model;
}

// What isn't a tensor, strings, and an output of a size that only the run knows.
// KINDS: input  words: string[n]
// KINDS: input  scores: map string -> float32
// KINDS: output chosen: string[?]
// KINDS: output ratings: sequence of map string -> float32
// KINDS: kinds_run(int64_t n, const char *const *words, const onnxc_value *bag, const onnxc_value *least, const onnxc_value *scores, const char *const **chosen, int64_t *chosen_dims_2, const onnxc_value **grown, const onnxc_value **chosen_dims, const onnxc_value **ratings, void *workspace, uint64_t workspace_size, const onnxc_allocator *allocator, void **kept, const onnxc_pool *pool, const char **error) {
// KINDS: static inline void kinds_release(const onnxc_allocator *allocator, void *kept) {
static onnxc::HeaderModel kinds() {
  onnxc::HeaderModel model;
  model.prefix = model.modelName = "kinds";
  model.target = "any";
  model.symbols = {"n"};
  const int32_t map = ONNXC_MAP | ONNXC_MAP_KEY(ONNXC_STRING) | ONNXC_FLOAT;
  model.inputs = {{"words", ONNXC_STRING, {ONNXC_DIM_SYMBOL(0)}},
                  {"bag", ONNXC_SEQUENCE | ONNXC_FLOAT, {}},
                  {"least", ONNXC_OPTIONAL | ONNXC_INT64, {}},
                  {"scores", map, {}}};
  model.outputs = {{"chosen", ONNXC_STRING, {ONNXC_DIM_RUN}},
                   {"grown", ONNXC_SEQUENCE | ONNXC_FLOAT, {}},
                   {"chosen_dims", ONNXC_OPTIONAL | ONNXC_FLOAT, {}},
                   {"ratings", ONNXC_SEQUENCE | map, {}}};
  return model;
}

// A run may allocate for itself only.
// SCRATCH: scratch_run(const float *x, float *y, void *workspace, const onnxc_allocator *allocator, const onnxc_pool *pool, const char **error) {
// SCRATCH: m->release(&call);
static onnxc::HeaderModel scratch() {
  onnxc::HeaderModel model;
  model.prefix = model.modelName = "scratch";
  model.target = "any";
  model.inputs = {{"x", ONNXC_FLOAT, {2}}};
  model.outputs = {{"y", ONNXC_FLOAT, {2}}};
  model.allocates = true;
  return model;
}

int main(int, char **argv) {
  if (onnxc::toIdentifier("ResNet-50 (v1.5)", "model") != "ResNet_50_v1_5" ||
      onnxc::toIdentifier("__", "model") != "model")
    return 1;
  fputs(onnxc::generateHeader(!strcmp(argv[1], "demo")      ? demo()
                              : !strcmp(argv[1], "fixed")   ? fixed()
                              : !strcmp(argv[1], "clash")   ? clash()
                              : !strcmp(argv[1], "values")  ? values()
                              : !strcmp(argv[1], "kinds")   ? kinds()
                              : !strcmp(argv[1], "scratch") ? scratch()
                                                            : hostile())
            .c_str(),
        stdout);
}
