//===- dialects/onnx/support/Values.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Types of sequences and optionals. See Values.h.
#include "dialects/onnx/support/Values.h"
#include "dialects/onnx/OnnxDialect.h"

using namespace mlir;
using namespace onnxc::onnx;

Type onnxc::onnx::getItemType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? withoutEncoding(tensor) : type;
}

static Type joinTensors(TensorType a, TensorType b) {
  if (a.getElementType() != b.getElementType())
    return {};
  if (!a.hasRank() || !b.hasRank() || a.getRank() != b.getRank())
    return UnrankedTensorType::get(a.getElementType());
  SmallVector<int64_t> sizes;
  for (auto [x, y] : llvm::zip_equal(a.getShape(), b.getShape()))
    sizes.push_back(x == y ? x : ShapedType::kDynamic);
  return RankedTensorType::get(sizes, a.getElementType());
}

Type onnxc::onnx::join(Type a, Type b) {
  if (a == b)
    return getItemType(a);
  if (auto x = dyn_cast<TensorType>(a), y = dyn_cast<TensorType>(b); x && y)
    return joinTensors(x, y);
  if (auto x = dyn_cast<SequenceType>(a), y = dyn_cast<SequenceType>(b); x && y) {
    Type item = join(x.getElementType(), y.getElementType());
    if (!item)
      return {};
    return x.getIsEmpty() ? y : y.getIsEmpty() ? x : SequenceType::get(a.getContext(), item);
  }
  if (auto x = dyn_cast<OptionalType>(a), y = dyn_cast<OptionalType>(b); x && y) {
    Type element = join(x.getElementType(), y.getElementType());
    return element ? OptionalType::get(a.getContext(), element) : Type();
  }
  return {};
}

FailureOr<Type> onnxc::onnx::getTypeOfItem(Operation *op, Type item, unsigned result) {
  if (isa<UnrankedTensorType>(item))
    return op->emitOpError("the rank of the tensors inside is not known: give the model's input that they come from "
                           "such a shape, or say --input-shape \"INPUT=?x?x3\"");
  auto tensor = dyn_cast<RankedTensorType>(item);
  if (!tensor)
    return item;
  Dims dims;
  for (auto [i, size] : llvm::enumerate(tensor.getShape()))
    dims.push_back(ShapedType::isDynamic(size) ? freshSymbol(op, result, i) : makeDim(op->getContext(), size));
  return Type(makeTensor(dims, tensor.getElementType()));
}
