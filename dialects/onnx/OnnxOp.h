//===- dialects/onnx/OnnxOp.h ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the generated operator classes of a family need. Include "dialects/onnx/ops/FAMILY.h" to use a family.
#pragma once

#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/support/Dims.h"
#include "dialects/onnx/support/Lowering.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/onnx/OnnxOpInterface.h.inc"

namespace onnxc::onnx {

/// Sets the result types and the known shape values of `op` from its operands. Failure was reported.
llvm::LogicalResult inferTypes(mlir::Operation *op);

/// Makes an operation whose result types follow from its operands. Null after an error, which was reported.
template <typename OpT>
OpT make(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes = {},
         unsigned results = 1) {
  mlir::OperationState state(b.getLoc(), OpT::getOperationName());
  state.addOperands(operands);
  state.addAttributes(attributes);
  state.addTypes(llvm::SmallVector<mlir::Type>(results, b.getNoneType()));
  mlir::Operation *op = b.create(state);
  if (failed(inferTypes(op))) {
    op->erase();
    return nullptr;
  }
  return llvm::cast<OpT>(op);
}

} // namespace onnxc::onnx
