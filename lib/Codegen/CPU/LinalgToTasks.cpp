//===- lib/Codegen/CPU/LinalgToTasks.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every linalg operation that no kernel took becomes parallel tasks around loops that LLVM's loop vectoriser takes.
//
// Order of the loops: parallel dimensions, then reductions, and innermost the dimension along which most operands are
// contiguous. When that one is a reduction, all reductions are innermost and the result is carried in registers. Where
// some operands are contiguous along another dimension than the result, square tiles are transposed in registers.
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/PositionChecks.h"
#include "lib/Codegen/CPU/TransposeRows.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/ScopeExit.h"

namespace onnxc {
#define GEN_PASS_DEF_LINALGTOTASKS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

/// A task does at least about this many scalar operations: some microseconds, against about one for its dispatch.
static constexpr int64_t kTaskWork = 32 << 10;
/// More tasks than this don't balance any better.
static constexpr int64_t kMaxTasks = 256;
/// Terms of a floating-point sum that go into one accumulator: enough to fill a dozen vectors several times.
static constexpr int64_t kSumBlock = 4096;
/// A shorter innermost loop doesn't fill a vector register.
static constexpr double kUsefulLoop = 16;
/// A smaller tile is not worth transposing in registers.
static constexpr int64_t kMinTile = 4;
/// So many rounds of nothing take no time worth a check.
static constexpr int64_t kLongLoop = 1 << 20;
/// What is assumed of a size that is known at run time only, to decide the structure of the loops.
static constexpr int64_t kAssumedSize = 64;

namespace {
class Nest {
public:
  Nest(linalg::LinalgOp op, int64_t lanes, onnxc::cpu::PositionCells &cells)
      : op(op), b(op), checks(op, cells), lanes(lanes),
        isSequential(op->getParentOfType<scf::ForallOp>() || op->getParentOfType<func::FuncOp>().getName() == "plan") {
    for (Range range : op.createLoopRanges(b, op.getLoc()))
      sizes.push_back(range.size);
    iterators = op.getIteratorTypesArray();
  }

  LogicalResult lower() {
    Value fits = chooseTile();
    if (!fits) {
      chooseLoops();
    } else if (!matchPattern(fits, m_One())) {
      auto whether = scf::IfOp::create(b, op.getLoc(), fits, /*withElseRegion=*/true);
      b.setInsertionPointToStart(whether.thenBlock());
      emitTasks();
      b.setInsertionPointToStart(whether.elseBlock());
      chooseLoops();
    }
    emitTasks();
    LogicalResult result = checks.finish();
    op->erase();
    return result;
  }

private:
  int64_t estimate(unsigned dim) { return getConstantIntValue(sizes[dim]).value_or(kAssumedSize); }
  bool isParallel(unsigned dim) { return iterators[dim] == utils::IteratorType::parallel; }

  /// How many elements an operand moves when `dim` grows by one; nullopt when that's known at run time only.
  std::optional<int64_t> strideAlong(OpOperand &operand, unsigned dim) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      return 0;
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(type.getStridesAndOffset(strides, offset)))
      return std::nullopt;
    int64_t result = 0;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    SmallVector<AffineExpr> zero(map.getNumDims(), b.getAffineConstantExpr(0)), one = zero;
    one[dim] = b.getAffineConstantExpr(1);
    for (auto [expr, stride] : llvm::zip_equal(map.getResults(), strides)) {
      auto from = dyn_cast<AffineConstantExpr>(expr.replaceDimsAndSymbols(zero, {}));
      auto to = dyn_cast<AffineConstantExpr>(expr.replaceDimsAndSymbols(one, {}));
      if (!from || !to)
        return std::nullopt;
      int64_t step = to.getValue() - from.getValue();
      if (step != 0 && ShapedType::isDynamic(stride))
        return std::nullopt;
      if (step != 0)
        result += step * stride;
    }
    return result;
  }

  /// What an element costs when `dim` is the innermost loop, in memory accesses of a vector.
  double costOfInner(unsigned dim) {
    double cost = 1, size = estimate(dim);
    for (OpOperand &operand : op->getOpOperands()) {
      auto stride = strideAlong(operand, dim);
      bool isResult = op.isDpsInit(&operand);
      if (stride == 0)
        continue; // loaded before the loop, or kept in a register
      bool accumulates = isResult && op.getNumReductionLoops() != 0;
      cost += stride == 1 ? 1 : isResult ? 12 : 8;
      cost += accumulates ? 1 : 0; // read and written in every step
    }
    cost /= std::min(size / kUsefulLoop, 1.0);
    return isParallel(dim) ? cost : cost + kUsefulLoop / size; // the sum over the lanes at the end
  }

  void chooseLoops() {
    tile = 1, inner.reset();
    double best = std::numeric_limits<double>::infinity();
    for (unsigned dim = 0; dim < sizes.size(); ++dim) {
      if (estimate(dim) == 1 && sizes.size() > 1)
        continue;
      if (double cost = costOfInner(dim); cost <= best)
        best = cost, inner = dim;
    }
    chooseOuter();
    for (unsigned dim = 0; dim < sizes.size(); ++dim)
      if (!isParallel(dim) && dim != inner)
        reductions.push_back(dim);
    if (inner && !isParallel(*inner))
      reductions.push_back(*inner), inner.reset();
    inRegisters = !inner && !reductions.empty() && llvm::all_of(op.getDpsInitsMutable(), [&](OpOperand &init) {
      AffineMap map = op.getMatchingIndexingMap(&init);
      return llvm::none_of(reductions, [&](unsigned dim) { return map.isFunctionOfDim(dim); });
    });
  }

  /// One round is no loop.
  void chooseOuter() {
    outer.clear();
    for (unsigned dim = 0; dim < sizes.size(); ++dim)
      if (isParallel(dim) && dim != inner && getConstantIntValue(sizes[dim]) != 1)
        outer.push_back(dim);
  }

  /// Whether consecutive elements along `dim` lie side by side in the last dimension of the operand.
  bool isContiguous(OpOperand &operand, unsigned dim) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    return map.getNumResults() != 0 && map.getResults().back() == b.getAffineDimExpr(dim) &&
           cast<MemRefType>(operand.get().getType()).isLastDimUnitStride() && strideAlong(operand, dim) == 1;
  }

  /// Chooses the loops for tiles where some operands are contiguous `across` the dimension along which the others and
  /// the results are. Returns whether the sizes hold a tile; null when there is nothing to transpose.
  Value chooseTile() {
    auto isPlain = [](Operation &inside) { return OpTrait::hasElementwiseMappableTraits(&inside); };
    AffineMap results = op.getIndexingMapsArray().back();
    auto along =
        dyn_cast_if_present<AffineDimExpr>(results.getNumResults() ? results.getResults().back() : AffineExpr());
    if (!along || op.getNumReductionLoops() || !llvm::all_of(op->getRegion(0).front().without_terminator(), isPlain))
      return {};
    inner = along.getPosition(), across.reset();
    for (OpOperand &operand : op->getOpOperands()) {
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      if (!type)
        continue;
      if (type.getElementType().isInteger(1) || !op.getMatchingIndexingMap(&operand).isProjectedPermutation())
        return {};
      if (isContiguous(operand, *inner) || (strideAlong(operand, *inner) == 0 && !op.isDpsInit(&operand)))
        continue;
      auto other = dyn_cast<AffineDimExpr>(op.getMatchingIndexingMap(&operand).getResults().back());
      if (!other || !isContiguous(operand, other.getPosition()) || op.isDpsInit(&operand) ||
          across.value_or(other.getPosition()) != other.getPosition())
        return {};
      across = other.getPosition();
    }
    if (!across)
      return {};
    tile = lanes;
    for (unsigned dim : {*inner, *across})
      while (getConstantIntValue(sizes[dim]).value_or(tile) < tile)
        tile /= 2;
    if (tile < kMinTile)
      return {};
    chooseOuter();
    outer.erase(llvm::find(outer, *across));
    outer.push_back(*across);
    Value least = compute<arith::MinUIOp>(value(sizes[*inner]), value(sizes[*across]));
    return b.createOrFold<arith::CmpIOp>(op.getLoc(), arith::CmpIPredicate::uge, least, constant(tile));
  }

  /// How often the loop over `dim` runs, and the place where its round number `i` is. The last tile ends with the
  /// dimension and may do some elements twice.
  OpFoldResult count(unsigned dim) {
    if (tile == 1 || (dim != inner && dim != across))
      return sizes[dim];
    return getAsOpFoldResult(compute<arith::CeilDivUIOp>(value(sizes[dim]), constant(tile)));
  }
  Value place(unsigned dim, Value i) {
    if (tile == 1 || (dim != inner && dim != across))
      return i;
    return compute<arith::MinUIOp>(compute<arith::MulIOp>(i, constant(tile)),
                                   compute<arith::SubIOp>(value(sizes[dim]), constant(tile)));
  }

  /// Scalar operations for one element, roughly.
  int64_t bodyCost() {
    int64_t cost = 1;
    op->getRegion(0).walk([&](Operation *inside) {
      if (isa_and_nonnull<math::MathDialect>(inside->getDialect()))
        cost += 10;
      else if (isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::RemFOp,
                   memref::LoadOp>(inside))
        cost += 4;
      else
        cost += 1;
    });
    return cost;
  }

  Value constant(int64_t number) { return arith::ConstantIndexOp::create(b, op.getLoc(), number); }
  Value value(OpFoldResult ofr) { return getValueOrCreateConstantIndexOp(b, op.getLoc(), ofr); }
  template <typename OpT> Value compute(Value x, Value y) { return b.createOrFold<OpT>(op.getLoc(), x, y); }
  Value product(ArrayRef<unsigned> dims) {
    Value result = constant(1);
    for (unsigned dim : dims)
      result = compute<arith::MulIOp>(result, value(count(dim)));
    return result;
  }

  /// A part of a dimension, or of several that were made one; null values: all of it.
  struct Part {
    Value begin, end;
  };

  /// Splits `size` iterations of `work` scalar operations each into tasks and has `body` emit one, or everything
  /// when there is one task only.
  void split(Value size, Value work, int64_t multiple, function_ref<void(Part)> body) {
    // Enough work for a task, but not more tasks than useful.
    Value least = compute<arith::CeilDivUIOp>(constant(kTaskWork), compute<arith::MaxUIOp>(work, constant(1)));
    Value chunk = compute<arith::MaxUIOp>(least, compute<arith::CeilDivUIOp>(size, constant(kMaxTasks)));
    if (multiple != 1)
      chunk = compute<arith::MulIOp>(compute<arith::CeilDivUIOp>(chunk, constant(multiple)), constant(multiple));
    Value tasks = compute<arith::CeilDivUIOp>(size, chunk);
    if (isSequential || getConstantIntValue(tasks).value_or(2) < 2)
      return emitTask({}, {}, body);
    auto forall = scf::ForallOp::create(b, op.getLoc(), ArrayRef<OpFoldResult>{getAsOpFoldResult(tasks)}, ValueRange{},
                                        std::nullopt);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forall.getBody());
    Value begin = compute<arith::MulIOp>(forall.getInductionVar(0), chunk);
    Value end = compute<arith::MinUIOp>(compute<arith::AddIOp>(begin, chunk), size);
    emitTask(forall, {begin, end}, body);
  }
  void emitTask(scf::ForallOp forall, Part part, function_ref<void(Part)> body) {
    checks.enter(b, forall);
    body(part);
    checks.leave(b);
  }

  /// Where a dimension inside has no element, there is no round outside either, of which there may be any number. For
  /// as long as the result lives, the outermost loop that may be long knows that.
  auto skipEmpty() {
    SmallVector<unsigned> nest(outer);
    llvm::append_range(nest, reductions);
    if (inner)
      nest.push_back(*inner);
    auto isLong = [&](unsigned dim) { return getConstantIntValue(sizes[dim]).value_or(kLongLoop) >= kLongLoop; };
    const unsigned *first = llvm::find_if(nest, isLong);
    SmallVector<OpFoldResult> all(sizes);
    if (first != nest.end()) {
      Value rounds = value(sizes[*first]), none = constant(0);
      for (unsigned dim : llvm::make_range(first + 1, std::as_const(nest).end()))
        if (auto size = dyn_cast<Value>(sizes[dim]))
          rounds = arith::SelectOp::create(b, op.getLoc(),
                                           arith::CmpIOp::create(b, op.getLoc(), arith::CmpIPredicate::eq, size, none),
                                           none, rounds);
      sizes[*first] = getAsOpFoldResult(rounds);
    }
    return llvm::scope_exit([this, all] { sizes = all; });
  }

  void emitTasks() {
    auto restoreSizes = skipEmpty();
    ivs.assign(sizes.size(), constant(0));
    SmallVector<unsigned> rest = reductions;
    if (outer.empty() && inner) // tasks are pieces of the only parallel dimension
      return split(value(sizes[*inner]), compute<arith::MulIOp>(product(reductions), constant(bodyCost())), 64,
                   [&](Part part) { emitLoops(outer, part); });
    if (outer.empty())
      return emitTask({}, {}, [&](Part part) { emitLoops(outer, part); });

    // Tasks are pieces of the first parallel dimensions, of as many as it takes to have enough pieces.
    size_t prefix = 1;
    auto atLeast = [&](unsigned dim) { return getConstantIntValue(sizes[dim]).value_or(1); };
    for (int64_t count = atLeast(outer[0]); prefix < outer.size() && count < 64; ++prefix)
      count *= atLeast(outer[prefix]);
    ArrayRef<unsigned> tasks = ArrayRef<unsigned>(outer).take_front(prefix), below = ArrayRef(outer).drop_front(prefix);
    rest.append(below.begin(), below.end());
    if (inner)
      rest.push_back(*inner);
    Value total = product(tasks), work = compute<arith::MulIOp>(product(rest), constant(bodyCost() * tile * tile));
    split(total, work, 1, [&](Part part) {
      if (!part.begin)
        return emitLoops(outer, {});
      OpBuilder::InsertionGuard guard(b);
      Value linear = enterLoop(part);
      for (unsigned dim : llvm::reverse(tasks.drop_front())) {
        ivs[dim] = place(dim, compute<arith::RemUIOp>(linear, value(count(dim))));
        linear = compute<arith::DivUIOp>(linear, value(count(dim)));
      }
      ivs[tasks.front()] = place(tasks.front(), linear);
      emitLoops(below, {});
    });
  }

  /// Starts a loop and leaves the builder in its body.
  Value enterLoop(Part part) {
    auto loop = scf::ForOp::create(b, op.getLoc(), part.begin, part.end, constant(1));
    b.setInsertionPointToStart(loop.getBody());
    return loop.getInductionVar();
  }
  Part all(unsigned dim) { return {constant(0), value(count(dim))}; }

  /// The loops inside a task: over `parallel`, then the reductions, then the inner dimension, of which `innerPart`.
  void emitLoops(ArrayRef<unsigned> parallel, Part innerPart) {
    OpBuilder::InsertionGuard guard(b);
    for (unsigned dim : parallel)
      ivs[dim] = place(dim, enterLoop(all(dim)));
    if (tile > 1)
      return emitTile();
    if (inRegisters)
      return reduceInRegisters();
    for (unsigned dim : reductions)
      ivs[dim] = enterLoop(all(dim));
    fixed.clear();
    if (inner) {
      emitFixed();
      ivs[*inner] = enterLoop(innerPart.begin ? innerPart : all(*inner));
    }
    SmallVector<Value> inits;
    for (OpOperand &init : op.getDpsInitsMutable())
      inits.push_back(op.payloadUsesValueFromOperand(&init) ? load(init) : Value());
    store(emitBody(inits));
  }

  /// A row of tiles along the inner dimension, row by row of the result.
  void emitTile() {
    Location loc = op.getLoc();
    ivs[*inner] = place(*inner, enterLoop(all(*inner)));
    Value row = ivs[*across], column = ivs[*inner];
    auto vectorOf = [&](Type element) { return VectorType::get({tile}, element); };
    auto loadRow = [&](OpOperand &operand) -> Value {
      return vector::LoadOp::create(b, loc, vectorOf(getElementTypeOrSelf(operand.get().getType())), operand.get(),
                                    indices(operand));
    };
    DenseMap<OpOperand *, SmallVector<Value>> transposed;
    for (OpOperand *input : op.getDpsInputOperands()) {
      if (!isa<MemRefType>(input->get().getType()) || strideAlong(*input, *inner) == 0 || isContiguous(*input, *inner))
        continue;
      SmallVector<Value> rows;
      for (int64_t i = 0; i < tile; ++i) {
        ivs[*inner] = compute<arith::AddIOp>(column, constant(i));
        rows.push_back(loadRow(*input));
      }
      transposed[input] = onnxc::cpu::transposeRows(b, loc, rows);
    }
    ivs[*inner] = column;
    Block &body = op->getRegion(0).front();
    for (int64_t i = 0; i < tile; ++i) {
      ivs[*across] = compute<arith::AddIOp>(row, constant(i));
      IRMapping mapping;
      for (auto [argument, operand] : llvm::zip_equal(body.getArguments(), op->getOpOperands())) {
        if (argument.use_empty())
          continue;
        if (auto rows = transposed.find(&operand); rows != transposed.end())
          mapping.map(argument, rows->second[i]);
        else if (isa<MemRefType>(operand.get().getType()) && isContiguous(operand, *inner))
          mapping.map(argument, loadRow(operand));
        else
          mapping.map(argument, vector::BroadcastOp::create(b, loc, vectorOf(argument.getType()), load(operand)));
      }
      auto get = [&](Value scalar) -> Value {
        if (!mapping.contains(scalar)) // from outside of the body
          mapping.map(scalar, vector::BroadcastOp::create(b, loc, vectorOf(scalar.getType()), scalar));
        return mapping.lookup(scalar);
      };
      for (Operation &inside : body.without_terminator()) {
        llvm::for_each(inside.getOperands(), get);
        Operation *copy = b.clone(inside, mapping);
        for (auto [result, wide] : llvm::zip_equal(inside.getResults(), copy->getResults())) {
          wide.setType(vectorOf(result.getType()));
          mapping.map(result, wide);
        }
        allowFusion(copy);
      }
      for (auto [result, init] : llvm::zip_equal(body.getTerminator()->getOperands(), op.getDpsInitsMutable()))
        vector::StoreOp::create(b, loc, get(result), init.get(), indices(init));
    }
  }

  void reduceInRegisters() {
    SmallVector<Value> inits;
    for (OpOperand &init : op.getDpsInitsMutable())
      inits.push_back(load(init));
    store(reduceFrom(0, inits));
  }

  SmallVector<Value> reduceFrom(size_t level, ValueRange accumulators) {
    if (level == reductions.size())
      return emitBody(accumulators);
    Part part = all(reductions[level]);
    auto size = getConstantIntValue(sizes[reductions[level]]);
    bool innermost = level + 1 == reductions.size();
    if (isSum() && innermost && size.value_or(kSumBlock + 1) > kSumBlock)
      return sumOfSums(part, kSumBlock, accumulators, [&](Value begin, Value zero) {
        Value end = compute<arith::MinUIOp>(compute<arith::AddIOp>(begin, constant(kSumBlock)), part.end);
        return reduceOver(level, {begin, end}, zero)[0];
      });
    if (isSum() && !innermost && estimate(reductions[level + 1]) >= kUsefulLoop)
      return sumOfSums(part, 1, accumulators, [&](Value index, Value zero) {
        ivs[reductions[level]] = index;
        return reduceFrom(level + 1, zero)[0];
      });
    return reduceOver(level, part, accumulators);
  }

  /// A long sum in one accumulator loses what is small beside it: terms are summed in blocks, then the sums of blocks.
  SmallVector<Value> sumOfSums(Part part, int64_t step, ValueRange accumulators,
                               function_ref<Value(Value index, Value zero)> partial) {
    Location loc = op.getLoc();
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(accumulators[0].getType()));
    auto loop = scf::ForOp::create(b, loc, part.begin, part.end, constant(step), accumulators);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value sum = partial(loop.getInductionVar(), zero);
    scf::YieldOp::create(b, loc, arith::AddFOp::create(b, loc, loop.getRegionIterArg(0), sum).getResult());
    return loop.getResults();
  }

  /// The body is accumulator + something, in floating point.
  bool isSum() {
    Block &body = op->getRegion(0).front();
    if (op.getNumDpsInits() != 1)
      return false;
    BlockArgument accumulator = body.getArguments().back();
    auto add = body.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
    return add && accumulator.hasOneUse() && *accumulator.user_begin() == add;
  }

  SmallVector<Value> reduceOver(size_t level, Part part, ValueRange accumulators) {
    auto loop = scf::ForOp::create(b, op.getLoc(), part.begin, part.end, constant(1), accumulators);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ivs[reductions[level]] = loop.getInductionVar();
    scf::YieldOp::create(b, op.getLoc(), reduceFrom(level + 1, loop.getRegionIterArgs()));
    return loop.getResults();
  }

  SmallVector<Value> indices(OpOperand &operand) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    SmallVector<OpFoldResult> operands(ivs.begin(), ivs.end());
    SmallVector<Value> result;
    for (unsigned i = 0; i < map.getNumResults(); ++i) {
      AffineExpr expr = map.getResult(i);
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        result.push_back(ivs[dim.getPosition()]);
      else
        result.push_back(value(affine::makeComposedFoldedAffineApply(b, op.getLoc(), map.getSubMap({i}), operands)));
    }
    return result;
  }
  Value load(OpOperand &operand) {
    if (!isa<MemRefType>(operand.get().getType()))
      return operand.get();
    return memref::LoadOp::create(b, op.getLoc(), operand.get(), indices(operand));
  }
  void store(ValueRange results) {
    for (auto [result, init] : llvm::zip_equal(results, op.getDpsInitsMutable()))
      memref::StoreOp::create(b, op.getLoc(), result, init.get(), indices(init));
  }

  /// A sum may be computed in any order, and a product be fused into it.
  void allowFusion(Operation *arithmetic) {
    if (!isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(arithmetic))
      return;
    auto flags = arith::FastMathFlags::contract;
    if (op.getNumReductionLoops() != 0)
      flags = flags | arith::FastMathFlags::reassoc;
    arithmetic->setAttr("fastmath", arith::FastMathFlagsAttr::get(op.getContext(), flags));
  }

  /// Positions that are the same all along the inner loop, before it: a row is checked once, and copied by vectors.
  void emitFixed() {
    Block &body = op->getRegion(0).front();
    unsigned position = 0;
    if (body.getOps<onnxc::rt::PositionOp>().empty())
      return;
    auto operandOf = [&](Value value) -> OpOperand * {
      auto argument = dyn_cast<BlockArgument>(value);
      return argument && argument.getOwner() == &body ? op.getMatchingOpOperand(argument) : nullptr;
    };
    auto isFixed = [&](Value value) {
      if (OpOperand *operand = operandOf(value))
        return op.isDpsInput(operand) && !op.getMatchingIndexingMap(operand).isFunctionOfDim(*inner);
      return value.getParentBlock() != &body || fixed.contains(value);
    };
    for (Operation &inside : body.without_terminator()) {
      auto place = dyn_cast<onnxc::rt::PositionOp>(inside);
      auto index = dyn_cast<linalg::IndexOp>(inside);
      if (index && index.getDim() != *inner)
        fixed.map(index.getResult(), ivs[index.getDim()]);
      bool reads = isa<memref::LoadOp>(inside); // what the operation as a whole reads, it does not write
      if (!index && (place || reads || isPure(&inside)) && !inside.getNumRegions() &&
          llvm::all_of(inside.getOperands(), isFixed)) {
        for (Value value : inside.getOperands())
          if (OpOperand *operand = operandOf(value); operand && !fixed.contains(value))
            fixed.map(value, load(*operand));
        Operation *copy = b.clone(inside, fixed);
        if (place)
          fixed.map(place.getResult(), checks.lower(cast<onnxc::rt::PositionOp>(copy), position));
        if (auto rows = dyn_cast<scf::ForOp>(b.getBlock()->getParentOp()); place && rows)
          rows->setAttr(onnxc::kOverRows, b.getUnitAttr());
      }
      inside.walk([&](onnxc::rt::PositionOp) { ++position; });
    }
  }

  /// The scalar computation of one element.
  SmallVector<Value> emitBody(ValueRange inits) {
    Block &body = op->getRegion(0).front();
    IRMapping mapping = fixed;
    unsigned next = 0;
    for (OpOperand *input : op.getDpsInputOperands()) {
      BlockArgument argument = body.getArgument(next++);
      if (!argument.use_empty() && !mapping.contains(argument))
        mapping.map(argument, load(*input));
    }
    for (Value init : inits)
      mapping.map(body.getArgument(next++), init);
    unsigned position = 0;
    for (Operation &inside : body.without_terminator()) {
      if (auto index = dyn_cast<linalg::IndexOp>(inside)) {
        mapping.map(index.getResult(), ivs[index.getDim()]);
        continue;
      }
      if (inside.getNumResults() && llvm::all_of(inside.getResults(), [&](Value v) { return fixed.contains(v); })) {
        position += isa<onnxc::rt::PositionOp>(inside);
        continue;
      }
      Operation *copy = b.clone(inside, mapping);
      if (auto place = dyn_cast<onnxc::rt::PositionOp>(copy)) {
        mapping.map(inside.getResult(0), checks.lower(place, position++));
        continue;
      }
      copy->walk([&](Operation *nested) {
        if (auto place = dyn_cast<onnxc::rt::PositionOp>(nested))
          return void(checks.lower(place, position++));
        if (auto index = dyn_cast<linalg::IndexOp>(nested)) {
          index.replaceAllUsesWith(ivs[index.getDim()]);
          index.erase();
        }
        allowFusion(nested);
      });
    }
    return llvm::map_to_vector(body.getTerminator()->getOperands(),
                               [&](Value v) { return mapping.lookupOrDefault(v); });
  }

  linalg::LinalgOp op;
  OpBuilder b;
  onnxc::cpu::PositionChecks checks;
  int64_t lanes;
  bool isSequential; ///< inside of a task already, or where there are no threads
  SmallVector<OpFoldResult> sizes;
  SmallVector<utils::IteratorType> iterators;
  SmallVector<unsigned> outer, reductions;
  std::optional<unsigned> inner;  ///< when it is a parallel dimension
  std::optional<unsigned> across; ///< the other dimension of tiles
  int64_t tile = 1;               ///< rows and columns of a tile; 1: no tiles
  bool inRegisters = false;
  SmallVector<Value> ivs;
  IRMapping fixed; ///< what stands before the innermost loop
};

/// Dimensions that are next to each other in every operand are one loop. One of size 1 is no loop at all; merged into
/// another, it would hide that one's stride.
linalg::LinalgOp mergeDimensions(linalg::LinalgOp op, IRRewriter &rewriter) {
  if (op.hasIndexSemantics() || op.getNumLoops() < 2 ||
      !llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isProjectedPermutation(); }))
    return op;
  auto iterators = op.getIteratorTypesArray();
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  SmallVector<ReassociationIndices> merged;
  for (int64_t dim = 0, end = op.getNumLoops(); dim < end;) {
    ReassociationIndices sequence{dim++};
    while (dim < end && iterators[dim] == iterators[dim - 1] && ranges[dim] != 1 && ranges[dim - 1] != 1) {
      sequence.push_back(dim);
      if (!linalg::areDimSequencesPreserved(op.getIndexingMapsArray(), {sequence})) {
        sequence.pop_back();
        break;
      }
      ++dim;
    }
    merged.push_back(sequence);
  }
  if (merged.size() == op.getNumLoops())
    return op;
  rewriter.setInsertionPoint(op);
  if (!isa<linalg::GenericOp>(op)) {
    auto generic = linalg::generalizeNamedOp(rewriter, op);
    if (failed(generic))
      return op;
    op = cast<linalg::LinalgOp>(generic->getOperation());
  }
  auto result = linalg::collapseOpIterationDims(op, merged, rewriter);
  if (failed(result))
    return op;
  rewriter.eraseOp(op);
  return result->collapsedOp;
}

struct LinalgToTasks : onnxc::impl::LinalgToTasksBase<LinalgToTasks> {
  using LinalgToTasksBase::LinalgToTasksBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<memref::CopyOp> copies;
    getOperation().walk([&](memref::CopyOp copy) { copies.push_back(copy); });
    for (memref::CopyOp copy : copies) {
      rewriter.setInsertionPoint(copy);
      linalg::makeMemRefCopyOp(rewriter, copy.getLoc(), copy.getSource(), copy.getTarget());
      rewriter.eraseOp(copy);
    }
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    onnxc::cpu::PositionCells cells;
    for (linalg::LinalgOp op : ops)
      if (failed(Nest(mergeDimensions(op, rewriter), lanes, cells).lower()))
        return signalPassFailure();
  }
};
} // namespace
