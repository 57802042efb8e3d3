//===- dialects/onnx/support/SizeWords.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a check of sizes wants, in the words of whoever gives the sizes. See SizeWords.h.
#include "dialects/onnx/support/SizeWords.h"
#include "dialects/onnx/Verify.h"
#include "dialects/onnx/support/Dims.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::onnx;

namespace {
/// factor * symbol + ... + constant.
struct Linear {
  llvm::MapVector<unsigned, int64_t> factors; ///< by position, none of them 0
  int64_t constant = 0;
};
} // namespace

static bool add(Linear &sum, AffineExpr expr, int64_t scale) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return !llvm::AddOverflow(sum.factors[symbol.getPosition()], scale, sum.factors[symbol.getPosition()]);
  int64_t number;
  if (auto constant = getConstant(expr))
    return !llvm::MulOverflow(scale, *constant, number) && !llvm::AddOverflow(sum.constant, number, sum.constant);
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return add(sum, binary.getLHS(), scale) && add(sum, binary.getRHS(), scale);
  auto factor = getConstant(binary.getRHS());
  return binary.getKind() == AffineExprKind::Mul && factor && !llvm::MulOverflow(scale, *factor, number) &&
         add(sum, binary.getLHS(), number);
}

static std::optional<Linear> asLinear(AffineExpr expr) {
  Linear sum;
  if (!add(sum, expr, 1))
    return std::nullopt;
  sum.factors.remove_if([](const auto &entry) { return entry.second == 0; });
  return sum;
}

/// "'seq' (dimension 1 of input 'ids')"; empty for a size that nobody gives.
static std::string nameSize(func::FuncOp function, unsigned position) {
  auto names = function->getAttrOfType<ArrayAttr>("onnx.symbols");
  auto type = function->getAttrOfType<TypeAttr>(kOnnxType); // the arguments themselves are lowered already
  if (!names || position >= names.size() || !type)
    return "";
  StringRef name = cast<StringAttr>(names[position]).getValue();
  for (auto [i, input] : llvm::enumerate(cast<FunctionType>(type.getValue()).getInputs())) {
    auto given = function.getArgAttrOfType<StringAttr>(i, "onnx.name");
    if (name.empty() || !given || !isa<RankedTensorType>(input))
      continue;
    for (auto [axis, dim] : llvm::enumerate(getDims(input)))
      if (dim == getAffineSymbolExpr(position, function.getContext()))
        return ("'" + name + "' (dimension " + Twine(axis) + " of input '" + given.getValue() + "')").str();
  }
  return "";
}

static func::FuncOp functionOf(Operation *op) {
  return isa<func::FuncOp>(op) ? cast<func::FuncOp>(op) : op->getParentOfType<func::FuncOp>();
}

std::string onnxc::onnx::wantsNonNegative(Operation *op, AffineExpr expr) {
  auto sum = asLinear(simplify(expr));
  if (!sum || sum->factors.size() != 1)
    return "";
  auto [position, factor] = sum->factors.front();
  AffineExpr clamped = getClamped(op, getAffineSymbolExpr(position, expr.getContext()));
  if (clamped) // a multiple of max(e, 0) below 0 is not negative when e is not above 0
    return factor < 0 && sum->constant == 0 ? wantsNonNegative(op, -clamped) : "";
  std::string size = nameSize(functionOf(op), position);
  if (size.empty() || (factor < 0 && sum->constant < 0))
    return "";
  return "; " + size +
         (factor < 0 ? " must be at most " + std::to_string(sum->constant / -factor)
                     : " must be at least " + std::to_string(llvm::divideCeil(-sum->constant, factor)));
}

std::string onnxc::onnx::wantsEqual(Operation *op, AffineExpr a, AffineExpr b) {
  auto sum = asLinear(simplify(a - b));
  if (!sum || sum->factors.empty() || sum->factors.size() > 2)
    return "";
  auto [position, factor] = sum->factors.front();
  func::FuncOp function = functionOf(op);
  if (sum->factors.size() == 2) {
    auto [other, otherFactor] = sum->factors.back();
    std::string first = nameSize(function, position), second = nameSize(function, other);
    bool areAlike = sum->constant == 0 && factor == -otherFactor && !first.empty() && !second.empty();
    return areAlike ? "; " + first + " and " + second + " must be equal" : "";
  }
  if (AffineExpr clamped = getClamped(op, getAffineSymbolExpr(position, a.getContext())))
    return sum->constant == 0 ? wantsNonNegative(op, -clamped) : "";
  std::string size = nameSize(function, position);
  if (size.empty() || sum->constant % factor != 0 || -sum->constant / factor < 0)
    return "";
  return "; " + size + " must be " + std::to_string(-sum->constant / factor);
}
