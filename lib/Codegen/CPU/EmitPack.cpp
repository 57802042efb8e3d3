//===- lib/Codegen/CPU/EmitPack.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Emits kernel.pack (a task is one panel of one batch) and kernel.fill_border.
#include "lib/Codegen/CPU/KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace onnxc::kernel;

Index onnxc::kernel::countPackTasks(Emitter &e, PackOp op, ValueRange operands) {
  Index tasks = e.index(1);
  for (unsigned d = 0; d <= op.getBatchDims(); ++d)
    tasks = e.mul(tasks, e.size(operands[1], d));
  return tasks;
}

void onnxc::kernel::emitPackTask(Emitter &e, PackOp op, ValueRange operands, Value task) {
  Value init = operands[1];
  auto type = cast<MemRefType>(init.getType());
  int64_t lanes = type.getShape().back();
  auto vector = VectorType::get({lanes}, type.getElementType());
  unsigned batches = op.getBatchDims(), loops = op.getMap().getNumDims();
  Access source = e.access(operands[0], op.getMap());
  Access packed = e.access(init, AffineMap::getMultiDimIdentityMap(type.getRank(), op.getContext()));

  // Where this task's panel is.
  Index rest = task, panel = e.rem(rest, e.size(init, batches)), from = e.index(0), to = e.index(0);
  rest = e.div(rest, e.size(init, batches));
  for (unsigned d = batches; d-- > 0;) {
    Index i = d == 0 ? rest : e.rem(rest, e.size(init, d));
    from = e.add(from, e.mul(source.strides[d], i));
    to = e.add(to, e.mul(packed.strides[d], i));
    rest = e.div(rest, e.size(init, d));
  }
  Index n0 = e.mul(panel, lanes), columnStride = source.strides[batches];
  from = e.add(from, e.mul(columnStride, n0));
  to = e.add(to, e.mul(packed.strides[batches], panel));

  std::optional<unsigned> position = op.getMap().getResultPosition(e.getAffineDimExpr(batches));
  Index columns = position ? e.size(operands[0], *position) : e.size(init, batches);
  Index left = e.sub(columns, n0);

  auto forEachReduced = [&](llvm::function_ref<void(Index, Index)> body) {
    std::function<void(unsigned, Index, Index)> nest = [&](unsigned d, Index from, Index to) {
      if (d == loops)
        return body(from, to);
      e.loop(e.index(0), e.size(init, d), 1, [&](Index k) {
        nest(d + 1, e.add(from, e.mul(source.strides[d], k)), e.add(to, e.mul(packed.strides[d], k)));
      });
    };
    nest(batches + 1, from, to);
  };
  if (isConstantIntValue(columnStride, 1)) {
    Value mask = e.tailMask(n0, columns, lanes);
    forEachReduced(
        [&](Index from, Index to) { e.storeVector(e.loadVector(source.flat, from, vector, mask), packed.flat, to); });
    return;
  }
  // Columns lie apart: a transposition. Full panels lane by lane, so that a line of the source is read to its end.
  auto column = [&](Index lane, bool inside) {
    forEachReduced([&](Index from, Index to) {
      Value element = inside ? e.loadScalar(source.flat, e.add(from, e.mul(columnStride, lane)))
                             : arith::ConstantOp::create(e, e.getZeroAttr(type.getElementType())).getResult();
      memref::StoreOp::create(e, element, packed.flat, e.value(e.add(to, lane)));
    });
  };
  Index inside = e.min(left, e.index(lanes));
  e.loop(e.index(0), inside, 1, [&](Index lane) { column(lane, true); });
  e.loop(inside, e.index(lanes), 1, [&](Index lane) { column(lane, false); });
}

Index onnxc::kernel::countFillBorderTasks(Emitter &e, FillBorderOp op, ValueRange operands) {
  return e.size(operands[0], 0);
}

void onnxc::kernel::emitFillBorderTask(Emitter &e, FillBorderOp op, ValueRange operands, Value task, unsigned lanes) {
  Value init = operands[0];
  unsigned rank = cast<MemRefType>(init.getType()).getRank();
  Value value = arith::ConstantOp::create(e, cast<TypedAttr>(op.getValue()));
  SmallVector<Value> at(rank);
  // Everything below a dimension that lies in its border; where it doesn't, the next dimension decides.
  std::function<void(unsigned, bool)> fill = [&](unsigned d, bool border) {
    if (d == rank) {
      if (border)
        memref::StoreOp::create(e, value, init, at);
      return;
    }
    bool more = llvm::any_of(op.getLow().drop_front(d), [](int64_t n) { return n != 0; }) ||
                llvm::any_of(op.getHigh().drop_front(d), [](int64_t n) { return n != 0; });
    if (!border && !more)
      return;
    auto range = [&](Index from, Index to, bool inBorder) {
      e.loop(from, to, 1, [&](Index i) {
        at[d] = e.value(i);
        fill(d + 1, inBorder);
      });
    };
    Index size = e.size(init, d);
    if (d == 0) { // one task per outermost index
      Index low = e.index(op.getLow()[0]), high = e.sub(size, e.index(op.getHigh()[0]));
      at[0] = task;
      if (op.getLow()[0] == 0 && op.getHigh()[0] == 0)
        return fill(1, false);
      return e.ifLess(
          task, low, [&] { fill(1, true); },
          [&] { e.ifLess(task, high, [&] { fill(1, false); }, [&] { fill(1, true); }); });
    }
    if (border)
      return range(e.index(0), size, true);
    Index high = e.sub(size, e.index(op.getHigh()[d]));
    range(e.index(0), e.index(op.getLow()[d]), true);
    range(e.index(op.getLow()[d]), high, false);
    range(high, size, true);
  };
  fill(0, false);
}
