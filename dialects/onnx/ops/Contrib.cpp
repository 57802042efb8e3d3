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
#include "dialects/onnx/ops/Pooling.h"
#include "dialects/onnx/ops/Quantization.h"
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
  Value result = build<ConvOp>(node, operands, takeThoseOf<ConvOp>(node));
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
  Value result = build<GemmOp>(node, operands, takeThoseOf<GemmOp>(node));
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

/// 1 / sqrt(mean(x^2) + epsilon) over the dimensions from `axis` on, in f32 but of doubles.
static Value inverseDeviation(NodeForm &node, Value x, int64_t axis, double epsilon) {
  if (!x)
    return {};
  int64_t rank = getDims(x).size();
  Type type = getElementTypeOrSelf(x);
  type = type.isF64() ? type : node.b.getF32Type();
  x = castTo(node, x, type);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(axis < 0 ? axis + rank : axis, rank));
  Value mean = build<ReduceMeanOp>(node, {build<MulOp>(node, {x, x}), node.constant(axes)});
  return build<ReciprocalOp>(node, build<SqrtOp>(node, build<AddOp>(node, {mean, node.scalar(epsilon, type)})));
}

/// LayerNormalization of `sum` with its mean and inverse deviation; RMSNormalization, without a mean, where `isSimple`.
static LogicalResult normalize(NodeForm &node, Value sum, Value gamma, Value beta, double epsilon, bool isSimple,
                               SmallVectorImpl<Value> &results) {
  if (!sum)
    return failure();
  if (isSimple) {
    Value y = build<RMSNormalizationOp>(node, {sum, gamma}, floatAttr(node, "epsilon", epsilon));
    // (a mean is a result only in name: nothing calculates it)
    results.assign({y, absent(node), node.resultCount > 2 ? inverseDeviation(node, sum, -1, epsilon) : absent(node)});
    return success(y && results[2]);
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

/// A name that RMSNormalization had in ai.onnx of onnxruntime alone, with the inverse deviation as a second result.
static LogicalResult expandSimplifiedLayerNormalization(NodeForm &node) {
  auto type = getOperandType(node, 0);
  if (failed(type) || failed(requireOperands(node, 2)))
    return failure();
  int64_t axis = takeInt(node, "axis", -1), rank = type->getRank();
  if (axis < -rank || axis >= rank)
    return node.error() << "axis " << axis << " is out of range for rank " << rank;
  double epsilon = takeFloat(node, "epsilon", 1e-5f);
  SmallVector<NamedAttribute> attributes = takeThoseOf<RMSNormalizationOp>(node);
  attributes.push_back(intAttr(node, "axis", axis));
  attributes.push_back(floatAttr(node, "epsilon", epsilon));
  SmallVector<Value> results{build<RMSNormalizationOp>(node, {node.operand(0), node.operand(1)}, attributes)};
  if (node.resultCount > 1)
    results.push_back(inverseDeviation(node, node.operand(0), axis, epsilon));
  return finish(node, results);
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

/// The sum of the embeddings of words, positions and segments, normalised. `real` makes operand i (or rows of it) real
/// numbers.
static LogicalResult embed(NodeForm &node, Value mask, Value positionIds,
                           function_ref<Value(unsigned i, Value numbers)> real) {
  Value ids = node.operand(0), segments = node.operand(1);
  for (unsigned i : {0, 2, 3, 5, 6})
    if (!node.operand(i))
      return node.error() << "ids, word and position embeddings, gamma and beta must be given";
  if (getDims(ids).size() != 2)
    return node.error() << "input_ids must have the dimensions batch and sequence";
  if (segments && !node.operand(4))
    return node.error() << "segments need an embedding";
  node.take("mask_index_type"); // which types of masks there may be
  auto rows = [&](unsigned i, Value which) { return real(i, build<GatherOp>(node, {node.operand(i), which})); };
  Value place = positionIds ? rows(3, positionIds)
                            : real(3, slice(node, node.operand(3), 0, node.constant({0}), dimensionOf(node, ids, 1)));
  Value sum = build<AddOp>(node, {rows(2, ids), place});
  if (segments)
    sum = build<AddOp>(node, {sum, rows(4, segments)});
  Value gamma = real(5, node.operand(5)), beta = real(6, node.operand(6));
  SmallVector<Value> results;
  if (!gamma || !beta || failed(normalize(node, sum, gamma, beta, takeFloat(node, "epsilon", 1e-12f), false, results)))
    return failure();
  // How many words of each sentence are not padding; 0 without a mask.
  Value counted = mask ? build<EqualOp>(node, {mask, node.scalar(1, getElementTypeOrSelf(mask))})
                       : build<NotOp>(node, build<EqualOp>(node, {ids, ids}));
  counted = castTo(node, counted, node.b.getI32Type());
  counted = build<ReduceSumOp>(node, {counted, node.constant(1)}, intAttr(node, "keepdims", 0));
  return finish(node, {results[0], counted, sum});
}

static LogicalResult expandEmbedLayerNormalization(NodeForm &node) {
  return embed(node, node.operand(7), node.operand(8), [](unsigned, Value numbers) { return numbers; });
}

/// The tables are quantised: their scales are operands 8 to 12, their zero points 13 to 17.
static LogicalResult expandQEmbedLayerNormalization(NodeForm &node) {
  LogicalResult made = embed(node, node.operand(7), {}, [&](unsigned i, Value numbers) -> Value {
    Value scale = node.operand(6 + i), zero = node.operand(11 + i);
    if (!scale) {
      node.error() << "input " << 6 + i << ", the scale of input " << i << ", must be given";
      return {};
    }
    return build<DequantizeLinearOp>(node, {numbers, reshape(node, scale, {}), reshape(node, zero, {})});
  });
  if (node.results)
    node.results->resize(2);
  return made;
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

static LogicalResult expandIdentity(NodeForm &node) {
  return succeeded(requireOperands(node, 1)) ? finish(node, node.operand(0)) : failure();
}

/// Indices may be int32.
static LogicalResult expandGatherND(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  node.setOperand(1, castTo(node, node.operand(1), node.b.getI64Type()));
  return makeStandard(node);
}

static LogicalResult renameExpandDims(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Value axes = castTo(node, node.operand(1), node.b.getI64Type());
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
  auto y = expandWithAttributes(node, "GridSample", 16, {node.operand(0), node.operand(1)});
  return succeeded(y) ? finish(node, *y) : failure();
}

/// All slices of `size` elements along `dim`, `step` apart, each on a new last dimension.
static LogicalResult expandUnfoldTensor(NodeForm &node) {
  auto type = getOperandType(node, 0);
  if (failed(type))
    return failure();
  int64_t dim = takeInt(node, "dim", -1), size = takeInt(node, "size", 0), step = takeInt(node, "step", 1);
  int64_t rank = type->getRank(), axis = dim < 0 ? dim + rank : dim;
  if (axis < 0 || axis >= rank)
    return node.error() << "dim " << dim << " is out of range for rank " << rank;
  Value x = node.operand(0);
  auto whole = getConstant(getDims(x)[axis]);
  constexpr int64_t most = 1 << 20; // the places in a slice are written out
  if (size < 1 || size > most || step < 1 || (whole && *whole < size))
    return node.error() << "size " << size << " and step " << step << " must be positive, and dimension " << axis
                        << " not smaller than size";
  Type i64 = node.b.getI64Type();
  Value last = build<SubOp>(node, {dimensionOf(node, x, axis), node.constant({size - 1})}); // behind the last start
  Value starts = build<RangeOp>(node, {node.scalar(0, i64), reshape(node, last, {}), node.scalar(step, i64)});
  Value places =
      build<AddOp>(node, {unsqueeze(node, starts, 1), node.constant(llvm::to_vector(llvm::seq<int64_t>(0, size)))});
  Value slices = build<GatherOp>(node, {x, places}, intAttr(node, "axis", axis));
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, rank + 1));
  std::rotate(order.begin() + axis + 1, order.begin() + axis + 2, order.end());
  return finish(node, build<TransposeOp>(node, slices, intsAttr(node, "perm", order)));
}

/// The distance of every row of A from every one of B, summed up directly: |a|^2 + |b|^2 - 2ab loses its digits where
/// rows are close to each other.
static LogicalResult expandCDist(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  auto metric = dyn_cast_or_null<StringAttr>(node.take("metric"));
  StringRef name = metric ? metric.getValue() : "sqeuclidean";
  if (name != "sqeuclidean" && name != "euclidean")
    return node.error() << "metric is \"sqeuclidean\" or \"euclidean\", not \"" << name << '"';
  for (unsigned i : {0, 1})
    if (getDims(node.operand(i)).size() != 2)
      return node.error() << "input " << i << " must be a matrix";
  Value difference = build<SubOp>(node, {unsqueeze(node, node.operand(0), 1), unsqueeze(node, node.operand(1), 0)});
  Value sum = build<ReduceSumSquareOp>(node, {difference, node.constant({2})}, intAttr(node, "keepdims", 0));
  return finish(node, name == "euclidean" ? build<SqrtOp>(node, sum) : sum);
}

/// Pads that only the run knows crop the result of a transposed convolution without any.
static LogicalResult expandConvTransposeWithDynamicPads(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Value pads = node.operand(2);
  SmallVector<Value> operands{node.operand(0), node.operand(1), orAbsent(node, node.operand(3))};
  SmallVector<NamedAttribute> attributes = takeThoseOf<ConvTransposeOp>(node);
  if (pads)
    if (auto known = getConstantInts(pads)) {
      attributes.push_back(intsAttr(node, "pads", *known));
      pads = {};
    }
  Value y = build<ConvTransposeOp>(node, operands, attributes);
  if (!y || !pads)
    return finish(node, y);
  int64_t spatial = getDims(y).size() - 2;
  if (getDims(pads).size() != 1 || getConstant(getDims(pads)[0]).value_or(2 * spatial) != 2 * spatial)
    return node.error() << "Pads must hold the pads before and behind " << spatial << " dimensions";
  Value before = slice(node, pads, 0, node.constant({0}), node.constant({spatial}));
  Value behind = build<SubOp>(node, {build<ShapeOp>(node, y, intAttr(node, "start", 2)),
                                     slice(node, pads, 0, node.constant({spatial}), node.constant({2 * spatial}))});
  Value axes = node.constant(llvm::to_vector(llvm::seq<int64_t>(2, 2 + spatial)));
  return finish(node, build<SliceOp>(node, {y, before, behind, axes, absent(node)}));
}

/// The letters of each word, embedded, go through a convolution and tanh; the largest element of each filter is the
/// word's. Windows beyond the word's letters don't count; a word without any is 0.
static LogicalResult expandWordConvEmbedding(NodeForm &node) {
  if (failed(requireOperands(node, 4)))
    return failure();
  Value words = node.operand(0), filters = node.operand(1);
  auto width = getDims(filters).size() == 4 ? getConstant(getDims(filters)[2]) : std::nullopt;
  if (getDims(words).size() != 2 || !width)
    return node.error() << "Sequence must be a matrix, and W have 4 dimensions of known size";
  node.ignore({"embedding_size", "conv_window_size", "char_embedding_size"}); // what the sizes of W and C say
  Type i32 = node.b.getI32Type(), f32 = node.b.getF32Type();
  Value letters = unsqueeze(node, build<GatherOp>(node, {node.operand(3), words}), 1);
  Value y = build<ConvOp>(node, {letters, filters, node.operand(2)});
  y = build<TanhOp>(node, build<SqueezeOp>(node, {y, node.constant({3})})); // [words, filters, windows]
  Value isLetter = castTo(node, build<GreaterOp>(node, {words, node.scalar(0, i32)}), i32);
  Value length = build<ReduceSumOp>(node, {isLetter, node.constant({1})});
  length = build<MulOp>(node, {length, slice(node, isLetter, 1, node.constant({0}), node.constant({1}))});
  Value least = build<MaxOp>(node, {length, node.scalar(*width, i32)});
  // window w holds letters w to w + width - 1
  Value windows = build<RangeOp>(
      node,
      {node.scalar(*width, i32),
       reshape(node, castTo(node, build<AddOp>(node, {dimensionOf(node, y, 2), node.constant({*width})}), i32), {}),
       node.scalar(1, i32)});
  Value counts = unsqueeze(node, build<LessOrEqualOp>(node, {windows, least}), 1);
  y = build<WhereOp>(node, {counts, y, node.scalar(-1, f32)});
  y = build<ReduceMaxOp>(node, {y, node.constant({2})}, intAttr(node, "keepdims", 0));
  return finish(node,
                build<WhereOp>(node, {build<GreaterOp>(node, {length, node.scalar(0, i32)}), y, node.scalar(0, f32)}));
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
  add("QEmbedLayerNormalization", expandQEmbedLayerNormalization);
  add("CDist", expandCDist);
  add("ConvTransposeWithDynamicPads", expandConvTransposeWithDynamicPads);
  add("ExpandDims", renameExpandDims);
  add("GatherND", expandGatherND);
  add("GridSample", expandGridSample);
  add("Pad", makeStandard);
  add("Range", expandRange);
  add("SampleOp", expandIdentity);
  add("MemcpyFromHost", expandIdentity, "");
  add("MemcpyToHost", expandIdentity, "");
  add("SparseToDenseMatMul", expandFusedMatMul);
  add("Trilu", makeStandard);
  add("UnfoldTensor", expandUnfoldTensor);
  add("Unique", expandUnique);
  add("WordConvEmbedding", expandWordConvEmbedding);
}
