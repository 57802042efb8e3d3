//===- dialects/onnx/ops/PackedFormats.cpp -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// GatherPacked (com.microsoft): rows of a table whose bytes are blocks of one of GGML's formats, and what numbers these
// are. The layouts are those of ggml-common.h and the DequantizePacked specification of ONNX.
#include "dialects/onnx/ops/PackedFormats.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/PackedBits.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

namespace {
/// The blocks of rows, uint8 [..., blocks, bytes], and their parts as real numbers (f32).
struct Blocks {
  NodeForm &node;
  Value bytes;

  Value part(int64_t from, int64_t count) const {
    return slice(node, bytes, -1, node.constant({from}), node.constant({from + count}));
  }
  Value real(Value x) const { return castTo(node, x, node.b.getF32Type()); }
  Value number(double x) const { return node.scalar(x, node.b.getF32Type()); }
  Value add(Value x, Value y) const { return build<AddOp>(node, {x, y}); }
  Value sub(Value x, Value y) const { return build<SubOp>(node, {x, y}); }
  Value mul(Value x, Value y) const { return build<MulOp>(node, {x, y}); }
  Value join(ArrayRef<Value> parts) const { return build<ConcatOp>(node, parts, intAttr(node, "axis", -1)); }
  Value split(Value x, int64_t n, int64_t m) const { return splitLast(node, x, {n, m}); }

  /// A float of 16 bits [..., blocks, 1].
  Value half(int64_t from) const { return real(bitsAs(node, part(from, 2), node.b.getF16Type())); }
  /// Signed bytes.
  Value signedBytes(int64_t from, int64_t count) const {
    return real(build<BitCastOp>(node, part(from, count), intAttr(node, "to", getOnnxType(node.b.getIntegerType(8)))));
  }
  /// The low halves of `count` bytes, then their high ones.
  Value nibbles(int64_t from, int64_t count) const { return lowThenHigh(part(from, count), count); }
  Value lowThenHigh(Value x, int64_t count) const {
    Value pairs = split(spreadBits(node, x, 4), count, 2);
    return flatten(transposeLast(node, pairs), 2);
  }
  /// The last `dims` dimensions as one.
  Value flatten(Value x, int64_t dims) const {
    if (!x)
      return {};
    Value shape = build<ConcatOp>(node, {build<ShapeOp>(node, x, intAttr(node, "end", -dims)), node.constant({-1})},
                                  intAttr(node, "axis", 0));
    return build<ReshapeOp>(node, {x, shape});
  }
  Value lookUp(ArrayRef<float> table, Value codes) const {
    return build<GatherOp>(node, {floats(node, table), castTo(node, codes, node.b.getI32Type())});
  }
};

/// A format by GGML's number: blocks of `count` numbers in `size` bytes.
struct Format {
  int64_t type;
  StringRef name;
  int64_t count, size;
  Value (*decode)(const Blocks &b);
};
} // namespace

template <typename FloatT> static Value decodeFloats(const Blocks &b) {
  return b.real(bitsAs(b.node, b.bytes, FloatT::get(b.node.b.getContext())));
}

static Value decodeQ2_0(const Blocks &b) {
  return b.mul(b.sub(b.real(spreadBits(b.node, b.part(2, 16), 2)), b.number(1)), b.half(0));
}

static Value decodeQ4_0(const Blocks &b) { return b.mul(b.sub(b.real(b.nibbles(2, 16)), b.number(8)), b.half(0)); }

static Value decodeQ5_0(const Blocks &b) {
  Value high = b.mul(b.real(spreadBits(b.node, b.part(2, 4), 1)), b.number(16));
  return b.mul(b.sub(b.add(b.real(b.nibbles(6, 16)), high), b.number(16)), b.half(0));
}

static Value decodeQ8_0(const Blocks &b) { return b.mul(b.signedBytes(2, 32), b.half(0)); }

/// Eight groups of 32 numbers of 5 bits, each with a scale and an offset of 6 bits: those of the first four are the low
/// bits of bytes, whose high bits belong to the other four.
static Value decodeQ5_K(const Blocks &b) {
  constexpr int64_t groups = 8, group = 32;
  Value bytes = b.split(b.part(48, 128), 4, 32); // each holds two groups: one in its low, one in its high halves
  Value pairs = spreadBits(b.node, bytes, 4);    // [..., 4, 64], low and high half of a byte next to each other
  pairs = transposeLast(b.node, b.split(pairs, 32, 2));
  Value low = b.split(b.flatten(pairs, 3), groups, group);
  Value fifth = transposeLast(b.node, b.split(spreadBits(b.node, b.part(16, 32), 1), 32, 8)); // [..., groups, 32]
  Value numbers = b.add(b.real(low), b.mul(b.real(fifth), b.number(16)));
  auto fields = [&](int64_t first, int64_t lowFirst) { // of the first four groups, then of the others
    Value parts = b.part(first, 4), others = spreadBits(b.node, b.part(12, 4), 4);
    Value six = b.real(build<BitwiseAndOp>(b.node, {parts, b.node.scalar(63, getElementTypeOrSelf(parts))}));
    Value top = slice(b.node, b.split(spreadBits(b.node, parts, 2), 4, 4), -1, b.node.constant({3}));
    Value four = slice(b.node, b.split(others, 4, 2), -1, b.node.constant({lowFirst}), b.node.constant({lowFirst + 1}));
    Value rest = b.add(b.real(b.flatten(four, 2)), b.mul(b.real(b.flatten(top, 2)), b.number(16)));
    return unsqueeze(b.node, b.join({six, rest}), -1);
  };
  Value scale = b.mul(fields(4, 0), unsqueeze(b.node, b.half(0), -1));
  Value offset = b.mul(fields(8, 1), unsqueeze(b.node, b.half(2), -1));
  return b.flatten(b.sub(b.mul(numbers, scale), offset), 2);
}

/// Two halves of 128 numbers of 6 bits: four of their bits are a half of a byte, two a quarter of another. Groups of 16
/// have a scale each.
static Value decodeQ6_K(const Blocks &b) {
  Value low = transposeLast(b.node, b.split(spreadBits(b.node, b.split(b.part(0, 128), 2, 64), 4), 64, 2));
  low = b.flatten(low, 3); // the low halves of 64 bytes, then their high ones
  Value high = transposeLast(b.node, b.split(spreadBits(b.node, b.split(b.part(128, 64), 2, 32), 2), 32, 4));
  Value numbers = b.add(b.real(low), b.mul(b.real(b.flatten(high, 3)), b.number(16)));
  Value groups = b.split(b.sub(numbers, b.number(32)), 16, 16);
  Value scale = b.mul(b.signedBytes(192, 16), b.half(208));
  return b.flatten(b.mul(groups, unsqueeze(b.node, scale, -1)), 2);
}

static constexpr float kIq4[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static Value decodeIq4_NL(const Blocks &b) { return b.mul(b.lookUp(kIq4, b.nibbles(2, 16)), b.half(0)); }

/// Eight groups of 32 numbers, each with a scale of 6 bits.
static Value decodeIq4_XS(const Blocks &b) {
  Value codes = b.lowThenHigh(b.split(b.part(8, 128), 8, 16), 16); // [..., 8, 32]
  Value scale = b.add(b.real(spreadBits(b.node, b.part(4, 4), 4)),
                      b.mul(b.real(spreadBits(b.node, b.part(2, 2), 2)), b.number(16)));
  scale = b.mul(b.sub(scale, b.number(32)), b.half(0));
  return b.flatten(b.mul(b.lookUp(kIq4, codes), unsqueeze(b.node, scale, -1)), 2);
}

static const Format formats[] = {
    {0, "F32", 1, 4, decodeFloats<Float32Type>},
    {1, "F16", 1, 2, decodeFloats<Float16Type>},
    {2, "Q4_0", 32, 18, decodeQ4_0},
    {6, "Q5_0", 32, 22, decodeQ5_0},
    {8, "Q8_0", 32, 34, decodeQ8_0},
    {13, "Q5_K", 256, 176, decodeQ5_K},
    {14, "Q6_K", 256, 210, decodeQ6_K},
    {20, "IQ4_NL", 32, 18, decodeIq4_NL},
    {23, "IQ4_XS", 256, 136, decodeIq4_XS},
    {30, "BF16", 1, 2, decodeFloats<BFloat16Type>},
    {42, "Q2_0", 64, 18, decodeQ2_0},
};

/// An index that is out of range takes row 0.
static LogicalResult expandGatherPacked(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  int64_t type = takeInt(node, "packed_type", -1), width = takeInt(node, "K", 0);
  Type result = getElementType(node.b.getContext(), takeInt(node, "output_dtype", getOnnxType(node.b.getBF16Type())));
  const Format *format = llvm::find_if(formats, [&](const Format &f) { return f.type == type; });
  if (format == std::end(formats)) {
    auto diagnostic = node.error() << "packed_type " << type << " is not supported: the formats are";
    for (const Format &f : formats)
      diagnostic << " " << f.name << " (" << f.type << ")";
    return diagnostic;
  }
  if (!isa_and_nonnull<FloatType>(result))
    return node.error() << "output_dtype must be a type of floats";
  constexpr int64_t most = int64_t(1) << 40;
  if (width < 1 || width > most || width % format->count != 0)
    return node.error() << "K " << width << " is no positive multiple of the " << format->count
                        << " numbers of a block of " << format->name;
  Value data = node.operand(0), indices = node.operand(1);
  int64_t blocks = width / format->count, size = blocks * format->size;
  if (Dims dims = getDims(data); dims.size() != 2 || getConstant(dims[1]).value_or(size) != size)
    return node.error() << "data must have rows of " << size << " bytes";
  indices = castTo(node, indices, node.b.getI64Type());
  Value zero = node.scalar(0, node.b.getI64Type());
  Value isRow = build<AndOp>(node, {build<GreaterOrEqualOp>(node, {indices, zero}),
                                    build<LessOp>(node, {indices, reshape(node, dimensionOf(node, data, 0), {})})});
  indices = build<WhereOp>(node, {isRow, indices, zero});
  Value rows = build<GatherOp>(node, {data, indices});
  Blocks decoder{node, splitLast(node, rows, {blocks, format->size})};
  Value numbers = decoder.bytes ? decoder.flatten(format->decode(decoder), 2) : Value();
  return finish(node, castTo(node, numbers, result));
}

void onnxc::onnx::registerPackedFormatsOps(OnnxDialect &dialect) {
  dialect.addUpgrade("GatherPacked", /*below=*/std::numeric_limits<int64_t>::max(), expandGatherPacked,
                     "com.microsoft");
}
