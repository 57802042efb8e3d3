//===- lib/Codegen/CPU/EmitKernels.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Replaces every kernel on buffers by a parallel loop over tasks that calls a function; equal kernels share theirs.
// Inside of a task it is a loop.
#include "lib/Codegen/CPU/KernelEmitter.h"
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/Views.h"
#include "lib/Emit/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace onnxc {
#define GEN_PASS_DEF_EMITKERNELS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc;
using namespace onnxc::kernel;

/// What a packed right side has: numbers of 16 bits are widened as they are loaded.
static bool isPackedNumber(Type type) { return type.isF32() || type.isF16() || type.isBF16(); }

namespace {
struct EmitKernels : onnxc::impl::EmitKernelsBase<EmitKernels> {
  using EmitKernelsBase::EmitKernelsBase;

  struct Emitted {
    Operation *kernel;
    func::FuncOp function;
  };
  llvm::DenseMap<FunctionType, SmallVector<Emitted>> emitted;
  unsigned next = 0;

  void runOnOperation() override {
    emitted.clear();
    SmallVector<Operation *> kernels;
    getOperation().walk([&](Operation *op) {
      if (isa<ContractOp, DepthwiseOp, WinogradFilterOp, WinogradOp, PackOp, FillBorderOp>(op))
        kernels.push_back(op);
    });
    for (Operation *op : kernels) {
      if (!cast<DestinationStyleOpInterface>(op).hasPureBufferSemantics()) {
        op->emitOpError("is not on buffers yet");
        return signalPassFailure();
      }
      if (!isa<FillBorderOp>(op) && !llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
            auto contract = dyn_cast<ContractOp>(op);
            unsigned i = operand.getOperandNumber();
            Type element = cast<MemRefType>(operand.get().getType()).getElementType();
            if (contract && i == 0)
              return contract.getSizes() ? element.isInteger(8) : element.isF32();
            if (contract && i == 1)
              return contract.getSizes() || contract.getBits() ? element.isInteger(32) : isPackedNumber(element);
            if ((isa<WinogradFilterOp>(op) && i == 0) || (isa<WinogradOp>(op) && i == 1))
              return isPackedNumber(element);
            if (isa<ContractOp, DepthwiseOp, WinogradOp>(op) && i > 1)
              return isVectorElement(element);
            return element.isF32() || (isa<DepthwiseOp>(op) && element.isInteger());
          })) {
        op->emitOpError("is not emitted for these element types");
        return signalPassFailure();
      }
      if (llvm::any_of(cast<DestinationStyleOpInterface>(op).getDpsInits(),
                       [](Value out) { return llvm::is_contained(cast<MemRefType>(out.getType()).getShape(), 0); }))
        continue; // there is nothing to compute
      Emitter e(op->getLoc(), op);
      Value tasks = e.value(countTasks(e, op, op->getOperands()));
      // A result that turns out to have no element takes no task, however many rows of nothing it has.
      Value none = e.value(e.index(0));
      for (Value out : cast<DestinationStyleOpInterface>(op).getDpsInits())
        for (auto [dim, size] : llvm::enumerate(cast<MemRefType>(out.getType()).getShape()))
          if (ShapedType::isDynamic(size) && !getConstantIntValue(tasks)) {
            Value isEmpty = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, e.value(e.size(out, dim)), none);
            tasks = arith::SelectOp::create(e, isEmpty, none, tasks);
          }
      func::FuncOp function = getFunction(op);
      auto call = [&](OpBuilder &b, Location loc, ValueRange task) {
        SmallVector<Value> arguments = {task[0]};
        if (auto winograd = dyn_cast<WinogradOp>(op))
          arguments.push_back(
              SlotOp::create(b, loc, task[0], memref::DimOp::create(b, loc, winograd.getScratch(), 0).getResult()));
        for (Value operand : op->getOperands()) {
          auto type = cast<MemRefType>(operand.getType()), wanted = cpu::hideOffset(type);
          arguments.push_back(type == wanted ? operand : memref::CastOp::create(b, loc, wanted, operand).getResult());
        }
        func::CallOp::create(b, loc, function, arguments);
      };
      if (op->getParentOfType<scf::ForallOp>())
        e.loop(e.index(0), tasks, 1, [&](Index task) { call(e, op->getLoc(), e.value(task)); });
      else
        scf::ForallOp::create(e, ArrayRef<OpFoldResult>(getAsOpFoldResult(tasks)), ValueRange(), std::nullopt,
                              [&](OpBuilder &b, Location loc, ValueRange task) {
                                call(b, loc, task);
                                scf::InParallelOp::create(b, loc);
                              });
      ++calls;
    }
    for (Operation *op : kernels)
      op->erase();
  }

  /// Whether the same is done, with arguments of the same types.
  static bool areEqual(Operation *a, Operation *b) {
    return a->getName() == b->getName() && a->getAttrDictionary() == b->getAttrDictionary() &&
           llvm::all_of_zip(a->getRegions(), b->getRegions(), [](Region &a, Region &b) {
             return OperationEquivalence::isRegionEquivalentTo(&a, &b, OperationEquivalence::IgnoreLocations);
           });
  }

  /// The function that computes a task of `op`: one for all equal kernels.
  func::FuncOp getFunction(Operation *op) {
    SmallVector<Type> inputs(isa<WinogradOp>(op) ? 2 : 1, IndexType::get(&getContext())); // task, slot
    for (Type operand : op->getOperandTypes())
      inputs.push_back(cpu::hideOffset(cast<MemRefType>(operand)));
    auto type = FunctionType::get(&getContext(), inputs, {});
    for (Emitted &known : emitted[type])
      if (areEqual(op, known.kernel))
        return known.function;
    OpBuilder b = OpBuilder::atBlockEnd(getOperation().getBody());
    std::string name = (op->getName().stripDialect() + "_" + Twine(next++)).str();
    auto function = func::FuncOp::create(b, op->getLoc(), name, type);
    function.setPrivate();
    if (!isa<PackOp, FillBorderOp>(op)) // which copy, in loops that LLVM unrolls and turns into vectors
      function->setAttr("passthrough", b.getStrArrayAttr({"noinline", kKernelAttribute}));
    Block *block = function.addEntryBlock();
    Emitter e(op->getLoc(), function);
    e.setInsertionPointToStart(block);
    emitTask(e, op, block->getArguments().take_back(op->getNumOperands()), block->getArguments());
    func::ReturnOp::create(e);
    emitted[type].push_back({op, function});
    ++functions;
    return function;
  }

  Index countTasks(Emitter &e, Operation *op, ValueRange operands) {
    return TypeSwitch<Operation *, Index>(op)
        .Case([&](ContractOp op) { return countContractTasks(e, op, operands, {registers, dot}); })
        .Case([&](PackOp op) { return countPackTasks(e, op, operands); })
        .Case([&](DepthwiseOp op) { return countDepthwiseTasks(e, op, operands, lanes, dot); })
        .Case([&](WinogradFilterOp op) { return countWinogradFilterTasks(e, op, operands); })
        .Case([&](WinogradOp op) { return countWinogradTasks(e, op, operands); })
        .Case([&](FillBorderOp op) { return countFillBorderTasks(e, op, operands); });
  }

  /// `indices`: the task and, where the operation has scratch memory, its slot.
  void emitTask(Emitter &e, Operation *op, ValueRange operands, ValueRange indices) {
    Value task = indices[0];
    TypeSwitch<Operation *>(op)
        .Case([&](ContractOp op) { emitContractTask(e, op, operands, task, {registers, dot}); })
        .Case([&](PackOp op) { emitPackTask(e, op, operands, task); })
        .Case([&](DepthwiseOp op) { emitDepthwiseTask(e, op, operands, task, lanes, dot); })
        .Case([&](WinogradFilterOp op) { emitWinogradFilterTask(e, op, operands, task); })
        .Case([&](WinogradOp op) { emitWinogradTask(e, op, operands, task, indices[1], registers); })
        .Case([&](FillBorderOp op) { emitFillBorderTask(e, op, operands, task, lanes); });
  }
};
} // namespace
