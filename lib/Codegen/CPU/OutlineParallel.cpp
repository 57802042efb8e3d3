//===- lib/Codegen/CPU/OutlineParallel.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes every scf.forall a function of its own, which the caller's thread pool runs.
//
// A task function has the addresses of its buffers as arguments: of different buffers they can't alias, and LLVM
// vectorises without run-time checks. The pool calls its entry (context, i, worker), which unpacks the context.
#include "dialects/kernel/KernelDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/Views.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "onnxc/abi.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace onnxc {
#define GEN_PASS_DEF_OUTLINEPARALLEL
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

/// Tasks that are alike but for constants have a function each up to this number of variants.
static constexpr unsigned kMostVariants = 8;

/// The buffer that a memref is a view into. A view into the workspace is a buffer of its own: the plan sees to it that
/// those in use at the same time don't overlap.
static Value getBuffer(Value memref) {
  while (Operation *op = memref.getDefiningOp()) {
    if (isa<memref::ViewOp>(op))
      break;
    if (auto view = dyn_cast<ViewLikeOpInterface>(op))
      memref = view.getViewSource();
    else if (auto metadata = dyn_cast<memref::ExtractStridedMetadataOp>(op))
      memref = metadata.getSource();
    else
      break;
  }
  return memref;
}

/// Makes a loop over any box of indices count from 0 in one dimension: the position in the box, taken apart again
/// inside.
static scf::ForallOp linearize(scf::ForallOp forall) {
  if (forall.getRank() == 1 && forall.isNormalized())
    return forall;
  ImplicitLocOpBuilder b(forall.getLoc(), forall);
  auto values = [&](ArrayRef<OpFoldResult> mixed) {
    return llvm::map_to_vector(
        mixed, [&](OpFoldResult bound) { return getValueOrCreateConstantIndexOp(b, b.getLoc(), bound); });
  };
  SmallVector<Value> lower = values(forall.getMixedLowerBound()), upper = values(forall.getMixedUpperBound()),
                     step = values(forall.getMixedStep()), counts;
  Value total = arith::ConstantIndexOp::create(b, 1);
  for (auto [from, to, by] : llvm::zip_equal(lower, upper, step)) {
    counts.push_back(arith::CeilDivSIOp::create(b, arith::SubIOp::create(b, to, from), by));
    total = arith::MulIOp::create(b, total, counts.back());
  }
  auto flat = scf::ForallOp::create(b, ArrayRef<OpFoldResult>{total}, ValueRange{}, std::nullopt);
  b.setInsertionPointToStart(flat.getBody());
  Value rest = flat.getInductionVar(0);
  SmallVector<Value> indices(counts.size());
  for (size_t i = counts.size(); i-- > 0;) {
    Value position = i == 0 ? rest : Value(arith::RemUIOp::create(b, rest, counts[i]));
    indices[i] = arith::AddIOp::create(b, lower[i], arith::MulIOp::create(b, position, step[i]));
    if (i > 0)
      rest = arith::DivUIOp::create(b, rest, counts[i]);
  }
  IRMapping mapping;
  mapping.map(forall.getInductionVars(), indices);
  for (Operation &op : forall.getBody()->without_terminator())
    b.clone(op, mapping);
  forall.erase();
  return flat;
}

namespace {
struct OutlineParallel : onnxc::impl::OutlineParallelBase<OutlineParallel> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>("main");
    if (!main)
      return;
    MLIRContext *context = &getContext();
    auto pointer = LLVM::LLVMPointerType::get(context);
    LLVMTypeConverter typeConverter(context);
    types = &typeConverter;
    taskCount = 0;

    Block &entry = main.front();
    pool = entry.addArgument(pointer, main.getLoc());
    main.setType(FunctionType::get(context, entry.getArgumentTypes(), main.getResultTypes()));
    main.walk([](onnxc::kernel::SlotOp slot) { // of tasks that have become rounds of a loop, or are the only one
      if (slot->getParentOfType<scf::ForallOp>())
        return;
      slot.replaceAllUsesWith(slot.getTask());
      slot.erase();
    });
    SmallVector<scf::ForallOp> foralls;
    main.walk([&](scf::ForallOp forall) { foralls.push_back(forall); });
    for (scf::ForallOp &forall : foralls)
      forall = linearize(forall);
    if (foralls.empty())
      return;
    defineParallel(module);
    // One context for all: the tasks of one loop are done before the next one starts.
    auto b = ImplicitLocOpBuilder::atBlockBegin(main.getLoc(), &entry);
    contextMemory = // before the first branch: its place in the frame is fixed
        LLVM::AllocaOp::create(b, pointer, b.getI8Type(), LLVM::ConstantOp::create(b, b.getI64Type(), 0), 64);
    threads = countThreads(b);
    // What follows it is behind the first branch.
    for (auto memory : llvm::make_early_inc_range(entry.getOps<memref::AllocaOp>()))
      if (memory->getNumOperands() == 0)
        memory->moveBefore(contextMemory);
    std::vector<Task> made;
    for (scf::ForallOp forall : foralls)
      made.push_back(makeTask(forall));
    uint64_t contextSize = 0;
    for (ArrayRef<unsigned> equal : group(made)) {
      share(made, equal);
      LLVM::LLVMFuncOp entry;
      for (unsigned i : equal)
        contextSize = std::max(contextSize, dispatch(made[i], entry));
    }
    tasks += foralls.size();
    b.setInsertionPoint(contextMemory);
    contextMemory.getArraySizeMutable().assign(LLVM::ConstantOp::create(b, b.getI64Type(), contextSize));
  }

private:
  /// How many threads the pool has; 1 where there is none.
  Value countThreads(ImplicitLocOpBuilder &b) {
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    Value exists = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, pool, LLVM::ZeroOp::create(b, pointer));
    auto count = scf::IfOp::create(
        b, exists,
        [&](OpBuilder &b, Location loc) {
          Value count = loadField(b, loc, pool, b.getI32Type(), offsetof(onnxc_pool, threads));
          scf::YieldOp::create(b, loc, arith::IndexCastOp::create(b, loc, b.getIndexType(), count).getResult());
        },
        [&](OpBuilder &b, Location loc) {
          scf::YieldOp::create(b, loc, arith::ConstantIndexOp::create(b, loc, 1).getResult());
        });
    return count.getResult(0);
  }

  static Value loadField(OpBuilder &b, Location loc, Value pool, Type type, int64_t offset) {
    Value at = LLVM::GEPOp::create(b, loc, pool.getType(), b.getI8Type(), pool,
                                   ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
    return LLVM::LoadOp::create(b, loc, type, at);
  }

  /// onnxc_parallel(pool, threads, n, body, context): through the pool where it has several threads, else in a loop.
  void defineParallel(ModuleOp module) {
    auto b = ImplicitLocOpBuilder::atBlockEnd(module.getLoc(), module.getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    parallel = func::FuncOp::create(
        b, "onnxc_parallel", b.getFunctionType({pointer, b.getIndexType(), b.getIndexType(), pointer, pointer}, {}));
    parallel.setPrivate();
    // Inlined, it would be the larger part of the code of a model of many small nodes.
    parallel->setAttr("passthrough", b.getStrArrayAttr({"noinline"}));
    Block *entry = parallel.addEntryBlock();
    Value pool = entry->getArgument(0), threads = entry->getArgument(1), n = entry->getArgument(2),
          body = entry->getArgument(3), context = entry->getArgument(4);
    b.setInsertionPointToStart(entry);
    Value one = arith::ConstantIndexOp::create(b, 1);
    Value several = arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, n, one);
    Value threaded =
        arith::AndIOp::create(b, several, arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, threads, one));
    auto toInt = [](OpBuilder &b, Location loc, Value index) {
      return UnrealizedConversionCastOp::create(b, loc, b.getI64Type(), index).getResult(0);
    };
    auto nothing = LLVM::LLVMVoidType::get(&getContext());
    scf::IfOp::create(
        b, threaded,
        [&](OpBuilder &b, Location loc) {
          auto type = LLVM::LLVMFunctionType::get(nothing, {pointer, b.getI64Type(), pointer, pointer});
          Value function = loadField(b, loc, pool, pointer, offsetof(onnxc_pool, parallel_for));
          Value self = loadField(b, loc, pool, pointer, offsetof(onnxc_pool, self));
          LLVM::CallOp::create(b, loc, type, ValueRange{function, self, toInt(b, loc, n), body, context});
          scf::YieldOp::create(b, loc);
        },
        [&](OpBuilder &b, Location loc) {
          Value zero = arith::ConstantIndexOp::create(b, loc, 0);
          auto type = LLVM::LLVMFunctionType::get(nothing, {pointer, b.getI64Type(), b.getI32Type()});
          scf::ForOp::create(b, loc, zero, n, one, ValueRange{}, [&](OpBuilder &b, Location loc, Value i, ValueRange) {
            Value worker = arith::ConstantIntOp::create(b, loc, 0, 32);
            LLVM::CallOp::create(b, loc, type, ValueRange{body, context, toInt(b, loc, i), worker});
            scf::YieldOp::create(b, loc);
          });
          scf::YieldOp::create(b, loc);
        });
    func::ReturnOp::create(b);
  }

  /// What a parallel loop has of its own and what it takes from around it.
  struct Captured {
    SmallVector<std::pair<onnxc::kernel::SlotOp, Value>> slots; ///< and whether each is the thread's number
    llvm::SetVector<Value> values;                              ///< all that comes from around it
    SmallVector<Operation *> constants;                         ///< of these, what is copied
    SmallVector<Value> memrefs;                                 ///< and what is memory
    SmallVector<Value> passed;                                  ///< what the context holds for them, in order
    DenseMap<Value, unsigned> users;                            ///< of a buffer: the memrefs on it
    DenseMap<Value, memref::ExtractStridedMetadataOp> metadata; ///< of a memref
  };

  Captured capture(ImplicitLocOpBuilder &b, scf::ForallOp forall) {
    Captured captured;
    // Where every thread can have a slot, its number is the slot.
    forall.walk([&](onnxc::kernel::SlotOp slot) {
      Value count = slot.getCount();
      if (auto known = getConstantIntValue(count))
        count = arith::ConstantIndexOp::create(b, *known);
      captured.slots.emplace_back(slot, arith::CmpIOp::create(b, arith::CmpIPredicate::ule, threads, count));
    });
    getUsedValuesDefinedAbove(forall.getRegion(), captured.values);
    for (auto [slot, isThread] : captured.slots)
      captured.values.insert(isThread);
    for (Value value : captured.values) {
      Operation *op = value.getDefiningOp();
      if (op && op->hasTrait<OpTrait::ConstantLike>())
        captured.constants.push_back(op);
      else if (isa<MemRefType>(value.getType()))
        captureMemRef(b, value, captured);
      else
        captured.passed.push_back(value);
    }
    return captured;
  }

  /// Memrefs are passed as base address and what of their layout isn't in the type.
  static void captureMemRef(ImplicitLocOpBuilder &b, Value value, Captured &captured) {
    captured.memrefs.push_back(value);
    ++captured.users[getBuffer(value)];
    auto parts = memref::ExtractStridedMetadataOp::create(b, value);
    captured.metadata[value] = parts;
    captured.passed.push_back(parts.getBaseBuffer());
    auto type = onnxc::cpu::hideOffset(cast<MemRefType>(value.getType()));
    auto [strides, offset] = type.getStridesAndOffset();
    if (ShapedType::isDynamic(offset))
      captured.passed.push_back(parts.getOffset());
    for (auto [i, size] : llvm::enumerate(type.getShape()))
      if (ShapedType::isDynamic(size))
        captured.passed.push_back(parts.getSizes()[i]);
    for (auto [i, stride] : llvm::enumerate(strides))
      if (ShapedType::isDynamic(stride))
        captured.passed.push_back(parts.getStrides()[i]);
  }

  /// A parallel loop and the function that is to run it.
  struct Task {
    scf::ForallOp forall;
    Captured captured;
    func::FuncOp function;            ///< of what is captured, the constants, the number of the task and of the thread
    SmallVector<TypedAttr> constants; ///< that the function uses, use by use
  };

  /// The body of the loop as a function.
  Task makeTask(scf::ForallOp forall) {
    auto b = ImplicitLocOpBuilder(forall.getLoc(), forall);
    Task task{forall, capture(b, forall), {}, {}};
    const Captured &captured = task.captured;
    SmallVector<Type> argumentTypes = llvm::map_to_vector(captured.passed, [](Value value) { return value.getType(); });
    argumentTypes.append({b.getIndexType(), b.getI32Type()});
    b.setInsertionPointToEnd(getOperation().getBody());
    task.function = func::FuncOp::create(b, "task", b.getFunctionType(argumentTypes, {}));
    task.function.setPrivate();
    task.function->setAttr("llvm.bareptr", b.getUnitAttr());
    Block *body = task.function.addEntryBlock();
    b.setInsertionPointToStart(body);
    IRMapping mapping;
    for (Operation *constant : captured.constants)
      b.clone(*constant, mapping);
    unsigned argument = 0;
    SmallVector<std::pair<Value, MemRefType>> hidden;
    for (Value value : captured.values) {
      if (mapping.contains(value))
        continue;
      if (!isa<MemRefType>(value.getType())) {
        mapping.map(value, body->getArgument(argument++));
        continue;
      }
      mapping.map(value, makeMemRef(b, task.function, value, captured, argument));
      hidden.emplace_back(mapping.lookup(value), cast<MemRefType>(value.getType()));
    }
    mapping.map(forall.getInductionVar(0), body->getArgument(argument));
    for (Operation &op : forall.getBody()->without_terminator())
      b.clone(op, mapping);
    func::ReturnOp::create(b);
    for (auto [memref, original] : hidden)
      if (memref.getType() != original)
        updateViews(memref, original);
    for (auto [original, isThread] : captured.slots) {
      auto slot = mapping.lookup(original.getSlot()).getDefiningOp<onnxc::kernel::SlotOp>();
      b.setInsertionPoint(slot);
      Value worker = arith::IndexCastOp::create(b, b.getIndexType(), body->getArgument(argument + 1));
      slot.replaceAllUsesWith(arith::SelectOp::create(b, mapping.lookup(isThread), worker, slot.getTask()).getResult());
      slot.erase();
    }
    passConstants(task);
    return task;
  }

  /// A captured memref inside of the task, made of the arguments from number `argument` on, which is counted up.
  static Value makeMemRef(ImplicitLocOpBuilder &b, func::FuncOp task, Value value, const Captured &captured,
                          unsigned &argument) {
    auto type = onnxc::cpu::hideOffset(cast<MemRefType>(value.getType()));
    if (captured.users.lookup(getBuffer(value)) == 1)
      task.setArgAttr(argument, "llvm.noalias", b.getUnitAttr());
    Value base = task.getArgument(argument++);
    auto [strides, offset] = type.getStridesAndOffset();
    auto part = [&](int64_t number) -> OpFoldResult {
      if (ShapedType::isDynamic(number))
        return task.getArgument(argument++);
      return b.getIndexAttr(number);
    };
    OpFoldResult mixedOffset = part(offset);
    auto mixedSizes = llvm::map_to_vector(type.getShape(), part);
    auto mixedStrides = llvm::map_to_vector(strides, part);
    return memref::ReinterpretCastOp::create(b, type, base, mixedOffset, mixedSizes, mixedStrides);
  }

  /// The views into `memref`, whose offset is no longer in its type, get the types that follow. Who wants a type of its
  /// own gets the original one.
  static void updateViews(Value memref, MemRefType original) {
    Value restored;
    for (OpOperand &use : llvm::make_early_inc_range(memref.getUses())) {
      Operation *user = use.getOwner();
      MemRefType result = onnxc::cpu::inferViewType(user, cast<MemRefType>(memref.getType()));
      if (result) {
        Value view = user->getResult(0);
        auto before = cast<MemRefType>(view.getType());
        view.setType(result);
        if (result != before)
          updateViews(view, before);
        continue;
      }
      bool takesAny =
          isa<memref::CastOp, memref::ReinterpretCastOp, memref::ExtractStridedMetadataOp>(user) ||
          (!isa<CallOpInterface, RegionBranchOpInterface>(user) && !user->hasTrait<OpTrait::IsTerminator>() &&
           llvm::none_of(user->getResultTypes(), llvm::IsaPred<MemRefType>));
      if (takesAny)
        continue;
      if (!restored) {
        OpBuilder b(user->getContext());
        b.setInsertionPointAfterValue(memref);
        restored = memref::CastOp::create(b, user->getLoc(), original, memref);
      }
      use.set(restored);
    }
  }

  /// Makes the numbers that a task uses arguments, before the last two: tasks that differ in them only are then equal.
  static void passConstants(Task &task) {
    SmallVector<OpOperand *> uses;
    SmallVector<arith::ConstantOp> constants;
    task.function.walk([&](Operation *op) {
      if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && !isa<ShapedType>(constant.getType()))
        constants.push_back(constant);
      for (OpOperand &operand : op->getOpOperands())
        if (auto constant = operand.get().getDefiningOp<arith::ConstantOp>();
            constant && !isa<ShapedType>(constant.getType()))
          uses.push_back(&operand);
    });
    unsigned first = task.captured.passed.size();
    SmallVector<unsigned> positions(uses.size(), first);
    SmallVector<Type> types;
    SmallVector<Location> locations;
    for (OpOperand *use : uses) {
      task.constants.push_back(use->get().getDefiningOp<arith::ConstantOp>().getValue());
      types.push_back(use->get().getType());
      locations.push_back(task.function.getLoc());
    }
    (void)task.function.insertArguments(positions, types, SmallVector<DictionaryAttr>(uses.size()), locations);
    for (auto [i, use] : llvm::enumerate(uses))
      use->set(task.function.getArgument(first + i));
    for (arith::ConstantOp constant : constants)
      constant.erase();
  }

  static llvm::hash_code hash(func::FuncOp function) {
    llvm::hash_code code = llvm::hash_combine(function.getFunctionType(), function.getArgAttrsAttr());
    function.getBody().walk([&](Operation *op) {
      code = llvm::hash_combine(code, OperationEquivalence::computeHash(op, OperationEquivalence::ignoreHashValue,
                                                                        OperationEquivalence::ignoreHashValue,
                                                                        OperationEquivalence::IgnoreLocations));
    });
    return code;
  }

  /// Whether two tasks do the same but for their constants.
  static bool areAlike(func::FuncOp a, func::FuncOp b) {
    return a.getFunctionType() == b.getFunctionType() && a.getArgAttrsAttr() == b.getArgAttrsAttr() &&
           OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                      OperationEquivalence::IgnoreLocations);
  }

  /// Which tasks get one function: those that are equal, and those that are equal but for constants, if they are many.
  /// LLVM makes better code with known numbers, but not of hundreds of functions.
  SmallVector<SmallVector<unsigned>> group(ArrayRef<Task> made) {
    SmallVector<SmallVector<unsigned>> alike, result;
    llvm::DenseMap<size_t, SmallVector<unsigned>> known;
    for (unsigned i = 0; i < made.size(); ++i) {
      SmallVector<unsigned> &candidates = known[hash(made[i].function)];
      auto *at = llvm::find_if(
          candidates, [&](unsigned group) { return areAlike(made[alike[group].front()].function, made[i].function); });
      if (at != candidates.end()) {
        alike[*at].push_back(i);
        continue;
      }
      candidates.push_back(alike.size());
      alike.push_back({i});
    }
    for (SmallVector<unsigned> &group : alike) {
      llvm::MapVector<Attribute, SmallVector<unsigned>> variants;
      for (unsigned i : group)
        variants[constantsOf(made[i].constants)].push_back(i);
      if (variants.size() > kMostVariants) {
        result.push_back(std::move(group));
        continue;
      }
      for (auto &variant : variants)
        result.push_back(std::move(variant.second));
    }
    return result;
  }

  ArrayAttr constantsOf(ArrayRef<TypedAttr> constants) {
    SmallVector<Attribute> plain(constants.begin(), constants.end());
    return ArrayAttr::get(&getContext(), plain);
  }

  /// Leaves one function for the tasks `equal`. The constants that are the same for all go into it, the others become
  /// captured values.
  void share(MutableArrayRef<Task> made, ArrayRef<unsigned> equal) {
    Task &first = made[equal.front()];
    func::FuncOp function = first.function;
    function.setName(("task_" + Twine(taskCount++)).str());
    unsigned start = first.captured.passed.size();
    BitVector gone(function.getNumArguments());
    auto b = ImplicitLocOpBuilder::atBlockBegin(function.getLoc(), &function.getBody().front());
    DenseMap<Attribute, Value> known, passed;
    for (unsigned k = 0; k < first.constants.size(); ++k) {
      Value argument = function.getArgument(start + k);
      SmallVector<Attribute> column =
          llvm::map_to_vector(equal, [&](unsigned i) -> Attribute { return made[i].constants[k]; });
      bool isSame = llvm::all_equal(column);
      Attribute key = isSame ? column.front() : ArrayAttr::get(&getContext(), column);
      Value &value = (isSame ? known : passed)[key];
      if (!value && isSame)
        value = arith::ConstantOp::create(b, first.constants[k]);
      if (!value) {
        value = argument;
        for (unsigned i : equal) {
          OpBuilder before(made[i].forall);
          made[i].captured.passed.push_back(
              arith::ConstantOp::create(before, made[i].forall.getLoc(), made[i].constants[k]));
        }
        continue;
      }
      argument.replaceAllUsesWith(value);
      gone.set(start + k);
    }
    (void)function.eraseArguments(gone);
    for (unsigned i : equal.drop_front()) {
      made[i].function.erase();
      made[i].function = function;
    }
  }

  /// Fills the context and hands the entry of the task to the threads, in the place of the loop. Returns the size of
  /// the context. The entry is made for the first of equal tasks.
  uint64_t dispatch(Task &task, LLVM::LLVMFuncOp &entry) {
    auto b = ImplicitLocOpBuilder(task.forall.getLoc(), task.forall);
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    ArrayRef<Value> passed = task.captured.passed;
    SmallVector<Type> fieldTypes;
    for (Value value : passed)
      fieldTypes.push_back(isa<MemRefType>(value.getType()) ? pointer : types->convertType(value.getType()));
    auto contextType = LLVM::LLVMStructType::getLiteral(&getContext(), fieldTypes);
    if (!entry)
      entry = makeEntry(task.function, passed, fieldTypes, contextType);
    for (auto [i, value] : llvm::enumerate(passed)) {
      Value field;
      if (auto type = dyn_cast<MemRefType>(value.getType()))
        field = MemRefDescriptor(toLLVM(b, value, types->convertType(type))).alignedPtr(b, b.getLoc());
      else
        field = toLLVM(b, value, fieldTypes[i]);
      Value address = LLVM::GEPOp::create(b, pointer, contextType, contextMemory,
                                          ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
      LLVM::StoreOp::create(b, field, address);
    }
    Value count = getValueOrCreateConstantIndexOp(b, b.getLoc(), task.forall.getMixedUpperBound()[0]);
    Value function = LLVM::AddressOfOp::create(b, entry);
    func::CallOp::create(b, parallel, ValueRange{pool, threads, count, function, contextMemory});
    task.forall.erase();
    for (Value memref : task.captured.memrefs)
      if (auto metadata = task.captured.metadata[memref]; metadata->use_empty())
        metadata.erase();
    return DataLayout(getOperation()).getTypeSize(contextType).getFixedValue();
  }

  /// (context, i, worker), as runtime/include/onnxc/abi.h has it: calls the task with what the context contains.
  LLVM::LLVMFuncOp makeEntry(func::FuncOp task, ArrayRef<Value> passed, ArrayRef<Type> fieldTypes, Type contextType) {
    auto b = ImplicitLocOpBuilder::atBlockEnd(task.getLoc(), getOperation().getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto entryType =
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()), {pointer, b.getI64Type(), b.getI32Type()});
    auto entry = LLVM::LLVMFuncOp::create(b, (task.getName() + "_entry").str(), entryType, LLVM::Linkage::Internal);
    Block *entryBody = entry.addEntryBlock(b);
    b.setInsertionPointToStart(entryBody);
    SmallVector<Value> arguments;
    for (auto [i, value] : llvm::enumerate(passed)) {
      Value address = LLVM::GEPOp::create(b, pointer, contextType, entryBody->getArgument(0),
                                          ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
      Value field = LLVM::LoadOp::create(b, fieldTypes[i], address);
      if (auto type = dyn_cast<MemRefType>(value.getType()))
        field = MemRefDescriptor::fromStaticShape(b, b.getLoc(), *types, type, field);
      arguments.push_back(toBuiltin(b, field, value.getType()));
    }
    arguments.push_back(toBuiltin(b, entryBody->getArgument(1), b.getIndexType()));
    arguments.push_back(entryBody->getArgument(2));
    func::CallOp::create(b, task, arguments);
    LLVM::ReturnOp::create(b, ValueRange{});
    return entry;
  }

  static Value toLLVM(ImplicitLocOpBuilder &b, Value value, Type type) {
    return value.getType() == type ? value : UnrealizedConversionCastOp::create(b, type, value).getResult(0);
  }
  static Value toBuiltin(ImplicitLocOpBuilder &b, Value value, Type type) { return toLLVM(b, value, type); }

  LLVMTypeConverter *types = nullptr;
  Value pool, threads;
  LLVM::AllocaOp contextMemory;
  func::FuncOp parallel;
  unsigned taskCount = 0; ///< task functions so far
};
} // namespace
