/*===- test/fuzz/targets/text.c ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The operators that change, split and join strings, on any bytes that end in a zero.
 *===--------------------------------------------------------------------------------===*/
#include "target.h"

onnxc_function onnxc_text_normalize, onnxc_text_split, onnxc_text_concat, onnxc_text_equal, onnxc_string_change,
    onnxc_string_length, onnxc_string_join, onnxc_string_parts, onnxc_string_hash;

enum { Most = 8 };
static int64_t one = 1, two = 2, three = 3;

static uint64_t letters(const onnxc_value *texts) {
  uint64_t count = 0;
  for (int64_t i = 0, n = onnxc_element_count(texts); i < n; ++i)
    count += strlen(((const char *const *)texts->data)[i]);
  return count;
}

/* The first line is a delimiter, the others are texts; the first byte says how they are treated. */
static void change(onnxc_heap *heap, const uint8_t *data, size_t size) {
  if (size == 0)
    return;
  uint8_t how = *data++;
  --size;
  const char *delimiter = fuzzText(heap, &data, &size, '\n'), *texts[Most];
  int64_t count = 0;
  while (size && count < Most)
    texts[count++] = fuzzText(heap, &data, &size, '\n');
  onnxc_value x = fuzzTensor(ONNXC_STRING, 1, &count, texts), end = fuzzTensor(ONNXC_STRING, 1, &one, &delimiter);

  const char *made[Most];
  onnxc_value y = fuzzTensor(ONNXC_STRING, 1, &count, made);
  int64_t kind = how % 3, lengths[Most], places[2] = {how & 3, how >> 2 & 3};
  onnxc_value number = fuzzTensor(ONNXC_INT64, 1, &one, &kind), sizes = fuzzTensor(ONNXC_INT64, 1, &count, lengths);
  const onnxc_value *changeIn[] = {&x, &number};
  FUZZ_EXPECT(onnxc_string_change(heap, changeIn, &y) == 0 && letters(&y) <= letters(&x));
  FUZZ_EXPECT(onnxc_string_length(heap, changeIn, &sizes) == 0);
  const onnxc_value *concatIn[] = {&x, &x};
  FUZZ_EXPECT(onnxc_text_concat(heap, concatIn, &y) == 0 && letters(&y) == 2 * letters(&x));
  uint8_t equal[Most];
  onnxc_value truth = fuzzTensor(ONNXC_BOOL, 1, &count, equal);
  const onnxc_value *equalIn[] = {&x, &y};
  FUZZ_EXPECT(onnxc_text_equal(heap, equalIn, &truth) == 0);
  int64_t buckets = 7;
  onnxc_value most = fuzzTensor(ONNXC_INT64, 1, &one, &buckets), fast = fuzzTensor(ONNXC_INT64, 1, &one, &places[0]);
  const onnxc_value *hashIn[] = {&x, &most, &fast};
  FUZZ_EXPECT(onnxc_string_hash(heap, hashIn, &sizes) == 0);

  int64_t normalize[3] = {how % 3, how / 3 % 3, how >> 7}, normal = -1;
  onnxc_value rules = fuzzTensor(ONNXC_INT64, 1, &three, normalize), kept = fuzzTensor(ONNXC_STRING, 1, &normal, NULL);
  const onnxc_value *normalizeIn[] = {&x, &end, &rules};
  FUZZ_EXPECT(onnxc_text_normalize(heap, normalizeIn, &kept) == 0);

  int64_t splits = (int64_t)(how >> 4) - 1, dims[2] = {-1, -1};
  onnxc_value limit = fuzzTensor(ONNXC_INT64, 1, &one, &splits);
  onnxc_value parts[2] = {fuzzTensor(ONNXC_INT64, 1, &count, lengths), fuzzTensor(ONNXC_STRING, 2, dims, NULL)};
  const onnxc_value *splitIn[] = {&x, &end, &limit};
  FUZZ_EXPECT(onnxc_text_split(heap, splitIn, parts) == 0);
  FUZZ_EXPECT(dims[0] == count && letters(&parts[1]) <= letters(&x));

  int64_t pairs[2] = {-1, 2}, total = -1;
  uint8_t skips = how & 1;
  onnxc_value skip = fuzzTensor(ONNXC_BOOL, 1, &one, &skips);
  onnxc_value pieces[3] = {fuzzTensor(ONNXC_INT64, 1, &two, places), fuzzTensor(ONNXC_INT64, 2, pairs, NULL),
                           fuzzTensor(ONNXC_STRING, 1, &total, NULL)};
  const onnxc_value *partsIn[] = {&x, &end, &skip};
  FUZZ_EXPECT(onnxc_string_parts(heap, partsIn, pieces) == 0 && letters(&pieces[2]) <= letters(&x));

  const char *joined = NULL;
  int64_t axis = 0;
  onnxc_value along = fuzzTensor(ONNXC_INT64, 1, &one, &axis), whole = fuzzTensor(ONNXC_STRING, 1, &one, &joined);
  const onnxc_value *joinIn[] = {&x, &end, &along};
  FUZZ_EXPECT(onnxc_string_join(heap, joinIn, &whole) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzzInHeap(change, data, size);
  return 0;
}
