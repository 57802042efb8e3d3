//===- lib/Import/ModelImporter.h --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a parsed model to the onnx dialect.
#pragma once

#include "lib/Import/Tensors.h"

namespace onnxc::proto {
class ModelProto;
}

namespace onnxc {

/// Null after errors, which were reported. See importModel. `loc` stands for the model as a whole.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const proto::ModelProto &model, TensorReader &tensors,
                                              mlir::MLIRContext &context, mlir::Location loc,
                                              const ImportOptions &options, bool *isUnsupported);

} // namespace onnxc
