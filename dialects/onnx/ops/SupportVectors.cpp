//===- dialects/onnx/ops/SupportVectors.cpp ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// SVMClassifier and SVMRegressor: kernels of every row and support vector, and sums of them. Without support vectors
// the coefficients themselves are what rows are multiplied with (liblinear's models).
#include "dialects/onnx/ops/SupportVectors.h"
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Scores.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

template <typename T> static ArrayRef<T> listOf(std::optional<ArrayRef<T>> given) {
  return given.value_or(ArrayRef<T>());
}

//===- Kernels ----------------------------------------------------------------------===//

namespace {
enum class Kernel { Linear, Polynomial, Rbf, Sigmoid };

/// What both operators have: vectors that rows meet in a kernel.
struct Machine {
  Kernel kernel;
  double gamma, shift, degree;
  ArrayRef<float> vectors;
  int64_t count, features; ///< of the vectors

  template <typename OpT>
  static FailureOr<Machine> get(OpT op, ArrayRef<AffineExpr> dims, Kernel kernel, ArrayRef<float> vectors,
                                int64_t count);
  /// [N, count].
  Lowered apply(LoweringBuilder &b, Lowered rows) const;
};
} // namespace

template <typename OpT> static FailureOr<Kernel> getKernel(OpT op) {
  auto kernel = llvm::StringSwitch<std::optional<Kernel>>(op.getKernelType())
                    .Case("LINEAR", Kernel::Linear)
                    .Case("POLY", Kernel::Polynomial)
                    .Case("RBF", Kernel::Rbf)
                    .Case("SIGMOID", Kernel::Sigmoid)
                    .Default(std::nullopt);
  if (!kernel)
    return op.emitOpError("kernel_type \"") << op.getKernelType() << "\" is not LINEAR, POLY, RBF or SIGMOID";
  return *kernel;
}

template <typename OpT>
FailureOr<Machine> Machine::get(OpT op, ArrayRef<AffineExpr> dims, Kernel kernel, ArrayRef<float> vectors,
                                int64_t count) {
  int64_t numbers = vectors.size();
  if (count < 1 || numbers == 0 || numbers % count != 0)
    return op.emitOpError("has ") << numbers << " numbers for " << count << " vectors";
  Machine machine{kernel, 0, 0, 0, vectors, count, numbers / count};
  if (auto features = getConstant(dims[1]); features && *features != machine.features)
    return op.emitOpError("X has ") << *features << " features; the vectors have " << machine.features;
  ArrayRef<float> params = listOf(op.getKernelParams());
  if (!params.empty() && params.size() != 3)
    return op.emitOpError("kernel_params has ") << params.size() << " entries, expected gamma, coef0 and degree";
  if (!params.empty())
    machine.gamma = params[0], machine.shift = params[1], machine.degree = params[2];
  return machine;
}

static Scalar power(Scalar x, double exponent) {
  if (exponent != 2 && exponent != 3)
    return pow(x, x.number(exponent));
  return exponent == 2 ? x * x : x * x * x;
}

Lowered Machine::apply(LoweringBuilder &b, Lowered rows) const {
  rows = takeFeatures(b, rows, features);
  Type element = rows.element();
  Lowered weights = makeFloats(b, {count, features}, vectors, element);
  Dims dims{rows.dims()[0], makeDim(b.getContext(), count)};
  if (kernel == Kernel::Rbf) {
    Fields space(b, {dims[0], dims[1], makeDim(b.getContext(), features)});
    Field distance =
        space.sum({space.along(rows, {0, 2}), space.along(weights, {1, 2})}, 2, element, [](ArrayRef<Scalar> e) {
          Scalar difference = e[0] - e[1];
          return difference * difference;
        });
    return space.map(distance, element, [&](ArrayRef<Scalar> e) { return exp(e[0] * -gamma); }).tensor;
  }
  AffineExpr row, vector, feature;
  bindDims(b.getContext(), row, vector, feature);
  auto map = [&](AffineExpr x, AffineExpr y) { return AffineMap::get(3, 0, {x, y}, b.getContext()); };
  Lowered product =
      contract(b, rows, map(row, feature), weights, map(vector, feature), dims, map(row, vector), element);
  if (kernel == Kernel::Linear)
    return product;
  Fields space(b, dims);
  return space
      .map(space.all(product), element,
           [&](ArrayRef<Scalar> e) {
             Scalar x = e[0] * gamma + shift;
             return kernel == Kernel::Polynomial ? power(x, degree) : tanh(x);
           })
      .tensor;
}

//===- SVMRegressor -----------------------------------------------------------------===//

static FailureOr<Machine> getMachine(SVMRegressorOp op, ArrayRef<AffineExpr> dims) {
  auto kernel = getKernel(op);
  if (failed(kernel))
    return failure();
  int64_t supports = op.getNSupports(), coefficients = listOf(op.getCoefficients()).size();
  if (supports <= 0)
    return Machine::get(op, dims, Kernel::Linear, listOf(op.getCoefficients()), 1);
  if (coefficients != supports)
    return op.emitOpError("has ") << coefficients << " coefficients for " << supports << " support vectors";
  return Machine::get(op, dims, *kernel, listOf(op.getSupportVectors()), supports);
}

LogicalResult SVMRegressorOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = getRowDims(*this, getX());
  if (failed(dims) || failed(onnxc::onnx::getPostTransform(*this, getPostTransform())) ||
      failed(getMachine(*this, *dims)))
    return failure();
  if (listOf(getRho()).empty())
    return emitOpError("needs rho");
  types.push_back(makeTensor({(*dims)[0], makeDim(getContext(), 1)}, Float32Type::get(getContext())));
  return success();
}

FailureOr<SmallVector<Value>> SVMRegressorOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered rows = getRows(b, *this, operands);
  Lowered scores = getMachine(*this, rows.dims())->apply(b, rows);
  Type element = scores.element();
  Fields fields(b, scores.dims());
  Field sum = fields.all(scores);
  if (getNSupports() > 0) {
    Field weights = fields.along(makeFloats(b, getNSupports(), *getCoefficients(), element), 1);
    sum = fields.sum({sum, weights}, 1, element, [](ArrayRef<Scalar> e) { return e[0] * e[1]; });
    sum.tensor = reshape(b, sum.tensor, {rows.dims()[0], makeDim(getContext(), 1)});
  }
  Fields single(b, sum.tensor.dims());
  bool isOneClass = getOneClass() != 0;
  Lowered result = single
                       .map(single.all(sum.tensor), element,
                            [&](ArrayRef<Scalar> e) {
                              Scalar score = e[0] + getRho()->front();
                              return isOneClass ? select(score > 0, score.number(1), score.number(-1)) : score;
                            })
                       .tensor;
  result = transformScores(b, result, *onnxc::onnx::getPostTransform(*this, getPostTransform()));
  return SmallVector<Value>{convert(b, result, b.getF32Type()).value};
}

//===- SVMClassifier ----------------------------------------------------------------===//

namespace {
struct SvmClassifier {
  Machine machine;
  Labels labels;
  PostTransform transform;
  int64_t classes, pairs;
  bool hasVectors, hasProbabilities;

  static FailureOr<SvmClassifier> get(SVMClassifierOp op, ArrayRef<AffineExpr> dims);
  int64_t countScores() const {
    return !hasVectors || hasProbabilities ? classes : pairs == 1 ? 2 : pairs; // of a row
  }
};

/// The pairs (i, j) of classes with i < j, row by row.
struct ClassPairs {
  int64_t classes;

  Value position(ImplicitLocOpBuilder &b, Value i, Value j) const { // i * (2 * classes - i - 1) / 2 + j - i - 1
    IndexMath math{b};
    Value before = math.mul(i, math.sub(math.constant(2 * classes - 1), i));
    before = arith::DivUIOp::create(b, before, math.constant(2));
    return math.add(before, math.sub(math.sub(j, i), math.constant(1)));
  }
};
} // namespace

FailureOr<SvmClassifier> SvmClassifier::get(SVMClassifierOp op, ArrayRef<AffineExpr> dims) {
  auto kernel = getKernel(op);
  auto labels = Labels::get(op, op.getClasslabelsInts(), op.getClasslabelsStrings());
  auto transform = onnxc::onnx::getPostTransform(op, op.getPostTransform());
  if (failed(kernel) || failed(labels) || failed(transform))
    return failure();
  constexpr int64_t maxClasses = 1 << 16; // pairs of them are counted
  int64_t classes = labels->size(), pairs = classes * (classes - 1) / 2, vectors = 0;
  if (classes >= maxClasses)
    return op.emitOpError("has ") << classes << " classes; fewer than " << maxClasses << " are supported";
  ArrayRef<int64_t> perClass = listOf(op.getVectorsPerClass());
  for (int64_t count : perClass)
    if (count < 0 || llvm::AddOverflow(vectors, count, vectors))
      return op.emitOpError("vectors_per_class has the entry ") << count;
  int64_t coefficients = listOf(op.getCoefficients()).size(), rho = listOf(op.getRho()).size(),
          a = listOf(op.getProbA()).size(), c = listOf(op.getProbB()).size();
  bool hasVectors = vectors > 0;
  if (hasVectors) {
    if (classes < 2 || static_cast<int64_t>(perClass.size()) != classes)
      return op.emitOpError("vectors_per_class has ")
             << perClass.size() << " entries; there are " << classes << " classes";
    int64_t wanted;
    if (llvm::MulOverflow(vectors, classes - 1, wanted) || coefficients != wanted)
      return op.emitOpError("has ") << coefficients << " coefficients for " << vectors << " support vectors of "
                                    << classes << " classes";
    if ((a || c) && (a != pairs || c != pairs))
      return op.emitOpError("prob_a has ")
             << a << " and prob_b " << c << " entries for " << pairs << " pairs of classes";
  }
  if (rho < (hasVectors ? pairs : 1))
    return op.emitOpError("rho has ") << rho << " entries for " << pairs << " pairs of classes";
  auto machine = hasVectors ? Machine::get(op, dims, *kernel, listOf(op.getSupportVectors()), vectors)
                            : Machine::get(op, dims, Kernel::Linear, listOf(op.getCoefficients()), classes);
  if (failed(machine))
    return failure();
  return SvmClassifier{*machine, *labels, *transform, classes, pairs, hasVectors, hasVectors && a > 0};
}

LogicalResult SVMClassifierOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto dims = getRowDims(*this, getX());
  if (failed(dims))
    return failure();
  auto c = SvmClassifier::get(*this, *dims);
  if (failed(c))
    return failure();
  types.push_back(makeTensor((*dims)[0], c->labels.elementType(getContext())));
  types.push_back(makeTensor({(*dims)[0], makeDim(getContext(), c->countScores())}, Float32Type::get(getContext())));
  return success();
}

/// What decides between two classes: the vectors of each, weighted with the coefficients against the other. [N, pairs].
static Lowered comparePairs(LoweringBuilder &b, SVMClassifierOp op, const SvmClassifier &c, Lowered kernels) {
  Type element = kernels.element();
  int64_t vectors = c.machine.count;
  SmallVector<int64_t> firsts, seconds, begins{0};
  for (int64_t i = 0; i < c.classes; ++i) {
    begins.push_back(begins.back() + (*op.getVectorsPerClass())[i]);
    for (int64_t j = i + 1; j < c.classes; ++j)
      firsts.push_back(i), seconds.push_back(j);
  }
  Value first = makeIntegers(b, firsts), second = makeIntegers(b, seconds), begin = makeIntegers(b, begins);
  Value rho = makeFloats(b, c.pairs, op.getRho()->take_front(c.pairs), element).value;
  Value coefficients = makeFloats(b, {c.classes - 1, vectors}, *op.getCoefficients(), element).value;
  RankedTensorType type = makeTensor({kernels.dims()[0], makeDim(b.getContext(), c.pairs)}, element);
  Value scores = b.generate(type, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    IndexMath math{body};
    Value i = readIndex(body, first, at[1]), j = readIndex(body, second, at[1]), one = math.constant(1);
    Scalar sum = convert(Scalar(body, tensor::ExtractOp::create(body, rho, at[1])), body.getF64Type());
    // The coefficients against class k are in row k, or k - 1 for the classes before it.
    for (auto &side : {std::pair(i, math.sub(j, one)), std::pair(j, i)}) {
      Value row = side.second, from = readIndex(body, begin, side.first);
      Value to = readIndex(body, begin, math.add(side.first, one));
      sum = sum.with(makeLoops(
          body, math.sub(to, from), Value(sum), [&](ImplicitLocOpBuilder &inner, ValueRange n, ValueRange carried) {
            Value vector = IndexMath{inner}.add(from, n[0]);
            Scalar x(inner, tensor::ExtractOp::create(inner, coefficients, ValueRange{row, vector}));
            Scalar y(inner, tensor::ExtractOp::create(inner, kernels.value, ValueRange{at[0], vector}));
            Value next = Scalar(inner, carried[0]) + convert(x * y, inner.getF64Type());
            return SmallVector<Value>{next};
          })[0]);
    }
    return convert(sum, element);
  });
  return {scores, type};
}

/// How many comparisons every class wins. [N, classes].
static Lowered countVotes(LoweringBuilder &b, const SvmClassifier &c, Lowered scores) {
  Type element = scores.element();
  RankedTensorType type = makeTensor({scores.dims()[0], makeDim(b.getContext(), c.classes)}, element);
  Value votes = b.generate(type, [&](ImplicitLocOpBuilder &body, ValueRange at) -> Value {
    Value none = arith::ConstantOp::create(body, body.getFloatAttr(element, 0));
    Value classes = IndexMath{body}.constant(c.classes);
    return makeLoops(body, classes, none, [&](ImplicitLocOpBuilder &inner, ValueRange other, ValueRange carried) {
      auto compare = [&](arith::CmpIPredicate predicate) {
        return Scalar(inner, arith::CmpIOp::create(inner, predicate, at[1], other[0]));
      };
      Scalar isFirst = compare(arith::CmpIPredicate::slt), isOther = compare(arith::CmpIPredicate::ne);
      Value i = arith::MinSIOp::create(inner, at[1], other[0]), j = arith::MaxSIOp::create(inner, at[1], other[0]);
      // Compared with itself it reads what does not count.
      Value place = arith::MinSIOp::create(inner, ClassPairs{c.classes}.position(inner, i, j),
                                           IndexMath{inner}.constant(c.pairs - 1));
      place = arith::MaxSIOp::create(inner, place, IndexMath{inner}.constant(0));
      Scalar isPositive = Scalar(inner, tensor::ExtractOp::create(inner, scores.value, ValueRange{at[0], place})) > 0;
      Value next = Scalar(inner, carried[0]) + convert(~(isFirst ^ isPositive) & isOther, element);
      return SmallVector<Value>{next};
    })[0];
  });
  return {votes, type};
}

namespace {
/// Probabilities of the classes from those of pairs: method 2 of Wu, Lin and Weng, Probability estimates for
/// multi-class classification by pairwise coupling (2004), as libsvm has it: the p with sum 1 that make p^T Q p
/// smallest, where Q_ii is the sum of r_ji^2 over the others j, and Q_ij = -r_ji r_ij; r_ij is the probability of i
/// where it is i or j.
class Coupling {
public:
  Coupling(LoweringBuilder &b, SVMClassifierOp op, const SvmClassifier &c, Lowered scores)
      : b(b), c(c), scores(scores), element(scores.element()), a(makeFloats(b, c.pairs, *op.getProbA(), element).value),
        z(makeFloats(b, c.pairs, *op.getProbB(), element).value) {}

  /// [N, classes].
  Lowered run() {
    RankedTensorType type = makeTensor({scores.dims()[0], makeDim(b.getContext(), c.classes)}, element);
    Value p = b.filled(type, b.constant(element, 1.0 / c.classes));
    // Q and Q p of the present row.
    Value q = b.empty(makeTensor({c.classes, c.classes}, element)), qp = b.empty(makeTensor(c.classes, element));
    auto result = makeLoops(b, b.materializeIndex(scores.dims()[0]), {p, q, qp},
                            [&](ImplicitLocOpBuilder &row, ValueRange n, ValueRange state) {
                              Value classes = IndexMath{row}.constant(c.classes);
                              Value q = makeMatrix(row, n[0], classes, state[1]);
                              auto after =
                                  makeLoops(row, IndexMath{row}.constant(kRounds), {state[0], state[2], classes},
                                            [&](ImplicitLocOpBuilder &round, ValueRange, ValueRange state) {
                                              return step(round, q, n[0], state);
                                            });
                              return SmallVector<Value>{after[0], q, after[1]};
                            });
    return {result[0], type};
  }

private:
  static constexpr int64_t kRounds = 100;

  /// r_ij for any i, j that differ.
  Scalar pairProbability(ImplicitLocOpBuilder &inner, Value n, Value i, Value j) {
    Value low = arith::MinSIOp::create(inner, i, j), high = arith::MaxSIOp::create(inner, i, j);
    Value place = ClassPairs{c.classes}.position(inner, low, high);
    Scalar score(inner, tensor::ExtractOp::create(inner, scores.value, ValueRange{n, place}));
    Scalar slope(inner, tensor::ExtractOp::create(inner, a, place)),
        offset(inner, tensor::ExtractOp::create(inner, z, place));
    Scalar x = score * slope + offset;
    Scalar y = 1 / (exp(-abs(x)) + 1);
    Scalar r = 1 - select(x < 0, 1 - y, y);
    r = atMost(atLeast(r, 1e-7), 1 - 1e-7);
    Value isAhead = arith::CmpIOp::create(inner, arith::CmpIPredicate::slt, i, j);
    return select(Scalar(inner, isAhead), r, 1 - r);
  }

  Value makeMatrix(ImplicitLocOpBuilder &row, Value n, Value classes, Value q) {
    return makeLoops(row, {classes, classes}, q, [&](ImplicitLocOpBuilder &body, ValueRange at, ValueRange carried) {
      IndexMath math{body};
      Value isDiagonal = arith::CmpIOp::create(body, arith::CmpIPredicate::eq, at[0], at[1]);
      // Off the diagonal one product, on it the sum over the others.
      Value zero = arith::ConstantOp::create(body, body.getFloatAttr(element, 0));
      Value count = math.select(isDiagonal, classes, math.constant(1));
      Value sum = makeLoops(body, count, zero, [&](ImplicitLocOpBuilder &inner, ValueRange k, ValueRange sum) {
        IndexMath math{inner};
        Value j = math.select(isDiagonal, k[0], at[1]);
        Value isSelf = arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, at[0], j);
        // In the place of the class itself another one is read, which does not count.
        Value other = math.select(isSelf, math.select(math.equal(j, 0), math.constant(1), math.constant(0)), j);
        Scalar r = pairProbability(inner, n, other, at[0]);
        Scalar term = select(Scalar(inner, isDiagonal), r * r, -(r * pairProbability(inner, n, at[0], other)));
        Value next = Scalar(inner, sum[0]) + select(Scalar(inner, isSelf), 0, term);
        return SmallVector<Value>{next};
      })[0];
      return SmallVector<Value>{tensor::InsertOp::create(body, sum, carried[0], at)};
    })[0];
  }

  /// One round over the classes: `state` has p, Q p, and how many classes there are to go through, none once p is good
  /// enough.
  SmallVector<Value> step(ImplicitLocOpBuilder &round, Value q, Value n, ValueRange state) {
    Value open = state[2], zero = arith::ConstantOp::create(round, round.getFloatAttr(element, 0));
    auto at = [&](ImplicitLocOpBuilder &b, Value tensor, ValueRange place) {
      return Scalar(b, tensor::ExtractOp::create(b, tensor, place));
    };
    // Q p, and p^T Q p.
    auto products =
        makeLoops(round, open, {state[1], zero}, [&](ImplicitLocOpBuilder &row, ValueRange i, ValueRange carried) {
          Value dot = makeLoops(row, open, zero, [&](ImplicitLocOpBuilder &inner, ValueRange j, ValueRange sum) {
            Value next = Scalar(inner, sum[0]) + at(inner, q, {i[0], j[0]}) * at(inner, state[0], {n, j[0]});
            return SmallVector<Value>{next};
          })[0];
          Value whole = Scalar(row, carried[1]) + at(row, state[0], {n, i[0]}) * Scalar(row, dot);
          return SmallVector<Value>{tensor::InsertOp::create(row, dot, carried[0], i[0]), whole};
        });
    Value error = makeLoops(round, open, zero, [&](ImplicitLocOpBuilder &inner, ValueRange i, ValueRange most) {
      Value next = max(Scalar(inner, most[0]), abs(at(inner, products[0], i[0]) - Scalar(inner, products[1])));
      return SmallVector<Value>{next};
    })[0];
    Value isOpen = Scalar(round, error) >= 0.005 / c.classes;
    open = IndexMath{round}.select(isOpen, open, IndexMath{round}.constant(0));
    auto after = makeLoops(
        round, open, {state[0], products[0], products[1]},
        [&](ImplicitLocOpBuilder &row, ValueRange i, ValueRange carried) {
          Scalar diagonal = at(row, q, {i[0], i[0]}), mine = at(row, carried[1], i[0]), whole(row, carried[2]);
          Scalar change = (whole - mine) / diagonal, scale = change + 1;
          whole = (whole + change * (change * diagonal + 2 * mine)) / scale / scale;
          Value p =
              tensor::InsertOp::create(row, at(row, carried[0], {n, i[0]}) + change, carried[0], ValueRange{n, i[0]});
          auto scaled =
              makeLoops(row, open, {p, carried[1]}, [&](ImplicitLocOpBuilder &inner, ValueRange j, ValueRange both) {
                Scalar by(inner, scale);
                Scalar share = at(inner, both[0], {n, j[0]}) / by;
                Scalar moved = (at(inner, both[1], j[0]) + Scalar(inner, change) * at(inner, q, {i[0], j[0]})) / by;
                return SmallVector<Value>{tensor::InsertOp::create(inner, share, both[0], ValueRange{n, j[0]}),
                                          tensor::InsertOp::create(inner, moved, both[1], j[0])};
              });
          return SmallVector<Value>{scaled[0], scaled[1], whole};
        });
    return {after[0], after[1], open};
  }

  LoweringBuilder &b;
  const SvmClassifier &c;
  Lowered scores;
  Type element;
  Value a, z;
};
} // namespace

FailureOr<SmallVector<Value>> SVMClassifierOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered rows = getRows(b, *this, operands);
  auto c = SvmClassifier::get(*this, rows.dims());
  Lowered scores = c->machine.apply(b, rows), winner;
  Type element = scores.element();
  if (!c->hasVectors) {
    Fields fields(b, scores.dims());
    scores =
        fields.map(fields.all(scores), element, [&](ArrayRef<Scalar> e) { return e[0] + getRho()->front(); }).tensor;
    winner = findLargest(b, scores);
    // Weights without a sign make shares of 1.
    bool isShare = llvm::all_of(*getCoefficients(), [](float weight) { return weight >= 0; });
    if (c->classes == 2 && isShare) {
      Field largest = fields.reduce(
          fields.all(scores), 1, element, [](Scalar like) { return like.lowest(); },
          [](Scalar a, ArrayRef<Scalar> e) { return max(a, e[0]); });
      Fields places(b, winner.dims());
      winner = places
                   .map({places.all(winner), places.all(largest.tensor)}, b.getI64Type(),
                        [](ArrayRef<Scalar> e) { return select(e[1] >= 0.5, 1, e[0]); })
                   .tensor;
    }
    scores = transformScores(b, scores, c->transform);
  } else {
    scores = comparePairs(b, *this, *c, scores);
    winner = findLargest(b, countVotes(b, *c, scores));
    if (c->hasProbabilities) {
      scores = transformScores(b, Coupling(b, *this, *c, scores).run(), c->transform);
    } else if (c->classes == 2) {
      scores = scoreTwoClasses(b, scores, /*isSigned=*/c->transform == PostTransform::None, c->transform);
    } else {
      scores = transformScores(b, scores, c->transform);
    }
  }
  return SmallVector<Value>{c->labels.choose(b, winner), convert(b, scores, b.getF32Type()).value};
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/SupportVectors.cpp.inc"

void onnxc::onnx::registerSupportVectorsOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/SupportVectors.cpp.inc"
      >();
}
