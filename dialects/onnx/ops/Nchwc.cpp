//===- dialects/onnx/ops/Nchwc.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators of the domain com.microsoft.nchwc, which models hold that onnxruntime has optimised and saved. Their
// tensors have the channels in blocks, the channels of a block innermost, and as many channels as fill whole blocks.
// Here they are plain tensors with so many channels: between ReorderInput and ReorderOutput nothing shows the
// difference but the filters, which are stored in blocks.
#include "dialects/onnx/ops/Nchwc.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Resize.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

/// The channels of a block, which the importer has found out.
static int64_t getBlock(NodeForm &node) {
  auto module = node.b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto block = module ? module->getAttrOfType<IntegerAttr>("onnx.channel_block") : IntegerAttr();
  return block ? block.getInt() : 16;
}

static FailureOr<Value> requireImage(NodeForm &node) {
  auto type = getOperandType(node, 0);
  if (failed(type))
    return failure();
  if (type->getRank() != 4)
    return node.error() << "takes a batch of images with channels, not a tensor of rank " << type->getRank();
  return node.operand(0);
}

/// Channels first (they may be last), and zeros behind them up to whole blocks.
static LogicalResult expandReorderInput(NodeForm &node) {
  auto x = requireImage(node);
  if (failed(x))
    return failure();
  if (takeInt(node, "channels_last", 0))
    x = build<TransposeOp>(node, *x, intsAttr(node, "perm", {0, 3, 1, 2}));
  auto channels = *x ? getConstant(getDims(*x)[1]) : std::nullopt;
  if (!channels)
    return node.error() << "the number of channels must be known when the model is compiled";
  if (int64_t more = llvm::alignTo(*channels, getBlock(node)) - *channels)
    x = build<PadOp>(node, {*x, node.constant({0, 0, 0, 0, 0, more, 0, 0}), absent(node), absent(node)});
  return finish(node, *x);
}

/// The first `channels` of the channels, first or last.
static LogicalResult expandReorderOutput(NodeForm &node) {
  auto x = requireImage(node);
  if (failed(x))
    return failure();
  int64_t channels = takeInt(node, "channels", 0);
  if (auto all = getConstant(getDims(*x)[1]); channels < 1 || (all && channels > *all))
    return node.error() << "channels " << channels << " must be positive, and not more than there are";
  Value y = slice(node, *x, 1, node.constant({0}), node.constant({channels}));
  if (takeInt(node, "channels_last", 0))
    y = build<TransposeOp>(node, y, intsAttr(node, "perm", {0, 2, 3, 1}));
  return finish(node, y);
}

/// FusedConv with a filter in blocks of output channels, and of input channels where there are as many: [O, I, H, W]
/// lies in memory as [O / block, I / block, H, W, block of I, block of O], or [O / block, I, H, W, block of O].
static LogicalResult expandConv(NodeForm &node) {
  if (failed(requireOperands(node, 2)) || failed(requireImage(node)))
    return failure();
  Value filter = node.operand(1);
  SmallVector<int64_t> sizes;
  for (AffineExpr dim : getDims(filter))
    sizes.push_back(getConstant(dim).value_or(0));
  int64_t block = getBlock(node);
  bool inputsToo = sizes.size() == 4 && sizes[1] >= block;
  if (sizes.size() != 4 || llvm::is_contained(sizes, 0) || sizes[0] % block || (inputsToo && sizes[1] % block))
    return node.error() << "W must be a filter of known sizes whose channels fill blocks of " << block;
  if (inputsToo) {
    filter = reshape(node, filter, {sizes[0] / block, sizes[1] / block, sizes[2], sizes[3], block, block});
    filter = build<TransposeOp>(node, filter, intsAttr(node, "perm", {0, 5, 1, 4, 2, 3}));
  } else {
    filter = reshape(node, filter, {sizes[0] / block, sizes[1], sizes[2], sizes[3], block});
    filter = build<TransposeOp>(node, filter, intsAttr(node, "perm", {0, 4, 1, 2, 3}));
  }
  filter = reshape(node, filter, sizes);
  if (!filter)
    return failure();
  node.operands[1] = filter;
  auto *dialect = node.b.getContext()->getLoadedDialect<OnnxDialect>();
  return dialect->getUpgrades("com.microsoft", "FusedConv", /*opset=*/1).front()(node);
}

static LogicalResult makeStandard(NodeForm &node) {
  node.domain = "";
  return success();
}

/// Resize by whole numbers.
static LogicalResult expandUpsample(NodeForm &node) {
  auto x = requireImage(node);
  if (failed(x))
    return failure();
  auto scales = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("scales"));
  auto mode = dyn_cast_or_null<StringAttr>(node.take("mode"));
  auto transform = dyn_cast_or_null<StringAttr>(node.take("coordinate_transformation_mode"));
  bool isNearest = !mode || mode.getValue() == "nearest";
  constexpr int64_t most = 1 << 20;
  if (!scales || scales.size() != 4 || !llvm::all_of(scales.asArrayRef(), [](int64_t s) { return s > 0 && s <= most; }))
    return node.error() << "scales must be four positive numbers";
  auto type = makeTensor(ArrayRef<int64_t>{4}, node.b.getF32Type());
  SmallVector<float> factors(scales.asArrayRef().begin(), scales.asArrayRef().end());
  Value list =
      build<ConstantOp>(node, {}, node.b.getNamedAttr("value", DenseElementsAttr::get(type, ArrayRef(factors))));
  auto text = [&](StringRef name, StringRef value) { return node.b.getNamedAttr(name, node.b.getStringAttr(value)); };
  return finish(node, build<ResizeOp>(node, {*x, absent(node), list, absent(node)},
                                      {text("mode", isNearest ? "nearest" : mode.getValue()),
                                       text("coordinate_transformation_mode",
                                            isNearest || !transform ? "asymmetric" : transform.getValue()),
                                       text("nearest_mode", "floor")}));
}

void onnxc::onnx::registerNchwcOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "com.microsoft.nchwc");
  };
  add("AveragePool", makeStandard);
  add("Conv", expandConv);
  add("GlobalAveragePool", makeStandard);
  add("GlobalMaxPool", makeStandard);
  add("MaxPool", makeStandard);
  add("ReorderInput", expandReorderInput);
  add("ReorderOutput", expandReorderOutput);
  add("Upsample", expandUpsample);
}
