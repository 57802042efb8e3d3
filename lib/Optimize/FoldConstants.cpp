//===- lib/Optimize/FoldConstants.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Replaces what depends on constants only by constants: shape arithmetic from its known content, everything else by
// running our own generated code once.
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Recurrent.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Text.h"
#include "lib/Optimize/Passes.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

namespace onnxc {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "lib/Optimize/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc::onnx;

/// A result may always take this much, and beyond it this many times what it is made of.
static constexpr uint64_t kFreeBytes = 1 << 20, kMaxGrowth = 4;

// Work: some seconds, and what takes a product of the largest weights with each other.
onnxc::FoldBudget::FoldBudget(uint64_t fileBytes)
    : work(llvm::SaturatingMultiplyAdd<uint64_t>(fileBytes, 1 << 8, uint64_t(1) << 31)),
      memory(llvm::SaturatingMultiplyAdd<uint64_t>(fileBytes, 1 << 5, 1 << 28)),
      kept(llvm::SaturatingMultiplyAdd<uint64_t>(fileBytes, 1 << 3, 1 << 25)) {}

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

/// Whether all that `op` does to a large tensor is to bring real numbers or bytes into another order or shape, or to
/// widen them.
static bool isReadThrough(Operation *op) {
  if (!isa<TransposeOp, CastOp, ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp>(op))
    return false;
  auto from = dyn_cast<RankedTensorType>(op->getOperand(0).getType()),
       to = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!from || !to || countBytes(from) < static_cast<int64_t>(kLargeConstant))
    return false;
  auto isShort = [](Type type) { return type.isF16() || type.isBF16(); };
  Type element = from.getElementType(), result = to.getElementType();
  auto integer = dyn_cast<IntegerType>(element);
  return element == result ? isShort(element) || element.isF32() || (integer && integer.getWidth() == 8)
                           : isShort(element) && result.isF32();
}

/// Whether a lowering finds large constants behind such operations (dialects/onnx/support/Weights.h), or needs none.
static bool readsThrough(Operation *op) {
  return isa<ConvOp, ConvIntegerOp, ConvTransposeOp, EinsumOp, GatherOp, GemmOp, GRUOp, LSTMOp, MatMulIntegerOp,
             MatMulOp, RNNOp>(op);
}

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
  FoldConstants(onnxc::Evaluator evaluator, bool dequantizeToo) : evaluator(std::move(evaluator)) {
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
    if (!evaluator.evaluate)
      return;
    // What fails in a branch that is never taken must not keep the rest from being folded.
    Block &top = getOperation().front();
    Chosen chosen;
    memoryLeft = evaluator.budget->memory;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isFoldable(*op, chosen))
        chosen.insert(op);
    });
    if (succeeded(fold(chosen)))
      return;
    chosen.remove_if([&](Operation *op) { return op->getBlock() != &top; });
    (void)fold(chosen); // what fails is computed at run time, and what is wrong with it reported there
  }

private:
  /// Each after those whose results it takes.
  using Chosen = llvm::SetVector<Operation *>;

  /// Whether `op`, all of whose operands are constants or in `chosen`, is worth computing now.
  bool isFoldable(Operation &op, const Chosen &chosen) {
    if (!isa<OnnxOpInterface>(op) || isa<ConstantOp, NoneOp>(op) || !isPure(&op) || op.use_empty())
      return false;
    if (op.getNumRegions() != 0) // which may take any time
      return false;
    if (!dequantize && op.getName().stripDialect() == "DequantizeLinear")
      return false;
    // Text is made with memory of the run.
    if (llvm::any_of(op.getOperandTypes(), isText) || llvm::any_of(op.getResultTypes(), isText))
      return false;
    uint64_t in = 0, out = 0;
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
    if (out > std::max(kFreeBytes, llvm::SaturatingMultiply(in, kMaxGrowth)) || out > memoryLeft)
      return false;
    memoryLeft -= out;
    return true;
  }

  /// Whether something that stays reads the result.
  bool isWanted(Value result, const Chosen &chosen) const {
    return isa<RankedTensorType>(result.getType()) && llvm::any_of(result.getUsers(), [&](Operation *user) {
             return !chosen.contains(user) || staying.contains(user);
           });
  }

  /// Leaves those out that need no copy, since all that uses them reads through them.
  static void dropWhatIsReadThrough(Chosen &chosen) {
    auto all = chosen.takeVector();
    for (Operation *op : llvm::reverse(all)) { // what uses its results has been looked at
      bool isRead = llvm::all_of(op->getUsers(), [&](Operation *user) {
        return !chosen.contains(user) && (readsThrough(user) || isReadThrough(user));
      });
      if (!isRead || !isReadThrough(op))
        chosen.insert(op);
    }
    auto kept = chosen.takeVector();
    chosen.insert(kept.rbegin(), kept.rend());
  }

  /// Leaves those to the run that would become more bytes of constants than are left. Gives what the others take. What
  /// others are computed from is computed with them all the same, but stays.
  uint64_t dropWhatIsLarge(Chosen &chosen) {
    uint64_t taken = 0;
    staying.clear();
    auto all = chosen.takeVector();
    for (Operation *op : llvm::reverse(all)) {
      // From the last to the first: what uses its results has been looked at.
      uint64_t bytes = 0, replaced = 0;
      for (Value result : op->getResults())
        if (isWanted(result, chosen))
          bytes = llvm::SaturatingAdd<uint64_t>(bytes, countBytes(result.getType()));
      for (Value operand : op->getOperands())
        if (operand.hasOneUse() && isConstant(operand))
          replaced = llvm::SaturatingAdd<uint64_t>(replaced, countBytes(operand.getType()));
      uint64_t more = bytes - std::min(bytes, replaced);
      if (more > evaluator.budget->kept - taken) {
        if (llvm::none_of(op->getUsers(), [&](Operation *user) { return chosen.contains(user); }))
          continue;
        staying.insert(op);
        more = 0;
      }
      taken += more;
      chosen.insert(op);
    }
    auto kept = chosen.takeVector();
    chosen.insert(kept.rbegin(), kept.rend());
    return taken;
  }

  /// Leaves those to the run that are more work than is left, and what depends on them.
  void dropWhatIsDear(Chosen &chosen, ArrayRef<uint64_t> work) {
    uint64_t left = evaluator.budget->work;
    auto all = chosen.takeVector();
    for (auto [op, needed] : llvm::zip_equal(all, work)) {
      bool isReady = llvm::all_of(op->getOperands(), [&](Value operand) {
        return isConstant(operand) || chosen.contains(operand.getDefiningOp());
      });
      if (!isReady || needed > left)
        continue;
      left -= needed;
      chosen.insert(op);
    }
  }

  LogicalResult fold(Chosen &chosen) {
    dropWhatIsReadThrough(chosen);
    uint64_t bytes = dropWhatIsLarge(chosen);
    auto work = evaluateConstantPart(chosen);
    if (succeeded(work) && work->size() != 0) {
      dropWhatIsDear(chosen, *work);
      bytes = dropWhatIsLarge(chosen);
      work = evaluateConstantPart(chosen);
    }
    if (failed(work) || !work->empty())
      return failure();
    evaluator.budget->kept -= bytes;
    return success();
  }

  /// Replaces the results of `chosen` by constants. Where that is too much work, nothing is done, and the work of each
  /// is given.
  FailureOr<SmallVector<uint64_t>> evaluateConstantPart(const Chosen &chosen) {
    SmallVector<Value> wanted;
    for (Operation *op : chosen)
      if (!staying.contains(op))
        llvm::copy_if(op->getResults(), std::back_inserter(wanted),
                      [&](Value result) { return isWanted(result, chosen); });
    if (wanted.empty())
      return SmallVector<uint64_t>();

    // @main of its own module: clones of the chosen operations and of the constants they read.
    OwningOpRef<ModuleOp> module = ModuleOp::create(getOperation().getLoc());
    OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
    auto types = llvm::map_to_vector(wanted, [](Value value) { return value.getType(); });
    auto function = func::FuncOp::create(b, getOperation().getLoc(), "main", b.getFunctionType({}, types));
    b.setInsertionPointToStart(function.addEntryBlock());
    IRMapping mapping;
    auto file = b.getStringAttr("");
    for (auto [number, op] : llvm::enumerate(chosen)) {
      for (Value operand : op->getOperands())
        if (!mapping.contains(operand))
          b.clone(*operand.getDefiningOp(), mapping);
      b.clone(*op, mapping)->setLoc(FileLineColLoc::get(file, number, 0));
    }
    auto results = llvm::map_to_vector(wanted, [&](Value value) { return mapping.lookup(value); });
    func::ReturnOp::create(b, function.getLoc(), results);

    auto evaluation = evaluator.evaluate(*module, evaluator.budget->work);
    if (failed(evaluation))
      return failure();
    evaluation->work.resize(chosen.size());
    if (evaluation->values.empty())
      return std::move(evaluation->work);
    for (uint64_t done : evaluation->work)
      evaluator.budget->work -= done;
    for (auto [value, constant] : llvm::zip_equal(wanted, evaluation->values)) {
      b.setInsertionPointAfterValue(value);
      ElementsAttr typed = reinterpret(constant, cast<RankedTensorType>(value.getType()));
      value.replaceAllUsesWith(ConstantOp::create(b, value.getLoc(), value.getType(), typed));
    }
    folded += chosen.size() - staying.size();
    evaluated += chosen.size();
    for (Operation *op : llvm::reverse(chosen))
      if (!staying.contains(op))
        op->erase();
    return SmallVector<uint64_t>();
  }

  onnxc::Evaluator evaluator;
  uint64_t memoryLeft = 0;
  DenseSet<Operation *> staying; ///< chosen ones whose results are too large to be kept
};
} // namespace

std::unique_ptr<Pass> onnxc::createFoldConstants(Evaluator evaluator, bool dequantize) {
  return std::make_unique<::FoldConstants>(std::move(evaluator), dequantize);
}
