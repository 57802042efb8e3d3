//===- dialects/onnx/support/Lowering.h --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The builder that lowerings get: ImplicitLocOpBuilder that also knows the run-time values of symbolic dimensions, and
// the few shapes of linalg that most operators need.
#pragma once

#include "dialects/onnx/support/Dims.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>

namespace onnxc::onnx {

/// Emits one result element from the operands' elements (and, where asked for, indices).
using ElementBody = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange args)>;

class LoweringBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  /// Gives symbol `position` its run-time value (an index). Set for every symbol of the inputs by the pass; a lowering
  /// whose result has a fresh symbol needs to do nothing: the pass binds it to the size of the value it returned.
  void bindSymbol(unsigned position, mlir::Value value) { symbols[position] = value; }
  /// Whether its value is known: bound, or a maximum of what is (`clampToZero`).
  bool isBound(unsigned position);
  /// Computes the maxima that the expression is made of here, once for all that follows.
  void bindClamped(AffineExpr expr);

  /// The run-time value of a size: an attribute when it is a number, else index arithmetic on the symbols.
  mlir::OpFoldResult materialize(AffineExpr dim);
  llvm::SmallVector<mlir::OpFoldResult> materialize(llvm::ArrayRef<AffineExpr> dims);
  mlir::Value materializeIndex(AffineExpr dim); ///< as an index value in any case
  mlir::Value index(int64_t value);
  /// Element `i` (row major) of a small integer tensor, as an index: what is known of the onnx value, else read from
  /// its lowered form.
  mlir::Value element(mlir::Value onnxValue, mlir::Value lowered, int64_t i);
  /// The tensor that holds this known content of a small integer tensor.
  mlir::Value fromShapeData(mlir::Type onnxType, llvm::ArrayRef<AffineExpr> data);
  /// Stops the run with `message` when the expression is negative (or: the expressions differ), unless that can't be.
  void requireNonNegative(AffineExpr expr, const llvm::Twine &message);
  void requireEqual(AffineExpr a, AffineExpr b, const llvm::Twine &message);
  /// Binds a symbol that dimension `dim` of a result introduces, where it is one, before the result is made.
  void bindFresh(AffineExpr dim, llvm::function_ref<mlir::Value()> size);
  /// Operands of sizes `operands` broadcast to `result`, aligned at the right: binds what of it only run time tells,
  /// and stops the run where they don't fit.
  void bindBroadcast(llvm::ArrayRef<AffineExpr> result, llvm::ArrayRef<Dims> operands);
  /// `index` counted from the front of `size` elements. Indices out of range are clamped: what they come from is
  /// run-time data, and generated code must not read or write outside of a tensor whatever it is.
  static mlir::Value wrapIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value index, mlir::Value size);

  /// What a value of the onnx dialect with this type is after lowering: signless, without encoding.
  static mlir::RankedTensorType loweredType(mlir::Type onnxType);
  /// The same for a value of any kind: what isn't a tensor becomes a handle (dialects/rt).
  static mlir::Type loweredValueType(mlir::Type onnxType);
  /// tensor.empty of the lowered form of an onnx tensor type.
  mlir::Value empty(mlir::Type onnxType);
  /// The same, filled with a scalar of the lowered element type.
  mlir::Value filled(mlir::Type onnxType, mlir::Value scalar);
  /// arith.constant of an int, index, float or i1 type (`value` converted to it).
  mlir::Value constant(mlir::Type type, double value);
  mlir::Value constantInt(mlir::Type type, int64_t value);

  /// result[i...] = body(operands broadcast to result...). Operands are lowered tensors whose onnx types are
  /// `operandTypes` (needed to know which dimensions broadcast, statically or, where sizes are symbolic, at run time).
  mlir::Value elementwise(mlir::Type resultType, mlir::ValueRange operands, mlir::TypeRange operandTypes,
                          ElementBody body);

  /// The same where `maps` (one for each operand) say which element goes into result[d0, d1, ...]: (d1) for a bias per
  /// channel.
  mlir::Value elementwise(mlir::Type resultType, mlir::ValueRange operands, llvm::ArrayRef<mlir::AffineMap> maps,
                          ElementBody body);

  /// result[i...] = body(indices i... of index type). For data movement that no linalg operation says.
  mlir::Value generate(mlir::Type resultType, ElementBody body);

  /// Reduces `operand` (lowered; onnx type `operandType`) over `axes`: accumulates body(element, accumulator) from
  /// `init`. The result keeps no reduced dimension.
  mlir::Value reduce(mlir::Value operand, mlir::Type operandType, llvm::ArrayRef<int64_t> axes, mlir::Value init,
                     ElementBody body);

  /// Views `value` as `resultType` (an onnx type) with the same number of elements: expand/collapse where the
  /// expressions show how, tensor.reshape otherwise.
  mlir::Value reshape(mlir::Value value, mlir::Type operandType, mlir::Type resultType);

  /// Calls a function of runtime/library (dialects/rt, rt.call). `inputs` are lowered values, `inputTypes` their onnx
  /// types. Results: first tensors of the onnx types `outs`, whose sizes the symbols give, then what the function
  /// makes: values of the onnx types `made`. `failures` are the texts of the statuses from 1 on.
  llvm::SmallVector<mlir::Value> call(llvm::StringRef function, mlir::ValueRange inputs, mlir::TypeRange inputTypes,
                                      mlir::TypeRange outs, mlir::TypeRange made,
                                      llvm::ArrayRef<llvm::StringRef> failures = {});
  /// A lowered tensor of shape [n] of numbers or strings, for such a call.
  mlir::Value numbers(llvm::ArrayRef<int64_t> values);
  mlir::Value strings(mlir::RankedTensorType onnxType, llvm::ArrayRef<llvm::StringRef> values);

  /// A lowered value as a value of the onnx type that it has come from, for `make<Op>` inside a lowering: such
  /// operations are lowered afterwards. `lower` is the way back, for a result.
  mlir::Value lift(mlir::Value lowered, mlir::Type onnxType);
  mlir::Value lower(mlir::Value onnxValue);

  /// Emits the operations of a body here, lowered, with these lowered values for its arguments; gives what it yields.
  /// A body is emitted once. Sizes that are known only inside of it are forgotten again.
  llvm::FailureOr<llvm::SmallVector<mlir::Value>> emitBody(mlir::Block &body, mlir::ValueRange arguments);
  using BodyEmitter = std::function<llvm::FailureOr<llvm::SmallVector<mlir::Value>>(mlir::Block &, mlir::ValueRange)>;
  void setBodyEmitter(BodyEmitter emitter) { bodyEmitter = std::move(emitter); }

private:
  llvm::DenseMap<unsigned, mlir::Value> symbols;
  BodyEmitter bodyEmitter; ///< the pass
};

} // namespace onnxc::onnx
