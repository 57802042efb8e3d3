//===- dialects/onnx/ops/Softmax.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Softmax, LogSoftmax and Hardmax. Before version 13 they worked on the input flattened to a matrix.
#include "dialects/onnx/ops/Softmax.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace onnxc::onnx;

template <typename OpT> static LogicalResult inferSoftmax(OpT op, SmallVectorImpl<Type> &types) {
  Type element = getElementTypeOrSelf(op.getInput().getType());
  if (!isa<FloatType>(element))
    return op.emitOpError("takes floating-point numbers, not ") << getElementTypeName(element);
  if (failed(normalizeAxis(op, op.getAxis(), getDims(op.getInput()).size())))
    return failure();
  types.push_back(op.getInput().getType());
  return success();
}

LogicalResult SoftmaxOp::inferTypes(SmallVectorImpl<Type> &types) { return inferSoftmax(*this, types); }
LogicalResult LogSoftmaxOp::inferTypes(SmallVectorImpl<Type> &types) { return inferSoftmax(*this, types); }
LogicalResult HardmaxOp::inferTypes(SmallVectorImpl<Type> &types) { return inferSoftmax(*this, types); }

namespace {
/// The input over its iteration space, and the largest element of every line.
struct Lines {
  template <typename OpT>
  Lines(OpT op, LoweringBuilder &b, ValueRange operands)
      : input(getLowered(op, operands, 0)), fields(b, input.dims()),
        axis(*normalizeAxis(op, op.getAxis(), input.rank())), element(input.element()),
        accumulator(accumulatorType(element)), x(fields.all(input)),
        largest(fields.reduce(
            x, axis, accumulator, [](Scalar like) { return like.lowest(); },
            [](Scalar a, ArrayRef<Scalar> e) { return max(a, e[0]); })) {}

  Lowered input;
  Fields fields;
  int64_t axis;
  Type element, accumulator;
  Field x, largest;
};
} // namespace

FailureOr<SmallVector<Value>> SoftmaxOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lines l(*this, b, operands);
  // What is inside of the operator is not rounded to the element type: 70,000 powers of 1 are more than a float16
  // holds.
  Field distance = l.fields.map({l.x, l.largest}, l.accumulator, [](ArrayRef<Scalar> e) { return e[0] - e[1]; });
  Field powers = l.fields.map(distance, l.accumulator, [](ArrayRef<Scalar> e) { return exp(e[0]); });
  Field sum = l.fields.sum(powers, l.axis, l.accumulator, [](ArrayRef<Scalar> e) { return e[0]; });
  Field result = l.fields.map({powers, sum}, l.element, [](ArrayRef<Scalar> e) { return divideByShared(e[0], e[1]); });
  return SmallVector<Value>{result.tensor.value};
}

FailureOr<SmallVector<Value>> LogSoftmaxOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lines l(*this, b, operands);
  Field sum =
      l.fields.sum({l.x, l.largest}, l.axis, l.accumulator, [](ArrayRef<Scalar> e) { return exp(e[0] - e[1]); });
  // Not x - (largest + log(sum)): where x is the largest, nothing but the logarithm counts.
  Field logs = l.fields.map(sum, l.accumulator, [](ArrayRef<Scalar> e) { return log(e[0]); });
  Field result = l.fields.map({l.x, l.largest, logs}, l.element, [](ArrayRef<Scalar> e) { return e[0] - e[1] - e[2]; });
  return SmallVector<Value>{result.tensor.value};
}

/// The index along `axis` of the loops around.
static Scalar getPlace(Scalar like, int64_t axis) {
  ImplicitLocOpBuilder &b = like.builder();
  return Scalar(b, arith::IndexCastOp::create(b, b.getI64Type(), linalg::IndexOp::create(b, axis)));
}

FailureOr<SmallVector<Value>> HardmaxOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lines l(*this, b, operands);
  Field first = l.fields.reduce(
      {l.x, l.largest}, l.axis, b.getI64Type(), [](Scalar like) { return like.highest(); },
      [&](Scalar a, ArrayRef<Scalar> e) { return min(a, select(e[0] == e[1], getPlace(a, l.axis), a.highest())); });
  Field result = l.fields.map({l.x, first}, l.element, [&](ArrayRef<Scalar> e) {
    return select(getPlace(e[1], l.axis) == e[1], e[0].number(1), e[0].number(0));
  });
  return SmallVector<Value>{result.tensor.value};
}

//===- Older versions ---------------------------------------------------------------===//

/// Before version 13 the input was taken as a matrix, with the dimensions before `axis` (by default 1) and those from
/// it on; a line was a row. Where only one of the latter is not 1, that is the line of today.
template <typename OpT> static LogicalResult upgradeFlattened(NodeForm &node) {
  auto type = getOperandType(node, 0);
  if (failed(type))
    return failure();
  int64_t rank = type->getRank(), axis = takeInt(node, "axis", 1);
  if (axis < -rank || axis > rank)
    return node.error() << node.name << ": axis " << axis << " is out of range for rank " << rank;
  axis += axis < 0 ? rank : 0;
  SmallVector<int64_t> line;
  for (int64_t i = axis; i < rank; ++i)
    if (type->getDimSize(i) != 1)
      line.push_back(i);
  if (line.size() == 1) {
    setInt(node, "axis", line.front());
    return success();
  }
  auto attribute = [&](int64_t value) {
    return node.b.getNamedAttr("axis", IntegerAttr::get(node.b.getIntegerType(64, /*isSigned=*/true), value));
  };
  auto matrix = make<FlattenOp>(node.b, node.operands[0], attribute(axis));
  auto result = matrix ? make<OpT>(node.b, matrix.getOutput(), attribute(1)) : OpT();
  Value reshaped = result ? reshapeLike(node, result.getOutput(), node.operands[0]) : Value();
  if (!reshaped)
    return failure();
  node.results = {reshaped};
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Softmax.cpp.inc"

void onnxc::onnx::registerSoftmaxOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Softmax.cpp.inc"
      >();
  dialect.addUpgrade("Softmax", 13, upgradeFlattened<SoftmaxOp>);
  dialect.addUpgrade("LogSoftmax", 13, upgradeFlattened<LogSoftmaxOp>);
  dialect.addUpgrade("Hardmax", 13, upgradeFlattened<HardmaxOp>);
}
