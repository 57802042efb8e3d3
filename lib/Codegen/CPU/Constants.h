//===- lib/Codegen/CPU/Constants.h -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors in another shape or order, whether their bytes are in the IR or outside.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseSet.h"

namespace onnxc::cpu {

/// Constants of fewer bytes are made at once, where passes can look at them; the others while they are written.
inline constexpr int64_t kLargeBytes = 1 << 20;
/// Of elements of whole bytes, with static sizes.
int64_t countBytes(mlir::RankedTensorType type);

/// `elements` with dimension i of the result being dimension perm[i]. Null when the bytes can't be had.
mlir::ElementsAttr transposeElements(mlir::ElementsAttr elements, llvm::ArrayRef<int64_t> perm);

/// The same elements in the same order under a static type with as many. Null when the bytes can't be had.
mlir::ElementsAttr reshapeElements(mlir::ElementsAttr elements, mlir::RankedTensorType type);

/// How many bytes a pass may add as constants that are made of others: a file of few bytes may use one in many orders.
class MadeBytes {
public:
  /// Some, whatever the constants below `root` take, and beyond them some times that.
  explicit MadeBytes(mlir::Operation *root);

  bool hasRoomFor(mlir::RankedTensorType type) const;
  /// Whether there is room for the constant; then it has taken it, once.
  bool take(mlir::ElementsAttr made);

private:
  uint64_t left;
  llvm::DenseSet<mlir::Attribute> known;
};

} // namespace onnxc::cpu
