//===- lib/Codegen/CPU/KernelEmitter.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Index arithmetic, flat buffers, loops and vectors for the kernel emitters.
#include "lib/Codegen/CPU/KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::kernel;

Value Emitter::value(Index index) {
  if (auto known = getConstantIntValue(index))
    return arith::ConstantIndexOp::create(*this, *known);
  return cast<Value>(index);
}

Index Emitter::add(Index a, Index b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return index(*x + *y);
  if (x && *x == 0)
    return b;
  if (y && *y == 0)
    return a;
  return arith::AddIOp::create(*this, value(a), value(b)).getResult();
}

Index Emitter::sub(Index a, Index b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return index(*x - *y);
  if (y && *y == 0)
    return a;
  return arith::SubIOp::create(*this, value(a), value(b)).getResult();
}

Index Emitter::mul(Index a, Index b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return index(*x * *y);
  if ((x && *x == 0) || (y && *y == 0))
    return index(0);
  if (x && *x == 1)
    return b;
  if (y && *y == 1)
    return a;
  return arith::MulIOp::create(*this, value(a), value(b)).getResult();
}

Index Emitter::div(Index a, Index b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return index(*x / *y);
  if (y && *y == 1)
    return a;
  return arith::DivUIOp::create(*this, value(a), value(b)).getResult();
}

Index Emitter::ceilDiv(Index a, Index b) { return div(add(a, sub(b, index(1))), b); }

Index Emitter::rem(Index a, Index b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return index(*x % *y);
  if (y && *y == 1)
    return index(0);
  return arith::RemUIOp::create(*this, value(a), value(b)).getResult();
}

Index Emitter::min(Index a, Index b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return index(std::min(*x, *y));
  return arith::MinUIOp::create(*this, value(a), value(b)).getResult();
}

Index Emitter::max(Index a, Index b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return index(std::max(*x, *y));
  return arith::MaxUIOp::create(*this, value(a), value(b)).getResult();
}

Index Emitter::size(Value memref, unsigned dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return index(type.getDimSize(dim));
  return memref::DimOp::create(*this, memref, dim).getResult();
}

SmallVector<int64_t> onnxc::kernel::getCoefficients(AffineExpr expr, unsigned dims) {
  SmallVector<int64_t> coefficients(dims, 0);
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    coefficients[dim.getPosition()] = 1;
  } else if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr)) {
    SmallVector<int64_t> left = getCoefficients(binary.getLHS(), dims);
    if (expr.getKind() == AffineExprKind::Mul) {
      int64_t factor = cast<AffineConstantExpr>(binary.getRHS()).getValue();
      for (auto [c, l] : llvm::zip(coefficients, left))
        c = l * factor;
    } else {
      SmallVector<int64_t> right = getCoefficients(binary.getRHS(), dims);
      for (auto [c, l, r] : llvm::zip(coefficients, left, right))
        c = l + r;
    }
  }
  return coefficients;
}

Access Emitter::access(Value memref, AffineMap map) {
  auto type = cast<MemRefType>(memref.getType());
  auto [known, knownOffset] = type.getStridesAndOffset();
  SmallVector<Index> strides;
  Index offset = index(0), total = index(1);
  if (ShapedType::isDynamic(knownOffset) || llvm::any_of(known, ShapedType::isDynamic)) {
    auto metadata = memref::ExtractStridedMetadataOp::create(*this, memref);
    for (auto [i, stride] : llvm::enumerate(known))
      strides.push_back(ShapedType::isDynamic(stride) ? Index(metadata.getStrides()[i]) : index(stride));
    offset = ShapedType::isDynamic(knownOffset) ? Index(metadata.getOffset()) : index(knownOffset);
  } else {
    for (int64_t stride : known)
      strides.push_back(index(stride));
    offset = index(knownOffset);
  }
  for (unsigned i = 0, rank = type.getRank(); i < rank; ++i)
    total = add(total, mul(sub(size(memref, i), index(1)), strides[i]));
  Access result;
  result.flat = memref::ReinterpretCastOp::create(
      *this,
      MemRefType::get(
          {ShapedType::kDynamic}, type.getElementType(),
          StridedLayoutAttr::get(getContext(), getConstantIntValue(offset).value_or(ShapedType::kDynamic), {1})),
      memref, offset, ArrayRef<OpFoldResult>(value(total)), ArrayRef<OpFoldResult>(index(1)));
  result.strides.assign(map.getNumDims(), index(0));
  for (auto [expr, stride] : llvm::zip(map.getResults(), strides))
    for (auto [dim, coefficient] : llvm::enumerate(getCoefficients(expr, map.getNumDims())))
      if (coefficient)
        result.strides[dim] = add(result.strides[dim], mul(stride, coefficient));
  return result;
}

void Emitter::loop(Index lower, Index upper, int64_t step, llvm::function_ref<void(Index)> body) {
  loop(lower, upper, step, {}, [&](Index i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

SmallVector<Value> Emitter::loop(Index lower, Index upper, int64_t step, ValueRange inits,
                                 llvm::function_ref<SmallVector<Value>(Index, ValueRange)> body) {
  auto from = getConstantIntValue(lower), to = getConstantIntValue(upper);
  if (from && to && *from >= *to)
    return llvm::to_vector(inits);
  if (from && to && *from + step >= *to)
    return body(lower, inits);
  auto loop = scf::ForOp::create(*this, value(lower), value(upper), value(index(step)), inits);
  OpBuilder::InsertionGuard guard(*this);
  if (inits.empty()) {
    setInsertionPoint(loop.getBody()->getTerminator());
    body(loop.getInductionVar(), {});
  } else {
    setInsertionPointToStart(loop.getBody());
    SmallVector<Value> yielded = body(loop.getInductionVar(), loop.getRegionIterArgs());
    scf::YieldOp::create(*this, yielded);
  }
  return llvm::to_vector(ValueRange(loop.getResults()));
}

void Emitter::ifLess(Index a, Index b, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y) {
    if (*x < *y)
      then();
    else if (otherwise)
      otherwise();
    return;
  }
  Value less = arith::CmpIOp::create(*this, arith::CmpIPredicate::ult, value(a), value(b));
  auto branch = scf::IfOp::create(*this, less, /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  then();
  if (otherwise) {
    setInsertionPointToStart(branch.elseBlock());
    otherwise();
  }
}

Value Emitter::loadScalar(Value flat, Index at) { return memref::LoadOp::create(*this, flat, value(at)); }

Value Emitter::loadVector(Value flat, Index at, VectorType type, Value mask) {
  if (!mask)
    return vector::LoadOp::create(*this, type, flat, value(at));
  return vector::MaskedLoadOp::create(*this, type, flat, value(at), mask, zero(type));
}

Value Emitter::loadSingle(Value flat, Index at, VectorType type) {
  Type element = cast<MemRefType>(flat.getType()).getElementType();
  Value loaded = loadVector(flat, at, VectorType::get(type.getShape(), element));
  return element == type.getElementType() ? loaded : arith::ExtFOp::create(*this, type, loaded);
}

void Emitter::storeVector(Value vector, Value flat, Index at, Value mask) {
  if (!mask) {
    vector::StoreOp::create(*this, vector, flat, value(at));
    return;
  }
  // LLVM 22 makes a store of one lane of a truncated vector one of the wide element: that lane is stored as a scalar.
  auto type = cast<VectorType>(vector.getType());
  if (auto made = mask.getDefiningOp<vector::CreateMaskOp>(); made && type.getElementTypeBitWidth() < 32) {
    Value rest = made.getOperand(0);
    auto difference = rest.getDefiningOp<arith::SubIOp>();
    auto columns = getConstantIntValue(difference ? difference.getLhs() : rest);
    if (columns && *columns % type.getDimSize(0) == 1) {
      ifLess(
          rest, index(2),
          [&] { memref::StoreOp::create(*this, vector::ExtractOp::create(*this, vector, 0), flat, value(at)); },
          [&] { vector::StoreOp::create(*this, vector, flat, value(at)); });
      return;
    }
  }
  vector::MaskedStoreOp::create(*this, flat, value(at), mask, vector);
}

Value Emitter::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(*this, VectorType::get({lanes}, scalar.getType()), scalar);
}

Value Emitter::zero(VectorType type) { return arith::ConstantOp::create(*this, getZeroAttr(type)); }

Value Emitter::tailMask(Index at, Index columns, int64_t lanes) {
  auto known = getConstantIntValue(columns);
  if (known && *known % lanes == 0)
    return nullptr;
  Value rest = value(sub(columns, at));
  return vector::CreateMaskOp::create(*this, VectorType::get({lanes}, getI1Type()), rest);
}

Value Emitter::applyEpilogue(Region &epilogue, ValueRange arguments, Operation *start) {
  if (epilogue.empty())
    return arguments[0];
  int64_t lanes = cast<VectorType>(arguments[0].getType()).getDimSize(0);
  IRMapping mapping;
  mapping.map(epilogue.getArguments(), arguments);
  for (Operation &op : epilogue.front()) {
    if (auto yield = dyn_cast<YieldOp>(op))
      return mapping.lookup(yield.getValue());
    if (&op == start) {
      mapping.map(op.getResult(0), arguments[0]);
      continue;
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto type = VectorType::get({lanes}, constant.getType());
      mapping.map(constant.getResult(),
                  arith::ConstantOp::create(*this, DenseElementsAttr::get(type, constant.getValue())).getResult());
      continue;
    }
    Operation *cloned = clone(op, mapping);
    for (OpResult result : cloned->getResults())
      result.setType(VectorType::get({lanes}, result.getType()));
    // As in elementwise loops, a product may be fused into a sum.
    if (isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(op))
      cloned->setAttr("fastmath", arith::FastMathFlagsAttr::get(op.getContext(), arith::FastMathFlags::contract));
  }
  llvm_unreachable("epilogue without kernel.yield");
}

void Part::call(Emitter &e, ValueRange arguments, llvm::function_ref<void(ValueRange)> body) {
  if (!function) {
    OpBuilder::InsertionGuard guard(e);
    auto task = e.getInsertionBlock()->getParent()->getParentOfType<func::FuncOp>();
    e.setInsertionPointAfter(task);
    function =
        func::FuncOp::create(e, (task.getName() + "_" + name).str(), e.getFunctionType(arguments.getTypes(), {}));
    function.setPrivate();
    function->setAttr("passthrough", task->getAttr("passthrough"));
    Region &region = function.getBody();
    Block *block = function.addEntryBlock();
    e.setInsertionPointToStart(block);
    body(block->getArguments());
    func::ReturnOp::create(e);
    IRMapping own; // of what is the task's
    e.setInsertionPointToStart(block);
    region.walk([&](Operation *op) {
      for (OpOperand &operand : op->getOpOperands()) {
        Value value = operand.get();
        if (region.isAncestor(value.getParentRegion()))
          continue;
        Operation *maker = value.getDefiningOp();
        bool isConstant = maker && maker->hasTrait<OpTrait::ConstantLike>();
        if (!own.contains(value) && isConstant)
          e.clone(*maker, own);
        if (!own.contains(value)) {
          captured.push_back(value);
          own.map(value, block->addArgument(value.getType(), value.getLoc()));
        }
        operand.set(own.lookup(value));
      }
    });
    function.setType(e.getFunctionType(block->getArgumentTypes(), {}));
  }
  SmallVector<Value> operands(arguments);
  operands.append(captured);
  func::CallOp::create(e, function, operands);
}

Operation *onnxc::kernel::getStart(Region &epilogue, unsigned &extra) {
  if (epilogue.empty() || !epilogue.getArgument(0).hasOneUse())
    return nullptr;
  auto sum = dyn_cast<arith::AddIOp>(*epilogue.getArgument(0).user_begin());
  if (!sum)
    return nullptr;
  Value other = sum.getLhs() == epilogue.getArgument(0) ? sum.getRhs() : sum.getLhs();
  auto argument = dyn_cast<BlockArgument>(other);
  if (!argument || argument.getOwner() != &epilogue.front() || !argument.hasOneUse() || argument.getArgNumber() == 0)
    return nullptr;
  extra = argument.getArgNumber() - 1;
  return sum;
}

bool onnxc::kernel::isExpensive(Region &epilogue) {
  if (epilogue.empty())
    return false;
  unsigned cost = 0;
  for (Operation &op : epilogue.front()) {
    if (isa<math::MathDialect>(op.getDialect()) && !isa<math::AbsFOp, math::SqrtOp, math::FmaOp>(op))
      cost += 10; // becomes a polynomial
    cost += !isa<arith::ConstantOp, YieldOp>(op);
  }
  return cost > 8;
}
