//===- dialects/onnx/ops/Elementwise.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the rows of Elementwise.td share (types, shapes, lowering), and the formulas that are longer than a line.
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Random.h"
#include "dialects/onnx/support/Scalar.h"
#include "dialects/onnx/support/SmallFloats.h"
#include "dialects/onnx/support/Text.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

//===- Types and shapes -------------------------------------------------------------===//

namespace {
enum class ElementKind { Float, Integer, Numeric, Bool, Any };
} // namespace

static bool isOfKind(Type type, ElementKind kind) {
  bool isBool = type.isInteger(1);
  switch (kind) {
  case ElementKind::Float:
    return isa<FloatType>(type);
  case ElementKind::Integer:
    return isa<IntegerType>(type) && !isBool;
  case ElementKind::Numeric:
    return !isBool;
  case ElementKind::Bool:
    return isBool;
  case ElementKind::Any:
    return true;
  }
  llvm_unreachable("all kinds are above");
}

static StringRef describe(ElementKind kind) {
  switch (kind) {
  case ElementKind::Float:
    return "floating-point numbers";
  case ElementKind::Integer:
    return "integers";
  case ElementKind::Numeric:
    return "numbers";
  case ElementKind::Bool:
    return "bool";
  case ElementKind::Any:
    return "anything";
  }
  llvm_unreachable("all kinds are above");
}

static IntegerType boolType(Operation *op) { return IntegerType::get(op->getContext(), 1); }

/// The operands that must have the same element type, which is the result's, too, where nothing else is said.
template <typename OpT> static SmallVector<Value> getAlike(OpT op) {
  SmallVector<Value> alike;
  for (Value operand : op->getOperands())
    if (!isa<NoneType>(operand.getType()))
      alike.push_back(operand);
  if constexpr (std::is_same_v<OpT, WhereOp>)
    alike.erase(alike.begin());
  if constexpr (std::is_same_v<OpT, PowOp>)
    alike.pop_back();
  return alike;
}

template <typename OpT>
static LogicalResult inferElementwise(OpT op, ElementKind kind, SmallVectorImpl<Type> &types, Type resultType) {
  SmallVector<Value> alike = getAlike(op);
  if (alike.empty())
    return op.emitOpError("needs an operand");
  Type elementType = getElementTypeOrSelf(alike[0].getType());
  if (!isOfKind(elementType, kind))
    return op.emitOpError("takes ") << describe(kind) << ", not " << getElementTypeName(elementType);
  for (Value operand : alike)
    if (Type other = getElementTypeOrSelf(operand.getType()); other != elementType)
      return op.emitOpError("operands have different element types, ")
             << getElementTypeName(elementType) << " and " << getElementTypeName(other);
  SmallVector<Dims> shapes;
  for (Value operand : op->getOperands())
    if (!isa<NoneType>(operand.getType()))
      shapes.push_back(getDims(operand));
  auto dims = broadcast(op, shapes);
  if (failed(dims))
    return failure();
  types.push_back(makeTensor(*dims, resultType ? resultType : elementType));
  return success();
}

LogicalResult SwiGLUOp::verify() {
  // "A and B must have identical shapes; broadcasting is not applied"
  Dims a = getDims(getA()), b = getDims(getB());
  bool isSame = a.size() == b.size();
  for (size_t i = 0; isSame && i < a.size(); ++i)
    if (auto x = getConstant(a[i]), y = getConstant(b[i]); x && y)
      isSame = *x == *y;
  if (!isSame)
    return emitOpError("A and B have different shapes");
  return success();
}

//===- Lowering ---------------------------------------------------------------------===//

static Scalar castElement(CastOp op, Scalar x) {
  Scalar number = load(x.builder(), x, getElementTypeOrSelf(op.getX()));
  return store(number, getElementTypeOrSelf(op.getResult()), {op.getSaturate() != 0, op.getRoundMode()});
}

/// The same bits as another type of as many. A bool is a byte that is 0 or 1.
static Scalar bitCast(Scalar x, Type tensorType) {
  Type type = getElementTypeOrSelf(tensorType), stored = getStoredType(type);
  if (x.isFloat() || isa<FloatType>(stored))
    return x.type() == stored ? x : Scalar(x.builder(), arith::BitcastOp::create(x.builder(), stored, x));
  if (!isStoredAsBits(type))
    return store(x, type);
  x = convert(x, stored);
  // Where the bits are not a whole byte, the others of it are 0.
  return getElementBits(type) < 8 ? x & x.number((1 << getElementBits(type)) - 1) : x;
}

using Formula = llvm::function_ref<Scalar(ArrayRef<Scalar>)>;

template <typename OpT>
static FailureOr<SmallVector<Value>> lowerElementwise(OpT op, ElementKind kind, LoweringBuilder &b, ValueRange operands,
                                                      Formula formula) {
  if constexpr (std::is_same_v<OpT, EqualOp>)
    if (isText(op.getA().getType()))
      return SmallVector<Value>{equalText(b, operands, op->getOperandTypes(), op.getType())};
  if constexpr (std::is_same_v<OpT, CastOp>)
    if (isText(op.getX().getType()) || isText(op.getType())) {
      auto result = castText(b, operands[0], op.getX().getType(), op.getType(), op->getAttrs());
      return failed(result) ? FailureOr<SmallVector<Value>>() : SmallVector<Value>{*result};
    }
  SmallVector<Value> present;
  SmallVector<Type> types;
  for (auto [lowered, operand] : llvm::zip_equal(operands, op->getOperands()))
    if (lowered) {
      present.push_back(lowered);
      types.push_back(operand.getType());
    }
  Type resultType = op.getType();
  return SmallVector<Value>{
      b.elementwise(resultType, present, types, [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
        SmallVector<Scalar> elements;
        size_t next = 0;
        for (auto [lowered, operand] : llvm::zip_equal(operands, op->getOperands())) {
          Scalar element;
          if (lowered)
            element = kind == ElementKind::Any
                          ? Scalar(nested, args[next++], getElementTypeOrSelf(operand).isUnsignedInteger())
                          : load(nested, args[next++], getElementTypeOrSelf(operand));
          elements.push_back(element);
        }
        Scalar result = formula(elements);
        return kind == ElementKind::Any ? result : store(result, getElementTypeOrSelf(resultType));
      })};
}

template <typename T, typename F> static T foldLeft(ArrayRef<T> elements, F f) {
  T result = elements[0];
  for (T element : elements.drop_front())
    result = result ? f(result, element) : T();
  return result;
}

static Scalar sigmoid(Scalar x) { return 1 / (exp(-x) + 1); }

/// log(1 + exp(x)), without overflow.
static Scalar softplus(Scalar x) { return log1p(exp(-abs(x))) + atLeast(x, 0); }

static Scalar gelu(Scalar x, StringRef approximate) {
  if (approximate == "tanh")
    return x * 0.5 * (tanh((x * x * x * 0.044715 + x) * std::sqrt(2 / M_PI)) + 1);
  return x * 0.5 * (erf(x * M_SQRT1_2) + 1);
}

/// Of integers, too, the threshold and what is added are fractions.
static Scalar shrink(Scalar x, Number lambda, Number bias) {
  if (!x.isFloat())
    x = convert(x, x.builder().getF64Type());
  Scalar zero = x.number(0);
  return select(x < -lambda.n, x + bias, select(x > lambda, x - bias, zero));
}

static Scalar clip(Scalar x, Scalar least, Scalar most) {
  if (least)
    x = atLeast(x, least);
  return most ? atMost(x, most) : x;
}

static Scalar isInf(Scalar x, bool negative, bool positive) {
  Scalar none = Scalar(x.builder(), arith::ConstantOp::create(x.builder(), x.builder().getBoolAttr(false)));
  return (negative ? x == x.lowest() : none) | (positive ? x == x.highest() : none);
}

/// The number that all elements of a constant are.
static std::optional<double> getSplat(Value value) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
    return std::nullopt;
  if (isa<FloatType>(elements.getElementType()))
    return Number(elements.getSplatValue<APFloat>()).n;
  APInt number = elements.getSplatValue<APInt>();
  return elements.getElementType().isUnsignedInteger() ? number.roundToDouble() : number.signedRoundToDouble();
}

/// `exponent` is the element, `exponents` the operand: what is squared need not be exp(2 * log(x)).
static Scalar power(Scalar x, Scalar exponent, Value exponents) {
  if (!x.isFloat() && exponent.isFloat())
    x = convert(x, exponent.type());
  if (auto splat = getSplat(exponents)) {
    if (*splat == 1)
      return x;
    if (*splat == 2)
      return x * x;
    if (*splat == 3)
      return x * x * x;
    if (*splat == 0.5)
      return sqrt(x);
    if (*splat == -1 && x.isFloat())
      return 1 / x;
  }
  if (x.isFloat())
    return pow(x, convert(exponent, x.type()));
  return pow(x, exponent);
}

//===- Content of small integer tensors -----------------------------------------------===//

using DataFormula = llvm::function_ref<AffineExpr(ArrayRef<AffineExpr>)>;

static std::optional<Dims> propagateElementwise(Operation *op, DataFormula formula) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  unsigned width = getElementBits(type.getElementType());
  // Narrow integers wrap, which expressions do not.
  if (!type.getElementType().isInteger() || (width > 1 && width < 32) || type.getRank() > 1 || !type.hasStaticShape())
    return std::nullopt;
  SmallVector<Dims> operands;
  for (Value operand : op->getOperands()) {
    auto data = getShapeData(operand);
    if (!data)
      return std::nullopt;
    operands.push_back(*data);
  }
  Dims result;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    auto elements = llvm::map_to_vector(operands, [&](const Dims &data) { return data[data.size() == 1 ? 0 : i]; });
    AffineExpr element = formula(elements);
    if (!element)
      return std::nullopt;
    result.push_back(simplify(element));
  }
  return result;
}

static AffineExpr truth(AffineExpr any, bool value) { return makeDim(any.getContext(), value); }

static AffineExpr divideExact(AffineExpr a, AffineExpr b) {
  auto x = getConstant(a), y = getConstant(b);
  if (y == 0 || (y && *y < 0 && !x))
    return {};
  if (x && y)
    return *y == -1 ? -a : makeDim(a.getContext(), *x / *y);
  return isNonNegative(a) && isNonNegative(b) ? floorDiv(a, b) : AffineExpr(); // where truncation is rounding down
}

static AffineExpr remainder(AffineExpr a, AffineExpr b) {
  auto y = getConstant(b);
  return y && *y > 0 && isNonNegative(a) ? a % b : AffineExpr();
}

/// Shapes are compared with -1 by exporters of Expand: no size is negative.
static bool isBelow(AffineExpr a, AffineExpr b) {
  auto x = getConstant(a);
  return x && *x < 0 && isNonNegative(b);
}

static AffineExpr equal(AffineExpr a, AffineExpr b) {
  if (auto difference = getDifference(a, b))
    return truth(a, *difference == 0);
  return isBelow(a, b) || isBelow(b, a) ? truth(a, false) : AffineExpr();
}

static AffineExpr less(AffineExpr a, AffineExpr b) {
  if (auto difference = getDifference(a, b))
    return truth(a, *difference < 0);
  if (isBelow(a, b))
    return truth(a, true);
  auto y = getConstant(b);
  return y && *y <= 0 && isNonNegative(a) ? truth(a, false) : AffineExpr();
}

static AffineExpr negate(AffineExpr a) {
  if (!a)
    return {};
  auto x = getConstant(a);
  return x ? truth(a, *x == 0) : AffineExpr();
}

static AffineExpr logicalAnd(AffineExpr a, AffineExpr b) {
  if (!a || !b)
    return {};
  auto x = getConstant(a), y = getConstant(b);
  if (x == 0 || y == 0)
    return truth(a, false);
  return x && y ? truth(a, true) : AffineExpr();
}

static AffineExpr choose(AffineExpr condition, AffineExpr a, AffineExpr b) {
  auto x = getConstant(condition);
  return a == b ? a : !x ? AffineExpr() : *x ? a : b;
}

static AffineExpr castData(AffineExpr a, Type to) {
  return getElementTypeOrSelf(to).isInteger(1) ? negate(equal(a, truth(a, false))) : a;
}

//===- What single operators add ----------------------------------------------------===//

LogicalResult GeluOp::verify() {
  if (getApproximate() != "none" && getApproximate() != "tanh")
    return emitOpError("approximate is \"none\" or \"tanh\", not \"") << getApproximate() << '"';
  return success();
}

LogicalResult BitShiftOp::verify() {
  if (getDirection() != "LEFT" && getDirection() != "RIGHT")
    return emitOpError("direction is \"LEFT\" or \"RIGHT\", not \"") << getDirection() << '"';
  return success();
}

LogicalResult WhereOp::verify() {
  if (Type type = getElementTypeOrSelf(getCondition().getType()); !type.isInteger(1))
    return emitOpError("the condition is bool, not ") << getElementTypeName(type);
  return success();
}

LogicalResult CastOp::verify() {
  if (!getElementType(getContext(), getTo()))
    return emitOpError("conversion to ") << getElementTypeName(getTo()) << " can't be compiled";
  for (Type type : {getElementTypeOrSelf(getX()), getElementType(getContext(), getTo())})
    if (isa<ComplexType>(type))
      return emitOpError("does not take ") << getElementTypeName(type);
  if (StringRef mode = getRoundMode(); mode != "up" && mode != "down" && mode != "nearest")
    return emitOpError("round_mode is \"up\", \"down\" or \"nearest\", not \"") << mode << '"';
  return success();
}

LogicalResult BitCastOp::verify() {
  Type from = getElementTypeOrSelf(getX().getType()), to = getElementType(getContext(), getTo());
  if (!to)
    return emitOpError("conversion to ") << getElementTypeName(getTo()) << " can't be compiled";
  if (isText(from) || isText(to))
    return emitOpError("strings have no bits");
  auto bits = [](Type type) { return type.isInteger(1) ? 8 : getElementBits(type); };
  if (bits(from) != bits(to))
    return emitOpError("the bits of ") << getElementTypeName(from) << " are not as many as those of "
                                       << getElementTypeName(to);
  return success();
}

/// CastLike takes the type from its second operand.
static LogicalResult makeCast(NodeForm &node) {
  if (!node.operand(0) || !node.operand(1) || node.operands.size() != 2)
    return node.error() << "CastLike takes two inputs";
  int64_t to = getOnnxType(getElementTypeOrSelf(node.operand(1)));
  node.attributes.set("to", node.b.getIntegerAttr(node.b.getIntegerType(64, /*isSigned=*/true), to));
  node.operands.pop_back();
  node.name = "Cast";
  return success();
}

LogicalResult IdentityOp::inferTypes(SmallVectorImpl<Type> &types) {
  types.push_back(getX().getType());
  return success();
}

std::optional<Dims> IdentityOp::propagateData() { return getShapeData(getX()); }

FailureOr<SmallVector<Value>> IdentityOp::lowerToLinalg(LoweringBuilder &, ValueRange operands) {
  return SmallVector<Value>{operands[0]};
}

LogicalResult DropoutOp::inferTypes(SmallVectorImpl<Type> &types) {
  if (!isa<FloatType>(getElementTypeOrSelf(getData().getType())))
    return emitOpError("takes floating-point numbers");
  if (failed(assumeLength(*this, 1, 1, "ratio")) || failed(assumeLength(*this, 2, 1, "training_mode")))
    return failure();
  if (auto type = dyn_cast<RankedTensorType>(getRatio().getType()); type && !isa<FloatType>(type.getElementType()))
    return emitOpError("ratio must be a floating-point number");
  if (auto type = dyn_cast<RankedTensorType>(getTrainingMode().getType()); type && !type.getElementType().isInteger(1))
    return emitOpError("training_mode must be bool");
  types.push_back(getData().getType());
  types.push_back(withElementType(getData().getType(), boolType(*this)));
  return success();
}

FailureOr<SmallVector<Value>> DropoutOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  // With ratio 0 nothing is dropped in training, either.
  if (!operands[2] || getSplat(getTrainingMode()) == 0 || (operands[1] && getSplat(getRatio()) == 0))
    return SmallVector<Value>{operands[0], b.filled(getMask().getType(), b.constantInt(b.getI1Type(), 1))};
  auto read = [&](Value tensor) {
    SmallVector<Value> zeros(cast<RankedTensorType>(tensor.getType()).getRank(), b.index(0));
    return tensor::ExtractOp::create(b, tensor, zeros).getResult();
  };
  // In inference the ratio is 0.
  Scalar ratio(b, b.constant(b.getF32Type(), 0.5));
  if (operands[1])
    ratio = convert(load(b, read(operands[1]), getElementTypeOrSelf(getRatio())), b.getF32Type());
  ratio = select(Scalar(b, read(operands[2])), ratio, 0);
  Scalar scale = 1 / (1 - ratio);
  Value mask = draw(b, getMask().getType(), getSeed().value_or(0), [&](ArrayRef<Scalar> words) {
    Scalar uniform = toUniform(words, b.getF32Type());
    return uniform >= Scalar(uniform.builder(), ratio);
  });
  Value output =
      b.elementwise(getOutput().getType(), {operands[0], mask}, {getData().getType(), getMask().getType()},
                    [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
                      Scalar x = load(nested, args[0], getElementTypeOrSelf(getData()));
                      Scalar kept = x * convert(Scalar(nested, scale), x.type());
                      return store(select(Scalar(nested, args[1]), kept, 0), getElementTypeOrSelf(getOutput()));
                    });
  return SmallVector<Value>{output, mask};
}

//===- Older versions ---------------------------------------------------------------===//

/// Before version 7 the second operand was broadcast only where the attribute said so: its dimensions were those of the
/// first from `axis` on, the last ones by default.
static LogicalResult upgradeBroadcast(NodeForm &node) {
  bool broadcasts = takeInt(node, "broadcast", 0);
  Attribute axisAttr = node.get("axis");
  int64_t axis = takeInt(node, "axis", 0);
  if (!broadcasts || !axisAttr)
    return success();
  auto a = getOperandType(node, 0), b = getOperandType(node, 1);
  if (failed(a) || failed(b))
    return failure();
  if (axis < 0)
    axis += a->getRank();
  int64_t behind = a->getRank() - axis - b->getRank();
  if (axis < 0 || axis >= std::max<int64_t>(a->getRank(), 1) || behind < 0)
    return node.error() << node.name << ": an operand of rank " << b->getRank() << " can't be broadcast to rank "
                        << a->getRank() << " from axis " << axis << " on";
  node.operands[1] =
      unsqueeze(node, node.operands[1], llvm::to_vector(llvm::seq<int64_t>(b->getRank(), b->getRank() + behind)));
  return success(node.operands[1]);
}

/// Some exporters went on writing what version 7 has done away with.
static LogicalResult takeLegacyBroadcast(NodeForm &node) {
  if (!node.get("broadcast") && !node.get("axis"))
    return success();
  emitWarning(node.b.getLoc()) << node.name
                               << " has no attributes 'broadcast' and 'axis' from opset 7 on; assumed: those "
                               << "of opset 6";
  return upgradeBroadcast(node);
}

/// Before version 7 the slope was one number, or one for each channel.
static LogicalResult upgradePRelu6(NodeForm &node) {
  auto data = getOperandType(node, 0), slope = getOperandType(node, 1);
  if (failed(data) || failed(slope))
    return failure();
  if (slope->getRank() != 1 || slope->getDimSize(0) == 1 || data->getRank() < 2)
    return success();
  node.operands[1] = unsqueeze(node, node.operands[1], llvm::to_vector(llvm::seq<int64_t>(1, data->getRank() - 1)));
  return success(node.operands[1]);
}

/// Before version 6 the defaults were rounded.
static LogicalResult upgradeSelu1(NodeForm &node) {
  setDefault(node, "alpha", node.b.getF32FloatAttr(1.6732f));
  setDefault(node, "gamma", node.b.getF32FloatAttr(1.0507f));
  return success();
}

/// The bounds became operands.
static LogicalResult upgradeClip6(NodeForm &node) {
  return success(succeeded(attributeToOperand(node, "min", 1)) && succeeded(attributeToOperand(node, "max", 2)));
}

/// In version 1, and in models that say version 6 but were written for it, the type was a name: that of the
/// TensorProto.DataType.
static LogicalResult upgradeCast1(NodeForm &node) {
  auto name = dyn_cast_or_null<StringAttr>(node.get("to"));
  if (!name)
    return success();
  std::string wanted = name.getValue().lower();
  wanted = wanted == "float" ? "float32" : wanted == "double" ? "float64" : wanted;
  constexpr int64_t lastOfVersion1 = 15;
  for (int64_t type = 1; type <= lastOfVersion1; ++type)
    if (getElementTypeName(type) == wanted) {
      setInt(node, "to", type);
      return success();
    }
  return node.error() << "Cast: '" << name.getValue() << "' is no element type";
}

/// Before version 12 the ratio was an attribute, before 10 the mask was of the data's type, and before 7 an attribute
/// told inference from training. Only inference is compiled, where the ratio says nothing.
static LogicalResult upgradeDropout10(NodeForm &node) {
  node.take("ratio");
  node.take("is_test");
  if (node.opset >= 10 || node.resultCount < 2)
    return success();
  auto type = getOperandType(node, 0);
  if (failed(type))
    return failure();
  Value none = NoneOp::create(node.b, node.b.getNoneType());
  auto dropout = make<DropoutOp>(node.b, {node.operands[0], none, none}, {}, 2);
  IntegerAttr to = IntegerAttr::get(node.b.getIntegerType(64, /*isSigned=*/true), getOnnxType(type->getElementType()));
  auto mask = dropout ? make<CastOp>(node.b, dropout.getMask(), node.b.getNamedAttr("to", to)) : CastOp();
  if (!mask)
    return failure();
  node.results = {dropout.getOutput(), mask.getResult()};
  return success();
}

/// Training draws numbers, which are others for every node.
static LogicalResult seedDropout(NodeForm &node) { return node.operand(2) ? giveSeed(node) : success(); }

/// What holds for every operator of the family.
template <typename... Ops> static void addUpgrades(OnnxDialect &dialect) {
  (dialect.addUpgrade(Ops::getOperationName().drop_front(StringRef("onnx.").size()), 6, dropConsumedInputs), ...);
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Elementwise.cpp.inc"

void onnxc::onnx::registerElementwiseOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Elementwise.cpp.inc"
      >();
  addUpgrades<
#define GET_OP_LIST
#include "dialects/onnx/ops/Elementwise.cpp.inc"
      >(dialect);
  for (StringRef name : {"Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less"}) {
    dialect.addUpgrade(name, 7, upgradeBroadcast);
    dialect.addUpgrade(name, kAnyVersion, takeLegacyBroadcast);
  }
  dialect.addUpgrade("PRelu", 7, upgradePRelu6);
  dialect.addUpgrade("Selu", 6, upgradeSelu1);
  dialect.addUpgrade("Clip", 11, upgradeClip6);
  dialect.addUpgrade("Cast", 7, upgradeCast1);
  dialect.addUpgrade("Dropout", 12, upgradeDropout10);
  dialect.addUpgrade("Dropout", /*below=*/std::numeric_limits<int64_t>::max(), seedDropout);
  dialect.addUpgrade("CastLike", /*below=*/std::numeric_limits<int64_t>::max(), makeCast);
}
