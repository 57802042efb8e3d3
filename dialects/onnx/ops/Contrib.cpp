//===- dialects/onnx/ops/Contrib.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators of the domain com.microsoft, into which onnxruntime fuses what models are made of. Import takes them apart
// again. What they mean: ContribOperators.md and the kernels of onnxruntime.
#include "dialects/onnx/ops/Contrib.h"
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/Distinct.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Normalization.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

//===- Activations ------------------------------------------------------------------===//

namespace {
/// An operator that can follow in a fused one, and which attributes its parameters are.
struct Activation {
  StringRef name;
  std::initializer_list<StringRef> parameters;
};
} // namespace

static const Activation activations[] = {
    {"Elu", {"alpha"}},
    {"HardSigmoid", {"alpha", "beta"}},
    {"LeakyRelu", {"alpha"}},
    {"Relu", {}},
    {"Selu", {"alpha", "gamma"}},
    {"Sigmoid", {}},
    {"Softplus", {}},
    {"Softsign", {}},
    {"Tanh", {}},
    {"ThresholdedRelu", {"alpha"}},
};

/// activation(value), with what `parameter` gives for the i-th parameter, called `name`, where that is not absent.
static Value activate(NodeForm &node, StringRef activation, Value value,
                      function_ref<std::optional<double>(size_t i, StringRef name)> parameter) {
  const Activation *row = llvm::find_if(activations, [&](const Activation &a) { return a.name == activation; });
  if (row == std::end(activations)) {
    node.error() << "the activation '" << activation << "' is not supported";
    return {};
  }
  SmallVector<NamedAttribute> attributes;
  for (auto [i, name] : llvm::enumerate(row->parameters))
    if (auto number = parameter(i, name))
      attributes.push_back(floatAttr(node, name, *number));
  Operation *op = value ? makeOp(node.b, ("onnx." + activation).str(), value, attributes, 1) : nullptr;
  return op ? op->getResult(0) : Value();
}

/// Conv, plus Z, and an activation whose parameters are a list. Clip is one here, and takes two of them.
static LogicalResult expandFusedConv(NodeForm &node) {
  auto activation = dyn_cast_or_null<StringAttr>(node.take("activation"));
  auto given = dyn_cast_or_null<DenseF32ArrayAttr>(node.take("activation_params"));
  ArrayRef<float> parameters = given ? given.asArrayRef() : ArrayRef<float>();
  if (failed(requireOperands(node, 2)))
    return failure();
  SmallVector<Value> operands{node.operand(0), node.operand(1), orAbsent(node, node.operand(2))};
  Value result = build<ConvOp>(node, operands, node.attributes.getAttrs());
  if (Value z = node.operand(3))
    result = build<AddOp>(node, {result, z});
  if (!activation || !result)
    return finish(node, result);
  if (activation.getValue() == "Clip") {
    if (parameters.size() != 2)
      return node.error() << "Clip has two parameters, not " << parameters.size();
    Type element = getElementTypeOrSelf(result);
    return finish(
        node, build<ClipOp>(node, {result, node.scalar(parameters[0], element), node.scalar(parameters[1], element)}));
  }
  return finish(node, activate(node, activation, result, [&](size_t i, StringRef) -> std::optional<double> {
                  return i < parameters.size() ? std::optional<double>(parameters[i]) : std::nullopt;
                }));
}

static llvm::StringMap<std::optional<double>> takeActivationParameters(NodeForm &node) {
  llvm::StringMap<std::optional<double>> parameters;
  for (StringRef name : {"alpha", "beta", "gamma"})
    if (auto number = dyn_cast_or_null<FloatAttr>(node.take(("activation_" + name).str())))
      parameters[name] = number.getValueAsDouble();
  return parameters;
}

/// Gemm and an activation whose parameters are attributes.
static LogicalResult expandFusedGemm(NodeForm &node) {
  auto activation = dyn_cast_or_null<StringAttr>(node.take("activation"));
  auto parameters = takeActivationParameters(node);
  if (failed(requireOperands(node, 2)))
    return failure();
  SmallVector<Value> operands{node.operand(0), node.operand(1), orAbsent(node, node.operand(2))};
  Value result = build<GemmOp>(node, operands, node.attributes.getAttrs());
  if (activation)
    result = activate(node, activation, result, [&](size_t, StringRef name) { return parameters.lookup(name); });
  return finish(node, result);
}

/// x, or x + bias where there is one.
static Value addBias(NodeForm &node, Value x, Value bias) { return bias ? build<AddOp>(node, {x, bias}) : x; }

static Value gelu(NodeForm &node, Value x, StringRef approximate) {
  return build<GeluOp>(node, x, node.b.getNamedAttr("approximate", node.b.getStringAttr(approximate)));
}

static LogicalResult expandBiasGelu(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  return finish(node, gelu(node, addBias(node, node.operand(0), node.operand(1)), "none"));
}

static LogicalResult expandFastGelu(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  return finish(node, gelu(node, addBias(node, node.operand(0), node.operand(1)), "tanh"));
}

/// X + bias, and what was before.
static LogicalResult expandBiasAdd(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  return finish(node, addBias(node, addBias(node, node.operand(0), node.operand(1)), node.operand(2)));
}

/// The first half of X + bias times Gelu of the second.
static LogicalResult expandBiasSplitGelu(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Value sum = addBias(node, node.operand(0), node.operand(1));
  if (!sum)
    return failure();
  auto halves =
      make<SplitOp>(node.b, {sum, absent(node)}, {intAttr(node, "axis", -1), intAttr(node, "num_outputs", 2)}, 2);
  if (!halves)
    return failure();
  return finish(node, build<MulOp>(node, {halves->getResult(0), gelu(node, halves->getResult(1), "none")}));
}

/// Softmax over all dimensions from `axis` on together. is_inner_broadcast says where the bias has sizes of 1.
static LogicalResult expandBiasSoftmax(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  node.take("is_inner_broadcast");
  NamedAttribute axis = intAttr(node, "axis", takeInt(node, "axis", 1));
  auto y = expand(node, "Softmax", 11, addBias(node, node.operand(0), node.operand(1)), axis);
  return succeeded(y) ? finish(node, *y) : failure();
}

/// x * sigmoid(alpha * x)
static LogicalResult renameQuickGelu(NodeForm &node) {
  setDefault(node, "alpha", node.b.getF32FloatAttr(1.702f));
  node.domain = "";
  node.name = "Swish";
  return success();
}

/// An operator that has come into ai.onnx under the same name.
static LogicalResult makeStandard(NodeForm &node) {
  node.domain = "";
  return success();
}

//===- Matrix products --------------------------------------------------------------===//

/// The two last dimensions swapped.
static Value transposeLast(NodeForm &node, Value value) {
  if (!value)
    return {};
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, getDims(value).size()));
  if (order.size() < 2) // a vector stays one
    return value;
  std::swap(order.back(), order[order.size() - 2]);
  return build<TransposeOp>(node, value, intsAttr(node, "perm", order));
}

/// The first dimension moved behind the other ones but the last: a batch that lies inside.
static Value moveBatchInside(NodeForm &node, Value value) {
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, getDims(value).size()));
  if (order.size() > 2)
    std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  return build<TransposeOp>(node, value, intsAttr(node, "perm", order));
}

/// alpha * A' * B'; null after an error.
static Value fusedMatMul(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return {};
  double alpha = takeFloat(node, "alpha", 1);
  Value sides[2];
  for (auto [i, side] : llvm::enumerate(sides)) {
    side = node.operand(i);
    std::string letter = i == 0 ? "A" : "B";
    bool isTransposed = takeInt(node, "trans" + letter, 0), hasBatchInside = takeInt(node, "transBatch" + letter, 0);
    if (hasBatchInside)
      side = moveBatchInside(node, side);
    if (isTransposed)
      side = transposeLast(node, side);
  }
  Value product = build<MatMulOp>(node, {sides[0], sides[1]});
  if (product && alpha != 1)
    product = build<MulOp>(node, {product, node.scalar(alpha, getElementTypeOrSelf(product))});
  return product;
}

static LogicalResult expandFusedMatMul(NodeForm &node) { return finish(node, fusedMatMul(node)); }

/// The same and an activation whose parameters are attributes.
static LogicalResult expandFusedMatMulActivation(NodeForm &node) {
  auto activation = dyn_cast_or_null<StringAttr>(node.take("activation"));
  if (!activation)
    return node.error() << "the attribute 'activation' must be given";
  node.take("activation_axis");
  auto parameters = takeActivationParameters(node);
  return finish(node, activate(node, activation, fusedMatMul(node),
                               [&](size_t, StringRef name) { return parameters.lookup(name); }));
}

//===- Normalisations ---------------------------------------------------------------===//

/// LayerNormalization of `sum` with its mean and inverse deviation; RMSNormalization, without a mean, where `isSimple`.
static LogicalResult normalize(NodeForm &node, Value sum, Value gamma, Value beta, double epsilon, bool isSimple,
                               SmallVectorImpl<Value> &results) {
  if (!sum)
    return failure();
  if (isSimple) {
    results.assign({build<RMSNormalizationOp>(node, {sum, gamma}, floatAttr(node, "epsilon", epsilon)), absent(node),
                    absent(node)});
    return success(results[0]);
  }
  auto op =
      make<LayerNormalizationOp>(node.b, {sum, gamma, orAbsent(node, beta)}, floatAttr(node, "epsilon", epsilon), 3);
  if (!op)
    return failure();
  results.append(op->result_begin(), op->result_end());
  return success();
}

/// What is normalised is input + skip (+ bias), which is a result, too. A batch of the skip may be shared by all.
static LogicalResult expandSkipNormalization(NodeForm &node, bool isSimple) {
  if (failed(requireOperands(node, 3)))
    return failure();
  Value beta = isSimple ? Value() : node.operand(3), bias = node.operand(isSimple ? 3 : 4);
  Value sum = addBias(node, build<AddOp>(node, {node.operand(0), node.operand(1)}), bias);
  SmallVector<Value> results;
  if (failed(normalize(node, sum, node.operand(2), beta, takeFloat(node, "epsilon", 1e-12f), isSimple, results)))
    return failure();
  results.push_back(sum);
  return finish(node, results);
}

static LogicalResult expandSkipLayerNormalization(NodeForm &node) { return expandSkipNormalization(node, false); }
static LogicalResult expandSkipRMSNormalization(NodeForm &node) { return expandSkipNormalization(node, true); }

/// A name that RMSNormalization had in ai.onnx of onnxruntime alone. There the inverse of the root is a result, too, in
/// float32 (float64 for float64).
static LogicalResult expandSimplifiedLayerNormalization(NodeForm &node) {
  node.domain = "";
  node.name = "RMSNormalization";
  if (node.resultCount < 2)
    return success();
  if (failed(requireOperands(node, 2)) || failed(getOperandType(node, 0)))
    return failure();
  Value x = node.operand(0);
  auto axis = dyn_cast_or_null<IntegerAttr>(node.attributes.get("axis"));
  auto epsilon = dyn_cast_or_null<FloatAttr>(node.attributes.get("epsilon"));
  int64_t rank = getDims(x).size(), first = axis ? axis.getValue().getSExtValue() : -1;
  Value y = build<RMSNormalizationOp>(node, {x, node.operand(1)}, node.attributes.getAttrs());
  if (!y)
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(first < 0 ? first + rank : first, rank));
  Type type = getElementTypeOrSelf(x).isF64() ? Type(node.b.getF64Type()) : node.b.getF32Type();
  Value wide = build<CastOp>(node, x, intAttr(node, "to", getOnnxType(type)));
  Value square = build<ReduceMeanOp>(node, {build<MulOp>(node, {wide, wide}), node.constant(axes)});
  Value shifted = build<AddOp>(node, {square, node.scalar(epsilon ? epsilon.getValueAsDouble() : 1e-5f, type)});
  return finish(node, {y, build<ReciprocalOp>(node, build<SqrtOp>(node, shifted))});
}

/// GroupNormalization with its channels last, of X + skip (+ bias, of the channels) where there is a skip; `activation`
/// 1 is x * sigmoid(x). The skip may be one number for each channel.
static LogicalResult expandGroupNorm(NodeForm &node, bool hasSkip) {
  if (failed(requireOperands(node, hasSkip ? 4 : 3)))
    return failure();
  Value sum = node.operand(0);
  Dims dims = getDims(sum);
  bool isLast = takeInt(node, "channels_last", 1) != 0;
  int64_t activation = takeInt(node, "activation", 0);
  if (dims.size() != 4 || (activation != 0 && activation != 1))
    return node.error() << "X must have rank 4, and activation must be 0 or 1";
  if (hasSkip) {
    Value skip = node.operand(3), bias = node.operand(4);
    if (getDims(skip).size() == 2)
      skip = unsqueeze(node, skip, isLast ? ArrayRef<int64_t>{1, 2} : ArrayRef<int64_t>{2, 3});
    if (bias && !isLast)
      bias = unsqueeze(node, bias, {1, 2});
    sum = addBias(node, addBias(node, sum, skip), bias);
  }
  auto move = [&](Value value, ArrayRef<int64_t> order) {
    return isLast && value ? build<TransposeOp>(node, value, intsAttr(node, "perm", order)) : value;
  };
  Value x = move(sum, {0, 3, 1, 2});
  if (!x)
    return failure();
  // The parameters may be f32 where X is f16.
  auto parameter = [&](unsigned i) {
    return build<CastOp>(node, node.operand(i), intAttr(node, "to", getOnnxType(getElementTypeOrSelf(x))));
  };
  Value y = build<GroupNormalizationOp>(node, {x, parameter(1), parameter(2)},
                                        {floatAttr(node, "epsilon", takeFloat(node, "epsilon", 1e-5f)),
                                         intAttr(node, "num_groups", takeInt(node, "groups", 0))});
  if (activation == 1)
    y = build<SwishOp>(node, y);
  return finish(node, {move(y, {0, 2, 3, 1}), sum});
}

static LogicalResult expandPlainGroupNorm(NodeForm &node) {
  LogicalResult made = expandGroupNorm(node, false);
  if (node.results)
    node.results->resize(1);
  return made;
}
static LogicalResult expandSkipGroupNorm(NodeForm &node) { return expandGroupNorm(node, true); }

/// The sum of the embeddings of words, positions and segments, normalised.
static LogicalResult expandEmbedLayerNormalization(NodeForm &node) {
  Value ids = node.operand(0), segments = node.operand(1), words = node.operand(2), positions = node.operand(3);
  Value segmentWords = node.operand(4), mask = node.operand(7), positionIds = node.operand(8);
  if (!ids || !words || !positions || !node.operand(5) || !node.operand(6))
    return node.error() << "ids, word and position embeddings, gamma and beta must be given";
  if (getDims(ids).size() != 2)
    return node.error() << "input_ids must have the dimensions batch and sequence";
  if (segments && !segmentWords)
    return node.error() << "segments need an embedding";
  node.take("mask_index_type"); // which types of masks there may be
  Value length = build<ShapeOp>(node, ids, intAttr(node, "start", 1));
  Value place = positionIds
                    ? build<GatherOp>(node, {positions, positionIds})
                    : build<SliceOp>(node, {positions, node.constant(0), length, node.constant(0), absent(node)});
  Value sum = build<AddOp>(node, {build<GatherOp>(node, {words, ids}), place});
  if (segments)
    sum = build<AddOp>(node, {sum, build<GatherOp>(node, {segmentWords, segments})});
  SmallVector<Value> results;
  if (failed(
          normalize(node, sum, node.operand(5), node.operand(6), takeFloat(node, "epsilon", 1e-12f), false, results)))
    return failure();
  // How many words of each sentence are not padding; 0 without a mask.
  Type i32 = node.b.getI32Type();
  Value counted = mask ? build<EqualOp>(node, {mask, node.scalar(1, getElementTypeOrSelf(mask))})
                       : build<NotOp>(node, build<EqualOp>(node, {ids, ids}));
  counted = build<CastOp>(node, counted, intAttr(node, "to", getOnnxType(i32)));
  counted = build<ReduceSumOp>(node, {counted, node.constant(1)}, intAttr(node, "keepdims", 0));
  return finish(node, {results[0], counted, sum});
}

//===- Operators that ai.onnx has in another form ---------------------------------------===//

/// Bounds of float or integer type; the step may be left out.
static LogicalResult expandRange(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  if (!node.operand(2))
    node.setOperand(2, node.scalar(1, getElementTypeOrSelf(node.operand(0))));
  return makeStandard(node);
}

static LogicalResult renameExpandDims(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Value axes = build<CastOp>(node, node.operand(1), intAttr(node, "to", getOnnxType(node.b.getI64Type())));
  return finish(node, build<UnsqueezeOp>(node, {node.operand(0), reshape(node, axes, {-1})}));
}

/// In the order in which they come first; without the places where they do.
static LogicalResult expandUnique(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  auto op = make<UniqueOp>(node.b, node.operand(0), intAttr(node, "sorted", 0), 4);
  return op ? finish(node, {op->getResult(0), op->getResult(2), op->getResult(3)}) : failure();
}

/// GridSample as it came into ai.onnx in version 16.
static LogicalResult expandGridSample(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  auto y = expand(node, "GridSample", 16, {node.operand(0), node.operand(1)}, node.attributes.getAttrs());
  return succeeded(y) ? finish(node, *y) : failure();
}

void onnxc::onnx::registerContribOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade, StringRef domain = "com.microsoft") {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, domain);
  };
  add("FusedConv", expandFusedConv);
  add("FusedGemm", expandFusedGemm);
  add("Gelu", makeStandard);
  add("BiasGelu", expandBiasGelu);
  add("FastGelu", expandFastGelu);
  add("QuickGelu", renameQuickGelu);
  add("BiasAdd", expandBiasAdd);
  add("BiasSplitGelu", expandBiasSplitGelu);
  add("BiasSoftmax", expandBiasSoftmax);
  add("FusedMatMul", expandFusedMatMul);
  add("TransposeMatMul", expandFusedMatMul);
  add("FusedMatMulActivation", expandFusedMatMulActivation);
  add("SkipLayerNormalization", expandSkipLayerNormalization);
  add("SkipSimplifiedLayerNormalization", expandSkipRMSNormalization);
  add("SimplifiedLayerNormalization", expandSimplifiedLayerNormalization, "");
  add("SimplifiedLayerNormalization", expandSimplifiedLayerNormalization);
  add("EmbedLayerNormalization", expandEmbedLayerNormalization);
  add("GroupNorm", expandPlainGroupNorm);
  add("SkipGroupNorm", expandSkipGroupNorm);
  add("ExpandDims", renameExpandDims);
  add("GatherND", makeStandard);
  add("GridSample", expandGridSample);
  add("Pad", makeStandard);
  add("Range", expandRange);
  add("Trilu", makeStandard);
  add("Unique", expandUnique);
}
