//===- lib/Codegen/CPU/LowerEntry.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gives @main and @plan the one signature that a program calls: int32_t (onnxc_call *). The offsets below are those of
// runtime/include/onnxc/abi.h, whose static asserts hold for this file, too.
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "onnxc/abi.h"

namespace onnxc {
#define GEN_PASS_DEF_LOWERENTRY
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
/// Reads and writes an onnxc_call.
class CallAccess {
public:
  CallAccess(ImplicitLocOpBuilder &b, LLVMTypeConverter &types, Value call)
      : b(b), types(types), call(call), pointer(LLVM::LLVMPointerType::get(b.getContext())) {}

  Value at(Value base, int64_t offset) {
    return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
  }
  Value at(Value base, Value offset) { return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, offset); }
  Value loadPointer(Value base, int64_t offset) { return LLVM::LoadOp::create(b, pointer, at(base, offset)); }
  Value loadInt(Value base, int64_t offset) { return LLVM::LoadOp::create(b, b.getI64Type(), at(base, offset)); }
  Value integer(int64_t value) { return LLVM::ConstantOp::create(b, b.getI64Type(), value); }

  Value pool() { return loadPointer(call, offsetof(onnxc_call, pool)); }
  Value weights() { return loadPointer(call, offsetof(onnxc_call, weights)); }
  Value inputs() { return loadPointer(call, offsetof(onnxc_call, inputs)); }
  Value outputs() { return loadPointer(call, offsetof(onnxc_call, outputs)); }
  Value dims(Value tensors, unsigned i) {
    return loadPointer(tensors, i * sizeof(onnxc_tensor) + offsetof(onnxc_tensor, dims));
  }

  /// Tensor `i` as a memref. In @plan only some inputs have data: those that sizes depend on.
  Value tensor(Value tensors, unsigned i, MemRefType type) {
    Value data = loadPointer(tensors, i * sizeof(onnxc_tensor) + offsetof(onnxc_tensor, data));
    SmallVector<Value> sizes;
    Value sizesAt = type.hasStaticShape() ? Value() : dims(tensors, i);
    for (auto [axis, size] : llvm::enumerate(type.getShape()))
      sizes.push_back(ShapedType::isDynamic(size) ? loadInt(sizesAt, axis * sizeof(int64_t)) : integer(size));
    return view(data, type, sizes);
  }

  /// Input `i`: a tensor, or a handle (dialects/rt).
  Value input(Value tensors, unsigned i, Type type) {
    if (auto memref = dyn_cast<MemRefType>(type))
      return tensor(tensors, i, memref);
    Value data = loadPointer(tensors, i * sizeof(onnxc_tensor) + offsetof(onnxc_tensor, data));
    return LLVM::PtrToIntOp::create(b, b.getI64Type(), data);
  }

  /// The place of the handle that output `i` is.
  Value handle(Value tensors, unsigned i, MemRefType type) {
    return view(at(tensors, i * sizeof(onnxc_tensor) + offsetof(onnxc_tensor, data)), type, {});
  }

  /// Rank `number` in the list of those that the caller wants to know, or memory of no interest where it doesn't.
  Value rank(unsigned number, MemRefType type) {
    Value callSize = LLVM::LoadOp::create(b, b.getI32Type(), at(call, offsetof(onnxc_call, struct_size)));
    Value isThere = LLVM::ICmpOp::create(
        b, LLVM::ICmpPredicate::ugt, callSize,
        LLVM::ConstantOp::create(b, b.getI32Type(), static_cast<int32_t>(offsetof(onnxc_call, ranks))));
    Value nowhere = LLVM::AllocaOp::create(b, pointer, pointer, integer(1));
    LLVM::StoreOp::create(b, LLVM::ZeroOp::create(b, pointer), nowhere);
    Value ranks = LLVM::LoadOp::create(
        b, pointer, LLVM::SelectOp::create(b, isThere, at(call, offsetof(onnxc_call, ranks)), nowhere));
    Value isWanted = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, ranks, LLVM::ZeroOp::create(b, pointer));
    return view(LLVM::SelectOp::create(b, isWanted, at(ranks, number * sizeof(int64_t)), nowhere), type, {});
  }

  /// A row-major memref of these sizes.
  Value view(Value data, MemRefType type, ArrayRef<Value> sizes) {
    MemRefDescriptor memref = MemRefDescriptor::poison(b, b.getLoc(), types.convertType(type));
    memref.setAllocatedPtr(b, b.getLoc(), data);
    memref.setAlignedPtr(b, b.getLoc(), data);
    memref.setConstantOffset(b, b.getLoc(), 0);
    Value stride;
    for (unsigned i = type.getRank(); i-- > 0;) {
      memref.setSize(b, b.getLoc(), i, sizes[i]);
      stride = stride ? stride : integer(1);
      memref.setStride(b, b.getLoc(), i, stride);
      stride = LLVM::MulOp::create(b, stride, sizes[i]);
    }
    return UnrealizedConversionCastOp::create(b, type, Value(memref)).getResult(0);
  }

private:
  ImplicitLocOpBuilder &b;
  LLVMTypeConverter &types;
  Value call;
  LLVM::LLVMPointerType pointer;
};

struct LowerEntry : onnxc::impl::LowerEntryBase<LowerEntry> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    auto plan = getOperation().lookupSymbol<func::FuncOp>("plan");
    if (!main || !plan)
      return;
    LLVMTypeConverter typeConverter(&getContext());
    types = &typeConverter;
    unsigned inputs = main->getAttrOfType<IntegerAttr>("onnxc.inputs").getInt();
    // After the outputs: workspace, pool and maybe the heap.
    auto outputTypes = main.getArgumentTypes().drop_front(inputs).drop_back(main->hasAttr("onnxc.heap") ? 3 : 2);
    SmallVector<MemRefType> outputs;
    for (auto [i, type] : llvm::enumerate(outputTypes)) {
      outputs.push_back(cast<MemRefType>(type));
      if (main.getArgAttr(inputs + i, "onnxc.handle"))
        handleOutputs.insert(i);
      if (main.getArgAttr(inputs + i, "onnx.rank_of"))
        firstRank = std::min(firstRank, static_cast<unsigned>(i));
    }
    lowerPlan(plan, outputs);
    hasHeap = main->hasAttr("onnxc.heap");
    lowerMain(main, inputs);
    if (hasHeap)
      addHeapEntries(main);
  }

private:
  /// Replaces the arguments of `function` by one, the call, and its results by a status; the builder is at the top.
  void changeSignature(func::FuncOp function, StringRef name,
                       llvm::function_ref<void(CallAccess &, Block &)> arguments) {
    Block &entry = function.front();
    auto b = ImplicitLocOpBuilder::atBlockBegin(function.getLoc(), &entry);
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    unsigned old = entry.getNumArguments();
    Value call = entry.addArgument(pointer, function.getLoc());
    CallAccess access(b, *types, call);
    arguments(access, entry);
    SmallVector<Type> signature{pointer};
    if (name == "onnxc_main") {
      entry.getArgument(old - 1).replaceAllUsesWith(entry.addArgument(pointer, function.getLoc()));
      signature.push_back(pointer);
    }
    entry.eraseArguments(0, old);
    auto ret = cast<func::ReturnOp>(entry.getTerminator());
    b.setInsertionPoint(ret);
    ret->setOperands({arith::ConstantIntOp::create(b, ONNXC_OK, 32)});
    function.removeArgAttrsAttr();
    function.setType(b.getFunctionType(signature, {b.getI32Type()}));
    function.setName(name);
  }

  void lowerMain(func::FuncOp main, unsigned inputs) {
    changeSignature(main, hasHeap ? "onnxc_main" : "onnxc_run", [&](CallAccess &access, Block &entry) {
      unsigned outputs = entry.getNumArguments() - inputs - (hasHeap ? 4 : 3); // workspace, pool, heap, call
      Value inputTensors = access.inputs(), outputTensors = access.outputs();
      for (unsigned i = 0; i < inputs + outputs; ++i) {
        BlockArgument argument = entry.getArgument(i);
        argument.replaceAllUsesWith(
            i < inputs                ? access.input(inputTensors, i, argument.getType())
            : i - inputs >= firstRank ? access.rank(i - inputs - firstRank, cast<MemRefType>(argument.getType()))
            : handleOutputs.contains(i - inputs)
                ? access.handle(outputTensors, i - inputs, cast<MemRefType>(argument.getType()))
                : access.tensor(outputTensors, i - inputs, cast<MemRefType>(argument.getType())));
      }
      Value call = entry.getArguments().back();
      Value workspace = entry.getArgument(inputs + outputs);
      Value size = access.loadInt(call, offsetof(onnxc_call, workspace_size));
      workspace.replaceAllUsesWith(access.view(access.loadPointer(call, offsetof(onnxc_call, workspace)),
                                               cast<MemRefType>(workspace.getType()), {size}));
      entry.getArgument(inputs + outputs + 1).replaceAllUsesWith(access.pool());
      lowerConstants(main, access);
    });
  }

  /// Constants are in the weights of the call, at the place that the weights blob gave them.
  void lowerConstants(func::FuncOp main, CallAccess &access) {
    Value weights;
    SymbolTable symbols(getOperation());
    DenseMap<Operation *, Value> views;
    main.walk([&](memref::GetGlobalOp get) {
      auto global = symbols.lookup<memref::GlobalOp>(get.getName());
      auto offset = global->getAttrOfType<IntegerAttr>("onnxc.offset");
      if (!offset)
        return;
      Value &view = views[global];
      if (!view) {
        if (!weights)
          weights = access.weights();
        auto type = cast<MemRefType>(get.getType());
        SmallVector<Value> sizes;
        for (int64_t size : type.getShape())
          sizes.push_back(access.integer(size));
        view = access.view(access.at(weights, access.integer(offset.getInt())), type, sizes);
      }
      get.replaceAllUsesWith(view);
      get.erase();
    });
    for (auto global : llvm::make_early_inc_range(getOperation().getOps<memref::GlobalOp>()))
      if (global->hasAttr("onnxc.offset"))
        global.erase();
  }

  void lowerPlan(func::FuncOp plan, ArrayRef<MemRefType> outputs) {
    changeSignature(plan, "onnxc_plan", [&](CallAccess &access, Block &entry) {
      Value call = entry.getArguments().back();
      Value inputTensors = access.inputs();
      for (unsigned i = 0; i + 1 < entry.getNumArguments(); ++i)
        entry.getArgument(i).replaceAllUsesWith(access.input(inputTensors, i, entry.getArgument(i).getType()));
      auto ret = cast<func::ReturnOp>(entry.getTerminator());
      ImplicitLocOpBuilder b(plan.getLoc(), ret);
      CallAccess atEnd(b, *types, call);
      auto asInt = [&](Value index) {
        return UnrealizedConversionCastOp::create(b, b.getI64Type(), index).getResult(0);
      };
      LLVM::StoreOp::create(b, asInt(ret.getOperand(0)), atEnd.at(call, offsetof(onnxc_call, workspace_size)));
      Value outputTensors = atEnd.outputs();
      unsigned next = 1;
      for (auto [i, type] : llvm::enumerate(outputs)) {
        if (type.getRank() == 0)
          continue;
        Value dims = atEnd.dims(outputTensors, i);
        for (auto [axis, size] : llvm::enumerate(type.getShape()))
          LLVM::StoreOp::create(b, ShapedType::isDynamic(size) ? asInt(ret.getOperand(next++)) : atEnd.integer(size),
                                atEnd.at(dims, axis * sizeof(int64_t)));
      }
    });
  }

  /// onnxc_run, which gives the body its heap, and onnxc_release.
  void addHeapEntries(func::FuncOp body) {
    auto b = ImplicitLocOpBuilder::atBlockEnd(body.getLoc(), getOperation().getBody());
    Type pointer = LLVM::LLVMPointerType::get(&getContext()), i32 = b.getI32Type();
    body.setPrivate();
    auto declare = [&](StringRef name, TypeRange inputs, TypeRange results) {
      auto function = func::FuncOp::create(b, name, b.getFunctionType(inputs, results));
      function.setPrivate();
      return function;
    };
    auto define = [&](StringRef name, TypeRange results, llvm::function_ref<SmallVector<Value>(Value call)> emit) {
      OpBuilder::InsertionGuard guard(b);
      auto function = func::FuncOp::create(b, name, b.getFunctionType(pointer, results));
      Block *entry = function.addEntryBlock();
      b.setInsertionPointToStart(entry);
      func::ReturnOp::create(b, emit(entry->getArgument(0)));
    };
    auto run = declare("onnxc_heap_run", {pointer, body.getFunctionType()}, i32);
    auto release = declare("onnxc_heap_release", pointer, {});
    define("onnxc_run", i32, [&](Value call) {
      Value function = func::ConstantOp::create(b, body.getFunctionType(), body.getName());
      return SmallVector<Value>{func::CallOp::create(b, run, ValueRange{call, function}).getResult(0)};
    });
    define("onnxc_release", {}, [&](Value call) {
      func::CallOp::create(b, release, ValueRange{call});
      return SmallVector<Value>{};
    });
  }

  LLVMTypeConverter *types = nullptr;
  bool hasHeap = false;
  llvm::SmallDenseSet<unsigned> handleOutputs; ///< those that aren't tensors
  unsigned firstRank = ~0u;                    ///< of the outputs that are ranks, which come last
};
} // namespace
