//===- dialects/onnx/ops/Constant.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values that need no computation: constants, and the absent optional value.
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/Elements.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace onnxc::onnx;

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }
OpFoldResult NoneOp::fold(FoldAdaptor) { return UnitAttr::get(getContext()); }

LogicalResult ConstantOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(getValue().getShapedType());
  return success();
}

LogicalResult NoneOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(NoneType::get(getContext()));
  return success();
}

FailureOr<SmallVector<Value>> ConstantOp::lowerToLinalg(LoweringBuilder &b, ValueRange) {
  ElementsAttr value = reinterpret(getValue(), LoweringBuilder::loweredType(getValue().getShapedType()));
  if (!value)
    return emitOpError("the value is of a kind that can't be compiled");
  return SmallVector<Value>{arith::ConstantOp::create(b, cast<TypedAttr>(value))};
}

FailureOr<SmallVector<Value>> NoneOp::lowerToLinalg(LoweringBuilder &, ValueRange) {
  return SmallVector<Value>{Value()};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Constant.cpp.inc"

void onnxc::onnx::registerConstantOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Constant.cpp.inc"
      >();
}
