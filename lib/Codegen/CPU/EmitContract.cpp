//===- lib/Codegen/CPU/EmitContract.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Emits kernel.contract. A register tile of `rows` x `vectors` accumulators runs over the whole reduction: each step
// loads `vectors` vectors of packed columns, broadcasts one element per row, and does rows * vectors fused
// multiply-adds. Around it: for every panel of columns of a task (its part of rhs stays in the caches), for every tile
// of rows. Right sides of few bits or of bytes have steps of their own: ContractBlocks.cpp, ContractBytes.cpp.
#include "lib/Codegen/CPU/ContractEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::kernel;

namespace {
/// From one element of an operand to the next along a dimension.
struct Step {
  bool isThere = false;            ///< the operand has the dimension
  std::optional<int64_t> elements; ///< so many, where that is a number
};
} // namespace

static Step stepAlong(MemRefType type, AffineMap map, unsigned dim) {
  Step step;
  int64_t elements = 0;
  bool isKnown = true;
  auto [strides, offset] = type.getStridesAndOffset();
  for (auto [expr, stride] : llvm::zip_equal(map.getResults(), strides)) {
    int64_t factor = getCoefficients(expr, map.getNumDims())[dim];
    if (!factor)
      continue;
    step.isThere = true;
    isKnown &= !ShapedType::isDynamic(stride);
    elements += isKnown ? factor * stride : 0;
  }
  if (isKnown)
    step.elements = elements;
  return step;
}

/// Whether two dimensions of the kernel are neighbours in an operand, the second one right behind the first.
static bool areNeighbours(AffineMap map, unsigned first, unsigned second) {
  auto isDim = [&](unsigned i, unsigned dim) {
    auto expr = dyn_cast<AffineDimExpr>(map.getResult(i));
    return expr && expr.getPosition() == dim;
  };
  for (unsigned i = 0; i + 1 < map.getNumResults(); ++i)
    if (isDim(i, first) && isDim(i + 1, second))
      return true;
  return false;
}

/// The size of a dimension, where it is a number: a reduced one has that of the packed rhs, any other that of outs.
int64_t ContractEmitter::staticSize(unsigned dim) {
  if (op.getDims()[dim] != 'k')
    return cast<MemRefType>(init.getType())
        .getDimSize(*op.getInitMap().getResultPosition(getAffineDimExpr(dim, op.getContext())));
  unsigned reduced = dim - op.getColumnDim() - 1;
  if (op.getSizes())
    return (*op.getSizes())[reduced];
  return cast<MemRefType>(rhs.getType()).getDimSize(op.count('b') + 1 + reduced);
}

/// Whether all elements of `inner` lie between two neighbours along `outer`, without a gap, in an operand.
bool ContractEmitter::areContiguous(Value memref, AffineMap map, unsigned outer, unsigned inner) {
  auto type = cast<MemRefType>(memref.getType());
  Step outerStep = stepAlong(type, map, outer), innerStep = stepAlong(type, map, inner);
  if (!outerStep.isThere || !innerStep.isThere)
    return outerStep.isThere == innerStep.isThere;
  int64_t size = staticSize(inner);
  if (outerStep.elements && innerStep.elements && !ShapedType::isDynamic(size))
    return *outerStep.elements == size * *innerStep.elements;
  return type.getLayout().isIdentity() && areNeighbours(map, outer, inner); // a buffer without gaps
}

/// Whether dimensions `outer` and `inner` are contiguous in every operand: then they are one bigger dimension.
bool ContractEmitter::walksLikeOne(unsigned outer, unsigned inner) {
  if (!areContiguous(lhs, op.getLhsMap(), outer, inner))
    return false;
  if (op.getDims()[inner] == 'k') // rhs is packed in this order, but for the filling behind every last dimension
    return !op.getSizes() || inner + 1 != op.getDims().size() || op.getSizes()->back() % 4 == 0;
  if (!areContiguous(init, op.getInitMap(), outer, inner))
    return false;
  for (auto [i, extra] : llvm::enumerate(extras))
    if (!areContiguous(extra, op.getExtraMap(i), outer, inner))
      return false;
  return true;
}

void ContractEmitter::collectDims() {
  unsigned count = op.getDims().size(), batchCount = op.count('b');
  Access lhsAccess = e.access(lhs, op.getLhsMap()), initAccess = e.access(init, op.getInitMap());
  SmallVector<Access> extraAccess;
  for (auto [i, extra] : llvm::enumerate(extras))
    extraAccess.push_back(e.access(extra, op.getExtraMap(i)));
  unsigned packedRank = cast<MemRefType>(rhs.getType()).getRank();
  Access rhsAccess = e.access(rhs, AffineMap::getMultiDimIdentityMap(packedRank, op.getContext()));
  lhsFlat = lhsAccess.flat;
  rhsFlat = rhsAccess.flat;
  initFlat = initAccess.flat;
  for (Access &access : extraAccess)
    extraFlats.push_back(access.flat);

  unsigned n = op.getColumnDim();
  // Of bytes, rhs strides go from word to word.
  SmallVector<int64_t> wordStrides;
  if (auto sizes = op.getSizes()) {
    wordStrides.assign(sizes->size(), lanes);
    for (size_t i = sizes->size(); i-- > 1;)
      wordStrides[i - 1] = wordStrides[i] * (i + 1 == sizes->size() ? llvm::divideCeil((*sizes)[i], 4) : (*sizes)[i]);
  }
  auto makeDim = [&](unsigned d) {
    Dim dim;
    char role = op.getDims()[d];
    if (role == 'k' && isBytes)
      dim.size = e.index((*op.getSizes())[d - n - 1]);
    else if (role == 'k' && bits != 0 && d + 1 == count)
      dim.size = e.size(lhs, *op.getLhsMap().getResultPosition(e.getAffineDimExpr(d)));
    else if (role == 'k')
      dim.size = e.size(rhs, batchCount + 1 + d - n - 1);
    else
      dim.size = e.size(init, *op.getInitMap().getResultPosition(e.getAffineDimExpr(d)));
    dim.lhs = lhsAccess.strides[d];
    dim.init = initAccess.strides[d];
    dim.rhs = role == 'b'              ? rhsAccess.strides[d]
              : role == 'n'            ? rhsAccess.strides[batchCount]
              : role == 'k' && isBytes ? e.index(wordStrides[d - n - 1])
              : role == 'k'            ? rhsAccess.strides[batchCount + 1 + d - n - 1]
                                       : e.index(0);
    for (Access &access : extraAccess)
      dim.extras.push_back(access.strides[d]);
    return dim;
  };
  for (unsigned d = 0; d < count; ++d) {
    char role = op.getDims()[d];
    Dim dim = makeDim(d);
    if (role == 'n') {
      column = dim;
      columnVectors = e.size(rhs, batchCount);
      continue;
    }
    SmallVector<Dim> &dims = role == 'b' ? batchDims : role == 'm' ? rowDims : reduced;
    bool isBlocked = role == 'k' && bits != 0;
    if (role != 'b' && !isBlocked && d > 0 && op.getDims()[d - 1] == role && walksLikeOne(d - 1, d)) {
      dim.size = e.mul(dims.back().size, dim.size);
      dims.back() = dim;
    } else {
      dims.push_back(dim);
    }
  }
  Dim once{e.index(1), e.index(0), e.index(0), e.index(0), SmallVector<Index>(extras.size(), e.index(0))};
  if (rowDims.empty())
    rowDims.push_back(once);
  if (bits != 0)
    return;
  // Dimensions of size one cost a loop and nothing else.
  Dim words = isBytes ? reduced.pop_back_val() : Dim();
  llvm::erase_if(reduced, [](Dim &dim) { return isConstantIntValue(dim.size, 1); });
  if (isBytes)
    reduced.push_back(words);
  if (reduced.empty()) {
    once.rhs = e.index(lanes);
    reduced.push_back(once);
  }
}

/// Cycles per step of the reduction: two multiply-adds and two loads per cycle, a multiply-add takes four cycles, and
/// the columns come from the second-level cache at half a line per cycle.
double ContractEmitter::tileCost(int64_t rows, int64_t vectors) const {
  if (bits != 0) { // three or four instructions make a vector of numbers
    double perVector = (scalesSums(rows) ? 3 : 4) + hasZeros();
    return std::max(vectors * (rows + perVector) / 2.0, 4.0) + 0.25;
  }
  double bytes = vectors * lanes * 4;
  return std::max({rows * vectors / 2.0, (rows + vectors) / 2.0, bytes / 32, 4.0}) + 0.25;
}

bool ContractEmitter::fits(int64_t rows, int64_t vectors) const {
  if (isBytes && !dot) // bytes are split into even and odd ones
    return rows * vectors + 2 * vectors + 3 <= registers;
  if (bits == 0)
    return RegisterTile::fits(rows, vectors, registers);
  // Sums, for blocks and for all; words, scales and zeros; a number, an element and what unpacks.
  return rows * vectors * (scalesSums(rows) ? 2 : 1) + vectors * (hasZeros() ? 3 : 2) + 3 <= registers;
}

void ContractEmitter::chooseTile() {
  const Dim &tiled = rowDims.back();
  auto rowCount = getConstantIntValue(tiled.size), vectorCount = getConstantIntValue(columnVectors);
  if (rowCount == 0 || vectorCount == 0) // there will be no tile
    rowCount = vectorCount = std::nullopt;
  // Rows that are a multiple of a page apart share one set of the first-level cache, which has 8 to 12 ways.
  int64_t mostRows = registers;
  if (auto stride = getConstantIntValue(tiled.lhs); stride && *stride != 0 && *stride * 4 % 4096 == 0)
    mostRows = 9;
  double best = std::numeric_limits<double>::infinity();
  for (int64_t vectors = 1; vectors <= 8; ++vectors) {
    for (int64_t rows = 1; rows <= mostRows; ++rows) {
      if (!fits(rows, vectors) || (vectors > 4 && rows > 3))
        continue;
      // Cycles for all rows and columns, or for one element where their number is unknown.
      auto rowsCost = [&](int64_t v) {
        if (!rowCount)
          return tileCost(rows, v) / rows;
        Balanced tiles(*rowCount, rows);
        double cost = tiles.longer * tileCost(tiles.shorter + 1, v);
        if (tiles.pieces > tiles.longer)
          cost += (tiles.pieces - tiles.longer) * tileCost(tiles.shorter, v);
        return cost;
      };
      double cost;
      if (vectorCount) {
        Balanced parts(*vectorCount, vectors);
        cost = (parts.pieces - parts.longer) * rowsCost(parts.shorter);
        if (parts.longer)
          cost += parts.longer * rowsCost(parts.shorter + 1);
      } else {
        if (vectors > 2)
          continue; // a tail of up to vectors - 1 would need as many kernels
        cost = rowsCost(vectors) / vectors;
      }
      if (cost < best * 0.999) {
        best = cost;
        tileRows = rows;
        tileVectors = vectors;
      }
    }
  }
  if (rowCount)
    tileRows = llvm::divideCeil(*rowCount, llvm::divideCeil(*rowCount, tileRows));
  if (vectorCount)
    tileVectors = llvm::divideCeil(*vectorCount, llvm::divideCeil(*vectorCount, tileVectors));
}

/// Tasks: enough for every thread to stay busy to the end, each worth several dispatches, and shaped so that its lhs
/// stays in the second-level cache while the columns stream by.
void ContractEmitter::splitTasks() {
  constexpr int64_t wanted = 32, leastWork = 400'000 /* multiply-adds */, cacheBytes = 700'000;
  batches = outerRows = e.index(1);
  Index depth = e.index(1);
  for (Dim &dim : batchDims)
    batches = e.mul(batches, dim.size);
  for (const Dim &dim : ArrayRef(rowDims).drop_back())
    outerRows = e.mul(outerRows, dim.size);
  for (Dim &dim : reduced)
    depth = e.mul(depth, dim.size);
  innerTiles = e.ceilDiv(rowDims.back().size, e.index(tileRows));
  rowTiles = e.mul(outerRows, innerTiles);
  panels = e.ceilDiv(columnVectors, e.index(tileVectors));

  Index one = e.index(1);
  Index tileWork = e.mul(depth, tileRows * tileVectors * lanes);
  Index all = e.mul(rowTiles, panels);
  Index leastTiles = e.ceilDiv(e.index(leastWork), e.max(tileWork, one));
  Index most = e.max(one, e.div(all, leastTiles)); // tasks of a batch that are worth it
  Index target = e.min(most, e.max(one, e.div(e.index(wanted), e.max(batches, one))));
  // lhs of a task within the cache. Neighbouring pixels of a convolution share most of what they read.
  Index rowBytes = e.mul(bits != 0 ? depth : reduced.back().size, tileRows * (isBytes ? 1 : 4));
  Index cachedTiles = e.max(one, e.div(e.index(cacheBytes), e.max(rowBytes, one)));
  Index byCache = e.ceilDiv(rowTiles, cachedTiles);
  // A small rhs stays in the cache and only rows are split; a big one is read once, by columns.
  auto depthKnown = getConstantIntValue(depth), vectorsKnown = getConstantIntValue(columnVectors);
  int64_t elementBits = bits != 0 ? bits : isBytes ? 8 : 32;
  bool smallRhs = depthKnown && vectorsKnown && *depthKnown * *vectorsKnown * lanes * elementBits / 8 <= 512 * 1024;
  if (smallRhs) {
    rowTasks = e.min(rowTiles, e.max(target, byCache));
    columnTasks = e.min(panels, e.ceilDiv(target, e.max(rowTasks, one)));
  } else {
    columnTasks = e.min(panels, e.ceilDiv(target, e.max(byCache, one)));
    rowTasks = e.min(rowTiles, e.max(byCache, e.div(target, e.max(columnTasks, one))));
  }
  tilesPerTask = e.ceilDiv(rowTiles, e.max(rowTasks, one));
  rowTasks = e.ceilDiv(rowTiles, e.max(tilesPerTask, one));
  panelsPerTask = e.ceilDiv(panels, e.max(columnTasks, one));
  columnTasks = e.ceilDiv(panels, e.max(panelsPerTask, one));
}

void ContractEmitter::advance(Place &place, const Dim &dim, Index steps) {
  place.lhs = e.add(place.lhs, e.mul(dim.lhs, steps));
  place.rhs = e.add(place.rhs, e.mul(dim.rhs, steps));
  place.init = e.add(place.init, e.mul(dim.init, steps));
  for (auto [extra, stride] : llvm::zip(place.extras, dim.extras))
    extra = e.add(extra, e.mul(stride, steps));
}

/// Moves `place` to element `linear` of `dims`, the last of which varies fastest.
void ContractEmitter::decode(Place &place, ArrayRef<Dim> dims, Index linear) {
  for (unsigned i = 0; i < dims.size(); ++i) {
    const Dim &dim = dims[dims.size() - 1 - i];
    bool outermost = i + 1 == dims.size();
    advance(place, dim, outermost ? linear : e.rem(linear, dim.size));
    if (!outermost)
      linear = e.div(linear, dim.size);
  }
}

void ContractEmitter::emitTask(Value task) {
  if (isBytes)
    start = getStart(op.getEpilogue(), startExtra);
  if (start && !isConstantIntValue(rowDims.back().extras[startExtra], 0))
    start = nullptr;
  Place place{e.index(0), e.index(0), e.index(0), SmallVector<Index>(extras.size(), e.index(0))};
  Index columnTask = e.rem(task, columnTasks);
  Index rest = e.div(task, columnTasks);
  Index rowTask = e.rem(rest, rowTasks);
  decode(place, batchDims, e.div(rest, rowTasks));

  Index tile0 = e.mul(rowTask, tilesPerTask), tile1 = e.min(e.add(tile0, tilesPerTask), rowTiles);
  Index panel0 = e.mul(columnTask, panelsPerTask), panel1 = e.min(e.add(panel0, panelsPerTask), panels);
  e.loop(panel0, panel1, 1, [&](Index panel) {
    if (auto known = getConstantIntValue(columnVectors)) {
      Balanced parts(*known, tileVectors);
      Index first = e.add(e.mul(panel, parts.shorter), e.min(panel, e.index(parts.longer)));
      if (parts.longer == 0)
        return emitPanel(place, e.mul(panel, parts.shorter), parts.shorter, tile0, tile1);
      return e.ifLess(
          panel, e.index(parts.longer), [&] { emitPanel(place, first, parts.shorter + 1, tile0, tile1); },
          [&] { emitPanel(place, first, parts.shorter, tile0, tile1); });
    }
    Index first = e.mul(panel, tileVectors);
    Index left = e.sub(columnVectors, first);
    if (tileVectors == 1)
      return emitPanel(place, first, 1, tile0, tile1);
    e.ifLess(
        left, e.index(tileVectors), [&] { emitPanel(place, first, 1, tile0, tile1); },
        [&] { emitPanel(place, first, tileVectors, tile0, tile1); });
  });
}

/// All row tiles of a task over `vectors` vectors of columns.
void ContractEmitter::emitPanel(Place place, Index firstVector, int64_t vectors, Index tile0, Index tile1) {
  // A step along the columns is a vector in rhs, an element elsewhere.
  Index firstColumn = e.mul(firstVector, lanes);
  place.rhs = e.add(place.rhs, e.mul(column.rhs, firstVector));
  place.init = e.add(place.init, e.mul(column.init, firstColumn));
  for (auto [extra, stride] : llvm::zip(place.extras, column.extras))
    extra = e.add(extra, e.mul(stride, firstColumn));

  const Dim &tiled = rowDims.back();
  e.loop(tile0, tile1, 1, [&](Index tile) {
    Place at = place;
    Index inner = tile;
    if (rowDims.size() > 1) {
      inner = e.rem(tile, innerTiles);
      decode(at, ArrayRef(rowDims).drop_back(), e.div(tile, innerTiles));
    }
    if (auto known = getConstantIntValue(tiled.size)) {
      Balanced tiles(*known, tileRows);
      Index first = e.add(e.mul(inner, tiles.shorter), e.min(inner, e.index(tiles.longer)));
      if (tiles.longer == 0)
        first = e.mul(inner, tiles.shorter);
      advance(at, tiled, first);
      if (tiles.longer == 0)
        return emitTile(at, tiles.shorter, vectors, firstVector);
      return e.ifLess(
          inner, e.index(tiles.longer), [&] { emitTile(at, tiles.shorter + 1, vectors, firstVector); },
          [&] { emitTile(at, tiles.shorter, vectors, firstVector); });
    }
    auto emitFrom = [&](Index first, llvm::function_ref<void(const Place &)> emit) {
      Place here = at;
      advance(here, tiled, first);
      emit(here);
    };
    auto emitWholeOrPieces = [&] {
      Index first = e.mul(inner, tileRows), left = e.sub(tiled.size, first);
      emitFrom(first, [&](const Place &here) {
        e.ifLess(
            left, e.index(tileRows), [&] { emitPieces(here, left, vectors, firstVector); },
            [&] { emitTile(here, tileRows, vectors, firstVector); });
      });
    };
    if (tileRows < 6)
      return emitWholeOrPieces();
    // Where many rows are no multiple of the tile's, the last tiles have one less instead. (A difference below zero is
    // one that no tile reaches.)
    Index missing = e.sub(e.mul(innerTiles, tileRows), tiled.size), firstShorter = e.sub(innerTiles, missing);
    e.ifLess(inner, firstShorter, emitWholeOrPieces, [&] {
      emitFrom(e.sub(e.mul(inner, tileRows), e.sub(inner, firstShorter)),
               [&](const Place &here) { emitTile(here, tileRows - 1, vectors, firstVector); });
    });
  });
}

/// `left` rows, less than a tile has, in pieces of 8, 4, 2, 1.
void ContractEmitter::emitPieces(const Place &place, Index left, int64_t vectors, Index firstVector) {
  Index done = e.index(0);
  for (int64_t rows = llvm::PowerOf2Ceil(tileRows) / 2; rows >= 1; rows /= 2) {
    Index bit = e.rem(e.div(left, e.index(rows)), e.index(2));
    e.ifLess(
        e.index(0), bit,
        [&] {
          Place piece = place;
          advance(piece, rowDims.back(), done);
          emitTile(piece, rows, vectors, firstVector);
        },
        nullptr);
    done = e.add(done, e.mul(bit, rows));
  }
}

void ContractEmitter::emitTile(const Place &place, int64_t rows, int64_t vectors, Index firstVector) {
  SmallVector<Value> sums(rows * vectors, e.zero(vector));
  if (isBytes) {
    Value tail = tailMask(vectors, firstVector);
    for (int64_t i = 0; i < rows * vectors; ++i) {
      if (i >= vectors) {
        sums[i] = sums[i - vectors];
        continue;
      }
      if (start)
        sums[i] = loadExtra(startExtra, place, e.index(0), i, i + 1 == vectors ? tail : Value());
      if (dot && !op.getUnsignedLhs())
        sums[i] = arith::AddIOp::create(e, sums[i], firstSum(e.add(place.rhs, e.mul(column.rhs, i))));
    }
    sums = reduceBytes(0, place.lhs, place.rhs, rows, vectors, sums);
  } else if (bits != 0) {
    sums = reduceBlocks(place.lhs, place.rhs, rows, vectors, sums);
  } else {
    sums = reduce(0, place.lhs, place.rhs, rows, vectors, sums);
  }
  finish(place, rows, vectors, firstVector, sums);
}

/// The loops over the reduced dimensions from `level` inwards; the accumulators are carried through all of them.
SmallVector<Value> ContractEmitter::reduce(unsigned level, Index lhsAt, Index rhsAt, int64_t rows, int64_t vectors,
                                           ValueRange sums) {
  const Dim &dim = reduced[level];
  if (level + 1 < reduced.size())
    return e.loop(e.index(0), dim.size, 1, sums, [&](Index k, ValueRange carried) {
      return reduce(level + 1, e.add(lhsAt, e.mul(dim.lhs, k)), e.add(rhsAt, e.mul(dim.rhs, k)), rows, vectors,
                    carried);
    });

  RegisterTile tile{lhsFlat, rhsFlat, rowDims.back().lhs, dim.lhs, column.rhs, dim.rhs, dim.size, vector,
                    rows,    vectors};
  return tile.accumulate(e, lhsAt, rhsAt, sums);
}

/// The elements of extra operand `i` that belong to a row and a vector of columns of a tile. An operand without columns
/// is a scalar per row.
Value ContractEmitter::loadExtra(unsigned i, const Place &place, Index row, int64_t vectorIndex, Value mask) {
  Index index =
      e.add(e.add(place.extras[i], e.mul(rowDims.back().extras[i], row)), e.mul(column.extras[i], vectorIndex * lanes));
  if (isConstantIntValue(column.extras[i], 0))
    return e.splat(e.loadScalar(extraFlats[i], index), lanes);
  auto type = VectorType::get({lanes}, cast<MemRefType>(extraFlats[i].getType()).getElementType());
  return e.loadVector(extraFlats[i], index, type, mask);
}

/// Applies the epilogue to a finished tile and stores it.
void ContractEmitter::finish(const Place &place, int64_t rows, int64_t vectors, Index firstVector, ValueRange sums) {
  const Dim &tiled = rowDims.back();
  Value tail = tailMask(vectors, firstVector);
  auto mask = [&](int64_t v) { return v + 1 == vectors ? tail : Value(); };
  auto initAt = [&](Index row, int64_t v) {
    return e.add(e.add(place.init, e.mul(tiled.init, row)), e.mul(column.init, v * lanes));
  };

  Region &epilogue = op.getEpilogue();
  auto waiting = VectorType::get({lanes}, cast<MemRefType>(init.getType()).getElementType());
  if (!isExpensive(epilogue) || rows == 1 || waiting.getElementTypeBitWidth() != 32) {
    SmallVector<SmallVector<Value>> perColumn(extras.size(), SmallVector<Value>(vectors)); // the same for all rows
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t v = 0; v < vectors; ++v) {
        SmallVector<Value> arguments = {sums[row * vectors + v]};
        for (unsigned i = 0; i < extras.size(); ++i) {
          Value &cached = perColumn[i][v];
          bool sameForAll = isConstantIntValue(tiled.extras[i], 0);
          arguments.push_back(sameForAll && cached ? cached : loadExtra(i, place, e.index(row), v, mask(v)));
          cached = arguments.back();
        }
        e.storeVector(e.applyEpilogue(epilogue, arguments, start), initFlat, initAt(e.index(row), v), mask(v));
      }
    }
    return;
  }
  // A long epilogue needs the registers for itself: the sums wait in outs.
  auto view = [&](Value value, VectorType type) {
    return value.getType() == type ? value : arith::BitcastOp::create(e, type, value).getResult();
  };
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t v = 0; v < vectors; ++v)
      e.storeVector(view(sums[row * vectors + v], waiting), initFlat, initAt(e.index(row), v), mask(v));
  e.loop(e.index(0), e.index(rows), 1, [&](Index row) {
    for (int64_t v = 0; v < vectors; ++v) {
      SmallVector<Value> arguments = {view(e.loadVector(initFlat, initAt(row, v), waiting, mask(v)), vector)};
      for (unsigned i = 0; i < extras.size(); ++i)
        arguments.push_back(loadExtra(i, place, row, v, mask(v)));
      e.storeVector(e.applyEpilogue(epilogue, arguments, start), initFlat, initAt(row, v), mask(v));
    }
  });
}
Index onnxc::kernel::countContractTasks(Emitter &e, ContractOp op, ValueRange operands, Machine machine) {
  return ContractEmitter(e, op, operands, machine).countTasks();
}

void onnxc::kernel::emitContractTask(Emitter &e, ContractOp op, ValueRange operands, Value task, Machine machine) {
  ContractEmitter(e, op, operands, machine).emitTask(task);
}
