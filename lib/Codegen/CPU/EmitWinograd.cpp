//===- lib/Codegen/CPU/EmitWinograd.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Emits kernel.winograd, F(m x m, 3 x 3) for m of 2 and 4: a task takes a block of tiles of m + 2 by m + 2 pixels,
// transforms them, and for every panel of columns multiplies each of the (m + 2)^2 matrices (tiles x channels) by its
// weights and transforms the sums to m by m pixels. Where an image has few blocks, hardly anybody else needs the
// transformed weights of a panel: the task makes them itself, in its own cache.
//
// The transforms, along columns and then along rows (Lavin and Gray 2015, Toom-Cook):
//   m = 2, points 0, 1, -1 and infinity
//     pixels   B' d   d0 - d2, d1 + d2, d2 - d1, d1 - d3
//     weights  G g    g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2
//     sums     A' s   s0 + s1 + s2, s1 - s2 - s3
//   m = 4, points 0, a, -a, b, -b and infinity with a = 2/3 and b = 3/2, a third of the error of 1 and 2
//     pixels   B' d   d0 - (a^2 + b^2) d2 + d4,
//                     (d4 - b^2 d2) +- a (d3 - b^2 d1), (d4 - a^2 d2) +- b (d3 - a^2 d1),
//                     d1 - (a^2 + b^2) d3 + d5
//     weights  G g    g0, (g0 + a^2 g2 +- a g1) / (2 a^2 (a^2 - b^2)), (g0 + b^2 g2 +- b g1) / (2 b^2 (b^2 - a^2)), g2
//     sums     A' s   s0 + p + q, a p' + b q', a^2 p + b^2 q, a^3 p' + b^3 q' + s5
//                     with p = s1 + s2, p' = s1 - s2, q = s3 + s4, q' = s3 - s4
#include "lib/Codegen/CPU/KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::kernel;

/// How far apart the matrices of `floats` numbers are. One vector more than they need, since a multiple of a page would
/// put what is transformed together into the same few lines of the first-level cache.
static int64_t spread(int64_t floats, int64_t lanes) { return floats + lanes; }

WinogradBlocks::WinogradBlocks(int64_t tile, int64_t height, int64_t width, int64_t channels, int64_t columns,
                               int64_t lanes)
    : points((tile + 2) * (tile + 2)) {
  constexpr int64_t cacheFloats = 212'000, scratchFloats = 1 << 19, wantedItems = 8, mostTilesAtOnce = 64,
                    mostTiles = 48, leastTiles = 12, worthAFilter = 24;
  int64_t paddedChannels = llvm::alignTo(channels, lanes), tileFloats = points * paddedChannels;
  bool isKnown = !ShapedType::isDynamic(height) && !ShapedType::isDynamic(width);
  tiles = isKnown ? llvm::divideCeil(height, tile) * llvm::divideCeil(width, tile) : ShapedType::kDynamic;
  vectors = llvm::divideCeil(columns, lanes);
  transformsFilter = isKnown && tiles <= mostTilesAtOnce;
  // Every split transforms all pixels.
  if (transformsFilter) {
    blocks = std::clamp<int64_t>(llvm::divideCeil(tiles * tileFloats, cacheFloats), 1,
                                 std::max<int64_t>(1, tiles / worthAFilter));
    splits = std::clamp<int64_t>(vectors / 4, std::clamp<int64_t>(vectors / 2, 1, 4), wantedItems);
    splits = std::max<int64_t>(1, splits / blocks);
  } else {
    // The weights stream by once for every block, so a block has to be worth it.
    tilesPerBlock = std::clamp<int64_t>(cacheFloats / tileFloats, leastTiles, mostTiles);
    blocks = isKnown ? llvm::divideCeil(tiles, tilesPerBlock) : wantedItems;
    splits = std::clamp<int64_t>(llvm::divideCeil(wantedItems, blocks), 1, std::max<int64_t>(1, vectors / 4));
  }
  vectorsPerSplit = llvm::divideCeil(vectors, splits);
  splits = llvm::divideCeil(vectors, vectorsPerSplit);
  panelVectors = transformsFilter ? 1 : 2;
  auto cut = [&] {
    if (isKnown)
      tilesPerBlock = llvm::divideCeil(tiles, blocks);
    pixelsApart = spread(tilesPerBlock * paddedChannels, lanes);
    sumsApart = spread(tilesPerBlock * panelVectors * lanes, lanes);
    pixelFloats = points * pixelsApart;
    sumFloats = points * sumsApart;
    filterFloats = transformsFilter ? points * spread(channels * panelVectors * lanes, lanes) : 0;
  };
  cut();
  mostTasks = std::clamp<int64_t>(scratchFloats / (pixelFloats + sumFloats + filterFloats) / 4 * 4, wantedItems, 32);
  // As many blocks as give all tasks the same number of them.
  if (!transformsFilter && isKnown) {
    while (blocks * splits % mostTasks != 0 && tiles > (blocks + 1) * leastTiles)
      ++blocks;
    cut();
  }
}

namespace {
using Values = SmallVector<Value, 6>;
using Matrix = SmallVector<Values, 6>; // of rows

/// The transforms of a vector of numbers for every element of a row or column.
class Transforms {
public:
  Transforms(Emitter &e, VectorType vector) : e(e), vector(vector) {}

  Values pixels(const Values &d) {
    if (d.size() == 4)
      return {sub(d[0], d[2]), add(d[1], d[2]), sub(d[2], d[1]), sub(d[1], d[3])};
    Values result = {fma(d[2], -(a2 + b2), add(d[0], d[4]))};
    for (auto [point, other] : {std::pair(a, b2), std::pair(b, a2)}) {
      Value even = fma(d[2], -other, d[4]), odd = fma(d[1], -other, d[3]);
      result.push_back(fma(odd, point, even));
      result.push_back(fma(odd, -point, even));
    }
    result.push_back(fma(d[3], -(a2 + b2), add(d[1], d[5])));
    return result;
  }

  Values weights(const Values &g, int64_t tile) {
    if (tile == 2) {
      Value outer = mul(add(g[0], g[2]), 0.5), inner = mul(g[1], 0.5);
      return {g[0], add(outer, inner), sub(outer, inner), g[2]};
    }
    Values result = {g[0]};
    for (auto [point, other] : {std::pair(a, b2), std::pair(b, a2)}) {
      double square = point * point, scale = 1 / (2 * square * (square - other));
      Value even = fma(g[2], square * scale, mul(g[0], scale));
      result.push_back(fma(g[1], point * scale, even));
      result.push_back(fma(g[1], -point * scale, even));
    }
    result.push_back(g[2]);
    return result;
  }

  Values sums(const Values &s) {
    if (s.size() == 4)
      return {add(add(s[0], s[1]), s[2]), sub(sub(s[1], s[2]), s[3])};
    Value p = add(s[1], s[2]), p1 = sub(s[1], s[2]), q = add(s[3], s[4]), q1 = sub(s[3], s[4]);
    return {add(add(s[0], p), q), fma(q1, b, mul(p1, a)), fma(q, b2, mul(p, a2)),
            add(fma(q1, b * b2, mul(p1, a * a2)), s[5])};
  }

  /// `transform` along columns and then along rows.
  static Matrix apply(const Matrix &matrix, llvm::function_ref<Values(const Values &)> transform) {
    auto alongColumns = [&](const Matrix &matrix) { // the result is transposed
      Matrix result;
      for (size_t s = 0; s < matrix[0].size(); ++s) {
        Values column;
        for (const Values &row : matrix)
          column.push_back(row[s]);
        result.push_back(transform(column));
      }
      return result;
    };
    return alongColumns(alongColumns(matrix));
  }

private:
  static constexpr double a = 2.0 / 3, b = 3.0 / 2, a2 = a * a, b2 = b * b;

  Value constant(double number) {
    return arith::ConstantOp::create(e, DenseElementsAttr::get(vector, static_cast<float>(number)));
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(e, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(e, x, y); }
  Value mul(Value x, double factor) { return arith::MulFOp::create(e, x, constant(factor)); }
  Value fma(Value x, double factor, Value y) { return vector::FMAOp::create(e, x, constant(factor), y); }

  Emitter &e;
  VectorType vector;
};

/// G g G' of a vector of columns of the packed weights `filter`, for all channels; the results are stored `apart`.
void transformFilter(Emitter &e, int64_t tile, const Access &filter, Index column, Value flat, Index to, Index apart,
                     int64_t channels, VectorType vector) {
  Transforms transforms(e, vector);
  e.loop(e.index(0), e.index(channels), 1, [&](Index c) {
    Index from = e.add(e.mul(filter.strides[0], column), e.mul(filter.strides[3], c));
    Index at = e.add(to, e.mul(c, vector.getDimSize(0)));
    Matrix weights(3);
    for (int64_t r = 0; r < 3; ++r)
      for (int64_t s = 0; s < 3; ++s)
        weights[r].push_back(e.loadSingle(
            filter.flat, e.add(from, e.add(e.mul(filter.strides[1], r), e.mul(filter.strides[2], s))), vector));
    int64_t point = 0;
    for (const Values &row : Transforms::apply(weights, [&](const Values &g) { return transforms.weights(g, tile); }))
      for (Value value : row)
        e.storeVector(value, flat, e.add(at, e.mul(apart, point++)));
  });
}

class WinogradEmitter {
public:
  WinogradEmitter(Emitter &e, WinogradOp op, ValueRange operands)
      : e(e), op(op), lhs(operands[0]), filter(operands[1]), scratch(operands[operands.size() - 2]),
        init(operands.back()), extras(operands.drop_front(2).drop_back(2)), initType(cast<MemRefType>(init.getType())),
        m(op.getTile()), lanes(cast<MemRefType>(filter.getType()).getShape().back()),
        channels(cast<MemRefType>(filter.getType()).getShape().drop_back().back()), columns(initType.getDimSize(3)),
        height(e.size(init, 1)), width(e.size(init, 2)), blocks(cut(initType.getDimSize(1), initType.getDimSize(2))),
        vector(VectorType::get({lanes}, e.getF32Type())), transforms(e, vector),
        paddedChannels(llvm::alignTo(channels, lanes)), sumWidth(blocks.panelVectors * lanes) {
    tilesAcross = e.ceilDiv(width, e.index(m));
    tiles = e.mul(e.ceilDiv(height, e.index(m)), tilesAcross);
    blocksPerImage = e.ceilDiv(tiles, e.index(blocks.tilesPerBlock));
    items = e.mul(e.size(init, 0), e.mul(blocksPerImage, blocks.splits));
    // As many as have scratch memory, or less where all of them then do the same number of items.
    Index most = e.max(e.index(1), e.ceilDiv(items, e.size(scratch, 0)));
    tasks = e.ceilDiv(items, most);
  }

  Index countTasks() { return tasks; }

  void emitTask(Value task, Value slot, unsigned registerCount) {
    registers = registerCount;
    auto identity = [&](unsigned rank) { return AffineMap::getMultiDimIdentityMap(rank, e.getContext()); };
    in = e.access(lhs, identity(4));
    weights = e.access(filter, identity(cast<MemRefType>(filter.getType()).getRank()));
    out = e.access(init, identity(4));
    Access memory = e.access(scratch, identity(2));
    scratchFlat = memory.flat;
    pixelsAt = e.mul(memory.strides[0], Index(slot));
    sumsAt = e.add(pixelsAt, blocks.pixelFloats);
    filterAt = e.add(sumsAt, blocks.sumFloats);
    for (auto [i, extra] : llvm::enumerate(extras))
      others.push_back(e.access(extra, op.getExtraMap(i)));
    auto begin = [&](Index task) { return e.div(e.mul(items, task), tasks); };
    e.loop(begin(task), begin(e.add(task, 1)), 1, [&](Index item) {
      Index split = e.rem(item, e.index(blocks.splits)), rest = e.div(item, e.index(blocks.splits));
      Index block = e.rem(rest, blocksPerImage), image = e.div(rest, blocksPerImage);
      if (ShapedType::isDynamic(blocks.tiles)) { // the last block may have less: what is more is computed in vain
        Index tile = e.mul(block, blocks.tilesPerBlock), left = e.sub(tiles, tile);
        return emitBlock(image, tile, blocks.tilesPerBlock, e.min(left, e.index(blocks.tilesPerBlock)), split);
      }
      Balanced parts(blocks.tiles, blocks.tilesPerBlock);
      Index tile = e.add(e.mul(block, parts.shorter), e.min(block, e.index(parts.longer)));
      auto emit = [&](int64_t count) { emitBlock(image, tile, count, e.index(count), split); };
      if (parts.longer == 0)
        return emit(parts.shorter);
      e.ifLess(block, e.index(parts.longer), [&] { emit(parts.shorter + 1); }, [&] { emit(parts.shorter); });
    });
  }

private:
  /// As when the operation was made, also where its sizes have become known since: the filter says so.
  WinogradBlocks cut(int64_t height, int64_t width) {
    WinogradBlocks blocks(m, height, width, channels, columns, lanes);
    if (blocks.transformsFilter && cast<MemRefType>(filter.getType()).getRank() == 4)
      return {m, ShapedType::kDynamic, ShapedType::kDynamic, channels, columns, lanes};
    return blocks;
  }

  /// Row and column of the first pixel of a tile.
  std::pair<Index, Index> corner(Index tile) {
    return {e.mul(e.div(tile, tilesAcross), m), e.mul(e.rem(tile, tilesAcross), m)};
  }
  Index at(const Access &access, Index image, Index h, Index w, Index c) {
    return e.add(e.add(e.mul(access.strides[0], image), e.mul(access.strides[1], h)),
                 e.add(e.mul(access.strides[2], w), e.mul(access.strides[3], c)));
  }
  /// Whether the tiles cover `size` outputs and no more.
  bool fits(Index size) { return getConstantIntValue(size) && *getConstantIntValue(size) % m == 0; }
  /// From the first pixel of a tile to number `i`, along a dimension where the tile begins at `first`. Where the last
  /// tile reaches beyond the pixels, any will do, since only outputs that are not stored depend on it.
  Index step(Index first, int64_t i, Index size) {
    return i >= 3 && !fits(size) ? e.min(e.index(i), e.sub(e.add(size, 1), first)) : e.index(i);
  }

  /// `valid` of the `count` tiles from `tile` on exist.
  void emitBlock(Index image, Index tile, int64_t count, Index valid, Index split) {
    e.loop(e.index(0), valid, 1, [&](Index t) {
      auto [h, w] = corner(e.add(tile, t));
      SmallVector<Value> arguments = {e.value(at(in, image, h, w, e.index(0))),
                                      e.value(e.add(pixelsAt, e.mul(t, paddedChannels)))};
      for (int64_t i = 0; i < m + 2; ++i) {
        arguments.push_back(e.value(e.mul(in.strides[1], step(h, i, height))));
        arguments.push_back(e.value(e.mul(in.strides[2], step(w, i, width))));
      }
      transformPixels(arguments);
    });
    Index panel0 = e.mul(split, blocks.vectorsPerSplit);
    Index panel1 = e.min(e.add(panel0, blocks.vectorsPerSplit), e.index(blocks.vectors));
    int64_t most = blocks.panelVectors;
    Index main = e.mul(e.div(e.sub(panel1, panel0), e.index(most)), most), end = e.add(panel0, main);
    e.loop(panel0, end, most, [&](Index panel) { emitPanel(image, tile, count, valid, panel, most); });
    e.loop(end, panel1, 1, [&](Index panel) { emitPanel(image, tile, count, valid, panel, 1); });
  }

  /// The pixels of a tile from the first argument on become numbers from the second one on. The others are how far the
  /// rows and columns are from the first ones, in turn.
  void transformPixels(ArrayRef<Value> arguments) {
    SmallVector<Value> unknown;
    for (Value argument : arguments)
      if (!getConstantIntValue(argument))
        unknown.push_back(argument);
    pixelPart.call(e, unknown, [&](ValueRange inside) {
      SmallVector<Index> known;
      for (Value argument : arguments) {
        if (auto number = getConstantIntValue(argument)) {
          known.push_back(e.index(*number));
          continue;
        }
        known.push_back(inside.front());
        inside = inside.drop_front();
      }
      Index from = known[0], to = known[1];
      e.loop(e.index(0), e.index(channels), lanes, [&](Index c) {
        Value mask = e.tailMask(c, e.index(channels), lanes);
        Matrix pixels(m + 2);
        Index first = e.add(from, e.mul(in.strides[3], c));
        for (int64_t r = 0; r < m + 2; ++r)
          for (int64_t s = 0; s < m + 2; ++s)
            pixels[r].push_back(
                e.loadVector(in.flat, e.add(first, e.add(known[2 + 2 * r], known[3 + 2 * s])), vector, mask));
        int64_t point = 0;
        for (const Values &row : Transforms::apply(pixels, [&](const Values &d) { return transforms.pixels(d); }))
          for (Value value : row)
            e.storeVector(value, scratchFlat, e.add(e.add(to, c), point++ * blocks.pixelsApart));
      });
    });
  }

  /// `vectors` vectors of columns for all tiles of a block.
  void emitPanel(Index image, Index tile, int64_t count, Index valid, Index panel, int64_t vectors) {
    Access transformed = weights;
    Index panelAt = e.mul(weights.strides[1], panel);
    if (blocks.transformsFilter) {
      transformed.flat = scratchFlat;
      transformed.strides = {e.index(spread(vectors * channels * lanes, lanes)), e.index(channels * lanes),
                             e.index(lanes)};
      panelAt = filterAt;
      for (int64_t v = 0; v < vectors; ++v)
        transformFilter(e, m, weights, e.add(panel, v), scratchFlat, e.add(filterAt, v * channels * lanes),
                        transformed.strides[0], channels, vector);
    }
    e.loop(e.index(0), e.index(blocks.points), 1, [&](Index x) {
      Index left = e.add(pixelsAt, e.mul(x, blocks.pixelsApart));
      Index right = e.add(panelAt, e.mul(transformed.strides[0], x));
      Index to = e.add(sumsAt, e.mul(x, blocks.sumsApart));
      int64_t mostRows = 1;
      while (RegisterTile::fits(mostRows + 1, vectors, registers))
        ++mostRows;
      Balanced parts(count, mostRows);
      auto rows = [&](Index row, int64_t rows) {
        RegisterTile product{scratchFlat,
                             transformed.flat,
                             e.index(paddedChannels),
                             e.index(1),
                             transformed.strides[1],
                             transformed.strides[2],
                             e.index(channels),
                             vector,
                             rows,
                             vectors};
        SmallVector<Value> sums(rows * vectors, e.zero(vector));
        sums = product.accumulate(e, e.add(left, e.mul(row, paddedChannels)), right, sums);
        for (int64_t i = 0; i < rows * vectors; ++i)
          e.storeVector(sums[i], scratchFlat,
                        e.add(e.add(to, e.mul(row, sumWidth)), i / vectors * sumWidth + i % vectors * lanes));
      };
      if (blocks.transformsFilter)
        fetchFilter(e.add(panel, vectors), vectors, x);
      Index longer = e.index(parts.longer * (parts.shorter + 1));
      e.loop(e.index(0), longer, parts.shorter + 1, [&](Index row) { rows(row, parts.shorter + 1); });
      e.loop(longer, e.index(count), parts.shorter, [&](Index row) { rows(row, parts.shorter); });
    });
    for (int64_t v = 0; v < vectors; ++v)
      finishPart.call(e,
                      {e.value(image), e.value(tile), e.value(valid), e.value(e.add(sumsAt, v * lanes)),
                       e.value(e.mul(e.add(panel, v), lanes))},
                      [&](ValueRange inside) {
                        e.loop(e.index(0), Index(inside[2]), 1, [&](Index t) {
                          finishTile(inside[0], e.add(inside[1], t), e.add(Index(inside[3]), e.mul(t, sumWidth)),
                                     inside[4]);
                        });
                      });
  }

  /// Brings part `x` of the weights of `vectors` vectors of columns from `panel` on into the second-level cache: they
  /// come from memory while the present ones are multiplied.
  void fetchFilter(Index panel, int64_t vectors, Index x) {
    int64_t line = 64 / (cast<MemRefType>(weights.flat.getType()).getElementTypeBitWidth() / 8);
    int64_t part = llvm::alignTo(llvm::divideCeil(vectors * 9 * channels * lanes, blocks.points), line);
    Index from = e.add(e.mul(weights.strides[0], panel), e.mul(x, part));
    e.loop(e.index(0), e.index(part), line, [&](Index i) {
      memref::PrefetchOp::create(e, weights.flat, e.value(e.add(from, i)), /*isWrite=*/false, /*localityHint=*/2,
                                 /*isDataCache=*/true);
    });
  }

  /// A' s A: the m by m pixels of a vector of columns from the sums at `from`.
  void finishTile(Index image, Index tile, Index from, Index column) {
    Matrix sums(m + 2);
    for (int64_t r = 0; r < m + 2; ++r)
      for (int64_t s = 0; s < m + 2; ++s)
        sums[r].push_back(e.loadVector(scratchFlat, e.add(from, (r * (m + 2) + s) * blocks.sumsApart), vector));
    Matrix pixels = Transforms::apply(sums, [&](const Values &s) { return transforms.sums(s); });
    Value mask = e.tailMask(column, e.index(columns), lanes);
    auto [h, w] = corner(tile);
    for (int64_t r = 0; r < m; ++r)
      for (int64_t s = 0; s < m; ++s) {
        Index row = e.add(h, r), place = e.add(w, s);
        auto store = [&] { finishPixel(pixels[r][s], image, row, place, column, mask); };
        auto storeInRow = [&] { s > 0 && !fits(width) ? e.ifLess(place, width, store, nullptr) : store(); };
        r > 0 && !fits(height) ? e.ifLess(row, height, storeInRow, nullptr) : storeInRow();
      }
  }

  void finishPixel(Value sum, Index image, Index h, Index w, Index column, Value mask) {
    SmallVector<Value> arguments = {sum};
    for (Access &other : others) {
      Index from = at(other, image, h, w, column);
      auto type = VectorType::get({lanes}, cast<MemRefType>(other.flat.getType()).getElementType());
      arguments.push_back(isConstantIntValue(other.strides[3], 0) ? e.splat(e.loadScalar(other.flat, from), lanes)
                                                                  : e.loadVector(other.flat, from, type, mask));
    }
    e.storeVector(e.applyEpilogue(op.getEpilogue(), arguments), out.flat, at(out, image, h, w, column), mask);
  }

  Emitter &e;
  WinogradOp op;
  Value lhs, filter, scratch, init;
  ValueRange extras;
  MemRefType initType;
  int64_t m, lanes, channels, columns;
  Index height, width;
  WinogradBlocks blocks;
  VectorType vector;
  Transforms transforms;
  Index tilesAcross, tiles, blocksPerImage;
  Index items, tasks; // an item is a block of tiles for a part of the columns
  unsigned registers = 0;
  Access in, weights, out;
  SmallVector<Access> others;
  Value scratchFlat;
  Index pixelsAt, sumsAt, filterAt; // of this task, in scratch
  int64_t paddedChannels, sumWidth; // numbers per tile there
  Part pixelPart{"pixels"}, finishPart{"finish"};
};
} // namespace

Index onnxc::kernel::countWinogradTasks(Emitter &e, WinogradOp op, ValueRange operands) {
  return WinogradEmitter(e, op, operands).countTasks();
}

void onnxc::kernel::emitWinogradTask(Emitter &e, WinogradOp op, ValueRange operands, Value task, Value slot,
                                     unsigned registers) {
  WinogradEmitter(e, op, operands).emitTask(task, slot, registers);
}

/// A task is a panel of columns.
Index onnxc::kernel::countWinogradFilterTasks(Emitter &e, WinogradFilterOp op, ValueRange operands) {
  return e.size(operands[0], 0);
}

void onnxc::kernel::emitWinogradFilterTask(Emitter &e, WinogradFilterOp op, ValueRange operands, Value task) {
  Access from = e.access(operands[0], AffineMap::getMultiDimIdentityMap(5, e.getContext()));
  Access to = e.access(operands[1], AffineMap::getMultiDimIdentityMap(4, e.getContext()));
  ArrayRef<int64_t> shape = cast<MemRefType>(operands[0].getType()).getShape();
  int64_t tile = cast<MemRefType>(operands[1].getType()).getDimSize(0) == 16 ? 2 : 4;
  transformFilter(e, tile, from, Index(task), to.flat, e.mul(to.strides[1], Index(task)), to.strides[0], shape[3],
                  VectorType::get({shape[4]}, e.getF32Type()));
}
