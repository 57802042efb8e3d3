//===- dialects/onnx/support/ZeroPoint.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The numbers that stand for quantised ones. See ZeroPoint.h.
#include "dialects/onnx/support/ZeroPoint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace onnxc::onnx;

Lowered onnxc::onnx::subtractZeroPoint(LoweringBuilder &b, Lowered value, Lowered zero, int64_t axis) {
  Type i32 = b.getI32Type();
  if (!zero)
    return convert(b, value, i32);
  int64_t rank = value.rank();
  if (zero.rank() == 1 && getConstant(zero.dims()[0]) != 1)
    b.requireEqual(zero.dims()[0], value.dims()[axis], "the number of zero points does not fit");
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
