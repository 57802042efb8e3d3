//===- dialects/onnx/ops/Shape.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shapes as values, and operators that give the same elements another shape or repeat them. What such operators are
// told (a shape, repeats, ...) is known through getShapeData in nearly every model; else the sizes are fresh symbols,
// bound in the lowering to what the operand holds at run time.
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/support/Axes.h"
#include "dialects/onnx/support/Branches.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

static Type elementTypeOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }
static int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

/// Of a list that has an element for each dimension of a tensor.
static constexpr int64_t kMaxLength = 64;

/// The length of a vector operand, which decides the rank of the result.
static FailureOr<int64_t> lengthOf(Operation *op, Value vector, StringRef name) {
  auto type = cast<RankedTensorType>(vector.getType());
  if (type.getRank() != 1)
    return op->emitOpError(name) << " must have rank 1, but has rank " << type.getRank();
  if (type.isDynamicDim(0))
    return op->emitOpError("the length of ")
           << name
           << ", which decides the rank of the result, must be known when the model is compiled: give the input "
           << "that it comes from a shape with --input-shape";
  if (type.getDimSize(0) > kMaxLength)
    return op->emitOpError() << name << " has " << type.getDimSize(0) << " elements; tensors have at most "
                             << kMaxLength << " dimensions";
  return type.getDimSize(0);
}

/// The content of `data` where all that happens to it is a change between scalar and vector.
static std::optional<Dims> keepData(Value data, Value result) {
  // Sizes that the run decides are checked in the run.
  return rankOf(result) <= 1 && cast<RankedTensorType>(result.getType()).hasStaticShape() ? getShapeData(data)
                                                                                          : std::nullopt;
}

static Value identity(ImplicitLocOpBuilder &, ValueRange args) { return args[0]; }

//===- Shape, Size ---------------------------------------------------------------------===//

/// The dimensions that Shape gives: [start, end), both clamped.
static Dims slicedDims(ShapeOp op) {
  Dims dims = getDims(op.getData());
  int64_t rank = dims.size();
  auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank); };
  int64_t start = clamp(op.getStart()), end = clamp(op.getEnd().value_or(rank));
  return end > start ? Dims(ArrayRef(dims).slice(start, end - start)) : Dims();
}

LogicalResult ShapeOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(makeTensor(static_cast<int64_t>(slicedDims(*this).size()), IntegerType::get(getContext(), 64)));
  return success();
}

std::optional<Dims> ShapeOp::propagateData() { return slicedDims(*this); }

FailureOr<SmallVector<Value>> ShapeOp::lowerToLinalg(LoweringBuilder &b, ValueRange) {
  return SmallVector<Value>{b.fromShapeData(getType(), slicedDims(*this))};
}

LogicalResult SizeOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(RankedTensorType::get({}, IntegerType::get(getContext(), 64)));
  return success();
}

std::optional<Dims> SizeOp::propagateData() { return Dims{product(getContext(), getDims(getData()))}; }

FailureOr<SmallVector<Value>> SizeOp::lowerToLinalg(LoweringBuilder &b, ValueRange) {
  return SmallVector<Value>{b.fromShapeData(getType(), product(getContext(), getDims(getData())))};
}

//===- Reshape -------------------------------------------------------------------------===//

LogicalResult ReshapeOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto rank = lengthOf(*this, getShape(), "shape");
  if (failed(rank))
    return failure();
  Dims from = getDims(getData()), to;
  auto data = getShapeData(getShape());
  if (!data) {
    for (int64_t i = 0; i < *rank; ++i)
      to.push_back(freshSymbol(*this, 0, i));
    types.push_back(makeTensor(to, elementTypeOf(getData())));
    return success();
  }
  // -1 is what the sizes that are not copied leave over, so that a copied size may be 0.
  Dims copiedFrom = from, named;
  std::optional<size_t> rest;
  for (auto [i, size] : llvm::enumerate(*data)) {
    auto number = getConstant(size);
    if (number == -1) {
      if (rest)
        return emitOpError("shape has -1 twice");
      rest = i;
      to.push_back(size);
    } else if (number == 0 && !getAllowzero()) {
      if (i >= from.size())
        return emitOpError("shape copies dimension ") << i << " of an operand of rank " << from.size();
      to.push_back(from[i]);
      copiedFrom[i] = makeDim(getContext(), 1);
    } else if (number && *number < 0) {
      return emitOpError("shape has the negative size ") << *number;
    } else {
      to.push_back(clampToZero(*this, size));
      named.push_back(to.back());
    }
  }
  AffineExpr have = product(getContext(), copiedFrom), want = product(getContext(), named);
  auto haveNumber = getConstant(have), wantNumber = getConstant(want);
  if (rest) {
    if (wantNumber == 0)
      return emitOpError("-1 is ambiguous beside a size of 0");
    if (haveNumber && wantNumber && *haveNumber % *wantNumber != 0)
      return emitOpError("can't reshape ") << *haveNumber << " elements into multiples of " << *wantNumber;
    to[*rest] = floorDiv(have, want);
  } else if (haveNumber && wantNumber && haveNumber != wantNumber) {
    return emitOpError("can't reshape ") << *haveNumber << " elements into " << *wantNumber;
  }
  types.push_back(makeTensor(to, elementTypeOf(getData())));
  return success();
}

std::optional<Dims> ReshapeOp::propagateData() { return keepData(getData(), getReshaped()); }

/// Stops the run where the product of sizes that data decide would wrap round: float64 does not.
static void requireNoWrap(LoweringBuilder &b, ValueRange sizes, StringRef message) {
  Value product = b.constant(b.getF64Type(), 1);
  for (Value size : sizes) {
    size = arith::IndexCastOp::create(b, b.getI64Type(), size);
    product = arith::MulFOp::create(b, product, arith::SIToFPOp::create(b, b.getF64Type(), size));
  }
  product = math::AbsFOp::create(b, product);
  Value holds = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, product, b.constant(b.getF64Type(), 0x1p62));
  cf::AssertOp::create(b, holds, message);
}

static constexpr StringLiteral kReshapeCount = "Reshape: the number of elements differs";

FailureOr<SmallVector<Value>> ReshapeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims from = getDims(getData()), to = getDims(getReshaped());
  AffineExpr total = product(getContext(), from);
  if (!getShapeData(getShape())) {
    // What ReshapeOp::inferTypes does, at run time. "If 'allowzero' is set, it is invalid for shape to contain both a 0
    // and -1": onnxruntime leaves the sizes of 0 out then, and so do we.
    Value zero = b.index(0), one = b.index(1), minusOne = b.index(-1);
    auto is = [&](Value size, Value number) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, size, number);
    };
    auto select = [&](Value condition, Value then, Value otherwise) -> Value {
      return arith::SelectOp::create(b, condition, then, otherwise);
    };
    SmallVector<Value> sizes, have, named; // elements, but for those of copied dimensions
    for (AffineExpr dim : from)
      have.push_back(b.materializeIndex(dim));
    for (size_t i = 0; i < to.size(); ++i) {
      Value size = b.element(getShape(), operands[1], i), factor = select(is(size, minusOne), one, size);
      if (!getAllowzero() && i < from.size()) {
        Value isCopied = is(size, zero);
        size = select(isCopied, have[i], size);
        factor = select(isCopied, one, factor);
        have[i] = select(isCopied, one, have[i]);
      }
      sizes.push_back(size);
      named.push_back(factor);
    }
    auto multiply = [&](ArrayRef<Value> factors, bool skipsZeros) {
      Value all = one;
      for (Value factor : factors)
        all = arith::MulIOp::create(b, all, skipsZeros ? select(is(factor, zero), one, factor) : factor);
      return all;
    };
    Value isEmpty = is(multiply(named, false), zero);
    Value available = select(isEmpty, multiply(have, true), multiply(have, false));
    Value rest = arith::DivSIOp::create(b, available, multiply(named, true));
    SmallVector<Value> decided;
    for (auto [dim, wanted] : llvm::zip_equal(to, sizes)) {
      b.bindFresh(dim, [&, size = wanted] { return select(is(size, minusOne), rest, size); });
      decided.push_back(b.materializeIndex(dim));
    }
    requireNoWrap(b, decided, kReshapeCount);
  }
  b.requireEqual(total, product(getContext(), to), kReshapeCount);
  return SmallVector<Value>{b.reshape(operands[0], getData().getType(), getType())};
}

//===- Flatten, Squeeze, Unsqueeze -----------------------------------------------------===//

LogicalResult FlattenOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getInput());
  int64_t rank = dims.size(), axis = getAxis();
  if (axis < -rank || axis > rank)
    return emitOpError("axis ") << axis << " is out of range for rank " << rank;
  if (axis < 0)
    axis += rank;
  Dims to{product(getContext(), ArrayRef(dims).take_front(axis)),
          product(getContext(), ArrayRef(dims).drop_front(axis))};
  types.push_back(makeTensor(to, elementTypeOf(getInput())));
  return success();
}

std::optional<Dims> FlattenOp::propagateData() { return std::nullopt; }

FailureOr<SmallVector<Value>> FlattenOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return SmallVector<Value>{b.reshape(operands[0], getInput().getType(), getType())};
}

/// The axes that Squeeze drops, nullopt where only the run tells.
static std::optional<SmallVector<int64_t>> droppedAxes(SqueezeOp op) {
  Dims dims = getDims(op.getData());
  int64_t rank = dims.size();
  if (!isa<NoneType>(op.getAxes().getType())) {
    auto axes = getConstantInts(op.getAxes());
    for (int64_t &axis : axes ? MutableArrayRef<int64_t>(*axes) : MutableArrayRef<int64_t>())
      axis = axis < 0 ? axis + rank : axis;
    return axes;
  }
  // The rank is fixed here: the run checks that no other size is 1.
  SmallVector<int64_t> dropped;
  for (auto [i, dim] : llvm::enumerate(dims))
    if (getConstant(dim) == 1)
      dropped.push_back(i);
  return dropped;
}

LogicalResult SqueezeOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getData()), to;
  if (!isa<NoneType>(getAxes().getType()))
    if (auto axes = getConstantInts(getAxes()); axes && failed(normalizeAxes(*this, *axes, dims.size())))
      return failure();
  auto dropped = droppedAxes(*this);
  if (!dropped) {
    auto count = lengthOf(*this, getAxes(), "axes");
    if (failed(count))
      return failure();
    if (*count > static_cast<int64_t>(dims.size()))
      return emitOpError("drops ") << *count << " dimensions of an operand of rank " << dims.size();
    for (int64_t i = 0, rank = dims.size() - *count; i < rank; ++i)
      to.push_back(freshSymbol(*this, 0, i));
    auto have = getConstant(product(getContext(), dims)), want = getConstant(product(getContext(), to));
    if (have && want && *have != *want) // whatever the axes are
      return emitOpError("can't drop dimensions of ") << *have << " elements so that " << *want << " are left";
    types.push_back(makeTensor(to, elementTypeOf(getData())));
    return success();
  }
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (!llvm::is_contained(*dropped, static_cast<int64_t>(i)))
      to.push_back(dim);
    else if (auto size = getConstant(dim); size && size != 1)
      return emitOpError("can't drop dimension ") << i << ", which has size " << *size;
  }
  types.push_back(makeTensor(to, elementTypeOf(getData())));
  return success();
}

std::optional<Dims> SqueezeOp::propagateData() { return keepData(getData(), getSqueezed()); }

FailureOr<SmallVector<Value>> SqueezeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  if (operands[1] && !getConstantInts(getAxes())) {
    // Dimension d of the operand is dimension d - (dropped ones before it) of the result.
    IndexMath math{b};
    Dims from = getDims(getData()), to = getDims(getSqueezed());
    SmallVector<Value> isDropped = findNamed(b, readAxes(b, operands[1], from.size()), from.size()),
                       sizes(to.size(), b.index(1));
    Value place = b.index(0), isNowhere = b.constantInt(b.getI1Type(), 0);
    for (auto [dim, dropped] : llvm::zip_equal(from, isDropped)) {
      Value size = b.materializeIndex(dim);
      for (size_t j = 0; j < to.size(); ++j)
        sizes[j] = math.select(math.select(dropped, isNowhere, math.equal(place, j)), size, sizes[j]);
      place = math.select(dropped, place, math.add(place, b.index(1)));
    }
    for (auto [dim, size] : llvm::zip_equal(to, sizes))
      b.bindFresh(dim, [&, size = size] { return size; });
  }
  static constexpr StringLiteral message = "Squeeze: a dropped dimension is not of size 1";
  Dims from = getDims(getData()), to = getDims(getSqueezed());
  Value data = operands[0];
  Type dataType = getData().getType();
  if (auto dropped = droppedAxes(*this)) {
    // What the run has checked to be 1 is 1 from here on.
    for (int64_t axis : *dropped) {
      b.requireEqual(from[axis], makeDim(getContext(), 1), message);
      from[axis] = makeDim(getContext(), 1);
    }
    for (auto [axis, dim] : llvm::enumerate(from))
      if (!operands[1] && !llvm::is_contained(*dropped, static_cast<int64_t>(axis)) && !getConstant(dim)) {
        Value holds = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, b.materializeIndex(dim), b.index(1));
        cf::AssertOp::create(b, holds,
                             "Squeeze: dimension " + std::to_string(axis) +
                                 " is 1 in this run, so that it would be dropped, too: the rank of the "
                                 "result must be known when the model is compiled");
      }
    dataType = makeTensor(from, elementTypeOf(getData()));
    if (RankedTensorType type = LoweringBuilder::loweredType(dataType); type != data.getType())
      data = tensor::CastOp::create(b, type, data);
  }
  b.requireEqual(product(getContext(), from), product(getContext(), to), message);
  return SmallVector<Value>{b.reshape(data, dataType, getType())};
}

LogicalResult UnsqueezeOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getData()), to;
  auto axes = getConstantInts(getAxes());
  if (!axes) {
    auto count = lengthOf(*this, getAxes(), "axes");
    if (failed(count))
      return failure();
    for (int64_t i = 0, rank = dims.size() + *count; i < rank; ++i)
      to.push_back(freshSymbol(*this, 0, i));
    types.push_back(makeTensor(to, elementTypeOf(getData())));
    return success();
  }
  size_t rank = dims.size() + axes->size();
  auto inserted = normalizeAxes(*this, *axes, rank);
  if (failed(inserted))
    return failure();
  auto next = dims.begin();
  for (size_t i = 0; i < rank; ++i)
    to.push_back(llvm::is_contained(*inserted, static_cast<int64_t>(i)) ? makeDim(getContext(), 1) : *next++);
  types.push_back(makeTensor(to, elementTypeOf(getData())));
  return success();
}

std::optional<Dims> UnsqueezeOp::propagateData() { return keepData(getData(), getExpanded()); }

FailureOr<SmallVector<Value>> UnsqueezeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  if (!getConstantInts(getAxes())) {
    IndexMath math{b};
    Dims from = getDims(getData()), to = getDims(getExpanded());
    Value next = b.index(0), one = b.index(1);
    for (auto [dim, inserted] : llvm::zip_equal(to, findNamed(b, readAxes(b, operands[1], to.size()), to.size()))) {
      Value size = one;
      for (auto [d, fromDim] : llvm::enumerate(from))
        size = math.select(math.equal(next, d), b.materializeIndex(fromDim), size);
      b.bindFresh(dim, [&, inserted = inserted] { return math.select(inserted, one, size); });
      next = math.select(inserted, next, math.add(next, one));
    }
    // The same axis twice leaves a dimension out.
    b.requireEqual(product(getContext(), from), product(getContext(), to), "Unsqueeze: an axis is named twice");
  }
  return SmallVector<Value>{b.reshape(operands[0], getData().getType(), getType())};
}

//===- Expand, Tile --------------------------------------------------------------------===//

LogicalResult ExpandOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto length = lengthOf(*this, getShape(), "shape");
  if (failed(length))
    return failure();
  Dims dims = getDims(getInput());
  if (auto data = getShapeData(getShape())) {
    for (AffineExpr &size : *data) {
      if (auto number = getConstant(size); number && *number < 0)
        return emitOpError("shape has the negative size ") << *number;
      size = clampToZero(*this, size);
    }
    auto to = broadcast(*this, {dims, *data});
    if (failed(to))
      return failure();
    types.push_back(makeTensor(*to, elementTypeOf(getInput())));
    return success();
  }
  int64_t rank = dims.size(), resultRank = std::max(rank, *length);
  Dims to;
  for (int64_t i = 0; i < resultRank; ++i) {
    int64_t from = i - (resultRank - rank);
    auto size = from < 0 ? std::nullopt : getConstant(dims[from]);
    bool isDecided = i < resultRank - *length || (size && size != 1);
    to.push_back(isDecided ? dims[from] : freshSymbol(*this, 0, i));
  }
  types.push_back(makeTensor(to, elementTypeOf(getInput())));
  return success();
}

std::optional<Dims> ExpandOp::propagateData() {
  auto type = getType();
  auto data = keepData(getInput(), getOutput());
  if (!data || !cast<RankedTensorType>(type).hasStaticShape())
    return std::nullopt;
  int64_t count = cast<RankedTensorType>(type).getNumElements();
  if (data->size() == 1 && count <= 64)
    return Dims(count, data->front());
  return data;
}

FailureOr<SmallVector<Value>> ExpandOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims from = getDims(getInput()), to = getDims(getOutput());
  int64_t length = cast<RankedTensorType>(getShape().getType()).getDimSize(0), rank = to.size();
  for (auto [i, dim] : llvm::enumerate(to)) {
    int64_t fromIndex = static_cast<int64_t>(i) - (rank - static_cast<int64_t>(from.size()));
    int64_t shapeIndex = static_cast<int64_t>(i) - (rank - length);
    b.bindFresh(dim, [&] {
      Value wanted = b.element(getShape(), operands[1], shapeIndex);
      if (fromIndex < 0)
        return wanted;
      // 1 gives way to the other size; sizes that do not fit are caught below.
      Value size = b.materializeIndex(from[fromIndex]);
      Value isOne = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, size, b.index(1));
      return arith::SelectOp::create(b, isOne, wanted, size).getResult();
    });
    auto data = getShapeData(getShape());
    if (data && shapeIndex >= 0)
      b.requireNonNegative((*data)[shapeIndex], "Expand: a size is negative");
    if (shapeIndex >= 0 &&
        !(data && ((*data)[shapeIndex] == dim || getConstant((*data)[shapeIndex]).value_or(0) == 1))) {
      Value wanted = b.element(getShape(), operands[1], shapeIndex);
      Value fits =
          arith::OrIOp::create(b, arith::CmpIOp::create(b, arith::CmpIPredicate::eq, wanted, b.index(1)),
                               arith::CmpIOp::create(b, arith::CmpIPredicate::eq, wanted, b.materializeIndex(dim)));
      cf::AssertOp::create(b, fits, "Expand: the operand does not broadcast to the shape");
    }
    if (shapeIndex < 0 || fromIndex < 0)
      continue;
    // A symbolic size of the operand that is not the result's must be 1.
    AffineExpr size = from[fromIndex];
    if (size == dim || getConstant(size) == 1)
      continue;
    Value runtime = b.materializeIndex(size);
    Value fits =
        arith::OrIOp::create(b, arith::CmpIOp::create(b, arith::CmpIPredicate::eq, runtime, b.index(1)),
                             arith::CmpIOp::create(b, arith::CmpIPredicate::eq, runtime, b.materializeIndex(dim)));
    cf::AssertOp::create(b, fits, "Expand: the operand does not broadcast to the shape");
  }
  return SmallVector<Value>{b.elementwise(getType(), operands.take_front(), getInput().getType(), identity)};
}

LogicalResult TileOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getInput()), to;
  if (failed(assumeSizes(*this, 1, dims.size(), "repeats")))
    return failure();
  auto repeats = getShapeData(getRepeats());
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (repeats)
      if (auto number = getConstant((*repeats)[i]); number && *number < 0)
        return emitOpError("can't repeat ") << *number << " times";
    to.push_back(repeats ? product(getContext(), {dim, (*repeats)[i]}) : freshSymbol(*this, 0, i));
  }
  types.push_back(makeTensor(to, elementTypeOf(getInput())));
  return success();
}

std::optional<Dims> TileOp::propagateData() {
  auto data = keepData(getInput(), getOutput());
  auto type = cast<RankedTensorType>(getType());
  if (!data || data->empty() || !type.hasStaticShape() || type.getNumElements() > 64)
    return std::nullopt;
  Dims repeated;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    repeated.push_back((*data)[i % data->size()]);
  return repeated;
}

FailureOr<SmallVector<Value>> TileOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getInput()), to = getDims(getOutput());
  auto repeats = getShapeData(getRepeats());
  if (!repeats) {
    for (size_t i = 0; i < to.size(); ++i)
      b.bindFresh(to[i], [&] {
        Value times = b.element(getRepeats(), operands[1], i), size = b.materializeIndex(dims[i]);
        requireNoWrap(b, {times, size}, "Tile: a size is too large");
        return arith::MulIOp::create(b, times, size).getResult();
      });
    SmallVector<Value> sizes = llvm::map_to_vector(dims, [&](AffineExpr dim) { return b.materializeIndex(dim); });
    return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
      SmallVector<Value> from;
      for (auto [i, size] : llvm::zip_equal(at, sizes))
        from.push_back(arith::RemUIOp::create(nested, i, size));
      return tensor::ExtractOp::create(nested, operands[0], from);
    })};
  }
  // [r0, d0, r1, d1, ...] reads [d0, d1, ...], then every r and d become one dimension.
  Dims spread;
  SmallVector<AffineExpr> exprs;
  for (auto [dim, times] : llvm::zip_equal(dims, *repeats)) {
    if (getConstant(times) != 1) {
      b.requireNonNegative(times, "Tile: a negative number of repeats");
      spread.push_back(times);
    }
    exprs.push_back(getAffineDimExpr(spread.size(), getContext()));
    spread.push_back(dim);
  }
  if (spread.size() == dims.size())
    return SmallVector<Value>{operands[0]};
  RankedTensorType spreadType = makeTensor(spread, elementTypeOf(getInput()));
  int64_t rank = spread.size();
  Value init = b.empty(spreadType);
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, operands.take_front(), ValueRange{init},
      ArrayRef<AffineMap>{AffineMap::get(rank, 0, exprs, getContext()), b.getMultiDimIdentityMap(rank)}, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange args) { linalg::YieldOp::create(nested, loc, args[0]); });
  return SmallVector<Value>{b.reshape(generic.getResult(0), spreadType, getType())};
}

//===- Range ---------------------------------------------------------------------------===//

/// ceil((limit - start) / delta), at least 0, as an expression; null when it has none.
static AffineExpr rangeSize(RangeOp op) {
  MLIRContext *context = op.getContext();
  auto start = getShapeData(op.getStart()), limit = getShapeData(op.getLimit());
  auto delta = getConstantInts(op.getDelta());
  // Differences of numbers this large, and steps whose negative does not exist, are left to the run.
  auto isSmall = [](AffineExpr expr) {
    auto number = getConstant(expr);
    return !number || std::abs(static_cast<double>(*number)) < 4e18;
  };
  if (start && limit && delta && delta->front() != 0 && isSmall(start->front()) && isSmall(limit->front()) &&
      isSmall(makeDim(context, delta->front()))) {
    AffineExpr span = simplify(limit->front() - start->front());
    int64_t step = delta->front();
    if (step < 0)
      span = simplify(span * -1), step = -step;
    if (auto number = getConstant(span))
      return makeDim(context, std::max<int64_t>(0, llvm::divideCeilSigned(*number, step)));
    span = clampToZero(op, span);
    return step == 1 ? span : span.ceilDiv(step);
  }
  auto a = getConstantFloats(op.getStart()), z = getConstantFloats(op.getLimit()), d = getConstantFloats(op.getDelta());
  if (!a || !z || !d || d->front() == 0)
    return {};
  double size = std::ceil((z->front() - a->front()) / d->front());
  if (!(size <= 9e15)) // infinite, or NaN
    return {};
  return makeDim(context, size <= 0 ? 0 : static_cast<int64_t>(size));
}

LogicalResult RangeOp::inferTypes(SmallVectorImpl<Type> &types) {
  for (Value operand : getOperands()) {
    if (elementTypeOf(operand) != elementTypeOf(getStart()))
      return emitOpError("operands have different element types");
  }
  for (auto [i, name] : llvm::enumerate(ArrayRef<StringRef>{"start", "limit", "delta"}))
    if (failed(assumeLength(*this, i, 1, name)))
      return failure();
  Type elementType = elementTypeOf(getStart());
  if (!isa<FloatType>(elementType) && !elementType.isSignlessInteger())
    return emitOpError("does not take element type ") << elementType;
  AffineExpr size = rangeSize(*this);
  types.push_back(makeTensor(size ? size : freshSymbol(*this, 0, 0), elementType));
  return success();
}

std::optional<Dims> RangeOp::propagateData() {
  auto start = getShapeData(getStart()), delta = getShapeData(getDelta());
  auto type = cast<RankedTensorType>(getType());
  if (!start || !delta || !type.hasStaticShape() || type.getNumElements() > 64)
    return std::nullopt;
  Dims data;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    data.push_back(simplify(start->front() + delta->front() * i));
  return data;
}

FailureOr<SmallVector<Value>> RangeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Type elementType = elementTypeOf(getStart());
  // Half types count in float32, as stash_type asks; the other types in themselves.
  bool isHalf = isa<Float16Type, BFloat16Type>(elementType);
  Type computeType = isHalf ? b.getF32Type() : elementType;
  auto scalar = [&](Value onnxValue, Value lowered) -> Value {
    if (rankOf(onnxValue) == 1)
      lowered = b.reshape(lowered, onnxValue.getType(), RankedTensorType::get({}, elementType));
    Value value = tensor::ExtractOp::create(b, lowered, ValueRange{});
    return isHalf ? arith::ExtFOp::create(b, computeType, value).getResult() : value;
  };
  Value start = scalar(getStart(), operands[0]), delta = scalar(getDelta(), operands[2]);
  AffineExpr size = getDims(getOutput())[0];
  if (!rangeSize(*this)) {
    b.bindFresh(size, [&]() -> Value {
      Value limit = scalar(getLimit(), operands[1]), count;
      if (isa<FloatType>(computeType)) {
        // float64 holds every quotient of float32 well enough to round it the right way.
        auto wide = [&](Value value) -> Value {
          return computeType.isF64() ? value : arith::ExtFOp::create(b, b.getF64Type(), value).getResult();
        };
        Value span = arith::SubFOp::create(b, wide(limit), wide(start));
        Value quotient = math::CeilOp::create(b, arith::DivFOp::create(b, span, wide(delta)));
        // NaN, too, becomes a number that an integer can be.
        Value zero = b.constant(b.getF64Type(), 0), most = b.constant(b.getF64Type(), 0x1p62);
        quotient = arith::MinimumFOp::create(b, arith::MaxNumFOp::create(b, quotient, zero), most);
        count = arith::FPToSIOp::create(b, b.getI64Type(), quotient);
        count = arith::IndexCastOp::create(b, b.getIndexType(), count);
      } else {
        auto asIndex = [&](Value value) { return arith::IndexCastOp::create(b, b.getIndexType(), value); };
        Value span = arith::SubIOp::create(b, asIndex(limit), asIndex(start)), step = asIndex(delta);
        Value isZero = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, step, b.index(0));
        // The smallest number has no negative: nothing may be divided that -1 can't divide.
        span = arith::MaxSIOp::create(b, span, b.index(std::numeric_limits<int64_t>::min() / 2));
        count = arith::CeilDivSIOp::create(b, span, arith::SelectOp::create(b, isZero, b.index(1), step));
      }
      return arith::MaxSIOp::create(b, count, b.index(0));
    });
  }
  return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
    if (!isa<FloatType>(computeType)) {
      Value i = arith::IndexCastOp::create(nested, computeType, at[0]);
      return arith::AddIOp::create(nested, start, arith::MulIOp::create(nested, i, delta));
    }
    Value i = arith::IndexCastOp::create(nested, nested.getI64Type(), at[0]);
    Value offset = arith::MulFOp::create(nested, arith::SIToFPOp::create(nested, computeType, i), delta);
    Value element = arith::AddFOp::create(nested, start, offset);
    return isHalf ? arith::TruncFOp::create(nested, elementType, element).getResult() : element;
  })};
}

//===- ConstantOfShape -----------------------------------------------------------------===//

LogicalResult ConstantOfShapeOp::inferTypes(SmallVectorImpl<Type> &types) {
  Type elementType = getValue() ? getValue()->getElementType() : Float32Type::get(getContext());
  if (getValue() && getValue()->getNumElements() != 1)
    return emitOpError("value must have one element, but has ") << getValue()->getNumElements();
  auto rank = lengthOf(*this, getInput(), "shape");
  if (failed(rank))
    return failure();
  Dims dims;
  if (auto data = getShapeData(getInput()))
    dims = *data;
  else
    for (int64_t i = 0; i < *rank; ++i)
      dims.push_back(freshSymbol(*this, 0, i));
  for (AffineExpr &dim : dims) {
    if (auto size = getConstant(dim); size && *size < 0)
      return emitOpError("shape has the negative size ") << *size;
    dim = clampToZero(*this, dim);
  }
  types.push_back(makeTensor(dims, elementType));
  return success();
}

std::optional<Dims> ConstantOfShapeOp::propagateData() {
  auto type = cast<RankedTensorType>(getType());
  auto value = dyn_cast_or_null<DenseElementsAttr>(getValue().value_or(ElementsAttr()));
  if (!value || !type.getElementType().isInteger() || type.getRank() > 1 || !type.hasStaticShape() ||
      type.getNumElements() > 64)
    return std::nullopt;
  APInt number = value.getSplatValue<APInt>();
  bool isUnsigned = type.getElementType().isUnsignedInteger() || type.getElementType().isInteger(1);
  return Dims(type.getNumElements(), makeDim(getContext(), isUnsigned ? number.getZExtValue() : number.getSExtValue()));
}

FailureOr<SmallVector<Value>> ConstantOfShapeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  for (auto [i, dim] : llvm::enumerate(getDims(getOutput()))) {
    b.bindFresh(dim, [&, i = i] { return b.element(getInput(), operands[0], i); });
    b.requireNonNegative(getShapeData(getInput()) ? (*getShapeData(getInput()))[i] : dim,
                         "ConstantOfShape: a size is negative");
  }
  Type elementType = LoweringBuilder::loweredType(getType()).getElementType();
  Value scalar;
  if (auto value = getValue()) {
    auto lowered = reinterpret(*value, LoweringBuilder::loweredType(value->getShapedType()));
    auto dense = dyn_cast_or_null<DenseElementsAttr>(lowered);
    if (!dense)
      return emitOpError("the value is of a kind that can't be compiled");
    scalar = arith::ConstantOp::create(b, cast<TypedAttr>(dense.getSplatValue<Attribute>()));
  } else {
    scalar = b.constant(elementType, 0);
  }
  return SmallVector<Value>{b.filled(getType(), scalar)};
}

//===- older versions ------------------------------------------------------------------===//

/// An attribute of integers that became operand `i`.
template <unsigned i> static LogicalResult attributeToOperand(NodeForm &node, StringRef attribute, bool isRequired) {
  if (auto values = dyn_cast_or_null<DenseI64ArrayAttr>(node.take(attribute)))
    node.setOperand(i, node.constant(values));
  else if (isRequired)
    return node.error() << node.name << " has no attribute " << attribute;
  return success();
}

static LogicalResult upgradeReshape1(NodeForm &node) {
  node.take("consumed_inputs");
  return attributeToOperand<1>(node, "shape", true);
}
static LogicalResult upgradeSqueeze1(NodeForm &node) { return attributeToOperand<1>(node, "axes", false); }
static LogicalResult upgradeUnsqueeze1(NodeForm &node) { return attributeToOperand<1>(node, "axes", true); }

/// `data` without the dimensions `dropped` and those of `open` that turn out to be of size 1: a branch for each.
static FailureOr<Value> squeezeByRun(NodeForm &node, Value data, SmallVector<int64_t> dropped, ArrayRef<int64_t> open) {
  ImplicitLocOpBuilder &b = node.b;
  if (open.empty()) {
    Value squeezed =
        dropped.empty() ? build<IdentityOp>(node, data) : build<SqueezeOp>(node, {data, node.constant(dropped)});
    return squeezed ? FailureOr<Value>(squeezed) : FailureOr<Value>(failure());
  }
  Value size = build<ShapeOp>(node, data, {intAttr(node, "start", open[0]), intAttr(node, "end", open[0] + 1)});
  Value isOne = size ? build<EqualOp>(node, {size, node.constant(1)}) : Value();
  if (!isOne)
    return failure();
  auto take = [&](unsigned branch) {
    SmallVector<int64_t> drops = dropped;
    if (branch == 0)
      drops.push_back(open[0]);
    return squeezeByRun(node, data, drops, open.drop_front());
  };
  if (auto implied = impliedBranch(b.getInsertionBlock(), isOne))
    return take(*implied);
  auto fill = [&](Operation *op) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    for (unsigned branch : {0, 1}) {
      b.createBlock(&op->getRegion(branch));
      auto value = take(branch);
      if (failed(value))
        return failure();
      YieldOp::create(b, *value);
    }
    return success();
  };
  Operation *op = makeOp(b, IfOp::getOperationName(), isOne, {}, 1, 2, fill);
  return op ? FailureOr<Value>(op->getResult(0)) : FailureOr<Value>(failure());
}

/// Squeeze without axes drops what is of size 1, which of some sizes only the run knows.
static LogicalResult squeezeUnnamed(NodeForm &node) {
  constexpr size_t mostOpen =
      3; // each doubles what follows; beyond, they are taken to be larger, and the run checks it
  Value data = node.operand(0);
  if (node.operands.size() != 1 || !data || !node.attributes.empty() || !isa<RankedTensorType>(data.getType()))
    return success();
  SmallVector<int64_t> dropped, open;
  for (auto [i, dim] : llvm::enumerate(getDims(data)))
    if (auto size = getConstant(dim); size == 1)
      dropped.push_back(i);
    else if (!size && lowerBound(dim).value_or(0) <= 1)
      open.push_back(i);
  if (open.empty() || open.size() > mostOpen)
    return success();
  auto value = squeezeByRun(node, data, dropped, open);
  if (failed(value))
    return failure();
  node.results = {*value};
  return success();
}

/// Tile 1 had a number of tiles and an axis. Models with the operands of today call it that, too.
static LogicalResult upgradeTile1(NodeForm &node) {
  if (node.operands.size() == 2)
    return success();
  auto tiles = node.operands.size() == 3 ? getConstantFloats(node.operands[1]) : std::nullopt;
  auto axis = node.operands.size() == 3 ? getConstantFloats(node.operands[2]) : std::nullopt;
  if (!tiles || !axis || tiles->size() != 1 || axis->size() != 1)
    return node.error() << "Tile of opset 1 needs constant tiles and axis";
  int64_t rank = rankOf(node.operands[0]), position = axis->front();
  if (position < -rank || position >= rank)
    return node.error() << "Tile: axis " << position << " is out of range for rank " << rank;
  SmallVector<int64_t> repeats(rank, 1);
  repeats[position < 0 ? position + rank : position] = tiles->front();
  node.operands.resize(1);
  node.setOperand(1, node.constant(repeats));
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Shape.cpp.inc"

void onnxc::onnx::registerShapeOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Shape.cpp.inc"
      >();
  dialect.addUpgrade("Reshape", 5, upgradeReshape1);
  dialect.addUpgrade("Squeeze", 13, upgradeSqueeze1);
  dialect.addUpgrade("Squeeze", std::numeric_limits<int64_t>::max(), squeezeUnnamed);
  dialect.addUpgrade("Unsqueeze", 13, upgradeUnsqueeze1);
  dialect.addUpgrade("Tile", 6, upgradeTile1);
  dialect.addUpgrade("Reshape", kAnyVersion, makeVectors<ReshapeOp, 1>);
  dialect.addUpgrade("Squeeze", kAnyVersion, makeVectors<SqueezeOp, 1>);
  dialect.addUpgrade("Unsqueeze", kAnyVersion, makeVectors<UnsqueezeOp, 1>);
  dialect.addUpgrade("Expand", kAnyVersion, makeVectors<ExpandOp, 1>);
  dialect.addUpgrade("Tile", kAnyVersion, makeVectors<TileOp, 1>);
  dialect.addUpgrade("ConstantOfShape", kAnyVersion, makeVectors<ConstantOfShapeOp, 0>);
}
