//===- lib/Codegen/CPU/ContractEmitter.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The state that the emitters of kernel.contract share: EmitContract.cpp, ContractBlocks.cpp and ContractBytes.cpp.
#pragma once
#include "lib/Codegen/CPU/KernelEmitter.h"

namespace onnxc::kernel {

/// Emits a task of a kernel.contract. One for the count of tasks, and one inside of their function.
class ContractEmitter {
public:
  ContractEmitter(Emitter &e, ContractOp op, mlir::ValueRange operands, Machine machine)
      : e(e), op(op), registers(machine.registers), dot(machine.dot), lhs(operands[0]), rhs(operands[1]),
        init(operands.back()), extras(operands.drop_front(2).drop_back()) {
    lanes = llvm::cast<mlir::MemRefType>(rhs.getType()).getShape().back();
    vector = mlir::VectorType::get({lanes}, op.getSizes() ? mlir::Type(e.getI32Type()) : mlir::Type(e.getF32Type()));
    bits = op.getBits().value_or(0);
    isBytes = op.getSizes().has_value();
    collectDims();
    chooseTile();
    splitTasks();
  }

  Index countTasks() { return e.mul(e.mul(batches, rowTasks), columnTasks); }
  void emitTask(mlir::Value task);

private:
  /// One iteration dimension, or several adjacent ones that every operand walks like one.
  struct Dim {
    Index size, lhs, rhs, init;
    llvm::SmallVector<Index> extras;
  };
  /// The offset of the current element in every operand.
  struct Place {
    Index lhs, rhs, init;
    llvm::SmallVector<Index> extras;
  };

  void collectDims();
  int64_t staticSize(unsigned dim);
  bool areContiguous(mlir::Value memref, mlir::AffineMap map, unsigned outer, unsigned inner);
  bool walksLikeOne(unsigned outer, unsigned inner);
  void chooseTile();
  double tileCost(int64_t rows, int64_t vectors) const;
  bool fits(int64_t rows, int64_t vectors) const;
  void splitTasks();

  void advance(Place &place, const Dim &dim, Index steps);
  void decode(Place &place, llvm::ArrayRef<Dim> dims, Index linear);
  void emitPanel(Place place, Index firstVector, int64_t vectors, Index tile0, Index tile1);
  void emitPieces(const Place &place, Index left, int64_t vectors, Index firstVector);
  void emitTile(const Place &place, int64_t rows, int64_t vectors, Index firstVector);
  llvm::SmallVector<mlir::Value> reduce(unsigned level, Index lhsAt, Index rhsAt, int64_t rows, int64_t vectors,
                                        mlir::ValueRange sums);
  llvm::SmallVector<mlir::Value> reduceBlocks(Index lhsAt, Index rhsAt, int64_t rows, int64_t vectors,
                                              mlir::ValueRange sums);
  mlir::Value unpack(mlir::Value words, int64_t part);
  llvm::SmallVector<mlir::Value> reduceBytes(unsigned level, Index lhsAt, Index rhsAt, int64_t rows, int64_t vectors,
                                             mlir::ValueRange sums);
  mlir::Value loadWord(Index at, int64_t count);
  mlir::Value splitBytes(mlir::Value words, bool isUnsigned, bool odd);
  mlir::Value firstSum(Index rhsAt);
  /// With one row, the sums of a block are scaled, not its numbers.
  static bool scalesSums(int64_t rows) { return rows == 1; }
  bool hasZeros() const { return llvm::cast<mlir::MemRefType>(rhs.getType()).getDimSize(2) - getWords() == 2; }
  int64_t getWords() const { return *mlir::getConstantIntValue(reduced[1].size) * bits / 32; }
  mlir::Value tailMask(int64_t vectors, Index firstVector) {
    return e.tailMask(e.mul(e.add(firstVector, vectors - 1), lanes), column.size, lanes);
  }
  mlir::Value loadExtra(unsigned i, const Place &place, Index row, int64_t vectorIndex, mlir::Value mask);
  void finish(const Place &place, int64_t rows, int64_t vectors, Index firstVector, mlir::ValueRange sums);

  Emitter &e;
  ContractOp op;
  unsigned registers;
  bool dot;
  mlir::Value lhs, rhs, init;
  mlir::ValueRange extras;
  mlir::VectorType vector;
  int64_t lanes;
  int64_t bits; // of a number of rhs; 0 where it has elements
  bool isBytes; // lhs and rhs

  llvm::SmallVector<Dim> batchDims, rowDims, reduced; // of rowDims the last one is tiled
  Dim column;                                         // sizes in elements; rhs strides per vector
  mlir::Operation *start = nullptr;                   // the part of the epilogue that sums of bytes start from, or null
  unsigned startExtra = 0;                            // what it adds
  Index columnVectors;
  mlir::Value lhsFlat, rhsFlat, initFlat;
  llvm::SmallVector<mlir::Value> extraFlats;

  int64_t tileRows, tileVectors; // the largest tile
  Index outerRows, innerTiles, rowTiles, panels, batches;
  Index rowTasks, columnTasks, tilesPerTask, panelsPerTask;
};

} // namespace onnxc::kernel
