//===- lib/Codegen/CPU/LowerRunTime.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory that plan-memory could not plan, and the rt dialect, become calls of the functions of runtime/library.
#include "dialects/rt/RtDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "onnxc/abi.h"

namespace onnxc {
#define GEN_PASS_DEF_LOWERRUNTIME
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

namespace {
struct LowerRunTime : onnxc::impl::LowerRunTimeBase<LowerRunTime> {
  void runOnOperation() override {
    module = getOperation();
    main = module.lookupSymbol<func::FuncOp>("main");
    if (!main)
      return;
    SmallVector<Operation *> work;
    bool needsHeap = false;
    module.walk([&](Operation *op) {
      auto call = dyn_cast<onnxc::rt::CallOp>(op);
      if (call && call.getHeapless()) {
        work.push_back(op); // maybe of a task, or the plan
      } else if (main->isAncestor(op) &&
                 isa<memref::AllocOp, memref::DeallocOp, onnxc::rt::CallOp, onnxc::rt::SetOutputOp, onnxc::rt::TextOp>(
                     op)) {
        work.push_back(op);
        needsHeap = true;
      }
    });
    if (work.empty())
      return;
    pointer = LLVM::LLVMPointerType::get(&getContext());
    i64 = IntegerType::get(&getContext(), 64);
    i32 = IntegerType::get(&getContext(), 32);
    LLVMTypeConverter converter(&getContext());
    types = &converter;
    if (needsHeap) {
      Block &entry = main.front();
      heap = entry.addArgument(pointer, main.getLoc());
      main.setType(FunctionType::get(&getContext(), entry.getArgumentTypes(), main.getResultTypes()));
      main->setAttr("onnxc.heap", UnitAttr::get(&getContext()));
    }
    for (Operation *op : work) {
      ImplicitLocOpBuilder b(op->getLoc(), op);
      if (auto alloc = dyn_cast<memref::AllocOp>(op))
        lower(b, alloc);
      else if (auto dealloc = dyn_cast<memref::DeallocOp>(op))
        lower(b, dealloc);
      else if (auto call = dyn_cast<onnxc::rt::CallOp>(op))
        lower(b, call);
      else if (auto output = dyn_cast<onnxc::rt::SetOutputOp>(op))
        lower(b, output);
      else
        lower(b, cast<onnxc::rt::TextOp>(op));
      op->erase();
    }
  }

private:
  Value constant(ImplicitLocOpBuilder &b, int64_t value) { return LLVM::ConstantOp::create(b, i64, value); }
  Value constant32(ImplicitLocOpBuilder &b, int64_t value) { return LLVM::ConstantOp::create(b, i32, value); }
  Value asInt(ImplicitLocOpBuilder &b, Value index) { return arith::IndexCastOp::create(b, i64, index); }

  Value at(ImplicitLocOpBuilder &b, Value base, int64_t offset) {
    return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
  }
  void store(ImplicitLocOpBuilder &b, Value value, Value base, int64_t offset) {
    LLVM::StoreOp::create(b, value, at(b, base, offset));
  }
  Value load(ImplicitLocOpBuilder &b, Type type, Value base, int64_t offset) {
    return LLVM::LoadOp::create(b, type, at(b, base, offset));
  }

  /// Stack memory of the run: not in a loop.
  Value stack(ImplicitLocOpBuilder &b, int64_t bytes) {
    auto function = b.getInsertionBlock()->getParentOp();
    if (!isa<func::FuncOp>(function))
      function = function->getParentOfType<func::FuncOp>();
    auto top = ImplicitLocOpBuilder::atBlockBegin(b.getLoc(), &cast<func::FuncOp>(function).front());
    return LLVM::AllocaOp::create(top, pointer, top.getI8Type(),
                                  LLVM::ConstantOp::create(top, i64, std::max<int64_t>(bytes, 8)), 16);
  }

  func::FuncOp function(StringRef name, TypeRange inputs, TypeRange results) {
    if (auto known = module.lookupSymbol<func::FuncOp>(name))
      return known;
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    auto made = func::FuncOp::create(b, main.getLoc(), name, b.getFunctionType(inputs, results));
    made.setPrivate();
    return made;
  }

  Value dataOf(ImplicitLocOpBuilder &b, Value memref) {
    Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, memref);
    Value data = LLVM::IntToPtrOp::create(b, pointer, asInt(b, address));
    auto type = cast<MemRefType>(memref.getType());
    if (type.getLayout().isIdentity())
      return data;
    auto view = memref::ExtractStridedMetadataOp::create(b, memref);
    Value offset = LLVM::MulOp::create(b, asInt(b, view.getOffset()), constant(b, bytesOf(type)));
    return LLVM::GEPOp::create(b, pointer, b.getI8Type(), data, LLVM::GEPArg(offset));
  }

  /// Stores the sizes of `memref` on the stack.
  Value dimsOf(ImplicitLocOpBuilder &b, Value memref) {
    int64_t rank = cast<MemRefType>(memref.getType()).getRank();
    Value dims = stack(b, rank * 8);
    for (int64_t i = 0; i < rank; ++i)
      store(b, asInt(b, memref::DimOp::create(b, memref, i)), dims, i * 8);
    return dims;
  }

  static int64_t bytesOf(MemRefType type) { return llvm::divideCeil(getBitWidth(type.getElementType()), 8); }
  static int64_t getBitWidth(Type type) {
    if (auto complex = dyn_cast<ComplexType>(type))
      return 2 * getBitWidth(complex.getElementType());
    return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  }

  /// A dense memref at `data` with the sizes that `size(i)` gives.
  Value view(ImplicitLocOpBuilder &b, MemRefType type, Value data, llvm::function_ref<Value(int64_t)> size) {
    MemRefDescriptor memref = MemRefDescriptor::poison(b, b.getLoc(), types->convertType(type));
    memref.setAllocatedPtr(b, b.getLoc(), data);
    memref.setAlignedPtr(b, b.getLoc(), data);
    memref.setConstantOffset(b, b.getLoc(), 0);
    Value stride = constant(b, 1);
    for (int64_t i = type.getRank(); i-- > 0;) {
      Value extent = type.isDynamicDim(i) ? size(i) : constant(b, type.getDimSize(i));
      memref.setSize(b, b.getLoc(), i, extent);
      memref.setStride(b, b.getLoc(), i, stride);
      stride = LLVM::MulOp::create(b, stride, extent);
    }
    return UnrealizedConversionCastOp::create(b, type, Value(memref)).getResult(0);
  }

  void lower(ImplicitLocOpBuilder &b, memref::AllocOp alloc) {
    MemRefType type = alloc.getType();
    Value dims = stack(b, type.getRank() * 8);
    SmallVector<Value> sizes;
    for (int64_t i = 0, next = 0; i < type.getRank(); ++i) {
      sizes.push_back(type.isDynamicDim(i) ? asInt(b, alloc.getDynamicSizes()[next++])
                                           : constant(b, type.getDimSize(i)));
      store(b, sizes.back(), dims, i * 8);
    }
    auto buffer = function("onnxc_heap_buffer", {pointer, i32, i64, i64, pointer}, pointer);
    Value data = func::CallOp::create(b, buffer,
                                      ValueRange{heap, constant32(b, alloc->hasAttr("onnxc.kept")),
                                                 constant(b, bytesOf(type)), constant(b, type.getRank()), dims})
                     .getResult(0);
    Value isThere = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, data, LLVM::ZeroOp::create(b, pointer));
    cf::AssertOp::create(b, isThere, "out of memory");
    alloc.replaceAllUsesWith(view(b, type, data, [&](int64_t i) { return sizes[i]; }));
  }

  void lower(ImplicitLocOpBuilder &b, memref::DeallocOp dealloc) {
    auto free = function("onnxc_heap_free", {pointer, pointer}, {});
    func::CallOp::create(b, free, ValueRange{heap, dataOf(b, dealloc.getMemref())});
  }

  void lower(ImplicitLocOpBuilder &b, onnxc::rt::SetOutputOp op) {
    int64_t rank = cast<MemRefType>(op.getValue().getType()).getRank();
    auto output = function("onnxc_heap_output", {pointer, i64, pointer, i64, pointer}, {});
    func::CallOp::create(b, output,
                         ValueRange{heap, constant(b, op.getIndex()), dataOf(b, op.getValue()), constant(b, rank),
                                    dimsOf(b, op.getValue())});
  }

  void lower(ImplicitLocOpBuilder &b, onnxc::rt::TextOp op) {
    OpBuilder atEnd = OpBuilder::atBlockEnd(module.getBody());
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), op.getValue().size());
    auto global = LLVM::GlobalOp::create(atEnd, op.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal,
                                         "onnxc_text_" + std::to_string(texts++), op.getValueAttr());
    op.replaceAllUsesWith(LLVM::PtrToIntOp::create(b, i64, LLVM::AddressOfOp::create(b, global)).getResult());
  }

  void lower(ImplicitLocOpBuilder &b, onnxc::rt::CallOp op) {
    size_t inputs = op.getInputs().size(), given = inputs + op.getOuts().size(), all = given + op.getNumResults();
    constexpr int64_t kSize = sizeof(onnxc_value);
    Value values = stack(b, all * kSize), list = stack(b, inputs * 8);
    auto describe = [&](size_t i, int64_t kind, int64_t count, Value dims, Value data) {
      Value value = at(b, values, i * kSize);
      store(b, constant32(b, kind), value, offsetof(onnxc_value, kind));
      store(b, constant32(b, op.getTypes()[i]), value, offsetof(onnxc_value, type));
      store(b, constant(b, count), value, offsetof(onnxc_value, count));
      store(b, dims, value, offsetof(onnxc_value, dims));
      store(b, data, value, offsetof(onnxc_value, data));
      store(b, LLVM::ZeroOp::create(b, pointer), value, offsetof(onnxc_value, items));
    };
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      if (auto type = dyn_cast<MemRefType>(operand.getType())) {
        describe(i, ONNXC_KIND_TENSOR, type.getRank(), dimsOf(b, operand), dataOf(b, operand));
        if (i < inputs)
          store(b, at(b, values, i * kSize), list, i * 8);
      } else {
        store(b, LLVM::IntToPtrOp::create(b, pointer, operand), list, i * 8);
      }
    }
    Value null = LLVM::ZeroOp::create(b, pointer);
    for (auto [i, result] : llvm::enumerate(op.getResults())) {
      auto type = dyn_cast<MemRefType>(result.getType());
      if (!type) {
        describe(given + i, ONNXC_KIND_NONE, 0, null, null);
        continue;
      }
      Value dims = stack(b, type.getRank() * 8);
      for (auto [axis, size] : llvm::enumerate(type.getShape()))
        store(b, constant(b, ShapedType::isDynamic(size) ? -1 : size), dims, axis * 8);
      describe(given + i, ONNXC_KIND_TENSOR, type.getRank(), dims, null);
    }
    auto callee = function(op.getCallee(), {pointer, pointer, pointer}, i32);
    Value outs = at(b, values, inputs * kSize);
    Value memory = op.getHeapless() ? null : heap;
    Value status = func::CallOp::create(b, callee, ValueRange{memory, list, outs}).getResult(0);
    if (op.getHeapless())
      return;
    for (auto [i, failure] : llvm::enumerate(op.getFailures().getAsValueRange<StringAttr>())) {
      Value holds = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, status, constant32(b, i + 1));
      cf::AssertOp::create(b, holds, b.getStringAttr(failure));
    }
    Value holds = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, status, constant32(b, 0));
    cf::AssertOp::create(b, holds, "out of memory");
    for (auto [i, result] : llvm::enumerate(op.getResults())) {
      Value value = at(b, values, (given + i) * kSize);
      Value data = load(b, pointer, value, offsetof(onnxc_value, data));
      if (auto type = dyn_cast<MemRefType>(result.getType())) {
        Value dims = load(b, pointer, value, offsetof(onnxc_value, dims));
        result.replaceAllUsesWith(view(b, type, data, [&](int64_t axis) { return load(b, i64, dims, axis * 8); }));
      } else {
        result.replaceAllUsesWith(LLVM::PtrToIntOp::create(b, i64, data).getResult());
      }
    }
  }

  ModuleOp module;
  func::FuncOp main;
  Value heap;
  Type i64, i32;
  LLVM::LLVMPointerType pointer;
  LLVMTypeConverter *types = nullptr;
  unsigned texts = 0;
};
} // namespace
