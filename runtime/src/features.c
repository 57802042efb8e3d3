/*===- runtime/src/features.c ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Whether this runtime and this processor can use a model: found out before it runs, so that nothing dies of SIGILL.
 *===--------------------------------------------------------------------------------===*/
#include "internal.h"

#include <stdio.h>
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

typedef struct Feature {
  const char *name;
  unsigned leaf, subleaf, reg, bit;
  uint64_t state;
  const char *instead;
} Feature;

static const Feature table[] = {
#define ONNXC_X86_FEATURE(name, leaf, subleaf, reg, bit, state, instead)                                               \
  {name, leaf, subleaf, reg, bit, state, instead},
#include "onnxc/features.def"
};

static int hasFeature(Processor *processor, const Feature *feature) {
  const unsigned *r = ask(processor, feature->leaf, feature->subleaf);
  return r && (r[feature->reg] >> feature->bit & 1) && (processor->state & feature->state) == feature->state;
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

typedef struct Feature {
  const char *name;
  int word, bit;
  const char *instead;
} Feature;

static const Feature table[] = {
#define ONNXC_AARCH64_FEATURE(name, word, bit) {name, word, bit, "generic"},
#include "onnxc/features.def"
};

static int hasFeature(Processor *processor, const Feature *feature) {
  return processor->words[feature->word - 1] >> feature->bit & 1;
}

#else
#error "say here how this processor's features are found out"
#endif

enum { FeatureCount = sizeof(table) / sizeof(table[0]) };

/* Which row of the table has this name; -1: none. */
static int findFeature(const char *name, size_t length) {
  for (int i = 0; i < FeatureCount; ++i)
    if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
      return i;
  return -1;
}

/* The table's first feature that is in the comma separated list and that this processor lacks, or NULL. `unknown` gets
 * the first name of the list that is not in the table. */
static const Feature *missingFeature(const char *features, char *unknown, size_t size) {
  Processor processor;
  const Feature *missing = NULL;
  start(&processor);
  while (features && *features) {
    size_t length = strcspn(features, ",");
    const char *name = features;
    features += length + (features[length] == ',');
    if (length == 0 || *name == '-') /* "-avx512f": compiled to do without it */
      continue;
    if (*name == '+')
      ++name, --length;
    int row = findFeature(name, length);
    if (row < 0 && !*unknown) {
      size_t copied = length < size - 1 ? length : size - 1;
      memcpy(unknown, name, copied);
      unknown[copied] = 0;
    } else if (row >= 0 && (!missing || &table[row] < missing) && !hasFeature(&processor, &table[row])) {
      missing = &table[row];
    }
  }
  return missing;
}

/* "AVX-512 (avx512vl)", or just the feature's name where that is what everybody says. */
static void describeFeature(const char *name, char *text, size_t size) {
  const char *family = strncmp(name, "avx512", 6) == 0 ? "AVX-512" : strncmp(name, "amx", 3) == 0 ? "AMX" : NULL;
  snprintf(text, size, family ? "%s (%s)" : "%s%s", family ? family : "", name);
}

onnxc_status onnxc_check(const onnxc_model *model, onnxc_error *error) { return onnxc_check_file(model, NULL, error); }

onnxc_status onnxc_check_file(const onnxc_model *model, const char *file, onnxc_error *error) {
  if (!model)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "no model");
  if (model->abi_version != ONNXC_ABI_VERSION || model->struct_size < offsetof(onnxc_model, release))
    return onnxc_fail(
        error, ONNXC_ERROR_UNSUPPORTED,
        "the model has version %u (table of %u bytes) of the binary interface, this runtime has version %u "
        "(%zu bytes): compile it again with the onnxc of this runtime",
        model->abi_version, model->struct_size, ONNXC_ABI_VERSION, offsetof(onnxc_model, release));
  const char *kind = file ? "" : "the model ", *name = file ? file : model->name;
  char unknown[64] = "", described[64];
  const Feature *missing = missingFeature(model->features, unknown, sizeof(unknown));
  if (missing) {
    describeFeature(missing->name, described, sizeof(described));
    return onnxc_fail(error, ONNXC_ERROR_UNSUPPORTED,
                      "%s'%s' was compiled for a processor with %s, which this one lacks: compile it with -mcpu=%s",
                      kind, name, described, missing->instead);
  }
  if (*unknown)
    return onnxc_fail(error, ONNXC_ERROR_UNSUPPORTED,
                      "%s'%s' needs the processor feature '%s', which this runtime does not know", kind, name, unknown);
  return ONNXC_OK;
}
