//===- lib/Import/ModelImporter.h --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a parsed model to the onnx dialect.
#pragma once

#include "lib/Import/Tensors.h"

namespace onnxc::proto {
class ModelProto;
}

namespace onnxc {

/// Null after errors, which were reported. See importModel. `loc` stands for the model as a whole. `unbuilt` is set to
/// the number of nodes that could not be built, for a reason of their own or for lack of an operand.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const proto::ModelProto &model, TensorReader &tensors,
                                              mlir::MLIRContext &context, mlir::Location loc,
                                              const ImportOptions &options, bool *isUnsupported,
                                              size_t *unbuilt = nullptr);

} // namespace onnxc
