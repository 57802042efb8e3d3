//===- dialects/onnx/support/Indices.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks of numbers that are data. See Indices.h.
#include "dialects/onnx/support/Indices.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

void onnxc::onnx::requireInRange(LoweringBuilder &b, Value tensor, Value least, Value most, const Twine &message,
                                 ElementBody number) {
  Type i64 = b.getI64Type();
  auto toInt = [&](ImplicitLocOpBuilder &body, Value element) -> Value {
    if (number)
      return number(body, element);
    return element.getType() == i64 ? element : arith::ExtSIOp::create(body, i64, element).getResult();
  };
  Value low = arith::IndexCastOp::create(b, i64, least), high = arith::IndexCastOp::create(b, i64, most), value;
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t rank = type.getRank();
  if (type.hasStaticShape() && type.getNumElements() == 1) {
    value = toInt(b, tensor::ExtractOp::create(b, tensor, SmallVector<Value>(rank, b.index(0))));
  } else {
    // One reduction: as unsigned numbers, distances from `least` are above most - least outside of the range.
    SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(rank), AffineMap::get(rank, 0, b.getContext())};
    SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::reduction);
    Value start = tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>(), i64);
    start = linalg::FillOp::create(b, b.constantInt(i64, 0), start).getResult(0);
    auto farthest = linalg::GenericOp::create(b, TypeRange{start.getType()}, ValueRange{tensor}, ValueRange{start},
                                              maps, iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
                                                ImplicitLocOpBuilder body(loc, nested);
                                                Value distance = arith::SubIOp::create(body, toInt(body, args[0]), low);
                                                linalg::YieldOp::create(
                                                    body, arith::MaxUIOp::create(body, distance, args[1]).getResult());
                                              });
    value = arith::AddIOp::create(b, tensor::ExtractOp::create(b, farthest.getResult(0), ValueRange()), low);
  }
  rt::CheckRangeOp::create(b, value, low, high, message.str());
}
