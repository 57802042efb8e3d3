//===- dialects/onnx/ops/ContribQuantized.cpp --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators on quantised numbers of the domain com.microsoft: import makes them the operator on real numbers (f32)
// between DequantizeLinear and QuantizeLinear. Quantised tensors are three inputs each: numbers, scale, zero point (0
// if absent).
#include "dialects/onnx/ops/ContribQuantized.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Pooling.h"
#include "dialects/onnx/ops/Quantization.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

/// Operands i to i + 2 as real numbers. Where there is one scale for each index of an axis, that is `axis`.
static Value dequantize(NodeForm &node, unsigned i, int64_t axis = 1) {
  if (!node.operand(i) || !node.operand(i + 1)) {
    node.error() << "inputs " << i << " and " << i + 1 << " must be given";
    return {};
  }
  return build<DequantizeLinearOp>(node, {node.operand(i), node.operand(i + 1), orAbsent(node, node.operand(i + 2))},
                                   intAttr(node, "axis", axis));
}

/// The result: real numbers quantised to the type of `like` by the scale and zero point that are operands i and i + 1.
static LogicalResult quantize(NodeForm &node, Value real, unsigned i, Value like) {
  if (!real)
    return failure();
  if (!node.operand(i))
    return node.error() << "input " << i << " must be given";
  return finish(node, build<QuantizeLinearOp>(node, {real, node.operand(i), orAbsent(node, node.operand(i + 1))},
                                              intAttr(node, "output_dtype", getOnnxType(getElementTypeOrSelf(like)))));
}

/// The dimension of channels moved from the end to the front, behind the batch, or back.
static Value moveChannels(NodeForm &node, Value value, bool toFront) {
  if (!value)
    return {};
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, getDims(value).size()));
  if (order.size() > 2)
    std::rotate(order.begin() + 1, toFront ? order.end() - 1 : order.begin() + 2, order.end());
  return build<TransposeOp>(node, value, intsAttr(node, "perm", order));
}

//===- One element from one element -----------------------------------------------------===//

template <typename OpT> static LogicalResult expandBinary(NodeForm &node) {
  Value a = dequantize(node, 0), b = dequantize(node, 3);
  return quantize(node, build<OpT>(node, {a, b}), 6, node.operand(0));
}

template <typename OpT> static LogicalResult expandUnary(NodeForm &node) {
  Value x = dequantize(node, 0);
  return quantize(node, build<OpT>(node, x, takeThoseOf<OpT>(node)), 3, node.operand(0));
}

static LogicalResult expandWhere(NodeForm &node) {
  if (failed(requireOperands(node, 9)))
    return failure();
  Value x = dequantize(node, 1), y = dequantize(node, 4);
  return quantize(node, build<WhereOp>(node, {node.operand(0), x, y}), 7, node.operand(1));
}

/// Scale and zero point of the result come first, then the tensors.
static LogicalResult expandConcat(NodeForm &node) {
  if (node.operands.size() < 5 || node.operands.size() % 3 != 2)
    return node.error() << "the node has " << node.operands.size()
                        << " inputs; they must be a scale, a zero point, and three for each tensor";
  SmallVector<Value> parts;
  for (size_t i = 2; i < node.operands.size(); i += 3)
    parts.push_back(dequantize(node, i));
  return quantize(node, build<ConcatOp>(node, parts, takeThoseOf<ConcatOp>(node)), 0, node.operand(2));
}

//===- Reductions -----------------------------------------------------------------------===//

template <typename OpT> static LogicalResult expandPool(NodeForm &node) {
  bool isChannelsLast = takeInt(node, "channels_last", 0);
  Value x = dequantize(node, 0);
  if (isChannelsLast)
    x = moveChannels(node, x, /*toFront=*/true);
  x = build<OpT>(node, x, takeThoseOf<OpT>(node));
  return quantize(node, isChannelsLast ? moveChannels(node, x, /*toFront=*/false) : x, 3, node.operand(0));
}

/// Of numbers as they are, with the channels last.
static LogicalResult expandNhwcMaxPool(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  Value x = build<MaxPoolOp>(node, moveChannels(node, node.operand(0), /*toFront=*/true), takeThoseOf<MaxPoolOp>(node));
  return finish(node, moveChannels(node, x, /*toFront=*/false));
}

static LogicalResult expandReduceMean(NodeForm &node) {
  auto axes = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("axes"));
  Value list = axes ? node.constant(axes) : absent(node);
  Value mean = build<ReduceMeanOp>(node, {dequantize(node, 0), list}, takeThoseOf<ReduceMeanOp>(node));
  return quantize(node, mean, 3, node.operand(0));
}

/// The attribute opset says which version of Softmax it is.
static LogicalResult expandSoftmax(NodeForm &node) {
  int64_t opset = takeInt(node, "opset", 13);
  auto weights = expandWithAttributes(node, "Softmax", opset, dequantize(node, 0));
  return succeeded(weights) ? quantize(node, weights->front(), 3, node.operand(0)) : failure();
}

//===- Products -------------------------------------------------------------------------===//

/// As ai.onnx has it, but that channels may be last.
static LogicalResult expandConv(NodeForm &node) {
  if (failed(requireOperands(node, 8)))
    return failure();
  bool isChannelsLast = takeInt(node, "channels_last", 0);
  if (isChannelsLast)
    node.operands[0] = moveChannels(node, node.operands[0], /*toFront=*/true);
  auto y = expandWithAttributes(node, "QLinearConv", node.opset, node.operands);
  if (failed(y))
    return failure();
  return finish(node, isChannelsLast ? moveChannels(node, y->front(), /*toFront=*/false) : y->front());
}

/// alpha * A' * B' + C, where C has the scale alpha * a_scale * b_scale. Real numbers result where there is no y_scale.
static LogicalResult expandGemm(NodeForm &node) {
  if (failed(requireOperands(node, 6)))
    return failure();
  double alpha = takeFloat(node, "alpha", 1);
  bool isTransposed =
      dyn_cast_or_null<IntegerAttr>(node.get("transB")) && llvm::cast<IntegerAttr>(node.get("transB")).getSInt() != 0;
  Value a = dequantize(node, 0), b = dequantize(node, 3, isTransposed ? 0 : 1), c = absent(node);
  Value scale = build<MulOp>(node, {node.operand(1), node.operand(4)});
  if (scale && alpha != 1)
    scale = build<MulOp>(node, {scale, node.scalar(alpha, getElementTypeOrSelf(scale))});
  if (Value given = node.operand(6)) {
    // With broadcasting: C may be a matrix, with one scale for each column.
    c = build<MulOp>(node, {castTo(node, given, node.b.getF32Type()), scale});
  }
  SmallVector<NamedAttribute> attributes = takeThoseOf<GemmOp>(node);
  attributes.push_back(floatAttr(node, "alpha", alpha));
  Value y = build<GemmOp>(node, {a, b, c}, attributes);
  return node.operand(7) ? quantize(node, y, 7, node.operand(0)) : finish(node, y);
}

/// scale * the product of integers (+ bias), in f32. The scale of B may be one for each column.
static LogicalResult scaleProduct(NodeForm &node, Value a, Value b, Value aScale, Value bScale, Value aZero,
                                  Value bZero, Value bias) {
  Value product = build<MatMulIntegerOp>(node, {a, b, orAbsent(node, aZero), orAbsent(node, bZero)});
  if (!product || !aScale || !bScale)
    return failure();
  Type type = getElementTypeOrSelf(bScale), f32 = node.b.getF32Type();
  Value scale = build<MulOp>(node, {castTo(node, aScale, f32), castTo(node, bScale, f32)});
  Value y = build<MulOp>(node, {castTo(node, product, f32), scale});
  if (bias)
    y = build<AddOp>(node, {y, castTo(node, bias, f32)});
  return finish(node, castTo(node, y, type));
}

static LogicalResult expandMatMulIntegerToFloat(NodeForm &node) {
  if (failed(requireOperands(node, 4)))
    return failure();
  return scaleProduct(node, node.operand(0), node.operand(1), node.operand(2), node.operand(3), node.operand(4),
                      node.operand(5), node.operand(6));
}

/// A is quantised by what is in it.
static LogicalResult expandDynamicQuantizeMatMul(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  auto a = expand(node, "DynamicQuantizeLinear", 11, node.operand(0), {}, 3);
  if (failed(a))
    return failure();
  return scaleProduct(node, (*a)[0], node.operand(1), (*a)[1], node.operand(2), (*a)[2], node.operand(3),
                      node.operand(4));
}

/// Integers of 16 bits multiplied and summed up in 32, which may wrap.
static LogicalResult expandMatMulInteger16(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Type i32 = node.b.getI32Type();
  return finish(node, build<MatMulOp>(node, {castTo(node, node.operand(0), i32), castTo(node, node.operand(1), i32)}));
}

static LogicalResult makeStandard(NodeForm &node) {
  node.domain = "";
  return success();
}

void onnxc::onnx::registerContribQuantizedOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "com.microsoft");
  };
  add("DequantizeLinear", makeStandard);
  add("DynamicQuantizeMatMul", expandDynamicQuantizeMatMul);
  add("MatMulInteger16", expandMatMulInteger16);
  add("MatMulIntegerToFloat", expandMatMulIntegerToFloat);
  add("NhwcMaxPool", expandNhwcMaxPool);
  add("QGemm", expandGemm);
  add("QLinearAdd", expandBinary<AddOp>);
  add("QLinearAveragePool", expandPool<AveragePoolOp>);
  add("QLinearConcat", expandConcat);
  add("QLinearConv", expandConv);
  add("QLinearGlobalAveragePool", expandPool<GlobalAveragePoolOp>);
  add("QLinearLeakyRelu", expandUnary<LeakyReluOp>);
  add("QLinearMul", expandBinary<MulOp>);
  add("QLinearReduceMean", expandReduceMean);
  add("QLinearSigmoid", expandUnary<SigmoidOp>);
  add("QLinearSoftmax", expandSoftmax);
  add("QLinearWhere", expandWhere);
  add("QuantizeLinear", makeStandard);
}
