//===- dialects/onnx/support/Branches.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The branches of an If. See Branches.h.
#include "dialects/onnx/support/Branches.h"

using namespace mlir;
using namespace onnxc::onnx;

static constexpr StringLiteral kOnlyBranch = "onnx.only_branch", kMisfit = "onnx.misfit";

void onnxc::onnx::setOnlyBranch(IfOp op, unsigned branch, StringRef misfit) {
  Builder b(op.getContext());
  op->setAttr(kOnlyBranch, b.getI64IntegerAttr(branch));
  op->setAttr(kMisfit, b.getStringAttr(misfit));
}

std::optional<unsigned> onnxc::onnx::getOnlyBranch(IfOp op) {
  auto branch = op->getAttrOfType<IntegerAttr>(kOnlyBranch);
  return branch ? std::optional<unsigned>(branch.getInt() != 0) : std::nullopt;
}

StringRef onnxc::onnx::getMisfit(IfOp op) {
  auto misfit = op->getAttrOfType<StringAttr>(kMisfit);
  return misfit ? misfit.getValue() : StringRef("what follows does not fit the results of this branch");
}

std::optional<unsigned> onnxc::onnx::knownBranch(Value condition) {
  auto known = getConstantInts(condition);
  if (!known || known->size() != 1)
    return std::nullopt;
  return known->front() ? 0 : 1;
}

bool onnxc::onnx::hasRankOfRun(Value value) {
  auto op = value.getDefiningOp<IfOp>();
  if (!op || knownBranch(op.getCond()))
    return false;
  unsigned number = cast<OpResult>(value).getResultNumber();
  if (auto only = getOnlyBranch(op))
    return hasRankOfRun(op->getRegion(*only).front().getTerminator()->getOperand(number));
  Value yields[2];
  for (unsigned branch : {0, 1}) {
    Operation *yield = op->getRegion(branch).front().getTerminator();
    if (number >= yield->getNumOperands() || !isa<RankedTensorType>(yield->getOperand(number).getType()))
      return false;
    yields[branch] = yield->getOperand(number);
  }
  return cast<RankedTensorType>(yields[0].getType()).getRank() !=
             cast<RankedTensorType>(yields[1].getType()).getRank() ||
         hasRankOfRun(yields[0]) || hasRankOfRun(yields[1]);
}

/// Whether both are the same comparison of what is known to be the same.
static bool isSameCondition(Value a, Value b) {
  if (a == b)
    return true;
  Operation *left = a.getDefiningOp(), *right = b.getDefiningOp();
  return left && right && left->hasTrait<Broadcasts>() && left->getName() == right->getName() &&
         left->getAttrDictionary() == right->getAttrDictionary() &&
         llvm::all_of(llvm::zip(left->getOperands(), right->getOperands()), [](auto pair) {
           auto [x, y] = pair;
           auto data = getShapeData(x);
           return x == y || (data && data == getShapeData(y));
         });
}

std::optional<unsigned> onnxc::onnx::impliedBranch(Block *block, Value condition) {
  while (Operation *op = block ? block->getParentOp() : nullptr) {
    if (isa<LoopOp, ScanOp, BatchScanOp>(op)) // where sizes may turn out to change from round to round
      return std::nullopt;
    if (auto branches = dyn_cast<IfOp>(op); branches && isSameCondition(branches.getCond(), condition))
      return block->getParent()->getRegionNumber();
    block = op->getBlock();
  }
  return std::nullopt;
}
