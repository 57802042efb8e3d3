//===- lib/Codegen/Common/ExpandMath.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementary functions as plain arithmetic, on scalars and vectors: a compiled model calls no libm.
//
// log, tanh and erf of f32 are MLIR's polynomials (at most 5 ulp); exp, asin, acos and atan of f32 have their own
// (at most 0.9, 2.4, 1.2 and 2 ulp; results of exp below the normal numbers are 0). All others are computed in f64 by
// the formulas below (relative error about 1e-15, 1e-13 for pow) and rounded: at most 1 ulp in f32. f16 and bf16 go
// through f32. sin, cos and tan hold their accuracy for |x| <= 2^50 and stay within their range beyond.
#include "lib/Codegen/Common/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <cmath>

namespace onnxc {
#define GEN_PASS_DEF_EXPANDMATH
#include "lib/Codegen/Common/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {

/// Writes formulas on values of one shape (scalar or vector): arithmetic in `element`, f64 where nothing else is said,
/// with bit patterns of that width beside it.
class Formula {
public:
  Formula(ImplicitLocOpBuilder &b, Type like) : Formula(b, like, b.getF64Type()) {}
  Formula(ImplicitLocOpBuilder &b, Type like, FloatType element)
      : b(b), vector(dyn_cast<VectorType>(like)), element(element) {}

  Type shaped(Type element) { return vector ? Type(vector.clone(element)) : element; }
  Type floats() { return shaped(element); }
  Type integers() { return shaped(b.getIntegerType(element.getWidth())); }

  Value constant(double value) { return splat(b.getFloatAttr(element, value)); }
  Value integer(int64_t value) { return splat(b.getIntegerAttr(b.getIntegerType(element.getWidth()), value)); }

  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, x, y); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(b, x, y, z); }
  Value neg(Value x) { return arith::NegFOp::create(b, x); }
  Value abs(Value x) { return math::AbsFOp::create(b, x); }
  Value sqrt(Value x) { return math::SqrtOp::create(b, x); }
  Value copySign(Value magnitude, Value sign) { return math::CopySignOp::create(b, magnitude, sign); }
  Value min(Value x, Value y) { return arith::MinNumFOp::create(b, x, y); }
  Value max(Value x, Value y) { return arith::MaxNumFOp::create(b, x, y); }
  Value select(Value condition, Value x, Value y) { return arith::SelectOp::create(b, condition, x, y); }
  Value both(Value x, Value y) { return arith::AndIOp::create(b, x, y); }
  Value either(Value x, Value y) { return arith::OrIOp::create(b, x, y); }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) { return arith::CmpFOp::create(b, predicate, x, y); }
  Value less(Value x, Value y) { return compare(arith::CmpFPredicate::OLT, x, y); }
  Value equal(Value x, Value y) { return compare(arith::CmpFPredicate::OEQ, x, y); }
  Value isNaN(Value x) { return compare(arith::CmpFPredicate::UNO, x, x); }
  Value bits(Value x) { return arith::BitcastOp::create(b, integers(), x); }
  Value fromBits(Value x) { return arith::BitcastOp::create(b, floats(), x); }
  Value toInteger(Value x) { return arith::FPToSIOp::create(b, integers(), x); }
  Value toFloat(Value x) { return arith::SIToFPOp::create(b, floats(), x); }
  Value roundEven(Value x) { return math::RoundEvenOp::create(b, x); }

  /// coefficients[0] + x * (coefficients[1] + x * (...))
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value result = constant(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      result = fma(result, x, constant(coefficient));
    return result;
  }

  /// 2^k for integers k in the range of normal numbers.
  Value powerOfTwo(Value k) {
    Value biased = arith::AddIOp::create(b, k, integer(1023));
    return fromBits(arith::ShLIOp::create(b, biased, integer(52)));
  }

  /// exp(x), or exp(x) - 1 without cancellation. x = k ln2 + r with |r| <= ln2 / 2, and a Taylor polynomial for r.
  Value exp(Value x, bool minusOne = false) {
    Value nan = isNaN(x);
    Value bounded = select(nan, constant(0), max(min(x, constant(710)), constant(-746)));
    Value k = roundEven(mul(bounded, constant(1.4426950408889634074)));
    Value r = fma(k, constant(-6.93147180369123816490e-01), bounded);
    r = fma(k, constant(-1.90821492927058770002e-10), r);
    SmallVector<double> taylor; // (e^r - 1 - r) / r^2
    double factorial = 1;
    for (int n = 2; n <= 14; ++n)
      taylor.push_back(1 / (factorial *= n));
    Value tail = fma(mul(r, r), polynomial(r, taylor), r); // e^r - 1
    // 2^k in two steps: k reaches beyond the exponents of normal numbers on both sides.
    Value whole = toInteger(k);
    Value half = arith::ShRSIOp::create(b, whole, integer(1));
    Value first = powerOfTwo(half), second = powerOfTwo(arith::SubIOp::create(b, whole, half));
    Value result;
    if (minusOne) {
      Value scale = mul(first, second); // finite: where it is not, the result is infinite all the same
      result = fma(scale, tail, sub(scale, constant(1)));
      result = select(less(constant(709.7), bounded), constant(INFINITY), result);
      result = select(equal(x, constant(0)), x, result); // keeps -0
    } else {
      result = mul(mul(add(tail, constant(1)), first), second);
    }
    return select(nan, x, result);
  }

  /// 2^x = 2^k e^((x - k) ln2)
  Value exp2(Value x) {
    Value bounded = max(min(x, constant(1100)), constant(-1100));
    Value k = roundEven(bounded);
    Value fraction = exp(mul(sub(bounded, k), constant(M_LN2)));
    Value whole = toInteger(select(isNaN(x), constant(0), k));
    Value half = arith::ShRSIOp::create(b, whole, integer(1));
    Value result = mul(mul(fraction, powerOfTwo(half)), powerOfTwo(arith::SubIOp::create(b, whole, half)));
    return select(isNaN(x), x, result);
  }

  /// log(x). x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); the coefficients are those of fdlibm's e_log.c.
  Value log(Value x) {
    Value small = less(x, constant(2.2250738585072014e-308));
    Value normal = select(small, mul(x, constant(18014398509481984.0)), x); // subnormal: times 2^54
    Value pattern = bits(normal);
    // The exponent of m = 1 + f is chosen so that m >= sqrt(1/2): adding 2^52 (1 - sqrt(1/2)) carries where needed.
    Value shifted = arith::AddIOp::create(b, pattern, integer(0x3ff0000000000000LL - 0x3fe6a09e667f3bcdLL));
    Value k = arith::SubIOp::create(b, arith::ShRSIOp::create(b, shifted, integer(52)), integer(1023));
    Value m = fromBits(arith::SubIOp::create(b, pattern, arith::ShLIOp::create(b, k, integer(52))));
    Value exponent = sub(toFloat(k), select(small, constant(54), constant(0)));
    Value f = sub(m, constant(1));
    Value s = div(f, add(f, constant(2)));
    Value z = mul(s, s);
    Value r = mul(z, polynomial(z, {6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
                                    2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
                                    1.479819860511658591e-01}));
    Value square = mul(constant(0.5), mul(f, f));
    Value low = fma(exponent, constant(1.90821492927058770002e-10), mul(s, add(square, r)));
    Value result = sub(mul(exponent, constant(6.93147180369123816490e-01)), sub(sub(square, low), f));
    result = select(equal(x, constant(INFINITY)), x, result);
    result = select(equal(x, constant(0)), constant(-INFINITY), result);
    return select(compare(arith::CmpFPredicate::ULT, x, constant(0)), constant(NAN), result);
  }

  /// log(1 + x): the rounding error of u = 1 + x is made good by the factor x / (u - 1) (W. Kahan).
  Value log1p(Value x) {
    Value u = add(x, constant(1));
    Value exact = equal(u, constant(1));
    Value d = sub(u, constant(1));
    Value corrected = mul(log(u), div(x, select(exact, constant(1), d)));
    Value result = select(equal(u, constant(INFINITY)), u, select(equal(u, constant(0)), log(u), corrected));
    return select(exact, x, result);
  }

  /// sin and cos of x: x = k pi/2 + r in three steps of fused multiply-add, then fdlibm's k_sin.c and k_cos.c.
  std::pair<Value, Value> sinCos(Value x) {
    Value finite = less(abs(x), constant(INFINITY));
    Value bounded = select(finite, x, constant(0));
    Value k = roundEven(mul(bounded, constant(0.63661977236758134308)));
    Value r = fma(k, constant(-1.57079632679489655800e+00), bounded);
    r = fma(k, constant(-6.12323399573676603587e-17), r);
    r = fma(k, constant(1.49738490485916983294e-33), r);
    Value z = mul(r, r);
    Value sine =
        fma(mul(z, r),
            polynomial(z, {-1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04,
                           2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10}),
            r);
    Value cosine =
        fma(mul(z, z),
            polynomial(z, {4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
                           -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11}),
            fma(z, constant(-0.5), constant(1)));
    Value whole = toInteger(k);
    auto bit = [&](Value value, int64_t mask) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, arith::AndIOp::create(b, value, integer(mask)),
                                   integer(0));
    };
    Value odd = bit(whole, 1);
    Value sinResult = select(odd, cosine, sine), cosResult = select(odd, sine, cosine);
    sinResult = select(bit(whole, 2), neg(sinResult), sinResult);
    Value next = arith::AddIOp::create(b, whole, integer(1));
    cosResult = select(bit(next, 2), neg(cosResult), cosResult);
    auto finish = [&](Value result) { // beyond 2^50 r is no remainder any more; the result stays in its range
      return select(finite, max(min(result, constant(1)), constant(-1)), constant(NAN));
    };
    return {select(equal(x, constant(0)), x, finish(sinResult)), finish(cosResult)};
  }

  /// atan(x): |x| is brought to [0, 0.66] by atan(x) = pi/2 - atan(1/x) and pi/4 + atan((x-1)/(x+1)); the rational
  /// approximation there is that of Cephes' atan.c.
  Value atan(Value x) {
    Value magnitude = abs(x);
    Value large = less(constant(2.41421356237309504880), magnitude);
    Value middle = both(less(constant(0.66), magnitude),
                        compare(arith::CmpFPredicate::OLE, magnitude, constant(2.41421356237309504880)));
    Value reduced = select(large, div(constant(-1), magnitude),
                           select(middle, div(sub(magnitude, constant(1)), add(magnitude, constant(1))), magnitude));
    Value offset = select(large, constant(M_PI_2), select(middle, constant(M_PI_4), constant(0)));
    Value lost = select(large, constant(6.123233995736765886130e-17),
                        select(middle, constant(3.061616997868382943065e-17), constant(0)));
    Value z = mul(reduced, reduced);
    Value p = polynomial(z, {-6.485021904942025371773e1, -1.228866684490136173410e2, -7.500855792314704667340e1,
                             -1.615753718733365076637e1, -8.750608600031904122785e-1});
    Value q = polynomial(z, {1.945506571482613964425e2, 4.853903996359136964868e2, 4.328810604912902668951e2,
                             1.650270098316988542046e2, 2.485846490142306297962e1, 1.0});
    Value result = fma(mul(reduced, z), div(p, q), reduced);
    return copySign(add(offset, add(result, lost)), x);
  }

  /// atan2(y, x), IEEE 754's cases of zeros and infinities included.
  Value atan2(Value y, Value x) {
    Value bothInfinite = both(equal(abs(x), constant(INFINITY)), equal(abs(y), constant(INFINITY)));
    Value quotient = select(bothInfinite, constant(1), div(abs(y), abs(x)));
    quotient = select(both(equal(x, constant(0)), equal(y, constant(0))), constant(0), quotient);
    Value angle = atan(quotient);
    Value negative = less(copySign(constant(1), x), constant(0));
    Value result = copySign(select(negative, sub(constant(M_PI), angle), angle), y);
    return select(either(isNaN(x), isNaN(y)), constant(NAN), result);
  }

  Value sinh(Value x) {
    Value e = exp(abs(x), /*minusOne=*/true);
    Value halves = mul(constant(0.5), add(e, div(e, add(e, constant(1)))));
    return copySign(select(equal(e, constant(INFINITY)), e, halves), x);
  }
  Value cosh(Value x) {
    Value half = exp(mul(constant(0.5), abs(x))); // e^x overflows before cosh(x) does
    Value e = mul(mul(constant(0.5), half), half);
    return add(e, div(constant(0.25), e));
  }
  Value tanh(Value x) {
    Value e = exp(mul(constant(2), min(abs(x), constant(22))), /*minusOne=*/true);
    return select(isNaN(x), x, copySign(div(e, add(e, constant(2))), x));
  }
  Value asinh(Value x) {
    Value a = abs(x);
    Value square = mul(a, a);
    Value result = log1p(add(a, div(square, add(constant(1), sqrt(add(square, constant(1)))))));
    Value huge = less(constant(1e150), a); // a^2 overflows: log(2a)
    return copySign(select(huge, add(log(a), constant(M_LN2)), result), x);
  }
  Value acosh(Value x) {
    Value t = sub(x, constant(1));
    Value result = log1p(add(t, sqrt(fma(t, t, mul(constant(2), t)))));
    return select(less(constant(1e150), x), add(log(x), constant(M_LN2)), result);
  }
  Value atanh(Value x) {
    Value a = abs(x);
    return copySign(mul(constant(0.5), log1p(div(mul(constant(2), a), sub(constant(1), a)))), x);
  }
  Value asin(Value x) { return atan(div(x, sqrt(mul(sub(constant(1), x), add(constant(1), x))))); }
  Value acos(Value x) { return mul(constant(2), atan(sqrt(div(sub(constant(1), x), add(constant(1), x))))); }
  /// exp in f32. x = n ln2 + r; adding 1.5 * 2^23 rounds to the integer n and leaves it in the low bits.
  Value expSingle(Value x) {
    Value shift = constant(12582912), shifted = fma(x, constant(M_LOG2E), shift), n = sub(shifted, shift);
    // ln2 as two numbers of f32, the first short enough that its product with n is exact.
    constexpr double high = 0.693145751953125, low = M_LN2 - high;
    Value r = fma(n, constant(-low), fma(n, constant(-high), x));
    Value power = polynomial(r, {1, 1, 0.49999994, 0.16666521, 0.041668389, 0.0083687166, 0.0013814599});
    Value scale = arith::ShLIOp::create(b, bits(shifted), integer(23));
    Value result = fromBits(arith::AddIOp::create(b, bits(power), scale));
    result = select(less(x, constant(-87.3365402)), constant(0), result);
    Value isInRange = compare(arith::CmpFPredicate::OLE, x, constant(88.7228317));
    return select(isInRange, result, mul(x, constant(INFINITY))); // NaN, too
  }

  /// In f32. `a` = |x|: asin(a) where a <= 1/2, asin(sqrt((1 - a) / 2)) beyond, by a minimax polynomial (0.08 ulp).
  Value asinOfHalf(Value a, Value isLarge) {
    Value square = select(isLarge, fma(constant(-0.5), a, constant(0.5)), mul(a, a));
    Value root = select(isLarge, sqrt(square), a);
    return fma(mul(root, square),
               polynomial(square, {0.1666675210, 0.0749529729, 0.0454703756, 0.0241795164, 0.0421663076}), root);
  }
  // pi/2 as two numbers of f32.
  static constexpr float halfPi = static_cast<float>(M_PI_2);
  static constexpr double halfPiRest = M_PI_2 - halfPi;
  /// asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2))
  Value asinSingle(Value x) {
    Value a = abs(x), isLarge = less(constant(0.5), a), part = asinOfHalf(a, isLarge);
    Value rest = sub(constant(halfPi), sub(mul(constant(2), part), constant(halfPiRest)));
    return copySign(select(isLarge, rest, part), x);
  }
  /// acos(x) = pi/2 - asin(x), 2 asin(sqrt((1 - x) / 2)) above 1/2, and pi less that of -x below -1/2.
  Value acosSingle(Value x) {
    Value a = abs(x), isLarge = less(constant(0.5), a), part = asinOfHalf(a, isLarge), zero = constant(0);
    Value sum = copySign(select(isLarge, mul(constant(2), part), part), x);
    Value isNegative = less(x, zero);
    auto offset = [&](double halfPi) {
      return select(isLarge, select(isNegative, constant(2 * halfPi), zero), constant(halfPi));
    };
    return add(offset(halfPi), add(select(isLarge, sum, neg(sum)), offset(halfPiRest)));
  }
  /// In f32. |x| is brought to [0, tan(pi/8)] as by `atan`, with one division; a minimax polynomial there (0.01 ulp).
  Value atanSingle(Value x) {
    Value a = abs(x), one = constant(1), zero = constant(0);
    Value large = less(constant(2.41421356), a), middle = less(constant(0.414213562), a);
    auto choose = [&](Value ifLarge, Value ifMiddle, Value otherwise) {
      return select(large, ifLarge, select(middle, ifMiddle, otherwise));
    };
    Value reduced = div(choose(constant(-1), sub(a, one), a), choose(a, add(a, one), one));
    Value square = mul(reduced, reduced);
    Value series = polynomial(square, {-0.333333164, 0.199984714, -0.142435327, 0.105938122, -0.0607821792});
    Value rest = choose(constant(halfPiRest), constant(halfPiRest / 2), zero);
    Value part = fma(mul(reduced, square), series, add(reduced, rest));
    return copySign(add(choose(constant(halfPi), constant(halfPi / 2), zero), part), x);
  }
  Value cbrt(Value x) {
    Value a = abs(x);
    Value special = either(equal(a, constant(0)), compare(arith::CmpFPredicate::UEQ, a, constant(INFINITY)));
    Value root = exp(div(log(select(special, constant(1), a)), constant(3)));
    root = sub(root, div(sub(root, div(a, mul(root, root))), constant(3))); // one Newton step
    return select(special, x, copySign(root, x));
  }

  /// erf(x). Up to 3.5 the series 2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!!, whose terms are all positive;
  /// beyond, 1 - erfc(x) by Laplace's continued fraction (Abramowitz & Stegun 7.1.6, 7.1.14).
  Value erf(Value x) {
    Value a = abs(x);
    Value near = min(a, constant(3.5)), square = mul(near, near);
    SmallVector<double> series;
    for (double n = 0, term = 1; n < 56; ++n, term *= 2 / (2 * n + 1))
      series.push_back(term);
    Value small = mul(mul(constant(M_2_SQRTPI), exp(neg(square))), mul(near, polynomial(square, series)));
    Value far = max(a, constant(3.5)), fraction = far;
    for (int n = 24; n >= 1; --n)
      fraction = add(far, div(constant(n / 2.0), fraction));
    Value tail = div(mul(constant(M_2_SQRTPI / 2), exp(neg(mul(far, far)))), fraction);
    Value result = select(less(constant(3.5), a), sub(constant(1), tail), small);
    return select(isNaN(x), x, copySign(result, x));
  }

  /// x^y = e^(y log |x|), and the cases that C's pow lists.
  Value pow(Value x, Value y) {
    Value magnitude = abs(x);
    Value power = exp(mul(y, log(magnitude)));
    Value isInteger = equal(roundEven(y), y);
    Value half = mul(y, constant(0.5));
    Value isOdd = both(isInteger, compare(arith::CmpFPredicate::ONE, roundEven(half), half));
    Value negative = less(copySign(constant(1), x), constant(0));
    Value result = select(both(negative, isOdd), neg(power), power);
    Value bad = both(less(x, constant(0)),
                     both(compare(arith::CmpFPredicate::ONE, roundEven(y), y), less(constant(-INFINITY), x)));
    result = select(bad, constant(NAN), result);
    Value unit = both(equal(magnitude, constant(1)), equal(abs(y), constant(INFINITY)));
    Value one = either(either(equal(y, constant(0)), equal(x, constant(1))), unit);
    return select(one, constant(1), result);
  }

private:
  Value splat(TypedAttr element) {
    if (!vector)
      return arith::ConstantOp::create(b, element);
    return arith::ConstantOp::create(b, DenseElementsAttr::get(vector.clone(element.getType()), Attribute(element)));
  }
  ImplicitLocOpBuilder &b;
  VectorType vector;
  FloatType element;
};

/// Makes the operation's value in f32 with a formula in f32.
template <typename OpT> struct InSingle : OpRewritePattern<OpT> {
  InSingle(MLIRContext *context, Value (Formula::*body)(Value)) : OpRewritePattern<OpT>(context), body(body) {}

  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Formula formula(b, op.getType(), b.getF32Type());
    rewriter.replaceOp(op, (formula.*body)(op.getOperand()));
    return success();
  }

  Value (Formula::*body)(Value);
};

/// Makes the operation's value with a formula in f64.
template <typename OpT> struct ViaDouble : OpRewritePattern<OpT> {
  using Body = Value (*)(Formula &, ValueRange);
  ViaDouble(MLIRContext *context, Body body, bool singleToo)
      : OpRewritePattern<OpT>(context), body(body), singleToo(singleToo) {}

  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    Type element = getElementTypeOrSelf(type);
    if (!element.isF64() && !(element.isF32() && singleToo))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Formula formula(b, type);
    SmallVector<Value> operands(op->getOperands());
    if (element.isF32())
      for (Value &operand : operands)
        operand = arith::ExtFOp::create(b, formula.floats(), operand);
    Value result = body(formula, operands);
    if (element.isF32())
      result = arith::TruncFOp::create(b, type, result);
    rewriter.replaceOp(op, result);
    return success();
  }

  Body body;
  bool singleToo;
};

/// Functions of f16 and bf16 are functions of f32, rounded.
struct Widen : RewritePattern {
  explicit Widen(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/2, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (op->getDialect() != getContext()->getLoadedDialect<math::MathDialect>() || op->getNumResults() != 1)
      return failure();
    Type type = op->getResult(0).getType(), element = getElementTypeOrSelf(type);
    if (!element.isF16() && !element.isBF16())
      return failure();
    auto wide = [&](Type narrow) -> Type {
      auto vector = dyn_cast<VectorType>(narrow);
      return vector ? Type(vector.clone(rewriter.getF32Type())) : rewriter.getF32Type();
    };
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(getElementTypeOrSelf(operand.getType()) == element
                             ? arith::ExtFOp::create(rewriter, op->getLoc(), wide(operand.getType()), operand)
                             : operand);
    OperationState state(op->getLoc(), op->getName(), operands, {wide(type)}, op->getAttrs());
    Operation *widened = rewriter.create(state);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, type, widened->getResult(0));
    return success();
  }
};

/// The larger or smaller number, NaN if one is: left to LLVM, whose loop vectoriser knows it as a reduction. Which zero
/// wins is nobody's concern.
template <typename FromT, typename ToT> struct ToIntrinsic : OpRewritePattern<FromT> {
  using OpRewritePattern<FromT>::OpRewritePattern;

  LogicalResult matchAndRewrite(FromT op, PatternRewriter &rewriter) const override {
    Type element = getElementTypeOrSelf(op.getType());
    auto vector = dyn_cast<VectorType>(op.getType());
    if (!(element.isF32() || element.isF64()) || (vector && vector.getRank() != 1))
      return failure();
    rewriter.replaceOpWithNewOp<ToT>(op, op.getType(), op.getLhs(), op.getRhs(), LLVM::FastmathFlags::nsz);
    return success();
  }
};

struct ExpandMath : onnxc::impl::ExpandMathBase<ExpandMath> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns
        .add<Widen, ToIntrinsic<arith::MaximumFOp, LLVM::MaximumOp>, ToIntrinsic<arith::MinimumFOp, LLVM::MinimumOp>>(
            context);

    // f32 has its own polynomials for these.
    auto f64Only = [&](auto tag, auto body) { patterns.add<ViaDouble<decltype(tag)>>(context, body, false); };
    f64Only(math::ExpOp(), +[](Formula &f, ValueRange x) { return f.exp(x[0]); });
    f64Only(math::LogOp(), +[](Formula &f, ValueRange x) { return f.log(x[0]); });
    f64Only(math::TanhOp(), +[](Formula &f, ValueRange x) { return f.tanh(x[0]); });
    f64Only(math::ErfOp(), +[](Formula &f, ValueRange x) { return f.erf(x[0]); });

    auto add = [&](auto tag, auto body) { patterns.add<ViaDouble<decltype(tag)>>(context, body, true); };
    add(math::Exp2Op(), +[](Formula &f, ValueRange x) { return f.exp2(x[0]); });
    add(math::ExpM1Op(), +[](Formula &f, ValueRange x) { return f.exp(x[0], true); });
    add(math::Log2Op(), +[](Formula &f, ValueRange x) { return f.mul(f.log(x[0]), f.constant(M_LOG2E)); });
    add(math::Log10Op(), +[](Formula &f, ValueRange x) { return f.mul(f.log(x[0]), f.constant(M_LOG10E)); });
    add(math::Log1pOp(), +[](Formula &f, ValueRange x) { return f.log1p(x[0]); });
    add(math::SinOp(), +[](Formula &f, ValueRange x) { return f.sinCos(x[0]).first; });
    add(math::CosOp(), +[](Formula &f, ValueRange x) { return f.sinCos(x[0]).second; });
    add(
        math::TanOp(), +[](Formula &f, ValueRange x) {
          auto [sine, cosine] = f.sinCos(x[0]);
          return f.div(sine, cosine);
        });
    patterns.add<InSingle<math::ExpOp>>(context, &Formula::expSingle);
    patterns.add<InSingle<math::AsinOp>>(context, &Formula::asinSingle);
    patterns.add<InSingle<math::AcosOp>>(context, &Formula::acosSingle);
    f64Only(math::AsinOp(), +[](Formula &f, ValueRange x) { return f.asin(x[0]); });
    f64Only(math::AcosOp(), +[](Formula &f, ValueRange x) { return f.acos(x[0]); });
    patterns.add<InSingle<math::AtanOp>>(context, &Formula::atanSingle);
    f64Only(math::AtanOp(), +[](Formula &f, ValueRange x) { return f.atan(x[0]); });
    add(math::Atan2Op(), +[](Formula &f, ValueRange x) { return f.atan2(x[0], x[1]); });
    add(math::SinhOp(), +[](Formula &f, ValueRange x) { return f.sinh(x[0]); });
    add(math::CoshOp(), +[](Formula &f, ValueRange x) { return f.cosh(x[0]); });
    add(math::AsinhOp(), +[](Formula &f, ValueRange x) { return f.asinh(x[0]); });
    add(math::AcoshOp(), +[](Formula &f, ValueRange x) { return f.acosh(x[0]); });
    add(math::AtanhOp(), +[](Formula &f, ValueRange x) { return f.atanh(x[0]); });
    add(math::CbrtOp(), +[](Formula &f, ValueRange x) { return f.cbrt(x[0]); });
    add(math::PowFOp(), +[](Formula &f, ValueRange x) { return f.pow(x[0], x[1]); });

    for (StringRef name : {"log", "tanh", "erf"})
      populateMathPolynomialApproximationPatterns(
          patterns, [name](StringRef candidate) { return candidate == ("math." + name).str(); });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
