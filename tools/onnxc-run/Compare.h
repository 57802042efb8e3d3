//===- tools/onnxc-run/Compare.h ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a computed value is the expected one, within a tolerance.
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_COMPARE_H
#define ONNXC_RUN_COMPARE_H

#include "onnxc/abi.h"

#include <string>

struct Comparison {
  std::string difference; // empty: equal within the tolerance
  double largest = 0;     // |got - want| of the worst element
};

/// Element by element |got - want| <= atol + rtol * |want|; a NaN equals a NaN, an infinity the one of the same sign;
/// bool and strings exactly, unless `atol` is infinite: then only types and shapes count. Sequences item by item, maps
/// key by key in any order.
Comparison compare(const onnxc_value &want, const onnxc_value &got, double rtol, double atol);

#endif
