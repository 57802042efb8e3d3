//===- dialects/onnx/ops/Training.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that train (ai.onnx.preview.training): one step of an optimiser for any number of tensors at once, written
// as the formulas of the specification in operators of the dialect.
#include "dialects/onnx/ops/Training.h"
#include "dialects/onnx/support/Term.h"

using namespace mlir;
using namespace onnxc::onnx;

namespace {
/// A node whose inputs are the learning rate, the number of steps before this one, and `kinds` lists of tensors of one
/// length: what is trained, its gradients, and the optimiser's state. The results are the new values of all but the
/// gradients.
class Optimizer {
public:
  Optimizer(NodeForm &node, unsigned kinds) : node(node), kinds(kinds) {}

  /// Both as f64: they are single numbers, and what is made of them may need the precision (1 - beta^t).
  Term rate() const { return term(0).as(node.b.getF64Type()); }
  Term steps() const { return term(1).as(node.b.getF64Type()); }
  Term isLater() const { return steps().make<GreaterOp>(steps().number(0)); }

  /// update(tensors of one kind each) gives the new values.
  LogicalResult run(llvm::function_ref<SmallVector<Term>(ArrayRef<Term>)> update) {
    if (node.operands.size() < 2 + kinds || (node.operands.size() - 2) % kinds != 0)
      return node.error() << "the node has " << node.operands.size() << " inputs; they must be R, T and " << kinds
                          << " lists of the same length";
    if (failed(requireOperands(node, node.operands.size())))
      return failure();
    for (unsigned i : {0, 1})
      if (auto type = cast<RankedTensorType>(node.operands[i].getType());
          !type.hasStaticShape() || type.getNumElements() != 1)
        return node.error() << "R and T must be scalars";
    size_t count = (node.operands.size() - 2) / kinds;
    SmallVector<Value> results(count * (kinds - 1));
    for (size_t i = 0; i < count; ++i) {
      SmallVector<Term> tensors;
      for (unsigned kind = 0; kind < kinds; ++kind) {
        tensors.push_back(term(2 + kind * count + i));
        if (!fits(tensors.back().value, tensors[0].value))
          return node.error() << "input " << 2 + kind * count + i
                              << " must hold floating-point numbers, and be like the tensor that is trained";
      }
      for (auto [kind, term] : llvm::enumerate(update(tensors)))
        results[kind * count + i] = term.value;
    }
    return finish(node, results);
  }

private:
  /// As many floating-point numbers, as far as it is known.
  static bool fits(Value value, Value model) {
    Type element = getElementTypeOrSelf(value);
    Dims sizes = getDims(value), wanted = getDims(model);
    return isa<FloatType>(element) && element == getElementTypeOrSelf(model) && sizes.size() == wanted.size() &&
           llvm::all_of(llvm::zip(sizes, wanted), [](auto pair) {
             auto [a, b] = pair;
             return !getConstant(a) || !getConstant(b) || a == b;
           });
  }

  Term term(size_t i) const { return {&node, node.operands[i]}; }

  NodeForm &node;
  unsigned kinds;
};
} // namespace

static LogicalResult expandAdagrad(NodeForm &node) {
  double decay = takeFloat(node, "decay_factor", 0), epsilon = takeFloat(node, "epsilon", 1e-6f);
  double norm = takeFloat(node, "norm_coefficient", 0);
  Optimizer optimizer(node, 3);
  return optimizer.run([&](ArrayRef<Term> t) -> SmallVector<Term> {
    Term x = t[0], gradient = norm * x + t[1];
    Term rate = (optimizer.rate() / (1 + decay * optimizer.steps())).as(getElementTypeOrSelf(x.value));
    Term squares = t[2] + gradient * gradient;
    return {x - rate * gradient / (sqrt(squares) + epsilon), squares};
  });
}

static LogicalResult expandAdam(NodeForm &node) {
  double alpha = takeFloat(node, "alpha", 0.9f), beta = takeFloat(node, "beta", 0.999f);
  double epsilon = takeFloat(node, "epsilon", 1e-6f), norm = takeFloat(node, "norm_coefficient", 0);
  double normAfter = takeFloat(node, "norm_coefficient_post", 0);
  Optimizer optimizer(node, 4);
  return optimizer.run([&](ArrayRef<Term> t) -> SmallVector<Term> {
    Term x = t[0], gradient = norm * x + t[1], rate = optimizer.rate(), steps = optimizer.steps();
    Term momentum = alpha * t[2] + (1 - alpha) * gradient;
    Term squares = beta * t[3] + (1 - beta) * (gradient * gradient);
    Term corrected = rate * sqrt(1 - power(steps.number(beta), steps)) / (1 - power(steps.number(alpha), steps));
    rate = select(optimizer.isLater(), corrected, rate).as(getElementTypeOrSelf(x.value));
    Term next = x - rate * (momentum / (sqrt(squares) + epsilon));
    return {(1 - normAfter) * next, momentum, squares};
  });
}

/// The gradient counts in full in the first step.
static LogicalResult expandMomentum(NodeForm &node) {
  for (StringRef name : {"alpha", "beta", "norm_coefficient", "mode"})
    if (!node.get(name))
      return node.error() << "the attribute " << name << " must be given";
  double alpha = takeFloat(node, "alpha", 0), beta = takeFloat(node, "beta", 0);
  double norm = takeFloat(node, "norm_coefficient", 0);
  auto mode = dyn_cast<StringAttr>(node.take("mode"));
  if (!mode || (mode.getValue() != "standard" && mode.getValue() != "nesterov"))
    return node.error() << "mode must be 'standard' or 'nesterov'";
  Optimizer optimizer(node, 3);
  return optimizer.run([&](ArrayRef<Term> t) -> SmallVector<Term> {
    Term x = t[0], gradient = norm * x + t[1];
    Type element = getElementTypeOrSelf(x.value);
    Term steps = optimizer.steps(), rate = optimizer.rate().as(element);
    Term weight = select(optimizer.isLater(), steps.number(beta), steps.number(1)).as(element);
    Term momentum = alpha * t[2] + weight * gradient;
    Term direction = mode.getValue() == "nesterov" ? gradient + alpha * momentum : momentum;
    return {x - rate * direction, momentum};
  });
}

void onnxc::onnx::registerTrainingOps(OnnxDialect &dialect) {
  auto add = [&](StringRef name, OnnxDialect::Upgrade upgrade) {
    dialect.addUpgrade(name, /*below=*/std::numeric_limits<int64_t>::max(), upgrade, "ai.onnx.preview.training");
  };
  add("Adagrad", expandAdagrad);
  add("Adam", expandAdam);
  add("Momentum", expandMomentum);
}
