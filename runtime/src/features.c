/*===- runtime/src/features.c ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Whether this runtime and this processor can use a model: found out before it runs, so that nothing dies of SIGILL.
 *===--------------------------------------------------------------------------------===*/
#include "internal.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };

/* What the operating system must save for us, as bits of XCR0: SSE and AVX, AVX-512's masks and registers, AMX's tiles.
 */
enum { AVX = 0x6, AVX512 = 0xe6, AMX = 0x60000 };

enum { MostLeaves = 8 }; /* that are remembered: more than features.def has */

/* What CPUID answers. A hypervisor takes a while for it, so every leaf is asked for once. */
typedef struct Processor {
  uint64_t state; /* XCR0 */
  unsigned leaves;
  struct {
    unsigned leaf, subleaf, r[4];
  } known[MostLeaves];
} Processor;

/* The registers of a leaf; NULL when the processor has no such leaf. They are good until the next call. */
static const unsigned *ask(Processor *processor, unsigned leaf, unsigned subleaf) {
  unsigned i = 0;
  while (i < processor->leaves && (processor->known[i].leaf != leaf || processor->known[i].subleaf != subleaf))
    ++i;
  if (i == MostLeaves)
    i = processor->leaves = MostLeaves - 1;
  unsigned *r = processor->known[i].r;
  if (i == processor->leaves) {
    if (!__get_cpuid_count(leaf, subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]))
      return NULL;
    processor->known[i].leaf = leaf;
    processor->known[i].subleaf = subleaf;
    processor->leaves = i + 1;
  }
  return r;
}

static void start(Processor *processor) {
  memset(processor, 0, sizeof(*processor));
  const unsigned *r = ask(processor, 1, 0);
  if (!r || !(r[ECX] >> 27 & 1 /* OSXSAVE */))
    return;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  processor->state = (uint64_t)high << 32 | low;
}

/* 1: there, 0: missing, -1: no feature of that name. */
static int hasFeature(Processor *processor, const char *name, size_t length) {
  static const struct {
    const char *name;
    unsigned leaf, subleaf, reg, bit;
    uint64_t state;
  } table[] = {
#define ONNXC_X86_FEATURE(name, leaf, subleaf, reg, bit, state) {name, leaf, subleaf, reg, bit, state},
#include "onnxc/features.def"
  };
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); ++i) {
    if (strlen(table[i].name) != length || memcmp(table[i].name, name, length) != 0)
      continue;
    const unsigned *r = ask(processor, table[i].leaf, table[i].subleaf);
    return r && (r[table[i].reg] >> table[i].bit & 1) && (processor->state & table[i].state) == table[i].state;
  }
  return -1;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

typedef struct Processor {
  unsigned long words[2];
} Processor;

static void start(Processor *processor) {
  processor->words[0] = getauxval(AT_HWCAP);
  processor->words[1] = getauxval(AT_HWCAP2);
}

static int hasFeature(Processor *processor, const char *name, size_t length) {
  static const struct {
    const char *name;
    int word, bit;
  } table[] = {
#define ONNXC_AARCH64_FEATURE(name, word, bit) {name, word, bit},
#include "onnxc/features.def"
  };
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); ++i)
    if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
      return processor->words[table[i].word - 1] >> table[i].bit & 1;
  return -1;
}

#else
#error "say here how this processor's features are found out"
#endif

/* The first of the comma separated features that this processor lacks: 0 when it has all, 1 and its name when one is
 * missing, -1 and its name when it is not in features.def. */
static int missingFeature(const char *features, char *name, size_t size) {
  Processor processor;
  start(&processor);
  while (features && *features) {
    size_t length = strcspn(features, ",");
    const char *feature = features;
    features += length + (features[length] == ',');
    if (length == 0 || *feature == '-') /* "-avx512f": compiled to do without it */
      continue;
    if (*feature == '+')
      ++feature, --length;
    int has = hasFeature(&processor, feature, length);
    if (has == 1)
      continue;
    size_t copied = length < size - 1 ? length : size - 1;
    memcpy(name, feature, copied);
    name[copied] = 0;
    return has == 0 ? 1 : -1;
  }
  return 0;
}

onnxc_status onnxc_check(const onnxc_model *model, onnxc_error *error) {
  if (!model)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "no model");
  if (model->abi_version != ONNXC_ABI_VERSION || model->struct_size < offsetof(onnxc_model, release))
    return onnxc_fail(
        error, ONNXC_ERROR_UNSUPPORTED,
        "the model has version %u (table of %u bytes) of the binary interface, this runtime has version %u "
        "(%zu bytes): compile it again with the onnxc of this runtime",
        model->abi_version, model->struct_size, ONNXC_ABI_VERSION, offsetof(onnxc_model, release));
  char feature[64];
  int missing = missingFeature(model->features, feature, sizeof(feature));
  if (missing > 0)
    return onnxc_fail(
        error, ONNXC_ERROR_UNSUPPORTED,
        "the model '%s' was compiled for a processor with %s, which this one lacks: compile it again here, or "
        "with another -mcpu=",
        model->name, feature);
  if (missing < 0)
    return onnxc_fail(error, ONNXC_ERROR_UNSUPPORTED,
                      "the model '%s' needs the processor feature '%s', which this runtime does not know", model->name,
                      feature);
  return ONNXC_OK;
}
