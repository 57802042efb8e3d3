//===- lib/Codegen/Common/RoundQuotients.cpp ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Quotients by a number that are rounded to integers of a few bits, as QuantizeLinear's: multiplied instead of divided,
// where that gives the same integer for every dividend.
//
// With r = RN(1 / s) and e = RN(1 / s - r), q(x) = fma(x, r, x e) is x / s but for far less than an ulp (Brisebarre,
// Muller and Raina, Accelerating Correctly Rounded Floating-Point Division When the Divisor Is Known in Advance, 2004).
// Both rounded functions grow with x, so that they are the same if they step from one integer to the next at the same
// x, which is looked up for each of the few integers.
#include "lib/Codegen/Common/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include <cmath>
#include <map>

namespace onnxc {
#define GEN_PASS_DEF_ROUNDQUOTIENTS
#include "lib/Codegen/Common/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
/// clamp(roundeven(x / divisor) + zero, low, high) as an integer.
struct Quantization {
  Value x;
  float divisor, low, high, zero;

  static std::optional<Quantization> match(arith::FPToSIOp op);
};

/// x / s for dividends that are clamped to [least, most].
struct Reciprocal {
  float high, low, least, most;

  float multiply(float x) const { return low == 0 ? x * high : std::fma(x, high, x * low); }
  static std::optional<Reciprocal> get(float divisor, int low, int high);
};
} // namespace

/// The number that `value` is, in every lane.
static std::optional<float> getNumber(Value value) {
  Attribute attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return std::nullopt;
  if (auto splat = dyn_cast<SplatElementsAttr>(attribute))
    attribute = splat.getSplatValue<Attribute>();
  auto number = dyn_cast<FloatAttr>(attribute);
  if (!number || !number.getType().isF32())
    return std::nullopt;
  return number.getValue().convertToFloat();
}

/// select(y `predicate` bound, y, bound)
static std::optional<float> matchBound(Value value, arith::CmpFPredicate predicate, Value &y) {
  auto select = value.getDefiningOp<arith::SelectOp>();
  auto compare = select ? select.getCondition().getDefiningOp<arith::CmpFOp>() : arith::CmpFOp();
  if (!compare || compare.getPredicate() != predicate || compare.getLhs() != select.getTrueValue() ||
      compare.getRhs() != select.getFalseValue())
    return std::nullopt;
  y = select.getTrueValue();
  return getNumber(select.getFalseValue());
}

std::optional<Quantization> Quantization::match(arith::FPToSIOp op) {
  if (!getElementTypeOrSelf(op.getIn()).isF32() || !getElementTypeOrSelf(op.getOut()).isInteger(32))
    return std::nullopt;
  Quantization q;
  Value y = op.getIn();
  auto high = matchBound(y, arith::CmpFPredicate::OLT, y);
  auto low = high ? matchBound(y, arith::CmpFPredicate::OGT, y) : std::nullopt;
  if (!low)
    return std::nullopt;
  q.low = *low, q.high = *high, q.zero = 0;
  if (auto sum = y.getDefiningOp<arith::AddFOp>()) {
    auto zero = getNumber(sum.getRhs());
    if (!zero)
      return std::nullopt;
    q.zero = *zero;
    y = sum.getLhs();
  }
  auto rounded = y.getDefiningOp<math::RoundEvenOp>();
  auto quotient = rounded ? rounded.getOperand().getDefiningOp<arith::DivFOp>() : arith::DivFOp();
  auto divisor = quotient ? getNumber(quotient.getRhs()) : std::nullopt;
  if (!divisor)
    return std::nullopt;
  q.x = quotient.getLhs();
  q.divisor = *divisor;
  // All the sums below are exact, and there are few integers.
  constexpr float most = 1 << 16;
  auto isInteger = [&](float number) { return std::abs(number) <= most && std::rint(number) == number; };
  if (!isInteger(q.low) || !isInteger(q.high) || !isInteger(q.zero) || q.low > q.high)
    return std::nullopt;
  return q;
}

std::optional<Reciprocal> Reciprocal::get(float divisor, int low, int high) {
  constexpr int mostSteps = 1 << 12;                                        // bytes have few, more would take long
  if (!(divisor > 0x1p-60f && divisor < 0x1p60f) || high - low > mostSteps) // nothing overflows or is subnormal
    return std::nullopt;
  Reciprocal r;
  r.high = 1 / divisor;
  r.low = static_cast<float>(1 / static_cast<double>(divisor) - r.high);
  r.least = static_cast<float>(static_cast<double>(low) * divisor);
  r.most = static_cast<float>(static_cast<double>(high) * divisor);
  auto agree = [&](float x) { return std::rint(x / divisor) == std::rint(r.multiply(x)); };
  if (std::rint(r.multiply(r.least)) != low || std::rint(r.multiply(r.most)) != high || !agree(r.least) ||
      !agree(r.most))
    return std::nullopt;
  constexpr int around = 4; // floats on both sides of a step
  for (int k = low; k < high; ++k) {
    float x = static_cast<float>((k + 0.5) * divisor);
    for (int i = 0; i < around; ++i)
      x = std::nextafter(x, -INFINITY);
    for (int i = 0; i <= 2 * around; ++i, x = std::nextafter(x, INFINITY))
      if (!agree(x))
        return std::nullopt;
  }
  return r;
}

namespace {
struct RoundQuotients : onnxc::impl::RoundQuotientsBase<RoundQuotients> {
  void runOnOperation() override {
    // The same few quantisations over and over, in every kernel and lane of a tile.
    std::map<std::tuple<float, int, int>, std::optional<Reciprocal>> known;
    SmallVector<arith::FPToSIOp> conversions;
    getOperation()->walk([&](arith::FPToSIOp op) { conversions.push_back(op); });
    for (arith::FPToSIOp op : conversions) {
      auto q = Quantization::match(op);
      if (!q)
        continue;
      int low = q->low - q->zero, high = q->high - q->zero;
      auto [at, isNew] = known.try_emplace({q->divisor, low, high});
      if (isNew)
        at->second = Reciprocal::get(q->divisor, low, high);
      if (at->second)
        rewrite(op, *q, *at->second);
    }
  }

  /// The only use of `op`, behind a conversion to bytes, if it adds 128 to them.
  static arith::XOrIOp getFlip(arith::FPToSIOp op) {
    auto byte = op->hasOneUse() ? dyn_cast<arith::TruncIOp>(*op->user_begin()) : arith::TruncIOp();
    if (!byte || !byte->hasOneUse() || !getElementTypeOrSelf(byte.getType()).isInteger(8))
      return {};
    auto flip = dyn_cast<arith::XOrIOp>(*byte->user_begin());
    APInt mask;
    return flip && flip.getLhs() == byte && matchPattern(flip.getRhs(), m_ConstantInt(&mask)) && mask.isSignMask()
               ? flip
               : arith::XOrIOp();
  }

  void rewrite(arith::FPToSIOp op, const Quantization &q, const Reciprocal &r) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    Type type = op.getIn().getType();
    auto splat = [&](Type type, TypedAttr element) -> Value {
      auto shaped = dyn_cast<VectorType>(type);
      return arith::ConstantOp::create(b, shaped ? TypedAttr(SplatElementsAttr::get(shaped, element)) : element);
    };
    auto number = [&](float value) { return splat(type, b.getF32FloatAttr(value)); };
    auto bound = [&](arith::CmpFPredicate predicate, Value x, float value) -> Value {
      Value limit = number(value);
      return arith::SelectOp::create(b, arith::CmpFOp::create(b, predicate, x, limit), x, limit);
    };
    // NaN becomes the lowest number, as it did.
    Value x = bound(arith::CmpFPredicate::OGT, q.x, r.least);
    x = bound(arith::CmpFPredicate::OLT, x, r.most);
    Value quotient = arith::MulFOp::create(b, x, number(r.low == 0 ? r.high : r.low));
    if (r.low != 0)
      quotient = math::FmaOp::create(b, x, number(r.high), quotient);
    // Where the last bit of a float is 1, adding rounds to even integers, which are its low bits. An even number may be
    // added at once; of bytes, one that flips their sign, too.
    int64_t zero = q.zero;
    auto flip = getFlip(op);
    if (flip)
      zero += zero < 0 ? 128 : -128;
    int64_t even = zero & ~int64_t(1);
    constexpr int64_t last = 3 << 22;
    Value shifted = arith::AddFOp::create(b, quotient, number(static_cast<float>(last + even)));
    Value bits = arith::BitcastOp::create(b, op.getType(), shifted);
    int32_t rest = static_cast<int32_t>(zero - even) - (flip ? 0 : llvm::bit_cast<int32_t>(static_cast<float>(last)));
    if (rest != 0)
      bits = arith::AddIOp::create(b, bits, splat(op.getType(), b.getI32IntegerAttr(rest)));
    op.replaceAllUsesWith(bits);
    if (flip)
      flip.replaceAllUsesWith(flip.getLhs());
    op.erase();
    ++rewritten;
  }
};
} // namespace
