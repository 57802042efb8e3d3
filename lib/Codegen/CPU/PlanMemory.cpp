//===- lib/Codegen/CPU/PlanMemory.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Puts every buffer of @main into one workspace, and makes @plan, which says how big the workspace must be.
//
// The size of a buffer is `units * unit`: units is a number, unit a product of sizes known at run time (1 for a static
// buffer). Buffers with the same unit form a group, and a group is packed at compile time like static buffers, in units:
// so a model with a symbolic batch size shares memory as well as one with a fixed batch size.
#include "lib/Codegen/CPU/MemoryPlan.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
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
/// Scratch memory of a task up to this size is on the stack of the thread.
static constexpr int64_t kMaxStack = 32 << 10;

namespace {
struct Buffer {
  memref::AllocOp alloc;
  int64_t first = 0, last = 0; ///< positions in @main's block between which the content matters
  int64_t units = 0, offset = -1;
};

struct Group {
  SmallVector<Value> factors; ///< available at the top of @main
  bool coarse = true;         ///< unit is the product; else the product rounded up to kAlignment
  SmallVector<Buffer> buffers;
  int64_t total = 0; ///< units
};

/// Copies the computation of sizes to where only the arguments of @main are known.
class SizeSlicer {
public:
  SizeSlicer(OpBuilder &b, IRMapping mapping, ArrayRef<Value> outputs, ArrayRef<Value> outputSizes)
      : b(b), mapping(std::move(mapping)) {
    // In order: the dynamic sizes of the outputs.
    size_t next = 0;
    for (Value output : outputs)
      for (auto [i, size] : llvm::enumerate(cast<MemRefType>(output.getType()).getShape()))
        if (ShapedType::isDynamic(size))
          sizeOfOutput[{output, static_cast<int64_t>(i)}] = outputSizes[next++];
  }

  /// `value` computed from arguments at the builder's place; null after a diagnostic.
  Value get(Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (!op)
      return {};
    if (auto dim = dyn_cast<memref::DimOp>(op))
      if (auto index = dim.getConstantIndex()) {
        auto it = sizeOfOutput.find({dim.getSource(), *index});
        if (it != sizeOfOutput.end()) {
          Value size = get(it->second);
          mapping.map(value, size);
          return size;
        }
      }
    if (!isPure(op) || op->getNumRegions() != 0) {
      op->emitError("the size of a tensor depends on values that are computed here; sizes must follow from the shapes "
                    "of the inputs");
      return {};
    }
    for (Value operand : op->getOperands())
      if (!get(operand))
        return {};
    b.clone(*op, mapping);
    return mapping.lookup(value);
  }

private:
  OpBuilder &b;
  IRMapping mapping;
  DenseMap<std::pair<Value, int64_t>, Value> sizeOfOutput;
};

struct PlanMemory : onnxc::impl::PlanMemoryBase<PlanMemory> {
  PlanMemory() = default;
  PlanMemory(onnxc::MemoryPlan *report) : report(report) {}
  PlanMemory(const PlanMemory &other) : PlanMemoryBase(other), report(other.report) {}

  void runOnOperation() override {
    auto function = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!function)
      return;
    main = function;
    entry = &main.front();
    inputCount = main->getAttrOfType<IntegerAttr>("onnxc.inputs").getInt();
    if (failed(hoist()) || failed(collect()) || failed(place()))
      signalPassFailure();
  }

private:
  static int64_t staticBytes(MemRefType type) {
    int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    for (int64_t size : type.getShape())
      if (!ShapedType::isDynamic(size))
        bytes *= size;
    return bytes;
  }

  /// Brings allocations out of loops, where their sizes don't change, and small scratch memory of tasks onto the stack.
  LogicalResult hoist() {
    SmallVector<memref::AllocOp> nested;
    main.walk([&](memref::AllocOp alloc) {
      if (alloc->getBlock() != entry)
        nested.push_back(alloc);
    });
    for (memref::AllocOp alloc : nested) {
      MemRefType type = alloc.getType();
      auto task = alloc->getParentOfType<scf::ForallOp>();
      if (task) {
        if (!type.hasStaticShape() || staticBytes(type) > kMaxStack)
          return alloc.emitError("scratch memory of a parallel task must have a static size of at most ")
                 << kMaxStack << " bytes, but is " << type;
        OpBuilder b(task.getBody(), task.getBody()->begin());
        auto alloca = memref::AllocaOp::create(b, alloc.getLoc(), type, b.getI64IntegerAttr(kAlignment));
        alloc.replaceAllUsesWith(alloca.getResult());
        alloc.erase();
        continue;
      }
      Operation *top = entry->findAncestorOpInBlock(*alloc);
      // Sizes may be computed inside from values outside.
      llvm::SetVector<Operation *> slice;
      if (!sliceInside(alloc, top, slice))
        return alloc.emitError("the size of a buffer changes from one iteration of a loop to the next");
      for (Operation *op : llvm::reverse(slice))
        op->moveBefore(top);
      alloc->moveBefore(top);
    }
    return success();
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

  /// Notes for every operation in @main's block its position, and for every buffer its lifetime.
  LogicalResult collect() {
    int64_t count = 0;
    for (Operation &op : *entry)
      position[&op] = count++;
    for (auto alloc : llvm::make_early_inc_range(entry->getOps<memref::AllocOp>())) {
      Buffer buffer{alloc, count, -1, 0, -1};
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
    int64_t at = position.lookup(entry->findAncestorOpInBlock(*user));
    buffer.first = std::min(buffer.first, at);
    buffer.last = std::max(buffer.last, at);
  }

  /// Best fit, big buffers first: each goes into the smallest gap between those that live at the same time.
  static void pack(Group &group) {
    SmallVector<Buffer *> order;
    for (Buffer &buffer : group.buffers)
      order.push_back(&buffer);
    llvm::sort(order, [](Buffer *a, Buffer *b) { return std::tuple(-a->units, a) < std::tuple(-b->units, b); });
    SmallVector<Buffer *> placed; // by offset
    for (Buffer *buffer : order) {
      int64_t end = 0, best = -1, bestGap = std::numeric_limits<int64_t>::max();
      for (Buffer *other : placed) {
        if (other->last < buffer->first || buffer->last < other->first)
          continue;
        int64_t gap = other->offset - end;
        if (gap >= buffer->units && gap < bestGap)
          best = end, bestGap = gap;
        end = std::max(end, other->offset + other->units);
      }
      buffer->offset = best >= 0 ? best : end;
      group.total = std::max(group.total, buffer->offset + buffer->units);
      placed.insert(llvm::upper_bound(placed, buffer,
                                      [](Buffer *a, Buffer *b) { return a->offset < b->offset; }),
                    buffer);
    }
  }

  LogicalResult place() {
    auto ret = cast<func::ReturnOp>(entry->getTerminator());
    SmallVector<Value> outputSizes(ret.getOperands());
    SmallVector<Value> outputs(entry->getArguments().drop_front(inputCount));
    OpBuilder b(&getContext());

    // Sizes are wanted at the top of @main, before everything else.
    Location loc = main.getLoc();
    b.setInsertionPointToStart(entry);
    Operation *marker = arith::ConstantIndexOp::create(b, loc, 0);
    b.setInsertionPoint(marker);
    IRMapping arguments;
    for (BlockArgument argument : entry->getArguments())
      arguments.map(argument, argument);
    SizeSlicer slicer(b, arguments, outputs, outputSizes);

    std::vector<Group> groups(1); // the first one: static buffers
    for (Buffer &buffer : buffers) {
      MemRefType type = buffer.alloc.getType();
      int64_t bytes = staticBytes(type);
      SmallVector<Value> factors;
      for (Value size : buffer.alloc.getDynamicSizes()) {
        Value atTop = slicer.get(size);
        if (!atTop)
          return failure();
        factors.push_back(atTop);
      }
      bool coarse = factors.empty() || bytes >= kCoarse;
      buffer.units = coarse ? llvm::alignTo(bytes, kAlignment) : bytes;
      auto group = llvm::find_if(groups, [&](const Group &group) {
        return group.coarse == coarse && std::is_permutation(group.factors.begin(), group.factors.end(),
                                                             factors.begin(), factors.end());
      });
      if (group == groups.end())
        group = groups.insert(group, Group{factors, coarse, {}, 0});
      group->buffers.push_back(buffer);
    }

    Value workspace = entry->addArgument(MemRefType::get({ShapedType::kDynamic}, b.getI8Type()), loc);
    Value size = arith::ConstantIndexOp::create(b, loc, 0);
    for (Group &group : groups) {
      if (group.buffers.empty())
        continue;
      pack(group);
      if (report)
        report->groups.push_back(describe(group));
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
    }
    marker->erase();

    if (failed(makePlan(size, outputs, outputSizes)))
      return failure();
    ret->setOperands({});
    main.removeResAttrsAttr();
    SmallVector<Attribute> attributes;
    if (ArrayAttr present = main.getAllArgAttrs())
      attributes.assign(present.begin(), present.end());
    attributes.resize(entry->getNumArguments(), b.getDictionaryAttr({}));
    main.setType(b.getFunctionType(entry->getArgumentTypes(), {}));
    main.setArgAttrsAttr(b.getArrayAttr(attributes));
    return success();
  }

  /// @plan(inputs) -> (size of the workspace, dynamic sizes of the outputs)
  LogicalResult makePlan(Value size, ArrayRef<Value> outputs, ArrayRef<Value> outputSizes) {
    OpBuilder b = OpBuilder::atBlockEnd(getOperation().getBody());
    auto inputs = llvm::map_to_vector(entry->getArguments().take_front(inputCount),
                                       [](BlockArgument argument) { return argument.getType(); });
    SmallVector<Type> results(1 + outputSizes.size(), b.getIndexType());
    auto plan = func::FuncOp::create(b, main.getLoc(), "plan", b.getFunctionType(inputs, results));
    b.setInsertionPointToStart(plan.addEntryBlock());
    IRMapping mapping;
    for (int64_t i = 0; i < inputCount; ++i)
      mapping.map(entry->getArgument(i), plan.getArgument(i));
    SizeSlicer slicer(b, mapping, outputs, outputSizes);
    SmallVector<Value> values;
    for (Value value : llvm::concat<const Value>(ArrayRef<Value>(size), outputSizes)) {
      values.push_back(slicer.get(value));
      if (!values.back())
        return failure();
    }
    func::ReturnOp::create(b, main.getLoc(), values);
    return success();
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
  SmallVector<Buffer> buffers;
  onnxc::MemoryPlan *report = nullptr;
};
} // namespace

std::unique_ptr<Pass> onnxc::createPlanMemory(MemoryPlan *report) { return std::make_unique<::PlanMemory>(report); }

int64_t onnxc::MemoryPlan::Group::largestLiveSet() const {
  int64_t largest = 0;
  for (const Buffer &at : buffers) { // the live set only grows where a buffer begins
    int64_t live = 0;
    for (const Buffer &buffer : buffers)
      if (buffer.first <= at.first && at.first <= buffer.last)
        live += buffer.units;
    largest = std::max(largest, live);
  }
  return largest;
}

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
