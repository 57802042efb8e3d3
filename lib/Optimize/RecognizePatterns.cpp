//===- lib/Optimize/RecognizePatterns.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Exporters spell some operators out in simpler ones. Here they become one operator again. Operators are compared as
// formulas: products and sums in any order, with constants multiplied and added up.
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/Elements.h"
#include "lib/Optimize/Passes.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/PatternMatch.h"

namespace onnxc {
#define GEN_PASS_DEF_RECOGNIZEPATTERNS
#include "lib/Optimize/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc::onnx;

//===-- Formulas

/// The operation that computes `value`, if it is this ONNX operator.
static Operation *match(Value value, StringRef name) {
  Operation *op = value ? value.getDefiningOp() : nullptr;
  return op && op->getName().stripDialect() == name ? op : nullptr;
}

/// The operand of a unary operator.
static Value argument(Value value, StringRef name) {
  Operation *op = match(value, name);
  return op ? op->getOperand(0) : Value();
}

/// The number that every element of a constant is.
static std::optional<double> getNumber(Value value) {
  ElementsAttr elements = getConstantElements(value);
  if (!elements || !isa<FloatType>(elements.getElementType()) || (!elements.isSplat() && elements.size() != 1))
    return std::nullopt;
  auto numbers = getNumbers(elements);
  return numbers ? std::optional(numbers->front()) : std::nullopt;
}

/// Constants of exporters are rounded to f32, sometimes typed in with few digits.
static bool isNear(double a, double b) { return std::abs(a - b) <= 1e-4 * std::abs(b); }

/// For both orders of the operands of `op`: true when `test` is for one of them.
static bool eitherWay(Operation *op, llvm::function_ref<bool(Value, Value)> test) {
  return op && (test(op->getOperand(0), op->getOperand(1)) || test(op->getOperand(1), op->getOperand(0)));
}

namespace {
/// number * the product of values
struct Product {
  double number = 1;
  SmallVector<Value> values;

  /// The factors of `value`; what is in `atoms` is not taken apart.
  static Product of(Value value, ValueRange atoms) {
    Product product;
    product.collect(value, atoms, 0);
    return product;
  }
  bool is(double expected, ArrayRef<Value> factors) const {
    return isNear(number, expected) && values.size() == factors.size() &&
           std::is_permutation(values.begin(), values.end(), factors.begin());
  }

private:
  void collect(Value value, ValueRange atoms, unsigned depth) {
    constexpr unsigned deepest = 6; // no known formula is deeper
    if (!llvm::is_contained(atoms, value) && depth < deepest) {
      if (Operation *op = match(value, "Mul")) {
        collect(op->getOperand(0), atoms, depth + 1);
        return collect(op->getOperand(1), atoms, depth + 1);
      }
      Operation *op = match(value, "Div");
      if (auto divisor = op ? getNumber(op->getOperand(1)) : std::nullopt; divisor && *divisor != 0) {
        number /= *divisor;
        return collect(op->getOperand(0), atoms, depth + 1);
      }
      op = match(value, "Pow");
      if (auto power = op ? getNumber(op->getOperand(1)) : std::nullopt; power == 2.0 || power == 3.0) {
        for (int i = 0; i < *power; ++i)
          collect(op->getOperand(0), atoms, depth + 1);
        return;
      }
      if (Value negated = argument(value, "Neg")) {
        number = -number;
        return collect(negated, atoms, depth + 1);
      }
      if (auto constant = getNumber(value)) {
        number *= *constant;
        return;
      }
    }
    values.push_back(value);
  }
};
} // namespace

/// x where `value` is x + number.
static Value lessNumber(Value value, double number) {
  Value rest;
  eitherWay(match(value, "Add"), [&](Value x, Value constant) {
    auto found = getNumber(constant);
    if (found && isNear(*found, number))
      rest = x;
    return static_cast<bool>(rest);
  });
  return rest;
}

/// x where `value` is x * number, one step of a formula.
static Value withoutFactor(Value value, double &number) {
  Value rest;
  Operation *division = match(value, "Div");
  if (auto divisor = division ? getNumber(division->getOperand(1)) : std::nullopt; divisor && *divisor != 0) {
    number = 1 / *divisor;
    return division->getOperand(0);
  }
  if (Value negated = argument(value, "Neg")) {
    number = -1;
    return negated;
  }
  eitherWay(match(value, "Mul"), [&](Value x, Value constant) {
    if (auto found = getNumber(constant)) {
      number = *found;
      rest = x;
    }
    return static_cast<bool>(rest);
  });
  return rest;
}

/// The first factor of `value` for which `test` holds.
static Value findFactor(Value value, llvm::function_ref<bool(Value)> test, unsigned depth = 0) {
  if (test(value))
    return value;
  Operation *op = match(value, "Mul");
  if (!op)
    op = match(value, "Div");
  if (!op || depth > 3)
    return {};
  for (Value operand : op->getOperands())
    if (Value found = findFactor(operand, test, depth + 1))
      return found;
  return {};
}

//===-- Patterns: each takes the root of a formula and gives the operator that computes it

namespace {
/// An operator to be made.
struct Recognized {
  StringRef name;
  SmallVector<Value> operands;
  SmallVector<NamedAttribute> attributes;
  unsigned results = 1;
};
} // namespace

static NamedAttribute floatAttr(Operation *root, StringRef name, double value) {
  Builder b(root->getContext());
  return b.getNamedAttr(name, b.getF32FloatAttr(value));
}

/// Gelu with erf: 0.5 * x * (1 + erf(x / sqrt(2)))
static std::optional<Recognized> recognizeErfGelu(Operation *root) {
  Value x;
  Value bracket = findFactor(root->getResult(0), [&](Value value) {
    double number = 0;
    x = withoutFactor(argument(lessNumber(value, 1), "Erf"), number);
    return x && isNear(number, 0.70710678);
  });
  if (!bracket || !Product::of(root->getResult(0), {x, bracket}).is(0.5, {x, bracket}))
    return std::nullopt;
  return Recognized{"onnx.Gelu", {x}, {}};
}

/// Gelu with tanh: 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))), also with x in front of the inner bracket
static std::optional<Recognized> recognizeTanhGelu(Operation *root) {
  constexpr double cubic = 0.044715, outer = 0.7978845608;
  Value x;
  Value bracket = findFactor(root->getResult(0), [&](Value value) {
    Value inner = argument(lessNumber(value, 1), "Tanh");
    if (!inner)
      return false;
    x = {};
    findFactor(inner, [&](Value sum) {
      if (Value square = lessNumber(sum, 1)) { // x * (1 + 0.044715 * x^2)
        Product product = Product::of(square, {});
        if (!product.values.empty() && product.is(cubic, {product.values[0], product.values[0]}) &&
            Product::of(inner, {product.values[0], sum}).is(outer, {product.values[0], sum}))
          x = product.values[0];
        return static_cast<bool>(x);
      }
      return eitherWay(match(sum, "Add"), [&](Value candidate, Value cube) {
        if (!Product::of(cube, candidate).is(cubic, {candidate, candidate, candidate}) ||
            !Product::of(inner, sum).is(outer, {sum}))
          return false;
        x = candidate;
        return true;
      });
    });
    return static_cast<bool>(x);
  });
  if (!bracket || !Product::of(root->getResult(0), {x, bracket}).is(0.5, {x, bracket}))
    return std::nullopt;
  Builder b(root->getContext());
  return Recognized{"onnx.Gelu", {x}, {b.getNamedAttr("approximate", b.getStringAttr("tanh"))}};
}

/// Swish (SiLU): x * sigmoid(alpha * x), also as x / (1 + exp(-alpha * x)). With alpha = 1.702 it is the third spelling
/// of Gelu: an approximation, computed as it stands.
static std::optional<Recognized> recognizeSwish(Operation *root) {
  Value x;
  double alpha = 1;
  auto isArgument = [&](Value value, double sign) { // sign * alpha * x
    double number = 0;
    if (sign > 0 && value == x)
      return true;
    if (withoutFactor(value, number) != x || number * sign <= 0)
      return false;
    alpha = number * sign;
    return true;
  };
  bool found = eitherWay(match(root->getResult(0), "Mul"), [&](Value first, Value second) {
    x = first;
    Value inner = argument(second, "Sigmoid");
    return inner && isArgument(inner, 1);
  });
  if (Operation *division = match(root->getResult(0), "Div"); !found && division) {
    x = division->getOperand(0);
    Value exponent = argument(lessNumber(division->getOperand(1), 1), "Exp");
    found = exponent && isArgument(exponent, -1);
  }
  if (!found)
    return std::nullopt;
  return Recognized{"onnx.Swish", {x}, {floatAttr(root, "alpha", alpha)}};
}

/// Softplus: log(1 + exp(x))
static std::optional<Recognized> recognizeSoftplus(Operation *root) {
  Value x = argument(lessNumber(argument(root->getResult(0), "Log"), 1), "Exp");
  if (!x)
    return std::nullopt;
  return Recognized{"onnx.Softplus", {x}, {}};
}

/// Mish: x * tanh(softplus(x))
static std::optional<Recognized> recognizeMish(Operation *root) {
  Value x;
  if (!eitherWay(match(root->getResult(0), "Mul"), [&](Value first, Value second) {
        x = first;
        return argument(argument(second, "Tanh"), "Softplus") == x;
      }))
    return std::nullopt;
  return Recognized{"onnx.Mish", {x}, {}};
}

/// HardSwish: x * hardsigmoid(x) with slope 1/6 and 1/2 at 0, also as x * clip(x + 3, 0, 6) / 6
static std::optional<Recognized> recognizeHardSwish(Operation *root) {
  Value x;
  double expected = 1;
  Value gate = findFactor(root->getResult(0), [&](Value value) {
    if (Operation *op = match(value, "HardSigmoid")) {
      auto alpha = op->getAttrOfType<FloatAttr>("alpha"), beta = op->getAttrOfType<FloatAttr>("beta");
      x = op->getOperand(0);
      return alpha && isNear(alpha.getValueAsDouble(), 1.0 / 6) && (!beta || isNear(beta.getValueAsDouble(), 0.5));
    }
    Operation *op = match(value, "Clip");
    if (!op || op->getNumOperands() != 3 || getNumber(op->getOperand(1)) != 0.0 || getNumber(op->getOperand(2)) != 6.0)
      return false;
    expected = 1.0 / 6;
    x = lessNumber(op->getOperand(0), 3);
    return static_cast<bool>(x);
  });
  if (!gate || !Product::of(root->getResult(0), {x, gate}).is(expected, {x, gate}))
    return std::nullopt;
  return Recognized{"onnx.HardSwish", {x}, {}};
}

//===-- Normalisations over the last dimensions

namespace {
struct Mean {
  Value of;
  int64_t axis; ///< the first of the reduced dimensions, which go to the last
};
} // namespace

/// A mean over the last dimensions that keeps them.
static std::optional<Mean> matchMean(Value value) {
  Operation *op = match(value, "ReduceMean");
  if (!op || op->getNumOperands() != 2)
    return std::nullopt;
  if (auto keep = op->getAttrOfType<IntegerAttr>("keepdims"); keep && keep.getSInt() == 0)
    return std::nullopt;
  int64_t rank = cast<RankedTensorType>(op->getOperand(0).getType()).getRank();
  auto axes = getConstantInts(op->getOperand(1));
  if (!axes || axes->empty())
    return std::nullopt;
  for (int64_t &axis : *axes)
    axis = axis < 0 ? axis + rank : axis;
  llvm::sort(*axes);
  for (auto [i, axis] : llvm::enumerate(*axes))
    if (axis != rank - static_cast<int64_t>(axes->size()) + static_cast<int64_t>(i))
      return std::nullopt;
  return Mean{op->getOperand(0), axes->front()};
}

/// x - mean(x)
static std::optional<Mean> matchCentered(Value value) {
  Operation *op = match(value, "Sub");
  if (!op)
    return std::nullopt;
  auto mean = matchMean(op->getOperand(1));
  return mean && mean->of == op->getOperand(0) ? mean : std::nullopt;
}

/// The same value, or the same x - mean(x).
static bool isSame(Value a, Value b) {
  if (a == b)
    return true;
  auto ca = matchCentered(a), cb = matchCentered(b);
  return ca && cb && ca->of == cb->of && ca->axis == cb->axis;
}

namespace {
struct Normalized {
  Value x; ///< x / sqrt(mean(x^2) + epsilon)
  int64_t axis;
  double epsilon;
};
} // namespace

static std::optional<Normalized> matchNormalized(Value value) {
  // The root of the mean square: by sqrt or as a power.
  auto variance = [](Value root) -> Value {
    if (Value sum = argument(root, "Sqrt"))
      return sum;
    Operation *power = match(root, "Pow");
    return power && getNumber(power->getOperand(1)) == 0.5 ? power->getOperand(0) : Value();
  };
  std::optional<Normalized> found;
  auto check = [&](Value x, Value sum) { // x and mean(x^2) + epsilon
    return eitherWay(match(sum, "Add"), [&](Value square, Value constant) {
      auto epsilon = getNumber(constant);
      auto mean = matchMean(square);
      if (!epsilon || !mean)
        return false;
      Value a, b;
      if (Operation *mul = match(mean->of, "Mul"))
        a = mul->getOperand(0), b = mul->getOperand(1);
      else if (Operation *pow = match(mean->of, "Pow"); pow && getNumber(pow->getOperand(1)) == 2.0)
        a = b = pow->getOperand(0);
      if (!a || !isSame(a, x) || !isSame(b, x))
        return false;
      found = Normalized{x, mean->axis, *epsilon};
      return true;
    });
  };
  if (Operation *division = match(value, "Div")) {
    check(division->getOperand(0), variance(division->getOperand(1)));
  } else {
    eitherWay(match(value, "Mul"), [&](Value x, Value inverse) {
      if (Operation *power = match(inverse, "Pow"); power && getNumber(power->getOperand(1)) == -0.5)
        return check(x, power->getOperand(0));
      if (Value root = argument(inverse, "Reciprocal"))
        return check(x, variance(root));
      Operation *one = match(inverse, "Div");
      return one && getNumber(one->getOperand(0)) == 1.0 && check(x, variance(one->getOperand(1)));
    });
  }
  return found;
}

/// `value` as a scale or bias over the dimensions from `axis` of `type`: exactly their sizes, without those of 1 in
/// front. Null when it is something else.
static Value asParameter(Value value, RankedTensorType type, int64_t axis) {
  auto own = cast<RankedTensorType>(value.getType());
  ArrayRef<int64_t> sizes = own.getShape(), wanted = type.getShape().drop_front(axis);
  while (sizes.size() > wanted.size() && sizes.front() == 1)
    sizes = sizes.drop_front();
  if (sizes != wanted || own.getElementType() != type.getElementType())
    return {};
  if (static_cast<size_t>(own.getRank()) == wanted.size())
    return value;
  auto flat = RankedTensorType::get(sizes, own.getElementType());
  ElementsAttr elements = getConstantElements(value), same = elements ? reinterpret(elements, flat) : nullptr;
  if (!same)
    return {};
  OpBuilder b(value.getDefiningOp());
  return ConstantOp::create(b, value.getLoc(), flat, same);
}

/// LayerNormalization: (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * scale + bias, and RMSNormalization:
/// x / sqrt(mean(x^2) + epsilon) * scale. The bias (or the scale) is the root.
static std::optional<Recognized> recognizeNormalization(Operation *root) {
  Value scaled = root->getResult(0);
  auto recognize = [&](Value scaled, Value bias) -> std::optional<Recognized> {
    std::optional<Recognized> result;
    eitherWay(match(scaled, "Mul"), [&](Value value, Value factor) {
      auto normalized = matchNormalized(value);
      if (!normalized)
        return false;
      auto type = cast<RankedTensorType>(value.getType());
      Value scale = asParameter(factor, type, normalized->axis);
      Value shift = bias ? asParameter(bias, type, normalized->axis) : Value();
      if (!scale || (bias && !shift))
        return false;
      Builder b(root->getContext());
      SmallVector<NamedAttribute> attributes{
          b.getNamedAttr("axis",
                         b.getIntegerAttr(b.getIntegerType(64, /*isSigned=*/true), normalized->axis - type.getRank())),
          floatAttr(root, "epsilon", normalized->epsilon)};
      auto centered = matchCentered(normalized->x);
      if (centered && centered->axis == normalized->axis)
        result = Recognized{"onnx.LayerNormalization", {centered->of, scale, shift}, attributes, 3};
      else if (!bias)
        result = Recognized{"onnx.RMSNormalization", {normalized->x, scale}, attributes};
      return result.has_value();
    });
    return result;
  };
  std::optional<Recognized> result;
  eitherWay(match(scaled, "Add"), [&](Value value, Value bias) {
    result = recognize(value, bias);
    return result.has_value();
  });
  if (result)
    return result;
  // Without a bias, unless one follows: then the Add is the root.
  for (Operation *user : scaled.getUsers())
    if (match(scaled, "Mul") && user->getName().stripDialect() == "Add")
      for (Value operand : user->getOperands())
        if (operand != scaled && recognize(scaled, operand))
          return std::nullopt;
  return recognize(scaled, Value());
}

//===-- The pass

namespace {
struct RecognizePatterns : onnxc::impl::RecognizePatternsBase<RecognizePatterns> {
  void runOnOperation() override {
    getOperation().walk<WalkOrder::PreOrder>([&](Block *block) {
      for (Operation &op : llvm::make_early_inc_range(*block))
        if (op.getNumResults() == 1 && isa<OnnxOpInterface>(op))
          replace(&op);
    });
    // What the formulas were made of: users first, and those in a body use what is around it.
    getOperation().walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
      if (isOpTriviallyDead(op))
        op->erase();
    });
  }

  void replace(Operation *root) {
    for (auto pattern : {recognizeErfGelu, recognizeTanhGelu, recognizeSwish, recognizeSoftplus, recognizeMish,
                         recognizeHardSwish, recognizeNormalization}) {
      auto found = pattern(root);
      if (!found)
        continue;
      ImplicitLocOpBuilder b(root->getLoc(), root);
      for (Value &operand : found->operands)
        if (!operand)
          operand = NoneOp::create(b, b.getNoneType());
      Operation *made = makeOp(b, found->name, found->operands, found->attributes, found->results);
      // Another type: a constant of the formula had more dimensions than the rest.
      if (!made || made->getResult(0).getType() != root->getResult(0).getType())
        continue;
      root->getResult(0).replaceAllUsesWith(made->getResult(0));
      ++recognized;
      return;
    }
  }
};
} // namespace
