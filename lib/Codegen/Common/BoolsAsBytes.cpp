//===- lib/Codegen/Common/BoolsAsBytes.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loads and stores bytes where a bool is meant: LLVM's loop vectoriser leaves loops alone that touch an i1 in memory.
#include "lib/Codegen/Common/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace onnxc {
#define GEN_PASS_DEF_BOOLSASBYTES
#include "lib/Codegen/Common/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
struct BoolsAsBytes : onnxc::impl::BoolsAsBytesBase<BoolsAsBytes> {
  void runOnOperation() override {
    OpBuilder b(&getContext());
    getOperation()->walk([&](Operation *op) {
      b.setInsertionPointAfter(op);
      if (auto load = dyn_cast<LLVM::LoadOp>(op); load && load.getType().isInteger(1)) {
        load.getResult().setType(b.getI8Type());
        auto zero = LLVM::ConstantOp::create(b, op->getLoc(), b.getI8IntegerAttr(0));
        auto isSet = LLVM::ICmpOp::create(b, op->getLoc(), LLVM::ICmpPredicate::ne, load, zero);
        load.getResult().replaceAllUsesExcept(isSet, isSet);
      } else if (auto store = dyn_cast<LLVM::StoreOp>(op); store && store.getValue().getType().isInteger(1)) {
        b.setInsertionPoint(op);
        store.getValueMutable().assign(LLVM::ZExtOp::create(b, op->getLoc(), b.getI8Type(), store.getValue()));
      }
    });
  }
};
} // namespace
