//===- dialects/onnx/ops/Assumption.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an operator takes for granted of its operands because it could do nothing with others, and the run checks: that
// there are as many repeats as dimensions, say, where the model gives them as a vector of symbolic length.
#include "dialects/onnx/ops/Assumption.h"
#include "dialects/onnx/support/Indices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

LogicalResult AssumeOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getInput());
  if (dims.size() != getSizes().size())
    return emitOpError("has ") << getSizes().size() << " sizes for an operand of rank " << dims.size();
  for (auto [dim, size] : llvm::zip_equal(dims, getSizes())) {
    if (size < 0)
      continue;
    if (auto number = getConstant(dim); number && *number != size)
      return emitOpError(getMessage()) << ", but a size is " << *number;
    dim = makeDim(getContext(), size);
  }
  types.push_back(makeTensor(dims, getElementTypeOrSelf(getInput())));
  return success();
}

std::optional<Dims> AssumeOp::propagateData() {
  auto data = getShapeData(getInput());
  auto type = cast<RankedTensorType>(getType());
  if (!data || !type.hasStaticShape() || static_cast<int64_t>(data->size()) != type.getNumElements())
    return std::nullopt;
  return data;
}

FailureOr<SmallVector<Value>> AssumeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  for (auto [dim, wanted] : llvm::zip_equal(getDims(getInput()), getDims(getOutput())))
    b.requireEqual(dim, wanted, getMessage());
  RankedTensorType type = LoweringBuilder::loweredType(getType());
  if (operands[0].getType() == type)
    return SmallVector<Value>{operands[0]};
  return SmallVector<Value>{tensor::CastOp::create(b, type, operands[0])};
}

LogicalResult AssumeInRangeOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto most = cast<RankedTensorType>(getMost().getType());
  if (!most.hasStaticShape() || most.getNumElements() != 1)
    return emitOpError("most must have one element");
  if (!isa<IntegerType>(getElementTypeOrSelf(getInput())))
    return emitOpError("takes integers");
  types.push_back(getInput().getType());
  return success();
}

FailureOr<SmallVector<Value>> AssumeInRangeOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  SmallVector<Value> first(cast<RankedTensorType>(operands[1].getType()).getRank(), b.index(0));
  Value most = arith::IndexCastOp::create(b, b.getIndexType(), tensor::ExtractOp::create(b, operands[1], first));
  Value least = b.index(getLeast());
  requireInRange(b, operands[0], least, arith::MaxSIOp::create(b, least, most), getMessage());
  return SmallVector<Value>{operands[0]};
}

/// "[4, ?, 3]"
static std::string describeSizes(ArrayRef<int64_t> sizes) {
  auto texts = llvm::map_range(sizes, [](int64_t size) { return size < 0 ? "?" : std::to_string(size); });
  return "[" + llvm::join(texts, ", ") + "]";
}

LogicalResult onnxc::onnx::assumeSizes(Operation *op, unsigned operand, ArrayRef<int64_t> sizes, StringRef name) {
  Value value = op->getOperand(operand);
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return success();
  std::string wanted = (name + " must have shape " + describeSizes(sizes)).str();
  bool fits = type.getRank() == static_cast<int64_t>(sizes.size()), isKnown = true;
  for (int64_t i = 0; fits && i < type.getRank(); ++i) {
    if (sizes[i] < 0)
      continue;
    isKnown &= !type.isDynamicDim(i);
    fits = type.isDynamicDim(i) || type.getDimSize(i) == sizes[i];
  }
  if (!fits) {
    SmallVector<int64_t> have(llvm::map_range(type.getShape(), [](int64_t n) { return std::max<int64_t>(n, -1); }));
    return op->emitOpError(wanted) << ", not " << describeSizes(have);
  }
  if (isKnown)
    return success();
  ImplicitLocOpBuilder b(op->getLoc(), op);
  StringRef operatorName = op->getName().stripDialect().rsplit('.').second;
  if (operatorName.empty())
    operatorName = op->getName().stripDialect();
  auto assumed = make<AssumeOp>(b, value,
                                {b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(sizes)),
                                 b.getNamedAttr("message", b.getStringAttr(operatorName + ": " + wanted))});
  if (!assumed)
    return failure();
  op->setOperand(operand, assumed.getOutput());
  return success();
}

LogicalResult onnxc::onnx::assumeLength(Operation *op, unsigned operand, int64_t length, StringRef name) {
  auto type = dyn_cast<RankedTensorType>(op->getOperand(operand).getType());
  if (type && length == 1)
    return assumeSizes(op, operand, SmallVector<int64_t>(type.getRank(), 1), name);
  return assumeSizes(op, operand, length, name);
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Assumption.cpp.inc"

void onnxc::onnx::registerAssumptionOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Assumption.cpp.inc"
      >();
}
