//===- lib/Driver/Dump.cpp ---------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads and writes dumps. What is read may be any module: it is refused here, or the phases can go on from it.
#include "lib/Driver/Dump.h"
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/SideFile.h"
#include "dialects/onnx/Verify.h"
#include "dialects/onnx/support/Lowering.h"
#include "lib/Emit/Link.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace onnxc;

bool onnxc::isDump(StringRef path) { return path.ends_with(".mlir") || path.ends_with(".mlirbc"); }

// ---- Reading -------------------------------------------------------------------------------------------------------

/// @main, the only thing in the module.
static func::FuncOp findMain(ModuleOp module, StringRef path) {
  func::FuncOp main;
  for (Operation &op : *module.getBody()) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (isa<LLVM::LLVMDialect>(op.getDialect())) {
      emitError(op.getLoc())
          << "this is the llvm dialect, after onnxc's last phase: mlir-translate-22 --mlir-to-llvmir "
             "makes LLVM IR of it, as --emit=llvmir does of the model";
      return {};
    }
    if (!function || function.getName() != "main") {
      InFlightDiagnostic error = emitError(op.getLoc());
      if (function)
        error << "there is a function @" << function.getName();
      else
        error << "there is a '" << op.getName() << "'";
      error << " besides @main: onnxc compiles a module with the function @main alone";
      return {};
    }
    main = function;
  }
  if (!main)
    emitError(NameLoc::get(StringAttr::get(module.getContext(), path)))
        << "there is no function @main: onnxc compiles what --emit=onnx or --emit=linalg has "
           "written of a model";
  else if (main.isExternal())
    emitError(main.getLoc()) << "@main has no body";
  else if (!llvm::hasSingleElement(main.getBody()))
    emitError(main.getLoc()) << "@main has several blocks: a model is one, with structured control flow in it";
  else if (!isa<func::ReturnOp>(main.front().back()))
    emitError(main.front().back().getLoc()) << "@main doesn't end in func.return";
  else if (main.front().back().getNumOperands() == 0)
    emitError(main.getLoc()) << "@main returns nothing: a model has outputs";
  else if (Attribute visibility = main.getSymVisibilityAttr();
           visibility && visibility != StringAttr::get(main.getContext(), "public"))
    emitError(main.getLoc()) << "@main is private";
  else
    return main;
  return {};
}

/// Names are text where they are given; unequal they need not be.
static LogicalResult verifyAttributes(ModuleOp module, func::FuncOp main) {
  auto isText = [](Attribute name) { return !name || isa<StringAttr>(name); };
  bool isFine = isText(module->getAttr("onnx.model_name"));
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    isFine &= isText(main.getArgAttr(i, "onnx.name"));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    isFine &= isText(main.getResultAttr(i, "onnx.name"));
  if (auto metadata = module->getAttr("onnx.metadata"))
    isFine &= isa<DictionaryAttr>(metadata);
  if (!isFine)
    return emitError(main.getLoc()) << "names (onnx.name, onnx.model_name) are strings";
  // Ranks of outputs follow the outputs.
  int64_t outputs = 0, next = 0;
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    Attribute attribute = main.getResultAttr(i, "onnx.rank_of");
    if (!attribute && outputs == i) {
      ++outputs;
      continue;
    }
    auto output = dyn_cast_or_null<IntegerAttr>(attribute);
    auto type = dyn_cast<RankedTensorType>(main.getResultTypes()[i]);
    if (!output || !output.getType().isInteger(64) || output.getInt() < next || output.getInt() >= outputs || !type ||
        type.getRank() != 0 || !type.getElementType().isInteger(64))
      return emitError(main.getLoc())
             << "onnx.rank_of is of the last results, each a tensor<i64>, and counts outputs up";
    next = output.getInt() + 1;
  }
  return success();
}

/// What stands in linalg on tensors (docs/Architecture.md, and what the first passes of codegen make). Null for the
/// dialects of later phases.
static bool isOnTensors(Operation *op) {
  static const llvm::StringSet<> dialects = {"affine", "arith", "cf",  "func",   "kernel", "linalg",
                                             "math",   "rt",    "scf", "tensor", "ub"};
  return dialects.contains(op->getDialect() ? op->getDialect()->getNamespace() : "") ||
         isa<bufferization::AllocTensorOp, bufferization::MaterializeInDestinationOp>(op);
}

static LogicalResult verifyLinalg(func::FuncOp main) {
  WalkResult outcome = main.walk([&](Operation *op) -> WalkResult {
    auto hasMemory = [](Type type) { return isa<BaseMemRefType>(type); };
    if (isOnTensors(op) && llvm::none_of(op->getOperandTypes(), hasMemory) &&
        llvm::none_of(op->getResultTypes(), hasMemory) &&
        (!isa<func::FuncDialect>(op->getDialect()) || isa<func::FuncOp, func::ReturnOp>(op)))
      return WalkResult::advance();
    emitError(op->getLoc())
        << "'" << op->getName()
        << "' can't stand here: onnxc goes on from the onnx dialect (--emit=onnx) and from linalg on "
           "tensors (--emit=linalg); dumps of later phases are for onnxc-opt";
    return WalkResult::interrupt();
  });
  if (outcome.wasInterrupted())
    return failure();
  auto verifyTypes = [&](StringRef what, TypeRange types) -> LogicalResult {
    for (auto [i, type] : llvm::enumerate(types)) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor ? !type.isInteger(64) : tensor.getEncoding() || !tensor.getElementType().isIntOrFloat())
        return emitError(main.getLoc()) << what << " " << i << " of @main is of type " << type
                                        << ": values of a model are ranked tensors of numbers, or handles (i64)";
    }
    return success();
  };
  if (failed(verifyTypes("argument", main.getArgumentTypes())) || failed(verifyTypes("result", main.getResultTypes())))
    return failure();
  // Names of sizes and kinds of values that no lowered type has.
  Attribute attribute = main->getAttr(onnx::kOnnxType);
  if (!attribute) {
    for (Type type : llvm::concat<const Type>(main.getArgumentTypes(), main.getResultTypes())) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor || !tensor.hasStaticShape())
        return emitError(main.getLoc()) << "@main takes or gives " << type << ", but has no attribute "
                                        << onnx::kOnnxType
                                        << ", which says what sizes are called: --emit=linalg writes it";
      if (failed(onnx::verifyValueType(main.getLoc(), "a value of @main", type, 0)))
        return failure();
    }
    return success();
  }
  auto known = dyn_cast<TypeAttr>(attribute);
  auto type = known ? dyn_cast<FunctionType>(known.getValue()) : FunctionType();
  auto symbols = main->getAttrOfType<ArrayAttr>("onnx.symbols");
  if (symbols && !llvm::all_of(symbols, [](Attribute name) { return isa<StringAttr>(name); }))
    return emitError(main.getLoc()) << "onnx.symbols is a list of names";
  auto fits = [&](StringRef what, TypeRange types, TypeRange lowered) -> LogicalResult {
    for (auto [i, type, here] : llvm::enumerate(types, lowered)) {
      std::string value = (what + " " + Twine(i) + " in " + onnx::kOnnxType).str();
      if (failed(onnx::verifyValueType(main.getLoc(), value, type, symbols ? symbols.size() : 0)))
        return failure();
      if (isa<NoneType>(type) || onnx::LoweringBuilder::loweredValueType(type) != here)
        return emitError(main.getLoc()) << value << " is of type " << type << ", which does not become " << here;
    }
    return success();
  };
  if (!type || type.getNumInputs() != main.getNumArguments() || type.getNumResults() != main.getNumResults())
    return emitError(main.getLoc()) << onnx::kOnnxType
                                    << " is not a function type with the arguments and results of @main";
  return success(succeeded(fits("argument", type.getInputs(), main.getArgumentTypes())) &&
                 succeeded(fits("result", type.getResults(), main.getResultTypes())));
}

OwningOpRef<ModuleOp> onnxc::readDump(StringRef path, MLIRContext &context, DumpPhase &phase) {
  if (!llvm::sys::fs::exists(path)) {
    emitError(NameLoc::get(StringAttr::get(&context, path))) << "there is no such file";
    return {};
  }
  if (!llvm::sys::fs::is_regular_file(path)) {
    emitError(NameLoc::get(StringAttr::get(&context, path))) << "this is no regular file: write the dump to one";
    return {};
  }
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(path, &context);
  func::FuncOp main = module ? findMain(*module, path) : func::FuncOp();
  if (!main || failed(verifyAttributes(*module, main)))
    return {};
  bool isOnnx = main.walk([](Operation *op) {
                      bool isOurs = isa_and_nonnull<onnx::OnnxDialect>(op->getDialect());
                      return isOurs ? WalkResult::interrupt() : WalkResult::advance();
                    })
                    .wasInterrupted();
  // What returns its arguments is of either phase.
  bool returnsArguments = llvm::hasSingleElement(main.front()) && !main->hasAttr(onnx::kOnnxType);
  phase = isOnnx || returnsArguments ? DumpPhase::Onnx : DumpPhase::Linalg;
  LogicalResult outcome = phase == DumpPhase::Onnx
                              ? onnx::verifyModel(main)
                              : success(succeeded(verifyLinalg(main)) && succeeded(onnx::verifyResources(main)));
  return succeeded(outcome) ? std::move(module) : OwningOpRef<ModuleOp>();
}

// ---- Writing -------------------------------------------------------------------------------------------------------

/// The text without any resource: they go beside it, or nowhere. What is dense is small, or repeats one element.
static std::string printText(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os, OpPrintingFlags().elideLargeResourceString(0).enableDebugInfo());
  StringRef rest = StringRef(text).rtrim();
  if (rest.consume_back("#-}") && (rest = rest.rtrim()).consume_back("{-#")) // an empty section
    text.resize(rest.rtrim().size());
  return text + "\n";
}

llvm::Error onnxc::writeDump(ModuleOp module, StringRef path) {
  std::string text = printText(module);
  if (path == "-") {
    llvm::outs() << "// Without the weights: -o FILE.mlir writes them, too, beside the file.\n" << text;
    return llvm::Error::success();
  }
  std::string weightsPath = (path + ".weights").str(), section;
  llvm::Error error = writeFile(weightsPath, [&](raw_ostream &os) {
    llvm::raw_string_ostream sectionText(section);
    onnx::writeSideFile(module, llvm::sys::path::filename(weightsPath), os, sectionText);
  });
  if (error)
    return error;
  if (section.empty())
    llvm::sys::fs::remove(weightsPath);
  return writeFile(path, [&](raw_ostream &os) { os << text << section; });
}
