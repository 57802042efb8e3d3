//===- dialects/onnx/ops/Movement.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that move elements to places that only their position decides. Slices and pads are expressions over the
// symbolic sizes wherever they can be, and then nothing is computed at run time.
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/support/Axes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Indices.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Symbols.h"
#include "dialects/onnx/support/Text.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace onnxc::onnx;

static Type elementTypeOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }
static int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }
static bool isAbsent(Value value) { return isa<NoneType>(value.getType()); }

static SmallVector<OpFoldResult> indexList(OpBuilder &b, size_t rank, int64_t value) {
  return SmallVector<OpFoldResult>(rank, b.getIndexAttr(value));
}

/// tensor.extract_slice with steps of 1 or more; of nothing where the result is known to be empty.
static Value extractSlice(LoweringBuilder &b, Value source, Type resultType, ArrayRef<OpFoldResult> offsets,
                          ArrayRef<OpFoldResult> strides) {
  RankedTensorType type = LoweringBuilder::loweredType(resultType);
  if (llvm::is_contained(type.getShape(), 0) ||
      llvm::is_contained(cast<RankedTensorType>(source.getType()).getShape(), 0))
    return b.empty(resultType);
  SmallVector<OpFoldResult> sizes = b.materialize(getDims(resultType));
  return tensor::ExtractSliceOp::create(b, type, source, offsets, sizes, strides);
}

/// Whether only the run tells which axes an optional operand names.
static bool areRuntimeAxes(Value axes) { return !isAbsent(axes) && !getConstantInts(axes); }

/// The axes that the operand names, the first ones by default: in the order given, counted from the front.
static FailureOr<SmallVector<int64_t>> axesOf(Operation *op, Value axes, int64_t rank, int64_t defaultCount) {
  if (isAbsent(axes))
    return llvm::to_vector(llvm::seq<int64_t>(0, defaultCount));
  auto known = *getConstantInts(axes);
  if (failed(normalizeAxes(op, known, rank)))
    return failure();
  for (int64_t &axis : known)
    axis += axis < 0 ? rank : 0;
  return known;
}

//===- Transpose -----------------------------------------------------------------------===//

static SmallVector<int64_t> permutationOf(TransposeOp op) {
  if (auto perm = op.getPerm())
    return SmallVector<int64_t>(*perm);
  int64_t rank = rankOf(op.getData());
  return llvm::map_to_vector(llvm::seq<int64_t>(0, rank), [&](int64_t i) { return rank - 1 - i; });
}

LogicalResult TransposeOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getData()), to;
  SmallVector<int64_t> perm = permutationOf(*this);
  if (perm.size() != dims.size() || !isPermutationVector(perm))
    return emitOpError("perm is not a permutation of ") << dims.size() << " dimensions";
  for (int64_t i : perm)
    to.push_back(dims[i]);
  types.push_back(makeTensor(to, elementTypeOf(getData())));
  return success();
}

std::optional<Dims> TransposeOp::propagateData() {
  return rankOf(getData()) <= 1 ? getShapeData(getData()) : std::nullopt;
}

FailureOr<SmallVector<Value>> TransposeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  SmallVector<int64_t> perm = permutationOf(*this);
  if (llvm::is_sorted(perm))
    return SmallVector<Value>{operands[0]};
  return SmallVector<Value>{linalg::TransposeOp::create(b, operands[0], b.empty(getType()), perm)->getResult(0)};
}

//===- Concat, Split -------------------------------------------------------------------===//

LogicalResult ConcatOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (getInputs().empty())
    return emitOpError("has no inputs");
  Dims dims = getDims(getInputs()[0]);
  auto axis = normalizeAxis(*this, getAxis(), dims.size());
  if (failed(axis))
    return failure();
  for (auto [n, input] : llvm::drop_begin(llvm::enumerate(getInputs()))) {
    Dims more = getDims(input);
    if (more.size() != dims.size())
      return emitOpError("input ") << n << " has rank " << more.size() << ", the first " << dims.size();
    if (elementTypeOf(input) != elementTypeOf(getInputs()[0]))
      return emitOpError("inputs have different element types");
    for (size_t i = 0; i < dims.size(); ++i) {
      if (static_cast<int64_t>(i) == *axis) {
        dims[i] = shorten(*this, simplify(dims[i] + more[i]));
        continue;
      }
      auto a = getConstant(dims[i]), z = getConstant(more[i]);
      if (a && z && a != z)
        return emitOpError("input ") << n << " has size " << *z << " in dimension " << i << ", others have " << *a;
      if (z) // a number says more than a symbol; the lowering checks that they agree
        dims[i] = more[i];
    }
  }
  types.push_back(makeTensor(dims, elementTypeOf(getInputs()[0])));
  return success();
}

std::optional<Dims> ConcatOp::propagateData() {
  if (rankOf(getConcatResult()) != 1)
    return std::nullopt;
  Dims all;
  for (Value input : getInputs()) {
    auto data = getShapeData(input);
    if (!data)
      return std::nullopt;
    all.append(*data);
  }
  return all;
}

/// The sum of two sizes, computed here where it has become long.
static AffineExpr addSizes(Operation *op, LoweringBuilder &b, AffineExpr x, AffineExpr y) {
  AffineExpr sum = shorten(op, simplify(x + y));
  b.bindClamped(sum);
  return sum;
}

/// The sizes of tensors behind each other along `axis`.
static Dims joinDims(ConcatOp op, LoweringBuilder &b, ArrayRef<Dims> sizes, int64_t axis) {
  Dims dims = sizes.front();
  for (const Dims &other : sizes.drop_front())
    dims[axis] = addSizes(op, b, dims[axis], other[axis]);
  return dims;
}

/// Tensors behind each other along `axis`. Many are joined in groups first: bufferisation compares each insertion with
/// all others of its chain.
static Value concatenate(ConcatOp op, LoweringBuilder &b, ArrayRef<Value> parts, ArrayRef<Dims> sizes, int64_t axis) {
  constexpr size_t most = 32;
  if (parts.size() == 1)
    return parts.front();
  Dims dims = joinDims(op, b, sizes, axis);
  SmallVector<Value> joined;
  SmallVector<Dims> joinedSizes;
  if (parts.size() > most) {
    size_t group = llvm::divideCeil(parts.size(), most);
    for (; !parts.empty(); parts = parts.drop_front(group), sizes = sizes.drop_front(group)) {
      group = std::min(group, parts.size());
      joined.push_back(concatenate(op, b, parts.take_front(group), sizes.take_front(group), axis));
      joinedSizes.push_back(joinDims(op, b, sizes.take_front(group), axis));
    }
    parts = joined, sizes = joinedSizes;
  }
  Value result = b.empty(makeTensor(dims, getElementTypeOrSelf(op.getType())));
  AffineExpr offset = makeDim(b.getContext(), 0);
  int64_t rank = dims.size();
  for (auto [part, from] : llvm::zip_equal(parts, sizes)) {
    AffineExpr at = offset;
    offset = addSizes(op, b, offset, from[axis]);
    if (llvm::any_of(from, [](AffineExpr size) { return getConstant(size) == 0; })) // there is nothing to insert
      continue;
    SmallVector<OpFoldResult> offsets = indexList(b, rank, 0);
    offsets[axis] = b.materialize(at);
    // Among many parts, what the comparison does not see through it does not solve systems of inequalities for.
    if (auto sum = dyn_cast<Value>(offsets[axis]); sum && parts.size() > 8)
      offsets[axis] = arith::MaxSIOp::create(b, sum, b.index(0)).getResult();
    result = tensor::InsertSliceOp::create(b, part, result, offsets, b.materialize(from), indexList(b, rank, 1));
  }
  return result;
}

FailureOr<SmallVector<Value>> ConcatOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getConcatResult());
  int64_t rank = dims.size(), axis = getAxis() < 0 ? getAxis() + rank : getAxis();
  SmallVector<Dims> sizes;
  for (Value input : getInputs()) {
    sizes.push_back(getDims(input));
    for (int64_t i = 0; i < rank; ++i)
      if (i != axis)
        b.requireEqual(sizes.back()[i], dims[i], "Concat: sizes of inputs differ in another dimension than the axis");
  }
  Value joined = concatenate(*this, b, SmallVector<Value>(operands), sizes, axis);
  // A size may be a number in one input and not in another.
  if (RankedTensorType type = LoweringBuilder::loweredType(getType()); joined.getType() != type)
    joined = tensor::CastOp::create(b, type, joined);
  return SmallVector<Value>{joined};
}

/// The sizes of the parts, or nullopt when only run time tells.
static std::optional<Dims> partsOf(SplitOp op, AffineExpr whole) {
  if (!isAbsent(op.getSplit()))
    return getShapeData(op.getSplit());
  // Even parts; where the size is not divisible the last one is smaller.
  int64_t count = op.getNumResults();
  AffineExpr part = floorDiv(whole, makeDim(op.getContext(), count));
  if (!getConstant(simplify(part * count - whole)) || getConstant(whole))
    part = whole.ceilDiv(count);
  Dims parts(count, part);
  parts.back() = simplify(whole - part * (count - 1));
  return parts;
}

LogicalResult SplitOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getInput());
  auto axis = normalizeAxis(*this, getAxis(), dims.size());
  if (failed(axis))
    return failure();
  int64_t count = getNumResults();
  if (getNumOutputs() && getSplit() &&
      !isa<NoneType>(getSplit().getType())) // "Either input 'split' or ... 'num_outputs'"
    return emitOpError("has both the sizes 'split' and 'num_outputs', which exclude each other: leave one out");
  if (auto wanted = getNumOutputs(); wanted && *wanted != count)
    return emitOpError("has ") << count << " outputs, but num_outputs is " << *wanted;
  AffineExpr whole = dims[*axis];
  if (failed(assumeSizes(*this, 1, count, "split")))
    return failure();
  auto parts = partsOf(*this, whole);
  int64_t sum = 0;
  bool isKnown = true;
  for (int64_t i = 0; i < count; ++i) {
    dims[*axis] = parts ? (*parts)[i] : freshSymbol(*this, i, *axis);
    if (auto size = getConstant(dims[*axis]); size && *size < 0)
      return emitOpError("part ") << i << " has the negative size " << *size;
    isKnown &= getConstant(dims[*axis]) && !llvm::AddOverflow(sum, *getConstant(dims[*axis]), sum);
    types.push_back(makeTensor(dims, elementTypeOf(getInput())));
  }
  if (auto have = getConstant(whole); have && isKnown && have != sum)
    return emitOpError("the parts sum up to ") << sum << ", not " << *have;
  return success();
}

FailureOr<SmallVector<Value>> SplitOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int64_t rank = rankOf(getInput()), axis = getAxis() < 0 ? getAxis() + rank : getAxis();
  AffineExpr whole = getDims(getInput())[axis], offset = makeDim(getContext(), 0);
  SmallVector<Value> results;
  for (auto [i, output] : llvm::enumerate(getOutputs())) {
    AffineExpr size = getDims(output)[axis];
    b.bindFresh(size, [&, i = i] { return b.element(getSplit(), operands[1], i); });
    b.requireNonNegative(size, "Split: a part has a negative size");
    SmallVector<OpFoldResult> offsets = indexList(b, rank, 0);
    offsets[axis] = b.materialize(offset);
    offset = addSizes(*this, b, offset, size);
    b.requireNonNegative(whole - offset, "Split: the parts are larger than the whole");
    results.push_back(extractSlice(b, operands[0], output.getType(), offsets, indexList(b, rank, 1)));
  }
  b.requireEqual(offset, whole, "Split: the parts are not the whole");
  return results;
}

//===- Slice ---------------------------------------------------------------------------===//

namespace {
/// What one axis of a Slice takes, where expressions say it.
struct AxisRange {
  AffineExpr start, size;
};
} // namespace

/// "To the end" is written as a number far beyond any size.
static constexpr int64_t kBeyond = std::numeric_limits<int32_t>::max();

/// The place on an axis of `dim` elements that `at` says: counted from the back when it is negative, then clamped to
/// [0, dim]. Null where its sign is for the run to see.
static AffineExpr placeOf(Operation *op, AffineExpr dim, AffineExpr at) {
  auto number = getConstant(at);
  if (number && *number >= kBeyond)
    return dim;
  if (number && *number < -kBeyond)
    return makeDim(dim.getContext(), 0);
  if (isNeverNegative(op, at))
    return isNeverNegative(op, at - dim) ? dim : minimum(op, at, dim);
  // All of dim - 1 and dim - 2 that is negative is so after dim is added, too.
  if (auto less = getDifference(dim, at); less && *less <= 2)
    return clampToZero(op, at);
  if (isNeverNegative(op, at * -1 - 1))
    return clampToZero(op, dim + at);
  // 0 is counted from the front: max(at + 1, 0) is 1 there, and 0 for what is below. The product must not grow with
  // every slice of a slice.
  if (isNeverNegative(op, at * -1) && isa<AffineSymbolExpr, AffineConstantExpr>(dim))
    return clampToZero(op, dim + at) - dim * clampToZero(op, at + 1);
  return {};
}

/// The range that start, end and step describe on an axis of size `dim`. Null where that is for the run to see.
static std::optional<AxisRange> knownRange(Operation *op, AffineExpr dim, AffineExpr start, AffineExpr end,
                                           int64_t step) {
  MLIRContext *context = dim.getContext();
  AffineExpr zero = makeDim(context, 0);
  auto size = getConstant(dim), from = getConstant(start), to = getConstant(end);
  if (size == 0)
    return AxisRange{zero, zero};
  if (size && from && to) {
    auto place = [&](int64_t at, int64_t low, int64_t high) { return std::clamp(at < 0 ? at + *size : at, low, high); };
    int64_t first = step > 0 ? place(*from, 0, *size) : place(*from, 0, *size - 1);
    int64_t last = step > 0 ? place(*to, 0, *size) : place(*to, -1, *size - 1);
    int64_t distance = step > 0 ? last - first : first - last;
    int64_t stride = step > 0 ? step : step == std::numeric_limits<int64_t>::min() ? kBeyond : -step;
    int64_t count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
    return AxisRange{makeDim(context, count ? first : 0), makeDim(context, count)};
  }
  if (step < 0) { // the whole axis, backwards
    if (!from || !to || (*from != -1 && *from < kBeyond) || *to > -kBeyond)
      return std::nullopt;
    return AxisRange{simplify(dim - 1), step == -1 ? dim : dim.ceilDiv(-step)};
  }
  // Both counted from the same end, or one beyond all sizes: empty whatever the size. From different ends, which comes
  // first is for the run to see.
  if (from && to) {
    bool isEmpty = *from >= kBeyond || *to == 0 || *to < -kBeyond || ((*from < 0) == (*to < 0) && *from >= *to);
    if (isEmpty)
      return AxisRange{zero, zero};
    if (*from < 0 && *from >= -kBeyond && *to >= 0 && *to < kBeyond)
      return std::nullopt;
  }
  AffineExpr first = placeOf(op, dim, start), last = placeOf(op, dim, end);
  if (!first || !last)
    return std::nullopt;
  // Where the end comes before the start, nothing is left. Rounding up makes nothing of what is missing, as long as
  // that is less than a step. A start beyond the end needs no clamping: no element is read.
  bool isFromFront = isNeverNegative(op, start) && !(from && *from >= kBeyond);
  AxisRange range{isFromFront ? start : simplify(first), simplify(last - first)};
  if (auto least = lowerBound(range.size); !least || *least <= -step)
    range.size = clampToZero(op, range.size);
  if (step != 1)
    range.size = range.size.ceilDiv(step);
  return range;
}

namespace {
/// One axis of a Slice with what is known of it. Null expressions: only run time tells.
struct SliceAxis {
  int64_t axis;
  AffineExpr start, end;
  std::optional<int64_t> step;
  std::optional<AxisRange> range;
};
} // namespace

static FailureOr<SmallVector<SliceAxis>> sliceAxes(SliceOp op) {
  Dims dims = getDims(op.getData());
  int64_t count = cast<RankedTensorType>(op.getStarts().getType()).getDimSize(0), rank = dims.size();
  bool isCounted = !ShapedType::isDynamic(count);
  if (isCounted && count > rank)
    return op.emitOpError("slices ") << count << " axes of an operand of rank " << rank;
  if (!isCounted || areRuntimeAxes(op.getAxes())) { // it may be any
    auto steps = isAbsent(op.getSteps()) ? SmallVector<int64_t>(1, 1) : getConstantInts(op.getSteps());
    bool keepsOrder = steps && llvm::all_of(*steps, [](int64_t step) { return step == 1; });
    SmallVector<SliceAxis> slices;
    for (int64_t d = 0; d < rank; ++d)
      slices.push_back({d, {}, {}, keepsOrder ? std::optional<int64_t>(1) : std::nullopt, {}});
    return slices;
  }
  auto axes = axesOf(op, op.getAxes(), rank, count);
  if (failed(axes))
    return failure();
  auto starts = getShapeData(op.getStarts()), ends = getShapeData(op.getEnds());
  auto steps = isAbsent(op.getSteps()) ? SmallVector<int64_t>(count, 1) : getConstantInts(op.getSteps());
  SmallVector<SliceAxis> slices;
  for (int64_t i = 0; i < count; ++i) {
    SliceAxis slice{
        (*axes)[i], starts ? (*starts)[i] : AffineExpr(), ends ? (*ends)[i] : AffineExpr(), std::nullopt, {}};
    if (steps)
      slice.step = (*steps)[i];
    if (slice.step == 0)
      return op.emitOpError("step 0");
    if (slice.start && slice.end && slice.step)
      slice.range = knownRange(op, dims[slice.axis], slice.start, slice.end, *slice.step);
    slices.push_back(slice);
  }
  return slices;
}

LogicalResult SliceOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getData());
  // All are lists of one length, so that one tells it.
  int64_t count = -1;
  for (Value list : getOperands().drop_front())
    if (auto type = dyn_cast<RankedTensorType>(list.getType()); type && type.getRank() == 1 && !type.isDynamicDim(0))
      count = type.getDimSize(0);
  for (auto [i, name] : llvm::enumerate(ArrayRef<StringRef>{"starts", "ends", "axes", "steps"}))
    if (failed(assumeSizes(*this, 1 + i, count, name)))
      return failure();
  auto slices = sliceAxes(*this);
  if (failed(slices))
    return failure();
  for (const SliceAxis &slice : *slices) {
    AffineExpr size = slice.range ? slice.range->size : freshSymbol(*this, 0, slice.axis);
    if (auto number = getConstant(size); number && *number < 0) // the end lies before the start
      size = makeDim(getContext(), 0);
    dims[slice.axis] = size;
  }
  types.push_back(makeTensor(dims, elementTypeOf(getData())));
  return success();
}

std::optional<Dims> SliceOp::propagateData() {
  auto data = rankOf(getData()) == 1 ? getShapeData(getData()) : std::nullopt;
  if (!data)
    return std::nullopt;
  auto slices = sliceAxes(*this);
  if (failed(slices) || slices->size() != 1 || !slices->front().range)
    return std::nullopt;
  auto start = getConstant(slices->front().range->start), size = getConstant(slices->front().range->size);
  if (!start || !size)
    return std::nullopt;
  Dims taken;
  for (int64_t i = 0; i < *size; ++i)
    taken.push_back((*data)[*start + i * *slices->front().step]);
  return taken;
}

FailureOr<SmallVector<Value>> SliceOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto slices = sliceAxes(*this);
  if (failed(slices))
    return failure();
  Dims dims = getDims(getData()), to = getDims(getOutput());
  int64_t rank = dims.size();
  SmallVector<OpFoldResult> offsets = indexList(b, rank, 0), strides = indexList(b, rank, 1);
  bool isForward = true;
  SmallVector<Value> axes;
  AffineExpr count = getDims(getStarts())[0];
  bool isCounted = getConstant(count).has_value();
  if (isCounted && areRuntimeAxes(getAxes()))
    axes = readAxes(b, operands[3], rank);
  for (Value list : getOperands().drop_front(2))
    if (!isAbsent(list))
      b.requireEqual(getDims(list)[0], count, "Slice: starts, ends, axes and steps have different lengths");
  b.requireNonNegative(rank - count, "Slice: there are more starts than dimensions");
  if (!isCounted && operands[3]) {
    Value holds = makeLoops(b, b.materializeIndex(count), b.constantInt(b.getI1Type(), 1),
                            [&](ImplicitLocOpBuilder &body, ValueRange i, ValueRange carried) {
                              Scalar axis(body, tensor::ExtractOp::create(body, operands[3], i));
                              return SmallVector<Value>{Scalar(body, carried[0]) & (axis >= -rank) & (axis < rank)};
                            })[0];
    cf::AssertOp::create(b, holds, "Slice: an axis is out of range for rank " + std::to_string(rank));
  }
  // What a vector says of an axis: its element n, or the one where the run's axes have it.
  auto read = [&](Value onnxValue, Value lowered, int64_t n, int64_t axis, Value otherwise) -> Value {
    if (!isCounted)
      return makeLoops(
          b, b.materializeIndex(count), otherwise, [&](ImplicitLocOpBuilder &body, ValueRange i, ValueRange carried) {
            IndexMath math{body};
            auto at = [&](Value list) -> Value {
              Value element = tensor::ExtractOp::create(body, list, i);
              return arith::IndexCastOp::create(body, body.getIndexType(), element);
            };
            Value named = operands[3] ? at(operands[3]) : i[0];
            Value hit = arith::OrIOp::create(body, math.equal(named, axis), math.equal(named, axis - rank));
            return SmallVector<Value>{math.select(hit, at(lowered), carried[0])};
          })[0];
    if (!areRuntimeAxes(getAxes()))
      return b.element(onnxValue, lowered, n);
    SmallVector<Value> elements;
    for (size_t i = 0; i < axes.size(); ++i)
      elements.push_back(b.element(onnxValue, lowered, i));
    return chooseByAxis(b, axes, axis, elements, otherwise);
  };
  for (auto [n, slice] : llvm::enumerate(*slices)) {
    int64_t axis = slice.axis;
    isForward &= slice.step && *slice.step > 0;
    if (slice.range) {
      offsets[axis] = b.materialize(slice.range->start);
      // With a single element the step says nothing, and may be far too large for an index.
      strides[axis] = b.getIndexAttr(getConstant(to[axis]) == 1 ? 1 : *slice.step);
      continue;
    }
    // Clamp as the specification says: to [0, size] forwards, to [0, size - 1] and [-1, size - 1] backwards.
    Value size = b.materializeIndex(dims[axis]), zero = b.index(0), one = b.index(1), minusOne = b.index(-1);
    Value step = slice.step ? b.index(*slice.step) : read(getSteps(), operands[4], n, axis, one);
    Value isUp = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, step, zero);
    Value high = arith::SelectOp::create(b, isUp, size, arith::SubIOp::create(b, size, one));
    Value low = arith::SelectOp::create(b, isUp, zero, minusOne);
    auto place = [&](Value at, Value low) -> Value {
      Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, at, zero);
      at = arith::SelectOp::create(b, isNegative, arith::AddIOp::create(b, at, size), at);
      return arith::MaxSIOp::create(b, arith::MinSIOp::create(b, at, high), low);
    };
    // Backwards, an empty axis has no place to start from but that of the end, -1.
    Value start = place(read(getStarts(), operands[1], n, axis, zero), arith::MinSIOp::create(b, zero, high));
    Value end = place(read(getEnds(), operands[2], n, axis, size), low);
    if (!slice.step) {
      Value isMove = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, step, zero);
      cf::AssertOp::create(b, isMove, "Slice: step 0");
      step = arith::SelectOp::create(b, isMove, step, one);
    }
    b.bindFresh(to[axis], [&] {
      Value count = arith::CeilDivSIOp::create(b, arith::SubIOp::create(b, end, start), step);
      return arith::MaxSIOp::create(b, count, zero).getResult();
    });
    offsets[axis] = start;
    strides[axis] = getAsOpFoldResult(step);
  }
  if (isForward)
    return SmallVector<Value>{extractSlice(b, operands[0], getType(), offsets, strides)};
  return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
    SmallVector<Value> from(at);
    for (const SliceAxis &slice : *slices) {
      Value start = getValueOrCreateConstantIndexOp(nested, nested.getLoc(), offsets[slice.axis]);
      Value step = getValueOrCreateConstantIndexOp(nested, nested.getLoc(), strides[slice.axis]);
      from[slice.axis] = arith::AddIOp::create(nested, start, arith::MulIOp::create(nested, at[slice.axis], step));
    }
    return tensor::ExtractOp::create(nested, operands[0], from);
  })};
}

//===- Pad, CenterCropPad --------------------------------------------------------------===//

namespace {
/// How many elements go before and after one axis, and which elements of `pads` say so.
struct AxisPads {
  int64_t axis;
  int64_t lowAt, highAt; ///< where the axes are known
  AffineExpr low, high;  ///< null: only run time tells
};
} // namespace

static FailureOr<SmallVector<AxisPads>> padsOf(PadOp op) {
  int64_t rank = rankOf(op.getData());
  auto type = cast<RankedTensorType>(op.getPads().getType());
  if (type.getRank() > 2 || !type.hasStaticShape() || type.getNumElements() % 2 != 0)
    return op.emitOpError(
        "pads must be a vector with two elements for each axis, and their number known when the model is "
        "compiled (--input-shape)");
  int64_t count = type.getNumElements() / 2;
  if (isAbsent(op.getAxes()) ? count != rank : count > rank)
    return op.emitOpError("has ") << 2 * count << " pads for an operand of rank " << rank;
  if (areRuntimeAxes(op.getAxes())) { // it may be any
    auto type = cast<RankedTensorType>(op.getAxes().getType());
    if (type.getRank() != 1 || type.getDimSize(0) != count)
      return op.emitOpError("axes must be a vector with one element for every two pads");
    SmallVector<AxisPads> pads;
    for (int64_t d = 0; d < rank; ++d)
      pads.push_back({d, -1, -1, {}, {}});
    return pads;
  }
  auto axes = axesOf(op, op.getAxes(), rank, rank);
  if (failed(axes))
    return failure();
  if (static_cast<int64_t>(axes->size()) != count)
    return op.emitOpError("has ") << 2 * count << " pads for " << axes->size() << " axes";
  auto data = getShapeData(op.getPads());
  SmallVector<AxisPads> pads;
  for (int64_t i = 0; i < count; ++i)
    pads.push_back(
        {(*axes)[i], i, i + count, data ? (*data)[i] : AffineExpr(), data ? (*data)[i + count] : AffineExpr()});
  return pads;
}

LogicalResult PadOp::inferTypes(SmallVectorImpl<Type> &types) {
  StringRef mode = getMode();
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    return emitOpError("mode \"") << mode << "\" is not constant, reflect, edge or wrap";
  if (!isAbsent(getConstantValue())) {
    if (elementTypeOf(getConstantValue()) != elementTypeOf(getData()))
      return emitOpError("constant_value must be a scalar of the operand's element type");
    if (failed(assumeLength(*this, 2, 1, "constant_value")))
      return failure();
  }
  Dims dims = getDims(getData());
  // There are two for every axis, so that one list tells the length of the other.
  auto lengthOf = [](Value list) -> std::optional<int64_t> {
    auto type = dyn_cast<RankedTensorType>(list.getType());
    return type && type.getRank() == 1 ? getConstant(getDims(type)[0]) : std::nullopt;
  };
  std::optional<int64_t> axisCount = isAbsent(getAxes()) ? dims.size() : lengthOf(getAxes());
  if (rankOf(getPads()) == 1 && axisCount && failed(assumeSizes(*this, 1, 2 * *axisCount, "pads")))
    return failure();
  if (auto padCount = lengthOf(getPads()); padCount && failed(assumeSizes(*this, 3, *padCount / 2, "axes")))
    return failure();
  auto pads = padsOf(*this);
  if (failed(pads))
    return failure();
  for (const AxisPads &pad : *pads) {
    AffineExpr &dim = dims[pad.axis];
    bool isEmpty = getConstant(dim) == 0;
    AffineExpr size = pad.low ? simplify(dim + pad.low + pad.high) : freshSymbol(*this, 0, pad.axis);
    auto number = getConstant(size);
    if (number && *number < 0)
      return emitOpError("pads crop dimension ") << pad.axis << " to the negative size " << *number;
    auto before = pad.low ? getConstant(pad.low) : std::nullopt, after = pad.low ? getConstant(pad.high) : std::nullopt;
    if (before && after && number && getConstant(dim))       // after what negative pads crop
      isEmpty |= *number <= std::max<int64_t>(*before, 0) || // then the difference fits
                 *number - std::max<int64_t>(*before, 0) <= std::max<int64_t>(*after, 0);
    if (isEmpty && mode != "constant" && number && *number > 0)
      return emitOpError("dimension ") << pad.axis << " has no element to repeat";
    dim = size;
  }
  types.push_back(makeTensor(dims, elementTypeOf(getData())));
  return success();
}

std::optional<Dims> PadOp::propagateData() {
  auto data = rankOf(getData()) == 1 && getMode() == "constant" ? getShapeData(getData()) : std::nullopt;
  if (!data || data->empty())
    return std::nullopt;
  auto pads = padsOf(*this);
  auto fill = isAbsent(getConstantValue()) ? Dims{makeDim(getContext(), 0)} : getShapeData(getConstantValue());
  if (failed(pads) || pads->size() != 1 || !fill || !pads->front().low)
    return std::nullopt;
  auto low = getConstant(pads->front().low), high = getConstant(pads->front().high);
  if (!low || !high || *low > 64 || *high > 64)
    return std::nullopt;
  Dims padded;
  for (int64_t i = -*low, count = data->size(); i < count + *high; ++i)
    padded.push_back(i < 0 || i >= count ? fill->front() : (*data)[i]);
  return padded;
}

/// tensor.pad by `low` and `high`, after cropping what is negative.
static Value cropAndPad(LoweringBuilder &b, Value source, Type resultType, SmallVector<OpFoldResult> low,
                        SmallVector<OpFoldResult> high, Value fill) {
  auto type = cast<RankedTensorType>(source.getType());
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> offsets = indexList(b, rank, 0), sizes;
  bool crops = false, pads = false, isGone = llvm::is_contained(type.getShape(), 0);
  for (int64_t i = 0; i < rank; ++i) {
    OpFoldResult size = tensor::getMixedSize(b, b.getLoc(), source, i);
    auto split = [&](OpFoldResult &pad) -> OpFoldResult { // what is cropped; `pad` keeps what is added
      if (auto number = getConstantIntValue(pad)) {
        pad = b.getIndexAttr(std::max<int64_t>(*number, 0));
        pads |= *number > 0;
        crops |= *number < 0;
        return b.getIndexAttr(std::max<int64_t>(-*number, 0));
      }
      Value zero = b.index(0), value = cast<Value>(pad);
      pads = crops = true;
      pad = arith::MaxSIOp::create(b, value, zero).getResult();
      return arith::MaxSIOp::create(b, arith::SubIOp::create(b, zero, value), zero).getResult();
    };
    OpFoldResult from = low[i], to = high[i], before = split(low[i]), after = split(high[i]);
    auto s = getConstantIntValue(size), x = getConstantIntValue(before), y = getConstantIntValue(after);
    isGone |= (s && x && *x > 0 && *x >= *s) || (s && y && *y > 0 && *y >= *s);
    if (x == 0 && y == 0) {
      sizes.push_back(size);
    } else if (s && x && y) {
      sizes.push_back(b.getIndexAttr(std::max<int64_t>(*s - *x - *y, 0)));
    } else {
      auto value = [&](OpFoldResult v) { return getValueOrCreateConstantIndexOp(b, b.getLoc(), v); };
      Value left = arith::SubIOp::create(b, arith::SubIOp::create(b, value(size), value(before)), value(after));
      left = arith::MaxSIOp::create(b, left, b.index(0));
      sizes.push_back(left);
      if (getConstantIntValue(low[i]) != 0 || getConstantIntValue(high[i]) != 0) {
        // One side may crop what the other one adds: then nothing is left, and all of the result is padding.
        Value all = arith::AddIOp::create(b, arith::AddIOp::create(b, value(size), value(from)), value(to));
        Value added = arith::SubIOp::create(b, all, left), first = arith::MinSIOp::create(b, value(low[i]), added);
        before = arith::MinSIOp::create(b, value(before), value(size)).getResult();
        low[i] = first;
        high[i] = arith::SubIOp::create(b, added, first).getResult();
      }
    }
    offsets[i] = before;
  }
  RankedTensorType lowered = LoweringBuilder::loweredType(resultType);
  // Nothing is left of the operand: only padding.
  if (isGone || llvm::any_of(sizes, [](OpFoldResult size) { return getConstantIntValue(size) == 0; }))
    return b.filled(resultType, fill);
  if (crops)
    source = tensor::ExtractSliceOp::create(b, source, offsets, sizes, indexList(b, rank, 1));
  if (pads) // paddings that turn out to be numbers give sizes that inference did not know
    source = tensor::PadOp::create(b, Type(), source, low, high, fill);
  return source.getType() == lowered ? source : tensor::CastOp::create(b, lowered, source).getResult();
}

/// Where output index `at` of an axis of `size` elements reads from, `low` elements after the first.
static Value padIndex(ImplicitLocOpBuilder &b, StringRef mode, Value at, Value low, Value size, bool isNear) {
  Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
  Value i = arith::SubIOp::create(b, at, low), last = arith::SubIOp::create(b, size, one);
  auto modulo = [&](Value x, Value period) -> Value {
    Value rest = arith::RemSIOp::create(b, x, period);
    Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, rest, zero);
    return arith::SelectOp::create(b, isNegative, arith::AddIOp::create(b, rest, period), rest);
  };
  if (mode == "edge")
    return arith::MaxSIOp::create(b, arith::MinSIOp::create(b, i, last), zero);
  if (mode == "wrap")
    return modulo(i, size);
  // Reflect is a triangle wave with period 2 (size - 1). Pads smaller than the size leave its first period on neither
  // side, which needs no division.
  Value period = arith::AddIOp::create(b, last, last);
  if (isNear)
    i = arith::MaxSIOp::create(b, i, arith::SubIOp::create(b, zero, i));
  else
    i = modulo(i, arith::MaxSIOp::create(b, period, one));
  return arith::MinSIOp::create(b, i, arith::SubIOp::create(b, period, i));
}

/// Pads beyond this many elements fit into no memory, and sums with them could wrap round.
static constexpr int64_t kMaxPad = int64_t(1) << 48;

/// Whether no more is cropped than the axis has, which is then repeated.
static void requireElement(LoweringBuilder &b, OpFoldResult low, OpFoldResult high, AffineExpr size) {
  auto x = getConstantIntValue(low), y = getConstantIntValue(high);
  if (x && y && (getConstant(size) || (*x >= 0 && *y >= 0)))
    return;
  Value zero = b.index(0), rest = b.materializeIndex(size);
  for (OpFoldResult pad : {low, high})
    rest = arith::AddIOp::create(b, rest,
                                 arith::MinSIOp::create(b, getValueOrCreateConstantIndexOp(b, b.getLoc(), pad), zero));
  Value holds = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, rest, zero);
  cf::AssertOp::create(b, holds, "Pad: crops more than there is");
}

static void requireNear(LoweringBuilder &b, OpFoldResult pad) {
  auto value = dyn_cast<Value>(pad);
  if (!value)
    return;
  Value above = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, value, b.index(-kMaxPad));
  Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, value, b.index(kMaxPad));
  cf::AssertOp::create(b, arith::AndIOp::create(b, above, below), "Pad: pads beyond all memory");
}

FailureOr<SmallVector<Value>> PadOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto pads = padsOf(*this);
  if (failed(pads))
    return failure();
  Dims dims = getDims(getData()), to = getDims(getOutput());
  int64_t rank = dims.size();
  SmallVector<OpFoldResult> low = indexList(b, rank, 0), high = indexList(b, rank, 0);
  auto flat = RankedTensorType::get({cast<RankedTensorType>(getPads().getType()).getNumElements()}, b.getI64Type());
  Value vector;                         // pads may be a [1, n] matrix
  SmallVector<Value> axes, lows, highs; // of the run
  auto runtime = [&](int64_t i) {
    if (!vector)
      vector = b.reshape(operands[1], getPads().getType(), flat);
    return b.element(getPads(), vector, i);
  };
  if (areRuntimeAxes(getAxes())) {
    axes = readAxes(b, operands[3], rank);
    for (size_t i = 0; i < axes.size(); ++i) {
      lows.push_back(runtime(i));
      highs.push_back(runtime(i + axes.size()));
    }
  }
  auto read = [&](const AxisPads &pad, int64_t at, ArrayRef<Value> values) -> OpFoldResult {
    return at >= 0 ? runtime(at) : chooseByAxis(b, axes, pad.axis, values, b.index(0));
  };
  for (const AxisPads &pad : *pads) {
    AffineExpr size = dims[pad.axis];
    low[pad.axis] = pad.low ? b.materialize(pad.low) : read(pad, pad.lowAt, lows);
    high[pad.axis] = pad.high ? b.materialize(pad.high) : read(pad, pad.highAt, highs);
    b.bindFresh(to[pad.axis], [&] {
      // One of them may be a number.
      Value before = pad.low ? b.materializeIndex(pad.low) : cast<Value>(low[pad.axis]);
      Value after = pad.high ? b.materializeIndex(pad.high) : cast<Value>(high[pad.axis]);
      Value sum = arith::AddIOp::create(b, before, after);
      return arith::AddIOp::create(b, sum, b.materializeIndex(size)).getResult();
    });
    requireNear(b, low[pad.axis]);
    requireNear(b, high[pad.axis]);
    b.requireNonNegative(to[pad.axis], "Pad: crops to a negative size");
    if (getMode() != "constant")
      requireElement(b, low[pad.axis], high[pad.axis], size);
    auto least = lowerBound(size);
    if (getMode() != "constant" && !(least && *least > 0) && size != to[pad.axis]) {
      auto equals = [&](AffineExpr x, int64_t y) -> Value {
        return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.materializeIndex(x), b.index(y));
      };
      Value hasElement = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, b.materializeIndex(size), b.index(0));
      Value holds = arith::OrIOp::create(b, hasElement, equals(to[pad.axis], 0));
      cf::AssertOp::create(b, holds, "Pad: a dimension has no element to repeat");
    }
  }
  if (getMode() == "constant") {
    Value fill;
    if (operands[2]) {
      SmallVector<Value> zeros(rankOf(getConstantValue()), b.index(0));
      fill = tensor::ExtractOp::create(b, operands[2], zeros);
    } else {
      fill = emptyElement(b, getType());
    }
    return SmallVector<Value>{cropAndPad(b, operands[0], getType(), low, high, fill)};
  }
  return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
    SmallVector<Value> from(at);
    for (const AxisPads &pad : *pads) {
      auto x = getConstantIntValue(low[pad.axis]), y = getConstantIntValue(high[pad.axis]);
      if (x == 0 && y == 0)
        continue;
      auto size = lowerBound(dims[pad.axis]);
      bool crops = !(x && y && *x >= 0 && *y >= 0);
      bool isNear = x && y && size && *x < *size && *y < *size && getConstant(dims[pad.axis]) && !crops;
      Value first = getValueOrCreateConstantIndexOp(nested, nested.getLoc(), low[pad.axis]);
      Value count = tensor::DimOp::create(nested, operands[0], pad.axis);
      if (!crops) {
        from[pad.axis] = padIndex(nested, getMode(), at[pad.axis], first, count, isNear);
        continue;
      }
      // What is left after cropping is repeated (as in onnxruntime; the specification doesn't say).
      IndexMath math{nested};
      Value zero = math.constant(0), behind = getValueOrCreateConstantIndexOp(nested, nested.getLoc(), high[pad.axis]);
      auto atLeast = [&](Value value, Value least) -> Value { return arith::MaxSIOp::create(nested, value, least); };
      Value before = atLeast(math.sub(zero, first), zero), after = atLeast(math.sub(zero, behind), zero);
      Value left = atLeast(math.sub(math.sub(count, before), after), math.constant(1));
      Value index = padIndex(nested, getMode(), at[pad.axis], atLeast(first, zero), left, isNear);
      from[pad.axis] = math.least(math.add(index, before), math.sub(count, math.constant(1)));
    }
    return tensor::ExtractOp::create(nested, operands[0], from);
  })};
}

/// The axes whose size CenterCropPad sets.
static FailureOr<SmallVector<int64_t>> croppedAxes(CenterCropPadOp op) {
  int64_t rank = rankOf(op.getInputData());
  SmallVector<int64_t> axes;
  for (int64_t axis :
       op.getAxes() ? SmallVector<int64_t>(*op.getAxes()) : llvm::to_vector(llvm::seq<int64_t>(0, rank))) {
    auto front = normalizeAxis(op, axis, rank);
    if (failed(front))
      return failure();
    axes.push_back(*front);
  }
  if (failed(assumeSizes(op, 1, axes.size(), "shape")))
    return failure();
  return axes;
}

LogicalResult CenterCropPadOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto axes = croppedAxes(*this);
  if (failed(axes))
    return failure();
  Dims dims = getDims(getInputData());
  auto shape = getShapeData(getShape());
  for (auto [i, axis] : llvm::enumerate(*axes)) {
    dims[axis] = shape ? (*shape)[i] : freshSymbol(*this, 0, axis);
    if (auto size = getConstant(dims[axis]); size && *size < 0)
      return emitOpError("shape has the negative size ") << *size;
  }
  types.push_back(makeTensor(dims, elementTypeOf(getInputData())));
  return success();
}

FailureOr<SmallVector<Value>> CenterCropPadOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto axes = croppedAxes(*this);
  if (failed(axes))
    return failure();
  Dims from = getDims(getInputData()), to = getDims(getOutputData());
  SmallVector<OpFoldResult> low = indexList(b, from.size(), 0), high = low;
  for (auto [i, axis] : llvm::enumerate(*axes)) {
    b.bindFresh(to[axis], [&, i = i] { return b.element(getShape(), operands[1], i); });
    if (from[axis] == to[axis])
      continue;
    // The odd element goes to, or comes from, the end: the first half is rounded towards 0.
    AffineExpr change = simplify(to[axis] - from[axis]);
    if (auto number = getConstant(change)) {
      low[axis] = b.getIndexAttr(*number / 2);
      high[axis] = b.getIndexAttr(*number - *number / 2);
      continue;
    }
    Value total = b.materializeIndex(change), half = arith::DivSIOp::create(b, total, b.index(2));
    low[axis] = half;
    high[axis] = arith::SubIOp::create(b, total, half).getResult();
  }
  Value zero = emptyElement(b, getType());
  return SmallVector<Value>{cropAndPad(b, operands[0], getType(), low, high, zero)};
}

//===- DepthToSpace, SpaceToDepth ------------------------------------------------------===//

/// Checks what both have in common and gives the operand's dimensions.
static FailureOr<Dims> blockOperand(Operation *op, Value input, int64_t block, StringRef mode) {
  if (rankOf(input) != 4)
    return op->emitOpError("takes an operand of rank 4, not ") << rankOf(input);
  if (block < 1 || block > kBeyond)
    return op->emitOpError("blocksize ") << block << " is not positive";
  if (mode != "DCR" && mode != "CRD")
    return op->emitOpError("mode \"") << mode << "\" is neither DCR nor CRD";
  return getDims(input);
}

/// `size` divided by `by`, or failure after an error where it is known not to be divisible.
static FailureOr<AffineExpr> divide(Operation *op, AffineExpr size, int64_t by) {
  if (auto number = getConstant(size); number && *number % by != 0)
    return op->emitOpError("size ") << *number << " is not divisible by " << by;
  return floorDiv(size, makeDim(op->getContext(), by));
}

/// Reshape to `spread`, transpose by `perm`, reshape to the result.
static Value shuffleBlocks(LoweringBuilder &b, Value operand, Type operandType, const Dims &spread,
                           ArrayRef<int64_t> perm, Type resultType) {
  Type elementType = cast<RankedTensorType>(operandType).getElementType();
  Dims moved;
  for (int64_t i : perm)
    moved.push_back(spread[i]);
  RankedTensorType movedType = makeTensor(moved, elementType);
  b.requireEqual(product(b.getContext(), getDims(operandType)), product(b.getContext(), spread),
                 "a symbolic size is not divisible by the block size");
  Value value = b.reshape(operand, operandType, makeTensor(spread, elementType));
  value = linalg::TransposeOp::create(b, value, b.empty(movedType), perm)->getResult(0);
  return b.reshape(value, movedType, resultType);
}

LogicalResult DepthToSpaceOp::inferTypes(SmallVectorImpl<Type> &types) {
  int64_t block = getBlocksize();
  auto dims = blockOperand(*this, getInput(), block, getMode());
  if (failed(dims))
    return failure();
  auto channels = divide(*this, (*dims)[1], block * block);
  if (failed(channels))
    return failure();
  Dims to{(*dims)[0], *channels, (*dims)[2] * block, (*dims)[3] * block};
  types.push_back(makeTensor(to, elementTypeOf(getInput())));
  return success();
}

FailureOr<SmallVector<Value>> DepthToSpaceOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims from = getDims(getInput()), to = getDims(getOutput());
  AffineExpr block = makeDim(getContext(), getBlocksize());
  bool isDcr = getMode() == "DCR";
  Dims spread = isDcr ? Dims{from[0], block, block, to[1], from[2], from[3]}
                      : Dims{from[0], to[1], block, block, from[2], from[3]};
  SmallVector<int64_t> perm = isDcr ? SmallVector<int64_t>{0, 3, 4, 1, 5, 2} : SmallVector<int64_t>{0, 1, 4, 2, 5, 3};
  return SmallVector<Value>{shuffleBlocks(b, operands[0], getInput().getType(), spread, perm, getType())};
}

LogicalResult SpaceToDepthOp::inferTypes(SmallVectorImpl<Type> &types) {
  int64_t block = getBlocksize();
  auto dims = blockOperand(*this, getInput(), block, getMode());
  if (failed(dims))
    return failure();
  auto height = divide(*this, (*dims)[2], block), width = divide(*this, (*dims)[3], block);
  if (failed(height) || failed(width))
    return failure();
  Dims to{(*dims)[0], (*dims)[1] * (block * block), *height, *width};
  types.push_back(makeTensor(to, elementTypeOf(getInput())));
  return success();
}

FailureOr<SmallVector<Value>> SpaceToDepthOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims from = getDims(getInput()), to = getDims(getOutput());
  AffineExpr block = makeDim(getContext(), getBlocksize());
  Dims spread{from[0], from[1], to[2], block, to[3], block};
  SmallVector<int64_t> perm =
      getMode() == "DCR" ? SmallVector<int64_t>{0, 3, 5, 1, 2, 4} : SmallVector<int64_t>{0, 1, 3, 5, 2, 4};
  return SmallVector<Value>{shuffleBlocks(b, operands[0], getInput().getType(), spread, perm, getType())};
}

//===- ReverseSequence, Trilu ----------------------------------------------------------===//

LogicalResult ReverseSequenceOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (rankOf(getInput()) < 2)
    return emitOpError("takes an operand of rank 2 or more");
  int64_t batch = getBatchAxis(), time = getTimeAxis();
  if (batch == time || batch < 0 || batch > 1 || time < 0 || time > 1)
    return emitOpError("batch_axis and time_axis must be 0 and 1, or 1 and 0");
  Dims lengths = getDims(getSequenceLens()), dims = getDims(getInput());
  if (lengths.size() != 1)
    return emitOpError("sequence_lens must have rank 1");
  if (auto a = getConstant(lengths[0]), z = getConstant(dims[batch]); a && z && a != z)
    return emitOpError("has ") << *a << " sequence lengths for a batch of " << *z;
  types.push_back(getInput().getType());
  return success();
}

FailureOr<SmallVector<Value>> ReverseSequenceOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getInput());
  int64_t batch = getBatchAxis(), time = getTimeAxis();
  b.requireEqual(dims[batch], getDims(getSequenceLens())[0], "ReverseSequence: not one length for each of the batch");
  Value steps = b.materializeIndex(dims[time]);
  requireInRange(b, operands[1], b.index(0), steps, "ReverseSequence: length out of range");
  return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
    // Lengths are run-time data: no more than there are steps.
    Value length = tensor::ExtractOp::create(nested, operands[1], at[batch]);
    length = arith::IndexCastOp::create(nested, nested.getIndexType(), length);
    length = arith::MinSIOp::create(nested, length, steps);
    Value mirrored = arith::SubIOp::create(nested, arith::SubIOp::create(nested, length, at[time]),
                                           arith::ConstantIndexOp::create(nested, 1));
    Value isInside = arith::CmpIOp::create(nested, arith::CmpIPredicate::slt, at[time], length);
    SmallVector<Value> from(at);
    from[time] = arith::SelectOp::create(nested, isInside, mirrored, at[time]);
    return tensor::ExtractOp::create(nested, operands[0], from);
  })};
}

LogicalResult TriluOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (rankOf(getInput()) < 2)
    return emitOpError("takes an operand of rank 2 or more");
  if (failed(assumeLength(*this, 1, 1, "k")))
    return failure();
  types.push_back(getInput().getType());
  return success();
}

FailureOr<SmallVector<Value>> TriluOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int64_t rank = rankOf(getInput());
  Value diagonal = isAbsent(getK()) ? b.index(0) : b.element(getK(), operands[1], 0);
  Value zero = emptyElement(b, getType());
  auto keeps = getUpper() ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle;
  auto body = [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
    Value row = linalg::IndexOp::create(nested, rank - 2), column = linalg::IndexOp::create(nested, rank - 1);
    Value offset = arith::SubIOp::create(nested, column, row);
    Value isKept = arith::CmpIOp::create(nested, keeps, offset, diagonal);
    return arith::SelectOp::create(nested, isKept, args[0], zero);
  };
  return SmallVector<Value>{b.elementwise(getType(), operands.take_front(), getInput().getType(), body)};
}

//===- older versions ------------------------------------------------------------------===//

/// Concat 1 had a default axis.
static LogicalResult upgradeConcat1(NodeForm &node) {
  if (!node.get("axis"))
    node.attributes.set("axis", IntegerAttr::get(IntegerType::get(node.b.getContext(), 64, IntegerType::Signed), 1));
  return success();
}

/// Split 1 had the sizes as an operand of the data's type.
static LogicalResult upgradeSplit1(NodeForm &node) {
  Value sizes = node.operand(1);
  if (!sizes || !isa<RankedTensorType>(sizes.getType()) || elementTypeOf(sizes).isInteger(64))
    return success();
  auto numbers = getConstantFloats(sizes);
  if (!numbers || !llvm::all_of(*numbers, [](double n) { return n >= 0 && n <= kBeyond; }))
    return node.error() << "Split of opset 1 needs constant sizes";
  node.operands[1] = node.constant(llvm::map_to_vector(*numbers, [](double n) { return static_cast<int64_t>(n); }));
  return success();
}

/// The sizes became an operand.
static LogicalResult upgradeSplit2(NodeForm &node) {
  if (auto sizes = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("split")))
    node.setOperand(1, node.constant(sizes));
  return success();
}

/// starts, ends and axes became operands.
static LogicalResult upgradeSlice1(NodeForm &node) {
  auto starts = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("starts"));
  auto ends = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("ends"));
  auto axes = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("axes"));
  if (!starts || !ends)
    return node.error() << "Slice has no attributes starts and ends";
  node.setOperand(1, node.constant(starts));
  node.setOperand(2, node.constant(ends));
  if (axes)
    node.setOperand(3, node.constant(axes));
  return success();
}

/// An experiment before version 10 became Slice.
static LogicalResult upgradeDynamicSlice(NodeForm &node) {
  if (node.opset >= 10)
    emitWarning(node.b.getLoc()) << "DynamicSlice is an operator that ONNX dropped in version 10; assumed: Slice";
  node.name = "Slice";
  return success();
}

/// The first version called the pads paddings.
static LogicalResult upgradePad1(NodeForm &node) {
  if (Attribute paddings = node.take("paddings"))
    node.attributes.set("pads", paddings);
  return success();
}

/// pads and value became operands.
static LogicalResult upgradePad2(NodeForm &node) {
  auto pads = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("pads"));
  auto value = dyn_cast_or_null<FloatAttr>(node.take("value"));
  if (!pads || node.operands.empty())
    return node.error() << "Pad has no attribute pads";
  auto type = dyn_cast<RankedTensorType>(node.operands[0].getType());
  node.setOperand(1, node.constant(pads));
  if (value && type)
    node.setOperand(2, node.scalar(value.getValueAsDouble(), type.getElementType()));
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Movement.cpp.inc"

void onnxc::onnx::registerMovementOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Movement.cpp.inc"
      >();
  dialect.addUpgrade("Concat", 4, upgradeConcat1);
  dialect.addUpgrade("Split", 2, upgradeSplit1);
  dialect.addUpgrade("Split", 13, upgradeSplit2);
  dialect.addUpgrade("Slice", 10, upgradeSlice1);
  dialect.addUpgrade("DynamicSlice", std::numeric_limits<int64_t>::max(), upgradeDynamicSlice);
  dialect.addUpgrade("Pad", 2, upgradePad1);
  dialect.addUpgrade("Pad", 11, upgradePad2);
  dialect.addUpgrade("Split", kAnyVersion, makeVectors<SplitOp, 1>);
  dialect.addUpgrade("Slice", kAnyVersion, makeVectors<SliceOp, 1, 2, 3, 4>);
  dialect.addUpgrade("Pad", kAnyVersion, makeVectors<PadOp, 1, 3>);
  dialect.addUpgrade("CenterCropPad", kAnyVersion, makeVectors<CenterCropPadOp, 1>);
  dialect.addUpgrade("ReverseSequence", kAnyVersion, makeVectors<ReverseSequenceOp, 1>);
}
