//===- dialects/onnx/ops/Resize.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Resize and, as its older form, Upsample. What is read for a position, and with which weights, depends on one
// dimension at a time: small tables say it, made when the model is compiled where sizes are numbers. The nearest
// element is one gather along all dimensions; interpolation goes dimension by dimension.
#include "dialects/onnx/ops/Resize.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/ComplexParts.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Text.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace onnxc::onnx;

//===- What is resized ----------------------------------------------------------------===//

namespace {
/// One resized dimension. What is not known here only the run tells.
struct ResizedAxis {
  int64_t axis, position; ///< dimension, and where scales, sizes and roi have its number
  AffineExpr in, out;     ///< null out: not known
  std::optional<double> scale;
  std::optional<double> roiStart, roiEnd;
};

struct Geometry {
  SmallVector<ResizedAxis> axes;
  bool hasScales = false, hasRoi = false;
  int64_t count = 0; ///< of numbers in scales or sizes, and of dimensions that may be resized
};
} // namespace

static bool isGiven(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && !(type.hasStaticShape() && type.getNumElements() == 0);
}

/// floor(size * scale) as the specification's float32 arithmetic gives it. A symbolic size needs a scale that is a
/// simple fraction: then the product is exact.
static AffineExpr scaleSize(AffineExpr size, double scale) {
  if (auto number = getConstant(size)) {
    double scaled = std::floor(static_cast<float>(*number) * static_cast<float>(scale));
    return scaled < 9e15 ? makeDim(size.getContext(), static_cast<int64_t>(scaled)) : AffineExpr();
  }
  constexpr int64_t denominator = 256;
  double numerator = scale * denominator;
  if (numerator != std::floor(numerator) || numerator > 1 << 20)
    return {};
  return floorDiv(size * static_cast<int64_t>(numerator), makeDim(size.getContext(), denominator));
}

static LogicalResult verifyAttributes(ResizeOp op) {
  auto oneOf = [&](StringRef name, StringRef value, ArrayRef<StringRef> values) -> LogicalResult {
    if (llvm::is_contained(values, value))
      return success();
    return op.emitOpError() << name << " \"" << value << "\" is not one of " << llvm::join(values, ", ");
  };
  if (failed(oneOf("mode", op.getMode(), {"nearest", "linear", "cubic"})) ||
      failed(oneOf("nearest_mode", op.getNearestMode(),
                   {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"})) ||
      failed(oneOf("coordinate_transformation_mode", op.getCoordinateTransformationMode(),
                   {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
                    "tf_crop_and_resize", "tf_half_pixel_for_nn"})) ||
      failed(
          oneOf("keep_aspect_ratio_policy", op.getKeepAspectRatioPolicy(), {"stretch", "not_larger", "not_smaller"})))
    return failure();
  if (op.getAntialias() && op.getMode() == "nearest")
    return op.emitOpError("antialias needs an interpolating mode, not nearest");
  if (isText(op.getX().getType()) && op.getMode() != "nearest")
    return op.emitOpError("mode \"") << op.getMode() << "\" interpolates, which text does not allow";
  if (isText(op.getX().getType()) && op.getCoordinateTransformationMode() == "tf_crop_and_resize")
    return op.emitOpError("tf_crop_and_resize puts a number where there is no element, which text does not allow");
  return success();
}

/// With one scale for all dimensions: the smallest (or largest) of those that the sizes ask for.
static std::optional<double> commonScale(ResizeOp op, const Geometry &geometry) {
  bool wantsLeast = op.getKeepAspectRatioPolicy() == "not_larger";
  std::optional<double> common;
  for (const ResizedAxis &axis : geometry.axes) {
    auto in = getConstant(axis.in), out = axis.out ? getConstant(axis.out) : std::nullopt;
    if (!in || !out || *in == 0)
      return std::nullopt;
    double scale = static_cast<double>(*out) / *in;
    common = !common ? scale : wantsLeast ? std::min(*common, scale) : std::max(*common, scale);
  }
  return common;
}

static FailureOr<Geometry> getGeometry(ResizeOp op) {
  Dims dims = getDims(op.getX());
  int64_t rank = dims.size();
  Geometry geometry;
  SmallVector<int64_t> axes = op.getAxes() ? SmallVector<int64_t>(*op.getAxes()) : llvm::to_vector(llvm::seq(rank));
  if (failed(normalizeAxes(op, axes, rank)))
    return failure();
  geometry.count = axes.size();
  geometry.hasScales = isGiven(op.getScales());
  geometry.hasRoi = op.getCoordinateTransformationMode() == "tf_crop_and_resize";
  if (geometry.hasScales == isGiven(op.getSizes()))
    return op.emitOpError("takes either scales or sizes");
  auto check = [&](unsigned operand, StringRef name, int64_t length, bool isFloat) -> LogicalResult {
    auto type = dyn_cast<RankedTensorType>(op->getOperand(operand).getType());
    if (!type || isFloat != isa<FloatType>(type.getElementType()))
      return op.emitOpError() << name << " must be a list of " << length << " numbers";
    return assumeSizes(op, operand, length, name);
  };
  if (failed(geometry.hasScales ? check(2, "scales", geometry.count, true)
                                : check(3, "sizes", geometry.count, false)) ||
      (geometry.hasRoi && failed(check(1, "roi", 2 * geometry.count, true))))
    return failure();
  auto scales = geometry.hasScales ? getConstantFloats(op.getScales()) : std::nullopt;
  auto sizes = geometry.hasScales ? std::nullopt : getShapeData(op.getSizes());
  auto roi = geometry.hasRoi ? getConstantFloats(op.getRoi()) : std::nullopt;
  for (int64_t i = 0; i < geometry.count; ++i) {
    ResizedAxis axis;
    axis.axis = axes[i] < 0 ? axes[i] + rank : axes[i];
    axis.position = i;
    axis.in = dims[axis.axis];
    if (scales) {
      axis.scale = (*scales)[i];
      if (!(*axis.scale > 0 && *axis.scale < 1e9))
        return op.emitOpError("scale ") << *axis.scale << " is not positive";
      axis.out = scaleSize(axis.in, *axis.scale);
    } else if (sizes) {
      axis.out = (*sizes)[i];
      auto in = getConstant(axis.in), out = getConstant(axis.out);
      if (axis.out == axis.in)
        axis.scale = 1;
      else if (in && out && *in > 0)
        axis.scale = static_cast<double>(*out) / *in;
      if (out && *out < 0)
        return op.emitOpError("size ") << *out << " is negative";
    }
    if (roi) {
      axis.roiStart = (*roi)[i];
      axis.roiEnd = (*roi)[i + geometry.count];
    }
    geometry.axes.push_back(axis);
  }
  if (!geometry.hasScales && op.getKeepAspectRatioPolicy() != "stretch") {
    auto common = commonScale(op, geometry);
    for (ResizedAxis &axis : geometry.axes) {
      axis.scale = common;
      axis.out = {};
      if (common) // rounded, halves up
        axis.out = makeDim(op.getContext(), static_cast<int64_t>(std::floor(*common * *getConstant(axis.in) + 0.5)));
    }
  }
  for (ResizedAxis &axis : geometry.axes) {
    if (!axis.out)
      axis.out = freshSymbol(op, 0, axis.axis);
    auto in = getConstant(axis.in), out = getConstant(axis.out);
    if (in == 0 && out && *out > 0)
      return op.emitOpError("dimension ") << axis.axis << " has no element to resize";
  }
  return geometry;
}

LogicalResult ResizeOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(verifyAttributes(*this)))
    return failure();
  auto geometry = getGeometry(*this);
  if (failed(geometry))
    return failure();
  Dims dims = getDims(getX());
  for (const ResizedAxis &axis : geometry->axes)
    dims[axis.axis] = axis.out;
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getX().getType())));
  return success();
}

//===- Coordinates and weights, in numbers or in generated arithmetic ---------------------===//

// The formulas are written once: T is double when the model is compiled, or a Scalar of f64.
static double select(bool condition, double a, double b) { return condition ? a : b; }
static double atLeast(double x, double bound) { return std::max(x, bound); }
static double atMost(double x, double bound) { return std::min(x, bound); }

namespace {
/// The numbers of one dimension. `length` is that of the resized dimension before it was rounded.
template <typename T> struct Numbers {
  T in, out, scale, length, roiStart, roiEnd;
};

/// What the attributes say.
struct Sampling {
  StringRef mode, coordinates, nearest;
  double cubicA, extrapolation;
  bool antialias, excludeOutside, crops;

  explicit Sampling(ResizeOp op)
      : mode(op.getMode()), coordinates(op.getCoordinateTransformationMode()), nearest(op.getNearestMode()),
        cubicA(Number(op.getCubicCoeffA()).n), extrapolation(Number(op.getExtrapolationValue()).n),
        antialias(op.getAntialias()), excludeOutside(op.getExcludeOutside()),
        crops(coordinates == "tf_crop_and_resize") {}

  int64_t support() const { return mode == "cubic" ? 2 : 1; }
};
} // namespace

/// Where in the original the position `o` of the result lies.
template <typename T> static T getCoordinate(const Sampling &how, const Numbers<T> &n, T o) {
  if (how.coordinates == "align_corners")
    return select(n.length == 1, 0, o * (n.in - 1) / (n.length - 1));
  if (how.coordinates == "asymmetric")
    return o / n.scale;
  if (how.coordinates == "tf_crop_and_resize") {
    T last = n.in - 1;
    return select(n.length > 1, n.roiStart * last + o * (n.roiEnd - n.roiStart) * last / (n.length - 1),
                  (n.roiStart + n.roiEnd) * last * 0.5);
  }
  if (how.coordinates == "tf_half_pixel_for_nn") // of versions 11 and 12
    return (o + 0.5) / n.scale;
  T centre = (o + 0.5) / n.scale;
  if (how.coordinates == "pytorch_half_pixel")
    return select(n.length > 1, centre - 0.5, 0);
  if (how.coordinates == "half_pixel_symmetric") // the part that rounding the size cut off, from both ends
    return n.in * 0.5 * (1 - n.out / n.length) + centre - 0.5;
  return centre - 0.5;
}

template <typename T> static T clampIndex(const Numbers<T> &n, T i) { return atLeast(atMost(i, n.in - 1), 0); }

/// An element to read, or -1 for a position outside of the region of interest.
template <typename T> static T markOutside(const Sampling &how, const Numbers<T> &n, T x, T index) {
  return how.crops ? select(x < 0, -1, select(x > n.in - 1, -1, index)) : index;
}

template <typename T> static T roundCoordinate(const Sampling &how, const Numbers<T> &n, T x) {
  if (how.nearest == "simple")
    return select(n.scale < 1, ceil(x), floor(x));
  if (how.nearest == "floor")
    return floor(x);
  if (how.nearest == "ceil")
    return ceil(x);
  return how.nearest == "round_prefer_ceil" ? floor(x + 0.5) : ceil(x - 0.5);
}

/// How much wider than one element the interpolation is: it averages over what a smaller result skips.
template <typename T> static T getNarrowing(const Sampling &how, const Numbers<T> &n, T one) {
  return how.antialias ? atMost(n.scale, 1) : one;
}

/// The first tap, counted from floor(x); there are as many before x as behind.
template <typename T> static T getFirstTap(const Sampling &how, T narrowing) {
  return floor(-how.support() / narrowing) + 1;
}

/// The weight of tap `t`, before all of them are made to add up to 1.
template <typename T> static T getWeight(const Sampling &how, const Numbers<T> &n, T x, T narrowing, T first, T t) {
  T i = floor(x) + first + t, d = (i - x) * narrowing, weight = d;
  d = select(d < 0, -d, d);
  if (how.mode == "linear") {
    weight = atLeast(1 - d, 0);
  } else {
    double a = how.cubicA;
    T inner = ((a + 2) * d - (a + 3)) * d * d + 1;
    T outer = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    weight = select(d <= 1, inner, select(d < 2, outer, 0));
  }
  return how.excludeOutside ? select(i < 0, 0, select(i > n.in - 1, 0, weight)) : weight;
}

//===- Tables ---------------------------------------------------------------------------===//

namespace {
/// The numbers of a resized dimension as f64 values, and as numbers where all of them are known.
struct AxisNumbers {
  int64_t axis;
  AffineExpr in, out;
  std::optional<double> scale;
  std::optional<Numbers<double>> known;
  Numbers<Value> values;

  bool isEnlarged() const { return scale.value_or(1) >= 1; }
};

/// What every position of a dimension reads, and with which weights: a table [positions] for each tap, or one table
/// [positions, taps] where taps are many, or only the run tells how many.
struct Taps {
  SmallVector<Value> indices, weights;
  OpFoldResult count;
  bool isUnrolled;
};

/// What a table is about.
enum class Entry { Nearest, Index, Weight };
} // namespace

/// The same numbers for a region that `b` builds.
static Numbers<Scalar> inside(ImplicitLocOpBuilder &b, const Numbers<Value> &n) {
  auto in = [&](Value value) { return Scalar(b, value); };
  return {in(n.in), in(n.out), in(n.scale), in(n.length), in(n.roiStart), in(n.roiEnd)};
}

static Scalar toNumber(ImplicitLocOpBuilder &b, Value index) {
  Value integer = arith::IndexCastOp::create(b, b.getI64Type(), index);
  return Scalar(b, arith::SIToFPOp::create(b, b.getF64Type(), integer));
}

/// What the weights of all taps add up to.
static double addWeights(const Sampling &how, const Numbers<double> &n, double x, double narrowing, double first,
                         OpFoldResult count) {
  double sum = 0;
  for (int64_t t = 0; t < *getConstantIntValue(count); ++t)
    sum += getWeight<double>(how, n, x, narrowing, first, t);
  return sum;
}
static Scalar addWeights(const Sampling &how, const Numbers<Scalar> &n, Scalar x, Scalar narrowing, Scalar first,
                         OpFoldResult count) {
  ImplicitLocOpBuilder &b = x.builder();
  Value end = getValueOrCreateConstantIndexOp(b, b.getLoc(), count), zero = x.number(0);
  auto body = [&](ImplicitLocOpBuilder &inner, ValueRange t, ValueRange sum) -> SmallVector<Value> {
    auto in = [&](Scalar value) { return Scalar(inner, value); };
    Numbers<Scalar> m{in(n.in), in(n.out), in(n.scale), in(n.length), in(n.roiStart), in(n.roiEnd)};
    return {in(Scalar(inner, sum[0])) + getWeight(how, m, in(x), in(narrowing), in(first), toNumber(inner, t[0]))};
  };
  return Scalar(b, makeLoops(b, end, zero, body)[0]);
}

/// What stands in a table for position `o` and tap `t`.
template <typename T>
static T getEntry(Entry entry, const Sampling &how, const Numbers<T> &n, T one, T o, T t, OpFoldResult taps) {
  T x = getCoordinate(how, n, o);
  if (entry == Entry::Nearest)
    return markOutside(how, n, x, clampIndex(n, roundCoordinate(how, n, x)));
  T narrowing = getNarrowing(how, n, one), first = getFirstTap(how, narrowing);
  if (entry == Entry::Index)
    return markOutside(how, n, x, clampIndex(n, floor(x) + first + t));
  T weight = getWeight(how, n, x, narrowing, first, t);
  if (!how.antialias && !how.excludeOutside) // then they add up to 1 as they are
    return weight;
  T total = addWeights(how, n, x, narrowing, first, taps);
  return weight / select(total == 0, 1, total);
}

/// A table [positions], of tap `tap`, or [positions, taps] where that is null. Indices are i32, weights `type`.
static Value makeTable(LoweringBuilder &b, const Sampling &how, const AxisNumbers &axis, Entry entry, Type type,
                       std::optional<int64_t> tap, OpFoldResult taps) {
  SmallVector<OpFoldResult> sizes{b.materialize(axis.out)};
  if (!tap)
    sizes.push_back(taps);
  SmallVector<int64_t> shape;
  for (OpFoldResult size : sizes)
    shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  auto tableType = RankedTensorType::get(shape, type);
  if (axis.known && tableType.hasStaticShape()) {
    SmallVector<Attribute> entries;
    for (int64_t o = 0; o < shape[0]; ++o)
      for (int64_t t = tap.value_or(0), end = tap ? *tap + 1 : shape[1]; t < end; ++t) {
        double value = getEntry<double>(entry, how, *axis.known, 1, o, t, taps);
        if (isa<FloatType>(type))
          entries.push_back(b.getFloatAttr(type, value));
        else
          entries.push_back(b.getIntegerAttr(type, std::isfinite(value) ? static_cast<int32_t>(value) : 0));
      }
    return arith::ConstantOp::create(b, DenseElementsAttr::get(tableType, entries));
  }
  Value empty = tensor::EmptyOp::create(b, sizes, type);
  Value last = b.materializeIndex(axis.in - 1);
  last = arith::IndexCastOp::create(b, b.getI64Type(), last);
  SmallVector<utils::IteratorType> iterators(shape.size(), utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{empty.getType()}, ValueRange{}, ValueRange{empty},
      ArrayRef<AffineMap>{b.getMultiDimIdentityMap(shape.size())}, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange) {
        ImplicitLocOpBuilder body(loc, nested);
        Scalar o = toNumber(body, linalg::IndexOp::create(body, 0)), one = o.number(1);
        Scalar t = tap ? o.number(*tap) : toNumber(body, linalg::IndexOp::create(body, 1));
        Scalar value = getEntry<Scalar>(entry, how, inside(body, axis.values), one, o, t, taps);
        if (isa<FloatType>(type)) {
          value = convert(value, type);
        } else {
          // Whatever a scale of the run is, no index may lead out of the tensor.
          Scalar index = convert(value, body.getI64Type());
          index = max(min(index, min(Scalar(body, last), index.number(std::numeric_limits<int32_t>::max()))),
                      index.number(how.crops ? -1 : 0));
          value = convert(index, type);
        }
        linalg::YieldOp::create(body, Value(value));
      });
  return generic.getResult(0);
}

static Taps makeTaps(LoweringBuilder &b, const Sampling &how, const AxisNumbers &axis, Type weightType) {
  constexpr int64_t mostUnrolled = 4;
  Taps taps;
  int64_t support = how.support();
  auto countFor = [&](auto narrowing) { return 2 - 2 * getFirstTap(how, narrowing); };
  if (!how.antialias) {
    taps.count = b.getIndexAttr(2 * support);
  } else if (axis.scale) {
    taps.count = b.getIndexAttr(static_cast<int64_t>(countFor(std::min(*axis.scale, 1.0))));
  } else {
    // A scale of the run that is next to nothing must not make the loops endless: beyond the whole dimension there is
    // nothing to read.
    Numbers<Scalar> n = inside(b, axis.values);
    Scalar count = atMost(countFor(getNarrowing(how, n, n.scale.number(1))), (n.in + 2.0) * 4.0 * support);
    Value integer = convert(atLeast(count, 2), b.getI64Type());
    taps.count = arith::IndexCastOp::create(b, b.getIndexType(), integer).getResult();
  }
  auto count = getConstantIntValue(taps.count);
  taps.isUnrolled = count && *count <= mostUnrolled;
  for (int64_t t = 0; t < (taps.isUnrolled ? *count : 1); ++t) {
    std::optional<int64_t> tap = taps.isUnrolled ? std::optional(t) : std::nullopt;
    taps.indices.push_back(makeTable(b, how, axis, Entry::Index, b.getI32Type(), tap, taps.count));
    taps.weights.push_back(makeTable(b, how, axis, Entry::Weight, weightType, tap, taps.count));
  }
  return taps;
}

//===- Lowering -------------------------------------------------------------------------===//

/// The dimensions that change, with their numbers.
static SmallVector<AxisNumbers> makeNumbers(ResizeOp op, LoweringBuilder &b, ValueRange operands,
                                            const Geometry &geometry) {
  Type f64 = b.getF64Type();
  auto read = [&](unsigned operand, int64_t i) -> Value {
    Value element = tensor::ExtractOp::create(b, operands[operand], b.index(i));
    return convert(Scalar(b, element), f64);
  };
  auto number = [&](AffineExpr dim) -> Value { return toNumber(b, b.materializeIndex(dim)); };
  bool keepsRatio = !geometry.hasScales && op.getKeepAspectRatioPolicy() != "stretch";
  Value common; // scale, of the run
  if (keepsRatio)
    for (const ResizedAxis &axis : geometry.axes) {
      if (axis.scale)
        break;
      Scalar wanted = toNumber(b, b.element(op.getSizes(), operands[3], axis.position));
      Scalar scale = wanted / Scalar(b, number(axis.in));
      if (common)
        scale = op.getKeepAspectRatioPolicy() == "not_larger" ? min(Scalar(b, common), scale)
                                                              : max(Scalar(b, common), scale);
      common = scale;
    }
  SmallVector<AxisNumbers> result;
  for (const ResizedAxis &axis : geometry.axes) {
    Numbers<Value> n;
    n.in = number(axis.in);
    if (axis.scale)
      n.scale = b.constant(f64, *axis.scale);
    else if (geometry.hasScales)
      n.scale = read(2, axis.position);
    else if (common)
      n.scale = common;
    b.bindFresh(axis.out, [&]() -> Value {
      Value size;
      if (n.scale) {
        // As in inference: a product of float32, or a rounded one.
        Scalar scale(b, n.scale), in(b, n.in);
        Scalar product = keepsRatio ? floor(scale * in + 0.5)
                                    : convert(floor(convert(scale, b.getF32Type()) * convert(in, b.getF32Type())), f64);
        size = arith::IndexCastOp::create(b, b.getIndexType(), convert(product, b.getI64Type()));
      } else {
        size = b.element(op.getSizes(), operands[3], axis.position);
      }
      return arith::MaxSIOp::create(b, size, b.index(0));
    });
    // Without an element there must be no position, either: out <= in * 2^31 says just that.
    b.requireNonNegative(axis.out, "Resize: a size is negative");
    if (!axis.scale) // with one, the sizes are 0 together
      b.requireNonNegative(axis.in * (int64_t(1) << 31) - axis.out, "Resize: a dimension has no element to resize");
    n.out = number(axis.out);
    if (!n.scale)
      n.scale = Scalar(b, n.out) / Scalar(b, n.in);
    bool isExact = !geometry.hasScales && !keepsRatio;
    n.length = isExact ? n.out : Value(Scalar(b, n.scale) * Scalar(b, n.in));
    Value zero = b.constant(f64, 0);
    n.roiStart = !geometry.hasRoi ? zero : axis.roiStart ? b.constant(f64, *axis.roiStart) : read(1, axis.position);
    n.roiEnd = !geometry.hasRoi ? zero
               : axis.roiEnd    ? b.constant(f64, *axis.roiEnd)
                                : read(1, axis.position + geometry.count);
    bool isWhole = !geometry.hasRoi || (axis.roiStart == 0.0 && axis.roiEnd == 1.0);
    if (axis.scale == 1.0 && axis.in == axis.out && isWhole)
      continue;
    std::optional<Numbers<double>> known;
    auto in = getConstant(axis.in), out = getConstant(axis.out);
    if (in && out && axis.scale && (!geometry.hasRoi || axis.roiStart))
      known = Numbers<double>{double(*in),
                              double(*out),
                              *axis.scale,
                              isExact ? double(*out) : *axis.scale * *in,
                              axis.roiStart.value_or(0),
                              axis.roiEnd.value_or(0)};
    result.push_back({axis.axis, axis.in, axis.out, axis.scale, known, n});
  }
  return result;
}

/// An entry of a table of indices: the index, and in `isOutside` whether there is none.
static Value readIndex(ImplicitLocOpBuilder &b, const Sampling &how, Value table, ValueRange at, Value &isOutside) {
  Scalar index(b, tensor::ExtractOp::create(b, table, at));
  if (how.crops) {
    Scalar here = index < 0;
    isOutside = isOutside ? Value(Scalar(b, isOutside) | here) : Value(here);
    index = max(index, index.number(0));
  }
  return arith::IndexCastOp::create(b, b.getIndexType(), index);
}

/// Every element of the result is one of the original: one gather along all dimensions.
static Value resizeNearest(ResizeOp op, LoweringBuilder &b, const Sampling &how, Lowered x,
                           ArrayRef<AxisNumbers> axes) {
  SmallVector<Value> tables;
  for (const AxisNumbers &axis : axes)
    tables.push_back(makeTable(b, how, axis, Entry::Nearest, b.getI32Type(), 0, {}));
  Type element = LoweringBuilder::loweredType(x.type).getElementType();
  return b.generate(op.getType(), [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    SmallVector<Value> from(at);
    Value isOutside;
    for (auto [axis, table] : llvm::zip_equal(axes, tables))
      from[axis.axis] = readIndex(body, how, table, at[axis.axis], isOutside);
    Scalar value(body, tensor::ExtractOp::create(body, x.value, from), x.element().isUnsignedInteger());
    if (!isOutside)
      return value;
    Scalar fill = convert(Scalar(body, body.create<arith::ConstantOp>(body.getF64FloatAttr(how.extrapolation))),
                          element, x.element().isUnsignedInteger());
    return select(Scalar(body, isOutside), fill, value);
  });
}

/// A number as an element of the result: integers are rounded and stay in their range.
static Scalar finish(Scalar value, Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer || integer.getWidth() == 1)
    return convert(value, LoweringBuilder::loweredType(makeTensor(ArrayRef<int64_t>(), element)).getElementType());
  bool isUnsigned = integer.isUnsigned();
  unsigned bits = integer.getWidth() - (isUnsigned ? 0 : 1);
  double most = std::ldexp(1.0, bits) - (bits > 53 ? std::ldexp(1.0, bits - 53) : 1); // the last below 2^bits
  value = atMost(atLeast(roundeven(value), isUnsigned ? 0 : -std::ldexp(1.0, bits)), most);
  return convert(value, IntegerType::get(element.getContext(), integer.getWidth()), isUnsigned);
}

/// One dimension interpolated. Few taps are written out, and the loops are over the result alone; for many there is one
/// more loop, for which `window` stands.
static Lowered interpolate(LoweringBuilder &b, const Sampling &how, Lowered x, const AxisNumbers &axis,
                           Type accumulator, Type element) {
  Dims dims = x.dims();
  dims[axis.axis] = axis.out;
  Taps taps = makeTaps(b, how, axis, accumulator);
  RankedTensorType type = makeTensor(dims, taps.isUnrolled ? element : accumulator);
  auto read = [&](ImplicitLocOpBuilder &body, ValueRange at, Value index) {
    SmallVector<Value> from(at.take_front(x.rank()));
    from[axis.axis] = index;
    Value value = tensor::ExtractOp::create(body, x.value, from);
    return convert(Scalar(body, value, x.element().isUnsignedInteger()), accumulator);
  };
  if (taps.isUnrolled) {
    Value result = b.generate(type, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
      Scalar sum;
      Value isOutside;
      for (auto [indices, weights] : llvm::zip_equal(taps.indices, taps.weights)) {
        Scalar value = read(body, at, readIndex(body, how, indices, at[axis.axis], isOutside));
        Scalar product = value * Scalar(body, tensor::ExtractOp::create(body, weights, at[axis.axis]));
        sum = sum ? sum + product : product;
      }
      if (isOutside)
        sum = select(Scalar(body, isOutside), how.extrapolation, sum);
      return finish(sum, element);
    });
    return {result, type};
  }

  unsigned rank = x.rank();
  Value window = tensor::EmptyOp::create(b, taps.count, accumulator), zero = b.constant(accumulator, 0);
  Value init = b.filled(type, zero);
  if (how.crops)
    init = b.generate(type, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
      Value isOutside;
      readIndex(body, how, taps.indices[0], {at[axis.axis], IndexMath{body}.constant(0)}, isOutside);
      Scalar zero(body, body.create<arith::ConstantOp>(body.getZeroAttr(accumulator)));
      return select(Scalar(body, isOutside), how.extrapolation, zero);
    });
  SmallVector<AffineMap> maps{AffineMap::get(rank + 1, 0, b.getAffineDimExpr(rank)),
                              AffineMap::getMultiDimIdentityMap(rank + 1, b.getContext()).dropResult(rank)};
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  auto sums = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{window}, ValueRange{init}, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder body(loc, nested);
        SmallVector<Value> at;
        for (unsigned i = 0; i <= rank; ++i)
          at.push_back(linalg::IndexOp::create(body, i));
        SmallVector<Value> entry{at[axis.axis], at[rank]};
        Value isOutside;
        Scalar value = read(body, at, readIndex(body, how, taps.indices[0], entry, isOutside));
        Scalar before(body, args[1]);
        Scalar sum = before + value * Scalar(body, tensor::ExtractOp::create(body, taps.weights[0], entry));
        linalg::YieldOp::create(body, Value(isOutside ? select(Scalar(body, isOutside), before, sum) : sum));
      });
  Lowered result{sums.getResult(0), type};
  if (element == accumulator)
    return result;
  RankedTensorType finished = makeTensor(dims, element);
  return {b.elementwise(finished, result.value, type,
                        [&](ImplicitLocOpBuilder &body, ValueRange e) { return finish(Scalar(body, e[0]), element); }),
          finished};
}

FailureOr<SmallVector<Value>> ResizeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  if (isa<ComplexType>(getElementTypeOrSelf(getX())))
    return lowerByParts(*this, b, operands);
  auto geometry = getGeometry(*this);
  if (failed(geometry))
    return failure();
  Sampling how(*this);
  Lowered x = getLowered(*this, operands, 0);
  SmallVector<AxisNumbers> axes = makeNumbers(*this, b, operands, *geometry);
  if (axes.empty())
    return SmallVector<Value>{x.value};
  if (how.mode == "nearest")
    return SmallVector<Value>{resizeNearest(*this, b, how, x, axes)};
  // First what makes the tensor smaller. Neighbours in memory are gathered one by one, so the last dimension goes early
  // where the tensor grows, and late where it shrinks.
  llvm::stable_sort(axes, [](const AxisNumbers &a, const AxisNumbers &z) {
    if (a.isEnlarged() != z.isEnlarged())
      return z.isEnlarged();
    return a.isEnlarged() ? a.axis > z.axis : a.axis < z.axis;
  });
  // Integers of 32 bits and more have no place in a float32.
  Type element = x.element();
  bool isWide = element.getIntOrFloatBitWidth() >= (isa<IntegerType>(element) ? 32 : 64);
  Type accumulator = isWide ? Type(b.getF64Type()) : Type(b.getF32Type());
  for (const AxisNumbers &axis : axes)
    x = interpolate(b, how, x, axis, accumulator, &axis == &axes.back() ? element : accumulator);
  return SmallVector<Value>{x.value};
}

//===- Older versions -------------------------------------------------------------------===//

/// Before version 11 there was one way to map coordinates and to round them, and no region of interest.
static LogicalResult upgradeResize10(NodeForm &node) {
  node.attributes.set("coordinate_transformation_mode", node.b.getStringAttr("asymmetric"));
  node.attributes.set("nearest_mode", node.b.getStringAttr("simple"));
  if (auto mode = dyn_cast_or_null<StringAttr>(node.get("mode")); mode && mode.getValue() == "bilinear")
    node.attributes.set("mode", node.b.getStringAttr("linear"));
  Value scales = node.operand(1);
  if (!scales)
    return node.error() << node.name << " needs scales";
  node.setOperand(2, scales);
  node.operands[1] = NoneOp::create(node.b, node.b.getNoneType());
  return success();
}

/// Upsample had its scales as attributes: one for each dimension in version 7, for height and width in version 1.
static LogicalResult upgradeUpsample(NodeForm &node) {
  if (auto height = dyn_cast_or_null<FloatAttr>(node.take("height_scale"))) {
    auto width = dyn_cast_or_null<FloatAttr>(node.take("width_scale"));
    if (!width)
      return node.error() << "Upsample needs the attribute width_scale";
    float h = height.getValue().convertToFloat(), w = width.getValue().convertToFloat();
    node.attributes.set("scales", node.b.getDenseF32ArrayAttr({1.0f, 1.0f, h, w}));
  }
  if (auto scales = dyn_cast_or_null<DenseF32ArrayAttr>(node.take("scales"))) {
    auto type = RankedTensorType::get(scales.size(), node.b.getF32Type());
    node.setOperand(1, ConstantOp::create(node.b, type, DenseElementsAttr::get(type, scales.asArrayRef())));
  }
  if (failed(makeVectors(node, {1u}, {"X", "scales"})))
    return failure();
  node.name = "Resize";
  return upgradeResize10(node);
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Resize.cpp.inc"

void onnxc::onnx::registerResizeOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Resize.cpp.inc"
      >();
  dialect.addUpgrade("Resize", 11, upgradeResize10);
  dialect.addUpgrade("Resize", kAnyVersion, makeVectors<ResizeOp, 1, 2, 3>);
  dialect.addUpgrade("Upsample", std::numeric_limits<int64_t>::max(), upgradeUpsample); // deprecated since 10
}
