//===- dialects/onnx/support/ComplexParts.cpp --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Complex numbers as two floats. See ComplexParts.h.
#include "dialects/onnx/support/ComplexParts.h"
#include "dialects/onnx/OnnxOp.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

ComplexParts onnxc::onnx::splitComplex(ImplicitLocOpBuilder &b, Value stored, ComplexType type) {
  Type part = type.getElementType();
  unsigned width = part.getIntOrFloatBitWidth();
  auto toFloat = [&](Value bits) {
    Value half = arith::TruncIOp::create(b, b.getIntegerType(width), bits);
    return Scalar(b, arith::BitcastOp::create(b, part, half));
  };
  Value shift = arith::ConstantOp::create(b, b.getIntegerAttr(stored.getType(), width));
  return {toFloat(stored), toFloat(arith::ShRUIOp::create(b, stored, shift))};
}

Value onnxc::onnx::joinComplex(ComplexParts parts) {
  ImplicitLocOpBuilder &b = parts.real.builder();
  unsigned width = parts.real.type().getIntOrFloatBitWidth();
  Type half = b.getIntegerType(width), whole = b.getIntegerType(2 * width);
  auto toBits = [&](Value part) -> Value {
    return arith::ExtUIOp::create(b, whole, arith::BitcastOp::create(b, half, part));
  };
  Value shift = arith::ConstantOp::create(b, b.getIntegerAttr(whole, width));
  Value upper = arith::ShLIOp::create(b, toBits(parts.imaginary), shift);
  return arith::OrIOp::create(b, toBits(parts.real), upper);
}

FailureOr<SmallVector<Value>> onnxc::onnx::lowerByParts(Operation *op, LoweringBuilder &b, ValueRange operands) {
  assert(op->getNumResults() == 1 && "parts of one result");
  SmallVector<Value> parts;
  for (Scalar ComplexParts::*part : {&ComplexParts::real, &ComplexParts::imaginary}) {
    SmallVector<Value> made;
    for (auto [lowered, operand] : llvm::zip_equal(operands, op->getOperands())) {
      auto complex = dyn_cast<ComplexType>(getElementTypeOrSelf(operand));
      if (!complex) {
        made.push_back(operand);
        continue;
      }
      RankedTensorType type = withElementType(operand.getType(), complex.getElementType());
      Value taken =
          b.elementwise(type, lowered, operand.getType(), [&](ImplicitLocOpBuilder &body, ValueRange e) -> Value {
            return splitComplex(body, e[0], complex).*part;
          });
      made.push_back(b.lift(taken, type));
    }
    Operation *half = makeOp(b, op->getName().getStringRef(), made, op->getAttrs(), 1);
    if (!half)
      return failure();
    parts.push_back(b.lower(half->getResult(0)));
  }
  // Sizes are those of a part: symbols that the two operations introduced are not bound yet.
  auto type = LoweringBuilder::loweredType(op->getResult(0).getType());
  int64_t rank = type.getRank();
  Value empty = tensor::EmptyOp::create(b, tensor::getMixedSizes(b, b.getLoc(), parts[0]), type.getElementType());
  SmallVector<AffineMap> maps(3, b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(b, TypeRange{empty.getType()}, parts, ValueRange{empty}, maps, iterators,
                                           [&](OpBuilder &nested, Location loc, ValueRange args) {
                                             ImplicitLocOpBuilder body(loc, nested);
                                             linalg::YieldOp::create(
                                                 body, joinComplex({Scalar(body, args[0]), Scalar(body, args[1])}));
                                           });
  return SmallVector<Value>{generic.getResult(0)};
}
