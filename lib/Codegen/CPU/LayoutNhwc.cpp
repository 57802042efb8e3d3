//===- lib/Codegen/CPU/LayoutNhwc.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gives every tensor a layout, so that convolutions see channels last and next to no transpose remains.
//
// A layout is a permutation: dimension i in memory is dimension layout[i] of the value. A first walk, backwards, notes
// the layout that the users of a value would like. A second one, forwards, picks for every operation the layout for
// which the fewest bytes have to be moved and rewrites it once. Explicit transposes are just another layout of the same
// memory; they come back, as late as possible, where a use insists on an order.
#include "dialects/kernel/KernelDialect.h"
#include "lib/Codegen/CPU/Constants.h"
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/TensorQueries.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

namespace onnxc {
#define GEN_PASS_DEF_LAYOUTNHWC
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using onnxc::cpu::estimateBytes;
using onnxc::cpu::isContraction;
using onnxc::cpu::reshapeElements;
using onnxc::cpu::transposeElements;

namespace {
using Perm = SmallVector<int64_t, 6>;

Perm identity(int64_t rank) { return llvm::to_vector<6>(llvm::seq<int64_t>(0, rank)); }

bool isIdentity(ArrayRef<int64_t> perm) {
  return llvm::all_of(llvm::enumerate(perm), [](auto it) { return it.value() == static_cast<int64_t>(it.index()); });
}

Perm inverse(ArrayRef<int64_t> perm) {
  Perm result(perm.size());
  for (auto [i, dim] : llvm::enumerate(perm))
    result[dim] = i;
  return result;
}

template <typename T> SmallVector<T> permute(ArrayRef<T> values, ArrayRef<int64_t> perm) {
  return llvm::map_to_vector(perm, [&](int64_t i) { return values[i]; });
}

RankedTensorType permute(RankedTensorType type, ArrayRef<int64_t> perm) {
  return RankedTensorType::get(permute(type.getShape(), perm), type.getElementType());
}

/// The dimensions that say where elements are: those of size 1 don't.
Perm significant(ArrayRef<int64_t> perm, ArrayRef<int64_t> shape) {
  Perm result;
  for (int64_t dim : perm)
    if (shape[dim] != 1)
      result.push_back(dim);
  return result;
}

bool isTensor(Value value) { return isa<RankedTensorType>(value.getType()); }
ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }
int64_t rankOf(Value value) { return shapeOf(value).size(); }

/// The layouts in which an operation that slides a window works, and what makes it.
struct Sliding {
  Perm image, filter;
  Operation *(*create)(ImplicitLocOpBuilder &b, Type type, ValueRange inputs, ValueRange inits, Attribute strides,
                       Attribute dilations);

  /// The same with height and width exchanged, for an image that lies in memory like that.
  Sliding flipped(int64_t height) const {
    Sliding result = *this;
    auto flip = [](Perm &perm, int64_t a) { std::swap(*llvm::find(perm, a), *llvm::find(perm, a + 1)); };
    flip(result.image, height);
    flip(result.filter, filter.size() - 2); // every filter ends with its height and width
    return result;
  }
};

template <typename OpTy>
Operation *createSliding(ImplicitLocOpBuilder &b, Type type, ValueRange inputs, ValueRange inits, Attribute strides,
                         Attribute dilations) {
  return OpTy::create(b, TypeRange{type}, inputs, inits, strides, dilations);
}

std::optional<Sliding> getSliding(Operation *op) {
  return TypeSwitch<Operation *, std::optional<Sliding>>(op)
      .Case([](linalg::Conv2DNchwFchwOp) {
        return Sliding{{0, 2, 3, 1}, {2, 3, 1, 0}, createSliding<linalg::Conv2DNhwcHwcfOp>};
      })
      .Case([](linalg::DepthwiseConv2DNchwChwOp) {
        return Sliding{{0, 2, 3, 1}, {1, 2, 0}, createSliding<linalg::DepthwiseConv2DNhwcHwcOp>};
      })
      .Case([](linalg::Conv2DNgchwGfchwOp) {
        return Sliding{{0, 3, 4, 1, 2}, {0, 1, 3, 4, 2}, createSliding<linalg::Conv2DNhwgcGfhwcOp>};
      })
      .Case([](linalg::PoolingNchwMaxOp) {
        return Sliding{{0, 2, 3, 1}, {0, 1}, createSliding<linalg::PoolingNhwcMaxOp>};
      })
      .Case([](linalg::PoolingNchwSumOp) {
        return Sliding{{0, 2, 3, 1}, {0, 1}, createSliding<linalg::PoolingNhwcSumOp>};
      })
      .Case([](linalg::Conv3DNcdhwFcdhwOp) {
        return Sliding{{0, 2, 3, 4, 1}, {2, 3, 4, 1, 0}, createSliding<linalg::Conv3DNdhwcDhwcfOp>};
      })
      .Default([](Operation *) { return std::nullopt; });
}

/// Works as it is, too, and about as fast.
bool isPooling(Operation *op) { return isa<linalg::PoolingNchwMaxOp, linalg::PoolingNchwSumOp>(op); }

/// A generic whose loops may run in any order: every operand is read along some loops, each at most once, or at 0.
bool isReorderable(linalg::GenericOp op) {
  if (!op.hasPureTensorSemantics() || isContraction(op))
    return false;
  return llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) {
    llvm::SmallBitVector seen(map.getNumDims());
    return llvm::all_of(map.getResults(), [&](AffineExpr expr) {
      if (auto constant = dyn_cast<AffineConstantExpr>(expr))
        return constant.getValue() == 0;
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim || seen.test(dim.getPosition()))
        return false;
      seen.set(dim.getPosition());
      return true;
    });
  });
}

class BlockLayout {
public:
  BlockLayout(Block &block, MLIRContext *context, onnxc::cpu::MadeBytes &room)
      : block(block), b(UnknownLoc::get(context), context), room(room) {}

  void run() {
    for (Operation &op : llvm::reverse(block))
      collectWishes(&op);
    for (Operation &op : llvm::make_early_inc_range(block)) {
      b.setLoc(op.getLoc());
      b.setInsertionPoint(&op);
      rewrite(&op);
    }
    for (Operation *op : llvm::reverse(replaced))
      op->erase();
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

private:
  //===- Which layouts an operation allows
  //-------------------------------------------------------------------------===//

  /// Operations with one result that move elements or rename dimensions: the layout of tensor operand `i` that goes
  /// with one of the result, and the reverse. None for other operations.
  std::optional<Perm> operandLayout(Operation *op, unsigned i, const Perm &result) {
    return TypeSwitch<Operation *, std::optional<Perm>>(op)
        .Case<tensor::PadOp, tensor::CastOp, tensor::ConcatOp>([&](auto) { return result; })
        .Case([&](tensor::ExtractSliceOp slice) {
          llvm::SmallBitVector dropped = slice.getDroppedDims();
          Perm current = layoutOf(slice.getSource());
          return dropDims(current, dropped) == result ? current : addDims(result, dropped);
        })
        .Case([&](tensor::InsertSliceOp insert) -> std::optional<Perm> {
          return i == 0 ? dropDims(result, insert.getDroppedDims()) : result;
        })
        .Case([&](linalg::TransposeOp transpose) -> std::optional<Perm> {
          return llvm::map_to_vector<6>(result, [&](int64_t dim) { return transpose.getPermutation()[dim]; });
        })
        .Case([&](tensor::ExpandShapeOp expand) -> std::optional<Perm> {
          return groupOrder(result, expand.getReassociationIndices(), shapeOf(expand));
        })
        .Case([&](tensor::CollapseShapeOp collapse) -> std::optional<Perm> {
          return ungroup(result, collapse.getReassociationIndices());
        })
        .Default([](Operation *) { return std::nullopt; });
  }

  std::optional<Perm> resultLayout(Operation *op, unsigned i, const Perm &operand) {
    return TypeSwitch<Operation *, std::optional<Perm>>(op)
        .Case<tensor::PadOp, tensor::CastOp, tensor::ConcatOp>([&](auto) { return operand; })
        .Case([&](tensor::ExtractSliceOp slice) { return dropDims(operand, slice.getDroppedDims()); })
        .Case(
            [&](tensor::InsertSliceOp insert) { return i == 0 ? addDims(operand, insert.getDroppedDims()) : operand; })
        .Case([&](linalg::TransposeOp transpose) -> std::optional<Perm> {
          Perm back = inverse(transpose.getPermutation());
          return llvm::map_to_vector<6>(operand, [&](int64_t dim) { return back[dim]; });
        })
        .Case([&](tensor::ExpandShapeOp expand) -> std::optional<Perm> {
          return ungroup(operand, expand.getReassociationIndices());
        })
        .Case([&](tensor::CollapseShapeOp collapse) -> std::optional<Perm> {
          return groupOrder(operand, collapse.getReassociationIndices(), shapeOf(collapse.getSrc()));
        })
        .Default([](Operation *) { return std::nullopt; });
  }

  /// The operands that operandLayout is about.
  static SmallVector<OpOperand *> movedOperands(Operation *op) {
    return TypeSwitch<Operation *, SmallVector<OpOperand *>>(op)
        .Case([](tensor::PadOp pad) -> SmallVector<OpOperand *> {
          // What to pad with may depend on where.
          return pad.getConstantPaddingValue() ? SmallVector<OpOperand *>{&pad.getSourceMutable()}
                                               : SmallVector<OpOperand *>{};
        })
        .Case<tensor::CastOp, tensor::ExtractSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
            [](Operation *op) -> SmallVector<OpOperand *> {
              // A scalar has no dimension that a layout could be about.
              if (!isTensor(op->getOperand(0)) || !isTensor(op->getResult(0)) || rankOf(op->getOperand(0)) == 0 ||
                  rankOf(op->getResult(0)) == 0)
                return {};
              return {&op->getOpOperand(0)};
            })
        .Case([](tensor::InsertSliceOp insert) -> SmallVector<OpOperand *> {
          return {&insert.getSourceMutable(), &insert.getDestMutable()};
        })
        .Case([](linalg::TransposeOp transpose) -> SmallVector<OpOperand *> {
          return transpose.hasPureTensorSemantics() ? SmallVector<OpOperand *>{&transpose->getOpOperand(0)}
                                                    : SmallVector<OpOperand *>{};
        })
        .Case([](tensor::ConcatOp concat) {
          return llvm::map_to_vector(concat->getOpOperands(), [](OpOperand &operand) { return &operand; });
        })
        .Default([](Operation *) { return SmallVector<OpOperand *>{}; });
  }

  /// The order of the groups of dimensions, each placed where its first significant dimension is.
  static Perm groupOrder(ArrayRef<int64_t> perm, ArrayRef<ReassociationIndices> groups, ArrayRef<int64_t> shape) {
    Perm position = inverse(perm);
    SmallVector<std::pair<int64_t, int64_t>> order;
    for (auto [g, group] : llvm::enumerate(groups)) {
      int64_t first = position[group.front()];
      for (int64_t dim : group)
        if (shape[dim] != 1) {
          first = position[dim];
          break;
        }
      order.push_back({first, g});
    }
    llvm::sort(order);
    return llvm::map_to_vector<6>(order, [](auto entry) { return entry.second; });
  }

  static Perm ungroup(ArrayRef<int64_t> perm, ArrayRef<ReassociationIndices> groups) {
    Perm result;
    for (int64_t group : perm)
      llvm::append_range(result, groups[group]);
    return result;
  }

  static Perm dropDims(ArrayRef<int64_t> perm, const llvm::SmallBitVector &dropped) {
    Perm result;
    for (int64_t dim : perm) {
      if (dropped.test(dim))
        continue;
      int64_t before = 0;
      for (int64_t i = 0; i < dim; ++i)
        before += dropped.test(i);
      result.push_back(dim - before);
    }
    return result;
  }

  /// Dropped dimensions go outermost: their elements are apart anyway.
  static Perm addDims(ArrayRef<int64_t> perm, const llvm::SmallBitVector &dropped) {
    Perm result, kept;
    for (int64_t i = 0, e = dropped.size(); i < e; ++i)
      (dropped.test(i) ? result : kept).push_back(i);
    for (int64_t dim : perm)
      result.push_back(kept[dim]);
    return result;
  }

  /// The order of loops in which an operand with this layout is walked through memory. None when it doesn't say.
  static std::optional<Perm> loopOrder(linalg::GenericOp op, AffineMap map, ArrayRef<int64_t> layout) {
    SmallVector<int64_t> ranges = op.getStaticLoopRanges();
    llvm::SmallBitVector seen(ranges.size());
    Perm order;
    for (int64_t dim : layout)
      if (auto loop = dyn_cast<AffineDimExpr>(map.getResult(dim))) {
        order.push_back(loop.getPosition());
        seen.set(loop.getPosition());
      }
    for (auto [loop, range] : llvm::enumerate(ranges)) {
      if (seen.test(loop))
        continue;
      if (range != 1)
        return std::nullopt;
      order.insert(order.begin(), loop);
    }
    return order;
  }

  /// The layout in which an operand is walked consecutively by these loops.
  static Perm layoutForLoops(AffineMap map, ArrayRef<int64_t> order) {
    Perm position = inverse(order), result = identity(map.getNumResults());
    llvm::stable_sort(result, [&](int64_t a, int64_t b) {
      auto key = [&](int64_t dim) -> int64_t {
        auto loop = dyn_cast<AffineDimExpr>(map.getResult(dim));
        return loop ? position[loop.getPosition()] : -1;
      };
      return key(a) < key(b);
    });
    return result;
  }

  /// Tensors that the body reads by index.
  SmallVector<tensor::ExtractOp> getExtracts(linalg::GenericOp op) {
    SmallVector<tensor::ExtractOp> result;
    op.getBody()->walk([&](tensor::ExtractOp extract) {
      if (!op.getRegion().isAncestor(extract.getTensor().getParentRegion()))
        result.push_back(extract);
    });
    return result;
  }

  //===- What users wish
  //-------------------------------------------------------------------------------------------===//

  void wish(Value value, const Perm &layout, double weight) {
    auto &votes = wishes[value];
    for (auto &[known, sum] : votes)
      if (significant(known, shapeOf(value)) == significant(layout, shapeOf(value))) {
        sum += weight;
        return;
      }
    votes.push_back({layout, weight});
  }

  std::optional<Perm> getWish(Value value) {
    auto it = wishes.find(value);
    if (it == wishes.end())
      return std::nullopt;
    return llvm::max_element(it->second, [](auto &a, auto &b) { return a.second < b.second; })->first;
  }

  void collectWishes(Operation *op) {
    if (auto sliding = getSliding(op)) {
      Perm image = isPooling(op) ? getWish(op->getResult(0)).value_or(sliding->image) : sliding->image;
      wish(op->getOperand(0), image, estimateBytes(op->getOperand(0)));
      return;
    }
    if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && isReorderable(generic)) {
      for (Value result : generic->getResults()) {
        std::optional<Perm> wanted = getWish(result);
        if (!wanted)
          continue;
        if (auto order = loopOrder(generic, generic.getIndexingMapMatchingResult(cast<OpResult>(result)), *wanted))
          for (OpOperand *input : generic.getDpsInputOperands())
            if (AffineMap map = generic.getMatchingIndexingMap(input); isTensor(input->get()))
              wish(input->get(), layoutForLoops(map, *order), estimateBytes(input->get()));
      }
      return;
    }
    if (auto moved = movedOperands(op); !moved.empty()) {
      if (std::optional<Perm> wanted = getWish(op->getResult(0)))
        for (auto [i, operand] : llvm::enumerate(moved))
          if (auto layout = operandLayout(op, i, *wanted))
            wish(operand->get(), *layout, estimateBytes(operand->get()));
      return;
    }
    if (isa<linalg::FillOp, tensor::EmptyOp, tensor::DimOp, tensor::ExtractOp>(op))
      return;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    double eagerness = linalgOp && isContraction(linalgOp) ? 0.25 : 1;
    for (Value operand : op->getOperands())
      if (isTensor(operand))
        wish(operand, identity(rankOf(operand)), eagerness * estimateBytes(operand));
  }

  //===- Forms of a value
  //------------------------------------------------------------------------------------------===//

  struct Form {
    Perm layout;
    Value value;
  };

  SmallVector<Form> &formsOf(Value value) {
    SmallVector<Form> &known = forms[value];
    if (known.empty())
      known.push_back({identity(rankOf(value)), value});
    return known;
  }

  /// Where a value was computed; other forms are transposes of it.
  Perm layoutOf(Value value) { return formsOf(value).front().layout; }

  /// Whether the value can be had in any layout for nothing.
  bool isFree(Value value) {
    Operation *op = formsOf(value).front().value.getDefiningOp();
    return op && (op->hasTrait<OpTrait::ConstantLike>() || isa<tensor::EmptyOp, linalg::FillOp>(op));
  }

  double costOf(Value value, const Perm &layout) {
    Perm wanted = significant(layout, shapeOf(value));
    for (Form &form : formsOf(value))
      if (significant(form.layout, shapeOf(value)) == wanted)
        return 0;
    return isFree(value) ? 0 : estimateBytes(value);
  }

  double costOfWish(Value result, const Perm &layout) {
    std::optional<Perm> wanted = getWish(result);
    if (!wanted || significant(*wanted, shapeOf(result)) == significant(layout, shapeOf(result)))
      return 0;
    return estimateBytes(result);
  }

  Value get(Value value, const Perm &layout) {
    SmallVector<Form> &known = formsOf(value);
    Form base = known.front();
    for (Form &form : known) {
      if (form.layout == layout)
        return form.value;
      if (significant(form.layout, shapeOf(value)) == significant(layout, shapeOf(value)))
        base = form;
    }
    Value made = convert(value, base, layout);
    forms[value].push_back({layout, made});
    return made;
  }

  /// For operands of which the place of dimensions of size 1 doesn't matter: takes what is there.
  std::pair<Value, Perm> getLoosely(Value value, const Perm &layout) {
    for (Form &form : formsOf(value))
      if (significant(form.layout, shapeOf(value)) == significant(layout, shapeOf(value)))
        return {form.value, form.layout};
    return {get(value, layout), layout};
  }

  Value convert(Value value, const Form &base, const Perm &layout) {
    auto type = permute(cast<RankedTensorType>(value.getType()), layout);
    Perm back = inverse(base.layout);
    auto relative = llvm::map_to_vector<6>(layout, [&](int64_t dim) { return back[dim]; });
    ElementsAttr constant;
    if (matchPattern(base.value, m_Constant(&constant)) &&
        room.hasRoomFor(cast<RankedTensorType>(constant.getShapedType())))
      if (ElementsAttr transposed = transposeElements(constant, relative); transposed && room.take(transposed))
        return arith::ConstantOp::create(b, cast<TypedAttr>(transposed));
    if (base.value.getDefiningOp<tensor::EmptyOp>())
      return emptyLike(base.value, relative);
    if (auto fill = base.value.getDefiningOp<linalg::FillOp>())
      return linalg::FillOp::create(b, fill.getInputs()[0], emptyLike(base.value, relative)).getResult(0);
    if (significant(base.layout, shapeOf(value)) == significant(layout, shapeOf(value)))
      return moveUnitDims(base.value, type);
    ++transposes;
    return linalg::TransposeOp::create(b, base.value, emptyLike(base.value, relative), relative).getResult()[0];
  }

  Value emptyLike(Value value, ArrayRef<int64_t> perm) {
    Value source = value;
    if (auto fill = source.getDefiningOp<linalg::FillOp>())
      source = fill.getOutputs()[0];
    auto empty = source.getDefiningOp<tensor::EmptyOp>();
    SmallVector<OpFoldResult> sizes = empty ? empty.getMixedSizes() : tensor::getMixedSizes(b, b.getLoc(), value);
    return tensor::EmptyOp::create(b, permute(ArrayRef(sizes), perm),
                                   cast<RankedTensorType>(value.getType()).getElementType());
  }

  /// Views `value` as `type`, whose dimensions that aren't of size 1 are the same.
  Value moveUnitDims(Value value, RankedTensorType type) {
    if (value.getType() == type)
      return value;
    SmallVector<int64_t> core;
    auto groupsOf = [](ArrayRef<int64_t> shape, SmallVectorImpl<int64_t> *core) {
      SmallVector<ReassociationIndices> groups;
      ReassociationIndices current;
      for (auto [i, size] : llvm::enumerate(shape)) {
        current.push_back(i);
        if (size == 1)
          continue;
        groups.push_back(std::exchange(current, {}));
        if (core)
          core->push_back(size);
      }
      if (!groups.empty())
        groups.back().append(current);
      return groups;
    };
    auto collapse = groupsOf(shapeOf(value), &core);
    auto coreType = RankedTensorType::get(core, type.getElementType());
    if (coreType != value.getType())
      value = tensor::CollapseShapeOp::create(b, coreType, value, collapse);
    if (coreType != type)
      value = tensor::ExpandShapeOp::create(b, type, value, groupsOf(type.getShape(), nullptr));
    return value;
  }

  //===- Rewriting
  //-------------------------------------------------------------------------------------------------===//

  void replace(Operation *op, ArrayRef<Form> results) {
    for (auto [result, form] : llvm::zip_equal(op->getResults(), results))
      forms[result] = {form};
    replaced.push_back(op);
  }

  void rewrite(Operation *op) {
    if (auto sliding = getSliding(op))
      return rewriteSliding(cast<linalg::LinalgOp>(op), *sliding);
    if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && isReorderable(generic))
      return rewriteGeneric(generic);
    if (auto moved = movedOperands(op); !moved.empty())
      return rewriteMovement(op, moved);
    if (auto dim = dyn_cast<tensor::DimOp>(op); dim && isTensor(dim.getSource()) && dim.getConstantIndex()) {
      Form &form = formsOf(dim.getSource()).front();
      if (form.value != dim.getSource()) {
        dim.getSourceMutable().set(form.value);
        Value index = arith::ConstantIndexOp::create(b, inverse(form.layout)[*dim.getConstantIndex()]);
        dim.getIndexMutable().set(index);
      }
      return;
    }
    if (auto extract = dyn_cast<tensor::ExtractOp>(op))
      return rewriteExtract(extract);
    // Everything else sees the order of the type.
    for (OpOperand &operand : op->getOpOperands())
      if (isTensor(operand.get()))
        operand.set(get(operand.get(), identity(rankOf(operand.get()))));
    rewriteRegions(op);
  }

  void rewriteRegions(Operation *op) {
    for (Region &region : op->getRegions()) {
      rewriteCaptures(region);
      if (!isa<linalg::LinalgOp, tensor::PadOp>(op))
        for (Block &nested : region) {
          BlockLayout layout(nested, b.getContext(), room);
          layout.run();
          transposes += layout.transposes;
        }
    }
  }

  void rewriteCaptures(Region &region) {
    region.walk([&](Operation *nested) {
      if (auto extract = dyn_cast<tensor::ExtractOp>(nested))
        return rewriteExtract(extract);
      for (OpOperand &operand : nested->getOpOperands())
        if (forms.contains(operand.get()))
          operand.set(get(operand.get(), identity(rankOf(operand.get()))));
    });
  }

  void rewriteExtract(tensor::ExtractOp extract) {
    if (!forms.contains(extract.getTensor()))
      return;
    const Form &form = formsOf(extract.getTensor()).front();
    SmallVector<Value> indices = permute(ArrayRef<Value>(SmallVector<Value>(extract.getIndices())), form.layout);
    extract.getTensorMutable().set(form.value);
    extract.getIndicesMutable().assign(indices);
  }

  void rewriteSliding(linalg::LinalgOp op, Sliding sliding) {
    Value image = op->getOperand(0);
    auto steps = [&](StringRef name) -> Attribute {
      if (Attribute attr = op->getAttr(name))
        return attr;
      SmallVector<int64_t> ones(isa<linalg::Conv3DNcdhwFcdhwOp>(op) ? 3 : 2, 1);
      return b.getI64TensorAttr(ones);
    };
    auto bytesMoved = [&](const Perm &layout) { return costOf(image, layout) + costOfWish(op->getResult(0), layout); };
    Perm plain = identity(rankOf(image));
    if (isPooling(op) && bytesMoved(plain) < bytesMoved(sliding.image)) {
      op->setOperand(0, get(image, plain));
      op->setOperand(2, get(op->getOperand(2), plain));
      return;
    }
    Attribute strides = steps("strides"), dilations = steps("dilations");
    if (!isa<linalg::Conv3DNcdhwFcdhwOp>(op)) {
      Sliding flipped = sliding.flipped(sliding.image.size() - 2);
      if (costOf(image, sliding.image) > 0 && costOf(image, flipped.image) == 0) {
        sliding = flipped;
        auto flip = [](Attribute &attr) {
          auto values = cast<DenseIntElementsAttr>(attr);
          SmallVector<int64_t> numbers(values.getValues<int64_t>());
          std::swap(numbers[0], numbers[1]);
          attr = DenseIntElementsAttr::get(values.getType(), numbers);
        };
        flip(strides), flip(dilations);
      }
    }
    Value init = get(op->getOperand(2), sliding.image);
    Operation *made =
        sliding.create(b, init.getType(), {get(image, sliding.image), get(op->getOperand(1), sliding.filter)}, init,
                       strides, dilations);
    copyDiscardableAttrs(op, made);
    replace(op, {{sliding.image, made->getResult(0)}});
  }

  void rewriteGeneric(linalg::GenericOp op) {
    SmallVector<tensor::ExtractOp> extracts = getExtracts(op);
    SmallVector<Perm> candidates;
    SmallVector<std::pair<double, Perm>> fromInputs;
    for (OpOperand *input : op.getDpsInputOperands())
      if (isTensor(input->get()) && !isFree(input->get()))
        if (auto order = loopOrder(op, op.getMatchingIndexingMap(input), layoutOf(input->get())))
          fromInputs.push_back({estimateBytes(input->get()), *order});
    auto isLikeResult = [&](tensor::ExtractOp extract) {
      return rankOf(extract.getTensor()) == op.getNumLoops() &&
             rankOf(extract.getTensor()) == rankOf(op.getResult(0)) &&
             op.getIndexingMapMatchingResult(cast<OpResult>(op.getResult(0))).isIdentity();
    };
    for (tensor::ExtractOp extract : extracts)
      if (isLikeResult(extract))
        fromInputs.push_back({estimateBytes(extract.getTensor()), layoutOf(extract.getTensor())});
    llvm::stable_sort(fromInputs, [](auto &x, auto &y) { return x.first > y.first; });
    for (auto &[bytes, order] : fromInputs)
      candidates.push_back(order);
    for (Value result : op->getResults())
      if (std::optional<Perm> wanted = getWish(result))
        if (auto order = loopOrder(op, op.getIndexingMapMatchingResult(cast<OpResult>(result)), *wanted))
          candidates.push_back(*order);
    candidates.push_back(identity(op.getNumLoops()));

    auto costOfOrder = [&](const Perm &order) {
      double cost = 0;
      for (OpOperand &operand : op->getOpOperands())
        if (isTensor(operand.get()))
          cost += costOf(operand.get(), layoutForLoops(op.getMatchingIndexingMap(&operand), order));
      for (Value result : op->getResults())
        cost += costOfWish(result, layoutForLoops(op.getIndexingMapMatchingResult(cast<OpResult>(result)), order));
      for (tensor::ExtractOp extract : extracts)
        if (isLikeResult(extract))
          cost += costOf(extract.getTensor(), order);
      return cost;
    };
    Perm order = pick(candidates, costOfOrder);

    SmallVector<Value> operands;
    SmallVector<Perm> layouts;
    SmallVector<AffineMap> maps;
    Perm position = inverse(order);
    SmallVector<AffineExpr> newDims = llvm::map_to_vector(position, [&](int64_t p) { return b.getAffineDimExpr(p); });
    bool same = isIdentity(order);
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      Value value = operand.get();
      Perm layout = identity(map.getNumResults());
      if (isTensor(value))
        std::tie(value, layout) =
            op.isDpsInit(&operand) ? std::make_pair(get(value, layoutForLoops(map, order)), layoutForLoops(map, order))
                                   : getLoosely(value, layoutForLoops(map, order));
      auto exprs = permute(map.getResults(), layout);
      maps.push_back(AffineMap::get(op.getNumLoops(), 0, exprs, b.getContext())
                         .replaceDimsAndSymbols(newDims, {}, op.getNumLoops(), 0));
      same &= isIdentity(layout);
      operands.push_back(value);
      layouts.push_back(layout);
    }
    rewriteCaptures(op.getRegion());
    if (same) {
      op->setOperands(operands);
      return;
    }
    size_t numInputs = op.getNumDpsInputs();
    ValueRange inits = ValueRange(operands).drop_front(numInputs);
    auto made = linalg::GenericOp::create(b, TypeRange(inits), ValueRange(operands).take_front(numInputs), inits, maps,
                                          permute(ArrayRef(op.getIteratorTypesArray()), order));
    copyDiscardableAttrs(op, made);
    made.getRegion().takeBody(op.getRegion());
    made.getRegion().walk([&](linalg::IndexOp index) {
      if (index->getParentOp() == made)
        index.setDim(position[index.getDim()]);
    });
    SmallVector<Form> results;
    for (auto [i, result] : llvm::enumerate(made->getResults()))
      results.push_back({layouts[numInputs + i], result});
    replace(op, results);
  }

  void rewriteMovement(Operation *op, ArrayRef<OpOperand *> moved) {
    Value result = op->getResult(0);
    SmallVector<Perm> candidates;
    std::optional<Perm> wanted = getWish(result);
    // A pad before a convolution shall be its neighbour.
    if (wanted && isa<tensor::PadOp>(op))
      candidates.push_back(*wanted);
    for (auto [i, operand] : llvm::enumerate(moved))
      if (!isFree(operand->get()))
        candidates.push_back(*resultLayout(op, i, layoutOf(operand->get())));
    if (wanted)
      candidates.push_back(*wanted);
    candidates.push_back(identity(rankOf(result)));
    // A reshape allows only those layouts in which the dimensions of a group are neighbours.
    bool reshape = isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
    if (reshape)
      for (Perm &candidate : candidates)
        candidate = *resultLayout(op, 0, *operandLayout(op, 0, candidate));
    Perm layout = pick(candidates, [&](const Perm &candidate) {
      double cost = costOfWish(result, candidate);
      for (auto [i, operand] : llvm::enumerate(moved))
        cost += costOf(operand->get(), *operandLayout(op, i, candidate));
      return cost;
    });
    if (isa<linalg::TransposeOp>(op)) {
      auto [value, form] = getLoosely(moved[0]->get(), *operandLayout(op, 0, layout));
      return replace(op, {{*resultLayout(op, 0, form), value}});
    }
    bool same = isIdentity(layout);
    SmallVector<Value> values;
    SmallVector<Perm> layouts;
    for (auto [i, operand] : llvm::enumerate(moved)) {
      layouts.push_back(*operandLayout(op, i, layout));
      values.push_back(get(operand->get(), layouts.back()));
      same &= isIdentity(layouts.back());
    }
    if (same && !reshape) {
      for (auto [operand, value] : llvm::zip_equal(moved, values))
        operand->set(value);
      return rewriteRegions(op);
    }
    replace(op, {{layout, move(op, layout, layouts, values)}});
  }

  Value move(Operation *op, const Perm &layout, ArrayRef<Perm> layouts, ArrayRef<Value> values) {
    auto type = permute(cast<RankedTensorType>(op->getResult(0).getType()), layout);
    auto sorted = [](SmallVector<OpFoldResult> values, const Perm &perm) { return permute(ArrayRef(values), perm); };
    // The groups of a reshape where the collapsed side has layout `order`, in memory order.
    auto regroup = [](ArrayRef<ReassociationIndices> groups, const Perm &order) {
      SmallVector<ReassociationIndices> result;
      int64_t next = 0;
      for (int64_t group : order) {
        result.emplace_back();
        for (size_t i = 0; i < groups[group].size(); ++i)
          result.back().push_back(next++);
      }
      return result;
    };
    return TypeSwitch<Operation *, Value>(op)
        .Case([&](tensor::PadOp pad) -> Value {
          return tensor::PadOp::create(b, type, values[0], sorted(pad.getMixedLowPad(), layout),
                                       sorted(pad.getMixedHighPad(), layout), pad.getConstantPaddingValue(),
                                       pad.getNofold());
        })
        .Case([&](tensor::CastOp) -> Value { return tensor::CastOp::create(b, type, values[0]); })
        .Case([&](tensor::ConcatOp concat) -> Value {
          return tensor::ConcatOp::create(b, type, inverse(layout)[concat.getDim()], values);
        })
        .Case([&](tensor::ExtractSliceOp slice) -> Value {
          return tensor::ExtractSliceOp::create(b, type, values[0], sorted(slice.getMixedOffsets(), layouts[0]),
                                                sorted(slice.getMixedSizes(), layouts[0]),
                                                sorted(slice.getMixedStrides(), layouts[0]));
        })
        .Case([&](tensor::InsertSliceOp insert) -> Value {
          return tensor::InsertSliceOp::create(b, values[0], values[1], sorted(insert.getMixedOffsets(), layout),
                                               sorted(insert.getMixedSizes(), layout),
                                               sorted(insert.getMixedStrides(), layout));
        })
        .Case([&](tensor::ExpandShapeOp expand) -> Value {
          if (Value constant = reshapeConstant(values[0], type))
            return constant;
          return tensor::ExpandShapeOp::create(b, type, values[0],
                                               regroup(expand.getReassociationIndices(), layouts[0]),
                                               sorted(expand.getMixedOutputShape(), layout));
        })
        .Case([&](tensor::CollapseShapeOp collapse) -> Value {
          if (Value constant = reshapeConstant(values[0], type))
            return constant;
          return tensor::CollapseShapeOp::create(b, type, values[0],
                                                 regroup(collapse.getReassociationIndices(), layout));
        });
  }

  Value reshapeConstant(Value value, RankedTensorType type) {
    ElementsAttr constant;
    if (matchPattern(value, m_Constant(&constant)))
      if (ElementsAttr reshaped = reshapeElements(constant, type))
        return arith::ConstantOp::create(b, cast<TypedAttr>(reshaped));
    return {};
  }

  template <typename Cost> static Perm pick(ArrayRef<Perm> candidates, Cost cost) {
    const Perm *best = nullptr;
    double bestCost = 0;
    for (const Perm &candidate : candidates) {
      double here = cost(candidate);
      if (!best || here < bestCost)
        best = &candidate, bestCost = here;
    }
    return *best;
  }

  static void copyDiscardableAttrs(Operation *from, Operation *to) {
    for (NamedAttribute attr : from->getDiscardableAttrs())
      if (attr.getName() != linalg::LinalgDialect::kMemoizedIndexingMapsAttrName)
        to->setDiscardableAttr(attr.getName(), attr.getValue());
  }

  Block &block;
  ImplicitLocOpBuilder b;
  onnxc::cpu::MadeBytes &room;
  DenseMap<Value, SmallVector<Form>> forms;
  DenseMap<Value, SmallVector<std::pair<Perm, double>>> wishes;
  SmallVector<Operation *> replaced;

public:
  unsigned transposes = 0;
};

struct LayoutNhwc : onnxc::impl::LayoutNhwcBase<LayoutNhwc> {
  void runOnOperation() override {
    generalizeSimpleOps();
    onnxc::cpu::MadeBytes room(getOperation());
    for (Block &block : getOperation().getBody()) {
      BlockLayout layout(block, &getContext(), room);
      layout.run();
      transposes += layout.transposes;
    }
  }

  /// Named operations that are nothing but loops around a scalar body.
  void generalizeSimpleOps() {
    SmallVector<linalg::LinalgOp> simple;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (isa<linalg::GenericOp, linalg::FillOp, linalg::TransposeOp, linalg::CopyOp>(op))
        return;
      if (isa<linalg::ReduceOp, linalg::BroadcastOp, linalg::MapOp>(op) || linalg::isElementwise(op))
        simple.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : simple) {
      rewriter.setInsertionPoint(op);
      if (failed(linalg::generalizeNamedOp(rewriter, op)))
        continue;
    }
  }
};
} // namespace
