//===- dialects/onnx/ops/Reduction.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums and such along axes, the place of the largest, running sums. Axes may be values of the run, too.
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/support/Axes.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

static SmallVector<int64_t> allAxes(int64_t rank) { return llvm::to_vector(llvm::seq<int64_t>(0, rank)); }

/// The sizes that are left when `axes` are reduced.
static Dims reduceDims(ArrayRef<AffineExpr> dims, ArrayRef<int64_t> axes, bool keep) {
  Dims result;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (!llvm::is_contained(axes, static_cast<int64_t>(i)))
      result.push_back(dim);
    else if (keep)
      result.push_back(makeDim(dim.getContext(), 1));
  }
  return result;
}

//===- Reduce* ----------------------------------------------------------------------===//

namespace {
/// What a reduction computes: the rows of Reduction.td.
struct Steps {
  Scalar (*start)(Scalar like);
  Scalar (*step)(Scalar a, Scalar x);
  Scalar (*finish)(Scalar a, Scalar count);
};

/// The axes of a Reduce operation. Not `known`: only the run tells.
struct Axes {
  bool known = true;
  SmallVector<int64_t> list;
};
} // namespace

template <typename OpT> static FailureOr<Axes> findAxes(OpT op) {
  int64_t rank = getDims(op.getData()).size();
  auto axesType = dyn_cast<RankedTensorType>(op.getAxes().getType());
  bool isEmpty = !axesType || (axesType.hasStaticShape() && axesType.getNumElements() == 0);
  auto known = isEmpty ? SmallVector<int64_t>() : getConstantInts(op.getAxes());
  if (!known)
    return Axes{false, {}};
  if (known->empty())
    return Axes{true, op.getNoopWithEmptyAxes() ? SmallVector<int64_t>() : allAxes(rank)};
  for (int64_t &axis : *known)
    axis += axis < 0 ? rank : 0;
  llvm::sort(*known);
  size_t count = known->size();
  known->erase(llvm::unique(*known), known->end());
  if (known->size() < count)
    emitWarning(op.getLoc()) << "the same axis is named twice; assumed: an axis that is named twice is reduced once";
  auto axes = normalizeAxes(op, *known, rank);
  if (failed(axes))
    return failure();
  return Axes{true, *axes};
}

template <typename OpT> static LogicalResult inferReduction(OpT op, SmallVectorImpl<Type> &types) {
  Type element = getElementTypeOrSelf(op.getData().getType());
  constexpr bool takesBool = std::is_same_v<OpT, ReduceMaxOp> || std::is_same_v<OpT, ReduceMinOp>;
  if (element.isInteger(1) && !takesBool)
    return op.emitOpError("takes numbers, not bool");
  if (auto axes = dyn_cast<RankedTensorType>(op.getAxes().getType()))
    if (axes.getRank() != 1 || !axes.getElementType().isInteger(64))
      return op.emitOpError("axes are a list of int64");
  auto axes = findAxes(op);
  if (failed(axes))
    return failure();
  Dims dims = getDims(op.getData());
  bool keep = op.getKeepdims();
  if (!axes->known)
    if (auto count = getConstant(getDims(op.getAxes())[0]); count && *count > static_cast<int64_t>(dims.size()))
      return op.emitOpError("has ") << *count << " axes for an operand of rank " << dims.size();
  if (axes->known) {
    types.push_back(makeTensor(reduceDims(dims, axes->list, keep), element));
    return success();
  }
  size_t rank = dims.size();
  if (!keep) {
    auto count = getConstant(getDims(op.getAxes())[0]);
    if (!count || *count > static_cast<int64_t>(rank))
      return op.emitOpError("the number of axes must be known, and at most ")
             << rank << ", or the dimensions be kept (keepdims)";
    rank -= *count;
  }
  Dims result;
  for (size_t i = 0; i < rank; ++i)
    result.push_back(keep && getConstant(dims[i]) == 1 ? dims[i] : freshSymbol(op, 0, i));
  types.push_back(makeTensor(result, element));
  return success();
}

/// Every result element goes over a box of the data: along reduced dimensions all of it, else one place.
static Value reduceAlongRuntimeAxes(LoweringBuilder &b, Lowered data, Value axes, bool keep, bool noopWithoutAxes,
                                    Type resultType, Type accumulator, Steps steps) {
  IndexMath math{b};
  int64_t rank = data.rank();
  Value axisCount = tensor::DimOp::create(b, axes, 0);
  Value noAxes = math.equal(axisCount, 0);
  Value inNoAxes = b.constantInt(b.getI1Type(), !noopWithoutAxes);
  SmallVector<Value> sizes, isReduced, extents, positions;
  Value kept = math.constant(0), count = math.constant(1);
  SmallVector<Value> isNamed;
  if (cast<RankedTensorType>(axes.getType()).hasStaticShape())
    isNamed = findNamed(b, readAxes(b, axes, rank), rank);
  for (auto [d, dim] : llvm::enumerate(data.dims())) {
    int64_t axis = d;
    Value named = !isNamed.empty() ? isNamed[d]
                                   : makeLoops(b, axisCount, b.constantInt(b.getI1Type(), 0),
                                               [&](ImplicitLocOpBuilder &body, ValueRange i, ValueRange found) {
                                                 Scalar given(body, tensor::ExtractOp::create(body, axes, i));
                                                 Scalar hit = (given == axis) | (given == axis - rank);
                                                 return SmallVector<Value>{Scalar(body, found[0]) | hit};
                                               })[0];
    sizes.push_back(b.materializeIndex(dim));
    isReduced.push_back(math.select(noAxes, inNoAxes, named));
    extents.push_back(math.select(isReduced[d], sizes[d], math.constant(1)));
    count = math.mul(count, extents[d]);
    positions.push_back(keep ? math.constant(d) : kept);
    kept = math.add(kept, math.select(isReduced[d], math.constant(0), math.constant(1)));
  }
  // A size of the result: that of the dimension which has this position.
  Dims resultDims = getDims(resultType);
  if (!keep)
    cf::AssertOp::create(b, math.equal(kept, resultDims.size()), "an axis is named twice");
  for (auto [j, dim] : llvm::enumerate(resultDims)) {
    auto symbol = dyn_cast<AffineSymbolExpr>(dim);
    if (!symbol || b.isBound(symbol.getPosition()))
      continue;
    Value size = math.constant(keep ? 1 : 0);
    for (int64_t d = 0; d < rank; ++d) {
      Value isHere = math.select(isReduced[d], b.constantInt(b.getI1Type(), 0), math.equal(positions[d], j));
      size = math.select(isHere, sizes[d], size);
    }
    b.bindSymbol(symbol.getPosition(), size);
  }
  Type element = data.element(), sumType = getStoredType(accumulator);
  return b.generate(resultType, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    IndexMath in{body};
    SmallVector<Value> origin;
    for (int64_t d = 0; d < rank; ++d) {
      Value place = in.constant(0);
      for (auto [j, index] : llvm::enumerate(at))
        place = in.select(in.equal(positions[d], j), index, place);
      place = in.select(isReduced[d], in.constant(0), place);
      origin.push_back(in.least(place, in.sub(sizes[d], in.constant(1)))); // the model may declare a wrong result shape
    }
    Scalar like(body, arith::ConstantOp::create(body, cast<TypedAttr>(body.getZeroAttr(sumType))),
                element.isUnsignedInteger());
    SmallVector<Value> sum{steps.start(like)};
    if (rank > 0)
      sum = makeLoops(body, extents, sum, [&](ImplicitLocOpBuilder &inner, ValueRange offsets, ValueRange sums) {
        SmallVector<Value> from;
        for (auto [start, offset] : llvm::zip_equal(origin, offsets))
          from.push_back(IndexMath{inner}.add(start, offset));
        Scalar x =
            widen(Scalar(inner, tensor::ExtractOp::create(inner, data.value, from), element.isUnsignedInteger()));
        return SmallVector<Value>{steps.step(Scalar(inner, sums[0], element.isUnsignedInteger()), x)};
      });
    Scalar result = like.with(sum[0]);
    if (steps.finish) {
      Scalar number(body, arith::IndexCastOp::create(body, body.getI64Type(), count));
      result = steps.finish(result, convert(number, sumType, element.isUnsignedInteger()));
    }
    return convert(result, LoweringBuilder::loweredType(resultType).getElementType());
  });
}

/// The result of `steps` in the type of the operation's result, which has all dimensions or only those kept.
template <typename OpT>
static Value finishReduction(OpT op, LoweringBuilder &b, const Fields &fields, Field sum, Value count,
                             Scalar (*finish)(Scalar, Scalar)) {
  Type element = getElementTypeOrSelf(op.getType());
  if (finish || sum.tensor.element() != element)
    sum = fields.map(sum, element, [&](ArrayRef<Scalar> e) { return finish ? finish(e[0], e[0].with(count)) : e[0]; });
  return b.reshape(sum.tensor.value, sum.tensor.type, op.getType());
}

template <typename OpT>
static FailureOr<SmallVector<Value>> lowerReduction(OpT op, LoweringBuilder &b, ValueRange operands, Steps steps) {
  Lowered data = getLowered(op, operands, 0);
  Type accumulator = accumulatorType(data.element());
  auto axes = findAxes(op);
  if (failed(axes))
    return failure();
  if (!axes->known)
    return SmallVector<Value>{reduceAlongRuntimeAxes(b, data, operands[1], op.getKeepdims(), op.getNoopWithEmptyAxes(),
                                                     op.getType(), accumulator, steps)};
  Fields fields(b, data.dims());
  Field sum = fields.reduce(fields.all(data), axes->list, accumulator, steps.start,
                            [&](Scalar a, ArrayRef<Scalar> x) { return steps.step(a, x[0]); });
  Value count = steps.finish ? fields.count(axes->list, getElementTypeOrSelf(sum.tensor.value.getType())) : Value();
  return SmallVector<Value>{finishReduction(op, b, fields, sum, count, steps.finish)};
}

template <typename Formula> static std::optional<Dims> propagateReduction(Operation *op, Formula formula) {
  auto data = getShapeData(op->getOperand(0));
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  if (!data || data->empty() || !result.hasStaticShape() || result.getNumElements() != 1 || result.getRank() > 1)
    return std::nullopt;
  AffineExpr total = data->front();
  for (AffineExpr element : llvm::drop_begin(*data))
    if (!(total = formula(total, element)))
      return std::nullopt;
  return Dims{simplify(total)};
}

LogicalResult ReduceLogSumExpOp::inferTypes(SmallVectorImpl<Type> &types) { return inferReduction(*this, types); }

FailureOr<SmallVector<Value>> ReduceLogSumExpOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered data = getLowered(*this, operands, 0);
  Type accumulator = isa<FloatType>(data.element()) ? accumulatorType(data.element()) : b.getF32Type();
  auto logOfSum = [](Scalar a, Scalar) { return log(a); };
  auto axes = findAxes(*this);
  if (failed(axes))
    return failure();
  if (!axes->known) {
    Steps steps{[](Scalar like) { return like.number(0); },
                [](Scalar a, Scalar x) { return a + exp(convert(x, a.type())); }, logOfSum};
    return SmallVector<Value>{reduceAlongRuntimeAxes(b, data, operands[1], getKeepdims(), getNoopWithEmptyAxes(),
                                                     getType(), accumulator, steps)};
  }
  // log(sum(exp(x - m))) + m, so that nothing overflows; m is the largest x, but 0 where that is infinite.
  Fields fields(b, data.dims());
  Field x = fields.all(data);
  Field largest = fields.reduce(
      x, axes->list, accumulator, [](Scalar like) { return like.lowest(); },
      [](Scalar a, ArrayRef<Scalar> e) { return max(a, convert(e[0], a.type())); });
  auto finite = [](Scalar m) { return select(abs(m) == m.highest(), 0, m); };
  Field sum = fields.sum({x, largest}, axes->list, accumulator,
                         [&](ArrayRef<Scalar> e) { return exp(convert(e[0], e[1].type()) - finite(e[1])); });
  Field result = fields.map({sum, largest}, getElementTypeOrSelf(getType()),
                            [&](ArrayRef<Scalar> e) { return log(e[0]) + finite(e[1]); });
  return SmallVector<Value>{b.reshape(result.tensor.value, result.tensor.type, getType())};
}

//===- ArgMax, ArgMin ---------------------------------------------------------------===//

template <typename OpT> static LogicalResult inferArgExtreme(OpT op, SmallVectorImpl<Type> &types) {
  Dims dims = getDims(op.getData());
  auto axis = normalizeAxis(op, op.getAxis(), dims.size());
  if (failed(axis))
    return failure();
  types.push_back(makeTensor(reduceDims(dims, *axis, op.getKeepdims()), IntegerType::get(op.getContext(), 64)));
  return success();
}

/// First the extreme value, then the first (or last) place where it is. NaN counts as more extreme than every number.
template <typename OpT>
static FailureOr<SmallVector<Value>> lowerArgExtreme(OpT op, LoweringBuilder &b, ValueRange operands) {
  constexpr bool isMax = std::is_same_v<OpT, ArgMaxOp>;
  Lowered data = getLowered(op, operands, 0);
  auto axis = normalizeAxis(op, op.getAxis(), data.rank());
  if (failed(axis))
    return failure();
  bool wantsLast = op.getSelectLastIndex();
  Fields fields(b, data.dims());
  Field x = fields.all(data);
  Field extreme = fields.reduce(
      x, *axis, accumulatorType(data.element()), [](Scalar like) { return isMax ? like.lowest() : like.highest(); },
      [](Scalar a, ArrayRef<Scalar> e) { return isMax ? max(a, e[0]) : min(a, e[0]); });
  Field place = fields.reduce(
      {x, extreme}, *axis, b.getI64Type(), [&](Scalar like) { return wantsLast ? like.number(-1) : like.highest(); },
      [&](Scalar a, ArrayRef<Scalar> e) {
        ImplicitLocOpBuilder &body = a.builder();
        Scalar here = a.with(arith::IndexCastOp::create(body, body.getI64Type(), linalg::IndexOp::create(body, *axis)));
        Scalar isIt = e[0] == e[1];
        if (e[0].isFloat())
          isIt = isIt | (e[0] != e[0]);
        return wantsLast ? max(a, select(isIt, here, -1)) : min(a, select(isIt, here, a.highest()));
      });
  return SmallVector<Value>{b.reshape(place.tensor.value, place.tensor.type, op.getType())};
}

LogicalResult ArgMaxOp::inferTypes(SmallVectorImpl<Type> &types) { return inferArgExtreme(*this, types); }
LogicalResult ArgMinOp::inferTypes(SmallVectorImpl<Type> &types) { return inferArgExtreme(*this, types); }
FailureOr<SmallVector<Value>> ArgMaxOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerArgExtreme(*this, b, operands);
}
FailureOr<SmallVector<Value>> ArgMinOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerArgExtreme(*this, b, operands);
}

//===- CumSum, CumProd ----------------------------------------------------------------===//

template <typename OpT> static LogicalResult inferScan(OpT op, SmallVectorImpl<Type> &types) {
  if (!getElementTypeOrSelf(op.getAxis()).isInteger())
    return op.emitOpError("axis is one integer");
  if (failed(assumeLength(op, 1, 1, "axis")))
    return failure();
  if (getElementTypeOrSelf(op.getX().getType()).isInteger(1))
    return op.emitOpError("takes numbers, not bool");
  if (auto axis = getConstantInts(op.getAxis()))
    if (failed(normalizeAxis(op, axis->front(), getDims(op.getX()).size())))
      return failure();
  types.push_back(op.getX().getType());
  return success();
}

/// On the data as outer x length x inner, one scan for each (outer, inner).
template <typename OpT>
static FailureOr<SmallVector<Value>> lowerScan(OpT op, LoweringBuilder &b, ValueRange operands) {
  constexpr bool isSum = std::is_same_v<OpT, CumSumOp>;
  IndexMath math{b};
  Lowered x = getLowered(op, operands, 0);
  int64_t rank = x.rank();
  SmallVector<Value> zeros(cast<RankedTensorType>(operands[1].getType()).getRank(), math.constant(0));
  Value axis = tensor::ExtractOp::create(b, operands[1], zeros);
  axis = arith::IndexCastOp::create(b, b.getIndexType(), axis);
  axis = math.select(math.less(axis, 0), math.add(axis, math.constant(rank)), axis);
  Value outer = math.constant(1), length = math.constant(0), inner = math.constant(1);
  for (auto [d, dim] : llvm::enumerate(x.dims())) {
    Value size = b.materializeIndex(dim);
    outer = math.mul(outer, math.select(math.less(axis, d + 1), math.constant(1), size));
    length = math.select(math.equal(axis, d), size, length);
    inner = math.mul(inner, math.select(math.less(axis, d), size, math.constant(1)));
  }
  Lowered flat = reshape(b, x, product(b.getContext(), x.dims()));
  Type accumulator = accumulatorType(x.element());
  Scalar like(
      b, b.constant(LoweringBuilder::loweredType(makeTensor(ArrayRef<int64_t>(), accumulator)).getElementType(), 0),
      x.element().isUnsignedInteger());
  Value start = isSum ? like.number(0) : like.number(1);
  Value result = makeLoops(
      b, {outer, inner}, b.empty(flat.type), [&](ImplicitLocOpBuilder &line, ValueRange at, ValueRange tensors) {
        IndexMath in{line};
        Value base = in.add(in.mul(in.mul(at[0], length), inner), at[1]);
        auto results = makeLoops(
            line, length, {tensors[0], start}, [&](ImplicitLocOpBuilder &body, ValueRange step, ValueRange carried) {
              IndexMath here{body};
              Value j = step[0];
              if (op.getReverse())
                j = here.sub(here.sub(length, here.constant(1)), j);
              Value place = here.add(base, here.mul(j, inner));
              Scalar before(body, carried[1], x.element().isUnsignedInteger());
              Scalar element = widen(before.with(tensor::ExtractOp::create(body, flat.value, place)));
              Scalar after = isSum ? before + element : before * element;
              Scalar stored = convert(op.getExclusive() ? before : after,
                                      cast<RankedTensorType>(flat.value.getType()).getElementType());
              return SmallVector<Value>{tensor::InsertOp::create(body, stored, carried[0], place), after};
            });
        return SmallVector<Value>{results[0]};
      })[0];
  return SmallVector<Value>{b.reshape(result, flat.type, op.getType())};
}

LogicalResult CumSumOp::inferTypes(SmallVectorImpl<Type> &types) { return inferScan(*this, types); }
LogicalResult CumProdOp::inferTypes(SmallVectorImpl<Type> &types) { return inferScan(*this, types); }
FailureOr<SmallVector<Value>> CumSumOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerScan(*this, b, operands);
}
FailureOr<SmallVector<Value>> CumProdOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerScan(*this, b, operands);
}

//===- Older versions ---------------------------------------------------------------===//

/// The axes became an operand, in version 13 for ReduceSum and in version 18 for the others.
static LogicalResult upgradeReduction(NodeForm &node) { return attributeToOperand(node, "axes", 1); }

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Reduction.cpp.inc"

void onnxc::onnx::registerReductionOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Reduction.cpp.inc"
      >();
  dialect.addUpgrade("ReduceSum", 13, upgradeReduction);
  for (StringRef name : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
                         "ReduceMin", "ReduceProd", "ReduceSumSquare"})
    dialect.addUpgrade(name, 18, upgradeReduction);
  for (StringRef name : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
                         "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"})
    dialect.addUpgrade(name, kAnyVersion, makeVectors<ReduceSumOp, 1>);
}
