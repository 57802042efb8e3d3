//===- dialects/onnx/ops/Sorting.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// TopK: runtime/library/top-k.c on parts of the lines in parallel.
#include "dialects/onnx/ops/Sorting.h"
#include "dialects/onnx/support/Contraction.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Loops.h"
#include "dialects/onnx/support/Upgrade.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "onnxc/abi.h"

using namespace mlir;
using namespace onnxc::onnx;

LogicalResult TopKOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getX());
  auto axis = normalizeAxis(*this, getAxis(), dims.size());
  if (failed(axis))
    return failure();
  if (failed(assumeLength(*this, 1, 1, "K")))
    return failure();
  Type element = getElementTypeOrSelf(getX().getType());
  auto data = getShapeData(getK());
  AffineExpr count = data ? data->front() : freshSymbol(*this, 0, *axis);
  auto number = getConstant(count), size = getConstant(dims[*axis]);
  if (number && (*number < 0 || (size && *number > *size)))
    return emitOpError("K is ") << *number << ", but the axis has " << (size ? std::to_string(*size) : "?")
                                << " elements";
  dims[*axis] = count;
  types.push_back(makeTensor(dims, element));
  types.push_back(makeTensor(dims, IntegerType::get(getContext(), 64)));
  return success();
}

/// Tasks that keep every thread busy to the end, and the elements that are worth one.
static constexpr int64_t kMaxTasks = 32, kTaskElements = 16 << 10;

/// outs[task's part] = call(part of x) for `outer` lines of `perLine` elements of x and `perResult` of each result, all
/// of them flat.
static SmallVector<Value> forTasks(LoweringBuilder &b, Value outer, Value x, Value perLine, ValueRange outs,
                                   Value perResult, function_ref<ValueRange(Value x, ValueRange outs)> call) {
  IndexMath math{b};
  Value worthOne =
      arith::CeilDivUIOp::create(b, math.constant(kTaskElements), arith::MaxUIOp::create(b, perLine, math.constant(1)));
  Value perTask = arith::MaxUIOp::create(b, worthOne, arith::CeilDivUIOp::create(b, outer, math.constant(kMaxTasks)));
  Value tasks = arith::CeilDivUIOp::create(b, outer, perTask);
  auto loop = scf::ForallOp::create(b, ArrayRef<OpFoldResult>{tasks}, outs, std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value first = math.mul(loop.getInductionVar(0), perTask), count = math.least(perTask, math.sub(outer, first));
  OpFoldResult one = b.getIndexAttr(1), offset = math.mul(first, perResult), size = math.mul(count, perResult);
  x = tensor::ExtractSliceOp::create(b, x, OpFoldResult(math.mul(first, perLine)),
                                     OpFoldResult(math.mul(count, perLine)), one);
  SmallVector<Value> parts;
  for (Value whole : loop.getRegionOutArgs())
    parts.push_back(tensor::ExtractSliceOp::create(b, whole, offset, size, one));
  ValueRange results = call(x, parts);
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  for (auto [part, whole] : llvm::zip_equal(results, loop.getRegionOutArgs()))
    tensor::ParallelInsertSliceOp::create(b, part, whole, offset, size, one);
  return loop.getResults();
}

/// The data are outer x length x inner, and each (outer, inner) is a line. The result is sorted for sorted = 0, too:
/// any order will do there.
FailureOr<SmallVector<Value>> TopKOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Lowered x = getLowered(*this, operands, 0);
  int64_t axis = *normalizeAxis(*this, getAxis(), x.rank());
  Dims dims = x.dims(), resultDims = getDims(getValues());
  AffineExpr kept = resultDims[axis];
  b.bindFresh(kept, [&]() -> Value {
    Value k = operands[1];
    SmallVector<Value> zeros(cast<RankedTensorType>(k.getType()).getRank(), b.index(0));
    k = arith::IndexCastOp::create(b, b.getIndexType(), tensor::ExtractOp::create(b, k, zeros));
    return arith::MaxSIOp::create(b, k, b.index(0));
  });
  b.requireNonNegative(dims[axis] - kept, "TopK: k is larger than the axis");
  b.requireNonNegative(kept, "TopK: k is negative");

  AffineExpr outer = product(getContext(), ArrayRef(dims).take_front(axis));
  AffineExpr inner = product(getContext(), ArrayRef(dims).drop_front(axis + 1));
  Value length = b.materializeIndex(dims[axis]), k = b.materializeIndex(kept), stride = b.materializeIndex(inner);
  SmallVector<Value> settings;
  for (Value number : {length, stride, k, b.index(getLargest() != 0)})
    settings.push_back(arith::IndexCastOp::create(b, b.getI64Type(), number));
  Value settingsTensor = tensor::FromElementsOp::create(b, settings);

  int32_t type = getOnnxType(x.element());
  std::string function = "onnxc_top_k_" + std::to_string(8 * getElementBytes(x.element()));
  auto call = [&](Value x, ValueRange outs) -> ValueRange {
    return rt::CallOp::create(b, outs.getTypes(), function, ValueRange{x, settingsTensor}, outs, b.getStrArrayAttr({}),
                              ArrayRef<int32_t>{type, ONNXC_INT64, type, ONNXC_INT64}, /*heapless=*/true)
        .getResults();
  };
  Value flat = reshape(b, x, product(getContext(), dims)).value;
  RankedTensorType valuesType = makeTensor(product(getContext(), resultDims), x.element());
  RankedTensorType placesType = withElementType(valuesType, b.getI64Type());
  SmallVector<Value> results{b.empty(valuesType), b.empty(placesType)};
  std::optional<int64_t> size = getConstant(product(getContext(), dims));
  if (getConstant(outer) == 1 || (size && *size < 2 * kTaskElements)) {
    results = call(flat, results);
  } else {
    IndexMath math{b};
    results =
        forTasks(b, b.materializeIndex(outer), flat, math.mul(length, stride), results, math.mul(k, stride), call);
  }
  return SmallVector<Value>{b.reshape(results[0], valuesType, getValues().getType()),
                            b.reshape(results[1], placesType, getIndices().getType())};
}

//===- Older versions ---------------------------------------------------------------===//

/// K became an operand.
static LogicalResult upgradeTopK1(NodeForm &node) { return attributeToOperand(node, "k", 1); }

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Sorting.cpp.inc"

void onnxc::onnx::registerSortingOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Sorting.cpp.inc"
      >();
  dialect.addUpgrade("TopK", 10, upgradeTopK1);
  dialect.addUpgrade("TopK", kAnyVersion, makeVectors<TopKOp, 1>);
}
