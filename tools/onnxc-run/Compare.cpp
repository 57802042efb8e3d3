//===- tools/onnxc-run/Compare.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compares numbers as NumPy's isclose does, in double: the rule of the ONNX backend tests.
//===-------------------------------------------------------------------------------===//
#include "Compare.h"
#include "Numbers.h"
#include "onnxc/runtime.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

namespace {

bool isNaN(std::complex<double> x) { return std::isnan(x.real()) || std::isnan(x.imag()); }
bool isFinite(std::complex<double> x) { return std::isfinite(x.real()) && std::isfinite(x.imag()); }

/// |x| without overflow on the way, as hypot.
double magnitude(std::complex<double> x) {
  double a = std::fabs(x.real()), b = std::fabs(x.imag());
  double larger = std::max(a, b), ratio = std::min(a, b) / larger;
  return std::isfinite(larger) && larger > 0 ? larger * std::sqrt(1 + ratio * ratio) : a + b;
}

std::string shapeText(const onnxc_value &tensor) {
  std::string text = onnxc_type_name(tensor.type) + std::string("[");
  for (int64_t i = 0; i < tensor.count; ++i)
    text += (i ? "," : "") + std::to_string(tensor.dims[i]);
  return text + "]";
}

/// "[2,0,17]" of element `i`.
std::string position(uint64_t i, const onnxc_value &tensor) {
  std::string text = "]";
  for (int64_t d = tensor.count; d-- > 0; i /= uint64_t(tensor.dims[d]))
    text = (d ? "," : "") + std::to_string(i % uint64_t(tensor.dims[d])) + text;
  return "[" + text;
}

Comparison different(std::string text) { return {std::move(text), INFINITY}; }

const char *getString(const onnxc_value &tensor, uint64_t i) {
  return static_cast<const char *const *>(tensor.data)[i];
}

Comparison compareStrings(const onnxc_value &want, const onnxc_value &got, uint64_t count) {
  uint64_t differing = 0, first = 0;
  for (uint64_t i = 0; i < count; ++i)
    if (strcmp(getString(want, i), getString(got, i)) != 0 && differing++ == 0)
      first = i;
  if (!differing)
    return {};
  return different(std::to_string(differing) + " of " + std::to_string(count) + " strings differ, the first at " +
                   position(first, want) + ": \"" + getString(got, first) + "\", expected \"" + getString(want, first) +
                   "\"");
}

Comparison compareTensors(const onnxc_value &want, const onnxc_value &got, double rtol, double atol) {
  Comparison result;
  int32_t type = want.type;
  if (type != got.type || want.count != got.count || !std::equal(want.dims, want.dims + want.count, got.dims))
    return different(shapeText(got) + ", expected " + shapeText(want));
  uint64_t count = 1, differing = 0, first = 0;
  for (int64_t d = 0; d < want.count; ++d)
    count *= uint64_t(want.dims[d]);
  if (type == ONNXC_STRING)
    return std::isfinite(atol) ? compareStrings(want, got, count) : result;
  bool exact = type == ONNXC_BOOL && std::isfinite(atol);
  for (uint64_t i = 0; i < count; ++i) {
    std::complex<double> w = number(type, want.data, i), g = number(type, got.data, i);
    if (w == g || (isNaN(w) && isNaN(g)))
      continue;
    double error = magnitude(g - w);
    if (!(error <= result.largest)) // a NaN on one side counts as the worst
      result.largest = std::isnan(error) ? INFINITY : error;
    bool close = !exact && isFinite(w) && isFinite(g) && error <= atol + rtol * magnitude(w);
    if (!close && differing++ == 0)
      first = i;
  }
  if (differing) {
    char start[256];
    snprintf(start, sizeof(start),
             "%llu of %llu values differ by up to %.3g, the first at %s: ", (unsigned long long)differing,
             (unsigned long long)count, result.largest, position(first, want).c_str());
    result.difference = start + numberText(type, got.data, first) + ", expected " + numberText(type, want.data, first);
  }
  return result;
}

/// The worst of the parts; the first one that differs gives the text.
void add(Comparison &all, const Comparison &part, const std::string &where) {
  if (all.difference.empty() && !part.difference.empty())
    all.difference = where + ": " + part.difference;
  all.largest = std::max(all.largest, part.largest);
}

std::string keyText(const onnxc_value &keys, int64_t i) {
  if (keys.type == ONNXC_STRING)
    return std::string("\"") + getString(keys, uint64_t(i)) + "\"";
  int64_t key = 0;
  size_t size = onnxc_type_size(keys.type);
  memcpy(&key, static_cast<const char *>(keys.data) + size_t(i) * size, size);
  return std::to_string(key);
}

/// Entry `i` of a map's values, as a scalar.
onnxc_value mapValue(const onnxc_value &map, int64_t i) {
  onnxc_value value = map.items[1];
  value.count = 0;
  value.data = static_cast<char *>(value.data) + size_t(i) * onnxc_type_size(value.type);
  return value;
}

Comparison compareMaps(const onnxc_value &want, const onnxc_value &got, double rtol, double atol) {
  const onnxc_value &wantKeys = want.items[0], &gotKeys = got.items[0];
  if (wantKeys.type != gotKeys.type)
    return different(std::string("keys of ") + onnxc_type_name(gotKeys.type) + ", expected " +
                     onnxc_type_name(wantKeys.type));
  std::map<std::string, int64_t> entries;
  for (int64_t i = 0; i < gotKeys.dims[0]; ++i)
    entries.emplace(keyText(gotKeys, i), i);
  if (wantKeys.dims[0] != gotKeys.dims[0])
    return different(std::to_string(gotKeys.dims[0]) + " entries, expected " + std::to_string(wantKeys.dims[0]));
  if (int64_t(entries.size()) != gotKeys.dims[0])
    return different("several entries have the same key");
  Comparison result;
  for (int64_t i = 0; i < wantKeys.dims[0]; ++i) {
    std::string key = keyText(wantKeys, i);
    auto entry = entries.find(key);
    add(result,
        entry == entries.end() ? different("it is missing")
                               : compareTensors(mapValue(want, i), mapValue(got, entry->second), rtol, atol),
        "key " + key);
  }
  return result;
}

const char *kindText(const onnxc_value &value) {
  return value.kind == ONNXC_KIND_TENSOR     ? "a tensor"
         : value.kind == ONNXC_KIND_SEQUENCE ? "a sequence"
         : value.kind == ONNXC_KIND_MAP      ? "a map"
                                             : "nothing";
}

} // namespace

Comparison compare(const onnxc_value &want, const onnxc_value &got, double rtol, double atol) {
  if (want.kind != got.kind)
    return different(std::string(kindText(got)) + ", expected " + kindText(want));
  if (want.kind == ONNXC_KIND_TENSOR)
    return compareTensors(want, got, rtol, atol);
  if (want.kind == ONNXC_KIND_MAP)
    return compareMaps(want, got, rtol, atol);
  Comparison result;
  if (want.kind == ONNXC_KIND_SEQUENCE && want.count != got.count)
    return different(std::to_string(got.count) + " items, expected " + std::to_string(want.count));
  for (int64_t i = 0; want.kind == ONNXC_KIND_SEQUENCE && i < want.count; ++i)
    add(result, compare(want.items[i], got.items[i], rtol, atol), "item " + std::to_string(i));
  return result;
}
