//===- dialects/onnx/ops/ContribGates.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gates, normalisations with gates, and hyper-connections of language models (domain com.microsoft): import makes them
// of other operators. They calculate in f32 whatever they take. What they mean: ContribOperators.md of onnxruntime.
#include "dialects/onnx/ops/ContribGates.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

static Value wide(NodeForm &node, Value x) { return castTo(node, x, node.b.getF32Type()); }

static Value number(NodeForm &node, double value) { return node.scalar(value, node.b.getF32Type()); }

/// x / sqrt(mean(x^2) + epsilon) over the last dimension.
static Value normalizeLast(NodeForm &node, Value x, double epsilon) {
  Value mean = build<ReduceMeanOp>(node, {build<MulOp>(node, {x, x}), node.constant({-1})});
  return build<DivOp>(node, {x, build<SqrtOp>(node, build<AddOp>(node, {mean, number(node, epsilon)}))});
}

//===- Gates ----------------------------------------------------------------------------===//

/// z * sigmoid(z) of z = scale * x, each rounded to the type of x.
static LogicalResult expandScaledSiLU(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  Type type = getElementTypeOrSelf(node.operand(0));
  double alpha = takeFloat(node, "alpha", 1);
  Value scale = node.operand(1) ? wide(node, node.operand(1)) : number(node, alpha);
  Value z = castTo(node, build<MulOp>(node, {wide(node, node.operand(0)), scale}), type);
  return finish(node, build<MulOp>(node, {z, build<SigmoidOp>(node, z)}));
}

/// X + Y * gate, a gate for each row: given, or sigmoid(gate * gate_weight).
static LogicalResult expandGatedAdd(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  Value gate = node.operand(2);
  if (Value weight = node.operand(3))
    gate = build<SigmoidOp>(node, build<MatMulOp>(node, {gate, weight}));
  return finish(node, build<AddOp>(node, {node.operand(0), build<MulOp>(node, {node.operand(1), gate})}));
}

/// Rows of as many elements as `scale` has, normalised, times the activated gate.
static LogicalResult expandGatedRMSNorm(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  auto activation = dyn_cast_or_null<StringAttr>(node.take("activation"));
  StringRef name = activation ? activation.getValue() : "silu";
  if (name != "silu" && name != "swish" && name != "sigmoid")
    return node.error() << "activation is \"silu\", \"swish\" or \"sigmoid\", not \"" << name << '"';
  Value x = node.operand(0), scale = wide(node, node.operand(1)), gate = wide(node, node.operand(2));
  Value shape = build<ConcatOp>(
      node, {build<ShapeOp>(node, x, intAttr(node, "end", -1)), node.constant({-1}), build<ShapeOp>(node, scale)},
      intAttr(node, "axis", 0));
  Value rows = build<ReshapeOp>(node, {wide(node, x), shape});
  rows = build<MulOp>(node, {normalizeLast(node, rows, takeFloat(node, "epsilon", 1e-5f)), scale});
  Value weight = build<SigmoidOp>(node, gate);
  if (name != "sigmoid")
    weight = build<MulOp>(node, {gate, weight});
  Value y = build<MulOp>(node, {reshapeLike(node, rows, x), weight});
  return finish(node, castTo(node, y, getElementTypeOrSelf(x)));
}

/// The value, which all streams share, times sigmoid(sign(d) * sqrt(max(|d|, 1e-6))) of the product d of key and query,
/// both normalised; and that normalised again.
static LogicalResult expandEngramGate(NodeForm &node) {
  if (failed(requireOperands(node, 5)))
    return failure();
  Type type = getElementTypeOrSelf(node.operand(0));
  double epsilon = takeFloat(node, "epsilon", 1e-5f);
  auto normalized = [&](Value x, Value scale) {
    return build<MulOp>(node, {normalizeLast(node, x, epsilon), wide(node, scale)});
  };
  Value key = normalized(wide(node, node.operand(0)), node.operand(3));
  Value query = normalized(wide(node, node.operand(1)), node.operand(4));
  Value dot = build<ReduceSumOp>(node, {build<MulOp>(node, {key, query}), node.constant({-1})});
  dot = build<DivOp>(node, {dot, build<SqrtOp>(node, wide(node, dimensionOf(node, node.operand(0), -1)))});
  Value root = build<SqrtOp>(node, build<ClipOp>(node, {build<AbsOp>(node, dot), number(node, 1e-6), absent(node)}));
  Value gate = build<SigmoidOp>(node, build<MulOp>(node, {build<SignOp>(node, dot), root}));
  Value gated = build<MulOp>(node, {gate, unsqueeze(node, wide(node, node.operand(2)), -2)});
  SmallVector<Value> results{castTo(node, gated, type)};
  if (node.resultCount > 1) {
    if (!node.operand(5))
      return node.error() << "the second result needs conv_norm_scale";
    results.push_back(castTo(node, normalized(gated, node.operand(5)), type));
  }
  return finish(node, results);
}

/// decay_scale * softplus(a + dt_bias), and sigmoid(b).
static LogicalResult expandLinearAttentionGate(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  Type type = getElementTypeOrSelf(node.operand(0));
  Value sum = build<AddOp>(node, {wide(node, node.operand(0)), wide(node, node.operand(1))});
  Value decay = build<MulOp>(node, {build<SoftplusOp>(node, sum), wide(node, node.operand(2))});
  SmallVector<Value> results{castTo(node, decay, type)};
  if (node.resultCount > 1) {
    if (!node.operand(3))
      return node.error() << "the second result needs input 3";
    results.push_back(castTo(node, build<SigmoidOp>(node, wide(node, node.operand(3))), type));
  }
  return finish(node, results);
}

//===- Hyper-connections ------------------------------------------------------------------===//

namespace {
/// Operand 0: [..., C, H] for C streams, or [..., C * H] where num_branches says what C is.
struct Streams {
  Value given, value; ///< the latter is [..., C, H] in f32
  std::optional<int64_t> count;
  bool isFlat;

  static FailureOr<Streams> take(NodeForm &node) {
    auto type = getOperandType(node, 0);
    if (failed(type))
      return failure();
    int64_t count = takeInt(node, "num_branches", 0), rank = type->getRank();
    Streams streams{node.operand(0), wide(node, node.operand(0)), count, count != 0};
    if (count < 0 || rank < (streams.isFlat ? 1 : 2))
      return node.error() << "num_branches " << count << " must not be negative, and the streams have "
                          << (streams.isFlat ? "a dimension" : "two dimensions");
    if (streams.isFlat) {
      if (auto width = getConstant(getDims(streams.given).back()); width && *width % count != 0)
        return node.error() << "num_branches " << count << " does not divide the " << *width << " elements of a row";
      streams.value = splitLast(node, streams.value, {count, -1});
    } else {
      streams.count = getConstant(getDims(streams.given)[rank - 2]);
    }
    if (!streams.value)
      return failure();
    return streams;
  }
  int64_t rank() const { return getDims(value).size(); }

  /// A gate [..., C], [..., C, 1], [..., C, H] or, of flat streams, [..., C * H], so that it broadcasts to them.
  FailureOr<Value> spread(NodeForm &node, Value gate) const {
    int64_t more = getDims(gate).size() - (rank() - 2);
    gate = wide(node, gate);
    if (more == 2)
      return gate;
    if (more != 1)
      return node.error() << "the gate has rank " << getDims(gate).size() << ", expected " << rank() - 1 << " or "
                          << rank();
    auto width = getConstant(getDims(gate).back());
    if (isFlat && width && *width != *count)
      return splitLast(node, gate, {*count, -1});
    return unsqueeze(node, gate, -1);
  }

  /// A result of the streams' shape and type.
  LogicalResult finish(NodeForm &node, Value result) const {
    result = castTo(node, result, getElementTypeOrSelf(given));
    return onnxc::onnx::finish(node, isFlat ? reshapeLike(node, result, given) : result);
  }
};
} // namespace

/// The sum of the streams, each times its gate.
static LogicalResult expandPreMix(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  auto streams = Streams::take(node);
  FailureOr<Value> gate = failure();
  if (succeeded(streams))
    gate = streams->spread(node, node.operand(1));
  if (failed(gate))
    return failure();
  Value sum = build<ReduceSumOp>(node, {build<MulOp>(node, {streams->value, *gate}), node.constant({-2})},
                                 intAttr(node, "keepdims", 0));
  if (double scale = takeFloat(node, "reduction_scale", 1); scale != 1)
    sum = build<MulOp>(node, {sum, number(node, scale)});
  return finish(node, castTo(node, sum, getElementTypeOrSelf(streams->given)));
}

/// The streams, mixed with each other if stream_mix is there, plus the block's output times a gate.
static LogicalResult expandPostMix(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  auto streams = Streams::take(node);
  FailureOr<Value> gate = failure();
  if (succeeded(streams))
    gate = streams->spread(node, node.operand(2));
  if (failed(gate))
    return failure();
  Value mixed = streams->value;
  if (Value mix = node.operand(3))
    mixed = build<MatMulOp>(node, {transposeLast(node, wide(node, mix)), mixed});
  Value block = unsqueeze(node, wide(node, node.operand(1)), -2);
  return streams->finish(node, build<AddOp>(node, {mixed, build<MulOp>(node, {*gate, block})}));
}

/// Each stream normalised; the scale is [H], [C * H] or [C, H].
static LogicalResult expandBranchwiseRMSNorm(NodeForm &node) {
  auto streams = Streams::take(node);
  if (failed(streams))
    return failure();
  Value y = normalizeLast(node, streams->value, takeFloat(node, "epsilon", 1e-5f));
  if (Value scale = node.operand(1)) {
    Value shape =
        build<ConcatOp>(node, {node.constant({-1}), dimensionOf(node, streams->value, -1)}, intAttr(node, "axis", 0));
    y = build<MulOp>(node, {y, build<ReshapeOp>(node, {wide(node, scale), shape})});
  }
  return streams->finish(node, y);
}

void onnxc::onnx::registerContribGatesOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "com.microsoft");
  };
  add("BranchwiseRMSNorm", expandBranchwiseRMSNorm);
  add("EngramGate", expandEngramGate);
  add("GatedAdd", expandGatedAdd);
  add("GatedRMSNorm", expandGatedRMSNorm);
  add("HyperConnectionPostMix", expandPostMix);
  add("HyperConnectionPreMix", expandPreMix);
  add("LinearAttentionGate", expandLinearAttentionGate);
  add("ScaledSiLU", expandScaledSiLU);
}
