//===- dialects/onnx/ops/BlockQuantized.cpp ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of 2, 4 or 8 bits, packed into bytes (the first one lowest), with a scale and a zero point for each block.
#include "dialects/onnx/ops/BlockQuantized.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Quantization.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/PackedBits.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Upgrade.h"
#include "dialects/onnx/support/Weights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace onnxc::onnx;
using onnxc::ConstantView;
using onnxc::getFloat;

//===- MatMulNBits ----------------------------------------------------------------------===//

namespace {
struct NBitsGeometry {
  int64_t rows, columns;        ///< N and K: B is [N, K]
  int64_t bits, block, perByte; ///< of a number; numbers of a block and of a byte
  int64_t blocks, blob;         ///< blocks of a row, bytes of a block
  int64_t zeroBytes;            ///< packed zero points of a row

  static FailureOr<NBitsGeometry> get(MatMulNBitsOp op);
  /// Whether the columns of the product are summed up in another order: first those of the first number of every byte
  /// of a block, then those of the second. Vectors of bytes become vectors of numbers that lie beside each other then.
  /// Where blocks or rows are filled up, they stay as they are.
  bool isTransposed() const { return perByte != 1 && blocks * blob * perByte == columns; }
};
} // namespace

static bool isPresent(Value value) { return isa<RankedTensorType>(value.getType()); }

FailureOr<NBitsGeometry> NBitsGeometry::get(MatMulNBitsOp op) {
  NBitsGeometry g;
  g.rows = op.getN(), g.columns = op.getK(), g.bits = op.getBits(), g.block = op.getBlockSize();
  constexpr int64_t kMaxSize = int64_t(1) << 31;
  if (g.rows < 1 || g.columns < 1 || g.rows > kMaxSize || g.columns > kMaxSize)
    return op.emitOpError() << g.rows << " by " << g.columns << " is no size of a matrix";
  if (g.bits != 2 && g.bits != 4 && g.bits != 8)
    return op.emitOpError("bits must be 2, 4 or 8, not ") << g.bits;
  g.perByte = 8 / g.bits;
  if (g.block < 1 || g.block > kMaxSize)
    return op.emitOpError("block_size ") << g.block << " is no size of a block";
  g.blocks = llvm::divideCeil(g.columns, g.block);
  g.blob = llvm::divideCeil(g.block, g.perByte);
  g.zeroBytes = llvm::divideCeil(g.blocks, g.perByte);
  return g;
}

/// Reports that operand `i` does not hold the sizes `sizes`, in this form or in a row.
static LogicalResult checkSizes(MatMulNBitsOp op, unsigned i, StringRef name, ArrayRef<int64_t> sizes) {
  auto type = cast<RankedTensorType>(op->getOperand(i).getType());
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  if (type.hasStaticShape() && (type.getShape() == sizes || (type.getRank() == 1 && type.getDimSize(0) == count)))
    return success();
  if (!type.hasStaticShape() && type.getRank() == static_cast<int64_t>(sizes.size()))
    return assumeSizes(op, i, sizes, name);
  if (!type.hasStaticShape() && type.getRank() == 1)
    return assumeSizes(op, i, count, name);
  InFlightDiagnostic error = op.emitOpError(name) << " must have the sizes ";
  llvm::interleave(sizes, [&](int64_t size) { error << size; }, [&] { error << "x"; });
  return error;
}

LogicalResult MatMulNBitsOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto g = NBitsGeometry::get(*this);
  if (failed(g))
    return failure();
  Type element = getElementTypeOrSelf(getA());
  if (!isa<FloatType>(element))
    return emitOpError("A must be floating-point numbers, not ") << getElementTypeName(element);
  if (getElementTypeOrSelf(getScales()) != element)
    return emitOpError("A and scales have different element types");
  if (getWeightPrepacked() != 0)
    return emitOpError("weights that are packed for a device are not supported");
  if (failed(checkSizes(*this, 1, "B", {g->rows, g->blocks, g->blob})) ||
      failed(checkSizes(*this, 2, "scales", {g->rows, g->blocks})))
    return failure();
  if (isPresent(getZeroPoints())) {
    Type zero = getElementTypeOrSelf(getZeroPoints());
    if (!zero.isUnsignedInteger(8) && zero != element)
      return emitOpError("zero_points must be bytes, or of the element type of A");
    if (failed(checkSizes(*this, 3, "zero_points", {g->rows, zero == element ? g->blocks : g->zeroBytes})))
      return failure();
  }
  if (isPresent(getGIdx())) {
    auto type = cast<RankedTensorType>(getGIdx().getType());
    if (type.getRank() != 1 || !type.hasStaticShape() ||
        (type.getDimSize(0) != g->columns && type.getDimSize(0) != g->blocks * g->block))
      return emitOpError("g_idx must be one int32 for each of the ") << g->columns << " columns of B";
  }
  if (isPresent(getBias()) &&
      (getElementTypeOrSelf(getBias()) != element || failed(checkSizes(*this, 5, "bias", {g->rows}))))
    return emitOpError("bias must be one number of the element type of A for each of the ") << g->rows << " rows of B";
  Dims dims = getDims(getA());
  if (dims.empty())
    return emitOpError("A must not be a scalar");
  if (auto size = getConstant(dims.back()); size && *size != g->columns)
    return emitOpError("A has ") << *size << " columns, B has " << g->columns;
  dims.back() = makeDim(getContext(), g->rows);
  types.push_back(makeTensor(dims, element));
  return success();
}

/// The number that is the part at loop `dim` of a byte.
static Scalar unpack(ImplicitLocOpBuilder &b, Value byte, int64_t dim, int64_t bits) {
  Scalar number(b, arith::ExtUIOp::create(b, b.getI32Type(), byte));
  if (bits == 8)
    return number;
  Value part = arith::IndexCastOp::create(b, b.getI32Type(), linalg::IndexOp::create(b, dim));
  return shiftRight(number, Scalar(b, part) * static_cast<double>(bits)) & number.number((1 << bits) - 1);
}

static Dims makeSizes(LoweringBuilder &b, ArrayRef<int64_t> sizes) {
  return llvm::map_to_vector<6>(sizes, [&](int64_t size) { return makeDim(b.getContext(), size); });
}

/// Columns of A in the order in which dequantizeRows has those of B.
static Lowered orderColumns(LoweringBuilder &b, const NBitsGeometry &g, Lowered a, AffineExpr many) {
  if (!g.isTransposed())
    return a;
  auto sizes = [&](ArrayRef<int64_t> sizes) {
    Dims dims = makeSizes(b, sizes);
    dims.insert(dims.begin(), many);
    return dims;
  };
  a = transpose(b, reshape(b, a, sizes({g.blocks, g.blob, g.perByte})), {0, 1, 3, 2});
  return reshape(b, a, sizes({g.columns}));
}

/// Rows of B as real numbers: those whose numbers, scales and zero points (as numbers, or absent) these are. `groups`
/// says to which block a column belongs, if that is not where it stands.
static Lowered dequantizeRows(LoweringBuilder &b, const NBitsGeometry &g, Lowered packed, Lowered scales, Lowered zeros,
                              Lowered groups, Type real) {
  int64_t rows = packed.type.getDimSize(0);
  auto sizes = [&](ArrayRef<int64_t> sizes) { return makeSizes(b, sizes); };
  // real = (number - zero point) * scale
  unsigned byteDim = g.isTransposed() ? 3 : 2, partDim = 5 - byteDim;
  RankedTensorType type = makeTensor(
      g.isTransposed() ? sizes({rows, g.blocks, g.perByte, g.blob}) : sizes({rows, g.blocks, g.blob, g.perByte}), real);
  AffineMap identity = AffineMap::getMultiDimIdentityMap(4, b.getContext());
  SmallVector<Value> inputs{packed.value};
  SmallVector<AffineMap> maps{identity.getSubMap({0, 1, byteDim})};
  auto perBlock = [&](Lowered value) {
    if (value && !groups) {
      inputs.push_back(value.value);
      maps.push_back(identity.getMajorSubMap(2));
    }
  };
  perBlock(scales);
  perBlock(zeros);
  Value weights = b.elementwise(type, inputs, maps, [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
    Scalar number = convert(unpack(nested, args[0], partDim, g.bits), real), scale, zero;
    if (groups) {
      // Which block a column belongs to is data. Columns behind the last one count for nothing.
      auto at = [&](int64_t dim) { return linalg::IndexOp::create(nested, dim).getResult(); };
      auto times = [&](Value x, int64_t factor, Value y) -> Value {
        Value scaled = arith::MulIOp::create(nested, x, arith::ConstantIndexOp::create(nested, factor));
        return arith::AddIOp::create(nested, scaled, y);
      };
      Value column = times(at(1), g.block, times(at(byteDim), g.perByte, at(partDim)));
      Value last = arith::ConstantIndexOp::create(nested, groups.type.getDimSize(0) - 1);
      Value group =
          tensor::ExtractOp::create(nested, groups.value, Value(arith::MinUIOp::create(nested, column, last)));
      group = LoweringBuilder::wrapIndex(nested, arith::IndexCastOp::create(nested, nested.getIndexType(), group),
                                         arith::ConstantIndexOp::create(nested, g.blocks));
      auto take = [&](Lowered from) {
        return convert(Scalar(nested, tensor::ExtractOp::create(nested, from.value, ValueRange{at(0), group})), real);
      };
      scale = take(scales);
      zero = zeros ? take(zeros) : Scalar();
    } else {
      scale = convert(Scalar(nested, args[1]), real);
      zero = zeros ? convert(Scalar(nested, args[2]), real) : Scalar();
    }
    return (zero ? number - zero : number - static_cast<double>(int64_t(1) << (g.bits - 1))) * scale;
  });
  // The last number of a block, and the last block of a row, may be filling.
  Lowered matrix{weights, type};
  auto cut = [&](ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
    matrix = reshape(b, matrix, sizes(from));
    if (from != to)
      matrix = slice(b, matrix, SmallVector<OpFoldResult>(from.size(), b.getIndexAttr(0)), sizes(to), sizes(to));
  };
  cut({rows, g.blocks, g.blob * g.perByte}, {rows, g.blocks, g.block});
  cut({rows, g.blocks * g.block}, {rows, g.columns});
  return matrix;
}

/// Constant bytes with these sizes as numbers, less the middle of their range, of which `count` along the last
/// dimension count.
static std::optional<ConstantView> viewNumbers(Lowered bytes, ArrayRef<int64_t> sizes, int64_t bits, int64_t count) {
  auto given = ConstantView::of(bytes.value);
  auto view = given ? given->reshape(sizes) : std::nullopt;
  if (!view || view->bits != 0 || view->count() == 0)
    return std::nullopt;
  if (sizes.back() > 1 && view->strides.back() == 0) { // one byte for all
    std::vector<char> all(view->count(), static_cast<char>(view->byteAt(view->offset)));
    auto type = RankedTensorType::get(sizes, IntegerType::get(view->source.getContext(), 8));
    view = ConstantView::of(DenseResourceElementsAttr::get(
        type, "numbers", HeapAsmResourceBlob::allocateAndCopyWithAlign(ArrayRef(all), 64)));
  }
  if (sizes.back() > 1 && view->strides.back() != 1)
    return std::nullopt;
  return asNumbers(*view, bits, count);
}

/// Numbers of B, a constant, less the middle of their range: [rows, blocks, block]. What is behind the last column
/// counts for nothing. Null where they are not constant.
static Lowered takeApart(LoweringBuilder &b, const NBitsGeometry &g, Lowered packed) {
  auto numbers = viewNumbers(packed, {g.rows, g.blocks, g.blob}, g.bits, g.block);
  RankedTensorType type = makeTensor(makeSizes(b, {g.rows, g.blocks, g.block}), b.getIntegerType(8));
  return numbers ? makeConstant(b, *numbers, type) : Lowered();
}

/// One real number for each block, less `middle`: what floats are, or bytes with packed numbers. Null where they are
/// not constant.
static Lowered blockNumbers(LoweringBuilder &b, const NBitsGeometry &g, Lowered given, double middle) {
  RankedTensorType type = makeTensor(makeSizes(b, {g.rows, g.blocks}), b.getF32Type());
  if (!isa<FloatType>(given.element())) {
    auto numbers = viewNumbers(given, {g.rows, g.zeroBytes}, g.bits, g.blocks);
    if (!numbers)
      return {};
    numbers->element = b.getF32Type();
    return makeConstant(b, *numbers, type);
  }
  auto view = ConstantView::of(given.value);
  auto numbers = view ? view->reshape({g.rows, g.blocks}) : std::nullopt;
  if (!numbers)
    return {};
  numbers->element = b.getF32Type();
  if (middle == 0)
    return makeConstant(b, *numbers, type);
  std::vector<float> differences;
  numbers->forEachPosition([&](int64_t position) { differences.push_back(getFloat(*numbers, position) - middle); });
  ArrayRef<char> raw(reinterpret_cast<const char *>(differences.data()), differences.size() * sizeof(float));
  return {arith::ConstantOp::create(b, cast<TypedAttr>(makeElements(type, raw))), type};
}

/// The product with a constant B as one contraction that reads its numbers: real ones never lie in memory. Null where
/// that can't be.
static Lowered multiplyPacked(LoweringBuilder &b, const NBitsGeometry &g, Lowered a, Lowered packed, Lowered scales,
                              Lowered zeros) {
  constexpr int64_t kMultiple = 16; // "block_size must be a power of 2 and not smaller than 16"
  if (g.block % kMultiple != 0)
    return {};
  double middle = static_cast<double>(int64_t(1) << (g.bits - 1));
  Lowered scale = blockNumbers(b, g, scales, 0), zero = zeros ? blockNumbers(b, g, zeros, middle) : Lowered();
  Lowered numbers = scale && (zero || !zeros) ? takeApart(b, g, packed) : Lowered();
  if (!numbers)
    return {};
  Type f32 = b.getF32Type();
  AffineExpr many = a.dims()[0];
  int64_t filled = g.blocks * g.block;
  OpFoldResult none = b.getIndexAttr(0), filling = b.getIndexAttr(filled - g.columns);
  a = pad(b, convert(b, a, f32), {none, none}, {none, filling}, {many, makeDim(b.getContext(), filled)},
          b.constant(f32, 0));
  a = reshape(b, a, {many, makeDim(b.getContext(), g.blocks), makeDim(b.getContext(), g.block)});
  AffineExpr i, j, k, l;
  bindDims(b.getContext(), i, j, k, l);
  auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(4, 0, exprs, b.getContext()); };
  SmallVector<Value> inputs{a.value, numbers.value, scale.value};
  SmallVector<AffineMap> maps{map({i, k, l}), map({j, k, l}), map({j, k})};
  if (zero) {
    inputs.push_back(zero.value);
    maps.push_back(map({j, k}));
  }
  maps.push_back(map({i, j}));
  RankedTensorType type = makeTensor({many, makeDim(b.getContext(), g.rows)}, f32);
  Value init = b.filled(type, b.constant(f32, 0));
  auto parallel = utils::IteratorType::parallel, reduction = utils::IteratorType::reduction;
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, inputs, init, maps, {parallel, parallel, reduction, reduction},
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder body(loc, nested);
        Value number = arith::SIToFPOp::create(body, f32, args[1]);
        if (zero)
          number = arith::SubFOp::create(body, number, args[3]);
        Value weight = arith::MulFOp::create(body, number, args[2]);
        linalg::YieldOp::create(
            body, arith::AddFOp::create(body, args.back(), arith::MulFOp::create(body, args[0], weight)).getResult());
      });
  return {generic.getResult(0), type};
}

/// The product with any B, whose rows become real numbers before: those of some rows at a time.
static Lowered multiplyInParts(LoweringBuilder &b, const NBitsGeometry &g, Lowered a, Lowered packed, Lowered scales,
                               Lowered zeros, Lowered groups, Type real) {
  auto sizes = [&](ArrayRef<int64_t> sizes) { return makeSizes(b, sizes); };
  packed = reshape(b, packed, sizes({g.rows, g.blocks, g.blob}));
  scales = reshape(b, scales, sizes({g.rows, g.blocks}));
  // One zero point for each block, as a number; the middle where there are none.
  if (zeros && isa<IntegerType>(zeros.element())) {
    RankedTensorType type = makeTensor(sizes({g.rows, g.zeroBytes, g.perByte}), real);
    zeros = reshape(b, zeros, sizes({g.rows, g.zeroBytes}));
    AffineMap map = AffineMap::getMultiDimIdentityMap(3, b.getContext()).getMajorSubMap(2);
    Value numbers = b.elementwise(type, zeros.value, map, [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
      return convert(unpack(nested, args[0], 2, g.bits), real);
    });
    zeros = reshape(b, {numbers, type}, sizes({g.rows, g.zeroBytes * g.perByte}));
    if (g.zeroBytes * g.perByte != g.blocks)
      zeros =
          slice(b, zeros, {b.getIndexAttr(0), b.getIndexAttr(0)}, sizes({g.rows, g.blocks}), sizes({g.rows, g.blocks}));
  } else if (zeros) {
    zeros = reshape(b, zeros, sizes({g.rows, g.blocks}));
  }

  AffineExpr many = a.dims()[0];
  a = orderColumns(b, g, a, many);
  AffineExpr i = b.getAffineDimExpr(0), j = b.getAffineDimExpr(1), k = b.getAffineDimExpr(2);
  auto map = [&](AffineExpr x, AffineExpr y) { return AffineMap::get(3, 0, {x, y}, b.getContext()); };
  /// The columns of the product that `count` rows of B give, from row `first` on.
  auto multiply = [&](OpFoldResult first, int64_t count) {
    auto rows = [&](Lowered value) {
      if (!value || count == g.rows)
        return value;
      Dims part = value.dims();
      part[0] = makeDim(b.getContext(), count);
      SmallVector<OpFoldResult> offsets(part.size(), b.getIndexAttr(0));
      offsets[0] = first;
      return slice(b, value, offsets, part, part);
    };
    Lowered matrix = dequantizeRows(b, g, rows(packed), rows(scales), rows(zeros), groups, real);
    return contract(b, a, map(i, k), matrix, map(j, k), {many, makeDim(b.getContext(), count)}, map(i, j), real);
  };
  // Real numbers take up to 16 times the memory: those of some rows at a time, which stay in the cache until they are
  // multiplied.
  constexpr int64_t kNumbersAtOnce = 1 << 18, kFewest = 64;
  int64_t count =
      std::max<int64_t>(kFewest, llvm::bit_floor<uint64_t>(std::max<int64_t>(1, kNumbersAtOnce / g.columns)));
  if (count >= g.rows)
    return multiply(b.getIndexAttr(0), g.rows);
  RankedTensorType type = makeTensor({many, makeDim(b.getContext(), g.rows)}, real);
  auto insert = [&](Lowered part, Value whole, OpFoldResult first) -> Value {
    SmallVector<OpFoldResult> ones(2, b.getIndexAttr(1));
    return tensor::InsertSliceOp::create(b, part.value, whole, SmallVector<OpFoldResult>{b.getIndexAttr(0), first},
                                         b.materialize(part.dims()), ones);
  };
  int64_t rest = g.rows % count;
  auto loop = scf::ForOp::create(b, b.index(0), b.index(g.rows - rest), b.index(count), b.empty(type));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value first = loop.getInductionVar();
    scf::YieldOp::create(b, insert(multiply(first, count), loop.getRegionIterArg(0), first));
  }
  Lowered y{loop.getResult(0), type};
  if (rest != 0)
    y.value = insert(multiply(b.getIndexAttr(g.rows - rest), rest), y.value, b.getIndexAttr(g.rows - rest));
  return y;
}

FailureOr<SmallVector<Value>> MatMulNBitsOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto geometry = NBitsGeometry::get(*this);
  if (failed(geometry))
    return failure();
  NBitsGeometry &g = *geometry;
  Lowered a = getLowered(*this, operands, 0);
  Type element = a.element(), real = accumulatorType(element);
  AffineExpr columns = makeDim(b.getContext(), g.columns);
  b.requireEqual(a.dims().back(), columns, "MatMulNBits: A has another number of columns than B");
  Lowered packed = getLowered(*this, operands, 1), scales = getLowered(*this, operands, 2),
          zeros = getLowered(*this, operands, 3), groups = getLowered(*this, operands, 4);

  // The dimensions before the last are more rows.
  Dims dims = a.dims();
  AffineExpr many = product(b.getContext(), ArrayRef(dims).drop_back());
  a = reshape(b, a, {many, columns});
  Lowered y = groups || !real.isF32() ? Lowered() : multiplyPacked(b, g, a, packed, scales, zeros);
  if (!y)
    y = multiplyInParts(b, g, a, packed, scales, zeros, groups, real);
  if (Lowered bias = getLowered(*this, operands, 5)) {
    Value sum = b.elementwise(
        y.type, {y.value, bias.value},
        {AffineMap::getMultiDimIdentityMap(2, b.getContext()), AffineMap::get(2, 0, b.getAffineDimExpr(1))},
        [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
          return Scalar(nested, args[0]) + convert(Scalar(nested, args[1]), real);
        });
    y.value = sum;
  }
  return SmallVector<Value>{convert(b, reshape(b, y, getDims(getY())), element).value};
}

//===- MatMulFpQ4 -----------------------------------------------------------------------===//

/// B is what onnxruntime has packed: for every column blocks of 32 numbers, each a float scale, a byte that is the zero
/// point (8 if blk_quant_type is 0: then it isn't there), and 16 bytes, of which byte i holds numbers i and i + 16.
/// MatMulNBits has the same in another order.
static LogicalResult expandMatMulFpQ4(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  constexpr int64_t block = 32;
  bool hasZero = takeInt(node, "blk_quant_type", 1) != 0;
  Value blobs = node.operand(1);
  // A and B say what B_shape does, which may be known to the run only.
  auto rows = getDims(node.operand(0)).empty() ? std::nullopt : getConstant(getDims(node.operand(0)).back());
  auto bytes = getConstant(product(node.b.getContext(), getDims(blobs)));
  if (!rows || *rows < 1 || !bytes)
    return node.error() << "the last size of A and the sizes of B must be known when the model is compiled";
  int64_t header = hasZero ? 5 : 4, size = header + block / 2, blocks = llvm::divideCeil(*rows, block);
  int64_t columns = *bytes / size / blocks;
  auto shape = getConstantInts(node.operand(2));
  if (columns < 1 || columns * blocks * size != *bytes || (shape && ArrayRef(*shape) != ArrayRef({*rows, columns})))
    return node.error() << "the " << *bytes << " bytes of B are not those of " << *rows << " rows and the columns of "
                        << "B_shape: " << size << " for every " << block << " numbers of a column";
  blobs = reshape(node, blobs, {columns, blocks, size});
  auto part = [&](int64_t from, int64_t to) {
    return slice(node, blobs, 2, node.constant({from}), node.constant({to}));
  };
  Value scales = reshape(node, bitsAs(node, part(0, 4), node.b.getF32Type()), {columns, blocks});
  Value zeros = absent(node);
  if (hasZero)
    zeros = castTo(node, reshape(node, part(4, 5), {columns, blocks}), node.b.getF32Type());
  // Numbers in their order, two in a byte again.
  Value pairs = reshape(node, spreadBits(node, part(header, size), 4), {columns, blocks, block / 2, 2});
  pairs = build<TransposeOp>(node, pairs, intsAttr(node, "perm", {0, 1, 3, 2}));
  pairs = reshape(node, pairs, {columns, blocks, block / 2, 2});
  Type byte = node.b.getIntegerType(8, /*isSigned=*/false);
  auto half = [&](int64_t i) {
    return reshape(node, slice(node, pairs, 3, node.constant({i}), node.constant({i + 1})),
                   {columns, blocks, block / 2});
  };
  Value packed = build<BitwiseOrOp>(node, {half(0), build<MulOp>(node, {half(1), node.scalar(16, byte)})});
  return finish(node, build<MatMulNBitsOp>(node, {node.operand(0), packed, scales, zeros, absent(node), absent(node)},
                                           {intAttr(node, "K", *rows), intAttr(node, "N", columns),
                                            intAttr(node, "bits", 4), intAttr(node, "block_size", block)}));
}

//===- MatMulBnb4 -----------------------------------------------------------------------===//

/// The numbers that four bits stand for, as bitsandbytes has them ("QLoRA: Efficient Finetuning of Quantized LLMs",
/// 2023): FP4 has a sign, two bits of exponent and one of mantissa, relative to its largest; NF4 has the quantiles of a
/// normal distribution.
static constexpr float kFp4[] = {
    0.0f,  5.208333333e-03f,  0.66666667f,  1.0f,  0.33333333f,  0.5f,  0.16666667f,  0.25f,
    -0.0f, -5.208333333e-03f, -0.66666667f, -1.0f, -0.33333333f, -0.5f, -0.16666667f, -0.25f};
static constexpr float kNf4[] = {-1.0f,
                                 -0.6961928009986877f,
                                 -0.5250730514526367f,
                                 -0.39491748809814453f,
                                 -0.28444138169288635f,
                                 -0.18477343022823334f,
                                 -0.09105003625154495f,
                                 0.0f,
                                 0.07958029955625534f,
                                 0.16093020141124725f,
                                 0.24611230194568634f,
                                 0.33791524171829224f,
                                 0.44070982933044434f,
                                 0.5626170039176941f,
                                 0.7229568362236023f,
                                 1.0f};

/// B [N, K] is one row of numbers, two in a byte, the first in its high bits; absmax scales blocks of it.
static LogicalResult expandMatMulBnb4(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  int64_t k = takeInt(node, "K", 0), n = takeInt(node, "N", 0), block = takeInt(node, "block_size", 0);
  int64_t kind = takeInt(node, "quant_type", 0), numbers;
  bool isTransposed = takeInt(node, "transB", 1) != 0;
  node.take("training_mode");
  if (k < 1 || n < 1 || llvm::MulOverflow(k, n, numbers))
    return node.error() << "K " << k << " and N " << n << " must be sizes";
  if (block < 16 || !llvm::isPowerOf2_64(block) || (kind != 0 && kind != 1))
    return node.error() << "block_size must be a power of 2 from 16 on, not " << block
                        << ", and quant_type 0 (FP4) or 1 (NF4), not " << kind;
  int64_t blocks = llvm::divideCeil(numbers, block);
  auto has = [&](unsigned i, int64_t count) {
    return getConstant(product(node.b.getContext(), getDims(node.operand(i)))).value_or(count) == count;
  };
  if (!has(1, llvm::divideCeil(numbers, 2)) || !has(2, blocks))
    return node.error() << "B must have " << llvm::divideCeil(numbers, 2) << " bytes, absmax " << blocks
                        << " elements, for " << n << " times " << k << " numbers in blocks of " << block;
  Type type = getElementTypeOrSelf(node.operand(0));
  ArrayRef<float> table = kind == 0 ? ArrayRef(kFp4) : ArrayRef(kNf4);
  Value codes = spreadBits(node, reshape(node, node.operand(1), {-1}), 4, /*isHighFirst=*/true);
  Value values = build<GatherOp>(node, {floats(node, table), castTo(node, codes, node.b.getI32Type())});
  auto first = [&](Value list) {
    return slice(node, reshape(node, list, {-1}), 0, node.constant({0}), node.constant({numbers}));
  };
  Value scales = castTo(node, reshape(node, node.operand(2), {-1, 1}), node.b.getF32Type());
  scales = build<ExpandOp>(node, {scales, node.constant({1, block})});
  Value matrix = reshape(node, build<MulOp>(node, {first(values), first(scales)}), {n, k});
  matrix = castTo(node, matrix, type);
  return finish(node, build<MatMulOp>(node, {node.operand(0), isTransposed ? transposeLast(node, matrix) : matrix}));
}

//===- GatherBlockQuantized -------------------------------------------------------------===//

/// Rows of a matrix of packed numbers: they are taken before they become real numbers.
static LogicalResult expandGatherBlockQuantized(NodeForm &node) {
  if (failed(requireOperands(node, 3)))
    return failure();
  Value data = node.operand(0), indices = node.operand(1), scales = node.operand(2), zeros = node.operand(3);
  int64_t rank = getDims(data).size(), bits = takeInt(node, "bits", 4), block = takeInt(node, "block_size", 128);
  int64_t gather = takeInt(node, "gather_axis", 0), quantized = takeInt(node, "quantize_axis", 1);
  for (int64_t *axis : {&gather, &quantized}) {
    if (*axis < -rank || *axis >= rank)
      return node.error() << "axis " << *axis << " is out of range for rank " << rank;
    *axis += *axis < 0 ? rank : 0;
  }
  if (gather == quantized)
    return node.error() << "gather_axis and quantize_axis must differ";
  bool isPacked = getElementTypeOrSelf(data).isUnsignedInteger(8);
  if (isPacked && ((bits != 2 && bits != 4 && bits != 8) || quantized != rank - 1))
    return node.error() << "bytes must hold numbers of 2, 4 or 8 bits, in blocks along the last dimension";
  auto take = [&](Value from) {
    return from ? build<GatherOp>(node, {from, indices}, intAttr(node, "axis", gather)) : Value();
  };
  Value x = take(data), scale = take(scales), zero = take(zeros);
  if (!x || !scale || (zeros && !zero))
    return failure();
  if (isPacked) {
    x = spreadBits(node, x, bits);
    zero = spreadBits(node, zero, bits);
    Value shape = build<ShapeOp>(node, scale);
    Type byte = node.b.getIntegerType(8, /*isSigned=*/false);
    if (zero) // the last byte of a row may not be full
      zero = build<SliceOp>(node, {zero, node.constant(0), build<ShapeOp>(node, scale, intAttr(node, "start", -1)),
                                   node.constant(-1), absent(node)});
    else
      zero = build<ExpandOp>(node, {node.scalar(1 << (bits - 1), byte), shape});
  }
  // The new dimensions stand in the place of the one that was gathered along.
  int64_t axis = quantized + (quantized > gather ? static_cast<int64_t>(getDims(indices).size()) - 1 : 0);
  return finish(node, build<DequantizeLinearOp>(node, {x, scale, orAbsent(node, zero)},
                                                {intAttr(node, "axis", axis), intAttr(node, "block_size", block)}));
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/BlockQuantized.cpp.inc"

void onnxc::onnx::registerBlockQuantizedOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/BlockQuantized.cpp.inc"
      >();
  dialect.addUpgrade("MatMulBnb4", /*below=*/std::numeric_limits<int64_t>::max(), expandMatMulBnb4, "com.microsoft");
  dialect.addUpgrade("MatMulFpQ4", /*below=*/std::numeric_limits<int64_t>::max(), expandMatMulFpQ4, "com.microsoft");
  dialect.addUpgrade("GatherBlockQuantized", /*below=*/std::numeric_limits<int64_t>::max(), expandGatherBlockQuantized,
                     "com.microsoft");
}
