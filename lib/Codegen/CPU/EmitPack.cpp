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

/// Tasks for every outermost index, each with some of the rows below it.
static int64_t countPieces(FillBorderOp op) {
  constexpr int64_t assumedSize = 32, elementsPerPiece = 8192, mostPieces = 16;
  ArrayRef<int64_t> shape = cast<ShapedType>(op.getInit().getType()).getShape();
  if (shape.size() < 2)
    return 1;
  double all = 1, inside = 1;
  for (auto [size, low, high] : llvm::drop_begin(llvm::zip_equal(shape, op.getLow(), op.getHigh()))) {
    double likely = ShapedType::isDynamic(size) ? assumedSize : size;
    all *= likely, inside *= std::max(likely - low - high, 0.0);
  }
  int64_t rows = ShapedType::isDynamic(shape[1]) ? assumedSize : shape[1];
  double pieces = std::min<double>((all - inside) / elementsPerPiece, std::min(rows, mostPieces));
  return std::max<int64_t>(1, pieces);
}

Index onnxc::kernel::countFillBorderTasks(Emitter &e, FillBorderOp op, ValueRange operands) {
  return e.mul(e.size(operands[0], 0), countPieces(op));
}

void onnxc::kernel::emitFillBorderTask(Emitter &e, FillBorderOp op, ValueRange operands, Value task, unsigned lanes) {
  Value init = operands[0];
  unsigned rank = cast<MemRefType>(init.getType()).getRank();
  Value value = arith::ConstantOp::create(e, cast<TypedAttr>(op.getValue()));
  Index pieces = e.index(countPieces(op)), piece = e.rem(Index(task), pieces);
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
    Index size = e.size(init, d), low = e.index(op.getLow()[d]), high = e.sub(size, e.index(op.getHigh()[d]));
    auto decide = [&](Index i) {
      at[d] = e.value(i);
      if (border || (op.getLow()[d] == 0 && op.getHigh()[d] == 0))
        return fill(d + 1, border);
      e.ifLess(
          i, low, [&] { fill(d + 1, true); },
          [&] { e.ifLess(i, high, [&] { fill(d + 1, false); }, [&] { fill(d + 1, true); }); });
    };
    auto range = [&](Index from, Index to, bool inBorder) {
      e.loop(from, to, 1, [&](Index i) {
        at[d] = e.value(i);
        fill(d + 1, inBorder);
      });
    };
    if (d == 0)
      return decide(e.div(Index(task), pieces));
    if (d == 1)
      return e.loop(e.div(e.mul(size, piece), pieces), e.div(e.mul(size, e.add(piece, 1)), pieces), 1, decide);
    if (border)
      return range(e.index(0), size, true);
    range(e.index(0), low, true);
    range(low, high, false);
    range(high, size, true);
  };
  fill(0, false);
}
