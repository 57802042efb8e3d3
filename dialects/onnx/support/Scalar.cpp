//===- dialects/onnx/support/Scalar.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arithmetic on one element. See Scalar.h.
#include "dialects/onnx/support/Scalar.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace onnxc::onnx;
using llvm::APFloat;
using llvm::APInt;

static unsigned width(Scalar x) { return x.type().getIntOrFloatBitWidth(); }

static Scalar literal(Scalar like, const APInt &value) {
  return like.with(arith::ConstantOp::create(like.builder(), like.builder().getIntegerAttr(like.type(), value)));
}

Scalar Scalar::number(double n) const {
  if (isFloat())
    return with(arith::ConstantOp::create(*b, b->getFloatAttr(type(), n)));
  // A model's attribute may be any number: one that no int64 is becomes the nearest that is, NaN 0.
  llvm::APSInt integer(64, /*isUnsigned=*/false);
  bool isExact;
  APFloat(n).convertToInteger(integer, APFloat::rmTowardZero, &isExact);
  return literal(*this, integer.sextOrTrunc(width(*this)));
}

Scalar Scalar::number(const APFloat &n) const { return number(Number(n).n); }

Number::Number(const APFloat &value) {
  APFloat wide = value;
  bool losesInfo;
  wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  n = wide.convertToDouble();
}

Scalar Scalar::highest() const {
  if (isFloat())
    return number(std::numeric_limits<double>::infinity());
  return literal(*this, isUnsigned() ? APInt::getMaxValue(width(*this)) : APInt::getSignedMaxValue(width(*this)));
}

Scalar Scalar::lowest() const {
  if (isFloat())
    return number(-std::numeric_limits<double>::infinity());
  return literal(*this, isUnsigned() ? APInt::getMinValue(width(*this)) : APInt::getSignedMinValue(width(*this)));
}

template <typename FloatOp, typename IntOp> static Scalar arithmetic(Scalar a, Scalar b) {
  if (a.isFloat())
    return a.with(FloatOp::create(a.builder(), a, b));
  return a.with(IntOp::create(a.builder(), a, b));
}

Scalar onnxc::onnx::operator+(Scalar a, Scalar b) { return arithmetic<arith::AddFOp, arith::AddIOp>(a, b); }
Scalar onnxc::onnx::operator-(Scalar a, Scalar b) { return arithmetic<arith::SubFOp, arith::SubIOp>(a, b); }
Scalar onnxc::onnx::operator*(Scalar a, Scalar b) { return arithmetic<arith::MulFOp, arith::MulIOp>(a, b); }

Scalar onnxc::onnx::divideByShared(Scalar a, Scalar b) {
  return a.with(arith::DivFOp::create(a.builder(), a, b, arith::FastMathFlags::arcp));
}
Scalar onnxc::onnx::operator-(Scalar a) {
  return a.isFloat() ? a.with(arith::NegFOp::create(a.builder(), a)) : a.number(0) - a;
}

/// Calls `divide` with a divisor that the processor does not trap on, and puts the results for the others right.
template <typename IntOp> static Scalar divideSafely(Scalar a, Scalar b, Scalar byMinusOne) {
  Scalar isZero = b == 0;
  Scalar divisor = select(isZero, 1, b);
  Scalar isMinusOne;
  if (!b.isUnsigned()) {
    isMinusOne = b == -1;
    divisor = select(isMinusOne, 1, divisor);
  }
  Scalar result = select(isZero, 0, a.with(IntOp::create(a.builder(), a, divisor)));
  return isMinusOne ? select(isMinusOne, byMinusOne, result) : result;
}

Scalar onnxc::onnx::operator/(Scalar a, Scalar b) {
  if (a.isFloat())
    return a.with(arith::DivFOp::create(a.builder(), a, b));
  return a.isUnsigned() ? divideSafely<arith::DivUIOp>(a, b, {}) : divideSafely<arith::DivSIOp>(a, b, -a);
}

Scalar onnxc::onnx::operator&(Scalar a, Scalar b) { return a.with(arith::AndIOp::create(a.builder(), a, b)); }
Scalar onnxc::onnx::operator|(Scalar a, Scalar b) { return a.with(arith::OrIOp::create(a.builder(), a, b)); }
Scalar onnxc::onnx::operator^(Scalar a, Scalar b) { return a.with(arith::XOrIOp::create(a.builder(), a, b)); }
Scalar onnxc::onnx::operator~(Scalar a) { return a ^ literal(a, APInt::getAllOnes(width(a))); }

static Scalar compare(Scalar a, Scalar b, arith::CmpFPredicate forFloat, arith::CmpIPredicate forSigned,
                      arith::CmpIPredicate forUnsigned) {
  auto &builder = a.builder();
  if (a.isFloat())
    return Scalar(builder, arith::CmpFOp::create(builder, forFloat, a, b));
  return Scalar(builder, arith::CmpIOp::create(builder, a.isUnsigned() ? forUnsigned : forSigned, a, b));
}

using F = arith::CmpFPredicate;
using I = arith::CmpIPredicate;
Scalar onnxc::onnx::operator<(Scalar a, Scalar b) { return compare(a, b, F::OLT, I::slt, I::ult); }
Scalar onnxc::onnx::operator>(Scalar a, Scalar b) { return compare(a, b, F::OGT, I::sgt, I::ugt); }
Scalar onnxc::onnx::operator<=(Scalar a, Scalar b) { return compare(a, b, F::OLE, I::sle, I::ule); }
Scalar onnxc::onnx::operator>=(Scalar a, Scalar b) { return compare(a, b, F::OGE, I::sge, I::uge); }
Scalar onnxc::onnx::operator==(Scalar a, Scalar b) { return compare(a, b, F::OEQ, I::eq, I::eq); }
Scalar onnxc::onnx::operator!=(Scalar a, Scalar b) { return compare(a, b, F::UNE, I::ne, I::ne); }

Scalar onnxc::onnx::select(Scalar condition, Scalar a, Scalar b) {
  return a.with(arith::SelectOp::create(a.builder(), condition, a, b));
}

Scalar onnxc::onnx::max(Scalar a, Scalar b) {
  return a.isUnsigned() ? a.with(arith::MaxUIOp::create(a.builder(), a, b))
                        : arithmetic<arith::MaximumFOp, arith::MaxSIOp>(a, b);
}
Scalar onnxc::onnx::min(Scalar a, Scalar b) {
  return a.isUnsigned() ? a.with(arith::MinUIOp::create(a.builder(), a, b))
                        : arithmetic<arith::MinimumFOp, arith::MinSIOp>(a, b);
}

// x86's maxps gives its second operand when one is NaN; the comparison is written so that this one is x.
Scalar onnxc::onnx::atLeast(Scalar x, Scalar bound) {
  return x.isFloat() ? select(x < bound, bound, x) : max(x, bound);
}
Scalar onnxc::onnx::atMost(Scalar x, Scalar bound) { return x.isFloat() ? select(x > bound, bound, x) : min(x, bound); }

Scalar onnxc::onnx::abs(Scalar x) {
  if (x.isFloat())
    return x.with(math::AbsFOp::create(x.builder(), x));
  return x.isUnsigned() ? x : select(x < 0, -x, x);
}

Scalar onnxc::onnx::sign(Scalar x) {
  // A zero keeps its sign, NaN stays NaN.
  Scalar positive = select(x > 0, 1, x);
  return x.isUnsigned() ? positive : select(x < 0, -1, positive);
}

static Scalar copySign(Scalar magnitude, Scalar sign) {
  return magnitude.with(math::CopySignOp::create(magnitude.builder(), magnitude, sign));
}

Scalar onnxc::onnx::truncatedRemainder(Scalar a, Scalar b) {
  if (!a.isFloat())
    return a.isUnsigned() ? divideSafely<arith::RemUIOp>(a, b, {}) : divideSafely<arith::RemSIOp>(a, b, a.number(0));
  // arith.remf would be a call of fmod. In f64 the product is exact for f32 operands and quotients up to 2^29.
  auto f64 = a.builder().getF64Type();
  Scalar x = convert(a, f64), y = convert(b, f64);
  Scalar rest = copySign(x - trunc(x / y) * y, x); // zero has a sign, too
  Scalar isFinite = abs(x) < x.highest();
  return convert(select((abs(y) == y.highest()) & isFinite, x, rest), a.type());
}

Scalar onnxc::onnx::flooredRemainder(Scalar a, Scalar b) {
  Scalar rest = truncatedRemainder(a, b);
  if (a.isUnsigned())
    return rest;
  Scalar result = select((rest != 0) & ((rest < 0) ^ (b < 0)), rest + b, rest);
  return a.isFloat() ? select(rest == 0, copySign(rest, b), result) : result;
}

Scalar onnxc::onnx::shiftLeft(Scalar x, Scalar count) {
  Scalar inRange = (count >= 0) & (count < width(x));
  Scalar safe = select(inRange, count, 0);
  return select(inRange, x.with(arith::ShLIOp::create(x.builder(), x, safe)), 0);
}

Scalar onnxc::onnx::shiftRight(Scalar x, Scalar count) {
  Scalar last = count.number(width(x) - 1);
  if (!x.isUnsigned()) // copies of the sign come in, so that everything beyond the width is the same as the last
    return x.with(arith::ShRSIOp::create(x.builder(), x, select((count >= 0) & (count < last), count, last)));
  Scalar inRange = (count >= 0) & (count <= last);
  return select(inRange, x.with(arith::ShRUIOp::create(x.builder(), x, select(inRange, count, 0))), 0);
}

/// Squares and multiplies, without a loop: an exponent of more than 6 bits is reduced to its parity, which is all that
/// matters for 0, 1 and -1; other numbers have overflowed long before.
static Scalar powerOfInt(Scalar x, Scalar exponent) {
  constexpr int kBits = 6;
  constexpr double kLimit = 1 << kBits;
  Scalar isNegative = exponent < 0;
  Scalar odd = exponent & exponent.number(1);
  Scalar steps = select((exponent >= kLimit) | isNegative, odd + (kLimit - 2), exponent);
  Scalar result = x.number(1), square = x;
  for (int bit = 0; bit < kBits; ++bit) {
    Scalar isSet = (steps & steps.number(1 << bit)) != 0;
    result = select(isSet, result * square, result);
    square = square * square;
  }
  if (exponent.isUnsigned())
    return result;
  // 1 / x^n is 0 unless x is 1 or -1.
  Scalar isUnit = x.isUnsigned() ? x == 1 : (x == 1) | (x == -1);
  return select(isNegative & ~isUnit, 0, result);
}

Scalar onnxc::onnx::pow(Scalar x, Scalar exponent) {
  if (!x.isFloat())
    return powerOfInt(x, exponent);
  return x.with(math::PowFOp::create(x.builder(), x, exponent));
}

template <typename Op> static Scalar cast(Scalar x, Type to, bool isUnsigned = false) {
  return Scalar(x.builder(), Op::create(x.builder(), to, Value(x)), isUnsigned);
}

static Scalar convertInt(Scalar x, Type to, bool isUnsigned) {
  unsigned from = width(x), wanted = to.getIntOrFloatBitWidth();
  if (from == wanted)
    return Scalar(x.builder(), x, isUnsigned);
  if (wanted < from)
    return cast<arith::TruncIOp>(x, to, isUnsigned);
  return x.isUnsigned() ? cast<arith::ExtUIOp>(x, to, isUnsigned) : cast<arith::ExtSIOp>(x, to, isUnsigned);
}

Scalar onnxc::onnx::narrowToOdd(Scalar x) {
  ImplicitLocOpBuilder &b = x.builder();
  Scalar nearest = cast<arith::TruncFOp>(x, b.getF32Type()), same = cast<arith::ExtFOp>(nearest, b.getF64Type());
  Scalar bits(b, arith::BitcastOp::create(b, b.getI32Type(), nearest));
  // Of the two neighbours the nearer one is even: the other one lies one bit further out, or further in.
  Scalar isRounded = ((same < x) | (same > x)) & ((bits & bits.number(1)) == 0);
  Scalar odd = select(isRounded, select(abs(same) < abs(x), bits + 1, bits - 1), bits);
  return Scalar(b, arith::BitcastOp::create(b, b.getF32Type(), odd));
}

static Scalar convertFloat(Scalar x, Type to) {
  if (x.type() == to)
    return x;
  Type f32 = x.builder().getF32Type();
  bool narrow = width(x) < 32 || to.getIntOrFloatBitWidth() < 32;
  bool once = x.type().isF64() && to.isF16();          // rounding twice would not be the same
  if (narrow && !once && x.type() != f32 && to != f32) // from and to bfloat16 there is no other way
    return convertFloat(x.type().isF64() ? narrowToOdd(x) : convertFloat(x, f32), to);
  return width(x) < to.getIntOrFloatBitWidth() ? cast<arith::ExtFOp>(x, to) : cast<arith::TruncFOp>(x, to);
}

Scalar onnxc::onnx::convert(Scalar x, Type to, bool isUnsigned) {
  ImplicitLocOpBuilder &b = x.builder();
  if (to.isInteger(1))
    return x.isBool() ? x : x != 0;
  if (x.isFloat() && isa<FloatType>(to))
    return convertFloat(x, to);
  if (!x.isFloat() && !isa<FloatType>(to))
    return convertInt(x, to, isUnsigned);
  if (!x.isFloat()) { // through f32 where the target has no instruction for 16-bit floats
    Type direct = to.getIntOrFloatBitWidth() < 32 ? b.getF32Type() : to;
    return convertFloat(x.isUnsigned() ? cast<arith::UIToFPOp>(x, direct) : cast<arith::SIToFPOp>(x, direct), to);
  }
  x = widen(x);
  if (isUnsigned && to.isInteger(64))
    return cast<arith::FPToUIOp>(x, to, true);
  // Negative numbers and such beyond the range wrap: through a wider signed type.
  bool viaI64 = to.isInteger(64) || (isUnsigned && to.isInteger(32));
  return convertInt(cast<arith::FPToSIOp>(x, b.getIntegerType(viaI64 ? 64 : 32)), to, isUnsigned);
}

Scalar onnxc::onnx::widen(Scalar x) {
  return x.isFloat() && width(x) < 32 ? convertFloat(x, x.builder().getF32Type()) : x;
}

Scalar onnxc::onnx::inFloat(Scalar x, llvm::function_ref<Scalar(Scalar)> f) {
  return f(x.isFloat() ? x : convert(x, x.builder().getF32Type()));
}

#define ONNXC_MATH(NAME, OP)                                                                                           \
  Scalar onnxc::onnx::NAME(Scalar x) { return x.with(math::OP::create(x.builder(), x)); }
ONNXC_MATH(acos, AcosOp)
ONNXC_MATH(acosh, AcoshOp)
ONNXC_MATH(asin, AsinOp)
ONNXC_MATH(asinh, AsinhOp)
ONNXC_MATH(atan, AtanOp)
ONNXC_MATH(atanh, AtanhOp)
ONNXC_MATH(ceil, CeilOp)
ONNXC_MATH(cos, CosOp)
ONNXC_MATH(cosh, CoshOp)
ONNXC_MATH(erf, ErfOp)
ONNXC_MATH(exp, ExpOp)
ONNXC_MATH(floor, FloorOp)
ONNXC_MATH(log, LogOp)
ONNXC_MATH(log1p, Log1pOp)
ONNXC_MATH(roundeven, RoundEvenOp)
ONNXC_MATH(rsqrt, RsqrtOp)
ONNXC_MATH(sin, SinOp)
ONNXC_MATH(sinh, SinhOp)
ONNXC_MATH(sqrt, SqrtOp)
ONNXC_MATH(tan, TanOp)
ONNXC_MATH(tanh, TanhOp)
ONNXC_MATH(trunc, TruncOp)
#undef ONNXC_MATH
