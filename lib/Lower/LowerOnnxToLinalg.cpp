//===- lib/Lower/LowerOnnxToLinalg.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Walks a function in order and lets every onnx operation lower itself. No operator is named here.
#include "dialects/kernel/KernelDialect.h"
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/Verify.h"
#include "dialects/onnx/support/Symbols.h"
#include "dialects/rt/RtDialect.h"
#include "lib/Lower/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/SetVector.h"

namespace onnxc {
#define GEN_PASS_DEF_LOWERONNXTOLINALG
#include "lib/Lower/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc::onnx;

namespace {
class Lowering {
public:
  explicit Lowering(func::FuncOp function) : function(function), b(function.getLoc(), function.getContext()) {
    b.setBodyEmitter([this](Block &body, ValueRange arguments) { return emitBody(body, arguments); });
  }

  LogicalResult run() {
    Block &entry = function.front();
    function->setAttr(kOnnxType, TypeAttr::get(function.getFunctionType()));
    lowerArguments(entry);
    // What a lowering makes goes before the operation and is dealt with there.
    for (Operation &op : entry)
      if (failed(lower(op)))
        return failure();
    if (hasAllSymbols(&entry.front()))
      return function.emitError("needs more than the ") << kMaxSymbols << " sizes that are supported";
    for (Operation *op : llvm::reverse(done.getArrayRef()))
      op->erase();
    return success();
  }

  unsigned getCount() const { return count; }

private:
  /// Arguments become signless and lose their encodings; the symbols they define are bound to their sizes.
  void lowerArguments(Block &entry) {
    b.setInsertionPointToStart(&entry);
    SmallVector<Type> inputs;
    for (BlockArgument argument : entry.getArguments()) {
      Type onnxType = argument.getType();
      Type type = LoweringBuilder::loweredValueType(onnxType);
      argument.setType(type);
      inputs.push_back(type);
      Value lifted = b.lift(argument, onnxType);
      argument.replaceAllUsesExcept(lifted, lifted.getDefiningOp());
      if (!isa<RankedTensorType>(onnxType))
        continue;
      for (auto [i, dim] : llvm::enumerate(getDims(onnxType)))
        if (auto symbol = dyn_cast<AffineSymbolExpr>(dim); symbol && !b.isBound(symbol.getPosition())) {
          b.bindSymbol(symbol.getPosition(), tensor::DimOp::create(b, argument, i));
          inputSymbols.insert(symbol.getPosition());
        }
    }
    SmallVector<Type> results;
    for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
      results.push_back(LoweringBuilder::loweredValueType(type));
      if (isa<StringType>(getElementTypeOrSelf(type))) // the run allocates them, whatever is known of their sizes
        function.setResultAttr(i, "onnxc.allocated", b.getUnitAttr());
    }
    function.setType(FunctionType::get(function.getContext(), inputs, results));
  }

  /// An output that isn't a tensor has memory of its own, even where it shares parts with an input.
  Value lowerOutput(Value output) {
    Value value = lowered.lookup(output);
    auto isHandle = [](Type type) { return !isa<RankedTensorType>(type); };
    if (!isHandle(value.getType()) || llvm::none_of(function.getArgumentTypes(), isHandle))
      return value;
    return b.call("onnxc_value_copy", value, output.getType(), {}, output.getType())[0];
  }

  /// The content of the only result of `op`, where inference has found it.
  static std::optional<Dims> getKnown(Operation &op) {
    if (op.getNumResults() != 1 || op.hasTrait<OpTrait::ConstantLike>())
      return std::nullopt;
    return getShapeData(op.getResult(0));
  }

  LogicalResult lower(Operation &op) {
    if (done.contains(&op)) // in a body that came to stand here
      return success();
    if (auto cast = dyn_cast<UnrealizedConversionCastOp>(op)) { // lift or lower
      Value input = cast.getInputs()[0];
      if (Value known = lowered.lookup(input)) // onnx value wanted in lowered form
        cast.getResult(0).replaceAllUsesWith(known);
      else
        lowered[cast.getResult(0)] = input;
      done.insert(&op);
      return success();
    }
    if (isa<func::ReturnOp>(op)) {
      b.setLoc(op.getLoc());
      b.setInsertionPoint(&op);
      for (OpOperand &operand : op.getOpOperands())
        operand.set(lowerOutput(operand.get()));
      return success();
    }
    auto onnxOp = dyn_cast<OnnxOpInterface>(op);
    if (!onnxOp)
      return success();
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(lowered.lookup(operand));
    Operation *before = op.getPrevNode();
    b.setLoc(op.getLoc());
    b.setInsertionPoint(&op);
    for (Value result : op.getResults()) {
      if (isa<RankedTensorType>(result.getType()))
        for (AffineExpr dim : getDims(result))
          b.bindClamped(dim);
      for (AffineExpr element : getShapeData(result).value_or(Dims()))
        b.bindClamped(element);
    }
    FailureOr<SmallVector<Value>> results;
    // Shape arithmetic vanishes: what is known of a result needs none of the operands.
    if (std::optional<Dims> data = getKnown(op))
      results = SmallVector<Value>{b.fromShapeData(op.getResult(0).getType(), *data)};
    else
      results = onnxOp.lowerToLinalg(b, operands);
    if (failed(results))
      return failure();
    ++count;
    done.insert(&op);
    if (failed(lowerMade(before ? std::next(before->getIterator()) : op.getBlock()->begin(), op.getIterator())))
      return failure();
    for (auto [onnxResult, result] : llvm::zip_equal(op.getResults(), *results)) {
      // A result may itself be a value that only now got its final form.
      Value final = result;
      if (final)
        if (auto cast = final.getDefiningOp<UnrealizedConversionCastOp>())
          if (Value known = lowered.lookup(cast.getInputs()[0]))
            final = known;
      lowered[onnxResult] = final;
      bindFreshSymbols(onnxResult, final, op);
      checkCount(onnxResult, op);
    }
    return success();
  }

  /// Lowers the operations of the dialect that a lowering made in its turn, also in the loops that it made.
  LogicalResult lowerMade(Block::iterator it, Block::iterator end) {
    while (it != end) {
      Operation &made = *it++;
      if (isa<OnnxOpInterface, UnrealizedConversionCastOp>(made)) {
        if (failed(lower(made)))
          return failure();
        continue;
      }
      auto outside = counted; // what was checked inside need not have been checked after it
      for (Region &region : made.getRegions())
        for (Block &block : region)
          if (failed(lowerMade(block.begin(), block.end())))
            return failure();
      counted = std::move(outside);
    }
    return success();
  }

  /// Brings the operations of a body to where the builder is, and lowers them there.
  FailureOr<SmallVector<Value>> emitBody(Block &body, ValueRange arguments) {
    for (auto [argument, value] : llvm::zip_equal(body.getArguments(), arguments)) {
      Value lifted = b.lift(value, argument.getType());
      lowered[lifted] = value;
      argument.replaceAllUsesWith(lifted);
      done.insert(lifted.getDefiningOp());
    }
    SmallVector<Operation *> ops = llvm::map_to_vector(body.without_terminator(), [](Operation &op) { return &op; });
    Operation *yield = body.getTerminator();
    b.getInsertionBlock()->getOperations().splice(b.getInsertionPoint(), body.getOperations(), body.begin(),
                                                  yield->getIterator());
    auto outside = counted;
    for (Operation *op : ops)
      if (failed(lower(*op)))
        return failure();
    counted = std::move(outside);
    SmallVector<Value> results = llvm::map_to_vector(yield->getOperands(), [&](Value v) { return lowered.lookup(v); });
    yield->erase();
    return results;
  }

  /// A size that was unknown before this operation is from now on the size of its result.
  void bindFreshSymbols(Value onnxResult, Value result, Operation &op) {
    auto type = dyn_cast<RankedTensorType>(onnxResult.getType());
    if (!type || !result)
      return;
    b.setInsertionPoint(&op);
    for (auto [i, dim] : llvm::enumerate(getDims(type)))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim); symbol && !b.isBound(symbol.getPosition()))
        b.bindSymbol(symbol.getPosition(), tensor::DimOp::create(b, result, i));
  }

  /// Sizes that data decide may be any. Where their product could wrap round, so could every offset.
  void checkCount(Value onnxResult, Operation &op) {
    auto type = dyn_cast<RankedTensorType>(onnxResult.getType());
    if (!type || type.getNumDynamicDims() < 2)
      return;
    Dims dims = getDims(type);
    bool isComputed = false;
    for (AffineExpr dim : dims)
      walkSymbols(&op, dim, [&](unsigned symbol) { isComputed |= !inputSymbols.contains(symbol); });
    if (!isComputed || !counted.insert(type.getEncoding()).second)
      return;
    b.setInsertionPoint(&op);
    Value count = b.constant(b.getF64Type(), 1); // where nothing wraps
    for (AffineExpr dim : dims) {
      Value size = arith::IndexCastOp::create(b, b.getI64Type(), b.materializeIndex(dim));
      count = arith::MulFOp::create(b, count, arith::SIToFPOp::create(b, b.getF64Type(), size));
    }
    Value holds = arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, count, b.constant(b.getF64Type(), 0x1p47));
    cf::AssertOp::create(b, holds, "more memory is needed than there can be");
  }

  func::FuncOp function;
  LoweringBuilder b;
  DenseSet<unsigned> inputSymbols; ///< sizes of inputs
  DenseSet<Attribute> counted;     ///< shapes whose number of elements was checked
  DenseMap<Value, Value> lowered;
  llvm::SetVector<Operation *> done; ///< to be erased, users last
  unsigned count = 0;
};

struct LowerOnnxToLinalg : onnxc::impl::LowerOnnxToLinalgBase<LowerOnnxToLinalg> {
  /// Sizes that are the number 0 make no difference to lowerings, but to the verifiers of what they make.
  void dropEmptyParts() {
    SmallVector<Operation *> parts;
    getOperation().walk([&](Operation *op) {
      if (isa<tensor::ExtractSliceOp, tensor::InsertSliceOp, linalg::LinalgOp>(op))
        parts.push_back(op);
    });
    RewritePatternSet patterns(&getContext());
    onnxc::rt::populateEmptyPartPatterns(patterns);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingOps).enableFolding(false);
    (void)applyOpPatternsGreedily(parts, std::move(patterns), config);
  }

  void runOnOperation() override {
    Lowering lowering(getOperation());
    if (failed(lowering.run()))
      return signalPassFailure();
    lowered = lowering.getCount();
    dropEmptyParts();
  }
};
} // namespace
