//===- dialects/onnx/ops/Normalization.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Normalisations. Statistics are in f32 for 16-bit floats, and the variance is that of the centred data.
#include "dialects/onnx/ops/Normalization.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

/// Dimensions [first, last).
static SmallVector<int64_t> range(int64_t first, int64_t last) {
  return llvm::to_vector(llvm::seq<int64_t>(first, last));
}

static LogicalResult checkFloat(Operation *op, Value data, int64_t leastRank) {
  auto type = cast<RankedTensorType>(data.getType());
  if (!isa<FloatType>(type.getElementType()))
    return op->emitOpError("takes floating-point numbers, not ") << getElementTypeName(type.getElementType());
  if (type.getRank() < leastRank)
    return op->emitOpError("takes data of rank ") << leastRank << " or more, not " << type.getRank();
  return success();
}

/// A parameter with one number for each channel (dimension 1 of the data).
static LogicalResult checkPerChannel(Operation *op, StringRef name, Value parameter, Value data) {
  auto type = cast<RankedTensorType>(parameter.getType());
  if (type.getRank() != 1 || !isa<FloatType>(type.getElementType()))
    return op->emitOpError() << name << " is a list of floating-point numbers";
  auto given = getConstant(getDims(parameter)[0]), channels = getConstant(getDims(data)[1]);
  if (given && channels && *given != *channels)
    return op->emitOpError() << name << " has " << *given << " numbers for " << *channels << " channels";
  return success();
}

/// Over which everything below is computed: with f32 for the 16-bit floats.
static Field meanOf(const Fields &fields, Field x, ArrayRef<int64_t> axes, Type type) {
  Field sum = fields.sum(x, axes, type, [](ArrayRef<Scalar> e) { return e[0]; });
  Value count = fields.count(axes, type);
  return fields.map(sum, type, [&](ArrayRef<Scalar> e) { return e[0] / e[0].with(count); });
}

static Field varianceOf(const Fields &fields, Field x, Field mean, ArrayRef<int64_t> axes, Type type) {
  Field sum = fields.sum({x, mean}, axes, type, [](ArrayRef<Scalar> e) {
    Scalar centred = e[0] - e[1];
    return centred * centred;
  });
  Value count = fields.count(axes, type);
  return fields.map(sum, type, [&](ArrayRef<Scalar> e) { return e[0] / e[0].with(count); });
}

static Field inverseDeviation(const Fields &fields, Field variance, Number epsilon, Type type) {
  return fields.map(variance, type, [&](ArrayRef<Scalar> e) { return 1 / sqrt(widen(e[0]) + epsilon); });
}

/// (x - mean) * inverse * scale + bias; the last two may be absent.
static Value normalize(const Fields &fields, Field x, Field mean, Field inverse, Field scale, Field bias,
                       Type element) {
  return fields
      .map({x, mean, inverse, scale, bias}, element,
           [](ArrayRef<Scalar> e) {
             Scalar y = (e[0] - e[1]) * e[2];
             if (e[3])
               y = y * convert(e[3], y.type());
             return e[4] ? y + convert(e[4], y.type()) : y;
           })
      .tensor.value;
}

//===- BatchNormalization -----------------------------------------------------------===//

LogicalResult BatchNormalizationOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkFloat(*this, getX(), 2)) || failed(checkPerChannel(*this, "scale", getScale(), getX())) ||
      failed(checkPerChannel(*this, "B", getB(), getX())) ||
      failed(checkPerChannel(*this, "mean", getInputMean(), getX())) ||
      failed(checkPerChannel(*this, "var", getInputVar(), getX())))
    return failure();
  types.push_back(getX().getType());
  types.push_back(getInputMean().getType());
  types.push_back(getInputVar().getType());
  return success();
}

FailureOr<SmallVector<Value>> BatchNormalizationOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  Fields fields(b, input.dims());
  Field x = fields.all(input);
  auto parameter = [&](unsigned i) { return fields.along(getLowered(*this, operands, i), 1); };
  Field scale = parameter(1), bias = parameter(2), mean = parameter(3), variance = parameter(4);
  Type type = accumulatorType(input.element());
  SmallVector<Value> results{Value(), operands[3], operands[4]};
  if (getTrainingMode()) {
    SmallVector<int64_t> others = range(2, input.rank());
    others.insert(others.begin(), 0);
    Number momentum = getMomentum();
    auto running = [&](Field before, Field now) {
      return fields
          .map({before, now}, before.tensor.element(),
               [&](ArrayRef<Scalar> e) { return convert(e[0], e[1].type()) * momentum + e[1] * (1 - momentum.n); })
          .tensor.value;
    };
    Field batchMean = meanOf(fields, x, others, type), batchVariance = varianceOf(fields, x, batchMean, others, type);
    results[1] = running(mean, batchMean);
    results[2] = running(variance, batchVariance);
    mean = batchMean;
    variance = batchVariance;
  }
  // x * factor + offset, both per channel.
  Number epsilon = getEpsilon();
  Field factor = fields.map({scale, variance}, type, [&](ArrayRef<Scalar> e) {
    return convert(e[0], type) / sqrt(convert(e[1], type) + epsilon);
  });
  Field offset = fields.map({bias, mean, factor}, type,
                            [&](ArrayRef<Scalar> e) { return convert(e[0], type) - convert(e[1], type) * e[2]; });
  results[0] = fields.map({x, factor, offset}, input.element(), [](ArrayRef<Scalar> e) { return e[0] * e[1] + e[2]; })
                   .tensor.value;
  return results;
}

//===- InstanceNormalization, GroupNormalization ----------------------------------------===//

LogicalResult InstanceNormalizationOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkFloat(*this, getInput(), 2)) || failed(checkPerChannel(*this, "scale", getScale(), getInput())) ||
      failed(checkPerChannel(*this, "B", getB(), getInput())))
    return failure();
  types.push_back(getInput().getType());
  return success();
}

FailureOr<SmallVector<Value>> InstanceNormalizationOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  Fields fields(b, input.dims());
  Field x = fields.all(input);
  SmallVector<int64_t> axes = range(2, input.rank());
  Type type = accumulatorType(input.element());
  Field mean = meanOf(fields, x, axes, type);
  Field inverse = inverseDeviation(fields, varianceOf(fields, x, mean, axes, type), getEpsilon(), type);
  return SmallVector<Value>{normalize(fields, x, mean, inverse, fields.along(getLowered(*this, operands, 1), 1),
                                      fields.along(getLowered(*this, operands, 2), 1), input.element())};
}

LogicalResult GroupNormalizationOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkFloat(*this, getX(), 2)) || failed(checkPerChannel(*this, "scale", getScale(), getX())) ||
      failed(checkPerChannel(*this, "bias", getBias(), getX())))
    return failure();
  auto channels = getConstant(getDims(getX())[1]);
  if (getNumGroups() < 1 || (channels && *channels % getNumGroups()))
    return emitOpError("num_groups ") << getNumGroups() << " does not divide the number of channels";
  types.push_back(getX().getType());
  return success();
}

FailureOr<SmallVector<Value>> GroupNormalizationOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  // [N, C, ...] as [N, groups, C / groups, ...].
  AffineExpr channels = input.dims()[1], groups = makeDim(getContext(), getNumGroups());
  AffineExpr perGroup = floorDiv(channels, groups);
  b.requireEqual(groups * perGroup, channels, "GroupNormalization: num_groups does not divide the number of channels");
  for (unsigned i : {1, 2})
    b.requireEqual(getDims(getOperand(i))[0], channels, "GroupNormalization: not one scale and bias for each channel");
  Dims grouped = input.dims();
  grouped[1] = perGroup;
  grouped.insert(grouped.begin() + 1, groups);
  Lowered data = reshape(b, input, grouped);
  Fields fields(b, grouped);
  Field x = fields.all(data);
  auto parameter = [&](unsigned i) {
    return fields.along(reshape(b, getLowered(*this, operands, i), {groups, perGroup}), {1, 2});
  };
  SmallVector<int64_t> axes = range(2, data.rank());
  Type type = accumulatorType(data.element());
  Field mean = meanOf(fields, x, axes, type);
  Field inverse = inverseDeviation(fields, varianceOf(fields, x, mean, axes, type), getEpsilon(), type);
  Value result = normalize(fields, x, mean, inverse, parameter(1), parameter(2), data.element());
  return SmallVector<Value>{b.reshape(result, data.type, getType())};
}

//===- LayerNormalization, RMSNormalization -----------------------------------------------===//

/// Scale and bias broadcast to the data, which keeps its shape.
static LogicalResult checkBroadcast(Operation *op, StringRef name, Value parameter, Value data) {
  if (isa<NoneType>(parameter.getType()))
    return success();
  Dims given = getDims(parameter), dims = getDims(data);
  bool fits = given.size() <= dims.size() && isa<FloatType>(getElementTypeOrSelf(parameter.getType()));
  for (auto [size, dim] : llvm::zip(llvm::reverse(given), llvm::reverse(dims)))
    fits &= getConstant(size) == 1 || !getConstant(size) || !getConstant(dim) || size == dim;
  if (!fits)
    return op->emitOpError() << "the shape of " << name << " does not broadcast to that of the data";
  return success();
}

/// A parameter along the last dimensions.
static Field alongLast(const Fields &fields, Lowered parameter, int64_t rank) {
  return parameter ? fields.along(parameter, range(rank - parameter.rank(), rank)) : Field();
}

LogicalResult LayerNormalizationOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getX());
  auto axis = normalizeAxis(*this, getAxis(), dims.size());
  if (failed(axis) || failed(checkFloat(*this, getX(), 1)) ||
      failed(checkBroadcast(*this, "Scale", getScale(), getX())) || failed(checkBroadcast(*this, "B", getB(), getX())))
    return failure();
  Type stash = getElementType(getContext(), getStashType());
  if (!stash || !isa<FloatType>(stash))
    return emitOpError("stash_type ") << getStashType() << " is not a floating-point type";
  types.push_back(getX().getType());
  for (AffineExpr &dim : MutableArrayRef<AffineExpr>(dims).drop_front(*axis))
    dim = makeDim(getContext(), 1);
  types.append(2, makeTensor(dims, stash));
  return success();
}

FailureOr<SmallVector<Value>> LayerNormalizationOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  int64_t rank = input.rank();
  SmallVector<int64_t> axes = range(*normalizeAxis(*this, getAxis(), rank), rank);
  Fields fields(b, input.dims());
  Field x = fields.all(input);
  Type type = accumulatorType(input.element());
  Field mean = meanOf(fields, x, axes, type);
  Field inverse = inverseDeviation(fields, varianceOf(fields, x, mean, axes, type), getEpsilon(), type);
  Value result = normalize(fields, x, mean, inverse, alongLast(fields, getLowered(*this, operands, 1), rank),
                           alongLast(fields, getLowered(*this, operands, 2), rank), input.element());
  auto stash = [&](Field statistic, Type stashType) {
    Lowered converted = onnxc::onnx::convert(b, statistic.tensor, getElementTypeOrSelf(stashType));
    return b.reshape(converted.value, converted.type, stashType);
  };
  return SmallVector<Value>{result, stash(mean, getMean().getType()), stash(inverse, getInvStdDev().getType())};
}

LogicalResult RMSNormalizationOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(normalizeAxis(*this, getAxis(), getDims(getX()).size())) || failed(checkFloat(*this, getX(), 1)) ||
      failed(checkBroadcast(*this, "scale", getScale(), getX())))
    return failure();
  types.push_back(withElementType(getX().getType(), getElementTypeOrSelf(getScale().getType())));
  return success();
}

FailureOr<SmallVector<Value>> RMSNormalizationOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  int64_t rank = input.rank();
  SmallVector<int64_t> axes = range(*normalizeAxis(*this, getAxis(), rank), rank);
  Fields fields(b, input.dims());
  Field x = fields.all(input);
  Type type = accumulatorType(input.element());
  Field sum = fields.sum(x, axes, type, [](ArrayRef<Scalar> e) { return e[0] * e[0]; });
  Value count = fields.count(axes, type);
  Number epsilon = getEpsilon();
  Field inverse =
      fields.map(sum, type, [&](ArrayRef<Scalar> e) { return 1 / sqrt(e[0] / e[0].with(count) + epsilon); });
  Field result =
      fields.map({x, inverse, alongLast(fields, getLowered(*this, operands, 1), rank)}, getElementTypeOrSelf(getType()),
                 [](ArrayRef<Scalar> e) { return e[0] * e[1] * convert(e[2], e[1].type()); });
  return SmallVector<Value>{result.tensor.value};
}

//===- LpNormalization, LRN, MeanVarianceNormalization --------------------------------------===//

LogicalResult LpNormalizationOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkFloat(*this, getInput(), 1)) || failed(normalizeAxis(*this, getAxis(), getDims(getInput()).size())))
    return failure();
  if (getP() != 1 && getP() != 2)
    return emitOpError("p is 1 or 2, not ") << getP();
  types.push_back(getInput().getType());
  return success();
}

FailureOr<SmallVector<Value>> LpNormalizationOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  Fields fields(b, input.dims());
  Field x = fields.all(input);
  bool isFirst = getP() == 1;
  Field sum = fields.sum(x, *normalizeAxis(*this, getAxis(), input.rank()), accumulatorType(input.element()),
                         [&](ArrayRef<Scalar> e) { return isFirst ? abs(e[0]) : e[0] * e[0]; });
  Field result = fields.map({x, sum}, input.element(), [&](ArrayRef<Scalar> e) {
    return select(e[1] == 0, 0, e[0] / (isFirst ? e[1] : sqrt(e[1])));
  });
  return SmallVector<Value>{result.tensor.value};
}

LogicalResult LRNOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkFloat(*this, getX(), 2)))
    return failure();
  if (getSize() < 1)
    return emitOpError("size is at least 1, not ") << getSize();
  if (getSize() > std::numeric_limits<int32_t>::max()) // sums with sizes must not wrap round
    return emitOpError("size ") << getSize() << " is larger than any number of channels";
  types.push_back(getX().getType());
  return success();
}

FailureOr<SmallVector<Value>> LRNOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  int64_t rank = input.rank(), size = getSize();
  // Zeros around the channels, so that every window is full.
  SmallVector<OpFoldResult> low(rank, b.getIndexAttr(0)), high = low;
  low[1] = b.getIndexAttr((size - 1) / 2);
  high[1] = b.getIndexAttr(size / 2);
  Dims paddedDims = input.dims();
  paddedDims[1] = simplify(paddedDims[1] + (size - 1));
  Lowered padded = pad(b, input, low, high, paddedDims, b.constant(input.element(), 0));
  Type type = accumulatorType(input.element());
  Value window = b.empty(makeTensor(size, type));
  Value zeros = b.filled(makeTensor(input.dims(), type), b.constant(type, 0));
  // Loops over the result, then the window.
  SmallVector<AffineExpr> neighbour;
  for (int64_t i = 0; i < rank; ++i)
    neighbour.push_back(b.getAffineDimExpr(i));
  neighbour[1] = neighbour[1] + b.getAffineDimExpr(rank);
  SmallVector<AffineMap> maps{AffineMap::get(rank + 1, 0, neighbour, getContext()),
                              AffineMap::get(rank + 1, 0, b.getAffineDimExpr(rank)),
                              AffineMap::getMultiDimIdentityMap(rank + 1, getContext()).dropResult(rank)};
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  auto squares =
      linalg::GenericOp::create(b, TypeRange{zeros.getType()}, ValueRange{padded.value, window}, ValueRange{zeros},
                                maps, iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
                                  ImplicitLocOpBuilder body(loc, nested);
                                  Scalar x = widen(Scalar(body, args[0]));
                                  linalg::YieldOp::create(body, Value(Scalar(body, args[2]) + x * x));
                                });
  Fields fields(b, input.dims());
  Field sums = fields.all({squares.getResult(0), makeTensor(input.dims(), type)});
  Number factor = Number(getAlpha()).n / size, beta = getBeta(), bias = getBias();
  Field result = fields.map({fields.all(input), sums}, input.element(), [&](ArrayRef<Scalar> e) {
    Scalar base = e[1] * factor + bias;
    if (beta.n == 0.75)
      return e[0] / (sqrt(base) * sqrt(sqrt(base)));
    return e[0] * exp(log(base) * -beta.n);
  });
  return SmallVector<Value>{result.tensor.value};
}

LogicalResult MeanVarianceNormalizationOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (failed(checkFloat(*this, getX(), 1)) || failed(normalizeAxes(*this, getAxes(), getDims(getX()).size())))
    return failure();
  types.push_back(getX().getType());
  return success();
}

FailureOr<SmallVector<Value>> MeanVarianceNormalizationOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered input = getLowered(*this, operands, 0);
  Fields fields(b, input.dims());
  Field x = fields.all(input);
  SmallVector<int64_t> axes = *normalizeAxes(*this, getAxes(), input.rank());
  Type type = accumulatorType(input.element());
  Field mean = meanOf(fields, x, axes, type);
  Field inverse = fields.map(varianceOf(fields, x, mean, axes, type), type,
                             [](ArrayRef<Scalar> e) { return 1 / (sqrt(e[0]) + 1e-9); });
  return SmallVector<Value>{normalize(fields, x, mean, inverse, Field(), Field(), input.element())};
}

//===- Older versions ---------------------------------------------------------------===//

static NamedAttribute intAttribute(NodeForm &node, StringRef name, int64_t value) {
  return node.b.getNamedAttr(name, IntegerAttr::get(node.b.getIntegerType(64, /*isSigned=*/true), value));
}

/// Mean and variance of every channel of `data`; null after an error.
static std::pair<Value, Value> makeStatistics(NodeForm &node, Value data) {
  SmallVector<int64_t> axes = range(2, cast<RankedTensorType>(data.getType()).getRank());
  axes.insert(axes.begin(), 0);
  auto mean = [&](Value x, bool keep) -> Value {
    auto op =
        x ? make<ReduceMeanOp>(node.b, {x, node.constant(axes)}, intAttribute(node, "keepdims", keep)) : ReduceMeanOp();
    return op ? op.getReduced() : Value();
  };
  Value keptMean = mean(data, true);
  auto centred = keptMean ? make<SubOp>(node.b, {data, keptMean}) : SubOp();
  auto square = centred ? make<MulOp>(node.b, {centred.getResult(), centred.getResult()}) : MulOp();
  return {mean(data, false), square ? mean(square.getResult(), false) : Value()};
}

/// Before version 14 several outputs meant training (and before 7 an attribute could still deny it); the last two were
/// the statistics of the batch. Before 9, spatial = 0 meant statistics for each element of an instance, not each
/// channel.
static LogicalResult upgradeBatchNormalization9(NodeForm &node) {
  bool isTest = takeInt(node, "is_test", 0), isSpatial = takeInt(node, "spatial", 1);
  bool isTraining = !isTest && node.resultCount > 1;
  if (isSpatial && node.resultCount == 1)
    return success();
  for (unsigned i = 0; i < 5; ++i)
    if (failed(getOperandType(node, i)))
      return failure();
  Value data = node.operands[0];
  if (!isSpatial) { // elements become channels
    node.operands[0] = reshape(node, data, {0, -1});
    for (Value &parameter : MutableArrayRef<Value>(node.operands).drop_front())
      parameter = reshape(node, parameter, -1);
    if (llvm::is_contained(node.operands, Value()))
      return failure();
  }
  setInt(node, "training_mode", isTraining);
  auto normal = make<BatchNormalizationOp>(node.b, node.operands, takeThoseOf<BatchNormalizationOp>(node), 3);
  if (!normal)
    return failure();
  SmallVector<Value> results{normal.getY(), normal.getRunningMean(), normal.getRunningVar(), node.operands[3],
                             node.operands[4]};
  if (isTraining && node.resultCount > 3)
    std::tie(results[3], results[4]) = makeStatistics(node, node.operands[0]);
  if (!isSpatial) {
    results[0] = reshapeLike(node, results[0], data);
    SmallVector<int64_t> sizes(cast<RankedTensorType>(data.getType()).getShape().drop_front());
    if (llvm::count_if(sizes, ShapedType::isDynamic) > 1)
      return node.error() << "BatchNormalization: with spatial = 0 the sizes of the data must be known";
    std::replace(sizes.begin(), sizes.end(), ShapedType::kDynamic, int64_t(-1));
    for (Value &statistic : MutableArrayRef<Value>(results).drop_front())
      statistic = reshape(node, statistic, sizes);
  }
  if (llvm::is_contained(results, Value()))
    return failure();
  node.results = results;
  return success();
}

/// Before version 21 scale and bias were one number for each group.
static LogicalResult upgradeGroupNormalization18(NodeForm &node) {
  auto type = getOperandType(node, 0);
  auto groups = dyn_cast_or_null<IntegerAttr>(node.get("num_groups"));
  if (failed(type) || failed(getOperandType(node, 1)) || failed(getOperandType(node, 2)))
    return failure();
  int64_t count = groups ? groups.getValue().getSExtValue() : 0;
  int64_t channels = type->getRank() > 1 ? type->getDimSize(1) : ShapedType::kDynamic;
  if (type->getRank() < 2 || count < 1 || (!ShapedType::isDynamic(channels) && channels % count))
    return node.error() << "GroupNormalization: num_groups " << count << " does not divide the number of channels";
  Value size = build<ShapeOp>(node, node.operands[0], {intAttr(node, "start", 1), intAttr(node, "end", 2)});
  Value perGroup = build<DivOp>(node, {size, node.constant(count)});
  for (unsigned i : {1, 2}) {
    Value repeated = build<ExpandOp>(node, {reshape(node, node.operands[i], {count, 1}), perGroup});
    node.operands[i] = repeated ? reshape(node, repeated, -1) : Value();
    if (!node.operands[i])
      return failure();
  }
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Normalization.cpp.inc"

void onnxc::onnx::registerNormalizationOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Normalization.cpp.inc"
      >();
  for (StringRef name : {"BatchNormalization", "InstanceNormalization"})
    dialect.addUpgrade(name, 6, dropConsumedInputs);
  dialect.addUpgrade("BatchNormalization", 14, upgradeBatchNormalization9);
  dialect.addUpgrade("GroupNormalization", 21, upgradeGroupNormalization18);
}
