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
    DenseMap<Value, Type> before;
    getOperation().walk([&](Operation *op) {
      for (Value result : op->getResults())
        before[result] = result.getType();
    });
    if (failed(onnxc::onnx::inferTypes(getOperation().front())))
      return signalPassFailure();
    getOperation().walk([&](Operation *op) {
      refined += llvm::count_if(op->getResults(), [&](Value result) { return before[result] != result.getType(); });
    });
    func::FuncOp function = getOperation();
    Operation *terminator = function.front().getTerminator();
    function.setType(FunctionType::get(&getContext(), function.getArgumentTypes(), terminator->getOperandTypes()));
  }
};
} // namespace
