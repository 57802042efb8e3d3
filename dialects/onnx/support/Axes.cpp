//===- dialects/onnx/support/Axes.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Axes that are values of the run. See Axes.h.
#include "dialects/onnx/support/Axes.h"
#include "dialects/onnx/support/Loops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

SmallVector<Value> onnxc::onnx::readAxes(LoweringBuilder &b, Value axes, int64_t rank) {
  IndexMath math{b};
  SmallVector<Value> indices;
  for (int64_t i = 0, count = cast<RankedTensorType>(axes.getType()).getDimSize(0); i < count; ++i) {
    Value axis = tensor::ExtractOp::create(b, axes, b.index(i));
    axis = arith::IndexCastOp::create(b, b.getIndexType(), axis);
    axis = math.select(math.less(axis, 0), math.add(axis, b.index(rank)), axis);
    // Unsigned: what is still negative is large.
    Value holds = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, axis, b.index(rank));
    cf::AssertOp::create(b, holds, "an axis is out of range for rank " + std::to_string(rank));
    indices.push_back(axis);
  }
  return indices;
}

Value onnxc::onnx::chooseByAxis(LoweringBuilder &b, ArrayRef<Value> axes, int64_t axis, ArrayRef<Value> values,
                                Value otherwise) {
  IndexMath math{b};
  for (auto [named, value] : llvm::zip_equal(axes, values))
    otherwise = math.select(math.equal(named, axis), value, otherwise);
  return otherwise;
}

SmallVector<Value> onnxc::onnx::findNamed(LoweringBuilder &b, ArrayRef<Value> axes, int64_t rank) {
  Value no = b.constantInt(b.getI1Type(), 0);
  SmallVector<Value> hits(axes.size(), b.constantInt(b.getI1Type(), 1));
  return llvm::map_to_vector(llvm::seq<int64_t>(0, rank),
                             [&](int64_t axis) { return chooseByAxis(b, axes, axis, hits, no); });
}
