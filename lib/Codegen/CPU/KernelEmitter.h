//===- lib/Codegen/CPU/KernelEmitter.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the emitters of all kernels share: index arithmetic that folds, flat access to buffers, epilogues on vectors.
#pragma once

#include "dialects/kernel/KernelDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace onnxc::kernel {

using Index = mlir::OpFoldResult;

/// A buffer seen from an iteration space: a flat run of elements, and how far apart neighbours along each dimension
/// are.
struct Access {
  mlir::Value flat;
  llvm::SmallVector<Index> strides;
};

class Emitter : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  // Index arithmetic: numbers stay numbers.
  Index index(int64_t value) { return getIndexAttr(value); }
  mlir::Value value(Index index);
  Index add(Index a, Index b);
  Index sub(Index a, Index b);
  Index mul(Index a, Index b);
  Index div(Index a, Index b); ///< rounds down
  Index ceilDiv(Index a, Index b);
  Index rem(Index a, Index b);
  Index min(Index a, Index b);
  Index max(Index a, Index b);
  Index add(Index a, int64_t b) { return add(a, index(b)); }
  Index mul(Index a, int64_t b) { return mul(a, index(b)); }

  /// Sizes of a memref.
  Index size(mlir::Value memref, unsigned dim);

  /// `memref` under a linear indexing map.
  Access access(mlir::Value memref, mlir::AffineMap map);

  /// for (i = lower; i < upper; i += step); no loop where the trip count is known to be zero or one.
  void loop(Index lower, Index upper, int64_t step, llvm::function_ref<void(Index)> body);
  /// The same with values carried from iteration to iteration.
  llvm::SmallVector<mlir::Value> loop(Index lower, Index upper, int64_t step, mlir::ValueRange inits,
                                      llvm::function_ref<llvm::SmallVector<mlir::Value>(Index, mlir::ValueRange)> body);
  /// if (a < b) then() else otherwise(); decided here where both are known. `otherwise` may be null.
  void ifLess(Index a, Index b, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise);

  mlir::Value loadScalar(mlir::Value flat, Index at);
  mlir::Value loadVector(mlir::Value flat, Index at, mlir::VectorType type, mlir::Value mask = nullptr);
  /// A vector of f32 where `flat` may hold f16.
  mlir::Value loadSingle(mlir::Value flat, Index at, mlir::VectorType type);
  void storeVector(mlir::Value vector, mlir::Value flat, Index at, mlir::Value mask = nullptr);
  mlir::Value splat(mlir::Value scalar, int64_t lanes);
  mlir::Value zero(mlir::VectorType type);
  /// The mask of a vector that starts at column `at` of `columns`; null where all lanes are known to be inside.
  mlir::Value tailMask(Index at, Index columns, int64_t lanes);

  /// The epilogue's body on vectors. The arguments are the finished vector and those of the extra operands. `start`, if
  /// any, is already in the former.
  mlir::Value applyEpilogue(mlir::Region &epilogue, mlir::ValueRange arguments, mlir::Operation *start = nullptr);
};

/// Part of a task that is needed in several places, or whose loops LLVM understands better where it does not know how
/// what they begin at was computed: a function of its own, made at the first call.
class Part {
public:
  explicit Part(llvm::StringRef name) : name(name) {}

  /// Calls it. `body` gets what stands for `arguments` inside; all else that it uses has to be the same in every call.
  void call(Emitter &e, mlir::ValueRange arguments, llvm::function_ref<void(mlir::ValueRange)> body);

private:
  llvm::StringRef name;
  mlir::func::FuncOp function;
  llvm::SmallVector<mlir::Value> captured;
};

/// A linear expression's coefficient of every dimension.
llvm::SmallVector<int64_t> getCoefficients(mlir::AffineExpr expr, unsigned dims);

/// Whether computing this epilogue inside the tile would push accumulators out of the registers.
bool isExpensive(mlir::Region &epilogue);

/// What an epilogue does first if it adds an extra operand, number `extra`, to sums of integers, and to nothing else:
/// they may start from it.
mlir::Operation *getStart(mlir::Region &epilogue, unsigned &extra);

/// Part of a product of matrices that fits the registers: `rows` rows of the left side with `vectors` vectors of
/// columns of the right side, over `depth` steps of the reduction. Strides are in elements.
struct RegisterTile {
  mlir::Value left, right; ///< flat
  Index leftRow, leftStep, rightVector, rightStep, depth;
  mlir::VectorType vector;
  int64_t rows, vectors;

  static bool fits(int64_t rows, int64_t vectors, unsigned registers);

  /// `sums` (row by row) and the products of what begins at `leftAt` and `rightAt`.
  llvm::SmallVector<mlir::Value> accumulate(Emitter &e, Index leftAt, Index rightAt, mlir::ValueRange sums) const;
};

/// `pieces` parts of `size` that differ by at most one: the first `longer` parts have `shorter + 1`.
struct Balanced {
  int64_t pieces, shorter, longer;
  Balanced(int64_t size, int64_t most);
};

/// How kernel.winograd is cut up: blocks of tiles whose transformed pixels stay in the second-level cache, each for
/// some of the columns.
struct WinogradBlocks {
  int64_t points;                                          ///< numbers that stand for a tile
  int64_t tiles, tilesPerBlock, blocks;                    ///< of an image; if symbolic, only tilesPerBlock counts
  int64_t vectors, vectorsPerSplit, splits, panelVectors;  ///< of columns
  bool transformsFilter;                                   ///< every task for itself
  int64_t pixelsApart, sumsApart;                          ///< from one of the points' matrices to the next
  int64_t pixelFloats, sumFloats, filterFloats, mostTasks; ///< scratch memory of a task, and how many have some

  WinogradBlocks(int64_t tile, int64_t height, int64_t width, int64_t channels, int64_t columns, int64_t lanes);
};

/// Whether kernels load and store such elements around their epilogues.
inline bool isVectorElement(mlir::Type type) {
  return type.isF32() || type.isF16() || type.isInteger(8) || type.isInteger(16) || type.isInteger(32);
}

/// What contractions need to know of a target.
struct Machine {
  unsigned registers; ///< that hold vectors
  bool dot;           ///< x86 with VNNI: four products of bytes added to each i32 at once
};

/// The tasks that `op` is split into. Operands of `op` may be arguments of the function being built.
Index countContractTasks(Emitter &e, ContractOp op, mlir::ValueRange operands, Machine machine);
void emitContractTask(Emitter &e, ContractOp op, mlir::ValueRange operands, mlir::Value task, Machine machine);
Index countDepthwiseTasks(Emitter &e, DepthwiseOp op, mlir::ValueRange operands, unsigned lanes, bool dot);
void emitDepthwiseTask(Emitter &e, DepthwiseOp op, mlir::ValueRange operands, mlir::Value task, unsigned lanes,
                       bool dot);
Index countWinogradFilterTasks(Emitter &e, WinogradFilterOp op, mlir::ValueRange operands);
void emitWinogradFilterTask(Emitter &e, WinogradFilterOp op, mlir::ValueRange operands, mlir::Value task);
Index countWinogradTasks(Emitter &e, WinogradOp op, mlir::ValueRange operands);
void emitWinogradTask(Emitter &e, WinogradOp op, mlir::ValueRange operands, mlir::Value task, mlir::Value slot,
                      unsigned registers);
Index countPackTasks(Emitter &e, PackOp op, mlir::ValueRange operands);
void emitPackTask(Emitter &e, PackOp op, mlir::ValueRange operands, mlir::Value task);
Index countFillBorderTasks(Emitter &e, FillBorderOp op, mlir::ValueRange operands);
void emitFillBorderTask(Emitter &e, FillBorderOp op, mlir::ValueRange operands, mlir::Value task, unsigned lanes);

} // namespace onnxc::kernel
