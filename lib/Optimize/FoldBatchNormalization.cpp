//===- lib/Optimize/FoldBatchNormalization.cpp -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// factor[c] * conv(x) + shift[c] is a convolution with other weights. BatchNormalization is that, and so are Mul, Div,
// Add and Sub with a constant per channel.
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/support/Elements.h"
#include "lib/Optimize/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace onnxc {
#define GEN_PASS_DEF_FOLDBATCHNORMALIZATION
#include "lib/Optimize/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc::onnx;

namespace {
/// result[..., c, ...] = factor[c] * producer[..., c, ...] + shift[c]
struct Affine {
  Operation *producer = nullptr;
  std::vector<double> factor, shift;
};
} // namespace

/// The numbers of a constant, one for each of `count` elements.
static std::optional<std::vector<double>> getAll(Value value, size_t count) {
  ElementsAttr elements = getConstantElements(value);
  auto numbers = elements ? getNumbers(elements) : std::nullopt;
  if (!numbers || (numbers->size() != count && numbers->size() != 1))
    return std::nullopt;
  numbers->resize(count, numbers->front());
  return numbers;
}

/// A constant that broadcasts to `result` with one number per channel (dimension 1).
static std::optional<std::vector<double>> getPerChannel(Value value, RankedTensorType result) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() > result.getRank() || !type.hasStaticShape())
    return std::nullopt;
  int64_t channel = 1 - (result.getRank() - type.getRank());
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    if (size != 1 && static_cast<int64_t>(i) != channel)
      return std::nullopt;
  return getAll(value, result.getDimSize(1));
}

/// What `op` does to the result of a convolution or product before it.
static std::optional<Affine> matchAffine(Operation *op) {
  StringRef name = op->getName().stripDialect();
  auto type = op->getNumResults() ? dyn_cast<RankedTensorType>(op->getResult(0).getType()) : RankedTensorType();
  if (!type || type.getRank() < 2 || type.isDynamicDim(1) || !isa<FloatType>(type.getElementType()))
    return std::nullopt;
  size_t channels = type.getDimSize(1);
  Affine affine;
  if (name == "BatchNormalization") {
    for (Value more : op->getResults().drop_front()) // the running mean and variance of training
      if (!more.use_empty())
        return std::nullopt;
    affine.producer = op->getOperand(0).getDefiningOp();
    auto scale = getAll(op->getOperand(1), channels), bias = getAll(op->getOperand(2), channels);
    auto mean = getAll(op->getOperand(3), channels), variance = getAll(op->getOperand(4), channels);
    if (auto training = op->getAttrOfType<IntegerAttr>("training_mode"); training && training.getSInt() != 0)
      return std::nullopt;
    if (!scale || !bias || !mean || !variance)
      return std::nullopt;
    auto attribute = op->getAttrOfType<FloatAttr>("epsilon");
    double epsilon = attribute ? attribute.getValueAsDouble() : 1e-5;
    for (size_t c = 0; c < channels; ++c) {
      affine.factor.push_back((*scale)[c] / std::sqrt((*variance)[c] + epsilon));
      affine.shift.push_back((*bias)[c] - (*mean)[c] * affine.factor.back());
    }
    return affine;
  }
  bool commutes = name == "Mul" || name == "Add";
  if (!commutes && name != "Div" && name != "Sub")
    return std::nullopt;
  // The constant is on the right, or on either side where that is the same.
  for (unsigned side : {1u, 0u}) {
    auto numbers = side == 1 || commutes ? getPerChannel(op->getOperand(side), type) : std::nullopt;
    if (!numbers || op->getOperand(1 - side).getType() != type)
      continue;
    affine.producer = op->getOperand(1 - side).getDefiningOp();
    affine.factor.assign(channels, 1);
    affine.shift.assign(channels, 0);
    for (auto [c, number] : llvm::enumerate(*numbers)) {
      if (name == "Div" && number == 0)
        return std::nullopt;
      if (name == "Mul" || name == "Div")
        affine.factor[c] = name == "Mul" ? number : 1 / number;
      else
        affine.shift[c] = name == "Add" ? number : -number;
    }
    return affine;
  }
  return std::nullopt;
}

/// The constant weights of `value` with each element multiplied by the factor of its channel; null when they are no
/// constant. `channelOf` is of a position in row-major order.
static Value scaleWeights(OpBuilder &b, Value value, ArrayRef<double> factor,
                          llvm::function_ref<size_t(size_t)> channelOf) {
  if (llvm::all_of(factor, [](double f) { return f == 1; }))
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  auto numbers = type.hasStaticShape() ? getAll(value, type.getNumElements()) : std::nullopt;
  if (!numbers)
    return {};
  for (auto [i, number] : llvm::enumerate(*numbers))
    number *= factor[channelOf(i)];
  return ConstantOp::create(b, value.getLoc(), type, makeElements(type, *numbers));
}

/// factor * old + shift as a constant [channels], where `old` is a constant, or absent.
static Value scaleBias(OpBuilder &b, Operation *op, Value old, double oldFactor, const Affine &affine) {
  size_t channels = affine.factor.size();
  std::vector<double> bias(channels, 0);
  if (!isa<NoneType>(old.getType())) {
    auto numbers = getAll(old, channels);
    if (!numbers)
      return {};
    bias = *numbers;
  }
  for (size_t c = 0; c < channels; ++c)
    bias[c] = bias[c] * oldFactor * affine.factor[c] + affine.shift[c];
  auto type = RankedTensorType::get({static_cast<int64_t>(channels)}, getElementTypeOrSelf(op->getResult(0).getType()));
  return ConstantOp::create(b, op->getLoc(), type, makeElements(type, bias));
}

/// Gives `producer` the weights and bias that include `affine`. False when it can't.
static bool fold(Operation *producer, const Affine &affine) {
  OpBuilder b(producer);
  return llvm::TypeSwitch<Operation *, bool>(producer)
      .Case<ConvOp, ConvTransposeOp>([&](auto op) {
        auto type = cast<RankedTensorType>(op.getW().getType());
        if (!type.hasStaticShape())
          return false;
        // Conv: [features, channels, kernel...]; ConvTranspose: [channels, features of a group, kernel...].
        size_t kernel = 1;
        for (int64_t size : type.getShape().drop_front(2))
          kernel *= size;
        size_t second = type.getDimSize(1), perGroup = type.getDimSize(0) / op.getGroup();
        bool transposed = std::is_same_v<decltype(op), ConvTransposeOp>;
        Value weights = scaleWeights(b, op.getW(), affine.factor, [&](size_t i) {
          size_t row = i / (kernel * second), column = i / kernel % second;
          return transposed ? row / perGroup * second + column : row;
        });
        Value bias = weights ? scaleBias(b, op, op.getB(), 1, affine) : Value();
        if (!bias)
          return false;
        op.getWMutable().assign(weights);
        op.getBMutable().assign(bias);
        return true;
      })
      .Case<GemmOp>([&](GemmOp op) {
        auto type = cast<RankedTensorType>(op.getB().getType());
        if (!type.hasStaticShape())
          return false;
        // C is a row for all, not one value for each row.
        if (auto c = dyn_cast<RankedTensorType>(op.getC().getType()); c && c.getRank() == 2 && c.getDimSize(0) != 1)
          return false;
        size_t columns = type.getDimSize(1);
        bool transposed = op.getTransB() != 0;
        Value weights =
            scaleWeights(b, op.getB(), affine.factor, [&](size_t i) { return transposed ? i / columns : i % columns; });
        Value bias = weights ? scaleBias(b, op, op.getC(), op.getBeta().convertToDouble(), affine) : Value();
        if (!bias)
          return false;
        op.getBMutable().assign(weights);
        op.getCMutable().assign(bias);
        op.setBeta(APFloat(1.0f));
        return true;
      })
      .Default([](Operation *) { return false; });
}

namespace {
struct FoldBatchNormalization : onnxc::impl::FoldBatchNormalizationBase<FoldBatchNormalization> {
  void runOnOperation() override {
    getOperation().walk<WalkOrder::PreOrder>([&](Block *block) { foldIn(*block); });
  }

  void foldIn(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      auto affine = isa<OnnxOpInterface>(op) ? matchAffine(&op) : std::nullopt;
      if (!affine || !affine->producer || affine->producer->getBlock() != &block || !affine->producer->hasOneUse() ||
          !fold(affine->producer, *affine))
        continue;
      op.getResult(0).replaceAllUsesWith(affine->producer->getResult(0));
      op.erase();
      ++folded;
    }
  }
};
} // namespace
