//===- lib/Import/GuessRanks.h -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inputs of which the model does not say how many dimensions they have: their uses tell.
#pragma once

#include "lib/Import/Import.h"
#include "mlir/IR/Location.h"

namespace onnxc::proto {
class ModelProto;
}

namespace onnxc {

/// Adds to `options` the shape, with symbolic sizes, of every input tensor without one whose rank can be told, with a
/// warning that says what was assumed. `file` and `folder` are those of TensorReader.
void guessRanks(const proto::ModelProto &model, std::shared_ptr<llvm::MemoryBuffer> file, llvm::StringRef folder,
                mlir::Location loc, ImportOptions &options);

} // namespace onnxc
