/*===- runtime/library/labels.c ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Looks strings up in a list of them.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/labels.h"

/* in: strings; keys [n], sorted by their bytes. out: for each string the key that it is, or n. */
int32_t onnxc_find_strings(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const char *const *strings = in[0]->data, *const *keys = in[1]->data;
  int64_t *places = out->data, count = in[1]->dims[0];
  for (int64_t i = 0, size = onnxc_element_count(in[0]); i < size; ++i) {
    int64_t at = onnxc_first_not_below(keys, count, strings[i]);
    places[i] = at < count && onnxc_compare_strings(keys[at], strings[i]) == 0 ? at : count;
  }
  return 0;
}
