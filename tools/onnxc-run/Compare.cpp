//===- tools/onnxc-run/Compare.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compares as NumPy's isclose does, in double: the rule of the ONNX backend tests.
//===-------------------------------------------------------------------------------===//
#include "Compare.h"
#include "onnxc/runtime.h"

#include <cmath>
#include <cstdio>
#include <cstring>

namespace {

double fromHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double value = exponent == 31  ? (mantissa ? NAN : INFINITY)
                 : exponent == 0 ? std::ldexp(mantissa, -24)
                                 : std::ldexp(1024 + mantissa, exponent - 25);
  return bits & 0x8000 ? -value : value;
}

double fromBfloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  memcpy(&value, &wide, sizeof(value));
  return value;
}

template <typename T> T load(const void *data, uint64_t i) {
  T value;
  memcpy(&value, static_cast<const char *>(data) + i * sizeof(T), sizeof(T));
  return value;
}

double element(int32_t type, const void *data, uint64_t i) {
  switch (type) {
  case ONNXC_FLOAT:
    return load<float>(data, i);
  case ONNXC_DOUBLE:
    return load<double>(data, i);
  case ONNXC_FLOAT16:
    return fromHalf(load<uint16_t>(data, i));
  case ONNXC_BFLOAT16:
    return fromBfloat(load<uint16_t>(data, i));
  case ONNXC_INT8:
  case ONNXC_INT4:
  case ONNXC_INT2:
    return load<int8_t>(data, i);
  case ONNXC_INT16:
    return load<int16_t>(data, i);
  case ONNXC_INT32:
    return load<int32_t>(data, i);
  case ONNXC_INT64:
    return double(load<int64_t>(data, i));
  case ONNXC_BOOL:
  case ONNXC_UINT8:
  case ONNXC_UINT4:
  case ONNXC_UINT2:
    return load<uint8_t>(data, i);
  case ONNXC_UINT16:
    return load<uint16_t>(data, i);
  case ONNXC_UINT32:
    return load<uint32_t>(data, i);
  case ONNXC_UINT64:
    return double(load<uint64_t>(data, i));
  }
  return NAN; // the reader and the model's types have been checked before
}

std::string shapeText(int32_t type, const int64_t *dims, int32_t rank) {
  std::string text = onnxc_type_name(type) + std::string("[");
  for (int32_t i = 0; i < rank; ++i)
    text += (i ? "," : "") + std::to_string(dims[i]);
  return text + "]";
}

/// "[2,0,17]" of element `i`.
std::string position(uint64_t i, const std::vector<int64_t> &dims) {
  std::string text = "]";
  for (size_t d = dims.size(); d-- > 0; i /= uint64_t(dims[d]))
    text = (d ? "," : "") + std::to_string(i % uint64_t(dims[d])) + text;
  return "[" + text;
}

} // namespace

Comparison compare(const Tensor &want, int32_t type, const int64_t *dims, int32_t rank, const void *data, double rtol,
                   double atol) {
  Comparison result;
  if (want.type != type || std::vector<int64_t>(dims, dims + rank) != want.dims) {
    result.difference =
        shapeText(type, dims, rank) + ", expected " + shapeText(want.type, want.dims.data(), int32_t(want.dims.size()));
    result.largest = INFINITY;
    return result;
  }
  uint64_t count = want.size / onnxc_type_size(type), differing = 0, first = 0;
  bool exact = type == ONNXC_BOOL && std::isfinite(atol);
  for (uint64_t i = 0; i < count; ++i) {
    double w = element(type, want.memory.get(), i), g = element(type, data, i);
    if (w == g || (std::isnan(w) && std::isnan(g)))
      continue;
    double error = std::fabs(g - w);
    if (!(error <= result.largest)) // a NaN on one side counts as the worst
      result.largest = std::isnan(error) ? INFINITY : error;
    bool close = !exact && std::isfinite(w) && std::isfinite(g) && error <= atol + rtol * std::fabs(w);
    if (!close && differing++ == 0)
      first = i;
  }
  if (differing) {
    char text[256];
    snprintf(text, sizeof(text), "%llu of %llu values differ by up to %.3g, the first at %s: %.9g, expected %.9g",
             (unsigned long long)differing, (unsigned long long)count, result.largest,
             position(first, want.dims).c_str(), element(type, data, first), element(type, want.memory.get(), first));
    result.difference = text;
  }
  return result;
}
