/*===- runtime/library/top-k.c -----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * TopK (ai.onnx, since version 1): the k best elements of every line.
 *===--------------------------------------------------------------------------------===
 *
 * Elements are compared as keys, signed integers of the same width: the bits of a number, changed so that the better
 * one has the larger key. The best that were seen live in the results: their keys where their values will be, and their
 * places. A vector of the others at a time is compared with the worst of them, and few are better. So n elements take
 * n / 16 steps, and about k log(n / k) times one of log k; at most they take n log k.
 */
#include "runtime/library/library.h"

/* How keys are made: the sign and the magnitude of a float become an integer (-0 the same as 0, NaN above infinity), an
 * integer stays. With the sign flipped, an unsigned integer is a signed one; with all bits flipped, the smallest one is
 * the largest. */
typedef struct Order {
  int64_t kept, negated, infinity, flipped;
} Order;

static Order makeOrder(int32_t type, int largest) {
  int64_t most = (int64_t)(~UINT64_C(0) >> (65 - 8 * onnxc_element_size(type)));
  int64_t flipped = largest ? 0 : -1;
  switch (type) {
  case ONNXC_FLOAT16:
    return (Order){most, -1, 0x7c00, flipped};
  case ONNXC_BFLOAT16:
    return (Order){most, -1, 0x7f80, flipped};
  case ONNXC_FLOAT:
    return (Order){most, -1, 0x7f800000, flipped};
  case ONNXC_DOUBLE:
    return (Order){most, -1, INT64_C(0x7ff) << 52, flipped};
  case ONNXC_INT8:
  case ONNXC_INT16:
  case ONNXC_INT32:
  case ONNXC_INT64:
    return (Order){-1, 0, most, flipped};
  default: /* unsigned, bool */
    return (Order){-1, 0, most, flipped ^ ~most};
  }
}

/* Up to this many are kept in order; more are a heap. */
enum { MostInOrder = 24 };

#define BITS 8
#include "runtime/library/top-k.h"
#define BITS 16
#include "runtime/library/top-k.h"
#define BITS 32
#include "runtime/library/top-k.h"
#define BITS 64
#include "runtime/library/top-k.h"
