//===- lib/Codegen/CPU/KeepOuterLoops.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tells LLVM to leave loops around loops alone. It would unroll an outer loop as long as its body looks small, then
// vectorise and unroll every copy of the inner one: no faster, but megabytes of code that take a minute to schedule.
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace onnxc {
#define GEN_PASS_DEF_KEEPOUTERLOOPS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
struct KeepOuterLoops : onnxc::impl::KeepOuterLoopsBase<KeepOuterLoops> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    auto unroll = LLVM::LoopUnrollAttr::get(context, /*disable=*/BoolAttr::get(context, true), {}, {}, {}, {}, {}, {});
    auto vectorize =
        LLVM::LoopVectorizeAttr::get(context, /*disable=*/BoolAttr::get(context, true), {}, {}, {}, {}, {}, {});
    auto keep = [&](LLVM::LoopVectorizeAttr vectorize) {
      return LLVM::LoopAnnotationAttr::get(context, {}, vectorize, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
                                           {});
    };
    getOperation().walk([&](scf::ForOp loop) {
      if (auto outer = loop->getParentOfType<scf::ForOp>())
        outer->setAttr(onnxc::kLoopAnnotation, keep(outer->hasAttr(onnxc::kOverRows) ? vectorize : nullptr));
    });
  }
};
} // namespace
