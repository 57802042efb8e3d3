//===- tools/onnxc-run/Numbers.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elements of tensors as numbers, and numbers as text, in both directions.
//===-------------------------------------------------------------------------------===//
#include "Numbers.h"
#include "onnxc/abi.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace {

/// 2^exponent, of a normal number.
double powerOfTwo(int exponent) {
  uint64_t bits = uint64_t(exponent + 1023) << 52;
  double value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

double fromHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double value = exponent == 31  ? (mantissa ? NAN : INFINITY)
                 : exponent == 0 ? mantissa * powerOfTwo(-24)
                                 : (1024 + mantissa) * powerOfTwo(exponent - 25);
  return bits & 0x8000 ? -value : value;
}

double fromBfloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  memcpy(&value, &wide, sizeof(value));
  return value;
}

/// A float of 8 bits or less: `exponents` bits of exponent, whose value for 1 is `bias`, and `mantissas` of mantissa.
double fromSmall(uint8_t bits, int exponents, int mantissas, int bias) {
  int code = bits & ((1 << (exponents + mantissas)) - 1);
  int exponent = code >> mantissas, mantissa = code & ((1 << mantissas) - 1);
  double value = exponent ? ((1 << mantissas) + mantissa) * powerOfTwo(exponent - bias - mantissas)
                          : mantissa * powerOfTwo(1 - bias - mantissas);
  return bits >> (exponents + mantissas) & 1 ? -value : value;
}

double fromSmall(int32_t type, uint8_t bits) {
  switch (type) {
  case ONNXC_FLOAT8E4M3FN:
    return (bits & 0x7f) == 0x7f ? NAN : fromSmall(bits, 4, 3, 7);
  case ONNXC_FLOAT8E4M3FNUZ:
    return bits == 0x80 ? NAN : fromSmall(bits, 4, 3, 8);
  case ONNXC_FLOAT8E5M2: // half of a float16
    return fromHalf(uint16_t(bits << 8));
  case ONNXC_FLOAT8E5M2FNUZ:
    return bits == 0x80 ? NAN : fromSmall(bits, 5, 2, 16);
  case ONNXC_FLOAT8E8M0:
    return bits == 0xff ? NAN : powerOfTwo(bits - 127);
  case ONNXC_FLOAT6E2M3:
    return fromSmall(bits, 2, 3, 1);
  case ONNXC_FLOAT6E3M2:
    return fromSmall(bits, 3, 2, 3);
  default: // ONNXC_FLOAT4E2M1
    return fromSmall(bits, 2, 1, 1);
  }
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
  case ONNXC_FLOAT8E4M3FN:
  case ONNXC_FLOAT8E4M3FNUZ:
  case ONNXC_FLOAT8E5M2:
  case ONNXC_FLOAT8E5M2FNUZ:
  case ONNXC_FLOAT8E8M0:
  case ONNXC_FLOAT6E2M3:
  case ONNXC_FLOAT6E3M2:
  case ONNXC_FLOAT4E2M1:
    return fromSmall(type, load<uint8_t>(data, i));
  }
  return NAN; // the reader and the model's types have been checked before
}

} // namespace

std::complex<double> number(int32_t type, const void *data, uint64_t i) {
  if (type == ONNXC_COMPLEX64)
    return load<std::complex<float>>(data, i);
  if (type == ONNXC_COMPLEX128)
    return load<std::complex<double>>(data, i);
  return element(type, data, i);
}

std::string numberText(int32_t type, const void *data, uint64_t i) {
  char text[80];
  if (type == ONNXC_INT64) // more digits than a double has
    return std::to_string(load<int64_t>(data, i));
  if (type == ONNXC_UINT64)
    return std::to_string(load<uint64_t>(data, i));
  if (type == ONNXC_INT32 || type == ONNXC_UINT32)
    return std::to_string(int64_t(element(type, data, i)));
  std::complex<double> x = number(type, data, i);
  int digits = type == ONNXC_DOUBLE || type == ONNXC_COMPLEX128 ? 17 : 9;
  if (type == ONNXC_COMPLEX64 || type == ONNXC_COMPLEX128)
    snprintf(text, sizeof(text), "%.*g%+.*gi", digits, x.real(), digits, x.imag());
  else
    snprintf(text, sizeof(text), "%.*g", digits, x.real());
  return text;
}

uint16_t toHalf(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double size = std::fabs(value);
  if (std::isnan(value))
    return 0x7e00;
  if (size < 0x1p-14) // of the same distance as subnormals
    return sign | uint16_t(std::nearbyint(size * 0x1p24));
  if (size >= 65520)
    return sign | 0x7c00;
  int exponent = 0;
  std::frexp(size, &exponent);                                       // size is in [2^(exponent-1), 2^exponent)
  double mantissa = std::nearbyint(std::ldexp(size, 11 - exponent)); // 1024 to 2048
  return sign | uint16_t(((exponent + 13) << 10) + int(mantissa));
}

uint16_t toBfloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  if (std::isnan(value))
    return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

namespace {

template <typename T> void store(void *data, uint64_t i, T value) {
  memcpy(static_cast<char *>(data) + i * sizeof(T), &value, sizeof(T));
}

template <typename T> bool setInteger(const char *text, void *data, uint64_t i, int64_t least, uint64_t most) {
  char *end;
  errno = 0;
  if (*text == '-') {
    long long value = strtoll(text, &end, 10);
    store<T>(data, i, T(value));
    return *end == 0 && errno == 0 && value >= least;
  }
  unsigned long long value = strtoull(text, &end, 10);
  store<T>(data, i, T(value));
  return *end == 0 && end != text && errno == 0 && value <= most;
}

template <typename T> bool setInteger(const char *text, void *data, uint64_t i) {
  return setInteger<T>(text, data, i, int64_t(std::numeric_limits<T>::min()), uint64_t(std::numeric_limits<T>::max()));
}

} // namespace

bool setNumber(int32_t type, void *data, uint64_t i, const char *text) {
  switch (type) {
  case ONNXC_BOOL:
    if (!strcmp(text, "true") || !strcmp(text, "false")) {
      store<uint8_t>(data, i, *text == 't');
      return true;
    }
    return setInteger<uint8_t>(text, data, i, 0, 1);
  case ONNXC_INT2:
    return setInteger<int8_t>(text, data, i, -2, 1);
  case ONNXC_INT4:
    return setInteger<int8_t>(text, data, i, -8, 7);
  case ONNXC_INT8:
    return setInteger<int8_t>(text, data, i);
  case ONNXC_INT16:
    return setInteger<int16_t>(text, data, i);
  case ONNXC_INT32:
    return setInteger<int32_t>(text, data, i);
  case ONNXC_INT64:
    return setInteger<int64_t>(text, data, i);
  case ONNXC_UINT2:
    return setInteger<uint8_t>(text, data, i, 0, 3);
  case ONNXC_UINT4:
    return setInteger<uint8_t>(text, data, i, 0, 15);
  case ONNXC_UINT8:
    return setInteger<uint8_t>(text, data, i);
  case ONNXC_UINT16:
    return setInteger<uint16_t>(text, data, i);
  case ONNXC_UINT32:
    return setInteger<uint32_t>(text, data, i);
  case ONNXC_UINT64:
    return setInteger<uint64_t>(text, data, i);
  }
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != 0)
    return false;
  switch (type) {
  case ONNXC_FLOAT:
    store(data, i, strtof(text, nullptr)); // rounded once
    return true;
  case ONNXC_DOUBLE:
    store(data, i, value);
    return true;
  case ONNXC_FLOAT16:
    store(data, i, toHalf(value));
    return true;
  case ONNXC_BFLOAT16:
    store(data, i, toBfloat(float(value)));
    return true;
  }
  return false;
}
