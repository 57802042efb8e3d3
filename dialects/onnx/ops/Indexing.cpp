//===- dialects/onnx/ops/Indexing.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that read from, or write to, places that an operand names. Negative indices count from the end. Constant
// indices are checked here; those that only run time tells end the run where they are out of range.
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/ops/Sorting.h"
#include "dialects/onnx/support/ComplexParts.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Indices.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/SmallFloats.h"
#include "dialects/onnx/support/Text.h"
#include "dialects/onnx/support/Upgrade.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace onnxc::onnx;

static Type elementTypeOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }
static int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

/// The smallest and largest of constant indices.
static std::optional<std::pair<int64_t, int64_t>> constantRange(Value indices) {
  ElementsAttr elements = getConstantElements(indices);
  ArrayRef<char> bytes = elements ? getRawElements(elements) : ArrayRef<char>();
  if (bytes.empty() || !(elementTypeOf(indices).isInteger(64) || elementTypeOf(indices).isInteger(32)))
    return std::nullopt;
  bool isWide = elementTypeOf(indices).isInteger(64);
  size_t width = isWide ? 8 : 4;
  int64_t low = std::numeric_limits<int64_t>::max(), high = std::numeric_limits<int64_t>::min();
  for (size_t i = 0; i + width <= bytes.size(); i += width) {
    int64_t wide = 0;
    int32_t narrow = 0;
    if (isWide)
      std::memcpy(&wide, bytes.data() + i, width);
    else
      std::memcpy(&narrow, bytes.data() + i, width);
    int64_t index = isWide ? wide : narrow;
    low = std::min(low, index), high = std::max(high, index);
  }
  return std::make_pair(low, high);
}

/// Reports constant indices outside of `size`, and a run-time one into nothing.
static LogicalResult checkIndices(Operation *op, Value indices, AffineExpr size) {
  auto range = constantRange(indices);
  auto number = getConstant(size);
  if (range && number)
    for (int64_t index : {range->first, range->second})
      if (index < -*number || index >= *number)
        return op->emitOpError("index ") << index << " is out of range for size " << *number;
  auto type = cast<RankedTensorType>(indices.getType());
  if (number == 0 && type.hasStaticShape() && type.getNumElements() > 0)
    return op->emitOpError("indexes a dimension of size 0");
  return success();
}

/// Whether no element of `indices` can be outside of [-size, size - 1], by what they come from.
static bool isInside(Value indices, AffineExpr size) {
  auto isBelow = [&](AffineExpr index) { return isNonNegative(index) && isNonNegative(simplify(size - index - 1)); };
  if (auto data = getShapeData(indices); data && llvm::all_of(*data, isBelow))
    return true;
  if (auto range = constantRange(indices))
    if (auto low = lowerBound(size))
      return range->first >= -*low && range->second < *low;
  Operation *op = indices.getDefiningOp();
  if (!op || !isa<RankedTensorType>(indices.getType()))
    return false;
  // Places on an axis: those of an axis that is no longer.
  auto arePlacesOf = [&](Value data, int64_t axis) {
    Dims dims = getDims(data);
    return isNonNegative(simplify(size - dims[axis < 0 ? axis + static_cast<int64_t>(dims.size()) : axis]));
  };
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<ArgMaxOp, ArgMinOp>([&](auto op) { return arePlacesOf(op.getData(), op.getAxis()); })
      .Case([&](TopKOp op) { return indices == op.getIndices() && arePlacesOf(op.getX(), op.getAxis()); })
      // What only moves them.
      .Case<ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp, TransposeOp, ExpandOp, TileOp, SliceOp, GatherOp>(
          [&](Operation *op) { return isInside(op->getOperand(0), size); })
      .Case([&](CastOp op) { return getElementTypeOrSelf(op.getX()).isSignlessInteger() && isInside(op.getX(), size); })
      .Case([&](ConcatOp op) { return llvm::all_of(op.getInputs(), [&](Value x) { return isInside(x, size); }); })
      .Default(false);
}

namespace {
/// How indices into dimensions of a tensor become positions in generated code.
class Indexer {
public:
  /// For the index operand `onnxIndices` of `op` into dimension `axis` of `size` elements, of which `resultCount`
  /// depend. `indices` are the lowered ones: all of them, or those of a tuple's place that belong to the axis. Ends the
  /// run where one is out of range: by the loops that use it, or before them.
  Indexer(LoweringBuilder &b, Operation *op, Value onnxIndices, Value indices, int64_t axis, AffineExpr dim,
          AffineExpr resultCount, bool inLoops = false)
      : size(b.materializeIndex(dim)) {
    auto range = constantRange(onnxIndices);
    auto low = lowerBound(dim);
    if (range && low && range->first >= 0 && range->second < *low) {
      isPosition = true;
      return;
    }
    std::string name = op->getName().stripDialect().str();
    // Clamping needs something to clamp to.
    if (!low || *low < 1) {
      auto isPositive = [&](AffineExpr expr) -> Value {
        return arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, b.materializeIndex(expr), b.index(0));
      };
      Value isNothing = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.materializeIndex(resultCount), b.index(0));
      cf::AssertOp::create(b, arith::OrIOp::create(b, isPositive(dim), isNothing),
                           name + ": indexes a dimension of size 0");
    }
    if (!isInside(onnxIndices, dim)) {
      std::string text = (name + ": index out of range on axis " + Twine(axis)).str();
      if (inLoops) {
        message = b.getStringAttr(text);
        return;
      }
      IndexMath math{b};
      Value least = math.sub(b.index(0), size), most = math.sub(size, b.index(1));
      requireInRange(b, indices, least, arith::MaxSIOp::create(b, least, most), text);
    }
  }

  /// The position, clamped: the check alone does not hold for what reads too little to be worth one (a plan), and
  /// indices that a program changes while the model runs must not lead out of a tensor either.
  Value operator()(ImplicitLocOpBuilder &b, Value index) const {
    if (message)
      return onnxc::rt::PositionOp::create(b, b.getIndexType(), index, size, message);
    if (!index.getType().isIndex())
      index = arith::IndexCastOp::create(b, b.getIndexType(), index);
    return isPosition ? index : LoweringBuilder::wrapIndex(b, index, size);
  }

private:
  Value size;
  bool isPosition = false;
  StringAttr message; ///< of the check in the loops
};
} // namespace

/// The indices of place `i` in the tuples of GatherND and ScatterND.
static Value placeInTuples(LoweringBuilder &b, Value onnxIndices, Value indices, int64_t i) {
  Dims dims = getDims(onnxIndices);
  SmallVector<OpFoldResult> offsets(dims.size(), b.getIndexAttr(0)), ones(dims.size(), b.getIndexAttr(1)),
      sizes = b.materialize(dims);
  offsets.back() = b.getIndexAttr(i), sizes.back() = b.getIndexAttr(1);
  dims.pop_back();
  RankedTensorType type = LoweringBuilder::loweredType(makeTensor(dims, elementTypeOf(onnxIndices)));
  return tensor::ExtractSliceOp::create(b, type, indices, offsets, sizes, ones);
}

//===- Gather --------------------------------------------------------------------------===//

LogicalResult GatherOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getData()), to;
  auto axis = normalizeAxis(*this, getAxis(), dims.size());
  if (failed(axis) || failed(checkIndices(*this, getIndices(), dims[*axis])))
    return failure();
  to.append(dims.begin(), dims.begin() + *axis);
  to.append(getDims(getIndices()));
  to.append(dims.begin() + *axis + 1, dims.end());
  types.push_back(makeTensor(to, elementTypeOf(getData())));
  return success();
}

std::optional<Dims> GatherOp::propagateData() {
  auto data = rankOf(getData()) == 1 ? getShapeData(getData()) : std::nullopt;
  auto indices = getConstantInts(getIndices());
  if (!data || !indices)
    return std::nullopt;
  Dims taken;
  int64_t size = data->size();
  for (int64_t index : *indices) {
    if (index < -size || index >= size)
      return std::nullopt;
    taken.push_back((*data)[index < 0 ? index + size : index]);
  }
  return taken;
}

FailureOr<SmallVector<Value>> GatherOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getData()), to = getDims(getOutput());
  int64_t rank = dims.size(), axis = getAxis() < 0 ? getAxis() + rank : getAxis(), indexRank = rankOf(getIndices());
  RankedTensorType type = LoweringBuilder::loweredType(getType());
  if (llvm::is_contained(type.getShape(), 0))
    return SmallVector<Value>{b.empty(getType())};
  // One index, or evenly spaced ones, is a slice.
  auto known = getConstantInts(getIndices());
  int64_t step = known && known->size() > 1 ? (*known)[1] - (*known)[0] : 1;
  bool isEven = known && indexRank == 1 && step > 0 && (known->size() == 1 || known->front() >= 0);
  for (size_t i = 1; isEven && i < known->size(); ++i)
    isEven &= (*known)[i] - (*known)[i - 1] == step;
  bool isSlice = indexRank == 0 || (isEven && (getConstant(dims[axis]) || known->size() == 1));
  Indexer position(b, *this, getIndices(), operands[1], axis, dims[axis], product(getContext(), to),
                   /*inLoops=*/!isSlice);
  if (isSlice) {
    SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0)), sizes = b.materialize(dims),
                                                                strides(rank, b.getIndexAttr(1));
    auto size = getConstant(dims[axis]);
    if (known && size) {
      int64_t first = known->front();
      offsets[axis] = b.getIndexAttr(first < 0 ? first + *size : first);
    } else {
      offsets[axis] = position(b, b.element(getIndices(), operands[1], 0));
    }
    sizes[axis] = b.getIndexAttr(indexRank == 0 ? 1 : known->size());
    strides[axis] = b.getIndexAttr(step);
    return SmallVector<Value>{tensor::ExtractSliceOp::create(b, type, operands[0], offsets, sizes, strides)};
  }
  SmallVector<AffineExpr> at;
  for (int64_t i = 0; i < indexRank; ++i)
    at.push_back(b.getAffineDimExpr(axis + i));
  AffineMap map = AffineMap::get(to.size(), 0, at, getContext());
  auto body = [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
    SmallVector<Value> from;
    for (int64_t i = 0; i < rank; ++i)
      from.push_back(i == axis ? position(nested, args[0])
                               : linalg::IndexOp::create(nested, i < axis ? i : i + indexRank - 1).getResult());
    return tensor::ExtractOp::create(nested, operands[0], from);
  };
  return SmallVector<Value>{b.elementwise(getType(), operands.drop_front(), map, body)};
}

//===- GatherElements, GatherND --------------------------------------------------------===//

/// Checks operands of GatherElements and ScatterElements and gives the axis.
static FailureOr<int64_t> elementsAxis(Operation *op, Value data, Value indices, int64_t axis) {
  Dims dims = getDims(data), at = getDims(indices);
  if (dims.size() != at.size())
    return op->emitOpError("indices have rank ") << at.size() << ", data has " << dims.size();
  auto normal = normalizeAxis(op, axis, dims.size());
  if (failed(normal) || failed(checkIndices(op, indices, dims[*normal])))
    return failure();
  for (auto [i, size] : llvm::enumerate(dims)) {
    auto have = getConstant(size), wanted = getConstant(at[i]);
    if (static_cast<int64_t>(i) != *normal && have && wanted && *wanted > *have)
      return op->emitOpError("indices have size ") << *wanted << " in dimension " << i << ", data has " << *have;
  }
  return normal;
}

static void requireInside(LoweringBuilder &b, const Dims &data, const Dims &indices, int64_t axis) {
  for (auto [i, size] : llvm::enumerate(data))
    if (static_cast<int64_t>(i) != axis)
      b.requireNonNegative(size - indices[i], "indices are larger than the data in a dimension other than the axis");
}

LogicalResult GatherElementsOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(elementsAxis(*this, getData(), getIndices(), getAxis())))
    return failure();
  types.push_back(makeTensor(getDims(getIndices()), elementTypeOf(getData())));
  return success();
}

FailureOr<SmallVector<Value>> GatherElementsOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getData()), at = getDims(getIndices());
  int64_t rank = dims.size(), axis = getAxis() < 0 ? getAxis() + rank : getAxis();
  requireInside(b, dims, at, axis);
  Indexer position(b, *this, getIndices(), operands[1], axis, dims[axis], product(getContext(), at),
                   /*inLoops=*/true);
  auto body = [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
    SmallVector<Value> from;
    for (int64_t i = 0; i < rank; ++i)
      from.push_back(i == axis ? position(nested, args[0]) : linalg::IndexOp::create(nested, i).getResult());
    return tensor::ExtractOp::create(nested, operands[0], from);
  };
  return SmallVector<Value>{b.elementwise(getType(), operands.drop_front(), getIndices().getType(), body)};
}

/// The number of dimensions that a tuple of GatherND and ScatterND names: the last size of `indices`.
static FailureOr<int64_t> tupleLength(Operation *op, Value data, Value indices, int64_t batch) {
  Dims dims = getDims(data), at = getDims(indices);
  int64_t rank = dims.size();
  if (at.empty() || dims.empty())
    return op->emitOpError("takes operands of rank 1 or more");
  auto length = getConstant(at.back());
  if (!length)
    return op->emitOpError(
        "the last size of indices, which decides the rank of the result, must be known when the model is "
        "compiled: give the input that they come from a shape with --input-shape");
  if (batch < 0 || batch >= static_cast<int64_t>(at.size()) || *length < 0 || batch + *length > rank)
    return op->emitOpError("index tuples of ")
           << *length << " and " << batch << " batch dimensions do not fit data of rank " << rank;
  auto type = cast<RankedTensorType>(indices.getType());
  for (int64_t i = 0; i < *length; ++i)
    if (getConstant(dims[batch + i]) == 0 && type.hasStaticShape() && type.getNumElements() > 0)
      return op->emitOpError("indexes a dimension of size 0");
  return *length;
}

LogicalResult GatherNDOp::inferTypes(SmallVectorImpl<Type> &types) {
  // A place in a vector is one number.
  if (rankOf(getIndices()) > 0 && rankOf(getData()) - getBatchDims() == 1) {
    SmallVector<int64_t> sizes(rankOf(getIndices()), -1);
    sizes.back() = 1;
    if (cast<RankedTensorType>(getIndices().getType()).isDynamicDim(sizes.size() - 1) &&
        failed(assumeSizes(*this, 1, sizes, "indices")))
      return failure();
  }
  Dims dims = getDims(getData()), to = getDims(getIndices());
  int64_t batch = getBatchDims();
  auto length = tupleLength(*this, getData(), getIndices(), batch);
  if (failed(length))
    return failure();
  for (int64_t i = 0; i < batch; ++i)
    if (auto a = getConstant(dims[i]), z = getConstant(to[i]); a && z && a != z)
      return emitOpError("batch dimension ") << i << " has size " << *a << " in data, " << *z << " in indices";
  to.pop_back();
  to.append(dims.begin() + batch + *length, dims.end());
  types.push_back(makeTensor(to, elementTypeOf(getData())));
  return success();
}

FailureOr<SmallVector<Value>> GatherNDOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getData()), at = getDims(getIndices()), to = getDims(getOutput());
  int64_t batch = getBatchDims(), length = *getConstant(at.back()), tuples = at.size() - 1, rank = dims.size();
  for (int64_t i = 0; i < batch; ++i)
    b.requireEqual(dims[i], at[i], "GatherND: batch dimensions of data and indices differ");
  SmallVector<Indexer> position;
  for (int64_t i = 0; i < length; ++i)
    position.emplace_back(b, *this, getIndices(), placeInTuples(b, getIndices(), operands[1], i), batch + i,
                          dims[batch + i], product(getContext(), to), /*inLoops=*/true);
  return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &nested, ValueRange where) -> Value {
    SmallVector<Value> from(where.take_front(batch)), tuple(where.take_front(tuples));
    for (int64_t i = 0; i < length; ++i) {
      tuple.push_back(arith::ConstantIndexOp::create(nested, i));
      from.push_back(position[i](nested, tensor::ExtractOp::create(nested, operands[1], tuple)));
      tuple.pop_back();
    }
    for (int64_t i = batch + length; i < rank; ++i)
      from.push_back(where[tuples + i - batch - length]);
    return tensor::ExtractOp::create(nested, operands[0], from);
  })};
}

//===- Compress, NonZero ---------------------------------------------------------------===//

/// The indices below `ends` that are selected, in order: a column of the result for each, of at most `capacity`. Their
/// number becomes the size `dim`.
static Value findSelected(LoweringBuilder &b, AffineExpr dim, ValueRange ends, AffineExpr capacity,
                          function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> isSelected) {
  auto count = [&](ImplicitLocOpBuilder &body, ValueRange at, Value before) {
    IndexMath math{body};
    return math.select(isSelected(body, at), math.add(before, math.constant(1)), before);
  };
  // The number first, by itself: it is a size. The minimum says what it can't be above, so that memory can be planned.
  b.bindFresh(dim, [&] {
    Value number = makeLoops(b, ends, b.index(0),
                             [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange before) -> SmallVector<Value> {
                               return {count(body, at, before[0])};
                             })[0];
    return arith::MinSIOp::create(b, number, b.materializeIndex(capacity)).getResult();
  });
  // Every index is written where the next selected one belongs, and stays when it is selected.
  Value found = b.empty(makeTensor({makeDim(b.getContext(), ends.size()), capacity}, b.getI64Type()));
  return makeLoops(b, ends, {b.index(0), found},
                   [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange carried) -> SmallVector<Value> {
                     Value columns = carried[1];
                     for (auto [i, index] : llvm::enumerate(at)) {
                       Value row = arith::ConstantIndexOp::create(body, i);
                       columns =
                           tensor::InsertOp::create(body, arith::IndexCastOp::create(body, body.getI64Type(), index),
                                                    columns, ValueRange{row, carried[0]});
                     }
                     return {count(body, at, carried[0]), columns};
                   })[1];
}

/// The sizes of the input, as a vector where there is no axis.
static Dims compressedDims(CompressOp op) {
  Dims dims = getDims(op.getInput());
  return op.getAxis() ? dims : Dims{product(op.getContext(), dims)};
}

/// The positions that a constant condition selects among the first `size`.
static std::optional<SmallVector<int64_t>> selectedPositions(CompressOp op, AffineExpr size) {
  auto condition = dyn_cast_or_null<DenseElementsAttr>(getConstantElements(op.getCondition()));
  auto count = getConstant(size);
  if (!condition || !count)
    return std::nullopt;
  SmallVector<int64_t> positions;
  for (auto [i, isSelected] : llvm::enumerate(condition.getValues<bool>()))
    if (isSelected && static_cast<int64_t>(i) < *count)
      positions.push_back(i);
  return positions;
}

LogicalResult CompressOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = compressedDims(*this);
  auto axis = normalizeAxis(*this, getAxis().value_or(0), dims.size());
  if (failed(axis))
    return failure();
  if (rankOf(getCondition()) != 1)
    return emitOpError("takes a condition of rank 1, not ") << rankOf(getCondition());
  auto positions = selectedPositions(*this, dims[*axis]);
  dims[*axis] = positions ? makeDim(getContext(), positions->size()) : freshSymbol(*this, 0, *axis);
  types.push_back(makeTensor(dims, elementTypeOf(getInput())));
  return success();
}

FailureOr<SmallVector<Value>> CompressOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = compressedDims(*this);
  int64_t axis = *normalizeAxis(*this, getAxis().value_or(0), dims.size());
  Value positions;
  if (auto known = selectedPositions(*this, dims[axis])) {
    auto type = RankedTensorType::get({1, static_cast<int64_t>(known->size())}, b.getI64Type());
    positions = arith::ConstantOp::create(b, DenseElementsAttr::get(type, ArrayRef<int64_t>(*known)));
  } else {
    // What the condition says beyond the input is passed over.
    AffineExpr length = getDims(getCondition())[0];
    Value end = arith::MinSIOp::create(b, b.materializeIndex(length), b.materializeIndex(dims[axis]));
    positions = findSelected(b, getDims(getOutput())[axis], end, length,
                             [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
                               return tensor::ExtractOp::create(body, operands[1], at);
                             });
  }
  Lowered input = getLowered(*this, operands, 0);
  if (!getAxis())
    input = reshape(b, input, dims);
  return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
    SmallVector<Value> from(at);
    Value first = arith::ConstantIndexOp::create(nested, 0);
    Value place = tensor::ExtractOp::create(nested, positions, ValueRange{first, at[axis]});
    from[axis] = arith::IndexCastOp::create(nested, nested.getIndexType(), place);
    return tensor::ExtractOp::create(nested, input.value, from);
  })};
}

LogicalResult NonZeroOp::inferTypes(SmallVectorImpl<Type> &types) {
  AffineExpr rank = makeDim(getContext(), rankOf(getX()));
  types.push_back(makeTensor({rank, freshSymbol(*this, 0, 1)}, IntegerType::get(getContext(), 64)));
  return success();
}

FailureOr<SmallVector<Value>> NonZeroOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getX());
  SmallVector<Value> ends;
  for (AffineExpr dim : dims)
    ends.push_back(b.materializeIndex(dim));
  // A string that is not empty counts.
  Value isEmpty;
  if (isText(getX().getType())) {
    RankedTensorType scalar = makeTensor(ArrayRef<int64_t>{}, elementTypeOf(getX()));
    isEmpty = equalText(b, {operands[0], b.strings(scalar, {""})}, {getX().getType(), scalar},
                        withElementType(getX().getType(), b.getI1Type()));
  }
  Value found = findSelected(b, getDims(getY())[1], ends, product(getContext(), dims),
                             [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
                               if (isEmpty)
                                 return ~Scalar(body, tensor::ExtractOp::create(body, isEmpty, at));
                               Value x = tensor::ExtractOp::create(body, operands[0], at);
                               auto complex = dyn_cast<ComplexType>(elementTypeOf(getX()));
                               if (!complex)
                                 return load(body, x, elementTypeOf(getX())) != 0;
                               auto [real, imaginary] = splitComplex(body, x, complex);
                               return (real != 0) | (imaginary != 0);
                             });
  return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
    return tensor::ExtractOp::create(nested, found, at);
  })};
}

//===- ScatterElements, ScatterND ------------------------------------------------------===//

static LogicalResult checkReduction(Operation *op, StringRef reduction, Value data, Value updates) {
  if (!llvm::is_contained({"none", "add", "mul", "max", "min"}, reduction))
    return op->emitOpError("reduction \"") << reduction << "\" is not none, add, mul, max or min";
  if (elementTypeOf(data) != elementTypeOf(updates))
    return op->emitOpError("data and updates have different element types");
  if (Type type = elementTypeOf(data); reduction != "none" && (isSmallFloat(type) || isText(type)))
    return op->emitOpError("reduction \"") << reduction << "\" does not take " << getElementTypeName(type);
  return success();
}

static Value combine(ImplicitLocOpBuilder &b, StringRef reduction, Value present, Value update, Type element) {
  if (auto complex = dyn_cast<ComplexType>(element)) {
    auto [a, ai] = splitComplex(b, present, complex);
    auto [c, ci] = splitComplex(b, update, complex);
    if (reduction == "add")
      return joinComplex({a + c, ai + ci});
    if (reduction == "mul")
      return joinComplex({a * c - ai * ci, a * ci + ai * c});
    // By the real part, then by the imaginary one; what is no number stays, as numpy has it.
    bool isMax = reduction == "max";
    Scalar isBetter = isMax ? (c > a) | ((c == a) & (ci > ai)) : (c < a) | ((c == a) & (ci < ai));
    Scalar isNumber = (a == a) & (ai == ai), isNaN = (c != c) | (ci != ci);
    return arith::SelectOp::create(b, isNumber & (isBetter | isNaN), update, present);
  }
  Scalar x(b, present, element.isUnsignedInteger()), y(b, update, element.isUnsignedInteger());
  if (reduction == "add")
    return x.isBool() ? x | y : x + y;
  if (reduction == "mul")
    return x.isBool() ? x & y : x * y;
  return reduction == "max" ? max(x, y) : min(x, y);
}

/// A copy of `data` with every piece of `updates` written to, or combined with what is at, the position that `place`
/// gives. A piece is what the dimensions of updates after the first `looped` hold: an element, or all of the last
/// dimensions of data. One after the other, since places may coincide.
static Value scatter(LoweringBuilder &b, Value data, Value updates, Type updatesType, int64_t looped,
                     StringRef reduction, function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, ValueRange)> place) {
  Type element = getElementTypeOrSelf(updatesType);
  auto storedType = cast<RankedTensorType>(updates.getType());
  auto pieceType = RankedTensorType::get(storedType.getShape().drop_front(looped), storedType.getElementType());
  int64_t rank = pieceType.getRank();
  SmallVector<Value> ends;
  SmallVector<OpFoldResult> pieceSizes;
  for (auto [i, dim] : llvm::enumerate(getDims(updatesType)))
    if (static_cast<int64_t>(i) < looped)
      ends.push_back(b.materializeIndex(dim));
    else
      pieceSizes.push_back(pieceType.isDynamicDim(i - looped) ? OpFoldResult(b.materializeIndex(dim))
                                                              : b.getIndexAttr(pieceType.getDimSize(i - looped)));
  struct Slice {
    SmallVector<OpFoldResult> offsets, sizes, strides;
  };
  auto sliceAt = [&](ValueRange position) {
    Slice slice{{position.begin(), position.end()}, SmallVector<OpFoldResult>(position.size(), b.getIndexAttr(1)), {}};
    slice.offsets.append(rank, b.getIndexAttr(0));
    llvm::append_range(slice.sizes, pieceSizes);
    slice.strides.assign(slice.offsets.size(), b.getIndexAttr(1));
    return slice;
  };
  auto write = [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange carried) -> SmallVector<Value> {
    SmallVector<Value> target = place(body, at);
    Value result = carried[0];
    if (rank == 0) {
      Value update = tensor::ExtractOp::create(body, updates, at);
      if (reduction != "none")
        update = combine(body, reduction, tensor::ExtractOp::create(body, result, target), update, element);
      return {tensor::InsertOp::create(body, update, result, target)};
    }
    Slice from = sliceAt(at), to = sliceAt(target);
    Value update = tensor::ExtractSliceOp::create(body, pieceType, updates, from.offsets, from.sizes, from.strides);
    if (reduction != "none") {
      Value present = tensor::ExtractSliceOp::create(body, pieceType, result, to.offsets, to.sizes, to.strides);
      SmallVector<AffineMap> maps(2, body.getMultiDimIdentityMap(rank));
      SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
      update = linalg::GenericOp::create(body, TypeRange{pieceType}, update, present, maps, loops,
                                         [&](OpBuilder &nested, Location loc, ValueRange args) {
                                           ImplicitLocOpBuilder b(loc, nested);
                                           linalg::YieldOp::create(b, combine(b, reduction, args[1], args[0], element));
                                         })
                   .getResult(0);
    }
    return {tensor::InsertSliceOp::create(body, update, result, to.offsets, to.sizes, to.strides)};
  };
  return makeLoops(b, ends, data, write)[0];
}

LogicalResult ScatterElementsOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(elementsAxis(*this, getData(), getIndices(), getAxis())) ||
      failed(checkReduction(*this, getReduction(), getData(), getUpdates())))
    return failure();
  Dims at = getDims(getIndices()), values = getDims(getUpdates());
  bool isSame = at.size() == values.size();
  for (size_t i = 0; isSame && i < at.size(); ++i)
    if (auto a = getConstant(at[i]), z = getConstant(values[i]); a && z)
      isSame = a == z;
  if (!isSame)
    return emitOpError("indices and updates have different shapes");
  types.push_back(getData().getType());
  return success();
}

FailureOr<SmallVector<Value>> ScatterElementsOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getData()), at = getDims(getIndices()), values = getDims(getUpdates());
  int64_t rank = dims.size(), axis = getAxis() < 0 ? getAxis() + rank : getAxis();
  requireInside(b, dims, at, axis);
  for (int64_t i = 0; i < rank; ++i)
    b.requireEqual(at[i], values[i], "ScatterElements: indices and updates have different shapes");
  Indexer position(b, *this, getIndices(), operands[1], axis, dims[axis], product(getContext(), at));
  auto place = [&](ImplicitLocOpBuilder &nested, ValueRange where) {
    SmallVector<Value> target(where);
    target[axis] = position(nested, tensor::ExtractOp::create(nested, operands[1], where));
    return target;
  };
  return SmallVector<Value>{scatter(b, operands[0], operands[2], getUpdates().getType(), rank, getReduction(), place)};
}

LogicalResult ScatterNDOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto length = tupleLength(*this, getData(), getIndices(), 0);
  if (failed(length) || failed(checkReduction(*this, getReduction(), getData(), getUpdates())))
    return failure();
  Dims wanted = getDims(getIndices()), dims = getDims(getData()), values = getDims(getUpdates());
  wanted.pop_back();
  wanted.append(dims.begin() + *length, dims.end());
  bool isSame = wanted.size() == values.size();
  for (size_t i = 0; isSame && i < wanted.size(); ++i)
    if (auto a = getConstant(wanted[i]), z = getConstant(values[i]); a && z)
      isSame = a == z;
  if (!isSame)
    return emitOpError("updates do not have the shape that data and indices ask for");
  types.push_back(getData().getType());
  return success();
}

FailureOr<SmallVector<Value>> ScatterNDOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getData()), at = getDims(getIndices()), values = getDims(getUpdates());
  int64_t length = *getConstant(at.back()), tuples = at.size() - 1;
  for (int64_t i = 0, count = values.size(); i < count; ++i)
    b.requireEqual(values[i], i < tuples ? at[i] : dims[length + i - tuples],
                   "ScatterND: updates do not have the shape that data and indices ask for");
  SmallVector<Indexer> position;
  for (int64_t i = 0; i < length; ++i)
    position.emplace_back(b, *this, getIndices(), placeInTuples(b, getIndices(), operands[1], i), i, dims[i],
                          product(getContext(), values));
  auto place = [&](ImplicitLocOpBuilder &nested, ValueRange where) {
    SmallVector<Value> target, tuple(where.take_front(tuples));
    for (int64_t i = 0; i < length; ++i) {
      tuple.push_back(arith::ConstantIndexOp::create(nested, i));
      target.push_back(position[i](nested, tensor::ExtractOp::create(nested, operands[1], tuple)));
      tuple.pop_back();
    }
    return target;
  };
  return SmallVector<Value>{
      scatter(b, operands[0], operands[2], getUpdates().getType(), tuples, getReduction(), place)};
}

//===- TensorScatter --------------------------------------------------------------------===//

LogicalResult TensorScatterOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getPastCache()), values = getDims(getUpdate());
  auto axis = normalizeAxis(*this, getAxis(), dims.size());
  if (failed(axis))
    return failure();
  if (*axis == 0) // "It cannot be 0 (the batch dimension)"
    return emitOpError("axis 0 is that of the batch");
  if (getMode() != "linear" && getMode() != "circular")
    return emitOpError("mode \"") << getMode() << "\" is not linear or circular";
  if (elementTypeOf(getPastCache()) != elementTypeOf(getUpdate()))
    return emitOpError("past_cache and update have different element types");
  bool fits = values.size() == dims.size();
  for (int64_t i = 0, rank = dims.size(); fits && i < rank; ++i)
    if (auto size = getConstant(dims[i]), own = getConstant(values[i]); size && own)
      fits = i == *axis ? *own <= *size : *own == *size;
  if (!fits)
    return emitOpError("update does not fit into past_cache");
  if (auto type = dyn_cast<RankedTensorType>(getWriteIndices().getType())) {
    auto batch = getConstant(dims[0]), own = type.getRank() == 1 ? getConstant(getDims(type)[0]) : 0;
    if (type.getRank() != 1 || (batch && own && *batch != *own))
      return emitOpError("takes one write index for each entry of the batch");
  }
  types.push_back(getPastCache().getType());
  return success();
}

FailureOr<SmallVector<Value>> TensorScatterOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Dims dims = getDims(getPastCache()), values = getDims(getUpdate());
  int64_t rank = dims.size(), axis = *normalizeAxis(*this, getAxis(), rank);
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      b.requireEqual(values[i], dims[i], "TensorScatter: update does not fit into past_cache");
  b.requireNonNegative(dims[axis] - values[axis], "TensorScatter: update does not fit into past_cache");
  if (operands[2])
    b.requireEqual(getDims(getWriteIndices())[0], dims[0],
                   "TensorScatter: takes one write index for each entry of the batch");
  Value size = b.materializeIndex(dims[axis]);
  if (operands[2] && getMode() == "linear")
    requireInRange(b, operands[2], b.index(0), b.materializeIndex(simplify(dims[axis] - values[axis])),
                   "TensorScatter: update would be written beyond past_cache");
  auto place = [&](ImplicitLocOpBuilder &nested, ValueRange where) {
    SmallVector<Value> target(where);
    if (!operands[2])
      return target;
    auto asInt = [&](Value index) {
      return Scalar(nested, arith::IndexCastOp::create(nested, nested.getI64Type(), index));
    };
    Scalar at = Scalar(nested, tensor::ExtractOp::create(nested, operands[2], where[0])) + asInt(where[axis]);
    // Positive remainders are inside; a linear position may be anywhere.
    if (getMode() == "circular")
      at = flooredRemainder(at, asInt(size));
    Value position = arith::IndexCastOp::create(nested, nested.getIndexType(), at);
    target[axis] = LoweringBuilder::wrapIndex(nested, position, size);
    return target;
  };
  return SmallVector<Value>{scatter(b, operands[0], operands[1], getUpdate().getType(), axis + 1, "none", place)};
}

//===- OneHot, EyeLike -----------------------------------------------------------------===//

/// The size of the new axis, where it is known.
static AffineExpr depthOf(OneHotOp op) {
  if (auto data = getShapeData(op.getDepth()))
    return data->front();
  if (auto number = getConstantFloats(op.getDepth()))
    return makeDim(op.getContext(), static_cast<int64_t>(number->front()));
  return {};
}

static int64_t newAxis(OneHotOp op) {
  return op.getAxis() < 0 ? op.getAxis() + rankOf(op.getIndices()) + 1 : op.getAxis();
}

LogicalResult OneHotOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getIndices());
  if (failed(normalizeAxis(*this, getAxis(), dims.size() + 1)))
    return failure();
  for (Value number : {getIndices(), getDepth()})
    if (Type type = elementTypeOf(number); isStoredAsBits(type))
      return emitOpError("indices and depth are numbers, not ") << getElementTypeName(type);
  if (failed(assumeLength(*this, 1, 1, "depth")) || failed(assumeSizes(*this, 2, 2, "values")))
    return failure();
  int64_t axis = newAxis(*this);
  AffineExpr depth = depthOf(*this);
  if (depth && getConstant(depth) && *getConstant(depth) < 0)
    return emitOpError("depth ") << *getConstant(depth) << " is negative";
  dims.insert(dims.begin() + axis, depth ? depth : freshSymbol(*this, 0, axis));
  types.push_back(makeTensor(dims, elementTypeOf(getValues())));
  return success();
}

FailureOr<SmallVector<Value>> OneHotOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int64_t axis = newAxis(*this), rank = rankOf(getOutput());
  AffineExpr dim = getDims(getOutput())[axis];
  b.bindFresh(dim, [&]() -> Value {
    SmallVector<Value> zeros(rankOf(getDepth()), b.index(0));
    Scalar depth(b, tensor::ExtractOp::create(b, operands[1], zeros), elementTypeOf(getDepth()).isUnsignedInteger());
    return arith::IndexCastOp::create(b, b.getIndexType(), convert(depth, b.getI64Type()));
  });
  b.requireNonNegative(dim, "OneHot: negative depth");
  Value depth = arith::IndexCastOp::create(b, b.getI64Type(), b.materializeIndex(dim));
  Value off = tensor::ExtractOp::create(b, operands[2], b.index(0));
  Value on = tensor::ExtractOp::create(b, operands[2], b.index(1));
  bool isUnsigned = elementTypeOf(getIndices()).isUnsignedInteger();
  SmallVector<AffineExpr> at;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      at.push_back(b.getAffineDimExpr(i));
  AffineMap map = AffineMap::get(rank, 0, at, getContext());
  auto body = [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
    Scalar wanted = convert(Scalar(nested, args[0], isUnsigned), nested.getI64Type());
    Value here = linalg::IndexOp::create(nested, axis);
    Scalar place(nested, arith::IndexCastOp::create(nested, nested.getI64Type(), here));
    Scalar isOn = select(wanted < 0, wanted + wanted.with(depth), wanted) == place;
    return arith::SelectOp::create(nested, isOn, on, off);
  };
  return SmallVector<Value>{b.elementwise(getType(), operands.take_front(), map, body)};
}

LogicalResult EyeLikeOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (rankOf(getInput()) != 2)
    return emitOpError("takes an operand of rank 2, not ") << rankOf(getInput());
  Type elementType = elementTypeOf(getInput());
  if (auto dtype = getDtype()) {
    elementType = getElementType(getContext(), *dtype);
    if (!elementType)
      return emitOpError("can't make elements of type ") << getElementTypeName(*dtype);
  }
  types.push_back(withElementType(getInput().getType(), elementType));
  return success();
}

FailureOr<SmallVector<Value>> EyeLikeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Type elementType = LoweringBuilder::loweredType(getType()).getElementType();
  Value zero = b.constant(elementType, 0), one = b.constant(elementType, 1), diagonal = b.index(getK());
  return SmallVector<Value>{b.generate(getType(), [&](ImplicitLocOpBuilder &nested, ValueRange at) -> Value {
    Value offset = arith::SubIOp::create(nested, at[1], at[0]);
    Value isOne = arith::CmpIOp::create(nested, arith::CmpIPredicate::eq, offset, diagonal);
    return arith::SelectOp::create(nested, isOne, one, zero);
  })};
}

//===- older versions ------------------------------------------------------------------===//

/// Scatter became ScatterElements.
static LogicalResult upgradeScatter(NodeForm &node) {
  node.name = "ScatterElements";
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Indexing.cpp.inc"

/// The condition is taken as a list, as onnxruntime does.
static LogicalResult flattenCondition(NodeForm &node) {
  Value condition = node.operand(1);
  auto type = condition ? dyn_cast<RankedTensorType>(condition.getType()) : RankedTensorType();
  if (!type || type.getRank() < 2)
    return success();
  emitWarning(node.b.getLoc()) << "the condition has rank " << type.getRank()
                               << "; assumed: the elements of the condition in order";
  node.operands[1] = reshape(node, condition, -1);
  return success(node.operands[1]);
}

void onnxc::onnx::registerIndexingOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Indexing.cpp.inc"
      >();
  dialect.addUpgrade("Scatter", std::numeric_limits<int64_t>::max(), upgradeScatter); // deprecated since 11
  dialect.addUpgrade("Compress", kAnyVersion, makeVectors<CompressOp, 1>);
  dialect.addUpgrade("Compress", kAnyVersion, flattenCondition);
}
