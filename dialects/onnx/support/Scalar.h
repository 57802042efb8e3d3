//===- dialects/onnx/support/Scalar.h ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One element inside a loop body. Arithmetic on it builds arith and math operations, so that lowerings read like the
// formulas of the specification: `select(x < 0, (exp(x) - 1) * alpha, x)`.
#pragma once

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace onnxc::onnx {

class Scalar {
public:
  Scalar() = default; ///< an absent optional operand
  Scalar(mlir::ImplicitLocOpBuilder &b, mlir::Value value, bool isUnsigned = false)
      : b(&b), value(value), isUnsignedInt(isUnsigned) {}

  explicit operator bool() const { return static_cast<bool>(value); }
  operator mlir::Value() const { return value; }
  mlir::ImplicitLocOpBuilder &builder() const { return *b; }
  mlir::Type type() const { return value.getType(); }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(type()); }
  bool isBool() const { return type().isInteger(1); }
  /// Integers: whether comparison, division and conversion treat it as unsigned. A bool is.
  bool isUnsigned() const { return isUnsignedInt || isBool(); }

  /// Another value of the same kind: what an operation gave, or a number.
  Scalar with(mlir::Value other) const { return Scalar(*b, other, isUnsignedInt); }
  Scalar number(double n) const;
  Scalar number(const llvm::APFloat &n) const;
  /// The largest (infinity for floats) and smallest value of the type.
  Scalar highest() const;
  Scalar lowest() const;

private:
  mlir::ImplicitLocOpBuilder *b = nullptr;
  mlir::Value value;
  bool isUnsignedInt = false;
};

/// A scalar operand that may be written as a number: it gets the other operand's type.
struct Number {
  Number(double n) : n(n) {}
  Number(const llvm::APFloat &n);
  double n;
};

// Integers wrap. Division truncates and never traps: x / 0 is 0, the smallest number / -1 is itself.
Scalar operator+(Scalar a, Scalar b);
Scalar operator-(Scalar a, Scalar b);
Scalar operator*(Scalar a, Scalar b);
Scalar operator/(Scalar a, Scalar b);
Scalar operator-(Scalar a);
/// a / b for floats, where b is the same for many a: may be computed as a * (1 / b), within 1.5 ulp.
Scalar divideByShared(Scalar a, Scalar b);
// Of bits and bools.
Scalar operator&(Scalar a, Scalar b);
Scalar operator|(Scalar a, Scalar b);
Scalar operator^(Scalar a, Scalar b);
Scalar operator~(Scalar a);
// Comparisons give a bool, false when an operand is NaN; but != is then true.
Scalar operator<(Scalar a, Scalar b);
Scalar operator>(Scalar a, Scalar b);
Scalar operator<=(Scalar a, Scalar b);
Scalar operator>=(Scalar a, Scalar b);
Scalar operator==(Scalar a, Scalar b);
Scalar operator!=(Scalar a, Scalar b);

#define ONNXC_WITH_NUMBER(OP)                                                                                          \
  inline Scalar operator OP(Scalar a, Number b) { return a OP a.number(b.n); }                                         \
  inline Scalar operator OP(Number a, Scalar b) { return b.number(a.n) OP b; }
ONNXC_WITH_NUMBER(+)
ONNXC_WITH_NUMBER(-)
ONNXC_WITH_NUMBER(*)
ONNXC_WITH_NUMBER(/)
ONNXC_WITH_NUMBER(<)
ONNXC_WITH_NUMBER(>)
ONNXC_WITH_NUMBER(<=)
ONNXC_WITH_NUMBER(>=)
ONNXC_WITH_NUMBER(==)
ONNXC_WITH_NUMBER(!=)
#undef ONNXC_WITH_NUMBER

Scalar select(Scalar condition, Scalar a, Scalar b);
inline Scalar select(Scalar condition, Number a, Scalar b) { return select(condition, b.number(a.n), b); }
inline Scalar select(Scalar condition, Scalar a, Number b) { return select(condition, a, a.number(b.n)); }

/// Of floats: NaN when an operand is NaN.
Scalar max(Scalar a, Scalar b);
Scalar min(Scalar a, Scalar b);
/// The same for a bound that is not NaN: one instruction on every target.
Scalar atLeast(Scalar x, Scalar bound);
Scalar atMost(Scalar x, Scalar bound);
inline Scalar atLeast(Scalar x, Number bound) { return atLeast(x, x.number(bound.n)); }
inline Scalar atMost(Scalar x, Number bound) { return atMost(x, x.number(bound.n)); }

Scalar abs(Scalar x);
Scalar sign(Scalar x);
/// Remainder with the sign of the dividend (as C's % and fmod) or of the divisor (as Python's %).
Scalar truncatedRemainder(Scalar a, Scalar b);
Scalar flooredRemainder(Scalar a, Scalar b);
/// Shifted by `count` bits, 0 beyond the width.
Scalar shiftLeft(Scalar x, Scalar count);
Scalar shiftRight(Scalar x, Scalar count);
/// Of two integers, or of two floats of the same type.
Scalar pow(Scalar x, Scalar exponent);

/// As ONNX's Cast: floats to integers truncate, integers wrap, everything but 0 is true.
Scalar convert(Scalar x, mlir::Type to, bool isUnsigned = false);
/// A float64 as float32, rounded to odd: what is not exact gets the neighbour whose last bit is 1, so that rounding the
/// result to fewer bits is rounding the float64 to them.
Scalar narrowToOdd(Scalar x);
/// In f32 where it was a 16-bit float.
Scalar widen(Scalar x);
/// f(x), in f32 where x is an integer.
Scalar inFloat(Scalar x, llvm::function_ref<Scalar(Scalar)> f);

// Of floats.
#define ONNXC_MATH(NAME) Scalar NAME(Scalar x);
ONNXC_MATH(acos)
ONNXC_MATH(acosh)
ONNXC_MATH(asin)
ONNXC_MATH(asinh)
ONNXC_MATH(atan)
ONNXC_MATH(atanh)
ONNXC_MATH(ceil)
ONNXC_MATH(cos)
ONNXC_MATH(cosh)
ONNXC_MATH(erf)
ONNXC_MATH(exp)
ONNXC_MATH(floor)
ONNXC_MATH(log)
ONNXC_MATH(log1p)
ONNXC_MATH(roundeven)
ONNXC_MATH(rsqrt)
ONNXC_MATH(sin)
ONNXC_MATH(sinh)
ONNXC_MATH(sqrt)
ONNXC_MATH(tan)
ONNXC_MATH(tanh)
ONNXC_MATH(trunc)
#undef ONNXC_MATH

} // namespace onnxc::onnx
