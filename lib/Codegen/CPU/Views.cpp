//===- lib/Codegen/CPU/Views.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Types of views into buffers. See Views.h.
#include "lib/Codegen/CPU/Views.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

MemRefType onnxc::cpu::hideOffset(MemRefType type) {
  auto layout = dyn_cast<StridedLayoutAttr>(type.getLayout());
  if (!layout)
    return type;
  auto hidden = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, layout.getStrides());
  return MemRefType::get(type.getShape(), type.getElementType(), hidden, type.getMemorySpace());
}

MemRefType onnxc::cpu::inferViewType(Operation *op, MemRefType source) {
  if (auto subview = dyn_cast<memref::SubViewOp>(op))
    return memref::SubViewOp::inferRankReducedResultType(subview.getType().getShape(), source,
                                                         subview.getMixedOffsets(), subview.getMixedSizes(),
                                                         subview.getMixedStrides());
  if (auto collapse = dyn_cast<memref::CollapseShapeOp>(op)) {
    auto groups = collapse.getReassociationIndices();
    if (memref::CollapseShapeOp::isGuaranteedCollapsible(source, groups))
      return memref::CollapseShapeOp::computeCollapsedType(source, groups);
  }
  if (auto expand = dyn_cast<memref::ExpandShapeOp>(op)) {
    auto expanded = memref::ExpandShapeOp::computeExpandedType(source, expand.getResultType().getShape(),
                                                               expand.getReassociationIndices());
    if (succeeded(expanded))
      return *expanded;
  }
  return {};
}
