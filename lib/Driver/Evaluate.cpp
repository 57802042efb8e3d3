//===- lib/Driver/Evaluate.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles a module without inputs for this machine, runs it here and gives back its results: constant folding without
// a folding rule for any operator.
#include "dialects/onnx/support/Lowering.h"
#include "dialects/rt/RtDialect.h"
#include "lib/Driver/Pipeline.h"
#include "lib/Emit/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "onnxc/abi.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Alignment.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include <memory>

using namespace mlir;
using namespace onnxc;

/// Optimising would take longer than it saves: the code runs once.
static constexpr int kOptLevel = 1;
/// Results above this size stay outside the IR.
static constexpr size_t kMaxInline = 1024;

namespace {
struct Tensor {
  RankedTensorType type;
  SmallVector<int64_t> dims;
  AsmResourceBlob blob;

  MutableArrayRef<char> bytes() { return blob.getMutableData(); }
};
} // namespace

static Tensor allocate(RankedTensorType type) {
  size_t size = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  return {type, llvm::to_vector(type.getShape()), HeapAsmResourceBlob::allocate(size, 64)};
}

static ElementsAttr makeAttribute(Tensor &tensor) {
  MutableArrayRef<char> bytes = tensor.bytes();
  if (tensor.type.getElementType().isInteger(1)) {
    SmallVector<bool> values(bytes.begin(), bytes.end());
    return DenseElementsAttr::get(tensor.type, values);
  }
  if (bytes.size() <= kMaxInline)
    return DenseElementsAttr::getFromRawBuffer(tensor.type, bytes);
  return DenseResourceElementsAttr::get(tensor.type, "folded", std::move(tensor.blob));
}

/// What an operation on one number counts as, and one of mathematical functions, which are dozens.
static constexpr uint64_t kStep = 1, kFunction = 16;
/// The same of a C function for every element that it reads or writes: it may sort them.
static constexpr uint64_t kCall = 64;

static uint64_t countElements(TypeRange types) {
  uint64_t count = 0;
  for (Type type : types)
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      count = !tensor.hasStaticShape() ? std::numeric_limits<uint64_t>::max()
                                       : llvm::SaturatingAdd<uint64_t>(count, tensor.getNumElements());
  return count;
}

/// How often the body of a loop runs; as often as can be where only the run knows.
static uint64_t countRounds(Operation *op) {
  uint64_t rounds = 1;
  auto multiply = [&](int64_t by) {
    rounds = ShapedType::isDynamic(by) ? std::numeric_limits<uint64_t>::max()
                                       : llvm::SaturatingMultiply(rounds, static_cast<uint64_t>(by));
  };
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    llvm::for_each(structured.getStaticLoopRanges(), multiply);
  else if (isa<tensor::GenerateOp, tensor::PadOp>(op))
    return countElements(op->getResultTypes());
  else if (auto loop = dyn_cast<LoopLikeOpInterface>(op)) {
    auto count = loop.getStaticTripCount();
    rounds = count ? count->getZExtValue() : std::numeric_limits<uint64_t>::max();
  }
  return rounds;
}

/// Adds the work of `op`, which runs `rounds` times, to that of the line where it is.
static void addWork(Operation *op, uint64_t rounds, SmallVectorImpl<uint64_t> &work) {
  auto place = op->getLoc()->findInstanceOf<FileLineColLoc>();
  size_t line = place ? place.getLine() : 0;
  uint64_t cost = isa<math::MathDialect>(op->getDialect()) ? kFunction
                  : isa<rt::CallOp>(op)
                      ? llvm::SaturatingMultiply(kCall, llvm::SaturatingAdd(countElements(op->getOperandTypes()),
                                                                            countElements(op->getResultTypes())))
                  : isa<tensor::InsertSliceOp, tensor::ConcatOp>(op) ? countElements(op->getOperandTypes().front())
                                                                     : kStep;
  if (line >= work.size())
    work.resize(line + 1);
  work[line] = llvm::SaturatingMultiplyAdd(cost, rounds, work[line]);
  if (op->getNumRegions() == 0)
    return;
  uint64_t inside = llvm::SaturatingMultiply(rounds, countRounds(op));
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Operation &inner : block)
        addWork(&inner, inside, work);
}

static llvm::FailureOr<Evaluation> evaluate(ModuleOp module, uint64_t allowedWork) {
  ScopedDiagnosticHandler quiet(module.getContext(), [](Diagnostic &) { return success(); });
  auto failed = [](llvm::Error error) {
    llvm::consumeError(std::move(error));
    return failure();
  };

  std::vector<Tensor> results;
  for (Type type : module.lookupSymbol<func::FuncOp>("main").getResultTypes()) {
    auto lowered = onnx::LoweringBuilder::loweredType(type);
    if (!lowered.hasStaticShape())
      return failure();
    results.push_back(allocate(lowered));
  }
  auto spec = resolveTarget("", "");
  if (!spec)
    return failed(spec.takeError());
  auto machine = createTargetMachine(*spec, kOptLevel);
  if (!machine)
    return failed(machine.takeError());

  CollectedWeights weights;
  PipelineOptions options;
  options.optLevel = 0;
  options.checkpoints = false;
  options.machine = machine->get();
  options.weights = &weights;
  PassManager lower(module.getContext()), codegen(module.getContext());
  addLowerPasses(lower, options);
  if (mlir::failed(lower.run(module)))
    return failure();
  Evaluation evaluation;
  for (Operation &op : module.lookupSymbol<func::FuncOp>("main").front())
    addWork(&op, 1, evaluation.work);
  uint64_t total = 0;
  for (uint64_t work : evaluation.work)
    total = llvm::SaturatingAdd(total, work);
  if (total > allowedWork)
    return evaluation;
  addCodegenPasses(codegen, options);
  if (mlir::failed(codegen.run(module)))
    return failure();

  // As it would be in a file: with the functions that it calls, of runtime/library and runtime/support.
  llvm::LLVMContext context;
  auto code = translateModuleToLLVMIR(module, context, "constants");
  if (!code)
    return failure();
  setTarget(*code, **machine);
  auto object = compileModule(*code, **machine, kOptLevel, llvm::CodeGenFileType::ObjectFile);
  if (!object)
    return failed(object.takeError());
  auto support = emitSupport(*object, **machine);
  if (!support)
    return failed(support.takeError());
  auto jit = llvm::orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(llvm::orc::JITTargetMachineBuilder((*machine)->getTargetTriple()))
                 .create();
  if (!jit)
    return failed(jit.takeError());
  for (auto *made : {&*object, &*support})
    if (!made->empty())
      if (llvm::Error error = (*jit)->addObjectFile(
              std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(*made), /*RequiresNullTerminator=*/false)))
        return failed(std::move(error));
  auto plan = (*jit)->lookup("onnxc_plan"), run = (*jit)->lookup("onnxc_run");
  if (!plan || !run) {
    if (!plan)
      llvm::consumeError(plan.takeError());
    if (!run)
      llvm::consumeError(run.takeError());
    return failure();
  }

  auto weightBytes = HeapAsmResourceBlob::allocate(weights.blob.size(), 64);
  weights.blob.copyTo(weightBytes.getMutableData());
  std::vector<onnxc_tensor> outputs;
  for (Tensor &result : results)
    outputs.push_back({result.bytes().data(), result.dims.data()});
  onnxc_call call = {};
  call.struct_size = sizeof call;
  call.outputs = outputs.data();
  call.weights = weightBytes.getData().data();
  using Function = int32_t (*)(onnxc_call *);
  if (plan->toPtr<Function>()(&call) != ONNXC_OK)
    return failure();
  auto workspace = HeapAsmResourceBlob::allocate(call.workspace_size, 64);
  call.workspace = workspace.getMutableData().data();
  if (run->toPtr<Function>()(&call) != ONNXC_OK)
    return failure();
  evaluation.values = llvm::map_to_vector(results, makeAttribute);
  return evaluation;
}

Evaluator onnxc::createEvaluator(uint64_t fileBytes) { return {evaluate, std::make_shared<FoldBudget>(fileBytes)}; }
