//===- lib/Codegen/CPU/PositionChecks.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lowers rt.position. An index counts as the position that it means before that is moved inside: as an unsigned number,
// the largest of them is below the size exactly when all are.
#include "lib/Codegen/CPU/PositionChecks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace onnxc;
using namespace onnxc::cpu;

/// What positions are computed in: 32 bits where index and size have no more.
static Type typeOf(rt::PositionOp op) {
  Type i32 = IntegerType::get(op.getContext(), 32);
  auto size = getConstantIntValue(op.getSize());
  bool isNarrow = op.getIndex().getType() == i32 && size && *size <= std::numeric_limits<int32_t>::max();
  return isNarrow ? i32 : IntegerType::get(op.getContext(), 64);
}

static Value sizeOf(OpBuilder &b, rt::PositionOp op) {
  auto known = getConstantIntValue(op.getSize()); // a constant may stand in the nest
  return known ? arith::ConstantIndexOp::create(b, op.getLoc(), *known).getResult() : op.getSize();
}

static Value widen(ImplicitLocOpBuilder &b, Value value, Type to) {
  return value.getType() == to ? value : arith::ExtSIOp::create(b, to, value).getResult();
}

static Value allocate(Block *block, Type type) {
  auto b = ImplicitLocOpBuilder::atBlockBegin(block->getParentOp()->getLoc(), block);
  return memref::AllocaOp::create(b, MemRefType::get({}, type));
}

static void setToZero(ImplicitLocOpBuilder &b, Value memory) {
  Type type = cast<MemRefType>(memory.getType()).getElementType();
  memref::StoreOp::create(b, arith::ConstantOp::create(b, b.getZeroAttr(type)), memory);
}

PositionChecks::PositionChecks(Operation *nest, PositionCells &cells)
    : nest(nest), cells(cells), outer(nest->getParentOfType<scf::ForallOp>()) {
  if (nest->getParentOfType<func::FuncOp>().getName() != "plan")
    nest->walk([&](rt::PositionOp op) { checks.push_back({op, {}, {}}); });
}

/// Cells whose address tasks have can't be in registers elsewhere, and several nests of the same task are checked at
/// once.
Value PositionChecks::cell(Type type, unsigned number, bool isShared) {
  Block *entry = &nest->getParentOfType<func::FuncOp>().front();
  if (isShared && outer)
    return allocate(entry, type);
  Value &cell = cells[{isShared ? MemRefType::get({}, type) : type, number}];
  return cell ? cell : cell = allocate(entry, type);
}

void PositionChecks::enter(OpBuilder &builder, scf::ForallOp task) {
  task = outer ? outer : task;
  for (auto [number, check] : llvm::enumerate(checks)) {
    ImplicitLocOpBuilder b(check.op.getLoc(), builder);
    Type type = typeOf(check.op);
    check.own = task ? allocate(task.getBody(), type) : cell(type, number, /*isShared=*/false);
    setToZero(b, check.own);
    if (!task)
      continue;
    check.worst = cell(b.getI64Type(), number, /*isShared=*/true);
    b.setInsertionPoint(task);
    setToZero(b, check.worst);
  }
}

void PositionChecks::leave(OpBuilder &builder) {
  for (Check &check : checks) {
    if (!check.worst)
      continue;
    ImplicitLocOpBuilder b(check.op.getLoc(), builder);
    Value worst = widen(b, memref::LoadOp::create(b, check.own), b.getI64Type());
    Value size = arith::IndexCastOp::create(b, b.getI64Type(), sizeOf(b, check.op));
    Value isOutside = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, worst, size);
    auto tell = scf::IfOp::create(b, isOutside, /*withElseRegion=*/false);
    b.setInsertionPointToStart(tell.thenBlock());
    memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::maxu, worst, check.worst, ValueRange());
  }
}

Value PositionChecks::lower(rt::PositionOp copy, unsigned number) {
  ImplicitLocOpBuilder b(copy.getLoc(), copy);
  Type type = typeOf(copy);
  auto constant = [&](int64_t n) { return arith::ConstantOp::create(b, b.getIntegerAttr(type, n)).getResult(); };
  Value index = widen(b, copy.getIndex(), type);
  Value size = b.createOrFold<arith::IndexCastOp>(type, copy.getSize());
  Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, index, constant(0));
  Value position = arith::SelectOp::create(b, isNegative, arith::AddIOp::create(b, index, size), index);
  if (!checks.empty()) {
    Value own = checks[number].own;
    Value worst = arith::MaxUIOp::create(b, memref::LoadOp::create(b, own), position);
    memref::StoreOp::create(b, worst, own);
  }
  // Memory that a program changes while the model runs must not lead out of a tensor, nor what a plan reads.
  position = arith::MinUIOp::create(b, position, arith::SubIOp::create(b, size, constant(1)));
  Value result = arith::IndexCastOp::create(b, b.getIndexType(), position);
  copy.replaceAllUsesWith(result);
  copy.erase();
  return result;
}

LogicalResult PositionChecks::finish() {
  IRRewriter rewriter(nest->getContext());
  for (Check &check : checks) {
    ImplicitLocOpBuilder b(check.op.getLoc(), nest);
    if (outer) {
      if (!getConstantIntValue(check.op.getSize()) &&
          failed(moveValueDefinitions(rewriter, check.op.getSize(), outer.getOperation())))
        return check.op.emitError("the size that it indexes is not known before the parallel loop");
      b.setInsertionPointAfter(outer);
    }
    Value worst = memref::LoadOp::create(b, check.worst ? check.worst : check.own);
    worst = widen(b, worst, b.getI64Type());
    // The index that it was. Where there is none, there may be nothing to index either.
    Value zero = arith::ConstantIntOp::create(b, 0, 64), one = arith::ConstantIntOp::create(b, 1, 64);
    Value size = arith::IndexCastOp::create(b, b.getI64Type(), sizeOf(b, check.op));
    Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, worst, zero);
    Value index = arith::SelectOp::create(b, isNegative, arith::SubIOp::create(b, worst, size), worst);
    Value least = arith::SubIOp::create(b, zero, size), most = arith::SubIOp::create(b, size, one);
    rt::CheckRangeOp::create(b, index, least, arith::MaxSIOp::create(b, least, most), check.op.getMessage());
  }
  return success();
}
