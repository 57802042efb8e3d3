//===- lib/Optimize/MultiplyQuantized.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of dequantised matrices with constant ones, and convolutions, become products of their bytes: with one scale
// sa of the left side and one scale sb for each column of the right one,
//   sum over k of sa (a - za) sb (b - zb) = sa sb sum over k of (a - za) (b - zb),
// and the sum of integers is exact.
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Quantization.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "lib/Optimize/Passes.h"

namespace onnxc {
#define GEN_PASS_DEF_MULTIPLYQUANTIZED
#include "lib/Optimize/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc::onnx;

/// Sums of so many products of differences of bytes stay within 32 bits.
static constexpr int64_t kMaxProducts = (int64_t(1) << 31) / (255 * 255) - 1;

/// One number; of more dimensions than one, the product would have them, too.
static bool hasOneElement(Value value) {
  return getDims(value).size() <= 1 &&
         llvm::all_of(getDims(value), [](AffineExpr size) { return getConstant(size) == 1; });
}

/// What computes `value`, if it makes f32 of bytes, in one step and not in blocks.
static DequantizeLinearOp getDequantized(Value value) {
  auto op = value.getDefiningOp<DequantizeLinearOp>();
  if (!op)
    return {};
  auto element = dyn_cast<IntegerType>(getElementTypeOrSelf(op.getX()));
  bool isByte = element && element.getWidth() == 8;
  return isByte && getElementTypeOrSelf(op.getY()).isF32() && getElementTypeOrSelf(op.getXScale()).isF32()
             ? op
             : DequantizeLinearOp();
}

/// One scale, and one zero point if any.
static bool hasOneNumber(DequantizeLinearOp op) {
  return hasOneElement(op.getXScale()) &&
         (!isa<RankedTensorType>(op.getXZeroPoint().getType()) || hasOneElement(op.getXZeroPoint()));
}

namespace {
/// A constant matrix [K, N], or [N, K] where it is transposed, with one scale and zero point for all or for each
/// column.
struct Weights {
  DequantizeLinearOp op;
  bool isTransposed;

  static std::optional<Weights> get(Value value, bool isTransposed) {
    if (auto transpose = value.getDefiningOp<TransposeOp>(); transpose && getDims(value).size() == 2) {
      auto order = transpose.getPerm();
      if (order && order->size() == 2 && (*order)[0] == 0)
        return std::nullopt;
      value = transpose.getData();
      isTransposed = !isTransposed;
    }
    Weights weights{getDequantized(value), isTransposed};
    if (!weights.op || !getConstantElements(weights.op.getX()) || getDims(value).size() != 2)
      return std::nullopt;
    auto type = cast<RankedTensorType>(weights.op.getX().getType());
    Value zero = weights.op.getXZeroPoint();
    bool hasZero = isa<RankedTensorType>(zero.getType());
    if (type.getDimSize(isTransposed ? 1 : 0) > kMaxProducts || (hasZero && !getConstantElements(zero)))
      return std::nullopt;
    int64_t axis = weights.op.getAxis() + (weights.op.getAxis() < 0 ? 2 : 0);
    for (Value parameter : {Value(weights.op.getXScale()), zero})
      if (isa<RankedTensorType>(parameter.getType()) && !hasOneElement(parameter) &&
          (getDims(parameter).size() != 1 || axis != (isTransposed ? 0 : 1) || weights.op.getBlockSize() != 0))
        return std::nullopt;
    return weights;
  }
};

struct MultiplyQuantized : onnxc::impl::MultiplyQuantizedBase<MultiplyQuantized> {
  void runOnOperation() override {
    SmallVector<Operation *> products;
    getOperation().walk([&](Operation *op) {
      if (isa<MatMulOp, GemmOp, ConvOp>(op))
        products.push_back(op);
    });
    for (Operation *op : products)
      if (Value result = isa<ConvOp>(op) ? convolve(cast<ConvOp>(op)) : multiply(op)) {
        op->getResult(0).replaceAllUsesWith(result);
        op->erase();
        ++multiplied;
      }
  }

  /// The convolution of matrices of pixels as one of bytes, or null.
  Value convolve(ConvOp op) {
    DequantizeLinearOp x = getDequantized(op.getX()), w = getDequantized(op.getW());
    if (!x || !w || getDims(op.getX()).size() != 4 || !hasOneNumber(x) || !getConstantElements(w.getX()))
      return {};
    auto type = cast<RankedTensorType>(w.getX().getType());
    int64_t group = op.getGroup();
    bool isDepthwise = group > 1 && type.getDimSize(0) == group && getConstant(getDims(op.getX())[1]) == group;
    if (group != 1 && !isDepthwise)
      return {};
    int64_t depth = type.getDimSize(1) * type.getDimSize(2) * type.getDimSize(3);
    bool isPerFeature = !hasOneElement(w.getXScale());
    if (depth > kMaxProducts ||
        (isPerFeature && (getDims(w.getXScale()).size() != 1 || w.getAxis() != 0 || w.getBlockSize() != 0)))
      return {};
    // Only zero points in the middle of the range leave a product of bytes. The few weights of a channel may be wider.
    bool isUnsigned = type.getElementType().isUnsignedInteger();
    bool hasZero = isa<RankedTensorType>(w.getXZeroPoint().getType());
    if (!hasZero ? isUnsigned && !isDepthwise : getDims(w.getXZeroPoint()).size() > 1)
      return {};
    if (hasZero) {
      ElementsAttr zeros = getConstantElements(w.getXZeroPoint());
      auto isMiddle = [&](char zero) { return zero == (isUnsigned ? '\x80' : 0); };
      bool hasSome = !hasOneElement(w.getXZeroPoint());
      if (!zeros || (!isDepthwise && !llvm::all_of(getRawElements(zeros), isMiddle)) ||
          (hasSome && (w.getAxis() != 0 || w.getBlockSize() != 0)))
        return {};
    }
    ImplicitLocOpBuilder b(op.getLoc(), op);
    // One number for each feature map, over pixels.
    auto spread = [&](Value perFeature) -> Value {
      auto axes = RankedTensorType::get(2, b.getI64Type());
      auto values = DenseElementsAttr::get(axes, ArrayRef<int64_t>{1, 2});
      return make<UnsqueezeOp>(b, {perFeature, ConstantOp::create(b, axes, values)});
    };
    SmallVector<NamedAttribute> attributes;
    for (StringRef name : {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"})
      if (Attribute attribute = op->getAttr(name))
        attributes.push_back(b.getNamedAttr(name, attribute));
    Value sum = make<ConvIntegerOp>(b, {x.getX(), w.getX(), x.getXZeroPoint(), w.getXZeroPoint()}, attributes);
    Value scale = make<MulOp>(b, {x.getXScale(), w.getXScale()});
    Value y = make<MulOp>(b, {toReal(b, sum), isPerFeature ? spread(scale) : scale});
    if (isa<RankedTensorType>(op.getB().getType()))
      y = make<AddOp>(b, {y, spread(op.getB())});
    return y.getType() == op.getY().getType() ? y : Value();
  }

  static Value toReal(ImplicitLocOpBuilder &b, Value integers) {
    auto number = b.getIntegerAttr(b.getIntegerType(64, /*isSigned=*/true), getOnnxType(b.getF32Type()));
    return make<CastOp>(b, integers, b.getNamedAttr("to", number));
  }

  /// The product as one of bytes, or null.
  Value multiply(Operation *op) {
    auto gemm = dyn_cast<GemmOp>(op);
    if (gemm && (gemm.getTransA() || gemm.getAlpha().convertToFloat() != 1 || gemm.getBeta().convertToFloat() != 1))
      return {};
    DequantizeLinearOp a = getDequantized(op->getOperand(0));
    auto weights = Weights::get(op->getOperand(1), gemm && gemm.getTransB());
    if (!a || !weights || getDims(a.getX()).size() < 2 || !hasOneNumber(a))
      return {};
    ImplicitLocOpBuilder b(op->getLoc(), op);
    Value matrix = weights->op.getX();
    if (weights->isTransposed)
      matrix = make<TransposeOp>(b, matrix, b.getNamedAttr("perm", b.getDenseI64ArrayAttr({1, 0})));
    Value sum = make<MatMulIntegerOp>(b, {a.getX(), matrix, a.getXZeroPoint(), weights->op.getXZeroPoint()});
    Value product =
        make<MulOp>(b, {toReal(b, sum), make<MulOp>(b, {a.getXScale(), weights->op.getXScale()}).getResult()});
    if (gemm && isa<RankedTensorType>(gemm.getC().getType()))
      product = make<AddOp>(b, {product, gemm.getC()});
    return product.getType() == op->getResult(0).getType() ? product : Value();
  }
};
} // namespace
