//===- lib/Emit/ModelTable.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes onnxc_model of runtime/include/onnxc/abi.h, field by field, in the order of that header. What is here is for
// any processor of the architecture, so that a program can ask a model what it needs.
#include "dialects/onnx/Verify.h"
#include "dialects/onnx/support/Dims.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "lib/Emit/ModelInfo.h"
#include "lib/Emit/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "onnxc/abi.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"

using namespace onnxc;

static HeaderValue describeValue(mlir::Type type, mlir::StringAttr name, const std::string &fallback) {
  HeaderValue info;
  info.name = name ? name.str() : fallback;
  auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor) {
    info.type = onnx::getValueType(type);
    return info;
  }
  info.type = onnx::getOnnxType(tensor.getElementType());
  for (mlir::AffineExpr dim : onnx::getDims(tensor)) {
    if (auto constant = onnx::getConstant(dim))
      info.dims.push_back(*constant);
    else if (auto symbol = llvm::dyn_cast<mlir::AffineSymbolExpr>(dim))
      info.dims.push_back(ONNXC_DIM_SYMBOL(symbol.getPosition()));
    else
      info.dims.push_back(ONNXC_DIM_COMPUTED);
  }
  return info;
}

ModelInfo onnxc::describeModel(mlir::ModuleOp module) {
  ModelInfo info;
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  if (auto name = module->getAttrOfType<mlir::StringAttr>("onnx.model_name"))
    info.modelName = name.str();
  mlir::FunctionType type = main.getFunctionType();
  if (auto known = main->getAttrOfType<mlir::TypeAttr>(onnx::kOnnxType))
    type = llvm::cast<mlir::FunctionType>(known.getValue());
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    info.inputs.push_back(describeValue(type.getInput(i), main.getArgAttrOfType<mlir::StringAttr>(i, "onnx.name"),
                                        "input_" + std::to_string(i)));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (auto output = main.getResultAttrOfType<mlir::IntegerAttr>(i, "onnx.rank_of"))
      info.rankOutputs.push_back(output.getInt());
    else
      info.outputs.push_back(describeValue(type.getResult(i),
                                           main.getResultAttrOfType<mlir::StringAttr>(i, "onnx.name"),
                                           "output_" + std::to_string(i)));
  if (auto symbols = main->getAttrOfType<mlir::ArrayAttr>("onnx.symbols"))
    for (mlir::Attribute symbol : symbols)
      info.symbols.push_back(llvm::cast<mlir::StringAttr>(symbol).str());
  if (auto metadata = module->getAttrOfType<mlir::DictionaryAttr>("onnx.metadata"))
    for (mlir::NamedAttribute entry : metadata)
      if (auto text = llvm::dyn_cast<mlir::StringAttr>(entry.getValue()))
        info.metadata.push_back({entry.getName().str(), text.str()});
  // A symbol without a name is a size that the model computes: nobody can choose it.
  for (std::vector<HeaderValue> *values : {&info.inputs, &info.outputs})
    for (HeaderValue &value : *values)
      for (int64_t &dim : value.dims)
        if (dim < 0 && dim != ONNXC_DIM_COMPUTED && info.symbols[-1 - dim].empty() && values == &info.outputs)
          dim = ONNXC_DIM_COMPUTED;
  return info;
}

namespace {
class TableWriter {
public:
  TableWriter(llvm::Module &module)
      : module(module), context(module.getContext()), pointer(llvm::PointerType::get(context, 0)),
        i32(llvm::Type::getInt32Ty(context)), i64(llvm::Type::getInt64Ty(context)) {}

  llvm::Constant *null() { return llvm::ConstantPointerNull::get(pointer); }
  llvm::Constant *number(uint64_t value) { return llvm::ConstantInt::get(i64, value); }
  llvm::Constant *number32(uint32_t value) { return llvm::ConstantInt::get(i32, value); }

  llvm::Constant *place(llvm::Constant *value, llvm::StringRef name) {
    auto *global = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                            llvm::GlobalValue::PrivateLinkage, value, name);
    return global;
  }
  llvm::Constant *text(llvm::StringRef value) {
    return place(llvm::ConstantDataArray::getString(context, value), "text");
  }
  llvm::Constant *pointers(llvm::ArrayRef<llvm::Constant *> values) {
    if (values.empty())
      return null();
    return place(llvm::ConstantArray::get(llvm::ArrayType::get(pointer, values.size()), values), "list");
  }
  llvm::Constant *texts(llvm::ArrayRef<std::string> values) {
    llvm::SmallVector<llvm::Constant *> list;
    for (const std::string &value : values)
      list.push_back(text(value));
    return pointers(list);
  }
  llvm::Constant *numbers(llvm::ArrayRef<unsigned> values) {
    if (values.empty())
      return null();
    llvm::SmallVector<uint64_t> wide(values.begin(), values.end());
    return place(llvm::ConstantDataArray::get(context, wide), "numbers");
  }
  llvm::Constant *values(llvm::ArrayRef<HeaderValue> infos) {
    if (infos.empty())
      return null();
    llvm::SmallVector<llvm::Constant *> list;
    for (const HeaderValue &info : infos) {
      llvm::SmallVector<uint64_t> dims(info.dims.begin(), info.dims.end());
      llvm::Constant *sizes = dims.empty() ? null() : place(llvm::ConstantDataArray::get(context, dims), "dims");
      list.push_back(
          llvm::ConstantStruct::getAnon({text(info.name), number32(info.type), number32(dims.size()), sizes}));
    }
    auto *type = llvm::ArrayType::get(list.front()->getType(), list.size());
    return place(llvm::ConstantArray::get(type, list), "values");
  }

  llvm::Module &module;
  llvm::LLVMContext &context;
  llvm::PointerType *pointer;
  llvm::Type *i32, *i64;
};
} // namespace

/// What is said where a processor lacks a feature.
static std::string describeMissing(const KnownFeature &feature) {
  std::string name = feature.name.str();
  if (feature.name.starts_with("avx512"))
    name = "AVX-512 (" + name + ")";
  return "this processor has no " + name +
         ", which the model was compiled for: compile it with -mcpu=" + feature.instead.str();
}

/// A plan() that looks at the processor the first time (runtime/library/processor.h).
static llvm::Function *addCheckedPlan(TableWriter &w, const ModelInfo &info, llvm::Constant *plan) {
  llvm::SmallVector<llvm::Constant *> list;
  for (const KnownFeature &feature : info.features)
    list.push_back(
        llvm::ConstantStruct::getAnon({w.number32(feature.leaf), w.number32(feature.subleaf), w.number32(feature.reg),
                                       w.number32(feature.bit), w.number(feature.state)}));
  auto *listType = llvm::ArrayType::get(list.front()->getType(), list.size());
  llvm::Type *byte = llvm::Type::getInt8Ty(w.context);
  auto *met = new llvm::GlobalVariable(w.module, byte, /*isConstant=*/false, llvm::GlobalValue::PrivateLinkage,
                                       llvm::ConstantInt::get(byte, 0), "met");
  llvm::Constant *requirements =
      w.place(llvm::ConstantStruct::getAnon({plan, w.place(llvm::ConstantArray::get(listType, list), "features"),
                                             w.number32(list.size()), w.number32(info.errorSites.size()), met}),
              "requirements");
  llvm::FunctionCallee check = w.module.getOrInsertFunction("onnxc_checked_plan", w.i32, w.pointer, w.pointer);
  llvm::cast<llvm::Function>(check.getCallee())->setVisibility(llvm::GlobalValue::HiddenVisibility);
  auto *function = llvm::Function::Create(llvm::FunctionType::get(w.i32, {w.pointer}, /*isVarArg=*/false),
                                          llvm::GlobalValue::InternalLinkage, "plan", w.module);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(w.context, "", function));
  b.CreateRet(b.CreateCall(check, {function->getArg(0), requirements}));
  return function;
}

void onnxc::addModelTable(llvm::Module &module, const ModelInfo &info, bool sharedEntry, llvm::TargetMachine &machine) {
  TableWriter w(module);
  llvm::Constant *weights = w.null();
  if (info.weightsSize && info.weightsFile.empty()) {
    auto *symbol = new llvm::GlobalVariable(module, llvm::Type::getInt8Ty(w.context), /*isConstant=*/true,
                                            llvm::GlobalValue::ExternalLinkage, nullptr, info.weightsName());
    symbol->setVisibility(llvm::GlobalValue::HiddenVisibility);
    weights = symbol;
  }
  std::vector<std::string> metadata;
  for (const auto &[key, value] : info.metadata) {
    metadata.push_back(key);
    metadata.push_back(value);
  }
  llvm::Constant *functions[3];
  for (auto [name, function] : llvm::zip_equal(kTableFunctions, functions)) {
    llvm::Function *known = module.getFunction(name);
    if (!known && (info.allocates || name != "onnxc_release")) {
      known = llvm::Function::Create(llvm::FunctionType::get(w.i32, {w.pointer}, /*isVarArg=*/false),
                                     llvm::GlobalValue::ExternalLinkage, name, module);
      known->setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
    function = known ? static_cast<llvm::Constant *>(known) : w.null();
  }
  auto [plan, run, release] = functions;
  std::vector<std::string> sites = info.errorSites;
  llvm::SmallVector<llvm::Function *> baseline;
  if (info.checksProcessor && !info.features.empty()) {
    plan = baseline.emplace_back(addCheckedPlan(w, info, plan));
    for (const KnownFeature &feature : info.features)
      sites.push_back(describeMissing(feature));
  }
  auto names = llvm::map_range(info.features, [](const KnownFeature &feature) { return feature.name; });

  llvm::Constant *fields[] = {
      w.number32(ONNXC_ABI_VERSION),
      w.number32(sizeof(onnxc_model)),
      w.text(info.modelName),
      w.text(info.target),
      w.text(llvm::join(names, ",")),
      w.number(info.inputs.size()),
      w.values(info.inputs),
      w.number(info.outputs.size()),
      w.values(info.outputs),
      w.number(info.symbols.size()),
      w.texts(info.symbols),
      weights,
      w.number(info.weightsSize),
      info.weightsFile.empty() ? w.null() : w.text(info.weightsFile),
      w.number(info.weightsHash),
      w.number(sites.size()),
      w.texts(sites),
      w.number(info.metadata.size()),
      w.texts(metadata),
      plan,
      run,
      w.number(info.planInputs.size()),
      w.numbers(info.planInputs),
      release,
      w.number(info.rankOutputs.size()),
      w.numbers(info.rankOutputs),
      w.text(info.producer),
      w.text(info.options),
      w.number(info.sourceHash),
  };
  llvm::Constant *table = w.place(llvm::ConstantStruct::getAnon(fields), "table");

  std::vector<std::string> entries = {info.entryName()};
  if (sharedEntry)
    entries.push_back("onnxc_model_entry");
  auto *type = llvm::FunctionType::get(w.pointer, /*isVarArg=*/false);
  for (const std::string &name : entries) {
    auto *function =
        baseline.emplace_back(llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module));
    llvm::IRBuilder<> b(llvm::BasicBlock::Create(w.context, "", function));
    b.CreateRet(table);
  }
  setTarget(module, machine);
  for (llvm::Function *function : baseline)
    setBaseline(*function, machine);
}
