//===- dialects/onnx/ops/Distinct.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Unique: runtime/library/unique.c, since only the run knows how many there are.
#include "dialects/onnx/ops/Distinct.h"

using namespace mlir;
using namespace onnxc::onnx;

LogicalResult UniqueOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getX());
  AffineExpr all = product(getContext(), dims);
  int64_t axis = 0;
  if (getAxis()) {
    auto normalized = normalizeAxis(*this, *getAxis(), dims.size());
    if (failed(normalized))
      return failure();
    axis = *normalized;
    all = dims[axis];
  } else {
    dims.assign(1, all);
  }
  AffineExpr count = dims[axis] = freshSymbol(*this, 0, axis);
  Type i64 = IntegerType::get(getContext(), 64);
  types.push_back(makeTensor(dims, cast<RankedTensorType>(getX().getType()).getElementType()));
  types.push_back(makeTensor({count}, i64));
  types.push_back(makeTensor({all}, i64));
  types.push_back(makeTensor({count}, i64));
  return success();
}

FailureOr<SmallVector<Value>> UniqueOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  int64_t rank = cast<RankedTensorType>(getX().getType()).getRank();
  int64_t axis = getAxis() ? (*getAxis() + rank) % rank : -1;
  Value settings = b.numbers({axis, getSorted() != 0});
  return b.call("onnxc_unique", {operands[0], settings}, {getX().getType(), settings.getType()}, {}, getResultTypes());
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Distinct.cpp.inc"

void onnxc::onnx::registerDistinctOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Distinct.cpp.inc"
      >();
}
