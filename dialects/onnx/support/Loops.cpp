//===- dialects/onnx/support/Loops.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sequential loops and index arithmetic. See Loops.h.
#include "dialects/onnx/support/Loops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace onnxc::onnx;

Value IndexMath::constant(int64_t n) const { return arith::ConstantIndexOp::create(b, n); }
Value IndexMath::add(Value x, Value y) const { return arith::AddIOp::create(b, x, y); }
Value IndexMath::sub(Value x, Value y) const { return arith::SubIOp::create(b, x, y); }
Value IndexMath::mul(Value x, Value y) const { return arith::MulIOp::create(b, x, y); }
Value IndexMath::least(Value x, Value y) const { return arith::MinSIOp::create(b, x, y); }
Value IndexMath::select(Value condition, Value x, Value y) const { return arith::SelectOp::create(b, condition, x, y); }
Value IndexMath::equal(Value x, int64_t y) const {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, constant(y));
}
Value IndexMath::less(Value x, int64_t y) const {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, constant(y));
}

SmallVector<Value> onnxc::onnx::makeLoops(ImplicitLocOpBuilder &b, ValueRange ends, ValueRange carried, LoopBody body) {
  IndexMath math{b};
  SmallVector<Value> zeros(ends.size(), math.constant(0)), ones(ends.size(), math.constant(1)), rounds(ends);
  // Nothing inside: no round outside either, of which there may be any number.
  for (Value end : ends.empty() ? ends : ends.drop_front())
    if (!getConstantIntValue(end))
      rounds[0] = math.select(math.equal(end, 0), zeros[0], rounds[0]);
  scf::LoopNest nest = scf::buildLoopNest(b, b.getLoc(), zeros, rounds, ones, carried,
                                          [&](OpBuilder &nested, Location loc, ValueRange indices, ValueRange values) {
                                            ImplicitLocOpBuilder inner(loc, nested);
                                            auto results = body(inner, indices, values);
                                            return scf::ValueVector(results.begin(), results.end());
                                          });
  return SmallVector<Value>(nest.results);
}
