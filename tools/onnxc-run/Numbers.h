//===- tools/onnxc-run/Numbers.h ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elements of tensors as numbers, and numbers as text, in both directions.
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_NUMBERS_H
#define ONNXC_RUN_NUMBERS_H

#include <complex>
#include <cstdint>
#include <string>

/// Element `i` of a tensor of numbers; the imaginary part is 0 of those that have none.
std::complex<double> number(int32_t type, const void *data, uint64_t i);

/// The same as text, of as many digits as it takes to read the same number again.
std::string numberText(int32_t type, const void *data, uint64_t i);

/// Sets element `i` to the number in a text. False where there is none, or the type has no such number; floats are
/// rounded. Types of floats of less than 16 bits and complex ones have no text.
bool setNumber(int32_t type, void *data, uint64_t i, const char *text);

/// Rounded to nearest, ties to even.
uint16_t toHalf(double value);
uint16_t toBfloat(float value);

#endif
