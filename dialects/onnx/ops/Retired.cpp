//===- dialects/onnx/ops/Retired.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that ONNX had as experiments before version 10, or that only Caffe2 had: files in the wild still contain
// them, and onnxruntime and WinML still run most. Import makes them of others. What they mean: onnx 1.4,
// onnx/defs/experiments/defs.cc; where that leaves something open, the kernels of onnxruntime and of Caffe2.
#include "dialects/onnx/ops/Retired.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Normalization.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

/// What ONNX itself had before version 10 is only old. Anywhere else the specification does not know the operator.
template <LogicalResult (*expand)(NodeForm &)> static LogicalResult expandRetired(NodeForm &node) {
  if (!node.domain.empty() || node.opset >= 10)
    emitWarning(node.b.getLoc()) << node.name
                                 << " is an operator that ONNX dropped in version 10; assumed: " << node.name
                                 << " as it was before";
  return expand(node);
}

/// The element type of the first operand, a float type; null after an error.
static FloatType getFloatType(NodeForm &node) {
  auto type = getOperandType(node, 0);
  if (failed(type))
    return {};
  auto element = dyn_cast<FloatType>(type->getElementType());
  if (!element || isSmallFloat(element)) {
    node.error() << node.name << " takes floats, not " << getElementTypeName(type->getElementType());
    return {};
  }
  return element;
}

/// The attribute, which the specification gives no default; 1 leaves out what it does, and onnxruntime refuses it.
static double takeFactor(NodeForm &node, StringRef name) {
  if (!node.get(name))
    emitWarning(node.b.getLoc()) << node.name << " has no attribute '" << name << "'; assumed: " << name << " = 1";
  return takeFloat(node, name, 1);
}

static Value multiply(NodeForm &node, Value x, double factor) {
  return factor == 1 || !x ? x : build<MulOp>(node, {x, node.scalar(factor, getElementTypeOrSelf(x))});
}

static SmallVector<int64_t> takeInts(NodeForm &node, StringRef name) {
  auto list = dyn_cast_or_null<DenseI64ArrayAttr>(node.take(name));
  return list ? llvm::to_vector(list.asArrayRef()) : SmallVector<int64_t>();
}

//===- Factors and offsets ----------------------------------------------------------------===//

/// alpha * x + beta
static LogicalResult expandAffine(NodeForm &node) {
  FloatType type = getFloatType(node);
  if (!type)
    return failure();
  double alpha = takeFloat(node, "alpha", 1), beta = takeFloat(node, "beta", 0);
  return finish(node, build<AddOp>(node, {multiply(node, node.operands[0], alpha), node.scalar(beta, type)}));
}

static LogicalResult expandScale(NodeForm &node) {
  if (!getFloatType(node))
    return failure();
  Value x = multiply(node, node.operands[0], takeFloat(node, "scale", 1));
  return finish(node, build<IdentityOp>(node, x));
}

/// scale * x + bias, of which there is one for each channel.
static LogicalResult expandImageScaler(NodeForm &node) {
  FloatType type = getFloatType(node);
  if (!type)
    return failure();
  Dims dims = getDims(node.operands[0]);
  if (dims.size() != 4)
    return node.error() << "ImageScaler takes a tensor of rank 4, not " << dims.size();
  Value scaled = multiply(node, node.operands[0], takeFloat(node, "scale", 1));
  auto bias = dyn_cast_or_null<DenseF32ArrayAttr>(node.take("bias"));
  if (!bias || bias.empty())
    return finish(node, build<IdentityOp>(node, scaled));
  if (auto channels = getConstant(dims[1]); channels && *channels != bias.size())
    return node.error() << "ImageScaler: bias has " << bias.size() << " numbers for " << *channels << " channels";
  auto biasType = RankedTensorType::get({bias.size(), 1, 1}, type);
  SmallVector<double> numbers(bias.asArrayRef());
  Value offsets = ConstantOp::create(node.b, biasType, makeElements(biasType, numbers));
  return finish(node, build<AddOp>(node, {scaled, offsets}));
}

/// alpha * f(beta * x): f is tanh of ScaledTanh, and ln(exp(x) + 1) of ParametricSoftplus.
template <typename CurveOp> static LogicalResult expandCurve(NodeForm &node) {
  if (!getFloatType(node))
    return failure();
  double alpha = takeFactor(node, "alpha"), beta = takeFactor(node, "beta");
  Value curve = build<CurveOp>(node, multiply(node, node.operands[0], beta));
  return finish(node, multiply(node, curve, alpha));
}

//===- Images -------------------------------------------------------------------------------===//

/// Without a size, the borders (left, top, right, bottom) are cut off; with one (height, width), the image of that size
/// whose corner is (left, top) is cut out.
static LogicalResult expandCrop(NodeForm &node) {
  if (failed(getOperandType(node, 0)))
    return failure();
  Dims dims = getDims(node.operands[0]);
  SmallVector<int64_t> border = takeInts(node, "border"), size = takeInts(node, "scale");
  if (border.empty() && size.size() == 2)
    border.assign(4, 0);
  if (dims.size() != 4 || border.size() != 4 || (!size.empty() && size.size() != 2))
    return node.error() << "Crop takes a tensor of rank 4, four numbers as border, and two or none as scale";
  if (llvm::any_of(llvm::concat<int64_t>(border, size), [](int64_t n) { return n < 0 || n > INT32_MAX; }))
    return node.error() << "Crop: border and scale are sizes of images, and must be positive";
  SmallVector<int64_t> starts{border[1], border[0]}, after{border[3], border[2]}, ends(2);
  for (int i = 0; i < 2; ++i) {
    auto available = getConstant(dims[2 + i]);
    int64_t needed = starts[i] + (size.empty() ? after[i] : size[i]);
    if (available && needed > *available)
      return node.error() << "Crop: border and scale take " << needed << " of " << *available
                          << (i == 0 ? " rows" : " columns");
    ends[i] = !size.empty() ? needed : after[i] ? -after[i] : INT64_MAX;
  }
  return finish(node, build<SliceOp>(node, {node.operands[0], node.constant(starts), node.constant(ends),
                                            node.constant({2, 3}), absent(node)}));
}

/// Before version 9: over everything but the channels or over these, too, and perhaps without the deviation.
static LogicalResult upgradeMeanVarianceNormalization(NodeForm &node) {
  if (failed(getOperandType(node, 0)))
    return failure();
  bool acrossChannels = takeInt(node, "across_channels", 0),
       dividesByDeviation = takeInt(node, "normalize_variance", 1);
  SmallVector<int64_t> axes;
  for (int64_t axis = 0, rank = getDims(node.operands[0]).size(); axis < rank; ++axis)
    if (axis != 1 || acrossChannels)
      axes.push_back(axis);
  if (dividesByDeviation) {
    node.attributes.set("axes", node.b.getDenseI64ArrayAttr(axes));
    return success();
  }
  Value mean = build<ReduceMeanOp>(node, {node.operands[0], node.constant(axes)}, intAttr(node, "keepdims", 1));
  return finish(node, build<SubOp>(node, {node.operands[0], mean}));
}

//===- Caffe2 ---------------------------------------------------------------------------------===//

/// X * W^T + B, where `axis` says which dimensions of X are the rows of a matrix, and axis_w those of W.
static LogicalResult expandFullyConnected(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Value x = build<FlattenOp>(node, node.operand(0), intAttr(node, "axis", takeInt(node, "axis", 1)));
  Value w = build<FlattenOp>(node, node.operand(1), intAttr(node, "axis", takeInt(node, "axis_w", 1)));
  return finish(node, build<GemmOp>(node, {x, w, orAbsent(node, node.operand(2))}, intAttr(node, "transB", 1)));
}

/// The sizes of what is filled: those of the input or, with input_as_shape, its content, and extra_shape behind them;
/// without an input the attribute.
static Value takeFilledShape(NodeForm &node) {
  SmallVector<int64_t> more = takeInts(node, "extra_shape");
  bool isContent = takeInt(node, "input_as_shape", 0);
  Attribute given = node.take("shape");
  Value input = node.operand(0);
  if (!input) {
    auto sizes = dyn_cast_or_null<DenseI64ArrayAttr>(given);
    if (!sizes) {
      node.error() << node.name << " needs an input or the attribute 'shape'";
      return {};
    }
    return node.constant(sizes);
  }
  Value shape = isContent ? build<CastOp>(node, input, intAttr(node, "to", getOnnxType(node.b.getI64Type())))
                          : build<ShapeOp>(node, input);
  return more.empty() ? shape : build<ConcatOp>(node, {shape, node.constant(more)}, intAttr(node, "axis", 0));
}

static LogicalResult expandConstantFill(NodeForm &node) {
  double value = takeFloat(node, "value", 0);
  Type type = getElementType(node.b.getContext(), takeInt(node, "dtype", getOnnxType(node.b.getF32Type())));
  if (!type || !type.isIntOrFloat() || isStoredAsBits(type))
    return node.error() << "ConstantFill: dtype is no type of numbers or truth values";
  Value shape = takeFilledShape(node);
  return finish(node, build<ExpandOp>(node, {node.scalar(value, type), shape}));
}

/// The numbers of the attribute `values` in the given shape.
static LogicalResult fillWith(NodeForm &node, Type type) {
  Attribute values = node.take("values");
  ElementsAttr elements;
  if (auto floats = dyn_cast_or_null<DenseF32ArrayAttr>(values); floats && isa<FloatType>(type)) {
    auto vector = RankedTensorType::get(floats.size(), type);
    elements = makeElements(vector, SmallVector<double>(floats.asArrayRef()));
  } else if (auto ints = dyn_cast_or_null<DenseI64ArrayAttr>(values); ints && type.isInteger()) {
    auto vector = RankedTensorType::get(ints.size(), type);
    bool isBool = type.isInteger(1);
    auto numbers = llvm::map_to_vector(ints.asArrayRef(), [&](int64_t n) {
      return APInt(64, isBool ? n != 0 : n).trunc(type.getIntOrFloatBitWidth());
    });
    elements = DenseElementsAttr::get(vector, numbers);
  } else {
    return node.error() << node.name << " needs the attribute 'values', a list of "
                        << (isa<FloatType>(type) ? "floats" : "integers");
  }
  Value all = ConstantOp::create(node.b, elements.getType(), elements);
  Value shape = takeFilledShape(node);
  return finish(node, build<ReshapeOp>(node, {all, shape}, intAttr(node, "allowzero", 1)));
}

static LogicalResult expandGivenTensorFill(NodeForm &node) {
  Value like = node.operand(0);
  bool isContent = node.get("input_as_shape") != nullptr;
  Type type = like && !isContent ? getElementTypeOrSelf(like) : node.b.getF32Type();
  return fillWith(node, isa<FloatType>(type) && !isSmallFloat(type) ? type : node.b.getF32Type());
}
static LogicalResult expandGivenTensorIntFill(NodeForm &node) { return fillWith(node, node.b.getI32Type()); }
static LogicalResult expandGivenTensorInt64Fill(NodeForm &node) { return fillWith(node, node.b.getI64Type()); }
static LogicalResult expandGivenTensorBoolFill(NodeForm &node) { return fillWith(node, node.b.getI1Type()); }

/// One step t of a GRU whose gates (reset, update, output: [.., N, 3D]) have all their sums already:
///   h' = s h + (1 - s) tanh(output), where s = sigmoid(update)
/// Sequences that have ended keep their state, or it becomes 0. Caffe2 leaves their lengths out where there are none.
static LogicalResult expandGruUnit(NodeForm &node) {
  if (failed(requireOperands(node, 3)) || failed(getOperandType(node, 0)) || failed(getOperandType(node, 1)))
    return failure();
  bool hasLengths = node.operand(3) != nullptr, drops = takeInt(node, "drop_states", 0);
  node.take("sequence_lengths");
  if (takeFloat(node, "forget_bias", 0) != 0)
    return node.error() << "GRUUnit: a forget_bias is not supported";
  Value state = node.operand(0), gates = node.operand(1);
  auto parts =
      make<SplitOp>(node.b, {gates, absent(node)}, {intAttr(node, "axis", -1), intAttr(node, "num_outputs", 3)}, 3);
  if (!parts)
    return failure();
  Value update = build<SigmoidOp>(node, parts->getResult(1)), output = build<TanhOp>(node, parts->getResult(2));
  Value one = node.scalar(1, getElementTypeOrSelf(state));
  Value kept = build<MulOp>(node, {state, update});
  Value added = build<MulOp>(node, {output, build<SubOp>(node, {one, update})});
  Value next = build<AddOp>(node, {kept, added});
  if (!hasLengths || !next)
    return finish(node, next);
  Value lengths = node.operand(2);
  Value step = build<CastOp>(node, node.operand(3), intAttr(node, "to", getOnnxType(getElementTypeOrSelf(lengths))));
  Value runs = reshape(node, build<LessOp>(node, {reshape(node, step, {-1}), lengths}), {-1, 1});
  Value ended = drops ? node.scalar(0, getElementTypeOrSelf(state)) : state;
  return finish(node, build<WhereOp>(node, {runs, next, ended}));
}

/// Windows as Caffe2 writes them: 1 stands for no padding, 2 for as many windows as strides fit, 3 for a last window
/// that may reach beyond the end.
static LogicalResult upgradeLegacyPadding(NodeForm &node) {
  switch (int64_t padding = takeInt(node, "legacy_pad", 0)) {
  case 0:
    return success();
  case 1:
  case 2:
    node.attributes.set("auto_pad", node.b.getStringAttr(padding == 1 ? "VALID" : "SAME_UPPER"));
    node.take("pads");
    return success();
  case 3:
    setInt(node, "ceil_mode", 1);
    return success();
  default:
    return node.error() << "legacy_pad is 0 to 3, not " << padding;
  }
}

//===- What only moves ------------------------------------------------------------------------===//

/// The entry of `axis` that a counter of rounds names.
static LogicalResult expandLoopIndexTensor(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Value index = reshape(node, node.operand(1), {});
  return finish(node, build<GatherOp>(node, {node.operand(0), index}, intAttr(node, "axis", takeInt(node, "axis", 0))));
}

/// onnxruntime's copies between devices, and Caffe2's other name for a value.
static LogicalResult renameIdentity(NodeForm &node) {
  node.take("is_backward");
  node.domain = "";
  node.name = "Identity";
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Retired.cpp.inc"

void onnxc::onnx::registerRetiredOps(OnnxDialect &dialect) {
  constexpr int64_t any = std::numeric_limits<int64_t>::max();
  const StringRef standard = "", microsoft = "com.microsoft", caffe2 = "org.pytorch._caffe2";
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade, std::initializer_list<StringRef> domains) {
    for (StringRef domain : domains)
      dialect.addUpgrade(name, any, upgrade, domain);
  };
  add("Affine", expandRetired<expandAffine>, {standard, microsoft});
  add("Scale", expandRetired<expandScale>, {standard, microsoft, caffe2});
  add("ImageScaler", expandRetired<expandImageScaler>, {standard, microsoft});
  add("ScaledTanh", expandRetired<expandCurve<TanhOp>>, {standard, microsoft});
  add("ParametricSoftplus", expandRetired<expandCurve<SoftplusOp>>, {standard, microsoft});
  add("Crop", expandRetired<expandCrop>, {standard, microsoft});
  add("FC", expandRetired<expandFullyConnected>, {standard, caffe2});
  add("ConstantFill", expandRetired<expandConstantFill>, {standard, caffe2});
  add("GivenTensorFill", expandRetired<expandGivenTensorFill>, {standard, caffe2});
  add("GivenTensorIntFill", expandRetired<expandGivenTensorIntFill>, {standard, caffe2});
  add("GivenTensorInt64Fill", expandRetired<expandGivenTensorInt64Fill>, {standard, caffe2});
  add("GivenTensorBoolFill", expandRetired<expandGivenTensorBoolFill>, {standard, caffe2});
  add("GRUUnit", expandRetired<expandGruUnit>, {standard, caffe2});
  add("LoopIndexTensor", expandRetired<expandLoopIndexTensor>, {standard});
  add("AliasWithName", renameIdentity, {caffe2});
  add("Copy", renameIdentity, {caffe2});
  add("MemcpyFromHost", renameIdentity, {standard});
  add("MemcpyToHost", renameIdentity, {standard});
  dialect.addUpgrade("MeanVarianceNormalization", 9, upgradeMeanVarianceNormalization);
  for (StringRef name : {"Conv", "ConvTranspose", "AveragePool", "LpPool", "MaxPool"})
    dialect.addUpgrade(name, any, upgradeLegacyPadding);
}
