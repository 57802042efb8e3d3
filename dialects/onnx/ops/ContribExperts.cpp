//===- dialects/onnx/ops/ContribExperts.cpp ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mixtures of experts of com.microsoft: a router gives every row shares of a few experts, which are two layers each. A
// Loop over the experts takes the rows of each, so that no expert computes what nobody wants.
#include "dialects/onnx/ops/ContribExperts.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/ops/Softmax.h"
#include "dialects/onnx/ops/Sorting.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/MakeLoop.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

namespace {
/// One layer of all experts.
struct Layer {
  Value weights, bias;       ///< [experts, columns, rows], [experts, columns]; no bias: null
  Value scales, zeroPoints;  ///< of quantised weights, in blocks of rows: [experts, columns (, blocks)]
  int64_t bits = 0;          ///< of quantised weights, several of which are in a byte, the lowest first
  bool isTransposed = false; ///< [experts, rows, columns]
};

class Mixture {
public:
  explicit Mixture(NodeForm &node) : node(node), i64(node.b.getI64Type()), f32(node.b.getF32Type()) {}
  LogicalResult run(Layer first, Layer second, Value shares, bool sharesAreOfChosen);

private:
  template <typename OpT> Value op(ArrayRef<Value> operands, ArrayRef<NamedAttribute> attributes = {}) {
    return build<OpT>(node, operands, attributes);
  }
  Value pick(Value all, Value expert) { return op<GatherOp>({all, expert}); }
  Value apply(const Layer &layer, Value x, Value expert);
  Value weightsOf(const Layer &layer, Value expert);
  Value activate(Value x);

  NodeForm &node;
  Type i64, f32;
  std::string activation;
  double alpha = 1, beta = 0;
  std::optional<double> limit;
};
} // namespace

/// The numbers of an expert's quantised weights: those of a byte are put side by side, and scaled in blocks.
Value Mixture::weightsOf(const Layer &layer, Value expert) {
  Value weights = pick(layer.weights, expert);
  if (layer.bits == 0)
    return weights;
  auto spread = [&](Value packed) {
    int64_t count = 8 / layer.bits;
    SmallVector<Value> parts;
    Type byte = getElementTypeOrSelf(packed);
    for (int64_t i = 0; i < count; ++i) {
      Value part = op<DivOp>({packed, node.scalar(int64_t(1) << (i * layer.bits), byte)});
      if (count > 1)
        part = op<ModOp>({part, node.scalar(int64_t(1) << layer.bits, byte)});
      parts.push_back(::unsqueeze(node, part, 2));
    }
    return ::reshape(node, op<ConcatOp>(parts, intAttr(node, "axis", 2)), {0, -1});
  };
  Value numbers = castTo(node, spread(weights), f32), scales = castTo(node, pick(layer.scales, expert), f32);
  Value zero = node.scalar(int64_t(1) << (layer.bits - 1), f32);
  bool isBlocked = getDims(layer.scales).size() == 3;
  if (!isBlocked)
    scales = ::unsqueeze(node, scales, 1);
  if (layer.zeroPoints) {
    zero = pick(layer.zeroPoints, expert);
    if (!isBlocked)
      zero = ::reshape(node, zero, {1, -1});
    zero = castTo(node, spread(zero), f32);
    if (!isBlocked)
      zero = ::reshape(node, zero, {-1, 1});
    // Bytes may hold more than there are blocks.
    zero = op<SliceOp>({zero, node.constant({0, 0}), op<ShapeOp>(scales), node.constant({0, 1}), absent(node)});
  }
  Value shape = op<ShapeOp>(numbers);
  scales = ::unsqueeze(node, scales, 2);
  if (layer.zeroPoints)
    zero = ::unsqueeze(node, zero, 2);
  Value blocks = op<ConcatOp>({dimensionOf(node, numbers, 0), dimensionOf(node, scales, 1), node.constant(-1)},
                              intAttr(node, "axis", 0));
  numbers = op<ReshapeOp>({numbers, blocks});
  return op<ReshapeOp>({op<MulOp>({op<SubOp>({numbers, zero}), scales}), shape});
}

/// x [rows, size] through a layer of one expert.
Value Mixture::apply(const Layer &layer, Value x, Value expert) {
  Value weights = weightsOf(layer, expert), bias = layer.bias ? pick(layer.bias, expert) : absent(node);
  weights = castTo(node, weights, getElementTypeOrSelf(x));
  return op<GemmOp>({x, weights, bias}, intAttr(node, "transB", !layer.isTransposed));
}

Value Mixture::activate(Value x) {
  Type element = getElementTypeOrSelf(x);
  if (activation == "relu")
    return op<ReluOp>(x);
  if (activation == "gelu")
    return op<GeluOp>(x, node.b.getNamedAttr("approximate", node.b.getStringAttr("tanh")));
  if (activation == "silu")
    return op<SwishOp>(x);
  if (activation == "identity")
    return x;
  // SwiGLU of pairs (gate, value): gate * sigmoid(alpha * gate) * (value + beta).
  Value pairs = splitLast(node, x, {-1, 2});
  auto part = [&](int64_t i) { return op<GatherOp>({pairs, node.scalar(i, i64)}, intAttr(node, "axis", -1)); };
  Value gate = part(0), value = part(1);
  if (limit) {
    Value most = node.scalar(*limit, element);
    gate = op<MinOp>({gate, most});
    value = op<ClipOp>({value, node.scalar(-*limit, element), most});
  }
  gate = op<SwishOp>(gate, floatAttr(node, "alpha", alpha));
  return op<MulOp>({gate, op<AddOp>({value, node.scalar(beta, element)})});
}

/// `shares`: what counts instead of the router's, which then says only which experts are chosen; or null.
/// `sharesAreOfChosen`: the router's add up to 1 for those that are chosen, rather than for all, whatever the attribute
/// says.
LogicalResult Mixture::run(Layer first, Layer second, Value shares, bool sharesAreOfChosen) {
  auto name = dyn_cast_or_null<StringAttr>(node.take("activation_type"));
  activation = name ? name.getValue().lower() : "relu";
  alpha = takeFloat(node, "activation_alpha", 1), beta = takeFloat(node, "activation_beta", 0);
  if (auto given = dyn_cast_or_null<FloatAttr>(node.take("swiglu_limit")))
    if (double most = given.getValueAsDouble(); std::isfinite(most))
      limit = most;
  int64_t chosen = takeInt(node, "k", 1), fusion = takeInt(node, "swiglu_fusion", 0);
  bool isNormalized = takeInt(node, "normalize_routing_weights", 0) != 0;
  node.take("use_sparse_mixer"); // the processor's kernel does without it
  if (!llvm::is_contained({"relu", "gelu", "silu", "identity", "swiglu"}, activation))
    return node.error() << "activation_type '" << activation << "' is not supported";
  if (activation == "swiglu" && fusion != 1)
    return node.error() << "swiglu needs swiglu_fusion 1: gates and values in turn";
  if (takeInt(node, "swiglu_limit_after_activation", 0) != 0)
    return node.error() << "a limit after the activation is not supported";
  Value input = node.operand(0), router = node.operand(1);
  size_t rank = getDims(input).size();
  if ((rank != 2 && rank != 3) || getDims(router).size() != 2)
    return node.error() << "input must have rank 2 or 3, and router_probs rank 2";
  if (chosen < 1 || chosen > INT32_MAX)
    return node.error() << "k must be positive";
  Type element = getElementTypeOrSelf(input);
  Value x = input;
  if (rank == 3)
    x = op<ReshapeOp>(
        {input, op<ConcatOp>({node.constant(-1), dimensionOf(node, input, 2)}, intAttr(node, "axis", 0))});

  Value probabilities = op<SoftmaxOp>(castTo(node, router, f32), intAttr(node, "axis", 1));
  auto best = probabilities ? make<TopKOp>(node.b, {probabilities, node.constant(chosen)}, intAttr(node, "axis", 1), 2)
                            : TopKOp();
  if (!best)
    return failure();
  Value weights = best.getValues(), experts = best.getIndices();
  if (shares)
    weights = op<GatherElementsOp>({castTo(node, shares, f32), experts}, intAttr(node, "axis", 1));
  if (isNormalized || (sharesAreOfChosen && !shares))
    weights = op<DivOp>({weights, op<ReduceSumOp>({weights, node.constant(1)})});

  Value count = dimensionOf(node, first.weights, 0);
  Value zero = node.scalar(0, element), none = op<ExpandOp>({zero, op<ShapeOp>(x)});
  auto results = makeLoop(
      node, ::reshape(node, count, {}), node.scalar(1, node.b.getI1Type()), none, {}, 0,
      [&](Value expert, ValueRange carried) -> FailureOr<SmallVector<Value>> {
        Value isChosen = op<EqualOp>({experts, expert});
        Value share = op<ReduceSumOp>({op<WhereOp>({isChosen, weights, node.scalar(0, f32)}), node.constant(1)},
                                      intAttr(node, "keepdims", 0));
        Value isWanted = op<ReduceMaxOp>({castTo(node, isChosen, i64), node.constant(1)}, intAttr(node, "keepdims", 0));
        Value rows = ::reshape(node, op<NonZeroOp>(isWanted), {-1});
        Value y = apply(second, activate(apply(first, op<GatherOp>({x, rows}), expert)), expert);
        Value factor = castTo(node, ::unsqueeze(node, op<GatherOp>({share, rows}), 1), element);
        Value sum = op<ScatterNDOp>({carried[0], ::unsqueeze(node, rows, 1), op<MulOp>({y, factor})},
                                    node.b.getNamedAttr("reduction", node.b.getStringAttr("add")));
        return SmallVector<Value>{node.scalar(1, node.b.getI1Type()), sum};
      });
  if (failed(results))
    return failure();
  return finish(node, reshapeLike(node, results->front(), input));
}

static LogicalResult expandMoE(NodeForm &node) {
  for (unsigned i : {0, 1, 2, 4})
    if (!node.operand(i))
      return node.error() << "input " << i << " must be given";
  if (node.operand(6) || node.operand(7))
    return node.error() << "a third layer is not supported";
  Layer first{node.operand(2), node.operand(3), {}, {}}, second{node.operand(4), node.operand(5), {}, {}};
  // In older models columns are last: the second layer gives as many as the input has.
  Dims sizes = getDims(second.weights), input = getDims(node.operand(0));
  if (sizes.size() != 3 || getDims(first.weights).size() != 3)
    return node.error() << "weights must have rank 3";
  first.isTransposed = second.isTransposed = sizes[1] != input.back() && sizes[2] == input.back();
  return Mixture(node).run(first, second, {}, /*sharesAreOfChosen=*/false);
}

static LogicalResult expandQMoE(NodeForm &node) {
  for (unsigned i : {0, 1, 2, 3, 5, 6})
    if (!node.operand(i))
      return node.error() << "input " << i << " must be given";
  for (unsigned i : {8, 9, 10, 13, 15, 16, 17, 18, 19, 20})
    if (node.operand(i))
      return node.error() << "input " << i << " is not supported";
  auto type = dyn_cast_or_null<StringAttr>(node.take("quant_type"));
  if (type && type.getValue() != "int")
    return node.error() << "quant_type '" << type.getValue() << "' is not supported";
  int64_t bits = takeInt(node, "expert_weight_bits", 4);
  Layer first{node.operand(2), node.operand(4), node.operand(3), node.operand(11),
              takeInt(node, "fc1_expert_weight_bits", bits)};
  Layer second{node.operand(5), node.operand(7), node.operand(6), node.operand(12),
               takeInt(node, "fc2_expert_weight_bits", bits)};
  for (StringRef name : {"block_size", "accuracy_level", "fc3_expert_weight_bits"})
    node.take(name); // the scales say what the blocks are
  if (takeInt(node, "weights_prepacked", -1) > 0)
    return node.error() << "weights packed for a kernel are not supported";
  for (const Layer &layer : {first, second}) {
    if (layer.bits != 2 && layer.bits != 4 && layer.bits != 8)
      return node.error() << "weights of " << layer.bits << " bits are not supported";
    size_t rank = getDims(layer.scales).size();
    if (getDims(layer.weights).size() != 3 || (rank != 2 && rank != 3) ||
        (layer.zeroPoints && getDims(layer.zeroPoints).size() != rank))
      return node.error() << "weights must have rank 3, and scales and zero points both rank 2 or 3";
    if (!getElementTypeOrSelf(layer.weights).isUnsignedInteger(8))
      return node.error() << "weights must be bytes";
  }
  return Mixture(node).run(first, second, node.operand(14), /*sharesAreOfChosen=*/true);
}

void onnxc::onnx::registerContribExpertsOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "com.microsoft");
  };
  add("MoE", expandMoE);
  add("QMoE", expandQMoE);
}
