//===- dialects/onnx/support/Dims.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shapes with symbolic dimensions. See Dims.h.
#include "dialects/onnx/support/Dims.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace onnxc::onnx;

static constexpr StringLiteral kData = "onnx.data";
static constexpr StringLiteral kSymbols = "onnx.symbols";
/// Longest tensor whose content is tracked through shape arithmetic.
static constexpr int64_t kMaxShapeData = 64;

AffineExpr onnxc::onnx::makeDim(MLIRContext *context, int64_t size) { return getAffineConstantExpr(size, context); }

std::optional<int64_t> onnxc::onnx::getConstant(AffineExpr dim) {
  if (auto constant = dyn_cast<AffineConstantExpr>(dim))
    return constant.getValue();
  return std::nullopt;
}

Dims onnxc::onnx::getDims(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  if (auto map = dyn_cast_or_null<AffineMapAttr>(tensor.getEncoding()))
    return Dims(map.getValue().getResults());
  Dims dims;
  for (int64_t size : tensor.getShape()) {
    assert(!ShapedType::isDynamic(size) && "a dynamic dimension has an expression");
    dims.push_back(makeDim(type.getContext(), size));
  }
  return dims;
}

/// Sizes of hostile models may not fit: then the product is larger than any that is let through. The smallest number is
/// not used, for it stands for a dynamic size.
static int64_t saturatingProduct(int64_t a, int64_t b) {
  int64_t result;
  if (llvm::MulOverflow(a, b, result) || result == std::numeric_limits<int64_t>::min())
    return (a < 0) == (b < 0) ? std::numeric_limits<int64_t>::max() : -std::numeric_limits<int64_t>::max();
  return result;
}

/// The factors of a product, numbers multiplied into `coefficient`.
static void collectFactors(AffineExpr expr, int64_t &coefficient, SmallVectorImpl<AffineExpr> &factors) {
  if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr); binary && binary.getKind() == AffineExprKind::Mul) {
    collectFactors(binary.getLHS(), coefficient, factors);
    collectFactors(binary.getRHS(), coefficient, factors);
  } else if (auto constant = getConstant(expr)) {
    coefficient = saturatingProduct(coefficient, *constant);
  } else {
    factors.push_back(expr);
  }
}

/// One form for equal sizes as far as it is cheap to have: products with the number first and symbols in order.
static AffineExpr canonicalize(AffineExpr expr) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || binary.getKind() != AffineExprKind::Mul)
    return expr;
  int64_t coefficient = 1;
  SmallVector<AffineExpr> factors;
  collectFactors(expr, coefficient, factors);
  llvm::stable_sort(factors, [](AffineExpr a, AffineExpr b) {
    auto position = [](AffineExpr e) {
      auto symbol = dyn_cast<AffineSymbolExpr>(e);
      return symbol ? symbol.getPosition() : std::numeric_limits<unsigned>::max();
    };
    return position(a) < position(b);
  });
  AffineExpr result = makeDim(expr.getContext(), 1);
  for (AffineExpr factor : factors)
    result = result * factor;
  return result * coefficient;
}

/// The smallest number of symbols that a map with these results needs.
static unsigned countSymbols(ArrayRef<AffineExpr> exprs) {
  unsigned count = 0;
  for (AffineExpr expr : exprs)
    expr.walk([&](AffineExpr e) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
        count = std::max(count, symbol.getPosition() + 1);
    });
  return count;
}

RankedTensorType onnxc::onnx::makeTensor(ArrayRef<AffineExpr> dims, Type elementType) {
  MLIRContext *context = elementType.getContext();
  SmallVector<int64_t> sizes;
  Dims exprs(llvm::map_range(dims, [](AffineExpr expr) { return canonicalize(expr); }));
  for (AffineExpr expr : exprs)
    sizes.push_back(getConstant(expr).value_or(ShapedType::kDynamic));
  Attribute encoding;
  if (llvm::is_contained(sizes, ShapedType::kDynamic))
    encoding = AffineMapAttr::get(AffineMap::get(0, countSymbols(exprs), exprs, context));
  return RankedTensorType::get(sizes, elementType, encoding);
}

RankedTensorType onnxc::onnx::makeTensor(ArrayRef<int64_t> sizes, Type elementType) {
  return RankedTensorType::get(sizes, elementType);
}

RankedTensorType onnxc::onnx::withElementType(Type type, Type elementType) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), elementType, tensor.getEncoding());
}

RankedTensorType onnxc::onnx::withoutEncoding(RankedTensorType type) {
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

AffineExpr onnxc::onnx::simplify(AffineExpr dim) { return simplifyAffineExpr(dim, 0, countSymbols(dim)); }

AffineExpr onnxc::onnx::product(MLIRContext *context, ArrayRef<AffineExpr> dims) {
  AffineExpr result = makeDim(context, 1);
  for (AffineExpr dim : dims)
    result = result * dim;
  return canonicalize(result);
}

std::optional<int64_t> onnxc::onnx::getDifference(AffineExpr a, AffineExpr b) { return getConstant(simplify(a - b)); }

AffineExpr onnxc::onnx::maximum(AffineExpr a, AffineExpr b) {
  auto difference = getDifference(a, b);
  return !difference ? AffineExpr() : *difference > 0 ? a : b;
}

AffineExpr onnxc::onnx::minimum(AffineExpr a, AffineExpr b) {
  auto difference = getDifference(a, b);
  return !difference ? AffineExpr() : *difference < 0 ? a : b;
}

AffineExpr onnxc::onnx::floorDiv(AffineExpr a, AffineExpr b) {
  if (a == b)
    return makeDim(a.getContext(), 1);
  int64_t ca = 1, cb = 1;
  SmallVector<AffineExpr> fa, fb;
  collectFactors(a, ca, fa);
  collectFactors(b, cb, fb);
  for (auto it = fb.begin(); it != fb.end();) {
    auto match = llvm::find(fa, *it);
    if (match == fa.end()) {
      ++it;
      continue;
    }
    fa.erase(match);
    it = fb.erase(it);
  }
  if (cb != 0 && ca % cb == 0) {
    ca /= cb;
    cb = 1;
  }
  AffineExpr numerator = makeDim(a.getContext(), ca), denominator = makeDim(a.getContext(), cb);
  for (AffineExpr factor : fa)
    numerator = numerator * factor;
  for (AffineExpr factor : fb)
    denominator = denominator * factor;
  return canonicalize(numerator).floorDiv(canonicalize(denominator));
}

namespace {
/// Values an expression can take; a side without a number is unbounded.
struct Interval {
  std::optional<int64_t> low, high;
};
} // namespace

static Interval intervalOf(AffineExpr expr) {
  if (auto number = getConstant(expr))
    return {number, number};
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return {0, std::nullopt};
  Interval a = intervalOf(binary.getLHS()), b = intervalOf(binary.getRHS());
  // Bounds of hostile sizes may not fit: then there is no bound.
  auto add = [](std::optional<int64_t> x, std::optional<int64_t> y) -> std::optional<int64_t> {
    int64_t sum;
    return x && y && !llvm::AddOverflow(*x, *y, sum) ? std::optional(sum) : std::nullopt;
  };
  auto multiply = [](std::optional<int64_t> x, std::optional<int64_t> y) -> std::optional<int64_t> {
    int64_t result;
    return x && y && !llvm::MulOverflow(*x, *y, result) ? std::optional(result) : std::nullopt;
  };
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return {add(a.low, b.low), add(a.high, b.high)};
  case AffineExprKind::Mul:
    if (b.low && b.high && *b.low < 0 && b.low == b.high)
      return {multiply(a.high, b.low), multiply(a.low, b.low)};
    if (a.low && *a.low >= 0 && b.low && *b.low >= 0)
      return {multiply(a.low, b.low), multiply(a.high, b.high)};
    if (b.low && b.low == b.high)
      return {multiply(a.low, b.low), multiply(a.high, b.low)};
    return {};
  case AffineExprKind::Mod:
    return {0, b.high ? add(b.high, -1) : std::nullopt};
  case AffineExprKind::FloorDiv:
  case AffineExprKind::CeilDiv:
    if (b.low && *b.low > 0 && a.low && *a.low >= 0)
      return {0, a.high};
    return {};
  default:
    return {};
  }
}

std::optional<int64_t> onnxc::onnx::lowerBound(AffineExpr expr) { return intervalOf(expr).low; }
std::optional<int64_t> onnxc::onnx::upperBound(AffineExpr expr) { return intervalOf(expr).high; }

bool onnxc::onnx::isNonNegative(AffineExpr dim) {
  auto low = lowerBound(dim);
  return low && *low >= 0;
}

FailureOr<Dims> onnxc::onnx::broadcast(Operation *op, ArrayRef<Dims> shapes, unsigned result) {
  size_t rank = 0;
  for (const Dims &shape : shapes)
    rank = std::max(rank, shape.size());
  Dims dims;
  for (size_t i = 0; i < rank; ++i) {
    // The distinct sizes other than 1 that meet in this dimension.
    SmallVector<AffineExpr> sizes;
    for (const Dims &shape : shapes) {
      if (i + shape.size() < rank)
        continue;
      AffineExpr size = shape[i + shape.size() - rank];
      if (getConstant(size) != 1 && !llvm::is_contained(sizes, size))
        sizes.push_back(size);
    }
    auto numbers = llvm::make_filter_range(sizes, [](AffineExpr e) { return getConstant(e).has_value(); });
    SmallVector<AffineExpr> known(numbers.begin(), numbers.end());
    if (known.size() > 1)
      return op->emitOpError("operands do not broadcast: sizes ")
             << *getConstant(known[0]) << " and " << *getConstant(known[1]) << " meet in dimension " << i;
    if (sizes.empty())
      dims.push_back(makeDim(op->getContext(), 1));
    else if (!known.empty()) // the others are 1 or that number at run time
      dims.push_back(known[0]);
    else
      dims.push_back(sizes.size() == 1 ? sizes[0] : freshSymbol(op, result, i));
  }
  return dims;
}

AffineExpr onnxc::onnx::freshSymbol(Operation *op, unsigned result, unsigned dim) {
  if (auto type = dyn_cast<RankedTensorType>(op->getResult(result).getType()); type && dim < type.getRank())
    if (AffineExpr present = getDims(type)[dim]; isa<AffineSymbolExpr, AffineConstantExpr>(present))
      return present;
  return newSymbol(op);
}

AffineExpr onnxc::onnx::newSymbol(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  SmallVector<Attribute> names;
  if (auto present = function->getAttrOfType<ArrayAttr>(kSymbols))
    names.assign(present.begin(), present.end());
  names.push_back(StringAttr::get(op->getContext(), ""));
  function->setAttr(kSymbols, ArrayAttr::get(op->getContext(), names));
  return getAffineSymbolExpr(names.size() - 1, op->getContext());
}

std::optional<Dims> onnxc::onnx::getShapeData(Value value) {
  Operation *op = value.getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!op || !type)
    return std::nullopt;
  if (auto map = op->getAttrOfType<AffineMapAttr>(kData))
    return Dims(map.getValue().getResults());
  ElementsAttr elements;
  if (!matchPattern(op, m_Constant(&elements)) || type.getRank() > 1 || type.getNumElements() > kMaxShapeData ||
      !type.getElementType().isIntOrIndex())
    return std::nullopt;
  Dims data;
  bool isUnsigned = type.getElementType().isUnsignedInteger() || type.getElementType().isInteger(1);
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense)
    return std::nullopt;
  for (const APInt &element : dense.getValues<APInt>())
    data.push_back(makeDim(op->getContext(), isUnsigned ? element.getZExtValue() : element.getSExtValue()));
  return data;
}

std::optional<SmallVector<int64_t>> onnxc::onnx::getConstantInts(Value value) {
  auto data = getShapeData(value);
  if (!data)
    return std::nullopt;
  SmallVector<int64_t> numbers;
  for (AffineExpr element : *data) {
    auto number = getConstant(element);
    if (!number)
      return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

FailureOr<SmallVector<int64_t>> onnxc::onnx::requireConstantInts(Operation *op, Value value, StringRef name) {
  if (auto numbers = getConstantInts(value))
    return *numbers;
  return op->emitOpError(name) << " must be known when the model is compiled";
}

void onnxc::onnx::setShapeData(Operation *op, ArrayRef<AffineExpr> data) {
  if (static_cast<int64_t>(data.size()) > kMaxShapeData)
    return;
  Dims exprs(llvm::map_range(data, [](AffineExpr expr) { return canonicalize(expr); }));
  op->setAttr(kData, AffineMapAttr::get(AffineMap::get(0, countSymbols(exprs), exprs, op->getContext())));
}

FailureOr<int64_t> onnxc::onnx::normalizeAxis(Operation *op, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return op->emitOpError("axis ") << axis << " is out of range for rank " << rank;
  return axis < 0 ? axis + rank : axis;
}

FailureOr<SmallVector<int64_t>> onnxc::onnx::normalizeAxes(Operation *op, ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<int64_t> normal;
  for (int64_t axis : axes) {
    auto front = normalizeAxis(op, axis, rank);
    if (failed(front))
      return failure();
    normal.push_back(*front);
  }
  llvm::sort(normal);
  if (std::adjacent_find(normal.begin(), normal.end()) != normal.end())
    return op->emitOpError("the same axis is named twice");
  return normal;
}
