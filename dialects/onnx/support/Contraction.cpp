//===- dialects/onnx/support/Contraction.cpp ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of products in lowerings. See Contraction.h.
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Weights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;
using onnxc::ConstantView;

Lowered onnxc::onnx::getLowered(Operation *op, ValueRange operands, unsigned i) {
  return {operands[i], dyn_cast<RankedTensorType>(op->getOperand(i).getType())};
}

Type onnxc::onnx::accumulatorType(Type element) {
  return isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32 ? Float32Type::get(element.getContext())
                                                                         : element;
}

Value onnxc::onnx::convertScalar(ImplicitLocOpBuilder &b, Value scalar, Type from, Type to) {
  if (from == to)
    return scalar;
  unsigned fromWidth = from.getIntOrFloatBitWidth(), toWidth = to.getIntOrFloatBitWidth();
  if (isa<FloatType>(from)) {
    assert(isa<FloatType>(to) && "no conversion from float to integer");
    if (fromWidth < toWidth)
      return arith::ExtFOp::create(b, to, scalar);
    if (fromWidth > toWidth)
      return arith::TruncFOp::create(b, to, scalar);
    return arith::TruncFOp::create(b, to, arith::ExtFOp::create(b, b.getF32Type(), scalar)); // f16 <-> bf16
  }
  bool isUnsigned = from.isUnsignedInteger() || from.isInteger(1);
  if (isa<FloatType>(to))
    return isUnsigned ? Value(arith::UIToFPOp::create(b, to, scalar)) : Value(arith::SIToFPOp::create(b, to, scalar));
  Type signless = b.getIntegerType(toWidth);
  if (fromWidth > toWidth)
    return arith::TruncIOp::create(b, signless, scalar);
  if (fromWidth == toWidth)
    return scalar;
  return isUnsigned ? Value(arith::ExtUIOp::create(b, signless, scalar))
                    : Value(arith::ExtSIOp::create(b, signless, scalar));
}

/// A constant of 16-bit floats as f32; null for any other.
static Lowered widenConstant(LoweringBuilder &b, Lowered value) {
  auto from = dyn_cast<FloatType>(value.element());
  ElementsAttr elements = from && from.getWidth() == 16 ? getConstantElements(value.value) : ElementsAttr();
  if (!elements)
    return {};
  ArrayRef<char> bytes = getRawElements(elements);
  if (bytes.size() != 2 * static_cast<size_t>(elements.isSplat() ? 1 : elements.getNumElements()))
    return {};
  // What each of the 2^16 numbers is.
  std::vector<float> numbers(1 << 16);
  for (auto [bits, number] : llvm::enumerate(numbers)) {
    APFloat exact(from.getFloatSemantics(), APInt(16, bits));
    bool isLossy;
    exact.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &isLossy);
    number = exact.convertToFloat();
  }
  std::vector<char> wide(2 * bytes.size());
  for (size_t i = 0; i < bytes.size(); i += 2) {
    uint16_t bits;
    std::memcpy(&bits, bytes.data() + i, sizeof(bits));
    std::memcpy(wide.data() + 2 * i, &numbers[bits], sizeof(float));
  }
  RankedTensorType type = withElementType(value.type, b.getF32Type());
  return {arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(b.loweredType(type), wide))), type};
}

Lowered onnxc::onnx::convert(LoweringBuilder &b, Lowered value, Type element) {
  if (value.element() == element)
    return value;
  if (element.isF32() && !getLargeConstant(value.value))
    if (Lowered constant = widenConstant(b, value))
      return constant;
  RankedTensorType type = withElementType(value.type, element);
  return {b.elementwise(type, value.value, TypeRange{value.type},
                        [&](ImplicitLocOpBuilder &b, ValueRange args) {
                          return convertScalar(b, args[0], value.element(), element);
                        }),
          type};
}

std::optional<ConstantView> onnxc::onnx::getLargeConstant(Value value) {
  auto view = ConstantView::of(value);
  bool isLarge = view && getRawElements(view->source).size() >= kLargeConstant;
  return isLarge ? view : std::nullopt;
}

Lowered onnxc::onnx::makeConstant(LoweringBuilder &b, const ConstantView &view, RankedTensorType type) {
  ElementsAttr elements = view.asAttribute();
  size_t size = view.count() * (view.element.getIntOrFloatBitWidth() / 8);
  if (isMade(elements) && size < kLargeConstant) {
    std::vector<char> bytes(size);
    makeBytes(elements, bytes);
    elements = makeElements(b.loweredType(type), bytes);
  }
  return {arith::ConstantOp::create(b, cast<TypedAttr>(elements)), type};
}

ConstantView onnxc::onnx::asNumbers(ConstantView bytes, int64_t bits, int64_t count) {
  int64_t perByte = 8 / bits;
  bytes.bits = bits;
  bytes.offset *= perByte;
  for (int64_t &stride : bytes.strides)
    stride *= perByte;
  bytes.shape.back() = count;
  bytes.strides.back() = 1;
  return bytes;
}

ConstantView onnxc::onnx::asSigned(ConstantView bytes) {
  bytes.bits = 8;
  return bytes;
}

Lowered onnxc::onnx::reshape(LoweringBuilder &b, Lowered value, ArrayRef<AffineExpr> dims) {
  RankedTensorType type = makeTensor(dims, value.element());
  return {b.reshape(value.value, value.type, type), type};
}

Lowered onnxc::onnx::transpose(LoweringBuilder &b, Lowered value, ArrayRef<int64_t> permutation) {
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return value;
  Dims from = value.dims(), to;
  for (int64_t position : permutation)
    to.push_back(from[position]);
  RankedTensorType type = makeTensor(to, value.element());
  return {linalg::TransposeOp::create(b, value.value, b.empty(type), permutation)->getResult(0), type};
}

Lowered onnxc::onnx::pad(LoweringBuilder &b, Lowered value, ArrayRef<OpFoldResult> low, ArrayRef<OpFoldResult> high,
                         ArrayRef<AffineExpr> dims, Value scalar) {
  auto isZero = [](OpFoldResult size) { return isConstantIntValue(size, 0); };
  if (llvm::all_of(low, isZero) && llvm::all_of(high, isZero))
    return value;
  RankedTensorType type = makeTensor(dims, value.element());
  return {tensor::PadOp::create(b, b.loweredType(type), value.value, low, high, scalar), type};
}

Lowered onnxc::onnx::slice(LoweringBuilder &b, Lowered value, ArrayRef<OpFoldResult> offsets,
                           ArrayRef<AffineExpr> sizes, ArrayRef<AffineExpr> dims) {
  RankedTensorType type = makeTensor(dims, value.element());
  auto from = getConstantIntValues(offsets);
  if (from && type.hasStaticShape() && value.type.hasStaticShape() && !getLargeConstant(value.value)) {
    SmallVector<int64_t> counts = llvm::map_to_vector(sizes, [](AffineExpr size) { return *getConstant(size); });
    Lowered part = rearrangeConstant(b, value, counts, type.getShape(), [&](ArrayRef<int64_t> indices) {
      int64_t position = 0;
      for (auto [i, size] : llvm::enumerate(value.type.getShape()))
        position = position * size + (*from)[i] + indices[i];
      return std::optional<int64_t>(position);
    });
    if (part)
      return part;
  }
  SmallVector<OpFoldResult> ones(offsets.size(), b.getIndexAttr(1));
  return {tensor::ExtractSliceOp::create(b, b.loweredType(type), value.value, offsets, b.materialize(sizes), ones),
          type};
}

Lowered onnxc::onnx::contract(LoweringBuilder &b, Lowered lhs, AffineMap lhsMap, Lowered rhs, AffineMap rhsMap,
                              ArrayRef<AffineExpr> dims, AffineMap resultMap, Type accumulator) {
  if (isa<FloatType>(accumulator)) { // the fast kernels have factors of one type
    lhs = convert(b, lhs, accumulator);
    rhs = convert(b, rhs, accumulator);
  }
  RankedTensorType type = makeTensor(dims, accumulator);
  Type element = b.loweredType(type).getElementType();
  Value init = b.filled(type, b.constant(element, 0));
  SmallVector<utils::IteratorType> iterators(resultMap.getNumDims(), utils::IteratorType::reduction);
  for (AffineExpr expr : resultMap.getResults())
    iterators[cast<AffineDimExpr>(expr).getPosition()] = utils::IteratorType::parallel;
  auto generic = linalg::GenericOp::create(b, TypeRange{init.getType()}, ValueRange{lhs.value, rhs.value},
                                           ValueRange{init}, ArrayRef<AffineMap>{lhsMap, rhsMap, resultMap}, iterators,
                                           [&](OpBuilder &nested, Location loc, ValueRange args) {
                                             ImplicitLocOpBuilder b(loc, nested);
                                             Value x = convertScalar(b, args[0], lhs.element(), accumulator);
                                             Value y = convertScalar(b, args[1], rhs.element(), accumulator);
                                             Value sum;
                                             if (isa<FloatType>(accumulator))
                                               sum = arith::AddFOp::create(b, args[2], arith::MulFOp::create(b, x, y));
                                             else
                                               sum = arith::AddIOp::create(b, args[2], arith::MulIOp::create(b, x, y));
                                             linalg::YieldOp::create(b, sum);
                                           });
  return {generic.getResult(0), type};
}

/// linalg.matmul: both of rank 2.
static Lowered matmul2D(LoweringBuilder &b, Lowered lhs, Lowered rhs, Type accumulator) {
  RankedTensorType type = makeTensor({lhs.dims()[0], rhs.dims()[1]}, accumulator);
  Value init = b.filled(type, b.constant(b.loweredType(type).getElementType(), 0));
  return {linalg::MatmulOp::create(b, ValueRange{lhs.value, rhs.value}, ValueRange{init}).getResult(0), type};
}

/// Operand of a batched product as a map: its batch dimensions are read where they are the result's, at 0 where they
/// are 1. One whose size only run time tells to be either is broadcast before, by `operand` being replaced.
static AffineMap batchMap(LoweringBuilder &b, Lowered &operand, ArrayRef<AffineExpr> batch, AffineExpr row,
                          AffineExpr column, unsigned numDims) {
  Dims dims = operand.dims();
  size_t own = dims.size() - 2;
  auto here = [&](size_t i) { return batch[batch.size() - own + i]; };
  bool undecided = llvm::any_of(llvm::seq<size_t>(0, own),
                                [&](size_t i) { return dims[i] != here(i) && getConstant(dims[i]) != 1; });
  if (undecided) {
    for (size_t i = 0; i < own; ++i)
      dims[i] = here(i);
    RankedTensorType type = makeTensor(dims, operand.element());
    operand = {b.elementwise(type, operand.value, TypeRange{operand.type},
                             [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; }),
               type};
  }
  SmallVector<AffineExpr> exprs;
  for (size_t i = 0; i < own; ++i)
    exprs.push_back(dims[i] == here(i) ? b.getAffineDimExpr(batch.size() - own + i) : b.getAffineConstantExpr(0));
  exprs.append({row, column});
  return AffineMap::get(numDims, 0, exprs, b.getContext());
}

Lowered onnxc::onnx::matmul(LoweringBuilder &b, Lowered lhs, Lowered rhs, ArrayRef<AffineExpr> dims, Type accumulator) {
  // The named operation reads its operands as signed numbers, and the fast kernels have factors of one type.
  lhs = convert(b, lhs, accumulator);
  rhs = convert(b, rhs, accumulator);
  Dims left = lhs.dims(), right = rhs.dims();
  b.requireEqual(left.back(), right[right.size() - 2], "the inner sizes of a matrix product differ");
  if (right.size() == 2) { // the left batches are more rows
    AffineExpr rows = product(b.getContext(), ArrayRef(left).drop_back());
    Lowered result = matmul2D(b, reshape(b, lhs, {rows, left.back()}), rhs, accumulator);
    return reshape(b, result, dims);
  }
  ArrayRef<AffineExpr> batch = dims.drop_back(2);
  b.bindBroadcast(batch, {Dims(ArrayRef(left).drop_back(2)), Dims(ArrayRef(right).drop_back(2))});
  unsigned rank = dims.size();
  AffineExpr m = b.getAffineDimExpr(rank - 2), n = b.getAffineDimExpr(rank - 1), k = b.getAffineDimExpr(rank);
  AffineMap lhsMap = batchMap(b, lhs, batch, m, k, rank + 1), rhsMap = batchMap(b, rhs, batch, k, n, rank + 1);
  AffineMap resultMap = AffineMap::getMultiDimIdentityMap(rank + 1, b.getContext()).getMajorSubMap(rank);
  return contract(b, lhs, lhsMap, rhs, rhsMap, dims, resultMap, accumulator);
}

Lowered onnxc::onnx::rearrangeConstant(LoweringBuilder &b, Lowered source, ArrayRef<int64_t> sizes,
                                       ArrayRef<int64_t> result,
                                       llvm::function_ref<std::optional<int64_t>(ArrayRef<int64_t>)> index) {
  ElementsAttr elements = getConstantElements(source.value);
  Type element = b.loweredType(source.type).getElementType();
  if (!elements || element.getIntOrFloatBitWidth() % 8 != 0)
    return {};
  ArrayRef<char> from = getRawElements(elements);
  bool splat = elements.isSplat();
  size_t width = element.getIntOrFloatBitWidth() / 8;
  if (from.size() != width * (splat ? 1 : elements.getNumElements()))
    return {};
  RankedTensorType type = makeTensor(result, source.element());
  std::vector<char> to(type.getNumElements() * width, 0);
  SmallVector<int64_t> indices(sizes.size(), 0);
  for (char *out = to.data(); out != to.data() + to.size(); out += width) {
    if (std::optional<int64_t> position = index(indices))
      std::copy_n(from.data() + (splat ? 0 : *position * width), width, out);
    for (int64_t i = sizes.size(); i-- > 0 && ++indices[i] == sizes[i];)
      indices[i] = 0;
  }
  auto value = cast<TypedAttr>(makeElements(b.loweredType(type), to));
  return {arith::ConstantOp::create(b, value), type};
}
