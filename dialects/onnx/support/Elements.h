//===- dialects/onnx/support/Elements.h --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors, whether dense (small) or dense_resource (big, bytes outside the IR).
#pragma once

#include "mlir/IR/BuiltinAttributes.h"

namespace onnxc::onnx {

/// The same bytes under another type with as many elements of the same width. Null for other kinds of attributes.
mlir::ElementsAttr reinterpret(mlir::ElementsAttr elements, mlir::RankedTensorType type);

} // namespace onnxc::onnx
