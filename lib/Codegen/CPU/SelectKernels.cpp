//===- lib/Codegen/CPU/SelectKernels.cpp -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Finds the sums of products in linalg, takes in the transposes around them and the elementwise operations after them,
// and makes kernels of them.
#include "dialects/kernel/KernelDialect.h"
#include "lib/Codegen/CPU/Constants.h"
#include "lib/Codegen/CPU/KernelEmitter.h"
#include "lib/Codegen/CPU/PackWeights.h"
#include "lib/Codegen/CPU/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace onnxc {
#define GEN_PASS_DEF_SELECTKERNELS
#include "lib/Codegen/CPU/Passes.h.inc"
} // namespace onnxc

using namespace mlir;
using namespace onnxc;
using namespace onnxc::kernel;

namespace {
/// A kernel in the making: what it computes, and the value that it computes it for.
struct Candidate {
  // The product, as kernel.contract has it (dialects/kernel/Kernel.td).
  std::string dims;                  ///< the role of every dimension: batch b, rows m, columns n, reduced k
  Value lhs, rhs;                    ///< rhs is the side that has the columns, and that is packed
  AffineMap lhsMap, rhsMap, initMap; ///< which element each dimension picks, in this order of the dimensions
  Value scales, zeros;               ///< of blocks of rhs, whose elements are numbers of few bits; else null
  bool isBytes = false;              ///< both sides are i8,
  bool isUnsigned = false;           ///< and the left one unsigned
  SmallVector<int64_t> reducedSizes; ///< of a constant rhs, once it is packed

  // What becomes of an element before it is stored.
  Region epilogue;
  SmallVector<Value> extras; ///< what the epilogue reads besides
  SmallVector<AffineMap> extraMaps;

  // Where it stands. The result moves on as consumers become part of the kernel.
  Value result;
  Operation *last;                   ///< the operation that computes `result` now
  SmallVector<Operation *> absorbed; ///< those before it, which the kernel replaces, too
  Value destination;                 ///< tensor.empty that the result overwrites
};

class Selector {
public:
  Selector(Operation *root, unsigned lanes, bool winograd, bool half)
      : room(root), lanes(lanes), winograd(winograd), half(half) {}

  /// Whether `op` became a kernel.
  bool select(linalg::LinalgOp op);
  unsigned fused = 0, packed = 0;

private:
  // Whether `op` is a product that a kernel computes: fills in the candidate's product.
  bool matchProduct(linalg::LinalgOp op, Candidate &c); ///< of f32
  bool matchBlocks(linalg::LinalgOp op, Candidate &c);  ///< with a right side of few bits
  bool matchBytes(linalg::LinalgOp op, Candidate &c);
  bool matchMaps(linalg::LinalgOp op, Candidate &c); ///< the part that is common to them
  bool chooseRoles(Candidate &c);

  // What follows the product becomes part of the kernel, as long as something does.
  void fuseConsumers(Candidate &c);
  bool splitRows(Candidate &c, tensor::ExpandShapeOp expand);
  bool takeTranspose(Candidate &c, linalg::TransposeOp transpose);
  bool takeElementwise(Candidate &c, linalg::GenericOp generic);
  /// One more operand of the epilogue, with an argument of its block.
  void addExtra(Candidate &c, Value extra, AffineMap map) {
    c.extras.push_back(extra);
    c.extraMaps.push_back(map);
    c.epilogue.addArgument(cast<ShapedType>(extra.getType()).getElementType(), extra.getLoc());
  }
  /// The result starts from `init` instead of zero.
  void addInit(Candidate &c, Value init) {
    addExtra(c, init, c.initMap);
    OpBuilder b(init.getContext());
    b.setInsertionPointToEnd(&c.epilogue.front());
    Value acc = c.epilogue.getArgument(0), first = c.epilogue.getArgument(1);
    Value sum = c.isBytes ? arith::AddIOp::create(b, init.getLoc(), acc, first).getResult()
                          : arith::AddFOp::create(b, init.getLoc(), acc, first).getResult();
    YieldOp::create(b, init.getLoc(), sum);
  }

  // The kernel itself.
  Value makeRhs(OpBuilder &b, Location loc, Candidate &c);
  /// The packed right side of few bits; `bits` says how many.
  Value makeBlocks(OpBuilder &b, Location loc, Candidate &c, IntegerAttr &bits);
  bool prefersWinograd(const Candidate &c, Value packed);
  Operation *createWinograd(OpBuilder &b, Location loc, Candidate &c, Value packed);
  bool selectDepthwise(linalg::DepthwiseConv2DNhwcHwcOp op);
  void finish(Candidate &c, Operation *kernel);

  cpu::MadeBytes room; ///< for packed constants; beyond it they are packed in the run
  unsigned lanes;
  bool winograd, half;
};

/// The body is acc + a * b.
static bool isProductSum(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  auto yield = dyn_cast<linalg::YieldOp>(body->getTerminator());
  if (!yield || yield.getNumOperands() != 1 || body->getOperations().size() != 3)
    return false;
  auto sum = yield.getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum)
    return false;
  Value accumulator = body->getArgument(2), product = sum.getLhs() == accumulator ? sum.getRhs() : sum.getLhs();
  if (sum.getLhs() != accumulator && sum.getRhs() != accumulator)
    return false;
  auto mul = product.getDefiningOp<arith::MulFOp>();
  Value a = body->getArgument(0), b = body->getArgument(1);
  return mul && ((mul.getLhs() == a && mul.getRhs() == b) || (mul.getLhs() == b && mul.getRhs() == a));
}

static bool isF32Tensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getElementType().isF32();
}

static bool isZero(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.getInputs()[0];
  return matchPattern(value, m_AnyZeroFloat()) || matchPattern(value, m_Zero());
}

/// Whether a kernel's epilogue may read or make such a tensor.
static bool fitsEpilogue(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isVectorElement(type.getElementType());
}

/// Reads through transposes: `value` under `map` is the same as what it was transposed from under the new map.
static void readThroughTransposes(Value &value, AffineMap &map) {
  while (auto transpose = value.getDefiningOp<linalg::TransposeOp>()) {
    SmallVector<AffineExpr> exprs(map.getNumResults());
    for (auto [i, from] : llvm::enumerate(transpose.getPermutation()))
      exprs[from] = map.getResult(i);
    map = AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
    value = transpose.getInput();
  }
}

/// `value` without dimensions of size 1 that `map` reads at 0, such as those of a number for each channel of an image.
static void dropUnitDims(OpBuilder &b, Value &value, AffineMap &map) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<ReassociationIndices> groups;
  SmallVector<AffineExpr> exprs;
  SmallVector<int64_t> shape;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (type.getDimSize(i) == 1 && isa<AffineConstantExpr>(expr)) {
      if (!groups.empty())
        groups.back().push_back(i);
      continue;
    }
    groups.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(groups.empty() ? 0 : i, i + 1)));
    exprs.push_back(expr);
    shape.push_back(type.getDimSize(i));
  }
  if (exprs.empty() || exprs.size() == map.getNumResults())
    return;
  map = AffineMap::get(map.getNumDims(), 0, exprs, b.getContext());
  value = tensor::CollapseShapeOp::create(b, value.getLoc(), RankedTensorType::get(shape, type.getElementType()), value,
                                          groups);
}

static bool isLinear(AffineExpr expr) {
  if (isa<AffineDimExpr>(expr))
    return true;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (expr.getKind() == AffineExprKind::Mul)
    return isLinear(binary.getLHS()) && isa<AffineConstantExpr>(binary.getRHS());
  return expr.getKind() == AffineExprKind::Add && isLinear(binary.getLHS()) && isLinear(binary.getRHS());
}

static bool uses(AffineMap map, unsigned dim) { return map.isFunctionOfDim(dim); }

/// An uninitialised tensor like `value`.
static Value makeEmpty(OpBuilder &b, Location loc, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return tensor::EmptyOp::create(b, loc, tensor::getMixedSizes(b, loc, value), type.getElementType());
}

/// Where a kernel that replaces `init`'s reader may write: the buffer below a fill, or a new one.
static Value makeDestination(OpBuilder &b, Location loc, Value init) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    if (fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>())
      return fill.getOutputs()[0];
  return makeEmpty(b, loc, init);
}

/// acc + a * b of f32.
bool Selector::matchProduct(linalg::LinalgOp op, Candidate &c) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !op.hasPureTensorSemantics() ||
      !llvm::all_of(op->getOperands(), isF32Tensor) || !isProductSum(op))
    return false;
  return matchMaps(op, c);
}

/// acc + a * b of i8, with a constant b that counts as signed.
bool Selector::matchBytes(linalg::LinalgOp op, Candidate &c) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !op.hasPureTensorSemantics() ||
      !getElementTypeOrSelf(op->getResult(0)).isInteger(32) ||
      !llvm::all_of(op.getDpsInputs(), [](Value input) { return getElementTypeOrSelf(input).isInteger(8); }))
    return false;
  Block *body = op.getBlock();
  auto sum = cast<linalg::YieldOp>(body->getTerminator()).getOperand(0).getDefiningOp<arith::AddIOp>();
  if (!sum || sum.getLhs() != body->getArgument(2))
    return false;
  auto product = sum.getRhs().getDefiningOp<arith::MulIOp>();
  if (!product)
    return false;
  auto isExtended = [&](Value value, unsigned i, bool isSigned) {
    Operation *extension = value.getDefiningOp();
    return extension && (isSigned ? isa<arith::ExtSIOp>(extension) : isa<arith::ExtUIOp>(extension)) &&
           extension->getOperand(0) == body->getArgument(i);
  };
  c.isBytes = true;
  c.isUnsigned = isExtended(product.getLhs(), 0, false);
  if ((!c.isUnsigned && !isExtended(product.getLhs(), 0, true)) || !isExtended(product.getRhs(), 1, true))
    return false;
  Value rhs = op.getDpsInputs()[1];
  return ConstantView::of(rhs) && matchMaps(op, c) && c.rhs == rhs && llvm::count(c.dims, 'k') != 0 &&
         cast<RankedTensorType>(rhs.getType()).getNumElements() != 0;
}

/// Every element of the result is one element of the columns and rows, and every index a sum of loops.
bool Selector::matchMaps(linalg::LinalgOp op, Candidate &c) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  c.lhs = op.getDpsInputs()[0];
  c.rhs = op.getDpsInputs()[1];
  c.lhsMap = maps[0];
  c.rhsMap = maps[1];
  c.initMap = maps[2];
  c.result = op->getResult(0);
  c.last = op;
  if (!c.initMap.isProjectedPermutation() || c.initMap.getNumResults() == 0 ||
      !llvm::all_of(c.lhsMap.getResults(), isLinear) || !llvm::all_of(c.rhsMap.getResults(), isLinear))
    return false;
  return chooseRoles(c);
}

/// A constant i8 tensor of weights in blocks, [n, block, i]: the body is acc + a * ((number - zero) * scale), where a
/// zero (which may be absent) and a scale belong to [n, block].
bool Selector::matchBlocks(linalg::LinalgOp op, Candidate &c) {
  unsigned inputs = op.getNumDpsInputs();
  if (!isa<linalg::GenericOp>(op) || (inputs != 3 && inputs != 4) || op.getNumDpsInits() != 1 ||
      !op.hasPureTensorSemantics() || op.getNumReductionLoops() != 2)
    return false;
  Block *body = op.getBlock();
  auto isArgument = [&](Value value, unsigned i) { return value == body->getArgument(i); };
  auto yield = cast<linalg::YieldOp>(body->getTerminator());
  auto sum = yield.getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum || !isArgument(sum.getLhs(), inputs))
    return false;
  auto product = sum.getRhs().getDefiningOp<arith::MulFOp>();
  auto scaled =
      product && isArgument(product.getLhs(), 0) ? product.getRhs().getDefiningOp<arith::MulFOp>() : arith::MulFOp();
  if (!scaled || !isArgument(scaled.getRhs(), 2))
    return false;
  Value number = scaled.getLhs();
  if (inputs == 4) {
    auto difference = number.getDefiningOp<arith::SubFOp>();
    if (!difference || !isArgument(difference.getRhs(), 3))
      return false;
    number = difference.getLhs();
  }
  auto real = number.getDefiningOp<arith::SIToFPOp>();
  SmallVector<Value> operands = op.getDpsInputs();
  if (!real || !isArgument(real.getIn(), 1) || !getElementTypeOrSelf(operands[1]).isInteger(8) ||
      !isF32Tensor(operands[0]) || !isF32Tensor(op->getResult(0)) ||
      !llvm::all_of(ArrayRef(operands).drop_front(2), isF32Tensor) ||
      !llvm::all_of(ArrayRef(operands).drop_front(), [](Value value) { return ConstantView::of(value).has_value(); }))
    return false;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  c.lhs = operands[0], c.rhs = operands[1], c.scales = operands[2], c.zeros = inputs == 4 ? operands[3] : Value();
  c.lhsMap = maps[0], c.rhsMap = maps[1], c.initMap = maps.back();
  c.result = op->getResult(0);
  c.last = op;
  if (c.rhsMap.getNumResults() != 3 || !c.initMap.isProjectedPermutation() || c.initMap.getNumResults() == 0 ||
      !c.lhsMap.isProjectedPermutation() || maps[2] != c.rhsMap.getMajorSubMap(2) ||
      (inputs == 4 && maps[3] != maps[2]) || ConstantView::of(c.rhs)->shape[2] % 4 != 0)
    return false;
  Value rhs = c.rhs;
  if (!chooseRoles(c) || c.rhs != rhs || llvm::count(c.dims, 'b') != 0)
    return false;
  // Columns, blocks and numbers of a block, in this order.
  unsigned n = c.dims.find('n');
  return c.rhsMap == AffineMap::getMultiDimIdentityMap(c.dims.size(), op.getContext()).getMinorSubMap(3) &&
         n + 3 == c.dims.size();
}

/// Gives every dimension its role and brings them into the kernel's order. The columns are the innermost dimension of
/// the result; the operand that has them is the one to be packed.
bool Selector::chooseRoles(Candidate &c) {
  unsigned count = c.initMap.getNumDims();
  unsigned n = cast<AffineDimExpr>(c.initMap.getResults().back()).getPosition();
  if (!uses(c.rhsMap, n) || uses(c.lhsMap, n)) {
    std::swap(c.lhs, c.rhs);
    std::swap(c.lhsMap, c.rhsMap);
  }
  if (!uses(c.rhsMap, n) || uses(c.lhsMap, n) || !c.rhsMap.isProjectedPermutation())
    return false;
  readThroughTransposes(c.lhs, c.lhsMap);
  if (!ConstantView::of(c.rhs))
    readThroughTransposes(c.rhs, c.rhsMap);

  SmallVector<unsigned> batch, rows, reduced;
  auto place = [](AffineMap map, unsigned dim) {
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (expr.isFunctionOfDim(dim))
        return unsigned(i);
    return map.getNumResults();
  };
  for (unsigned d = 0; d < count; ++d) {
    bool inLhs = uses(c.lhsMap, d), inRhs = uses(c.rhsMap, d), inInit = uses(c.initMap, d);
    if (d == n)
      continue;
    if (!inInit && inLhs && inRhs)
      reduced.push_back(d);
    else if (inInit && inRhs)
      batch.push_back(d);
    else if (inInit && inLhs)
      rows.push_back(d);
    else
      return false;
  }
  auto by = [&](AffineMap map) { return [=](unsigned a, unsigned b) { return place(map, a) < place(map, b); }; };
  llvm::stable_sort(batch, by(c.initMap));
  llvm::stable_sort(rows, by(c.initMap));
  llvm::stable_sort(reduced, by(c.lhsMap));
  SmallVector<AffineExpr> renamed(count);
  c.dims.clear();
  auto number = [&](unsigned d, char role) {
    renamed[d] = getAffineDimExpr(c.dims.size(), c.initMap.getContext());
    c.dims += role;
  };
  for (unsigned d : batch)
    number(d, 'b');
  for (unsigned d : rows)
    number(d, 'm');
  number(n, 'n');
  for (unsigned d : reduced)
    number(d, 'k');
  for (AffineMap *map : {&c.lhsMap, &c.rhsMap, &c.initMap})
    *map = map->replaceDimsAndSymbols(renamed, {}, count, 0);
  return true;
}

/// expand_shape of rows: the kernel works on the expanded rows, so that what follows can join it.
bool Selector::splitRows(Candidate &c, tensor::ExpandShapeOp expand) {
  if (!c.extras.empty() || !c.epilogue.front().empty() || c.dims.find('m') == std::string::npos)
    return false;
  SmallVector<ReassociationIndices> groups = expand.getReassociationIndices();
  // Only the rows' outermost dimension may be split, and lhs must have it as a dimension of its own.
  unsigned m = c.dims.find('m'), split = ~0u;
  for (auto [i, group] : llvm::enumerate(groups))
    if (group.size() > 1) {
      if (split != ~0u || c.initMap.getDimPosition(i) != m)
        return false;
      split = i;
    }
  if (split == ~0u)
    return false;
  unsigned lhsPosition = ~0u;
  for (auto [i, expr] : llvm::enumerate(c.lhsMap.getResults()))
    if (expr.isFunctionOfDim(m)) {
      if (!isa<AffineDimExpr>(expr) || lhsPosition != ~0u)
        return false;
      lhsPosition = i;
    }
  unsigned parts = groups[split].size(), extraDims = parts - 1;
  // Dimensions after m move up.
  MLIRContext *context = expand.getContext();
  SmallVector<AffineExpr> renamed;
  for (unsigned d = 0; d < c.dims.size(); ++d)
    renamed.push_back(getAffineDimExpr(d > m ? d + extraDims : d, context));
  auto widen = [&](AffineMap map, std::optional<unsigned> position) {
    SmallVector<AffineExpr> exprs;
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      if (position && *position == i)
        for (unsigned p = 0; p < parts; ++p)
          exprs.push_back(getAffineDimExpr(m + p, context));
      else
        exprs.push_back(expr.replaceDims(renamed));
    }
    return AffineMap::get(c.dims.size() + extraDims, 0, exprs, context);
  };
  OpBuilder b(expand);
  auto lhsType = cast<RankedTensorType>(c.lhs.getType());
  SmallVector<ReassociationIndices> lhsGroups;
  SmallVector<int64_t> lhsShape;
  SmallVector<OpFoldResult> lhsSizes, given = expand.getMixedOutputShape();
  SmallVector<OpFoldResult> old = tensor::getMixedSizes(b, expand.getLoc(), c.lhs);
  for (unsigned i = 0; i < lhsType.getRank(); ++i) {
    ReassociationIndices &group = lhsGroups.emplace_back();
    if (i != lhsPosition) {
      group.push_back(lhsShape.size());
      lhsShape.push_back(lhsType.getDimSize(i));
      lhsSizes.push_back(old[i]);
      continue;
    }
    for (int64_t d : groups[split]) {
      group.push_back(lhsShape.size());
      lhsShape.push_back(expand.getResultType().getDimSize(d));
      lhsSizes.push_back(given[d]);
    }
  }
  c.lhs = tensor::ExpandShapeOp::create(b, expand.getLoc(), RankedTensorType::get(lhsShape, lhsType.getElementType()),
                                        c.lhs, lhsGroups, lhsSizes);
  c.lhsMap = widen(c.lhsMap, lhsPosition);
  c.rhsMap = widen(c.rhsMap, std::nullopt);
  c.initMap = widen(c.initMap, split);
  c.dims.insert(m, extraDims, 'm');
  c.destination = tensor::EmptyOp::create(b, expand.getLoc(), given, expand.getResultType().getElementType());
  c.absorbed.push_back(c.last);
  c.last = expand;
  c.result = expand.getResult();
  return true;
}

/// A transpose of the result: the kernel writes its elements to where they go, as long as columns stay contiguous.
bool Selector::takeTranspose(Candidate &c, linalg::TransposeOp transpose) {
  if (transpose.getInput() != c.result || !transpose.getInit().getDefiningOp<tensor::EmptyOp>())
    return false;
  SmallVector<AffineExpr> exprs;
  for (int64_t from : transpose.getPermutation())
    exprs.push_back(c.initMap.getResult(from));
  if (exprs.back() != c.initMap.getResults().back())
    return false; // columns must stay contiguous
  c.initMap = AffineMap::get(c.initMap.getNumDims(), 0, exprs, transpose.getContext());
  c.destination = transpose.getInit();
  c.absorbed.push_back(c.last);
  c.last = transpose;
  c.result = transpose->getResult(0);
  return true;
}

/// An elementwise operation on the result becomes part of the epilogue.
bool Selector::takeElementwise(Candidate &c, linalg::GenericOp generic) {
  if (generic.getNumDpsInits() != 1 || generic.getNumResults() != 1 || !fitsEpilogue(generic.getResult(0)) ||
      generic.getNumParallelLoops() != generic.getNumLoops() || generic.getNumLoops() != c.initMap.getNumResults())
    return false;
  Block &body = *generic.getBody();
  if (!body.getArguments().back().use_empty() || generic.getDpsInits()[0] == c.result)
    return false;
  for (Operation &op : body.without_terminator()) {
    if (!isa<arith::ConstantOp>(op) && (!OpTrait::hasElementwiseMappableTraits(&op) || op.getNumRegions()))
      return false;
    for (Value operand : op.getOperands())
      if (operand.getParentBlock() != &body && !operand.getDefiningOp<arith::ConstantOp>())
        return false;
  }
  Value yielded = body.getTerminator()->getOperand(0);
  if (yielded.getParentBlock() != &body && !yielded.getDefiningOp<arith::ConstantOp>())
    return false;
  SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
  if (!maps.back().isPermutation())
    return false;
  // The kernel's dimension that each loop of the generic walks.
  std::optional<AffineMap> through;
  for (auto [i, input] : llvm::enumerate(generic.getInputs()))
    if (input == c.result) {
      if (!maps[i].isPermutation() || (through && *through != maps[i]))
        return false;
      through = maps[i];
    }
  if (!through)
    return false;
  SmallVector<AffineExpr> walked(generic.getNumLoops());
  for (unsigned i = 0; i < through->getNumResults(); ++i)
    walked[through->getDimPosition(i)] = c.initMap.getResult(i);
  auto translate = [&](AffineMap map) { return map.replaceDimsAndSymbols(walked, {}, c.initMap.getNumDims(), 0); };

  AffineExpr column = c.initMap.getResults().back();
  AffineMap newInit = translate(maps.back());
  if (newInit.getResults().back() != column)
    return false;
  SmallVector<Value> values;
  SmallVector<AffineMap> valueMaps;
  for (auto [i, input] : llvm::enumerate(generic.getInputs())) {
    Value value = input;
    AffineMap map = maps[i];
    if (input != c.result) {
      if (!fitsEpilogue(input) || !map.isProjectedPermutation(/*allowZeroInResults=*/true))
        return false;
      map = translate(map);
      readThroughTransposes(value, map);
      OpBuilder b(generic);
      dropUnitDims(b, value, map);
      if (map.isFunctionOfDim(cast<AffineDimExpr>(column).getPosition()) && map.getResults().back() != column)
        return false;
    }
    values.push_back(value);
    valueMaps.push_back(map);
  }

  Block &epilogue = c.epilogue.front();
  OpBuilder b(generic.getContext());
  b.setInsertionPointToEnd(&epilogue);
  Value current = epilogue.empty() ? Value(epilogue.getArgument(0)) : epilogue.back().getOperand(0);
  if (!epilogue.empty())
    epilogue.back().erase();
  IRMapping mapping;
  for (auto [i, value] : llvm::enumerate(values)) {
    if (value == c.result) {
      mapping.map(body.getArgument(i), current);
      continue;
    }
    addExtra(c, value, valueMaps[i]);
    mapping.map(body.getArgument(i), epilogue.getArguments().back());
  }
  auto bring = [&](Value value) { // constants from outside
    if (value.getParentBlock() != &body && !mapping.contains(value))
      b.clone(*value.getDefiningOp(), mapping);
  };
  for (Operation &op : body.without_terminator()) {
    for (Value operand : op.getOperands())
      bring(operand);
    b.clone(op, mapping);
  }
  bring(yielded);
  YieldOp::create(b, generic.getLoc(), mapping.lookup(yielded));
  c.initMap = newInit;
  if (generic.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>()) {
    c.destination = generic.getDpsInits()[0];
  } else {
    OpBuilder at(generic);
    c.destination = makeEmpty(at, generic.getLoc(), generic.getDpsInits()[0]);
  }
  c.absorbed.push_back(c.last);
  c.last = generic;
  c.result = generic.getResult(0);
  ++fused;
  return true;
}

void Selector::fuseConsumers(Candidate &c) {
  while (!c.result.use_empty()) {
    Operation *user = *c.result.getUsers().begin();
    if (!llvm::all_equal(c.result.getUsers()) || user->getBlock() != c.last->getBlock())
      return;
    bool taken = false;
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(user))
      taken = splitRows(c, expand);
    else if (auto transpose = dyn_cast<linalg::TransposeOp>(user))
      taken = takeTranspose(c, transpose);
    else if (auto generic = dyn_cast<linalg::GenericOp>(user))
      taken = takeElementwise(c, generic);
    if (!taken)
      return;
  }
}

/// The packed right side: a constant is packed now, anything else at run time.
Value Selector::makeRhs(OpBuilder &b, Location loc, Candidate &c) {
  // (b, n, k) without the rows.
  SmallVector<unsigned> kept;
  unsigned batchDims = 0;
  for (unsigned d = 0; d < c.dims.size(); ++d)
    if (c.dims[d] != 'm') {
      kept.push_back(d);
      batchDims += c.dims[d] == 'b';
    }
  SmallVector<AffineExpr> renamed(c.dims.size(), b.getAffineConstantExpr(0));
  for (auto [i, d] : llvm::enumerate(kept))
    renamed[d] = b.getAffineDimExpr(i);
  AffineMap map = c.rhsMap.replaceDimsAndSymbols(renamed, {}, kept.size(), 0);
  auto type = cast<RankedTensorType>(c.rhs.getType());
  if (auto view = ConstantView::of(c.rhs)) {
    SmallVector<int64_t> sizes(kept.size());
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      sizes[cast<AffineDimExpr>(expr).getPosition()] = type.getDimSize(i);
    ElementsAttr packedConstant = c.isBytes ? packBytes(*view, map, sizes, batchDims, lanes)
                                            : packConstant(*view, map, sizes, batchDims, lanes, half);
    if (room.take(packedConstant) || c.isBytes) {
      c.reducedSizes.assign(sizes.begin() + batchDims + 1, sizes.end());
      ++packed;
      return arith::ConstantOp::create(b, loc, cast<TypedAttr>(packedConstant));
    }
  }
  SmallVector<OpFoldResult> sizes(kept.size());
  SmallVector<OpFoldResult> old = tensor::getMixedSizes(b, loc, c.rhs);
  for (auto [i, expr] : llvm::enumerate(map.getResults()))
    sizes[cast<AffineDimExpr>(expr).getPosition()] = old[i];
  sizes[batchDims] =
      affine::makeComposedFoldedAffineApply(b, loc, b.getAffineDimExpr(0).ceilDiv(lanes), {sizes[batchDims]});
  sizes.push_back(b.getIndexAttr(lanes));
  Value empty = tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
  return PackOp::create(b, loc, TypeRange(empty.getType()), c.rhs, empty, b.getI64IntegerAttr(batchDims),
                        AffineMapAttr::get(map))
      .getResult(0);
}

Value Selector::makeBlocks(OpBuilder &b, Location loc, Candidate &c, IntegerAttr &bits) {
  ConstantView numbers = *ConstantView::of(c.rhs), scales = *ConstantView::of(c.scales);
  std::optional<ConstantView> zeros = c.zeros ? ConstantView::of(c.zeros) : std::nullopt;
  int64_t width;
  ElementsAttr blocks = packBlocks(numbers, scales, zeros ? &*zeros : nullptr, lanes, width);
  bits = b.getI64IntegerAttr(width);
  room.take(blocks);
  ++packed;
  return arith::ConstantOp::create(b, loc, cast<TypedAttr>(blocks));
}

/// Puts the kernel in the place of what it computes.
void Selector::finish(Candidate &c, Operation *kernel) {
  if (!c.epilogue.front().empty())
    kernel->getRegion(0).takeBody(c.epilogue);
  c.result.replaceAllUsesWith(kernel->getResults().back());
  c.last->erase();
  for (Operation *op : llvm::reverse(c.absorbed))
    op->erase();
}

bool Selector::selectDepthwise(linalg::DepthwiseConv2DNhwcHwcOp op) {
  Candidate c;
  Value filter = op.getInputs()[1];
  Type weight = getElementTypeOrSelf(filter);
  c.isBytes = getElementTypeOrSelf(op.getInputs()[0]).isInteger(8) && (weight.isInteger(8) || weight.isInteger(16)) &&
              getElementTypeOrSelf(op->getResult(0)).isInteger(32);
  if ((!c.isBytes && !llvm::all_of(op->getOperands(), isF32Tensor)) ||
      !cast<ShapedType>(filter.getType()).hasStaticShape())
    return false;
  OpBuilder b(op);
  c.initMap = b.getMultiDimIdentityMap(4);
  c.dims = "mmmn";
  c.result = op->getResult(0);
  c.last = op;
  c.epilogue.emplaceBlock().addArgument(getElementTypeOrSelf(op->getResult(0)), op.getLoc());
  Value init = op.getOutputs()[0];
  c.destination = makeDestination(b, op.getLoc(), init);
  if (!isZero(init)) {
    addInit(c, init);
  }
  // Transposed or taken with another element, the kernel's own maps would change.
  while (!c.result.use_empty()) {
    Operation *user = *c.result.getUsers().begin();
    auto generic = dyn_cast<linalg::GenericOp>(user);
    if (!generic || !llvm::all_equal(c.result.getUsers()) || generic->getBlock() != c.last->getBlock() ||
        !llvm::all_of(generic.getIndexingMapsArray(), [&](AffineMap map) { return map.getNumDims() == 4; }) ||
        !generic.getIndexingMapsArray().back().isIdentity() ||
        !llvm::all_of(llvm::enumerate(generic.getInputs()),
                      [&](auto input) {
                        return input.value() != c.result || generic.getIndexingMapsArray()[input.index()].isIdentity();
                      }) ||
        !takeElementwise(c, generic))
      break;
  }
  b.setInsertionPoint(c.last);
  if (auto view = ConstantView::of(filter)) {
    filter = arith::ConstantOp::create(b, op.getLoc(), cast<TypedAttr>(view->asAttribute()));
  }
  auto values = [](DenseIntElementsAttr attribute) { return llvm::to_vector(attribute.getValues<int64_t>()); };
  auto kernel =
      DepthwiseOp::create(b, op.getLoc(), TypeRange(c.destination.getType()), op.getInputs()[0], filter, c.extras,
                          c.destination, b.getDenseI64ArrayAttr(values(op.getStrides())),
                          b.getDenseI64ArrayAttr(values(op.getDilations())), b.getAffineMapArrayAttr(c.extraMaps));
  finish(c, kernel);
  return true;
}

/// Whether `c` is a 3x3 convolution of stride 1 that has enough to do for the transforms to pay.
bool Selector::prefersWinograd(const Candidate &c, Value packed) {
  MLIRContext *context = c.initMap.getContext();
  SmallVector<AffineExpr> d;
  for (unsigned i = 0; i < 7; ++i)
    d.push_back(getAffineDimExpr(i, context));
  if (c.isBytes || c.dims != "mmmnkkk" ||
      c.lhsMap != AffineMap::get(7, 0, {d[0], d[1] + d[4], d[2] + d[5], d[6]}, context) ||
      c.initMap != AffineMap::get(7, 0, {d[0], d[1], d[2], d[3]}, context))
    return false;
  ArrayRef<int64_t> filter = cast<ShapedType>(packed.getType()).getShape(); // P x 3 x 3 x C x V
  ArrayRef<int64_t> init = cast<ShapedType>(c.destination.getType()).getShape();
  if (ShapedType::isDynamicShape(filter) || filter[1] != 3 || filter[2] != 3 || ShapedType::isDynamic(init[3]))
    return false;
  constexpr int64_t leastChannels = 32, leastTiles = 40, likelySize = 16;
  auto known = [](int64_t size, double likely) { return ShapedType::isDynamic(size) ? likely : double(size); };
  double tiles =
      known(init[0], 1) * std::ceil(known(init[1], likelySize) / 2) * std::ceil(known(init[2], likelySize) / 2);
  return filter[3] >= leastChannels && init[3] >= leastChannels && tiles >= leastTiles;
}

/// Outputs of a tile along each side, for results of these sizes: those that take fewer multiplications, unless the
/// difference is small.
static int64_t chooseWinogradTile(ArrayRef<int64_t> sizes) {
  auto multiplications = [&](int64_t tile) {
    double points = (tile + 2) * (tile + 2);
    for (int64_t size : sizes.slice(1, 2))
      points *= ShapedType::isDynamic(size) ? 1.0 / tile : llvm::divideCeil(size, tile);
    return points;
  };
  return multiplications(4) < 0.7 * multiplications(2) ? 4 : 2;
}

Operation *Selector::createWinograd(OpBuilder &b, Location loc, Candidate &c, Value packed) {
  ArrayRef<int64_t> panels = cast<ShapedType>(packed.getType()).getShape();
  ArrayRef<int64_t> init = cast<ShapedType>(c.destination.getType()).getShape();
  Type f32 = b.getF32Type();
  int64_t tile = chooseWinogradTile(init);
  WinogradBlocks blocks(tile, init[1], init[2], panels[3], init[3], panels[4]);
  Value filter = packed;
  if (!blocks.transformsFilter) {
    filter = tensor::EmptyOp::create(b, loc, {blocks.points, panels[0], panels[3], panels[4]}, f32);
    filter = WinogradFilterOp::create(b, loc, TypeRange(filter.getType()), packed, filter).getResult(0);
  }
  int64_t tasks = blocks.mostTasks;
  if (!ShapedType::isDynamicShape(init))
    if (int64_t items = init[0] * blocks.blocks * blocks.splits; items > 0)
      tasks = llvm::divideCeil(items, llvm::divideCeil(items, tasks));
  Value scratch =
      tensor::EmptyOp::create(b, loc, {tasks, blocks.pixelFloats + blocks.sumFloats + blocks.filterFloats}, f32);
  SmallVector<AffineMap> maps;
  for (AffineMap map : c.extraMaps) // without the reduced dimensions
    maps.push_back(AffineMap::get(4, 0, map.getResults(), b.getContext()));
  return WinogradOp::create(b, loc, SmallVector<Type>{scratch.getType(), c.destination.getType()}, c.lhs, filter,
                            c.extras, scratch, c.destination, b.getI64IntegerAttr(tile), b.getAffineMapArrayAttr(maps));
}

bool Selector::select(linalg::LinalgOp op) {
  if (auto depthwise = dyn_cast<linalg::DepthwiseConv2DNhwcHwcOp>(op.getOperation()))
    return selectDepthwise(depthwise);
  Candidate c;
  if (!matchProduct(op, c) && !matchBlocks(op, c) && !matchBytes(op, c))
    return false;
  if ((c.scales || c.isBytes) && !room.hasRoomFor(cast<RankedTensorType>(c.rhs.getType()))) // which the run can't pack
    return false;
  OpBuilder b(op);
  Value init = op.getDpsInits()[0];
  c.destination = makeDestination(b, op.getLoc(), init);
  c.epilogue.emplaceBlock().addArgument(getElementTypeOrSelf(init), op.getLoc());
  if (!isZero(init)) {
    addInit(c, init);
  }
  fuseConsumers(c);
  b.setInsertionPoint(c.last);
  IntegerAttr bits;
  Value rhs = c.scales ? makeBlocks(b, op.getLoc(), c, bits) : makeRhs(b, op.getLoc(), c);
  if (winograd && prefersWinograd(c, rhs)) {
    finish(c, createWinograd(b, op.getLoc(), c, rhs));
    return true;
  }
  SmallVector<AffineMap> maps = {c.lhsMap, c.initMap};
  llvm::append_range(maps, c.extraMaps);
  auto kernel = ContractOp::create(b, op.getLoc(), TypeRange(c.destination.getType()), c.lhs, rhs, c.extras,
                                   c.destination, b.getStringAttr(c.dims), b.getAffineMapArrayAttr(maps), bits,
                                   c.isBytes ? b.getDenseI64ArrayAttr(c.reducedSizes) : DenseI64ArrayAttr(),
                                   c.isUnsigned ? b.getUnitAttr() : UnitAttr());
  finish(c, kernel);
  return true;
}

struct SelectKernels : onnxc::impl::SelectKernelsBase<SelectKernels> {
  using SelectKernelsBase::SelectKernelsBase;

  void runOnOperation() override {
    Selector selector(getOperation(), lanes, winograd, half);
    SmallVector<linalg::LinalgOp> candidates;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.getNumReductionLoops() > 0)
        candidates.push_back(op);
    });
    for (linalg::LinalgOp op : candidates)
      selected += selector.select(op);
    fused = selector.fused;
    packed = selector.packed;
    writeIntoPaddedBuffers();
    eraseDead();
  }

  /// pad(x) becomes a buffer with a constant border into whose inside x is inserted: empty-tensor elimination then lets
  /// the operation that computes x write there, and no element is copied.
  void writeIntoPaddedBuffers() {
    SmallVector<std::pair<tensor::PadOp, TypedAttr>> pads;
    getOperation().walk([&](tensor::PadOp pad) {
      Value padding = pad.getConstantPaddingValue();
      constexpr int64_t most = int64_t(1) << 48; // beyond all memory
      auto positive = [](ArrayRef<int64_t> sizes) {
        return llvm::all_of(sizes, [](int64_t n) { return n >= 0 && n <= most; });
      };
      TypedAttr value;
      if (pad.getType().getRank() > 0 && padding && matchPattern(padding, m_Constant(&value)) &&
          positive(pad.getStaticLow()) && positive(pad.getStaticHigh()))
        pads.push_back({pad, value});
    });
    for (auto [pad, value] : pads) {
      Value source = pad.getSource();
      // The buffer must exist before x is computed; x's destination tells its sizes.
      OpBuilder b(pad);
      Value like = source;
      if (auto producer = source.getDefiningOp<DestinationStyleOpInterface>())
        if (producer->getBlock() == pad->getBlock()) {
          b.setInsertionPoint(producer);
          like = producer.getTiedOpOperand(cast<OpResult>(source))->get();
        }
      Location loc = pad.getLoc();
      SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, like), padded, low = pad.getMixedLowPad(), one;
      if (auto empty = like.getDefiningOp<tensor::EmptyOp>())
        sizes = empty.getMixedSizes();
      for (auto [i, size] : llvm::enumerate(sizes))
        padded.push_back(affine::makeComposedFoldedAffineApply(
            b, loc, b.getAffineDimExpr(0) + (pad.getStaticLow()[i] + pad.getStaticHigh()[i]), {size}));
      Value buffer = tensor::EmptyOp::create(b, loc, padded, pad.getType().getElementType());
      if (llvm::is_contained(pad.getSourceType().getShape(), 0)) { // nothing inside
        Value border = arith::ConstantOp::create(b, loc, value);
        pad.replaceAllUsesWith(linalg::FillOp::create(b, loc, border, buffer).getResult(0));
        pad.erase();
        continue;
      }
      one.assign(sizes.size(), b.getIndexAttr(1));
      Value bordered = FillBorderOp::create(b, loc, TypeRange(buffer.getType()), buffer, value, pad.getStaticLow(),
                                            pad.getStaticHigh())
                           .getResult(0);
      b.setInsertionPoint(pad);
      Value result = tensor::InsertSliceOp::create(b, loc, source, bordered, low, sizes, one);
      if (result.getType() != pad.getType())
        result = tensor::CastOp::create(b, loc, pad.getType(), result);
      pad.replaceAllUsesWith(result);
      pad.erase();
    }
  }

  void eraseDead() {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody())
        for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
          if (isOpTriviallyDead(&op))
            op.erase();
  }
};
} // namespace
