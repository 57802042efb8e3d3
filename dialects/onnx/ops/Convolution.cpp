//===- dialects/onnx/ops/Convolution.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions over one, two or three spatial dimensions.
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/support/Window.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

/// Checks what Conv and ConvTranspose have in common; the spatial sizes of the weights are numbers after it.
template <typename OpT> static FailureOr<SmallVector<int64_t>> verifyOperands(OpT op, int64_t channelsOfX) {
  auto x = cast<RankedTensorType>(op.getX().getType()), w = cast<RankedTensorType>(op.getW().getType());
  if (x.getRank() < 3)
    return op.emitOpError("X has rank ") << x.getRank() << ", expected a batch, channels and spatial dimensions";
  if (x.getRank() > 5)
    return op.emitOpError("has ") << x.getRank() - 2 << " spatial dimensions, at most 3 can be compiled";
  if (w.getRank() != x.getRank())
    return op.emitOpError("W has rank ") << w.getRank() << ", X has rank " << x.getRank();
  if (x.getElementType() != w.getElementType())
    return op.emitOpError("X and W have different element types");
  SmallVector<int64_t> kernel(w.getShape().drop_front(2));
  for (int64_t size : kernel)
    if (ShapedType::isDynamic(size) || size < 1)
      return op.emitOpError("the spatial sizes of W must be known and positive");
  int64_t group = op.getGroup();
  if (group < 1)
    return op.emitOpError("group ") << group << " is not positive";
  // X[1] == channels, and group divides channels and feature maps.
  int64_t channels = x.getDimSize(1);
  if (!ShapedType::isDynamic(channels) && !ShapedType::isDynamic(channelsOfX) && channels != channelsOfX)
    return op.emitOpError("X has ") << channels << " channels, the weights are for " << channelsOfX;
  for (int64_t size : {channels, w.getDimSize(0)})
    if (!ShapedType::isDynamic(size) && size % group != 0)
      return op.emitOpError("group ") << group << " does not divide " << size << " channels";
  return kernel;
}

/// B has one element for each feature map.
template <typename OpT> static LogicalResult verifyBias(OpT op, AffineExpr features) {
  auto type = dyn_cast<RankedTensorType>(op.getB().getType());
  if (!type)
    return success();
  if (type.getRank() != 1)
    return op.emitOpError("B has rank ") << type.getRank() << ", expected 1";
  auto size = getConstant(getDims(type)[0]), expected = getConstant(features);
  if (size && expected && *size != *expected)
    return op.emitOpError("B has ") << *size << " elements, expected one for each of the " << *expected
                                    << " feature maps";
  return success();
}

template <typename OpT> static WindowAttributes getAttributes(OpT op) {
  return {op.getAutoPad(), op.getKernelShape(), op.getStrides(), op.getDilations(), op.getPads()};
}

/// One tensor dimension split into `group` equal parts: [..., C, ...] -> [..., G, C / G, ...].
static Lowered splitGroups(LoweringBuilder &b, Lowered value, unsigned at, int64_t group) {
  Dims dims = value.dims();
  dims[at] = floorDiv(dims[at], makeDim(b.getContext(), group));
  dims.insert(dims.begin() + at, makeDim(b.getContext(), group));
  return reshape(b, value, dims);
}

/// The same with a dimension of size 1 in front of the spatial ones.
static Lowered addUnitAxis(LoweringBuilder &b, Lowered value) {
  Dims dims = value.dims();
  dims.insert(dims.begin() + 2, makeDim(b.getContext(), 1));
  return reshape(b, value, dims);
}

/// Convolution of [N, C, spatial] with [M, C / group, spatial], accumulated in `accumulator`.
static Lowered convolve(LoweringBuilder &b, Lowered x, Lowered w, int64_t group, Window window, Type accumulator) {
  MLIRContext *context = b.getContext();
  Dims result{x.dims()[0], w.dims()[0]};
  llvm::append_range(result, window.outputDims());
  if (window.axes.size() == 1) { // as two-dimensional with height 1
    x = addUnitAxis(b, x);
    w = addUnitAxis(b, w);
    Lowered y = convolve(b, x, w, group, window.withUnitAxis(context), accumulator);
    return reshape(b, y, result);
  }
  bool is2D = window.axes.size() == 2;
  bool depthwise = group > 1 && is2D && x.dims()[1] == makeDim(context, group) && w.dims()[0] == x.dims()[1];
  bool grouped = group > 1 && !depthwise;
  Dims dims = result;
  if (grouped) {
    x = splitGroups(b, x, 1, group);
    w = splitGroups(b, w, 0, group);
    dims = {result[0], w.dims()[0], w.dims()[1]};
    llvm::append_range(dims, window.outputDims());
  }
  x = window.pad(b, x, b.constant(x.element(), 0));
  RankedTensorType type = makeTensor(dims, accumulator);
  auto create = [&](auto named, Lowered w) -> Lowered {
    using ConvT = decltype(named);
    Value init = b.filled(type, b.constant(accumulator, 0));
    auto op = ConvT::create(b, TypeRange{init.getType()}, ValueRange{x.value, w.value}, ValueRange{init},
                            window.strides(b), window.dilations(b));
    return {op->getResult(0), type};
  };
  if (depthwise) {
    Dims filter = w.dims();
    filter.erase(filter.begin() + 1);
    return create(linalg::DepthwiseConv2DNchwChwOp(), reshape(b, w, filter));
  }
  if (!grouped)
    return is2D ? create(linalg::Conv2DNchwFchwOp(), w) : create(linalg::Conv3DNcdhwFcdhwOp(), w);
  if (is2D)
    return reshape(b, create(linalg::Conv2DNgchwGfchwOp(), w), result);

  // y[n, g, f, o...] += x[n, g, c, o * stride + k * dilation...] * w[g, f, c, k...]: there is no named form.
  unsigned n = window.axes.size(), loops = 4 + 2 * n;
  auto d = [&](unsigned i) { return b.getAffineDimExpr(i); };
  unsigned c = 3 + n;
  SmallVector<AffineExpr> xs{d(0), d(1), d(c)}, ws{d(1), d(2), d(c)}, ys{d(0), d(1), d(2)};
  for (auto [i, axis] : llvm::enumerate(window.axes)) {
    AffineExpr o = d(3 + i), k = d(c + 1 + i);
    xs.push_back(o * axis.stride + k * axis.dilation);
    ws.push_back(k);
    ys.push_back(o);
  }
  Lowered y = contract(b, x, AffineMap::get(loops, 0, xs, context), w, AffineMap::get(loops, 0, ws, context), dims,
                       AffineMap::get(loops, 0, ys, context), accumulator);
  return reshape(b, y, result);
}

/// y + bias per channel, converted to the element type of the result.
static Value finish(LoweringBuilder &b, Lowered y, Lowered bias, Type resultType) {
  Type element = cast<RankedTensorType>(resultType).getElementType();
  if (!bias)
    return convert(b, y, element).value;
  AffineMap identity = b.getMultiDimIdentityMap(y.rank());
  AffineMap channel = AffineMap::get(y.rank(), 0, b.getAffineDimExpr(1), b.getContext());
  return b.elementwise(resultType, ValueRange{y.value, bias.value}, ArrayRef<AffineMap>{identity, channel},
                       [&](ImplicitLocOpBuilder &b, ValueRange args) {
                         Value addend = convertScalar(b, args[1], bias.element(), y.element());
                         return convertScalar(b, arith::AddFOp::create(b, args[0], addend), y.element(), element);
                       });
}

//===-- Conv

static FailureOr<Window> getWindow(ConvOp op) {
  auto w = cast<RankedTensorType>(op.getW().getType());
  int64_t perGroup = w.getRank() > 1 ? w.getDimSize(1) : ShapedType::kDynamic;
  auto kernel = verifyOperands(op, ShapedType::isDynamic(perGroup) ? ShapedType::kDynamic : perGroup * op.getGroup());
  if (failed(kernel) || failed(verifyBias(op, getDims(w)[0])))
    return failure();
  return Window::get(op, ArrayRef(getDims(op.getX())).drop_front(2), *kernel, getAttributes(op));
}

LogicalResult ConvOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  Dims dims{getDims(getX())[0], getDims(getW())[0]};
  llvm::append_range(dims, window->outputDims());
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getX())));
  return success();
}

FailureOr<SmallVector<Value>> ConvOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  Lowered x = getLowered(*this, operands, 0), w = getLowered(*this, operands, 1), bias = getLowered(*this, operands, 2);
  Lowered y = convolve(b, x, w, getGroup(), *window, accumulatorType(x.element()));
  return SmallVector<Value>{finish(b, y, bias, getY().getType())};
}

//===-- ConvTranspose

namespace {
/// One spatial axis: result[o] = sum of x[i] * w[k] over o + padBegin = i * stride + k * dilation.
struct TransposeAxis {
  AffineExpr input, output;
  int64_t kernel, stride, dilation, padBegin, outputPadding;
  // As a convolution with stride 1 that makes `stride` neighbours at a time ("phases"): position o + padBegin =
  // q * stride + r takes x[q - j] * w[r + j * stride], j < taps. A dilated kernel counts with its holes, unless the
  // stride is 1: then the convolution itself is dilated.
  int64_t taps, step;
  AffineExpr positions; ///< number of q
};
struct TransposeGeometry {
  SmallVector<TransposeAxis, 3> axes;
  Dims outputDims;

  static FailureOr<TransposeGeometry> get(ConvTransposeOp op);
};
} // namespace

FailureOr<TransposeGeometry> TransposeGeometry::get(ConvTransposeOp op) {
  auto w = cast<RankedTensorType>(op.getW().getType());
  auto kernel = verifyOperands(op, w.getRank() > 0 ? w.getDimSize(0) : ShapedType::kDynamic);
  if (failed(kernel) || failed(verifyBias(op, getDims(w)[1] * op.getGroup())))
    return failure();
  // The attributes mean what they mean for a convolution; sizes are checked below.
  Dims x = getDims(op.getX()), spatial(ArrayRef(x).drop_front(2));
  WindowAttributes attributes = getAttributes(op);
  attributes.ceilMode = false;
  bool same = attributes.autoPad.starts_with("SAME");
  Dims unbounded = llvm::map_to_vector(spatial, [](AffineExpr e) { return makeDim(e.getContext(), 1 << 30); });
  auto window = Window::get(op, unbounded, *kernel, attributes);
  if (failed(window))
    return failure();
  size_t n = spatial.size();
  auto outputPadding = op.getOutputPadding().value_or(ArrayRef<int64_t>());
  auto outputShape = op.getOutputShape().value_or(ArrayRef<int64_t>());
  if (!outputPadding.empty() && outputPadding.size() != n)
    return op.emitOpError("output_padding has ") << outputPadding.size() << " elements, expected " << n;
  if (outputShape.size() == n + 2) // some exporters write batch and channels too
    outputShape = outputShape.drop_front(2);
  if (!outputShape.empty() && outputShape.size() != n)
    return op.emitOpError("output_shape has ") << outputShape.size() << " elements, expected " << n;
  TransposeGeometry geometry;
  for (size_t i = 0; i < n; ++i) {
    const WindowAxis &in = window->axes[i];
    int64_t extra = outputPadding.empty() ? 0 : outputPadding[i];
    if (extra < 0 || extra >= std::max(in.stride, in.dilation))
      return op.emitOpError("output_padding ")
             << extra << " is not less than the stride or the dilation in spatial axis " << i;
    TransposeAxis axis{spatial[i], AffineExpr(), in.kernel, in.stride, in.dilation, in.padBegin, extra, 0, 0, {}};
    // Without padding: every input makes `extent` outputs, `stride` apart.
    AffineExpr full = (spatial[i] - 1) * in.stride + (in.extent() + extra);
    if (!outputShape.empty() || same) {
      axis.output = !outputShape.empty() ? makeDim(op.getContext(), outputShape[i]) : spatial[i] * in.stride;
      auto total = getConstant(simplify(full - axis.output));
      if (!total)
        return op.emitOpError("output_shape needs a known input size in spatial axis ") << i;
      // total_padding = stride * (input - 1) + output_padding + extent - output_shape, halved with the odd one behind
      // for SAME_UPPER and in front otherwise. Less than none: the last outputs get no input.
      int64_t padding = std::max<int64_t>(*total, 0);
      axis.padBegin = attributes.autoPad == "SAME_UPPER" ? padding / 2 : padding - padding / 2;
      axis.positions = !outputShape.empty() ? (axis.output + axis.padBegin).ceilDiv(in.stride)
                                            : spatial[i] + llvm::divideCeil(axis.padBegin, in.stride);
    } else {
      axis.output = full - (in.padBegin + in.padEnd);
      axis.positions = spatial[i] + (llvm::divideCeilSigned(in.extent() + extra - in.padEnd, in.stride) - 1);
    }
    if (auto size = getConstant(axis.output); size && *size < 1)
      return op.emitOpError("the padding leaves no output in spatial axis ") << i;
    axis.step = axis.stride == 1 ? axis.dilation : 1;
    int64_t kernelSize = axis.stride == 1 ? axis.kernel : in.extent();
    axis.taps = llvm::divideCeil(kernelSize, axis.stride);
    geometry.axes.push_back(axis);
    geometry.outputDims.push_back(axis.output);
  }
  return geometry;
}

LogicalResult ConvTransposeOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto geometry = TransposeGeometry::get(*this);
  if (failed(geometry))
    return failure();
  Dims dims{getDims(getX())[0], getDims(getW())[1] * getGroup()};
  llvm::append_range(dims, geometry->outputDims);
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getX())));
  return success();
}

/// The weights of the convolution that makes all phases: [group * M / group * phases..., C / group, taps...] from
/// [C, M / group, kernel...]. Its tap t is the kernel's r + (taps - 1 - t) * stride, where there is one.
static FailureOr<Lowered> makePhaseWeights(ConvTransposeOp op, LoweringBuilder &b, Lowered w,
                                           const TransposeGeometry &geometry) {
  int64_t group = op.getGroup(), n = geometry.axes.size();
  ArrayRef<int64_t> shape = w.type.getShape();
  if (!w.type.hasStaticShape())
    return op.emitOpError("the sizes of W must be known");
  int64_t channels = shape[0] / group, features = shape[1];
  SmallVector<int64_t> sizes{group, features}; // then the phases, channels, taps
  for (const TransposeAxis &axis : geometry.axes)
    sizes.push_back(axis.stride);
  sizes.push_back(channels);
  for (const TransposeAxis &axis : geometry.axes)
    sizes.push_back(axis.taps);
  // The tap of `axis` as a place in the kernel.
  auto place = [](const TransposeAxis &axis, int64_t phase, int64_t tap) -> std::optional<int64_t> {
    int64_t at = phase + (axis.taps - 1 - tap) * axis.stride;
    int64_t holes = axis.stride == 1 ? 1 : axis.dilation;
    if (at % holes != 0 || at / holes >= axis.kernel)
      return std::nullopt;
    return at / holes;
  };
  auto position = [&](ArrayRef<int64_t> i) -> std::optional<int64_t> {
    int64_t flat = (i[0] * channels + i[2 + n]) * features + i[1];
    for (int64_t a = 0; a < n; ++a) {
      auto at = place(geometry.axes[a], i[2 + a], i[3 + n + a]);
      if (!at)
        return std::nullopt;
      flat = flat * geometry.axes[a].kernel + *at;
    }
    return flat;
  };
  SmallVector<int64_t> joined{group * features, channels};
  for (const TransposeAxis &axis : geometry.axes) {
    joined[0] *= axis.stride;
    joined.push_back(axis.taps);
  }
  if (Lowered result = rearrangeConstant(b, w, sizes, joined, position))
    return result;
  // Computed at run time, by a table of places for every axis: -1 where there is none.
  RankedTensorType type = makeTensor(sizes, w.element());
  SmallVector<int64_t> places, strides;
  int64_t longest = 0;
  for (const TransposeAxis &axis : geometry.axes)
    longest = std::max(longest, axis.stride * axis.taps);
  for (const TransposeAxis &axis : geometry.axes)
    for (int64_t i = 0; i < longest; ++i)
      places.push_back(place(axis, i % axis.stride, std::min(i / axis.stride, axis.taps - 1)).value_or(-1));
  auto tableType = RankedTensorType::get({n, longest}, b.getIndexType());
  Value table = arith::ConstantOp::create(b, DenseElementsAttr::get(tableType, ArrayRef<int64_t>(places)));
  Value value = b.generate(type, [&](ImplicitLocOpBuilder &b, ValueRange i) -> Value {
    auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
    SmallVector<Value> at{arith::AddIOp::create(b, arith::MulIOp::create(b, i[0], index(channels)), i[2 + n]), i[1]};
    Value inside = arith::ConstantOp::create(b, b.getBoolAttr(true));
    for (int64_t a = 0; a < n; ++a) {
      Value entry =
          arith::AddIOp::create(b, arith::MulIOp::create(b, i[3 + n + a], index(geometry.axes[a].stride)), i[2 + a]);
      Value found = tensor::ExtractOp::create(b, table, ValueRange{index(a), entry});
      Value here = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, found, index(0));
      inside = arith::AndIOp::create(b, inside, here);
      at.push_back(arith::MaxSIOp::create(b, found, index(0)));
    }
    Value element = tensor::ExtractOp::create(b, w.value, at);
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element.getType()));
    return arith::SelectOp::create(b, inside, element, zero);
  });
  return reshape(b, Lowered{value, type}, getDims(makeTensor(joined, w.element())));
}

FailureOr<SmallVector<Value>> ConvTransposeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto geometry = TransposeGeometry::get(*this);
  if (failed(geometry))
    return failure();
  Lowered x = getLowered(*this, operands, 0), w = getLowered(*this, operands, 1), bias = getLowered(*this, operands, 2);
  auto weights = makePhaseWeights(*this, b, w, *geometry);
  if (failed(weights))
    return failure();

  // The input, padded so that the window's last tap meets every q: (taps - 1) * step in front, and behind as many
  // as there are positions beyond the input.
  MLIRContext *context = b.getContext();
  int64_t n = geometry->axes.size();
  Window window{Window::None, /*ceilMode=*/false, {}};
  bool crop = false;
  SmallVector<OpFoldResult> low(2, b.getIndexAttr(0)), high = low;
  Dims padded(ArrayRef(x.dims()).take_front(2));
  for (const TransposeAxis &axis : geometry->axes) {
    int64_t before = (axis.taps - 1) * axis.step;
    AffineExpr behind = simplify(axis.positions - axis.input);
    // Fewer positions than inputs: the last inputs are not met by any tap, and remain unread.
    if (auto number = getConstant(behind); number && *number < 0)
      behind = makeDim(context, 0);
    low.push_back(b.getIndexAttr(before));
    high.push_back(b.materialize(behind));
    padded.push_back(axis.input + before + behind);
    window.axes.push_back({padded.back(), axis.taps, 1, axis.step, 0, 0, axis.positions});
    crop |= axis.padBegin != 0 || axis.positions * axis.stride != axis.output;
  }
  x = pad(b, x, low, high, padded, b.constant(x.element(), 0));
  Lowered y = convolve(b, x, *weights, getGroup(), window, accumulatorType(x.element()));

  // Phases to their places: [N, M, r..., q...] -> [N, M, q0, r0, q1, r1, ...] -> [N, M, q0 * r0, ...].
  Dims split{y.dims()[0], getDims(getY())[1]}, joined = split;
  SmallVector<int64_t> interleaved{0, 1};
  bool phases = false;
  for (const TransposeAxis &axis : geometry->axes) {
    split.push_back(makeDim(context, axis.stride));
    phases |= axis.stride != 1;
  }
  for (auto [i, axis] : llvm::enumerate(geometry->axes)) {
    split.push_back(axis.positions);
    joined.push_back(axis.positions * axis.stride);
    interleaved.append({static_cast<int64_t>(2 + n + i), static_cast<int64_t>(2 + i)});
  }
  if (phases)
    y = reshape(b, transpose(b, reshape(b, y, split), interleaved), joined);
  if (crop) {
    SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0));
    for (const TransposeAxis &axis : geometry->axes)
      offsets.push_back(b.getIndexAttr(axis.padBegin));
    y = slice(b, y, offsets, getDims(getY()), getDims(getY()));
  }
  return SmallVector<Value>{finish(b, y, bias, getY().getType())};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Convolution.cpp.inc"

void onnxc::onnx::registerConvolutionOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Convolution.cpp.inc"
      >();
}
