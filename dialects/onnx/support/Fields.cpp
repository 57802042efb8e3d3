//===- dialects/onnx/support/Fields.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors over one iteration space. See Fields.h.
#include "dialects/onnx/support/Fields.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/ZeroPoint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace onnxc::onnx;

Field Fields::all(Lowered tensor) const { return {tensor, llvm::to_vector(llvm::seq<int64_t>(0, space.size()))}; }

Field Fields::along(Lowered tensor, ArrayRef<int64_t> dims) const {
  assert(tensor.rank() == static_cast<int64_t>(dims.size()) && "one dimension of the space for each of the tensor's");
  Dims sizes(llvm::map_range(dims, [&](int64_t dim) { return space[dim]; }));
  return {spread(b, tensor, sizes, "the sizes of a parameter do not fit the data"), SmallVector<int64_t>(dims)};
}

/// How the tensor is indexed by loops over the dimensions `loops` of the space.
AffineMap Fields::mapOf(const Field &field, ArrayRef<int64_t> loops) const {
  SmallVector<AffineExpr> results;
  for (auto [size, dim] : llvm::zip_equal(field.tensor.dims(), field.dims)) {
    bool repeats = getConstant(size) == 1 && getConstant(space[dim]) != 1;
    results.push_back(repeats ? b.getAffineConstantExpr(0)
                              : b.getAffineDimExpr(llvm::find(loops, dim) - loops.begin()));
  }
  return AffineMap::get(loops.size(), 0, results, b.getContext());
}

/// Every dimension that one of the inputs depends on.
static SmallVector<int64_t> uniteDims(ArrayRef<Field> inputs) {
  SmallVector<int64_t> dims;
  for (const Field &input : inputs)
    dims.append(input.dims);
  llvm::sort(dims);
  dims.erase(llvm::unique(dims), dims.end());
  return dims;
}

/// The loop body's elements as scalars, null where an input is absent.
static SmallVector<Scalar> makeScalars(ImplicitLocOpBuilder &b, ArrayRef<Field> inputs, ValueRange args) {
  SmallVector<Scalar> scalars;
  size_t next = 0;
  for (const Field &input : inputs)
    scalars.push_back(input ? widen(Scalar(b, args[next++], input.tensor.element().isUnsignedInteger())) : Scalar());
  return scalars;
}

Field Fields::map(ArrayRef<Field> inputs, Type element, Formula formula) const {
  SmallVector<int64_t> loops = uniteDims(inputs);
  Dims sizes(llvm::map_range(loops, [&](int64_t dim) { return space[dim]; }));
  RankedTensorType type = makeTensor(sizes, element);
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  for (const Field &input : inputs)
    if (input) {
      operands.push_back(input.tensor.value);
      maps.push_back(mapOf(input, loops));
    }
  Value result = b.elementwise(type, operands, maps, [&](ImplicitLocOpBuilder &nested, ValueRange args) -> Value {
    return onnxc::onnx::convert(formula(makeScalars(nested, inputs, args)), getStoredType(element),
                                element.isUnsignedInteger());
  });
  return {{result, type}, loops};
}

Field Fields::reduce(ArrayRef<Field> inputs, ArrayRef<int64_t> axes, Type element,
                     llvm::function_ref<Scalar(Scalar)> start, Step step) const {
  SmallVector<int64_t> loops = uniteDims(inputs), kept;
  SmallVector<utils::IteratorType> iterators;
  Dims sizes;
  for (int64_t dim : loops) {
    bool isReduced = llvm::is_contained(axes, dim);
    iterators.push_back(isReduced ? utils::IteratorType::reduction : utils::IteratorType::parallel);
    if (!isReduced) {
      kept.push_back(dim);
      sizes.push_back(space[dim]);
    }
  }
  // One step, where there is one element: no loop that has to keep a sum.
  if (llvm::all_of(axes, [&](int64_t axis) { return getConstant(space[axis]) == 1; })) {
    Field single = map(inputs, element, [&](ArrayRef<Scalar> e) {
      ImplicitLocOpBuilder &body = llvm::find_if(e, [](Scalar x) { return static_cast<bool>(x); })->builder();
      Value zero = arith::ConstantOp::create(body, body.getZeroAttr(getStoredType(element)));
      return step(start(Scalar(body, zero, element.isUnsignedInteger())), e);
    });
    return {onnxc::onnx::reshape(b, single.tensor, sizes), kept};
  }
  RankedTensorType type = makeTensor(sizes, element);
  Scalar like(b, b.constant(getStoredType(element), 0), element.isUnsignedInteger());
  Field result{{b.filled(type, start(like)), type}, kept};
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  for (const Field &input : inputs)
    if (input) {
      operands.push_back(input.tensor.value);
      maps.push_back(mapOf(input, loops));
    }
  maps.push_back(mapOf(result, loops));
  auto generic = linalg::GenericOp::create(
      b, TypeRange{result.tensor.value.getType()}, operands, ValueRange{result.tensor.value}, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder body(loc, nested);
        Scalar sum(body, args.back(), element.isUnsignedInteger());
        linalg::YieldOp::create(body, Value(step(sum, makeScalars(body, inputs, args.drop_back()))));
      });
  result.tensor.value = generic.getResult(0);
  return result;
}

Field Fields::sum(ArrayRef<Field> inputs, ArrayRef<int64_t> axes, Type element, Formula summand) const {
  return reduce(
      inputs, axes, element, [](Scalar like) { return like.number(0); },
      [&](Scalar sum, ArrayRef<Scalar> elements) { return sum + summand(elements); });
}

Value Fields::count(ArrayRef<int64_t> axes, Type type) const {
  Dims sizes(llvm::map_range(axes, [&](int64_t dim) { return space[dim]; }));
  AffineExpr number = product(b.getContext(), sizes);
  if (auto constant = getConstant(number))
    return b.constant(type, static_cast<double>(*constant));
  Scalar asInt(b, arith::IndexCastOp::create(b, b.getI64Type(), b.materializeIndex(number)));
  return onnxc::onnx::convert(asInt, type);
}
