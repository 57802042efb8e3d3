//===- lib/Codegen/CPU/PlanMemory.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Puts every buffer of @main into one workspace, and makes @plan, which says how big the workspace must be.
//
// The size of a buffer is `units * unit`: units is a number, unit a product of sizes known at run time (1 for a static
// buffer). Buffers with the same unit form a group, and a group is packed at compile time like static buffers, in
// units: so a model with a symbolic batch size shares memory as well as one with a fixed batch size.
//
// Where only the run computes a size, but it is the smaller one of that and something known before, the buffer gets
// room for the latter. Other buffers whose size follows from what the run computes stay memref.alloc: lower-run-time
// takes their memory from the caller's allocator.
#include "dialects/kernel/KernelDialect.h"
#include "dialects/rt/RtDialect.h"
#include "lib/Codegen/CPU/MemoryPlan.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include <vector>

namespace onnxc {
#define GEN_PASS_DEF_PLANMEMORY
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

static constexpr int64_t kAlignment = 64;
/// A dynamic buffer of at least this many bytes per unit is rounded up in bytes, a smaller one in units.
static constexpr int64_t kCoarse = 1024;
/// Addresses of user space have at most this many values.
static constexpr int64_t kMaxBytes = int64_t(1) << 47;
/// How much the search for an order of the buffers may cost, in comparisons of two, and how many orders it tries.
static constexpr int64_t kPackingWork = 64 << 20, kMaxRounds = 256;

/// Bytes of one element times the sizes that are numbers; the largest number where that does not fit.
static int64_t staticBytes(MemRefType type) {
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size) && llvm::MulOverflow(bytes, size, bytes))
      return std::numeric_limits<int64_t>::max();
  return bytes;
}

/// Size `dim` of a view or a buffer, from what the view is of or the buffer was made with.
static OpFoldResult sizeOf(OpBuilder &b, Location loc, Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return b.getIndexAttr(type.getDimSize(dim));
  Operation *op = memref.getDefiningOp();
  if (auto alloc = dyn_cast_or_null<memref::AllocOp>(op))
    return alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)];
  if (auto expand = dyn_cast_or_null<memref::ExpandShapeOp>(op))
    return expand.getMixedOutputShape()[dim];
  if (auto cast = dyn_cast_or_null<memref::CastOp>(op); cast && isa<MemRefType>(cast.getSource().getType()))
    return sizeOf(b, loc, cast.getSource(), dim);
  if (auto subview = dyn_cast_or_null<memref::SubViewOp>(op); subview && subview.getDroppedDims().none())
    return subview.getMixedSizes()[dim];
  if (auto collapse = dyn_cast_or_null<memref::CollapseShapeOp>(op)) {
    Value product;
    SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices(); // a temporary would be gone
    for (int64_t part : groups[dim]) {
      Value size = getValueOrCreateConstantIndexOp(b, loc, sizeOf(b, loc, collapse.getSrc(), part));
      product = product ? b.createOrFold<arith::MulIOp>(loc, product, size) : size;
    }
    return product;
  }
  return memref::DimOp::create(b, loc, memref, dim).getResult();
}

/// The most units of `buffers` that live at the same time.
template <typename Buffers> static int64_t largestLiveSetOf(const Buffers &buffers) {
  int64_t largest = 0;
  for (const auto &at : buffers) { // the live set only grows where a buffer begins
    int64_t live = 0;
    for (const auto &buffer : buffers)
      if (buffer.first <= at.first && at.first <= buffer.last)
        live += buffer.units;
    largest = std::max(largest, live);
  }
  return largest;
}

/// A model may name any sizes: what its numbers alone ask for must fit an address space.
static LogicalResult checkFits(Location loc, int64_t bytes) {
  if (bytes <= kMaxBytes)
    return success();
  return emitError(loc) << "this needs a buffer of more than " << kMaxBytes << " bytes";
}

namespace {
struct Buffer {
  memref::AllocOp alloc;
  int64_t first = 0, last = 0; ///< steps of @main between which the content matters
  int64_t units = 0, offset = -1;
  SmallVector<Value> room = {}; ///< for each dynamic size the one to plan with

  int64_t end() const { return offset + units; }
};

struct Group {
  SmallVector<Value> factors; ///< available at the top of @main
  bool coarse = true;         ///< unit is the product; else the product rounded up to kAlignment
  SmallVector<Buffer> buffers;
  int64_t total = 0; ///< units
};

/// What sizes follow from: the operations of @main that compute them from the sizes and the content of its arguments,
/// with small buffers in between. `add` finds them, `emit` copies them to where there is nothing but the arguments.
class SizeSlice {
public:
  using Positions = DenseMap<Operation *, int64_t>;

  /// `outputSizes` are the dynamic sizes of the outputs, in order.
  SizeSlice(OpBuilder &b, Block *entry, int64_t inputCount, const Positions &positions, ArrayRef<Value> outputSizes)
      : b(b), entry(entry), inputCount(inputCount), positions(positions) {
    for (BlockArgument argument : entry->getArguments()) {
      if (argument.getArgNumber() < inputCount) {
        mapping.map(argument, argument);
        continue;
      }
      for (auto [i, size] : llvm::enumerate(cast<MemRefType>(argument.getType()).getShape()))
        if (ShapedType::isDynamic(size)) {
          sizeOfOutput[{argument, static_cast<int64_t>(i)}] = outputSizes.front();
          outputSizes = outputSizes.drop_front();
        }
    }
  }

  /// Takes in what `value` needs; false, and nothing has changed, where that is more than sizes may need.
  bool add(Value value) {
    auto known = std::pair(needed, memory);
    if (need(value))
      return true;
    std::tie(needed, memory) = std::move(known);
    return false;
  }

  /// `value`, which was added, computed at the builder's place.
  Value emit(Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    if (isa<BlockArgument>(value))
      return mapping.map(value, makeBuffer(value)), mapping.lookup(value);
    Operation *op = value.getDefiningOp();
    if (Value size = outputSizeOf(op))
      mapping.map(value, emit(size));
    else if (isa<memref::AllocOp>(op))
      mapping.map(value, makeBuffer(value));
    else
      emitOperation(op);
    return mapping.lookup(value);
  }

private:
  /// What is in memory on the way to a size is small: shape arithmetic.
  static constexpr int64_t kMaxContent = 4 << 10;
  static bool isSmall(Value memref) {
    auto type = cast<MemRefType>(memref.getType());
    return type.hasStaticShape() && staticBytes(type) <= kMaxContent;
  }

  Value outputSizeOf(Operation *op) {
    auto dim = dyn_cast<memref::DimOp>(op);
    auto index = dim ? dim.getConstantIndex() : std::nullopt;
    return index ? sizeOfOutput.lookup({dim.getSource(), *index}) : Value();
  }

  /// Values that `op` uses, also inside of it.
  static llvm::SetVector<Value> usedBy(Operation *op) {
    llvm::SetVector<Value> used(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), used);
    return used;
  }

  /// Whether all that `op` and what is inside of it do is to compute, read and write.
  static bool isCopyable(Operation *op) {
    return !op->walk([](Operation *nested) {
                auto effects = dyn_cast<MemoryEffectOpInterface>(nested);
                bool isKnown = isMemoryEffectFree(nested) || isa<cf::AssertOp, memref::AllocaOp>(nested) ||
                               nested->hasTrait<OpTrait::HasRecursiveMemoryEffects>() ||
                               (effects && !effects.hasEffect<MemoryEffects::Allocate>() &&
                                !effects.hasEffect<MemoryEffects::Free>());
                // Kernels are for more data than shapes have, and a plan has no heap for functions of the library.
                StringRef dialect = nested->getName().getDialectNamespace();
                auto call = dyn_cast<onnxc::rt::CallOp>(nested);
                bool isHere = dialect != "kernel" &&
                              (dialect != "rt" || isa<onnxc::rt::CheckRangeOp, onnxc::rt::PositionOp>(nested) ||
                               (call && call.getHeapless()));
                return isKnown && isHere ? WalkResult::advance() : WalkResult::interrupt();
              }).wasInterrupted();
  }

  bool need(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return argument.getOwner() == entry && (argument.getArgNumber() < inputCount || isSmall(value));
    return needOperation(value.getDefiningOp());
  }

  bool needOperation(Operation *op) {
    if (!needed.insert(op).second)
      return true;
    if (Value size = outputSizeOf(op))
      return need(size);
    if (isa<memref::AllocOp, memref::GetGlobalOp>(op))
      return isSmall(op->getResult(0));
    llvm::SetVector<Value> used = usedBy(op);
    bool isMemory = !isPure(op) || op->getNumRegions() != 0;
    if (isMemory) {
      if (!isCopyable(op))
        return false;
      memory.push_back(op);
    }
    int64_t position = positions.lookup(op);
    return llvm::all_of(used, [&](Value value) {
      return need(value) && (!isMemory || !isa<BaseMemRefType>(value.getType()) || needContent(value, position));
    });
  }

  /// Takes in all that writes to the buffer of `memref` before `position`.
  bool needContent(Value memref, int64_t position) {
    Operation *op = memref.getDefiningOp();
    if (auto view = dyn_cast_or_null<ViewLikeOpInterface>(op))
      return needContent(view.getViewSource(), position);
    if (auto loop = dyn_cast_or_null<scf::ForOp>(op))
      return needContent(loop.getInitArgs()[cast<OpResult>(memref).getResultNumber()], position);
    if (isa_and_nonnull<memref::GetGlobalOp>(op))
      return true;
    if (op && !isa<memref::AllocOp>(op))
      return false;
    if (!op && cast<BlockArgument>(memref).getArgNumber() < inputCount)
      return true; // nothing writes to an input
    for (Operation *writer : writersOf(memref))
      if (positions.lookup(writer) < position && !needOperation(writer))
        return false;
    return true;
  }

  ArrayRef<Operation *> writersOf(Value buffer) {
    auto [it, isNew] = writers.try_emplace(buffer);
    if (!isNew)
      return it->second;
    llvm::SetVector<Value> aliases;
    llvm::SetVector<Operation *> found;
    aliases.insert(buffer);
    for (size_t i = 0; i < aliases.size(); ++i)
      for (OpOperand &use : aliases[i].getUses()) {
        Operation *user = use.getOwner();
        for (Value result : user->getResults())
          if (isa<BaseMemRefType>(result.getType()))
            aliases.insert(result);
        if (auto loop = dyn_cast<LoopLikeOpInterface>(user))
          if (BlockArgument argument = loop.getTiedLoopRegionIterArg(&use))
            aliases.insert(argument);
        auto linalgOp = dyn_cast<linalg::LinalgOp>(user);
        auto copy = dyn_cast<memref::CopyOp>(user);
        bool onlyReads = isa<memref::LoadOp>(user) || isMemoryEffectFree(user) ||
                         (linalgOp && linalgOp.isDpsInput(&use)) || (copy && copy.getTarget() != use.get());
        if (!onlyReads)
          found.insert(entry->findAncestorOpInBlock(*user));
      }
    return it->second = found.takeVector();
  }

  Value makeBuffer(Value like) {
    return memref::AllocaOp::create(b, like.getLoc(), cast<MemRefType>(like.getType()),
                                    b.getI64IntegerAttr(kAlignment));
  }

  void emitOperation(Operation *op) {
    if (!emitted.insert(op).second)
      return;
    if (!isPure(op) || op->getNumRegions() != 0) {
      // What writes memory keeps its place among what uses it.
      llvm::sort(memory, [&](Operation *a, Operation *b) { return positions.lookup(a) < positions.lookup(b); });
      SmallVector<Operation *> before(llvm::make_filter_range(
          memory, [&](Operation *other) { return positions.lookup(other) < positions.lookup(op); }));
      for (Operation *other : before)
        emitOperation(other);
    }
    for (Value value : usedBy(op))
      emit(value);
    b.clone(*op, mapping);
  }

  OpBuilder &b;
  Block *entry;
  int64_t inputCount;
  const Positions &positions;
  IRMapping mapping;
  DenseMap<std::pair<Value, int64_t>, Value> sizeOfOutput;
  DenseSet<Operation *> needed, emitted;
  SmallVector<Operation *> memory; ///< those that read or write
  DenseMap<Value, SmallVector<Operation *>> writers;
};

struct PlanMemory : onnxc::impl::PlanMemoryBase<PlanMemory> {
  PlanMemory() = default;
  PlanMemory(onnxc::MemoryPlan *report, int64_t maxScratchOnStack)
      : report(report), maxScratchOnStack(maxScratchOnStack) {}
  PlanMemory(const PlanMemory &other)
      : PlanMemoryBase(other), report(other.report), maxScratchOnStack(other.maxScratchOnStack) {}

  void runOnOperation() override {
    auto function = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!function)
      return;
    main = function;
    entry = &main.front();
    inputCount = main->getAttrOfType<IntegerAttr>("onnxc.inputs").getInt();
    resolveSizes();
    if (failed(hoist()) || failed(collect()) || failed(place()))
      signalPassFailure();
  }

private:
  /// Sizes of views become sizes of what is viewed, down to the arguments.
  void resolveSizes() {
    SmallVector<memref::DimOp> sizes;
    main.walk([&](memref::DimOp size) { sizes.push_back(size); });
    for (memref::DimOp size : sizes) {
      Operation *op = size.getSource().getDefiningOp();
      if (!op || !size.getConstantIndex())
        continue;
      OpBuilder b(size);
      size.replaceAllUsesWith(getValueOrCreateConstantIndexOp(
          b, size.getLoc(), sizeOf(b, size.getLoc(), size.getSource(), *size.getConstantIndex())));
      size.erase();
    }
  }

  /// Brings allocations out of loops, where their sizes don't change, and scratch memory of tasks onto the stack or, if
  /// there is much of it, into a buffer with a part for each task.
  LogicalResult hoist() {
    SmallVector<memref::AllocOp> nested;
    main.walk([&](memref::AllocOp alloc) {
      if (alloc->getBlock() != entry)
        nested.push_back(alloc);
    });
    for (memref::AllocOp alloc : nested)
      if (auto task = alloc->getParentOfType<scf::ForallOp>())
        if (!alloc.getType().getLayout().isIdentity() || !moveSizesBefore(task, alloc))
          if (failed(makeSequential(alloc)))
            return failure();
    for (size_t i = 0; i < nested.size(); ++i) {
      memref::AllocOp alloc = nested[i];
      MemRefType type = alloc.getType();
      auto task = alloc->getParentOfType<scf::ForallOp>();
      if (task) {
        Value scratch;
        if (type.hasStaticShape() && staticBytes(type) <= maxScratchOnStack) {
          OpBuilder b(task.getBody(), task.getBody()->begin());
          scratch = memref::AllocaOp::create(b, alloc.getLoc(), type, b.getI64IntegerAttr(kAlignment));
        } else {
          auto [all, view] = allocateForTasks(task, alloc);
          if (all->getBlock() != entry) // the tasks are in a loop
            nested.push_back(all);
          scratch = view;
        }
        alloc.replaceAllUsesWith(scratch);
        alloc.erase();
        continue;
      }
      Operation *top = entry->findAncestorOpInBlock(*alloc);
      if (isCarried(alloc) || !moveSizesBefore(top, alloc))
        continue; // allocated there, anew or with another size each time
      alloc->moveBefore(top);
    }
    return success();
  }

  /// Tasks whose scratch memory has a size that only the run knows become rounds of a loop, which can have such.
  static LogicalResult makeSequential(memref::AllocOp alloc) {
    IRRewriter rewriter(alloc.getContext());
    while (auto tasks = alloc->getParentOfType<scf::ForallOp>()) {
      rewriter.setInsertionPoint(tasks);
      if (failed(scf::forallToForLoop(rewriter, tasks)))
        return tasks.emitError("internal error: tasks do not become rounds of a loop");
    }
    return success();
  }

  /// Computes the sizes of `alloc`, which is nested in `top`, in front of it. False when they follow from what it does.
  bool moveSizesBefore(Operation *top, memref::AllocOp alloc) {
    llvm::SetVector<Operation *> slice;
    if (!sliceInside(alloc, top, slice))
      return false;
    for (Operation *op : llvm::reverse(slice))
      op->moveBefore(top);
    return true;
  }

  /// A buffer with what `alloc` needs for every task, and the view of a task: the buffer has a dimension for the slots,
  /// its sizes that only the run knows, and the bytes that these are multiplied with.
  static std::pair<memref::AllocOp, memref::ViewOp> allocateForTasks(scf::ForallOp loop, memref::AllocOp alloc) {
    int64_t bytes = llvm::alignTo(staticBytes(alloc.getType()), kAlignment);
    ImplicitLocOpBuilder b(alloc.getLoc(), loop);
    AffineExpr d0 = b.getAffineDimExpr(0), d1 = b.getAffineDimExpr(1), s0 = b.getAffineSymbolExpr(0);
    auto apply = [&](AffineExpr expr, ArrayRef<OpFoldResult> operands) {
      return affine::makeComposedFoldedAffineApply(b, b.getLoc(), expr, operands);
    };
    OpFoldResult tasks = b.getIndexAttr(1), task = b.getIndexAttr(0), taskBytes = b.getIndexAttr(bytes);
    for (OpFoldResult bound : loop.getMixedUpperBound())
      tasks = apply(d0 * s0, {tasks, bound});
    SmallVector<OpFoldResult> sizes = {tasks};
    llvm::append_range(sizes, alloc.getDynamicSizes());
    sizes.push_back(taskBytes);
    for (Value size : alloc.getDynamicSizes())
      taskBytes = apply(d0 * s0, {taskBytes, size});
    auto [shape, dynamic] = decomposeMixedValues(sizes);
    auto all =
        memref::AllocOp::create(b, MemRefType::get(shape, b.getI8Type()), dynamic, b.getI64IntegerAttr(kAlignment));
    b.setInsertionPointToStart(loop.getBody());
    Value flat = memref::CollapseShapeOp::create(b, all, {llvm::to_vector(llvm::seq<int64_t>(0, shape.size()))});
    for (auto [iv, bound] : llvm::zip_equal(loop.getInductionVars(), loop.getMixedUpperBound()))
      task = apply(d0 * s0 + d1, {task, OpFoldResult(iv), bound});
    Value slot = onnxc::kernel::SlotOp::create(b, getValueOrCreateConstantIndexOp(b, b.getLoc(), task),
                                               getValueOrCreateConstantIndexOp(b, b.getLoc(), tasks));
    Value offset = getValueOrCreateConstantIndexOp(b, b.getLoc(), apply(d0 * s0, {slot, taskBytes}));
    return {all, memref::ViewOp::create(b, alloc.getType(), flat, offset, alloc.getDynamicSizes())};
  }

  /// Whether a loop around the allocation hands the buffer to its next round: that one makes another.
  static bool isCarried(memref::AllocOp alloc) {
    llvm::SetVector<Value> aliases;
    aliases.insert(alloc);
    for (size_t i = 0; i < aliases.size(); ++i)
      for (OpOperand &use : aliases[i].getUses()) {
        Operation *user = use.getOwner();
        if (isa<scf::YieldOp, scf::ConditionOp>(user)) {
          if (isa<LoopLikeOpInterface>(user->getParentOp()) && user->getParentOp()->isProperAncestor(alloc))
            return true;
          user = user->getParentOp();
        }
        for (Value result : user->getResults())
          if (isa<BaseMemRefType>(result.getType()))
            aliases.insert(result);
        for (Region &region : user->getRegions())
          for (BlockArgument argument :
               isa<LoopLikeOpInterface>(user) ? region.getArguments() : Region::BlockArgListType())
            if (isa<BaseMemRefType>(argument.getType()))
              aliases.insert(argument);
      }
    return false;
  }

  /// Collects what `op` needs and is nested in `top`, users first. False when it can't be moved out.
  bool sliceInside(Operation *op, Operation *top, llvm::SetVector<Operation *> &slice) {
    for (Value operand : op->getOperands()) {
      if (auto argument = dyn_cast<BlockArgument>(operand)) {
        if (top->isAncestor(argument.getOwner()->getParentOp()))
          return false;
        continue;
      }
      Operation *def = operand.getDefiningOp();
      if (!top->isProperAncestor(def))
        continue;
      if (!isPure(def) || def->getNumRegions())
        return false;
      slice.remove(def); // again, further back
      slice.insert(def);
      if (!sliceInside(def, top, slice))
        return false;
    }
    return true;
  }

  /// Numbers the operations of @main's block, and those in branches: each branch has steps of its own, so that what one
  /// of them needs has no room while the other runs. What is in a loop happens at the step of the loop.
  int64_t numberSteps(Block &block, int64_t next) {
    for (Operation &op : block) {
      steps[&op] = next++;
      if (isa<scf::IfOp>(op))
        for (Region &branch : op.getRegions())
          if (!branch.empty())
            next = numberSteps(branch.front(), next);
    }
    return next;
  }

  /// Notes for every operation in @main's block its position, and for every buffer its lifetime.
  LogicalResult collect() {
    for (auto [number, op] : llvm::enumerate(*entry))
      position[&op] = number;
    int64_t count = numberSteps(*entry, 0);
    for (auto alloc : llvm::make_early_inc_range(entry->getOps<memref::AllocOp>())) {
      Buffer buffer{alloc, count, -1};
      llvm::SetVector<Value> aliases;
      aliases.insert(alloc);
      for (size_t i = 0; i < aliases.size(); ++i)
        for (OpOperand &use : aliases[i].getUses())
          follow(use, aliases, buffer);
      if (buffer.last < 0) {
        for (Value alias : llvm::reverse(aliases.getArrayRef()))
          alias.getDefiningOp()->erase();
        continue;
      }
      buffers.push_back(buffer);
    }
    return success();
  }

  /// What a use makes of a buffer: a view of it, a loop-carried value, or an access.
  void follow(OpOperand &use, llvm::SetVector<Value> &aliases, Buffer &buffer) {
    Operation *user = use.getOwner();
    for (Value result : user->getResults())
      if (isa<BaseMemRefType>(result.getType()))
        aliases.insert(result);
    if (auto loop = dyn_cast<LoopLikeOpInterface>(user)) {
      if (BlockArgument argument = loop.getTiedLoopRegionIterArg(&use))
        aliases.insert(argument);
      if (auto loop = dyn_cast<scf::WhileOp>(user))
        for (BlockArgument argument : loop.getAfterArguments())
          if (isa<BaseMemRefType>(argument.getType()))
            aliases.insert(argument);
    } else if (isa<scf::YieldOp>(user)) {
      for (Value result : user->getParentOp()->getResults())
        if (isa<BaseMemRefType>(result.getType()))
          aliases.insert(result);
    }
    // Making a view is no access; using it is one.
    if (isa<ViewLikeOpInterface, memref::CastOp, memref::DimOp>(user))
      return;
    while (!steps.contains(user))
      user = user->getParentOp();
    int64_t at = steps.lookup(user);
    buffer.first = std::min(buffer.first, at);
    buffer.last = std::max(buffer.last, at);
  }

  /// Finds an order in which best fit needs little memory. At first the biggest come first; then, again and again, the
  /// one that ended last, until no more is needed than what lives at the same time, or for some rounds.
  static void pack(Group &group) {
    int64_t least = largestLiveSetOf(group.buffers);
    SmallVector<Buffer *> order;
    for (Buffer &buffer : group.buffers)
      order.push_back(&buffer);
    llvm::stable_sort(order, [](Buffer *a, Buffer *b) { return a->units > b->units; });
    SmallVector<int64_t> offsets;
    group.total = std::numeric_limits<int64_t>::max();
    int64_t count = order.size(), rounds = std::clamp<int64_t>(kPackingWork / (count * count), 1, kMaxRounds);
    for (int64_t round = 0; round < rounds && group.total > least; ++round) {
      int64_t total = pack(order);
      if (total < group.total) {
        group.total = total;
        offsets = llvm::map_to_vector(group.buffers, [](const Buffer &buffer) { return buffer.offset; });
      }
      auto highest = llvm::max_element(order, [](Buffer *a, Buffer *b) { return a->end() < b->end(); });
      std::rotate(order.begin(), highest, highest + 1);
    }
    for (auto [buffer, offset] : llvm::zip_equal(group.buffers, offsets))
      buffer.offset = offset;
  }

  /// Best fit: each buffer, in this order, goes into the smallest gap between those that live at the same time. Returns
  /// how much memory they need.
  static int64_t pack(ArrayRef<Buffer *> order) {
    int64_t total = 0;
    SmallVector<Buffer *> placed; // by offset
    for (Buffer *buffer : order) {
      int64_t end = 0, best = -1, bestGap = std::numeric_limits<int64_t>::max();
      for (Buffer *other : placed) {
        if (other->last < buffer->first || buffer->last < other->first)
          continue;
        int64_t gap = other->offset - end;
        if (gap >= buffer->units && gap < bestGap)
          best = end, bestGap = gap;
        end = std::max(end, other->end());
      }
      buffer->offset = best >= 0 ? best : end;
      total = std::max(total, buffer->end());
      placed.insert(llvm::upper_bound(placed, buffer, [](Buffer *a, Buffer *b) { return a->offset < b->offset; }),
                    buffer);
    }
    return total;
  }

  /// The sizes that buffers and outputs have: those that @plan computes, and those that only the run knows.
  struct Sizes {
    SizeSlice slice;
    SmallVector<Value> wanted = {}; ///< of @plan, in the order in which they were asked for
    DenseSet<Value> unplanned = {};

    /// Whether @plan can compute the size: then it will.
    bool want(Value size) {
      if (unplanned.contains(size) || !slice.add(size))
        return unplanned.insert(size), false;
      wanted.push_back(size);
      return true;
    }
    /// Gives the buffer room for the size itself, or for what it is at most.
    bool addRoom(Buffer &buffer, Value size) {
      auto least = size.getDefiningOp<arith::MinSIOp>();
      for (Value candidate :
           least ? SmallVector<Value>{size, least.getLhs(), least.getRhs()} : SmallVector<Value>{size})
        if (want(candidate)) {
          buffer.room.push_back(candidate);
          return true;
        }
      return false;
    }
  };

  LogicalResult place() {
    auto ret = cast<func::ReturnOp>(entry->getTerminator());
    SmallVector<Value> outputSizes(ret.getOperands());
    SmallVector<Value> outputs(entry->getArguments().drop_front(inputCount));

    // All sizes are computed at the top of @main, before everything else; @plan is a copy of that.
    OpBuilder b(&getContext());
    b.setInsertionPointToStart(entry);
    Operation *marker = arith::ConstantIndexOp::create(b, main.getLoc(), 0);
    b.setInsertionPoint(marker);
    Sizes sizes{SizeSlice(b, entry, inputCount, position, outputSizes)};
    SmallVector<cf::AssertOp> checks;
    for (auto check : entry->getOps<cf::AssertOp>())
      if (sizes.slice.add(check.getArg()))
        checks.push_back(check);
    llvm::erase_if(buffers, [&](Buffer &buffer) {
      return !llvm::all_of(buffer.alloc.getDynamicSizes(), [&](Value size) { return sizes.addRoom(buffer, size); });
    });
    if (failed(planOutputs(sizes, outputs, outputSizes)))
      return failure();

    // Sizes may come from what inputs contain: nothing is true of them but what is checked.
    for (cf::AssertOp check : checks) {
      cf::AssertOp::create(b, check.getLoc(), sizes.slice.emit(check.getArg()), check.getMsgAttr());
      check.erase();
    }
    for (Value value : sizes.wanted)
      sizes.slice.emit(value); // before the buffers become views
    auto groups = groupBuffers(b, sizes);
    if (failed(groups))
      return failure();
    Value workspace = entry->addArgument(MemRefType::get({ShapedType::kDynamic}, b.getI8Type()), main.getLoc());
    Value size = arith::ConstantIndexOp::create(b, main.getLoc(), 0);
    for (Group &group : *groups)
      if (!group.buffers.empty() && failed(placeGroup(b, group, workspace, size)))
        return failure();
    SmallVector<Value> results{size};
    if (failed(addOutputSizes(b, sizes, outputs, outputSizes, results)))
      return failure();

    makePlan(marker, results);
    if (!readInputs.empty())
      checkPlanned(b, workspace, outputs, results);
    marker->erase();
    dropResults(b, ret);
    return success();
  }

  /// Outputs have the caller's memory where @plan knows their sizes; the run allocates the others.
  LogicalResult planOutputs(Sizes &sizes, ArrayRef<Value> outputs, ArrayRef<Value> outputSizes) {
    for (auto [i, output] : llvm::enumerate(outputs)) {
      ArrayRef<Value> own = outputSizes.take_front(cast<MemRefType>(output.getType()).getNumDynamicDims());
      outputSizes = outputSizes.drop_front(own.size());
      bool isPlanned = !main.getArgAttr(inputCount + i, "onnxc.allocated");
      for (Value size : own)
        isPlanned &= sizes.want(size);
      if (!isPlanned && failed(allocateOutput(i, output, own, sizes.unplanned)))
        return failure();
    }
    return success();
  }

  /// A size at the top of @main, with a check that it is none below 0 where it comes from what inputs contain.
  Value emitSize(OpBuilder &b, Sizes &sizes, Value value, Location loc) {
    Value size = sizes.slice.emit(value);
    auto dim = size.getDefiningOp<memref::DimOp>();
    if (!getConstantIntValue(size) && !(dim && isa<BlockArgument>(dim.getSource())) &&
        nonNegative.insert(size).second) {
      Value zero = arith::ConstantIndexOp::create(b, loc, 0);
      Value holds = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, size, zero);
      cf::AssertOp::create(b, loc, holds, "a size is negative");
    }
    return size;
  }

  /// Buffers whose sizes are multiples of the same product of run-time sizes share a part of the workspace.
  FailureOr<std::vector<Group>> groupBuffers(OpBuilder &b, Sizes &sizes) {
    std::vector<Group> groups(1); // the first one: static buffers
    for (Buffer &buffer : buffers) {
      MemRefType type = buffer.alloc.getType();
      int64_t bytes = staticBytes(type);
      if (failed(checkFits(buffer.alloc.getLoc(), bytes)))
        return failure();
      SmallVector<Value> factors;
      for (Value size : buffer.room)
        factors.push_back(emitSize(b, sizes, size, buffer.alloc.getLoc()));
      bool coarse = factors.empty() || bytes >= kCoarse;
      buffer.units = coarse ? llvm::alignTo(bytes, kAlignment) : bytes;
      auto group = llvm::find_if(groups, [&](const Group &group) {
        return group.coarse == coarse &&
               std::is_permutation(group.factors.begin(), group.factors.end(), factors.begin(), factors.end());
      });
      if (group == groups.end())
        group = groups.insert(group, Group{factors, coarse, {}, 0});
      group->buffers.push_back(buffer);
    }
    return groups;
  }

  /// Gives the buffers of a group their places in the workspace, from `size` on, which becomes the end of the group.
  LogicalResult placeGroup(OpBuilder &b, Group &group, Value workspace, Value &size) {
    Location loc = main.getLoc();
    pack(group);
    if (failed(checkFits(group.buffers.front().alloc.getLoc(), group.total)))
      return failure();
    if (report)
      report->groups.push_back(describe(group));
    checkBytes(b, group.buffers.front().alloc.getLoc(), group.total, group.factors);
    Value unit;
    for (Value factor : group.factors)
      unit = unit ? arith::MulIOp::create(b, loc, unit, factor).getResult() : factor;
    if (!group.coarse) {
      unit = arith::AddIOp::create(b, loc, unit, arith::ConstantIndexOp::create(b, loc, kAlignment - 1));
      unit = arith::AndIOp::create(b, loc, unit, arith::ConstantIndexOp::create(b, loc, -kAlignment));
    }
    auto scaled = [&](int64_t units) -> Value {
      Value constant = arith::ConstantIndexOp::create(b, loc, units);
      return unit ? arith::MulIOp::create(b, loc, unit, constant).getResult() : constant;
    };
    for (Buffer &buffer : group.buffers) {
      Value offset = arith::AddIOp::create(b, loc, size, scaled(buffer.offset));
      OpBuilder here(buffer.alloc);
      Value view = memref::ViewOp::create(here, buffer.alloc.getLoc(), buffer.alloc.getType(), workspace, offset,
                                          buffer.alloc.getDynamicSizes());
      buffer.alloc.replaceAllUsesWith(view);
      buffer.alloc.erase();
      ++placed;
    }
    size = arith::AddIOp::create(b, loc, size, scaled(group.total));
    return success();
  }

  /// Adds the dynamic sizes of the outputs to what @plan gives; -1 for those that only the run knows.
  LogicalResult addOutputSizes(OpBuilder &b, Sizes &sizes, ArrayRef<Value> outputs, ArrayRef<Value> outputSizes,
                               SmallVectorImpl<Value> &results) {
    for (Value output : outputs) {
      auto type = cast<MemRefType>(output.getType());
      ArrayRef<Value> own = outputSizes.slice(results.size() - 1, type.getNumDynamicDims());
      size_t first = results.size();
      for (Value value : own)
        results.push_back(sizes.unplanned.contains(value)
                              ? arith::ConstantIndexOp::create(b, main.getLoc(), -1).getResult()
                              : emitSize(b, sizes, value, output.getLoc()));
      if (failed(checkFits(output.getLoc(), staticBytes(type))))
        return failure();
      if (llvm::any_of(own, [&](Value size) { return sizes.unplanned.contains(size); }))
        continue;
      checkBytes(b, output.getLoc(), staticBytes(type), ArrayRef(results).drop_front(first));
    }
    return success();
  }

  /// What @main gave back, @plan gives.
  void dropResults(OpBuilder &b, func::ReturnOp ret) {
    ret->setOperands({});
    main.removeResAttrsAttr();
    SmallVector<Attribute> attributes;
    if (ArrayAttr present = main.getAllArgAttrs())
      attributes.assign(present.begin(), present.end());
    attributes.resize(entry->getNumArguments(), b.getDictionaryAttr({}));
    main.setType(b.getFunctionType(entry->getArgumentTypes(), {}));
    main.setArgAttrsAttr(b.getArrayAttr(attributes));
  }

  /// Makes output `number` memory that is allocated once its sizes are known, and handed over at the end.
  LogicalResult allocateOutput(unsigned number, Value output, ArrayRef<Value> sizes, const DenseSet<Value> &unplanned) {
    auto type = cast<MemRefType>(output.getType());
    for (int64_t i = 0, next = 0; i < type.getRank(); ++i)
      if (type.isDynamicDim(i) && unplanned.contains(sizes[next++]) && report)
        report->runSizes.push_back({number, i});
    OpBuilder b = OpBuilder::atBlockBegin(entry);
    for (Value size : sizes)
      if (Operation *def = size.getDefiningOp();
          def && (b.getInsertionPoint() == entry->begin() || !def->isBeforeInBlock(&*b.getInsertionPoint())))
        b.setInsertionPointAfter(def);
    auto alloc = memref::AllocOp::create(b, output.getLoc(), type, sizes, b.getI64IntegerAttr(kAlignment));
    alloc->setAttr("onnxc.kept", b.getUnitAttr());
    // What already refers to it comes after it.
    DenseSet<Value> early{output};
    SmallVector<Operation *> moved;
    for (Operation &op : llvm::make_range(entry->begin(), alloc->getIterator()))
      if (llvm::any_of(op.getOperands(), [&](Value operand) { return early.contains(operand); })) {
        if (!isPure(&op))
          return op.emitError("internal error: an output is written before its size is known");
        early.insert_range(op.getResults());
        moved.push_back(&op);
      }
    for (Operation *op : llvm::reverse(moved))
      op->moveAfter(alloc);
    output.replaceAllUsesWith(alloc);
    b.setInsertionPoint(entry->getTerminator());
    onnxc::rt::SetOutputOp::create(b, output.getLoc(), alloc, number);
    return success();
  }

  /// Checks that bytes * factors is no more than an address can reach. In float64, where a product can't wrap round.
  void checkBytes(OpBuilder &b, Location loc, int64_t bytes, ArrayRef<Value> factors) {
    if (factors.empty())
      return;
    Value product = arith::ConstantOp::create(b, loc, b.getF64FloatAttr(bytes));
    for (Value factor : factors) {
      Value integer = arith::IndexCastOp::create(b, loc, b.getI64Type(), factor);
      product = arith::MulFOp::create(b, loc, product, arith::SIToFPOp::create(b, loc, b.getF64Type(), integer));
    }
    Value most = arith::ConstantOp::create(b, loc, b.getF64FloatAttr(kMaxBytes));
    cf::AssertOp::create(b, loc, arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE, product, most),
                         "more memory is needed than there can be");
  }

  /// @plan(inputs) -> (size of the workspace, dynamic sizes of the outputs): what @main computes before `end`.
  void makePlan(Operation *end, ArrayRef<Value> results) {
    OpBuilder b = OpBuilder::atBlockEnd(getOperation().getBody());
    auto inputs = entry->getArguments().take_front(inputCount);
    SmallVector<Type> types(results.size(), b.getIndexType());
    auto plan = func::FuncOp::create(b, main.getLoc(), "plan", b.getFunctionType(TypeRange(ValueRange(inputs)), types));
    b.setInsertionPointToStart(plan.addEntryBlock());
    IRMapping mapping;
    mapping.map(inputs, plan.getArguments());
    for (auto op = entry->begin(); &*op != end; ++op)
      b.clone(*op, mapping);
    func::ReturnOp::create(b, main.getLoc(), llvm::map_to_vector(results, [&](Value v) { return mapping.lookup(v); }));

    // @plan has no threads.
    SmallVector<scf::ForallOp> foralls;
    plan.walk([&](scf::ForallOp forall) { foralls.push_back(forall); });
    IRRewriter rewriter(&getContext());
    for (scf::ForallOp forall : foralls) {
      rewriter.setInsertionPoint(forall);
      if (failed(scf::forallToForLoop(rewriter, forall)))
        llvm_unreachable("after bufferisation a forall has no results");
    }
    for (BlockArgument input : plan.getArguments())
      if (readsContent(input))
        readInputs.push_back(input.getArgNumber());
    if (report)
      report->readInputs = readInputs;
  }

  static bool readsContent(Value memref) {
    return llvm::any_of(memref.getUsers(), [](Operation *user) {
      if (isa<memref::DimOp>(user))
        return false;
      return !isa<ViewLikeOpInterface>(user) || readsContent(user->getResult(0));
    });
  }

  /// Where sizes come from the content of inputs, that may have changed since the plan.
  void checkPlanned(OpBuilder &b, Value workspace, ArrayRef<Value> outputs, ArrayRef<Value> results) {
    auto require = [&](Location loc, arith::CmpIPredicate predicate, Value x, Value y) {
      cf::AssertOp::create(b, loc, arith::CmpIOp::create(b, loc, predicate, x, y),
                           "the inputs give other sizes than when the run was planned");
    };
    Value space = memref::DimOp::create(b, main.getLoc(), workspace, 0);
    require(main.getLoc(), arith::CmpIPredicate::sge, space, results.front());
    size_t next = 1;
    for (Value output : outputs)
      for (auto [i, size] : llvm::enumerate(cast<MemRefType>(output.getType()).getShape()))
        if (ShapedType::isDynamic(size)) {
          Value planned = results[next++];
          if (getConstantIntValue(planned) != -1)
            require(output.getLoc(), arith::CmpIPredicate::eq, memref::DimOp::create(b, output.getLoc(), output, i),
                    planned);
        }
  }

  std::string describe(Value factor) {
    std::string text;
    llvm::raw_string_ostream os(text);
    auto dim = factor.getDefiningOp<memref::DimOp>();
    auto argument = dim ? dyn_cast<BlockArgument>(dim.getSource()) : BlockArgument();
    if (!argument || !dim.getConstantIndex())
      return "a computed size";
    if (auto name = main.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "onnx.name"))
      os << name.getValue();
    else
      os << "input " << argument.getArgNumber();
    os << '[' << *dim.getConstantIndex() << ']';
    return text;
  }

  onnxc::MemoryPlan::Group describe(Group &group) {
    onnxc::MemoryPlan::Group result;
    result.total = group.total;
    result.unit = llvm::join(llvm::map_range(group.factors, [&](Value factor) { return describe(factor); }), " * ");
    for (Buffer &buffer : group.buffers) {
      std::string name;
      llvm::raw_string_ostream os(name);
      Location loc = buffer.alloc.getLoc();
      if (auto fused = dyn_cast<FusedLoc>(loc))
        loc = fused.getLocations().front();
      if (auto named = dyn_cast<NameLoc>(loc))
        os << named.getName().getValue();
      else
        os << loc;
      result.buffers.push_back({name, buffer.first, buffer.last, buffer.units, buffer.offset});
    }
    return result;
  }

  func::FuncOp main;
  Block *entry = nullptr;
  int64_t inputCount = 0;
  DenseMap<Operation *, int64_t> position;
  DenseMap<Operation *, int64_t> steps;
  SmallVector<Buffer> buffers;
  DenseSet<Value> nonNegative;      ///< sizes that were checked
  std::vector<unsigned> readInputs; ///< by @plan, not only their sizes
  onnxc::MemoryPlan *report = nullptr;
  int64_t maxScratchOnStack = 32 << 10;
};
} // namespace

std::unique_ptr<Pass> onnxc::createPlanMemory(MemoryPlan *report, int64_t maxScratchOnStack) {
  return std::make_unique<::PlanMemory>(report, maxScratchOnStack);
}

int64_t onnxc::MemoryPlan::Group::largestLiveSet() const { return largestLiveSetOf(buffers); }

void onnxc::MemoryPlan::print(raw_ostream &os) const {
  if (groups.empty())
    os << "workspace: 0 bytes\n";
  for (const Group &group : groups) {
    std::string times = group.unit.empty() ? " bytes" : " bytes * " + group.unit;
    os << "workspace: " << group.total << times << "\n";
    os << "largest live set: " << group.largestLiveSet() << times << "\n";
    os << llvm::format("%12s %12s  %-13s %s\n", "offset", "size", "steps", "first written by");
    for (const Buffer &buffer : group.buffers)
      os << llvm::format("%12lld %12lld  %5lld - %5lld ", (long long)buffer.offset, (long long)buffer.units,
                         (long long)buffer.first, (long long)buffer.last)
         << buffer.name << "\n";
  }
}
