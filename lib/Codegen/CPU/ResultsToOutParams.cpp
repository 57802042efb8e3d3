//===- lib/Codegen/CPU/ResultsToOutParams.cpp --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The caller supplies all memory: tensors at the boundary of @main become memref arguments.
#include "lib/Codegen/CPU/Passes.h"
#include "lib/Codegen/CPU/TensorQueries.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace onnxc {
#define GEN_PASS_DEF_RESULTSTOOUTPARAMS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;

static MemRefType getMemRefType(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return MemRefType::get(type.getShape(), type.getElementType());
}

/// A reshape at the end is a view of the output, not a copy: walks back over reshapes of `value` and reshapes `out` the
/// other way round.
static void sinkReshapes(OpBuilder &b, Value &value, Value &out) {
  while (Operation *op = value.getDefiningOp()) {
    Location loc = op->getLoc();
    b.setInsertionPointAfterValue(out); // early, so that what computes `value` may write to `out` itself
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      out = memref::CollapseShapeOp::create(b, loc, out, expand.getReassociationIndices());
      value = expand.getSrc();
    } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op);
               collapse && collapse.getSrcType().hasStaticShape()) {
      out = memref::ExpandShapeOp::create(b, loc, collapse.getSrcType().getShape(), out,
                                          collapse.getReassociationIndices());
      value = collapse.getSrc();
    } else if (auto cast = dyn_cast<tensor::CastOp>(op); cast && isa<RankedTensorType>(cast.getSource().getType())) {
      out = memref::CastOp::create(b, loc, getMemRefType(cast.getSource().getType()), out);
      value = cast.getSource();
    } else {
      return;
    }
  }
}

/// Follows destinations back to where the tensor, and so its sizes, came into being. What bufferisation makes of
/// `value` may lie in the output itself, whose sizes are what is asked for.
static Value originOfSizes(Value value) {
  while (auto result = dyn_cast<OpResult>(value)) {
    auto cast = value.getDefiningOp<tensor::CastOp>();
    Value overwritten = cast ? cast.getSource() : onnxc::cpu::getOverwritten(result);
    if (!overwritten)
      break;
    value = overwritten;
  }
  return value;
}

/// A size of `value`, also through reshapes.
static Value sizeOf(OpBuilder &b, Location loc, Value value, int64_t dim) {
  value = originOfSizes(value);
  if (auto expand = value.getDefiningOp<tensor::ExpandShapeOp>())
    return getValueOrCreateConstantIndexOp(b, loc, expand.getMixedOutputShape()[dim]);
  auto collapse = value.getDefiningOp<tensor::CollapseShapeOp>();
  if (!collapse)
    return tensor::DimOp::create(b, loc, value, dim);
  Value size;
  SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices(); // a temporary would be gone
  for (int64_t part : groups[dim]) {
    Value more = sizeOf(b, loc, collapse.getSrc(), part);
    size = size ? arith::MulIOp::create(b, loc, size, more).getResult() : more;
  }
  return size;
}

/// Whether the sizes come out of branches together with the tensor: a branch can't write to the output itself, which is
/// made when its size is known.
static bool isSizedByBranches(Value value) {
  return isa_and_nonnull<scf::IfOp, arith::SelectOp>(originOfSizes(value).getDefiningOp()) &&
         !cast<RankedTensorType>(value.getType()).hasStaticShape();
}

namespace {
struct ResultsToOutParams : onnxc::impl::ResultsToOutParamsBase<ResultsToOutParams> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    Block &body = function.front();
    OpBuilder b(&getContext());
    SmallVector<tensor::DimOp> dims;
    function.walk([&](tensor::DimOp size) { dims.push_back(size); });
    for (tensor::DimOp size : dims)
      if (auto dim = size.getConstantIndex()) {
        b.setInsertionPoint(size);
        size.replaceAllUsesWith(sizeOf(b, size.getLoc(), size.getSource(), *dim));
        size.erase();
      }
    for (BlockArgument input : body.getArguments()) {
      auto type = dyn_cast<RankedTensorType>(input.getType());
      if (!type)
        continue;
      input.setType(getMemRefType(type));
      b.setInsertionPointToStart(&body);
      // Nobody else writes to an input, and we don't.
      Value tensor = bufferization::ToTensorOp::create(b, input.getLoc(), type, input, /*restrict=*/true);
      input.replaceAllUsesExcept(tensor, tensor.getDefiningOp());
    }

    auto ret = cast<func::ReturnOp>(body.getTerminator());
    SmallVector<DictionaryAttr> attributes;
    for (unsigned i = 0; i < ret.getNumOperands(); ++i)
      attributes.push_back(function.getResultAttrDict(i));
    SmallVector<Value> sizes;
    b.setInsertionPoint(ret);
    for (auto [i, result] : llvm::enumerate(ret.getOperands())) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type) { // a handle: the caller gets the address of the value
        Value place = body.addArgument(MemRefType::get({}, result.getType()), result.getLoc());
        memref::StoreOp::create(b, ret.getLoc(), result, place);
        NamedAttrList list(attributes[i]);
        list.set("onnxc.handle", b.getUnitAttr());
        attributes[i] = list.getDictionary(&getContext());
        continue;
      }
      for (int64_t i = 0; i < type.getRank(); ++i)
        if (type.isDynamicDim(i))
          sizes.push_back(sizeOf(b, result.getLoc(), result, i));
      Value out = body.addArgument(getMemRefType(type), result.getLoc());
      sinkReshapes(b, result, out);
      b.setInsertionPoint(ret);
      if (isSizedByBranches(result)) {
        Value computed = bufferization::ToBufferOp::create(b, ret.getLoc(), getMemRefType(result.getType()), result,
                                                           /*readOnly=*/true);
        memref::CopyOp::create(b, ret.getLoc(), computed, out);
        continue;
      }
      auto materialize = bufferization::MaterializeInDestinationOp::create(b, ret.getLoc(), TypeRange{}, result, out);
      materialize.setRestrict(true);
      materialize.setWritable(true);
    }
    ret->setOperands(sizes);

    unsigned inputs = function.getNumArguments();
    SmallVector<Attribute> all;
    for (unsigned i = 0; i < inputs; ++i)
      all.push_back(function.getArgAttrDict(i) ? function.getArgAttrDict(i) : b.getDictionaryAttr({}));
    for (DictionaryAttr dict : attributes)
      all.push_back(dict ? dict : b.getDictionaryAttr({}));
    function.removeResAttrsAttr();
    function.setType(b.getFunctionType(body.getArgumentTypes(), SmallVector<Type>(sizes.size(), b.getIndexType())));
    function.setArgAttrsAttr(b.getArrayAttr(all));
    function->setAttr("onnxc.inputs", b.getI64IntegerAttr(inputs));
  }
};
} // namespace
