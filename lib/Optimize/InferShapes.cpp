//===- lib/Optimize/InferShapes.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Infers the type of every result again, in order.
#include "dialects/onnx/OnnxOp.h"
#include "lib/Optimize/Passes.h"

namespace onnxc {
#define GEN_PASS_DEF_INFERSHAPES
#include "lib/Optimize/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc::onnx;

namespace {
struct InferShapes : onnxc::impl::InferShapesBase<InferShapes> {
  void runOnOperation() override {
    for (Operation &op : getOperation().front()) {
      if (!isa<OnnxOpInterface>(op))
        continue;
      SmallVector<Type> before(op.getResultTypes());
      if (failed(onnxc::onnx::inferTypes(&op)))
        return signalPassFailure();
      for (auto [old, now] : llvm::zip_equal(before, op.getResultTypes()))
        refined += old != now;
    }
    func::FuncOp function = getOperation();
    Operation *terminator = function.front().getTerminator();
    function.setType(FunctionType::get(&getContext(), function.getArgumentTypes(), terminator->getOperandTypes()));
  }
};
} // namespace
