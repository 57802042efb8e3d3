//===- lib/Optimize/FoldConstants.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Replaces what depends on constants only by constants: shape arithmetic from its known content, everything else by
// running our own generated code once.
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Text.h"
#include "lib/Optimize/Passes.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace onnxc {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "lib/Optimize/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc::onnx;

/// A result may always take this much, and beyond it this many times what it is made of.
static constexpr int64_t kFreeBytes = 1 << 20;
static constexpr int64_t kMaxGrowth = 4;

static int64_t countBytes(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || isa<StringType>(tensor.getElementType()))
    return 0;
  // Sizes come from the model file: a product that does not fit is "too much", not a wrapped number.
  int64_t bytes = getElementBytes(tensor.getElementType());
  for (int64_t size : tensor.getShape())
    if (llvm::MulOverflow(bytes, size, bytes))
      return std::numeric_limits<int64_t>::max();
  return bytes;
}

static bool isConstant(Value value) { return value.getDefiningOp() && isa<ConstantOp, NoneOp>(value.getDefiningOp()); }

/// The constant that the known content of a small integer tensor is, if all of it is numbers.
static DenseElementsAttr getKnownContent(Operation &op) {
  auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isInteger())
    return {};
  auto numbers = getConstantInts(op.getResult(0));
  if (!numbers || static_cast<int64_t>(numbers->size()) != type.getNumElements())
    return {};
  unsigned width = type.getElementTypeBitWidth();
  SmallVector<APInt> values;
  for (int64_t number : *numbers)
    values.push_back(APInt(64, number, /*isSigned=*/true).sextOrTrunc(width));
  return DenseElementsAttr::get(type, values);
}

namespace {
struct FoldConstants : onnxc::impl::FoldConstantsBase<FoldConstants> {
  using FoldConstantsBase::FoldConstantsBase;
  FoldConstants(onnxc::Evaluator evaluate, bool dequantizeToo) : evaluate(std::move(evaluate)) {
    dequantize = dequantizeToo;
  }

  void runOnOperation() override {
    OpBuilder b(&getContext());
    getOperation().walk([&](Operation *op) {
      if (!isa<OnnxOpInterface>(op) || isa<ConstantOp, NoneOp>(op) || op->getNumResults() != 1)
        return;
      if (DenseElementsAttr content = getKnownContent(*op)) {
        b.setInsertionPoint(op);
        op->getResult(0).replaceAllUsesWith(ConstantOp::create(b, op->getLoc(), content.getType(), content));
        op->erase();
        ++folded;
      }
    });
    if (!evaluate)
      return;
    // What fails in a branch that is never taken must not keep the rest from being folded.
    Block &top = getOperation().front();
    llvm::SetVector<Operation *> chosen;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isFoldable(*op, chosen))
        chosen.insert(op);
    });
    if (succeeded(evaluateConstantPart(chosen)))
      return;
    chosen.remove_if([&](Operation *op) { return op->getBlock() != &top; });
    (void)evaluateConstantPart(chosen); // what fails is computed at run time, and what is wrong with it reported there
  }

private:
  /// Whether `op`, all of whose operands are constants or in `chosen`, is worth computing now.
  bool isFoldable(Operation &op, const llvm::SetVector<Operation *> &chosen) {
    if (!isa<OnnxOpInterface>(op) || isa<ConstantOp, NoneOp>(op) || !isPure(&op) || op.use_empty())
      return false;
    if (op.getNumRegions() != 0) // which may take any time
      return false;
    if (!dequantize && op.getName().stripDialect() == "DequantizeLinear")
      return false;
    // Text is made with memory of the run.
    if (llvm::any_of(op.getOperandTypes(), isText) || llvm::any_of(op.getResultTypes(), isText))
      return false;
    int64_t in = 0, out = 0;
    for (Value operand : op.getOperands()) {
      if (!isConstant(operand) && !chosen.contains(operand.getDefiningOp()))
        return false;
      in = llvm::SaturatingAdd<uint64_t>(in, countBytes(operand.getType()));
    }
    for (Type type : op.getResultTypes()) {
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          tensor ? !tensor.hasStaticShape() || isa<StringType>(tensor.getElementType()) : !isa<NoneType>(type))
        return false;
      out = llvm::SaturatingAdd<uint64_t>(out, countBytes(type));
    }
    return out <= std::max(kFreeBytes, static_cast<int64_t>(llvm::SaturatingMultiply<uint64_t>(in, kMaxGrowth)));
  }

  LogicalResult evaluateConstantPart(const llvm::SetVector<Operation *> &chosen) {
    SmallVector<Value> wanted;
    for (Operation *op : chosen)
      for (Value result : op->getResults())
        if (isa<RankedTensorType>(result.getType()) &&
            llvm::any_of(result.getUsers(), [&](Operation *user) { return !chosen.contains(user); }))
          wanted.push_back(result);
    if (wanted.empty())
      return success();

    // @main of its own module: clones of the chosen operations and of the constants they read.
    OwningOpRef<ModuleOp> module = ModuleOp::create(getOperation().getLoc());
    OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
    auto types = llvm::map_to_vector(wanted, [](Value value) { return value.getType(); });
    auto function = func::FuncOp::create(b, getOperation().getLoc(), "main", b.getFunctionType({}, types));
    b.setInsertionPointToStart(function.addEntryBlock());
    IRMapping mapping;
    for (Operation *op : chosen) {
      for (Value operand : op->getOperands())
        if (!mapping.contains(operand))
          b.clone(*operand.getDefiningOp(), mapping);
      b.clone(*op, mapping);
    }
    auto results = llvm::map_to_vector(wanted, [&](Value value) { return mapping.lookup(value); });
    func::ReturnOp::create(b, function.getLoc(), results);

    auto values = evaluate(*module);
    if (failed(values))
      return failure();
    for (auto [value, constant] : llvm::zip_equal(wanted, *values)) {
      b.setInsertionPointAfterValue(value);
      ElementsAttr typed = reinterpret(constant, cast<RankedTensorType>(value.getType()));
      value.replaceAllUsesWith(ConstantOp::create(b, value.getLoc(), value.getType(), typed));
    }
    folded += chosen.size();
    evaluated += chosen.size();
    for (Operation *op : llvm::reverse(chosen))
      op->erase();
    return success();
  }

  onnxc::Evaluator evaluate;
};
} // namespace

std::unique_ptr<Pass> onnxc::createFoldConstants(Evaluator evaluate, bool dequantize) {
  return std::make_unique<::FoldConstants>(std::move(evaluate), dequantize);
}
