//===- tools/onnxc-opt/onnxc-opt.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// mlir-opt with onnxc's dialects and passes; --passes lists ours alone, --help before all others.
#include "dialects/kernel/KernelDialect.h"
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/rt/RtDialect.h"
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/Common/Passes.h"
#include "lib/Lower/Passes.h"
#include "lib/Optimize/Passes.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

static void registerOurPasses() {
  onnxc::registerCodegenCPUPasses();
  onnxc::registerCodegenCommonPasses();
  onnxc::registerOptimizePasses();
  onnxc::registerLowerPasses();
}

int main(int argc, char **argv) {
  registerOurPasses();
  bool lists = argc == 2 && llvm::StringRef(argv[1]) == "--passes";
  if (lists || llvm::is_contained(llvm::ArrayRef(argv, argc), llvm::StringRef("--help"))) // before MLIR's some hundreds
    mlir::printRegisteredPasses();
  if (lists)
    return 0;
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  registry.insert<onnxc::kernel::KernelDialect, onnxc::onnx::OnnxDialect, onnxc::rt::RtDialect>();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "onnxc-opt: runs onnxc's passes (--passes lists them) and MLIR's; docs/Debugging.md\n", registry));
}
