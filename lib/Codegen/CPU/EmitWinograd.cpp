//===- lib/Codegen/CPU/EmitWinograd.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Emits kernel.winograd, F(2x2, 3x3): a task takes a block of tiles of 4 x 4 pixels, transforms them, and for every
// panel of columns multiplies each of the 16 matrices (tiles x channels) by its weights and transforms the sums to 2 x
// 2 pixels. Where all tiles of an image are one block, nobody else needs the transformed weights of a panel: the task
// makes them itself, in its own cache. The transforms, along rows and then along columns (Lavin and Gray 2015):
//   pixels   B' d   d0 - d2, d1 + d2, d2 - d1, d1 - d3
//   weights  G g    g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2
//   sums     A' m   m0 + m1 + m2, m1 - m2 - m3
#include "lib/Codegen/CPU/KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::kernel;

WinogradBlocks::WinogradBlocks(int64_t height, int64_t width, int64_t channels, int64_t columns, int64_t lanes) {
  constexpr int64_t cacheFloats = 212'000, scratchFloats = 1 << 19, leastTasks = 8, mostTilesAtOnce = 64,
                    mostTiles = 48;
  int64_t paddedChannels = llvm::alignTo(channels, lanes);
  bool isKnown = !ShapedType::isDynamic(height) && !ShapedType::isDynamic(width);
  tiles = isKnown ? llvm::divideCeil(height, 2) * llvm::divideCeil(width, 2) : ShapedType::kDynamic;
  vectors = llvm::divideCeil(columns, lanes);
  transformsFilter = isKnown && tiles <= mostTilesAtOnce;
  // Every split transforms all pixels.
  if (transformsFilter) {
    tilesPerBlock = tiles;
    blocks = 1;
    splits = std::clamp<int64_t>(vectors / 4, std::clamp<int64_t>(vectors / 2, 1, 4), 8);
  } else {
    // The weights stream by once for every block, so a block has to be worth it.
    tilesPerBlock = std::clamp<int64_t>(cacheFloats / (16 * paddedChannels), 12, mostTiles);
    blocks = isKnown ? llvm::divideCeil(tiles, tilesPerBlock) : leastTasks;
    splits = std::clamp<int64_t>(llvm::divideCeil(leastTasks, blocks), 1, std::max<int64_t>(1, vectors / 4));
  }
  vectorsPerSplit = llvm::divideCeil(vectors, splits);
  splits = llvm::divideCeil(vectors, vectorsPerSplit);
  panelVectors = transformsFilter ? 1 : 2;
  auto scratch = [&] {
    pixelFloats = 16 * tilesPerBlock * paddedChannels;
    sumFloats = 16 * tilesPerBlock * panelVectors * lanes;
    filterFloats = transformsFilter ? 16 * channels * panelVectors * lanes : 0;
    return pixelFloats + sumFloats + filterFloats;
  };
  mostTasks = std::clamp<int64_t>(scratchFloats / scratch() / 4 * 4, leastTasks, 32);
  // As many blocks as give all tasks the same number of them.
  if (!transformsFilter && isKnown && blocks * splits > mostTasks) {
    while (blocks * splits % mostTasks != 0)
      ++blocks;
    tilesPerBlock = llvm::divideCeil(tiles, blocks);
    scratch();
  }
}

namespace {
using Four = std::array<Value, 4>;
using Matrix = std::array<Four, 4>;

/// G g G' of a vector of columns of the packed weights `filter`, for all channels; the 16 results are stored `apart`.
void transformFilter(Emitter &e, const Access &filter, Index column, Value flat, Index to, Index apart,
                     int64_t channels, VectorType vector) {
  Value half = arith::ConstantOp::create(e, DenseElementsAttr::get(vector, 0.5f));
  auto transform = [&](std::array<Value, 3> g) {
    Value outer = arith::MulFOp::create(e, arith::AddFOp::create(e, g[0], g[2]), half);
    Value inner = arith::MulFOp::create(e, g[1], half);
    return Four{g[0], arith::AddFOp::create(e, outer, inner), arith::SubFOp::create(e, outer, inner), g[2]};
  };
  e.loop(e.index(0), e.index(channels), 1, [&](Index c) {
    Index from = e.add(e.mul(filter.strides[0], column), e.mul(filter.strides[3], c));
    Index at = e.add(to, e.mul(c, vector.getDimSize(0)));
    std::array<std::array<Value, 3>, 4> columnsDone;
    for (int64_t s = 0; s < 3; ++s) {
      std::array<Value, 3> g;
      for (int64_t r = 0; r < 3; ++r)
        g[r] = e.loadSingle(filter.flat, e.add(from, e.add(e.mul(filter.strides[1], r), e.mul(filter.strides[2], s))),
                            vector);
      for (auto [r, value] : llvm::enumerate(transform(g)))
        columnsDone[r][s] = value;
    }
    for (int64_t r = 0; r < 4; ++r)
      for (auto [s, value] : llvm::enumerate(transform(columnsDone[r])))
        e.storeVector(value, flat, e.add(at, e.mul(apart, r * 4 + int64_t(s))));
  });
}

class WinogradEmitter {
public:
  WinogradEmitter(Emitter &e, WinogradOp op, ValueRange operands)
      : e(e), op(op), lhs(operands[0]), filter(operands[1]), scratch(operands[operands.size() - 2]),
        init(operands.back()), extras(operands.drop_front(2).drop_back(2)), initType(cast<MemRefType>(init.getType())),
        lanes(cast<MemRefType>(filter.getType()).getShape().back()),
        channels(cast<MemRefType>(filter.getType()).getShape().drop_back().back()), columns(initType.getDimSize(3)),
        height(e.size(init, 1)), width(e.size(init, 2)),
        blocks(initType.getDimSize(1), initType.getDimSize(2), channels, columns, lanes),
        vector(VectorType::get({lanes}, e.getF32Type())) {
    tilesAcross = e.ceilDiv(width, e.index(2));
    tiles = e.mul(e.ceilDiv(height, e.index(2)), tilesAcross);
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
      if (!getConstantIntValue(tiles)) { // the last block may have less: what is more is computed in vain
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
  Value add(Value a, Value b) { return arith::AddFOp::create(e, a, b); }
  Value sub(Value a, Value b) { return arith::SubFOp::create(e, a, b); }

  /// Row and column of the first pixel of a tile.
  std::pair<Index, Index> corner(Index tile) {
    return {e.mul(e.div(tile, tilesAcross), 2), e.mul(e.rem(tile, tilesAcross), 2)};
  }
  Index at(const Access &access, Index image, Index h, Index w, Index c) {
    return e.add(e.add(e.mul(access.strides[0], image), e.mul(access.strides[1], h)),
                 e.add(e.mul(access.strides[2], w), e.mul(access.strides[3], c)));
  }
  static bool isEven(Index size) { return getConstantIntValue(size) && *getConstantIntValue(size) % 2 == 0; }
  /// Pixel `i` of a tile that begins at `first`. Where the size is odd, the last tiles have no pixel 3: any will do,
  /// since only outputs that are not stored depend on it.
  Index inside(Index first, int64_t i, Index size) {
    return i == 3 && !isEven(size) ? e.min(e.add(first, i), e.add(size, 1)) : e.add(first, i);
  }

  /// `valid` of the `count` tiles from `tile` on exist.
  void emitBlock(Index image, Index tile, int64_t count, Index valid, Index split) {
    int64_t paddedChannels = llvm::alignTo(channels, lanes);
    e.loop(e.index(0), valid, 1, [&](Index t) {
      auto [h, w] = corner(e.add(tile, t));
      Index rows[4], columns[4], to = e.add(pixelsAt, e.mul(t, paddedChannels));
      for (int64_t i = 0; i < 4; ++i) {
        rows[i] = at(in, image, inside(h, i, height), e.index(0), e.index(0));
        columns[i] = e.mul(in.strides[2], inside(w, i, width));
      }
      e.loop(e.index(0), e.index(channels), lanes, [&](Index c) {
        Value mask = e.tailMask(c, e.index(channels), lanes);
        Matrix pixels;
        for (int64_t r = 0; r < 4; ++r)
          for (int64_t s = 0; s < 4; ++s)
            pixels[r][s] =
                e.loadVector(in.flat, e.add(e.add(rows[r], columns[s]), e.mul(in.strides[3], c)), vector, mask);
        transformPixels(pixels, e.add(to, c), count * paddedChannels);
      });
    });
    Index panel0 = e.mul(split, blocks.vectorsPerSplit);
    Index panel1 = e.min(e.add(panel0, blocks.vectorsPerSplit), e.index(blocks.vectors));
    int64_t most = blocks.panelVectors;
    Index main = e.mul(e.div(e.sub(panel1, panel0), e.index(most)), most), end = e.add(panel0, main);
    e.loop(panel0, end, most, [&](Index panel) { emitPanel(image, tile, count, valid, panel, most); });
    e.loop(end, panel1, 1, [&](Index panel) { emitPanel(image, tile, count, valid, panel, 1); });
  }

  /// B' d B of the 4 x 4 pixels of a vector of channels; the 16 results are stored `apart`.
  void transformPixels(Matrix pixels, Index to, int64_t apart) {
    auto transform = [&](Four d) { return Four{sub(d[0], d[2]), add(d[1], d[2]), sub(d[2], d[1]), sub(d[1], d[3])}; };
    for (int64_t s = 0; s < 4; ++s) {
      Four column = transform({pixels[0][s], pixels[1][s], pixels[2][s], pixels[3][s]});
      for (int64_t r = 0; r < 4; ++r)
        pixels[r][s] = column[r];
    }
    for (int64_t r = 0; r < 4; ++r)
      for (auto [s, value] : llvm::enumerate(transform(pixels[r])))
        e.storeVector(value, scratchFlat, e.add(to, (r * 4 + int64_t(s)) * apart));
  }

  /// `vectors` vectors of columns for all tiles of a block.
  void emitPanel(Index image, Index tile, int64_t count, Index valid, Index panel, int64_t vectors) {
    int64_t paddedChannels = llvm::alignTo(channels, lanes), sumWidth = vectors * lanes;
    Access transformed = weights;
    Index panelAt = e.mul(weights.strides[1], panel);
    if (blocks.transformsFilter) {
      transformed.flat = scratchFlat;
      transformed.strides = {e.index(vectors * channels * lanes), e.index(channels * lanes), e.index(lanes)};
      panelAt = filterAt;
      for (int64_t v = 0; v < vectors; ++v)
        transformFilter(e, weights, e.add(panel, v), scratchFlat, e.add(filterAt, v * channels * lanes),
                        transformed.strides[0], channels, vector);
    }
    e.loop(e.index(0), e.index(16), 1, [&](Index x) {
      Index left = e.add(pixelsAt, e.mul(x, count * paddedChannels));
      Index right = e.add(panelAt, e.mul(transformed.strides[0], x));
      Index to = e.add(sumsAt, e.mul(x, count * sumWidth));
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
          e.storeVector(sums[i], scratchFlat, e.add(e.add(to, e.mul(row, sumWidth)), i * lanes));
      };
      Index longer = e.index(parts.longer * (parts.shorter + 1));
      e.loop(e.index(0), longer, parts.shorter + 1, [&](Index row) { rows(row, parts.shorter + 1); });
      e.loop(longer, e.index(count), parts.shorter, [&](Index row) { rows(row, parts.shorter); });
    });
    e.loop(e.index(0), valid, 1, [&](Index t) {
      for (int64_t v = 0; v < vectors; ++v)
        finishTile(image, e.add(tile, t), e.add(sumsAt, e.add(e.mul(t, sumWidth), v * lanes)), count * sumWidth,
                   e.mul(e.add(panel, v), lanes));
    });
  }

  /// A' m A: the 2 x 2 pixels of a vector of columns from the 16 sums at `from`, which are `apart`.
  void finishTile(Index image, Index tile, Index from, int64_t apart, Index column) {
    auto transform = [&](Four m) {
      return std::array<Value, 2>{add(add(m[0], m[1]), m[2]), sub(sub(m[1], m[2]), m[3])};
    };
    std::array<Four, 2> columnsDone;
    for (int64_t s = 0; s < 4; ++s) {
      Four m;
      for (int64_t r = 0; r < 4; ++r)
        m[r] = e.loadVector(scratchFlat, e.add(from, (r * 4 + s) * apart), vector);
      auto [upper, lower] = transform(m);
      columnsDone[0][s] = upper;
      columnsDone[1][s] = lower;
    }
    Value mask = e.tailMask(column, e.index(columns), lanes);
    auto [h, w] = corner(tile);
    for (int64_t r = 0; r < 2; ++r) {
      std::array<Value, 2> sums = transform(columnsDone[r]);
      for (int64_t s = 0; s < 2; ++s) {
        Index row = e.add(h, r), place = e.add(w, s);
        auto store = [&] { finishPixel(sums[s], image, row, place, column, mask); };
        auto storeInRow = [&] { s == 1 && !isEven(width) ? e.ifLess(place, width, store, nullptr) : store(); };
        r == 1 && !isEven(height) ? e.ifLess(row, height, storeInRow, nullptr) : storeInRow();
      }
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
  int64_t lanes, channels, columns;
  Index height, width;
  WinogradBlocks blocks;
  VectorType vector;
  Index tilesAcross, tiles, blocksPerImage;
  Index items, tasks; // an item is a block of tiles for a part of the columns
  unsigned registers = 0;
  Access in, weights, out;
  SmallVector<Access> others;
  Value scratchFlat;
  Index pixelsAt, sumsAt, filterAt; // of this task, in scratch
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
  transformFilter(e, from, Index(task), to.flat, e.mul(to.strides[1], Index(task)), to.strides[0], shape[3],
                  VectorType::get({shape[4]}, e.getF32Type()));
}
