//===- dialects/onnx/Verify.h ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a function that the importer did not build keeps the contract of the onnx dialect (docs/Architecture.md).
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace onnxc::onnx {

/// The attribute of @main that keeps its type in the onnx dialect once it is lowered.
inline constexpr llvm::StringLiteral kOnnxType = "onnx.type";

/// Checks @main of a file in the onnx dialect, which anybody may have written, and infers the type of every result
/// again. After success the phases may rely on what they rely on of the importer. Errors were reported, each with its
/// place.
llvm::LogicalResult verifyModel(mlir::func::FuncOp main);

/// Whether a value of the onnx dialect can have this type, where the function has `symbolCount` symbols. Reports at
/// `loc` what is wrong with it, `what` being the value ("argument 0").
llvm::LogicalResult verifyValueType(mlir::Location loc, const llvm::Twine &what, mlir::Type type, size_t symbolCount);

/// Whether every dense_resource of the operation and in it has its content, of the right size. A printed module may
/// have left it out.
llvm::LogicalResult verifyResources(mlir::Operation *op);

} // namespace onnxc::onnx
