//===- dialects/onnx/ops/Maps.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that take or make maps. The work is done by runtime/library/map.c.
#include "dialects/onnx/ops/Maps.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Scores.h"
#include "dialects/onnx/support/Upgrade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

//===- CastMap ----------------------------------------------------------------------===//

/// What `cast_to` names; null for what it may not be.
static Type getCastType(MLIRContext *context, StringRef name) {
  return llvm::StringSwitch<Type>(name)
      .Case("TO_FLOAT", Float32Type::get(context))
      .Case("TO_INT64", IntegerType::get(context, 64))
      .Case("TO_STRING", StringType::get(context))
      .Default({});
}

/// Values of another type than `cast_to` are cast by Cast.
static LogicalResult splitCastMap(NodeForm &node) {
  auto map = node.operands.empty() ? MapType() : dyn_cast<MapType>(node.operands[0].getType());
  auto name = dyn_cast_or_null<StringAttr>(node.get("cast_to"));
  Type wanted = getCastType(node.b.getContext(), name ? name.getValue() : "TO_FLOAT");
  if (!map || !wanted || map.getValueType() == wanted)
    return success();
  auto values = make<CastMapOp>(node.b, node.operands[0], takeThoseOf<CastMapOp>(node));
  if (!values)
    return failure();
  Type i64 = node.b.getIntegerType(64, /*isSigned=*/true);
  auto to = node.b.getNamedAttr("to", IntegerAttr::get(i64, getOnnxType(wanted)));
  auto cast = make<CastOp>(node.b, values.getY(), to);
  if (!cast)
    return failure();
  node.results = {cast->getResult(0)};
  return success();
}

LogicalResult CastMapOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto map = cast<MapType>(getX().getType());
  Type element = map.getValueType();
  if (!getCastType(getContext(), getCastTo()))
    return emitOpError("cast_to \"") << getCastTo() << "\" is not TO_FLOAT, TO_INT64 or TO_STRING";
  if (!map.getKeyType().isSignlessInteger(64) || (!element.isF32() && !isa<StringType>(element)))
    return emitOpError("takes maps from int64 to float32 or strings");
  AffineExpr count;
  if (getMapForm() == "SPARSE" && getMaxMap() < 1)
    return emitOpError("max_map is ") << getMaxMap() << ", expected the length of the result";
  if (getMapForm() == "SPARSE")
    count = makeDim(getContext(), getMaxMap());
  else if (getMapForm() == "DENSE")
    count = freshSymbol(*this, 0, 1);
  else
    return emitOpError("map_form \"") << getMapForm() << "\" is not DENSE or SPARSE";
  types.push_back(makeTensor({makeDim(getContext(), 1), count}, element));
  return success();
}

FailureOr<SmallVector<Value>> CastMapOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Type map = getX().getType(), result = getY().getType(), element = getElementTypeOrSelf(result);
  if (getMapForm() == "DENSE")
    return b.call("onnxc_map_values", operands, map, {}, result);
  RankedTensorType one = makeTensor(1, element);
  // What onnxruntime has for strings; the others are read as numbers.
  StringRef zero = getCastTo() == "TO_STRING" ? "0.f" : "0";
  Value rest = isa<StringType>(element) ? b.strings(one, zero) : b.filled(one, b.constant(element, 0));
  return b.call("onnxc_map_scatter", {operands[0], rest}, {map, one}, result, {},
                {StringRef("CastMap: a key is negative")});
}

//===- DictVectorizer ---------------------------------------------------------------===//

static FailureOr<Labels> getVocabulary(DictVectorizerOp op) {
  auto labels = Labels::get(op, op.getInt64Vocabulary(), op.getStringVocabulary());
  if (failed(labels))
    return failure();
  auto map = cast<MapType>(op.getX().getType());
  if (map.getKeyType() != labels->elementType(op.getContext()))
    return op.emitOpError("the keys of the map are ")
           << getElementTypeName(map.getKeyType()) << ", those of the vocabulary "
           << getElementTypeName(labels->elementType(op.getContext()));
  return labels;
}

LogicalResult DictVectorizerOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto labels = getVocabulary(*this);
  if (failed(labels))
    return failure();
  Type element = cast<MapType>(getX().getType()).getValueType();
  if (!element.isF32() && !element.isF64() && !element.isSignlessInteger(64) && !isa<StringType>(element))
    return emitOpError("takes maps to float32, float64, int64 or strings, not ") << getElementTypeName(element);
  // A row, as onnxruntime has it, though the specification calls it 1-D.
  types.push_back(makeTensor({1, static_cast<int64_t>(labels->size())}, element));
  return success();
}

FailureOr<SmallVector<Value>> DictVectorizerOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto labels = getVocabulary(*this);
  SmallVector<int64_t> order = labels->sort();
  auto type = [&](Type element) { return makeTensor(static_cast<int64_t>(order.size()), element); };
  Type types[] = {getX().getType(), type(labels->elementType(getContext())), type(b.getI64Type())};
  return b.call("onnxc_map_lookup", {operands[0], labels->makeTable(b), makeIntegers(b, order)}, types,
                getY().getType(), {});
}

//===- ZipMap -----------------------------------------------------------------------===//

LogicalResult ZipMapOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto labels = Labels::get(*this, getClasslabelsInt64s(), getClasslabelsStrings());
  auto dims = getRowDims(*this, getX());
  if (failed(labels) || failed(dims))
    return failure();
  if (!getElementTypeOrSelf(getX()).isF32())
    return emitOpError("takes float32, not ") << getElementTypeName(getElementTypeOrSelf(getX()));
  int64_t count = labels->size();
  if (auto columns = getConstant((*dims)[1]); columns && *columns != count)
    return emitOpError("X has ") << *columns << " columns; there are " << count << " labels";
  Labels sorted = *labels;
  sorted.sort();
  if (sorted.hasDuplicates())
    return emitOpError("two labels are the same");
  Type map = MapType::get(getContext(), labels->elementType(getContext()), Float32Type::get(getContext()));
  types.push_back(SequenceType::get(getContext(), map));
  return success();
}

FailureOr<SmallVector<Value>> ZipMapOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  auto labels = Labels::get(*this, getClasslabelsInt64s(), getClasslabelsStrings());
  int64_t count = labels->size();
  Lowered rows = takeFeatures(b, getRows(b, *this, operands), count);
  return b.call("onnxc_zip_map", {rows.value, labels->makeTable(b)},
                {rows.type, makeTensor(count, labels->elementType(getContext()))}, {}, getZ().getType());
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Maps.cpp.inc"

void onnxc::onnx::registerMapsOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Maps.cpp.inc"
      >();
  dialect.addUpgrade("CastMap", std::numeric_limits<int64_t>::max(), splitCastMap, "ai.onnx.ml");
}
