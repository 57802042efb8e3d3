//===- lib/Driver/Evaluate.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles a module without inputs for this machine, runs it here and gives back its results: constant folding without
// a folding rule for any operator.
#include "dialects/onnx/support/Lowering.h"
#include "lib/Driver/Pipeline.h"
#include "lib/Emit/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "onnxc/abi.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Alignment.h"
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

static llvm::FailureOr<SmallVector<ElementsAttr>> evaluate(ModuleOp module) {
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
  PassManager passes(module.getContext());
  addLowerPasses(passes, options);
  addCodegenPasses(passes, options);
  if (mlir::failed(passes.run(module)))
    return failure();

  auto context = std::make_unique<llvm::LLVMContext>();
  auto code = translateModuleToLLVMIR(module, *context, "constants");
  if (!code)
    return failure();
  setTarget(*code, **machine);
  optimize(*code, **machine, kOptLevel);
  auto jit = llvm::orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(llvm::orc::JITTargetMachineBuilder((*machine)->getTargetTriple())
                                                 .setCPU(spec->cpu)
                                                 .addFeatures(llvm::SubtargetFeatures(spec->features).getFeatures()))
                 .create();
  if (!jit)
    return failed(jit.takeError());
  if (llvm::Error error = (*jit)->addIRModule(llvm::orc::ThreadSafeModule(std::move(code), std::move(context))))
    return failed(std::move(error));
  auto plan = (*jit)->lookup("onnxc_plan"), run = (*jit)->lookup("onnxc_run");
  if (!plan || !run) {
    if (!plan)
      llvm::consumeError(plan.takeError());
    if (!run)
      llvm::consumeError(run.takeError());
    return failure();
  }

  auto weightBytes = HeapAsmResourceBlob::allocate(weights.blob.size, 64);
  for (const WeightsBlob::Piece &piece : weights.blob.pieces)
    llvm::copy(piece.bytes, weightBytes.getMutableData().begin() + piece.offset);
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
  return llvm::map_to_vector(results, makeAttribute);
}

Evaluator onnxc::createEvaluator() { return evaluate; }
