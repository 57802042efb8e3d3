//===- dialects/onnx/Verify.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a function that the importer did not build keeps the contract of the onnx dialect. Structure and types are
// checked from the outside in, and every operation before its types are inferred: inference may rely on its operands.
#include "dialects/onnx/Verify.h"
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/ops/ControlFlow.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace onnxc::onnx;

static constexpr StringLiteral kSymbols = "onnx.symbols";
static constexpr StringLiteral kClamped = "onnx.clamped";
static constexpr StringLiteral kVarying = "onnx.varying";
static constexpr StringLiteral kData = "onnx.data";
/// Bodies in bodies: as many as the importer lets through.
static constexpr unsigned kMaxDepth = 64;
/// Elements of one input, as the importer has it.
static constexpr int64_t kMaxElements = int64_t(1) << 40;

// ---- Types ---------------------------------------------------------------------------------------------------------

static bool isElementType(Type type) {
  constexpr int64_t mostTypes = 64; // more numbers than TensorProto.DataType has
  for (int64_t number = 0; number < mostTypes; ++number)
    if (getElementType(type.getContext(), number) == type)
      return true;
  return false;
}

/// Whether sizes can be calculated with the expression: known symbols, and divisors above 0.
static bool isSizeExpression(AffineExpr expr, size_t symbolCount) {
  bool isFine = true;
  expr.walk([&](AffineExpr e) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
      isFine &= symbol.getPosition() < symbolCount;
    isFine &= !isa<AffineDimExpr>(e);
    auto binary = dyn_cast<AffineBinaryOpExpr>(e);
    if (!binary || e.getKind() == AffineExprKind::Add || e.getKind() == AffineExprKind::Mul)
      return;
    if (auto divisor = getConstant(binary.getRHS()))
      isFine &= *divisor > 0;
  });
  return isFine;
}

static LogicalResult verifyEncoding(RankedTensorType type, size_t symbolCount) {
  if (type.hasStaticShape())
    return success(!type.getEncoding());
  auto map = dyn_cast_or_null<AffineMapAttr>(type.getEncoding());
  if (!map || map.getValue().getNumDims() != 0 || map.getValue().getNumResults() != type.getRank())
    return failure();
  for (auto [size, expr] : llvm::zip_equal(type.getShape(), map.getValue().getResults())) {
    int64_t known = getConstant(expr).value_or(ShapedType::kDynamic);
    if (known != size || !isSizeExpression(expr, symbolCount))
      return failure();
  }
  return success();
}

LogicalResult onnxc::onnx::verifyValueType(Location loc, const Twine &what, Type type, size_t symbolCount) {
  auto wrong = [&](const Twine &why) { return emitError(loc) << what << " is of type " << type << ": " << why; };
  auto isItem = [](Type type) {
    auto tensor = dyn_cast<TensorType>(type);
    auto ranked = dyn_cast<RankedTensorType>(type);
    return tensor && isElementType(tensor.getElementType()) && (!ranked || !ranked.getEncoding());
  };
  auto isMap = [](Type type) {
    auto map = dyn_cast<MapType>(type);
    return map && isElementType(map.getKeyType()) && isElementType(map.getValueType()) &&
           (isa<StringType>(map.getKeyType()) || map.getKeyType().isInteger());
  };
  auto isSequence = [&](Type type) {
    auto sequence = dyn_cast<SequenceType>(type);
    return sequence && (isItem(sequence.getElementType()) || isMap(sequence.getElementType()));
  };
  if (isa<NoneType>(type) || isMap(type) || isSequence(type))
    return success();
  if (auto optional = dyn_cast<OptionalType>(type))
    if (Type inner = optional.getElementType(); isItem(inner) || isMap(inner) || isSequence(inner))
      return success();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return wrong("values are ranked tensors, sequences, optionals and maps");
  if (!isElementType(tensor.getElementType()))
    return wrong("ONNX has no such elements");
  if (failed(verifyEncoding(tensor, symbolCount)))
    return wrong("where a dimension is '?', an affine map over the function's onnx.symbols gives every size, as in "
                 "tensor<?x3xf32, affine_map<()[s0] -> (s0, 3)>>");
  int64_t count = 1;
  for (int64_t size : tensor.getShape())
    if (!ShapedType::isDynamic(size) &&
        (llvm::MulOverflow(count, std::max<int64_t>(size, 1), count) || count > kMaxElements))
      return wrong("it has too many elements");
  return success();
}

LogicalResult onnxc::onnx::verifyResources(Operation *root) {
  Operation *current = nullptr;
  bool isFine = true;
  AttrTypeWalker walker;
  walker.addWalk([&](DenseResourceElementsAttr elements) {
    const DialectResourceBlobManager::BlobEntry &entry = *elements.getRawHandle().getResource();
    uint64_t expected =
        static_cast<uint64_t>(elements.getType().getNumElements()) * getElementBytes(elements.getElementType());
    if (!entry.getBlob()) {
      isFine = false;
      emitError(current->getLoc()) << "the content of '" << entry.getKey()
                                   << "' was left out when this file was printed: print it with -o FILE.mlir, which "
                                      "writes FILE.mlir.weights beside it";
    } else if (uint64_t size = entry.getBlob()->getData().size(); size != expected) {
      isFine = false;
      emitError(current->getLoc()) << "the content of '" << entry.getKey() << "' has " << size
                                   << " bytes, but its type " << elements.getType() << " takes " << expected;
    }
    return WalkResult::advance();
  });
  root->walk([&](Operation *op) {
    current = op;
    walker.walk(op->getAttrDictionary());
    return isFine ? WalkResult::advance() : WalkResult::interrupt();
  });
  return success(isFine);
}

// ---- Structure -----------------------------------------------------------------------------------------------------

namespace {
class ModelVerifier {
public:
  explicit ModelVerifier(func::FuncOp main) : main(main) {}

  LogicalResult run() {
    if (failed(verifySymbols()) || failed(verifyArguments()) || failed(verifyBlock(main.front(), 0)))
      return failure();
    Operation *end = main.front().getTerminator();
    for (auto [i, value] : llvm::enumerate(end->getOperands()))
      if (isa<NoneType>(value.getType()))
        return emitError(end->getLoc()) << "output " << i << " of @main is an absent value";
    main.setType(FunctionType::get(main.getContext(), main.getArgumentTypes(), end->getOperandTypes()));
    return verify(main);
  }

private:
  InFlightDiagnostic error() { return emitError(main.getLoc()); }

  LogicalResult verifySymbols() {
    if (Attribute symbols = main->getAttr(kSymbols)) {
      auto list = dyn_cast<ArrayAttr>(symbols);
      if (!list || !llvm::all_of(list, [](Attribute name) { return isa<StringAttr>(name); }))
        return error() << kSymbols << " is a list of names";
      symbolCount = list.size();
    }
    Attribute attribute = main->getAttr(kClamped);
    auto clamped = dyn_cast_or_null<DictionaryAttr>(attribute);
    if (attribute && !clamped)
      return error() << kClamped << " is a dictionary: {s2 = affine_map<()[s0] -> (s0 - 1)>}";
    for (NamedAttribute entry : clamped ? clamped.getValue() : ArrayRef<NamedAttribute>()) {
      size_t position;
      auto map = dyn_cast<AffineMapAttr>(entry.getValue());
      // Of earlier symbols only, so that no symbol stands for itself.
      if (!entry.getName().getValue().starts_with("s") ||
          entry.getName().getValue().drop_front().getAsInteger(10, position) || position >= symbolCount || !map ||
          map.getValue().getNumResults() != 1 || !isSizeExpression(map.getValue().getResult(0), position))
        return error() << kClamped << ": '" << entry.getName().getValue()
                       << "' is not one of the function's symbols with an expression of earlier ones";
    }
    return success();
  }

  LogicalResult verifyArguments() {
    for (BlockArgument argument : main.getArguments()) {
      std::string what = "argument " + std::to_string(argument.getArgNumber()) + " of @main";
      if (failed(verifyValueType(main.getLoc(), what, argument.getType(), symbolCount)))
        return failure();
      if (isa<NoneType>(argument.getType()))
        return error() << what << " is of type none: a model's inputs have values";
      if (!isa<RankedTensorType>(argument.getType()))
        continue;
      for (AffineExpr dim : getDims(argument.getType()))
        if (!isa<AffineConstantExpr>(dim) && (!isa<AffineSymbolExpr>(dim) || getClamped(main, dim)))
          return error() << what << " is of type " << argument.getType()
                         << ": the sizes of inputs are numbers and symbols";
    }
    return success();
  }

  LogicalResult verifyBlock(Block &block, unsigned depth) {
    if (depth > kMaxDepth)
      return error() << "bodies are nested more than " << kMaxDepth << " deep";
    for (Operation &op : block) {
      bool isEnd = depth ? isa<YieldOp>(op) : isa<func::ReturnOp>(op);
      if (!isEnd && !isa<OnnxOpInterface>(op))
        return emitError(op.getLoc()) << "'" << op.getName()
                                      << "' can't stand here: @main of a file in the onnx dialect "
                                      << "has operations of that dialect only";
      for (Value value : op.getOperands()) // those of a type that a body's argument had in the file
        if (failed(verifyValueType(op.getLoc(), "an operand of '" + op.getName().getStringRef() + "'", value.getType(),
                                   symbolCount)))
          return failure();
      if (isEnd)
        continue;
      if (failed(verifyOperation(op, depth)))
        return failure();
    }
    return success();
  }

  LogicalResult verifyOperation(Operation &op, unsigned depth) {
    auto info = op.getName().getRegisteredInfo();
    op.removeAttr(kData); // inference says it again
    if (auto varying = op.getAttr(kVarying)) {
      auto list = dyn_cast<DenseI64ArrayAttr>(varying);
      if (!list || list.size() % 3 || llvm::any_of(llvm::seq<int64_t>(0, list.size() / 3), [&](int64_t i) {
            return list[3 * i + 2] < 0 || list[3 * i + 2] >= static_cast<int64_t>(symbolCount);
          }))
        return op.emitOpError() << kVarying << " is a list of (value, dimension, symbol)";
    }
    for (OpResult result : op.getResults())
      if (failed(verifyValueType(op.getLoc(), "a result of '" + op.getName().getStringRef() + "'", result.getType(),
                                 symbolCount)))
        return failure();
    if (failed(info->verifyInvariants(&op)) || failed(verifyResources(&op)))
      return failure();
    if (auto withBodies = dyn_cast<OnnxBodyInterface>(op); withBodies && failed(verifyBodies(withBodies, depth)))
      return failure();
    if (failed(inferTypes(&op)))
      return failure();
    // Inference may have found sizes that need symbols.
    symbolCount = main->getAttrOfType<ArrayAttr>(kSymbols) ? main->getAttrOfType<ArrayAttr>(kSymbols).size() : 0;
    return info->verifyInvariants(&op);
  }

  LogicalResult verifyBodies(OnnxBodyInterface op, unsigned depth) {
    FailureOr<SmallVector<Type>> wanted = op.getBodyArguments();
    if (failed(wanted))
      return failure();
    for (Region &region : op->getRegions()) {
      Block &body = region.front(); // the only one, and it ends in onnx.Yield: a trait says so
      if (body.getNumArguments() != wanted->size())
        return op->emitOpError("a body has ")
               << body.getNumArguments() << " arguments; with these operands it has " << wanted->size();
      for (auto [argument, type] : llvm::zip_equal(body.getArguments(), *wanted)) {
        std::string what = "argument " + std::to_string(argument.getArgNumber()) + " of a body";
        if (failed(verifyValueType(op.getLoc(), what, argument.getType(), symbolCount)))
          return failure();
        auto has = dyn_cast<RankedTensorType>(argument.getType()), wants = dyn_cast<RankedTensorType>(type);
        bool fits = has && wants ? has.getRank() == wants.getRank() && has.getElementType() == wants.getElementType()
                                 : !has && !wants;
        if (!fits)
          return op->emitOpError() << what << " is of type " << argument.getType() << ", but the operands give "
                                   << type;
      }
      if (failed(verifyBlock(body, depth + 1)))
        return failure();
      size_t yielded = body.getTerminator()->getNumOperands();
      if (op.countResults(yielded, op->getNumOperands()) != op->getNumResults())
        return op->emitOpError("a body yields ")
               << yielded << " values, which do not make " << op->getNumResults() << " results";
    }
    return success();
  }

  func::FuncOp main;
  size_t symbolCount = 0;
};
} // namespace

LogicalResult onnxc::onnx::verifyModel(func::FuncOp main) { return ModelVerifier(main).run(); }
