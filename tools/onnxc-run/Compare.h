//===- tools/onnxc-run/Compare.h ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a computed tensor is the expected one, within a tolerance.
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_COMPARE_H
#define ONNXC_RUN_COMPARE_H

#include "Tensor.h"

struct Comparison {
  std::string difference; // empty: equal within the tolerance
  double largest = 0;     // |got - want| of the worst element
};

/// Element by element |got - want| <= atol + rtol * |want|; a NaN equals a NaN, an infinity the one of the same sign;
/// bool exactly. `got` has the type, dims and data given.
Comparison compare(const Tensor &want, int32_t type, const int64_t *dims, int32_t rank, const void *data, double rtol,
                   double atol);

#endif
