//===- dialects/onnx/ops/Gradient.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gradient (ai.onnx.preview.training): reverse-mode differentiation of the operations between tensors. A rule says how
// the gradient of an operation's result becomes that of its operands, in operations of the dialect, which have rules in
// their turn: so there are gradients of gradients. An operation without a rule is an error that names it.
#include "dialects/onnx/ops/Gradient.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Convolution.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
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
  Step(NodeForm &node, Operation *op, ArrayRef<Term> gradients, llvm::function_ref<bool(Value)> isWanted)
      : node(node), op(op), gradients(gradients), isWanted(isWanted), results(op->getNumOperands()) {}

  Operation *operator->() const { return op; }
  Term x(unsigned i) const { return {&node, op->getOperand(i)}; }
  Term y(unsigned i = 0) const { return {&node, op->getResult(i)}; }
  /// The gradient of result i.
  Term g(unsigned i = 0) const { return gradients[i]; }
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
  Term expandLike(Term value, Term like) const { return value.make<ExpandOp>(shape(like)); }

private:
  NodeForm &node;
  Operation *op;
  ArrayRef<Term> gradients;
  llvm::function_ref<bool(Value)> isWanted;
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

namespace {
/// How the windows of a convolution lie, and those of its derivatives.
struct Windows {
  SmallVector<int64_t> strides, dilations, pads;
  int64_t group;

  /// Reports what has no gradient.
  static std::optional<Windows> get(Step &s) {
    auto x = cast<RankedTensorType>(s->getOperand(0).getType()), w = cast<RankedTensorType>(s->getOperand(1).getType());
    auto y = cast<RankedTensorType>(s->getResult(0).getType());
    int64_t rank = x.getRank() - 2;
    auto list = [&](StringRef name, int64_t otherwise, size_t count) {
      auto given = s->getAttrOfType<DenseI64ArrayAttr>(name);
      return given ? llvm::to_vector(given.asArrayRef()) : SmallVector<int64_t>(count, otherwise);
    };
    auto autoPad = s->getAttrOfType<StringAttr>("auto_pad");
    for (RankedTensorType type : {x, w, y})
      if (!type.clone(type.getShape().drop_front(2)).hasStaticShape()) {
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
  ArrayRef<int64_t> sizes = cast<RankedTensorType>(w.value.getType()).getShape().drop_front(2);
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
    auto x = cast<RankedTensorType>(s->getOperand(0).getType()), w = cast<RankedTensorType>(s->getOperand(1).getType());
    auto y = cast<RankedTensorType>(s->getResult(0).getType());
    SmallVector<int64_t> more; // what the stride has left over
    for (int64_t i = 0, rank = x.getRank() - 2; i < rank; ++i)
      more.push_back(x.getDimSize(2 + i) + windows->pads[i] + windows->pads[rank + i] -
                     (w.getDimSize(2 + i) - 1) * windows->dilations[i] - 1 -
                     (y.getDimSize(2 + i) - 1) * windows->strides[i]);
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

/// The gradient of a reduction, with the dimensions of its operand. The axes must be known.
static std::optional<Term> restoreAxes(Step &s) {
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
  if (getInt(s, "keepdims").value_or(1))
    return s.g();
  return s.g().with(unsqueeze(s.form(), s.g().value, list));
}

static void differentiateReduceSum(Step &s) {
  if (auto g = restoreAxes(s))
    s.set(0, [&] { return s.expandLike(*g, s.x(0)); });
}

static void differentiateReduceMean(Step &s) {
  auto g = restoreAxes(s);
  if (!g)
    return;
  s.set(0, [&] {
    Type element = s.g().element();
    Term count = s.x(0).make<SizeOp>().as(element) / s.g().make<SizeOp>().as(element);
    return s.expandLike(*g / count, s.x(0));
  });
}

static void differentiateGlobalAveragePool(Step &s) {
  s.set(0, [&] {
    Type element = s.g().element();
    Term count = s.x(0).make<SizeOp>().as(element) / s.g().make<SizeOp>().as(element);
    return s.expandLike(s.g() / count, s.x(0));
  });
}

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

static void differentiateGather(Step &s) {
  if (getInt(s, "axis").value_or(0) != 0)
    return s.fail("along another axis than the first");
  s.set(0, [&] {
    Term zeros = s.expandLike(s.g().number(0), s.x(0));
    Term indices = s.x(1).as(s.form().b.getI64Type());
    indices = indices.with(unsqueeze(s.form(), indices.value, -1));
    OpBuilder &b = s.form().b;
    return zeros.make<ScatterNDOp>({indices, s.g()}, b.getNamedAttr("reduction", b.getStringAttr("add")));
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
    UNARY("Abs", s.x(0).make<SignOp>()),
    UNARY("Atan", 1 / (1 + s.x(0) * s.x(0))),
    UNARY("Cos", -s.x(0).make<SinOp>()),
    UNARY("Erf", (2 * llvm::numbers::inv_sqrtpi) * exp(-(s.x(0) * s.x(0)))),
    UNARY("Exp", s.y()),
    UNARY("Log", 1 / s.x(0)),
    UNARY("Reciprocal", -(s.y() * s.y())),
    UNARY("Sigmoid", s.y() * (1 - s.y())),
    UNARY("Sin", s.x(0).make<CosOp>()),
    UNARY("Softplus", sigmoid(s.x(0))),
    UNARY("Sqrt", 0.5 / s.y()),
    UNARY("Tanh", 1 - s.y() * s.y()),
    {"Concat", differentiateConcat},
    {"Conv", differentiateConv},
    {"ConvTranspose", differentiateConvTranspose},
    {"Expand", [](Step &s) { s.set(0, [&] { return s.g(); }); }},
    {"Flatten", differentiateReshape},
    {"Gather", differentiateGather},
    {"Gemm", differentiateGemm},
    {"GlobalAveragePool", differentiateGlobalAveragePool},
    {"LogSoftmax", differentiateLogSoftmax},
    {"MatMul", differentiateMatMul},
    {"Pad", differentiatePad},
    {"ReduceMean", differentiateReduceMean},
    {"ReduceSum", differentiateReduceSum},
    {"Reshape", differentiateReshape},
    {"Slice", differentiateSlice},
    {"Softmax", differentiateSoftmax},
    {"Split", differentiateSplit},
    {"Squeeze", differentiateReshape},
    {"Transpose", differentiateTranspose},
    {"Unsqueeze", differentiateReshape},
    // Steps, whose derivative is 0 where there is one.
    {"Ceil", [](Step &) {}},
    {"Floor", [](Step &) {}},
    {"Round", [](Step &) {}},
    {"Sign", [](Step &) {}},
};
#undef UNARY

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
    Step step(node, op, ofResults, [&](Value value) { return active.contains(value); });
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
