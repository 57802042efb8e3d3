//===- lib/Codegen/CPU/TensorQueries.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What passes ask of an operation on tensors. See TensorQueries.h.
#include "lib/Codegen/CPU/TensorQueries.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;

bool onnxc::cpu::isContraction(linalg::LinalgOp op) {
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInputs() < 2)
    return false;
  unsigned partial = 0;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    unsigned rank = op.getMatchingIndexingMap(operand).getNumResults();
    if (rank == op.getNumLoops()) // a tensor of its own for every element of the sum: others are masks or scales of it
      return false;
    partial += rank > 0;
  }
  return partial >= 2;
}

bool onnxc::cpu::isHeavy(Operation *op) {
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  if (!linalgOp)
    return false;
  if (isContraction(linalgOp) && !isa<linalg::ConvolutionOpInterface>(op))
    return true;
  // Pooling slides a window, too, but multiplies nothing: its second operand is only a shape.
  return isa<linalg::ConvolutionOpInterface>(op) && linalgOp.getNumDpsInputs() == 2 &&
         linalgOp.payloadUsesValueFromOperand(linalgOp.getDpsInputOperand(1));
}

/// The tensor from outside of `op` that `value`, inside of it, is with elements overwritten; null when there is none.
static Value originOutside(Value value, Operation *op) {
  while (value && op->isAncestor(value.getParentBlock()->getParentOp())) {
    auto result = dyn_cast<OpResult>(value);
    value = result ? onnxc::cpu::getOverwritten(result) : Value();
  }
  return value;
}

Value onnxc::cpu::getOverwritten(OpResult result) {
  Operation *op = result.getOwner();
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    return destination.getTiedOpOperand(result)->get();
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return insert.getDest();
  if (auto call = dyn_cast<onnxc::rt::CallOp>(op)) {
    unsigned k = result.getResultNumber();
    return k < call.getOuts().size() ? call.getOuts()[k] : Value();
  }
  if (auto branches = dyn_cast<scf::IfOp>(op)) { // a tensor that both branches write to
    Value whenTrue = originOutside(branches.thenYield().getOperand(result.getResultNumber()), op);
    Value whenFalse = originOutside(branches.elseYield().getOperand(result.getResultNumber()), op);
    return whenTrue == whenFalse ? whenTrue : Value();
  }
  if (auto loop = dyn_cast<scf::WhileOp>(op)) {
    auto before = dyn_cast<BlockArgument>(loop.getConditionOp().getArgs()[result.getResultNumber()]);
    if (!before || before.getOwner() != loop.getBeforeBody())
      return {};
    unsigned k = before.getArgNumber();
    return isRenewed(loop.getYieldOp().getOperand(k)) ? Value() : loop.getInits()[k];
  }
  if (auto loop = dyn_cast<LoopLikeOpInterface>(op))
    return loop.getTiedLoopInit(result)->get();
  return {};
}

bool onnxc::cpu::isRenewed(Value value) {
  while (auto result = dyn_cast_or_null<OpResult>(value)) {
    Operation *op = result.getOwner();
    if (isa<bufferization::AllocTensorOp>(op))
      return true;
    if (auto branches = dyn_cast<scf::IfOp>(op))
      return isRenewed(branches.thenYield().getOperand(result.getResultNumber())) ||
             isRenewed(branches.elseYield().getOperand(result.getResultNumber()));
    bool isReshape = isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op);
    value = isReshape ? op->getOperand(0) : getOverwritten(result);
  }
  return false;
}

BlockArgument onnxc::cpu::getCarried(scf::WhileOp loop, unsigned k) {
  Value before = loop.getBeforeArguments()[k];
  for (auto [after, value] : llvm::zip_equal(loop.getAfterArguments(), loop.getConditionOp().getArgs()))
    if (value == before)
      return after;
  return {};
}

double onnxc::cpu::estimateBytes(Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  double bytes = type.getElementType().isIntOrFloat() ? type.getElementTypeBitWidth() / 8.0 : 8.0;
  for (int64_t size : type.getShape())
    bytes *= ShapedType::isDynamic(size) ? 32 : size;
  return bytes;
}
