//===- lib/Codegen/CPU/LowerChecks.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A check that does not hold ends the call with a status, and says which node it belongs to.
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
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      SmallVector<Operation *> checks;
      function.walk([&](Operation *op) {
        if (isa<cf::AssertOp, onnxc::rt::CheckRangeOp>(op))
          checks.push_back(op);
      });
      bool isEntry =
          function.getName() == "onnxc_plan" || function.getName() == "onnxc_run" || function.getName() == "onnxc_main";
      for (Operation *check : checks) {
        if (!isEntry || check->getParentOp() != function) {
          check->emitError("a check inside of a parallel loop has no way to report");
          return signalPassFailure();
        }
        lower(check);
      }
    }
    OpBuilder b(&getContext());
    auto texts = llvm::map_to_vector(sites, [](auto &site) -> Attribute { return site.first; });
    getOperation()->setAttr("onnxc.error_sites", b.getArrayAttr(texts));
  }

private:
  void lower(Operation *check) {
    ImplicitLocOpBuilder b(check->getLoc(), check);
    Block *block = check->getBlock();
    Value call = block->getParent()->front().getArgument(0), holds;
    StringRef message;
    if (auto range = dyn_cast<onnxc::rt::CheckRangeOp>(check)) {
      holds = arith::AndIOp::create(
          b, arith::CmpIOp::create(b, arith::CmpIPredicate::sge, range.getValue(), range.getLeast()),
          arith::CmpIOp::create(b, arith::CmpIPredicate::sle, range.getValue(), range.getMost()));
      message = range.getMessage();
    } else {
      auto condition = cast<cf::AssertOp>(check);
      holds = condition.getArg();
      message = condition.getMsg();
    }
    StringAttr text = b.getStringAttr(describe(check->getLoc(), message));
    int64_t site = sites.insert({text, sites.size()}).first->second;
    Block *rest = block->splitBlock(check);
    check->erase();

    Block *fail = b.createBlock(rest);
    Value number = LLVM::ConstantOp::create(b, b.getI32Type(), site);
    Value at = LLVM::GEPOp::create(b, call.getType(), b.getI8Type(), call,
                                   ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offsetof(onnxc_call, error_site))});
    LLVM::StoreOp::create(b, number, at);
    func::ReturnOp::create(b, Value(arith::ConstantIntOp::create(b, ONNXC_ERROR_RUN, 32)));

    b.setInsertionPointToEnd(block);
    auto branch = cf::CondBranchOp::create(b, holds, rest, fail);
    branch.setBranchWeights(ArrayRef<int32_t>{std::numeric_limits<int32_t>::max(), 1});
  }

  llvm::MapVector<StringAttr, int64_t> sites;
};
} // namespace
