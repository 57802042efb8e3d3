//===- lib/Driver/Pipeline.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every phase of the compiler on one page.
#include "lib/Driver/Pipeline.h"
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/Common/Passes.h"
#include "lib/Emit/Target.h"
#include "lib/Lower/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/Regex.h"
#include <set>

using namespace mlir;
using namespace onnxc;

/// Blocks are left alone: structured code has none to merge, and those of the llvm dialect are LLVM's to simplify.
static std::unique_ptr<Pass> canonicalize() {
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  return createCanonicalizerPass(config);
}

void onnxc::addOptimizePasses(OpPassManager &passes, const PipelineOptions &options) {
  OpPassManager &main = passes.nest<func::FuncOp>();
  // What depends on constants only is computed now; types follow.
  main.addPass(canonicalize());
  main.addPass(createCSEPass());
  main.addPass(createFoldConstants(options.evaluator, /*dequantize=*/options.optLevel == 0));
  main.addPass(createInferShapes());
  main.addPass(canonicalize());
  if (options.optLevel == 0)
    return;
  // Scales and shifts go into the weights before them; formulas that exporters spell out become the operator they are.
  main.addPass(createFoldBatchNormalization());
  main.addPass(createRecognizePatterns());
  // Integers are multiplied as what they are, while it is known that they are.
  main.addPass(createMultiplyQuantized());
  main.addPass(createFoldConstants(options.evaluator, /*dequantize=*/true));
  main.addPass(createInferShapes()); // what has become a constant may be a size, too
  main.addPass(canonicalize());
  main.addPass(createCSEPass());
}

void onnxc::addLowerPasses(OpPassManager &passes, const PipelineOptions &options) {
  OpPassManager &main = passes.nest<func::FuncOp>();
  main.addPass(createLowerOnnxToLinalg());
  // Shared size arithmetic and casts of shapes that turned out static.
  main.addPass(canonicalize());
  main.addPass(createCSEPass());
  // Sizes are the program's, and may not fit together.
  main.addPass(createCheckSizes());
}

void onnxc::addCodegenPasses(OpPassManager &passes, const PipelineOptions &options) {
  VectorUnit unit = getVectorUnit(*options.machine);
  // Large weights lie in the order, and have the width, that they are read with.
  passes.addNestedPass<func::FuncOp>(createFoldViews());
  if (options.optLevel > 0) {
    OpPassManager &main = passes.nest<func::FuncOp>();
    // Channels last for convolutions: their kernels read whole vectors of channels.
    main.addPass(createLayoutNhwc());
    // One loop for a chain of elementwise operations: one trip through memory.
    main.addPass(createFuseElementwise());
    main.addPass(canonicalize());
    main.addPass(createCSEPass());
    // Matrix products and convolutions take what follows them into their registers, and their weights get packed.
    passes.addPass(createSelectKernels({unit.lanes, options.winograd, unit.hasHalves}));
    // Softmax, normalisations: rows that stay in the cache from the first reduction to the last use.
    passes.addNestedPass<func::FuncOp>(createFuseRows());
    passes.addPass(canonicalize());
    passes.addPass(createCSEPass());
    // The matrix products on both sides of such rows join them: attention.
    passes.addNestedPass<func::FuncOp>(createFuseContractions());
    passes.addPass(canonicalize());
    passes.addPass(createCSEPass());
  }
  // Nothing takes no time, whatever else the sizes are.
  passes.addNestedPass<func::FuncOp>(createSkipEmptyLoops());
  // The caller owns all memory, and knows all sizes before the run.
  passes.addNestedPass<func::FuncOp>(createResultsToOutParams());
  passes.addPass(memref::createResolveShapedTypeResultDimsPass());
  passes.addPass(canonicalize());
  passes.addPass(createCSEPass());
  // Results are computed where they are wanted: over the old state of a recurrence, in the output, in a part of a
  // bigger tensor (Concat).
  passes.addNestedPass<func::FuncOp>(createAssembleParts());
  passes.addNestedPass<func::FuncOp>(createSeparateDestinations());
  passes.addNestedPass<func::FuncOp>(createCarryInPlace());
  passes.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferAlignment = 64;
  bufferize.allowReturnAllocsFromLoops = true; // what has another size in each round
  passes.addPass(bufferization::createOneShotBufferizePass(bufferize));
  passes.addPass(createCSEPass()); // a copy of a view onto itself is seen as one
  passes.addPass(canonicalize());
  passes.addPass(createCSEPass());
  passes.addNestedPass<func::FuncOp>(createPlaceParts());
  if (options.optLevel > 0)
    passes.addNestedPass<func::FuncOp>(createForkLoops());
  passes.addPass(createPlanMemory(options.plan, options.maxScratchOnStack));
  passes.addNestedPass<func::FuncOp>(createReleaseInLoops());

  // From here on there are only loops over memory.
  passes.addPass(createEmitKernels({unit.lanes, unit.registers, unit.hasByteProducts}));
  passes.addNestedPass<func::FuncOp>(createLinalgToTasks({unit.lanes}));
  passes.addPass(canonicalize());
  passes.addPass(createLoopInvariantCodeMotionPass());
  passes.addPass(createCSEPass());
  // A task is a function of its own, with a context that says what it works on.
  passes.addPass(createOutlineParallel());
  // Constants leave the IR before anything looks at their bytes.
  passes.addPass(createCollectWeights(options.weights));
  // What only run time knows the size of comes from the caller's allocator.
  passes.addPass(createLowerRunTime());
  passes.addPass(createLowerEntry());

  // To the llvm dialect. Views become address arithmetic first, and elementary functions plain arithmetic.
  if (options.optLevel > 0 && unit.hasFma)
    passes.addPass(createRoundQuotients());
  passes.addPass(createExpandMath());
  passes.addPass(createConvertVectorToSCFPass());
  passes.addPass(createLowerExpandShape());
  passes.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createLowerAffinePass());
  passes.addPass(arith::createArithExpandOpsPass({/*includeBf16=*/true}));
  passes.addPass(canonicalize());
  passes.addPass(createCSEPass());
  // The caller may want the run to end before it is done.
  if (options.checkpoints)
    passes.addPass(createInsertCheckpoints());
  passes.addPass(createKeepOuterLoops());
  passes.addPass(createLowerLoops());
  // Checks return from wherever they are, now that there are only branches.
  passes.addPass(createLowerChecks());
  ConvertVectorToLLVMPassOptions vector;
  vector.reassociateFPReductions = true;
  passes.addPass(createConvertVectorToLLVMPass(vector));
  ConvertToLLVMPassOptions rest; // of the dialects, all at once
  rest.allowPatternRollback = false;
  passes.addPass(createConvertToLLVMPass(rest));
  passes.addPass(createBoolsAsBytes());
  passes.addPass(createApplyLoopAnnotations());
  passes.addPass(createReconcileUnrealizedCastsPass());
  passes.addPass(canonicalize());
  passes.addPass(createCSEPass());
  if (options.debugInfo)
    passes.addPass(LLVM::createDIScopeForLLVMFuncOpPass());
}

std::vector<std::string> onnxc::getOptionalPasses(const PipelineOptions &options) {
  auto list = [&](int optLevel) {
    PipelineOptions at = options;
    at.optLevel = optLevel;
    OpPassManager passes(ModuleOp::getOperationName());
    addOptimizePasses(passes, at);
    addLowerPasses(passes, at);
    addCodegenPasses(passes, at);
    std::string text;
    llvm::raw_string_ostream os(text);
    passes.printAsTextualPipeline(os);
    std::set<std::string> names; // outside of braces, which enclose options
    llvm::Regex name("^[a-z][a-z0-9-]*");
    unsigned depth = 0;
    for (StringRef rest = text; !rest.empty();) {
      SmallVector<StringRef> match;
      size_t length = name.match(rest, &match) ? match[0].size() : 1;
      depth += (rest[0] == '{') - (rest[0] == '}');
      if (!match.empty() && depth == 0)
        names.insert(match[0].str());
      rest = rest.drop_front(length);
    }
    return names;
  };
  std::set<std::string> all = list(options.optLevel), needed = list(0);
  std::vector<std::string> optional;
  std::set_difference(all.begin(), all.end(), needed.begin(), needed.end(), std::back_inserter(optional));
  return optional;
}
