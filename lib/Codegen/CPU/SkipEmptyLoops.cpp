//===- lib/Codegen/CPU/SkipEmptyLoops.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A loop that only makes tensors without an element runs no round, of which sizes may ask for any number.
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace onnxc {
#define GEN_PASS_DEF_SKIPEMPTYLOOPS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

/// Whether each may be without an element for a size that only the run knows.
static bool mayBeEmpty(ValueRange tensors) {
  return !tensors.empty() && llvm::all_of(tensors, [](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && !type.hasStaticShape();
  });
}

/// `rounds`, or `none` where each of `tensors` is without an element.
static Value unlessEmpty(ImplicitLocOpBuilder &b, ValueRange tensors, Value none, Value rounds) {
  Value zero = arith::ConstantIndexOp::create(b, 0), areEmpty;
  for (Value tensor : tensors) {
    Value isEmpty;
    for (auto [dim, size] : llvm::enumerate(cast<RankedTensorType>(tensor.getType()).getShape()))
      if (ShapedType::isDynamic(size)) {
        Value isNone = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, tensor::DimOp::create(b, tensor, dim), zero);
        isEmpty = isEmpty ? arith::OrIOp::create(b, isEmpty, isNone).getResult() : isNone;
      }
    areEmpty = areEmpty ? arith::AndIOp::create(b, areEmpty, isEmpty).getResult() : isEmpty;
  }
  return arith::SelectOp::create(b, areEmpty, none, rounds);
}

namespace {
struct SkipEmptyLoops : onnxc::impl::SkipEmptyLoopsBase<SkipEmptyLoops> {
  void runOnOperation() override {
    getOperation().walk([&](scf::ForOp loop) {
      if (!mayBeEmpty(loop.getInitArgs()) || !isMemoryEffectFree(loop))
        return;
      ImplicitLocOpBuilder b(loop.getLoc(), loop);
      loop.setUpperBound(unlessEmpty(b, loop.getInitArgs(), loop.getLowerBound(), loop.getUpperBound()));
      ++guarded;
    });
    // Of parallel loops that only the run knows the number of rounds of: no other has too many.
    getOperation().walk([&](scf::ForallOp loop) {
      if (!mayBeEmpty(loop.getOutputs()) || loop.getDynamicUpperBound().empty() || !loop.isNormalized())
        return;
      ImplicitLocOpBuilder b(loop.getLoc(), loop);
      OpOperand &rounds = loop.getDynamicUpperBoundMutable()[0];
      rounds.set(unlessEmpty(b, loop.getOutputs(), arith::ConstantIndexOp::create(b, 0), rounds.get()));
      ++guarded;
    });
  }
};
} // namespace
