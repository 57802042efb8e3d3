//===- lib/Emit/CollectWeights.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gathers constants into the weights blob. Their bytes stay where they are, or unmade, until the file is written.
#include "lib/Emit/CollectWeights.h"
#include "dialects/kernel/Weights.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc;

/// Smaller constants stay in the code, where LLVM can compute with them.
static constexpr size_t kMinBytes = 128;

/// The elements as they lie in memory, a bool in a byte. `owned` keeps what has to be made.
static std::optional<ArrayRef<char>> getBytes(ElementsAttr elements, std::deque<std::string> &owned) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    return blob ? std::optional(blob->getData()) : std::nullopt;
  }
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense)
    return std::nullopt;
  Type type = dense.getElementType();
  if (type.isInteger(1)) {
    std::string &bytes = owned.emplace_back();
    for (bool value : dense.getValues<bool>())
      bytes.push_back(value);
    return ArrayRef<char>(bytes.data(), bytes.size());
  }
  if (!type.isIntOrIndexOrFloat() || (!type.isIndex() && type.getIntOrFloatBitWidth() % 8 != 0))
    return std::nullopt;
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return raw;
  std::string &bytes = owned.emplace_back();
  bytes.reserve(raw.size() * dense.getNumElements());
  for (int64_t i = 0; i < dense.getNumElements(); ++i)
    bytes.append(raw.data(), raw.size());
  return ArrayRef<char>(bytes.data(), bytes.size());
}

static LogicalResult collectWeights(ModuleOp module, CollectedWeights &weights) {
  auto i64 = IntegerType::get(module.getContext(), 64);
  // What sizes are computed with stays in the code, too: plan() needs no weights.
  llvm::StringSet<> inPlan;
  if (auto plan = module.lookupSymbol<func::FuncOp>("plan"))
    plan.walk([&](memref::GetGlobalOp get) { inPlan.insert(get.getName()); });
  for (auto global : module.getOps<memref::GlobalOp>()) {
    auto elements = dyn_cast_or_null<ElementsAttr>(global.getInitialValueAttr());
    if (!elements || !global.getConstant())
      continue;
    MemRefType type = global.getType();
    Type element = type.getElementType(); // an index takes 64 bits, in the attribute as on the targets
    uint64_t width = element.isIndex() ? sizeof(int64_t) : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
    uint64_t size = type.getNumElements() * width;
    WeightsSource source{size, {}, nullptr};
    if (isMade(elements)) {
      source.fill = [elements](MutableArrayRef<char> to) { makeBytes(elements, to); };
      if (inPlan.contains(global.getName())) {
        std::vector<char> bytes(size);
        source.fill(bytes);
        auto tensor = RankedTensorType::get(type.getShape(), element);
        global.setInitialValueAttr(DenseElementsAttr::getFromRawBuffer(tensor, bytes));
      }
    }
    if (inPlan.contains(global.getName()) || (size < kMinBytes && isa<DenseElementsAttr>(elements)))
      continue;
    if (!source.fill) {
      auto bytes = getBytes(elements, weights.owned);
      if (!bytes || bytes->size() != size)
        return global.emitError("the content of this constant of type ") << type << " is not there or has a wrong size";
      source.bytes = *bytes;
    }
    global->setAttr("onnxc.offset", IntegerAttr::get(i64, weights.blob.add(std::move(source))));
  }
  return success();
}

namespace {
struct CollectWeights : PassWrapper<CollectWeights, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CollectWeights)
  explicit CollectWeights(CollectedWeights *weights) : weights(weights) {}
  StringRef getArgument() const override { return "collect-weights"; }
  void runOnOperation() override {
    if (failed(collectWeights(getOperation(), *weights)))
      signalPassFailure();
  }
  CollectedWeights *weights;
};
} // namespace

std::unique_ptr<Pass> onnxc::createCollectWeights(CollectedWeights *weights) {
  return std::make_unique<CollectWeights>(weights);
}
