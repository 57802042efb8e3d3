//===- lib/Codegen/CPU/PositionChecks.h --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lowers rt.position: loops find the worst index that they meet, and the run ends behind them where that is out of
// range.
#pragma once

#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/MapVector.h"

namespace onnxc::cpu {

/// Memory of a function for the worst indices, which one nest of loops after the other uses.
using PositionCells = llvm::MapVector<std::pair<mlir::Type, unsigned>, mlir::Value>;

/// The checks of one nest of loops, which stands where `nest` does. A task compares on its own, in registers, and tells
/// the run of an index out of range only.
class PositionChecks {
public:
  PositionChecks(mlir::Operation *nest, PositionCells &cells);

  /// Around the loops of a task, or around all of them: `task` is null where there is only one.
  void enter(mlir::OpBuilder &b, mlir::scf::ForallOp task);
  void leave(mlir::OpBuilder &b);

  /// Replaces the copy, in the innermost loop, of position `number` of the nest. Returns the position.
  mlir::Value lower(rt::PositionOp copy, unsigned number);

  /// Once the loops are there.
  llvm::LogicalResult finish();

private:
  struct Check {
    rt::PositionOp op;
    mlir::Value worst; ///< what tasks tell; null where there is only one
    mlir::Value own;   ///< what the loops of a task have met
  };
  mlir::Value cell(mlir::Type type, unsigned number, bool isShared);

  mlir::Operation *nest;
  PositionCells &cells;
  mlir::scf::ForallOp outer; ///< the tasks that the nest is a part of
  llvm::SmallVector<Check> checks;
};

} // namespace onnxc::cpu
