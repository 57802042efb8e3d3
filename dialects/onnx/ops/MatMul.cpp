//===- dialects/onnx/ops/MatMul.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Matrix products, and the sums of products that Einsum's equations say.
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Upgrade.h"
#include "dialects/onnx/support/Weights.h"
#include "dialects/onnx/support/ZeroPoint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace onnxc::onnx;
using onnxc::ConstantView;

/// The sizes of numpy.matmul(a, b); a vector on the left is a row, on the right a column, and its 1 is left out of the
/// result. `full` gets the sizes with those.
static FailureOr<Dims> matmulDims(Operation *op, Dims a, Dims b, Dims *full = nullptr) {
  AffineExpr one = makeDim(op->getContext(), 1);
  if (a.empty() || b.empty())
    return op->emitOpError("operands must not be scalars");
  bool row = a.size() == 1, column = b.size() == 1;
  if (row)
    a.insert(a.begin(), one);
  if (column)
    b.push_back(one);
  AffineExpr inner = a.back(), other = b[b.size() - 2];
  if (getConstant(inner) && getConstant(other) && inner != other)
    return op->emitOpError("A has ") << *getConstant(inner) << " columns, B has " << *getConstant(other) << " rows";
  auto dims = broadcast(op, {Dims(ArrayRef(a).drop_back(2)), Dims(ArrayRef(b).drop_back(2))});
  if (failed(dims))
    return failure();
  if (full) {
    *full = *dims;
    full->append({a[a.size() - 2], b.back()});
  }
  if (!row)
    dims->push_back(a[a.size() - 2]);
  if (!column)
    dims->push_back(b.back());
  return dims;
}

/// numpy.matmul, accumulated in (and returned as) `accumulator`.
static FailureOr<Lowered> lowerMatmul(Operation *op, LoweringBuilder &b, Lowered lhs, Lowered rhs, Type accumulator) {
  Dims full;
  auto dims = matmulDims(op, lhs.dims(), rhs.dims(), &full);
  if (failed(dims))
    return failure();
  AffineExpr one = makeDim(op->getContext(), 1);
  if (lhs.rank() == 1)
    lhs = reshape(b, lhs, {one, lhs.dims()[0]});
  if (rhs.rank() == 1)
    rhs = reshape(b, rhs, {rhs.dims()[0], one});
  return reshape(b, matmul(b, lhs, rhs, full, accumulator), *dims);
}

LogicalResult MatMulOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (getElementTypeOrSelf(getA()) != getElementTypeOrSelf(getB()))
    return emitOpError("A and B have different element types");
  auto dims = matmulDims(*this, getDims(getA()), getDims(getB()));
  if (failed(dims))
    return failure();
  types.push_back(makeTensor(*dims, getElementTypeOrSelf(getA())));
  return success();
}

FailureOr<SmallVector<Value>> MatMulOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered lhs = getLowered(*this, operands, 0), rhs = getLowered(*this, operands, 1);
  auto product = lowerMatmul(*this, b, lhs, rhs, accumulatorType(lhs.element()));
  if (failed(product))
    return failure();
  return SmallVector<Value>{convert(b, *product, lhs.element()).value};
}

//===-- Gemm

/// The sizes of the product: [M, N].
static FailureOr<Dims> gemmDims(GemmOp op) {
  Dims a = getDims(op.getA()), b = getDims(op.getB());
  if (a.size() != 2 || b.size() != 2)
    return op.emitOpError("A and B must have rank 2, they have ") << a.size() << " and " << b.size();
  if (getElementTypeOrSelf(op.getA()) != getElementTypeOrSelf(op.getB()))
    return op.emitOpError("A and B have different element types");
  if (op.getTransA())
    std::swap(a[0], a[1]);
  if (op.getTransB())
    std::swap(b[0], b[1]);
  if (getConstant(a[1]) && getConstant(b[0]) && a[1] != b[0])
    return op.emitOpError("the inner sizes ")
           << *getConstant(a[1]) << " of A' and " << *getConstant(b[0]) << " of B' differ";
  Dims dims{a[0], b[1]};
  if (auto c = dyn_cast<RankedTensorType>(op.getC().getType())) { // broadcasts to the product, not the reverse
    Dims addend = getDims(c);
    if (addend.size() > 2)
      return op.emitOpError("C has rank ") << addend.size() << ", expected at most 2";
    for (auto [size, result] : llvm::zip_equal(addend, ArrayRef(dims).take_back(addend.size())))
      if (getConstant(size) && *getConstant(size) != 1 && getConstant(result) && size != result)
        return op.emitOpError("C with size ")
               << *getConstant(size) << " does not broadcast to " << *getConstant(result);
  }
  return dims;
}

LogicalResult GemmOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = gemmDims(*this);
  if (failed(dims))
    return failure();
  types.push_back(makeTensor(*dims, getElementTypeOrSelf(getA())));
  return success();
}

/// factor * x, where x has the element type `element` (with signedness). Integers are scaled in float, as the
/// attributes are.
static Value scale(ImplicitLocOpBuilder &b, Value x, float factor, Type element) {
  if (factor == 1.0f)
    return x;
  if (isa<FloatType>(element))
    return arith::MulFOp::create(b, x, arith::ConstantOp::create(b, cast<TypedAttr>(b.getFloatAttr(element, factor))));
  if (factor == static_cast<float>(static_cast<int64_t>(factor)))
    return arith::MulIOp::create(
        b, x, arith::ConstantOp::create(b, b.getIntegerAttr(x.getType(), static_cast<int64_t>(factor))));
  Value real = convertScalar(b, x, element, b.getF64Type());
  real = arith::MulFOp::create(b, real, arith::ConstantOp::create(b, b.getF64FloatAttr(factor)));
  return element.isUnsignedInteger() ? Value(arith::FPToUIOp::create(b, x.getType(), real))
                                     : Value(arith::FPToSIOp::create(b, x.getType(), real));
}

FailureOr<SmallVector<Value>> GemmOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto dims = gemmDims(*this);
  if (failed(dims))
    return failure();
  Lowered lhs = getLowered(*this, operands, 0), rhs = getLowered(*this, operands, 1),
          c = getLowered(*this, operands, 2);
  Type element = lhs.element(), accumulator = accumulatorType(element);
  b.requireEqual(lhs.dims()[getTransA() ? 0 : 1], rhs.dims()[getTransB() ? 1 : 0], "Gemm: the inner sizes differ");
  Lowered y;
  if (!getTransA() && !getTransB()) {
    y = matmul(b, lhs, rhs, *dims, accumulator);
  } else {
    AffineExpr m = b.getAffineDimExpr(0), n = b.getAffineDimExpr(1), k = b.getAffineDimExpr(2);
    auto map = [&](AffineExpr first, AffineExpr second, bool transposed) {
      return AffineMap::get(3, 0, transposed ? ArrayRef{second, first} : ArrayRef{first, second}, b.getContext());
    };
    y = contract(b, lhs, map(m, k, getTransA()), rhs, map(k, n, getTransB()), *dims, map(m, n, false), accumulator);
  }
  float alpha = getAlpha().convertToFloat(), beta = getBeta().convertToFloat();
  if (!c || beta == 0.0f) {
    if (alpha == 1.0f)
      return SmallVector<Value>{convert(b, y, element).value};
    c = {};
  }
  SmallVector<Value> inputs{y.value};
  SmallVector<Type> types{y.type};
  if (c) {
    inputs.push_back(c.value);
    types.push_back(c.type);
  }
  return SmallVector<Value>{
      b.elementwise(getY().getType(), inputs, types, [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
        Value sum = scale(b, args[0], alpha, accumulator);
        if (c) {
          Value addend = scale(b, convertScalar(b, args[1], element, accumulator), beta, accumulator);
          sum = isa<FloatType>(accumulator) ? Value(arith::AddFOp::create(b, sum, addend))
                                            : Value(arith::AddIOp::create(b, sum, addend));
        }
        return convertScalar(b, sum, accumulator, element);
      })};
}

//===-- MatMulInteger

/// "Inputs A and B are int8 or uint8, and their zero points have the same types"; a zero point is a scalar, has one
/// number for each row or column, or the operand's rank (specification of MatMulInteger).
static LogicalResult verifyQuantized(Operation *op, Value operand, Value zero, StringRef name) {
  auto type = cast<RankedTensorType>(operand.getType()), zeroType = dyn_cast<RankedTensorType>(zero.getType());
  auto element = dyn_cast<IntegerType>(type.getElementType());
  if (!element || element.getWidth() != 8)
    return op->emitOpError(name) << " must be int8 or uint8, not " << getElementTypeName(type.getElementType());
  if (!zeroType)
    return success();
  if (zeroType.getElementType() != element)
    return op->emitOpError(name) << " and its zero point have different element types";
  int64_t rank = zeroType.getRank();
  bool isOne = rank == 0 || (rank == 1 && zeroType.getDimSize(0) == 1);
  if (!isOne && (type.getRank() < 2 || (rank != 1 && rank != type.getRank())))
    return op->emitOpError("the zero point of ")
           << name << " has rank " << rank << ", " << name << " has rank " << type.getRank();
  if (!isOne && rank > 1)
    for (auto [i, size] : llvm::enumerate(zeroType.getShape()))
      if (size != 1 && getDifference(getDims(zeroType)[i], getDims(type)[i]).value_or(0) != 0)
        return op->emitOpError("the sizes of the zero point of ") << name << " do not fit: dimension " << i;
  return success();
}

LogicalResult MatMulIntegerOp::inferTypes(SmallVectorImpl<Type> &types) {
  // A vector has one zero point.
  for (auto [i, name] : llvm::enumerate(ArrayRef<StringRef>{"a_zero_point", "b_zero_point"}))
    if (getDims(getOperand(i)).size() < 2 && failed(assumeLength(*this, 2 + i, 1, name)))
      return failure();
  auto dims = matmulDims(*this, getDims(getA()), getDims(getB()));
  if (failed(dims) || failed(verifyQuantized(*this, getA(), getAZeroPoint(), "A")) ||
      failed(verifyQuantized(*this, getB(), getBZeroPoint(), "B")))
    return failure();
  types.push_back(makeTensor(*dims, IntegerType::get(getContext(), 32)));
  return success();
}

namespace {
/// The right side of a product of bytes: constant, signed, with zero points of its columns.
struct ByteColumns {
  Lowered numbers;                  ///< [K, N] of i8
  std::vector<int32_t> zeros, sums; ///< of each column
  bool hasZeros() const {
    return llvm::any_of(zeros, [](int32_t zero) { return zero != 0; });
  }

  /// Null numbers where b or its zero points are not constant, or it is no matrix.
  static ByteColumns get(LoweringBuilder &builder, Lowered b, Lowered zero);
};
} // namespace

ByteColumns ByteColumns::get(LoweringBuilder &builder, Lowered b, Lowered zero) {
  auto view = ConstantView::of(b.value);
  ElementsAttr zeroElements = zero ? getConstantElements(zero.value) : ElementsAttr();
  if (!view || (zero && !zeroElements) || b.rank() != 2 || view->count() == 0)
    return {};
  int64_t depth = view->shape[0], count = view->shape[1];
  ArrayRef<char> zeroBytes = zero ? getRawElements(zeroElements) : ArrayRef<char>();
  if (zero && (zeroBytes.empty() || (!zeroElements.isSplat() && zeroBytes.size() != static_cast<size_t>(count))))
    return {};
  // Unsigned numbers and their zero points become signed ones, 128 less.
  bool isUnsigned = b.element().isUnsignedInteger();
  ByteColumns columns;
  columns.zeros.assign(count, isUnsigned ? -128 : 0);
  for (int64_t n = 0; zero && n < count; ++n) {
    char byte = zeroBytes[zeroElements.isSplat() ? 0 : n];
    columns.zeros[n] = static_cast<int8_t>(isUnsigned ? byte ^ 0x80 : byte);
  }
  columns.numbers = b;
  if (isUnsigned) {
    view = asSigned(*view);
    RankedTensorType type = withElementType(b.type, builder.getIntegerType(8));
    columns.numbers = makeConstant(builder, *view, type);
  }
  columns.sums.assign(count, 0);
  auto add = [&](int64_t k, int64_t n) { // modulo 2^32, as the product is
    int8_t number = view->byteAt(view->offset + k * view->strides[0] + n * view->strides[1]);
    columns.sums[n] = static_cast<int32_t>(static_cast<uint32_t>(columns.sums[n]) + number);
  };
  bool isByColumn = view->strides[0] < view->strides[1];
  for (int64_t outer = 0; outer < (isByColumn ? count : depth); ++outer)
    for (int64_t inner = 0; inner < (isByColumn ? depth : count); ++inner)
      isByColumn ? add(inner, outer) : add(outer, inner);
  return columns;
}

/// sum (a - za) (b - zb) = sum a b - za (sum b - K zb) - zb sum a, with sums over K.
static Lowered multiplyBytes(LoweringBuilder &b, Lowered a, Lowered aZero, const ByteColumns &columns) {
  Type i32 = b.getI32Type();
  AffineExpr many = a.dims()[0], m, n, k;
  int64_t depth = columns.numbers.type.getDimSize(0);
  AffineExpr count = columns.numbers.dims()[1];
  bindDims(b.getContext(), m, n, k);
  auto map = [&](unsigned dims, ArrayRef<AffineExpr> exprs) { return AffineMap::get(dims, 0, exprs, b.getContext()); };
  Lowered product = contract(b, a, map(3, {m, k}), columns.numbers, map(3, {k, n}), {many, count}, map(3, {m, n}), i32);
  SmallVector<Value> inputs{product.value};
  SmallVector<AffineMap> maps{map(2, {m, n})};
  auto perColumn = [&](ArrayRef<int32_t> values) {
    auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, i32);
    ArrayRef<char> bytes(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(int32_t));
    inputs.push_back(arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(type, bytes))));
    maps.push_back(map(2, {n}));
  };
  if (aZero) {
    std::vector<int32_t> sums = columns.sums;
    for (auto [sum, zero] : llvm::zip_equal(sums, columns.zeros))
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum) - static_cast<uint32_t>(depth) * zero);
    inputs.push_back(aZero.value);
    maps.push_back(aZero.rank() == 0 ? map(2, {})
                                     : map(2, {getConstant(aZero.dims()[0]) == 1 ? b.getAffineConstantExpr(0) : m}));
    perColumn(sums);
  }
  if (columns.hasZeros()) {
    Value sums = b.reduce(a.value, a.type, {1}, b.constantInt(i32, 0),
                          [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                            return arith::AddIOp::create(body, args[1], convertScalar(body, args[0], a.element(), i32));
                          });
    inputs.push_back(sums);
    maps.push_back(map(2, {m}));
    perColumn(columns.zeros);
  }
  if (inputs.size() == 1)
    return product;
  Value result = b.elementwise(product.type, inputs, maps, [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
    Value sum = args[0];
    args = args.drop_front();
    auto subtract = [&](Value x, Value y) {
      sum = arith::SubIOp::create(body, sum, arith::MulIOp::create(body, x, y));
    };
    if (aZero) {
      subtract(convertScalar(body, args[0], aZero.element(), i32), args[1]);
      args = args.drop_front(2);
    }
    if (columns.hasZeros())
      subtract(args[0], args[1]);
    return sum;
  });
  return {result, product.type};
}

FailureOr<SmallVector<Value>> MatMulIntegerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered lhs = getLowered(*this, operands, 0), rhs = getLowered(*this, operands, 1);
  // Bytes stay bytes where they meet a constant matrix. A zero point of A may be one for each row of a matrix.
  Lowered aZero = getLowered(*this, operands, 2);
  bool isOne = aZero && llvm::all_of(aZero.dims(), [](AffineExpr size) { return getConstant(size) == 1; });
  if (lhs.rank() >= 2 && (!aZero || isOne || (aZero.rank() == 1 && lhs.rank() == 2)))
    if (ByteColumns columns = ByteColumns::get(b, rhs, getLowered(*this, operands, 3)); columns.numbers) {
      Dims dims = lhs.dims();
      AffineExpr depth = columns.numbers.dims()[0];
      b.requireEqual(dims.back(), depth, "MatMulInteger: A has another number of columns than B has rows");
      if (isOne)
        aZero = reshape(b, aZero, {});
      else if (aZero)
        aZero = spread(b, aZero, dims[0], "the number of zero points does not fit");
      AffineExpr many = product(b.getContext(), ArrayRef(dims).drop_back());
      Lowered y = multiplyBytes(b, reshape(b, lhs, {many, depth}), aZero, columns);
      return SmallVector<Value>{reshape(b, y, getDims(getY())).value};
    }
  lhs = subtractZeroPoint(b, lhs, getLowered(*this, operands, 2), std::max<int64_t>(lhs.rank() - 2, 0)); // per row
  rhs = subtractZeroPoint(b, rhs, getLowered(*this, operands, 3), rhs.rank() - 1);                       // per column
  auto product = lowerMatmul(*this, b, lhs, rhs, b.getI32Type());
  if (failed(product))
    return failure();
  return SmallVector<Value>{product->value};
}

//===-- Einsum

namespace {
/// The dimensions of an operand or the result, each with the letter that it has in the equation. Those that an ellipsis
/// stands for are numbered from the last, from -1 down.
using Labels = SmallVector<int>;

struct Equation {
  SmallVector<Labels> operands;
  Labels result;
  /// Null for a label that the result doesn't have where only the run knows which of its sizes are 1.
  llvm::SmallDenseMap<int, AffineExpr> sizes;
};
} // namespace

/// The labels of one term for a tensor of rank `rank`, or of the dimensions `ellipsis` where there is none yet.
static FailureOr<Labels> parseTerm(Operation *op, StringRef term, std::optional<int64_t> rank, int64_t &ellipsis) {
  size_t dots = term.find("...");
  bool hasEllipsis = dots != StringRef::npos;
  if (rank) {
    int64_t letters = term.size() - (hasEllipsis ? 3 : 0);
    if (hasEllipsis ? *rank < letters : *rank != letters)
      return op->emitOpError("\"") << term << "\" does not fit an operand of rank " << *rank;
    if (hasEllipsis)
      ellipsis = std::max(ellipsis, *rank - letters);
  }
  int64_t covered = hasEllipsis && rank ? *rank - static_cast<int64_t>(term.size() - 3) : ellipsis;
  Labels labels;
  for (size_t i = 0; i < term.size(); ++i) {
    if (hasEllipsis && i == dots) {
      for (int64_t k = covered; k > 0; --k)
        labels.push_back(-static_cast<int>(k));
      i += 2;
    } else if (llvm::isAlpha(term[i])) {
      labels.push_back(term[i]);
    } else {
      return op->emitOpError("unexpected \"") << term.substr(i, 1) << "\" in a term of the equation";
    }
  }
  return labels;
}

/// The equation of numpy.einsum: terms of letters, at most one "..." in each; without "->" the result has the ellipsis,
/// then the letters that occur once, in alphabetical order.
static FailureOr<Equation> parseEquation(EinsumOp op) {
  std::string text;
  llvm::copy_if(op.getEquation(), std::back_inserter(text), [](char c) { return !llvm::isSpace(c); });
  auto [left, right] = StringRef(text).split("->");
  SmallVector<StringRef> terms;
  llvm::SmallDenseMap<int, SmallVector<AffineExpr>> given; // the different sizes of a label, but for 1
  left.split(terms, ',');
  ValueRange inputs = op.getInputs();
  if (terms.size() != inputs.size())
    return op.emitOpError("the equation has ") << terms.size() << " terms for " << inputs.size() << " operands";
  Equation equation;
  int64_t ellipsis = 0;
  for (auto [term, input] : llvm::zip_equal(terms, inputs)) {
    Dims dims = getDims(input);
    auto labels = parseTerm(op, term, dims.size(), ellipsis);
    if (failed(labels))
      return failure();
    for (auto [label, dim] : llvm::zip_equal(*labels, dims)) {
      SmallVector<AffineExpr> &sizes = given[label];
      auto own = getConstant(dim);
      for (AffineExpr size : sizes)
        if (auto known = getConstant(size); known && own && *known != *own && *own != 1)
          return op.emitOpError("sizes ") << *known << " and " << *own << " of the same subscript differ";
      if (own != 1 && !llvm::is_contained(sizes, dim))
        sizes.push_back(dim);
    }
    equation.operands.push_back(*labels);
  }
  if (text.find("->") != std::string::npos) {
    int64_t covered = ellipsis;
    auto labels = parseTerm(op, right, std::nullopt, covered);
    if (failed(labels))
      return failure();
    if (ellipsis > 0 && right.find("...") == StringRef::npos)
      return op.emitOpError("the result lacks the ellipsis that the operands have");
    equation.result = *labels;
  } else {
    for (int64_t k = ellipsis; k > 0; --k)
      equation.result.push_back(-static_cast<int>(k));
    for (int c = 'A'; c <= 'z'; ++c) {
      int64_t count = 0;
      for (const Labels &labels : equation.operands)
        count += llvm::count(labels, c);
      if (count == 1)
        equation.result.push_back(c);
    }
  }
  for (auto [i, label] : llvm::enumerate(equation.result)) {
    if (!given.contains(label))
      return op.emitOpError("the result has a subscript that no operand has");
    if (llvm::is_contained(ArrayRef(equation.result).take_front(i), label))
      return op.emitOpError("the result has a subscript twice");
  }
  // A dimension of size 1 broadcasts.
  for (const auto &[label, sizes] : given) {
    AffineExpr &common = equation.sizes[label];
    if (sizes.empty()) {
      common = makeDim(op.getContext(), 1);
      continue;
    }
    auto number = llvm::find_if(sizes, [](AffineExpr size) { return getConstant(size).has_value(); });
    common = number == sizes.end() ? sizes[0] : *number;
    for (AffineExpr size : sizes)
      if (common && number == sizes.end())
        common = commonSize(op, common, size);
    if (auto place = llvm::find(equation.result, label); !common && place != equation.result.end())
      common = freshSymbol(op, 0, place - equation.result.begin());
  }
  return equation;
}

LogicalResult EinsumOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (getInputs().empty())
    return emitOpError("needs an operand");
  Type element = getElementTypeOrSelf(getInputs()[0]);
  for (Value input : getInputs())
    if (getElementTypeOrSelf(input) != element)
      return emitOpError("operands have different element types");
  if (element.isInteger(1))
    return emitOpError("takes numbers, not bool");
  auto equation = parseEquation(*this);
  if (failed(equation))
    return failure();
  Dims dims;
  for (int label : equation->result)
    dims.push_back(equation->sizes[label]);
  types.push_back(makeTensor(dims, element));
  return success();
}

namespace {
/// A product so far: a tensor whose dimensions have these labels.
struct Term {
  Lowered tensor;
  Labels labels;
};

/// Sums of products of terms of one equation.
class Products {
public:
  Products(LoweringBuilder &b, Equation &equation, Type accumulator)
      : b(b), equation(equation), accumulator(accumulator) {}

  /// The term with these labels, of its own: diagonals taken, the others summed over.
  Term select(const Term &term, const Labels &kept) {
    if (term.labels == kept)
      return term;
    Labels loops = join(kept, term.labels);
    RankedTensorType type = makeTensor(sizesOf(kept, {term}), accumulator);
    if (loops.size() == kept.size()) // nothing is summed
      return {{b.elementwise(type, term.tensor.value, mapOf(term, loops, term),
                             [&](ImplicitLocOpBuilder &body, ValueRange args) {
                               return convertScalar(body, args[0], term.tensor.element(), accumulator);
                             }),
               type},
              kept};
    Value zeros = b.filled(type, b.constant(b.loweredType(type).getElementType(), 0));
    SmallVector<utils::IteratorType> iterators(loops.size(), utils::IteratorType::reduction);
    std::fill_n(iterators.begin(), kept.size(), utils::IteratorType::parallel);
    SmallVector<AffineMap> maps{mapOf(term, loops, term), mapOf({{zeros, type}, kept}, loops, term)};
    auto generic = linalg::GenericOp::create(
        b, TypeRange{zeros.getType()}, term.tensor.value, zeros, maps, iterators,
        [&](OpBuilder &nested, Location loc, ValueRange args) {
          ImplicitLocOpBuilder body(loc, nested);
          Value x = convertScalar(body, args[0], term.tensor.element(), accumulator);
          linalg::YieldOp::create(body, isa<FloatType>(accumulator) ? Value(arith::AddFOp::create(body, args[1], x))
                                                                    : Value(arith::AddIOp::create(body, args[1], x)));
        });
    return {{generic.getResult(0), type}, kept};
  }

  Term multiply(const Term &lhs, const Term &rhs, const Labels &kept) {
    Labels loops = join(join(kept, lhs.labels), rhs.labels);
    Term result{{Value(), makeTensor(sizesOf(kept, {lhs, rhs}), accumulator)}, kept};
    SmallVector<AffineMap> maps{mapOf(lhs, loops, {lhs, rhs}), mapOf(rhs, loops, {lhs, rhs})};
    if (loops.size() > kept.size())
      result.tensor = contract(b, lhs.tensor, maps[0], rhs.tensor, maps[1], result.tensor.dims(),
                               mapOf(result, loops, {lhs, rhs}), accumulator);
    else // nothing is summed
      result.tensor.value = b.elementwise(result.tensor.type, {lhs.tensor.value, rhs.tensor.value}, maps,
                                          [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                                            Value x = convertScalar(body, args[0], lhs.tensor.element(), accumulator);
                                            Value y = convertScalar(body, args[1], rhs.tensor.element(), accumulator);
                                            return isa<FloatType>(accumulator)
                                                       ? Value(arith::MulFOp::create(body, x, y))
                                                       : Value(arith::MulIOp::create(body, x, y));
                                          });
    return result;
  }

private:
  static Labels join(Labels labels, const Labels &more) {
    for (int label : more)
      if (!llvm::is_contained(labels, label))
        labels.push_back(label);
    return labels;
  }

  /// Whether the dimension is 1 in every one of the terms: then so it is in their product.
  bool isSingle(int label, ArrayRef<Term> terms) const {
    for (const Term &term : terms)
      for (auto [own, size] : llvm::zip_equal(term.labels, term.tensor.dims()))
        if (own == label && getConstant(size) != 1)
          return false;
    return true;
  }

  Dims sizesOf(const Labels &labels, ArrayRef<Term> terms) const {
    Dims dims;
    for (int label : labels)
      dims.push_back(isSingle(label, terms) ? makeDim(b.getContext(), 1) : equation.sizes.lookup(label));
    return dims;
  }

  AffineMap mapOf(const Term &term, const Labels &loops, ArrayRef<Term> terms) const {
    SmallVector<AffineExpr> exprs;
    for (auto [label, size] : llvm::zip_equal(term.labels, term.tensor.dims())) {
      bool repeats = getConstant(size) == 1 && !isSingle(label, terms);
      exprs.push_back(repeats ? b.getAffineConstantExpr(0)
                              : b.getAffineDimExpr(llvm::find(loops, label) - loops.begin()));
    }
    return AffineMap::get(loops.size(), 0, exprs, b.getContext());
  }

  LoweringBuilder &b;
  Equation &equation;
  Type accumulator;
};
} // namespace

FailureOr<SmallVector<Value>> EinsumOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto equation = parseEquation(*this);
  if (failed(equation))
    return failure();
  Type element = getElementTypeOrSelf(getType());
  Products products(b, *equation, accumulatorType(element));
  SmallVector<Term> terms;
  for (auto [i, labels] : llvm::enumerate(equation->operands)) {
    terms.push_back({getLowered(*this, operands, i), labels});
  }
  for (auto &[label, size] : equation->sizes) {
    SmallVector<Dims> own;
    for (const Term &term : terms)
      for (auto [other, dim] : llvm::zip_equal(term.labels, term.tensor.dims()))
        if (other == label)
          own.push_back(Dims{dim});
    if (!size)
      size = newSymbol(*this);
    b.bindBroadcast(size, own);
  }
  // What the run may find to be 1 is repeated before.
  for (Term &term : terms) {
    Dims dims = term.tensor.dims();
    for (auto [label, dim] : llvm::zip_equal(term.labels, dims))
      if (getConstant(dim) != 1)
        dim = equation->sizes[label];
    if (dims == term.tensor.dims())
      continue;
    RankedTensorType type = makeTensor(dims, term.tensor.element());
    term.tensor = {b.elementwise(type, term.tensor.value, TypeRange{term.tensor.type},
                                 [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; }),
                   type};
  }
  // Labels of a product, in the order in which they come, that the result or a later operand has.
  auto kept = [&](ArrayRef<Labels> candidates, size_t later) {
    Labels labels;
    auto isNeeded = [&](int label) {
      return llvm::is_contained(equation->result, label) ||
             llvm::any_of(ArrayRef(terms).drop_front(later),
                          [&](const Term &term) { return llvm::is_contained(term.labels, label); });
    };
    for (const Labels &candidate : candidates)
      for (int label : candidate)
        if (isNeeded(label) && !llvm::is_contained(labels, label))
          labels.push_back(label);
    return labels;
  };
  // From the left; what only one factor has is summed up before it is multiplied.
  Term product = terms[0];
  for (size_t i = 1; i < terms.size(); ++i) {
    product = products.select(product, kept(product.labels, i));
    Labels own;
    for (int label : terms[i].labels)
      if (!llvm::is_contained(own, label) &&
          (llvm::is_contained(product.labels, label) || llvm::is_contained(kept(terms[i].labels, i + 1), label)))
        own.push_back(label);
    Term factor = products.select(terms[i], own);
    bool isLast = i + 1 == terms.size();
    product =
        products.multiply(product, factor, isLast ? equation->result : kept({product.labels, factor.labels}, i + 1));
  }
  product = products.select(product, equation->result);
  return SmallVector<Value>{convert(b, product.tensor, element).value};
}

//===-- Older forms

/// Until version 7, C broadcast only where the attribute said so.
static LogicalResult dropBroadcast(NodeForm &node) {
  node.take("broadcast");
  return success();
}

/// Matrices in a Gemm, says the specification; fusing exporters leave batches there, and mean MatMul and Add.
static LogicalResult expandBatchedGemm(NodeForm &node) {
  auto rank = [&](unsigned i) {
    auto type = node.operand(i) ? dyn_cast<RankedTensorType>(node.operand(i).getType()) : RankedTensorType();
    return type ? type.getRank() : 0;
  };
  if (rank(0) <= 2 && rank(1) <= 2)
    return success();
  if (node.operands.size() > 3 || takeInt(node, "transA", 0) || takeInt(node, "transB", 0) ||
      takeFloat(node, "alpha", 1) != 1 || takeFloat(node, "beta", 1) != 1)
    return node.error() << "A and B must have rank 2, they have " << rank(0) << " and " << rank(1);
  Value product = build<MatMulOp>(node, {node.operand(0), node.operand(1)});
  return finish(node, {node.operand(2) ? build<AddOp>(node, {product, node.operand(2)}) : product});
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/MatMul.cpp.inc"

void onnxc::onnx::registerMatMulOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/MatMul.cpp.inc"
      >();
  dialect.addUpgrade("Gemm", 7, dropBroadcast);
  dialect.addUpgrade("Gemm", std::numeric_limits<int64_t>::max(), expandBatchedGemm); // of any version
}
