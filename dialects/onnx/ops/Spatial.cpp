//===- dialects/onnx/ops/Spatial.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sampling at places of run time. Where a place lies along a dimension follows from the grid and that dimension alone,
// and is the same for all channels: it is computed once. The elements around it are then gathered and weighted, one
// dimension inside the other.
#include "dialects/onnx/ops/Spatial.h"
#include "dialects/onnx/support/ComplexParts.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Indices.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Text.h"
#include "dialects/onnx/support/Window.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

/// A float constant in the region that `b` builds.
static Scalar makeFloat(ImplicitLocOpBuilder &b, Type type, double value) {
  return Scalar(b, arith::ConstantOp::create(b, b.getFloatAttr(type, value)));
}

/// An index as a float.
static Scalar toFloat(ImplicitLocOpBuilder &b, Value index, Type type) {
  return convert(Scalar(b, arith::IndexCastOp::create(b, b.getI64Type(), index)), type);
}

/// A coordinate as the index of one of `size` elements, of which there are some. Whatever it is, no index may lead out
/// of the tensor: NaN becomes 0, and the last element is counted in integers since a float may round it up.
static Value toIndex(Scalar at, Value size) {
  ImplicitLocOpBuilder &b = at.builder();
  Value last = arith::SubIOp::create(b, size, arith::ConstantIndexOp::create(b, 1));
  at = select(at > 0, atMost(at, toFloat(b, last, at.type())), 0);
  return arith::MinSIOp::create(b, arith::IndexCastOp::create(b, b.getIndexType(), convert(at, b.getI64Type())), last);
}

//===- GridSample -----------------------------------------------------------------------===//

LogicalResult GridSampleOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (!llvm::is_contained({"nearest", "linear", "cubic"}, getMode()))
    return emitOpError("mode \"") << getMode() << "\" is not nearest, linear or cubic";
  if (!llvm::is_contained({"zeros", "border", "reflection"}, getPaddingMode()))
    return emitOpError("padding_mode \"") << getPaddingMode() << "\" is not zeros, border or reflection";
  if (isText(getX().getType()) && getMode() != "nearest")
    return emitOpError("mode \"") << getMode() << "\" interpolates, which text does not allow";
  Dims x = getDims(getX()), grid = getDims(getGrid());
  // Every element between 2^n (or 4^n) others is written out.
  constexpr size_t mostSpatial = 3;
  if (x.size() < 3 || x.size() > 2 + mostSpatial)
    return emitOpError("X has rank ") << x.size() << ", expected a batch, channels and 1 to " << mostSpatial
                                      << " spatial dimensions";
  if (grid.size() != x.size())
    return emitOpError("grid has rank ") << grid.size() << ", expected that of X, " << x.size();
  if (!isa<FloatType>(getElementTypeOrSelf(getGrid())))
    return emitOpError("grid must hold floats");
  int64_t spatial = x.size() - 2;
  if (auto length = getConstant(grid.back()); length && *length != spatial)
    return emitOpError("grid holds places of ") << *length << " numbers, expected " << spatial;
  auto batch = getConstant(x[0]), places = getConstant(grid[0]);
  if (batch && places && *batch != *places)
    return emitOpError("X has batch size ") << *batch << ", grid " << *places;
  for (int64_t i = 0; i < spatial; ++i)
    if (getConstant(x[2 + i]) == 0)
      return emitOpError("dimension ") << 2 + i << " of X has no element to sample";
  Dims dims{places ? grid[0] : x[0], x[1]};
  dims.append(grid.begin() + 1, grid.end() - 1);
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getX())));
  return success();
}

namespace {
/// One spatial dimension as seen from inside a region, in the type that coordinates are computed in.
struct SampledAxis {
  Scalar size, low, high; ///< number of elements, and between which coordinates the tensor lies

  SampledAxis(ImplicitLocOpBuilder &b, Value size, Type type, bool alignCorners) : size(toFloat(b, size, type)) {
    low = makeFloat(b, type, alignCorners ? 0 : -0.5);
    high = this->size - (alignCorners ? 1 : 0.5);
  }
  Scalar clamp(Scalar x) const { return atMost(atLeast(x, 0), size - 1); }
  Scalar isOutside(Scalar x) const { return (x < low) | (x > high); }

  /// Folded back at the borders until it lies between them.
  Scalar reflect(Scalar x) const {
    Scalar range = high - low, isBelow = x < low, beyond = select(isBelow, low - x, x - high);
    Scalar folds = trunc(beyond / range), rest = beyond - folds * range;
    Scalar isEven = folds - 2 * floor(folds / 2) == 0;
    Scalar folded = select(isBelow ^ isEven, high - rest, low + rest);
    return select(isOutside(x), select(range > 0, folded, low), x); // a range of 0: one element, corners aligned
  }
};

/// The elements that a place reads along one dimension.
struct SampleTap {
  Value index;
  Scalar isInside; ///< absent where it always is
  Scalar weight;   ///< absent where it is 1
};
} // namespace

/// Keys' cubic convolution at distance `t` in [0, 1) behind the second of four elements, with the specification's
/// -0.75.
static SmallVector<Scalar> cubicWeights(Scalar t) {
  constexpr double a = -0.75;
  auto inner = [](Scalar d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  auto outer = [](Scalar d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {outer(t + 1), inner(t), inner(1 - t), outer(2 - t)};
}

/// Sum of the elements that the taps of all dimensions from `axis` on name, with their weights.
static Scalar sumTaps(ArrayRef<SmallVector<SampleTap>> taps, SmallVectorImpl<Value> &indices, Scalar isInside,
                      function_ref<Scalar(ValueRange, Scalar)> read) {
  if (taps.empty())
    return read(indices, isInside);
  Scalar sum;
  for (const SampleTap &tap : taps.front()) {
    indices.push_back(tap.index);
    Scalar inside = isInside && tap.isInside ? isInside & tap.isInside : isInside ? isInside : tap.isInside;
    Scalar term = sumTaps(taps.drop_front(), indices, inside, read);
    indices.pop_back();
    if (tap.weight)
      term = term * tap.weight;
    sum = sum ? sum + term : term;
  }
  return sum;
}

/// The two elements around `place` among `size`, where what lies outside does not count.
static SmallVector<SampleTap> linearTaps(Scalar place, Value size) {
  Scalar first = floor(place), end = toFloat(place.builder(), size, place.type()) - 1, t = place - first;
  SmallVector<SampleTap> taps;
  for (Scalar at : {first, first + 1})
    taps.push_back({toIndex(at, size), (at >= 0) & (at <= end), taps.empty() ? 1 - t : t});
  return taps;
}

/// What interpolation gave as an element: integers are rounded and stay in their range.
static Scalar finishSample(Scalar value, Type element, bool isUnsigned) {
  if (isa<FloatType>(element) || element.isInteger(1))
    return convert(value, element);
  ImplicitLocOpBuilder &b = value.builder();
  Scalar zero(b, arith::ConstantOp::create(b, b.getZeroAttr(element)), isUnsigned);
  value =
      atMost(atLeast(roundeven(value), convert(zero.lowest(), value.type())), convert(zero.highest(), value.type()));
  return convert(value, element, isUnsigned);
}

FailureOr<SmallVector<Value>> GridSampleOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  if (isa<ComplexType>(getElementTypeOrSelf(getX())))
    return lowerByParts(*this, b, operands);
  Lowered x = getLowered(*this, operands, 0), grid = getLowered(*this, operands, 1);
  Dims xDims = x.dims(), gridDims = grid.dims();
  int64_t spatial = xDims.size() - 2;
  bool alignCorners = getAlignCorners() != 0;
  StringRef mode = getMode(), padding = getPaddingMode();
  b.requireEqual(xDims[0], gridDims[0], "GridSample: X and grid have different batch sizes");
  b.requireEqual(gridDims.back(), makeDim(getContext(), spatial),
                 "GridSample: the places of grid have another number of coordinates than X has spatial dimensions");
  SmallVector<Value> sizes;
  for (AffineExpr size : ArrayRef(xDims).drop_front(2)) {
    b.requireNonNegative(size - 1, "GridSample: a dimension of X has no element to sample");
    sizes.push_back(b.materializeIndex(size));
  }

  // [batch, positions...] for every dimension. A place names the last dimension first.
  Type coordinate = accumulatorType(grid.element());
  RankedTensorType placesType = makeTensor(ArrayRef(gridDims).drop_back(), coordinate);
  SmallVector<Value> places;
  for (int64_t i = 0; i < spatial; ++i)
    places.push_back(b.generate(placesType, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
      SmallVector<Value> from(at);
      from.push_back(arith::ConstantIndexOp::create(body, spatial - 1 - i));
      Scalar n = convert(Scalar(body, tensor::ExtractOp::create(body, grid.value, from)), coordinate);
      SampledAxis axis(body, sizes[i], coordinate, alignCorners);
      Scalar place = alignCorners ? (n + 1) / 2 * (axis.size - 1) : ((n + 1) * axis.size - 1) / 2;
      if (mode == "nearest")
        place = roundeven(place);
      // Between two border elements any place is as good as the border. A cubic reads an element more, and its place
      // stays, as in PyTorch and onnxruntime; the reference implementation moves it, and so jumps at the border.
      if (padding == "border" && mode != "cubic")
        place = select(axis.isOutside(place), axis.clamp(place), place);
      else if (padding == "reflection")
        place = axis.reflect(place);
      return place;
    }));

  Type element = LoweringBuilder::loweredType(x.type).getElementType();
  bool isUnsigned = x.element().isUnsignedInteger(), isNearest = mode == "nearest";
  // Integers of 32 bits and more have no place in a float32.
  bool isWide = element.getIntOrFloatBitWidth() >= (isa<IntegerType>(element) ? 32 : 64);
  Type accumulator = isNearest ? element : isWide ? Type(b.getF64Type()) : Type(b.getF32Type());
  Value outside = isNearest ? emptyElement(b, x.type) : b.constant(accumulator, 0);
  auto sample = [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    SmallVector<Value> where{at[0]};
    llvm::append_range(where, at.drop_front(2));
    SmallVector<SmallVector<SampleTap>> taps;
    for (int64_t i = 0; i < spatial; ++i) {
      SampledAxis axis(body, sizes[i], coordinate, alignCorners);
      Scalar place(body, tensor::ExtractOp::create(body, places[i], where));
      Scalar first = isNearest ? place : floor(place);
      SmallVector<Scalar> weights{Scalar()};
      if (!isNearest) {
        Scalar t = convert(place - first, accumulator);
        weights = mode == "linear" ? SmallVector<Scalar>{1 - t, t} : cubicWeights(t);
      }
      if (mode == "cubic")
        first = first - 1;
      SmallVector<SampleTap> &row = taps.emplace_back();
      for (auto [offset, weight] : llvm::enumerate(weights)) {
        Scalar at = offset ? first + static_cast<double>(offset) : first, inside;
        if (padding == "zeros")
          inside = (at >= 0) & (at <= axis.size - 1);
        else if (padding == "reflection")
          at = axis.reflect(at);
        row.push_back({toIndex(at, sizes[i]), inside, weight});
      }
    }
    SmallVector<Value> indices{at[0], at[1]};
    Scalar sum = sumTaps(taps, indices, Scalar(), [&](ValueRange from, Scalar isInside) {
      Scalar value(body, tensor::ExtractOp::create(body, x.value, from), isUnsigned);
      if (!isNearest)
        value = convert(value, accumulator);
      return isInside ? select(isInside, value, value.with(outside)) : value;
    });
    return isNearest ? sum : finishSample(sum, element, isUnsigned);
  };
  return SmallVector<Value>{b.generate(getType(), sample)};
}

/// Before version 20 the modes had the names of their two-dimensional forms.
static LogicalResult upgradeGridSample(NodeForm &node) {
  StringRef mode = "linear";
  if (auto given = dyn_cast_or_null<StringAttr>(node.take("mode")))
    mode = given.getValue() == "bilinear" ? "linear" : given.getValue() == "bicubic" ? "cubic" : given.getValue();
  node.attributes.set("mode", node.b.getStringAttr(mode));
  return success();
}

//===- AffineGrid -----------------------------------------------------------------------===//

LogicalResult AffineGridOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims theta = getDims(getTheta()), size = getDims(getSize());
  // Where the model doesn't say how many sizes there are, the matrices do.
  if (auto rows = theta.size() == 3 ? getConstant(theta[1]) : std::nullopt;
      rows && size.size() == 1 && !getConstant(size[0])) {
    if (failed(assumeSizes(*this, 1, *rows + 2, "size")))
      return failure();
    size = getDims(getSize());
  }
  auto length = size.size() == 1 ? getConstant(size[0]) : std::nullopt;
  if (length != 4 && length != 5)
    return emitOpError("size must be a list of 4 or 5 numbers: batch, channels and spatial dimensions");
  int64_t spatial = *length - 2;
  Type element = getElementTypeOrSelf(getTheta());
  auto isOther = [&](AffineExpr dim, int64_t expected) { return getConstant(dim).value_or(expected) != expected; };
  if (theta.size() != 3 || isOther(theta[1], spatial) || isOther(theta[2], spatial + 1) || !isa<FloatType>(element))
    return emitOpError("theta must hold matrices of ") << spatial << " x " << spatial + 1 << " floats";
  Dims dims{theta[0]};
  auto data = getShapeData(getSize());
  if (data) {
    auto batch = getConstant((*data)[0]), matrices = getConstant(theta[0]);
    if (batch && matrices && *batch != *matrices)
      return emitOpError("theta has ") << *matrices << " matrices for a batch of size " << *batch;
    if (batch)
      dims[0] = (*data)[0];
  }
  for (int64_t i = 1; i <= spatial; ++i) {
    dims.push_back(data ? (*data)[1 + i] : freshSymbol(*this, 0, i));
    if (auto number = getConstant(dims.back()); number && *number < 0)
      return emitOpError("size ") << *number << " is negative";
  }
  dims.push_back(makeDim(getContext(), spatial));
  types.push_back(makeTensor(dims, element));
  return success();
}

FailureOr<SmallVector<Value>> AffineGridOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered theta = getLowered(*this, operands, 0);
  Dims dims = getDims(getGrid()), thetaDims = theta.dims();
  int64_t spatial = dims.size() - 2;
  Value wanted = b.element(getSize(), operands[1], 0), batch = b.materializeIndex(thetaDims[0]);
  if (auto data = getShapeData(getSize()))
    b.requireEqual((*data)[0], thetaDims[0], "AffineGrid: theta has no matrix for every batch");
  else
    cf::AssertOp::create(b, arith::CmpIOp::create(b, arith::CmpIPredicate::eq, wanted, batch),
                         "AffineGrid: theta has no matrix for every batch");
  for (int64_t i = 1; i <= 2; ++i)
    b.requireEqual(thetaDims[i], makeDim(getContext(), spatial + i - 1), "AffineGrid: theta holds other matrices");
  SmallVector<Value> sizes;
  for (int64_t i = 1; i <= spatial; ++i) {
    b.bindFresh(dims[i], [&] { return b.element(getSize(), operands[1], 1 + i); });
    b.requireNonNegative(dims[i], "AffineGrid: a size is negative");
    sizes.push_back(b.materializeIndex(dims[i]));
  }
  Type element = theta.element(), accumulator = accumulatorType(element);
  auto place = [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    auto read = [&](int64_t column) {
      Value entry[] = {at.front(), at.back(), arith::ConstantIndexOp::create(body, column)};
      return convert(Scalar(body, tensor::ExtractOp::create(body, theta.value, entry)), accumulator);
    };
    Scalar sum = read(spatial);
    for (int64_t i = 0; i < spatial; ++i) { // a place names the last dimension first
      int64_t dim = spatial - 1 - i;
      Scalar position = toFloat(body, at[1 + dim], accumulator), size = toFloat(body, sizes[dim], accumulator);
      // From -1 to 1: the centres of the first and the last element, or their outer edges.
      Scalar coordinate = getAlignCorners() ? position * 2 / atLeast(size - 1, 1) - 1 : (position * 2 + 1) / size - 1;
      sum = sum + read(i) * coordinate;
    }
    return convert(sum, element);
  };
  return SmallVector<Value>{b.generate(getType(), place)};
}

//===- DeformConv -----------------------------------------------------------------------===//

static FailureOr<Window> getWindow(DeformConvOp op) {
  auto x = cast<RankedTensorType>(op.getX().getType()), w = cast<RankedTensorType>(op.getW().getType());
  if (x.getRank() < 3 || x.getRank() > 5 || w.getRank() != x.getRank())
    return op.emitOpError("X and W must have the same rank, with 1 to 3 spatial dimensions");
  for (Type type : op->getOperandTypes())
    if (isa<RankedTensorType>(type) && getElementTypeOrSelf(type) != x.getElementType())
      return op.emitOpError("has operands of different element types");
  if (!isa<FloatType>(x.getElementType()))
    return op.emitOpError("X must hold floats");
  if (llvm::is_contained(w.getShape(), 0))
    return op.emitOpError("the sizes of W must be positive");
  Dims kernel = getDims(w);
  kernel.erase(kernel.begin(), kernel.begin() + 2);
  int64_t group = op.getGroup(), offsetGroup = op.getOffsetGroup(), channels;
  if (group < 1 || offsetGroup < 1 || (!w.isDynamicDim(0) && w.getDimSize(0) % group != 0))
    return op.emitOpError("group ") << group << " does not divide " << w.getDimSize(0) << " feature maps";
  if (!x.isDynamicDim(1) && x.getDimSize(1) % group != 0)
    return op.emitOpError("group ") << group << " does not divide " << x.getDimSize(1) << " channels";
  if (!w.isDynamicDim(1) && (llvm::MulOverflow(w.getDimSize(1), group, channels) || channels % offsetGroup != 0))
    return op.emitOpError("offset_group ") << offsetGroup << " does not divide the channels";
  return Window::get(op, ArrayRef(getDims(op.getX())).drop_front(2), kernel,
                     {"NOTSET", op.getKernelShape(), op.getStrides(), op.getDilations(), op.getPads()});
}

namespace {
/// What an operand of DeformConv must look like where it is given.
struct ExpectedShape {
  unsigned operand;
  StringRef name;
  Dims dims;
};
} // namespace

/// Number of positions in a window.
static AffineExpr getPlaces(DeformConvOp op, const Window &window) {
  return product(op.getContext(), llvm::map_to_vector(window.axes, [](const WindowAxis &a) { return a.kernelSize; }));
}

static SmallVector<ExpectedShape> getExpectedShapes(DeformConvOp op, const Window &window) {
  Dims x = getDims(op.getX()), w = getDims(op.getW());
  auto perBatch = [&](AffineExpr channels) {
    Dims dims{x[0], channels};
    llvm::append_range(dims, window.outputDims());
    return dims;
  };
  AffineExpr places = getPlaces(op, window) * op.getOffsetGroup();
  Dims inputs = x;
  inputs[1] = w[1] * op.getGroup();
  return {{0, "X", inputs},
          {2, "offset", perBatch(places * static_cast<int64_t>(window.axes.size()))},
          {3, "B", {w[0]}},
          {4, "mask", perBatch(places)}};
}

/// Sizes of W that it doesn't say itself, but other operands and attributes do.
static LogicalResult assumeWeights(DeformConvOp op) {
  auto x = cast<RankedTensorType>(op.getX().getType()), w = cast<RankedTensorType>(op.getW().getType());
  if (w.hasStaticShape() || w.getRank() < 3 || x.getRank() != w.getRank())
    return success();
  SmallVector<int64_t> sizes(w.getRank(), -1);
  if (auto bias = dyn_cast<RankedTensorType>(op.getB().getType()); bias && bias.getRank() == 1 && !bias.isDynamicDim(0))
    sizes[0] = bias.getDimSize(0);
  if (int64_t group = op.getGroup(), channels = x.getDimSize(1);
      !x.isDynamicDim(1) && group > 0 && channels % group == 0)
    sizes[1] = channels / group;
  if (auto kernel = op.getKernelShape(); kernel && static_cast<int64_t>(kernel->size()) == w.getRank() - 2)
    llvm::copy(*kernel, sizes.begin() + 2);
  return assumeSizes(op, 1, sizes, "W");
}

LogicalResult DeformConvOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(assumeWeights(*this)))
    return failure();
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  for (const ExpectedShape &expected : getExpectedShapes(*this, *window)) {
    auto type = dyn_cast<RankedTensorType>(getOperand(expected.operand).getType());
    if (!type)
      continue;
    Dims dims = getDims(type);
    if (dims.size() != expected.dims.size())
      return emitOpError(expected.name) << " has rank " << dims.size() << ", expected " << expected.dims.size();
    for (auto [i, dim, wanted] : llvm::enumerate(dims, expected.dims))
      if (auto a = getConstant(dim), z = getConstant(wanted); a && z && *a != *z)
        return emitOpError("dimension ") << i << " of " << expected.name << " has size " << *a << ", expected " << *z;
  }
  Dims dims{getDims(getX())[0], getDims(getW())[0]};
  llvm::append_range(dims, window->outputDims());
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getX())));
  return success();
}

FailureOr<SmallVector<Value>> DeformConvOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  for (const ExpectedShape &expected : getExpectedShapes(*this, *window))
    if (isa<RankedTensorType>(getOperand(expected.operand).getType()))
      for (auto [dim, wanted] : llvm::zip_equal(getDims(getOperand(expected.operand)), expected.dims))
        b.requireEqual(dim, wanted, "DeformConv: " + expected.name + " has another shape than X and W ask for");
  Lowered x = getLowered(*this, operands, 0), w = getLowered(*this, operands, 1);
  Lowered offset = getLowered(*this, operands, 2), bias = getLowered(*this, operands, 3);
  Lowered mask = getLowered(*this, operands, 4);
  unsigned n = window->axes.size();
  int64_t group = getGroup();
  AffineExpr batch = x.dims()[0], channels = w.dims()[1] * group, places = getPlaces(*this, *window);
  auto parts = [&](AffineExpr whole, int64_t count) {
    AffineExpr part = floorDiv(whole, makeDim(getContext(), count));
    b.requireEqual(part * count, whole, "DeformConv: group and offset_group must divide feature maps and channels");
    return part;
  };
  AffineExpr features = parts(w.dims()[0], group);
  Value perOffset = b.materializeIndex(parts(channels, getOffsetGroup())), placeCount = b.materializeIndex(places);
  SmallVector<Value> sizes, kernels;
  for (const WindowAxis &axis : window->axes) {
    b.requireNonNegative(axis.input - 1, "DeformConv: X has no element");
    b.requireNonNegative(axis.kernelSize - 1, "DeformConv: W has no element");
    b.requireNonNegative(axis.input + (axis.padBegin + axis.padEnd - axis.span()),
                         "DeformConv: the window is larger than X with its padding");
    sizes.push_back(b.materializeIndex(axis.input));
    kernels.push_back(b.materializeIndex(axis.kernelSize));
  }

  // What the windows read: [batch, channels, places of a window, positions...].
  Type element = x.element(), type = accumulatorType(element);
  Dims read{batch, channels, places};
  llvm::append_range(read, window->outputDims());
  Value columns = b.generate(makeTensor(read, type), [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    IndexMath math{body};
    Value offsets = arith::DivUIOp::create(body, at[1], perOffset);
    Value place = math.add(math.mul(offsets, placeCount), at[2]);
    SmallVector<Value> from{at[0], place};
    llvm::append_range(from, at.drop_front(3));
    SmallVector<Value> kernel(n);
    Value rest = at[2];
    for (unsigned i = n; i-- > 0;) {
      kernel[i] = arith::RemUIOp::create(body, rest, kernels[i]);
      rest = arith::DivUIOp::create(body, rest, kernels[i]);
    }
    SmallVector<SmallVector<SampleTap>> taps;
    for (auto [i, axis] : llvm::enumerate(window->axes)) {
      SmallVector<Value> entry = from;
      entry[1] = math.add(math.mul(place, math.constant(n)), math.constant(i));
      Scalar moved = convert(Scalar(body, tensor::ExtractOp::create(body, offset.value, entry)), type);
      Value start = math.sub(
          math.add(math.mul(at[3 + i], math.constant(axis.stride)), math.mul(kernel[i], math.constant(axis.dilation))),
          math.constant(axis.padBegin));
      Scalar where = toFloat(body, start, type) + moved;
      taps.push_back(linearTaps(where, sizes[i]));
    }
    SmallVector<Value> indices{at[0], at[1]};
    Scalar value = sumTaps(taps, indices, Scalar(), [&](ValueRange element, Scalar isInside) {
      Scalar read = convert(Scalar(body, tensor::ExtractOp::create(body, x.value, element)), type);
      return select(isInside, read, 0);
    });
    if (mask)
      value = value * convert(Scalar(body, tensor::ExtractOp::create(body, mask.value, from)), type);
    return value;
  });

  // [group, features, inputs] times [batch, group, inputs, positions].
  AffineExpr positions = product(b.getContext(), window->outputDims()), inputs = w.dims()[1] * places;
  AffineExpr groups = makeDim(b.getContext(), group);
  Lowered rhs = reshape(b, {columns, makeTensor(read, type)}, {batch, groups, inputs, positions});
  Lowered lhs = reshape(b, w, {groups, features, inputs});
  lhs = convert(b, lhs, type);
  Lowered y = matmul(b, lhs, rhs, {batch, groups, features, positions}, type);
  y = reshape(b, y, getDims(getY()));
  if (!bias)
    return SmallVector<Value>{convert(b, y, element).value};
  AffineMap identity = b.getMultiDimIdentityMap(y.rank());
  AffineMap channel = AffineMap::get(y.rank(), 0, b.getAffineDimExpr(1), b.getContext());
  return SmallVector<Value>{
      b.elementwise(getType(), ValueRange{y.value, bias.value}, ArrayRef<AffineMap>{identity, channel},
                    [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                      return convert(Scalar(body, args[0]) + convert(Scalar(body, args[1]), type), element);
                    })};
}

//===- RoiAlign -------------------------------------------------------------------------===//

LogicalResult RoiAlignOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (!llvm::is_contained({"avg", "max"}, getMode()))
    return emitOpError("mode \"") << getMode() << "\" is not avg or max";
  if (!llvm::is_contained({"half_pixel", "output_half_pixel"}, getCoordinateTransformationMode()))
    return emitOpError("coordinate_transformation_mode \"")
           << getCoordinateTransformationMode() << "\" is not half_pixel or output_half_pixel";
  constexpr int64_t most = 1 << 16; // samples of a bin along one dimension
  if (getOutputHeight() < 0 || getOutputWidth() < 0 || getSamplingRatio() < 0 || getSamplingRatio() > most)
    return emitOpError("output_height, output_width and sampling_ratio must be sizes");
  Dims x = getDims(getX()), rois = getDims(getRois()), batches = getDims(getBatchIndices());
  Type element = getElementTypeOrSelf(getX());
  if (x.size() != 4 || !isa<FloatType>(element))
    return emitOpError("X must hold floats, in a batch, channels, height and width");
  if (rois.size() != 2 || getConstant(rois[1]).value_or(4) != 4 || !isa<FloatType>(getElementTypeOrSelf(getRois())))
    return emitOpError("rois must hold 4 coordinates for each region");
  auto count = getConstant(rois[0]), indices = batches.size() == 1 ? getConstant(batches[0]) : std::nullopt;
  if (batches.size() != 1 || (count && indices && *count != *indices))
    return emitOpError("batch_indices must hold one number for each region");
  Dims dims{count ? rois[0] : batches[0], x[1], makeDim(getContext(), getOutputHeight()),
            makeDim(getContext(), getOutputWidth())};
  types.push_back(makeTensor(dims, element));
  return success();
}

namespace {
/// Where a sample lies along one dimension: between two elements.
struct Between {
  Value low, high;
  Scalar weight, isInside; ///< of the high one; whether the sample is less than one element off

  Between(Scalar place, Value size) {
    ImplicitLocOpBuilder &b = place.builder();
    Value last = arith::SubIOp::create(b, size, arith::ConstantIndexOp::create(b, 1));
    Scalar end = toFloat(b, size, place.type());
    isInside = (place >= -1) & (place <= end);
    Scalar at = select(place > 0, atMost(place, end - 1), 0), first = floor(at);
    weight = at - first;
    low = toIndex(first, size);
    high = arith::MinSIOp::create(b, arith::AddIOp::create(b, low, arith::ConstantIndexOp::create(b, 1)), last);
  }
};
} // namespace

FailureOr<SmallVector<Value>> RoiAlignOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0), rois = getLowered(*this, operands, 1);
  Dims xDims = x.dims(), roisDims = rois.dims();
  b.requireEqual(roisDims[0], getDims(getBatchIndices())[0], "RoiAlign: batch_indices has no number for every region");
  b.requireEqual(roisDims[1], makeDim(getContext(), 4), "RoiAlign: rois must hold 4 coordinates for each region");
  for (int64_t i : {0, 2, 3})
    b.requireNonNegative(xDims[i] - 1, "RoiAlign: X has no element");
  Value batches = b.materializeIndex(xDims[0]);
  requireInRange(b, operands[2], b.index(0), b.materializeIndex(xDims[0] - 1), "RoiAlign: batch index out of range");
  Value sizes[] = {b.materializeIndex(xDims[2]), b.materializeIndex(xDims[3])};
  int64_t outputs[] = {getOutputHeight(), getOutputWidth()};
  Type element = x.element(), type = accumulatorType(element);
  bool isHalfPixel = getCoordinateTransformationMode() == "half_pixel", isMax = getMode() == "max";

  auto poolBin = [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    SmallVector<Scalar> starts, steps;
    SmallVector<Value> counts;
    for (int64_t axis : {0, 1}) {
      auto corner = [&](int64_t column) { // x of the first corner, its y, and of the second
        Value entry[] = {at[0], arith::ConstantIndexOp::create(body, column)};
        Scalar value = convert(Scalar(body, tensor::ExtractOp::create(body, rois.value, entry)), type);
        return value * Number(getSpatialScale()).n - (isHalfPixel ? 0.5 : 0.0);
      };
      Scalar start = corner(1 - axis), length = corner(3 - axis) - start;
      if (!isHalfPixel)
        length = atLeast(length, 1);
      Scalar bin = length / static_cast<double>(outputs[axis]);
      // About one sample for each element. A bin four times as large as the tensor, of a region that mostly lies
      // outside of it, gets no more than one that just covers that: the loops end in time whatever the regions are.
      Scalar count = getSamplingRatio() ? bin.number(getSamplingRatio())
                                        : atMost(ceil(bin), (toFloat(body, sizes[axis], type) + 2) * 4);
      count = select(count > 0, count, 0);
      starts.push_back(start + toFloat(body, at[2 + axis], type) * bin);
      steps.push_back(bin / count);
      counts.push_back(arith::IndexCastOp::create(body, body.getIndexType(), convert(count, body.getI64Type())));
    }
    Value batch = tensor::ExtractOp::create(body, operands[2], at[0]);
    batch = LoweringBuilder::wrapIndex(body, arith::IndexCastOp::create(body, body.getIndexType(), batch), batches);
    auto addSample = [&](ImplicitLocOpBuilder &inner, ValueRange sample, ValueRange carried) -> SmallVector<Value> {
      auto in = [&](Scalar value) { return Scalar(inner, value); };
      auto between = [&](int64_t axis) {
        Scalar number = toFloat(inner, sample[axis], type) + 0.5;
        return Between(in(starts[axis]) + number * in(steps[axis]), sizes[axis]);
      };
      Between y = between(0), x1 = between(1);
      Scalar isInside = y.isInside & x1.isInside, before(inner, carried[0]), result = before;
      bool isFirst = true;
      for (bool isLow : {true, false})
        for (bool isLeft : {true, false}) {
          Value from[] = {batch, at[1], isLow ? y.low : y.high, isLeft ? x1.low : x1.high};
          Scalar value = convert(Scalar(inner, tensor::ExtractOp::create(inner, x.value, from)), type);
          Scalar weight = (isLow ? 1 - y.weight : y.weight) * (isLeft ? 1 - x1.weight : x1.weight);
          Scalar term = select(isInside, value * weight, 0);
          if (!isMax)
            result = result + term;
          else // of the four, weighted; the first sample takes the place of the initial value
            result = isFirst ? term : max(result, term);
          isFirst = false;
        }
      if (isMax) {
        Value isStart =
            arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, arith::AddIOp::create(inner, sample[0], sample[1]),
                                  arith::ConstantIndexOp::create(inner, 0));
        result = select(Scalar(inner, isStart), result, max(before, result));
      }
      return {result};
    };
    Value zero = makeFloat(body, type, 0);
    Scalar result(body, makeLoops(body, counts, zero, addSample)[0]);
    if (!isMax)
      result = result / atLeast(toFloat(body, counts[0], type) * toFloat(body, counts[1], type), 1);
    return convert(result, element);
  };
  return SmallVector<Value>{b.generate(getType(), poolBin)};
}

/// Before version 16 coordinates counted from the first element's edge as if it were its centre.
static LogicalResult upgradeRoiAlign(NodeForm &node) {
  node.attributes.set("coordinate_transformation_mode", node.b.getStringAttr("output_half_pixel"));
  return success();
}

//===- CropAndResize (com.microsoft) ------------------------------------------------------===//

LogicalResult CropAndResizeOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (!llvm::is_contained({"bilinear", "nearest"}, getMode()))
    return emitOpError("mode \"") << getMode() << "\" is not bilinear or nearest";
  Dims x = getDims(getX()), rois = getDims(getRois()), batches = getDims(getBatchIndices());
  Type element = getElementTypeOrSelf(getX());
  if (x.size() != 4 || !isa<FloatType>(element))
    return emitOpError("X must hold floats, in a batch, channels, height and width");
  if (rois.size() != 2 || getConstant(rois[1]).value_or(4) != 4 || getElementTypeOrSelf(getRois()) != element)
    return emitOpError("rois must hold 4 coordinates for each region, of the type of X");
  auto count = getConstant(rois[0]), indices = batches.size() == 1 ? getConstant(batches[0]) : std::nullopt;
  if (batches.size() != 1 || (count && indices && *count != *indices))
    return emitOpError("batch_indices must hold one number for each region");
  Dims dims{count ? rois[0] : batches[0], x[1]};
  if (Dims size = getDims(getCropSize()); size.size() != 1 || getConstant(size[0]).value_or(2) != 2)
    return emitOpError("crop_size must hold a height and a width");
  if (auto known = getConstantInts(getCropSize())) {
    for (int64_t size : *known) {
      if (size < 0)
        return emitOpError("crop_size ") << size << " is negative";
      dims.push_back(makeDim(getContext(), size));
    }
  } else {
    dims.append({freshSymbol(*this, 0, 2), freshSymbol(*this, 0, 3)});
  }
  types.push_back(makeTensor(dims, element));
  return success();
}

FailureOr<SmallVector<Value>> CropAndResizeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0), rois = getLowered(*this, operands, 1);
  Dims xDims = x.dims(), dims = getDims(getY());
  b.requireEqual(rois.dims()[0], getDims(getBatchIndices())[0],
                 "CropAndResize: batch_indices has no number for every region");
  b.requireEqual(rois.dims()[1], makeDim(getContext(), 4),
                 "CropAndResize: rois must hold 4 coordinates for each region");
  b.requireEqual(getDims(getCropSize())[0], makeDim(getContext(), 2), "CropAndResize: crop_size must hold two sizes");
  for (int64_t i : {0, 2, 3})
    b.requireNonNegative(xDims[i] - 1, "CropAndResize: X has no element");
  for (int64_t i : {0, 1})
    b.bindFresh(dims[2 + i], [&] { return b.element(getCropSize(), operands[3], i); });
  Value batches = b.materializeIndex(xDims[0]);
  Value sizes[] = {b.materializeIndex(xDims[2]), b.materializeIndex(xDims[3])};
  Value crops[] = {b.materializeIndex(dims[2]), b.materializeIndex(dims[3])};
  Type element = x.element(), type = accumulatorType(element);

  auto sample = [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    IndexMath math{body};
    Scalar isOutside;
    SmallVector<Scalar> places;
    for (int64_t axis : {0, 1}) {
      auto corner = [&](int64_t column) { // y and x of the first corner, then of the second; 0 to 1 is the image
        Value entry[] = {at[0], math.constant(column)};
        Scalar value = convert(Scalar(body, tensor::ExtractOp::create(body, rois.value, entry)), type);
        return value * (toFloat(body, sizes[axis], type) - 1);
      };
      // Corners are centres of elements: the first and the last of several, or the middle lies on the only one.
      Scalar start = corner(axis), end = corner(2 + axis);
      Value last = math.sub(crops[axis], math.constant(1));
      auto is = [&](Value a, Value b) {
        return Scalar(body, arith::CmpIOp::create(body, arith::CmpIPredicate::eq, a, b));
      };
      Scalar inner = start + toFloat(body, at[2 + axis], type) * ((end - start) / toFloat(body, last, type));
      Scalar place = select(is(at[2 + axis], math.constant(0)), start, select(is(at[2 + axis], last), end, inner));
      place = select(is(last, math.constant(0)), (start + end) * 0.5, place);
      Scalar outside = (place < 0) | (place > toFloat(body, sizes[axis], type) - 1);
      isOutside = isOutside ? isOutside | outside : outside;
      places.push_back(place);
    }
    Value batch = tensor::ExtractOp::create(body, operands[2], at[0]);
    batch = LoweringBuilder::wrapIndex(body, arith::IndexCastOp::create(body, body.getIndexType(), batch), batches);
    auto read = [&](Scalar y, Scalar x1) {
      Value from[] = {batch, at[1], toIndex(y, sizes[0]), toIndex(x1, sizes[1])};
      return convert(Scalar(body, tensor::ExtractOp::create(body, x.value, from)), type);
    };
    Scalar result;
    if (getMode() == "nearest") {
      auto round = [](Scalar place) { return floor(place) + select(place - floor(place) >= 0.5, place.number(1), 0); };
      result = read(round(places[0]), round(places[1]));
    } else {
      Scalar y = floor(places[0]), x1 = floor(places[1]), byY = places[0] - y, byX = places[1] - x1;
      auto row = [&](Scalar y) {
        Scalar left = read(y, x1), right = read(y, ceil(places[1]));
        return left + (right - left) * byX;
      };
      Scalar top = row(y), bottom = row(ceil(places[0]));
      result = top + (bottom - top) * byY;
    }
    return convert(select(isOutside, getExtrapolationValue().convertToFloat(), result), element);
  };
  return SmallVector<Value>{b.generate(getType(), sample)};
}

//===- MaxRoiPool -----------------------------------------------------------------------===//

LogicalResult MaxRoiPoolOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims x = getDims(getX()), rois = getDims(getRois());
  Type element = getElementTypeOrSelf(getX());
  ArrayRef<int64_t> shape = getPooledShape();
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1)
    return emitOpError("pooled_shape must be two sizes");
  if (x.size() != 4 || !isa<FloatType>(element))
    return emitOpError("X must hold floats, in a batch, channels, height and width");
  if (rois.size() != 2 || getConstant(rois[1]).value_or(5) != 5 || getElementTypeOrSelf(getRois()) != element)
    return emitOpError("rois must hold a number of the batch and 4 coordinates for each region, of the type of X");
  types.push_back(
      makeTensor({rois[0], x[1], makeDim(getContext(), shape[0]), makeDim(getContext(), shape[1])}, element));
  return success();
}

/// To the nearest integer; halves away from 0.
static Scalar roundAway(Scalar x) {
  Scalar whole = trunc(x);
  return select(abs(x - whole) >= 0.5, whole + sign(x), whole);
}

/// The specification leaves open how regions become bins; this is what Caffe and onnxruntime do. Both corners belong to
/// a region. Bins overlap where they share an element; what is outside of X does not count, and a bin of that alone is
/// 0.
FailureOr<SmallVector<Value>> MaxRoiPoolOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0), rois = getLowered(*this, operands, 1);
  Dims xDims = x.dims();
  b.requireEqual(rois.dims()[1], makeDim(getContext(), 5), "MaxRoiPool: rois must hold 5 numbers for each region");
  b.requireNonNegative(xDims[0] - 1, "MaxRoiPool: X has no element");
  Value batches = b.materializeIndex(xDims[0]);
  Lowered ids = slice(b, rois, {b.getIndexAttr(0), b.getIndexAttr(0)}, {rois.dims()[0], makeDim(getContext(), 1)},
                      rois.dims()[0]);
  requireInRange(
      b, ids.value, b.index(0), b.materializeIndex(xDims[0] - 1), "MaxRoiPool: batch index out of range",
      [](ImplicitLocOpBuilder &body, ValueRange args) { return convert(Scalar(body, args[0]), body.getI64Type()); });
  Value sizes[] = {b.materializeIndex(xDims[2]), b.materializeIndex(xDims[3])};
  Type element = x.element(), type = accumulatorType(element);
  auto poolBin = [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    IndexMath math{body};
    auto read = [&](int64_t column) {
      Value entry[] = {at[0], math.constant(column)};
      return convert(Scalar(body, tensor::ExtractOp::create(body, rois.value, entry)), type);
    };
    SmallVector<Value> starts, counts;
    for (int64_t axis : {0, 1}) {
      auto corner = [&](int64_t column) { return roundAway(read(column) * Number(getSpatialScale()).n); };
      Scalar first = corner(2 - axis), last = corner(4 - axis);
      Scalar bin = atLeast(last - first + 1, 1) / static_cast<double>(getPooledShape()[axis]);
      // Into X, whatever it is; in integers, too, since a float may round the size up.
      auto limit = [&](Scalar place) -> Value {
        place = select(place > 0, atMost(place, toFloat(body, sizes[axis], type)), 0);
        Value index = arith::IndexCastOp::create(body, body.getIndexType(), convert(place, body.getI64Type()));
        return math.least(index, sizes[axis]);
      };
      Scalar number = toFloat(body, at[2 + axis], type);
      Value start = limit(floor(number * bin) + first), end = limit(ceil((number + 1) * bin) + first);
      starts.push_back(start);
      counts.push_back(arith::MaxSIOp::create(body, math.sub(end, start), math.constant(0)));
    }
    Value batch = arith::IndexCastOp::create(body, body.getIndexType(), convert(read(0), body.getI64Type()));
    batch = LoweringBuilder::wrapIndex(body, batch, batches);
    auto addElement = [&](ImplicitLocOpBuilder &inner, ValueRange i, ValueRange carried) -> SmallVector<Value> {
      IndexMath math{inner};
      Value from[] = {batch, at[1], math.add(starts[0], i[0]), math.add(starts[1], i[1])};
      Scalar value = convert(Scalar(inner, tensor::ExtractOp::create(inner, x.value, from)), type);
      return {max(Scalar(inner, carried[0]), value)};
    };
    Scalar zero = makeFloat(body, type, 0);
    Scalar largest(body, makeLoops(body, counts, Value(zero.lowest()), addElement)[0]);
    Scalar isEmpty(body, math.equal(math.mul(counts[0], counts[1]), 0));
    return convert(select(isEmpty, zero, largest), element);
  };
  return SmallVector<Value>{b.generate(getType(), poolBin)};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Spatial.cpp.inc"

void onnxc::onnx::registerSpatialOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Spatial.cpp.inc"
      >();
  dialect.addUpgrade("GridSample", 20, upgradeGridSample);
  dialect.addUpgrade("RoiAlign", 16, upgradeRoiAlign);
  dialect.addUpgrade("RoiAlign", kAnyVersion, makeVectors<RoiAlignOp, 2>);
}
