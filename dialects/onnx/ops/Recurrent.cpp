//===- dialects/onnx/ops/Recurrent.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recurrent layers. The input's part of the gates is one matrix product over all time steps and directions; the loop
// over time multiplies the state with R and computes the cell elementwise.
#include "dialects/onnx/ops/Recurrent.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/MatMul.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Quantization.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Indices.h"
#include "dialects/onnx/support/Weights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

namespace {
/// An activation with its parameters, and how it is written.
struct Activation {
  StringRef name;
  float alpha = 0, beta = 0;

  Value emit(ImplicitLocOpBuilder &b, Value x) const;
};

/// The activations that the specification lists, with defaults; which parameters they take from the lists.
struct ActivationKind {
  StringLiteral name;
  bool takesAlpha, takesBeta;
  float alpha, beta;
};
constexpr ActivationKind kActivations[] = {
    {"Relu", false, false, 0, 0},         {"Tanh", false, false, 0, 0},
    {"Sigmoid", false, false, 0, 0},      {"Affine", true, true, 1, 0},
    {"LeakyRelu", true, false, 0.01f, 0}, {"ThresholdedRelu", true, false, 1, 0},
    {"ScaledTanh", true, true, 1, 1},     {"HardSigmoid", true, true, 0.2f, 0.5f},
    {"Elu", true, false, 1, 0},           {"Softsign", false, false, 0, 0},
    {"Softplus", false, false, 0, 0},
};

/// Where the scale of W stands among the operands of a layer with integers for weights; its zero point and those of R
/// follow.
constexpr unsigned kParameters = 8;

/// Sizes and attributes that the three layers have in common.
struct Layer {
  int64_t gates, directions;
  bool batchFirst, reverse; ///< reverse: the first direction is the reverse one
  bool quantized;           ///< W and R are integers [directions, inputs, gates], and have scales and zero points
  AffineExpr time, batch, input, hidden;
  /// An operand's name, and the sizes that the specification gives it.
  struct Expected {
    StringRef name;
    Dims dims;
  };
  SmallVector<Expected> expected;
  SmallVector<Activation> activations; ///< those of the first direction, then those of the second
  std::optional<float> clip;

  static FailureOr<Layer> get(Operation *op, int64_t gates, ArrayRef<StringRef> defaults, bool quantized = false);

  /// [directions, batch, hidden], or [batch, directions, hidden].
  Dims stateDims() const;
  Dims outputDims() const;
  const Activation *activationsOf(int64_t direction) const {
    return &activations[direction * activations.size() / directions];
  }
};
} // namespace

static Value number(ImplicitLocOpBuilder &b, Type type, double value) {
  return arith::ConstantOp::create(b, cast<TypedAttr>(b.getFloatAttr(type, value)));
}

Value Activation::emit(ImplicitLocOpBuilder &b, Value x) const {
  Type type = x.getType();
  auto constant = [&](double value) { return number(b, type, value); };
  auto add = [&](Value l, Value r) -> Value { return arith::AddFOp::create(b, l, r); };
  auto mul = [&](Value l, Value r) -> Value { return arith::MulFOp::create(b, l, r); };
  auto positive = [&](double than) -> Value {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, constant(than));
  };
  auto select = [&](Value condition, Value l, Value r) -> Value { return arith::SelectOp::create(b, condition, l, r); };
  if (name == "Tanh")
    return math::TanhOp::create(b, x);
  if (name == "Sigmoid") {
    Value exp = math::ExpOp::create(b, arith::NegFOp::create(b, x));
    return arith::DivFOp::create(b, constant(1), add(constant(1), exp));
  }
  if (name == "Relu")
    return arith::MaximumFOp::create(b, x, constant(0));
  if (name == "Affine")
    return add(mul(constant(alpha), x), constant(beta));
  if (name == "LeakyRelu")
    return select(positive(0), x, mul(constant(alpha), x));
  if (name == "ThresholdedRelu")
    return select(positive(alpha), x, constant(0));
  if (name == "ScaledTanh")
    return mul(constant(alpha), math::TanhOp::create(b, mul(constant(beta), x)));
  if (name == "HardSigmoid") {
    Value line = add(mul(constant(alpha), x), constant(beta));
    return arith::MinimumFOp::create(b, arith::MaximumFOp::create(b, line, constant(0)), constant(1));
  }
  if (name == "Elu") // exp(x) - 1 loses digits near 0, expm1 does not
    return select(positive(0), x, mul(constant(alpha), math::ExpM1Op::create(b, x)));
  Value magnitude = math::AbsFOp::create(b, x);
  if (name == "Softsign")
    return arith::DivFOp::create(b, x, add(constant(1), magnitude));
  assert(name == "Softplus" && "the names were checked");
  // log(1 + exp(x)) without overflow: max(x, 0) + log1p(exp(-|x|))
  Value exp = math::ExpOp::create(b, arith::NegFOp::create(b, magnitude));
  return add(arith::MaximumFOp::create(b, x, constant(0)), math::Log1pOp::create(b, exp));
}

/// The activations of all directions, with parameters taken from the lists in order by those that have them.
static FailureOr<SmallVector<Activation>> getActivations(Operation *op, ArrayRef<StringRef> defaults,
                                                         int64_t directions) {
  SmallVector<StringRef> names;
  if (auto given = op->getAttrOfType<ArrayAttr>("activations"))
    for (Attribute name : given)
      names.push_back(cast<StringAttr>(name).getValue());
  else
    for (int64_t i = 0; i < directions; ++i)
      names.append(defaults.begin(), defaults.end());
  size_t expected = defaults.size() * directions;
  if (names.size() == 2 * expected && directions == 1) // RNN's default is written for two directions
    names.truncate(expected);
  if (names.size() != expected)
    return op->emitOpError("has ") << names.size() << " activations, expected " << expected;
  auto list = [&](StringRef name) {
    auto attribute = op->getAttrOfType<DenseF32ArrayAttr>(name);
    return attribute ? attribute.asArrayRef() : ArrayRef<float>();
  };
  ArrayRef<float> alphas = list("activation_alpha"), betas = list("activation_beta");
  auto take = [](ArrayRef<float> &list, float &value) {
    if (list.empty())
      return;
    value = list.front();
    list = list.drop_front();
  };
  SmallVector<Activation> activations;
  for (StringRef name : names) {
    auto kind = llvm::find_if(kActivations, [&](const ActivationKind &k) { return name.equals_insensitive(k.name); });
    if (kind == std::end(kActivations))
      return op->emitOpError("activation \"") << name << "\" is unknown";
    Activation activation{kind->name, kind->alpha, kind->beta};
    if (kind->takesAlpha)
      take(alphas, activation.alpha);
    if (kind->takesBeta)
      take(betas, activation.beta);
    activations.push_back(activation);
  }
  return activations;
}

FailureOr<Layer> Layer::get(Operation *op, int64_t gates, ArrayRef<StringRef> defaults, bool quantized) {
  Layer layer;
  layer.gates = gates;
  layer.quantized = quantized;
  auto direction = op->getAttrOfType<StringAttr>("direction");
  StringRef which = direction ? direction.getValue() : "forward";
  if (which != "forward" && which != "reverse" && which != "bidirectional")
    return op->emitOpError("direction \"") << which << "\" is none of forward, reverse and bidirectional";
  layer.directions = which == "bidirectional" ? 2 : 1;
  layer.reverse = which == "reverse";
  auto layout = op->getAttrOfType<IntegerAttr>("layout");
  layer.batchFirst = layout && layout.getSInt() != 0;
  auto type = [&](unsigned i) {
    return i < op->getNumOperands() ? dyn_cast<RankedTensorType>(op->getOperand(i).getType()) : RankedTensorType();
  };
  for (unsigned i = 0; i < 3; ++i)
    if (type(i).getRank() != 3)
      return op->emitOpError("X, W and R must have rank 3, ") << "XWR"[i] << " has " << type(i).getRank();
  Dims x = getDims(type(0));
  layer.time = x[layer.batchFirst ? 1 : 0];
  layer.batch = x[layer.batchFirst ? 0 : 1];
  layer.input = x[2];
  if (!getConstant(layer.input)) // then the weights may know
    layer.input = getDims(type(1))[quantized ? 1 : 2];
  x[2] = layer.input;
  layer.hidden = getDims(type(2))[quantized ? 1 : 2];
  if (auto size = op->getAttrOfType<IntegerAttr>("hidden_size")) {
    if (auto known = getConstant(layer.hidden); known && size.getSInt() != *known)
      return op->emitOpError("hidden_size is ") << size.getSInt() << ", the weights R are for " << *known;
    if (size.getSInt() < 0 || size.getSInt() > std::numeric_limits<int32_t>::max())
      return op->emitOpError("hidden_size ") << size.getSInt() << " is no size";
    layer.hidden = makeDim(op->getContext(), size.getSInt());
  }
  // Every operand has the sizes that the specification gives it.
  AffineExpr directions = makeDim(op->getContext(), layer.directions), rows = layer.hidden * gates;
  auto weights = [&](AffineExpr inputs) {
    return quantized ? Dims{directions, inputs, rows} : Dims{directions, rows, inputs};
  };
  layer.expected = {{"X", x},
                    {"W", weights(layer.input)},
                    {"R", weights(layer.hidden)},
                    {"B", {directions, rows * 2}},
                    {"sequence_lens", {layer.batch}},
                    {"initial_h", layer.stateDims()},
                    {"initial_c", layer.stateDims()},
                    {"P", {directions, layer.hidden * 3}}};
  for (auto [i, want] : llvm::enumerate(layer.expected)) {
    if (!type(i))
      continue;
    Dims have = getDims(type(i));
    bool fits = have.size() == want.dims.size();
    for (size_t d = 0; fits && d < have.size(); ++d)
      fits = !getConstant(have[d]) || !getConstant(want.dims[d]) || have[d] == want.dims[d];
    if (!fits)
      return op->emitOpError() << want.name << " has type " << withoutEncoding(type(i)) << ", expected the sizes "
                               << withoutEncoding(makeTensor(want.dims, type(i).getElementType()));
  }
  auto activations = getActivations(op, defaults, layer.directions);
  if (failed(activations))
    return failure();
  layer.activations = *activations;
  if (auto clip = op->getAttrOfType<FloatAttr>("clip"))
    layer.clip = clip.getValueAsDouble();
  return layer;
}

Dims Layer::stateDims() const {
  AffineExpr d = makeDim(batch.getContext(), directions);
  return batchFirst ? Dims{batch, d, hidden} : Dims{d, batch, hidden};
}

Dims Layer::outputDims() const {
  AffineExpr d = makeDim(batch.getContext(), directions);
  return batchFirst ? Dims{batch, time, d, hidden} : Dims{time, d, batch, hidden};
}

static LogicalResult infer(Operation *op, const FailureOr<Layer> &layer, SmallVectorImpl<Type> &types) {
  if (failed(layer))
    return failure();
  for (unsigned i = 0; i < std::min<size_t>(layer->expected.size(), op->getNumOperands()); ++i) {
    const Layer::Expected &want = layer->expected[i];
    auto sizes = llvm::map_to_vector(want.dims, [](AffineExpr dim) { return getConstant(dim).value_or(-1); });
    if (failed(assumeSizes(op, i, sizes, want.name)))
      return failure();
  }
  Type element = getElementTypeOrSelf(op->getOperand(0).getType());
  types.push_back(makeTensor(layer->outputDims(), element));
  for (unsigned i = 1; i < op->getNumResults(); ++i)
    types.push_back(makeTensor(layer->stateDims(), element));
  return success();
}

namespace {
/// Lowers one layer. What happens in a time step is the cell's: see the operators below.
class RecurrentLowering {
public:
  RecurrentLowering(Operation *op, const Layer &layer, LoweringBuilder &b, ValueRange operands)
      : op(op), layer(layer), b(b), operands(operands) {
    element = getLowered(op, operands, 0).element();
    accumulator = accumulatorType(element);
    state = makeTensor({layer.batch, layer.hidden}, accumulator);
  }

  /// What a cell gets in one step of one direction.
  struct Step {
    int64_t direction;
    const Activation *activations;
    Lowered projected;           ///< [batch, gates * hidden]: X * W + what of B is linear
    SmallVector<Lowered> states; ///< [batch, hidden] each, the first is H
  };
  /// Emits the new states.
  using Cell = llvm::function_ref<SmallVector<Value>(Step &)>;

  /// The results of the operation; `states` 1 (H) or 2 (H and C). The bias of the last gate's R is left to the cell
  /// when `separateBias`.
  SmallVector<Value> lower(unsigned states, bool separateBias, Cell cell);

  /// x[batch, hidden] * R for the gates [from, to) of a direction: [batch, (to - from) * hidden].
  Lowered multiplyWithR(Lowered x, int64_t direction, int64_t from, int64_t to);
  /// Gate `gate` of [batch, n * hidden] as [batch, hidden].
  Lowered gate(Lowered values, int64_t gate);
  /// Part `part` of hidden elements of row `direction` of operand `i` ([directions, n * hidden]), null if it is absent.
  Lowered vector(unsigned i, int64_t direction, int64_t part);
  /// One linalg.generic over [batch, hidden] that overwrites `states` with what `body` makes of the elements of
  /// `inputs` ([batch, hidden], or [hidden] vectors). Rows that have ended keep their state.
  SmallVector<Value> update(ArrayRef<Lowered> inputs, ArrayRef<Lowered> states,
                            llvm::function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, ValueRange)> body);
  /// The same for a new value.
  Lowered compute(ArrayRef<Lowered> inputs, ElementBody body);

  /// An activation of a clipped value.
  Value activate(ImplicitLocOpBuilder &b, const Activation &activation, Value x) const {
    if (layer.clip) {
      x = arith::MaximumFOp::create(b, x, number(b, accumulator, -*layer.clip));
      x = arith::MinimumFOp::create(b, x, number(b, accumulator, *layer.clip));
    }
    return activation.emit(b, x);
  }

private:
  Lowered project(bool separateBias);
  /// x [m, inputs] * W or R (operand 1 or 2) of a direction where they are integers: [m, gates * hidden].
  Lowered multiplyQuantized(Lowered x, unsigned operand, int64_t direction);
  Lowered initialState(unsigned operand, int64_t direction);
  AffineMap mapFor(Lowered value) {
    return value.rank() == 2 ? b.getMultiDimIdentityMap(2)
                             : AffineMap::get(2, 0, b.getAffineDimExpr(1), b.getContext());
  }
  /// What is `n` times the hidden size.
  OpFoldResult offset(int64_t n) { return b.materialize(layer.hidden * n); }
  /// Where direction `d` of a state or (with a time) of the output is.
  SmallVector<OpFoldResult> place(int64_t d, OpFoldResult time = {}) {
    OpFoldResult zero = b.getIndexAttr(0), at = b.getIndexAttr(d);
    if (time)
      return layer.batchFirst ? SmallVector<OpFoldResult>{zero, time, at, zero}
                              : SmallVector<OpFoldResult>{time, at, zero, zero};
    return layer.batchFirst ? SmallVector<OpFoldResult>{zero, at, zero} : SmallVector<OpFoldResult>{at, zero, zero};
  }
  /// `whole` with `part` ([batch, hidden]) inserted at `offsets`.
  Value insert(Value part, Value whole, ArrayRef<OpFoldResult> offsets);

  Operation *op;
  const Layer &layer;
  LoweringBuilder &b;
  ValueRange operands;
  Type element, accumulator;
  RankedTensorType state;
  Value active; ///< inside the loop, with sequence_lens: the present time as i32
};
} // namespace

/// [n, k] (rows of W or R) as constant [k, n], for linalg.matmul; null when it is no constant.
static Lowered transposeConstant(LoweringBuilder &b, Lowered w) {
  if (getLargeConstant(w.value))
    return transpose(b, w, {1, 0});
  ArrayRef<int64_t> shape = w.type.getShape();
  SmallVector<int64_t> sizes{shape[1], shape[0]};
  return rearrangeConstant(b, w, sizes, sizes,
                           [&](ArrayRef<int64_t> i) { return std::optional(i[1] * shape[1] + i[0]); });
}

/// x [m, k] * transposed w [n, k].
static Lowered multiplyTransposed(LoweringBuilder &b, Lowered x, Lowered w, Type accumulator) {
  Dims dims{x.dims()[0], w.dims()[0]};
  if (Lowered constant = transposeConstant(b, w))
    return matmul(b, x, constant, dims, accumulator);
  AffineExpr m = b.getAffineDimExpr(0), n = b.getAffineDimExpr(1), k = b.getAffineDimExpr(2);
  auto map = [&](AffineExpr i, AffineExpr j) { return AffineMap::get(3, 0, {i, j}, b.getContext()); };
  return contract(b, x, map(m, k), w, map(n, k), dims, map(m, n), accumulator);
}

Lowered RecurrentLowering::vector(unsigned i, int64_t direction, int64_t part) {
  Lowered value = getLowered(op, operands, i);
  if (!value)
    return {};
  AffineExpr size = layer.hidden;
  return slice(b, value, {b.getIndexAttr(direction), offset(part)}, {makeDim(b.getContext(), 1), size}, {size});
}

/// X * W for all time steps, gates and directions plus the biases: [time, batch, directions * gates * hidden], or with
/// the batch first.
Lowered RecurrentLowering::project(bool separateBias) {
  MLIRContext *context = b.getContext();
  Lowered x = getLowered(op, operands, 0), w = getLowered(op, operands, 1), bias = getLowered(op, operands, 3);
  AffineExpr columns = layer.hidden * (layer.directions * layer.gates);
  Dims dims = x.dims();
  x = reshape(b, x, {product(context, {dims[0], dims[1]}), dims[2]});
  Lowered y;
  if (layer.quantized) {
    SmallVector<Value> parts;
    for (int64_t direction = 0; direction < layer.directions; ++direction) {
      y = multiplyQuantized(x, 1, direction);
      parts.push_back(b.lift(y.value, y.type));
    }
    if (parts.size() > 1) {
      auto axis = b.getNamedAttr("axis", b.getIntegerAttr(b.getIntegerType(64, /*isSigned=*/true), 1));
      Value all = make<ConcatOp>(b, parts, axis).getConcatResult();
      y = {b.lower(all), cast<RankedTensorType>(all.getType())};
    }
  } else {
    w = reshape(b, w, {columns, layer.input});
    y = multiplyTransposed(b, x, w, accumulator);
  }
  if (bias) {
    // B is [Wb, Rb] for every direction: the sum of both, [directions, gates * hidden].
    AffineExpr rows = layer.hidden * layer.gates;
    Dims part{makeDim(context, layer.directions), rows};
    Lowered ofW = slice(b, bias, {b.getIndexAttr(0), b.getIndexAttr(0)}, part, part);
    Lowered ofR = slice(b, bias, {b.getIndexAttr(0), b.materialize(rows)}, part, part);
    Value shared = separateBias ? b.materializeIndex(layer.hidden * (layer.gates - 1)) : Value();
    RankedTensorType type = makeTensor(part, accumulator);
    Value sum = b.elementwise(type, ValueRange{ofW.value, ofR.value}, TypeRange{ofW.type, ofR.type},
                              [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                                Value w = convertScalar(b, args[0], element, accumulator);
                                Value r = convertScalar(b, args[1], element, accumulator);
                                if (shared) {
                                  Value column = linalg::IndexOp::create(b, 1);
                                  Value isShared = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column, shared);
                                  r = arith::SelectOp::create(b, isShared, r, number(b, accumulator, 0));
                                }
                                return arith::AddFOp::create(b, w, r);
                              });
    Lowered row = reshape(b, Lowered{sum, type}, {columns});
    y.value = b.elementwise(
        y.type, ValueRange{y.value, row.value}, TypeRange{y.type, row.type},
        [](ImplicitLocOpBuilder &b, ValueRange args) -> Value { return arith::AddFOp::create(b, args[0], args[1]); });
  }
  return reshape(b, y, {dims[0], dims[1], columns});
}

Lowered RecurrentLowering::initialState(unsigned operand, int64_t direction) {
  Lowered given = operand < operands.size() ? getLowered(op, operands, operand) : Lowered();
  if (!given)
    return {b.filled(state, b.constant(accumulator, 0)), state};
  Dims sizes = layer.stateDims();
  sizes[layer.batchFirst ? 1 : 0] = makeDim(b.getContext(), 1);
  return convert(b, slice(b, given, place(direction), sizes, getDims(state)), accumulator);
}

/// As onnxruntime has it: x is rounded to unsigned 8 bits, with one scale and zero point for all that is in it
/// (DynamicQuantizeLinear), so that the product is one of integers. Rows that
/// have ended count with their last state.
Lowered RecurrentLowering::multiplyQuantized(Lowered x, unsigned operand, int64_t direction) {
  AffineExpr unit = makeDim(b.getContext(), 1);
  // The part for this direction of an operand [directions, ...] that has the columns of the gates last, if several.
  auto get = [&](unsigned i) {
    Lowered whole = getLowered(op, operands, i);
    SmallVector<OpFoldResult> offsets(whole.rank(), b.getIndexAttr(0));
    offsets[0] = b.getIndexAttr(direction);
    Dims sizes = whole.dims();
    sizes[0] = unit;
    if (sizes.size() > 1)
      sizes.back() = layer.hidden * layer.gates;
    return slice(b, whole, offsets, sizes, ArrayRef<AffineExpr>(sizes).drop_front());
  };
  unsigned parameters = kParameters + 2 * (operand - 1);
  Lowered w = get(operand), scale = get(parameters), zero = get(parameters + 1);
  Type f32 = b.getF32Type();
  RankedTensorType scalar = makeTensor(Dims{}, f32);
  // The range is that of x and 0.
  Value none = b.constant(f32, 0);
  Value high = b.reduce(x.value, x.type, {0, 1}, none, [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
    return arith::MaximumFOp::create(b, args[0], args[1]);
  });
  Value low = b.reduce(x.value, x.type, {0, 1}, none, [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
    return arith::MinimumFOp::create(b, args[0], args[1]);
  });
  Value step = b.elementwise(
      scalar, ValueRange{high, low}, TypeRange{scalar, scalar}, [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
        Value range = arith::SubFOp::create(b, args[0], args[1]);
        Value any = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, range, number(b, f32, 0));
        Value each = arith::DivFOp::create(b, range, number(b, f32, 255));
        return arith::SelectOp::create(b, any, each, number(b, f32, 1));
      });
  Value below =
      b.elementwise(scalar, ValueRange{low}, TypeRange{scalar}, [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
        return arith::NegFOp::create(b, args[0]);
      });
  Value steps = b.lift(step, scalar), absent = NoneOp::create(b, b.getNoneType());
  Value zeros = make<QuantizeLinearOp>(b, {b.lift(below, scalar), steps, absent}).getY();
  Value rounded = make<QuantizeLinearOp>(b, {b.lift(x.value, x.type), steps, zeros}).getY();
  Value product =
      make<MatMulIntegerOp>(b, {rounded, b.lift(w.value, w.type), zeros, b.lift(zero.value, zero.type)}).getY();
  RankedTensorType type = makeTensor({x.dims()[0], w.dims()[1]}, f32);
  AffineMap all = b.getMultiDimIdentityMap(2), one = AffineMap::get(2, 0, b.getContext());
  AffineMap byColumn = AffineMap::get(2, 0, b.getAffineDimExpr(1), b.getContext());
  SmallVector<AffineMap> maps{all, one, scale.rank() == 0 ? one : byColumn};
  return {b.elementwise(type, ValueRange{b.lower(product), step, scale.value}, maps,
                        [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                          Value sum = arith::SIToFPOp::create(b, f32, args[0]);
                          return arith::MulFOp::create(b, sum, arith::MulFOp::create(b, args[1], args[2]));
                        }),
          type};
}

Lowered RecurrentLowering::multiplyWithR(Lowered x, int64_t direction, int64_t from, int64_t to) {
  if (layer.quantized) {
    assert(from == 0 && to == layer.gates && "only LSTM has integers, which takes all gates at once");
    return multiplyQuantized(x, 2, direction);
  }
  MLIRContext *context = b.getContext();
  AffineExpr rows = layer.hidden * (to - from), columns = layer.hidden;
  Lowered r = slice(b, getLowered(op, operands, 2), {b.getIndexAttr(direction), offset(from), b.getIndexAttr(0)},
                    {makeDim(context, 1), rows, columns}, {rows, columns});
  return multiplyTransposed(b, x, r, accumulator);
}

Lowered RecurrentLowering::gate(Lowered values, int64_t gate) {
  Dims dims = getDims(state);
  if (values.dims() == dims)
    return values;
  return slice(b, values, {b.getIndexAttr(0), offset(gate)}, dims, dims);
}

SmallVector<Value>
RecurrentLowering::update(ArrayRef<Lowered> inputs, ArrayRef<Lowered> states,
                          llvm::function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, ValueRange)> body) {
  // The old states are read as inputs and written as outputs: in place, since each element depends on itself.
  SmallVector<Value> ins, outs;
  SmallVector<AffineMap> maps;
  SmallVector<Type> types;
  for (Lowered value : llvm::concat<const Lowered>(inputs, states)) {
    ins.push_back(value.value);
    maps.push_back(mapFor(value));
  }
  Lowered lengths = getLowered(op, operands, 4);
  if (lengths) {
    ins.push_back(lengths.value);
    maps.push_back(AffineMap::get(2, 0, b.getAffineDimExpr(0), b.getContext()));
  }
  for (Lowered value : states) {
    outs.push_back(value.value);
    types.push_back(value.value.getType());
    maps.push_back(b.getMultiDimIdentityMap(2));
  }
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, types, ins, outs, maps, iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder b(loc, nested);
        size_t given = inputs.size() + states.size();
        SmallVector<Value> elements =
            llvm::map_to_vector(llvm::zip(args.take_front(inputs.size()), inputs), [&](auto pair) {
              return convertScalar(b, std::get<0>(pair), std::get<1>(pair).element(), accumulator);
            });
        llvm::append_range(elements, args.slice(inputs.size(), states.size()));
        SmallVector<Value> results = body(b, elements);
        if (lengths) {
          Value runs = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, active, args[given]);
          for (auto [i, result] : llvm::enumerate(results))
            result = arith::SelectOp::create(b, runs, result, args[inputs.size() + i]);
        }
        linalg::YieldOp::create(b, results);
      });
  return llvm::to_vector_of<Value>(generic.getResults());
}

Lowered RecurrentLowering::compute(ArrayRef<Lowered> inputs, ElementBody body) {
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  for (Lowered value : inputs) {
    values.push_back(value.value);
    maps.push_back(mapFor(value));
  }
  return {b.elementwise(state, values, maps, body), state};
}

Value RecurrentLowering::insert(Value part, Value whole, ArrayRef<OpFoldResult> offsets) {
  Dims sizes(offsets.size(), makeDim(b.getContext(), 1));
  sizes[layer.batchFirst ? 0 : offsets.size() - 2] = layer.batch;
  sizes.back() = layer.hidden;
  SmallVector<OpFoldResult> ones(offsets.size(), b.getIndexAttr(1));
  return tensor::InsertSliceOp::create(b, part, whole, offsets, b.materialize(sizes), ones);
}

SmallVector<Value> RecurrentLowering::lower(unsigned states, bool separateBias, Cell cell) {
  MLIRContext *context = b.getContext();
  if (getConstant(layer.hidden) == 0 || getConstant(layer.batch) == 0) // there is nothing to compute
    return llvm::map_to_vector(op->getResults().take_front(1 + states),
                               [&](Value result) { return result.use_empty() ? Value() : b.empty(result.getType()); });
  for (auto [i, want] : llvm::enumerate(layer.expected))
    if (i < operands.size() && operands[i])
      for (auto [have, dim] : llvm::zip_equal(getDims(op->getOperand(i)), want.dims))
        b.requireEqual(have, dim, op->getName().stripDialect() + ": " + want.name + " does not fit X");
  for (unsigned i = kParameters; layer.quantized && i < operands.size(); ++i) {
    Dims have = getDims(op->getOperand(i)), want{makeDim(context, layer.directions), layer.hidden * layer.gates};
    for (auto [own, dim] : llvm::zip(have, want))
      b.requireEqual(own, dim, op->getName().stripDialect() + ": a scale or zero point does not fit W and R");
  }
  Lowered projected = project(separateBias), lengths = getLowered(op, operands, 4);
  bool wantsOutput = !op->getResult(0).use_empty();
  Value output = wantsOutput ? b.empty(op->getResult(0).getType()) : Value();
  SmallVector<Value> finals;
  for (unsigned s = 0; s < states; ++s)
    finals.push_back(op->getResult(1 + s).use_empty() ? Value() : b.empty(op->getResult(1 + s).getType()));
  Value zero = b.index(0), one = b.index(1), steps = b.materializeIndex(layer.time);
  if (lengths)
    requireInRange(b, lengths.value, zero, steps, op->getName().stripDialect() + ": length of a sequence out of range");
  for (int64_t direction = 0; direction < layer.directions; ++direction) {
    bool backwards = layer.reverse || direction == 1;
    SmallVector<Value> carried;
    for (unsigned s = 0; s < states; ++s) // initial_h and initial_c
      carried.push_back(initialState(5 + s, direction).value);
    if (wantsOutput)
      carried.push_back(output);
    auto loop = scf::ForOp::create(b, zero, steps, one, carried);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value time = loop.getInductionVar();
      if (backwards)
        time = arith::SubIOp::create(b, arith::SubIOp::create(b, steps, one), time);
      if (lengths)
        active = arith::IndexCastOp::create(b, b.getI32Type(), time);
      Step step{direction, layer.activationsOf(direction), {}, {}};
      AffineExpr columns = layer.hidden * layer.gates, unit = makeDim(context, 1);
      OpFoldResult first = b.getIndexAttr(0), column = offset(direction * layer.gates);
      SmallVector<OpFoldResult> offsets{time, first, column};
      Dims sizes{unit, layer.batch, columns};
      if (layer.batchFirst) {
        std::swap(offsets[0], offsets[1]);
        std::swap(sizes[0], sizes[1]);
      }
      step.projected = slice(b, projected, offsets, sizes, {layer.batch, columns});
      for (unsigned s = 0; s < states; ++s)
        step.states.push_back({loop.getRegionIterArg(s), state});
      SmallVector<Value> next = cell(step);
      if (wantsOutput) {
        Lowered row{next[0], state};
        // Past the end of a sequence the output is zero.
        if (lengths) {
          AffineMap byRow = AffineMap::get(2, 0, b.getAffineDimExpr(0), context);
          RankedTensorType type = withElementType(state, element);
          SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(2), byRow};
          row = {b.elementwise(type, ValueRange{row.value, lengths.value}, maps,
                               [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                                 Value runs = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, active, args[1]);
                                 return arith::SelectOp::create(
                                     b, runs, convertScalar(b, args[0], accumulator, element), number(b, element, 0));
                               }),
                 type};
        }
        next.push_back(insert(convert(b, row, element).value, loop.getRegionIterArg(states), place(direction, time)));
      }
      scf::YieldOp::create(b, next);
    }
    for (unsigned s = 0; s < states; ++s)
      if (finals[s])
        finals[s] = insert(convert(b, Lowered{loop.getResult(s), state}, element).value, finals[s], place(direction));
    if (wantsOutput)
      output = loop.getResult(states);
  }
  SmallVector<Value> results{output};
  llvm::append_range(results, finals);
  return results;
}

static Value add(ImplicitLocOpBuilder &b, Value l, Value r) { return arith::AddFOp::create(b, l, r); }
static Value mul(ImplicitLocOpBuilder &b, Value l, Value r) { return arith::MulFOp::create(b, l, r); }

//===-- RNN: Ht = f(Xt * W + Ht-1 * R + Wb + Rb)

static FailureOr<Layer> getLayer(RNNOp op) { return Layer::get(op, 1, {"Tanh"}); }
LogicalResult RNNOp::inferTypes(SmallVectorImpl<Type> &types) { return infer(*this, getLayer(*this), types); }

FailureOr<SmallVector<Value>> RNNOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto layer = getLayer(*this);
  if (failed(layer))
    return failure();
  RecurrentLowering lowering(*this, *layer, b, operands);
  return lowering.lower(1, /*separateBias=*/false, [&](RecurrentLowering::Step &step) {
    Lowered recurrent = lowering.multiplyWithR(step.states[0], step.direction, 0, 1);
    return lowering.update({step.projected, recurrent}, step.states, [&](ImplicitLocOpBuilder &b, ValueRange v) {
      return SmallVector<Value>{lowering.activate(b, step.activations[0], add(b, v[0], v[1]))};
    });
  });
}

//===-- GRU, gates z (update), r (reset) and h:
// zt = f(Xt * Wz + Ht-1 * Rz + Wbz + Rbz)
// rt = f(Xt * Wr + Ht-1 * Rr + Wbr + Rbr)
// ht = g(Xt * Wh + (rt . Ht-1) * Rh + Rbh + Wbh), or with linear_before_reset g(Xt * Wh + rt . (Ht-1 * Rh + Rbh) + Wbh)
// Ht = (1 - zt) . ht + zt . Ht-1

static FailureOr<Layer> getLayer(GRUOp op) { return Layer::get(op, 3, {"Sigmoid", "Tanh"}); }
LogicalResult GRUOp::inferTypes(SmallVectorImpl<Type> &types) { return infer(*this, getLayer(*this), types); }

FailureOr<SmallVector<Value>> GRUOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto layer = getLayer(*this);
  if (failed(layer))
    return failure();
  RecurrentLowering lowering(*this, *layer, b, operands);
  bool linear = getLinearBeforeReset() != 0;
  auto blend = [](ImplicitLocOpBuilder &b, Value z, Value h, Value old) {
    Value rest = arith::SubFOp::create(b, number(b, z.getType(), 1), z);
    return SmallVector<Value>{add(b, mul(b, rest, h), mul(b, z, old))};
  };
  return lowering.lower(1, /*separateBias=*/linear, [&](RecurrentLowering::Step &step) {
    const Activation &f = step.activations[0], &g = step.activations[1];
    auto x = [&](int64_t i) { return lowering.gate(step.projected, i); };
    Lowered old = step.states[0];
    if (linear) {
      Lowered recurrent = lowering.multiplyWithR(old, step.direction, 0, 3);
      auto r = [&](int64_t i) { return lowering.gate(recurrent, i); };
      SmallVector<Lowered> inputs{x(0), r(0), x(1), r(1), x(2), r(2)};
      if (Lowered bias = lowering.vector(3, step.direction, 5)) // Rbh
        inputs.push_back(bias);
      return lowering.update(inputs, step.states, [&](ImplicitLocOpBuilder &b, ValueRange v) {
        Value z = lowering.activate(b, f, add(b, v[0], v[1])), r = lowering.activate(b, f, add(b, v[2], v[3]));
        Value inner = inputs.size() > 6 ? add(b, v[5], v[6]) : v[5];
        Value h = lowering.activate(b, g, add(b, v[4], mul(b, r, inner)));
        return blend(b, z, h, v.back());
      });
    }
    Lowered recurrent = lowering.multiplyWithR(old, step.direction, 0, 2);
    auto r = [&](int64_t i) { return lowering.gate(recurrent, i); };
    Lowered reset = lowering.compute({x(1), r(1), old}, [&](ImplicitLocOpBuilder &b, ValueRange v) {
      return mul(b, lowering.activate(b, f, add(b, v[0], v[1])), v[2]);
    });
    Lowered candidate = lowering.multiplyWithR(reset, step.direction, 2, 3);
    return lowering.update({x(0), r(0), x(2), candidate}, step.states, [&](ImplicitLocOpBuilder &b, ValueRange v) {
      Value z = lowering.activate(b, f, add(b, v[0], v[1])), h = lowering.activate(b, g, add(b, v[2], v[3]));
      return blend(b, z, h, v.back());
    });
  });
}

//===-- LSTM, gates i (input), o (output), f (forget) and c (cell), peepholes P for i, o and f:
// it = f(Xt * Wi + Ht-1 * Ri + Pi . Ct-1 + Wbi + Rbi)
// ft = f(Xt * Wf + Ht-1 * Rf + Pf . Ct-1 + Wbf + Rbf), or with input_forget 1 - it
// ct = g(Xt * Wc + Ht-1 * Rc + Wbc + Rbc)
// Ct = ft . Ct-1 + it . ct
// ot = f(Xt * Wo + Ht-1 * Ro + Po . Ct + Wbo + Rbo)
// Ht = ot . h(Ct)

template <typename OpT> static FailureOr<Layer> getLSTM(OpT op) {
  return Layer::get(op, 4, {"Sigmoid", "Tanh", "Tanh"}, /*quantized=*/std::is_same_v<OpT, DynamicQuantizeLSTMOp>);
}

template <typename OpT>
static FailureOr<SmallVector<Value>> lowerLSTM(OpT op, LoweringBuilder &b, ValueRange operands) {
  auto layer = getLSTM(op);
  if (failed(layer))
    return failure();
  RecurrentLowering lowering(op, *layer, b, operands);
  bool coupled = op.getInputForget() != 0;
  return lowering.lower(2, /*separateBias=*/false, [&](RecurrentLowering::Step &step) {
    const Activation *activations = step.activations;
    Lowered recurrent = lowering.multiplyWithR(step.states[0], step.direction, 0, 4);
    SmallVector<Lowered> inputs;
    for (int64_t gate = 0; gate < 4; ++gate)
      inputs.append({lowering.gate(step.projected, gate), lowering.gate(recurrent, gate)});
    bool peepholes = static_cast<bool>(lowering.vector(7, step.direction, 0));
    for (int64_t part = 0; peepholes && part < 3; ++part)
      inputs.push_back(lowering.vector(7, step.direction, part));
    return lowering.update(inputs, step.states, [&](ImplicitLocOpBuilder &b, ValueRange v) {
      Value old = v.back(); // C
      auto gate = [&](unsigned activation, int64_t i, int64_t peephole, Value cell) {
        Value sum = add(b, v[2 * i], v[2 * i + 1]);
        if (peepholes && cell)
          sum = add(b, sum, mul(b, v[8 + peephole], cell));
        return lowering.activate(b, activations[activation], sum);
      };
      Value i = gate(0, 0, 0, old);
      Value f = coupled ? Value(arith::SubFOp::create(b, number(b, i.getType(), 1), i)) : gate(0, 2, 2, old);
      Value c = gate(1, 3, 0, Value());
      Value cell = add(b, mul(b, f, old), mul(b, i, c));
      Value o = gate(0, 1, 1, cell);
      // The clip is for the gates: neither onnxruntime nor OpenVINO applies it to the cell.
      return SmallVector<Value>{mul(b, o, activations[2].emit(b, cell)), cell};
    });
  });
}

LogicalResult LSTMOp::inferTypes(SmallVectorImpl<Type> &types) { return infer(*this, getLSTM(*this), types); }
FailureOr<SmallVector<Value>> LSTMOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerLSTM(*this, b, operands);
}

LogicalResult DynamicQuantizeLSTMOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto layer = getLSTM(*this);
  if (failed(layer))
    return failure();
  for (unsigned i : {0, 3, 5, 6, 7, 8, 10})
    if (auto type = dyn_cast<RankedTensorType>(getOperand(i).getType()); type && !type.getElementType().isF32())
      return emitOpError("input ") << i << " must be float32, not " << getElementTypeName(type.getElementType());
  // "must have shape {num_directions} for per-tensor/layer quantization or shape {num_directions, 4*hidden_size}"
  const StringRef names[] = {"scale of W", "zero point of W", "scale of R", "zero point of R"};
  for (auto [i, name] : llvm::enumerate(names)) {
    Value parameter = getOperand(kParameters + i), weights = getOperand(1 + i / 2);
    auto element = dyn_cast<IntegerType>(getElementTypeOrSelf(weights));
    if (i % 2 == 1 && (!element || element.getWidth() != 8 || getElementTypeOrSelf(parameter) != element))
      return emitOpError(i == 1 ? "W" : "R") << " and its zero point must both be int8 or both uint8";
    SmallVector<int64_t> wanted{layer->directions, getConstant(layer->hidden * layer->gates).value_or(-1)};
    int64_t rank = cast<RankedTensorType>(parameter.getType()).getRank();
    if (rank != 1 && rank != 2)
      return emitOpError(name) << " must have one element for each direction, or one for each direction and column";
    if (failed(assumeSizes(*this, kParameters + i, ArrayRef(wanted).take_front(rank), name)))
      return failure();
  }
  return infer(*this, layer, types);
}
FailureOr<SmallVector<Value>> DynamicQuantizeLSTMOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  return lowerLSTM(*this, b, operands);
}

//===-- LinearAttention. For every head, with the state S [size, valueSize] and * as the outer product:
// S' = exp(decay_t) S           (gated, gated_delta)
// v' = beta_t (v_t - S'^T k_t)  (delta, gated_delta)
// S = S' + k_t * v', output_t = scale S^T q_t

namespace {
struct LinearHeads {
  AffineExpr batch, time;
  int64_t queryHeads, heads;  ///< a multiple, and that of keys and values
  AffineExpr size, valueSize; ///< of a head
  /// Decays are one for a head, or one for each element of its keys; there is one beta for all heads, or one for each.
  /// Where that depends on sizes of the run, the lowering lays out the larger form.
  enum Layout { Few, Many, Any } decays = Few, betas = Few;

  static FailureOr<LinearHeads> get(LinearAttentionOp op);
  Dims stateDims() const { return {batch, makeDim(batch.getContext(), heads), size, valueSize}; }
  /// The sizes of an operand that is given.
  Dims operandDims(LinearAttentionOp op, unsigned i) const;
};
} // namespace

static bool isGiven(Value value) { return isa<RankedTensorType>(value.getType()); }
constexpr StringLiteral kLinearOperands[] = {"query", "key", "value", "past_state", "decay", "beta"};

FailureOr<LinearHeads> LinearHeads::get(LinearAttentionOp op) {
  StringRef rule = op.getUpdateRule();
  if (!llvm::is_contained({"linear", "gated", "delta", "gated_delta"}, rule))
    return op.emitOpError("update_rule \"") << rule << "\" is not linear, gated, delta or gated_delta";
  if (isGiven(op.getDecay()) != rule.starts_with("gated"))
    return op.emitOpError("update_rule ") << rule << (isGiven(op.getDecay()) ? " takes no decay" : " needs decay");
  if (isGiven(op.getBeta()) != rule.ends_with("delta"))
    return op.emitOpError("update_rule ") << rule << (isGiven(op.getBeta()) ? " takes no beta" : " needs beta");
  LinearHeads heads;
  heads.heads = op.getKvNumHeads(), heads.queryHeads = op.getQNumHeads();
  if (heads.heads < 1 || heads.queryHeads < 1 || heads.queryHeads % heads.heads != 0 || heads.queryHeads > (1 << 20))
    return op.emitOpError("q_num_heads ")
           << heads.queryHeads << " must be a multiple of kv_num_heads " << heads.heads << ", and at most 2^20";
  for (auto [i, name] : llvm::enumerate(kLinearOperands)) {
    Value value = op->getOperand(i);
    if (isGiven(value) && (getDims(value).size() != (i == 3 ? 4 : 3) || !isa<FloatType>(getElementTypeOrSelf(value))))
      return op.emitOpError(name) << " must hold floats, of shape "
                                  << (i == 3 ? "[batch, kv_num_heads, size, value size]"
                                             : "[batch, time, heads * size]");
  }
  Dims query = getDims(op.getQuery()), key = getDims(op.getKey()), value = getDims(op.getValue());
  heads.batch = query[0];
  heads.time = query[1];
  // Each size of a head follows from several operands: the first that is known says it.
  auto perHead = [&](AffineExpr all, int64_t count) { return floorDiv(all, makeDim(op.getContext(), count)); };
  auto choose = [](ArrayRef<AffineExpr> sizes) {
    auto known = llvm::find_if(sizes, [](AffineExpr size) { return getConstant(size).has_value(); });
    return known == sizes.end() ? sizes.front() : *known;
  };
  SmallVector<AffineExpr> sizes{perHead(key[2], heads.heads), perHead(query[2], heads.queryHeads)};
  SmallVector<AffineExpr> valueSizes{perHead(value[2], heads.heads)};
  if (isGiven(op.getPastState())) {
    sizes.push_back(getDims(op.getPastState())[2]);
    valueSizes.push_back(getDims(op.getPastState())[3]);
  }
  heads.size = choose(sizes);
  heads.valueSize = choose(valueSizes);
  if (getConstant(heads.size) == 0 || getConstant(heads.valueSize) == 0)
    return op.emitOpError("query, key and value have no element for each of ") << heads.heads << " heads";
  auto layout = [&](Value value, AffineExpr few, AffineExpr many) {
    AffineExpr own = isGiven(value) ? getDims(value)[2] : few;
    return own == few ? Few : own == many ? Many : Any;
  };
  AffineExpr count = makeDim(op.getContext(), heads.heads);
  heads.decays = layout(op.getDecay(), count, simplify(heads.size * heads.heads));
  heads.betas = layout(op.getBeta(), makeDim(op.getContext(), 1), count);
  auto fits = [&](Value value, AffineExpr few, AffineExpr many, StringRef name) -> LogicalResult {
    auto own = isGiven(value) ? getConstant(getDims(value)[2]) : std::nullopt, a = getConstant(few),
         z = getConstant(many);
    if (own && a && z && *own != *a && *own != *z)
      return op.emitOpError(name) << " has " << *own << " elements, expected " << *a << " or " << *z;
    return success();
  };
  if (failed(fits(op.getDecay(), count, heads.size * heads.heads, "decay")) ||
      failed(fits(op.getBeta(), makeDim(op.getContext(), 1), count, "beta")))
    return failure();
  return heads;
}

Dims LinearHeads::operandDims(LinearAttentionOp op, unsigned i) const {
  if (i == 3)
    return stateDims();
  const AffineExpr last[] = {size * queryHeads, size * heads, valueSize * heads};
  return {batch, time, i < 3 ? last[i] : getDims(op->getOperand(i))[2]};
}

LogicalResult LinearAttentionOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto heads = LinearHeads::get(*this);
  if (failed(heads))
    return failure();
  for (auto [i, name] : llvm::enumerate(kLinearOperands)) {
    if (!isGiven(getOperand(i)))
      continue;
    auto sizes =
        llvm::map_to_vector(heads->operandDims(*this, i), [](AffineExpr dim) { return getConstant(dim).value_or(-1); });
    if (failed(assumeSizes(*this, i, sizes, name)))
      return failure();
  }
  // without a past, as the reference implementation has it
  Type stateElement = getElementTypeOrSelf(isGiven(getPastState()) ? getPastState() : getQuery());
  types.push_back(
      makeTensor({heads->batch, heads->time, heads->valueSize * heads->queryHeads}, getElementTypeOrSelf(getQuery())));
  types.push_back(makeTensor(heads->stateDims(), stateElement));
  return success();
}

FailureOr<SmallVector<Value>> LinearAttentionOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto heads = LinearHeads::get(*this);
  if (failed(heads))
    return failure();
  MLIRContext *context = getContext();
  Type f32 = b.getF32Type(), element = getElementTypeOrSelf(getQuery());
  auto dim = [&](int64_t size) { return makeDim(context, size); };
  AffineExpr batch = heads->batch, count = dim(heads->heads), group = dim(heads->queryHeads / heads->heads);
  AffineExpr size = heads->size, valueSize = heads->valueSize;
  Dims stateDims = heads->stateDims();
  for (AffineExpr each : {size, valueSize})
    b.requireNonNegative(each - 1, "LinearAttention: heads have no element");
  auto get = [&](unsigned i, ArrayRef<AffineExpr> perStep) -> Lowered {
    Lowered value = getLowered(*this, operands, i);
    if (!value)
      return value;
    for (auto [own, wanted] : llvm::zip_equal(value.dims(), heads->operandDims(*this, i)))
      b.requireEqual(own, wanted, "LinearAttention: operands have different shapes");
    Dims dims{batch, heads->time};
    llvm::append_range(dims, perStep);
    return reshape(b, convert(b, value, f32), i == 3 ? ArrayRef(stateDims) : ArrayRef(dims));
  };
  // The last dimension as `few` or `many`; laid out as `many` where the run decides which it is.
  auto spread = [&](unsigned i, LinearHeads::Layout layout, ArrayRef<AffineExpr> few,
                    ArrayRef<AffineExpr> many) -> Lowered {
    if (!isGiven(getOperand(i)) || layout != LinearHeads::Any)
      return get(i, layout == LinearHeads::Few ? few : many);
    AffineExpr own = getDims(getOperand(i))[2], least = product(context, few), most = product(context, many);
    b.requireEqual((own - least) * (own - most), dim(0),
                   "LinearAttention: " + kLinearOperands[i] + " has neither one element nor as many as there could be");
    Lowered value = get(i, own);
    Dims dims{batch, heads->time};
    llvm::append_range(dims, many);
    RankedTensorType type = makeTensor(dims, f32);
    Value isFew =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.materializeIndex(own), b.materializeIndex(least));
    Value width = b.materializeIndex(many.back()), columns = b.materializeIndex(own);
    Value result = b.generate(type, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
      Value full = at.back(), less = at.size() > 3 ? at[2] : arith::ConstantIndexOp::create(body, 0).getResult();
      if (at.size() > 3)
        full = arith::AddIOp::create(body, arith::MulIOp::create(body, at[2], width), full);
      Value column = arith::SelectOp::create(body, isFew, less, full);
      return tensor::ExtractOp::create(body, value.value,
                                       ValueRange{at[0], at[1], LoweringBuilder::wrapIndex(body, column, columns)});
    });
    return {result, type};
  };
  Lowered query = get(0, {count, group, size}), key = get(1, {count, size}), value = get(2, {count, valueSize});
  Lowered decay = spread(4, heads->decays, count, {count, size}), beta = spread(5, heads->betas, dim(1), count);
  if (decay)
    decay.value = b.elementwise(decay.type, decay.value, decay.type, [](ImplicitLocOpBuilder &b, ValueRange args) {
      return math::ExpOp::create(b, args[0]);
    });
  RankedTensorType stateType = makeTensor(stateDims, f32);
  Value state;
  if (Lowered past = get(3, {}))
    state = past.value;
  else
    state = b.filled(stateType, number(b, f32, 0));
  Value scale = number(b, f32, getScale().convertToFloat());
  if (auto known = getConstant(size); getScale().isZero() && known) {
    scale = number(b, f32, 1 / std::sqrt(static_cast<double>(*known)));
  } else if (getScale().isZero()) {
    Value real = arith::IndexCastOp::create(b, b.getI64Type(), b.materializeIndex(size));
    scale = math::SqrtOp::create(b, arith::SIToFPOp::create(b, f32, real));
    scale = arith::DivFOp::create(b, number(b, f32, 1), scale);
  }

  RankedTensorType outputType = makeTensor({batch, heads->time, count, group, valueSize}, element);
  Value zero = b.index(0), one = b.index(1), steps = b.materializeIndex(heads->time);
  auto loop = scf::ForOp::create(b, zero, steps, one, ValueRange{state, b.empty(outputType)});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    auto atStep = [&](Lowered whole) {
      SmallVector<OpFoldResult> offsets(whole.rank(), b.getIndexAttr(0));
      offsets[1] = loop.getInductionVar();
      Dims sizes = whole.dims(), dims = sizes;
      sizes[1] = dim(1);
      dims.erase(dims.begin() + 1);
      return slice(b, whole, offsets, sizes, dims);
    };
    // Loops are over batch, heads, and the dimensions that are named.
    auto map = [&](unsigned loops, ArrayRef<unsigned> dims) {
      return AffineMap::get(loops, 0, llvm::map_to_vector(dims, [&](unsigned i) { return b.getAffineDimExpr(i); }),
                            context);
    };
    AffineMap whole = map(4, {0, 1, 2, 3}), byKey = map(4, {0, 1, 2}), byValue = map(4, {0, 1, 3});
    Lowered present{loop.getRegionIterArg(0), stateType}, k = atStep(key), v = atStep(value);
    if (decay)
      present.value =
          b.elementwise(stateType, ValueRange{present.value, atStep(decay).value},
                        ArrayRef<AffineMap>{whole, heads->decays == LinearHeads::Few ? map(4, {0, 1}) : byKey},
                        [](ImplicitLocOpBuilder &b, ValueRange args) { return mul(b, args[0], args[1]); });
    if (beta) {
      Lowered known =
          contract(b, present, map(4, {0, 1, 3, 2}), k, map(4, {0, 1, 3}), v.dims(), map(4, {0, 1, 2}), f32);
      AffineMap each = b.getMultiDimIdentityMap(3), byHead = map(3, {0, 1});
      if (heads->betas == LinearHeads::Few)
        byHead = AffineMap::get(3, 0, {b.getAffineDimExpr(0), b.getAffineConstantExpr(0)}, context);
      v.value =
          b.elementwise(v.type, ValueRange{v.value, known.value, atStep(beta).value},
                        ArrayRef<AffineMap>{each, each, byHead}, [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                          return mul(b, args[2], arith::SubFOp::create(b, args[0], args[1]));
                        });
    }
    present.value = b.elementwise(
        stateType, ValueRange{present.value, k.value, v.value}, ArrayRef<AffineMap>{whole, byKey, byValue},
        [](ImplicitLocOpBuilder &b, ValueRange args) { return add(b, args[0], mul(b, args[1], args[2])); });
    Dims rowDims{batch, count, group, valueSize};
    Lowered row = contract(b, atStep(query), map(5, {0, 1, 2, 4}), present, map(5, {0, 1, 4, 3}), rowDims,
                           map(5, {0, 1, 2, 3}), f32);
    RankedTensorType rowType = makeTensor(rowDims, element);
    Value scaled = b.elementwise(rowType, row.value, row.type, [&](ImplicitLocOpBuilder &b, ValueRange args) {
      return convertScalar(b, mul(b, args[0], scale), f32, element);
    });
    SmallVector<OpFoldResult> offsets(5, b.getIndexAttr(0)), ones(5, b.getIndexAttr(1));
    offsets[1] = loop.getInductionVar();
    SmallVector<OpFoldResult> sizes = b.materialize({batch, dim(1), count, group, valueSize});
    Value next = tensor::InsertSliceOp::create(b, scaled, loop.getRegionIterArg(1), offsets, sizes, ones);
    scf::YieldOp::create(b, ValueRange{present.value, next});
  }
  Lowered output = reshape(b, {loop.getResult(1), outputType}, getDims(getOutput()));
  Lowered present = convert(b, {loop.getResult(0), stateType}, getElementTypeOrSelf(getPresentState()));
  return SmallVector<Value>{output.value, present.value};
}

//===-- Older forms

/// Until version 7 an attribute said whether Y is wanted; an output that nobody reads says the same.
static LogicalResult dropOutputSequence(NodeForm &node) {
  node.take("output_sequence");
  return success();
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Recurrent.cpp.inc"

void onnxc::onnx::registerRecurrentOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Recurrent.cpp.inc"
      >();
  for (StringRef name : {"RNN", "GRU", "LSTM"})
    dialect.addUpgrade(name, 7, dropOutputSequence);
}
