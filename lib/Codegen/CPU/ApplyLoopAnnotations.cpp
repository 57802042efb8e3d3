//===- lib/Codegen/CPU/ApplyLoopAnnotations.cpp ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gives annotations of loops to the branches that MLIR has translated them to. It carries them along as attributes that
// nobody knows, and LLVM's own form of them is another attribute.
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace onnxc {
#define GEN_PASS_DEF_APPLYLOOPANNOTATIONS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
struct ApplyLoopAnnotations : onnxc::impl::ApplyLoopAnnotationsBase<ApplyLoopAnnotations> {
  void runOnOperation() override {
    getOperation().walk([](LLVM::BrOp latch) {
      if (auto annotation = latch->getAttrOfType<LLVM::LoopAnnotationAttr>(onnxc::kLoopAnnotation)) {
        latch.setLoopAnnotationAttr(annotation);
        latch->removeAttr(onnxc::kLoopAnnotation);
      }
    });
  }
};
} // namespace
