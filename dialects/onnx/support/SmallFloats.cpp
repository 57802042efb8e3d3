//===- dialects/onnx/support/SmallFloats.cpp ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conversion of small floats by arithmetic on bits, without branches and tables, so that loops over it become vector
// code. What the formats are, LLVM's APFloat says. See SmallFloats.h.
#include "dialects/onnx/support/SmallFloats.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;
using namespace onnxc::onnx;
using llvm::APFloat;

// Of f32.
static constexpr int kMantissa = 23, kBias = 127;
static constexpr int32_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000, kNaN = 0x7fc00000;

namespace {
/// Sign, exponent, mantissa. A code is all of it but the sign.
struct Format {
  explicit Format(FloatType type) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    auto bits = [](const APFloat &value) { return static_cast<int>(value.bitcastToAPInt().getZExtValue()); };
    bool hasNaN = APFloat::semanticsHasNaN(semantics);
    signBit = 1 << (type.getWidth() - 1);
    mantissa = APFloat::semanticsPrecision(semantics) - 1;
    minExponent = APFloat::semanticsMinExponent(semantics);
    largest = bits(APFloat::getLargest(semantics));
    // A type without NaN has -0 for it (0 where the sign is set), as ml_dtypes does.
    nan = hasNaN ? bits(APFloat::getNaN(semantics)) : signBit;
    hasInfinity = APFloat::semanticsHasInf(semantics);
    beyond = hasInfinity ? bits(APFloat::getInf(semantics)) : hasNaN ? nan : largest;
    hasMinusZero = !hasNaN || nan != signBit;
  }

  int signBit, mantissa, minExponent;
  int largest, nan;
  int beyond; ///< what is greater than the largest number, where it does not saturate
  bool hasInfinity;
  bool hasMinusZero; ///< otherwise its bits are the only NaN
  /// How far a mantissa of f32 is to the left of ours, and what is between the biased exponents.
  int shift() const { return kMantissa - mantissa; }
  int rebias() const { return kBias + minExponent - 1; }
  /// What the smallest number is a multiple of.
  double unit() const { return std::ldexp(1.0, minExponent - mantissa); }
};
} // namespace

template <typename Op> static Scalar shifted(Scalar x, int count) {
  return x.with(Op::create(x.builder(), x, x.number(count)));
}
static Scalar operator<<(Scalar x, int count) { return shifted<arith::ShLIOp>(x, count); }
static Scalar operator>>(Scalar x, int count) { return shifted<arith::ShRUIOp>(x, count); } // zeros come in

static Scalar bitcast(Scalar x, Type type) {
  return Scalar(x.builder(), arith::BitcastOp::create(x.builder(), type, x));
}
static Scalar floatOf(Scalar bits) { return bitcast(bits, bits.builder().getF32Type()); }
static Scalar bitsOf(Scalar x) { return bitcast(x, x.builder().getI32Type()); }

/// Only an exponent, of 8 bits as in f32; the smallest is subnormal there, the code behind the largest is NaN.
static Scalar decodePowerOfTwo(Scalar code) {
  Scalar bits = select(code == 0, 1 << (kMantissa - 1), code << kMantissa);
  return floatOf(select(code == 0xff, kNaN, bits));
}

/// As onnx's reference does it: the sign is left out, 0 becomes the smallest number, an infinity NaN. (The table of
/// Cast saturates infinities; no reference output does.)
static Scalar encodePowerOfTwo(Scalar bits, SmallFloatRounding rounding) {
  Scalar exponent = (bits >> kMantissa) & bits.number(0xff);
  Scalar fraction = bits & bits.number((1 << kMantissa) - 1);
  constexpr int half = 1 << (kMantissa - 1);
  Scalar isUp = rounding.mode == "down" ? exponent > 0xff
                : rounding.mode == "up" ? fraction > 0
                                        : (fraction > half) | ((fraction == half) & (exponent > 0));
  isUp = isUp & (exponent < (rounding.saturate ? 0xfe : 0xff));
  return select(isUp, exponent + 1, exponent);
}

Scalar onnxc::onnx::decodeSmallFloat(Scalar stored, FloatType type) {
  ImplicitLocOpBuilder &b = stored.builder();
  Scalar all = convert(Scalar(b, stored, /*isUnsigned=*/true), b.getI32Type());
  if (isa<Float8E8M0FNUType>(type))
    return decodePowerOfTwo(all);
  Format format(type);
  Scalar code = all & all.number(format.signBit - 1);
  Scalar sign = (all & all.number(format.signBit)) << (32 - type.getWidth());
  Scalar normal = (code << format.shift()) + (format.rebias() << kMantissa);
  Scalar subnormal = bitsOf(convert(code, b.getF32Type()) * format.unit());
  Scalar bits = select(code < (1 << format.mantissa), subnormal, normal);
  if (format.hasInfinity) // and NaNs behind it
    bits = select(code >= format.beyond, (code << format.shift()) | all.number(kInfinity), bits);
  else if (format.nan != format.signBit)
    bits = select(code == format.nan, kNaN, bits);
  bits = bits | sign;
  return floatOf(format.hasMinusZero ? bits : select(all == format.nan, kNaN, bits));
}

Scalar onnxc::onnx::encodeSmallFloat(Scalar x, FloatType type, SmallFloatRounding rounding) {
  ImplicitLocOpBuilder &b = x.builder();
  Scalar all = bitsOf(x.type().isF64() ? narrowToOdd(x) : convert(x, b.getF32Type()));
  if (isa<Float8E8M0FNUType>(type))
    return convert(encodePowerOfTwo(all, rounding), b.getI8Type());
  Format format(type);
  Scalar magnitude = all & all.number(kMagnitude);
  // To the nearest, ties to even: half a unit is added, but less than it to an even number. A carry ends up in the
  // exponent, where it belongs.
  Scalar odd = (magnitude >> format.shift()) & all.number(1);
  Scalar normal =
      ((magnitude + odd + ((1 << (format.shift() - 1)) - 1)) >> format.shift()) - (format.rebias() << format.mantissa);
  // Added to a number whose last bit is worth one unit, a subnormal number is rounded to units by the addition.
  double magic = format.unit() * (1 << kMantissa);
  Scalar sum = bitsOf(floatOf(magnitude) + magic);
  Scalar subnormal = sum - bitsOf(floatOf(all).number(magic));
  Scalar isSmall = floatOf(magnitude) < std::ldexp(1.0, format.minExponent);
  Scalar code = select(isSmall, subnormal, normal);
  code = select(code > format.largest, rounding.saturate ? format.largest : format.beyond, code);
  code = select(magnitude > kInfinity, format.nan, code);
  Scalar sign = (all >> (32 - type.getWidth())) & all.number(format.signBit);
  if (!format.hasMinusZero)
    sign = select((code == 0) | (code == format.nan), 0, sign);
  return convert(code ^ sign, b.getI8Type());
}

Scalar onnxc::onnx::load(ImplicitLocOpBuilder &b, Value stored, Type element) {
  Scalar x(b, stored, element.isUnsignedInteger());
  return isSmallFloat(element) ? decodeSmallFloat(x, cast<FloatType>(element)) : widen(x);
}

Scalar onnxc::onnx::store(Scalar x, Type element, SmallFloatRounding rounding) {
  if (isSmallFloat(element))
    return encodeSmallFloat(x, cast<FloatType>(element), rounding);
  Type stored = getStoredType(element);
  x = convert(x, stored, element.isUnsignedInteger());
  // An integer of 4 or 2 bits fills its byte with copies of its sign, or with zeros.
  if (double spare = stored.getIntOrFloatBitWidth() - element.getIntOrFloatBitWidth(); spare != 0)
    x = shiftRight(shiftLeft(x, x.number(spare)), x.number(spare));
  return x;
}
