//===- lib/Emit/CollectWeights.h ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constants of a module on their way into one blob outside the IR.
#pragma once
#include "lib/Emit/Weights.h"
#include "mlir/Pass/Pass.h"
#include <deque>

namespace onnxc {

/// Weights and the bytes that were made for them. The others belong to the attributes of the MLIR context.
struct CollectedWeights {
  WeightsBlob blob;
  std::deque<std::string> owned;
};

/// Gives every constant of more than a few bytes its place in the blob, equal ones the same, as the attribute
/// `onnxc.offset` of its memref.global. Lowering (lower-entry) then forgets the content.
///
/// The pass collect-weights: the one step of the pipeline that has a result outside the IR.
std::unique_ptr<mlir::Pass> createCollectWeights(CollectedWeights *weights);

} // namespace onnxc
