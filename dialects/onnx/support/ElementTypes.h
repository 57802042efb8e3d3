//===- dialects/onnx/support/ElementTypes.h ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ONNX's numbering of element types (TensorProto.DataType; the `to` of Cast, the `dtype` of others) and our types.
#pragma once

#include "mlir/IR/Types.h"
#include "llvm/ADT/StringRef.h"

namespace onnxc::onnx {

/// The element type that ONNX gives this number; null when onnxc has none (strings).
mlir::Type getElementType(mlir::MLIRContext *context, int64_t onnxType);

/// ONNX's number of an element type of the onnx dialect.
int64_t getOnnxType(mlir::Type elementType);

/// The type of a value of any kind as runtime/include/onnxc/abi.h numbers it: the element type, with flags where it
/// isn't a tensor.
int64_t getValueType(mlir::Type type);

/// The name as numpy and ONNX's documentation spell it ("float32", "int4"), also of types that onnxc can't compile;
/// "element type 99" for a number that ONNX does not know.
std::string getElementTypeName(int64_t onnxType);
std::string getElementTypeName(mlir::Type elementType);

/// Bits of an element, and bytes that it takes in memory: nothing shares a byte there.
unsigned getElementBits(mlir::Type elementType);
uint64_t getElementBytes(mlir::Type elementType);

/// A float of 8, 6 or 4 bits. Nothing calculates with it: it is converted (support/SmallFloats.h).
bool isSmallFloat(mlir::Type elementType);
/// Small floats and complex numbers are integers of their bits once lowered. Only operators that say so (OnnxOp.h:
/// TakesBits) have operands of these types.
bool isStoredAsBits(mlir::Type elementType);

/// What an element is once lowered: signless, at least a byte (but for bool), or its bits.
mlir::Type getStoredType(mlir::Type elementType);

} // namespace onnxc::onnx
