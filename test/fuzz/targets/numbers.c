/*===- test/fuzz/targets/numbers.c -------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Cast from text and to text: the numbers that the C library reads, and none lost on the way back.
 *===--------------------------------------------------------------------------------===*/
#include "target.h"

#include <math.h>

onnxc_function onnxc_text_to_float, onnxc_text_to_integer, onnxc_float_to_text, onnxc_integer_to_text;

static int64_t one = 1, three = 3;

static int32_t call(onnxc_function *f, onnxc_heap *heap, const onnxc_value *x, const onnxc_value *how, int32_t type,
                    void *y) {
  onnxc_value out = fuzzTensor(type, 1, &one, y);
  const onnxc_value *in[] = {x, how};
  return f(heap, in, &out);
}

/* Whether our reader takes the bytes for what the C library takes them for: that one reads hexadecimal numbers and
 * NaN's bits, too. */
static int isPlain(const char *text) { return !strpbrk(text, "xX("); }

static void readNumbers(onnxc_heap *heap, const uint8_t *data, size_t size) {
  const char *text = fuzzText(heap, &data, &size, 0);
  onnxc_value x = fuzzTensor(ONNXC_STRING, 1, &one, &text);
  int64_t formats[2][3] = {{53, -1074, 0}, {24, -149, 0}};
  for (int k = 0; k < 2; ++k) {
    onnxc_value how = fuzzTensor(ONNXC_INT64, 1, &three, formats[k]);
    double y = 0;
    int isNumber = call(onnxc_text_to_float, heap, &x, &how, ONNXC_DOUBLE, &y) == 0;
    char *end;
    double expected = k ? (double)strtof(text, &end) : strtod(text, &end);
    int hasEnd = end > text && strspn(end, " \t\n\v\f\r") == strlen(end);
    /* A double that is as near to two floats is rounded by whoever needs one: what is wanted is near it. */
    if (k && fabs(y) > 3.4028234663852886e38)
      y = copysign(INFINITY, y);
    FUZZ_EXPECT(!isPlain(text) ||
                (isNumber == hasEnd && (!isNumber || y == expected || (y != y && expected != expected))));
    if (!isNumber)
      continue;
    const char *written = NULL;
    onnxc_value number = fuzzTensor(ONNXC_DOUBLE, 1, &one, &y), again = fuzzTensor(ONNXC_STRING, 1, &one, &written);
    double back = 0;
    FUZZ_EXPECT(call(onnxc_float_to_text, heap, &number, &how, ONNXC_STRING, &written) == 0);
    FUZZ_EXPECT(call(onnxc_text_to_float, heap, &again, &how, ONNXC_DOUBLE, &back) == 0);
    FUZZ_EXPECT(back == y || (back != back && y != y));
  }
  for (int isSigned = 0; isSigned < 2; ++isSigned) {
    int32_t type = isSigned ? ONNXC_INT64 : ONNXC_UINT64;
    uint64_t y = 0, back = 0;
    if (call(onnxc_text_to_integer, heap, &x, NULL, type, &y) != 0)
      continue;
    const char *written = NULL;
    onnxc_value number = fuzzTensor(type, 1, &one, &y), again = fuzzTensor(ONNXC_STRING, 1, &one, &written);
    FUZZ_EXPECT(call(onnxc_integer_to_text, heap, &number, NULL, ONNXC_STRING, &written) == 0);
    FUZZ_EXPECT(call(onnxc_text_to_integer, heap, &again, NULL, type, &back) == 0 && back == y);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzzInHeap(readNumbers, data, size);
  return 0;
}
