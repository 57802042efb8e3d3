//===- lib/Codegen/CPU/LowerChecks.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A check that does not hold ends the call with a status, and says which node it belongs to. A checkpoint ends it when
// the caller wants that.
#include "dialects/rt/RtDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "onnxc/abi.h"
#include "llvm/ADT/MapVector.h"

namespace onnxc {
#define GEN_PASS_DEF_LOWERCHECKS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

/// "node 'pick' (Gather): index out of range" for the message "Gather: index out of range".
static std::string describe(Location where, StringRef text) {
  std::string node;
  where->walk([&](Location loc) {
    auto name = dyn_cast<NameLoc>(loc);
    if (name)
      node = "node '" + name.getName().str() + "'";
    return name ? WalkResult::interrupt() : WalkResult::advance();
  });
  auto [op, message] = text.split(": ");
  if (node.empty())
    return text.str();
  return message.empty() ? node + ": " + op.str() : node + " (" + op.str() + "): " + message.str();
}

namespace {
struct LowerChecks : onnxc::impl::LowerChecksBase<LowerChecks> {
  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      SmallVector<Operation *> checks;
      function.walk([&](Operation *op) {
        if (isa<cf::AssertOp, onnxc::rt::CheckRangeOp>(op))
          checks.push_back(op);
      });
      SmallVector<onnxc::rt::CheckpointOp> checkpoints;
      function.walk([&](onnxc::rt::CheckpointOp checkpoint) { checkpoints.push_back(checkpoint); });
      // The last one first: what is behind an operation moves to another block, and so moves once.
      for (onnxc::rt::CheckpointOp checkpoint : llvm::reverse(checkpoints))
        lowerCheckpoint(checkpoint);
      bool isEntry =
          function.getName() == "onnxc_plan" || function.getName() == "onnxc_run" || function.getName() == "onnxc_main";
      Block *fail = nullptr;
      for (Operation *check : llvm::reverse(checks)) {
        if (!isEntry || check->getParentOp() != function) {
          check->emitError("a check inside of a parallel loop has no way to report");
          return signalPassFailure();
        }
        fail = fail ? fail : makeFailure(function);
        lower(check, fail);
      }
    }
    OpBuilder b(&getContext());
    auto texts = llvm::map_to_vector(sites, [](auto &site) -> Attribute { return site.first; });
    getOperation()->setAttr("onnxc.error_sites", b.getArrayAttr(texts));
  }

private:
  /// onnxc_stop of runtime/library/stop.c. The caller's clock may do what it likes, but not with the model's memory.
  LLVM::LLVMFuncOp getStop() {
    if (auto known = getOperation().lookupSymbol<LLVM::LLVMFuncOp>("onnxc_stop"))
      return known;
    MLIRContext *context = &getContext();
    auto b = OpBuilder::atBlockEnd(getOperation().getBody());
    auto type = LLVM::LLVMFunctionType::get(b.getI32Type(), LLVM::LLVMPointerType::get(context));
    auto stop = LLVM::LLVMFuncOp::create(b, getOperation().getLoc(), "onnxc_stop", type);
    auto none = LLVM::ModRefInfo::NoModRef;
    stop.setMemoryEffectsAttr(LLVM::MemoryEffectsAttr::get(context, LLVM::ModRefInfo::Ref, LLVM::ModRefInfo::Ref,
                                                           LLVM::ModRefInfo::ModRef, none, none, none));
    return stop;
  }

  void lowerCheckpoint(onnxc::rt::CheckpointOp checkpoint) {
    ImplicitLocOpBuilder b(checkpoint.getLoc(), checkpoint);
    Block *block = checkpoint->getBlock();
    Value call = block->getParent()->front().getArgument(0);
    Value status = LLVM::CallOp::create(b, getStop(), call).getResult();
    Value goesOn =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, status, arith::ConstantIntOp::create(b, ONNXC_OK, 32));
    Block *rest = block->splitBlock(checkpoint);
    checkpoint.erase();
    Block *stopped = b.createBlock(rest);
    func::ReturnOp::create(b, status);
    b.setInsertionPointToEnd(block);
    branch(b, goesOn, rest, stopped);
  }

  static void branch(ImplicitLocOpBuilder &b, Value condition, Block *usual, Block *rare, ValueRange told = {}) {
    auto branch = cf::CondBranchOp::create(b, condition, usual, ValueRange(), rare, told);
    branch.setBranchWeights(ArrayRef<int32_t>{std::numeric_limits<int32_t>::max(), 1});
  }

  /// onnxc_fail(call, error_site, error_value, error_least, error_most): what a function returns whose check does not
  /// hold.
  func::FuncOp getFail() {
    if (auto known = getOperation().lookupSymbol<func::FuncOp>("onnxc_fail"))
      return known;
    auto b = ImplicitLocOpBuilder::atBlockEnd(getOperation().getLoc(), getOperation().getBody());
    Type i32 = b.getI32Type(), i64 = b.getI64Type();
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto fail = func::FuncOp::create(b, "onnxc_fail", b.getFunctionType({pointer, i32, i64, i64, i64}, i32));
    fail.setPrivate();
    fail->setAttr("passthrough", b.getStrArrayAttr({"noinline", "cold"}));
    Block *start = fail.addEntryBlock();
    Value call = start->getArgument(0);
    auto at = [&](size_t offset) {
      return LLVM::GEPOp::create(b, pointer, b.getI8Type(), call, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
    };
    Block *tell = b.createBlock(&fail.getBody(), fail.getBody().end()),
          *end = b.createBlock(&fail.getBody(), fail.getBody().end());
    b.setInsertionPointToEnd(start);
    LLVM::StoreOp::create(b, start->getArgument(1), at(offsetof(onnxc_call, error_site)));
    // A program may be older than what tells the value.
    Value size = LLVM::LoadOp::create(b, i32, at(offsetof(onnxc_call, struct_size)));
    Value least = arith::ConstantIntOp::create(b, offsetof(onnxc_call, error_most) + sizeof(int64_t), 32);
    cf::CondBranchOp::create(b, arith::CmpIOp::create(b, arith::CmpIPredicate::uge, size, least), tell, end);
    b.setInsertionPointToEnd(tell);
    size_t offsets[] = {offsetof(onnxc_call, error_value), offsetof(onnxc_call, error_least),
                        offsetof(onnxc_call, error_most)};
    for (auto [offset, value] : llvm::zip_equal(offsets, start->getArguments().drop_front(2)))
      LLVM::StoreOp::create(b, value, at(offset));
    cf::BranchOp::create(b, end);
    b.setInsertionPointToEnd(end);
    func::ReturnOp::create(b, Value(arith::ConstantIntOp::create(b, ONNXC_ERROR_RUN, 32)));
    return fail;
  }

  /// Where a function ends whose check does not hold: one block, which takes what onnxc_fail does.
  Block *makeFailure(func::FuncOp function) {
    func::FuncOp fail = getFail();
    ImplicitLocOpBuilder b(function.getLoc(), function);
    TypeRange types = fail.getArgumentTypes().drop_front();
    SmallVector<Location> locs(types.size(), b.getLoc());
    Block *block = b.createBlock(&function.getBody(), function.getBody().end(), types, locs);
    SmallVector<Value> told = {function.getArgument(0)};
    llvm::append_range(told, block->getArguments());
    func::ReturnOp::create(b, func::CallOp::create(b, fail, told).getResult(0));
    return block;
  }

  void lower(Operation *check, Block *fail) {
    ImplicitLocOpBuilder b(check->getLoc(), check);
    Value holds;
    SmallVector<Value> told;
    StringRef message;
    if (auto range = dyn_cast<onnxc::rt::CheckRangeOp>(check)) {
      told = {range.getValue(), range.getLeast(), range.getMost()};
      holds = arith::AndIOp::create(
          b, arith::CmpIOp::create(b, arith::CmpIPredicate::sge, range.getValue(), range.getLeast()),
          arith::CmpIOp::create(b, arith::CmpIPredicate::sle, range.getValue(), range.getMost()));
      message = range.getMessage();
    } else {
      auto condition = cast<cf::AssertOp>(check);
      told.assign(3, arith::ConstantIntOp::create(b, 0, 64)); // which lies inside
      holds = condition.getArg();
      message = condition.getMsg();
    }
    StringAttr text = b.getStringAttr(describe(check->getLoc(), message));
    int64_t site = sites.insert({text, sites.size()}).first->second;
    told.insert(told.begin(), arith::ConstantIntOp::create(b, site, 32));
    Block *block = check->getBlock(), *rest = block->splitBlock(check);
    check->erase();
    b.setInsertionPointToEnd(block);
    branch(b, holds, rest, fail, told);
  }

  llvm::MapVector<StringAttr, int64_t> sites;
};
} // namespace
