//===- lib/Import/TextParser.h -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ONNX's text syntax (.onnxtxt).
#pragma once

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

namespace onnxc::proto {
class ModelProto;
}

namespace onnxc {

/// Reads `text` into `model`. An error is reported at its line and column of the file `path`.
///
///     <ir_version: 8, opset_import: ["" : 17]>
///     graph (float[N, 3] x) => (float[N, 3] y) <float[3] bias = {1, 2, 3}> {
///       [first] t = Add (x, bias)
///       y = LeakyRelu <alpha = 0.5> (t)
///     }
///
/// The language is that of onnx.parser, with one addition: elements of float16 and bfloat16 tensors can be written as
/// numbers (1.5), besides the integers (15872) that are their bits.
llvm::LogicalResult parseText(llvm::StringRef text, llvm::StringRef path, mlir::MLIRContext &context,
                              proto::ModelProto &model);

} // namespace onnxc
