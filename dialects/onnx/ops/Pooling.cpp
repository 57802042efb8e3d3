//===- dialects/onnx/ops/Pooling.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions over windows of the spatial dimensions, or over all of them.
#include "dialects/onnx/ops/Pooling.h"
#include "dialects/onnx/support/ComplexParts.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Indices.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Window.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

template <typename OpT> static FailureOr<Window> getWindow(OpT op) {
  Dims x = getDims(op.getX());
  if (x.size() < 3)
    return op.emitOpError("X has rank ") << x.size() << ", expected a batch, channels and spatial dimensions";
  if (op.getKernelShape().size() != x.size() - 2)
    return op.emitOpError("kernel_shape has ") << op.getKernelShape().size() << " elements, expected " << x.size() - 2;
  return Window::get(op, ArrayRef(x).drop_front(2), {},
                     {op.getAutoPad(), op.getKernelShape(), op.getStrides(), op.getDilations(), op.getPads(),
                      op.getCeilMode() != 0,
                      /*clips=*/true});
}

/// [N, C, positions...]
template <typename OpT> static FailureOr<Dims> poolDims(OpT op) {
  auto window = getWindow(op);
  if (failed(window))
    return failure();
  Dims dims(ArrayRef(getDims(op.getX())).take_front(2));
  llvm::append_range(dims, window->outputDims());
  return dims;
}

static Value lowest(LoweringBuilder &b, Type element) {
  if (auto type = dyn_cast<FloatType>(element))
    return arith::ConstantOp::create(
        b, b.getFloatAttr(type, llvm::APFloat::getInf(type.getFloatSemantics(), /*Negative=*/true)));
  unsigned width = element.getIntOrFloatBitWidth();
  return arith::ConstantOp::create(b, b.getIntegerAttr(b.getIntegerType(width), element.isUnsignedInteger()
                                                                                    ? APInt::getMinValue(width)
                                                                                    : APInt::getSignedMinValue(width)));
}

static Value larger(ImplicitLocOpBuilder &b, Value x, Value y, Type element) {
  if (isa<FloatType>(element))
    return arith::MaximumFOp::create(b, x, y);
  return element.isUnsignedInteger() ? Value(arith::MaxUIOp::create(b, x, y)) : Value(arith::MaxSIOp::create(b, x, y));
}

namespace {
/// The loops of a pooling as linalg.generic: n, c, positions..., window places...
struct PoolLoops {
  AffineMap input, window, output;
  SmallVector<utils::IteratorType> iterators;

  PoolLoops(Builder &b, const Window &geometry) {
    unsigned n = geometry.axes.size(), loops = 2 + 2 * n;
    SmallVector<AffineExpr> x{b.getAffineDimExpr(0), b.getAffineDimExpr(1)}, k, y = x;
    for (auto [i, axis] : llvm::enumerate(geometry.axes)) {
      AffineExpr position = b.getAffineDimExpr(2 + i), place = b.getAffineDimExpr(2 + n + i);
      x.push_back(position * axis.stride + place * axis.dilation);
      k.push_back(place);
      y.push_back(position);
    }
    input = AffineMap::get(loops, 0, x, b.getContext());
    window = AffineMap::get(loops, 0, k, b.getContext());
    output = AffineMap::get(loops, 0, y, b.getContext());
    iterators.assign(2 + n, utils::IteratorType::parallel);
    iterators.append(n, utils::IteratorType::reduction);
  }
};
} // namespace

/// A tensor without content whose sizes are those of the window.
static Value windowShape(LoweringBuilder &b, const Window &window, Type element) {
  SmallVector<int64_t> sizes = llvm::map_to_vector(window.axes, [](const WindowAxis &axis) { return axis.kernel(); });
  return tensor::EmptyOp::create(b, sizes, element);
}

/// Accumulates body(element, accumulator) over every window of the padded `x`, from `init`. One and two spatial
/// dimensions become NamedOp, which does what `body` says.
template <typename NamedOp>
static Lowered pool(LoweringBuilder &b, Lowered x, const Window &window, Value padding, Value init, Type element,
                    bool named, ElementBody body) {
  Dims dims(ArrayRef(x.dims()).take_front(2));
  llvm::append_range(dims, window.outputDims());
  if (named && window.axes.size() == 1) { // as two-dimensional with height 1
    Dims flat = x.dims();
    flat.insert(flat.begin() + 2, makeDim(b.getContext(), 1));
    x = reshape(b, x, flat);
    Lowered y = pool<NamedOp>(b, x, window.withUnitAxis(b.getContext()), padding, init, element, named, body);
    return reshape(b, y, dims);
  }
  x = window.pad(b, x, padding);
  RankedTensorType type = makeTensor(dims, element);
  Value start = b.filled(type, init);
  Value shape = windowShape(b, window, b.loweredType(type).getElementType());
  if (named && window.axes.size() == 2)
    return {NamedOp::create(b, TypeRange{start.getType()}, ValueRange{x.value, shape}, ValueRange{start},
                            window.strides(b), window.dilations(b))
                ->getResult(0),
            type};
  PoolLoops loops(b, window);
  auto generic = linalg::GenericOp::create(b, TypeRange{start.getType()}, ValueRange{x.value, shape}, ValueRange{start},
                                           ArrayRef<AffineMap>{loops.input, loops.window, loops.output},
                                           loops.iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
                                             ImplicitLocOpBuilder b(loc, nested);
                                             linalg::YieldOp::create(b, body(b, ValueRange{args[0], args[2]}));
                                           });
  return {generic.getResult(0), type};
}

/// Sums over windows, padded with zeros, in the accumulator type.
static Lowered poolSum(LoweringBuilder &b, Lowered x, const Window &window) {
  Type element = x.element(), accumulator = accumulatorType(element);
  return pool<linalg::PoolingNchwSumOp>(b, x, window, b.constant(element, 0), b.constant(accumulator, 0), accumulator,
                                        /*named=*/true, [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                                          return arith::AddFOp::create(b, args[1],
                                                                       convertScalar(b, args[0], element, accumulator));
                                        });
}

//===-- MaxPool

LogicalResult MaxPoolOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = poolDims(*this);
  if (failed(dims))
    return failure();
  types.push_back(makeTensor(*dims, getElementTypeOrSelf(getX())));
  types.push_back(makeTensor(*dims, IntegerType::get(getContext(), 64)));
  return success();
}

/// Values and positions at once. A position is the element's in the whole of X, in row-major order or, with
/// `columnMajor`, with the first spatial dimension running fastest.
static SmallVector<Value> poolIndices(LoweringBuilder &b, Lowered x, const Window &window, Type resultType,
                                      Type indicesType, bool columnMajor) {
  Dims dims = x.dims();
  Type element = x.element();
  Lowered padded = window.pad(b, x, lowest(b, element));
  Value values = b.filled(resultType, lowest(b, element));
  Value positions = b.filled(indicesType, b.constantInt(b.getI64Type(), -1));
  PoolLoops loops(b, window);
  unsigned n = window.axes.size();
  SmallVector<Value> sizes, begins;
  for (unsigned i = 0; i < n; ++i) {
    sizes.push_back(b.materializeIndex(dims[2 + i]));
    begins.push_back(getValueOrCreateConstantIndexOp(b, b.getLoc(), window.padding(b, i).first));
  }
  Value channels = b.materializeIndex(dims[1]);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{values.getType(), positions.getType()},
      ValueRange{padded.value, windowShape(b, window, b.loweredType(x.type).getElementType())},
      ValueRange{values, positions}, ArrayRef<AffineMap>{loops.input, loops.window, loops.output, loops.output},
      loops.iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder b(loc, nested);
        auto number = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
        auto add = [&](Value l, Value r) -> Value { return arith::AddIOp::create(b, l, r); };
        auto mul = [&](Value l, Value r) -> Value { return arith::MulIOp::create(b, l, r); };
        Value flat = add(mul(linalg::IndexOp::create(b, 0), channels), linalg::IndexOp::create(b, 1));
        Value inside = arith::ConstantOp::create(b, b.getBoolAttr(true));
        SmallVector<Value> at;
        for (unsigned i = 0; i < n; ++i) {
          Value start = mul(linalg::IndexOp::create(b, 2 + i), number(window.axes[i].stride));
          Value place = mul(linalg::IndexOp::create(b, 2 + n + i), number(window.axes[i].dilation));
          at.push_back(arith::SubIOp::create(b, add(start, place), begins[i]));
          // One unsigned comparison says 0 <= at < size.
          inside =
              arith::AndIOp::create(b, inside, arith::CmpIOp::create(b, arith::CmpIPredicate::ult, at[i], sizes[i]));
        }
        for (unsigned i = 0; i < n; ++i) {
          unsigned axis = columnMajor ? n - 1 - i : i;
          flat = add(mul(flat, sizes[axis]), at[axis]);
        }
        Value candidate = args[0], best = args[2], known = args[3];
        Value more;
        if (isa<FloatType>(element))
          more = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, candidate, best);
        else
          more = arith::CmpIOp::create(
              b, element.isUnsignedInteger() ? arith::CmpIPredicate::ugt : arith::CmpIPredicate::sgt, candidate, best);
        Value none = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, known,
                                           arith::ConstantOp::create(b, b.getI64IntegerAttr(0)));
        Value take = arith::AndIOp::create(b, inside, arith::OrIOp::create(b, more, none));
        Value position = arith::IndexCastOp::create(b, b.getI64Type(), flat);
        Value yields[] = {arith::SelectOp::create(b, take, candidate, best),
                          arith::SelectOp::create(b, take, position, known)};
        linalg::YieldOp::create(b, yields);
      });
  return llvm::to_vector_of<Value>(generic.getResults());
}

FailureOr<SmallVector<Value>> MaxPoolOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  Lowered x = getLowered(*this, operands, 0);
  if (!getIndices().use_empty())
    return poolIndices(b, x, *window, getY().getType(), getIndices().getType(), getStorageOrder() != 0);
  Type element = x.element();
  Lowered y = pool<linalg::PoolingNchwMaxOp>(
      b, x, *window, lowest(b, element), lowest(b, element), element,
      /*named=*/!element.isUnsignedInteger(),
      [&](ImplicitLocOpBuilder &b, ValueRange args) { return larger(b, args[0], args[1], element); });
  return SmallVector<Value>{y.value, Value()};
}

//===-- MaxpoolWithMask (com.microsoft)

static FailureOr<Window> getMaskedWindow(MaxpoolWithMaskOp op) {
  Dims x = getDims(op.getX());
  if (x.size() < 3 || op.getKernelShape().size() != x.size() - 2)
    return op.emitOpError("X has rank ") << x.size() << ", kernel_shape " << op.getKernelShape().size() << " elements";
  return Window::get(op, ArrayRef(x).drop_front(2), {},
                     {op.getAutoPad(), op.getKernelShape(), op.getStrides(), /*dilations=*/std::nullopt, op.getPads()});
}

LogicalResult MaxpoolWithMaskOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto window = getMaskedWindow(*this);
  if (failed(window))
    return failure();
  Dims x = getDims(getX()), m = getDims(getM());
  Type element = getElementTypeOrSelf(getX());
  if (!isa<FloatType>(element) || m.size() != x.size())
    return emitOpError("X must hold floats, and M as many dimensions as X");
  for (size_t i = 2; i < x.size(); ++i)
    if (auto a = getConstant(x[i]), b = getConstant(m[i]); a && b && *a != *b)
      return emitOpError("M has ") << *b << " elements in dimension " << i << ", X " << *a;
  Dims dims{x[0], x[1]};
  llvm::append_range(dims, window->outputDims());
  types.push_back(makeTensor(dims, element));
  return success();
}

/// As onnxruntime's kernel has it. A row of a window, along the last dimension, ends at an element whose mask is 0; the
/// first element of an image of several dimensions has no mask. The mask of channel c (of the whole batch) begins at
/// element (c * spatial elements) mod (channels of all masks), which is where one wants it only if there is one mask.
FailureOr<SmallVector<Value>> MaxpoolWithMaskOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto window = getMaskedWindow(*this);
  if (failed(window))
    return failure();
  Lowered x = getLowered(*this, operands, 0), m = getLowered(*this, operands, 1);
  Dims dims = x.dims(), maskDims = m.dims();
  MLIRContext *context = getContext();
  for (size_t i = 2; i < dims.size(); ++i)
    b.requireEqual(dims[i], maskDims[i], "MaxpoolWithMask: X and M have different spatial sizes");
  b.requireNonNegative(maskDims[0] * maskDims[1] - 1, "MaxpoolWithMask: M has no channel");
  m = reshape(b, m, {product(context, maskDims)});
  unsigned n = window->axes.size();
  Value masks = b.materializeIndex(maskDims[0] * maskDims[1]), channels = b.materializeIndex(dims[1]);
  Value elements = b.materializeIndex(product(context, ArrayRef(dims).drop_front(2)));
  SmallVector<Value> sizes, begins, kernel;
  for (unsigned i = 0; i < n; ++i) {
    sizes.push_back(b.materializeIndex(dims[2 + i]));
    begins.push_back(getValueOrCreateConstantIndexOp(b, b.getLoc(), window->padding(b, i).first));
    kernel.push_back(b.index(window->axes[i].kernel()));
  }
  auto type = cast<FloatType>(x.element());
  Value least = arith::ConstantOp::create(
      b, b.getFloatAttr(type, llvm::APFloat::getLargest(type.getFloatSemantics(), /*Negative=*/true)));
  auto poolOne = [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    IndexMath math{body};
    Value channel = math.add(math.mul(at[0], channels), at[1]);
    Value first = arith::RemSIOp::create(body, math.mul(channel, elements), masks);
    auto visitRow = [&](ImplicitLocOpBuilder &outer, ValueRange row, ValueRange best) -> SmallVector<Value> {
      Value isOpen = arith::ConstantOp::create(outer, outer.getBoolAttr(true));
      auto visit = [&](ImplicitLocOpBuilder &inner, ValueRange column, ValueRange carried) -> SmallVector<Value> {
        IndexMath math{inner};
        SmallVector<Value> place(row), entry{at[0], at[1]};
        place.push_back(column[0]);
        Value inside = arith::ConstantOp::create(inner, inner.getBoolAttr(true)), flat = math.constant(0);
        for (unsigned i = 0; i < n; ++i) {
          Value p = math.sub(math.add(math.mul(at[2 + i], math.constant(window->axes[i].stride)), place[i]), begins[i]);
          // One unsigned comparison says 0 <= p < size.
          Value isIn = arith::CmpIOp::create(inner, arith::CmpIPredicate::ult, p, sizes[i]);
          inside = arith::AndIOp::create(inner, inside, isIn);
          p = math.select(isIn, p, math.constant(0));
          entry.push_back(p);
          flat = math.add(math.mul(flat, sizes[i]), p);
        }
        Value mask = tensor::ExtractOp::create(inner, m.value, math.add(first, flat));
        Value isMasked = arith::AndIOp::create(inner, inside, Scalar(inner, mask) == 0);
        if (n > 1)
          isMasked = arith::AndIOp::create(
              inner, isMasked, arith::CmpIOp::create(inner, arith::CmpIPredicate::ne, flat, math.constant(0)));
        Value isTrue = arith::ConstantOp::create(inner, inner.getBoolAttr(true));
        Value open = arith::AndIOp::create(inner, carried[1], arith::XOrIOp::create(inner, isMasked, isTrue));
        Scalar value(inner, tensor::ExtractOp::create(inner, x.value, entry)), present(inner, carried[0]);
        Value takes = arith::AndIOp::create(inner, arith::AndIOp::create(inner, open, inside), value > present);
        return {arith::SelectOp::create(inner, takes, value, present), open};
      };
      return {makeLoops(outer, kernel.back(), {best[0], isOpen}, visit)[0]};
    };
    return makeLoops(body, ArrayRef(kernel).drop_back(), least, visitRow)[0];
  };
  return SmallVector<Value>{b.generate(getType(), poolOne)};
}

//===-- AveragePool

LogicalResult AveragePoolOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = poolDims(*this);
  if (failed(dims))
    return failure();
  types.push_back(makeTensor(*dims, getElementTypeOrSelf(getX())));
  return success();
}

/// How many places of the window at every position lie between `from` and `to`, as a tensor [positions...].
static Lowered countPlaces(LoweringBuilder &b, const Window &window, bool withPadding, Type element) {
  RankedTensorType type = makeTensor(window.outputDims(), element);
  // Along one axis the windows at o covers start + k * dilation, start = o * stride - begin, k < kernel. Those below
  // a bound are ceil((bound - start) / dilation) of them, at least 0 and at most all.
  struct Bounds {
    OpFoldResult begin, end;
    Value low, high;
  };
  SmallVector<Bounds> bounds;
  // Numbers that take long to write down are computed by the run.
  constexpr uint64_t most = 1 << 24;
  uint64_t work = 0;
  for (const WindowAxis &axis : window.axes)
    work = llvm::SaturatingAdd<uint64_t>(work, axis.kernel());
  bool isStatic = type.hasStaticShape() && llvm::SaturatingMultiply<uint64_t>(work, type.getNumElements()) <= most;
  for (auto [i, axis] : llvm::enumerate(window.axes)) {
    auto [begin, end] = window.padding(b, i);
    if (window.same == Window::None) // without what only ceil_mode adds
      end = b.getIndexAttr(axis.padEnd);
    bounds.push_back({begin, end, {}, {}});
    isStatic &= getConstant(axis.input) && getConstantIntValue(begin) && getConstantIntValue(end);
  }
  if (isStatic) {
    auto count = [&](unsigned i, int64_t position) {
      const WindowAxis &axis = window.axes[i];
      int64_t begin = *getConstantIntValue(bounds[i].begin), end = *getConstantIntValue(bounds[i].end);
      int64_t low = withPadding ? -begin : 0, high = *getConstant(axis.input) + (withPadding ? end : 0);
      int64_t places = 0;
      for (int64_t k = 0, at = position * axis.stride - begin; k < axis.kernel(); ++k, at += axis.dilation)
        places += at >= low && at < high;
      return places;
    };
    SmallVector<Attribute> counts;
    for (int64_t flat = 0; flat < type.getNumElements(); ++flat) {
      int64_t rest = flat, places = 1;
      for (unsigned i = window.axes.size(); i-- > 0; rest /= type.getDimSize(i))
        places *= count(i, rest % type.getDimSize(i));
      counts.push_back(b.getFloatAttr(element, places));
    }
    return {arith::ConstantOp::create(b, DenseElementsAttr::get(type, counts)), type};
  }
  for (auto [i, axis] : llvm::enumerate(window.axes)) {
    auto value = [&](OpFoldResult size) { return getValueOrCreateConstantIndexOp(b, b.getLoc(), size); };
    Value begin = value(bounds[i].begin), input = b.materializeIndex(axis.input);
    bounds[i].low = withPadding ? Value(arith::SubIOp::create(b, b.index(0), begin)) : b.index(0);
    bounds[i].high = withPadding ? Value(arith::AddIOp::create(b, input, value(bounds[i].end))) : input;
    bounds[i].begin = begin;
  }
  Value counts = b.generate(type, [&](ImplicitLocOpBuilder &b, ValueRange position) -> Value {
    auto number = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
    Value places = number(1);
    for (auto [i, axis] : llvm::enumerate(window.axes)) {
      Value start = arith::SubIOp::create(b, arith::MulIOp::create(b, position[i], number(axis.stride)),
                                          cast<Value>(bounds[i].begin));
      auto below = [&, &axis = axis](Value bound) -> Value {
        Value n = arith::CeilDivSIOp::create(b, arith::SubIOp::create(b, bound, start), number(axis.dilation));
        return arith::MinSIOp::create(b, arith::MaxSIOp::create(b, n, number(0)), number(axis.kernel()));
      };
      places = arith::MulIOp::create(b, places, arith::SubIOp::create(b, below(bounds[i].high), below(bounds[i].low)));
    }
    return arith::SIToFPOp::create(b, element, arith::IndexCastOp::create(b, b.getI64Type(), places));
  });
  return {counts, type};
}

FailureOr<SmallVector<Value>> AveragePoolOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  Lowered x = getLowered(*this, operands, 0);
  Lowered sum = poolSum(b, x, *window);
  Type element = x.element();
  // Every window is full when nothing is padded, or the padding counts and ceil_mode adds nothing to it.
  bool padded = llvm::any_of(window->axes, [](const WindowAxis &axis) {
    return axis.padBegin != 0 || axis.padEnd != 0 || getConstant(axis.missing) != 0;
  });
  bool full = window->same == Window::None && !getCeilMode() && (getCountIncludePad() || !padded);
  if (full) {
    Value size = b.constant(sum.element(), window->size());
    return SmallVector<Value>{
        b.elementwise(getY().getType(), sum.value, TypeRange{sum.type}, [&](ImplicitLocOpBuilder &b, ValueRange args) {
          return convertScalar(b, arith::DivFOp::create(b, args[0], size), sum.element(), element);
        })};
  }
  Lowered count = countPlaces(b, *window, getCountIncludePad() != 0, sum.element());
  return SmallVector<Value>{
      b.elementwise(getY().getType(), ValueRange{sum.value, count.value}, TypeRange{sum.type, count.type},
                    [&](ImplicitLocOpBuilder &b, ValueRange args) {
                      return convertScalar(b, arith::DivFOp::create(b, args[0], args[1]), sum.element(), element);
                    })};
}

//===-- LpPool: (sum of |x|^p)^(1/p)

LogicalResult LpPoolOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = poolDims(*this);
  if (failed(dims))
    return failure();
  if (getP() < 1)
    return emitOpError("p ") << getP() << " is not positive";
  types.push_back(makeTensor(*dims, getElementTypeOrSelf(getX())));
  return success();
}

/// |x|^p
static Value power(ImplicitLocOpBuilder &b, Value x, int64_t p) {
  Value base = p % 2 == 0 ? x : Value(math::AbsFOp::create(b, x)), result = base;
  if (p > 8)
    return math::PowFOp::create(b, math::AbsFOp::create(b, x),
                                arith::ConstantOp::create(b, cast<TypedAttr>(b.getFloatAttr(x.getType(), p))));
  for (int64_t i = 1; i < p; ++i)
    result = arith::MulFOp::create(b, result, base);
  return result;
}

/// x^(1/p) of a sum that is not negative
static Value root(ImplicitLocOpBuilder &b, Value x, int64_t p) {
  if (p == 1)
    return x;
  if (p == 2)
    return math::SqrtOp::create(b, x);
  return math::PowFOp::create(b, x,
                              arith::ConstantOp::create(b, cast<TypedAttr>(b.getFloatAttr(x.getType(), 1.0 / p))));
}

FailureOr<SmallVector<Value>> LpPoolOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto window = getWindow(*this);
  if (failed(window))
    return failure();
  Lowered x = getLowered(*this, operands, 0);
  Type element = x.element(), accumulator = accumulatorType(element);
  RankedTensorType type = withElementType(x.type, accumulator);
  Lowered powers{b.elementwise(type, x.value, TypeRange{x.type},
                               [&](ImplicitLocOpBuilder &b, ValueRange args) {
                                 return power(b, convertScalar(b, args[0], element, accumulator), getP());
                               }),
                 type};
  Lowered sum = poolSum(b, powers, *window);
  return SmallVector<Value>{
      b.elementwise(getY().getType(), sum.value, TypeRange{sum.type}, [&](ImplicitLocOpBuilder &b, ValueRange args) {
        return convertScalar(b, root(b, args[0], getP()), accumulator, element);
      })};
}

//===-- Global pooling: the window is all of the spatial dimensions

static LogicalResult inferGlobalPool(Operation *op, SmallVectorImpl<Type> &types) {
  Dims dims = getDims(op->getOperand(0));
  if (dims.size() < 2)
    return op->emitOpError("X has rank ") << dims.size() << ", expected a batch, channels and spatial dimensions";
  std::fill(dims.begin() + 2, dims.end(), makeDim(op->getContext(), 1));
  types.push_back(makeTensor(dims, getElementTypeOrSelf(op->getOperand(0))));
  return success();
}

LogicalResult GlobalAveragePoolOp::inferTypes(SmallVectorImpl<Type> &types) { return inferGlobalPool(*this, types); }
LogicalResult GlobalMaxPoolOp::inferTypes(SmallVectorImpl<Type> &types) { return inferGlobalPool(*this, types); }
LogicalResult GlobalLpPoolOp::inferTypes(SmallVectorImpl<Type> &types) { return inferGlobalPool(*this, types); }

/// Accumulates body(element, accumulator) over the spatial dimensions: [N, C].
static Lowered reduceSpatial(LoweringBuilder &b, Lowered x, Value init, Type element, ElementBody body) {
  Dims dims = x.dims();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, dims.size()));
  return {b.reduce(x.value, x.type, axes, init, body), makeTensor(ArrayRef(dims).take_front(2), element)};
}

FailureOr<SmallVector<Value>> GlobalAveragePoolOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0);
  Type element = x.element(), accumulator = accumulatorType(element);
  Lowered sum = reduceSpatial(
      b, x, b.constant(accumulator, 0), accumulator, [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
        return arith::AddFOp::create(b, args[1], convertScalar(b, args[0], element, accumulator));
      });
  Dims dims = x.dims();
  AffineExpr size = product(getContext(), ArrayRef(dims).drop_front(2));
  Value count;
  if (auto number = getConstant(size))
    count = b.constant(accumulator, *number);
  else
    count = arith::SIToFPOp::create(b, accumulator,
                                    arith::IndexCastOp::create(b, b.getI64Type(), b.materializeIndex(size)));
  RankedTensorType type = withElementType(sum.type, element);
  Lowered mean{b.elementwise(type, sum.value, TypeRange{sum.type},
                             [&](ImplicitLocOpBuilder &b, ValueRange args) {
                               return convertScalar(b, arith::DivFOp::create(b, args[0], count), accumulator, element);
                             }),
               type};
  return SmallVector<Value>{reshape(b, mean, getDims(getY())).value};
}

FailureOr<SmallVector<Value>> GlobalMaxPoolOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0);
  Type element = x.element();
  Lowered most = reduceSpatial(b, x, lowest(b, element), element, [&](ImplicitLocOpBuilder &b, ValueRange args) {
    return larger(b, args[0], args[1], element);
  });
  return SmallVector<Value>{reshape(b, most, getDims(getY())).value};
}

FailureOr<SmallVector<Value>> GlobalLpPoolOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0);
  Type element = x.element(), accumulator = accumulatorType(element);
  Lowered sum = reduceSpatial(b, x, b.constant(accumulator, 0), accumulator,
                              [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                                Value wide = convertScalar(b, args[0], element, accumulator);
                                return arith::AddFOp::create(b, args[1], power(b, wide, getP()));
                              });
  RankedTensorType type = withElementType(sum.type, element);
  Lowered norm{b.elementwise(type, sum.value, TypeRange{sum.type},
                             [&](ImplicitLocOpBuilder &b, ValueRange args) {
                               return convertScalar(b, root(b, args[0], getP()), accumulator, element);
                             }),
               type};
  return SmallVector<Value>{reshape(b, norm, getDims(getY())).value};
}

//===-- Col2Im

/// The dimensions of the image, with strides, dilations and pads. The sizes of a block, which may be known at run time
/// only, are not in it.
static FailureOr<Window> getImage(Col2ImOp op) {
  auto length = [](Value list) {
    Dims dims = getDims(list);
    return dims.size() == 1 ? getConstant(dims[0]) : std::nullopt;
  };
  auto spatial = length(op.getImageShape());
  if (!spatial || *spatial < 1 || length(op.getBlockShape()) != spatial)
    return op.emitOpError(
        "image_shape and block_shape must be lists of one number for each spatial dimension, and how many "
        "these are be known when the model is compiled (--input-shape)");
  Dims sizes;
  auto data = getShapeData(op.getImageShape());
  for (int64_t i = 0; i < *spatial; ++i) {
    sizes.push_back(data ? (*data)[i] : freshSymbol(op, 0, 2 + i));
    if (auto number = getConstant(sizes.back()); number && *number < 0)
      return op.emitOpError("image_shape contains ") << *number;
  }
  return Window::get(op, sizes, {}, {"NOTSET", std::nullopt, op.getStrides(), op.getDilations(), op.getPads()});
}

LogicalResult Col2ImOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims x = getDims(getInput());
  if (x.size() != 3)
    return emitOpError("input has rank ") << x.size() << ", expected 3: batch, elements of blocks, and blocks";
  // All lists have something for every spatial dimension, so that one tells the length of the others.
  std::optional<int64_t> spatial;
  for (Value list : {getImageShape(), getBlockShape()})
    if (Dims dims = getDims(list); dims.size() == 1 && getConstant(dims[0]))
      spatial = getConstant(dims[0]);
  for (auto list : {getStrides(), getDilations()})
    if (!spatial && list && !list->empty())
      spatial = list->size();
  if (!spatial && getPads() && !getPads()->empty())
    spatial = getPads()->size() / 2;
  if (spatial && (failed(assumeSizes(*this, 1, *spatial, "image_shape")) ||
                  failed(assumeSizes(*this, 2, *spatial, "block_shape"))))
    return failure();
  auto image = getImage(*this);
  if (failed(image))
    return failure();
  AffineExpr channels;
  if (auto block = getConstantInts(getBlockShape())) {
    int64_t size = 1;
    for (auto [i, kernel] : llvm::enumerate(*block)) {
      if (kernel < 1 || llvm::MulOverflow(size, kernel, size))
        return emitOpError("block_shape contains ") << kernel;
    }
    if (auto elements = getConstant(x[1]); elements && *elements % size != 0)
      return emitOpError("blocks of ") << size << " elements do not divide the " << *elements << " of dimension 1";
    channels = floorDiv(x[1], makeDim(getContext(), size));
  } else {
    channels = freshSymbol(*this, 0, 1);
  }
  Dims dims{x[0], channels};
  for (const WindowAxis &axis : image->axes)
    dims.push_back(axis.input);
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getInput())));
  return success();
}

FailureOr<SmallVector<Value>> Col2ImOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  if (isa<ComplexType>(getElementTypeOrSelf(getInput())))
    return lowerByParts(*this, b, operands);
  auto image = getImage(*this);
  if (failed(image))
    return failure();
  Lowered x = getLowered(*this, operands, 0);
  Dims dims = getDims(getOutput()), xDims = x.dims();
  unsigned n = image->axes.size();
  auto require = [&](arith::CmpIPredicate predicate, Value l, Value r, StringRef message) {
    cf::AssertOp::create(b, arith::CmpIOp::create(b, predicate, l, r), ("Col2Im: " + message).str());
  };
  IndexMath math{b};
  SmallVector<Value> kernel, blocks;
  SmallVector<OpFoldResult> kernelSizes;
  Value size = b.index(1), count = b.index(1);
  for (unsigned i = 0; i < n; ++i) {
    const WindowAxis &axis = image->axes[i];
    b.bindFresh(axis.input, [&] { return b.element(getImageShape(), operands[1], i); });
    b.requireNonNegative(axis.input, "Col2Im: a size of the image is negative");
    kernel.push_back(b.element(getBlockShape(), operands[2], i));
    kernelSizes.push_back(getAsOpFoldResult(kernel[i]));
    require(arith::CmpIPredicate::sgt, kernel[i], b.index(0), "a size of the block is not positive");
    // floor((image + pads - dilation * (kernel - 1) - 1) / stride) + 1 places.
    Value room = math.sub(b.materializeIndex(axis.input + (axis.padBegin + axis.padEnd + axis.dilation - 1)),
                          math.mul(kernel[i], b.index(axis.dilation)));
    require(arith::CmpIPredicate::sge, room, b.index(0), "a block is larger than the image with its padding");
    blocks.push_back(math.add(arith::DivUIOp::create(b, room, b.index(axis.stride)), b.index(1)));
    size = math.mul(size, kernel[i]);
    count = math.mul(count, blocks[i]);
  }
  b.requireNonNegative(xDims[2] - 1, "Col2Im: there is no block");
  require(arith::CmpIPredicate::eq, count, b.materializeIndex(xDims[2]), "the image has another number of blocks");
  Value elements = b.materializeIndex(xDims[1]), last = math.sub(b.materializeIndex(xDims[2]), b.index(1));
  require(arith::CmpIPredicate::sgt, size, b.index(0), "a block is too large"); // a product that wrapped
  require(arith::CmpIPredicate::eq, math.mul(arith::DivUIOp::create(b, elements, size), size), elements,
          "blocks do not divide dimension 1");
  b.bindFresh(dims[1], [&]() -> Value { return arith::DivUIOp::create(b, elements, size); });

  // Every element of the image adds up the places of blocks that have covered it.
  Type element = x.element(), accumulator = accumulatorType(element);
  RankedTensorType type = makeTensor(dims, accumulator);
  Type lowered = b.loweredType(type).getElementType();
  Value init = b.filled(type, b.constant(lowered, 0));
  Value window = tensor::EmptyOp::create(b, kernelSizes, lowered);
  unsigned loops = 2 + 2 * n;
  SmallVector<AffineExpr> places, positions{b.getAffineDimExpr(0), b.getAffineDimExpr(1)};
  for (unsigned i = 0; i < n; ++i) {
    positions.push_back(b.getAffineDimExpr(2 + i));
    places.push_back(b.getAffineDimExpr(2 + n + i));
  }
  SmallVector<AffineMap> maps{AffineMap::get(loops, 0, places, b.getContext()),
                              AffineMap::get(loops, 0, positions, b.getContext())};
  SmallVector<utils::IteratorType> iterators(2 + n, utils::IteratorType::parallel);
  iterators.append(n, utils::IteratorType::reduction);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{window}, ValueRange{init}, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder body(loc, nested);
        IndexMath math{body};
        auto index = [&](unsigned loop) -> Value { return linalg::IndexOp::create(body, loop); };
        Value row = index(1), block = math.constant(0), covers;
        for (unsigned i = 0; i < n; ++i) {
          const WindowAxis &axis = image->axes[i];
          row = math.add(math.mul(row, kernel[i]), index(2 + n + i));
          // The block that has this element at this place starts `from` behind the padding's first element.
          Value from = math.sub(math.add(index(2 + i), math.constant(axis.padBegin)),
                                math.mul(index(2 + n + i), math.constant(axis.dilation)));
          Value at = arith::DivSIOp::create(body, from, math.constant(axis.stride));
          Value isStart =
              arith::CmpIOp::create(body, arith::CmpIPredicate::eq, math.mul(at, math.constant(axis.stride)), from);
          // One unsigned comparison says 0 <= at < blocks.
          Value isBlock = arith::CmpIOp::create(body, arith::CmpIPredicate::ult, at, blocks[i]);
          Value here = arith::AndIOp::create(body, isStart, isBlock);
          covers = covers ? Value(arith::AndIOp::create(body, covers, here)) : here;
          block = math.add(math.mul(block, blocks[i]), at);
        }
        // A place that covers nothing may lie anywhere, and products of sizes of the run may have wrapped.
        auto clamp = [&](Value at, Value last) {
          return math.least(arith::MaxSIOp::create(body, at, math.constant(0)), last);
        };
        block = clamp(block, last);
        row = clamp(row, math.sub(elements, math.constant(1)));
        Value read = tensor::ExtractOp::create(body, x.value, ValueRange{index(0), row, block});
        Scalar value(body, convertScalar(body, read, element, accumulator), element.isUnsignedInteger());
        Scalar before(body, args[1], element.isUnsignedInteger());
        Scalar sum = value.isBool() ? before | value : before + value;
        linalg::YieldOp::create(body, Value(select(Scalar(body, covers), sum, before)));
      });
  return SmallVector<Value>{convert(b, {generic.getResult(0), type}, element).value};
}

//===-- MaxUnpool

/// The sizes of what MaxPool has pooled, as far as its attributes tell: indices are positions in it.
static FailureOr<Dims> getPooledDims(MaxUnpoolOp op) {
  Dims dims = getDims(op.getX());
  if (dims.size() < 3)
    return op.emitOpError("X has rank ") << dims.size() << ", expected a batch, channels and spatial dimensions";
  size_t n = dims.size() - 2;
  auto numbers = [&](StringRef name, std::optional<ArrayRef<int64_t>> values, size_t count, int64_t initial,
                     int64_t least) -> FailureOr<SmallVector<int64_t>> {
    if (!values || values->empty())
      return SmallVector<int64_t>(count, initial);
    if (values->size() != count)
      return op.emitOpError() << name << " has " << values->size() << " elements, expected " << count;
    for (int64_t value : *values)
      if (value < least || value > std::numeric_limits<int32_t>::max())
        return op.emitOpError() << name << " contains " << value << ", expected at least " << least;
    return SmallVector<int64_t>(*values);
  };
  auto kernel = numbers("kernel_shape", op.getKernelShape(), n, 1, 1);
  auto strides = numbers("strides", op.getStrides(), n, 1, 1);
  auto pads = numbers("pads", op.getPads(), 2 * n, 0, 0);
  if (failed(kernel) || failed(strides) || failed(pads))
    return failure();
  for (size_t i = 0; i < n; ++i) {
    dims[2 + i] = (dims[2 + i] - 1) * (*strides)[i] + ((*kernel)[i] - (*pads)[i] - (*pads)[n + i]);
    if (auto size = getConstant(dims[2 + i]); size && *size < 0)
      return op.emitOpError("the result would have the negative size ") << *size;
  }
  return dims;
}

LogicalResult MaxUnpoolOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto pooled = getPooledDims(*this);
  if (failed(pooled))
    return failure();
  Dims x = getDims(getX()), places = getDims(getI());
  bool fits = x.size() == places.size();
  for (size_t i = 0; fits && i < x.size(); ++i)
    if (auto a = getConstant(x[i]), z = getConstant(places[i]); a && z && *a != *z)
      fits = false;
  if (!fits)
    return emitOpError("X and I have different shapes");
  Dims dims = *pooled;
  if (isa<RankedTensorType>(getOutputShape().getType())) {
    if (failed(assumeSizes(*this, 2, x.size(), "output_shape")))
      return failure();
    auto data = getShapeData(getOutputShape());
    for (size_t i = 0; i < x.size(); ++i) {
      dims[i] = data ? (*data)[i] : freshSymbol(*this, 0, i);
      if (auto size = getConstant(dims[i]); size && *size < 0)
        return emitOpError("output_shape contains ") << *size;
    }
  }
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getX())));
  return success();
}

FailureOr<SmallVector<Value>> MaxUnpoolOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto pooled = getPooledDims(*this);
  if (failed(pooled))
    return failure();
  Lowered x = getLowered(*this, operands, 0), places = getLowered(*this, operands, 1);
  Dims dims = getDims(getOutput()), xDims = x.dims(), placesDims = places.dims();
  SmallVector<Value> loops, sizes, pooledSizes;
  for (size_t i = 0; i < dims.size(); ++i) {
    b.requireEqual(xDims[i], placesDims[i], "MaxUnpool: X and I have different shapes");
    b.bindFresh(dims[i], [&] { return b.element(getOutputShape(), operands[2], i); });
    b.requireNonNegative(dims[i], "MaxUnpool: a size of the result is negative");
    b.requireNonNegative((*pooled)[i], "MaxUnpool: a size of the result is negative");
    loops.push_back(b.materializeIndex(xDims[i]));
    sizes.push_back(b.materializeIndex(dims[i]));
    pooledSizes.push_back(b.materializeIndex((*pooled)[i]));
  }
  IndexMath math{b};
  Value last = math.sub(b.materializeIndex(product(getContext(), *pooled)), b.index(1));
  requireInRange(b, places.value, b.index(0), arith::MaxSIOp::create(b, last, b.index(0)),
                 "MaxUnpool: index out of range");
  // Into nothing, there is nothing to write.
  for (Value size : sizes)
    loops[0] = math.select(math.equal(size, 0), b.index(0), loops[0]);
  for (Value size : pooledSizes)
    loops[0] = math.select(math.equal(size, 0), b.index(0), loops[0]);
  Type element = LoweringBuilder::loweredType(x.type).getElementType();
  Value start = b.filled(getType(), b.constant(element, 0));
  auto put = [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange carried) -> SmallVector<Value> {
    IndexMath math{body};
    Value rest =
              arith::IndexCastOp::create(body, body.getIndexType(), tensor::ExtractOp::create(body, places.value, at)),
          fits;
    // Row-major in what was pooled. An index that lies outside of it, or of the result, puts nothing.
    auto require = [&](Value index, Value size) {
      Value here = arith::CmpIOp::create(body, arith::CmpIPredicate::ult, index, size);
      fits = fits ? Value(arith::AndIOp::create(body, fits, here)) : here;
    };
    SmallVector<Value> to(sizes.size());
    for (size_t i = sizes.size(); i-- > 0;) {
      Value position = i ? Value(arith::RemUIOp::create(body, rest, pooledSizes[i])) : rest;
      if (i)
        rest = arith::DivUIOp::create(body, rest, pooledSizes[i]);
      else
        require(position, pooledSizes[0]);
      require(position, sizes[i]);
      to[i] = position;
    }
    for (Value &position : to)
      position = math.select(fits, position, math.constant(0));
    Value present = tensor::ExtractOp::create(body, carried[0], to);
    Value value = math.select(fits, tensor::ExtractOp::create(body, x.value, at), present);
    return {tensor::InsertOp::create(body, value, carried[0], to)};
  };
  return makeLoops(b, loops, start, put);
}

//===-- Older forms

/// p was a float in version 1.
static LogicalResult makePowerInteger(NodeForm &node) {
  auto p = dyn_cast_or_null<FloatAttr>(node.get("p"));
  if (!p)
    return success();
  double value = p.getValueAsDouble();
  if (!(std::abs(value) < 1e9) || value != std::trunc(value))
    return node.error() << node.name << ": p " << value << " is not an integer";
  node.attributes.set("p", IntegerAttr::get(node.b.getIntegerType(64, /*isSigned=*/true), static_cast<int64_t>(value)));
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Pooling.cpp.inc"

void onnxc::onnx::registerPoolingOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Pooling.cpp.inc"
      >();
  dialect.addUpgrade("LpPool", 2, makePowerInteger);
  dialect.addUpgrade("GlobalLpPool", 2, makePowerInteger);
  dialect.addUpgrade("Col2Im", kAnyVersion, makeVectors<Col2ImOp, 1, 2>);
  dialect.addUpgrade("MaxUnpool", kAnyVersion, makeVectors<MaxUnpoolOp, 2>);
}
