//===- dialects/onnx/support/ZeroPoint.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The numbers that stand for quantised ones. See ZeroPoint.h.
#include "dialects/onnx/support/ZeroPoint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;
using namespace onnxc::onnx;

Lowered onnxc::onnx::spread(LoweringBuilder &b, Lowered parameter, ArrayRef<AffineExpr> sizes, const Twine &message) {
  Dims wanted;
  bool fits = true;
  for (auto [ownSize, wantedSize] : llvm::zip_equal(parameter.dims(), sizes)) {
    AffineExpr own = ownSize, size = wantedSize; // C++17 captures no structured bindings
    wanted.push_back(getConstant(own) == 1 ? own : size);
    if (getDifference(own, wanted.back()) == 0)
      continue;
    fits = false;
    auto is = [&](AffineExpr other) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.materializeIndex(own), b.materializeIndex(other));
    };
    cf::AssertOp::create(b, arith::OrIOp::create(b, is(makeDim(b.getContext(), 1)), is(size)), message.str());
  }
  if (fits)
    return parameter;
  RankedTensorType type = makeTensor(wanted, parameter.element());
  return {b.elementwise(type, parameter.value, parameter.type,
                        [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; }),
          type};
}

Lowered onnxc::onnx::subtractZeroPoint(LoweringBuilder &b, Lowered value, Lowered zero, int64_t axis) {
  Type i32 = b.getI32Type();
  if (!zero)
    return convert(b, value, i32);
  int64_t rank = value.rank();
  Dims all = value.dims();
  zero = spread(b, zero, zero.rank() == 1 ? ArrayRef(all[axis]) : ArrayRef(all).take_back(zero.rank()),
                "the number of zero points does not fit");
  SmallVector<AffineExpr> at;
  if (zero.rank() == 1)
    at.push_back(getConstant(zero.dims()[0]) == 1 ? b.getAffineConstantExpr(0) : b.getAffineDimExpr(axis));
  else
    for (auto [i, dim] : llvm::enumerate(zero.dims()))
      at.push_back(getConstant(dim) == 1 ? b.getAffineConstantExpr(0) : b.getAffineDimExpr(rank - zero.rank() + i));
  RankedTensorType type = withElementType(value.type, i32);
  SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(rank), AffineMap::get(rank, 0, at, b.getContext())};
  return {b.elementwise(type, ValueRange{value.value, zero.value}, maps,
                        [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                          return arith::SubIOp::create(b, convertScalar(b, args[0], value.element(), i32),
                                                       convertScalar(b, args[1], zero.element(), i32));
                        }),
          type};
}
