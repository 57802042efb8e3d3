//===- dialects/onnx/support/Dims.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shapes with symbolic dimensions. See Dims.h.
#include "dialects/onnx/support/Dims.h"
#include "dialects/onnx/support/Symbols.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Matchers.h"
#include <numeric>

using namespace mlir;
using namespace onnxc::onnx;

static constexpr StringLiteral kData = "onnx.data";
static constexpr StringLiteral kSymbols = "onnx.symbols";
/// Which symbols are max(expression, 0): {s2 = affine_map<()[s0] -> (s0 - 1)>}.
static constexpr StringLiteral kClamped = "onnx.clamped";
/// Longest tensor whose content is tracked through shape arithmetic.
static constexpr int64_t kMaxShapeData = 64;
/// Operators and operands of an expression that needs no symbol of its own (`shorten`).
static constexpr unsigned kMaxExpression = 64;
/// As many symbols stand for maxima before what tensors contain is no longer followed.
static constexpr size_t kMaxClamped = 1 << 11;

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

AffineExpr onnxc::onnx::simplify(AffineExpr dim) {
  unsigned count = countSymbols(dim);
  SmallVector<AffineExpr> symbols;
  dim.walk([&](AffineExpr e) {
    if (isa<AffineSymbolExpr>(e) && !llvm::is_contained(symbols, e))
      symbols.push_back(e);
  });
  if (symbols.size() == count)
    return simplifyAffineExpr(dim, 0, count);
  // The work is in proportion to the highest number of a symbol: those that are there get the first ones, in order.
  llvm::sort(symbols, [](AffineExpr a, AffineExpr b) {
    return cast<AffineSymbolExpr>(a).getPosition() < cast<AffineSymbolExpr>(b).getPosition();
  });
  DenseMap<AffineExpr, AffineExpr> numbers, back;
  for (auto [number, symbol] : llvm::enumerate(symbols)) {
    numbers[symbol] = getAffineSymbolExpr(number, dim.getContext());
    back[numbers[symbol]] = symbol;
  }
  return simplifyAffineExpr(dim.replace(numbers), 0, symbols.size()).replace(back);
}

AffineExpr onnxc::onnx::product(MLIRContext *context, ArrayRef<AffineExpr> dims) {
  AffineExpr result = makeDim(context, 1);
  for (AffineExpr dim : dims)
    result = result * dim;
  return canonicalize(result);
}

std::optional<int64_t> onnxc::onnx::getDifference(AffineExpr a, AffineExpr b) { return getConstant(simplify(a - b)); }

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
    else {
      AffineExpr common = sizes[0];
      for (AffineExpr size : ArrayRef(sizes).drop_front())
        common = common ? commonSize(op, common, size) : common;
      dims.push_back(common ? common : freshSymbol(op, result, i));
    }
  }
  return dims;
}

AffineExpr onnxc::onnx::freshSymbol(Operation *op, unsigned result, unsigned dim) {
  if (auto type = dyn_cast<RankedTensorType>(op->getResult(result).getType()); type && dim < type.getRank())
    if (AffineExpr present = getDims(type)[dim];
        isa<AffineConstantExpr>(present) || (isa<AffineSymbolExpr>(present) && !getClamped(op, present)))
      return present;
  return newSymbol(op);
}

AffineExpr onnxc::onnx::newSymbol(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  SmallVector<Attribute> names;
  if (auto present = function->getAttrOfType<ArrayAttr>(kSymbols))
    names.assign(present.begin(), present.end());
  if (names.size() >= kMaxSymbols) // which is an error of whoever needs one: inferTypes
    return getAffineSymbolExpr(kMaxSymbols - 1, op->getContext());
  names.push_back(StringAttr::get(op->getContext(), ""));
  function->setAttr(kSymbols, ArrayAttr::get(op->getContext(), names));
  return getAffineSymbolExpr(names.size() - 1, op->getContext());
}

bool onnxc::onnx::hasAllSymbols(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  auto names = function ? function->getAttrOfType<ArrayAttr>(kSymbols) : ArrayAttr();
  return names && names.size() >= kMaxSymbols;
}

static DictionaryAttr clampedOf(Operation *op) {
  auto function = isa<func::FuncOp>(op) ? cast<func::FuncOp>(op) : op->getParentOfType<func::FuncOp>();
  auto clamped = function ? function->getAttrOfType<DictionaryAttr>(kClamped) : DictionaryAttr();
  return clamped ? clamped : DictionaryAttr::get(op->getContext());
}

static std::string symbolName(AffineExpr symbol) {
  return "s" + std::to_string(cast<AffineSymbolExpr>(symbol).getPosition());
}

AffineExpr onnxc::onnx::getClamped(Operation *op, AffineExpr symbol) {
  auto map = clampedOf(op).getAs<AffineMapAttr>(symbolName(symbol));
  return map ? map.getValue().getResult(0) : AffineExpr();
}

void onnxc::onnx::walkSymbols(Operation *op, AffineExpr expr, function_ref<void(unsigned)> fn) {
  DenseSet<AffineExpr> seen;
  SmallVector<AffineExpr> open{expr};
  while (!open.empty())
    open.pop_back_val().walk([&](AffineExpr e) {
      if (!isa<AffineSymbolExpr>(e) || !seen.insert(e).second)
        return;
      if (AffineExpr clamped = getClamped(op, e))
        open.push_back(clamped);
      else
        fn(cast<AffineSymbolExpr>(e).getPosition());
    });
}

namespace {
/// Some expressions, and others of which it is known that they are not negative.
struct Case {
  SmallVector<AffineExpr, 2> exprs;
  SmallVector<AffineExpr> facts;

  /// Whether `expr` can't be negative: as it is, or less one or two of the facts.
  bool isNeverNegative(AffineExpr expr) const {
    if (isNonNegative(simplify(expr)))
      return true;
    for (auto [i, fact] : llvm::enumerate(facts)) {
      AffineExpr rest = simplify(expr - fact);
      if (isNonNegative(rest) || llvm::any_of(ArrayRef(facts).drop_front(i + 1),
                                              [&](AffineExpr other) { return isNonNegative(simplify(rest - other)); }))
        return true;
    }
    return false;
  }
  bool is(AffineExpr a, int64_t number) const {
    return isNeverNegative(a - number) && isNeverNegative(makeDim(a.getContext(), number) - a);
  }
  bool isNot(AffineExpr a, int64_t number) const { return differ(a, makeDim(a.getContext(), number)); }
  bool differ(AffineExpr a, AffineExpr b) const { return isNeverNegative(a - b - 1) || isNeverNegative(b - a - 1); }
};
} // namespace

static bool isLarge(AffineExpr expr);

/// A symbol that is max(e, 0) is e, which is not negative then, or 0, when e is: whether `holds` in all such cases.
/// Every symbol doubles the work, so only a few are looked into.
static bool inEveryCase(Operation *op, const Case &given, function_ref<bool(const Case &)> holds, unsigned depth = 4) {
  MLIRContext *context = op->getContext();
  if (holds(given) || given.isNeverNegative(makeDim(context, -1))) // facts that contradict each other: there is no case
    return true;
  AffineExpr symbol, clamped;
  for (AffineExpr expr : given.exprs)
    expr.walk([&](AffineExpr e) {
      if (!clamped && isa<AffineSymbolExpr>(e) && (clamped = getClamped(op, e)))
        symbol = e;
    });
  if (!clamped || depth == 0 || llvm::any_of(given.exprs, isLarge) || llvm::any_of(given.facts, isLarge))
    return false;
  for (bool isClamped : {false, true}) {
    AffineExpr value = isClamped ? makeDim(context, 0) : clamped;
    Case next;
    for (AffineExpr expr : given.exprs)
      next.exprs.push_back(simplify(expr.replace(symbol, value)));
    for (AffineExpr fact : given.facts)
      next.facts.push_back(fact.replace(symbol, value));
    next.facts.push_back(isClamped ? clamped * -1 - 1 : clamped);
    if (!inEveryCase(op, next, holds, depth - 1))
      return false;
  }
  return true;
}

bool onnxc::onnx::isNeverNegative(Operation *op, AffineExpr expr) {
  return inEveryCase(op, {{simplify(expr)}, {}},
                     [](const Case &given) { return given.isNeverNegative(given.exprs[0]); });
}

/// The sign of the first term that is no number.
static bool startsNegative(AffineExpr expr) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Add)
    return startsNegative(binary.getLHS());
  auto factor = binary && binary.getKind() == AffineExprKind::Mul ? getConstant(binary.getRHS()) : std::nullopt;
  return factor && *factor < 0;
}

/// What all terms of a sum are multiples of.
static int64_t commonDivisor(AffineExpr expr) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Add)
    return std::gcd(commonDivisor(binary.getLHS()), commonDivisor(binary.getRHS()));
  AffineExpr factor = binary && binary.getKind() == AffineExprKind::Mul ? binary.getRHS() : expr;
  auto number = getConstant(factor);
  return !number ? 1 : *number == std::numeric_limits<int64_t>::min() ? 1 : std::abs(*number);
}

/// Whether the expression has at most `left` operators and operands.
static bool isWithin(AffineExpr expr, unsigned &left) {
  if (left-- == 0) {
    left = 0;
    return false;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return !binary || (isWithin(binary.getLHS(), left) && isWithin(binary.getRHS(), left));
}

static bool isLarge(AffineExpr expr) {
  unsigned left = kMaxExpression;
  return !isWithin(expr, left);
}

/// The symbol that stands for max(expr, 0).
static AffineExpr symbolFor(Operation *op, AffineExpr expr) {
  MLIRContext *context = op->getContext();
  auto map = AffineMapAttr::get(AffineMap::get(0, countSymbols(expr), expr));
  DictionaryAttr present = clampedOf(op);
  for (NamedAttribute entry : present) {
    unsigned position;
    if (entry.getValue() == map && !entry.getName().strref().drop_front().getAsInteger(10, position))
      return getAffineSymbolExpr(position, context);
  }
  AffineExpr symbol = newSymbol(op);
  if (hasAllSymbols(op)) // it is no new one
    return symbol;
  NamedAttrList clamped(present);
  clamped.set(symbolName(symbol), map);
  op->getParentOfType<func::FuncOp>()->setAttr(kClamped, clamped.getDictionary(context));
  return symbol;
}

AffineExpr onnxc::onnx::shorten(Operation *op, AffineExpr size) {
  return isLarge(size) && !hasAllSymbols(op) ? symbolFor(op, size) : size;
}

AffineExpr onnxc::onnx::clampToZero(Operation *op, AffineExpr expr) {
  MLIRContext *context = op->getContext();
  expr = simplify(expr);
  if (isNeverNegative(op, expr))
    return expr;
  AffineExpr negated = simplify(expr * -1);
  if (isNeverNegative(op, negated))
    return makeDim(context, 0);
  // One of e and -e has a symbol: max(-e, 0) = max(e, 0) - e.
  if (startsNegative(expr) && !startsNegative(negated))
    return simplify(clampToZero(op, negated) - negated);
  if (int64_t divisor = commonDivisor(expr); divisor > 1)
    return clampToZero(op, simplify(floorDiv(expr, makeDim(context, divisor)))) * divisor;
  // max(max(e, 0) - n, 0) = max(e - n, 0).
  if (auto sum = dyn_cast<AffineBinaryOpExpr>(expr); sum && sum.getKind() == AffineExprKind::Add)
    if (auto number = getConstant(sum.getRHS()); number && *number < 0 && isa<AffineSymbolExpr>(sum.getLHS()))
      if (AffineExpr clamped = getClamped(op, sum.getLHS()))
        return clampToZero(op, clamped + *number);
  return symbolFor(op, expr);
}

AffineExpr onnxc::onnx::maximum(Operation *op, AffineExpr a, AffineExpr b) {
  return simplify(b + clampToZero(op, a - b));
}

AffineExpr onnxc::onnx::minimum(Operation *op, AffineExpr a, AffineExpr b) {
  return simplify(a - clampToZero(op, a - b));
}

static bool hasMaximum(Operation *op, AffineExpr expr) {
  bool found = false;
  expr.walk([&](AffineExpr e) { found |= isa<AffineSymbolExpr>(e) && getClamped(op, e); });
  return found;
}

AffineExpr onnxc::onnx::commonSize(Operation *op, AffineExpr a, AffineExpr b) {
  if (a == b)
    return a;
  if (!hasMaximum(op, simplify(a - b))) // nothing else can make them equal
    return {};
  if (hasMaximum(op, a) && !hasMaximum(op, b)) // which is the simpler one for what follows
    std::swap(a, b);
  // Only the size 1 gives way to another.
  auto prevails = [](const Case &given) {
    return given.exprs[0] == given.exprs[1] || given.isNot(given.exprs[0], 1) || given.is(given.exprs[1], 1);
  };
  // What a cut has left of a size is that size, or it is 1 and broadcasts, or it doesn't fit. (Where 0 are left of 1,
  // all would be 0: that is left to the check of the run.)
  auto covers = [&](const Case &given) {
    return prevails(given) || given.isNeverNegative(given.exprs[0] - given.exprs[1]);
  };
  auto differ = [](const Case &given) { return given.differ(given.exprs[0], given.exprs[1]); };
  Case ab{{a, b}, {}}, ba{{b, a}, {}};
  if (inEveryCase(op, ab, prevails))
    return a;
  if (inEveryCase(op, ba, prevails))
    return b;
  if (inEveryCase(op, ab, differ))
    return {};
  if (inEveryCase(op, ab, covers))
    return a;
  return inEveryCase(op, ba, covers) ? b : AffineExpr();
}

std::optional<Placement> onnxc::onnx::placement(Operation *op, AffineExpr size, AffineExpr dim) {
  if (dim == size)
    return Placement::Same;
  if (getConstant(dim) == 1)
    return Placement::Single;
  Case both{{size, dim}, {}};
  // What is neither 1 nor the size doesn't get past the check of the run, and where there is nothing nothing is read.
  if (inEveryCase(op, both, [](const Case &given) {
        return given.exprs[0] == given.exprs[1] || given.is(given.exprs[0], 0) || given.isNot(given.exprs[1], 1);
      }))
    return Placement::Same;
  if (inEveryCase(op, both, [](const Case &given) {
        return given.is(given.exprs[1], 1) || given.is(given.exprs[0], 0) ||
               (given.isNot(given.exprs[1], 1) && given.differ(given.exprs[0], given.exprs[1]));
      }))
    return Placement::Single;
  return std::nullopt;
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
  bool hasManyMaxima = clampedOf(op).size() > kMaxClamped;
  if (llvm::any_of(data, [&](AffineExpr expr) {
        return (hasManyMaxima && hasMaximum(op, expr)) || (isLarge(expr) && !isNonNegative(expr));
      })) {
    op->removeAttr(kData);
    return;
  }
  Dims exprs(llvm::map_range(data, [&](AffineExpr expr) { return shorten(op, canonicalize(expr)); }));
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
