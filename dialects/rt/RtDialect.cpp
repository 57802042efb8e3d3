//===- dialects/rt/RtDialect.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Verification of calls into runtime/library, and their bufferisation.
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace onnxc::rt;

#include "dialects/rt/RtDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/rt/Rt.cpp.inc"

void RtDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/rt/Rt.cpp.inc"
      >();
}

void RtDialect::getCanonicalizationPatterns(RewritePatternSet &patterns) const { populateEmptyPartPatterns(patterns); }

static bool isOut(CallOp call, OpOperand &operand) { return operand.getOperandNumber() >= call.getInputs().size(); }

/// The result that is the tensor of `operand`, one of the outs, overwritten.
static OpResult getTied(CallOp call, OpOperand &operand) {
  return call->getResult(operand.getOperandNumber() - call.getInputs().size());
}

LogicalResult CallOp::verify() {
  bool isTensor = llvm::any_of(getOuts().getTypes(), llvm::IsaPred<TensorType>);
  size_t tied = isTensor ? getOuts().size() : 0;
  if (getResults().size() < tied)
    return emitOpError("has fewer results than outs");
  for (auto [out, result] : llvm::zip(getOuts().take_front(tied), getResults()))
    if (out.getType() != result.getType())
      return emitOpError("result type ") << result.getType() << " is not that of its outs operand " << out.getType();
  if (getTypes().size() != getInputs().size() + getOuts().size() + getResults().size() - tied)
    return emitOpError("needs the element type of every input, out and further result");
  if (getHeapless() && (getResults().size() > tied || !getFailures().empty()))
    return emitOpError("is heapless, but makes something or may fail");
  return success();
}

bool CallOp::bufferizesToMemoryRead(OpOperand &operand, const AnalysisState &) { return !isOut(*this, operand); }
bool CallOp::bufferizesToMemoryWrite(OpOperand &operand, const AnalysisState &) { return isOut(*this, operand); }
bool CallOp::bufferizesToAllocation(Value value) {
  auto result = dyn_cast<OpResult>(value);
  return result && result.getResultNumber() >= getOuts().size();
}
AliasingValueList CallOp::getAliasingValues(OpOperand &operand, const AnalysisState &) {
  if (!isOut(*this, operand))
    return {};
  return {{getTied(*this, operand), BufferRelation::Equivalent}};
}
/// A tensor that the function returns may be a part of a sequence.
bool CallOp::isWritable(Value value, const AnalysisState &) { return !bufferizesToAllocation(value); }

LogicalResult CallOp::bufferize(RewriterBase &rewriter, const BufferizationOptions &options,
                                BufferizationState &state) {
  SmallVector<Value> inputs, outs, results;
  SmallVector<std::pair<Value, Value>> scattered; // outs that aren't dense: what stands for them, and they
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(*this);
  for (OpOperand &operand : (*this)->getOpOperands()) {
    Value value = operand.get();
    if (isa<TensorType>(value.getType())) {
      FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
      if (failed(buffer))
        return failure();
      value = *buffer;
      // The function knows dense tensors only. A part of a vector is one.
      auto type = cast<MemRefType>(value.getType());
      if (!type.getLayout().isIdentity() && !(type.getRank() == 1 && type.isLastDimUnitStride())) {
        SmallVector<Value> sizes;
        for (int64_t i = 0; i < type.getRank(); ++i)
          if (type.isDynamicDim(i))
            sizes.push_back(memref::DimOp::create(rewriter, getLoc(), value, i));
        Value dense =
            memref::AllocOp::create(rewriter, getLoc(), MemRefType::get(type.getShape(), type.getElementType()), sizes);
        if (isOut(*this, operand))
          scattered.emplace_back(dense, value);
        else
          memref::CopyOp::create(rewriter, getLoc(), value, dense);
        value = dense;
      }
    }
    (isOut(*this, operand) ? outs : inputs).push_back(value);
    if (isOut(*this, operand))
      results.push_back(scattered.empty() || scattered.back().first != value ? value : scattered.back().second);
  }
  SmallVector<Type> types;
  for (Type type : llvm::drop_begin(getResultTypes(), getOuts().size())) {
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      type = MemRefType::get(tensor.getShape(), tensor.getElementType());
    types.push_back(type);
  }
  auto call =
      CallOp::create(rewriter, getLoc(), types, getCallee(), inputs, outs, getFailures(), getTypes(), getHeapless());
  for (auto [dense, out] : scattered)
    memref::CopyOp::create(rewriter, getLoc(), dense, out);
  llvm::append_range(results, call.getResults());
  replaceOpWithBufferizedValues(rewriter, *this, results);
  return success();
}

void CallOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  bool isBuffer = false;
  for (OpOperand &operand : (*this)->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    isBuffer = true;
    if (isOut(*this, operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
  isBuffer |= llvm::any_of(getResultTypes(), llvm::IsaPred<MemRefType>);
  if (isBuffer)
    for (OpResult result : getResults())
      if (isa<MemRefType>(result.getType()))
        effects.emplace_back(MemoryEffects::Allocate::get(), result);
}
