//===- dialects/onnx/support/Term.h ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values of the dialect in formulas, for upgrades that make many operations: `x - rate * gradient`.
#pragma once

#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Upgrade.h"

namespace onnxc::onnx {

/// A value; null after an error, which was reported, and then so is what is made of it. Numbers in formulas are of the
/// type of the other operand.
struct Term {
  NodeForm *node = nullptr;
  mlir::Value value;

  mlir::Type element() const { return mlir::getElementTypeOrSelf(value); }
  Term with(mlir::Value other) const { return {node, other}; }
  Term number(double n) const { return with(value ? node->scalar(n, element()) : mlir::Value()); }
  Term as(mlir::Type element) const {
    return with(build<CastOp>(*node, value, intAttr(*node, "to", getOnnxType(element))));
  }
  /// OpT of this one and others.
  template <typename OpT>
  Term make(llvm::ArrayRef<Term> others = {}, llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) const {
    llvm::SmallVector<mlir::Value> operands{value};
    for (Term other : others)
      operands.push_back(other.value);
    return with(build<OpT>(*node, operands, attributes));
  }
};

inline Term operator+(Term a, Term b) { return a.make<AddOp>(b); }
inline Term operator-(Term a, Term b) { return a.make<SubOp>(b); }
inline Term operator*(Term a, Term b) { return a.make<MulOp>(b); }
inline Term operator/(Term a, Term b) { return a.make<DivOp>(b); }
inline Term operator-(Term a) { return a.make<NegOp>(); }
inline Term operator+(Term a, double b) { return a + a.number(b); }
inline Term operator+(double a, Term b) { return b.number(a) + b; }
inline Term operator-(Term a, double b) { return a - a.number(b); }
inline Term operator-(double a, Term b) { return b.number(a) - b; }
inline Term operator*(double a, Term b) { return b.number(a) * b; }
inline Term operator/(double a, Term b) { return b.number(a) / b; }
inline Term sqrt(Term x) { return x.make<SqrtOp>(); }
inline Term exp(Term x) { return x.make<ExpOp>(); }
inline Term log(Term x) { return x.make<LogOp>(); }
inline Term power(Term base, Term exponent) { return base.make<PowOp>(exponent); }
inline Term select(Term condition, Term a, Term b) { return condition.make<WhereOp>({a, b}); }

} // namespace onnxc::onnx
