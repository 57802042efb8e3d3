//===- dialects/onnx/ops/MatMul.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Matrix products.
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/ZeroPoint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace onnxc::onnx;

/// The sizes of numpy.matmul(a, b); a vector on the left is a row, on the right a column, and its 1 is left out of the
/// result. `full` gets the sizes with those.
static FailureOr<Dims> matmulDims(Operation *op, Dims a, Dims b, Dims *full = nullptr) {
  AffineExpr one = makeDim(op->getContext(), 1);
  if (a.empty() || b.empty())
    return op->emitOpError("operands must not be scalars");
  bool row = a.size() == 1, column = b.size() == 1;
  if (row)
    a.insert(a.begin(), one);
  if (column)
    b.push_back(one);
  AffineExpr inner = a.back(), other = b[b.size() - 2];
  if (getConstant(inner) && getConstant(other) && inner != other)
    return op->emitOpError("A has ") << *getConstant(inner) << " columns, B has " << *getConstant(other) << " rows";
  auto dims = broadcast(op, {Dims(ArrayRef(a).drop_back(2)), Dims(ArrayRef(b).drop_back(2))});
  if (failed(dims))
    return failure();
  if (full) {
    *full = *dims;
    full->append({a[a.size() - 2], b.back()});
  }
  if (!row)
    dims->push_back(a[a.size() - 2]);
  if (!column)
    dims->push_back(b.back());
  return dims;
}

/// numpy.matmul, accumulated in (and returned as) `accumulator`.
static FailureOr<Lowered> lowerMatmul(Operation *op, LoweringBuilder &b, Lowered lhs, Lowered rhs, Type accumulator) {
  Dims full;
  auto dims = matmulDims(op, lhs.dims(), rhs.dims(), &full);
  if (failed(dims))
    return failure();
  AffineExpr one = makeDim(op->getContext(), 1);
  if (lhs.rank() == 1)
    lhs = reshape(b, lhs, {one, lhs.dims()[0]});
  if (rhs.rank() == 1)
    rhs = reshape(b, rhs, {rhs.dims()[0], one});
  return reshape(b, matmul(b, lhs, rhs, full, accumulator), *dims);
}

LogicalResult MatMulOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (getElementTypeOrSelf(getA()) != getElementTypeOrSelf(getB()))
    return emitOpError("A and B have different element types");
  auto dims = matmulDims(*this, getDims(getA()), getDims(getB()));
  if (failed(dims))
    return failure();
  types.push_back(makeTensor(*dims, getElementTypeOrSelf(getA())));
  return success();
}

FailureOr<SmallVector<Value>> MatMulOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered lhs = getLowered(*this, operands, 0), rhs = getLowered(*this, operands, 1);
  auto product = lowerMatmul(*this, b, lhs, rhs, accumulatorType(lhs.element()));
  if (failed(product))
    return failure();
  return SmallVector<Value>{convert(b, *product, lhs.element()).value};
}

//===-- Gemm

/// The sizes of the product: [M, N].
static FailureOr<Dims> gemmDims(GemmOp op) {
  Dims a = getDims(op.getA()), b = getDims(op.getB());
  if (a.size() != 2 || b.size() != 2)
    return op.emitOpError("A and B must have rank 2, they have ") << a.size() << " and " << b.size();
  if (getElementTypeOrSelf(op.getA()) != getElementTypeOrSelf(op.getB()))
    return op.emitOpError("A and B have different element types");
  if (op.getTransA())
    std::swap(a[0], a[1]);
  if (op.getTransB())
    std::swap(b[0], b[1]);
  if (getConstant(a[1]) && getConstant(b[0]) && a[1] != b[0])
    return op.emitOpError("the inner sizes ")
           << *getConstant(a[1]) << " of A' and " << *getConstant(b[0]) << " of B' differ";
  Dims dims{a[0], b[1]};
  if (auto c = dyn_cast<RankedTensorType>(op.getC().getType())) { // broadcasts to the product, not the reverse
    Dims addend = getDims(c);
    if (addend.size() > 2)
      return op.emitOpError("C has rank ") << addend.size() << ", expected at most 2";
    for (auto [size, result] : llvm::zip_equal(addend, ArrayRef(dims).take_back(addend.size())))
      if (getConstant(size) && *getConstant(size) != 1 && getConstant(result) && size != result)
        return op.emitOpError("C with size ")
               << *getConstant(size) << " does not broadcast to " << *getConstant(result);
  }
  return dims;
}

LogicalResult GemmOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = gemmDims(*this);
  if (failed(dims))
    return failure();
  types.push_back(makeTensor(*dims, getElementTypeOrSelf(getA())));
  return success();
}

/// factor * x, where x has the element type `element` (with signedness). Integers are scaled in float, as the
/// attributes are.
static Value scale(ImplicitLocOpBuilder &b, Value x, float factor, Type element) {
  if (factor == 1.0f)
    return x;
  if (isa<FloatType>(element))
    return arith::MulFOp::create(b, x, arith::ConstantOp::create(b, cast<TypedAttr>(b.getFloatAttr(element, factor))));
  if (factor == static_cast<float>(static_cast<int64_t>(factor)))
    return arith::MulIOp::create(
        b, x, arith::ConstantOp::create(b, b.getIntegerAttr(x.getType(), static_cast<int64_t>(factor))));
  Value real = convertScalar(b, x, element, b.getF64Type());
  real = arith::MulFOp::create(b, real, arith::ConstantOp::create(b, b.getF64FloatAttr(factor)));
  return element.isUnsignedInteger() ? Value(arith::FPToUIOp::create(b, x.getType(), real))
                                     : Value(arith::FPToSIOp::create(b, x.getType(), real));
}

FailureOr<SmallVector<Value>> GemmOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto dims = gemmDims(*this);
  if (failed(dims))
    return failure();
  Lowered lhs = getLowered(*this, operands, 0), rhs = getLowered(*this, operands, 1),
          c = getLowered(*this, operands, 2);
  Type element = lhs.element(), accumulator = accumulatorType(element);
  Lowered y;
  if (!getTransA() && !getTransB()) {
    y = matmul(b, lhs, rhs, *dims, accumulator);
  } else {
    AffineExpr m = b.getAffineDimExpr(0), n = b.getAffineDimExpr(1), k = b.getAffineDimExpr(2);
    auto map = [&](AffineExpr first, AffineExpr second, bool transposed) {
      return AffineMap::get(3, 0, transposed ? ArrayRef{second, first} : ArrayRef{first, second}, b.getContext());
    };
    y = contract(b, lhs, map(m, k, getTransA()), rhs, map(k, n, getTransB()), *dims, map(m, n, false), accumulator);
  }
  float alpha = getAlpha().convertToFloat(), beta = getBeta().convertToFloat();
  if (!c || beta == 0.0f) {
    if (alpha == 1.0f)
      return SmallVector<Value>{convert(b, y, element).value};
    c = {};
  }
  SmallVector<Value> inputs{y.value};
  SmallVector<Type> types{y.type};
  if (c) {
    inputs.push_back(c.value);
    types.push_back(c.type);
  }
  return SmallVector<Value>{
      b.elementwise(getY().getType(), inputs, types, [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
        Value sum = scale(b, args[0], alpha, accumulator);
        if (c) {
          Value addend = scale(b, convertScalar(b, args[1], element, accumulator), beta, accumulator);
          sum = isa<FloatType>(accumulator) ? Value(arith::AddFOp::create(b, sum, addend))
                                            : Value(arith::AddIOp::create(b, sum, addend));
        }
        return convertScalar(b, sum, accumulator, element);
      })};
}

//===-- MatMulInteger

/// "Inputs A and B are int8 or uint8, and their zero points have the same types"; a zero point is a scalar, has one
/// number for each row or column, or the operand's rank (specification of MatMulInteger).
static LogicalResult verifyQuantized(Operation *op, Value operand, Value zero, StringRef name) {
  auto type = cast<RankedTensorType>(operand.getType()), zeroType = dyn_cast<RankedTensorType>(zero.getType());
  auto element = dyn_cast<IntegerType>(type.getElementType());
  if (!element || element.getWidth() != 8)
    return op->emitOpError(name) << " must be int8 or uint8, not " << getElementTypeName(type.getElementType());
  if (!zeroType)
    return success();
  if (zeroType.getElementType() != element)
    return op->emitOpError(name) << " and its zero point have different element types";
  int64_t rank = zeroType.getRank();
  bool isOne = rank == 0 || (rank == 1 && zeroType.getDimSize(0) == 1);
  if (!isOne && (type.getRank() < 2 || (rank != 1 && rank != type.getRank())))
    return op->emitOpError("the zero point of ")
           << name << " has rank " << rank << ", " << name << " has rank " << type.getRank();
  if (!isOne && rank > 1)
    for (auto [i, size] : llvm::enumerate(zeroType.getShape()))
      if (size != 1 && getDims(zeroType)[i] != getDims(type)[i])
        return op->emitOpError("the sizes of the zero point of ") << name << " do not fit: dimension " << i;
  return success();
}

LogicalResult MatMulIntegerOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = matmulDims(*this, getDims(getA()), getDims(getB()));
  if (failed(dims) || failed(verifyQuantized(*this, getA(), getAZeroPoint(), "A")) ||
      failed(verifyQuantized(*this, getB(), getBZeroPoint(), "B")))
    return failure();
  types.push_back(makeTensor(*dims, IntegerType::get(getContext(), 32)));
  return success();
}

FailureOr<SmallVector<Value>> MatMulIntegerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered lhs = getLowered(*this, operands, 0), rhs = getLowered(*this, operands, 1);
  lhs = subtractZeroPoint(b, lhs, getLowered(*this, operands, 2), lhs.rank() - 2); // per row
  rhs = subtractZeroPoint(b, rhs, getLowered(*this, operands, 3), rhs.rank() - 1); // per column
  auto product = lowerMatmul(*this, b, lhs, rhs, b.getI32Type());
  if (failed(product))
    return failure();
  return SmallVector<Value>{product->value};
}

//===-- Older forms

/// Until version 7, C broadcast only where the attribute said so.
static LogicalResult dropBroadcast(NodeForm &node) {
  node.take("broadcast");
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/MatMul.cpp.inc"

void onnxc::onnx::registerMatMulOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/MatMul.cpp.inc"
      >();
  dialect.addUpgrade("Gemm", 7, dropBroadcast);
}
