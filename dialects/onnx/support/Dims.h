//===- dialects/onnx/support/Dims.h ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shapes with symbolic dimensions: expressions over the symbols of `onnx.symbols`, carried in the encoding of a tensor
// type (docs/Architecture.md). Nothing else builds or reads such encodings.
#pragma once

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"

namespace onnxc::onnx {

using mlir::AffineExpr;
using Dims = llvm::SmallVector<AffineExpr>;

/// The size of every dimension of a ranked tensor type of the onnx dialect, as expressions.
Dims getDims(mlir::Type type);
inline Dims getDims(mlir::Value value) { return getDims(value.getType()); }

/// The tensor type with these sizes: static ones become numbers, the others `?` with an encoding.
mlir::RankedTensorType makeTensor(llvm::ArrayRef<AffineExpr> dims, mlir::Type elementType);
mlir::RankedTensorType makeTensor(llvm::ArrayRef<int64_t> sizes, mlir::Type elementType);

/// `type` with another element type or without its encoding.
mlir::RankedTensorType withElementType(mlir::Type type, mlir::Type elementType);
mlir::RankedTensorType withoutEncoding(mlir::RankedTensorType type);

/// The size as a number, if it is one.
std::optional<int64_t> getConstant(AffineExpr dim);
AffineExpr makeDim(mlir::MLIRContext *context, int64_t size);

/// The expression with like terms added up: s0 + 3 - s0 is 3.
AffineExpr simplify(AffineExpr dim);
/// a - b, if it is a number.
std::optional<int64_t> getDifference(AffineExpr a, AffineExpr b);
/// Product of sizes.
AffineExpr product(mlir::MLIRContext *context, llvm::ArrayRef<AffineExpr> dims);
/// a / b rounded towards minus infinity; exact when a is a multiple of b as an expression (s0 * s1 / s0 is s1).
AffineExpr floorDiv(AffineExpr a, AffineExpr b);

/// What the expression can't be below or above for any sizes (symbols are at least 0), if anything.
std::optional<int64_t> lowerBound(AffineExpr expr);
std::optional<int64_t> upperBound(AffineExpr expr);
bool isNonNegative(AffineExpr dim);
/// The same with what symbols of the function that `op` is in stand for (`getClamped`).
bool isNeverNegative(mlir::Operation *op, AffineExpr expr);

/// The shape that the operands' shapes broadcast to; a size that no expression gives becomes a fresh symbol
/// of `op` result `result`. Reports a mismatch at `op`.
llvm::FailureOr<Dims> broadcast(mlir::Operation *op, llvm::ArrayRef<Dims> shapes, unsigned result = 0);

/// A symbol that stands for dimension `dim` of result `result` of `op` where no expression does. Stable: when the
/// result's present type already has a symbol there, or a number, it is that one.
AffineExpr freshSymbol(mlir::Operation *op, unsigned result, unsigned dim);
/// A symbol that nothing else has, of the function that `op` is in.
AffineExpr newSymbol(mlir::Operation *op);

/// max(expr, 0): the expression itself where it is never negative, else a symbol of the function that `op` is in which
/// stands for just that (`getClamped`). The same expression has the same symbol, so what is made of it can be compared.
AffineExpr clampToZero(mlir::Operation *op, AffineExpr expr);
/// The larger and the smaller of two: b + max(a - b, 0) and a - max(a - b, 0), so that both add up to a + b.
AffineExpr maximum(mlir::Operation *op, AffineExpr a, AffineExpr b);
AffineExpr minimum(mlir::Operation *op, AffineExpr a, AffineExpr b);
/// The expression whose maximum with 0 the symbol is; null for a symbol that stands for itself.
AffineExpr getClamped(mlir::Operation *op, AffineExpr symbol);
/// The size that `a` and `b` broadcast to, unless they don't: s0 of s0 and min(s0, 512), of which only equal ones fit;
/// s0 of s0 and min(s0, 1); s0 of s0 and max(s0, 1). Null when no expression says it.
AffineExpr commonSize(mlir::Operation *op, AffineExpr a, AffineExpr b);

/// Where elements of an operand that broadcasts are: at the place of the result's element, or there is only one.
enum class Placement { Same, Single };
/// The placement in a dimension that is `size` in the result and `dim` in the operand, for all sizes that broadcast.
/// Null when that depends on the sizes.
std::optional<Placement> placement(mlir::Operation *op, AffineExpr size, AffineExpr dim);
/// Calls `fn` with every symbol that the expression depends on and that stands for itself.
void walkSymbols(mlir::Operation *op, AffineExpr expr, llvm::function_ref<void(unsigned position)> fn);

/// The known content of a small integer tensor: of a constant, or what `propagateData` found.
std::optional<Dims> getShapeData(mlir::Value value);
/// The same where every element is a number.
std::optional<llvm::SmallVector<int64_t>> getConstantInts(mlir::Value value);
/// The same, or an error at `op`: "<name> must be known when the model is compiled".
llvm::FailureOr<llvm::SmallVector<int64_t>> requireConstantInts(mlir::Operation *op, mlir::Value value,
                                                                llvm::StringRef name);
/// Remembers what getShapeData will say of the first result of `op`.
void setShapeData(mlir::Operation *op, llvm::ArrayRef<AffineExpr> data);

/// `axis` counted from the front, or failure after an error at `op` ("axis 4 is out of range for rank 3").
llvm::FailureOr<int64_t> normalizeAxis(mlir::Operation *op, int64_t axis, int64_t rank);
/// The same for a list: sorted, no duplicates.
llvm::FailureOr<llvm::SmallVector<int64_t>> normalizeAxes(mlir::Operation *op, llvm::ArrayRef<int64_t> axes,
                                                          int64_t rank);

} // namespace onnxc::onnx
