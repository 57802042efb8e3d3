//===- dialects/onnx/ops/ATen.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ATen: a function of PyTorch, by its name, where an exporter found no operator of ONNX for it. Those that are made of
// such operators here are taken as PyTorch's documentation defines them (torch.nn.functional and torch.Tensor).
//
// Arguments come in two ways. What was exported as a fallback has them all as inputs in the order of the function's
// signature, numbers as constants and absent ones empty; an exporter's own rules write tensors as inputs, everything
// else as attributes with the names of the signature.
#include "dialects/onnx/ops/ATen.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Indexing.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Normalization.h"
#include "dialects/onnx/ops/Reduction.h"
#include "dialects/onnx/ops/Resize.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Upgrade.h"

using namespace mlir;
using namespace onnxc::onnx;

using Numbers = SmallVector<double>;

//===- Arguments ------------------------------------------------------------------------------===//

/// The numbers of argument `name`, which is an attribute or input `i`. None where it is absent; failure, after an
/// error, where it is not known.
static FailureOr<std::optional<Numbers>> takeNumbers(NodeForm &node, unsigned i, StringRef name) {
  Attribute given = node.take(name);
  if (auto number = dyn_cast_or_null<FloatAttr>(given))
    return std::optional(Numbers{number.getValueAsDouble()});
  if (auto number = dyn_cast_or_null<IntegerAttr>(given))
    return std::optional(Numbers{number.getValue().signedRoundToDouble()});
  if (auto list = dyn_cast_or_null<DenseI64ArrayAttr>(given))
    return std::optional(Numbers(list.asArrayRef()));
  if (auto list = dyn_cast_or_null<DenseF32ArrayAttr>(given))
    return std::optional(Numbers(list.asArrayRef()));
  Value operand = given ? Value() : node.operand(i);
  if (!operand)
    return std::optional<Numbers>();
  if (auto numbers = getConstantFloats(operand))
    return std::optional(*numbers);
  if (auto numbers = getConstantInts(operand))
    return std::optional(Numbers(numbers->begin(), numbers->end()));
  return node.error() << "the argument '" << name << "' must be known when the model is compiled";
}

static FailureOr<double> takeNumber(NodeForm &node, unsigned i, StringRef name, std::optional<double> otherwise = {}) {
  auto numbers = takeNumbers(node, i, name);
  if (failed(numbers))
    return failure();
  if (*numbers && (*numbers)->size() == 1)
    return (*numbers)->front();
  if (*numbers || !otherwise)
    return node.error() << "the argument '" << name << "' must be one number";
  return *otherwise;
}

/// A number that is an index or a size.
static FailureOr<int64_t> takeIndex(NodeForm &node, unsigned i, StringRef name, std::optional<double> otherwise = {}) {
  auto number = takeNumber(node, i, name, otherwise);
  if (failed(number))
    return failure();
  if (!(std::abs(*number) < 1e15) || *number != std::floor(*number))
    return node.error() << "the argument '" << name << "' must be an integer";
  return static_cast<int64_t>(*number);
}

/// An axis, counted from the front.
static FailureOr<int64_t> takeAxis(NodeForm &node, unsigned i, StringRef name, int64_t rank) {
  auto axis = takeIndex(node, i, name);
  if (failed(axis))
    return failure();
  if (*axis < -rank || *axis >= rank)
    return node.error() << "axis " << *axis << " is out of range for rank " << rank;
  return *axis < 0 ? *axis + rank : *axis;
}

static Value toInt64(NodeForm &node, Value value) { return castTo(node, value, node.b.getI64Type()); }

/// Sizes of the dimensions [start, end) of a value.
static Value sizesOf(NodeForm &node, Value value, int64_t start, int64_t end) {
  return build<ShapeOp>(node, value, {intAttr(node, "start", start), intAttr(node, "end", end)});
}

static Value transpose(NodeForm &node, Value value, ArrayRef<int64_t> order) {
  return llvm::is_sorted(order) ? value : build<TransposeOp>(node, value, intsAttr(node, "perm", order));
}

static Value concatenate(NodeForm &node, ArrayRef<Value> values, int64_t axis) {
  return values.size() == 1 ? values[0] : build<ConcatOp>(node, values, intAttr(node, "axis", axis));
}

static SmallVector<int64_t> rangeOf(int64_t from, int64_t to) { return llvm::to_vector(llvm::seq(from, to)); }

//===- Embeddings and indices ---------------------------------------------------------------===//

/// embedding(weight, indices, padding_idx, scale_grad_by_freq, sparse)
static LogicalResult expandEmbedding(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  node.ignore({"padding_idx", "scale_grad_by_freq", "sparse"}); // which are about gradients
  return finish(node, build<GatherOp>(node, {node.operand(0), node.operand(1)}));
}

/// embedding_bag(weight, indices, offsets, scale_grad_by_freq, mode, sparse, per_sample_weights, include_last_offset,
/// padding_idx): sum, mean or maximum (mode 0, 1, 2) of the rows of each bag. Indices are a vector, and offsets say
/// where each bag of them begins; or a matrix whose rows are the bags. Results: that, the bag of each index, sizes of
/// the bags, and where the largest elements come from.
static LogicalResult expandEmbeddingBag(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  auto mode = takeIndex(node, 4, "mode", 0), hasEnd = takeIndex(node, 7, "include_last_offset", 0);
  auto padding = takeIndex(node, 8, "padding_idx", -1);
  if (failed(mode) || failed(hasEnd) || failed(padding))
    return failure();
  if (*mode < 0 || *mode > 2 || *padding >= 0)
    return node.error() << "embedding_bag: a mode other than 0 to 2, or a padding_idx, is not supported";
  node.ignore({"scale_grad_by_freq", "sparse"}); // which are about gradients
  Value weight = node.operand(0), indices = toInt64(node, node.operand(1)), offsets = toInt64(node, node.operand(2));
  Value factors = node.operand(6);
  if (!indices || getDims(weight).size() != 2)
    return node.error() << "embedding_bag: the weight must be a matrix";
  if (factors && *mode != 0)
    return node.error() << "embedding_bag: weights of the samples need mode 0, a sum";
  Type i64 = node.b.getI64Type(), type = getElementTypeOrSelf(weight);
  Value bags; // how many
  if (getDims(indices).size() == 2) {
    Value length = sizesOf(node, indices, 1, 2);
    bags = sizesOf(node, indices, 0, 1);
    offsets = build<MulOp>(node, {countTo(node, bags), length});
    indices = reshape(node, indices, {-1});
    factors = reshape(node, factors, {-1});
  } else if (!offsets) {
    return node.error() << "embedding_bag: indices of rank 1 need offsets";
  } else if (*hasEnd) {
    offsets = build<SliceOp>(node, {offsets, node.constant(0), node.constant(-1), absent(node), absent(node)});
  }
  bags = bags ? bags : offsets ? sizesOf(node, offsets, 0, 1) : Value();
  // An index is in the last bag that begins at it or before.
  Value place = unsqueeze(node, countTo(node, sizesOf(node, indices, 0, 1)), {1});
  Value begins = build<LessOrEqualOp>(node, {unsqueeze(node, offsets, {0}), place});
  Value counts = build<ReduceSumOp>(node, {castTo(node, begins, i64), node.constant(1)}, intAttr(node, "keepdims", 0));
  Value bag = build<SubOp>(node, {counts, node.scalar(1, i64)}), bagColumn = unsqueeze(node, bag, {1});
  Value rows = build<GatherOp>(node, {weight, indices});
  if (factors)
    rows = build<MulOp>(node, {rows, unsqueeze(node, factors, {1})});
  auto combine = [&](double start, Type element, Value sizes, Value updates, StringRef reduction) {
    Value data = build<ExpandOp>(node, {node.scalar(start, element), sizes});
    return build<ScatterNDOp>(node, {data, bagColumn, updates},
                              node.b.getNamedAttr("reduction", node.b.getStringAttr(reduction)));
  };
  Value width = sizesOf(node, weight, 1, 2), sizes = bags && width ? concatenate(node, {bags, width}, 0) : Value();
  Value ones = build<ExpandOp>(node, {node.scalar(1, i64), sizesOf(node, indices, 0, 1)});
  Value bagSizes = combine(0, i64, bags, ones, "add");
  Value isEmpty = unsqueeze(node, build<EqualOp>(node, {bagSizes, node.scalar(0, i64)}), {1});
  Value zero = node.scalar(0, type), result, largest = bagSizes;
  if (*mode == 2) {
    result = combine(-std::numeric_limits<double>::infinity(), type, sizes, rows, "max");
    if (node.resultCount > 3) { // the first of the bag's indices whose row has it
      Value isLargest = build<EqualOp>(node, {rows, build<GatherOp>(node, {result, bag})});
      constexpr double beyond = 0x1p62;
      Value candidates = build<WhereOp>(node, {isLargest, place, node.scalar(beyond, i64)});
      Value from = combine(beyond, i64, sizes, candidates, "min");
      Value index = build<GatherOp>(node, {indices, build<WhereOp>(node, {isEmpty, node.scalar(0, i64), from})});
      largest = build<WhereOp>(node, {isEmpty, node.scalar(-1, i64), index});
    }
    result = build<WhereOp>(node, {isEmpty, zero, result});
  } else {
    result = combine(0, type, sizes, rows, "add");
    if (*mode == 1) {
      Value divisor = build<MaxOp>(node, {castTo(node, bagSizes, type), node.scalar(1, type)});
      result = build<DivOp>(node, {result, unsqueeze(node, divisor, {1})});
    }
  }
  SmallVector<Value> results{result, bag, bagSizes, largest};
  results.truncate(std::clamp<size_t>(node.resultCount, 1, 4));
  return finish(node, results);
}

/// index(self, indices...): tensors of indices that broadcast with each other, each in the place of a dimension, as
/// numpy does it. What they select stands where these dimensions were when they are neighbours, else in front.
static LogicalResult expandIndex(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  Value self = node.operand(0);
  int64_t rank = getDims(self).size();
  SmallVector<int64_t> axes;
  SmallVector<Value> indices;
  for (int64_t axis = 0, n = node.operands.size() - 1; axis < n; ++axis) {
    Value index = node.operand(axis + 1);
    if (!index)
      continue;
    Type type = getElementTypeOrSelf(index);
    if (!type.isInteger() || type.isInteger(1) || axis >= rank)
      return node.error() << "index: truth values as indices, or more indices than dimensions, are not supported";
    axes.push_back(axis);
    indices.push_back(toInt64(node, index));
  }
  if (axes.empty())
    return finish(node, build<IdentityOp>(node, self));
  if (axes.size() == 1)
    return finish(node, build<GatherOp>(node, {self, indices[0]}, intAttr(node, "axis", axes[0])));
  Value sum = indices[0];
  for (Value index : ArrayRef(indices).drop_front())
    sum = build<AddOp>(node, {sum, index});
  if (!sum)
    return failure();
  Value shape = build<ShapeOp>(node, sum);
  SmallVector<Value> columns;
  for (Value index : indices)
    columns.push_back(unsqueeze(node, build<ExpandOp>(node, {index, shape}), {-1}));
  SmallVector<int64_t> order(axes);
  for (int64_t axis : rangeOf(0, rank))
    if (!llvm::is_contained(axes, axis))
      order.push_back(axis);
  Value taken = build<GatherNDOp>(node, {transpose(node, self, order), concatenate(node, columns, -1)});
  bool areNeighbours = axes.back() - axes.front() + 1 == static_cast<int64_t>(axes.size());
  if (!taken || !areNeighbours)
    return finish(node, taken);
  int64_t made = getDims(sum).size(), before = axes.front();
  SmallVector<int64_t> back = rangeOf(made, made + before);
  llvm::append_range(back, rangeOf(0, made));
  llvm::append_range(back, rangeOf(made + before, getDims(taken).size()));
  return finish(node, transpose(node, taken, back));
}

/// gather(self, dim, index, sparse_grad) and index_select(self, dim, index)
template <typename OpT> static LogicalResult expandGather(NodeForm &node) {
  if (failed(requireOperands(node, 2)))
    return failure();
  Value self = node.operand(0), index = node.operand(node.get("dim") ? 1 : 2);
  auto axis = takeAxis(node, 1, "dim", getDims(self).size());
  node.ignore({"sparse_grad"});
  if (failed(axis))
    return failure();
  return finish(node, build<OpT>(node, {self, index}, intAttr(node, "axis", *axis)));
}

/// unfold(self, dimension, size, step): windows of a dimension, whose elements are a new last one.
static LogicalResult expandUnfold(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  Value self = node.operand(0);
  int64_t rank = getDims(self).size();
  auto axis = takeAxis(node, 1, "dimension", rank);
  auto size = takeIndex(node, 2, "size"), step = takeIndex(node, 3, "step");
  if (failed(axis) || failed(size) || failed(step))
    return failure();
  if (*size < 0 || *step < 1)
    return node.error() << "unfold: size must not be negative, and step must be positive";
  Type i64 = node.b.getI64Type();
  Value limit =
      build<SubOp>(node, {reshape(node, sizesOf(node, self, *axis, *axis + 1), {}), node.scalar(*size - 1, i64)});
  Value starts = build<RangeOp>(node, {node.scalar(0, i64), limit, node.scalar(*step, i64)});
  Value offsets = node.constant(rangeOf(0, *size));
  Value places = build<AddOp>(node, {unsqueeze(node, starts, {1}), offsets});
  Value windows = build<GatherOp>(node, {self, places}, intAttr(node, "axis", *axis));
  SmallVector<int64_t> order = rangeOf(0, rank + 1);
  std::rotate(order.begin() + *axis + 1, order.begin() + *axis + 2, order.end());
  return finish(node, windows ? transpose(node, windows, order) : Value());
}

//===- Images -------------------------------------------------------------------------------===//

/// upsample_*(self, output_size, [align_corners,] scales...), where the overload `vec` has one list of scales.
static LogicalResult upsample(NodeForm &node, StringRef mode, unsigned spatial) {
  if (failed(requireOperands(node, 1)) || failed(getOperandType(node, 0)))
    return failure();
  Value x = node.operand(0);
  int64_t rank = getDims(x).size();
  if (rank != spatial + 2)
    return node.error() << "takes a tensor of rank " << spatial + 2 << ", not " << rank;
  bool isNearest = mode == "nearest", alignsCorners = false;
  unsigned next = 2;
  if (!isNearest) {
    auto aligns = takeIndex(node, next++, "align_corners", 0);
    if (failed(aligns))
      return failure();
    alignsCorners = *aligns != 0;
  }
  node.ignore({"scales", "scales_d", "scales_h", "scales_w"}); // what the sizes were made of
  Value sizes = toInt64(node, node.operand(1)), scales = absent(node);
  if (auto given = dyn_cast_or_null<DenseI64ArrayAttr>(node.take("output_size")))
    sizes = node.constant(given);
  if (!sizes) {
    auto factors = takeNumbers(node, next, "scale_factors");
    if (failed(factors))
      return failure();
    if (!*factors || (*factors)->size() != spatial)
      return node.error() << "needs output_size, or scale_factors of " << spatial << " numbers";
    auto type = RankedTensorType::get(spatial, node.b.getF32Type());
    scales = ConstantOp::create(node.b, type, makeElements(type, **factors));
    sizes = absent(node);
  }
  auto text = [&](StringRef name, StringRef value) { return node.b.getNamedAttr(name, node.b.getStringAttr(value)); };
  return finish(node, build<ResizeOp>(node, {x, absent(node), scales, sizes},
                                      {intsAttr(node, "axes", rangeOf(2, rank)), text("mode", mode),
                                       text("nearest_mode", "floor"),
                                       text("coordinate_transformation_mode", isNearest       ? "asymmetric"
                                                                              : alignsCorners ? "align_corners"
                                                                                              : "half_pixel")}));
}

/// adaptive_avg_pool*(self, output_size): element i of a dimension of n is the mean of elements floor(i n / size) to
/// ceil((i + 1) n / size): a product with a matrix.
static LogicalResult adaptiveAveragePool(NodeForm &node, unsigned spatial) {
  if (failed(requireOperands(node, 1)) || failed(getOperandType(node, 0)))
    return failure();
  auto wanted = takeNumbers(node, 1, "output_size");
  if (failed(wanted))
    return failure();
  Value x = node.operand(0);
  Type type = getElementTypeOrSelf(x);
  int64_t rank = getDims(x).size();
  if (!*wanted || (*wanted)->size() != spatial || rank <= spatial || !isa<FloatType>(type))
    return node.error() << "takes a tensor of floats, and output_size of " << spatial << " numbers";
  for (unsigned i = 0; i < spatial; ++i) {
    int64_t axis = rank - spatial + i, size = static_cast<int64_t>((**wanted)[i]);
    auto available = getConstant(getDims(x)[axis]);
    if (size == 1) {
      x = build<ReduceMeanOp>(node, {x, node.constant(axis)}, intAttr(node, "keepdims", 1));
    } else if (!available) {
      return node.error() << "dimension " << axis << " must be known when the model is compiled";
    } else if (size < 1 || size > 4096 || *available < 1 || *available > 65536) {
      return node.error() << "a mean of " << *available << " elements into " << size << " is not supported";
    } else if (size != *available) {
      std::vector<double> matrix(*available * size);
      for (int64_t k = 0; k < size; ++k) {
        int64_t from = k * *available / size, to = ((k + 1) * *available + size - 1) / size;
        for (int64_t j = from; j < to; ++j)
          matrix[j * size + k] = 1.0 / (to - from);
      }
      auto matrixType = RankedTensorType::get({*available, size}, type);
      Value weights = ConstantOp::create(node.b, matrixType, makeElements(matrixType, matrix));
      SmallVector<int64_t> order = rangeOf(0, rank);
      std::swap(order[axis], order.back());
      x = build<MatMulOp>(node, {transpose(node, x, order), weights});
      x = x ? transpose(node, x, order) : Value();
    }
    if (!x)
      return failure();
  }
  return finish(node, build<IdentityOp>(node, x));
}

//===- Normalisation and statistics -----------------------------------------------------------===//

/// layer_norm(input, normalized_shape, weight, bias, eps, cudnn_enable)
static LogicalResult expandLayerNorm(NodeForm &node) {
  if (failed(requireOperands(node, 1)) || failed(getOperandType(node, 0)))
    return failure();
  unsigned first = node.get("normalized_shape") ? 1 : 2; // where the tensors are
  auto shape = takeNumbers(node, 1, "normalized_shape");
  node.ignore({"cudnn_enable"});
  auto epsilon = takeNumber(node, 4, "eps", 1e-5);
  if (failed(shape) || failed(epsilon))
    return failure();
  Value x = node.operand(0), weight = node.operand(first), bias = node.operand(first + 1);
  int64_t rank = getDims(x).size(), count = *shape ? (*shape)->size() : 0;
  if (count < 1 || count > rank)
    return node.error() << "layer_norm: normalized_shape must name 1 to " << rank << " dimensions";
  if (!weight)
    weight = build<ExpandOp>(node, {node.scalar(1, getElementTypeOrSelf(x)), sizesOf(node, x, rank - count, rank)});
  return finish(node,
                build<LayerNormalizationOp>(node, {x, weight, orAbsent(node, bias)},
                                            {intAttr(node, "axis", -count), floatAttr(node, "epsilon", *epsilon)}));
}

/// group_norm(input, num_groups, weight, bias, eps, cudnn_enabled)
static LogicalResult expandGroupNorm(NodeForm &node) {
  if (failed(requireOperands(node, 1)) || failed(getOperandType(node, 0)))
    return failure();
  unsigned first = node.get("num_groups") ? 1 : 2;
  auto groups = takeIndex(node, 1, "num_groups");
  node.ignore({"cudnn_enabled"});
  auto epsilon = takeNumber(node, 4, "eps", 1e-5);
  if (failed(groups) || failed(epsilon))
    return failure();
  Value x = node.operand(0), weight = node.operand(first), bias = node.operand(first + 1);
  auto everywhere = [&](double value) {
    return build<ExpandOp>(node, {node.scalar(value, getElementTypeOrSelf(x)), sizesOf(node, x, 1, 2)});
  };
  weight = weight ? weight : everywhere(1);
  bias = bias ? bias : everywhere(0);
  return finish(
      node, build<GroupNormalizationOp>(node, {x, weight, bias},
                                        {intAttr(node, "num_groups", *groups), floatAttr(node, "epsilon", *epsilon)}));
}

/// var(self, unbiased), var(self, dim, unbiased, keepdim), var(self, dim, correction, keepdim), and their roots: the
/// sum of the squared distances from the mean, divided by their number less the correction.
static LogicalResult expandVariance(NodeForm &node, bool isRoot) {
  if (failed(requireOperands(node, 1)) || failed(getOperandType(node, 0)))
    return failure();
  Value x = node.operand(0);
  Type type = getElementTypeOrSelf(x);
  int64_t rank = getDims(x).size();
  if (!isa<FloatType>(type))
    return node.error() << "takes floats";
  bool isTotal = !node.get("dim") && node.operands.size() < 3;
  auto dims = isTotal ? FailureOr<std::optional<Numbers>>(std::optional<Numbers>()) : takeNumbers(node, 1, "dim");
  unsigned at = isTotal ? 1 : 2;
  StringRef name = node.get("correction") ? "correction" : "unbiased";
  auto correction = takeNumber(node, at, name, 1);
  auto keeps = takeIndex(node, at + 1, "keepdim", 0);
  if (failed(dims) || failed(correction) || failed(keeps))
    return failure();
  SmallVector<int64_t> axes;
  for (double dim : dims->value_or(Numbers()))
    axes.push_back(static_cast<int64_t>(dim));
  if (axes.empty())
    axes = rangeOf(0, rank);
  for (int64_t &axis : axes) {
    if (axis < -rank || axis >= rank)
      return node.error() << "axis " << axis << " is out of range for rank " << rank;
    axis = axis < 0 ? axis + rank : axis;
  }
  Value which = node.constant(axes);
  Value centred = build<SubOp>(node, {x, build<ReduceMeanOp>(node, {x, which})});
  Value sum = build<ReduceSumSquareOp>(node, {centred, which}, intAttr(node, "keepdims", *keeps != 0));
  Value sizes = build<GatherOp>(node, {build<ShapeOp>(node, x), which});
  Value count = castTo(node, build<ReduceProdOp>(node, {sizes, absent(node)}, intAttr(node, "keepdims", 0)), type);
  Value divisor =
      build<MaxOp>(node, {build<SubOp>(node, {count, node.scalar(*correction, type)}), node.scalar(0, type)});
  Value variance = build<DivOp>(node, {sum, divisor});
  return finish(node, isRoot ? build<SqrtOp>(node, variance) : variance);
}

//===- Other functions --------------------------------------------------------------------------===//

static LogicalResult expandTriangle(NodeForm &node, bool isUpper) {
  if (failed(requireOperands(node, 1)))
    return failure();
  auto diagonal = takeIndex(node, 1, "diagonal", 0);
  if (failed(diagonal))
    return failure();
  Value k = reshape(node, node.constant(*diagonal), {});
  return finish(node, build<TriluOp>(node, {node.operand(0), k}, intAttr(node, "upper", isUpper)));
}

/// Of truth values, or of the bits of integers.
template <typename LogicOp, typename BitsOp> static LogicalResult expandBits(NodeForm &node) {
  unsigned count = LogicOp::getArity().operands;
  if (failed(requireOperands(node, count)))
    return failure();
  SmallVector<Value> operands(ArrayRef(node.operands).take_front(count));
  bool isLogic = getElementTypeOrSelf(operands[0]).isInteger(1);
  return finish(node, isLogic ? build<LogicOp>(node, operands) : build<BitsOp>(node, operands));
}

template <typename OpT> static LogicalResult expandUnary(NodeForm &node) {
  if (failed(requireOperands(node, 1)))
    return failure();
  return finish(node, build<OpT>(node, node.operand(0)));
}

using Expansion = LogicalResult (*)(NodeForm &);
static const std::pair<StringRef, Expansion> functions[] = {
    {"_adaptive_avg_pool2d", [](NodeForm &node) { return adaptiveAveragePool(node, 2); }},
    {"adaptive_avg_pool1d", [](NodeForm &node) { return adaptiveAveragePool(node, 1); }},
    {"adaptive_avg_pool2d", [](NodeForm &node) { return adaptiveAveragePool(node, 2); }},
    {"adaptive_avg_pool3d", [](NodeForm &node) { return adaptiveAveragePool(node, 3); }},
    {"bitwise_and", expandBits<AndOp, BitwiseAndOp>},
    {"bitwise_not", expandBits<NotOp, BitwiseNotOp>},
    {"bitwise_or", expandBits<OrOp, BitwiseOrOp>},
    {"bitwise_xor", expandBits<XorOp, BitwiseXorOp>},
    {"embedding", expandEmbedding},
    {"embedding_bag", expandEmbeddingBag},
    {"gather", expandGather<GatherElementsOp>},
    {"group_norm", expandGroupNorm},
    {"index", expandIndex},
    {"index_select", expandGather<GatherOp>},
    {"isnan", expandUnary<IsNaNOp>},
    {"layer_norm", expandLayerNorm},
    {"numpy_T", expandUnary<TransposeOp>},
    {"std", [](NodeForm &node) { return expandVariance(node, true); }},
    {"tril", [](NodeForm &node) { return expandTriangle(node, false); }},
    {"triu", [](NodeForm &node) { return expandTriangle(node, true); }},
    {"unfold", expandUnfold},
    {"upsample_bicubic2d", [](NodeForm &node) { return upsample(node, "cubic", 2); }},
    {"upsample_bilinear2d", [](NodeForm &node) { return upsample(node, "linear", 2); }},
    {"upsample_linear1d", [](NodeForm &node) { return upsample(node, "linear", 1); }},
    {"upsample_nearest1d", [](NodeForm &node) { return upsample(node, "nearest", 1); }},
    {"upsample_nearest2d", [](NodeForm &node) { return upsample(node, "nearest", 2); }},
    {"upsample_nearest3d", [](NodeForm &node) { return upsample(node, "nearest", 3); }},
    {"upsample_trilinear3d", [](NodeForm &node) { return upsample(node, "linear", 3); }},
    {"var", [](NodeForm &node) { return expandVariance(node, false); }},
};

/// The name is the attribute `operator`, or `name` ("aten::embedding") where onnxruntime's training wrote the node.
static LogicalResult expandATen(NodeForm &node) {
  auto given = dyn_cast_or_null<StringAttr>(node.take("operator"));
  if (!given)
    given = dyn_cast_or_null<StringAttr>(node.take("name"));
  node.take("overload_name");
  if (!given)
    return node.error() << "the attribute 'operator' must be given";
  StringRef name = given.getValue();
  name.consume_front("aten::");
  const auto *row = llvm::find_if(functions, [&](const auto &function) { return function.first == name; });
  if (row == std::end(functions))
    return node.error() << "the function '" << name << "' of PyTorch is not supported";
  emitWarning(node.b.getLoc()) << "ATen is no operator of ONNX; assumed: the function '" << name << "' of PyTorch";
  return row->second(node);
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/ATen.cpp.inc"

void onnxc::onnx::registerATenOps(OnnxDialect &dialect) {
  constexpr int64_t any = std::numeric_limits<int64_t>::max();
  for (StringRef domain : {"", "org.pytorch.aten", "org.pytorch._caffe2"})
    dialect.addUpgrade("ATen", any, expandATen, domain);
  for (StringRef domain : {"com.microsoft", "org.pytorch.aten"})
    dialect.addUpgrade("ATenOp", any, expandATen, domain);
}
