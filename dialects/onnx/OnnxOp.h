//===- dialects/onnx/OnnxOp.h ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the generated operator classes of a family need. Include "dialects/onnx/ops/FAMILY.h" to use a family.
#pragma once

#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/support/Dims.h"
#include "dialects/onnx/support/Lowering.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace onnxc::onnx {

/// The trait of an operator whose operands and results may be of types that are stored as bits
/// (support/ElementTypes.h: small floats, complex numbers), or complex only. Any other refuses them.
template <typename OpT> class TakesBits : public mlir::OpTrait::TraitBase<OpT, TakesBits> {};
template <typename OpT> class TakesComplex : public mlir::OpTrait::TraitBase<OpT, TakesComplex> {};
/// The trait of an operator whose operands, aligned at the right, broadcast to its only result.
template <typename OpT> class Broadcasts : public mlir::OpTrait::TraitBase<OpT, Broadcasts> {};

/// Number of operands and results of an operator. With a variadic tail: of those before it.
struct Arity {
  unsigned operands = 0, results = 0;
  bool variadicOperands = false, variadicResults = false;
};

/// Reads the arity off the traits that ODS gives an operation.
template <typename OpT, size_t... N> constexpr Arity arityOfImpl(std::index_sequence<N...>) {
  namespace trait = mlir::OpTrait;
  Arity arity;
  // Trait numbers start at 2; 0, 1 and "any number" have traits of their own.
  ((OpT::template hasTrait<trait::NOperands<N + 2>::template Impl>() ? void(arity.operands = N + 2) : void()), ...);
  ((OpT::template hasTrait<trait::NResults<N + 2>::template Impl>() ? void(arity.results = N + 2) : void()), ...);
  ((OpT::template hasTrait<trait::AtLeastNOperands<N + 1>::template Impl>()
        ? void((arity.operands = N + 1, arity.variadicOperands = true))
        : void()),
   ...);
  ((OpT::template hasTrait<trait::AtLeastNResults<N + 1>::template Impl>()
        ? void((arity.results = N + 1, arity.variadicResults = true))
        : void()),
   ...);
  if (OpT::template hasTrait<trait::OneOperand>())
    arity.operands = 1;
  if (OpT::template hasTrait<trait::OneResult>())
    arity.results = 1;
  arity.variadicOperands |= OpT::template hasTrait<trait::VariadicOperands>();
  arity.variadicResults |= OpT::template hasTrait<trait::VariadicResults>();
  return arity;
}
template <typename OpT> constexpr Arity arityOf() { return arityOfImpl<OpT>(std::make_index_sequence<32>()); }

} // namespace onnxc::onnx

#include "dialects/onnx/OnnxOpInterface.h.inc"

namespace onnxc::onnx {

/// Sets the result types and the known shape values of `op` from its operands. Failure was reported.
llvm::LogicalResult inferTypes(mlir::Operation *op);

/// The same for every operation of a block, in order. An operation of which it is known that one body alone runs gives
/// way to that body.
llvm::LogicalResult inferTypes(mlir::Block &block);

/// Makes the operation with this name ("onnx.Add"): verifies attributes and operands, then infers the result types.
/// Null after an error, which was reported.
mlir::Operation *makeOp(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name, mlir::ValueRange operands,
                        llvm::ArrayRef<mlir::NamedAttribute> attributes, unsigned results);

/// The same for an operation with `bodies` regions: `fill` gives each its block.
mlir::Operation *makeOp(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name, mlir::ValueRange operands,
                        llvm::ArrayRef<mlir::NamedAttribute> attributes, unsigned results, unsigned bodies,
                        llvm::function_ref<llvm::LogicalResult(mlir::Operation *)> fill);

/// The same for an operation whose class is known.
template <typename OpT>
OpT make(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes = {},
         unsigned results = 1) {
  return llvm::cast_or_null<OpT>(makeOp(b, OpT::getOperationName(), operands, attributes, results));
}

/// Takes symbolic sizes of an operand of `op`, if it is there, for the numbers of `sizes` (-1: any), since with others
/// it could do nothing: puts an onnx.Assume in front of it, so that the run checks them. Reports ("repeats must have
/// shape [2]") what can't be. For inferTypes.
llvm::LogicalResult assumeSizes(mlir::Operation *op, unsigned operand, llvm::ArrayRef<int64_t> sizes,
                                llvm::StringRef name);
/// The same for a vector of this length; for one of length 1 a scalar is as good.
llvm::LogicalResult assumeLength(mlir::Operation *op, unsigned operand, int64_t length, llvm::StringRef name);

} // namespace onnxc::onnx
