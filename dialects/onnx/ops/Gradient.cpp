//===- dialects/onnx/ops/Gradient.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gradient (ai.onnx.preview.training): reverse-mode differentiation of the operations between tensors. A rule says how
// the gradient of an operation's result becomes that of its operands, in operations of the dialect, which have rules in
// their turn: so there are gradients of gradients. An operation without a rule is an error that names it.
#include "dialects/onnx/ops/Gradient.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/Losses.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Normalization.h"
#include "dialects/onnx/ops/Pooling.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/ops/Softmax.h"
#include "dialects/onnx/support/Term.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc::onnx;

namespace {
/// An operation on its way back: the gradients of its results are known, those of its operands are wanted.
class Step {
public:
  Step(NodeForm &node, Operation *op, ArrayRef<Term> gradients, llvm::function_ref<bool(Value)> isWanted,
       llvm::function_ref<bool(Value)> leads)
      : node(node), op(op), gradients(gradients), isWanted(isWanted), leads(leads), results(op->getNumOperands()) {}

  Operation *operator->() const { return op; }
  Term x(unsigned i) const { return {&node, op->getOperand(i)}; }
  Term y(unsigned i = 0) const { return {&node, op->getResult(i)}; }
  /// The gradient of result i.
  Term g(unsigned i = 0) const { return gradients[i]; }
  /// Whether what is differentiated depends on result i.
  bool leadsOn(unsigned i) const { return leads(op->getResult(i)); }
  bool wants(unsigned i) const { return i < op->getNumOperands() && isWanted(op->getOperand(i)); }
  Value absent() const { return onnxc::onnx::absent(node); }
  NodeForm &form() const { return node; }

  /// Sets the gradient of operand i, which is only computed where it is wanted. `set` adds up what broadcasting has
  /// repeated.
  template <typename F> void set(unsigned i, F make) {
    if (wants(i))
      results[i] = sumTo(make(), x(i));
  }
  /// Without a rule for this case.
  void fail(const Twine &why) {
    node.error() << "no gradient for " << op->getName().stripDialect() << " " << why;
    failed = true;
  }

  ArrayRef<std::optional<Term>> getResults() const { return results; }
  bool hasFailed() const {
    return failed || llvm::any_of(results, [](auto term) { return term && !term->value; });
  }

  Term sumTo(Term gradient, Term like) const;
  Term reshapeLike(Term value, Term like) const {
    return value.with(onnxc::onnx::reshapeLike(node, value.value, like.value));
  }
  Term transpose(Term value, ArrayRef<int64_t> order) const {
    return value.make<TransposeOp>({}, intsAttr(node, "perm", order));
  }
  Term transposeLast(Term value) const {
    if (!value.value)
      return value;
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, getDims(value.value).size()));
    std::swap(order.back(), order[order.size() - 2]);
    return transpose(value, order);
  }
  Term constant(ArrayRef<int64_t> values) const { return {&node, node.constant(values)}; }
  Term shape(Term value) const { return value.make<ShapeOp>(); }
  Term size(Term value, int64_t axis) const {
    return value.make<ShapeOp>({}, {intAttr(node, "start", axis), intAttr(node, "end", axis + 1)});
  }
  Term sum(Term value, ArrayRef<int64_t> axes, bool keepDims) const {
    return value.make<ReduceSumOp>(constant(axes), intAttr(node, "keepdims", keepDims));
  }
  Term mean(Term value, ArrayRef<int64_t> axes) const { return value.make<ReduceMeanOp>(constant(axes)); }
  Term expandLike(Term value, Term like) const { return value.make<ExpandOp>(shape(like)); }
  Term unsqueeze(Term value, ArrayRef<int64_t> axes) const {
    return value.with(onnxc::onnx::unsqueeze(node, value.value, axes));
  }
  Term flatten(Term value) const { return value.with(reshape(node, value.value, -1)); }
  /// As the element type of `like`.
  Term cast(Term value, Term like) const {
    return value.value && value.element() != like.element() ? value.as(like.element()) : value;
  }
  NamedAttribute adding() const { return node.b.getNamedAttr("reduction", node.b.getStringAttr("add")); }
  /// Zeros like `like`, with `updates` added to the rows `indices`.
  Term scatter(Term like, Term indices, Term updates) const {
    Term zeros = expandLike(updates.number(0), like);
    return zeros.make<ScatterNDOp>({unsqueeze(indices.as(node.b.getI64Type()), -1), updates}, adding());
  }

private:
  NodeForm &node;
  Operation *op;
  ArrayRef<Term> gradients;
  llvm::function_ref<bool(Value)> isWanted, leads;
  SmallVector<std::optional<Term>> results;
  bool failed = false;
};
} // namespace

/// Added up over what was broadcast, so that it is like `like`.
Term Step::sumTo(Term gradient, Term like) const {
  if (!gradient.value)
    return gradient;
  Dims from = getDims(gradient.value), to = getDims(like.value);
  if (from == to)
    return gradient;
  SmallVector<int64_t> axes;
  int64_t more = from.size() - to.size();
  for (int64_t i = 0, n = from.size(); i < n; ++i) {
    if (i < more || (getConstant(to[i - more]) == 1 && getConstant(from[i]) != 1)) {
      axes.push_back(i);
    } else if (from[i] != to[i - more]) {
      node.error() << "no gradient for " << op->getName().stripDialect()
                   << ": which dimensions are broadcast must be known";
      return gradient.with({});
    }
  }
  Term total = axes.empty() ? gradient : sum(gradient, axes, /*keepDims=*/true);
  return more ? reshapeLike(total, like) : total;
}

//===- Rules ------------------------------------------------------------------------===//

static std::optional<int64_t> getInt(Step &s, StringRef name) {
  auto number = s->getAttrOfType<IntegerAttr>(name);
  return number ? std::optional<int64_t>(number.getValue().getSExtValue()) : std::nullopt;
}

static double getFloat(Step &s, StringRef name) { return s->getAttrOfType<FloatAttr>(name).getValueAsDouble(); }

// Sums of products.

static void differentiateMatMul(Step &s) {
  // Vectors are matrices of one row, or of one column.
  bool isRow = getDims(s->getOperand(0)).size() == 1, isColumn = getDims(s->getOperand(1)).size() == 1;
  auto widen = [&](Term value, bool is, int64_t axis) {
    return is ? value.with(unsqueeze(s.form(), value.value, axis)) : value;
  };
  Term a = widen(s.x(0), isRow, 0), b = widen(s.x(1), isColumn, 1);
  Term g = widen(widen(s.g(), isRow, -1), isColumn, -1);
  if (isRow && !isColumn) // the row stands before the columns
    g = s.g().with(unsqueeze(s.form(), s.g().value, -2));
  auto narrow = [&](Term value, bool is, Term wide, Term like) {
    value = s.sumTo(value, wide);
    return is ? s.reshapeLike(value, like) : value;
  };
  s.set(0, [&] { return narrow(g.make<MatMulOp>(s.transposeLast(b)), isRow, a, s.x(0)); });
  s.set(1, [&] { return narrow(s.transposeLast(a).make<MatMulOp>(g), isColumn, b, s.x(1)); });
}

/// alpha * A' * B' + beta * C
static void differentiateGemm(Step &s) {
  double alpha = getFloat(s, "alpha"), beta = getFloat(s, "beta");
  bool isA = getInt(s, "transA") != 0, isB = getInt(s, "transB") != 0;
  auto turn = [&](Term value, bool is) { return is ? s.transposeLast(value) : value; };
  s.set(0, [&] { return turn(alpha * s.g().make<MatMulOp>(s.transposeLast(turn(s.x(1), isB))), isA); });
  s.set(1, [&] { return turn(alpha * s.transposeLast(turn(s.x(0), isA)).make<MatMulOp>(s.g()), isB); });
  s.set(2, [&] { return beta * s.g(); });
}

static ArrayRef<int64_t> getSpatialSizes(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().drop_front(2);
}

namespace {
/// How the windows of a convolution lie, and those of its derivatives.
struct Windows {
  SmallVector<int64_t> strides, dilations, pads;
  int64_t group;

  /// Reports what has no gradient.
  static std::optional<Windows> get(Step &s) {
    SmallVector<Value> tensors(s->getOperands().take_front(2)); // x, and weights where there are any
    tensors.push_back(s->getResult(0));
    int64_t rank = getDims(tensors.front()).size() - 2;
    auto list = [&](StringRef name, int64_t otherwise, size_t count) {
      auto given = s->getAttrOfType<DenseI64ArrayAttr>(name);
      return given ? llvm::to_vector(given.asArrayRef()) : SmallVector<int64_t>(count, otherwise);
    };
    auto autoPad = s->getAttrOfType<StringAttr>("auto_pad");
    for (Value tensor : tensors)
      if (ShapedType::isDynamicShape(getSpatialSizes(tensor))) {
        s.fail("where spatial sizes are symbolic");
        return std::nullopt;
      }
    if ((autoPad && autoPad.getValue() != "NOTSET" && autoPad.getValue() != "VALID") || s->hasAttr("output_shape")) {
      s.fail("with automatic padding");
      return std::nullopt;
    }
    return Windows{list("strides", 1, rank), list("dilations", 1, rank), list("pads", 0, 2 * rank),
                   getInt(s, "group").value_or(1)};
  }

  /// What the strides have left over of sizes `from`, where kernels of these sizes made `to`.
  SmallVector<int64_t> leftOver(ArrayRef<int64_t> from, ArrayRef<int64_t> to, ArrayRef<int64_t> kernel) const {
    SmallVector<int64_t> more;
    for (size_t i = 0, rank = from.size(); i < rank; ++i)
      more.push_back(from[i] + pads[i] + pads[rank + i] - (kernel[i] - 1) * dilations[i] - 1 -
                     (to[i] - 1) * strides[i]);
    return more;
  }

  SmallVector<NamedAttribute> attributes(NodeForm &node) const {
    return {intsAttr(node, "strides", strides), intsAttr(node, "dilations", dilations), intsAttr(node, "pads", pads),
            intAttr(node, "group", group)};
  }
};
} // namespace

/// The gradient for the weights w of Conv(x, w), whose result has the gradient g: a convolution of x with g, where
/// batch and channels change places, and strides and dilations.
static Term differentiateWeights(Step &s, Windows windows, Term x, Term g, Term w) {
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, getDims(w.value).size()));
  std::swap(order[0], order[1]);
  std::swap(windows.strides, windows.dilations);
  Term none = g.with(s.absent());
  Term sums = s.transpose(x, order).make<ConvOp>({s.transpose(g, order), none}, windows.attributes(s.form()));
  // What the stride has left over of x makes more elements than w has.
  ArrayRef<int64_t> sizes = getSpatialSizes(w.value);
  SmallVector<int64_t> zeros(sizes.size(), 0), axes = llvm::to_vector(llvm::seq<int64_t>(2, order.size()));
  sums = sums.make<SliceOp>({s.constant(zeros), s.constant(sizes), s.constant(axes), none});
  return s.transpose(sums, order);
}

/// Added up for each channel.
static Term differentiateConvBias(Step &s) {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(1, getDims(s.g().value).size()));
  axes[0] = 0;
  return s.sum(s.g(), axes, /*keepDims=*/false);
}

static void differentiateConv(Step &s) {
  auto windows = Windows::get(s);
  if (!windows)
    return;
  if (s.wants(1) && windows->group != 1)
    return s.fail("with groups");
  s.set(0, [&] {
    auto more = windows->leftOver(getSpatialSizes(s->getOperand(0)), getSpatialSizes(s->getResult(0)),
                                  getSpatialSizes(s->getOperand(1)));
    SmallVector<NamedAttribute> attributes = windows->attributes(s.form());
    attributes.push_back(intsAttr(s.form(), "output_padding", more));
    return s.g().make<ConvTransposeOp>({s.x(1), s.g().with(s.absent())}, attributes);
  });
  s.set(1, [&] { return differentiateWeights(s, *windows, s.x(0), s.g(), s.x(1)); });
  s.set(2, [&] { return differentiateConvBias(s); });
}

/// The same with data and gradient in each other's place.
static void differentiateConvTranspose(Step &s) {
  auto windows = Windows::get(s);
  if (!windows)
    return;
  if (s.wants(1) && windows->group != 1)
    return s.fail("with groups");
  s.set(0, [&] { return s.g().make<ConvOp>({s.x(1), s.g().with(s.absent())}, windows->attributes(s.form())); });
  s.set(1, [&] { return differentiateWeights(s, *windows, s.g(), s.x(0), s.x(1)); });
  s.set(2, [&] { return differentiateConvBias(s); });
}

// Reductions.

/// The axes that a reduction reduces, which must be known.
static std::optional<SmallVector<int64_t>> getAxes(Step &s) {
  Value axes = s->getOperand(1);
  int64_t rank = getDims(s->getOperand(0)).size();
  SmallVector<int64_t> list = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (isa<RankedTensorType>(axes.getType())) {
    auto known = getConstantInts(axes);
    if (!known) {
      s.fail("where the axes are not known");
      return std::nullopt;
    }
    if (!known->empty())
      list = *known;
    else if (getInt(s, "noop_with_empty_axes").value_or(0))
      list.clear();
  } else if (getInt(s, "noop_with_empty_axes").value_or(0)) {
    list.clear();
  }
  return list;
}

/// make(axes, g, x, y) of a reduction, whose gradient and result have the dimensions of its operand here.
template <typename F> static void differentiateReduction(Step &s, F make) {
  auto axes = getAxes(s);
  if (!axes)
    return;
  auto restore = [&](Term reduced) {
    return getInt(s, "keepdims").value_or(1) ? reduced : s.unsqueeze(reduced, *axes);
  };
  s.set(0, [&] { return make(*axes, restore(s.g()), s.x(0), restore(s.y())); });
}

/// The elements that are the extreme one share its gradient.
static Term shareExtreme(Step &s, ArrayRef<int64_t> axes, Term g, Term x, Term y) {
  Term is = x.make<EqualOp>(y).as(g.element());
  return is * (axes.empty() ? g : g / s.sum(is, axes, /*keepDims=*/true));
}

static Term spreadMean(Step &s, Term g, Term x) {
  Term count = x.make<SizeOp>().as(g.element()) / g.make<SizeOp>().as(g.element());
  return s.expandLike(g / count, x);
}

/// A rule for a reduction: the gradient of its operand in terms of g, x and y.
#define REDUCTION(NAME, GRADIENT)                                                                                      \
  {NAME, [](Step &s) {                                                                                                 \
     differentiateReduction(s, [&]([[maybe_unused]] ArrayRef<int64_t> axes, [[maybe_unused]] Term g,                   \
                                   [[maybe_unused]] Term x, [[maybe_unused]] Term y) { return GRADIENT; });            \
   }}

static Term sumAlongAxis(Step &s, Term value) {
  return s.sum(value, getInt(s, "axis").value_or(-1), /*keepDims=*/true);
}

static void differentiateSoftmax(Step &s) {
  s.set(0, [&] { return s.y() * (s.g() - sumAlongAxis(s, s.g() * s.y())); });
}

static void differentiateLogSoftmax(Step &s) {
  s.set(0, [&] { return s.g() - exp(s.y()) * sumAlongAxis(s, s.g()); });
}

// What only moves.

static void differentiateReshape(Step &s) {
  s.set(0, [&] { return s.reshapeLike(s.g(), s.x(0)); });
}

static void differentiateTranspose(Step &s) {
  auto order = s->getAttrOfType<DenseI64ArrayAttr>("perm");
  int64_t rank = getDims(s->getOperand(0)).size();
  SmallVector<int64_t> inverse(rank);
  for (int64_t i = 0; i < rank; ++i)
    inverse[order ? (order[i] + rank) % rank : rank - 1 - i] = i;
  s.set(0, [&] { return s.transpose(s.g(), inverse); });
}

static void differentiateConcat(Step &s) {
  int64_t rank = getDims(s->getResult(0)).size(), axis = *getInt(s, "axis");
  axis += axis < 0 ? rank : 0;
  NodeForm &node = s.form();
  SmallVector<Value> sizes;
  for (unsigned i = 0; i < s->getNumOperands(); ++i)
    sizes.push_back(s.size(s.x(i), axis).value);
  Value list = build<ConcatOp>(node, sizes, intAttr(node, "axis", 0));
  auto parts = list ? make<SplitOp>(node.b, {s.g().value, list}, intAttr(node, "axis", axis), sizes.size()) : SplitOp();
  for (unsigned i = 0; i < s->getNumOperands(); ++i)
    s.set(i, [&] { return s.g().with(parts ? s.reshapeLike(s.g().with(parts.getResult(i)), s.x(i)).value : Value()); });
}

static void differentiateSplit(Step &s) {
  s.set(0, [&] {
    SmallVector<Value> parts;
    for (unsigned i = 0; i < s->getNumResults(); ++i)
      parts.push_back(s.g(i).value);
    Value joined = build<ConcatOp>(s.form(), parts, intAttr(s.form(), "axis", getInt(s, "axis").value_or(0)));
    return s.g().with(joined);
  });
}

/// How many elements of each dimension are before the result's and after them; nothing where that is not known.
static std::optional<SmallVector<int64_t>> getSliceMargins(Step &s) {
  auto type = cast<RankedTensorType>(s->getOperand(0).getType());
  auto result = cast<RankedTensorType>(s->getResult(0).getType());
  int64_t rank = type.getRank();
  auto starts = getConstantInts(s->getOperand(1));
  auto read = [&](unsigned i, SmallVector<int64_t> otherwise) -> std::optional<SmallVector<int64_t>> {
    return isa<NoneType>(s->getOperand(i).getType()) ? otherwise : getConstantInts(s->getOperand(i));
  };
  if (!starts || !type.hasStaticShape() || !result.hasStaticShape())
    return std::nullopt;
  auto axes = read(3, llvm::to_vector(llvm::seq<int64_t>(0, starts->size())));
  auto steps = read(4, SmallVector<int64_t>(starts->size(), 1));
  if (!axes || !steps || axes->size() != starts->size() || llvm::any_of(*steps, [](int64_t step) { return step != 1; }))
    return std::nullopt;
  SmallVector<int64_t> margins(2 * rank, 0);
  for (auto [start, axis] : llvm::zip_equal(*starts, *axes)) {
    int64_t i = axis < 0 ? axis + rank : axis, size = type.getDimSize(i);
    margins[i] = std::clamp<int64_t>(start < 0 ? start + size : start, 0, size);
    margins[rank + i] = size - margins[i] - result.getDimSize(i);
  }
  return margins;
}

static void differentiateSlice(Step &s) {
  auto margins = getSliceMargins(s);
  if (!margins)
    return s.fail("with steps, or where sizes or starts are not known");
  s.set(0, [&] {
    Term none = s.g().with(s.absent());
    return s.g().make<PadOp>({s.constant(*margins), none, none});
  });
}

static void differentiatePad(Step &s) {
  auto pads = getConstantInts(s->getOperand(1));
  auto type = cast<RankedTensorType>(s->getOperand(0).getType());
  int64_t rank = type.getRank();
  if (!pads || !type.hasStaticShape() || !isa<NoneType>(s->getOperand(3).getType()) ||
      s->getAttrOfType<StringAttr>("mode").getValue() != "constant" || s.wants(2) ||
      llvm::any_of(*pads, [](int64_t pad) { return pad < 0; }))
    return s.fail("of this kind");
  s.set(0, [&] {
    SmallVector<int64_t> starts(pads->begin(), pads->begin() + rank), ends;
    for (int64_t i = 0; i < rank; ++i)
      ends.push_back(starts[i] + type.getDimSize(i));
    Term none = s.g().with(s.absent());
    return s.g().make<SliceOp>({s.constant(starts), s.constant(ends), none, none});
  });
}

/// Adds up in rows of which the axis is the first: so it is put there, and back.
static void differentiateGather(Step &s) {
  int64_t rank = getDims(s->getOperand(0)).size(), more = getDims(s->getOperand(1)).size();
  int64_t axis = getInt(s, "axis").value_or(0);
  axis += axis < 0 ? rank : 0;
  // `count` dimensions from `axis` on come to the front.
  auto turned = [&](int64_t count, int64_t size) {
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, size));
    std::rotate(order.begin(), order.begin() + axis, order.begin() + axis + count);
    return order;
  };
  s.set(0, [&] {
    if (axis == 0)
      return s.scatter(s.x(0), s.x(1), s.g());
    SmallVector<int64_t> order = turned(1, rank), back(rank);
    for (int64_t i = 0; i < rank; ++i)
      back[order[i]] = i;
    Term g = s.transpose(s.g(), turned(more, rank - 1 + more));
    return s.transpose(s.scatter(s.transpose(s.x(0), order), s.x(1), g), back);
  });
}

static void differentiateGatherElements(Step &s) {
  s.set(0, [&] {
    Term zeros = s.expandLike(s.g().number(0), s.x(0));
    NamedAttribute axis = intAttr(s.form(), "axis", getInt(s, "axis").value_or(0));
    return zeros.make<ScatterElementsOp>({s.x(1), s.g()}, {axis, s.adding()});
  });
}

/// Added up over the copies.
static void differentiateTile(Step &s) {
  auto repeats = getConstantInts(s->getOperand(1));
  auto type = cast<RankedTensorType>(s->getOperand(0).getType());
  if (!repeats || !type.hasStaticShape())
    return s.fail("where sizes or repeats are not known");
  s.set(0, [&] {
    SmallVector<int64_t> sizes, axes;
    for (auto [count, size] : llvm::zip_equal(*repeats, type.getShape())) {
      axes.push_back(sizes.size());
      sizes.push_back(count);
      sizes.push_back(size);
    }
    return s.sum(s.g().with(reshape(s.form(), s.g().value, sizes)), axes, /*keepDims=*/false);
  });
}

/// Through the elements that are kept.
static void differentiateDropout(Step &s) {
  auto isAbsent = [&](unsigned i) { return isa<NoneType>(s->getOperand(i).getType()); };
  s.set(0, [&] {
    if (isAbsent(2))
      return s.g();
    Term ratio = isAbsent(1) ? s.g().number(0.5) : s.cast(s.x(1), s.g());
    return select(s.x(2), select(s.y(1), s.g() / (1 - ratio), s.g().number(0)), s.g());
  });
}

// Pools.

static SmallVector<int64_t> getSpace(Step &s) {
  return llvm::to_vector(llvm::seq<int64_t>(2, getDims(s->getOperand(0)).size()));
}

static void differentiateGlobalAveragePool(Step &s) {
  s.set(0, [&] { return spreadMean(s, s.g(), s.x(0)); });
}

static void differentiateGlobalMaxPool(Step &s) {
  s.set(0, [&] { return shareExtreme(s, getSpace(s), s.g(), s.x(0), s.y()); });
}

/// Back to where the largest elements are.
static void differentiateMaxPool(Step &s) {
  s.set(0, [&] {
    SmallVector<NamedAttribute> attributes;
    for (StringAttr name : s->getRegisteredInfo()->getAttributeNames())
      if (Attribute attribute = s->getAttr(name); attribute && name != "storage_order")
        attributes.push_back({name, attribute});
    auto pool = make<MaxPoolOp>(s.form().b, s->getOperand(0), attributes, 2);
    if (!pool)
      return s.g().with({});
    Term places = s.flatten(s.g().with(pool->getResult(1)));
    return s.reshapeLike(s.scatter(s.flatten(s.x(0)), places, s.flatten(s.g())), s.x(0));
  });
}

/// Every channel of its own goes back through a convolution with ones.
static void differentiateAveragePool(Step &s) {
  auto windows = Windows::get(s);
  if (!windows)
    return;
  if (getInt(s, "ceil_mode").value_or(0))
    return s.fail("with ceil_mode");
  s.set(0, [&] {
    NodeForm &node = s.form();
    ArrayRef<int64_t> kernel = s->getAttrOfType<DenseI64ArrayAttr>("kernel_shape");
    ArrayRef<int64_t> from = getSpatialSizes(s->getOperand(0)), to = getSpatialSizes(s->getResult(0));
    auto sizes = [&](int64_t batch, ArrayRef<int64_t> space) {
      SmallVector<int64_t> all{batch, 1};
      llvm::append_range(all, space);
      return all;
    };
    auto ones = [&](ArrayRef<int64_t> space) { return s.g().number(1).make<ExpandOp>(s.constant(sizes(1, space))); };
    Term none = s.g().with(s.absent()), g = s.g().with(reshape(node, s.g().value, sizes(-1, to)));
    SmallVector<NamedAttribute> attributes = windows->attributes(node);
    if (getInt(s, "count_include_pad").value_or(0))
      g = (1.0 / ShapedType::getNumElements(kernel)) * g;
    else
      g = g / ones(from).make<ConvOp>({ones(kernel), none}, attributes);
    attributes.push_back(intsAttr(node, "output_padding", windows->leftOver(from, to, kernel)));
    return s.reshapeLike(g.make<ConvTransposeOp>({ones(kernel), none}, attributes), s.x(0));
  });
}

// Normalisations: h = (x - mean) / deviation, of which both are over some axes; then a scale and a bias.

namespace {
struct Normalized {
  Step &s;
  SmallVector<int64_t> axes;
  bool isCentered;
  Term h, inverse; ///< of the deviation

  Normalized(Step &s, ArrayRef<int64_t> axes, bool isCentered = true) : s(s), axes(axes), isCentered(isCentered) {
    Term x = s.x(0);
    if (x.element().getIntOrFloatBitWidth() < 32) // squares may be too large
      x = x.as(s.form().b.getF32Type());
    Term centered = isCentered ? x - s.mean(x, axes) : x;
    inverse = 1 / sqrt(s.mean(centered * centered, axes) + getFloat(s, "epsilon"));
    h = centered * inverse;
  }

  Term g() const { return s.cast(s.g(), h); }
  /// The gradient of x where `g` is that of h.
  Term back(Term g) const {
    Term change = g - h * s.mean(g * h, axes);
    return s.cast(inverse * (isCentered ? change - s.mean(g, axes) : change), s.x(0));
  }
};

/// Operands that have an element for each channel.
struct Channels {
  Step &s;

  Term spread(Term vector) const { // to [C, 1, ...]
    SmallVector<int64_t> axes = getSpace(s);
    for (int64_t &axis : axes)
      --axis;
    return s.unsqueeze(vector, axes);
  }
  Term sum(Term value) const {
    SmallVector<int64_t> axes = getSpace(s);
    axes.push_back(0);
    return s.sum(value, axes, /*keepDims=*/false);
  }
  /// Where scale and bias are the next two operands.
  void set(const Normalized &n) const {
    s.set(0, [&] { return n.back(n.g() * spread(s.cast(s.x(1), n.h))); });
    s.set(1, [&] { return s.cast(sum(n.g() * n.h), s.x(1)); });
    s.set(2, [&] { return s.cast(sum(n.g()), s.x(2)); });
  }
};
} // namespace

static void differentiateLayerNormalization(Step &s) {
  for (unsigned i = 1; i < s->getNumResults(); ++i)
    if (s.leadsOn(i))
      return s.fail("through the mean or the deviation");
  int64_t rank = getDims(s->getOperand(0)).size(), axis = getInt(s, "axis").value_or(-1);
  Normalized n(s, llvm::to_vector(llvm::seq<int64_t>(axis < 0 ? axis + rank : axis, rank)),
               /*isCentered=*/isa<LayerNormalizationOp>(s.operator->()));
  s.set(0, [&] { return n.back(n.g() * s.cast(s.x(1), n.h)); });
  s.set(1, [&] { return s.cast(s.sumTo(n.g() * n.h, s.x(1)), s.x(1)); });
  s.set(2, [&] { return s.cast(s.sumTo(n.g(), s.x(2)), s.x(2)); });
}

static void differentiateInstanceNormalization(Step &s) { Channels{s}.set(Normalized(s, getSpace(s))); }

static void differentiateBatchNormalization(Step &s) {
  if (getDims(s->getOperand(0)).size() < 2)
    return s.fail("of a vector");
  Channels channels{s};
  if (getInt(s, "training_mode").value_or(0)) {
    if (s.leadsOn(1) || s.leadsOn(2))
      return s.fail("through the running mean or variance");
    SmallVector<int64_t> axes = getSpace(s);
    axes.push_back(0);
    return channels.set(Normalized(s, axes));
  }
  auto vector = [&](unsigned i) { return s.cast(s.x(i), s.g()); };
  Term inverse = 1 / sqrt(vector(4) + getFloat(s, "epsilon")), slope = vector(1) * inverse;
  auto covariance = [&] { return channels.sum(s.g() * (s.x(0) - channels.spread(vector(3)))); };
  s.set(0, [&] { return s.g() * channels.spread(slope); });
  s.set(1, [&] { return s.cast(covariance() * inverse, s.x(1)); });
  s.set(2, [&] { return s.cast(channels.sum(s.g()), s.x(2)); });
  s.set(3, [&] { return s.cast(-(channels.sum(s.g()) * slope), s.x(3)); });
  s.set(4, [&] { return s.cast(-0.5 * (covariance() * slope * inverse * inverse), s.x(4)); });
}

// Losses.

/// make(isRight, factor) is the gradient of the scores: of the right classes, which are 1 among zeros, and the gradient
/// of the loss times the weights of the targets.
template <typename F> static void differentiateLoss(Step &s, F make) {
  if (s.wants(2))
    return s.fail("by the weights of the classes");
  s.set(0, [&] {
    Term target = s.x(1).as(s.form().b.getI64Type()), isCounted, one = s.g().number(1);
    if (auto ignored = getInt(s, "ignore_index")) {
      isCounted = target.make<EqualOp>(target.number(*ignored)).template make<NotOp>();
      target = select(isCounted, target, target.number(0));
    }
    bool isWeighted = !isa<NoneType>(s->getOperand(2).getType());
    Term weights = isWeighted ? s.x(2).template make<GatherOp>(target) : s.expandLike(one, target);
    if (isCounted.value)
      weights = select(isCounted, weights, weights.number(0));
    Term factor = s.g() * weights;
    if (s->getAttrOfType<StringAttr>("reduction").getValue() == "mean") {
      auto axes = llvm::to_vector(llvm::seq<int64_t>(0, getDims(target.value).size()));
      factor = factor / s.sum(weights, axes, /*keepDims=*/false);
    }
    Term values = s.constant({0, 1}).as(one.element());
    Term isRight = target.make<OneHotOp>({s.size(s.x(0), 1), values}, intAttr(s.form(), "axis", 1));
    return make(isRight, s.unsqueeze(factor, 1));
  });
}

static void differentiateNegativeLogLikelihoodLoss(Step &s) {
  differentiateLoss(s, [](Term isRight, Term factor) { return -(isRight * factor); });
}

static void differentiateSoftmaxCrossEntropyLoss(Step &s) {
  differentiateLoss(s, [&](Term isRight, Term factor) {
    Term chance = exp(s.y(1)), ofLoss = factor * (chance - isRight);
    return s.leadsOn(1) ? ofLoss + (s.g(1) - chance * s.sum(s.g(1), 1, /*keepDims=*/true)) : ofLoss;
  });
}

/// The condition that rounds to one of two operands: the gradient goes to that one.
template <typename OpT> static void differentiateExtreme(Step &s) {
  if (s->getNumOperands() == 1)
    return s.set(0, [&] { return s.g(); });
  if (s->getNumOperands() != 2)
    return s.fail("of more than two tensors");
  Term first = s.x(0).make<OpT>(s.x(1));
  s.set(0, [&] { return select(first, s.g(), s.g().number(0)); });
  s.set(1, [&] { return select(first, s.g().number(0), s.g()); });
}

static Term sigmoid(Term x) { return x.make<SigmoidOp>(); }
static Term isBelow(Term a, Term b) { return a.make<LessOp>(b); }
static Term isBelow(Term a, double b) { return isBelow(a, a.number(b)); }

/// x * F(x), where F is the distribution function of the standard normal distribution, or something like it.
static Term differentiateGelu(Step &s) {
  Term x = s.x(0), square = x * x;
  if (s->getAttrOfType<StringAttr>("approximate").getValue() == "tanh") {
    double c = 1 / std::sqrt(llvm::numbers::pi / 2), cubic = 0.044715;
    Term t = (c * (x + cubic * (square * x))).make<TanhOp>();
    return 0.5 * (1 + t) + (0.5 * c) * (x * (1 - t * t) * (1 + (3 * cubic) * square));
  }
  Term distribution = 0.5 * (1 + (std::sqrt(0.5) * x).make<ErfOp>());
  return distribution + std::sqrt(0.5) * llvm::numbers::inv_sqrtpi * (x * exp(-0.5 * square));
}

/// x * tanh(softplus(x))
static Term differentiateMish(Step &s) {
  Term t = s.x(0).make<SoftplusOp>().make<TanhOp>();
  return t + s.x(0) * (1 - t * t) * sigmoid(s.x(0));
}

/// x * sigmoid(alpha * x)
static Term differentiateSwish(Step &s) {
  double alpha = getFloat(s, "alpha");
  Term share = sigmoid(alpha * s.x(0));
  return share + alpha * (s.x(0) * share * (1 - share));
}

/// A rule for one operand: its gradient is factor(step) times that of the result.
#define UNARY(NAME, FACTOR) {NAME, [](Step &s) { s.set(0, [&] { return s.g() * (FACTOR); }); }}

using Rule = void (*)(Step &);
static const std::pair<StringRef, Rule> rules[] = {
    {"Add", [](Step &s) { s.set(0, [&] { return s.g(); }), s.set(1, [&] { return s.g(); }); }},
    {"Sub", [](Step &s) { s.set(0, [&] { return s.g(); }), s.set(1, [&] { return -s.g(); }); }},
    {"Mul", [](Step &s) { s.set(0, [&] { return s.g() * s.x(1); }), s.set(1, [&] { return s.g() * s.x(0); }); }},
    {"Div",
     [](Step &s) {
       s.set(0, [&] { return s.g() / s.x(1); });
       s.set(1, [&] { return -(s.g() * s.y() / s.x(1)); });
     }},
    {"Pow",
     [](Step &s) {
       Term exponent = s.x(1).as(s.g().element());
       s.set(0, [&] { return s.g() * exponent * power(s.x(0), exponent - 1); });
       // x^y is 0 for x = 0 < y, whatever y is exactly.
       s.set(1, [&] {
         Term zero = s.x(0).number(0), isZero = s.x(0).make<EqualOp>(zero);
         return s.g() * select(isZero, zero, s.y() * log(select(isZero, s.x(0).number(1), s.x(0))));
       });
     }},
    {"Sum",
     [](Step &s) {
       for (unsigned i = 0; i < s->getNumOperands(); ++i)
         s.set(i, [&] { return s.g(); });
     }},
    {"Mean",
     [](Step &s) {
       for (unsigned i = 0; i < s->getNumOperands(); ++i)
         s.set(i, [&] { return (1.0 / s->getNumOperands()) * s.g(); });
     }},
    {"Max", differentiateExtreme<GreaterOrEqualOp>},
    {"Min", differentiateExtreme<LessOrEqualOp>},
    {"Clip", [](Step &s) { s.set(0, [&] { return select(s.x(0).make<EqualOp>(s.y()), s.g(), s.g().number(0)); }); }},
    {"Where",
     [](Step &s) {
       s.set(1, [&] { return select(s.x(0), s.g(), s.g().number(0)); });
       s.set(2, [&] { return select(s.x(0), s.g().number(0), s.g()); });
     }},
    {"Identity", [](Step &s) { s.set(0, [&] { return s.g(); }); }},
    {"Assume", [](Step &s) { s.set(0, [&] { return s.g(); }); }},
    {"Cast", [](Step &s) { s.set(0, [&] { return s.g().as(s.x(0).element()); }); }},
    {"Neg", [](Step &s) { s.set(0, [&] { return -s.g(); }); }},
    {"Relu",
     [](Step &s) {
       s.set(0, [&] { return select(s.x(0).make<GreaterOp>(s.x(0).number(0)), s.g(), s.g().number(0)); });
     }},
    {"LeakyRelu",
     [](Step &s) {
       s.set(0, [&] { return select(s.x(0).make<LessOp>(s.x(0).number(0)), getFloat(s, "alpha") * s.g(), s.g()); });
     }},
    {"PRelu",
     [](Step &s) {
       Term isNegative = isBelow(s.x(0), 0);
       s.set(0, [&] { return select(isNegative, s.g() * s.x(1), s.g()); });
       s.set(1, [&] { return select(isNegative, s.g() * s.x(0), s.g().number(0)); });
     }},
    UNARY("Abs", s.x(0).make<SignOp>()),
    UNARY("Acos", -(1 / sqrt(1 - s.x(0) * s.x(0)))),
    UNARY("Acosh", 1 / sqrt(s.x(0) * s.x(0) - 1)),
    UNARY("Asin", 1 / sqrt(1 - s.x(0) * s.x(0))),
    UNARY("Asinh", 1 / sqrt(s.x(0) * s.x(0) + 1)),
    UNARY("Atan", 1 / (1 + s.x(0) * s.x(0))),
    UNARY("Atanh", 1 / (1 - s.x(0) * s.x(0))),
    UNARY("Celu", select(isBelow(s.x(0), 0), exp((1 / getFloat(s, "alpha")) * s.x(0)), s.x(0).number(1))),
    UNARY("Cos", -s.x(0).make<SinOp>()),
    UNARY("Cosh", s.x(0).make<SinhOp>()),
    UNARY("Elu", select(isBelow(s.x(0), 0), s.y() + getFloat(s, "alpha"), s.x(0).number(1))),
    UNARY("Erf", (2 * llvm::numbers::inv_sqrtpi) * exp(-(s.x(0) * s.x(0)))),
    UNARY("Exp", s.y()),
    UNARY("Gelu", differentiateGelu(s)),
    UNARY("HardSigmoid",
          select(isBelow(s.y(), 1),
                 select(isBelow(s.y().number(0), s.y()), s.y().number(getFloat(s, "alpha")), s.y().number(0)),
                 s.y().number(0))),
    UNARY("HardSwish", select(isBelow(s.x(0), 3),
                              select(isBelow(s.x(0), -3), s.x(0).number(0), (1.0 / 3) * s.x(0) + 0.5),
                              s.x(0).number(1))),
    UNARY("Log", 1 / s.x(0)),
    UNARY("Mish", differentiateMish(s)),
    UNARY("Reciprocal", -(s.y() * s.y())),
    UNARY("Selu", select(isBelow(s.x(0), 0), s.y() + getFloat(s, "alpha") * getFloat(s, "gamma"),
                         s.x(0).number(getFloat(s, "gamma")))),
    UNARY("Sigmoid", s.y() * (1 - s.y())),
    UNARY("Sin", s.x(0).make<CosOp>()),
    UNARY("Sinh", s.x(0).make<CoshOp>()),
    UNARY("Softplus", sigmoid(s.x(0))),
    UNARY("Softsign", 1 / power(s.x(0).make<AbsOp>() + 1, s.x(0).number(2))),
    UNARY("Sqrt", 0.5 / s.y()),
    UNARY("Swish", differentiateSwish(s)),
    UNARY("Tan", 1 + s.y() * s.y()),
    UNARY("Tanh", 1 - s.y() * s.y()),
    UNARY("ThresholdedRelu",
          select(isBelow(s.x(0).number(getFloat(s, "alpha")), s.x(0)), s.x(0).number(1), s.x(0).number(0))),
    REDUCTION("ReduceL1", g * x.make<SignOp>()),
    REDUCTION("ReduceL2", g * select(y.make<EqualOp>(y.number(0)), x, x / y)),
    REDUCTION("ReduceLogSum", s.expandLike(g / exp(y), x)),
    REDUCTION("ReduceLogSumExp", g * exp(x - y)),
    REDUCTION("ReduceMax", shareExtreme(s, axes, g, x, y)),
    REDUCTION("ReduceMean", spreadMean(s, g, x)),
    REDUCTION("ReduceMin", shareExtreme(s, axes, g, x, y)),
    REDUCTION("ReduceSum", s.expandLike(g, x)),
    REDUCTION("ReduceSumSquare", 2 * (g * x)),
    {"AveragePool", differentiateAveragePool},
    {"BatchNormalization", differentiateBatchNormalization},
    {"Concat", differentiateConcat},
    {"Conv", differentiateConv},
    {"ConvTranspose", differentiateConvTranspose},
    {"CumSum",
     [](Step &s) {
       s.set(0, [&] {
         NamedAttribute exclusive = intAttr(s.form(), "exclusive", getInt(s, "exclusive").value_or(0));
         NamedAttribute reverse = intAttr(s.form(), "reverse", !getInt(s, "reverse").value_or(0));
         return s.g().make<CumSumOp>(s.x(1), {exclusive, reverse});
       });
     }},
    {"Dropout", differentiateDropout},
    {"Expand", [](Step &s) { s.set(0, [&] { return s.g(); }); }},
    {"Flatten", differentiateReshape},
    {"Gather", differentiateGather},
    {"GatherElements", differentiateGatherElements},
    {"Gemm", differentiateGemm},
    {"GlobalAveragePool", differentiateGlobalAveragePool},
    {"GlobalMaxPool", differentiateGlobalMaxPool},
    {"InstanceNormalization", differentiateInstanceNormalization},
    {"LayerNormalization", differentiateLayerNormalization},
    {"LogSoftmax", differentiateLogSoftmax},
    {"MatMul", differentiateMatMul},
    {"MaxPool", differentiateMaxPool},
    {"NegativeLogLikelihoodLoss", differentiateNegativeLogLikelihoodLoss},
    {"Pad", differentiatePad},
    {"RMSNormalization", differentiateLayerNormalization},
    {"Reshape", differentiateReshape},
    {"Slice", differentiateSlice},
    {"Softmax", differentiateSoftmax},
    {"SoftmaxCrossEntropyLoss", differentiateSoftmaxCrossEntropyLoss},
    {"Split", differentiateSplit},
    {"Squeeze", differentiateReshape},
    {"Tile", differentiateTile},
    {"Transpose", differentiateTranspose},
    {"Trilu",
     [](Step &s) {
       s.set(0, [&] { return s.g().make<TriluOp>(s.x(1), intAttr(s.form(), "upper", getInt(s, "upper").value_or(1))); });
     }},
    {"Unsqueeze", differentiateReshape},
    // Steps, whose derivative is 0 where there is one.
    {"Ceil", [](Step &) {}},
    {"Floor", [](Step &) {}},
    {"Round", [](Step &) {}},
    {"Sign", [](Step &) {}},
};
#undef UNARY
#undef REDUCTION

//===- Gradient ---------------------------------------------------------------------===//

static bool isFloatTensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

/// The values from outside of `op` that it and its bodies read.
static SmallVector<Value> getReads(Operation *op) {
  SmallVector<Value> reads(op->getOperands());
  for (Region &body : op->getRegions())
    body.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (!op->isAncestor(operand.getParentBlock()->getParentOp()))
          reads.push_back(operand);
    });
  return reads;
}

static bool readsAny(Operation *op, llvm::function_ref<bool(Value)> isOne) { return llvm::any_of(getReads(op), isOne); }

/// The operations that lead from `inputs` to `y`, every one after what it depends on.
static llvm::SetVector<Operation *> findBetween(Value y, const DenseSet<Value> &inputs) {
  llvm::SetVector<Operation *> between;
  DenseMap<Operation *, bool> leads; // from an input; false while its operands are looked at
  struct Place {
    Operation *op;
    SmallVector<Value> left; // of what it reads
  };
  SmallVector<Place> path;
  auto visit = [&](Value value) {
    Operation *op = inputs.contains(value) ? nullptr : value.getDefiningOp();
    if (op && leads.try_emplace(op, false).second)
      path.push_back({op, getReads(op)});
  };
  visit(y);
  while (!path.empty()) {
    if (!path.back().left.empty()) {
      visit(path.back().left.pop_back_val());
      continue;
    }
    Operation *op = path.back().op;
    leads[op] = readsAny(op, [&](Value value) {
      return inputs.contains(value) || (value.getDefiningOp() && leads.lookup(value.getDefiningOp()));
    });
    if (leads[op])
      between.insert(op);
    path.pop_back();
  }
  return between;
}

/// The same operation of other operands. Null after an error.
static Operation *rebuild(NodeForm &node, Operation *op, const DenseMap<Value, Value> &values) {
  if (op->getNumRegions()) {
    node.error() << "operators with bodies can't be computed for other inputs than their own";
    return nullptr;
  }
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(values.contains(operand) ? values.lookup(operand) : operand);
  SmallVector<NamedAttribute> attributes;
  for (StringAttr name : op->getRegisteredInfo()->getAttributeNames())
    if (Attribute attribute = op->getAttr(name))
      attributes.push_back({name, attribute});
  return makeOp(node.b, op->getName().getStringRef(), operands, attributes, op->getNumResults());
}

/// More than large models have.
static constexpr size_t kMaxSteps = 1 << 13;

static LogicalResult expandGradient(NodeForm &node) {
  SmallVector<StringRef> names;
  size_t count = 0; // of tensors to differentiate by
  for (StringRef list : {"xs", "zs"}) {
    if (auto strings = dyn_cast_or_null<ArrayAttr>(node.take(list)))
      llvm::append_range(names, strings.getAsValueRange<StringAttr>());
    if (list == "xs")
      count = names.size();
  }
  auto target = dyn_cast_or_null<StringAttr>(node.take("y"));
  if (!target || count == 0 || node.operands.size() != names.size())
    return node.error() << "y and xs must be given, and an input for every tensor that xs and zs name";
  if (failed(requireOperands(node, names.size())))
    return failure();
  auto y = node.lookup(target);
  if (failed(y) || !*y)
    return failure();

  // Where the inputs are other values than those which the names stand for, everything is computed for them, too.
  DenseSet<Value> inputs;
  DenseMap<Value, Value> values;
  bool isSame = true;
  for (auto [name, operand] : llvm::zip_equal(names, node.operands)) {
    auto value = node.lookup(name);
    if (failed(value) || !*value)
      return failure();
    if (!inputs.insert(*value).second)
      return node.error() << "'" << name << "' is named twice";
    values[*value] = operand;
    isSame &= *value == operand;
  }
  llvm::SetVector<Operation *> between = findBetween(*y, inputs);
  // Gradients of gradients grow by a factor each time.
  if (between.size() > kMaxSteps)
    return node.error() << "more than " << kMaxSteps << " operations are differentiated at once";
  auto countMade = [&](uint64_t more) { node.madeCount += more; };
  if (!isSame) {
    // One value may be the input for several names, which are still different variables.
    for (auto [name, operand] : llvm::zip_equal(names, node.operands)) {
      Value variable = build<IdentityOp>(node, operand);
      values[*node.lookup(name)] = variable;
      operand = variable;
    }
    llvm::SetVector<Operation *> rebuilt;
    for (Operation *op : between) {
      Operation *made = rebuild(node, op, values);
      if (!made)
        return failure();
      for (auto [from, to] : llvm::zip_equal(op->getResults(), made->getResults()))
        values[from] = to;
      rebuilt.insert(made);
    }
    countMade(rebuilt.size());
    between = std::move(rebuilt);
    if (values.contains(*y))
      *y = values.lookup(*y);
  }
  if (!isFloatTensor(*y))
    return node.error() << "'" << target.getValue() << "' must hold floating-point numbers";

  // What depends on one of the tensors in a way that has a derivative.
  DenseSet<Value> active;
  for (Value operand : ArrayRef<Value>(node.operands).take_front(count))
    if (isFloatTensor(operand))
      active.insert(operand);
  for (Operation *op : between)
    if (readsAny(op, [&](Value value) { return active.contains(value); }))
      for (Value result : op->getResults())
        if (isFloatTensor(result) && !llvm::is_contained(node.operands, result))
          active.insert(result);

  DenseMap<Value, Term> gradients;
  auto add = [&](Value value, Term gradient) {
    auto [it, isNew] = gradients.try_emplace(value, gradient);
    if (!isNew)
      it->second = it->second + gradient;
  };
  auto filledLike = [&](Value value, double number) -> Term {
    Term term{&node, value};
    return term.number(number).make<ExpandOp>(term.make<ShapeOp>());
  };
  if (active.contains(*y))
    gradients[*y] = filledLike(*y, 1);
  for (Operation *op : llvm::reverse(between)) {
    if (!readsAny(op, [&](Value value) { return active.contains(value); }) ||
        !llvm::any_of(op->getResults(), [&](Value result) { return gradients.contains(result); }))
      continue;
    StringRef name = op->getName().stripDialect();
    auto rule = llvm::find_if(rules, [&](const auto &entry) { return entry.first == name; });
    if (rule == std::end(rules))
      return node.error() << "there is no gradient for " << name << " (" << op->getLoc() << ")";
    SmallVector<Term> ofResults;
    for (Value result : op->getResults())
      ofResults.push_back(gradients.contains(result) ? gradients.lookup(result)
                          : isFloatTensor(result)    ? filledLike(result, 0)
                                                     : Term{&node, {}});
    auto isActive = [&](Value value) { return active.contains(value); };
    auto leads = [&](Value value) { return gradients.contains(value); };
    Step step(node, op, ofResults, isActive, leads);
    rule->second(step);
    if (step.hasFailed())
      return failure();
    for (auto [operand, gradient] : llvm::zip_equal(op->getOperands(), step.getResults()))
      if (gradient)
        add(operand, *gradient);
    countMade(8); // about as many as a rule makes
  }
  SmallVector<Value> results;
  for (Value operand : ArrayRef<Value>(node.operands).take_front(count))
    results.push_back(gradients.contains(operand) ? gradients.lookup(operand).value : filledLike(operand, 0).value);
  return finish(node, results);
}

void onnxc::onnx::registerGradientOps(OnnxDialect &dialect) {
  dialect.addUpgrade("Gradient", /*below=*/std::numeric_limits<int64_t>::max(), expandGradient,
                     "ai.onnx.preview.training");
}
