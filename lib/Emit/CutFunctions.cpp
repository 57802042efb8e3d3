//===- lib/Emit/CutFunctions.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Long functions become several. See CutFunctions.h.
//
// The main function of a model runs one node after the other: a chain of blocks, with loops and early returns. It can
// be cut before each block that all paths lead through, but for those that return.
#include "lib/Emit/CutFunctions.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Analysis/CaptureTracking.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/CodeExtractor.h"

using namespace llvm;

/// A piece has at least this many instructions, and more only as far as a loop is longer.
static constexpr unsigned kPiece = 500;
/// Beyond this many instructions a function is one that runs a graph of thousands of small nodes, each once: to unroll
/// its loops costs minutes and gains nothing.
static constexpr unsigned kLarge = 20'000;

namespace {
using Blocks = SmallVector<BasicBlock *>;

bool returns(const BasicBlock &block) { return isa<ReturnInst>(block.getTerminator()); }

/// Pieces of the function, each of which begins with the only one of its blocks that is reached from outside. Not in
/// them are the blocks that return, the beginning of the function up to the first place to cut, and a rest shorter than
/// a piece.
SmallVector<Blocks> findPieces(Function &function) {
  Blocks order;
  DenseMap<const BasicBlock *, unsigned> positions;
  for (BasicBlock &block : function)
    if (!returns(block)) {
      positions[&block] = order.size();
      order.push_back(&block);
    }
  // For each block, how many edges pass it by, or make it the start of a loop: sums over where they begin and end.
  SmallVector<int> passing(order.size() + 1);
  for (auto [from, block] : enumerate(order))
    for (BasicBlock *next : successors(block))
      if (auto at = positions.find(next); at != positions.end()) {
        unsigned to = at->second;
        bool isBack = to <= from;
        ++passing[isBack ? to : from + 1];
        --passing[isBack ? from + 1 : to];
      }
  SmallVector<Blocks> pieces;
  Blocks piece;
  uint64_t size = 0;
  int edges = passing[0];
  for (auto [i, block] : drop_begin(enumerate(order))) {
    edges += passing[i];
    if (edges == 0 && (size >= kPiece || piece.empty())) {
      if (!piece.empty())
        pieces.push_back(std::exchange(piece, {}));
      size = 0;
    } else if (piece.empty()) {
      continue;
    }
    piece.push_back(block);
    size += block->size();
  }
  return pieces;
}

/// Whether it is as well computed once more as passed on: addresses at fixed distances, numbers of another width.
bool isCheap(const Value *value) {
  if (auto *address = dyn_cast<GetElementPtrInst>(value))
    return address->hasAllConstantIndices();
  return isa<CastInst>(value);
}

/// Gives a piece what it uses from before it and can have for itself: copies of what is cheap, so that LLVM sees how
/// addresses are related, and the memory that nobody else uses. (A value that a call makes may be named by memory that
/// others read: it stays where it lives as long as they.)
void moveIn(const Blocks &piece) {
  DenseSet<const BasicBlock *> inside(piece.begin(), piece.end());
  auto isInside = [&](const User *user) { return inside.contains(cast<Instruction>(user)->getParent()); };
  DenseMap<Value *, Instruction *> copies;
  SmallVector<Instruction *> originals;
  auto start = piece.front()->getFirstInsertionPt();
  auto copy = [&](auto &self, Value *value) -> Instruction * {
    auto *instruction = dyn_cast<Instruction>(value);
    if (!instruction || inside.contains(instruction->getParent()) || !isCheap(instruction))
      return nullptr;
    if (Instruction *known = copies.lookup(instruction))
      return known;
    Instruction *made = instruction->clone();
    for (Use &operand : made->operands())
      if (Instruction *own = self(self, operand))
        operand.set(own);
    made->insertBefore(*piece.front(), start);
    copies[instruction] = made;
    originals.push_back(instruction);
    return made;
  };
  for (BasicBlock *block : piece)
    for (Instruction &instruction : *block)
      for (Use &operand : instruction.operands()) {
        auto *phi = dyn_cast<PHINode>(&instruction);
        if (phi && !inside.contains(phi->getIncomingBlock(operand)))
          continue; // comes with the edge into the piece
        if (Instruction *own = copy(copy, operand))
          operand.set(own);
      }
  for (Instruction *original : reverse(originals)) // users first
    if (original->use_empty())
      original->eraseFromParent();
  SetVector<AllocaInst *> memory;
  for (BasicBlock *block : piece)
    for (Instruction &instruction : *block)
      for (Value *operand : instruction.operands())
        if (auto *alloca = dyn_cast<AllocaInst>(operand); alloca && !inside.contains(alloca->getParent()))
          memory.insert(alloca);
  for (AllocaInst *alloca : memory)
    if (alloca->isStaticAlloca() && all_of(alloca->users(), isInside) && !PointerMayBeCaptured(alloca, true))
      alloca->moveBefore(*piece.front(), piece.front()->getFirstInsertionPt());
}

void extract(const CodeExtractorAnalysisCache &cache, const Blocks &piece, const Twine &name) {
  moveIn(piece);
  CodeExtractor extractor(piece, /*DT=*/nullptr, /*AggregateArgs=*/false, /*BFI=*/nullptr, /*BPI=*/nullptr,
                          /*AC=*/nullptr, /*AllowVarArgs=*/false, /*AllowAlloca=*/true);
  Function *made = extractor.extractCodeRegion(cache);
  if (!made)
    return;
  made->setName(name);
  made->addFnAttr(Attribute::NoInline);
  BasicBlock &entry = made->getEntryBlock();
  for (Instruction &instruction : make_early_inc_range(*entry.getSingleSuccessor()))
    if (auto *alloca = dyn_cast<AllocaInst>(&instruction))
      alloca->moveBefore(entry, entry.begin());
}
} // namespace

void onnxc::cutFunctions(Module &module) {
  SmallVector<Function *> longOnes;
  // Of the arguments of a task it is known that they do not overlap, which pieces would forget.
  auto knowsArguments = [](const Function &function) {
    return any_of(function.args(), [](const Argument &argument) { return argument.hasNoAliasAttr(); });
  };
  for (Function &function : module)
    if (unsigned count = function.getInstructionCount(); count > 2 * kPiece && !knowsArguments(function)) {
      if (count > kLarge)
        function.addFnAttr(Attribute::OptimizeForSize); // which its pieces have, too
      longOnes.push_back(&function);
    }
  for (Function *function : longOnes) {
    CodeExtractorAnalysisCache cache(*function);
    for (auto [i, piece] : enumerate(findPieces(*function)))
      extract(cache, piece, function->getName() + "_piece_" + Twine(i));
  }
}
