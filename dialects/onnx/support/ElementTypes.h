//===- dialects/onnx/support/ElementTypes.h ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ONNX's numbering of element types (TensorProto.DataType; the `to` of Cast, the `dtype` of others) and our types.
#pragma once

#include "mlir/IR/Types.h"
#include "llvm/ADT/StringRef.h"

namespace onnxc::onnx {

/// The element type that ONNX gives this number; null when onnxc has none (strings, complex, 8-bit floats and smaller).
mlir::Type getElementType(mlir::MLIRContext *context, int64_t onnxType);

/// ONNX's number of an element type of the onnx dialect.
int64_t getOnnxType(mlir::Type elementType);

/// The type of a value of any kind as runtime/include/onnxc/abi.h numbers it: the element type, with flags where it isn't
/// a tensor.
int64_t getValueType(mlir::Type type);

/// The name as numpy and ONNX's documentation spell it ("float32", "int4"), also of types that onnxc can't compile;
/// "element type 99" for a number that ONNX does not know.
std::string getElementTypeName(int64_t onnxType);
std::string getElementTypeName(mlir::Type elementType);

} // namespace onnxc::onnx
