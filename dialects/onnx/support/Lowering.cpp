//===- dialects/onnx/support/Lowering.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The builder that lowerings get. See Lowering.h.
#include "dialects/onnx/support/Lowering.h"
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/SizeWords.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace onnxc::onnx;

Value LoweringBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }

bool LoweringBuilder::isBound(unsigned position) {
  if (symbols.contains(position))
    return true;
  // What is bound already stands for all that it is made of.
  Operation *parent = getInsertionBlock()->getParentOp();
  DenseSet<unsigned> seen{position};
  SmallVector<unsigned> open{position};
  bool holds = true;
  while (holds && !open.empty()) {
    AffineExpr clamped = getClamped(parent, getAffineSymbolExpr(open.pop_back_val()));
    holds = static_cast<bool>(clamped);
    if (holds)
      clamped.walk([&](AffineExpr e) {
        auto symbol = dyn_cast<AffineSymbolExpr>(e);
        if (symbol && !symbols.contains(symbol.getPosition()) && seen.insert(symbol.getPosition()).second)
          open.push_back(symbol.getPosition());
      });
  }
  return holds;
}

void LoweringBuilder::bindClamped(AffineExpr expr) {
  expr.walk([&](AffineExpr e) {
    auto symbol = dyn_cast<AffineSymbolExpr>(e);
    if (!symbol || symbols.contains(symbol.getPosition()) || !isBound(symbol.getPosition()))
      return;
    bindClamped(getClamped(getInsertionBlock()->getParentOp(), e));
    bindSymbol(symbol.getPosition(), materializeIndex(e));
  });
}

Value LoweringBuilder::materializeIndex(AffineExpr dim) {
  if (auto number = getConstant(dim))
    return index(*number);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(dim)) {
    if (Value value = symbols.lookup(symbol.getPosition()))
      return value;
    AffineExpr clamped = getClamped(getInsertionBlock()->getParentOp(), symbol);
    assert(clamped && "the symbol was bound by an input or by the operation that made it");
    return arith::MaxSIOp::create(*this, materializeIndex(clamped), index(0));
  }
  auto binary = cast<AffineBinaryOpExpr>(dim);
  Value lhs = materializeIndex(binary.getLHS()), rhs = materializeIndex(binary.getRHS());
  // A size of 0 must not end the program: what is divided by it is a size of something empty.
  if (binary.getKind() != AffineExprKind::Add && binary.getKind() != AffineExprKind::Mul &&
      !getConstant(binary.getRHS()))
    rhs = arith::MaxSIOp::create(*this, rhs, index(1));
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(*this, lhs, rhs);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(*this, lhs, rhs);
  case AffineExprKind::FloorDiv:
    return arith::FloorDivSIOp::create(*this, lhs, rhs);
  case AffineExprKind::CeilDiv:
    return arith::CeilDivSIOp::create(*this, lhs, rhs);
  case AffineExprKind::Mod: { // affine: the result has the sign of the (positive) right side
    Value quotient = arith::FloorDivSIOp::create(*this, lhs, rhs);
    return arith::SubIOp::create(*this, lhs, arith::MulIOp::create(*this, quotient, rhs));
  }
  default:
    llvm_unreachable("not an operator of affine expressions");
  }
}

OpFoldResult LoweringBuilder::materialize(AffineExpr dim) {
  if (auto number = getConstant(dim))
    return getIndexAttr(*number);
  return materializeIndex(dim);
}

SmallVector<OpFoldResult> LoweringBuilder::materialize(ArrayRef<AffineExpr> dims) {
  return llvm::map_to_vector(dims, [&](AffineExpr dim) { return materialize(dim); });
}

Value LoweringBuilder::element(Value onnxValue, Value lowered, int64_t i) {
  if (auto data = getShapeData(onnxValue))
    return materializeIndex((*data)[i]);
  SmallVector<Value> indices;
  auto type = cast<RankedTensorType>(lowered.getType());
  assert(type.getRank() <= 1 && "shape data is a scalar or a vector");
  if (type.getRank() == 1)
    indices.push_back(index(i));
  return arith::IndexCastOp::create(*this, getIndexType(), tensor::ExtractOp::create(*this, lowered, indices));
}

Value LoweringBuilder::fromShapeData(Type onnxType, ArrayRef<AffineExpr> data) {
  RankedTensorType type = loweredType(onnxType);
  Type elementType = type.getElementType();
  if (llvm::all_of(data, [](AffineExpr e) { return getConstant(e).has_value(); })) {
    unsigned width = elementType.getIntOrFloatBitWidth();
    auto values = llvm::map_to_vector(
        data, [&](AffineExpr e) { return APInt(64, *getConstant(e), /*isSigned=*/true).sextOrTrunc(width); });
    return arith::ConstantOp::create(*this, DenseElementsAttr::get(type, values));
  }
  SmallVector<Value> elements;
  for (AffineExpr e : data)
    elements.push_back(arith::IndexCastOp::create(*this, elementType, materializeIndex(e)));
  return tensor::FromElementsOp::create(*this, type, elements);
}

void LoweringBuilder::requireNonNegative(AffineExpr expr, const Twine &message) {
  expr = simplify(expr);
  if (auto low = lowerBound(expr); low && *low >= 0)
    return;
  Value holds = arith::CmpIOp::create(*this, arith::CmpIPredicate::sge, materializeIndex(expr), index(0));
  cf::AssertOp::create(*this, holds, (message + wantsNonNegative(getInsertionBlock()->getParentOp(), expr)).str());
}

void LoweringBuilder::requireEqual(AffineExpr a, AffineExpr b, const Twine &message) {
  if (getConstant(simplify(a - b)) == 0)
    return;
  Value holds = arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, materializeIndex(a), materializeIndex(b));
  cf::AssertOp::create(*this, holds, (message + wantsEqual(getInsertionBlock()->getParentOp(), a, b)).str());
}

void LoweringBuilder::bindFresh(AffineExpr dim, function_ref<Value()> size) {
  auto symbol = dyn_cast<AffineSymbolExpr>(dim);
  if (!symbol || isBound(symbol.getPosition()))
    return;
  Value value = size();
  bindSymbol(symbol.getPosition(), value);
  // Symbols are at least 0, so the sizes that they stand for must be, whatever the data say.
  auto clamped = value.getDefiningOp<arith::MaxSIOp>();
  if (clamped && llvm::is_contained(llvm::map_range(clamped->getOperands(), getConstantIntValue), 0))
    return;
  Value holds = arith::CmpIOp::create(*this, arith::CmpIPredicate::sge, value, index(0));
  cf::AssertOp::create(*this, holds, "a size is negative");
}

void LoweringBuilder::bindBroadcast(ArrayRef<AffineExpr> result, ArrayRef<Dims> operands) {
  for (auto [i, dim] : llvm::enumerate(llvm::reverse(result))) {
    // Sizes that meet here and that may be 1 or the result's.
    SmallVector<Value> open;
    Dims sizes;
    for (const Dims &dims : operands)
      if (i < dims.size())
        if (AffineExpr size = dims[dims.size() - 1 - i]; size != dim && getConstant(size) != 1) {
          open.push_back(materializeIndex(size));
          sizes.push_back(size);
        }
    if (open.empty())
      continue;
    auto is = [&](Value size, Value other) -> Value {
      return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, size, other);
    };
    bindFresh(dim, [&]() -> Value {
      Value size = open.front();
      for (Value other : ArrayRef(open).drop_front())
        size = arith::SelectOp::create(*this, is(size, index(1)), other, size);
      return arith::MaxSIOp::create(*this, size, index(0));
    });
    Value wanted = materializeIndex(dim);
    for (auto [size, expr] : llvm::zip_equal(open, sizes)) {
      Value fits = arith::OrIOp::create(*this, is(size, index(1)), is(size, wanted));
      Operation *here = getInsertionBlock()->getParentOp();
      std::string words = wantsEqual(here, expr, dim);
      if (words.empty()) // the result's size is what the run finds, but what it meets has a name
        words = wantsEqual(here, expr, expr == sizes.front() ? sizes.back() : sizes.front());
      cf::AssertOp::create(*this, fits, "the operands' sizes do not broadcast" + words);
    }
  }
}

Value LoweringBuilder::wrapIndex(ImplicitLocOpBuilder &b, Value index, Value size) {
  // In 32 bits, where that is enough for what is inside: twice as many fit into a vector.
  auto number = getConstantIntValue(size);
  Type type = number && *number <= std::numeric_limits<int32_t>::max() ? Type(b.getI32Type()) : b.getIndexType();
  auto as = [&](Type to, Value value) {
    return value.getType() == to ? value : arith::IndexCastOp::create(b, to, value).getResult();
  };
  auto constant = [&](int64_t n) { return arith::ConstantOp::create(b, b.getIntegerAttr(type, n)).getResult(); };
  index = as(type, index);
  Value count = number ? constant(*number) : size, zero = constant(0);
  Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, index, zero);
  index = arith::SelectOp::create(b, isNegative, arith::AddIOp::create(b, index, count), index);
  // What is still negative is large as an unsigned number.
  index = arith::MinUIOp::create(b, index, arith::SubIOp::create(b, count, constant(1)));
  return as(b.getIndexType(), index);
}

RankedTensorType LoweringBuilder::loweredType(Type onnxType) {
  auto tensor = cast<RankedTensorType>(onnxType);
  return RankedTensorType::get(tensor.getShape(), getStoredType(tensor.getElementType()));
}

Type LoweringBuilder::loweredValueType(Type onnxType) {
  return isa<RankedTensorType>(onnxType) ? Type(loweredType(onnxType)) : IntegerType::get(onnxType.getContext(), 64);
}

Value LoweringBuilder::empty(Type onnxType) {
  return tensor::EmptyOp::create(*this, materialize(getDims(onnxType)), loweredType(onnxType).getElementType());
}

Value LoweringBuilder::filled(Type onnxType, Value scalar) {
  return linalg::FillOp::create(*this, scalar, empty(onnxType)).getResult(0);
}

Value LoweringBuilder::constant(Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(*this, getFloatAttr(type, value));
  return constantInt(type, static_cast<int64_t>(value));
}

Value LoweringBuilder::constantInt(Type type, int64_t value) {
  return arith::ConstantOp::create(*this, getIntegerAttr(type, value));
}

Value LoweringBuilder::elementwise(Type resultType, ValueRange operands, TypeRange operandTypes, ElementBody body) {
  Dims resultDims = getDims(resultType);
  int64_t rank = resultDims.size();
  bindBroadcast(resultDims, llvm::map_to_vector(operandTypes, [](Type type) { return getDims(type); }));
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  Operation *parent = getInsertionBlock()->getParentOp();
  // Operands with a size that only run time tells to be 1 or the result's are read by index: 0 or the result's. Which
  // of them is loop invariant, so it is decided outside.
  SmallVector<SmallVector<std::pair<std::optional<Placement>, Value>>> byIndex(operands.size());
  for (auto [n, operand, type] : llvm::enumerate(operands, operandTypes)) {
    Dims dims = getDims(type);
    int64_t lead = rank - dims.size();
    auto places = llvm::map_to_vector(llvm::enumerate(dims), [&](auto dim) {
      return placement(parent, resultDims[lead + dim.index()], dim.value());
    });
    if (llvm::is_contained(places, std::nullopt)) {
      for (auto [place, dim] : llvm::zip_equal(places, dims)) {
        Value isOne;
        if (!place)
          isOne = arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, materializeIndex(dim), index(1));
        byIndex[n].emplace_back(place, isOne);
      }
      continue;
    }
    SmallVector<AffineExpr> exprs;
    bool isCut = false;
    for (auto [i, place] : llvm::enumerate(places)) {
      bool isSame = place == Placement::Same;
      exprs.push_back(isSame ? getAffineDimExpr(lead + i) : getAffineConstantExpr(0));
      if (isSame && dims[i] != resultDims[lead + i]) {
        dims[i] = resultDims[lead + i];
        isCut = true;
      }
    }
    Value input = operand;
    if (isCut) {
      SmallVector<OpFoldResult> zeros(dims.size(), getIndexAttr(0)), ones(dims.size(), getIndexAttr(1));
      input = tensor::ExtractSliceOp::create(*this, input, zeros, materialize(dims), ones);
    }
    inputs.push_back(input);
    maps.push_back(AffineMap::get(rank, 0, exprs, getContext()));
  }
  maps.push_back(getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  Value init = empty(resultType);
  auto generic = linalg::GenericOp::create(*this, TypeRange{init.getType()}, inputs, ValueRange{init}, maps, iterators,
                                           [&](OpBuilder &nested, Location loc, ValueRange args) {
                                             ImplicitLocOpBuilder b(loc, nested);
                                             SmallVector<Value> elements;
                                             size_t next = 0;
                                             for (auto [operand, places] : llvm::zip_equal(operands, byIndex)) {
                                               if (places.empty()) {
                                                 elements.push_back(args[next++]);
                                                 continue;
                                               }
                                               SmallVector<Value> indices;
                                               Value zero = arith::ConstantIndexOp::create(b, 0);
                                               for (auto [i, place] : llvm::enumerate(places)) {
                                                 if (place.first == Placement::Single) {
                                                   indices.push_back(zero);
                                                   continue;
                                                 }
                                                 Value here = linalg::IndexOp::create(b, rank - places.size() + i);
                                                 if (!place.first)
                                                   here = arith::SelectOp::create(b, place.second, zero, here);
                                                 indices.push_back(here);
                                               }
                                               elements.push_back(tensor::ExtractOp::create(b, operand, indices));
                                             }
                                             linalg::YieldOp::create(b, body(b, elements));
                                           });
  return generic.getResult(0);
}

Value LoweringBuilder::elementwise(Type resultType, ValueRange operands, ArrayRef<AffineMap> operandMaps,
                                   ElementBody body) {
  Value init = empty(resultType);
  int64_t rank = cast<RankedTensorType>(init.getType()).getRank();
  SmallVector<AffineMap> maps(operandMaps);
  maps.push_back(getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(*this, TypeRange{init.getType()}, operands, ValueRange{init}, maps,
                                           iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
                                             ImplicitLocOpBuilder b(loc, nested);
                                             linalg::YieldOp::create(b, body(b, args.drop_back()));
                                           });
  return generic.getResult(0);
}

Value LoweringBuilder::generate(Type resultType, ElementBody body) {
  Value init = empty(resultType);
  int64_t rank = cast<RankedTensorType>(init.getType()).getRank();
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(*this, TypeRange{init.getType()}, ValueRange{}, ValueRange{init},
                                           ArrayRef<AffineMap>{getMultiDimIdentityMap(rank)}, iterators,
                                           [&](OpBuilder &nested, Location loc, ValueRange) {
                                             ImplicitLocOpBuilder b(loc, nested);
                                             SmallVector<Value> indices;
                                             for (int64_t i = 0; i < rank; ++i)
                                               indices.push_back(linalg::IndexOp::create(b, i));
                                             linalg::YieldOp::create(b, body(b, indices));
                                           });
  return generic.getResult(0);
}

Value LoweringBuilder::reduce(Value operand, Type operandType, ArrayRef<int64_t> axes, Value init, ElementBody body) {
  Dims kept;
  for (auto [i, dim] : llvm::enumerate(getDims(operandType)))
    if (!llvm::is_contained(axes, static_cast<int64_t>(i)))
      kept.push_back(dim);
  Value start = filled(makeTensor(kept, init.getType()), init);
  int64_t rank = cast<RankedTensorType>(operand.getType()).getRank();
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  SmallVector<AffineExpr> results;
  for (int64_t i = 0; i < rank; ++i) {
    if (llvm::is_contained(axes, i))
      iterators[i] = utils::IteratorType::reduction;
    else
      results.push_back(getAffineDimExpr(i));
  }
  auto generic = linalg::GenericOp::create(
      *this, TypeRange{start.getType()}, ValueRange{operand}, ValueRange{start},
      ArrayRef<AffineMap>{getMultiDimIdentityMap(rank), AffineMap::get(rank, 0, results, getContext())}, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder b(loc, nested);
        linalg::YieldOp::create(b, body(b, args));
      });
  return generic.getResult(0);
}

Value LoweringBuilder::reshape(Value value, Type operandType, Type resultType) {
  Dims from = getDims(operandType), to = getDims(resultType);
  if (from == to)
    return value;
  ElementsAttr constant;
  if (loweredType(resultType).hasStaticShape() && matchPattern(value, m_Constant(&constant)))
    if (ElementsAttr same = reinterpret(constant, loweredType(resultType)))
      return arith::ConstantOp::create(*this, cast<TypedAttr>(same));
  auto isEmpty = [](Type type) { return llvm::is_contained(cast<RankedTensorType>(type).getShape(), 0); };
  if (isEmpty(operandType) || isEmpty(resultType))
    return empty(resultType);
  // Split both shapes into groups with equal products: each is collapsed to one dimension, then expanded.
  SmallVector<ReassociationIndices> collapse, expand;
  Dims middle;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    ReassociationIndices left, right;
    Dims leftDims, rightDims;
    auto takeLeft = [&] { leftDims.push_back(from[i]), left.push_back(i++); };
    auto takeRight = [&] { rightDims.push_back(to[j]), right.push_back(j++); };
    if (i < from.size())
      takeLeft();
    if (j < to.size())
      takeRight();
    // A product of numbers tells which side must grow; with symbols, the longer remainder does.
    while (product(getContext(), leftDims) != product(getContext(), rightDims) && (i < from.size() || j < to.size())) {
      auto l = getConstant(product(getContext(), leftDims)), r = getConstant(product(getContext(), rightDims));
      bool growLeft = l && r ? *l < *r : from.size() - i >= to.size() - j;
      if ((growLeft && i < from.size()) || j == to.size())
        takeLeft();
      else
        takeRight();
    }
    if (left.empty() || right.empty()) { // trailing sizes of 1
      if (!collapse.empty()) {
        collapse.back().append(left);
        expand.back().append(right);
        middle.back() = middle.back() * product(getContext(), leftDims); // symbols, which are 1 at run time
        continue;
      }
    }
    collapse.push_back(left);
    expand.push_back(right);
    middle.push_back(left.empty() ? makeDim(getContext(), 1) : product(getContext(), leftDims));
  }
  RankedTensorType fromType = loweredType(operandType), toType = loweredType(resultType);
  if (from.empty() || to.empty()) { // a scalar on one side, all sizes 1 on the other
    SmallVector<ReassociationIndices> none;
    auto ones = [&](size_t rank) {
      return RankedTensorType::get(SmallVector<int64_t>(rank, 1), toType.getElementType());
    };
    if (from.empty()) {
      SmallVector<OpFoldResult> sizes(to.size(), getIndexAttr(1));
      value = tensor::ExpandShapeOp::create(*this, ones(to.size()), value, none, sizes);
      return toType == value.getType() ? value : tensor::CastOp::create(*this, toType, value);
    }
    if (fromType != ones(from.size()))
      value = tensor::CastOp::create(*this, ones(from.size()), value);
    return tensor::CollapseShapeOp::create(*this, toType, value, none);
  }
  RankedTensorType middleType = loweredType(makeTensor(middle, fromType.getElementType()));
  if (middleType.getRank() != fromType.getRank())
    value = tensor::CollapseShapeOp::create(*this, middleType, value, collapse);
  if (middleType.getRank() != toType.getRank()) {
    // A group is static on both sides of an expansion or on none.
    SmallVector<int64_t> sizes;
    for (const ReassociationIndices &group : expand) {
      int64_t size = 1;
      for (int64_t i : group)
        size =
            ShapedType::isDynamic(size) || toType.isDynamicDim(i) ? ShapedType::kDynamic : size * toType.getDimSize(i);
      sizes.push_back(size);
    }
    auto expandable = RankedTensorType::get(sizes, toType.getElementType());
    if (expandable != middleType)
      value = tensor::CastOp::create(*this, expandable, value);
    value = tensor::ExpandShapeOp::create(*this, toType, value, expand, materialize(to));
  }
  if (value.getType() != toType) // sizes that were symbolic on one side and numbers on the other
    value = tensor::CastOp::create(*this, toType, value);
  return value;
}

Value LoweringBuilder::lift(Value lowered, Type onnxType) {
  return UnrealizedConversionCastOp::create(*this, onnxType, lowered).getResult(0);
}

Value LoweringBuilder::lower(Value onnxValue) {
  return UnrealizedConversionCastOp::create(*this, loweredValueType(onnxValue.getType()), onnxValue).getResult(0);
}

SmallVector<Value> LoweringBuilder::call(StringRef function, ValueRange inputs, TypeRange inputTypes, TypeRange outs,
                                         TypeRange made, ArrayRef<StringRef> failures) {
  SmallVector<int32_t> types;
  auto addType = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    types.push_back(tensor ? getOnnxType(tensor.getElementType()) : 0);
  };
  SmallVector<Value> destinations;
  SmallVector<Type> results;
  llvm::for_each(inputTypes, addType);
  for (Type type : outs) {
    addType(type);
    destinations.push_back(empty(type));
    results.push_back(loweredType(type));
  }
  for (Type type : made) {
    addType(type);
    results.push_back(loweredValueType(type));
  }
  auto op = rt::CallOp::create(*this, results, getStringAttr(function), inputs, destinations, getStrArrayAttr(failures),
                               getDenseI32ArrayAttr(types), /*heapless=*/nullptr);
  return SmallVector<Value>(op.getResults());
}

Value LoweringBuilder::numbers(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, getI64Type());
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(type, values));
}

Value LoweringBuilder::strings(RankedTensorType onnxType, ArrayRef<StringRef> values) {
  RankedTensorType type = loweredType(onnxType);
  std::string text;
  SmallVector<int64_t> offsets;
  for (StringRef value : values) {
    offsets.push_back(text.size());
    (text += value) += '\0';
  }
  Value address = rt::TextOp::create(*this, getI64Type(), getStringAttr(text));
  Value table = arith::ConstantOp::create(*this, DenseElementsAttr::get(type, ArrayRef<int64_t>(offsets)));
  SmallVector<AffineMap> map{getMultiDimIdentityMap(type.getRank())};
  return elementwise(onnxType, table, map, [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
    return arith::AddIOp::create(b, args[0], address);
  });
}

FailureOr<SmallVector<Value>> LoweringBuilder::emitBody(Block &body, ValueRange arguments) {
  auto outside = symbols;
  OpBuilder::InsertionGuard guard(*this);
  Location loc = getLoc();
  for (auto [argument, value] : llvm::zip_equal(body.getArguments(), arguments))
    if (isa<RankedTensorType>(argument.getType()))
      for (auto [i, dim] : llvm::enumerate(getDims(argument)))
        if (auto symbol = dyn_cast<AffineSymbolExpr>(dim); symbol && !isBound(symbol.getPosition()))
          bindSymbol(symbol.getPosition(), tensor::DimOp::create(*this, value, i));
  auto results = bodyEmitter(body, arguments);
  setLoc(loc);
  symbols = std::move(outside);
  return results;
}
