//===- tools/onnxc-opt/onnxc-opt.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// mlir-opt with onnxc's dialects and passes.
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

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  registry.insert<onnxc::kernel::KernelDialect, onnxc::onnx::OnnxDialect, onnxc::rt::RtDialect>();
  onnxc::registerCodegenCPUPasses();
  onnxc::registerCodegenCommonPasses();
  onnxc::registerOptimizePasses();
  onnxc::registerLowerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "onnxc-opt: runs onnxc's and MLIR's passes\n", registry));
}
