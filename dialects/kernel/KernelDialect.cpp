//===- dialects/kernel/KernelDialect.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Verification of the kernels, and their bufferisation: every one overwrites its destination and reads it never.
#include "dialects/kernel/KernelDialect.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace onnxc::kernel;

#include "dialects/kernel/KernelDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/kernel/KernelAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/kernel/Kernel.cpp.inc"

void KernelDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/kernel/Kernel.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/kernel/KernelAttributes.cpp.inc"
      >();
}

/// Replaces a kernel on tensors by the same kernel on buffers.
static LogicalResult bufferizeKernel(DestinationStyleOpInterface op, RewriterBase &rewriter,
                                     const BufferizationOptions &options, BufferizationState &state) {
  if (op.hasPureBufferSemantics())
    return success();
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    FailureOr<Value> buffer =
        isa<TensorType>(operand.getType()) ? getBuffer(rewriter, operand, options, state) : FailureOr<Value>(operand);
    if (failed(buffer))
      return failure();
    operands.push_back(*buffer);
  }
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  OperationState built(op->getLoc(), op->getName(), operands, TypeRange(), op->getAttrs());
  built.propertiesAttr = op->getPropertiesAsAttribute();
  for (Region &region : op->getRegions())
    built.addRegion()->takeBody(region);
  rewriter.create(built);
  replaceOpWithBufferizedValues(rewriter, op, ArrayRef(operands).take_back(op.getNumDpsInits()));
  return success();
}

static void addEffects(DestinationStyleOpInterface op,
                       SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}

// The last operands of every kernel are what it writes: scratch memory, if any, and the destination.
#define KERNEL_INTERFACES(OP, INITS)                                                                                   \
  MutableOperandRange OP::getDpsInitsMutable() { return {*this, (*this)->getNumOperands() - INITS, INITS}; }           \
  bool OP::bufferizesToMemoryRead(OpOperand &operand, const AnalysisState &) { return !isDpsInit(&operand); }          \
  bool OP::bufferizesToMemoryWrite(OpOperand &operand, const AnalysisState &) { return isDpsInit(&operand); }          \
  AliasingValueList OP::getAliasingValues(OpOperand &operand, const AnalysisState &) {                                 \
    if (!isDpsInit(&operand))                                                                                          \
      return {};                                                                                                       \
    return {{getTiedOpResult(&operand), BufferRelation::Equivalent}};                                                  \
  }                                                                                                                    \
  LogicalResult OP::bufferize(RewriterBase &rewriter, const BufferizationOptions &options,                             \
                              BufferizationState &state) {                                                             \
    return bufferizeKernel(cast<DestinationStyleOpInterface>(getOperation()), rewriter, options, state);               \
  }                                                                                                                    \
  void OP::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {                  \
    addEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);                                            \
  }
KERNEL_INTERFACES(ContractOp, 1)
KERNEL_INTERFACES(DepthwiseOp, 1)
KERNEL_INTERFACES(WinogradFilterOp, 1)
KERNEL_INTERFACES(WinogradOp, 2)
KERNEL_INTERFACES(PackOp, 1)
KERNEL_INTERFACES(FillBorderOp, 1)
KERNEL_INTERFACES(AssembleOp, 1)
#undef KERNEL_INTERFACES

static ShapedType shaped(Value value) { return cast<ShapedType>(value.getType()); }

/// The epilogue takes the element and one of each extra operand, and its map fits every extra operand.
static LogicalResult verifyEpilogue(Operation *op, Region &epilogue, ValueRange extras, ArrayRef<Attribute> maps,
                                    unsigned dims, Type element) {
  if (maps.size() != extras.size())
    return op->emitOpError("needs an indexing map for each of its ") << extras.size() << " extra operands";
  for (auto [extra, map] : llvm::zip(extras, maps)) {
    AffineMap affine = cast<AffineMapAttr>(map).getValue();
    if (affine.getNumDims() != dims || affine.getNumResults() != unsigned(shaped(extra).getRank()) ||
        !affine.isProjectedPermutation(/*allowZeroInResults=*/true))
      return op->emitOpError("map ") << map << " does not fit the extra operand of type " << extra.getType();
  }
  if (epilogue.empty())
    return extras.empty() ? success() : op->emitOpError("has extra operands but no epilogue");
  Block &block = epilogue.front();
  if (block.getNumArguments() != 1 + extras.size())
    return op->emitOpError("epilogue must take the element and one of each extra operand");
  for (auto [argument, value] : llvm::zip(block.getArguments().drop_front(), extras))
    if (argument.getType() != shaped(value).getElementType())
      return op->emitOpError("epilogue takes ") << argument.getType() << " where the operand is " << value.getType();
  auto yield = dyn_cast_or_null<YieldOp>(block.empty() ? nullptr : &block.back());
  if (!yield || yield.getValue().getType() != element)
    return op->emitOpError("epilogue must yield the element type of outs, ") << element;
  return success();
}

LogicalResult ContractOp::verify() {
  StringRef dims = getDims();
  if (!llvm::is_sorted(dims, [](char a, char b) { return StringRef("bmnk").find(a) < StringRef("bmnk").find(b); }) ||
      dims.find_first_not_of("bmnk") != StringRef::npos || count('n') != 1)
    return emitOpError("dims must be b*m*nk*, not \"") << dims << '"';
  if (getMaps().size() != 2 + getExtras().size())
    return emitOpError("needs the maps of lhs, outs and every extra operand");
  unsigned packedRank = count('b') + (getSizes() ? 1 : count('k')) + 2;
  if (shaped(getRhs()).getRank() != packedRank || shaped(getRhs()).isDynamicDim(packedRank - 1))
    return emitOpError("rhs must be packed with rank ") << packedRank << " and a static number of lanes";
  AffineMap lhs = getLhsMap(), init = getInitMap();
  if (lhs.getNumDims() != dims.size() || lhs.getNumResults() != unsigned(shaped(getLhs()).getRank()))
    return emitOpError("map ") << getMaps()[0] << " does not fit lhs";
  if (std::optional<ArrayRef<int64_t>> sizes = getSizes()) {
    int64_t words = 1;
    for (auto [i, size] : llvm::enumerate(*sizes))
      words *= i + 1 == sizes->size() ? llvm::divideCeil(size, 4) : size;
    if (getBits() || sizes->size() != count('k') || sizes->empty() ||
        !llvm::all_of(*sizes, [](int64_t size) { return size > 0; }) ||
        shaped(getRhs()).getDimSize(packedRank - 2) != words + 1)
      return emitOpError("sizes [") << *sizes << "] do not fit rhs";
  }
  if (std::optional<uint64_t> bits = getBits()) {
    auto numbers = lhs.getResultPosition(getAffineDimExpr(dims.size() - 1, getContext()));
    if (dims.count('b') != 0 || dims.count('k') != 2 || !numbers || shaped(getLhs()).isDynamicDim(*numbers))
      return emitOpError("needs blocks of a known size for numbers of some bits");
    int64_t block = shaped(getLhs()).getDimSize(*numbers), words = shaped(getRhs()).getDimSize(2);
    if ((*bits != 2 && *bits != 4 && *bits != 8) || block * *bits % 32 != 0)
      return emitOpError("can't have blocks of ") << block << " numbers of " << *bits << " bits";
    if (int64_t more = words - block * *bits / 32; more != 1 && more != 2)
      return emitOpError("rhs has ") << words << " words for a block of " << block << " numbers of " << *bits
                                     << " bits";
  }
  if (init.getNumDims() != dims.size() || init.getNumResults() != dims.size() - count('k') ||
      init.getNumResults() != unsigned(shaped(getInit()).getRank()) || !init.isProjectedPermutation() ||
      !isa<AffineDimExpr>(init.getResults().back()) ||
      cast<AffineDimExpr>(init.getResults().back()).getPosition() != getColumnDim())
    return emitOpError("map ") << getMaps()[1] << " of outs must end with the column dimension";
  return verifyEpilogue(*this, getEpilogue(), getExtras(), getMaps().getValue().drop_front(2), dims.size(),
                        shaped(getInit()).getElementType());
}

LogicalResult DepthwiseOp::verify() {
  if (shaped(getLhs()).getRank() != 4 || shaped(getFilter()).getRank() != 3 || shaped(getInit()).getRank() != 4)
    return emitOpError("needs a 4-D input and output and a 3-D filter");
  if (getStrides().size() != 2 || getDilations().size() != 2)
    return emitOpError("needs two strides and two dilations");
  Type lhs = shaped(getLhs()).getElementType(), filter = shaped(getFilter()).getElementType();
  bool isBytes = lhs.isInteger(8) && (filter.isInteger(8) || filter.isInteger(16));
  if (!isBytes && !(lhs.isF32() && filter.isF32()))
    return emitOpError("multiplies f32, or i8 with i8 or i16, not ") << lhs << " with " << filter;
  return verifyEpilogue(*this, getEpilogue(), getExtras(), getMaps().getValue(), 4, shaped(getInit()).getElementType());
}

LogicalResult WinogradFilterOp::verify() {
  auto source = shaped(getSource()).getShape(), init = shaped(getInit()).getShape();
  if (source.size() != 5 || source[1] != 3 || source[2] != 3 || init.size() != 4 ||
      init.drop_front() != ArrayRef<int64_t>({source[0], source[3], source[4]}) || (init[0] != 16 && init[0] != 36) ||
      ShapedType::isDynamicShape(init))
    return emitOpError("makes a static 16xPxCxV or 36xPxCxV of Px3x3xCxV");
  return success();
}

LogicalResult WinogradOp::verify() {
  auto lhs = shaped(getLhs()).getShape(), filter = shaped(getFilter()).getShape(), init = shaped(getInit()).getShape();
  int64_t side = getTile() + 2;
  if (side != 4 && side != 6)
    return emitOpError("has tiles of 2 or 4, not of ") << getTile();
  bool isTransformed = filter.size() == 4;
  if (lhs.size() != 4 || init.size() != 4 || (!isTransformed && filter.size() != 5) ||
      shaped(getScratch()).getRank() != 2)
    return emitOpError("needs a 4-D input and output, a 4-D or 5-D filter and 2-D scratch memory");
  for (int i : {1, 2})
    if (!ShapedType::isDynamic(lhs[i]) && !ShapedType::isDynamic(init[i]) && lhs[i] < init[i] + 2)
      return emitOpError("needs an input whose height and width are 2 larger");
  int64_t panels = filter[isTransformed ? 1 : 0], channels = filter.drop_back().back();
  if (ShapedType::isDynamicShape(filter) ||
      (isTransformed ? filter[0] != side * side : filter[1] != 3 || filter[2] != 3) ||
      (!ShapedType::isDynamic(lhs[3]) && channels != lhs[3]) || panels * filter.back() < init[3])
    return emitOpError("filter does not fit the channels");
  return verifyEpilogue(*this, getEpilogue(), getExtras(), getMaps().getValue(), 4, shaped(getInit()).getElementType());
}

LogicalResult PackOp::verify() {
  unsigned loops = shaped(getInit()).getRank() - 1;
  if (getMap().getNumDims() != loops || getMap().getNumResults() != unsigned(shaped(getSource()).getRank()) ||
      !getMap().isProjectedPermutation())
    return emitOpError("map ") << getMapAttr() << " must be a projected permutation of " << loops << " dimensions";
  if (shaped(getInit()).isDynamicDim(loops))
    return emitOpError("needs a static number of lanes");
  return success();
}

LogicalResult FillBorderOp::verify() {
  size_t rank = shaped(getInit()).getRank();
  if (getValue().getType() != shaped(getInit()).getElementType())
    return emitOpError("fills with another type than that of the elements");
  if (getLow().size() != rank || getHigh().size() != rank)
    return emitOpError("needs a low and a high border for each of the ") << rank << " dimensions";
  return success();
}

SmallVector<OpFoldResult> AssembleOp::getOffsetsOf(unsigned i) {
  Builder b(getContext());
  size_t rank = shaped(getInit()).getRank();
  return SmallVector<OpFoldResult>(ArrayRef(getMixedValues(getStaticOffsets(), getOffsets(), b)).slice(i * rank, rank));
}

LogicalResult AssembleOp::verify() {
  ShapedType whole = shaped(getInit());
  if (getStaticOffsets().size() != getParts().size() * whole.getRank() ||
      static_cast<size_t>(llvm::count_if(getStaticOffsets(), ShapedType::isDynamic)) != getOffsets().size())
    return emitOpError("needs an offset for each dimension of each part");
  for (Value part : getParts())
    if (shaped(part).getRank() != whole.getRank() || shaped(part).getElementType() != whole.getElementType())
      return emitOpError("has a part of type ") << part.getType() << " in a whole of type " << whole;
  return success();
}
