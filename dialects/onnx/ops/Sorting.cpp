//===- dialects/onnx/ops/Sorting.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// TopK: heaps that live in the results, so that n elements take n log k steps and no memory.
#include "dialects/onnx/ops/Sorting.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

LogicalResult TopKOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getX());
  auto axis = normalizeAxis(*this, getAxis(), dims.size());
  if (failed(axis))
    return failure();
  auto k = cast<RankedTensorType>(getK().getType());
  if (!k.hasStaticShape() || k.getNumElements() != 1 || k.getRank() > 1)
    return emitOpError("K must be one integer");
  Type element = getElementTypeOrSelf(getX().getType());
  auto data = getShapeData(getK());
  AffineExpr count = data ? data->front() : freshSymbol(*this, 0, *axis);
  auto number = getConstant(count), size = getConstant(dims[*axis]);
  if (number && (*number < 0 || (size && *number > *size)))
    return emitOpError("K is ") << *number << ", but the axis has " << (size ? std::to_string(*size) : "?")
                                << " elements";
  dims[*axis] = count;
  types.push_back(makeTensor(dims, element));
  types.push_back(makeTensor(dims, IntegerType::get(getContext(), 64)));
  return success();
}

namespace {
/// An element and its place on the axis.
struct Entry {
  Scalar value, place;
};

/// The heap of one line, in the flat results: entry i is at base + i * stride. No entry is before those below it (2i +
/// 1 and 2i + 2): the root is the one that goes first when something better comes.
class Heap {
public:
  Heap(ImplicitLocOpBuilder &b, Value values, Value places, Value base, Value stride, bool isUnsigned,
       bool wantsLargest)
      : values(values), places(places), b(&b), base(base), stride(stride), isUnsigned(isUnsigned),
        wantsLargest(wantsLargest) {}

  Value values, places;

  /// The same heap in a region inside, where it is these tensors.
  Heap in(ImplicitLocOpBuilder &inner, ValueRange tensors) const {
    return Heap(inner, tensors[0], tensors[1], base, stride, isUnsigned, wantsLargest);
  }
  SmallVector<Value> tensors() const { return {values, places}; }

  Entry get(Value i) {
    Value at = address(i);
    return {Scalar(*b, tensor::ExtractOp::create(*b, values, at), isUnsigned),
            Scalar(*b, tensor::ExtractOp::create(*b, places, at))};
  }

  void set(Value i, Entry entry) {
    Value at = address(i);
    values = tensor::InsertOp::create(*b, entry.value, values, at);
    places = tensor::InsertOp::create(*b, entry.place, places, at);
  }

  /// Whether `a` goes before `z` in the result: better, or as good and earlier. NaN counts as the largest number.
  Scalar isBefore(Entry a, Entry z) {
    Scalar x = widen(a.value), y = widen(z.value);
    Scalar better = wantsLargest ? x > y : x < y;
    Scalar same = x == y;
    if (x.isFloat()) {
      Scalar xIsNan = x != x, yIsNan = y != y;
      better = better | (wantsLargest ? xIsNan & ~yIsNan : yIsNan & ~xIsNan);
      same = same | (xIsNan & yIsNan);
    }
    return better | (same & (a.place < z.place));
  }

  /// Puts `entry` at `i` of `size` entries, or further down where it may be. Entries that go last rise. The loop is as
  /// long as the heap is deep; once the place is found, what is left of it changes nothing.
  void sink(Entry entry, Value i, Value size, Value depth) {
    SmallVector<Value> carried = tensors();
    carried.push_back(i);
    carried = makeLoops(*b, depth, carried, [&](ImplicitLocOpBuilder &body, ValueRange, ValueRange state) {
      Heap heap = in(body, state.take_front(2));
      IndexMath math{body};
      Value hole = state[2];
      Value left = math.add(math.add(hole, hole), math.constant(1)), right = math.add(left, math.constant(1));
      Value hasLeft = arith::CmpIOp::create(body, arith::CmpIPredicate::slt, left, size);
      Value hasRight = arith::CmpIOp::create(body, arith::CmpIPredicate::slt, right, size);
      left = math.select(hasLeft, left, hole);
      right = math.select(hasRight, right, left);
      Entry a = heap.get(left), z = heap.get(right), moved = inside(body, entry);
      Scalar aFirst = heap.isBefore(a, z); // then z may rise
      Entry child{select(aFirst, z.value, a.value), select(aFirst, z.place, a.place)};
      Scalar rises = Scalar(body, hasLeft) & heap.isBefore(moved, child);
      heap.set(hole, {select(rises, child.value, moved.value), select(rises, child.place, moved.place)});
      SmallVector<Value> next = heap.tensors();
      next.push_back(math.select(rises, math.select(aFirst, right, left), hole));
      return next;
    });
    values = carried[0];
    places = carried[1];
    set(carried[2], entry);
  }

  static Entry inside(ImplicitLocOpBuilder &b, Entry entry) {
    return {Scalar(b, entry.value, entry.value.isUnsigned()), Scalar(b, entry.place)};
  }

private:
  Value address(Value i) {
    IndexMath math{*b};
    return math.add(base, math.mul(i, stride));
  }

  ImplicitLocOpBuilder *b;
  Value base, stride;
  bool isUnsigned, wantsLargest;
};
} // namespace

/// On the data as outer x length x inner, one heap for each (outer, inner): it takes the first k elements, then every
/// other that beats its root. Taking the roots away one after the other, from the last place to the first, sorts it.
/// That is done for sorted = 0, too: any order will do there.
FailureOr<SmallVector<Value>> TopKOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0);
  int64_t axis = *normalizeAxis(*this, getAxis(), x.rank());
  Dims dims = x.dims();
  AffineExpr kept = getDims(getValues())[axis];
  bool isUnsigned = x.element().isUnsignedInteger();
  b.bindFresh(kept, [&]() -> Value {
    Value k = operands[1];
    SmallVector<Value> zeros(cast<RankedTensorType>(k.getType()).getRank(), b.index(0));
    k = arith::IndexCastOp::create(b, b.getIndexType(), tensor::ExtractOp::create(b, k, zeros));
    return arith::MaxSIOp::create(b, k, b.index(0));
  });
  b.requireNonNegative(dims[axis] - kept, "TopK: k is larger than the axis");
  b.requireNonNegative(kept, "TopK: k is negative");

  Value outer = b.materializeIndex(product(getContext(), ArrayRef(dims).take_front(axis)));
  Value inner = b.materializeIndex(product(getContext(), ArrayRef(dims).drop_front(axis + 1)));
  Value length = b.materializeIndex(dims[axis]), k = b.materializeIndex(kept);
  IndexMath math{b};
  // Levels below the root: the binary logarithm of k.
  Value bits = arith::IndexCastOp::create(b, b.getI64Type(), arith::MaxSIOp::create(b, k, b.index(1)));
  Value depth = arith::IndexCastOp::create(b, b.getIndexType(), math::CountLeadingZerosOp::create(b, bits));
  depth = math.sub(math.constant(63), depth);
  if (auto number = getConstant(kept))
    depth = math.constant(llvm::Log2_64(std::max<int64_t>(*number, 1)));
  Value parents = arith::DivUIOp::create(b, k, b.index(2)), last = math.sub(k, math.constant(1));

  Lowered flat = reshape(b, x, product(getContext(), dims));
  Dims resultDims = getDims(getValues());
  RankedTensorType valuesType = makeTensor(product(getContext(), resultDims), x.element());
  RankedTensorType placesType = withElementType(valuesType, b.getI64Type());
  auto results = makeLoops(
      b, {outer, inner}, {b.empty(valuesType), b.empty(placesType)},
      [&](ImplicitLocOpBuilder &line, ValueRange at, ValueRange tensors) {
        IndexMath math{line};
        Value from = math.add(math.mul(math.mul(at[0], length), inner), at[1]);
        Value base = math.add(math.mul(math.mul(at[0], k), inner), at[1]);
        Heap heap(line, tensors[0], tensors[1], base, inner, isUnsigned, getLargest());
        auto read = [&](ImplicitLocOpBuilder &b, Value i) -> Entry {
          IndexMath math{b};
          Value value = tensor::ExtractOp::create(b, flat.value, math.add(from, math.mul(i, inner)));
          return {Scalar(b, value, isUnsigned), Scalar(b, arith::IndexCastOp::create(b, b.getI64Type(), i))};
        };
        auto repeat = [&](Value count, llvm::function_ref<void(ImplicitLocOpBuilder &, Heap &, Value)> step) {
          auto after =
              makeLoops(line, count, heap.tensors(), [&](ImplicitLocOpBuilder &body, ValueRange i, ValueRange state) {
                Heap inside = heap.in(body, state);
                step(body, inside, i[0]);
                return inside.tensors();
              });
          heap = heap.in(line, after);
        };
        repeat(k, [&](ImplicitLocOpBuilder &b, Heap &heap, Value i) { heap.set(i, read(b, i)); });
        repeat(parents, [&](ImplicitLocOpBuilder &b, Heap &heap, Value i) {
          Value parent = IndexMath{b}.sub(IndexMath{b}.sub(parents, i), IndexMath{b}.constant(1));
          heap.sink(heap.get(parent), parent, k, depth);
        });
        // Without a root there is nothing to beat.
        Value others = math.select(math.equal(k, 0), math.constant(0), math.sub(length, k));
        repeat(others, [&](ImplicitLocOpBuilder &b, Heap &heap, Value i) {
          Entry entry = read(b, IndexMath{b}.add(i, k));
          Value root = IndexMath{b}.constant(0);
          Entry first = heap.get(root);
          // Few elements do, so that a branch is cheap.
          auto sunk = scf::IfOp::create(
              b, heap.isBefore(entry, first),
              [&](OpBuilder &builder, Location loc) {
                ImplicitLocOpBuilder then(loc, builder);
                Heap changed = heap.in(then, heap.tensors());
                changed.sink(Heap::inside(then, entry), root, k, depth);
                scf::YieldOp::create(then, changed.tensors());
              },
              [&](OpBuilder &builder, Location loc) { scf::YieldOp::create(builder, loc, heap.tensors()); });
          heap = heap.in(b, sunk.getResults());
        });
        repeat(arith::MaxSIOp::create(line, last, math.constant(0)), [&](ImplicitLocOpBuilder &b, Heap &heap, Value i) {
          Value end = IndexMath{b}.sub(last, i), root = IndexMath{b}.constant(0);
          Entry first = heap.get(root), moved = heap.get(end);
          heap.set(end, first);
          heap.sink(moved, root, end, depth);
        });
        return heap.tensors();
      });
  return SmallVector<Value>{b.reshape(results[0], valuesType, getValues().getType()),
                            b.reshape(results[1], placesType, getIndices().getType())};
}

//===- Older versions ---------------------------------------------------------------===//

/// K became an operand.
static LogicalResult upgradeTopK1(NodeForm &node) { return attributeToOperand(node, "k", 1); }

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Sorting.cpp.inc"

void onnxc::onnx::registerSortingOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Sorting.cpp.inc"
      >();
  dialect.addUpgrade("TopK", 10, upgradeTopK1);
}
