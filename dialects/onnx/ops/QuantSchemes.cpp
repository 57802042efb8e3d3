//===- dialects/onnx/ops/QuantSchemes.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators with which tools for quantised training write models: they round real numbers to what few bits can say, and
// the numbers stay real. Import makes them of arithmetic in float32, which is what they are defined in. What they mean:
//   QONNX, Brevitas and FINN: https://github.com/fastmachinelearning/qonnx, docs/qonnx-custom-ops
//   PACTOps:                  https://github.com/pulp-platform/quantlib, RequantShift of quantlib/algorithms/pact
//   OpenVINO:                 FakeQuantize-1 of its operation specifications
#include "dialects/onnx/ops/QuantSchemes.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Normalization.h"
#include "dialects/onnx/ops/Pooling.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

//===- Arithmetic ---------------------------------------------------------------------------===//

namespace {
/// A value in float32 that formulas are written with; absent after an error.
struct Real {
  NodeForm *node;
  Value value;

  Real with(Value other) const { return {node, other}; }
  Real number(double n) const { return {node, node->scalar(n, node->b.getF32Type())}; }
};
} // namespace

static Real operator+(Real a, Real b) { return a.with(build<AddOp>(*a.node, {a.value, b.value})); }
static Real operator-(Real a, Real b) { return a.with(build<SubOp>(*a.node, {a.value, b.value})); }
static Real operator*(Real a, Real b) { return a.with(build<MulOp>(*a.node, {a.value, b.value})); }
static Real operator/(Real a, Real b) { return a.with(build<DivOp>(*a.node, {a.value, b.value})); }
static Real operator+(Real a, double b) { return a + a.number(b); }
static Real operator-(Real a, double b) { return a - a.number(b); }
static Real operator*(Real a, double b) { return a * a.number(b); }
static Real negate(Real a) { return a.with(build<NegOp>(*a.node, a.value)); }
static Real floorOf(Real a) { return a.with(build<FloorOp>(*a.node, a.value)); }
static Real roundToEven(Real a) { return a.with(build<RoundOp>(*a.node, a.value)); }
static Real most(Real a, Real b) { return a.with(build<MaxOp>(*a.node, {a.value, b.value})); }
static Real least(Real a, Real b) { return a.with(build<MinOp>(*a.node, {a.value, b.value})); }
static Value isMore(Real a, Real b) { return build<GreaterOp>(*a.node, {a.value, b.value}); }
static Real choose(Value condition, Real a, Real b) {
  return a.with(build<WhereOp>(*a.node, {condition, a.value, b.value}));
}

/// Operand i; absent without it.
static Real real(NodeForm &node, unsigned i) { return {&node, castTo(node, node.operand(i), node.b.getF32Type())}; }

/// Reals become the result, with the element type of the first operand where that is a float type.
static LogicalResult finishReal(NodeForm &node, Real result) {
  Type type = getElementTypeOrSelf(node.operands[0]);
  return finish(node, castTo(node, result.value, isa<FloatType>(type) ? type : node.b.getF32Type()));
}

/// 2^n for integers n, exactly: the number whose exponent is n, within those that float32 has.
static Real powerOfTwo(Real n) {
  NodeForm &node = *n.node;
  Type i32 = node.b.getI32Type();
  Real exponent = least(most(n, n.number(-126)), n.number(127)) + 127;
  Value bits = build<MulOp>(node, {castTo(node, exponent.value, i32), node.scalar(1 << 23, i32)});
  return n.with(build<BitCastOp>(node, bits, intAttr(node, "to", getOnnxType(node.b.getF32Type()))));
}

/// The largest power of two that is not above |x|, 0 for one below all normal numbers: x without sign and mantissa.
static Real leadingPower(Real x) {
  NodeForm &node = *x.node;
  Type i32 = node.b.getI32Type();
  Value bits = build<BitCastOp>(node, x.value, intAttr(node, "to", getOnnxType(i32)));
  bits = build<BitwiseAndOp>(node, {bits, node.scalar(0x7F800000, i32)});
  return x.with(build<BitCastOp>(node, bits, intAttr(node, "to", getOnnxType(node.b.getF32Type()))));
}

/// A number that is an attribute of any kind: exporters write integers, floats and tensors of one.
static std::optional<double> takeNumber(NodeForm &node, StringRef name) {
  Attribute given = node.take(name);
  if (auto number = dyn_cast_or_null<FloatAttr>(given))
    return number.getValueAsDouble();
  if (auto number = dyn_cast_or_null<IntegerAttr>(given))
    return number.getValue().signedRoundToDouble();
  auto elements = dyn_cast_or_null<ElementsAttr>(given);
  if (!elements || elements.getNumElements() != 1)
    return std::nullopt;
  if (auto numbers = getNumbers(elements))
    return numbers->front();
  if (auto integers = dyn_cast<DenseIntElementsAttr>(elements)) {
    Type type = integers.getElementType();
    APInt number = *integers.value_begin<APInt>();
    return type.isInteger(1) || type.isUnsignedInteger() ? number.roundToDouble() : number.signedRoundToDouble();
  }
  return std::nullopt;
}

//===- Rounding -------------------------------------------------------------------------------===//

using Rounding = Real (*)(Real);

/// What `f` makes of |x|, with the sign of x.
static Real awayFromZero(Real x, Rounding f) {
  Real sign = x.with(build<SignOp>(*x.node, x.value));
  return sign * f(x.with(build<AbsOp>(*x.node, x.value)));
}

static Real ceilOf(Real x) { return x.with(build<CeilOp>(*x.node, x.value)); }

static const std::pair<StringRef, Rounding> roundings[] = {
    {"ROUND", roundToEven},
    {"HALF_EVEN", roundToEven},
    {"CEIL", ceilOf},
    {"FLOOR", floorOf},
    {"UP", [](Real x) { return awayFromZero(x, ceilOf); }},
    {"DOWN", [](Real x) { return awayFromZero(x, floorOf); }},
    {"HALF_UP", [](Real x) { return awayFromZero(x, [](Real a) { return floorOf(a + 0.5); }); }},
    {"HALF_DOWN", [](Real x) { return awayFromZero(x, [](Real a) { return ceilOf(a - 0.5); }); }},
};

/// The attribute rounding_mode, in letters of any case; null after an error.
static Rounding takeRounding(NodeForm &node, StringRef otherwise) {
  auto given = dyn_cast_or_null<StringAttr>(node.take("rounding_mode"));
  StringRef name = given ? given.getValue() : otherwise;
  const auto *row = llvm::find_if(roundings, [&](const auto &r) { return name.equals_insensitive(r.first); });
  if (row != std::end(roundings))
    return row->second;
  node.error() << node.name << ": the rounding_mode '" << name << "' is not supported";
  return nullptr;
}

//===- QONNX ----------------------------------------------------------------------------------===//

/// x between the least and the largest integer that `width` bits have. NaN stays.
static Real clampToBits(Real x, Real width, bool isSigned, bool isNarrow) {
  Real high = powerOfTwo(isSigned ? width - 1 : width);
  Real low = !isSigned ? x.number(0) : isNarrow ? x.number(1) - high : negate(high);
  Real top = high - (!isSigned && isNarrow ? 2 : 1);
  return least(most(x, low), top);
}

/// (round(clamp(x / scale + zero)) - zero) * scale. One signed bit says only the sign.
static LogicalResult expandQuant(NodeForm &node) {
  if (failed(requireOperands(node, 4)))
    return failure();
  bool isSigned = takeInt(node, "signed", 1), isNarrow = takeInt(node, "narrow", 0);
  Rounding rounding = takeRounding(node, "ROUND");
  if (!rounding)
    return failure();
  Real x = real(node, 0), scale = real(node, 1), zero = real(node, 2), width = real(node, 3);
  Real shifted = x / scale + zero;
  auto known = getConstantFloats(node.operand(3));
  auto isOne = [](double bits) { return bits == 1; };
  Real rounded = shifted;
  if (!known || !isSigned || !llvm::all_of(*known, isOne))
    rounded = rounding(clampToBits(shifted, width, isSigned, isNarrow));
  if (isSigned && (!known || llvm::any_of(*known, isOne))) {
    Real sign = choose(build<GreaterOrEqualOp>(node, {shifted.value, x.number(0).value}), x.number(1), x.number(-1));
    rounded = choose(build<EqualOp>(node, {width.value, x.number(1).value}), sign, rounded);
  }
  return finishReal(node, (rounded - zero) * scale);
}

/// scale where x is not negative, else -scale.
static LogicalResult expandBipolarQuant(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Real x = real(node, 0);
  Value isPositive = build<GreaterOrEqualOp>(node, {x.value, x.number(0).value});
  return finishReal(node, choose(isPositive, x.number(1), x.number(-1)) * real(node, 1));
}

/// Drops the lowest bits of numbers that are quantised already. In version 1 (x, scale, zero, input bits, output bits)
/// the scale stays as it was; in version 2 (x, scale, zero, input bits, output scale, output bits) the result has one
/// of its own, and is kept within its bits.
static LogicalResult expandTrunc(NodeForm &node) {
  bool hasScale = node.operand(5) != nullptr;
  if (failed(requireOperands(node, hasScale ? 6 : 5)))
    return failure();
  bool isSigned = takeInt(node, "signed", 1), isNarrow = takeInt(node, "narrow", 0);
  Rounding rounding = takeRounding(node, "FLOOR");
  if (!rounding)
    return failure();
  Real x = real(node, 0), scale = real(node, 1), zero = real(node, 2);
  Real whole = roundToEven(x / scale + zero);
  if (!hasScale) {
    Real dropped = powerOfTwo(real(node, 3) - real(node, 4));
    return finishReal(node, (rounding(whole / dropped) - zero) * scale);
  }
  // The factor between the scales, which is a power of two but for errors of rounding.
  Real ratio = real(node, 4) / scale * M_SQRT2;
  Real dropped = leadingPower(ratio);
  Real rounded = rounding(clampToBits(whole / dropped, real(node, 5), isSigned, isNarrow));
  return finishReal(node, (rounded - zero / dropped) * real(node, 4));
}

/// x / scale rounded to a float of so many bits of exponent and mantissa (and bias, largest value), times scale. What
/// is too large becomes the largest value or, without saturation, infinity or NaN.
static LogicalResult expandFloatQuant(NodeForm &node) {
  if (failed(requireOperands(node, 4)))
    return failure();
  bool isSigned = takeInt(node, "signed", 1), saturates = takeInt(node, "saturation", 1);
  bool hasInfinity = takeInt(node, "has_inf", 0) | takeInt(node, "has_infinity", 0),
       hasNan = takeInt(node, "has_nan", 0);
  node.take("has_subnormal"); // there always are
  Rounding rounding = takeRounding(node, "ROUND");
  if (!rounding)
    return failure();
  if (!saturates && !hasInfinity && !hasNan)
    return node.error() << "FloatQuant: without saturation there must be an infinity or a NaN";
  Real scale = real(node, 1), exponent = real(node, 2), mantissa = real(node, 3);
  Real x = real(node, 0) / scale;
  Real bias = node.operand(4) ? real(node, 4) : powerOfTwo(exponent - 1) - 1;
  Real step = most(leadingPower(x) * powerOfTwo(negate(mantissa)), powerOfTwo(x.number(1) - bias - mantissa));
  Real rounded = step * rounding(x / step);
  Real largest = (x.number(2) - powerOfTwo(negate(mantissa))) * powerOfTwo(powerOfTwo(exponent) - 1 - bias);
  if (node.operand(5))
    largest = least(largest, real(node, 5));
  Real smallest = isSigned ? negate(largest) : x.number(0);
  Real result = least(most(rounded, smallest), largest);
  if (!saturates) {
    double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    result = choose(isMore(rounded, largest), x.number(hasInfinity ? infinity : nan), result);
    result = choose(isMore(smallest, rounded), x.number(hasInfinity ? -infinity : nan), result);
  }
  return finishReal(node, result * scale);
}

/// How many of its channel's thresholds x has reached, times out_scale, plus out_bias. Thresholds: [channels or 1, T].
static LogicalResult expandMultiThreshold(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  double scale = takeFloat(node, "out_scale", 1), bias = takeFloat(node, "out_bias", 0);
  auto given = dyn_cast_or_null<StringAttr>(node.take("data_layout"));
  node.take("out_dtype"); // what backends may store the result as
  Real x = real(node, 0), thresholds = real(node, 1);
  int64_t rank = getDims(node.operand(0)).size();
  StringRef layout = given ? given.getValue() : "";
  if (layout.empty()) // as QONNX guesses it
    layout = rank == 3 ? "NWC" : "";
  size_t place = layout.find('C');
  int64_t channel = place == StringRef::npos ? 1 : place;
  if (getDims(node.operand(1)).size() != 2 || channel >= rank)
    return node.error() << "MultiThreshold takes thresholds of shape [channels, T], and x with a dimension of channels";
  SmallVector<int64_t> axes; // sizes of 1 between the channels and the thresholds
  for (int64_t axis = channel + 1; axis < rank; ++axis)
    axes.push_back(axis - channel);
  Value has =
      build<GreaterOrEqualOp>(node, {unsqueeze(node, x.value, {rank}), unsqueeze(node, thresholds.value, axes)});
  Value counted = build<ReduceSumOp>(node, {castTo(node, has, node.b.getF32Type()), node.constant(rank)},
                                     intAttr(node, "keepdims", 0));
  return finishReal(node, x.with(counted) * scale + bias);
}

/// The product of matrices of 0 and 1 that counts where their bits are the same.
static LogicalResult expandXnorPopcountMatMul(NodeForm &node) {
  if (failed(requireOperands(node, 2)) || failed(getOperandType(node, 0)))
    return failure();
  Real a = real(node, 0) * 2 - 1, b = real(node, 1) * 2 - 1;
  Real same = a.with(build<MatMulOp>(node, {a.value, b.value}));
  int64_t rank = getDims(node.operand(0)).size();
  Value length = build<ShapeOp>(node, node.operand(0), {intAttr(node, "start", rank - 1), intAttr(node, "end", rank)});
  return finishReal(node, (same + a.with(reshape(node, castTo(node, length, node.b.getF32Type()), {}))) * 0.5);
}

//===- Channels last ----------------------------------------------------------------------------===//

/// The channels moved from the end to behind the batch, or back.
static Value moveChannels(NodeForm &node, Value value, bool toFront) {
  if (!value)
    return {};
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, getDims(value).size()));
  if (order.size() < 3)
    return value;
  std::rotate(order.begin() + 1, toFront ? order.end() - 1 : order.begin() + 2, order.end());
  return build<TransposeOp>(node, value, intsAttr(node, "perm", order));
}

/// The operator of ai.onnx called `name` on channels that come last: of the first operand, and of Conv's weights.
static LogicalResult expandChannelsLast(NodeForm &node, StringRef name) {
  if (failed(requireOperands(node, 1)) || failed(getOperandType(node, 0)))
    return failure();
  for (unsigned i = 0; i < (name == "Conv" ? 2 : 1); ++i)
    if (node.operand(i))
      node.operands[i] = moveChannels(node, node.operands[i], true);
  unsigned wanted = name == "MaxPool" ? 1 : name == "Conv" ? 3 : 5;
  while (node.operands.size() < wanted)
    node.operands.push_back(absent(node));
  auto y = expandWithAttributes(node, name, 28, node.operands, name == "MaxPool" ? 2 : name == "Conv" ? 1 : 3);
  return succeeded(y) ? finish(node, moveChannels(node, y->front(), false)) : failure();
}

static LogicalResult expandMaxPoolNhwc(NodeForm &node) { return expandChannelsLast(node, "MaxPool"); }
static LogicalResult expandSameChannelsLast(NodeForm &node) { return expandChannelsLast(node, node.name); }

/// The sum over each window, of which the bits are dropped that obits has no place for.
static LogicalResult expandQuantAvgPool(NodeForm &node) {
  if (failed(requireOperands(node, 1)) || failed(getOperandType(node, 0)))
    return failure();
  int64_t stride = takeInt(node, "stride", 1), kernel = takeInt(node, "kernel", 1);
  int64_t inBits = takeInt(node, "ibits", 1), outBits = takeInt(node, "obits", 1);
  node.take("signed");
  auto layout = dyn_cast_or_null<StringAttr>(node.take("data_layout"));
  bool isLast = layout && layout.getValue() == "NHWC";
  if (stride < 1 || kernel < 1 || kernel > 1024 || inBits < 1 || inBits > 32 || outBits < 1 || outBits > 32)
    return node.error() << "QuantAvgPool2d: stride, kernel, ibits or obits is out of range";
  int64_t largest = ((int64_t(1) << inBits) - 1) * kernel * kernel;
  int64_t shift = std::max<int64_t>(llvm::Log2_64(largest) + 1 - outBits, 0);
  Real x = real(node, 0);
  if (isLast)
    x.value = moveChannels(node, x.value, true);
  Real mean = x.with(build<AveragePoolOp>(
      node, x.value, {intsAttr(node, "kernel_shape", {kernel, kernel}), intsAttr(node, "strides", {stride, stride})}));
  Real sum = roundToEven(mean * double(kernel * kernel));
  Real result = floorOf(sum * std::ldexp(1.0, -shift));
  if (isLast)
    result.value = moveChannels(node, result.value, false);
  return finishReal(node, result);
}

static LogicalResult renameIdentity(NodeForm &node) {
  node.ignore({"debug_name"});
  node.domain = "";
  node.name = "Identity";
  return success();
}

//===- Others ---------------------------------------------------------------------------------===//

/// floor((x * mul + add) / div), kept within n_levels integers: from 0, or around 0 with `signed`. mul and add are one
/// number for each channel, the second dimension. Of integers it is calculated in int64, of floats in float32.
static LogicalResult expandRequantShift(NodeForm &node) {
  if (failed(requireOperands(node, 3)) || failed(getOperandType(node, 0)))
    return failure();
  auto divisor = takeNumber(node, "div"), levels = takeNumber(node, "n_levels"),
       also = takeNumber(node, "n_levels_out");
  bool isSigned = takeNumber(node, "signed").value_or(0) != 0;
  levels = levels ? levels : also;
  if (!divisor || !levels || !(*divisor >= 1) || !(*levels >= 2) || *levels > 0x1p32 || *divisor > 0x1p62)
    return node.error() << "RequantShift: div must be 1 or more, and n_levels 2 or more";
  Type type = getElementTypeOrSelf(node.operand(0));
  bool isFloat = isa<FloatType>(type);
  Type wide = isFloat ? Type(node.b.getF32Type()) : node.b.getI64Type();
  int64_t rank = getDims(node.operand(0)).size();
  auto parameter = [&](unsigned i) -> Value {
    Dims dims = getDims(node.operand(i));
    SmallVector<int64_t> shape(std::max<int64_t>(rank - 1, 1), 1);
    shape.front() = -1;
    Value value = node.operand(i);
    if (dims.size() == 1 && getConstant(dims[0]) != 1 && rank > 2)
      value = reshape(node, value, shape);
    return castTo(node, value, wide);
  };
  Value product = build<MulOp>(node, {castTo(node, node.operand(0), wide), parameter(1)});
  Value sum = build<AddOp>(node, {product, parameter(2)}), by = node.scalar(*divisor, wide), quotient;
  if (isFloat) {
    quotient = build<FloorOp>(node, build<DivOp>(node, {sum, by}));
  } else { // division truncates: what is above the multiple below goes first
    Value above = build<ModOp>(node, {sum, by});
    quotient = build<DivOp>(node, {build<SubOp>(node, {sum, above}), by});
  }
  double half = std::floor(*levels / 2 + 0.501);
  Value low = node.scalar(isSigned ? -half : 0, wide), high = node.scalar(isSigned ? half - 1 : *levels - 1, wide);
  return finish(node, castTo(node, build<ClipOp>(node, {quotient, low, high}), type));
}

/// `levels` numbers, evenly from output low to output high, for x from input low to input high.
static LogicalResult expandFakeQuantize(NodeForm &node) {
  if (failed(requireOperands(node, 5)))
    return failure();
  auto levels = takeNumber(node, "levels");
  auto broadcast = dyn_cast_or_null<StringAttr>(node.take("auto_broadcast"));
  if (!levels || !(*levels >= 2) || *levels > 0x1p24 || (broadcast && broadcast.getValue() != "numpy"))
    return node.error() << "FakeQuantize: levels must be 2 or more, and auto_broadcast \"numpy\"";
  Real x = real(node, 0), inLow = real(node, 1), inHigh = real(node, 2), outLow = real(node, 3),
       outHigh = real(node, 4);
  Real steps = x.number(*levels - 1);
  Real inside = roundToEven((x - inLow) / (inHigh - inLow) * steps) / steps * (outHigh - outLow) + outLow;
  inside = choose(isMore(x, most(inLow, inHigh)), outHigh, inside);
  Value isBelow = build<LessOrEqualOp>(node, {x.value, least(inLow, inHigh).value});
  return finishReal(node, choose(isBelow, outLow, inside));
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/QuantSchemes.cpp.inc"

void onnxc::onnx::registerQuantSchemesOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade, std::initializer_list<StringRef> domains) {
    for (StringRef domain : domains)
      dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, domain);
  };
  const StringRef qonnx = "qonnx.custom_op.general", brevitas = "onnx.brevitas", finn = "finn.custom_op.general";
  add("Quant", expandQuant, {qonnx, brevitas, finn});
  add("IntQuant", expandQuant, {qonnx, brevitas, finn});
  add("BipolarQuant", expandBipolarQuant, {qonnx, brevitas, finn});
  add("Trunc", expandTrunc, {qonnx, brevitas, finn});
  add("FloatQuant", expandFloatQuant, {qonnx, brevitas, finn});
  add("MultiThreshold", expandMultiThreshold, {qonnx, finn});
  add("XnorPopcountMatMul", expandXnorPopcountMatMul, {qonnx, finn});
  add("QuantAvgPool2d", expandQuantAvgPool, {qonnx, finn});
  add("MaxPoolNHWC", expandMaxPoolNhwc, {qonnx, finn});
  add("DebugMarker", renameIdentity, {qonnx, finn});
  for (StringRef name : {"BatchNormalization", "Conv", "MaxPool"})
    add(name, expandSameChannelsLast, {"qonnx.custom_op.channels_last"});
  add("RequantShift", expandRequantShift, {"PACTOps", "", "ai.onnx.contrib"});
  add("FakeQuantize", expandFakeQuantize, {"", "org.openvinotoolkit"});
}
