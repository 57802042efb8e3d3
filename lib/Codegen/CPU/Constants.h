//===- lib/Codegen/CPU/Constants.h -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors in another shape or order, whether their bytes are in the IR or outside.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"

namespace onnxc::cpu {

/// `elements` with dimension i of the result being dimension perm[i]. Null when the bytes can't be had.
mlir::ElementsAttr transposeElements(mlir::ElementsAttr elements, llvm::ArrayRef<int64_t> perm);

/// The same elements in the same order under a static type with as many. Null when the bytes can't be had.
mlir::ElementsAttr reshapeElements(mlir::ElementsAttr elements, mlir::RankedTensorType type);

} // namespace onnxc::cpu
